//! `seatrial preview`.

use super::openers;
use super::trial::{self, release, url_and_path};
use crate::exit_code::Exit;
use crate::output;
use seatrial_api::FluxRelease;
use seatrial_harness::preview::{Preview, PreviewError, PreviewOptions, Text, json, markdown, preview};
use seatrial_harness::report::Paint;
use seatrial_verbs::Screen;
use std::io::{Write as _, stdout};
use std::path::PathBuf;

/// Show what a change would do on each cluster: what is added, changed and pruned, in which order, and what breaks.
///
/// Both revisions are played on simulated clusters, one after the other, as Flux would see them. The repository is only
/// read. Without --head, the head is the working tree if something in it is not committed, else HEAD; without --base, the
/// base is where the head left the branch that the clusters follow, or, if that is the head itself, the commit before it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 previewed, with differences or without; 1 the change breaks something: a Flux \
                        object that was ready is not, or a new one does not become ready; 2 wrong usage, no such \
                        repository, revision or cluster; 4 an error inside Seatrial."
)]
pub(crate) struct Args {
    /// A Git repository, bare or not.
    #[arg(value_name = "REPO", default_value = ".")]
    repository: PathBuf,
    /// The revision before the change: a branch, a tag, a commit, HEAD~1, origin/main.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// The revision with the change.
    #[arg(long, value_name = "REV")]
    head: Option<String>,
    /// How the preview is written: Markdown is for a comment on a pull request.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Show new objects whole, not by their names alone (JSON always has them).
    #[arg(long)]
    full: bool,
    /// End with 1 also where anything differs, as git diff does.
    #[arg(long)]
    exit_code: bool,
    /// Only this cluster; can be given several times.
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// Serve one more source: what manifests call URL is the repository or folder PATH, or, without PATH, the repository
    /// that is previewed. URLs that end in its own name need no flag. `oci://HOST/NAME[:TAG]=FOLDER` is an
    /// artifact with the files of the folder, as `flux push artifact` makes it.
    #[arg(long, value_name = "URL[=PATH]", value_parser = url_and_path)]
    serve: Vec<(String, Option<PathBuf>)>,
    /// The Flux release of the clusters: 2.2.3 or 2.9.
    #[arg(long, value_name = "RELEASE", value_parser = release, default_value_t = FluxRelease::default())]
    flux: FluxRelease,
    /// The seed: it decides the order of everything that happens at the same time.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// Keys that the sealed-secrets controller of a cluster has from the start: a backup as `kubectl get secret -o yaml` prints it.
    /// The repository's SealedSecrets open there then, if it has the controller. Repeatable.
    #[arg(long, value_name = "CLUSTER=FILE")]
    sealing_keys: Vec<String>,
}

/// The forms of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For a terminal.
    Text,
    /// For a pull request.
    Markdown,
    /// For programs.
    Json,
}

/// Makes and prints the preview.
pub(crate) fn run(args: &Args) -> Exit {
    let sealing_keys = match openers::backups(&args.sealing_keys) {
        Ok(keys) => keys,
        Err(error) => {
            error.tell(&mut Screen::system());
            return Exit::Invalid;
        }
    };
    let options = PreviewOptions {
        base: args.base.clone(),
        head: args.head.clone(),
        serve: args.serve.clone(),
        flux: args.flux,
        clusters: args.cluster.clone(),
        seed: args.seed,
        sealing_keys,
        ..PreviewOptions::new(&args.repository)
    };
    let written = preview(&options).and_then(|preview| Ok((text(args, &preview)?, preview)));
    let (text, preview) = match written {
        Ok(written) => written,
        Err(error) => return output::fail(exit(&error), &error),
    };
    // Whoever reads may have seen enough.
    let _ = stdout().write_all(text.as_bytes());
    match preview.breaks() || (args.exit_code && preview.differs()) {
        true => Exit::Failed,
        false => Exit::Passed,
    }
}

fn text(args: &Args, preview: &Preview) -> Result<String, PreviewError> {
    match args.output {
        Output::Text => Ok(Text { paint: Paint::for_stream(&stdout()), full: args.full }.preview(preview)),
        Output::Markdown => Ok(markdown(preview, args.full)),
        Output::Json => json(preview),
    }
}

/// What the user gave is wrong, or something inside is.
fn exit(error: &PreviewError) -> Exit {
    match error {
        PreviewError::Trial(error) => trial::exit(error),
        PreviewError::Api(_) | PreviewError::Stuck(_) | PreviewError::Json(_) => Exit::Internal,
        _ => Exit::Invalid,
    }
}
