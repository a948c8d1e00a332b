//! `bootstrap`: Flux into a repository and onto a cluster, which follows the repository from then on.
//!
//! The verb reads flags and prints lines; [`Bootstrap`] is the sequence, for whoever has a cluster ([`Session`](crate::Session)) and a
//! repository ([`Checkout`]); [`components()`] and [`Sync`] make the manifests, and are pure. Forges and repositories are reached
//! through [`Hosts`]: the network, or what stands in for it in a process.

mod access;
mod args;
mod component;
mod deployed;
mod deployment;
mod git;
mod git_program;
mod github;
mod hosts;
pub mod keys;
mod manifests;
mod network;
mod on_github;
mod steps;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use args::release;
pub use component::Component;
pub(crate) use deployed::is_deployed;
pub use github::{GitHub, GitHubError, Wanted};
pub use hosts::{Access, Checkout, Commit, Hosts, Pending, Remote};
pub use manifests::{Components, InstallOptions, components};
pub use network::Network;
pub use steps::{Bootstrap, Credentials, Noting};
pub use sync::Sync;

use crate::{Env, Global, Screen, VerbError};

/// Push Flux's manifests to a Git repository, and have a cluster follow it.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true, disable_version_flag = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    shared: args::Shared,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A repository of GitHub or GitHub Enterprise, which is made where it does not exist.
    #[command(args_override_self = true, disable_version_flag = true)]
    Github(Box<on_github::Args>),
    /// Any Git repository.
    #[command(args_override_self = true, disable_version_flag = true)]
    Git(Box<git::Args>),
}

/// Does it.
///
/// # Errors
/// Wrong usage, what the forge or the cluster refuses, or what does not become ready in time.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    args.global.check()?;
    let options = args.shared.read(env)?;
    match &args.what {
        What::Github(github) => {
            on_github::run(github, &args.shared, &options, &args.global, env, screen).await
        }
        What::Git(git) => git::run(git, &args.shared, &options, &args.global, env, screen).await,
    }
}

/// The certificates of `--ca-file`.
fn ca(shared: &args::Shared) -> Result<Option<String>, VerbError> {
    let Some(file) = &shared.ca_file else { return Ok(None) };
    std::fs::read_to_string(file).map(Some).map_err(|error| {
        VerbError::usage(format!("unable to read TLS CA file: open {}: {error}", file.display()))
    })
}

/// Commits, installs, and follows; `credentials` are asked for when the Secret is to be made, and told whether there is one.
async fn play(
    bootstrap: &mut Bootstrap<'_>,
    checkout: &mut dyn Checkout,
    credentials: &mut dyn Secrets,
) -> Result<(), VerbError> {
    if bootstrap.commit_components(checkout).await?.is_some() {
        bootstrap.push(checkout, "component").await?;
    }
    bootstrap.install().await?;
    let there = bootstrap.has_secret().await?;
    match credentials.make(there, bootstrap.screen).await? {
        Some(made) => bootstrap.apply_secret(&made).await?,
        None => bootstrap.keep_secret(),
    }
    if bootstrap.commit_sync(checkout).await?.is_some() {
        bootstrap.push(checkout, "sync").await?;
    }
    bootstrap.apply_sync().await?;
    let tip = checkout.tip();
    bootstrap.wait(&tip).await
}

/// Where the cluster's credentials come from.
trait Secrets: Send {
    /// Makes them, and tells of it; `None` where the Secret that is there stays.
    fn make<'a>(
        &'a mut self,
        there: bool,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>>;
}
