//! Server-side apply: what the real server answered, recorded in `data/apply.jsonl`, and the rules around it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "kube/compare.rs"]
mod shared;

use rstest::rstest;
use seatrial_schema::kubernetes;
use seatrial_sim::crd_schema::CrdSchema;
use seatrial_sim::managed_fields::{ApplyError, FieldSet, Kind, PathElement, Writer, apply, update};
use serde_json::{Value, json};
use shared::{compare, spec_schema, writer};

#[test]
fn recorded_requests_are_answered_as_by_the_real_server() {
    let schema = json!({"type": "object", "properties": {"spec": spec_schema()}});
    let crd = CrdSchema::compile(Some(&schema), "seatrial.dev/v1", "Fuzz", "schema").unwrap();
    let deployment = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    for (line, text) in include_str!("data/apply.jsonl").lines().enumerate() {
        let step: Value = serde_json::from_str(text).unwrap();
        let what = format!("line {}: {} {}", line + 1, step["kind"], step["request"]);
        let is_custom = step["kind"] == "Fuzz";
        let kind = match is_custom {
            true => Kind { ty: crd.type_ref(), built_in: false },
            false => Kind { ty: deployment, built_in: true },
        };
        let live = step.get("live").filter(|l| !l.is_null());
        let mut body = step["body"].clone();
        let api_version = body["apiVersion"].as_str().unwrap().to_owned();
        let writer = writer(step["request"]["manager"].as_str().unwrap(), &api_version);
        let Some(force) = step["request"]["force"].as_bool() else {
            if is_custom {
                crd.prune(&mut body);
                crd.default(&mut body);
                crd.drop_nulls(&mut body);
            }
            compare(&what, &update(live, body, &writer, kind), &step["answer"]);
            continue;
        };
        match (apply(live, &step["body"], &writer, force, kind), step["answer"].as_str()) {
            (Ok(mut ours), None) => {
                if is_custom {
                    crd.prune(&mut ours);
                    crd.default(&mut ours);
                } else {
                    // The defaults of built-in kinds are another module's.
                    for field in ["spec", "status"] {
                        ours[field] = step["answer"][field].clone();
                    }
                }
                compare(&what, &ours, &step["answer"]);
            }
            (Ok(ours), Some(message)) => {
                assert!(!crd.validate(&ours, live).is_empty() || !is_custom, "{what}: {message}");
            }
            (Err(error), answer) => assert_eq!(Some(error.to_string().as_str()), answer, "{what}"),
        }
    }
}

fn config_map() -> Kind<'static> {
    Kind { ty: kubernetes().type_of("v1", "ConfigMap").unwrap(), built_in: true }
}

fn deployment() -> Kind<'static> {
    Kind { ty: kubernetes().type_of("apps/v1", "Deployment").unwrap(), built_in: true }
}

fn at<'a>(manager: &'a str, api_version: &'a str, second: i64) -> Writer<'a> {
    Writer { now: jiff::Timestamp::from_second(second).unwrap(), ..writer(manager, api_version) }
}

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data})
}

fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .map(|e| format!("{} {} {}", e["manager"], e["operation"], e["fieldsV1"]).replace('"', ""))
        .collect()
}

