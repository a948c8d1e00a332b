//! The state of a cluster, as far as Flux brought it about.

use super::model::ObjectId;
use super::project;
use crate::cluster::{Handle, Objects};
use crate::redact;
use crate::trial::behind::{Store, broken_places, build};
use crate::trial::objects::inventory_entry;
use crate::trial::steady::{self, Settled};
use crate::trial::{Ending, FluxObject, ObjectName, Problem, problems};
use base64::Engine as _;
use seatrial_time::Clock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A cluster in which nothing new happens any more.
pub(super) struct State {
    pub(super) ending: Ending,
    /// All objects of Flux kinds.
    pub(super) flux: Vec<FluxObject>,
    /// The Kustomizations.
    pub(super) kustomizations: BTreeMap<ObjectName, Kustomization>,
    /// The objects of all inventories, and those that were in one before, as far as they are there.
    pub(super) objects: BTreeMap<ObjectId, Held>,
    /// What is not ready.
    pub(super) unready: Vec<Problem>,
}

/// A Kustomization.
#[derive(Clone, Debug, Default)]
pub(super) struct Kustomization {
    pub(super) spec: Value,
    /// The revision that it tried last.
    pub(super) tried: Option<String>,
    /// The values of the Secrets that it substitutes from.
    pub(super) secrets: Vec<Vec<u8>>,
}

/// An object that Flux brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// The fields that were applied.
    pub(super) object: Value,
    /// The version that it was applied in.
    pub(super) api_version: String,
    /// Empty where it was built alone.
    pub(super) uid: String,
    /// The Kustomizations in whose inventories it is; none where it is left over.
    pub(super) by: Vec<ObjectName>,
    /// What on it keeps Flux from pruning it.
    pub(super) keeps: Option<&'static str>,
}

impl Held {
    /// Whether it is there, and not just built.
    pub(super) fn is_live(&self) -> bool {
        !self.uid.is_empty()
    }
}

/// Waits until nothing new happens, and takes the state. `before` are the objects of an earlier state.
///
/// # Errors
/// What the API server answered.
pub(super) async fn collect(
    handle: &Handle,
    clock: &Clock,
    store: &Store<'_>,
    before: &BTreeMap<ObjectId, Held>,
) -> kube::Result<State> {
    let cluster = &handle.objects;
    let Settled { ending, objects: flux, .. } = steady::settle(cluster, clock, &handle.changes).await?;
    let listed = cluster.list("kustomize.toolkit.fluxcd.io/v1", "Kustomization", None).await?;
    let mut wanted = Wanted::default();
    let mut kustomizations = BTreeMap::new();
    for object in &listed {
        let name = ObjectId::of(object).short();
        // What is on another cluster cannot be looked up here.
        let here = object["spec"]["kubeConfig"].is_null();
        let inventory = here.then(|| &object["status"]["inventory"]["entries"]);
        for entry in inventory.and_then(Value::as_array).into_iter().flatten() {
            wanted.entry(entry, &name);
        }
        let secrets = secrets(cluster, store, object).await?;
        let tried = object["status"]["lastAttemptedRevision"].as_str().map(str::to_owned);
        kustomizations.insert(name, Kustomization { spec: object["spec"].clone(), tried, secrets });
    }
    for (id, held) in before.iter().filter(|(_, held)| held.is_live()) {
        wanted.add(&held.api_version, id.clone());
    }
    let mut objects = wanted.find(cluster).await?;
    for object in flux.iter().filter(|object| is_held_up(object)) {
        for (id, held) in built(cluster, store, &object.name).await? {
            objects.entry(id).or_insert(held);
        }
    }
    let mut unready = problems::problems(cluster, &flux).await?;
    for problem in &mut unready {
        if problem.object.kind == "Pod" {
            problem.object = top_owner(cluster, &problem.object).await?;
        } else if problem.why.starts_with("BuildFailed: ") {
            for place in broken_places(cluster, store, &problem.object).await? {
                problem.why = format!("{}\n{place}", problem.why.trim_end());
            }
        }
    }
    unready.sort_by(|a, b| (&a.object, &a.why).cmp(&(&b.object, &b.why)));
    unready.dedup();
    Ok(State { ending, flux, kustomizations, objects, unready })
}

/// Which objects are looked for: by version and kind, then by name, with the Kustomizations that have them.
#[derive(Default)]
struct Wanted(BTreeMap<(String, String), BTreeMap<ObjectId, Vec<ObjectName>>>);

impl Wanted {
    fn add(&mut self, api_version: &str, id: ObjectId) -> &mut Vec<ObjectName> {
        let kind = (api_version.to_owned(), id.kind.clone());
        self.0.entry(kind).or_default().entry(id).or_default()
    }

    /// Adds an entry of an inventory.
    fn entry(&mut self, entry: &Value, by: &ObjectName) {
        let (id, version) = (entry["id"].as_str(), entry["v"].as_str());
        let Some((group, name)) = id.and_then(inventory_entry) else { return };
        let version = version.unwrap_or("v1");
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let ObjectName { kind, namespace, name } = name;
        self.add(&api_version, ObjectId { kind, group: group.to_owned(), namespace, name }).push(by.clone());
    }

