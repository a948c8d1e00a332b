//! Facts about Kubernetes types: fields, list types, merge keys, patch strategies, scope.
//!
//! Two data sets share one representation, and neither holds any prose:
//! - [`kubernetes`]: what a Kubernetes v1.36 API server publishes (OpenAPI and discovery);
//! - [`kustomize`]: what kustomize v5.8.1 has embedded (the OpenAPI of Kubernetes 1.21.2). kustomize merges by this one,
//!   whatever the cluster is.
//!
//! `cargo run -p xtask -- schema kustomize|kubernetes` writes the tables anew; [`table`] describes their format.
//! A [`Builder`] makes a [`Schema`] of other types, such as those of a CustomResourceDefinition.
//!
//! ```
//! let schema = seatrial_schema::kubernetes();
//! let deployment = schema.type_of("apps/v1", "Deployment").ok_or("unknown")?;
//! let containers = deployment.at(&["spec", "template", "spec", "containers"]).ok_or("unknown")?;
//! assert_eq!(containers.merge_key(), Some("name"));
//! assert_eq!(containers.list_type(), seatrial_schema::ListType::Map(&["name".into()]));
//! assert_eq!(schema.is_namespaced("apps/v1", "Deployment"), Some(true));
//! # Ok::<(), &str>(())
//! ```

mod build;
mod node;
mod pieces;
mod resource;
mod schema;
pub mod table;
mod types;

use std::sync::LazyLock;

pub use build::{Builder, NodeId};
pub use node::{Attributes, DeclaredListType, MapType, PatchStrategy, Scalar, Text};
use pieces::Pieces;
pub use resource::{Group, Resource, Subresource};
pub use schema::{Schema, split_api_version};
pub use types::{FieldRef, ListType, TypeKind, TypeRef};

static KUBERNETES: LazyLock<Schema> =
    LazyLock::new(|| table::embedded(include_str!("tables/kubernetes.txt")));
static KUSTOMIZE: LazyLock<Schema> = LazyLock::new(|| table::embedded(KUSTOMIZE_TABLE));
static KUSTOMIZE_PIECES: LazyLock<Pieces> = LazyLock::new(|| Pieces::new(KUSTOMIZE_TABLE));
const KUSTOMIZE_TABLE: &str = include_str!("tables/kustomize.txt");

/// The types and resources of the emulated API server, Kubernetes v1.36. Parsed at the first call.
pub fn kubernetes() -> &'static Schema {
    &KUBERNETES
}

/// The types that kustomize v5.8.1 merges by: Kubernetes 1.21.2 and kustomize's own `Kustomization`. Its resources have
/// group, version, kind, plural and scope only. Parsed at the first call.
pub fn kustomize() -> &'static Schema {
    &KUSTOMIZE
}

/// A type of [`kustomize`] by its kind. Types are read when they are met, so that the first one comes soon.
pub fn kustomize_type(api_version: &str, kind: &str) -> Option<TypeRef<'static>> {
    KUSTOMIZE_PIECES.type_of(api_version, kind)
}

/// What [`kustomize`] says about the scope of a kind, without reading all of it; `None` for an unknown kind.
pub fn kustomize_is_namespaced(api_version: &str, kind: &str) -> Option<bool> {
    KUSTOMIZE_PIECES.is_namespaced(api_version, kind)
}

/// The type that a piece of a table refers to.
pub(crate) fn elsewhere(name: &str) -> TypeRef<'static> {
    KUSTOMIZE_PIECES.type_named(name).unwrap_or_else(Schema::anything)
}
