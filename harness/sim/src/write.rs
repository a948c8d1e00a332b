//! Create and update: what all writes go through.

use std::sync::Arc;

use serde_json::Value;

use crate::codec;
use crate::convert;
use crate::crd;
use crate::decode::decode_parsed;
use crate::kind::Kind;
use crate::managed_fields::{self, Writer};
use crate::meta;
use crate::object::{Key, Object};
use crate::rbac;
use crate::read::{show, show_value};
use crate::serve::{Answer, Ctx};
use crate::status::{FieldError, Refusal, Result};
use crate::validate;

/// How the owners of fields are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// What the write changed is the manager's.
    Update,
    /// The object carries its owners already: it comes from an apply.
    Applied,
}

/// What a write left behind.
pub(crate) enum Outcome {
    Stored(Arc<Object>),
    /// Of a dry run, or of an update that took away the last finalizer; in the request's version.
    NotStored(Value),
}

impl Outcome {
    pub(crate) fn answer(self, ctx: &Ctx<'_>, kind: &Kind, code: u16) -> Answer {
        match self {
            Outcome::Stored(object) => show(ctx, kind, code, &object),
            Outcome::NotStored(value) => show_value(ctx, kind, code, value),
        }
    }
}

/// Fields that the main endpoint, or a subresource, does not write.
pub(crate) fn ignored(kind: &Kind, subresource: &str) -> &'static [&'static [&'static str]] {
    match subresource {
        "" if has_status(kind) => &[&["status"]],
        "status" if kind.is_custom() => &[&["spec"], &["metadata"]],
        "status" if kind.group == "apps" => &[&["spec"], &["metadata", "labels"]],
        "status" => &[&["spec"]],
        _ => &[],
    }
}

pub(crate) fn has_status(kind: &Kind) -> bool {
    kind.subresource("status").is_some()
}

pub(crate) fn typed<'k>(kind: &'k Kind) -> managed_fields::Kind<'k> {
    managed_fields::Kind { ty: kind.ty(), built_in: !kind.is_custom() }
}

/// Calls `f` with what the owners of fields are recorded under.
pub(crate) fn with_writer<T>(
    ctx: &Ctx<'_>,
    kind: &Kind,
    subresource: &str,
    f: impl FnOnce(&Writer<'_>, managed_fields::Kind<'_>) -> T,
) -> T {
    let (manager, api_version) = (ctx.request.manager(), kind.api_version());
    let writer = Writer {
        manager: &manager,
        api_version: &api_version,
        subresource,
        ignored: ignored(kind, subresource),
        now: ctx.now,
    };
    f(&writer, typed(kind))
}

pub(crate) fn create(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str) -> Result<Answer> {
    let body = ctx.request.object(kind)?;
    if kind.verbs.len() == 1
        || matches!(kind.group.as_ref(), "authentication.k8s.io" | "authorization.k8s.io")
    {
        return crate::subresource::review(ctx, kind, namespace, &body.value);
    }
    ctx.empty_lists = codec::empty_lists(kind, &body.value);
    let object = decode_parsed(ctx, kind, body)?;
    Ok(create_object(ctx, kind, namespace, object, Tracking::Update)?.answer(ctx, kind, 201))
}

