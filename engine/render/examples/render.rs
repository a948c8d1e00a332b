//! `render DIR`: prints what `kustomize build DIR` prints. Files are read when they are needed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use seatrial_render::{FileSource, Found, LoadRestrictor, Options, Renderer, Reorder, ResolveError, Tree};

/// The machine's files, from the root on.
struct Disk;

impl FileSource for Disk {
    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        let real = Path::new("/").join(path).canonicalize().map_err(|_| ResolveError::Missing)?;
        let shown = real.strip_prefix("/").unwrap_or(&real).to_string_lossy().into_owned();
        if real.is_dir() {
            return Ok(Found::Dir(shown));
        }
        std::fs::read(&real)
            .map(|content| Found::File(shown, content.into()))
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
    let tree = Tree::from_source(Arc::new(Disk)).shown_at("/");
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
