//! What a request asks for besides its path: query, content type, wanted form of the answer.

use std::borrow::Cow;
use std::num::IntErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use seatrial_wire::Sent;
use serde_json::Value;

use crate::identity::Identity;
use crate::json::{self, Parsed};
use crate::kind::Kind;
use crate::protobuf;
use crate::status::{Refusal, Result};
use crate::table::Include;
use crate::yaml;

/// The query parameters (or, for a deletion, the body's options) that the API knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) limit: usize,
    pub(crate) continue_token: String,
    pub(crate) resource_version: String,
    pub(crate) resource_version_match: String,
    pub(crate) watch: bool,
    pub(crate) allow_watch_bookmarks: bool,
    pub(crate) send_initial_events: Option<bool>,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) dry_run: bool,
    pub(crate) field_manager: String,
    pub(crate) force: Option<bool>,
    pub(crate) field_validation: FieldValidation,
    pub(crate) grace_period_seconds: Option<i64>,
    pub(crate) propagation_policy: Option<String>,
    pub(crate) orphan_dependents: Option<bool>,
    pub(crate) include_object: Include,
    /// Parameters that should be numbers and are none, as the message that says so. They are told of where they matter.
    no_numbers: Vec<(&'static str, String)>,
}

/// What happens with unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum FieldValidation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    #[default]
    Full,
    /// `as=PartialObjectMetadata`; `old`: in the version `v1beta1`, as below.
    Metadata { old: bool },
    /// `as=PartialObjectMetadataList`.
    MetadataList { old: bool },
    /// `as=Table`.
    Table { old: bool },
    /// The aggregated discovery document.
    Aggregated,
}

/// A request, with everything of it that does not depend on what the cluster holds.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    /// The query, as it was sent.
    pub(crate) query: String,
    /// The `Accept` headers, joined.
    pub(crate) accept: String,
    pub(crate) if_none_match: String,
    pub(crate) options: Options,
    pub(crate) form: Form,
    pub(crate) content_type: String,
    /// The field manager of a request that names none: the program's name.
    pub(crate) user_agent: String,
    pub(crate) body: bytes::Bytes,
    /// What the body says, where the client is in this process; it is taken once.
    pub(crate) sent: Mutex<Option<Sent>>,
    /// As whom it is answered.
    pub(crate) identity: Identity,
    /// Who has sent it, where that is somebody else.
    pub(crate) impersonator: Option<Identity>,
}

/// The largest body that is read.
pub(crate) const BODY_LIMIT: usize = 3 * 1024 * 1024;

fn flag(value: &str) -> bool {
    !matches!(value, "false" | "0" | "False" | "FALSE" | "f" | "F")
}

impl Options {
    pub(crate) fn parse(query: &str) -> Result<Options> {
        let mut o = Options::default();
        for (key, value) in form_pairs(query) {
            match key.as_ref() {
                "labelSelector" => o.label_selector = value.into_owned(),
                "fieldSelector" => o.field_selector = value.into_owned(),
                "limit" => o.limit = o.number("limit", &value).and_then(|n| n.try_into().ok()).unwrap_or(0),
                "continue" => o.continue_token = value.into_owned(),
                "resourceVersion" => o.resource_version = value.into_owned(),
                "resourceVersionMatch" => o.resource_version_match = value.into_owned(),
                "watch" => o.watch = flag(&value),
                "allowWatchBookmarks" => o.allow_watch_bookmarks = flag(&value),
                "sendInitialEvents" => o.send_initial_events = Some(flag(&value)),
                "timeoutSeconds" => {
                    let seconds = o.number("timeoutSeconds", &value);
                    o.timeout_seconds = seconds.and_then(|s| s.try_into().ok()).filter(|s| *s > 0);
                }
                "dryRun" => o.set_dry_run(&value)?,
                "fieldManager" => o.field_manager = value.into_owned(),
                "force" => o.force = Some(flag(&value)),
                "fieldValidation" => o.set_field_validation(&value)?,
                "gracePeriodSeconds" => o.grace_period_seconds = o.number("gracePeriodSeconds", &value),
                "propagationPolicy" => o.propagation_policy = Some(value.into_owned()),
                "orphanDependents" => o.orphan_dependents = Some(flag(&value)),
                "includeObject" => o.set_include_object(&value)?,
                // The real server ignores what it does not know, here as well.
                _ => {}
            }
        }
        Ok(o)
    }

