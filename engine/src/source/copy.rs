//! Composes an artifact of others by copy rules (`@repo/apps/**` -> `@artifact/`), as `cp -r` copies. Pure.

use super::join;
use super::oci::{LayerError, unpack};
use super::values::{self, MergeError};
use crate::render::glob;
use seatrial_render::{Entry, Tree};
use serde_json::Value;
use std::collections::BTreeMap;

/// A copy rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CopyRule<'a> {
    /// `@alias/glob`.
    pub(crate) from: &'a str,
    /// `@artifact/path`; a folder if it ends with a slash.
    pub(crate) to: &'a str,
    /// What of `from` is left out: globs, relative to the source, or to what stands before the first wildcard of `from`;
    /// those without a slash hold for names at any depth.
    pub(crate) exclude: Vec<&'a str>,
    /// What becomes of files that are there, and of archives.
    pub(crate) strategy: Strategy,
}

/// What becomes of files that are there, and of archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// They are replaced.
    #[default]
    Overwrite,
    /// YAML files are merged into those that are there.
    Merge,
    /// Archives are unpacked; other files are passed over.
    Extract,
}

impl Strategy {
    /// The strategy of this name; `Overwrite` where there is none.
    pub(crate) fn parse(name: Option<&str>) -> Option<Strategy> {
        match name {
            None | Some("" | "Overwrite") => Some(Strategy::Overwrite),
            Some("Merge") => Some(Strategy::Merge),
            Some("Extract") => Some(Strategy::Extract),
            Some(_) => None,
        }
    }
}

/// A rule that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopyError {
    /// `from` has another form.
    #[error("invalid copy source '{0}': expected '@alias/pattern'")]
    Source(String),
    /// `to` has another form.
    #[error("invalid copy destination '{0}': must start with '@artifact/'")]
    Destination(String),
    /// `to` leads out of the artifact.
    #[error("invalid copy destination '{0}': leads out of the artifact")]
    Outside(String),
    /// No source has this alias.
    #[error("source alias '{0}' not found")]
    Alias(String),
    /// The pattern matches nothing.
    #[error("no files match pattern '{pattern}' in source '{alias}'")]
    NoFiles { alias: String, pattern: String },
    /// Two files cannot be merged.
    #[error("failed to merge '{from}' into '{to}': {source}")]
    Merge { from: String, to: String, source: MergeError },
    /// Only YAML files can be merged.
    #[error("failed to merge '{0}': not a YAML file")]
    NoYaml(String),
    /// A file that is no archive.
    #[error("failed to extract '{0}': must have a .tar.gz or .tgz extension")]
    NoArchive(String),
    /// A folder.
    #[error("failed to extract '{0}': directories are not supported by the Extract strategy")]
    Folder(String),
    /// A broken archive.
    #[error("failed to extract '{path}': {source}")]
    Archive { path: String, source: LayerError },
}

/// The rules of an artifact of an ArtifactGenerator.
///
/// # Errors
/// A strategy that is none.
pub(crate) fn rules(artifact: &Value) -> Result<Vec<CopyRule<'_>>, String> {
    let rules = artifact["copy"].as_array().into_iter().flatten();
    rules.map(rule).collect()
}

fn rule(rule: &Value) -> Result<CopyRule<'_>, String> {
    let text = |field: &str| rule[field].as_str().unwrap_or_default();
    let name = rule["strategy"].as_str();
    let strategy = Strategy::parse(name)
        .ok_or_else(|| format!("invalid copy strategy '{}'", name.unwrap_or_default()))?;
    let exclude = rule["exclude"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    Ok(CopyRule { from: text("from"), to: text("to"), exclude, strategy })
}

