//! Copies of fixtures that tests change.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Copies a folder, with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// One edit of a file.
#[derive(Clone, Copy)]
pub(crate) enum Edit<'a> {
    /// The file has this text.
    Write(&'a str, &'a str),
    /// A text of the file, which it must have, becomes another one.
    Replace(&'a str, &'a str, &'a str),
    /// The file, or the folder, goes.
    Remove(&'a str),
}

/// Edits the files of a folder.
pub(crate) fn edit(folder: &Path, edits: &[Edit<'_>]) {
    for edit in edits {
        match edit {
            Edit::Write(path, text) => {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Edit::Replace(path, from, to) => {
                let path = folder.join(path);
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.contains(from), "{from:?} is not in {}", path.display());
                fs::write(path, text.replace(from, to)).unwrap();
            }
            Edit::Remove(path) => {
                let path = folder.join(path);
                match path.is_dir() {
                    true => fs::remove_dir_all(path).unwrap(),
                    false => fs::remove_file(path).unwrap(),
                }
            }
        }
    }
}
