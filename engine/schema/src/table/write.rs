//! Schema to table.

use std::fmt::Write as _;

use super::MAGIC;
use crate::node::{Attributes, DeclaredListType, MapType, Scalar, Shape};
use crate::{Schema, Text};

/// A schema that the format has no words for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// An object type without a name, inside of another type.
    #[error("write a table: {0} holds an object type without a name")]
    InlineObject(String),
    /// A word with a character that separates words in the table.
    #[error("write a table: {0:?} holds a separator")]
    Separator(String),
}

/// Writes a schema as a table; [`super::parse`] reads it back.
///
/// # Errors
/// See [`Unwritable`].
pub fn write(schema: &Schema) -> Result<String, Unwritable> {
    let mut out = format!("{MAGIC} {}\n", word(&schema.version)?);
    for group in &schema.groups {
        let _ = write!(out, "group {}", word(&group.name)?);
        for version in &group.versions {
            let _ = write!(out, " {}", word(version)?);
        }
        out.push('\n');
    }
    for r in &schema.resources {
        let scope = if r.namespaced { "namespaced" } else { "cluster" };
        let [group, version, kind] = [word(&r.group)?, word(&r.version)?, word(&r.kind)?];
        let [plural, singular] = [word(&r.plural)?, word(&r.singular)?];
        let [verbs, short, categories] = [list(&r.verbs)?, list(&r.short_names)?, list(&r.categories)?];
        let _ = writeln!(
            out,
            "resource {group} {version} {kind} {plural} {singular} {scope} {verbs} {short} {categories}"
        );
        for s in &r.subresources {
            let [name, group, version, kind] =
                [word(&s.name)?, word(&s.group)?, word(&s.version)?, word(&s.kind)?];
            let _ = writeln!(out, "sub {name} {group} {version} {kind} {}", list(&s.verbs)?);
        }
    }
    for (name, node) in &schema.names {
        Type { schema, name }.write(&mut out, *node)?;
    }
    Ok(out)
}

struct Type<'s> {
    schema: &'s Schema,
    name: &'s str,
}

