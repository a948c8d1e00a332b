//! Profiles: what becomes of the pods and custom resources that a selector matches.

use crate::object;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What becomes of the objects that a selector matches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Which objects. Default: all pods.
    #[serde(default)]
    pub selector: Selector,
    /// What becomes of them.
    pub outcome: Outcome,
    /// The time until the outcome begins (a duration such as `5s` or `1m30s`). Default: the cluster's start delay.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration")]
    #[schemars(with = "Option<String>")]
    pub start_delay: Option<Duration>,
}

/// Selects pods (or, with `kind`, custom resources). All fields that are given must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Selector {
    /// Glob for a container's image (`*` is any text, `/` included; `?` one character): `btoll/*:1.0.?`. The outcome
    /// then holds for the matching containers of a pod alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Labels that the object has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Glob for the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Glob for the object's name. For a pod, the name of the Deployment, StatefulSet, DaemonSet, Job or CronJob that
    /// it belongs to matches too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of a custom resource (`Certificate`). Without it, the profile is about pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The API group of that kind (`cert-manager.io`). Default: any group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What becomes of a pod's containers, or of a custom resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Outcome {
    /// Containers run and become ready. A custom resource gets the condition Ready=True.
    Ready,
    /// Containers run, but never become ready. A custom resource gets the condition Ready=False.
    NeverReady,
    /// The image cannot be pulled.
    ImagePullBackOff,
    /// Each start ends with exit code 1; the pauses between the restarts double from 10 s to 5 minutes.
    CrashLoop,
    /// As `crashLoop`, but killed for its memory: exit code 137, reason OOMKilled.
    Oom,
    /// Each start fails (exit code 1) with this probability.
    Flaky {
        /// The probability in percent, 0 to 100.
        percent: u8,
    },
    /// Runs ready, and is evicted from its node after this time.
    Evict {
        /// A duration such as `10m`, counted from the start of the container.
        #[serde(with = "required_duration")]
        #[schemars(with = "String")]
        after: Duration,
    },
    /// Ends with exit code 0 after its run time, as the containers of Jobs do by default.
    JobSuccess,
    /// Ends with exit code 1.
    JobFail {
        /// How many attempts of the Job fail before one succeeds. Default: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<u32>,
    },
}

/// A profile that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A custom resource was given an outcome that only containers can have.
    #[error("give the custom resource {kind} the outcome {outcome}: only ready and neverReady apply to it")]
    NotForCustomResources {
        /// The selected kind.
        kind: String,
        /// The outcome.
        outcome: String,
    },
    /// `image` was given together with `kind`.
    #[error("select {kind} by image: custom resources have none")]
    ImageOfCustomResource {
        /// The selected kind.
        kind: String,
    },
    /// `group` was given without `kind`.
    #[error("select by group {group} without a kind")]
    GroupWithoutKind {
        /// The group.
        group: String,
    },
    /// A probability over 100.
    #[error("use a probability of {0} percent: it must be 0 to 100")]
    Percent(u8),
}

