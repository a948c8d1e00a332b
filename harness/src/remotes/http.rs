//! Single files by HTTP and HTTPS.

use super::failed;
use crate::rest::{Rest, proxy};
use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{Request, Response, Uri};
use seatrial_render::RemoteError;
use seatrial_time::Clock;
use std::time::Duration;

const MAX_REDIRECTS: usize = 10;
/// A manifest is smaller by far.
const MAX_SIZE: usize = 64 << 20;
/// Who takes longer does not answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The content of a file. Redirects are followed.
pub(super) async fn get(url: &str) -> Result<Bytes, RemoteError> {
    let told = |what: String| failed(format!("Get {url:?}: {what}"));
    match Clock::wall().timeout(TIMEOUT, follow(url)).await {
        Ok(Err(RemoteError::Failed(what))) => Err(told(what)),
        Ok(done) => done,
        Err(_) => Err(told(format!("no answer within {} seconds", TIMEOUT.as_secs()))),
    }
}

async fn follow(url: &str) -> Result<Bytes, RemoteError> {
    let mut url: Uri = url.parse().map_err(|error| failed(format!("{error}")))?;
    for _ in 0..=MAX_REDIRECTS {
        let response = request(&url).await?;
        match response {
            Answer::Content(content) => return Ok(content),
            Answer::Elsewhere(location) => url = target(&url, &location)?,
        }
    }
    Err(failed(format!("stopped after {MAX_REDIRECTS} redirects")))
}

enum Answer {
    Content(Bytes),
    Elsewhere(String),
}

/// Where a redirect leads.
pub(super) fn target(from: &Uri, location: &str) -> Result<Uri, RemoteError> {
    let bad = || failed(format!("redirected to {location:?}, which is no URL"));
    let (scheme, authority) =
        (from.scheme_str().unwrap_or_default(), from.authority().map_or("", |a| a.as_str()));
    // A query may hold a URL of its own.
    let place = location.split(['?', '#']).next().unwrap_or_default();
    let has_scheme = place.split_once("://").is_some_and(|(scheme, _)| !scheme.contains('/'));
    let whole = match location {
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ if has_scheme => location.to_owned(),
        _ if location.starts_with('?') => format!("{scheme}://{authority}{}{location}", from.path()),
        _ if place.is_empty() => return Ok(from.clone()),
        _ => {
            let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        }
    };
    whole.parse().map_err(|_| bad())
}

async fn request(url: &Uri) -> Result<Answer, RemoteError> {
    if let Some(name) = proxy(url) {
        return Err(failed(format!(
            "the proxy of {name} is not supported for single files: serve the URL from a file with --serve"
        )));
    }
    let mut request = Request::get(url);
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if let Some((user, _)) = authority.rsplit_once('@') {
        let value = basic(user).ok_or_else(|| failed("invalid escape in the user or password of the URL"))?;
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Bytes::new()).map_err(|error| failed(error.to_string()))?;
    let rest = Rest::trusting(None).map_err(|error| failed(error.to_string()))?.of_at_most(MAX_SIZE);
    read(rest.send(request).await.map_err(|error| failed(error.to_string()))?)
}

/// The header for the `user:password` or `user` of a URL; `None` for broken escapes.
pub(super) fn basic(userinfo: &str) -> Option<String> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let plain = [unescaped(user)?, unescaped(password)?].join(&b':');
    Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain)))
}

/// `%2F` is `/`, and `+` is itself: this is no form.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}

fn read(response: Response<Bytes>) -> Result<Answer, RemoteError> {
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    if let (301 | 302 | 303 | 307 | 308, Some(location)) = (status.as_u16(), location) {
        return Ok(Answer::Elsewhere(location.to_owned()));
    }
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or_default().to_owned();
        return Err(RemoteError::Status { code: status.as_u16(), reason });
    }
    Ok(Answer::Content(response.into_body()))
}
