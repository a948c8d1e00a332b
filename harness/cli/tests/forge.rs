//! `seatrial forge create`, as a process. What it makes on a forge is tested where forges are served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use rstest::rstest;
use std::process::Command;

const FILE: &str = r#"[{"organization": "owls", "repositories": [{"name": "gitops"}, {"name": "other"}]}]"#;

#[rstest]
#[case::no_json("[{]", &["--token", "t"], 2, "demo.json:1:3: key must be a string")]
#[case::unknown_field("[\n {\"organisation\": \"owls\"}]", &["--token", "t"], 2, "demo.json:2:16: unknown field `organisation`")]
#[case::no_token(FILE, &[], 2, "no token: give --token, GITHUB_TOKEN or --ready-file")]
#[case::no_ready_file(FILE, &["--ready-file", "nothing.json"], 2, "failed to read nothing.json")]
#[case::no_certificate(FILE, &["--token", "t", "--ca-file", "demo.json", "--url", "http://127.0.0.1:1"], 2, "failed to read the CA: there is no certificate in it")]
#[case::nobody_there(FILE, &["--token", "t", "--url", "http://127.0.0.1:1/api/v3"], 1, "[ERROR] Could not create repository `gitops` in organization `owls`: ")]
#[case::two_forges(FILE, &["--token", "t", "--url", "http://a", "--ready-file", "b"], 2, "cannot be used with")]
fn forge_create_fails(#[case] file: &str, #[case] args: &[&str], #[case] status: i32, #[case] words: &str) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("demo.json"), file).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(["forge", "create", "-f", "demo.json"])
        .args(args)
        .current_dir(dir.path())
        .env_remove("GITHUB_TOKEN")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{err}");
    assert!(err.contains(words), "{err}");
}
