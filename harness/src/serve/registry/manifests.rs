//! Manifests: read, put, deleted, by tag or by digest.

use super::blobs::{DIGEST, digest};
use super::error::{Code, Refusal};
use super::{Asked, Registries, Result};
use crate::registry::{Digest, ImageRef, Manifest, RepositoryName};
use crate::serve::http::{Answer, empty, full, set};
use http::{HeaderName, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// A tag that a push by digest has set.
const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// The largest manifest: what the specification asks registries to take at least, and what the usual ones take at most.
const LIMIT: usize = 4 * 1024 * 1024;

/// A tag or a digest.
enum Reference {
    Tag(String),
    Digest(Digest),
}

fn reference(name: &RepositoryName, text: &str) -> Result<Reference> {
    if text.contains(':') {
        return digest(text).map(Reference::Digest);
    }
    let image = ImageRef::parse(&format!("{name}:{text}"));
    let tag = image.ok().and_then(|image| image.tag).ok_or_else(|| {
        let words = format!("{text:?} is no tag: at most 128 letters, digits, '_', '.' and '-'");
        Refusal::new(Code::ManifestInvalid, words)
    })?;
    Ok(Reference::Tag(tag))
}

fn find(on: &Registries, name: &RepositoryName, text: &str) -> Result<(Digest, Manifest)> {
    let (tag, digest) = match reference(name, text)? {
        Reference::Tag(tag) => (Some(tag), None),
        Reference::Digest(digest) => (None, Some(digest)),
    };
    let found = on.registry.manifest(&ImageRef { repository: name.clone(), tag, digest })?;
    found.ok_or_else(|| Refusal::new(Code::ManifestUnknown, format!("{name} has no manifest {text:?}")))
}

pub(super) fn get(on: &Registries, name: &RepositoryName, text: &str) -> Result<Answer> {
    let (digest, manifest) = find(on, name, text)?;
    let mut answer = Response::new(full(manifest.data));
    set(&mut answer, header::CONTENT_TYPE, &manifest.media_type);
    set(&mut answer, DIGEST, digest.as_str());
    set(&mut answer, header::ETAG, &format!("\"{digest}\""));
    Ok(answer)
}

pub(super) fn delete(on: &Registries, name: &RepositoryName, text: &str) -> Result<Answer> {
    match reference(name, text)? {
        Reference::Tag(tag) => on.registry.delete_tag(&name.to_string(), &tag)?,
        Reference::Digest(digest) => {
            if !on.registry.remove_manifest(name, &digest)? {
                let words = format!("{name} has no manifest {digest}");
                return Err(Refusal::new(Code::ManifestUnknown, words));
            }
        }
    }
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

pub(super) async fn put(
    on: &Registries,
    name: &RepositoryName,
    at: &str,
    text: &str,
    asked: Asked,
) -> Result<Answer> {
    let reference = reference(name, text)?;
    let also = tags(name, &reference, &asked)?;
    let mut all = also.clone();
    let (parts, body) = asked.request.into_parts();
    let given = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim().to_owned();
    let data = Limited::new(body, LIMIT).collect().await.map_err(|error| {
        let words = format!("the manifest could not be read (at most {LIMIT} bytes): {error}");
        Refusal::new(Code::ManifestInvalid, words).with(StatusCode::PAYLOAD_TOO_LARGE)
    })?;
    let data = data.to_bytes().to_vec();
    let json: Value = serde_json::from_slice(&data)
        .map_err(|error| Refusal::new(Code::ManifestInvalid, format!("the manifest is no JSON: {error}")))?;
    let media_type = media_type(&json, given)?;
    check_parts(on, name, &json)?;
    let digest = match reference {
        Reference::Tag(tag) => {
            all.push(tag);
            Digest::of(&data)
        }
        Reference::Digest(wanted) => {
            let digest = wanted.same_of(&data);
            if digest != wanted {
                let words = format!("the manifest has the digest {digest}, not {wanted}");
                return Err(Refusal::new(Code::DigestInvalid, words));
            }
            digest
        }
    };
    on.registry.put_manifest_at(name, &digest, &all, Manifest { media_type, data });
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::CREATED;
    set(&mut answer, header::LOCATION, &format!("/v2/{at}/manifests/{digest}"));
    set(&mut answer, DIGEST, digest.as_str());
    if let Some(subject) = json["subject"]["digest"].as_str() {
        set(&mut answer, SUBJECT, subject);
    }
    for tag in also.iter().filter_map(|tag| tag.parse().ok()) {
        answer.headers_mut().append(TAG, tag);
    }
    Ok(answer)
}

/// The tags that a push by digest brings, as `tag` in its query.
fn tags(name: &RepositoryName, reference: &Reference, asked: &Asked) -> Result<Vec<String>> {
    let given = asked.query.iter().filter(|(key, _)| key == "tag").map(|(_, tag)| tag);
    let mut tags = Vec::new();
    for tag in given {
        match (reference, self::reference(name, tag)?) {
            (Reference::Digest(_), Reference::Tag(tag)) => tags.push(tag),
            _ => {
                let words = "`tag` in the query goes with a digest in the path, and is a tag";
                return Err(Refusal::new(Code::ManifestInvalid, words));
            }
        }
    }
    Ok(tags)
}

/// The type that the manifest is served with.
fn media_type(json: &Value, given: String) -> Result<String> {
    let refuse = |words: String| Err(Refusal::new(Code::ManifestInvalid, words));
    if !json.is_object() {
        return refuse("a manifest is a JSON object".to_owned());
    }
    if json["schemaVersion"] != 2 {
        return refuse("schemaVersion is not 2: manifests of the first version are not supported".to_owned());
    }
    match (json["mediaType"].as_str(), given.as_str()) {
        (Some(own), "") => Ok(own.to_owned()),
        (Some(own), given) if own != given => {
            refuse(format!("the manifest says the media type {own:?}, the request {given:?}"))
        }
        (None, "") => refuse("neither the manifest nor the request says its media type".to_owned()),
        _ => Ok(given),
    }
}

/// Everything that a manifest consists of must be there: blobs of an image, manifests of an index.
fn check_parts(on: &Registries, name: &RepositoryName, json: &Value) -> Result<()> {
    let list = |field: &str| json[field].as_array().cloned().unwrap_or_default();
    let own = |descriptor: &Value| -> Result<Digest> {
        let text = descriptor["digest"].as_str();
        digest(text.ok_or_else(|| Refusal::new(Code::ManifestInvalid, "a descriptor without a digest"))?)
    };
    let mut blobs = list("layers");
    blobs.extend(json.get("config").cloned());
    // Artifacts of the first drafts.
    blobs.extend(list("blobs"));
    for descriptor in blobs {
        // Layers that are elsewhere on purpose.
        if descriptor["urls"].as_array().is_some_and(|urls| !urls.is_empty()) {
            continue;
        }
        let digest = own(&descriptor)?;
        let Some(blob) = on.registry.shown(name, &digest) else {
            let words = format!("{name} does not have the blob {digest}: push it first");
            return Err(Refusal::new(Code::ManifestBlobUnknown, words));
        };
        if descriptor["size"].as_u64().is_some_and(|size| size != blob.size()) {
            let words = format!("the blob {digest} has {} bytes, not {}", blob.size(), descriptor["size"]);
            return Err(Refusal::new(Code::SizeInvalid, words));
        }
    }
    for descriptor in list("manifests") {
        let digest = own(&descriptor)?;
        let image = ImageRef { repository: name.clone(), tag: None, digest: Some(digest.clone()) };
        if !matches!(on.registry.manifest(&image), Ok(Some(_))) {
            let words = format!("{name} does not have the manifest {digest}: push it first");
            return Err(Refusal::new(Code::ManifestBlobUnknown, words));
        }
    }
    Ok(())
}
