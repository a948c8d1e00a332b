//! Built-in kinds as the real server's structs hold them: unknown fields and wrong types found, empty values dropped,
//! defaults filled in. Pure.
//!
//! One walk over the object by its type does all of it. What a struct does with zero values (drop a `false`, always show a
//! `resources: {}`) is in `zero.txt`, the defaults are in `defaults.txt`, those that need a condition in [`hooks`].

mod empty;
mod hooks;
mod integers;
mod plan;

pub(crate) use plan::short as short_name;
mod quantity;
mod time;

use seatrial_schema::{Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value};

use crate::kind::Kind;
use crate::status::{Refusal, Result};
use plan::{Field, Plan, Zero};
use time::rewrite_time;

pub(crate) use empty::{empty_lists, without_empty};
pub(crate) use integers::cut_integers;
pub(crate) use quantity::Quantity;

/// Decodes an object of a built-in kind. The second value are its unknown fields, as paths.
///
/// # Errors
/// 400 for a value of the wrong type, in the words of Go's decoder.
pub(crate) fn decode(kind: &Kind, value: Value) -> Result<(Value, Vec<String>)> {
    let Kind::BuiltIn(resource) = kind else { return Ok((value, Vec::new())) };
    let ty = seatrial_schema::kubernetes().type_of(&resource.api_version(), &resource.kind);
    let Some(plan) = ty.and_then(Plan::of) else { return Ok((value, Vec::new())) };
    let Value::Object(mut map) = value else {
        return Err(Refusal::bad_request(format!(
            "{0} in version {1:?} cannot be handled as a {0}: the body is no object",
            resource.kind, resource.version
        )));
    };
    let mut walk = Walk { unknown: Vec::new(), path: Vec::new() };
    walk.object(&mut map, plan).map_err(|error| {
        Refusal::bad_request(format!(
            "{0} in version {1:?} cannot be handled as a {0}: {error}",
            resource.kind, resource.version
        ))
    })?;
    Ok((Value::Object(map), walk.unknown))
}

