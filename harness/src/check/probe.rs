//! A check, ready to look at one cluster.

use super::cel::{Expression, compile};
use super::diff::{compare, shown};
use super::kinds::default_api_version;
use super::partial::{matches, mismatches};
use super::secret::faults;
use crate::cluster::Objects;
use crate::plan::{Check, ObjectWanted};
use crate::redact::{self, Redactor};
use crate::report::{Failure, Nearest};
use crate::scenario::SecretExpected;
use seatrial_api::FluxRelease;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};

/// A check of one cluster.
#[derive(Debug)]
pub(crate) enum Probe {
    /// An object with these fields, or none.
    Wanted { wanted: ObjectWanted, absent: bool },
    /// A condition of one object.
    Condition {
        target: Target,
        type_: String,
        status: String,
        reason: Option<String>,
        message: Option<String>,
    },
    /// The revision that a Kustomization has applied.
    Revision { target: Target, branch: String, commit: String },
    /// A Secret with these values.
    Secret { target: Target, expected: SecretExpected },
    /// An expression that is true of some object.
    Cel { text: String, expression: Expression },
}

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: String,
}

/// What a look at the cluster found.
#[derive(Debug)]
pub(crate) struct Look {
    /// Whether the check holds.
    pub(crate) holds: bool,
    /// The objects that were looked at.
    pub(crate) objects: Vec<Value>,
}

impl Probe {
    /// Prepares a check for a cluster with this Flux release. `commit` is the tip that a revision check wants.
    pub(crate) fn new(
        check: &Check,
        flux: FluxRelease,
        commit: Option<String>,
    ) -> Result<Probe, super::CelError> {
        let version = |kind: &str| default_api_version(kind, Some(flux)).unwrap_or_default();
        Ok(match check {
            Check::Resource(wanted) => Probe::Wanted { wanted: wanted.clone(), absent: false },
            Check::Absent(wanted) => Probe::Wanted { wanted: wanted.clone(), absent: true },
            Check::Condition { api_version, kind, namespace, name, type_, status, reason, message } => {
                Probe::Condition {
                    target: Target {
                        api_version: api_version.clone().unwrap_or_else(|| version(kind)),
                        kind: kind.clone(),
                        namespace: namespace.clone(),
                        name: name.clone(),
                    },
                    type_: type_.clone(),
                    status: status.clone(),
                    reason: reason.clone(),
                    message: message.clone(),
                }
            }
            Check::Revision { namespace, name, branch, .. } => Probe::Revision {
                target: Target {
                    api_version: version("Kustomization"),
                    kind: "Kustomization".to_owned(),
                    namespace: Some(namespace.clone()),
                    name: name.clone(),
                },
                branch: branch.clone(),
                commit: commit.unwrap_or_default(),
            },
            Check::Secret(expected) => Probe::Secret {
                target: Target {
                    api_version: "v1".to_owned(),
                    kind: "Secret".to_owned(),
                    namespace: Some(expected.namespace.clone().unwrap_or_else(|| "default".to_owned())),
                    name: expected.name.clone(),
                },
                expected: expected.clone(),
            },
            Check::Cel(text) => Probe::Cel { text: text.clone(), expression: compile(text)? },
        })
    }

    /// Whether a change of this object can change the result.
    pub(crate) fn concerns(&self, object: &Value) -> bool {
        let kind = object["kind"].as_str();
        let group = group(object["apiVersion"].as_str().unwrap_or_default());
        let (api_version, wanted) = match self {
            Probe::Wanted { wanted, .. } => (Some(wanted.api_version.as_str()), Some(wanted.kind.as_str())),
            Probe::Condition { target, .. }
            | Probe::Revision { target, .. }
            | Probe::Secret { target, .. } => (Some(target.api_version.as_str()), Some(target.kind.as_str())),
            Probe::Cel { expression, .. } => {
                (expression.kinds().api_version.as_deref(), expression.kinds().kind.as_deref())
            }
        };
        wanted.is_none_or(|wanted| kind == Some(wanted))
            && api_version.is_none_or(|version| self::group(version) == group)
    }