/// Refuses objects for a namespace that is not there, or is going.
pub(crate) fn check_namespace(ctx: &Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<()> {
    let found = ctx.state.get("namespaces", &Key::new("", namespace));
    let found = found.ok_or_else(|| Refusal::namespace_not_found(namespace))?;
    if meta::is_deleting(found.value()) {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = serde_json::json!({"reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"});
        return Err(Refusal::forbidden(kind, name, &why).with_causes(vec![cause]));
    }
    Ok(())
}

pub(crate) fn create_object(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    namespace: &str,
    mut object: Value,
    tracking: Tracking,
) -> Result<Outcome> {
    place(kind, namespace, &mut object)?;
    rbac::check_grant(ctx, kind, namespace, &object, None)?;
    let name = meta::name(&object).to_owned();
    if kind.namespaced {
        check_namespace(ctx, kind, namespace, &name)?;
    }
    if !meta::text(&object, &["metadata", "resourceVersion"]).is_empty() {
        return Err(Refusal::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let prefix = meta::text(&object, &["metadata", "generateName"]).to_owned();
    let name = if name.is_empty() && !prefix.is_empty() {
        generate_name(ctx, kind, namespace, &prefix)
    } else {
        name
    };
    let uid = ctx.state.uid_rng.uuid();
    let metadata = meta::metadata_mut(&mut object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
        metadata.remove(field);
    }
    // Without a name it is refused, when everything else has been looked at.
    metadata.insert("name".to_owned(), name.clone().into());
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), meta::rfc3339(ctx.now).into());
    if has_generation(kind) {
        metadata.insert("generation".to_owned(), 1.into());
    }
    if has_status(kind) {
        reset_status(kind, &mut object)?;
    }
    // What the server fills in from here on is nobody's.
    if tracking == Tracking::Update {
        let mut written = codec::without_empty(kind, &object);
        for path in std::mem::take(&mut ctx.empty_lists) {
            // It is stored as null all the same.
            let [parents @ .., last] = path.as_slice() else { continue };
            let map = parents.iter().fold(&mut written, |value, key| meta::map_value_mut(value, key));
            if let Value::Object(map) = map {
                map.insert((*last).to_owned(), Value::Array(Vec::new()));
            }
        }
        let tracked =
            with_writer(ctx, kind, "", |writer, ty| managed_fields::update_stored(None, written, writer, ty));
        if let Some(managers) = meta::at(&tracked, &["metadata", "managedFields"]) {
            meta::metadata_mut(&mut object).insert("managedFields".to_owned(), managers.clone());
        }
    }
    if let Kind::Custom(version) = kind {
        // The status that was sent is gone; one that the schema gives takes its place.
        version.schema.default(&mut object);
    }
    crate::admit::create(ctx, kind, &mut object)?;
    validate::create(ctx, kind, &object)?;
    let key = Key::new(namespace, name.as_str());
    if ctx.state.get(&kind.table(), &key).is_some() {
        return Err(Refusal::already_exists(kind, &name));
    }
    if ctx.options.dry_run {
        return Ok(Outcome::NotStored(object));
    }
    Ok(Outcome::Stored(commit(ctx, kind, &key, object)))
}

/// Checks or fills in the namespace of an object by the path that it is sent to; objects of the cluster lose theirs.
fn place(kind: &Kind, namespace: &str, object: &mut Value) -> Result<()> {
    if !kind.namespaced {
        meta::metadata_mut(object).remove("namespace");
        return Ok(());
    }
    if !["", namespace].contains(&meta::namespace(object)) {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    meta::metadata_mut(object).insert("namespace".to_owned(), namespace.into());
    Ok(())
}

fn generate_name(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, prefix: &str) -> String {
    let base: String = prefix.chars().take(58).collect();
    loop {
        let name = format!("{base}{}", ctx.state.name_rng.suffix(5));
        if ctx.state.get(&kind.table(), &Key::new(namespace, name.as_str())).is_none() {
            return name;
        }
    }
}

/// The status that an object has when it is created.
fn reset_status(kind: &Kind, object: &mut Value) -> Result<()> {
    let Value::Object(map) = object else { return Ok(()) };
    map.remove("status");
    if !kind.is_custom() {
        *object = codec::decode(kind, std::mem::take(object))?.0;
    }
    Ok(())
}

/// Whether the kind counts the generations of its spec.
pub(crate) fn has_generation(kind: &Kind) -> bool {
    match kind {
        Kind::Custom(_) => true,
        Kind::BuiltIn(r) => match r.group.as_ref() {
            "" => matches!(r.kind.as_ref(), "ReplicationController" | "Pod" | "PodTemplate"),
            "apps" => r.kind != "ControllerRevision",
            "batch"
            | "policy"
            | "apiextensions.k8s.io"
            | "flowcontrol.apiserver.k8s.io"
            | "admissionregistration.k8s.io" => true,
            "networking.k8s.io" => matches!(r.kind.as_ref(), "Ingress" | "IngressClass" | "NetworkPolicy"),
            "scheduling.k8s.io" => r.kind == "PriorityClass",
            "resource.k8s.io" => matches!(r.kind.as_ref(), "DeviceClass" | "ResourceSlice"),
            "discovery.k8s.io" => r.kind == "EndpointSlice",
            _ => false,
        },
    }
}

/// Stores an object that is in the version of `kind`.
pub(crate) fn commit(ctx: &mut Ctx<'_>, kind: &Kind, key: &Key, object: Value) -> Arc<Object> {
    let object = convert::to_stored(kind, object);
    let stored = ctx.state.put(&kind.table(), key, object, ctx.now);
    crd::changed(ctx.state, kind, key);
    stored
}

/// `PUT` on an object or its status.
pub(crate) fn replace(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    namespace: &str,
    name: &str,
    subresource: &str,
) -> Result<Answer> {
    let body = ctx.request.object(kind)?;
    if creates_on_update(kind) {
        ctx.empty_lists = codec::empty_lists(kind, &body.value);
    }
    let mut object = decode_parsed(ctx, kind, body)?;
    let own = meta::name(&object);
    if own.is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    } else if own != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        )));
    }
    place(kind, namespace, &mut object)?;
    let key = Key::new(namespace, name);
    let Some(live) = ctx.state.get(&kind.table(), &key) else {
        if subresource.is_empty() && creates_on_update(kind) {
            rbac::may_create(ctx, kind, namespace, name)?;
            let metadata = meta::metadata_mut(&mut object);
            metadata.remove("resourceVersion");
            return Ok(create_object(ctx, kind, namespace, object, Tracking::Update)?.answer(ctx, kind, 201));
        }
        return Err(Refusal::not_found(kind, name));
    };
    if meta::text(&object, &["metadata", "resourceVersion"]).is_empty() && needs_version(kind) {
        let error =
            FieldError::invalid("metadata.resourceVersion", &0.into(), "must be specified for an update");
        let mut refusal = Refusal::invalid(kind, name, vec![error]);
        refusal.message = refusal.message.replacen(
            &crate::status::qualified(&kind.kind, &kind.group),
            &crate::status::qualified(&kind.plural, &kind.group),
            1,
        );
        refusal.details.insert("kind".to_owned(), kind.plural.as_ref().into());
        return Err(refusal);
    }
    Ok(update_object(ctx, kind, &key, &live, object, subresource, Tracking::Update)?.answer(ctx, kind, 200))
}