/// The files that `rules` make of `sources`, by alias. Later rules win.
pub(crate) fn compose(rules: &[CopyRule<'_>], sources: &BTreeMap<String, Tree>) -> Result<Tree, CopyError> {
    let mut out = Tree::new();
    for rule in rules {
        copy(rule, sources, &mut out)?;
    }
    Ok(out)
}

/// What `from` names.
enum Named {
    File,
    /// A folder: it comes as itself into a folder.
    Folder,
    /// All of the source, or what a pattern with wildcards matches.
    Files,
}

fn copy(rule: &CopyRule<'_>, sources: &BTreeMap<String, Tree>, out: &mut Tree) -> Result<(), CopyError> {
    let (alias, pattern) = rule
        .from
        .strip_prefix('@')
        .and_then(|rest| rest.split_once('/'))
        .filter(|(alias, _)| !alias.is_empty())
        .ok_or_else(|| CopyError::Source(rule.from.to_owned()))?;
    let to = rule.to.strip_prefix("@artifact/").ok_or_else(|| CopyError::Destination(rule.to.to_owned()))?;
    if to.split('/').any(|part| part == "..") {
        return Err(CopyError::Outside(rule.to.to_owned()));
    }
    let source = sources.get(alias).ok_or_else(|| CopyError::Alias(alias.to_owned()))?;
    let path = pattern.trim_end_matches('/');
    let path = if path == "." { "" } else { path };
    let named = match path.contains(['*', '?', '[']) {
        true => Named::Files,
        false if path.is_empty() => Named::Files,
        false if source.get(path).is_some() && !pattern.ends_with('/') => Named::File,
        false => Named::Folder,
    };
    // What is taken off the paths.
    let base = match named {
        Named::Files => path.find(['*', '?', '[']).map_or(path, |at| &path[..at]).rsplit_once('/'),
        Named::File | Named::Folder => path.rsplit_once('/'),
    };
    let base = base.map_or("", |(folder, _)| folder);
    let is_found = |at: &str| match named {
        Named::File => at == path,
        Named::Folder => at.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')),
        Named::Files => path.is_empty() || matches(path, at),
    };
    let found: Vec<(&str, &Entry)> = source
        .iter()
        .filter(|(at, _)| is_found(at) && !rule.exclude.iter().any(|exclude| excludes(exclude, base, at)))
        .collect();
    if found.is_empty() {
        return Err(CopyError::NoFiles { alias: alias.to_owned(), pattern: pattern.to_owned() });
    }
    let into = to.is_empty() || to.ends_with('/');
    let folder = to.trim_end_matches('/');
    for (at, entry) in found {
        if rule.strategy == Strategy::Extract {
            extract(&named, at, entry, folder, out)?;
            continue;
        }
        let rest = at.strip_prefix(base).unwrap_or(at).trim_start_matches('/');
        let target = match (&named, into) {
            (Named::File, false) => to.to_owned(),
            // `cp -r configs apps` makes `apps` what `configs` is.
            (Named::Folder, false) => join(folder, rest.split_once('/').map_or(rest, |(_, rest)| rest)),
            _ => join(folder, rest),
        };
        let entry = match rule.strategy {
            Strategy::Merge => merged(at, entry, &target, out)?,
            Strategy::Overwrite | Strategy::Extract => entry.clone(),
        };
        out.insert(&target, entry);
    }
    Ok(())
}

/// `entry` merged into what `out` has under `target`.
fn merged(at: &str, entry: &Entry, target: &str, out: &Tree) -> Result<Entry, CopyError> {
    let (Some(Entry::File(base)), Entry::File(over)) = (out.get(target), entry) else {
        return Ok(entry.clone());
    };
    if !at.ends_with(".yaml") && !at.ends_with(".yml") {
        return Err(CopyError::NoYaml(at.to_owned()));
    }
    let text = values::merge(base, over).map_err(|source| CopyError::Merge {
        from: at.to_owned(),
        to: target.to_owned(),
        source,
    })?;
    Ok(Entry::File(text.into()))
}

/// Unpacks an archive into `folder`.
fn extract(named: &Named, at: &str, entry: &Entry, folder: &str, out: &mut Tree) -> Result<(), CopyError> {
    let is_archive = at.ends_with(".tar.gz") || at.ends_with(".tgz");
    let (Entry::File(content), true) = (entry, is_archive) else {
        return match named {
            Named::File => Err(CopyError::NoArchive(at.to_owned())),
            Named::Folder => Err(CopyError::Folder(at.rsplit_once('/').map_or(at, |(at, _)| at).to_owned())),
            Named::Files => Ok(()),
        };
    };
    if matches!(named, Named::Folder) {
        return Err(CopyError::Folder(at.rsplit_once('/').map_or(at, |(at, _)| at).to_owned()));
    }
    let tree = unpack(content).map_err(|source| CopyError::Archive { path: at.to_owned(), source })?;
    for (path, entry) in tree.iter() {
        out.insert(&join(folder, path), entry.clone());
    }
    Ok(())
}

/// Whether a pattern leaves out a file, or a folder that it is in.
fn excludes(pattern: &str, base: &str, path: &str) -> bool {
    let pattern = pattern.trim_end_matches('/');
    let below = path.strip_prefix(base).unwrap_or(path).trim_start_matches('/');
    if !pattern.contains('/') {
        return path.split('/').any(|name| glob::matches(pattern, name)) || pattern == "**";
    }
    let all = |path: &str| {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| matches(pattern, &path[..end]))
    };
    all(path) || all(below)
}

