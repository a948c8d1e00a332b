//! What is read from a file: values, positions, comments; and what is refused, with which words.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use rstest::rstest;
use seatrial_yaml::{Dialect, DuplicateKeys, Node, ParseOptions, Style, parse, parse_one};
use serde_json::{Value as Json, json};

fn read(text: &str) -> Node {
    parse_one(text.as_bytes(), &ParseOptions::default()).unwrap()
}

fn refusal(text: &str, options: ParseOptions) -> String {
    parse(text.as_bytes(), &options).unwrap_err().to_string()
}

#[rstest]
#[case::yaml_11_words("[yes, No, on, y, OFF]", json!(["yes", "No", "on", "y", "OFF"]), json!([true, false, true, true, false]))]
#[case::words_of_both("[true, FALSE, ~, null, '', '~']", json!([true, false, null, null, "", "~"]), json!([true, false, null, null, "", "~"]))]
#[case::integers("[014, 0o14, 0xC, 0b1100, 1_2, +12, 08]", json!([12, 12, 12, 12, 12, 12, 8]), json!([12, 12, 12, 12, 12, 12, 8]))]
#[case::floats("[1.0, .5, 1e3, -0.0, 1e21]", json!([1, 0.5, 1000, 0, 1e21]), json!([1, 0.5, 1000, 0, 1e21]))]
#[case::wide("[18446744073709551615, 18446744073709551616]", json!([u64::MAX, 18446744073709551616.0]), json!([u64::MAX, 18446744073709551616.0]))]
#[case::dates("[2020-01-02, 2020-13-02]", json!(["2020-01-02T00:00:00Z", "2020-13-02"]), json!(["2020-01-02", "2020-13-02"]))]
#[case::underscores("[.1_5, ._5, .5_, 1__5, _1]", json!([0.15, "._5", ".5_", 15, "_1"]), json!([0.15, "._5", ".5_", 15, "_1"]))]
#[case::near_misses("[1.2.3, 0x, 1e400, '12', 0o9]", json!(["1.2.3", "0x", "1e400", "12", "0o9"]), json!(["1.2.3", "0x", "1e400", "12", "0o9"]))]
#[case::tags("[!!str 1, !!int '2', !!float 3, !x 4, !!binary aGk=]", json!(["1", 2, 3, "4", "hi"]), json!(["1", 2, 3, "4", "hi"]))]
fn scalars_have_the_types_of_the_dialect(
    #[case] text: &str,
    #[case] kustomize: Json,
    #[case] kubernetes: Json,
) {
    assert_eq!(read(text).to_json(Dialect::Kustomize).unwrap(), kustomize);
    assert_eq!(read(text).to_json(Dialect::KubernetesJson).unwrap(), kubernetes);
}

#[rstest]
#[case::numbers_and_words("{1: a, yes: b, 1.5: c}", Some(json!({"1": "a", "true": "b", "1.5": "c"})))]
#[case::null_key("{~: a}", None)]
#[case::list_key("{[a]: b}", None)]
#[case::same_text_twice("{0x1: a, 1: b}", None)]
fn keys_become_text_for_kubernetes_only(#[case] text: &str, #[case] kubernetes: Option<Json>) {
    assert!(read(text).to_json(Dialect::Kustomize).is_err());
    assert_eq!(read(text).to_json(Dialect::KubernetesJson).ok(), kubernetes);
}

