//! Commits that are made first and published later, as a clone and a push do.

use super::{Change, CommitId, ForgeError, Repo, lock};
use git2::Oid;

/// A commit that no branch has yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    branch: String,
    base: Option<Oid>,
    id: CommitId,
}

impl Staged {
    /// Its id.
    pub fn id(&self) -> CommitId {
        self.id
    }
}

impl Repo {
    /// Makes a commit on the tip of a branch, or on what was staged before, and moves no branch. `None` where nothing differs.
    ///
    /// # Errors
    /// As [`Repo::commit`].
    pub fn stage(
        &self,
        branch: &str,
        change: &Change,
        onto: Option<&Staged>,
    ) -> Result<Option<Staged>, ForgeError> {
        let git = lock(&self.0.git);
        let (base, parent) = match onto {
            Some(staged) => (staged.base, Some(staged.id.0)),
            None => {
                let tip = self.parent(&git, branch)?;
                (tip, tip)
            }
        };
        match self.make(&git, branch, change, parent) {
            Ok(id) => Ok(Some(Staged { branch: branch.to_owned(), base, id: CommitId(id) })),
            Err(ForgeError::NothingToCommit { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Moves the branch to what was staged.
    ///
    /// # Errors
    /// [`ForgeError::Overtaken`] where somebody else has moved it since.
    pub fn publish(&self, staged: &Staged) -> Result<CommitId, ForgeError> {
        self.advance(&lock(&self.0.git), &staged.branch, staged.base, staged.id.0)?;
        Ok(staged.id)
    }
}
