//! Get, list and watch.

use std::sync::Arc;
use std::time::Duration;

use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{DecodeError, Engine as _, alphabet};
use bytes::{BufMut as _, BytesMut};
use serde_json::{Map, Value, json};

use crate::convert;
use crate::kind::Kind;
use crate::meta;
use crate::object::{Key, Object};
use crate::request::{Form, Options};
use crate::selector::Selector;
use crate::serve::{Answer, Content, Ctx, Whole};
use crate::status::{Refusal, Result};
use crate::store::{Objects, State};
use crate::table;
use crate::watch::{Filter, Start, Watch};

/// An object in the form that the request asks for.
pub(crate) fn show(ctx: &Ctx<'_>, kind: &Kind, code: u16, object: &Arc<Object>) -> Answer {
    match ctx.request.form {
        Form::Full | Form::Aggregated => Answer { code, content: Content::Whole(Whole::of(kind, object)) },
        _ => show_value(ctx, kind, code, convert::from_stored(kind, object.value()).into_owned()),
    }
}

/// The same for an object that is not stored, already in the version of `kind`.
pub(crate) fn show_value(ctx: &Ctx<'_>, kind: &Kind, code: u16, value: Value) -> Answer {
    match ctx.request.form {
        Form::Full | Form::Aggregated => Answer::whole(code, value),
        Form::Metadata { old } => Answer::json(code, &table::in_version(table::metadata_only(&value), old)),
        Form::MetadataList { .. } => Answer::refused(not_a_list(kind)),
        Form::Table { old } => {
            let metadata = json!({"resourceVersion": meta::text(&value, &["metadata", "resourceVersion"])});
            let include = ctx.options.include_object;
            let made = table::table(kind, &[&value], metadata, ctx.now, true, include);
            Answer::json(code, &table::in_version(made, old))
        }
    }
}

/// The type of an object, or of a list, in the words of the real server.
fn go_type(kind: &Kind, list: &str) -> String {
    match kind {
        Kind::Custom(_) => format!("*unstructured.Unstructured{list}"),
        Kind::BuiltIn(r) => format!("*{}.{}{list}", crate::decode::internal_group(kind), r.kind),
    }
}

fn not_a_list(kind: &Kind) -> Refusal {
    if kind.is_custom() {
        return Refusal::new(500, "", "content is not a list");
    }
    let ty = go_type(kind, "");
    let message =
        format!("you requested PartialObjectMetadataList, but the requested object is not a list ({ty})");
    Refusal::new(406, "NotAcceptable", message)
}

fn is_a_list(kind: &Kind) -> Refusal {
    let ty = go_type(kind, "List");
    let message = format!("you requested PartialObjectMetadata, but the requested object is a list ({ty})");
    Refusal::new(406, "NotAcceptable", message)
}

pub(crate) fn get(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: &str) -> Result<Answer> {
    let table = kind.table();
    let object = ctx.state.get(&table, &Key::new(namespace, name));
    let object = object.ok_or_else(|| match kind.is("", "ComponentStatus") {
        // Nothing is stored of this kind: whoever answers for it calls it so.
        true => {
            let message = format!("componentstatus {name:?} not found");
            Refusal::new(404, "NotFound", message).about(name, "", "componentstatus")
        }
        false => Refusal::not_found(kind, name),
    })?;
    Ok(show(ctx, kind, 200, &object))
}

/// Where a list that was given in pieces goes on.
struct Token {
    version: u64,
    after: Key,
}

/// Go does not look at the bits that are left over at the end.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

impl Token {
    /// As the real server writes it; clients take it as it is.
    fn write(&self) -> String {
        let start = format!("{}/{}\0", self.after.namespace, self.after.name);
        BASE64.encode(json!({"v": "meta.k8s.io/v1", "rv": self.version, "start": start}).to_string())
    }

