//! The types of CEL expressions, as cel-go checks them before it evaluates. Pure.
//!
//! Flux declares `dep` and `self` of unknown type (`dyn`), with which everything goes. What is checked: names and functions
//! that do not exist, operators and functions on types that they are not for, and the type of the whole.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo};
use std::fmt;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Not known.
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Null,
    Duration,
    Timestamp,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// A type as a value.
    Kind,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::Dyn => "dyn",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::Text => "string",
            Type::Bytes => "bytes",
            Type::Null => "null_type",
            Type::Duration => "duration",
            Type::Timestamp => "timestamp",
            Type::Kind => "type",
            Type::List(item) => return write!(f, "list({item})"),
            Type::Map(key, value) => return write!(f, "map({key}, {value})"),
        };
        f.write_str(name)
    }
}

impl Type {
    /// Whether a value of one type can stand where the other is wanted.
    fn fits(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => true,
            (Type::List(a), Type::List(b)) => a.fits(b),
            (Type::Map(a, b), Type::Map(c, d)) => a.fits(c) && b.fits(d),
            (a, b) => a == b,
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Uint | Type::Double | Type::Dyn)
    }
}

/// An expression whose types do not fit: which part of it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeError {
    id: u64,
    message: String,
}

impl TypeError {
    /// The error as cel-go tells it, with the line and a mark below the place.
    pub(super) fn told(&self, source: &SourceInfo) -> String {
        let text = &source.source;
        let start = source.offset_for(self.id).map_or(0, |(start, _)| start as usize).min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let shown = text.lines().nth(line).unwrap_or_default();
        format!(
            "ERROR: <input>:{}:{}: {}\n | {shown}\n | {}^",
            line + 1,
            column + 1,
            self.message,
            ".".repeat(column)
        )
    }
}

/// The type of `expression`, in which the names of `variables` are of unknown type.
///
/// # Errors
/// The types do not fit.
pub(super) fn check(expression: &IdedExpr, variables: &[&str]) -> Result<Type, TypeError> {
    let scope = variables.iter().map(|name| ((*name).to_owned(), Type::Dyn)).collect();
    Checker { scope }.of(expression)
}

struct Checker {
    /// Names and their types, inner ones last.
    scope: Vec<(String, Type)>,
}

const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "uint"];

impl Checker {
    fn of(&mut self, expression: &IdedExpr) -> Result<Type, TypeError> {
        let failed = |message: String| TypeError { id: expression.id, message };
        match &expression.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Bytes(_) => Type::Bytes,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::Null => Type::Null,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::UInt(_) => Type::Uint,
            }),
            Expr::Ident(name) => match self.scope.iter().rev().find(|(known, _)| known == name) {
                Some((_, of)) => Ok(of.clone()),
                None if TYPES.contains(&name.as_str()) => Ok(Type::Kind),
                None => Err(failed(format!("undeclared reference to '{name}' (in container '')"))),
            },
            Expr::Select(select) => match self.of(&select.operand)? {
                _ if select.test => Ok(Type::Bool),
                Type::Dyn => Ok(Type::Dyn),
                Type::Map(_, value) => Ok(*value),
                other => Err(failed(format!("type '{other}' does not support field selection"))),
            },
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.of(item)).collect::<Result<Vec<_>, _>>()?;
                Ok(Type::List(Box::new(joined(items))))
            }
            Expr::Map(map) => {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        keys.push(self.of(&entry.key)?);
                        values.push(self.of(&entry.value)?);
                    }
                }
                Ok(Type::Map(Box::new(joined(keys)), Box::new(joined(values))))
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Call(call) => self.call(expression, call),
            Expr::Struct(_) | Expr::Unspecified => Ok(Type::Dyn),
        }
    }

    fn comprehension(&mut self, all: &ComprehensionExpr) -> Result<Type, TypeError> {
        let (item, second) = match self.of(&all.iter_range)? {
            Type::Dyn => (Type::Dyn, Type::Dyn),
            Type::List(item) if all.iter_var2.is_some() => (Type::Int, *item),
            Type::List(item) => (*item, Type::Dyn),
            Type::Map(key, value) => (*key, *value),
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return Err(TypeError { id: all.iter_range.id, message });
            }
        };
        let init = self.of(&all.accu_init)?;
        let depth = self.scope.len();
        self.scope.push((all.accu_var.clone(), init));
        self.scope.push((all.iter_var.clone(), item));
        self.scope.extend(all.iter_var2.iter().map(|name| (name.clone(), second.clone())));
        self.of(&all.loop_cond)?;
        let step = self.of(&all.loop_step)?;
        self.scope.truncate(depth);
        self.scope.push((all.accu_var.clone(), step));
        let result = self.of(&all.result);
        self.scope.truncate(depth);
        result
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr) -> Result<Type, TypeError> {
        let mut arguments = Vec::new();
        // `sets.contains(…)` is a function of that name, and not a method of something called `sets`.
        let library = call.target.as_deref().and_then(|target| match &target.expr {
            Expr::Ident(name) if LIBRARIES.contains(&name.as_str()) => Some(name.as_str()),
            _ => None,
        });
        if let (None, Some(target)) = (library, &call.target) {
            arguments.push(self.of(target)?);
        }
        for argument in &call.args {
            arguments.push(self.of(argument)?);
        }
        let name = library.map_or_else(|| call.func_name.clone(), |of| format!("{of}.{}", call.func_name));
        let is_method = library.is_none() && call.target.is_some();
        let result = if is_method { method(&name, &arguments) } else { function(&name, &arguments) };
        match result {
            Some(Some(of)) => Ok(of),
            None => Err(TypeError {
                id: at.id,
                message: format!("undeclared reference to '{name}' (in container '')"),
            }),
            Some(None) => {
                let shown: Vec<String> = arguments.iter().map(Type::to_string).collect();
                let applied = match (is_method, shown.split_first()) {
                    (true, Some((target, rest))) => format!("{target}.({})", rest.join(", ")),
                    _ => format!("({})", shown.join(", ")),
                };
                let message = format!("found no matching overload for '{name}' applied to '{applied}'");
                Err(TypeError { id: at.id, message })
            }
        }
    }
}

