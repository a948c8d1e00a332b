//! Expressions over objects, in CEL. Pure.

use super::kstatus::{self, Kstatus};
use super::types::{self, Type};
use cel::parser::Parser;
use cel::{Context, Program, Value as Cel};
use seatrial_api::kustomization::CustomHealthCheck;
use serde_json::Value;

/// An expression that is not CEL, or that cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CelError {
    /// It does not parse.
    #[error("failed to parse the CEL expression '{expression}': {message}")]
    Parse { expression: String, message: String },
    /// It fails on its input.
    #[error("failed to evaluate the CEL expression '{expression}': {message}")]
    Evaluate { expression: String, message: String },
    /// Its type is another than that of a boolean, or not known.
    #[error("CEL expression output type mismatch: expected bool, got {found}")]
    Output { found: String },
    /// It gives something else than a boolean.
    #[error("failed to evaluate CEL expression as boolean: '{expression}'")]
    NotBoolean { expression: String },
}

/// Whether `expression` is CEL.
pub(crate) fn check(expression: &str) -> Result<(), CelError> {
    compile(expression).map(|_| ())
}

/// Whether `expression` is CEL whose types fit, and whose own type is that of a boolean; nothing is known of `variables`.
pub(crate) fn check_types(expression: &str, variables: &[&str]) -> Result<(), CelError> {
    compile(expression)?;
    let failed = |message: String| CelError::Parse { expression: expression.to_owned(), message };
    let parsed = Parser::new().parse_with_source_info(expression);
    let (root, source) = parsed.map_err(|error| failed(error.to_string()))?;
    match types::check(&root, variables) {
        Ok(Type::Bool) => Ok(()),
        Ok(found) => Err(CelError::Output { found: found.to_string() }),
        Err(error) => Err(failed(error.told(&source))),
    }
}

fn compile(expression: &str) -> Result<Program, CelError> {
    Program::compile(expression).map_err(|error| CelError::Parse {
        expression: expression.to_owned(),
        // As cel-go shows the place.
        message: error.to_string().trim_end().replace("\n|", "\n |"),
    })
}

/// The truth of `expression` over `variables`.
pub(crate) fn holds(expression: &str, variables: &[(&str, &Value)]) -> Result<bool, CelError> {
    let failed = |message: String| CelError::Evaluate { expression: expression.to_owned(), message };
    let program = compile(expression)?;
    let mut context = Context::default();
    for (name, value) in variables {
        let value = cel::to_value(value).map_err(|error| failed(error.to_string()))?;
        context.add_variable_from_value(*name, value);
    }
    match program.execute(&context) {
        Ok(Cel::Bool(truth)) => Ok(truth),
        Ok(_) => Err(CelError::NotBoolean { expression: expression.to_owned() }),
        Err(error) => Err(failed(words(&error.to_string(), expression))),
    }
}

/// The words of cel-go, which Flux evaluates with.
fn words(error: &str, expression: &str) -> String {
    if let Some(key) = error.strip_prefix("No such key: ") {
        return format!("no such key: {key}");
    }
    let name = error.strip_prefix("Undeclared reference to '").and_then(|rest| rest.strip_suffix('\''));
    match name.and_then(|name| expression.split_once(name)) {
        // With the fields that are asked of it.
        Some((_, rest)) => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')));
            let fields = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            format!("no such attribute(s): {}{fields}", name.unwrap_or_default())
        }
        None => error.to_owned(),
    }
}

