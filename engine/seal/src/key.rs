//! RSA keys.

use crate::der;
use crate::error::SealError;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use std::fmt;
use std::sync::Arc;

const UNUSABLE: &str = "no RSA key of 2048 to 8192 bits";

/// A private key. Its debug form hides it.
pub struct PrivateKey {
    pub(crate) oaep: OaepPrivateDecryptingKey,
    pkcs8: Vec<u8>,
    public: PublicKey,
}

/// A public key. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {
    pub(crate) oaep: Arc<OaepPublicEncryptingKey>,
    der: Vec<u8>,
}

impl PrivateKey {
    /// Makes a new key; 4096 bits take seconds.
    ///
    /// # Errors
    /// Sizes other than 2048, 3072, 4096 and 8192; a failure of the random source.
    pub fn generate(bits: usize) -> Result<PrivateKey, SealError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(SealError::Key("keys have 2048, 3072, 4096 or 8192 bits")),
        };
        let failed = |_| SealError::Key("it could not be generated");
        let key = PrivateDecryptingKey::generate(size).map_err(failed)?;
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(failed)?;
        PrivateKey::from_pkcs8(pkcs8.as_ref())
    }

    /// A key in DER (PKCS#8).
    ///
    /// # Errors
    /// It is none that RSA-OAEP works with.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<PrivateKey, SealError> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| SealError::Key(UNUSABLE))?;
        let public = PublicKey::new(key.public_key())?;
        let oaep = OaepPrivateDecryptingKey::new(key).map_err(|_| SealError::Key(UNUSABLE))?;
        Ok(PrivateKey { oaep, pkcs8: pkcs8.to_vec(), public })
    }

    /// The first key of a text in PEM, of PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`).
    ///
    /// # Errors
    /// There is none, or it is none that RSA-OAEP works with.
    pub fn from_pem(text: &[u8]) -> Result<PrivateKey, SealError> {
        let all = pem::parse_many(text).map_err(|error| SealError::Pem(error.to_string()))?;
        for block in &all {
            match block.tag() {
                "RSA PRIVATE KEY" => return PrivateKey::from_pkcs8(&der::to_pkcs8(block.contents())),
                "PRIVATE KEY" => return PrivateKey::from_pkcs8(block.contents()),
                _ => {}
            }
        }
        Err(SealError::Pem("data does not contain a valid RSA or ECDSA private key".to_owned()))
    }

    /// The key in PEM (PKCS#1), as Go writes it. It is the secret itself: see where it goes.
    ///
    /// # Errors
    /// A key in a form that has no PKCS#1 part.
    pub fn to_pem(&self) -> Result<String, SealError> {
        let pkcs1 = der::to_pkcs1(&self.pkcs8).map_err(|_| SealError::Key(UNUSABLE))?;
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        Ok(pem::encode_config(&pem::Pem::new("RSA PRIVATE KEY", pkcs1), config))
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits, <redacted>)", self.public.bits())
    }
}

impl PublicKey {
    fn new(key: PublicEncryptingKey) -> Result<PublicKey, SealError> {
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| SealError::Key(UNUSABLE))?;
        let der = der.as_ref().to_vec();
        let oaep = OaepPublicEncryptingKey::new(key).map_err(|_| SealError::Key(UNUSABLE))?;
        Ok(PublicKey { oaep: Arc::new(oaep), der })
    }

    /// A key in DER (a `SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// It is none that RSA-OAEP works with.
    pub fn from_der(der: &[u8]) -> Result<PublicKey, SealError> {
        PublicKey::new(PublicEncryptingKey::from_der(der).map_err(|_| SealError::Key(UNUSABLE))?)
    }

    /// Its length.
    pub fn bits(&self) -> usize {
        self.oaep.key_size_bits()
    }

    /// The key in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
}

/// Equal keys have the same modulus and exponent.
impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits)", self.bits())
    }
}
