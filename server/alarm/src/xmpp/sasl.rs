//! SASL: who the client is, proved to the server, and with SCRAM the other way round.
//!
//! Pure but for the nonce. Channel binding is not offered.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2};

use uwsgi_net::base64 as encode;

/// A server may ask for much work, but not for minutes of it.
const MOST_ROUNDS: u32 = 1_000_000;

/// How to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    ScramSha256,
    ScramSha1,
    Plain,
}

impl Mechanism {
    /// The best of those that the server offers; PLAIN shows the password and needs encryption.
    pub(crate) fn choose(offered: &[&str], encrypted: bool) -> Option<Self> {
        let all = [Self::ScramSha256, Self::ScramSha1, Self::Plain];
        let fits = |it: &Self| offered.contains(&it.name()) && (encrypted || *it != Self::Plain);
        all.into_iter().find(fits)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
        }
    }
}

/// The only message of PLAIN, in base64.
pub(crate) fn plain(user: &str, password: &str) -> String {
    encode(format!("\0{user}\0{password}").as_bytes())
}

/// A nonce of printable characters.
pub(crate) fn nonce() -> Result<String, String> {
    let mut bytes = [0; 18];
    let random = ring::rand::SystemRandom::new();
    random.fill(&mut bytes).map_err(|_| "no random numbers".to_owned())?;
    Ok(encode(&bytes))
}

struct Hashes {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

/// One run of SCRAM (RFC 5802, 7677).
pub(crate) struct Scram {
    hashes: Hashes,
    password: String,
    nonce: String,
    first: String,
    /// What the server must know to be the one that knows the password.
    signature: Option<Vec<u8>>,
}

impl Scram {
    /// A run with a fresh nonce.
    pub(crate) fn new(mechanism: Mechanism, user: &str, password: &str, nonce: String) -> Self {
        let hashes = match mechanism {
            Mechanism::ScramSha1 => Hashes {
                digest: &digest::SHA1_FOR_LEGACY_USE_ONLY,
                hmac: hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                pbkdf2: pbkdf2::PBKDF2_HMAC_SHA1,
            },
            _ => Hashes {
                digest: &digest::SHA256,
                hmac: hmac::HMAC_SHA256,
                pbkdf2: pbkdf2::PBKDF2_HMAC_SHA256,
            },
        };
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        Self { hashes, password: password.to_owned(), nonce, first, signature: None }
    }

    /// The first message, in base64.
    pub(crate) fn first(&self) -> String {
        encode(format!("n,,{}", self.first).as_bytes())
    }

    /// The answer to the server's challenge, both in base64.
    pub(crate) fn answer(&mut self, challenge: &str) -> Result<String, String> {
        let challenge = decode(challenge)?;
        let (nonce, salt, rounds) =
            (field(&challenge, 'r')?, field(&challenge, 's')?, field(&challenge, 'i')?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the server's nonce does not continue ours".to_owned());
        }
        let salt = STANDARD.decode(salt).map_err(|_| "the salt is not base64".to_owned())?;
        let rounds = rounds.parse().ok().filter(|rounds| *rounds <= MOST_ROUNDS);
        let rounds = rounds.and_then(NonZeroU32::new).ok_or("a strange number of rounds")?;
        let mut salted = vec![0; self.hashes.digest.output_len()];
        pbkdf2::derive(self.hashes.pbkdf2, rounds, &salt, self.password.as_bytes(), &mut salted);

        let last = format!("c=biws,r={nonce}");
        let messages = format!("{},{challenge},{last}", self.first);
        let client_key = self.hmac(&salted, b"Client Key");
        let stored_key = digest::digest(self.hashes.digest, &client_key);
        let signature = self.hmac(stored_key.as_ref(), messages.as_bytes());
        let proof: Vec<u8> =
            client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
        let server_key = self.hmac(&salted, b"Server Key");
        self.signature = Some(self.hmac(&server_key, messages.as_bytes()));
        Ok(encode(format!("{last},p={}", encode(&proof)).as_bytes()))
    }

    /// Whether the server's last word, in base64, proves that it knows the password, too.
    pub(crate) fn verify(&self, last: &str) -> Result<(), String> {
        let last = decode(last)?;
        let signature = STANDARD.decode(field(&last, 'v')?).ok();
        match signature.is_some() && signature == self.signature {
            true => Ok(()),
            false => Err("the server does not prove that it knows the password".to_owned()),
        }
    }

    fn hmac(&self, key: &[u8], text: &[u8]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(self.hashes.hmac, key), text).as_ref().to_vec()
    }
}

fn decode(text: &str) -> Result<String, String> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| "a message is not base64".to_owned())?;
    String::from_utf8(bytes).map_err(|_| "a message is not UTF-8".to_owned())
}

fn field(message: &str, name: char) -> Result<&str, String> {
    let found = message.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    found.ok_or_else(|| format!("a message without {name}="))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchanges that the RFCs print.
    const PRINTED: [(Mechanism, &str, &str, &str, &str); 2] = [
        (
            Mechanism::ScramSha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            Mechanism::ScramSha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ];

    #[test]
    fn scram_says_what_the_standards_print() {
        for (mechanism, nonce, challenge, answer, last) in PRINTED {
            let mut scram = Scram::new(mechanism, "user", "pencil", nonce.to_owned());
            let first = format!("n,,n=user,r={nonce}");
            assert_eq!(scram.first(), encode(first.as_bytes()));
            assert_eq!(scram.answer(&encode(challenge.as_bytes())), Ok(encode(answer.as_bytes())));
            assert_eq!(scram.verify(&encode(last.as_bytes())), Ok(()));
            let other = encode(b"v=AAAA");
            assert!(scram.verify(&other).is_err());
        }
    }

    #[test]
    fn a_server_that_plays_foul_gets_no_proof() {
        let nonce = "abc".to_owned();
        for challenge in [
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=xyz1,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abc1,s=!,i=4096",
            "r=abc1,s=QSXCR+Q6sek8bf92,i=0",
            "r=abc1,s=QSXCR+Q6sek8bf92,i=99999999",
            "r=abc1,s=QSXCR+Q6sek8bf92",
            "",
        ] {
            let mut scram = Scram::new(Mechanism::ScramSha1, "u", "p", nonce.clone());
            assert!(scram.answer(&encode(challenge.as_bytes())).is_err(), "{challenge}");
            assert!(scram.verify(&encode(b"v=")).is_err());
        }
    }

    #[test]
    fn a_password_is_never_shown_in_the_clear() {
        for (offered, encrypted, expected) in [
            (&["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"][..], true, Some(Mechanism::ScramSha256)),
            (&["PLAIN", "SCRAM-SHA-1"], false, Some(Mechanism::ScramSha1)),
            (&["PLAIN"], true, Some(Mechanism::Plain)),
            (&["PLAIN"], false, None),
            (&["DIGEST-MD5", "EXTERNAL"], true, None),
        ] {
            assert_eq!(Mechanism::choose(offered, encrypted), expected, "{offered:?} {encrypted}");
        }
        assert_eq!(plain("u", "p"), "AHUAcA==");
        assert_ne!(nonce(), nonce());
    }
}
