//! Simulated clusters.

use super::{BackendError, ClusterProvider, Handle, History, Keep, Objects, Past, Wanted};
use crate::plan::ClusterPlan;
use crate::sealed::{self, SealingKeys};
use seatrial_sim::{ChangeKind, Cluster, ClusterOptions, Identity};
use seatrial_time::Clock;
use seatrial_workload::{ImageLookup, WorkloadOptions};
use std::ops::ControlFlow;
use std::sync::Arc;

/// How many changes are kept on the wall clock.
const LOG_LIMIT: usize = 10_000;

/// Makes simulated clusters.
pub(super) struct Sim;

impl ClusterProvider for Sim {
    async fn start(&self, wanted: &Wanted<'_>) -> Result<Handle, BackendError> {
        Ok(simulated(wanted.clock, wanted.plan, wanted.images.clone(), wanted.keys))
    }
}

/// A simulated cluster, on whatever clock. It is there at once. `keys` are those of the run.
pub fn simulated(
    clock: &Clock,
    plan: &ClusterPlan,
    images: Arc<dyn ImageLookup>,
    keys: &SealingKeys,
) -> Handle {
    // On the wall clock others watch it too, for as long as they like: watches end when they ask for it, and the log,
    // which nobody reads back that far, does not grow for ever.
    let wall = !clock.is_virtual();
    let mut options = ClusterOptions {
        name: plan.name.clone(),
        watch_timeouts: wall,
        log_limit: wall.then_some(LOG_LIMIT),
        ..ClusterOptions::default()
    };
    if let Some(version) = &plan.kubernetes {
        options.version.clone_from(version);
    }
    let cluster = Cluster::new(clock.clone(), options);
    let workload = WorkloadOptions {
        images,
        profiles: plan.profiles.clone(),
        ..WorkloadOptions::for_cluster(&plan.name)
    };
    let controllers = Identity::new("system:kube-controller-manager", ["system:masters"]);
    let workloads = seatrial_workload::start(cluster.patient_client(controllers), clock.clone(), workload);
    let admin = cluster.client(Identity::admin());
    let sealed =
        sealed::start(&plan.name, clock, admin.clone(), Some(cluster.changes()), keys, Some(&cluster));
    Handle {
        name: plan.name.clone(),
        release: seatrial_engine::Release::new(plan.flux),
        objects: Objects::new(admin),
        flux_client: cluster.client(Identity::service_account("flux-system", "kustomize-controller")),
        changes: cluster.changes(),
        simulated: Some(cluster.clone()),
        history: Box::new(SimHistory(cluster)),
        immediate: true,
        workloads: Some(workloads),
        placeholder_image: None,
        engine: None,
        sealed: Some(sealed),
        keys: keys.clone(),
        clock: clock.clone(),
        keep: Keep::Nothing,
    }
}

struct SimHistory(Cluster);

impl History for SimHistory {
    fn end(&self) -> u64 {
        self.0.log().last().map_or(0, |change| change.resource_version)
    }

    fn since(&self, position: u64, visit: &mut dyn FnMut(&Past<'_>) -> ControlFlow<()>) {
        for change in self.0.log().since(position) {
            let past = Past {
                position: change.resource_version,
                version: change.resource_version,
                time: change.time,
                object: change.object(),
                deleted: change.kind == ChangeKind::Deleted,
            };
            if visit(&past).is_break() {
                return;
            }
        }
    }
}
