//! What stays of a scalar that is written over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_yaml::{Node, ParseOptions, emit, parse_one};

/// The value of `a: VALUE`.
fn value(text: &str) -> Node {
    let file = format!("a: {text}\n");
    parse_one(file.as_bytes(), &ParseOptions::default()).unwrap().get("a").unwrap().clone()
}

/// `a: VALUE` as it is printed, without the key; `!` where it cannot be.
fn printed(value: Node) -> String {
    match emit(&Node::from_entries(vec![(Node::key("a"), value)])) {
        Ok(text) => text.trim_start_matches("a: ").trim_end().to_owned(),
        Err(_) => "!".to_owned(),
    }
}

#[test]
fn another_text_keeps_type_and_style() {
    for (old, new, wanted) in [
        ("abc", "5", "\"5\""),
        ("'abc'", "5", "\"5\""),
        ("7", "5", "5"),
        ("7", "abc", "!"),
        ("1.5", "5", "5"),
        ("true", "5", "!"),
        ("~", "null", "null"),
        ("~", "5", "!"),
        ("!!str 7", "5", "\"5\""),
        ("!!int '7'", "5", "5"),
        ("!custom 7", "5", "\"5\""),
        ("2020-01-01", "2021-01-01", "\"2021-01-01T00:00:00Z\""),
    ] {
        let mut node = value(old);
        node.set_text(new);
        assert_eq!(printed(node), wanted, "{old} -> {new}");
        let mut node = value(old);
        node.set_text("x");
        node.set_text(new);
        assert_eq!(printed(node), wanted, "{old} -> x -> {new}");
    }
}

#[test]
fn a_text_without_a_type_is_what_it_looks_like() {
    for (old, new, wanted) in [
        ("abc", "5", "5"),
        ("'abc'", "5", "\"5\""),
        ("7", "abc", "abc"),
        ("!!str 7", "5", "5"),
        ("abc", "", "null"),
        ("{b: c}", "5", "5"),
    ] {
        let mut node = value(old);
        node.set_open_text(new);
        assert!(!node.is_null());
        assert_eq!(printed(node.clone()), wanted, "{old} -> {new}");
        node.set_text("true");
        let wanted = if wanted.starts_with('"') { "\"true\"" } else { "true" };
        assert_eq!(printed(node), wanted, "{old} -> {new} -> true");
    }
}

#[test]
fn a_style_that_is_taken_over_makes_a_string_or_leaves_the_type() {
    for (node, from, wanted, then) in [
        ("7", "'abc'", "\"7\"", "!"),
        ("'7'", "abc", "\"7\"", "abc"),
        ("7", "abc", "7", "!"),
        ("1.5", "'abc'", "\"1.5\"", "!"),
        ("!!float 5", "'abc'", "5", "!"),
        ("!!int 7", "'abc'", "\"7\"", "!"),
        ("7", "!!int '5'", "7", "!"),
        ("abc", "!!str 7", "abc", "abc"),
        ("[7]", "'abc'", "\n- 7", "\n- 7"),
        ("7", "[abc]", "7", "!"),
    ] {
        let mut taken = value(node);
        taken.take_style(&value(from));
        assert_eq!(printed(taken.clone()).trim_start_matches("a:"), wanted, "{node} like {from}");
        taken.set_text("abc");
        assert_eq!(printed(taken).trim_start_matches("a:"), then, "{node} like {from}, written over");
    }
}

#[test]
fn what_yaml_1_1_takes_for_no_string_gets_quotes() {
    let quoted = |mut node: Node| {
        node.quote_what_is_no_string();
        printed(node)
    };
    for (text, wanted, open) in [
        ("yes", "\"yes\"", "\"yes\""),
        ("7", "7", "\"7\""),
        ("null", "null", "\"null\""),
        ("1:20", "\"1:20\"", "\"1:20\""),
        ("2020-01-01", "\"2020-01-01T00:00:00Z\"", "\"2020-01-01T00:00:00Z\""),
        ("", "null", "null"),
        ("word", "word", "word"),
    ] {
        assert_eq!(quoted(value(text)), wanted, "{text}");
        assert_eq!(quoted(Node::open(text)), open, "{text} without a type");
    }
    // The quotes are there for what comes later.
    for (text, wanted) in [("yes", "\"7\""), ("1:20", "7")] {
        let mut old = value(text);
        old.quote_what_is_no_string();
        let mut new = value("7");
        new.take_style(&old);
        assert_eq!(printed(new), wanted, "7 over {text}");
    }
}

#[test]
fn what_has_no_type_becomes_a_string_and_stays_one() {
    let closed = |mut node: Node| {
        node.close_as_string();
        node
    };
    for (text, wanted, open) in [
        ("yes", "\"yes\"", "\"yes\""),
        ("7", "7", "\"7\""),
        ("1:20", "\"1:20\"", "\"1:20\""),
        ("2020-01-01", "\"2020-01-01T00:00:00Z\"", "\"2020-01-01\""),
        ("null", "null", "\"null\""),
        ("", "null", "null"),
        ("word", "word", "word"),
    ] {
        assert_eq!(printed(closed(value(text))), wanted, "{text}");
        assert_eq!(printed(closed(Node::open(text))), open, "{text} without a type");
    }
    let mut word = closed(Node::open("word"));
    word.set_text("7");
    assert_eq!(printed(word), "\"7\"", "a number over a word");
}
