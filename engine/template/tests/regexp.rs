//! Regular expressions as Go has them: `data/regexp.jsonl` (`data/record` records anew).

#![allow(clippy::expect_used, reason = "this is a test")]

use seatrial_template::regexp::Regexp;
use serde_json::{Value, json};

#[test]
fn expressions_match_and_expand_as_in_go() {
    let mut differences = Vec::new();
    let (mut patterns, mut questions) = (0, 0);
    for line in include_str!("data/regexp.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let pattern = line["pattern"].as_str().expect("a pattern");
        patterns += 1;
        let compiled = match (Regexp::new(pattern), line["error"].as_str()) {
            (Ok(compiled), None) => compiled,
            (Err(error), Some(wanted)) if error == wanted => continue,
            (Err(error), wanted) => {
                differences.push(format!("{pattern}: {error}\n   Go: {wanted:?}"));
                continue;
            }
            (Ok(_), Some(wanted)) => {
                differences.push(format!("{pattern}: taken\n   Go: {wanted}"));
                continue;
            }
        };
        for found in line["found"].as_array().expect("answers") {
            questions += 1;
            let (text, template) =
                (found[0].as_str().expect("a text"), found[1].as_str().expect("a template"));
            let ours = json!([
                text,
                template,
                compiled.expand(template, text),
                compiled.find_all(text),
                compiled.replace_all(text, template),
                compiled.split(text, -1),
            ]);
            if ours != *found {
                differences.push(format!("{pattern} in {text:?}\n ours {ours}\n   Go {found}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(patterns >= 200 && questions >= 2000, "{patterns} {questions}");
}
