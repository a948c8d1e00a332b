//! What real clusters have in common, once they can be reached.

use super::watch_log::WatchLog;
use super::{BackendError, Handle, Keep, Objects, Wanted, words};
use crate::scenario::UnknownImages;
use crate::sealed;
use kube::{Client, Config};
use seatrial_time::Clock;
use seatrial_workload::{Controllers, WorkloadOptions};
use std::future::Future;
use std::sync::Once;
use std::time::Duration;

/// How often something that is not there yet is looked for.
const POLL: Duration = Duration::from_millis(100);

/// How a cluster is reached, and who runs its pods.
pub(super) struct Remote {
    /// As an administrator.
    pub(super) admin: Config,
    /// As Flux's controllers.
    pub(super) flux: Config,
    /// The certificate bundle of the API server, as PEM.
    pub(super) root_ca: String,
    /// Which controllers the simulation runs; none where the pods are those of real nodes.
    pub(super) simulated: Option<Controllers>,
}

impl Remote {
    /// The handle of the cluster, as soon as its namespace `default` can be used.
    pub(super) async fn handle(self, wanted: &Wanted<'_>, keep: Keep) -> Result<Handle, BackendError> {
        let plan = wanted.plan;
        self.refuse(wanted)?;
        let failed = |message: String| BackendError::Start { cluster: plan.name.clone(), message };
        let admin = client(self.admin).map_err(failed)?;
        let objects = Objects::new(admin.clone());
        let workloads = self.simulated.map(|controllers| {
            let options = WorkloadOptions {
                images: wanted.images.clone(),
                profiles: plan.profiles.clone(),
                root_ca: self.root_ca,
                controllers,
                ..WorkloadOptions::for_cluster(&plan.name)
            };
            seatrial_workload::start(admin.clone(), wanted.clock.clone(), options)
        });
        until(wanted.clock, wanted.options.startup_timeout, "the ServiceAccount default/default", || async {
            match objects.get("v1", "ServiceAccount", Some("default"), "default").await {
                Ok(found) => found.map(drop).ok_or_else(|| "it is not there".to_owned()),
                Err(error) => Err(words(&error)),
            }
        })
        .await
        .map_err(failed)?;
        let sealed = workloads
            .is_some()
            .then(|| sealed::start(&plan.name, wanted.clock, admin.clone(), None, wanted.keys, None));
        let history = WatchLog::start(admin, wanted.clock).await;
        let history = history.map_err(|error| failed(format!("cannot watch it: {}", words(&error))))?;
        Ok(Handle {
            name: plan.name.clone(),
            release: seatrial_engine::Release::new(plan.flux),
            objects,
            flux_client: client(self.flux).map_err(failed)?,
            changes: history.changes(),
            history: Box::new(history),
            immediate: false,
            placeholder_image: workloads.is_none().then(|| wanted.options.placeholder_image.clone()),
            workloads,
            engine: None,
            sealed,
            keys: wanted.keys.clone(),
            clock: wanted.clock.clone(),
            keep,
            simulated: None,
        })
    }

    /// Refuses what a real cluster cannot be told.
    fn refuse(&self, wanted: &Wanted<'_>) -> Result<(), BackendError> {
        let plan = wanted.plan;
        let refused = |action: &str, reason: &str| {
            Err(BackendError::Unsupported {
                action: action.to_owned(),
                cluster: plan.name.clone(),
                reason: reason.to_owned(),
            })
        };
        if plan.kubernetes.is_some() {
            return refused("report another Kubernetes version", "a real API server has its own");
        }
        if self.simulated.is_none() && !plan.profiles.is_empty() {
            return refused("use profiles", super::REAL_PODS);
        }
        if self.simulated.is_none() && plan.unknown_images == UnknownImages::Missing {
            return refused("use `unknownImages: missing`", super::REAL_PODS);
        }
        Ok(())
    }
}

/// A client for a configuration.
pub(super) fn client(config: Config) -> Result<Client, String> {
    static PROVIDER: Once = Once::new();
    // The one provider of cryptography of the process; another part may have installed it already.
    PROVIDER.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
    Client::try_from(config).map_err(|error| format!("cannot make a client: {error}"))
}

/// How long one question may take: a server that accepts connections and stays silent is asked again.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until `ask` has no complaint any more; the result is its answer.
///
/// # Errors
/// The last complaint, when `limit` has passed.
pub(super) async fn until<T, F>(
    clock: &Clock,
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<T, String>
where
    F: Future<Output = Result<T, String>>,
{
    let began = clock.now();
    loop {
        let left = limit.saturating_sub(crate::report::elapsed(began, clock.now()));
        let patience = PATIENCE.min(left);
        let complaint = match clock.timeout(patience, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(complaint)) => complaint,
            Err(_) => format!("no answer within {} s", patience.as_secs()),
        };
        if crate::report::elapsed(began, clock.now()) >= limit {
            return Err(format!("{what}: not within {} s: {complaint}", limit.as_secs()));
        }
        clock.sleep(POLL).await;
    }
}
