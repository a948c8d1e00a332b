//! What all controllers share.

use crate::api::{Api, ApiError, Kind};
use crate::events::Recorder;
use crate::object::{Key, Object};
use crate::options::WorkloadOptions;
use crate::profile::Profile;
use crate::queue::Queue;
use crate::store::Store;
use jiff::Timestamp;
use seatrial_time::{Clock, Rng, Signal};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// When to look at a key again, if nothing changes before.
pub(crate) type Wake = Option<Timestamp>;

/// The stores of the built-in kinds.
pub(crate) struct Stores {
    /// Moves with each change of any of them.
    pub(crate) changes: Signal,
    pub(crate) config_maps: Arc<Store>,
    pub(crate) controller_revisions: Arc<Store>,
    pub(crate) cron_jobs: Arc<Store>,
    pub(crate) custom_resource_definitions: Arc<Store>,
    pub(crate) daemon_sets: Arc<Store>,
    pub(crate) deployments: Arc<Store>,
    pub(crate) endpoint_slices: Arc<Store>,
    pub(crate) jobs: Arc<Store>,
    pub(crate) namespaces: Arc<Store>,
    pub(crate) nodes: Arc<Store>,
    pub(crate) persistent_volume_claims: Arc<Store>,
    pub(crate) persistent_volumes: Arc<Store>,
    pub(crate) pod_disruption_budgets: Arc<Store>,
    pub(crate) pods: Arc<Store>,
    pub(crate) replica_sets: Arc<Store>,
    pub(crate) secrets: Arc<Store>,
    pub(crate) service_accounts: Arc<Store>,
    pub(crate) services: Arc<Store>,
    pub(crate) stateful_sets: Arc<Store>,
}

impl Stores {
    pub(crate) fn new() -> Stores {
        let changes = Signal::new();
        let store = |api_version, kind, plural, namespaced| {
            Store::new(Kind::new(api_version, kind, plural, namespaced), changes.clone())
        };
        Stores {
            changes: changes.clone(),
            config_maps: store("v1", "ConfigMap", "configmaps", true),
            controller_revisions: store("apps/v1", "ControllerRevision", "controllerrevisions", true),
            cron_jobs: store("batch/v1", "CronJob", "cronjobs", true),
            custom_resource_definitions: store(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "customresourcedefinitions",
                false,
            ),
            daemon_sets: store("apps/v1", "DaemonSet", "daemonsets", true),
            deployments: store("apps/v1", "Deployment", "deployments", true),
            endpoint_slices: store("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", true),
            jobs: store("batch/v1", "Job", "jobs", true),
            namespaces: store("v1", "Namespace", "namespaces", false),
            nodes: store("v1", "Node", "nodes", false),
            persistent_volume_claims: store("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
            persistent_volumes: store("v1", "PersistentVolume", "persistentvolumes", false),
            pod_disruption_budgets: store("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
            pods: store("v1", "Pod", "pods", true),
            replica_sets: store("apps/v1", "ReplicaSet", "replicasets", true),
            secrets: store("v1", "Secret", "secrets", true),
            service_accounts: store("v1", "ServiceAccount", "serviceaccounts", true),
            services: store("v1", "Service", "services", true),
            stateful_sets: store("apps/v1", "StatefulSet", "statefulsets", true),
        }
    }

    pub(crate) fn each(&self) -> [&Arc<Store>; 19] {
        [
            &self.config_maps,
            &self.controller_revisions,
            &self.cron_jobs,
            &self.custom_resource_definitions,
            &self.daemon_sets,
            &self.deployments,
            &self.endpoint_slices,
            &self.jobs,
            &self.namespaces,
            &self.nodes,
            &self.persistent_volume_claims,
            &self.persistent_volumes,
            &self.pod_disruption_budgets,
            &self.pods,
            &self.replica_sets,
            &self.secrets,
            &self.service_accounts,
            &self.services,
            &self.stateful_sets,
        ]
    }
}

/// The work queue of each controller.
pub(crate) struct Queues {
    pub(crate) cron_jobs: Queue,
    pub(crate) custom: Queue,
    pub(crate) daemon_sets: Queue,
    pub(crate) deployments: Queue,
    pub(crate) jobs: Queue,
    pub(crate) namespaces: Queue,
    pub(crate) nodes: Queue,
    pub(crate) pods: Queue,
    pub(crate) pod_disruption_budgets: Queue,
    pub(crate) replica_sets: Queue,
    pub(crate) services: Queue,
    pub(crate) stateful_sets: Queue,
    pub(crate) volumes: Queue,
    pub(crate) volume_claims: Queue,
}

impl Queues {
    pub(crate) fn new(clock: &Clock) -> Queues {
        let queue = || Queue::new(clock.clone());
        Queues {
            cron_jobs: queue(),
            custom: queue(),
            daemon_sets: queue(),
            deployments: queue(),
            jobs: queue(),
            namespaces: queue(),
            nodes: queue(),
            pods: queue(),
            pod_disruption_budgets: queue(),
            replica_sets: queue(),
            services: queue(),
            stateful_sets: queue(),
            volumes: queue(),
            volume_claims: queue(),
        }
    }
}

/// What all controllers share.
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) client: kube::Client,
    /// Writes as kube-controller-manager.
    pub(crate) api: Api,
    pub(crate) stores: Stores,
    pub(crate) queues: Queues,
    pub(crate) options: WorkloadOptions,
    pub(crate) profiles: RwLock<Arc<Vec<Profile>>>,
    names: Mutex<Rng>,
}