struct Walk {
    unknown: Vec<String>,
    path: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Field(&'static str),
    /// A key of a map, or an unknown field.
    Key(String),
    Index(usize),
}

/// The empty value of a scalar.
fn zero(scalar: Scalar) -> Value {
    match scalar {
        Scalar::String | Scalar::Quantity => "".into(),
        Scalar::Integer | Scalar::Number | Scalar::IntOrString => 0.into(),
        Scalar::Boolean => false.into(),
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

impl Walk {
    fn object(
        &mut self,
        map: &mut Map<String, Value>,
        plan: &'static Plan,
    ) -> std::result::Result<(), String> {
        for field in plan.defaults() {
            let Some(default) = &field.default else { continue };
            let absent = match map.get(field.name) {
                None | Some(Value::Null) => true,
                Some(value) => field.zero == Zero::Dropped && is_zero(value),
            };
            if absent && default.applies(map) {
                map.insert(field.name.to_owned(), default.value.clone());
            }
        }
        let mut done = Ok(());
        map.retain(|key, value| {
            if done.is_err() {
                return true;
            }
            let Some(field) = plan.field(key) else {
                self.path.push(Step::Key(key.clone()));
                self.unknown.push(self.path_text());
                self.path.pop();
                return false;
            };
            if value.is_null() {
                return false;
            }
            if field.name == "fieldsV1" && value.is_string() {
                // The text that stored objects have in its place; what is none is found where it is read.
                return true;
            }
            self.path.push(Step::Field(field.name));
            done = self.value(value, field.ty, field, plan);
            self.path.pop();
            match value {
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) if map.is_empty() => match field.ty.kind() {
                    TypeKind::Map => false,
                    TypeKind::Object => field.zero != Zero::Omitted,
                    _ => true,
                },
                value => field.zero != Zero::Dropped || !is_zero(value),
            }
        });
        done?;
        for field in plan.shown() {
            if map.contains_key(field.name) {
                continue;
            }
            let value = match (field.zero, field.ty.kind()) {
                (Zero::Shown, TypeKind::Object) => {
                    let mut empty = Map::new();
                    if let Some(plan) = field.plan() {
                        self.path.push(Step::Field(field.name));
                        self.object(&mut empty, plan)?;
                        self.path.pop();
                    }
                    Value::Object(empty)
                }
                (Zero::Shown, TypeKind::Scalar(scalar)) => zero(scalar),
                _ => Value::Null,
            };
            map.insert(field.name.to_owned(), value);
        }
        hooks::apply(plan.name, map);
        Ok(())
    }

    fn value(
        &mut self,
        value: &mut Value,
        ty: TypeRef<'static>,
        field: &'static Field,
        parent: &'static Plan,
    ) -> std::result::Result<(), String> {
        match (ty.kind(), &mut *value) {
            (TypeKind::Any, _) | (TypeKind::FreeObject, Value::Object(_)) => {}
            (TypeKind::Scalar(scalar), value) => self.scalar(value, scalar, ty, field, parent)?,
            (TypeKind::List, Value::Array(list)) => {
                let Some(items) = ty.items() else { return Ok(()) };
                for (index, item) in list.iter_mut().enumerate().filter(|(_, item)| !item.is_null()) {
                    self.path.push(Step::Index(index));
                    self.value(item, items, field, parent)?;
                    self.path.pop();
                }
            }
            (TypeKind::Map, Value::Object(map)) => {
                let Some(values) = ty.values() else { return Ok(()) };
                for (key, value) in map {
                    match (&value, values.kind()) {
                        // A map of texts keeps an empty one in the place of null.
                        (Value::Null, TypeKind::Scalar(scalar)) => *value = zero(scalar),
                        (Value::Null, _) => {}
                        (Value::String(_), TypeKind::Scalar(Scalar::String)) if values.format().is_none() => {
                        }
                        _ => {
                            self.path.push(Step::Key(key.clone()));
                            self.value(value, values, field, parent)?;
                            self.path.pop();
                        }
                    }
                }
            }
            (TypeKind::Object, Value::Object(map)) => {
                if let Some(plan) = field.plan() {
                    self.object(map, plan)?;
                }
            }
            (_, other) => return Err(self.mismatch(other, ty, parent)),
        }
        Ok(())
    }

    fn scalar(
        &self,
        value: &mut Value,
        scalar: Scalar,
        ty: TypeRef<'static>,
        field: &'static Field,
        parent: &'static Plan,
    ) -> std::result::Result<(), String> {
        match (scalar, &mut *value) {
            (Scalar::String, Value::String(text)) => match ty.format() {
                Some("byte") => {
                    check_base64(text)?;
                    // It is decoded, and encoded again without breaks.
                    text.retain(|c| !matches!(c, '\r' | '\n'));
                    Ok(())
                }
                Some("date-time") => rewrite_time(text, field),
                _ => Ok(()),
            },
            (Scalar::Boolean, Value::Bool(_)) | (Scalar::Number, Value::Number(_)) => Ok(()),
            (Scalar::Integer, Value::Number(number)) => {
                let whole = number.as_i64();
                let fits = match ty.format() {
                    Some("int32") => whole.is_some_and(|n| i32::try_from(n).is_ok()),
                    _ => whole.is_some(),
                };
                if fits {
                    return Ok(());
                }
                Err(format!(
                    "json: cannot unmarshal number {number} into Go struct field {} of type {}",
                    self.go_path(parent),
                    go_type(ty)
                ))
            }
            (Scalar::IntOrString, Value::Number(_) | Value::String(_)) => Ok(()),
            (Scalar::Quantity, Value::Number(_) | Value::String(_)) => {
                let text = match &*value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let quantity = Quantity::parse(&text).ok_or_else(|| {
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'".to_owned()
                })?;
                *value = quantity.to_string().into();
                Ok(())
            }
            (_, other) => Err(self.mismatch(other, ty, parent)),
        }
    }

    /// `spec.containers[0].name`.
    fn path_text(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            match step {
                Step::Field(name) => join(&mut out, name),
                Step::Key(name) => join(&mut out, name),
                Step::Index(index) => out.push_str(&format!("[{index}]")),
            }
        }
        out
    }

    /// `Container.spec.template.spec.containers.name`: the struct that has the field, then the path without indices.
    fn go_path(&self, parent: &Plan) -> String {
        let mut out = parent.name.rsplit('.').next().unwrap_or("").to_owned();
        for step in &self.path {
            if let Step::Field(name) = step {
                out.push('.');
                out.push_str(name);
            }
        }
        out
    }

    fn mismatch(&self, found: &Value, ty: TypeRef<'static>, parent: &Plan) -> String {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        format!(
            "json: cannot unmarshal {found} into Go struct field {} of type {}",
            self.go_path(parent),
            go_type(ty)
        )
    }
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

/// `[]v1.Container`, `map[string]string`, `int32`.
fn go_type(ty: TypeRef<'static>) -> String {
    match ty.kind() {
        TypeKind::Scalar(Scalar::String) => match ty.format() {
            Some("date-time") => "string".to_owned(),
            Some("byte") => "[]uint8".to_owned(),
            _ => "string".to_owned(),
        },
        TypeKind::Scalar(Scalar::Integer) => ty.format().unwrap_or("int64").to_owned(),
        TypeKind::Scalar(Scalar::Number) => "float64".to_owned(),
        TypeKind::Scalar(Scalar::Boolean) => "bool".to_owned(),
        TypeKind::Scalar(Scalar::IntOrString) => "intstr.IntOrString".to_owned(),
        TypeKind::Scalar(Scalar::Quantity) => "resource.Quantity".to_owned(),
        TypeKind::List => format!("[]{}", ty.items().map(go_type).unwrap_or_default()),
        TypeKind::Map => format!("map[string]{}", ty.values().map(go_type).unwrap_or_default()),
        TypeKind::Object => {
            let name = ty.name().unwrap_or("");
            let short = plan::short(name);
            let mut parts = short.split('.').skip(1);
            let (version, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            format!("{version}.{name}")
        }
        TypeKind::Any | TypeKind::FreeObject => "interface {}".to_owned(),
    }
}

/// Go's standard base64: padded, line breaks ignored.
fn check_base64(text: &str) -> std::result::Result<(), String> {
    let bytes: Vec<(usize, u8)> =
        text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let data = bytes.iter().take_while(|(_, b)| good(*b)).count();
    let padding = bytes.iter().skip(data).take_while(|(_, b)| *b == b'=').count();
    let whole = data + padding == bytes.len() && bytes.len().is_multiple_of(4) && padding <= 2;
    if whole {
        return Ok(());
    }
    let at = match bytes.get(data) {
        Some((at, b'=')) => bytes.get(data + padding).map_or(*at, |(next, _)| *next),
        Some((at, _)) => *at,
        None => text.len() - data % 4,
    };
    Err(format!("illegal base64 data at input byte {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn kind(group: &str, plural: &str) -> Kind {
        Kind::built_in(group, "v1", plural).unwrap()
    }

    #[rstest]
    #[case::unknown(json!({"spec": {"foo": 1, "template": {"spec": {"containers": [{"bar": 1}]}}}}),
        vec!["spec.foo", "spec.template.spec.containers[0].bar"])]
    #[case::known(json!({"spec": {"replicas": 1}}), vec![])]
    fn unknown_fields_are_named(#[case] object: Value, #[case] want: Vec<&str>) {
        assert_eq!(decode(&kind("apps", "deployments"), object).unwrap().1, want);
    }

    #[rstest]
    #[case::scalar(json!({"spec": {"replicas": "1"}}),
        "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")]
    #[case::list(json!({"spec": {"template": {"spec": {"containers": {}}}}}),
        "cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container")]
    #[case::map(json!({"metadata": {"labels": {"a": 1}}}),
        "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string")]
    fn wrong_types_are_refused(#[case] object: Value, #[case] want: &str) {
        let refusal = decode(&kind("apps", "deployments"), object).unwrap_err();
        assert_eq!(refusal.code, 400);
        assert!(refusal.message.ends_with(want), "{}", refusal.message);
    }

    #[rstest]
    #[case::plain("2026-01-02T03:04:05Z", Some("2026-01-02T03:04:05Z"))]
    #[case::last_of_a_month("2024-02-29T23:59:59Z", Some("2024-02-29T23:59:59Z"))]
    #[case::zone("2026-01-02T03:04:05+02:00", Some("2026-01-02T01:04:05Z"))]
    #[case::fraction("2026-01-02T03:04:05.678Z", Some("2026-01-02T03:04:05Z"))]
    #[case::no_such_day("2026-02-29T00:00:00Z", None)]
    #[case::no_such_month("2026-13-01T00:00:00Z", None)]
    #[case::letters("2026-01-0xT00:00:00Z", None)]
    fn times_are_written_in_one_form(#[case] text: &str, #[case] want: Option<&str>) {
        let object = json!({"metadata": {"creationTimestamp": text}});
        let decoded = decode(&kind("", "configmaps"), object);
        let time = decoded.ok().map(|(value, _)| value["metadata"]["creationTimestamp"].clone());
        assert_eq!(time, want.map(Value::from));
    }

    #[rstest]
    #[case::good("aGk=", true)]
    #[case::no_padding("aGk", false)]
    #[case::not_base64("a b=", false)]
    #[case::empty("", true)]
    fn base64_is_checked(#[case] text: &str, #[case] want: bool) {
        assert_eq!(check_base64(text).is_ok(), want);
    }
}
