//! Faults of security contexts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{list, one_of};
use crate::internal;
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

const MOST: i64 = i32::MAX as i64;
const PROFILES: [&str; 3] = ["Localhost", "RuntimeDefault", "Unconfined"];

fn identity(value: Option<&Value>, at: String, found: &mut Vec<FieldError>) {
    if let Some(id) = value.filter(|id| id.as_i64().is_some_and(|id| !(0..=MOST).contains(&id))) {
        found.push(FieldError::invalid(at, id, "must be between 0 and 2147483647, inclusive"));
    }
}

/// The security context of a container of a Pod whose spec is `pod`.
pub(super) fn container(context: &Value, pod: &Value, at: &str, found: &mut Vec<FieldError>) {
    identity(context.get("runAsUser"), format!("{at}.runAsUser"), found);
    identity(context.get("runAsGroup"), format!("{at}.runAsGroup"), found);
    if let Some(mount) = context.get("procMount") {
        one_of(&format!("{at}.procMount"), Some(mount), &["Default", "Unmasked"], found);
        if mount == "Unmasked" && pod.get("hostUsers") != Some(&Value::Bool(false)) {
            let why = "`hostUsers` must be false to use `Unmasked`";
            found.push(FieldError::invalid(format!("{at}.procMount"), mount, why));
        }
    }
    seccomp(context, at, found);
    if context.get("allowPrivilegeEscalation") == Some(&Value::Bool(false)) {
        let shown = || internal::json("core.SecurityContext", Some(context));
        if context.get("privileged") == Some(&Value::Bool(true)) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            found.push(FieldError::invalid_shown(at, &shown(), why));
        }
        let added = meta::at(context, &["capabilities", "add"]).and_then(Value::as_array);
        if added.is_some_and(|added| added.iter().any(|capability| capability == "CAP_SYS_ADMIN")) {
            let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            found.push(FieldError::invalid_shown(at, &shown(), why));
        }
    }
    if let Some(options) = context.get("windowsOptions") {
        windows(options, &format!("{at}.windowsOptions"), found);
    }
    app_armor(context, at, found);
}

fn seccomp(context: &Value, at: &str, found: &mut Vec<FieldError>) {
    let Some(profile) = context.get("seccompProfile") else { return };
    let at = format!("{at}.seccompProfile");
    let (ty, local) = (meta::text(profile, &["type"]), profile.get("localhostProfile"));
    match (ty, local) {
        ("", _) => {
            found.push(FieldError::required(
                format!("{at}.type"),
                "type is required when seccompProfile is set",
            ));
        }
        ("Localhost", None) => {
            let why = "must be set when seccomp type is Localhost";
            found.push(FieldError::required(format!("{at}.localhostProfile"), why));
        }
        ("Localhost", Some(path)) => {
            super::volumes::inside(path.as_str().unwrap_or(""), &format!("{at}.localhostProfile"), found);
        }
        (ty, _) if !PROFILES.contains(&ty) => {
            one_of(&format!("{at}.type"), profile.get("type"), &PROFILES, found);
        }
        (_, Some(_)) => {
            let shown = internal::json("core.SeccompProfile", Some(profile));
            let why = "can only be set when seccomp type is Localhost";
            found.push(FieldError::invalid_shown(format!("{at}.localhostProfile"), &shown, why));
        }
        _ => {}
    }
}

fn app_armor(context: &Value, at: &str, found: &mut Vec<FieldError>) {
    let Some(profile) = context.get("appArmorProfile") else { return };
    let at = format!("{at}.appArmorProfile");
    match (meta::text(profile, &["type"]), profile.get("localhostProfile")) {
        ("", _) => {
            let why = "type is required when appArmorProfile is set";
            found.push(FieldError::required(format!("{at}.type"), why));
        }
        ("Localhost", None) => {
            let why = "must be set when AppArmor type is Localhost";
            found.push(FieldError::required(format!("{at}.localhostProfile"), why));
        }
        ("Localhost", Some(_)) => {}
        (ty, _) if !PROFILES.contains(&ty) => {
            one_of(&format!("{at}.type"), profile.get("type"), &PROFILES, found);
        }
        (_, Some(path)) => {
            let why = "can only be set when AppArmor type is Localhost";
            found.push(FieldError::invalid(format!("{at}.localhostProfile"), path, why));
        }
        _ => {}
    }
}

