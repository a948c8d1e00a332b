//! Merges and reverts.

use super::{Author, CommitId, ForgeError, Repo, ancestry};
use git2::{Index, MergeOptions, Oid, Repository};

/// How a merge may be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStyle {
    /// By moving the branch where that is enough, else by a merge commit. The default, as in Git.
    #[default]
    Auto,
    /// Always by a merge commit, as the button of a forge does.
    Commit,
    /// Only by moving the branch.
    FastForwardOnly,
}

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Nothing: the branch had everything.
    UpToDate(CommitId),
    /// The branch was moved.
    FastForward(CommitId),
    /// A merge commit was made.
    Commit(CommitId),
}

impl Merged {
    /// The tip of the branch afterwards.
    pub fn head(&self) -> CommitId {
        match self {
            Merged::UpToDate(id) | Merged::FastForward(id) | Merged::Commit(id) => *id,
        }
    }
}

impl Repo {
    /// Merges `from` (a branch, tag or commit) into the branch `into`. `message` is for a merge commit; default:
    /// `Merge branch 'from' into into`.
    ///
    /// # Errors
    /// [`ForgeError::MergeConflict`] with the files; [`ForgeError::NotFastForward`], [`ForgeError::Unrelated`],
    /// [`ForgeError::NoBranch`], [`ForgeError::NoRevision`].
    pub fn merge(
        &self,
        into: &str,
        from: &str,
        style: MergeStyle,
        message: Option<&str>,
        author: &Author,
    ) -> Result<Merged, ForgeError> {
        self.on_tip(|git| self.merge_once(git, into, from, style, message, author))
    }

    fn merge_once(
        &self,
        git: &Repository,
        into: &str,
        from: &str,
        style: MergeStyle,
        message: Option<&str>,
        author: &Author,
    ) -> Result<Merged, ForgeError> {
        let ours = self.tip(git, into)?;
        let theirs = self.resolve(git, from)?;
        let wrap = self.wrap("merge two branches");
        let (repo, into_name, from_name) = (self.0.name.clone(), into.to_owned(), from.to_owned());
        let Some(base) = ancestry::merge_base(git, ours, theirs).map_err(&wrap)? else {
            return Err(ForgeError::Unrelated { repo, into: into_name, from: from_name });
        };
        if base == theirs {
            return Ok(Merged::UpToDate(CommitId(ours)));
        }
        if base == ours && style != MergeStyle::Commit {
            self.advance(git, into, Some(ours), theirs)?;
            return Ok(Merged::FastForward(CommitId(theirs)));
        }
        if style == MergeStyle::FastForwardOnly {
            return Err(ForgeError::NotFastForward { repo, into: into_name, from: from_name });
        }
        let mut index = merge(git, base, ours, theirs).map_err(&wrap)?;
        let files = conflicts(&index).map_err(&wrap)?;
        if !files.is_empty() {
            return Err(ForgeError::MergeConflict { repo, into: into_name, from: from_name, files });
        }
        let tree = index.write_tree_to(git).map_err(&wrap)?;
        let default = format!("Merge branch '{from}' into {into}");
        let id = self.write_commit(git, tree, &[ours, theirs], message.unwrap_or(&default), author)?;
        self.advance(git, into, Some(ours), id)?;
        Ok(Merged::Commit(CommitId(id)))
    }

    /// Takes back one commit of a branch by a new commit. A merge commit is taken back against its first parent.
    /// `message` has the default that Git gives: `Revert "subject"`, and the commit's id.
    ///
    /// # Errors
    /// [`ForgeError::RevertConflict`] with the files, [`ForgeError::NotOnBranch`], [`ForgeError::NothingToCommit`] where
    /// the commit was taken back before.
    pub fn revert(
        &self,
        branch: &str,
        commit: &str,
        message: Option<&str>,
        author: &Author,
    ) -> Result<CommitId, ForgeError> {
        self.on_tip(|git| self.revert_once(git, branch, commit, message, author))
    }

    fn revert_once(
        &self,
        git: &Repository,
        branch: &str,
        commit: &str,
        message: Option<&str>,
        author: &Author,
    ) -> Result<CommitId, ForgeError> {
        let tip = self.tip(git, branch)?;
        let id = self.resolve(git, commit)?;
        let wrap = self.wrap("revert a commit");
        let (repo, name) = (self.0.name.clone(), branch.to_owned());
        if !ancestry::contains(git, tip, id).map_err(&wrap)? {
            return Err(ForgeError::NotOnBranch { repo, branch: name, commit: CommitId(id) });
        }
        let (mut index, default, before) = revert(git, tip, id).map_err(&wrap)?;
        let files = conflicts(&index).map_err(&wrap)?;
        if !files.is_empty() {
            return Err(ForgeError::RevertConflict { repo, branch: name, commit: CommitId(id), files });
        }
        let tree = index.write_tree_to(git).map_err(&wrap)?;
        if tree == before {
            return Err(ForgeError::NothingToCommit { repo, branch: name });
        }
        let id = self.write_commit(git, tree, &[tip], message.unwrap_or(&default), author)?;
        self.advance(git, branch, Some(tip), id)?;
        Ok(CommitId(id))
    }
}

fn merge(git: &Repository, base: Oid, ours: Oid, theirs: Oid) -> Result<Index, git2::Error> {
    let (ours, theirs) = (git.find_commit(ours)?, git.find_commit(theirs)?);
    if git.is_shallow() {
        let base = git.find_commit(base)?.tree()?;
        return git.merge_trees(&base, &ours.tree()?, &theirs.tree()?, Some(&MergeOptions::new()));
    }
    // Knows what to do where there are several bases.
    git.merge_commits(&ours, &theirs, Some(&MergeOptions::new()))
}

/// The files after a revert, Git's message for it, and the tree before it.
fn revert(git: &Repository, tip: Oid, id: Oid) -> Result<(Index, String, Oid), git2::Error> {
    let (tip, commit) = (git.find_commit(tip)?, git.find_commit(id)?);
    let mainline = u32::from(commit.parent_count() > 1);
    let index = git.revert_commit(&commit, &tip, mainline, Some(&MergeOptions::new()))?;
    let subject = String::from_utf8_lossy(commit.summary_bytes().unwrap_or_default()).into_owned();
    Ok((index, format!("Revert \"{subject}\"\n\nThis reverts commit {id}."), tip.tree_id()))
}

/// The files of an index that could not be merged, sorted, each once.
fn conflicts(index: &Index) -> Result<Vec<String>, git2::Error> {
    let mut files = Vec::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        for entry in [conflict.our, conflict.their, conflict.ancestor].into_iter().flatten() {
            files.push(String::from_utf8_lossy(&entry.path).into_owned());
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}
