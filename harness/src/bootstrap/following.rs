//! What a bootstrap of a run is to do.

use super::{Component, Sync};
use seatrial_api::FluxRelease;
use seatrial_verbs::bootstrap::keys::KeyAlgorithm;

/// What a cluster is to follow, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The folder.
    pub sync: Sync,
    /// The controllers.
    pub components: Vec<Component>,
    /// Whether the deploy key may push.
    pub read_write: bool,
    /// What kind of key it is.
    pub algorithm: KeyAlgorithm,
    /// Whether the cluster uses a token instead of a deploy key.
    pub token_auth: bool,
    /// The release that is installed. Default: the cluster's.
    pub flux: Option<FluxRelease>,
}

impl Following {
    /// The usual controllers and these, with a key of the usual kind that may not push.
    pub fn with(sync: Sync, extra: &[Component]) -> Following {
        let components = Component::USUAL.iter().chain(extra).copied().collect();
        let algorithm = KeyAlgorithm::default();
        Following { sync, components, read_write: false, algorithm, token_auth: false, flux: None }
    }
}
