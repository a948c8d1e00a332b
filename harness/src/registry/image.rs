//! Images that are generated for tags: small, valid, and the same in every run.

use super::RepositoryName;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The SHA-256 of a blob or a manifest, written `sha256:<64 hex digits>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of some bytes.
    pub fn of(data: &[u8]) -> Digest {
        let mut text = String::from("sha256:");
        for byte in Sha256::digest(data) {
            text.push_str(&format!("{byte:02x}"));
        }
        Digest(text)
    }

    /// Reads `sha256:<64 hex digits>`.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = text.strip_prefix("sha256:")?;
        let ok = hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        ok.then(|| Digest(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A manifest as it is stored and served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: String,
    /// Its bytes; their digest is its name.
    pub data: Vec<u8>,
}

/// An image: its manifest and the blobs that the manifest names.
pub(super) struct Image {
    pub(super) manifest: Manifest,
    pub(super) blobs: Vec<Vec<u8>>,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The image that stands behind a tag nobody built: one empty layer, and labels that say what it is. Two tags have two
/// digests.
pub(super) fn generate(repository: &RepositoryName, tag: &str) -> Image {
    // Two blocks of zeros: the end of a tar archive, that is, an archive without files.
    let layer = vec![0; 1024];
    let layer_digest = Digest::of(&layer);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Labels": {
                "org.opencontainers.image.title": repository.path(),
                "org.opencontainers.image.version": tag,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest.as_str()]},
    })
    .to_string()
    .into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": CONFIG,
            "digest": Digest::of(&config).as_str(),
            "size": config.len(),
        },
        "layers": [{"mediaType": LAYER, "digest": layer_digest.as_str(), "size": layer.len()}],
    })
    .to_string()
    .into_bytes();
    Image {
        manifest: Manifest { media_type: MANIFEST.to_owned(), data: manifest },
        blobs: vec![config, layer],
    }
}
