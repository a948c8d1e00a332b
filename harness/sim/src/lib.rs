//! A simulated Kubernetes API server, v1.36, in process.
//!
//! A [`Cluster`] is mounted as a tower service ([`Mount`]) that `kube::Client::new` takes; there is no socket. It knows no
//! Flux kind (definitions reach it as YAML) and no workloads: Pods do not run here.
//!
//! # Flow of a request
//! mount -> [`route`] -> kind -> read | write | patch | delete | subresource -> store -> watches. One request is one step
//! under one lock, after one `clock.turn()`.
//!
//! # Flow of a write
//! decode (unknown fields, types, defaults: [`codec`]) -> patch or apply -> admit (what the server fills in) -> owners of
//! fields ([`managed_fields`]) -> validate -> store, unless nothing changed or it is a dry run.
//!
//! # Guarantees
//! What is not supported is refused with a `Status` that names it (501), never accepted in silence.

mod admit;
mod api_services;
mod bootstrap;
mod cluster;
mod codec;
mod convert;
mod crd;
pub mod crd_schema;
mod custom;
mod decode;
mod delete;
mod discovery;
mod gc;
mod identity;
mod internal;
mod json;
mod kind;
mod log;
pub mod managed_fields;
mod meta;
mod mount;
mod namespace;
mod network;
mod object;
mod openapi;
mod patch;
mod planned;
mod precedence;
mod protobuf;
mod rbac;
mod read;
mod request;
mod route;
mod selector;
mod serve;
mod status;
mod store;
pub mod strategic_merge;
mod subresource;
mod table;
mod validate;
mod watch;
mod write;
mod yaml;

pub use cluster::{Cluster, ClusterOptions};
pub use identity::Identity;
pub use log::{Change, ChangeKind, Log};
pub use mount::{Mount, ResponseBody};
pub use network::{PodAnswer, PodNetwork, PodRequest};
