//! The same seed gives the same bytes, whatever the process, its folders and its number of jobs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use rstest::rstest;
use support::{Ended, failing_scenario, folder, root, seatrial};

/// Scenarios that take little time.
const SCENARIOS: [&str; 2] =
    ["scenarios/infrastructure/definitions-before-policies.yaml", "scenarios/failures/broken-commit.yaml"];

/// Plays the scenarios, which must pass, with a temporary folder of its own; gives the JSON report.
fn report(flags: &[&str]) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("report.json");
    let wanted = format!("json={}", file.display());
    let args = [&["run"], &SCENARIOS[..], flags, &["--report", &wanted]].concat();
    let ended = seatrial(&root(), scratch.path(), &args);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let json = fs::read_to_string(&file).unwrap();
    assert_says_nothing_of_the_machine(&json, scratch.path());
    json
}

/// No time of the wall clock, no temporary path, no port.
fn assert_says_nothing_of_the_machine(json: &str, scratch: &Path) {
    let scratch = scratch.to_string_lossy();
    let root = root();
    let machine =
        [&*scratch, &root.to_string_lossy(), "/tmp/", "127.0.0.1", "localhost", "[::1]", "illisec", "wall"];
    for text in machine {
        assert!(!json.contains(text), "the report has {text:?}:\n{json}");
    }
    // Times of day have two digits after a colon, and revisions have letters or more digits.
    let port = json.split(':').skip(1).find(|after| {
        let word = after.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        (3..=5).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
    });
    assert_eq!(port, None, "the report has a port");
}

#[test]
fn a_seed_decides_every_byte_of_the_report() {
    let one = report(&["--seed", "7", "--jobs", "1"]);
    let again = report(&["--seed", "7", "--jobs", "1"]);
    assert_eq!(one, again, "another process");
    let two_jobs = report(&["--seed", "7", "--jobs", "2"]);
    assert_eq!(one, two_jobs, "another number of jobs");
    for scenario in SCENARIOS {
        assert!(one.contains(&format!("\"file\": \"{scenario}\"")), "{one}");
    }
    assert!(one.contains("\"seed\": 7") && one.contains("\"passed\": 2"), "{one}");
}

#[test]
fn another_seed_passes_too() {
    let other = report(&["--seed", "8"]);
    assert!(other.contains("\"seed\": 8") && other.contains("\"passed\": 2"), "{other}");
}

#[test]
fn a_failure_is_replayed_to_the_byte() {
    let play = || {
        let folder = folder(&[("fails.yaml", &failing_scenario())]);
        let args = ["run", "fails.yaml", "--seed", "7", "--report", "json=report.json"];
        let ended = seatrial(folder.path(), folder.path(), &args);
        assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
        let json = fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert_says_nothing_of_the_machine(&json, folder.path());
        json
    };
    let one = play();
    assert!(one.contains("\"outcome\": \"failed\"") && one.contains("\"chain\""), "{one}");
    assert_eq!(one, play());
}

#[rstest]
#[case::a_repository_that_works("fixtures/monorepo", 0)]
#[case::a_repository_that_is_stuck("fixtures/invalid/repo-unserved-source", 1)]
fn a_trial_is_replayed_to_the_byte(#[case] repository: &str, #[case] exit: i32) {
    let play = || {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("trial.json");
        let args = ["try", repository, "--json", file.to_str().unwrap()];
        let Ended { status, stdout, stderr } = seatrial(&root(), scratch.path(), &args);
        assert_eq!(status, Some(exit), "{stdout}{stderr}");
        let json = fs::read_to_string(&file).unwrap();
        assert_says_nothing_of_the_machine(&json, scratch.path());
        (stdout, json)
    };
    let (stdout, json) = play();
    assert!(!stdout.is_empty());
    assert!(json.contains("\"clusters\": ["), "{json}");
    let (again, json_again) = play();
    assert_eq!(stdout, again);
    assert_eq!(json, json_again);
}

#[test]
fn the_other_reports_are_for_other_programs() {
    let folder = folder(&[("fails.yaml", &failing_scenario())]);
    let reports = "junit=report.xml,timings=timings.json";
    let invalid = root().join("fixtures/invalid/scenario/misspelt-step.yaml");
    let args = ["run", "fails.yaml", invalid.to_str().unwrap(), "--report", reports];
    let ended = seatrial(folder.path(), folder.path(), &args);
    assert_eq!(ended.status, Some(2), "{}{}", ended.stdout, ended.stderr);

    let junit = fs::read_to_string(folder.path().join("report.xml")).unwrap();
    assert_eq!(elements(&junit), Ok(2), "test suites of\n{junit}");
    for text in [
        "<testsuite name=\"fails.yaml\" tests=\"2\"",
        "<testcase name=\"01 bootstrap beta from clusters/beta of gitops\" classname=\"fails.yaml\"/>",
        "<failure message=\"not within 5m: Kustomization/flux-system/applications",
        "+ status: &quot;False&quot;",
        "misspelt-step.yaml:12:5: a step has no field `bootstap`",
    ] {
        assert!(junit.contains(text), "{text:?} is missing in\n{junit}");
    }

    let timings = fs::read_to_string(folder.path().join("timings.json")).unwrap();
    assert!(
        timings.contains("\"id\": \"fails.yaml\"") && timings.contains("\"wallMilliseconds\": "),
        "{timings}"
    );
}

/// How many `testsuite` elements XML has; an error says where the XML is not well-formed.
fn elements(xml: &str) -> Result<usize, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut suites = 0;
    for piece in xml.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').ok_or(piece)?;
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match tag {
            _ if tag.starts_with('?') => {}
            _ if tag.starts_with('/') => {
                if open.pop() != Some(name) {
                    return Err(format!("</{name}> closes nothing"));
                }
            }
            _ if tag.ends_with('/') => {}
            _ => open.push(name),
        }
        suites += usize::from(!tag.starts_with('/') && name == "testsuite");
        let entity =
            |after: &str| ["amp;", "lt;", "gt;", "quot;", "apos;", "#"].iter().any(|e| after.starts_with(e));
        if [tag, text].iter().any(|part| part.split('&').skip(1).any(|after| !entity(after))) {
            return Err(format!("a bare & in {piece:?}"));
        }
        if tag.matches('"').count() % 2 == 1 && !tag.starts_with('?') {
            return Err(format!("an open quotation in {tag:?}"));
        }
    }
    match open.first() {
        Some(name) => Err(format!("<{name}> is never closed")),
        None => Ok(suites),
    }
}
