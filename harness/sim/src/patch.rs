//! The four kinds of patch.

use serde::Deserialize as _;
use serde_json::Value;

use crate::convert;
use crate::decode::{decode, decode_parsed, unmarshal_errors};
use crate::json::Parsed;
use crate::kind::Kind;
use crate::managed_fields::{self, ApplyError};
use crate::meta;
use crate::object::Key;
use crate::planned;
use crate::rbac;
use crate::request::{BODY_LIMIT, FieldValidation, Options};
use crate::serve::{Answer, Ctx};
use crate::status::{Refusal, Result};
use crate::strategic_merge::PatchError;
use crate::write::{Tracking, create_object, has_status, update_object, with_writer};

/// `PATCH` on an object or its status.
pub(crate) fn patch(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    namespace: &str,
    name: &str,
    subresource: &str,
) -> Result<Answer> {
    let media = ctx.request.content_type.split(';').next().unwrap_or("").trim().to_owned();
    let apply = media == "application/apply-patch+yaml";
    if ctx.options.force.is_some() && !apply {
        let message = "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch";
        let cause = serde_json::json!({"reason": "FieldValueForbidden",
            "message": "Forbidden: may not be specified for non-apply patch", "field": "force"});
        let mut refusal = Refusal::new(422, "Invalid", message).with_causes(vec![cause]);
        refusal.details.insert("group".to_owned(), "meta.k8s.io".into());
        refusal.details.insert("kind".to_owned(), "PatchOptions".into());
        return Err(refusal);
    }
    let known = matches!(
        media.as_str(),
        "application/json-patch+json" | "application/merge-patch+json" | "application/apply-patch+yaml"
    ) || (media == "application/strategic-merge-patch+json" && !kind.is_custom());
    if !known {
        return Err(unsupported_media(kind, &media));
    }
    let key = Key::new(namespace, name);
    if apply {
        check_apply_options(&ctx.options)?;
        // The same configuration, applied again to the same version: nothing is read, nothing changes.
        let digest = digest(ctx, kind, subresource);
        let stored = ctx.state.get(&kind.table(), &key);
        if let Some(stored) = stored.as_ref().filter(|o| o.is_unchanged_by(digest)) {
            return Ok(crate::read::show(ctx, kind, 200, stored));
        }
        if let Some(answer) = planned::carry_out(ctx, kind, &key, stored.as_deref(), digest) {
            return Ok(answer);
        }
        let Parsed { value, repeated, .. } = ctx.request.patch()?;
        // What is warned of has to be warned of the next time as well.
        let digest = repeated.is_empty().then_some(digest);
        let warnings = repeated_keys(ctx, repeated)?;
        let told = ctx.warnings.len();
        let answer = server_side_apply(ctx, kind, namespace, name, subresource, value, digest);
        // A configuration that does not fit its type is refused before anybody is warned.
        if !answer.as_ref().is_err_and(|refusal| refusal.message.starts_with(UNTYPED)) {
            ctx.warnings.splice(told..told, warnings);
        }
        return answer;
    }
    let Parsed { value: body, duplicates, .. } = ctx.request.patch()?;
    let stored = ctx.state.get(&kind.table(), &key).ok_or_else(|| Refusal::not_found(kind, name))?;
    let make = || merged(kind, &media, convert::from_stored(kind, stored.value()).into_owned(), &body);
    let mut value = make()?;
    let untouched = if media == "application/json-patch+json" {
        Vec::new()
    } else {
        set_aside(kind, subresource, &mut value, &body)
    };
    let mut patched = match decode_parsed(ctx, kind, Parsed { duplicates, ..value.into() }) {
        Ok(mut patched) => {
            put_in(&mut patched, untouched);
            patched
        }
        Err(refusal) if media == "application/strategic-merge-patch+json" => {
            // The real server does not read the result as text, and takes numbers that do not fit.
            let mut value = make()?;
            let cut = crate::codec::cut_integers(&mut value, kind.ty());
            let again = if cut { decode_parsed(ctx, kind, value.into()) } else { Err(refusal) };
            let words = |why: &str| converter_words(why, &body);
            again.map_err(|refusal| refuse_patched(refusal, kind, || go_text(&body), words))?
        }
        Err(refusal) => {
            let patched = make()?;
            return Err(refuse_patched(
                refusal,
                kind,
                || match kind.is_custom() {
                    true => meta::expanded(&patched).to_string(),
                    false => meta::declared_text(&patched),
                },
                str::to_owned,
            ));
        }
    };
    check_place(kind, &mut patched, namespace, name)?;
    let outcome = update_object(ctx, kind, &key, &stored, patched, subresource, Tracking::Update)?;
    Ok(outcome.answer(ctx, kind, 200))
}

