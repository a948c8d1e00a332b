//! The command line.

use crate::commands::{forge, lint, preview, render, run, schema, seal, services, trial, up};
use clap::{Parser, Subcommand};
use seatrial_verbs::Verb;

/// Play GitOps repositories on simulated clusters: what would this commit deploy, where, in which order?
#[derive(Debug, Parser)]
#[command(
    name = "seatrial",
    version,
    propagate_version = true,
    after_help = "Exit status: 0 passed, 1 a scenario or check failed, 2 wrong usage or an invalid file, \
                  3 the environment lacks something, 4 an error inside Seatrial, 130 or 143 interrupted (SIGINT, SIGTERM)."
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play scenarios.
    Run(run::Args),
    /// Play a repository as it is, without a scenario: one cluster for each clusters/NAME.
    Try(trial::Args),
    /// Show what a change would do on each cluster.
    Preview(preview::Args),
    /// Find what is wrong with a repository or scenario files, without a cluster.
    Lint(lint::Args),
    /// Serve clusters, Git and a registry to kubectl, flux, git and docker.
    Up(up::Args),
    /// Work with a forge: create repositories from templates.
    Forge(forge::Args),
    /// Print what `kustomize build DIR` prints.
    Render(render::Args),
    /// Seal secrets, as `kubeseal` does, and check those of a repository.
    Seal(Box<seal::Args>),
    /// Print the JSON Schema of scenario files.
    Schema(schema::Args),
    /// List, add and remove the services that an environment deploys.
    Services(services::Args),
    #[command(flatten)]
    Flux(Verb),
}
