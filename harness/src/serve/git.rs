//! Git over smart HTTP, and the REST API beside it: who may, which repository, which service. The protocol of Git is
//! `git http-backend`'s, the API is the forge's.

use super::auth::{basic, bearer};
use super::cgi::Cgi;
use super::http::{Answer, CHALLENGE, Handler, Peer, full, text};
use super::process::Programs;
use crate::forge::github::Api;
use crate::forge::{Actor, Credentials, Forge, Repo, Wants};
use futures::future::BoxFuture;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use seatrial_engine::Secret;
use seatrial_time::Clock;
use std::sync::Arc;

/// The longest body of a request to the API.
const LONGEST: usize = 1 << 20;

/// The forge's repositories and its API.
pub(super) struct Git {
    pub(super) forge: Forge,
    pub(super) clock: Clock,
    /// Whether anybody is let in who has a right to, and not only holders of the run's tokens.
    pub(super) checked: bool,
    pub(super) programs: Programs,
    /// The address of the HTTP server, `http://host:port`: URLs of other repositories are looked up below it too.
    pub(super) base: String,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked<'p> {
    /// The path of the repository, without slash at its ends and without `.git`.
    repository: &'p str,
    /// What is asked of it: `info/refs`, `git-upload-pack`, `git-receive-pack`.
    service: &'p str,
    /// Whether it can change the repository.
    pushes: bool,
}

const SERVICES: [&str; 3] = ["info/refs", "git-upload-pack", "git-receive-pack"];

impl Handler for Git {
    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let credentials = credentials(request.headers());
            let known = match &credentials {
                Credentials::Token(secret) => self.forge.token(secret).ok(),
                _ => None,
            };
            let path = request.uri().path();
            if path == "/api/v3" || path.starts_with("/api/v3/") {
                // It refuses unknown tokens itself.
                return match credentials {
                    Credentials::Nothing if !self.checked => {
                        Api::new(self.forge.clone()).unauthenticated().map(full)
                    }
                    _ => self.api(request).await,
                };
            }
            // Beyond what is checked, only holders of tokens are told anything.
            if known.is_none() && !(self.checked && credentials == Credentials::Nothing) {
                return challenge(match credentials {
                    Credentials::Nothing => {
                        "authentication required: any user, and the token of the token file as password\n"
                    }
                    _ => "Invalid username or token.\n",
                });
            }
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let query = uri.query().unwrap_or_default();
            let asked = match asked(&method, uri.path(), query) {
                Ok(asked) => asked,
                Err((status, words)) => return text(status, words),
            };
            let Some(repo) = find(&self.forge, &self.base, asked.repository) else {
                if known.is_none() {
                    return challenge("Repository not found.\n");
                }
                let repos = self.forge.repos();
                let known: Vec<String> =
                    repos.iter().map(|r| format!("{}/{}.git", self.base, r.name())).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let words = format!("no repository {:?}; there are {known}\n", asked.repository);
                return text(StatusCode::NOT_FOUND, words);
            };
            let writes = asked.pushes || query.split('&').any(|part| part == "service=git-receive-pack");
            let wants = if writes { Wants::Write } else { Wants::Read };
            match self.forge.authorize(&repo, &credentials, wants) {
                Ok(actor) => {
                    let user = match &actor {
                        Actor::User(login) => login,
                        _ => "anonymous",
                    };
                    let cgi = Cgi { clock: &self.clock, programs: &self.programs, repo, user };
                    cgi.answer(asked.service, asked.pushes, request, &peer).await
                }
                Err(refusal) => match refusal.over_http() {
                    (401, words) => challenge(&format!("{words}\n")),
                    (status, words) => {
                        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                        text(status, format!("{words}\n"))
                    }
                },
            }
        })
    }
}

impl Git {
    /// A request of the REST API.
    async fn api(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LONGEST).collect().await else {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB, or broke off\n");
        };
        let answer = Api::new(self.forge.clone()).answer(Request::from_parts(parts, body.to_bytes()));
        answer.map(full)
    }
}

