//! How sources may be read: what the command line and the environment say about all of them.
//!
//! Owns the credentials. A secret comes from an address, a file or the environment, goes out in one
//! header of one request and nowhere else: it has no printed form.

use std::fmt;
use std::io;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::source::address::Address;

/// Holds the bearer token where no file is named.
pub(crate) const TOKEN: &str = "UWSGITOP_TOKEN";

/// Holds the password of users that are named without one.
pub(crate) const PASSWORD: &str = "UWSGITOP_PASSWORD";

/// A text that must not be seen.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

/// Who asks, as an address says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The name; it has no colon.
    pub(crate) user: String,
    /// The password, where the address has one.
    pub(crate) password: Option<Secret>,
}

/// The ways in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    /// Never look into the arena behind an address.
    pub(crate) no_arena: bool,
    /// Certificates of servers are not looked at.
    pub(crate) insecure: bool,
    /// The authorities that sign certificates of servers, PEM; those of the system without it.
    pub(crate) authorities: Option<PathBuf>,
    /// What is shown to servers that ask for it: certificate chain, PEM.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, PEM; without it the file of the certificate holds it.
    pub(crate) key: Option<PathBuf>,
    /// The first line of this file is the bearer token, read for each request.
    pub(crate) token_file: Option<PathBuf>,
    /// The bearer token of the environment.
    pub(crate) token: Option<Secret>,
    /// The password of the environment.
    pub(crate) password: Option<Secret>,
}

impl Access {
    /// The same with what the environment adds.
    pub(crate) fn with_environment(self, variable: impl Fn(&str) -> Option<String>) -> Self {
        let secret = |name| variable(name).filter(|text| !text.is_empty()).map(Secret);
        Self { token: secret(TOKEN), password: secret(PASSWORD), ..self }
    }

    /// The value of the header `Authorization` for this address, if it wants one.
    ///
    /// # Errors
    /// Why there is no secret, or none that may be sent there.
    pub(super) fn authorization(&self, address: &Address) -> io::Result<Option<Secret>> {
        let Address::Http { tls, login, host, .. } = address else { return Ok(None) };
        if let Some(Login { user, password }) = login {
            let password = password.as_ref().or(self.password.as_ref()).ok_or_else(|| {
                refusal(format!("user \"{user}\" has no password: set {PASSWORD}"))
            })?;
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.0));
            return Ok(Some(Secret(format!("Basic {pair}"))));
        }
        let Some(token) = self.token()? else { return Ok(None) };
        if !tls && !address.is_local() {
            return Err(refusal(format!(
                "the token is not sent to {host} in the clear: use https://, or do without \
                 --token-file and {TOKEN}"
            )));
        }
        Ok(Some(Secret(format!("Bearer {}", token.0))))
    }

    fn token(&self) -> io::Result<Option<Secret>> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        let named = |what: String| refusal(format!("--token-file {}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(named("the first line is no token".to_owned()));
        }
        Ok(Some(Secret(token.to_owned())))
    }
}

fn refusal(text: String) -> io::Error {
    io::Error::other(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(access: &Access, word: &str) -> Result<Option<String>, String> {
        let address = Address::parse(word).unwrap();
        let header = access.authorization(&address).map_err(|error| error.to_string())?;
        Ok(header.map(|secret| secret.0))
    }

    fn environment(name: &str) -> Option<String> {
        match name {
            TOKEN => Some("t0ken".to_owned()),
            PASSWORD => Some("pw".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn the_nearest_secret_is_sent() {
        let bare = Access::default();
        assert_eq!(header(&bare, "https://h"), Ok(None));
        assert_eq!(header(&bare, "http://me:pw@h").unwrap().unwrap(), "Basic bWU6cHc=");
        assert!(header(&bare, "http://me@h").unwrap_err().contains(PASSWORD));
        let around = Access::default().with_environment(environment);
        assert_eq!(header(&around, "https://me@h").unwrap().unwrap(), "Basic bWU6cHc=");
        assert_eq!(header(&around, "https://h").unwrap().unwrap(), "Bearer t0ken");
        assert_eq!(header(&around, "h:1"), Ok(None), "there is no header to send it in");
        assert_eq!(Access::default().with_environment(|_| Some(String::new())), bare);
    }

    #[test]
    fn a_token_crosses_no_network_in_the_clear() {
        let around = Access::default().with_environment(environment);
        let told = header(&around, "http://web1.example.org").unwrap_err();
        assert!(told.contains("https://") && !told.contains("t0ken"), "{told}");
        assert!(header(&around, "http://127.0.0.1:1").unwrap().is_some());
        assert!(!format!("{around:?}").contains("t0ken"));
    }

    #[test]
    fn a_token_file_is_named_when_it_is_of_no_use() {
        let path = std::env::temp_dir().join(format!("uwsgitop-token-{}", std::process::id()));
        let access = Access { token_file: Some(path.clone()), ..Access::default() };
        assert!(header(&access, "https://h").unwrap_err().contains("No such file"));
        for (text, wanted) in [
            ("abc\nrest", Some("Bearer abc")),
            (" abc ", Some("Bearer abc")),
            ("", None),
            ("a b", None),
        ] {
            std::fs::write(&path, text).unwrap();
            let seen = header(&access, "https://h");
            assert_eq!(seen.clone().ok().flatten().as_deref(), wanted, "{text:?}: {seen:?}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
