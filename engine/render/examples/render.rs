//! `render DIR`: prints what `kustomize build DIR` prints. Files are read when they are needed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use seatrial_render::{FileSource, Found, LoadRestrictor, Options, Renderer, Reorder, ResolveError, Tree};

/// The machine's files, from the root on, read when they are needed.
#[derive(Default)]
struct Disk {
    /// Where directories lead, links followed.
    folders: Mutex<BTreeMap<PathBuf, Option<PathBuf>>>,
}

impl Disk {
    /// The directory without links; each is looked up once.
    fn folder(&self, dir: &Path) -> Option<PathBuf> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = folders.get(dir) {
            return known.clone();
        }
        let real = dir.canonicalize().ok();
        folders.insert(dir.to_owned(), real.clone());
        real
    }

    fn known(&self, dir: &Path) -> bool {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(dir).is_some_and(|real| real.as_deref() == Some(dir))
    }
}

fn shown(real: &Path) -> String {
    real.strip_prefix("/").unwrap_or(real).to_string_lossy().into_owned()
}

impl FileSource for Disk {
    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        let path = Path::new("/").join(path);
        if self.known(&path) {
            return Ok(Found::Dir(shown(&path)));
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(Found::Dir(String::new()));
        };
        let mut real = self.folder(parent).ok_or(ResolveError::Missing)?.join(name);
        let mut kind = real.symlink_metadata().map_err(|_| ResolveError::Missing)?;
        if kind.is_symlink() {
            real = real.canonicalize().map_err(|_| ResolveError::Missing)?;
            kind = real.metadata().map_err(|_| ResolveError::Missing)?;
        }
        if kind.is_dir() {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            folders.insert(real.clone(), Some(real.clone()));
            return Ok(Found::Dir(shown(&real)));
        }
        std::fs::read(&real)
            .map(|content| Found::File(shown(&real), content.into()))
            .map_err(|_| ResolveError::Missing)
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let entries = std::fs::read_dir(Path::new("/").join(dir)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}

fn main() -> ExitCode {
    let mut options = Options::default();
    let mut dir = PathBuf::from(".");
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--load-restrictor=LoadRestrictionsNone" => options.load_restrictor = LoadRestrictor::None,
            "--reorder=legacy" => options.reorder = Reorder::Legacy,
            "--reorder=none" => options.reorder = Reorder::None,
            "--enable-managedby-label" => options.managed_by_label = true,
            other => dir = PathBuf::from(other),
        }
    }
    let Ok(dir) = std::path::absolute(&dir) else { return ExitCode::FAILURE };
    let tree = Tree::from_source(Arc::new(Disk::default())).shown_at("/");
    match Renderer::new()
        .build(&tree, &dir.to_string_lossy(), &options)
        .and_then(|r| Ok((r.to_yaml()?, r.warnings)))
    {
        Ok((yaml, warnings)) => {
            warnings.iter().for_each(|warning| eprintln!("{warning}"));
            print!("{yaml}");
            ExitCode::SUCCESS
        }
        Err(errors) => {
            errors.warnings.iter().for_each(|warning| eprintln!("{warning}"));
            eprintln!("Error: {errors}");
            ExitCode::FAILURE
        }
    }
}
