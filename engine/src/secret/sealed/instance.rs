//! One running controller: what its pod would be.

use super::flags::Flags;
use super::http::Counters;
use super::keys::{KeySource, Keys};
use super::reconcile::SealedReconciler;
use super::{COMPONENT, MANAGER};
use crate::cluster::{Change, Cluster, Watch};
use crate::driver::{Controller, DriverOptions, Gates, Queue, Stopping, Wakes, reference};
use crate::object::ObjectRef;
use crate::status::conditions::rfc3339;
use crate::status::{Events, Severity};
use seatrial_seal::API_VERSION;
use seatrial_time::{Clock, Signal, Task};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an instance waits that cannot read or write its keys.
const RETRY: Duration = Duration::from_secs(10);

/// What an instance works with.
pub(super) struct Setting {
    pub(super) clock: Clock,
    /// As its own ServiceAccount.
    pub(super) cluster: Cluster,
    pub(super) changes: Option<Signal>,
    pub(super) source: Arc<dyn KeySource>,
    pub(super) deployment: ObjectRef,
    pub(super) flags: Flags,
    /// The version that it says it is of.
    pub(super) version: String,
    /// How its tasks are called.
    pub(super) name: String,
}

/// A running controller. It ends when it is dropped.
pub(super) struct Instance {
    pub(super) keys: Keys,
    pub(super) log: Log,
    pub(super) counters: Counters,
    pub(super) flags: Flags,
    pub(super) version: String,
    _task: Task,
}

impl Instance {
    pub(super) fn start(setting: Setting) -> Instance {
        let (keys, log) = (Keys::default(), Log::new(&setting.clock));
        let counters = Counters::new(&setting.clock, setting.flags.rate);
        let (flags, version) = (setting.flags.clone(), setting.version.clone());
        let task = setting.clock.clone().spawn(
            format!("{} sealed secrets", setting.name),
            run(setting, keys.clone(), log.clone(), counters.clone()),
        );
        Instance { keys, log, counters, flags, version, _task: task }
    }
}

async fn run(setting: Setting, keys: Keys, log: Log, counters: Counters) {
    let Setting { clock, cluster, flags, version, .. } = &setting;
    let namespace = setting.deployment.namespace.as_str();
    log.info("Starting sealed-secrets controller", &[("version", version)]);
    while let Err(error) = keys.read(cluster, namespace, &log).await {
        log.error("Error reading keys", &[("error", &error)]);
        clock.sleep(RETRY).await;
    }
    let mut is_due = keys.made().is_none_or(|made| flags.cutoff.is_some_and(|cutoff| made < cutoff));
    let mut controllers = Vec::new();
    loop {
        while is_due {
            let renewed = keys.renew((cluster, clock), (&*setting.source, flags), (namespace, &log)).await;
            match renewed {
                Ok(()) => is_due = false,
                Err(error) => {
                    log.error("Failed to generate new key", &[("error", &error)]);
                    clock.sleep(RETRY).await;
                }
            }
        }
        if controllers.is_empty() {
            log.info("HTTP server serving", &[("addr", &format!(":{}", flags.port))]);
            log.info("HTTP metrics server serving", &[("addr", &format!(":{}", flags.metrics_port))]);
            counters.serve();
            controllers = controllers_of(&setting, &keys, &log, &counters);
        }
        if flags.renew.is_zero() {
            return std::future::pending().await;
        }
        let made = keys.made().unwrap_or_else(|| clock.now());
        clock.sleep_until(made.checked_add(flags.renew).unwrap_or(jiff::Timestamp::MAX)).await;
        is_due = true;
    }
}

/// The reconciler, and the watch that tells of Secrets that go.
fn controllers_of(setting: &Setting, keys: &Keys, log: &Log, counters: &Counters) -> Vec<Task> {
    let Setting { clock, cluster, changes, flags, .. } = setting;
    let wakes = Wakes::default();
    let reconciler = SealedReconciler {
        cluster: cluster.clone(),
        clock: clock.clone(),
        events: Events::new(clock, COMPONENT),
        keys: keys.clone(),
        log: log.clone(),
        counters: counters.clone(),
        update_status: flags.update_status,
        tries: Mutex::default(),
    };
    let options = DriverOptions {
        min_retry_delay: Duration::from_millis(5),
        max_retry_delay: Duration::from_secs(1000),
        ..DriverOptions::default()
    };
    let controller = Controller {
        queue: Queue::new(1, Stopping::default()),
        cluster: cluster.clone(),
        clock: clock.clone(),
        changes: changes.clone(),
        watch: Watch {
            api_version: API_VERSION.to_owned(),
            kind: "SealedSecret".to_owned(),
            labels: flags.selector.clone(),
            namespace: None,
            kept: false,
        },
        options,
        reconciler: Arc::new(reconciler),
        wakes: wakes.clone(),
        // It lives and ends with its Deployment.
        gates: Gates::new(None, wakes.clone()),
    };
    let mut tasks = vec![clock.spawn(format!("{} SealedSecret controller", setting.name), controller.run())];
    if !flags.skip_recreate {
        let watch = Watch {
            api_version: "v1".to_owned(),
            kind: "Secret".to_owned(),
            labels: String::new(),
            namespace: None,
            kept: false,
        };
        let (cluster, clock, changes) = (cluster.clone(), clock.clone(), changes.clone());
        let name = format!("{} Secret watch of sealed secrets", setting.name);
        tasks.push(setting.clock.spawn(name, async move {
            let on = |change: Change| {
                if let Change::Gone(secret) = change
                    && owner(&secret).is_some()
                {
                    let who = ObjectRef::of(&secret);
                    wakes.wake_users(&reference("Secret", &who.namespace, &who.name), None, None);
                }
            };
            watch.run(&cluster, &clock, changes.as_ref(), on).await;
        }));
    }
    tasks
}

/// The SealedSecret that a Secret belongs to.
pub(super) fn owner(secret: &Value) -> Option<&Value> {
    let owners = secret["metadata"]["ownerReferences"].as_array()?;
    owners.iter().find(|owner| owner["kind"] == "SealedSecret" && owner["controller"] == true)
}

/// Says on a Deployment why no controller runs.
pub(super) async fn refuse(cluster: &Cluster, events: &Events, deployment: &Value, why: &str) {
    let message = format!("Seatrial does not run this sealed-secrets controller: {why}");
    events.write(cluster, deployment, Severity::Error, "NotSupported", &message, &[]).await;
    tracing::warn!(manager = MANAGER, why, "a sealed-secrets controller is refused");
}

/// How many lines of a log are kept.
const LINES: usize = 2000;

/// What the instance has to say, in the form of the real one's log. Cheap to clone; clones share.
#[derive(Clone)]
pub(super) struct Log {
    clock: Clock,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn new(clock: &Clock) -> Log {
        Log { clock: clock.clone(), lines: Arc::default() }
    }

    pub(super) fn info(&self, message: &str, fields: &[(&str, &str)]) {
        self.line("INFO", message, fields);
    }

    pub(super) fn error(&self, message: &str, fields: &[(&str, &str)]) {
        self.line("ERROR", message, fields);
    }

    fn line(&self, level: &str, message: &str, fields: &[(&str, &str)]) {
        let time = rfc3339(self.clock.now());
        let mut line = format!("time={time} level={level} msg={}", quoted(message));
        for (name, value) in fields {
            line.push_str(&format!(" {name}={}", quoted(value)));
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES {
            lines.remove(0);
        }
        lines.push(line);
    }

    /// All lines.
    pub(super) fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// As Go's `slog` writes values: in quotes where they need some.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { Value::from(text).to_string() }
}