/// The status of `object` by the expressions for its kind.
pub(crate) fn status(check: &CustomHealthCheck, object: &Value) -> Result<Kstatus, CelError> {
    if let Some(status) = kstatus::generic(object).filter(|status| *status != Kstatus::Failed) {
        return Ok(status);
    }
    let empty = Value::Object(serde_json::Map::new());
    let mut variables: Vec<(&str, &Value)> =
        object.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect();
    if object.get("status").is_none() {
        variables.push(("status", &empty));
    }
    let truth = |expression: &Option<String>| match expression {
        Some(expression) => holds(expression, &variables),
        None => Ok(false),
    };
    if truth(&check.in_progress)? {
        return Ok(Kstatus::InProgress);
    }
    if truth(&check.failed)? {
        return Ok(Kstatus::Failed);
    }
    Ok(if holds(&check.current, &variables)? { Kstatus::Current } else { Kstatus::InProgress })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn check(in_progress: Option<&str>, failed: Option<&str>, current: &str) -> CustomHealthCheck {
        CustomHealthCheck {
            api_version: "x/v1".to_owned(),
            kind: "X".to_owned(),
            current: current.to_owned(),
            failed: failed.map(str::to_owned),
            in_progress: in_progress.map(str::to_owned),
        }
    }

    #[rstest]
    #[case::current("Ready", Kstatus::Current)]
    #[case::failed("Broken", Kstatus::Failed)]
    #[case::in_progress("Working", Kstatus::InProgress)]
    #[case::none("Odd", Kstatus::InProgress)]
    fn expressions_are_tried_in_order(#[case] phase: &str, #[case] expected: Kstatus) {
        let check = check(
            Some("status.phase == 'Working'"),
            Some("status.phase == 'Broken'"),
            "status.phase == 'Ready'",
        );
        let object = json!({ "metadata": { "generation": 1 }, "status": { "phase": phase } });
        assert_eq!(status(&check, &object), Ok(expected));
    }

    #[test]
    fn conditions_can_be_filtered() {
        let check =
            check(None, None, "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')");
        let object = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
        assert_eq!(status(&check, &object), Ok(Kstatus::InProgress));
    }

    #[test]
    fn dependencies_are_seen_as_dep_and_self() {
        let (dep, own) = (json!({ "status": { "x": 2 } }), json!({ "spec": { "y": 2 } }));
        assert_eq!(holds("dep.status.x == self.spec.y", &[("dep", &dep), ("self", &own)]), Ok(true));
    }

    #[rstest]
    #[case::comparison("dep.metadata.generation == dep.status.observedGeneration", Ok(()))]
    #[case::macros("dep.status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')", Ok(()))]
    #[case::unique("dep.status.conditions.exists_one(e, e.type == self.metadata.name)", Ok(()))]
    #[case::mapped("dep.spec.list.map(e, e.name + 'x').size() > 0", Ok(()))]
    #[case::presence("has(dep.status.inventory) && size(dep.status.inventory.entries) == 1", Ok(()))]
    #[case::choice("dep.metadata.name.startsWith('a') ? true : false", Ok(()))]
    #[case::membership("dep.spec.path in ['./a', './b']", Ok(()))]
    #[case::index("dep.metadata.labels['x'] != \"\"", Ok(()))]
    #[case::numbers("1 < 2.0 && !(int(dep.spec.n) > 3)", Ok(()))]
    #[case::unknown("dep.spec.prune", Err("CEL expression output type mismatch: expected bool, got dyn"))]
    #[case::number("1 + 2", Err("CEL expression output type mismatch: expected bool, got int"))]
    #[case::list("[1, 2]", Err("CEL expression output type mismatch: expected bool, got list(int)"))]
    #[case::text("'a' + 'b'", Err("CEL expression output type mismatch: expected bool, got string"))]
    #[case::name(
        "other.metadata.name == 'a'",
        Err(
            "failed to parse the CEL expression 'other.metadata.name == 'a'': ERROR: <input>:1:1: undeclared reference \
             to 'other' (in container '')\n | other.metadata.name == 'a'\n | ^"
        )
    )]
    #[case::overload(
        "1 == 'a'",
        Err(
            "failed to parse the CEL expression '1 == 'a'': ERROR: <input>:1:3: found no matching overload for \
             '_==_' applied to '(int, string)'\n | 1 == 'a'\n | ..^"
        )
    )]
    #[case::function(
        "dep.metadata.name.nothing()",
        Err(
            "failed to parse the CEL expression 'dep.metadata.name.nothing()': ERROR: <input>:1:26: undeclared \
             reference to 'nothing' (in container '')\n | dep.metadata.name.nothing()\n | .........................^"
        )
    )]
    fn types_are_checked_before_anything_is_evaluated(
        #[case] expression: &str,
        #[case] expected: Result<(), &str>,
    ) {
        let found = check_types(expression, &["dep", "self"]).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[rstest]
    #[case::syntax("a ==")]
    #[case::empty("")]
    fn what_is_not_cel_is_refused(#[case] expression: &str) {
        assert!(matches!(super::check(expression), Err(CelError::Parse { .. })));
    }
}
