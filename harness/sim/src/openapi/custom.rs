//! The OpenAPI documents of custom kinds, made of their definitions.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::paths::{self, Served};
use super::types::Style;
use super::{META, closure, digest, document_v3, section_path, type_name};
use crate::custom::CustomVersion;
use crate::meta;
use crate::object::Key;
use crate::store::State;

/// The paths of the documents of custom kinds, each with its hash.
pub(super) fn hashes(state: &State) -> Vec<(String, String)> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for version in state.registry.all() {
        let r = &version.resource;
        // A definition that has changed has another resource version.
        let stamp = definition(state, version).map(|(_, stamp)| stamp).unwrap_or_default();
        sections.entry(section_path(&r.group, &r.version)).or_default().push(format!("{} {stamp}", r.plural));
    }
    sections
        .into_iter()
        .map(|(path, stamps)| {
            let hash = digest(&[&path, &stamps.join("\n")]);
            (path, hash)
        })
        .collect()
}

/// The stored definition of a custom kind, and a digest of it.
fn definition(state: &State, version: &CustomVersion) -> Option<(Value, String)> {
    let r = &version.resource;
    let name = format!("{}.{}", r.plural, r.group);
    let object = state.get("customresourcedefinitions.apiextensions.k8s.io", &Key::new("", name))?;
    let versions = meta::at(object.value(), &["spec", "versions"])?.as_array()?;
    let found = versions.iter().find(|v| meta::text(v, &["name"]) == r.version)?;
    let schema = meta::at(found, &["schema", "openAPIV3Schema"]).cloned();
    // By content: versions and uids of two simulations with the same seed are the same.
    let stamp = digest(&[&String::from_utf8_lossy(&object.json())]);
    Some((schema.unwrap_or_else(|| json!({"type": "object"})), stamp))
}

/// `com.example.stable.v1.Widget`.
fn model_name(group: &str, version: &str, kind: &str) -> String {
    let reversed: Vec<&str> = group.split('.').rev().collect();
    format!("{}.{version}.{kind}", reversed.join("."))
}

/// The document of a group version.
pub(super) fn document(state: &State, path: &str) -> Bytes {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    let mut needed = BTreeSet::new();
    for version in state.registry.all() {
        if section_path(&version.resource.group, &version.resource.version) == path {
            add(state, version, Style::V3, &mut paths, &mut schemas, &mut needed);
        }
    }
    schemas.extend(closure(needed, Style::V3));
    let mut sorted: Vec<(String, Value)> = schemas.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut document = document_v3(paths, sorted.into_iter().collect());
    document["info"] = json!({"title": "Kubernetes CRD Swagger", "version": "v0.1.0"});
    meta::to_bytes(&document)
}

/// Adds all custom kinds to the document of version 2.
pub(super) fn add_v2(state: &State, paths: &mut Map<String, Value>, definitions: &mut Map<String, Value>) {
    for version in state.registry.all() {
        // What they refer to is there already.
        add(state, version, Style::V2, paths, definitions, &mut BTreeSet::new());
    }
}

fn add(
    state: &State,
    version: &CustomVersion,
    style: Style,
    paths: &mut Map<String, Value>,
    schemas: &mut Map<String, Value>,
    needed: &mut BTreeSet<String>,
) {
    let Some((schema, _)) = definition(state, version) else { return };
    let r = &version.resource;
    let object = model_name(&r.group, &r.version, &r.kind);
    let list = model_name(&r.group, &r.version, &version.list_kind);
    let mut model = match style {
        Style::V2 => reduced(&schema),
        Style::V3 => schema,
    };
    if style == Style::V3 {
        say_int_or_string(&mut model);
    }
    complete(&mut model, style);
    let gvk = |kind: &str| json!([{"group": r.group, "kind": kind, "version": r.version}]);
    model["x-kubernetes-group-version-kind"] = gvk(&r.kind);
    schemas.insert(object.clone(), model);
    let own = json!({"$ref": style.refer(&object)});
    let list_metadata = refer(style, "ListMeta");
    schemas.insert(
        list.clone(),
        json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "items": {"type": "array", "items": own},
                "kind": {"type": "string"},
                "metadata": list_metadata,
            },
            "x-kubernetes-group-version-kind": gvk(&version.list_kind),
        }),
    );
    needed.extend(
        ["ObjectMeta", "ListMeta", "DeleteOptions", "Patch", "Status"].map(|n| format!("{META}.{n}")),
    );
    let served = Served { resource: r, object: object.clone(), list, custom: true };
    let name_of = |group: &str, v: &str, kind: &str| {
        if group == r.group && kind == r.kind { Some(object.clone()) } else { type_name(group, v, kind) }
    };
    needed.extend(r.subresources.iter().filter_map(|s| type_name(&s.group, &s.version, &s.kind)));
    paths::add(paths, &served, style, &name_of);
}

fn refer(style: Style, name: &str) -> Value {
    json!({"$ref": style.refer(&format!("{META}.{name}"))})
}

/// Version 3 says in its own words what `x-kubernetes-int-or-string` means.
fn say_int_or_string(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) && !map.contains_key("anyOf")
            {
                map.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
            }
            map.values_mut().for_each(say_int_or_string);
        }
        Value::Array(list) => list.iter_mut().for_each(say_int_or_string),
        _ => {}
    }
}

/// Every kind has a type and metadata, whether or not its schema names them.
fn complete(model: &mut Value, style: Style) {
    if !model.is_object() {
        *model = json!({"type": "object"});
    }
    model["type"] = "object".into();
    let properties = meta::map_mut(model, "properties");
    properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
    properties.insert("kind".to_owned(), json!({"type": "string"}));
    properties.insert("metadata".to_owned(), refer(style, "ObjectMeta"));
}

/// A structural schema with what version 2 has words for.
fn reduced(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return json!({}) };
    let flag = |key: &str| map.get(key) == Some(&Value::Bool(true));
    // Below these anything may stand, which version 2 says with an empty schema.
    let open = flag("x-kubernetes-preserve-unknown-fields")
        || flag("nullable")
        || flag("x-kubernetes-int-or-string");
    let mut out = Map::new();
    for (key, value) in map {
        let kept = match key.as_str() {
            "properties" if !open => Some(Value::Object(
                value.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), reduced(v))).collect(),
            )),
            "items" if !open => Some(reduced(value)),
            "additionalProperties" if !open && value.is_object() => Some(reduced(value)),
            "type" | "format" | "required" | "enum" | "minimum" | "maximum" | "exclusiveMinimum"
            | "exclusiveMaximum" | "minLength" | "maxLength" | "pattern" | "minItems" | "maxItems"
            | "uniqueItems" | "minProperties" | "maxProperties" | "multipleOf"
                if !open =>
            {
                Some(value.clone())
            }
            "description" => Some(value.clone()),
            key if key.starts_with("x-kubernetes-") => Some(value.clone()),
            _ => None,
        };
        if let Some(kept) = kept {
            out.insert(key.clone(), kept);
        }
    }
    out.into()
}
