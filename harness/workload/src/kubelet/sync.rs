//! One look at one pod: bind it, bring its status up to date, or remove it.

use super::container::{Input, Output, step};
use super::fate::{Plan, Subject, plan};
use super::kept::Kept;
use super::memory::Memory;
use super::references::{Found, Lookup, claims, environment_obstacle, volume_obstacle};
use super::schedule::place;
use super::status::{EVICTED, Parts, init_done};
use crate::api::{Api, ApiError, ignore_missing};
use crate::context::{Context, Wake};
use crate::controllers::conditions::{Condition, find, put};
use crate::controllers::pods::{is_active, is_finished, is_sidecar, phase, uses_host_network};
use crate::events::{Note, Recorder};
use crate::object::{
    self, Key, Object, at, controller, deleting, earlier, later, list, name, namespace, number_or, rfc3339,
    text, time, uid,
};
use crate::profile::Profile;
use crate::store::Store;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The kubelets of all nodes, and their scheduler.
pub(crate) struct Kubelet {
    pub(super) context: Arc<Context>,
    /// Writes as kubelet.
    api: Api,
    scheduler: Api,
    /// Recorders by node.
    recorders: BTreeMap<String, Recorder>,
    scheduler_events: Recorder,
    memory: Mutex<Memory>,
    pub(super) kept: Kept,
}

