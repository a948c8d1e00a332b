//! The verbs: from arguments to what is done.

use crate::{Env, Screen, VerbError, get};

/// flux's verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Print the statuses of Flux resources, as `flux get` does.
    Get(get::Args),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// What ended it: see [`VerbError`]. Nothing of it has been printed.
    pub async fn run(&self, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
        match self {
            Verb::Get(args) => get::run(args, env, screen).await,
        }
    }
}
