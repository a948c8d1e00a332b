//! `seatrial lint`, through the program: exit statuses, messages, forms, and that they are the same every time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use rstest::rstest;
use serde_json::Value;
use std::fs;
use std::path::Path;
use support::{Ended, folder, root, seatrial};
use tempfile::TempDir;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\nstringData: {key: planted-value}\n";
const APPS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\n  namespace: flux-system\n\
     spec:\n  interval: 1m\n  prune: true\n  path: ./nowhere\n  sourceRef: {kind: GitRepository, name: flux-system}\n";
const SCENARIO: &str = "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  clusters: {beta: {}}\n  steps:\n\
     \x20 - advence: 1m\n";

fn lint(dir: &Path, args: &[&str]) -> Ended {
    let scratch = tempfile::tempdir().unwrap();
    let args: Vec<&str> = ["lint"].into_iter().chain(args.iter().copied()).collect();
    seatrial(dir, scratch.path(), &args)
}

/// A repository with an error and a warning, a scenario file with a problem, and an empty folder.
fn fleet() -> TempDir {
    folder(&[
        ("repo/clusters/beta/secret.yaml", SECRET),
        ("repo/clusters/beta/apps.yaml", APPS),
        ("scenario.yaml", SCENARIO),
        ("other/clusters/gamma/empty.yaml", ""),
        ("empty/README.md", ""),
    ])
}

#[rstest]
#[case::an_error(&["repo"], 1)]
#[case::warnings_alone(&["repo", "--skip", "missing-path"], 0)]
#[case::warnings_where_they_count(&["repo", "--skip", "missing-path", "--strict"], 1)]
#[case::one_rule(&["repo", "--rule", "duplicate-object", "--strict"], 0)]
#[case::a_cluster(&["repo", "--cluster", "beta"], 1)]
#[case::clusters_of_two_repositories(&["repo", "other", "--cluster", "gamma"], 0)]
#[case::a_scenario(&["scenario.yaml"], 1)]
#[case::both(&["repo", "scenario.yaml", "--rule", "scenario"], 1)]
fn the_exit_status_is_about_what_was_found(#[case] args: &[&str], #[case] status: i32) {
    let ended = lint(fleet().path(), args);
    assert_eq!(ended.status, Some(status), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stderr, "");
}

#[rstest]
#[case::no_such_rule(&["repo", "--rule", "missing-paths"], "did you mean missing-path?")]
#[case::no_such_path(&["nowhere"], "find scenarios in nowhere: no such file or folder")]
#[case::nothing_there(&["empty"], "it has no folder clusters/, as repositories have, and no scenario files")]
#[case::no_such_cluster(&["repo", "--cluster", "gamma"], "find the cluster gamma: the repository has beta")]
#[case::keys_of_no_cluster(&["repo", "--sealing-keys", "gamma=key.pem"], "find the cluster gamma: the repository has beta")]
#[case::keys_that_are_not_there(&["repo", "--cert", "beta=nowhere.pem"], "nowhere.pem")]
#[case::keys_without_a_repository(&["scenario.yaml", "--sealing-keys", "key.pem"], "use sealing keys or a certificate: no path is a repository")]
#[case::a_cluster_without_a_repository(&["scenario.yaml", "--cluster", "beta"], "use the name of a cluster: no path is a repository")]
#[case::a_release_without_a_repository(&["scenario.yaml", "--flux", "2.9"], "use a Flux release: no path is a repository")]
#[case::no_rule_at_all(&["repo", "--rule", "build", "--skip", "build"], "look for anything: every rule is left out")]
#[case::no_such_form(&["repo", "-o", "xml"], "invalid value 'xml'")]
fn wrong_usage_ends_with_2(#[case] args: &[&str], #[case] says: &str) {
    let dir = fleet();
    fs::copy(root().join("fixtures/keys/sealing.pem"), dir.path().join("key.pem")).unwrap();
    let ended = lint(dir.path(), args);
    assert_eq!(ended.status, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn every_form_is_the_same_every_time_and_shows_no_value() {
    let dir = fleet();
    for form in ["text", "json"] {
        let (ended, again) =
            (lint(dir.path(), &["repo", "-o", form]), lint(dir.path(), &["repo", "-o", form]));
        assert_eq!(ended.stdout, again.stdout);
        assert!(ended.stdout.contains("plain-secret"), "{}", ended.stdout);
        for value in ["planted-value", "cGxhbnRlZC12YWx1ZQ=="] {
            assert!(!ended.stdout.contains(value) && !ended.stderr.contains(value), "{}", ended.stdout);
        }
    }
}

#[test]
fn a_line_says_where_and_what_and_json_has_the_same() {
    let dir = fleet();
    let text = lint(dir.path(), &["repo", "scenario.yaml"]).stdout;
    for line in [
        "repo/clusters/beta/apps.yaml:9:3: error[missing-path]: Kustomization/flux-system/apps builds nowhere, which is not in its \
         source: no such file or directory",
        "repo/clusters/beta/secret.yaml:4:1: warning[plain-secret]: the Secret default/s is in Git in plain text",
        "scenario.yaml:7:5: error[scenario]: a step has no field `advence`",
        "2 errors, 1 warning (1 cluster, 1 scenario file)",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}: {text}");
    }
    let json: Value = serde_json::from_str(&lint(dir.path(), &["repo", "-o", "json"]).stdout).unwrap();
    let first = &json["findings"][0];
    assert_eq!(first["rule"], "missing-path");
    assert_eq!(first["severity"], "error");
    assert_eq!(first["clusters"], serde_json::json!(["beta"]));
    assert_eq!(
        (&first["file"], &first["line"], &first["column"]),
        (&"repo/clusters/beta/apps.yaml".into(), &9.into(), &3.into())
    );
    assert_eq!(json["summary"]["errors"], 1);
}

#[test]
fn the_fixture_and_the_scenarios_are_clean() {
    for path in ["fixtures/monorepo", "scenarios"] {
        let ended = lint(&root(), &[path, "--strict"]);
        assert_eq!(ended.status, Some(0), "{path}: {}{}", ended.stdout, ended.stderr);
    }
}
