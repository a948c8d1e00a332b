//! What is told of an object.

use crate::wait::condition;
use crate::{ApiError, Session, VerbError};
use seatrial_engine::ObjectRef;
use serde_json::Value;

const GROUP: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";
/// Owners of owners are followed this far.
const MAX_OWNERS: usize = 32;

/// The text about an object; an error in its place where it is not managed by Flux, or where a part of the chain is
/// missing.
pub(super) async fn trace(session: &Session, object: &Value) -> Result<Result<String, String>, VerbError> {
    let who = ObjectRef::of(object);
    let failed = |why: String| {
        Ok(Err(format!("failed to trace {}/{} in namespace {}: {why}", who.kind, who.name, who.namespace)))
    };
    let Some(owner) = owner(session, object).await? else {
        return failed("object not managed by Flux".to_owned());
    };
    let (namespace, name) = match owner {
        Owner::Kustomization { namespace, name } => (namespace, name),
        Owner::Release => {
            return failed("objects of a HelmRelease are not traced yet by seatrial".to_owned());
        }
    };
    let kustomization = match session.flux_object(GROUP, "Kustomization", &namespace, &name).await {
        Ok(found) => found,
        Err(error) => return missing(error, "kustomization").map_or_else(Err, failed),
    };
    let mut text = String::from("\n");
    line(&mut text, "Object", &format!("{}/{}", who.kind, who.name));
    if !who.namespace.is_empty() {
        line(&mut text, "Namespace", &who.namespace);
    }
    line(&mut text, "Status", "Managed by Flux");
    let spec = &kustomization["spec"];
    section(&mut text, "Kustomization", &name, &namespace);
    optional(&mut text, "Target", &spec["targetNamespace"]);
    line(&mut text, "Path", spec["path"].as_str().unwrap_or_default());
    optional(&mut text, "Revision", &kustomization["status"]["lastAppliedRevision"]);
    status(&mut text, &kustomization);
    let reference = &spec["sourceRef"];
    let kind = reference["kind"].as_str().unwrap_or_default();
    let name = reference["name"].as_str().unwrap_or_default();
    let namespace = reference["namespace"].as_str().unwrap_or(&namespace);
    if !["GitRepository", "OCIRepository"].contains(&kind) {
        return failed(format!("sources of kind {kind} are not traced yet by seatrial"));
    }
    let source = match session.flux_object(SOURCE, kind, namespace, name).await {
        Ok(found) => found,
        Err(error) => return missing(error, kind).map_or_else(Err, failed),
    };
    section(&mut text, kind, name, namespace);
    tell_source(&mut text, kind, &source);
    status(&mut text, &source);
    Ok(Ok(text))
}

fn missing(error: ApiError, what: &str) -> Result<String, VerbError> {
    match error {
        ApiError::Refused { message, .. } => Ok(format!("failed to find {what}: {message}")),
        other => Err(other.into()),
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!("{:<17}{value}\n", format!("{name}:")));
}

fn optional(text: &mut String, name: &str, value: &Value) {
    if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
        line(text, name, value);
    }
}

fn section(text: &mut String, kind: &str, name: &str, namespace: &str) {
    text.push_str("---\n");
    line(text, kind, name);
    line(text, "Namespace", namespace);
}

fn tell_source(text: &mut String, kind: &str, source: &Value) {
    let reference = &source["spec"]["ref"];
    optional(text, "URL", &source["spec"]["url"]);
    let said = |field: &str| reference[field].as_str().is_some_and(|value| !value.is_empty());
    if kind == "GitRepository" {
        match ["tag", "semver"].into_iter().find(|field| said(field)) {
            Some(field) => optional(text, "Tag", &reference[field]),
            None => optional(text, "Branch", &reference["branch"]),
        }
    } else {
        match ["tag", "semver"].into_iter().find(|field| said(field)) {
            Some(field) => optional(text, "Tag", &reference[field]),
            None => optional(text, "Digest", &reference["digest"]),
        }
    }
    let artifact = &source["status"]["artifact"];
    optional(text, "Revision", &artifact["revision"]);
    if kind == "OCIRepository" {
        optional(text, "Origin Revision", &artifact["metadata"]["org.opencontainers.image.revision"]);
        optional(text, "Origin Source", &artifact["metadata"]["org.opencontainers.image.source"]);
    }
}

fn status(text: &mut String, object: &Value) {
    let Some(ready) = condition(object, "Ready") else { return line(text, "Status", "Unknown") };
    let time = ready["lastTransitionTime"].as_str().unwrap_or_default();
    let time = time.replace('T', " ").replace('Z', " +0000 UTC");
    line(text, "Status", &format!("Last reconciled at {time}"));
    line(text, "Message", ready["message"].as_str().unwrap_or_default());
}

/// Who manages an object.
enum Owner {
    Kustomization { namespace: String, name: String },
    Release,
}

/// The owner that the labels of an object say, or those of an object that owns it.
async fn owner(session: &Session, object: &Value) -> Result<Option<Owner>, VerbError> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let mut todo = vec![object.clone()];
    let mut seen = 0;
    while let Some(object) = todo.pop() {
        let label = |group: &str, field: &str| {
            object["metadata"]["labels"][format!("{group}/{field}")].as_str().map(str::to_owned)
        };
        if let (Some(namespace), Some(name)) = (label(GROUP, "namespace"), label(GROUP, "name")) {
            return Ok(Some(Owner::Kustomization { namespace, name }));
        }
        if label(HELM, "name").is_some() {
            return Ok(Some(Owner::Release));
        }
        for reference in object["metadata"]["ownerReferences"].as_array().into_iter().flatten() {
            seen += 1;
            if seen > MAX_OWNERS {
                return Ok(None);
            }
            todo.extend(read(session, reference, &namespace).await?);
        }
    }
    Ok(None)
}

/// The object that an owner reference names, where it exists.
async fn read(session: &Session, reference: &Value, namespace: &str) -> Result<Option<Value>, VerbError> {
    let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let served = session.group(group).await?;
    let resource = served.iter().find(|known| known.kind == kind && known.api_version == version);
    let Some(resource) = resource else { return Ok(None) };
    let found = session.find(&resource.object(Some(namespace), &text("name"))).await?;
    Ok(found.map(|found| found.as_ref().clone()))
}
