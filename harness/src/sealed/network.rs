//! The controllers of a cluster, and how they are reached on a simulated one.

use super::SealingKeys;
use seatrial_engine::sealed::{
    SealedRequest, SealedSecrets, SealedSecretsOptions, SealedSecretsRef, sealed_secrets_container,
};
use seatrial_sim::{PodAnswer, PodNetwork, PodRequest};
use seatrial_time::{Clock, Signal};
use serde_json::Value;
use std::sync::Arc;

/// Has sealed-secrets controllers run on a cluster where their Deployments are ready. `client` is an administrator.
pub(crate) fn start(
    name: &str,
    clock: &Clock,
    client: kube::Client,
    changes: Option<Signal>,
    keys: &SealingKeys,
    simulated: Option<&seatrial_sim::Cluster>,
) -> SealedSecrets {
    let controllers = SealedSecrets::start(SealedSecretsOptions {
        clock: clock.clone(),
        client,
        changes,
        keys: keys.source(),
        name: name.to_owned(),
    });
    if let Some(cluster) = simulated {
        // The cluster must not keep alive what keeps the cluster alive.
        cluster.set_network(Arc::new(Pods(controllers.downgrade())));
    }
    controllers
}

struct Pods(SealedSecretsRef);

/// The Deployment of a pod with the controller's image.
fn deployment(pod: &Value) -> Option<&str> {
    sealed_secrets_container(&pod["spec"])?;
    let owner =
        pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["kind"] == "ReplicaSet")?;
    owner["name"].as_str()?.rsplit_once('-').map(|(name, _)| name)
}

impl PodNetwork for Pods {
    fn http(&self, pod: &Value, request: &PodRequest<'_>) -> PodAnswer {
        let Some(deployment) = deployment(pod) else { return PodAnswer::Unknown };
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let answer = self.0.get().and_then(|controllers| {
            controllers.answer(&SealedRequest {
                namespace,
                deployment,
                port: request.port,
                method: request.method.as_str(),
                path: request.path,
                body: request.body,
            })
        });
        match answer {
            Some(answer) => PodAnswer::Http {
                code: answer.code,
                headers: answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                body: answer.body,
            },
            None => PodAnswer::Closed,
        }
    }

    fn log(&self, pod: &Value, _container: &str) -> Option<String> {
        let deployment = deployment(pod)?;
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        Some(self.0.get()?.log(namespace, deployment).unwrap_or_default())
    }
}
