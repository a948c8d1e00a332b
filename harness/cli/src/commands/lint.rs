//! `seatrial lint`.

use super::openers::openers;
use super::trial;
use crate::exit_code::Exit;
use crate::output;
use seatrial_api::FluxRelease;
use seatrial_harness::lint::{FleetError, LintError, LintOptions, Rule, Severity, Text, json, lint};
use seatrial_harness::report::Paint;
use seatrial_verbs::{Screen, VerbError};
use std::io::{Write as _, stdout};
use std::path::PathBuf;

/// Find what is wrong with a repository, or a known trap, without a cluster; or what `seatrial run` would refuse of scenario files.
///
/// A repository is a folder with clusters/NAME; its working tree is looked at, as it would be committed. Whatever the clusters get is
/// built, as Flux builds it, and only read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 nothing found, or warnings alone; 1 an error found, with --strict also a warning; 2 wrong usage, or \
                  nothing to look at; 4 an error inside Seatrial. The rules are described in docs/lint.md."
)]
pub(crate) struct Args {
    /// Repositories, scenario files, or folders that are searched for scenario files.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Look for this alone; can be given several times.
    #[arg(long, value_name = "RULE")]
    rule: Vec<Rule>,
    /// Do not look for this; can be given several times.
    #[arg(long, value_name = "RULE")]
    skip: Vec<Rule>,
    /// Only this cluster; can be given several times.
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// End with 1 also where there are only warnings.
    #[arg(long)]
    strict: bool,
    /// How findings are written.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// The Flux release of clusters whose repository does not have the definitions that bootstrap writes: 2.2.3 or 2.9 (the default).
    #[arg(long, value_name = "RELEASE")]
    flux: Option<FluxRelease>,
    /// The private keys of a cluster's sealed-secrets controller, or of all: a key in PEM, or a backup of its Secrets. SealedSecrets
    /// are then opened. Repeatable.
    #[arg(long, value_name = "[CLUSTER=]FILE")]
    sealing_keys: Vec<String>,
    /// The certificate of a cluster's sealed-secrets controller, or of all: what can be said without its private keys is said.
    /// Repeatable.
    #[arg(long, value_name = "[CLUSTER=]FILE")]
    cert: Vec<String>,
}

/// The forms of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

/// Looks, and prints what was found.
pub(crate) fn run(args: &Args) -> Exit {
    let openers = match openers(&args.sealing_keys, &args.cert) {
        Ok(openers) => openers,
        Err(error) => {
            VerbError::tell(&error, &mut Screen::system());
            return Exit::Invalid;
        }
    };
    let mut options = LintOptions::new(args.paths.iter());
    if !args.rule.is_empty() {
        options.rules = args.rule.iter().copied().collect();
    }
    options.rules.retain(|rule| !args.skip.contains(rule));
    options.clusters.clone_from(&args.cluster);
    options.flux = args.flux;
    options.openers = openers;
    let found = match lint(&options) {
        Ok(found) => found,
        Err(error) => return output::fail(exit(&error), &error),
    };
    let text = match args.output {
        Output::Text => Text { paint: Paint::for_stream(&stdout()) }.lint(&found),
        Output::Json => json(&found),
    };
    // Whoever reads may have seen enough.
    let _ = stdout().write_all(text.as_bytes());
    match found.count(Severity::Error) > 0 || (args.strict && !found.findings.is_empty()) {
        true => Exit::Failed,
        false => Exit::Passed,
    }
}

/// What the user gave is wrong, or something inside is.
fn exit(error: &LintError) -> Exit {
    match error {
        LintError::Fleet(FleetError::Repository(error)) => trial::exit(error),
        LintError::Fleet(FleetError::Forge(_))
        | LintError::Discover(_)
        | LintError::Nothing { .. }
        | LintError::NoRepository { .. }
        | LintError::NoRule => Exit::Invalid,
        _ => Exit::Internal,
    }
}
