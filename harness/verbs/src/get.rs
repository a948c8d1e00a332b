//! `get`: tables of what is there.

use crate::{Env, Global, Screen, Session, VerbError};
use clap::Subcommand;

/// Print the statuses of Flux resources.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which.
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    global: Global,
}

/// What is printed.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Print the statuses of Kustomizations.
    #[command(visible_aliases = ["ks", "kustomization"])]
    Kustomizations {
        /// Its name [default: all].
        name: Option<String>,
    },
}

/// Prints the table.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(args: &Args, env: &Env, _screen: &mut Screen) -> Result<(), VerbError> {
    Session::open(env, &args.global).await.map(drop)
}