/// Whether a `PUT` of an object that is not there creates it.
fn creates_on_update(kind: &Kind) -> bool {
    let kinds = [
        "ClusterRole",
        "ClusterRoleBinding",
        "Endpoints",
        "Event",
        "Lease",
        "LimitRange",
        "Role",
        "RoleBinding",
        "RuntimeClass",
        "Service",
    ];
    !kind.is_custom() && kinds.contains(&kind.kind.as_ref())
}

/// Whether a `PUT` must name the resource version that it is based on.
fn needs_version(kind: &Kind) -> bool {
    let kinds = ["CSIDriver", "CustomResourceDefinition", "Lease", "PodDisruptionBudget", "RuntimeClass"];
    kind.is_custom()
        || kinds.contains(&kind.kind.as_ref())
        || matches!(kind.group.as_ref(), "admissionregistration.k8s.io" | "apiregistration.k8s.io")
}

/// Replaces the live object by a new one that was decoded or patched.
pub(crate) fn update_object(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    key: &Key,
    stored: &Arc<Object>,
    mut new: Value,
    subresource: &str,
    tracking: Tracking,
) -> Result<Outcome> {
    let live = convert::from_stored(kind, stored.value());
    let name = key.name.as_str();
    let version = meta::text(&new, &["metadata", "resourceVersion"]);
    if !version.is_empty() && version != "0" && version != meta::text(&live, &["metadata", "resourceVersion"])
    {
        if version.parse::<u64>().is_err() {
            let error = FieldError::invalid(
                "metadata.resourceVersion",
                &version.into(),
                "strconv.ParseUint: invalid syntax",
            );
            return Err(Refusal::invalid(kind, name, vec![error]));
        }
        return Err(Refusal::stale(kind, name));
    }
    let uid = meta::uid(&new);
    if !uid.is_empty() && uid != meta::uid(&live) {
        let place =
            if key.namespace.is_empty() { name.to_owned() } else { format!("{}/{name}", key.namespace) };
        let folder = kind.plural.as_ref();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{folder}/{place}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta::uid(&live)
        );
        return Err(Refusal::conflict(kind, name, &why));
    }
    keep_system_fields(&live, &mut new);
    rbac::check_grant(ctx, kind, &key.namespace, &new, Some(&live))?;
    if subresource == "status" {
        keep_all_but_status(kind, &live, &mut new);
    } else if has_status(kind) {
        carry(&live, &mut new, "status");
    }
    if tracking == Tracking::Update {
        new = with_writer(ctx, kind, subresource, |writer, ty| {
            managed_fields::update_stored(Some(&live), new, writer, ty)
        });
    }
    crate::admit::update(ctx, kind, &live, &mut new, subresource)?;
    if subresource.is_empty() && spec_changed(kind, &live, &new) && has_generation(kind) {
        let generation = meta::at(&live, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or(0);
        meta::metadata_mut(&mut new).insert("generation".to_owned(), (generation + 1).into());
    }
    validate::update(ctx, kind, &live, &new, subresource)?;
    crate::admit::verify(ctx, kind, &live, &new)?;
    finish_update(ctx, kind, key, stored, &live, new)
}

