//! What a run is given.

use super::Stop;
use crate::cluster::{Backend, BackendError, BackendOptions};
use crate::scenario::DiscoverError;
use seatrial_render::Renderer;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How scenarios are played.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Only scenarios whose file or name contains this. Default: all.
    pub filter: Option<String>,
    /// How many scenarios are played at a time. Default: as many as there are processors.
    pub jobs: usize,
    /// Only this part of the scenarios. Default: all.
    pub shard: Option<Shard>,
    /// The seed of every scenario. Default: what the scenario says, else 0.
    pub seed: Option<u64>,
    /// What the clusters are. Default: simulated.
    pub backend: Backend,
    /// The settings of the backend.
    pub clusters: BackendOptions,
    /// Ends the run from outside.
    pub stop: Stop,
    /// What renders. All scenarios that are played with clones of these options share what it has read: a file that is the
    /// same in several is parsed once.
    pub renderer: Arc<Renderer>,
}

impl RunOptions {
    /// How many scenarios are played at a time: one where they share the clusters of others.
    pub(crate) fn threads(&self) -> usize {
        if self.backend == Backend::Kubeconfig { 1 } else { self.jobs }
    }
}

impl Default for RunOptions {
    fn default() -> RunOptions {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        RunOptions {
            filter: None,
            jobs,
            shard: None,
            seed: None,
            backend: Backend::Sim,
            clusters: BackendOptions::default(),
            stop: Stop::default(),
            renderer: Arc::default(),
        }
    }
}

/// One of several parts of the scenarios, for machines that share the work: written `2/5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// How many parts.
    pub of: usize,
}

impl Shard {
    /// Whether the scenario at this place (from 0) belongs to the part.
    pub fn contains(self, place: usize) -> bool {
        place % self.of == self.index - 1
    }
}

/// Text that names no part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the shard {0:?}: write 1/3, 2/3 or 3/3 for the parts of three")]
pub struct ShardError(
    /// The text.
    pub String,
);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let wrong = || ShardError(text.to_owned());
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let (index, of) = (index.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if index == 0 || index > of { Err(wrong()) } else { Ok(Shard { index, of }) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// A run could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The files could not be found.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// There is nothing to play.
    #[error("find scenarios under {paths}: no file there has `kind: Scenario`")]
    Nothing {
        /// Where they were looked for.
        paths: String,
    },
    /// A file does not have the scenario that is asked for.
    #[error("find the scenario {name:?} in {file}: it has {names}")]
    NoScenario {
        /// The file.
        file: String,
        /// The name that was asked for.
        name: String,
        /// The names of its scenarios.
        names: String,
    },
    /// The filter leaves nothing.
    #[error("find a scenario for the filter {filter:?}: none of the {count} has it in its path or name")]
    Filtered {
        /// The filter.
        filter: String,
        /// How many there are without it.
        count: usize,
    },
}
