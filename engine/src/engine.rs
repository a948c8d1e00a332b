//! Starts and stops the controllers.

use crate::artifact::ArtifactStore;
use crate::cluster::{Change, Cluster, ClusterHosts, Watch};
use crate::driver::{Controller, Reconcile, Wakes, reference};
use crate::object::ObjectRef;
use crate::reconcile::{
    Context, GeneratorReconciler, GitRepositoryReconciler, KustomizationReconciler, OciRepositoryReconciler,
    SourceObserver, Unsupported,
};
use crate::source::{GitHosts, OciRegistries};
use kube::Client;
use seatrial_api::FluxRelease;
use seatrial_api::catalog::{FluxKind, KINDS};
use seatrial_api::meta::WATCH_LABEL;
use seatrial_render::Renderer;
use seatrial_time::{Clock, Signal, Task};
use std::sync::Arc;

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
    /// Name of the engine in the names of its tasks, such as the cluster's.
    pub name: String,
}

/// A running engine. Dropping it stops it: every task ends where it stands.
#[must_use = "dropping an engine stops it"]
pub struct Engine {
    tasks: Vec<Task>,
}

impl Engine {
    /// Starts the controllers of all kinds that the release has. Kinds whose definitions are not there yet are looked
    /// for until they are.
    pub fn start(options: EngineOptions) -> Engine {
        let cluster = Cluster::new(options.client.clone());
        let wakes = Wakes::default();
        let context = Arc::new(Context {
            observer: SourceObserver::new(wakes.clone()),
            clock: options.clock.clone(),
            changes: options.cluster_changes.clone(),
            git: options.git,
            registries: options.registries,
            clusters: options.clusters,
            elsewhere: Default::default(),
            artifacts: options.artifacts,
            renderer: options.renderer,
            flux: options.flux,
            cluster: cluster.clone(),
            settled: Default::default(),
            bundles: Default::default(),
        });
        let mut start = Start { name: options.name, context, wakes, tasks: Vec::new() };
        for kind in KINDS {
            start.kind(kind);
        }
        for kind in ["ConfigMap", "Secret"] {
            start.watch_references(kind);
        }
        Engine { tasks: start.tasks }
    }

    /// How many watches the engine has.
    pub fn watches(&self) -> usize {
        self.tasks.len()
    }
}

/// Whether objects of this kind are reconciled. Those of other kinds get a condition that says that they are not.
pub fn is_supported(kind: &FluxKind) -> bool {
    let kinds = ["Kustomization", "GitRepository", "OCIRepository", "ArtifactGenerator", "ExternalArtifact"];
    kinds.contains(&kind.kind)
}

struct Start {
    name: String,
    context: Arc<Context>,
    wakes: Wakes,
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
            "ExternalArtifact" => self.observe(kind, api_version),
            _ => {
                debug_assert!(!is_supported(kind));
                self.control(kind, api_version, Unsupported::new(context));
            }
        }
    }

    fn control<R: Reconcile>(&mut self, kind: &FluxKind, api_version: String, reconciler: R) {
        let controller = Controller {
            cluster: self.context.cluster.clone(),
            clock: self.context.clock.clone(),
            changes: self.context.changes.clone(),
            watch: Watch { api_version, kind: kind.kind.to_owned(), labels: String::new() },
            reconciler: Arc::new(reconciler),
            wakes: self.wakes.clone(),
        };
        let name = format!("{} {} controller", self.name, kind.kind);
        self.tasks.push(self.context.clock.spawn(name, controller.run()));
    }

    /// Watches a kind that others write and Kustomizations read.
    fn observe(&mut self, kind: &FluxKind, api_version: String) {
        let watch = Watch { api_version, kind: kind.kind.to_owned(), labels: String::new() };
        let context = self.context.clone();
        self.watch(watch, move |change| match change {
            Change::Listed(objects) => objects.iter().for_each(|object| context.observer.observe(object)),
            Change::Set(object) => context.observer.observe(&object),
            Change::Gone(object) => context.observer.forget(&ObjectRef::of(&object)),
        });
    }

    /// Watches the config maps or secrets that ask for it, and wakes their users.
    fn watch_references(&mut self, kind: &'static str) {
        if self.context.flux < FluxRelease::V2_9 {
            return;
        }
        let labels = format!("{WATCH_LABEL}=Enabled");
        let watch = Watch { api_version: "v1".to_owned(), kind: kind.to_owned(), labels };
        let wakes = self.wakes.clone();
        self.watch(watch, move |change| {
            if let Change::Set(object) | Change::Gone(object) = change {
                let who = ObjectRef::of(&object);
                wakes.wake_users(&reference(kind, &who.namespace, &who.name), None);
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