/// Stores an updated object; removes it where it is being deleted and nothing holds it any more.
fn finish_update(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    key: &Key,
    stored: &Arc<Object>,
    live: &Value,
    new: Value,
) -> Result<Outcome> {
    if same_but_for_order(live, &new) {
        return Ok(Outcome::Stored(stored.clone()));
    }
    let released = meta::is_deleting(&new)
        && meta::finalizers(&new).is_empty()
        && !meta::finalizers(live).is_empty()
        && meta::at(&new, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(0)
            == 0
        && meta::at(&new, &["spec", "finalizers"]).and_then(Value::as_array).is_none_or(|f| f.is_empty());
    if ctx.options.dry_run {
        return Ok(Outcome::NotStored(new));
    }
    if released {
        ctx.state.remove(&kind.table(), key, ctx.now);
        crd::changed(ctx.state, kind, key);
        return Ok(Outcome::NotStored(new));
    }
    Ok(Outcome::Stored(commit(ctx, kind, key, new)))
}

/// Maps compare by content here: `Value` does the same, whatever the order of its keys.
fn same_but_for_order(a: &Value, b: &Value) -> bool {
    a == b
}

/// Takes a field over from the live object.
fn carry(live: &Value, new: &mut Value, field: &str) {
    let Value::Object(map) = new else { return };
    match live.get(field) {
        Some(value) => map.insert(field.to_owned(), value.clone()),
        None => map.remove(field),
    };
}

/// Fields of `metadata` that no client writes.
fn keep_system_fields(live: &Value, new: &mut Value) {
    let old = live.get("metadata").and_then(Value::as_object);
    let metadata = meta::metadata_mut(new);
    let system = [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ];
    for field in system {
        match old.and_then(|m| m.get(field)) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
    if !metadata.contains_key("generateName")
        && let Some(prefix) = old.and_then(|m| m.get("generateName"))
    {
        metadata.insert("generateName".to_owned(), prefix.clone());
    }
}

/// Puts back everything that the status endpoint does not write.
fn keep_all_but_status(kind: &Kind, live: &Value, new: &mut Value) {
    let taken: &[&str] = match kind {
        Kind::Custom(_) => &["managedFields"],
        Kind::BuiltIn(r) if r.group == "apps" => &["annotations", "finalizers", "managedFields"],
        Kind::BuiltIn(_) => &["labels", "annotations", "finalizers", "managedFields"],
    };
    put_back(live.get("metadata"), meta::metadata_mut(new), taken);
    if let Value::Object(new) = new {
        put_back(Some(live), new, &["metadata", "status"]);
    }
}

/// Gives `new` all fields of `live`, and no others, but for those that are written.
fn put_back(live: Option<&Value>, new: &mut serde_json::Map<String, Value>, written: &[&str]) {
    let Some(live) = live.and_then(Value::as_object) else { return };
    new.retain(|key, _| written.contains(&key.as_str()) || live.contains_key(key));
    for (key, value) in live.iter().filter(|(key, _)| !written.contains(&key.as_str())) {
        // Most are the same, and comparing is cheaper than copying.
        if new.get(key) != Some(value) {
            new.insert(key.clone(), value.clone());
        }
    }
}

/// Whether anything but `metadata` and `status` differs.
fn spec_changed(kind: &Kind, live: &Value, new: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (live, new) else { return live != new };
    let system = |key: &str| {
        matches!(key, "metadata" | "apiVersion" | "kind") || (key == "status" && has_status(kind))
    };
    let differs = |a: &serde_json::Map<String, Value>, b: &serde_json::Map<String, Value>| {
        a.iter().any(|(key, value)| !system(key) && b.get(key) != Some(value))
    };
    let annotated = kind.is("apps", "Deployment")
        && meta::at(live, &["metadata", "annotations"]) != meta::at(new, &["metadata", "annotations"]);
    differs(a, b) || differs(b, a) || annotated
}
