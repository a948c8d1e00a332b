//! The image verbs, ours and the real flux's, on the same cluster of `seatrial up`: what they print, and what they make.
//!
//! Where the real flux is not there, ours are compared with what it said (`data/images_beside.txt`); `SEATRIAL_RECORD=1` records anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test of processes waits on the wall clock")]

#[allow(dead_code, reason = "this test starts the program itself")]
mod support;
#[path = "support/up.rs"]
mod up;

use std::fs;
use std::path::{Path, PathBuf};
use support::root;

/// What the programs are asked; the objects of `create` have the name NAME, which is another one for each of them.
const LINES: &[&str] = &[
    "get image all",
    "get images all -A",
    "get image repository",
    "get image repository shop",
    "get image repository nope",
    "get image repository -n default",
    "get image repository --status-selector ready=false",
    "get image policy",
    "get image policy --no-header",
    "get image policy nope",
    "get image policy -l a=b",
    "get image policy shop digest",
    "get image policy shop --status-selector ready=false",
    "get image update",
    "get image update -A --no-header",
    "get image update nope",
    "reconcile image repository shop",
    "reconcile image repository absent --timeout=3s",
    "reconcile image repository nope",
    "reconcile image repository shop -n default",
    "reconcile image repository",
    "reconcile image policy shop",
    "reconcile image policy none --timeout=3s",
    "reconcile image policy nope",
    "reconcile image update shop --timeout=3s",
    "reconcile image update nope",
    "suspend image repository shop",
    "suspend image repository shop",
    "get image repository shop",
    "reconcile image repository shop",
    "resume image repository shop",
    "resume image repository shop",
    "suspend image repository nope",
    "suspend image repository",
    "suspend image repository shop absent",
    "resume image repository shop absent --timeout=3s --wait=false",
    "suspend image repository --all",
    "resume image repository --all --timeout=3s",
    "resume image repository -n default --all",
    "suspend image update shop",
    "reconcile image update shop",
    "resume image update shop --timeout=3s",
    "suspend image update nope",
    "suspend image policy shop",
    "resume image policy shop",
    "create image repository NAME --image=ghcr.io/owls/shop --interval=5m --export",
    "create image repository NAME --image=ghcr.io/owls/shop --interval=5m",
    "create image repository NAME --image=ghcr.io/owls/shop --interval=6m --secret-ref=s --timeout=3s",
    "create image repository NAME --image=ghcr.io/owls/absent --interval=6m --timeout=3s",
    "create image repository NAME",
    "create image repository",
    "create image policy NAME --image-ref=shop --select-semver=1.x --export",
    "create image policy NAME --image-ref=shop --select-semver=1.x",
    "create image policy NAME --image-ref=shop --select-semver=1.x --reflect-digest=IfNotPresent",
    "create image policy NAME --image-ref=shop --select-alpha=asc --filter-regex=^1.*$ --filter-extract=$0",
    "create image policy NAME --image-ref=shop --select-semver=9.x --timeout=3s",
    "create image policy NAME --image-ref=nope --select-semver=1.x --timeout=3s",
    "create image policy NAME --image-ref=shop",
    "create image update NAME --git-repo-ref=flux-system --git-repo-path=./deploy --checkout-branch=main --push-branch=main --author-name=a --author-email=a@b.test --export",
    "create image update NAME --git-repo-ref=flux-system --git-repo-path=./deploy --checkout-branch=main --push-branch=main --author-name=a --author-email=a@b.test --timeout=3s",
    "create image update NAME --git-repo-ref=nope --checkout-branch=main --author-name=a --author-email=a@b.test --timeout=3s",
    "create image update NAME --git-repo-ref=flux-system",
];

