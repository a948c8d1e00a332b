//! The fixture's kustomizations, each rendered by the real kustomize.
//!
//! Opt-in: the program is looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles/bin`.

use std::path::{Path, PathBuf};
use std::process::Command;

fn kustomize() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder).join("bin"),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles/bin"),
    };
    Some(folder.join("kustomize")).filter(|program| program.is_file())
}

/// All folders with a kustomization, sorted.
fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            kustomizations(&path, found);
        } else if path.ends_with("kustomization.yaml") {
            found.push(folder.to_owned());
        }
    }
}

#[test]
fn every_kustomization_of_the_fixture_renders_without_a_complaint() {
    let Some(program) = kustomize() else {
        eprintln!("skipped: no kustomize in $ORACLES_DIR/bin or ~/.cache/seatrial-oracles/bin");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/monorepo");
    let mut folders = Vec::new();
    kustomizations(&root, &mut folders);
    assert!(folders.len() >= 18, "{folders:?}");
    for folder in folders {
        let output = Command::new(&program).arg("build").arg(&folder).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", folder.display());
        assert!(!output.stdout.is_empty(), "{} renders to nothing", folder.display());
    }
}
