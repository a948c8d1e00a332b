//! Images that are generated for tags: small, valid, and the same in every run.

use super::RepositoryName;
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::fmt;

/// The digest of a blob or a manifest: `sha256:<64 hex digits>` or `sha512:<128 hex digits>`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The SHA-256 of some bytes.
    pub fn of(data: &[u8]) -> Digest {
        Digest::written("sha256", &Sha256::digest(data))
    }

    /// The digest of some bytes by the algorithm of this one.
    pub fn same_of(&self, data: &[u8]) -> Digest {
        match self.algorithm() {
            "sha512" => Digest::written("sha512", &Sha512::digest(data)),
            _ => Digest::of(data),
        }
    }

    /// `sha256` or `sha512`.
    pub fn algorithm(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// A digest of these bytes.
    pub(crate) fn written(algorithm: &str, bytes: &[u8]) -> Digest {
        let mut text = format!("{algorithm}:");
        for byte in bytes {
            text.push_str(&format!("{byte:02x}"));
        }
        Digest(text)
    }

    /// Reads `sha256:<64 hex digits>` or `sha512:<128 hex digits>`.
    pub fn parse(text: &str) -> Option<Digest> {
        let (algorithm, hex) = text.split_once(':')?;
        let length = match algorithm {
            "sha256" => 64,
            "sha512" => 128,
            _ => return None,
        };
        let ok = hex.len() == length && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
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

/// What a generated image is to be. By default, nothing but its name decides what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Labels of its configuration, beside those of title and version.
    pub labels: BTreeMap<String, String>,
    /// When it was built; none: its configuration does not say.
    pub created: Option<jiff::Timestamp>,
    /// The digest by which it is known here, whatever its content. None: that of its content.
    pub digest: Option<Digest>,
}

/// The image that stands behind a tag nobody built: one empty layer, and labels that say what it is. Two tags have two
/// digests.
pub(super) fn generate(repository: &RepositoryName, tag: &str, build: &Build) -> Image {
    // Two blocks of zeros: the end of a tar archive, that is, an archive without files.
    let layer = vec![0; 1024];
    let layer_digest = Digest::of(&layer);
    let mut labels = BTreeMap::from([
        ("org.opencontainers.image.title", repository.path()),
        ("org.opencontainers.image.version", tag),
    ]);
    labels.extend(build.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Labels": labels },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest.as_str()]},
    });
    if let Some(created) = build.created {
        config["created"] = json!(created.to_string());
    }
    let config = config.to_string().into_bytes();
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
