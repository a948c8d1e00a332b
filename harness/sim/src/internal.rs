//! Built-in objects in the form of the real server's internal Go structs, which some of its error texts show: as JSON, or as
//! a unified diff of two of them.
//!
//! The structs stand in `types.txt`, which is read when the first such text is made.

mod matching;
mod tree;
mod unified;

use serde_json::Value;

/// The JSON text of a value as a field of this type: `core.PodSpec`, `*core.NodeSelector`, `[core.NodeSelectorTerm`.
pub(crate) fn json(ty: &str, value: Option<&Value>) -> String {
    tree::build(ty, value).compact()
}

/// What an update changes in a value of this type, as lines of a unified diff with three lines around each change.
pub(crate) fn difference(ty: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    unified::difference(&tree::build(ty, old).indented(), &tree::build(ty, new).indented())
}

/// JSON as Go writes it: with the characters escaped that HTML gives a meaning.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::zero_values("core.ContainerPort", json!({}),
        r#"{"Name":"","HostPort":0,"ContainerPort":0,"Protocol":"","HostIP":""}"#)]
    #[case::pointer("*core.SleepAction", Value::Null, "null")]
    #[case::names_of_other_spelling("core.PodOS", json!({"name": "<linux>"}), r#"{"Name":"\u003clinux\u003e"}"#)]
    #[case::public_type("*meta.LabelSelector", json!({"matchLabels": {"b": "1", "a": "2"}}),
        r#"{"matchLabels":{"a":"2","b":"1"}}"#)]
    #[case::metadata_without_a_name_of_its_own("core.PersistentVolumeClaimTemplate",
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
        r#"{"labels":{"a":"b"},"Spec":{"AccessModes":null,"Selector":null,"Resources":{"Limits":null,"Requests":{"storage":"1Gi"}},"VolumeName":"","StorageClassName":null,"VolumeMode":null,"DataSource":null,"DataSourceRef":null,"VolumeAttributesClassName":null}}"#)]
    #[case::list("[core.NodeSelectorTerm", json!([{"matchFields": []}]), r#"[{"MatchExpressions":null,"MatchFields":[]}]"#)]
    #[case::number_or_text("core.TCPSocketAction", json!({"port": "http"}), r#"{"Port":"http","Host":""}"#)]
    fn values_are_shown_as_go_structs(#[case] ty: &str, #[case] value: Value, #[case] want: &str) {
        assert_eq!(json(ty, Some(&value)), want);
    }

    #[test]
    fn fields_that_moved_into_another_struct_are_found_around_it() {
        let spec = json!({"hostNetwork": true, "securityContext": {"runAsUser": 5}});
        let text = json("core.PodSpec", Some(&spec));
        assert!(text.contains(r#""SecurityContext":{"HostNetwork":true,"HostPID":false,"#), "{text}");
        assert!(text.contains(r#""RunAsUser":5,"#), "{text}");
    }

    #[test]
    fn the_table_names_only_types_that_it_has() {
        let unknown = tree::unknown_types();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn a_difference_shows_the_lines_around_a_change() {
        let (old, new) = (json!({"key": "a", "operator": "In", "values": ["x"]}), json!({"key": "a"}));
        let want = "@@ -1,7 +1,5 @@\n {\n  \"Key\": \"a\",\n- \"Operator\": \"In\",\n- \"Values\": [\n-  \"x\"\n- ]\n\
                    + \"Operator\": \"\",\n+ \"Values\": null\n }\n";
        assert_eq!(difference("core.NodeSelectorRequirement", Some(&old), Some(&new)), want);
    }
}
