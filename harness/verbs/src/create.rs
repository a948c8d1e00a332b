//! `create`: sources and Kustomizations, printed or applied.

mod apply;
mod git;
mod image;
mod kustomization;
mod label;
mod oci;

use crate::flags::{SWITCH, duration, list, switch};
use crate::kinds::Target;
use crate::{Env, Global, Screen, Session, VerbError};
use clap::Subcommand;
use seatrial_api::GoDuration;
use seatrial_yaml::emit_json;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Create or update sources and resources.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// What.
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// Export in YAML format to stdout.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    export: Option<String>,
    /// How often it is reconciled [default: 1m0s].
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true)]
    interval: Option<String>,
    /// Set labels on the resource, as KEY=VALUE; several with commas, or several times.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    label: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Create or update sources.
    Source(SourceArgs),
    /// Create or update a Kustomization.
    #[command(visible_alias = "ks")]
    Kustomization(Box<kustomization::Args>),
    /// Create or update image repositories, policies and automations.
    #[command(subcommand)]
    Image(ImageWhat),
}

#[derive(Debug, Subcommand)]
enum ImageWhat {
    /// Create or update an ImageRepository.
    Repository(Box<image::RepositoryArgs>),
    /// Create or update an ImagePolicy.
    Policy(Box<image::PolicyArgs>),
    /// Create or update an ImageUpdateAutomation.
    Update(Box<image::UpdateArgs>),
}

/// Create or update sources.
#[derive(Debug, clap::Args)]
struct SourceArgs {
    #[command(subcommand)]
    what: SourceWhat,
    /// How long a fetch of the source may take.
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true)]
    fetch_timeout: Option<String>,
}

#[derive(Debug, Subcommand)]
enum SourceWhat {
    /// Create or update a GitRepository source.
    Git(Box<git::Args>),
    /// Create or update an OCIRepository.
    Oci(Box<oci::Args>),
}

impl Args {
    /// What is made.
    pub(crate) fn target(&self) -> (Target, &[String]) {
        match &self.what {
            What::Source(source) => match &source.what {
                SourceWhat::Git(git) => (Target::Git, &git.name),
                SourceWhat::Oci(oci) => (Target::Oci, &oci.name),
            },
            What::Kustomization(kustomization) => (Target::Kustomization, &kustomization.name),
            What::Image(ImageWhat::Repository(repository)) => (Target::ImageRepository, &repository.name),
            What::Image(ImageWhat::Policy(policy)) => (Target::ImagePolicy, &policy.name),
            What::Image(ImageWhat::Update(update)) => (Target::ImageUpdate, &update.name),
        }
    }

    /// The global flags.
    pub(crate) fn global(&self) -> &Global {
        &self.global
    }
}

/// What is made, before it is applied.
struct Made {
    group: &'static str,
    kind: &'static str,
    /// What flux calls it while it applies it.
    noun: &'static str,
    spec: Map<String, Value>,
}

/// What all objects share.
struct Common {
    name: String,
    namespace: String,
    interval: GoDuration,
    labels: BTreeMap<String, String>,
}

impl Common {
    fn object(&self, api_version: &str, made: &Made) -> Value {
        let mut metadata = json!({"name": self.name, "namespace": self.namespace});
        if !self.labels.is_empty() {
            metadata["labels"] = json!(self.labels);
        }
        json!({"apiVersion": api_version, "kind": made.kind, "metadata": metadata, "spec": made.spec})
    }
}

