//! The Git sources that a folder's clusters declare.

use crate::forge::GitUrl;
use seatrial_yaml::{Node, ParseOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A URL that GitRepository objects under `clusters/` name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// The URL as it is written first.
    pub(super) url: String,
    /// The branches that are asked for, without doubles.
    pub(super) branches: Vec<String>,
    /// The paths that Kustomizations build from it, but for its root.
    pub(super) paths: Vec<String>,
}

impl Declared {
    /// Whether the folders that are built from it are all there: then what has them is probably a copy of it.
    pub(super) fn fits(&self, is_dir: impl Fn(&str) -> bool) -> bool {
        !self.paths.is_empty() && self.paths.iter().all(|path| is_dir(path))
    }
}

/// All sources that the files under `clusters/` declare, by URL. What cannot be read is left to the cluster to refuse.
pub(super) fn declared(folder: &Path) -> Vec<Declared> {
    declared_by(&by_cluster(folder))
}

/// All sources that these files declare: the contents of each cluster's files.
pub(super) fn declared_by(clusters: &[Vec<Vec<u8>>]) -> Vec<Declared> {
    let mut found: BTreeMap<GitUrl, Declared> = BTreeMap::new();
    let options = ParseOptions { comments: false, ..ParseOptions::default() };
    for texts in clusters {
        let parsed = texts.iter().flat_map(|text| seatrial_yaml::parse(text, &options)).flatten();
        let objects: Vec<Node> = parsed.map(|document| document.root).collect();
        // A source is used by its name, within one cluster.
        let mut names: BTreeMap<&str, GitUrl> = BTreeMap::new();
        for object in objects.iter().filter(|o| is(o, "GitRepository", "source.toolkit.fluxcd.io/")) {
            let Some(url) = object.str_at(&["spec", "url"]) else { continue };
            let Ok(key) = GitUrl::parse(url) else { continue };
            let source = found
                .entry(key.clone())
                .or_insert_with(|| Declared { url: url.to_owned(), ..Declared::default() });
            // What Flux checks out without a ref.
            let branch = object.str_at(&["spec", "ref", "branch"]).unwrap_or("master");
            push(&mut source.branches, branch);
            names.insert(object.str_at(&["metadata", "name"]).unwrap_or_default(), key);
        }
        for object in objects.iter().filter(|o| is(o, "Kustomization", "kustomize.toolkit.fluxcd.io/")) {
            let name = object.str_at(&["spec", "sourceRef", "name"]).unwrap_or_default();
            let path = object.str_at(&["spec", "path"]).unwrap_or_default().trim_start_matches("./");
            if let Some(source) =
                names.get(name).and_then(|key| found.get_mut(key)).filter(|_| !path.is_empty())
            {
                push(&mut source.paths, path);
            }
        }
    }
    found.into_values().collect()
}

fn push(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

fn is(object: &Node, kind: &str, group: &str) -> bool {
    object.str_at(&["kind"]) == Some(kind)
        && object.str_at(&["apiVersion"]).is_some_and(|version| version.starts_with(group))
}

/// The files of each cluster.
fn by_cluster(folder: &Path) -> Vec<Vec<Vec<u8>>> {
    let Ok(entries) = std::fs::read_dir(folder.join("clusters")) else { return Vec::new() };
    let mut clusters: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    clusters.sort();
    clusters
        .iter()
        .map(|cluster| {
            let mut files = Vec::new();
            yaml_files(cluster, &mut files);
            files.iter().flat_map(std::fs::read).collect()
        })
        .collect()
}

fn yaml_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            found.push(path);
        }
    }
}
