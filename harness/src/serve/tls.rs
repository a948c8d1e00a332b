//! The run's certificate authority, and what it signs.

use super::subject;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName as Names, RootCertStore, ServerConfig, SignatureScheme,
};
use seatrial_sim::Identity;
use std::sync::Arc;

/// A certificate could not be made. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate of the CA, of a server or of a client.
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The configuration of a server.
    #[error("set TLS up")]
    Config(#[from] rustls::Error),
    /// The verifier of client certificates.
    #[error("set the verification of client certificates up")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// rustls' cryptography. It is given by hand to whatever uses TLS here, so that nothing depends on what the process has
/// installed.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificate authority of one run. Its key never leaves it.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    verifier: Arc<dyn ClientCertVerifier>,
    now: Timestamp,
}

/// A certificate with its key, in PEM. Its debug form hides the key.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    /// A new one, good around `now`.
    pub(super) fn new(now: Timestamp) -> Result<Authority, TlsError> {
        let mut params = params(now, Vec::new(), "seatrial CA", None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let mut roots = RootCertStore::empty();
        roots.add(issuer.der().clone())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .allow_unauthenticated()
            .build()?;
        Ok(Authority { issuer, verifier, now })
    }

    /// Its certificate, in PEM.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS for a server that is reached by these host names and addresses. ALPN offers HTTP/2 and HTTP/1.1. Any client
    /// certificate is let through: see [`Authority::identify`].
    pub(super) fn server(&self, hosts: &[String]) -> Result<Arc<ServerConfig>, TlsError> {
        let (certificate, key) = self.server_certificate(hosts)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(AnyCertificate(self.verifier.clone())))
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn server_certificate(&self, hosts: &[String]) -> Result<(Certificate, KeyPair), TlsError> {
        // Another name than the CA's, or OpenSSL takes it for a certificate that has signed itself.
        let mut params = params(self.now, hosts.to_vec(), "seatrial server", None)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?, key))
    }

    /// A certificate by which a client is this user, in this group.
    pub(super) fn client(&self, user: &str, group: &str) -> Result<Pair, TlsError> {
        let mut params = params(self.now, Vec::new(), user, Some(group))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// The user of a chain of client certificates, if this authority has signed it and it is good at `now`.
    pub(super) fn identify(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Option<Identity> {
        let (leaf, others) = chain.split_first()?;
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        self.verifier.verify_client_cert(leaf, others, now).ok()?;
        subject::identity(leaf)
    }
}

/// The parameters of a certificate for `name` (CN) in `group` (O), good from yesterday on for a year.
fn params(
    now: Timestamp,
    hosts: Vec<String>,
    name: &str,
    group: Option<&str>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    // The CAs of all runs have one name: the key's identifier tells them apart.
    params.use_authority_key_identifier_extension = true;
    let mut names = DistinguishedName::new();
    if let Some(group) = group {
        names.push(DnType::OrganizationName, group);
    }
    names.push(DnType::CommonName, name);
    params.distinguished_name = names;
    let (year, month, day) = day(now, -1);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = self::day(now, 365);
    params.not_after = date_time_ymd(year, month, day);
    Ok(params)
}

/// Year, month and day of the date that is `days` from `now`, in UTC.
fn day(now: Timestamp, days: i64) -> (i32, u8, u8) {
    let at = now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(now);
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let unsigned = |n: i8| u8::try_from(n).unwrap_or(1);
    (i32::from(date.year()), unsigned(date.month()), unsigned(date.day()))
}

/// Lets every client certificate pass whose key the client has: whom it stands for is decided with the request, so that
/// a stranger gets 401 like everybody else whom the API server does not know.
#[derive(Debug)]
struct AnyCertificate(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[Names] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use rustls::pki_types::pem::PemObject as _;

    fn now() -> Timestamp {
        "2026-02-28T12:00:00Z".parse().unwrap()
    }

    fn chain(authority: &Authority) -> Vec<CertificateDer<'static>> {
        let pair = authority.client("jane", "developers").unwrap();
        vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()]
    }

    #[rstest]
    #[case::today("2026-02-28T12:00:00Z", true)]
    #[case::by_a_clock_that_is_late("2026-02-27T13:00:00Z", true)]
    #[case::before_it_was_made("2026-02-26T23:00:00Z", false)]
    #[case::a_year_later("2027-03-01T00:00:00Z", false)]
    fn a_client_certificate_is_good_for_a_year(#[case] at: &str, #[case] good: bool) {
        let authority = Authority::new(now()).unwrap();
        let found = authority.identify(&chain(&authority), at.parse().unwrap());
        assert_eq!(found, good.then(|| Identity::new("jane", ["developers"])));
    }

    #[test]
    fn certificates_of_other_authorities_and_for_other_uses_stand_for_nobody() {
        let (ours, other) = (Authority::new(now()).unwrap(), Authority::new(now()).unwrap());
        assert_eq!(ours.identify(&chain(&other), now()), None);
        assert_eq!(ours.identify(&[], now()), None);
        assert_eq!(ours.identify(&[ours.issuer.der().clone()], now()), None, "the CA itself");
    }

    #[test]
    fn no_certificate_looks_as_if_it_had_signed_itself() {
        let authority = Authority::new(now()).unwrap();
        let (server, _) = authority.server_certificate(&["localhost".to_owned()]).unwrap();
        for certificate in [server.der(), &chain(&authority)[0]] {
            let parsed = webpki::EndEntityCert::try_from(certificate).unwrap();
            assert_ne!(parsed.subject(), parsed.issuer());
        }
    }

    #[rstest]
    #[case::leap_day("2028-02-29T23:59:59Z", 365, (2029, 2, 28))]
    #[case::new_year("2026-12-31T00:00:00Z", 1, (2027, 1, 1))]
    fn days_are_counted_in_utc(#[case] from: &str, #[case] days: i64, #[case] want: (i32, u8, u8)) {
        assert_eq!(day(from.parse().unwrap(), days), want);
    }
}