impl Context {
    pub(crate) fn new(client: kube::Client, clock: Clock, options: WorkloadOptions) -> Context {
        Context {
            api: Api::new(client.clone(), "kube-controller-manager"),
            client,
            stores: Stores::new(),
            queues: Queues::new(&clock),
            profiles: RwLock::new(Arc::new(options.profiles.clone())),
            options,
            names: Mutex::new(clock.rng("workload/names")),
            clock,
        }
    }

    pub(crate) fn profiles(&self) -> Arc<Vec<Profile>> {
        self.profiles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn names(&self) -> MutexGuard<'_, Rng> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name suffix of five characters.
    pub(crate) fn suffix(&self) -> String {
        self.names().suffix(5)
    }

    /// Random bytes as hexadecimal digits.
    pub(crate) fn hex(&self, bytes: usize) -> String {
        let mut buffer = vec![0; bytes];
        self.names().fill(&mut buffer);
        buffer.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The events of a controller of kube-controller-manager.
    pub(crate) fn recorder(&self, component: &'static str) -> Recorder {
        Recorder::new(self.api.clone(), self.clock.clone(), component, self.options.events)
    }

    /// Waits until every store has its first list: before that a controller would take absence for a fact.
    pub(crate) async fn synced(&self) {
        for store in self.stores.each() {
            store.synced().await;
        }
    }
}

/// Runs a controller: takes keys from its queue for ever and reconciles one after the other.
///
/// `reconcile` is level-based: it gets a key, looks at the state of things, and makes one step towards what is wanted.
/// It may be called at any time, for any key, any number of times. A failure is tried again after a pause; a conflict
/// means that the store was behind, and is no failure.
pub(crate) async fn control<F, R>(context: Arc<Context>, queue: Queue, name: &'static str, mut reconcile: F)
where
    F: FnMut(Key) -> R,
    R: Future<Output = Result<Wake, ApiError>>,
{
    context.synced().await;
    loop {
        let key = queue.next().await;
        match reconcile(key.clone()).await {
            Ok(wake) => queue.done(&key, wake),
            Err(error) => {
                tracing::debug!(%error, %key, controller = name, "will try again");
                queue.retry(&key);
            }
        }
    }
}

/// The key of the controller of `object`, if it is of this kind.
pub(crate) fn owner_key(object: &Object, kind: &str) -> Option<Key> {
    let owner = crate::object::controller(object)?;
    (crate::object::text(owner, &["kind"]) == kind)
        .then(|| Key::new(crate::object::namespace(object), crate::object::text(owner, &["name"])))
}
