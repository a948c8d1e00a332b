//! Faults of the specs of built-in kinds.

use serde_json::Value;

use super::pod::one_of;
use super::{names, network, pod};
use crate::kind::Kind;
use crate::meta;
use crate::status::{Fault, FieldError};

/// The faults of an object, whatever it was before.
pub(super) fn check(kind: &Kind, object: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    let spec = object.get("spec").unwrap_or(&Value::Null);
    match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "ConfigMap") => config_map(object, &mut found),
        ("", "Secret") => secret(object, &mut found),
        ("", "Service") => network::service(spec, &mut found),
        ("", "Pod") => found.extend(pod::check(spec, "spec", &["Always", "OnFailure", "Never"])),
        ("", "PersistentVolumeClaim") => claim(spec, &mut found),
        ("apps", "Deployment") => {
            workload_of("Deployment", spec, &mut found);
            deployment_strategy(spec, &mut found);
        }
        ("apps", "ReplicaSet" | "StatefulSet" | "DaemonSet") => workload_of(&kind.kind, spec, &mut found),
        ("batch", "Job") => job(spec, "spec", &mut found),
        ("batch", "CronJob") => cron_job(spec, &mut found),
        ("networking.k8s.io", "Ingress") => network::ingress(spec, &mut found),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(spec, &mut found),
        ("policy", "PodDisruptionBudget")
            if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() =>
        {
            let part = |field: &str| spec.get(field).cloned().unwrap_or(Value::Null);
            // The fields come in the order of the Go struct.
            let shown = [
                ("MinAvailable", "minAvailable"),
                ("Selector", "selector"),
                ("MaxUnavailable", "maxUnavailable"),
                ("UnhealthyPodEvictionPolicy", "unhealthyPodEvictionPolicy"),
            ]
            .map(|(name, field)| format!("{name:?}:{}", part(field)));
            found.push(FieldError::invalid_shown(
                "spec",
                &format!("{{{}}}", shown.join(",")),
                "minAvailable and maxUnavailable cannot be both set",
            ));
        }
        ("coordination.k8s.io", "Lease") => {
            for field in ["leaseDurationSeconds", "leaseTransitions"] {
                let Some(value) = spec.get(field) else { continue };
                let (least, why) = match field {
                    "leaseDurationSeconds" => (1, "must be greater than 0"),
                    _ => (0, "must be greater than or equal to 0"),
                };
                if value.as_i64().is_some_and(|v| v < least) {
                    found.push(FieldError::invalid(format!("spec.{field}"), value, why));
                }
            }
        }
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(spec, &mut found),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => rules(kind, object, &mut found),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            binding(kind, object, &mut found)
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            let system = meta::name(object).starts_with("system-");
            if !system && object.get("value").and_then(Value::as_i64).is_some_and(|v| v > 1_000_000_000) {
                let why = "maximum allowed value of a user defined priority is 1000000000";
                found.push(FieldError::forbidden("value", why));
            }
        }
        ("storage.k8s.io", "StorageClass") if meta::text(object, &["provisioner"]).is_empty() => {
            found.push(FieldError::required("provisioner", ""));
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => {
            webhooks(object, &mut found);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object, &mut found),
        _ => {}
    }
    found
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[])
}

fn map<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(field).and_then(Value::as_object).into_iter().flatten()
}

fn unsupported(field: &str, value: &Value, in_order: &[&str]) -> FieldError {
    let all: Vec<String> = in_order.iter().map(|s| format!("{s:?}")).collect();
    let body = format!("Unsupported value: {value}: supported values: {}", all.join(", "));
    FieldError { fault: Fault::NotSupported, field: field.to_owned(), body }
}

fn config_map(object: &Value, found: &mut Vec<FieldError>) {
    for (key, _) in map(object, "data") {
        found.extend(names::faults(&format!("data[{key}]"), key, names::config_key));
        if meta::at(object, &["binaryData", key]).is_some() {
            let why = "duplicate of key present in binaryData";
            found.push(FieldError::invalid(format!("data[{key}]"), &key.as_str().into(), why));
        }
    }
    for (key, _) in map(object, "binaryData") {
        found.extend(names::faults(&format!("binaryData[{key}]"), key, names::config_key));
    }
    let size: usize = ["data", "binaryData"]
        .iter()
        .flat_map(|f| map(object, f))
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    if size > 1024 * 1024 {
        found.push(FieldError::too_long("", 1024 * 1024));
    }
}

