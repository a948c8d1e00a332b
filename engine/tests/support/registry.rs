//! A container registry in memory.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::BoxFuture;
use seatrial_engine::{OciAddress, OciError, OciManifest, OciRegistries, OciTags};
use seatrial_time::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex};

/// Repositories by host and path, and what was asked of them.
#[derive(Default)]
pub(crate) struct TestRegistry {
    state: Mutex<State>,
    changes: Signal,
}

#[derive(Default)]
struct State {
    /// By `host/path`, then by tag or digest.
    manifests: BTreeMap<String, BTreeMap<String, Bytes>>,
    blobs: BTreeMap<String, Bytes>,
    pulled: usize,
    asked_with: Vec<String>,
    /// How many of the next lists of tags are refused, and how often any was asked for.
    refuses: usize,
    listed: usize,
}

fn digest(data: &[u8]) -> String {
    let hex: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Files as `tar+gzip`.
pub(crate) fn layer(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The media type of Flux's own layers.
pub(crate) const CONTENT: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

impl TestRegistry {
    pub(crate) fn new() -> Arc<TestRegistry> {
        Arc::default()
    }

    /// Pushes an artifact with these layers (media type and bytes); gives its digest.
    pub(crate) fn push(
        &self,
        repository: &str,
        tag: &str,
        layers: &[(&str, Vec<u8>)],
        annotations: Value,
    ) -> String {
        let parts: Vec<Value> = layers
            .iter()
            .map(|(type_, data)| json!({ "mediaType": type_, "digest": digest(data), "size": data.len() }))
            .collect();
        let manifest = json!({ "schemaVersion": 2, "layers": parts, "annotations": annotations });
        let manifest = Bytes::from(manifest.to_string());
        let name = digest(&manifest);
        let mut state = self.state.lock().unwrap();
        for (_, data) in layers {
            state.blobs.insert(digest(data), data.clone().into());
        }
        let repository = state.manifests.entry(repository.to_owned()).or_default();
        repository.insert(tag.to_owned(), manifest.clone());
        repository.insert(name.clone(), manifest);
        drop(state);
        self.changes.bump();
        name
    }

    /// Refuses this many of the next lists of tags, as a registry does that is asked too often.
    pub(crate) fn refuse(&self, times: usize) {
        self.state.lock().unwrap().refuses = times;
    }

    /// How often a list of tags was asked for.
    pub(crate) fn listed(&self) -> usize {
        self.state.lock().unwrap().listed
    }

    /// How many blobs were read.
    pub(crate) fn pulled(&self) -> usize {
        self.state.lock().unwrap().pulled
    }

    /// The credentials of all requests, as their debug form without the secrets.
    pub(crate) fn asked_with(&self) -> Vec<String> {
        self.state.lock().unwrap().asked_with.clone()
    }

    fn find(&self, at: &OciAddress, reference: &str) -> Result<OciManifest, OciError> {
        let mut state = self.state.lock().unwrap();
        state.asked_with.push(format!("{:?}", at.auth));
        let repository = state.manifests.get(&format!("{}/{}", at.host, at.path));
        let found = repository.and_then(|all| all.get(reference)).cloned();
        let data = found.ok_or_else(|| OciError::Refused {
            host: at.host.clone(),
            path: format!("{}/manifests/{reference}", at.path),
            code: "MANIFEST_UNKNOWN".to_owned(),
            message: "manifest unknown".to_owned(),
        })?;
        Ok(OciManifest { digest: digest(&data), data })
    }
}

impl OciRegistries for TestRegistry {
    /// Pages of a hundred.
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>> {
        let mut state = self.state.lock().unwrap();
        state.listed += 1;
        if state.refuses > 0 {
            state.refuses -= 1;
            return Box::pin(ready(Err(OciError::Refused {
                host: at.host.clone(),
                path: format!("{}/tags/list?n=1000", at.path),
                code: "TOOMANYREQUESTS".to_owned(),
                message: "You have reached your pull rate limit".to_owned(),
            })));
        }
        let all = state.manifests.get(&format!("{}/{}", at.host, at.path)).cloned().unwrap_or_default();
        let tags = all.into_keys().filter(|key| !key.starts_with("sha256:"));
        let mut rest = tags.filter(|tag| after.is_none_or(|after| tag.as_str() > after));
        let tags = rest.by_ref().take(100).collect();
        Box::pin(ready(Ok(OciTags { tags, more: rest.next().is_some() })))
    }

    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
        Box::pin(ready(self.find(at, reference)))
    }

    fn blob<'a>(&'a self, _: &'a OciAddress, digest: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
        let mut state = self.state.lock().unwrap();
        state.pulled += 1;
        let found = state.blobs.get(digest).cloned();
        Box::pin(ready(found.ok_or_else(|| OciError::Failed("no such blob".to_owned()))))
    }

    fn changes(&self) -> Option<Signal> {
        Some(self.changes.clone())
    }
}
