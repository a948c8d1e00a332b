//! Whether the Kustomizations that another depends on are ready.

use crate::cluster::{Cluster, ClusterError};
use crate::health::cel::{self, CelError};
use crate::object::{self, ObjectRef};
use seatrial_api::kustomization::{DependencyReference, SourceReference};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A dependency that is not there yet, or never will be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DependsError {
    /// It does not exist.
    #[error("dependency '{key}' not found: {source}")]
    NotFound { key: String, source: ClusterError },
    /// Its expression is not true.
    #[error("dependency '{0}' is not ready according to readyExpr eval")]
    Expression(String),
    /// Its expression cannot be evaluated.
    #[error("{0}")]
    Evaluate(CelError),
    /// Its expression is wrong, whatever the dependency says.
    #[error("failed to evaluate dependency {name}: {message}")]
    Wrong { name: String, message: String },
    /// It is not ready.
    #[error("dependency '{0}' is not ready")]
    NotReady(String),
    /// It is of the same source, and has not applied its revision yet.
    #[error("dependency '{0}' revision is not up to date")]
    Stale(String),
    /// It depends, by way of others, on what depends on it.
    #[error("dependency cycle detected: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
}

/// Checks the dependencies of `own`, in order.
pub(super) async fn check(
    cluster: &Cluster,
    own: &Value,
    depends_on: &[DependencyReference],
    revision: &str,
) -> Result<(), DependsError> {
    let who = ObjectRef::of(own);
    for dependency in depends_on {
        let target = target(&who, dependency);
        if target == who {
            return Err(DependsError::Cycle(vec![who.key(), who.key()]));
        }
        let found = cluster.known(&target).await;
        let result = match found {
            Err(source) => Err(DependsError::NotFound { key: target.key(), source }),
            Ok(found) => is_ready(own, &found, dependency, revision),
        };
        if let Err(error) = result {
            // Only now: a cycle keeps its members from ever becoming ready, so it is found here or nowhere.
            return Err(match cycle(cluster, &who, own).await {
                Some(cycle) => DependsError::Cycle(cycle),
                None => error,
            });
        }
    }
    Ok(())
}

fn target(own: &ObjectRef, dependency: &DependencyReference) -> ObjectRef {
    let namespace = dependency.namespace.as_deref().unwrap_or(&own.namespace).to_owned();
    ObjectRef { namespace, name: dependency.name.clone(), ..own.clone() }
}

fn is_ready(
    own: &Value,
    found: &Value,
    dependency: &DependencyReference,
    revision: &str,
) -> Result<(), DependsError> {
    let key = target(&ObjectRef::of(own), dependency).key();
    let wrong = |message| DependsError::Wrong { name: dependency.name.clone(), message };
    match &dependency.ready_expr {
        Some(expression) => {
            cel::check_types(expression, &["dep", "self"]).map_err(|error| wrong(error.to_string()))?;
            match cel::holds(expression, &[("dep", found), ("self", own)]) {
                Ok(true) => {}
                Ok(false) => return Err(DependsError::Expression(key)),
                Err(error) => return Err(DependsError::Evaluate(error)),
            }
        }
        None => {
            let observed = found["status"]["observedGeneration"].as_i64() == Some(object::generation(found));
            if !observed || !object::is_true(found, "Ready") {
                return Err(DependsError::NotReady(key));
            }
        }
    }
    let is_stale = found["status"]["lastAppliedRevision"].as_str() != Some(revision);
    if is_stale && source_of(own) == source_of(found) {
        return Err(DependsError::Stale(key));
    }
    Ok(())
}

fn source_of(object: &Value) -> Option<SourceReference> {
    let mut source: SourceReference = serde_json::from_value(object["spec"]["sourceRef"].clone()).ok()?;
    source.api_version = None;
    source.namespace.get_or_insert_with(|| ObjectRef::of(object).namespace);
    Some(source)
}

/// A way from `own` back to itself along dependencies.
async fn cycle(cluster: &Cluster, own: &ObjectRef, object: &Value) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![(vec![own.key()], Arc::new(object.clone()))];
    while let Some((way, object)) = ways.pop() {
        let at = ObjectRef::of(&object);
        let dependencies: Vec<DependencyReference> =
            serde_json::from_value(object["spec"]["dependsOn"].clone()).unwrap_or_default();
        for dependency in dependencies.iter().rev() {
            let next = ObjectRef {
                version: own.version.clone(),
                group: own.group.clone(),
                kind: own.kind.clone(),
                ..target(&at, dependency)
            };
            let mut way = way.clone();
            way.push(next.key());
            if next.key() == own.key() {
                return Some(way);
            }
            if seen.insert(next.key())
                && let Ok(Some(found)) = cluster.find_known(&next).await
            {
                ways.push((way, found));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn kustomization(name: &str, source: &str, ready: &str, observed: i64, applied: &str) -> Value {
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": { "name": name, "namespace": "flux-system", "generation": 2 },
            "spec": { "sourceRef": { "kind": "GitRepository", "name": source } },
            "status": {
                "observedGeneration": observed,
                "lastAppliedRevision": applied,
                "conditions": [{ "type": "Ready", "status": ready }],
            },
        })
    }

    #[rstest]
    #[case::ready(kustomization("infra", "repo", "True", 2, "r2"), None, Ok(()))]
    #[case::not_ready(
        kustomization("infra", "repo", "False", 2, "r2"),
        None,
        Err("dependency 'flux-system/infra' is not ready")
    )]
    #[case::not_observed(
        kustomization("infra", "repo", "True", 1, "r2"),
        None,
        Err("dependency 'flux-system/infra' is not ready")
    )]
    #[case::stale(
        kustomization("infra", "repo", "True", 2, "r1"),
        None,
        Err("dependency 'flux-system/infra' revision is not up to date")
    )]
    #[case::other_source(kustomization("infra", "other", "True", 2, "r1"), None, Ok(()))]
    #[case::expression_instead(
        kustomization("infra", "repo", "False", 2, "r2"), Some("dep.metadata.name == 'infra'"), Ok(())
    )]
    #[case::expression_false(
        kustomization("infra", "repo", "True", 2, "r2"),
        Some("dep.metadata.name == self.metadata.name"),
        Err("dependency 'flux-system/infra' is not ready according to readyExpr eval")
    )]
    fn a_dependency_is_ready_as_flux_has_it(
        #[case] found: Value,
        #[case] expression: Option<&str>,
        #[case] expected: Result<(), &str>,
    ) {
        let own = kustomization("apps", "repo", "Unknown", 1, "r1");
        let dependency = DependencyReference {
            name: "infra".to_owned(),
            namespace: None,
            ready_expr: expression.map(str::to_owned),
        };
        let result = is_ready(&own, &found, &dependency, "r2").map_err(|error| error.to_string());
        assert_eq!(result, expected.map_err(str::to_owned));
    }
}
