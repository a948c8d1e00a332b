//! Files as people may write them, right and wrong; what the real kustomize says to each stands in `printed.json`
//! (null: refused). `SEATRIAL_RECORD=1 cargo test -p seatrial-yaml --test oracle files` writes it anew.

use seatrial_yaml::{ParseOptions, emit, parse};

/// A whole resource file.
pub(crate) fn file(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Foo\nmetadata:\n  name: x\n{spec}")
}

/// All documents of a file as they are printed, joined by `---`.
pub(crate) fn read_and_print(file: &str) -> Result<String, String> {
    let documents = parse(file.as_bytes(), &ParseOptions::default()).map_err(|e| e.to_string())?;
    let printed: Result<Vec<String>, String> = documents
        .iter()
        .filter(|d| !d.is_empty())
        .map(|d| emit(&d.root).map_err(|e| e.to_string()))
        .collect();
    Ok(printed?.join("---\n"))
}

/// Name, and what follows the head of the resource.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        "numbers",
        "spec: [0x1F, 014, 0o14, 0b11, 1_000, +1, -0, 1.10, 1., .5, 1e3, 08, 0x_1F, 1__0, -1_0, 12e03, 1e400, 0x1p3, 0.1e-7]\n",
    ),
    (
        "big numbers",
        "spec: [9223372036854775808, 18446744073709551615, 18446744073709551616, -9223372036854775808, -9223372036854775809, 1e20, 1e21, 1.5e22]\n",
    ),
    ("words", "spec: [yes, No, on, Y, n, True, FALSE, tRue, ~, null, Null, NULL, nULL, =, <<]\n"),
    (
        "times",
        "spec:\n  a: 2020-01-01\n  b: 2020-1-1\n  c: 2001-12-14t21:59:43.10-05:00\n  d: 2001-12-14 21:59:43.10\n  e: 2001-02-30\n  f: 2001-12-14T1:2:3Z\n  g: 2001-12-14 21:59:43 -5\n  h: 2001-12-14T21:59:43\n  i: 2001-12-14T21:59:43.1234567890123Z\n  j: 2001-12-14T21:59:43+00:00\n  k: 2001-12-14T21:59:60Z\n",
    ),
    ("times in flow", "spec: [2020-01-01, 2001-12-14t21:59:43.10-05:00]\n"),
    ("nothing", "spec:\n  a:\n  b: ~\n  c: ''\n  d: {a: , b: [~, null], c}\n"),
    (
        "tags",
        "spec:\n  a: !!str 12\n  b: !!int \"3\"\n  c: !!float 3\n  d: !!binary aGVsbG8=\n  e: !foo bar\n  f: !foo 12\n  g: !!bool true\n  h: !!null ''\n  i: !foo {b: c}\n  j: ! 12\n  k: !!timestamp 2020-01-01\n  l: !!str 2020-01-01\n  m: !!str\n",
    ),
    ("bad int tag", "spec: !!int x\n"),
    ("bad bool tag", "spec: !!bool 3\n"),
    ("bad base64", "spec: !!binary '*'\n"),
    ("infinity", "spec: .inf\n"),
    ("int key", "spec: {1: a}\n"),
    ("bool key", "spec: {true: a}\n"),
    ("null key", "spec: {~: a}\n"),
    ("list key", "spec: {[a]: b}\n"),
    ("date key", "spec: {2020-01-01: b}\n"),
    ("yes key", "spec: {yes: b, on: c, y: d, 1.2.3: e}\n"),
    ("duplicate key", "spec: {a: b, 'a': c}\n"),
    (
        "merge",
        "x: &a {p: q, r: s}\nspec:\n  y:\n    r: t\n    <<: *a\n  z:\n    <<: [*a, {p: w, v: 1}]\n    u: *a\n",
    ),
    ("merge of a scalar", "spec: {<<: 3}\n"),
    ("merge through merge", "x: &a {p: q}\ny: &b {<<: *a, r: s}\nspec: {<<: *b, t: u}\n"),
    ("unknown alias", "spec: *x\n"),
    ("anchor of a scalar", "a: &x 12\nspec: [*x, *x]\n"),
    ("anchor as a key", "a: &x foo\nspec: {*x : bar}\n"),
    ("anchor set again", "a: &x foo\nb: *x\nc: &x bar\nspec: *x\n"),
    ("literal", "spec: |\n  a\n   b\n\n  c\n"),
    ("literal keep", "spec: |+\n  a\n\n\n"),
    ("literal strip", "spec: |-\n  a\n\n"),
    ("literal indented", "spec: |2\n    a\n  b\n"),
    ("literal at the end without a line break", "spec: |\n  a"),
    ("literal of empty lines", "spec: |\n\n\n"),
    ("literal with spaces at line ends", "spec: |\n  a  \n  b\n"),
    ("literal with tabs", "spec: |\n  a\tb\n  \tc\n"),
    ("folded", "spec: >\n  a\n  b\n\n  c\n   d\n  e\n"),
    ("folded strip", "spec: >-\n  a\n  b\n"),
    ("folded keep", "spec: >+\n  a\n  b\n\n"),
    ("plain of many lines", "spec: a\n  b\n\n  c\n"),
    ("quoted of many lines", "spec: \"a\n  b\\\n  c\n\n  d\"\n"),
    ("single quoted of many lines", "spec: 'a\n  it''s\n\n  d'\n"),
    ("escapes", "spec: \"\\0\\a\\b\\t\\n\\v\\f\\r\\e\\\"\\\\\\_\\L\\P\\x41\\u263a\\U0001F600\"\n"),
    ("escaped slash", "spec: \"\\/\"\n"),
    ("folded with empty lines", "spec: >\n  a\n\n\n  b\n\n"),
    ("folded with an empty first line", "spec: >\n\n  a\n  b\n\n  c\n"),
    ("folded with an indented first line", "spec: >1\n    a\n  b\n\n  c\n"),
    ("folded and indented in the middle", "spec: >-\n  a\n    b\n    c\n\n    d\n  e\n\n  f\n  g\n"),
    ("folded with tabs", "spec: >\n  a\n  \tb\n  c\n"),
    (
        "folded long line",
        "spec: >\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b c d\n\n    bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb a b\n",
    ),
    ("folded in a list", "spec:\n- >\n  a\n  b\n\n   c\n"),
    ("folded with an emoji", "spec: >\n  a😀\n   b\n  c\n"),
    ("folded with a no-break space", "spec: >\n  a\u{a0}\n   b\n  c\n"),
    ("folded with tabs inside", "spec: >\n  a\tb\n   b\t\n  c\n"),
    ("folded of one line", "spec: >-\n  a\n"),
    ("folded of nothing", "spec: >-\n"),
    ("folded with trailing spaces", "spec: >\n  a \n  b\n\n   c\n"),
    ("surrogate escapes", "spec: \"\\uD83D\\uDE00\"\n"),
    ("comments", "# a\nspec: # b\n  # c\n  x: y # d\n  # e\n\n  # f\nz: 1\n# g\n"),
    ("windows lines", "spec:\r\n  a: b\r\n  c: |\r\n    d\r\n    e\r\n"),
    ("indentation of lists", "spec:\n- a\n-   - b\n    - c\n-\n  d: e\n  f:\n  - g\n"),
    ("tab as indentation", "spec:\n\ta: b\n"),
    ("tab on the last line", "spec: a\n\t\n"),
    ("tab after a quote", "spec: 'a'\n  \t\n"),
    ("tab deep below a word", "spec: a\n  \t\nb: c\n"),
    ("tab inside a word of many lines", "spec:\n  k: a\n \t\n   b\n"),
    ("tab deep inside a word of many lines", "spec:\n  k: a\n    \t\n   b\n"),
    ("tab after a list", "spec:\n- a\n \t\nb: c\n"),
    ("tab after a block", "spec: |\n  a\n  \t\n"),
    ("tab in a list of one line", "spec: [a,\tb]\n\t\n"),
    ("tabs in a list of many lines", "spec: [\n\ta,\n\tb\n\t]\n"),
    ("tab after a colon", "spec:\ta\n"),
    ("tab before a comment", "spec: a\t# b\n"),
    ("open bracket", "spec: [a\n"),
    ("comma too many", "spec: [a,]\n"),
    ("two commas", "spec: [a,,b]\n"),
    ("flow pair", "spec: [a: b, c]\n"),
    ("json", "spec: {\"a\":\"b\",\"c\":[1,2],\"d\":{}}\n"),
    ("flow over lines", "spec: {\n  a: b,\n  c: [d,\n    e]\n  }\n"),
    ("flow at column 0", "spec: {\na: b\n}\n"),
    ("map in a plain value", "spec: a: b\n"),
    ("bad indentation", "spec:\n  a: b\n c: d\n"),
    ("lone percent", "spec: %a\n"),
    ("lone at", "spec: @a\n"),
    ("lone backtick", "spec: `a\n"),
    ("star text", "spec: *\n"),
    ("colon words", "spec: [a:b, 'a':b, http://x/y, a::b]\n"),
    ("no key", "spec:\n  a: b\n  : c\n"),
    ("no key at first", "spec:\n  : c\n"),
    ("no key in a list", "spec:\n- : c\n"),
    ("no key in flow", "spec: {: c}\n"),
    ("no key in a flow list", "spec: [: c]\n"),
    ("question mark", "spec:\n  ? a\n  : b\n  ? c\n"),
    ("dash words", "spec: [-a, --, -1a, '-', \"-\"]\n"),
    (
        "long words",
        "spec: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b c d\n",
    ),
    ("separator with a comment", "--- # c\napiVersion: v1\nkind: Foo\nmetadata: {name: y}\n"),
    ("empty documents", "---\n---\n# c\n---\napiVersion: v1\nkind: Foo\nmetadata: {name: y}\n---\n"),
    ("end marker", "...\n"),
    (
        "strings that look like something else",
        "spec: ['yes', 'No', 'on', 'y', 'N', 'true', 'null', '~', '', '12', '014', '0x1F', '0o7', '1_000', '1.5', '1e3', '.5', '.inf', '-.Inf', '.NaN', '2020-01-01', '2001-12-14 21:59:43', '1:20', '-1:20.5', '+1', '0b11']\n",
    ),
    (
        "strings that look like nothing else",
        "spec: ['yEs', '1:99', '0x', '0b12', '1e', '._1', '.', '<<', '=', '0o9', 'NaN', '.Nan', '2020-13-01', '1.2.3', '1e400', 'inf']\n",
    ),
    (
        "strings with indicators",
        "spec: ['&a', '*a', '!a', '|', '>', '%a', '@a', '`a', '#a', ',a', '[a', ']a', '{a', '}a', '\"a', '''a', '-', '- a', '-a', '?', '? a', '?a', ':', ': a', ':a', 'a:', 'a: b', 'a:b', 'a #b', 'a#b', 'a, b', '---', '--- a', '---a', '...', '...a', '--']\n",
    ),
    (
        "strings with spaces",
        "spec: [' a', 'a ', ' ', \"\\ta\", \"a\\tb\", \"a\\n\", \"\\na\", \"a\\n b\", \"a \\nb\", \" a\\nb\", \"a\\n\\n\", \"\\n\", \"a\\n  \", \"a\\r\\nb\"]\n",
    ),
    (
        "strings beyond ASCII",
        "spec: [é, ☃, 😀, \"é\\nb\", \"😀\\nb\", \"\\uFEFFx\", \"x\\uFEFF\", \"a\\u00a0b\", \"a\\Lb\", \"a\\Nb\", \"a\\N\\Nb\", \"a \\N b\"]\n",
    ),
    (
        "long strings with quotes",
        "spec:\n- '# aaaaaaaaaaaa bbbbbbbbbbbbbbbbbb cccccccccccccc dddddddddddddddd eeeeeeeeeeeeee  fffffffffff ggggggggggg'\n- \"\\ta aaaaaaaaaaaa bbbbbbbbbbbbbbbbbb cccccccccccccc dddddddddddddddd eeeeeeeeeeeeeeee  fffffffffff ggggggggggggg\"\n- 'aaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccccccccc dddddd   eee'\n",
    ),
    (
        "key order",
        "spec: {k10: 1, k9: 1, K: 1, a: 1, a1: 1, a01: 1, a-b: 1, a.b: 1, a/b: 1, a_b: 1, ab: 1, '1': 1, '10': 1, '2': 1, é: 1, '': 1, ' ': 1, a10b: 1, a9c: 1, v1: 1, v1beta1: 1, v1alpha1: 1, v2: 1, x00: 1, x0: 1, x1a0: 1, x1a00: 1}\n",
    ),
    (
        "keys with quotes",
        "spec: {'yes': 1, '12': 1, 'a: b': 1, '#': 1, \"a\\tb\": 1, \"a\\nb\": 1, '': 1, ' a': 1, '-': 1, '*': 1, \"😀\": 1}\n",
    ),
    (
        "nested lists and maps",
        "spec: [[a, [b]], [], {}, [{}, []], {a: [], b: {}, c: [{d: e, f: [g]}]}, [{a: b, c: d}]]\n",
    ),
    (
        "floats",
        "spec: [1.5, 1234567.5, 123456.5, 0.0001, 0.00001, 1.5e20, 100000.0, 1e-7, 123456789012345678.5, -1.5e-10, 261065713772745.125]\n",
    ),
    ("delete character", "spec: \"\u{7f}\"\n"),
    ("high control character", "spec: \"\\x80\"\n"),
    ("non-character", "spec: \"\\uffff\"\n"),
];
