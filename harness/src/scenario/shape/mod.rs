//! Checks a tree against the JSON Schema of the model, and says everything that is wrong with it.
//!
//! Understood are the keywords that the model's schema contains: `$ref`, `type`, `properties`, `required`,
//! `additionalProperties`, `items`, `enum`, `const`, `oneOf`, `anyOf`, `pattern`, `minimum`, `maximum`, `minItems`,
//! `minLength`, `writeOnly`. A test holds the schema to that list.
//!
//! Fields with `writeOnly` hold secrets: of what stands there, and of what stands in the place of a map with such a field, no
//! message shows more than its type.

mod words;

use super::Span;
use super::problem::{Problem, nearest, quoted};
use super::tree::{Data, Node};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use words::{DURATION, VERSION, described, expected, is_duration, is_version, types};

/// A schema, ready to check trees.
pub(super) struct Shape {
    root: Value,
    /// Where each field name belongs.
    owners: BTreeMap<String, BTreeSet<String>>,
}

/// The place that is being checked, for messages: `the scenario`, `` `bootstrap` ``, ``an item of `steps` ``.
type Label = String;

impl Shape {
    pub(super) fn new(root: Value, label: &str) -> Shape {
        let mut shape = Shape { root, owners: BTreeMap::new() };
        let mut owners = BTreeMap::new();
        shape.collect_owners(&shape.root, label, &mut owners, &mut BTreeSet::new());
        shape.owners = owners;
        shape
    }

    /// Everything that is wrong with `node`.
    pub(super) fn check(&self, file: &Path, node: &Node, label: &str) -> Vec<Problem> {
        let root = self.resolve(&self.root);
        if node.text().is_some() && !types(root).contains(&"string") {
            // A file that is one text is another one than was meant, such as a key: what it says is not shown.
            let message = format!("{label} must be {}, not a text", expected(root));
            return vec![Problem::new(file, node.at, message)];
        }
        let mut check = Check { shape: self, file, problems: Vec::new(), hidden: false };
        check.value(node, &self.root, label.to_owned());
        check.problems
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/$defs/")) {
            Some(name) => &self.root["$defs"][name],
            None => schema,
        }
    }

    /// Whether it is a secret, or a map that has one among its fields.
    fn holds_secrets(&self, schema: &Value) -> bool {
        let is_secret = |schema: &Value| schema["writeOnly"] == true;
        let resolved = self.resolve(schema);
        let either = || list(resolved, "oneOf").iter().chain(list(resolved, "anyOf"));
        is_secret(schema)
            || is_secret(resolved)
            || object(resolved, "properties").any(|(_, field)| is_secret(field))
            || either().any(|schema| self.holds_secrets(schema))
    }

    fn collect_owners(
        &self,
        schema: &Value,
        label: &str,
        owners: &mut BTreeMap<String, BTreeSet<String>>,
        seen: &mut BTreeSet<String>,
    ) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str)
            && !seen.insert(format!("{name} {label}"))
        {
            return;
        }
        let schema = self.resolve(schema);
        for (name, inner) in object(schema, "properties") {
            owners.entry(name.clone()).or_default().insert(label.to_owned());
            self.collect_owners(inner, &format!("`{name}`"), owners, seen);
        }
        for key in ["items", "additionalProperties"] {
            if let Some(inner) = schema.get(key).filter(|s| s.is_object()) {
                self.collect_owners(inner, &item_label(label), owners, seen);
            }
        }
        for key in ["oneOf", "anyOf"] {
            for inner in list(schema, key) {
                self.collect_owners(inner, label, owners, seen);
            }
        }
    }
}

fn item_label(label: &str) -> Label {
    match label {
        "`steps`" => "a step".to_owned(),
        "`clusters`" => "a cluster".to_owned(),
        "`git`" => "a repository".to_owned(),
        "`profiles`" => "a profile".to_owned(),
        "`patch`" | "the list of patches" => "a patch".to_owned(),
        other => format!("an item of {other}"),
    }
}

