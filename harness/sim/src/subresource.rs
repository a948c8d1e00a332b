//! Subresources: status, scale, and the few others that something in a GitOps cluster uses.

use http::Method;
use serde_json::{Map, Value, json};

use crate::convert;
use crate::decode::decode_parsed;
use crate::delete::{Deletion, delete};
use crate::kind::Kind;
use crate::managed_fields;
use crate::meta;
use crate::object::{Key, Object};
use crate::route::Target;
use crate::serve::{Answer, Ctx};
use crate::status::{FieldError, Refusal, Result, success};
use crate::write::{Outcome, Tracking, commit, replace, update_object, with_writer};
use crate::{network, patch, rbac, read};

pub(crate) fn serve(ctx: &mut Ctx<'_>, kind: &Kind, target: &Target, subresource: &str) -> Result<Answer> {
    let first = subresource.split('/').next().unwrap_or("");
    let known = kind.subresource(first).ok_or_else(Refusal::no_such_path)?;
    let verb = match ctx.request.method.as_str() {
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "POST" => "create",
        "DELETE" => "delete",
        _ => return Err(Refusal::method_not_allowed()),
    };
    if !known.verbs.iter().any(|v| v == verb) {
        return Err(Refusal::method_not_allowed());
    }
    let name = target.name.as_deref().unwrap_or("");
    let namespace = target.namespace.as_str();
    match (first, verb) {
        ("status", "get") => read::get(ctx, kind, namespace, name),
        ("status", "update") => replace(ctx, kind, namespace, name, "status"),
        ("status", "patch") => patch::patch(ctx, kind, namespace, name, "status"),
        ("scale", _) => scale(ctx, kind, namespace, name),
        ("finalize", "update") => finalize(ctx, kind, name),
        ("binding", "create") => bind(ctx, kind, namespace, name),
        ("eviction", "create") => evict(ctx, kind, namespace, name),
        ("token", "create") => token(ctx, kind, namespace, name),
        ("log", "get") if ctx.state.get(&kind.table(), &Key::new(namespace, name)).is_none() => {
            Err(Refusal::not_found(kind, name))
        }
        // No kubelet has the Pod yet: there is nothing to show, and nobody to connect to.
        ("log", "get") if !is_assigned(ctx, kind, namespace, name) => Ok(Answer::text("")),
        ("log", "get") => {
            let pod = ctx.state.get(&kind.table(), &Key::new(namespace, name));
            let shown = pod.and_then(|pod| network::log(ctx, pod.value()));
            shown
                .unwrap_or_else(|| Err(Refusal::unsupported(&format!("the subresource {}/log", kind.plural))))
        }
        ("proxy", _) if kind.is("", "Service") => {
            let path = subresource.strip_prefix("proxy").unwrap_or_default();
            ctx.asks = Some(network::service_proxy(ctx, target, if path.is_empty() { "/" } else { path })?);
            // What it says takes this one's place, after the lock.
            Ok(Answer::text(""))
        }
        ("exec" | "attach" | "portforward", _) => {
            match ctx.state.get(&kind.table(), &Key::new(namespace, name)) {
                None => Err(Refusal::not_found(kind, name)),
                Some(_) if !is_assigned(ctx, kind, namespace, name) => {
                    Err(Refusal::bad_request(format!("pod {name} does not have a host assigned")))
                }
                Some(_) => Err(Refusal::unsupported(&format!("the subresource {}/{first}", kind.plural))),
            }
        }
        (other, _) => Err(Refusal::unsupported(&format!("the subresource {}/{other}", kind.plural))),
    }
}

/// Whether a Pod has a node.
fn is_assigned(ctx: &Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> bool {
    let pod = ctx.state.get(&kind.table(), &Key::new(namespace, name));
    pod.is_some_and(|pod| !meta::text(pod.value(), &["spec", "nodeName"]).is_empty())
}

/// Where the replicas stand.
struct Places {
    spec: Vec<String>,
    status: Vec<String>,
    selector: Option<Vec<String>>,
}

fn places(kind: &Kind) -> Option<Places> {
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    match kind {
        Kind::Custom(version) => version.scale.as_ref().map(|s| Places {
            spec: s.spec.clone(),
            status: s.status.clone(),
            selector: s.selector.clone(),
        }),
        Kind::BuiltIn(_) => Some(Places {
            spec: path("spec.replicas"),
            status: path("status.replicas"),
            selector: Some(path("spec.selector")),
        }),
    }
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// A selector as text: labels in order, then expressions.
pub(crate) fn selector_text(selector: &Value) -> String {
    if let Value::String(text) = selector {
        return text.clone();
    }
    let plain = selector.get("matchLabels").is_none() && selector.get("matchExpressions").is_none();
    let labels = if plain { Some(selector) } else { selector.get("matchLabels") };
    let mut parts: Vec<String> = labels
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    parts.sort();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = meta::text(expression, &["key"]);
        let values: Vec<&str> = expression
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match meta::text(expression, &["operator"]) {
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            operator => format!("{key} {} ({})", operator.to_lowercase(), values.join(",")),
        });
    }
    parts.join(",")
}