    fn read(text: &str) -> Result<Token> {
        let refuse = |why: &str| {
            Refusal::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = BASE64.decode(text).map_err(|error| {
            let at = match error {
                DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _) => at,
                DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len(),
            };
            refuse(&format!("illegal base64 data at input byte {at}"))
        })?;
        let token = crate::json::parse(&bytes, false).map_err(|why| refuse(&why))?.value;
        if meta::text(&token, &["v"]) != "meta.k8s.io/v1" {
            return Err(refuse("server does not recognize this encoded version"));
        }
        let version = token.get("rv").and_then(Value::as_u64).filter(|version| *version > 0);
        let version = version
            .ok_or_else(|| refuse("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"))?;
        let start = meta::text(&token, &["start"]).trim_end_matches('\0');
        let (namespace, name) = start
            .split_once('/')
            .ok_or_else(|| refuse("encoded start key empty (version meta.k8s.io/v1)"))?;
        Ok(Token { version, after: Key::new(namespace, name) })
    }
}

fn parse_version(text: &str) -> Result<Option<u64>> {
    if text.is_empty() {
        return Ok(None);
    }
    let version = text.parse::<u64>().map_err(|_| {
        let value = Value::from(text);
        let body = format!("Invalid value: {value}: strconv.ParseUint: parsing {value}: invalid syntax");
        Refusal::new(400, "BadRequest", format!("invalid resource version: resourceVersion: {body}"))
    })?;
    Ok(Some(version))
}

fn too_large(version: u64, current: u64) -> Refusal {
    let message = format!("Too large resource version: {version}, current: {current}");
    let mut refusal = Refusal::new(504, "Timeout", message).with_causes(vec![json!({
        "reason": "ResourceVersionTooLarge", "message": "Too large resource version"
    })]);
    refusal.details.insert("retryAfterSeconds".to_owned(), 1.into());
    refusal
}