impl Type<'_> {
    fn write(&self, out: &mut String, id: u32) -> Result<(), Unwritable> {
        let Some(node) = self.schema.nodes.get(id as usize) else { return Ok(()) };
        let _ = write!(out, "type {} ", word(self.name)?);
        let default = Attributes::default();
        let attributes = node.attributes.as_deref().unwrap_or(&default);
        match &node.shape {
            Shape::Object(_) => out.push('.'),
            shape => self.shape(out, shape, Some(attributes))?,
        }
        write_attributes(out, attributes)?;
        out.push('\n');
        for (group, version, kind, _) in self.schema.kinds.iter().filter(|(.., node)| *node == id) {
            let _ = writeln!(out, "kind {} {} {}", word(group)?, word(version)?, word(kind)?);
        }
        let Shape::Object(fields) = &node.shape else { return Ok(()) };
        for field in fields {
            let _ = write!(out, " {}{} ", word(&field.name)?, if field.required { "!" } else { "" });
            self.place(out, field.node)?;
            if let Some(default) = &field.default {
                let _ = write!(out, " default={default}");
            }
            out.push('\n');
        }
        Ok(())
    }

    /// A field's type with its attributes.
    fn place(&self, out: &mut String, id: u32) -> Result<(), Unwritable> {
        let Some(node) = self.schema.nodes.get(id as usize) else { return Ok(()) };
        match (&node.shape, node.attributes.as_deref()) {
            (Shape::Ref(target), Some(attributes)) if !self.is_named(id) => {
                self.inner(out, *target, Some(attributes))?;
                write_attributes(out, attributes)
            }
            _ => self.inner(out, id, None),
        }
    }

    fn inner(&self, out: &mut String, id: u32, outer: Option<&Attributes>) -> Result<(), Unwritable> {
        if let Some((name, _)) = self.schema.names.iter().find(|(_, n)| *n == id) {
            let _ = write!(out, "@{}", word(name)?);
            return Ok(());
        }
        let Some(node) = self.schema.nodes.get(id as usize) else { return Ok(()) };
        match (&node.shape, node.attributes.as_deref()) {
            (Shape::Ref(target), Some(own)) => {
                self.inner(out, *target, Some(own))?;
                let mut words = String::new();
                write_attributes(&mut words, own)?;
                if !words.is_empty() {
                    let _ = write!(out, "({})", words.trim_start().replace(' ', ";"));
                }
                Ok(())
            }
            (Shape::Ref(target), None) => self.inner(out, *target, outer),
            (shape, _) => self.shape(out, shape, outer),
        }
    }

    fn shape(&self, out: &mut String, shape: &Shape, of: Option<&Attributes>) -> Result<(), Unwritable> {
        match shape {
            Shape::Any => out.push('*'),
            Shape::Free => out.push('o'),
            Shape::Ref(target) => self.inner(out, *target, None)?,
            Shape::Elsewhere(name) => {
                out.push('@');
                out.push_str(name);
            }
            Shape::Object(_) => return Err(Unwritable::InlineObject(self.name.to_owned())),
            Shape::List(items) => {
                out.push('[');
                self.inner(out, *items, None)?;
                out.push(']');
            }
            Shape::Map(values) => {
                out.push('{');
                self.inner(out, *values, None)?;
                out.push('}');
            }
            Shape::Scalar(scalar) => {
                out.push(match scalar {
                    Scalar::String => 's',
                    Scalar::Integer => 'i',
                    Scalar::Number => 'n',
                    Scalar::Boolean => 'b',
                    Scalar::IntOrString => '?',
                    Scalar::Quantity => 'q',
                });
                if let Some(format) = of.and_then(|a| a.format.as_deref()) {
                    let _ = write!(out, "/{}", word(format)?);
                }
                if let Some(values) = of.map(|a| &a.enum_values).filter(|v| !v.is_empty()) {
                    let mut words = Vec::with_capacity(values.len());
                    for value in values {
                        words.push(separators(&value.replace(' ', "%20"))?.to_owned());
                    }
                    let _ = write!(out, "<{}>", words.join(","));
                }
            }
        }
        Ok(())
    }

    fn is_named(&self, id: u32) -> bool {
        self.schema.names.iter().any(|(_, n)| *n == id)
    }
}

fn write_attributes(out: &mut String, a: &Attributes) -> Result<(), Unwritable> {
    match &a.list_type {
        Some(DeclaredListType::Atomic) => out.push_str(" list=atomic"),
        Some(DeclaredListType::Set) => out.push_str(" list=set"),
        Some(DeclaredListType::Map(keys)) => {
            let _ = write!(out, " list=map:{}", list(keys)?);
        }
        None => {}
    }
    match a.map_type {
        Some(MapType::Atomic) => out.push_str(" map=atomic"),
        Some(MapType::Granular) => out.push_str(" map=granular"),
        None => {}
    }
    if let Some(patch) = a.patch {
        let words = [(patch.merge, "merge"), (patch.replace, "replace"), (patch.retain_keys, "retainKeys")];
        let words: Vec<&str> = words.into_iter().filter_map(|(set, word)| set.then_some(word)).collect();
        let _ = write!(out, " patch={}", words.join(","));
    }
    if let Some(key) = &a.merge_key {
        let _ = write!(out, " key={}", word(key)?);
    }
    for (set, name) in
        [(a.nullable, "nullable"), (a.preserve_unknown, "open"), (a.embedded_resource, "embedded")]
    {
        if set {
            let _ = write!(out, " {name}");
        }
    }
    Ok(())
}

fn separators(text: &str) -> Result<&str, Unwritable> {
    if text.contains([' ', ',', ';', '<', '>', '(', ')', '[', ']', '{', '}', '\n']) {
        return Err(Unwritable::Separator(text.to_owned()));
    }
    Ok(text)
}

fn word(text: &str) -> Result<&str, Unwritable> {
    if text.is_empty() { Ok("-") } else { separators(text) }
}

fn list(words: &[Text]) -> Result<String, Unwritable> {
    for word in words {
        separators(word)?;
    }
    Ok(if words.is_empty() { "-".to_owned() } else { words.join(",") })
}
