//! Kubernetes objects.

use serde_json::{Map, Value as Json, json};

use super::random::{Rng, raw};

/// What others need to know about an object.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) object: Json,
}

pub(crate) const NAMES: [&str; 6] = ["web", "db", "api", "cache", "job-1", "w.x"];
pub(crate) const MAPS: [&str; 5] = ["cm", "settings", "env-map", "web", "conf.d"];
const NAMESPACES: [&str; 3] = ["ns1", "ns2", "default"];
pub(crate) const IMAGES: [&str; 10] = [
    "nginx",
    "nginx:1.25",
    "docker.io/library/nginx:1",
    "registry.local:5000/team/app:2.0",
    "registry.local:5000/team/app",
    "app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "app:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "$(IMAGE)",
    "ghcr.io/org/app:1.0-rc.1",
    "busybox:latest",
];

/// Scalars that readers of YAML disagree on, and long ones.
const ODD: [&str; 56] = [
    "yes",
    "No",
    "on",
    "off",
    "y",
    "N",
    "~",
    "null",
    "",
    "true",
    "True",
    "1",
    "014",
    "0o14",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1.10",
    "1.0",
    "1.5e300",
    ".5",
    "5.",
    "+1",
    "-0",
    "-0.0",
    ".inf",
    "12345678901234567890",
    "123456789012345678901234567890",
    "9007199254740993",
    "2020-01-01",
    "2020-01-01T10:00:00Z",
    "2001-12-14 21:59:43.10 -5",
    "1:20",
    "190:20:30",
    "12:30:45",
    "'yes'",
    "\"1\"",
    "'2020-01-01'",
    "\"a\\tb\"",
    "\"\\u00e9\\n\"",
    "a b  c",
    "it's",
    "a: b\\n",
    "!!str 12",
    "!!int \"3\"",
    "!!float 3",
    "!custom x",
    "\"x\\\n  y\"",
    "=",
    "<<",
    "'<<'",
    "a#b",
    "é",
    "\"😀\"",
    "plain over\n      two lines",
];

const LONG: &str = "a rather long text with many words in it, so that a printer that folds near column eighty has to think about where";

const TEXTS: [&str; 8] = [
    "one\ntwo\n",
    "one\ntwo",
    "key: value\nlist:\n- a\n",
    "trailing \nspace\n",
    "  indented\nless\n",
    "#!/bin/sh\nset -e\necho \"$(date)\"\n\n",
    "tab\there\n",
    "a\n\nb\n\n\nc\n",
];

pub(crate) fn odd(rng: &mut Rng) -> Json {
    match rng.below(12) {
        0 => json!(LONG),
        1 => json!(rng.pick(&TEXTS)),
        2 => json!([]),
        3 => json!({}),
        _ => loop {
            let text = rng.pick(&ODD);
            // Values without a JSON form are refused by both, and would hide all else.
            if !matches!(text, ".inf" | "<<" | "'<<'" | "a: b\\n") || rng.chance(2) {
                return raw(text);
            }
        },
    }
}

fn word(rng: &mut Rng) -> Json {
    json!(rng.pick(&[
        "a",
        "b-c",
        "prod",
        "x.y/z",
        "1",
        "true",
        "with space",
        "$(NAME)",
        "v$(NAME)-$$(X)",
        ""
    ]))
}

fn labels(rng: &mut Rng) -> Json {
    let mut map = Map::new();
    for _ in 0..=rng.below(2) {
        let value = if rng.chance(6) { odd_scalar(rng) } else { json!(rng.pick(&["web", "db", "v1", "x"])) };
        map.insert(rng.pick(&["app", "tier", "app.kubernetes.io/name", "version"]).to_owned(), value);
    }
    Json::Object(map)
}

fn odd_scalar(rng: &mut Rng) -> Json {
    loop {
        let value = odd(rng);
        if value.is_string() {
            return value;
        }
    }
}

fn metadata(rng: &mut Rng, name: &str, namespace: &str) -> Json {
    let mut meta = Map::new();
    meta.insert("name".into(), json!(name));
    if !namespace.is_empty() {
        meta.insert("namespace".into(), json!(namespace));
    }
    if rng.chance(35) {
        meta.insert("labels".into(), labels(rng));
    }
    if rng.chance(25) {
        let mut map = Map::new();
        let keys = [
            "note",
            "a.b/c",
            "config.kubernetes.io/local-config",
            "prometheus.io/port",
            "nginx.ingress.kubernetes.io/auth-secret",
        ];
        let key = rng.pick(&keys);
        let value = match key {
            "config.kubernetes.io/local-config" if rng.chance(60) => json!("false"),
            "config.kubernetes.io/local-config" => json!(rng.pick(&["true", ""])),
            "nginx.ingress.kubernetes.io/auth-secret" => json!(rng.pick(&MAPS)),
            _ if rng.chance(20) => odd_scalar(rng),
            _ => json!("some note"),
        };
        map.insert(key.to_owned(), value);
        meta.insert("annotations".into(), Json::Object(map));
    }
    if rng.chance(3) {
        meta.insert("annotations".into(), rng.pick(&[None, Some(())]).map_or(Json::Null, |()| json!({})));
    }
    Json::Object(meta)
}

