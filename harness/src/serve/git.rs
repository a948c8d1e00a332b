//! Git over smart HTTP: who may, which repository, which service. The protocol itself is `git http-backend`'s.

use super::auth::Token;
use super::cgi::{Cgi, Programs};
use super::http::{Answer, CHALLENGE, Handler, Peer, text};
use crate::forge::{Forge, Repo};
use futures::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use seatrial_time::Clock;
use std::sync::Arc;

/// The forge's repositories, for any user with the token as password.
pub(super) struct Git {
    pub(super) forge: Forge,
    pub(super) clock: Clock,
    pub(super) token: Token,
    /// The address of this server, `http://host:port`: URLs of other repositories are looked up below it too.
    pub(super) base: String,
    pub(super) programs: Programs,
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
            if !self.token.admits(request.headers()) {
                let words =
                    "authentication required: any user, and the token of the token file as password\n";
                let mut answer = text(StatusCode::UNAUTHORIZED, words);
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
                return answer;
            }
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let asked = match asked(&method, uri.path(), uri.query().unwrap_or_default()) {
                Ok(asked) => asked,
                Err((status, words)) => return text(status, words),
            };
            match self.find(asked.repository) {
                Some(repo) => {
                    let cgi = Cgi { clock: &self.clock, programs: &self.programs, repo };
                    cgi.answer(asked.service, asked.pushes, request, &peer).await
                }
                None => {
                    let known: Vec<String> = self
                        .forge
                        .repos()
                        .iter()
                        .map(|r| format!("{}/{}.git", self.base, r.name()))
                        .collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    let words = format!("no repository {:?}; there are {known}\n", asked.repository);
                    text(StatusCode::NOT_FOUND, words)
                }
            }
        })
    }
}

impl Git {
    /// By its own name, or by a URL that is mapped to it.
    fn find(&self, path: &str) -> Option<Repo> {
        self.forge.repo(path).or_else(|_| self.forge.by_url(&format!("{}/{path}", self.base))).ok()
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
