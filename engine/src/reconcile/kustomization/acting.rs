//! Which cluster a Kustomization's objects go to, and as whom.

use crate::cluster::Cluster;
use crate::object::ObjectRef;
use crate::reconcile::context::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_api::kustomization::KustomizationSpec;
use seatrial_api::meta::KubeConfigReference;
use seatrial_time::{Signal, Stamp};

/// A cluster, as the identity that applies.
pub(super) struct Acting {
    pub(super) cluster: Cluster,
    /// Moves with each change of the cluster, where that is known.
    pub(super) changes: Option<Signal>,
    /// Where the cluster stands, if it is not the Kustomization's own.
    pub(super) seen: Option<Seen>,
}

/// Where another cluster stands.
#[derive(Clone)]
pub(super) enum Seen {
    /// While this is current nothing has changed there.
    Until(Stamp),
    /// Nobody tells of its changes.
    Unknown,
}

/// A cluster that cannot be had. The text is Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ActingError {
    /// The secret with the kubeconfig does not exist.
    #[error("{0}")]
    Gone(String),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// The cluster of the Kustomization `who`, as the identity that applies.
///
/// # Errors
/// The kubeconfig that it refers to cannot be had, or leads nowhere.
pub(super) async fn acting(
    context: &Context,
    who: &ObjectRef,
    spec: &KustomizationSpec,
) -> Result<Acting, ActingError> {
    let mut acting = match &spec.kube_config {
        None => Acting { cluster: context.cluster.clone(), changes: context.changes.clone(), seen: None },
        Some(reference) => {
            let kubeconfig = kubeconfig(context, who, reference).await?;
            let opened = context.elsewhere.open(&*context.clusters, &kubeconfig).await;
            let name = reference.secret_ref.as_ref().map(|secret| secret.name.as_str());
            let (cluster, changes) = opened.map_err(|error| {
                let secret = format!("{}/{}", who.namespace, name.unwrap_or_default());
                ActingError::Other(format!("invalid KubeConfig in secret '{secret}': {error}"))
            })?;
            let seen = changes.as_ref().map_or(Seen::Unknown, |changes| Seen::Until(changes.stamp()));
            Acting { cluster, changes, seen: Some(seen) }
        }
    };
    if let Some(name) = spec.service_account_name.as_ref().filter(|name| !name.is_empty()) {
        let user = format!("system:serviceaccount:{}:{name}", who.namespace);
        acting.cluster = acting.cluster.impersonate(user);
    }
    Ok(acting)
}

async fn kubeconfig(
    context: &Context,
    who: &ObjectRef,
    reference: &KubeConfigReference,
) -> Result<Vec<u8>, ActingError> {
    let Some(secret_ref) = &reference.secret_ref else {
        let name = reference.config_map_ref.as_ref().map(|reference| reference.name.as_str());
        return Err(ActingError::Other(provider(context, who, name.unwrap_or_default()).await));
    };
    let place = ObjectRef::new("v1", "Secret", &who.namespace, &secret_ref.name);
    let secret = context.cluster.get(&place).await.map_err(|error| {
        let message = format!("unable to read KubeConfig secret '{}' error: {error}", place.key());
        if error.is_not_found() { ActingError::Gone(message) } else { ActingError::Other(message) }
    })?;
    let keys = match secret_ref.key.as_ref().filter(|key| !key.is_empty()) {
        Some(key) => vec![key.as_str()],
        None => vec!["value", "value.yaml"],
    };
    let found = keys.iter().find_map(|key| secret["data"][*key].as_str());
    let found = found.and_then(|text| STANDARD.decode(text).ok());
    found.ok_or_else(|| {
        let (secret, key) = (place.key(), keys.first().copied().unwrap_or_default());
        ActingError::Other(format!(
            "KubeConfig secret '{secret}' does not contain a '{key}' key with a kubeconfig"
        ))
    })
}

/// Why the cluster that a config map describes cannot be had: there is nobody to ask for its credentials.
async fn provider(context: &Context, who: &ObjectRef, name: &str) -> String {
    let place = ObjectRef::new("v1", "ConfigMap", &who.namespace, name);
    match context.cluster.get(&place).await {
        Err(error) => format!("failed to get configmap {}: {error}", place.key()),
        Ok(found) => match found["data"]["provider"].as_str().unwrap_or_default() {
            known @ ("aws" | "azure" | "gcp" | "generic") => {
                format!("Seatrial does not support the provider '{known}' of spec.kubeConfig.configMapRef")
            }
            other => format!("provider '{other}' not implemented"),
        },
    }
}
