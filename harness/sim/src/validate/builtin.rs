//! Faults of the specs of built-in kinds.

use super::list;
use std::collections::BTreeSet;

use serde_json::Value;

use super::pod::{in_order, one_of};
use super::{autoscale, definition, event, job, limits, names, network, pod, storage};
use crate::internal;
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
        ("", "PersistentVolumeClaim") => storage::claim(spec, "spec", &mut found),
        ("apps", "Deployment") => {
            workload_of("Deployment", spec, &mut found);
            deployment_strategy(spec, &mut found);
            let numbers = ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"];
            not_negative(spec, "spec", &numbers, &mut found);
            let number = |field: &str| spec.get(field).and_then(Value::as_i64);
            if let Some(deadline) = number("progressDeadlineSeconds")
                && deadline <= number("minReadySeconds").unwrap_or(0)
            {
                let why = "must be greater than minReadySeconds";
                found.push(FieldError::invalid("spec.progressDeadlineSeconds", &deadline.into(), why));
            }
        }
        ("apps", "StatefulSet") => {
            stateful_set(spec, &mut found);
            workload_of(&kind.kind, spec, &mut found);
        }
        ("apps", "ReplicaSet" | "DaemonSet") => {
            workload_of(&kind.kind, spec, &mut found);
            if kind.kind == "DaemonSet" {
                update_strategy(spec, &mut found);
            }
        }
        ("batch", "Job") => job::check(object, &mut found),
        ("batch", "CronJob") => job::cron(meta::name(object), spec, &mut found),
        ("networking.k8s.io", "Ingress") => network::ingress(spec, &mut found),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(spec, &mut found),
        ("policy", "PodDisruptionBudget") if disruption_budget(spec, &mut found) => {}
        ("policy", "PodDisruptionBudget")
            if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() =>
        {
            found.push(FieldError::invalid_shown(
                "spec",
                &internal::json("policy.PodDisruptionBudgetSpec", Some(spec)),
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
        ("autoscaling", "HorizontalPodAutoscaler") => autoscale::autoscaler(spec, &mut found),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => rules(kind, object, &mut found),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            binding(kind, object, &mut found)
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            let name = meta::name(object);
            let system = name.starts_with("system-");
            if system && !matches!(name, "system-cluster-critical" | "system-node-critical") {
                let why = format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a known system priority class"
                );
                found.push(FieldError::forbidden("metadata.name", &why));
            }
            if !system && object.get("value").and_then(Value::as_i64).is_some_and(|v| v > 1_000_000_000) {
                let why = "maximum allowed value of a user defined priority is 1000000000";
                found.push(FieldError::forbidden("value", why));
            }
            let policies = ["PreemptLowerPriority", "Never"];
            in_order("preemptionPolicy", object.get("preemptionPolicy"), &policies, &mut found);
        }
        ("storage.k8s.io", "StorageClass") => storage::class(object, &mut found),
        ("networking.k8s.io", "IngressClass") => ingress_class(spec, &mut found),
        ("discovery.k8s.io", "EndpointSlice") => network::slice(object, &mut found),
        ("", "PersistentVolume") => storage::volume(spec, &mut found),
        ("", "LimitRange") => limits::range(spec, &mut found),
        ("", "ResourceQuota") => limits::quota(spec, &mut found),
        ("", "Node") => node(spec, &mut found),
        ("" | "events.k8s.io", "Event") => event::check(&kind.group, object, &mut found),
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => {
            webhooks(object, &mut found);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition::check(object, &mut found),
        ("apiregistration.k8s.io", "APIService") => api_service(object, spec, &mut found),
        _ => {}
    }
    found
}

