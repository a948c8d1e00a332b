//! Keys that Flux can sign with, and Seatrial cannot: they are named, and no other key signs in their place.

use crate::source::verify::packets::{Key, Packet, PgpSignature};

const SIGNATURE: u8 = 2;
const KEY: u8 = 6;
const SUBKEY: u8 = 14;
/// The bit of a key's flags that says that it signs.
const SIGNS: u8 = 2;

/// What is not supported of a key's packet as such: where its parts begin is not known then.
pub(super) fn algorithm(packet: &Packet<'_>) -> Option<String> {
    let &(tag, body) = packet;
    if !matches!(tag, KEY | SUBKEY | super::SECRET_KEY | super::SECRET_SUBKEY) {
        return None;
    }
    match (body.first()?, body.get(5)?) {
        (4, 1..=3 | 16..=19 | 22 | 25 | 27) => None,
        (4, 28) => Some(keys("Ed448")),
        (4, 26) => Some(keys("X448")),
        (4, other) => Some(keys(&format!("the algorithm {other}"))),
        (other, _) => Some(format!("OpenPGP keys of version {other} as signing keys")),
    }
}

/// What is not supported of the packets of a key, all of them with the public part alone: the key itself, a subkey that signs, or
/// the hash of what they say about themselves.
pub(super) fn statement(packets: &[Packet<'_>]) -> Option<String> {
    let mut rest = packets;
    while let Some((&(tag, body), behind)) = rest.split_first() {
        let count = behind.iter().take_while(|(tag, _)| !matches!(*tag, KEY | SUBKEY)).count();
        let (own, next) = behind.split_at(count);
        rest = next;
        let signatures: Vec<&[u8]> =
            own.iter().filter(|(tag, _)| *tag == SIGNATURE).map(|(_, body)| *body).collect();
        let about = |body: &&&[u8]| match (tag, body.get(1)) {
            (KEY, Some(kind)) => matches!(kind, 0x10..=0x13 | 0x1f),
            (_, Some(kind)) => *kind == 0x18,
            _ => false,
        };
        let read: Vec<PgpSignature<'_>> =
            signatures.iter().filter(about).filter_map(|body| PgpSignature::parse(body)).collect();
        let may_sign = |said: &PgpSignature<'_>| said.flags.is_some_and(|flags| flags & SIGNS != 0);
        // A key says what it is itself; of others those count that sign.
        if (tag == KEY || read.iter().any(may_sign)) && Key::parse(body)?.key.is_none() {
            return Some(keys(&kind(body)));
        }
        let encrypts = matches!(body.get(5), Some(2 | 16 | 18 | 25));
        if read.is_empty() && !encrypts {
            let hashes = signatures.iter().filter(about).filter_map(|body| body.get(3));
            if let Some(hash) = hashes.copied().find(|hash| !(8..=10).contains(hash)) {
                return Some(format!("OpenPGP keys that are bound with {} as signing keys", hash_name(hash)));
            }
        }
    }
    None
}

fn keys(kind: &str) -> String {
    format!("OpenPGP keys of {kind} as signing keys")
}

fn kind(body: &[u8]) -> String {
    match body.get(5) {
        Some(16) => "Elgamal".to_owned(),
        Some(17) => "DSA".to_owned(),
        Some(19) => "ECDSA over another curve than P-256, P-384 and P-521".to_owned(),
        Some(22) => "EdDSA over another curve than Ed25519".to_owned(),
        Some(other) => format!("the algorithm {other}"),
        None => "no algorithm".to_owned(),
    }
}

fn hash_name(hash: u8) -> String {
    match hash {
        1 => "MD5".to_owned(),
        2 => "SHA-1".to_owned(),
        3 => "RIPEMD-160".to_owned(),
        11 => "SHA-224".to_owned(),
        12 => "SHA3-256".to_owned(),
        14 => "SHA3-512".to_owned(),
        other => format!("the hash {other}"),
    }
}
