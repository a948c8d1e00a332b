//! Deploy keys: made, and written in the forms of PEM and OpenSSH.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use aws_lc_rs::{rand, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What kind of key is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// ECDSA on the curve P-256.
    EcdsaP256,
    /// ECDSA on the curve P-384.
    #[default]
    EcdsaP384,
    /// ECDSA on the curve P-521.
    EcdsaP521,
    /// Ed25519.
    Ed25519,
    /// RSA, with so many bits: 2048, 3072, 4096 or 8192.
    Rsa(u32),
}

impl KeyAlgorithm {
    /// How OpenSSH calls keys of this kind.
    pub fn ssh_name(self) -> &'static str {
        match self {
            KeyAlgorithm::EcdsaP256 => "ecdsa-sha2-nistp256",
            KeyAlgorithm::EcdsaP384 => "ecdsa-sha2-nistp384",
            KeyAlgorithm::EcdsaP521 => "ecdsa-sha2-nistp521",
            KeyAlgorithm::Ed25519 => "ssh-ed25519",
            KeyAlgorithm::Rsa(_) => "ssh-rsa",
        }
    }
}

/// A key could not be made. The message fits after "failed to ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Keys of this size are not made.
    #[error("make an RSA key of {0} bits: 2048, 3072, 4096 and 8192 are supported")]
    Bits(u32),
    /// The library refuses.
    #[error("make the key pair")]
    Failed,
}

impl From<aws_lc_rs::error::Unspecified> for KeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> KeyError {
        KeyError::Failed
    }
}

impl From<aws_lc_rs::error::KeyRejected> for KeyError {
    fn from(_: aws_lc_rs::error::KeyRejected) -> KeyError {
        KeyError::Failed
    }
}

/// A pair of keys.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The private key: PKCS#8, as PEM.
    pub private_pem: String,
    /// The public key as a line of `authorized_keys`, without comment and line end.
    pub public: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Makes a pair. `random` fills its argument with random bytes: the same bytes give the same pair, but for RSA, whose keys
    /// come from the system's randomness.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn generate(
        algorithm: KeyAlgorithm,
        random: &mut dyn FnMut(&mut [u8]) -> Result<(), KeyError>,
    ) -> Result<KeyPair, KeyError> {
        match algorithm {
            KeyAlgorithm::EcdsaP256 => ecdsa(&ECDH_P256, 32, "nistp256", random),
            KeyAlgorithm::EcdsaP384 => ecdsa(&ECDH_P384, 48, "nistp384", random),
            KeyAlgorithm::EcdsaP521 => ecdsa(&ECDH_P521, 66, "nistp521", random),
            KeyAlgorithm::Ed25519 => {
                let mut seed = [0; 32];
                random(&mut seed)?;
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed)?;
                let public = line("ssh-ed25519", &[pair.public_key().as_ref()]);
                Ok(KeyPair { private_pem: pem(pair.to_pkcs8v1()?.as_ref()), public })
            }
            KeyAlgorithm::Rsa(bits) => {
                let size = match bits {
                    2048 => rsa::KeySize::Rsa2048,
                    3072 => rsa::KeySize::Rsa3072,
                    4096 => rsa::KeySize::Rsa4096,
                    8192 => rsa::KeySize::Rsa8192,
                    bits => return Err(KeyError::Bits(bits)),
                };
                let pair = rsa::KeyPair::generate(size)?;
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der()?;
                let (modulus, exponent) = rsa_numbers(pair.public_key().as_ref()).ok_or(KeyError::Failed)?;
                let public = line("ssh-rsa", &[&exponent, &modulus]);
                Ok(KeyPair { private_pem: pem(der.as_ref()), public })
            }
        }
    }

    /// Makes a pair of the system's randomness.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn random(algorithm: KeyAlgorithm) -> Result<KeyPair, KeyError> {
        KeyPair::generate(algorithm, &mut |bytes| Ok(rand::fill(bytes)?))
    }
}

