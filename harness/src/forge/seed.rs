//! Where a repository's first commits come from.

use super::repo::write_commit;
use super::tree::{Dir, EXECUTABLE, FILE, LINK};
use super::{Author, CommitId, ForgeError, Repo, store};
use git2::{Oid, Repository};
use seatrial_time::Clock;
use std::fs;
use std::path::{Path, PathBuf};

/// What a new repository starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seed {
    /// No commit at all.
    Empty,
    /// One commit with the files of a folder as they are on disk. Anything called `.git` is left out; symbolic links and
    /// executable bits are kept; ignore files are not heeded.
    Folder(PathBuf),
    /// The history of an existing repository: all its branches and tags, with the run's branch at `reference`.
    Repository {
        /// The repository: bare, or a folder with a `.git` in it.
        path: PathBuf,
        /// A branch, tag or commit of it. Default: what is checked out there (`HEAD`).
        reference: Option<String>,
    },
    /// The files of another repository, as one commit without its history, by the default author.
    Template {
        /// The bare repository.
        path: PathBuf,
        /// The branch whose files are taken.
        branch: String,
        /// Whether the other branches are taken too, each as one commit.
        all_branches: bool,
    },
}

impl Seed {
    /// What `path` is: a repository (bare, or with a `.git` in it), or else a plain folder.
    pub fn detect(path: impl Into<PathBuf>) -> Seed {
        let path = path.into();
        let bare =
            || path.join("HEAD").is_file() && path.join("objects").is_dir() && path.join("refs").is_dir();
        if path.join(".git").exists() || bare() {
            Seed::Repository { path, reference: None }
        } else {
            Seed::Folder(path)
        }
    }
}

/// Stores the files of a folder; the root's id is the result.
pub(super) fn folder(
    repo: &Repository,
    path: &Path,
    wrap: &dyn Fn(git2::Error) -> ForgeError,
) -> Result<Oid, ForgeError> {
    if !path.is_dir() {
        return Err(ForgeError::NoSeed { path: path.to_owned() });
    }
    load(repo, path, wrap)?.store_root(repo).map_err(wrap)
}

/// Reads a folder level by level.
fn load(repo: &Repository, path: &Path, wrap: &dyn Fn(git2::Error) -> ForgeError) -> Result<Dir, ForgeError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| ForgeError::Io { action: "read", path, source }
    };
    let mut dir = Dir::default();
    for entry in fs::read_dir(path).map_err(read(path))? {
        let entry = entry.map_err(read(path))?;
        let name = entry.file_name().into_encoded_bytes();
        if name == b".git" {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type().map_err(read(&path))?;
        if kind.is_dir() {
            dir.place_dir(name, load(repo, &path, wrap)?);
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(read(&path))?;
            let id = repo.blob(target.as_os_str().as_encoded_bytes()).map_err(wrap)?;
            dir.place(name, id, LINK);
        } else if kind.is_file() {
            let data = fs::read(&path).map_err(read(&path))?;
            let mode = if executable(&entry).map_err(read(&path))? { EXECUTABLE } else { FILE };
            dir.place(name, repo.blob(&data).map_err(wrap)?, mode);
        } else {
            return Err(ForgeError::SpecialFile { path });
        }
    }
    Ok(dir)
}

/// Whether the owner may execute a file: the bit that Git looks at.
#[cfg(unix)]
fn executable(entry: &fs::DirEntry) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(entry.metadata()?.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn executable(_entry: &fs::DirEntry) -> std::io::Result<bool> {
    Ok(false)
}

/// Makes the objects, branches and tags of an existing repository visible in `target`, and returns the commit that
/// `reference` stands for.
///
/// The objects are read in place (`objects/info/alternates`), so that the size of the history does not matter, and a
/// shallow clone, as build servers make them, will do: its `shallow` file comes along.
pub(super) fn repository(
    target: &Path,
    path: &Path,
    reference: Option<&str>,
) -> Result<CommitId, ForgeError> {
    if !path.is_dir() {
        return Err(ForgeError::NoSeed { path: path.to_owned() });
    }
    let open = |source| ForgeError::Open { path: path.to_owned(), source };
    let origin = Repository::open(path).map_err(open)?;
    let revision = reference.unwrap_or("HEAD");
    let commit = origin
        .revparse_single(revision)
        .and_then(|object| object.peel_to_commit())
        .map_err(|_| ForgeError::NoRevision {
            repo: path.display().to_string(),
            revision: revision.to_owned(),
        })?
        .id();

    let common = fs::canonicalize(origin.commondir()).map_err(|source| ForgeError::Io {
        action: "read",
        path: origin.commondir().to_owned(),
        source,
    })?;
    let mut alternates = common.join("objects").into_os_string().into_encoded_bytes();
    alternates.push(b'\n');
    store::write(&target.join("objects/info/alternates"), &alternates)?;
    if let Ok(shallow) = fs::read(common.join("shallow")) {
        store::write(&target.join("shallow"), &shallow)?;
    }
    store::write(&target.join("packed-refs"), &refs(&origin).map_err(open)?)?;
    Ok(CommitId(commit))
}

/// Copies the files at the tips of branches of the repository at `path`, each as one commit.
pub(super) fn template(
    repo: &Repo,
    git: &Repository,
    path: &Path,
    branch: &str,
    all_branches: bool,
    clock: &Clock,
) -> Result<(), ForgeError> {
    let open = |source| ForgeError::Open { path: path.to_owned(), source };
    let origin = store::open(path).map_err(open)?;
    let names = if all_branches { repo.branch_names(&origin)? } else { vec![branch.to_owned()] };
    for name in names {
        let tip = repo.tip(&origin, &name)?;
        let tree = origin.find_commit(tip).and_then(|commit| commit.tree()).map_err(open)?;
        let wrap = repo.wrap("copy the files of the template");
        copy(&origin, git, tree.id()).map_err(&wrap)?;
        let id =
            write_commit(git, tree.id(), &[], "Initial commit", &Author::default(), clock).map_err(&wrap)?;
        repo.set_branch(git, &name, id)?;
    }
    Ok(())
}

/// Copies a tree with everything in it. Submodules are names of commits elsewhere, and are copied as such.
fn copy(from: &Repository, to: &Repository, tree: Oid) -> Result<(), git2::Error> {
    let (source, target) = (from.odb()?, to.odb()?);
    let mut open = vec![tree];
    while let Some(id) = open.pop() {
        if target.exists(id) {
            continue;
        }
        let object = source.read(id)?;
        target.write(object.kind(), object.data())?;
        if object.kind() == git2::ObjectType::Tree {
            let tree = from.find_tree(id)?;
            let inner = tree.iter().filter(|entry| entry.kind() != Some(git2::ObjectType::Commit));
            open.extend(inner.map(|entry| entry.id()));
        }
    }
    Ok(())
}

/// The branches and tags of a repository in the form of a `packed-refs` file.
fn refs(origin: &Repository) -> Result<Vec<u8>, git2::Error> {
    let mut lines: Vec<(Vec<u8>, Oid)> = Vec::new();
    for pattern in ["refs/heads/*", "refs/tags/*"] {
        for reference in origin.references_glob(pattern)? {
            let reference = reference?.resolve()?;
            if let Some(id) = reference.target() {
                lines.push((reference.name_bytes().to_vec(), id));
            }
        }
    }
    lines.sort();
    let mut file = b"# pack-refs with: sorted \n".to_vec();
    for (name, id) in lines {
        file.extend_from_slice(id.to_string().as_bytes());
        file.push(b' ');
        file.extend_from_slice(&name);
        file.push(b'\n');
    }
    Ok(file)
}