fn check_list_options(options: &Options) -> Result<()> {
    let refuse = |field: &str, body: String| {
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: {body}");
        let mut refusal = Refusal::new(422, "Invalid", message)
            .with_causes(vec![json!({"reason": "FieldValueForbidden", "message": body, "field": field})]);
        refusal.details.insert("group".to_owned(), "meta.k8s.io".into());
        refusal.details.insert("kind".to_owned(), "ListOptions".into());
        refusal
    };
    let matching = options.resource_version_match.as_str();
    let forbidden = |why: &str| Err(refuse("resourceVersionMatch", format!("Forbidden: {why}")));
    if options.watch {
        if options.send_initial_events.is_none() && !matching.is_empty() {
            return forbidden(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if options.send_initial_events.is_some() && matching != "NotOlderThan" {
            return forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        return Ok(());
    }
    if options.send_initial_events.is_some() {
        let why = "Forbidden: sendInitialEvents is forbidden for list".to_owned();
        return Err(refuse("sendInitialEvents", why));
    }
    match matching {
        "" => Ok(()),
        _ if options.resource_version.is_empty() => {
            forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        _ if !options.continue_token.is_empty() => {
            forbidden("resourceVersionMatch is forbidden when continue is provided")
        }
        "Exact" if options.resource_version == "0" => {
            forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        "Exact" | "NotOlderThan" => Ok(()),
        other => {
            let body = format!(
                "Unsupported value: {}: supported values: \"Exact\", \"NotOlderThan\"",
                Value::from(other)
            );
            Err(refuse("resourceVersionMatch", body))
        }
    }
}

pub(crate) fn list(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str) -> Result<Answer> {
    ctx.options.check_numbers(&["limit", "timeoutSeconds"])?;
    check_list_options(&ctx.options)?;
    let options = &ctx.options;
    let selector = Selector::parse(&options.label_selector, &options.field_selector, kind)?;
    let token = match options.continue_token.as_str() {
        "" => None,
        text => Some(Token::read(text)?),
    };
    let asked = parse_version(&options.resource_version)?;
    let current = ctx.state.revision;
    if let Some(version) = asked.filter(|v| *v > current) {
        let mut refusal = too_large(version, current);
        refusal.message.insert_str(0, "Timeout: ");
        return Err(refusal);
    }
    let exact = asked.filter(|_| options.resource_version_match == "Exact");
    let version = token.as_ref().map(|t| t.version).or(exact).unwrap_or(current);
    let objects = snapshot(ctx.state, kind, version, token.is_some())?;
    let (items, more) = select(&objects, namespace, &selector, token.map(|t| t.after), options.limit);

    let mut metadata = Map::new();
    if kind.is_custom() && ctx.request.form == Form::Full {
        // Lists of custom resources always show it.
        metadata.insert("continue".to_owned(), "".into());
    }
    metadata.insert("resourceVersion".to_owned(), version.to_string().into());
    if let (Some(more), Some(last)) = (more, items.last()) {
        let value = last.value();
        let after = Key::new(meta::namespace(value), meta::name(value));
        metadata.insert("continue".to_owned(), Token { version, after }.write().into());
        if selector.is_empty() {
            metadata.insert("remainingItemCount".to_owned(), more.into());
        }
    }
    Ok(show_list(ctx, kind, &items, Value::Object(metadata)))
}

fn snapshot(state: &State, kind: &Kind, version: u64, continued: bool) -> Result<Objects> {
    let Some(table) = state.tables.get(kind.table().as_str()) else { return Ok(Objects::default()) };
    table.at(version).ok_or_else(|| {
        Refusal::expired(if continued {
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
        } else {
            "The resourceVersion for the provided list is too old."
        })
    })
}

/// The objects from `after` on, at most `limit` of them (0: all), and how many are left.
fn select(
    objects: &Objects,
    namespace: &str,
    selector: &Selector,
    after: Option<Key>,
    limit: usize,
) -> (Vec<Arc<Object>>, Option<usize>) {
    let start = after.unwrap_or_else(|| Key::new(namespace, ""));
    let mut items: Vec<Arc<Object>> = Vec::new();
    let mut left = 0;
    let matching = objects
        .range(start.clone()..)
        .take_while(|(key, _)| namespace.is_empty() || key.namespace == namespace)
        .filter(|(key, object)| **key != start && (selector.is_empty() || selector.matches(object.value())));
    for (_, object) in matching {
        if limit > 0 && items.len() == limit {
            left += 1;
            if !selector.is_empty() {
                break;
            }
        } else {
            items.push(object.clone());
        }
    }
    (items, (left > 0).then_some(left))
}

fn show_list(ctx: &Ctx<'_>, kind: &Kind, items: &[Arc<Object>], metadata: Value) -> Answer {
    match ctx.request.form {
        Form::Table { old } => {
            let values: Vec<_> = items.iter().map(|o| convert::from_stored(kind, o.value())).collect();
            let values: Vec<&Value> = values.iter().map(AsRef::as_ref).collect();
            let include = ctx.options.include_object;
            let made = table::table(kind, &values, metadata, ctx.now, true, include);
            Answer::json(200, &table::in_version(made, old))
        }
        Form::Metadata { .. } => Answer::refused(is_a_list(kind)),
        Form::MetadataList { old } => {
            let items: Vec<Value> =
                items.iter().map(|o| table::in_version(table::metadata_only(o.value()), old)).collect();
            let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items});
            Answer::json(200, &table::in_version(list, old))
        }
        Form::Full | Form::Aggregated => {
            let head =
                json!({"kind": kind.list_kind(), "apiVersion": kind.api_version(), "metadata": metadata});
            let head = head.to_string();
            let texts: Vec<bytes::Bytes> = items.iter().map(|o| item_text(kind, o)).collect();
            let size = texts.iter().map(|t| t.len() + 1).sum::<usize>() + head.len() + 16;
            let mut out = BytesMut::with_capacity(size);
            out.put_slice(head.trim_end_matches('}').as_bytes());
            // The head ends with the braces of its metadata and its own; the latter comes last.
            let closing = head.len() - head.trim_end_matches('}').len();
            out.put_bytes(b'}', closing.saturating_sub(1));
            out.put_slice(b",\"items\":[");
            for (i, text) in texts.iter().enumerate() {
                if i > 0 {
                    out.put_u8(b',');
                }
                if !kind.is_custom() {
                    out.put_u8(b'{');
                }
                out.put_slice(text);
            }
            out.put_slice(b"]}");
            Answer { code: 200, content: Content::Json(out.freeze()) }
        }
    }
}

/// An item of a list: those of built-in kinds do not name their own type.
fn item_text(kind: &Kind, object: &Arc<Object>) -> bytes::Bytes {
    let text = Whole::of(kind, object).text();
    if kind.is_custom() {
        return text;
    }
    // The text begins with the type, so that the rest of it, which is shared, is the item but for its brace.
    let head = format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", kind.kind, kind.api_version());
    if text.starts_with(head.as_bytes()) {
        return text.slice(head.len()..);
    }
    let mut value = convert::from_stored(kind, object.value()).into_owned();
    if let Value::Object(map) = &mut value {
        map.remove("apiVersion");
        map.remove("kind");
    }
    meta::to_bytes(&value).slice(1..)
}

/// Watches a collection, or the one object of this name in it.
pub(crate) fn watch(ctx: &mut Ctx<'_>, kind: &Kind, namespace: &str, name: Option<&str>) -> Result<Answer> {
    ctx.options.check_numbers(&["limit", "timeoutSeconds"])?;
    check_list_options(&ctx.options)?;
    let options = ctx.options.clone();
    let mut selector = Selector::parse(&options.label_selector, &options.field_selector, kind)?;
    if let Some(name) = name {
        selector.restrict_to(name);
    }
    let asked = parse_version(&options.resource_version).map_err(|refusal| {
        let message = refusal.message.replacen("invalid resource version: ", "", 1);
        Refusal::new(500, "", message)
    })?;
    let current = ctx.state.revision;
    let number = ctx.state.watch_number();
    let (table, entry) = ctx.state.table_mut(&kind.table());
    let filter = Filter {
        kind: kind.clone(),
        table,
        namespace: namespace.to_owned(),
        selector,
        form: ctx.request.form,
        include: options.include_object,
    };

    let from_start = match options.send_initial_events {
        Some(send) => send,
        None => matches!(asked, None | Some(0)),
    };
    let mut refused = None;
    let after = match asked {
        Some(version) if version > current && options.send_initial_events == Some(true) => {
            refused = Some(too_large(version, current));
            current
        }
        Some(version) if version > 0 && !from_start => {
            if version < entry.forgotten {
                let message = format!("too old resource version: {version} ({})", entry.forgotten + 1);
                refused = Some(Refusal::expired(message));
            }
            // One that is still to come is waited for.
            version
        }
        _ => current,
    };
    let initial = if from_start && refused.is_none() {
        entry.objects.values().filter(|o| filter.shows(o)).cloned().collect()
    } else {
        Vec::new()
    };
    let start = Start {
        after,
        initial,
        mark_end: options.send_initial_events == Some(true) && options.allow_watch_bookmarks,
        // A watch as short as that ends before the next bookmark.
        bookmarks: options.allow_watch_bookmarks && options.timeout_seconds.is_none_or(|t| t > 2),
        refused,
    };
    let closed = entry.closed;
    let honoured = ctx.cluster.0.options.watch_timeouts;
    let timeout = options.timeout_seconds.filter(|_| honoured).map(Duration::from_secs);
    // The watch locks the state when it is read or dropped, never now.
    let watch = Watch::new(ctx.cluster.0.clone(), filter, start, number, closed, timeout);
    Ok(Answer { code: 200, content: Content::Watch(Box::new(watch)) })
}
