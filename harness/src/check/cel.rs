//! Expressions in the Common Expression Language.

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators};
use cel::{Context, IdedExpr, Program};
use serde_json::Value;
use std::collections::BTreeMap;

/// A compiled expression over `object`.
pub struct Expression {
    program: Program,
    kinds: Kinds,
    fields: Fields,
}

thread_local! {
    /// The functions of the language: too many to be gathered for each object.
    static LANGUAGE: Context<'static, 'static> = Context::default();
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
    /// It calls a function that does not exist.
    #[error("the expression calls `{0}`, which is no function")]
    Function(String),
    /// It reads something else than `object`.
    #[error("the expression reads `{0}`: there is only `object`")]
    Variable(String),
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
    // Both would make the expression false of everything, which nobody means.
    let references = program.references();
    if let Some(name) = sorted(references.functions()).into_iter().find(|name| !is_function(name)) {
        return Err(CelError::Function(name.to_owned()));
    }
    if let Some(name) = foreign(program.expression(), &mut vec!["object"]) {
        return Err(CelError::Variable(name.to_owned()));
    }
    let mut kinds = Kinds::default();
    narrow(program.expression(), &mut kinds);
    let mut fields = Fields::default();
    read(program.expression(), &mut fields);
    Ok(Expression { program, kinds, fields })
}

impl Expression {
    /// Whether the expression is true of an object. A field that the object does not have makes it false.
    pub fn holds(&self, object: &Value) -> bool {
        LANGUAGE.with(|language| {
            let mut context = language.new_inner_scope();
            if context.add_variable("object", self.fields.of(object)).is_err() {
                return false;
            }
            matches!(self.program.execute(&context), Ok(cel::Value::Bool(true)))
        })
    }

    /// The kinds that it can be true of, as far as its own words tell.
    pub(crate) fn kinds(&self) -> &Kinds {
        &self.kinds
    }
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}

/// Whether expressions can call this: an operator, or a function of the language.
fn is_function(name: &str) -> bool {
    let named =
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') && !name.starts_with('_');
    // What the language has cannot be declared anew.
    !named || Context::default().add_function(name, |a: i64| a).is_err()
}

/// The first name that is neither bound by a macro (`exists(c, …)`) nor part of the language.
fn foreign<'a>(expression: &'a IdedExpr, bound: &mut Vec<&'a str>) -> Option<&'a str> {
    match &expression.expr {
        Expr::Ident(name) => {
            let known = bound.contains(&name.as_str()) || is_function(name);
            (!known).then_some(name.as_str())
        }
        Expr::Comprehension(c) => {
            if let Some(name) = [&c.iter_range, &c.accu_init].into_iter().find_map(|e| foreign(e, bound)) {
                return Some(name);
            }
            let outside = bound.len();
            bound.extend([c.iter_var.as_str(), c.accu_var.as_str()]);
            bound.extend(c.iter_var2.as_deref());
            let found = [&c.loop_cond, &c.loop_step, &c.result].into_iter().find_map(|e| foreign(e, bound));
            bound.truncate(outside);
            found
        }
        _ => parts(expression).into_iter().find_map(|part| foreign(part, bound)),
    }
}

/// The fields of an object that an expression reads: what nobody reads need not be turned into values of the language.
#[derive(Clone, Debug, PartialEq)]
enum Fields {
    /// All of it.
    All,
    /// These alone.
    Only(BTreeMap<String, Fields>),
}

impl Default for Fields {
    fn default() -> Fields {
        Fields::Only(BTreeMap::new())
    }
}

impl Fields {
    /// An object with these fields alone. What is no map stays as it is, for the expression to fail on.
    fn of(&self, object: &Value) -> Value {
        match (self, object) {
            (Fields::Only(fields), Value::Object(map)) => {
                let field = |(key, fields): (&String, &Fields)| Some((key.clone(), fields.of(map.get(key)?)));
                Value::Object(fields.iter().filter_map(field).collect())
            }
            _ => object.clone(),
        }
    }

    /// Adds a path, all of what is there.
    fn add(&mut self, path: &[&str]) {
        match (&mut *self, path) {
            (Fields::All, _) => {}
            (_, []) => *self = Fields::All,
            (Fields::Only(fields), [key, rest @ ..]) => {
                fields.entry((*key).to_owned()).or_default().add(rest);
            }
        }
    }
}

