//! Trees printed by this crate and by the real kustomize are the same bytes.
//!
//! Opt-in: the program is looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles/bin`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use seatrial_yaml::{Dialect, Node, ParseOptions, emit, emit_json, parse, parse_one};
use serde_json::{Value as Json, json};

fn kustomize() -> Option<PathBuf> {
    oracle("kustomize")
}

fn oracle(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles/bin"),
    };
    let program = folder.join(name);
    if program.is_file() {
        return Some(program);
    }
    eprintln!("skipped: no {name} (set ORACLES_DIR)");
    None
}

/// What `kustomize build` prints for one resource file, or its complaint.
fn build(program: &Path, resources: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.yaml"), resources).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [r.yaml]\n").unwrap();
    let output = Command::new(program).arg("build").arg(folder.path()).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn resource(index: usize, spec: &Json) -> Json {
    json!({"apiVersion": "v1", "kind": "Foo", "metadata": {"name": format!("n{index:03}")}, "spec": spec})
}

/// Text as kustomize gets it: JSON is YAML, all strings in double quotes.
fn spelled(resource: &Json) -> String {
    // Escapes that YAML does not know (surrogate pairs) do not occur: serde_json writes such characters raw.
    serde_json::to_string(resource)
        .unwrap()
        .replace('\u{7f}', "\\u007f")
        .replace('\u{85}', "\\N")
        .replace('\u{2028}', "\\L")
}

fn compare(program: &Path, specs: &[Json]) {
    let resources: Vec<Json> = specs.iter().enumerate().map(|(i, spec)| resource(i, spec)).collect();
    let input: Vec<String> = resources.iter().map(spelled).collect();
    let theirs = build(program, &(input.join("\n---\n") + "\n")).unwrap_or_else(|all| {
        let bad: Vec<_> = input.iter().filter_map(|i| Some((i, build(program, i).err()?))).collect();
        panic!("{bad:#?}\n{all}");
    });
    let ours: Vec<String> = resources.iter().map(|r| emit_json(r).unwrap()).collect();
    if ours.join("---\n") != theirs {
        for (ours, theirs) in ours.iter().zip(theirs.split("---\napi")) {
            let theirs = if theirs.starts_with("api") { theirs.to_owned() } else { format!("api{theirs}") };
            assert_eq!(*ours, theirs);
        }
        assert_eq!(ours.join("---\n"), theirs);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{0,8}",
        3 => "[ -~]{0,12}",
        3 => "[-+.:?#,|>&*!%@`'\"{}\\[\\]~=<ab01 ]{0,5}",
        3 => "[0-9_.:eExXob+-]{1,7}",
        2 => "[a-c \t\n\r]{0,8}",
        2 => "[a-e \n]{0,20}",
        2 => "([a-z]{1,12} {0,2}){0,40}",
        2 => "([a-z\"é]{1,12} {1,2}){0,40}",
        1 => "([a-z\\\\:]{1,12} {1,2}){10,40}",
        1 => "[aé☃😀\u{a0}\u{2028}\u{feff}\u{85}\u{7} ]{0,6}",
        1 => "(y|Y|yes|on|Off|NO|true|Null|~|null|\\.inf|\\.NaN|<<|=|---|\\.\\.\\.|0o7|0x1F|1e3|2020-01-01|1:20)",
        1 => "(---|\\.\\.\\.|- |\\? |: |# )[a-z ]{0,3}",
    ]
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        6 => text().prop_map(Json::from),
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::from),
        1 => any::<i64>().prop_map(Json::from),
        1 => any::<u64>().prop_map(Json::from),
        1 => (-2000i32..2000, -12i32..24).prop_map(|(m, e)| json!(f64::from(m) * 10f64.powi(e))),
        1 => any::<f64>().prop_map(|f| if f.is_finite() { json!(f) } else { json!(0.5) }),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((key(), inner), 0..6).prop_map(|entries| {
                // The first of two equal keys counts, so that there are no duplicates.
                let mut map = serde_json::Map::new();
                for (key, value) in entries {
                    map.entry(key).or_insert(value);
                }
                Json::Object(map)
            }),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}",
        4 => "[a-z]{0,2}[0-9.-]{0,4}[a-z_/]{0,2}",
        1 => "[k]{120,135}",
        2 => text().prop_filter("a merge key, or folded to another key", |k| k != "<<" && !k.contains('\u{85}')),
    ]
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

/// How long to go on; `SEATRIAL_ORACLE_ROUNDS`, 20 by default.
fn rounds() -> u64 {
    setting("SEATRIAL_ORACLE_ROUNDS").unwrap_or(20)
}

