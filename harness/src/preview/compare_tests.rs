//! Small states, compared.

use super::*;
use rstest::rstest;
use serde_json::{Value, json};

/// One object of a state: kind/name, uid, the Kustomizations that have it, its data.
type Short<'a> = (&'a str, &'a str, &'a [&'a str], Value);

fn kustomization(name: &str) -> ObjectName {
    ObjectName { kind: "Kustomization".into(), namespace: "flux-system".into(), name: name.into() }
}

fn object(name: &str, data: &Value) -> Value {
    let (kind, name) = name.split_once('/').unwrap();
    let api_version = match kind {
        "Kustomization" => "kustomize.toolkit.fluxcd.io/v1",
        "Deployment" | "ReplicaSet" => "apps/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Widget" => "example.com/v1",
        _ => "v1",
    };
    let mut object =
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "data": data});
    match name.split_once('.') {
        Some((namespace, _)) if kind != "CustomResourceDefinition" => {
            object["metadata"]["namespace"] = namespace.into();
        }
        _ => {}
    }
    object
}

fn state(objects: &[Short<'_>]) -> BTreeMap<ObjectId, Held> {
    objects
        .iter()
        .map(|(name, uid, by, data)| {
            let object = object(name, data);
            let held = Held {
                api_version: object["apiVersion"].as_str().unwrap().to_owned(),
                uid: (*uid).to_owned(),
                by: by.iter().map(|by| kustomization(by)).collect(),
                keeps: (data["keeps"] == true).then_some("prune: disabled"),
                object,
            };
            (ObjectId::of(&held.object), held)
        })
        .collect()
}

/// The Kustomizations with their specs.
fn specs(all: &[(&str, Value)]) -> BTreeMap<ObjectName, Kustomization> {
    let one = |(name, spec): &(&str, Value)| {
        (kustomization(name), Kustomization { spec: spec.clone(), ..Kustomization::default() })
    };
    all.iter().map(one).collect()
}

/// Something that happened: an object that was deleted (its name, its uid, its owner's uid, the Kustomization of its labels),
/// or an event that says so.
enum Then<'a> {
    Deleted(&'a str, &'a str, Option<&'a str>, Option<&'a str>),
    Said(&'a str, &'a str),
}