/// The live object with the patch.
fn merged(kind: &Kind, media: &str, mut live: Value, patch: &Value) -> Result<Value> {
    if media == "application/json-patch+json" {
        // Operations may look into the fields of the owners.
        seatrial_wire::expand(&mut live);
        return json_patch(live, patch);
    }
    if media == "application/merge-patch+json" {
        if patch.is_null() {
            return Err(Refusal::bad_request("Invalid JSON Patch"));
        }
        json_patch::merge(&mut live, patch);
        return Ok(live);
    }
    if patch.is_null() {
        return Ok(live);
    }
    crate::strategic_merge::merge(&live, patch, kind.ty()).map_err(|error| match error {
        PatchError::RetainKeys => Refusal::bad_request(error.to_string()),
        other => Refusal::new(500, "", other.to_string()),
    })
}

/// Takes out of a patched object what is taken from the live object anyway, as paths of one or two keys: it has been decoded
/// before. That is what the endpoint does not write, and the managed fields, where the patch does not name them.
fn set_aside(
    kind: &Kind,
    subresource: &str,
    patched: &mut Value,
    patch: &Value,
) -> Vec<(&'static [&'static str], Value)> {
    let Some(patch) = patch.as_object() else { return Vec::new() };
    let other_part: &[&str] = match subresource {
        "status" => &["spec"],
        "" if has_status(kind) => &["status"],
        _ => &[],
    };
    let mut aside = Vec::new();
    let mut take = |path: &'static [&'static str], map: Option<&mut Value>| {
        if let (Some(Value::Object(map)), Some(last)) = (map, path.last())
            && let Some(value) = map.remove(*last)
        {
            aside.push((path, value));
        }
    };
    match other_part {
        ["spec"] if !patch.contains_key("spec") => take(&["spec"], Some(patched)),
        ["status"] if !patch.contains_key("status") => take(&["status"], Some(patched)),
        _ => {}
    }
    let metadata = patch.get("metadata");
    if metadata.is_none_or(|m| m.as_object().is_some_and(|m| !m.contains_key("managedFields"))) {
        take(&["metadata", "managedFields"], patched.get_mut("metadata"));
    }
    aside
}

fn put_in(object: &mut Value, aside: Vec<(&'static [&'static str], Value)>) {
    for (path, value) in aside {
        let [parents @ .., last] = path else { continue };
        let map = parents.iter().try_fold(&mut *object, |value, key| value.get_mut(*key));
        if let Some(Value::Object(map)) = map {
            map.insert((*last).to_owned(), value);
        }
    }
}

fn unsupported_media(kind: &Kind, media: &str) -> Refusal {
    if kind.is_custom() && media == "application/strategic-merge-patch+json" {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        return Refusal::new(415, "UnsupportedMediaType", message);
    }
    let mut refusal = Refusal::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    refusal.empty_details = true;
    refusal
}

/// A patch whose result cannot be decoded is itself invalid; `shown` is what the message shows.
fn refuse_patched(
    refusal: Refusal,
    kind: &Kind,
    shown: impl FnOnce() -> String,
    words: impl FnOnce(&str) -> String,
) -> Refusal {
    let head = format!("{0} in version {1:?} cannot be handled as a {0}: ", kind.kind, kind.version);
    let strict = refusal.message.contains("strict decoding error");
    let why = refusal.message.strip_prefix(&head).filter(|_| strict || !kind.is_custom());
    let Some(why) = why else { return refusal };
    let body = format!("Invalid value: {:?}: {}", shown(), words(why));
    let cause = serde_json::json!({"reason": "FieldValueInvalid", "message": body, "field": "patch"});
    Refusal::new(422, "Invalid", format!(" \"\" is invalid: patch: {body}")).with_causes(vec![cause])
}

