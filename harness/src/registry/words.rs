//! What a kubelet says when containerd cannot pull; the words are containerd's.

use super::rules::Refused;
use super::tokens::TokenFault;
use super::{Digest, ImageRef};
use http::StatusCode;

/// The tag or the digest does not exist.
pub(super) fn not_found(image: &ImageRef) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{image}\": \
         failed to resolve reference \"{image}\": {image}: not found"
    )
}

/// The repository does not exist.
pub(super) fn denied(image: &ImageRef) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
         pull access denied, repository does not exist or may require authorization: \
         server message: insufficient_scope: authorization failed"
    )
}

/// A name that no registry can have; the kubelet reports it as `InvalidImageName` before it asks anybody.
pub(super) fn invalid(image: &str) -> String {
    format!(
        "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid reference format"
    )
}

/// The token service does not take the credentials.
pub(super) fn no_token(image: &ImageRef, url: &str) -> String {
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to authorize: \
         failed to fetch oauth token: unexpected status from GET request to {url}: 401 Unauthorized"
    )
}

/// The registry does not do what it is asked for.
pub(super) fn refused(image: &ImageRef, refused: &Refused) -> String {
    let status = match refused {
        Refused::Login { given: false } => {
            return format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
                 pull access denied, repository does not exist or may require authorization: \
                 authorization failed: no basic auth credentials"
            );
        }
        Refused::Token(TokenFault::Scope) => return denied(image),
        Refused::Token(fault) => {
            let word = fault.word().unwrap_or("authorization required");
            return format!(
                "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
                 pull access denied, repository does not exist or may require authorization: \
                 server message: {word}: authorization failed"
            );
        }
        Refused::Login { given: true } => 401,
        Refused::Fault { status, .. } => *status,
    };
    let words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let words = words.map(|words| format!(" {words}")).unwrap_or_default();
    let name = &image.repository;
    let host = if name.registry() == "docker.io" { "registry-1.docker.io" } else { name.registry() };
    let reference = match (&image.digest, &image.tag) {
        (Some(digest), _) => digest.as_str(),
        (None, tag) => tag.as_deref().unwrap_or("latest"),
    };
    format!(
        "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": \
         unexpected status from HEAD request to https://{host}/v2/{}/manifests/{reference}: {status}{words}",
        name.path()
    )
}

/// The content has another digest than the registry said.
pub(super) fn wrong_content(image: &ImageRef, said: &Digest, actual: &Digest) -> String {
    format!(
        "rpc error: code = FailedPrecondition desc = failed to pull and unpack image \"{image}\": \
         failed commit on ref \"manifest-{said}\": unexpected commit digest {actual}, expected {said}: failed precondition"
    )
}