fn scale_of(object: &Value, places: &Places) -> Value {
    let meta_field = |field: &str| meta::at(object, &["metadata", field]).cloned();
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta_field(field) {
            metadata.insert(field.to_owned(), value);
        }
    }
    let replicas = at(object, &places.spec).cloned().unwrap_or_else(|| 0.into());
    let spec = if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) };
    let mut status = json!({"replicas": at(object, &places.status).cloned().unwrap_or_else(|| 0.into())});
    let selector = places.selector.as_ref().and_then(|path| at(object, path)).map(selector_text);
    if let Some(selector) = selector.filter(|s| !s.is_empty()) {
        status["selector"] = selector.into();
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
}

fn set_at(value: &mut Value, path: &[String], new: Value) {
    match path {
        [] => *value = new,
        [key, rest @ ..] => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(map) = value {
                set_at(map.entry(key.clone()).or_insert(Value::Null), rest, new);
            }
        }
    }
}

fn scale(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    let places = places(kind).ok_or_else(Refusal::no_such_path)?;
    let key = Key::new(namespace, name);
    let stored = ctx.state.get(&kind.table(), &key).ok_or_else(|| Refusal::not_found(kind, name))?;
    let live = convert::from_stored(kind, stored.value());
    let before = scale_of(&live, &places);
    if ctx.request.method == Method::GET {
        return Ok(Answer::json(200, &before));
    }
    let wanted = if ctx.request.method == Method::PUT {
        ctx.request.json()?
    } else {
        let body = ctx.request.patch()?.value;
        let media = ctx.request.content_type.split(';').next().unwrap_or("").trim();
        let mut wanted = before.clone();
        match media {
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_value(body)
                    .map_err(|error| Refusal::bad_request(format!("error decoding patch: {error}")))?;
                json_patch::patch(&mut wanted, &patch).map_err(|error| {
                    Refusal::new(
                        422,
                        "Invalid",
                        format!("the server rejected our request due to an error in our request: {error}"),
                    )
                })?;
            }
            // A Scale has no lists to merge: both merges are the same.
            "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
                json_patch::merge(&mut wanted, &body);
            }
            "application/apply-patch+yaml" => {
                return Err(Refusal::unsupported("server-side apply on the subresource scale"));
            }
            other => {
                return Err(Refusal::new(
                    415,
                    "UnsupportedMediaType",
                    format!("the body of the request was in an unknown format: {other}"),
                ));
            }
        }
        wanted
    };
    let version = meta::text(&wanted, &["metadata", "resourceVersion"]);
    if !version.is_empty() && version != stored.version().to_string() {
        return Err(Refusal::stale(kind, name));
    }
    let replicas = meta::at(&wanted, &["spec", "replicas"]).cloned().unwrap_or_else(|| 0.into());
    let Some(number) = replicas.as_i64() else {
        return Err(Refusal::bad_request(
            "Scale in version \"v1\" cannot be handled as a Scale: json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32",
        ));
    };
    if number < 0 {
        let error = FieldError::invalid("spec.replicas", &replicas, "must be greater than or equal to 0");
        let mut refusal = Refusal::invalid(kind, name, vec![error]);
        refusal.message = refusal.message.replacen(
            &crate::status::qualified(&kind.kind, &kind.group),
            "Scale.autoscaling",
            1,
        );
        refusal.details.insert("group".to_owned(), "autoscaling".into());
        refusal.details.insert("kind".to_owned(), "Scale".into());
        return Err(refusal);
    }
    let mut new = live.clone().into_owned();
    set_at(&mut new, &places.spec, replicas);
    let outcome = scaled(ctx, kind, &key, &stored, &live, new)?;
    let after = match &outcome {
        Outcome::Stored(object) => scale_of(&convert::from_stored(kind, object.value()), &places),
        Outcome::NotStored(value) => scale_of(value, &places),
    };
    Ok(Answer::json(200, &after))
}

/// Writes new replicas, owned through the subresource.
fn scaled(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    key: &Key,
    stored: &std::sync::Arc<Object>,
    live: &Value,
    new: Value,
) -> Result<Outcome> {
    let mut new = with_writer(ctx, kind, "scale", |writer, ty| {
        managed_fields::update_stored(Some(live), new, writer, ty)
    });
    // Entries of this subresource carry no time.
    let managers = meta::metadata_mut(&mut new).get_mut("managedFields").and_then(Value::as_array_mut);
    for entry in managers.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.get("subresource") == Some(&"scale".into()) {
            entry.remove("time");
        }
    }
    update_object(ctx, kind, key, stored, new, "", Tracking::Applied)
}

