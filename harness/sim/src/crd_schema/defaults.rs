//! Defaults and nulls.

use serde_json::Value;

use super::node::Node;

/// Fills in the defaults of everything below a value.
pub(super) fn default(value: &mut Value, node: &Node) {
    match value {
        Value::Object(map) => {
            for (name, property) in &node.properties {
                let Some(default) = &property.default else { continue };
                let is_missing = match map.get(name) {
                    None => true,
                    Some(value) => value.is_null() && !property.nullable,
                };
                if is_missing {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (key, value) in map.iter_mut() {
                if let Some(property) = node.properties.get(key) {
                    self::default(value, property);
                } else if let Some(values) = &node.additional {
                    replace_null(value, values);
                    self::default(value, values);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &node.items else { return };
            for item in list {
                replace_null(item, items);
                default(item, items);
            }
        }
        _ => {}
    }
}

fn replace_null(value: &mut Value, node: &Node) {
    if let (Value::Null, Some(default), false) = (&value, &node.default, node.nullable) {
        *value = default.clone();
    }
}

/// Removes `null` from declared fields and from maps, where their schema is not nullable. Items of lists stay.
pub(super) fn drop_nulls(value: &mut Value, node: &Node) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| {
                let Some(below) = node.properties.get(key).or(node.additional.as_deref()) else {
                    return true;
                };
                if value.is_null() {
                    return below.nullable;
                }
                drop_nulls(value, below);
                true
            });
        }
        Value::Array(list) => {
            let Some(items) = &node.items else { return };
            list.iter_mut().for_each(|item| drop_nulls(item, items));
        }
        _ => {}
    }
}
