//! The component manifests: namespace, CustomResourceDefinitions, accounts, controllers.

use super::NAMESPACE;
use crate::scenario::ExtraController;
use seatrial_api::FluxRelease;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A controller of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its name, which its Deployment and its ServiceAccount have too.
    pub name: &'static str,
    /// The tag of its image.
    pub tag: &'static str,
    /// The kinds that it reconciles; their CustomResourceDefinitions come with it.
    pub kinds: &'static [&'static str],
    /// Names of the Services that lead to it.
    services: &'static [&'static str],
}

impl Controller {
    /// Its image without the tag.
    pub fn repository(&self) -> String {
        format!("ghcr.io/fluxcd/{}", self.name)
    }

    /// Its image.
    pub fn image(&self) -> String {
        format!("{}:{}", self.repository(), self.tag)
    }
}

/// Name, tag in 2.2.3, tag in 2.9.0, kinds, services.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const USUAL: [Row; 4] = [
    (
        "source-controller",
        "v1.2.4",
        "v1.9.0",
        &["Bucket", "ExternalArtifact", "GitRepository", "HelmChart", "HelmRepository", "OCIRepository"],
        &["source-controller"],
    ),
    ("kustomize-controller", "v1.2.2", "v1.9.0", &["Kustomization"], &[]),
    ("helm-controller", "v0.37.4", "v1.6.0", &["HelmRelease"], &[]),
    (
        "notification-controller",
        "v1.2.4",
        "v1.9.0",
        &["Alert", "Provider", "Receiver"],
        &["notification-controller", "webhook-receiver"],
    ),
];

const EXTRA: [Row; 3] = [
    ("image-reflector-controller", "v0.31.2", "v1.2.0", &["ImagePolicy", "ImageRepository"], &[]),
    ("image-automation-controller", "v0.37.1", "v1.2.0", &["ImageUpdateAutomation"], &[]),
    // Not in 2.2.3: see `ExtraController::is_in`.
    ("source-watcher", "", "v2.2.0", &["ArtifactGenerator"], &[]),
];

/// The controllers that `bootstrap` installs: the usual four, then those that were asked for.
pub fn controllers(flux: FluxRelease, extra: &[ExtraController]) -> Vec<Controller> {
    let wanted = EXTRA.into_iter().filter(|row| extra.iter().any(|e| e.name() == row.0 && e.is_in(flux)));
    USUAL
        .into_iter()
        .chain(wanted)
        .map(|(name, old, new, kinds, services)| {
            let tag = match flux {
                FluxRelease::V2_2_3 => old,
                FluxRelease::V2_9 => new,
            };
            Controller { name, tag, kinds, services }
        })
        .collect()
}

/// The component manifests of a release.
#[derive(Debug)]
pub struct Components {
    /// The objects, in the order in which they can be applied.
    pub objects: Vec<Value>,
    /// `gotk-components.yaml`.
    pub file: String,
}

/// What has been made, by release, extra controllers and placeholder.
type Made = BTreeMap<(FluxRelease, Vec<ExtraController>, Option<String>), Arc<Components>>;

/// The component manifests of a release with these controllers beside the usual four. They are made once per process.
///
/// With a placeholder the controllers' Deployments have that image in the place of theirs, and no probes: nothing in their
/// pods reconciles, and nothing answers.
///
/// # Errors
/// None in practice: the objects contain nothing that YAML cannot express.
pub fn components(
    flux: FluxRelease,
    extra: &[ExtraController],
    placeholder: Option<&str>,
) -> Result<Arc<Components>, seatrial_yaml::EmitError> {
    static MADE: Mutex<Made> = Mutex::new(BTreeMap::new());
    let mut extra = extra.to_vec();
    extra.sort_unstable();
    extra.dedup();
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (flux, extra.clone(), placeholder.map(str::to_owned));
    if let Some(components) = made.get(&key) {
        return Ok(components.clone());
    }
    let objects = objects(flux, &extra, placeholder);
    let components = Arc::new(Components { file: file(flux, &extra, &objects)?, objects });
    made.insert(key, components.clone());
    Ok(components)
}

