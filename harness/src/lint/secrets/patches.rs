//! Patches that bring values into Secrets: those that stand in kustomization files and in Flux's Kustomizations, and files of JSON
//! patches. Files of strategic patches are objects, which are looked at anyway.

use super::super::context::{Context, items};
use super::super::finding::{Finding, Lint, Place};
use super::super::places::{Step, value_at};
use super::super::rule::Rule;
use super::{HELP, has_content, is_plain};
use crate::offline::{below, documents};
use seatrial_yaml::{Node, Pos};
use serde_json::Value;

/// Where patches stand in an object, and whether they are lists of texts instead of maps.
const LISTS: [(&[&str], bool); 3] =
    [(&["patches"], false), (&["patchesJson6902"], false), (&["patchesStrategicMerge"], true)];

/// Those of a kustomization file.
pub(super) fn of_file(context: &Context<'_>, file: &str, found: &mut Lint) {
    let content = context.fleet.tree.read(file).unwrap_or_default();
    for object in documents(&content) {
        for (path, texts) in LISTS {
            look(context, file, &object, path, texts, found, |steps| context.places.in_file(file, steps));
        }
    }
}

/// Those of a Kustomization of Flux.
pub(super) fn of_object(context: &Context<'_>, file: &str, node: &Node, object: &Value, found: &mut Lint) {
    let group = object["apiVersion"].as_str().unwrap_or_default().split('/').next();
    if object["kind"] != "Kustomization" || group != Some("kustomize.toolkit.fluxcd.io") {
        return;
    }
    look(context, file, object, &["spec", "patches"], false, found, |steps| {
        super::placed(file, Some(position(node, steps).unwrap_or(node.pos)))
    });
}

/// Where a field begins.
fn position(node: &Node, steps: &[Step]) -> Option<Pos> {
    let (last, before) = steps.split_last()?;
    let parent = before.iter().try_fold(node, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Item(index) => node.items().get(*index),
    })?;
    match last {
        Step::Key(wanted) => {
            parent.entries().iter().find(|(key, _)| key.as_str() == Some(wanted)).map(|(key, _)| key.pos)
        }
        Step::Item(index) => parent.items().get(*index).map(|item| item.pos),
    }
}

fn look(
    context: &Context<'_>,
    file: &str,
    object: &Value,
    path: &[&str],
    texts: bool,
    found: &mut Lint,
    place: impl Fn(&[Step]) -> Place,
) {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let list: Vec<Step> = path.iter().map(|key| Step::Key((*key).to_owned())).collect();
    let Some(patches) = value_at(object, &list) else { return };
    for (index, patch) in items(patches).enumerate() {
        let mut at = list.clone();
        at.push(Step::Item(index));
        let text =
            if texts { patch.as_str().filter(|text| text.contains('\n')) } else { patch["patch"].as_str() };
        let is_secret = may_be_secret(&patch["target"]);
        let who = match text {
            Some(text) => {
                if !texts {
                    at.push(Step::Key("patch".to_owned()));
                }
                secret(text.as_bytes(), is_secret).map(|who| format!("a patch of {who}"))
            }
            None => {
                let written = patch["path"].as_str().filter(|_| is_secret);
                let source = written.and_then(|written| below(folder, written));
                at.push(Step::Key("path".to_owned()));
                source.and_then(|source| {
                    let content = context.fleet.tree.read(&source).unwrap_or_default();
                    // A strategic patch is told in its own file.
                    let operations = documents(&content).iter().any(Value::is_array);
                    secret(&content, true)
                        .filter(|_| operations)
                        .map(|who| format!("the patch {source} of {who}"))
                })
            }
        };
        let Some(who) = who else { continue };
        let message = format!("{who} has a value that is in Git in plain text");
        found.findings.push(Finding::warning(Rule::PlainSecret, message).at(Some(place(&at))).help(HELP));
    }
}

/// Whether the target of a patch names Secrets: its kind is a regular expression of whole words.
fn may_be_secret(target: &Value) -> bool {
    let kind = target["kind"].as_str().unwrap_or_default();
    kind == "Secret" || regex::Regex::new(&format!("^(?:{kind})$")).is_ok_and(|kind| kind.is_match("Secret"))
}

/// The Secret into which a patch brings a value; `target`: its target is a Secret.
fn secret(patch: &[u8], target: bool) -> Option<String> {
    documents(patch).iter().find_map(|document| match document {
        Value::Array(operations) => {
            let brings = |operation: &Value| {
                let path = operation["path"].as_str().unwrap_or_default();
                let is_value = ["/data", "/stringData"].iter().any(|field| {
                    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                });
                let values = match &operation["value"] {
                    Value::Object(map) => map.values().any(has_content),
                    value => has_content(value),
                };
                is_value && matches!(operation["op"].as_str(), Some("add" | "replace")) && values
            };
            (target && operations.iter().any(brings)).then(|| "a Secret".to_owned())
        }
        object => is_plain(object)
            .then(|| format!("the Secret {}", object["metadata"]["name"].as_str().unwrap_or_default())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_kind_of_a_target_is_a_regular_expression_of_whole_words() {
        for (kind, want) in [
            (json!("Secret"), true),
            (json!("ConfigMap|Secret"), true),
            (json!("Sec.*"), true),
            (json!("ConfigMap"), false),
            (json!("SealedSecret"), false),
            (json!("("), false),
            (json!(null), false),
        ] {
            assert_eq!(may_be_secret(&json!({ "kind": kind })), want, "{kind}");
        }
    }
}
