//! Faults of definitions of custom resources.

use serde_json::Value;

use super::list;
use crate::crd::schema_errors;
use crate::meta;
use crate::status::FieldError;

/// A version of a definition as the server prints its own type; a schema is shown as it was sent.
fn shown_version(version: &Value) -> String {
    let field = |name: &str| version.get(name).unwrap_or(&Value::Null);
    let flag = |name: &str| version.get(name) == Some(&Value::Bool(true));
    format!(
        r#"{{"Name":{},"Served":{},"Storage":{},"Deprecated":{},"DeprecationWarning":{},"Schema":{},"Subresources":{},"AdditionalPrinterColumns":{},"SelectableFields":{}}}"#,
        field("name"),
        flag("served"),
        flag("storage"),
        flag("deprecated"),
        field("deprecationWarning"),
        field("schema"),
        field("subresources"),
        field("additionalPrinterColumns"),
        field("selectableFields"),
    )
}

/// The faults of a definition, as it is to be stored.
pub(super) fn check(object: &Value, found: &mut Vec<FieldError>) {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let (plural, group) = (meta::text(spec, &["names", "plural"]), meta::text(spec, &["group"]));
    let name = meta::name(object);
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        found.push(FieldError::invalid("metadata.name", &name.into(), why));
    }
    if !matches!(meta::text(spec, &["scope"]), "Cluster" | "Namespaced") {
        let scope = spec.get("scope").cloned().unwrap_or_else(|| "".into());
        found.push(FieldError::not_supported("spec.scope", &scope, &["Cluster", "Namespaced"]));
    }
    let versions = list(spec, "versions");
    for (i, version) in versions.iter().enumerate() {
        if meta::at(version, &["schema", "openAPIV3Schema"]).is_none() {
            let field = format!("spec.versions[{i}].schema.openAPIV3Schema");
            found.push(FieldError::required(field, ""));
        }
    }
    if versions.iter().filter(|v| v.get("storage") == Some(&Value::Bool(true))).count() != 1 {
        let shown: Vec<String> = versions.iter().map(shown_version).collect();
        let shown = format!("[{}]", shown.join(","));
        let why = "must have exactly one version marked as storage version";
        found.push(FieldError::invalid_shown("spec.versions", &shown, why));
    }
    if meta::text(spec, &["names", "kind"]).is_empty() {
        found.push(FieldError::required("spec.names.kind", ""));
    }
    if meta::at(spec, &["conversion", "strategy"]) == Some(&Value::from("Webhook")) {
        let why = "the simulated API server does not call conversion webhooks";
        found.push(FieldError::forbidden("spec.conversion.strategy", why));
    }
    let stored = list(object.get("status").unwrap_or(&Value::Null), "storedVersions");
    for (i, version) in stored.iter().enumerate().filter_map(|(i, stored)| Some((i, stored.as_str()?))) {
        if !versions.iter().any(|known| meta::text(known, &["name"]) == version) {
            let why = format!(
                "missing from spec.versions; {version} was previously a storage version, and must remain in spec.versions until a \
                 storage migration ensures no data remains persisted in {version} and removes {version} from status.storedVersions"
            );
            found.push(FieldError::invalid(format!("status.storedVersions[{i}]"), &version.into(), &why));
        }
    }
    if stored.is_empty() {
        let why = "must have at least one stored version";
        found.push(FieldError::invalid("status.storedVersions", &Value::Null, why));
    }
    if found.is_empty() {
        found.extend(schema_errors(object));
    }
}
