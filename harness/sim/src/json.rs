//! JSON bodies: parsed with their duplicate keys noted, and what is wrong with broken ones in the words of Go's parser.

use std::collections::BTreeSet;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// So many duplicate keys are noted; more are not told of.
const MOST_DUPLICATES: usize = 100;

/// A body as a tree.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// The paths of keys that stand more than once in one object (`spec.list[0].name`), in the order of the text.
    pub(crate) duplicates: Vec<String>,
    /// The same of a body that is read as YAML, as the messages of its parser: `line 7: key "k" already set in map`.
    pub(crate) repeated: Vec<String>,
}

impl From<Value> for Parsed {
    fn from(value: Value) -> Parsed {
        Parsed { value, duplicates: Vec::new(), repeated: Vec::new() }
    }
}

/// Parses a body. Of a key that stands twice the last value stays; with `merge`, two objects become one, as where Go fills a
/// typed value in.
///
/// # Errors
/// What Go's parser would say.
pub(crate) fn parse(body: &[u8], merge: bool) -> Result<Parsed, String> {
    let mut walk = Walk { path: Vec::new(), duplicates: Vec::new(), merge };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Seed(&mut walk).deserialize(&mut deserializer);
    match value.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value) => Ok(Parsed { duplicates: walk.duplicates, ..value.into() }),
        Err(error) => {
            Err(Scanner { text: body, at: 0, depth: 0 }.document().err().unwrap_or_else(|| error.to_string()))
        }
    }
}

/// Puts paths in the order in which the text first names them.
pub(crate) fn in_order(body: &[u8], paths: &mut [String]) {
    let mut walk = Order { path: Vec::new(), seen: Vec::new(), wanted: paths };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    // It has been parsed before.
    let _ = OrderSeed(&mut walk).deserialize(&mut deserializer);
    let seen = walk.seen;
    paths.sort_by_key(|path| seen.iter().position(|s| s == path).unwrap_or(usize::MAX));
}

enum Step {
    Key(String),
    Index(usize),
}

fn path_text(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Index(index) => out.push_str(&format!("[{index}]")),
        }
    }
    out
}

struct Walk {
    path: Vec<Step>,
    duplicates: Vec<String>,
    merge: bool,
}

struct Seed<'w>(&'w mut Walk);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without a value"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        self.0.path.push(Step::Index(0));
        while let Some(item) = items.next_element_seed(Seed(self.0))? {
            list.push(item);
            if let Some(last) = self.0.path.last_mut() {
                *last = Step::Index(list.len());
            }
        }
        self.0.path.pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.path.push(Step::Key(key));
            let value = entries.next_value_seed(Seed(self.0))?;
            let Some(Step::Key(key)) = self.0.path.pop() else {
                return Err(A::Error::custom("a broken path"));
            };
            match map.get_mut(&key) {
                None => {
                    map.insert(key, value);
                }
                Some(before) => {
                    if self.0.duplicates.len() < MOST_DUPLICATES {
                        self.0.path.push(Step::Key(key));
                        let path = path_text(&self.0.path);
                        self.0.path.pop();
                        if !self.0.duplicates.contains(&path) {
                            self.0.duplicates.push(path);
                        }
                    }
                    replace(before, value, self.0.merge);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

fn replace(before: &mut Value, value: Value, merge: bool) {
    match (before, value) {
        (Value::Object(before), Value::Object(new)) if merge => {
            for (key, value) in new {
                match before.get_mut(&key) {
                    Some(old) => replace(old, value, merge),
                    None => {
                        before.insert(key, value);
                    }
                }
            }
        }
        (before, value) => *before = value,
    }
}

/// Notes where the text names the wanted paths.
struct Order<'p> {
    path: Vec<Step>,
    seen: Vec<String>,
    wanted: &'p [String],
}

struct OrderSeed<'w, 'p>(&'w mut Order<'p>);

impl<'de> DeserializeSeed<'de> for OrderSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OrderSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        self.0.path.push(Step::Index(index));
        while items.next_element_seed(OrderSeed(self.0))?.is_some() {
            index += 1;
            if let Some(last) = self.0.path.last_mut() {
                *last = Step::Index(index);
            }
        }
        self.0.path.pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys: BTreeSet<String> = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let again = !keys.insert(key.clone());
            self.0.path.push(Step::Key(key));
            entries.next_value_seed(OrderSeed(self.0))?;
            let path = path_text(&self.0.path);
            self.0.path.pop();
            if self.0.wanted.contains(&path) {
                // A duplicate is told of where it stands the second time.
                if again {
                    self.0.seen.retain(|s| *s != path);
                }
                if !self.0.seen.contains(&path) {
                    self.0.seen.push(path);
                }
            }
        }
        Ok(())
    }
}

