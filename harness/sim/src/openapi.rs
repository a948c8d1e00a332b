//! OpenAPI documents: version 3, one for each group version, and version 2, one for all.
//!
//! They are made of the schema tables, which have no prose: `kubectl explain` shows fields and types, and descriptions only
//! for custom kinds. Built-in documents are made at their first use and kept for as long as the program runs; those of custom
//! kinds are made of their definitions on request.

mod custom;
mod paths;
mod proto;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use seatrial_schema::{Resource, kubernetes};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use crate::meta;
use crate::serve::{Answer, Content, Ctx};
use crate::status::{Refusal, Result};
use crate::store::State;
use paths::Served;
use types::Style;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
/// The form with dots, whichever was asked for: parsers of media types refuse the older `v2@v1.0`.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// A document with the media type and the tag that it is sent with.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) media: &'static str,
    pub(crate) body: Bytes,
    /// Upper-case hexadecimal digest of what the document is made of.
    pub(crate) hash: String,
    /// Whether it stands under an address that names the hash: it can be kept for good.
    pub(crate) immutable: bool,
}

fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha512::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().map(|b| format!("{b:02X}")).collect()
}

/// `/openapi/v3`: the index, or the document of a path such as `apis/apps/v1`.
pub(crate) fn v3(ctx: &Ctx<'_>, path: &str) -> Result<Answer> {
    let all = sections(ctx.state);
    if path.is_empty() {
        let paths: Map<String, Value> = all
            .iter()
            .map(|(path, section)| {
                let url = format!("/openapi/v3/{path}?hash={}", section.hash);
                (path.clone(), json!({"serverRelativeURL": url}))
            })
            .collect();
        let body = meta::to_bytes(&json!({"paths": paths}));
        let hash = digest(&[&String::from_utf8_lossy(&body)]);
        return Ok(answer(ctx, Document { media: "application/json", body, hash, immutable: false }));
    }
    let Some(section) = all.get(path) else {
        return Ok(Answer { code: 404, content: Content::Text(Bytes::new()) });
    };
    let asked = ctx.request.query_value("hash");
    if asked.as_deref().is_some_and(|h| !h.is_empty() && h != section.hash) {
        let location = format!("/openapi/v3/{path}?hash={}", section.hash);
        return Ok(Answer { code: 301, content: Content::Moved(location) });
    }
    let body = match &section.custom {
        false => built_in(path),
        true => custom::document(ctx.state, path),
    };
    let immutable = asked.is_some();
    Ok(answer(ctx, Document { media: "application/json", body, hash: section.hash.clone(), immutable }))
}

/// `/openapi/v2`, as JSON or in the protobuf form.
///
/// # Errors
/// 406 where neither is accepted.
pub(crate) fn v2(ctx: &Ctx<'_>) -> Result<Answer> {
    let sections = sections(ctx.state);
    let custom: Vec<&str> = sections.values().filter(|s| s.custom).map(|s| s.hash.as_str()).collect();
    let hash = digest(&[&[vec!["v2", kubernetes().version()], custom].concat().join(" ")]);
    let media = accepted_v2(&ctx.request.accept)?;
    // The last few documents are kept: they differ by the custom kinds of a cluster alone.
    type Kept = Vec<(String, &'static str, Bytes)>;
    static KEPT: Mutex<Kept> = Mutex::new(Vec::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let body = match kept.iter().find(|(h, m, _)| *h == hash && *m == media) {
        Some((.., body)) => body.clone(),
        None => {
            let document = whole(ctx.state);
            let body =
                if media == V2_PROTOBUF { proto::document(&document) } else { meta::to_bytes(&document) };
            kept.truncate(3);
            kept.insert(0, (hash.clone(), media, body.clone()));
            body
        }
    };
    drop(kept);
    Ok(answer(ctx, Document { media, body, hash, immutable: false }))
}

fn accepted_v2(accept: &str) -> Result<&'static str> {
    let mut any = false;
    for media in accept.split(',').map(|m| m.split(';').next().unwrap_or("").trim()) {
        any |= !media.is_empty();
        match media {
            "application/json" | "*/*" | "application/*" => return Ok("application/json"),
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
            | "application/com.github.proto-openapi.spec.v2.v1.0+protobuf" => return Ok(V2_PROTOBUF),
            _ => {}
        }
    }
    if !any {
        return Ok("application/json");
    }
    Err(Refusal::new(
        406,
        "NotAcceptable",
        format!("only the following media types are accepted: application/json, {V2_PROTOBUF}"),
    ))
}

fn answer(ctx: &Ctx<'_>, document: Document) -> Answer {
    let known =
        ctx.request.if_none_match.split(',').map(|t| t.trim().trim_start_matches("W/").trim_matches('"'));
    let code = if known.into_iter().any(|t| t == document.hash || t == "*") { 304 } else { 200 };
    Answer { code, content: Content::Document(document) }
}

/// A document of the index.
struct Section {
    hash: String,
    custom: bool,
}

fn section_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn sections(state: &State) -> BTreeMap<String, Section> {
    static BUILT_IN: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let mut all = vec!["api".to_owned(), "apis".to_owned(), "version".to_owned()];
        for group in kubernetes().groups() {
            if !group.name.is_empty() {
                all.push(format!("apis/{}", group.name));
            }
            all.extend(group.versions.iter().map(|v| section_path(&group.name, v)));
        }
        all.into_iter()
            .map(|path| (digest(&[kubernetes().version(), &path]), path))
            .map(|(h, p)| (p, h))
            .collect()
    });
    let mut all: BTreeMap<String, Section> = BUILT_IN
        .iter()
        .map(|(path, hash)| (path.clone(), Section { hash: hash.clone(), custom: false }))
        .collect();
    for (path, hash) in custom::hashes(state) {
        all.insert(path, Section { hash, custom: true });
    }
    all
}

