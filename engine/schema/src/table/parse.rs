//! Table to schema.

use serde_json::Value;

use super::MAGIC;
use crate::node::{Attributes, DeclaredListType, MapType, PatchStrategy, Scalar};
use crate::{Builder, Group, NodeId, Resource, Schema, Subresource, Text};

/// A line that is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse line {line} of the type table: {what}")]
pub struct TableError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a table; see [`crate::table`] for the format.
///
/// # Errors
/// The first line that is not of the format.
pub fn parse(text: &'static str) -> Result<Schema, TableError> {
    let mut lines = text.lines().enumerate();
    let head = lines.next().map(|(_, l)| l).unwrap_or_default();
    let version = head
        .strip_prefix(MAGIC)
        .ok_or_else(|| TableError { line: 1, what: format!("expected {MAGIC:?}, found {head:?}") })?;
    let mut state = State { builder: Builder::new(version.trim()), object: None, resource: None, ty: None };
    for (index, line) in lines {
        state.line(line).map_err(|what| TableError { line: index + 1, what })?;
    }
    state.end_resource();
    Ok(state.builder.finish())
}

/// Reads the lines of one type.
pub(super) fn piece(name: &'static str, lines: &'static str) -> Result<Schema, String> {
    let mut state = State { builder: Builder::new(""), object: None, resource: None, ty: None };
    state.builder.named(name);
    lines.lines().try_for_each(|line| state.line(line))?;
    Ok(state.builder.finish_piece(name))
}

struct State {
    builder: Builder,
    /// The type that the next `kind` lines belong to.
    ty: Option<NodeId>,
    /// The object that the next fields belong to.
    object: Option<NodeId>,
    resource: Option<Resource>,
}

impl State {
    fn line(&mut self, line: &'static str) -> Result<(), String> {
        if let Some(field) = line.strip_prefix(' ') {
            return self.field(field);
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "kind" => self.kind(rest),
            "type" => self.named(rest),
            "group" => self.group(rest),
            "resource" => self.resource(rest),
            "sub" => self.sub(rest),
            "" => Ok(()),
            other => Err(format!("unknown word {other:?}")),
        }
    }

    fn field(&mut self, text: &'static str) -> Result<(), String> {
        let object = self.object.ok_or("a field outside of an object")?;
        let (name, rest) = text.split_once(' ').ok_or("a field without a type")?;
        let (name, required) = match name.strip_suffix('!') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (ty, attributes, default) = self.typed(rest)?;
        let ty = self.builder.with(ty, attributes);
        self.builder.add_field(object, name, ty, required, default);
        Ok(())
    }

    fn named(&mut self, rest: &'static str) -> Result<(), String> {
        let (name, rest) = rest.split_once(' ').ok_or("a type without a shape")?;
        let (ty, attributes, _) = self.typed(rest)?;
        let id = self.builder.define(name, ty, attributes);
        self.ty = Some(id);
        self.object = rest.starts_with('.').then_some(id);
        Ok(())
    }

    fn kind(&mut self, rest: &'static str) -> Result<(), String> {
        let ty = self.ty.ok_or("a kind without a type")?;
        let [group, version, kind] = words(rest)?;
        self.builder.add_kind(group, version, kind, ty);
        Ok(())
    }

    fn group(&mut self, rest: &'static str) -> Result<(), String> {
        let mut words = rest.split(' ').map(word);
        let name = words.next().ok_or("a group without a name")?.into();
        self.builder.add_group(Group { name, versions: words.map(Text::from).collect() });
        Ok(())
    }

