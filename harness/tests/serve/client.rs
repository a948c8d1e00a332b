//! A client that shows what goes over the wire.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How TLS is spoken.
#[derive(Default)]
pub(crate) struct Tls {
    /// Certificate and key, in PEM.
    pub(crate) pair: Option<(String, String)>,
    /// The protocol that is asked for: `h2` or `http/1.1`.
    pub(crate) protocol: &'static str,
}

/// Sends each request over a connection of its own.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    tls: Option<Arc<ClientConfig>>,
    headers: Vec<(String, String)>,
}

/// An answer with all of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub(crate) fn http(url: &str) -> Client {
        let address = url.strip_prefix("http://").unwrap().to_owned();
        Client { address, tls: None, headers: Vec::new() }
    }

    pub(crate) fn https(url: &str, ca: &Path, tls: Tls) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match tls.pair {
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![tls.protocol.as_bytes().to_vec()];
        let address = url.strip_prefix("https://").unwrap().to_owned();
        Client { address, tls: Some(Arc::new(config)), headers: Vec::new() }
    }

    /// Sends this header too.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Client {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a request; the body of the answer comes as it comes.
    pub(crate) async fn open(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Response<Incoming> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = Full::new(body.into());
        let Some(config) = &self.tls else {
            let request = request.uri(path).header("host", &self.address).body(body).unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            spawn(connection);
            return sender.send_request(request).await.unwrap();
        };
        let host = self.address.rsplit_once(':').unwrap().0.to_owned();
        let name = ServerName::try_from(host).unwrap();
        let stream = TlsConnector::from(config.clone()).connect(name, stream).await.unwrap();
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            let uri = format!("https://{}{path}", self.address);
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .unwrap();
            spawn(connection);
            return sender.send_request(request.uri(uri).body(body).unwrap()).await.unwrap();
        }
        let request = request.uri(path).header("host", &self.address).body(body).unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        spawn(connection);
        sender.send_request(request).await.unwrap()
    }

    /// Sends a request with a body, and reads all of the answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        let (parts, body) = self.open(method, path, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }
}

#[allow(clippy::disallowed_methods, reason = "a client of the test's own")]
fn spawn<E>(connection: impl Future<Output = Result<(), E>> + Send + 'static) {
    tokio::spawn(async move { drop(connection.await) });
}
