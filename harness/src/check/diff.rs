//! What was wanted beside what there is, for people.

use super::partial::{matches, project};
use crate::redact::Redactor;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::fmt;

/// In place of a copy of a whole Secret.
const HIDDEN: &str = "<redacted>";
/// In place of a secret value that is not the wanted one.
const HIDDEN_OTHER: &str = "<redacted, another value>";

/// One line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffLine {
    /// As wanted.
    Same(String),
    /// Wanted, and not there.
    Wanted(String),
    /// There, and not wanted so.
    Found(String),
}

/// `- ` wanted, `+ ` found, two blanks: the same.
impl fmt::Display for DiffLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiffLine::Same(text) => write!(f, "  {text}"),
            DiffLine::Wanted(text) => write!(f, "- {text}"),
            DiffLine::Found(text) => write!(f, "+ {text}"),
        }
    }
}

/// Compares the wanted part of an object with the object; what was not asked for is not shown. The values of Secrets
/// are hidden: equal ones have equal numbers.
pub(crate) fn compare(want: &Value, have: &Value, redactor: &mut Redactor) -> Vec<DiffLine> {
    let (mut want, mut have) = (want.clone(), project(want, have));
    hide(&mut want, &mut have, redactor);
    let (want, have) = (yaml(&want), yaml(&have));
    TextDiff::from_lines(&want, &have)
        .iter_all_changes()
        .map(|change| {
            let text = change.value().trim_end().to_owned();
            match change.tag() {
                ChangeTag::Equal => DiffLine::Same(text),
                ChangeTag::Delete => DiffLine::Wanted(text),
                ChangeTag::Insert => DiffLine::Found(text),
            }
        })
        .collect()
}

/// YAML, with the values of a Secret hidden.
pub(crate) fn shown(object: &Value, redactor: &mut Redactor) -> String {
    let mut object = object.clone();
    hide(&mut object.clone(), &mut object, redactor);
    yaml(&object)
}

fn yaml(value: &Value) -> String {
    match seatrial_yaml::emit_json(value) {
        Ok(text) => text,
        // What YAML cannot express is still shown.
        Err(_) => format!("{value:#}\n"),
    }
}

fn hide(want: &mut Value, have: &mut Value, redactor: &mut Redactor) {
    if want["kind"] != "Secret" && have["kind"] != "Secret" {
        return;
    }
    for field in ["data", "stringData"] {
        let wanted = want.get(field).cloned().unwrap_or_default();
        let found = have.get(field).cloned().unwrap_or_default();
        let is_encoded = field == "data";
        if let Some(map) = want.get_mut(field).and_then(Value::as_object_mut) {
            map.values_mut().for_each(|value| *value = redactor.cover(value, is_encoded).into());
        }
        if let Some(map) = have.get_mut(field).and_then(Value::as_object_mut) {
            for (key, value) in map {
                let shown = redactor.cover(value, is_encoded);
                let beside = want.pointer(&format!("/{field}/{}", pointer(key))).and_then(Value::as_str);
                *value = match wanted.get(key).map(|want| matches(want, &found[key])) {
                    // One value can be written in two ways.
                    Some(true) => beside.unwrap_or(&shown).into(),
                    Some(false) if beside == Some(shown.as_str()) => HIDDEN_OTHER.into(),
                    _ => shown.into(),
                };
            }
        }
    }
    // kubectl keeps a copy of the whole object in an annotation.
    for object in [want, have] {
        let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        if let Some(copy) =
            annotations.and_then(|a| a.get_mut("kubectl.kubernetes.io/last-applied-configuration"))
        {
            *copy = Value::from(HIDDEN);
        }
    }
}

/// A key as a part of a JSON pointer.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(lines: &[DiffLine]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn a_comparison_shows_the_wanted_fields_and_what_stands_there() {
        let want = json!({"kind": "Deployment", "spec": {"replicas": 2,
            "template": {"spec": {"containers": [{"name": "debug", "image": "btoll/debug:1.0.1"}]}}}});
        let have = json!({"kind": "Deployment", "status": {"x": 1}, "spec": {"replicas": 2, "paused": true,
            "template": {"spec": {"containers": [{"name": "debug", "image": "btoll/debug:1.0.0", "tty": true}]}}}});
        let shown = text(&compare(&want, &have, &mut Redactor::default()));
        assert!(
            shown.contains("-       - image: btoll/debug:1.0.1\n+       - image: btoll/debug:1.0.0\n"),
            "{shown}"
        );
        assert!(shown.contains("    replicas: 2\n") && !shown.contains("paused"), "{shown}");
    }

    #[test]
    fn secret_values_are_never_shown() {
        let want = json!({"kind": "Secret", "data": {"password": "aHVudGVyMg==", "same": "eA=="}});
        let have = json!({"kind": "Secret", "data": {"password": "c2VjcmV0", "same": "eA==", "other": "b3RoZXI="},
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0"}}});
        let mut redactor = Redactor::default();
        let compared = text(&compare(&want, &have, &mut redactor));
        assert!(compared.contains("-   password: <redacted 1>\n+   password: <redacted 3>"), "{compared}");
        assert!(compared.contains("    same: <redacted 2>"), "{compared}");
        let again = text(&compare(&have, &want, &mut redactor));
        assert!(again.contains("-   password: <redacted 3>\n+   password: <redacted 1>"), "{again}");
        let all = compared + &shown(&have, &mut redactor);
        for secret in ["aHVudGVyMg", "c2VjcmV0", "eA==", "b3RoZXI"] {
            assert!(!all.contains(secret), "{all}");
        }
    }
}
