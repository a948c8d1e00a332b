//! `metadata.managedFields`.

use std::collections::BTreeMap;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::{FieldSet, FieldsError};

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
    pub fields: FieldSet,
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
    /// Reads the entries of an object; none where it has no managed fields.
    ///
    /// # Errors
    /// An entry whose fields cannot be read.
    pub fn read(object: &Value) -> Result<Managers, FieldsError> {
        let list = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let mut entries = Vec::new();
        for entry in list.into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let operation = match entry["operation"].as_str() {
                Some("Apply") => Operation::Apply,
                _ => Operation::Update,
            };
            let fields = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::from_fields_v1(fields)?,
                None => FieldSet::default(),
            };
            entries.push(Entry {
                manager: text("manager"),
                operation,
                api_version: text("apiVersion"),
                subresource: text("subresource"),
                time: entry["time"].as_str().and_then(|t| t.parse().ok()),
                fields,
            });
        }
        Ok(Managers { entries })
    }

    /// Writes the entries into an object: appliers first, each group by time, then by name.
    pub fn write(&self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if self.entries.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        let mut sorted: Vec<&Entry> = self.entries.iter().collect();
        let key = |e: &Entry| {
            let seconds = e.time.map(Timestamp::as_second);
            (e.operation, seconds, e.manager.clone(), e.api_version.clone(), e.subresource.clone())
        };
        sorted.sort_by_cached_key(|e| key(e));
        let list = sorted.into_iter().map(to_json).collect();
        metadata.insert("managedFields".to_owned(), Value::Array(list));
    }

    pub(super) fn find(&self, writer: &Entry) -> Option<&Entry> {
        self.entries.iter().find(|e| e.same_writer(writer))
    }

    /// Puts the entry in the place of the same writer's; without fields it is dropped.
    pub(super) fn put(&mut self, entry: Entry) {
        self.entries.retain(|e| !e.same_writer(&entry));
        if !entry.fields.is_empty() {
            self.entries.push(entry);
        }
    }

    /// Joins the oldest updaters of each API version, until there are few enough.
    pub(super) fn cap(&mut self) {
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
                    joined.fields.extend(older.fields.clone());
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

fn to_json(entry: &Entry) -> Value {
    let mut out = json!({
        "manager": entry.manager,
        "operation": match entry.operation { Operation::Apply => "Apply", Operation::Update => "Update" },
        "apiVersion": entry.api_version,
    });
    if let Some(time) = entry.time {
        out["time"] = json!(seconds(time).to_string());
    }
    out["fieldsType"] = json!("FieldsV1");
    out["fieldsV1"] = entry.fields.to_fields_v1();
    if !entry.subresource.is_empty() {
        out["subresource"] = json!(entry.subresource);
    }
    out
}

/// The time in whole seconds, as Kubernetes writes it.
pub(super) fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).ok().or_else(|| time.round(Unit::Second).ok()).unwrap_or(time)
}