const LIBRARIES: [&str; 5] = ["sets", "base64", "math", "optional", "strings"];

/// The type of all items of a list: unknown where they differ.
fn joined(types: Vec<Type>) -> Type {
    let mut types = types.into_iter();
    let first = types.next().unwrap_or(Type::Dyn);
    if types.all(|other| other == first) { first } else { Type::Dyn }
}

/// What a function gives; `None` where there is none of this name, `Some(None)` where it is not for these arguments.
fn function(name: &str, arguments: &[Type]) -> Option<Option<Type>> {
    use Type::{Bool, Bytes, Double, Duration, Dyn, Int, Text, Timestamp, Uint};
    let when = |fits: bool, of: Type| Some(fits.then_some(of));
    let all = |wanted: &[Type]| arguments.iter().all(|argument| wanted.iter().any(|w| argument.fits(w)));
    match (name, arguments) {
        ("_&&_" | "_||_" | "!_" | "@not_strictly_false", _) => when(all(&[Bool]), Bool),
        ("_==_" | "_!=_", [a, b]) => when(a.fits(b) || (a.is_number() && b.is_number()), Bool),
        ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) => {
            let ordered = [Bool, Text, Bytes, Duration, Timestamp];
            let same = a.fits(b) && all(&[&ordered[..], &[Int, Uint, Double]].concat());
            when(same || (a.is_number() && b.is_number()), Bool)
        }
        ("_?_:_", [condition, a, b]) => {
            let of = if a == b { a.clone() } else { Dyn };
            when(condition.fits(&Bool) && a.fits(b), of)
        }
        ("@in", [item, Type::List(inner)]) => when(item.fits(inner), Bool),
        ("@in", [item, Type::Map(key, _)]) => when(item.fits(key), Bool),
        ("@in", [_, container]) => when(*container == Dyn, Bool),
        ("_[_]", [Type::List(item), index]) => when(index.is_number(), (**item).clone()),
        ("_[_]", [Type::Map(key, value), index]) => when(index.fits(key), (**value).clone()),
        ("_[_]" | "_[?_]" | "_?._", [container, _]) => when(*container == Dyn, Dyn),
        ("-_", [a]) => when(matches!(a, Int | Double | Dyn), a.clone()),
        ("_+_" | "_-_", [Timestamp, Duration]) => when(true, Timestamp),
        ("_+_", [Timestamp, Dyn]) => when(true, Timestamp),
        ("_-_", [Timestamp, Dyn]) => when(true, Dyn),
        ("_-_", [Timestamp, Timestamp]) => when(true, Duration),
        ("_+_", [Duration, Timestamp]) => when(true, Timestamp),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [a, b]) => {
            let of = if *a == Dyn { b.clone() } else { a.clone() };
            let of = if *a == Dyn || *b == Dyn { Dyn } else { of };
            let fits = match name {
                "_+_" => a.is_number() || matches!(a, Text | Bytes | Duration | Type::List(_)),
                "_-_" => a.is_number() || *a == Duration,
                "_%_" => matches!(a, Int | Uint | Dyn),
                _ => a.is_number(),
            };
            when(a.fits(b) && fits, of)
        }
        ("size", [of]) => when(matches!(of, Text | Bytes | Dyn | Type::List(_) | Type::Map(..)), Int),
        ("type", [_]) => when(true, Type::Kind),
        ("dyn", [_]) => when(true, Dyn),
        ("bool", [_]) => when(all(&[Bool, Text]), Bool),
        ("bytes", [_]) => when(all(&[Bytes, Text]), Bytes),
        ("int", [_]) => when(all(&[Int, Uint, Double, Text, Timestamp]), Int),
        ("uint", [_]) => when(all(&[Int, Uint, Double, Text]), Uint),
        ("double", [_]) => when(all(&[Int, Uint, Double, Text]), Double),
        ("string", [_]) => when(all(&[Bool, Int, Uint, Double, Text, Bytes, Timestamp, Duration]), Text),
        ("duration", [_]) => when(all(&[Text, Int, Duration]), Duration),
        ("timestamp", [_]) => when(all(&[Text, Int, Timestamp]), Timestamp),
        ("matches", [_, _]) => when(all(&[Text]), Bool),
        ("sets.contains" | "sets.equivalent" | "sets.intersects", [_, _]) => {
            when(all(&[Type::List(Box::new(Dyn))]), Bool)
        }
        ("base64.encode", [_]) => when(all(&[Bytes]), Text),
        ("base64.decode", [_]) => when(all(&[Text]), Bytes),
        ("optional.of" | "optional.ofNonZeroValue" | "optional.none", _) => when(true, Dyn),
        ("strings.quote", [_]) => when(all(&[Text]), Text),
        _ => known(name, &FUNCTIONS).then_some(None),
    }
}

