//! The clusters of a run, as kubeconfigs find them.

use super::Handle;
use seatrial_engine::{ClusterHosts, RemoteCluster};
use seatrial_time::Clock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The token that every cluster of a run takes for its administrator's.
const TOKEN: &str = "admin";

/// The clusters of a run by the server of a kubeconfig: `https://NAME.clusters.seatrial.test`, with the token `admin`. They are
/// reached in process, whatever they are. Other servers are asked over the network on the wall clock; in virtual time there is
/// no network. Clones share.
#[derive(Clone)]
pub struct KnownClusters {
    known: Arc<Mutex<BTreeMap<String, RemoteCluster>>>,
    network: bool,
}

impl KnownClusters {
    /// None yet, in a run on this clock.
    pub fn on(clock: &Clock) -> KnownClusters {
        KnownClusters { known: Arc::default(), network: !clock.is_virtual() }
    }

    /// A cluster that has started.
    pub fn add(&self, cluster: &Handle) {
        let found = RemoteCluster {
            client: cluster.objects.client().clone(),
            // What comes over a watch comes too late to tell that nothing has changed.
            changes: cluster.immediate.then(|| cluster.changes.clone()),
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster.name.clone(), found);
    }
}

impl ClusterHosts for KnownClusters {
    fn open(&self, server: &str, token: Option<&str>) -> Option<Result<RemoteCluster, String>> {
        let host = server.strip_prefix("https://").map(|host| host.trim_end_matches('/'));
        let Some(name) = host.and_then(|host| host.strip_suffix(".clusters.seatrial.test")) else {
            let nowhere =
                || Err(format!("the run has no cluster at {server}, and in virtual time there is no other"));
            return (!self.network).then(nowhere);
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        Some(match known {
            None => Err(format!("the run has no cluster {name}")),
            Some(_) if token != Some(TOKEN) => {
                Err(format!("the cluster {name} of the run takes the token {TOKEN:?} alone"))
            }
            Some(found) => Ok(found),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ClusterPlan;
    use crate::registry::{Registry, UnknownImages};
    use crate::sealed::SealingKeys;
    use rstest::rstest;
    use seatrial_time::{Simulation, simulate};

    #[rstest]
    #[case::here("https://beta.clusters.seatrial.test", Some("admin"), Some(Ok(())))]
    #[case::with_a_slash("https://beta.clusters.seatrial.test/", Some("admin"), Some(Ok(())))]
    #[case::unknown(
        "https://gamma.clusters.seatrial.test",
        Some("admin"),
        Some(Err("the run has no cluster gamma"))
    )]
    #[case::another_token(
        "https://beta.clusters.seatrial.test",
        Some("root"),
        Some(Err("the cluster beta of the run takes the token \"admin\" alone"))
    )]
    #[case::no_token(
        "https://beta.clusters.seatrial.test",
        None,
        Some(Err("the cluster beta of the run takes the token \"admin\" alone"))
    )]
    #[case::elsewhere(
        "https://10.0.0.1:6443",
        Some("admin"),
        Some(Err("the run has no cluster at https://10.0.0.1:6443, and in virtual time there is no other"))
    )]
    fn a_kubeconfig_finds_a_cluster_of_the_run(
        #[case] server: &str,
        #[case] token: Option<&str>,
        #[case] expected: Option<Result<(), &str>>,
    ) {
        let end = simulate(Simulation::seeded(1), |clock| async move {
            let images = Arc::new(Registry::new().images(UnknownImages::Pull));
            let known = KnownClusters::on(&clock);
            known.add(&crate::cluster::simulated(
                &clock,
                &ClusterPlan::named("beta"),
                images,
                &SealingKeys::on(&clock),
            ));
            known.open(server, token).map(|found| found.map(drop))
        });
        let found = end.expect("an end");
        assert_eq!(found, expected.map(|found| found.map_err(str::to_owned)));
    }
}
