//! What a plan consists of.

use crate::bootstrap::Following;
use crate::registry::{Build, Rule};
use crate::scenario::Profile;
use crate::scenario::{
    FilePatch, ForgeSpec, KeyAction, MergeHow, ObjectRef, RepositorySpec, SecretExpected, UnknownImages,
};
use seatrial_api::FluxRelease;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A scenario, ready to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The file, as it was named; with `#` and the name where the file has several scenarios.
    pub id: String,
    /// The file.
    pub file: PathBuf,
    /// The line on which the scenario starts.
    pub line: u32,
    /// The scenario's name.
    pub name: String,
    /// The seed that the scenario asks for.
    pub seed: Option<u64>,
    /// The clusters at the start.
    pub clusters: Vec<ClusterPlan>,
    /// The repositories.
    pub repos: Vec<RepoPlan>,
    /// Who there is on the forge.
    pub forge: ForgeSpec,
    /// Image repositories with their tags, and who may use them.
    pub images: BTreeMap<String, RepositorySpec>,
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

/// A cluster to start.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterPlan {
    /// Its name.
    pub name: String,
    /// The Flux release that `bootstrap` installs.
    pub flux: FluxRelease,
    /// The Kubernetes version that it reports, with its `v`; `None`: the one that is simulated.
    pub kubernetes: Option<String>,
    /// What becomes of images that the run does not map.
    pub unknown_images: UnknownImages,
    /// What becomes of pods and custom resources.
    pub profiles: Vec<Profile>,
}

impl ClusterPlan {
    /// A cluster with the defaults of a scenario.
    pub fn named(name: impl Into<String>) -> ClusterPlan {
        ClusterPlan {
            name: name.into(),
            flux: FluxRelease::default(),
            kubernetes: None,
            unknown_images: UnknownImages::default(),
            profiles: Vec::new(),
        }
    }
}

/// A repository to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoPlan {
    /// Its name.
    pub name: String,
    /// The folder or repository that it is seeded from.
    pub from: Option<PathBuf>,
    /// Its branch.
    pub branch: String,
    /// The URLs that lead to it; at least one.
    pub urls: Vec<String>,
    /// Whether it looks at credentials.
    pub checked: bool,
    /// Whether it is private.
    pub private: bool,
    /// Whether others can be made from it.
    pub template: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStep {
    /// Its line in the file.
    pub line: u32,
    /// The action's word in scenario files.
    pub verb: &'static str,
    /// Its name, or what it does.
    pub title: String,
    /// What is done.
    pub op: Op,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Starts a cluster.
    AddCluster(ClusterPlan),
    /// Installs Flux and has it follow a folder.
    Bootstrap {
        /// The cluster.
        cluster: String,
        /// The repository.
        repo: String,
        /// What it follows, and with what.
        following: Following,
    },
    /// Commits.
    Commit {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The message.
        message: String,
        /// Name and mail address of the author; `None`: the default.
        author: Option<(String, String)>,
        /// What changes.
        edits: Edits,
        /// The commit's name for later steps.
        alias: Option<String>,
    },
    /// Creates a branch.
    Branch {
        /// The repository.
        repo: String,
        /// The new branch.
        name: String,
        /// Where it starts.
        from: String,
    },
    /// Merges.
    Merge {
        /// The repository.
        repo: String,
        /// What is merged.
        from: String,
        /// The branch that takes it.
        into: String,
        /// How.
        how: MergeHow,
        /// The message of a merge commit; `None`: Git's.
        message: Option<String>,
        /// The result's name for later steps.
        alias: Option<String>,
    },
    /// Reverts.
    Revert {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The name of the commit; `None`: the tip of the branch.
        commit: Option<String>,
        /// The message; `None`: Git's.
        message: Option<String>,
        /// The new commit's name for later steps.
        alias: Option<String>,
    },
    /// Adds a service to an environment's list, or removes it.
    Toggle {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// The environment.
        env: String,
        /// The service.
        service: String,
        /// Whether it is added.
        enable: bool,
        /// The commit's name for later steps.
        alias: Option<String>,
    },
    /// Pushes an image, or an artifact of files.
    Push {
        /// The image with its tag.
        image: String,
        /// The folder with the files of the artifact.
        from: Option<PathBuf>,
        /// What the image is to be where there is no such folder.
        build: Build,
    },
    /// Checks that no image automation reaches another cluster's files.
    ExpectIsolated {
        /// The cluster whose automations are looked at; `None`: those of all.
        cluster: Option<String>,
    },
    /// Takes a tag out of the registry.
    DeleteTag {
        /// The image with its tag.
        image: String,
    },
    /// Changes how a repository of the registry answers.
    SetRegistry {
        /// The image repository.
        repository: String,
        /// How it answers.
        rule: Rule,
    },
    /// Checks the commit at the tip of a branch.
    ExpectCommit {
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
        /// How long it may take.
        within: Option<Duration>,
        /// What it has to be.
        wanted: Box<crate::scenario::ExpectCommit>,
    },
    /// Runs a verb.
    Verb(VerbOp),
    /// Adds the services of a project to an environment's list.
    Services(ServicesOp),
    /// Creates a repository on the forge.
    CreateRepository {
        /// The user or organization.
        organization: String,
        /// The name.
        name: String,
        /// The template, `owner/name`.
        template: Option<String>,
        /// Whether it is private.
        private: bool,
        /// Text in the refusal that is expected.
        refused: Option<String>,
    },
    /// Adds a deploy key.
    AddDeployKey {
        /// The repository.
        repo: String,
        /// The key's name.
        title: String,
        /// Whether it may push.
        read_write: bool,
        /// The Secret that gets it: cluster, namespace and name.
        secret: Option<(String, String, String)>,
    },
    /// Removes a deploy key.
    RemoveDeployKey {
        /// The repository.
        repo: String,
        /// The key's name.
        title: String,
    },
    /// Checks for a deploy key.
    ExpectDeployKey {
        /// The repository.
        repo: String,
        /// The key's name.
        title: String,
        /// Whether it must be read-only.
        read_only: Option<bool>,
        /// Whether there must be none.
        absent: bool,
    },
    /// Asks for a reconcile.
    Reconcile {
        /// The cluster.
        cluster: String,
        /// `Kustomization`, `GitRepository`, or one of the image kinds.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Whether the source is asked first.
        with_source: bool,
    },
    /// Lets time pass.
    Advance(Duration),
    /// Applies objects.
    Apply {
        /// The cluster.
        cluster: String,
        /// The objects.
        objects: Vec<Value>,
        /// The field manager.
        manager: String,
        /// Whether fields are taken over.
        force: bool,
    },
    /// Deletes an object.
    Delete {
        /// The cluster.
        cluster: String,
        /// The object.
        target: ObjectRef,
    },
    /// Patches an object.
    Patch {
        /// The cluster.
        cluster: String,
        /// The object.
        target: ObjectRef,
        /// The sort of patch.
        kind: PatchKind,
        /// The patch.
        patch: Value,
    },
    /// Changes what becomes of pods and custom resources.
    SetProfile {
        /// The cluster.
        cluster: String,
        /// All profiles from now on.
        profiles: Vec<Profile>,
    },
    /// Seals values and commits the SealedSecret.
    Seal(Box<SealOp>),
    /// Does something to the sealing keys of a cluster.
    SealingKeys {
        /// The cluster.
        cluster: String,
        /// What is done.
        action: KeyAction,
        /// The name of the backup.
        backup: String,
        /// How long it may take.
        within: Duration,
    },
    /// Checks clusters.
    Expect {
        /// The clusters: it must hold on each.
        clusters: Vec<String>,
        /// When it must hold.
        timing: Timing,
        /// What must hold.
        check: Check,
    },
}

