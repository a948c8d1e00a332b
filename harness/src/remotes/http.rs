//! Single files by HTTP and HTTPS.

use super::failed;
use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, LOCATION, USER_AGENT};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use seatrial_render::RemoteError;
use seatrial_time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
    let secure = match url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        other => return Err(failed(format!("unsupported protocol scheme {:?}", other.unwrap_or_default()))),
    };
    let Some(host) = url.host().filter(|host| !host.is_empty()) else {
        return Err(failed("no host in the URL"));
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    refuse_proxy(secure, name)?;
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((name, port)).await;
    let stream = stream.map_err(|error| failed(format!("dial tcp {host}:{port}: {error}")))?;
    if !secure {
        return ask(stream, url).await;
    }
    let server = ServerName::try_from(name.to_owned()).map_err(|error| failed(error.to_string()))?;
    let secured = TlsConnector::from(Arc::new(trusting()?)).connect(server, stream).await;
    ask(secured.map_err(|error| failed(format!("tls: {error}")))?, url).await
}

/// Connections go straight to the server.
fn refuse_proxy(secure: bool, host: &str) -> Result<(), RemoteError> {
    let names = if secure { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let except = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    let excepted = except.split(',').map(str::trim).filter(|part| !part.is_empty()).any(|part| {
        let suffix = part.trim_start_matches('.');
        part == "*" || host == suffix || host.ends_with(&format!(".{suffix}"))
    });
    match names.iter().find(|name| set(name)) {
        Some(name) if !local && !excepted => Err(failed(format!(
            "the proxy of {name} is not supported for single files: serve the URL from a file with --serve"
        ))),
        _ => Ok(()),
    }
}

/// TLS that trusts whom the system trusts; `SSL_CERT_FILE` names others.
fn trusting() -> Result<ClientConfig, RemoteError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| failed(format!("tls: {error}")))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// Sends the request, and reads the answer.
async fn ask<S>(stream: S, url: &Uri) -> Result<Answer, RemoteError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lost = |error: hyper::Error| failed(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path).header(HOST, host).header(USER_AGENT, "seatrial");
    if let Some(user) = user {
        let value = basic(user).ok_or_else(|| failed("invalid escape in the user or password of the URL"))?;
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| failed(error.to_string()))?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(lost)?;
        let answer = read(response).await;
        drop(sender);
        answer
    };
    futures::future::join(connection, answered).await.1
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

async fn read(response: Response<Incoming>) -> Result<Answer, RemoteError> {
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    if let (301 | 302 | 303 | 307 | 308, Some(location)) = (status.as_u16(), location) {
        return Ok(Answer::Elsewhere(location.to_owned()));
    }
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or_default().to_owned();
        return Err(RemoteError::Status { code: status.as_u16(), reason });
    }
    let body = Limited::new(response.into_body(), MAX_SIZE).collect().await;
    body.map(|body| Answer::Content(body.to_bytes())).map_err(|error| failed(error.to_string()))
}