    /// Whether the check holds of this object alone. An absence holds of nothing.
    pub(crate) fn holds_of(&self, object: &Value) -> bool {
        match self {
            Probe::Wanted { absent: true, .. } => false,
            // The version is that of storage, which need not be the one that was asked for.
            Probe::Wanted { wanted, absent: false } => {
                self.concerns(object) && of_wanted(wanted, &seen(object))
            }
            Probe::Condition { target, type_, status, reason, message } => {
                let met = |c: &Value| {
                    let message_of = c["message"].as_str().unwrap_or_default();
                    c["type"] == **type_
                        && c["status"] == **status
                        && reason.as_ref().is_none_or(|r| c["reason"] == **r)
                        && message.as_ref().is_none_or(|m| message_of.contains(m.as_str()))
                        && up_to_date(c, object)
                };
                target.is(object) && conditions(object).any(met)
            }
            Probe::Revision { target, commit, .. } => {
                let applied = object["status"]["lastAppliedRevision"].as_str().unwrap_or_default();
                target.is(object) && applied.ends_with(&format!("sha1:{commit}"))
            }
            Probe::Secret { target, expected } => target.is(object) && faults(expected, object).is_empty(),
            Probe::Cel { expression, .. } => self.concerns(object) && expression.holds(&seen(object)),
        }
    }

    /// Looks at the cluster.
    pub(crate) async fn look(&self, cluster: &Objects) -> kube::Result<Look> {
        let objects = match self {
            Probe::Wanted { wanted, .. } => {
                let metadata = &wanted.partial["metadata"];
                let namespace = metadata["namespace"].as_str();
                let resource = cluster.resource(&wanted.api_version, &wanted.kind).await?;
                match (resource, metadata["name"].as_str()) {
                    (None, _) => Vec::new(),
                    (Some(r), Some(name)) if namespace.is_some() || !r.namespaced => {
                        let found = cluster.get(&r.api_version, &r.kind, namespace, name).await?;
                        found.into_iter().map(Arc::unwrap_or_clone).collect()
                    }
                    (Some(r), name) => {
                        let mut all = cluster.list_of(&r, namespace).await?;
                        all.retain(|o| name.is_none_or(|name| o["metadata"]["name"] == *name));
                        all
                    }
                }
            }
            Probe::Condition { target, .. }
            | Probe::Revision { target, .. }
            | Probe::Secret { target, .. } => {
                let Target { api_version, kind, namespace, name } = target;
                let found = cluster.get(api_version, kind, namespace.as_deref(), name).await?;
                found.into_iter().map(Arc::unwrap_or_clone).collect()
            }
            Probe::Cel { expression, .. } => {
                let kinds = expression.kinds();
                match (&kinds.api_version, &kinds.kind) {
                    (Some(version), Some(kind)) => cluster.list(version, kind, None).await?,
                    (version, kind) => {
                        let mut all = Vec::new();
                        for resource in cluster.resources().await? {
                            let named = kind.as_ref().is_none_or(|k| *k == resource.kind);
                            let grouped =
                                version.as_ref().is_none_or(|v| group(v) == group(&resource.api_version));
                            if named && grouped {
                                all.extend(cluster.list_of(&resource, None).await?);
                            }
                        }
                        all
                    }
                }
            }
        };
        let any = objects.iter().any(|object| match self {
            Probe::Wanted { wanted, .. } => of_wanted(wanted, object),
            other => other.holds_of(object),
        });
        let holds = any != matches!(self, Probe::Wanted { absent: true, .. });
        Ok(Look { holds, objects })
    }

