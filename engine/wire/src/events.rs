//! Watches.

use crate::succeeded;
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// What an event of a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `ADDED`: the object is new, or begins to match.
    Added,
    /// `MODIFIED`.
    Modified,
    /// `DELETED`: the object is gone, or matches no more; this is how it was last.
    Deleted,
    /// `BOOKMARK`: nothing but a resource version.
    Bookmark,
    /// `ERROR`: the object is a `Status`.
    Error,
}

impl EventKind {
    const ALL: [EventKind; 5] =
        [EventKind::Added, EventKind::Modified, EventKind::Deleted, EventKind::Bookmark, EventKind::Error];

    /// The word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Added => "ADDED",
            EventKind::Modified => "MODIFIED",
            EventKind::Deleted => "DELETED",
            EventKind::Bookmark => "BOOKMARK",
            EventKind::Error => "ERROR",
        }
    }
}

/// An event of a watch.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The object.
    pub object: Arc<Value>,
}

impl Event {
    /// From a line of JSON; `None` where it is none.
    fn read(line: &[u8]) -> Option<Event> {
        let mut event: Value = serde_json::from_slice(line).ok()?;
        let kind = EventKind::ALL.into_iter().find(|kind| event["type"] == kind.as_str())?;
        Some(Event { kind, object: Arc::new(event.get_mut("object")?.take()) })
    }
}

/// Where a watch's events come from.
pub trait EventSource: Send {
    /// The next event; `None` at the end of the watch.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>>;
}

type Take = Box<dyn FnOnce() -> Option<Box<dyn EventSource>> + Send>;

/// The events that the body of a watch's response would tell: an extension of the response. Whoever takes them leaves the body
/// empty.
#[derive(Clone)]
pub struct Events(Arc<Mutex<Option<Take>>>);

impl Events {
    /// `take` takes them from the body.
    pub fn new(take: impl FnOnce() -> Option<Box<dyn EventSource>> + Send + 'static) -> Events {
        Events(Arc::new(Mutex::new(Some(Box::new(take)))))
    }

    /// Takes them, where nobody has.
    pub fn take(&self) -> Option<Box<dyn EventSource>> {
        let take = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        take()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

/// A watch that has begun. Dropping it ends the watch.
pub struct Stream(From);

enum From {
    Source(Box<dyn EventSource>),
    Body { body: Body, read: Vec<u8> },
}

impl Stream {
    /// The next event; `None` at the end of the watch, also where the connection breaks: the next watch goes on from the last
    /// version. Lines that are no events are passed over.
    pub async fn next(&mut self) -> Option<Event> {
        match &mut self.0 {
            From::Source(source) => poll_fn(|cx| source.poll_event(cx)).await,
            From::Body { body, read } => loop {
                if let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                    let event = read.get(..end).and_then(Event::read);
                    read.drain(..=end);
                    match event {
                        Some(event) => return Some(event),
                        None => continue,
                    }
                }
                let frame = body.frame().await?.ok()?;
                if let Some(data) = frame.data_ref() {
                    read.extend_from_slice(data);
                }
            },
        }
    }
}

/// Begins a watch.
///
/// # Errors
/// `kube::Error::Api` with the server's status where it refuses; what the client says where it cannot be asked.
pub async fn events(client: &Client, request: Request<Vec<u8>>) -> kube::Result<Stream> {
    let mut request = request.map(Body::from);
    // A compressed stream is held back until a block of it is full.
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let response = succeeded(client.send(request).await?).await?;
    if let Some(source) = response.extensions().get::<Events>().and_then(Events::take) {
        return Ok(Stream(From::Source(source)));
    }
    Ok(Stream(From::Body { body: response.into_body(), read: Vec::new() }))
}
