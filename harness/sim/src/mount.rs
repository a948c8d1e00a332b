//! The cluster as a tower service, for `kube::Client::new` and for servers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use seatrial_wire::{EventSource, Events};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::identity::Identity;
use crate::meta;
use crate::openapi::Document;
use crate::rbac;
use crate::request::{self, BODY_LIMIT, Form, Options};
use crate::route::{Route, route};
use crate::serve::{self, Content, Whole};
use crate::status::Refusal;
use crate::watch::{Shown, Watch};

/// The API of a cluster for one user. Clones serve the same cluster and user.
///
/// Each request takes one `clock.turn()` when its future is first polled, then is answered in one step.
#[derive(Clone, Debug)]
pub struct Mount {
    cluster: Cluster,
    identity: Identity,
    /// Whether requests let others go first, on the wall clock.
    patient: bool,
}

impl Mount {
    pub(crate) fn new(cluster: Cluster, identity: Identity) -> Mount {
        Mount { cluster, identity, patient: false }
    }

    /// The same, for requests that let others go first.
    pub(crate) fn patient(self) -> Mount {
        Mount { patient: true, ..self }
    }
}

impl<B> tower::Service<Request<B>> for Mount
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Mount { cluster, identity, patient } = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match Limited::new(body, BODY_LIMIT).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => {
                    let too_large = error.downcast_ref::<LengthLimitError>().is_some();
                    return Ok(refuse(&broken_body(too_large, &error.to_string())));
                }
            };
            let clock = &cluster.0.clock;
            if !clock.is_virtual() {
                if patient {
                    cluster.0.precedence.is_quiet(clock).await;
                } else {
                    cluster.0.precedence.asked(clock);
                }
            }
            clock.turn().await;
            Ok(answer(&cluster, parts, body, identity))
        })
    }
}

fn broken_body(too_large: bool, error: &str) -> Refusal {
    if too_large {
        let message = format!("Request entity too large: limit is {BODY_LIMIT}");
        Refusal::new(413, "RequestEntityTooLarge", message)
    } else {
        Refusal::bad_request(format!("the request body could not be read: {error}"))
    }
}

