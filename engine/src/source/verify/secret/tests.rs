//! Keys that gpg 2.2 and go-crypto 1.5 wrote, with what that library says of them; signatures are checked by the real gpg where it is.

use super::*;
use crate::source::verify::{Keys, Signed, verify};
use rstest::rstest;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAYLOAD: &[u8] = b"tree 0\n\nmessage\n";
/// After all keys were made.
const LATE: i64 = 1_900_000_000;

fn file(name: &str) -> String {
    let path = format!("{}/tests/data/signatures/openpgp/{name}.asc", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("a fixture")
}

fn key(name: &str) -> Result<PgpKey, KeyError> {
    PgpKey::parse(&file(name), Some(b"hunter2"))
}

fn verified(public: &str, signature: &str, payload: &[u8]) -> Result<String, String> {
    let keys = Keys::of(&BTreeMap::from([("k.asc".to_owned(), file(public).into_bytes())]), true);
    verify(Signed::Commit, signature, payload, &keys)
}

#[rstest]
#[case::rsa("rsa", "rsa")]
#[case::ed25519("ed", "ed")]
#[case::p256("p256", "p256")]
#[case::p384("p384", "p384")]
#[case::p521("p521", "p521")]
#[case::subkey("sub", "sub")]
#[case::subkey_without_its_key("subkey-alone", "sub")]
#[case::locked("locked", "locked")]
#[case::locked_rsa("lockedrsa", "lockedrsa")]
#[case::aes256("aes256", "ed")]
#[case::aes192_sha512("aes192-sha512", "ed")]
#[case::aes128_sha224("aes128-sha224", "ed")]
fn what_is_signed_here_is_verified_here(#[case] secret: &str, #[case] public: &str) {
    let signature = key(secret).unwrap().sign(PAYLOAD, LATE).unwrap();
    verified(&format!("{public}.pub"), &signature, PAYLOAD).unwrap();
    assert!(verified(&format!("{public}.pub"), &signature, b"tree 1\n\nmessage\n").is_err());
    let other = if public == "ed" { "rsa.pub" } else { "ed.pub" };
    assert!(verified(other, &signature, PAYLOAD).is_err());
    // The same run has the same commits.
    assert_eq!(key(secret).unwrap().sign(PAYLOAD, LATE), Ok(signature.clone()));
    assert_ne!(key(secret).unwrap().sign(PAYLOAD, LATE + 1), Ok(signature));
}

#[test]
fn a_key_does_not_sign_before_it_exists() {
    let key = key("ed").unwrap();
    let early = key.sign(PAYLOAD, 0).unwrap();
    assert_eq!(early, key.sign(PAYLOAD, i64::from(key.created)).unwrap());
    assert!(verified("ed.pub", &early, PAYLOAD).is_ok());
}

fn said(of: Result<PgpKey, KeyError>) -> KeyError {
    of.err().unwrap()
}

#[test]
fn what_does_not_sign_is_named() {
    let useless = |why: &str| KeyError::Useless(format!("openpgp: invalid argument: {why}"));
    let passphrase = KeyError::Passphrase("openpgp: invalid data: private key checksum failure".to_owned());
    let no_armor = KeyError::Unreadable("openpgp: invalid argument: no armored data found".to_owned());
    assert_eq!(said(PgpKey::parse(&file("locked"), None)), KeyError::NoPassphrase);
    for wrong in ["wrong", ""] {
        assert_eq!(said(PgpKey::parse(&file("locked"), Some(wrong.as_bytes()))), passphrase);
    }
    // Flux opens the key itself, and not the subkey that signs.
    assert_eq!(said(key("lockedsub")), useless("signing key is encrypted"));
    assert_eq!(said(key("rsa.pub")), useless("signing key doesn't have a private key"));
    assert_eq!(said(key("two")), KeyError::Several);
    assert_eq!(said(PgpKey::parse("ssh-ed25519 AAAA", None)), no_armor);
    let unsupported = |what: &str| KeyError::Unsupported(what.to_owned());
    assert_eq!(said(key("cast5")), unsupported("OpenPGP keys that are protected by the cipher 3"));
    assert_eq!(said(key("aead")), unsupported("OpenPGP keys that are protected by AEAD"));
}

/// A private key with these bytes of its packets in place of those.
fn changed(name: &str, from: &[u8], to: &[u8]) -> String {
    let mut blob = dearmor(&file(name), "PGP PRIVATE KEY BLOCK").unwrap();
    let at = blob.windows(from.len()).position(|window| window == from).unwrap();
    blob[at..at + to.len()].copy_from_slice(to);
    let encoded = STANDARD.encode(&blob);
    format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{encoded}\n-----END PGP PRIVATE KEY BLOCK-----\n")
}

/// The curve Ed25519 as keys name it.
const CURVE: &[u8] = &[22, 9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];

#[rstest]
#[case::dsa(file("dsa"), "of DSA")]
#[case::brainpool(file("brainpool"), "of ECDSA over another curve than P-256, P-384 and P-521")]
#[case::a_subkey_of_dsa(file("dsa-subkey"), "of DSA")]
#[case::another_curve(changed("ed", CURVE, &[22, 9, 0x2b, 0x65, 0x71]), "of EdDSA over another curve than Ed25519")]
#[case::ed448(changed("ed", CURVE, &[28]), "of Ed448")]
#[case::sha1(file("sha1"), "that are bound with SHA-1")]
fn what_flux_could_sign_with_is_refused_by_name(#[case] armored: String, #[case] what: &str) {
    let words = KeyError::Unsupported(format!("OpenPGP keys {what} as signing keys"));
    assert_eq!(said(PgpKey::parse(&armored, None)), words);
}

/// The binary form of keys, behind each other.
fn ring(names: &[&str]) -> Vec<u8> {
    let of = |name: &&str| {
        let armored = file(name);
        let secret = dearmor(&armored, "PGP PRIVATE KEY BLOCK");
        secret.or_else(|| dearmor(&armored, "PGP PUBLIC KEY BLOCK")).unwrap()
    };
    names.iter().flat_map(of).collect()
}

fn id_of(name: &str) -> String {
    let public = ring(&[&format!("{name}.pub")]);
    let id = Key::parse(packets(&public)[0].1).unwrap().id;
    id.iter().map(|byte| format!("{byte:02X}")).collect()
}

// As flux 2.9.5 said it.
#[rstest]
#[case::nothing(vec![], "", "empty GPG key ring")]
#[case::nothing_by_id(vec![], "123", "empty GPG key ring")]
#[case::armored(file("ed").into_bytes(), "", "unable to read GPG key ring: openpgp: invalid data: tag byte does not have MSB set")]
#[case::text_behind(
    [ring(&["ed"]), b"x".to_vec()].concat(),
    "",
    "unable to read GPG key ring: openpgp: invalid data: tag byte does not have MSB set"
)]
#[case::cut(ring(&["rsa"])[..100].to_vec(), "", "unable to read GPG key ring: unexpected EOF")]
#[case::public(
    ring(&["ed.pub", "rsa"]),
    "",
    "keyring does not contain a private key; export the secret key with 'gpg --export-secret-keys' or specify --gpg-key-id"
)]
#[case::public_by_id(
    ring(&["ed.pub"]),
    &id_of("ed"),
    &format!("keyring does not contain private key for key id '{}'", id_of("ed"))
)]
#[case::short_id(ring(&["ed"]), "0x123", "invalid GPG key id length; expected 16, got 3")]
#[case::another_id(ring(&["ed"]), "0xaaaaaaaaaaaaaaaa", "no GPG keyring matching key id 'AAAAAAAAAAAAAAAA' found")]
#[case::locked(
    ring(&["locked"]),
    "",
    "unable to decrypt GPG private key: openpgp: invalid data: private key checksum failure"
)]
#[case::elsewhere(
    ring(&["subkey-alone"]),
    "",
    "unable to decrypt GPG private key: openpgp: s2k GNU dummy key: dummy key found"
)]
fn a_ring_without_a_key_is_told(#[case] ring: Vec<u8>, #[case] id: &str, #[case] want: &str) {
    let error = CommitKey::of_ring(&ring, id, "wrong").unwrap_err();
    assert_eq!(error, RingError::Said(want.to_owned()));
}

