//! GitHub's REST API, as far as bootstrap needs it.

use super::hosts::Hosts;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A forge that speaks GitHub's REST API.
pub struct GitHub<'a> {
    hosts: &'a dyn Hosts,
    /// The URL of the API, without a slash at its end.
    api: String,
    token: String,
    ca_file: Option<PathBuf>,
}

/// A request that did not succeed. The text says what was asked and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    /// Nobody answered.
    #[error("{0}")]
    Unreachable(String),
    /// The forge refused.
    #[error("{method} {url}: {code} {message}")]
    Refused {
        /// What was asked.
        method: String,
        /// Of which URL.
        url: String,
        /// The HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
}

impl GitHubError {
    fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, GitHubError::Refused { code, .. } if *code == wanted.as_u16())
    }
}

/// A repository that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// User or organization.
    pub owner: &'a str,
    /// Name.
    pub name: &'a str,
    /// Whether the owner is a user.
    pub personal: bool,
    /// Whether it is to be private.
    pub private: bool,
    /// The branch that it begins with.
    pub branch: &'a str,
}

impl GitHub<'_> {
    /// The API of a host: `github.com`, or GitHub Enterprise.
    pub fn of<'a>(hosts: &'a dyn Hosts, host: &str, token: String, ca_file: Option<PathBuf>) -> GitHub<'a> {
        let api = match host {
            "github.com" => "https://api.github.com".to_owned(),
            host => format!("https://{host}/api/v3"),
        };
        GitHub { hosts, api, token, ca_file }
    }

    async fn ask(&self, method: Method, path: &str, content: Option<&Value>) -> Result<Value, GitHubError> {
        self.ask_for("application/vnd.github+json", method, path, content).await
    }

    /// Asks for an answer of this media type.
    async fn ask_for(
        &self,
        media: &str,
        method: Method,
        path: &str,
        content: Option<&Value>,
    ) -> Result<Value, GitHubError> {
        let url = format!("{}{path}", self.api);
        let request = Request::builder()
            .method(method.clone())
            .uri(&url)
            .header("accept", media)
            .header("authorization", format!("Bearer {}", self.token))
            .header("user-agent", "seatrial")
            .header("x-github-api-version", "2022-11-28");
        let body = content.map(|content| Bytes::from(content.to_string())).unwrap_or_default();
        let request = request.body(body).map_err(|error| GitHubError::Unreachable(error.to_string()))?;
        let answer = self.hosts.ask(request, self.ca_file.as_deref()).await;
        let answer = answer.map_err(GitHubError::Unreachable)?;
        let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status().is_success() {
            return Ok(said);
        }
        let mut message = said["message"].as_str().unwrap_or("no message").to_owned();
        for error in said["errors"].as_array().into_iter().flatten() {
            let text = error["message"].as_str().or_else(|| error.as_str());
            if let Some(text) = text {
                message = format!("{message}: {text}");
            }
        }
        let code = answer.status().as_u16();
        Err(GitHubError::Refused { method: method.to_string(), url, code, message })
    }

    /// Who the token's user is.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn login(&self) -> Result<String, GitHubError> {
        let user = self.ask(Method::GET, "/user", None).await?;
        Ok(user["login"].as_str().unwrap_or_default().to_owned())
    }

    /// Whether there is such a repository.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn has_repository(&self, owner: &str, name: &str) -> Result<bool, GitHubError> {
        match self.ask(Method::GET, &format!("/repos/{owner}/{name}"), None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a repository without commits.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn create(&self, wanted: &Wanted<'_>) -> Result<(), GitHubError> {
        let path = match wanted.personal {
            true => "/user/repos".to_owned(),
            false => format!("/orgs/{}/repos", wanted.owner),
        };
        let content = json!({
            "name": wanted.name,
            "private": wanted.private,
            "visibility": if wanted.private { "private" } else { "public" },
            "auto_init": false,
            "default_branch": wanted.branch,
        });
        self.ask(Method::POST, &path, Some(&content)).await.map(drop)
    }

    /// Gives a repository that is there the wanted settings; whether anything differed.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn configure(&self, wanted: &Wanted<'_>) -> Result<bool, GitHubError> {
        let path = format!("/repos/{}/{}", wanted.owner, wanted.name);
        let found = self.ask(Method::GET, &path, None).await?;
        if found["private"] == wanted.private {
            return Ok(false);
        }
        self.ask(Method::PATCH, &path, Some(&json!({"private": wanted.private}))).await?;
        Ok(true)
    }

    /// Gives a team of an organization a permission, such as `maintain`.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn grant(&self, wanted: &Wanted<'_>, team: &str, permission: &str) -> Result<(), GitHubError> {
        let (owner, name) = (wanted.owner, wanted.name);
        let path = format!("/orgs/{owner}/teams/{team}/repos/{owner}/{name}");
        self.ask(Method::PUT, &path, Some(&json!({"permission": permission}))).await.map(drop)
    }

    /// The permission that a team of an organization has by itself, if any, such as `maintain`.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn permission(&self, wanted: &Wanted<'_>, team: &str) -> Result<Option<String>, GitHubError> {
        let (owner, name) = (wanted.owner, wanted.name);
        let path = format!("/orgs/{owner}/teams/{team}/repos/{owner}/{name}");
        let media = "application/vnd.github.v3.repository+json";
        let found = match self.ask_for(media, Method::GET, &path, None).await {
            Ok(found) => found,
            Err(error) if error.is(StatusCode::NOT_FOUND) => return Ok(None),
            Err(error) => return Err(error),
        };
        let has = |permission: &&&str| found["permissions"][**permission] == true;
        let highest = ["admin", "maintain", "push", "triage", "pull"].iter().find(has);
        Ok(highest.map(|permission| (*permission).to_owned()))
    }

    /// The deploy keys of this title: id, whether it is read-only, the key.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn keys(
        &self,
        owner: &str,
        name: &str,
        title: &str,
    ) -> Result<Vec<(u64, bool, String)>, GitHubError> {
        let mut keys = Vec::new();
        for page in 1.. {
            let path = format!("/repos/{owner}/{name}/keys?per_page=100&page={page}");
            let listed = self.ask(Method::GET, &path, None).await?;
            let listed = listed.as_array().cloned().unwrap_or_default();
            keys.extend(listed.iter().filter(|key| key["title"] == title).map(|key| {
                let text = key["key"].as_str().unwrap_or_default().to_owned();
                (key["id"].as_u64().unwrap_or_default(), key["read_only"] == true, text)
            }));
            if listed.len() < 100 {
                break;
            }
        }
        Ok(keys)
    }

    /// Registers a key under a title, in the place of those that have it.
    ///
    /// # Errors
    /// [`GitHubError`].
    pub async fn set_key(
        &self,
        owner: &str,
        name: &str,
        title: &str,
        key: &str,
        read_only: bool,
    ) -> Result<(), GitHubError> {
        for (id, _, _) in self.keys(owner, name, title).await? {
            self.ask(Method::DELETE, &format!("/repos/{owner}/{name}/keys/{id}"), None).await?;
        }
        let content = json!({"title": title, "key": key, "read_only": read_only});
        self.ask(Method::POST, &format!("/repos/{owner}/{name}/keys"), Some(&content)).await.map(drop)
    }
}
