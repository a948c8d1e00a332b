//! Defaults that depend on more than the absence of a field, by type.

use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// Fills in the conditional defaults of an object of this type.
pub(super) fn apply(ty: &str, object: &mut Fields) {
    match ty {
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(object),
        "core.v1.PodSpec" => pod_spec(object),
        "core.v1.Pod" => pod(object),
        "core.v1.PodStatus" => pod_status(object),
        "core.v1.LoadBalancerIngress" if object.contains_key("ip") => default(object, "ipMode", "VIP"),
        "core.v1.LimitRangeItem" => limit(object),
        "apiextensions.v1.CustomResourceDefinitionNames" => definition_names(object),
        "apps.v1.StatefulSet" => claim_templates(object),
        "apps.v1.DaemonSet" => daemon_set(object),
        "core.v1.Volume" => volume(object),
        "core.v1.ServiceSpec" => service_spec(object),
        "core.v1.ServicePort" => service_port(object),
        "core.v1.NodeSpec" => node_spec(object),
        "core.v1.Namespace" => namespace(object),
        "core.v1.Secret" => secret(object),
        "apps.v1.DeploymentStrategy" => {
            rolling_update(object, "rollingUpdate", json!({"maxUnavailable": "25%", "maxSurge": "25%"}))
        }
        "apps.v1.StatefulSetUpdateStrategy" => {
            rolling_update(object, "rollingUpdate", json!({"partition": 0}))
        }
        "apps.v1.DaemonSetUpdateStrategy" => {
            rolling_update(object, "rollingUpdate", json!({"maxUnavailable": 1, "maxSurge": 0}));
        }
        "batch.v1.Job" => job(object),
        "networking.v1.NetworkPolicySpec" => network_policy(object),
        "autoscaling.v2.HorizontalPodAutoscalerSpec" => autoscaler(object),
        "autoscaling.v2.HorizontalPodAutoscalerBehavior" => autoscaler_behavior(object),
        "core.v1.ReplicationController" => labels_from_template(object),
        _ => {}
    }
}

fn default(object: &mut Fields, field: &str, value: impl Into<Value>) {
    if !object.contains_key(field) {
        object.insert(field.to_owned(), value.into());
    }
}

fn text<'v>(object: &'v Fields, field: &str) -> &'v str {
    object.get(field).and_then(Value::as_str).unwrap_or("")
}

fn flag(object: &Fields, field: &str) -> bool {
    object.get(field) == Some(&Value::Bool(true))
}

fn container(object: &mut Fields) {
    if !object.contains_key("imagePullPolicy") {
        let image = text(object, "image");
        let policy = if tag(image) == Some("latest") { "Always" } else { "IfNotPresent" };
        object.insert("imagePullPolicy".to_owned(), policy.into());
    }
}

/// The tag of an image, `latest` where it has neither tag nor digest; none where the name is not one of an image.
fn tag(image: &str) -> Option<&str> {
    let part = |text: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        !text.is_empty()
            && text.bytes().all(|b| inside(b) || matches!(b, b'.' | b'_' | b'-'))
            && [text.as_bytes().first(), text.as_bytes().last()].into_iter().flatten().all(|b| inside(*b))
    };
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (head, last) = name.rsplit_once('/').map_or(("", name), |(head, last)| (head, last));
    let (last, tag) = match last.split_once(':') {
        Some((last, tag)) => (last, Some(tag)),
        None => (last, None),
    };
    // What stands before the first slash may be a host, which has other letters.
    let folders = head.split('/').enumerate().filter(|(_, folder)| !folder.is_empty());
    let well_formed = part(last)
        && folders.into_iter().all(|(i, folder)| i == 0 && folder.contains([':', '.']) || part(folder))
        && tag.is_none_or(|tag| {
            tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        });
    match (well_formed, tag, digest) {
        (false, _, _) | (true, None, Some(_)) => None,
        (true, Some(tag), _) => Some(tag),
        (true, None, None) => Some("latest"),
    }
}

/// What is limited and not requested is requested as limited.
fn requests_from_limits(resources: &mut Fields) {
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return };
    let requests = resources.entry("requests").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(requests) = requests {
        for (name, amount) in limits {
            requests.entry(name).or_insert(amount);
        }
    }
}

