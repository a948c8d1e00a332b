//! Properties of any tree: what is printed reads back as the same values, and edits in place change one value.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use proptest::prelude::*;
use seatrial_yaml::{
    Dialect, Node, ParseOptions, Pos, Style, Value, emit, emit_json, parse_one, splice_scalar,
};
use serde_json::{Value as Json, json};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,8}",
        3 => "[ -~]{0,12}",
        3 => "[-+.:?#,|>&*!%@`'\"{}\\[\\]~=<ab01 ]{0,5}",
        3 => "[0-9_.:eExXob+-]{1,7}",
        2 => "[a-c \t\n\r]{0,8}",
        2 => "[a-e \n]{0,20}",
        2 => "([a-z\\\\:]{1,12} {0,2}){0,40}",
        1 => "[aé☃😀\u{a0}\u{feff}\u{7} ]{0,6}",
        1 => "(y|Y|yes|on|Off|NO|true|Null|~|null|\\.inf|\\.NaN|<<|=|---|\\.\\.\\.|0o7|0x1F|1e3|2020-01-01|1:20)",
    ]
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        6 => text().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<u64>().prop_map(Json::from),
        1 => (-20000i32..20000).prop_map(|n| json!(f64::from(n) / 16.0 + 0.015_625)),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(text().prop_filter("no merge key", |k| k != "<<"), inner, 0..6)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn read(text: &str) -> Node {
    parse_one(text.as_bytes(), &ParseOptions::default()).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

/// Every scalar that is a value, with the way to it.
fn values<'a>(node: &'a Node, way: &mut Vec<usize>, found: &mut Vec<(Vec<usize>, &'a Node)>) {
    let children: Vec<&Node> = match &node.value {
        Value::Scalar { .. } => return found.push((way.clone(), node)),
        Value::Seq { items, .. } => items.iter().collect(),
        Value::Map { entries, .. } => entries.iter().map(|(_, value)| value).collect(),
    };
    for (index, child) in children.into_iter().enumerate() {
        way.push(index);
        values(child, way, found);
        way.pop();
    }
}

fn without_pos(node: &Node) -> Node {
    let mut node = node.clone();
    clear(&mut node);
    node
}

fn clear(node: &mut Node) {
    node.pos = Pos::default();
    match &mut node.value {
        Value::Scalar { style, .. } => *style = Style::Plain,
        Value::Seq { items, .. } => items.iter_mut().for_each(clear),
        Value::Map { entries, .. } => entries.iter_mut().for_each(|(key, value)| {
            clear(key);
            clear(value);
        }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_json_reads_back_in_both_dialects(json in tree()) {
        let json = json!({"root": json});
        let printed = emit_json(&json).unwrap();
        let node = read(&printed);
        prop_assert_eq!(&node.to_json(Dialect::Kustomize).unwrap(), &json, "{}", printed);
        prop_assert_eq!(&node.to_json(Dialect::KubernetesJson).unwrap(), &json, "{}", printed);
        prop_assert_eq!(emit(&node).unwrap(), printed);
    }

    #[test]
    fn trees_from_json_hold_the_same_json_and_print_the_same(json in tree()) {
        let node = Node::from_json(&json);
        prop_assert_eq!(&node.to_json(Dialect::Kustomize).unwrap(), &json);
        prop_assert_eq!(&node.to_json(Dialect::KubernetesJson).unwrap(), &json);
        prop_assert_eq!(emit(&node).unwrap(), emit_json(&json).unwrap());
    }

    #[test]
    fn an_edit_in_place_changes_one_value_only(json in tree(), new in text(), pick in any::<prop::sample::Index>()) {
        let file = format!("# head\r\nroot: # line\n{}", emit_json(&json!([json, "x"])).unwrap());
        let node = read(&file);
        let mut found = Vec::new();
        values(&node, &mut Vec::new(), &mut found);
        let (way, target) = pick.get(&found).clone();
        prop_assume!(!matches!(target.style(), Some(Style::Literal)));
        let edited = String::from_utf8(splice_scalar(file.as_bytes(), target, &new).unwrap()).unwrap();
        let after = read(&edited);

        let mut expected = without_pos(&node);
        let mut slot = &mut expected;
        for index in &way {
            slot = match &mut slot.value {
                Value::Seq { items, .. } => &mut items[*index],
                Value::Map { entries, .. } => &mut entries[*index].1,
                Value::Scalar { .. } => unreachable!("the way ends at the scalar"),
            };
        }
        *slot.as_str_mut().unwrap() = new.clone();
        prop_assert_eq!(without_pos(&after), expected, "{}", edited);

        let (start, end) = (target.pos.start as usize, target.pos.end as usize);
        prop_assert!(edited.starts_with(&file[..start]));
        prop_assert!(edited.ends_with(&file[end..]));
        // A string stays a string for every reader.
        if target.is_string(Dialect::Kustomize) && target.is_string(Dialect::KubernetesJson) {
            let mut found = Vec::new();
            values(&after, &mut Vec::new(), &mut found);
            let (_, new_node) = found.iter().find(|(w, _)| *w == way).unwrap();
            prop_assert!(new_node.is_string(Dialect::Kustomize) && new_node.is_string(Dialect::KubernetesJson));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-a-c:#&*<!|>'\"{}\\[\\], \n\t?%@0-9~]{0,40}") {
        if let Ok(documents) = seatrial_yaml::parse(text.as_bytes(), &ParseOptions::default()) {
            for document in documents {
                let _ = emit(&document.root);
            }
        }
    }
}

/// What go-yaml's encoder prints behind `SetIndent(4)`, as read off SOPS.
#[rstest::rstest]
#[case::maps_and_lists(
    "z: last\na:\n  n: 1\n  t: false\nlist: [x, {k: v, l: [m]}]\n",
    "z: last\na:\n    \"n\": 1\n    t: false\nlist:\n    - x\n    - k: v\n      l:\n        - m\n"
)]
#[case::texts("s: 'a: b'\nq: 'yes'\nm: |\n  l1\n  l2\n", "s: 'a: b'\nq: \"yes\"\nm: |\n    l1\n    l2\n")]
#[case::empty("a: {}\nb: []\nc:\n", "a: {}\nb: []\nc: null\n")]
#[case::comments("# one\na: 1\nb:\n  # two\n  - x\n", "# one\na: 1\nb:\n    # two\n    - x\n")]
#[case::long_lines(
    "a: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen\n",
    "a: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen\n"
)]
fn a_tree_is_printed_in_its_own_order(#[case] file: &str, #[case] expected: &str) {
    let node = seatrial_yaml::parse_one(file.as_bytes(), &seatrial_yaml::ParseOptions::default()).unwrap();
    let mut out = String::new();
    seatrial_yaml::emit_kept(&node, 4, &mut out).unwrap();
    assert_eq!(out, expected);
}
