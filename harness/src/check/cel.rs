//! Expressions in the Common Expression Language.

use cel::common::ast::{Expr, LiteralValue, operators};
use cel::{Context, IdedExpr, Program};
use serde_json::Value;

/// A compiled expression over `object`.
pub struct Expression {
    program: Program,
    kinds: Kinds,
}

/// Which kinds of objects an expression can be true of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kinds {
    /// Only of this API version; `None`: of any.
    pub(crate) api_version: Option<String>,
    /// Only of this kind; `None`: of any.
    pub(crate) kind: Option<String>,
}

/// An expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CelError {
    /// It is not an expression.
    #[error("the expression cannot be read: at {0}")]
    Syntax(String),
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression").field("kinds", &self.kinds).finish_non_exhaustive()
    }
}

/// Reads an expression.
///
/// # Errors
/// [`CelError::Syntax`] with what is wrong and where in the expression.
pub fn compile(text: &str) -> Result<Expression, CelError> {
    let program = Program::compile(text).map_err(|error| {
        let text = error.to_string();
        // The parser draws a picture for each error; the first line of the first is what fits here:
        // `ERROR: <input>:1:13: Syntax error: …`.
        let first = text.lines().next().unwrap_or_default();
        CelError::Syntax(first.strip_prefix("ERROR: <input>:").unwrap_or(first).to_owned())
    })?;
    let mut kinds = Kinds::default();
    narrow(program.expression(), &mut kinds);
    Ok(Expression { program, kinds })
}

impl Expression {
    /// Whether the expression is true of an object. A field that the object does not have makes it false.
    pub fn holds(&self, object: &Value) -> bool {
        let mut context = Context::default();
        if context.add_variable("object", object).is_err() {
            return false;
        }
        matches!(self.program.execute(&context), Ok(cel::Value::Bool(true)))
    }

    /// The kinds that it can be true of, as far as its own words tell.
    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }
}

/// Reads `object.kind == "X"` and `object.apiVersion == "Y"` where they must hold: at the top, or in a chain of `&&`.
fn narrow(expression: &IdedExpr, kinds: &mut Kinds) {
    let Expr::Call(call) = &expression.expr else { return };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_AND, args) => args.iter().for_each(|arg| narrow(arg, kinds)),
        (operators::EQUALS, [a, b]) => {
            for (field, text) in [(a, b), (b, a)] {
                match (field_of_object(field), literal(text)) {
                    (Some("kind"), Some(text)) => kinds.kind = Some(text.to_owned()),
                    (Some("apiVersion"), Some(text)) => kinds.api_version = Some(text.to_owned()),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn field_of_object(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(name) if name == "object" => Some(&select.field),
            _ => None,
        },
        _ => None,
    }
}

fn literal(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::equal("object.kind == 'Pod'", true)]
    #[case::missing_field("object.spec.replicas == 1", false)]
    #[case::missing_field_in_an_and("object.kind == 'Pod' && object.spec.replicas == 1", false)]
    #[case::list("object.spec.containers[0].image.endsWith(':1.0.1')", true)]
    #[case::macros("object.spec.containers.exists(c, c.name == 'debug')", true)]
    #[case::has("has(object.metadata.labels)", false)]
    #[case::not_a_truth_value("object.kind", false)]
    #[case::unknown_function("object.frobnicate()", false)]
    fn expressions_are_evaluated_on_objects(#[case] text: &str, #[case] expected: bool) {
        let object = json!({"kind": "Pod", "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "debug", "image": "btoll/debug:1.0.1"}]}});
        assert_eq!(compile(text).unwrap().holds(&object), expected);
    }

    #[rstest]
    #[case::kind("object.kind == 'Deployment' && object.metadata.name == 'x'", None, Some("Deployment"))]
    #[case::both("'v1' == object.apiVersion && (object.kind == \"Pod\" && true)", Some("v1"), Some("Pod"))]
    #[case::or_tells_nothing("object.kind == 'A' || object.kind == 'B'", None, None)]
    #[case::other_field("object.spec.kind == 'A'", None, None)]
    fn the_kinds_that_an_expression_speaks_of_are_known(
        #[case] text: &str,
        #[case] api_version: Option<&str>,
        #[case] kind: Option<&str>,
    ) {
        let kinds = Kinds { api_version: api_version.map(str::to_owned), kind: kind.map(str::to_owned) };
        assert_eq!(compile(text).unwrap().kinds(), &kinds);
    }
}
