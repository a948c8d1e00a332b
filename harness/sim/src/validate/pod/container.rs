//! Faults of one container.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{env, handlers, list, one_of, port, resources, security};
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

/// What stands around a container.
pub(super) struct Around<'v> {
    /// The spec of the Pod.
    pub(super) spec: &'v Value,
    /// The names of its volumes.
    pub(super) volumes: &'v BTreeSet<&'v str>,
    /// Whether it is a Pod, and not the template of one.
    pub(super) is_pod: bool,
}

/// The faults of a container at `at`; `first` says whether it ends before the others start.
pub(super) fn check(
    container: &Value,
    around: &Around<'_>,
    first: bool,
    at: &str,
    found: &mut Vec<FieldError>,
) {
    let name = meta::text(container, &["name"]);
    if name.is_empty() {
        found.push(FieldError::required(format!("{at}.name"), ""));
    } else {
        found.extend(names::faults(&format!("{at}.name"), name, names::label));
    }
    let image = meta::text(container, &["image"]);
    if image.is_empty() {
        found.push(FieldError::required(format!("{at}.image"), ""));
    } else if image.trim() != image && around.is_pod {
        // Templates of workloads are not looked at so closely.
        let why = "must not have leading or trailing whitespace";
        found.push(FieldError::invalid(format!("{at}.image"), &image.into(), why));
    }
    let policies = ["File", "FallbackToLogsOnError"];
    let policy = container.get("terminationMessagePolicy");
    super::in_order(&format!("{at}.terminationMessagePolicy"), policy, &policies, found);
    ports(container, at, found);
    env::check(container, at, found);
    mounts(container, around, at, found);
    devices(container, around, at, found);
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(&format!("{at}.imagePullPolicy"), container.get("imagePullPolicy"), &policies, found);
    resources::check(container, at, found);
    claims(container, around.spec, at, found);
    resources::policies(container, at, found);
    if let Some(context) = container.get("securityContext") {
        security::container(context, around.spec, &format!("{at}.securityContext"), found);
    }
    let policies = ["Always", "Never", "OnFailure"];
    one_of(&format!("{at}.restartPolicy"), container.get("restartPolicy"), &policies, found);
    let stays = container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    if first && !stays {
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if container.get(field).is_some() {
                let why = "may not be set for init containers without restartPolicy=Always";
                found.push(FieldError::forbidden(format!("{at}.{field}"), why));
            }
        }
        return;
    }
    let grace = around.spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
    handlers::check(container, grace, at, found);
}

fn ports(container: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (i, entry) in list(container, "ports").iter().enumerate() {
        let place = format!("{at}.ports[{i}]");
        let name = meta::text(entry, &["name"]);
        if !name.is_empty() {
            let faults = names::faults(&format!("{place}.name"), name, names::port);
            if faults.is_empty() && !seen.insert(name) {
                found.push(FieldError::duplicate(format!("{place}.name"), &name.into()));
            }
            found.extend(faults);
        }
        match entry.get("containerPort").and_then(Value::as_i64) {
            None | Some(0) => found.push(FieldError::required(format!("{place}.containerPort"), "")),
            Some(_) => port(&format!("{place}.containerPort"), entry.get("containerPort"), found),
        }
        if entry.get("hostPort").and_then(Value::as_i64) != Some(0) {
            port(&format!("{place}.hostPort"), entry.get("hostPort"), found);
        }
        one_of(&format!("{place}.protocol"), entry.get("protocol"), &["TCP", "UDP", "SCTP"], found);
    }
}

fn texts<'v>(container: &'v Value, field: &str, key: &str) -> Vec<&'v str> {
    list(container, field)
        .iter()
        .map(|item| meta::text(item, &[key]))
        .filter(|text| !text.is_empty())
        .collect()
}

