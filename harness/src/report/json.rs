//! The report as JSON.

use super::Report;
use serde_json::{Value, json};
use std::time::Duration;

/// The report; of simulated clusters it is replayable: the same scenarios with the same seed give the same text.
///
/// Times on real clusters are wall times: they stand in the [`timings`] alone.
pub fn json(report: &Report) -> String {
    // The report is made of texts, numbers and lists: nothing in it can fail to be written.
    if report.scenarios.iter().all(|scenario| scenario.is_virtual()) {
        return serde_json::to_string_pretty(report).map(|text| text + "\n").unwrap_or_default();
    }
    let mut value = serde_json::to_value(report).unwrap_or_default();
    let shown = value["scenarios"].as_array_mut().into_iter().flatten();
    for (scenario, _) in shown.zip(&report.scenarios).filter(|(_, scenario)| !scenario.is_virtual()) {
        remove(scenario, &["started", "elapsed"]);
        for step in scenario["steps"].as_array_mut().into_iter().flatten() {
            remove(step, &["at", "took"]);
        }
    }
    format!("{value:#}\n")
}

fn remove(value: &mut Value, fields: &[&str]) {
    if let Some(map) = value.as_object_mut() {
        fields.iter().for_each(|field| drop(map.remove(*field)));
    }
}

/// The wall times, in a file of their own: they differ from run to run.
pub fn timings(report: &Report) -> String {
    let rows: Vec<_> = report
        .scenarios
        .iter()
        .zip(&report.wall)
        .map(|(scenario, wall)| {
            let mut row = json!({"id": scenario.id, "wallMilliseconds": milliseconds(*wall)});
            if !scenario.is_virtual() {
                let steps = scenario.steps.iter().map(|step| {
                    let (at, took) = (milliseconds(step.at), milliseconds(step.took));
                    json!({"line": step.line, "atMilliseconds": at, "tookMilliseconds": took})
                });
                row["steps"] = steps.collect();
            }
            row
        })
        .collect();
    format!("{:#}\n", json!({"format": "seatrial.dev/timings/v1alpha1", "scenarios": rows}))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
