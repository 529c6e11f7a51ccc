//! The privacy protocols: CBC-DES, and CFB with the three sizes of AES.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

/// A privacy protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// CBC-DES: broken long ago, for managers that have nothing else.
    Des,
    /// CFB128-AES-128.
    Aes128,
    /// CFB128-AES-192.
    Aes192,
    /// CFB128-AES-256.
    Aes256,
}

/// What goes into the initialization vector beside the salt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Boots of the authoritative engine.
    pub boots: u32,
    /// Its time.
    pub time: u32,
}

impl Cipher {
    /// All of them with their names in the configuration.
    pub const NAMES: [(&'static str, Cipher); 4] = [
        ("des", Cipher::Des),
        ("aes", Cipher::Aes128),
        ("aes192", Cipher::Aes192),
        ("aes256", Cipher::Aes256),
    ];

    /// By its name in any spelling: `AES-128` and `aes128` are `aes`.
    pub fn named(name: &str) -> Option<Cipher> {
        let plain = name.to_ascii_lowercase().replace('-', "");
        let plain = if plain == "aes128" { "aes" } else { &plain };
        Cipher::NAMES.into_iter().find(|(name, _)| *name == plain).map(|(_, cipher)| cipher)
    }

    /// Octets of its key; of the key of DES the second half is for the initialization vector.
    pub(crate) fn key_length(self) -> usize {
        match self {
            Cipher::Des | Cipher::Aes128 => 16,
            Cipher::Aes192 => 24,
            Cipher::Aes256 => 32,
        }
    }

    /// What is sent as the salt: a counter that never repeats, with DES behind the boots.
    pub(crate) fn salt(self, counter: u64, moment: Moment) -> [u8; 8] {
        match self {
            Cipher::Des => (u64::from(moment.boots) << 32 | counter & 0xffff_ffff).to_be_bytes(),
            _ => counter.to_be_bytes(),
        }
    }

    /// Encrypts; nothing when the key is too short.
    pub(crate) fn encrypt(
        self,
        key: &[u8],
        salt: [u8; 8],
        moment: Moment,
        plain: &[u8],
    ) -> Option<Vec<u8>> {
        let key = key.get(..self.key_length())?;
        let mut out = plain.to_vec();
        let vector = feedback(salt, moment);
        match self {
            Cipher::Des => {
                out.resize(out.len().next_multiple_of(8), 0);
                let (key, vector) = des(key, salt)?;
                let size = out.len();
                let mode = cbc::Encryptor::<des::Des>::new_from_slices(&key, &vector).ok()?;
                mode.encrypt_padded::<NoPadding>(&mut out, size).ok()?;
            }
            Cipher::Aes128 => cfb_mode::Encryptor::<aes::Aes128>::new_from_slices(key, &vector)
                .ok()?
                .encrypt(&mut out),
            Cipher::Aes192 => cfb_mode::Encryptor::<aes::Aes192>::new_from_slices(key, &vector)
                .ok()?
                .encrypt(&mut out),
            Cipher::Aes256 => cfb_mode::Encryptor::<aes::Aes256>::new_from_slices(key, &vector)
                .ok()?
                .encrypt(&mut out),
        }
        Some(out)
    }

    /// Decrypts; nothing when that cannot be an encrypted text of this protocol.
    pub(crate) fn decrypt(
        self,
        key: &[u8],
        salt: &[u8],
        moment: Moment,
        secret: &[u8],
    ) -> Option<Vec<u8>> {
        let key = key.get(..self.key_length())?;
        let salt: [u8; 8] = salt.try_into().ok()?;
        let mut out = secret.to_vec();
        let vector = feedback(salt, moment);
        match self {
            Cipher::Des => {
                let (key, vector) = des(key, salt)?;
                let mode = cbc::Decryptor::<des::Des>::new_from_slices(&key, &vector).ok()?;
                mode.decrypt_padded::<NoPadding>(&mut out).ok()?;
            }
            Cipher::Aes128 => cfb_mode::Decryptor::<aes::Aes128>::new_from_slices(key, &vector)
                .ok()?
                .decrypt(&mut out),
            Cipher::Aes192 => cfb_mode::Decryptor::<aes::Aes192>::new_from_slices(key, &vector)
                .ok()?
                .decrypt(&mut out),
            Cipher::Aes256 => cfb_mode::Decryptor::<aes::Aes256>::new_from_slices(key, &vector)
                .ok()?
                .decrypt(&mut out),
        }
        Some(out)
    }
}

/// The initialization vector of AES: boots, time, salt.
fn feedback(salt: [u8; 8], moment: Moment) -> [u8; 16] {
    let before = u64::from(moment.boots) << 32 | u64::from(moment.time);
    (u128::from(before) << 64 | u128::from(u64::from_be_bytes(salt))).to_be_bytes()
}

/// Key and initialization vector of DES.
fn des(key: &[u8], salt: [u8; 8]) -> Option<([u8; 8], [u8; 8])> {
    let (key, before) = key.split_first_chunk::<8>()?;
    let before = u64::from_be_bytes(before.try_into().ok()?);
    Some((*key, (before ^ u64::from_be_bytes(salt)).to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encrypted_decrypts_and_with_another_moment_does_not() {
        let key: Vec<u8> = (0..32).collect();
        let moment = Moment { boots: 3, time: 77 };
        for (name, cipher) in Cipher::NAMES {
            for length in [0, 1, 8, 15, 16, 17, 300] {
                let plain = vec![0x30; length];
                let salt = cipher.salt(5, moment);
                let secret = cipher.encrypt(&key, salt, moment, &plain).unwrap();
                let back = cipher.decrypt(&key, &salt, moment, &secret).unwrap();
                assert_eq!(back[..length], plain, "{name}");
                if length > 0 {
                    assert_ne!(secret[..length], plain, "{name}");
                    let other = [1; 8];
                    assert_ne!(
                        cipher.decrypt(&key, &other, moment, &secret).unwrap()[..length],
                        plain,
                        "{name}"
                    );
                }
            }
            assert_eq!(cipher.decrypt(&key, &[0; 7], moment, &[0; 8]), None, "{name}");
            assert_eq!(cipher.encrypt(&key[..15], [0; 8], moment, &[0; 8]), None, "{name}");
        }
        assert_eq!(Cipher::Des.decrypt(&key, &[0; 8], moment, &[0; 9]), None, "whole blocks only");
    }

    #[test]
    fn names_are_read_in_every_usual_spelling() {
        for (name, want) in [
            ("aes", Some(Cipher::Aes128)),
            ("AES-128", Some(Cipher::Aes128)),
            ("Aes256", Some(Cipher::Aes256)),
            ("DES", Some(Cipher::Des)),
            ("3des", None),
        ] {
            assert_eq!(Cipher::named(name), want, "{name}");
        }
    }
}
