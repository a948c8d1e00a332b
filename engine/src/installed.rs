//! An engine of the release that is installed.
//!
//! # Flow
//! A watch of the Deployments of Flux's controllers says which release runs; an [`Engine`] of that release works. When another
//! release has been rolled out, the engine that works is dropped where it stands, as a pod that is replaced, and one of the
//! other release starts. What the old one has told is still written.
//!
//! # Guarantees
//! - Two engines of one cluster never work at once.
//! - What is known of the cluster is on the cluster: the new engine reads everything anew.

use crate::cluster::{Change, Cluster, Watch};
use crate::object::ObjectRef;
use crate::{Engine, EngineOptions};
use seatrial_api::FluxRelease;
use seatrial_time::Task;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The release whose API a cluster serves. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Release(Arc<Mutex<FluxRelease>>);

impl Release {
    /// A cluster of this release.
    pub fn new(flux: FluxRelease) -> Release {
        Release(Arc::new(Mutex::new(flux)))
    }

    /// The release.
    pub fn get(&self) -> FluxRelease {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that another release has been installed.
    pub fn set(&self, flux: FluxRelease) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = flux;
    }
}

/// Where the release is read from.
#[derive(Clone, Copy, Debug)]
pub struct Installed {
    /// The namespace of the Deployments.
    pub namespace: &'static str,
    /// What the Deployments of this namespace say; none where they say nothing (yet).
    pub read: fn(&[Arc<Value>]) -> Option<FluxRelease>,
}

/// A running engine that is of the release that is installed. Dropping it stops it, as with an [`Engine`].
#[must_use = "dropping an engine stops it"]
pub struct InstalledEngine {
    _task: Task,
}

impl InstalledEngine {
    /// Starts. `options.flux` is the release as long as the cluster says nothing; where controllers work only while their Deployment is
    /// ready ([`DriverOptions::gate`](crate::DriverOptions::gate)), nothing is started before it does. `release` is told of every change.
    pub fn start(mut options: EngineOptions, installed: Installed, release: Release) -> InstalledEngine {
        let clock = options.clock.clone();
        let watch = Watch {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            labels: String::new(),
            namespace: Some(installed.namespace.to_owned()),
            kept: false,
        };
        let task = clock.clone().spawn(format!("{} release", options.name), async move {
            let cluster = Cluster::new(options.client.clone());
            let changes = options.cluster_changes.clone();
            let mut engine = options.driver.gate.is_none().then(|| Engine::start(options.clone()));
            let (mut letters, mut deployments) = (None, BTreeMap::new());
            let on = |change: Change| {
                note(&mut deployments, change);
                let found: Vec<Arc<Value>> = deployments.values().cloned().collect();
                let Some(flux) = (installed.read)(&found) else { return };
                if engine.is_some() && flux == options.flux {
                    return;
                }
                tracing::info!(cluster = options.name, %flux, "Flux is installed");
                drop(std::mem::replace(&mut letters, engine.take().and_then(Engine::leave)));
                options.flux = flux;
                release.set(flux);
                engine = Some(Engine::start(options.clone()));
            };
            watch.run(&cluster, &clock, changes.as_ref(), on).await;
        });
        InstalledEngine { _task: task }
    }
}

fn note(deployments: &mut BTreeMap<ObjectRef, Arc<Value>>, change: Change) {
    match change {
        Change::Listed(all) => {
            *deployments = all.into_iter().map(|one| (ObjectRef::of(&one), one)).collect();
        }
        Change::Set(one) => drop(deployments.insert(ObjectRef::of(&one), one)),
        Change::Gone(one) => drop(deployments.remove(&ObjectRef::of(&one))),
    }
}
