//! Where a stats document is read from: the address forms of the command line.
//!
//! Owns the grammar (`http://`, `https://`, `host:port`, `@abstract`, UNIX path) and the host shown
//! on the second row. Refuses I/O: `fetch` opens what is parsed here. What an address says about
//! its user is never printed.

use std::net::IpAddr;

use crate::source::access::{Login, Secret};

/// One place that serves a stats document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `http[s]://[user[:password]@]host[:port][/path]`, for servers in stats-http mode.
    Http {
        /// It is https.
        tls: bool,
        /// Who asks, where it is said.
        login: Option<Login>,
        /// Host without brackets.
        host: String,
        /// Port; 80, and 443 of https, unless given.
        port: u16,
        /// Request target, begins with `/`.
        path: String,
    },
    /// `host:port`, cut at the last colon.
    Tcp {
        /// Host without brackets; empty means the loopback.
        host: String,
        /// Port.
        port: u16,
    },
    /// `@name`: an abstract UNIX name, without the `@`.
    Abstract(String),
    /// Anything else: the path of a UNIX socket.
    Unix(String),
}

impl Address {
    /// Parses one command line word.
    ///
    /// # Errors
    /// A sentence naming the word, when a port is missing or no number, or a name is empty.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        for (scheme, tls) in [("http://", false), ("https://", true)] {
            if let Some(rest) = word.strip_prefix(scheme) {
                return http(rest, tls);
            }
        }
        if word.is_empty() {
            return Err("the address is empty".to_owned());
        }
        // No host begins with a slash, so a path may hold a colon.
        if word.contains(':') && !word.starts_with('/') {
            return tcp(word);
        }
        match word.strip_prefix('@') {
            Some("") => Err(format!("address \"{word}\" has no name after the @")),
            Some(name) => Ok(Self::Abstract(name.to_owned())),
            None => Ok(Self::Unix(word.to_owned())),
        }
    }

    /// Whether it is of this machine whatever names resolve to: UNIX sockets and the loopback.
    pub(crate) fn is_local(&self) -> bool {
        let loopback = |host: &str| match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host.is_empty() || host == "localhost",
        };
        match self {
            Self::Http { host, .. } | Self::Tcp { host, .. } => loopback(host),
            Self::Abstract(_) | Self::Unix(_) => true,
        }
    }

    /// Whether it is asked for by HTTP; and whether encrypted.
    pub(crate) fn web(&self) -> Option<bool> {
        if let Self::Http { tls, .. } = self { Some(*tls) } else { None }
    }

    /// The host shown on the second row; `None` means the name of this machine.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Http { host, .. } | Self::Tcp { host, .. } => Some(host),
            Self::Abstract(_) | Self::Unix(_) => None,
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { tls, host, port, path, .. } => {
                let scheme = if *tls { "https" } else { "http" };
                write!(f, "{scheme}://{}:{port}{}", bracketed(host), crate::secret::uri(path))
            }
            Self::Tcp { host, port } => write!(f, "{}:{port}", bracketed(host)),
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Unix(path) => f.write_str(path),
        }
    }
}

/// The host as it stands in front of a port: IPv6 in brackets.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Complaints name the host and not the whole word: there may be a password in it.
fn http(rest: &str, tls: bool) -> Result<Address, String> {
    // It goes into the lines of a request.
    if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("the address has a blank or a control character, write it as %XX".to_owned());
    }
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(cut);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let (login, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (Some(login(user)?), authority),
        None => (None, authority),
    };
    let usual = if tls { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, number(port, authority)?),
        _ => (authority, usual),
    };
    if host.is_empty() {
        let scheme = if tls { "https" } else { "http" };
        return Err(format!("the {scheme} address has no host, allowed is {scheme}://HOST:PORT"));
    }
    Ok(Address::Http { tls, login, host: unbracketed(host), port, path })
}

/// `user` or `user:password`, with what URLs write as `%XX`.
fn login(text: &str) -> Result<Login, String> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(Secret(decoded(password)))),
        None => (text, None),
    };
    let user = decoded(user);
    if user.is_empty() || user.contains(':') {
        return Err("the name of the user in front of the @ is empty or has a colon".to_owned());
    }
    Ok(Login { user, password })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tcp(word: &str) -> Result<Address, String> {
    let (host, port) = word.rsplit_once(':').unwrap_or((word, ""));
    Ok(Address::Tcp { host: unbracketed(host), port: number(port, word)? })
}