/// The repository at a path: by its own name, as `owner/name`, or by a URL that is mapped to it.
pub(super) fn find(forge: &Forge, base: &str, path: &str) -> Option<Repo> {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let by_owner = || {
        let (owner, name) = path.split_once('/')?;
        forge.find(owner, name).ok().map(|(repo, _)| repo)
    };
    let by_url = || forge.by_url(&format!("{base}/{path}")).ok();
    forge.repo(path).ok().or_else(by_owner).or_else(by_url)
}

fn challenge(words: &str) -> Answer {
    let mut answer = text(StatusCode::UNAUTHORIZED, words);
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
    answer
}

/// What a request shows: a bearer token, or one as the password of any user. GitHub's `token` scheme is for its API.
fn credentials(headers: &HeaderMap) -> Credentials {
    let token = || {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("token").then(|| token.trim().to_owned())
    };
    let shown = bearer(headers).map(str::to_owned).or_else(|| basic(headers).map(|(_, password)| password));
    match shown.or_else(token) {
        Some(secret) => Credentials::Token(Secret(secret)),
        None if headers.contains_key(header::AUTHORIZATION) => Credentials::Token(Secret(String::new())),
        None => Credentials::Nothing,
    }
}

/// Status and words for what is not asked over smart HTTP.
type Refused = (StatusCode, String);
/// Reads path and query.
fn asked<'p>(method: &Method, path: &'p str, query: &str) -> Result<Asked<'p>, Refused> {
    let found = SERVICES.iter().find_map(|service| {
        let repository = path.strip_suffix(service)?.strip_suffix('/')?.trim_matches('/');
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        (!repository.is_empty()).then_some((repository, *service))
    });
    let Some((repository, service)) = found else {
        let words = "not a Git request: clone http://…/NAME.git (smart HTTP only)\n";
        return Err((StatusCode::NOT_FOUND, words.to_owned()));
    };
    let wanted = if service == "info/refs" { Method::GET } else { Method::POST };
    if *method != wanted {
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("{service} takes {wanted}\n")));
    }
    if service == "info/refs"
        && !form_urlencoded::parse(query.as_bytes())
            .any(|(k, v)| k == "service" && SERVICES[1..].contains(&v.as_ref()))
    {
        let words = "the dumb HTTP protocol is not served: use Git 1.6.6 or newer\n";
        return Err((StatusCode::FORBIDDEN, words.to_owned()));
    }
    Ok(Asked { repository, service, pushes: service == "git-receive-pack" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::clone("GET", "/gitops.git/info/refs?service=git-upload-pack", Ok(("gitops", "info/refs", false)))]
    #[case::without_suffix("GET", "/gitops/info/refs?service=git-upload-pack", Ok(("gitops", "info/refs", false)))]
    #[case::fetch("POST", "/gitops.git/git-upload-pack", Ok(("gitops", "git-upload-pack", false)))]
    #[case::push("POST", "/gitops.git/git-receive-pack", Ok(("gitops", "git-receive-pack", true)))]
    #[case::with_an_owner("POST", "/owls/gitops.git/git-upload-pack", Ok(("owls/gitops", "git-upload-pack", false)))]
    #[case::dumb("GET", "/gitops.git/info/refs", Err(403))]
    #[case::another_service("GET", "/gitops.git/info/refs?service=git-upload-archive", Err(403))]
    #[case::files("GET", "/gitops.git/HEAD", Err(404))]
    #[case::no_repository("GET", "/info/refs?service=git-upload-pack", Err(404))]
    #[case::get_of_a_post("GET", "/gitops.git/git-receive-pack", Err(405))]
    fn a_request_is_for(
        #[case] method: &str,
        #[case] uri: &str,
        #[case] want: Result<(&str, &str, bool), u16>,
    ) {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let found = asked(&method.parse().unwrap(), path, query);
        let found = found.as_ref().map(|a| (a.repository, a.service, a.pushes));
        assert_eq!(found.map_err(|(status, _)| status.as_u16()), want);
    }
}
