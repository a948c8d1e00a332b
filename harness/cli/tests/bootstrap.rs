//! `bootstrap git`, `check` and `uninstall` on the sockets of `seatrial up`, and, where it is there, the real flux beside them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test of processes waits on the wall clock")]

#[allow(dead_code, reason = "this test starts the program itself")]
mod support;
#[path = "support/up.rs"]
mod up;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use support::root;

/// `seatrial up` with empty clusters beta and production, and the monorepo.
struct Up {
    up: up::Up,
    ready: Value,
}

impl Up {
    fn start() -> Up {
        let monorepo = root().join("fixtures/monorepo");
        let up = up::Up::start(tempfile::tempdir().unwrap(), &["--no-bootstrap", monorepo.to_str().unwrap()]);
        Up { ready: up.ready(), up }
    }

    /// The repository, and the password.
    fn git(&self) -> (String, String) {
        let forge = &self.ready["forge"];
        let url = forge["repositories"].as_object().unwrap().values().next().unwrap();
        let token = fs::read_to_string(forge["token_file"].as_str().unwrap()).unwrap();
        (url.as_str().unwrap().to_owned(), token.trim().to_owned())
    }

    /// What a program prints on both streams, and whether it succeeded.
    fn run(&self, program: &Path, args: &[&str]) -> (String, bool) {
        let output = self.up.command(program).args(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (normal(&(text(&output.stdout) + &text(&output.stderr))), output.status.success())
    }

    fn ours(&self, args: &[&str]) -> (String, bool) {
        self.run(Path::new(env!("CARGO_BIN_EXE_seatrial")), args)
    }

    /// The arguments of a bootstrap of this cluster.
    fn bootstrap(&self, cluster: &str) -> Vec<String> {
        let (url, token) = self.git();
        let mut args = vec!["bootstrap".to_owned(), "git".to_owned()];
        args.extend(
            ["--branch=master", "--token-auth", "--username=seatrial", "--silent"].map(str::to_owned),
        );
        args.extend(["--allow-insecure-http".to_owned(), "--timeout=2m".to_owned()]);
        args.extend([format!("--url={url}"), format!("--password={token}")]);
        args.extend([format!("--context={cluster}"), format!("--path=clusters/{cluster}")]);
        args
    }
}

fn strings(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Without what differs from run to run, and from cluster to cluster.
fn normal(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n', '"', '(']) {
        let core = word.trim_end_matches([' ', '\n', '"', '(']);
        let hex = core.len() == 40 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        let url = core.starts_with("http://127.0.0.1:");
        match (hex, url) {
            (true, _) => out.push_str(&word.replace(core, "COMMIT")),
            (_, true) => out.push_str(&word.replace(core, "URL")),
            _ => out.push_str(word),
        }
    }
    out
}

/// The real flux, if it is there.
fn flux() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/seatrial-oracles/bin"));
    let path = std::env::var_os("ORACLES_DIR").map(PathBuf::from).or(home)?.join("flux");
    path.exists().then_some(path)
}

