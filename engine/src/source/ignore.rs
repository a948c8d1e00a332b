//! Which files of a source are left out of its artifact: rules in the format of `.gitignore`.

use crate::render::glob;
use seatrial_render::{Entry, Tree};

/// What is left out when `spec.ignore` says nothing else.
pub const DEFAULT_EXCLUDES: &str = "\
.git/
.gitignore
.gitmodules
.gitattributes
*.jpg
*.jpeg
*.gif
*.png
*.wmv
*.flv
*.tar.gz
*.zip
.github/
.circleci/
.travis.yml
.gitlab-ci.yml
appveyor.yml
.drone.yml
cloudbuild.yaml
codeship-services.yml
codeship-steps.yml
**/.goreleaser.yml
**/.sops.yaml
**/.flux.yaml
";

/// Parts of the default excludes that hold whatever `spec.ignore` says.
const ALWAYS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n";

/// The file whose rules hold for its folder.
pub(super) const IGNORE_FILE: &str = ".sourceignore";

/// Rules in order; the last that matches decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IgnoreRules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Folder that the rule holds in, as its segments.
    folder: Vec<String>,
    segments: Vec<String>,
    /// Whether the pattern holds from its folder alone, not at any depth.
    anchored: bool,
    keep: bool,
    folders_only: bool,
}

impl IgnoreRules {
    /// The rules that every artifact starts with: the defaults, or `spec.ignore` in their place.
    pub fn new(ignore: Option<&str>) -> IgnoreRules {
        let mut rules = IgnoreRules::default();
        match ignore {
            Some(ignore) => {
                rules.add("", ALWAYS);
                rules.add("", ignore);
            }
            None => rules.add("", DEFAULT_EXCLUDES),
        }
        rules
    }

    /// Adds the rules of `text`, which hold in `folder` (relative to the root, empty for the root).
    pub fn add(&mut self, folder: &str, text: &str) {
        let folder: Vec<String> = split(folder);
        for line in text.lines() {
            let line = line.trim_end_matches('\r');
            let line = if line.ends_with("\\ ") { line } else { line.trim_end() };
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keep, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (true, pattern),
                None => {
                    (false, line.strip_prefix('\\').filter(|l| l.starts_with(['!', '#'])).unwrap_or(line))
                }
            };
            let folders_only = pattern.ends_with('/');
            let pattern = pattern.trim_end_matches('/');
            let anchored = pattern.contains('/');
            let segments = split(pattern.trim_start_matches('/'));
            if !segments.is_empty() {
                self.0.push(Rule { folder: folder.clone(), segments, anchored, keep, folders_only });
            }
        }
    }

    /// Whether the rules themselves leave out `path`, apart from what they say of its parents.
    pub fn excludes(&self, path: &str, is_folder: bool) -> bool {
        let path = split(path);
        self.0.iter().rev().find(|rule| rule.matches(&path, is_folder)).is_some_and(|rule| !rule.keep)
    }
}

/// The files of `tree`, without what `ignore`, the defaults and the files of rules in it leave out.
pub(crate) fn kept(tree: &Tree, ignore: Option<&str>) -> Tree {
    let mut rules = IgnoreRules::new(ignore);
    let mut files: Vec<(&str, &[u8])> = tree
        .iter()
        .filter_map(|(path, entry)| match entry {
            Entry::File(content) if path.rsplit('/').next() == Some(IGNORE_FILE) => {
                Some((path.rsplit_once('/').map_or("", |(folder, _)| folder), &content[..]))
            }
            _ => None,
        })
        .collect();
    // Rules of deeper folders come later, and win.
    files.sort_by_key(|(folder, _)| (split(folder).len(), *folder));
    for (folder, content) in files {
        rules.add(folder, &String::from_utf8_lossy(content));
    }
    let mut kept = Tree::new();
    for (path, entry) in tree.iter() {
        let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        if !folders.any(|folder| rules.excludes(folder, true)) && !rules.excludes(path, false) {
            kept.insert(path, entry.clone());
        }
    }
    kept
}

