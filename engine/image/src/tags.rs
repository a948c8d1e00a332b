//! What becomes of the tags that a scan finds.

use seatrial_template::regexp::Regexp;

/// What an ImageRepository excludes where it says nothing: signatures.
pub const DEFAULT_EXCLUSIONS: &[&str] = &["^.*\\.sig$"];
/// How many tags a status shows.
const SHOWN: usize = 10;

/// The tags that none of `exclusions` matches, sorted.
///
/// # Errors
/// The first exclusion that is no regular expression.
pub fn kept(tags: Vec<String>, exclusions: &[String]) -> Result<Vec<String>, String> {
    let exclusions = exclusions
        .iter()
        .map(|pattern| {
            Regexp::new(pattern).map_err(|error| format!("failed to compile regex {pattern}: {error}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut kept: Vec<String> =
        tags.into_iter().filter(|tag| !exclusions.iter().any(|exclusion| exclusion.is_match(tag))).collect();
    kept.sort_unstable();
    kept.dedup();
    Ok(kept)
}

/// The first ten of sorted tags in descending alphabetical order.
#[must_use]
pub fn latest(sorted: &[String]) -> Vec<String> {
    sorted.iter().rev().take(SHOWN).cloned().collect()
}

/// A checksum of sorted tags: Adler-32, in decimal.
#[must_use]
pub fn checksum(sorted: &[String]) -> String {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in sorted.iter().flat_map(|tag| tag.bytes()) {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    ((b << 16) | a).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn excluded_tags_do_not_count() {
        let tags = owned(&["1.0.0", "sha256-ab.sig", "latest", "1.0.1-rc"]);
        let default = owned(DEFAULT_EXCLUSIONS);
        assert_eq!(kept(tags.clone(), &default), Ok(owned(&["1.0.0", "1.0.1-rc", "latest"])));
        assert_eq!(kept(tags.clone(), &owned(&["-rc$", "^l"])), Ok(owned(&["1.0.0", "sha256-ab.sig"])));
        let wrong = kept(tags, &owned(&["["]));
        assert_eq!(
            wrong,
            Err("failed to compile regex [: error parsing regexp: missing closing ]: `[`".into())
        );
    }

    #[test]
    fn a_status_shows_ten_tags_from_the_end_of_the_alphabet() {
        let tags: Vec<String> = (10..30).map(|number| number.to_string()).collect();
        assert_eq!(latest(&tags), owned(&["29", "28", "27", "26", "25", "24", "23", "22", "21", "20"]));
        assert_eq!(latest(&owned(&["1.0.0", "latest"])), owned(&["latest", "1.0.0"]));
    }

    #[test]
    fn the_checksum_depends_on_the_tags() {
        assert_eq!(checksum(&owned(&["Wiki", "pedia"])), 0x11E6_0398_u32.to_string());
        assert_ne!(checksum(&owned(&["1.0.0"])), checksum(&owned(&["1.0.1"])));
    }
}
