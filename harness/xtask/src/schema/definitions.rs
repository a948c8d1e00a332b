//! The definitions of an OpenAPI document (v2 or v3) as a schema. A keyword that it does not know is an error: no fact is lost
//! by accident.

use anyhow::{Context, Result, bail, ensure};
use seatrial_schema::{Attributes, Builder, DeclaredListType, MapType, NodeId, PatchStrategy, Scalar, Text};
use serde_json::{Map, Value, json};

const KINDS: &str = "x-kubernetes-group-version-kind";

/// Adds a definition to those of other documents. The same name means the same type, for which the documents may list
/// different kinds.
pub(super) fn join(all: &mut Map<String, Value>, name: &str, schema: &Value) -> Result<()> {
    let Some(known) = all.get_mut(name) else {
        all.insert(name.to_owned(), schema.clone());
        return Ok(());
    };
    let without_kinds = |v: &Value| {
        let mut v = v.clone();
        v.as_object_mut().map(|o| o.remove(KINDS));
        v
    };
    ensure!(without_kinds(known) == without_kinds(schema), "two documents differ in the type {name}");
    let Some(more) = schema[KINDS].as_array() else { return Ok(()) };
    match known[KINDS].as_array_mut() {
        Some(kinds) => {
            for kind in more {
                if !kinds.contains(kind) {
                    kinds.push(kind.clone());
                }
            }
        }
        None => known[KINDS] = json!(more),
    }
    Ok(())
}

/// Adds every definition to the schema.
pub(super) fn add_all(builder: &mut Builder, definitions: &Value) -> Result<()> {
    for (name, schema) in definitions.as_object().context("no definitions")? {
        add(builder, name, schema).with_context(|| format!("type {name}"))?;
    }
    Ok(())
}

fn add(builder: &mut Builder, name: &str, schema: &Value) -> Result<()> {
    let (ty, attributes) = match schema["properties"].as_object().filter(|p| !p.is_empty()) {
        Some(properties) => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let object = builder.object();
            for (field, schema) in properties {
                let ty = place(builder, schema).with_context(|| format!("field {field}"))?;
                let default = schema.get("default").cloned();
                builder.add_field(object, field.clone(), ty, required.contains(&field.as_str()), default);
            }
            let (_, attributes) = shape(builder, schema, true)?;
            (object, attributes)
        }
        None => shape(builder, schema, true)?,
    };
    // The format and the enum of a scalar belong to the scalar.
    let (inner, outer) = split(attributes);
    let ty = builder.with(ty, inner);
    let id = builder.define(name.to_owned(), ty, outer);
    for kind in schema[KINDS].as_array().into_iter().flatten() {
        let word =
            |key: &str| kind[key].as_str().map(str::to_owned).with_context(|| format!("{key} of {kind}"));
        builder.add_kind(word("group")?, word("version")?, word("kind")?, id);
    }
    Ok(())
}

/// A type at the place where it is used.
fn place(builder: &mut Builder, schema: &Value) -> Result<NodeId> {
    let (ty, attributes) = shape(builder, schema, false)?;
    let (inner, outer) = split(attributes);
    let ty = builder.with(ty, inner);
    Ok(builder.with(ty, outer))
}

fn split(attributes: Attributes) -> (Attributes, Attributes) {
    let Attributes { format, enum_values, .. } = attributes.clone();
    let outer = Attributes { format: None, enum_values: Vec::new(), ..attributes };
    (Attributes { format, enum_values, ..Attributes::default() }, outer)
}

