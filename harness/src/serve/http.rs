//! Connections: accepts them, with or without TLS, and hands each request to a [`Handler`].

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use seatrial_time::{Clock, Task};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often a silent HTTP/2 connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long to wait where no connection can be accepted, as when files are short.
const BREATH: Duration = Duration::from_millis(100);

/// Any error of a body.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of an answer: complete, or as it comes.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    /// Whether it speaks TLS.
    pub(super) tls: bool,
    /// The certificates that a TLS client has shown; nobody has looked at who signed them.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Answers requests.
pub(super) trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Answer>;
}

/// Serves on a listener for ever. Dropping the task closes the listener and every connection.
pub(super) fn serve(
    clock: &Clock,
    name: &str,
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    handler: Arc<dyn Handler>,
) -> Task {
    let tls = tls.map(TlsAcceptor::from);
    let own = clock.clone();
    clock.spawn(format!("serve {name}"), async move {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, address)) => {
                    connections.spawn(connect(own.clone(), stream, address, tls.clone(), handler.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    own.sleep(BREATH).await;
                }
            }
        }
    })
}

async fn connect(
    clock: Clock,
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    handler: Arc<dyn Handler>,
) {
    // Watch events are small and must not wait for each other.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return converse(stream, Peer { address, tls: false, certificates: Vec::new() }, handler).await;
    };
    match clock.timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let certificates = shown.iter().cloned().map(CertificateDer::into_owned).collect();
            converse(stream, Peer { address, tls: true, certificates }, handler).await;
        }
        Ok(Err(error)) => tracing::debug!(%address, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%address, "the TLS handshake took too long"),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    handler: Arc<dyn Handler>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, peer) = (handler.clone(), peer.clone());
        async move {
            let head = request.method() == Method::HEAD;
            let answer = handler.answer(request, peer).await;
            Ok::<_, Infallible>(if head { without_body(answer) } else { answer })
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(KEEP_ALIVE);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// The answer to HEAD: the length of the body, and no body.
fn without_body(answer: Answer) -> Answer {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = http_body::Body::size_hint(&body).exact() {
        parts.headers.entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    Response::from_parts(parts, empty())
}

/// No body.
pub(super) fn empty() -> Body {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A complete body.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// An answer of this type.
pub(super) fn answer(status: StatusCode, media: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    answer
}

/// An answer in plain words.
pub(super) fn text(status: StatusCode, words: impl Into<String>) -> Answer {
    answer(status, "text/plain; charset=utf-8", words.into())
}

/// The challenge of everything that takes any user with the token as password.
pub(super) const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"seatrial\", charset=\"UTF-8\"");

/// Sets a header whose value was made from names that have been checked.
pub(super) fn set(answer: &mut Answer, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}
