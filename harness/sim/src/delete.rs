//! Deletion: preconditions, finalizers, grace, propagation.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::convert;
use crate::crd;
use crate::kind::Kind;
use crate::meta;
use crate::object::{Key, Object};
use crate::read::show_value;
use crate::request::Options;
use crate::selector::Selector;
use crate::serve::{Answer, Ctx};
use crate::status::{Refusal, Result, qualified, success};
use crate::store::State;

pub(crate) const ORPHAN: &str = "orphan";
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const CRD_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What a deletion asks for beside the query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) grace: Option<i64>,
    pub(crate) propagation: Option<String>,
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) dry_run: bool,
}

impl Deletion {
    fn read(ctx: &mut Ctx<'_>) -> Result<Deletion> {
        let body = if ctx.request.body.is_empty() { Value::Null } else { ctx.request.json()? };
        let options: &mut Options = &mut ctx.options;
        let text = |path: &[&str]| meta::at(&body, path).and_then(Value::as_str).map(str::to_owned);
        for value in meta::at(&body, &["dryRun"]).and_then(Value::as_array).into_iter().flatten() {
            options.set_dry_run(value.as_str().unwrap_or(""))?;
        }
        let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64).or(options.grace_period_seconds);
        let orphan = body.get("orphanDependents").and_then(Value::as_bool).or(options.orphan_dependents);
        let propagation = text(&["propagationPolicy"]).or_else(|| options.propagation_policy.clone());
        if orphan.is_some() && propagation.is_some() {
            return Err(invalid_options(
                "propagationPolicy",
                &format!(
                    "Invalid value: {}: orphanDependents and deletionPropagation cannot be both set",
                    Value::from(propagation.as_deref().unwrap_or(""))
                ),
            ));
        }
        if let Some(policy) = &propagation
            && !matches!(policy.as_str(), "Background" | "Foreground" | "Orphan")
        {
            return Err(invalid_options(
                "propagationPolicy",
                &format!(
                    "Unsupported value: {}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                    Value::from(policy.as_str())
                ),
            ));
        }
        let propagation =
            propagation.or_else(|| orphan.map(|o| if o { "Orphan" } else { "Background" }.to_owned()));
        Ok(Deletion {
            grace,
            propagation,
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
            dry_run: options.dry_run,
        })
    }
}

fn invalid_options(field: &str, body: &str) -> Refusal {
    let reason = if body.starts_with("Unsupported") { "FieldValueNotSupported" } else { "FieldValueInvalid" };
    Refusal::options("DeleteOptions", field, reason, body.to_owned())
}

/// What became of an object that was to be deleted.
pub(crate) enum Gone {
    /// Removed; its last state.
    Removed(Arc<Object>),
    /// Still there, waiting for its grace period or its finalizers.
    Waiting(Arc<Object>),
}

pub(crate) fn one(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    ctx.options.check_numbers(&["gracePeriodSeconds"])?;
    let deletion = Deletion::read(ctx)?;
    if kind.is("batch", "Job") && deletion.propagation.is_none() {
        ctx.warnings.push("child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning".to_owned());
    }
    let key = Key::new(namespace, name);
    let gone = delete(ctx.state, kind, &key, &deletion, ctx.now)?;
    let (object, removed) = match &gone {
        Gone::Removed(object) => (object, true),
        Gone::Waiting(object) => (object, false),
    };
    if removed && !returns_object(kind) {
        return Ok(Answer::json(200, &success(kind, name, meta::uid(object.value()))));
    }
    let value = convert::from_stored(kind, object.value());
    Ok(show_value(ctx, kind, 200, value.into_owned()))
}

/// Kinds whose deletion answers with the object that is gone.
fn returns_object(kind: &Kind) -> bool {
    let core = [
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ResourceQuota",
        "Service",
        "ServiceAccount",
    ];
    !kind.is_custom()
        && (kind.group == "storage.k8s.io" || (kind.group.is_empty() && core.contains(&kind.kind.as_ref())))
}

pub(crate) fn collection(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str) -> Result<Answer> {
    ctx.options.check_numbers(&["limit", "timeoutSeconds", "gracePeriodSeconds"])?;
    let selector = Selector::parse(&ctx.options.label_selector, &ctx.options.field_selector, kind)?;
    let deletion = Deletion::read(ctx)?;
    let table = kind.table();
    let keys: Vec<(Key, Arc<Object>)> = match ctx.state.tables.get(table.as_str()) {
        Some(table) => table
            .objects
            .iter()
            .filter(|(key, object)| {
                (namespace.is_empty() || key.namespace == namespace) && selector.matches(object.value())
            })
            .map(|(key, object)| (key.clone(), object.clone()))
            .collect(),
        None => Vec::new(),
    };
    let mut items = Vec::new();
    for (key, object) in keys {
        delete(ctx.state, kind, &key, &deletion, ctx.now)?;
        let mut item = convert::from_stored(kind, object.value()).into_owned();
        if let (false, Value::Object(map)) = (kind.is_custom(), &mut item) {
            // As in other lists of built-in kinds.
            map.remove("kind");
            map.remove("apiVersion");
        }
        items.push(item);
    }
    let metadata = json!({"resourceVersion": ctx.state.revision.to_string()});
    let list = json!({"kind": kind.list_kind(), "apiVersion": kind.api_version(), "metadata": metadata, "items": items});
    Ok(Answer::json(200, &list))
}