/// A verb of flux's, run on a cluster. Its debug form hides secrets among the words.
#[derive(Clone, PartialEq, Eq)]
pub struct VerbOp {
    /// The cluster.
    pub cluster: String,
    /// The arguments, without `--context`.
    pub words: Vec<String>,
    /// What must be printed.
    pub expect: Option<String>,
    /// Whether it must fail.
    pub fails: bool,
}

/// A sync of an environment's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicesOp {
    /// The repository.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The environment.
    pub env: String,
    /// The project; `None`: all.
    pub project: Option<String>,
    /// The services that must be added.
    pub added: Option<Vec<String>>,
    /// The commit's name for later steps.
    pub alias: Option<String>,
}

/// What is sealed, for whom, and where it is committed.
#[derive(Clone, PartialEq)]
pub struct SealOp {
    /// The cluster whose controller is to open it.
    pub cluster: String,
    /// The repository.
    pub repo: String,
    /// The branch.
    pub branch: String,
    /// The file that is written.
    pub to: String,
    /// The Secret, in plain text.
    pub secret: Value,
    /// Under which names it opens.
    pub scope: seatrial_seal::Scope,
    /// The commit's message.
    pub message: String,
    /// The commit's name for later steps.
    pub alias: Option<String>,
    /// How long the controller may take to have a key.
    pub within: Duration,
}

/// Without the values.
impl std::fmt::Debug for SealOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealOp({} for {} in {}, <redacted>)", self.to, self.cluster, self.repo)
    }
}

/// Changes of a repository's files, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// Patches of files that are there.
    pub patches: Vec<FilePatch>,
    /// Files to write.
    pub write: BTreeMap<String, Vec<u8>>,
    /// Paths to remove.
    pub remove: Vec<String>,
}

/// The sorts of patches of Kubernetes objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// JSON merge patch.
    Merge,
    /// Strategic merge patch.
    Strategic,
    /// JSON patch.
    Json,
}

/// When a check must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At once.
    Now,
    /// At some time within this one.
    Within(Duration),
    /// At no time within this one, nor since the last step that changed something.
    Never(Duration),
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// An object that has at least these fields.
    Resource(ObjectWanted),
    /// No object that has at least these fields.
    Absent(ObjectWanted),
    /// A condition of an object.
    Condition {
        /// The object; its API version is left out where it follows from the cluster's Flux release.
        api_version: Option<String>,
        /// Kind.
        kind: String,
        /// Namespace; `None` for kinds without one.
        namespace: Option<String>,
        /// Name.
        name: String,
        /// The condition's type.
        type_: String,
        /// Its status.
        status: String,
        /// Its reason, where that matters.
        reason: Option<String>,
        /// Text in its message.
        message: Option<String>,
    },
    /// A Kustomization has applied the tip of a branch.
    Revision {
        /// The Kustomization's namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The repository.
        repo: String,
        /// The branch.
        branch: String,
    },
    /// An expression that is true of some object.
    Cel(String),
    /// A Secret with these values.
    Secret(SecretExpected),
}

/// The wanted part of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectWanted {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Everything that is wanted, with API version and kind.
    pub partial: Value,
}

impl ObjectWanted {
    /// `Kind/namespace/name`, as far as that was given.
    pub fn label(&self) -> String {
        let text = |field: &str| self.partial["metadata"][field].as_str();
        match (text("namespace"), text("name")) {
            (Some(namespace), Some(name)) => format!("{}/{namespace}/{name}", self.kind),
            (None, Some(name)) => format!("{}/{name}", self.kind),
            (Some(namespace), None) => format!("any {} in {namespace}", self.kind),
            (None, None) => format!("any {}", self.kind),
        }
    }
}
