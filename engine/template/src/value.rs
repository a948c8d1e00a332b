//! The values that templates compute with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A map with texts as keys. It is shared, because Sprig's `set` and `unset` change maps in place.
pub type Map = Rc<RefCell<BTreeMap<Rc<str>, Value>>>;

/// A method of a [`Record`]: gets its arguments, answers with a value or the message of an error.
pub type Method = Rc<dyn Fn(&[Value]) -> Result<Value, String>>;

/// A value of a template: what Go has as a value of one of its types.
///
/// JSON numbers without fraction and exponent that fit are [`Value::Int`], all others [`Value::Float`].
#[derive(Clone)]
pub enum Value {
    /// No value at all: what an absent key of a map gives. Prints as `<no value>`.
    Missing,
    /// Go's `nil` in an `interface{}`.
    Nil,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// An `int64`, as Sprig's arithmetic gives; differs from [`Value::Int`] in the name of its type alone.
    Int64(i64),
    /// A `float64`.
    Float(f64),
    /// A `string`. Unlike Go's, it is always UTF-8.
    Text(Rc<str>),
    /// A slice.
    List(Rc<[Value]>),
    /// A `map[string]interface{}`; ordered by its keys, as Go's templates and `fmt` order maps.
    Map(Map),
    /// A map whose keys are no texts, in the order in which it is to be ranged over and printed.
    Pairs(Rc<[(Value, Value)]>),
    /// A struct.
    Record(Rc<Record>),
}

/// A struct with its fields, methods and, where it has a `String` method, its text.
#[derive(Default)]
pub struct Record {
    /// The name of Go's type, for messages.
    pub type_name: String,
    /// The exported fields, in their order.
    pub fields: Vec<(String, Value)>,
    /// The methods by name.
    pub methods: BTreeMap<String, Method>,
    /// What the `String` method gives: how the value is printed.
    pub text: Option<Rc<str>>,
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Rc::from(text.as_ref()))
    }

    /// A list of these values.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A map of these entries; of entries with the same key the last one counts.
    #[must_use]
    pub fn map(entries: impl IntoIterator<Item = (Rc<str>, Self)>) -> Self {
        Self::Map(Rc::new(RefCell::new(entries.into_iter().collect())))
    }

    /// The name of Go's type.
    #[must_use]
    pub fn type_name(&self) -> String {
        match self {
            Self::Missing | Self::Nil => "interface {}".into(),
            Self::Bool(_) => "bool".into(),
            Self::Int(_) => "int".into(),
            Self::Int64(_) => "int64".into(),
            Self::Float(_) => "float64".into(),
            Self::Text(_) => "string".into(),
            Self::List(_) => "[]interface {}".into(),
            Self::Map(_) => "map[string]interface {}".into(),
            Self::Pairs(_) => "map[interface {}]interface {}".into(),
            Self::Record(record) => record.type_name.clone(),
        }
    }

    /// The name of the kind of Go's type, as `reflect` says it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(_) => "slice",
            Self::Map(_) | Self::Pairs(_) => "map",
            Self::Record(_) => "struct",
        }
    }

    /// Whether `if` takes this value for true: whether it is not the zero value of its type, or empty.
    #[must_use]
    pub fn truth(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.borrow().is_empty(),
            Self::Pairs(pairs) => !pairs.is_empty(),
            Self::Record(_) => true,
        }
    }

    /// The number of an integer.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Int64(value) => Some(*value),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing: no value, or `nil`.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// This value as JSON; floats that JSON has no number for, and records with methods alone, become null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Missing | Self::Nil => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) | Self::Int64(value) => Json::from(*value),
            Self::Float(value) => Json::from(*value),
            Self::Text(text) => Json::String(text.to_string()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(map) => {
                map.borrow().iter().map(|(key, value)| (key.to_string(), value.to_json())).collect()
            }
            Self::Pairs(pairs) => {
                pairs.iter().map(|(key, value)| (crate::print::plain(key), value.to_json())).collect()
            }
            Self::Record(record) => {
                record.fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
            }
        }
    }

    /// Whether two values are deeply equal, types included, as `reflect.DeepEqual` has it.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing | Self::Nil, Self::Missing | Self::Nil) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) | (Self::Int64(a), Self::Int64(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.same(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                if Rc::ptr_eq(a, b) {
                    return true;
                }
                let (a, b) = (a.borrow(), b.borrow());
                a.len() == b.len() && a.iter().zip(b.iter()).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            (Self::Record(a), Self::Record(b)) => {
                a.type_name == b.type_name
                    && a.fields.len() == b.fields.len()
                    && a.fields.iter().zip(&b.fields).all(|((_, a), (_, b))| a.same(b))
            }
            _ => false,
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Self::Int(value),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::list(items.iter().map(Self::from)),
            Json::Object(entries) => {
                Self::map(entries.iter().map(|(key, value)| (Rc::from(key.as_str()), Self::from(value))))
            }
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}
