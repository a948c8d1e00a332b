//! Namespaces: each gets its ServiceAccount `default` and the ConfigMap with the cluster's certificate bundle.

use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::Recorder;
use crate::namespaces;
use crate::object::{Key, deleting, text};
use crate::options::Controllers;
use serde_json::json;

/// The name of the ServiceAccount that every namespace has.
pub(crate) const SERVICE_ACCOUNT: &str = "default";
/// The name of the ConfigMap that every namespace has.
pub(crate) const ROOT_CA: &str = "kube-root-ca.crt";

const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
    distributions of Kubernetes clusters.";

/// Makes what a namespace lacks.
pub(crate) async fn reconcile(context: &Context, _: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let stores = &context.stores;
    let Some(namespace) = stores.namespaces.get(key) else { return Ok(None) };
    if deleting(&namespace) || text(&namespace, &["status", "phase"]) == "Terminating" {
        return match context.options.controllers {
            Controllers::All if deleting(&namespace) => namespaces::empty(context, &namespace).await,
            _ => Ok(None),
        };
    }
    if stores.service_accounts.get(&Key::new(&key.name, SERVICE_ACCOUNT)).is_none() {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": SERVICE_ACCOUNT, "namespace": key.name},
        });
        exists(stores.service_accounts.create(&context.api, &account).await)?;
    }
    let bundle = json!({ "ca.crt": context.options.root_ca });
    match stores.config_maps.get(&Key::new(&key.name, ROOT_CA)) {
        None => {
            let config_map = json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": bundle,
                "metadata": {"name": ROOT_CA, "namespace": key.name,
                    "annotations": {"kubernetes.io/description": DESCRIPTION}},
            });
            exists(stores.config_maps.create(&context.api, &config_map).await)?;
        }
        Some(known) if known.get("data") != Some(&bundle) && !deleting(&known) => {
            stores.config_maps.patch(&context.api, &known, json!({ "data": bundle })).await?;
        }
        Some(_) => {}
    }
    Ok(None)
}

/// Takes it as done when somebody else was faster.
fn exists<T>(result: Result<T, ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}
