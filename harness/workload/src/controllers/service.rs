//! Services: addresses for load balancers, and EndpointSlices for those with a selector.

use super::slices::{build, same_endpoints};
use crate::api::ApiError;
use crate::context::{Context, Wake};
use crate::events::{Note, Recorder};
use crate::object::{
    Key, Object, at, controller_reference, deleting, list, name, namespace, set, set_at, text, uid,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Brings a Service's address and EndpointSlices up to date.
pub(crate) async fn reconcile(context: &Context, recorder: &Recorder, key: &Key) -> Result<Wake, ApiError> {
    let Some(service) = context.stores.services.get(key).filter(|service| !deleting(service)) else {
        return Ok(None);
    };
    balance(context, recorder, &service).await?;
    if at(&service, &["spec", "selector"]).is_some_and(|selector| selector != &json!({}))
        && text(&service, &["spec", "type"]) != "ExternalName"
    {
        endpoints(context, &service).await?;
    }
    Ok(None)
}

/// Gives a Service of type LoadBalancer an address, counted up from 172.18.255.1; takes it from one that is no longer
/// of that type. A Service with a class of its own is somebody else's.
async fn balance(context: &Context, recorder: &Recorder, service: &Object) -> Result<(), ApiError> {
    let is_balanced = text(service, &["spec", "type"]) == "LoadBalancer"
        && at(service, &["spec", "loadBalancerClass"]).is_none();
    let mut status = service.get("status").cloned().unwrap_or_else(|| json!({}));
    let known = list(&status, &["loadBalancer", "ingress"]);
    if is_balanced && known.is_empty() {
        let address =
            free_address(&context.stores.services.all(), text(service, &["spec", "loadBalancerIP"]));
        set_at(&mut status, &["loadBalancer", "ingress"], json!([{"ip": address, "ipMode": "VIP"}]));
    } else if !is_balanced && !known.is_empty() && text(service, &["spec", "type"]) != "LoadBalancer" {
        set(&mut status, "loadBalancer", json!({}));
    } else {
        return Ok(());
    }
    context.stores.services.write_status(&context.api, service, &status).await?;
    if is_balanced {
        recorder.write(service, &Note::normal("EnsuredLoadBalancer", "Ensured load balancer")).await;
    }
    Ok(())
}

fn free_address(services: &[Object], asked_for: &str) -> String {
    if !asked_for.is_empty() {
        return asked_for.to_owned();
    }
    let used: BTreeSet<&str> = services
        .iter()
        .flat_map(|service| list(service, &["status", "loadBalancer", "ingress"]))
        .map(|ingress| text(ingress, &["ip"]))
        .collect();
    let addresses = (1..255).map(|number| format!("172.18.255.{number}"));
    let more = (0..255_u32).flat_map(|third| (1..255).map(move |number| format!("172.19.{third}.{number}")));
    addresses.chain(more).find(|address| !used.contains(address.as_str())).unwrap_or_default()
}

async fn endpoints(context: &Context, service: &Object) -> Result<(), ApiError> {
    let store = &context.stores.endpoint_slices;
    let pods = context.stores.pods.selected(namespace(service), at(service, &["spec", "selector"]));
    let mut wanted = build(service, &pods);
    let mut known: Vec<Object> = store
        .owned_by(uid(service))
        .into_iter()
        .filter(|slice| {
            crate::object::label(slice, "endpointslice.kubernetes.io/managed-by")
                .is_some_and(|by| by == MANAGER)
                && !deleting(slice)
        })
        .collect();
    // What is right already stays; the rest is updated in place, made, or deleted.
    let mut pending = Vec::new();
    for slice in wanted.drain(..) {
        match known.iter().position(|known| same_endpoints(known, &slice)) {
            Some(index) => {
                known.remove(index);
            }
            None => pending.push(slice),
        }
    }
    for mut slice in pending {
        let place =
            known.iter().position(|known| text(known, &["addressType"]) == text(&slice, &["addressType"]));
        if let Some(index) = place {
            let old = known.remove(index);
            let patch = json!({"endpoints": slice["endpoints"], "ports": slice["ports"],
                "metadata": {"labels": slice["metadata"]["labels"]}});
            store.patch(&context.api, &old, patch).await?;
            continue;
        }
        let slice_name = format!("{}-{}", name(service), context.suffix());
        set_at(&mut slice, &["metadata", "name"], json!(slice_name));
        set_at(&mut slice, &["metadata", "generateName"], json!(format!("{}-", name(service))));
        set_at(&mut slice, &["metadata", "ownerReferences"], json!([controller_reference(service)]));
        store.create(&context.api, &slice).await?;
    }
    for surplus in known {
        store.delete(&context.api, &surplus, None, None).await?;
    }
    Ok(())
}

/// The labels of a Service's slices.
pub(super) fn slice_labels(service: &Value) -> Value {
    let mut labels = at(service, &["metadata", "labels"]).cloned().unwrap_or_else(|| json!({}));
    set(&mut labels, "endpointslice.kubernetes.io/managed-by", json!(MANAGER));
    set(&mut labels, "kubernetes.io/service-name", json!(name(service)));
    if text(service, &["spec", "clusterIP"]) == "None" {
        set(&mut labels, "service.kubernetes.io/headless", json!(""));
    }
    labels
}
