//! Finding scenario files.

use std::fs;
use std::path::{Path, PathBuf};

/// Looking for scenario files failed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// There is no such file or folder.
    #[error("find scenarios in {}: no such file or folder", .path.display())]
    Missing {
        /// What was named.
        path: PathBuf,
    },
    /// A folder cannot be read.
    #[error("read the folder {}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// The scenario files under `paths`, sorted, each once. A file that is named itself counts whatever it contains; in
/// folders, files that end in `.yaml` or `.yml` and have a line `kind: Scenario` count, however deep they are. Hidden
/// folders are left out.
///
/// # Errors
/// [`DiscoverError`] where a path does not exist or a folder cannot be read.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<PathBuf>, DiscoverError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found)?;
        } else if path.exists() {
            found.push(path.clone());
        } else {
            return Err(DiscoverError::Missing { path: path.clone() });
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), DiscoverError> {
    let wrap = |source| DiscoverError::Folder { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(wrap)? {
        let path = entry.map_err(wrap)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if is_scenario(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_scenario(path: &Path) -> bool {
    let yaml = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
    // By line, not by parsing: a file with a syntax error must be found too, to be reported.
    yaml && fs::read_to_string(path).is_ok_and(|text| {
        text.lines().any(|line| {
            let line = line.split(" #").next().unwrap_or_default().trim_end();
            matches!(line, "kind: Scenario" | "kind: \"Scenario\"" | "kind: 'Scenario'")
        })
    })
}
