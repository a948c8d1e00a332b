//! Commands that ask no cluster, beside what the real flux printed for them (`data/record-exports`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use clap::Parser;
use seatrial_time::Clock;
use seatrial_verbs::{Env, Screen, Verb, block_on};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    args: Vec<String>,
    exit: i32,
    out: String,
    err: String,
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

#[test]
fn commands_without_a_cluster_print_what_flux_prints() {
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("data/exports_recorded.json")).unwrap();
    assert!(recorded.len() > 100, "only {} commands", recorded.len());
    let mut wrong = Vec::new();
    for case in recorded {
        let line =
            Line::try_parse_from(std::iter::once("seatrial").chain(case.args.iter().map(String::as_str)));
        let line = line.unwrap_or_else(|error| panic!("{}: {error}", case.args.join(" ")));
        let (mut screen, printed) = Screen::recorded();
        let result = block_on(async { line.verb.run(&Env::new(Clock::wall()), &mut screen).await }).unwrap();
        if let Err(error) = &result {
            error.tell(&mut screen);
        }
        let ours = (result.is_err(), printed.out(), printed.lines());
        let theirs = (case.exit != 0, case.out, case.err);
        if ours != theirs {
            wrong.push(format!("{}\n  ours:   {ours:?}\n  theirs: {theirs:?}", case.args.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
