//! The functions that templates may call.

mod builtin;
mod collections;
pub(crate) mod encoding;
mod escape;
mod math;
mod texts;
mod words;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::value::Value;

/// Which functions a template may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Functions {
    /// Go's own: `and`, `call`, `eq`, `ge`, `gt`, `html`, `index`, `js`, `le`, `len`, `lt`, `ne`, `not`, `or`,
    /// `print`, `printf`, `println`, `slice`, `urlquery`.
    Builtin,
    /// Those, and the functions of Sprig 3.2 that depend on their arguments alone. Those that need the time, the
    /// environment, the network or chance are refused by name, and so are those that make keys and passwords.
    Sprig,
}

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// A truth value.
    Bool,
    /// A map with texts as keys.
    Map,
}

impl Type {
    /// Go's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
        }
    }

    /// What constants of this type are called.
    pub(crate) fn constant_name(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Float => "float",
            other => other.name(),
        }
    }
}

/// A function.
pub(crate) struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub takes: &'static [Type],
    /// What further arguments must be, if it takes any number of them.
    pub rest: Option<Type>,
    /// Of `and` and `or`: the truth of the first argument that decides.
    pub stops_at: Option<bool>,
    /// Gets arguments of these types; says what is wrong.
    pub call: fn(&[Value]) -> Called,
}

/// What a function answers.
pub(crate) type Called = Result<Value, String>;

/// A function with these arguments.
const fn fixed(name: &'static str, takes: &'static [Type], call: fn(&[Value]) -> Called) -> Function {
    Function { name, takes, rest: None, stops_at: None, call }
}

/// A function with these arguments, and any number of further ones.
const fn open(
    name: &'static str,
    takes: &'static [Type],
    rest: Type,
    call: fn(&[Value]) -> Called,
) -> Function {
    Function { name, takes, rest: Some(rest), stops_at: None, call }
}

type Table = BTreeMap<&'static str, &'static Function>;

static BUILTIN: LazyLock<Table> =
    LazyLock::new(|| builtin::TABLE.iter().map(|function| (function.name, function)).collect());

static SPRIG: LazyLock<Table> = LazyLock::new(|| {
    let tables = [texts::TABLE, words::TABLE, math::TABLE, collections::TABLE, encoding::TABLE];
    // Sprig's functions replace Go's of the same name.
    let all = builtin::TABLE.iter().chain(tables.into_iter().flatten());
    all.map(|function| (function.name, function)).collect()
});

/// The function of this name.
pub(crate) fn find(functions: Functions, name: &str) -> Option<&'static Function> {
    let table = match functions {
        Functions::Builtin => &BUILTIN,
        Functions::Sprig => &SPRIG,
    };
    table.get(name).copied()
}

/// Why a function that Sprig has is not there.
pub(crate) fn refusal(functions: Functions, name: &str) -> Option<&'static str> {
    if functions == Functions::Builtin {
        return None;
    }
    let reason = match name {
        "ago" | "date" | "date_in_zone" | "date_modify" | "dateInZone" | "dateModify" | "htmlDate"
        | "htmlDateInZone" | "must_date_modify" | "mustDateModify" | "mustToDate" | "now" | "toDate"
        | "unixEpoch" | "duration" | "durationRound" => "it deals with the time",
        "env" | "expandenv" => "it reads the environment",
        "getHostByName" => "it reaches the network",
        "randAlpha" | "randAlphaNum" | "randAscii" | "randBytes" | "randInt" | "randNumeric" | "shuffle"
        | "uuidv4" => "it needs chance",
        "bcrypt"
        | "buildCustomCert"
        | "decryptAES"
        | "derivePassword"
        | "encryptAES"
        | "genCA"
        | "genCAWithKey"
        | "genPrivateKey"
        | "genSelfSignedCert"
        | "genSelfSignedCertWithKey"
        | "genSignedCert"
        | "genSignedCertWithKey"
        | "htpasswd" => "it makes keys, certificates or passwords",
        "osBase" | "osClean" | "osDir" | "osExt" | "osIsAbs" => "it depends on the machine",
        "urlJoin" | "urlParse" => "URLs are not taken apart",
        "semver" | "semverCompare" => "versions are not compared",
        "typeOf" | "typeIs" | "typeIsLike" => "the types of lists and maps are not those of Go",
        _ => return None,
    };
    Some(reason)
}

/// The text of an argument that was checked to be one.
fn text(values: &[Value], index: usize) -> &str {
    values.get(index).and_then(Value::as_text).unwrap_or_default()
}

/// The integer of an argument that was checked to be one.
fn int(values: &[Value], index: usize) -> i64 {
    values.get(index).and_then(Value::as_int).unwrap_or_default()
}

/// A piece of a text by bytes; fails where Go would cut a character in two.
fn cut(text: &str, from: usize, to: usize) -> Result<&str, String> {
    text.get(from..to).ok_or_else(|| "cutting a character in two is not supported".into())
}

/// A value as Sprig makes a text of it.
fn shown(value: &Value) -> String {
    crate::print::plain(value)
}
