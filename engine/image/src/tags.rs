//! What becomes of the tags that a scan finds.

use seatrial_template::regexp::Regexp;

/// What an ImageRepository excludes where it says nothing: signatures.
pub const DEFAULT_EXCLUSIONS: &[&str] = &["^.*\\.sig$"];
/// How many tags a status shows.
const SHOWN: usize = 10;

/// The tags that none of `exclusions` matches, each once, in descending alphabetical order: the order in which Flux keeps them, and
/// in which the first of several equal versions is the one that counts.
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
    kept.sort_unstable_by(|a, b| b.cmp(a));
    kept.dedup();
    Ok(kept)
}

/// The first ten of the tags that [`kept`] gives: those that a status shows.
#[must_use]
pub fn latest(kept: &[String]) -> &[String] {
    &kept[..kept.len().min(SHOWN)]
}

/// The revision of a scan: Adler-32 of the tags as a JSON array, in decimal.
#[must_use]
pub fn checksum(kept: &[String]) -> String {
    seatrial_template::adler32(serde_json::json!(kept).to_string().as_bytes()).to_string()
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
        assert_eq!(kept(tags.clone(), &default), Ok(owned(&["latest", "1.0.1-rc", "1.0.0"])));
        assert_eq!(kept(tags.clone(), &owned(&["-rc$", "^l"])), Ok(owned(&["sha256-ab.sig", "1.0.0"])));
        let wrong = kept(tags, &owned(&["["]));
        assert_eq!(
            wrong,
            Err("failed to compile regex [: error parsing regexp: missing closing ]: `[`".into())
        );
    }

    #[test]
    fn a_status_shows_ten_tags_from_the_end_of_the_alphabet() {
        let tags: Vec<String> = (10..30).map(|number| number.to_string()).collect();
        let kept = kept(tags, &[]).unwrap_or_default();
        assert_eq!(latest(&kept), owned(&["29", "28", "27", "26", "25", "24", "23", "22", "21", "20"]));
        assert_eq!(latest(&owned(&["latest", "1.0.0"])), owned(&["latest", "1.0.0"]));
    }

    #[test]
    fn the_revision_is_adler32_of_a_json_array() {
        assert_eq!(seatrial_template::adler32(b"Wikipedia"), 0x11E6_0398);
        // As `python3 -c 'import zlib; print(zlib.adler32(b"[\"latest\",\"1.0.0\"]"))'` has it.
        assert_eq!(checksum(&owned(&["latest", "1.0.0"])), "875955431");
        assert_ne!(checksum(&owned(&["1.0.0"])), checksum(&owned(&["1.0.1"])));
    }
}
