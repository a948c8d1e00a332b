//! What becomes of a container: the profile that matches it, or what is usual for its pod. Pure.

use crate::controllers::pods::is_sidecar;
use crate::object::{text, uid};
use crate::options::WorkloadOptions;
use crate::profile::{Outcome, Profile};
use serde_json::Value;
use std::time::Duration;

/// What becomes of a container once its image is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs on.
    Run {
        /// Whether its readiness probe succeeds.
        ready: bool,
    },
    /// It ends with this exit code after its run time.
    End {
        /// The exit code.
        code: i64,
        /// `Completed`, `Error`, `OOMKilled`.
        reason: &'static str,
    },
    /// It runs for this time; then the pod is evicted.
    Evict {
        /// The time.
        after: Duration,
    },
}

/// A container's fate, and what comes before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) fate: Fate,
    /// The profile says that the image cannot be pulled.
    pub(crate) no_image: bool,
    /// The time from the binding of the pod to the start of the container.
    pub(crate) start_delay: Duration,
}

const DONE: Fate = Fate::End { code: 0, reason: "Completed" };
const CRASH: Fate = Fate::End { code: 1, reason: "Error" };

/// How a container is looked at.
pub(crate) struct Subject<'a> {
    pub(crate) pod: &'a Value,
    /// The names of the objects above the pod.
    pub(crate) owners: &'a [String],
    pub(crate) container: &'a Value,
    pub(crate) is_init: bool,
    /// How many attempts were made before: restarts, and failed pods of the same Job.
    pub(crate) attempts: u32,
}

/// What becomes of a container.
pub(crate) fn plan(subject: &Subject<'_>, profiles: &[Profile], options: &WorkloadOptions) -> Plan {
    let image = text(subject.container, &["image"]);
    let profile = profiles
        .iter()
        .find(|profile| profile.selector.matches_container(subject.pod, subject.owners, image));
    let ends = if subject.is_init {
        !is_sidecar(subject.container)
    } else {
        !matches!(text(subject.pod, &["spec", "restartPolicy"]), "Always" | "")
    };
    let usual = if ends { DONE } else { Fate::Run { ready: true } };
    let fate = match profile.map(|profile| &profile.outcome) {
        None | Some(Outcome::Ready | Outcome::ImagePullBackOff) => usual,
        Some(Outcome::NeverReady) => Fate::Run { ready: false },
        Some(Outcome::CrashLoop) => CRASH,
        Some(Outcome::Oom) => Fate::End { code: 137, reason: "OOMKilled" },
        Some(Outcome::Flaky { percent }) if dice(subject) < *percent => CRASH,
        Some(Outcome::Flaky { .. }) => usual,
        Some(Outcome::Evict { after }) => Fate::Evict { after: *after },
        Some(Outcome::JobSuccess) => DONE,
        Some(Outcome::JobFail { times: Some(times) }) if subject.attempts >= *times => DONE,
        Some(Outcome::JobFail { .. }) => CRASH,
    };
    Plan {
        fate,
        no_image: profile.is_some_and(|profile| profile.outcome == Outcome::ImagePullBackOff),
        start_delay: profile.and_then(|profile| profile.start_delay).unwrap_or(options.start_delay),
    }
}

/// A number below 100 that follows from the attempt: the same attempt always ends the same way. The uid makes it
/// differ between pods and, because it comes from the run's seed, between runs.
fn dice(subject: &Subject<'_>) -> u8 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let attempt = subject.attempts.to_le_bytes();
    let bytes = uid(subject.pod).bytes().chain(text(subject.container, &["name"]).bytes()).chain(attempt);
    for byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The low bits of this hash are weak: fold the high ones in.
    u8::try_from((state ^ (state >> 32)) % 100).unwrap_or(0)
}

/// The message of the registry for an image that a profile makes missing.
pub(crate) fn not_found(image: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": failed to resolve \
         reference \"{image}\": {image}: not found"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn fate(policy: &str, outcome: Value, is_init: bool, attempts: u32) -> Fate {
        let pod = json!({"metadata": {"name": "p", "uid": "u"}, "spec": {"restartPolicy": policy}});
        let container = json!({"name": "c", "image": "img:1"});
        let profiles: Vec<Profile> = match outcome {
            Value::Null => vec![],
            outcome => vec![serde_json::from_value(json!({"outcome": outcome})).unwrap()],
        };
        let subject = Subject { pod: &pod, owners: &[], container: &container, is_init, attempts };
        plan(&subject, &profiles, &WorkloadOptions::default()).fate
    }

    #[rstest]
    #[case::service("Always", Value::Null, false, 0, Fate::Run { ready: true })]
    #[case::job("Never", Value::Null, false, 0, DONE)]
    #[case::init("Always", Value::Null, true, 0, DONE)]
    #[case::never_ready("Always", json!("neverReady"), false, 0, Fate::Run { ready: false })]
    #[case::crash("Always", json!("crashLoop"), false, 3, CRASH)]
    #[case::oom("Always", json!("oom"), false, 0, Fate::End { code: 137, reason: "OOMKilled" })]
    #[case::job_fails_for_ever("Never", json!({"jobFail": {}}), false, 9, CRASH)]
    #[case::job_fails_at_first("Never", json!({"jobFail": {"times": 2}}), false, 1, CRASH)]
    #[case::and_then_succeeds("Never", json!({"jobFail": {"times": 2}}), false, 2, DONE)]
    #[case::never_flaky("Always", json!({"flaky": {"percent": 0}}), false, 0, Fate::Run { ready: true })]
    #[case::always_flaky("Always", json!({"flaky": {"percent": 100}}), false, 0, CRASH)]
    fn fates(
        #[case] policy: &str,
        #[case] outcome: Value,
        #[case] init: bool,
        #[case] attempts: u32,
        #[case] want: Fate,
    ) {
        assert_eq!(fate(policy, outcome, init, attempts), want);
    }

    #[test]
    fn a_flaky_container_fails_about_as_often_as_its_profile_says() {
        let failed = (0..1000)
            .filter(|attempt| fate("Always", json!({"flaky": {"percent": 30}}), false, *attempt) == CRASH)
            .count();
        assert!((200..400).contains(&failed), "{failed}");
    }
}
