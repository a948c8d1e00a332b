//! Public keys, and what they verify.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

/// A hash of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Its number in OpenPGP.
    pub(super) fn id(self) -> u8 {
        match self {
            Hash::Sha256 => 8,
            Hash::Sha384 => 9,
            Hash::Sha512 => 10,
        }
    }

    pub(super) fn of(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha384 => &digest::SHA384,
            Hash::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }
}

/// A curve of ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The bytes of a number.
    pub(super) fn size(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The hash that goes with it.
    pub(super) fn hash(self) -> Hash {
        match self {
            Curve::P256 => Hash::Sha256,
            Curve::P384 => Hash::Sha384,
            Curve::P521 => Hash::Sha512,
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    Ecdsa {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519(Vec<u8>),
}

/// A signature by such a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    Rsa(Vec<u8>),
    /// Both numbers.
    Pair(Vec<u8>, Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// Whether `signature` is this key's, of `message` under `hash`. Ed25519 takes the message as it is.
    pub(super) fn verifies(&self, hash: Hash, message: &[u8], signature: &Signature) -> bool {
        match (self, signature) {
            (PublicKey::Rsa { n, e }, Signature::Rsa(signature)) => {
                let algorithm = match hash {
                    Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                };
                let (n, e) = (plain(n), plain(e));
                // Numbers come without the zeros that they begin with.
                let Some(signature) = padded(signature, n.len()) else { return false };
                RsaPublicKeyComponents { n, e }.verify(algorithm, message, &signature).is_ok()
            }
            (PublicKey::Ecdsa { curve, point }, Signature::Pair(r, s)) if curve.hash() == hash => {
                let algorithm = match curve {
                    Curve::P256 => &ECDSA_P256_SHA256_FIXED,
                    Curve::P384 => &ECDSA_P384_SHA384_FIXED,
                    Curve::P521 => &ECDSA_P521_SHA512_FIXED,
                };
                let (Some(mut both), Some(s)) = (padded(r, curve.size()), padded(s, curve.size())) else {
                    return false;
                };
                both.extend(s);
                UnparsedPublicKey::new(algorithm, point).verify(message, &both).is_ok()
            }
            (PublicKey::Ed25519(key), Signature::Ed25519(signature)) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
            (PublicKey::Ed25519(key), Signature::Pair(r, s)) => {
                let (Some(mut both), Some(s)) = (padded(r, 32), padded(s, 32)) else { return false };
                both.extend(s);
                UnparsedPublicKey::new(&ED25519, key).verify(message, &both).is_ok()
            }
            _ => false,
        }
    }
}

/// A number without the zeros that it begins with.
fn plain(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// A number in so many bytes.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let number = plain(number);
    let zeros = size.checked_sub(number.len())?;
    Some([vec![0; zeros], number.to_vec()].concat())
}
