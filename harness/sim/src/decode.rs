//! From the body of a write to an object of the kind: type, unknown fields, defaults.

use serde_json::Value;

use crate::codec;
use crate::json::Parsed;
use crate::kind::Kind;
use crate::meta;
use crate::request::FieldValidation;
use crate::serve::Ctx;
use crate::status::{FieldError, Refusal, Result};

/// Checks `apiVersion` and `kind` of a body, its unknown fields and its types, and fills in defaults.
pub(crate) fn decode(ctx: &mut Ctx<'_>, kind: &Kind, body: Value) -> Result<Value> {
    decode_parsed(ctx, kind, body.into())
}

/// The same for a body in which keys may stand twice.
pub(crate) fn decode_parsed(ctx: &mut Ctx<'_>, kind: &Kind, parsed: Parsed) -> Result<Value> {
    let Parsed { value: mut body, duplicates, repeated } = parsed;
    if body.is_null() && !kind.is_custom() {
        body = Value::Object(serde_json::Map::new());
    }
    let (api_version, name) =
        (meta::text(&body, &["apiVersion"]).to_owned(), meta::text(&body, &["kind"]).to_owned());
    if !body.is_object() && !body.is_null() {
        return Err(Refusal::bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct",
        ));
    }
    match kind {
        Kind::Custom(_) => {
            if name.is_empty() {
                let sent = String::from_utf8_lossy(&ctx.request.body).into_owned();
                let why = format!("Object 'Kind' is missing in '{sent}'");
                return Err(crate::request::unrecognized(kind, &why, &ctx.request.body));
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
            let metadata = body.get_mut("metadata").map(Value::take);
            let (mut unknown, metadata) = decode_metadata(kind, metadata)?;
            if let Value::Object(map) = &mut body {
                map.insert("metadata".to_owned(), metadata);
            }
            unknown.extend(version.schema.prune(&mut body));
            version.schema.default(&mut body);
            version.schema.drop_nulls(&mut body);
            unknown
        }
    };
    report(ctx, kind, unknown, duplicates, repeated)?;
    Ok(body)
}

pub(crate) fn internal_group(kind: &Kind) -> &str {
    match kind.group.split('.').next().unwrap_or("") {
        "" => "core",
        group => group,
    }
}

/// The metadata of a custom resource, decoded as that of every kind.
fn decode_metadata(kind: &Kind, metadata: Option<Value>) -> Result<(Vec<String>, Value)> {
    let empty = Value::Object(serde_json::Map::new());
    let Some(config_map) = Kind::built_in("", "v1", "configmaps") else { return Ok((Vec::new(), empty)) };
    let mut carrier = serde_json::Map::new();
    carrier.insert("metadata".to_owned(), metadata.unwrap_or_else(|| empty.clone()));
    let (mut decoded, unknown) = codec::decode(&config_map, Value::Object(carrier)).map_err(|refusal| {
        let message = refusal.message.replace(
            "ConfigMap in version \"v1\" cannot be handled as a ConfigMap",
            &format!("{0} in version {1:?} cannot be handled as a {0}", kind.kind, kind.version),
        );
        Refusal { message, ..refusal }
    })?;
    Ok((unknown, decoded.get_mut("metadata").map_or(empty, Value::take)))
}

/// Warns of unknown and duplicate fields, or refuses them, as the request asks for.
fn report(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    unknown: Vec<String>,
    duplicates: Vec<String>,
    repeated: Vec<String>,
) -> Result<()> {
    let ignored = matches!(ctx.options.field_validation, FieldValidation::Ignore);
    if ignored || (unknown.is_empty() && duplicates.is_empty() && repeated.is_empty()) {
        return Ok(());
    }
    // Below an unknown field nothing is read.
    let below = |path: &String| unknown.iter().any(|u| path == u || path.starts_with(&format!("{u}.")));
    let duplicates: Vec<String> = duplicates.into_iter().filter(|d| !below(d)).collect();
    let mut paths = [unknown.as_slice(), duplicates.as_slice()].concat();
    if !duplicates.is_empty() && !kind.is_custom() {
        crate::json::in_order(&ctx.request.body, &mut paths);
    } else {
        // Of a custom resource the parser's findings come first.
        paths = [duplicates.as_slice(), unknown.as_slice()].concat();
    }
    let all = paths.iter().map(|path| {
        let what = if duplicates.contains(path) { "duplicate" } else { "unknown" };
        format!("{what} field {path:?}")
    });
    match ctx.options.field_validation {
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            ctx.warnings.extend(repeated);
            ctx.warnings.extend(all);
            Ok(())
        }
        FieldValidation::Strict => {
            let yaml = (!repeated.is_empty()).then(|| unmarshal_errors(&repeated));
            let all = yaml.into_iter().chain(all).collect::<Vec<_>>().join(", ");
            Err(Refusal::bad_request(format!(
                "{0} in version {1:?} cannot be handled as a {0}: strict decoding error: {all}",
                kind.kind, kind.version
            )))
        }
    }
}

/// What the parser of YAML says of keys that stand twice.
pub(crate) fn unmarshal_errors(repeated: &[String]) -> String {
    let lines: String = repeated.iter().map(|line| format!("\n  {line}")).collect();
    format!("yaml: unmarshal errors:{lines}")
}
