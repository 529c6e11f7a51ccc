//! What the actions that post a document have in common: where to, as whom, for how long.

use hyper::header::{HeaderName, HeaderValue};

use super::Failure;
use super::arguments::Arguments;
use super::secrets::Secrets;
use crate::Facts;
use crate::net::http::Poster;
use crate::net::target::{Login, Target, WEB};
use crate::net::{Trust, limits};

/// The keys that all of them know.
pub(crate) const KEYS: &[&str] =
    &["timeout", "conn_timeout", "ssl_insecure", "auth_user", "auth_pass", "header"];

/// A place to post to.
pub(crate) struct Post {
    pub(crate) poster: Poster,
    pub(crate) secrets: Secrets,
}

impl Post {
    /// Reads the common keys; what is sent is of `kind`.
    pub(crate) fn read(
        url: &str,
        kind: &'static str,
        arguments: &Arguments<'_>,
        facts: &Facts,
    ) -> Result<Self, String> {
        let target = Target::parse(url, WEB)?;
        let trust = if arguments.is_on("ssl_insecure") { Trust::Anybody } else { Trust::System };
        let mut secrets = Secrets::default();
        if let Some(login) = &target.login {
            secrets.add_login(login);
        }
        let mut poster = Poster::new(target, kind, limits(arguments, facts)?, trust);
        if let Some(user) = arguments.get("auth_user") {
            let password = arguments.get("auth_pass").unwrap_or_default().to_owned();
            let login = Login { user: user.to_owned(), password };
            secrets.add_login(&login);
            poster.authorize(&login);
        }
        for text in arguments.all("header") {
            let (name, mut value) = header(text)?;
            // A token is what headers are configured for.
            value.set_sensitive(true);
            secrets.add(value.to_str().unwrap_or_default());
            poster.headers.retain(|(known, _)| *known != name);
            poster.headers.push((name, value));
        }
        Ok(Self { poster, secrets })
    }

    /// Posts one document.
    pub(crate) async fn send(&self, body: String) -> Result<(), Failure> {
        let done = self.poster.send(body.into_bytes()).await;
        done.map_err(|failure| self.secrets.blot_failure(failure))
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || "header is not of the form \"Name: value\"".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_value() {
        for (text, expected) in [
            ("Authorization: Bearer abc", Some(("authorization", "Bearer abc"))),
            ("X-A:", Some(("x-a", ""))),
            ("X-A", None),
            ("X A: b", None),
            ("X-A: b\r\nc: d", None),
        ] {
            let found = header(text).ok();
            let found =
                found.as_ref().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_configured_header_takes_the_place_of_ours() {
        let known = KEYS.to_vec();
        let text =
            "u;auth_user=a;auth_pass=bcd;header=authorization: Bearer x;header=content-type: a/b";
        let arguments = Arguments::split(text, &known);
        let post = Post::read("http://h", "text/plain", &arguments, &Facts::default()).unwrap();
        let shown: Vec<String> = post
            .poster
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(shown, ["accept: */*", "authorization: Bearer x", "content-type: a/b"]);
        assert_eq!(post.secrets.blot("Bearer x bcd"), "*** ***");
    }
}