impl Kubelet {
    pub(crate) fn new(context: Arc<Context>) -> Kubelet {
        let api = Api::new(context.client.clone(), "kubelet");
        let scheduler = Api::new(context.client.clone(), "kube-scheduler");
        let events = context.options.events;
        let recorder =
            |api: &Api, component| Recorder::new(api.clone(), context.clock.clone(), component, events);
        let recorders = context.options.nodes.iter();
        Kubelet {
            recorders: recorders
                .map(|node| (node.clone(), recorder(&api, "kubelet").on(node.clone())))
                .collect(),
            scheduler_events: recorder(&scheduler, "default-scheduler"),
            api,
            scheduler,
            memory: Mutex::default(),
            kept: Kept::default(),
            context,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every failed image pull be tried again at once.
    pub(crate) fn forget_pulls(&self) {
        self.memory().forget_pulls();
    }

    fn pods(&self) -> &Store {
        &self.context.stores.pods
    }

    /// Takes one step of a pod's life.
    pub(crate) async fn reconcile(&self, key: &Key) -> Result<Wake, ApiError> {
        let Some(pod) = self.pods().get(key) else {
            self.memory().forget(key);
            self.kept.forget(key);
            return Ok(None);
        };
        let node = text(&pod, &["spec", "nodeName"]).to_owned();
        if node.is_empty() {
            return if deleting(&pod) { self.remove(&pod).await } else { self.bind(&pod).await };
        }
        let Some(recorder) = self.recorders.get(&node) else {
            // Somebody else's node.
            return Ok(None);
        };
        if deleting(&pod) {
            return self.stop(&pod, recorder).await;
        }
        if is_finished(&pod) {
            return Ok(None);
        }
        self.run(&pod, &node, recorder).await
    }

    async fn stop(&self, pod: &Object, recorder: &Recorder) -> Result<Wake, ApiError> {
        if phase(pod) == "Running" {
            for container in list(pod, &["spec", "containers"]) {
                let field = format!("spec.containers{{{}}}", text(container, &["name"]));
                let message = format!("Stopping container {}", text(container, &["name"]));
                recorder.write(pod, &Note::normal("Killing", message).about(field)).await;
            }
        }
        self.remove(pod).await
    }

    /// Ends a graceful deletion. Where finalizers remain they decide; the kubelet has done its part.
    async fn remove(&self, pod: &Object) -> Result<Wake, ApiError> {
        if number_or(pod, &["metadata", "deletionGracePeriodSeconds"], 1) > 0 {
            self.pods().delete(&self.api, pod, Some(0), None).await?;
        }
        Ok(None)
    }

    async fn bind(&self, pod: &Object) -> Result<Wake, ApiError> {
        let other_scheduler = !matches!(text(pod, &["spec", "schedulerName"]), "" | "default-scheduler");
        if other_scheduler || !list(pod, &["spec", "schedulingGates"]).is_empty() {
            return Ok(None);
        }
        let lookup = Local { context: &self.context, namespace: namespace(pod) };
        let placed = match claims(pod).find(|claim| !lookup.claim(claim)) {
            Some(claim) => Err(format!(
                "0/{} nodes are available: persistentvolumeclaim \"{claim}\" not found.",
                self.context.options.nodes.len()
            )),
            None => {
                let nodes: Vec<Object> = self
                    .context
                    .stores
                    .nodes
                    .all()
                    .into_iter()
                    .filter(|node| self.recorders.contains_key(name(node)))
                    .collect();
                let mut load: BTreeMap<String, usize> = BTreeMap::new();
                if nodes.len() > 1 {
                    for other in self.pods().all().iter().filter(|pod| is_active(pod)) {
                        *load.entry(text(other, &["spec", "nodeName"]).to_owned()).or_default() += 1;
                    }
                }
                place(pod, &nodes, &load)
            }
        };
        match placed {
            Ok(node) => {
                let binding = json!({
                    "apiVersion": "v1", "kind": "Binding",
                    "metadata": {"name": name(pod), "namespace": namespace(pod), "uid": uid(pod)},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": node},
                });
                let key = Key::of(pod);
                let posted = self.scheduler.post(self.pods().kind(), &key, "binding", &binding).await;
                if ignore_missing(posted)?.is_some() {
                    let message = format!("Successfully assigned {key} to {node}");
                    self.scheduler_events.write(pod, &Note::normal("Scheduled", message)).await;
                }
            }
            Err(message) => self.cannot_place(pod, &message).await?,
        }
        Ok(None)
    }

    async fn cannot_place(&self, pod: &Object, message: &str) -> Result<(), ApiError> {
        let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
        let mut conditions = list(&status, &["conditions"]).to_vec();
        let condition = Condition::new("PodScheduled", "False", "Unschedulable", message);
        let known = find(&conditions, "PodScheduled");
        if known.is_some_and(|known| text(known, &["message"]) == message) {
            return Ok(());
        }
        let value = condition.to_value(known, self.context.clock.now());
        put(&mut conditions, value);
        object::set(&mut status, "conditions", json!(conditions));
        object::set(&mut status, "phase", json!("Pending"));
        self.pods().write_status(&self.scheduler, pod, &status).await?;
        self.scheduler_events.write(pod, &Note::warning("FailedScheduling", message)).await;
        Ok(())
    }

    /// Brings the status of a pod on one of our nodes up to date.
    async fn run(&self, pod: &Object, node: &str, recorder: &Recorder) -> Result<Wake, ApiError> {
        let now = self.context.clock.now();
        let look = self.look(pod, node, now);
        self.pods().write_status(&self.api, pod, &look.status).await?;
        for note in &look.notes {
            recorder.write(pod, note).await;
        }
        Ok(look.wake)
    }

    fn look(&self, pod: &Object, node: &str, now: Timestamp) -> Look {
        let key = Key::of(pod);
        let known_address = Some(text(pod, &["status", "podIP"]).to_owned()).filter(|ip| !ip.is_empty());
        let since = time(pod, &["status", "startTime"]).unwrap_or(now);
        let lookup = Local { context: &self.context, namespace: namespace(pod) };
        let profiles = self.context.profiles();
        let host_ip = self.host_ip(node);
        let mut memory = self.memory();
        let remembered = memory.of(&key, uid(pod), since, known_address).clone();

        let mut view = View {
            kubelet: self,
            pod,
            owners: self.owners(pod),
            attempts: self.failed_before(pod),
            profiles: &profiles,
            lookup: &lookup,
            since: remembered.since,
            now,
            volumes: volume_obstacle(pod, &lookup),
            memory: memory.of(&key, uid(pod), since, None),
            notes: Vec::new(),
            wake: None,
            evicted: false,
            started: false,
        };
        let (init, main) = view.containers();
        let (mut notes, wake, evicted, started) = (view.notes, view.wake, view.evicted, view.started);
        let told = view.volumes.unwrap_or_default();
        let due = now >= later(remembered.since, self.context.options.start_delay);
        let remembered = memory.of(&key, uid(pod), since, None);
        if due && !started && remembered.told != told {
            remembered.told.clone_from(&told);
            if !told.is_empty() {
                notes.push(Note::warning("FailedMount", told));
            }
        }
        let mut address = remembered.address.clone();
        if address.is_none() && started {
            let new = if uses_host_network(pod) {
                host_ip.clone()
            } else {
                let pods = self.pods().all();
                let used: BTreeSet<String> =
                    pods.iter().map(|pod| text(pod, &["status", "podIP"]).to_owned()).collect();
                memory.next_address(&used)
            };
            memory.of(&key, uid(pod), since, None).address = Some(new.clone());
            address = Some(new);
        }
        if evicted {
            notes.push(Note::warning("Evicted", EVICTED));
        }
        let parts = Parts { pod, init, main, pod_ip: address, host_ip, evicted, now };
        let mut status = parts.status();
        if at(&status, &["startTime"]).is_none() {
            object::set(&mut status, "startTime", rfc3339(now));
        }
        Look { status, notes, wake }
    }

    /// The addresses of nodes are counted up from 172.18.0.2, in the order of the options.
    fn host_ip(&self, node: &str) -> String {
        let index = self.context.options.nodes.iter().position(|known| known == node).unwrap_or(0);
        crate::controllers::node_address(index)
    }

    /// The names of the objects above a pod.
    fn owners(&self, pod: &Value) -> Vec<String> {
        let stores = &self.context.stores;
        let mut names = Vec::new();
        let Some(owner) = controller(pod) else { return names };
        let owner_name = text(owner, &["name"]).to_owned();
        let key = Key::new(namespace(pod), owner_name.clone());
        names.push(owner_name);
        let above = match text(owner, &["kind"]) {
            "ReplicaSet" => stores.replica_sets.get(&key),
            "Job" => stores.jobs.get(&key),
            _ => None,
        };
        if let Some(above) = above.as_deref().and_then(controller) {
            names.push(text(above, &["name"]).to_owned());
        }
        names
    }

    /// How many pods of the same Job have failed already.
    fn failed_before(&self, pod: &Value) -> u32 {
        let Some(owner) = controller(pod).filter(|owner| text(owner, &["kind"]) == "Job") else { return 0 };
        let siblings = self.pods().owned_by(text(owner, &["uid"]));
        let failed =
            siblings.iter().filter(|other| uid(other) != uid(pod) && phase(other) == "Failed").count();
        u32::try_from(failed).unwrap_or(u32::MAX)
    }
}

struct Look {
    status: Value,
    notes: Vec<Note>,
    wake: Wake,
}

/// One look at the containers of a pod.
pub(super) struct View<'a> {
    pub(super) kubelet: &'a Kubelet,
    pub(super) pod: &'a Object,
    owners: Vec<String>,
    attempts: u32,
    profiles: &'a [Profile],
    lookup: &'a dyn Lookup,
    since: Timestamp,
    pub(super) now: Timestamp,
    /// Why the volumes cannot be mounted.
    volumes: Option<String>,
    pub(super) memory: &'a mut super::memory::Remembered,
    notes: Vec<Note>,
    pub(super) wake: Wake,
    evicted: bool,
    /// The start delay is over and the volumes are mounted: the pod has a sandbox.
    started: bool,
}

impl View<'_> {
    /// The statuses of the init containers and of the others.
    fn containers(&mut self) -> (Vec<Value>, Vec<Value>) {
        let mut init = Vec::new();
        let mut blocked = false;
        for container in list(self.pod, &["spec", "initContainers"]) {
            let status = self.container(container, true, blocked, init.len());
            blocked = blocked || !init_done(container, &status);
            init.push(status);
        }
        let mut main = Vec::new();
        for container in list(self.pod, &["spec", "containers"]) {
            let status = self.container(container, false, blocked, main.len());
            main.push(status);
        }
        if self.main_ended(&main) {
            self.stop_sidecars(&mut init);
        }
        (init, main)
    }

