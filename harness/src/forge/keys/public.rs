//! Public keys.

use super::KeyError;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The algorithms, with the curve's name and the length of a point where there is a curve.
const ALGORITHMS: [(&str, Option<(&str, usize)>); 4] = [
    ("ssh-ed25519", None),
    ("ecdsa-sha2-nistp256", Some(("nistp256", 65))),
    ("ecdsa-sha2-nistp384", Some(("nistp384", 97))),
    ("ecdsa-sha2-nistp521", Some(("nistp521", 133))),
];

/// A public key in OpenSSH's wire form. Two keys are equal where their wire forms are; a comment is no part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    algorithm: &'static str,
    blob: Vec<u8>,
}

impl PublicKey {
    /// Reads `ALGORITHM BASE64 [COMMENT]`.
    ///
    /// # Errors
    /// [`KeyError::NotAPublicKey`], [`KeyError::Unsupported`].
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let mut words = text.split_whitespace();
        let (Some(algorithm), Some(encoded)) = (words.next(), words.next()) else {
            return Err(KeyError::NotAPublicKey);
        };
        if text.trim().lines().count() != 1 {
            return Err(KeyError::NotAPublicKey);
        }
        let blob = STANDARD.decode(encoded).map_err(|_| KeyError::NotAPublicKey)?;
        let key = PublicKey::from_blob(&blob)?;
        if key.algorithm == algorithm { Ok(key) } else { Err(KeyError::NotAPublicKey) }
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// As [`PublicKey::parse`].
    pub fn from_blob(blob: &[u8]) -> Result<PublicKey, KeyError> {
        let mut rest = blob;
        let name = take(&mut rest).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.filter(|name| !name.is_empty()).ok_or(KeyError::NotAPublicKey)?;
        let Some((algorithm, curve)) = ALGORITHMS.into_iter().find(|(known, _)| *known == name) else {
            return Err(KeyError::Unsupported { algorithm: name.to_owned() });
        };
        let fits = match curve {
            None => take(&mut rest).is_some_and(|key| key.len() == 32),
            Some((curve, length)) => {
                take(&mut rest).is_some_and(|found| found == curve.as_bytes())
                    && take(&mut rest).is_some_and(|point| point.len() == length && point[0] == 4)
            }
        };
        if !fits || !rest.is_empty() {
            return Err(KeyError::NotAPublicKey);
        }
        Ok(PublicKey { algorithm, blob: blob.to_vec() })
    }

    /// Makes the wire form of a raw key: 32 bytes of Ed25519, or an uncompressed point.
    pub(super) fn of_raw(algorithm: &str, raw: &[u8]) -> Result<PublicKey, KeyError> {
        let curve = algorithm.strip_prefix("ecdsa-sha2-");
        let parts = [Some(algorithm.as_bytes()), curve.map(str::as_bytes), Some(raw)];
        let mut blob = Vec::new();
        for part in parts.into_iter().flatten() {
            // Keys are short.
            blob.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            blob.extend(part);
        }
        PublicKey::from_blob(&blob)
    }

    /// `ssh-ed25519`, `ecdsa-sha2-nistp384`, ...
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The wire form.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The fingerprint as OpenSSH shows it: `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }
}

/// `ALGORITHM BASE64`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, STANDARD.encode(&self.blob))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm, self.fingerprint())
    }
}

/// Takes a string with its length in front.
pub(super) fn take<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (taken, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}