fn number(port: &str, word: &str) -> Result<u16, String> {
    match port.parse() {
        Ok(0) | Err(_) => {
            Err(format!("address \"{word}\" has port \"{port}\", allowed are 1 to 65535"))
        }
        Ok(port) => Ok(port),
    }
}

fn unbracketed(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp_at(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port }
    }

    #[test]
    fn every_form_is_told_apart_and_names_its_host() {
        let of = |tls, host: &str, port, path: &str| Address::Http {
            tls,
            login: None,
            host: host.into(),
            port,
            path: path.into(),
        };
        let web = |host, port, path| of(false, host, port, path);
        let cases: &[(&str, Address, Option<&str>)] = &[
            ("127.0.0.1:1717", tcp_at("127.0.0.1", 1717), Some("127.0.0.1")),
            (":5050", tcp_at("", 5050), Some("")),
            ("[::1]:1717", tcp_at("::1", 1717), Some("::1")),
            ("::1:1717", tcp_at("::1", 1717), Some("::1")),
            ("@stats", Address::Abstract("stats".into()), None),
            ("/tmp/stats.sock", Address::Unix("/tmp/stats.sock".into()), None),
            ("/tmp/a:b.sock", Address::Unix("/tmp/a:b.sock".into()), None),
            ("stats.sock", Address::Unix("stats.sock".into()), None),
            ("http://h:9191", web("h", 9191, "/"), Some("h")),
            ("http://h/x:y", web("h", 80, "/x:y"), Some("h")),
            ("http://[::1]:9191/s?a=1", web("::1", 9191, "/s?a=1"), Some("::1")),
            ("http://[::1]/", web("::1", 80, "/"), Some("::1")),
            ("http://h?a=1", web("h", 80, "/?a=1"), Some("h")),
            ("https://h", of(true, "h", 443, "/"), Some("h")),
            ("https://[::1]:9/s", of(true, "::1", 9, "/s"), Some("::1")),
        ];
        for (word, wanted, host) in cases {
            let got = Address::parse(word).unwrap();
            assert_eq!(&got, wanted, "{word}");
            assert_eq!(got.host(), *host, "{word}");
            assert_eq!(Address::parse(&got.to_string()).unwrap(), got, "{word} prints back");
        }
    }

    #[test]
    fn who_asks_is_kept_and_never_printed() {
        let address = Address::parse("https://me:s%3acr%C3%A9t@h:1/x?token=abc").unwrap();
        let Address::Http { login: Some(login), host, port: 1, .. } = &address else {
            panic!("{address:?}")
        };
        assert_eq!((login.user.as_str(), host.as_str()), ("me", "h"));
        assert_eq!(login.password.as_ref().unwrap().0, "s:crét");
        for told in [address.to_string(), format!("{address:?}")] {
            assert!(!told.contains("s:cr") && !told.contains("me@"), "{told}");
        }
        assert_eq!(address.to_string(), "https://h:1/x?token=...");
        let plain = Address::parse("http://me@h").unwrap();
        assert!(matches!(plain, Address::Http { login: Some(Login { password: None, .. }), .. }));
        for odd in ["50%", "%zz%4", "%"] {
            assert_eq!(decoded(odd), odd);
        }
        let told = Address::parse("https://me:s3cret@h:http").unwrap_err();
        assert!(told.contains("h:http") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn a_wrong_address_names_what_was_seen() {
        for (word, part) in [
            ("", "empty"),
            ("@", "no name"),
            ("host:", "port \"\""),
            ("host:http", "port \"http\""),
            ("host:0", "1 to 65535"),
            ("host:70000", "\"70000\""),
            ("http://:80", "no host"),
            ("https://me@", "https://HOST:PORT"),
            ("https://:pw@h", "user in front"),
            ("https://h:0/", "1 to 65535"),
            ("http://h/a\r\nX-Forwarded-For: 1", "control character"),
            ("http://h/a HTTP/1.1", "%XX"),
        ] {
            let error = Address::parse(word).unwrap_err();
            assert!(error.contains(part), "{word}: {error}");
        }
    }
}
