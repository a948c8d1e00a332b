//! What a verb needs of the world beside its arguments.

use crate::bootstrap::{Hosts, Network};
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_time::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The clock, and how clusters, forges and repositories are reached.
pub struct Env {
    /// For waiting, and for the times that are written into annotations.
    pub clock: Clock,
    /// The cluster that every verb means; `None`: the one that kubeconfig files and flags say.
    pub client: Option<Client>,
    /// How `bootstrap` reaches forges and repositories; `None`: over the network.
    pub hosts: Option<Arc<dyn Hosts>>,
    /// The variables of the environment; `None`: those of the process.
    pub variables: Option<BTreeMap<String, String>>,
    /// The release that `bootstrap` installs, and that `check --pre` is for, where no flag says another.
    pub flux: FluxRelease,
    /// An image in the place of the controllers' own: see [`InstallOptions`](crate::bootstrap::InstallOptions).
    pub placeholder: Option<String>,
}

impl Env {
    /// Clusters are reached by kubeconfig files and flags, all else over the network.
    pub fn new(clock: Clock) -> Env {
        Env {
            clock,
            client: None,
            hosts: None,
            variables: None,
            flux: FluxRelease::default(),
            placeholder: None,
        }
    }

    /// Every verb means the cluster of `client`, in the namespace of its flags.
    pub fn with_client(clock: Clock, client: Client) -> Env {
        Env { client: Some(client), ..Env::new(clock) }
    }

    pub(crate) fn hosts(&self) -> Arc<dyn Hosts> {
        self.hosts.clone().unwrap_or_else(|| Arc::new(Network))
    }

    /// A variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match &self.variables {
            Some(variables) => variables.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }
}
