//! Faults of LimitRanges and ResourceQuotas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;

/// Resources without a domain that a quota can bound.
const QUOTA: [&str; 21] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
    "resourceclaims",
    "storage",
];
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

fn quantity(value: Option<&Value>) -> Option<Quantity> {
    value.and_then(Value::as_str).and_then(Quantity::parse)
}

pub(super) fn quota(spec: &Value, found: &mut Vec<FieldError>) {
    for (name, amount) in spec.get("hard").and_then(Value::as_object).into_iter().flatten() {
        let field = format!("spec.hard[{name}]");
        let value = Value::from(name.as_str());
        let faults = names::faults(&field, name, names::qualified);
        let well_formed = faults.is_empty();
        found.extend(faults);
        let huge = name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
        if !name.contains('/') && !huge && !QUOTA.contains(&name.as_str()) {
            if well_formed && !name.contains('.') {
                let why = "must be a standard resource type or fully qualified";
                found.push(FieldError::invalid(&*field, &value, why));
            }
            found.push(FieldError::invalid(&*field, &value, "must be a standard resource for quota"));
        }
        if quantity(Some(amount)).is_some_and(|q| q.sign().is_lt()) {
            found.push(FieldError::invalid(field, amount, "must be greater than or equal to 0"));
        }
    }
    let scopes = spec.get("scopes").and_then(Value::as_array);
    let unknown = |scope: &Value| !scope.as_str().is_some_and(|s| SCOPES.contains(&s));
    if let Some(scopes) = scopes.filter(|scopes| scopes.iter().any(unknown)) {
        found.push(FieldError::invalid("spec.scopes", &scopes.clone().into(), "unsupported scope"));
    }
}

pub(super) fn range(spec: &Value, found: &mut Vec<FieldError>) {
    let mut types = BTreeSet::new();
    let limits = spec.get("limits").and_then(Value::as_array);
    for (i, limit) in limits.into_iter().flatten().enumerate() {
        let at = format!("spec.limits[{i}]");
        let ty = meta::text(limit, &["type"]);
        if !types.insert(ty) {
            found.push(FieldError::duplicate(format!("{at}.type"), &ty.into()));
        }
        if ty == "Pod" {
            for field in ["default", "defaultRequest"] {
                if limit.get(field).is_some() {
                    let why = "may not be specified when `type` is 'Pod'";
                    found.push(FieldError::forbidden(format!("{at}.{field}"), why));
                }
            }
        }
        let storage = |field: &str| meta::at(limit, &[field, "storage"]).is_some();
        if ty == "PersistentVolumeClaim" && !storage("min") && !storage("max") {
            let why = "either minimum or maximum storage value is required, but neither was provided";
            found.push(FieldError::required(format!("{at}.limits"), why));
        }
        bounds(limit, &at, ty, found);
    }
}

/// The order of the bounds of each resource.
fn bounds(limit: &Value, at: &str, ty: &str, found: &mut Vec<FieldError>) {
    let part = |field: &str, resource: &str| meta::at(limit, &[field, resource]).cloned();
    let resources: BTreeSet<&String> = ["min", "max", "default", "defaultRequest"]
        .iter()
        .filter_map(|field| limit.get(*field)?.as_object())
        .flat_map(|map| map.keys())
        .collect();
    for resource in resources {
        let (min, max) = (part("min", resource), part("max", resource));
        // What is left out of a container's bounds is taken from the others.
        let fill = |value: Option<Value>, other: &Option<Value>| match ty {
            "Container" => value.or_else(|| other.clone()),
            _ => value,
        };
        let default = fill(part("default", resource), &max);
        let request = fill(fill(part("defaultRequest", resource), &default), &min);
        let mut check = |field: &str,
                         shown: &Option<Value>,
                         low: (&str, &Option<Value>),
                         high: (&str, &Option<Value>)| {
            let (Some(a), Some(b)) = (quantity(low.1.as_ref()), quantity(high.1.as_ref())) else { return };
            if a.compare(&b).is_gt() {
                let value = shown.clone().unwrap_or(Value::Null);
                let why = format!("{} value {a} is greater than {} value {b}", low.0, high.0);
                found.push(FieldError::invalid(format!("{at}.{field}[{resource}]"), &value, &why));
            }
        };
        check("min", &min, ("min", &min), ("max", &max));
        check("defaultRequest", &request, ("min", &min), ("default request", &request));
        check("defaultRequest", &request, ("default request", &request), ("max", &max));
        check("defaultRequest", &request, ("default request", &request), ("default", &default));
        check("default", &min, ("min", &min), ("default", &default));
        check("default", &max, ("default", &default), ("max", &max));
    }
}
