//! The controllers of a release.

use seatrial_api::FluxRelease;

/// A controller of Flux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// Fetches sources.
    SourceController,
    /// Applies Kustomizations.
    KustomizeController,
    /// Applies HelmReleases.
    HelmController,
    /// Tells of events, and takes webhooks.
    NotificationController,
    /// Scans image repositories and selects tags.
    ImageReflectorController,
    /// Writes image tags into repositories.
    ImageAutomationController,
    /// Composes artifacts of parts of others. Flux 2.2.3 does not have it.
    SourceWatcher,
}

use Component::{
    HelmController, ImageAutomationController, ImageReflectorController, KustomizeController,
    NotificationController, SourceController, SourceWatcher,
};

/// What is known of a controller.
pub(super) struct Facts {
    pub(super) name: &'static str,
    /// The tags of its image in 2.2.3 and in 2.9.0; empty where the release does not have it.
    tags: [&'static str; 2],
    /// The kinds that it reconciles.
    pub(super) kinds: &'static [&'static str],
    /// Its Services, each with the port of the pod that it leads to.
    pub(super) services: &'static [(&'static str, &'static str)],
    /// How many seconds its pod has to end.
    pub(super) grace: u32,
    /// What it asks for of a CPU.
    pub(super) cpu: &'static str,
    /// Whether it keeps artifacts or a database in `/data`.
    pub(super) data: bool,
    /// Whether the cluster needs it: its pod is scheduled before others.
    pub(super) critical: bool,
}

impl Component {
    /// All of them, in the order in which Flux lists them.
    pub const ALL: [Component; 7] = [
        SourceController,
        KustomizeController,
        HelmController,
        NotificationController,
        ImageReflectorController,
        ImageAutomationController,
        SourceWatcher,
    ];

    /// Those that are installed where nobody says others.
    pub const USUAL: [Component; 4] =
        [SourceController, KustomizeController, HelmController, NotificationController];

    /// All that a release has.
    pub fn all_in(flux: FluxRelease) -> Vec<Component> {
        Component::ALL.into_iter().filter(|component| component.is_in(flux)).collect()
    }

    pub(super) fn facts(self) -> &'static Facts {
        match self {
            SourceController => &Facts {
                name: "source-controller",
                tags: ["v1.2.4", "v1.9.0"],
                kinds: &[
                    "Bucket",
                    "ExternalArtifact",
                    "GitRepository",
                    "HelmChart",
                    "HelmRepository",
                    "OCIRepository",
                ],
                services: &[("source-controller", "http")],
                grace: 10,
                cpu: "50m",
                data: true,
                critical: true,
            },
            KustomizeController => &Facts {
                name: "kustomize-controller",
                tags: ["v1.2.2", "v1.9.0"],
                kinds: &["Kustomization"],
                services: &[],
                grace: 60,
                cpu: "100m",
                data: false,
                critical: true,
            },
            HelmController => &Facts {
                name: "helm-controller",
                tags: ["v0.37.4", "v1.6.0"],
                kinds: &["HelmRelease"],
                services: &[],
                grace: 600,
                cpu: "100m",
                data: false,
                critical: true,
            },
            NotificationController => &Facts {
                name: "notification-controller",
                tags: ["v1.2.4", "v1.9.0"],
                kinds: &["Alert", "Provider", "Receiver"],
                services: &[("notification-controller", "http"), ("webhook-receiver", "http-webhook")],
                grace: 10,
                cpu: "100m",
                data: false,
                critical: false,
            },
            ImageReflectorController => &Facts {
                name: "image-reflector-controller",
                tags: ["v0.31.2", "v1.2.0"],
                kinds: &["ImagePolicy", "ImageRepository"],
                services: &[],
                grace: 10,
                cpu: "100m",
                data: true,
                critical: false,
            },
            ImageAutomationController => &Facts {
                name: "image-automation-controller",
                tags: ["v0.37.1", "v1.2.0"],
                kinds: &["ImageUpdateAutomation"],
                services: &[],
                grace: 10,
                cpu: "100m",
                data: false,
                critical: false,
            },
            SourceWatcher => &Facts {
                name: "source-watcher",
                tags: ["", "v2.2.0"],
                kinds: &["ArtifactGenerator"],
                services: &[("source-watcher", "http")],
                grace: 10,
                cpu: "100m",
                data: true,
                critical: true,
            },
        }
    }

    /// The controller of this name.
    pub fn named(name: &str) -> Option<Component> {
        Component::ALL.into_iter().find(|component| component.name() == name)
    }

    /// The controller's name, which its Deployment and its ServiceAccount have too.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The tag of its image in a release; none where the release does not have the controller.
    pub fn tag(self, flux: FluxRelease) -> Option<&'static str> {
        let [old, new] = self.facts().tags;
        let tag = match flux {
            FluxRelease::V2_2_3 => old,
            FluxRelease::V2_9 => new,
        };
        Some(tag).filter(|tag| !tag.is_empty())
    }

    /// Whether a release has it.
    pub fn is_in(self, flux: FluxRelease) -> bool {
        self.tag(flux).is_some()
    }

    /// The kinds that it reconciles; their CustomResourceDefinitions come with it.
    pub fn kinds(self) -> &'static [&'static str] {
        self.facts().kinds
    }

    /// The controller that reconciles a kind of Flux.
    pub fn of_kind(kind: &str) -> Option<Component> {
        Component::ALL.into_iter().find(|component| component.kinds().contains(&kind))
    }
}
