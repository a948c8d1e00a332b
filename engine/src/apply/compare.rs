//! What applying an object would do, without doing it.

use super::manager::{left_alone, refused};
use super::{Action, ApplyError, FIELD_MANAGER, Wanted, drift};
use crate::cluster::{Cluster, ClusterError};
use serde_json::Value;
use std::sync::Arc;

/// An object as it is, and as an apply would leave it.
pub(crate) struct Compared {
    /// What would become of it.
    pub(crate) action: Action,
    /// As it is, where it exists.
    pub(crate) live: Option<Arc<Value>>,
    /// As it would be; missing where it would be left alone.
    pub(crate) planned: Option<Arc<Value>>,
}

/// Compares `wanted` with what is in the cluster, by a dry run. Nothing is written.
pub(crate) async fn compare(cluster: &Cluster, wanted: &Wanted) -> Result<Compared, ApplyError> {
    let who = wanted.who.clone();
    let live = match cluster.find(&who).await {
        Ok(live) => live,
        Err(source @ ClusterError::NoNamespace) => return Err(ApplyError::NoNamespace { who, source }),
        Err(source @ ClusterError::NoMatch { .. }) => return Err(ApplyError::DryRun { who, source }),
        Err(source) => return Err(ApplyError::Query { who, source }),
    };
    if let Some(action) = left_alone(&wanted.object, live.as_deref()) {
        return Ok(Compared { action, live, planned: None });
    }
    let outcome = cluster.dry_run(&who, wanted.text.clone(), wanted.object.clone(), FIELD_MANAGER).await;
    let planned = outcome.and_then(|outcome| Ok(outcome.value()?)).map_err(|source| refused(who, source))?;
    let action = match &live {
        None => Action::Created,
        Some(live) if drift::drifted(live, &planned) => Action::Configured,
        Some(_) => Action::Unchanged,
    };
    Ok(Compared { action, live, planned: Some(planned) })
}