fn objects(flux: FluxRelease, extra: &[ExtraController], placeholder: Option<&str>) -> Vec<Value> {
    let controllers = controllers(flux, extra);
    let mut objects = vec![json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": labels(flux, None),
        },
    })];
    let served = |crd: &Value| {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default();
        controllers.iter().any(|c| c.kinds.contains(&kind))
    };
    objects.extend(seatrial_api::crds(flux).into_iter().filter(served));
    objects.extend(controllers.iter().map(|c| {
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(flux, c.name, c.name),
        })
    }));
    objects.push(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "cluster-reconciler-flux-system", "labels": labels(flux, None)},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "kustomize-controller", "namespace": NAMESPACE},
            {"kind": "ServiceAccount", "name": "helm-controller", "namespace": NAMESPACE},
        ],
    }));
    for controller in &controllers {
        objects.extend(controller.services.iter().map(|name| service(flux, name, controller)));
    }
    objects.extend(controllers.iter().map(|c| {
        let mut deployment = deployment(flux, c);
        if let Some(image) = placeholder {
            let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
            container["image"] = json!(image);
            if let Some(fields) = container.as_object_mut() {
                fields.remove("args");
                fields.remove("livenessProbe");
                fields.remove("readinessProbe");
            }
        }
        deployment
    }));
    objects
}

fn file(
    flux: FluxRelease,
    extra: &[ExtraController],
    objects: &[Value],
) -> Result<String, seatrial_yaml::EmitError> {
    let names: Vec<&str> = controllers(flux, extra).iter().map(|c| c.name).collect();
    let mut text = format!(
        "---\n# This manifest was generated by flux. DO NOT EDIT.\n# Flux Version: v{}\n# Components: {}\n",
        flux.full(),
        names.join(",")
    );
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        text.push_str(&seatrial_yaml::emit_json(object)?);
    }
    Ok(text)
}

fn labels(flux: FluxRelease, component: Option<&str>) -> Value {
    let mut labels = json!({
        "app.kubernetes.io/instance": NAMESPACE,
        "app.kubernetes.io/part-of": "flux",
        "app.kubernetes.io/version": format!("v{}", flux.full()),
    });
    if let Some(component) = component {
        labels["app.kubernetes.io/component"] = json!(component);
    }
    labels
}

fn metadata(flux: FluxRelease, name: &str, component: &str) -> Value {
    json!({"name": name, "namespace": NAMESPACE, "labels": labels(flux, Some(component))})
}

fn service(flux: FluxRelease, name: &str, controller: &Controller) -> Value {
    let target = if name == "webhook-receiver" { "http-webhook" } else { "http" };
    let mut metadata = metadata(flux, name, controller.name);
    metadata["labels"]["control-plane"] = json!("controller");
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": controller.name},
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": target}],
        },
    })
}

fn deployment(flux: FluxRelease, controller: &Controller) -> Value {
    let mut metadata = metadata(flux, controller.name, controller.name);
    metadata["labels"]["control-plane"] = json!("controller");
    let mut ports = vec![
        json!({"containerPort": 8080, "name": "http-prom", "protocol": "TCP"}),
        json!({"containerPort": 9440, "name": "healthz", "protocol": "TCP"}),
    ];
    if controller.services.contains(&controller.name) {
        ports.push(json!({"containerPort": 9090, "name": "http", "protocol": "TCP"}));
    }
    if controller.services.contains(&"webhook-receiver") {
        ports.push(json!({"containerPort": 9292, "name": "http-webhook", "protocol": "TCP"}));
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": controller.name}},
            "template": {
                "metadata": {"labels": {"app": controller.name}},
                "spec": {
                    "serviceAccountName": controller.name,
                    "terminationGracePeriodSeconds": 10,
                    "containers": [{
                        "name": "manager",
                        "image": controller.image(),
                        "imagePullPolicy": "IfNotPresent",
                        "args": [
                            "--watch-all-namespaces=true", "--log-level=info", "--log-encoding=json",
                            "--enable-leader-election",
                        ],
                        "ports": ports,
                        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "healthz"}},
                        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "healthz"}},
                        "resources": {
                            "limits": {"cpu": "1", "memory": "1Gi"},
                            "requests": {"cpu": "100m", "memory": "64Mi"},
                        },
                    }],
                },
            },
        },
    })
}
