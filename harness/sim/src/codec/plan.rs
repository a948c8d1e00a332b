//! What is done with the fields of a type: made of the schema and the tables at the first use of each type.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use seatrial_schema::{TypeKind, TypeRef};
use serde_json::{Map, Value};

/// How a struct shows an empty field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    /// Kept as it was sent: the field is a pointer.
    Kept,
    /// Dropped: an empty scalar that is left out.
    Dropped,
    /// A struct that is left out when it is empty.
    Omitted,
    /// Always there: an empty struct or scalar.
    Shown,
    /// A list or map that shows as null when it is empty.
    Null,
}

/// A default, with the condition under which it applies.
#[derive(Debug)]
pub(super) struct Default {
    pub(super) value: Value,
    condition: Option<(String, Value, bool)>,
}

impl Default {
    /// Whether the object that has the field is one for this default.
    pub(super) fn applies(&self, object: &Map<String, Value>) -> bool {
        match &self.condition {
            None => true,
            Some((field, want, equal)) => (object.get(field).unwrap_or(&Value::Null) == want) == *equal,
        }
    }
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) ty: TypeRef<'static>,
    pub(super) zero: Zero,
    pub(super) default: Option<Default>,
    /// Times of this field have microseconds.
    pub(super) micro_time: bool,
    plan: OnceLock<Option<&'static Plan>>,
}

impl Field {
    /// The plan of the objects in the field, also where they stand in a list or a map.
    pub(super) fn plan(&'static self) -> Option<&'static Plan> {
        *self.plan.get_or_init(|| {
            let mut ty = self.ty;
            while let Some(inner) = ty.items().or_else(|| ty.values()) {
                ty = inner;
            }
            Plan::of(ty)
        })
    }
}

/// The fields of one type.
#[derive(Debug)]
pub(super) struct Plan {
    /// `core.v1.PodSpec`.
    pub(super) name: &'static str,
    /// Sorted by name.
    fields: Vec<Field>,
    shown: Vec<usize>,
    defaults: Vec<usize>,
}

/// `io.k8s.api.core.v1.PodSpec` as the tables name it: `core.v1.PodSpec`.
pub(crate) fn short(name: &str) -> &str {
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(i, _)| i).take(3).collect();
    dots.get(2).and_then(|i| name.get(i + 1..)).unwrap_or(name)
}

type ZeroTable = BTreeMap<&'static str, Vec<(&'static str, u8)>>;

static ZEROS: LazyLock<ZeroTable> = LazyLock::new(|| {
    let lines = include_str!("zero.txt").lines().filter(|l| !l.starts_with('#'));
    let mut table = ZeroTable::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let fields = words.filter_map(|w| w.split_once(':')).flat_map(|(code, fields)| {
            let code = code.bytes().next().unwrap_or(b'?');
            fields.split(',').map(move |field| (field, code))
        });
        table.insert(name, fields.collect());
    }
    table
});

type DefaultTable = BTreeMap<&'static str, Vec<(&'static str, Default)>>;

static DEFAULTS: LazyLock<DefaultTable> = LazyLock::new(|| {
    let mut table = DefaultTable::new();
    for line in include_str!("defaults.txt").lines().filter(|l| !l.starts_with('#')) {
        let Some((place, rest)) = line.split_once(char::is_whitespace) else { continue };
        let Some((ty, field)) = place.split_once(' ').or_else(|| place.rsplit_once('.')) else { continue };
        let (value, condition) = match rest.split_once(" if ") {
            Some((value, condition)) => (value, Some(condition)),
            None => (rest, None),
        };
        let Ok(value) = serde_json::from_str(value.trim()) else { continue };
        let condition = condition.and_then(|c| {
            let (field, equal, want) = match c.split_once("!=") {
                Some((field, want)) => (field, false, want),
                None => c.split_once('=').map(|(field, want)| (field, true, want))?,
            };
            Some((field.trim().to_owned(), serde_json::from_str(want.trim()).ok()?, equal))
        });
        table.entry(ty).or_default().push((field, Default { value, condition }));
    }
    table
});

static PLANS: Mutex<BTreeMap<&'static str, &'static Plan>> = Mutex::new(BTreeMap::new());

impl Plan {
    /// The plan of an object type with declared fields.
    pub(super) fn of(ty: TypeRef<'static>) -> Option<&'static Plan> {
        if ty.kind() != TypeKind::Object {
            return None;
        }
        let name = ty.name()?;
        let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(name) {
            return Some(plan);
        }
        // One plan per type of the embedded schema, for as long as the program runs.
        let plan: &'static Plan = Box::leak(Box::new(Plan::make(ty, short(name))));
        plans.insert(name, plan);
        Some(plan)
    }

    fn make(ty: TypeRef<'static>, name: &'static str) -> Plan {
        let zeros = ZEROS.get(name).map(Vec::as_slice).unwrap_or(&[]);
        let mut fields: Vec<Field> = ty
            .fields()
            .map(|f| {
                let code = zeros.iter().find(|(field, _)| *field == f.name).map(|(_, code)| *code);
                let zero = match code {
                    Some(b'z') => Zero::Dropped,
                    Some(b'a' | b's') => Zero::Shown,
                    Some(b'o') => Zero::Omitted,
                    Some(b'n') => Zero::Null,
                    _ => Zero::Kept,
                };
                let micro_time = code == Some(b'u')
                    || matches!(f.name, "acquireTime" | "renewTime" | "eventTime" | "lastObservedTime");
                Field { name: f.name, ty: f.ty, zero, default: None, micro_time, plan: OnceLock::new() }
            })
            .collect();
        for (field, default) in DEFAULTS.get(name).into_iter().flatten() {
            if let Some(field) = fields.iter_mut().find(|f| f.name == *field) {
                let Default { value, condition } = default;
                field.default = Some(Default { value: value.clone(), condition: condition.clone() });
            }
        }
        let positions = |keep: fn(&Field) -> bool| -> Vec<usize> {
            fields.iter().enumerate().filter(|(_, f)| keep(f)).map(|(i, _)| i).collect()
        };
        let shown = positions(|f| matches!(f.zero, Zero::Shown | Zero::Null));
        let defaults = positions(|f| f.default.is_some());
        Plan { name, fields, shown, defaults }
    }

    pub(super) fn field(&'static self, name: &str) -> Option<&'static Field> {
        let at = self.fields.binary_search_by(|f| f.name.cmp(name)).ok()?;
        self.fields.get(at)
    }

    /// The fields that are always there.
    pub(super) fn shown(&'static self) -> impl Iterator<Item = &'static Field> {
        self.shown.iter().filter_map(|i| self.fields.get(*i))
    }

    /// The fields that have a default.
    pub(super) fn defaults(&'static self) -> impl Iterator<Item = &'static Field> {
        self.defaults.iter().filter_map(|i| self.fields.get(*i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_names_a_known_field_and_parses() {
        let schema = seatrial_schema::kubernetes();
        let types: BTreeMap<&str, TypeRef<'static>> = schema.types().map(|(n, t)| (short(n), t)).collect();
        let lines =
            include_str!("defaults.txt").lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
        assert_eq!(lines.count(), DEFAULTS.values().map(Vec::len).sum::<usize>());
        for (ty, defaults) in DEFAULTS.iter() {
            for (field, _) in defaults {
                assert!(types.get(ty).and_then(|t| t.field(field)).is_some(), "{ty}.{field}");
            }
        }
    }
}