fn object<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    schema.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn strings<'a>(schema: &'a Value, key: &str) -> Vec<&'a str> {
    list(schema, key).iter().filter_map(Value::as_str).collect()
}

/// Whether the alternative only says which fields must be there (and which, by `oneOf`, must not).
fn only_required(schema: &Value) -> bool {
    schema.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("required"))
}

struct Check<'a> {
    shape: &'a Shape,
    file: &'a Path,
    problems: Vec<Problem>,
    /// Whether what is looked at is below a field that holds secrets.
    hidden: bool,
}

impl<'a> Check<'a> {
    /// Alternatives are looked at beside what they have in common: what both find is told once.
    fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn value(&mut self, node: &Node, schema: &'a Value, label: Label) {
        let above = self.hidden;
        self.hidden |= schema["writeOnly"] == true;
        self.shown_or_not(node, schema, label);
        self.hidden = above;
    }

    fn shown_or_not(&mut self, node: &Node, schema: &'a Value, label: Label) {
        let hidden = self.hidden || self.shape.holds_secrets(schema);
        let schema = self.shape.resolve(schema);
        if !self.type_matches(node, schema) {
            let mut problem = Problem::new(
                self.file,
                node.at,
                format!("{label} must be {}, not {}", expected(schema), described(node, hidden)),
            );
            if let (Data::Number(n), true) = (&node.data, types(schema).contains(&"string")) {
                problem = problem.help(match is_duration(schema) {
                    true if hidden => "give it a unit: s, m or h".to_owned(),
                    true => format!("give it a unit: {n}s, {n}m or {n}h"),
                    false if hidden => "put it in quotes".to_owned(),
                    false => format!("put it in quotes: \"{n}\""),
                });
            }
            return self.problem(problem);
        }
        self.scalar(node, schema, &label);
        match &node.data {
            Data::Map(_) => self.map(node, schema, &label),
            Data::List(items) => {
                if items.len() < schema["minItems"].as_u64().unwrap_or(0) as usize {
                    self.problem(Problem::new(self.file, node.at, format!("{label} must not be empty")));
                }
                if let Some(inner) = schema.get("items") {
                    for item in items {
                        self.value(item, inner, item_label(&label));
                    }
                }
            }
            _ => {}
        }
        for key in ["oneOf", "anyOf"] {
            let alternatives = list(schema, key);
            if !alternatives.is_empty() && !alternatives.iter().all(only_required) {
                self.alternatives(node, alternatives, &label);
            }
        }
    }

    fn type_matches(&self, node: &Node, schema: &Value) -> bool {
        let types = types(schema);
        types.is_empty()
            || types.iter().any(|t| match (*t, &node.data) {
                ("null", Data::Null)
                | ("boolean", Data::Bool(_))
                | ("number", Data::Number(_))
                | ("string", Data::Text(_))
                | ("array", Data::List(_))
                | ("object", Data::Map(_)) => true,
                ("integer", Data::Number(n)) => n.is_i64() || n.is_u64(),
                _ => false,
            })
    }

