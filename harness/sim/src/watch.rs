//! Watches: each reads the table's history at its own pace, so that a change is kept and serialized once for all.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use jiff::Timestamp;
use seatrial_wire::{Event, EventKind, EventSource};
use serde_json::{Value, json};

use crate::cluster::Inner;
use crate::convert;
use crate::kind::Kind;
use crate::log::{Change, ChangeKind};
use crate::meta;
use crate::object::Object;
use crate::request::Form;
use crate::selector::Selector;
use crate::serve::Whole;
use crate::status::Refusal;
use crate::table::{self, Include};

/// What a watch shows.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) kind: Kind,
    pub(crate) table: Arc<str>,
    /// All namespaces where empty.
    pub(crate) namespace: String,
    pub(crate) selector: Selector,
    pub(crate) form: Form,
    /// What the rows of tables hold.
    pub(crate) include: Include,
}

impl Filter {
    pub(crate) fn shows(&self, object: &Object) -> bool {
        let value = object.value();
        (self.namespace.is_empty() || meta::namespace(value) == self.namespace)
            && (self.selector.is_empty() || self.selector.matches(value))
    }

    /// The object as this watch's client wants it.
    fn shown(&self, object: &Arc<Object>, now: Timestamp, headers: bool) -> Whole {
        let whole = |value| Whole::Value(Arc::new(value));
        match self.form {
            Form::Metadata { old } | Form::MetadataList { old } => {
                whole(table::in_version(table::metadata_only(object.value()), old))
            }
            Form::Table { old } => {
                let value = convert::from_stored(&self.kind, object.value());
                let version = json!({"resourceVersion": object.version().to_string()});
                let made = table::table(&self.kind, &[&value], version, now, headers, self.include);
                whole(table::in_version(made, old))
            }
            Form::Full | Form::Aggregated => Whole::of(&self.kind, object),
        }
    }
}

/// An event that has not been taken yet.
pub(crate) struct Shown {
    kind: EventKind,
    object: Whole,
}

impl Shown {
    /// The event as a line of JSON, in pieces.
    pub(crate) fn text(&self) -> [Bytes; 3] {
        let head: &'static [u8] = match self.kind {
            EventKind::Added => b"{\"type\":\"ADDED\",\"object\":",
            EventKind::Modified => b"{\"type\":\"MODIFIED\",\"object\":",
            EventKind::Deleted => b"{\"type\":\"DELETED\",\"object\":",
            EventKind::Bookmark => b"{\"type\":\"BOOKMARK\",\"object\":",
            EventKind::Error => b"{\"type\":\"ERROR\",\"object\":",
        };
        [Bytes::from_static(head), self.object.text(), Bytes::from_static(b"}\n")]
    }
}

/// What a watch shows, as it happens.
pub(crate) struct Watch {
    inner: Arc<Inner>,
    filter: Filter,
    number: u64,
    /// Changes up to this resource version have been shown.
    seen: u64,
    closed: u64,
    bookmarks: bool,
    pending: VecDeque<Shown>,
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    over: bool,
    /// The next table is the first one: it describes its columns.
    headers: bool,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("filter", &self.filter)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

/// Where a watch begins.
pub(crate) struct Start {
    /// The resource version after which changes are shown.
    pub(crate) after: u64,
    /// Objects that are shown as added before.
    pub(crate) initial: Vec<Arc<Object>>,
    /// Says with a bookmark that the initial objects are complete.
    pub(crate) mark_end: bool,
    pub(crate) bookmarks: bool,
    /// Where the watch is refused in its first event.
    pub(crate) refused: Option<Refusal>,
}

impl Watch {
    pub(crate) fn new(
        inner: Arc<Inner>,
        filter: Filter,
        start: Start,
        number: u64,
        closed: u64,
        timeout: Option<std::time::Duration>,
    ) -> Watch {
        let end = timeout.map(|timeout| {
            let clock = inner.clock.clone();
            let end: Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(async move { clock.sleep(timeout).await });
            end
        });
        let mut watch = Watch {
            inner,
            filter,
            number,
            seen: start.after,
            closed,
            bookmarks: start.bookmarks,
            pending: VecDeque::new(),
            end,
            over: false,
            headers: true,
        };
        for object in start.initial {
            watch.show(ChangeKind::Added, &object);
        }
        if start.mark_end {
            watch.bookmark(true);
        }
        if let Some(refusal) = start.refused {
            watch.refuse(&refusal);
        }
        watch
    }

    fn push(&mut self, kind: EventKind, object: Value) {
        self.pending.push_back(Shown { kind, object: Whole::Value(Arc::new(object)) });
    }

