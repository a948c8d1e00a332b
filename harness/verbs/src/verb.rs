//! The verbs: from arguments to what is done.

use crate::{Env, Screen, VerbError, build, diff, events, get, trace, tree};

/// flux's verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Print the statuses of Flux resources, as `flux get` does.
    Get(get::Args),
    /// Print the objects that a Kustomization reconciles, as `flux tree` does.
    Tree(tree::Args),
    /// Print how objects came from a source to the cluster, as `flux trace` does.
    Trace(trace::Args),
    /// Print events of Flux resources, as `flux events` does.
    Events(events::Args),
    /// Build the objects of a Kustomization from local files, as `flux build` does.
    Build(build::Args),
    /// Show what local files would change in a cluster, as `flux diff` does.
    Diff(diff::Args),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What ended it: see [`VerbError`]. Nothing of it has been printed.
    pub async fn run(&self, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
        match self {
            Verb::Get(args) => get::run(args, env, screen).await,
            Verb::Tree(args) => tree::run(args, env, screen).await,
            Verb::Trace(args) => trace::run(args, env, screen).await,
            Verb::Events(args) => events::run(args, env, screen).await,
            Verb::Build(args) => build::run(args, env, screen).await,
            Verb::Diff(args) => diff::run(args, env, screen).await,
        }
    }
}
