//! The verbs: from arguments to what is done.

use clap::Parser as _;

use crate::{
    Env, Screen, VerbError, bootstrap, build, check, create, diff, events, get, reconcile, suspend, trace,
    tree, uninstall,
};

/// flux's verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Install Flux and have it follow a Git repository, as `flux bootstrap` does.
    Bootstrap(Box<bootstrap::Args>),
    /// Check whether a cluster fits, and whether Flux is healthy there, as `flux check` does.
    Check(Box<check::Args>),
    /// Create or update sources and resources, as `flux create` does.
    Create(Box<create::Args>),
    /// Print the statuses of Flux resources, as `flux get` does.
    Get(Box<get::Args>),
    /// Ask for a reconciliation and wait for it, as `flux reconcile` does.
    Reconcile(Box<reconcile::Args>),
    /// Suspend resources, as `flux suspend` does.
    Suspend(Box<suspend::SuspendArgs>),
    /// Resume suspended resources, as `flux resume` does.
    Resume(Box<suspend::ResumeArgs>),
    /// Remove Flux and its resource definitions, as `flux uninstall` does.
    Uninstall(Box<uninstall::Args>),
    /// Print the objects that a Kustomization reconciles, as `flux tree` does.
    Tree(Box<tree::Args>),
    /// Print how objects came from a source to the cluster, as `flux trace` does.
    Trace(Box<trace::Args>),
    /// Print events of Flux resources, as `flux events` does.
    Events(Box<events::Args>),
    /// Build the objects of a Kustomization from local files, as `flux build` does.
    Build(Box<build::Args>),
    /// Show what local files would change in a cluster, as `flux diff` does.
    Diff(Box<diff::Args>),
}

/// An object that a verb is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its kind, of Flux's.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

#[derive(clap::Parser)]
#[command(name = "seatrial", disable_help_flag = true, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

impl Verb {
    /// Reads a verb and its arguments, without the program's name; global flags may stand in front.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(words: &[String]) -> Result<Verb, String> {
        let words = std::iter::once("seatrial").chain(words.iter().map(String::as_str));
        let line = crate::verb_first(words.map(Into::into).collect());
        if let Some(why) = crate::flux_only(&line) {
            return Err(why);
        }
        Line::try_parse_from(line).map(|line| line.verb).map_err(|error| {
            let text = error.render().to_string();
            let text = text.trim_start_matches("error: ");
            text.lines().next().unwrap_or_default().to_owned()
        })
    }

    /// The object that it creates, reconciles or resumes, and waits for.
    pub fn about(&self) -> Option<About> {
        let ((target, names), global) = match self {
            Verb::Create(args) => (args.target(), args.global()),
            Verb::Reconcile(args) => (args.target(), args.global()),
            Verb::Resume(args) => (args.target(), args.global()),
            _ => return None,
        };
        let (namespace, name) = (global.namespace().ok()?, names.first()?.clone());
        Some(About { kind: target.kind(), namespace, name })
    }

    /// Does it.
    ///
    /// # Errors
    /// What ended it: see [`VerbError`], and [`VerbError::tell`].
    pub async fn run(&self, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
        match self {
            Verb::Bootstrap(args) => bootstrap::run(args, env, screen).await,
            Verb::Check(args) => check::run(args, env, screen).await,
            Verb::Create(args) => create::run(args, env, screen).await,
            Verb::Get(args) => get::run(args, env, screen).await,
            Verb::Reconcile(args) => reconcile::run(args, env, screen).await,
            Verb::Suspend(args) => suspend::suspend(args, env, screen).await,
            Verb::Resume(args) => suspend::resume(args, env, screen).await,
            Verb::Uninstall(args) => uninstall::run(args, env, screen).await,
            Verb::Tree(args) => tree::run(args, env, screen).await,
            Verb::Trace(args) => trace::run(args, env, screen).await,
            Verb::Events(args) => events::run(args, env, screen).await,
            Verb::Build(args) => build::run(args, env, screen).await,
            Verb::Diff(args) => diff::run(args, env, screen).await,
        }
    }
}
