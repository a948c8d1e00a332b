//! Which kustomizations of a repository the builds of a cluster read.

use super::documents;
use seatrial_render::{KUSTOMIZATION_FILES, Tree};
use serde_json::Value;
use std::collections::BTreeSet;

/// A path that another one, of a folder, leads to; none where it leaves the repository or is an address.
pub(crate) fn below(folder: &str, path: &str) -> Option<String> {
    if path.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The kustomization files that builds of these folders read.
pub(crate) fn reached(tree: &Tree, folders: &[String]) -> BTreeSet<String> {
    let paths: BTreeSet<&str> = tree.iter().map(|(path, _)| path).collect();
    let file_of = |folder: &str| {
        let mut files = KUSTOMIZATION_FILES.iter().filter_map(|name| below(folder, name));
        files.find(|file| paths.contains(file.as_str()))
    };
    let mut found = BTreeSet::new();
    let mut queue: Vec<String> = Vec::new();
    for folder in folders {
        match file_of(folder) {
            Some(_) => queue.push(folder.clone()),
            // Flux takes all that is below a folder without a kustomization.
            None => {
                let inside = format!("{folder}/");
                let inside = paths.iter().filter(|path| folder.is_empty() || path.starts_with(&inside));
                queue.extend(inside.filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned())));
            }
        }
    }
    while let Some(folder) = queue.pop() {
        let Some(file) = file_of(&folder) else { continue };
        if !found.insert(file.clone()) {
            continue;
        }
        for kustomization in documents(&tree.read(&file).unwrap_or_default()) {
            for field in ["resources", "bases", "components"] {
                let entries = kustomization[field].as_array().into_iter().flatten();
                queue.extend(entries.filter_map(Value::as_str).filter_map(|entry| below(&folder, entry)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a/b", "../c/./d", Some("a/c/d"))]
    #[case("", "x.yaml", Some("x.yaml"))]
    #[case("a", ".", Some("a"))]
    #[case("a", "../../b", None)]
    #[case("a", "https://example.com/b", None)]
    fn paths_are_followed_inside_the_repository(
        #[case] folder: &str,
        #[case] path: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(below(folder, path).as_deref(), expected);
    }

    #[test]
    fn only_what_a_build_leads_to_is_reached() {
        let file = |text: &str| text.as_bytes().to_vec();
        let tree = Tree::new()
            .with_file(
                "apps/kustomization.yaml",
                file("resources: [../base, web.yaml]\ncomponents: [../part]"),
            )
            .with_file("apps/web.yaml", file(""))
            .with_file("base/kustomization.yml", file("resources: [../apps]"))
            .with_file("part/Kustomization", file(""))
            .with_file("other/kustomization.yaml", file(""))
            .with_file("flat/a/kustomization.yaml", file(""))
            .with_file("flat/b.yaml", file(""));
        let all = |folder: &str| reached(&tree, &[folder.to_owned()]).into_iter().collect::<Vec<_>>();
        assert_eq!(all("apps"), ["apps/kustomization.yaml", "base/kustomization.yml", "part/Kustomization"]);
        assert_eq!(all("flat"), ["flat/a/kustomization.yaml"]);
    }
}
