//! Types of other kinds: the `openapi` and `crds` fields.

use seatrial_schema::{
    Attributes, Builder, DeclaredListType, NodeId, PatchStrategy, Resource, Scalar, Schema, Text,
};
use seatrial_yaml::Dialect;
use serde_json::{Map, Value as Json};

use crate::Renderer;
use crate::accumulate::{Build, Target};
use crate::config::{FieldSpec, NameReference, TransformerConfig, merge_spec};
use crate::directories::Trace;
use crate::error::{Context, Result, fail};
use crate::loader::{Loader, in_file};

const DEFINITIONS: &str = "#/definitions/";

/// Takes the types that a kustomization brings along; the first that come stay for the whole build.
pub(crate) fn take_types(build: &mut Build<'_>, target: &Target<'_>) -> Result<()> {
    let fields = &target.content.open_api;
    if !fields.is_empty() {
        target.loader.note(Trace::more);
    }
    if !fields.is_empty() && build.is_helper() {
        build.needs_order = true;
        return fail("types are taken in the order of kustomizations");
    }
    match (fields.get("path"), fields.get("version")) {
        (Some(_), Some(_)) => fail("builtin version and custom schema provided, cannot use both"),
        (Some(path), None) => {
            let json = read_json(build.renderer, &target.loader, path)?;
            build.types.set_custom(schema(&json));
            Ok(())
        }
        (None, Some(version)) if !matches!(version.as_str(), "v1.21.2" | "v1212") => {
            fail("the specified OpenAPI version is not built in")
        }
        _ => Ok(()),
    }
}

fn read_json(renderer: &Renderer, loader: &Loader<'_>, file: &str) -> Result<Json> {
    let (path, content) = loader.load(file)?;
    let shown = loader.shown(&path);
    let read = || match renderer.parse(&content)?.iter().find(|d| !d.is_empty()) {
        Some(document) => document.root.to_json(Dialect::KubernetesJson).or_else(|e| fail(e.to_string())),
        None => Ok(Json::Null),
    };
    read().map_err(|e| e.map(in_file(&shown)))
}

/// A schema of the definitions of an OpenAPI document.
fn schema(document: &Json) -> Schema {
    let mut builder = Builder::new("custom");
    let definitions = document.get("definitions").and_then(Json::as_object);
    for (name, definition) in definitions.into_iter().flatten() {
        let ty = build_type(&mut builder, definition);
        let ty = builder.define(name.clone(), ty, Attributes::default());
        let kinds = definition.get("x-kubernetes-group-version-kind").and_then(Json::as_array);
        for gvk in kinds.into_iter().flatten() {
            let text = |key: &str| gvk.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            builder.add_kind(text("group"), text("version"), text("kind"), ty);
        }
    }
    add_resources(&mut builder, document);
    builder.finish()
}

fn build_type(builder: &mut Builder, json: &Json) -> NodeId {
    if let Some(name) = json.get("$ref").and_then(Json::as_str) {
        return builder.named(name.strip_prefix(DEFINITIONS).unwrap_or(name).to_owned());
    }
    let ty = if let Some(properties) = json.get("properties").and_then(Json::as_object) {
        let object = builder.object();
        for (name, property) in properties {
            let ty = build_type(builder, property);
            builder.add_field(object, name.clone(), ty, false, None);
        }
        object
    } else if let Some(items) = json.get("items") {
        let items = build_type(builder, items);
        builder.list(items)
    } else if let Some(values) = json.get("additionalProperties").filter(|v| v.is_object()) {
        let values = build_type(builder, values);
        builder.map(values)
    } else {
        match json.get("type").and_then(Json::as_str) {
            Some("string") => builder.scalar(Scalar::String),
            _ => builder.any(),
        }
    };
    builder.with(ty, attributes(json))
}

fn attributes(json: &Json) -> Attributes {
    let text = |key: &str| json.get(key).and_then(Json::as_str);
    let keys = json.get("x-kubernetes-list-map-keys").and_then(Json::as_array);
    let strategy = text("x-kubernetes-patch-strategy").map(|all| PatchStrategy {
        merge: all.split(',').any(|s| s == "merge"),
        replace: all.split(',').any(|s| s == "replace"),
        retain_keys: all.split(',').any(|s| s == "retainKeys"),
    });
    Attributes {
        list_type: keys.map(|keys| {
            DeclaredListType::Map(
                keys.iter().filter_map(|k| k.as_str().map(|k| k.to_owned().into())).collect(),
            )
        }),
        patch: strategy,
        merge_key: text("x-kubernetes-patch-merge-key").map(|key| key.to_owned().into()),
        ..Attributes::default()
    }
}

