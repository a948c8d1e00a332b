//! What a build may do.

use std::fmt;
use std::sync::Arc;

use crate::Remotes;

/// Which files a kustomization may read beside other kustomizations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Files in or below its own directory (the default).
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// The order of the output where the kustomization has no `sortOptions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reorder {
    /// As `kustomize build` does without a flag: [`Reorder::Legacy`] (the default).
    #[default]
    Unspecified,
    /// As the resources were met: what Flux does.
    None,
    /// Namespaces and definitions first, webhooks last.
    Legacy,
}

/// Options of a build.
#[derive(Clone, Default)]
pub struct Options {
    /// Which files a kustomization may read.
    pub load_restrictor: LoadRestrictor,
    /// The order of the output.
    pub reorder: Reorder,
    /// Put the label `app.kubernetes.io/managed-by` on every object.
    pub managed_by_label: bool,
    /// Where remote resources come from; without it they are refused.
    pub remotes: Option<Arc<dyn Remotes>>,
    /// How many threads may work at a build; none and one are the same. What comes out does not depend on it.
    pub threads: usize,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("load_restrictor", &self.load_restrictor)
            .field("reorder", &self.reorder)
            .field("managed_by_label", &self.managed_by_label)
            .field("remotes", &self.remotes.is_some())
            .field("threads", &self.threads)
            .finish()
    }
}
