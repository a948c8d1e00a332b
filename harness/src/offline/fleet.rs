//! The repository.

use super::FleetError;
use crate::forge::{Files, Forge, Repo, Seed};
use crate::monorepo::Cluster;
use crate::trial::repository::{self, Source};
use seatrial_render::{Entry, Tree};
use seatrial_time::Clock;
use std::collections::BTreeMap;
use std::path::Path;

/// A repository with the files that count, served to nobody but the checks.
pub(crate) struct Fleet {
    /// What it is, and the branch that its clusters follow.
    pub(crate) source: Source,
    /// Where it is found by the URLs of the manifests.
    pub(crate) forge: Forge,
    /// The repository: the followed branch has the files that count.
    pub(crate) repo: Repo,
    /// These files, links included.
    pub(crate) tree: Tree,
    /// Their paths.
    pub(crate) paths: Vec<String>,
    _folder: tempfile::TempDir,
}

/// Whether a file is read as YAML.
fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json")
}

impl Fleet {
    /// Reads a repository or folder: the working tree, where there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Fleet, FleetError> {
        let mut source = repository::inspect(path)?;
        let folder = tempfile::tempdir().map_err(FleetError::Folder)?;
        let forge = Forge::new(Clock::wall(), folder.path());
        let repo = repository::publish(&forge, &source, &[])?;
        if let Seed::Repository { .. } = source.seed {
            if git2::Repository::open(path).is_ok_and(|git| !git.is_bare()) {
                let files = repo.snapshot(Files::WorkingTree(path))?;
                repo.commit_snapshot(&source.branch, files, &[], "The working tree")?;
            }
            // What is checked out may be a branch that no cluster follows: its files are what will be there.
            let head = source.branch.clone();
            follow(&mut source, &tree(&repo, &head)?);
            if source.branch != head {
                match repo.branches()?.contains(&source.branch) {
                    true => repo.reset(&source.branch, &head)?,
                    false => repo.create_branch(&source.branch, &head)?,
                };
            }
            for url in source.urls.iter().filter(|url| forge.by_url(url).is_err()) {
                forge.map(repo.name(), url)?;
            }
        }
        let tree = tree(&repo, &source.branch)?;
        let paths = tree.iter().map(|(path, _)| path.to_owned()).collect();
        Ok(Fleet { source, forge, repo, tree, paths, _folder: folder })
    }

    /// The clusters: all, or those that are named.
    ///
    /// # Errors
    /// There are none, or not these.
    pub(crate) fn clusters(&self, named: &[String]) -> Result<Vec<Cluster>, FleetError> {
        Ok(self.source.clusters_in(&self.paths, named)?)
    }

    /// The files that may be YAML, with their contents.
    pub(crate) fn yaml(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.tree.iter().filter_map(|(path, entry)| match entry {
            Entry::File(content) if is_yaml(path) => Some((path, &content[..])),
            _ => None,
        })
    }

    /// Whether a URL leads to this repository.
    pub(crate) fn is_own(&self, url: &str) -> bool {
        self.forge.by_url(url).is_ok_and(|repo| repo.name() == self.repo.name())
    }
}

/// All files of a branch.
fn tree(repo: &Repo, branch: &str) -> Result<Tree, FleetError> {
    let read = seatrial_engine::source::read_commit(repo.path(), repo.name(), Some(branch));
    read.map_err(|source| FleetError::Files { branch: branch.to_owned(), source })
}

/// Finds out which branch the clusters of a Git repository follow, if they name one.
fn follow(source: &mut Source, tree: &Tree) {
    let mut clusters: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        // Definitions of kinds are long, and declare no sources.
        if let Entry::File(content) = entry
            && let Some((cluster, file)) =
                path.strip_prefix("clusters/").and_then(|rest| rest.split_once('/'))
            && (file.ends_with(".yaml") || file.ends_with(".yml"))
            && !file.ends_with("gotk-components.yaml")
        {
            clusters.entry(cluster).or_default().push(content.to_vec());
        }
    }
    let clusters: Vec<Vec<Vec<u8>>> = clusters.into_values().collect();
    source.read_declared_in(&clusters, |folder| tree.is_dir(folder.trim_end_matches('/')));
}
