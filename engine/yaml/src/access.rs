//! Making nodes, and reaching into them.

use crate::node::{Node, Pos, Style, Typing, Value};

impl Node {
    fn of(value: Value) -> Node {
        Node {
            value,
            tag: String::new(),
            typing: Typing::Read,
            comments: None,
            pos: Pos::default(),
            shared: 0,
        }
    }

    /// A scalar in the style given; `text` is the value, without quotes and escapes.
    pub fn scalar(text: impl Into<String>, style: Style) -> Node {
        Node::of(Value::Scalar { text: text.into(), style })
    }

    /// A string, whatever its text looks like (`"yes"`, `"12"` stay strings).
    pub fn str(text: impl Into<String>) -> Node {
        Node::scalar(text, Style::DoubleQuoted)
    }

    /// A string, written as a printer would: without quotes where it reads as a string, as a block where it has several
    /// lines. Where kustomize merges a patch, the style of what was there before counts.
    pub fn text(text: impl Into<String>) -> Node {
        let text = text.into();
        let style = crate::emit::style_of(&text);
        Node::scalar(text, style)
    }

    /// A plain scalar: its type follows from its text (`true`, `12`, `null`, `word`).
    pub fn plain(text: impl Into<String>) -> Node {
        Node::scalar(text, Style::Plain)
    }

    /// The null value.
    pub fn null() -> Node {
        Node::plain("null")
    }

    /// A boolean.
    pub fn bool(value: bool) -> Node {
        Node::plain(if value { "true" } else { "false" })
    }

    /// An integer.
    pub fn int(value: i64) -> Node {
        Node::plain(value.to_string())
    }

    /// An empty map.
    pub fn map() -> Node {
        Node::from_entries(Vec::new())
    }

    /// An empty list.
    pub fn seq() -> Node {
        Node::from_items(Vec::new())
    }

    /// A map with these entries, in this order.
    pub fn from_entries(entries: Vec<(Node, Node)>) -> Node {
        Node::of(Value::Map { entries, flow: false })
    }

    /// A list with these items.
    pub fn from_items(items: Vec<Node>) -> Node {
        Node::of(Value::Seq { items, flow: false })
    }