/// Deletes an object, or begins to.
pub(crate) fn delete(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    deletion: &Deletion,
    now: jiff::Timestamp,
) -> Result<Gone> {
    let table = kind.table();
    let live = state.get(&table, key).ok_or_else(|| Refusal::not_found(kind, &key.name))?;
    let value = live.value();
    let mismatch = |what: &str, asked: &str, found: &str, guess: &str| {
        let why = format!(
            "the {what} in the precondition ({asked}) does not match the {what} in record ({found}). The object might have been {guess}"
        );
        let mut refusal = Refusal::conflict(kind, &key.name, &why);
        // Named by its kind here.
        let (plural, name) = (qualified(&kind.plural, &kind.group), qualified(&kind.kind, &kind.group));
        refusal.message = refusal.message.replacen(&plural, &name, 1);
        refusal.details.insert("kind".to_owned(), kind.kind.as_ref().into());
        refusal
    };
    if let Some(uid) = &deletion.uid
        && uid != meta::uid(value)
    {
        return Err(mismatch("UID", uid, meta::uid(value), "deleted and then recreated"));
    }
    if let Some(version) = &deletion.resource_version
        && *version != live.version().to_string()
    {
        return Err(mismatch("ResourceVersion", version, &live.version().to_string(), "modified"));
    }
    if kind.is("", "Namespace") && matches!(key.name.as_str(), "default" | "kube-system" | "kube-public") {
        return Err(Refusal::forbidden(kind, &key.name, "this namespace may not be deleted"));
    }
    let grace = grace_period(kind, value, deletion.grace);
    // Only these leave their dependents behind when nothing is said.
    let orphans = kind.is("batch", "Job") || kind.is("", "ReplicationController");
    let propagation = deletion.propagation.as_deref().or(orphans.then_some("Orphan"));
    let finalizers = finalizers_after(kind, value, propagation);
    let kept =
        meta::at(value, &["spec", "finalizers"]).and_then(Value::as_array).is_some_and(|f| !f.is_empty());
    let waits = !finalizers.is_empty() || grace > 0 || (kind.is("", "Namespace") && kept);
    if !waits {
        if deletion.dry_run {
            return Ok(Gone::Removed(live));
        }
        let last = kind.is("", "Pod").then(|| mark(kind, value, 0, &[], now));
        let removed = state.remove_as(&table, key, last, now);
        crd::changed(state, kind, key);
        return Ok(Gone::Removed(removed.unwrap_or(live)));
    }
    let marked = mark(kind, value, grace, &finalizers, now);
    if marked == *value {
        return Ok(Gone::Waiting(live));
    }
    if deletion.dry_run {
        return Ok(Gone::Waiting(Arc::new(Object::new(marked, live.version()))));
    }
    let stored = state.put(&table, key, marked, now);
    crd::changed(state, kind, key);
    Ok(Gone::Waiting(stored))
}

/// The grace period: only Pods that run somewhere have one.
fn grace_period(kind: &Kind, value: &Value, asked: Option<i64>) -> i64 {
    if !kind.is("", "Pod") {
        return 0;
    }
    let own =
        meta::at(value, &["spec", "terminationGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(30);
    let scheduled = !meta::text(value, &["spec", "nodeName"]).is_empty();
    let over = matches!(meta::text(value, &["status", "phase"]), "Succeeded" | "Failed");
    match asked {
        Some(0) => 0,
        _ if !scheduled || over => 0,
        Some(seconds) if seconds > 0 => seconds,
        Some(_) => 1,
        None => own.max(0),
    }
}

fn finalizers_after(kind: &Kind, value: &Value, propagation: Option<&str>) -> Vec<String> {
    let present = meta::finalizers(value);
    let mut finalizers: Vec<String> = present.iter().map(|f| (*f).to_owned()).collect();
    let policy = propagation.unwrap_or_else(|| {
        if present.contains(&ORPHAN) {
            "Orphan"
        } else if present.contains(&FOREGROUND) {
            "Foreground"
        } else {
            "Background"
        }
    });
    let wanted = match policy {
        "Orphan" => Some(ORPHAN),
        "Foreground" => Some(FOREGROUND),
        _ => None,
    };
    finalizers.retain(|f| (f != ORPHAN && f != FOREGROUND) || Some(f.as_str()) == wanted);
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|f| f == wanted)
    {
        finalizers.push(wanted.to_owned());
    }
    if kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
        && !meta::is_deleting(value)
        && !finalizers.iter().any(|f| f == CRD_CLEANUP)
    {
        finalizers.push(CRD_CLEANUP.to_owned());
    }
    finalizers
}

/// The object as one that is being deleted.
fn mark(kind: &Kind, value: &Value, grace: i64, finalizers: &[String], now: jiff::Timestamp) -> Value {
    let mut marked = value.clone();
    meta::set_finalizers(&mut marked, finalizers);
    let already = meta::is_deleting(value);
    let metadata = meta::metadata_mut(&mut marked);
    let old_grace = metadata.get("deletionGracePeriodSeconds").and_then(Value::as_i64);
    let shorter = old_grace.is_none_or(|old| grace < old);
    if !already || (kind.is("", "Pod") && shorter && old_grace.is_some_and(|g| g > 0)) {
        let at = now.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(now);
        metadata.insert("deletionTimestamp".to_owned(), meta::rfc3339(at).into());
        let definition = kind.is("apiextensions.k8s.io", "CustomResourceDefinition");
        if !kind.is("", "Namespace") && !definition {
            metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
        }
        if let Some(generation) = metadata.get("generation").and_then(Value::as_i64).filter(|g| *g > 0)
            && !already
            && !definition
        {
            metadata.insert("generation".to_owned(), (generation + 1).into());
        }
        if kind.is("", "Namespace") {
            meta::map_mut(&mut marked, "status").insert("phase".to_owned(), "Terminating".into());
        }
        if definition {
            crd::mark_terminating(&mut marked, now);
        }
    }
    marked
}