#[test]
fn an_apply_that_changes_nothing_keeps_the_times() {
    let first = apply(None, &map(json!({"a": "1"})), &at("m", "v1", 10), false, config_map()).unwrap();
    assert_eq!(first["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:10Z");
    let again =
        apply(Some(&first), &map(json!({"a": "1"})), &at("m", "v1", 20), false, config_map()).unwrap();
    assert_eq!(again, first);
    let changed =
        apply(Some(&first), &map(json!({"a": "2"})), &at("m", "v1", 20), false, config_map()).unwrap();
    assert_eq!(changed["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:20Z");
}

#[test]
fn an_update_that_changes_nothing_keeps_the_times() {
    let first = update(None, map(json!({"a": "1"})), &at("m", "v1", 10), config_map());
    let mut same = first.clone();
    same["metadata"]["managedFields"] = Value::Null;
    assert_eq!(update(Some(&first), same.clone(), &at("m", "v1", 20), config_map()), first);
    let other = update(Some(&first), map(json!({"a": "1", "b": "2"})), &at("n", "v1", 20), config_map());
    assert_eq!(owners(&other), ["m Update {f:data:{.:{},f:a:{}}}", "n Update {f:data:{f:b:{}}}"]);
}

#[test]
fn appliers_share_a_field_with_the_same_value_and_conflict_over_another() {
    let first = apply(None, &map(json!({"a": "1"})), &at("m", "v1", 1), false, config_map()).unwrap();
    let shared =
        apply(Some(&first), &map(json!({"a": "1"})), &at("n", "v1", 2), false, config_map()).unwrap();
    assert_eq!(owners(&shared), ["m Apply {f:data:{f:a:{}}}", "n Apply {f:data:{f:a:{}}}"]);
    let error =
        apply(Some(&shared), &map(json!({"a": "2"})), &at("n", "v1", 3), false, config_map()).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"m\": .data.a");
    let ApplyError::Conflicts(conflicts) = error else { panic!("{error}") };
    let causes: Vec<_> = conflicts.iter().flat_map(|c| c.causes()).collect();
    assert_eq!(causes, [("conflict with \"m\"".to_owned(), ".data.a".to_owned())]);
    let forced =
        apply(Some(&shared), &map(json!({"a": "2"})), &at("n", "v1", 3), true, config_map()).unwrap();
    assert_eq!(owners(&forced), ["n Apply {f:data:{f:a:{}}}"]);
}

#[test]
fn what_a_manager_omits_stays_while_another_owns_it() {
    let first =
        apply(None, &map(json!({"a": "1", "b": "1"})), &at("m", "v1", 1), false, config_map()).unwrap();
    let shared =
        apply(Some(&first), &map(json!({"b": "1"})), &at("n", "v1", 2), false, config_map()).unwrap();
    let left = apply(Some(&shared), &map(json!({})), &at("m", "v1", 3), false, config_map()).unwrap();
    assert_eq!(left["data"], json!({"b": "1"}));
    assert_eq!(owners(&left), ["n Apply {f:data:{f:b:{}}}", "m Apply {f:data:{}}"]);
}

#[test]
fn conflicts_are_named_by_manager_operation_and_subresource() {
    let body = |status: Value, replicas: u64| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {"replicas": replicas}, "status": status})
    };
    let created = update(None, body(json!({}), 1), &at("kubectl", "apps/v1", 1), deployment());
    let status = Writer {
        subresource: "status",
        ignored: &[&["spec"], &["metadata", "labels"]],
        ..at("kubelet", "apps/v1", 2)
    };
    let live = update(Some(&created), body(json!({"replicas": 1}), 1), &status, deployment());
    let error =
        apply(Some(&live), &body(json!({}), 2), &at("m", "apps/v1", 3), false, deployment()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas"
    );
    let apply_status = Writer { manager: "m", ..status };
    let wanted = body(json!({"replicas": 2}), 9);
    let error = apply(Some(&live), &wanted, &apply_status, false, deployment()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"kubelet\" with subresource \"status\" using apps/v1: .status.replicas"
    );
    let forced = apply(Some(&live), &wanted, &apply_status, true, deployment()).unwrap();
    assert_eq!((&forced["spec"]["replicas"], &forced["status"]["replicas"]), (&json!(1), &json!(2)));
}

#[test]
fn an_object_whose_entries_were_cleared_is_tracked_again_from_the_first_apply() {
    let first = update(None, map(json!({"a": "1"})), &at("m", "v1", 1), config_map());
    let mut cleared = first.clone();
    cleared["metadata"]["managedFields"] = json!([{}]);
    let live = update(Some(&first), cleared.clone(), &at("m", "v1", 2), config_map());
    assert_eq!(live["metadata"].get("managedFields"), None);
    let live = update(Some(&live), map(json!({"a": "1", "b": "1"})), &at("m", "v1", 3), config_map());
    assert_eq!(live["metadata"].get("managedFields"), None);
    let applied =
        apply(Some(&live), &map(json!({"a": "1"})), &at("n", "v1", 4), false, config_map()).unwrap();
    assert_eq!(
        owners(&applied),
        ["n Apply {f:data:{f:a:{}}}", "before-first-apply Update {f:data:{.:{},f:a:{},f:b:{}}}"]
    );
}

#[test]
fn kubectl_takes_over_what_its_client_side_apply_wrote() {
    let record = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1", "b": "1"}});
    let mut body = map(json!({"a": "1", "b": "1"}));
    body["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": record.to_string()});
    let live = update(None, body.clone(), &at("kubectl-client-side-apply", "v1", 1), config_map());
    let wanted = map(json!({"a": "<2>"}));
    let error = apply(Some(&live), &wanted, &at("other", "v1", 2), false, config_map()).unwrap_err();
    assert!(error.to_string().starts_with("Apply failed with 1 conflict"), "{error}");
    let applied = apply(Some(&live), &wanted, &at("kubectl", "v1", 2), false, config_map()).unwrap();
    assert_eq!(applied["data"]["a"], "<2>");
    let annotation = &applied["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
    let expected =
        r#"{"apiVersion":"v1","data":{"a":"\u003c2\u003e"},"kind":"ConfigMap","metadata":{"name":"m"}}"#;
    assert_eq!(annotation, &json!(format!("{expected}\n")));
    let drifted = update(
        Some(&live),
        {
            let mut new = body.clone();
            new["data"]["a"] = json!("9");
            new
        },
        &at("editor", "v1", 3),
        config_map(),
    );
    let error = apply(Some(&drifted), &wanted, &at("kubectl", "v1", 4), false, config_map()).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflict: conflict with \"editor\" using v1: .data.a");
}

