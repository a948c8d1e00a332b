//! Requests over HTTP and HTTPS with their whole bodies: to the REST API of a forge, to webhooks, for single files.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use seatrial_time::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The longest body of an answer, where nobody says another.
const LONGEST: usize = 16 << 20;
/// How long a server may take to be there.
const CONNECT: Duration = Duration::from_secs(10);

/// A request had no answer. Messages stand by themselves, and fit after "failed to reach HOST: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// Certificates cannot be read.
    #[error("failed to read the CA: {0}")]
    Ca(String),
    /// The library refuses.
    #[error("failed to set up TLS: {0}")]
    Setup(String),
    /// The URL is of another protocol.
    #[error("unsupported protocol scheme {0:?}")]
    Scheme(String),
    /// The URL has no host.
    #[error("no host in the URL")]
    NoHost,
    /// The URL or a header cannot be written into a request.
    #[error("{0}")]
    Request(String),
    /// Nobody is there.
    #[error("dial tcp {host}:{port}: {why}")]
    Dial {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// What the system said.
        why: String,
    },
    /// The server's certificate is not trusted, or it does not speak TLS.
    #[error("tls: {0}")]
    Tls(String),
    /// The connection broke, or the answer is no HTTP, or too long.
    #[error("{0}")]
    Lost(String),
}

/// Sends requests, each over a connection of its own.
#[derive(Clone, Debug)]
pub struct Rest {
    tls: Arc<ClientConfig>,
    longest: usize,
}

impl Rest {
    /// Trusts whom the system trusts (`SSL_CERT_FILE` names others), and the authorities whose certificates `ca` holds, in PEM.
    ///
    /// # Errors
    /// Where `ca` is no certificate.
    pub fn trusting(ca: Option<&str>) -> Result<Rest, RestError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
            let certificate = certificate.map_err(|error| RestError::Ca(error.to_string()))?;
            found = true;
            roots.add(certificate).map_err(|error| RestError::Ca(error.to_string()))?;
        }
        if ca.is_some() && !found {
            return Err(RestError::Ca("there is no certificate in it".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| RestError::Setup(error.to_string()))?;
        let mut tls = versions.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Rest { tls: Arc::new(tls), longest: LONGEST })
    }

    /// Takes bodies of so many bytes at most; 16 MiB where nobody says it.
    #[must_use]
    pub fn of_at_most(self, longest: usize) -> Rest {
        Rest { longest, ..self }
    }

    /// Sends a request whose URI is absolute, straight to the server: [`proxy`] says whether that is what was wished.
    ///
    /// # Errors
    /// Where the server cannot be reached, or does not speak HTTP.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RestError> {
        let uri = request.uri().clone();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            other => return Err(RestError::Scheme(other.unwrap_or_default().to_owned())),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or(RestError::NoHost)?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let unsendable = |error: &dyn std::error::Error| RestError::Request(error.to_string());
        let (mut parts, body) = request.into_parts();
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|error| unsendable(&error))?;
        parts.headers.insert(header::HOST, host);
        parts.headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static("seatrial"));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse().map_err(|error: http::uri::InvalidUri| unsendable(&error))?;
        let request = Request::from_parts(parts, Full::new(body));

        let dialled = |why: String| RestError::Dial { host: authority.host().to_owned(), port, why };
        let connecting = Clock::wall().timeout(CONNECT, TcpStream::connect((name.as_str(), port))).await;
        let stream = connecting.map_err(|_| dialled("i/o timeout".to_owned()))?;
        let stream = stream.map_err(|error| dialled(error.to_string()))?;
        if !secure {
            return self.ask(stream, request).await;
        }
        let server = ServerName::try_from(name).map_err(|error| unsendable(&error))?;
        let connecting = TlsConnector::from(self.tls.clone()).connect(server, stream);
        let stream = Clock::wall().timeout(CONNECT, connecting).await;
        let stream = stream.map_err(|_| RestError::Tls("handshake timeout".to_owned()))?;
        self.ask(stream.map_err(|error| RestError::Tls(error.to_string()))?, request).await
    }

    async fn ask<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, RestError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let lost = |error: hyper::Error| RestError::Lost(error.to_string());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let answered = async {
            let (parts, body) = sender.send_request(request).await.map_err(lost)?.into_parts();
            let body = Limited::new(body, self.longest).collect().await;
            let body = body.map_err(|error| RestError::Lost(error.to_string()))?;
            drop(sender);
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        futures::future::join(connection, answered).await.1
    }
}

/// The variable of the environment by which requests to a URL should go through a proxy, which [`Rest`] does not do. Loopback
/// addresses and what `NO_PROXY` names need none.
pub fn proxy(uri: &Uri) -> Option<&'static str> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let names = match uri.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let except = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    let excepted = except.split(',').map(str::trim).filter(|part| !part.is_empty()).any(|part| {
        let suffix = part.trim_start_matches('.');
        part == "*" || host == suffix || host.ends_with(&format!(".{suffix}"))
    });
    names.into_iter().find(set).filter(|_| !local && !excepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;
    use rstest::rstest;

    async fn failure(url: &str) -> RestError {
        let request = Request::get(url).body(Bytes::new()).unwrap();
        Rest::trusting(None).unwrap().send(request).await.unwrap_err()
    }

    #[rstest]
    #[case::scheme("ftp://host/x", "unsupported protocol scheme \"ftp\"")]
    #[case::nobody("http://127.0.0.1:1/x", "dial tcp 127.0.0.1:1: Connection refused (os error 111)")]
    fn what_has_no_answer_says_why(#[case] url: &str, #[case] want: &str) {
        assert_eq!(block_on(failure(url)).unwrap().to_string(), want);
    }

    #[rstest]
    #[case::text("no certificate", "failed to read the CA: there is no certificate in it")]
    #[case::empty("", "failed to read the CA: there is no certificate in it")]
    fn what_is_no_certificate_is_refused(#[case] ca: &str, #[case] want: &str) {
        assert_eq!(Rest::trusting(Some(ca)).unwrap_err().to_string(), want);
    }
}
