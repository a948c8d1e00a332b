//! What an error says, with why.

use std::error::Error;

/// An error with its causes, on one line, each behind a colon; a cause whose words have been said already is left out.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |&error| error.source()) {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    fn said(words: &[&'static str]) -> Said {
        Said(words[0], words.get(1).map(|_| Box::new(said(&words[1..]))))
    }

    #[rstest]
    #[case::alone(&["no answer"], "no answer")]
    #[case::with_causes(&["no answer", "no connection", "refused"], "no answer: no connection: refused")]
    #[case::said_already(&["no answer: refused", "refused"], "no answer: refused")]
    fn an_error_says_why(#[case] words: &[&'static str], #[case] want: &str) {
        assert_eq!(causes(&said(words)), want);
    }
}