const BOOTSTRAPPED: &str = r#"► cloning branch "master" from Git repository "URL"
✔ cloned repository
► generating component manifests
✔ generated component manifests
✔ committed component manifests to "master" ("COMMIT")
► pushing component manifests to "URL"
► installing components in "flux-system" namespace
✔ installed components
✔ reconciled components
► determining if source secret "flux-system/flux-system" exists
► generating source secret
► applying source secret "flux-system/flux-system"
✔ reconciled source secret
► generating sync manifests
✔ generated sync manifests
✔ committed sync manifests to "master" ("COMMIT")
► pushing sync manifests to "URL"
► applying sync manifests
✔ reconciled sync configuration
◎ waiting for GitRepository "flux-system/flux-system" to be reconciled
✔ GitRepository reconciled successfully
◎ waiting for Kustomization "flux-system/flux-system" to be reconciled
✔ Kustomization reconciled successfully
► confirming components are healthy
✔ helm-controller: deployment ready
✔ kustomize-controller: deployment ready
✔ notification-controller: deployment ready
✔ source-controller: deployment ready
✔ all components are healthy
"#;
const AGAIN: &str = r#"► cloning branch "master" from Git repository "URL"
✔ cloned repository
► generating component manifests
✔ generated component manifests
✔ component manifests are up to date
✔ reconciled components
► determining if source secret "flux-system/flux-system" exists
► generating source secret
► applying source secret "flux-system/flux-system"
✔ reconciled source secret
► generating sync manifests
✔ generated sync manifests
✔ sync manifests are up to date
► applying sync manifests
✔ reconciled sync configuration
◎ waiting for GitRepository "flux-system/flux-system" to be reconciled
✔ GitRepository reconciled successfully
◎ waiting for Kustomization "flux-system/flux-system" to be reconciled
✔ Kustomization reconciled successfully
► confirming components are healthy
✔ helm-controller: deployment ready
✔ kustomize-controller: deployment ready
✔ notification-controller: deployment ready
✔ source-controller: deployment ready
✔ all components are healthy
"#;