    /// Whether this is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map { .. })
    }

    /// Whether this is a list.
    pub fn is_seq(&self) -> bool {
        matches!(self.value, Value::Seq { .. })
    }

    /// Whether this is a scalar (null included).
    pub fn is_scalar(&self) -> bool {
        matches!(self.value, Value::Scalar { .. })
    }

    /// Whether this is an empty map or an empty list.
    pub fn is_empty_collection(&self) -> bool {
        match &self.value {
            Value::Map { entries, .. } => entries.is_empty(),
            Value::Seq { items, .. } => items.is_empty(),
            Value::Scalar { .. } => false,
        }
    }

    /// `map`, `list` or `scalar`: for messages.
    pub fn kind_name(&self) -> &'static str {
        match self.value {
            Value::Map { .. } => "map",
            Value::Seq { .. } => "list",
            Value::Scalar { .. } => "scalar",
        }
    }

    /// The text of a scalar (of any type: `12` gives `"12"`); `None` for maps and lists.
    /// For the text of strings only, see [`Node::as_string`].
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, to be changed; the style stays.
    pub fn as_str_mut(&mut self) -> Option<&mut String> {
        match &mut self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The style of a scalar.
    pub fn style(&self) -> Option<Style> {
        match self.value {
            Value::Scalar { style, .. } => Some(style),
            _ => None,
        }
    }

    /// The entries of a map in the order of the file; empty for lists and scalars.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The entries of a map, to be changed; `None` for lists and scalars.
    pub fn entries_mut(&mut self) -> Option<&mut Vec<(Node, Node)>> {
        match &mut self.value {
            Value::Map { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The items of a list; empty for maps and scalars.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq { items, .. } => items,
            _ => &[],
        }
    }

    /// The items of a list, to be changed; `None` for maps and scalars.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.value {
            Value::Seq { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The keys of a map that are scalars, as text.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries().iter().filter_map(|(key, _)| key.as_str())
    }

    /// The value under `key`; `None` where there is none, or where this is no map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The value under `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries_mut()?.iter_mut().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Whether the map has `key`.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value reached by these keys, one after the other.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The value reached by these keys, to be changed.
    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// The text of the scalar reached by these keys.
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Node::as_str)
    }

    /// Puts `value` under `key`: in the place of the old value (which is returned), else at the end.
    /// A scalar that is not a map becomes a map first when it is null; any other node that is no map
    /// is left alone and `Some(value)` comes back.
    pub fn set(&mut self, key: &str, value: Node) -> Option<Node> {
        self.set_with(key, value, Node::key)
    }

    /// As [`Node::set`]; a new key is written without quotes, even where it then reads as a number, as kustomize's own
    /// transformers do.
    pub fn set_plain(&mut self, key: &str, value: Node) -> Option<Node> {
        self.set_with(key, value, |key| Node::plain(key))
    }

    fn set_with(&mut self, key: &str, value: Node, new_key: fn(&str) -> Node) -> Option<Node> {
        if self.is_null() {
            self.value = Value::Map { entries: Vec::new(), flow: false };
            self.tag.clear();
            self.typing = Typing::Read;
        }
        let Some(entries) = self.entries_mut() else { return Some(value) };
        match entries.iter_mut().find(|(k, _)| k.as_str() == Some(key)) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                entries.push((new_key(key), value));
                None
            }
        }
    }

    /// Takes the value under `key` out of the map; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let entries = self.entries_mut()?;
        let at = entries.iter().position(|(k, _)| k.as_str() == Some(key))?;
        Some(entries.remove(at).1)
    }

    /// Gives this value and type to all nodes with this number (see [`Node::shared`]).
    pub fn write_shared(&mut self, shared: u32, from: &Node) {
        if self.shared == shared {
            self.value.clone_from(&from.value);
            self.tag.clone_from(&from.tag);
            self.typing = from.typing;
        }
        for (_, value) in self.entries_mut().into_iter().flatten() {
            value.write_shared(shared, from);
        }
        self.items_mut().into_iter().flatten().for_each(|item| item.write_shared(shared, from));
    }

    /// Forgets which values here and below are shared: a copy in another place has values of its own.
    pub fn unshare(&mut self) {
        self.shared = 0;
        self.entries_mut().into_iter().flatten().for_each(|(_, value)| value.unshare());
        self.items_mut().into_iter().flatten().for_each(Node::unshare);
    }

    /// Puts an item at the end of a list. Gives the item back when this is no list.
    pub fn push(&mut self, item: Node) -> Option<Node> {
        match self.items_mut() {
            Some(items) => {
                items.push(item);
                None
            }
            None => Some(item),
        }
    }

    /// The map under `path`, made where it is missing (or null). `None` where a scalar or a list is in the way.
    pub fn make_maps(&mut self, path: &[&str]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| {
            if !node.has(key) {
                node.set(key, Node::map());
            }
            let next = node.get_mut(key)?;
            if next.is_null() {
                *next = Node::map();
            }
            next.is_map().then_some(next)
        })
    }

    /// A key for a map: plain where the text reads as a string, else quoted.
    pub fn key(text: &str) -> Node {
        let mut key = Node::plain(text);
        if !key.is_string(crate::Dialect::Kustomize) {
            key = Node::str(text);
        }
        key
    }

    /// Whether two trees hold the same values (types as the dialect reads them): styles, comments and positions do not
    /// count, the order of map entries does not count either.
    pub fn same_value(&self, other: &Node, dialect: crate::Dialect) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar { .. }, Value::Scalar { .. }) => {
                match (self.resolve(dialect), other.resolve(dialect)) {
                    (Ok(a), Ok(b)) => a == b,
                    _ => false,
                }
            }
            (Value::Seq { items: a, .. }, Value::Seq { items: b, .. }) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_value(b, dialect))
            }
            (Value::Map { entries: a, .. }, Value::Map { entries: b, .. }) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|((key, value), (other_key, other_value))| {
                        if key.same_value(other_key, dialect) {
                            return value.same_value(other_value, dialect);
                        }
                        b.iter()
                            .find(|(k, _)| k.same_value(key, dialect))
                            .is_some_and(|(_, v)| v.same_value(value, dialect))
                    })
            }
            _ => false,
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Node::str(text)
    }
}

impl From<String> for Node {
    fn from(text: String) -> Node {
        Node::str(text)
    }
}

impl FromIterator<Node> for Node {
    fn from_iter<I: IntoIterator<Item = Node>>(items: I) -> Node {
        Node::from_items(items.into_iter().collect())
    }
}

impl<K: AsRef<str>> FromIterator<(K, Node)> for Node {
    fn from_iter<I: IntoIterator<Item = (K, Node)>>(entries: I) -> Node {
        Node::from_entries(entries.into_iter().map(|(key, value)| (Node::key(key.as_ref()), value)).collect())
    }
}
