//! Pushing a blob: in one request, in two, or in several pieces. The bytes go to a file, and are hashed on their way.

use super::blobs::{DIGEST, digest};
use super::error::{Code, Refusal};
use super::passage::credentials;
use super::{Asked, Registries, Result, repository};
use crate::registry::{Blob, Digest, RepositoryName};
use crate::serve::auth::Token;
use crate::serve::http::{Answer, empty, set};
use http::{HeaderName, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;

const UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// The uploads that have begun, and the folder in which blobs are kept.
pub(super) struct Uploads {
    folder: PathBuf,
    open: Lock<BTreeMap<String, Arc<Mutex<Upload>>>>,
}

struct Upload {
    name: RepositoryName,
    path: PathBuf,
    file: File,
    size: u64,
    hash: Sha256,
    /// Its last piece has come; nothing more is taken.
    closed: bool,
    /// Its file has become a blob.
    over: bool,
}

impl Drop for Upload {
    /// What was not finished leaves nothing.
    fn drop(&mut self) {
        if !self.over {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Uploads {
    pub(super) fn new(folder: PathBuf) -> Uploads {
        Uploads { folder, open: Lock::default() }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Mutex<Upload>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(&self, name: &RepositoryName) -> Result<(String, Arc<Mutex<Upload>>)> {
        let id =
            Token::random().ok_or_else(|| Refusal::new(Code::Unknown, "the system has no randomness"))?;
        let id: String = id.reveal().chars().take(32).collect();
        let path = self.folder.join(format!("upload-{id}"));
        let file = File::create_new(&path).await.map_err(|error| Refusal::io(&error))?;
        let (name, hash) = (name.clone(), Sha256::new());
        let upload =
            Arc::new(Mutex::new(Upload { name, path, file, size: 0, hash, closed: false, over: false }));
        self.all().insert(id.clone(), upload.clone());
        Ok((id, upload))
    }

    fn find(&self, name: &RepositoryName, id: &str) -> Result<Arc<Mutex<Upload>>> {
        let upload = self.all().get(id).cloned().ok_or_else(|| unknown(name, id))?;
        let own = upload.try_lock().map_or(true, |upload| upload.name == *name);
        if own { Ok(upload) } else { Err(unknown(name, id)) }
    }

    fn forget(&self, id: &str) {
        let upload = self.all().remove(id);
        drop(upload);
    }
}

fn unknown(name: &RepositoryName, id: &str) -> Refusal {
    Refusal::new(Code::BlobUploadUnknown, format!("no upload {id:?} to {name} has begun"))
}

impl Upload {
    /// Refuses one that another request has ended while this one waited for it.
    fn check_open(&self, name: &RepositoryName, id: &str) -> Result<()> {
        if self.closed || self.name != *name { Err(unknown(name, id)) } else { Ok(()) }
    }

    /// Takes a body in.
    async fn take(&mut self, mut body: Incoming) -> Result<()> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                Refusal::new(Code::BlobUploadInvalid, format!("the body broke off: {error}"))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            self.file.write_all(&data).await.map_err(|error| Refusal::io(&error))?;
            self.hash.update(&data);
            self.size += data.len() as u64;
        }
        self.file.flush().await.map_err(|error| Refusal::io(&error))
    }

    /// Where the next piece begins, as `Range` says it.
    fn range(&self) -> String {
        format!("0-{}", self.size.saturating_sub(1))
    }
}

/// Begins: alone, with all bytes (`digest`), or not at all where another repository has them (`mount`).
pub(super) async fn begin(on: &Registries, name: &RepositoryName, at: &str, asked: Asked) -> Result<Answer> {
    if let Some(wanted) = asked.query("mount") {
        let wanted = digest(wanted)?;
        let from = asked.query("from").map(|from| repository(from, asked.query("ns"))).transpose()?;
        // Who may not read the other repository uploads, as where the blob is not there; so does who names none, where some of them
        // are guarded.
        let auth = credentials(asked.request.headers());
        let may = match &from {
            Some(from) => on.registry.may_mount(from, &auth),
            None => !on.registry.gives_tokens(),
        };
        if may && on.registry.mount_blob(name, from.as_ref(), &wanted) {
            return Ok(created(at, &wanted));
        }
    } else if let Some(wanted) = asked.query("digest") {
        let wanted = digest(wanted)?;
        let (id, upload) = on.uploads.begin(name).await?;
        let mut upload = upload.lock().await;
        let taken = upload.take(asked.request.into_body()).await;
        on.uploads.forget(&id);
        taken?;
        return keep(on, name, at, &mut upload, &wanted).await;
    }
    let (id, upload) = on.uploads.begin(name).await?;
    Ok(accepted(at, &id, &*upload.lock().await))
}

/// One more piece.
pub(super) async fn go_on(
    on: &Registries,
    name: &RepositoryName,
    at: &str,
    id: &str,
    asked: Asked,
) -> Result<Answer> {
    let upload = on.uploads.find(name, id)?;
    let mut upload = upload.lock().await;
    upload.check_open(name, id)?;
    if let Some(refused) = out_of_order(&asked, at, id, &upload)? {
        return Ok(refused);
    }
    upload.take(asked.request.into_body()).await?;
    Ok(accepted(at, id, &upload))
}

/// The last piece, which may be empty.
pub(super) async fn finish(
    on: &Registries,
    name: &RepositoryName,
    at: &str,
    id: &str,
    asked: Asked,
) -> Result<Answer> {
    let wanted = asked.query("digest").ok_or_else(|| {
        Refusal::new(Code::DigestInvalid, "the query says no digest: PUT …/blobs/uploads/ID?digest=sha256:…")
    })?;
    let wanted = digest(wanted)?;
    let upload = on.uploads.find(name, id)?;
    let mut upload = upload.lock().await;
    upload.check_open(name, id)?;
    if let Some(refused) = out_of_order(&asked, at, id, &upload)? {
        return Ok(refused);
    }
    upload.take(asked.request.into_body()).await?;
    on.uploads.forget(id);
    keep(on, name, at, &mut upload, &wanted).await
}

/// How far it is.
pub(super) async fn look(on: &Registries, name: &RepositoryName, at: &str, id: &str) -> Result<Answer> {
    let upload = on.uploads.find(name, id)?;
    let mut answer = accepted(at, id, &*upload.lock().await);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

/// Gives it up.
pub(super) async fn cancel(on: &Registries, name: &RepositoryName, id: &str) -> Result<Answer> {
    on.uploads.find(name, id)?;
    on.uploads.forget(id);
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}

/// 416 for a piece that does not begin where the last one ended. Without `Content-Range` a piece always does.
fn out_of_order(asked: &Asked, at: &str, id: &str, upload: &Upload) -> Result<Option<Answer>> {
    let Some(range) = asked.request.headers().get(header::CONTENT_RANGE) else { return Ok(None) };
    let text = range.to_str().unwrap_or_default();
    let text = text.trim_start_matches("bytes").trim_start();
    let numbers = text.split_once('-').and_then(|(from, to)| {
        let to = to.split('/').next().unwrap_or_default();
        Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?))
    });
    let Some((from, to)) = numbers else {
        let words = format!("the range {text:?} is not FIRST-LAST");
        return Err(Refusal::new(Code::BlobUploadInvalid, words));
    };
    let length =
        asked.request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| to.checked_sub(from).map(|n| n + 1) != Some(length)) {
        return Err(Refusal::new(
            Code::SizeInvalid,
            format!("the range {text:?} is not of the body's length"),
        ));
    }
    if from == upload.size {
        return Ok(None);
    }
    let mut answer = accepted(at, id, upload);
    *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    Ok(Some(answer))
}

/// Makes what was taken in a blob of the registry.
async fn keep(
    on: &Registries,
    name: &RepositoryName,
    at: &str,
    upload: &mut Upload,
    wanted: &Digest,
) -> Result<Answer> {
    upload.closed = true;
    let found = match wanted.algorithm() {
        "sha512" => sha512(&upload.path).await.map_err(|error| Refusal::io(&error))?,
        _ => Digest::written("sha256", &std::mem::take(&mut upload.hash).finalize()),
    };
    if *wanted != found {
        let words = format!("the bytes have the digest {found}, not {wanted}");
        return Err(Refusal::new(Code::DigestInvalid, words));
    }
    let path = blob_path(&on.uploads.folder, &found);
    fs::rename(&upload.path, &path).await.map_err(|error| Refusal::io(&error))?;
    upload.over = true;
    // The same bytes twice are one file, whoever came first.
    on.registry.add_blob(name, wanted, Blob::File { path, size: upload.size });
    Ok(created(at, wanted))
}

/// The digest that few ask for: only a push's last request says that it is wanted, so the file is read again.
async fn sha512(path: &Path) -> std::io::Result<Digest> {
    let (mut file, mut hash) = (File::open(path).await?, Sha512::new());
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk).await? {
            0 => return Ok(Digest::written("sha512", &hash.finalize())),
            count => hash.update(&chunk[..count]),
        }
    }
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(digest.as_str().replace(':', "-"))
}

fn created(at: &str, digest: &Digest) -> Answer {
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::CREATED;
    set(&mut answer, header::LOCATION, &format!("/v2/{at}/blobs/{digest}"));
    set(&mut answer, DIGEST, digest.as_str());
    answer
}

fn accepted(at: &str, id: &str, upload: &Upload) -> Answer {
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::ACCEPTED;
    set(&mut answer, header::LOCATION, &format!("/v2/{at}/blobs/uploads/{id}"));
    set(&mut answer, header::RANGE, &upload.range());
    set(&mut answer, UUID, id);
    answer
}
