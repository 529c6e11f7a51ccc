//! Keeps what is secret in an argument out of everything that is shown.
//!
//! A server may repeat in its refusal what it was sent; a password must not reach the log that way.

use super::Failure;
use crate::net::target::Login;
use uwsgi_net::base64;

/// Shorter values are no secrets, and blotting them out would only garble the text.
const SHORTEST: usize = 3;

/// Texts that are never shown.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds one.
    pub(crate) fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST && !self.0.iter().any(|known| known == secret) {
            self.0.push(secret.to_owned());
            // The longest first: one may be a part of another.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// Adds a login in every form in which it is sent.
    pub(crate) fn add_login(&mut self, login: &Login) {
        let Login { user, password } = login;
        self.add(password);
        self.add(&base64(password.as_bytes()));
        self.add(&base64(format!("{user}:{password}").as_bytes()));
        self.add(&base64(format!("\0{user}\0{password}").as_bytes()));
    }

    /// The text without them.
    pub(crate) fn blot(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// The failure without them.
    pub(crate) fn blot_failure(&self, failure: Failure) -> Failure {
        Failure { text: self.blot(&failure.text), ..failure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_login_is_shown() {
        let mut secrets = Secrets::default();
        let login = Login { user: "me".to_owned(), password: "hush!".to_owned() };
        secrets.add_login(&login);
        secrets.add("x");
        for (said, shown) in [
            ("me said hush!", "me said ***"),
            ("Basic bWU6aHVzaCE=", "Basic ***"),
            ("AUTH PLAIN AG1lAGh1c2gh", "AUTH PLAIN ***"),
            ("aHVzaCE=", "***"),
            ("x marks nothing", "x marks nothing"),
        ] {
            assert_eq!(secrets.blot(said), shown);
        }
    }
}
