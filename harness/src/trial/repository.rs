//! Looks at the repository that is to be tried.

use super::TrialError;
use super::artifacts::is_artifact;
use super::committed::read_declared;
use super::declared::{Declared, declared, declared_by};
use crate::forge::{Forge, GitUrl, Repo, Seed};
use crate::monorepo::{Cluster, Layout};
use git2::{ErrorCode, Repository, StatusOptions};
use std::path::{Path, PathBuf};

/// The branch of folders that do not say another.
const DEFAULT_BRANCH: &str = "main";

/// Where a repository is that does not say it.
const NO_ADDRESS: &str = "https://git.seatrial.local/";

/// A repository or folder, and how it is served.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Its own name: the last element of its origin's URL, else of its path.
    pub(crate) name: String,
    /// The URL from which clusters are bootstrapped.
    pub(crate) url: String,
    /// The branch that is played.
    pub(crate) branch: String,
    pub(crate) seed: Seed,
    /// More URLs that lead to it.
    pub(crate) urls: Vec<String>,
    /// What the reader should know.
    pub(crate) notes: Vec<String>,
    path: PathBuf,
}

/// Looks at `path`.
///
/// # Errors
/// [`TrialError::NoRepository`], [`TrialError::IsFile`], [`TrialError::Git`], [`TrialError::NoCommit`].
pub(crate) fn inspect(path: &Path) -> Result<Source, TrialError> {
    let whole = path.canonicalize().map_err(|_| TrialError::NoRepository { path: path.to_owned() })?;
    if !whole.is_dir() {
        return Err(TrialError::IsFile { path: path.to_owned() });
    }
    let base = whole.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let own_name = safe(base.trim_end_matches(".git"));
    let seed = Seed::detect(&whole);
    let mut source = Source {
        url: format!("{NO_ADDRESS}{own_name}"),
        name: own_name,
        branch: DEFAULT_BRANCH.to_owned(),
        seed,
        urls: Vec::new(),
        notes: Vec::new(),
        path: path.to_owned(),
    };
    if let Seed::Repository { .. } = source.seed {
        source.read_git(&whole).map_err(|error| match error.code() {
            ErrorCode::UnbornBranch => TrialError::NoCommit { path: path.to_owned() },
            _ => TrialError::Git { path: path.to_owned(), source: error },
        })?;
    } else {
        source.read_declared(&whole);
    }
    Ok(source)
}

/// Serves the repository by every URL that ends in its name, and the other sources by theirs: each is a URL with the
/// repository or folder that it leads to; without one it leads to the repository itself. Artifacts are left to
/// [`artifacts::push`](super::artifacts::push).
///
/// # Errors
/// [`TrialError`].
pub(crate) fn publish(
    forge: &Forge,
    source: &Source,
    others: &[(String, Option<PathBuf>)],
) -> Result<Repo, TrialError> {
    let repo = forge.create(&source.name, &source.seed, &source.branch, std::slice::from_ref(&source.url))?;
    forge.serve_by_name(repo.name())?;
    let others = others.iter().filter(|(url, _)| !is_artifact(url));
    for (index, (url, path)) in others.enumerate() {
        match path {
            Some(path) => serve(forge, index, url, path)?,
            None => forge.map(repo.name(), url)?,
        }
    }
    for url in &source.urls {
        // What the user serves goes first.
        if forge.by_url(url).is_err() {
            forge.map(repo.name(), url)?;
        }
    }
    Ok(repo)
}

/// Serves one more source.
fn serve(forge: &Forge, index: usize, url: &str, path: &Path) -> Result<(), TrialError> {
    let parsed = GitUrl::parse(url)?;
    // Two sources can end in the same word.
    let name = format!("{}-{index}", parsed.repository_name());
    let served = inspect(path)?;
    forge.create(&name, &served.seed, &served.branch, &[url.to_owned()])?;
    Ok(())
}

impl Source {
    fn read_git(&mut self, path: &Path) -> Result<(), git2::Error> {
        let git = Repository::open(path)?;
        let head = git.head()?;
        let origin = git.find_remote("origin").ok();
        if let Some(url) = origin.as_ref().and_then(|origin| origin.url().ok())
            && let Ok(parsed) = GitUrl::parse(url)
        {
            self.name = safe(parsed.repository_name());
            self.url = match is_followed(url) {
                true => url.to_owned(),
                false => format!("{NO_ADDRESS}{}", self.name),
            };
        }
        match head.shorthand().ok().filter(|_| head.is_branch()) {
            Some(branch) => {
                if origin.is_none() {
                    // Nothing says what it is a clone of, as with a folder.
                    read_declared(&git, head.peel_to_commit()?.id(), self)?;
                }
                self.branch = branch.to_owned();
            }
            // As in CI, which checks out commits.
            None => {
                read_declared(&git, head.peel_to_commit()?.id(), self)?;
                self.notes.push(format!("HEAD is on no branch: its commit is played as {}", self.branch));
            }
        }
        if !git.is_bare() {
            let mut options = StatusOptions::new();
            options.include_untracked(true).include_ignored(false).exclude_submodules(true);
            let changed = git.statuses(Some(&mut options))?.len();
            if changed > 0 {
                let files = if changed == 1 { "file" } else { "files" };
                self.notes.push(format!(
                    "{changed} {files} of the working tree not committed: what is committed is played"
                ));
            }
        }
        Ok(())
    }

