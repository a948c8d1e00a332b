//! A branch of a repository of the run, as bootstrap works on it.

use super::AUTHOR;
use crate::forge::{Author, Change, CommitId, Credentials, Forge, ForgeError, Repo, Staged, Wants};
use seatrial_verbs::bootstrap::{Checkout, Commit, Pending, PushError};

/// A branch. Commits are staged, and stand on the newest tip; a push publishes them, if whoever has the credentials may.
pub struct RepoCheckout {
    forge: Forge,
    repo: Repo,
    branch: String,
    who: Option<Credentials>,
    staged: Option<Staged>,
    /// What has been pushed.
    pub(crate) pushed: Vec<CommitId>,
}

impl RepoCheckout {
    /// A branch, for the holder of these credentials; without any for the run itself, which nobody refuses.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`], unless the repository is empty.
    pub fn new(
        forge: &Forge,
        repo: &Repo,
        branch: &str,
        who: Option<Credentials>,
    ) -> Result<RepoCheckout, ForgeError> {
        if !repo.branches()?.is_empty() {
            repo.head(branch)?;
        }
        let (forge, repo, branch) = (forge.clone(), repo.clone(), branch.to_owned());
        Ok(RepoCheckout { forge, repo, branch, who, staged: None, pushed: Vec::new() })
    }

    fn revision(&self) -> String {
        self.staged.as_ref().map_or_else(|| self.branch.clone(), |staged| staged.id().to_string())
    }

    fn publish(&mut self) -> Result<(), PushError> {
        let Some(staged) = self.staged.take() else { return Ok(()) };
        if let Some(who) = &self.who
            && let Err(refusal) = self.forge.authorize(&self.repo, who, Wants::Write)
        {
            return Err(PushError::Refused(refusal.to_flux(matches!(who, Credentials::Key(_)))));
        }
        let id = self.repo.publish(&staged).map_err(|error| match error {
            ForgeError::Overtaken { .. } => PushError::Conflict(format!("failed to {error}")),
            error => PushError::Refused(format!("failed to {error}")),
        })?;
        self.pushed.push(id);
        Ok(())
    }
}

impl Checkout for RepoCheckout {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match self.repo.read(&self.revision(), path) {
            Ok(file) => Ok(Some(file)),
            Err(ForgeError::NoFile { .. }) => Ok(None),
            // Nothing has been committed yet.
            Err(ForgeError::NoRevision { .. } | ForgeError::NoBranch { .. }) => Ok(None),
            Err(error) => Err(format!("failed to {error}")),
        }
    }

    fn commit<'a>(&'a mut self, commit: &'a Commit) -> Pending<'a, Result<Option<String>, String>> {
        // Objects of Git need a mail address.
        let email = if commit.email.is_empty() { AUTHOR.1 } else { &commit.email };
        let author = Author { name: commit.name.clone(), email: email.to_owned() };
        let mut change = Change::new(commit.message.clone()).by(author);
        change.signer.clone_from(&commit.signer);
        for (path, content) in &commit.files {
            change = change.write(path.clone(), content.as_bytes());
        }
        let staged = self.repo.stage(&self.branch, &change, self.staged.as_ref());
        let made = match staged {
            Ok(Some(staged)) => {
                let id = staged.id().to_string();
                self.staged = Some(staged);
                Ok(Some(id))
            }
            Ok(None) => Ok(None),
            Err(ForgeError::Signature { problem }) => Err(problem),
            Err(error) => Err(format!("failed to {error}")),
        };
        Box::pin(std::future::ready(made))
    }

    fn tip(&self) -> String {
        match &self.staged {
            Some(staged) => staged.id().to_string(),
            None => self.repo.head(&self.branch).map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    fn push(&mut self) -> Pending<'_, Result<(), PushError>> {
        Box::pin(std::future::ready(self.publish()))
    }
}
