//! Trees printed by this crate and by the real kustomize are the same bytes.
//!
//! Opt-in: the program is looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles/bin`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

mod files;

use std::path::{Path, PathBuf};
use std::process::Command;

use files::{FILES, file, read_and_print};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use seatrial_yaml::{Dialect, ParseOptions, emit_json, parse_one};
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
    let mut printed = serde_json::Map::new();
    for (name, spec) in FILES {
        let file = file(spec);
        let theirs = build(&program, &file);
        let ours = read_and_print(&file);
        let known = printed.insert((*name).to_owned(), theirs.clone().ok().into());
        assert!(known.is_none(), "two files named {name:?}");
        if theirs.as_ref().ok() != ours.as_ref().ok() {
            wrong += &format!("{name}:\n  kustomize {theirs:?}\n  we        {ours:?}\n");
        }
    }
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/printed.json");
        std::fs::write(path, serde_json::to_string_pretty(&printed).unwrap() + "\n").unwrap();
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
