//! Versions.

use std::cmp::Ordering;

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVersion {
    /// It does not have the form of one.
    #[error("invalid semantic version")]
    Form,
    /// A number of its pre-release has a leading zero.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// A part has more than 64 bits.
    #[error("error parsing version segment: strconv.ParseUint: parsing \"{0}\": value out of range")]
    TooLarge(
        /// The part.
        String,
    ),
}

/// A version. Its order is that of precedence: build metadata does not count.
#[derive(Debug, Clone)]
pub struct Version {
    pub(crate) parts: [u64; 3],
    pub(crate) pre: String,
}

impl Version {
    /// Reads a version: `v` in front, missing parts and leading zeros are allowed.
    ///
    /// # Errors
    /// What is wrong, in the library's words.
    pub fn parse(text: &str) -> Result<Self, InvalidVersion> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = match rest.split_once('+') {
            Some((rest, metadata)) => (rest, Some(metadata)),
            None => (rest, None),
        };
        let (numbers, pre) = match rest.split_once('-') {
            Some((numbers, pre)) => (numbers, Some(pre)),
            None => (rest, None),
        };
        if pre.into_iter().chain(metadata).any(|list| !list.split('.').all(is_identifier)) {
            return Err(InvalidVersion::Form);
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if numbers.split('.').count() > 3 || !numbers.split('.').all(digits) {
            return Err(InvalidVersion::Form);
        }
        let mut parts = [0; 3];
        for (part, text) in parts.iter_mut().zip(numbers.split('.')) {
            *part = text.parse().map_err(|_| InvalidVersion::TooLarge(text.to_owned()))?;
        }
        let pre = pre.unwrap_or_default();
        if pre.split('.').any(|one| one.len() > 1 && one.starts_with('0') && digits(one)) {
            return Err(InvalidVersion::LeadingZero);
        }
        Ok(Self { parts, pre: pre.to_owned() })
    }

    /// Reads a tag as Flux does: it has to have three parts.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        if tag.splitn(3, '.').count() == 3 { Self::parse(tag).ok() } else { None }
    }

    /// Whether it is a pre-release (`1.0.0-rc.1`).
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts).then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

/// A release is higher than its pre-releases; those compare identifier by identifier.
pub(crate) fn compare_pre(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    for (a, b) in a.split('.').zip(b.split('.')) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.split('.').count().cmp(&b.split('.').count())
}
