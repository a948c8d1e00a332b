//! flux's read-only verbs: what the real flux printed on `seatrial up` is recorded, and ours print the same.
//!
//! The recordings (`data/flux_beside.txt`) are played by every run, with our verbs. Where the real flux is there, it is asked
//! beside them, and has to say what was recorded; then the verbs that write are played with it, too. `SEATRIAL_RECORD=1`
//! records anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test of processes waits on the wall clock")]

#[allow(dead_code, reason = "this test starts the program itself")]
mod support;
#[path = "support/up.rs"]
mod up;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::root;

/// A running `seatrial up` on the fleet, and a copy of its files to change.
struct Up(up::Up);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn edit(file: &Path, changes: &[(&str, &str)]) {
    let mut text = fs::read_to_string(file).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "{old} is not in {}", file.display());
        text = text.replace(old, new);
    }
    fs::write(file, text).unwrap();
}

impl Up {
    fn start() -> Up {
        let scratch = tempfile::tempdir().unwrap();
        let fleet = root().join("harness/cli/tests/data/fleet");
        for name in ["fleet", "work"] {
            copy(&fleet, &scratch.path().join(name));
        }
        let up = Up(up::Up::start(scratch, &["fleet", "--cluster", "beta"]));
        let settled = ["ConfigMap/apps/child", "Deployment/apps/web", "Secret/apps/pre-subst"];
        up::until("the fleet", || {
            let tree = up.run(&Program::ours(), "tree ks flux-system").0;
            settled.iter().all(|object| tree.contains(object))
        });
        std::thread::sleep(Duration::from_secs(2));
        up.change();
        up
    }

    /// What is not committed: changes of all kinds.
    fn change(&self) {
        let work = self.0.path("work");
        copy(&work.join("apps"), &work.join("same"));
        let config = work.join("apps/plain/config.yaml");
        edit(
            &config,
            &[
                (
                    "a: \"1\", text: \"one\\ntwo\\nthree\\n\"",
                    "a: \"2\", text: \"one\\n2\\nthree\\nfour\\n\", new: x",
                ),
                ("pass: s3cret", "pass: other, more: x"),
                ("replicas: 2", "replicas: 3"),
                ("value: \"2\"", "value: \"3\""),
                ("args: [one, two]", "args: [one, three, two]"),
                ("labels: {app: web}}\nspec:\n  rep", "labels: {app: web, tier: front}}\nspec:\n  rep"),
                ("port: 80}", "port: 81}"),
            ],
        );
        let subst = work.join("apps/subst/config.yaml");
        edit(&subst, &[("${PASSWORD}", "${PASSWORD}!")]);
        let mut text = fs::read_to_string(&subst).unwrap();
        text.push_str("---\napiVersion: v1\nkind: Secret\nmetadata: {name: fresh, namespace: apps}\n");
        text.push_str("stringData: {password: \"${PASSWORD}x\"}\n");
        fs::write(&subst, text).unwrap();
        edit(&work.join("apps/child/config.yaml"), &[("a: \"1\"", "a: \"2\"")]);
        // Another object in the place of the inventory's.
        fs::create_dir(work.join("gone")).unwrap();
        fs::write(
            work.join("gone/x.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: apps}\n",
        )
        .unwrap();
        copy(&work.join("same/plain"), &work.join("immutable"));
        edit(&work.join("immutable/config.yaml"), &[("app: web", "app: web2")]);
        fs::create_dir(work.join("bad")).unwrap();
        let two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}\n---\n\
                   apiVersion: example.com/v1\nkind: Nope\nmetadata: {name: a, namespace: apps}\n";
        fs::write(work.join("bad/x.yaml"), two).unwrap();
        let text = fs::read_to_string(work.join("clusters/beta/all.yaml")).unwrap();
        let fresh =
            text.replace("name: plain, namespace: flux-system", "name: fresh, namespace: flux-system");
        fs::write(work.join("fresh.yaml"), fresh).unwrap();
        let ignoring = |target: &str| {
            let rule =
                format!("ignore: [{{paths: [/data/a, /spec/replicas], target: {{kind: '{target}'}}}}]");
            text.replace("  path: ./apps/plain\n", &format!("  path: ./apps/plain\n  {rule}\n"))
        };
        fs::write(work.join("ignoring.yaml"), ignoring("ConfigMap|Deployment")).unwrap();
        fs::write(work.join("no-target.yaml"), ignoring("Config[")).unwrap();
        let encrypted = |keys: [&str; 2]| {
            let values = keys.map(|key| format!("{key}: 'ENC[AES256_GCM,data:ACv8,type:str]'")).join(", ");
            format!("data: {{{values}}}\nsops: {{mac: 'ENC[AES256_GCM,data:G5Vt,type:str]', version: 3.9.0}}")
        };
        for (folder, keys) in [("closed/same", ["user", "pass"]), ("closed/other", ["user", "token"])] {
            copy(&work.join("same/plain"), &work.join(folder));
            let config = work.join(folder).join("config.yaml");
            edit(&config, &[("stringData: {user: admin, pass: s3cret}", &encrypted(keys))]);
        }
        copy(&work.join("same/plain"), &work.join("closed/file"));
        let file = "data: {user: eyJzb3BzIjoge30sICJhIjogIkVOQ1tBRVNdIn0=, pass: b3RoZXI=}";
        let config = work.join("closed/file/config.yaml");
        edit(&config, &[("stringData: {user: admin, pass: s3cret}", file)]);
    }

