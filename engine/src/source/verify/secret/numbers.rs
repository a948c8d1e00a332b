//! Whole numbers without a sign, for what aws-lc-rs does not offer: the remainders of RSA's halves, and signatures of ECDSA that
//! need no chance. Not in constant time; numbers of a signature are of one's own keys, and nobody measures.

/// Limbs of 32 bits, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number(Vec<u32>);

impl Number {
    /// Reads bytes, the highest first.
    pub(super) fn of(bytes: &[u8]) -> Number {
        let limbs =
            bytes.rchunks(4).map(|chunk| chunk.iter().fold(0, |limb, byte| (limb << 8) | u32::from(*byte)));
        Number(limbs.collect()).trimmed()
    }

    /// The number one.
    pub(super) fn one() -> Number {
        Number(vec![1])
    }

    fn trimmed(mut self) -> Number {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    /// Its bytes, the highest first, in so many bytes at least.
    pub(super) fn bytes(&self, size: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.0.iter().flat_map(|limb| limb.to_le_bytes()).collect();
        while bytes.len() > size && bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes.resize(size.max(bytes.len()), 0);
        bytes.reverse();
        bytes
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bits it has.
    pub(super) fn bits(&self) -> usize {
        self.0.last().map_or(0, |last| self.0.len() * 32 - last.leading_zeros() as usize)
    }

    fn bit(&self, at: usize) -> bool {
        self.0.get(at / 32).is_some_and(|limb| (limb >> (at % 32)) & 1 == 1)
    }

    /// Whether it is at least the other one.
    fn reaches(&self, other: &Number) -> bool {
        if self.0.len() != other.0.len() {
            return self.0.len() > other.0.len();
        }
        self.0.iter().rev().ge(other.0.iter().rev())
    }

    pub(super) fn is_below(&self, other: &Number) -> bool {
        !self.reaches(other)
    }

    fn plus(&self, other: &Number) -> Number {
        let (mut limbs, mut carry) = (Vec::with_capacity(self.0.len() + 1), 0);
        for at in 0..self.0.len().max(other.0.len()) {
            let limb = |number: &Number| u64::from(number.0.get(at).copied().unwrap_or_default());
            let sum = limb(self) + limb(other) + carry;
            limbs.push(sum as u32);
            carry = sum >> 32;
        }
        limbs.push(carry as u32);
        Number(limbs).trimmed()
    }

    /// The difference to a number that is not greater.
    pub(super) fn minus(&self, other: &Number) -> Number {
        let (mut limbs, mut borrow) = (Vec::with_capacity(self.0.len()), false);
        for at in 0..self.0.len() {
            let (rest, first) = self.0[at].overflowing_sub(other.0.get(at).copied().unwrap_or_default());
            let (rest, second) = rest.overflowing_sub(u32::from(borrow));
            borrow = first || second;
            limbs.push(rest);
        }
        Number(limbs).trimmed()
    }

    /// Without its lowest bits.
    pub(super) fn without(&self, bits: usize) -> Number {
        let (limbs, rest) = (bits / 32, bits % 32);
        let at = |at: usize| u64::from(self.0.get(at).copied().unwrap_or_default());
        let shifted = (limbs..self.0.len()).map(|n| ((at(n) | (at(n + 1) << 32)) >> rest) as u32);
        Number(shifted.collect()).trimmed()
    }

    /// What is left of it by a division. `by` is not zero.
    pub(super) fn rest(&self, by: &Number) -> Number {
        let mut rest = Number(Vec::new());
        for at in (0..self.bits()).rev() {
            rest = rest.plus(&rest);
            if self.bit(at) {
                rest = rest.plus(&Number::one());
            }
            if rest.reaches(by) {
                rest = rest.minus(by);
            }
        }
        rest
    }

    /// The sum of two numbers below `by`, as a number below `by`.
    pub(super) fn plus_rest(&self, other: &Number, by: &Number) -> Number {
        let sum = self.plus(other);
        if sum.reaches(by) { sum.minus(by) } else { sum }
    }

    /// The product of two numbers below `by`, as a number below `by`.
    pub(super) fn times_rest(&self, other: &Number, by: &Number) -> Number {
        let mut product = Number(Vec::new());
        for at in (0..self.bits()).rev() {
            product = product.plus_rest(&product, by);
            if self.bit(at) {
                product = product.plus_rest(other, by);
            }
        }
        product
    }

    /// The number by which this one gives one, of the numbers below a prime.
    pub(super) fn inverse(&self, prime: &Number) -> Number {
        // Fermat: to the power of two less than the prime.
        let power = prime.minus(&Number(vec![2]));
        let mut found = Number::one();
        for at in (0..power.bits()).rev() {
            found = found.times_rest(&found, prime);
            if power.bit(at) {
                found = found.times_rest(self, prime);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn number(value: u128) -> Number {
        Number::of(&value.to_be_bytes())
    }

    #[rstest]
    #[case(0, 7)]
    #[case(1, 1)]
    #[case(0xffff_ffff, 0x1_0000_0000)]
    #[case(0x1_0000_0000, 0xffff_ffff)]
    #[case(0xdead_beef_0123_4567_89ab_cdef_0000_0001, 0xffff_ffff_ffff_fffb)]
    #[case(u128::MAX, 3)]
    fn numbers_are_those_of_the_machine(#[case] a: u128, #[case] b: u128) {
        assert_eq!(number(a).rest(&number(b)), number(a % b));
        assert_eq!(number(a).bits(), 128 - a.leading_zeros() as usize);
        assert_eq!(number(a).is_below(&number(b)), a < b);
        assert_eq!(number(a).minus(&number(a.min(b))), number(a - a.min(b)));
        assert_eq!(number(a).without(37), number(a >> 37));
        assert_eq!(number(a).without(32), number(a >> 32));
        assert_eq!(number(a).bytes(16), a.to_be_bytes());
        assert_eq!(number(a).is_zero(), a == 0);
        let prime = 0xffff_ffff_ffff_ffc5_u128;
        let (x, y) = (a % prime, b % prime);
        assert_eq!(number(x).plus_rest(&number(y), &number(prime)), number((x + y) % prime));
        let product = number(x).times_rest(&number(y), &number(prime));
        assert_eq!(product, number(x * y % prime));
        if y != 0 {
            let inverse = number(y).inverse(&number(prime));
            assert_eq!(inverse.times_rest(&number(y), &number(prime)), Number::one());
        }
    }
}
