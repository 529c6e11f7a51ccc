//! A hash for keys that we made ourselves, where the standard one is most of the cost of a push.
//!
//! Label values may come from clients, but a series costs room in the arena before it comes here, so
//! their number is bounded and nobody can make this slow.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps.
pub(super) type Quick = BuildHasherDefault<Words>;

/// Eight bytes at a time: mixed in, multiplied, and both halves of the product folded, so that every
/// bit moves all others: texts that differ in a digit are the rule here.
#[derive(Debug, Default)]
pub(super) struct Words(u64);

/// An odd number with bits in no order.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl Words {
    fn add(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(MIX);
        self.0 = (wide as u64) ^ (wide >> 64) as u64;
    }
}

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    #[test]
    fn texts_that_differ_in_a_digit_spread_over_the_table() {
        let quick = Quick::default();
        let hash = |n: u32| quick.hash_one(format!("shop-{n}").as_bytes());
        let low: HashSet<u64> = (0..10_000).map(|n| hash(n) & 0xffff).collect();
        let high: HashSet<u64> = (0..10_000).map(|n| hash(n) >> 57).collect();
        // Chance alone would fill 9,280 of 65,536 places, and all 128.
        assert!(low.len() > 8_500 && high.len() == 128, "{} {}", low.len(), high.len());
    }
}