    /// Why the check does not hold.
    pub(crate) async fn explain(
        &self,
        look: &Look,
        cluster: &Objects,
        redactor: &Mutex<Redactor>,
    ) -> Failure {
        match self {
            Probe::Wanted { wanted, absent: false } => resource(wanted, look, cluster, redactor).await,
            Probe::Wanted { wanted, absent: true } => {
                let there = look.objects.iter().find(|o| of_wanted(wanted, o));
                Failure {
                    message: format!("{} is there", there.map(label).unwrap_or_default()),
                    ..Failure::default()
                }
            }
            Probe::Condition { target, type_, status, reason, message } => {
                let Some(object) = look.objects.first() else { return gone(target) };
                let mut want = json!({"type": type_, "status": status});
                for (field, text) in [("reason", reason), ("message", message)] {
                    if let Some(text) = text {
                        want[field] = json!(text);
                    }
                }
                let found = conditions(object).find(|c| c["type"] == **type_);
                let message = match found {
                    None => format!("{} has no condition {type_}", label(object)),
                    Some(c) if !up_to_date(c, object) => {
                        format!(
                            "the condition {type_} of {} is about a spec before the present one",
                            label(object)
                        )
                    }
                    Some(_) => format!("{} has the condition {type_}, but not so", label(object)),
                };
                let diff = compare(&want, found.unwrap_or(&Value::Null), &mut redact::lock(redactor));
                Failure {
                    message,
                    nearest: found.map(|_| Nearest { object: label(object), diff }),
                    ..Failure::default()
                }
            }
            Probe::Revision { target, branch, commit } => {
                let Some(object) = look.objects.first() else { return gone(target) };
                let applied = object["status"]["lastAppliedRevision"].as_str();
                let applied = applied.map_or("no revision yet".to_owned(), short_revision);
                let wanted = short_revision(&format!("{branch}@sha1:{commit}"));
                Failure {
                    message: format!("{} has applied {applied}, not {wanted}", label(object)),
                    ..Failure::default()
                }
            }
            Probe::Secret { target, expected } => {
                let Some(object) = look.objects.first() else { return gone(target) };
                let message =
                    format!("{} is there, but {}", label(object), faults(expected, object).join("; "));
                Failure { message, ..Failure::default() }
            }
            Probe::Cel { text, .. } => {
                let count = look.objects.len();
                let message =
                    format!("none of the {count} objects that it can be about makes this true: {text}");
                Failure { message, ..Failure::default() }
            }
        }
    }

    /// Why the check must not hold, and does.
    pub(crate) fn violated(&self, object: &Value, redactor: &Mutex<Redactor>) -> Failure {
        let nearest = match self {
            Probe::Wanted { wanted, .. } => Some(Nearest {
                object: label(object),
                diff: compare(&wanted.partial, object, &mut redact::lock(redactor)),
            }),
            Probe::Cel { .. } => {
                let spec = json!({"kind": object["kind"], "spec": object["spec"], "data": object["data"]});
                let lines = shown(&without_nulls(spec), &mut redact::lock(redactor));
                let diff = lines.lines().map(|l| super::DiffLine::Same(l.to_owned())).take(30).collect();
                Some(Nearest { object: label(object), diff })
            }
            _ => None,
        };
        let what = match self {
            Probe::Wanted { .. } => "had all of these fields",
            Probe::Condition { .. } => "had this condition",
            Probe::Revision { .. } => "had applied this revision",
            Probe::Secret { .. } => "had these values",
            Probe::Cel { .. } => "made the expression true",
        };
        Failure { message: format!("{} {what}", label(object)), nearest, ..Failure::default() }
    }

    /// The object that the check is about, if it is about one: for the chain of causes.
    pub(crate) fn target(&self) -> Option<Target> {
        match self {
            Probe::Wanted { wanted, .. } => Some(Target {
                api_version: wanted.api_version.clone(),
                kind: wanted.kind.clone(),
                namespace: wanted.partial["metadata"]["namespace"].as_str().map(str::to_owned),
                name: wanted.partial["metadata"]["name"].as_str()?.to_owned(),
            }),
            Probe::Condition { target, .. }
            | Probe::Revision { target, .. }
            | Probe::Secret { target, .. } => Some(target.clone()),
            Probe::Cel { .. } => None,
        }
    }
}

