//! Which change of which object wakes which controller.

use crate::context::{Context, owner_key};
use crate::controllers::namespace;
use crate::kubelet::claims;
use crate::labels::selects;
use crate::object::{self, Key, Object, at, label, name, text};
use crate::queue::Queue;
use crate::store::{Handler, Store};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Connects all stores to the queues.
pub(crate) fn connect(context: &Context) {
    let (stores, queues) = (&context.stores, &context.queues);
    stores.deployments.on_change(vec![itself(&queues.deployments)]);
    stores.replica_sets.on_change(vec![
        itself(&queues.replica_sets),
        owner(&queues.deployments, "Deployment"),
        orphan(&stores.deployments, &queues.deployments),
    ]);
    stores.stateful_sets.on_change(vec![itself(&queues.stateful_sets)]);
    stores.daemon_sets.on_change(vec![itself(&queues.daemon_sets)]);
    stores.jobs.on_change(vec![itself(&queues.jobs), owner(&queues.cron_jobs, "CronJob")]);
    stores.cron_jobs.on_change(vec![itself(&queues.cron_jobs)]);
    stores.pods.on_change(vec![
        itself(&queues.pods),
        owner(&queues.replica_sets, "ReplicaSet"),
        owner(&queues.stateful_sets, "StatefulSet"),
        owner(&queues.daemon_sets, "DaemonSet"),
        owner(&queues.jobs, "Job"),
        orphan(&stores.replica_sets, &queues.replica_sets),
        gone_pod(&stores.replica_sets, &queues.deployments),
        released_claims(&queues.volume_claims),
        services_of_pod(&stores.services, &queues.services),
        budgets_of_pod(&stores.pod_disruption_budgets, &queues.pod_disruption_budgets),
    ]);
    stores.config_maps.on_change(vec![
        waiting_pods(&stores.pods, &queues.pods),
        made_for_namespace(&queues.namespaces, namespace::ROOT_CA),
    ]);
    stores.secrets.on_change(vec![waiting_pods(&stores.pods, &queues.pods)]);
    stores
        .service_accounts
        .on_change(vec![made_for_namespace(&queues.namespaces, namespace::SERVICE_ACCOUNT)]);
    stores.namespaces.on_change(vec![itself(&queues.namespaces)]);
    stores
        .persistent_volume_claims
        .on_change(vec![itself(&queues.volume_claims), waiting_pods(&stores.pods, &queues.pods)]);
    stores
        .persistent_volumes
        .on_change(vec![itself(&queues.volumes), claim_of_volume(&queues.volume_claims)]);
    stores.services.on_change(vec![itself(&queues.services)]);
    stores.endpoint_slices.on_change(vec![service_of_slice(&queues.services)]);
    stores.pod_disruption_budgets.on_change(vec![itself(&queues.pod_disruption_budgets)]);
    stores.nodes.on_change(vec![
        itself(&queues.nodes),
        unplaced_pods(&stores.pods, &queues.pods),
        all_of(&stores.daemon_sets, &queues.daemon_sets),
    ]);
    stores.custom_resource_definitions.on_change(vec![itself(&queues.custom)]);
    // The nodes are wanted although nothing has changed yet.
    for node in &context.options.nodes {
        queues.nodes.add(Key::new("", node.clone()));
    }
}

fn either<'a>(old: Option<&'a Object>, new: Option<&'a Object>) -> impl Iterator<Item = &'a Object> {
    new.into_iter().chain(old)
}

fn itself(queue: &Queue) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        if let Some(object) = new.or(old) {
            queue.add(Key::of(object));
        }
    })
}

fn owner(queue: &Queue, kind: &'static str) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        for key in either(old, new).filter_map(|object| owner_key(object, kind)) {
            queue.add(key);
        }
    })
}

/// An object that nobody controls wakes those that may adopt it.
fn orphan(owners: &Arc<Store>, queue: &Queue) -> Handler {
    let (owners, queue) = (owners.clone(), queue.clone());
    Box::new(move |_, new| {
        let Some(object) = new.filter(|object| object::controller(object).is_none()) else { return };
        for owner in owners.in_namespace(object::namespace(object)) {
            if selects(at(&owner, &["spec", "selector"]), at(object, &["metadata", "labels"])) {
                queue.add(Key::of(&owner));
            }
        }
    })
}

