//! What is checked, and set, before and beside the work. Pure.

use super::stop::Stop;
use crate::health::cel;
use crate::reconcile::unsupported::NOT_SUPPORTED;
use seatrial_api::GoDuration;
use seatrial_api::kustomization::KustomizationSpec;
use serde_json::Value;
use std::time::Duration;

/// The time for apply and health: `interval` less 30 seconds by default, 30 seconds at least.
pub(super) fn timeout(spec: &KustomizationSpec) -> Duration {
    let floor = Duration::from_secs(30);
    let wanted =
        spec.timeout.map_or_else(|| spec.interval.to_std().saturating_sub(floor), GoDuration::to_std);
    wanted.max(floor)
}

pub(super) fn refuse_unsupported(spec: &KustomizationSpec) -> Result<(), Stop> {
    if spec.decryption.is_none() || cfg!(feature = "sops") {
        return Ok(());
    }
    let message = "spec.decryption needs a Seatrial that was built with the feature `sops`".to_owned();
    Err(Stop::Stalled { reason: NOT_SUPPORTED, message })
}

/// Checks the expressions for health. Those of dependencies are looked at when they are needed.
pub(super) fn check_expressions(spec: &KustomizationSpec) -> Result<(), Stop> {
    for (place, check) in spec.health_check_exprs.iter().enumerate() {
        let expressions = [
            ("Current", Some(&check.current)),
            ("InProgress", check.in_progress.as_ref()),
            ("Failed", check.failed.as_ref()),
        ];
        for (name, expression) in expressions.into_iter().filter_map(|(name, e)| Some((name, e?))) {
            cel::check(expression).map_err(|error| {
                let what = format!("failed to create custom status evaluator for healthchecks[{place}]");
                invalid_expression(format!("{what}: failed to parse the expression {name}: {error}"))
            })?;
        }
    }
    Ok(())
}

/// An expression that only a change of the object mends.
pub(super) fn invalid_expression(what: String) -> Stop {
    let message = format!("Reconciliation failed terminally due to configuration error: {what}");
    Stop::Stalled { reason: "InvalidCELExpression", message }
}

/// Removes what only the server says, where it does not ask what was meant by it: other versions, identities and managers than
/// its own it refuses.
pub(super) fn clean(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["creationTimestamp", "generation", "selfLink"] {
            metadata.remove(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::from_interval("10m", None, 570)]
    #[case::explicit("10m", Some("1m"), 60)]
    #[case::floor_of_default("30s", None, 30)]
    #[case::floor_of_explicit("10m", Some("5s"), 30)]
    fn the_timeout_has_a_floor(#[case] interval: &str, #[case] explicit: Option<&str>, #[case] seconds: u64) {
        let mut spec = json!({ "interval": interval, "prune": true,
                               "sourceRef": { "kind": "GitRepository", "name": "x" } });
        if let Some(explicit) = explicit {
            spec["timeout"] = explicit.into();
        }
        let spec = serde_json::from_value(spec).expect("a spec");
        assert_eq!(timeout(&spec), Duration::from_secs(seconds));
    }
}
