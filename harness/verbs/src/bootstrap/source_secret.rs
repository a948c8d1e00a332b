//! The Secret with the credentials of the source, as it stands on the cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt;

/// What a bootstrap has to know of the Secret that is there, to decide whether it stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SourceSecret {
    public_key: Option<String>,
    password: Option<String>,
}

impl SourceSecret {
    /// Reads a Secret. Values that are no text count as none.
    pub fn of(secret: &Value) -> SourceSecret {
        let text = |key: &str| {
            let value = STANDARD.decode(secret["data"][key].as_str()?).ok()?;
            String::from_utf8(value).ok().filter(|text| !text.trim().is_empty())
        };
        SourceSecret { public_key: text("identity.pub"), password: text("password") }
    }

    /// Whether it has a deploy key.
    pub fn has_key(&self) -> bool {
        self.public_key.is_some()
    }

    /// Whether its deploy key is this one. `public` is a line of `authorized_keys`; comments do not count.
    pub fn has_the_key(&self, public: &str) -> bool {
        let key = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        };
        let own = self.public_key.as_deref().and_then(key);
        own.is_some() && own == key(public)
    }

    /// The password: a token, or the passphrase of its key.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }
}

impl fmt::Debug for SourceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSecret").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn secret(public: &str) -> SourceSecret {
        SourceSecret::of(
            &json!({"data": {"identity.pub": STANDARD.encode(public), "password": STANDARD.encode("s3cret")}}),
        )
    }

    #[rstest]
    #[case::same("ssh-ed25519 AAAA\n", "ssh-ed25519 AAAA", true)]
    #[case::comment("ssh-ed25519 AAAA me@here\n", "ssh-ed25519 AAAA", true)]
    #[case::another("ssh-ed25519 AAAA", "ssh-ed25519 BBBB", false)]
    #[case::none("", "", false)]
    fn keys_are_compared_without_their_comments(#[case] there: &str, #[case] key: &str, #[case] same: bool) {
        assert_eq!(secret(there).has_the_key(key), same);
        assert!(!format!("{:?}", secret(there)).contains("s3cret"));
    }
}