/// Makes it.
///
/// # Errors
/// Wrong usage, what the server refuses, or that it does not become ready in time.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    if let What::Kustomization(kustomization) = &args.what {
        kustomization.tell_of_old_flags(screen);
    }
    args.global.check()?;
    let export = switch("--export", args.common.export.as_deref())?;
    let interval = args.common.interval.as_deref().map(|text| duration("--interval", text)).transpose()?;
    let labels = list("--label", &args.common.label)?;
    let fetch_timeout = match &args.what {
        What::Source(SourceArgs { fetch_timeout: Some(text), .. }) => {
            Some(duration("--fetch-timeout", text)?)
        }
        _ => None,
    };
    let name = match &args.what {
        What::Source(source) => match &source.what {
            SourceWhat::Git(git) => git.check().map(|()| &git.name),
            SourceWhat::Oci(oci) => oci.check().map(|()| &oci.name),
        },
        What::Kustomization(kustomization) => kustomization.check().map(|()| &kustomization.name),
        What::Image(ImageWhat::Repository(repository)) => repository.check().map(|()| &repository.name),
        What::Image(ImageWhat::Policy(policy)) => Ok(&policy.name),
        What::Image(ImageWhat::Update(update)) => Ok(&update.name),
    };
    let mut common = Common {
        name: name_of(name?)?,
        namespace: args.global.namespace()?,
        interval: interval.unwrap_or(GoDuration::from_secs(60)),
        labels: BTreeMap::new(),
    };
    let made = match &args.what {
        What::Source(source) => match &source.what {
            SourceWhat::Git(git) => git.made(&mut common, &labels, fetch_timeout)?,
            SourceWhat::Oci(oci) => oci.made(&mut common, &labels, fetch_timeout)?,
        },
        What::Kustomization(kustomization) => kustomization.made(&mut common, &labels)?,
        What::Image(ImageWhat::Repository(repository)) => repository.made(&mut common, &labels)?,
        What::Image(ImageWhat::Policy(policy)) => policy.made(&mut common, &labels, interval)?,
        What::Image(ImageWhat::Update(update)) => update.made(&mut common, &labels)?,
    };
    if export {
        return print(&common, &made, screen);
    }
    if made.kind != "OCIRepository" {
        screen.generate(format!("generating {}", made.noun));
    }
    let session = Session::open(env, &args.global).await?;
    common.namespace.clone_from(&session.namespace);
    let mut made = made;
    if let What::Source(SourceArgs { what: SourceWhat::Git(git), .. }) = &args.what {
        apply::credentials(&session, git, &common, &mut made, screen).await?;
    }
    apply::apply(&session, &common, &made, screen).await
}

fn print(common: &Common, made: &Made, screen: &mut Screen) -> Result<(), VerbError> {
    // Nobody is asked what the cluster serves: it is what Flux 2.9 installs.
    let object = common.object(&format!("{}/v1", made.group), made);
    let yaml = emit_json(&object).map_err(|error| VerbError::failed(error.to_string()))?;
    screen.print(&format!("---\n{yaml}"));
    Ok(())
}

/// The first argument, which is a name that the object can have.
fn name_of(names: &[String]) -> Result<String, VerbError> {
    let name = names.first().ok_or_else(|| VerbError::usage("name is required"))?;
    let end = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    let inner = |c: &u8| end(c) || *c == b'-';
    let fits = (2..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first().is_some_and(end)
        && bytes.last().is_some_and(end);
    if fits {
        return Ok(name.clone());
    }
    Err(VerbError::usage(format!(
        "name '{name}' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain \
         alphanumeric characters or '-'"
    )))
}

/// The labels of `--label`.
fn labels(pairs: &[String]) -> Result<BTreeMap<String, String>, VerbError> {
    let mut labels = BTreeMap::new();
    for pair in pairs {
        match pair.split_once('=') {
            Some((key, value)) if !value.contains('=') => {
                if let Some(problem) = label::problem(key, value) {
                    return Err(VerbError::usage(problem));
                }
                labels.insert(key.to_owned(), value.to_owned())
            }
            _ => return Err(VerbError::usage(format!("invalid label format '{pair}', must be key=value"))),
        };
    }
    Ok(labels)
}

/// Sets what was given.
fn set(spec: &mut Map<String, Value>, key: &str, value: Option<&String>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        spec.insert(key.to_owned(), json!(value));
    }
}

/// Sets a reference to what was named.
fn set_reference(spec: &mut Map<String, Value>, key: &str, name: Option<&String>) {
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        spec.insert(key.to_owned(), json!({"name": name}));
    }
}

/// Whether it was given, and is not empty.
fn some(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !value.is_empty())
}
