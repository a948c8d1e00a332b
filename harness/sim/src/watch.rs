//! Watches: each reads the table's history at its own pace, so that a change is kept and serialized once for all.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::cluster::Inner;
use crate::convert;
use crate::kind::Kind;
use crate::log::{Change, ChangeKind};
use crate::meta;
use crate::object::Object;
use crate::request::Form;
use crate::selector::Selector;
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
    fn text(&self, object: &Object, now: Timestamp, headers: bool) -> Bytes {
        match self.form {
            Form::Metadata { old } | Form::MetadataList { old } => {
                meta::to_bytes(&table::in_version(table::metadata_only(object.value()), old))
            }
            Form::Table { old } => {
                let value = convert::from_stored(&self.kind, object.value());
                let version = json!({"resourceVersion": object.version().to_string()});
                let made = table::table(&self.kind, &[&value], version, now, headers, self.include);
                meta::to_bytes(&table::in_version(made, old))
            }
            Form::Full | Form::Aggregated => convert::text(&self.kind, object),
        }
    }
}

/// The body of a watch's answer.
pub(crate) struct Watch {
    inner: Arc<Inner>,
    filter: Filter,
    number: u64,
    /// Changes up to this resource version have been shown.
    seen: u64,
    closed: u64,
    bookmarks: bool,
    pending: VecDeque<Bytes>,
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

    fn push(&mut self, kind: &'static str, object: Bytes) {
        let head: &'static [u8] = match kind {
            "ADDED" => b"{\"type\":\"ADDED\",\"object\":",
            "MODIFIED" => b"{\"type\":\"MODIFIED\",\"object\":",
            "DELETED" => b"{\"type\":\"DELETED\",\"object\":",
            "BOOKMARK" => b"{\"type\":\"BOOKMARK\",\"object\":",
            _ => b"{\"type\":\"ERROR\",\"object\":",
        };
        self.pending.extend([Bytes::from_static(head), object, Bytes::from_static(b"}\n")]);
    }

    fn show(&mut self, kind: ChangeKind, object: &Object) {
        let headers = std::mem::take(&mut self.headers);
        let text = self.filter.text(object, self.inner.clock.now(), headers);
        self.push(kind.as_str(), text);
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
        self.push("BOOKMARK", meta::to_bytes(&object));
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.push("ERROR", meta::to_bytes(&refusal.to_value()));
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

    pub(crate) fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(bytes) = self.pending.pop_front() {
            return Poll::Ready(Some(bytes));
        }
        if self.over {
            return Poll::Ready(None);
        }
        // The waker that was replaced is dropped here, without the lock.
        drop(self.read(cx));
        if let Some(bytes) = self.pending.pop_front() {
            return Poll::Ready(Some(bytes));
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
