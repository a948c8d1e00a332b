//! Signatures that gpg 2.2 and ssh-keygen made, with what fluxcd/pkg/git 0.52 says of them.

use super::*;
use rstest::rstest;
use std::fs;

fn file(name: &str) -> String {
    let path = format!("{}/tests/data/signatures/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("a fixture")
}

/// Signature and payload of a commit or a tag.
fn split(text: &str) -> (String, String) {
    let (mut signature, mut payload, mut inside, mut head) = (String::new(), String::new(), false, true);
    for line in text.split_inclusive('\n') {
        if head && let Some(first) = line.strip_prefix("gpgsig ") {
            inside = true;
            signature.push_str(first);
        } else if let Some(next) = line.strip_prefix(' ').filter(|_| inside) {
            signature.push_str(next);
        } else {
            inside = false;
            head &= line != "\n";
            payload.push_str(line);
        }
    }
    match payload.find("-----BEGIN ") {
        Some(at) if signature.is_empty() => (payload[at..].to_owned(), payload[..at].to_owned()),
        _ => (signature, payload),
    }
}

fn keys(names: &[&str]) -> Keys {
    let data = names.iter().map(|name| ((*name).to_owned(), file(name).into_bytes())).collect();
    Keys::of(&data, true)
}

const NO_PGP: &str =
    "unable to verify Git commit: unable to verify payload with any of the given key rings: no matching key";
const NO_SSH: &str = "unable to verify Git commit SSH signature: unable to verify payload with any of the given authorized \
                      keys: no matching key";

#[rstest]
#[case::rsa("commit-rsa", &["rsa.asc"], Ok("7D38D4D7F45550D0"))]
#[case::ed25519("commit-ed", &["ed.asc"], Ok("A14C68988F211C68"))]
#[case::ecdsa("commit-ec", &["ec.asc"], Ok("C8FC124A9F404BBA"))]
#[case::subkey("commit-sub", &["sub.asc"], Ok("827D58F2F9FF220D"))]
#[case::before_it_was_revoked("commit-old", &["old.asc"], Ok("6C22B5F67A058D1D"))]
#[case::revoked("commit-old", &["revoked.asc"], Err(NO_PGP.to_owned()))]
#[case::other_key("commit-rsa", &["ed.asc"], Err(NO_PGP.to_owned()))]
#[case::one_of_two("commit-rsa", &["ed.asc", "rsa.asc"], Ok("7D38D4D7F45550D0"))]
#[case::no_key("commit-rsa", &[], Err(NO_PGP.to_owned()))]
#[case::ssh_key_for_pgp("commit-rsa", &["rsa.sshpub"], Err(NO_PGP.to_owned()))]
#[case::ssh_ed25519("commit-ssh-ed", &["ed.sshpub"], Ok("SHA256:FcBTFOF16ZU8LMqRz1z/58hxsBZiB6Rs/Xi7PxX6NJI"))]
#[case::ssh_rsa("commit-ssh-rsa", &["rsa.sshpub"], Ok("SHA256:dqK6oK7DtfGO4dGoPrv85jfVESk2uXLgIEAddYXS7Ek"))]
#[case::ssh_ecdsa("commit-ssh-ec", &["ec.sshpub"], Ok("SHA256:pKjMEW+c2UCJtwFk2hb3FXAfPy4IX1+iehZE/AK44xE"))]
#[case::ssh_other_key("commit-ssh-ed", &["rsa.sshpub"], Err(format!("{NO_SSH}\npublic key does not match")))]
#[case::ssh_one_of_two("commit-ssh-ed", &["ed.sshpub", "rsa.sshpub"], Ok("SHA256:FcBTFOF16ZU8LMqRz1z/58hxsBZiB6Rs/Xi7PxX6NJI"))]
#[case::ssh_no_key("commit-ssh-ed", &["rsa.asc"], Err(NO_SSH.to_owned()))]
#[case::unsigned("commit-unsigned", &["rsa.asc"], Err("unsupported signature type: empty".to_owned()))]
#[case::tag("tag-rsa", &["rsa.asc"], Ok("7D38D4D7F45550D0"))]
#[case::ssh_tag("tag-ssh-ed", &["ed.sshpub"], Ok("SHA256:FcBTFOF16ZU8LMqRz1z/58hxsBZiB6Rs/Xi7PxX6NJI"))]
fn a_signature_is_verified(
    #[case] object: &str,
    #[case] names: &[&str],
    #[case] expected: Result<&str, String>,
) {
    let (signature, payload) = split(&file(object));
    let keys = keys(names);
    assert_eq!(
        verify(Signed::Commit, &signature, payload.as_bytes(), &keys),
        expected.clone().map(str::to_owned)
    );
    // One byte more, and nobody has signed it.
    let changed = verify(Signed::Commit, &signature, format!("{payload}x").as_bytes(), &keys);
    assert!(changed.is_err(), "{changed:?}");
}

#[test]
fn a_changed_payload_has_the_words_of_the_keys_technology() {
    for (object, key, end) in [
        ("commit-ssh-ed", "ed.sshpub", "no matching key\nssh: signature did not verify"),
        ("commit-ssh-rsa", "rsa.sshpub", "no matching key\ncrypto/rsa: verification error"),
        ("commit-rsa", "rsa.asc", "no matching key"),
    ] {
        let (signature, _) = split(&file(object));
        let error = verify(Signed::Commit, &signature, b"x", &keys(&[key])).expect_err("refused");
        assert!(error.ends_with(end), "{error}");
    }
}

#[rstest]
#[case::comments(format!("# comment\n\nann@x {}{}", file("ed.sshpub"), file("rsa.sshpub")), true)]
#[case::options(format!("namespaces=\"git\" {}", file("rsa.sshpub")), true)]
#[case::no_key("hello".to_owned(), false)]
fn ssh_keys_are_read_as_authorized_keys_are(#[case] text: String, #[case] good: bool) {
    let (signature, payload) = split(&file("commit-ssh-rsa"));
    let data = BTreeMap::from([("k.sshpub".to_owned(), text.into_bytes())]);
    let found = verify(Signed::Commit, &signature, payload.as_bytes(), &Keys::of(&data, true));
    assert_eq!(found.is_ok(), good, "{found:?}");
}

#[test]
fn what_is_no_key_ring_is_named() {
    let (signature, payload) = split(&file("tag-rsa"));
    let data = BTreeMap::from([("k".to_owned(), b"ssh-ed25519 AAAA".to_vec())]);
    assert_eq!(
        verify(Signed::Tag, &signature, payload.as_bytes(), &Keys::of(&data, false)).expect_err("refused"),
        "unable to verify Git tag: unable to read armored key ring: openpgp: invalid argument: no armored data found"
    );
    let x509 = "-----BEGIN SIGNED MESSAGE-----\n";
    assert_eq!(
        verify(Signed::Tag, x509, b"x", &Keys::default()),
        Err("unsupported signature type: x509".to_owned())
    );
}
