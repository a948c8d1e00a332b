//! `seatrial up`.

use super::trial::{release, url_and_path};
use crate::exit_code::Exit;
use crate::output;
use seatrial_api::FluxRelease;
use seatrial_harness::plan::{Plan, plan};
use seatrial_harness::scenario::parse_file;
use seatrial_harness::serve::{
    ForgeAccess, KubeconfigTarget, UpError, UpOptions, UpSource, serve_until_interrupted,
};
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Start simulated clusters, a Git server and an image registry, and serve them to kubectl, flux, git and docker until
/// Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A repository or folder, from which each cluster that has a folder clusters/NAME is bootstrapped; or a scenario file
    /// (FILE#NAME where it has several), whose clusters, repositories and images are set up, and whose leading steps
    /// are played (bootstrap, push, deleteTag, setRegistry).
    #[arg(value_name = "REPO|SCENARIO")]
    source: Option<PathBuf>,
    /// Start this cluster; can be given several times [default: those of the scenario, else beta and production].
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
    /// The Flux release of the clusters: 2.2.3 or 2.9 [default: what the scenario says, else 2.9].
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    flux: Option<FluxRelease>,
    /// Serve one more source: what manifests call URL is the repository or folder PATH, or, without PATH, the repository
    /// itself. URLs that end in its own name need no flag. `oci://HOST/NAME[:TAG]=FOLDER` is an
    /// artifact with the files of the folder, as `flux push artifact` makes it.
    #[arg(long, value_name = "URL[=PATH]", value_parser = url_and_path)]
    serve: Vec<(String, Option<PathBuf>)>,
    /// Bootstrap nothing: clusters begin as empty as new ones.
    #[arg(long)]
    no_bootstrap: bool,
    /// Install Flux's components (definitions, controllers) into clusters that are not bootstrapped.
    #[arg(long)]
    install_flux: bool,
    /// Let the clusters' deploy keys push, as image automation needs it.
    #[arg(long)]
    read_write_key: bool,
    /// Write the kubeconfig to this file, which must not exist [default: a file in the run's own folder].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Put the contexts into the file that --kubeconfig names, else into the usual one (KUBECONFIG, ~/.kube/config), and
    /// take them out in the end.
    #[arg(long)]
    merge_kubeconfig: bool,
    /// Write where everything is, as JSON, once everything answers; removed in the end.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Whom the forge lets in: "open" lets clusters read everything and holders of the token do everything; "checked" looks at
    /// rights as GitHub does, also those of the clusters.
    #[arg(long, value_name = "open|checked", default_value = "open", value_parser = access)]
    forge_access: ForgeAccess,
    /// Listen on the ports from N on: Git, registry, registry with TLS, the clusters in their order, Git with TLS, Git over
    /// SSH [default: free ports].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port_base: Option<u16>,
    /// Listen on this address. Others can reach it then if it is no loopback address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// The host name or address by which others reach it, for URLs and certificates [default: the address of --listen].
    #[arg(long, value_name = "HOST", value_parser = host)]
    advertise: Option<String>,
}

/// Whom the forge lets in.
fn access(text: &str) -> Result<ForgeAccess, &'static str> {
    match text {
        "open" => Ok(ForgeAccess::Open),
        "checked" => Ok(ForgeAccess::Checked),
        _ => Err("write open or checked"),
    }
}

/// A host name or an address.
fn host(text: &str) -> Result<String, &'static str> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let ok = text.parse::<IpAddr>().is_ok() || !text.is_empty() && text.chars().all(part);
    if ok { Ok(text.to_owned()) } else { Err("write a host name or an address, without scheme and port") }
}

/// Serves until a signal comes.
pub(crate) fn run(args: &Args) -> Exit {
    let options = match options(args) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: failed to {message}");
            return Exit::Invalid;
        }
    };
    let mut say = |screen: &str| {
        let mut out = std::io::stdout().lock();
        // Nobody has to listen.
        let _ = out.write_all(screen.as_bytes()).and_then(|()| out.flush());
    };
    match serve_until_interrupted(&options, &mut say) {
        Ok(()) => Exit::Passed,
        Err(error) => output::fail(exit(&error), &error),
    }
}

