//! Commands that people can paste.

use std::path::Path;

/// A path as a shell takes it.
pub(crate) fn shell(path: &Path) -> String {
    word(&path.display().to_string())
}

/// A word of a command: in quotes where it needs them.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

/// A text in quotes, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("/tmp/seatrial-up-x/token", "/tmp/seatrial-up-x/token")]
    #[case::space("/tmp/my folder/token", "'/tmp/my folder/token'")]
    #[case::quote("/tmp/it's", "'/tmp/it'\\''s'")]
    #[case::dollar("/tmp/$HOME", "'/tmp/$HOME'")]
    fn paths_can_be_pasted(#[case] path: &str, #[case] want: &str) {
        assert_eq!(shell(Path::new(path)), want);
    }

    #[rstest]
    #[case::plain("--interval=1m", "--interval=1m")]
    #[case::range("--select-semver=>=1.0.0 <2", "'--select-semver=>=1.0.0 <2'")]
    #[case::empty("", "''")]
    fn words_are_quoted_where_they_need_it(#[case] text: &str, #[case] want: &str) {
        assert_eq!(word(text), want);
    }
}