#[rstest]
#[case::first(&["ed", "rsa"], None, "ed")]
#[case::by_id(&["ed.pub", "ed", "rsa"], Some("rsa"), "rsa")]
#[case::opened(&["locked"], None, "locked")]
#[case::subkey(&["sub"], None, "sub")]
fn a_ring_has_a_key_that_signs(#[case] names: &[&str], #[case] id: Option<&str>, #[case] signs: &str) {
    let id = id.map(|name| format!("0x{}", id_of(name).to_lowercase())).unwrap_or_default();
    let key = CommitKey::of_ring(&ring(names), &id, "hunter2").unwrap();
    let signature = key.sign(PAYLOAD, LATE).unwrap();
    verified(&format!("{signs}.pub"), &signature, PAYLOAD).unwrap();
    assert_eq!(format!("{key:?}"), "CommitKey");
}

#[test]
fn a_locked_subkey_is_found_out_when_it_is_to_sign() {
    let key = CommitKey::of_ring(&ring(&["lockedsub"]), "", "hunter2").unwrap();
    assert_eq!(
        key.sign(PAYLOAD, LATE),
        Err("openpgp: invalid argument: signing key is encrypted".to_owned())
    );
    let unsupported = CommitKey::of_ring(&ring(&["dsa"]), "", "").unwrap_err();
    assert!(matches!(unsupported, RingError::Unsupported(what) if what.contains("DSA")));
}