impl Profile {
    /// Whether the profile makes sense as a whole.
    ///
    /// # Errors
    /// [`ProfileError`] names the contradiction.
    pub fn validate(&self) -> Result<(), ProfileError> {
        if let Outcome::Flaky { percent } = self.outcome
            && percent > 100
        {
            return Err(ProfileError::Percent(percent));
        }
        match (&self.selector.kind, &self.selector.group) {
            (None, Some(group)) => Err(ProfileError::GroupWithoutKind { group: group.clone() }),
            (None, None) => Ok(()),
            (Some(kind), _) if self.selector.image.is_some() => {
                Err(ProfileError::ImageOfCustomResource { kind: kind.clone() })
            }
            (Some(kind), _) if !matches!(self.outcome, Outcome::Ready | Outcome::NeverReady) => {
                Err(ProfileError::NotForCustomResources {
                    kind: kind.clone(),
                    outcome: format!("{:?}", self.outcome),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Selector {
    /// Whether the pod's container with this image is meant. `owners` are the names of the objects above the pod.
    pub(crate) fn matches_container(&self, pod: &Value, owners: &[String], image: &str) -> bool {
        self.kind.is_none()
            && self.image.as_ref().is_none_or(|pattern| glob(pattern, image))
            && self.matches_metadata(pod, owners)
    }

    /// Whether the custom resource is meant.
    pub(crate) fn matches_resource(&self, group: &str, kind: &str, resource: &Value) -> bool {
        self.selects_kind(group, kind) && self.matches_metadata(resource, &[])
    }

    /// Whether resources of this kind can be meant.
    pub(crate) fn selects_kind(&self, group: &str, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind) && self.group.as_ref().is_none_or(|g| g == group)
    }

    fn matches_metadata(&self, object: &Value, owners: &[String]) -> bool {
        let name = object::name(object);
        self.namespace.as_ref().is_none_or(|pattern| glob(pattern, object::namespace(object)))
            && self
                .name
                .as_ref()
                .is_none_or(|pattern| glob(pattern, name) || owners.iter().any(|owner| glob(pattern, owner)))
            && self.labels.iter().all(|(key, value)| object::label(object, key) == Some(value))
    }
}

/// Whether `text` matches `pattern`, where `*` stands for any text and `?` for one character.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one character further in the text.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn parse_duration<E: serde::de::Error>(text: &str) -> Result<Duration, E> {
    let parsed: SignedDuration = text.parse().map_err(|_| {
        E::custom(format!("`{text}` is not a duration: write a number with a unit, such as 500ms, 10s or 5m"))
    })?;
    Duration::try_from(parsed).map_err(|_| E::custom(format!("`{text}` is negative")))
}

fn format_duration(duration: Duration) -> String {
    let whole = duration.as_secs();
    match duration.subsec_millis() {
        0 => format!("{whole}s"),
        millis => format!("{}ms", whole * 1000 + u64::from(millis)),
    }
}

mod duration {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(duration) => s.serialize_str(&format_duration(*duration)),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Option::<String>::deserialize(d)?.map(|text| parse_duration(&text)).transpose()
    }
}

mod required_duration {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format_duration(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        parse_duration(&String::deserialize(d)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::exact("nginx", "nginx", true)]
    #[case::other("nginx", "nginx:1", false)]
    #[case::star_spans_slashes("ghcr.io/*:1.*", "ghcr.io/a/b:1.2", true)]
    #[case::star_matches_nothing("nginx*", "nginx", true)]
    #[case::star_goes_back("*:1.0", "a:1.0:1.0", true)]
    #[case::question_mark("a?c", "abc", true)]
    #[case::question_mark_needs_a_character("a?", "a", false)]
    #[case::too_long("a*b", "axxc", false)]
    fn globs_match_whole_texts(#[case] pattern: &str, #[case] text: &str, #[case] want: bool) {
        assert_eq!(glob(pattern, text), want);
    }

    #[test]
    fn profiles_are_read_from_scenario_files() {
        let profile: Profile = serde_json::from_value(json!({
            "selector": {"image": "btoll/*", "labels": {"app": "debug"}, "namespace": "prod"},
            "outcome": {"jobFail": {"times": 2}},
            "startDelay": "1m30s",
        }))
        .unwrap();
        assert_eq!(profile.outcome, Outcome::JobFail { times: Some(2) });
        assert_eq!(profile.start_delay, Some(Duration::from_secs(90)));
        let short: Profile = serde_json::from_value(json!({"outcome": "imagePullBackOff"})).unwrap();
        assert_eq!((short.outcome, short.start_delay), (Outcome::ImagePullBackOff, None));
    }

    #[rstest]
    #[case::unknown_field(json!({"outcome": "ready", "delay": "1s"}), "unknown field `delay`")]
    #[case::unknown_outcome(json!({"outcome": "explode"}), "unknown variant `explode`")]
    #[case::bad_duration(json!({"outcome": "ready", "startDelay": "soon"}), "`soon` is not a duration")]
    fn mistakes_in_profiles_are_named(#[case] input: Value, #[case] want: &str) {
        let error = serde_json::from_value::<Profile>(input).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }

    #[rstest]
    #[case::crash(json!({"selector": {"kind": "Cert"}, "outcome": "crashLoop"}), false)]
    #[case::image(json!({"selector": {"kind": "Cert", "image": "x"}, "outcome": "ready"}), false)]
    #[case::group_alone(json!({"selector": {"group": "x.y"}, "outcome": "ready"}), false)]
    #[case::percent(json!({"outcome": {"flaky": {"percent": 101}}}), false)]
    #[case::custom(json!({"selector": {"kind": "Cert", "group": "x.y"}, "outcome": "ready"}), true)]
    fn contradictions_are_refused(#[case] input: Value, #[case] ok: bool) {
        let profile: Profile = serde_json::from_value(input).unwrap();
        assert_eq!(profile.validate().is_ok(), ok);
    }

    #[test]
    fn pods_match_by_the_name_of_what_owns_them() {
        let pod = json!({"metadata": {"name": "web-5d9-x2x", "namespace": "prod", "labels": {"app": "web"}}});
        let owners = ["web-5d9".to_owned(), "web".to_owned()];
        let select = |name: &str| Selector { name: Some(name.into()), ..Selector::default() };
        assert!(select("web").matches_container(&pod, &owners, "nginx"));
        assert!(select("web-5d9-*").matches_container(&pod, &owners, "nginx"));
        assert!(!select("db").matches_container(&pod, &owners, "nginx"));
    }
}
