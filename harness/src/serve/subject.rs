//! The user that a client certificate names.

use rustls::pki_types::CertificateDer;
use seatrial_sim::Identity;
use webpki::EndEntityCert;
use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_PRINTABLESTRING, TAG_UTF8STRING};

/// `id-at-commonName` and `id-at-organizationName`.
const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];
const ORGANIZATION: [u64; 4] = [2, 5, 4, 10];

/// The identity as Kubernetes reads it off a certificate: CN is the user, each O a group. `None` where there is no CN.
/// The signature is not looked at.
pub(super) fn identity(certificate: &CertificateDer<'_>) -> Option<Identity> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    let names = names(parsed.subject()).ok()?;
    let of = |kind: [u64; 4]| {
        let kind = ObjectIdentifier::from_slice(&kind);
        names.iter().filter(move |(found, _)| *found == kind).map(|(_, text)| text.clone())
    };
    let user = of(COMMON_NAME).next_back().filter(|user| !user.is_empty())?;
    Some(Identity::new(user, of(ORGANIZATION)))
}

/// The attributes of a name, in their order. `content` is the name without its outermost tag.
fn names(content: &[u8]) -> yasna::ASN1Result<Vec<(ObjectIdentifier, String)>> {
    let whole = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| writer.next().write_der(content));
    });
    let mut found = Vec::new();
    yasna::parse_der(&whole, |reader| {
        reader.read_sequence_of(|reader| {
            reader.read_set_of(|reader| {
                reader.read_sequence(|reader| {
                    let kind = reader.next().read_oid()?;
                    let value = reader.next();
                    match value.lookahead_tag()? {
                        TAG_UTF8STRING => found.push((kind, value.read_utf8string()?)),
                        TAG_PRINTABLESTRING => found.push((kind, value.read_printable_string()?)),
                        // Other alphabets are for attributes that do not matter here.
                        _ => drop(value.read_tagged_der()?),
                    }
                    Ok(())
                })
            })
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use rstest::rstest;

    #[rstest]
    #[case::user(vec![(DnType::CommonName, "jane".into())], Some(Identity::new("jane", [""; 0])))]
    #[case::two_groups(
        vec![
            (DnType::OrganizationName, "developers".into()),
            (DnType::CommonName, "jane".into()),
            (DnType::CustomDnType(vec![2, 5, 4, 10]), "testers".into()),
        ],
        Some(Identity::new("jane", ["developers", "testers"]))
    )]
    #[case::printable(
        vec![(DnType::CommonName, DnValue::PrintableString("jane".try_into().unwrap()))],
        Some(Identity::new("jane", [""; 0]))
    )]
    #[case::other_attributes(
        vec![
            (DnType::CountryName, "CH".into()),
            (DnType::CustomDnType(vec![2, 5, 4, 97]), DnValue::Ia5String("x".try_into().unwrap())),
            (DnType::CommonName, "jane".into()),
        ],
        Some(Identity::new("jane", [""; 0]))
    )]
    #[case::nobody(vec![(DnType::OrganizationName, "system:masters".into())], None)]
    #[case::empty(vec![(DnType::CommonName, "".into())], None)]
    fn a_certificate_names(#[case] names: Vec<(DnType, DnValue)>, #[case] want: Option<Identity>) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in names {
            params.distinguished_name.push(kind, value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(identity(certificate.der()), want);
    }
}
