//! The names in rules, against the schema that they are written for: a misspelt field would otherwise fail for each object.

use std::collections::BTreeMap;

use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use super::CompileError;
use super::evaluate::escape;
use super::node::{Node, Type};
use super::rules::Rule;

/// The errors of all rules of a schema.
pub(super) fn check(root: &Node, path: &str) -> Vec<CompileError> {
    let mut errors = Vec::new();
    let root = Node { embedded: true, ..root.clone() };
    walk(&root, path, &mut errors);
    errors
}

fn walk(node: &Node, path: &str, errors: &mut Vec<CompileError>) {
    for (index, rule) in node.rules.iter().enumerate() {
        let place = |key: &str| format!("{path}.x-kubernetes-validations[{index}].{key}");
        let mut scope = Scope { names: BTreeMap::new(), problems: Vec::new(), program: &rule.program };
        scope.names.insert("self", Some(node));
        scope.names.insert("oldSelf", Some(node));
        let result = scope.expression(rule.program.expression());
        if result.is_some_and(|n| n.ty.is_some_and(|ty| ty != Type::Boolean)) {
            scope.problems.push("cel expression must evaluate to a bool".to_owned());
        }
        errors.extend(scope.problems.into_iter().map(|p| rule_error(rule, place("rule"), &p)));
        if let Some(program) = &rule.message_expression {
            let mut scope = Scope { names: BTreeMap::new(), problems: Vec::new(), program };
            scope.names.insert("self", Some(node));
            scope.names.insert("oldSelf", Some(node));
            scope.expression(program.expression());
            errors
                .extend(scope.problems.into_iter().map(|p| rule_error(rule, place("messageExpression"), &p)));
        }
    }
    for (name, property) in &node.properties {
        walk(property, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(values) = &node.additional {
        walk(values, &format!("{path}.additionalProperties"), errors);
    }
    if let Some(items) = &node.items {
        walk(items, &format!("{path}.items"), errors);
    }
}

fn rule_error(rule: &Rule, field: String, message: &str) -> CompileError {
    CompileError {
        reason: super::violation::INVALID,
        field,
        message: format!("Invalid value: {}: {message}", rule.shown),
    }
}

/// What is known of a name or an expression: the schema of its value, or nothing.
type Known<'n> = Option<&'n Node>;

struct Scope<'n, 'p> {
    names: BTreeMap<&'p str, Known<'n>>,
    problems: Vec<String>,
    program: &'p Program,
}

impl<'n, 'p> Scope<'n, 'p> {
    fn problem(&mut self, id: u64, message: &str) {
        let info = self.program.source_info();
        let start = info.offset_for(id).map_or(0, |(start, _)| start as usize);
        let before = info.source.get(..start).unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let text = info.source.lines().nth(line).unwrap_or_default();
        let dots = ".".repeat(column);
        self.problems.push(format!(
            "compilation failed: ERROR: <input>:{}:{}: {message}\n | {text}\n | {dots}^",
            line + 1,
            column + 1
        ));
    }

    fn expression(&mut self, at: &'p IdedExpr) -> Known<'n> {
        match &at.expr {
            Expr::Unspecified | Expr::Literal(_) => None,
            Expr::Ident(name) => match self.names.get(name.as_str()) {
                Some(known) => *known,
                None if name.starts_with('@') || is_type(name) => None,
                None => {
                    self.problem(at.id, &format!("undeclared reference to '{name}' (in container '')"));
                    None
                }
            },
            Expr::Select(select) => {
                let node = self.expression(&select.operand)?;
                match field(node, &select.field) {
                    Field::Known(known) => known,
                    Field::Undefined => {
                        self.problem(at.id, &format!("undefined field '{}'", select.field));
                        None
                    }
                }
            }
            Expr::Call(call) => {
                let is_namespace =
                    |e: &IdedExpr| matches!(&e.expr, Expr::Ident(n) if NAMESPACES.contains(&n.as_str()));
                let target = call.target.as_deref().filter(|t| !is_namespace(t)).map(|t| self.expression(t));
                let args: Vec<Known<'n>> = call.args.iter().map(|a| self.expression(a)).collect();
                match (call.func_name.as_str(), target, args.as_slice()) {
                    ("_[_]", _, [Some(node), _]) => node.items.as_deref().or(node.additional.as_deref()),
                    _ => None,
                }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.expression(element);
                }
                None
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    self.entry(&entry.expr);
                }
                None
            }
            Expr::Struct(fields) => {
                for entry in &fields.entries {
                    self.entry(&entry.expr);
                }
                None
            }
            Expr::Comprehension(c) => {
                let range = self.expression(&c.iter_range);
                self.expression(&c.accu_init);
                let outer = self.names.clone();
                // Of a list its items are walked, of a map its keys.
                let item = range.and_then(|n| n.items.as_deref());
                match &c.iter_var2 {
                    None => {
                        self.names.insert(&c.iter_var, item);
                    }
                    Some(second) => {
                        self.names.insert(&c.iter_var, None);
                        let value = item.or(range.and_then(|n| n.additional.as_deref()));
                        self.names.insert(second, value);
                    }
                }
                self.names.insert(&c.accu_var, None);
                self.expression(&c.loop_cond);
                self.expression(&c.loop_step);
                self.names = outer;
                self.names.insert(&c.accu_var, None);
                self.expression(&c.result);
                self.names.remove(c.accu_var.as_str());
                None
            }
        }
    }

    fn entry(&mut self, entry: &'p EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => {
                self.expression(&field.value);
            }
            EntryExpr::MapEntry(entry) => {
                self.expression(&entry.key);
                self.expression(&entry.value);
            }
        }
    }
}

enum Field<'n> {
    Known(Known<'n>),
    Undefined,
}

fn field<'n>(node: &'n Node, name: &str) -> Field<'n> {
    if node.embedded && matches!(name, "apiVersion" | "kind" | "metadata") {
        return Field::Known(None);
    }
    if let Some((_, property)) = node.properties.iter().find(|(n, _)| escape(n) == name) {
        return Field::Known(Some(property));
    }
    if let Some(values) = &node.additional {
        return Field::Known(Some(values));
    }
    let untyped = node.ty.is_none() || (node.preserve_unknown && node.properties.is_empty());
    if untyped { Field::Known(None) } else { Field::Undefined }
}

const NAMESPACES: [&str; 3] = ["strings", "lists", "optional"];

fn is_type(name: &str) -> bool {
    const TYPES: [&str; 12] = [
        "bool",
        "bytes",
        "double",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "type",
        "uint",
        "optional",
        "dyn",
    ];
    TYPES.contains(&name)
}