    /// Standard output, standard error, exit status.
    fn run(&self, program: &Program, line: &str) -> (String, String, Option<i32>) {
        let mut command = self.0.command(&program.path);
        let output = command.args(line.split(' ')).current_dir(self.0.path("work")).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    /// What a program says, without what differs from run to run.
    fn said(&self, program: &Program, line: &str) -> String {
        let (out, errors, status) = self.run(program, line);
        let out = if line.starts_with("events") { events(&out) } else { normal(&out) };
        let mut text = out;
        for line in normal(&errors).lines() {
            let _ = writeln!(text, "! {line}");
        }
        let _ = writeln!(text, "[exit {}]", status.unwrap_or(-1));
        text
    }
}

struct Program {
    path: PathBuf,
}

impl Program {
    fn ours() -> Program {
        Program { path: PathBuf::from(env!("CARGO_BIN_EXE_seatrial")) }
    }

    /// The real flux, if it is there.
    fn flux() -> Option<Program> {
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/seatrial-oracles/bin"));
        let folder = std::env::var_os("ORACLES_DIR").map(PathBuf::from).or(home)?;
        let path = folder.join("flux");
        path.exists().then_some(Program { path })
    }
}

/// Revisions, times and durations are left out.
fn normal(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some(at) = line.find("@sha1:").map(|at| at + "@sha1:".len()) {
            let end = line[at..].find(|c: char| !c.is_ascii_hexdigit()).map_or(line.len(), |end| at + end);
            line.replace_range(at..end, "REVISION");
        }
        for (before, after) in
            [("Last reconciled at ", " +0000"), ("Health check passed in ", "s"), ("finished in ", ",")]
        {
            if let Some(at) = line.find(before).map(|at| at + before.len())
                && let Some(end) = line[at..].find(after).map(|end| at + end)
            {
                line.replace_range(at..end, "TIME");
            }
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// The events as a set: cells without their padding, ages left out, sorted.
fn events(text: &str) -> String {
    let mut events: Vec<String> = Vec::new();
    for line in normal(text).lines() {
        let cells: Vec<&str> = line.split('\t').map(str::trim_end).collect();
        let is_age =
            |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit()) && cell.ends_with(['s', 'm', 'h']);
        let shown: Vec<&str> = cells.iter().map(|cell| if is_age(cell) { "AGE" } else { cell }).collect();
        let shown = shown.join("|");
        match events.last_mut() {
            Some(last) if cells.iter().take(4).all(|cell| cell.is_empty()) => {
                last.push('\n');
                last.push_str(&shown);
            }
            _ => events.push(shown),
        }
    }
    if let Some(rest) = events.get_mut(1..) {
        rest.sort();
    }
    events.iter().map(|event| format!("{event}\n")).collect()
}

/// What is asked: each by both programs.
const LINES: &[&str] = &[
    "check",
    "check --pre",
    "check -n nope",
    "tree ks flux-system",
    "tree kustomization flux-system --compact",
    "tree ks flux-system --compact -o json",
    "tree ks flux-system --compact -o yaml",
    "tree ks child -o yaml",
    "tree ks nope",
    "tree ks",
    "trace -n apps deployment web",
    "trace -n apps deploy/web cm/child",
    "trace -n apps cm,secret pre-subst",
    "trace child -n apps --kind ConfigMap --api-version v1",
    "trace child -n apps --kind configmap --api-version v1",
    "trace child -n apps --kind cm --api-version v1",
    "trace child -n apps --kind ConfigMap",
    "trace child -n apps --api-version v1",
    "trace --kind ConfigMap --api-version v1",
    "trace namespace apps",
    "trace ks/child",
    "trace gitrepository fleet",
    "trace crd kustomizations.kustomize.toolkit.fluxcd.io",
    "trace -n apps configmap.v1. child",
    "trace",
    "trace foo",
    "trace deploy",
    "trace a/b/c",
    "trace -n apps cm child/x",
    "trace -n apps cm child nope",
    "trace -n apps cm/nope cm/gone",
    "events",
    "events -A",
    "events -n apps",
    "events --for Kustomization/plain",
    "events --for kustomization/subst -A",
    "events --for GitRepository",
    "events --types warning",
    "events --types Foo",
    "events --for nope/x",
    "events --for Kustomization/nope",
    "events --for ks/plain",
    "build ks plain --path apps/plain",
    "build ks subst --path ./apps/subst",
    "build kustomization subst --path apps/subst --dry-run --kustomization-file clusters/beta/all.yaml",
    "build ks subst --path apps/subst --dry-run --kustomization-file clusters/beta/all.yaml --strict-substitute",
    "build ks flux-system --path clusters/beta --recursive --local-sources GitRepository/flux-system/fleet=.",
    "build ks nested --path apps/nested --recursive",
    "build ks plain --path apps --ignore-paths /child/,nested,subst/*.yaml",
    "build ks plain --path apps/plain --ignore-paths config.yaml",
    "build ks",
    "build ks plain",
    "build ks plain --path apps/plain --dry-run",
    "build ks plain --path apps/plain --kustomization-file nope.yaml",
    "build ks nope --path apps/plain",
    "build ks fresh --path apps/plain --kustomization-file fresh.yaml",
    "build ks plain --path apps/plain --kustomization-file fresh.yaml",
    "diff ks plain --path same/plain --progress-bar=false",
    "diff ks subst --path same/subst",
    "diff ks plain --path apps/plain --progress-bar=false",
    "diff ks subst --path apps/subst",
    "diff ks nested --path apps/nested",
    "diff ks nested --path apps/nested --recursive --local-sources GitRepository/flux-system/fleet=.",
    "diff ks nested --path apps/nested --recursive",
    "diff ks plain --path gone",
    "diff ks plain --path immutable",
    "diff ks child --path bad",
    "diff ks nope --path apps/plain",
    "diff ks nope --path apps/plain --ignore-not-found",
    "diff ks fresh --path same/plain --kustomization-file fresh.yaml",
    "diff ks fresh --path same/plain --kustomization-file fresh.yaml --ignore-not-found",
    "build ks plain --path apps/plain --kustomization-file ignoring.yaml",
    "diff ks plain --path apps/plain --kustomization-file ignoring.yaml",
    "build ks plain --path same/plain --kustomization-file no-target.yaml",
    "diff ks plain --path same/plain --kustomization-file no-target.yaml",
    "build ks plain --path closed/other",
    "diff ks plain --path closed/same",
    "diff ks plain --path closed/other",
    "diff ks plain --path closed/file",
    "diff ks plain",
    "diff ks",
];

/// What the real flux said.
fn recording() -> PathBuf {
    root().join("harness/cli/tests/data/flux_beside.txt")
}

fn recorded() -> Vec<(String, String)> {
    let text = fs::read_to_string(recording()).expect("a recording");
    let parts = text.split("$ flux ").skip(1);
    parts.map(|part| part.split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

/// Where the two differ, as a text. What flux tells of other objects when one is refused is one of chance: it is asked again then.
fn differences(up: &Up, program: &Program, attempts: usize) -> Vec<String> {
    let recorded = recorded();
    let lines: Vec<&str> = recorded.iter().map(|(line, _)| line.as_str()).collect();
    assert_eq!(lines, LINES, "SEATRIAL_RECORD=1 records what is asked");
    let differing = recorded.iter().filter_map(|(line, expected)| {
        let same = || (0..attempts).map(|_| up.said(program, line)).find(|found| found == expected);
        let mut found = same().unwrap_or_else(|| up.said(program, line));
        // flux ends with 1 whatever is wrong, except of `diff`; ours tells wrong usage by 2.
        let is_usage = !line.starts_with("diff") || expected.contains("is required");
        if is_usage && expected.contains("[exit 1]") {
            found = found.replace("[exit 2]", "[exit 1]");
        }
        (found != *expected).then(|| format!("$ {line}\n--- recorded\n{expected}--- now\n{found}"))
    });
    differing.collect()
}

#[test]
fn our_verbs_say_what_the_real_flux_said() {
    let up = Up::start();
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        let flux = Program::flux().expect("the real flux");
        let text: String =
            LINES.iter().map(|line| format!("$ flux {line}\n{}", up.said(&flux, line))).collect();
        fs::write(recording(), text).unwrap();
    }
    let differing = differences(&up, &Program::ours(), 0);
    assert!(differing.is_empty(), "{} of {} differ:\n{}", differing.len(), LINES.len(), differing.join("\n"));
    // What flux has and we have not is refused by name.
    for line in ["events --watch", "tree artifact x", "diff ks plain --path same/plain --progress-bar=true"] {
        let (out, errors, status) = up.run(&Program::ours(), line);
        assert!(errors.contains("is not supported by seatrial"), "{line}: {errors}");
        assert_eq!((out.as_str(), status), ("", Some(2)), "{line}");
    }
}

/// The verbs that write, by the real flux, while our engine answers: lines that it says, in their order.
const MEASURE: &[(&str, &[&str])] = &[
    (
        "reconcile kustomization plain --with-source",
        &[
            "► annotating GitRepository fleet in flux-system namespace",
            "✔ GitRepository annotated",
            "◎ waiting for GitRepository reconciliation",
            "✔ fetched revision main@sha1:REVISION",
            "► annotating Kustomization plain in flux-system namespace",
            "✔ Kustomization annotated",
            "◎ waiting for Kustomization reconciliation",
            "✔ applied revision main@sha1:REVISION",
        ],
    ),
    (
        "suspend kustomization plain",
        &["► suspending kustomization plain in flux-system namespace", "✔ kustomization suspended"],
    ),
    ("reconcile kustomization plain", &["✗ resource is suspended"]),
    (
        "resume kustomization plain",
        &[
            "► resuming kustomization plain in flux-system namespace",
            "✔ kustomization resumed",
            "◎ waiting for Kustomization reconciliation",
            "✔ Kustomization plain reconciliation completed",
            "✔ applied revision main@sha1:REVISION",
        ],
    ),
    (
        "suspend source git fleet",
        &["► suspending source git fleet in flux-system namespace", "✔ source git suspended"],
    ),
    (
        "resume source git fleet",
        &[
            "► resuming source git fleet in flux-system namespace",
            "✔ source git resumed",
            "◎ waiting for GitRepository reconciliation",
            "✔ GitRepository fleet reconciliation completed",
            "✔ fetched revision main@sha1:REVISION",
        ],
    ),
    (
        "create source git extra --url=https://git.example.com/fleet --branch=main --interval=1m",
        &[
            "✚ generating GitRepository source",
            "► applying GitRepository source",
            "✔ GitRepository source created",
            "◎ waiting for GitRepository source reconciliation",
            "✔ GitRepository source reconciliation completed",
            "✔ fetched revision: main@sha1:REVISION",
        ],
    ),
    (
        "create kustomization extra --source=GitRepository/extra --path=./apps/plain --prune=true --target-namespace=default --wait=true --interval=5m",
        &[
            "✚ generating Kustomization",
            "► applying Kustomization",
            "✔ Kustomization created",
            "◎ waiting for Kustomization reconciliation",
            "✔ Kustomization extra is ready",
            "✔ applied revision main@sha1:REVISION",
        ],
    ),
    (
        "delete kustomization extra --silent",
        &["► deleting kustomization extra in flux-system namespace", "✔ kustomization deleted"],
    ),
    (
        "delete source git extra --silent",
        &["► deleting source git extra in flux-system namespace", "✔ source git deleted"],
    ),
    ("version", &["distribution: flux-v2.9.0"]),
    ("check", &["✔ distribution: flux-v2.9.0", "✔ bootstrapped: true", "✔ all checks passed"]),
    ("stats", &["GitRepository", "Kustomization"]),
];

#[test]
fn the_real_flux_works_while_our_engine_answers() {
    let Some(flux) = Program::flux() else {
        eprintln!("skipped: the real flux is not in ORACLES_DIR or ~/.cache/seatrial-oracles/bin");
        return;
    };
    let up = Up::start();
    let differing = differences(&up, &flux, 3);
    assert!(differing.is_empty(), "{} of {} differ:\n{}", differing.len(), LINES.len(), differing.join("\n"));
    for (line, expected) in MEASURE {
        let (out, errors, _) = up.run(&flux, line);
        let said = normal(&format!("{out}{errors}"));
        let mut rest = said.as_str();
        for wanted in *expected {
            let at = rest.find(wanted).unwrap_or_else(|| panic!("flux {line}: no {wanted:?} in\n{said}"));
            rest = &rest[at + wanted.len()..];
        }
    }
}
