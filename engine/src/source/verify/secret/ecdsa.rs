//! Signatures of ECDSA whose secret number follows from key and message (RFC 6979): the same commit has the same id.

use super::super::crypto::{Curve, Hash};
use super::numbers::Number;
use aws_lc_rs::agreement::{Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey};
use aws_lc_rs::hmac;

const ORDER_P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const ORDER_P384: [u8; 24] = [
    0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec,
    0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];
const ORDER_P521: [u8; 33] = [
    0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0,
    0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
];

/// The order of a curve's group. The upper halves of the two larger ones are bits that are set.
fn order(curve: Curve) -> Number {
    let bytes = match curve {
        Curve::P256 => ORDER_P256.to_vec(),
        Curve::P384 => [[0xff; 24].as_slice(), &ORDER_P384].concat(),
        Curve::P521 => [[0x01].as_slice(), &[0xff; 32], &ORDER_P521].concat(),
    };
    Number::of(&bytes)
}

fn group(curve: Curve) -> &'static Algorithm {
    match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::P521 => &ECDH_P521,
    }
}

/// The public point of a secret number, uncompressed; none where that is no secret of the curve.
pub(super) fn point(curve: Curve, secret: &[u8]) -> Option<Vec<u8>> {
    let secret = Number::of(secret).bytes(curve.size());
    let key = PrivateKey::from_private_key(group(curve), &secret).ok()?;
    Some(key.compute_public_key().ok()?.as_ref().to_vec())
}

/// Signs `digest`, the hash of a message by the curve's own hash; both numbers in the curve's size.
pub(super) fn sign(curve: Curve, secret: &[u8], digest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (order, size) = (order(curve), curve.size());
    let key = Number::of(secret);
    let hashed = leftmost(digest, &order);
    let hashed = if hashed.is_below(&order) { hashed } else { hashed.minus(&order) };
    let mut secrets = Secrets::new(curve, &key.bytes(size), &hashed.bytes(size));
    // One attempt fails once in 2^256 times.
    for _ in 0..8 {
        let k = secrets.next(&order);
        let point = point(curve, &k.bytes(size))?;
        let r = Number::of(point.get(1..=size)?).rest(&order);
        let sum = r.times_rest(&key, &order).plus_rest(&hashed, &order);
        let s = k.inverse(&order).times_rest(&sum, &order);
        if !r.is_zero() && !s.is_zero() {
            return Some((r.bytes(size), s.bytes(size)));
        }
    }
    None
}

/// As many of the first bits as the order has.
fn leftmost(bytes: &[u8], order: &Number) -> Number {
    Number::of(bytes).without((bytes.len() * 8).saturating_sub(order.bits()))
}

/// The generator of RFC 6979, section 3.2.
struct Secrets {
    algorithm: hmac::Algorithm,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Secrets {
    fn new(curve: Curve, key: &[u8], hashed: &[u8]) -> Secrets {
        let algorithm = match curve.hash() {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        };
        let size = curve.hash().of(&[]).len();
        let mut made = Secrets { algorithm, key: vec![0; size], value: vec![1; size] };
        for mark in [0, 1] {
            made.stir(&[&[mark], key, hashed]);
        }
        made
    }

    fn hmac(&self, parts: &[&[u8]]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.algorithm, &self.key), &parts.concat()).as_ref().to_vec()
    }

    fn stir(&mut self, parts: &[&[u8]]) {
        self.key = self.hmac(&[self.value.as_slice(), &parts.concat()]);
        self.value = self.hmac(&[&self.value]);
    }

    fn next(&mut self, order: &Number) -> Number {
        loop {
            let mut bytes = Vec::new();
            while bytes.len() * 8 < order.bits() {
                self.value = self.hmac(&[&self.value]);
                bytes.extend(&self.value);
            }
            let found = leftmost(&bytes, order);
            // For the next one, whether this one does or not.
            self.stir(&[&[0]]);
            if !found.is_zero() && found.is_below(order) {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    }

    // RFC 6979, appendix A.2.5 to A.2.7: the message "sample" and the curve's own hash.
    #[rstest]
    #[case::p256(
        Curve::P256,
        "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )]
    #[case::p384(
        Curve::P384,
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46",
        "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"
    )]
    #[case::p521(
        Curve::P521,
        "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
        "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa",
        "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a"
    )]
    fn signatures_are_those_of_the_specification(
        #[case] curve: Curve,
        #[case] key: &str,
        #[case] r: &str,
        #[case] s: &str,
    ) {
        let found = sign(curve, &hex(key), &curve.hash().of(b"sample"));
        assert_eq!(found, Some((hex(r), hex(s))));
    }
}
