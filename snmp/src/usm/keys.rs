//! Keys: a password stretched to a megabyte, hashed, and bound to one engine.

use super::cipher::Cipher;
use super::hash::Hash;
use super::user::User;

/// Bytes that a password is repeated to.
const STRETCHED: usize = 1_048_576;

/// The keys of a user at one engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Authentication.
    pub(crate) auth: Option<(Hash, Vec<u8>)>,
    /// Privacy; there is none without authentication.
    pub(crate) privacy: Option<(Cipher, Vec<u8>)>,
}

impl Keys {
    /// Makes them. Takes some milliseconds: the stretching is meant to.
    pub fn of(user: &User, engine_id: &[u8]) -> Keys {
        let Some((hash, password)) = &user.auth else { return Keys { auth: None, privacy: None } };
        let auth = localized(*hash, password.as_bytes(), engine_id);
        let privacy = user.privacy.as_ref().map(|(cipher, password)| {
            let key = localized(*hash, password.as_bytes(), engine_id);
            (*cipher, extended(*hash, key, cipher.key_length()))
        });
        Keys { auth: Some((*hash, auth)), privacy }
    }
}

/// The key of a password at an engine.
fn localized(hash: Hash, password: &[u8], engine_id: &[u8]) -> Vec<u8> {
    let key = hash.of_repeated(password, STRETCHED);
    hash.of(&[&key, engine_id, &key])
}

/// A key long enough for its cipher: hashes of what there is are put behind it, as managers do
/// where a short hash meets a long key.
fn extended(hash: Hash, mut key: Vec<u8>, length: usize) -> Vec<u8> {
    while key.len() < length {
        let more = hash.of(&[&key]);
        key.extend(more);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The examples of RFC 3414, A.3.
    #[test]
    fn the_known_password_has_the_known_keys() {
        let engine = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        for (hash, stretched, local) in [
            (Hash::Md5, "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
            (
                Hash::Sha1,
                "9fb5cc0381497b3793528939ff788d5d79145211",
                "6695febc9288e36282235fc7151f128497b38f3f",
            ),
        ] {
            assert_eq!(hex(&hash.of_repeated(b"maplesyrup", STRETCHED)), stretched);
            assert_eq!(hex(&localized(hash, b"maplesyrup", &engine)), local);
        }
    }

    #[test]
    fn a_short_key_grows_and_a_long_one_stays() {
        let key = extended(Hash::Md5, vec![1; 16], 32);
        assert_eq!((key.len(), &key[..16]), (32, &[1; 16][..]));
        assert_eq!(key[16..], Hash::Md5.of(&[&[1; 16]]));
        assert_eq!(extended(Hash::Sha512, vec![1; 64], 32).len(), 64);
    }
}
