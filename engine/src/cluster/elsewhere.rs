//! Other clusters, by their kubeconfig.

use super::Cluster;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use seatrial_time::Signal;
use seatrial_yaml::{Dialect, ParseOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Finds the clusters of a run by the server that a kubeconfig names: they are reached in process.
pub trait ClusterHosts: Send + Sync {
    /// The cluster behind `server` (a URL), for who has `token`. `None` where it is none of the run's: then it is asked for
    /// over the network.
    ///
    /// # Errors
    /// It is one of the run's and does not know the token. The message fits after "failed to ".
    fn open(&self, server: &str, token: Option<&str>) -> Option<Result<RemoteCluster, String>>;
}

/// For engines whose clusters are all elsewhere.
impl ClusterHosts for () {
    fn open(&self, _server: &str, _token: Option<&str>) -> Option<Result<RemoteCluster, String>> {
        None
    }
}

/// A cluster that a kubeconfig leads to.
#[derive(Clone)]
pub struct RemoteCluster {
    /// The cluster, as the user of the kubeconfig.
    pub client: Client,
    /// Moves with each change of the cluster's store, where that is known.
    pub changes: Option<Signal>,
}

/// A kubeconfig that leads nowhere. No message shows what it holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KubeconfigError {
    /// It is no YAML.
    #[error("{0}")]
    Yaml(String),
    /// It is no map of fields.
    #[error(
        "couldn't get version/kind; json parse error: json: cannot unmarshal {0} into Go value of type struct {{ \
         APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    )]
    Malformed(&'static str),
    /// A field is not what it should be.
    #[error("a field of the kubeconfig has the wrong type")]
    Fields,
    /// It names no cluster.
    #[error(
        "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable"
    )]
    Empty,
    /// The user is known to a program alone.
    #[error("the kubeconfig asks {0} for credentials, which is not supported")]
    Program(&'static str),
    /// The cluster cannot be had.
    #[error("{0}")]
    Client(String),
}

/// So many clusters are kept open; beyond that, all are opened anew.
const MOST: usize = 64;

/// A cluster, and what moves with its changes where that is known.
type Opened = (Cluster, Option<Signal>);

/// The clusters that were opened, by what their kubeconfig says. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere(Arc<Mutex<BTreeMap<[u8; 32], Opened>>>);

impl Elsewhere {
    /// The cluster that a kubeconfig leads to, opened once.
    ///
    /// # Errors
    /// It leads nowhere.
    pub(crate) async fn open(
        &self,
        hosts: &dyn ClusterHosts,
        kubeconfig: &[u8],
    ) -> Result<(Cluster, Option<Signal>), KubeconfigError> {
        let key: [u8; 32] = Sha256::digest(kubeconfig).into();
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        let found = connect(hosts, kubeconfig).await?;
        let opened = (Cluster::new(found.client), found.changes);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Kubeconfigs whose tokens change leave clients behind that nobody needs.
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, opened.clone());
        Ok(opened)
    }
}

/// What Flux does not take from a kubeconfig: servers are always verified, and nobody is impersonated by it.
const DROPPED: [(&str, &str, &str); 5] = [
    ("clusters", "cluster", "insecure-skip-tls-verify"),
    ("users", "user", "as"),
    ("users", "user", "as-uid"),
    ("users", "user", "as-groups"),
    ("users", "user", "as-user-extra"),
];

async fn connect(hosts: &dyn ClusterHosts, kubeconfig: &[u8]) -> Result<RemoteCluster, KubeconfigError> {
    let node = seatrial_yaml::parse_one(kubeconfig, &ParseOptions::default());
    let node = node.map_err(|error| {
        let line = if error.line > 1 { format!("line {}: ", error.line) } else { String::new() };
        KubeconfigError::Yaml(format!("yaml: {line}{}", error.message))
    })?;
    let config = node.to_json(Dialect::KubernetesJson).map_err(|_| KubeconfigError::Fields)?;
    match &config {
        Value::Object(_) => {}
        Value::Null => return Err(KubeconfigError::Empty),
        Value::String(_) => return Err(KubeconfigError::Malformed("string")),
        Value::Array(_) => return Err(KubeconfigError::Malformed("array")),
        Value::Number(_) => return Err(KubeconfigError::Malformed("number")),
        Value::Bool(_) => return Err(KubeconfigError::Malformed("bool")),
    }
    let context = named(&config, "contexts", &config["current-context"], "context");
    let cluster = named(&config, "clusters", &context["cluster"], "cluster");
    let user = named(&config, "users", &context["user"], "user");
    let Some(server) = cluster["server"].as_str() else { return Err(KubeconfigError::Empty) };
    let elsewhere = [
        (user, "exec", "a program"),
        (user, "auth-provider", "an auth provider"),
        (user, "tokenFile", "a file"),
        (user, "client-certificate", "a file"),
        (user, "client-key", "a file"),
        (cluster, "certificate-authority", "a file"),
    ];
    if let Some((_, _, what)) = elsewhere.into_iter().find(|(of, field, _)| of.get(*field).is_some()) {
        return Err(KubeconfigError::Program(what));
    }
    if let Some(found) = hosts.open(server, user["token"].as_str()) {
        return found.map_err(KubeconfigError::Client);
    }
    let mut config = config.clone();
    for (list, of, dropped) in DROPPED {
        for item in config[list].as_array_mut().into_iter().flatten() {
            if let Some(fields) = item[of].as_object_mut() {
                fields.remove(dropped);
            }
        }
    }
    let config: Kubeconfig = serde_json::from_value(config).map_err(|_| KubeconfigError::Fields)?;
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await;
    let client = config
        .map_err(|error| error.to_string())
        .and_then(|config| Client::try_from(config).map_err(|error| error.to_string()));
    Ok(RemoteCluster { client: client.map_err(KubeconfigError::Client)?, changes: None })
}

/// What a list of named things has under a name.
fn named<'c>(config: &'c Value, list: &str, name: &Value, field: &str) -> &'c Value {
    let items = config[list].as_array().into_iter().flatten();
    items.filter(|item| item["name"] == *name).map(|item| &item[field]).next().unwrap_or(&Value::Null)
}
