//! What can be said of a SealedSecret without any key: whether an API server takes it, and whether it is known at all.

use crate::offline::{Build, place};
use seatrial_seal::{API_VERSION, CLUSTER_WIDE, NAMESPACE_WIDE};
use serde_json::Value;

const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Why an API server refuses a SealedSecret, in its words; `None`: it does not, as far as is looked at here.
pub(crate) fn malformed(sealed: &Value) -> Option<String> {
    let version = sealed["apiVersion"].as_str().unwrap_or_default();
    if version != API_VERSION {
        return Some(format!(
            "no matches for kind \"SealedSecret\" in version {version:?}: it is {API_VERSION}"
        ));
    }
    let Some(spec) = sealed.get("spec").filter(|spec| !spec.is_null()) else {
        return Some("spec: Required value".to_owned());
    };
    if !spec.is_object() {
        return Some("spec: Invalid value: must be of type object".to_owned());
    }
    match &spec["encryptedData"] {
        Value::Null => Some("spec.encryptedData: Required value".to_owned()),
        Value::Object(values) => {
            let (key, _) = values.iter().find(|(_, value)| !value.is_string())?;
            Some(format!("spec.encryptedData.{key}: Invalid value: must be of type string"))
        }
        _ => Some("spec.encryptedData: Invalid value: must be of type object".to_owned()),
    }
}

/// The variable, `${NAME}`, of which it depends under which name or scope a SealedSecret opens, where it is not known here.
pub(crate) fn unknown_variable(build: &Build, sealed: &Value) -> Option<String> {
    let says = |field: &str| sealed["metadata"][field][SUBSTITUTE] == "disabled";
    if !build.is_open || says("labels") || says("annotations") {
        return None;
    }
    let (namespace, name) = place(sealed);
    let annotations = &sealed["metadata"]["annotations"];
    let scopes = [NAMESPACE_WIDE, CLUSTER_WIDE].map(|scope| annotations[scope].as_str().unwrap_or_default());
    let values = sealed["spec"]["encryptedData"].as_object().into_iter().flat_map(|values| values.values());
    let texts = [namespace, name].into_iter().chain(scopes).chain(values.filter_map(Value::as_str));
    texts.filter_map(variable).next()
}

/// The first variable of a text, without what stands for it where it is not set.
fn variable(text: &str) -> Option<String> {
    let inner = text.split_once("${")?.1;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    Some(format!("${{{}}}", inner.split(|c| !is_name(c)).next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::good("{apiVersion: bitnami.com/v1alpha1, spec: {encryptedData: {k: x}}}", None)]
    #[case::nothing_sealed("{apiVersion: bitnami.com/v1alpha1, spec: {encryptedData: {}}}", None)]
    #[case::version(
        "{apiVersion: bitnami.com/v1, spec: {encryptedData: {k: x}}}",
        Some(
            "no matches for kind \"SealedSecret\" in version \"bitnami.com/v1\": it is bitnami.com/v1alpha1"
        )
    )]
    #[case::no_spec("{apiVersion: bitnami.com/v1alpha1}", Some("spec: Required value"))]
    #[case::mistyped(
        "{apiVersion: bitnami.com/v1alpha1, spec: {encryptdData: {k: x}}}",
        Some("spec.encryptedData: Required value")
    )]
    #[case::no_map(
        "{apiVersion: bitnami.com/v1alpha1, spec: {encryptedData: [x]}}",
        Some("spec.encryptedData: Invalid value: must be of type object")
    )]
    #[case::no_text(
        "{apiVersion: bitnami.com/v1alpha1, spec: {encryptedData: {k: 1}}}",
        Some("spec.encryptedData.k: Invalid value: must be of type string")
    )]
    fn what_an_api_server_refuses_is_told(#[case] sealed: &str, #[case] why: Option<&str>) {
        let sealed = &crate::offline::documents(sealed.as_bytes())[0];
        assert_eq!(malformed(sealed).as_deref(), why);
    }

    #[rstest]
    #[case("web", None)]
    #[case("${NAME}", Some("${NAME}"))]
    #[case("a-${NAME:=web}-b", Some("${NAME}"))]
    fn variables_are_found(#[case] text: &str, #[case] found: Option<&str>) {
        assert_eq!(variable(text).as_deref(), found);
    }
}