/// As [`function`], for what is called on a value: the first argument.
fn method(name: &str, arguments: &[Type]) -> Option<Option<Type>> {
    use Type::{Bool, Int, Text};
    let (target, rest) = arguments.split_first()?;
    let when = |fits: bool, of: Type| Some(fits.then_some(of));
    let texts = target.fits(&Text) && rest.iter().all(|argument| argument.fits(&Text));
    match (name, rest.len()) {
        ("contains" | "startsWith" | "endsWith" | "matches", 1) => when(texts, Bool),
        ("size", 0) => function("size", arguments),
        ("indexOf" | "lastIndexOf", 1 | 2) => when(target.fits(&Text), Int),
        ("lowerAscii" | "upperAscii" | "trim" | "reverse", 0) => when(texts, Text),
        ("replace", 2 | 3) | ("substring", 1 | 2) | ("charAt" | "format", 1) => {
            when(target.fits(&Text), Text)
        }
        ("split", 1 | 2) => when(target.fits(&Text), Type::List(Box::new(Text))),
        ("join", 0 | 1) => when(target.fits(&Type::List(Box::new(Text))), Text),
        (_, 0 | 1) if TIMES.contains(&name) => {
            when(target.fits(&Type::Timestamp) || *target == Type::Duration, Int)
        }
        ("hasValue", 0) => when(*target == Type::Dyn, Bool),
        ("value", 0) | ("or" | "orValue", 1) => when(*target == Type::Dyn, Type::Dyn),
        _ => known(name, &METHODS).then_some(None),
    }
}

fn known(name: &str, names: &[&str]) -> bool {
    names.contains(&name) || TIMES.contains(&name) || name.starts_with('_') || name == "@in" || name == "-_"
}

/// Functions and methods, whatever their arguments.
const FUNCTIONS: [&str; 18] = [
    "size",
    "type",
    "dyn",
    "bool",
    "bytes",
    "int",
    "uint",
    "double",
    "string",
    "duration",
    "timestamp",
    "matches",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
    "base64.encode",
    "base64.decode",
    "strings.quote",
];
const METHODS: [&str; 16] = [
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "size",
    "indexOf",
    "lastIndexOf",
    "lowerAscii",
    "upperAscii",
    "trim",
    "reverse",
    "replace",
    "substring",
    "charAt",
    "split",
    "join",
];
/// Parts of times and durations.
const TIMES: [&str; 10] = [
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];