#[test]
fn github_s_api_https_and_ssh_lead_to_the_transcript_of_the_tutorial() {
    let up = Up::start();
    let forge = &up.ready["forge"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let https = text(&forge["https"]);
    let host = https.strip_prefix("https://").unwrap().trim_end_matches('/').to_owned();
    let ssh = text(&forge["ssh"]);
    let ssh = ssh.rsplit('@').next().unwrap().to_owned();
    let full = text(forge["full_names"].as_object().unwrap().values().next().unwrap());
    let (owner, repository) = full.split_once('/').unwrap();
    let bootstrap = |token: &str, more: &[&str]| {
        let mut args: Vec<String> =
            ["bootstrap", "github", "--personal", "--branch=master"].map(str::to_owned).into();
        args.extend([format!("--hostname={host}"), format!("--ssh-hostname={ssh}")]);
        args.extend([format!("--owner={owner}"), format!("--repository={repository}")]);
        args.push(format!("--ca-file={}", up.ready["ca"].as_str().unwrap()));
        args.extend(["--path=clusters/beta", "--context=beta", "--timeout=2m"].map(str::to_owned));
        args.extend(more.iter().map(|flag| (*flag).to_owned()));
        let mut command = up.up.command(Path::new(env!("CARGO_BIN_EXE_seatrial")));
        let output = command.args(&args).env("GITHUB_TOKEN", token).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.replace(&host, "github.com");
        (normal(&said), output.status.success())
    };
    let (told, passed) = bootstrap("ghp_wrong", &[]);
    assert!(!passed && told.contains("Bad credentials") && !told.contains("ghp_wrong"), "{told}");

    let (_, token) = up.git();
    let (told, passed) = bootstrap(&token, &[]);
    assert!(passed, "{told}");
    let mut lines = told.lines();
    for wanted in TUTORIAL.lines() {
        let found = lines.next().unwrap_or_default();
        let same = match wanted.split_once("...") {
            Some((start, _)) => found.starts_with(start),
            None => found == wanted.replace("FULL", &full),
        };
        assert!(same, "{found}\nand not\n{wanted}\nin\n{told}");
    }
    assert_eq!(lines.next(), None, "{told}");
    let (told, passed) = bootstrap(&token, &[]);
    assert!(passed && told.contains("✔ source secret up to date\n"), "{told}");
    let (told, passed) = bootstrap(&token, &["--read-write-key", "--ssh-key-algorithm=ed25519"]);
    assert!(passed && told.contains("✔ public key: ssh-ed25519 "), "{told}");
}

/// Behind `...` stands a key.
const TUTORIAL: &str = r#"► connecting to github.com
► cloning branch "master" from Git repository "https://github.com/FULL.git"
✔ cloned repository
► generating component manifests
✔ generated component manifests
✔ committed component manifests to "master" ("COMMIT")
► pushing component manifests to "https://github.com/FULL.git"
► installing components in "flux-system" namespace
✔ installed components
✔ reconciled components
► determining if source secret "flux-system/flux-system" exists
► generating source secret
✔ public key: ecdsa-sha2-nistp384 ...
✔ configured deploy key "flux-system-master-flux-system-./clusters/beta" for "https://github.com/FULL"
► applying source secret "flux-system/flux-system"
✔ reconciled source secret
► generating sync manifests
✔ generated sync manifests
✔ committed sync manifests to "master" ("COMMIT")
► pushing sync manifests to "https://github.com/FULL.git"
► applying sync manifests
✔ reconciled sync configuration
◎ waiting for GitRepository "flux-system/flux-system" to be reconciled
✔ GitRepository reconciled successfully
◎ waiting for Kustomization "flux-system/flux-system" to be reconciled
✔ Kustomization reconciled successfully
► confirming components are healthy
✔ helm-controller: deployment ready
✔ kustomize-controller: deployment ready
✔ notification-controller: deployment ready
✔ source-controller: deployment ready
✔ all components are healthy
"#;

#[test]
fn a_cluster_is_bootstrapped_over_the_network_and_the_real_flux_says_the_same() {
    let up = Up::start();
    let beta = up.bootstrap("beta");
    let (empty, passed) = up.ours(&["check", "--context=beta"]);
    assert!(!passed, "{empty}");
    assert_eq!(up.ours(&strings(&beta)), (BOOTSTRAPPED.to_owned(), true));
    assert_eq!(up.ours(&strings(&beta)), (AGAIN.to_owned(), true));
    let (checked, passed) = up.ours(&["check", "--context=beta"]);
    assert!(passed && checked.contains("✔ bootstrapped: true\n"), "{checked}");

    // A password that opens nothing: nothing is committed or installed.
    let mut wrong = up.bootstrap("production");
    wrong.push("--password=wrong".to_owned());
    let (told, passed) = up.ours(&strings(&wrong));
    assert!(!passed && told.contains("✗ failed to clone repository: ") && !told.contains("wrong"), "{told}");
    assert_eq!(up.ours(&["check", "--context=production"]).0, empty, "nothing is there");

    let Some(flux) = flux() else {
        return println!("skipped: the real flux is not there (oracles/get flux)");
    };
    // Its manifests come from the network: it is given those that are in the repository now.
    let manifests = up.up.path("manifests");
    let clone = up.up.path("clone");
    let (url, token) = up.git();
    let url = url.replacen("http://", &format!("http://seatrial:{token}@"), 1);
    let (told, cloned) = up.run(Path::new("git"), &["clone", "--quiet", &url, &clone.display().to_string()]);
    assert!(cloned, "{told}");
    fs::create_dir(&manifests).unwrap();
    let components = "gotk-components.yaml";
    fs::copy(clone.join("clusters/beta/flux-system").join(components), manifests.join(components)).unwrap();
    let list = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{components}]\n"
    );
    fs::write(manifests.join("kustomization.yaml"), list).unwrap();
    let mut production = up.bootstrap("production");
    production.push(format!("--manifests={}", manifests.display()));
    assert_eq!(up.run(&flux, &strings(&production)), (BOOTSTRAPPED.to_owned(), true));
    assert_eq!(up.run(&flux, &strings(&production)), (AGAIN.to_owned(), true));
    for line in ["check", "check --pre"] {
        let words: Vec<&str> = line.split(' ').chain(["--context=beta"]).collect();
        assert_eq!(up.ours(&words), up.run(&flux, &words), "{line}");
    }
    // What flux bootstrapped, ours takes for its own: but for the version in the header nothing differs.
    let (told, passed) = up.ours(&strings(&up.bootstrap("production")));
    assert!(passed && told.contains("✔ sync manifests are up to date\n"), "{told}");

    for (cluster, flags) in
        [("beta", "--dry-run"), ("beta", "--silent --keep-namespace"), ("production", "--silent")]
    {
        let mut words = vec!["uninstall".to_owned(), format!("--context={cluster}")];
        words.extend(flags.split(' ').map(str::to_owned));
        let (told, passed) = up.ours(&strings(&words));
        assert!(passed && told.ends_with("✔ uninstall finished\n"), "{told}");
        let namespace = told.contains("Namespace/flux-system");
        assert_eq!(namespace, !flags.contains("keep"), "{told}");
    }
    assert_eq!(up.ours(&["check", "--context=production"]).0, empty, "nothing is left");
}

