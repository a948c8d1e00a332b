//! OpenPGP keys that sign: read from an armored block, opened with a passphrase, and what they sign.
//!
//! Signatures are of version 4 and need no chance: RSA with PKCS #1 1.5, Ed25519, and ECDSA by RFC 6979. The same commit has the
//! same signature, and so the same id.

mod ecdsa;
mod locked;
mod numbers;
mod ring;
mod unsupported;

pub use self::ring::{CommitKey, RingError};

use self::locked::Unopened;
use self::numbers::Number;
use super::crypto::{Hash, PublicKey, Signature};
use super::dearmor;
use super::openpgp::Entity;
use super::packets::{Key, Packet, PgpSignature, framed, mpi, packets, public_length};
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SECRET_KEY: u8 = 5;
const SECRET_SUBKEY: u8 = 7;

/// An OpenPGP key that signs commits.
pub(crate) struct PgpKey {
    /// The public part of the packet.
    public: Vec<u8>,
    created: u32,
    id: [u8; 8],
    secret: Secret,
}

enum Secret {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
    Ecdsa(super::crypto::Curve, Vec<u8>),
}

/// Why there is no key. The words are those of the library that Flux uses, where it has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// It cannot be read.
    Unreadable(String),
    /// There are several keys.
    Several,
    /// It is locked, and there is no passphrase.
    NoPassphrase,
    /// The passphrase does not open it.
    Passphrase(String),
    /// It does not sign.
    Useless(String),
    /// Not supported here.
    Unsupported(String),
}

impl PgpKey {
    /// The key of an armored block that signs: the newest subkey that may, else the key itself.
    ///
    /// # Errors
    /// Why there is none; nothing of the key or of the passphrase is shown.
    pub(crate) fn parse(armored: &str, passphrase: Option<&[u8]>) -> Result<PgpKey, KeyError> {
        let invalid = |why: &str| KeyError::Unreadable(format!("openpgp: invalid argument: {why}"));
        let ring = dearmor(armored, "PGP PRIVATE KEY BLOCK");
        let ring = ring.or_else(|| dearmor(armored, "PGP PUBLIC KEY BLOCK"));
        let ring = ring.ok_or_else(|| invalid("no armored data found"))?;
        PgpKey::of(&packets(&ring), passphrase, true)
    }

