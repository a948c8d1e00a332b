//! Every write that is not server-side apply.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::compare::Changes;
use super::entries::{list, seconds};
use super::implied::tidy_metadata;
use super::{Entry, FieldSet, Fields, Kind, Managers, Operation, PathElement, Writer};

/// The manager of what was there before an object was first applied to.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// [`super::update`], whose objects have the fields of their owners in the form in which they are stored: as JSON text.
pub(crate) fn update(old: Option<&Value>, new: Value, writer: &Writer<'_>, kind: Kind<'_>) -> Value {
    let mut out = new;
    let sent = match out.get_mut("metadata") {
        Some(Value::Object(metadata)) => metadata.remove("managedFields"),
        _ => None,
    };
    let mut managers = starting_managers(old, sent, !writer.subresource.is_empty());
    tidy_metadata(&mut out);
    if old.is_some() && managers.entries.is_empty() {
        return out;
    }
    track(&mut managers, old, &out, writer, kind);
    managers.cap();
    managers.write(&mut out);
    out
}

/// The entries that a write begins with; `sent` are those that the new object carries.
fn starting_managers(old: Option<&Value>, sent: Option<Value>, subresource: bool) -> Managers {
    let sent = match sent {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let live = old.and_then(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if sent == live {
        return Managers::stored(sent);
    }
    let is_reset = |list: &[Value]| matches!(list, [Value::Object(entry)] if entry.values().all(|v| v.is_null() || v == ""));
    if subresource || sent.is_empty() {
        return Managers::stored(live.to_vec());
    }
    if is_reset(&sent) {
        return Managers::default();
    }
    Managers::read(&sent).unwrap_or_else(|_| Managers::stored(live.to_vec()))
}

fn track(managers: &mut Managers, old: Option<&Value>, new: &Value, writer: &Writer<'_>, kind: Kind<'_>) {
    let empty = Value::Object(Map::new());
    let old = old.unwrap_or(&empty);
    let changes = Changes::between(old, new, kind).without(&ignored(writer));
    for entry in &mut managers.entries {
        for set in [&changes.added, &changes.modified, &changes.removed] {
            entry.fields.subtract(set);
        }
    }
    let taken = taken(changes);
    let mut entry = writer.entry(Operation::Update, Fields::default());
    if !taken.is_empty() {
        if let Some(previous) = managers.entries.iter_mut().find(|e| e.same_writer(&entry)) {
            entry.fields = std::mem::take(&mut previous.fields);
        }
        entry.fields.extend(taken);
        managers.put(entry);
    }
    managers.entries.retain(|e| !e.fields.is_empty());
}

/// What a writer owns after these changes.
fn taken(changes: Changes) -> FieldSet {
    let mut taken = changes.added;
    taken.extend(changes.modified);
    without_system_fields(taken)
}

/// The entry that stands for what was there before the first apply.
pub(super) fn before_first_apply(live: &Value, writer: &Writer<'_>, kind: Kind<'_>) -> Entry {
    let changes = Changes::between(&Value::Object(Map::new()), live, kind).without(&ignored(writer));
    Entry {
        manager: BEFORE_FIRST_APPLY.to_owned(),
        ..writer.entry(Operation::Update, Fields::of(taken(changes)))
    }
}

/// Whether two objects are the same, whoever owns their fields.
pub(crate) fn same_but_for_owners(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return a == b };
    fn fields(metadata: &Value) -> impl Iterator<Item = (&String, &Value)> {
        metadata.as_object().into_iter().flatten().filter(|(key, _)| *key != "managedFields")
    }
    a.len() == b.len()
        && a.iter().all(|(key, value)| match (key.as_str(), b.get(key)) {
            (_, None) => false,
            ("metadata", Some(other)) => fields(value).eq(fields(other)),
            (_, Some(other)) => value == other,
        })
}

/// A copy of the object without its managed fields.
pub(super) fn without_managed_fields(object: &Value) -> Value {
    let Some(map) = object.as_object() else { return object.clone() };
    let copy = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Object(metadata) if key == "metadata" => {
                let kept = metadata.iter().filter(|(k, _)| *k != "managedFields");
                Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect())
            }
            other => other.clone(),
        };
        (key.clone(), value)
    };
    Value::Object(map.iter().map(copy).collect())
}

/// The set of paths that the endpoint does not write.
pub(super) fn ignored(writer: &Writer<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    for path in writer.ignored {
        let path: Vec<PathElement> = path.iter().map(|name| PathElement::Field((*name).to_owned())).collect();
        set.insert(&path);
    }
    set
}

/// The object without the fields that the endpoint does not write.
pub(super) fn without_ignored(object: &Value, writer: &Writer<'_>) -> Value {
    let mut out = object.clone();
    for path in writer.ignored {
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut out, |at, name| at.get_mut(*name));
        if let Some(Value::Object(map)) = parent {
            map.remove(*last);
        }
    }
    out
}

/// Without the fields that nobody owns: the identity of the object, and what the system sets.
pub(super) fn without_system_fields(mut set: FieldSet) -> FieldSet {
    set.subtract(&SYSTEM_FIELDS);
    set
}

static SYSTEM_FIELDS: LazyLock<FieldSet> = LazyLock::new(|| {
    let mut system = FieldSet::default();
    for path in [
        &["apiVersion"][..],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ] {
        let path: Vec<PathElement> = path.iter().map(|name| PathElement::Field((*name).to_owned())).collect();
        system.insert(&path);
    }
    system
});

impl Writer<'_> {
    pub(super) fn entry(&self, operation: Operation, fields: Fields) -> Entry {
        Entry {
            manager: self.manager.to_owned(),
            operation,
            api_version: self.api_version.to_owned(),
            subresource: self.subresource.to_owned(),
            time: Some(seconds(self.now)),
            fields,
        }
    }
}