fn pod_spec(object: &mut Fields) {
    // Two names of one field.
    match (text(object, "serviceAccountName").to_owned(), text(object, "serviceAccount").to_owned()) {
        (name, _) if !name.is_empty() => {
            object.insert("serviceAccount".to_owned(), name.into());
        }
        (_, old) if !old.is_empty() => {
            object.insert("serviceAccountName".to_owned(), old.into());
        }
        _ => {}
    }
}

/// What only Pods have filled in, not the templates of Pods.
fn pod(object: &mut Fields) {
    let Some(Value::Object(spec)) = object.get_mut("spec") else { return };
    default(spec, "enableServiceLinks", true);
    if let Some(Value::Object(resources)) = spec.get("resources").cloned() {
        spec.insert("resources".to_owned(), whole_pod(resources, spec));
    }
    let host_network = flag(spec, "hostNetwork");
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(Value::Object(resources)) = container.get_mut("resources") {
                requests_from_limits(resources);
            }
            let ports = container.get_mut("ports").and_then(Value::as_array_mut).filter(|_| host_network);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                if let Some(number) = port.get("containerPort").cloned() {
                    default(port, "hostPort", number);
                }
            }
        }
    }
}

/// What a whole Pod may use and does not request is requested as limited, unless its containers request it.
fn whole_pod(mut resources: Fields, spec: &Fields) -> Value {
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return resources.into() };
    let lists = ["containers", "initContainers"].into_iter().filter_map(|list| spec.get(list)?.as_array());
    let containers: Vec<&Value> = lists.flatten().collect();
    let asked = |name: &str| {
        let amount =
            |c: &Value, part| c.pointer(&format!("/resources/{part}")).is_some_and(|a| a.get(name).is_some());
        containers.iter().any(|c| amount(c, "requests") || amount(c, "limits"))
    };
    let requests = resources.entry("requests").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(requests) = requests {
        for (name, amount) in limits.into_iter().filter(|(name, _)| !asked(name)) {
            requests.entry(name).or_insert(amount);
        }
        if requests.is_empty() {
            resources.remove("requests");
        }
    }
    resources.into()
}

/// One address stands in two fields.
fn pod_status(object: &mut Fields) {
    for (one, all) in [("podIP", "podIPs"), ("hostIP", "hostIPs")] {
        if let Some(address) = object.get(one).cloned() {
            default(object, all, json!([{"ip": address}]));
        }
    }
}

fn volume(object: &mut Fields) {
    if object.keys().all(|k| k == "name") {
        object.insert("emptyDir".to_owned(), json!({}));
    }
}

fn service_spec(object: &mut Fields) {
    let ty = text(object, "type").to_owned();
    if ty == "ExternalName" {
        return;
    }
    if text(object, "sessionAffinity") == "ClientIP" {
        default(object, "sessionAffinityConfig", json!({"clientIP": {"timeoutSeconds": 10800}}));
    } else {
        object.remove("sessionAffinityConfig");
    }
    let reached = object.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    if matches!(ty.as_str(), "NodePort" | "LoadBalancer") || (reached && ty == "ClusterIP") {
        default(object, "externalTrafficPolicy", "Cluster");
    }
    if ty == "LoadBalancer" {
        default(object, "allocateLoadBalancerNodePorts", true);
    }
    default(object, "internalTrafficPolicy", "Cluster");
}

fn service_port(object: &mut Fields) {
    let unset = match object.get("targetPort") {
        None => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Number(number)) => number.as_i64() == Some(0),
        Some(_) => false,
    };
    if unset && let Some(port) = object.get("port").cloned() {
        object.insert("targetPort".to_owned(), port);
    }
}

/// One range of addresses stands in two fields.
fn node_spec(object: &mut Fields) {
    if let Some(range) = object.get("podCIDR").cloned() {
        default(object, "podCIDRs", json!([range]));
    }
}

fn namespace(object: &mut Fields) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    let Some(Value::String(name)) = metadata.get("name").cloned() else { return };
    let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(labels) = labels {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

/// `stringData` is written only: it becomes `data`.
fn secret(object: &mut Fields) {
    let Some(Value::Object(texts)) = object.remove("stringData") else { return };
    let data = object.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(data) = data {
        for (key, value) in texts {
            let bytes = value.as_str().unwrap_or("").as_bytes().to_vec();
            data.insert(key, k8s_base64(&bytes).into());
        }
    }
}

/// Standard base64 with padding, as `k8s_openapi::ByteString` writes it.
fn k8s_base64(bytes: &[u8]) -> String {
    let text = serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec()));
    text.ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn rolling_update(object: &mut Fields, field: &str, value: Value) {
    if text(object, "type") == "RollingUpdate" {
        default(object, field, value);
    }
}

