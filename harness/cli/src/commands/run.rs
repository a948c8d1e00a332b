//! `seatrial run`.

use crate::exit_code::Exit;
use crate::output;
use seatrial_harness::cluster::{Backend, BackendError, BackendOptions, Pods};
use seatrial_harness::report::{self, Human, Paint, Report};
use seatrial_harness::run::{RunError, RunOptions, Shard, Stop, run_scenarios};
use seatrial_time::Clock;
use std::fmt;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Play scenarios: files, or folders with all scenarios in them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Scenario files, FILE#NAME for one scenario of a file with several, or folders that are searched for files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the clusters are: sim (simulated, in virtual time), envtest (a kube-apiserver and an etcd each), k3s (a
    /// container each), kubeconfig (clusters that are there already).
    #[arg(long, default_value = "sim", value_name = "BACKEND")]
    backend: String,
    #[command(flatten)]
    clusters: ClusterArgs,
    /// Play only scenarios whose path or name contains TEXT.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// How many scenarios to play at a time [default: the number of processors].
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Play only this part of the scenarios, such as 2/5.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// The seed of every scenario [default: what the scenario says, else 0].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Write reports: junit=FILE, json=FILE (replayable: the same seed gives the same bytes), timings=FILE.
    #[arg(long, value_name = "FORMAT=FILE", value_delimiter = ',')]
    report: Vec<ReportFile>,
}

/// Settings of backends. Without a flag, the environment variable of the same meaning counts.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Real clusters")]
struct ClusterArgs {
    /// How many seconds a cluster may take to become usable [env: SEATRIAL_STARTUP_TIMEOUT; default: 120].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    startup_timeout: Option<u64>,
    /// Who runs pods on k3s and kubeconfig: auto (nodes where there are some), real, simulated
    /// [env: SEATRIAL_PODS; default: auto].
    #[arg(long, value_name = "WHO")]
    pods: Option<Pods>,
    /// The image in the place of Flux's controllers where pods are real [env: SEATRIAL_PLACEHOLDER_IMAGE].
    #[arg(long, value_name = "IMAGE")]
    placeholder_image: Option<String>,
    /// The image of k3s, with its tag [env: SEATRIAL_K3S_IMAGE].
    #[arg(long, value_name = "IMAGE")]
    k3s_image: Option<String>,
    /// Whether k3s containers are privileged [env: SEATRIAL_K3S_PRIVILEGED; default: true].
    #[arg(long, value_name = "BOOL")]
    k3s_privileged: Option<bool>,
    /// The kubeconfig file [default: what kubectl reads].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// kubeconfig: the context of a cluster of the scenarios; for each cluster.
    #[arg(long, value_name = "CLUSTER=CONTEXT", value_parser = pair)]
    context: Vec<(String, String)>,
    /// kubeconfig: a context that may be used, for each. Runs change and delete things there.
    #[arg(long, value_name = "NAME")]
    allow_context: Vec<String>,
}

/// Splits at the first `=`: names of clusters have none, names of contexts can.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((cluster, context)) if !cluster.is_empty() && !context.is_empty() => {
            Ok((cluster.to_owned(), context.to_owned()))
        }
        _ => Err("write CLUSTER=CONTEXT, such as beta=kind-beta"),
    }
}

impl ClusterArgs {
    /// The settings of the environment, with those of the flags over them.
    fn options(&self, backend: Backend) -> Result<BackendOptions, BackendError> {
        let mut options = BackendOptions::from_environment(backend, |name| std::env::var_os(name))?;
        if let Some(seconds) = self.startup_timeout {
            options.startup_timeout = Duration::from_secs(seconds);
        }
        options.pods = self.pods.unwrap_or(options.pods);
        options.k3s_privileged = self.k3s_privileged.unwrap_or(options.k3s_privileged);
        if let Some(image) = &self.placeholder_image {
            options.placeholder_image.clone_from(image);
        }
        if let Some(image) = &self.k3s_image {
            options.k3s_image.clone_from(image);
        }
        options.kubeconfig.clone_from(&self.kubeconfig);
        if !self.context.is_empty() {
            options.contexts = self.context.iter().cloned().collect();
        }
        if !self.allow_context.is_empty() {
            options.allowed_contexts = self.allow_context.iter().cloned().collect();
        }
        Ok(options)
    }
}

