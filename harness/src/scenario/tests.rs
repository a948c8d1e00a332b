//! Every file under `fixtures/invalid/scenario` says in its first lines what is wrong with it.

use super::*;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/invalid/scenario")
}

/// The problems of a file as the file's head lists them: `# problem: <line>:<column>: message`. Problems of files that
/// it refers to start with the path.
fn found(file: &Path) -> Vec<String> {
    let folder = file.parent().unwrap();
    match parse_file(file) {
        Ok(_) => Vec::new(),
        Err(invalid) => invalid
            .problems
            .iter()
            .map(|p| {
                let text = p.to_string();
                let own = format!("{}:", file.display());
                let beside = format!("{}/", folder.display());
                let text = text.strip_prefix(&own).unwrap_or(&text);
                text.replace(&beside, "")
            })
            .collect(),
    }
}

#[test]
fn every_invalid_file_gets_exactly_the_problems_that_it_announces() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let file = entry.unwrap().path();
        if !file.is_file() {
            continue;
        }
        count += 1;
        let text = std::fs::read_to_string(&file).unwrap();
        let announced: Vec<&str> =
            text.lines().map_while(|l| l.strip_prefix("# problem: ")).filter(|l| !l.is_empty()).collect();
        let found = found(&file);
        if announced.is_empty() || found != announced {
            wrong.push(format!("{}:\n{}", file.display(), found.join("\n")));
        }
    }
    assert!(count > 30, "the fixtures are there");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_valid_file_is_read_with_the_lines_of_its_steps() {
    let text = "\
apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: first}
spec:
  clusters: {beta: {flux: \"2.2.3\"}}
  git: {gitops: {branch: master}}
  steps:
  - bootstrap: {path: clusters/beta}
  - name: wait
    advance: 1h30m
---
apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: second}
spec:
  clusters: {a: {}}
  steps: [{advance: 1m}]
";
    let read = parse_text(Path::new("x.yaml"), text).unwrap();
    assert_eq!(
        read.iter().map(|s| s.scenario.metadata.name.as_str()).collect::<Vec<_>>(),
        ["first", "second"]
    );
    assert_eq!((read[0].line, read[0].step_lines.clone()), (1, vec![8, 9]));
    assert_eq!((read[1].line, read[1].step_lines.clone()), (12, vec![17]));
    let Action::Bootstrap(bootstrap) = &read[0].scenario.spec.steps[0].action else { panic!("a bootstrap") };
    assert_eq!((bootstrap.cluster.as_deref(), bootstrap.path.as_str()), (None, "clusters/beta"));
    assert!(!bootstrap.read_write_key);
}

#[test]
fn a_scenario_survives_being_written_and_read_again() {
    let text = r#"{"apiVersion": "seatrial.dev/v1alpha1", "kind": "Scenario", "metadata": {"name": "x"}, "spec": {
        "clusters": {"a": {"flux": "2.9"}}, "git": {"g": {}}, "registry": {"r": ["1"]}, "steps": [
        {"commit": {"write": {"a": "b"}, "patch": [{"path": "c", "merge": {"d": null}}], "as": "e"}},
        {"name": "n", "expect": {"within": "1h30m", "resource": {"apiVersion": "v1", "kind": "Pod"}}},
        {"setProfile": {"profiles": [{"outcome": "neverReady"}]}}]}}"#;
    let first = parse_text(Path::new("x.yaml"), text).unwrap();
    let written = serde_json::to_string(&first[0].scenario).unwrap();
    let again = parse_text(Path::new("x.yaml"), &written).unwrap();
    assert_eq!(first[0].scenario, again[0].scenario);
}

/// The walk over the schema would pass over a keyword that it does not know.
#[test]
fn the_schema_contains_only_keywords_that_the_check_understands() {
    const KNOWN: [&str; 25] = [
        "$ref",
        "$defs",
        "$schema",
        "title",
        "description",
        "default",
        "format",
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "oneOf",
        "anyOf",
        "pattern",
        "minimum",
        "maximum",
        "minItems",
        "minLength",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
    ];
    fn walk(schema: &serde_json::Value, unknown: &mut Vec<String>) {
        let Some(map) = schema.as_object() else { return };
        for (key, value) in map {
            match key.as_str() {
                "properties" | "$defs" => value.as_object().unwrap().values().for_each(|s| walk(s, unknown)),
                "oneOf" | "anyOf" => value.as_array().unwrap().iter().for_each(|s| walk(s, unknown)),
                "items" | "additionalProperties" => walk(value, unknown),
                other if KNOWN.contains(&other) => {}
                other => unknown.push(other.to_owned()),
            }
        }
    }
    for schema in [schema(), schema::patch_schema()] {
        let mut unknown = Vec::new();
        walk(&schema, &mut unknown);
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

#[test]
fn every_field_of_the_schema_is_documented() {
    fn walk(path: &str, schema: &serde_json::Value, missing: &mut Vec<String>) {
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            let referred = inner["anyOf"].is_array() || inner.get("$ref").is_some();
            if inner.get("description").is_none() && !referred {
                missing.push(format!("{path}.{name}"));
            }
            walk(&format!("{path}.{name}"), inner, missing);
        }
    }
    let schema = schema();
    let mut missing = Vec::new();
    walk("", &schema, &mut missing);
    for (name, inner) in schema["$defs"].as_object().unwrap() {
        walk(name, inner, &mut missing);
    }
    assert!(missing.is_empty(), "{missing:?}");
}