pub(crate) fn container(rng: &mut Rng, name: &str) -> Json {
    let mut c = Map::new();
    c.insert("name".into(), json!(name));
    if rng.chance(90) {
        c.insert("image".into(), json!(rng.pick(&IMAGES)));
    }
    if rng.chance(30) {
        let mut env = Vec::new();
        for key in ["A", "B"] {
            env.push(match rng.below(5) {
                0 => json!({"name": key, "valueFrom": {"configMapKeyRef": {"name": rng.pick(&MAPS), "key": "k"}}}),
                1 => json!({"name": key, "valueFrom": {"secretKeyRef": {"name": rng.pick(&MAPS), "key": "k"}}}),
                _ => json!({"name": key, "value": word(rng)}),
            });
        }
        c.insert("env".into(), json!(env));
    }
    if rng.chance(30) {
        let kind = rng.pick(&["configMapRef", "secretRef"]);
        c.insert("envFrom".into(), json!([{kind: {"name": rng.pick(&MAPS)}}]));
    }
    if rng.chance(30) {
        let mut ports = Vec::new();
        for (i, port) in [80, 443, 80].iter().enumerate().take(1 + rng.below(3)) {
            let mut p = Map::new();
            if rng.chance(50) {
                p.insert("name".into(), json!(format!("p{i}")));
            }
            p.insert("containerPort".into(), json!(port + 8000 * usize::from(i == 2 && rng.chance(70))));
            if rng.chance(40) {
                p.insert("protocol".into(), json!(rng.pick(&["TCP", "UDP"])));
            }
            ports.push(Json::Object(p));
        }
        c.insert("ports".into(), json!(ports));
    }
    if rng.chance(20) {
        c.insert("args".into(), json!(["--x=$(NAME)", word(rng)]));
    }
    if rng.chance(10) {
        c.insert("command".into(), json!(["sh", "-c", rng.pick(&TEXTS)]));
    }
    if rng.chance(20) {
        c.insert(
            "resources".into(),
            json!({"limits": {"cpu": raw(rng.pick(&["1", "500m", "0.5", "1e-1"])), "memory": "100Mi"}}),
        );
    }
    if rng.chance(15) {
        c.insert("volumeMounts".into(), json!([{"name": "v", "mountPath": "/etc/x"}, {"name": "v", "mountPath": "/y", "subPath": "$(NAME)"}]));
    }
    Json::Object(c)
}

fn pod_spec(rng: &mut Rng) -> Json {
    let mut spec = Map::new();
    let mut containers = vec![container(rng, "main")];
    if rng.chance(25) {
        containers.push(container(rng, "side"));
    }
    spec.insert("containers".into(), json!(containers));
    if rng.chance(12) {
        spec.insert("initContainers".into(), json!([container(rng, "init")]));
    }
    if rng.chance(25) {
        spec.insert("serviceAccountName".into(), json!(rng.pick(&NAMES)));
    }
    if rng.chance(12) {
        spec.insert("imagePullSecrets".into(), json!([{"name": rng.pick(&MAPS)}]));
    }
    if rng.chance(25) {
        let volume = match rng.below(5) {
            0 => json!({"name": "v", "configMap": {"name": rng.pick(&MAPS)}}),
            1 => json!({"name": "v", "secret": {"secretName": rng.pick(&MAPS)}}),
            2 => {
                json!({"name": "v", "projected": {"sources": [{"configMap": {"name": rng.pick(&MAPS)}}, {"secret": {"name": rng.pick(&MAPS)}}]}})
            }
            3 => json!({"name": "v", "persistentVolumeClaim": {"claimName": rng.pick(&NAMES)}}),
            _ => json!({"name": "v", "emptyDir": {}}),
        };
        spec.insert("volumes".into(), json!([volume, {"name": "w", "emptyDir": {}}]));
    }
    if rng.chance(8) {
        spec.insert("affinity".into(), json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "h", "labelSelector": {"matchLabels": {"app": "web"}}}}]}}));
    }
    if rng.chance(6) {
        spec.insert(
            "tolerations".into(),
            json!([{"key": "a", "operator": "Exists"}, {"effect": "NoSchedule"}]),
        );
    }
    if rng.chance(6) {
        spec.insert("priorityClassName".into(), json!(rng.pick(&NAMES)));
    }
    if rng.chance(5) {
        spec.insert("hostAliases".into(), json!([{"ip": "1.2.3.4", "hostnames": ["a"]}]));
    }
    Json::Object(spec)
}

