//! Signatures by OpenPGP keys.

use super::dearmor;
use super::packets::{Key, Packet, PgpSignature, framed, packets};

const SIGNATURE: u8 = 2;
const KEY: u8 = 6;
const USER: u8 = 13;
const SUBKEY: u8 = 14;
/// The bit of a key's flags that says that it signs.
const SIGNS: u8 = 2;

/// Verifies a signature by one of the keys in `rings`; the result is the id of the (primary) key.
pub(super) fn verify(signature: &str, payload: &[u8], rings: &[String]) -> Result<String, String> {
    let blob = dearmor(signature, "PGP SIGNATURE").or_else(|| dearmor(signature, "PGP MESSAGE"));
    let blob = blob.unwrap_or_default();
    let signatures: Vec<PgpSignature<'_>> = packets(&blob)
        .into_iter()
        .filter(|(tag, _)| *tag == SIGNATURE)
        .filter_map(|(_, body)| PgpSignature::parse(body))
        .collect();
    for ring in rings {
        let missing = "unable to read armored key ring: openpgp: invalid argument: no armored data found";
        let ring = dearmor(ring, "PGP PUBLIC KEY BLOCK").ok_or(missing)?;
        let packets = packets(&ring);
        for entity in packets.chunk_by(|_, (tag, _)| *tag != KEY) {
            let Some(entity) = Entity::read(entity) else { continue };
            if signatures.iter().any(|signature| entity.signed(signature, payload)) {
                return Ok(entity.primary.name());
            }
        }
    }
    Err("unable to verify payload with any of the given key rings: no matching key".to_owned())
}

/// A key with what belongs to it.
pub(super) struct Entity<'a> {
    primary: Key<'a>,
    /// The newest statement of the key about itself.
    about: PgpSignature<'a>,
    /// Subkeys that the key has bound, with the statement that does so.
    subkeys: Vec<(Key<'a>, PgpSignature<'a>)>,
}

impl<'a> Entity<'a> {
    /// Reads a key; none where it has been revoked, or says nothing valid about itself.
    pub(super) fn read(packets: &[Packet<'a>]) -> Option<Entity<'a>> {
        let (&(tag, body), rest) = packets.split_first()?;
        let primary = Key::parse(body).filter(|_| tag == KEY)?;
        // What the key says about itself, with the place of the name that it says it of.
        let mut said: Vec<(usize, PgpSignature<'a>)> = Vec::new();
        let mut revoked_names: Vec<usize> = Vec::new();
        let mut subkeys: Vec<(Key<'a>, Option<PgpSignature<'a>>, bool)> = Vec::new();
        let mut at: Packet<'a> = (tag, body);
        let mut place = 0;
        for (number, &(tag, body)) in (1..).zip(rest) {
            if tag != SIGNATURE {
                (at, place) = ((tag, body), number);
                if let Some(key) = Key::parse(body).filter(|_| tag == SUBKEY) {
                    subkeys.push((key, None, false));
                }
                continue;
            }
            let Some(signature) = PgpSignature::parse(body) else {
                // A revocation that cannot be checked, by an old digest say, counts.
                match body.get(1) {
                    Some(0x20) => return None,
                    Some(0x28) => {
                        subkeys.iter_mut().last().into_iter().for_each(|(.., revoked)| *revoked = true)
                    }
                    Some(0x30) => revoked_names.push(place),
                    _ => {}
                }
                continue;
            };
            let message = match at {
                (KEY, _) => framed(primary.body),
                (USER, name) => {
                    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
                    [framed(primary.body).as_slice(), &[0xb4], &length, name].concat()
                }
                (SUBKEY, key) => [framed(primary.body), framed(key)].concat(),
                _ => continue,
            };
            if !signature.is_by(&primary, &message) {
                continue;
            }
            let newer = |old: &Option<PgpSignature<'a>>| {
                old.as_ref().is_none_or(|old| old.created <= signature.created)
            };
            match (at.0, signature.kind) {
                (KEY, 0x20) => return None,
                (KEY, 0x1f) | (USER, 0x10..=0x13) => said.push((place, signature)),
                (USER, 0x30) => revoked_names.push(place),
                (SUBKEY, 0x18 | 0x28) => {
                    let Some((key, bound, revoked)) = subkeys.last_mut().filter(|(key, ..)| key.body == at.1)
                    else {
                        continue;
                    };
                    *revoked |= signature.kind == 0x28;
                    if signature.kind == 0x18 && newer(bound) && binds(key, &signature, &message) {
                        *bound = Some(signature);
                    }
                }
                _ => {}
            }
        }
        let subkeys = subkeys.into_iter().filter(|(.., revoked)| !revoked);
        let subkeys = subkeys.filter_map(|(key, bound, _)| Some((key, bound?))).collect();
        let said = said.into_iter().filter(|(place, _)| !revoked_names.contains(place));
        let about = said.map(|(_, signature)| signature).max_by_key(|signature| signature.created)?;
        Some(Entity { primary, about, subkeys })
    }

    /// The key itself.
    pub(super) fn primary(&self) -> &Key<'a> {
        &self.primary
    }

    /// The key that signs: the subkey that was bound last of those that may, of several at once the first, else the key itself if
    /// it may.
    pub(super) fn signing(&self) -> Option<&Key<'a>> {
        let may = |said: &PgpSignature<'_>| said.flags.map(|flags| flags & SIGNS != 0);
        let subkeys = self.subkeys.iter().filter(|(_, said)| may(said) == Some(true));
        let newest = subkeys.rev().max_by_key(|(_, said)| said.created).map(|(key, _)| key);
        newest.or_else(|| may(&self.about).unwrap_or(true).then_some(&self.primary))
    }

    /// Whether the key, or one of its subkeys, made the signature of a commit or tag.
    fn signed(&self, signature: &PgpSignature<'_>, payload: &[u8]) -> bool {
        let text;
        let message = match signature.kind {
            0x00 => payload,
            0x01 => {
                text = lines(payload);
                &text
            }
            _ => return false,
        };
        let by = |key: &Key<'_>, said: &PgpSignature<'_>, without_flags: bool| {
            let named = signature.issuer.is_none_or(|issuer| issuer == key.id);
            let may = said.flags.map_or(without_flags, |flags| flags & SIGNS != 0);
            named && may && valid(key, said, signature.created) && signature.is_by(key, message)
        };
        valid(&self.primary, &self.about, signature.created)
            && (by(&self.primary, &self.about, true)
                || self.subkeys.iter().any(|(key, said)| by(key, said, false)))
    }
}

/// Whether a subkey that may sign says that it belongs to the key that binds it.
fn binds(key: &Key<'_>, signature: &PgpSignature<'_>, message: &[u8]) -> bool {
    if signature.flags.is_none_or(|flags| flags & SIGNS == 0) {
        return true;
    }
    let inner = signature.embedded.and_then(PgpSignature::parse);
    inner.is_some_and(|inner| inner.kind == 0x19 && inner.is_by(key, message))
}

/// Whether the key was valid at that time.
fn valid(key: &Key<'_>, said: &PgpSignature<'_>, at: u32) -> bool {
    let end = said.key_expires.and_then(|seconds| key.created.checked_add(seconds));
    key.created <= at && end.is_none_or(|end| at < end)
}

/// Text as it is signed: lines end with carriage return and line feed.
fn lines(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    for (at, byte) in payload.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || payload[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
