//! Where the artifacts of container registries come from.

use super::OciChallenge;
use crate::source::Secret;
use bytes::Bytes;
use futures::future::BoxFuture;
use seatrial_time::Signal;
use std::future::ready;

/// Asks registries. The run's own registry is asked in process.
pub trait OciRegistries: Send + Sync {
    /// A page of the tags of a repository, in an order that does not change: the first, or the one behind the tag `after`.
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>>;

    /// The manifest behind a tag or a digest.
    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>>;

    /// The bytes of this digest (`sha256:<hex>`). The caller checks them.
    fn blob<'a>(&'a self, at: &'a OciAddress, digest: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>>;

    /// Where those who ask without a token are sent for one, where they are: what a registry answers at `/v2/`.
    fn challenge<'a>(&'a self, at: &'a OciAddress) -> BoxFuture<'a, Result<Option<OciChallenge>, OciError>> {
        let _ = at;
        Box::pin(ready(Ok(None)))
    }

    /// A token with which the repository can be read, from the service of `challenge`, for the credentials of `at`. Only registries
    /// that give a challenge are asked.
    fn token<'a>(
        &'a self,
        at: &'a OciAddress,
        challenge: &'a OciChallenge,
    ) -> BoxFuture<'a, Result<Secret, OciError>> {
        let url = challenge.url(&OciChallenge::pull_scope(&at.path));
        Box::pin(ready(Err(OciError::Failed(format!("GET {url}: the token service is not served")))))
    }

    /// Moves when something is pushed or deleted, where that is known.
    fn changes(&self) -> Option<Signal> {
        None
    }
}

/// A page of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciTags {
    /// The tags.
    pub tags: Vec<String>,
    /// Whether there are others behind the last one.
    pub more: bool,
}

impl OciTags {
    /// How many tags the usual client asks for at once.
    pub const PAGE: usize = 1000;
}

/// All tags of a repository, page by page.
pub(crate) async fn all_tags(
    registries: &dyn OciRegistries,
    at: &OciAddress,
) -> Result<Vec<String>, OciError> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let OciTags { tags, more } = registries.tags(at, all.last().map(String::as_str)).await?;
        let ends = !more || tags.is_empty();
        all.extend(tags);
        if ends {
            return Ok(all);
        }
    }
}

/// A repository of a registry, and how to ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciAddress {
    /// Host, with its port where it has one: `ghcr.io`, `localhost:5000`.
    pub host: String,
    /// Path in the registry: `owls/manifests`.
    pub path: String,
    /// Whether plain HTTP is asked for.
    pub insecure: bool,
    /// Credentials.
    pub auth: OciAuth,
}

/// How to authenticate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OciAuth {
    /// Not at all.
    #[default]
    None,
    /// User name and password.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer {
        /// The token.
        token: Secret,
    },
}

/// A manifest as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciManifest {
    /// `sha256:<hex>` of its bytes.
    pub digest: String,
    /// Its bytes.
    pub data: Bytes,
}

/// Why a registry does not give what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OciError {
    /// The registry's answer, in the words of the usual clients: `GET https://…: MANIFEST_UNKNOWN: …`.
    #[error("GET https://{host}/v2/{path}: {code}: {message}")]
    Refused {
        /// Host of the registry.
        host: String,
        /// Path behind `/v2/`.
        path: String,
        /// Code of the distribution specification.
        code: String,
        /// What the registry says.
        message: String,
    },
    /// The answer of a registry's token service.
    #[error("GET {url}: {code}: {message}")]
    Token {
        /// What was asked for.
        url: String,
        /// Code of the distribution specification.
        code: String,
        /// What the service says.
        message: String,
    },
    /// An answer without the specification's errors, as proxies in front of registries give it.
    #[error("GET https://{host}/v2/{path}: unexpected status code {status} {}", reason(*.status))]
    Status {
        /// Host of the registry.
        host: String,
        /// Path behind `/v2/`.
        path: String,
        /// The status.
        status: u16,
    },
    /// Nobody answers for this repository.
    #[error("GET https://{host}/v2/: the registry is not served ({hint})")]
    NotServed {
        /// Host of the registry.
        host: String,
        /// What is served.
        hint: String,
    },
    /// The registry does not answer as a registry does.
    #[error("{0}")]
    Failed(
        /// What is wrong.
        String,
    ),
}

impl OciError {
    /// The status of the answer, where it is known to be one of trouble: 429, or that of [`OciError::Status`].
    pub fn status(&self) -> Option<u16> {
        match self {
            OciError::Status { status, .. } => Some(*status),
            OciError::Refused { code, .. } if code == "TOOMANYREQUESTS" => Some(429),
            _ => None,
        }
    }

    /// Whether the registry wants other credentials (401).
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, OciError::Refused { code, .. } if code == "UNAUTHORIZED")
    }
}

/// The words of a status; none where there are no usual ones.
fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// No registry at all: every question is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRegistries;

impl NoRegistries {
    fn refuse<T>(at: &OciAddress) -> Result<T, OciError> {
        let hint = "the run has no registry".to_owned();
        Err(OciError::NotServed { host: at.host.clone(), hint })
    }
}

impl OciRegistries for NoRegistries {
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>> {
        Box::pin(ready(NoRegistries::refuse(at)))
    }

    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        _: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
        Box::pin(ready(NoRegistries::refuse(at)))
    }

    fn blob<'a>(&'a self, at: &'a OciAddress, _: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
        Box::pin(ready(NoRegistries::refuse(at)))
    }
}
