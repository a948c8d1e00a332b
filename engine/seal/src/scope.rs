//! Under which names a sealed value opens.

use crate::{CLUSTER_WIDE, NAMESPACE_WIDE};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// Under which names a sealed value opens. The scope is bound into the value: changing the annotation does not widen it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Under its name in its namespace.
    #[default]
    Strict,
    /// Under every name in its namespace.
    NamespaceWide,
    /// Everywhere.
    ClusterWide,
}

impl Scope {
    /// What the annotations of an object say: only the word `true` counts, and cluster-wide comes first.
    pub fn of(object: &Value) -> Scope {
        let has = |name: &str| object["metadata"]["annotations"][name] == "true";
        match (has(CLUSTER_WIDE), has(NAMESPACE_WIDE)) {
            (true, _) => Scope::ClusterWide,
            (_, true) => Scope::NamespaceWide,
            _ => Scope::Strict,
        }
    }

    /// The label that RSA-OAEP binds to a value of this scope.
    pub fn label(self, namespace: &str, name: &str) -> Vec<u8> {
        match self {
            Scope::Strict => format!("{namespace}/{name}").into_bytes(),
            Scope::NamespaceWide => namespace.as_bytes().to_vec(),
            Scope::ClusterWide => Vec::new(),
        }
    }

    /// Makes annotations say this scope, and no other.
    pub fn annotate(self, annotations: &mut Map<String, Value>) {
        annotations.remove(NAMESPACE_WIDE);
        annotations.remove(CLUSTER_WIDE);
        let name = match self {
            Scope::Strict => return,
            Scope::NamespaceWide => NAMESPACE_WIDE,
            Scope::ClusterWide => CLUSTER_WIDE,
        };
        annotations.insert(name.to_owned(), "true".into());
    }
}

/// kubeseal's words: `strict`, `namespace-wide`, `cluster-wide`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Strict => "strict",
            Scope::NamespaceWide => "namespace-wide",
            Scope::ClusterWide => "cluster-wide",
        })
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        match text {
            "" | "strict" => Ok(Scope::Strict),
            "namespace-wide" => Ok(Scope::NamespaceWide),
            "cluster-wide" => Ok(Scope::ClusterWide),
            other => Err(format!("{other:?} is no scope: use strict, namespace-wide or cluster-wide")),
        }
    }
}