    fn container(&mut self, container: &Value, is_init: bool, blocked: bool, index: usize) -> Value {
        let container_name = text(container, &["name"]);
        let statuses = if is_init { "initContainerStatuses" } else { "containerStatuses" };
        let known = list(self.pod, &["status", statuses]).get(index);
        let has_init = !list(self.pod, &["spec", "initContainers"]).is_empty();
        let never_started = known.is_none_or(|known| {
            at(known, &["state", "waiting"]).is_some() && at(known, &["lastState", "terminated"]).is_none()
        });
        let plan = self.plan(container, known, is_init);
        let start_at = later(self.since, plan.start_delay);
        let creating = if has_init { "PodInitializing" } else { "ContainerCreating" };
        if never_started && self.now < start_at {
            self.wake = earlier(self.wake, Some(start_at));
        }
        if never_started && (blocked || self.volumes.is_some() || self.now < start_at) {
            return waiting(container, creating);
        }
        self.started = true;
        let running = known.is_some_and(|known| at(known, &["state", "running"]).is_some());
        let field = if is_init { "spec.initContainers" } else { "spec.containers" };
        // Drawn also where no start comes of it, so that the names of other pods stay what they are.
        let drawn = (!running).then(|| self.kubelet.context.hex(32));
        let pod = self.pod;
        let obstacle = environment_obstacle(namespace(pod), container, self.lookup);
        let (now, context) = (self.now, &self.kubelet.context);
        let view = RefCell::new(&mut *self);
        let output: Output = step(&Input {
            pod,
            container,
            field: format!("{field}{{{container_name}}}"),
            known,
            is_init: is_init && !is_sidecar(container),
            fate: plan.fate,
            image: &|| view.borrow_mut().image(container, plan.no_image),
            obstacle,
            start_at,
            run_time: context.options.run_time,
            now,
            id: &|| drawn.clone().unwrap_or_else(|| context.hex(32)),
        });
        if at(&output.status, &["state", "running"]).is_some() {
            self.memory.pulled(container_name);
        }
        self.notes.extend(output.notes);
        self.wake = earlier(self.wake, output.wake);
        self.evicted |= output.evict;
        output.status
    }

