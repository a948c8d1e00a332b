//! Where the remote sources of `seatrial render` come from.

use super::trial::url_and_path;
use seatrial_harness::remotes::RemoteSources;
use seatrial_render::Remotes;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the value of `--serve`.
pub(super) fn served(text: &str) -> Result<(String, PathBuf), &'static str> {
    match url_and_path(text) {
        Ok((url, Some(path))) => Ok((url, path)),
        _ => Err("write URL=PATH, such as https://github.com/org/repo=../repo"),
    }
}

/// What is served, else the network.
pub(super) fn sources(serve: &[(String, PathBuf)]) -> Result<Arc<dyn Remotes>, String> {
    match RemoteSources::new(serve) {
        Ok(sources) => Ok(Arc::new(sources)),
        Err(error) => Err(format!("failed to {error}")),
    }
}