fn template(rng: &mut Rng) -> Json {
    let mut t = Map::new();
    if rng.chance(60) {
        t.insert("metadata".into(), json!({"labels": labels(rng)}));
    }
    t.insert("spec".into(), pod_spec(rng));
    Json::Object(t)
}

const KINDS: [&str; 34] = [
    "Deployment",
    "Deployment",
    "Deployment",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Pod",
    "ReplicaSet",
    "Service",
    "Service",
    "ConfigMap",
    "ConfigMap",
    "Secret",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "Namespace",
    "CustomResourceDefinition",
    "Ingress",
    "HorizontalPodAutoscaler",
    "PersistentVolumeClaim",
    "StorageClass",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Widget",
    "Widget",
    "SealedSecret",
    "ValidatingWebhookConfiguration",
    "PriorityClass",
];

pub(crate) fn resource(rng: &mut Rng) -> Made {
    let kind = rng.pick(&KINDS);
    let cluster = matches!(
        kind,
        "ClusterRole"
            | "ClusterRoleBinding"
            | "Namespace"
            | "CustomResourceDefinition"
            | "StorageClass"
            | "PriorityClass"
            | "ValidatingWebhookConfiguration"
    );
    let name = match kind {
        "ConfigMap" | "Secret" | "SealedSecret" => rng.pick(&MAPS),
        "Namespace" => rng.pick(&NAMESPACES),
        "CustomResourceDefinition" => "widgets.example.com",
        _ => rng.pick(&NAMES),
    };
    let namespace = if cluster || rng.chance(75) { "" } else { rng.pick(&NAMESPACES) };
    let (api_version, rest) = body(rng, kind);
    let mut object = Map::new();
    object.insert("apiVersion".into(), json!(api_version));
    object.insert("kind".into(), json!(kind));
    object.insert("metadata".into(), metadata(rng, name, namespace));
    if let Json::Object(rest) = rest {
        object.extend(rest);
    }
    if rng.chance(4) {
        object.insert("status".into(), json!({}));
    }
    if rng.chance(4) {
        object.insert(
            "extra".into(),
            json!({"a": odd(rng), "z1": odd(rng), "z10": odd(rng), "z2": [odd(rng), odd(rng)]}),
        );
    }
    let (api_version, kind, name, namespace) =
        (api_version.to_owned(), kind.to_owned(), name.to_owned(), namespace.to_owned());
    Made { api_version, kind, name, namespace, object: Json::Object(object) }
}

