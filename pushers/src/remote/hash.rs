//! A hash for keys that we made ourselves, where the standard one is most of the cost of a push.
//!
//! Label values may come from clients, but a series costs room in the arena before it comes here, so
//! their number is bounded and nobody can make this slow.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps.
pub(super) type Quick = BuildHasherDefault<Words>;

/// Eight bytes at a time: turned, mixed in, multiplied.
#[derive(Debug, Default)]
pub(super) struct Words(u64);

/// An odd number with bits in no order.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl Words {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MIX);
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
        // The map looks at the highest bits and at the lowest ones.
        self.0 ^ self.0 >> 32
    }
}
