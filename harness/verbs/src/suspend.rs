//! `suspend` and `resume`.

use crate::flags::{SWITCH, switch};
use crate::kinds::Target;
use crate::{Env, Global, Resource, Screen, Session, VerbError};
use clap::Subcommand;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Suspend the reconciliation of resources.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct SuspendArgs {
    #[command(subcommand)]
    what: What,
    /// Suspend all resources of the kind in that namespace.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    all: Option<String>,
    #[command(flatten)]
    global: Global,
}

/// Resume suspended resources, and wait for a single one to be reconciled.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct ResumeArgs {
    #[command(subcommand)]
    what: What,
    /// Resume all resources of the kind in that namespace.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    all: Option<String>,
    /// Wait until each is reconciled.
    #[arg(long, global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    wait: Option<String>,
    #[command(flatten)]
    global: Global,
}

impl ResumeArgs {
    /// What is resumed.
    pub(crate) fn target(&self) -> (Target, &[String]) {
        self.what.target()
    }

    /// The global flags.
    pub(crate) fn global(&self) -> &Global {
        &self.global
    }
}

#[derive(Debug, Subcommand)]
enum What {
    /// Kustomizations.
    #[command(visible_alias = "ks")]
    Kustomization(Names),
    /// Sources.
    #[command(subcommand)]
    Source(Source),
    /// Image repositories, policies and automations.
    #[command(subcommand)]
    Image(Image),
}

#[derive(Debug, Subcommand)]
enum Image {
    /// ImageRepositories.
    Repository(Names),
    /// ImagePolicies.
    Policy(Names),
    /// ImageUpdateAutomations.
    Update(Names),
}

#[derive(Debug, Subcommand)]
enum Source {
    /// GitRepositories.
    Git(Names),
    /// OCIRepositories.
    Oci(Names),
}

#[derive(Debug, clap::Args)]
struct Names {
    /// Their names.
    name: Vec<String>,
}

impl What {
    fn target(&self) -> (Target, &[String]) {
        match self {
            What::Kustomization(names) => (Target::Kustomization, &names.name),
            What::Source(Source::Git(names)) => (Target::Git, &names.name),
            What::Source(Source::Oci(names)) => (Target::Oci, &names.name),
            What::Image(Image::Repository(names)) => (Target::ImageRepository, &names.name),
            What::Image(Image::Policy(names)) => (Target::ImagePolicy, &names.name),
            What::Image(Image::Update(names)) => (Target::ImageUpdate, &names.name),
        }
    }
}

/// Suspends.
///
/// # Errors
/// No object was found or named, or the server refuses. Objects that do not exist are told of one by one, and fail the
/// verb in the end.
pub async fn suspend(args: &SuspendArgs, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let chosen = Chosen::new(&args.what, args.all.as_deref(), &args.global)?;
    let session = Session::open(env, &args.global).await?;
    let resource = session.flux(chosen.target.flux()?).await?;
    let names = chosen.names(&session, &resource).await?;
    if names.is_empty() {
        return Err(VerbError::failed("no objects found"));
    }
    let (kind, human, namespace) = (chosen.target.kind(), chosen.target.human(), &session.namespace);
    let mut missing = Missing::default();
    for name in names {
        let path = resource.object(Some(namespace), &name);
        if session.find(&path).await?.is_none() {
            missing.tell(screen, format!("{kind} {name} not found in {namespace} namespace"));
            continue;
        }
        screen.action(format!("suspending {human} {name} in {namespace} namespace"));
        session.merge(&path, &json!({"spec": {"suspend": true}})).await?;
        screen.success(format!("{human} suspended"));
    }
    missing.end()
}

/// Resumes, and waits.
///
/// # Errors
/// As [`suspend`]; and what a reconciliation failed for that was waited for.
pub async fn resume(args: &ResumeArgs, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let chosen = Chosen::new(&args.what, args.all.as_deref(), &args.global)?;
    let wait = switch("--wait", args.wait.as_deref())?;
    let session = Session::open(env, &args.global).await?;
    let resource = session.flux(chosen.target.flux()?).await?;
    let names = chosen.names(&session, &resource).await?;
    let (kind, human, namespace) = (chosen.target.kind(), chosen.target.human(), &session.namespace);
    let mut missing = Missing::default();
    if names.is_empty() {
        missing.tell(screen, format!("no {kind} objects found in {namespace} namespace"));
    }
    // As flux: one that was named is waited for, and one that `--all` happens to find is not.
    let wait = wait || chosen.names.len() == 1;
    let mut resumed: BTreeSet<String> = BTreeSet::new();
    for name in names {
        let path = resource.object(Some(namespace), &name);
        if session.find(&path).await?.is_none() {
            missing.tell(screen, format!("{kind} object '{name}' not found in {namespace} namespace"));
            continue;
        }
        screen.action(format!("resuming {human} {name} in {namespace} namespace"));
        session.merge(&path, &json!({"spec": {"suspend": null}})).await?;
        screen.success(format!("{human} resumed"));
        resumed.insert(name);
    }
    if wait {
        for _ in &resumed {
            screen.waiting(format!("waiting for {kind} reconciliation"));
        }
        let mut failed = 0;
        for name in &resumed {
            let path = resource.object(Some(namespace), name);
            match session.until_ready(&path, |_| true).await {
                Ok(ready) => {
                    screen.success(format!("{kind} {name} reconciliation completed"));
                    screen.success(chosen.target.done(&ready));
                }
                Err(error) => {
                    failed += 1;
                    screen.failure(format!("{kind} {name} reconciliation failed: {error}"));
                }
            }
        }
        if failed > 0 {
            return Err(VerbError::Failed(format!("reconciliation failed for {failed} {kind}(s)")));
        }
    }
    missing.end()
}

/// Which objects.
struct Chosen<'a> {
    target: Target,
    names: &'a [String],
}

impl<'a> Chosen<'a> {
    fn new(what: &'a What, all: Option<&str>, global: &Global) -> Result<Chosen<'a>, VerbError> {
        global.check()?;
        let all = switch("--all", all)?;
        let (target, names) = what.target();
        if names.is_empty() && !all {
            return Err(VerbError::usage(format!("{} name is required", target.human())));
        }
        Ok(Chosen { target, names })
    }

    /// The names that were given, each once; else those of all objects in the namespace.
    async fn names(&self, session: &Session, resource: &Resource) -> Result<Vec<String>, VerbError> {
        let mut seen = BTreeSet::new();
        if !self.names.is_empty() {
            return Ok(self.names.iter().filter(|name| seen.insert(*name)).cloned().collect());
        }
        let objects = session.list(resource, &resource.path(Some(&session.namespace))).await?;
        let name = |object: &Value| object["metadata"]["name"].as_str().map(ToOwned::to_owned);
        Ok(objects.iter().filter_map(name).collect())
    }
}

/// Whether objects are not there: the others get their turn, and the verb fails in the end.
#[derive(Default)]
struct Missing(bool);

impl Missing {
    fn tell(&mut self, screen: &mut Screen, message: String) {
        screen.failure(message);
        self.0 = true;
    }

    fn end(self) -> Result<(), VerbError> {
        if self.0 { Err(VerbError::Told) } else { Ok(()) }
    }
}