/// apiVersion, and the fields beside metadata.
fn body(rng: &mut Rng, kind: &str) -> (&'static str, Json) {
    let selector = json!({"matchLabels": {"app": "web"}});
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => {
            let mut spec = Map::new();
            if rng.chance(40) && kind != "DaemonSet" {
                spec.insert("replicas".into(), json!(rng.below(4)));
            }
            if rng.chance(50) {
                spec.insert("selector".into(), selector);
            }
            if kind == "StatefulSet" {
                spec.insert("serviceName".into(), json!(rng.pick(&NAMES)));
                if rng.chance(40) {
                    spec.insert("volumeClaimTemplates".into(), json!([{"metadata": {"name": "data"}, "spec": {"storageClassName": rng.pick(&NAMES), "resources": {"requests": {"storage": "1Gi"}}}}]));
                }
            }
            if rng.chance(10) {
                spec.insert(
                    "strategy".into(),
                    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
                );
            }
            spec.insert("template".into(), template(rng));
            ("apps/v1", json!({"spec": spec}))
        }
        "Job" => ("batch/v1", json!({"spec": {"template": template(rng)}})),
        "CronJob" => (
            rng.pick(&["batch/v1", "batch/v1beta1"]),
            json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template(rng)}}}}),
        ),
        "Pod" => ("v1", json!({"spec": pod_spec(rng)})),
        "Service" => {
            let mut ports = vec![json!({"port": 80, "targetPort": 8080})];
            if rng.chance(40) {
                ports.push(json!({"name": "dns", "port": 53, "protocol": rng.pick(&["UDP", "TCP"])}));
            }
            let mut spec = json!({"ports": ports});
            if rng.chance(60) {
                spec["selector"] = json!({"app": "web"});
            }
            ("v1", json!({"spec": spec}))
        }
        "ConfigMap" => {
            let mut data = Map::new();
            data.insert("k".into(), json!("v"));
            if rng.chance(40) {
                data.insert("file.txt".into(), json!(rng.pick(&TEXTS)));
            }
            if rng.chance(20) {
                data.insert("odd".into(), odd_scalar(rng));
            }
            ("v1", json!({"data": data}))
        }
        "Secret" => match rng.below(3) {
            0 => ("v1", json!({"type": "Opaque", "data": {"k": "dg=="}})),
            1 => ("v1", json!({"stringData": {"k": "v", "p": odd_scalar(rng)}})),
            _ => ("v1", json!({"data": {"k": "dg=="}, "immutable": true})),
        },
        "ServiceAccount" => (
            "v1",
            match rng.chance(30) {
                true => {
                    json!({"imagePullSecrets": [{"name": rng.pick(&MAPS)}], "secrets": [{"name": rng.pick(&MAPS)}]})
                }
                false => json!({}),
            },
        ),
        "Role" | "ClusterRole" => (
            "rbac.authorization.k8s.io/v1",
            json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [rng.pick(&MAPS), rng.pick(&NAMES)], "verbs": ["get"]}]}),
        ),
        "RoleBinding" | "ClusterRoleBinding" => {
            let role = if kind == "RoleBinding" { rng.pick(&["Role", "ClusterRole"]) } else { "ClusterRole" };
            let mut subject =
                json!({"kind": "ServiceAccount", "name": rng.pick(&["web", "db", "default", "api"])});
            if rng.chance(60) {
                subject["namespace"] = json!(rng.pick(&NAMESPACES));
            }
            let mut subjects = vec![subject];
            if rng.chance(25) {
                subjects
                    .push(json!({"kind": "User", "name": "web", "apiGroup": "rbac.authorization.k8s.io"}));
            }
            (
                "rbac.authorization.k8s.io/v1",
                json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": rng.pick(&NAMES)}, "subjects": subjects}),
            )
        }
        "Namespace" => ("v1", json!({})),
        "CustomResourceDefinition" => (
            "apiextensions.k8s.io/v1",
            json!({"spec": {"group": "example.com", "scope": rng.pick(&["Namespaced", "Cluster"]), "names": {"kind": "Widget", "plural": "widgets"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}}]}}),
        ),
        "Ingress" => match rng.chance(70) {
            true => (
                "networking.k8s.io/v1",
                json!({"spec": {"tls": [{"hosts": ["$(NAME).example.com"], "secretName": rng.pick(&MAPS)}], "rules": [{"host": "a.example.com", "http": {"paths": [
                    {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": rng.pick(&NAMES), "port": {"number": 80}}}}]}}]}}),
            ),
            false => (
                "networking.k8s.io/v1beta1",
                json!({"spec": {"backend": {"serviceName": rng.pick(&NAMES), "servicePort": 80}, "rules": [{"http": {"paths": [{"backend": {"serviceName": rng.pick(&NAMES), "servicePort": 80}}]}}]}}),
            ),
        },
        "HorizontalPodAutoscaler" => (
            "autoscaling/v2",
            json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": rng.pick(&NAMES)}, "minReplicas": 1, "maxReplicas": 3}}),
        ),
        "PersistentVolumeClaim" => (
            "v1",
            json!({"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": rng.pick(&NAMES), "volumeName": rng.pick(&NAMES)}}),
        ),
        "StorageClass" => {
            ("storage.k8s.io/v1", json!({"provisioner": "x", "parameters": {"secretName": rng.pick(&MAPS)}}))
        }
        "NetworkPolicy" => (
            "networking.k8s.io/v1",
            json!({"spec": {"podSelector": selector, "ingress": [{"from": [{"podSelector": {"matchLabels": {"a": "b"}}}], "ports": [{"port": 80}]}]}}),
        ),
        "PodDisruptionBudget" => (
            "policy/v1",
            json!({"spec": {"minAvailable": raw(rng.pick(&["1", "50%"])), "selector": selector}}),
        ),
        "SealedSecret" => (
            "bitnami.com/v1alpha1",
            json!({"spec": {"encryptedData": {"k": "AgBy3i4OJSWK"}, "template": {"metadata": {"name": rng.pick(&MAPS)}}}}),
        ),
        "ValidatingWebhookConfiguration" => (
            "admissionregistration.k8s.io/v1",
            json!({"webhooks": [{"name": "a.example.com", "clientConfig": {"service": {"name": rng.pick(&NAMES), "namespace": rng.pick(&NAMESPACES), "path": "/x"}}, "sideEffects": "None", "admissionReviewVersions": ["v1"]}]}),
        ),
        "PriorityClass" => ("scheduling.k8s.io/v1", json!({"value": 10})),
        _ => (
            "example.com/v1",
            json!({"spec": {"secretRef": {"name": rng.pick(&MAPS)}, "target": rng.pick(&NAMES), "image": rng.pick(&IMAGES), "items": [{"name": "a", "v": 1}, {"name": "b", "v": odd(rng)}], "list": ["x", "y"], "nested": {"v": odd(rng)}}}),
        ),
    }
}