fn secret(object: &Value, found: &mut Vec<FieldError>) {
    for (key, _) in map(object, "data") {
        found.extend(names::faults(&format!("data[{key}]"), key, names::config_key));
    }
    let required: &[&str] = match meta::text(object, &["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        // One of the two is enough.
        "kubernetes.io/basic-auth"
            if ["username", "password"].iter().all(|k| meta::at(object, &["data", k]).is_none()) =>
        {
            &["username", "password"]
        }
        _ => &[],
    };
    for key in required {
        if meta::at(object, &["data", key]).is_none() {
            found.push(FieldError::required(format!("data[{key}]"), ""));
        }
    }
}

fn claim(spec: &Value, found: &mut Vec<FieldError>) {
    if list(spec, "accessModes").is_empty() {
        found.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
    }
    for mode in list(spec, "accessModes") {
        let modes = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
        one_of("spec.accessModes", Some(mode), &modes, found);
    }
    if meta::at(spec, &["resources", "requests", "storage"]).is_none() {
        found.push(FieldError::required("spec.resources[storage]", ""));
    }
}

fn selects(selector: Option<&Value>, labels: Option<&Value>) -> bool {
    let Some(selector) = selector else { return false };
    let label = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
    map(selector, "matchLabels").all(|(key, value)| label(key) == value.as_str())
        && list(selector, "matchExpressions").iter().all(|e| {
            let found = label(meta::text(e, &["key"]));
            let listed = found.is_some_and(|f| list(e, "values").iter().any(|v| v == f));
            match meta::text(e, &["operator"]) {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

/// Replicas, selector and template, as all workloads have them.
fn workload_of(kind: &str, spec: &Value, found: &mut Vec<FieldError>) {
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        if let Some(value) = spec.get(field)
            && value.as_i64().is_some_and(|n| n < 0)
        {
            found.push(FieldError::invalid(
                format!("spec.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
    let selector = spec.get("selector");
    match selector {
        None if kind != "DaemonSet" => found.push(FieldError::required("spec.selector", "")),
        Some(s) if s.as_object().is_some_and(|s| s.is_empty()) => {
            let why = format!("empty selector is invalid for {}", kind.to_lowercase());
            found.push(FieldError::invalid("spec.selector", s, &why));
        }
        _ => {}
    }
    let labels = meta::at(spec, &["template", "metadata", "labels"]);
    if !selects(selector, labels) {
        let value = labels.cloned().unwrap_or(Value::Null);
        let why = "`selector` does not match template `labels`";
        found.push(FieldError::invalid("spec.template.metadata.labels", &value, why));
    }
    let pod = meta::at(spec, &["template", "spec"]).unwrap_or(&Value::Null);
    found.extend(pod::check(pod, "spec.template.spec", &["Always"]));
}

/// `true` for 0 and `0%`.
fn is_nothing(value: Option<&Value>) -> bool {
    match value {
        None => true,
        Some(Value::String(text)) => text.trim_end_matches('%').parse::<i64>() == Ok(0),
        Some(value) => value.as_i64() == Some(0),
    }
}

fn deployment_strategy(spec: &Value, found: &mut Vec<FieldError>) {
    let Some(strategy) = spec.get("strategy") else { return };
    let rolling = strategy.get("rollingUpdate");
    match meta::text(strategy, &["type"]) {
        "RollingUpdate" => {
            if let Some(rolling) = rolling
                && is_nothing(rolling.get("maxUnavailable"))
                && is_nothing(rolling.get("maxSurge"))
            {
                let value = rolling.get("maxUnavailable").cloned().unwrap_or_else(|| 0.into());
                let why = "may not be 0 when `maxSurge` is 0";
                found.push(FieldError::invalid("spec.strategy.rollingUpdate.maxUnavailable", &value, why));
            }
        }
        "Recreate" => {
            if rolling.is_some() {
                let why = "may not be specified when strategy `type` is 'Recreate'";
                found.push(FieldError::forbidden("spec.strategy.rollingUpdate", why));
            }
        }
        other => {
            let shown = format!("{{\"Type\":{other:?},\"RollingUpdate\":null}}");
            let body =
                format!("Unsupported value: {shown}: supported values: \"Recreate\", \"RollingUpdate\"");
            found.push(FieldError { fault: Fault::NotSupported, field: "spec.strategy".to_owned(), body });
        }
    }
}

fn job(spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    for field in
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
    {
        if let Some(value) = spec.get(field)
            && value.as_i64().is_some_and(|n| n < 0)
        {
            found.push(FieldError::invalid(
                format!("{at}.{field}"),
                value,
                "must be greater than or equal to 0",
            ));
        }
    }
    let pod = meta::at(spec, &["template", "spec"]).unwrap_or(&Value::Null);
    found.extend(pod::check(pod, &format!("{at}.template.spec"), &["OnFailure", "Never"]));
}

fn cron_job(spec: &Value, found: &mut Vec<FieldError>) {
    let schedule = meta::text(spec, &["schedule"]);
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if schedule.is_empty() {
        found.push(FieldError::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') && fields.len() != 5 {
        let why = format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" "));
        found.push(FieldError::invalid("spec.schedule", &schedule.into(), &why));
    }
    let policies = ["Allow", "Forbid", "Replace"];
    one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), &policies, found);
    job(meta::at(spec, &["jobTemplate", "spec"]).unwrap_or(&Value::Null), "spec.jobTemplate.spec", found);
}

fn autoscaler(spec: &Value, found: &mut Vec<FieldError>) {
    let max = spec.get("maxReplicas").and_then(Value::as_i64).unwrap_or(0);
    let min = spec.get("minReplicas").and_then(Value::as_i64).unwrap_or(1);
    if max < 1 {
        found.push(FieldError::required("spec.maxReplicas", "must be set and greater than 0"));
    }
    if max < min {
        let why = "must be greater than or equal to `minReplicas`";
        found.push(FieldError::invalid("spec.maxReplicas", &max.into(), why));
    }
    for field in ["kind", "name"] {
        if meta::text(spec, &["scaleTargetRef", field]).is_empty() {
            found.push(FieldError::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
    if meta::text(spec, &["scaleTargetRef", "apiVersion"]).is_empty() {
        let why = "apiVersion must specify API group";
        found.push(FieldError::invalid("spec.scaleTargetRef.apiVersion", &"".into(), why));
    }
}

fn rules(kind: &Kind, object: &Value, found: &mut Vec<FieldError>) {
    for (i, rule) in list(object, "rules").iter().enumerate() {
        let at = format!("rules[{i}]");
        let paths = !list(rule, "nonResourceURLs").is_empty();
        if list(rule, "verbs").is_empty() {
            found.push(FieldError::required(format!("{at}.verbs"), "verbs must contain at least one value"));
        }
        if paths {
            if kind.kind == "Role" {
                let why = "namespaced rules cannot apply to non-resource URLs";
                let value = rule.get("nonResourceURLs").cloned().unwrap_or(Value::Null);
                found.push(FieldError::invalid(format!("{at}.nonResourceURLs"), &value, why));
            }
            continue;
        }
        if list(rule, "apiGroups").is_empty() {
            let why = "resource rules must supply at least one api group";
            found.push(FieldError::required(format!("{at}.apiGroups"), why));
        }
        if list(rule, "resources").is_empty() {
            let why = "resource rules must supply at least one resource";
            found.push(FieldError::required(format!("{at}.resources"), why));
        }
    }
}

fn binding(kind: &Kind, object: &Value, found: &mut Vec<FieldError>) {
    let role = object.get("roleRef").unwrap_or(&Value::Null);
    let group = meta::text(role, &["apiGroup"]);
    if group != "rbac.authorization.k8s.io" {
        found.push(unsupported("roleRef.apiGroup", &group.into(), &["rbac.authorization.k8s.io"]));
    }
    let kinds: &[&str] = if kind.kind == "RoleBinding" { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let referred = meta::text(role, &["kind"]);
    if !kinds.contains(&referred) {
        found.push(unsupported("roleRef.kind", &referred.into(), kinds));
    }
    if meta::text(role, &["name"]).is_empty() {
        found.push(FieldError::required("roleRef.name", ""));
    }
    for (i, subject) in list(object, "subjects").iter().enumerate() {
        let at = format!("subjects[{i}]");
        if meta::text(subject, &["name"]).is_empty() {
            found.push(FieldError::required(format!("{at}.name"), ""));
        }
        match meta::text(subject, &["kind"]) {
            "ServiceAccount" => {
                if kind.kind == "ClusterRoleBinding" && meta::text(subject, &["namespace"]).is_empty() {
                    found.push(FieldError::required(format!("{at}.namespace"), ""));
                }
            }
            "User" | "Group" => {}
            other => {
                found.push(unsupported(
                    &format!("{at}.kind"),
                    &other.into(),
                    &["ServiceAccount", "User", "Group"],
                ));
            }
        }
    }
}

fn webhooks(object: &Value, found: &mut Vec<FieldError>) {
    for (i, webhook) in list(object, "webhooks").iter().enumerate() {
        let at = format!("webhooks[{i}]");
        let name = meta::text(webhook, &["name"]);
        if name.split('.').count() < 3 {
            let why = "should be a domain with at least three segments separated by dots";
            found.push(FieldError::invalid(format!("{at}.name"), &name.into(), why));
        }
        if !matches!(meta::text(webhook, &["sideEffects"]), "None" | "NoneOnDryRun") {
            found.push(FieldError::required(
                format!("{at}.sideEffects"),
                "must specify one of None, NoneOnDryRun",
            ));
        }
        let client = webhook.get("clientConfig").unwrap_or(&Value::Null);
        if client.get("url").is_some() == client.get("service").is_some() {
            found.push(FieldError::required(
                format!("{at}.clientConfig"),
                "exactly one of url or service is required",
            ));
        }
        if list(webhook, "admissionReviewVersions").is_empty() {
            found.push(FieldError::required(
                format!("{at}.admissionReviewVersions"),
                "must specify one of v1, v1beta1",
            ));
        }
    }
}

fn definition(object: &Value, found: &mut Vec<FieldError>) {
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let (plural, group) = (meta::text(spec, &["names", "plural"]), meta::text(spec, &["group"]));
    let name = meta::name(object);
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        found.push(FieldError::invalid("metadata.name", &name.into(), why));
    }
    if !matches!(meta::text(spec, &["scope"]), "Cluster" | "Namespaced") {
        let scope = spec.get("scope").cloned().unwrap_or_else(|| "".into());
        found.push(FieldError::not_supported("spec.scope", &scope, &["Cluster", "Namespaced"]));
    }
    let versions = list(spec, "versions");
    if versions.iter().filter(|v| v.get("storage") == Some(&Value::Bool(true))).count() != 1 {
        let value = Value::Array(versions.to_vec());
        let why = "must have exactly one version marked as storage version";
        found.push(FieldError::invalid("spec.versions", &value, why));
    }
    for (i, version) in versions.iter().enumerate() {
        if meta::at(version, &["schema", "openAPIV3Schema"]).is_none() {
            let field = format!("spec.versions[{i}].schema.openAPIV3Schema");
            found.push(FieldError::required(field, ""));
        }
    }
    if meta::text(spec, &["names", "kind"]).is_empty() {
        found.push(FieldError::required("spec.names.kind", ""));
    }
    if meta::at(spec, &["conversion", "strategy"]) == Some(&Value::from("Webhook")) {
        let why = "the simulated API server does not call conversion webhooks";
        found.push(FieldError::forbidden("spec.conversion.strategy", why));
    }
    if list(object.get("status").unwrap_or(&Value::Null), "storedVersions").is_empty() {
        let why = "must have at least one stored version";
        found.push(FieldError::invalid("status.storedVersions", &Value::Null, why));
    }
    if found.is_empty() {
        found.extend(crate::crd::schema_errors(object));
    }
}
