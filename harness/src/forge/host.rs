//! All repositories of a run, and the URLs that lead to them.

use super::accounts::Accounts;
use super::repo::{Inner, branch_ref, write_commit};
use super::{Author, ForgeError, GitUrl, Repo, Seed, lock, pack, seed, store};
use seatrial_time::{Clock, Signal};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The forge of a run. Cheap to clone; clones are the same forge.
#[derive(Clone)]
pub struct Forge {
    pub(super) clock: Clock,
    root: PathBuf,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) signal: Signal,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) repos: BTreeMap<String, Repo>,
    pub(super) urls: BTreeMap<GitUrl, String>,
    /// Repositories that every URL ending in their name leads to.
    pub(super) by_name: BTreeSet<String>,
    /// Who there is, and what belongs to whom.
    pub(super) accounts: Accounts,
    pub(super) host_keys: Vec<String>,
    /// Requests to webhooks that nobody has taken yet.
    pub(super) due: Vec<super::Delivery>,
    /// Requests to webhooks that have been made.
    pub(super) deliveries: Vec<super::Delivery>,
    /// Whether repositories look at rights from the beginning.
    pub(super) checks: bool,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Forge {
    /// A forge without repositories. They will be folders of `root`, which the caller removes after the run; commits
    /// are dated by `clock`.
    pub fn new(clock: Clock, root: impl Into<PathBuf>) -> Forge {
        Forge { clock, root: root.into(), state: Arc::default(), signal: Signal::new() }
    }

    /// Creates a repository, seeds it, and serves it under `urls`. All commits of the run are on `branch` unless a step
    /// names another.
    ///
    /// # Errors
    /// Of the name, the branch, the URLs and the seed: see [`ForgeError`].
    pub fn create(&self, name: &str, seed: &Seed, branch: &str, urls: &[String]) -> Result<Repo, ForgeError> {
        if !is_repository_name(name) {
            return Err(ForgeError::BadRepositoryName { name: name.to_owned() });
        }
        branch_ref(branch)?;
        let urls = urls.iter().map(|url| GitUrl::parse(url)).collect::<Result<Vec<_>, _>>()?;
        let mut state = lock(&self.state);
        if state.repos.contains_key(name) {
            return Err(ForgeError::RepositoryExists { name: name.to_owned() });
        }
        for url in &urls {
            state.free(url, name)?;
        }

        let path = self.root.join(format!("{name}.git"));
        let git = store::init(name, &path, branch)?;
        let repo = Repo(Arc::new(Inner {
            name: name.to_owned(),
            path,
            branch: branch.to_owned(),
            clock: self.clock.clone(),
            signal: Signal::new(),
            git: Mutex::new(git),
            watched: Mutex::new(None),
        }));
        self.fill(&repo, seed)?;
        let checks = state.checks;
        state.accounts.host(name, &urls, checks, self.clock.now());
        state.urls.extend(urls.into_iter().map(|url| (url, name.to_owned())));
        state.repos.insert(name.to_owned(), repo.clone());
        self.signal.bump();
        Ok(repo)
    }

    /// Makes the seed's commits.
    fn fill(&self, repo: &Repo, seed: &Seed) -> Result<(), ForgeError> {
        let mut git = lock(&repo.0.git);
        let wrap = repo.wrap("store the seed's files");
        let id = match seed {
            Seed::Empty => return Ok(()),
            Seed::Folder(path) => {
                let tree = pack::tree_in_one_pack(&git, |memory| seed::folder(memory, path, &wrap), &wrap)?;
                write_commit(&git, tree, &[], "Initial commit", &Author::default(), &self.clock)
                    .map_err(&wrap)?
            }
            Seed::Template { path, branch, all_branches } => {
                return seed::template(repo, &git, path, branch, *all_branches, &self.clock);
            }
            Seed::Repository { path, reference } => {
                let commit = seed::repository(&repo.0.path, path, reference.as_deref())?;
                // Alternates and the ends of a shallow history are read when a repository is opened.
                *git = store::open(&repo.0.path).map_err(&wrap)?;
                commit.0
            }
        };
        repo.set_branch(&git, &repo.0.branch, id)
    }

    /// Serves a repository under one more URL.
    ///
    /// # Errors
    /// [`ForgeError::NoRepository`], [`ForgeError::BadUrl`], [`ForgeError::UrlTaken`].
    pub fn map(&self, name: &str, url: &str) -> Result<(), ForgeError> {
        self.repo(name)?;
        let url = GitUrl::parse(url)?;
        let mut state = lock(&self.state);
        state.free(&url, name)?;
        state.urls.insert(url, name.to_owned());
        self.signal.bump();
        Ok(())
    }

    /// Serves a repository under every URL that ends in its name and is mapped to no other.
    ///
    /// # Errors
    /// [`ForgeError::NoRepository`].
    pub fn serve_by_name(&self, name: &str) -> Result<(), ForgeError> {
        self.repo(name)?;
        lock(&self.state).by_name.insert(name.to_owned());
        self.signal.bump();
        Ok(())
    }

    /// The repository of that name.
    ///
    /// # Errors
    /// [`ForgeError::NoRepository`] with the names that exist.
    pub fn repo(&self, name: &str) -> Result<Repo, ForgeError> {
        let state = lock(&self.state);
        state.repos.get(name).cloned().ok_or_else(|| ForgeError::NoRepository {
            name: name.to_owned(),
            known: state.repos.keys().cloned().collect(),
        })
    }

    /// The repository that a URL of the manifests leads to, in whatever form the URL is written (see [`GitUrl`]).
    ///
    /// # Errors
    /// [`ForgeError::Unserved`], [`ForgeError::BadUrl`].
    pub fn by_url(&self, url: &str) -> Result<Repo, ForgeError> {
        let key = GitUrl::parse(url)?;
        let state = lock(&self.state);
        let hosted = || {
            let host = state.accounts.hosts.contains(key.host());
            let (owner, name) = key.owner_and_name().filter(|_| host)?;
            state.accounts.named(owner, name)
        };
        let last = || state.by_name.get(key.repository_name()).map(String::as_str);
        let name = state.urls.get(&key).map(String::as_str).or_else(hosted).or_else(last);
        name.and_then(|name| state.repos.get(name)).cloned().ok_or_else(|| ForgeError::Unserved {
            url: url.to_owned(),
            known: state.urls.keys().map(GitUrl::to_string).collect(),
        })
    }

    /// The host keys of the SSH server, as `ALGORITHM BASE64`; none where there is no such server.
    pub fn host_keys(&self) -> Vec<String> {
        lock(&self.state).host_keys.clone()
    }

    /// Says what the host keys of the SSH server are.
    pub fn set_host_keys(&self, keys: Vec<String>) {
        lock(&self.state).host_keys = keys;
    }

    /// Moves when a repository is created, or mapped to one more URL.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// All repositories, by name.
    pub fn repos(&self) -> Vec<Repo> {
        lock(&self.state).repos.values().cloned().collect()
    }
}

impl State {
    /// Whether `url` may be given to the repository `name`.
    fn free(&self, url: &GitUrl, name: &str) -> Result<(), ForgeError> {
        match self.urls.get(url) {
            Some(by) if by != name => Err(ForgeError::UrlTaken { url: url.to_string(), by: by.clone() }),
            _ => Ok(()),
        }
    }
}

/// Whether a repository can have this name.
pub(crate) fn is_repository_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed)
}
