//! From a reference to the artifact's manifest and layer.

use super::{OciAddress, OciError, OciRegistries, all_tags};
use crate::artifact::hex;
use bytes::Bytes;
use seatrial_api::source::OCIRepositoryRef;
use seatrial_semver::{Constraint, Version};
use seatrial_template::regexp::Regexp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Why an artifact cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PullError {
    /// No tag fits.
    #[error("failed to determine the artifact tag for '{url}': {problem}")]
    Tag { url: String, problem: String },
    /// The registry has no such artifact.
    #[error("failed to determine artifact digest: {0}")]
    Digest(OciError),
    /// The artifact cannot be read.
    #[error("failed to pull artifact from '{url}': {problem}")]
    Pull { url: String, problem: String },
    /// The artifact has not the layer that is wanted.
    #[error("{0}")]
    Layer(String),
}

impl PullError {
    /// The reason for the conditions.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            PullError::Tag { .. } => "ReadOperationFailed",
            PullError::Digest(_) | PullError::Pull { .. } => "OCIArtifactPullFailed",
            PullError::Layer(_) => "OCIArtifactLayerOperationFailed",
        }
    }
}

/// An artifact, and the name under which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// `tag@sha256:<hex>`, or the digest alone where that was asked for.
    pub(crate) revision: String,
    /// Its digest.
    pub(crate) digest: String,
    manifest: Bytes,
}

/// What was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pulled {
    /// The annotations of the manifest.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The layer that was asked for.
    pub(crate) layer: Bytes,
    /// Its digest.
    pub(crate) digest: String,
}

/// Finds the artifact of `reference`. Precedence: digest, semver, tag; the tag `latest` by default.
pub(crate) async fn resolve(
    registries: &dyn OciRegistries,
    at: &OciAddress,
    url: &str,
    reference: &OCIRepositoryRef,
) -> Result<Found, PullError> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let found = async |name: &str| registries.manifest(at, name).await.map_err(PullError::Digest);
    if let Some(digest) = given(&reference.digest) {
        let manifest = found(&digest).await?;
        let pull = |problem: String| PullError::Pull { url: url.to_owned(), problem };
        verify(at, &digest, &manifest.data).map_err(pull)?;
        return Ok(Found { revision: digest.clone(), digest, manifest: manifest.data });
    }
    let tag = match given(&reference.semver) {
        Some(range) => {
            let wrong = |problem: String| PullError::Tag { url: url.to_owned(), problem };
            let tags = all_tags(registries, at).await.map_err(|error| wrong(error.to_string()))?;
            best(tags, &range, given(&reference.semver_filter).as_deref()).map_err(wrong)?
        }
        None => given(&reference.tag).unwrap_or_else(|| "latest".to_owned()),
    };
    let manifest = found(&tag).await?;
    let revision = format!("{tag}@{}", manifest.digest);
    Ok(Found { revision, digest: manifest.digest, manifest: manifest.data })
}

/// The tag with the highest version in `range`, of those that `filter` matches.
fn best(tags: Vec<String>, range: &str, filter: Option<&str>) -> Result<String, String> {
    let parsed = Constraint::parse(range).map_err(|error| format!("semver parse error: {error}"))?;
    let filter = filter.map(Regexp::new).transpose()?;
    let versions = tags
        .into_iter()
        .filter(|tag| filter.as_ref().is_none_or(|filter| filter.is_match(tag)))
        .filter_map(|tag| Some((Version::of_tag(&tag).filter(|version| parsed.contains(version))?, tag)));
    versions.max().map(|(_, tag)| tag).ok_or_else(|| format!("no match found for semver: {range}"))
}