    /// Those that are there.
    async fn find(self, cluster: &Objects) -> kube::Result<BTreeMap<ObjectId, Held>> {
        let mut found: BTreeMap<ObjectId, Held> = BTreeMap::new();
        for ((api_version, kind), ids) in self.0 {
            for live in cluster.list(&api_version, &kind, None).await? {
                let id = ObjectId::of(&live);
                let Some(by) = ids.get(&id) else { continue };
                let held = found.entry(id).or_insert_with(|| Held {
                    object: project::applied(&live),
                    api_version: api_version.clone(),
                    uid: live["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
                    by: Vec::new(),
                    keeps: keeps(&live),
                });
                // A Kustomization has an object once, in whatever versions.
                for by in by {
                    if !held.by.contains(by) {
                        held.by.push(by.clone());
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Whether a Kustomization has applied nothing, and would apply something if it could.
fn is_held_up(object: &FluxObject) -> bool {
    object.name.kind == "Kustomization"
        && !object.suspended
        && !object.ready.is_true()
        && object.inventory.is_empty()
}

/// What such a Kustomization builds, without substitution.
async fn built(
    cluster: &Objects,
    store: &Store<'_>,
    name: &ObjectName,
) -> kube::Result<Vec<(ObjectId, Held)>> {
    let Some(Ok(objects)) = build(cluster, store, name).await? else { return Ok(Vec::new()) };
    let held = |object: &Value| {
        let mut object = object.clone();
        encode_secret(&mut object);
        let keeps = keeps(&object);
        project::clean(&mut object);
        let api_version = object["apiVersion"].as_str().unwrap_or_default().to_owned();
        let id = ObjectId::of(&object);
        (id, Held { object, api_version, uid: String::new(), by: vec![name.clone()], keeps })
    };
    Ok(objects.iter().map(held).collect())
}

/// Turns the texts of a Secret into data, as an API server does.
fn encode_secret(object: &mut Value) {
    if object["kind"] != "Secret" || object["apiVersion"] != "v1" {
        return;
    }
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|map| map.remove("stringData")) else {
        return;
    };
    for (key, text) in texts {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        object["data"][key] = base64::engine::general_purpose::STANDARD.encode(text).into();
    }
}

/// What on an object keeps Flux from pruning it.
fn keeps(object: &Value) -> Option<&'static str> {
    const MARKS: [(&str, &str, &str); 3] = [
        ("prune", "disabled", "kustomize.toolkit.fluxcd.io/prune: disabled"),
        ("reconcile", "disabled", "kustomize.toolkit.fluxcd.io/reconcile: disabled"),
        ("ssa", "ignore", "kustomize.toolkit.fluxcd.io/ssa: Ignore"),
    ];
    let metadata = &object["metadata"];
    let says = |key: &str, value: &str| {
        let key = format!("kustomize.toolkit.fluxcd.io/{key}");
        ["labels", "annotations"]
            .iter()
            .any(|field| metadata[*field][&key].as_str().is_some_and(|v| v.eq_ignore_ascii_case(value)))
    };
    MARKS.iter().find(|(key, value, _)| says(key, value)).map(|(.., words)| *words)
}

/// The values of the Secrets that a Kustomization substitutes from, and what its manifests make of them (`${password^^}`).
pub(crate) async fn secrets(
    cluster: &Objects,
    store: &Store<'_>,
    kustomization: &Value,
) -> kube::Result<Vec<Vec<u8>>> {
    let namespace = kustomization["metadata"]["namespace"].as_str();
    let from = kustomization["spec"]["postBuild"]["substituteFrom"].as_array().into_iter().flatten();
    let mut values = BTreeSet::new();
    let mut variables = BTreeMap::new();
    for name in from.filter(|from| from["kind"] == "Secret").filter_map(|from| from["name"].as_str()) {
        if let Some(secret) = cluster.get("v1", "Secret", namespace, name).await? {
            values.extend(redact::values(&secret));
            variables.extend(redact::variables(&secret));
        }
    }
    if !variables.is_empty() {
        let name = ObjectId::of(kustomization).short();
        if let Some(Ok(objects)) = build(cluster, store, &name).await? {
            values.extend(objects.iter().flat_map(|object| redact::substituted(object, &variables)));
        }
    }
    let mut values: Vec<Vec<u8>> = values.into_iter().filter(|value| !value.is_empty()).collect();
    // A value can be a part of another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    Ok(values)
}

/// What a pod is there for: the owner that nobody owns.
async fn top_owner(cluster: &Objects, pod: &ObjectName) -> kube::Result<ObjectName> {
    let mut name = pod.clone();
    let mut api_version = "v1".to_owned();
    // A Deployment's pod is two steps below it, a CronJob's too.
    for _ in 0..4 {
        let Some(object) = cluster.get(&api_version, &name.kind, Some(&name.namespace), &name.name).await?
        else {
            break;
        };
        let owners = object["metadata"]["ownerReferences"].as_array();
        let Some(owner) = owners.into_iter().flatten().find(|owner| owner["controller"] == true) else {
            break;
        };
        let text = |key: &str| owner[key].as_str().unwrap_or_default().to_owned();
        api_version = text("apiVersion");
        name = ObjectName { kind: text("kind"), namespace: name.namespace, name: text("name") };
    }
    Ok(name)
}
