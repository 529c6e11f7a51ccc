//! The authentication protocols: a hash each, and how much of its HMAC a message carries.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;

/// An authentication protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-96.
    Sha1,
    /// HMAC-128-SHA-224.
    Sha224,
    /// HMAC-192-SHA-256.
    Sha256,
    /// HMAC-256-SHA-384.
    Sha384,
    /// HMAC-384-SHA-512.
    Sha512,
}

/// Runs a line with `D` as the type of the hash.
macro_rules! with {
    ($hash:expr, $D:ident => $line:expr) => {
        match $hash {
            Hash::Md5 => {
                type $D = md5::Md5;
                $line
            }
            Hash::Sha1 => {
                type $D = sha1::Sha1;
                $line
            }
            Hash::Sha224 => {
                type $D = sha2::Sha224;
                $line
            }
            Hash::Sha256 => {
                type $D = sha2::Sha256;
                $line
            }
            Hash::Sha384 => {
                type $D = sha2::Sha384;
                $line
            }
            Hash::Sha512 => {
                type $D = sha2::Sha512;
                $line
            }
        }
    };
}

impl Hash {
    /// All of them with their names in the configuration.
    pub const NAMES: [(&'static str, Hash); 6] = [
        ("md5", Hash::Md5),
        ("sha", Hash::Sha1),
        ("sha224", Hash::Sha224),
        ("sha256", Hash::Sha256),
        ("sha384", Hash::Sha384),
        ("sha512", Hash::Sha512),
    ];

    /// By its name in any spelling: `SHA-256` is `sha256`, `sha1` is `sha`.
    pub fn named(name: &str) -> Option<Hash> {
        let plain = name.to_ascii_lowercase().replace('-', "");
        let plain = if plain == "sha1" { "sha" } else { &plain };
        Hash::NAMES.into_iter().find(|(name, _)| *name == plain).map(|(_, hash)| hash)
    }

    /// Octets of a digest in a message.
    pub fn carried(self) -> usize {
        match self {
            Hash::Md5 | Hash::Sha1 => 12,
            Hash::Sha224 => 16,
            Hash::Sha256 => 24,
            Hash::Sha384 => 32,
            Hash::Sha512 => 48,
        }
    }

    /// The hash of these parts, one behind the other.
    pub(crate) fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        with!(self, D => {
            let mut digest = D::new();
            parts.iter().for_each(|part| digest.update(part));
            digest.finalize().to_vec()
        })
    }

    /// The hash of `length` bytes that repeat `pattern`.
    pub(crate) fn of_repeated(self, pattern: &[u8], length: usize) -> Vec<u8> {
        // Blocks of the pattern, so that the hash is fed in long pieces.
        let block = pattern.repeat(4096_usize.div_ceil(pattern.len().max(1)));
        if block.is_empty() {
            return self.of(&[]);
        }
        with!(self, D => {
            let mut digest = D::new();
            let mut left = length;
            while left > 0 {
                let piece = block.get(..left).unwrap_or(&block);
                digest.update(piece);
                left -= piece.len();
            }
            digest.finalize().to_vec()
        })
    }

    /// The digest that a message carries.
    pub(crate) fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut whole = with!(self, D => match Hmac::<D>::new_from_slice(key) {
            Ok(mac) => mac.chain_update(message).finalize().into_bytes().to_vec(),
            // A key of any length will do.
            Err(_) => Vec::new(),
        });
        whole.truncate(self.carried());
        whole
    }

    /// Whether a message carries this digest, found out in the same time for every wrong one.
    /// `parts` are the message with zeroes for the digest.
    pub(crate) fn verify(self, key: &[u8], parts: &[&[u8]], digest: &[u8]) -> bool {
        digest.len() == self.carried()
            && with!(self, D => match Hmac::<D>::new_from_slice(key) {
                Ok(mut mac) => {
                    parts.iter().for_each(|part| mac.update(part));
                    mac.verify_truncated_left(digest).is_ok()
                }
                Err(_) => false,
            })
    }
}
