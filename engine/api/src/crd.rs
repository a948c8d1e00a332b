//! The CustomResourceDefinitions that a release installs.

mod structural;

use crate::catalog::{FluxKind, KINDS};
use crate::kustomization::Kustomization;
use crate::release::FluxRelease;
use crate::source::{GitRepository, OCIRepository};
use kube::CustomResourceExt;
use serde_json::{Value, json};

/// The CustomResourceDefinitions of all kinds that `flux` has, sorted by name.
pub fn crds(flux: FluxRelease) -> Vec<Value> {
    let mut all: Vec<Value> = KINDS.iter().filter_map(|kind| crd(kind, flux)).collect();
    all.sort_by(|a, b| name(a).cmp(name(b)));
    all
}

fn name(crd: &Value) -> &str {
    crd["metadata"]["name"].as_str().unwrap_or_default()
}

fn crd(kind: &FluxKind, flux: FluxRelease) -> Option<Value> {
    let stored = *kind.versions(flux).first()?;
    let mut schema = schema(kind);
    if flux == FluxRelease::V2_2_3 {
        structural::remove(&mut schema, newer_than_2_2_3(kind.kind));
    }
    let versions: Vec<Value> = kind
        .versions(flux)
        .iter()
        .map(|version| {
            json!({
                "name": version,
                "served": true,
                "storage": *version == stored,
                "additionalPrinterColumns": columns(kind),
                "schema": { "openAPIV3Schema": schema },
                "subresources": { "status": {} },
            })
        })
        .collect();
    let lower = kind.kind.to_lowercase();
    let mut names = json!({
        "kind": kind.kind,
        "listKind": format!("{}List", kind.kind),
        "plural": kind.plural,
        "singular": lower,
    });
    if !kind.short_names.is_empty() {
        names["shortNames"] = json!(kind.short_names);
    }
    Some(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{}.{}", kind.plural, kind.group),
            "labels": {
                "app.kubernetes.io/instance": "flux-system",
                "app.kubernetes.io/part-of": "flux",
                "app.kubernetes.io/version": format!("v{}", flux.full()),
            },
        },
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
        },
    }))
}

fn columns(kind: &FluxKind) -> Value {
    let mut columns: Vec<Value> = kind
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "type": column.type_, "jsonPath": column.json_path }))
        .collect();
    columns.push(json!({ "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" }));
    for (name, field) in [("Ready", "status"), ("Status", "message")] {
        columns.push(json!({
            "name": name,
            "type": "string",
            "jsonPath": format!(".status.conditions[?(@.type==\"Ready\")].{field}"),
        }));
    }
    Value::Array(columns)
}

/// The schema of a kind: generated from its type, or one that keeps what it does not know.
fn schema(kind: &FluxKind) -> Value {
    let mut schema = match kind.kind {
        "GitRepository" => structural::of(&GitRepository::crd()),
        "Kustomization" => structural::of(&Kustomization::crd()),
        "OCIRepository" => structural::of(&OCIRepository::crd()),
        _ => permissive(),
    };
    // Until a controller has seen an object, nobody may take it for ready: no generation is -1.
    schema["properties"]["status"]["default"] = json!({ "observedGeneration": -1 });
    schema
}

fn permissive() -> Value {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let mut status = open.clone();
    status["properties"] = json!({ "observedGeneration": { "type": "integer", "format": "int64" } });
    json!({
        "type": "object",
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
            "spec": open,
            "status": status,
        },
    })
}

/// Fields that came after Flux 2.2.3: its API server prunes them.
fn newer_than_2_2_3(kind: &str) -> &'static [&'static str] {
    match kind {
        "Kustomization" => &[
            "spec.buildMetadata",
            "spec.decryption.serviceAccountName",
            "spec.deletionPolicy",
            "spec.dependsOn[].readyExpr",
            "spec.healthCheckExprs",
            "spec.ignore",
            "spec.ignoreMissingComponents",
            "spec.kubeConfig.configMapRef",
            "spec.namePrefix",
            "spec.nameSuffix",
            "spec.postBuild.substituteStrategy",
            "status.history",
            "status.lastAppliedOriginRevision",
        ],
        "GitRepository" => &[
            "spec.provider",
            "spec.serviceAccountName",
            "spec.sparseCheckout",
            "status.observedSparseCheckout",
        ],
        "OCIRepository" => {
            &["spec.proxySecretRef", "spec.ref.semverFilter", "spec.verify.trustedRootSecretRef"]
        }
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