fn windows(options: &Value, at: &str, found: &mut Vec<FieldError>) {
    if let Some(name) = options.get("gmsaCredentialSpecName").and_then(Value::as_str) {
        found.extend(names::faults(&format!("{at}.gmsaCredentialSpecName"), name, names::subdomain));
    }
    for (field, why) in [
        ("gmsaCredentialSpec", "gmsaCredentialSpec cannot be an empty string"),
        ("runAsUserName", "runAsUserName cannot be an empty string"),
    ] {
        if let Some(value) = options.get(field).filter(|value| *value == "") {
            found.push(FieldError::invalid(format!("{at}.{field}"), value, why));
        }
    }
}

/// The security context of a Pod.
pub(super) fn pod(spec: &Value, place: &str, found: &mut Vec<FieldError>) {
    let at = format!("{place}.securityContext");
    let flag = |field: &str| spec.get(field) == Some(&Value::Bool(true));
    if let Some(context) = spec.get("securityContext") {
        for field in ["fsGroup", "runAsUser", "runAsGroup"] {
            identity(context.get(field), format!("{at}.{field}"), found);
        }
        for (i, group) in list(context, "supplementalGroups").iter().enumerate() {
            identity(Some(group), format!("{at}.supplementalGroups[{i}]"), found);
        }
    }
    if flag("shareProcessNamespace") && flag("hostPID") {
        let why = "ShareProcessNamespace and HostPID cannot both be enabled";
        found.push(FieldError::invalid(format!("{at}.shareProcessNamespace"), &true.into(), why));
    }
    if let Some(context) = spec.get("securityContext") {
        sysctls(context, &at, &flag, found);
        let policies = ["Always", "OnRootMismatch"];
        one_of(&format!("{at}.fsGroupChangePolicy"), context.get("fsGroupChangePolicy"), &policies, found);
        seccomp(context, &at, found);
        if let Some(options) = context.get("windowsOptions") {
            windows(options, &format!("{at}.windowsOptions"), found);
        }
        app_armor(context, &at, found);
        let policy = context.get("supplementalGroupsPolicy");
        one_of(&format!("{at}.supplementalGroupsPolicy"), policy, &["Merge", "Strict"], found);
        // The other policy is one that the server has switched off.
        let policy = context.get("seLinuxChangePolicy");
        one_of(&format!("{at}.seLinuxChangePolicy"), policy, &["Recursive"], found);
    }
    if spec.get("hostUsers") == Some(&Value::Bool(false)) {
        for (field, name) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")]
        {
            if flag(field) {
                found.push(FieldError::forbidden(format!("{place}.{name}"), "when `hostUsers` is false"));
            }
        }
    }
}

fn sysctls(context: &Value, at: &str, flag: &impl Fn(&str) -> bool, found: &mut Vec<FieldError>) {
    const WHY: &str = r"must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut seen = BTreeSet::new();
    for (i, sysctl) in list(context, "sysctls").iter().enumerate() {
        let field = format!("{at}.sysctls[{i}].name");
        let name = meta::text(sysctl, &["name"]);
        let value = Value::from(name);
        if name.is_empty() {
            found.push(FieldError::required(field, ""));
            continue;
        }
        if !seen.insert(name) {
            found.push(FieldError::duplicate(&*field, &value));
        }
        if !is_sysctl(name) {
            found.push(FieldError::invalid(&*field, &value, WHY));
        }
        let dotted = name.replace('/', ".");
        if flag("hostNetwork") && dotted.starts_with("net.") {
            found.push(FieldError::invalid(
                &*field,
                &value,
                "may not be specified when 'hostNetwork' is true",
            ));
        }
        let shared = ["kernel.msg", "fs.mqueue."].iter().any(|start| dotted.starts_with(start))
            || ["kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"]
                .contains(&dotted.as_str());
        if flag("hostIPC") && shared {
            found.push(FieldError::invalid(&*field, &value, "may not be specified when 'hostIPC' is true"));
        }
    }
}

/// Parts of small letters and digits, with `-` and `_` inside, between dots or slashes.
fn is_sysctl(name: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = |part: &str| {
        let ends = [part.as_bytes().first(), part.as_bytes().last()];
        ends.iter().all(|b| b.is_some_and(|b| inside(*b)))
            && part.bytes().all(|b| inside(b) || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}
