//! The little of DER that keys and certificates need: PKCS#1 in PKCS#8 and out of it, and what a certificate says.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use yasna::ASN1Result;
use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};

/// rsaEncryption.
const RSA: [u64; 7] = [1, 2, 840, 113549, 1, 1, 1];

/// A PKCS#1 private key as PKCS#8.
pub(crate) fn to_pkcs8(pkcs1: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_sequence(|writer| {
                writer.next().write_oid(&ObjectIdentifier::from_slice(&RSA));
                writer.next().write_null();
            });
            writer.next().write_bytes(pkcs1);
        });
    })
}

/// The PKCS#1 key in a PKCS#8 one.
pub(crate) fn to_pkcs1(pkcs8: &[u8]) -> ASN1Result<Vec<u8>> {
    yasna::parse_der(pkcs8, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?;
            reader.next().read_der()?;
            let key = reader.next().read_bytes()?;
            reader.read_optional(|reader| reader.read_der())?;
            Ok(key)
        })
    })
}

/// What matters of a certificate.
pub(crate) struct Parts {
    pub(crate) public_key: Vec<u8>,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// Reads a certificate. Its signature is not looked at: it is the key's own.
pub(crate) fn certificate(der: &[u8]) -> ASN1Result<Parts> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            let tbs = reader.next().read_der()?;
            reader.next().read_der()?;
            reader.next().read_der()?;
            yasna::parse_der(&tbs, |reader| {
                reader.read_sequence(|reader| {
                    // Version; absent in certificates of version 1.
                    reader.read_optional(|reader| {
                        reader.read_tagged(yasna::Tag::context(0), |reader| reader.read_u8())
                    })?;
                    // Serial number, algorithm, issuer.
                    reader.next().read_bigint_bytes()?;
                    reader.next().read_der()?;
                    reader.next().read_der()?;
                    let (not_before, not_after) = reader
                        .next()
                        .read_sequence(|reader| Ok((time(reader.next())?, time(reader.next())?)))?;
                    reader.next().read_der()?;
                    let public_key = reader.next().read_der()?;
                    while reader.read_optional(|reader| reader.read_der())?.is_some() {}
                    Ok(Parts { public_key, not_before, not_after })
                })
            })
        })
    })
}

/// A time in one of the two forms of certificates.
fn time(reader: yasna::BERReader<'_, '_>) -> ASN1Result<Timestamp> {
    let tag = reader.lookahead_tag()?;
    let value = reader.read_tagged_der()?;
    let text = std::str::from_utf8(value.value()).unwrap_or_default();
    let broken = || yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid);
    let (year, rest) = match tag {
        // Two digits of the year; 50 is 1950.
        TAG_UTCTIME => text.split_at_checked(2).and_then(|(year, rest)| {
            let year: i16 = year.parse().ok()?;
            Some((if year < 50 { 2000 + year } else { 1900 + year }, rest))
        }),
        TAG_GENERALIZEDTIME => {
            text.split_at_checked(4).and_then(|(year, rest)| Some((year.parse().ok()?, rest)))
        }
        _ => None,
    }
    .ok_or_else(broken)?;
    let digits = rest.strip_suffix('Z').filter(|digits| digits.len() == 10).ok_or_else(broken)?;
    let pair = |at: usize| digits.get(at..at + 2).and_then(|two| two.parse::<i8>().ok()).ok_or_else(broken);
    let civil = DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0);
    let zoned = civil.and_then(|civil| civil.to_zoned(TimeZone::UTC));
    zoned.map(|zoned| zoned.timestamp()).map_err(|_| broken())
}
