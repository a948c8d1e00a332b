//! Generates tables and schemas; checks the tree.
//!
//! `cargo run -p xtask -- schema kustomize|kubernetes [--check]` writes the tables of the crate seatrial-schema anew; with
//! `--check` it only says whether they would differ. What it needs:
//! - `kustomize`: the module `sigs.k8s.io/kustomize/kyaml` in Go's module cache, in the version that kustomize is built with;
//! - `kubernetes`: the programs `etcd`, `kube-apiserver` and `kubectl` in `$ORACLES_DIR/bin` (`~/.cache/seatrial-oracles/bin`),
//!   which it starts in a temporary directory, on free ports, and stops again.

mod schema;

use std::process::ExitCode;

const USAGE: &str = "usage: xtask schema kustomize|kubernetes [--check]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["schema", "kustomize"] => schema::kustomize(false),
        ["schema", "kustomize", "--check"] => schema::kustomize(true),
        ["schema", "kubernetes"] => schema::kubernetes(false),
        ["schema", "kubernetes", "--check"] => schema::kubernetes(true),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
