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
//! - No value of a Secret is in any output: messages that quote a repository's files are covered.

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
mod plain;
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
use crate::trial::TrialError;
use context::Context;
use plain::Plain;
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
    pub flux: Option<FluxRelease>,
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
            flux: None,
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
    /// Something is said of clusters, and no path is that of a repository.
    #[error("use {what}: no path is a repository with clusters")]
    NoRepository {
        /// What is said.
        what: &'static str,
    },
    /// Every rule is left out.
    #[error("look for anything: every rule is left out")]
    NoRule,
}

/// Looks at everything.
///
/// # Errors
/// [`LintError`]. What is wrong with a file is no error: it stands in the result.
pub fn lint(options: &LintOptions) -> Result<Lint, LintError> {
    if options.rules.is_empty() {
        return Err(LintError::NoRule);
    }
    let mut lint = Lint::default();
    let mut plain = Plain::default();
    let mut fleets = Vec::new();
    for path in &options.paths {
        match is_repository(path) {
            true => fleets.push((path, Fleet::open(path)?)),
            false => scenario::check(path, &mut lint)?,
        }
    }
    names(&fleets, options)?;
    for (path, fleet) in &fleets {
        repository(path, fleet, options, &mut lint)?;
        plain.learn(fleet);
    }
    lint.findings.retain(|finding| options.rules.contains(&finding.rule));
    lint.sort();
    let texts = lint.findings.iter_mut().flat_map(|finding| [&mut finding.message, &mut finding.help]);
    plain.cover(texts.chain(&mut lint.notes));
    Ok(lint)
}

/// Whether a path is that of a repository: it has clusters, or is bare.
fn is_repository(path: &Path) -> bool {
    path.join("clusters").is_dir() || git2::Repository::open_bare(path).is_ok_and(|git| git.is_bare())
}

/// Whether the clusters that are named are those of a repository.
fn names(fleets: &[(&PathBuf, Fleet)], options: &LintOptions) -> Result<(), LintError> {
    if fleets.is_empty() {
        let openers = &options.openers;
        let said = [
            (!options.clusters.is_empty(), "the name of a cluster"),
            (!openers.clusters.is_empty() || openers.others.is_some(), "sealing keys or a certificate"),
            (options.flux.is_some(), "a Flux release"),
        ];
        let said = said.into_iter().find(|(is_said, _)| *is_said);
        return said.map_or(Ok(()), |(_, what)| Err(LintError::NoRepository { what }));
    }
    let mut known = BTreeSet::new();
    for (_, fleet) in fleets {
        known.extend(fleet.clusters(&[])?.into_iter().map(|cluster| cluster.name));
    }
    let mut named = options.clusters.iter().chain(options.openers.clusters.keys());
    match named.find(|name| !known.contains(*name)) {
        Some(name) => {
            let known = known.into_iter().collect();
            Err(FleetError::Repository(TrialError::NoCluster { name: name.clone(), known }).into())
        }
        None => Ok(()),
    }
}

fn repository(path: &Path, fleet: &Fleet, options: &LintOptions, lint: &mut Lint) -> Result<(), LintError> {
    // What other clusters build is part of what is true of one.
    let clusters: Vec<_> = fleet.clusters(&[])?.iter().map(|cluster| builds(fleet, cluster)).collect();
    let is_wanted = |name: &String| options.clusters.is_empty() || options.clusters.contains(name);
    let wanted: BTreeSet<String> =
        clusters.iter().map(|cluster| cluster.cluster.name.clone()).filter(is_wanted).collect();
    let context = Context::new(fleet, &clusters, options);
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