/// An object as its readers know it: the history has the fields of its owners as text.
fn seen(object: &Value) -> Cow<'_, Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    if entries.into_iter().flatten().all(|entry| !entry["fieldsV1"].is_string()) {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    seatrial_wire::expand(&mut object);
    Cow::Owned(object)
}

impl Target {
    fn is(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        object["kind"] == *self.kind
            && group(object["apiVersion"].as_str().unwrap_or_default()) == group(&self.api_version)
            && metadata["name"] == *self.name
            && self.namespace.as_ref().is_none_or(|n| metadata["namespace"].as_str().is_none_or(|m| m == n))
    }
}

/// Compares everything but the API version, which is decided by what was asked of the server.
fn of_wanted(wanted: &ObjectWanted, object: &Value) -> bool {
    let mut partial = wanted.partial.clone();
    if let Some(map) = partial.as_object_mut() {
        map.remove("apiVersion");
    }
    matches(&partial, object)
}

async fn resource(
    wanted: &ObjectWanted,
    look: &Look,
    cluster: &Objects,
    redactor: &Mutex<Redactor>,
) -> Failure {
    let nearest = look.objects.iter().min_by_key(|o| mismatches(&wanted.partial, o));
    if let Some(object) = nearest {
        let diff = compare(&wanted.partial, object, &mut redact::lock(redactor));
        return Failure {
            message: format!("{} is there, but not so", label(object)),
            nearest: Some(Nearest { object: label(object), diff }),
            ..Failure::default()
        };
    }
    let others = match cluster.resource(&wanted.api_version, &wanted.kind).await {
        Ok(None) => format!("; the cluster does not have the kind {} ({})", wanted.kind, wanted.api_version),
        Ok(Some(resource)) => match cluster.list_of(&resource, None).await {
            Ok(all) if all.is_empty() => format!("; the cluster has no {} at all", wanted.kind),
            Ok(all) => {
                let names: Vec<String> = all.iter().take(8).map(label).collect();
                let more = if all.len() > names.len() { ", …" } else { "" };
                format!("; there are {}{more}", names.join(", "))
            }
            Err(_) => String::new(),
        },
        Err(_) => String::new(),
    };
    Failure {
        message: format!("there is no {}{others}", wanted.label().trim_start_matches("any ")),
        ..Failure::default()
    }
}

fn gone(target: &Target) -> Failure {
    let namespace = target.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
    Failure {
        message: format!("there is no {}/{namespace}{}", target.kind, target.name),
        ..Failure::default()
    }
}

/// The group of an API version.
fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// A condition that was written for an older generation says nothing about the present one.
fn up_to_date(condition: &Value, object: &Value) -> bool {
    match (condition["observedGeneration"].as_i64(), object["metadata"]["generation"].as_i64()) {
        (Some(observed), Some(generation)) => observed >= generation,
        _ => true,
    }
}

pub(crate) fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    object["status"]["conditions"].as_array().into_iter().flatten()
}

/// `Kind/namespace/name`.
pub(crate) fn label(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, metadata) = (text(&object["kind"]), &object["metadata"]);
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{kind}/{namespace}/{}", text(&metadata["name"])),
        None => format!("{kind}/{}", text(&metadata["name"])),
    }
}

/// `master@sha1:<40 digits>` with seven digits.
pub(crate) fn short_revision(revision: &str) -> String {
    match revision.split_once("sha1:") {
        Some((branch, hash)) if hash.len() == 40 => format!("{branch}sha1:{}", &hash[..7]),
        _ => revision.to_owned(),
    }
}

fn without_nulls(mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    object
}
