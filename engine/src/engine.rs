//! Starts and stops the controllers.

use crate::artifact::ArtifactStore;
use crate::cluster::{Change, Cluster, ClusterHosts, Watch};
use crate::driver::{Controller, DriverOptions, Gates, Queue, Reconcile, Stopping, Wakes, reference};
use crate::object::ObjectRef;
use crate::reconcile::{
    AutomationReconciler, Context, GeneratorReconciler, GitRepositoryReconciler, KustomizationReconciler,
    OciRepositoryReconciler, PolicyReconciler, RepositoryReconciler, SourceObserver, Unsupported,
};
use crate::source::oci::{Authenticating, Repeating};
use crate::source::{GitHosts, OciRegistries};
use crate::status::Outbox;
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_api::catalog::{FluxKind, KINDS};
use seatrial_api::meta::WATCH_LABEL;
use seatrial_render::Renderer;
use seatrial_time::{Clock, Signal, Task};
use std::sync::Arc;
use std::time::Duration;

const SOURCES: &str = "source.toolkit.fluxcd.io";

/// What an engine works with.
#[derive(Clone)]
pub struct EngineOptions {
    /// Time, tasks and chance.
    pub clock: Clock,
    /// The cluster, as the identity that Flux's controllers have.
    pub client: Client,
    /// Where Git repositories come from.
    pub git: Arc<dyn GitHosts>,
    /// Where the artifacts of container registries come from.
    pub registries: Arc<dyn OciRegistries>,
    /// Which clusters a kubeconfig can lead to without a network; `Arc::new(())` where there are none.
    pub clusters: Arc<dyn ClusterHosts>,
    /// Where artifacts are kept. Engines that share it fetch and build a revision once.
    pub artifacts: Arc<ArtifactStore>,
    /// Builds kustomizations. It can be shared too.
    pub renderer: Arc<Renderer>,
    /// The Flux release that the engine acts as.
    pub flux: FluxRelease,
    /// Moves with each change of the cluster's store, where that is known: then periods in which nothing changes cost
    /// nothing. None for clusters elsewhere.
    pub cluster_changes: Option<Signal>,
    /// How the controllers work.
    pub driver: DriverOptions,
    /// Name of the engine in the names of its tasks, such as the cluster's.
    pub name: String,
}

/// A running engine. Dropping it stops it: every task ends where it stands, as if the process had died. The next engine brings things
/// to the same end all the same; [`Engine::stop`] leaves nothing half done.
#[must_use = "dropping an engine stops it"]
pub struct Engine {
    _tasks: Vec<Task>,
    /// Writes events beside the work.
    letters: Option<Task>,
    watches: usize,
    clock: Clock,
    wakes: Wakes,
    stopping: Stopping,
    outbox: Option<Outbox>,
}

/// Objects whose reconciles did not end in time, or whose events were not written; they were dropped where they stood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("end the reconciles of {} in time", .objects.join(", "))]
pub struct Unfinished {
    /// The objects as `Kind/namespace/name`, sorted.
    pub objects: Vec<String>,
}

impl Engine {
    /// Starts the controllers of all kinds that the release has. Kinds whose definitions are not there yet are looked
    /// for until they are.
    pub fn start(options: EngineOptions) -> Engine {
        let cluster = Cluster::new(options.client.clone());
        // Where requests take time, there are fewer of them, and some are made beside the work.
        let elsewhere = options.cluster_changes.is_none();
        let cluster = if elsewhere { cluster.elsewhere(&options.clock) } else { cluster };
        let outbox = elsewhere.then(Outbox::default);
        let wakes = Wakes::default();
        let stopping = Stopping::default();
        let gates = Gates::new(options.driver.gate.clone(), wakes.clone());
        let context = Arc::new(Context {
            driver: options.driver,
            stopping: stopping.clone(),
            observer: SourceObserver::new(wakes.clone()),
            clock: options.clock.clone(),
            changes: options.cluster_changes.clone(),
            git: options.git,
            registries: Arc::new(Authenticating::new(Arc::new(Repeating::new(
                options.registries,
                options.clock.clone(),
                options.flux,
            )))),
            clusters: options.clusters,
            elsewhere: Default::default(),
            artifacts: options.artifacts,
            renderer: options.renderer,
            flux: options.flux,
            cluster: cluster.clone(),
            settled: Default::default(),
            bundles: Default::default(),
            scans: Default::default(),
            wakes: wakes.clone(),
            outbox: outbox.clone(),
        });
        let mut start = Start { name: options.name, context, wakes: wakes.clone(), gates, tasks: Vec::new() };
        start.watch_deployments();
        for kind in KINDS {
            start.kind(kind);
        }
        for kind in ["ConfigMap", "Secret"] {
            start.watch_references(kind);
        }
        let watches = start.tasks.len();
        let letters = outbox.as_ref().map(|outbox| {
            options.clock.spawn(
                format!("{} events", start.name),
                outbox.clone().run(options.clock.clone(), stopping.clone()),
            )
        });
        Engine { _tasks: start.tasks, letters, watches, clock: options.clock, wakes, stopping, outbox }
    }

    /// Drops the work where it stands. What has been told is written all the same, as long as the result lives.
    pub(crate) fn leave(self) -> Option<Task> {
        self.letters
    }

