//! The secret part of a key's packet: open, or locked with a passphrase (RFC 4880, sections 3.7 and 5.5.3).

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;

/// Why the secret part cannot be had. Nothing of it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is locked, and there is no passphrase.
    Locked,
    /// The passphrase is another one, or the key is broken.
    Checksum,
    /// The packet is no packet, or its open part is not what its checksum says.
    Broken,
    /// It is elsewhere: on a card, say.
    Absent,
    /// It is locked in a way that is not supported.
    Unsupported(String),
}

/// The numbers of the secret part, as they stand behind each other.
pub(super) fn open(secret: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<u8>, Unopened> {
    let (&usage, rest) = secret.split_first().ok_or(Unopened::Broken)?;
    if usage >= 253 && rest.get(1) == Some(&101) {
        // GnuPG's mark for a part that is elsewhere.
        return Err(Unopened::Absent);
    }
    match usage {
        0 => {
            let (numbers, sum) = rest.split_last_chunk::<2>().ok_or(Unopened::Broken)?;
            let found = numbers.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
            if found == u16::from_be_bytes(*sum) { Ok(numbers.to_vec()) } else { Err(Unopened::Broken) }
        }
        254 => unlock(rest, passphrase),
        255 => Err(unsupported("with a checksum of two bytes")),
        253 => Err(unsupported("by AEAD")),
        other => Err(unsupported(&format!("by the convention {other}"))),
    }
}

fn unsupported(how: &str) -> Unopened {
    Unopened::Unsupported(format!("OpenPGP keys that are protected {how}"))
}

/// `secret` begins with the cipher.
fn unlock(secret: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<u8>, Unopened> {
    let (&[cipher, specifier], rest) = secret.split_first_chunk::<2>().ok_or(Unopened::Broken)?;
    let (algorithm, size) = match cipher {
        7 => (&AES_128, 16),
        8 => (&AES_192, 24),
        9 => (&AES_256, 32),
        other => return Err(unsupported(&format!("by the cipher {other}"))),
    };
    if specifier != 3 {
        return Err(unsupported(&format!("by the string-to-key specifier {specifier}")));
    }
    let (head, rest) = rest.split_first_chunk::<10>().ok_or(Unopened::Broken)?;
    let hash = match head[0] {
        2 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        8 => &digest::SHA256,
        9 => &digest::SHA384,
        10 => &digest::SHA512,
        11 => &digest::SHA224,
        other => return Err(unsupported(&format!("by the hash {other}"))),
    };
    let passphrase = passphrase.ok_or(Unopened::Locked)?;
    let (iv, locked) = rest.split_first_chunk::<16>().ok_or(Unopened::Broken)?;
    let key = stretched(hash, &head[1..9], head[9], passphrase, size);
    let mut opened = vec![0; locked.len() + 16];
    let failed = |_| Unopened::Broken;
    let key = UnboundCipherKey::new(algorithm, &key).map_err(failed)?;
    let context = DecryptionContext::Iv128(FixedLength::from(*iv));
    let mut stream = StreamingDecryptingKey::cfb128(key, context).map_err(failed)?;
    let written = stream.update(locked, &mut opened).map_err(failed)?.written().len();
    let last = stream.finish(&mut opened[written..]).map_err(failed)?.written().len();
    opened.truncate(written + last);
    let (numbers, sum) = opened.split_last_chunk::<20>().ok_or(Unopened::Broken)?;
    let found = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, numbers);
    if found.as_ref() == sum { Ok(numbers.to_vec()) } else { Err(Unopened::Checksum) }
}

/// The key of a passphrase: salt and passphrase, again and again, through the hash; where that is too short, through others that
/// begin with zeros.
fn stretched(
    hash: &'static digest::Algorithm,
    salt: &[u8],
    count: u8,
    passphrase: &[u8],
    size: usize,
) -> Vec<u8> {
    let unit = [salt, passphrase].concat();
    let length = ((16 + usize::from(count & 15)) << ((count >> 4) + 6)).max(unit.len());
    // In larger pieces: there are up to 65 million bytes.
    let piece = unit.repeat((64 * 1024_usize).div_ceil(unit.len()));
    let mut key = Vec::new();
    for zeros in 0.. {
        if key.len() >= size {
            break;
        }
        let mut context = digest::Context::new(hash);
        context.update(&vec![0; zeros]);
        let mut left = length;
        while left > 0 {
            let now = left.min(piece.len());
            context.update(&piece[..now]);
            left -= now;
        }
        key.extend(context.finish().as_ref());
    }
    key.truncate(size);
    key
}
