//! What kustomize printed for its own tests reads and prints again unchanged.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use std::path::{Path, PathBuf};

use seatrial_yaml::{ParseOptions, emit, parse};

fn cases() -> Option<PathBuf> {
    let root = match std::env::var_os("SEATRIAL_CONFORMANCE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    Some(root.join("kustomize/cases")).filter(|cases| cases.is_dir())
}

#[test]
fn printed_builds_are_a_fixed_point() {
    let Some(cases) = cases() else {
        eprintln!("skipped: no conformance cases (set SEATRIAL_CONFORMANCE)");
        return;
    };
    let mut checked = 0;
    let mut wrong = Vec::new();
    for case in std::fs::read_dir(cases).unwrap() {
        let file = case.unwrap().path().join("expected.yaml");
        let Ok(expected) = std::fs::read_to_string(&file) else { continue };
        let documents = parse(expected.as_bytes(), &ParseOptions::default()).unwrap();
        let printed: Vec<String> =
            documents.iter().filter(|d| !d.is_empty()).map(|d| emit(&d.root).unwrap()).collect();
        checked += 1;
        if printed.join("---\n") != expected {
            wrong.push(file);
        }
    }
    assert!(checked > 0);
    assert!(wrong.is_empty(), "{} of {checked} differ: {wrong:#?}", wrong.len());
}