/// A key ring of the engine's fixtures, in the form that `gpg --export-secret-keys` writes.
fn ring(up: &Up, name: &str) -> PathBuf {
    let armored = root().join(format!("engine/tests/data/signatures/openpgp/{name}.asc"));
    let text = fs::read_to_string(armored).unwrap();
    let (_, body) = text.split_once("\n\n").unwrap();
    let lines = body.lines().take_while(|line| !line.starts_with(['=', '-']));
    let file = up.up.path(&format!("{name}.gpg"));
    fs::write(&file, STANDARD.decode(lines.collect::<String>()).unwrap()).unwrap();
    file
}

#[test]
fn commits_are_signed_with_a_key_of_a_ring() {
    let up = Up::start();
    let (locked, public) = (ring(&up, "locked"), ring(&up, "ed.pub"));
    let (locked, public) = (locked.to_str().unwrap(), public.to_str().unwrap());
    fs::write(up.up.path("text"), "no ring\n").unwrap();
    let with = |flags: &[&str]| {
        let mut words = up.bootstrap("beta");
        words.extend(flags.iter().map(|flag| (*flag).to_owned()));
        words
    };
    let ring = |file: &str| format!("--gpg-key-ring={file}");
    // Told before anything is done, in flux's words.
    let cases: [&[&str]; 6] = [
        &[&ring("none")],
        &[&ring(".")],
        &[&ring("text")],
        &[&ring(public)],
        &[&ring(locked), "--gpg-passphrase=wrong"],
        &[&ring(locked), "--gpg-passphrase=hunter2", "--gpg-key-id=0x12"],
    ];
    for flags in cases {
        let (told, passed) = up.ours(&strings(&with(flags)));
        assert!(!passed && told.starts_with("✗ invalid GPG signing key: "), "{told}");
        assert!(!told.contains("wrong") && !told.contains("hunter2"), "{told}");
        if let Some(flux) = flux() {
            assert_eq!(up.run(&flux, &strings(&with(flags))), (told, false));
        }
    }
    let signed = with(&[&ring(locked), "--gpg-passphrase=hunter2"]);
    assert_eq!(up.ours(&strings(&signed)), (BOOTSTRAPPED.to_owned(), true));

    let (url, token) = up.git();
    let url = url.replacen("http://", &format!("http://seatrial:{token}@"), 1);
    let clone = up.up.path("signed").display().to_string();
    let (told, cloned) = up.run(Path::new("git"), &["clone", "--quiet", &url, &clone]);
    assert!(cloned, "{told}");
    let signed = |at: &str| up.run(Path::new("git"), &["-C", &clone, "cat-file", "commit", at]).0;
    for at in ["HEAD", "HEAD~1"] {
        assert!(signed(at).contains("\ngpgsig -----BEGIN PGP SIGNATURE-----\n"), "{at}");
    }
    assert!(!signed("HEAD~2").contains("gpgsig"));
    if std::process::Command::new("gpg").arg("--version").output().is_err() {
        return println!("skipped: there is no gpg");
    }
    let key = root().join("engine/tests/data/signatures/openpgp/locked.pub.asc");
    let (told, imported) = up.run(Path::new("gpg"), &["--quiet", "--import", key.to_str().unwrap()]);
    assert!(imported, "{told}");
    let (told, verified) = up.run(Path::new("git"), &["-C", &clone, "verify-commit", "HEAD", "HEAD~1"]);
    assert!(verified && told.contains("Good signature"), "{told}");
}