    fn plan(&self, container: &Value, known: Option<&Value>, is_init: bool) -> Plan {
        let restarts = known.map_or(0, |known| number_or(known, &["restartCount"], 0));
        let restarts = u32::try_from(restarts).unwrap_or(0);
        let attempts = self.attempts.saturating_add(restarts);
        let subject = Subject { pod: self.pod, owners: &self.owners, container, is_init, attempts };
        plan(&subject, self.profiles, &self.kubelet.context.options)
    }

    fn main_ended(&self, main: &[Value]) -> bool {
        !matches!(text(self.pod, &["spec", "restartPolicy"]), "Always" | "")
            && main.iter().all(|status| at(status, &["state", "terminated"]).is_some())
    }

    /// Sidecars are stopped when the containers that they serve have ended.
    fn stop_sidecars(&self, init: &mut [Value]) {
        for status in init {
            if let Some(started) = at(status, &["state", "running", "startedAt"]).cloned() {
                let state = json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": started,
                    "finishedAt": rfc3339(self.now), "containerID": text(status, &["containerID"])}});
                object::set(status, "state", state);
                object::set(status, "started", json!(false));
                object::set(status, "ready", json!(false));
            }
        }
    }
}

fn waiting(container: &Value, reason: &str) -> Value {
    json!({
        "name": text(container, &["name"]), "image": text(container, &["image"]), "imageID": "", "ready": false,
        "restartCount": 0, "started": false, "state": {"waiting": {"reason": reason}}, "lastState": {},
    })
}

/// The objects that stand beside a pod in its namespace.
struct Local<'a> {
    context: &'a Context,
    namespace: &'a str,
}

impl Local<'_> {
    fn find(&self, store: &Store, name: &str, key: Option<&str>, fields: &[&str]) -> Found {
        match (store.get(&Key::new(self.namespace, name)), key) {
            (None, _) => Found::NoObject,
            (Some(_), None) => Found::Yes,
            (Some(object), Some(key)) if fields.iter().any(|field| at(&object, &[field, key]).is_some()) => {
                Found::Yes
            }
            _ => Found::NoKey,
        }
    }
}

impl Lookup for Local<'_> {
    fn config_map(&self, name: &str, key: Option<&str>) -> Found {
        self.find(&self.context.stores.config_maps, name, key, &["data", "binaryData"])
    }

    fn secret(&self, name: &str, key: Option<&str>) -> Found {
        self.find(&self.context.stores.secrets, name, key, &["data"])
    }

    fn claim(&self, name: &str) -> bool {
        self.context.stores.persistent_volume_claims.get(&Key::new(self.namespace, name)).is_some()
    }
}
