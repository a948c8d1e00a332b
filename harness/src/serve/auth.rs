//! Who may use what: the run's tokens, and the headers that carry them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The secret of a service. Its debug form is hidden.
#[derive(Clone)]
pub(super) struct Token(String);

impl Token {
    /// A new one, of 256 random bits; `None` where the system has no randomness.
    pub(super) fn random() -> Option<Token> {
        let mut bytes = [0; 32];
        super::tls::provider().secure_random.fill(&mut bytes).ok()?;
        Some(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// The secret itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is it. The time that this takes says nothing about how much of it is right.
    pub(super) fn is(&self, given: &str) -> bool {
        Sha256::digest(given) == Sha256::digest(&self.0)
    }

    /// Whether a request carries it: as a bearer token, or as the password of any user.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| self.is(token))
            || basic(headers).is_some_and(|(_, password)| self.is(&password))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

/// User and password of a request.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let decoded = STANDARD.decode(credentials(headers, "basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let (found, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::bearer("Bearer secret", true)]
    #[case::case_of_the_scheme("bearer secret", true)]
    #[case::password_of_anybody(&basic_of("git:secret"), true)]
    #[case::password_of_nobody(&basic_of(":secret"), true)]
    #[case::password_with_a_colon(&basic_of("git:secret:"), false)]
    #[case::token_as_user(&basic_of("secret:"), false)]
    #[case::wrong("Bearer secreT", false)]
    #[case::longer("Bearer secret2", false)]
    #[case::not_encoded("Basic git:secret", false)]
    #[case::another_scheme("Digest secret", false)]
    #[case::empty("", false)]
    fn a_token_admits(#[case] header: &str, #[case] admitted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, header.parse().unwrap());
        assert_eq!(Token("secret".to_owned()).admits(&headers), admitted);
    }

    #[test]
    fn tokens_differ_and_do_not_show() {
        let (one, two) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(!one.is(two.reveal()) && one.is(one.reveal()));
        assert_eq!(format!("{one:?}"), "***");
        assert_eq!(one.reveal().len(), 64);
    }

    fn basic_of(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }
}
