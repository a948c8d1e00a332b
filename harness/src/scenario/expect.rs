//! The step `expect`.

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Checks clusters: exactly one of `resource`, `absent`, `condition`, `revision`, `cel` and `secret`.
///
/// Without `within` and `never` it must hold at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("oneOf" = [
    {"required": ["resource"]}, {"required": ["absent"]}, {"required": ["condition"]}, {"required": ["revision"]},
    {"required": ["cel"]}, {"required": ["secret"]}
]))]
pub struct Expect {
    /// How long it may take until it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// It must not hold for this time from now on, nor ever since the last step that changed something. For
    /// `resource`, `condition`, `cel` and `secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never: Option<Span>,
    /// The cluster. Default: the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Several clusters: it must hold on each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// An object that is there and has at least these fields. A map matches when its listed keys match, a list of
    /// objects with names by name, any other list item by item, a bare value exactly; `null` matches a missing field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::partial_object")]
    pub resource: Option<Value>,
    /// An object that is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::fragment::partial_object")]
    pub absent: Option<Value>,
    /// A condition of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// A Kustomization has applied the tip of a branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionOf>,
    /// An expression in the Common Expression Language that is true for some object, which it calls `object`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cel: Option<String>,
    /// A Secret with these values, by hash or by a matcher: nothing shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<super::SecretExpected>,
}

/// A condition that an object has. What is not given is not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// API version. Default: that of Flux for Flux kinds, `apps/v1` and so on for kinds of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace. Default: `flux-system` for Flux kinds, `default` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The condition's type. Default: `Ready`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// The condition's status. Default: `True`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["True", "False", "Unknown"]))]
    pub status: Option<String>,
    /// The condition's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Text that the condition's message contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a Kustomization must have applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevisionOf {
    /// The Kustomization.
    pub kustomization: String,
    /// Where it is. Default: `flux-system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The repository, or `<repository>@<branch>`: the tip as it is when the step starts. Default: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// Names one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace. Default: `default` for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}
