//! Compression of large answers, as kube-apiserver does it.

use super::http::{Answer, Body, empty, full};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use std::io::Write as _;

/// Smaller answers are sent as they are: kube-apiserver's own limit.
const THRESHOLD: u64 = 128 * 1024;

/// Whether a client takes gzip.
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let refused = parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)));
        gzip && !refused
    })
}

/// Compresses a complete, large body; watches and small bodies stay as they are.
pub(super) async fn compress(answer: Answer) -> Answer {
    let large = answer.body().size_hint().exact().is_some_and(|size| size >= THRESHOLD);
    if !large || answer.headers().contains_key(header::CONTENT_ENCODING) {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let body = match packed(body).await {
        Some(body) => body,
        // The body of a simulated server is there already: it cannot fail.
        None => return Answer::from_parts(parts, empty()),
    };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Answer::from_parts(parts, body)
}

async fn packed(body: Body) -> Option<Body> {
    let bytes = body.collect().await.ok()?.to_bytes();
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::fast());
    encoder.write_all(&bytes).ok()?;
    encoder.finish().ok().map(full)
}

#[cfg(test)]
mod tests {
    use super::super::http::text;
    use super::*;
    use flate2::read::GzDecoder;
    use http::StatusCode;
    use rstest::rstest;
    use std::io::Read as _;

    #[rstest]
    #[case::kubectl("gzip", true)]
    #[case::curl("deflate, gzip, br", true)]
    #[case::anything("*", true)]
    #[case::refused("gzip;q=0", false)]
    #[case::refused_at_length("gzip; q=0.000", false)]
    #[case::weighted("br;q=1.0, gzip;q=0.8", true)]
    #[case::other("br", false)]
    #[case::none("", false)]
    fn a_client_takes_gzip(#[case] header: &str, #[case] accepted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, header.parse().unwrap());
        assert_eq!(is_accepted(&headers), accepted);
    }

    #[tokio::test]
    async fn large_answers_are_compressed_and_small_ones_are_not() {
        let long = "seatrial ".repeat(20_000);
        let answer = compress(text(StatusCode::OK, long.clone())).await;
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(bytes.len() < long.len() / 10);
        let mut unpacked = String::new();
        GzDecoder::new(bytes.as_ref()).read_to_string(&mut unpacked).unwrap();
        assert!(unpacked == long);
        let answer = compress(text(StatusCode::OK, "short")).await;
        assert!(!answer.headers().contains_key(header::CONTENT_ENCODING));
    }
}
