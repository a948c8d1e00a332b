//! `seatrial render DIR`: what `kustomize build DIR` prints, byte for byte.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::Disk;
use seatrial_render::{
    LoadRestrictor, Object, Options, RemoteDir, RenderErrors, Rendered, Renderer, Reorder, Tree,
};

use super::remotes;

use crate::exit_code::Exit;

/// Arguments of `render`; the names are those of `kustomize build`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory with the kustomization.
    #[arg(default_value = ".", hide_default_value = true)]
    dirs: Vec<PathBuf>,
    /// Write the output to this file, or into this directory, one file per object.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Which files a kustomization may read outside of its directory: LoadRestrictionsRootOnly or LoadRestrictionsNone.
    #[arg(long, default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: String,
    /// Deprecated, use `sortOptions`: the order of the objects where the kustomization says nothing about it, legacy or none.
    #[arg(long)]
    reorder: Option<String>,
    /// Deprecated, use `buildMetadata`: put the label app.kubernetes.io/managed-by on all objects.
    #[arg(long)]
    enable_managedby_label: bool,
    /// Say for each error which kustomizations led there.
    #[arg(long)]
    stack_trace: bool,
    /// Serve a remote source: what kustomizations call URL is the Git repository, folder or file PATH. Others come from the
    /// network, as with kustomize: repositories by the git program, files by HTTP.
    #[arg(long, value_name = "URL=PATH", value_parser = remotes::served)]
    serve: Vec<(String, PathBuf)>,
    #[command(flatten)]
    programs: Programs,
}

/// What kustomize hands to other programs. None of them is run here: the flags are taken, since they change nothing where no
/// such program is asked for, and a kustomization that asks for one is refused.
#[derive(Debug, clap::Args)]
struct Programs {
    /// Taken for scripts' sake: Helm charts are refused all the same.
    #[arg(long)]
    enable_helm: bool,
    /// Taken for scripts' sake: external plugins are refused all the same.
    #[arg(long)]
    enable_alpha_plugins: bool,
    /// Taken for scripts' sake: exec functions are refused all the same.
    #[arg(long)]
    enable_exec: bool,
    #[arg(long, hide = true)]
    helm_command: Option<String>,
    #[arg(long, hide = true)]
    helm_api_versions: Vec<String>,
    #[arg(long, hide = true)]
    helm_kube_version: Option<String>,
    #[arg(long, hide = true)]
    helm_debug: bool,
    #[arg(short, long, hide = true)]
    env: Vec<String>,
    #[arg(long, hide = true)]
    as_current_user: bool,
    #[arg(long, hide = true)]
    network: bool,
    #[arg(long, hide = true)]
    network_name: Option<String>,
    #[arg(long, hide = true)]
    mount: Vec<String>,
}

/// Why nothing was rendered.
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn new(message: impl ToString) -> Failure {
        Failure { exit: Exit::Failed, message: format!("Error: {}", message.to_string()) }
    }

    /// What needs other programs is refused whatever the flags say: kustomize's own message would lead nowhere.
    fn of_build(errors: &RenderErrors, args: &Args) -> Failure {
        let mut failure = Failure { exit: Exit::Failed, message: errors.report() };
        if args.stack_trace {
            let chains = errors.errors.iter().filter(|error| error.chain.len() == 1);
            failure.message.extend(chains.map(|error| format!("\n  by {}", error.chain.join(" -> "))));
        }
        let flags = [
            (
                "must specify --enable-helm",
                args.programs.enable_helm,
                "--enable-helm is not supported: it would run another program; list the output of `helm template` as a resource",
                "Helm charts are not supported: list the output of `helm template` as a resource",
            ),
            (
                "failed to run 'git fetch",
                false,
                "",
                "a copy on this machine serves as well: --serve URL=PATH",
            ),
            (
                "external plugins disabled",
                args.programs.enable_alpha_plugins || args.programs.enable_exec,
                "external plugins are not supported: they would run other programs",
                "plugins and functions outside of kustomize are not supported",
            ),
        ];
        for (says, set, instead, hint) in flags {
            if failure.message.contains(says) {
                if !says.starts_with("failed to run") {
                    failure.exit = Exit::Invalid;
                }
                match set {
                    true => failure.message = failure.message.replace(says, instead),
                    false => failure.message.push_str(&format!("\nhint: {hint}")),
                }
            }
        }
        failure
    }
}