    fn resource(&mut self, rest: &'static str) -> Result<(), String> {
        self.end_resource();
        let [group, version, kind, plural, singular, scope, verbs, short_names, categories] = words(rest)?;
        let namespaced = match scope {
            "namespaced" => true,
            "cluster" => false,
            other => return Err(format!("unknown scope {other:?}")),
        };
        self.resource = Some(Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: singular.into(),
            namespaced,
            verbs: list(verbs),
            short_names: list(short_names),
            categories: list(categories),
            subresources: Vec::new(),
        });
        Ok(())
    }

    fn sub(&mut self, rest: &'static str) -> Result<(), String> {
        let resource = self.resource.as_mut().ok_or("a subresource without a resource")?;
        let [name, group, version, kind, verbs] = words(rest)?;
        resource.subresources.push(Subresource {
            name: name.into(),
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            verbs: list(verbs),
        });
        Ok(())
    }

    fn end_resource(&mut self) {
        if let Some(resource) = self.resource.take() {
            self.builder.add_resource(resource);
        }
    }

    /// `EXPR ATTRIBUTE… [default=JSON]`
    fn typed(&mut self, text: &'static str) -> Result<(NodeId, Attributes, Option<Value>), String> {
        let (text, default) = match text.split_once(" default=") {
            Some((text, json)) => (text, Some(serde_json::from_str(json).map_err(|e| e.to_string())?)),
            None => (text, None),
        };
        let mut words = text.split(' ');
        let expr = words.next().unwrap_or_default();
        let (mut ty, rest) = self.expr(expr)?;
        if !rest.is_empty() {
            return Err(format!("{rest:?} after the type"));
        }
        let mut attributes = Attributes::default();
        for word in words {
            attribute(&mut attributes, word)?;
        }
        if expr.starts_with('.') {
            ty = self.builder.object();
        }
        Ok((ty, attributes, default))
    }

    /// A type within another one, with its attributes.
    fn nested(&mut self, text: &'static str) -> Result<(NodeId, &'static str), String> {
        let (ty, rest) = self.expr(text)?;
        let Some(words) = rest.strip_prefix('(') else { return Ok((ty, rest)) };
        let (words, rest) = words.split_once(')').ok_or("attributes without their end")?;
        let mut attributes = Attributes::default();
        for word in words.split(';') {
            attribute(&mut attributes, word)?;
        }
        Ok((self.builder.with(ty, attributes), rest))
    }

    fn expr(&mut self, text: &'static str) -> Result<(NodeId, &'static str), String> {
        let Some(first) = text.chars().next() else { return Err("no type".to_owned()) };
        let rest = &text[first.len_utf8()..];
        let close = |rest: &'static str, end: char| {
            rest.strip_prefix(end).ok_or_else(|| format!("expected {end:?} before {rest:?}"))
        };
        let scalar = match first {
            '*' => return Ok((self.builder.any(), rest)),
            'o' => return Ok((self.builder.free_object(), rest)),
            '.' => return Ok((self.builder.any(), rest)),
            '@' => {
                let end = rest.find([']', '}', '(']).unwrap_or(rest.len());
                let (name, rest) = rest.split_at(end);
                return Ok((self.builder.named(name), rest));
            }
            '[' => {
                let (items, rest) = self.nested(rest)?;
                return Ok((self.builder.list(items), close(rest, ']')?));
            }
            '{' => {
                let (values, rest) = self.nested(rest)?;
                return Ok((self.builder.map(values), close(rest, '}')?));
            }
            's' => Scalar::String,
            'i' => Scalar::Integer,
            'n' => Scalar::Number,
            'b' => Scalar::Boolean,
            '?' => Scalar::IntOrString,
            'q' => Scalar::Quantity,
            other => return Err(format!("unknown type {other:?}")),
        };
        let mut attributes = Attributes::default();
        let mut rest = rest;
        if let Some(format) = rest.strip_prefix('/') {
            let (format, after) = format.split_at(format.find(['<', ']', '}', '(']).unwrap_or(format.len()));
            attributes.format = Some(format.into());
            rest = after;
        }
        if let Some(values) = rest.strip_prefix('<') {
            let (values, after) = values.split_once('>').ok_or("an enum without its end")?;
            attributes.enum_values = values
                .split(',')
                .map(|v| if v.contains("%20") { v.replace("%20", " ").into() } else { Text::from(v) })
                .collect();
            rest = after;
        }
        let ty = self.builder.scalar(scalar);
        Ok((self.builder.with(ty, attributes), rest))
    }
}

fn attribute(attributes: &mut Attributes, text: &'static str) -> Result<(), String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match (name, value) {
        ("list", "atomic") => attributes.list_type = Some(DeclaredListType::Atomic),
        ("list", "set") => attributes.list_type = Some(DeclaredListType::Set),
        ("list", keys) if keys.starts_with("map:") => {
            attributes.list_type = Some(DeclaredListType::Map(list(&keys[4..])));
        }
        ("map", "atomic") => attributes.map_type = Some(MapType::Atomic),
        ("map", "granular") => attributes.map_type = Some(MapType::Granular),
        ("patch", strategies) => attributes.patch = Some(patch_strategy(strategies)?),
        ("key", key) => attributes.merge_key = Some(key.into()),
        ("nullable", "") => attributes.nullable = true,
        ("open", "") => attributes.preserve_unknown = true,
        ("embedded", "") => attributes.embedded_resource = true,
        _ => return Err(format!("unknown attribute {text:?}")),
    }
    Ok(())
}

fn patch_strategy(text: &str) -> Result<PatchStrategy, String> {
    let mut patch = PatchStrategy::default();
    for word in text.split(',') {
        match word {
            "merge" => patch.merge = true,
            "replace" => patch.replace = true,
            "retainKeys" => patch.retain_keys = true,
            other => return Err(format!("unknown patch strategy {other:?}")),
        }
    }
    Ok(patch)
}

fn word(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

fn words<const N: usize>(text: &'static str) -> Result<[&'static str; N], String> {
    let words: Vec<&str> = text.split(' ').map(word).collect();
    let found = words.len();
    words.try_into().map_err(|_| format!("expected {N} words, found {found}"))
}

fn list(text: &'static str) -> Vec<Text> {
    word(text).split(',').filter(|w| !w.is_empty()).map(Text::from).collect()
}
