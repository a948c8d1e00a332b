//! What is wrong with a repository, or a scenario file, or is a known trap: found without a cluster, and without playing anything.
//!
//! # Flow
//! ```text
//! repository ── crate::offline (clusters, Kustomizations, what they build) ──► one module for each rule ──► findings
//! scenario files ── what `seatrial run` reads ──► findings
//! findings ── sort, what is the same on several clusters becomes one ──► text, JSON
//! ```
//!
//! # Guarantees
//! - The same files give the same findings, in the same order.
//! - A finding is an error only where it is certain: where part of what a cluster gets could not be looked at (another repository, a
//!   remote base, variables of a Secret), what seems to be missing may come from there, and is a warning. What was not looked at
//!   stands in [`Lint::notes`].
//! - No value of a Secret is in any output.

mod build;
mod context;
mod cycles;
mod dependencies;
mod duplicates;
mod finding;
mod flux_kinds;
mod images;
mod isolation;
mod output;
mod places;
mod references;
mod rule;
mod scenario;
mod sealed;
mod secrets;
mod services;

pub use crate::offline::FleetError;
pub use finding::{Finding, Lint, Place};
pub use output::{Text, json};
pub use rule::{NoRule, Rule, Severity};

use crate::offline::{Fleet, builds};
use crate::scenario::DiscoverError;
use crate::sealed::Openers;
use context::Context;
use seatrial_api::FluxRelease;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is looked at, and for what.
#[derive(Clone, Debug)]
pub struct LintOptions {
    /// Repositories (folders with `clusters/`), scenario files, folders with scenario files.
    pub paths: Vec<PathBuf>,
    /// The rules. Default: all.
    pub rules: BTreeSet<Rule>,
    /// Only these clusters of repositories. Default: all.
    pub clusters: Vec<String>,
    /// The Flux release of clusters whose repository does not have the definitions that bootstrap wrote. Default: the newest.
    pub flux: FluxRelease,
    /// What is known of the controllers of SealedSecrets. Default: nothing.
    pub openers: Openers,
}

impl LintOptions {
    /// All rules, for these paths.
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> LintOptions {
        LintOptions {
            paths: paths.into_iter().map(Into::into).collect(),
            rules: Rule::ALL.iter().copied().collect(),
            clusters: Vec::new(),
            flux: FluxRelease::default(),
            openers: Openers::default(),
        }
    }
}

/// Nothing could be looked at. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LintError {
    /// A repository could not be read.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// Scenario files could not be looked for.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// A folder is neither.
    #[error(
        "find something to lint in {}: it has no folder clusters/, as repositories have, and no scenario files{hint}",
        path.display()
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// What it is instead.
        hint: String,
    },
}

/// Looks at everything.
///
/// # Errors
/// [`LintError`]. What is wrong with a file is no error: it stands in the result.
pub fn lint(options: &LintOptions) -> Result<Lint, LintError> {
    let mut lint = Lint::default();
    for path in &options.paths {
        match is_repository(path) {
            true => repository(path, options, &mut lint)?,
            false => scenario::check(path, &mut lint)?,
        }
    }
    lint.findings.retain(|finding| options.rules.contains(&finding.rule));
    lint.sort();
    Ok(lint)
}

/// Whether a path is that of a repository: it has clusters, or is bare.
fn is_repository(path: &Path) -> bool {
    path.join("clusters").is_dir() || git2::Repository::open_bare(path).is_ok_and(|git| git.is_bare())
}

fn repository(path: &Path, options: &LintOptions, lint: &mut Lint) -> Result<(), LintError> {
    let fleet = Fleet::open(path)?;
    let named: Vec<String> = options.openers.clusters.keys().cloned().collect();
    fleet.clusters(&named)?;
    // What other clusters build is part of what is true of one.
    let clusters: Vec<_> = fleet.clusters(&[])?.iter().map(|cluster| builds(&fleet, cluster)).collect();
    let wanted = fleet.clusters(&options.clusters)?;
    let wanted: BTreeSet<String> = wanted.into_iter().map(|cluster| cluster.name).collect();
    let context = Context::new(&fleet, &clusters, options);
    let mut found = context.notes(&wanted);
    for cluster in clusters.iter().filter(|cluster| wanted.contains(&cluster.cluster.name)) {
        build::check(&context, cluster, &mut found);
        dependencies::check(&context, cluster, &mut found);
        cycles::check(&context, cluster, &mut found);
        references::check(&context, cluster, &mut found);
        flux_kinds::check(&context, cluster, &mut found);
        duplicates::check(&context, cluster, &mut found);
        images::hosts(&context, cluster, &mut found);
        sealed::check(&context, cluster, &mut found);
    }
    services::check(&context, &wanted, &mut found);
    isolation::check(&context, &wanted, &mut found);
    images::markers(&context, &mut found);
    secrets::check(&context, &mut found);
    lint.clusters += wanted.len();
    let shown = |file: &str| if path == Path::new(".") { file.to_owned() } else { slashes(&path.join(file)) };
    for mut finding in found.findings {
        if let Some(place) = &mut finding.place {
            place.file = shown(&place.file);
        }
        lint.findings.push(finding);
    }
    lint.notes.extend(found.notes);
    Ok(())
}

/// The same text on every system.
fn slashes(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}
