//! Evaluating the rules of a schema.

use std::sync::Arc;

use cel::extractors::This;
use cel::objects::{Key, Map as CelMap, Value as CelValue};
use cel::{Context, ExecutionError};
use serde_json::Value;

use super::format;
use super::node::{ListKind, Node, Type};
use super::path::Path;
use super::rules::{Rule, context};
use super::violation::Violation;
use crate::managed_fields::compare_values;

/// The rules that do not hold, an object's own before those of its fields. `root` is an embedded object: rules see its
/// metadata.
pub(super) fn evaluate(object: &Value, old: Option<&Value>, root: &Node) -> Vec<Violation> {
    let mut found = Vec::new();
    walk(object, old, root, &Path::Root, &mut found);
    found
}

fn walk(value: &Value, old: Option<&Value>, node: &Node, path: &Path<'_>, found: &mut Vec<Violation>) {
    if value.is_null() {
        return;
    }
    for rule in &node.rules {
        check(rule, value, old, node, path, found);
    }
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                if let Some(property) = node.properties.get(key).or(node.additional.as_deref()) {
                    let old = old.and_then(|o| o.get(key));
                    walk(below, old, property, &path.field(key), found);
                }
            }
        }
        Value::Array(list) => {
            let Some(items) = &node.items else { return };
            for (index, item) in list.iter().enumerate() {
                let old = old.and_then(|o| correlated(item, o, node));
                walk(item, old, items, &path.item(index), found);
            }
        }
        _ => {}
    }
}

/// The old item that has the same keys; only items of maps in the form of lists can be found again.
fn correlated<'o>(item: &Value, old: &'o Value, node: &Node) -> Option<&'o Value> {
    let Some(ListKind::Map(keys)) = &node.list else { return None };
    let same = |a: Option<&Value>, b: Option<&Value>| match (a, b) {
        (Some(a), Some(b)) => compare_values(a, b).is_eq(),
        (a, b) => a.is_none() && b.is_none(),
    };
    old.as_array()?.iter().find(|o| keys.iter().all(|k| same(item.get(k), o.get(k))))
}

fn check(
    rule: &Rule,
    value: &Value,
    old: Option<&Value>,
    node: &Node,
    path: &Path<'_>,
    found: &mut Vec<Violation>,
) {
    let mut context = context();
    context.add_variable_from_value("self", to_cel(value, node));
    match (rule.uses_old, old.filter(|o| !o.is_null())) {
        (true, None) => return,
        (true, Some(old)) => context.add_variable_from_value("oldSelf", to_cel(old, node)),
        (false, _) => {}
    }
    match rule.program.execute(&context) {
        Ok(CelValue::Bool(true)) => {}
        Ok(CelValue::Bool(false)) => {
            let message = rule.message_expression.as_ref().and_then(|e| match e.execute(&context) {
                Ok(CelValue::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            });
            let message = message.as_deref().unwrap_or(&rule.message);
            let field = format!("{path}{}", rule.field_path);
            let field = field.strip_prefix('.').unwrap_or(&field);
            found.push(Violation::rule(rule.reason, field, value, message));
        }
        Ok(_) => {
            let message = format!("cel expression must evaluate to a bool evaluating rule: {}", rule.source);
            found.push(Violation::rule_failed(path, value, &message));
        }
        Err(error) => {
            let error = match error {
                ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
                other => other.to_string(),
            };
            let message = format!("{error} evaluating rule: {}", rule.source);
            found.push(Violation::rule_failed(path, value, &message));
        }
    }
}

/// A value as rules see it: declared fields only, under names that the language allows; numbers by their declared type.
fn to_cel(value: &Value, node: &Node) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(b) => CelValue::Bool(*b),
        Value::String(s) => CelValue::String(Arc::new(s.clone())),
        Value::Number(n) => match (n.as_i64(), node.ty) {
            (Some(i), Some(Type::Number)) => CelValue::Float(i as f64),
            (Some(i), _) => CelValue::Int(i),
            (None, _) => CelValue::Float(n.as_f64().unwrap_or_default()),
        },
        Value::Array(list) => {
            let any = Node { preserve_unknown: true, ..Node::default() };
            let items = node.items.as_deref().unwrap_or(&any);
            CelValue::List(Arc::new(list.iter().map(|v| to_cel(v, items)).collect()))
        }
        Value::Object(map) => {
            let any = Node { preserve_unknown: true, ..Node::default() };
            let mut entries: Vec<(String, CelValue)> = Vec::with_capacity(map.len());
            for (key, value) in map {
                if node.embedded && key == "metadata" {
                    let names = value.as_object().into_iter().flatten();
                    let names = names.filter(|(k, _)| matches!(k.as_str(), "name" | "generateName"));
                    let names = names.map(|(k, v)| (k.clone(), to_cel(v, &any))).collect();
                    entries.push((key.clone(), to_map(names)));
                } else if node.embedded && matches!(key.as_str(), "apiVersion" | "kind") {
                    entries.push((key.clone(), to_cel(value, &any)));
                } else if let Some(property) = node.properties.get(key) {
                    entries.push((escape(key), to_cel(value, property)));
                } else if let Some(values) = &node.additional {
                    entries.push((key.clone(), to_cel(value, values)));
                } else if node.properties.is_empty() && node.preserve_unknown {
                    entries.push((key.clone(), to_cel(value, &any)));
                }
            }
            to_map(entries)
        }
    }
}