/// What the real server says of a value of the wrong type in a strategic merge, whose result it does not read as JSON:
/// the converter's words for what the parser of JSON would have said.
fn converter_words(why: &str, patch: &Value) -> String {
    let parts = why
        .strip_prefix("json: cannot unmarshal ")
        .and_then(|rest| rest.split_once(" into Go struct field "))
        .and_then(|(found, rest)| Some((found, rest.split_once(" of type ")?)));
    let Some((found, (place, wanted))) = parts else { return why.to_owned() };
    let (found, digits) = found.split_once(' ').unwrap_or((found, ""));
    let go = match found {
        "array" => "slice",
        "object" => "map",
        "number" if digits.contains(['.', 'e', 'E']) => "float64",
        "number" if digits.is_empty() && has_float(patch, place.split('.').skip(1)) => "float64",
        "number" => "int64",
        other => other,
    };
    if wanted.starts_with("map[") {
        return format!("cannot restore map from {go}");
    }
    if wanted.starts_with("[]") {
        return format!("cannot restore slice from {go}");
    }
    match wanted {
        "intstr.IntOrString" => format!("json: cannot unmarshal {found} into Go value of type int32"),
        _ if wanted.contains('.') && !wanted.starts_with("resource.") => {
            format!("cannot restore struct from: {go}")
        }
        "string" if go == "int64" => "cannot convert int64 to string".to_owned(),
        _ if wanted.starts_with("int") && go == "float64" => format!("cannot convert float64 to {wanted}"),
        _ if wanted.contains('.') => why.to_owned(),
        _ => format!("unrecognized type: {wanted}"),
    }
}

/// Whether a floating point number stands under a path that leads through lists and, at its end, through a map.
fn has_float<'p>(value: &Value, mut path: impl Iterator<Item = &'p str> + Clone) -> bool {
    match value {
        Value::Array(list) => list.iter().any(|item| has_float(item, path.clone())),
        Value::Object(map) => match path.next() {
            Some(key) => map.get(key).is_some_and(|value| has_float(value, path)),
            None => map.values().any(Value::is_f64),
        },
        value => value.is_f64(),
    }
}

/// A value as Go prints it: `map[a:1 b:[x y]]`.
fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{key}:{}", go_text(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => go_float(float),
            None => number.to_string(),
        },
        Value::Bool(flag) => flag.to_string(),
    }
}

