//! The machine's files, from the root on, read when they are needed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use seatrial_render::{FileSource, Found, ResolveError};

/// Paths have no `/` in front; the root is the empty path.
#[derive(Default)]
pub struct Disk {
    /// Where directories lead, links followed; `None` for what is no directory.
    folders: Mutex<Folders>,
}

/// By a number of the path, and by the path where numbers are the same.
#[derive(Default)]
struct Folders(BTreeMap<u64, Vec<Known>>);

/// A path, and where it leads.
type Known = (Box<str>, Option<Arc<str>>);

impl Folders {
    fn get(&self, path: &str) -> Option<&Option<Arc<str>>> {
        self.0.get(&mixed(path))?.iter().find(|(known, _)| **known == *path).map(|(_, real)| real)
    }

    fn insert(&mut self, path: &str, real: Option<Arc<str>>) {
        let same = self.0.entry(mixed(path)).or_default();
        match same.iter_mut().find(|(known, _)| **known == *path) {
            Some((_, known)) => *known = real,
            None => same.push((path.into(), real)),
        }
    }
}

fn mixed(path: &str) -> u64 {
    let mix = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let (words, rest) = path.as_bytes().as_chunks::<8>();
    let sum = words.iter().fold(path.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)))
}

/// What stands under a path whose directory has no links in it.
enum Entry {
    Folder,
    File(Vec<u8>),
    Link,
    Nothing,
}

/// Files up to this size are read at once.
const USUAL_SIZE: usize = 8 << 10;

impl Disk {
    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &str, real: Option<&Arc<str>>) {
        self.folders().insert(path, real.cloned());
    }

    /// The directory without links; each is looked up once.
    fn folder(&self, path: &str) -> Option<Arc<str>> {
        if path.is_empty() {
            return Some(Arc::default());
        }
        if let Some(known) = self.folders().get(path) {
            return known.clone();
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let real = match self.folder(parent).map(|parent| join(&parent, name)) {
            None => None,
            Some(full) => match look(&full) {
                Entry::Folder => Some(Arc::from(shown(&full))),
                Entry::Link => {
                    linked(&full).filter(|real| Path::new(real).is_dir()).map(|real| shown(&real).into())
                }
                _ => None,
            },
        };
        self.note(path, real.as_ref());
        real
    }

    fn found_folder(&self, real: &str) -> Found {
        self.note(real, Some(&real.into()));
        Found::Dir(real.to_owned())
    }
}

impl FileSource for Disk {
    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        if path.is_empty() {
            return Ok(Found::Dir(String::new()));
        }
        if let Some(Some(real)) = self.folders().get(path) {
            return Ok(Found::Dir(real.to_string()));
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut real = join(&self.folder(parent).ok_or(ResolveError::Missing)?, name);
        // A name with a dot is that of a file, most often: then one look is enough.
        let mut entry = if name.contains('.') { open(&real) } else { look(&real) };
        if matches!(entry, Entry::Link) {
            real = linked(&real).ok_or(ResolveError::Missing)?;
            entry = open(&real);
        }
        match entry {
            Entry::Folder => Ok(self.found_folder(shown(&real))),
            Entry::File(content) => Ok(Found::File(shown(&real).to_owned(), content.into())),
            Entry::Link | Entry::Nothing => Err(ResolveError::Missing),
        }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let entries = std::fs::read_dir(Path::new("/").join(dir)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}

/// `/dir/name`
fn join(dir: &str, name: &str) -> String {
    let mut full = String::with_capacity(dir.len() + name.len() + 2);
    full.push('/');
    if !dir.is_empty() {
        full.push_str(dir);
        full.push('/');
    }
    full.push_str(name);
    full
}

fn shown(full: &str) -> &str {
    full.strip_prefix('/').unwrap_or(full)
}

/// Where a link leads, all links followed.
fn linked(full: &str) -> Option<String> {
    std::fs::canonicalize(full).ok().map(|real| real.to_string_lossy().into_owned())
}

/// Looks before it opens.
fn look(full: &str) -> Entry {
    match std::fs::symlink_metadata(full) {
        Ok(meta) if meta.is_dir() => Entry::Folder,
        Ok(meta) if meta.is_symlink() => Entry::Link,
        Ok(_) => open(full),
        Err(_) => Entry::Nothing,
    }
}

/// Opens, and learns from that what it is.
fn open(full: &str) -> Entry {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = match rustix::fs::open(full, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::MLINK) => return Entry::Link,
        // A directory that may not be listed is one all the same.
        Err(Errno::ACCESS) if Path::new(full).is_dir() => return Entry::Folder,
        Err(_) => return Entry::Nothing,
    };
    let mut content = Vec::with_capacity(USUAL_SIZE);
    // Without the limit, which no file reaches, its size would be asked for in advance.
    match file.take(u64::MAX).read_to_end(&mut content) {
        Ok(_) => {
            content.shrink_to_fit();
            Entry::File(content)
        }
        Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => Entry::Folder,
        Err(_) => Entry::Nothing,
    }
}
