//! The plain values of a repository: messages that are taken over from kustomize quote what they are about, and are covered by these.

use super::context::{is_open, items};
use crate::offline::{Fleet, below, documents};
use crate::redact::{self, Known, Redactor};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_render::KUSTOMIZATION_FILES;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands for a value that has no number.
const COVER: &str = "<redacted>";

/// What must not be seen.
#[derive(Default)]
pub(super) struct Plain {
    values: Vec<Vec<u8>>,
    /// The literals of generators, as kustomize quotes them, and what is shown in their place: as parts of texts short ones are found
    /// by what is around them alone.
    quoted: BTreeMap<String, String>,
    /// Whether there are patches that stand inline and may be of Secrets.
    has_patches: bool,
}

impl Plain {
    /// Adds what the files of a repository have.
    pub(super) fn learn(&mut self, fleet: &Fleet) {
        for (file, entry) in fleet.tree.iter() {
            let seatrial_render::Entry::File(content) = entry else { continue };
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            let is_kustomization = KUSTOMIZATION_FILES.contains(&name);
            let is_yaml = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
            // Reading takes longer than looking.
            let has = |word: &[u8]| content.windows(word.len()).any(|window| window == word);
            if is_kustomization || (is_yaml && (has(b"Secret") || has(b"patch"))) {
                documents(content).iter().for_each(|object| self.object(fleet, folder, object));
            }
        }
        self.values.retain(|value| !value.is_empty() && !is_open(&String::from_utf8_lossy(value)));
    }

    /// Adds what an object, or a kustomization, has.
    fn object(&mut self, fleet: &Fleet, folder: &str, object: &Value) {
        self.values.extend(redact::values(object));
        items(&object["items"]).for_each(|item| self.values.extend(redact::values(item)));
        items(&object["secretGenerator"]).for_each(|generator| self.generator(fleet, folder, generator));
        match object["kind"].as_str() {
            Some("SecretGenerator") => self.generator(fleet, folder, object),
            Some("PatchTransformer" | "PatchJson6902Transformer") => self.patch(object),
            Some("PatchStrategicMergeTransformer") => self.patch(&json!({"patch": object["patches"]})),
            _ => {}
        }
        // Those of a kustomization, and those of Flux.
        for at in ["/patches", "/patchesJson6902", "/spec/patches", "/spec/patchesJson6902"] {
            items(object.pointer(at).unwrap_or(&Value::Null)).for_each(|patch| self.patch(patch));
        }
        for at in ["/patchesStrategicMerge", "/spec/patchesStrategicMerge"] {
            items(object.pointer(at).unwrap_or(&Value::Null))
                .for_each(|patch| self.patch(&json!({"patch": patch})));
        }
        for field in ["generators", "transformers", "validators"] {
            for inline in items(&object[field]).filter_map(Value::as_str).filter(|text| text.contains('\n')) {
                let inner = documents(inline.as_bytes());
                inner.iter().for_each(|object| self.object(fleet, folder, object));
            }
        }
    }

    fn generator(&mut self, fleet: &Fleet, folder: &str, generator: &Value) {
        let literals: Vec<String> = items(&generator["literals"]).map(text).collect();
        let mut shown = Vec::new();
        for literal in &literals {
            match literal.split_once('=').filter(|(key, _)| !key.is_empty()) {
                Some((key, value)) => {
                    self.lines(value.as_bytes());
                    self.lines(value.trim_matches(['"', '\'']).as_bytes());
                    shown.push(format!("{key}={COVER}"));
                }
                None => {
                    self.lines(literal.as_bytes());
                    shown.push(COVER.to_owned());
                    let message = |literal: &str| format!("invalid literal source {literal}, expected");
                    self.quoted.insert(message(literal), message(COVER));
                }
            }
        }
        let sources = |literals: &[String]| format!("literal sources [{}]", literals.join(" "));
        self.quoted.insert(sources(&literals), sources(&shown));
        let env = generator.get("env").into_iter();
        for (source, is_env) in items(&generator["files"])
            .map(|source| (source, false))
            .chain(items(&generator["envs"]).chain(env).map(|source| (source, true)))
        {
            let source = source.as_str().unwrap_or_default();
            let source =
                if is_env { source } else { source.rsplit_once('=').map_or(source, |(_, path)| path) };
            let content = below(folder, source).and_then(|path| fleet.tree.read(&path)).unwrap_or_default();
            if !is_env {
                self.lines(&content);
                continue;
            }
            for line in String::from_utf8_lossy(&content).lines().map(str::trim) {
                let value = line.split_once('=').map_or("", |(_, value)| value);
                if !line.starts_with('#') {
                    self.lines(value.as_bytes());
                }
            }
        }
    }

    /// Adds a patch that stands inline and may be one of a Secret, as a whole: kustomize quotes it.
    fn patch(&mut self, patch: &Value) {
        let Some(inline) = patch["patch"].as_str() else { return };
        let objects = documents(inline.as_bytes());
        let kinds = || {
            let own = objects.iter().map(|object| object.get("kind"));
            own.chain([patch["target"].get("kind")])
        };
        let is_secret = kinds().flatten().any(|kind| kind == "Secret");
        // What cannot be read, and JSON patches of unknown targets, may be about anything.
        if !is_secret && kinds().flatten().next().is_some() {
            return;
        }
        self.has_patches = true;
        self.values.extend([inline, inline.trim()].map(|text| text.as_bytes().to_vec()));
        for object in &objects {
            let mut secret = object.clone();
            if let Some(map) = secret.as_object_mut() {
                map.extend([("apiVersion".to_owned(), "v1".into()), ("kind".to_owned(), "Secret".into())]);
            }
            self.values.extend(redact::values(&secret));
            items(object).for_each(|operation| self.leaves(&operation["value"]));
        }
    }

    /// Adds the texts of the value of a JSON patch.
    fn leaves(&mut self, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| self.leaves(value)),
            Value::Object(all) => all.values().for_each(|value| self.leaves(value)),
            Value::Null | Value::Bool(_) => {}
            value => {
                let value = text(value);
                self.values.extend(STANDARD.decode(&value));
                self.lines(value.as_bytes());
            }
        }
    }

    /// Adds a value, and its lines.
    fn lines(&mut self, value: &[u8]) {
        self.values.extend(redact::values(&json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"": String::from_utf8_lossy(value)},
        })));
    }

    /// Covers all that there is in texts.
    pub(super) fn cover<'t>(self, texts: impl Iterator<Item = &'t mut String>) {
        let mut values = self.values;
        values.sort_unstable();
        values.dedup();
        let (mut redactor, known) = (Redactor::default(), Known::new(&values));
        for text in texts {
            for (quoted, shown) in &self.quoted {
                if text.contains(quoted) {
                    *text = text.replace(quoted, shown);
                }
            }
            if self.has_patches {
                *text = without_config(text);
            }
            *text = redactor.cover_text(text, &known);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Takes out the entry of a patch, which kustomize prints as YAML of its own, indented and quoted otherwise than in the file.
fn without_config(text: &str) -> String {
    const CONFIG: &str = "with config: `\n";
    const BOTH: &str = "patch and path can't be set at the same time\n";
    let mut text = text.to_owned();
    if let Some((before, rest)) = text.split_once(CONFIG)
        && let Some((_, after)) = rest.rsplit_once("\n`: ")
    {
        text = format!("{before}{CONFIG}{COVER}\n`: {after}");
    }
    match text.split_once(BOTH) {
        Some((before, _)) => format!("{before}{}", BOTH.trim_end()),
        None => text,
    }
}