#[rstest]
#[case::own_entry_wins("a: &a {x: 1, z: 2}\nb: {z: 3, <<: *a}", json!({"z": 3, "x": 1}))]
#[case::first_of_a_list_wins("a: &a {x: 1, z: 2}\nb: {<<: [{x: 5}, *a]}", json!({"x": 5, "z": 2}))]
#[case::through_another("a: &a {x: 1}\nc: &c {<<: *a, z: 2}\nb: {<<: *c}", json!({"z": 2, "x": 1}))]
#[case::quoted_is_a_key("b: {\"<<\": 1}", json!({"<<": 1}))]
#[case::alias_of_a_scalar("a: &a 12\nb: [*a, *a]", json!([12, 12]))]
#[case::anchor_used_twice("a: &a 1\nc: *a\nd: &a 2\nb: *a", json!(2))]
fn aliases_and_merges_are_resolved(#[case] text: &str, #[case] b: Json) {
    assert_eq!(read(text).get("b").unwrap().to_json(Dialect::KubernetesJson).unwrap(), b);
}

#[rstest]
#[case::duplicate_key(
    "a: 1\nb: 2\n'a': 3\n",
    "read YAML: line 3: mapping key \"a\" already defined at line 1"
)]
#[case::unknown_alias("a: *x\n", "line 1: unknown anchor 'x' referenced")]
#[case::alias_inside_itself("a: &x [*x]\n", "line 1: anchor 'x' value contains itself")]
#[case::merge_of_a_scalar("a:\n  <<: 3\n", "line 2: map merge requires map or sequence of maps as the value")]
#[case::control_character("a: b\nc: \u{7f}\n", "line 2: control characters are not allowed")]
#[case::line_separator("a: \"b\u{2028}c\"\n", "line 1: U+2028 as a line end is not supported")]
#[case::tab_after_a_dash("a:\n-\tb\n", "line 2: found character that cannot start any token")]
#[case::escaped_slash("a: \"\\/\"\n", "line 1: found unknown escape character")]
#[case::surrogate("a: \"\\uD83D\\uDE00\"\n", "line 1: found invalid Unicode character escape code")]
#[case::directive("%YAML 1.1\n---\na: b\n", "line 1: ")]
#[case::document_without_separator("a: b\n...\nc: d\n", "line 3: did not find expected <document start>")]
#[case::anchor_name("a: &b.c d\n", "line 1: did not find expected alphabetic or numeric character")]
#[case::no_key("a: b\n: c\n", "line 2: did not find expected key")]
#[case::tab("a:\n\tb: c\n", "line 2: found character that cannot start any token")]
#[case::open_quote("a: 'b\n", "line 1: found unexpected end of stream")]
#[case::no_colon("a: b\nc\n", "line 2: could not find expected ':'")]
#[case::template("a: %b\n", "line 1: found character that cannot start any token")]
#[case::bad_indentation("a:\n  b: c\n d: e\n", "line 3: did not find expected key")]
#[case::mixed("a:\n- b\nc: d\n- e\n", "line 4: did not find expected key")]
#[case::map_in_a_value("a: b: c\n", "line 1: mapping values are not allowed in this context")]
#[case::open_list("a: [b\n", "line 2: did not find expected ',' or ']'")]
#[case::open_empty_list("a: [ # x\n", "line 2: did not find expected node content")]
fn broken_files_are_refused_with_line_and_reason(#[case] text: &str, #[case] message: &str) {
    let refusal = refusal(text, ParseOptions::default());
    assert!(refusal.contains(message), "{refusal}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let error = parse(b"a: b\nc: \xff\n", &ParseOptions::default()).unwrap_err();
    assert_eq!((error.line, error.column), (2, 4));
}

#[test]
fn many_keys_are_checked_for_duplicates_too() {
    let mut text: String = (0..100).map(|n| format!("k{n}: {n}\n")).collect();
    assert_eq!(read(&text).entries().len(), 100);
    text.push_str("k7: again\n");
    assert!(
        refusal(&text, ParseOptions::default())
            .contains("line 101: mapping key \"k7\" already defined at line 8")
    );
}

#[test]
fn the_last_of_two_equal_keys_counts_where_that_is_asked_for() {
    let options = ParseOptions { duplicate_keys: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let few = parse_one(b"a: 1\nb: {c: 1}\n'a': 2\nb: {d: 2}\na: 3\n", &options).unwrap();
    assert_eq!(few.to_json(Dialect::KubernetesJson).unwrap(), json!({"a": 3, "b": {"d": 2}}));
    let text: String = (0..100).map(|n| format!("k{}: {n}\n", n % 50)).collect();
    let many = parse_one(text.as_bytes(), &options).unwrap();
    assert_eq!(many.entries().len(), 50);
    assert_eq!(many.get("k7").and_then(Node::as_i64), Some(57));
    assert_eq!(many.entries()[7].0.pos.line, 58);
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let before = format!("*a{}", n - 1);
        text += &format!("a{n}: &a{n} [{}]\n", vec![before; 9].join(", "));
    }
    assert!(refusal(&text, ParseOptions::default()).contains("excessive aliasing"));
}

#[rstest]
#[case::lists("[".repeat(300))]
#[case::maps("{a: ".repeat(300))]
#[case::block("- ".repeat(300))]
#[case::through_aliases((1..300).fold("a0: &a0 x\n".to_owned(), |text, n| text + &format!("a{n}: &a{n} [*a{}]\n", n - 1)))]
fn deep_nesting_is_refused(#[case] text: String) {
    let refusal = refusal(&text, ParseOptions::default());
    assert!(
        refusal.contains("depth") || refusal.contains("nesting") || refusal.contains("recursion"),
        "{refusal}"
    );
}

#[test]
fn a_file_larger_than_the_limit_is_refused() {
    let options = ParseOptions { max_bytes: 3, ..ParseOptions::default() };
    assert!(refusal("a: b", options).contains("the file has 4 bytes, the limit is 3"));
}

#[test]
fn documents_keep_their_lines_and_may_be_empty() {
    let documents =
        parse(b"---\n# only a comment\n---\na: 1\n---\nb: 2\n...\n", &ParseOptions::default()).unwrap();
    let seen: Vec<(u32, bool)> = documents.iter().map(|d| (d.line, d.is_empty())).collect();
    assert_eq!(seen, [(1, true), (3, false), (5, false)]);
    assert_eq!(documents[0].root.comments.as_ref().unwrap().head, "# only a comment");
    assert!(parse_one(b"a: 1\n---\nb: 2\n", &ParseOptions::default()).is_err());
    assert!(parse_one(b"# nothing\n", &ParseOptions::default()).is_err());
}

#[test]
fn a_byte_order_mark_and_windows_lines_are_accepted() {
    let node = read("\u{feff}a: b # c\r\nd: |\r\n  e\r\n  f\r\n");
    assert_eq!(node.to_json(Dialect::Kustomize).unwrap(), json!({"a": "b", "d": "e\nf\n"}));
    assert_eq!(node.get("a").unwrap().comments.as_ref().unwrap().line, "# c");
}

#[test]
fn positions_and_styles_are_those_of_the_file() {
    let text = "a: é # x\nb:\n  - 'q'\n  - \"r\"\n  - [s, {t: u}]\n  - |\n    v\n";
    let node = read(text);
    let item = |n: usize| &node.get("b").unwrap().items()[n];
    let written = |node: &Node| text[node.pos.start as usize..node.pos.end as usize].to_owned();
    assert_eq!((node.get("a").unwrap().pos.line, node.get("a").unwrap().pos.column), (1, 4));
    assert_eq!(written(node.get("a").unwrap()), "é");
    assert_eq!((written(item(0)), item(0).style()), ("'q'".to_owned(), Some(Style::SingleQuoted)));
    assert_eq!((written(item(1)), item(1).style()), ("\"r\"".to_owned(), Some(Style::DoubleQuoted)));
    assert_eq!(written(item(2)), "[s, {t: u}]");
    assert_eq!(item(3).style(), Some(Style::Literal));
}

#[test]
fn aliases_keep_the_position_of_what_they_name() {
    let node = read("a: &a\n  b: 1\nc: *a\nd: {e: *a}\nf: &f\ng: *f\n");
    assert_eq!(node.get("c").unwrap().pos, node.get("a").unwrap().pos);
    assert_eq!(node.at(&["d", "e", "b"]).unwrap().pos, node.at(&["a", "b"]).unwrap().pos);
    assert_eq!(node.get("g").unwrap().pos, node.get("f").unwrap().pos);
}

/// `where: comment` for every comment of a tree.
fn comments(node: &Node) -> Vec<String> {
    fn walk(node: &Node, way: &str, found: &mut Vec<String>) {
        if let Some(comments) = &node.comments {
            for (kind, text) in [("head", &comments.head), ("line", &comments.line), ("foot", &comments.foot)]
            {
                if !text.is_empty() {
                    found.push(format!("{kind} of {way}: {text}"));
                }
            }
        }
        for (key, value) in node.entries() {
            let name = key.as_str().unwrap_or("?");
            walk(key, &format!("{way}{name}"), found);
            walk(value, &format!("{way}{name}="), found);
        }
        for (index, item) in node.items().iter().enumerate() {
            walk(item, &format!("{way}[{index}]"), found);
        }
    }
    let mut found = Vec::new();
    walk(node, "", &mut found);
    found
}

#[rstest]
#[case::above_a_key("a: 1\n# x\nb: 2\n", &["head of b: # x"])]
#[case::behind_a_value("a: 1 # x\nb: 2\n", &["line of a=: # x"])]
#[case::behind_a_key("a: # x\n  b: 1\n", &["line of a: # x"])]
#[case::marker("image: app:1.0 # {\"$imagepolicy\": \"flux-system:app\"}\n", &["line of image=: # {\"$imagepolicy\": \"flux-system:app\"}"])]
#[case::marker_in_a_list("a:\n- image: x:1 # one\n- image: y:1 # two\n", &["line of a=[0]image=: # one", "line of a=[1]image=: # two"])]
#[case::item("- a # x\n- b\n", &["line of [0]: # x"])]
#[case::above_an_item("- a\n# x\n- b\n", &["head of [1]: # x"])]
#[case::above_a_map_item("- a: 1\n# x\n- b: 2\n", &["head of [1]: # x"])]
#[case::above_the_first_key("# x\n\n# y\na: 1\n", &["head of a: # x\n\n# y"])]
#[case::inside("a:\n  # x\n  b: 1\n", &["head of a=b: # x"])]
#[case::below_a_key("a: 1\n# x\n\nb: 2\n", &["foot of a: # x"])]
#[case::below_and_above("a: 1\n# x\n\n# y\nb: 2\n", &["foot of a: # x", "head of b: # y"])]
#[case::below_a_list("a:\n  - 1\n  # x\nb: 2\n", &["foot of a=[0]: # x"])]
#[case::at_the_end("a: 1\n# x\n", &["foot of a: # x"])]
#[case::at_the_end_after_an_empty_line("a: 1\n\n# x\n", &["foot of : # x"])]
#[case::behind_flow("a: [b, c] # x\n", &["line of a=: # x"])]
#[case::inside_flow("a: [b, # x\n  c]\n", &["line of a=[0]: # x"])]
#[case::behind_a_quote("a: '#' # x\n", &["line of a=: # x"])]
#[case::after_a_block("a: |\n  b\n# x\nc: 1\n", &["head of c: # x"])]
#[case::alias("a: &a 1 # x\nb: *a # y\n", &["line of a=: # x", "line of b=: # y"])]
fn comments_stay_with_their_nodes(#[case] text: &str, #[case] expected: &[&str]) {
    assert_eq!(comments(&read(text)), expected);
}

#[test]
fn comments_can_be_left_out() {
    let options = ParseOptions { comments: false, ..ParseOptions::default() };
    let node = parse_one(b"# x\na: 1 # y\n", &options).unwrap();
    assert!(comments(&node).is_empty());
}
