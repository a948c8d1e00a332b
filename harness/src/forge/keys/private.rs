//! Private keys: made here, or read for the public keys that belong to them.

use super::public::take;
use super::{KeyError, PublicKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_time::Rng;
use seatrial_verbs::bootstrap::keys::{KeyAlgorithm, KeyPair};
use std::fmt;

/// A private key as PEM text, with its public key. Its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    pem: String,
    public: PublicKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(*** {:?})", self.public)
    }
}

impl PrivateKey {
    /// Makes a key of random bytes, in PKCS#8. With a stream of a run's clock the same run makes the same key, which then
    /// protects nothing: for what is reached over the network there is [`PrivateKey::random`].
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for RSA.
    pub fn generate(algorithm: KeyAlgorithm, rng: &mut Rng) -> Result<PrivateKey, KeyError> {
        let pair = KeyPair::generate(algorithm, &mut |secret| {
            rng.fill(secret);
            Ok(())
        });
        PrivateKey::parse(&pair.map_err(|_| KeyError::NotAPrivateKey)?.private_pem)
    }

    /// Makes a key of the system's randomness, in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for RSA, [`KeyError::NotAPrivateKey`] where the system has no randomness.
    pub fn random(algorithm: KeyAlgorithm) -> Result<PrivateKey, KeyError> {
        let pair = KeyPair::random(algorithm).map_err(|_| KeyError::NotAPrivateKey)?;
        PrivateKey::parse(&pair.private_pem)
    }

    /// Reads a key in PEM: PKCS#8, SEC 1, or OpenSSH's own form. Of the latter the public half is legible without the
    /// passphrase, and nothing more is needed here.
    ///
    /// # Errors
    /// [`KeyError::NotAPrivateKey`], [`KeyError::Unsupported`].
    pub fn parse(text: &str) -> Result<PrivateKey, KeyError> {
        let none = || KeyError::NotAPrivateKey;
        let (label, body) = unpem(text).ok_or_else(none)?;
        let public = match label {
            "OPENSSH PRIVATE KEY" => of_openssh(&body).ok_or_else(none)??,
            "PRIVATE KEY" => of_pkcs8(&body)?,
            "EC PRIVATE KEY" => of_ecdsa(&body).ok_or_else(none)?,
            "RSA PRIVATE KEY" => return Err(KeyError::Unsupported { algorithm: "ssh-rsa".to_owned() }),
            _ => return Err(none()),
        };
        Ok(PrivateKey { pem: text.to_owned(), public })
    }

    /// The text of the key.
    pub fn reveal(&self) -> &str {
        &self.pem
    }

    /// The other half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

fn of_pkcs8(body: &[u8]) -> Result<PublicKey, KeyError> {
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(body) {
        return PublicKey::of_raw("ssh-ed25519", pair.public_key().as_ref());
    }
    if let Some(key) = of_ecdsa(body) {
        return Ok(key);
    }
    let rsa: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    if body.windows(rsa.len()).take(40).any(|part| part == rsa) {
        return Err(KeyError::Unsupported { algorithm: "ssh-rsa".to_owned() });
    }
    Err(KeyError::NotAPrivateKey)
}

/// A key on one of the curves, in SEC 1 or PKCS#8.
fn of_ecdsa(body: &[u8]) -> Option<PublicKey> {
    let curves = [
        ("ecdsa-sha2-nistp256", &ECDSA_P256_SHA256_ASN1_SIGNING),
        ("ecdsa-sha2-nistp384", &ECDSA_P384_SHA384_ASN1_SIGNING),
        ("ecdsa-sha2-nistp521", &ECDSA_P521_SHA512_ASN1_SIGNING),
    ];
    curves.into_iter().find_map(|(name, curve)| {
        let pair = EcdsaKeyPair::from_private_key_der(curve, body).ok()?;
        PublicKey::of_raw(name, pair.public_key().as_ref()).ok()
    })
}

/// The public half in `openssh-key-v1`: magic, cipher, KDF, its options, the number of keys, the public key.
fn of_openssh(body: &[u8]) -> Option<Result<PublicKey, KeyError>> {
    let mut rest = body.strip_prefix(b"openssh-key-v1\0")?;
    for _ in 0..3 {
        take(&mut rest)?;
    }
    let mut rest = rest.strip_prefix(b"\0\0\0\x01")?;
    Some(PublicKey::from_blob(take(&mut rest)?))
}

fn unpem(text: &str) -> Option<(&str, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers say that the body is encrypted.
    if body.contains(':') {
        return None;
    }
    let encoded: String = body.split_whitespace().collect();
    Some((label, STANDARD.decode(encoded).ok()?))
}
