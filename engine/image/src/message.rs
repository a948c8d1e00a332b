//! What the commit says.

use std::collections::BTreeMap;
use std::rc::Rc;

use seatrial_template::{Error, Functions, Record, Template, Value};

use crate::reference::{Image, Repository};
use crate::setter::{Change, ObjectId, Update};

/// The message where the automation has no template.
pub const DEFAULT: &str = "Update from image update automation";

/// What the data of the template look like; a property of the Flux release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Flux 2.2: `.Updated`.
    Updated,
    /// Flux 2.9: `.Changed` and `.Values`; `.Updated` is an error.
    Changed,
}

/// Why there is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The template uses data that the release no longer has.
    #[error("template uses removed '.Updated' field. Please use '.Changed' instead.")]
    RemovedField,
    /// The template does not parse, or fails.
    #[error("{0}")]
    Template(Error),
}

impl From<Error> for MessageError {
    fn from(error: Error) -> MessageError {
        match error {
            // Only what a template comes to when it runs tells of the field: the same words may stand in a text or in a comment.
            Error::Run { message, .. }
                if message == format!("can't evaluate field Updated in type {CHANGED}") =>
            {
                MessageError::RemovedField
            }
            error => MessageError::Template(error),
        }
    }
}

/// What Flux calls the data of a template, in errors: 2.9, and 2.2.
const CHANGED: &str = "source.TemplateData";
const UPDATED: &str = "controller.TemplateData";

/// The commit's message: what `template`, which has Sprig's functions in both generations, makes of the update.
///
/// # Errors
/// See [`MessageError`].
pub fn message(
    template: &str,
    automation: (&str, &str),
    update: &Update,
    values: &BTreeMap<String, String>,
    generation: Generation,
) -> Result<String, MessageError> {
    let template = if template.is_empty() { DEFAULT } else { template };
    let parsed = Template::parse("commit message", template, Functions::Sprig)?;
    let mut fields = vec![("AutomationObject".to_owned(), name(automation.0, automation.1))];
    let type_name = match generation {
        Generation::Updated => {
            fields.push(("Updated".into(), updated(update)));
            UPDATED
        }
        Generation::Changed => {
            fields.push(("Changed".into(), changed(update)));
            let values = values.iter().map(|(key, value)| (Rc::from(key.as_str()), Value::text(value)));
            fields.push(("Values".into(), Value::map(values)));
            CHANGED
        }
    };
    Ok(parsed.render(&record(type_name, fields, [], None))?)
}

fn record<const N: usize>(
    type_name: &str,
    fields: Vec<(String, Value)>,
    methods: [(&str, Value); N],
    text: Option<&str>,
) -> Value {
    Value::Record(Rc::new(Record {
        type_name: type_name.to_owned(),
        fields,
        methods: methods
            .into_iter()
            .map(|(name, value)| -> (String, seatrial_template::Method) {
                (name.to_owned(), Rc::new(move |_: &[Value]| Ok(value.clone())))
            })
            .collect(),
        text: text.map(Rc::from),
    }))
}

/// The name of an object, which prints as `namespace/name`.
fn name(namespace: &str, name: &str) -> Value {
    let fields = vec![("Namespace".into(), Value::text(namespace)), ("Name".into(), Value::text(name))];
    record("types.NamespacedName", fields, [], Some(&format!("{namespace}/{name}")))
}

fn object(id: &ObjectId) -> Value {
    let fields = vec![
        ("APIVersion".into(), Value::text(&id.api_version)),
        ("Kind".into(), Value::text(&id.kind)),
        ("Name".into(), Value::text(&id.name)),
        ("Namespace".into(), Value::text(&id.namespace)),
    ];
    record("update.ObjectIdentifier", fields, [], None)
}

