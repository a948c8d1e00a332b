//! What the caller decides: nodes, images, profiles.

use crate::object::text;
use crate::profile::Profile;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which controllers run beside the scheduler and the kubelets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Controllers {
    /// Those of workloads, services, volumes and service accounts. For servers that collect garbage and delete namespaces
    /// themselves, as the simulated one does. The default.
    #[default]
    Workloads,
    /// Those, garbage collection and the deletion of namespaces. For a kube-apiserver alone.
    All,
    /// None: the cluster has a kube-controller-manager. Node leases are renewed for it.
    None,
}

/// Settings of one cluster's workloads.
#[derive(Clone)]
pub struct WorkloadOptions {
    /// Names of the nodes, which are created and reported Ready. Default: one node called `node`; pass a list with the
    /// cluster's name to have the node named after it.
    pub nodes: Vec<String>,
    /// Says whether an image can be pulled. Default: [`AllImages`].
    pub images: Arc<dyn ImageLookup>,
    /// What becomes of pods and custom resources; the first profile that matches wins. Default: none, so that every
    /// pod becomes ready and every Job succeeds.
    pub profiles: Vec<Profile>,
    /// The time from the binding of a pod to the start of its containers. Default: 1 s.
    pub start_delay: Duration,
    /// The time that a container runs before it ends by itself (Jobs, crash loops). Default: 1 s.
    pub run_time: Duration,
    /// The certificate bundle (PEM) for the ConfigMap `kube-root-ca.crt` of every namespace. Default: empty.
    pub root_ca: String,
    /// Whether Events are written, as the real controllers do. Default: true.
    pub events: bool,
    /// Which controllers run. Default: those of workloads.
    pub controllers: Controllers,
}

impl WorkloadOptions {
    /// The defaults, with one node that has the cluster's name.
    pub fn for_cluster(name: impl Into<String>) -> WorkloadOptions {
        WorkloadOptions { nodes: vec![name.into()], ..WorkloadOptions::default() }
    }
}

impl Default for WorkloadOptions {
    fn default() -> WorkloadOptions {
        WorkloadOptions {
            nodes: vec!["node".to_owned()],
            images: Arc::new(AllImages),
            profiles: Vec::new(),
            start_delay: Duration::from_secs(1),
            run_time: Duration::from_secs(1),
            root_ca: String::new(),
            events: true,
            controllers: Controllers::default(),
        }
    }
}

impl fmt::Debug for WorkloadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadOptions")
            .field("nodes", &self.nodes)
            .field("profiles", &self.profiles)
            .field("start_delay", &self.start_delay)
            .field("run_time", &self.run_time)
            .field("events", &self.events)
            .field("controllers", &self.controllers)
            .finish_non_exhaustive()
    }
}

/// Answers the kubelet's question whether an image can be pulled.
pub trait ImageLookup: Send + Sync {
    /// Tries to pull an image. Asked again at each retry, so that an image which is pushed later is found.
    fn pull(&self, request: &PullRequest<'_>) -> Pull;

    /// The logins that a pod's Secrets have for the registry of an image, in their order: a node gives a pod what it
    /// has pulled only where no login was used for it, or one of these. Default: none.
    fn logins(&self, request: &PullRequest<'_>) -> Vec<Login> {
        let _ = request;
        Vec::new()
    }
}

/// A login for a registry, as nodes remember it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The Secret: uid, namespace and name.
    pub secret: [String; 3],
    /// A digest of the credentials.
    pub digest: [u8; 32],
}

impl Login {
    /// The login of a Secret, with a digest of what it has for the registry.
    pub fn new(secret: &Value, digest: [u8; 32]) -> Login {
        let field = |field| text(secret, &["metadata", field]).to_owned();
        Login { secret: ["uid", "namespace", "name"].map(field), digest }
    }

    /// Whether nodes take one for the other: the same Secret, whatever it has now, or the same credentials.
    pub(crate) fn covers(&self, other: &Login) -> bool {
        self.secret == other.secret || self.digest == other.digest
    }
}

/// What a pod wants to have pulled.
#[derive(Clone, Copy, Debug)]
pub struct PullRequest<'a> {
    /// The image as the pod names it: `btoll/debug:1.0.1`, `nginx`, `ghcr.io/a/b@sha256:…`.
    pub image: &'a str,
    /// The pull secrets of the pod, in their order: those that exist.
    pub secrets: &'a [Arc<Value>],
}

/// The answer of an [`ImageLookup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Where it succeeds, the name under which the node keeps the image (`docker.io/btoll/debug@sha256:…`); none: the one that the
    /// pod has for it. Where it fails, the registry's message, such as
    /// `rpc error: code = NotFound desc = failed to pull and unpack image "…": not found`.
    pub result: Result<Option<String>, String>,
    /// How long it takes until it has succeeded or failed.
    pub takes: Duration,
    /// With which login it succeeded; none where it was without any.
    pub login: Option<Login>,
}

impl Pull {
    /// The image is there at once.
    pub fn ready() -> Pull {
        Pull { result: Ok(None), takes: Duration::ZERO, login: None }
    }

    /// It is not, at once.
    pub fn missing(message: impl Into<String>) -> Pull {
        Pull { result: Err(message.into()), takes: Duration::ZERO, login: None }
    }
}

/// An [`ImageLookup`] that has every image.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllImages;

impl ImageLookup for AllImages {
    fn pull(&self, _: &PullRequest<'_>) -> Pull {
        Pull::ready()
    }
}
