//! Versions and constraints as Masterminds' semver library (3.5) reads them, which Flux uses for tags.
//!
//! Versions are loose: `v` in front, missing parts and leading zeros are allowed. Constraints are lists of comparators
//! (`1.0.x`, `>=1.2.0 <2`, `^1.2 || ~2.0`, `1.2 - 1.4.5`).

mod constraint;
mod version;

pub use constraint::{Constraint, InvalidConstraint};
pub use version::{InvalidVersion, Version};

/// The highest of `tags` within `constraint`, as Flux chooses it: tags that have not three parts, or are no versions,
/// do not count; of versions that are equal (they differ in build metadata, or in a `v`) the first one counts.
pub fn highest<'t>(
    constraint: &Constraint,
    tags: impl IntoIterator<Item = &'t str>,
) -> Option<(&'t str, Version)> {
    let mut best: Option<(&str, Version)> = None;
    for tag in tags {
        let Some(version) = Version::of_tag(tag) else { continue };
        let better = best.as_ref().is_none_or(|(_, best)| version > *best);
        if better && constraint.contains(&version) {
            best = Some((tag, version));
        }
    }
    best
}
