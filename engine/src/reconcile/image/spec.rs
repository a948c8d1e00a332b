//! The specifications of the image kinds. A field that is not here is told as an invalid specification: nothing is ignored.

use seatrial_api::GoDuration;
use seatrial_api::meta::LocalObjectReference;
use seatrial_api::source::GitRepositoryRef;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Of an ImageRepository.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RepositorySpec {
    pub(super) image: String,
    pub(super) interval: GoDuration,
    pub(super) timeout: Option<GoDuration>,
    pub(super) secret_ref: Option<LocalObjectReference>,
    pub(super) proxy_secret_ref: Option<LocalObjectReference>,
    #[serde(default)]
    pub(super) service_account_name: String,
    pub(super) cert_secret_ref: Option<LocalObjectReference>,
    #[serde(default, rename = "suspend")]
    _suspend: bool,
    #[serde(rename = "accessFrom")]
    pub(super) _access_from: Option<Value>,
    #[serde(default)]
    pub(super) exclusion_list: Vec<String>,
    pub(super) provider: Option<String>,
    #[serde(default)]
    pub(super) insecure: bool,
}

/// Of an ImagePolicy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicySpec {
    pub(super) image_repository_ref: NamedReference,
    pub(super) policy: Value,
    pub(super) filter_tags: Option<FilterSpec>,
    #[serde(default)]
    pub(super) digest_reflection_policy: Reflection,
    pub(super) interval: Option<GoDuration>,
    #[serde(default, rename = "suspend")]
    _suspend: bool,
}

/// An object, perhaps of another namespace.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NamedReference {
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
}

/// Which tags count.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterSpec {
    #[serde(default)]
    pub(super) pattern: String,
    #[serde(default)]
    pub(super) extract: String,
}

/// Whether the digest of the image is looked up.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) enum Reflection {
    #[default]
    Never,
    IfNotPresent,
    Always,
}

/// Of an ImageUpdateAutomation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AutomationSpec {
    pub(super) source_ref: SourceReference,
    pub(super) git: Option<GitSpec>,
    pub(super) interval: GoDuration,
    pub(super) policy_selector: Option<Selector>,
    pub(super) update: Option<UpdateSpec>,
    #[serde(default, rename = "suspend")]
    _suspend: bool,
}

/// The source of an automation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SourceReference {
    #[serde(default, rename = "apiVersion")]
    _api_version: String,
    #[serde(default)]
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) namespace: String,
}

/// Where commits come from and go to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GitSpec {
    pub(super) checkout: Option<Checkout>,
    pub(super) commit: CommitSpec,
    #[serde(default)]
    pub(super) push: PushSpec,
}

/// What commits are made on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkout {
    #[serde(rename = "ref")]
    pub(super) reference: GitRepositoryRef,
}

/// What commits look like.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CommitSpec {
    pub(super) author: AuthorSpec,
    pub(super) signing_key: Option<SigningKey>,
    #[serde(default)]
    pub(super) message_template: String,
    #[serde(default)]
    pub(super) message_template_values: BTreeMap<String, String>,
}

/// Who commits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthorSpec {
    #[serde(default)]
    pub(super) name: String,
    pub(super) email: String,
}

/// What commits are signed with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SigningKey {
    pub(super) secret_ref: LocalObjectReference,
    #[serde(default, rename = "type")]
    pub(super) type_: String,
}

/// Where commits go to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushSpec {
    #[serde(default)]
    pub(super) branch: String,
    #[serde(default)]
    pub(super) refspec: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
}

/// What is updated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateSpec {
    #[serde(default)]
    pub(super) strategy: String,
    #[serde(default)]
    pub(super) path: String,
}

/// Which policies count.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Selector {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
    #[serde(default)]
    match_expressions: Vec<Expression>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Selector {
    /// Whether it selects `object`.
    ///
    /// # Errors
    /// An operator that is none.
    pub(super) fn selects(&self, object: &Value) -> Result<bool, String> {
        let label = |key: &str| object["metadata"]["labels"][key].as_str();
        if !self.match_labels.iter().all(|(key, value)| label(key) == Some(value)) {
            return Ok(false);
        }
        for Expression { key, operator, values } in &self.match_expressions {
            let listed = label(key).is_some_and(|value| values.iter().any(|listed| listed == value));
            let holds = match operator.as_str() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => label(key).is_some(),
                "DoesNotExist" => label(key).is_none(),
                other => return Err(format!("\"{other}\" is not a valid label selector operator")),
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
