//! Requests over the network with their whole bodies: to a forge's REST API, and to webhooks.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The longest body of an answer.
const LONGEST: usize = 16 << 20;

/// Sends requests over HTTP and HTTPS, each over a connection of its own.
#[derive(Clone, Debug)]
pub struct Rest {
    tls: Arc<ClientConfig>,
}

impl Rest {
    /// Trusts whom the system trusts, and the authorities whose certificates `ca` holds, in PEM.
    ///
    /// # Errors
    /// Where `ca` is no certificate.
    pub fn trusting(ca: Option<&str>) -> Result<Rest, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(ca.unwrap_or_default().as_bytes()) {
            let certificate = certificate.map_err(|error| format!("failed to read the CA: {error}"))?;
            found = true;
            roots.add(certificate).map_err(|error| format!("failed to read the CA: {error}"))?;
        }
        if ca.is_some() && !found {
            return Err("failed to read the CA: there is no certificate in it".to_owned());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|error| format!("failed to set up TLS: {error}"))?;
        let mut tls = versions.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Rest { tls: Arc::new(tls) })
    }

    /// Sends a request whose URI is absolute.
    ///
    /// # Errors
    /// Where the server cannot be reached, or does not speak HTTP; the text fits after "failed to reach HOST: ".
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let uri = request.uri().clone();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            other => {
                return Err(format!("the scheme {:?} is none of http and https", other.unwrap_or_default()));
            }
        };
        let authority = uri.authority().ok_or("the URL has no host")?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((name.as_str(), port)).await.map_err(|error| error.to_string())?;
        let (mut parts, body) = request.into_parts();
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        parts.headers.insert(header::HOST, HeaderValue::from_str(host).map_err(|error| error.to_string())?);
        let agent = HeaderValue::from_static("seatrial");
        parts.headers.entry(header::USER_AGENT).or_insert(agent);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let request = Request::from_parts(parts, Full::new(body));
        if !secure {
            return ask(stream, request).await;
        }
        let server = ServerName::try_from(name).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(self.tls.clone()).connect(server, stream).await;
        ask(stream.map_err(|error| error.to_string())?, request).await
    }
}

/// Waits for what the network does, on a thread that is in no runtime.
///
/// # Errors
/// Where no runtime can be started.
pub fn block_on<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

async fn ask<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lost = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
    let answered = async {
        let (parts, body) = sender.send_request(request).await.map_err(lost)?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|error| error.to_string())?;
        drop(sender);
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    futures::future::join(connection, answered).await.1
}