fn image(image: &Image, setter: &str) -> Value {
    let text = format!("{}:{}", image.name, image.tag);
    let (registry, path) = match Repository::parse(&image.name) {
        Ok(repository) => (repository.registry, repository.path),
        Err(_) => (String::new(), image.name.clone()),
    };
    let mut policy = setter.split(':');
    let policy = name(policy.next().unwrap_or_default(), policy.next().unwrap_or_default());
    let methods = [
        ("String", Value::text(&text)),
        ("Identifier", Value::text(&image.tag)),
        ("Repository", Value::text(&path)),
        ("Registry", Value::text(&registry)),
        ("Name", Value::text(format!("{registry}/{path}:{}", image.tag))),
        ("Policy", policy),
    ];
    record("update.imageRef", Vec::new(), methods, Some(&text))
}

fn pairs(entries: BTreeMap<&ObjectId, Vec<Value>>) -> Value {
    Value::Pairs(entries.into_iter().map(|(id, items)| (object(id), Value::list(items))).collect())
}

/// Changes by file, and in it by object.
fn by_file(update: &Update) -> BTreeMap<&str, BTreeMap<&ObjectId, Vec<&Change>>> {
    let mut files: BTreeMap<&str, BTreeMap<&ObjectId, Vec<&Change>>> = BTreeMap::new();
    for change in &update.changes {
        files.entry(&change.file).or_default().entry(&change.object).or_default().push(change);
    }
    files
}

/// `.Updated`: files, their objects, and the images in them.
fn updated(update: &Update) -> Value {
    let images = |changes: &[&Change]| {
        let mut seen: BTreeMap<&Image, &str> = BTreeMap::new();
        for change in changes {
            seen.entry(&change.image).or_insert(&change.setter);
        }
        seen.into_iter().map(|(found, setter)| image(found, setter)).collect::<Vec<_>>()
    };
    let files = by_file(update);
    let mut objects: BTreeMap<&ObjectId, Vec<&Change>> = BTreeMap::new();
    for (id, changes) in files.values().flatten() {
        objects.entry(id).or_default().extend(changes);
    }
    let objects = pairs(objects.into_iter().map(|(id, changes)| (id, images(&changes))).collect());
    let all: Vec<&Change> = update.changes.iter().collect();
    let files = Value::map(files.into_iter().map(|(file, objects)| {
        let objects = objects.into_iter().map(|(id, changes)| (id, images(&changes))).collect();
        let fields = vec![("Objects".to_owned(), pairs(objects))];
        (Rc::from(file), record("update.FileResult", fields, [], None))
    }));
    let methods = [("Images", Value::list(images(&all))), ("Objects", objects)];
    record("update.Result", vec![("Files".into(), files)], methods, None)
}

/// `.Changed`: old and new values by file and object.
fn changed(update: &Update) -> Value {
    let one = |change: &Change| {
        let fields = vec![
            ("OldValue".into(), Value::text(&change.old)),
            ("NewValue".into(), Value::text(&change.new)),
            ("Setter".into(), Value::text(&change.setter)),
        ];
        record("update.Change", fields, [], None)
    };
    let list = |changes: &[&Change]| changes.iter().map(|change| one(change)).collect::<Vec<_>>();
    let files = by_file(update);
    let mut objects: BTreeMap<&ObjectId, Vec<&Change>> = BTreeMap::new();
    for (id, changes) in files.values().flatten() {
        objects.entry(id).or_default().extend(changes);
    }
    let objects = pairs(objects.into_iter().map(|(id, changes)| (id, list(&changes))).collect());
    // What changed alike in several places is told once.
    let mut told: Vec<&Change> = Vec::new();
    for change in &update.changes {
        let same = |other: &&&Change| {
            (&other.old, &other.new, &other.setter) == (&change.old, &change.new, &change.setter)
        };
        if !told.iter().any(|other| same(&other)) {
            told.push(change);
        }
    }
    let files = Value::map(files.into_iter().map(|(file, objects)| {
        (Rc::from(file), pairs(objects.into_iter().map(|(id, changes)| (id, list(&changes))).collect()))
    }));
    let methods = [("Changes", Value::list(list(&told))), ("Objects", objects)];
    record("update.Result", vec![("FileChanges".into(), files)], methods, None)
}