fn shape(builder: &mut Builder, schema: &Value, top: bool) -> Result<(NodeId, Attributes)> {
    let mut attributes = Attributes::default();
    let object = schema.as_object().context("a schema that is no object")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"));
    let texts = |value: &Value| -> Result<Vec<Text>> {
        value.as_array().into_iter().flatten().map(|v| Ok(text(v)?.into())).collect()
    };
    let mut ty = None;
    for (key, value) in object {
        match key.as_str() {
            "description" | "default" | "required" | "properties" | "title" => {}
            // Where a value of the union stands is no fact about merging.
            "x-kubernetes-unions" | "x-kubernetes-group-version-kind" if top => {}
            "type" | "items" | "oneOf" => {}
            "additionalProperties" => {}
            "$ref" => ty = Some(reference(builder, value)?),
            "allOf" => match value.as_array().map(Vec::as_slice) {
                Some([one]) => ty = Some(reference(builder, &one["$ref"])?),
                _ => bail!("allOf: {value}"),
            },
            "format" => attributes.format = Some(text(value)?.into()),
            "enum" => attributes.enum_values = texts(value)?,
            "x-kubernetes-int-or-string" => ty = Some(builder.scalar(Scalar::IntOrString)),
            "x-kubernetes-list-type" => {
                attributes.list_type = Some(match value.as_str() {
                    Some("atomic") => DeclaredListType::Atomic,
                    Some("set") => DeclaredListType::Set,
                    Some("map") => DeclaredListType::Map(texts(&schema["x-kubernetes-list-map-keys"])?),
                    _ => bail!("{key}: {value}"),
                });
            }
            "x-kubernetes-list-map-keys" => {
                ensure!(object.contains_key("x-kubernetes-list-type"), "list-map-keys without a list type")
            }
            "x-kubernetes-map-type" => {
                attributes.map_type = Some(match value.as_str() {
                    Some("atomic") => MapType::Atomic,
                    Some("granular") => MapType::Granular,
                    _ => bail!("{key}: {value}"),
                });
            }
            "x-kubernetes-patch-merge-key" => attributes.merge_key = Some(text(value)?.into()),
            "x-kubernetes-patch-strategy" => attributes.patch = Some(patch_strategy(&text(value)?)?),
            "x-kubernetes-preserve-unknown-fields" => attributes.preserve_unknown = value == &json!(true),
            other => bail!("unknown keyword {other}: {value}"),
        }
    }
    if let Some(ty) = ty {
        return Ok((ty, attributes));
    }
    if attributes.format.as_deref() == Some("int-or-string") {
        attributes.format = None;
        return Ok((builder.scalar(Scalar::IntOrString), attributes));
    }
    if let Some(one_of) = schema.get("oneOf") {
        ensure!(one_of == &json!([{"type": "string"}, {"type": "number"}]), "oneOf: {one_of}");
        return Ok((builder.scalar(Scalar::Quantity), attributes));
    }
    let ty = match schema["type"].as_str() {
        None => builder.any(),
        Some("string") => builder.scalar(Scalar::String),
        Some("integer") => builder.scalar(Scalar::Integer),
        Some("number") => builder.scalar(Scalar::Number),
        Some("boolean") => builder.scalar(Scalar::Boolean),
        Some("array") => {
            let items = place(builder, &schema["items"])?;
            builder.list(items)
        }
        Some("object") => match &schema["additionalProperties"] {
            values @ Value::Object(_) => {
                let values = place(builder, values)?;
                builder.map(values)
            }
            _ => builder.free_object(),
        },
        Some(other) => bail!("unknown type {other}"),
    };
    Ok((ty, attributes))
}

fn reference(builder: &mut Builder, value: &Value) -> Result<NodeId> {
    let path = value.as_str().context("a reference that is no text")?;
    let name = path
        .strip_prefix("#/components/schemas/")
        .or_else(|| path.strip_prefix("#/definitions/"))
        .with_context(|| format!("unknown reference {path}"))?;
    Ok(builder.named(name.to_owned()))
}

fn patch_strategy(text: &str) -> Result<PatchStrategy> {
    let mut patch = PatchStrategy::default();
    for word in text.split(',') {
        match word {
            "merge" => patch.merge = true,
            "replace" => patch.replace = true,
            "retainKeys" => patch.retain_keys = true,
            other => bail!("unknown patch strategy {other:?}"),
        }
    }
    Ok(patch)
}
