//! Lists: tags, repositories, referrers.

use super::blobs::digest;
use super::error::{Code, Refusal};
use super::{Asked, Registries, Result, path_of};
use crate::registry::{Manifest, RegistryError, RepositoryName};
use crate::serve::http::{Answer, answer, set};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One page of a sorted list: at most `n` entries behind `last`, and a link to the next page where there is one.
fn page(asked: &Asked, all: Vec<String>, path: &str) -> Result<(Vec<String>, Option<String>)> {
    let limit = match asked.query("n") {
        None => usize::MAX,
        Some(n) => n.parse().map_err(|_| {
            Refusal::new(Code::Unsupported, format!("n={n:?} is no number of entries"))
                .with(StatusCode::BAD_REQUEST)
        })?,
    };
    let last = asked.query("last").unwrap_or_default();
    let mut rest = all.into_iter().filter(|entry| entry.as_str() > last);
    let entries: Vec<String> = rest.by_ref().take(limit).collect();
    let next = match (entries.last(), rest.next()) {
        (Some(last), Some(_)) => {
            let query: String = form_urlencoded::Serializer::new(String::new())
                .append_pair("last", last)
                .append_pair("n", &limit.to_string())
                .finish();
            Some(format!("<{path}?{query}>; rel=\"next\""))
        }
        _ => None,
    };
    Ok((entries, next))
}

fn listed(value: &Value, next: Option<String>) -> Answer {
    let mut answer = answer(StatusCode::OK, "application/json", value.to_string());
    if let Some(next) = next {
        set(&mut answer, header::LINK, &next);
    }
    answer
}

pub(super) fn tags(on: &Registries, name: &RepositoryName, at: &str, asked: &Asked) -> Result<Answer> {
    let (tags, next) = page(asked, on.registry.tags(&name.to_string())?, &format!("/v2/{at}/tags/list"))?;
    Ok(listed(&json!({"name": at, "tags": tags}), next))
}

pub(super) fn catalog(on: &Registries, asked: &Asked) -> Result<Answer> {
    let mut all: Vec<String> = on.registry.repositories().iter().map(path_of).collect();
    all.sort();
    let (names, next) = page(asked, all, "/v2/_catalog")?;
    Ok(listed(&json!({"repositories": names}), next))
}

/// The manifests whose `subject` this digest is; it need not exist.
pub(super) fn referrers(
    on: &Registries,
    name: &RepositoryName,
    reference: &str,
    asked: &Asked,
) -> Result<Answer> {
    let subject = digest(reference)?;
    let kind = asked.query("artifactType");
    let manifests = match on.registry.manifests(name) {
        Ok(manifests) => manifests,
        Err(RegistryError::NoRepository { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let found: Vec<Value> = manifests
        .iter()
        .filter_map(|(digest, manifest)| {
            let json: Value = serde_json::from_slice(&manifest.data).ok()?;
            let refers = json["subject"]["digest"] == subject.as_str();
            refers.then(|| descriptor(digest.as_str(), manifest, &json))
        })
        .filter(|found| kind.is_none_or(|kind| found["artifactType"] == kind))
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": found});
    let mut answer = answer(StatusCode::OK, INDEX, index.to_string());
    if kind.is_some() {
        let applied = HeaderName::from_static("oci-filters-applied");
        answer.headers_mut().insert(applied, HeaderValue::from_static("artifactType"));
    }
    Ok(answer)
}

fn descriptor(digest: &str, manifest: &Manifest, json: &Value) -> Value {
    let mut descriptor =
        json!({"mediaType": manifest.media_type, "digest": digest, "size": manifest.data.len()});
    let kind =
        [&json["artifactType"], &json["config"]["mediaType"]].into_iter().find(|kind| kind.is_string());
    if let Some(kind) = kind {
        descriptor["artifactType"] = kind.clone();
    }
    if json["annotations"].is_object() {
        descriptor["annotations"] = json["annotations"].clone();
    }
    descriptor
}
