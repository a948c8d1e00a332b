//! Steps about sealed secrets.

use super::{Op, SealOp};
use crate::scenario::sealed_check::USUAL_BACKUP;
use crate::scenario::{Seal, SealScope, SealingKeysStep};
use serde_json::json;
use std::time::Duration;

/// How long a controller may take where the scenario does not say.
const WITHIN: Duration = Duration::from_secs(300);

/// The step `seal`; names that are left out are given.
pub(super) fn seal(seal: &Seal, cluster: String, (repo, branch): (String, String), name: Option<&str>) -> Op {
    let namespace = seal.namespace.as_deref().unwrap_or("default");
    let mut metadata = json!({ "name": seal.name, "namespace": namespace });
    for (field, map) in [("labels", &seal.labels), ("annotations", &seal.annotations)] {
        if !map.is_empty() {
            metadata[field] = json!(map);
        }
    }
    let mut secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": seal.values });
    if let Some(type_) = &seal.type_ {
        secret["type"] = json!(type_);
    }
    let message = seal.message.as_deref().or(name);
    let message = message.map_or_else(|| format!("Seal {namespace}/{}", seal.name), str::to_owned);
    Op::Seal(Box::new(SealOp {
        cluster,
        repo,
        branch,
        to: seal.to.clone(),
        secret,
        scope: seal.scope.unwrap_or(SealScope::Strict).scope(),
        message,
        alias: seal.alias.clone(),
        within: seal.within.as_ref().map_or(WITHIN, |within| within.0),
    }))
}

/// The step `sealingKeys`.
pub(super) fn keys(step: &SealingKeysStep, cluster: String) -> Op {
    Op::SealingKeys {
        cluster,
        action: step.action,
        backup: step.backup.clone().unwrap_or_else(|| USUAL_BACKUP.to_owned()),
        within: step.within.as_ref().map_or(WITHIN, |within| within.0),
    }
}
