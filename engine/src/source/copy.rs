//! Composes an artifact of others by copy rules (`@repo/apps/**` -> `@artifact/`). Pure.

use crate::render::glob;
use seatrial_render::{Entry, Tree};
use std::collections::BTreeMap;

/// A copy rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyRule<'a> {
    /// `@alias/glob`.
    pub(crate) from: &'a str,
    /// `@artifact/path`; a folder if it ends with a slash.
    pub(crate) to: &'a str,
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
    /// No source has this alias.
    #[error("source alias '{0}' not found")]
    Alias(String),
    /// The pattern matches nothing.
    #[error("no files match pattern '{pattern}' in source '{alias}'")]
    NoFiles { alias: String, pattern: String },
}

/// The files that `rules` make of `sources`, by alias. Later rules win.
pub(crate) fn compose(rules: &[CopyRule<'_>], sources: &BTreeMap<String, Tree>) -> Result<Tree, CopyError> {
    let mut out = Tree::new();
    for rule in rules {
        copy(rule, sources, &mut out)?;
    }
    Ok(out)
}

fn copy(rule: &CopyRule<'_>, sources: &BTreeMap<String, Tree>, out: &mut Tree) -> Result<(), CopyError> {
    let (alias, pattern) = rule
        .from
        .strip_prefix('@')
        .and_then(|rest| rest.split_once('/'))
        .filter(|(alias, pattern)| !alias.is_empty() && !pattern.is_empty())
        .ok_or_else(|| CopyError::Source(rule.from.to_owned()))?;
    let to = rule.to.strip_prefix("@artifact/").ok_or_else(|| CopyError::Destination(rule.to.to_owned()))?;
    let source = sources.get(alias).ok_or_else(|| CopyError::Alias(alias.to_owned()))?;
    let base = base(pattern);
    let found: Vec<(&str, &Entry)> = source.iter().filter(|(path, _)| matches(pattern, path)).collect();
    if found.is_empty() {
        return Err(CopyError::NoFiles { alias: alias.to_owned(), pattern: pattern.to_owned() });
    }
    let one_file = found.len() == 1 && found[0].0 == pattern;
    for (path, entry) in found {
        let target = match (one_file, to.is_empty() || to.ends_with('/')) {
            (true, false) => to.to_owned(),
            _ => {
                let rest = path.strip_prefix(base).unwrap_or(path).trim_start_matches('/');
                let rest = if rest.is_empty() { path.rsplit('/').next().unwrap_or(path) } else { rest };
                format!("{}/{rest}", to.trim_end_matches('/'))
            }
        };
        out.insert(&target, entry.clone());
    }
    Ok(())
}

/// The folder in front of the first wildcard; for a pattern without one, the folder of the file.
fn base(pattern: &str) -> &str {
    let fixed = pattern.find(['*', '?', '[']).map_or(pattern, |at| &pattern[..at]);
    fixed.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a pattern matches a path: `**` stands for any number of folders; a folder stands for all that it holds.
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
    fn a_rule_copies_files(#[case] from: &str, #[case] to: &str, #[case] expected: &[&str]) {
        let tree = compose(&[CopyRule { from, to }], &sources()).expect("a tree");
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
        let error = compose(&[CopyRule { from, to }], &sources()).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some(message));
    }
}
