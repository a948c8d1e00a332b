//! Faults of HorizontalPodAutoscalers.

use serde_json::Value;

use crate::meta;
use crate::status::FieldError;

/// The types of metrics and the fields that hold their sources.
const SOURCES: [(&str, &str); 5] = [
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

pub(super) fn autoscaler(spec: &Value, found: &mut Vec<FieldError>) {
    let max = spec.get("maxReplicas").and_then(Value::as_i64).unwrap_or(0);
    let min = spec.get("minReplicas").and_then(Value::as_i64).unwrap_or(1);
    if min < 1 {
        let why = "must be greater than or equal to 1";
        found.push(FieldError::invalid("spec.minReplicas", &min.into(), why));
    }
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
    let metrics = spec.get("metrics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or(&[]);
    for (i, metric) in metrics.iter().enumerate() {
        check_metric(metric, &format!("spec.metrics[{i}]"), found);
    }
    let outer = metrics.iter().any(|m| matches!(meta::text(m, &["type"]), "Object" | "External"));
    if min == 0 && !outer {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        found.push(FieldError::forbidden("spec.metrics", why));
    }
}

fn check_metric(metric: &Value, at: &str, found: &mut Vec<FieldError>) {
    let ty = meta::text(metric, &["type"]);
    let Some((_, field)) = SOURCES.iter().find(|(name, _)| *name == ty) else {
        let names = SOURCES.map(|(name, _)| name);
        // The real server says it twice.
        for _ in 0..2 {
            found.push(FieldError::not_supported(format!("{at}.type"), &ty.into(), &names));
        }
        return;
    };
    let Some(source) = metric.get(*field) else {
        let why = "must populate information for the given metric source";
        found.push(FieldError::required(format!("{at}.{field}"), why));
        return;
    };
    if *field == "resource" {
        check_target(source.get("target").unwrap_or(&Value::Null), &format!("{at}.resource.target"), found);
    }
}

fn check_target(target: &Value, at: &str, found: &mut Vec<FieldError>) {
    let ty = meta::text(target, &["type"]);
    if !matches!(ty, "Utilization" | "Value" | "AverageValue") {
        let why = "must be either Utilization, Value, or AverageValue";
        found.push(FieldError::invalid(format!("{at}.type"), &ty.into(), why));
    }
    match target.get("averageUtilization") {
        Some(share) if share.as_i64().is_some_and(|n| n < 1) => {
            found.push(FieldError::invalid(
                format!("{at}.averageUtilization"),
                share,
                "must be greater than 0",
            ));
        }
        None if target.get("averageValue").is_none() => {
            let why = "must set either a target raw value or a target utilization";
            found.push(FieldError::required(format!("{at}.averageUtilization"), why));
        }
        _ => {}
    }
}
