//! The fixture's kustomizations, each rendered by the real kustomize and by Seatrial: the same bytes.
//!
//! Opt-in: the program is looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles/bin`.

#![allow(clippy::unwrap_used, reason = "a test's helpers may panic")]

use seatrial_render::{Options, Renderer, Tree};
use std::path::{Path, PathBuf};
use std::process::Command;

fn kustomize() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder).join("bin"),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles/bin"),
    };
    Some(folder.join("kustomize")).filter(|program| program.is_file())
}

/// All files below a folder, sorted, relative to `root`.
fn files(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_kustomization_of_the_fixture_renders_as_kustomize_renders_it() {
    let Some(program) = kustomize() else {
        eprintln!("skipped: no kustomize in $ORACLES_DIR/bin or ~/.cache/seatrial-oracles/bin");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/monorepo");
    let mut paths = Vec::new();
    files(&root, &root, &mut paths);
    let tree = paths
        .iter()
        .fold(Tree::new(), |tree, path| tree.with_file(path, std::fs::read(root.join(path)).unwrap()));
    let renderer = Renderer::new();
    let folders: Vec<&str> =
        paths.iter().filter_map(|path| path.strip_suffix("/kustomization.yaml")).collect();
    assert!(folders.len() >= 18, "{folders:?}");
    for folder in folders {
        let output = Command::new(&program).arg("build").arg(root.join(folder)).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaint.is_empty(), "{folder}: {complaint}");
        // What bootstrap writes is not there yet.
        let empty = folder.ends_with("/flux-system");
        assert_eq!(output.stdout.is_empty(), empty, "{folder} renders to nothing");
        let ours = renderer.build(&tree, folder, &Options::default()).unwrap();
        assert_eq!(ours.to_yaml().unwrap(), String::from_utf8(output.stdout).unwrap(), "{folder}");
    }
}