fn to_map(entries: Vec<(String, CelValue)>) -> CelValue {
    let entries = entries.into_iter().map(|(k, v)| (Key::from(k), v));
    CelValue::Map(CelMap { map: Arc::new(entries.collect()) })
}

/// A field's name as rules write it.
pub(super) fn escape(name: &str) -> String {
    const RESERVED: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

/// The functions of Kubernetes that the language itself does not have.
pub(super) fn add_functions(context: &mut Context<'_, '_>) {
    type Text = Arc<String>;
    // Adding fails for a name that is taken, and these are not.
    let regex = |pattern: &str| {
        regex::Regex::new(pattern).map_err(|e| ExecutionError::function_error("find", e.to_string()))
    };
    let _ = context.add_function("find", move |This(text): This<Text>, pattern: Text| {
        let found = regex(&pattern)?.find(&text).map(|m| m.as_str().to_owned()).unwrap_or_default();
        Ok::<CelValue, ExecutionError>(CelValue::from(found))
    });
    let _ = context.add_function("findAll", move |This(text): This<Text>, pattern: Text| {
        let found: Vec<CelValue> =
            regex(&pattern)?.find_iter(&text).map(|m| CelValue::from(m.as_str().to_owned())).collect();
        Ok::<CelValue, ExecutionError>(CelValue::List(Arc::new(found)))
    });
    let _ = context.add_function("isURL", |text: Text| format::is_absolute_url(&text));
    let _ = context.add_function("isIP", |text: Text| format::is_ip(&text));
    let _ = context.add_function("isCIDR", |text: Text| format::is_cidr(&text));
    let _ = context.add_function("isQuantity", |text: Text| format::is_quantity(&text));
    let _ = context.add_function("isSorted", |This(list): This<Arc<Vec<CelValue>>>| {
        let pairs = list.windows(2);
        pairs.into_iter().all(|w| match w {
            [a, b] => a.partial_cmp(b).is_some_and(std::cmp::Ordering::is_le),
            _ => true,
        })
    });
    let _ = context.add_function("sum", |This(list): This<Arc<Vec<CelValue>>>| {
        list.iter().try_fold(CelValue::Int(0), |sum, v| match (sum, v) {
            (CelValue::Int(a), CelValue::Int(b)) => a
                .checked_add(*b)
                .map(CelValue::Int)
                .ok_or_else(|| ExecutionError::function_error("sum", "integer overflow")),
            (CelValue::Int(0), CelValue::Float(b)) => Ok(CelValue::Float(*b)),
            (CelValue::Float(a), CelValue::Float(b)) => Ok(CelValue::Float(a + b)),
            _ => Err(ExecutionError::function_error("sum", "expected numbers")),
        })
    });
}