/// Jobs only, not the templates of Jobs.
fn job(object: &mut Fields) {
    let labels = object.get("spec").and_then(|s| s.pointer("/template/metadata/labels")).cloned();
    if let (Some(Value::Object(metadata)), Some(labels)) = (object.get_mut("metadata"), labels) {
        default(metadata, "labels", labels);
    }
    let Some(Value::Object(object)) = object.get_mut("spec") else { return };
    let most = if object.contains_key("backoffLimitPerIndex") { i32::MAX } else { 6 };
    default(object, "backoffLimit", most);
    default(object, "completionMode", "NonIndexed");
    default(object, "suspend", false);
    let replaced = if object.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    default(object, "podReplacementPolicy", replaced);
    default(object, "manualSelector", false);
    if !object.contains_key("completions") && !object.contains_key("parallelism") {
        object.insert("completions".to_owned(), 1.into());
        object.insert("parallelism".to_owned(), 1.into());
    }
    default(object, "parallelism", 1);
}

/// Names that follow from the kind.
fn definition_names(object: &mut Fields) {
    let kind = text(object, "kind").to_owned();
    if !kind.is_empty() {
        default(object, "singular", kind.to_lowercase());
        default(object, "listKind", format!("{kind}List"));
    }
}

/// Claims of a set name their own type.
fn claim_templates(object: &mut Fields) {
    let templates = object.get_mut("spec").and_then(|s| s.get_mut("volumeClaimTemplates"));
    for claim in
        templates.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
    {
        default(claim, "kind", "PersistentVolumeClaim");
        default(claim, "apiVersion", "v1");
    }
}

/// The generation of the template, which an annotation carries.
fn daemon_set(object: &mut Fields) {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(annotations) = annotations {
        default(annotations, "deprecated.daemonset.template.generation", "1");
    }
}

/// What is limited by default is also requested by default.
fn limit(object: &mut Fields) {
    if text(object, "type") != "Container" {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(Value::Object(amounts)) = object.get(from).cloned() else { continue };
        let target = object.entry(to).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(target) = target {
            for (name, amount) in amounts {
                target.entry(name).or_insert(amount);
            }
        }
    }
}

fn network_policy(object: &mut Fields) {
    if !object.contains_key("policyTypes") {
        let egress = object.get("egress").and_then(Value::as_array).is_some_and(|e| !e.is_empty());
        let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        object.insert("policyTypes".to_owned(), types);
    }
}

fn autoscaler(object: &mut Fields) {
    if !object.contains_key("metrics") {
        let metrics = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]);
        object.insert("metrics".to_owned(), metrics);
    }
}

fn autoscaler_behavior(object: &mut Fields) {
    let up = json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]);
    let down = json!([{"type": "Percent", "value": 100, "periodSeconds": 15}]);
    for (field, policies, window) in [("scaleUp", up, Some(0)), ("scaleDown", down, None)] {
        let rules = object.entry(field).or_insert_with(|| json!({}));
        let Value::Object(rules) = rules else { continue };
        default(rules, "selectPolicy", "Max");
        default(rules, "policies", policies);
        if let Some(seconds) = window {
            default(rules, "stabilizationWindowSeconds", seconds);
        }
    }
}

fn labels_from_template(object: &mut Fields) {
    let labels = object.get("spec").and_then(|s| s.pointer("/template/metadata/labels")).cloned();
    let Some(labels) = labels else { return };
    if let Some(Value::Object(spec)) = object.get_mut("spec") {
        default(spec, "selector", labels.clone());
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        default(metadata, "labels", labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("nginx", "Always")]
    #[case("nginx:latest", "Always")]
    #[case("nginx:1.2", "IfNotPresent")]
    #[case("localhost:5000/nginx", "Always")]
    #[case("nginx@sha256:0123", "IfNotPresent")]
    #[case("Host.example:5000/a/b", "Always")]
    #[case("", "IfNotPresent")]
    #[case(" nginx", "IfNotPresent")]
    #[case("Nginx", "IfNotPresent")]
    fn the_pull_policy_depends_on_the_tag(#[case] image: &str, #[case] want: &str) {
        let mut container = Map::from_iter([("image".to_owned(), Value::from(image))]);
        apply("core.v1.Container", &mut container);
        assert_eq!(text(&container, "imagePullPolicy"), want);
    }
}
