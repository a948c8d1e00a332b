//! What a path means. Names of repositories have slashes, so that a path is read from its end.

use super::Result;
use super::error::{Code, Refusal};
use http::StatusCode;

/// What is asked for; names and references as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'p> {
    Base,
    Token,
    Catalog,
    Tags(&'p str),
    Referrers(&'p str, &'p str),
    Manifest(&'p str, &'p str),
    Blob(&'p str, &'p str),
    Uploads(&'p str),
    Upload(&'p str, &'p str),
}

impl<'p> Route<'p> {
    /// The repository that it is about, as it is written.
    pub(super) fn name(self) -> Option<&'p str> {
        match self {
            Route::Base | Route::Token | Route::Catalog => None,
            Route::Tags(name)
            | Route::Referrers(name, _)
            | Route::Manifest(name, _)
            | Route::Blob(name, _)
            | Route::Uploads(name)
            | Route::Upload(name, _) => Some(name),
        }
    }
}

/// Reads a path.
pub(super) fn route(path: &str) -> Result<Route<'_>> {
    let unknown = || {
        let words = "not a path of a registry: its API is under /v2/";
        Refusal::new(Code::Unsupported, words).with(StatusCode::NOT_FOUND)
    };
    let rest = match path {
        super::token::PATH => return Ok(Route::Token),
        "/v2" | "/v2/" => return Ok(Route::Base),
        "/v2/_catalog" => return Ok(Route::Catalog),
        other => other.strip_prefix("/v2/").ok_or_else(unknown)?,
    };
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Ok(Route::Tags(name));
    }
    if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
        return Ok(Route::Uploads(name));
    }
    let (before, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Ok(Route::Upload(name, last));
    }
    let (name, kind) = before.rsplit_once('/').ok_or_else(unknown)?;
    match kind {
        "manifests" => Ok(Route::Manifest(name, last)),
        "blobs" => Ok(Route::Blob(name, last)),
        "referrers" => Ok(Route::Referrers(name, last)),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::base("/v2/", Some(Route::Base))]
    #[case::base_without_slash("/v2", Some(Route::Base))]
    #[case::token("/token", Some(Route::Token))]
    #[case::catalog("/v2/_catalog", Some(Route::Catalog))]
    #[case::tags("/v2/btoll/debug/tags/list", Some(Route::Tags("btoll/debug")))]
    #[case::tags_of_a_repository_called_tags("/v2/tags/tags/list", Some(Route::Tags("tags")))]
    #[case::manifest("/v2/a/b/c/manifests/1.0", Some(Route::Manifest("a/b/c", "1.0")))]
    #[case::manifest_of_blobs("/v2/a/blobs/manifests/1.0", Some(Route::Manifest("a/blobs", "1.0")))]
    #[case::blob("/v2/a/blobs/sha256:00", Some(Route::Blob("a", "sha256:00")))]
    #[case::begin("/v2/a/b/blobs/uploads/", Some(Route::Uploads("a/b")))]
    #[case::begin_without_slash("/v2/a/b/blobs/uploads", Some(Route::Uploads("a/b")))]
    #[case::go_on("/v2/a/b/blobs/uploads/17", Some(Route::Upload("a/b", "17")))]
    #[case::referrers("/v2/a/referrers/sha256:00", Some(Route::Referrers("a", "sha256:00")))]
    #[case::version_1("/v1/search", None)]
    #[case::root("/", None)]
    #[case::nothing_known("/v2/a/b/c", None)]
    #[case::no_name("/v2/manifests/1", None)]
    fn a_path_means(#[case] path: &str, #[case] want: Option<Route<'_>>) {
        assert_eq!(route(path).ok(), want);
    }
}
