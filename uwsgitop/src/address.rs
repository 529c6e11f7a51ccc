//! Where a stats document is read from: the address forms of the command line.
//!
//! Owns the grammar (`http://`, `host:port`, `@abstract`, UNIX path) and the host shown on the
//! second row. Refuses I/O: `fetch` opens what is parsed here.

/// One place that serves a stats document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// `http://host[:port][/path]`, for servers in stats-http mode.
    Http {
        /// Host without brackets.
        host: String,
        /// Port, 80 unless given.
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
        if let Some(rest) = word.strip_prefix("http://") {
            return http(rest, word);
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
            Self::Http { host, port, path } => write!(f, "http://{}:{port}{path}", bracketed(host)),
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

fn http(rest: &str, word: &str) -> Result<Address, String> {
    let cut = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(cut);
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, number(port, word)?),
        _ => (authority, 80),
    };
    if host.is_empty() {
        return Err(format!("address \"{word}\" has no host"));
    }
    Ok(Address::Http { host: unbracketed(host), port, path })
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
        let web = |host: &str, port, path: &str| Address::Http {
            host: host.into(),
            port,
            path: path.into(),
        };
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
        ];
        for (word, wanted, host) in cases {
            let got = Address::parse(word).unwrap();
            assert_eq!(&got, wanted, "{word}");
            assert_eq!(got.host(), *host, "{word}");
            assert_eq!(Address::parse(&got.to_string()).unwrap(), got, "{word} prints back");
        }
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
        ] {
            let error = Address::parse(word).unwrap_err();
            assert!(error.contains(part), "{word}: {error}");
        }
    }
}
