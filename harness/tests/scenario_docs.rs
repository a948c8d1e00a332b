//! The reference of scenario files, against the format itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_harness::scenario::{parse_text, schema};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn reference() -> String {
    fs::read_to_string(root().join("docs/scenarios.md")).unwrap()
}

/// The blocks of the reference that are marked as YAML, each with the line on which it begins.
fn yaml_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((index + 2, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, block)), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect()
}

/// A block as a whole scenario: one already, a list of patches, or a list of steps.
fn as_scenario(block: &str) -> String {
    let steps = if block.starts_with("apiVersion: seatrial.dev") {
        return block.to_owned();
    } else if block.starts_with("- {path: ") {
        format!("  - commit:\n      patch:\n{}", indented(block, 6))
    } else {
        indented(block, 2)
    };
    format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: example}}\nspec:\n  \
         clusters: {{beta: {{}}}}\n  git: {{gitops: {{from: ../../fixtures/monorepo, branch: master}}}}\n  \
         registry: {{btoll/debug: [latest], ghcr.io/owls/manifests: [], ghcr.io/owls/shop: {{tokens: {{}}}}}}\n  steps:\n{steps}"
    )
}

/// Every name of a property, and every word that is a value, anywhere in a schema.
fn words<'a>(schema: &'a Value, found: &mut BTreeSet<&'a str>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().map(String::as_str));
            }
            found.extend(map.get("const").and_then(Value::as_str));
            map.values().for_each(|value| words(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| words(value, found)),
        _ => {}
    }
}

#[test]
fn the_schema_file_is_that_of_the_format() {
    let path = root().join("docs/schema/scenario.json");
    let want = format!("{:#}\n", schema());
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        fs::write(&path, &want).unwrap();
    }
    let have = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        have == want,
        "docs/schema/scenario.json is out of date: run this test once with SEATRIAL_RECORD=1"
    );
}

#[test]
fn the_reference_names_every_field_step_and_value() {
    let (schema, text) = (schema(), reference());
    let mut found = BTreeSet::new();
    words(&schema, &mut found);
    assert!(found.len() > 60, "the schema has only {found:?}");
    let missing: Vec<&str> = found.into_iter().filter(|word| !text.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "docs/scenarios.md does not explain {missing:?}");
}

#[test]
fn every_step_has_a_heading_of_its_own() {
    let (schema, text) = (schema(), reference());
    let steps = schema["$defs"]["Step"]["properties"].as_object().unwrap();
    let missing: Vec<&String> = steps
        .keys()
        .filter(|verb| *verb != "name")
        .filter(|verb| !text.lines().any(|l| l.starts_with("### ") && l.contains(&format!("`{verb}`"))))
        .collect();
    assert!(missing.is_empty(), "docs/scenarios.md has no heading for {missing:?}");
}

#[test]
fn the_examples_of_the_reference_are_valid() {
    // Where the reference says that the first example is saved: paths are relative to it.
    let file = root().join("scenarios/config/first.yaml");
    let text = reference();
    let blocks = yaml_blocks(&text);
    assert!(blocks.iter().any(|(_, block)| block.starts_with("apiVersion: seatrial.dev")));
    for (line, block) in blocks {
        let scenario = as_scenario(&block);
        if let Err(error) = parse_text(&file, &scenario) {
            panic!("the example on line {line} of docs/scenarios.md:\nfailed to {error}\n\n{scenario}");
        }
    }
}
