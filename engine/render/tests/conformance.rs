//! All cases of a conformance corpus: `KUSTOMIZE_CASES=…/conformance/kustomize cargo test -p seatrial-render`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use seatrial_render::{Entry, LoadRestrictor, Options, Renderer, Reorder, Tree};

fn read_into(tree: &mut Tree, root: &Path, dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            read_into(tree, root, &path);
        } else if kind.is_symlink() {
            tree.insert(&name, Entry::Link(std::fs::read_link(&path).unwrap().to_str().unwrap().to_owned()));
        } else {
            tree.insert(&name, Entry::File(std::fs::read(&path).unwrap().into()));
        }
    }
}

#[test]
fn builds_what_kustomize_builds() {
    let Some(corpus) = std::env::var_os("KUSTOMIZE_CASES").map(PathBuf::from) else {
        eprintln!("skipped: no corpus (set KUSTOMIZE_CASES)");
        return;
    };
    let mut tree = Tree::new();
    read_into(&mut tree, &corpus, &corpus);
    let renderer = Renderer::new();
    let mut wrong = Vec::new();
    for name in tree.list("cases") {
        let case: serde_json::Value =
            serde_json::from_slice(&tree.read(&format!("cases/{name}/case.json")).unwrap()).unwrap();
        let mut options = Options::default();
        for arg in case["args"].as_array().unwrap() {
            match arg.as_str().unwrap() {
                "--load-restrictor=LoadRestrictionsNone" => options.load_restrictor = LoadRestrictor::None,
                "--reorder=legacy" => options.reorder = Reorder::Legacy,
                "--enable-managedby-label" => options.managed_by_label = true,
                other => panic!("{name}: unknown flag {other}"),
            }
        }
        let dir = format!("cases/{name}/{}", case["target"].as_str().unwrap());
        let got = renderer.build(&tree, &dir, &options).and_then(|r| r.to_yaml());
        let threads = Options { threads: 3, ..options.clone() };
        assert_eq!(got, renderer.build(&tree, &dir, &threads).and_then(|r| r.to_yaml()), "{dir}");
        let wanted = tree.read(&format!("cases/{name}/expected.yaml"));
        let same = match (&got, &wanted) {
            (Ok(got), Some(wanted)) => got.as_bytes() == &wanted[..],
            (Err(_), None) => true,
            _ => false,
        };
        if !same {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
