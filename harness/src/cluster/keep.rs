//! What a cluster consists of, and how it ends.

use super::guard::Guard;
use super::{BackendError, Handle};

/// What a cluster consists of. Dropping it ends that, as far as this can be done at once.
#[derive(Default)]
pub(crate) enum Keep {
    /// Nothing beside the handle.
    #[default]
    Nothing,
    /// Programs, the last started first, and their folder.
    Programs { _guards: Vec<Guard>, _folder: tempfile::TempDir },
    /// A container.
    #[cfg(feature = "k3s")]
    Container(Box<super::k3s::Container>),
    /// A cluster of others: what was made on it has to be removed.
    Existing(super::kubeconfig::Made),
}

impl Keep {
    /// Ends it.
    pub(crate) async fn end(self, cluster: &mut Handle) -> Result<(), BackendError> {
        match self {
            Keep::Nothing | Keep::Programs { .. } => Ok(()),
            #[cfg(feature = "k3s")]
            Keep::Container(container) => container.end(&cluster.name).await,
            Keep::Existing(made) => made.remove(cluster).await,
        }
    }
}
