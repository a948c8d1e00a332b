//! `bootstrap`: Flux into a repository and onto a cluster, which follows the repository from then on.
//!
//! The verb reads flags and prints lines; [`Bootstrap`] is the sequence, for whoever has a cluster ([`Session`](crate::Session)) and a
//! repository ([`Checkout`]); [`components()`] and [`Sync`] make the manifests, and are pure. Forges and repositories are reached
//! through [`Hosts`]: the network, or what stands in for it in a process.

mod access;
mod args;
mod component;
mod confirm;
mod custom;
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
mod reconciled;
mod running;
mod signing;
mod source_secret;
mod steps;
mod sync;
#[cfg(test)]
mod tests;

pub(crate) use args::release;
pub use component::Component;
pub(crate) use deployed::is_deployed;
pub use github::{GitHub, GitHubError, Wanted};
pub use hosts::{Access, Checkout, Commit, Hosts, Pending, PushError, Remote};
pub use manifests::{Components, InstallOptions, components};
pub use network::Network;
pub use running::release_of;
pub use source_secret::SourceSecret;
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

impl Args {
    /// The release of `--version`, where it is given and is one.
    pub fn release(&self) -> Option<seatrial_api::FluxRelease> {
        self.shared.given_release()
    }
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

/// How often the sync manifests are committed where other pushes come first.
const PUSHES: u32 = 10;

/// What is bootstrapped from: a branch of a repository.
struct Source<'a> {
    hosts: &'a dyn Hosts,
    remote: &'a Remote,
}

/// Clones, commits, installs, and follows; `credentials` are asked for when the Secret is to be made, and told of the one that is
/// there.
async fn play(
    bootstrap: &mut Bootstrap<'_>,
    source: &Source<'_>,
    credentials: &mut dyn Secrets,
) -> Result<(), VerbError> {
    let branch = bootstrap.sync.branch.clone();
    let cloning = format!("cloning branch {branch:?} from Git repository {:?}", bootstrap.repository);
    bootstrap.screen.action(cloning);
    let mut checkout = cloned(source, &branch, bootstrap.screen).await?;
    bootstrap.screen.success("cloned repository");
    if bootstrap.commit_components(checkout.as_mut()).await?.is_some() {
        bootstrap.push_components(checkout.as_mut()).await?;
    }
    bootstrap.install().await?;
    let there = bootstrap.source_secret().await?;
    match credentials.make(there, bootstrap.screen).await? {
        Some(made) => bootstrap.apply_secret(&made).await?,
        None => bootstrap.keep_secret(),
    }
    let mut attempts = 0;
    while bootstrap.commit_sync(checkout.as_mut()).await?.is_some() {
        if bootstrap.push_sync(checkout.as_mut()).await? {
            break;
        }
        attempts += 1;
        if attempts == PUSHES {
            let why = format!("another push came first, {PUSHES} times");
            return Err(VerbError::failed(format!("failed to push sync manifests: {why}")));
        }
        bootstrap.screen.waiting("git conflict detected, retrying with a fresh clone");
        checkout = cloned(source, &branch, bootstrap.screen).await?;
    }
    bootstrap.apply_sync().await?;
    let tip = checkout.tip();
    bootstrap.wait(&tip).await
}

/// How often a repository is asked for, as with flux.
const CLONES: u32 = 2;

/// Clones, and tells of failures.
async fn cloned(
    source: &Source<'_>,
    branch: &str,
    screen: &mut Screen,
) -> Result<Box<dyn Checkout>, VerbError> {
    let mut attempts = 0;
    loop {
        match source.hosts.check_out(source.remote, branch).await {
            Ok(checkout) => return Ok(checkout),
            Err(error) => {
                screen.warning(format!(" clone failure: {error}"));
                attempts += 1;
                if attempts == CLONES {
                    return Err(VerbError::failed(format!("failed to clone repository: {error}")));
                }
            }
        }
    }
}

/// Where the cluster's credentials come from.
trait Secrets: Send {
    /// Makes them, and tells of it; `None` where the Secret that is there stays.
    fn make<'a>(
        &'a mut self,
        there: Option<SourceSecret>,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>>;
}
