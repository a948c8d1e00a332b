//! Blobs: read, in whole or in part, and deleted.

use super::error::{Code, Refusal};
use super::{Registries, Result};
use crate::registry::{Blob, Digest, RepositoryName};
use crate::serve::http::{Answer, Body, BodyError, empty, full, set};
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use std::io::SeekFrom;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// Names the content of an answer.
pub(super) const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Reads a digest.
pub(super) fn digest(text: &str) -> Result<Digest> {
    Digest::parse(text).ok_or_else(|| {
        let words = format!(
            "{text:?} is no digest that is supported: sha256: and 64, or sha512: and 128 hexadecimal digits"
        );
        Refusal::new(Code::DigestInvalid, words)
    })
}

pub(super) async fn get(
    on: &Registries,
    name: &RepositoryName,
    reference: &str,
    headers: &HeaderMap,
) -> Result<Answer> {
    let digest = digest(reference)?;
    let unknown = || Refusal::new(Code::BlobUnknown, format!("{name} does not have the blob {digest}"));
    let blob = on.registry.shown(name, &digest).ok_or_else(unknown)?;
    let size = blob.size();
    let mut answer = match range(headers, size) {
        Range::All => Response::new(body(&blob, 0, size).await?),
        Range::Part(from, to) => {
            let mut answer = Response::new(body(&blob, from, to - from + 1).await?);
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{size}"));
            set(&mut answer, header::CONTENT_LENGTH, &(to - from + 1).to_string());
            answer
        }
        Range::Outside => {
            let mut answer = Response::new(empty());
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(answer);
        }
    };
    let binary = HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().insert(header::CONTENT_TYPE, binary);
    answer.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if answer.status() == StatusCode::OK {
        set(&mut answer, header::CONTENT_LENGTH, &size.to_string());
    }
    set(&mut answer, DIGEST, digest.as_str());
    set(&mut answer, header::ETAG, &format!("\"{digest}\""));
    Ok(answer)
}

pub(super) fn delete(on: &Registries, name: &RepositoryName, reference: &str) -> Result<Answer> {
    let digest = digest(reference)?;
    if !on.registry.remove_blob(name, &digest) {
        return Err(Refusal::new(Code::BlobUnknown, format!("{name} does not have the blob {digest}")));
    }
    let mut answer = Response::new(empty());
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

/// The part of a blob that is asked for, by its first and last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    All,
    Part(u64, u64),
    Outside,
}

/// Reads `Range`. Several ranges in one request may be answered with everything, and are.
fn range(headers: &HeaderMap, size: u64) -> Range {
    let Some(text) = headers.get(header::RANGE).and_then(|v| v.to_str().ok()) else { return Range::All };
    let Some((from, to)) = text.strip_prefix("bytes=").and_then(|r| r.trim().split_once('-')) else {
        return Range::All;
    };
    let last = size.saturating_sub(1);
    match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), _) if from >= size => Range::Outside,
        (Ok(from), Ok(to)) if from <= to => Range::Part(from, to.min(last)),
        (Ok(from), Err(_)) if to.is_empty() => Range::Part(from, last),
        (Err(_), Ok(0)) if from.is_empty() => Range::Outside,
        (Err(_), Ok(count)) if from.is_empty() && size > 0 => Range::Part(size.saturating_sub(count), last),
        _ => Range::All,
    }
}

/// `length` bytes from `from` on, read from the file as they are sent.
async fn body(blob: &Blob, from: u64, length: u64) -> Result<Body> {
    let path = match blob {
        Blob::Memory(bytes) => {
            let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
            return Ok(full(Bytes::copy_from_slice(&bytes[at(from)..at(from + length)])));
        }
        Blob::File { path, .. } => path,
    };
    let mut file = File::open(path).await.map_err(|error| Refusal::io(&error))?;
    file.seek(SeekFrom::Start(from)).await.map_err(|error| Refusal::io(&error))?;
    let frames = stream::try_unfold(file.take(length), |mut file| async move {
        let mut chunk = BytesMut::with_capacity(64 * 1024);
        match file.read_buf(&mut chunk).await.map_err(BodyError::from)? {
            0 => Ok::<_, BodyError>(None),
            _ => Ok(Some((Frame::<Bytes>::data(chunk.freeze()), file))),
        }
    });
    Ok(StreamBody::new(frames).boxed_unsync())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::part("bytes=2-5", Range::Part(2, 5))]
    #[case::from("bytes=4-", Range::Part(4, 9))]
    #[case::last("bytes=-3", Range::Part(7, 9))]
    #[case::more_than_there_is("bytes=5-100", Range::Part(5, 9))]
    #[case::longer_tail("bytes=-100", Range::Part(0, 9))]
    #[case::behind_the_end("bytes=10-", Range::Outside)]
    #[case::no_tail("bytes=-0", Range::Outside)]
    #[case::backwards("bytes=5-2", Range::All)]
    #[case::several("bytes=0-1,4-5", Range::All)]
    #[case::another_unit("items=0-1", Range::All)]
    #[case::nonsense("bytes=a-b", Range::All)]
    fn of_ten_bytes_a_range_asks_for(#[case] header: &str, #[case] want: Range) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, header.parse().unwrap());
        assert_eq!(range(&headers, 10), want);
    }
}
