//! The component manifests: what `flux install` applies, and what `flux bootstrap` commits.

use super::access::{cluster_roles, network_policies};
use super::component::Component;
use super::deployment::deployment;
use seatrial_api::FluxRelease;
use seatrial_yaml::EmitError;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is installed, and how: flux's flags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstallOptions {
    /// The release.
    pub flux: FluxRelease,
    /// The controllers, in the order of the file.
    pub components: Vec<Component>,
    /// Their namespace.
    pub namespace: String,
    /// Whether other namespaces may not reach the controllers.
    pub network_policy: bool,
    /// Whether objects of all namespaces are reconciled.
    pub watch_all_namespaces: bool,
    /// Where images come from, such as `ghcr.io/fluxcd`.
    pub registry: String,
    /// The Secret with the registry's credentials.
    pub image_pull_secret: Option<String>,
    /// `debug`, `info` or `error`.
    pub log_level: String,
    /// The cluster's domain.
    pub cluster_domain: String,
    /// Keys of taints that the controllers' pods tolerate.
    pub toleration_keys: Vec<String>,
    /// An image in the place of the controllers' own, for clusters where another engine works: no probes then, since nothing
    /// answers.
    pub placeholder: Option<String>,
}

impl InstallOptions {
    /// The usual controllers of a release, with flux's defaults.
    pub fn of(flux: FluxRelease) -> InstallOptions {
        InstallOptions {
            flux,
            components: Component::USUAL.to_vec(),
            namespace: crate::flags::DEFAULT_NAMESPACE.to_owned(),
            network_policy: true,
            watch_all_namespaces: true,
            registry: "ghcr.io/fluxcd".to_owned(),
            image_pull_secret: None,
            log_level: "info".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
            toleration_keys: Vec::new(),
            placeholder: None,
        }
    }

    /// The image of a controller; `None` where the release does not have it.
    pub fn image(&self, component: Component) -> Option<String> {
        let tag = component.tag(self.flux)?;
        Some(format!("{}/{}:{tag}", self.registry, component.name()))
    }

    pub(super) fn labels(&self, component: Option<Component>) -> Value {
        let mut labels = json!({
            "app.kubernetes.io/instance": self.namespace,
            "app.kubernetes.io/part-of": "flux",
            "app.kubernetes.io/version": format!("v{}", self.flux.full()),
        });
        if let Some(component) = component {
            labels["app.kubernetes.io/component"] = json!(component.name());
        }
        labels
    }

    pub(super) fn metadata(&self, name: &str, component: Option<Component>) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": self.labels(component)})
    }
}

/// The component manifests.
#[derive(Debug)]
pub struct Components {
    /// The objects, in the order in which they can be applied.
    pub objects: Vec<Value>,
    /// `gotk-components.yaml`.
    pub file: String,
}

/// What has been made.
type Made = BTreeMap<InstallOptions, Arc<Components>>;

/// The component manifests. They are made once per process. Controllers that the release does not have are left out.
///
/// # Errors
/// An option contains what YAML cannot express.
pub fn components(options: &InstallOptions) -> Result<Arc<Components>, EmitError> {
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(components) = made.get(options) {
        return Ok(components.clone());
    }
    let objects = objects(options);
    let components = Arc::new(Components { file: file(options, &objects)?, objects });
    made.insert(options.clone(), components.clone());
    Ok(components)
}

fn objects(options: &InstallOptions) -> Vec<Value> {
    let mut labels = options.labels(None);
    labels["pod-security.kubernetes.io/warn"] = json!("restricted");
    labels["pod-security.kubernetes.io/warn-version"] = json!("latest");
    let mut objects = vec![json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": options.namespace, "labels": labels},
    })];
    if options.network_policy {
        objects.extend(network_policies(options));
    }
    objects.extend(cluster_roles(options));
    let crds = seatrial_api::crds(options.flux);
    for component in options.components.iter().filter(|component| component.is_in(options.flux)) {
        objects.extend(crds.iter().filter_map(|crd| {
            let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default();
            component.kinds().contains(&kind).then(|| {
                let mut crd = crd.clone();
                crd["metadata"]["labels"] = options.labels(Some(*component));
                crd
            })
        }));
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": options.metadata(component.name(), Some(*component)),
        }));
        objects.extend(
            component.facts().services.iter().map(|(name, port)| service(options, *component, name, port)),
        );
        objects.push(deployment(options, *component));
    }
    objects
}

fn service(options: &InstallOptions, component: Component, name: &str, port: &str) -> Value {
    let mut metadata = options.metadata(name, Some(component));
    metadata["labels"]["control-plane"] = json!("controller");
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": component.name()},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": port}],
        },
    })
}

fn file(options: &InstallOptions, objects: &[Value]) -> Result<String, EmitError> {
    let mut text = heading(options) + "\n";
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        text.push_str(&seatrial_yaml::emit_json(object)?);
    }
    Ok(text)
}

/// What stands above the manifests.
pub(super) fn heading(options: &InstallOptions) -> String {
    let names: Vec<&str> = options.components.iter().map(|component| component.name()).collect();
    format!(
        "---\n# This manifest was generated by flux. DO NOT EDIT.\n# Flux Version: v{}\n# Components: {}",
        options.flux.full(),
        names.join(",")
    )
}