fn past(happened: &[Then<'_>]) -> Past {
    let mut past = Past::default();
    for (at, then) in happened.iter().enumerate() {
        let when = (at as u64, 0);
        match then {
            Then::Deleted(name, uid, owner, label) => {
                let mut object = object(name, &json!({}));
                object["metadata"]["uid"] = (*uid).into();
                if let Some(owner) = owner {
                    object["metadata"]["ownerReferences"] =
                        json!([{"kind": "Deployment", "name": "web", "uid": owner, "controller": true}]);
                }
                if let Some(label) = label {
                    object["metadata"]["labels"] = json!({
                        "kustomize.toolkit.fluxcd.io/name": label,
                        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                    });
                }
                if object["kind"] == "CustomResourceDefinition" {
                    object["spec"] = json!({"group": "example.com", "names": {"kind": "Widget"}});
                }
                past.change(&object, true, "r2", when);
            }
            Then::Said(by, message) => past.change(
                &json!({
                    "kind": "Event", "source": {"component": "kustomize-controller"}, "message": message,
                    "involvedObject": {"kind": "Kustomization", "namespace": "flux-system", "name": by},
                }),
                false,
                "r2",
                when,
            ),
        }
    }
    past
}

fn shown(changes: &Changes) -> Vec<String> {
    let by = |name: &ObjectName| format!("{}/{}", name.kind, name.name);
    let held_up = |applied: bool| if applied { "" } else { " held up" };
    let mut lines = Vec::new();
    for a in &changes.added {
        lines.push(format!("+ {} by {}{}", a.object, by(&a.by), held_up(a.applied)));
    }
    for c in &changes.changed {
        let paths: Vec<&str> = c.fields.iter().map(|field| field.path.as_str()).collect();
        let mut line = format!("~ {} {}", c.object, paths.join(","));
        if let Some(was) = &c.renamed_from {
            line += &format!(" was {was}");
        }
        if let Some(from) = &c.moved_from {
            line += &format!(" from {}", by(from));
        }
        if c.recreated {
            line += " recreated";
        }
        lines.push(line + held_up(c.applied));
    }
    for p in &changes.pruned {
        let by = p.by.as_ref().map_or("nobody".to_owned(), by);
        lines.push(format!("- {} by {by}{}", p.object, held_up(p.applied)));
    }
    for k in &changes.kept {
        lines.push(format!("! {} {}", k.object, k.why));
    }
    lines.extend(changes.workloads.iter().map(|(kind, n)| format!("with {n} {kind}")));
    lines
}

const APPS: &[&str] = &["apps"];
const ROOT: &[&str] = &["root"];
const BOTH: &[&str] = &["apps", "root"];
const NONE: &[&str] = &[];

#[rstest]
#[case::nothing(
    &[("ConfigMap/a", "1", APPS, json!(1))], &[("ConfigMap/a", "1", APPS, json!(1))], &[], &[], &[], &[]
)]
#[case::added_changed_and_pruned(
    &[("ConfigMap/b", "1", APPS, json!(1)), ("ConfigMap/c", "2", APPS, json!(1))],
    &[("ConfigMap/a", "3", APPS, json!(1)), ("ConfigMap/b", "1", APPS, json!(2))],
    &[Then::Deleted("ConfigMap/c", "2", None, Some("apps")), Then::Said("apps", "ConfigMap/c deleted")],
    &[], &[],
    &["+ ConfigMap/a by Kustomization/apps", "~ ConfigMap/b data", "- ConfigMap/c by Kustomization/apps"]
)]
#[case::another_hash_is_a_change(
    &[("ConfigMap/env-2456789bcd", "1", APPS, json!(1))], &[("ConfigMap/env-fghkmt2456", "2", APPS, json!(2))],
    &[Then::Deleted("ConfigMap/env-2456789bcd", "1", None, Some("apps"))], &[], &[],
    &["~ ConfigMap/env-fghkmt2456 data was env-2456789bcd"]
)]
#[case::two_hashes_of_one_name_are_not_told_apart(
    &[("ConfigMap/env-2456789bcd", "1", APPS, json!(1)), ("ConfigMap/env-bcdfghkmt2", "2", APPS, json!(1))],
    &[("ConfigMap/env-fghkmt2456", "3", APPS, json!(2))],
    &[], &[], &[],
    &["+ ConfigMap/env-fghkmt2456 by Kustomization/apps", "- ConfigMap/env-2456789bcd by nobody",
      "- ConfigMap/env-bcdfghkmt2 by nobody"]
)]
#[case::a_word_is_no_hash(
    &[("ConfigMap/env-production", "1", APPS, json!(1))], &[("ConfigMap/env-protection", "2", APPS, json!(1))],
    &[], &[], &[],
    &["+ ConfigMap/env-protection by Kustomization/apps", "- ConfigMap/env-production by nobody"]
)]
#[case::moved_from_one_to_another(
    &[("ConfigMap/a", "1", ROOT, json!(1))], &[("ConfigMap/a", "1", APPS, json!(1))], &[], &[], &[],
    &["~ ConfigMap/a  from Kustomization/root"]
)]
#[case::moved_and_deleted_on_the_way(
    &[("ConfigMap/a", "1", ROOT, json!(1))], &[("ConfigMap/a", "2", APPS, json!(1))], &[], &[], &[],
    &["~ ConfigMap/a  from Kustomization/root recreated"]
)]
#[case::applied_by_a_second_one_too(
    &[("ConfigMap/a", "1", ROOT, json!(1))], &[("ConfigMap/a", "1", BOTH, json!(1))],
    &[], &[], &[], &[]
)]
#[case::a_kustomization_goes_with_all_that_it_had(
    &[("Kustomization/apps", "1", ROOT, json!(1)), ("Deployment/web", "2", APPS, json!(1))],
    &[],
    &[
        Then::Said("root", "Kustomization/apps deleted"),
        Then::Said("apps", "Deployment/web deleted"),
        Then::Deleted("Deployment/web", "2", None, Some("apps")),
        Then::Deleted("ReplicaSet/web-1", "3", Some("2"), None),
        Then::Deleted("Pod/web-1-a", "4", Some("3"), None),
        Then::Deleted("Pod/web-1-b", "5", Some("3"), None),
        Then::Deleted("Pod/other", "6", Some("9"), None),
        Then::Deleted("Kustomization/apps", "1", None, Some("root")),
    ],
    &[("apps", json!({"prune": true}))], &[],
    &["- Deployment/web by Kustomization/apps", "- Kustomization/apps by Kustomization/root", "with 2 Pod",
      "with 1 ReplicaSet"]
)]
#[case::a_namespace_takes_what_is_in_it(
    &[("Namespace/shop", "1", ROOT, json!(1)), ("ConfigMap/shop.a", "2", APPS, json!(1))],
    &[],
    &[
        Then::Said("root", "Namespace/shop deleted"),
        Then::Deleted("ConfigMap/shop.a", "2", None, Some("apps")),
        Then::Deleted("Namespace/shop", "1", None, Some("root")),
    ],
    &[], &[],
    &["- ConfigMap/shop/shop.a by Namespace/shop", "- Namespace/shop by Kustomization/root"]
)]
#[case::a_definition_takes_its_objects(
    &[("CustomResourceDefinition/widgets.example.com", "1", ROOT, json!(1)), ("Widget/w", "2", APPS, json!(1))],
    &[],
    &[
        Then::Deleted("Widget/w", "2", None, Some("apps")),
        Then::Deleted("CustomResourceDefinition/widgets.example.com", "1", None, Some("root")),
    ],
    &[], &[],
    &["- Widget/w by CustomResourceDefinition/widgets.example.com",
      "- CustomResourceDefinition/widgets.example.com by Kustomization/root"]
)]
#[case::kept_by_a_mark(
    &[("ConfigMap/a", "1", APPS, json!({"keeps": true}))], &[("ConfigMap/a", "1", NONE, json!({"keeps": true}))],
    &[], &[("apps", json!({"prune": true}))], &[("apps", json!({"prune": true}))],
    &["! ConfigMap/a prune: disabled"]
)]
#[case::kept_without_prune(
    &[("ConfigMap/a", "1", APPS, json!(1))], &[("ConfigMap/a", "1", NONE, json!(1))],
    &[], &[("apps", json!({"prune": false}))], &[("apps", json!({"prune": false}))],
    &["! ConfigMap/a Kustomization/flux-system/apps has prune: false"]
)]
#[case::kept_by_the_policy_of_what_goes(
    &[("ConfigMap/a", "1", APPS, json!(1))], &[("ConfigMap/a", "1", NONE, json!(1))],
    &[], &[("apps", json!({"prune": true, "deletionPolicy": "Orphan"}))], &[],
    &["! ConfigMap/a Kustomization/flux-system/apps had deletionPolicy: Orphan"]
)]
#[case::kept_by_suspension(
    &[("ConfigMap/a", "1", APPS, json!(1))], &[("ConfigMap/a", "1", NONE, json!(1))],
    &[], &[("apps", json!({"prune": true, "suspend": true}))], &[],
    &["! ConfigMap/a Kustomization/flux-system/apps was suspended when it was deleted"]
)]
#[case::left_over_since_before(
    &[("ConfigMap/a", "1", NONE, json!(1))], &[("ConfigMap/a", "1", NONE, json!(1))], &[], &[], &[], &[]
)]
#[case::built_alone(
    &[("ConfigMap/a", "", APPS, json!(1)), ("ConfigMap/b", "", APPS, json!(1))],
    &[("ConfigMap/a", "", APPS, json!(2)), ("ConfigMap/c", "", APPS, json!(1))],
    &[], &[], &[],
    &["+ ConfigMap/c by Kustomization/apps held up", "~ ConfigMap/a data held up",
      "- ConfigMap/b by Kustomization/apps held up"]
)]
fn two_states_are_compared(
    #[case] before: &[Short<'_>],
    #[case] after: &[Short<'_>],
    #[case] happened: &[Then<'_>],
    #[case] specs_before: &[(&str, Value)],
    #[case] specs_after: &[(&str, Value)],
    #[case] expected: &[&str],
) {
    let (before, after) = (state(before), state(after));
    let (specs_before, specs_after) = (specs(specs_before), specs(specs_after));
    let changes = compare(
        Side { objects: &before, kustomizations: &specs_before },
        Side { objects: &after, kustomizations: &specs_after },
        &past(happened),
    );
    assert_eq!(shown(&changes), expected);
}
