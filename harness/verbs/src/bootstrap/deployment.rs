//! The Deployments of the controllers.

use super::component::Component;
use super::manifests::InstallOptions;
use seatrial_api::FluxRelease;
use serde_json::{Value, json};

/// The Deployment of a controller.
pub(super) fn deployment(options: &InstallOptions, component: Component) -> Value {
    let facts = component.facts();
    let mut metadata = options.metadata(facts.name, Some(component));
    metadata["labels"]["control-plane"] = json!("controller");
    let mut volumes = Vec::new();
    let mut mounts = Vec::new();
    if facts.data {
        volumes.push(json!({"name": "data", "emptyDir": {}}));
        mounts.push(json!({"name": "data", "mountPath": "/data"}));
    }
    let scratch = match component {
        Component::SourceController | Component::SourceWatcher => "tmp",
        _ => "temp",
    };
    volumes.push(json!({"name": scratch, "emptyDir": {}}));
    mounts.push(json!({"name": scratch, "mountPath": "/tmp"}));
    let mut container = json!({
        "name": "manager",
        "image": options.image(component).unwrap_or_default(),
        "imagePullPolicy": "IfNotPresent",
        "args": arguments(options, component),
        "env": environment(options, component),
        "ports": ports(component),
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "healthz"}},
        "readinessProbe": {"httpGet": match component {
            // It answers once its artifacts can be fetched.
            Component::SourceController => json!({"path": "/", "port": "http"}),
            _ => json!({"path": "/readyz", "port": "healthz"}),
        }},
        "resources": {
            "limits": {"cpu": "1000m", "memory": "1Gi"},
            "requests": {"cpu": facts.cpu, "memory": "64Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": mounts,
    });
    if let (Some(image), Some(fields)) = (&options.placeholder, container.as_object_mut()) {
        fields.insert("image".to_owned(), json!(image));
        for nothing_there in ["args", "livenessProbe", "readinessProbe"] {
            fields.remove(nothing_there);
        }
    }
    let mut pod = json!({
        "serviceAccountName": facts.name,
        "terminationGracePeriodSeconds": facts.grace,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "securityContext": {"fsGroup": 1337},
        "containers": [container],
        "volumes": volumes,
    });
    if facts.critical {
        pod["priorityClassName"] = json!("system-cluster-critical");
    }
    if let Some(secret) = &options.image_pull_secret {
        pod["imagePullSecrets"] = json!([{"name": secret}]);
    }
    if !options.toleration_keys.is_empty() {
        let toleration = |key: &String| json!({"key": key, "operator": "Exists"});
        pod["tolerations"] = options.toleration_keys.iter().map(toleration).collect();
    }
    // Of 2.2.3 only the Deployment itself has Flux's labels.
    let mut labels = match options.flux > FluxRelease::V2_2_3 {
        true => options.labels(Some(component)),
        false => json!({}),
    };
    labels["app"] = json!(facts.name);
    let mut spec = json!({
        "replicas": 1,
        "selector": {"matchLabels": {"app": facts.name}},
        "template": {
            "metadata": {
                "labels": labels,
                "annotations": {"prometheus.io/port": "8080", "prometheus.io/scrape": "true"},
            },
            "spec": pod,
        },
    });
    if component == Component::SourceController || component == Component::SourceWatcher {
        // Two of them would write into one storage.
        spec["strategy"] = json!({"type": "Recreate"});
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
}

fn arguments(options: &InstallOptions, component: Component) -> Vec<String> {
    let mut arguments = Vec::new();
    let domain = &options.cluster_domain;
    if component != Component::NotificationController
        && options.components.contains(&Component::NotificationController)
    {
        let host = Component::NotificationController.name();
        arguments.push(format!("--events-addr=http://{host}.{}.svc.{domain}./", options.namespace));
    } else if component != Component::NotificationController {
        // Nobody takes events.
        arguments.push("--events-addr=".to_owned());
    }
    arguments.push(format!("--watch-all-namespaces={}", options.watch_all_namespaces));
    arguments.push(format!("--log-level={}", options.log_level));
    arguments.extend(["--log-encoding=json", "--enable-leader-election"].map(str::to_owned));
    if matches!(component, Component::SourceController | Component::SourceWatcher) {
        arguments.push("--storage-path=/data".to_owned());
        let name = component.name();
        arguments.push(format!("--storage-adv-addr={name}.$(RUNTIME_NAMESPACE).svc.{domain}."));
    }
    let applies = matches!(component, Component::KustomizeController | Component::HelmController);
    if applies && options.components.contains(&Component::SourceWatcher) {
        arguments.push("--feature-gates=ExternalArtifact=true".to_owned());
    }
    arguments
}

fn environment(options: &InstallOptions, component: Component) -> Vec<Value> {
    let field = json!({"fieldRef": {"fieldPath": "metadata.namespace"}});
    let mut environment = vec![json!({"name": "RUNTIME_NAMESPACE", "valueFrom": field})];
    if component == Component::SourceController {
        environment.push(json!({"name": "TUF_ROOT", "value": "/tmp/.sigstore"}));
    }
    if options.flux > FluxRelease::V2_2_3 {
        let limit = json!({"containerName": "manager", "resource": "limits.memory"});
        environment.push(json!({"name": "GOMEMLIMIT", "valueFrom": {"resourceFieldRef": limit}}));
    }
    environment
}

fn ports(component: Component) -> Vec<Value> {
    let port = |name: &str, number: u32| json!({"name": name, "containerPort": number, "protocol": "TCP"});
    let mut ports = Vec::new();
    for (_, name) in component.facts().services {
        ports.push(port(name, if *name == "http-webhook" { 9292 } else { 9090 }));
    }
    ports.push(port("http-prom", 8080));
    ports.push(port("healthz", 9440));
    ports
}
