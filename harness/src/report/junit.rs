//! The report in the format that CI systems read.

use super::{Outcome, Report, ScenarioReport, StepOutcome, StepReport};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

/// Writing the report as JUnit failed.
#[derive(Debug, thiserror::Error)]
#[error("write the report as JUnit")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The report as JUnit XML: a suite for each scenario, a case for each step.
///
/// # Errors
/// [`JunitError`].
pub fn junit(report: &Report) -> Result<String, JunitError> {
    let mut out = quick_junit::Report::new("seatrial");
    for (scenario, wall) in report.scenarios.iter().zip(&report.wall) {
        let mut suite = TestSuite::new(scenario.id.as_str());
        suite.set_time(*wall);
        suite.add_property(("seed", scenario.seed.to_string().as_str()));
        if !scenario.problems.is_empty() || scenario.steps.is_empty() {
            suite.add_test_case(whole(scenario));
        }
        for (index, step) in scenario.steps.iter().enumerate() {
            suite.add_test_case(case(scenario, index, step));
        }
        out.add_test_suite(suite);
    }
    Ok(out.to_string()?)
}

/// What is wrong with the scenario as a whole.
fn whole(scenario: &ScenarioReport) -> TestCase {
    let status = match scenario.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        _ => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_description(scenario.problems.join("\n"));
            status
        }
    };
    TestCase::new(scenario.name.as_str(), status)
}

fn case(scenario: &ScenarioReport, index: usize, step: &StepReport) -> TestCase {
    let status = match step.outcome {
        StepOutcome::Passed => TestCaseStatus::success(),
        StepOutcome::NotPlayed => TestCaseStatus::skipped(),
        StepOutcome::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            if let Some(failure) = &step.failure {
                status.set_message(failure.message.as_str());
                let mut lines = vec![format!("{}:{}", scenario.file, step.line), failure.message.clone()];
                if let Some(nearest) = &failure.nearest {
                    lines.push(format!("nearest: {}", nearest.object));
                    lines.extend(nearest.diff.iter().map(ToString::to_string));
                }
                lines.extend(failure.chain.iter().cloned());
                status.set_description(lines.join("\n"));
            }
            status
        }
    };
    // Steps of one scenario can have the same title, cases of one suite cannot.
    let mut case = TestCase::new(format!("{:02} {}", index + 1, step.title), status);
    case.set_classname(scenario.id.as_str());
    case
}
