//! List and watch: every change of a kind's objects, in order, without gaps.
//!
//! The loop lists, watches from there, and lists again when the server has forgotten where it stood. A kind that is not
//! served yet is looked for again; nothing here reads a clock of its own.

use super::{Cluster, ClusterError};
use crate::object::ObjectRef;
use seatrial_time::{Clock, Signal};
use seatrial_wire::{Event, EventKind};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What to watch.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    /// API version, with the group.
    pub(crate) api_version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Label selector, or empty.
    pub(crate) labels: String,
    /// The one namespace, or none for all.
    pub(crate) namespace: Option<String>,
    /// Whether the cluster remembers what it shows, if it remembers anything; one watch of a kind at most.
    pub(crate) kept: bool,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Change {
    /// All objects there are; any other is gone.
    Listed(Vec<Arc<Value>>),
    /// An object is new, or changed.
    Set(Arc<Value>),
    /// An object is gone; this is how it was last.
    Gone(Arc<Value>),
}

const RETRY: Duration = Duration::from_secs(1);

impl Watch {
    /// Runs for ever, and gives every change to `on`. `changes` moves with every change of the cluster, where it is
    /// known: then a kind that is not served costs nothing.
    pub(crate) async fn run(
        &self,
        cluster: &Cluster,
        clock: &Clock,
        changes: Option<&Signal>,
        mut on: impl FnMut(Change) + Send,
    ) {
        loop {
            let seen: Vec<_> = changes.map(Signal::stamp).into_iter().collect();
            let error = match self.list(cluster, &mut on).await {
                Ok((path, version)) => match self.follow(cluster, clock, &path, version, &mut on).await {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.broke(cluster);
            match error.has_code(400) {
                true => tracing::warn!(kind = self.kind, labels = self.labels, %error, "watching is refused"),
                false => tracing::debug!(kind = self.kind, %error, "watching failed"),
            }
            let next = clock.now() + RETRY;
            clock.idle(next, RETRY, &seen).await;
        }
    }

    async fn list(
        &self,
        cluster: &Cluster,
        on: &mut (impl FnMut(Change) + Send),
    ) -> Result<(String, String), ClusterError> {
        let resource = cluster.resource(&ObjectRef::new(&self.api_version, &self.kind, "", "")).await?;
        let selector = match self.labels.as_str() {
            "" => String::new(),
            labels => {
                let labels: String = form_urlencoded::byte_serialize(labels.as_bytes()).collect();
                format!("labelSelector={labels}&")
            }
        };
        let path = format!("{}?{selector}", resource.path(self.namespace.as_deref()));
        let list = cluster.read(path.trim_end_matches(['?', '&'])).await?;
        let mut list = Arc::unwrap_or_clone(list);
        let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        let mut items = match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        for item in &mut items {
            // Servers may leave out of a list's items what the list says for all of them.
            item["apiVersion"] = self.api_version.clone().into();
            item["kind"] = self.kind.clone().into();
        }
        let items: Vec<Arc<Value>> = items.into_iter().map(Arc::new).collect();
        if self.kept {
            cluster.seen.listed(&self.api_version, &self.kind, &items);
        }
        on(Change::Listed(items));
        Ok((path, version))
    }

    /// Watches until the server has forgotten `version` (`Ok`), or until an error that does not pass by itself.
    async fn follow(
        &self,
        cluster: &Cluster,
        clock: &Clock,
        path: &str,
        mut version: String,
        on: &mut (impl FnMut(Change) + Send),
    ) -> Result<(), ClusterError> {
        loop {
            let path = format!("{path}watch=true&allowWatchBookmarks=true&resourceVersion={version}");
            let mut stream = match cluster.events(&path).await {
                Ok(stream) => stream,
                Err(error) if error.has_code(410) => return Ok(()),
                Err(error) => return Err(error),
            };
            let started = version.clone();
            self.heard(cluster);
            while let Some(event) = stream.next().await {
                self.remember(cluster, &event);
                if !take(event, &mut version, on)? {
                    return Ok(());
                }
            }
            self.broke(cluster);
            if started == version {
                // A server that ends each watch at once must not be asked without a pause.
                clock.sleep(RETRY).await;
            }
        }
    }
}

impl Watch {
    fn heard(&self, cluster: &Cluster) {
        if self.kept {
            cluster.seen.heard(&self.api_version, &self.kind);
        }
    }

    fn broke(&self, cluster: &Cluster) {
        if self.kept {
            cluster.seen.broke(&self.api_version, &self.kind);
        }
    }

    fn remember(&self, cluster: &Cluster, event: &Event) {
        match event.kind {
            _ if !self.kept => {}
            EventKind::Added | EventKind::Modified => cluster.seen.set(&event.object),
            EventKind::Deleted => cluster.seen.gone(&event.object),
            EventKind::Bookmark => self.heard(cluster),
            EventKind::Error => self.broke(cluster),
        }
    }
}

/// Hands on one event; false when the server has forgotten the version.
fn take(
    Event { kind, object }: Event,
    version: &mut String,
    on: &mut (impl FnMut(Change) + Send),
) -> Result<bool, ClusterError> {
    if kind == EventKind::Error {
        let error = ClusterError::from_status(&object);
        return if error.has_code(410) { Ok(false) } else { Err(error) };
    }
    if let Some(seen) = object["metadata"]["resourceVersion"].as_str() {
        seen.clone_into(version);
    }
    match kind {
        EventKind::Added | EventKind::Modified => on(Change::Set(object)),
        EventKind::Deleted => on(Change::Gone(object)),
        EventKind::Bookmark | EventKind::Error => {}
    }
    Ok(true)
}