/// Finds the first fault of a text.
struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
}

const END: &str = "unexpected end of JSON input";

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fault(&self, context: &str) -> String {
        match self.peek() {
            None => END.to_owned(),
            Some(b'\'') => format!("invalid character '\\'' {context}"),
            Some(b'"') => format!("invalid character '\"' {context}"),
            Some(byte) => {
                let shown = char::from(byte).escape_default().to_string();
                let shown = match byte {
                    // Not printable.
                    0x80..=0xa0 | 0xad => format!("\\u00{byte:02x}"),
                    0xa1.. => char::from(byte).to_string(),
                    _ => shown,
                };
                format!("invalid character '{shown}' {context}")
            }
        }
    }

    fn document(&mut self) -> Result<(), String> {
        self.value()?;
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault("after top-level value")),
        }
    }

    fn value(&mut self) -> Result<(), String> {
        self.space();
        self.depth += 1;
        if self.depth > 120 {
            return Err("exceeded max depth".to_owned());
        }
        let done = match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.fault("looking for beginning of value")),
        };
        self.depth -= 1;
        done
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        for want in word.bytes() {
            if self.peek() != Some(want) {
                return Err(self.fault(&format!("in literal {word} (expecting {:?})", char::from(want))));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn object(&mut self) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.fault("looking for beginning of object key string"));
            }
            self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.fault("after object key"));
            }
            self.at += 1;
            self.value()?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.fault("after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value()?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.fault("after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'u') => {
                            for _ in 0..4 {
                                self.at += 1;
                                if !self.peek().is_some_and(|b| b.is_ascii_hexdigit()) {
                                    return Err(self.fault("in \\u hexadecimal character escape"));
                                }
                            }
                        }
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        _ => return Err(self.fault("in string escape code")),
                    }
                    self.at += 1;
                }
                None | Some(0..0x20) => return Err(self.fault("in string literal")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if !self.digits() {
            return Err(self.fault("in numeric literal"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !self.digits() {
                return Err(self.fault("after decimal point in numeric literal"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !self.digits() {
                return Err(self.fault("in exponent of numeric literal"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("", END)]
    #[case("{\"metadata\":", END)]
    #[case("{\"a\"}", "invalid character '}' after object key")]
    #[case("nope", "invalid character 'o' in literal null (expecting 'u')")]
    #[case("{\"a\":1} x", "invalid character 'x' after top-level value")]
    #[case("{\"a\":1,}", "invalid character '}' looking for beginning of object key string")]
    #[case("[1 2]", "invalid character '2' after array element")]
    #[case("a: [", "invalid character 'a' looking for beginning of value")]
    fn broken_text_is_explained_as_go_does(#[case] text: &str, #[case] want: &str) {
        assert_eq!(parse(text.as_bytes(), true).unwrap_err(), want);
    }

    #[test]
    fn duplicate_keys_are_noted_and_the_last_value_stays() {
        let text =
            br#"{"spec":{"a":1,"a":2,"list":[{"n":1},{"n":1,"n":2}]},"data":{"x":"1"},"data":{"y":"2"}}"#;
        let merged = parse(text, true).unwrap();
        assert_eq!(merged.duplicates, ["spec.a", "spec.list[1].n", "data"]);
        assert_eq!(merged.value["data"], json!({"x": "1", "y": "2"}));
        assert_eq!(merged.value["spec"], json!({"a": 2, "list": [{"n": 1}, {"n": 2}]}));
        assert_eq!(parse(text, false).unwrap().value["data"], json!({"y": "2"}));
    }

    #[test]
    fn faults_are_told_in_the_order_of_the_text() {
        let text = br#"{"l":{"x":"1","x":"2"},"zoo":1,"data":{"a":"1","a":"2"},"data":{"b":"2"}}"#;
        let mut paths = ["zoo", "data", "data.a", "l.x"].map(str::to_owned);
        in_order(text, &mut paths);
        assert_eq!(paths, ["l.x", "zoo", "data.a", "data"]);
    }
}