/// A floating point number as Go prints it: with an exponent below 0.0001 and from 1000000 on.
fn go_float(number: f64) -> String {
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// Checks that an object is of the path that it is sent to; objects of the cluster lose the namespace that they name.
fn check_place(kind: &Kind, patched: &mut Value, namespace: &str, name: &str) -> Result<()> {
    let own = meta::name(patched);
    if own != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        )));
    }
    if !kind.namespaced {
        meta::metadata_mut(patched).remove("namespace");
    } else if !["", namespace].contains(&meta::namespace(patched)) {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

fn json_patch(mut live: Value, patch: &Value) -> Result<Value> {
    let found = match patch {
        Value::Array(_) | Value::Null => None,
        Value::Object(_) => Some("object"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
    };
    if let Some(found) = found {
        let why = format!("json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp");
        return Err(Refusal::bad_request(format!("error decoding patch: {why}")));
    }
    if patch.is_null() {
        return Ok(live);
    }
    let patch = json_patch::Patch::deserialize(patch).map_err(|_| {
        Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request")
    })?;
    if patch.0.len() > 10_000 {
        let message =
            format!("The allowed maximum operations in a JSON patch is 10000, got {}", patch.0.len());
        return Err(Refusal::new(413, "RequestEntityTooLarge", message));
    }
    let mut copied = 0;
    for operation in &patch.0 {
        let from = match operation {
            json_patch::PatchOperation::Copy(copy) => live.pointer(copy.from.as_str()),
            _ => None,
        };
        // A few copies of copies would fill the memory, or nest deeper than anything can read.
        copied += from.map_or(0, |value| meta::to_bytes(value).len());
        if copied > BODY_LIMIT {
            let message = format!("the operations of a JSON patch copy more than {BODY_LIMIT} bytes");
            return Err(Refusal::new(413, "RequestEntityTooLarge", message));
        }
        json_patch::patch(&mut live, std::slice::from_ref(operation)).map_err(|_| {
            Refusal::new(422, "Invalid", "the server rejected our request due to an error in our request")
        })?;
        if from_copy(operation) && depth(&live) > MOST_DEPTH {
            let message = format!("the result of a JSON patch is nested deeper than {MOST_DEPTH}");
            return Err(Refusal::new(413, "RequestEntityTooLarge", message));
        }
    }
    Ok(live)
}

/// How deep the result of a JSON patch may be nested: so much can be read again.
const MOST_DEPTH: usize = 120;

/// Whether an operation can nest what is there into itself.
fn from_copy(operation: &json_patch::PatchOperation) -> bool {
    matches!(operation, json_patch::PatchOperation::Copy(_) | json_patch::PatchOperation::Move(_))
}

/// How deep a value is nested. It does not recurse.
fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    let mut left = vec![(value, 1)];
    while let Some((value, depth)) = left.pop() {
        deepest = deepest.max(depth);
        match value {
            Value::Object(map) => left.extend(map.values().map(|v| (v, depth + 1))),
            Value::Array(list) => left.extend(list.iter().map(|v| (v, depth + 1))),
            _ => {}
        }
    }
    deepest
}

/// Two independent 64-bit hashes of everything that an apply depends on besides the live object.
fn digest(ctx: &Ctx<'_>, kind: &Kind, subresource: &str) -> u128 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let schemas = if kind.is_custom() { ctx.state.registry.generation } else { 0 };
    let (manager, api_version) = (ctx.request.manager(), kind.api_version());
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        let force = ctx.options.force.unwrap_or(false);
        (salt, &manager, &api_version, subresource, force, schemas).hash(&mut hasher);
        (&ctx.request.identity, ctx.options.field_validation).hash(&mut hasher);
        ctx.request.body.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

/// How the refusal of a configuration begins that does not fit its type.
const UNTYPED: &str = "failed to create typed patch object";

/// What to warn of where keys stand twice in an applied configuration; they are refused where the request asks for it.
fn repeated_keys(ctx: &Ctx<'_>, repeated: Vec<String>) -> Result<Vec<String>> {
    match ctx.options.field_validation {
        _ if repeated.is_empty() => Ok(Vec::new()),
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(repeated),
        FieldValidation::Strict => {
            let why = format!("error converting YAML to JSON: {}", unmarshal_errors(&repeated));
            Err(Refusal::bad_request(format!("error strict decoding YAML: {why}")))
        }
    }
}

fn server_side_apply(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    namespace: &str,
    name: &str,
    subresource: &str,
    mut applied: Value,
    digest: Option<u128>,
) -> Result<Answer> {
    let own_kind = meta::text(&applied, &["kind"]);
    let other = own_kind != kind.kind && meta::text(&applied, &["apiVersion"]) == kind.api_version();
    let version = meta::text(&applied, &["apiVersion"]);
    let unknown = seatrial_schema::kubernetes().type_of(version, own_kind).is_none();
    if version.is_empty() || own_kind.is_empty() || (!kind.is_custom() && (other || unknown)) {
        let (group, version) = seatrial_schema::split_api_version(meta::text(&applied, &["apiVersion"]));
        let why = format!("invalid object type: {group}/{version}, Kind={}", meta::text(&applied, &["kind"]));
        return Err(Refusal::bad_request(why));
    }
    if meta::text(&applied, &["apiVersion"]) != kind.api_version() {
        return Err(Refusal::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {}, expected: {}",
            meta::text(&applied, &["apiVersion"]),
            kind.api_version()
        )));
    }
    if applied.get("metadata").is_some_and(|m| !m.is_object() && !m.is_null()) {
        return Err(Refusal::bad_request("error decoding YAML: metadata is no object"));
    }
    // The name may be left out: the path has it.
    let metadata = meta::metadata_mut(&mut applied);
    metadata.entry("name").or_insert_with(|| name.into());
    let key = Key::new(namespace, name);
    let stored = ctx.state.get(&kind.table(), &key);
    if stored.is_none() {
        if !subresource.is_empty() {
            return Err(Refusal::not_found(kind, name));
        }
        rbac::may_create(ctx, kind, namespace, name)?;
    }
    let live = stored.as_ref().map(|o| convert::from_stored(kind, o.value()));
    let force = ctx.options.force.unwrap_or(false);
    let merged = with_writer(ctx, kind, subresource, |writer, ty| {
        managed_fields::apply_stored(live.as_deref(), &applied, writer, force, ty)
    })
    .map_err(refuse_apply)?;
    let merged = match live.as_deref() {
        Some(live) => keep_times(live, merged, &ctx.request.manager(), subresource),
        None => merged,
    };
    // Nothing to do: the answer is the live object.
    if let (Some(live), Some(stored)) = (&live, &stored)
        && **live == merged
    {
        if let Some(digest) = digest {
            stored.remember_unchanged_by(digest);
        }
        return Ok(crate::read::show(ctx, kind, 200, stored));
    }
    let mut merged = decode_applied(ctx, kind, merged)?;
    check_place(kind, &mut merged, namespace, name)?;
    let (outcome, code) = match &stored {
        Some(stored) => {
            (update_object(ctx, kind, &key, stored, merged, subresource, Tracking::Applied)?, 200)
        }
        None => {
            if !meta::uid(&merged).is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {}, and no existing object was found",
                    meta::uid(&merged)
                );
                return Err(Refusal::conflict(kind, name, &why));
            }
            (create_object(ctx, kind, namespace, merged, Tracking::Applied)?, 201)
        }
    };
    if let Some(digest) = digest {
        planned::remember(ctx, kind, &key, stored.as_deref(), digest, &outcome);
    }
    Ok(outcome.answer(ctx, kind, code))
}

