//! Faults of probes and of hooks.

use serde_json::Value;

use super::{list, one_of, port};
use crate::meta;
use crate::status::FieldError;
use crate::validate::names;

const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

/// The probes of a container, and its hooks before them; `grace` is how long its Pod may take to end.
pub(super) fn check(container: &Value, grace: i64, at: &str, found: &mut Vec<FieldError>) {
    hooks(container, grace, at, found);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(one) = container.get(name) {
            probe(name, one, &format!("{at}.{name}"), found);
        }
    }
}

fn hooks(container: &Value, grace: i64, at: &str, found: &mut Vec<FieldError>) {
    for hook in ["postStart", "preStop"] {
        let Some(handler) = meta::at(container, &["lifecycle", hook]) else { continue };
        let at = format!("{at}.lifecycle.{hook}");
        handler_of(handler, &["exec", "httpGet", "tcpSocket", "sleep"], &at, found);
        if let Some(seconds) = meta::at(handler, &["sleep", "seconds"]).and_then(Value::as_i64)
            && !(0..=grace).contains(&seconds)
        {
            let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            found.push(FieldError::invalid(format!("{at}.sleep"), &seconds.into(), &why));
        }
    }
}

fn probe(name: &str, probe: &Value, at: &str, found: &mut Vec<FieldError>) {
    handler_of(probe, &HANDLERS, at, found);
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        if let Some(value) = probe.get(field).filter(|value| value.as_i64().is_some_and(|n| n < 0)) {
            let why = "must be greater than or equal to 0";
            found.push(FieldError::invalid(format!("{at}.{field}"), value, why));
        }
    }
    let grace = probe.get("terminationGracePeriodSeconds");
    let grace_at = format!("{at}.terminationGracePeriodSeconds");
    if name == "readinessProbe" {
        if let Some(grace) = grace {
            found.push(FieldError::invalid(grace_at, grace, "must not be set for readinessProbes"));
        }
        return;
    }
    if let Some(grace) = grace.filter(|grace| grace.as_i64().is_some_and(|grace| grace <= 0)) {
        found.push(FieldError::invalid(grace_at, grace, "must be greater than 0"));
    }
    if let Some(many) = probe.get("successThreshold").filter(|many| many.as_i64() != Some(1)) {
        found.push(FieldError::invalid(format!("{at}.successThreshold"), many, "must be 1"));
    }
}

/// What is done: one of several things.
fn handler_of(handler: &Value, kinds: &[&str], at: &str, found: &mut Vec<FieldError>) {
    let mut first = true;
    for kind in kinds {
        let Some(one) = handler.get(*kind) else { continue };
        let at = format!("{at}.{kind}");
        if !first {
            found.push(FieldError::forbidden(at, "may not specify more than 1 handler type"));
            continue;
        }
        first = false;
        match *kind {
            "exec" if list(one, "command").is_empty() => {
                found.push(FieldError::required(format!("{at}.command"), ""));
            }
            "httpGet" => http_get(one, &at, found),
            "tcpSocket" => number_or_name(one, &at, found),
            "grpc" => port(&format!("{at}.port"), Some(one.get("port").unwrap_or(&0.into())), found),
            _ => {}
        }
    }
    if first {
        found.push(FieldError::required(at, "must specify a handler type"));
    }
}

fn http_get(get: &Value, at: &str, found: &mut Vec<FieldError>) {
    if meta::text(get, &["path"]).is_empty() {
        found.push(FieldError::required(format!("{at}.path"), ""));
    }
    number_or_name(get, at, found);
    one_of(&format!("{at}.scheme"), get.get("scheme"), &["HTTP", "HTTPS"], found);
    for header in list(get, "httpHeaders") {
        let name = meta::text(header, &["name"]);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            let why = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
            found.push(FieldError::invalid(format!("{at}.httpHeaders"), &name.into(), why));
        }
    }
}

/// A port by its number or its name.
fn number_or_name(socket: &Value, at: &str, found: &mut Vec<FieldError>) {
    let at = format!("{at}.port");
    match socket.get("port") {
        Some(Value::String(name)) => found.extend(names::faults(&at, name, names::port)),
        other => port(&at, Some(other.unwrap_or(&0.into())), found),
    }
}
