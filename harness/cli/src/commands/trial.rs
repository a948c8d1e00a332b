//! `seatrial try`.

use super::openers;
use crate::exit_code::Exit;
use crate::output;
use seatrial_api::FluxRelease;
use seatrial_harness::report::Paint;
use seatrial_harness::trial::{Print, TrialError, TrialOptions, try_repository};
use seatrial_verbs::Screen;
use std::io::stdout;
use std::path::PathBuf;

/// Play a repository as it is: start a simulated cluster for each clusters/NAME, bootstrap each at its path,
/// reconcile until nothing more happens, and print what did. The repository itself is only read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Git repository (what is committed is played) or a plain folder.
    #[arg(value_name = "REPO")]
    repository: PathBuf,
    /// Serve one more source: what manifests call URL is the repository or folder PATH, or, without PATH, the repository
    /// that is tried. URLs that end in its own name need no flag. `oci://HOST/NAME[:TAG]=FOLDER` is an
    /// artifact with the files of the folder, as `flux push artifact` makes it.
    #[arg(long, value_name = "URL[=PATH]", value_parser = url_and_path)]
    serve: Vec<(String, Option<PathBuf>)>,
    /// Play only this cluster; can be given several times.
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// The Flux release of the clusters: 2.2.3 or 2.9.
    #[arg(long, value_name = "RELEASE", value_parser = release, default_value_t = FluxRelease::default())]
    flux: FluxRelease,
    /// The seed: it decides the order of everything that happens at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// List all objects that were applied, not just the first of each kind.
    #[arg(long)]
    all: bool,
    /// Write what happened as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keys that the sealed-secrets controller of a cluster has from the start: a backup as `kubectl get secret -o yaml` prints it.
    /// The repository's SealedSecrets open there then, if it has the controller. Repeatable.
    #[arg(long, value_name = "CLUSTER=FILE")]
    sealing_keys: Vec<String>,
}

/// Reads the value of `--flux`.
pub(super) fn release(text: &str) -> Result<FluxRelease, String> {
    text.parse().map_err(|error: seatrial_api::release::UnknownRelease| {
        let text = error.to_string();
        text.split_once(": ").map_or(text.clone(), |(_, why)| why.to_owned())
    })
}

/// Splits at the last `=`: URLs can contain one, and paths seldom do.
pub(super) fn url_and_path(text: &str) -> Result<(String, Option<PathBuf>), &'static str> {
    match text.rsplit_once('=') {
        None if !text.is_empty() => Ok((text.to_owned(), None)),
        Some((url, path)) if !url.is_empty() && !path.is_empty() => {
            Ok((url.to_owned(), Some(PathBuf::from(path))))
        }
        _ => Err("write URL=PATH, such as https://github.com/org/repo=../repo, or a URL alone"),
    }
}

/// Tries the repository.
pub(crate) fn run(args: &Args) -> Exit {
    let sealing_keys = match openers::backups(&args.sealing_keys) {
        Ok(keys) => keys,
        Err(error) => {
            error.tell(&mut Screen::system());
            return Exit::Invalid;
        }
    };
    let options = TrialOptions {
        serve: args.serve.clone(),
        flux: args.flux,
        clusters: args.cluster.clone(),
        seed: args.seed,
        sealing_keys,
        ..TrialOptions::new(&args.repository)
    };
    let trial = match try_repository(&options) {
        Ok(trial) => trial,
        Err(error) => return output::fail(exit(&error), &error),
    };
    output::print(&Print { paint: Paint::for_stream(&stdout()), all: args.all }.trial(&trial));
    if let Some(file) = &args.json {
        let json = match serde_json::to_string_pretty(&trial) {
            Ok(json) => json + "\n",
            Err(error) => return output::fail(Exit::Internal, &error),
        };
        if let Err(exit) = output::write(file, &json) {
            return exit;
        }
    }
    if trial.passed() { Exit::Passed } else { Exit::Failed }
}

/// What the user gave is wrong, or something inside is.
pub(super) fn exit(error: &TrialError) -> Exit {
    match error {
        TrialError::Api(_) | TrialError::Stuck(_) | TrialError::Folder(_) => Exit::Internal,
        _ => Exit::Invalid,
    }
}
