//! `seatrial seal`: kubeseal's flags, and the check of a repository.

use super::openers::{certificate, pair, private_keys};
use crate::exit_code::Exit;
use crate::output;
use seatrial_harness::sealed::{Finding, FleetError, Openers, Verdict, check_repository};
use seatrial_time::Clock;
use seatrial_verbs::seal::{self, SealVerbError};
use seatrial_verbs::{Env, Screen, VerbError, block_on};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Seal secrets, as `kubeseal` does, and check those of a repository.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 done, 1 it failed or a check found something, 2 wrong usage or a file that is none of its kind, 3 no \
                  kubeconfig file, or no cluster answers."
)]
pub(crate) struct Args {
    #[command(flatten)]
    kubeseal: seal::Args,
    /// Say of every SealedSecret that the clusters of a repository get whether it opens there, under the name and namespace of the
    /// rendered output. No cluster is asked. Keys: --recovery-private-key or --cert for all clusters, or one of the next two.
    #[arg(
        long,
        value_name = "REPO",
        help_heading = "Check of a repository",
        conflicts_with_all = [
            "secret_file", "sealed_secret_file", "format", "fetch_cert", "controller_name", "controller_namespace", "scope", "name",
            "raw", "from_file", "merge_into", "validate", "re_encrypt", "recovery_unseal", "allow_empty_data", "request_timeout",
        ]
    )]
    validate_repo: Option<PathBuf>,
    /// The private keys of one cluster: a key in PEM, or a backup of the controller's Secrets. Repeatable.
    #[arg(
        long,
        value_name = "CLUSTER=FILE",
        requires = "validate_repo",
        help_heading = "Check of a repository"
    )]
    cluster_key: Vec<String>,
    /// The certificate of one cluster: what can be said without its private keys is said. Repeatable.
    #[arg(
        long,
        value_name = "CLUSTER=FILE",
        requires = "validate_repo",
        help_heading = "Check of a repository"
    )]
    cluster_cert: Vec<String>,
    /// Check this cluster alone. Repeatable; all clusters by default.
    #[arg(long, value_name = "CLUSTER", requires = "validate_repo", help_heading = "Check of a repository")]
    only: Vec<String>,
    /// Exit with status 0, too, where something could not be looked at, or there was nothing to look at.
    #[arg(long, requires = "validate_repo", help_heading = "Check of a repository")]
    allow_unknown: bool,
}

pub(crate) fn run(args: &Args) -> Exit {
    let mut screen = Screen::system();
    let done = match &args.validate_repo {
        Some(repository) => check(args, repository, &mut screen),
        None => match block_on(seal::run(&args.kubeseal, &Env::new(Clock::wall()), &mut screen)) {
            Ok(Ok(())) => Ok(Exit::Passed),
            Ok(Err(error)) => {
                error.tell(&mut screen);
                return match error {
                    SealVerbError::Failed(_) => Exit::Failed,
                    SealVerbError::Invalid(_) => Exit::Invalid,
                    SealVerbError::Missing(_) => Exit::Missing,
                    SealVerbError::Verb(error) => exit(&error),
                };
            }
            Err(error) => return output::fail(Exit::Internal, &error),
        },
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            error.tell(&mut screen);
            exit(&error)
        }
    }
}

fn exit(error: &VerbError) -> Exit {
    match error {
        VerbError::Usage(_) => Exit::Invalid,
        VerbError::Missing(_) => Exit::Missing,
        _ => Exit::Failed,
    }
}

fn check(args: &Args, repository: &std::path::Path, screen: &mut Screen) -> Result<Exit, VerbError> {
    let mut openers = Openers::default();
    for given in &args.cluster_cert {
        let (cluster, file) = pair("--cluster-cert", given)?;
        openers.clusters.insert(cluster, certificate(&file)?);
    }
    let mut keys: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for given in &args.cluster_key {
        let (cluster, file) = pair("--cluster-key", given)?;
        keys.entry(cluster).or_default().push(file.into());
    }
    for (cluster, files) in keys {
        openers.clusters.insert(cluster, private_keys(&files)?);
    }
    let files = args.kubeseal.private_key_files();
    openers.others = match (&args.kubeseal.cert, files.is_empty()) {
        (_, false) => Some(private_keys(&files)?),
        (Some(place), true) => Some(certificate(place)?),
        (None, true) => None,
    };
    if openers.clusters.is_empty() && openers.others.is_none() {
        let message =
            "--validate-repo needs keys: --recovery-private-key, --cert, --cluster-key or --cluster-cert";
        return Err(VerbError::usage(message));
    }
    let findings = check_repository(repository, &args.only, &openers).map_err(|error| {
        let message = format!("failed to {}", seatrial_harness::causes(&error));
        match error {
            FleetError::Repository(_) | FleetError::Forge(_) => VerbError::usage(message),
            _ => VerbError::failed(message),
        }
    })?;
    findings.iter().for_each(|finding| screen.print(&line(finding)));
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (opens, plausible) = (count(Verdict::Opens), count(Verdict::Plausible));
    let (broken, unknown) = (count(Verdict::Broken), count(Verdict::Unknown));
    screen.print(&format!(
        "{opens} open, {plausible} may open, {broken} do not, {unknown} could not be looked at\n"
    ));
    let is_known = unknown == 0 && opens + plausible + broken > 0;
    if opens + plausible + broken + unknown == 0 {
        screen.print("there is no SealedSecret in what the clusters get\n");
    }
    Ok(if broken > 0 || !(is_known || args.allow_unknown) { Exit::Failed } else { Exit::Passed })
}

fn line(finding: &Finding) -> String {
    let sign = match finding.verdict {
        Verdict::Opens => "✔",
        Verdict::Plausible => "?",
        Verdict::Broken => "✗",
        Verdict::Unknown => "!",
    };
    format!("{sign} {}: {}: {}\n", finding.cluster, finding.object, finding.message)
}
