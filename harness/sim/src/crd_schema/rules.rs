//! `x-kubernetes-validations`, compiled.

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, extensions};
use serde_json::{Value, json};

use super::CompileError;
use super::node::Node;
use super::violation::INVALID;

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) program: Arc<Program>,
    pub(super) source: String,
    /// The rule as errors of the definition show it.
    pub(super) shown: String,
    pub(super) message: String,
    pub(super) message_expression: Option<Arc<Program>>,
    pub(super) reason: &'static str,
    pub(super) field_path: String,
    pub(super) uses_old: bool,
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    for extension in [extensions::strings, extensions::lists] {
        // They declare functions of different names, so that none can clash.
        let _ = env.add_extension(extension);
    }
    Arc::new(env)
});

/// A context with all functions that rules may call.
pub(super) fn context() -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    super::evaluate::add_functions(&mut context);
    context
}

/// The functions that a rule may call, beside the operators and macros.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "bool",
    "dyn",
    "type",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "replace",
    "split",
    "substring",
    "trim",
    "join",
    "reverse",
    "quote",
    "format",
    "sortBy",
    "slice",
    "distinct",
    "sort",
    "range",
    "of",
    "none",
    "ofNonZeroValue",
    "find",
    "findAll",
    "isSorted",
    "sum",
    "isURL",
    "isIP",
    "isCIDR",
    "isQuantity",
    "orValue",
    "hasValue",
    "value",
    "or",
];

/// Parses the list of rules of a node.
pub(super) fn parse(value: &Value, path: &str) -> Result<Vec<Rule>, Vec<CompileError>> {
    let mut rules = Vec::new();
    let mut errors = Vec::new();
    for (index, rule) in value.as_array().into_iter().flatten().enumerate() {
        match parse_one(rule, &format!("{path}[{index}]")) {
            Ok(rule) => rules.push(rule),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

fn parse_one(rule: &Value, path: &str) -> Result<Rule, CompileError> {
    let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    let shown = json!({
        "Rule": text("rule"), "Message": text("message"), "MessageExpression": text("messageExpression"),
        "Reason": rule["reason"], "FieldPath": text("fieldPath"), "OptionalOldSelf": rule["optionalOldSelf"],
    })
    .to_string();
    let error = |key: &str, message: String| {
        let value = if key == "message" { rule[key].to_string() } else { shown.clone() };
        CompileError {
            reason: INVALID,
            field: format!("{path}.{key}"),
            message: format!("Invalid value: {value}: {message}"),
        }
    };
    if rule.get("optionalOldSelf").is_some_and(|v| v == &Value::Bool(true)) {
        return Err(error("optionalOldSelf", "optionalOldSelf is not supported".to_owned()));
    }
    let (source, message) = (text("rule"), text("message"));
    if message.contains(['\n', '\r']) {
        return Err(error("message", "must not contain line breaks".to_owned()));
    }
    let program = compile(&source).map_err(|m| error("rule", m))?;
    let message_expression = match text("messageExpression").as_str() {
        "" => None,
        source => Some(Arc::new(compile(source).map_err(|m| error("messageExpression", m))?)),
    };
    let reason = match text("reason").as_str() {
        "" | "FieldValueInvalid" => INVALID,
        "FieldValueForbidden" => "FieldValueForbidden",
        "FieldValueRequired" => "FieldValueRequired",
        "FieldValueDuplicate" => "FieldValueDuplicate",
        _ => {
            let supported =
                r#""FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate""#;
            return Err(CompileError {
                reason: "FieldValueNotSupported",
                field: format!("{path}.reason"),
                message: format!("Unsupported value: {}: supported values: {supported}", rule["reason"]),
            });
        }
    };
    Ok(Rule {
        uses_old: program.references().has_variable("oldSelf"),
        program: Arc::new(program),
        message: match message.is_empty() {
            true => format!("failed rule: {}", source.trim()),
            false => message.trim().to_owned(),
        },
        source,
        shown,
        message_expression,
        reason,
        field_path: text("fieldPath"),
    })
}

fn compile(source: &str) -> Result<Program, String> {
    let program = ENV.compile(source).map_err(|e| format!("compilation failed: {e}"))?;
    let references = program.references();
    let mut unknown: Vec<&str> = references
        .functions()
        .into_iter()
        .filter(|f| !FUNCTIONS.contains(f) && !f.contains(['_', '@', '!', '?']))
        .collect();
    unknown.sort_unstable();
    if let Some(name) = unknown.first() {
        return Err(format!("compilation failed: the function {name:?} is not supported"));
    }
    Ok(program)
}

/// Whether there is a rule anywhere.
pub(super) fn any(node: &Node) -> bool {
    !node.rules.is_empty()
        || node.properties.values().any(any)
        || node.additional.as_deref().is_some_and(any)
        || node.items.as_deref().is_some_and(any)
}
