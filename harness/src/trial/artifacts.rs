//! `--serve oci://HOST/NAME[:TAG]=FOLDER`: folders that are pushed to the run's registry before anything begins.

use super::TrialError;
use crate::registry::{ImageRef, Registry};
use seatrial_time::Clock;
use std::path::{Path, PathBuf};

const SCHEME: &str = "oci://";

/// Whether what is served at `url` is an artifact of a registry, and not a Git repository.
pub(crate) fn is_artifact(url: &str) -> bool {
    url.starts_with(SCHEME)
}

/// Pushes the artifacts among `others` as `flux push artifact` does; one without a tag is `latest`.
///
/// # Errors
/// [`TrialError::NoArtifactFolder`], [`TrialError::NoRepository`], [`TrialError::IsFile`], [`TrialError::Registry`].
pub(crate) fn push(
    registry: &Registry,
    clock: &Clock,
    others: &[(String, Option<PathBuf>)],
) -> Result<(), TrialError> {
    for (url, folder) in others.iter().filter(|(url, _)| is_artifact(url)) {
        let folder = folder.as_deref().ok_or_else(|| TrialError::NoArtifactFolder { url: url.clone() })?;
        is_folder(folder)?;
        let mut image = ImageRef::parse(url.trim_start_matches(SCHEME))?;
        registry.create(&image.repository.to_string(), [] as [&str; 0])?;
        if image.digest.is_none() {
            image.tag.get_or_insert_with(|| "latest".to_owned());
        }
        registry.push_artifact(&image.to_string(), folder, clock)?;
    }
    Ok(())
}

fn is_folder(path: &Path) -> Result<(), TrialError> {
    match (path.is_dir(), path.exists()) {
        (true, _) => Ok(()),
        (false, true) => Err(TrialError::IsFile { path: path.to_owned() }),
        (false, false) => Err(TrialError::NoRepository { path: path.to_owned() }),
    }
}