/// Whether a pattern matches a path: `**` stands for any number of folders.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').filter(|segment| !segment.is_empty()).collect();
    let path: Vec<&str> = path.split('/').collect();
    segments(&pattern, &path)
}

fn segments(pattern: &[&str], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((&"**", [])) => true,
        Some((&"**", rest)) => (0..=path.len()).any(|skipped| segments(rest, &path[skipped..])),
        Some((first, rest)) => {
            path.split_first().is_some_and(|(name, path)| glob::matches(first, name) && segments(rest, path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn sources() -> BTreeMap<String, Tree> {
        let tree = Tree::new()
            .with_file("apps/base/a.yaml", "a")
            .with_file("apps/base/deep/b.yaml", "b")
            .with_file("apps/staging/values.txt", "v")
            .with_file("README.md", "r");
        BTreeMap::from([("repo".to_owned(), tree)])
    }

    #[rstest]
    #[case::all("@repo/**", "@artifact/", &["README.md", "apps/base/a.yaml", "apps/base/deep/b.yaml", "apps/staging/values.txt"])]
    #[case::below_a_folder("@repo/apps/base/**", "@artifact/", &["a.yaml", "deep/b.yaml"])]
    #[case::into_a_folder("@repo/apps/base/**", "@artifact/base/", &["base/a.yaml", "base/deep/b.yaml"])]
    #[case::by_extension("@repo/apps/**/*.yaml", "@artifact/x/", &["x/base/a.yaml", "x/base/deep/b.yaml"])]
    #[case::one_level("@repo/apps/base/*", "@artifact/", &["a.yaml"])]
    #[case::a_file_renamed("@repo/README.md", "@artifact/docs/r.md", &["docs/r.md"])]
    #[case::a_file_into_a_folder("@repo/apps/base/a.yaml", "@artifact/docs/", &["docs/a.yaml"])]
    #[case::a_folder_into_a_folder("@repo/apps/base/", "@artifact/x/", &["x/base/a.yaml", "x/base/deep/b.yaml"])]
    #[case::a_folder_renamed("@repo/apps/base", "@artifact/x", &["x/a.yaml", "x/deep/b.yaml"])]
    #[case::all_by_a_slash("@repo/", "@artifact/x/", &["x/README.md", "x/apps/base/a.yaml", "x/apps/base/deep/b.yaml", "x/apps/staging/values.txt"])]
    fn a_rule_copies_files(#[case] from: &str, #[case] to: &str, #[case] expected: &[&str]) {
        let tree = compose(&[CopyRule { from, to, ..CopyRule::default() }], &sources()).expect("a tree");
        assert_eq!(tree.iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case::alias("@other/**", "@artifact/", "source alias 'other' not found")]
    #[case::no_alias("apps/**", "@artifact/", "invalid copy source 'apps/**': expected '@alias/pattern'")]
    #[case::destination("@repo/**", "/x", "invalid copy destination '/x': must start with '@artifact/'")]
    #[case::nothing("@repo/none/**", "@artifact/", "no files match pattern 'none/**' in source 'repo'")]
    fn a_rule_that_cannot_be_followed_is_an_error(
        #[case] from: &str,
        #[case] to: &str,
        #[case] message: &str,
    ) {
        let error = compose(&[CopyRule { from, to, ..CopyRule::default() }], &sources())
            .map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some(message));
    }

    #[rstest]
    #[case::names("@repo/**", &["*.md", "b.*"], &["apps/base/a.yaml", "apps/staging/values.txt"])]
    #[case::folders("@repo/**", &["**/deep/**"], &["README.md", "apps/base/a.yaml", "apps/staging/values.txt"])]
    #[case::a_folder_by_name("@repo/**", &["deep"], &["README.md", "apps/base/a.yaml", "apps/staging/values.txt"])]
    #[case::from_the_source("@repo/apps/**", &["apps/base/**"], &["staging/values.txt"])]
    #[case::from_the_prefix("@repo/apps/**", &["base/deep/*"], &["base/a.yaml", "staging/values.txt"])]
    fn a_rule_leaves_out_files(#[case] from: &str, #[case] exclude: &[&str], #[case] expected: &[&str]) {
        let rule = CopyRule { from, to: "@artifact/", exclude: exclude.to_vec(), ..CopyRule::default() };
        let tree = compose(&[rule], &sources()).expect("a tree");
        assert_eq!(tree.iter().map(|(path, _)| path).collect::<Vec<_>>(), expected);
    }

    fn with_archive() -> BTreeMap<String, Tree> {
        let files =
            &[("podinfo/Chart.yaml", "name: podinfo"), ("podinfo/values.yaml", "a: {b: 1}\nl: [1]\n")];
        let tree = Tree::new()
            .with_file("charts/podinfo-1.0.0.tgz", crate::source::oci::packed(files))
            .with_file("charts/README.md", "r")
            .with_file("prod.yaml", "a: {c: 2}\nl: [2]\n")
            .with_file("notes.txt", "n");
        BTreeMap::from([("repo".to_owned(), tree)])
    }

    #[test]
    fn an_archive_is_unpacked_and_values_are_merged_into_it() {
        let rule = |from, to, strategy| CopyRule { from, to, strategy, ..CopyRule::default() };
        let rules = [
            rule("@repo/charts/*", "@artifact/", Strategy::Extract),
            rule("@repo/prod.yaml", "@artifact/podinfo/values.yaml", Strategy::Merge),
            rule("@repo/prod.yaml", "@artifact/new.yaml", Strategy::Merge),
        ];
        let tree = compose(&rules, &with_archive()).expect("a tree");
        assert_eq!(
            tree.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            ["new.yaml", "podinfo/Chart.yaml", "podinfo/values.yaml"]
        );
        assert_eq!(tree.read("podinfo/values.yaml").expect("a file"), "a:\n  b: 1\n  c: 2\nl:\n- 2\n");
        assert_eq!(tree.read("new.yaml").expect("a file"), "a: {c: 2}\nl: [2]\n");
    }

    #[rstest]
    #[case::no_archive(
        "@repo/prod.yaml",
        Strategy::Extract,
        "failed to extract 'prod.yaml': must have a .tar.gz or .tgz extension"
    )]
    #[case::folder(
        "@repo/charts/",
        Strategy::Extract,
        "failed to extract 'charts': directories are not supported by the Extract strategy"
    )]
    #[case::no_yaml("@repo/notes.txt", Strategy::Merge, "failed to merge 'notes.txt': not a YAML file")]
    fn a_strategy_that_does_not_suit_the_file_is_an_error(
        #[case] from: &str,
        #[case] strategy: Strategy,
        #[case] message: &str,
    ) {
        let there = CopyRule { from: "@repo/notes.txt", to: "@artifact/x/notes.txt", ..CopyRule::default() };
        let rule = CopyRule { from, to: "@artifact/x/", strategy, ..CopyRule::default() };
        let error = compose(&[there, rule], &with_archive()).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some(message));
    }
}
