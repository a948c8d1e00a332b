use super::*;
use crate::check::DiffLine;
use crate::cluster::Backend;
use crate::run::{Event, Progress};
use std::time::Duration;

fn step(title: &str, at: u64, outcome: StepOutcome) -> StepReport {
    StepReport {
        line: 7,
        verb: "expect",
        title: title.to_owned(),
        outcome,
        at: Duration::from_secs(at),
        took: Duration::from_secs(1),
        facts: Vec::new(),
        failure: None,
    }
}

fn scenario(id: &str, outcome: Outcome, steps: Vec<StepReport>) -> ScenarioReport {
    ScenarioReport {
        id: id.to_owned(),
        file: id.to_owned(),
        line: 1,
        name: format!("what {id} shows"),
        seed: 7,
        backend: Backend::Sim,
        outcome,
        started: Some("2026-03-01T12:00:00Z".parse().unwrap()),
        elapsed: Duration::from_secs(61),
        steps,
        problems: Vec::new(),
    }
}

fn sample() -> Vec<ScenarioReport> {
    let mut commit = step("commit to gitops: <marker> & \"more\"", 0, StepOutcome::Passed);
    commit.facts.push("master@abc1234".to_owned());
    let mut failed = step("expect Deployment/debug on beta within 1m", 60, StepOutcome::Failed);
    failed.failure = Some(Failure {
        message: "not within 1m: Deployment/default/debug is there, but not so".to_owned(),
        nearest: Some(Nearest {
            object: "Deployment/default/debug".to_owned(),
            diff: vec![
                DiffLine::Same("spec:".to_owned()),
                DiffLine::Wanted("  replicas: 2".to_owned()),
                DiffLine::Found("  replicas: 1".to_owned()),
            ],
        }),
        chain: vec!["line 5: commit abc1234 on master of gitops: marker".to_owned()],
    });
    let mut invalid = scenario("c.yaml", Outcome::Invalid, Vec::new());
    invalid
        .problems
        .push("c.yaml:3:5: a step has no field `bootstap` (did you mean `bootstrap`?)".to_owned());
    vec![
        scenario("a.yaml", Outcome::Passed, vec![commit.clone()]),
        scenario("b.yaml", Outcome::Failed, vec![commit, failed, step("later", 60, StepOutcome::NotPlayed)]),
        invalid,
    ]
}

fn report(wall: u64) -> Report {
    Report::new("sim", sample().into_iter().map(|s| (s, Duration::from_millis(wall))).collect())
}

/// Plays the events of a run in which the scenarios end in this order.
fn human(order: &[usize], live: bool) -> String {
    let mut out = Vec::new();
    let mut human = Human::new(&mut out, Paint::plain(), live);
    human.event(&Event::Found { scenarios: 3 });
    for index in order {
        let report = sample().swap_remove(*index);
        human.event(&Event::Started { index: *index, id: report.id.clone() });
        human.event(&Event::Ended {
            index: *index,
            report: Box::new(report),
            wall: Duration::from_millis(12),
        });
    }
    human.end(&report(12), Duration::from_millis(40));
    drop(human);
    String::from_utf8(out).unwrap()
}

#[test]
fn people_see_a_line_for_each_step_and_why_one_failed() {
    let want = "\
a.yaml what a.yaml shows
  ✔        0s  commit to gitops: <marker> & \"more\"  master@abc1234
  passed 1m1s simulated in 12 ms

b.yaml what b.yaml shows
  ✔        0s  commit to gitops: <marker> & \"more\"  master@abc1234
  ✗        1m  expect Deployment/debug on beta within 1m
      not within 1m: Deployment/default/debug is there, but not so
      at b.yaml:7
      nearest: Deployment/default/debug
          spec:
        -   replicas: 2
        +   replicas: 1
      how it came to this:
        line 5: commit abc1234 on master of gitops: marker
  - 1 more step not played
  failed 1m1s simulated in 12 ms
  again: seatrial run b.yaml --seed 7

c.yaml what c.yaml shows
  ✗ c.yaml:3:5: a step has no field `bootstap` (did you mean `bootstrap`?)
  cannot be played

3 scenarios: 1 passed, 1 failed, 1 invalid  3m3s simulated in 40 ms
";
    assert_eq!(human(&[0, 1, 2], false), want);
}

