//! What is wrong with a file.

use super::tree::Pos;
use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: u32,
    /// Its column, in characters from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that is known.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(file: &Path, at: Pos, message: impl Into<String>) -> Problem {
        Problem {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    /// Offers the valid name that is nearest to what was written, or all of them where none is near.
    pub(crate) fn suggest<'a>(mut self, written: &str, valid: impl IntoIterator<Item = &'a str>) -> Problem {
        let valid: Vec<&str> = valid.into_iter().collect();
        self.help = match nearest(written, &valid) {
            Some(name) => Some(format!("did you mean `{name}`?")),
            None if valid.is_empty() => None,
            None => Some(format!("valid: {}", quoted(&valid))),
        };
        self
    }
}

/// The problem on one line: `file:line:column: message (help)`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// A file that cannot be played, with everything that is wrong with it, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {}: {}", .file.display(), lines(.problems))]
pub struct Invalid {
    /// The file.
    pub file: PathBuf,
    /// Its problems; at least one.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// `` `a`, `b` ``
pub(crate) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|n| format!("`{}`", n.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The valid name that is most like `written`, if any is like it at all.
pub(crate) fn nearest<'a>(written: &str, valid: &[&'a str]) -> Option<&'a str> {
    let folded = |s: &str| s.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = folded(written);
    let limit = written.chars().count().max(3) / 3;
    valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &folded(name)), *name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::swapped_letters("clsuter", Some("cluster"))]
    #[case::missing_letter("bootstap", Some("bootstrap"))]
    #[case::other_case("addcluster", Some("addCluster"))]
    #[case::dashes("add-cluster", Some("addCluster"))]
    #[case::plural("clusters", Some("cluster"))]
    #[case::nothing_like_it("teleport", None)]
    #[case::too_short_to_tell("x", None)]
    fn the_nearest_name_is_offered_only_where_one_is_near(#[case] written: &str, #[case] want: Option<&str>) {
        assert_eq!(nearest(written, &["bootstrap", "addCluster", "cluster", "push"]), want);
    }
}
