use super::*;
use rstest::rstest;

fn find(flux: FluxRelease, kind: &str) -> Value {
    crds(flux).into_iter().find(|crd| crd["spec"]["names"]["kind"] == kind).expect("a kind of the release")
}

/// What a structural schema demands of every node; returns the path of the first offence.
fn offence(schema: &Value, path: &str) -> Option<String> {
    let fields = schema.as_object()?;
    let open = fields.contains_key("x-kubernetes-preserve-unknown-fields");
    let either = fields.contains_key("x-kubernetes-int-or-string");
    if !fields.get("type").is_some_and(Value::is_string) && !open && !either {
        return Some(format!("{path}: no type"));
    }
    for banned in ["nullable", "$ref", "anyOf", "oneOf", "allOf", "not", "definitions", "title"] {
        if fields.contains_key(banned) {
            return Some(format!("{path}: {banned}"));
        }
    }
    if fields.contains_key("properties") && fields.contains_key("additionalProperties") {
        return Some(format!("{path}: properties and additionalProperties"));
    }
    let properties = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
    for (name, inner) in properties {
        if let Some(offence) = offence(inner, &format!("{path}.{name}")) {
            return Some(offence);
        }
    }
    ["items", "additionalProperties"]
        .into_iter()
        .filter_map(|name| fields.get(name).map(|inner| (name, inner)))
        .find_map(|(name, inner)| offence(inner, &format!("{path}.{name}")))
}

#[rstest]
#[case(FluxRelease::V2_2_3, 13)]
#[case(FluxRelease::V2_9, 15)]
fn every_schema_is_structural(#[case] flux: FluxRelease, #[case] count: usize) {
    let all = crds(flux);
    assert_eq!(all.len(), count);
    for crd in all {
        for version in crd["spec"]["versions"].as_array().expect("versions") {
            let schema = &version["schema"]["openAPIV3Schema"];
            assert_eq!(offence(schema, name(&crd)), None);
            assert_eq!(version["subresources"], json!({ "status": {} }));
        }
    }
}

#[rstest]
#[case("Kustomization", "spec.dependsOn[].readyExpr")]
#[case("Kustomization", "spec.ignore")]
#[case("Kustomization", "spec.postBuild.substituteStrategy")]
#[case("Kustomization", "status.history")]
#[case("GitRepository", "spec.sparseCheckout")]
#[case("OCIRepository", "spec.ref.semverFilter")]
fn a_field_is_served_from_the_release_that_has_it(#[case] kind: &str, #[case] path: &str) {
    let has = |flux| {
        let crd = find(flux, kind);
        let mut at = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        for step in path.split('.') {
            at = &at["properties"][step.trim_end_matches("[]")];
            if step.ends_with("[]") {
                at = &at["items"];
            }
        }
        !at.is_null()
    };
    assert!(has(FluxRelease::V2_9));
    assert!(!has(FluxRelease::V2_2_3));
}

#[test]
fn the_kustomization_is_what_kubectl_shows() {
    let crd = find(FluxRelease::V2_9, "Kustomization");
    assert_eq!(crd["metadata"]["name"], "kustomizations.kustomize.toolkit.fluxcd.io");
    assert_eq!(crd["spec"]["names"]["shortNames"], json!(["ks"]));
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    let version = &crd["spec"]["versions"][0];
    let columns: Vec<&str> = version["additionalPrinterColumns"]
        .as_array()
        .expect("columns")
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(columns, ["Age", "Ready", "Status"]);
    let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert_eq!(spec["required"], json!(["interval", "prune", "sourceRef"]));
    assert_eq!(spec["properties"]["interval"]["pattern"], r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$");
    assert_eq!(
        spec["properties"]["sourceRef"]["properties"]["kind"]["enum"],
        json!(["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"])
    );
    assert_eq!(
        spec["properties"]["buildMetadata"]["items"]["pattern"],
        "^(originAnnotations|transformerAnnotations)$"
    );
}

#[test]
fn the_status_may_be_absent_and_its_conditions_are_complete() {
    let crd = find(FluxRelease::V2_9, "GitRepository");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(schema["required"], json!(["spec"]));
    assert_eq!(schema["properties"]["status"]["default"], json!({ "observedGeneration": -1 }));
    let condition = &schema["properties"]["status"]["properties"]["conditions"]["items"];
    assert_eq!(condition["required"], json!(["lastTransitionTime", "message", "reason", "status", "type"]));
    assert_eq!(condition["properties"]["status"]["enum"], json!(["True", "False", "Unknown"]));
}

#[test]
fn a_spec_survives_its_type() {
    let spec = json!({
        "dependsOn": [{ "name": "infrastructure" }],
        "interval": "1m0s",
        "path": "./config/beta",
        "prune": true,
        "sourceRef": { "kind": "GitRepository", "name": "applications" },
        "timeout": "1m0s",
        "wait": true,
    });
    let typed: crate::kustomization::KustomizationSpec =
        serde_json::from_value(spec.clone()).expect("a valid spec");
    assert_eq!(serde_json::to_value(typed).expect("serializes"), spec);
}