    /// The same of the packets of a key. `dummies`: a key whose secret part is elsewhere lets its subkeys sign.
    fn of(all: &[Packet<'_>], passphrase: Option<&[u8]>, dummies: bool) -> Result<PgpKey, KeyError> {
        let broken = || KeyError::Unreadable("openpgp: invalid data: the key is broken".to_owned());
        if let Some(what) = all.iter().find_map(unsupported::algorithm) {
            return Err(KeyError::Unsupported(what));
        }
        let mut shown: Vec<Packet<'_>> = Vec::new();
        for &(tag, body) in all {
            shown.push(match tag {
                SECRET_KEY | SECRET_SUBKEY => {
                    let length = public_length(body).ok_or_else(broken)?;
                    (if tag == SECRET_KEY { 6 } else { 14 }, body.get(..length).ok_or_else(broken)?)
                }
                _ => (tag, body),
            });
        }
        let primaries = all.iter().filter(|(tag, _)| matches!(*tag, SECRET_KEY | 6)).count();
        if primaries > 1 {
            return Err(KeyError::Several);
        }
        if let Some(what) = unsupported::statement(&shown) {
            return Err(KeyError::Unsupported(what));
        }
        let entity = Entity::read(&shown).ok_or_else(|| useless("no valid signing keys"))?;
        // The passphrase is that of the key itself, whoever signs then.
        let own = secret_of(all, entity.primary());
        let own = own.ok_or_else(|| useless("signing key doesn't have a private key"))?;
        let opened = locked::open(own, passphrase);
        let passphrase = match opened {
            Err(Unopened::Locked) => return Err(KeyError::NoPassphrase),
            Err(Unopened::Checksum) => {
                let why = "openpgp: invalid data: private key checksum failure";
                return Err(KeyError::Passphrase(why.to_owned()));
            }
            Err(Unopened::Unsupported(what)) => return Err(KeyError::Unsupported(what)),
            Err(Unopened::Broken) => return Err(broken()),
            Err(Unopened::Absent) if !dummies => {
                let why = "openpgp: s2k GNU dummy key: dummy key found";
                return Err(KeyError::Passphrase(why.to_owned()));
            }
            Ok(_) | Err(Unopened::Absent) => passphrase,
        };
        let key = entity.signing().ok_or_else(|| useless("no valid signing keys"))?;
        let is_primary = key.body == entity.primary().body;
        let secret = secret_of(all, key).ok_or_else(|| useless("signing key doesn't have a private key"))?;
        // Flux opens the key itself alone.
        let numbers = locked::open(secret, passphrase.filter(|_| is_primary)).map_err(|why| match why {
            Unopened::Locked | Unopened::Checksum => useless("signing key is encrypted"),
            Unopened::Absent => useless("signing key doesn't have a private key"),
            Unopened::Unsupported(what) => KeyError::Unsupported(what),
            Unopened::Broken => broken(),
        })?;
        let secret = secret_key(key, &numbers)?;
        Ok(PgpKey { public: key.body.to_vec(), created: key.created, id: key.id, secret })
    }

    /// The armored signature of `payload`, of that time (seconds since 1970) or of the key's creation, whatever is later: keys do
    /// not sign before they exist, and a run's time has nothing to do with that.
    ///
    /// # Errors
    /// Where the halves of the key do not belong together.
    pub(crate) fn sign(&self, payload: &[u8], time: i64) -> Result<String, String> {
        let created = u32::try_from(time).unwrap_or(0).max(self.created);
        let hash = match &self.secret {
            Secret::Rsa(_) => Hash::Sha256,
            Secret::Ed25519(_) => Hash::Sha512,
            Secret::Ecdsa(curve, _) => curve.hash(),
        };
        let fingerprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &framed(&self.public));
        // The key's fingerprint and the time are signed; the id is a note.
        let signed = [[22, 33, 4].as_slice(), fingerprint.as_ref(), &[5, 2], &created.to_be_bytes()].concat();
        let note = [[9, 16].as_slice(), &self.id].concat();
        let algorithm = self.public[5];
        let mut body = vec![4, 0, algorithm, hash.id(), 0, u8::try_from(signed.len()).unwrap_or(0)];
        body.extend(&signed);
        let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
        let message = [payload, body.as_slice(), &[4, 0xff], &length].concat();
        let digest = hash.of(&message);
        body.extend([0, u8::try_from(note.len()).unwrap_or(0)]);
        body.extend(&note);
        body.extend(&digest[..2]);
        match self.numbers(&message, &digest)? {
            Signature::Rsa(number) => body.extend(with_bits(&number)),
            Signature::Pair(r, s) => body.extend([with_bits(&r), with_bits(&s)].concat()),
            Signature::Ed25519(both) => body.extend(both),
        }
        let broken = || "the halves of the signing key do not belong together".to_owned();
        let made = PgpSignature::parse(&body).ok_or_else(broken)?;
        let key = Key::parse(&self.public).ok_or_else(broken)?;
        if !made.is_by(&key, payload) {
            return Err(broken());
        }
        Ok(armored(&body))
    }

    fn numbers(&self, message: &[u8], digest: &[u8]) -> Result<Signature, String> {
        let failed = || "the signing key does not sign".to_owned();
        Ok(match &self.secret {
            Secret::Rsa(pair) => {
                let mut number = vec![0; pair.public_modulus_len()];
                // This padding asks for no randomness.
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut number).map_err(|_| failed())?;
                Signature::Rsa(number)
            }
            Secret::Ed25519(pair) => {
                let both = pair.sign(digest).as_ref().to_vec();
                match self.public[5] {
                    27 => Signature::Ed25519(both),
                    _ => Signature::Pair(both[..32].to_vec(), both[32..].to_vec()),
                }
            }
            Secret::Ecdsa(curve, secret) => {
                let (r, s) = ecdsa::sign(*curve, secret, digest).ok_or_else(failed)?;
                Signature::Pair(r, s)
            }
        })
    }
}

fn useless(why: &str) -> KeyError {
    KeyError::Useless(format!("openpgp: invalid argument: {why}"))
}

