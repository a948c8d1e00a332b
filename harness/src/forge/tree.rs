//! Trees of a commit, edited in memory.

use super::{Edit, ForgeError};
use git2::{Oid, Repository};
use std::collections::BTreeMap;

/// The modes that Git stores.
pub(super) const FILE: i32 = 0o100_644;
/// An executable file.
pub(super) const EXECUTABLE: i32 = 0o100_755;
/// A symbolic link; its content is the target.
pub(super) const LINK: i32 = 0o120_000;
/// A submodule.
const SUBMODULE: i32 = 0o160_000;
/// A folder.
const FOLDER: i32 = 0o040_000;

/// A folder of a commit that is being made. What is not touched is not even loaded.
#[derive(Debug, Default)]
pub(super) struct Dir(BTreeMap<Vec<u8>, Slot>);

#[derive(Debug)]
enum Slot {
    /// An object as it is stored, of whatever mode.
    Stored { id: Oid, mode: i32 },
    /// A folder that is being edited.
    Open(Dir),
}

impl Dir {
    /// Loads one level of a stored tree.
    pub(super) fn load(repo: &Repository, id: Oid) -> Result<Dir, git2::Error> {
        let tree = repo.find_tree(id)?;
        let slots = tree.iter().map(|entry| {
            let slot = Slot::Stored { id: entry.id(), mode: entry.filemode_raw() };
            (entry.name_bytes().to_vec(), slot)
        });
        Ok(Dir(slots.collect()))
    }

    /// Places a stored object under a name.
    pub(super) fn place(&mut self, name: Vec<u8>, id: Oid, mode: i32) {
        self.0.insert(name, Slot::Stored { id, mode });
    }

    /// Places a folder under a name.
    pub(super) fn place_dir(&mut self, name: Vec<u8>, dir: Dir) {
        self.0.insert(name, Slot::Open(dir));
    }

    /// Applies one edit. `wrap` is for Git's own errors.
    pub(super) fn apply(
        &mut self,
        repo: &Repository,
        edit: &Edit,
        wrap: &dyn Fn(git2::Error) -> ForgeError,
    ) -> Result<(), ForgeError> {
        match edit {
            Edit::Write { path, data } => {
                let (parents, name) = split(path)?;
                let dir = self.descend(repo, path, &parents, wrap)?;
                let mode = match dir.0.get(name.as_bytes()) {
                    None => FILE,
                    Some(Slot::Stored { mode: EXECUTABLE, .. }) => EXECUTABLE,
                    Some(Slot::Stored { mode: LINK, .. }) => {
                        return Err(in_the_way(path, "a symbolic link"));
                    }
                    Some(Slot::Stored { mode: SUBMODULE, .. }) => {
                        return Err(in_the_way(path, "a submodule"));
                    }
                    Some(Slot::Stored { mode: FOLDER, .. } | Slot::Open(_)) => {
                        return Err(in_the_way(path, "a folder"));
                    }
                    Some(Slot::Stored { .. }) => FILE,
                };
                let id = repo.blob(data).map_err(wrap)?;
                dir.place(name.as_bytes().to_vec(), id, mode);
                Ok(())
            }
            Edit::Remove { path } => {
                let (parents, name) = split(path)?;
                let missing = || ForgeError::NothingToRemove { path: path.clone() };
                let dir = self.find(repo, &parents, wrap)?.ok_or_else(missing)?;
                dir.0.remove(name.as_bytes()).map(drop).ok_or_else(missing)
            }
        }
    }

    /// Stores the folder and what was edited below it; `None` where nothing is left in it, since Git knows no empty
    /// folders.
    pub(super) fn store(self, repo: &Repository) -> Result<Option<Oid>, git2::Error> {
        let mut builder = repo.treebuilder(None)?;
        for (name, slot) in self.0 {
            match slot {
                Slot::Stored { id, mode } => drop(builder.insert(name, id, mode)?),
                Slot::Open(dir) => {
                    if let Some(id) = dir.store(repo)? {
                        drop(builder.insert(name, id, FOLDER)?);
                    }
                }
            }
        }
        if builder.is_empty() { Ok(None) } else { builder.write().map(Some) }
    }

    /// Stores a root, which may be empty.
    pub(super) fn store_root(self, repo: &Repository) -> Result<Oid, git2::Error> {
        match self.store(repo)? {
            Some(id) => Ok(id),
            None => repo.treebuilder(None)?.write(),
        }
    }

    /// The folder at `parents`, made where it is missing.
    fn descend(
        &mut self,
        repo: &Repository,
        path: &str,
        parents: &[&str],
        wrap: &dyn Fn(git2::Error) -> ForgeError,
    ) -> Result<&mut Dir, ForgeError> {
        let Some((first, rest)) = parents.split_first() else { return Ok(self) };
        let slot = self.0.entry(first.as_bytes().to_vec()).or_insert_with(|| Slot::Open(Dir::default()));
        open(repo, slot, wrap)?.ok_or_else(|| in_the_way(path, "a file"))?.descend(repo, path, rest, wrap)
    }

    /// The folder at `parents`, where there is one.
    fn find(
        &mut self,
        repo: &Repository,
        parents: &[&str],
        wrap: &dyn Fn(git2::Error) -> ForgeError,
    ) -> Result<Option<&mut Dir>, ForgeError> {
        let Some((first, rest)) = parents.split_first() else { return Ok(Some(self)) };
        let Some(slot) = self.0.get_mut(first.as_bytes()) else { return Ok(None) };
        match open(repo, slot, wrap)? {
            Some(dir) => dir.find(repo, rest, wrap),
            None => Ok(None),
        }
    }
}

/// Opens a stored folder for editing; `None` for anything else.
fn open<'a>(
    repo: &Repository,
    slot: &'a mut Slot,
    wrap: &dyn Fn(git2::Error) -> ForgeError,
) -> Result<Option<&'a mut Dir>, ForgeError> {
    if let Slot::Stored { id, mode: FOLDER } = slot {
        *slot = Slot::Open(Dir::load(repo, *id).map_err(wrap)?);
    }
    Ok(match slot {
        Slot::Open(dir) => Some(dir),
        Slot::Stored { .. } => None,
    })
}

fn in_the_way(path: &str, what: &'static str) -> ForgeError {
    ForgeError::InTheWay { path: path.to_owned(), what }
}

/// Splits a path into its folders and its last part. A leading `./` is allowed.
pub(super) fn split(path: &str) -> Result<(Vec<&str>, &str), ForgeError> {
    let bad = |problem| ForgeError::BadPath { path: path.to_owned(), problem };
    let relative = path.strip_prefix("./").unwrap_or(path);
    if relative.is_empty() {
        return Err(bad("it is empty"));
    }
    if relative.starts_with('/') {
        return Err(bad("it starts at the root of the file system"));
    }
    let mut parts: Vec<&str> = relative.split('/').collect();
    for part in &parts {
        match *part {
            "" => return Err(bad("it has an empty part")),
            "." | ".." => return Err(bad("it has '.' or '..' in it")),
            part if part.eq_ignore_ascii_case(".git") => return Err(bad("Git keeps '.git' for itself")),
            part if part.contains('\0') => return Err(bad("it has a zero byte in it")),
            _ => {}
        }
    }
    let name = parts.pop().ok_or_else(|| bad("it is empty"))?;
    Ok((parts, name))
}
