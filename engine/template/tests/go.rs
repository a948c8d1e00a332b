//! Templates rendered as Go renders them: `data/recorded.jsonl` has what Go's text/template and Sprig made of each
//! case of `data/cases.txt` (`data/record` records them anew). What differs stands with its cause in `data/known.txt`.

#![allow(clippy::expect_used)]

use std::collections::BTreeMap;

use seatrial_template::{Functions, render};

struct Case {
    functions: Functions,
    data: serde_json::Value,
    template: String,
}

fn cases() -> Vec<Case> {
    let mut shared = serde_json::Value::Null;
    let mut cases = Vec::new();
    for line in include_str!("data/cases.txt").lines() {
        let parts: Vec<&str> = line.splitn(3, '\t').collect();
        match parts.as_slice() {
            ["data", data] => shared = serde_json::from_str(data).expect("data"),
            [functions, data, template] => cases.push(Case {
                functions: if *functions == "sprig" { Functions::Sprig } else { Functions::Builtin },
                data: if *data == "-" { shared.clone() } else { serde_json::from_str(data).expect("data") },
                template: template.replace('⏎', "\n"),
            }),
            _ => {}
        }
    }
    cases
}

#[test]
fn templates_render_as_go_renders_them() {
    let known: BTreeMap<&str, &str> =
        include_str!("data/known.txt").lines().filter_map(|line| line.split_once('\t')).collect();
    let recorded: Vec<serde_json::Value> = include_str!("data/recorded.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a recorded answer"))
        .collect();
    let cases = cases();
    assert_eq!(cases.len(), recorded.len(), "record anew: the cases have changed");
    assert!(cases.len() > 850);
    let mut differences = Vec::new();
    let mut met = 0;
    for (case, recorded) in cases.iter().zip(&recorded) {
        let go = match recorded["error"].as_str() {
            Some(error) => format!("error: {error}"),
            None => recorded["out"].as_str().expect("an output").to_owned(),
        };
        let ours = match render("t", &case.template, &case.data, case.functions) {
            Ok(out) => out,
            Err(error) => format!("error: {error}"),
        };
        let shown = case.template.replace('\n', "⏎");
        if ours == go {
            assert!(!known.contains_key(shown.as_str()), "{shown} is equal and stands in known.txt");
        } else if known.contains_key(shown.as_str()) {
            met += 1;
        } else {
            differences.push(format!("{shown}\n   go: {go:?}\n ours: {ours:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ ({met} known):\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n")
    );
}