    /// A folder does not say which repository it is a copy of, nor on which branch: what its clusters declare does.
    fn read_declared(&mut self, folder: &Path) {
        self.take_declared(declared(folder), |path| folder.join(path).is_dir());
    }

    /// As for a folder, of files that are given: those under `clusters/`, by cluster.
    pub(crate) fn read_declared_in(&mut self, clusters: &[Vec<Vec<u8>>], is_dir: impl Fn(&str) -> bool) {
        self.take_declared(declared_by(clusters), is_dir);
    }

    fn take_declared(&mut self, mut sources: Vec<Declared>, is_dir: impl Fn(&str) -> bool) {
        let own = GitUrl::parse(&self.url).ok();
        let by_name = |d: &Declared| {
            GitUrl::parse(&d.url).is_ok_and(|u| u.repository_name() == self.name || Some(&u) == own.as_ref())
        };
        let only_one = sources.len() == 1;
        sources.retain(|d| by_name(d) || (only_one && d.fits(&is_dir)));
        for source in &sources {
            if !by_name(source) {
                self.notes.push(format!(
                    "the folder is taken for {}: its clusters name no other repository, and all folders that they \
                     build are here",
                    source.url
                ));
                self.urls.push(source.url.clone());
            }
        }
        // A folder has no address of its own: it is at the one by which its clusters call it.
        let has_owner = |d: &Declared| GitUrl::parse(&d.url).is_ok_and(|url| url.owner_and_name().is_some());
        if let [declared] = sources.as_slice()
            && has_owner(declared)
            && self.url.starts_with(NO_ADDRESS)
        {
            let own = std::mem::replace(&mut self.url, declared.url.clone());
            self.urls.retain(|other| *other != declared.url);
            self.urls.push(own);
        }
        let mut branches: Vec<&String> = sources.iter().flat_map(|d| &d.branches).collect();
        branches.sort();
        branches.dedup();
        if let [branch] = branches.as_slice() {
            self.branch.clone_from(branch);
        }
    }

    /// Refuses a plain folder without `clusters/` before its files are read: it may be a large one.
    ///
    /// # Errors
    /// [`TrialError::NoClusters`].
    pub(super) fn check_clusters(&self) -> Result<(), TrialError> {
        if !matches!(self.seed, Seed::Folder(_)) || self.path.join("clusters").is_dir() {
            return Ok(());
        }
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut folders: Vec<String> =
            folders.map(|entry| format!("{}/", entry.file_name().to_string_lossy())).collect();
        folders.sort();
        Err(TrialError::NoClusters { path: self.path.clone(), hint: instead(&folders) })
    }

    /// The repository's clusters: those of `wanted`, or all of them.
    ///
    /// # Errors
    /// [`TrialError::NoClusters`], [`TrialError::NoCluster`].
    pub(crate) fn clusters(&self, repo: &Repo, wanted: &[String]) -> Result<Vec<Cluster>, TrialError> {
        self.clusters_in(&repo.paths(&self.branch)?, wanted)
    }

    /// As [`Source::clusters`], of files with these paths.
    ///
    /// # Errors
    /// [`TrialError::NoClusters`], [`TrialError::NoCluster`].
    pub(crate) fn clusters_in(
        &self,
        paths: &[String],
        wanted: &[String],
    ) -> Result<Vec<Cluster>, TrialError> {
        let clusters = Layout::of(paths).clusters;
        if clusters.is_empty() {
            return Err(TrialError::NoClusters { path: self.path.clone(), hint: instead(paths) });
        }
        if wanted.is_empty() {
            return Ok(clusters);
        }
        let known = || clusters.iter().map(|c| c.name.clone()).collect();
        wanted
            .iter()
            .map(|name| {
                let found = clusters.iter().find(|c| c.name == *name);
                found.cloned().ok_or_else(|| TrialError::NoCluster { name: name.clone(), known: known() })
            })
            .collect()
    }
}

/// Says which folders are there in place of `clusters/`.
fn instead(paths: &[String]) -> String {
    let mut folders: Vec<&str> = paths.iter().filter_map(|p| p.split_once('/').map(|(dir, _)| dir)).collect();
    folders.dedup();
    match folders.as_slice() {
        [] => " (the repository has no folders at all)".to_owned(),
        folders => format!(" (its folders are: {})", folders.join(", ")),
    }
}

/// Whether Flux can follow a repository at this URL: it knows no `file://` and no `git://`.
fn is_followed(url: &str) -> bool {
    url.split_once("://").is_none_or(|(scheme, _)| ["https", "http", "ssh"].contains(&scheme))
}

/// A name that the forge takes: other characters become dashes.
fn safe(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = name.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    match name.trim_start_matches('.') {
        "" => "repository".to_owned(),
        name => name.to_owned(),
    }
}
