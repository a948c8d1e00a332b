//! What there is of the backend in a build without it.

use crate::cluster::{Backend, BackendError, BackendOptions, ClusterProvider, Handle, Wanted};
use std::path::Path;

/// Says that this build does not have the backend.
pub(in crate::cluster) fn preflight(_: &BackendOptions) -> Result<(), BackendError> {
    Err(lack())
}

/// There is nothing to be swept.
pub(in crate::cluster) async fn sweep(_: &Path) -> Result<(), BackendError> {
    Ok(())
}

fn lack() -> BackendError {
    BackendError::Missing {
        backend: Backend::K3s,
        lack: "this program was built without it".to_owned(),
        remedy: "build it with `cargo build --release --features k3s`".to_owned(),
    }
}

/// Makes nothing.
pub(in crate::cluster) struct K3s;

impl ClusterProvider for K3s {
    async fn start(&self, _: &Wanted<'_>) -> Result<Handle, BackendError> {
        Err(lack())
    }
}
