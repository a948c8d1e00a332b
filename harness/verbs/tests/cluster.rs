//! Verbs on a cluster with the engine, beside what the real flux printed there (`data/record-cluster`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use clap::Parser;
use seatrial_harness::serve::{KubeconfigTarget, Up, UpOptions, UpSource};
use seatrial_time::Clock;
use seatrial_verbs::{Env, Screen, Verb, VerbError, block_on, verb_first};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Printed {
    command: String,
    failed: bool,
    out: String,
    err: String,
}

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

/// Served clusters, and where the kubeconfig is.
struct Place {
    folder: TempDir,
    clock: Clock,
    up: Up,
}

impl Place {
    async fn start() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("run");
        std::fs::create_dir(&own).unwrap();
        let monorepo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/monorepo");
        let options = UpOptions {
            source: UpSource::Repository { path: monorepo, serve: Vec::new() },
            // One alone: with the commit that bootstraps another, everything here is reconciled again a minute later.
            clusters: vec!["beta".to_owned()],
            kubeconfig: Some(KubeconfigTarget::New(folder.path().join("config"))),
            ..UpOptions::default()
        };
        let clock = Clock::wall();
        let up = Up::start(&clock, &options, &own).await.unwrap();
        let place = Place { folder, clock, up };
        for _ in 0..1200 {
            if place.ours("get ks --no-header --status-selector ready!=true").await.out.is_empty() {
                break;
            }
            place.clock.sleep(Duration::from_millis(100)).await;
        }
        place
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// What ours prints.
    async fn ours(&self, command: &str) -> Printed {
        let (mut screen, printed) = Screen::recorded();
        let kubeconfig = self.kubeconfig().into_os_string();
        let words = std::iter::once("seatrial").chain(command.split(' ')).map(Into::into);
        let line = words.chain(["--kubeconfig".into(), kubeconfig]).collect();
        let verb =
            Line::try_parse_from(verb_first(line)).unwrap_or_else(|error| panic!("{command}: {error}")).verb;
        let result: Result<(), VerbError> = verb.run(&Env::new(self.clock.clone()), &mut screen).await;
        if let Err(error) = &result {
            error.tell(&mut screen);
        }
        let (out, err) = (plain(&printed.out()), plain(&printed.lines()));
        Printed { command: command.to_owned(), failed: result.is_err(), out, err }
    }

    /// What the real flux prints.
    async fn theirs(&self, flux: PathBuf, command: &str) -> Printed {
        let (words, kubeconfig): (Vec<String>, PathBuf) =
            (command.split(' ').map(ToOwned::to_owned).collect(), self.kubeconfig());
        // The clusters are served on this thread.
        let home = self.folder.path().to_owned();
        let run = move || {
            let mut flux = Command::new(flux);
            flux.args(words)
                .env("KUBECONFIG", kubeconfig)
                .env("HOME", home)
                .stdin(Stdio::null())
                .output()
                .unwrap()
        };
        let done = tokio::task::spawn_blocking(run).await.unwrap();
        let text = |bytes: &[u8]| plain(&String::from_utf8_lossy(bytes));
        let err = text(&done.stderr);
        // flux ends with 0 after some of the failures that it tells of; ours does not.
        let failed = !done.status.success() || err.contains('✗');
        Printed { command: command.to_owned(), failed, out: text(&done.stdout), err }
    }

    /// Waits until nothing moves any more after a command.
    async fn settle(&self, last: Option<&Printed>) {
        if last.is_none_or(|last| last.command.contains("get ")) {
            return;
        }
        let mut seen = (String::new(), 0);
        while seen.1 < 3 {
            let now = self.ours("get sources git -A").await.out + &self.ours("get ks -A").await.out;
            seen = if now == seen.0 { (now, seen.1 + 1) } else { (now, 0) };
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Without what differs between two runs: the digits of digests.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("sha1:") {
        let (before, digest) = rest.split_at(at + "sha1:".len());
        let digits = digest.bytes().take_while(u8::is_ascii_hexdigit).count();
        plain.push_str(before);
        plain.push_str(&"x".repeat(digits));
        rest = &digest[digits..];
    }
    plain + rest
}

fn commands() -> impl Iterator<Item = &'static str> {
    include_str!("data/cluster.txt").lines().filter(|line| !line.starts_with('#'))
}

fn recorded() -> Vec<Printed> {
    serde_json::from_str(include_str!("data/cluster_recorded.json")).unwrap()
}

fn compare(printed: &[Printed], recorded: &[Printed]) {
    let commands: Vec<&str> = recorded.iter().map(|known| known.command.as_str()).collect();
    assert_eq!(commands, self::commands().collect::<Vec<_>>(), "the recording is of other commands");
    let differ = printed.iter().zip(recorded).filter(|(ours, theirs)| ours != theirs);
    let wrong: Vec<String> = differ
        .map(|(ours, theirs)| {
            let shown =
                |printed: &Printed| format!("failed: {}\n{}{}", printed.failed, printed.out, printed.err);
            format!("$ {}\n--- now\n{}--- recorded\n{}", ours.command, shown(ours), shown(theirs))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), printed.len(), wrong.join("\n"));
}

#[test]
fn verbs_print_what_flux_prints_on_the_same_cluster() {
    let printed = block_on(async {
        let place = Place::start().await;
        let mut printed = Vec::new();
        for command in commands() {
            place.settle(printed.last()).await;
            printed.push(place.ours(command).await);
        }
        place.up.stop().await;
        printed
    });
    compare(&printed.unwrap(), &recorded());
}

#[test]
fn the_real_flux_prints_what_was_recorded() {
    let bin = std::env::var_os("ORACLES_DIR").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache/seatrial-oracles"));
    let flux = bin.or_else(home).unwrap_or_default().join("bin/flux");
    if !flux.exists() {
        eprintln!("skipped: there is no flux in ORACLES_DIR or ~/.cache/seatrial-oracles");
        return;
    }
    let printed = block_on(async {
        let place = Place::start().await;
        let mut printed = Vec::new();
        for command in commands() {
            place.settle(printed.last()).await;
            printed.push(place.theirs(flux.clone(), command).await);
        }
        place.up.stop().await;
        printed
    });
    let printed = printed.unwrap();
    if std::env::var_os("SEATRIAL_RECORD").is_some() {
        let text = serde_json::to_string_pretty(&printed).unwrap() + "\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cluster_recorded.json");
        std::fs::write(file, text).unwrap();
        return;
    }
    compare(&printed, &recorded());
}
