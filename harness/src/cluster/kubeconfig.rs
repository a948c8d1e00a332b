//! Clusters that are there already, by the contexts of a kubeconfig file.
//!
//! # Guarantees
//! - Nothing is touched but contexts that were allowed by name, and never a cluster that has Flux.
//! - What the run has made is removed at its end, in any case but that of a killed process. What it has changed (patches of
//!   objects that were there before) stays changed.

use super::remote::{Remote, client, until};
use super::{
    Backend, BackendError, BackendOptions, ClusterProvider, Handle, Keep, Objects, Pods, Wanted, words,
};
use crate::bootstrap::NAMESPACE;
use kube::Config;
use kube::api::Patch;
use kube::config::{KubeConfigOptions, Kubeconfig};
use seatrial_api::meta::FINALIZER;
use seatrial_workload::Controllers;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the removal may take: namespaces end when everything in them has.
const REMOVAL: Duration = Duration::from_secs(120);
/// The definition that every cluster with Flux has, whatever its namespace.
const FLUX_DEFINITION: &str = "kustomizations.kustomize.toolkit.fluxcd.io";
/// The label by which Flux knows what it has applied.
const OWNER_LABEL: &str = "kustomize.toolkit.fluxcd.io/name";

/// Says what is wrong with the contexts.
pub(super) fn preflight(options: &BackendOptions, clusters: &BTreeSet<String>) -> Result<(), BackendError> {
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for cluster in clusters {
        let Some(context) = options.contexts.get(cluster) else {
            return Err(settings(format!(
                "the cluster {cluster} has no context: add --context {cluster}=CONTEXT"
            )));
        };
        if !options.allowed_contexts.contains(context) {
            return Err(settings(format!(
                "the context {context:?} is not allowed: a run changes and deletes things there; if that may be, add \
                 --allow-context {context}"
            )));
        }
        if let Some(other) = used.insert(context, cluster) {
            return Err(settings(format!(
                "the clusters {other} and {cluster} have the same context {context:?}"
            )));
        }
    }
    let file = read(options)?;
    for context in used.keys() {
        if !file.contexts.iter().any(|known| known.name == *context) {
            return Err(settings(format!("the kubeconfig file has no context {context:?}")));
        }
    }
    Ok(())
}

fn settings(message: String) -> BackendError {
    BackendError::Settings { backend: Backend::Kubeconfig, message }
}

fn read(options: &BackendOptions) -> Result<Kubeconfig, BackendError> {
    let read = match &options.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    read.map_err(|error| BackendError::Missing {
        backend: Backend::Kubeconfig,
        lack: format!("no kubeconfig file can be read ({error})"),
        remedy: "give one with --kubeconfig FILE, or set KUBECONFIG".to_owned(),
    })
}

/// Uses clusters that are there.
pub(super) struct Existing;

impl ClusterProvider for Existing {
    async fn start(&self, wanted: &Wanted<'_>) -> Result<Handle, BackendError> {
        let name = &wanted.plan.name;
        // Again, although it was said before the run: nothing leads past it.
        preflight(wanted.options, &BTreeSet::from([name.clone()]))?;
        let context = wanted.options.contexts.get(name).cloned();
        let failed = |message: String| BackendError::Start { cluster: name.clone(), message };
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(read(wanted.options)?, &options).await;
        let config = config.map_err(|error| failed(format!("cannot use its context: {error}")))?;
        let objects = Objects::new(client(config.clone()).map_err(failed)?);
        let answered = |error: kube::Error| failed(words(&error));
        let refused = |reason: String| BackendError::Unsupported {
            action: "play a scenario".to_owned(),
            cluster: name.clone(),
            reason,
        };
        let definition = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", FLUX_DEFINITION);
        for (api_version, kind, mark) in [("v1", "Namespace", NAMESPACE), definition] {
            if objects.get(api_version, kind, None, mark).await.map_err(answered)?.is_some() {
                let why = "two engines would fight over what Flux has there";
                return Err(refused(format!("it has {kind}/{mark}: {why}")));
            }
        }
        let pods = pods(&objects, wanted.options.pods).await.map_err(answered)?;
        if pods == Pods::Simulated && !objects.list("v1", "Node", None).await.map_err(answered)?.is_empty() {
            let why = "a simulated one would take pods of others";
            return Err(refused(format!("its pods cannot be simulated, as it has nodes of its own: {why}")));
        }
        let version = objects.version().await.map_err(answered)?;
        let simulated = (pods == Pods::Simulated).then_some(Controllers::None);
        let remote = Remote { admin: config.clone(), flux: config, root_ca: String::new(), simulated };
        let made = Made { version, noted: Mutex::default() };
        remote.handle(wanted, Keep::Existing(made)).await
    }
}

