//! What a request asks for besides its path: query, content type, wanted form of the answer.

use serde_json::Value;

use crate::identity::Identity;
use crate::status::{Refusal, Result};

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
}

/// What happens with unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// `as=PartialObjectMetadata` or `as=PartialObjectMetadataList`.
    Metadata,
    /// `as=Table`.
    Table,
    /// The aggregated discovery document.
    Aggregated,
}

/// A request, with everything of it that does not depend on what the cluster holds.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: http::Method,
    pub(crate) path: String,
    pub(crate) options: Options,
    pub(crate) form: Form,
    pub(crate) content_type: String,
    /// The field manager of a request that names none: the program's name.
    pub(crate) user_agent: String,
    pub(crate) body: bytes::Bytes,
    #[allow(dead_code, reason = "authorization reads it; see docs/known-gaps.md")]
    pub(crate) identity: Identity,
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
            match key.as_str() {
                "labelSelector" => o.label_selector = value,
                "fieldSelector" => o.field_selector = value,
                "limit" => o.limit = value.parse().unwrap_or(0),
                "continue" => o.continue_token = value,
                "resourceVersion" => o.resource_version = value,
                "resourceVersionMatch" => o.resource_version_match = value,
                "watch" => o.watch = flag(&value),
                "allowWatchBookmarks" => o.allow_watch_bookmarks = flag(&value),
                "sendInitialEvents" => o.send_initial_events = Some(flag(&value)),
                "timeoutSeconds" => o.timeout_seconds = value.parse().ok().filter(|s| *s > 0),
                "dryRun" => o.set_dry_run(&value)?,
                "fieldManager" => o.field_manager = value,
                "force" => o.force = Some(flag(&value)),
                "fieldValidation" => o.set_field_validation(&value)?,
                "gracePeriodSeconds" => o.grace_period_seconds = value.parse().ok(),
                "propagationPolicy" => o.propagation_policy = Some(value),
                "orphanDependents" => o.orphan_dependents = Some(flag(&value)),
                // The real server ignores what it does not know, here as well.
                _ => {}
            }
        }
        Ok(o)
    }

    pub(crate) fn set_dry_run(&mut self, value: &str) -> Result<()> {
        if value == "All" {
            self.dry_run = true;
            return Ok(());
        }
        let body = format!("Unsupported value: [{}]: supported values: \"All\"", Value::from(value));
        Err(Refusal::options("CreateOptions", "dryRun", "FieldValueNotSupported", body))
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
fn form_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |s: &str| -> String {
        let bytes = s.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        let mut i = 0;
        while let Some(byte) = bytes.get(i) {
            let escaped = bytes.get(i + 1..i + 3).and_then(|h| std::str::from_utf8(h).ok());
            match (byte, escaped.and_then(|h| u8::from_str_radix(h, 16).ok())) {
                (b'%', Some(value)) => {
                    out.push(value);
                    i += 2;
                }
                (b'+', _) => out.push(b' '),
                (other, _) => out.push(*other),
            }
            i += 1;
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// The form that an `Accept` header asks for: the first entry that this server can answer.
///
/// # Errors
/// 406 when nothing in it can be answered.
pub(crate) fn negotiate(accept: &str) -> Result<Form> {
    let mut nothing_else = false;
    for entry in accept.split(',') {
        let mut parts = entry.split(';').map(str::trim);
        let media = parts.next().unwrap_or("");
        if media.is_empty() {
            continue;
        }
        nothing_else = true;
        if !matches!(media, "application/json" | "application/*" | "*/*") {
            continue;
        }
        let mut form = Form::Full;
        for parameter in parts {
            match parameter {
                "as=Table" => form = Form::Table,
                "as=PartialObjectMetadata" | "as=PartialObjectMetadataList" => form = Form::Metadata,
                "as=APIGroupDiscoveryList" => form = Form::Aggregated,
                _ => {}
            }
        }
        return Ok(form);
    }
    if nothing_else {
        let message = "only the following media types are accepted: application/json";
        return Err(Refusal::new(406, "NotAcceptable", message));
    }
    Ok(Form::Full)
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

    /// The body as a tree: JSON, or YAML where the content type says so.
    pub(crate) fn json(&self) -> Result<Value> {
        let media = self.content_type.split(';').next().unwrap_or("").trim();
        match media {
            ""
            | "application/json"
            | "application/json-patch+json"
            | "application/merge-patch+json"
            | "application/strategic-merge-patch+json" => parse_json(&self.body),
            "application/yaml" | "application/apply-patch+yaml" => {
                parse_json(&self.body).or_else(|_| parse_yaml(&self.body))
            }
            other => Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                format!(
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/json, application/yaml (got {other})"
                ),
            )),
        }
    }
}

fn parse_json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
    })
}

fn parse_yaml(body: &[u8]) -> Result<Value> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?;
    serde_saphyr::from_str(text)
        .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))
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
        Form::Table
    )]
    #[case::metadata("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Form::Metadata)]
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
