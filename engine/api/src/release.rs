//! The Flux releases that are emulated.

use std::fmt;
use std::str::FromStr;

/// A Flux release: it selects the API versions that are served, messages, and the strictness of substitution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FluxRelease {
    /// Flux 2.2.3.
    V2_2_3,
    /// Flux 2.9.
    #[default]
    V2_9,
}

/// A release that is not emulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use Flux release '{0}': the releases that are emulated are 2.2.3 and 2.9")]
pub struct UnknownRelease(
    /// What was asked for.
    pub String,
);

impl FluxRelease {
    /// All releases, oldest first.
    pub const ALL: [FluxRelease; 2] = [FluxRelease::V2_2_3, FluxRelease::V2_9];

    /// The version with all its parts: that of the manifests that are installed.
    pub fn full(self) -> &'static str {
        match self {
            FluxRelease::V2_2_3 => "2.2.3",
            FluxRelease::V2_9 => "2.9.0",
        }
    }

    /// The release that a version such as `v2.9.5` is of: that with the same minor version.
    pub fn of_version(version: &str) -> Option<FluxRelease> {
        FluxRelease::ALL.into_iter().find(|release| same_minor(release.full(), version))
    }

    /// Whether a variable without a value fails the post-build substitution (from 2.9).
    pub fn strict_substitution(self) -> bool {
        self >= FluxRelease::V2_9
    }
}

/// Whether two versions, with or without `v`, have the first two numbers in common.
pub fn same_minor(one: &str, other: &str) -> bool {
    let minor = |text: &str| {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut number = || parts.next()?.parse::<u64>().ok();
        Some((number()?, number()?))
    };
    minor(one).is_some_and(|found| minor(other) == Some(found))
}

impl fmt::Display for FluxRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FluxRelease::V2_2_3 => "2.2.3",
            FluxRelease::V2_9 => "2.9",
        })
    }
}

impl FromStr for FluxRelease {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('v').unwrap_or(text) {
            "2.2.3" => Ok(FluxRelease::V2_2_3),
            "2.9" | "2.9.0" => Ok(FluxRelease::V2_9),
            _ => Err(UnknownRelease(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::itself("v2.2.3", Some(FluxRelease::V2_2_3))]
    #[case::a_later_patch("v2.9.5", Some(FluxRelease::V2_9))]
    #[case::before_a_release("2.9.0-rc.1", Some(FluxRelease::V2_9))]
    #[case::another("v2.6.4", None)]
    #[case::a_longer_number("v2.91.0", None)]
    #[case::a_word("latest", None)]
    #[case::none("", None)]
    fn versions_are_of_the_release_of_their_minor(#[case] text: &str, #[case] expected: Option<FluxRelease>) {
        assert_eq!(FluxRelease::of_version(text), expected);
    }

    #[rstest]
    #[case::with_v("v2.2.3", Some(FluxRelease::V2_2_3))]
    #[case::minor("2.9", Some(FluxRelease::V2_9))]
    #[case::patch("2.9.0", Some(FluxRelease::V2_9))]
    #[case::not_emulated("2.3.0", None)]
    #[case::empty("", None)]
    fn a_release_is_known_by_its_number(#[case] text: &str, #[case] expected: Option<FluxRelease>) {
        assert_eq!(text.parse::<FluxRelease>().ok(), expected);
    }
}