#[test]
fn the_order_in_which_scenarios_end_does_not_show() {
    assert_eq!(human(&[2, 0, 1], false), human(&[0, 1, 2], false));
}

#[test]
fn only_a_terminal_gets_a_line_that_is_written_over() {
    assert!(!human(&[0, 1, 2], false).contains('\x1b'));
    assert!(human(&[0, 1, 2], true).contains("\r\x1b[K  1/3 "));
}

#[test]
fn colour_is_only_around_text() {
    let plain = describe(&sample()[1], None, Paint::plain());
    let mut colourful = describe(&sample()[1], None, Paint::colourful());
    assert!(colourful.contains("\x1b[31m✗\x1b[0m"));
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"] {
        colourful = colourful.replace(code, "");
    }
    assert_eq!(colourful, plain);
}

#[test]
fn wall_times_are_not_in_the_replayable_report() {
    assert_eq!(json(&report(12)), json(&report(345)));
    assert!(timings(&report(345)).contains("\"wallMilliseconds\": 345.0"));
    let value: serde_json::Value = serde_json::from_str(&json(&report(1))).unwrap();
    assert_eq!(value["summary"], serde_json::json!({"passed": 1, "failed": 1, "invalid": 1, "broken": 0}));
    let step = &value["scenarios"][1]["steps"][1];
    assert_eq!((&step["at"], &step["outcome"]), (&"1m".into(), &"failed".into()));
    assert_eq!(step["failure"]["nearest"]["diff"][1], "-   replicas: 2");
}

#[test]
fn junit_has_a_suite_for_each_scenario_and_a_case_for_each_step() {
    let xml = junit(&report(1500)).unwrap();
    for part in [
        "<testsuites name=\"seatrial\" tests=\"5\" skipped=\"1\" failures=\"1\" errors=\"1\"",
        "<testsuite name=\"b.yaml\" tests=\"3\" skipped=\"1\" errors=\"0\" failures=\"1\" time=\"1.500\">",
        "<testcase name=\"01 commit to gitops: &lt;marker&gt; &amp; &quot;more&quot;\" classname=\"a.yaml\"",
        "<failure message=\"not within 1m: Deployment/default/debug is there, but not so\">b.yaml:7\n",
        "-   replicas: 2\n",
        "<property name=\"seed\" value=\"7\"/>",
        "<error>c.yaml:3:5: a step has no field `bootstap`",
        "<skipped/>",
    ] {
        assert!(xml.contains(part), "{part}\n is not in \n{xml}");
    }
}

#[test]
fn reports_of_real_clusters_have_their_times_in_the_timings_alone() {
    let mut real = report(1);
    real.backend = "envtest".to_owned();
    for scenario in &mut real.scenarios {
        scenario.backend = Backend::Envtest;
    }
    let text = json(&real);
    for field in ["\"started\"", "\"elapsed\"", "\"at\"", "\"took\""] {
        assert!(!text.contains(field), "{text}");
        assert!(json(&report(1)).contains(field), "{field}");
    }
    let times: serde_json::Value = serde_json::from_str(&timings(&real)).unwrap();
    assert!(times["scenarios"][0]["steps"][0]["atMilliseconds"].is_number(), "{times}");
}

#[rstest::rstest]
#[case::virtual_time("a.yaml", Backend::Sim, "seatrial run a.yaml --seed 7")]
#[case::one_of_several("a.yaml#it's one", Backend::Sim, r"seatrial run 'a.yaml#it'\''s one' --seed 7")]
#[case::real_clusters("a.yaml", Backend::Envtest, "seatrial run a.yaml --seed 7 --backend envtest")]
#[case::clusters_of_others(
    "a.yaml",
    Backend::Kubeconfig,
    "seatrial run a.yaml --seed 7 --backend kubeconfig, with the same contexts"
)]
fn a_failed_scenario_says_how_to_play_it_again(
    #[case] id: &str,
    #[case] backend: Backend,
    #[case] want: &str,
) {
    let mut failed = scenario(id, Outcome::Failed, Vec::new());
    failed.backend = backend;
    let text = describe(&failed, None, Paint::plain());
    assert!(text.ends_with(&format!("  again: {want}\n")), "{text}");
}