/// Gathers what an expression reads of `object`, where that name stands for something else too: no harm is done by more.
fn read(expression: &IdedExpr, fields: &mut Fields) {
    if let Some(path) = path_of_object(expression) {
        fields.add(&path);
        return;
    }
    parts(expression).into_iter().for_each(|part| read(part, fields));
}

/// `["metadata", "name"]` for `object.metadata.name`.
fn path_of_object(expression: &IdedExpr) -> Option<Vec<&str>> {
    match &expression.expr {
        Expr::Ident(name) if name == "object" => Some(Vec::new()),
        Expr::Select(select) => {
            let mut path = path_of_object(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}

/// The expressions that an expression is made of.
fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    fn of_entry(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
        match &entry.expr {
            EntryExpr::MapEntry(e) => vec![&e.key, &e.value],
            EntryExpr::StructField(e) => vec![&e.value],
        }
    }
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(of_entry).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(of_entry).collect(),
        Expr::Comprehension(c) => {
            vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
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
    #[case::fields("object.kind == 'Pod' && object.spec.size > 1", &["kind", "spec.size"])]
    #[case::wider_last("object.spec.size > 1 && size(object.spec) > 1", &["spec"])]
    #[case::wider_first("size(object.spec) > 1 && object.spec.size > 1", &["spec"])]
    #[case::has("has(object.metadata.labels)", &["metadata.labels"])]
    #[case::items("object.spec.list[0].image == object.spec.list[1].image", &["spec.list"])]
    #[case::the_object_itself("object['kind'] == object.kind", &[""])]
    #[case::macros("object.spec.list.all(c, c.name == object.metadata.name)", &["metadata.name", "spec.list"])]
    #[case::hidden_by_a_macro("[1].all(object, object.kind == 1)", &["kind"])]
    fn an_expression_is_given_what_it_reads(#[case] text: &str, #[case] want: &[&str]) {
        fn paths(fields: &Fields, at: &str, found: &mut Vec<String>) {
            match fields {
                Fields::All => found.push(at.to_owned()),
                Fields::Only(below) => below.iter().for_each(|(key, fields)| {
                    paths(fields, &if at.is_empty() { key.clone() } else { format!("{at}.{key}") }, found);
                }),
            }
        }
        let mut found = Vec::new();
        paths(&compile(text).unwrap().fields, "", &mut found);
        assert_eq!(found, want);
    }

    #[rstest]
    #[case::equal("object.kind == 'Pod'", true)]
    #[case::missing_field("object.spec.replicas == 1", false)]
    #[case::missing_field_in_an_and("object.kind == 'Pod' && object.spec.replicas == 1", false)]
    #[case::list("object.spec.containers[0].image.endsWith(':1.0.1')", true)]
    #[case::macros("object.spec.containers.exists(c, c.name == 'debug')", true)]
    #[case::has("has(object.metadata.labels)", false)]
    #[case::not_a_truth_value("object.kind", false)]
    #[case::functions("size(object.spec.containers) == 1 && object.metadata.name.matches('^x$')", true)]
    #[case::more_functions("int('1') == 1 && 'x' in [object.metadata.name]", true)]
    #[case::more_macros("object.spec.containers.all(c, has(c.image)) && [1].map(x, x + 1) == [2]", true)]
    fn expressions_are_evaluated_on_objects(#[case] text: &str, #[case] expected: bool) {
        let object = json!({"kind": "Pod", "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "debug", "image": "btoll/debug:1.0.1"}]}});
        assert_eq!(compile(text).unwrap().holds(&object), expected);
    }

    #[rstest]
    #[case::syntax("object.kind = 'Pod'", "at 1:13: Syntax error")]
    #[case::function("object.metadata.name.beginsWith('x')", "calls `beginsWith`, which is no function")]
    #[case::variable("objekt.kind == 'Pod'", "reads `objekt`: there is only `object`")]
    fn expressions_that_can_never_be_true_are_refused(#[case] text: &str, #[case] message: &str) {
        let error = compile(text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
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