/// Who runs the pods of a cluster that is there.
pub(super) async fn pods(objects: &Objects, wanted: Pods) -> kube::Result<Pods> {
    match wanted {
        Pods::Auto if objects.list("v1", "Node", None).await?.is_empty() => Ok(Pods::Simulated),
        Pods::Auto => Ok(Pods::Real),
        decided => Ok(decided),
    }
}

/// API version, kind, namespace and name.
type Name = [String; 4];

/// What a run makes on a cluster of others.
pub(crate) struct Made {
    /// Everything that the API server had at this resource version is not ours.
    version: u64,
    /// What bootstrap and steps have applied.
    noted: Mutex<BTreeSet<Name>>,
}

impl Made {
    /// Notes that the run applies this object.
    pub(super) fn note(&self, object: &Value) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(name(object));
    }

    /// The objects that the run has made and that are still there, the last made first.
    fn left(&self, cluster: &Handle) -> Vec<Value> {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut old: BTreeSet<String> = BTreeSet::new();
        // By uid: its place in the order of creation, and its last state.
        let mut new: BTreeMap<String, (usize, Value)> = BTreeMap::new();
        let mut place = 0;
        cluster.history.since(0, &mut |past| {
            let uid = past.object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            if past.version <= self.version {
                old.insert(uid);
            } else if past.deleted {
                new.remove(&uid);
            } else if !old.contains(&uid) {
                place += 1;
                new.entry(uid)
                    .and_modify(|(_, last)| last.clone_from(past.object))
                    .or_insert_with(|| (place, past.object.clone()));
            }
            ControlFlow::Continue(())
        });
        let is_ours = |object: &Value| {
            let labelled = object["metadata"]["labels"].get(OWNER_LABEL).is_some();
            labelled || noted.iter().any(|known| same(known, &name(object)))
        };
        let mut ours: Vec<(usize, Value)> = new.into_values().filter(|(_, object)| is_ours(object)).collect();
        ours.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        ours.into_iter().map(|(_, object)| object).collect()
    }

    /// Removes what the run has made.
    ///
    /// # Errors
    /// [`BackendError::Leftover`] names what is still there.
    pub(crate) async fn remove(self, cluster: &mut Handle) -> Result<(), BackendError> {
        let removed = self.remove_objects(cluster).await;
        // The simulated node runs the pods to their end, and would come back while somebody wants it.
        if cluster.workloads.take().is_none() {
            return removed;
        }
        let node = cluster.objects.delete("v1", "Node", None, &cluster.name).await.map(drop);
        let node = missing(node)
            .map_err(|message| BackendError::Leftover { cluster: cluster.name.clone(), message });
        removed.and(node)
    }

    async fn remove_objects(&self, cluster: &Handle) -> Result<(), BackendError> {
        let gone = until(&cluster.clock, REMOVAL, "its objects", || {
            let left = self.left(cluster);
            async move {
                for object in &left {
                    delete(&cluster.objects, object).await?;
                }
                if left.is_empty() {
                    return Ok(());
                }
                let names: Vec<String> = left.iter().map(crate::check::label).collect();
                Err(format!("still there: {}", names.join(", ")))
            }
        });
        gone.await.map_err(|message| BackendError::Leftover { cluster: cluster.name.clone(), message })
    }
}

