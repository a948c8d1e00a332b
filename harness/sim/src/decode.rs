//! From the body of a write to an object of the kind: type, unknown fields, defaults.

use serde_json::Value;

use crate::codec;
use crate::kind::Kind;
use crate::meta;
use crate::request::FieldValidation;
use crate::serve::Ctx;
use crate::status::{FieldError, Refusal, Result};

/// Checks `apiVersion` and `kind` of a body, its unknown fields and its types, and fills in defaults.
pub(crate) fn decode(ctx: &mut Ctx<'_>, kind: &Kind, mut body: Value) -> Result<Value> {
    let (api_version, name) =
        (meta::text(&body, &["apiVersion"]).to_owned(), meta::text(&body, &["kind"]).to_owned());
    if !body.is_object() {
        return Err(Refusal::bad_request(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct ({body})"
        )));
    }
    match kind {
        Kind::Custom(_) => {
            if name.is_empty() {
                return Err(Refusal::bad_request(format!("Object 'Kind' is missing in '{body}'")));
            }
            let wanted = kind.api_version();
            if api_version != wanted {
                return Err(Refusal::bad_request(format!(
                    "the API version in the data ({api_version}) does not match the expected API version ({wanted})"
                )));
            }
            if name != kind.kind {
                let why = format!("must be {}", kind.kind);
                let error = FieldError::invalid("kind", &name.as_str().into(), &why);
                let mut refusal = Refusal::invalid(kind, meta::name(&body), vec![error]);
                refusal.message = refusal.message.replacen(kind.kind.as_ref(), &name, 1);
                refusal.details.insert("kind".to_owned(), name.into());
                return Err(refusal);
            }
        }
        Kind::BuiltIn(_) => {
            let other_kind = !name.is_empty() && name != kind.kind;
            let other_version = !api_version.is_empty() && api_version != kind.api_version();
            if other_kind || other_version {
                let version = seatrial_schema::split_api_version(&api_version).1;
                let shown = if name.is_empty() { kind.kind.as_ref() } else { name.as_str() };
                let known = seatrial_schema::kubernetes().type_of(&api_version, shown).is_some();
                let why = if known {
                    format!(
                        "converting ({version}.{shown}) to ({}.{}): unknown conversion",
                        internal_group(kind),
                        kind.kind
                    )
                } else {
                    format!(
                        "no kind {shown:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
                    )
                };
                return Err(Refusal::bad_request(format!(
                    "{shown} in version {version:?} cannot be handled as a {}: {why}",
                    kind.kind
                )));
            }
        }
    }
    let unknown = match kind {
        Kind::BuiltIn(r) => {
            if let Value::Object(map) = &mut body {
                map.insert("kind".to_owned(), r.kind.as_ref().into());
                map.insert("apiVersion".to_owned(), r.api_version().into());
            }
            let (decoded, unknown) = codec::decode(kind, body)?;
            body = decoded;
            unknown
        }
        Kind::Custom(version) => {
            let (mut unknown, metadata) = decode_metadata(kind, body.get("metadata"))?;
            if let Value::Object(map) = &mut body {
                map.insert("metadata".to_owned(), metadata);
            }
            unknown.extend(version.schema.prune(&mut body));
            version.schema.default(&mut body);
            version.schema.drop_nulls(&mut body);
            unknown
        }
    };
    report_unknown(ctx, kind, unknown)?;
    Ok(body)
}

fn internal_group(kind: &Kind) -> &str {
    match kind.group.split('.').next().unwrap_or("") {
        "" => "core",
        group => group,
    }
}

/// The metadata of a custom resource, decoded as that of every kind.
fn decode_metadata(kind: &Kind, metadata: Option<&Value>) -> Result<(Vec<String>, Value)> {
    let empty = Value::Object(serde_json::Map::new());
    let Some(config_map) = Kind::built_in("", "v1", "configmaps") else { return Ok((Vec::new(), empty)) };
    let carrier = serde_json::json!({"metadata": metadata.unwrap_or(&empty)});
    let (decoded, unknown) = codec::decode(&config_map, carrier).map_err(|refusal| {
        let message = refusal.message.replace(
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap",
            &format!("{0} in version {1:?} cannot be handled as a {0}", kind.kind, kind.version),
        );
        Refusal { message, ..refusal }
    })?;
    Ok((unknown, decoded.get("metadata").cloned().unwrap_or(empty)))
}

fn report_unknown(ctx: &mut Ctx<'_>, kind: &Kind, unknown: Vec<String>) -> Result<()> {
    if unknown.is_empty() {
        return Ok(());
    }
    match ctx.options.field_validation {
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            ctx.warnings.extend(unknown.iter().map(|path| format!("unknown field {path:?}")));
            Ok(())
        }
        FieldValidation::Strict => {
            let all: Vec<String> = unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
            let all = all.join(", ");
            Err(Refusal::bad_request(format!(
                "{0} in version {1:?} cannot be handled as a {0}: strict decoding error: {all}",
                kind.kind, kind.version
            )))
        }
    }
}