/// Scope, as the `paths` of the document tell it.
fn add_resources(builder: &mut Builder, document: &Json) {
    let paths = document.get("paths").and_then(Json::as_object);
    let mut seen: Vec<(String, String, String)> = Vec::new();
    for (path, item) in paths.into_iter().flatten() {
        let operation = item.get("get").and_then(|get| get.get("x-kubernetes-group-version-kind"));
        let Some(gvk) = operation.filter(|_| path.ends_with("/{name}")) else { continue };
        let text = |key: &str| gvk.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let key = (text("group"), text("version"), text("kind"));
        if seen.contains(&key) {
            continue;
        }
        let (group, version, kind) = key.clone();
        seen.push(key);
        let plural = path.trim_end_matches("/{name}").rsplit('/').next().unwrap_or_default().to_owned();
        builder.add_resource(Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: Text::default(),
            namespaced: path.contains("/namespaces/{namespace}/"),
            verbs: Vec::new(),
            short_names: Vec::new(),
            categories: Vec::new(),
            subresources: Vec::new(),
        });
    }
}

/// Adds the field specs that the definitions under `crds` ask for.
pub(crate) fn add_crds(
    renderer: &Renderer,
    target: &Target<'_>,
    config: &mut TransformerConfig,
) -> Result<()> {
    for file in &target.content.crds {
        let json = read_json(renderer, &target.loader, file)
            .context(|| format!("loading CRDs [{}]", target.content.crds.join(" ")))?;
        let Json::Object(definitions) = json else { continue };
        if let Some((_, other)) = definitions.iter().find(|(_, definition)| !definition.is_object()) {
            let what = if other.is_array() { "array" } else { "scalar" };
            return fail(format!(
                "loading CRDs [{}]: unable to parse open API definition from '{file}': cannot unmarshal {what} into a definition",
                target.content.crds.join(" ")
            ));
        }
        for (name, definition) in &definitions {
            let schema = definition.get("Schema").unwrap_or(&Json::Null);
            let properties = schema.get("properties").and_then(Json::as_object);
            let is_object = properties
                .is_some_and(|p| ["apiVersion", "kind", "metadata"].iter().all(|f| p.contains_key(*f)));
            if is_object {
                let kind = name.rsplit('.').next().unwrap_or_default();
                let mut walk = Walk { definitions: &definitions, kind, config, visited: vec![name.as_str()] };
                walk.properties(properties, "")?;
            }
        }
    }
    Ok(())
}

struct Walk<'a> {
    definitions: &'a Map<String, Json>,
    kind: &'a str,
    config: &'a mut TransformerConfig,
    /// The definitions on the way here: one that refers to itself is not followed.
    visited: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn properties(&mut self, properties: Option<&'a Map<String, Json>>, path: &str) -> Result<()> {
        for (name, property) in properties.into_iter().flatten() {
            let path = crate::path::join(path, name);
            self.extensions(property, &path)?;
            let reference = property.get("$ref").and_then(Json::as_str);
            let Some(name) = reference else { continue };
            if let Some((name, definition)) = self.definitions.get_key_value(name)
                && !self.visited.contains(&name.as_str())
            {
                self.visited.push(name);
                let schema = definition.get("Schema").unwrap_or(&Json::Null);
                self.properties(schema.get("properties").and_then(Json::as_object), &path)?;
                self.visited.pop();
            }
        }
        Ok(())
    }

    fn extensions(&mut self, property: &Json, path: &str) -> Result<()> {
        let text = |key: &str| property.get(key).and_then(Json::as_str);
        let spec = |path: &str, create| FieldSpec::new("", "", self.kind, path, create);
        if property.get("x-kubernetes-annotation").is_some() {
            merge_spec(&mut self.config.common_annotations, &spec(path, false))?;
        }
        if property.get("x-kubernetes-label-selector").is_some() {
            merge_spec(&mut self.config.common_labels, &spec(path, false))?;
        }
        if property.get("x-kubernetes-identity").is_some() {
            merge_spec(&mut self.config.name_prefix, &spec(path, false))?;
        }
        if let (Some(version), Some(kind)) =
            (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"))
        {
            let (group, version) = seatrial_schema::split_api_version(version);
            let key = text("x-kubernetes-object-ref-name-key").unwrap_or("name");
            let reference = NameReference {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: kind.to_owned(),
                field_specs: vec![spec(&format!("{path}/{key}"), false)],
            };
            self.config.add_reference(&reference)?;
        }
        Ok(())
    }
}
