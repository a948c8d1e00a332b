//! Certificates: how a controller gives its public key away.

use crate::der;
use crate::error::SealError;
use crate::key::{PrivateKey, PublicKey};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, SerialNumber, date_time_ymd,
};
use std::time::Duration;

/// How long a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From when on.
    pub from: Timestamp,
    /// For how long.
    pub lasts: Duration,
}

/// A certificate, by its key and its times. Whom it names and who signed it do not matter to kubeseal, nor here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The public key.
    pub key: PublicKey,
    /// From when on it is good.
    pub not_before: Timestamp,
    /// Until when it is good.
    pub not_after: Timestamp,
    pem: String,
}

impl Certificate {
    /// A certificate of a key over itself. `serial` tells it from others; the same arguments give the same certificate.
    ///
    /// # Errors
    /// Times beyond those that certificates can say.
    pub fn self_signed(
        key: &PrivateKey,
        validity: Validity,
        common_name: &str,
        serial: [u8; 16],
    ) -> Result<Certificate, SealError> {
        let failed = |error: rcgen::Error| SealError::Certificate(error.to_string());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.pkcs8().into(), &PKCS_RSA_SHA256);
        let pair = pair.map_err(failed)?;
        let mut params = CertificateParams::default();
        let epoch = date_time_ymd(1970, 1, 1);
        let from = u64::try_from(validity.from.as_second())
            .map_err(|_| SealError::Certificate("it would begin before 1970".to_owned()))?;
        let until = from
            .checked_add(validity.lasts.as_secs())
            .filter(|until| *until < 253_402_300_800)
            .ok_or_else(|| SealError::Certificate("it would end after the year 9999".to_owned()))?;
        params.not_before = epoch + Duration::from_secs(from);
        params.not_after = epoch + Duration::from_secs(until);
        params.distinguished_name = DistinguishedName::new();
        if !common_name.is_empty() {
            params.distinguished_name.push(DnType::CommonName, common_name);
        }
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // The first bit is a sign.
        let mut serial = serial;
        serial[0] &= 0x7f;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let made = params.self_signed(&pair).map_err(failed)?;
        Certificate::from_der(made.der())
    }

    /// The first certificate of a text in PEM.
    ///
    /// # Errors
    /// There is none, or its key is none that RSA-OAEP works with.
    pub fn from_pem(text: &[u8]) -> Result<Certificate, SealError> {
        let all = pem::parse_many(text).map_err(|error| SealError::Pem(error.to_string()))?;
        let first = all.iter().find(|block| block.tag() == "CERTIFICATE");
        let none = || SealError::Pem("data does not contain any valid RSA or ECDSA certificates".to_owned());
        Certificate::from_der(first.ok_or_else(none)?.contents())
    }

    fn from_der(der: &[u8]) -> Result<Certificate, SealError> {
        let parts =
            der::certificate(der).map_err(|_| SealError::Pem("the certificate is malformed".to_owned()))?;
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        Ok(Certificate {
            key: PublicKey::from_der(&parts.public_key)?,
            not_before: parts.not_before,
            not_after: parts.not_after,
            pem: pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config),
        })
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}