fn mounts(container: &Value, around: &Around<'_>, at: &str, found: &mut Vec<FieldError>) {
    let (device_names, device_paths) =
        (texts(container, "volumeDevices", "name"), texts(container, "volumeDevices", "devicePath"));
    let privileged = meta::at(container, &["securityContext", "privileged"]) == Some(&Value::Bool(true));
    let mut seen = BTreeSet::new();
    for (i, mount) in list(container, "volumeMounts").iter().enumerate() {
        let place = format!("{at}.volumeMounts[{i}]");
        let volume = meta::text(mount, &["name"]);
        let path = meta::text(mount, &["mountPath"]);
        if volume.is_empty() {
            found.push(FieldError::required(format!("{place}.name"), ""));
        }
        if !around.volumes.contains(volume) {
            found.push(FieldError::not_found(format!("{place}.name"), &volume.into()));
        }
        if path.is_empty() {
            found.push(FieldError::required(format!("{place}.mountPath"), ""));
        } else if !seen.insert(path) {
            found.push(FieldError::invalid(format!("{place}.mountPath"), &path.into(), "must be unique"));
        }
        if device_names.contains(&volume) {
            let why = "must not already exist in volumeDevices";
            found.push(FieldError::invalid(format!("{place}.name"), &volume.into(), why));
        }
        if device_paths.contains(&path) {
            let why = "must not already exist as a path in volumeDevices";
            found.push(FieldError::invalid(format!("{place}.mountPath"), &path.into(), why));
        }
        // Messages about the rest do not say which mount.
        let rest = format!("{at}.volumeMounts");
        let (sub, expression) = (meta::text(mount, &["subPath"]), meta::text(mount, &["subPathExpr"]));
        super::volumes::inside(sub, &format!("{rest}.subPath"), found);
        if !expression.is_empty() {
            if !sub.is_empty() {
                let why = "subPathExpr and subPath are mutually exclusive";
                found.push(FieldError::invalid(format!("{place}.subPathExpr"), &expression.into(), why));
            }
            super::volumes::inside(expression, &format!("{rest}.subPathExpr"), found);
        }
        let propagation = mount.get("mountPropagation");
        let kinds = ["Bidirectional", "HostToContainer", "None"];
        one_of(&format!("{rest}.mountPropagation"), propagation, &kinds, found);
        let propagation = propagation.and_then(Value::as_str);
        if propagation == Some("Bidirectional") && !privileged {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            found.push(FieldError::forbidden(format!("{rest}.mountPropagation"), why));
        }
        recursive(mount, propagation, &format!("{rest}.recursiveReadOnly"), found);
    }
}

fn recursive(mount: &Value, propagation: Option<&str>, at: &str, found: &mut Vec<FieldError>) {
    let Some(recursive) = mount.get("recursiveReadOnly") else { return };
    match recursive.as_str().unwrap_or("") {
        "Enabled" | "IfPossible" => {
            if mount.get("readOnly") != Some(&Value::Bool(true)) {
                found.push(FieldError::forbidden(at, "may only be specified when readOnly is true"));
            }
            if propagation.is_some_and(|kind| kind != "None") {
                let why = "may only be specified when mountPropagation is None or not specified";
                found.push(FieldError::forbidden(at, why));
            }
        }
        "Disabled" => {}
        _ => one_of(at, Some(recursive), &["Disabled", "Enabled", "IfPossible"], found),
    }
}

fn devices(container: &Value, around: &Around<'_>, at: &str, found: &mut Vec<FieldError>) {
    let mount_names = texts(container, "volumeMounts", "name");
    let block = |name: &str| {
        let volume = list(around.spec, "volumes").iter().find(|v| meta::text(v, &["name"]) == name);
        volume.is_some_and(|v| v.get("persistentVolumeClaim").is_some() || v.get("ephemeral").is_some())
    };
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (i, device) in list(container, "volumeDevices").iter().enumerate() {
        let place = format!("{at}.volumeDevices[{i}]");
        let (name, path) = (meta::text(device, &["name"]), meta::text(device, &["devicePath"]));
        let (value, shown_path) = (Value::from(name), Value::from(path));
        let field = format!("{place}.name");
        if name.is_empty() {
            found.push(FieldError::required(&*field, ""));
        }
        if !name.is_empty() && !names.insert(name) {
            found.push(FieldError::invalid(&*field, &value, "must be unique"));
        }
        let known = around.volumes.contains(name);
        if !known {
            found.push(FieldError::not_found(&*field, &value));
        } else if !block(name) {
            let why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            found.push(FieldError::invalid(&*field, &value, why));
        }
        let at_path = format!("{place}.devicePath");
        if path.is_empty() {
            found.push(FieldError::required(&*at_path, ""));
        } else if !paths.insert(path) {
            found.push(FieldError::invalid(&*at_path, &shown_path, "must be unique"));
        }
        if path.split('/').any(|part| part == "..") {
            found.push(FieldError::invalid(&*at_path, &shown_path, "can not contain backsteps ('..')"));
        }
        if !name.is_empty() && mount_names.contains(&name) {
            found.push(FieldError::invalid(field, &value, "must not already exist in volumeMounts"));
        }
    }
}

/// The claims of a Pod that a container uses.
fn claims(container: &Value, spec: &Value, at: &str, found: &mut Vec<FieldError>) {
    let claims = meta::at(container, &["resources", "claims"]).and_then(Value::as_array);
    let known = texts(spec, "resourceClaims", "name");
    for (i, claim) in claims.into_iter().flatten().enumerate() {
        let name = meta::text(claim, &["name"]);
        if known.contains(&name) {
            continue;
        }
        let mut fault = FieldError::not_found(format!("{at}.resources.claims[{i}]"), &name.into());
        let all = if known.is_empty() { " which is empty" } else { "" };
        fault.body.push_str(&format!(": must be one of the names in pod.spec.resourceClaims{all}"));
        found.push(fault);
    }
}
