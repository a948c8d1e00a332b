//! Runs on real API servers that are interrupted: nothing may be left of them.
//!
//! They run where ORACLES_DIR or ~/.cache/seatrial-oracles/bin holds kube-apiserver and etcd. `SEATRIAL_INTERRUPTIONS=20`
//! interrupts that many times, at moments that are spread over a whole start.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests wait on the wall clock, and may panic"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn assets() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles"),
    }
    .join("bin");
    let missing = ["etcd", "kube-apiserver"].into_iter().find(|name| !folder.join(name).is_file());
    if let Some(name) = missing {
        eprintln!("skipped: no {name} in {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Starts a run whose temporary files are all in `folder`.
fn started(assets: &Path, folder: &Path) -> Child {
    let file = folder.join("scenario.yaml");
    let text = "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {name: long}\nspec:\n  \
                clusters: {beta: {}, production: {}}\n  steps:\n  - advance: 10m\n";
    std::fs::write(&file, text).unwrap();
    let temporary = folder.join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(["run", "--backend", "envtest"])
        .arg(&file)
        .env("TMPDIR", &temporary)
        .env("KUBEBUILDER_ASSETS", assets)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the process catches signals: before that, a signal ends any program, and nothing has been started yet.
fn until_signals_are_caught(run: &Child) {
    const INTERRUPT: u64 = 1 << (2 - 1);
    for _ in 0..3_000 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        if caught
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|m| m & INTERRUPT != 0)
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the run did not catch signals within 30 s");
}

/// What is left: processes that name the folder in their arguments, and files in it.
fn left(folder: &Path) -> Vec<String> {
    let wanted = folder.display().to_string();
    let mut left = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        if arguments.contains(&wanted) {
            left.push(format!("{}: {arguments}", entry.path().display()));
        }
    }
    let files = std::fs::read_dir(folder.join("tmp")).unwrap().flatten();
    left.extend(files.map(|file| file.path().display().to_string()));
    left
}

#[test]
fn nothing_is_left_of_an_interrupted_run() {
    let Some(assets) = assets() else { return };
    let times: u64 = std::env::var("SEATRIAL_INTERRUPTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    for turn in 0..times {
        // SIGKILL leaves to others what is removed: the shells that guard the programs.
        for (signal, status) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
            let folder = tempfile::tempdir().unwrap();
            let mut run = started(&assets, folder.path());
            until_signals_are_caught(&run);
            let moment = Duration::from_millis(200 + 9_000 * turn / times);
            std::thread::sleep(moment);
            Command::new("kill").args([&format!("-{signal}"), &run.id().to_string()]).status().unwrap();
            let ended = run.wait().unwrap();
            assert_eq!(ended.code(), status, "SIG{signal} after {moment:?}");
            let mut what = left(folder.path());
            for _ in 0..50 {
                // The folder of the run itself has nobody who would remove it after a SIGKILL.
                what.retain(|name| status.is_some() || !name.contains("/tmp/seatrial-run-"));
                if status.is_some() || what.is_empty() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
                what = left(folder.path());
            }
            assert!(what.is_empty(), "SIG{signal} after {moment:?}: {what:#?}");
        }
    }
}
