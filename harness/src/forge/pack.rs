//! The packs that seeds are written into.

use super::{ForgeError, lock, store};
use git2::{Buf, Config, Odb, Oid, Repository};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Packs above this size, in bytes, are made anew for each repository: remembering them would cost more than it saves.
const MOST: usize = 1 << 20;
/// How many packs are remembered.
const PACKS: usize = 16;

/// The files of a pack in `objects/pack`: names and contents.
type Pack = Vec<(PathBuf, Vec<u8>)>;

/// By the tree that they hold. Many scenarios of a run begin with the same files.
static KNOWN: Mutex<BTreeMap<Oid, Arc<Pack>>> = Mutex::new(BTreeMap::new());

/// Makes a tree out of nothing: `build` fills a repository that lives in memory and returns the tree's id; all objects then
/// reach `target` as a single pack, which is far cheaper than a file for each.
pub(super) fn tree_in_one_pack(
    target: &Repository,
    build: impl FnOnce(&Repository) -> Result<Oid, ForgeError>,
    wrap: impl Fn(git2::Error) -> ForgeError,
) -> Result<Oid, ForgeError> {
    let memory = memory().map_err(&wrap)?;
    let tree = build(&memory)?;
    let folder = target.path().join("objects/pack");
    let known = lock(&KNOWN).get(&tree).cloned();
    if let Some(pack) = known {
        for (name, content) in pack.iter() {
            store::write(&folder.join(name), content)?;
        }
    } else {
        let pack = packed(&memory, tree).map_err(&wrap)?;
        add(target, &pack, &wrap)?;
        if pack.len() <= MOST {
            remember(tree, &folder)?;
        }
    }
    target.odb().and_then(|odb| odb.refresh()).map_err(&wrap)?;
    Ok(tree)
}

/// A repository without a place on disk.
fn memory() -> Result<Repository, git2::Error> {
    let odb = Odb::new()?;
    odb.add_new_mempack_backend(1)?;
    let memory = Repository::from_odb(odb)?;
    memory.set_config(&Config::new()?)?;
    Ok(memory)
}

fn packed(memory: &Repository, tree: Oid) -> Result<Buf, git2::Error> {
    let mut builder = memory.packbuilder()?;
    // A thread costs more than there is to do.
    builder.set_threads(1);
    builder.insert_tree(tree)?;
    let mut pack = Buf::new();
    builder.write_buf(&mut pack)?;
    Ok(pack)
}

/// Adds a pack to a repository, with its index.
fn add(
    target: &Repository,
    pack: &[u8],
    wrap: &impl Fn(git2::Error) -> ForgeError,
) -> Result<(), ForgeError> {
    let odb = target.odb().map_err(wrap)?;
    let mut writer = odb.packwriter().map_err(wrap)?;
    writer.write_all(pack).map_err(|source| ForgeError::Io {
        action: "write a pack into",
        path: target.path().to_owned(),
        source,
    })?;
    writer.commit().map_err(wrap)?;
    Ok(())
}

/// Keeps the only pack in `folder` for other repositories.
fn remember(tree: Oid, folder: &Path) -> Result<(), ForgeError> {
    let failed = |source| ForgeError::Io { action: "read", path: folder.to_owned(), source };
    let mut pack = Pack::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        pack.push((entry.file_name().into(), fs::read(entry.path()).map_err(failed)?));
    }
    let mut known = lock(&KNOWN);
    if known.len() < PACKS {
        known.insert(tree, Arc::new(pack));
    }
    Ok(())
}
