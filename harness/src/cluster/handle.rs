//! A running cluster, as the rest of the harness sees it.

use super::{BackendError, Keep, Objects};
use crate::redact;
use crate::sealed::SealingKeys;
use jiff::Timestamp;
use seatrial_api::FluxRelease;
use seatrial_engine::sealed::SealedSecrets;
use seatrial_engine::{InstalledEngine, Release};
use seatrial_time::Signal;
use seatrial_workload::Workloads;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// A running cluster. It ends when it is dropped; [`Handle::end`] also says what could not be ended.
pub struct Handle {
    /// Its name.
    pub name: String,
    /// The Flux release that is installed; before that, the one that `bootstrap` installs where nobody says another.
    pub release: Release,
    /// Its objects, as an administrator.
    pub objects: Objects,
    /// A client with the identity of Flux's controllers.
    pub flux_client: kube::Client,
    /// Moves with each change of the history.
    pub changes: Signal,
    /// Everything that has happened.
    pub history: Box<dyn History>,
    /// Whether the history comes at once, with the change itself, and not some time later over a watch.
    pub immediate: bool,
    /// Its workload controllers; none where real nodes run the pods.
    pub workloads: Option<Workloads>,
    /// What stands in the place of the images of Flux's controllers, where pods are real: they would be a second engine.
    pub placeholder_image: Option<String>,
    /// The reconciliation engine, once Flux has been installed.
    pub engine: Option<InstalledEngine>,
    /// The controllers of sealed secrets; none where real nodes run the pods: the real controller runs there.
    pub sealed: Option<SealedSecrets>,
    /// Where the sealing keys of the run come from.
    pub keys: SealingKeys,
    /// The API server itself, where it is a simulated one: what can be served to others.
    pub simulated: Option<seatrial_sim::Cluster>,
    /// The clock of the run.
    pub(crate) clock: seatrial_time::Clock,
    /// What the cluster consists of.
    pub(crate) keep: Keep,
}

impl Handle {
    /// The Flux release whose API is served, and which a bootstrap installs where nobody says another.
    pub fn flux(&self) -> FluxRelease {
        self.release.get()
    }

    /// Where the history is now. What the API server has stored by now is before the mark, even if its event comes later.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn mark(&self) -> kube::Result<Mark> {
        let position = self.history.end();
        let version = if self.immediate { position } else { self.objects.version().await? };
        Ok(Mark { position, version })
    }

    /// Notes that the run makes this object: on a cluster of others it is removed at the end.
    pub(crate) fn note_made(&self, object: &Value) {
        if let Keep::Existing(made) = &self.keep {
            made.note(object);
        }
    }

    /// The values of all Secrets that there have been, and their lines.
    pub(crate) fn secret_values(&self) -> BTreeSet<Vec<u8>> {
        let mut values = BTreeSet::new();
        self.history.since(0, &mut |past| {
            if past.object["kind"] == "Secret" {
                values.extend(redact::values(past.object));
            }
            ControlFlow::Continue(())
        });
        values
    }

    /// Why something that needs simulated pods cannot be done.
    pub(crate) fn real_pods(&self, action: &str) -> BackendError {
        BackendError::Unsupported {
            action: action.to_owned(),
            cluster: self.name.clone(),
            reason: super::REAL_PODS.to_owned(),
        }
    }

    /// Ends the cluster: first what acts on it, then the cluster itself, or what the run has made on a cluster of others.
    ///
    /// # Errors
    /// [`BackendError::Leftover`] says what is still there.
    pub(crate) async fn end(mut self) -> Result<(), BackendError> {
        self.engine = None;
        self.sealed = None;
        let keep = std::mem::take(&mut self.keep);
        keep.end(&mut self).await
    }
}

/// A position in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Where the history ended.
    pub position: u64,
    /// The resource version up to which changes are before the mark.
    pub version: u64,
}

/// The history of a cluster: every change of every object, in order.
pub trait History {
    /// Where the history ends now.
    fn end(&self) -> u64;

    /// Shows the changes after a position, until `visit` breaks off.
    fn since(&self, position: u64, visit: &mut dyn FnMut(&Past<'_>) -> ControlFlow<()>);
}

/// An object as it once was.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// Where the history ended with this change.
    pub position: u64,
    /// The resource version that the change made.
    pub version: u64,
    /// When it came to be so; on a real cluster, when it was heard of.
    pub time: Timestamp,
    /// The object, in the version that the cluster stores; its last state where it was deleted.
    pub object: &'a Value,
    /// Whether it was deleted.
    pub deleted: bool,
}
