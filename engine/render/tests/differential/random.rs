//! Seeded choices, and YAML in many spellings.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// A sequence of choices that follows from its seed.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x9E37_79B9_7F4A_7C15)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A scalar that is printed as it stands.
pub(crate) fn raw(text: &str) -> Json {
    Json::String(format!("\u{1}{text}"))
}

/// Prints values as YAML, each time in another style.
pub(crate) struct Printer<'r> {
    pub(crate) rng: &'r mut Rng,
    /// Comments, flow style, quotes, indented lists: how often, in percent.
    pub(crate) odd: usize,
}

impl Printer<'_> {
    /// A document without `---`, with a line break at its end.
    pub(crate) fn document(&mut self, value: &Json) -> String {
        let mut out = String::new();
        self.block(value, 0, &mut out);
        out
    }

    fn block(&mut self, value: &Json, indent: usize, out: &mut String) {
        match value {
            Json::Object(map) if map.is_empty() => out.push_str("{}\n"),
            Json::Array(items) if items.is_empty() => out.push_str("[]\n"),
            Json::Object(map) => {
                for (key, value) in map {
                    if self.rng.chance(self.odd / 4) {
                        let _ = writeln!(out, "{:indent$}# about {key}", "");
                    }
                    let _ = write!(out, "{:indent$}{}:", "", self.key(key));
                    self.value(value, indent, false, out);
                }
            }
            Json::Array(items) => {
                for item in items {
                    let _ = write!(out, "{:indent$}-", "");
                    match item {
                        Json::Object(map) if !map.is_empty() && !self.rng.chance(self.odd) => {
                            let mut inner = String::new();
                            self.block(item, indent + 2, &mut inner);
                            if inner[indent..].trim_start().starts_with('#') {
                                out.push('\n');
                                out.push_str(&inner);
                            } else {
                                out.push(' ');
                                out.push_str(&inner[indent + 2..]);
                            }
                        }
                        _ => self.value(item, indent, true, out),
                    }
                }
            }
            _ => {
                let text = self.scalar(value, indent, false);
                out.push_str(&text);
                out.push('\n');
            }
        }
    }

    /// What stands behind `key:` or `-`.
    fn value(&mut self, value: &Json, indent: usize, item: bool, out: &mut String) {
        let empty = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty);
        let nested = !empty && (value.is_array() || value.is_object());
        if nested && !self.rng.chance(self.odd / 2) {
            out.push_str(self.plain_comment());
            out.push('\n');
            let step = if value.is_array() && !item && self.rng.chance(60) { 0 } else { 2 };
            self.block(value, indent + step, out);
            return;
        }
        let text = if nested || empty { self.flow(value) } else { self.scalar(value, indent + 2, false) };
        if !text.is_empty() {
            out.push(' ');
        }
        out.push_str(&text);
        if !text.contains('\n') {
            out.push_str(if nested || empty { self.plain_comment() } else { self.comment() });
        }
        out.push('\n');
    }

    /// Behind a map or a list kustomize takes JSON for a schema (docs/known-gaps.md), and a comment there breaks what is
    /// merged into a map in flow style.
    fn plain_comment(&mut self) -> &'static str {
        self.comment();
        ""
    }

    fn comment(&mut self) -> &'static str {
        if self.rng.chance(self.odd / 5) {
            self.rng.pick(&[" # note", "  # {\"$imagepolicy\": \"a:b\"}", " #"])
        } else {
            ""
        }
    }

    fn flow(&mut self, value: &Json) -> String {
        match value {
            Json::Object(map) => {
                let entries: Vec<String> =
                    map.iter().map(|(k, v)| format!("{}: {}", self.key(k), self.flow(v))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Json::Array(items) => {
                let items: Vec<String> = items.iter().map(|v| self.flow(v)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => self.scalar(value, 0, true),
        }
    }

    fn key(&mut self, key: &str) -> String {
        if let Some(raw) = key.strip_prefix('\u{1}') {
            return raw.to_owned();
        }
        if is_safe(key) && !self.rng.chance(self.odd / 8) { key.to_owned() } else { quoted(key) }
    }

    fn scalar(&mut self, value: &Json, indent: usize, flow: bool) -> String {
        let Json::String(text) = value else { return value.to_string() };
        if let Some(raw) = text.strip_prefix('\u{1}') {
            return match flow && (raw.contains('\n') || raw.is_empty() || raw.contains(", ")) {
                true => quoted(raw),
                false => raw.to_owned(),
            };
        }
        if text.contains('\n') && !flow && !text.starts_with([' ', '\n']) && self.rng.chance(85) {
            let folded = self.rng.chance(self.odd / 4);
            return block_scalar(text, indent, !folded);
        }
        if is_safe(text) && !self.rng.chance(self.odd / 3) {
            return text.clone();
        }
        if !text.contains('\n') && self.rng.chance(50) {
            return format!("'{}'", text.replace('\'', "''"));
        }
        quoted(text)
    }
}

fn block_scalar(text: &str, indent: usize, literal: bool) -> String {
    let chomp = match (text.ends_with("\n\n"), text.ends_with('\n')) {
        (true, _) => "+",
        (_, true) => "",
        _ => "-",
    };
    // A folded block would change the text: it is another text then, and that is welcome.
    let mut out = format!("{}{chomp}", if literal { '|' } else { '>' });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            let _ = write!(out, "{:indent$}{line}", "");
        }
    }
    out
}

fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}

fn is_safe(text: &str) -> bool {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str())
}