    fn show(&mut self, kind: ChangeKind, object: &Arc<Object>) {
        let headers = std::mem::take(&mut self.headers);
        let object = self.filter.shown(object, self.inner.clock.now(), headers);
        let kind = match kind {
            ChangeKind::Added => EventKind::Added,
            ChangeKind::Modified => EventKind::Modified,
            ChangeKind::Deleted => EventKind::Deleted,
        };
        self.pending.push_back(Shown { kind, object });
    }

    fn bookmark(&mut self, end_of_initial: bool) {
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if end_of_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let kind = &self.filter.kind;
        let object = match self.filter.form {
            Form::Metadata { old } | Form::MetadataList { old } => {
                table::in_version(table::metadata_only(&json!({"metadata": metadata})), old)
            }
            Form::Table { old } => {
                let version = json!({"resourceVersion": self.seen.to_string()});
                let empty = json!({"metadata": metadata});
                let headers = std::mem::take(&mut self.headers);
                let (kind, include) = (&self.filter.kind, self.filter.include);
                let now = self.inner.clock.now();
                table::in_version(table::table(kind, &[&empty], version, now, headers, include), old)
            }
            _ => json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata}),
        };
        self.push(EventKind::Bookmark, object);
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.push(EventKind::Error, refusal.to_value());
        self.over = true;
    }

    /// The event of a change for this watch: an object that begins or ceases to match is added or deleted.
    fn event(&self, change: &Change) -> Option<ChangeKind> {
        let before = change.previous.as_deref().is_some_and(|o| self.filter.shows(o));
        let after = change.kind != ChangeKind::Deleted && self.filter.shows(&change.object);
        match (before, after) {
            (false, true) => Some(ChangeKind::Added),
            (true, true) => Some(ChangeKind::Modified),
            (true, false) => Some(ChangeKind::Deleted),
            (false, false) => None,
        }
    }

    /// Takes over what has happened; where nothing has, leaves the waker, and returns the one that it replaces.
    fn read(&mut self, cx: &mut Context<'_>) -> Option<Waker> {
        let inner = self.inner.clone();
        let mut state = inner.lock();
        let current = state.revision;
        let (_, table) = state.table_mut(&self.filter.table);
        if table.closed != self.closed {
            self.over = true;
            return None;
        }
        if self.seen < table.forgotten {
            let message = format!("too old resource version: {} ({})", self.seen, table.forgotten + 1);
            self.refuse(&Refusal::expired(message));
            return None;
        }
        let from = table.changes.partition_point(|c| c.resource_version <= self.seen);
        let new: Vec<Arc<Change>> = table.changes.range(from..).cloned().collect();
        for change in &new {
            if let Some(kind) = self.event(change) {
                let object = match (kind, change.kind, &change.previous) {
                    // The last state that matched, under the version of the change that ended it.
                    (ChangeKind::Deleted, ChangeKind::Modified, Some(previous)) => {
                        let mut value = previous.value().clone();
                        meta::metadata_mut(&mut value)
                            .insert("resourceVersion".to_owned(), change.resource_version.to_string().into());
                        Arc::new(Object::new(value, change.resource_version))
                    }
                    _ => change.object.clone(),
                };
                self.show(kind, &object);
            }
        }
        self.seen = self.seen.max(current);
        if self.pending.is_empty() { table.wakers.insert(self.number, cx.waker().clone()) } else { None }
    }

    pub(crate) fn poll_shown(&mut self, cx: &mut Context<'_>) -> Poll<Option<Shown>> {
        if let Some(shown) = self.pending.pop_front() {
            return Poll::Ready(Some(shown));
        }
        if self.over {
            return Poll::Ready(None);
        }
        // The waker that was replaced is dropped here, without the lock.
        drop(self.read(cx));
        if let Some(shown) = self.pending.pop_front() {
            return Poll::Ready(Some(shown));
        }
        if self.over {
            return Poll::Ready(None);
        }
        let ended = self.end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready());
        if !ended {
            return Poll::Pending;
        }
        self.end = None;
        self.over = true;
        if self.bookmarks {
            // Lets the next watch begin where nothing was missed.
            self.bookmark(false);
        }
        Poll::Ready(self.pending.pop_front())
    }
}

impl EventSource for Watch {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let shown = self.poll_shown(cx);
        shown.map(|shown| shown.map(|Shown { kind, object }| Event { kind, object: object.value().clone() }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.inner.lock();
            let (_, table) = state.table_mut(&self.filter.table);
            table.wakers.remove(&self.number)
        };
        drop(waker);
    }
}
