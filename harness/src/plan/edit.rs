//! Patches of repository files, applied.

use crate::check::matches;
use crate::scenario::FilePatch;
use serde_json::Value;

/// A patch could not be applied. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The text to be replaced does not occur as often as it should.
    #[error("patch {path}: {find:?} occurs {found} times in it, not {wanted}")]
    Occurrences {
        /// The file.
        path: String,
        /// The text that was looked for.
        find: String,
        /// How often it occurs.
        found: usize,
        /// How often it should.
        wanted: usize,
    },
    /// The file is not text.
    #[error("patch {path}: it is not text")]
    NotText {
        /// The file.
        path: String,
    },
    /// The file is not YAML.
    #[error("patch {path}: it is not YAML: {message}")]
    NotYaml {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// No document, or more than one, is the one to patch.
    #[error("patch {path}: {found} of its documents have what `document` says, not 1")]
    Document {
        /// The file.
        path: String,
        /// How many.
        found: usize,
    },
    /// The operations cannot be applied.
    #[error("patch {path}: {message}")]
    Operations {
        /// The file.
        path: String,
        /// What went wrong.
        message: String,
    },
}

/// The content of a file after a patch.
///
/// # Errors
/// [`EditError`] says why the patch does not fit the file.
pub fn edit(patch: &FilePatch, content: &[u8]) -> Result<Vec<u8>, EditError> {
    let path = || patch.path.clone();
    let mut text = String::from_utf8(content.to_vec()).map_err(|_| EditError::NotText { path: path() })?;
    for replacement in &patch.replace {
        let found = text.matches(&replacement.find).count();
        if found != replacement.times {
            let (find, wanted) = (replacement.find.clone(), replacement.times);
            return Err(EditError::Occurrences { path: path(), find, found, wanted });
        }
        text = text.replace(&replacement.find, &replacement.with);
    }
    if let Some(more) = &patch.append {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(more);
    }
    if patch.merge.is_some() || patch.json.is_some() {
        text = documents(patch, &text)?;
    }
    Ok(text.into_bytes())
}

/// Patches the one document that is meant; the others keep their text.
fn documents(patch: &FilePatch, text: &str) -> Result<String, EditError> {
    let path = || patch.path.clone();
    let wrong = |message: String| EditError::Operations { path: path(), message };
    let mut parts = split(text);
    let mut values: Vec<Option<Value>> = Vec::new();
    for part in &parts {
        let options = serde_saphyr::options! { legacy_octal_numbers: true, with_snippet: false };
        let value: Option<Value> = serde_saphyr::from_str_with_options(part, options).map_err(|error| {
            EditError::NotYaml { path: path(), message: error.without_snippet().to_string() }
        })?;
        values.push(value.filter(|v| !v.is_null()));
    }
    let meant = |value: &Option<Value>| match (value, &patch.document) {
        (Some(value), Some(document)) => matches(document, value),
        (value, None) => value.is_some(),
        (None, _) => false,
    };
    let found: Vec<usize> = (0..values.len()).filter(|index| meant(&values[*index])).collect();
    let [index] = found.as_slice() else {
        return Err(EditError::Document { path: path(), found: found.len() });
    };
    let mut value = values.swap_remove(*index).unwrap_or_default();
    if let Some(merge) = &patch.merge {
        json_patch::merge(&mut value, merge);
    }
    if let Some(operations) = &patch.json {
        let operations: json_patch::Patch = serde_json::from_value(Value::Array(operations.clone()))
            .map_err(|error| wrong(format!("its operations cannot be read: {error}")))?;
        json_patch::patch(&mut value, &operations).map_err(|error| wrong(error.to_string()))?;
    }
    parts[*index] = seatrial_yaml::emit_json(&value).map_err(|error| wrong(error.to_string()))?;
    Ok(parts.join("---\n"))
}

/// The documents of a file, as text, without the lines between them.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    // A file can begin with the line.
    if parts.len() > 1 && parts[0].trim().is_empty() {
        parts.remove(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn patched(patch: Value, content: &str) -> Result<String, String> {
        let mut patch = patch;
        patch["path"] = json!("f.yaml");
        let patch: FilePatch = serde_json::from_value(patch).unwrap();
        edit(&patch, content.as_bytes()).map(|b| String::from_utf8(b).unwrap()).map_err(|e| e.to_string())
    }

    #[rstest]
    #[case::text_keeps_every_other_byte(
        json!({"replace": [{"find": "debug:1.0.0", "with": "debug:1.0.1"}]}),
        "# x\r\nimage:  debug:1.0.0 # marker\r\n", "# x\r\nimage:  debug:1.0.1 # marker\r\n")]
    #[case::text_twice(json!({"replace": [{"find": "a", "with": "b", "times": 2}]}), "a a", "b b")]
    #[case::append(json!({"append": "- b\n"}), "- a", "- a\n- b\n")]
    #[case::append_to_nothing(json!({"append": "- b\n"}), "", "- b\n")]
    #[case::merge(json!({"merge": {"spec": {"replicas": 3, "paused": null}}}),
        "kind: D\nspec:\n  paused: true\n  x: 1\n", "kind: D\nspec:\n  replicas: 3\n  x: 1\n")]
    #[case::json(json!({"json": [{"op": "add", "path": "/l/-", "value": "b"}]}), "l: [a]\n", "l:\n- a\n- b\n")]
    #[case::one_document_of_several(json!({"document": {"kind": "B"}, "merge": {"x": 2}}),
        "---\nkind: A # kept\n---\nkind: B\n", "kind: A # kept\n---\nkind: B\nx: 2\n")]
    fn patches_that_fit(#[case] patch: Value, #[case] before: &str, #[case] after: &str) {
        assert_eq!(patched(patch, before).unwrap(), after);
    }

    #[rstest]
    #[case::not_there(json!({"replace": [{"find": "x", "with": "y"}]}), "a",
        "patch f.yaml: \"x\" occurs 0 times in it, not 1")]
    #[case::too_often(json!({"replace": [{"find": "a", "with": "y"}]}), "a a",
        "patch f.yaml: \"a\" occurs 2 times in it, not 1")]
    #[case::which_document(json!({"merge": {"x": 1}}), "a: 1\n---\nb: 1\n",
        "patch f.yaml: 2 of its documents have what `document` says, not 1")]
    #[case::no_such_place(json!({"json": [{"op": "remove", "path": "/x"}]}), "a: 1\n",
        "patch f.yaml: operation '/0' failed at path '/x': path is invalid")]
    fn patches_that_do_not_fit(#[case] patch: Value, #[case] before: &str, #[case] message: &str) {
        assert_eq!(patched(patch, before).unwrap_err(), message);
    }
}
