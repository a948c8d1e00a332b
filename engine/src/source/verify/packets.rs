//! The packets of OpenPGP (RFC 4880 and 9580) that verification needs: keys, user ids and signatures of version 4.

use super::crypto::{Curve, Hash, PublicKey, Signature};
use aws_lc_rs::digest;

/// A packet: its tag and its body.
pub(super) type Packet<'a> = (u8, &'a [u8]);

/// Takes `data` apart. What is broken ends the list.
pub(super) fn packets(mut data: &[u8]) -> Vec<Packet<'_>> {
    let mut all = Vec::new();
    while let Some((packet, rest)) = packet(data) {
        all.push(packet);
        data = rest;
    }
    all
}

/// The first packet, and what is behind it.
pub(super) fn packet(data: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (&head, rest) = data.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, length, rest) = if head & 0x40 != 0 {
        let (length, rest) = new_length(rest)?;
        (head & 0x3f, length, rest)
    } else {
        let size = match head & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        let (length, rest) = rest.split_at_checked(size)?;
        ((head >> 2) & 0xf, number(length), rest)
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some(((tag, body), rest))
}

/// A length of the new format; partial ones do not occur in keys and signatures.
fn new_length(data: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = data.split_first()?;
    match first {
        0..192 => Some((usize::from(first), rest)),
        192..224 => {
            let (&second, rest) = rest.split_first()?;
            Some((((usize::from(first) - 192) << 8) + usize::from(second) + 192, rest))
        }
        255 => {
            let (length, rest) = rest.split_at_checked(4)?;
            Some((number(length), rest))
        }
        _ => None,
    }
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

/// A number with its bits in front.
pub(super) fn mpi<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (bits, after) = rest.split_at_checked(2)?;
    let (value, after) = after.split_at_checked(number(bits).div_ceil(8))?;
    *rest = after;
    Some(value)
}

/// How long the public part of a key's packet is, behind which the secret part begins; none where the packet is broken or the key
/// of a kind that is not known.
pub(super) fn public_length(body: &[u8]) -> Option<usize> {
    let (head, mut rest) = body.split_at_checked(6)?;
    let mut numbers = |count| (0..count).try_for_each(|_| mpi(&mut rest).map(drop));
    match head[5] {
        1..=3 => numbers(2)?,
        16 => numbers(3)?,
        17 => numbers(4)?,
        25 | 27 => rest = rest.get(32..)?,
        kind @ (18 | 19 | 22) => {
            rest = rest.get(1 + usize::from(*rest.first()?)..)?;
            mpi(&mut rest)?;
            if kind == 18 {
                rest = rest.get(1 + usize::from(*rest.first()?)..)?;
            }
        }
        _ => return None,
    }
    Some(body.len() - rest.len())
}

/// A public key, or a subkey.
#[derive(Clone, Debug)]
pub(super) struct Key<'a> {
    pub(super) body: &'a [u8],
    pub(super) created: u32,
    pub(super) id: [u8; 8],
    /// None for keys that sign nothing here.
    pub(super) key: Option<PublicKey>,
}

impl<'a> Key<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Key<'a>> {
        let (head, mut rest) = body.split_at_checked(6)?;
        if head[0] != 4 {
            return None;
        }
        let key = match head[5] {
            1 | 3 => mpi(&mut rest).and_then(|n| {
                let e = mpi(&mut rest)?;
                Some(PublicKey::Rsa { n: n.to_vec(), e: e.to_vec() })
            }),
            19 | 22 => curve_key(rest),
            27 => rest.get(..32).map(|key| PublicKey::Ed25519(key.to_vec())),
            _ => None,
        };
        let fingerprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &framed(body));
        let id = fingerprint.as_ref().get(12..20)?.try_into().ok()?;
        Some(Key { body, created: u32::try_from(number(&head[1..5])).ok()?, id, key })
    }

    /// The id, as people write it.
    pub(super) fn name(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

fn curve_key(rest: &[u8]) -> Option<PublicKey> {
    let (&length, rest) = rest.split_first()?;
    let (oid, mut rest) = rest.split_at_checked(usize::from(length))?;
    let point = mpi(&mut rest)?.to_vec();
    let curve = match oid {
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01] => {
            return Some(PublicKey::Ed25519(point.strip_prefix(&[0x40])?.to_vec()));
        }
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Curve::P256,
        [0x2b, 0x81, 0x04, 0x00, 0x22] => Curve::P384,
        [0x2b, 0x81, 0x04, 0x00, 0x23] => Curve::P521,
        _ => return None,
    };
    Some(PublicKey::Ecdsa { curve, point })
}