    /// Begins no reconcile any more, lets those that run end, and stops, when their events are written. Health checks that wait are canceled (from Flux 2.9 on): the
    /// status says so, and the next engine takes them up again.
    ///
    /// # Errors
    /// [`Unfinished`] when some have not ended within `limit`. The engine has stopped in any case.
    pub async fn stop(self, limit: Duration) -> Result<(), Unfinished> {
        self.stopping.ask();
        self.wakes.wake_all();
        let ended = async {
            self.stopping.quiet().await;
            if let Some(outbox) = &self.outbox {
                outbox.quiet().await;
            }
        };
        self.clock.timeout(limit, ended).await.map_err(|_| {
            let mut objects = self.stopping.running();
            objects.extend(self.outbox.iter().flat_map(Outbox::left));
            objects.sort();
            objects.dedup();
            Unfinished { objects }
        })
    }

    /// How many watches the engine has.
    pub fn watches(&self) -> usize {
        self.watches
    }
}

/// Whether objects of this kind are reconciled. Those of other kinds get a condition that says that they are not.
pub fn is_supported(kind: &FluxKind) -> bool {
    let kinds = [
        "Kustomization",
        "GitRepository",
        "OCIRepository",
        "ArtifactGenerator",
        "ExternalArtifact",
        "ImageRepository",
        "ImagePolicy",
        "ImageUpdateAutomation",
    ];
    kinds.contains(&kind.kind)
}

struct Start {
    name: String,
    context: Arc<Context>,
    wakes: Wakes,
    gates: Gates,
    tasks: Vec<Task>,
}

impl Start {
    fn kind(&mut self, kind: &'static FluxKind) {
        let Some(api_version) = kind.api_version(self.context.flux) else { return };
        let context = self.context.clone();
        match kind.kind {
            "Kustomization" => self.control(kind, api_version, KustomizationReconciler::new(context)),
            "GitRepository" => self.control(kind, api_version, GitRepositoryReconciler::new(context)),
            "OCIRepository" => self.control(kind, api_version, OciRepositoryReconciler::new(context)),
            "ArtifactGenerator" => self.control(kind, api_version, GeneratorReconciler::new(context)),
            "ImageRepository" => self.control(kind, api_version, RepositoryReconciler::new(context)),
            "ImagePolicy" => self.control(kind, api_version, PolicyReconciler::new(context)),
            "ImageUpdateAutomation" => self.control(kind, api_version, AutomationReconciler::new(context)),
            "ExternalArtifact" => self.observe(kind, api_version),
            _ => {
                debug_assert!(!is_supported(kind));
                self.control(kind, api_version, Unsupported::new(context));
            }
        }
    }

    fn control<R: Reconcile>(&mut self, kind: &FluxKind, api_version: String, reconciler: R) {
        let driver = self.context.driver.clone();
        let observed = kind.group == SOURCES && (driver.selector.is_some() || driver.namespace.is_some());
        if observed {
            // Kustomizations of this engine may be of sources of others.
            self.observe(kind, api_version.clone());
        }
        let controller = Controller {
            gates: self.gates.clone(),
            queue: Queue::new(driver.concurrent(kind.group), self.context.stopping.clone()),
            cluster: self.context.cluster.clone(),
            clock: self.context.clock.clone(),
            changes: self.context.changes.clone(),
            watch: Watch {
                api_version,
                kind: kind.kind.to_owned(),
                labels: driver.selector.clone().unwrap_or_default(),
                namespace: driver.namespace.clone(),
                kept: !observed,
            },
            options: driver,
            reconciler: Arc::new(reconciler),
            wakes: self.wakes.clone(),
        };
        let name = format!("{} {} controller", self.name, kind.kind);
        self.tasks.push(self.context.clock.spawn(name, controller.run()));
    }

    /// Watches a kind that others write and Kustomizations read.
    fn observe(&mut self, kind: &FluxKind, api_version: String) {
        let kind = kind.kind.to_owned();
        let watch = Watch { api_version, kind, labels: String::new(), namespace: None, kept: true };
        let context = self.context.clone();
        self.watch(watch, move |change| match change {
            Change::Listed(objects) => objects.iter().for_each(|object| context.observer.observe(object)),
            Change::Set(object) => context.observer.observe(&object),
            Change::Gone(object) => context.observer.forget(&ObjectRef::of(&object)),
        });
    }

    /// Watches the Deployments of the controllers.
    fn watch_deployments(&mut self) {
        let Some(namespace) = self.gates.namespace().map(str::to_owned) else { return };
        let (api_version, kind) = ("apps/v1".to_owned(), "Deployment".to_owned());
        let watch =
            Watch { api_version, kind, labels: String::new(), namespace: Some(namespace), kept: false };
        let gates = self.gates.clone();
        self.watch(watch, move |change| gates.set(&change));
    }

    /// Watches the config maps or secrets that ask for it, and wakes their users.
    fn watch_references(&mut self, kind: &'static str) {
        if self.context.flux < FluxRelease::V2_9 {
            return;
        }
        let labels = format!("{WATCH_LABEL}=Enabled");
        let watch = Watch {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            labels,
            namespace: None,
            kept: false,
        };
        let wakes = self.wakes.clone();
        self.watch(watch, move |change| {
            if let Change::Set(object) | Change::Gone(object) = change {
                let who = ObjectRef::of(&object);
                wakes.wake_users(&reference(kind, &who.namespace, &who.name), None, None);
            }
        });
    }

    fn watch(&mut self, watch: Watch, on: impl FnMut(Change) + Send + 'static) {
        let context = self.context.clone();
        let name = format!("{} {} watch", self.name, watch.kind);
        let task = self.context.clock.spawn(name, async move {
            watch.run(&context.cluster, &context.clock, context.changes.as_ref(), on).await;
        });
        self.tasks.push(task);
    }
}
