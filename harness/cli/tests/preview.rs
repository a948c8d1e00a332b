//! `seatrial preview`, through the program: exit statuses, messages, the three forms, and that they are the same every time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use rstest::rstest;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Ended, folder, root, seatrial};
use tempfile::TempDir;

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: default}\ndata: {a: b}\n";
const BROKEN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: nowhere}\ndata: {a: b}\n";

fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A repository with one commit of these files on the branch main.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let dir = folder(files);
    git(dir.path(), &["init", "-q", "-b", "main"]);
    commit(dir.path(), "First");
    dir
}

fn commit(dir: &Path, message: &str) {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "-m", message]);
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn preview(dir: &Path, args: &[&str]) -> Ended {
    let scratch = tempfile::tempdir().unwrap();
    let args: Vec<&str> = ["preview"].into_iter().chain(args.iter().copied()).collect();
    seatrial(dir, scratch.path(), &args)
}

fn changed() -> TempDir {
    let dir = repository(&[("clusters/beta/config.yaml", CONFIG)]);
    write(dir.path(), "clusters/beta/config.yaml", &CONFIG.replace("a: b", "a: c"));
    dir
}

#[rstest]
#[case::differences_are_no_failure(&[], 0)]
#[case::unless_asked_for(&["--exit-code"], 1)]
#[case::no_differences(&["--exit-code", "--base", "HEAD", "--head", "HEAD"], 0)]
fn the_exit_status_is_about_what_breaks(#[case] args: &[&str], #[case] status: i32) {
    let ended = preview(changed().path(), args);
    assert_eq!(ended.status, Some(status), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_breaks_ends_with_1_and_what_was_broken_before_does_not() {
    let dir = changed();
    write(dir.path(), "clusters/beta/config.yaml", BROKEN);
    let ended = preview(dir.path(), &[]);
    assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("✗ Kustomization/flux-system/flux-system cannot be applied: "),
        "{}",
        ended.stdout
    );

    commit(dir.path(), "Broken");
    write(dir.path(), "README.md", "Hello\n");
    let ended = preview(dir.path(), &["--base", "HEAD"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("cannot be applied, at the base too: "), "{}", ended.stdout);
}

#[rstest]
#[case::no_folder(&["nowhere"], "failed to read nowhere: there is no such folder")]
#[case::no_such_base(&["--base", "v9"], "failed to find the revision \"v9\" in .")]
#[case::no_such_head(&["--head", "v9"], "failed to find the revision \"v9\" in .")]
#[case::no_such_cluster(&["--cluster", "gamma"], "failed to find the cluster gamma: the repository has beta")]
#[case::no_such_form(&["-o", "xml"], "invalid value 'xml' for '--output <OUTPUT>'")]
#[case::a_file(&["clusters/beta/config.yaml"], "failed to read clusters/beta/config.yaml: it is a file, not a folder")]
fn wrong_usage_ends_with_2(#[case] args: &[&str], #[case] says: &str) {
    let ended = preview(changed().path(), args);
    assert_eq!(ended.status, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_folder_of_a_repository_stands_for_it() {
    let dir = changed();
    let (whole, inside) = (preview(dir.path(), &[]), preview(dir.path(), &["clusters/beta"]));
    assert_eq!((inside.status, inside.stdout), (whole.status, whole.stdout));
}

#[test]
fn a_plain_folder_and_a_first_commit_have_nothing_before_them() {
    let plain = folder(&[("clusters/beta/config.yaml", CONFIG)]);
    let ended = preview(plain.path(), &[]);
    assert_eq!(ended.status, Some(2));
    assert!(
        ended.stderr.contains("it is no Git repository; `seatrial try` plays a folder as it is"),
        "{}",
        ended.stderr
    );
    let first = repository(&[("clusters/beta/config.yaml", CONFIG)]);
    let ended = preview(first.path(), &[]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("it is the first commit"), "{}", ended.stderr);
}

/// What is compared where nobody says so, as the first lines of the output.
#[test]
fn the_two_revisions_are_what_people_mean() {
    let dir = repository(&[("clusters/beta/config.yaml", CONFIG)]);
    let lines = |args: &[&str]| -> Vec<String> {
        let ended = preview(dir.path(), args);
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let words =
            |line: &str| line.split_once('"').map(|(_, rest)| format!("\"{rest}")).unwrap_or_default();
        ended.stdout.lines().skip(1).take(2).map(words).collect()
    };
    write(dir.path(), "clusters/beta/config.yaml", &CONFIG.replace("a: b", "a: c"));
    write(dir.path(), "new/file.yaml", CONFIG);
    assert_eq!(lines(&[]), ["\"First\" (HEAD)", "\"First\" and 2 files that differ"]);
    commit(dir.path(), "Second");
    assert_eq!(lines(&[]), ["\"First\" (the commit before it)", "\"Second\" (HEAD)"]);
    git(dir.path(), &["checkout", "-q", "-b", "feature"]);
    write(dir.path(), "clusters/beta/config.yaml", &CONFIG.replace("a: b", "a: d"));
    commit(dir.path(), "Third");
    write(dir.path(), "clusters/beta/config.yaml", &CONFIG.replace("a: b", "a: e"));
    commit(dir.path(), "Fourth");
    assert_eq!(lines(&[]), ["\"Second\" (where it left main)", "\"Fourth\" (HEAD)"]);
    write(dir.path(), "clusters/beta/config.yaml", &CONFIG.replace("a: b", "a: f"));
    assert_eq!(lines(&[]), ["\"Second\" (where it left main)", "\"Fourth\" and 1 file that differs"]);
    assert_eq!(lines(&["--head", "HEAD"]), ["\"Second\" (where it left main)", "\"Fourth\" (HEAD)"]);
    assert_eq!(lines(&["--base", "HEAD~3", "--head", "main"]), ["\"First\" (HEAD~3)", "\"Second\" (main)"]);
}

#[test]
fn the_working_tree_is_played_as_it_would_be_committed_and_only_read() {
    let dir = repository(&[
        ("clusters/beta/config.yaml", CONFIG),
        ("clusters/beta/goes.yaml", &CONFIG.replace("hello", "goes")),
        (".gitignore", "ignored.yaml\n"),
    ]);
    fs::remove_file(dir.path().join("clusters/beta/goes.yaml")).unwrap();
    write(dir.path(), "clusters/beta/comes/new.yaml", &CONFIG.replace("hello", "comes"));
    write(dir.path(), "clusters/beta/ignored.yaml", &CONFIG.replace("hello", "ignored"));
    let list = |dir: &Path| -> Vec<String> {
        let output = Command::new("find").args([".git", "-type", "f"]).current_dir(dir).output().unwrap();
        let mut files: Vec<String> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        files.sort();
        files
    };
    let before = list(dir.path());
    let ended = preview(dir.path(), &[]);
    assert_eq!(list(dir.path()), before);
    for line in ["+ ConfigMap/default/comes", "- ConfigMap/default/goes", "1 added, 1 pruned"] {
        assert!(ended.stdout.contains(line), "{line}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("ignored"), "{}", ended.stdout);
}

#[test]
fn every_form_is_the_same_every_time_and_has_no_secret_in_it() {
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: default}}\nstringData: {{key: {value}, same: xyzzy-planted}}\n"
        )
    };
    let user = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: user, namespace: default}\ndata: {line: 'password=${key}'}\n";
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {name: user, namespace: default}\n\
         spec: {interval: 1m, prune: true, path: ./user, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system},\n\
         \x20 postBuild: {substituteFrom: [{kind: Secret, name: s}]}}\n";
    let dir = repository(&[
        ("clusters/beta/secret.yaml", &secret("hunter2-planted")),
        ("clusters/beta/user.yaml", kustomization),
        ("user/config.yaml", user),
    ]);
    write(dir.path(), "clusters/beta/secret.yaml", &secret("correct-planted-horse"));
    // The refusal by the API server would show the value.
    write(dir.path(), "user/config.yaml", &user.replace("line: 'password=${key}'", "line: ['${key}']"));
    let plain = ["hunter2-planted", "correct-planted-horse", "xyzzy-planted", "planted"];
    // "hunter2-planted", "correct-planted-horse" and "xyzzy-planted" in Base64.
    let encoded = ["aHVudGVyMi1wbGFudGVk", "Y29ycmVjdC1wbGFudGVkLWhvcnNl", "eHl6enktcGxhbnRlZA"];
    for form in ["text", "markdown", "json"] {
        let ended = preview(dir.path(), &["-o", form, "--full"]);
        let again = preview(dir.path(), &["-o", form, "--full"]);
        assert_eq!(ended.stdout, again.stdout, "{form}");
        assert!(ended.stdout.contains("<redacted "), "{form}: {}{}", ended.stdout, ended.stderr);
        for value in plain.iter().chain(&encoded) {
            assert!(!ended.stdout.contains(value), "{form}: {value}: {}", ended.stdout);
            assert!(!ended.stderr.contains(value), "{form}: {value}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_repository_is_found_from_inside_it_by_default() {
    let dir = changed();
    let ended = preview(dir.path(), &["--cluster", "beta"]);
    assert!(ended.stdout.contains("~ ConfigMap/default/hello"), "{}{}", ended.stdout, ended.stderr);
    assert!(root().join("docs/preview.md").is_file());
}