/// Where nothing but the owners of fields has changed, the manager's entry keeps its time; a new entry has none.
fn keep_times(live: &Value, mut merged: Value, manager: &str, subresource: &str) -> Value {
    if *live == merged || !managed_fields::same_but_for_owners(live, &merged) {
        return merged;
    }
    let own = |entry: &Value| {
        meta::text(entry, &["manager"]) == manager
            && meta::text(entry, &["operation"]) == "Apply"
            && meta::text(entry, &["subresource"]) == subresource
    };
    let entries = |object: &Value| meta::at(object, &["metadata", "managedFields"]).cloned();
    let old = entries(live).and_then(|e| e.as_array()?.iter().find(|e| own(e))?.get("time").cloned());
    let managers = meta::metadata_mut(&mut merged).get_mut("managedFields").and_then(Value::as_array_mut);
    for entry in managers.into_iter().flatten().filter(|e| own(e)).filter_map(Value::as_object_mut) {
        match &old {
            Some(time) => entry.insert("time".to_owned(), time.clone()),
            None => entry.remove("time"),
        };
    }
    merged
}

/// Nulls of a custom resource stay where an apply left them: only what is decoded loses them.
fn decode_applied(ctx: &mut Ctx<'_>, kind: &Kind, merged: Value) -> Result<Value> {
    match kind {
        Kind::BuiltIn(_) => {
            let place = format!("{}/{}", meta::namespace(&merged), meta::name(&merged));
            decode(ctx, kind, merged).map_err(|refusal| refuse_converted(refusal, kind, &place))
        }
        Kind::Custom(version) => {
            let mut merged = merged;
            version.schema.prune(&mut merged);
            version.schema.default(&mut merged);
            Ok(merged)
        }
    }
}

/// An applied object whose values do not fit its type: the real server converts it, and does not read it as text.
fn refuse_converted(refusal: Refusal, kind: &Kind, place: &str) -> Refusal {
    let head = format!("{0} in version {1:?} cannot be handled as a {0}: ", kind.kind, kind.version);
    let Some(why) = refusal.message.strip_prefix(&head) else { return refusal };
    let decoding = if why.starts_with("illegal base64") { "error decoding from json: " } else { "" };
    let api_version = kind.api_version();
    let (group, version) = seatrial_schema::split_api_version(&api_version);
    let shown = format!("{group}/{version}, Kind={}", kind.kind);
    let message = format!(
        "failed to convert new object ({place}; {shown}) to proper version: unable to convert unstructured object \
         to {shown}: {decoding}{why}"
    );
    Refusal::new(500, "", message)
}

fn check_apply_options(options: &Options) -> Result<()> {
    if !options.field_manager.is_empty() {
        return Ok(());
    }
    let message =
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    let cause = serde_json::json!({"reason": "FieldValueRequired",
        "message": "Required value: is required for apply patch", "field": "fieldManager"});
    let mut refusal = Refusal::new(422, "Invalid", message).with_causes(vec![cause]);
    refusal.details.insert("group".to_owned(), "meta.k8s.io".into());
    refusal.details.insert("kind".to_owned(), "PatchOptions".into());
    Err(refusal)
}

fn refuse_apply(error: ApplyError) -> Refusal {
    let message = error.to_string();
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts
                .iter()
                .flat_map(|conflict| conflict.causes())
                .map(|(message, field)| {
                    serde_json::json!({"reason": "FieldManagerConflict", "message": message, "field": field})
                })
                .collect();
            Refusal::new(409, "Conflict", message).with_causes(causes)
        }
        ApplyError::ManagedFieldsSent => Refusal::bad_request(message),
        // The core group is shown as an empty one.
        ApplyError::Untyped { api_version, .. } if !api_version.contains('/') => Refusal::new(
            500,
            "",
            message.replacen(&format!("; {api_version}, "), &format!("; /{api_version}, "), 1),
        ),
        ApplyError::Untyped { .. } => Refusal::new(500, "", message),
    }
}
