//! The registry over HTTP, by the OCI distribution specification 1.1: pull, push (in one piece and in several), mount,
//! delete, tags, catalog, referrers.
//!
//! # Flow
//! [`route`] -> repository name -> token, or the repository's own rule ([`passage`]) -> blobs | uploads | manifests | lists -> [`crate::registry::Registry`].
//!
//! `/v2/btoll/debug` is `docker.io/btoll/debug`; a first part with a dot or a port names another registry
//! (`/v2/ghcr.io/fluxcd/flux2`), and so does the query `ns`, which mirrors of containerd get.

mod blobs;
mod error;
mod lists;
mod manifests;
mod passage;
mod route;
mod token;
mod uploads;

use super::auth::Token;
use super::http::{Answer, Handler, Peer, answer};
use crate::registry::{Registry, RepositoryName};
use error::{Code, Refusal};
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use route::Route;
use std::path::PathBuf;
use std::sync::Arc;
use uploads::Uploads;

/// The registry, for any user with the token as password, and for the token as bearer.
pub(super) struct Registries {
    registry: Registry,
    token: Token,
    uploads: Uploads,
}

/// A request that was let in.
struct Asked {
    request: Request<Incoming>,
    /// The pairs of the query.
    query: Vec<(String, String)>,
    /// The registry's address as the client has it: `https://127.0.0.1:5000`.
    site: Site,
}

/// How a client reaches the registry.
#[derive(Clone, Debug)]
struct Site {
    scheme: &'static str,
    host: String,
}

impl Site {
    fn of(request: &Request<Incoming>, tls: bool) -> Site {
        let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        // What is no name of a host must not get into a header.
        let good =
            |host: &&str| host.parse::<http::uri::Authority>().is_ok_and(|at| !at.as_str().contains('@'));
        let host = authority.or(header).filter(good).unwrap_or("localhost").to_owned();
        Site { scheme: if tls { "https" } else { "http" }, host }
    }
}

impl Asked {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

type Result<T> = std::result::Result<T, Refusal>;

impl Registries {
    /// Serves `registry`; what is pushed is kept in `folder`, which exists.
    pub(super) fn new(registry: Registry, token: Token, folder: PathBuf) -> Registries {
        Registries { registry, token, uploads: Uploads::new(folder) }
    }

    async fn serve(&self, request: Request<Incoming>, site: Site) -> Result<Answer> {
        let path = request.uri().path().to_owned();
        let pairs = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let query = pairs.into_owned().collect();
        let asked = Asked { request, query, site };
        let route = route::route(&path);
        if matches!(route, Ok(Route::Token)) {
            let service = asked.site.host.clone();
            return token::give(self, asked, &service).await;
        }
        if let Some(answer) = self.passage(&asked, route.as_ref().ok().copied()).await? {
            return Ok(answer);
        }
        let (method, route) = (asked.request.method().clone(), route?);
        let get = matches!(method, Method::GET | Method::HEAD);
        let name = |name: &str| repository(name, asked.query("ns"));
        match (&method, route) {
            (_, Route::Base) if get => Ok(answer(StatusCode::OK, "application/json", "{}")),
            (_, Route::Catalog) if get => lists::catalog(self, &asked),
            (_, Route::Tags(at)) if get => lists::tags(self, &name(at)?, at, &asked),
            (_, Route::Referrers(at, digest)) if get => lists::referrers(self, &name(at)?, digest, &asked),
            (_, Route::Manifest(at, reference)) if get => manifests::get(self, &name(at)?, reference),
            (&Method::PUT, Route::Manifest(at, reference)) => {
                manifests::put(self, &name(at)?, at, reference, asked).await
            }
            (&Method::DELETE, Route::Manifest(at, reference)) => {
                manifests::delete(self, &name(at)?, reference)
            }
            (_, Route::Blob(at, digest)) if get => {
                blobs::get(self, &name(at)?, digest, asked.request.headers()).await
            }
            (&Method::DELETE, Route::Blob(at, digest)) => blobs::delete(self, &name(at)?, digest),
            (&Method::POST, Route::Uploads(at)) => uploads::begin(self, &name(at)?, at, asked).await,
            (&Method::PATCH, Route::Upload(at, id)) => uploads::go_on(self, &name(at)?, at, id, asked).await,
            (&Method::PUT, Route::Upload(at, id)) => uploads::finish(self, &name(at)?, at, id, asked).await,
            (&Method::GET, Route::Upload(at, id)) => uploads::look(self, &name(at)?, at, id).await,
            (&Method::DELETE, Route::Upload(at, id)) => uploads::cancel(self, &name(at)?, id).await,
            _ => Err(Refusal::new(Code::Unsupported, format!("{method} is not possible here"))
                .with(StatusCode::METHOD_NOT_ALLOWED)),
        }
    }
}

impl Handler for Registries {
    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let site = Site::of(&request, peer.tls);
            let tokens = self.registry.gives_tokens().then_some(&site);
            let answer = self.serve(request, site.clone()).await;
            let mut answer = answer.unwrap_or_else(|refusal| refusal.answer_at(tokens));
            // Old clients look for it before they believe that this is a registry.
            let version = HeaderValue::from_static("registry/2.0");
            answer.headers_mut().insert("docker-distribution-api-version", version);
            answer
        })
    }
}

/// The repository that a path means.
fn repository(path: &str, mirrored: Option<&str>) -> Result<RepositoryName> {
    let full = match mirrored {
        Some(registry) => format!("{registry}/{path}"),
        None => path.to_owned(),
    };
    RepositoryName::parse(&full).map_err(|error| Refusal::new(Code::NameInvalid, error.to_string()))
}

/// The path under which a repository is found here.
fn path_of(name: &RepositoryName) -> String {
    // A path of Docker Hub can begin as the name of another registry does.
    let is_short = RepositoryName::parse(name.path()).is_ok_and(|short| short == *name);
    if is_short { name.path().to_owned() } else { name.to_string() }
}