/// Deletes an object, without the finalizer whose controller has ended.
async fn delete(objects: &Objects, object: &Value) -> Result<(), String> {
    let [api_version, kind, namespace, name] = name(object);
    let namespace = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let there = objects.get(&api_version, &kind, namespace, &name).await.map_err(|error| words(&error))?;
    let Some(there) = there.filter(|there| there["metadata"]["uid"] == object["metadata"]["uid"]) else {
        return Ok(());
    };
    let finalizers = there["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        let kept: Vec<&Value> = finalizers.iter().filter(|finalizer| **finalizer != FINALIZER).collect();
        let patch = Patch::Merge(json!({"metadata": {"finalizers": kept}}));
        missing(objects.patch(&api_version, &kind, namespace, &name, "seatrial", &patch).await.map(drop))?;
    }
    if there["metadata"].get("deletionTimestamp").is_none() {
        missing(objects.delete(&api_version, &kind, namespace, &name).await.map(drop))?;
    }
    Ok(())
}

fn missing(result: kube::Result<()>) -> Result<(), String> {
    match result {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        result => result.map_err(|error| words(&error)),
    }
}

fn name(object: &Value) -> Name {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    [
        text(&object["apiVersion"]),
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
    ]
}

/// Whether a noted name is that of an object: an object that was applied without a namespace has got one.
fn same(noted: &Name, object: &Name) -> bool {
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    group(&noted[0]) == group(&object[0])
        && noted[1] == object[1]
        && noted[3] == object[3]
        && (noted[2] == object[2] || noted[2].is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const FILE: &str = "apiVersion: v1\nkind: Config\nclusters:\n- {name: c, cluster: {server: 'https://127.0.0.1:1'}}\n\
        users:\n- {name: u, user: {}}\ncontexts:\n- {name: kind-b, context: {cluster: c, user: u}}\n\
        - {name: live, context: {cluster: c, user: u}}\n";

    #[rstest]
    #[case::allowed("beta=kind-b", "kind-b", "")]
    #[case::no_context("", "kind-b", "the cluster beta has no context: add --context beta=CONTEXT")]
    #[case::not_allowed("beta=live", "kind-b", "the context \"live\" is not allowed")]
    #[case::nothing_allowed("beta=live", "", "the context \"live\" is not allowed")]
    #[case::not_there("beta=gone", "gone", "the kubeconfig file has no context \"gone\"")]
    fn only_contexts_that_were_allowed_by_name_are_used(
        #[case] context: &str,
        #[case] allowed: &str,
        #[case] want: &str,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, FILE).unwrap();
        let pair = |(cluster, context): (&str, &str)| (cluster.to_owned(), context.to_owned());
        let options = BackendOptions {
            kubeconfig: Some(file),
            contexts: context.split_once('=').map(pair).into_iter().collect(),
            allowed_contexts: Some(allowed.to_owned()).into_iter().filter(|a| !a.is_empty()).collect(),
            ..BackendOptions::default()
        };
        match preflight(&options, &BTreeSet::from(["beta".to_owned()])) {
            Ok(()) => assert_eq!(want, ""),
            Err(error) => assert!(!want.is_empty() && error.to_string().contains(want), "{error}"),
        }
    }

    #[test]
    fn two_clusters_cannot_share_a_context() {
        let both = |name: &str| (name.to_owned(), "kind-b".to_owned());
        let options = BackendOptions {
            contexts: [both("a"), both("b")].into(),
            allowed_contexts: ["kind-b".to_owned()].into(),
            ..BackendOptions::default()
        };
        let error = preflight(&options, &["a".to_owned(), "b".to_owned()].into()).unwrap_err();
        assert!(error.to_string().contains("the clusters a and b have the same context"), "{error}");
    }
}
