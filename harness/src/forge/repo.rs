//! One repository of a run.

use super::hooks::Watched;
use super::tree::Dir;
use super::{Change, CommitId, ForgeError, lock};
use git2::{ErrorCode, Oid, Repository, Signature, Time};
use seatrial_engine::CommitKey;
use seatrial_time::{Clock, Signal};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How often a change is made again because a push came first.
const ATTEMPTS: u32 = 100;
/// The pause between two of them.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

/// A bare repository. Cheap to clone; clones are the same repository.
#[derive(Clone)]
pub struct Repo(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) branch: String,
    pub(super) clock: Clock,
    pub(super) signal: Signal,
    pub(super) git: Mutex<Repository>,
    /// What is noted for webhooks; none where nobody listens.
    pub(super) watched: Mutex<Option<Watched>>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("name", &self.0.name).field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Repo {
    /// The name in the scenario.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The bare repository on disk, for programs that work on it directly.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The branch that the run works on, where nobody names another.
    pub fn default_branch(&self) -> &str {
        &self.0.branch
    }

    /// Moves with every change of a ref.
    pub fn signal(&self) -> &Signal {
        &self.0.signal
    }

    /// Makes a change of a branch that is worked out from its tip, and works it out again where a push has moved the
    /// branch meanwhile (see [`Repo::advance`]).
    pub(super) fn on_tip<T>(
        &self,
        change: impl Fn(&Repository) -> Result<T, ForgeError>,
    ) -> Result<T, ForgeError> {
        let git = lock(&self.0.git);
        let mut left = ATTEMPTS;
        loop {
            match change(&git) {
                Err(ForgeError::Overtaken { .. }) if left > 0 => {
                    left -= 1;
                    // A push may hold the lock on the ref. Only programs outside of the run push: no virtual run waits here.
                    std::thread::park_timeout(PAUSE);
                }
                done => return done,
            }
        }
    }

    /// Says that a ref was changed by someone else than this handle, such as a `git push` that a server has taken in.
    pub fn refs_moved(&self) {
        let git = lock(&self.0.git);
        self.moved(&git);
    }

    /// The branch that a clone checks out; it need not exist yet.
    ///
    /// # Errors
    /// [`ForgeError::Git`].
    pub fn head_branch(&self) -> Result<String, ForgeError> {
        let git = lock(&self.0.git);
        let head = git.find_reference("HEAD").map_err(self.wrap("read the default branch"))?;
        let target = head.symbolic_target_bytes().unwrap_or_default();
        let target = String::from_utf8_lossy(target).into_owned();
        Ok(target.strip_prefix("refs/heads/").map_or(target.clone(), str::to_owned))
    }

    /// Has clones check out another branch.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`].
    pub fn set_head_branch(&self, branch: &str) -> Result<(), ForgeError> {
        let git = lock(&self.0.git);
        self.tip(&git, branch)?;
        git.set_head(&branch_ref(branch)?).map_err(self.wrap("set the default branch"))?;
        self.0.signal.bump();
        Ok(())
    }

    /// The commit at the tip of a branch.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`].
    pub fn head(&self, branch: &str) -> Result<CommitId, ForgeError> {
        self.tip(&lock(&self.0.git), branch).map(CommitId)
    }

    /// Makes a commit on a branch. The first commit of an empty repository makes the branch too.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`]; [`ForgeError::NothingToCommit`] where the files are already so and the change does not
    /// allow that; the errors of single edits: [`ForgeError::BadPath`], [`ForgeError::NothingToRemove`],
    /// [`ForgeError::InTheWay`].
    pub fn commit(&self, branch: &str, change: &Change) -> Result<CommitId, ForgeError> {
        self.on_tip(|git| self.commit_once(git, branch, change))
    }

    /// Notes what has moved, where webhooks want to know, and wakes whoever waits for it. The first branch of an empty repository
    /// becomes the one that clones check out, as on GitHub.
    fn moved(&self, git: &Repository) {
        if git.head().is_err()
            && let Ok(names) = self.branch_names(git)
            && let Some(first) = names.first()
        {
            let head = format!("refs/heads/{first}");
            if let Err(error) = git.set_head(&head) {
                tracing::warn!(repo = %self.0.name, %error, "the default branch could not be set");
            }
        }
        if let Some(watched) = lock(&self.0.watched).as_mut() {
            watched.look(git, self.0.clock.now());
        }
        self.0.signal.bump();
    }

    fn commit_once(&self, git: &Repository, branch: &str, change: &Change) -> Result<CommitId, ForgeError> {
        let parent = self.parent(git, branch)?;
        let id = self.make(git, branch, change, parent)?;
        self.advance(git, branch, parent, id)?;
        Ok(CommitId(id))
    }

    /// What the next commit of a branch stands on; nothing in an empty repository.
    pub(super) fn parent(&self, git: &Repository, branch: &str) -> Result<Option<Oid>, ForgeError> {
        match self.tip(git, branch) {
            Ok(id) => Ok(Some(id)),
            Err(_) if self.branch_names(git)?.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a commit, and moves no branch.
    pub(super) fn make(
        &self,
        git: &Repository,
        branch: &str,
        change: &Change,
        parent: Option<Oid>,
    ) -> Result<Oid, ForgeError> {
        let parent = parent.map(|id| git.find_commit(id).map_err(self.wrap("read a commit"))).transpose()?;
        let wrap = self.wrap("write the files of a commit");
        let mut root = match &parent {
            Some(parent) => Dir::load(git, parent.tree_id()).map_err(&wrap)?,
            None => Dir::default(),
        };
        for edit in &change.edits {
            root.apply(git, edit, &wrap)?;
        }
        let tree = root.store_root(git).map_err(&wrap)?;
        if !change.allow_empty && parent.as_ref().is_some_and(|parent| parent.tree_id() == tree) {
            return Err(ForgeError::NothingToCommit { repo: self.0.name.clone(), branch: branch.to_owned() });
        }
        let parents: Vec<Oid> = parent.iter().map(git2::Commit::id).collect();
        let id = self.write_commit(git, tree, &parents, &change.message, &change.author)?;
        change.signer.as_ref().map_or(Ok(id), |signer| self.sign(git, id, signer))
    }

    /// Writes a commit again, with a signature. Nothing leads to the other one.
    fn sign(&self, git: &Repository, id: Oid, signer: &CommitKey) -> Result<Oid, ForgeError> {
        let wrap = self.wrap("sign a commit");
        let text = git.odb().and_then(|objects| Ok(objects.read(id)?.data().to_vec())).map_err(&wrap)?;
        let text = String::from_utf8_lossy(&text);
        let signature = signer.sign(text.as_bytes(), self.0.clock.now().as_second());
        let signature = signature.map_err(|problem| ForgeError::Signature { problem })?;
        git.commit_signed(&text, signature.trim_end(), Some("gpgsig")).map_err(&wrap)
    }

    /// Creates a branch at a branch, tag or commit.
    ///
    /// # Errors
    /// [`ForgeError::BranchExists`], [`ForgeError::BadBranchName`], [`ForgeError::NoRevision`].
    pub fn create_branch(&self, name: &str, from: &str) -> Result<CommitId, ForgeError> {
        self.on_tip(|git| {
            let id = self.resolve(git, from)?;
            if self.branch_names(git)?.iter().any(|branch| branch == name) {
                return Err(ForgeError::BranchExists { repo: self.0.name.clone(), branch: name.to_owned() });
            }
            self.advance(git, name, None, id)?;
            Ok(CommitId(id))
        })
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`].
    pub fn delete_branch(&self, name: &str) -> Result<(), ForgeError> {
        let git = lock(&self.0.git);
        self.tip(&git, name)?;
        git.find_reference(&format!("refs/heads/{name}"))
            .and_then(|mut reference| reference.delete())
            .map_err(self.wrap("delete a branch"))?;
        self.moved(&git);
        Ok(())
    }

    /// Moves a branch to any commit, as a forced push does.
    ///
    /// # Errors
    /// [`ForgeError::NoBranch`], [`ForgeError::NoRevision`].
    pub fn reset(&self, branch: &str, to: &str) -> Result<CommitId, ForgeError> {
        let git = lock(&self.0.git);
        self.tip(&git, branch)?;
        let id = self.resolve(&git, to)?;
        self.set_branch(&git, branch, id)?;
        Ok(CommitId(id))
    }

    pub(super) fn write_commit(
        &self,
        git: &Repository,
        tree: Oid,
        parents: &[Oid],
        message: &str,
        author: &super::Author,
    ) -> Result<Oid, ForgeError> {
        write_commit(git, tree, parents, message, author, &self.0.clock).map_err(self.wrap("write a commit"))
    }

    /// Moves a branch from `tip` (`None`: it does not exist) to `id`, and says so. `git push` and this meet here: whoever
    /// has worked from an older tip does not overwrite the other's commits.
    pub(super) fn advance(
        &self,
        git: &Repository,
        branch: &str,
        tip: Option<Oid>,
        id: Oid,
    ) -> Result<(), ForgeError> {
        let name = branch_ref(branch)?;
        let moved = match tip {
            Some(tip) => git.reference_matching(&name, id, true, tip, ""),
            None => git.reference(&name, id, false, ""),
        };
        match moved {
            Ok(_) => self.moved(git),
            Err(error)
                if matches!(
                    error.code(),
                    ErrorCode::Modified | ErrorCode::NotFound | ErrorCode::Exists | ErrorCode::Locked
                ) =>
            {
                let (repo, branch) = (self.0.name.clone(), branch.to_owned());
                return Err(ForgeError::Overtaken { repo, branch });
            }
            Err(error) => return Err(self.wrap("move a branch")(error)),
        }
        Ok(())
    }

    /// Sets a branch, wherever it is, and says so.
    pub(super) fn set_branch(&self, git: &Repository, branch: &str, id: Oid) -> Result<(), ForgeError> {
        let name = branch_ref(branch)?;
        git.reference(&name, id, true, "").map_err(self.wrap("move a branch"))?;
        self.moved(git);
        Ok(())
    }

    pub(super) fn tip(&self, git: &Repository, branch: &str) -> Result<Oid, ForgeError> {
        match git.refname_to_id(&format!("refs/heads/{branch}")) {
            Ok(id) => Ok(id),
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => {
                Err(ForgeError::NoBranch {
                    repo: self.0.name.clone(),
                    branch: branch.to_owned(),
                    known: self.branch_names(git)?,
                })
            }
            Err(error) => Err(self.wrap("read a branch")(error)),
        }
    }

    /// A branch, a tag or a commit id (also an abbreviated one), in this order.
    pub(super) fn resolve(&self, git: &Repository, revision: &str) -> Result<Oid, ForgeError> {
        ["refs/heads/", "refs/tags/", ""]
            .iter()
            .find_map(|prefix| git.revparse_single(&format!("{prefix}{revision}")).ok())
            .and_then(|object| object.peel_to_commit().ok())
            .map(|commit| commit.id())
            .ok_or_else(|| ForgeError::NoRevision {
                repo: self.0.name.clone(),
                revision: revision.to_owned(),
            })
    }

    pub(super) fn branch_names(&self, git: &Repository) -> Result<Vec<String>, ForgeError> {
        let wrap = self.wrap("list the branches");
        let mut names = Vec::new();
        for reference in git.references_glob("refs/heads/*").map_err(&wrap)? {
            let reference = reference.map_err(&wrap)?;
            names.push(String::from_utf8_lossy(reference.shorthand_bytes()).into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Puts a name to one of Git's own errors.
    pub(super) fn wrap(&self, action: &'static str) -> impl Fn(git2::Error) -> ForgeError + use<> {
        let repo = self.0.name.clone();
        move |source| ForgeError::Git { action, repo: repo.clone(), source }
    }
}

/// The full name of a branch, if Git allows it.
pub(super) fn branch_ref(branch: &str) -> Result<String, ForgeError> {
    let name = format!("refs/heads/{branch}");
    if git2::Reference::is_valid_name(&name) && !branch.starts_with('-') {
        Ok(name)
    } else {
        Err(ForgeError::BadBranchName { name: branch.to_owned() })
    }
}

/// Writes a commit with the clock's time, in UTC.
pub(super) fn write_commit(
    git: &Repository,
    tree: Oid,
    parents: &[Oid],
    message: &str,
    author: &super::Author,
    clock: &Clock,
) -> Result<Oid, git2::Error> {
    let by = Signature::new(&author.name, &author.email, &Time::new(clock.now().as_second(), 0))?;
    let tree = git.find_tree(tree)?;
    let parents = parents.iter().map(|id| git.find_commit(*id)).collect::<Result<Vec<_>, _>>()?;
    let message = format!("{}\n", message.trim_end());
    git.commit(None, &by, &by, &message, &tree, &parents.iter().collect::<Vec<_>>())
}
