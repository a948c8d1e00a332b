//! Versions, constraints and choices as the Go libraries make them: `data/recorded.jsonl` (`data/record` records anew).

#![allow(clippy::expect_used, reason = "this is a test")]

use std::cmp::Ordering;

use seatrial_semver::{Constraint, Version, highest};
use serde_json::Value;

#[test]
fn versions_and_constraints_are_read_as_the_go_library_reads_them() {
    let mut valid: Vec<(String, Version)> = Vec::new();
    let (mut constraints, mut choices, mut orders) = (0, 0, 0);
    let mut differences = Vec::new();
    for line in include_str!("data/recorded.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| line[key].as_str();
        if let Some(version) = text("version") {
            let ours = match Version::parse(version) {
                Ok(parsed) => {
                    valid.push((version.to_owned(), parsed));
                    String::new()
                }
                Err(error) => error.to_string(),
            };
            if Some(ours.as_str()) != text("error") {
                differences.push(format!("{version}: {ours:?}, Go {:?}", text("error")));
            }
        } else if let Some(wanted) = text("order") {
            let (name, version) = &valid[orders];
            assert_eq!(Some(name.as_str()), text("of"));
            orders += 1;
            let ours: String = valid
                .iter()
                .map(|(_, other)| match version.cmp(other) {
                    Ordering::Less => '0',
                    Ordering::Equal => '1',
                    Ordering::Greater => '2',
                })
                .collect();
            if ours != wanted {
                differences.push(format!("order of {name}\n  {ours}\n  {wanted}"));
            }
        } else if let Some(constraint) = text("constraint") {
            constraints += 1;
            match (Constraint::parse(constraint), text("error")) {
                (Err(error), Some(wanted)) if error.to_string() == wanted => {}
                (Err(error), wanted) => differences.push(format!("{constraint:?}: {error}, Go {wanted:?}")),
                (Ok(_), Some(wanted)) => differences.push(format!("{constraint:?} is taken, Go {wanted}")),
                (Ok(parsed), None) => {
                    let holds = text("holds").expect("an answer");
                    let wrong: Vec<String> = valid
                        .iter()
                        .zip(holds.chars())
                        .filter(|((_, version), go)| parsed.contains(version) != (*go == '1'))
                        .map(|((name, _), go)| format!("{name} (Go {go})"))
                        .collect();
                    if !wrong.is_empty() {
                        differences.push(format!("{constraint:?}: {}", wrong.join(" ")));
                    }
                }
            }
        } else if let Some(range) = text("range") {
            choices += 1;
            let tags: Vec<&str> =
                line["tags"].as_array().expect("tags").iter().filter_map(Value::as_str).collect();
            let ours = Constraint::parse(range).ok().and_then(|range| highest(&range, tags.iter().copied()));
            let ours = ours.map_or("", |(tag, _)| tag);
            // Where several are equal, Go's sort is not stable: any of them will do.
            let go = text("highest").expect("an answer");
            let equal = match (Version::parse(ours), Version::parse(go)) {
                (Ok(ours), Ok(go)) => ours == go,
                _ => ours == go,
            };
            if !equal {
                differences.push(format!("{range:?} of {tags:?}: {ours}, Go {go}"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences in {constraints} constraints and {choices} choices:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(constraints >= 900 && choices >= 300 && orders == valid.len());
}
