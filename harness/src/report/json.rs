//! The report as JSON.

use super::Report;
use serde_json::json;

/// The replayable report: the same scenarios with the same seed give the same text.
pub fn json(report: &Report) -> String {
    // The report is made of texts, numbers and lists: nothing in it can fail to be written.
    serde_json::to_string_pretty(report).map(|text| text + "\n").unwrap_or_default()
}

/// The wall times, in a file of their own: they differ from run to run.
pub fn timings(report: &Report) -> String {
    let rows: Vec<_> = report
        .scenarios
        .iter()
        .zip(&report.wall)
        .map(|(scenario, wall)| json!({"id": scenario.id, "wallMilliseconds": wall.as_secs_f64() * 1000.0}))
        .collect();
    format!("{:#}\n", json!({"format": "seatrial.dev/timings/v1alpha1", "scenarios": rows}))
}