/// A key as it is hashed.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [[0x99].as_slice(), &length, body].concat()
}

/// A signature.
#[derive(Clone, Debug)]
pub(super) struct PgpSignature<'a> {
    pub(super) kind: u8,
    pub(super) created: u32,
    pub(super) issuer: Option<[u8; 8]>,
    /// Seconds from the key's creation to its end.
    pub(super) key_expires: Option<u32>,
    /// What the key may do, where the signature says it.
    pub(super) flags: Option<u8>,
    /// A signature inside: a subkey says that it belongs to its key.
    pub(super) embedded: Option<&'a [u8]>,
    hash: Hash,
    hashed: &'a [u8],
    signature: Signature,
}

impl<'a> PgpSignature<'a> {
    /// Reads a signature of version 4; none where it is another, or says something critical that is not understood.
    pub(super) fn parse(body: &'a [u8]) -> Option<PgpSignature<'a>> {
        let (head, rest) = body.split_at_checked(6)?;
        let (&[4, kind, algorithm, hash, ..], size) = (head, number(&head[4..6])) else { return None };
        let (inner, rest) = rest.split_at_checked(size)?;
        let (size, rest) = rest.split_at_checked(2)?;
        let (outer, rest) = rest.split_at_checked(number(size))?;
        let mut rest = rest.get(2..)?;
        let hash = match hash {
            8 => Hash::Sha256,
            9 => Hash::Sha384,
            10 => Hash::Sha512,
            _ => return None,
        };
        let signature = match algorithm {
            1 | 3 => Signature::Rsa(mpi(&mut rest)?.to_vec()),
            19 | 22 => Signature::Pair(mpi(&mut rest)?.to_vec(), mpi(&mut rest)?.to_vec()),
            27 => Signature::Ed25519(rest.get(..64)?.to_vec()),
            _ => return None,
        };
        let mut found = PgpSignature {
            kind,
            created: 0,
            issuer: None,
            key_expires: None,
            flags: None,
            embedded: None,
            hash,
            hashed: &body[..6 + inner.len()],
            signature,
        };
        found.read(inner, true)?;
        found.read(outer, false)?;
        Some(found)
    }

    /// Reads subpackets; what is not signed counts only where it proves itself.
    fn read(&mut self, mut rest: &'a [u8], signed: bool) -> Option<()> {
        while !rest.is_empty() {
            let (length, after) = new_length(rest)?;
            let (subpacket, after) = after.split_at_checked(length)?;
            rest = after;
            let (&head, value) = subpacket.split_first()?;
            let word = || value.try_into().ok().map(u32::from_be_bytes);
            match head & 0x7f {
                2 if signed => self.created = word()?,
                9 if signed => self.key_expires = word().filter(|seconds| *seconds != 0),
                27 if signed => self.flags = value.first().copied(),
                16 => self.issuer = self.issuer.or(value.try_into().ok()),
                33 => self.issuer = self.issuer.or(value.get(13..21).and_then(|id| id.try_into().ok())),
                32 => self.embedded = Some(value),
                // Preferences and notes.
                3..=5 | 7 | 10..=12 | 20..=26 | 28..=31 | 34..=39 => {}
                _ if signed && head & 0x80 != 0 => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// Whether `key` made this signature of `message`.
    pub(super) fn is_by(&self, key: &Key<'_>, message: &[u8]) -> bool {
        let Some(public) = &key.key else { return false };
        let length = u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes();
        let whole = [message, self.hashed, &[4, 0xff], length.as_slice()].concat();
        match public {
            // It signs the hash.
            PublicKey::Ed25519(_) => public.verifies(self.hash, &self.hash.of(&whole), &self.signature),
            _ => public.verifies(self.hash, &whole, &self.signature),
        }
    }
}