/// A pod that is gone (or has ended) lets a Deployment that recreates its pods go on.
fn gone_pod(sets: &Arc<Store>, queue: &Queue) -> Handler {
    let (sets, queue) = (sets.clone(), queue.clone());
    Box::new(move |old, new| {
        if new.is_some() {
            return;
        }
        let set = old.and_then(|pod| owner_key(pod, "ReplicaSet")).and_then(|key| sets.get(&key));
        if let Some(key) = set.and_then(|set| owner_key(&set, "Deployment")) {
            queue.add(key);
        }
    })
}

fn released_claims(queue: &Queue) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        let Some(pod) = old.filter(|_| new.is_none()) else { return };
        for claim in claims(pod) {
            queue.add(Key::new(object::namespace(pod), claim));
        }
    })
}

fn services_of_pod(services: &Arc<Store>, queue: &Queue) -> Handler {
    let (services, queue) = (services.clone(), queue.clone());
    Box::new(move |old, new| {
        let selecting =
            |pod: &Object| services.selecting(object::namespace(pod), at(pod, &["metadata", "labels"]));
        let keys: BTreeSet<Key> =
            either(old, new).flat_map(selecting).map(|service| Key::of(&service)).collect();
        keys.into_iter().for_each(|key| queue.add(key));
    })
}

fn budgets_of_pod(budgets: &Arc<Store>, queue: &Queue) -> Handler {
    let (budgets, queue) = (budgets.clone(), queue.clone());
    Box::new(move |old, new| {
        let Some(pod) = new.or(old) else { return };
        for budget in budgets.in_namespace(object::namespace(pod)) {
            let selector = at(&budget, &["spec", "selector"]);
            if either(old, new).any(|pod| selects(selector, at(pod, &["metadata", "labels"]))) {
                queue.add(Key::of(&budget));
            }
        }
    })
}

/// A ConfigMap, Secret or claim wakes the pods beside it that are not ready: they may have waited for it.
fn waiting_pods(pods: &Arc<Store>, queue: &Queue) -> Handler {
    let (pods, queue) = (pods.clone(), queue.clone());
    Box::new(move |old, new| {
        let Some(object) = new.or(old) else { return };
        for pod in pods.unready(object::namespace(object)) {
            queue.add(Key::of(&pod));
        }
    })
}

fn unplaced_pods(pods: &Arc<Store>, queue: &Queue) -> Handler {
    let (pods, queue) = (pods.clone(), queue.clone());
    Box::new(move |_, _| {
        for pod in pods.all().iter().filter(|pod| text(pod, &["spec", "nodeName"]).is_empty()) {
            queue.add(Key::of(pod));
        }
    })
}

fn all_of(store: &Arc<Store>, queue: &Queue) -> Handler {
    let (store, queue) = (store.clone(), queue.clone());
    Box::new(move |_, _| {
        for object in store.all() {
            queue.add(Key::of(&object));
        }
    })
}

/// An object of this name that every namespace has wakes its namespace.
fn made_for_namespace(queue: &Queue, wanted: &'static str) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        if let Some(object) = new.or(old).filter(|object| name(object) == wanted) {
            queue.add(Key::new("", object::namespace(object)));
        }
    })
}

fn claim_of_volume(queue: &Queue) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        if let Some(claim) = new.or(old).and_then(|volume| at(volume, &["spec", "claimRef"])) {
            queue.add(Key::new(text(claim, &["namespace"]), text(claim, &["name"])));
        }
    })
}

fn service_of_slice(queue: &Queue) -> Handler {
    let queue = queue.clone();
    Box::new(move |old, new| {
        if let Some(slice) = new.or(old)
            && let Some(service) = label(slice, "kubernetes.io/service-name")
        {
            queue.add(Key::new(object::namespace(slice), service.clone()));
        }
    })
}
