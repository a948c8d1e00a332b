//! Checks steps about sealed secrets: what an API server would refuse later is refused here.

use super::references::Context;
use super::tree::Node;
use super::{KeyAction, Seal, SealingKeysStep, SecretExpected};

/// The backup of a step that does not say which.
pub(crate) const USUAL_BACKUP: &str = "backup";

/// The step `seal`, beyond what it has in common with others.
pub(super) fn seal(context: &mut Context<'_>, seal: &Seal, body: &Node) {
    if seal.values.is_empty() {
        let at = body.get("values").map_or(body.at, |n| n.at);
        context.problem(at, "`seal` needs at least one of `values`");
    }
    let at = |field: &str| body.get(field).map_or(body.at, |n| n.at);
    if !is_subdomain(&seal.name) {
        context.problem(at("name"), format!("{:?} is no name of a Secret: {SUBDOMAIN}", seal.name));
    }
    if let Some(namespace) = seal.namespace.as_ref().filter(|name| !is_dns_label(name)) {
        context.problem(at("namespace"), format!("{namespace:?} is no name of a namespace: {LABEL}"));
    }
    for entry in body.get("values").map(Node::entries).unwrap_or_default() {
        if !is_key(&entry.key) {
            let message = format!("{:?} is no key of a Secret: {KEY}", entry.key);
            context.problem(entry.at, message);
        }
    }
    for (field, what) in [("labels", "label"), ("annotations", "annotation")] {
        for entry in body.get(field).map(Node::entries).unwrap_or_default() {
            if !is_qualified(&entry.key) {
                let message = format!("{:?} is no name of a {what}: {QUALIFIED}", entry.key);
                context.problem(entry.at, message.replace("of a annotation", "of an annotation"));
            }
            let value = entry.value.text().filter(|value| field == "labels" && !is_label_value(value));
            if let Some(value) = value {
                let message = format!("{value:?} is no value of a label: {VALUE}");
                context.problem(entry.value.at, message);
            }
        }
    }
}

/// The step `sealingKeys`, beyond what it has in common with others.
pub(super) fn keys(context: &mut Context<'_>, step: &SealingKeysStep, body: &Node) {
    let name = step.backup.as_deref().unwrap_or(USUAL_BACKUP);
    let at = body.get("backup").map_or(body.at, |n| n.at);
    match step.action {
        KeyAction::Backup => {
            context.backups.insert(name.to_owned());
        }
        KeyAction::Restore if !context.backups.contains(name) => {
            let message = format!(
                "no step before this one makes the backup `{name}` (with `sealingKeys: {{action: backup, backup: {name}}}`)"
            );
            context.problem(at, message);
        }
        KeyAction::Restore => {}
        KeyAction::Lose | KeyAction::Rotate if step.backup.is_some() => {
            let at = body.entry("backup").map_or(body.at, |entry| entry.at);
            context.problem(at, "`backup` goes with the actions `backup` and `restore` alone");
        }
        KeyAction::Lose | KeyAction::Rotate => {}
    }
}

/// `expect: {secret: …}`.
pub(super) fn expect(context: &mut Context<'_>, secret: &SecretExpected, body: &Node) {
    for (key, value) in &secret.keys {
        let is_digit = |c: u8| c.is_ascii_digit() || matches!(c, b'a'..=b'f');
        let good = |digest: &String| digest.len() == 64 && digest.bytes().all(is_digit);
        if value.sha256.as_ref().is_some_and(|digest| !good(digest)) {
            let node = body.get("secret").and_then(|n| n.get("keys")).and_then(|n| n.get(key));
            let at = node.and_then(|n| n.get("sha256")).map_or(body.at, |n| n.at);
            context.problem(at, "`sha256` is 64 hexadecimal digits, of 0-9 and a-f");
        }
    }
}

const SUBDOMAIN: &str =
    "it has lower case letters, digits, - and ., and begins and ends with a letter or digit";
const LABEL: &str =
    "it has at most 63 lower case letters, digits and -, and begins and ends with a letter or digit";
const KEY: &str = "it has letters, digits, -, _ and . alone";
const QUALIFIED: &str = "it has at most 63 letters, digits, -, _ and ., begins and ends with a letter or digit, and may have a DNS \
                         name and / in front";
const VALUE: &str =
    "it has at most 63 letters, digits, -, _ and ., and begins and ends with a letter or digit";

/// Begins and ends with a letter or digit, and has `inner` between as well.
fn framed(text: &str, inner: &str, upper: bool) -> bool {
    let edge = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || (upper && c.is_ascii_uppercase());
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || inner.contains(c))
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && framed(text, "-", false)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| framed(part, "-", false))
}

fn is_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 253 && text.chars().all(plain) && text != "." && !text.starts_with("..")
}

fn is_qualified(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_subdomain) && name.len() <= 63 && framed(name, "-_.", true)
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || (text.len() <= 63 && framed(text, "-_.", true))
}
