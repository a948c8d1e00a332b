//! Scenario files: what they may contain, and what is wrong with them.
//!
//! # Flow
//! [`discover`] finds files; [`parse_file`] reads one into [`Located`] scenarios, or says everything that is wrong with
//! it: each [`Problem`] has the line, the column, and the nearest valid name where there is one.
//!
//! ```text
//! text -> tree with positions -> shape (the JSON Schema of the model) -> model -> references (clusters, files, ...)
//! ```
//!
//! The JSON Schema that editors use ([`schema`]) is the one that files are checked against: it is generated from the
//! model, and every field's documentation is in it.
//!
//! # The format, step by step
//! ```
//! # let text = r#"
//! apiVersion: seatrial.dev/v1alpha1
//! kind: Scenario
//! metadata: {name: every step once}
//! spec:
//!   clusters:
//!     beta: {flux: "2.2.3", kubernetes: v1.28.3, unknownImages: missing}
//!   git:
//!     gitops: {branch: master, urls: [https://github.com/owls-nest-farm/gitops]}   # from: a folder or a repository
//!   registry:
//!     btoll/debug: [latest, 1.0.0]
//!   seed: 7
//!   steps:
//!   - addCluster: {name: production}
//!   - bootstrap: {cluster: beta, path: clusters/beta, readWriteKey: true,
//!                 componentsExtra: [image-reflector-controller, image-automation-controller]}
//!   - name: what the step is for           # any step can have a name
//!     commit:
//!       branch: master
//!       message: Add the service
//!       author: {name: Ann, email: ann@example.com}
//!       write: {applications/web/shop/base/deployment.yaml: "kind: Deployment\n"}   # or {from: files/deployment.yaml}
//!       patch:                             # or the path of a file with such a list
//!       - {path: config/beta/kustomization.yaml, replace: [{find: "a: 1", with: "a: 2"}]}   # text, exactly once
//!       - {path: config/beta/env, append: "LOG=debug\n"}
//!       - {path: a.yaml, document: {kind: Service}, merge: {spec: {type: NodePort}}}
//!       - {path: b.yaml, json: [{op: remove, path: /spec/paused}]}
//!       remove: [old]
//!       as: shop                           # revert finds it by this name
//!   - branch: {name: feature}
//!   - merge: {from: feature}
//!   - revert: {commit: shop}
//!   - enable: {env: beta, service: applications/web/shop}
//!   - disable: {env: beta, service: applications/web/shop}
//!   - push: {image: "btoll/debug:1.0.1"}
//!   - setRegistry: {repository: btoll/debug, fault: {status: 429, times: 3, retryAfter: 30s}}
//!   - createRepository: {organization: owls-nest-farm, name: fleet, private: true}   # template: owner/name
//!   - deployKey: {repo: gitops, title: ci, readWrite: true, cluster: beta, secret: default/ci}   # or remove: true
//!   - expectDeployKey: {repo: gitops, title: ci, readOnly: false}
//!   - reconcile: {cluster: beta, kustomization: applications, withSource: true}
//!   - advance: 10m
//!   - apply: {cluster: beta, object: {apiVersion: v1, kind: Namespace, metadata: {name: shop}}}   # or from: a file
//!   - patch: {cluster: beta, target: {apiVersion: apps/v1, kind: Deployment, name: debug}, merge: {spec: {replicas: 0}}}
//!   - delete: {cluster: beta, target: {apiVersion: v1, kind: Service, name: debug}}
//!   - setProfile: {cluster: beta, profiles: [{selector: {namespace: kyverno}, outcome: neverReady}]}
//!   - expect: {within: 5m, cluster: beta, resource: {apiVersion: v1, kind: Pod, metadata: {labels: {app: debug}}}}
//!   - expect: {cluster: beta, absent: {apiVersion: v1, kind: Pod, metadata: {name: debug}}}
//!   - expect: {within: 1m, cluster: beta, condition: {kind: Kustomization, name: apps, status: "False", message: glob}}
//!   - expect: {within: 10m, clusters: [beta, production], revision: {kustomization: applications, of: gitops@master}}
//!   - expect: {never: 30m, cluster: production, cel: "object.kind == 'Pod' && object.metadata.name == 'debug'"}
//! # "#;
//! # let read = seatrial_harness::scenario::parse_text(std::path::Path::new("example.yaml"), text);
//! # assert!(read.is_ok(), "{}", read.unwrap_err());
//! ```
//! `cluster` and `repo` can be left out where there is only one.
//!
//! # Errors
//! [`Invalid`] holds all problems of one file. Nothing that Seatrial does not do is passed over: an unknown field, step
//! or value is a problem.

mod cluster_step;
mod discover;
mod duration;
mod expect;
mod forge_check;
mod forge_step;
mod fragment;
mod git_step;
mod model;
mod parse;
mod patch;
mod problem;
mod profile;
mod references;
mod registry_spec;
mod registry_step;
mod schema;
pub(crate) mod sealed_check;
mod sealed_step;
mod shape;
mod step;
mod steps;
mod tree;
mod verb_check;
mod verb_step;

pub use cluster_step::{
    AddCluster, Apply, Bootstrap, Delete, DeployKeyAlgorithm, ExpectIsolated, ExtraController, PatchObject,
    Reconcile, SetProfile, UsualController,
};
pub use discover::{DiscoverError, discover};
pub use duration::Span;
pub use expect::{Condition, Expect, ObjectRef, RevisionOf};
pub use forge_step::{
    CreateRepository, DeployKeyStep, ExpectDeployKey, ForgeSpec, ForgeUserSpec, GitAccessSpec,
    OrganizationSpec,
};
pub use git_step::{
    AuthorSpec, Branch, Commit, Content, ContentFile, DeleteTag, ExpectCommit, LineDiff, Merge, MergeHow,
    PatchSource, Push, Revert, Toggle,
};
pub use model::{ClusterSpec, GitSpec, Metadata, Scenario, Spec, UnknownImages};
pub use parse::{Located, parse_file, parse_text};
pub use patch::{FilePatch, PatchFile, Replacement};
pub(crate) use problem::nearest;
pub use problem::{Invalid, Problem};
pub use profile::Profile;
pub use registry_spec::{GuardedSpec, RepositorySpec, TokenAction, TokenUserSpec, TokensSpec};
pub use registry_step::{FaultSpec, ImageSeed, ImageSpec, LoginSpec, SetRegistry};
pub use schema::schema;
pub use sealed_step::{KeyAction, Seal, SealScope, SealingKeysStep, SecretExpected, ValueExpected};
pub use step::{Action, Step};
pub(crate) use verb_check::context_of;
pub use verb_step::{ServicesStep, VerbStep};

#[cfg(test)]
mod tests;
