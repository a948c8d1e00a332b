//! Faults of LimitRanges and ResourceQuotas.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names;
use crate::codec::Quantity;
use crate::internal;
use crate::meta;
use crate::status::FieldError;

/// Resources without a domain that a quota can bound.
const QUOTA: [&str; 12] = [
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

/// Resources of which there are whole numbers only.
const COUNTS: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// Whether a quota can bound the resource without a domain in its name.
fn is_standard(resource: &str) -> bool {
    QUOTA.contains(&resource) || COUNTS.contains(&resource)
}

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
        if !name.contains('/') && !huge && !is_standard(name) {
            if well_formed && !name.contains('.') {
                let why = "must be a standard resource type or fully qualified";
                found.push(FieldError::invalid(&*field, &value, why));
            }
            found.push(FieldError::invalid(&*field, &value, "must be a standard resource for quota"));
        }
        if quantity(Some(amount)).is_some_and(|q| q.sign().is_lt()) {
            found.push(FieldError::invalid(&*field, amount, "must be greater than or equal to 0"));
        }
        let whole = quantity(Some(amount)).is_none_or(|q| q.is_whole());
        if COUNTS.contains(&name.as_str()) && !whole {
            found.push(FieldError::invalid(field, amount, "must be an integer"));
        }
    }
    quota_scopes(spec, found);
    scope_selector(spec, found);
}

/// Which resources a quota of a scope can bound.
fn in_scope(scope: &str, resource: &str) -> bool {
    let compute = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => matches!(resource, "persistentvolumeclaims" | "requests.storage"),
        scope if SCOPES.contains(&scope) => resource == "pods" || compute.contains(&resource),
        _ => true,
    }
}

/// How many of the bounded resources a scope does not have.
fn out_of_scope(spec: &Value, scope: &str) -> usize {
    let hard = spec.get("hard").and_then(Value::as_object);
    let names = hard.into_iter().flat_map(|hard| hard.keys()).filter(|name| is_standard(name));
    names.filter(|name| !in_scope(scope, name)).count()
}

/// Scopes of which a quota has one at most.
fn conflicts(scopes: &[&str]) -> usize {
    let pairs = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
    pairs.iter().filter(|pair| pair.iter().all(|scope| scopes.contains(scope))).count()
}

fn quota_scopes(spec: &Value, found: &mut Vec<FieldError>) {
    let Some(shown) = spec.get("scopes") else { return };
    let scopes: Vec<&str> = shown.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut add = |why| found.push(FieldError::invalid("spec.scopes", shown, why));
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            add("unsupported scope");
        }
        (0..out_of_scope(spec, scope)).for_each(|_| add("unsupported scope applied to resource"));
    }
    (0..conflicts(&scopes)).for_each(|_| add("conflicting scopes"));
}

fn scope_selector(spec: &Value, found: &mut Vec<FieldError>) {
    let at = "spec.scopeSelector.matchExpressions";
    let expressions = meta::at(spec, &["scopeSelector", "matchExpressions"]).and_then(Value::as_array);
    let mut scopes = Vec::new();
    for expression in expressions.into_iter().flatten() {
        let (scope, operator) =
            (meta::text(expression, &["scopeName"]), meta::text(expression, &["operator"]));
        if !SCOPES.contains(&scope) {
            found.push(FieldError::invalid(format!("{at}.scopeName"), &scope.into(), "unsupported scope"));
        }
        for _ in 0..out_of_scope(spec, scope) {
            let shown = internal::json("core.ScopeSelector", spec.get("scopeSelector"));
            found.push(FieldError::invalid_shown(at, &shown, "unsupported scope applied to resource"));
        }
        let classes = matches!(scope, "PriorityClass" | "VolumeAttributesClass");
        if SCOPES.contains(&scope) && !classes && operator != "Exists" {
            let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            found.push(FieldError::invalid(format!("{at}.operator"), &operator.into(), why));
        }
        let values = expression.get("values").filter(|v| v.as_array().is_some_and(|v| !v.is_empty()));
        match (operator, values) {
            ("In" | "NotIn", None) => {
                let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                found.push(FieldError::required(format!("{at}.values"), why));
            }
            ("Exists" | "DoesNotExist", Some(values)) => {
                let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                found.push(FieldError::invalid(format!("{at}.values"), values, why));
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
            (other, _) => {
                let why = "not a valid selector operator";
                found.push(FieldError::invalid(format!("{at}.operator"), &other.into(), why));
            }
        }
        scopes.push(scope);
    }
    for _ in 0..conflicts(&scopes) {
        let shown = spec.get("scopes").unwrap_or(&Value::Null);
        found.push(FieldError::invalid(at, shown, "conflicting scopes"));
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
