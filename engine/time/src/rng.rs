//! The seeded random source: one independent stream for each label.

use rand_xoshiro::Xoshiro256StarStar;
use rand_xoshiro::rand_core::{RngCore as _, SeedableRng};

/// Kubernetes' alphabet for generated name suffixes: no vowels, no digits that look like letters.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A stream of random numbers, taken from [`Clock::rng`](crate::Clock::rng).
///
/// Not for keys that protect anything: the whole stream follows from the run's seed.
#[derive(Clone, Debug)]
pub struct Rng(Xoshiro256StarStar);

impl Rng {
    /// The stream number `turn` (from 0) of `label` under `seed`.
    pub(crate) fn stream(seed: u64, label: &str, turn: u64) -> Rng {
        // FNV-1a: stable over versions and machines, which the standard library's hashers do not promise.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let bytes = seed.to_le_bytes().into_iter().chain(label.bytes()).chain(turn.to_le_bytes());
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Rng(Xoshiro256StarStar::seed_from_u64(hash))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 up to, but not including, `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The high half of the product: no division, and a bias of at most n / 2^64.
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Fills `bytes` with random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// A random UUID (version 4) in its usual text form.
    pub fn uuid(&mut self) -> String {
        let mut b = [0u8; 16];
        self.fill(&mut b);
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        let mut text = String::with_capacity(36);
        for (i, byte) in b.into_iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.extend([digit(byte >> 4), digit(byte & 0x0f)]);
        }
        text
    }

    /// `len` characters as Kubernetes appends them to generated names.
    pub fn suffix(&mut self, len: usize) -> String {
        (0..len)
            .map(|_| char::from(SUFFIX_ALPHABET[self.below(SUFFIX_ALPHABET.len() as u64) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_label_differ_by_turn_and_seed_and_repeat_exactly() {
        let draw = |seed, label, turn| Rng::stream(seed, label, turn).next_u64();
        assert_eq!(draw(1, "uid", 0), draw(1, "uid", 0));
        let all = [draw(1, "uid", 0), draw(1, "uid", 1), draw(2, "uid", 0), draw(1, "name", 0)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "two streams start alike");
        }
    }

    #[test]
    fn numbers_below_a_bound_stay_below_it_and_reach_every_value() {
        let mut rng = Rng::stream(3, "x", 0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[rng.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn uuids_are_version_4_and_suffixes_use_the_kubernetes_alphabet() {
        let mut rng = Rng::stream(3, "x", 0);
        let uuid = rng.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert!(rng.suffix(50).bytes().all(|b| SUFFIX_ALPHABET.contains(&b)));
    }
}
