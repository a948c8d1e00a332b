//! Values, sealed and opened.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use rstest::rstest;
use seatrial_seal::{Certificate, Keyring, PrivateKey, Scope, SealError, Validity, seal, unseal};
use std::sync::OnceLock;

fn key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(2048).unwrap())
}

fn other() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate(2048).unwrap())
}

#[rstest]
#[case::empty(&[])]
#[case::text(b"bar")]
#[case::binary(&[0, 255, 1, 254])]
fn what_is_sealed_opens_under_its_label_alone(#[case] value: &[u8]) {
    let sealed = seal(key().public(), value, b"ns/a").unwrap();
    assert_eq!(unseal(key(), &sealed, b"ns/a").unwrap(), value);
    for label in [&b"ns/b"[..], b"ns", b""] {
        assert_eq!(unseal(key(), &sealed, label), Err(SealError::Decrypt));
    }
    assert_eq!(unseal(other(), &sealed, b"ns/a"), Err(SealError::Decrypt));
}

#[test]
fn a_value_never_looks_the_same_twice() {
    let sealed = || seal(key().public(), b"bar", b"").unwrap();
    assert_ne!(sealed(), sealed());
}

#[test]
fn every_changed_byte_is_refused() {
    let sealed = seal(key().public(), b"twelve bytes", b"ns/a").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(unseal(key(), &changed, b"ns/a"), Err(SealError::Decrypt), "byte {at}");
    }
    for length in 0..sealed.len() {
        assert_eq!(unseal(key(), &sealed[..length], b"ns/a"), Err(SealError::Decrypt), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn tampering_is_refused(
        value in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        difference in 1u8..,
        more in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let sealed = seal(key().public(), &value, b"ns").unwrap();
        let mut changed = sealed.clone();
        let at = at.index(changed.len());
        changed[at] ^= difference;
        prop_assert_eq!(unseal(key(), &changed, b"ns"), Err(SealError::Decrypt));
        let longer = [sealed.as_slice(), &more].concat();
        prop_assert_eq!(unseal(key(), &longer, b"ns"), Err(SealError::Decrypt));
        prop_assert_eq!(unseal(key(), &sealed, b"ns").unwrap(), value);
    }
}

#[test]
fn a_ring_opens_with_whichever_key_fits() {
    let mut ring = Keyring::new();
    for key in [key(), other()] {
        ring.add(PrivateKey::from_pem(key.to_pem().unwrap().as_bytes()).unwrap().into());
    }
    for key in [key(), other()] {
        let sealed = seal(key.public(), b"bar", b"").unwrap();
        assert_eq!(ring.unseal(&sealed, b"").unwrap(), b"bar");
    }
}

#[test]
fn keys_cross_pem_in_both_forms_and_are_never_shown() {
    let pem = key().to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let read = PrivateKey::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(read.public(), key().public());
    assert_eq!(format!("{read:?}"), "PrivateKey(2048 bits, <redacted>)");
    let refused = PrivateKey::from_pem(b"nothing of the kind").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "read a key or certificate: data does not contain a valid RSA or ECDSA private key"
    );
}

#[test]
fn certificates_say_their_key_and_times() {
    let from: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let validity = Validity { from, lasts: std::time::Duration::from_secs(86_400) };
    let made = Certificate::self_signed(key(), validity, "", [0xff; 16]).unwrap();
    let again = Certificate::self_signed(key(), validity, "", [0xff; 16]).unwrap();
    assert_eq!(made, again, "nothing in it is left to chance");
    let read = Certificate::from_pem(made.pem().as_bytes()).unwrap();
    assert_eq!(read, made);
    assert_eq!(read.key, *key().public());
    assert_eq!(read.not_before, from);
    assert_eq!(read.not_after.to_string(), "2026-01-03T03:04:05Z");
    let far = Validity { from, lasts: std::time::Duration::from_secs(100 * 366 * 86_400) };
    assert_eq!(
        Certificate::self_signed(key(), far, "x", [1; 16]).unwrap().not_after.to_string(),
        "2126-03-19T03:04:05Z"
    );
}

#[rstest]
#[case(Scope::Strict, "ns/a")]
#[case(Scope::NamespaceWide, "ns")]
#[case(Scope::ClusterWide, "")]
fn scopes_are_labels(#[case] scope: Scope, #[case] label: &str) {
    assert_eq!(scope.label("ns", "a"), label.as_bytes());
    assert_eq!(scope.to_string().parse(), Ok(scope));
}