impl Rule {
    fn matches(&self, path: &[String], is_folder: bool) -> bool {
        if self.folders_only && !is_folder {
            return false;
        }
        let Some(path) = path.strip_prefix(self.folder.as_slice()).filter(|path| !path.is_empty()) else {
            return false;
        };
        match (self.anchored, path.last()) {
            (true, _) => segments_match(&self.segments, path),
            (false, Some(name)) => glob::matches(&self.segments[0], name),
            (false, None) => false,
        }
    }
}

fn segments_match(pattern: &[String], path: &[String]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            // At the end it stands for everything below, elsewhere for any number of folders.
            if rest.is_empty() {
                return !path.is_empty();
            }
            (0..=path.len()).any(|skipped| segments_match(rest, &path[skipped..]))
        }
        Some((first, rest)) => path
            .split_first()
            .is_some_and(|(name, path)| glob::matches(first, name) && segments_match(rest, path)),
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::image("apps/logo.png", false, true)]
    #[case::github(".github", true, true)]
    #[case::nested_github("apps/.github", true, true)]
    #[case::git_file(".gitignore", false, true)]
    #[case::sops("a/b/.sops.yaml", false, true)]
    #[case::sops_at_root(".sops.yaml", false, true)]
    #[case::manifest("apps/deployment.yaml", false, false)]
    #[case::folder_rule_spares_files(".github", false, false)]
    fn the_defaults_leave_out_what_is_no_manifest(
        #[case] path: &str,
        #[case] folder: bool,
        #[case] excluded: bool,
    ) {
        assert_eq!(IgnoreRules::new(None).excludes(path, folder), excluded);
    }

    #[rstest]
    #[case::keeps_images("a.png", false, false)]
    #[case::still_without_git(".git", true, true)]
    #[case::its_own("docs", true, true)]
    #[case::not_elsewhere("apps/docs", true, false)]
    #[case::negation("keep.md", false, false)]
    #[case::others("drop.md", false, true)]
    #[case::stars("x/y/z/secret.txt", false, true)]
    fn rules_of_the_spec_replace_the_defaults(
        #[case] path: &str,
        #[case] folder: bool,
        #[case] excluded: bool,
    ) {
        let rules = IgnoreRules::new(Some("# comment\n/docs/\n*.md\n!keep.md\nx/**/secret.txt\n"));
        assert_eq!(rules.excludes(path, folder), excluded);
    }

    #[rstest]
    #[case::kept_folder("apps", true, false)]
    #[case::other_folder("scripts", true, true)]
    #[case::other_file("README.md", false, true)]
    #[case::below("apps/base/x.yaml", false, false)]
    fn a_file_of_rules_can_keep_some_folders_alone(
        #[case] path: &str,
        #[case] folder: bool,
        #[case] excluded: bool,
    ) {
        let mut rules = IgnoreRules::new(None);
        rules.add("", "/*\n!/apps/\n!/clusters/\n");
        assert_eq!(rules.excludes(path, folder), excluded);
    }

    #[rstest]
    #[case::defaults(None, &[".sourceignore", "a.yaml", "docs/x.md", "sub/.sourceignore", "sub/b.yaml"])]
    #[case::its_own(Some("docs/"), &[".sourceignore", "a.yaml", "logo.png", "sub/.sourceignore", "sub/b.yaml"])]
    fn a_tree_keeps_what_no_rule_leaves_out(#[case] ignore: Option<&str>, #[case] expected: &[&str]) {
        let tree = Tree::new()
            .with_file("a.yaml", "")
            .with_file("logo.png", "")
            .with_file("docs/x.md", "")
            .with_file(".sourceignore", "*.txt\n")
            .with_file("c.txt", "")
            .with_file("sub/.sourceignore", "/secret.yaml\n")
            .with_file("sub/secret.yaml", "")
            .with_file("sub/b.yaml", "");
        let kept = kept(&tree, ignore);
        assert_eq!(kept.iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_file_of_rules_holds_in_its_folder() {
        let mut rules = IgnoreRules::new(None);
        rules.add("apps", "*.txt\n/only-here.yaml\n");
        assert!(rules.excludes("apps/deep/a.txt", false));
        assert!(!rules.excludes("a.txt", false));
        assert!(rules.excludes("apps/only-here.yaml", false));
        assert!(!rules.excludes("apps/deep/only-here.yaml", false));
    }
}