/// A built-in document, made once.
fn built_in(path: &str) -> Bytes {
    static MADE: Mutex<BTreeMap<String, Bytes>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(body) = made.get(path) {
        return body.clone();
    }
    let mut parts = path.split('/');
    let (group, version) = match (parts.next(), parts.next(), parts.next()) {
        (Some("api"), Some(version), None) => ("", version),
        (Some("apis"), Some(group), Some(version)) => (group, version),
        // The documents of the discovery pages: they have no operations on resources.
        _ => ("-", "-"),
    };
    let resources: Vec<&Resource> =
        kubernetes().resources().iter().filter(|r| r.group == group && r.version == version).collect();
    let mut needed = BTreeSet::new();
    let mut paths = Map::new();
    for resource in resources {
        add_built_in(&mut paths, resource, Style::V3, &mut needed);
    }
    // Kinds of the version that no path names, such as the options of a subresource.
    for (.., ty) in kubernetes().kinds().filter(|(g, v, ..)| *g == group && *v == version) {
        needed.extend(ty.own_name().map(str::to_owned));
    }
    let body = meta::to_bytes(&document_v3(paths, closure(needed, Style::V3)));
    made.insert(path.to_owned(), body.clone());
    body
}

fn document_v3(paths: Map<String, Value>, schemas: Map<String, Value>) -> Value {
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": kubernetes().version()},
        "paths": paths,
        "components": {"schemas": schemas,
            "securitySchemes": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}}},
    })
}

fn type_name(group: &str, version: &str, kind: &str) -> Option<String> {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    kubernetes().type_of(&api_version, kind)?.own_name().map(str::to_owned)
}

fn add_built_in(
    paths: &mut Map<String, Value>,
    resource: &Resource,
    style: Style,
    needed: &mut BTreeSet<String>,
) {
    let Some(object) = type_name(&resource.group, &resource.version, &resource.kind) else { return };
    let list = type_name(&resource.group, &resource.version, &format!("{}List", resource.kind));
    let served = Served { resource, object, list: list.unwrap_or_default(), custom: false };
    paths::add(paths, &served, style, &type_name);
    needed.insert(served.object);
    needed.extend(Some(served.list).filter(|l| !l.is_empty()));
    needed.extend(resource.subresources.iter().filter_map(|s| type_name(&s.group, &s.version, &s.kind)));
    needed.extend(
        ["DeleteOptions", "Patch", "Status", "WatchEvent", "APIResourceList"].map(|n| format!("{META}.{n}")),
    );
}

/// The definitions with these names, and all that they refer to.
fn closure(mut needed: BTreeSet<String>, style: Style) -> Map<String, Value> {
    let mut done: BTreeMap<String, Value> = BTreeMap::new();
    while let Some(name) = needed.pop_first() {
        if done.contains_key(&name) {
            continue;
        }
        let Some(ty) = kubernetes().type_named(&name) else { continue };
        let mut definition = types::definition(ty, style, &mut needed);
        let kinds = kinds_of(&name);
        if !kinds.is_empty() {
            definition["x-kubernetes-group-version-kind"] = kinds.into();
        }
        done.insert(name, definition);
    }
    done.into_iter().collect()
}

/// The kinds that a definition is the type of.
fn kinds_of(name: &str) -> Vec<Value> {
    static KINDS: LazyLock<BTreeMap<&'static str, Vec<Value>>> = LazyLock::new(|| {
        let mut all: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for (group, version, kind, ty) in kubernetes().kinds() {
            if let Some(name) = ty.own_name() {
                all.entry(name).or_default().push(json!({"group": group, "kind": kind, "version": version}));
            }
        }
        all
    });
    KINDS.get(name).cloned().unwrap_or_default()
}

/// The document of version 2: all groups, built in and custom.
fn whole(state: &State) -> Value {
    /// Paths and definitions.
    type Parts = (Map<String, Value>, Map<String, Value>);
    static BUILT_IN: LazyLock<Parts> = LazyLock::new(|| {
        let mut needed: BTreeSet<String> = kubernetes().types().map(|(name, _)| name.to_owned()).collect();
        let mut paths = Map::new();
        for resource in kubernetes().resources() {
            add_built_in(&mut paths, resource, Style::V2, &mut needed);
        }
        (paths, closure(needed, Style::V2))
    });
    let (mut paths, mut definitions) = BUILT_IN.clone();
    custom::add_v2(state, &mut paths, &mut definitions);
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": kubernetes().version()},
        "paths": paths,
        "definitions": definitions,
    })
}
