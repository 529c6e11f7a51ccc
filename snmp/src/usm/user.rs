//! A user as the configuration writes it: `NAME;auth=sha256:PASSWORD;priv=aes:PASSWORD;level=authPriv`.

use super::cipher::Cipher;
use super::hash::Hash;

/// Passwords shorter than this are refused by every manager.
const SHORTEST: usize = 8;

/// Octets of a name.
const LONGEST_NAME: usize = 32;

/// How much protection a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// None.
    NoAuthNoPriv,
    /// Authentication.
    AuthNoPriv,
    /// Authentication and privacy.
    AuthPriv,
}

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// Authentication protocol and password.
    pub auth: Option<(Hash, String)>,
    /// Privacy protocol and password.
    pub privacy: Option<(Cipher, String)>,
    /// Messages with less protection are not accepted.
    pub level: Level,
}

impl std::fmt::Debug for User {
    /// Without the passwords: settings are printed.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let auth = self.auth.as_ref().map(|(hash, _)| hash);
        let privacy = self.privacy.as_ref().map(|(cipher, _)| cipher);
        write!(out, "User({} {auth:?} {privacy:?} {:?})", self.name, self.level)
    }
}

impl User {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, without what is secret.
    pub fn parse(text: &str) -> Result<User, String> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(format!("a name has 1 to {LONGEST_NAME} bytes"));
        }
        let (mut auth, mut privacy, mut level) = (None, None, None);
        for part in parts.filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("auth", value)) => auth = Some(protocol(value, "auth", Hash::named)?),
                Some(("priv", value)) => privacy = Some(protocol(value, "priv", Cipher::named)?),
                Some(("level", value)) => level = Some(self::level(value)?),
                Some((key, _)) => return Err(format!("\"{key}\" is none of auth, priv, level")),
                None => return Err("a part without \"=\"".to_owned()),
            }
        }
        let most = match (&auth, &privacy) {
            (Some(_), Some(_)) => Level::AuthPriv,
            (Some(_), None) => Level::AuthNoPriv,
            (None, None) => Level::NoAuthNoPriv,
            (None, Some(_)) => return Err("priv needs auth".to_owned()),
        };
        let level = level.unwrap_or(most);
        if level > most {
            return Err("the level needs a password that is not there".to_owned());
        }
        Ok(User { name: name.to_owned(), auth, privacy, level })
    }
}

/// `NAME:PASSWORD`. A part without a colon may be a password, so nothing of it is shown.
fn protocol<T>(
    text: &str,
    key: &str,
    named: impl Fn(&str) -> Option<T>,
) -> Result<(T, String), String> {
    let (name, password) = text.split_once(':').ok_or(format!("{key} is PROTOCOL:PASSWORD"))?;
    let found = named(name).ok_or(format!("{key} does not know \"{name}\""))?;
    if password.len() < SHORTEST {
        return Err(format!("the password of {key} has less than {SHORTEST} bytes"));
    }
    Ok((found, password.to_owned()))
}

fn level(text: &str) -> Result<Level, String> {
    let all = [
        ("noauthnopriv", Level::NoAuthNoPriv),
        ("authnopriv", Level::AuthNoPriv),
        ("authpriv", Level::AuthPriv),
    ];
    let found = all.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    let none = || format!("level does not know \"{text}\"");
    found.map(|(_, level)| level).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_user() {
        let user = User::parse("joe;auth=SHA-256:pass:word1;priv=aes:secret-12").unwrap();
        assert_eq!(user.name, "joe");
        assert_eq!(user.auth, Some((Hash::Sha256, "pass:word1".into())));
        assert_eq!(user.privacy, Some((Cipher::Aes128, "secret-12".into())));
        assert_eq!(user.level, Level::AuthPriv);
        assert!(!format!("{user:?}").contains("word1"));
        let user = User::parse("joe; auth=md5:12345678; level=noAuthNoPriv").unwrap();
        assert_eq!((user.level, user.privacy), (Level::NoAuthNoPriv, None));
        assert_eq!(User::parse("joe").unwrap().level, Level::NoAuthNoPriv);
    }

    #[test]
    fn what_is_no_user_says_why_and_keeps_its_secret() {
        for (text, want) in [
            ("", "a name"),
            (";auth=md5:12345678", "a name"),
            ("joe;auth=md5:secret1", "password of auth"),
            ("joe;auth=hunter2hunter2", "PROTOCOL:PASSWORD"),
            ("joe;auth=sha3:12345678", "\"sha3\""),
            ("joe;priv=aes:12345678", "priv needs auth"),
            ("joe;level=authNoPriv", "the level needs"),
            ("joe;level=high", "\"high\""),
            ("joe;role=admin", "\"role\""),
            ("joe;secretsecret", "without \"=\""),
        ] {
            let error = User::parse(text).unwrap_err();
            assert!(
                error.contains(want) && !error.contains("secret1") && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }
}
