//! Datagrams that nobody on the way can read.
//!
//! Format: the original's: cipher text of `<microseconds> [prefix ]message`, blocks chained, PKCS
//! padding. Keys that are too short are filled up with zeros, first blocks with the digit 0; each
//! datagram begins anew.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};

use crate::Moment;

/// Ciphers by the names of OpenSSL.
pub const ALGORITHMS: [&str; 6] =
    ["bf-cbc", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-cbc", "des-ede3-cbc"];

/// A cipher with its key.
#[derive(Clone)]
pub struct Cipher {
    algorithm: Algorithm,
    key: Vec<u8>,
    iv: Vec<u8>,
    prefix: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Blowfish,
    Aes128,
    Aes192,
    Aes256,
    Des,
    TripleDes,
}

/// Nothing of the key.
impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cipher").field(&self.algorithm).finish()
    }
}

impl Cipher {
    /// The cipher `name` of OpenSSL with that secret. The error is the line for the log.
    pub fn new(
        name: &str,
        secret: &str,
        iv: Option<&str>,
        prefix: Option<&str>,
    ) -> Result<Cipher, String> {
        let (algorithm, key, block) = match name.to_ascii_lowercase().as_str() {
            "bf-cbc" | "bf" | "blowfish" => (Algorithm::Blowfish, 16, 8),
            "aes-128-cbc" | "aes128" => (Algorithm::Aes128, 16, 16),
            "aes-192-cbc" | "aes192" => (Algorithm::Aes192, 24, 16),
            "aes-256-cbc" | "aes256" => (Algorithm::Aes256, 32, 16),
            "des-cbc" | "des" => (Algorithm::Des, 8, 8),
            "des-ede3-cbc" | "des3" => (Algorithm::TripleDes, 24, 8),
            _ => {
                let known = ALGORITHMS.join(", ");
                return Err(format!("[uwsgi-logcrypto] unknown cipher \"{name}\" ({known})"));
            }
        };
        let fit = |text: &str, size: usize, fill: u8| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.resize(size, fill);
            bytes
        };
        let (key, iv) = (fit(secret, key, 0), fit(iv.unwrap_or(""), block, b'0'));
        Ok(Cipher { algorithm, key, iv, prefix: prefix.map(str::to_owned) })
    }

    /// The datagram for `message`.
    pub fn packet(&self, message: &[u8], at: Moment) -> Vec<u8> {
        let mut text = format!("{} ", at.0).into_bytes();
        if let Some(prefix) = &self.prefix {
            text.extend(format!("{prefix} ").bytes());
        }
        text.extend_from_slice(message);
        match self.algorithm {
            Algorithm::Blowfish => self.run::<cbc::Encryptor<blowfish::Blowfish>>(&text),
            Algorithm::Aes128 => self.run::<cbc::Encryptor<aes::Aes128>>(&text),
            Algorithm::Aes192 => self.run::<cbc::Encryptor<aes::Aes192>>(&text),
            Algorithm::Aes256 => self.run::<cbc::Encryptor<aes::Aes256>>(&text),
            Algorithm::Des => self.run::<cbc::Encryptor<des::Des>>(&text),
            Algorithm::TripleDes => self.run::<cbc::Encryptor<des::TdesEde3>>(&text),
        }
    }

    fn run<C: BlockModeEncrypt + KeyIvInit>(&self, text: &[u8]) -> Vec<u8> {
        match C::new_from_slices(&self.key, &self.iv) {
            Ok(cipher) => cipher.encrypt_padded_vec::<Pkcs7>(text),
            // Both were made to size.
            Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// `printf '7 web hello\n' | openssl enc -ALGORITHM -K KEY -iv IV [-provider legacy -provider default] | xxd -p`
    #[test]
    fn openssl_writes_the_same() {
        let packet = |name: &str, iv| {
            hex(&Cipher::new(name, "ciaociao", iv, Some("web"))
                .unwrap()
                .packet(b"hello\n", Moment(7)))
        };
        assert_eq!(packet("aes-128-cbc", None), "151c82b98efe8d2990fbd5e0801e3ab1");
        assert_eq!(packet("aes-256-cbc", Some("abc")), "cbf626be18fc4a88d2eea131ecf6f2de");
        assert_eq!(packet("bf-cbc", None), "2677112703bdcf34152a14852c8ec7c5");
        assert_eq!(packet("des-ede3-cbc", None), "65bb911e2ab6d274cbf8d2807067b8e2");
    }

    #[test]
    fn an_unknown_cipher_is_named_and_a_key_is_not_shown() {
        let said = Cipher::new("rot13", "x", None, None).unwrap_err();
        assert!(said.contains("\"rot13\"") && said.contains("bf-cbc"), "{said}");
        for name in ALGORITHMS {
            let cipher = Cipher::new(name, "secret", None, None).unwrap();
            assert!(!format!("{cipher:?}").contains("secret"));
            assert!(!cipher.packet(b"", Moment(1)).is_empty(), "{name}");
        }
    }
}