#[test]
fn of_two_subkeys_of_one_time_the_first_signs() {
    let key = key("two-subkeys").unwrap();
    assert_eq!(key.id, [0xb7, 0x04, 0xc1, 0xab, 0x33, 0x42, 0x2a, 0xdc]);
}

#[test]
fn a_broken_key_signs_nothing_and_shows_nothing() {
    for name in ["rsa", "ed", "p256", "locked"] {
        let armored = file(name);
        let blob = dearmor(&armored, "PGP PRIVATE KEY BLOCK").unwrap();
        let (_, body) = packets(&blob)[0];
        let start = body.as_ptr() as usize - blob.as_ptr() as usize;
        let public = public_length(body).unwrap();
        for at in [public, public + 3, body.len() / 2, body.len() - 1] {
            let mut broken = blob.clone();
            broken[start + at] ^= 0x10;
            let text = format!(
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----\n",
                STANDARD.encode(&broken)
            );
            let error = said(PgpKey::parse(&text, Some(b"hunter2")));
            if name == "locked" {
                continue;
            }
            // An open key has no passphrase that could be a wrong one.
            let expected = match at.cmp(&public) {
                // Its statements about itself are those of another key.
                Ordering::Less => matches!(error, KeyError::Useless(_)),
                Ordering::Equal => matches!(error, KeyError::Unsupported(_)),
                Ordering::Greater => matches!(error, KeyError::Unreadable(_)),
            };
            assert!(expected, "{name} at {at}: {error:?}");
        }
        for length in [0, 1, start + 3, start + public, start + public + 1, start + body.len() - 1] {
            let text = format!(
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----\n",
                STANDARD.encode(&blob[..length])
            );
            assert!(PgpKey::parse(&text, Some(b"hunter2")).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn the_checksum_of_an_armor_is_that_of_the_specification() {
    // The initial value is the checksum of nothing; the other two are those of gpg's own armors.
    assert_eq!(crc24(b""), 0xb7_04ce);
    for name in ["rsa", "ed"] {
        let armored = file(name);
        let sum = armored.lines().find_map(|line| line.strip_prefix('=')).unwrap();
        let blob = dearmor(&armored, "PGP PRIVATE KEY BLOCK").unwrap();
        assert_eq!(STANDARD.encode(&crc24(&blob).to_be_bytes()[1..]), sum);
    }
}

/// Runs gpg in a folder of its own; none where there is no gpg.
fn gpg(home: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new("gpg");
    command.args(["--batch", "--no-tty", "--status-fd", "1", "--homedir"]).arg(home).args(arguments);
    match command.output() {
        Ok(output) => Some((
            output.status.success(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no gpg");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_real_gpg_verifies_what_is_signed_here() {
    let folder = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let cases = [
        ("rsa", "rsa"),
        ("ed", "ed"),
        ("p256", "p256"),
        ("p384", "p384"),
        ("p521", "p521"),
        ("sub", "sub"),
        ("subkey-alone", "sub"),
        ("locked", "locked"),
        ("lockedrsa", "lockedrsa"),
        ("aes256", "ed"),
    ];
    for (secret, public) in cases {
        let ring = format!("{}/tests/data/signatures/openpgp/{public}.pub.asc", env!("CARGO_MANIFEST_DIR"));
        let Some((imported, said)) = gpg(folder.path(), &["--import", &ring]) else { return };
        assert!(imported, "{said}");
        let (signed, signature) = (folder.path().join("payload"), folder.path().join("signature"));
        let key = key(secret).unwrap();
        fs::write(&signature, key.sign(PAYLOAD, i64::from(key.created)).unwrap()).unwrap();
        for (payload, good) in [(PAYLOAD, true), (b"another".as_slice(), false)] {
            fs::write(&signed, payload).unwrap();
            let paths = [signature.to_str().unwrap(), signed.to_str().unwrap()];
            let (verified, said) = gpg(folder.path(), &["--verify", paths[0], paths[1]]).unwrap();
            assert_eq!((verified, said.contains("GOODSIG")), (good, good), "{secret}: {said}");
        }
    }
}