    fn number(&mut self, name: &'static str, value: &str) -> Option<i64> {
        let why = match value.parse() {
            Ok(number) => return Some(number),
            Err(_) if value.is_empty() => return None,
            Err(error) => match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            },
        };
        self.no_numbers.push((name, format!("strconv.ParseInt: parsing {value:?}: {why}")));
        None
    }

    /// Refuses a request in which one of these parameters should be a number and is none.
    ///
    /// # Errors
    /// 400 in the words of Go's parser.
    pub(crate) fn check_numbers(&self, names: &[&str]) -> Result<()> {
        match self.no_numbers.iter().find(|(name, _)| names.contains(name)) {
            Some((_, why)) => Err(Refusal::bad_request(why.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn set_dry_run(&mut self, value: &str) -> Result<()> {
        if value == "All" {
            self.dry_run = true;
            return Ok(());
        }
        let body = format!("Unsupported value: [{}]: supported values: \"All\"", Value::from(value));
        Err(Refusal::options("CreateOptions", "dryRun", "FieldValueNotSupported", body))
    }

    fn set_include_object(&mut self, value: &str) -> Result<()> {
        self.include_object = match value {
            "" | "Metadata" => Include::Metadata,
            "None" => Include::None,
            "Object" => Include::Object,
            other => {
                let why = format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', 'Object', 'None', or empty",
                    Value::from(other)
                );
                return Err(Refusal::bad_request(why));
            }
        };
        Ok(())
    }

    fn set_field_validation(&mut self, value: &str) -> Result<()> {
        self.field_validation = match value {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let supported = "\"\", \"Ignore\", \"Strict\", \"Warn\"";
                let body =
                    format!("Unsupported value: {}: supported values: {supported}", Value::from(other));
                return Err(Refusal::options(
                    "CreateOptions",
                    "fieldValidation",
                    "FieldValueNotSupported",
                    body,
                ));
            }
        };
        Ok(())
    }
}

/// The pairs of a query string.
fn form_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes())
}

/// The form that an `Accept` header asks for: the first entry that this server can answer.
///
/// # Errors
/// 406 when nothing in it can be answered.
pub(crate) fn negotiate(accept: &str) -> Result<Form> {
    const ONLY: &str = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    let (mut any, mut json, mut binary) = (false, false, false);
    for entry in accept.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().unwrap_or("");
        if media.is_empty() {
            continue;
        }
        any = true;
        binary |= matches!(media, "application/vnd.kubernetes.protobuf" | "application/yaml");
        if !matches!(media, "application/json" | "*/*") {
            continue;
        }
        json = true;
        let value = |name: &str| {
            entry
                .split(';')
                .skip(1)
                .filter_map(|p| p.trim().split_once('='))
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v)
        };
        let (group, version) = (value("g").unwrap_or(""), value("v").unwrap_or(""));
        let meta = group == "meta.k8s.io" && matches!(version, "v1" | "v1beta1");
        let old = version == "v1beta1";
        match value("as") {
            None | Some("") => return Ok(Form::Full),
            Some("Table") if meta => return Ok(Form::Table { old }),
            Some("PartialObjectMetadata") if meta => return Ok(Form::Metadata { old }),
            Some("PartialObjectMetadataList") if meta => return Ok(Form::MetadataList { old }),
            Some("APIGroupDiscoveryList") if version == "v2" => return Ok(Form::Aggregated),
            // A form that is not known is passed over for the next entry.
            Some(_) => {}
        }
    }
    match (any, json, binary) {
        (false, ..) => Ok(Form::Full),
        (_, true, _) => Err(Refusal::new(406, "NotAcceptable", ONLY)),
        (_, false, true) => {
            let message = "only the following media types are accepted: application/json: the simulated API server writes neither YAML nor protobuf";
            Err(Refusal::new(406, "NotAcceptable", message))
        }
        (_, false, false) => {
            let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf";
            let mut refusal = Refusal::new(406, "NotAcceptable", message);
            refusal.empty_details = true;
            Err(refusal)
        }
    }
}

impl Request {
    /// The name under which the request's changes are recorded.
    pub(crate) fn manager(&self) -> String {
        if !self.options.field_manager.is_empty() {
            return self.options.field_manager.clone();
        }
        let program = self.user_agent.split('/').next().unwrap_or("");
        if program.is_empty() { "unknown".to_owned() } else { program.chars().take(128).collect() }
    }

