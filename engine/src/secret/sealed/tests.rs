//! The parts that need no cluster.

use super::flags::Flags;
use super::sealed_secrets_version;
use super::target::merged;
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;

fn flags(words: &[&str]) -> Result<Flags, String> {
    Flags::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
}

#[test]
fn flags_are_read_in_both_forms() {
    let read = flags(&["--key-renew-period=5m", "--my-cn", "me", "--update-status=false", "--skip-recreate"])
        .unwrap();
    assert_eq!(read.renew, Duration::from_secs(300));
    assert_eq!(read.common_name, "me");
    assert!(!read.update_status && read.skip_recreate);
    let read = flags(&["--key-cutoff-time=Mon, 02 Jan 2006 15:04:05 -0700", "--listen-addr=:9090"]).unwrap();
    assert_eq!(read.cutoff.unwrap().to_string(), "2006-01-02T22:04:05Z");
    assert_eq!(read.port, 9090);
    assert_eq!(flags(&[]).unwrap(), Flags::default());
}

#[rstest]
#[case(&["--all-namespaces=false"], "the flag --all-namespaces is not supported")]
#[case(&["--old-gc-behavior"], "the flag --old-gc-behavior is not supported")]
#[case(&["extra"], "the argument \"extra\" is not supported")]
#[case(&["--key-size=1024"], "--key-size=1024 is not supported, only 2048, 3072, 4096 and 8192")]
#[case(&["--key-prefix"], "flag needs an argument: --key-prefix")]
fn what_is_not_supported_is_refused_by_name(#[case] words: &[&str], #[case] expected: &str) {
    assert_eq!(flags(words).unwrap_err(), expected);
}

fn wanted() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": "x", "labels": {"l": "v"}, "annotations": {"an": "v"},
            "ownerReferences": [{"uid": "u", "controller": true}],
        },
        "data": {"k": "YmFy"},
    })
}

fn existing(annotations: Value, owner: Option<&str>) -> Value {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "x", "annotations": annotations, "resourceVersion": "5"},
        "data": {"own": "MQ=="},
    });
    if let Some(uid) = owner {
        object["metadata"]["ownerReferences"] = json!([{"uid": uid, "controller": true}]);
    }
    object
}

/// As the real controller did it.
#[rstest]
#[case::own(existing(json!({}), Some("u")), json!([{"k": "YmFy"}, {"l": "v"}, {"an": "v"}, true]))]
#[case::patch(
    existing(json!({"sealedsecrets.bitnami.com/patch": "true", "keep": "1"}), None),
    json!([{"k": "YmFy", "own": "MQ=="}, {"l": "v"}, {"an": "v", "keep": "1", "sealedsecrets.bitnami.com/patch": "true"}, false])
)]
#[case::managed(
    existing(json!({"sealedsecrets.bitnami.com/managed": "true", "keep": "1"}), None),
    json!([{"k": "YmFy"}, {"l": "v"}, {"an": "v"}, true])
)]
#[case::both(
    existing(json!({"sealedsecrets.bitnami.com/managed": "true", "sealedsecrets.bitnami.com/patch": "true"}), None),
    json!([
        {"k": "YmFy", "own": "MQ=="}, {"l": "v"},
        {"an": "v", "sealedsecrets.bitnami.com/managed": "true", "sealedsecrets.bitnami.com/patch": "true"}, true
    ])
)]
fn a_secret_becomes(#[case] existing: Value, #[case] expected: Value) {
    let new = merged(&existing, &wanted(), "u").unwrap().unwrap();
    let metadata = &new["metadata"];
    let owned = metadata.get("ownerReferences").is_some();
    assert_eq!(json!([new["data"], metadata["labels"], metadata["annotations"], owned]), expected);
    assert_eq!((&new["type"], &metadata["resourceVersion"]), (&json!("Opaque"), &json!("5")));
    assert_eq!(merged(&new, &wanted(), "u").unwrap_or(None), None, "a second time changes nothing");
}

#[rstest]
#[case(None)]
#[case(Some("another"))]
fn a_secret_of_somebody_else_is_left_alone(#[case] owner: Option<&str>) {
    let refused = merged(&existing(json!({}), owner), &wanted(), "u").unwrap_err();
    assert_eq!(refused, "Resource \"x\" already exists and is not managed by SealedSecret");
}

#[rstest]
#[case::tag("docker.io/bitnami/sealed-secrets-controller:v0.24.5", "v0.24.5")]
#[case::tag_without_v("localhost:5000/sealed-secrets-controller:0.30.0", "v0.30.0")]
#[case::with_a_digest("a/sealed-secrets-controller:v0.24.5@sha256:ab", "v0.24.5")]
#[case::no_version("a/sealed-secrets-controller:latest", "v0.27.1")]
#[case::no_tag("localhost:5000/sealed-secrets-controller", "v0.27.1")]
fn the_version_is_that_of_the_tag(#[case] image: &str, #[case] version: &str) {
    assert_eq!(sealed_secrets_version(image), version);
}
