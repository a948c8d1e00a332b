//! Answers: bodies, pages, failures.

use super::Asked;
use crate::forge::{AccountError, ForgeError};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Where GitHub describes its API.
const DOCUMENTATION: &str = "https://docs.github.com/rest";
/// How many items a page has where nobody says, and at most.
const PAGE: (usize, usize) = (30, 100);

/// An answer without failure.
pub(super) struct Reply {
    status: u16,
    body: Option<Value>,
    link: Option<String>,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Reply {
        Reply { status: 200, body: Some(body), link: None }
    }

    pub(super) fn created(body: Value) -> Reply {
        Reply { status: 201, body: Some(body), link: None }
    }

    pub(super) fn accepted() -> Reply {
        Reply { status: 202, body: Some(serde_json::json!({})), link: None }
    }

    pub(super) fn nothing() -> Reply {
        Reply { status: 204, body: None, link: None }
    }

    /// The page of a list that is asked for, with the links to the others.
    pub(super) fn page<T>(asked: &Asked<'_>, all: &[T], show: impl Fn(&T) -> Value) -> Reply {
        Reply::page_of(asked, all, true, show)
    }

    /// How much of a list has to be read to answer: to the end of the page, and one behind it.
    pub(super) fn needed(asked: &Asked<'_>) -> usize {
        let (size, page) = window(asked);
        size.saturating_mul(page).saturating_add(1)
    }

    /// As [`Reply::page`], of the beginning of a list; without a link to the last page where it is not the `whole` list.
    pub(super) fn page_of<T>(asked: &Asked<'_>, all: &[T], whole: bool, show: impl Fn(&T) -> Value) -> Reply {
        let (size, page) = window(asked);
        let last = all.len().div_ceil(size).max(1);
        let begin = page.saturating_sub(1).saturating_mul(size).min(all.len());
        let shown = all[begin..all.len().min(begin + size)].iter().map(show).collect();
        let others: String = (asked.query.iter())
            .filter(|(key, _)| key != "page")
            .map(|(key, value)| format!("{key}={value}&"))
            .collect();
        let link = |page: usize, rel: &str| format!("<{}?{others}page={page}>; rel=\"{rel}\"", asked.url);
        let mut links = Vec::new();
        if page > 1 {
            links.push(link(page - 1, "prev"));
        }
        if page < last {
            links.push(link(page + 1, "next"));
            links.extend(whole.then(|| link(last, "last")));
        }
        if page > 1 {
            links.push(link(1, "first"));
        }
        let link = (!links.is_empty()).then(|| links.join(", "));
        Reply { status: 200, body: Some(shown), link }
    }
}

/// The size of the pages, and the number of the one that is asked for.
fn window(asked: &Asked<'_>) -> (usize, usize) {
    let number = |name: &str, default: usize| {
        let given = asked.query.iter().find(|(key, _)| key == name);
        given.and_then(|(_, value)| value.parse().ok()).filter(|n| *n > 0).unwrap_or(default)
    };
    (number("per_page", PAGE.0).min(PAGE.1), number("page", 1))
}

/// A failure, as GitHub tells it.
#[derive(Debug)]
pub(super) struct Failed {
    status: u16,
    message: String,
    errors: Vec<Value>,
}

impl Failed {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Failed {
        Failed { status, message: message.into(), errors: Vec::new() }
    }

    /// 422 for one field, in words.
    pub(super) fn invalid(message: &str, resource: &str, field: &str, words: &str) -> Failed {
        let error = json!({"resource": resource, "code": "custom", "field": field, "message": words});
        Failed { status: 422, message: message.to_owned(), errors: vec![error] }
    }

    /// 422 for a field that is missing.
    pub(super) fn missing(resource: &str, field: &str) -> Failed {
        let error = json!({"resource": resource, "code": "missing_field", "field": field});
        Failed { status: 422, message: "Validation Failed".to_owned(), errors: vec![error] }
    }
}

impl From<ForgeError> for Failed {
    fn from(error: ForgeError) -> Failed {
        let status = match error {
            ForgeError::NoBranch { .. } | ForgeError::NoRevision { .. } => 404,
            ForgeError::BadRepositoryName { .. } | ForgeError::BadBranchName { .. } => 422,
            _ => 500,
        };
        Failed::new(status, format!("failed to {error}"))
    }
}

impl From<AccountError> for Failed {
    fn from(error: AccountError) -> Failed {
        match error {
            AccountError::RepositoryExists { .. } => Failed::invalid(
                "Repository creation failed.",
                "Repository",
                "name",
                "name already exists on this account",
            ),
            AccountError::KeyInUse => {
                Failed::invalid("Validation Failed", "PublicKey", "key", "key is already in use")
            }
            AccountError::Key(error) => {
                Failed::invalid("Validation Failed", "PublicKey", "key", &error.to_string())
            }
            AccountError::NotATemplate { full_name } => {
                Failed::new(422, format!("{full_name} is not a template repository"))
            }
            AccountError::EmptyTemplate { full_name } => {
                Failed::new(422, format!("{full_name} is empty, so nothing can be made from it"))
            }
            AccountError::Forge(error) => Failed::from(*error),
            AccountError::NoAccount { .. }
            | AccountError::NoTeam { .. }
            | AccountError::NoRepository { .. }
            | AccountError::NoKey { .. } => Failed::new(404, "Not Found"),
            other => Failed::new(422, format!("failed to {other}")),
        }
    }
}

/// Reads a body; an empty one is an object without fields.
pub(super) fn body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Failed> {
    let text: &[u8] = if asked.body.is_empty() { b"{}" } else { asked.body };
    if serde_json::from_slice::<Value>(text).is_err() {
        return Err(Failed::new(400, "Problems parsing JSON"));
    }
    let read = serde_json::from_slice(text);
    read.map_err(|error| Failed::new(422, format!("Invalid request.\n\n{error}")))
}

/// The whole answer. `scopes` are those of the token.
pub(super) fn response(reply: Result<Reply, Failed>, scopes: Option<String>) -> Response<Bytes> {
    let (status, body, link) = match reply {
        Ok(reply) => (reply.status, reply.body, reply.link),
        Err(failed) => {
            let mut body = json!({
                "message": failed.message,
                "documentation_url": DOCUMENTATION,
                "status": failed.status.to_string(),
            });
            if !failed.errors.is_empty() {
                body["errors"] = failed.errors.into();
            }
            (failed.status, Some(body), None)
        }
    };
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-github-media-type", "github.v3; format=json");
    set("x-github-api-version-selected", "2022-11-28");
    set("x-github-enterprise-version", "3.17.0");
    if let Some(link) = link {
        set("link", &link);
    }
    if let Some(scopes) = scopes {
        set("x-oauth-scopes", &scopes);
        set("x-accepted-oauth-scopes", "repo");
    }
    if status == 401 {
        set("www-authenticate", "Basic realm=\"GitHub\"");
    }
    if let Some(body) = body {
        let media = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, media);
        *response.body_mut() = body.to_string().into();
    }
    response
}

/// Keys and values of a query.
pub(super) fn query(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (unescaped(&key.replace('+', " ")), unescaped(&value.replace('+', " ")))
    };
    parts.map(pair).collect()
}

/// A part of a path without its escapes.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        match after.get(..2).filter(|_| *first == b'%').and_then(hex) {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