    /// A parameter of the query that the API machinery does not know.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        form_pairs(&self.query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The body, read as JSON where its value did not come with it.
    fn parsed(&self, merge: bool) -> std::result::Result<Parsed, String> {
        match self.sent.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Sent(value)) => Ok(Arc::unwrap_or_clone(value).into()),
            None => json::parse(&self.body, merge),
        }
    }

    fn media(&self) -> &str {
        self.content_type.split(';').next().unwrap_or("").trim()
    }

    /// The object in the body of a create or update: JSON, or YAML where the content type says so.
    ///
    /// # Errors
    /// 415 for other types, 400 for what cannot be parsed.
    pub(crate) fn object(&self, kind: &Kind) -> Result<Parsed> {
        match self.media() {
            "" | "application/json" => self.parsed(!kind.is_custom())
                .and_then(|parsed| match go_name(&parsed.value) {
                    Some(found) => Err(format!(
                        "json: cannot unmarshal {found} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
                    )),
                    None => Ok(parsed),
                })
                .map_err(|why| unrecognized(kind, &format!("couldn't get version/kind; json parse error: {why}"), &self.body)),
            "application/yaml" => yaml::parse(&self.body)
                .map_err(|error| unrecognized(kind, &format!("yaml: {error}"), &self.body)),
            "application/vnd.kubernetes.protobuf" => {
                let value = match kind.is_custom() {
                    true => Err("custom resources have no protobuf form".to_owned()),
                    false => protobuf::decode(&self.body, &kind.api_version(), &kind.kind).map_err(|e| e.to_string()),
                };
                let value = value.map_err(|why| unrecognized(kind, &why, &self.body))?;
                Ok(value.into())
            }
            _ => Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
            )),
        }
    }

    /// The body of another request as a tree: JSON, or YAML where the content type says so.
    pub(crate) fn json(&self) -> Result<Value> {
        match self.media() {
            "application/yaml" => yaml::parse(&self.body)
                .map(|parsed| parsed.value)
                .map_err(|error| Refusal::bad_request(format!("couldn't decode the object: yaml: {error}"))),
            "application/vnd.kubernetes.protobuf" => protobuf::decode(&self.body, "", "")
                .map_err(|error| Refusal::bad_request(format!("couldn't decode the object: {error}"))),
            "" | "application/json" => self.parsed(true).map(|p| p.value).map_err(|why| {
                Refusal::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
            }),
            _ => Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
            )),
        }
    }

    /// The body of a patch.
    pub(crate) fn patch(&self) -> Result<Parsed> {
        match self.media() {
            "application/apply-patch+yaml" => {
                let mut parsed = match self.parsed(false) {
                    Ok(parsed) => parsed,
                    Err(_) => yaml::parse(&self.body).map_err(|error| {
                        let why = format!("error converting YAML to JSON: yaml: {error}");
                        Refusal::bad_request(format!("error decoding YAML: {why}"))
                    })?,
                };
                if !parsed.duplicates.is_empty() {
                    // JSON is read as YAML here.
                    parsed.duplicates.clear();
                    parsed.repeated = yaml::repeated_keys(&String::from_utf8_lossy(&self.body));
                }
                match go_name(&parsed.value) {
                    Some(found) => Err(Refusal::bad_request(format!(
                        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                    ))),
                    None => Ok(parsed),
                }
            }
            "application/strategic-merge-patch+json" => {
                self.parsed(true).and_then(into_map).map_err(Refusal::bad_request)
            }
            "application/merge-patch+json" => self
                .parsed(false)
                .and_then(into_map)
                .map_err(|why| Refusal::bad_request(format!("error decoding patch: {why}"))),
            _ => {
                self.parsed(false).map_err(|why| Refusal::bad_request(format!("error decoding patch: {why}")))
            }
        }
    }
}

/// Go's word for a value that should have been an object; `None` for objects and null.
fn go_name(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null | Value::Object(_) => None,
        Value::Bool(_) => Some("bool"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
    }
}

fn into_map(parsed: Parsed) -> std::result::Result<Parsed, String> {
    match go_name(&parsed.value) {
        Some(found) => {
            Err(format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"))
        }
        None => Ok(parsed),
    }
}

/// A body that no kind can be read from: its beginning is shown, as text where it looks like JSON.
pub(crate) fn unrecognized(kind: &Kind, why: &str, body: &[u8]) -> Refusal {
    const SHOWN: usize = 30;
    let head = body.get(..SHOWN).unwrap_or(body);
    let mut shown = match body {
        [] => "<empty>".to_owned(),
        [b'{', ..] => String::from_utf8_lossy(head).into_owned(),
        _ => head.iter().map(|b| format!("{b:02x}")).collect(),
    };
    if body.len() > SHOWN {
        shown.push_str(" ...");
    }
    Refusal::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): {why} ({shown})",
        kind.kind
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing("", Form::Full)]
    #[case::json("application/json", Form::Full)]
    #[case::protobuf_first("application/vnd.kubernetes.protobuf,application/json", Form::Full)]
    #[case::kubectl_get(
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
        Form::Table { old: false }
    )]
    #[case::metadata("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Form::MetadataList { old: false })]
    #[case::discovery(
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
        Form::Aggregated
    )]
    fn accept_headers_ask_for(#[case] accept: &str, #[case] want: Form) {
        assert_eq!(negotiate(accept).unwrap(), want);
    }

    #[test]
    fn what_cannot_be_answered_is_not_acceptable() {
        assert_eq!(negotiate("application/vnd.kubernetes.protobuf").unwrap_err().code, 406);
    }

    #[test]
    fn queries_are_unescaped() {
        let o = Options::parse("labelSelector=a%3Db%2Cc+in+%28d%29&limit=5&watch=true&dryRun=All").unwrap();
        assert_eq!(o.label_selector, "a=b,c in (d)");
        assert_eq!((o.limit, o.watch, o.dry_run), (5, true, true));
    }
}
