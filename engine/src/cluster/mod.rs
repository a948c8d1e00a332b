//! A cluster as reconcilers see it: requests on JSON values through `kube::Client`, and nothing else.

mod access;
mod discovery;
mod elsewhere;
mod error;
mod seen;
mod watch;

pub(crate) use access::Cluster;
pub(crate) use discovery::Resource;
pub(crate) use elsewhere::Elsewhere;
pub use elsewhere::{ClusterHosts, RemoteCluster};
pub(crate) use error::ClusterError;
pub(crate) use watch::{Change, Watch};
