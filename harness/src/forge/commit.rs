//! Commits as the rest of the harness sees them.

use super::Author;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// The SHA-1 of a commit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub(super) git2::Oid);

impl CommitId {
    /// The first seven digits, as Git abbreviates.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(7);
        text
    }

    /// The revision as Flux writes it: `master@sha1:<40 hex digits>`.
    pub fn revision(&self, branch: &str) -> String {
        format!("{branch}@sha1:{self}")
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CommitId {
    type Err = git2::Error;

    fn from_str(text: &str) -> Result<CommitId, git2::Error> {
        git2::Oid::from_str(text).map(CommitId)
    }
}

/// One commit of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its parents; none for a first commit, two for a merge.
    pub parents: Vec<CommitId>,
    /// The hash of its files' tree.
    pub tree: String,
    /// Who wrote it.
    pub author: Author,
    /// When it was committed, in whole seconds.
    pub time: Timestamp,
    /// The whole message.
    pub message: String,
}

impl CommitInfo {
    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    pub(super) fn of(commit: &git2::Commit<'_>) -> CommitInfo {
        let author = commit.author();
        CommitInfo {
            id: CommitId(commit.id()),
            parents: commit.parent_ids().map(CommitId).collect(),
            tree: commit.tree_id().to_string(),
            author: Author {
                name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
                email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
            },
            time: Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
            message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
        }
    }
}
