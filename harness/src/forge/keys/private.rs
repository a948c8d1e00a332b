//! Private keys: made here, or read for the public keys that belong to them.

use super::public::take;
use super::{KeyError, PublicKey};
use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_time::Rng;
use std::fmt;

/// What sort of key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// ECDSA on the curve P-384: what `flux bootstrap` makes.
    #[default]
    EcdsaP384,
    /// ECDSA on the curve P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
}

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
    /// None in practice: one of many draws is a usable number.
    pub fn generate(algorithm: KeyAlgorithm, rng: &mut Rng) -> Result<PrivateKey, KeyError> {
        PrivateKey::draw(algorithm, &mut |secret| {
            rng.fill(secret);
            Ok(())
        })
    }

    /// Makes a key of the system's randomness, in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::NotAPrivateKey`] where the system has no randomness.
    pub fn random(algorithm: KeyAlgorithm) -> Result<PrivateKey, KeyError> {
        let fill = |secret: &mut [u8]| aws_lc_rs::rand::fill(secret).map_err(|_| KeyError::NotAPrivateKey);
        PrivateKey::draw(algorithm, &mut { fill })
    }

    fn draw(
        algorithm: KeyAlgorithm,
        fill: &mut dyn FnMut(&mut [u8]) -> Result<(), KeyError>,
    ) -> Result<PrivateKey, KeyError> {
        let mut secret = vec![0; algorithm.length()];
        for _ in 0..64 {
            fill(&mut secret)?;
            if algorithm == KeyAlgorithm::EcdsaP521 {
                // 521 bits: the highest byte has one.
                secret[0] &= 1;
            }
            if let Ok(key) = PrivateKey::of_secret(algorithm, &secret) {
                return Ok(key);
            }
        }
        Err(KeyError::NotAPrivateKey)
    }

    /// The key that a secret number (of a curve) or seed (of Ed25519) of the algorithm's length makes.
    ///
    /// # Errors
    /// [`KeyError::NotAPrivateKey`] where the length is another, or the number is out of the curve's range.
    pub fn of_secret(algorithm: KeyAlgorithm, secret: &[u8]) -> Result<PrivateKey, KeyError> {
        let bad = |_| KeyError::NotAPrivateKey;
        let (name, raw) = match algorithm {
            KeyAlgorithm::Ed25519 => {
                let pair =
                    Ed25519KeyPair::from_seed_unchecked(secret).map_err(|_| KeyError::NotAPrivateKey)?;
                ("ssh-ed25519", pair.public_key().as_ref().to_vec())
            }
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 | KeyAlgorithm::EcdsaP521 => {
                let (name, curve) = match algorithm {
                    KeyAlgorithm::EcdsaP256 => ("ecdsa-sha2-nistp256", &ECDH_P256),
                    KeyAlgorithm::EcdsaP384 => ("ecdsa-sha2-nistp384", &ECDH_P384),
                    _ => ("ecdsa-sha2-nistp521", &ECDH_P521),
                };
                let key = agreement::PrivateKey::from_private_key(curve, secret)
                    .map_err(|_| KeyError::NotAPrivateKey)?;
                (name, key.compute_public_key().map_err(bad)?.as_ref().to_vec())
            }
        };
        let public = PublicKey::of_raw(name, &raw)?;
        Ok(PrivateKey { pem: pem("PRIVATE KEY", &pkcs8(algorithm, secret, &raw)), public })
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

impl KeyAlgorithm {
    /// The bytes of a secret.
    fn length(self) -> usize {
        match self {
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::Ed25519 => 32,
            KeyAlgorithm::EcdsaP384 => 48,
            KeyAlgorithm::EcdsaP521 => 66,
        }
    }

    /// The algorithm's identifier, in DER without its outer tag.
    fn identifier(self) -> &'static [u8] {
        match self {
            KeyAlgorithm::EcdsaP256 => {
                b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
            }
            KeyAlgorithm::EcdsaP384 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
            KeyAlgorithm::EcdsaP521 => b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
            KeyAlgorithm::Ed25519 => b"\x06\x03\x2b\x65\x70",
        }
    }
}

/// PKCS#8 as Go writes it.
fn pkcs8(algorithm: KeyAlgorithm, secret: &[u8], public: &[u8]) -> Vec<u8> {
    let inner = match algorithm {
        KeyAlgorithm::Ed25519 => der(0x04, &[secret]),
        _ => {
            let point = der(0xa1, &[&der(0x03, &[b"\0", public])]);
            der(0x30, &[b"\x02\x01\x01", &der(0x04, &[secret]), &point])
        }
    };
    der(0x30, &[b"\x02\x01\x00", &der(0x30, &[algorithm.identifier()]), &der(0x04, &[&inner])])
}

/// A value in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut out = vec![tag];
    // Keys are shorter than 64 KiB.
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    out.extend(content);
    out
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

fn pem(label: &str, body: &[u8]) -> String {
    let encoded = STANDARD.encode(body);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
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
