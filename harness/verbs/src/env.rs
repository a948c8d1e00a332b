//! What a verb needs of the world beside its arguments.

use kube::Client;
use seatrial_time::Clock;

/// The clock, and how clusters are reached.
pub struct Env {
    /// For waiting, and for the times that are written into annotations.
    pub clock: Clock,
    /// The cluster that every verb means; `None`: the one that kubeconfig files and flags say.
    pub client: Option<Client>,
}

impl Env {
    /// Clusters are reached by kubeconfig files and flags.
    pub fn new(clock: Clock) -> Env {
        Env { clock, client: None }
    }

    /// Every verb means the cluster of `client`, in the namespace of its flags.
    pub fn with_client(clock: Clock, client: Client) -> Env {
        Env { clock, client: Some(client) }
    }
}