/// A report that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReportFile {
    format: Format,
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Junit,
    Json,
    Timings,
}

impl FromStr for ReportFile {
    type Err = ReportError;

    fn from_str(text: &str) -> Result<ReportFile, ReportError> {
        let (format, file) = text.split_once('=').filter(|(_, f)| !f.is_empty()).ok_or(ReportError::Form)?;
        let format = match format {
            "junit" => Format::Junit,
            "json" => Format::Json,
            "timings" => Format::Timings,
            "html" => return Err(ReportError::NoHtml),
            _ => return Err(ReportError::Unknown(format.to_owned())),
        };
        Ok(ReportFile { format, file: PathBuf::from(file) })
    }
}

/// Text that names no report.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ReportError {
    Form,
    NoHtml,
    Unknown(String),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportError::Form => f.write_str("write FORMAT=FILE, such as junit=report.xml"),
            ReportError::NoHtml => {
                f.write_str("HTML reports are not supported yet: use junit, json or timings")
            }
            ReportError::Unknown(format) => {
                write!(f, "there is no report format {format:?}: use junit, json or timings")
            }
        }
    }
}

impl std::error::Error for ReportError {}

/// Plays the scenarios.
pub(crate) fn run(args: &Args) -> Exit {
    let backend = match args.backend.parse::<Backend>() {
        Ok(backend) => backend,
        Err(error) => return output::fail(Exit::Invalid, &error),
    };
    let clusters = match args.clusters.options(backend) {
        Ok(clusters) => clusters,
        Err(error) => return output::fail(Exit::Invalid, &error),
    };
    if let Err(exit) = args.report.iter().try_for_each(has_folder) {
        return exit;
    }
    let mut options = RunOptions {
        filter: args.filter.clone(),
        shard: args.shard,
        seed: args.seed,
        backend,
        clusters,
        stop: Stop::default(),
        ..RunOptions::default()
    };
    if let Err(error) = options.stop.on_signals() {
        return output::fail(Exit::Internal, &error);
    }
    if let Some(jobs) = args.jobs {
        options.jobs = usize::from(jobs);
    }
    let out = stdout();
    let mut human = Human::new(out.lock(), Paint::for_stream(&out), out.is_terminal());
    let clock = Clock::wall();
    let began = clock.now();
    let report = match run_scenarios(&args.paths, &options, &mut human) {
        Ok(report) => report,
        Err(error @ RunError::Backend(BackendError::Missing { .. })) => {
            return output::fail(Exit::Missing, &error);
        }
        Err(error) => return output::fail(Exit::Invalid, &error),
    };
    human.end(&report, Duration::try_from(clock.now().duration_since(began)).unwrap_or_default());
    for wanted in &args.report {
        if let Err(exit) = write(&report, wanted) {
            return exit;
        }
    }
    match options.stop.signal() {
        Some(signal) => Exit::Interrupted(signal),
        None => exit(&report),
    }
}

/// A report without a folder to be in is refused before anything is played.
fn has_folder(wanted: &ReportFile) -> Result<(), Exit> {
    match wanted.file.parent() {
        Some(folder) if folder != Path::new("") && !folder.is_dir() => {
            eprintln!(
                "error: failed to write {}: there is no folder {}",
                wanted.file.display(),
                folder.display()
            );
            Err(Exit::Invalid)
        }
        _ => Ok(()),
    }
}

fn write(report: &Report, wanted: &ReportFile) -> Result<(), Exit> {
    let text = match wanted.format {
        Format::Json => report::json(report),
        Format::Timings => report::timings(report),
        Format::Junit => report::junit(report).map_err(|error| output::fail(Exit::Internal, &error))?,
    };
    output::write(&wanted.file, &text)
}

/// The gravest outcome decides.
fn exit(report: &Report) -> Exit {
    let summary = report.summary;
    match (summary.broken, summary.invalid, summary.failed) {
        (0, 0, 0) => Exit::Passed,
        (0, 0, _) => Exit::Failed,
        (0, _, _) => Exit::Invalid,
        _ => Exit::Internal,
    }
}