    fn scalar(&mut self, node: &Node, schema: &'a Value, label: &str) {
        let mut valid = strings(schema, "enum");
        valid.extend(schema.get("const").and_then(Value::as_str));
        if let (Some(text), false) = (node.text(), valid.is_empty())
            && !valid.contains(&text)
        {
            let shown = if self.hidden { "this text".to_owned() } else { format!("`{text}`") };
            let problem = Problem::new(self.file, node.at, format!("{label} cannot be {shown}"));
            return self.problem(problem.suggest(text, valid));
        }
        if let (Some(text), Some(pattern)) = (node.text(), schema.get("pattern").and_then(Value::as_str)) {
            let message = match pattern {
                DURATION => text.parse::<Span>().err().map(|e| e.to_string()),
                VERSION => (!is_version(text)).then(|| format!("{text:?} is not a version such as v1.28.3")),
                _ => None,
            };
            if let Some(mut message) = message {
                if self.hidden {
                    message = format!("{label} must be {}, not a text", expected(schema));
                }
                self.problem(Problem::new(self.file, node.at, message));
            }
        }
        if let (Some(text), Some(least)) = (node.text(), schema.get("minLength").and_then(Value::as_u64))
            && (text.chars().count() as u64) < least
        {
            self.problem(Problem::new(self.file, node.at, format!("{label} must not be empty")));
        }
        if let Data::Number(n) = &node.data {
            let value = n.as_f64().unwrap_or_default();
            let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
            if least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
                let range = match (least, most) {
                    (Some(least), Some(most)) => format!("from {least} to {most}"),
                    (Some(least), None) => format!("at least {least}"),
                    (None, most) => format!("at most {}", most.unwrap_or_default()),
                };
                let found = if self.hidden { "another number".to_owned() } else { n.to_string() };
                let message = format!("{label} must be {range}, not {found}");
                self.problem(Problem::new(self.file, node.at, message));
            }
        }
    }

    fn map(&mut self, node: &Node, schema: &'a Value, label: &str) {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in node.entries() {
            if let Some(line) = seen.insert(&entry.key, entry.at.line) {
                let message = format!("`{}` is in {label} twice: first on line {line}", entry.key);
                self.problem(Problem::new(self.file, entry.at, message));
            }
            match (schema["properties"].get(&entry.key), schema.get("additionalProperties")) {
                (Some(inner), _) => self.value(&entry.value, inner, format!("`{}`", entry.key)),
                (None, Some(Value::Bool(false))) => self.unknown(&entry.key, entry.at, schema, label),
                (None, Some(inner @ Value::Object(_))) => {
                    self.value(&entry.value, inner, format!("`{}`", entry.key));
                }
                // Foreign data, such as a part of a Kubernetes object: only its keys are looked at.
                (None, _) => self.duplicates(&entry.value, &format!("`{}`", entry.key)),
            }
        }
        let known = |key: &str| schema["properties"].get(key).is_some();
        for name in strings(schema, "required") {
            // Where a field is misspelt, that alone is reported.
            let misspelt =
                node.entries().iter().any(|e| !known(&e.key) && nearest(&e.key, &[name]).is_some());
            if node.entry(name).is_none() && !misspelt {
                self.problem(Problem::new(self.file, node.at, format!("{label} lacks `{name}`")));
            }
        }
        let alternatives = list(schema, "oneOf");
        if !alternatives.is_empty() && alternatives.iter().all(only_required) {
            self.exactly_one(node, alternatives, label);
        }
    }

    fn duplicates(&mut self, node: &Node, label: &str) {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for entry in node.entries() {
            if let Some(line) = seen.insert(&entry.key, entry.at.line) {
                let message = format!("`{}` is in {label} twice: first on line {line}", entry.key);
                self.problem(Problem::new(self.file, entry.at, message));
            }
            self.duplicates(&entry.value, &format!("`{}`", entry.key));
        }
        for item in node.items() {
            self.duplicates(item, label);
        }
    }

    fn unknown(&mut self, key: &str, at: super::tree::Pos, schema: &Value, label: &str) {
        let valid: Vec<&str> = object(schema, "properties").map(|(name, _)| name.as_str()).collect();
        let elsewhere = self.shape.owners.get(key);
        let near = nearest(key, &valid);
        // What nobody knows as a field can be a value in its place: `{equals}` for `{equals: x}`.
        let hidden = self.hidden || self.shape.holds_secrets(schema);
        let named = match hidden && elsewhere.is_none() && near.is_none() {
            true => "such field".to_owned(),
            false => format!("field `{key}`"),
        };
        let problem = Problem::new(self.file, at, format!("{label} has no {named}"));
        let problem = match elsewhere {
            // A near miss is more probable than a field from somewhere else.
            Some(owners) if near.is_none() => {
                let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
                problem.help(format!("`{key}` belongs to {}", owners.join(", ")))
            }
            _ => problem.suggest(key, valid),
        };
        self.problem(problem);
    }

    fn exactly_one(&mut self, node: &Node, alternatives: &'a [Value], label: &str) {
        let names: Vec<&str> = alternatives.iter().flat_map(|a| strings(a, "required")).collect();
        let given: Vec<_> = node.entries().iter().filter(|e| names.contains(&e.key.as_str())).collect();
        let misspelt = node
            .entries()
            .iter()
            .any(|e| self.problems.iter().any(|p| p.line == e.at.line && p.column == e.at.column));
        match given.as_slice() {
            [_] => {}
            // The misspelt name was reported already.
            [] if misspelt => {}
            [] => {
                let message = format!("{label} needs one of {}", quoted(&names));
                self.problem(Problem::new(self.file, node.at, message));
            }
            [first, others @ ..] => {
                for other in others.iter().filter(|o| o.key != first.key) {
                    let message = format!(
                        "{label} has both `{}` and `{}`: one of them at a time",
                        first.key, other.key
                    );
                    self.problem(Problem::new(self.file, other.at, message));
                }
            }
        }
    }

    /// The node must fit one of the alternatives; the problems are those of the one that it comes nearest to.
    fn alternatives(&mut self, node: &Node, alternatives: &'a [Value], label: &str) {
        let hidden = self.hidden || alternatives.iter().any(|schema| self.shape.holds_secrets(schema));
        let mut fitting: Vec<(&Value, Vec<Problem>)> = Vec::new();
        for alternative in alternatives {
            let resolved = self.shape.resolve(alternative);
            if !self.type_matches(node, resolved) {
                continue;
            }
            let mut check =
                Check { shape: self.shape, file: self.file, problems: Vec::new(), hidden: self.hidden };
            check.value(node, resolved, label.to_owned());
            if check.problems.is_empty() {
                return;
            }
            fitting.push((resolved, check.problems));
        }
        if let Some(text) = node.text() {
            let valid: Vec<&str> = fitting
                .iter()
                .flat_map(|(s, _)| {
                    strings(s, "enum").into_iter().chain(s.get("const").and_then(Value::as_str))
                })
                .collect();
            if !valid.is_empty() {
                let tagged = alternatives.iter().flat_map(|a| strings(a, "required"));
                let shown = if hidden { "this text".to_owned() } else { format!("`{text}`") };
                let problem = Problem::new(self.file, node.at, format!("{label} cannot be {shown}"));
                return self.problem(problem.suggest(text, valid.into_iter().chain(tagged)));
            }
        }
        // Alternatives that are maps with one key each: the key decides which one is meant.
        let key = node.entries().first().map(|e| e.key.as_str());
        let chosen = fitting
            .iter()
            .position(|(s, _)| key.is_some_and(|key| s["properties"].get(key).is_some()))
            .or_else(|| (fitting.len() == 1).then_some(0));
        match (chosen, key) {
            (Some(index), _) => {
                let (_, problems) = fitting.swap_remove(index);
                problems.into_iter().for_each(|problem| self.problem(problem));
            }
            (None, Some(key)) if !fitting.is_empty() => {
                let valid: Vec<&str> = fitting
                    .iter()
                    .flat_map(|(s, _)| object(s, "properties").map(|(k, _)| k.as_str()))
                    .collect();
                let problem = Problem::new(self.file, node.at, format!("{label} has no field `{key}`"));
                self.problem(problem.suggest(key, valid));
            }
            _ => {
                let kinds: Vec<String> = alternatives
                    .iter()
                    .map(|a| expected(self.shape.resolve(a)))
                    .filter(|k| k != "nothing")
                    .collect();
                let kinds: BTreeSet<&str> = kinds.iter().map(String::as_str).collect();
                let kinds: Vec<&str> = kinds.into_iter().collect();
                let message =
                    format!("{label} must be {}, not {}", kinds.join(" or "), described(node, hidden));
                self.problem(Problem::new(self.file, node.at, message));
            }
        }
    }
}
