//! Where a message goes: the URL of an alarm.
//!
//! Pure. It refuses other schemes than those its caller can speak, and never shows a URL whole: what
//! stands before `@` is a password, and the path of a chat's webhook is one, too.

use hyper::Uri;

/// What is spoken at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
    /// SMTP that begins in the clear.
    Smtp,
    /// SMTP over TLS from the first byte.
    Smtps,
}

/// The schemes of web addresses.
pub const WEB: &[(&str, Scheme)] = &[("http", Scheme::Http), ("https", Scheme::Https)];

/// The schemes of web addresses and mail servers.
pub const WEB_AND_MAIL: &[(&str, Scheme)] = &[
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    ("smtp", Scheme::Smtp),
    ("smtps", Scheme::Smtps),
];

impl Scheme {
    /// True when the first byte is one of TLS.
    pub fn is_wrapped(self) -> bool {
        matches!(self, Self::Https | Self::Smtps)
    }

    /// True for mail.
    pub fn is_mail(self) -> bool {
        matches!(self, Self::Smtp | Self::Smtps)
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Smtp => 25,
            Self::Smtps => 465,
        }
    }
}

/// A user and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: String,
    /// The secret.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Login({}, ***)", self.user)
    }
}

/// A parsed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is spoken there.
    pub scheme: Scheme,
    /// Name or address, without brackets.
    pub host: String,
    /// Port, the scheme's own when none is named.
    pub port: u16,
    /// With its first slash and the query.
    pub path: String,
    /// From `user:password@`.
    pub login: Option<Login>,
}

impl Target {
    /// Reads a URL; without a scheme it is `http`, or `smtp` for a host whose name begins so.
    pub fn parse(url: &str, schemes: &[(&str, Scheme)]) -> Result<Self, String> {
        let whole = match url.contains("://") {
            true => url.to_owned(),
            false if url.starts_with("smtp.") => format!("smtp://{url}"),
            false => format!("http://{url}"),
        };
        let url: Uri = whole.parse().map_err(|error| format!("the URL is malformed: {error}"))?;
        let word = url.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let Some((_, scheme)) = schemes.iter().find(|(name, _)| *name == word) else {
            let known: Vec<&str> = schemes.iter().map(|(name, _)| *name).collect();
            return Err(format!("the URL is of scheme \"{word}\", not of {}", known.join(", ")));
        };
        let authority = url.authority().ok_or("the URL is malformed: it names no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("the URL is malformed: it names no host".to_owned());
        }
        let behind = authority.as_str().rsplit_once(authority.host()).map_or("", |(_, rest)| rest);
        if behind.len() > 1 && authority.port_u16().is_none() {
            return Err("the URL is malformed: its port is not one".to_owned());
        }
        Ok(Self {
            scheme: *scheme,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(scheme.port()),
            path: url.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            login: login(authority.as_str()),
        })
    }

    /// Host and port, as they may be shown.
    pub fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// What the header `Host` says.
    pub fn host_header(&self) -> String {
        let place = self.place();
        match place.strip_suffix(&format!(":{}", self.scheme.port())) {
            Some(host) if self.port == self.scheme.port() => host.to_owned(),
            _ => place,
        }
    }
}

fn login(authority: &str) -> Option<Login> {
    let (login, _) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Some(Login { user: decode(user), password: decode(password) })
}

/// Replaces `%XX`; what is not that stays as it is.
pub fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if first == b'%' => {
                out.push(byte);
                rest = &after[2..];
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_is_spoken_where() {
        for (url, expected) in [
            ("http://h", Some((Scheme::Http, "h", 80, "/", "h"))),
            ("HTTP://h:8080/a/b?c=d", Some((Scheme::Http, "h", 8080, "/a/b?c=d", "h:8080"))),
            ("https://[::1]/x", Some((Scheme::Https, "::1", 443, "/x", "[::1]"))),
            ("https://h:80/", Some((Scheme::Https, "h", 80, "/", "h:80"))),
            (
                "smtp://mail.example.com",
                Some((Scheme::Smtp, "mail.example.com", 25, "/", "mail.example.com")),
            ),
            ("smtps://h/me", Some((Scheme::Smtps, "h", 465, "/me", "h"))),
            (
                "10.0.0.1:9191/argh",
                Some((Scheme::Http, "10.0.0.1", 9191, "/argh", "10.0.0.1:9191")),
            ),
            (
                "smtp.example.com",
                Some((Scheme::Smtp, "smtp.example.com", 25, "/", "smtp.example.com")),
            ),
            ("ftp://h/x", None),
            ("http://", None),
            ("http:///x", None),
            ("http://h h/", None),
            ("http://h:99999/", None),
            ("", None),
        ] {
            let target = Target::parse(url, WEB_AND_MAIL).ok();
            let header = target.as_ref().map(Target::host_header);
            let found = target.as_ref().map(|target| {
                (target.scheme, target.host.as_str(), target.port, target.path.as_str())
            });
            let parts = expected.map(|(scheme, host, port, path, _)| (scheme, host, port, path));
            assert_eq!(found, parts, "{url:?}");
            assert_eq!(header.as_deref(), expected.map(|all| all.4), "{url:?}");
        }
    }

    #[test]
    fn a_login_may_stand_in_the_url_and_is_not_shown() {
        let target = Target::parse("http://me%40x:a%3Ab%zz@h/", WEB).unwrap();
        let login = target.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("me@x", "a:b%zz"));
        assert_eq!(target.place(), "h:80");
        assert!(!format!("{target:?}").contains("a:b"));
    }

    #[test]
    fn a_scheme_that_nobody_speaks_is_named() {
        let error = Target::parse("gopher://h", WEB).unwrap_err();
        assert_eq!(error, "the URL is of scheme \"gopher\", not of http, https");
    }
}
