//! What the server itself fills in or keeps, beyond defaults.

mod service;

pub(crate) use service::Allocated;

use serde_json::{Value, json};

use crate::codec::Quantity;
use crate::kind::Kind;
use crate::meta;
use crate::serve::Ctx;
use crate::status::{Refusal, Result};
use crate::store::State;

/// Completes an object that is being created.
pub(crate) fn create(ctx: &mut Ctx<'_>, kind: &Kind, object: &mut Value) -> Result<()> {
    if kind.is_custom() {
        return Ok(());
    }
    match (kind.group.as_ref(), kind.kind.as_ref()) {
        ("", "Namespace") => {
            meta::map_mut(object, "spec").entry("finalizers").or_insert_with(|| json!(["kubernetes"]));
        }
        ("", "Service") => {
            let reached = meta::at(object, &["spec", "externalIPs"]).and_then(Value::as_array);
            if meta::text(object, &["spec", "clusterIP"]) == "None"
                && reached.is_some_and(|ips| !ips.is_empty())
            {
                ctx.warnings.push("spec.externalIPs is ignored for headless services".to_owned());
            }
            service::complete(ctx, kind, None, object)?;
        }
        ("storage.k8s.io", "CSIDriver") => {
            let tokens = meta::at(object, &["spec", "tokenRequests"]).and_then(Value::as_array);
            let told = meta::at(object, &["spec", "serviceAccountTokenInSecrets"]).is_some();
            if tokens.is_some_and(|t| !t.is_empty()) && !told {
                ctx.warnings.push("spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes".to_owned());
            }
        }
        ("", "Pod") => pod(ctx, kind, object)?,
        ("", "PersistentVolumeClaim") => {
            data_sources(object);
            storage_class(ctx.state, object);
            protect(object, "kubernetes.io/pvc-protection");
        }
        ("", "PersistentVolume") => {
            protect(object, "kubernetes.io/pv-protection");
            phase_changed(object, ctx.now);
        }
        ("storage.k8s.io", "VolumeAttributesClass") => protect(object, "kubernetes.io/vac-protection"),
        ("", "Node") => taint(object),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crate::crd::complete(object, None),
        _ => {}
    }
    Ok(())
}

