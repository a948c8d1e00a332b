//! Starting and stopping everything.

use crate::api::Api;
use crate::context::{Context, control};
use crate::controllers::{
    cronjob, custom, daemonset, deployment, disruption, job, namespace, node, replicaset, service,
    statefulset, volume,
};
use crate::kubelet::Kubelet;
use crate::object::Key;
use crate::options::{Controllers, WorkloadOptions};
use crate::profile::Profile;
use crate::{garbage, informer, wiring};
use seatrial_time::{Clock, Task};
use std::sync::{Arc, PoisonError};

/// The running controllers and kubelets of one cluster. Dropping it stops them all; the objects stay as they are.
#[must_use = "dropping Workloads stops them"]
pub struct Workloads {
    context: Arc<Context>,
    kubelet: Arc<Kubelet>,
    _tasks: Vec<Task>,
}

impl std::fmt::Debug for Workloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workloads").field("options", &self.context.options).finish_non_exhaustive()
    }
}

impl Workloads {
    /// Takes other profiles from now on, and looks at all pods and custom resources again: running containers that are
    /// to crash now do so, missing images are asked for again at once. What is finished stays finished, and a
    /// container that waits for its restart waits until the pause is over.
    /// A profile that contradicts itself (see [`Profile::validate`]) is left out, with a warning.
    pub fn set_profiles(&self, profiles: Vec<Profile>) {
        let profiles = valid(profiles);
        *self.context.profiles.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(profiles);
        self.kubelet.forget_pulls();
        for pod in self.context.stores.pods.all() {
            self.context.queues.pods.add(Key::of(&pod));
        }
        for definition in self.context.stores.custom_resource_definitions.all() {
            self.context.queues.custom.add(Key::of(&definition));
        }
    }

    /// Looks for missing images again at once, instead of at the end of each pod's pause.
    pub fn retry_images(&self) {
        self.kubelet.forget_pulls();
        for pod in self.context.stores.pods.all() {
            self.context.queues.pods.add(Key::of(&pod));
        }
    }
}

/// Starts the controllers and kubelets of one cluster. `client` needs the rights of a cluster administrator.
/// A profile that contradicts itself (see [`Profile::validate`]) is left out, with a warning.
pub fn start(client: kube::Client, clock: Clock, mut options: WorkloadOptions) -> Workloads {
    options.profiles = valid(options.profiles);
    let context = Arc::new(Context::new(client.clone(), clock.clone(), options));
    let kubelet = Arc::new(Kubelet::new(context.clone()));
    wiring::connect(&context);

    let mut tasks = Vec::new();
    let reader = Api::new(client, "kube-controller-manager");
    for store in context.stores.each() {
        let name = format!("workload/informer/{}", store.kind().plural);
        tasks.push(clock.spawn(name, informer::run(store.clone(), reader.clone(), clock.clone())));
    }
    // A controller: its queue, its name, the component that its events come from, and what it does with a key.
    macro_rules! controller {
        ($queue:ident, $component:literal, $reconcile:path) => {{
            let recorder = Arc::new(context.recorder($component));
            let shared = context.clone();
            let queue = context.queues.$queue.clone();
            let name = concat!("workload/", stringify!($queue));
            let run = control(context.clone(), queue, name, move |key: Key| {
                let (context, recorder) = (shared.clone(), recorder.clone());
                async move { $reconcile(&context, &recorder, &key).await }
            });
            tasks.push(clock.spawn(name, run));
        }};
    }
    let controllers = context.options.controllers;
    if controllers != Controllers::None {
        controller!(deployments, "deployment-controller", deployment::reconcile);
        controller!(replica_sets, "replicaset-controller", replicaset::reconcile);
        controller!(stateful_sets, "statefulset-controller", statefulset::reconcile);
        controller!(daemon_sets, "daemonset-controller", daemonset::reconcile);
        controller!(jobs, "job-controller", job::reconcile);
        controller!(cron_jobs, "cronjob-controller", cronjob::reconcile);
        controller!(volume_claims, "persistentvolume-controller", volume::reconcile_claim);
        controller!(volumes, "persistentvolume-controller", volume::reconcile_volume);
        controller!(services, "service-controller", service::reconcile);
        controller!(pod_disruption_budgets, "controllermanager", disruption::reconcile);
        controller!(namespaces, "namespace-controller", namespace::reconcile);
    }
    if controllers == Controllers::All {
        tasks.push(clock.spawn("workload/garbage", garbage::run(context.clone())));
    }
    controller!(nodes, "node-controller", node::reconcile);

    let pods = kubelet.clone();
    let run = control(context.clone(), context.queues.pods.clone(), "workload/pods", move |key: Key| {
        let kubelet = pods.clone();
        async move { kubelet.reconcile(&key).await }
    });
    tasks.push(clock.spawn("workload/pods", run));
    let custom = Arc::new(custom::Custom::new(context.clone()));
    let run = control(context.clone(), context.queues.custom.clone(), "workload/custom", move |key: Key| {
        let custom = custom.clone();
        async move { custom.reconcile(&key).await }
    });
    tasks.push(clock.spawn("workload/custom", run));
    Workloads { context, kubelet, _tasks: tasks }
}

fn valid(profiles: Vec<Profile>) -> Vec<Profile> {
    let checked = profiles.into_iter().filter(|profile| match profile.validate() {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("leaving out a profile: cannot {error}");
            false
        }
    });
    checked.collect()
}
