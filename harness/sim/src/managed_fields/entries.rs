//! `metadata.managedFields`.

use std::collections::BTreeMap;

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value};

use super::{Fields, FieldsError};

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// One entry: the fields of one manager.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The manager's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The API version that it wrote in.
    pub api_version: String,
    /// The subresource that it wrote through; empty for the main endpoint.
    pub subresource: String,
    /// When the entry last changed.
    pub time: Option<Timestamp>,
    /// What it owns.
    pub fields: Fields,
}

impl Entry {
    /// Whether both belong to the same writer. An applier keeps its entry when it moves to another API version.
    pub(super) fn same_writer(&self, other: &Entry) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managers {
    /// In the order of the object.
    pub entries: Vec<Entry>,
}

/// How many entries with the operation `Update` an object keeps. The oldest are joined into one.
const MOST_UPDATERS: usize = 10;
const ANCIENT: &str = "ancient-changes";

impl Managers {
    /// Reads the entries that a client sent.
    ///
    /// # Errors
    /// An entry whose fields cannot be read.
    pub fn read(list: &[Value]) -> Result<Managers, FieldsError> {
        let mut managers = Managers::default();
        for entry in list {
            let fields = entry.get("fieldsV1").map(Fields::read).transpose()?.unwrap_or_default();
            // Of two entries of one writer the last counts.
            managers.put(Entry::of(entry, fields));
        }
        Ok(managers)
    }

    /// The entries of a list that [`Managers::write`] wrote.
    pub(super) fn stored(list: Vec<Value>) -> Managers {
        let entries = list.into_iter().map(|mut entry| {
            let fields = entry.get_mut("fieldsV1").map(|fields| Fields::stored(fields.take()));
            Entry::of(&entry, fields.unwrap_or_default())
        });
        Managers { entries: entries.collect() }
    }

    /// The entries of a stored object; none where it has no managed fields.
    pub(super) fn of(object: &Value) -> Managers {
        let list = list(object).and_then(Value::as_array);
        Managers::stored(list.cloned().unwrap_or_default())
    }

    /// Writes the entries into an object, each with its fields as JSON text (see [`seatrial_wire::expand`]): appliers first, each group by time, then by name.
    pub fn write(mut self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if self.entries.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        fn key(e: &Entry) -> (Operation, Option<i64>, &str, &str, &str) {
            let seconds = e.time.map(Timestamp::as_second);
            (e.operation, seconds, &e.manager, &e.api_version, &e.subresource)
        }
        self.entries.sort_by(|a, b| key(a).cmp(&key(b)));
        let list = self.entries.into_iter().map(Entry::into_value).collect();
        metadata.insert("managedFields".to_owned(), Value::Array(list));
    }

    /// Whether a stored object has the same entries but for their times.
    pub(super) fn same_as_of(&self, object: &Value) -> bool {
        let list = list(object).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let text = |entry: &Value, key: &str, own: &str| entry[key].as_str().unwrap_or_default() == own;
        list.len() == self.entries.len()
            && self.entries.iter().all(|own| {
                list.iter().any(|entry| {
                    text(entry, "manager", &own.manager)
                        && text(entry, "operation", own.operation.text())
                        && text(entry, "apiVersion", &own.api_version)
                        && text(entry, "subresource", &own.subresource)
                        && own.fields.are(&entry["fieldsV1"])
                })
            })
    }

    /// Puts the entry in the place of the same writer's, which it returns; without fields it is dropped.
    pub(super) fn put(&mut self, entry: Entry) -> Option<Entry> {
        let place = self.entries.iter().position(|e| e.same_writer(&entry));
        let previous = place.map(|place| self.entries.remove(place));
        if !entry.fields.is_empty() {
            self.entries.push(entry);
        }
        previous
    }

    /// Joins the oldest updaters of each API version, until there are few enough.
    pub(super) fn cap(&mut self) {
        if self.entries.len() <= MOST_UPDATERS {
            return;
        }
        let mut updaters: Vec<Entry> =
            self.entries.iter().filter(|e| e.operation == Operation::Update).cloned().collect();
        let mut surplus = updaters.len().saturating_sub(MOST_UPDATERS);
        updaters.sort_by_key(|e| (e.time, e.manager.clone(), e.api_version.clone(), e.subresource.clone()));
        let mut oldest: BTreeMap<String, Entry> = BTreeMap::new();
        for entry in updaters {
            if surplus == 0 {
                return;
            }
            let joined = match oldest.get(&entry.api_version) {
                None => {
                    oldest.insert(entry.api_version.clone(), entry);
                    continue;
                }
                Some(older) => {
                    let mut joined = entry.clone();
                    joined.fields.extend(older.fields.set());
                    Entry { manager: ANCIENT.to_owned(), subresource: String::new(), ..joined }
                }
            };
            if let Some(older) = oldest.insert(entry.api_version.clone(), joined.clone()) {
                self.entries.retain(|e| !e.same_writer(&older) && !e.same_writer(&entry));
            }
            self.put(joined);
            surplus -= 1;
        }
    }
}

/// The managed fields of an object.
pub(super) fn list(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

impl Operation {
    fn text(self) -> &'static str {
        match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        }
    }
}

impl Entry {
    fn of(entry: &Value, fields: Fields) -> Entry {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let operation = match entry["operation"].as_str() {
            Some("Apply") => Operation::Apply,
            _ => Operation::Update,
        };
        Entry {
            manager: text("manager"),
            operation,
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: entry["time"].as_str().and_then(|t| t.parse().ok()),
            fields,
        }
    }

    fn into_value(self) -> Value {
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
        put("manager", self.manager.into());
        put("operation", self.operation.text().into());
        put("apiVersion", self.api_version.into());
        if let Some(time) = self.time {
            put("time", seconds(time).to_string().into());
        }
        put("fieldsType", "FieldsV1".into());
        put("fieldsV1", self.fields.into_text().into());
        if !self.subresource.is_empty() {
            put("subresource", self.subresource.into());
        }
        Value::Object(out)
    }
}

/// The time in whole seconds, as Kubernetes writes it.
pub(super) fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).ok().or_else(|| time.round(Unit::Second).ok()).unwrap_or(time)
}
