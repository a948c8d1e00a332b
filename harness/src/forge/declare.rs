//! Repositories that a JSON file asks for: `seatrial forge create -f demo.json`, and the scenario step.
//!
//! ```json
//! [{"organization": "owls-nest-farm", "repositories": [
//!   {"name": "gitops", "owner": "btoll", "private": false, "visibility": "public", "tpl_name": "gitops"}]}]
//! ```
//! `owner` and `tpl_name` say which repository is the template; without `tpl_name` the repository is empty.
//!
//! # Flow
//! [`Declared::parse`] reads the file, [`create`] asks a forge for one repository after the other through its REST API. Where one
//! cannot be made, the others are made all the same.

use super::github::Api;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, header};
use seatrial_engine::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

/// Whoever takes requests of GitHub's REST API: a connection, or [`Api`] in process.
pub trait Requests: Send + Sync {
    /// Sends a request whose URI is absolute.
    ///
    /// # Errors
    /// Where there is no answer; the text says why.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>>;
}

impl Requests for Api {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        let answer = self.answer(request);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[cfg(feature = "serve")]
impl Requests for crate::rest::Rest {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        Box::pin(async move {
            let answer = crate::rest::Rest::send(self, request).await;
            answer.map_err(|error| error.to_string())
        })
    }
}

/// A forge, and who asks it.
pub struct Asking<'a> {
    /// How requests reach it.
    pub requests: &'a dyn Requests,
    /// The URL of its API, without a slash at its end: `https://api.github.com`.
    pub api: String,
    /// The token.
    pub token: Secret,
}

/// The repositories of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The organization, or the user whose token is used.
    pub organization: String,
    /// The repositories.
    pub repositories: Vec<DeclaredRepository>,
}

/// One repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredRepository {
    /// Its name.
    pub name: String,
    /// The owner of the template. Default: the organization.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether it is private. Default: what `visibility` says, else false.
    #[serde(default)]
    pub private: Option<bool>,
    /// `public` or `private`, the same once more.
    #[serde(default)]
    pub visibility: Option<Visibility>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The name of the template. Default: the repository begins empty.
    #[serde(default)]
    pub tpl_name: Option<String>,
}

/// Who sees a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Those who have a right to.
    Private,
}

/// A file that cannot be read, with the place where there is one. It fits after `FILE:`.
#[derive(Debug, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct DeclareError {
    line: usize,
    column: usize,
    message: String,
}

impl Declared {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DeclareError`] with line and column: no JSON, an unknown or missing field, a value of another type.
    pub fn parse(text: &str) -> Result<Vec<Declared>, DeclareError> {
        serde_json::from_str(text).map_err(|error| {
            let whole = error.to_string();
            // serde_json says the place once more.
            let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
            DeclareError {
                line: error.line().max(1),
                column: error.column().max(1),
                message: message.to_owned(),
            }
        })
    }
}

/// Makes the repositories of all entries; one line for each, `Err` where it could not be made.
pub async fn create(asking: &Asking<'_>, declared: &[Declared]) -> Vec<Result<String, String>> {
    let mut lines = Vec::new();
    for entry in declared {
        for repository in &entry.repositories {
            lines.push(one(asking, &entry.organization, repository).await);
        }
    }
    lines
}

async fn one(asking: &Asking<'_>, organization: &str, wanted: &DeclaredRepository) -> Result<String, String> {
    let name = &wanted.name;
    let template = wanted.tpl_name.as_ref();
    let from = template.map(|template| format!(" from template repository `{template}`")).unwrap_or_default();
    let what = format!("repository `{name}`{from} in organization `{organization}`");
    let failed = |problem: String| format!("[ERROR] Could not create {what}: {problem}");
    let private = match (wanted.private, wanted.visibility) {
        (Some(true), Some(Visibility::Public)) | (Some(false), Some(Visibility::Private)) => {
            return Err(failed("`private` and `visibility` contradict each other".to_owned()));
        }
        (private, visibility) => private.unwrap_or(visibility == Some(Visibility::Private)),
    };
    let mut body = json!({"name": name, "private": private});
    if let Some(description) = &wanted.description {
        body["description"] = description.clone().into();
    }
    let path = match template {
        Some(template) => {
            body["owner"] = organization.into();
            let owner = wanted.owner.as_deref().unwrap_or(organization);
            format!("/repos/{owner}/{template}/generate")
        }
        None => match asking.post("/user", None).await {
            Ok((_, user)) if user["login"].as_str().is_some_and(|l| l.eq_ignore_ascii_case(organization)) => {
                "/user/repos".to_owned()
            }
            Ok(_) => format!("/orgs/{organization}/repos"),
            Err(problem) => return Err(failed(problem)),
        },
    };
    match asking.post(&path, Some(&body)).await {
        Ok((201, _)) => Ok(format!("[SUCCESS] Created {what}.")),
        Ok((404, _)) if template.is_some() => {
            let owner = wanted.owner.as_deref().unwrap_or(organization);
            let template = template.map_or("", String::as_str);
            Err(failed(format!(
                "there is no repository `{owner}/{template}`, or no organization `{organization}`"
            )))
        }
        Ok((404, _)) => Err(failed(format!("there is no organization `{organization}`"))),
        Ok((status, answer)) => Err(failed(problem(status, &answer))),
        Err(problem) => Err(failed(problem)),
    }
}

/// The words of a failure.
fn problem(status: u16, answer: &Value) -> String {
    let of_fields = answer["errors"].as_array().into_iter().flatten();
    // GitHub also answers with plain texts here.
    let of_fields = of_fields.filter_map(|error| error["message"].as_str().or(error.as_str()));
    let words: Vec<&str> = of_fields.collect();
    match (words.as_slice(), answer["message"].as_str()) {
        ([], Some(message)) => format!("{message} (HTTP {status})"),
        ([], None) => format!("HTTP {status}, and no words of a forge's API: is that its URL?"),
        (words, _) => format!("{} (HTTP {status})", words.join("; ")),
    }
}

impl Asking<'_> {
    /// Sends a body, or asks where there is none; status and answer.
    async fn post(&self, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
        let request = match body {
            Some(_) => Request::post(format!("{}{path}", self.api)),
            None => Request::get(format!("{}{path}", self.api)),
        };
        let request = request
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.0))
            .header(header::ACCEPT, "application/vnd.github+json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map(Value::to_string).unwrap_or_default().into())
            .map_err(|_| "the URL of the API or the token cannot be sent".to_owned())?;
        let answer = self.requests.send(request).await?;
        let status = answer.status().as_u16();
        let value: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match status {
            401 => Err(problem(status, &value)),
            _ => Ok((status, value)),
        }
    }
}
