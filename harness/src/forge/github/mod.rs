//! The part of GitHub's REST API that bootstrap and the creation of repositories use, over the forge's own store.
//!
//! [`Api`] is a plain handler: a request with its whole body in, an answer with its whole body out. `seatrial up` puts sockets in
//! front of it; in process the same client is given [`Api::answer`] itself. Paths are taken with and without GitHub
//! Enterprise's prefix `/api/v3`.
//!
//! # Errors
//! Answers have GitHub's status codes and bodies (`message`, `errors`, `documentation_url`, `status`). What is not served is
//! 404 with a message that names it.

mod answer;
mod commits;
mod deliveries;
mod hooks;
mod keys;
mod orgs;
mod repos;
mod users;
mod view;

use super::{Actor, Credentials, Forge, Hosted, Refusal, Repo, Token, Wants};
use answer::{Failed, Reply};
use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use seatrial_engine::Secret;
use serde_json::{Value, json};
pub(super) use view::push_payload;

/// Answers requests of GitHub's REST API. Cheap to clone; clones answer for the same forge.
#[derive(Clone, Debug)]
pub struct Api {
    forge: Forge,
}

/// One request, taken apart.
struct Asked<'r> {
    method: &'r Method,
    /// The parts of the path behind the prefix.
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: &'r [u8],
    /// What is asked: for messages.
    what: String,
    /// The URL that was asked, without its query.
    url: String,
    /// Whether the media type asks for a repository where there is else no body.
    wants_repository: bool,
    who: Who,
}

/// Who asks.
enum Who {
    Anyone,
    User { token: Token, secret: Secret },
}

impl Api {
    /// The API of a forge.
    pub fn new(forge: Forge) -> Api {
        Api { forge }
    }

    /// Answers one request.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let scopes;
        let reply = match self.who(&parts.headers) {
            Err(failed) => {
                scopes = None;
                Err(failed)
            }
            Ok(who) => {
                scopes = match &who {
                    Who::Anyone => None,
                    Who::User { token, .. } => {
                        Some(token.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
                    }
                };
                let path = parts.uri.path();
                let rest =
                    path.strip_prefix("/api/v3").filter(|rest| rest.is_empty() || rest.starts_with('/'));
                let rest = rest.unwrap_or(path);
                let asked = Asked {
                    method: &parts.method,
                    path: rest.split('/').filter(|part| !part.is_empty()).map(answer::unescaped).collect(),
                    query: answer::query(parts.uri.query().unwrap_or_default()),
                    body: &body,
                    what: format!("{} {path}", parts.method),
                    wants_repository: parts
                        .headers
                        .get_all(header::ACCEPT)
                        .iter()
                        .any(|accepted| accepted.to_str().is_ok_and(|text| text.contains("v3.repository"))),
                    url: format!("{}/{}", self.forge.site().api, rest.trim_matches('/')),
                    who,
                };
                self.route(&asked)
            }
        };
        answer::response(reply, scopes)
    }

    /// What somebody without a token is told where nobody gets anything without.
    pub fn unauthenticated(&self) -> Response<Bytes> {
        answer::response(Err(Failed::new(401, "Requires authentication")), None)
    }

    fn route(&self, asked: &Asked<'_>) -> Result<Reply, Failed> {
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let verb = asked.method.as_str();
        match (verb, path.as_slice()) {
            ("GET", []) => {
                Ok(Reply::ok(json!({"current_user_url": format!("{}/user", self.forge.site().api)})))
            }
            ("GET", ["meta"]) => Ok(Reply::ok(json!({
                "verifiable_password_authentication": false,
                "installed_version": "3.17.0",
                "ssh_keys": self.forge.host_keys(),
            }))),
            ("GET", ["user"]) => self.user(asked),
            ("GET", ["user", "orgs"]) => self.user_orgs(asked),
            ("GET", ["user", "repos"]) => self.user_repos(asked),
            ("POST", ["user", "repos"]) => self.create_for_user(asked),
            ("GET", ["users", login]) => self.account(login),
            ("GET", ["users", login, "repos"]) => self.repos_of(asked, login),
            ("GET", ["orgs", org]) => self.org(asked, org),
            ("GET", ["orgs", org, "repos"]) => self.repos_of(asked, org),
            ("POST", ["orgs", org, "repos"]) => self.create_for_org(asked, org),
            ("GET", ["orgs", org, "teams"]) => self.teams(asked, org),
            ("GET", ["orgs", org, "teams", slug]) => self.team(asked, org, slug),
            ("GET", ["orgs", org, "teams", slug, "members"]) => self.team_members(asked, org, slug),
            ("GET", ["orgs", org, "teams", slug, "repos", owner, name]) => {
                self.team_repo(asked, (org, slug), owner, name)
            }
            ("PUT", ["orgs", org, "teams", slug, "repos", owner, name]) => {
                self.put_team_repo(asked, (org, slug), owner, name)
            }
            ("DELETE", ["orgs", org, "teams", slug, "repos", owner, name]) => {
                self.delete_team_repo(asked, (org, slug), owner, name)
            }
            (_, ["repos", owner, name, rest @ ..]) => self.repository(asked, owner, name, rest),
            _ => Err(asked.not_served()),
        }
    }

