//! `try`, `preview` and `lint` with the keys of a cluster: its SealedSecrets open, and no value is in any output.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_seal::secret::seal;
use seatrial_seal::{Certificate, PrivateKey, Scope, Validity};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Ended, root, seatrial};
use tempfile::TempDir;

const PLANTED: [&str; 2] = ["planted-hunter2-value", "planted-horse-value"];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn git(dir: &Path, args: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.test", "-c", "commit.gpgsign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The repository of the scenarios with a sealed value, one commit, and beside it the backup of its key and of one that does not fit.
fn fleet() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("repo");
    copy(&root().join("scenarios/secrets/repo"), &repo);
    fs::copy(
        root().join("fixtures/sealed-secrets/controller.yaml"),
        repo.join("infrastructure/controller.yaml"),
    )
    .unwrap();
    let keys = [PrivateKey::generate(2048).unwrap(), PrivateKey::generate(2048).unwrap()];
    let sealed = |name: &str, namespace: &str, value: &str| {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
            "stringData": {"test": value},
        });
        seal(&secret, keys[0].public(), Scope::NamespaceWide).unwrap().to_string()
    };
    fs::write(
        repo.join("applications/web/sealed-secret.yaml"),
        sealed("sealed-secret", "default", PLANTED[0]),
    )
    .unwrap();
    // What an API server refuses, it shows: the value of a variable.
    let kustomization = |name: &str, after: &str, more: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
             spec:\n  interval: 1m\n  prune: true\n  path: ./{name}\n  dependsOn: [{{name: {after}}}]\n\
             \x20 sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
        )
    };
    let from = "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n";
    fs::write(repo.join("clusters/beta/vars.yaml"), kustomization("vars", "infrastructure", "")).unwrap();
    fs::write(repo.join("clusters/beta/uses.yaml"), kustomization("uses", "vars", from)).unwrap();
    fs::create_dir(repo.join("vars")).unwrap();
    fs::write(repo.join("vars/vars.yaml"), sealed("vars", "flux-system", PLANTED[1])).unwrap();
    fs::create_dir(repo.join("uses")).unwrap();
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: uses, namespace: default}\ndata: {line: ['${test}']}\n";
    fs::write(repo.join("uses/config.yaml"), config).unwrap();
    git(&repo, &["init", "-q", "-b", "main"]);
    git(&repo, &["add", "-A"]);
    git(&repo, &["commit", "-q", "-m", "First"]);
    git(&repo, &["commit", "-q", "--allow-empty", "-m", "Second"]);
    let validity =
        Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts: std::time::Duration::from_secs(1 << 32) };
    for (key, name) in keys.iter().zip(["backup.yaml", "other.yaml"]) {
        let certificate = Certificate::self_signed(key, validity, "", [1; 16]).unwrap();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [{
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {
                "name": "sealed-secrets-keyabcde", "namespace": "kube-system", "uid": "1", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"},
            },
            "data": {"tls.crt": encoded(certificate.pem()), "tls.key": encoded(&key.to_pem().unwrap())},
        }]});
        fs::write(dir.path().join(name), list.to_string()).unwrap();
    }
    dir
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

fn run(dir: &Path, args: &[&str]) -> Ended {
    let scratch = tempfile::tempdir().unwrap();
    let ended = seatrial(dir, scratch.path(), args);
    for value in PLANTED {
        for form in [value.to_owned(), encoded(value)] {
            assert!(!ended.stdout.contains(&form), "{args:?}: {}", ended.stdout);
            assert!(!ended.stderr.contains(&form), "{args:?}: {}", ended.stderr);
        }
    }
    assert!(!ended.stdout.contains("PRIVATE KEY") && !ended.stderr.contains("PRIVATE KEY"), "{args:?}");
    ended
}

#[test]
fn sealed_secrets_open_where_the_keys_are_given_and_show_nothing() {
    let dir = fleet();
    let waits = "CreateContainerConfigError";
    let without = run(dir.path(), &["try", "repo"]);
    assert!(without.stdout.contains(waits), "{}{}", without.stdout, without.stderr);
    let json = dir.path().join("trial.json");
    let with = run(
        dir.path(),
        &["try", "repo", "--sealing-keys", "beta=backup.yaml", "--json", json.to_str().unwrap()],
    );
    assert!(!with.stdout.contains(waits), "{}{}", with.stdout, with.stderr);
    // The variable came into what the API server refuses.
    assert!(with.stdout.contains("<redacted "), "{}", with.stdout);
    let json = fs::read_to_string(json).unwrap();
    assert!(json.contains("<redacted ") && PLANTED.iter().all(|value| !json.contains(value)), "{json}");
    let other = run(dir.path(), &["try", "repo", "--sealing-keys", "beta=other.yaml"]);
    assert!(other.stdout.contains(waits), "{}{}", other.stdout, other.stderr);

    fs::write(dir.path().join("repo/README.md"), "x").unwrap();
    for form in ["text", "markdown", "json"] {
        let args = ["preview", "repo", "--sealing-keys", "beta=backup.yaml", "--full", "-o", form];
        let ended = run(dir.path(), &args);
        assert!(ended.stdout.contains("<redacted "), "{}{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains(waits), "{}", ended.stdout);
    }
}

#[test]
fn lint_says_what_does_not_open() {
    let dir = fleet();
    let fits = run(dir.path(), &["lint", "repo", "--rule", "sealed-keys", "--sealing-keys", "backup.yaml"]);
    assert_eq!(fits.status, Some(0), "{}{}", fits.stdout, fits.stderr);
    let other =
        run(dir.path(), &["lint", "repo", "--rule", "sealed-keys", "--sealing-keys", "beta=other.yaml"]);
    assert_eq!(other.status, Some(1), "{}{}", other.stdout, other.stderr);
    assert!(other.stdout.contains("no key could decrypt secret (test)"), "{}", other.stdout);
}

#[test]
fn keys_that_are_none_are_refused() {
    let dir = fleet();
    fs::write(dir.path().join("secret.yaml"), "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n").unwrap();
    fs::write(dir.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n")
        .unwrap();
    fs::write(dir.path().join("broken.yaml"), "items:\n- [\n").unwrap();
    for (given, says) in [
        ("beta=key.pem", "failed to read the sealing keys in key.pem: "),
        ("beta=key.pem", "a PEM key is not a backup"),
        ("beta=broken.yaml", "json parse error: line "),
        ("backup.yaml", "--sealing-keys takes CLUSTER=FILE"),
        ("beta=nowhere.yaml", "failed to read nowhere.yaml"),
        ("beta=secret.yaml", "it is no key of a sealed-secrets controller"),
        ("gamma=backup.yaml", "find the cluster gamma: the repository has beta"),
    ] {
        for command in ["try", "preview"] {
            let ended = run(dir.path(), &[command, "repo", "--sealing-keys", given]);
            assert_eq!(ended.status, Some(2), "{command} {given}: {}{}", ended.stdout, ended.stderr);
            assert!(ended.stderr.contains(says), "{command} {given}: {}", ended.stderr);
        }
    }
}
