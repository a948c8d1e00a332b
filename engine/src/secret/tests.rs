//! Files that age encrypted, and files in the form of SOPS whose data keys age encrypted (`tests/data/sops`). What the real
//! kustomize-controller makes of such files is among the cases of `tests/reconciles.rs`.

#![allow(clippy::expect_used, reason = "these are tests")]

use super::age::{self, AgeError};
use super::sops::{self, Format};
use rstest::rstest;

const KEYS: &str = include_str!("../../tests/data/sops/keys.txt");
const OTHER: &str = include_str!("../../tests/data/sops/other.txt");
const MESSAGE: &str = include_str!("../../tests/data/sops/message.age");
const LARGE: &str = include_str!("../../tests/data/sops/large.age");

fn keys(text: &str) -> Vec<age::Identity> {
    age::identities(text).expect("keys")
}

#[test]
fn a_file_opens_for_its_key_alone() {
    assert_eq!(age::decrypt(MESSAGE, &keys(KEYS)), Ok(b"a message for the first key".to_vec()));
    assert_eq!(age::decrypt(MESSAGE, &keys(OTHER)), Err(AgeError::NoMatch));
    assert_eq!(age::decrypt(MESSAGE, &[]), Err(AgeError::NoMatch));
}

#[test]
fn a_file_of_several_chunks_opens() {
    let expected: Vec<u8> = (0..70_000_u32).map(|i| u8::try_from(i % 251).expect("a byte")).collect();
    assert_eq!(age::decrypt(LARGE, &keys(KEYS)), Ok(expected));
}

#[rstest]
#[case::header(40)]
#[case::payload(MESSAGE.len() - 60)]
fn a_changed_file_does_not_open(#[case] at: usize) {
    let mut bytes = MESSAGE.as_bytes().to_vec();
    let at = (at..).find(|at| bytes[*at].is_ascii_alphanumeric()).expect("a character");
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let text = String::from_utf8(bytes).expect("a text");
    assert!(age::decrypt(&text, &keys(KEYS)).is_err());
}

#[rstest]
#[case::character("AGE-SECRET-KEY-1NOTHING", "malformed secret key: invalid character data part: s[1]=111")]
#[case::checksum(
    "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ7ZC8K",
    "malformed secret key: invalid checksum"
)]
#[case::post_quantum(
    "AGE-SECRET-KEY-PQ-1ABC",
    "keys of the kind AGE-SECRET-KEY-PQ are not supported by Seatrial, only AGE-SECRET-KEY-1"
)]
#[case::plugin(
    "AGE-PLUGIN-YUBIKEY-1ABC",
    "keys of the kind AGE-PLUGIN are not supported by Seatrial, only AGE-SECRET-KEY-1"
)]
fn a_text_that_is_no_key_is_refused(#[case] text: &str, #[case] expected: &str) {
    let found = age::identities(text).err().map(|error| error.to_string());
    assert_eq!(found.as_deref(), Some(expected));
}

#[rstest]
#[case::json(
    Format::Json,
    include_bytes!("../../tests/data/sops/file.json"),
    "{\n\t\"z\": \"last\",\n\t\"a\": {\n\t\t\"n\": 1,\n\t\t\"f\": 1.5,\n\t\t\"t\": true\n\t},\n\t\"list\": [\n\t\t\"x\",\n\t\t{\n\t\t\t\"k\": \"v\"\n\t\t}\n\t],\n\t\"e\": \"\",\n\t\"plain_unencrypted\": \"open\"\n}\n"
)]
#[case::yaml(
    Format::Yaml,
    include_bytes!("../../tests/data/sops/file.yaml"),
    "z: last\na:\n    \"n\": 1\n    f: 1.5\n    t: true\nlist:\n    - x\n    - k: v\ne: \"\"\nplain_unencrypted: open\n"
)]
#[case::dotenv(Format::Dotenv, include_bytes!("../../tests/data/sops/file.env"), "B=2\nA=x=y\\nz\n")]
#[case::ini(Format::Ini, include_bytes!("../../tests/data/sops/file.ini"), "[sec]\nb         = 2\nlong_name = x\n")]
fn a_file_is_decrypted_in_its_format(#[case] format: Format, #[case] file: &[u8], #[case] expected: &str) {
    assert!(format.is_encrypted(file));
    let opened = sops::decrypt(file, format, format, &keys(KEYS)).expect("a plain file");
    assert_eq!(String::from_utf8(opened).as_deref(), Ok(expected));
}

/// A file of one value, with what its metadata say of keys.
fn of_one_value(value: &str, keys: &str) -> String {
    format!(
        r#"{{"a": "{value}", "sops": {{"mac": "ENC[", "lastmodified": "2026-01-01T00:00:00Z", "version": "3.9.0"{keys}}}}}"#
    )
}

#[rstest]
#[case::no_keys("", "failed to load encrypted JSON data: No keys found in file")]
#[case::not_armored(
    r#", "age": [{"recipient": "age1x", "enc": "garbage"}]"#,
    "failed to read intro: invalid armor: invalid first line: <redacted>"
)]
fn a_file_that_no_key_opens_says_why(#[case] age: &str, #[case] expected: &str) {
    let file = of_one_value("x", age);
    let error = sops::decrypt(file.as_bytes(), Format::Json, Format::Json, &keys(KEYS)).err();
    // Long lines are broken.
    let words = error.expect("an error").to_string().replace("\n      |", "");
    assert!(words.contains(expected), "{words}");
}

#[test]
fn broken_base64_of_a_value_is_told_in_gos_words() {
    let file = include_str!("../../tests/data/sops/file.json");
    let at = file.find(",type:str]").expect("a value");
    let broken = format!("{}y{}", &file[..at], &file[at..]);
    let error = sops::decrypt(broken.as_bytes(), Format::Json, Format::Json, &keys(KEYS)).err();
    let words = error.expect("an error").to_string();
    assert!(words.contains("Error base64-decoding tag: illegal base64 data at input byte 24"), "{words}");
}

#[test]
fn keys_of_other_kinds_are_named() {
    let file = include_bytes!("../../tests/data/sops/pgp.json");
    let error = sops::decrypt(file, Format::Json, Format::Json, &keys(KEYS)).err().map(|e| e.to_string());
    let error = error.expect("an error");
    for part in [
        "cannot get sops data key: Failed to get the data key required to decrypt the SOPS file.\n\nGroup 0: FAILED\n",
        "  FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4: FAILED\n    - | keys of PGP are not supported by Seatrial, only age keys are\n",
        "  arn:aws:kms:eu-west-1:1:key/2: FAILED\n    - | keys of AWS KMS are not supported by Seatrial",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
