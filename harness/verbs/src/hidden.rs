//! Secrets on command lines: the values of flags, and how they are kept out of what is shown.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The flags whose values are secrets.
const SECRET: [&str; 5] =
    ["--password", "--token", "--registry-creds", "--gpg-passphrase", "--ssh-signing-password"];
/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// The value of a flag that is a secret. Its debug form hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Hidden, Infallible> {
        Ok(Hidden(text.to_owned()))
    }
}

/// What a word of a command line has of a secret.
enum Has {
    Nothing,
    /// The next word is one.
    Next,
    /// It ends in one, behind so many bytes.
    Behind(usize),
}

fn look(word: &str) -> Has {
    let long = SECRET.iter().find_map(|flag| Some((flag.len(), word.strip_prefix(flag)?)));
    match long {
        Some((_, "")) => return Has::Next,
        Some((length, rest)) if rest.starts_with('=') => return Has::Behind(length + 1),
        _ => {}
    }
    // -p is --password, also behind the switch -s: -pX, -sp X.
    let Some(short) = word.strip_prefix('-').filter(|short| !short.starts_with('-')) else {
        return Has::Nothing;
    };
    let switches = short.len() - short.trim_start_matches('s').len();
    match short[switches..].strip_prefix('p') {
        Some("") => Has::Next,
        Some(_) => Has::Behind(switches + 2),
        None => Has::Nothing,
    }
}

/// The first flag of a command line that gives a secret.
pub fn secret_flag(words: &[String]) -> Option<String> {
    words.iter().find_map(|word| match look(word) {
        Has::Nothing => None,
        Has::Next => Some(word.clone()),
        Has::Behind(at) => Some(word[..at].trim_end_matches('=').to_owned()),
    })
}

/// A command line without its secrets.
pub fn without_secrets(words: &[String]) -> Vec<String> {
    let mut hide = false;
    let shown = words.iter().map(|word| {
        if std::mem::take(&mut hide) {
            return HIDDEN.to_owned();
        }
        match look(word) {
            Has::Nothing => word.clone(),
            Has::Next => {
                hide = true;
                word.clone()
            }
            Has::Behind(at) => format!("{}{HIDDEN}", &word[..at]),
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::long(
        "bootstrap git --password s3cret --silent",
        "bootstrap git --password *** --silent",
        Some("--password")
    )]
    #[case::equals("get all --token=s3cret", "get all --token=***", Some("--token"))]
    #[case::short("create source git x -p s3cret", "create source git x -p ***", Some("-p"))]
    #[case::attached("bootstrap git -ps3cret", "bootstrap git -p***", Some("-p"))]
    #[case::short_equals("bootstrap git -p=s3cret", "bootstrap git -p***", Some("-p"))]
    #[case::behind_a_switch("bootstrap git -sp s3cret", "bootstrap git -sp ***", Some("-sp"))]
    #[case::another_flag("bootstrap git --path x --token-auth", "bootstrap git --path x --token-auth", None)]
    #[case::namespace("get all -nproduction", "get all -nproduction", None)]
    fn secrets_are_not_shown(#[case] line: &str, #[case] shown: &str, #[case] flag: Option<&str>) {
        let words = crate::words(line).unwrap();
        assert_eq!(without_secrets(&words).join(" "), shown);
        assert_eq!(secret_flag(&words).as_deref(), flag);
        assert!(!format!("{:?}", Hidden("s3cret".to_owned())).contains("s3cret"));
    }

    #[test]
    fn the_debug_form_of_a_verb_has_no_secret() {
        for line in [
            "bootstrap git --url=https://h/x -p s3cret",
            "create source git x --url=https://h/x --branch=main --password=s3cret",
            "get all --token=s3cret",
        ] {
            let verb = crate::Verb::parse(&crate::words(line).unwrap()).unwrap();
            assert!(!format!("{verb:?}").contains("s3cret"), "{line}");
        }
    }
}