/// What is to be served; the error fits after "failed to ".
fn options(args: &Args) -> Result<UpOptions, String> {
    let source = match &args.source {
        None => UpSource::Nothing,
        Some(path) => match scenario_file(path) {
            Some((file, name)) => UpSource::Scenario(Box::new(scenario(&file, name.as_deref())?)),
            None => UpSource::Repository { path: path.clone(), serve: args.serve.clone() },
        },
    };
    if !args.serve.is_empty() && !matches!(source, UpSource::Repository { .. }) {
        return Err("use --serve: it needs a repository; a scenario says itself what is served".to_owned());
    }
    if args.read_write_key && !matches!(source, UpSource::Repository { .. }) {
        return Err(
            "use --read-write-key: it needs a repository; a scenario says `readWriteKey` of its bootstrap"
                .to_owned(),
        );
    }
    if args.flux.is_some() && matches!(source, UpSource::Scenario(_)) {
        return Err("use --flux: the scenario says the release of its clusters".to_owned());
    }
    Ok(UpOptions {
        source,
        clusters: args.cluster.clone(),
        flux: args.flux.unwrap_or_default(),
        bootstrap: !args.no_bootstrap,
        install_flux: args.install_flux,
        read_write_key: args.read_write_key,
        listen: args.listen,
        advertise: args.advertise.clone(),
        forge_access: args.forge_access,
        port_base: args.port_base,
        kubeconfig: kubeconfig(args)?,
        ready_file: args.ready_file.clone(),
    })
}

fn kubeconfig(args: &Args) -> Result<Option<KubeconfigTarget>, String> {
    let target = if args.merge_kubeconfig { KubeconfigTarget::Merge } else { KubeconfigTarget::New };
    if args.kubeconfig.is_some() || !args.merge_kubeconfig {
        return Ok(args.kubeconfig.clone().map(target));
    }
    let listed = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let first = std::env::split_paths(&listed).find(|path| !path.as_os_str().is_empty());
    let home = || std::env::home_dir().map(|home| home.join(".kube/config"));
    let usual = first.or_else(home).ok_or("find the usual kubeconfig: there is no home directory")?;
    Ok(Some(target(usual)))
}

/// A path that is a file is a scenario; `#NAME` says which.
fn scenario_file(path: &Path) -> Option<(PathBuf, Option<String>)> {
    if path.is_file() {
        return Some((path.to_owned(), None));
    }
    let (file, name) = path.to_str()?.rsplit_once('#')?;
    Path::new(file).is_file().then(|| (PathBuf::from(file), Some(name.to_owned())))
}

fn scenario(file: &Path, name: Option<&str>) -> Result<Plan, String> {
    let located = parse_file(file).map_err(|invalid| {
        let problems: Vec<String> = invalid.problems.iter().map(ToString::to_string).collect();
        format!("read the scenario {}:\n{}", file.display(), problems.join("\n"))
    })?;
    let mut plans: Vec<Plan> = located.iter().map(plan).collect();
    let names: Vec<String> = plans.iter().map(|plan| format!("{}#{}", file.display(), plan.name)).collect();
    if let Some(name) = name {
        plans.retain(|plan| plan.name == name);
    }
    match (plans.pop(), plans.is_empty()) {
        (Some(plan), true) => Ok(plan),
        (Some(_), false) => Err(format!("choose a scenario: name one of\n{}", names.join("\n"))),
        (None, _) => Err(format!("find the scenario: {} has\n{}", file.display(), names.join("\n"))),
    }
}

/// Whether what the user gave is wrong, the machine lacks something, or something inside is wrong.
fn exit(error: &UpError) -> Exit {
    match error {
        UpError::Git(_) | UpError::Port { .. } => Exit::Missing,
        UpError::Tls(_) | UpError::Randomness | UpError::File { .. } | UpError::System { .. } => {
            Exit::Internal
        }
        _ => Exit::Invalid,
    }
}
