//! Operations on nodes, printing of programs' own trees, and edits in place.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use rstest::rstest;
use seatrial_yaml::{
    Dialect, Node, ParseOptions, SpliceError, Style, emit, parse_one, splice_scalar, splice_scalars,
};
use serde_json::json;

fn read(text: &str) -> Node {
    parse_one(text.as_bytes(), &ParseOptions::default()).unwrap()
}

#[test]
fn set_replaces_in_place_or_adds_at_the_end() {
    let mut node = read("{a: 1, b: 2}");
    assert_eq!(node.set("a", Node::int(3)).and_then(|old| old.as_i64()), Some(1));
    assert!(node.set("c", Node::str("x")).is_none());
    assert_eq!(node.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(node.remove("b").and_then(|old| old.as_i64()), Some(2));
    assert_eq!(node.keys().collect::<Vec<_>>(), ["a", "c"]);
    assert!(node.remove("b").is_none());
}

#[test]
fn set_makes_a_map_of_null_and_gives_back_what_has_no_place() {
    let mut node = Node::null();
    assert!(node.set("a", Node::bool(true)).is_none());
    assert_eq!(node.get("a").and_then(|n| n.as_bool(Dialect::Kustomize)), Some(true));
    let mut list = Node::seq();
    assert!(list.set("a", Node::null()).is_some());
    assert!(list.push(Node::null()).is_none());
    assert_eq!(list.items().len(), 1);
    assert!(node.push(Node::null()).is_some());
}

#[test]
fn paths_reach_in_and_make_maps() {
    let mut node = read("a: {b: {c: x}}\ns: 1\nn:\n");
    assert_eq!(node.str_at(&["a", "b", "c"]), Some("x"));
    assert!(node.at(&["a", "x", "c"]).is_none());
    assert!(node.make_maps(&["a", "d", "e"]).is_some_and(|map| map.is_map()));
    assert!(node.make_maps(&["n", "e"]).is_some());
    assert!(node.make_maps(&["s", "e"]).is_none());
    *node.at_mut(&["a", "b", "c"]).and_then(Node::as_str_mut).unwrap() = "y".to_owned();
    assert_eq!(
        node.to_json(Dialect::Kustomize).unwrap(),
        json!({"a": {"b": {"c": "y"}, "d": {"e": {}}}, "s": 1, "n": {"e": {}}})
    );
}

#[test]
fn values_are_compared_without_styles_and_order() {
    let a = read("{a: 0x10, b: [x, 'y'], c: ~}");
    assert!(a.same_value(&read("b:\n- \"x\"\n- y\nc: null\na: 16\n"), Dialect::Kustomize));
    assert!(!a.same_value(&read("{a: '16', b: [x, y], c: ~}"), Dialect::Kustomize));
    assert!(!a.same_value(&read("{a: 16, b: [y, x], c: ~}"), Dialect::Kustomize));
    assert!(!read("yes").same_value(&read("true"), Dialect::Kustomize));
    assert!(read("yes").same_value(&read("true"), Dialect::KubernetesJson));
}

#[rstest]
#[case(Node::str("yes"), "\"yes\"\n")]
#[case(Node::plain("yes"), "\"yes\"\n")]
#[case(Node::str("12"), "\"12\"\n")]
#[case(Node::plain("12"), "12\n")]
#[case(Node::str("a: b"), "'a: b'\n")]
#[case(Node::str("a\nb"), "|-\n  a\n  b\n")]
#[case(Node::str(""), "\"\"\n")]
#[case(Node::null(), "null\n")]
#[case(Node::map(), "{}\n")]
#[case(Node::seq(), "[]\n")]
#[case([("k10", Node::int(1)), ("k9", Node::seq()), ("K", Node::map())].into_iter().collect(), "K: {}\nk9: []\nk10: 1\n")]
#[case([("a", [Node::str("x"), [("b", Node::int(1)), ("a", Node::int(2))].into_iter().collect()].into_iter().collect::<Node>())].into_iter().collect(), "a:\n- x\n- a: 2\n  b: 1\n")]
fn made_trees_print(#[case] node: Node, #[case] printed: &str) {
    assert_eq!(emit(&node).unwrap(), printed);
}

#[rstest]
#[case::infinity("a: .inf", "write line 1 as JSON: unsupported value: +Inf")]
#[case::number_key("a:\n  1: b", "write line 2 as JSON: unsupported key 1")]
#[case::tag("a: !!int x", "read line 1: cannot decode !!str `x` as a !!int")]
#[case::quoted_merge("a:\n  \"<<\": {b: c}", "print line 2: a quoted << as a key is not supported")]
fn what_kustomize_cannot_print_is_refused(#[case] text: &str, #[case] message: &str) {
    assert_eq!(emit(&read(text)).unwrap_err().to_string(), message);
}

#[rstest]
#[case::plain("a: x:1.0 # m\n", "y:2.0", "a: y:2.0 # m\n")]
#[case::single_quoted("a: 'x'  # m\n", "it's", "a: 'it''s'  # m\n")]
#[case::double_quoted("a:   \"x\"\r\n", "q\"\\", "a:   \"q\\\"\\\\\"\r\n")]
#[case::string_stays_a_string("a: 1.0.0\n", "1.0", "a: \"1.0\"\n")]
#[case::yaml_11_word("a: abc\n", "yes", "a: \"yes\"\n")]
#[case::number_stays_plain("a: 1.0\n", "1.1", "a: 1.1\n")]
#[case::nothing_before("a:\n", "x", "a: x\n")]
#[case::nothing_before_a_comment("a: # m\n", "x", "a: x # m\n")]
#[case::nothing_in_flow("{a: , b: c}\n", "x", "{a: x , b: c}\n")]
#[case::nothing_far_away("a :   # m\nb: c\n", "x", "a : x   # m\nb: c\n")]
#[case::nothing_after_a_quoted_key("\"a\":\nb: c\n", "x", "\"a\": x\nb: c\n")]
#[case::nothing_with_a_long_key("? a\n:\n", "x", "? a\n: x\n")]
#[case::needs_quotes("a: x\n", "b: c", "a: \"b: c\"\n")]
#[case::in_flow("a: x\n", "b,c", "a: \"b,c\"\n")]
#[case::lines("a: 'x\n  y'\n", "p\nq", "a: \"p\\nq\"\n")]
#[case::emptied("a: x\n", "", "a: \"\"\n")]
#[case::behind_unicode("é: 'ü' # ö\n", "ä", "é: 'ä' # ö\n")]
#[case::byte_order_mark("\u{feff}a: x\n", "z", "\u{feff}a: z\n")]
fn an_edit_keeps_notation_and_all_other_bytes(#[case] file: &str, #[case] new: &str, #[case] expected: &str) {
    let node = read(file);
    let (_, value) = &node.entries()[0];
    let edited = splice_scalar(file.as_bytes(), value, new).unwrap();
    assert_eq!(String::from_utf8(edited).unwrap(), expected);
}

#[test]
fn several_edits_are_made_at_once() {
    let file = "a: &a x # 1\nb: [y, *a]\nc: |\n  z\n";
    let node = read(file);
    let (a, b) = (node.get("a").unwrap(), node.get("b").unwrap());
    let edits = [(&b.items()[0], "q"), (a, "p"), (&b.items()[1], "p")];
    assert_eq!(splice_scalars(file.as_bytes(), &edits).unwrap(), b"a: &a p # 1\nb: [q, *a]\nc: |\n  z\n");

    let pos = a.pos;
    let disagree = splice_scalars(file.as_bytes(), &[(a, "p"), (&b.items()[1], "q")]);
    assert_eq!(disagree, Err(SpliceError::Overlap { pos }));
    let block = node.get("c").unwrap();
    assert_eq!(splice_scalar(file.as_bytes(), block, "x"), Err(SpliceError::Block { pos: block.pos }));
    assert!(matches!(
        splice_scalar(file.as_bytes(), b, "x"),
        Err(SpliceError::NotScalar { kind: "list", .. })
    ));
    let empty_item = read("- # m:\n- a\n");
    let nowhere = splice_scalar(b"- # m:\n- a\n", &empty_item.items()[0], "x");
    assert!(matches!(nowhere, Err(SpliceError::Elsewhere { .. })));
    let no_colon = read("{a, b: c}");
    let nowhere = splice_scalar(b"{a, b: c}", no_colon.get("a").unwrap(), "x");
    assert!(matches!(nowhere, Err(SpliceError::Elsewhere { .. })));
    let made = Node::scalar("x", Style::Plain);
    assert!(matches!(splice_scalar(file.as_bytes(), &made, "y"), Err(SpliceError::Elsewhere { .. })));
}
