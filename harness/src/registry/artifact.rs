//! Artifacts of files, as `flux push artifact` makes them, and the registry as the engine sees it.

use super::rules::unauthorized;
use super::{Blob, Digest, ImageRef, Manifest, Registry, RegistryError, RepositoryName};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::BoxFuture;
use seatrial_engine::{OciAddress, OciChallenge, OciError, OciManifest, OciRegistries, OciTags, Secret};
use seatrial_time::{Clock, Signal};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use tar::{Builder, Header};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
const CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

impl Registry {
    /// Pushes an artifact with the files of a folder, under a name such as `ghcr.io/owls/manifests:1.0.0`. The same files at
    /// the same time of `clock` give the same digest. Symbolic links are left out: nobody unpacks them.
    ///
    /// # Errors
    /// [`RegistryError::NoRepository`] where the run does not map the repository; [`RegistryError::NoTagGiven`],
    /// [`RegistryError::DigestGiven`], [`RegistryError::BadReference`]; [`RegistryError::Archive`].
    pub fn push_artifact(&self, name: &str, folder: &Path, clock: &Clock) -> Result<Digest, RegistryError> {
        let (repository, tag) = self.pushed(name)?;
        let layer =
            files(folder).and_then(|files| archive(&files)).map_err(|error| RegistryError::Archive {
                text: name.to_owned(),
                folder: folder.to_owned(),
                problem: error.to_string(),
            })?;
        let created = jiff::Timestamp::from_second(clock.now().as_second()).unwrap_or_default().to_string();
        let config = json!({ "created": created }).to_string().into_bytes();
        let part = |media_type: &str, data: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(data).as_str(), "size": data.len() });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": part(CONFIG, &config),
            "layers": [part(CONTENT, &layer)],
            "annotations": { "org.opencontainers.image.created": created },
        });
        for data in [config, layer] {
            self.add_blob(&repository, &Digest::of(&data), Blob::Memory(data.into()));
        }
        let data = manifest.to_string().into_bytes();
        Ok(self.put_manifest(&repository, Some(&tag), Manifest { media_type: MANIFEST.to_owned(), data }))
    }
}

/// The files of a folder, by their path in it, but for a repository's own.
fn files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    fn read(folder: &Path, at: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let at = if at.is_empty() { name } else { format!("{at}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() && entry.file_name() == ".git" {
                continue;
            } else if kind.is_dir() {
                read(&entry.path(), &at, files)?;
            } else if kind.is_file() {
                files.insert(at, fs::read(entry.path())?);
            } else if !kind.is_symlink() {
                return Err(io::Error::other(format!("{at} is neither a file, a folder nor a link")));
            }
        }
        Ok(())
    }
    let mut files = BTreeMap::new();
    read(folder, "", &mut files)?;
    Ok(files)
}

/// The files as `tar+gzip`, without times and owners.
fn archive(files: &BTreeMap<String, Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_slice())?;
    }
    archive.into_inner()?.finish()
}

/// The repository that `at` means, and how its absence is told.
fn named(at: &OciAddress) -> Result<RepositoryName, OciError> {
    RepositoryName::parse(&format!("{}/{}", at.host, at.path))
        .map_err(|error| OciError::Failed(format!("failed to {error}")))
}

fn refused(at: &OciAddress, path: &str, code: &str, message: String) -> OciError {
    OciError::Refused { host: at.host.clone(), path: path.to_owned(), code: code.to_owned(), message }
}

/// `served_at` is where people can push what is missing.
fn absent(at: &OciAddress, error: &RegistryError, served_at: Option<&str>) -> OciError {
    let hint = match (error, served_at) {
        (RegistryError::NoRepository { known, .. }, None) => format!("the run's registry has {known}"),
        (RegistryError::NoRepository { name, known }, Some(host)) => format!(
            "the run's registry has {known}; push it: flux push artifact oci://{host}/{name}:TAG --insecure-registry \
             --path FOLDER …"
        ),
        (other, _) => other.to_string(),
    };
    OciError::NotServed { host: at.host.clone(), hint }
}

impl Registry {
    fn absent(&self, at: &OciAddress, error: &RegistryError) -> OciError {
        absent(at, error, self.state().served_at.as_deref())
    }

    fn manifest_of(&self, at: &OciAddress, reference: &str) -> Result<OciManifest, OciError> {
        let path = format!("{}/manifests/{reference}", at.path);
        let repository = named(at)?;
        let (tag, digest) = match Digest::parse(reference) {
            Some(digest) => (None, Some(digest)),
            None => (Some(reference.to_owned()), None),
        };
        let found = self.manifest(&ImageRef { repository, tag, digest }).map_err(|e| self.absent(at, &e))?;
        let unknown = || refused(at, &path, "MANIFEST_UNKNOWN", "manifest unknown".to_owned());
        let (digest, manifest) = found.ok_or_else(unknown)?;
        Ok(OciManifest { digest: digest.to_string(), data: manifest.data.into() })
    }

    fn blob_of(&self, at: &OciAddress, digest: &str) -> Result<bytes::Bytes, OciError> {
        let path = format!("{}/blobs/{digest}", at.path);
        let name = self.own(&named(at)?);
        let unknown = || refused(at, &path, "BLOB_UNKNOWN", "blob unknown to registry".to_owned());
        let blob = Digest::parse(digest).and_then(|digest| self.shown(&name, &digest)).ok_or_else(unknown)?;
        let content = blob.read().map_err(|error| OciError::Failed(error.to_string()))?;
        Ok(content.into())
    }
}

/// Every repository may be read by everybody, as a public one, where no rule says otherwise.
impl OciRegistries for Registry {
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>> {
        Box::pin(async move {
            let (name, size) = (named(at)?, OciTags::PAGE);
            // As the registry's own link leads to it.
            let last = after.map(|tag| format!("last={tag}&")).unwrap_or_default();
            self.let_in(&name, at, &format!("{}/tags/list?{last}n={size}", at.path)).await?;
            let mut tags =
                self.tags_behind(&name, after, size + 1).map_err(|error| self.absent(at, &error))?;
            let more = tags.len() > size;
            tags.truncate(size);
            Ok(OciTags { tags, more })
        })
    }

    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
        Box::pin(async move {
            self.let_in(&named(at)?, at, &format!("{}/manifests/{reference}", at.path)).await?;
            self.manifest_of(at, reference)
        })
    }

    fn blob<'a>(
        &'a self,
        at: &'a OciAddress,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<bytes::Bytes, OciError>> {
        Box::pin(async move {
            self.let_in(&named(at)?, at, &format!("{}/blobs/{digest}", at.path)).await?;
            self.blob_of(at, digest)
        })
    }

    fn challenge<'a>(&'a self, at: &'a OciAddress) -> BoxFuture<'a, Result<Option<OciChallenge>, OciError>> {
        Box::pin(async move { Ok(Registry::challenge(self, &named(at)?)) })
    }

    fn token<'a>(
        &'a self,
        at: &'a OciAddress,
        challenge: &'a OciChallenge,
    ) -> BoxFuture<'a, Result<Secret, OciError>> {
        Box::pin(async move {
            self.give_inside(&named(at)?, &at.auth).ok_or_else(|| OciError::Token {
                url: challenge.url(&OciChallenge::pull_scope(&at.path)),
                code: "UNAUTHORIZED".to_owned(),
                message: unauthorized(true).to_owned(),
            })
        })
    }

    fn changes(&self) -> Option<Signal> {
        Some(self.signal().clone())
    }
}