/// Completes an object that is being updated.
pub(crate) fn update(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    live: &Value,
    new: &mut Value,
    subresource: &str,
) -> Result<()> {
    if kind.is_custom() {
        return Ok(());
    }
    match (kind.group.as_ref(), kind.kind.as_ref(), subresource) {
        ("", "Namespace", "") => {
            // Only the `finalize` subresource writes these.
            let finalizers = meta::at(live, &["spec", "finalizers"]).cloned();
            if let Some(finalizers) = finalizers {
                meta::map_mut(new, "spec").insert("finalizers".to_owned(), finalizers);
            }
        }
        ("", "Service", "") => service::complete(ctx, kind, Some(live), new)?,
        ("", "PersistentVolume", "status")
            if meta::text(live, &["status", "phase"]) != meta::text(new, &["status", "phase"]) =>
        {
            phase_changed(new, ctx.now);
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition", "") => crate::crd::complete(new, Some(live)),
        ("", "PersistentVolumeClaim", "") => data_sources(new),
        ("", "Pod", "") => {
            keep(live, new, &["priority", "preemptionPolicy", "enableServiceLinks"]);
            tolerate(new);
        }
        ("apps", "DaemonSet", "") => template_generation(live, new),
        _ => {}
    }
    Ok(())
}

/// Checks a valid update: what the server's admission looks at last.
pub(crate) fn verify(ctx: &Ctx<'_>, kind: &Kind, live: &Value, new: &Value) -> Result<()> {
    if !kind.is("", "PersistentVolumeClaim") || meta::text(live, &["status", "phase"]) != "Bound" {
        return Ok(());
    }
    let asked = |object| meta::text(object, &["spec", "resources", "requests", "storage"]);
    let (Some(old), Some(now)) = (Quantity::parse(asked(live)), Quantity::parse(asked(new))) else {
        return Ok(());
    };
    let class = meta::text(live, &["spec", "storageClassName"]);
    let classes = ctx.state.tables.get("storageclasses.storage.k8s.io");
    let mut classes = classes.into_iter().flat_map(|t| t.objects.values()).map(|o| o.value());
    let grows = classes.any(|c| meta::name(c) == class && c["allowVolumeExpansion"] == true);
    if now.compare(&old).is_gt() && !grows {
        let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
        return Err(Refusal::forbidden(kind, meta::name(new), why));
    }
    Ok(())
}

/// The two fields of a claim that name what it is filled with say the same. The older one takes claims and snapshots alone.
fn data_sources(claim: &mut Value) {
    let spec = meta::map_mut(claim, "spec");
    let old = |source: &Value| {
        let (group, kind) = (meta::text(source, &["apiGroup"]), meta::text(source, &["kind"]));
        matches!((group, kind), ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot"))
    };
    if spec.get("dataSource").is_some_and(|source| !old(source)) && !spec.contains_key("dataSourceRef") {
        spec.remove("dataSource");
    }
    match (spec.get("dataSource").cloned(), spec.get("dataSourceRef").cloned()) {
        (Some(source), None) => spec.insert("dataSourceRef".to_owned(), source),
        (None, Some(source)) if meta::text(&source, &["namespace"]).is_empty() => {
            spec.insert("dataSource".to_owned(), source)
        }
        _ => None,
    };
}

/// Keeps fields of the live spec where the new one has none.
fn keep(live: &Value, new: &mut Value, fields: &[&str]) {
    let Some(old) = live.get("spec").and_then(Value::as_object) else { return };
    let spec = meta::map_mut(new, "spec");
    for field in fields {
        if !spec.contains_key(*field)
            && let Some(value) = old.get(*field)
        {
            spec.insert((*field).to_owned(), value.clone());
        }
    }
}

fn pod(ctx: &mut Ctx<'_>, kind: &Kind, object: &mut Value) -> Result<()> {
    let name = meta::name(object).to_owned();
    let class = meta::text(object, &["spec", "priorityClassName"]).to_owned();
    let (mut priority, mut preemption) = (json!(0), json!("PreemptLowerPriority"));
    let classes = ctx.state.tables.get("priorityclasses.scheduling.k8s.io");
    let mut classes = classes.into_iter().flat_map(|t| t.objects.values()).map(|o| o.value());
    let found = if class.is_empty() {
        classes.find(|c| c.get("globalDefault") == Some(&Value::Bool(true)))
    } else {
        let found = classes.find(|c| meta::name(c) == class);
        if found.is_none() {
            let why = format!("no PriorityClass with name {class} was found");
            return Err(Refusal::forbidden(kind, &name, &why));
        }
        found
    };
    let mut default_class = None;
    if let Some(found) = found {
        priority = found.get("value").cloned().unwrap_or(priority);
        preemption = found.get("preemptionPolicy").cloned().unwrap_or(preemption);
        default_class = class.is_empty().then(|| meta::name(found).to_owned());
    }
    let spec = meta::map_mut(object, "spec");
    if let Some(class) = default_class {
        spec.insert("priorityClassName".to_owned(), class.into());
    }
    spec.insert("priority".to_owned(), priority);
    spec.insert("preemptionPolicy".to_owned(), preemption);
    // The admission of service accounts; that the account exists, and its token, is not looked at.
    spec.entry("serviceAccountName").or_insert_with(|| "default".into());
    let account = spec.get("serviceAccountName").cloned().unwrap_or_else(|| "default".into());
    spec.insert("serviceAccount".to_owned(), account);
    tolerate(object);
    let class = quality_of_service(object);
    let gated = meta::at(object, &["spec", "schedulingGates"]).and_then(Value::as_array);
    let gated = gated.is_some_and(|gates| !gates.is_empty());
    let status = meta::map_mut(object, "status");
    if gated {
        let condition = json!({"type": "PodScheduled", "status": "False", "lastProbeTime": null,
            "lastTransitionTime": meta::rfc3339(ctx.now), "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates"});
        status.insert("conditions".to_owned(), json!([condition]));
    }
    status.insert("phase".to_owned(), "Pending".into());
    status.insert("qosClass".to_owned(), class.into());
    Ok(())
}

/// Pods bear nodes that are not ready, or not reached, for five minutes, unless they say for how long.
fn tolerate(object: &mut Value) {
    let spec = meta::map_mut(object, "spec");
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    if let Value::Array(list) = tolerations {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let tolerated = list.iter().any(|t| {
                let own = meta::text(t, &["key"]);
                let effect = meta::text(t, &["effect"]);
                (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
            });
            if !tolerated {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
}

/// `Guaranteed` where each container limits processor and memory to what it requests, `BestEffort` where none asks for
/// anything.
fn quality_of_service(pod: &Value) -> &'static str {
    let (mut any, mut all) = (false, true);
    for list in ["containers", "initContainers"] {
        for container in meta::at(pod, &["spec", list]).and_then(Value::as_array).into_iter().flatten() {
            for resource in ["cpu", "memory"] {
                let request = meta::at(container, &["resources", "requests", resource]);
                let limit = meta::at(container, &["resources", "limits", resource]);
                any |= request.is_some() || limit.is_some();
                all &= limit.is_some() && limit == request;
            }
        }
    }
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// Notes when a volume came to its phase.
fn phase_changed(volume: &mut Value, now: jiff::Timestamp) {
    meta::map_mut(volume, "status").insert("lastPhaseTransitionTime".to_owned(), meta::rfc3339(now).into());
}

/// Adds a finalizer that the controller manager takes away when the object is no longer used.
fn protect(object: &mut Value, finalizer: &str) {
    let mut all: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
    if !all.iter().any(|f| f == finalizer) {
        all.push(finalizer.to_owned());
        meta::set_finalizers(object, &all);
    }
}

/// New nodes have a taint, which whoever sees them ready takes away.
fn taint(object: &mut Value) {
    const NOT_READY: &str = "node.kubernetes.io/not-ready";
    let taints = meta::map_mut(object, "spec").entry("taints").or_insert_with(|| json!([]));
    if let Value::Array(taints) = taints
        && !taints.iter().any(|t| t["key"] == NOT_READY && t["effect"] == "NoSchedule")
    {
        taints.push(json!({"effect": "NoSchedule", "key": NOT_READY}));
    }
}

fn storage_class(state: &State, object: &mut Value) {
    if meta::at(object, &["spec", "storageClassName"]).is_some() {
        return;
    }
    const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
    let classes = state.tables.get("storageclasses.storage.k8s.io");
    let default = classes.into_iter().flat_map(|t| t.objects.values()).map(|o| o.value()).find(|c| {
        meta::at(c, &["metadata", "annotations"]).and_then(|a| a.get(DEFAULT)) == Some(&Value::from("true"))
    });
    if let Some(class) = default {
        let name = meta::name(class).to_owned();
        meta::map_mut(object, "spec").insert("storageClassName".to_owned(), name.into());
    }
}

/// The labels and the selector by which a Job finds its Pods.
fn job(object: &mut Value) {
    if meta::at(object, &["spec", "manualSelector"]) == Some(&Value::Bool(true)) {
        return;
    }
    let (uid, name) = (meta::uid(object).to_owned(), meta::name(object).to_owned());
    let spec = meta::map_mut(object, "spec");
    let selector = spec.entry("selector").or_insert_with(|| json!({}));
    meta::map_mut(selector, "matchLabels").insert(CONTROLLER.to_owned(), uid.as_str().into());
    let template = spec.entry("template").or_insert_with(|| json!({}));
    let labels = meta::map_mut(meta::metadata_of(template), "labels");
    for (key, value) in [
        (CONTROLLER, &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels.entry(key).or_insert_with(|| value.as_str().into());
    }
    let labels = labels.clone();
    meta::metadata_mut(object).entry("labels").or_insert(Value::Object(labels));
}

/// The label by which a Job finds its Pods.
const CONTROLLER: &str = "batch.kubernetes.io/controller-uid";

/// Counts the changes of a DaemonSet's template.
fn template_generation(live: &Value, new: &mut Value) {
    const GENERATION: &str = "deprecated.daemonset.template.generation";
    let old = meta::at(live, &["metadata", "annotations", GENERATION]).and_then(Value::as_str);
    let old: u64 = old.and_then(|g| g.parse().ok()).unwrap_or(1);
    let changed = meta::at(live, &["spec", "template"]) != meta::at(new, &["spec", "template"]);
    let generation = old + u64::from(changed);
    meta::map_mut(meta::metadata_of(new), "annotations")
        .insert(GENERATION.to_owned(), generation.to_string().into());
}