fn ecdsa(
    curve: &'static agreement::Algorithm,
    length: usize,
    name: &str,
    random: &mut dyn FnMut(&mut [u8]) -> Result<(), KeyError>,
) -> Result<KeyPair, KeyError> {
    let signing = match length {
        32 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        48 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        _ => &ECDSA_P521_SHA512_ASN1_SIGNING,
    };
    // Numbers that are zero, or not below the order of the curve, are no keys: the next one is taken.
    for _ in 0..64 {
        let mut secret = vec![0; length];
        random(&mut secret)?;
        if length == 66 {
            // 521 bits.
            secret[0] &= 1;
        }
        let Ok(private) = agreement::PrivateKey::from_private_key(curve, &secret) else { continue };
        let public = private.compute_public_key()?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &secret, public.as_ref())?;
        let public = line(&format!("ecdsa-sha2-{name}"), &[name.as_bytes(), public.as_ref()]);
        return Ok(KeyPair { private_pem: pem(pair.to_pkcs8v1()?.as_ref()), public });
    }
    Err(KeyError::Failed)
}

/// Modulus and exponent of `RSAPublicKey` (RFC 8017): a sequence of two integers, as they stand in DER.
fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((modulus.to_vec(), exponent.to_vec()))
}

/// The content of the first element of `der`, which has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .try_fold(0usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?;
            (length, rest)
        }
    };
    rest.split_at_checked(length)
}

/// `name base64`, where the base64 is of the name and the fields, each behind its length.
fn line(name: &str, fields: &[&[u8]]) -> String {
    let mut blob = Vec::new();
    for field in std::iter::once(name.as_bytes()).chain(fields.iter().copied()) {
        blob.extend(u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
        blob.extend(field);
    }
    format!("{name} {}", STANDARD.encode(blob))
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (first, next) = rest.split_at(rest.len().min(64));
        pem.push_str(first);
        pem.push('\n');
        rest = next;
    }
    pem + "-----END PRIVATE KEY-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::process::Command;

    #[rstest]
    #[case::p256(KeyAlgorithm::EcdsaP256, "ecdsa-sha2-nistp256")]
    #[case::p384(KeyAlgorithm::EcdsaP384, "ecdsa-sha2-nistp384")]
    #[case::p521(KeyAlgorithm::EcdsaP521, "ecdsa-sha2-nistp521")]
    #[case::ed25519(KeyAlgorithm::Ed25519, "ssh-ed25519")]
    #[case::rsa(KeyAlgorithm::Rsa(2048), "ssh-rsa")]
    fn openssh_finds_the_same_public_key_in_the_private_one(
        #[case] algorithm: KeyAlgorithm,
        #[case] name: &str,
    ) {
        let pair = KeyPair::random(algorithm).unwrap();
        assert!(pair.public.starts_with(&format!("{name} ")), "{}", pair.public);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("identity");
        std::fs::write(&file, &pair.private_pem).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let Ok(done) = Command::new("ssh-keygen").args(["-y", "-f"]).arg(&file).output() else {
            return println!("skipped: ssh-keygen is not installed");
        };
        if !done.status.success() && algorithm == KeyAlgorithm::Ed25519 {
            return println!("skipped: this ssh-keygen reads no Ed25519 keys in PKCS#8");
        }
        let found = String::from_utf8(done.stdout).unwrap();
        assert_eq!(found.trim_end(), pair.public, "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[rstest]
    #[case::p256(KeyAlgorithm::EcdsaP256)]
    #[case::p384(KeyAlgorithm::EcdsaP384)]
    #[case::p521(KeyAlgorithm::EcdsaP521)]
    #[case::ed25519(KeyAlgorithm::Ed25519)]
    fn the_same_bytes_make_the_same_pair(#[case] algorithm: KeyAlgorithm) {
        let make = |start: u8| {
            let mut next = start;
            KeyPair::generate(algorithm, &mut |bytes| {
                bytes.fill_with(|| {
                    next = next.wrapping_mul(31).wrapping_add(7);
                    next
                });
                Ok(())
            })
            .unwrap()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1).public, make(2).public);
        assert!(!format!("{:?}", make(1)).contains("PRIVATE"));
    }

    #[test]
    fn sizes_that_are_not_made_are_refused() {
        assert_eq!(KeyPair::random(KeyAlgorithm::Rsa(1024)), Err(KeyError::Bits(1024)));
    }
}
