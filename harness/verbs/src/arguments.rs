//! Global flags in front of the verb.

use crate::{Global, Verb};
use clap::{Args as _, Command, Subcommand as _};
use std::ffi::OsString;

/// The arguments of the process (the program's name first), with global flags that stand in front of one of [`Verb`]'s moved
/// behind it, where they are read: `--context beta get ks` becomes `get --context beta ks`. Others stay as they are.
pub fn verb_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let globals = Global::augment_args(Command::new("globals"));
    let mut at = 1;
    while let Some(argument) = arguments.get(at).and_then(|argument| argument.to_str()) {
        let Some(flag) = argument.strip_prefix('-') else {
            if Verb::has_subcommand(argument) {
                arguments[1..=at].rotate_right(1);
            }
            return arguments;
        };
        let long = flag.strip_prefix('-');
        let name = long.unwrap_or(flag);
        let (name, given) = name.split_once('=').map_or((name, false), |(name, _)| (name, true));
        let known = globals.get_arguments().find(|known| match long {
            Some(_) => known.get_long() == Some(name),
            None => known.get_short().is_some_and(|short| name.starts_with(short)),
        });
        let Some(known) = known else { return arguments };
        // `-napps` brings its value along, as `--namespace=apps` does.
        let given = given || long.is_none() && name.len() > 1 || known.is_require_equals_set();
        at += if given { 1 } else { 2 };
    }
    arguments
}

/// The words of a line, as a shell reads them: parted by blanks, with single and double quotes, and `\\` in front of a character that
/// is meant as it is. Nothing is expanded.
///
/// # Errors
/// A quote that is not closed.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = rest.next().ok_or("the line ends behind a backslash")?;
                // Within double quotes it is itself in front of most characters.
                let kept = quote.is_some() && !matches!(next, '"' | '\\' | '$' | '`' | '\n');
                if next == '\n' {
                    // The line goes on.
                    continue;
                }
                let word = word.get_or_insert_default();
                if kept {
                    word.push('\\');
                }
                word.push(next);
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(open) = quote {
        return Err(format!("a quote {open} is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{verb_first, words};

    #[rstest]
    #[case::blanks("  get  ks\t-A\n", &["get", "ks", "-A"])]
    #[case::single_quotes(r#"a 'b "c" \d' e"#, &["a", r#"b "c" \d"#, "e"])]
    #[case::double_quotes(r#"--x="a \"b\" \c""#, &[r#"--x=a "b" \c"#])]
    #[case::empty("a '' b", &["a", "", "b"])]
    #[case::backslash(r"a\ b", &["a b"])]
    #[case::continued("a \\\n  b", &["a", "b"])]
    fn lines_are_read_as_a_shell_reads_them(#[case] line: &str, #[case] wanted: &[&str]) {
        assert_eq!(words(line).unwrap(), wanted);
    }

    #[test]
    fn open_quotes_are_refused() {
        assert!(words("a 'b").is_err());
    }

    use rstest::rstest;

    #[rstest]
    #[case::value_apart("--context beta get ks -A", "get --context beta ks -A")]
    #[case::value_with_it("--context=beta -n apps get ks", "get --context=beta -n apps ks")]
    #[case::short_with_its_value("-napps get ks", "get -napps ks")]
    #[case::switch("--verbose create ks x", "create --verbose ks x")]
    #[case::nothing_in_front("get ks --context beta", "get ks --context beta")]
    #[case::another_command("--context beta run x", "--context beta run x")]
    #[case::unknown_flag("--wild get ks", "--wild get ks")]
    #[case::value_that_is_a_verb("--context get suspend ks", "suspend --context get ks")]
    #[case::no_verb("--context beta", "--context beta")]
    fn global_flags_move_behind_the_verb(#[case] given: &str, #[case] expected: &str) {
        let words = |text: &str| format!("seatrial {text}").split(' ').map(Into::into).collect::<Vec<_>>();
        assert_eq!(verb_first(words(given)), words(expected));
    }
}
