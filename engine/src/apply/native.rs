//! Objects of Kubernetes' own kinds, as they come out of Flux: it reads them into the types that it was compiled with, and so loses
//! the fields that these do not have. Pure.
//!
//! Objects that do not fit their type, and those of other kinds (CustomResourceDefinition and APIService among them), stay as
//! they are; it is for the server to say what is wrong with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use seatrial_schema::{Scalar, TypeKind, TypeRef};
use serde_json::{Map, Value};

/// Groups that the server has built in, and Flux does not read into types.
const OTHERS: [&str; 2] = ["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// Drops the fields of an object of Kubernetes' own kinds that the kind does not have. Secrets lose `stringData`, which Flux turns
/// into `data` itself.
pub(super) fn as_flux_has_it(object: &mut Value) {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let ty = seatrial_schema::kubernetes().type_of(api_version, kind);
    if let Some(ty) = ty.filter(|_| !OTHERS.contains(&group))
        && fits(object, ty)
    {
        let secret = (api_version, kind) == ("v1", "Secret");
        prune(object, ty);
        if secret {
            encode_texts(object);
        }
    }
}

fn encode_texts(secret: &mut Value) {
    let Some(fields) = secret.as_object_mut() else { return };
    let Some(Value::Object(texts)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        data.extend(
            texts
                .into_iter()
                .map(|(key, text)| (key, STANDARD.encode(text.as_str().unwrap_or_default()).into())),
        );
    }
}

/// Whether Go can read a value into its type. Fields that the type does not have are not looked at.
fn fits(value: &Value, ty: TypeRef<'_>) -> bool {
    match (ty.kind(), value) {
        (_, Value::Null) | (TypeKind::Any, _) | (TypeKind::FreeObject, Value::Object(_)) => true,
        (TypeKind::Scalar(scalar), value) => scalar_fits(value, scalar, ty.format()),
        (TypeKind::List, Value::Array(items)) => {
            ty.items().is_none_or(|ty| items.iter().all(|item| fits(item, ty)))
        }
        (TypeKind::Map, Value::Object(map)) => {
            ty.values().is_none_or(|ty| map.values().all(|value| fits(value, ty)))
        }
        (TypeKind::Object, Value::Object(map)) => {
            map.iter().all(|(key, value)| ty.field(key).is_none_or(|ty| fits(value, ty)))
        }
        _ => false,
    }
}

fn scalar_fits(value: &Value, scalar: Scalar, format: Option<&str>) -> bool {
    let whole = || match format {
        Some("int32") => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        _ => value.as_i64().is_some(),
    };
    match (scalar, value) {
        (Scalar::String, Value::String(text)) => match format {
            Some("byte") => STANDARD.decode(text.replace(['\r', '\n'], "")).is_ok(),
            Some("date-time") => text.parse::<Timestamp>().is_ok(),
            _ => true,
        },
        (Scalar::Integer, _) => whole(),
        (Scalar::Number, value) => value.is_number(),
        (Scalar::Boolean, value) => value.is_boolean(),
        (Scalar::IntOrString, value) => value.is_string() || whole(),
        (Scalar::Quantity, Value::String(text)) => is_quantity(text),
        (Scalar::Quantity, value) => value.is_number(),
        _ => false,
    }
}

/// Whether a text is a quantity: a number with a suffix or an exponent.
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let is_number = number.matches('.').count() <= 1 && number.contains(|c: char| c.is_ascii_digit());
    let is_exponent =
        |text: &str| text.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<i32>().is_ok());
    let suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    is_number && (suffixes.contains(&suffix) || is_exponent(suffix))
}

fn prune(value: &mut Value, ty: TypeRef<'_>) {
    match (ty.kind(), value) {
        (TypeKind::List, Value::Array(items)) => {
            if let Some(ty) = ty.items() {
                items.iter_mut().for_each(|item| prune(item, ty));
            }
        }
        (TypeKind::Map, Value::Object(map)) => {
            if let Some(ty) = ty.values() {
                map.values_mut().for_each(|value| prune(value, ty));
            }
        }
        (TypeKind::Object, Value::Object(map)) => map.retain(|key, value| match ty.field(key) {
            Some(ty) => {
                prune(value, ty);
                true
            }
            None => false,
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn service(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": spec})
    }

    /// Observed of the real kustomize-controller 1.9.6.
    #[rstest]
    #[case::of_the_object(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "datas": {"a": "1"}, "data": {"k": "1"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "1"}})
    )]
    #[case::texts_of_a_secret(
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b", "c": "d"}, "data": {"a": "eA==", "e": "eA=="}}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg==", "c": "ZA==", "e": "eA=="}})
    )]
    #[case::in_lists(
        service(json!({"ports": [{"port": 80, "other": 2}], "nothing": 1})),
        service(json!({"ports": [{"port": 80}]}))
    )]
    #[case::of_its_metadata(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "nope": 1}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    )]
    fn fields_that_the_kind_does_not_have_are_dropped(#[case] mut object: Value, #[case] left: Value) {
        as_flux_has_it(&mut object);
        assert_eq!(object, left);
    }

    #[rstest]
    #[case::number_for_a_text(json!({"apiVersion": "v1", "kind": "ConfigMap", "x": 1, "data": {"k": 1}}))]
    #[case::text_for_a_number(service(json!({"ports": [{"port": "80"}], "x": 1})))]
    #[case::fraction(service(json!({"ports": [{"port": 80, "targetPort": 1.5, "x": 1}]})))]
    #[case::map_for_a_list(service(json!({"ports": {"port": 80}, "x": 1})))]
    #[case::no_quantity(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec":
        {"x": 1, "resources": {"requests": {"storage": "big"}}}}))]
    #[case::no_base64(json!({"apiVersion": "v1", "kind": "Secret", "x": 1, "data": {"a": "not base64"}}))]
    #[case::no_time(json!({"apiVersion": "v1", "kind": "ConfigMap", "x": 1, "metadata":
        {"deletionTimestamp": "nonsense"}}))]
    #[case::definition(json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"unknown": 1}}))]
    #[case::api_service(json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec":
        {"unknown": 1}}))]
    #[case::custom(json!({"apiVersion": "x.test/v1", "kind": "Thing", "spec": {"unknown": 1}}))]
    fn what_does_not_fit_and_other_kinds_stay_as_they_are(#[case] object: Value) {
        let mut left = object.clone();
        as_flux_has_it(&mut left);
        assert_eq!(left, object);
    }

    #[rstest]
    #[case("100m", true)]
    #[case("1.5Gi", true)]
    #[case("-1e3", true)]
    #[case("1E", true)]
    #[case("big", false)]
    #[case("1.2.3", false)]
    #[case("1x", false)]
    fn quantities_are_numbers_with_suffixes(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(is_quantity(text), expected);
    }
}