/// Renders; exit status 1 where the kustomization cannot be built, 2 for what is not supported.
pub(crate) fn run(args: &Args) -> Exit {
    if args.reorder.is_some() {
        eprintln!(
            "Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead."
        );
    }
    if args.enable_managedby_label {
        eprintln!(
            "Flag --enable-managedby-label has been deprecated, The flag `enable-managedby-label` has been deprecated. \
             Use the `managedByLabel` option in the `buildMetadata` field instead."
        );
    }
    match options(args).and_then(|options| render(args, &options)) {
        Ok(()) => Exit::Passed,
        Err(failure) => {
            eprintln!("{}", failure.message);
            failure.exit
        }
    }
}

fn options(args: &Args) -> Result<Options, Failure> {
    let load_restrictor = match args.load_restrictor.as_str() {
        "LoadRestrictionsRootOnly" => LoadRestrictor::RootOnly,
        "LoadRestrictionsNone" => LoadRestrictor::None,
        other => {
            return Err(Failure::new(format!(
                "illegal flag value --load-restrictor {other}; legal values: [LoadRestrictionsRootOnly \
                 LoadRestrictionsNone]"
            )));
        }
    };
    let reorder = match args.reorder.as_deref() {
        None => Reorder::Unspecified,
        Some("none") => Reorder::None,
        Some("legacy") => Reorder::Legacy,
        Some(other) => {
            return Err(Failure::new(format!(
                "illegal flag value --reorder {other}; legal values: [legacy none]"
            )));
        }
    };
    let managed_by_label = args.enable_managedby_label;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let remotes = remotes::sources(&args.serve)
        .map_err(|message| Failure { exit: Exit::Invalid, message: format!("Error: {message}") })?;
    Ok(Options { load_restrictor, reorder, managed_by_label, threads, remotes: Some(remotes) })
}

fn render(args: &Args, options: &Options) -> Result<(), Failure> {
    let [dir] = args.dirs.as_slice() else {
        return Err(Failure::new("specify one path to kustomization.yaml"));
    };
    let dir = match RemoteDir::parse(&dir.to_string_lossy()) {
        Some(_) => dir.clone(),
        None => std::path::absolute(dir).map_err(Failure::new)?,
    };
    // The tree's paths begin below its root.
    let dir = dir.strip_prefix("/").unwrap_or(&dir);
    let tree = Tree::from_source(Arc::new(Disk::default())).shown_at("/");
    // The process ends soon: the system takes the memory back in one piece.
    let renderer = ManuallyDrop::new(Renderer::for_one_build());
    let rendered = ManuallyDrop::new(renderer.build(&tree, &dir.to_string_lossy(), options));
    let rendered = rendered.as_ref();
    let warnings = rendered.map_or_else(|e| &e.warnings, |r| &r.warnings);
    let warnings: String = warnings.iter().flat_map(|warning| [warning.as_str(), "\n"]).collect();
    // Who does not listen to warnings gets the output all the same.
    let _ = std::io::stderr().write_all(warnings.as_bytes());
    let rendered = rendered.map_err(|errors| Failure::of_build(errors, args))?;
    let written = |error: std::io::Error| Failure::new(format!("failed to write the output: {error}"));
    match &args.output {
        Some(folder) if folder.is_dir() => {
            for (name, object) in file_names(&rendered.objects) {
                let yaml = object.to_yaml().map_err(Failure::new)?;
                std::fs::write(folder.join(name), yaml).map_err(written)?;
            }
            Ok(())
        }
        Some(file) => std::fs::write(file, text(rendered, options)?.concat()).map_err(written),
        None => {
            let mut out = std::io::stdout().lock();
            text(rendered, options)?
                .iter()
                .try_for_each(|part| out.write_all(part.as_bytes()))
                .map_err(written)
        }
    }
}

/// The output in parts.
fn text(rendered: &Rendered, options: &Options) -> Result<Vec<String>, Failure> {
    rendered.to_yaml_parts(options.threads).map_err(Failure::new)
}

/// The names that kustomize gives the files of objects: `apps_v1_deployment_web.yaml`, with the namespace in front where
/// the objects live in several.
fn file_names(objects: &[Object]) -> Vec<(String, &Object)> {
    let namespace = |object: &Object| match object.namespace() {
        _ if object.is_cluster_scoped() => String::new(),
        "" => "default".to_owned(),
        namespace => namespace.to_owned(),
    };
    let all: BTreeSet<String> = objects.iter().map(namespace).filter(|n| !n.is_empty()).collect();
    let name = |object: &Object| {
        let (group, version) = object.api_version().split_once('/').unwrap_or(("", object.api_version()));
        let space = if all.len() > 1 { namespace(object) } else { String::new() };
        let parts = [space.as_str(), group, version, object.kind(), object.name()];
        let parts: Vec<String> = parts.iter().filter(|p| !p.is_empty()).map(|p| p.to_lowercase()).collect();
        format!("{}.yaml", parts.join("_").replace('/', "-"))
    };
    objects.iter().map(|object| (name(object), object)).collect()
}