fn answer(
    cluster: &Cluster,
    parts: http::request::Parts,
    body: Bytes,
    identity: Identity,
) -> Response<ResponseBody> {
    match parse(parts, body, identity) {
        Ok(request) => {
            let (answer, warnings) = serve::serve(cluster, &request);
            let mut response = match answer {
                Ok(answer) => respond(answer.code, answer.content),
                Err(refusal) => refuse(&refusal),
            };
            for warning in warnings {
                let text = format!("299 - {}", Value::from(warning));
                if let Ok(value) = HeaderValue::from_str(&text) {
                    response.headers_mut().append(header::WARNING, value);
                }
            }
            response
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn parse(
    mut parts: http::request::Parts,
    body: Bytes,
    identity: Identity,
) -> Result<request::Request, Refusal> {
    let text = |name: header::HeaderName| {
        parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned()
    };
    let accept: Vec<&str> =
        parts.headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    let accept = accept.join(",");
    let form = if parts.uri.path().starts_with("/openapi") || parts.uri.path().starts_with("/metrics") {
        Form::Full
    } else {
        request::negotiate(&accept).map_err(|mut refusal| {
            // Lists can be watched, which has media types of its own.
            let collection =
                matches!(route(parts.uri.path()), Route::Resource(target) if target.name.is_none());
            if refusal.message.starts_with("406: ") && collection && parts.method == http::Method::GET {
                refusal.message.push_str(
                    ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
                );
            }
            refusal
        })?
    };
    let (identity, impersonator) = match rbac::acting(&parts.headers)? {
        Some(acting) => (acting, Some(identity)),
        None => (identity, None),
    };
    Ok(request::Request {
        query: parts.uri.query().unwrap_or("").to_owned(),
        accept,
        if_none_match: text(header::IF_NONE_MATCH),
        options: Options::parse(parts.uri.query().unwrap_or(""))?,
        form,
        content_type: text(header::CONTENT_TYPE),
        user_agent: text(header::USER_AGENT),
        path: parts.uri.path().to_owned(),
        method: parts.method,
        body,
        sent: Mutex::new(parts.extensions.remove()),
        identity,
        impersonator,
    })
}

fn refuse(refusal: &Refusal) -> Response<ResponseBody> {
    let mut response = respond(refusal.code, Content::Json(meta::to_bytes(&refusal.to_value())));
    if let Some(seconds) = refusal.details.get("retryAfterSeconds").and_then(Value::as_u64) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn respond(code: u16, content: Content) -> Response<ResponseBody> {
    let (media, body) = match content {
        Content::Json(bytes) => ("application/json", Body::Full(Some(bytes))),
        Content::Whole(whole) => {
            let value = whole.value().clone();
            let mut response = response(code, "application/json", Body::Whole(whole, OnceLock::new()));
            response.extensions_mut().insert(seatrial_wire::Whole(value));
            return response;
        }
        Content::Discovery(bytes) => {
            ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Body::Full(Some(bytes)))
        }
        Content::Text(bytes) => ("text/plain; charset=utf-8", Body::Full(Some(bytes))),
        Content::Watch(watch) => {
            let watch = Arc::new(Mutex::new(Some(watch)));
            let own = watch.clone();
            let taken = move || lock(&own).take().map(|watch| watch as Box<dyn EventSource>);
            let body = Body::Watch { watch, pieces: VecDeque::new() };
            let mut response = response(code, "application/json", body);
            response.extensions_mut().insert(Events::new(taken));
            return response;
        }
        Content::Proxied { headers, body } => {
            let mut response = Response::new(ResponseBody(Body::Full(Some(body))));
            *response.status_mut() =
                http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::BAD_GATEWAY);
            for (name, value) in headers {
                let name = http::HeaderName::from_bytes(name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
                    response.headers_mut().append(name, value);
                }
            }
            return response;
        }
        Content::Document(document) => return respond_document(code, document),
        Content::Moved(location) => {
            let mut response = Response::new(ResponseBody(Body::Full(None)));
            *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            return response;
        }
    };
    response(code, media, body)
}

fn response(code: u16, media: &'static str, body: Body) -> Response<ResponseBody> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    let mut response = Response::new(ResponseBody(body));
    *response.status_mut() =
        http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// A document that clients keep: it carries a tag, and for good what stands under an address with its hash.
fn respond_document(code: u16, document: Document) -> Response<ResponseBody> {
    let body = if code == 304 { None } else { Some(document.body) };
    let mut response = Response::new(ResponseBody(Body::Full(body)));
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::OK);
    let headers = response.headers_mut();
    let caching = if document.immutable { "public, immutable" } else { "no-cache, private" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", document.hash)) {
        headers.insert(header::ETAG, tag);
    }
    if code != 304 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(document.media));
    }
    response
}

/// The body of an answer: complete, or the events of a watch as they happen.
#[derive(Debug)]
pub struct ResponseBody(Body);

#[derive(Debug)]
enum Body {
    Full(Option<Bytes>),
    /// Its text is made when it is asked for; there is none left once it has been sent.
    Whole(Whole, OnceLock<Option<Bytes>>),
    Watch {
        /// Nothing, where somebody took the events from the response's extensions.
        watch: Arc<Mutex<Option<Box<Watch>>>>,
        pieces: VecDeque<Bytes>,
    },
}

fn lock(watch: &Mutex<Option<Box<Watch>>>) -> MutexGuard<'_, Option<Box<Watch>>> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Body::Full(bytes) => Poll::Ready(bytes.take().filter(|b| !b.is_empty())),
            Body::Whole(whole, text) => {
                text.get_or_init(|| Some(whole.text()));
                Poll::Ready(text.get_mut().and_then(Option::take))
            }
            Body::Watch { watch, pieces } => {
                if pieces.is_empty() {
                    let shown = match lock(watch).as_mut() {
                        Some(watch) => std::task::ready!(watch.poll_shown(cx)),
                        None => None,
                    };
                    pieces.extend(shown.iter().flat_map(Shown::text));
                }
                Poll::Ready(pieces.pop_front())
            }
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Body::Full(bytes) => bytes.is_none(),
            Body::Whole(_, text) => text.get().is_some_and(Option::is_none),
            Body::Watch { .. } => false,
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let exact =
            |bytes: Option<&Bytes>| http_body::SizeHint::with_exact(bytes.map_or(0, |b| b.len() as u64));
        match &self.0 {
            Body::Full(bytes) => exact(bytes.as_ref()),
            Body::Whole(whole, text) => exact(text.get_or_init(|| Some(whole.text())).as_ref()),
            Body::Watch { .. } => http_body::SizeHint::default(),
        }
    }
}