const FLEET: &str = r#"apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: shop, namespace: flux-system}
spec: {image: ghcr.io/owls/shop, interval: 10m}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: absent, namespace: flux-system}
spec: {image: ghcr.io/owls/shop, interval: 10m, secretRef: {name: absent}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: shop, namespace: flux-system}
spec: {imageRepositoryRef: {name: shop}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: digest, namespace: flux-system}
spec: {imageRepositoryRef: {name: shop}, digestReflectionPolicy: IfNotPresent, policy: {alphabetical: {order: asc}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: none, namespace: flux-system}
spec: {imageRepositoryRef: {name: shop}, policy: {semver: {range: 9.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  sourceRef: {kind: GitRepository, name: flux-system}
  git:
    checkout: {ref: {branch: main}}
    commit: {author: {name: fluxbot, email: fluxbot@example.test}}
    push: {branch: main}
  update: {path: ./deploy, strategy: Setters}
"#;

struct Place(up::Up);

impl Place {
    /// A cluster that follows a folder with images, and a registry that has one image of them.
    fn start() -> Place {
        let scratch = tempfile::tempdir().unwrap();
        let fleet = scratch.path().join("fleet");
        for (path, text) in [
            ("clusters/beta/all.yaml", FLEET),
            ("deploy/none.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n"),
            // The same files have the same digest everywhere.
            ("../image/a.yaml", "a: b\n"),
        ] {
            let file = fleet.join(path);
            fs::create_dir_all(&fleet).unwrap();
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let images = ["1.0.0", "1.1.0"].map(|tag| format!("oci://ghcr.io/owls/shop:{tag}=image"));
        let args = ["fleet", "--cluster", "beta", "--serve", &images[0], "--serve", &images[1]];
        let place = Place(up::Up::start(scratch, &args));
        up::until("the images", || {
            let all = place.run(&ours(), "get image all --no-header").0;
            all.matches("\tTrue").count() == 4 && all.contains("'flux-system/absent'")
        });
        place
    }

    fn run(&self, program: &Path, line: &str) -> (String, String, Option<i32>) {
        let output = self.0.command(program).args(line.split(' ')).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    /// What a program says, without what differs from run to run.
    fn said(&self, program: &Path, line: &str, name: &str) -> String {
        let (out, errors, status) = self.run(program, &line.replace("NAME", name));
        let mut text = normal(&out);
        text.extend(normal(&errors).lines().map(|line| format!("! {line}\n")));
        // Ours tells wrong usage by 2, and by 1 that something was not done: flux by 1, and not at all.
        let failed = status != Some(0) || errors.contains('✗');
        text += if failed { "[failed]\n" } else { "[done]\n" };
        text.replace(name, "NAME")
    }
}

fn ours() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_seatrial"))
}

/// The real flux, if it is there.
fn flux() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/seatrial-oracles/bin"));
    let path = std::env::var_os("ORACLES_DIR").map(PathBuf::from).or(home)?.join("flux");
    path.exists().then_some(path)
}

/// Times and digests are left out.
fn normal(text: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_end_matches(['\n', ' ', '\t']);
        let rest = &word[core.len()..];
        let is_time = core.len() == 20 && core.ends_with('Z') && core.starts_with("20");
        match core.split_once("sha256:") {
            Some((before, digest)) => format!("{before}sha256:{}{rest}", digest.len()),
            None if is_time => format!("{:<20}{rest}", "TIME"),
            None => word.to_owned(),
        }
    };
    text.split_inclusive([' ', '\n', '\t']).map(word).collect()
}

fn recording() -> PathBuf {
    root().join("harness/cli/tests/data/images_beside.txt")
}

fn compare(differing: &[String]) {
    assert!(differing.is_empty(), "{} of {} differ:\n{}", differing.len(), LINES.len(), differing.join("\n"));
}

#[test]
fn our_image_verbs_say_and_make_what_those_of_flux_do() {
    let place = Place::start();
    let Some(flux) = flux() else {
        let text = fs::read_to_string(recording()).unwrap();
        let parts = text.split("$ flux ").skip(1);
        let recorded: Vec<(&str, &str)> = parts.map(|part| part.split_once('\n').unwrap()).collect();
        assert_eq!(recorded.iter().map(|(line, _)| *line).collect::<Vec<_>>(), LINES);
        let differing = recorded.iter().filter_map(|(line, theirs)| {
            let own = place.said(&ours(), line, "owns");
            (own != *theirs).then(|| format!("$ {line}\n--- flux\n{theirs}--- ours\n{own}"))
        });
        return compare(&differing.collect::<Vec<_>>());
    };
    let (mut differing, mut record) = (Vec::new(), String::new());
    for line in LINES {
        let theirs = place.said(&flux, line, "real");
        let own = place.said(&ours(), line, "owns");
        record += &format!("$ flux {line}\n{theirs}");
        if theirs != own {
            differing.push(format!("$ {line}\n--- flux\n{theirs}--- ours\n{own}"));
        }
        // Lists show the objects of one of them alone.
        if let Some(kind) = line.strip_prefix("create image ").and_then(|line| line.split(' ').next()) {
            let made = |name: &str| place.said(&flux, &format!("export image {kind} NAME"), name);
            assert_eq!(made("owns"), made("real"), "{line}");
        }
    }
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        fs::write(recording(), record).unwrap();
    } else {
        assert_eq!(fs::read_to_string(recording()).unwrap(), record, "SEATRIAL_RECORD=1 records anew");
    }
    compare(&differing);
}
