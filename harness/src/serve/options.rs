//! What is to be served, and how.

use super::KubeconfigTarget;
use crate::plan::Plan;
use seatrial_api::FluxRelease;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What clusters, forge and registry start with.
#[derive(Clone, Debug, PartialEq)]
pub enum UpSource {
    /// Empty clusters and one empty repository, `gitops`.
    Nothing,
    /// A repository, bare or not, or a plain folder.
    Repository {
        /// Where it is.
        path: PathBuf,
        /// More sources: URLs, and the repository or folder that each leads to; without one, the URL leads to the
        /// repository itself.
        serve: Vec<(String, Option<PathBuf>)>,
    },
    /// The beginning of a scenario.
    Scenario(Box<Plan>),
}

/// Whom the forge lets in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForgeAccess {
    /// Clusters may read everything. Others need the run's token, or a key that was registered.
    #[default]
    Open,
    /// As on GitHub: everybody, the clusters too, needs a right to what is private, and to push.
    Checked,
}

/// What is to be served, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct UpOptions {
    /// What everything starts with. Default: nothing.
    pub source: UpSource,
    /// The clusters. Default, where empty: those of the scenario, else `beta` and `production`.
    pub clusters: Vec<String>,
    /// The Flux release of the clusters; a scenario says it itself. Default: the newest.
    pub flux: FluxRelease,
    /// Whether clusters are bootstrapped from what they start with. Default: true.
    pub bootstrap: bool,
    /// Whether clusters that are not bootstrapped get Flux's components (definitions, controllers). Default: false.
    pub install_flux: bool,
    /// Whether the deploy keys of the clusters that are bootstrapped from a repository may push. Default: false.
    pub read_write_key: bool,
    /// The address to listen on. Default: 127.0.0.1.
    pub listen: IpAddr,
    /// The name or address by which others reach it, in URLs and certificates. Default: `listen`, and the loopback address
    /// where that is all addresses.
    pub advertise: Option<String>,
    /// Whom the forge lets in. Default: everybody who could be one of the run.
    pub forge_access: ForgeAccess,
    /// The first of the ports: Git, registry, registry with TLS, then the clusters in their order, then Git with TLS and Git
    /// over SSH. Default: free ones.
    pub port_base: Option<u16>,
    /// The kubeconfig. Default: a new file in the run's own folder.
    pub kubeconfig: Option<KubeconfigTarget>,
    /// The ready file. Default: none.
    pub ready_file: Option<PathBuf>,
}

impl Default for UpOptions {
    fn default() -> UpOptions {
        UpOptions {
            source: UpSource::Nothing,
            clusters: Vec::new(),
            flux: FluxRelease::default(),
            bootstrap: true,
            install_flux: false,
            read_write_key: false,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertise: None,
            forge_access: ForgeAccess::Open,
            port_base: None,
            kubeconfig: None,
            ready_file: None,
        }
    }
}
