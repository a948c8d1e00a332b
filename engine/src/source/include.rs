//! Puts the files of other artifacts into one. Pure.

use super::join;
use seatrial_api::source::GitRepositoryInclude;
use seatrial_render::Tree;

/// `tree` with the files of `other`, from and to where `include` says; they replace what is there.
pub(crate) fn include(tree: &Tree, other: &Tree, include: &GitRepositoryInclude) -> Tree {
    let from = within(include.from_path.as_deref().unwrap_or_default());
    let to = match include.to_path.as_deref() {
        None | Some("") => include.repository.name.clone(),
        Some(path) => within(path),
    };
    let mut out = tree.clone();
    for (path, entry) in other.iter() {
        let rest = match from.as_str() {
            "" => Some(path),
            from => path.strip_prefix(from).and_then(|rest| rest.strip_prefix('/')),
        };
        if let Some(rest) = rest {
            out.insert(&join(&to, rest), entry.clone());
        }
    }
    out
}

/// A path without `.`, `..` and doubled slashes. It leads to the root at most, from where it began, as source-controller's does.
fn within(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use seatrial_api::meta::LocalObjectReference;

    #[rstest]
    #[case::all(None, None, &["a.yaml", "other/base/x.yaml", "other/y.yaml"])]
    #[case::a_folder(Some("./base"), None, &["a.yaml", "other/x.yaml"])]
    #[case::to_a_folder(Some("base"), Some("vendor/base"), &["a.yaml", "vendor/base/x.yaml"])]
    #[case::to_the_root(Some("/base/"), Some("./"), &["a.yaml", "x.yaml"])]
    #[case::out_of_the_root(Some("base"), Some("../../vendor"), &["a.yaml", "vendor/x.yaml"])]
    #[case::only_out_of_the_root(Some("base"), Some(".."), &["a.yaml", "x.yaml"])]
    #[case::back_and_forth(Some("base"), Some("vendor/../lib/./x//y/.."), &["a.yaml", "lib/x/x.yaml"])]
    #[case::from_out_of_the_root(Some("../y/../base"), None, &["a.yaml", "other/x.yaml"])]
    #[case::nothing_there(Some("bas"), None, &["a.yaml"])]
    fn files_of_another_artifact_come_in(
        #[case] from: Option<&str>,
        #[case] to: Option<&str>,
        #[case] expected: &[&str],
    ) {
        let other = Tree::new().with_file("base/x.yaml", "x").with_file("y.yaml", "y");
        let rule = GitRepositoryInclude {
            from_path: from.map(str::to_owned),
            repository: LocalObjectReference { name: "other".to_owned() },
            to_path: to.map(str::to_owned),
        };
        let tree = include(&Tree::new().with_file("a.yaml", "a"), &other, &rule);
        assert_eq!(tree.iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    }
}
