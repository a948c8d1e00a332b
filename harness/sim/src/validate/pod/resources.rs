//! Faults of what containers request and are limited to.

use serde_json::{Map, Value};

use super::one_of;
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

fn quantity(value: &Value) -> Option<Quantity> {
    value.as_str().and_then(Quantity::parse)
}

/// `example.com/device`: a resource that the cluster does not know by itself.
fn is_extended(name: &str) -> bool {
    let domain = name.split_once('/').map(|(domain, _)| domain);
    let native = domain.is_none_or(|domain| domain == "kubernetes.io" || domain.ends_with(".kubernetes.io"));
    !native && !name.starts_with("requests.") && names::qualified(&format!("requests.{name}")).is_empty()
}

fn is_huge(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// The names of resources that containers can have.
fn name_faults(name: &str, at: &str, found: &mut Vec<FieldError>) {
    let value = Value::from(name);
    found.extend(names::faults(at, name, names::qualified));
    let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name) || is_huge(name);
    if !name.contains('/') {
        let known = [
            "storage",
            "pods",
            "services",
            "secrets",
            "configmaps",
            "persistentvolumeclaims",
            "resourcequotas",
            "replicationcontrollers",
        ];
        if !standard && !known.contains(&name) && !name.contains('.') {
            let why = "must be a standard resource type or fully qualified";
            found.push(FieldError::invalid(at, &value, why));
        }
        if !standard {
            found.push(FieldError::invalid(at, &value, "must be a standard resource for containers"));
        }
    } else if !name.starts_with("kubernetes.io/") && !is_extended(name) {
        found.push(FieldError::invalid(at, &value, "doesn't follow extended resource name standard"));
    }
}

fn amount(name: &str, value: &Value, at: &str, found: &mut Vec<FieldError>) {
    let Some(read) = quantity(value) else { return };
    if read.sign().is_lt() {
        found.push(FieldError::invalid(at, value, "must be greater than or equal to 0"));
    }
    if is_extended(name) && !read.is_whole() {
        found.push(FieldError::invalid(at, value, "must be an integer"));
    }
}

/// The faults of the resources of a container, at `at`.
pub(super) fn check(container: &Value, at: &str, found: &mut Vec<FieldError>) {
    let empty = Map::new();
    let part =
        |field: &str| meta::at(container, &["resources", field]).and_then(Value::as_object).unwrap_or(&empty);
    let (limits, requests) = (part("limits"), part("requests"));
    for (name, value) in limits {
        let at = format!("{at}.resources.limits[{name}]");
        name_faults(name, &at, found);
        amount(name, value, &at, found);
    }
    for (name, value) in requests {
        let at_name = format!("{at}.resources.requests[{name}]");
        name_faults(name, &at_name, found);
        amount(name, value, &at_name, found);
        // Devices and huge pages are not shared.
        let fixed = is_extended(name) || is_huge(name);
        let Some(limit) = limits.get(name) else {
            if fixed {
                let why = "Limit must be set for non overcommitable resources";
                found.push(FieldError::required(format!("{at}.resources.limits"), why));
            }
            continue;
        };
        let (Some(asked), Some(bound)) = (quantity(value), quantity(limit)) else { continue };
        let order = asked.compare(&bound);
        let shown = limit.as_str().unwrap_or("");
        let why = match fixed {
            true if order.is_ne() => format!("must be equal to {name} limit of {shown}"),
            false if order.is_gt() => format!("must be less than or equal to {name} limit of {shown}"),
            _ => continue,
        };
        found.push(FieldError::invalid(format!("{at}.resources.requests"), value, &why));
    }
    let has = |named: &dyn Fn(&str) -> bool| limits.keys().chain(requests.keys()).any(|name| named(name));
    if has(&is_huge) && !has(&|name| matches!(name, "cpu" | "memory")) {
        found.push(FieldError::forbidden(format!("{at}.resources"), "HugePages require cpu or memory"));
    }
}

/// What becomes of a container when its resources change.
pub(super) fn policies(container: &Value, at: &str, found: &mut Vec<FieldError>) {
    for policy in super::list(container, "resizePolicy") {
        let at = format!("{at}.resizePolicy");
        one_of(&at, policy.get("resourceName"), &["cpu", "memory"], found);
        one_of(&at, policy.get("restartPolicy"), &["NotRequired", "RestartContainer"], found);
    }
}
