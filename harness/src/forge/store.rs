//! The files of a bare repository.

use super::ForgeError;
use git2::{Config, ConfigLevel, Repository, RepositoryOpenFlags};
use std::fs;
use std::path::Path;

/// The repository's own configuration; it is the only one that is ever read (see [`open`]).
///
/// A server of such a repository lets clients ask for any commit, and for a part of the objects, as the forges do that Flux
/// fetches from. Housekeeping after a push would outlive the push. Objects live for minutes: they are not compressed.
const CONFIG: &str = "[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = false
\tautocrlf = false
\tfsync = none
[gc]
\tauto = 0
[receive]
\tautogc = false
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[http]
\treceivepack = true
";

/// Writes a bare repository without objects at `path`, which must not exist, and opens it.
///
/// By hand, since libgit2's own `init` also writes hooks, descriptions and whatever the user's templates hold.
pub(super) fn init(name: &str, path: &Path, branch: &str) -> Result<Repository, ForgeError> {
    for folder in ["refs/heads", "objects/pack", "objects/info"] {
        let folder = path.join(folder);
        fs::create_dir_all(&folder).map_err(|source| ForgeError::Io {
            action: "create",
            path: folder,
            source,
        })?;
    }
    write(&path.join("HEAD"), format!("ref: refs/heads/{branch}\n").as_bytes())?;
    write(&path.join("config"), CONFIG.as_bytes())?;
    open(path).map_err(|source| ForgeError::Git {
        action: "open the repository's files",
        repo: name.to_owned(),
        source,
    })
}

/// Opens a repository of the run, deaf to the configuration of the user and of the machine.
pub(super) fn open(path: &Path) -> Result<Repository, git2::Error> {
    // `open_bare` would not look at the file `shallow`.
    let flags = RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::NO_DOTGIT;
    let repository = Repository::open_ext(path, flags, std::iter::empty::<&Path>())?;
    let mut config = Config::new()?;
    config.add_file(&path.join("config"), ConfigLevel::Local, false)?;
    repository.set_config(&config)?;
    Ok(repository)
}

/// Writes one of a repository's own files.
pub(super) fn write(path: &Path, data: &[u8]) -> Result<(), ForgeError> {
    fs::write(path, data).map_err(|source| ForgeError::Io { action: "write", path: path.to_owned(), source })
}
