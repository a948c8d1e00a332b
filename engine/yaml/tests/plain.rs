//! The reader of plain files gives what the whole reader gives: values, styles, positions and complaints.
//!
//! Plain files are read by it where comments are not asked for; with comments the whole reader reads everything.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use seatrial_yaml::{
    Document, DuplicateKeys, Node, ParseError, ParseOptions, Value, emit, emit_json, emitted_value, parse,
    parse_pieces,
};

fn without_comments(node: &mut Node) {
    node.comments = None;
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::Seq { items, .. } => items.iter_mut().for_each(without_comments),
        Value::Map { entries, .. } => entries.iter_mut().for_each(|(key, value)| {
            without_comments(key);
            without_comments(value);
        }),
    }
}

type Read = fn(&[u8], &ParseOptions) -> Result<Vec<Document>, ParseError>;

/// Reads with both readers.
fn both(text: &[u8], duplicate_keys: DuplicateKeys, read: Read) -> [Result<Vec<Document>, ParseError>; 2] {
    [true, false].map(|comments| {
        let options = ParseOptions { comments, duplicate_keys, ..ParseOptions::default() };
        let mut documents = read(text, &options)?;
        documents.iter_mut().for_each(|document| without_comments(&mut document.root));
        Ok(documents)
    })
}

/// Printing has two ways, too: from the tree, and through JSON.
fn check_printing(documents: &[Document]) {
    for document in documents {
        let through_json = emitted_value(&document.root).and_then(|json| emit_json(&json));
        assert_eq!(emit(&document.root), through_json, "{:?}", document.root);
    }
}

fn check(text: &[u8]) {
    for read in [parse, parse_pieces] {
        for duplicates in [DuplicateKeys::Refuse, DuplicateKeys::LastWins, DuplicateKeys::Keep] {
            let [whole, plain] = both(text, duplicates, read);
            assert_eq!(whole, plain, "{}", String::from_utf8_lossy(text));
            check_printing(plain.as_deref().unwrap_or_default());
        }
    }
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn all_files_here_read_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("SEATRIAL_CONFORMANCE")
        .map_or_else(|| root.join("../shared/conformance"), PathBuf::from);
    let mut files = Vec::new();
    for dir in
        ["fixtures", "scenarios", "engine", "harness"].map(|dir| root.join(dir)).iter().chain([&shared])
    {
        files_below(dir, &mut files);
    }
    let small = |file: &&PathBuf| file.metadata().is_ok_and(|meta| meta.len() < 200_000);
    let mut read = 0;
    for file in files.iter().filter(small) {
        let Ok(content) = std::fs::read(file) else { continue };
        check(&content);
        read += 1;
    }
    assert!(read > 0);
}

/// A line of a file: often one that fits the others.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        8 => "[a-f]",
        2 => "[a-c]{1,3}[./-][a-z]",
        1 => "['\"][a-c ]{0,3}['\"]",
        1 => "(<<|-a|'b''c'|é|\\?|~|a b|---|\\.\\.\\.|a:b)",
    ];
    let scalar = prop_oneof![
        6 => "[a-z0-9./_-]{1,6}",
        3 => "[a-z0-9:,#{}\\[\\]&*!|>'\"%@` -]{1,6}",
        2 => "'[a-z:#'\\\\ -]{0,5}'",
        2 => "\"[a-z:#'\\\\ -]{0,5}\"",
        2 => "\\{[ ]?[ab]: [a-c0-9:-]{1,3}(, [cd]: ['\"]?[a-c]['\"]?)?[ ]?\\}",
        2 => "\\[[ ]?([a-c0-9:-]{1,3}|\\[a, b\\]|\\{a: b\\})(, ?[a-c: ]{1,3})?,?\\]",
        1 => "([|]|[|]-|[|][+]|>|[|]2|&x|\\*x|!!str 1|~|null|--|-1|-a|:|é|a é|\\$\\(A\\)|=|<<)",
        2 => "",
    ];
    let dashes = prop_oneof![6 => Just(""), 3 => Just("- "), 1 => Just("-   "), 1 => Just("- - ")];
    let end = prop_oneof![8 => Just(""), 1 => Just(" # c"), 1 => Just("#c"), 1 => Just(" "), 1 => Just("\t")];
    let tail = (key, prop_oneof![9 => Just(": "), 1 => Just(":"), 1 => Just(" : ")], scalar.clone());
    let body = prop_oneof![
        8 => tail.prop_map(|(key, colon, value)| format!("{key}{colon}{value}")),
        2 => scalar,
        1 => "(# a|---|\\.\\.\\.|--- # a|--- a|%YAML 1.2|\u{feff})",
    ];
    let indent =
        prop_oneof![4 => Just(0usize), 4 => Just(2), 3 => Just(4), 1 => Just(6), 1 => Just(1), 1 => Just(3)];
    let ends = prop_oneof![30 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\n\n"), 1 => Just("\n  \n"), 1 => Just("")];
    (indent, dashes, body, end, ends).prop_map(|(indent, dashes, body, end, ends)| {
        format!("{}{dashes}{body}{end}{ends}", " ".repeat(indent))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn random_lines_read_the_same(lines in prop::collection::vec(line(), 0..6)) {
        check(lines.concat().as_bytes());
    }

    #[test]
    fn lines_below_a_block_read_the_same(
        head in "(a|- a): [|][+-]?\n",
        lines in prop::collection::vec("( {0,5}[a-b#\t-]{0,2}|  [a-c]: x|[a-b]: y)", 0..6),
        end in "\n?",
    ) {
        check(format!("{head}{}{end}", lines.join("\n")).as_bytes());
    }
}
