//! Key rings as `gpg --export-secret-keys` writes them, and the one key of them that signs, as `flux bootstrap` finds it: flux 2.9.5
//! was watched for the order of what is looked at, and for the words.

use super::super::packets::{Key, Packet, packet};
use super::{KeyError, PgpKey, SECRET_KEY, public_length};
use crate::source::verify::SigningKey;
use std::fmt;

/// A key that signs commits. Nothing of it is shown.
pub struct CommitKey(SigningKey);

impl fmt::Debug for CommitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitKey")
    }
}

/// Why a key ring has no key to sign with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// In flux's words.
    #[error("{0}")]
    Said(String),
    /// A key that is not supported here.
    #[error("{0} are not supported")]
    Unsupported(String),
}

/// How many hexadecimal digits the id of a key has.
const ID: usize = 16;

impl CommitKey {
    /// The key of `ring` whose id is `id`, or its first one where that is empty, opened with `passphrase`.
    ///
    /// # Errors
    /// Why there is none; nothing of the keys or of the passphrase is shown.
    pub fn of_ring(ring: &[u8], id: &str, passphrase: &str) -> Result<CommitKey, RingError> {
        let said = |words: &str| RingError::Said(words.to_owned());
        let all = read(ring).map_err(|why| RingError::Said(format!("unable to read GPG key ring: {why}")))?;
        let is_primary = |(tag, _): &Packet<'_>| matches!(*tag, SECRET_KEY | 6);
        let starts: Vec<usize> = (0..all.len()).filter(|at| is_primary(&all[*at])).collect();
        let ends = starts.iter().skip(1).copied().chain([all.len()]);
        let mut entities = starts.iter().copied().zip(ends).map(|(start, end)| &all[start..end]);
        let id = id.strip_prefix("0x").unwrap_or(id).to_uppercase();
        let entity = match id.len() {
            0 => entities.next().ok_or_else(|| said("empty GPG key ring"))?,
            _ if starts.is_empty() => return Err(said("empty GPG key ring")),
            ID => {
                let found =
                    entities.filter(|entity| primary_id(entity).is_some_and(|found| found == id)).last();
                found.ok_or_else(|| said(&format!("no GPG keyring matching key id '{id}' found")))?
            }
            length => {
                return Err(said(&format!("invalid GPG key id length; expected {ID}, got {length}")));
            }
        };
        if entity.first().is_none_or(|(tag, _)| *tag != SECRET_KEY) {
            return Err(said(&match id.as_str() {
                "" => "keyring does not contain a private key; export the secret key with 'gpg --export-secret-keys' \
                       or specify --gpg-key-id"
                    .to_owned(),
                id => format!("keyring does not contain private key for key id '{id}'"),
            }));
        }
        match PgpKey::of(entity, Some(passphrase.as_bytes()), false) {
            Ok(key) => Ok(CommitKey(SigningKey::OpenPgp(key))),
            // It is told when there is something to sign.
            Err(KeyError::Useless(why)) => Ok(CommitKey(SigningKey::Useless(why))),
            Err(KeyError::Unsupported(what)) => Err(RingError::Unsupported(what)),
            Err(KeyError::Passphrase(why)) => {
                Err(RingError::Said(format!("unable to decrypt GPG private key: {why}")))
            }
            Err(KeyError::Unreadable(why)) => {
                Err(RingError::Said(format!("unable to read GPG key ring: {why}")))
            }
            // There is one key, and a passphrase.
            Err(KeyError::Several | KeyError::NoPassphrase) => Err(said(
                "unable to decrypt GPG private key: openpgp: invalid data: private key checksum failure",
            )),
        }
    }

    /// The armored signature of `payload`, of that time (seconds since 1970).
    ///
    /// # Errors
    /// Where the key does not sign.
    pub fn sign(&self, payload: &[u8], time: i64) -> Result<String, String> {
        self.0.sign(payload, time)
    }
}

/// The packets of a ring, all of them.
fn read(mut ring: &[u8]) -> Result<Vec<Packet<'_>>, String> {
    let mut all = Vec::new();
    while let Some(head) = ring.first() {
        if head & 0x80 == 0 {
            return Err("openpgp: invalid data: tag byte does not have MSB set".to_owned());
        }
        let (found, rest) = packet(ring).ok_or_else(|| "unexpected EOF".to_owned())?;
        all.push(found);
        ring = rest;
    }
    Ok(all)
}

/// The id of the key itself, in hexadecimal digits.
fn primary_id(entity: &[Packet<'_>]) -> Option<String> {
    let (tag, body) = entity.first()?;
    let public = match *tag {
        SECRET_KEY => body.get(..public_length(body)?)?,
        _ => body,
    };
    let key = Key::parse(public)?;
    Some(key.id.iter().map(|byte| format!("{byte:02X}")).collect())
}