#[test]
fn more_than_ten_updaters_are_joined_from_the_oldest() {
    let mut live = update(None, map(json!({"k0": "1"})), &at("m0", "v1", 0), config_map());
    for n in 1..13 {
        let mut next = live.clone();
        next["data"][format!("k{n}")] = json!("1");
        live = update(Some(&live), next.clone(), &at(&format!("m{n:02}"), "v1", n), config_map());
    }
    let names: Vec<&str> = live["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["manager"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 10);
    assert_eq!(names[0], "ancient-changes");
    let ancient = &live["metadata"]["managedFields"][0]["fieldsV1"]["f:data"];
    assert_eq!(ancient, &json!({".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {}}));
}

#[rstest]
#[case(json!({"spec": {"foo": 1}}), ".spec.foo: field not declared in schema")]
#[case(json!({"spec": {"replicas": "x"}}), ".spec.replicas: expected numeric (int or float), got string")]
#[case(json!({"spec": {"paused": 1}}), ".spec.paused: expected boolean, got &{1}")]
#[case(json!({"spec": {"template": "x"}}), ".spec.template: expected map, got &{x}")]
#[case(json!({"spec": {"template": {"spec": {"containers": {}}}}}), ".spec.template.spec.containers: expected list, got &{map[]}")]
#[case(
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": {}}]}}}}),
    ".spec.template.spec.containers[name=\"c\"].image: expected string, got &value.valueUnstructured{Value:map[string]interface {}{}}"
)]
#[case(
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c"}, {"name": "c"}]}}}}),
    ".spec.template.spec.containers: duplicate entries for key [name=\"c\"]"
)]
#[case(
    json!({"metadata": {"finalizers": ["a/b", "a/b"]}}),
    ".metadata.finalizers: duplicate entries for key [=\"a/b\"]"
)]
#[case(
    json!({"spec": {"foo": 1, "bar": 2}}),
    "errors:\n  .spec.bar: field not declared in schema\n  .spec.foo: field not declared in schema"
)]
fn a_configuration_that_does_not_fit_the_type_is_refused(#[case] body: Value, #[case] expected: &str) {
    let mut full =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "n"}});
    for (key, value) in body.as_object().unwrap() {
        match full.get_mut(key).and_then(Value::as_object_mut) {
            Some(map) => map.extend(value.as_object().unwrap().clone()),
            None => full[key] = value.clone(),
        }
    }
    let error = apply(None, &full, &at("m", "apps/v1", 1), false, deployment()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to create typed patch object (n/d; apps/v1, Kind=Deployment): {expected}")
    );
}

#[test]
fn a_configuration_with_managed_fields_is_refused() {
    let mut body = map(json!({}));
    body["metadata"]["managedFields"] = json!([{"manager": "x"}]);
    let error = apply(None, &body, &at("m", "v1", 1), false, config_map()).unwrap_err();
    assert_eq!(error.to_string(), "metadata.managedFields must be nil");
}

#[rstest]
#[case("f:spec", ".spec")]
#[case("f:a.b/c", ".a.b/c")]
#[case("k:{\"containerPort\":80,\"protocol\":\"TCP\"}", "[containerPort=80,protocol=\"TCP\"]")]
#[case("v:\"a\"", "[=\"a\"]")]
#[case("v:1", "[=1]")]
#[case("i:0", "[0]")]
fn path_elements_are_read_written_and_shown(#[case] text: &str, #[case] shown: &str) {
    let element = PathElement::parse(text).unwrap();
    assert_eq!((element.to_text(), element.to_string()), (text.to_owned(), shown.to_owned()));
}

#[rstest]
#[case("spec")]
#[case("x:spec")]
#[case("k:[]")]
#[case("i:a")]
fn other_text_is_no_path_element(#[case] text: &str) {
    assert_eq!(PathElement::parse(text).unwrap_err().to_string(), format!("read the path element {text:?}"));
}

#[test]
fn field_sets_are_written_as_they_were_read() {
    let fields = json!({"f:a": {}, "f:b": {".": {}, "f:c": {}}, "k:{\"n\":\"x\"}": {".": {}, "f:n": {}}, "v:\"z\"": {}});
    let set = FieldSet::from_fields_v1(&fields).unwrap();
    assert_eq!(set.to_fields_v1(), fields);
    assert_eq!(set.paths(), [".a", ".b", "[n=\"x\"]", "[=\"z\"]", ".b.c", "[n=\"x\"].n"]);
    assert!(set.clone().difference(&set).is_empty());
    assert_eq!(set.intersection(&set), set);
    let mut all = FieldSet::default();
    all.extend(set.clone());
    all.extend(set.clone());
    assert_eq!(all, set);
}
