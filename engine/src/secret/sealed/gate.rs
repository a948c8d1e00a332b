//! Follows the Deployments of a cluster: a controller runs where one with its image has a ready pod.

use super::flags::Flags;
use super::http::{self, SealedAnswer, SealedRequest};
use super::instance::{Instance, Setting, refuse};
use super::keys::KeySource;
use super::{COMPONENT, sealed_secrets_container, sealed_secrets_version};
use crate::cluster::{Change, Cluster, Watch};
use crate::object::{self, ObjectRef};
use crate::status::Events;
use kube::Client;
use seatrial_time::{Clock, Signal, Task};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What the controllers of a cluster work with.
#[derive(Clone)]
pub struct SealedSecretsOptions {
    /// Time, tasks and chance.
    pub clock: Clock,
    /// The cluster, as an administrator who may impersonate: each controller acts as its own ServiceAccount.
    pub client: Client,
    /// Moves with each change of the cluster's store, where that is known.
    pub changes: Option<Signal>,
    /// Where new keys come from.
    pub keys: Arc<dyn KeySource>,
    /// Name in the names of tasks, such as the cluster's.
    pub name: String,
}

/// The sealed-secrets controllers of a cluster. They end when it is dropped. Cheap to clone; clones share.
#[derive(Clone)]
pub struct SealedSecrets(Arc<Inner>);

struct Inner {
    running: Arc<Running>,
    _task: Task,
}

/// What came of the template of a Deployment's pods.
enum Outcome {
    Runs(Arc<Instance>),
    /// It is not supported; the task says so on the Deployment, once for each template.
    Refused {
        _task: Task,
    },
}

#[derive(Default)]
struct Running(Mutex<BTreeMap<ObjectRef, (Value, Outcome)>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, (Value, Outcome)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The controller of a Deployment. It is used after the lock is released: what it does may take long.
    fn instance(&self, deployment: &ObjectRef) -> Option<Arc<Instance>> {
        match &self.lock().get(deployment)?.1 {
            Outcome::Runs(instance) => Some(instance.clone()),
            Outcome::Refused { .. } => None,
        }
    }
}

/// The controllers of a cluster, without keeping them running: for what the cluster itself holds on to. Cheap to clone.
#[derive(Clone)]
pub struct SealedSecretsRef(Weak<Inner>);

impl SealedSecretsRef {
    /// The controllers, unless they have ended.
    pub fn get(&self) -> Option<SealedSecrets> {
        self.0.upgrade().map(SealedSecrets)
    }
}

impl SealedSecrets {
    /// A reference that does not keep them running.
    pub fn downgrade(&self) -> SealedSecretsRef {
        SealedSecretsRef(Arc::downgrade(&self.0))
    }

    /// Begins to follow the cluster's Deployments.
    pub fn start(options: SealedSecretsOptions) -> SealedSecrets {
        let running = Arc::new(Running::default());
        let name = format!("{} sealed-secrets controllers", options.name);
        let task = options.clock.clone().spawn(name, follow(options, running.clone()));
        SealedSecrets(Arc::new(Inner { running, _task: task }))
    }

    /// Answers a request to a pod; `None`: no controller listens there.
    pub fn answer(&self, request: &SealedRequest<'_>) -> Option<SealedAnswer> {
        let instance = self.0.running.instance(&http::deployment(request))?;
        http::answer(&instance, request)
    }

    /// The log of a controller; `None`: no such controller runs.
    pub fn log(&self, namespace: &str, deployment: &str) -> Option<String> {
        let who = ObjectRef::new("apps/v1", "Deployment", namespace, deployment);
        Some(self.0.running.instance(&who)?.log.text())
    }
}

async fn follow(options: SealedSecretsOptions, running: Arc<Running>) {
    let cluster = Cluster::new(options.client.clone());
    let events = Events::new(&options.clock, COMPONENT);
    let watch = Watch {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        labels: String::new(),
        namespace: None,
        kept: false,
    };
    let on = |change: Change| match change {
        Change::Gone(object) => drop(running.lock().remove(&ObjectRef::of(&object))),
        Change::Set(object) => set(&options, &cluster, &events, &running, &object),
        Change::Listed(objects) => {
            let listed: BTreeSet<ObjectRef> = objects.iter().map(|object| ObjectRef::of(object)).collect();
            running.lock().retain(|who, _| listed.contains(who));
            for object in &objects {
                set(&options, &cluster, &events, &running, object);
            }
        }
    };
    watch.run(&cluster, &options.clock, options.changes.as_ref(), on).await;
}

/// Starts, keeps or ends the controller of a Deployment.
fn set(
    options: &SealedSecretsOptions,
    cluster: &Cluster,
    events: &Events,
    running: &Arc<Running>,
    deployment: &Value,
) {
    let who = ObjectRef::of(deployment);
    let Some(container) = sealed_secrets_container(&deployment["spec"]["template"]["spec"]) else {
        running.lock().remove(&who);
        return;
    };
    let count = |field: &str| deployment["status"][field].as_i64().unwrap_or_default();
    // It works as soon as its pod is ready, before the Deployment counts as available.
    if count("readyReplicas") == 0 || object::is_deleted(deployment) {
        running.lock().remove(&who);
        return;
    }
    let is_rolled_out = deployment["status"]["observedGeneration"] == object::generation(deployment)
        && count("updatedReplicas") >= 1
        && count("updatedReplicas") == count("replicas");
    let template = &deployment["spec"]["template"];
    let is_same = running.lock().get(&who).is_some_and(|(known, _)| known == template);
    if is_same || !is_rolled_out {
        return;
    }
    let list = |field: &str| container[field].as_array().cloned().unwrap_or_default();
    let command = list("command");
    let words = command.iter().skip(1).chain(&list("args")).cloned().collect::<Vec<_>>();
    let words: Vec<String> = words.iter().map(|word| word.as_str().unwrap_or_default().to_owned()).collect();
    running.lock().remove(&who);
    let flags = match Flags::parse(&words) {
        Ok(flags) => flags,
        Err(why) => {
            let (cluster, events, deployment) = (cluster.clone(), events.clone(), deployment.clone());
            let template = template.clone();
            let task = options.clock.spawn(format!("{} refusal", options.name), async move {
                refuse(&cluster, &events, &deployment, &why).await;
            });
            running.lock().insert(who, (template, Outcome::Refused { _task: task }));
            return;
        }
    };
    let account = template["spec"]["serviceAccountName"].as_str().unwrap_or("default");
    let setting = Setting {
        clock: options.clock.clone(),
        cluster: cluster.impersonate(format!("system:serviceaccount:{}:{account}", who.namespace)),
        changes: options.changes.clone(),
        source: options.keys.clone(),
        deployment: who.clone(),
        flags,
        version: sealed_secrets_version(container["image"].as_str().unwrap_or_default()),
        name: format!("{} {}", options.name, who.key()),
    };
    running.lock().insert(who, (template.clone(), Outcome::Runs(Arc::new(Instance::start(setting)))));
}