/// Reads a layer of the artifact: the first of `media_type`, or the first of all.
pub(crate) async fn pull(
    registries: &dyn OciRegistries,
    at: &OciAddress,
    url: &str,
    found: &Found,
    media_type: Option<&str>,
) -> Result<Pulled, PullError> {
    let failed = |problem: String| PullError::Pull { url: url.to_owned(), problem };
    let mut manifest = parse(&found.manifest).map_err(failed)?;
    if let Some(list) = manifest["manifests"].as_array() {
        // An index of images for several platforms.
        let wanted = |entry: &&Value| {
            entry["platform"]["os"] == "linux" && entry["platform"]["architecture"] == "amd64"
        };
        let child = list.iter().find(wanted).and_then(|entry| entry["digest"].as_str());
        let child = child.ok_or_else(|| failed("no child with platform linux/amd64 in index".to_owned()))?;
        let name = child;
        let child = registries.manifest(at, name).await.map_err(|error| failed(error.to_string()))?;
        verify(at, name, &child.data).map_err(failed)?;
        manifest = parse(&child.data).map_err(failed)?;
    }
    let annotations = serde_json::from_value(manifest["annotations"].clone()).unwrap_or_default();
    let layers: &[Value] = manifest["layers"].as_array().map_or(&[], Vec::as_slice);
    let first = layers.first().ok_or_else(|| PullError::Layer("no layers found in artifact".to_owned()))?;
    let layer = match media_type.filter(|wanted| !wanted.is_empty()) {
        None => first,
        Some(wanted) => layers.iter().find(|layer| layer["mediaType"] == wanted).ok_or_else(|| {
            PullError::Layer(format!("failed to find layer with media type '{wanted}' in artifact"))
        })?,
    };
    let digest = layer["digest"].as_str().unwrap_or_default().to_owned();
    let wrong = |problem: String| {
        PullError::Layer(format!("failed to extract layer contents from artifact: {problem}"))
    };
    let content = registries.blob(at, &digest).await.map_err(|error| wrong(error.to_string()))?;
    let actual = format!("sha256:{}", hex(&Sha256::digest(&content)));
    if actual != digest {
        return Err(wrong(format!("error verifying sha256 checksum; got {actual:?}, want {digest:?}")));
    }
    Ok(Pulled { annotations, layer: content, digest })
}

/// Whether a manifest that was asked for by its digest is the one.
fn verify(at: &OciAddress, wanted: &str, manifest: &Bytes) -> Result<(), String> {
    let actual = format!("sha256:{}", hex(&Sha256::digest(manifest)));
    if actual == wanted {
        return Ok(());
    }
    let reference = format!("{}/{}@{wanted}", at.host, at.path);
    Err(format!("manifest digest: {actual:?} does not match requested digest: {wanted:?} for {reference:?}"))
}

fn parse(manifest: &Bytes) -> Result<Value, String> {
    serde_json::from_slice(manifest).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::highest("*", None, Ok("2.0.0"))]
    #[case::range("1.x", None, Ok("1.10.0"))]
    #[case::pre_releases(">=1.0.0-0", Some("rc"), Ok("2.1.0-rc.2"))]
    #[case::filter("*", Some("^1\\.2"), Ok("1.2.0"))]
    // Go quotes with `\Q…\E`, and has no look-around.
    #[case::quoted("*", Some(r"^\Q1.2.0\E$"), Ok("1.2.0"))]
    #[case::look_ahead(
        "*",
        Some("^(?!2)"),
        Err("error parsing regexp: invalid or unsupported Perl syntax: `(?!`")
    )]
    #[case::an_open_group("*", Some("(1"), Err("error parsing regexp: missing closing ): `(1`"))]
    #[case::nothing(">=3", None, Err("no match found for semver: >=3"))]
    #[case::no_range("latest", None, Err("semver parse error: improper constraint: \"latest\""))]
    fn a_range_finds_a_tag(
        #[case] range: &str,
        #[case] filter: Option<&str>,
        #[case] expected: Result<&str, &str>,
    ) {
        let tags = ["latest", "1.2.0", "1.10.0", "2.0.0", "2.1.0-rc.1", "2.1.0-rc.2"];
        let found = best(tags.map(str::to_owned).to_vec(), range, filter);
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }
}
