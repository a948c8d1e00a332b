//! Takes over the fields that people's tools own. Pure.
//!
//! An object that was made with `kubectl apply` keeps its fields owned by kubectl: what is later removed from Git would
//! stay in the cluster. So ownership of such fields goes to the controller before it applies.

use super::FIELD_MANAGER;
use seatrial_wire::fields_v1;
use serde_json::{Map, Value, json};

/// The JSON patch that takes over the fields of kubectl, of `before-first-apply` and of the controller's own updates;
/// none where there is nothing to take.
pub(crate) fn takeover(live: &Value) -> Option<Value> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let (taken, mut kept): (Vec<&Value>, Vec<&Value>) = entries.iter().partition(|entry| is_foreign(entry));
    if taken.is_empty() {
        return None;
    }
    let own_at = kept.iter().position(|entry| {
        entry["manager"] == FIELD_MANAGER
            && entry["operation"] == "Apply"
            && entry.get("subresource").is_none_or(|subresource| subresource == "")
    });
    let mut own = match own_at {
        Some(at) => expanded(kept.remove(at)),
        None => json!({
            "manager": FIELD_MANAGER,
            "operation": "Apply",
            "apiVersion": taken[0]["apiVersion"],
            "fieldsType": "FieldsV1",
            "time": taken[0]["time"],
            "fieldsV1": {},
        }),
    };
    for entry in taken {
        if let (Some(own), Value::Object(fields)) = (own["fieldsV1"].as_object_mut(), fields_v1(entry)) {
            join(own, &fields);
        }
    }
    let managed: Vec<Value> = std::iter::once(own).chain(kept.into_iter().map(expanded)).collect();
    let mut patch = vec![
        json!({ "op": "replace", "path": "/metadata/managedFields", "value": managed }),
        json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"] }),
    ];
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    if live["metadata"]["annotations"].get(LAST_APPLIED).is_some() {
        let path = format!("/metadata/annotations/{}", LAST_APPLIED.replace('/', "~1"));
        patch.push(json!({ "op": "remove", "path": path }));
    }
    Some(Value::Array(patch))
}

/// An entry with its fields as clients write them.
fn expanded(entry: &Value) -> Value {
    let mut entry = entry.clone();
    entry["fieldsV1"] = fields_v1(&entry);
    entry
}

fn is_foreign(entry: &Value) -> bool {
    if entry.get("subresource").is_some_and(|subresource| subresource != "") {
        return false;
    }
    let manager = entry["manager"].as_str().unwrap_or_default();
    let update = entry["operation"] == "Update";
    manager.starts_with("kubectl")
        || (update && (manager == "before-first-apply" || manager == FIELD_MANAGER))
}

fn join(own: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, theirs) in other {
        match (own.get_mut(key), theirs) {
            (Some(Value::Object(ours)), Value::Object(theirs)) => join(ours, theirs),
            (Some(_), _) => {}
            (None, theirs) => {
                own.insert(key.clone(), theirs.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn entry(manager: &str, operation: &str, fields: Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
                "time": "2026-01-01T00:00:00Z", "fieldsV1": fields })
    }

    #[rstest]
    #[case::another_controller("helm-controller", "Apply")]
    #[case::own_apply(FIELD_MANAGER, "Apply")]
    #[case::another_update("kube-controller-manager", "Update")]
    fn what_others_own_stays_theirs(#[case] manager: &str, #[case] operation: &str) {
        let live =
            json!({ "metadata": { "managedFields": [entry(manager, operation, json!({"f:data": {}}))] } });
        assert_eq!(takeover(&live), None);
    }

    #[rstest]
    #[case::client_side("kubectl-client-side-apply", "Update")]
    #[case::server_side("kubectl", "Apply")]
    #[case::edit("kubectl-edit", "Update")]
    #[case::before("before-first-apply", "Update")]
    #[case::own_update(FIELD_MANAGER, "Update")]
    fn fields_of_tools_join_the_controllers_own(#[case] manager: &str, #[case] operation: &str) {
        let live = json!({ "metadata": { "resourceVersion": "7", "managedFields": [
            entry(manager, operation, json!({"f:data": {"f:a": {}, "f:b": {}}})),
            entry(FIELD_MANAGER, "Apply", json!({"f:data": {"f:a": {}, "f:c": {}}})),
            entry("other", "Update", json!({"f:data": {"f:d": {}}})),
        ] } });
        let patch = takeover(&live).expect("a patch");
        let managed = &patch[0]["value"];
        assert_eq!(managed.as_array().map(Vec::len), Some(2));
        assert_eq!(managed[0]["manager"], FIELD_MANAGER);
        assert_eq!(managed[0]["operation"], "Apply");
        assert_eq!(managed[0]["fieldsV1"], json!({"f:data": {"f:a": {}, "f:c": {}, "f:b": {}}}));
        assert_eq!(patch[1]["value"], "7");
    }

    #[test]
    fn kubectls_record_goes_with_its_fields() {
        let live = json!({ "metadata": {
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
            "managedFields": [entry("kubectl-client-side-apply", "Update", json!({}))],
        } });
        let patch = takeover(&live).expect("a patch");
        assert_eq!(
            patch[2],
            json!({ "op": "remove",
                    "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration" })
        );
    }
}
