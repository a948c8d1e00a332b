//! `plain-secret`: Secrets in Git in plain text. No value is in a message.

mod patches;

use super::context::{Context, is_open, items};
use super::finding::{Finding, Lint};
use super::places::{Step, placed};
use super::rule::Rule;
use crate::offline::{below, documents, place};
use seatrial_render::KUSTOMIZATION_FILES;
use seatrial_yaml::{Dialect, Node};
use serde_json::Value;

const HELP: &str = "seal it (`seatrial seal`, kubeseal) or encrypt it with SOPS; what was committed is known, and has to be changed";

pub(super) fn check(context: &Context<'_>, found: &mut Lint) {
    for (file, content) in context.fleet.yaml() {
        let name = file.rsplit('/').next().unwrap_or_default();
        let is_kustomization = KUSTOMIZATION_FILES.contains(&name);
        // Reading takes longer than looking.
        let has = |word: &[u8]| content.windows(word.len()).any(|window| window == word);
        match is_kustomization {
            true if has(b"secretGenerator") || has(b"Secret") => kustomization(context, file, found),
            false if has(b"Secret") => objects(context, file, found),
            _ => {}
        }
    }
    // It has no ending, so that it is not among those that may be YAML.
    let plain = |path: &&String| path.rsplit('/').next() == Some("Kustomization");
    for file in context.fleet.paths.iter().filter(plain) {
        kustomization(context, file, found);
    }
}

fn kustomization(context: &Context<'_>, file: &str, found: &mut Lint) {
    generators(context, file, found);
    patches::of_file(context, file, found);
}

fn objects(context: &Context<'_>, file: &str, found: &mut Lint) {
    for node in context.places.documents(file).iter() {
        let Ok(object) = node.to_json(Dialect::KubernetesJson) else { continue };
        let inner = items(&object["items"]).filter(|_| object["kind"] == "List");
        for (index, secret) in
            std::iter::once(&object).chain(inner).enumerate().filter(|(_, one)| is_plain(one))
        {
            let (namespace, name) = place(secret);
            let who = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
            let at = match index {
                0 => Some(node),
                index => node.get("items").and_then(|list| list.items().get(index - 1)),
            };
            let field = |node: &Node| {
                let named = |(key, _): &&(Node, Node)| matches!(key.as_str(), Some("data" | "stringData"));
                node.entries().iter().find(named).map_or(node.pos, |(key, _)| key.pos)
            };
            let finding =
                Finding::warning(Rule::PlainSecret, format!("the Secret {who} is in Git in plain text"));
            found.findings.push(finding.at(Some(placed(file, at.map(field)))).help(HELP));
        }
        patches::of_object(context, file, node, &object, found);
    }
}

/// Whether a value has content that everybody can read. What a variable brings is elsewhere.
fn has_content(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !is_open(text),
        Value::Null => false,
        _ => true,
    }
}

/// Whether an object is a Secret with values that everybody can read.
fn is_plain(object: &Value) -> bool {
    if object["kind"] != "Secret" || object["apiVersion"] != "v1" || object.get("sops").is_some() {
        return false;
    }
    let values = ["data", "stringData"].into_iter().filter_map(|field| object[field].as_object());
    values.flat_map(|map| map.values()).any(has_content)
}

fn generators(context: &Context<'_>, file: &str, found: &mut Lint) {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let content = context.fleet.tree.read(file).unwrap_or_default();
    for kustomization in documents(&content) {
        for (index, generator) in items(&kustomization["secretGenerator"]).enumerate() {
            let name = generator["name"].as_str().unwrap_or_default();
            let at = |field: &str, item: usize| {
                let path = ["secretGenerator"].map(|key| Step::Key(key.to_owned())).into_iter();
                let rest = [Step::Item(index), Step::Key(field.to_owned()), Step::Item(item)];
                context.places.in_file(file, &path.chain(rest).collect::<Vec<_>>())
            };
            let mut tell = |what: String, field: &str, item: usize| {
                let message = format!(
                    "the secretGenerator {name:?} makes a Secret of {what}, which is in Git in plain text"
                );
                let finding = Finding::warning(Rule::PlainSecret, message);
                found.findings.push(finding.at(Some(at(field, item))).help(HELP));
            };
            for (item, literal) in items(&generator["literals"]).enumerate() {
                let value =
                    literal.as_str().and_then(|text| text.split_once('=')).map_or("", |(_, value)| value);
                if !value.is_empty() && !is_open(value) {
                    tell("a literal".to_owned(), "literals", item);
                }
            }
            for field in ["files", "envs", "env"] {
                // `env` is the old form: one file.
                let sources =
                    items(&generator[field]).chain(Some(&generator[field]).filter(|one| one.is_string()));
                for (item, source) in sources.enumerate() {
                    let Some(source) = source.as_str() else { continue };
                    let source = source.split_once('=').map_or(source, |(_, path)| path);
                    let Some(path) = below(folder, source) else { continue };
                    let content = context.fleet.tree.read(&path).unwrap_or_default();
                    if !content.is_empty() && !is_encrypted(&content) {
                        tell(path, field, item);
                    }
                }
            }
        }
    }
}

/// Whether the content of a file is encrypted: by SOPS in any of its formats, or as SealedSecrets.
fn is_encrypted(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let is_sops = text.contains("ENC[") && text.contains("sops");
    let objects = documents(content);
    let is_sealed = !objects.is_empty() && objects.iter().all(|object| object["kind"] == "SealedSecret");
    is_sops || is_sealed
}