    /// What is asked of one repository.
    fn repository(&self, asked: &Asked<'_>, owner: &str, name: &str, rest: &[&str]) -> Result<Reply, Failed> {
        let verb = asked.method.as_str();
        let wants = match (verb, rest) {
            ("GET", [] | ["branches" | "commits", ..] | ["teams"]) | ("POST", ["generate"]) => Wants::Read,
            _ => Wants::Administer,
        };
        let known = matches!(
            (verb, rest),
            ("GET" | "PATCH" | "DELETE", [])
                | ("POST", ["generate"])
                | ("GET" | "POST", ["keys" | "hooks"])
                | ("GET" | "DELETE", ["keys" | "hooks", _])
                | ("POST", ["hooks", _, "pings"])
                | ("GET", ["hooks", _, "deliveries"] | ["hooks", _, "deliveries", _])
                | ("POST", ["hooks", _, "deliveries", _, "attempts"])
                | ("GET", ["branches" | "commits" | "teams"])
                | ("GET", ["branches", _, ..])
                | ("GET", ["commits", _])
        );
        if !known {
            return Err(asked.not_served());
        }
        let (repo, hosted) = self.find(asked, owner, name, wants)?;
        match (verb, rest) {
            ("GET", []) => Ok(Reply::ok(self.show(&repo, &hosted, &asked.who))),
            ("PATCH", []) => self.edit(asked, &repo, &hosted),
            ("DELETE", []) => self.delete(asked, &repo),
            ("POST", ["generate"]) => self.generate(asked, &hosted),
            ("GET", ["keys"]) => self.keys(asked, &hosted),
            ("POST", ["keys"]) => self.add_key(asked, &repo, &hosted),
            ("GET", ["keys", id]) => self.key(asked, &hosted, id),
            ("DELETE", ["keys", id]) => self.delete_key(asked, &repo, id),
            ("GET", ["hooks"]) => self.hooks(asked, &hosted),
            ("POST", ["hooks"]) => self.add_hook(asked, &repo, &hosted),
            ("GET", ["hooks", id]) => self.hook(asked, &hosted, id),
            ("POST", ["hooks", id, "pings"]) => self.ping(asked, &hosted, id),
            ("GET", ["hooks", id, "deliveries"]) => self.deliveries(asked, &hosted, id),
            ("GET", ["hooks", id, "deliveries", which]) => self.delivery(&hosted, id, which),
            ("POST", ["hooks", id, "deliveries", which, "attempts"]) => self.redeliver(&hosted, id, which),
            ("DELETE", ["hooks", id]) => self.delete_hook(asked, &repo, &hosted, id),
            ("GET", ["teams"]) => self.repo_teams(asked, &hosted),
            ("GET", ["branches"]) => self.branches(asked, &repo, &hosted),
            // Names of branches may have slashes in them.
            ("GET", ["branches", name @ ..]) => self.branch(&repo, &hosted, &name.join("/")),
            ("GET", ["commits"]) => self.commits(asked, &repo, &hosted),
            ("GET", ["commits", revision]) => self.commit(&repo, &hosted, revision),
            _ => Err(asked.not_served()),
        }
    }

    fn who(&self, headers: &http::HeaderMap) -> Result<Who, Failed> {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(Who::Anyone) };
        let bad = || Failed::new(401, "Bad credentials");
        let (scheme, rest) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(bad)?;
        let secret = match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "token" => rest.trim().to_owned(),
            "basic" => {
                let decoded =
                    base64::engine::general_purpose::STANDARD.decode(rest.trim()).map_err(|_| bad())?;
                let text = String::from_utf8(decoded).map_err(|_| bad())?;
                text.split_once(':').ok_or_else(bad)?.1.to_owned()
            }
            _ => return Err(bad()),
        };
        let secret = Secret(secret);
        let token = self.forge.token(&secret).map_err(|_| bad())?;
        Ok(Who::User { token, secret })
    }

    /// The repository, if whoever asks may do this with it. An open repository, a private one too, is read by everybody, as over
    /// Git; its settings are changed only by who has the right.
    fn find(
        &self,
        asked: &Asked<'_>,
        owner: &str,
        name: &str,
        wants: Wants,
    ) -> Result<(Repo, Hosted), Failed> {
        let missing = || Failed::new(404, "Not Found");
        let (repo, hosted) = self.forge.find(owner, name).map_err(|_| missing())?;
        let credentials = match &asked.who {
            Who::Anyone => Credentials::Nothing,
            Who::User { secret, .. } => Credentials::Token(secret.clone()),
        };
        match self.forge.authorize(&repo, &credentials, wants) {
            Ok(_) => Ok((repo, hosted)),
            Err(Refusal::Unauthenticated { .. } | Refusal::NotFound) if hosted.private => Err(missing()),
            Err(Refusal::Unauthenticated { .. }) => Err(Failed::new(401, "Requires authentication")),
            Err(_) => Err(Failed::new(403, "Must have admin rights to Repository.")),
        }
    }

    /// A repository, as whoever asks sees it.
    fn show(&self, repo: &Repo, hosted: &Hosted, who: &Who) -> Value {
        let actor = match who {
            Who::Anyone => Actor::Anyone,
            Who::User { token, .. } => Actor::User(token.login.clone()),
        };
        view::repository(&self.forge, repo, hosted, Some(self.forge.permission(&actor, repo.name())))
    }
}

impl Asked<'_> {
    /// The login of who asks, where a user must.
    fn login(&self) -> Result<&str, Failed> {
        match &self.who {
            Who::Anyone => Err(Failed::new(401, "Requires authentication")),
            Who::User { token, .. } => Ok(&token.login),
        }
    }

    /// Whether the token of who asks is good for one of these scopes.
    fn scope(&self, scopes: &[&str]) -> bool {
        match &self.who {
            Who::Anyone => false,
            Who::User { token, .. } => scopes.iter().any(|scope| token.scopes.contains(*scope)),
        }
    }

    fn not_served(&self) -> Failed {
        Failed::new(404, format!("Not Found: this forge does not serve {}", self.what))
    }
}

#[cfg(test)]
mod tests;
