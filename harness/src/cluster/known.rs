//! The clusters of a run, as kubeconfigs find them.

use super::Handle;
use seatrial_engine::{ClusterHosts, RemoteCluster};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The token that every cluster of a run takes for its administrator's.
const TOKEN: &str = "admin";

/// The clusters of a run by the server of a kubeconfig: `https://NAME.clusters.seatrial.test`, with the token `admin`. They are
/// reached in process, whatever they are. Clones share.
#[derive(Clone, Default)]
pub struct KnownClusters(Arc<Mutex<BTreeMap<String, RemoteCluster>>>);

impl KnownClusters {
    /// A cluster that has started.
    pub fn add(&self, cluster: &Handle) {
        let found = RemoteCluster {
            client: cluster.objects.client().clone(),
            // What comes over a watch comes too late to tell that nothing has changed.
            changes: cluster.immediate.then(|| cluster.changes.clone()),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster.name.clone(), found);
    }
}

impl ClusterHosts for KnownClusters {
    fn open(&self, server: &str, token: Option<&str>) -> Option<Result<RemoteCluster, String>> {
        let host = server.strip_prefix("https://")?.trim_end_matches('/');
        let name = host.strip_suffix(".clusters.seatrial.test")?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
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
    #[case::elsewhere("https://10.0.0.1:6443", Some("admin"), None)]
    fn a_kubeconfig_finds_a_cluster_of_the_run(
        #[case] server: &str,
        #[case] token: Option<&str>,
        #[case] expected: Option<Result<(), &str>>,
    ) {
        let end = simulate(Simulation::seeded(1), |clock| async move {
            let images = Arc::new(Registry::new().images(UnknownImages::Pull));
            let known = KnownClusters::default();
            known.add(&crate::cluster::simulated(&clock, &ClusterPlan::named("beta"), images));
            known.open(server, token).map(|found| found.map(drop))
        });
        let found = end.expect("an end");
        assert_eq!(found, expected.map(|found| found.map_err(str::to_owned)));
    }
}
