//! The history of a cluster: every change in order.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::object::Object;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was created.
    Added,
    /// It was written.
    Modified,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// The type of the watch event: `ADDED`, `MODIFIED` or `DELETED`.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        }
    }
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision of the cluster that the change made.
    pub resource_version: u64,
    /// When it was made.
    pub time: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
    /// The resource with its group: `pods`, `deployments.apps`.
    pub resource: Arc<str>,
    pub(crate) object: Arc<Object>,
    pub(crate) previous: Option<Arc<Object>>,
}

impl Change {
    /// The object after the change, in the version that the cluster stores; its last state where it was deleted. The fields of
    /// its owners stand there as JSON text: see [`seatrial_wire::expand`].
    pub fn object(&self) -> &Value {
        self.object.value()
    }

    /// The object before the change; `None` where it was created.
    pub fn previous(&self) -> Option<&Value> {
        self.previous.as_deref().map(Object::value)
    }
}

/// The changes of a cluster up to the moment at which [`Cluster::log`](crate::Cluster::log) was called. Cheap to take
/// and to clone: it shares everything with the cluster.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(crate) changes: imbl::Vector<Arc<Change>>,
}

impl Log {
    /// All changes that are kept, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Change>> + ExactSizeIterator + '_ {
        self.changes.iter()
    }

    /// The changes after this resource version.
    pub fn since(&self, resource_version: u64) -> impl Iterator<Item = &Arc<Change>> + '_ {
        let at = self.changes.binary_search_by(|change| {
            if change.resource_version <= resource_version {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }
        });
        self.changes.focus().narrow(at.unwrap_or_else(|at| at)..).into_iter()
    }

    /// The latest change.
    pub fn last(&self) -> Option<&Arc<Change>> {
        self.changes.last()
    }

    /// How many changes are kept.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing has happened yet.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