/// The secret part of a key's packet.
fn secret_of<'a>(all: &[Packet<'a>], key: &Key<'_>) -> Option<&'a [u8]> {
    let secret = all.iter().filter(|(tag, _)| matches!(*tag, SECRET_KEY | SECRET_SUBKEY));
    secret.filter_map(|(_, body)| body.strip_prefix(key.body)).next()
}

fn secret_key(key: &Key<'_>, numbers: &[u8]) -> Result<Secret, KeyError> {
    let unmatched = || {
        KeyError::Unreadable("openpgp: invalid data: the halves of the key do not belong together".to_owned())
    };
    let mut rest = numbers;
    match &key.key {
        Some(PublicKey::Rsa { n, e }) => {
            if n.len() < 256 {
                return Err(KeyError::Unsupported("OpenPGP keys of RSA with less than 2048 bits".to_owned()));
            }
            let mut next = || Some(mpi(&mut rest)?.to_vec());
            let (d, p, q) = (next(), next(), next());
            let (Some(d), Some(p), Some(q), Some(u)) = (d, p, q, next()) else { return Err(unmatched()) };
            let half = |prime: &[u8]| {
                let less = Number::of(prime).minus(&Number::one());
                (!less.is_zero()).then(|| Number::of(&d).rest(&less).bytes(prime.len()))
            };
            let (Some(of_p), Some(of_q)) = (half(&p), half(&q)) else { return Err(unmatched()) };
            // The packet has the inverse of its first prime, aws-lc wants that of the second one.
            let components = KeyPairComponents {
                public_key: PublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
                d: d.as_slice(),
                p: q.as_slice(),
                q: p.as_slice(),
                dP: of_q.as_slice(),
                dQ: of_p.as_slice(),
                qInv: u.as_slice(),
            };
            let pair = RsaKeyPair::from_components(&components).map_err(|_| unmatched())?;
            Ok(Secret::Rsa(Box::new(pair)))
        }
        Some(PublicKey::Ed25519(public)) => {
            let seed = match key.body[5] {
                27 => numbers.get(..32).map(<[u8]>::to_vec),
                _ => mpi(&mut rest).map(|seed| Number::of(seed).bytes(32)),
            };
            let seed = seed.ok_or_else(unmatched)?;
            let pair = Ed25519KeyPair::from_seed_and_public_key(&seed, public).map_err(|_| unmatched())?;
            Ok(Secret::Ed25519(pair))
        }
        Some(PublicKey::Ecdsa { curve, point }) => {
            let secret = mpi(&mut rest).ok_or_else(unmatched)?;
            if ecdsa::point(*curve, secret).as_deref() != Some(point) {
                return Err(unmatched());
            }
            Ok(Secret::Ecdsa(*curve, secret.to_vec()))
        }
        None => {
            let kind = format!("OpenPGP keys of the algorithm {} as signing keys", key.body[5]);
            Err(KeyError::Unsupported(kind))
        }
    }
}

/// A number with its bits in front.
fn with_bits(number: &[u8]) -> Vec<u8> {
    let number = Number::of(number);
    let bits = number.bits();
    [u16::try_from(bits).unwrap_or(u16::MAX).to_be_bytes().as_slice(), &number.bytes(bits.div_ceil(8))]
        .concat()
}

/// A signature packet in armor.
fn armored(body: &[u8]) -> String {
    let length = body.len();
    let mut packet = vec![0xc2];
    match u8::try_from(length) {
        Ok(short) if short < 192 => packet.push(short),
        _ => {
            let rest = length.saturating_sub(192);
            packet.extend([u8::try_from(192 + (rest >> 8)).unwrap_or(u8::MAX), (rest & 0xff) as u8]);
        }
    }
    packet.extend(body);
    let mut out = String::from("-----BEGIN PGP SIGNATURE-----\n\n");
    let encoded = STANDARD.encode(&packet);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    let sum = STANDARD.encode(&crc24(&packet).to_be_bytes()[1..]);
    out.push_str(&format!("={sum}\n-----END PGP SIGNATURE-----\n"));
    out
}

/// The checksum of an armor (RFC 4880, section 6.1).
fn crc24(data: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 0x80_0000 != 0 { (sum << 1) ^ 0x186_4cfb } else { sum << 1 };
    data.iter().fold(0xb7_04ce, |sum, byte| (0..8).fold(sum ^ (u32::from(*byte) << 16), step) & 0xff_ffff)
}

#[cfg(test)]
mod tests;
