//! Schemas of values that are not the scenario's own: Kubernetes objects and JSON patches.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Any map.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object"})
}

/// Any map that may be of a Secret: what stands in its place is not shown.
pub(super) fn any_secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "writeOnly": true})
}

/// A part of a Kubernetes object that says at least of which kind it is.
pub(super) fn partial_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"type": "string", "description": "API version, such as `apps/v1`."},
            "kind": {"type": "string", "description": "Kind, such as `Deployment`."},
            "metadata": {"type": "object", "description": "Name, namespace, labels, ..."},
        },
    })
}

/// A list of JSON patch operations.
pub(super) fn optional_json_patch(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"type": "string", "enum": ["add", "remove", "replace", "move", "copy", "test"],
                       "description": "The operation."},
                "path": {"type": "string", "description": "JSON pointer to what changes."},
                "from": {"type": "string", "description": "JSON pointer, of move and copy."},
                "value": {"description": "The new value."},
            },
            "additionalProperties": false,
        },
    })
}
