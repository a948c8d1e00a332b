//! What the clusters of a repository would be given, found out without a cluster.
//!
//! ```text
//! repository ([`Fleet`]) ── root Kustomization of clusters/NAME ── build as the engine does ──► objects ([`Builds`])
//!                                      ▲                                                          │
//!                                      └── Kustomizations among them, from sources of the repository (`sources`) ◄─┘
//! ```
//! The working tree counts where there is one, as `preview` plays it: what is ignored by Git does not. What cannot be followed (other
//! repositories, remote bases, what is only known on a cluster) is told as [`Outcome::Unseen`], and never taken for something wrong.

mod builds;
mod error;
mod fleet;
mod reach;
mod sources;

pub(crate) use builds::{Build, Builds, Outcome, Placed, builds};
pub use error::FleetError;
pub(crate) use fleet::Fleet;
pub(crate) use reach::{below, reached};

use serde_json::Value;

/// The documents of a file, where it is YAML.
pub(crate) fn documents(content: &[u8]) -> Vec<Value> {
    let parsed = seatrial_yaml::parse(content, &seatrial_yaml::ParseOptions::default());
    let documents = parsed.into_iter().flatten();
    documents
        .filter_map(|document| document.root.to_json(seatrial_yaml::Dialect::KubernetesJson).ok())
        .collect()
}

/// Namespace and name of an object.
pub(crate) fn place(object: &Value) -> (&str, &str) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

/// Whether an object is of this kind of this group.
pub(crate) fn is(object: &Value, group: &str, kind: &str) -> bool {
    object["kind"] == kind
        && object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(g, _)| g)
            == group
}