/// The same trees every time; other ones with `SEATRIAL_ORACLE_SEED`.
fn runner() -> TestRunner {
    let mut bytes = [7u8; 32];
    bytes[..8].copy_from_slice(&setting("SEATRIAL_ORACLE_SEED").unwrap_or(1).to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[test]
fn random_trees_print_like_kustomize() {
    let Some(program) = kustomize() else { return };
    let mut runner = runner();
    for _ in 0..rounds() {
        let specs: Vec<Json> = (0..50).map(|_| tree().new_tree(&mut runner).unwrap().current()).collect();
        compare(&program, &specs);
    }
}

#[test]
fn files_print_like_kustomize() {
    let Some(program) = kustomize() else { return };
    let mut wrong = String::new();
    for (name, spec) in FILES {
        let file = format!("apiVersion: v1\nkind: Foo\nmetadata:\n  name: x\n{spec}");
        let ours = read_and_print(&file);
        match (build(&program, &file), ours) {
            (Ok(theirs), Ok(ours)) if ours == theirs => {}
            (Err(_), Err(_)) => {}
            (theirs, ours) => wrong += &format!("{name}:\n  kustomize {theirs:?}\n  we        {ours:?}\n"),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Lines as people may write them, right and wrong.
fn lines() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        6 => "[a-c]{1,3}",
        2 => "(12|0x1F|1\\.50|true|yes|~|null|2020-01-01|1e3|a b|a:b|a#b|a #b|-a|http://x)",
        2 => "(\"a\"|'a'|\"a\\\\nb\"|'a''b'|\"\"|''|\"a b\" |'#')",
        2 => "(\\[\\]|\\{\\}|\\[a, b\\]|\\{a: b\\}|\\[a, \\{b: c\\}\\]|\\{a: , b\\}|\\[a,\\]|\\{a: 1,\\}|\\[\\[a\\], ''\\]|\\[a: b\\])",
        2 => "(\\||>|\\|-|>-|\\|\\+|>\\+|\\|2|>1)",
        1 => "(&a b|\\*a|!!str 1|!foo a|!!int 3|&a|!!map|&b \\{x: y\\})",
        1 => "(a # c|# c|\"a\" # c|\\| # c|a\t|\ta|a\t# c)",
        1 => "(a: b|- a|\"a|'a|\\[a|\\{a|%a|@a|`a|\\*|&|!|\"a\" b|, a|: a|\\? a)",
    ];
    let line = ("(|  |    |      |   )", prop_oneof![
        6 => ("[k-n]", value.clone()).prop_map(|(k, v)| format!("{k}: {v}")),
        3 => "[k-n]:".prop_map(String::from),
        4 => value.clone().prop_map(|v| format!("- {v}")),
        2 => ("[k-n]", value.clone()).prop_map(|(k, v)| format!("- {k}: {v}")),
        1 => value.clone().prop_map(|v| format!("- - {v}")),
        1 => value,
        1 => "[a-c ]{0,6}",
        1 => "(# c|#|- # c|-|<<: \\*a|\t|\ta|\t# c|\tk: v|-\ta|-\tk: v|k:\t|k:\tv|\\?\ta|- \t- a|- &a\tb|\\[a,|\\]|\\{a:|b\\}|\"a|b\"|c\\\\|'|a'|--- \\||--- a|---\t|\\? a|: b|\"a b\": c|\"a\":b|k : v|---|\\.\\.\\.)",
    ]).prop_map(|(indent, line)| format!("{indent}{line}\n"));
    prop::collection::vec(line, 1..7).prop_map(|lines| lines.concat())
}

/// Scalars without quotes, as keys and as values.
fn plain() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[-+.]?[0-9_.:eExXobB+-]{1,8}",
        2 => "[-+]?[0-9]{1,22}(\\.[0-9]{0,3})?([eE][-+]?[0-9]{1,3})?",
        2 => "[-+]?0[xob]?[0-9a-fA-F_]{1,6}",
        1 => "[-+]?(\\.inf|\\.Inf|\\.nan|\\.NaN|\\.infinity|inf|nan)",
        1 => "(y|Y|yes|Yes|YES|yEs|on|On|ON|true|True|TRUE|tRue|n|N|no|No|NO|off|Off|OFF|false|False|~|null|Null|NULL|nULL|=)",
        1 => "(19|20)[0-9]{2}-[01]?[0-9]-[0-3]?[0-9]([tT ][0-2]?[0-9]:[0-5]?[0-9]:[0-5]?[0-9](\\.[0-9]{1,10})?(Z|[-+][01][0-9]:[0-5]0)?)?",
        1 => "!!(str|int|float|bool|null|binary|timestamp) (1|1\\.5|true|yes|~|a|aGk=|2020-01-01|\"1\"|'yes')",
    ]
}

#[test]
fn random_scalars_read_like_kubectl() {
    let Some(program) = oracle("kubectl") else { return };
    let mut runner = runner();
    for _ in 0..rounds() {
        let mut file = "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\nspec:\n".to_owned();
        for index in 0..100 {
            // As a value and as a key, if it has JSON forms there.
            let text = plain().new_tree(&mut runner).unwrap().current();
            for line in [format!("  k{index}: {text}\n"), format!("  s{index}:\n    {text}: x\n")] {
                let read = parse_one(line.as_bytes(), &ParseOptions::default());
                if read.is_ok_and(|node| node.to_json(Dialect::KubernetesJson).is_ok()) {
                    file.push_str(&line);
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.yaml");
        std::fs::write(&path, &file).unwrap();
        let output = Command::new(&program)
            .args(["annotate", "--local", "-o", "json", "x=y", "-f"])
            .arg(path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{file}{}", String::from_utf8_lossy(&output.stderr));
        // JSON is YAML, and serde_json is not exact with floats.
        let theirs = parse_one(&output.stdout, &ParseOptions::default()).unwrap();
        let theirs = theirs.to_json(Dialect::Kustomize).unwrap();
        let ours = parse_one(file.as_bytes(), &ParseOptions::default())
            .unwrap()
            .to_json(Dialect::KubernetesJson)
            .unwrap();
        for (key, ours) in ours["spec"].as_object().unwrap() {
            let theirs = &theirs["spec"][key];
            // kubectl turns integers beyond 64 signed bits into floats.
            let same =
                ours == theirs || !ours.is_i64() && ours.is_number() && ours.as_f64() == theirs.as_f64();
            let line = file
                .lines()
                .skip_while(|line| !line.starts_with(&format!("  {key}:")))
                .take(2)
                .collect::<Vec<_>>();
            assert!(same, "{line:?}: kubectl {theirs}, we {ours}");
        }
    }
}

#[test]
fn random_scalars_read_like_kustomize() {
    let Some(program) = kustomize() else { return };
    let mut runner = runner();
    for _ in 0..rounds() {
        let mut file = "apiVersion: v1\nkind: Foo\nmetadata:\n  name: x\nspec:\n".to_owned();
        for index in 0..100 {
            let text = plain().new_tree(&mut runner).unwrap().current();
            for line in [
                format!("  k{index}: {text}\n"),
                format!("  s{index}:\n    {text}: x\n"),
                format!("  t{index}: [{text}]\n"),
            ] {
                if read_and_print(&line).is_ok() {
                    file.push_str(&line);
                }
            }
        }
        let theirs = build(&program, &file)
            .unwrap_or_else(|error| panic!("{}\n{file}", error.rsplit("}: ").next().unwrap_or_default()));
        let ours = read_and_print(&file).unwrap();
        let differ: Vec<_> =
            ours.lines().zip(theirs.lines()).filter(|(ours, theirs)| ours != theirs).collect();
        assert!(ours == theirs, "{differ:#?}");
    }
}

/// What we refuse and kustomize reads: a block scalar's header in the column of its key, and a comment sign behind a
/// quote that ends on another line.
const STRICTER: &[&str] =
    &["could not find expected ':'", "comments must be separated from other tokens by whitespace"];

#[test]
fn random_lines_read_like_kustomize() {
    let Some(program) = kustomize() else { return };
    let mut runner = runner();
    let mut wrong = Vec::new();
    let mut same = 0;
    for _ in 0..rounds() * 10 {
        let lines = lines().new_tree(&mut runner).unwrap().current();
        let indented = lines.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let file = format!("apiVersion: v1\nkind: Foo\nmetadata:\n  name: x\nspec:\n{indented}");
        let ours = read_and_print(&file);
        match (build(&program, &file), ours) {
            (Ok(theirs), Ok(ours)) if ours == theirs => same += 1,
            (Err(_), Err(_)) => {}
            (Ok(_), Err(ours)) if STRICTER.iter().any(|message| ours.contains(message)) => {}
            (theirs, ours) => wrong.push(format!("{file}\n  kustomize {theirs:?}\n  we        {ours:?}\n")),
        }
    }
    assert!(same > rounds(), "only {same} files that both read");
    assert!(wrong.is_empty(), "{} of {same}: {}", wrong.len(), wrong.concat());
}

fn read_and_print(file: &str) -> Result<String, String> {
    parse(file.as_bytes(), &ParseOptions::default())
        .map_err(|e| e.to_string())
        .and_then(|documents| print_all(&documents.into_iter().map(|d| d.root).collect::<Vec<_>>()))
}

fn print_all(roots: &[Node]) -> Result<String, String> {
    let printed: Result<Vec<String>, String> =
        roots.iter().filter(|r| !r.is_null()).map(|r| emit(r).map_err(|e| e.to_string())).collect();
    Ok(printed?.join("---\n"))
}

const FILES: &[(&str, &str)] = &[
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
    ("delete character", "spec: \"\u{7f}\"\n"),
    ("high control character", "spec: \"\\x80\"\n"),
    ("non-character", "spec: \"\\uffff\"\n"),
];