/// `PUT` of a namespace's finalizers.
fn finalize(ctx: &mut Ctx<'_>, kind: &Kind, name: &str) -> Result<Answer> {
    let body = ctx.request.object(kind)?;
    let sent = decode_parsed(ctx, kind, body)?;
    let key = Key::new("", name);
    let stored = ctx.state.get(&kind.table(), &key).ok_or_else(|| Refusal::not_found(kind, name))?;
    let version = meta::text(&sent, &["metadata", "resourceVersion"]);
    if !version.is_empty() && version != stored.version().to_string() {
        return Err(Refusal::stale(kind, name));
    }
    let mut new = stored.value().clone();
    let finalizers = meta::at(&sent, &["spec", "finalizers"]).cloned();
    let spec = meta::map_mut(&mut new, "spec");
    match finalizers {
        Some(finalizers) => spec.insert("finalizers".to_owned(), finalizers),
        None => spec.remove("finalizers"),
    };
    if ctx.options.dry_run || new == *stored.value() {
        return Ok(Answer::json(200, &new));
    }
    let stored = commit(ctx, kind, &key, new);
    Ok(read::show(ctx, kind, 200, &stored))
}

/// Assigns a Pod to a node.
fn bind(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    let body = ctx.request.json()?;
    let node = meta::text(&body, &["target", "name"]).to_owned();
    let key = Key::new(namespace, name);
    let stored = ctx.state.get(&kind.table(), &key).ok_or_else(|| Refusal::not_found(kind, name))?;
    let mut pod = stored.value().clone();
    if meta::is_deleting(&pod) {
        return Err(Refusal::conflict(
            kind,
            name,
            &format!("pod {name} is being deleted, cannot be assigned to a host"),
        ));
    }
    let assigned = meta::text(&pod, &["spec", "nodeName"]);
    if !assigned.is_empty() {
        let why = format!("pod {name} is already assigned to node {assigned:?}");
        let mut refusal = Refusal::conflict(kind, name, &why);
        refusal.message = refusal.message.replacen("pods", "pods/binding", 1);
        refusal.details.insert("kind".to_owned(), "pods/binding".into());
        return Err(refusal);
    }
    if node.is_empty() {
        let error = FieldError::required("target.name", "");
        return Err(Refusal::invalid(kind, name, vec![error]));
    }
    meta::map_mut(&mut pod, "spec").insert("nodeName".to_owned(), node.into());
    let condition = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null,
        "lastTransitionTime": meta::rfc3339(ctx.now)});
    let status = meta::map_mut(&mut pod, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Value::Array(list) = conditions {
        list.retain(|c| meta::text(c, &["type"]) != "PodScheduled");
        list.push(condition);
    }
    if !ctx.options.dry_run {
        commit(ctx, kind, &key, pod);
    }
    Ok(Answer::json(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}

/// Deletes a Pod, unless that would break a PodDisruptionBudget.
fn evict(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    let body = if ctx.request.body.is_empty() { json!({}) } else { ctx.request.json()? };
    let key = Key::new(namespace, name);
    let stored = ctx.state.get(&kind.table(), &key).ok_or_else(|| Refusal::not_found(kind, name))?;
    let labels = meta::at(stored.value(), &["metadata", "labels"]).cloned().unwrap_or(Value::Null);
    let budgets = ctx.state.tables.get("poddisruptionbudgets.policy");
    let blocking = budgets.into_iter().flat_map(|t| t.objects.values()).map(|o| o.value()).find(|budget| {
        let selected = meta::at(budget, &["spec", "selector", "matchLabels"]).and_then(Value::as_object);
        meta::namespace(budget) == namespace
            && selected.is_some_and(|s| s.iter().all(|(k, v)| labels.get(k) == Some(v)))
            && meta::at(budget, &["status", "disruptionsAllowed"]).and_then(Value::as_i64).unwrap_or(0) <= 0
    });
    if let Some(budget) = blocking {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let cause = json!({"reason": "DisruptionBudget", "message": format!(
            "The disruption budget {} needs {} healthy pods and has {} currently", meta::name(budget),
            meta::at(budget, &["status", "desiredHealthy"]).cloned().unwrap_or_else(|| 0.into()),
            meta::at(budget, &["status", "currentHealthy"]).cloned().unwrap_or_else(|| 0.into()))});
        return Err(Refusal::new(429, "TooManyRequests", message).with_causes(vec![cause]));
    }
    let deletion = Deletion {
        grace: meta::at(&body, &["deleteOptions", "gracePeriodSeconds"]).and_then(Value::as_i64),
        dry_run: ctx.options.dry_run,
        ..Deletion::default()
    };
    delete(ctx.state, kind, &key, &deletion, ctx.now)?;
    let mut status = success(kind, name, "");
    if let Value::Object(map) = &mut status {
        map.remove("details");
        map.insert("code".to_owned(), 201.into());
    }
    Ok(Answer::json(201, &status))
}

/// A token of a service account: opaque, good for this cluster's own reviews only.
fn token(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    let mut body = ctx.request.json()?;
    let key = Key::new(namespace, name);
    if ctx.state.get(&kind.table(), &key).is_none() {
        return Err(Refusal::not_found(kind, name));
    }
    let seconds = meta::at(&body, &["spec", "expirationSeconds"]).and_then(Value::as_i64).unwrap_or(3600);
    if seconds < 600 {
        let body = format!("Invalid value: {seconds}: may not specify a duration less than 10 minutes");
        let mut refusal = Refusal::new(
            422,
            "Invalid",
            format!("TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: {body}"),
        )
        .with_causes(vec![
            json!({"reason": "FieldValueInvalid", "message": body, "field": "spec.expirationSeconds"}),
        ]);
        refusal.details.insert("group".to_owned(), "authentication.k8s.io".into());
        refusal.details.insert("kind".to_owned(), "TokenRequest".into());
        return Err(refusal);
    }
    let end = ctx.now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(ctx.now);
    let secret = ctx.state.uid_rng.uuid();
    meta::map_mut(&mut body, "spec").insert("expirationSeconds".to_owned(), seconds.into());
    body["status"] = json!({"token": format!("sim:{namespace}:{name}:{secret}"), "expirationTimestamp": meta::rfc3339(end)});
    Ok(Answer::json(201, &body))
}

/// Reviews are answered, not stored.
pub(crate) fn review(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, body: &Value) -> Result<Answer> {
    let own = &ctx.request.identity;
    let spec = body.get("spec").unwrap_or(&Value::Null);
    let status = match kind.kind.as_ref() {
        "SelfSubjectReview" => json!({"userInfo": {"username": own.user, "groups": own.all_groups()}}),
        "SelfSubjectAccessReview" => rbac::access_status(ctx.state, &own.into(), spec),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let groups = spec["groups"].as_array().into_iter().flatten();
            let groups = groups.filter_map(Value::as_str).map(str::to_owned).collect();
            let user = rbac::User::new(meta::text(spec, &["user"]), groups);
            rbac::access_status(ctx.state, &user, spec)
        }
        "SelfSubjectRulesReview" => {
            let namespace = meta::text(spec, &["namespace"]);
            if namespace.is_empty() {
                return Err(Refusal::bad_request("no namespace on request"));
            }
            let status = rbac::rules_status(ctx.state, &own.into(), namespace);
            return Ok(Answer::json(
                201,
                &json!({"kind": kind.kind.as_ref(), "apiVersion": kind.api_version(), "metadata": {},
                    "spec": {}, "status": status}),
            ));
        }
        other => return Err(Refusal::unsupported(&format!("{other}: it does not authenticate"))),
    };
    let mut answer = json!({"kind": kind.kind.as_ref(), "apiVersion": kind.api_version(),
        "metadata": {}});
    let decoded = crate::codec::decode(kind, body.clone())?.0;
    if let Some(spec) = decoded.get("spec") {
        answer["spec"] = spec.clone();
        let about = |field: &str| spec.get(field).is_some_and(|v| !v.is_null());
        if kind.kind.ends_with("AccessReview")
            && about("resourceAttributes") == about("nonResourceAttributes")
        {
            let body = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let field = "spec.resourceAttributes";
            let message = format!(".authorization.k8s.io \"\" is invalid: {field}: {body}");
            let cause = json!({"reason": "FieldValueInvalid", "message": body, "field": field});
            let mut refusal = Refusal::new(422, "Invalid", message).with_causes(vec![cause]);
            refusal.details.insert("group".to_owned(), "authorization.k8s.io".into());
            return Err(refusal);
        }
    }
    // Who sent the review is recorded as with a stored object.
    if decoded.get("spec").is_some() {
        let written = crate::codec::without_empty(kind, &decoded);
        let tracked =
            with_writer(ctx, kind, "", |writer, ty| managed_fields::update_stored(None, written, writer, ty));
        if let Some(managers) = meta::at(&tracked, &["metadata", "managedFields"]) {
            answer["metadata"]["managedFields"] = managers.clone();
        }
    }
    if kind.namespaced {
        answer["metadata"]["namespace"] = namespace.into();
    }
    answer["status"] = status;
    Ok(Answer::json(201, &answer))
}