fn api_service(object: &Value, spec: &Value, found: &mut Vec<FieldError>) {
    let name = meta::name(object);
    let wanted = format!("{}.{}", meta::text(spec, &["version"]), meta::text(spec, &["group"]));
    if name != wanted {
        let why = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        found.push(FieldError::invalid("metadata.name", &name.into(), &why));
    }
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let value = spec.get(field).and_then(Value::as_i64).unwrap_or(0);
        if value <= 0 || value > most {
            let why = format!("must be positive and less than {most}");
            found.push(FieldError::invalid(format!("spec.{field}"), &value.into(), &why));
        }
    }
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
        "kubernetes.io/service-account-token" => {
            let account = "kubernetes.io/service-account.name";
            if meta::text(object, &["metadata", "annotations", account]).is_empty() {
                found.push(FieldError::required(format!("metadata.annotations[{account}]"), ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in required {
        if meta::at(object, &["data", key]).is_none() {
            found.push(FieldError::required(format!("data[{key}]"), ""));
        }
    }
}

/// Whether a `LabelSelector` selects these labels; without a selector nothing is.
pub(crate) fn selects(selector: Option<&Value>, labels: Option<&Value>) -> bool {
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
    let others = ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"];
    not_negative(spec, "spec", &["replicas"], found);
    // A Deployment's come behind its strategy.
    if kind != "Deployment" {
        not_negative(spec, "spec", &others, found);
    }
    let selector = spec.get("selector");
    if selector.is_some_and(|selector| !check_selector(selector, found)) {
        // What it selects cannot be said.
        return;
    }
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
    let template = spec.get("template").unwrap_or(&Value::Null);
    if kind == "StatefulSet" {
        // The real server looks at these twice.
        found.extend(pod::template_metadata(template, "spec.template"));
    }
    found.extend(pod::template(template, "spec.template", &["Always"]));
    if meta::at(template, &["spec", "activeDeadlineSeconds"]).is_some() {
        // The real server has one text for most kinds.
        let name = if matches!(kind, "DaemonSet" | "StatefulSet") { kind } else { "ReplicaSet" };
        let why = format!("activeDeadlineSeconds in {name} is not Supported");
        found.push(FieldError::forbidden("spec.template.spec.activeDeadlineSeconds", &why));
    }
}

/// Numbers that must not be below nothing.
pub(super) fn not_negative(value: &Value, at: &str, fields: &[&str], found: &mut Vec<FieldError>) {
    for field in fields {
        if let Some(number) = value.get(*field)
            && number.as_i64().is_some_and(|n| n < 0)
        {
            let why = "must be greater than or equal to 0";
            found.push(FieldError::invalid(format!("{at}.{field}"), number, why));
        }
    }
}

/// Whether a selector's expressions can be carried out; what is wrong with it otherwise.
fn check_selector(selector: &Value, found: &mut Vec<FieldError>) -> bool {
    let before = found.len();
    for (i, expression) in list(selector, "matchExpressions").iter().enumerate() {
        let at = format!("spec.selector.matchExpressions[{i}]");
        let has_values = !list(expression, "values").is_empty();
        match meta::text(expression, &["operator"]) {
            "In" | "NotIn" if !has_values => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                found.push(FieldError::required(format!("{at}.values"), why));
            }
            "Exists" | "DoesNotExist" if has_values => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                found.push(FieldError::forbidden(format!("{at}.values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                found.push(FieldError::invalid(format!("{at}.operator"), &other.into(), why));
            }
        }
    }
    if found.len() == before {
        return true;
    }
    let shown = internal::json("*meta.LabelSelector", Some(selector));
    found.push(FieldError::invalid_shown("spec.selector", &shown, "invalid label selector"));
    false
}

fn stateful_set(spec: &Value, found: &mut Vec<FieldError>) {
    let management = meta::text(spec, &["podManagementPolicy"]);
    if !matches!(management, "" | "OrderedReady" | "Parallel") {
        let why = "must be 'OrderedReady' or 'Parallel'";
        found.push(FieldError::invalid("spec.podManagementPolicy", &management.into(), why));
    }
    let strategy = meta::text(spec, &["updateStrategy", "type"]);
    if !matches!(strategy, "" | "RollingUpdate" | "OnDelete") {
        let shown = internal::json("apps.StatefulSetUpdateStrategy", spec.get("updateStrategy"));
        let why = "must be 'RollingUpdate' or 'OnDelete'";
        found.push(FieldError::invalid_shown("spec.updateStrategy", &shown, why));
    }
}

fn update_strategy(spec: &Value, found: &mut Vec<FieldError>) {
    let strategy = spec.get("updateStrategy").unwrap_or(&Value::Null);
    match meta::text(strategy, &["type"]) {
        "RollingUpdate" => {
            let most = |field: &str| meta::at(strategy, &["rollingUpdate", field]);
            if is_nothing(most("maxUnavailable")) && is_nothing(most("maxSurge")) {
                let at = "spec.updateStrategy.rollingUpdate.maxUnavailable";
                found.push(FieldError::required(at, "cannot be 0 when maxSurge is 0"));
            }
        }
        "" | "OnDelete" => {}
        other => {
            let shown = format!("{{\"Type\":{other:?},\"RollingUpdate\":null}}");
            let body =
                format!("Unsupported value: {shown}: supported values: \"RollingUpdate\", \"OnDelete\"");
            let fault = Fault::NotSupported;
            found.push(FieldError { fault, field: "spec.updateStrategy".to_owned(), body });
        }
    }
}

/// Whether something is wrong with the amounts of a budget.
fn disruption_budget(spec: &Value, found: &mut Vec<FieldError>) -> bool {
    if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() {
        return false;
    }
    for field in ["minAvailable", "maxUnavailable"] {
        let at = format!("spec.{field}");
        match spec.get(field) {
            Some(Value::String(text)) => {
                let digits = text.strip_suffix('%').unwrap_or("");
                if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                    let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                    found.push(FieldError::invalid(at, &text.as_str().into(), why));
                }
            }
            Some(number) if number.as_i64().is_some_and(|n| n < 0) => {
                found.push(FieldError::invalid(at, number, "must be greater than or equal to 0"));
            }
            _ => {}
        }
    }
    let policies = ["AlwaysAllow", "IfHealthyBudget"];
    one_of("spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"), &policies, found);
    !found.is_empty()
}

fn ingress_class(spec: &Value, found: &mut Vec<FieldError>) {
    let controller = meta::text(spec, &["controller"]);
    let good = controller.split_once('/').is_some_and(|(domain, path)| {
        names::subdomain(domain).is_empty() && !path.is_empty() && !path.contains(char::is_whitespace)
    });
    if !controller.is_empty() && !good {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        found.push(FieldError::invalid("spec.controller", &controller.into(), why));
    }
}

fn node(spec: &Value, found: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (i, taint) in list(spec, "taints").iter().enumerate() {
        let at = format!("metadata.taints[{i}]");
        found.extend(names::faults(&format!("{at}.key"), meta::text(taint, &["key"]), names::qualified));
        let value = meta::text(taint, &["value"]);
        found.extend(names::faults(&format!("{at}.value"), value, names::label_value));
        let effect = meta::text(taint, &["effect"]);
        if effect.is_empty() {
            found.push(FieldError::required(format!("{at}.effect"), ""));
        } else {
            let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
            in_order(&format!("{at}.effect"), taint.get("effect"), &effects, found);
        }
        if !seen.insert((meta::text(taint, &["key"]), effect)) {
            let shown = internal::json("core.Taint", Some(taint));
            let body = format!("Duplicate value: {shown}: taints must be unique by key and effect pair");
            found.push(FieldError { fault: Fault::Duplicate, field: at, body });
        }
    }
    let range = meta::text(spec, &["podCIDR"]);
    if !range.is_empty() && network::cidr(range).is_none() {
        found.push(FieldError::invalid("spec.podCIDRs[0]", &range.into(), network::CIDR));
    }
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
            } else if ["apiGroups", "resources", "resourceNames"].iter().any(|f| !list(rule, f).is_empty()) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
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
    if let Some(aggregation) = object.get("aggregationRule")
        && list(aggregation, "clusterRoleSelectors").is_empty()
    {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        found.push(FieldError::required("aggregationRule.clusterRoleSelectors", why));
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
