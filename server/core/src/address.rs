//! Socket addresses as users write them.
//!
//! Owns the grammar of process-model's address forms; resolving a host name, and looking for an
//! address of this host, is all that asks the outside.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Where a stream socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`; an empty host means every IPv4 address.
    Tcp {
        /// Host name or literal, without brackets.
        host: String,
        /// Port, 0 lets the kernel choose.
        port: u16,
    },
    /// A path in the file system.
    Unix(PathBuf),
    /// A Linux abstract name: the bytes that follow the leading NUL, and whether the traditional
    /// trailing NUL belongs to the primary form.
    Abstract {
        /// The name without NULs.
        name: Vec<u8>,
        /// `@name` and `\0name` bind `NUL name NUL`.
        padded: bool,
    },
    /// The first IPv4 address of this host that begins like this (`192.168.*:3031`).
    Auto {
        /// Text before the star.
        prefix: String,
        /// Port, 0 lets the kernel choose.
        port: u16,
    },
    /// A socket that `shared-socket` has opened, by its number from 0 (`=0`).
    Shared(usize),
    /// A descriptor this process was started with.
    Fd(i32),
}

/// Longest path of a UNIX socket that the original accepts.
const MAX_UNIX_PATH: usize = 102;

/// Reads an address. The error is the text for the log.
pub fn parse(text: &str, abstract_socket: bool) -> Result<Address, String> {
    if let Some(n) = text.strip_prefix("fd://") {
        return n.parse().map(Address::Fd).map_err(|_| format!("invalid socket name: {text}"));
    }
    if let Some(n) = text.strip_prefix('=') {
        let number = n.parse().map(Address::Shared);
        return number.map_err(|_| format!("unable to use shared socket {n}"));
    }
    if let Some(name) = text.strip_prefix('@').or_else(|| text.strip_prefix("\\0")) {
        return Ok(Address::Abstract { name: name.as_bytes().to_vec(), padded: true });
    }
    match uncommented(text).rsplit_once(':') {
        Some((host, port)) if !text.starts_with('/') => parse_tcp(text, host, port),
        _ if abstract_socket => {
            Ok(Address::Abstract { name: text.as_bytes().to_vec(), padded: false })
        }
        _ if text.is_empty() || text.len() > MAX_UNIX_PATH => Err("invalid socket name".into()),
        _ => Ok(Address::Unix(PathBuf::from(text))),
    }
}

/// Remarks stand behind values in many published files; in a path they would be part of it.
fn uncommented(text: &str) -> &str {
    text.split_once(" //").map_or(text, |(address, _)| address.trim_end())
}

fn parse_tcp(text: &str, host: &str, port: &str) -> Result<Address, String> {
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // Text behind the digits never counted: a file name may be a port and more.
    let digits = port.find(|c: char| !c.is_ascii_digit()).map_or(port, |end| &port[..end]);
    let read = if port.is_empty() { Ok(0) } else { digits.parse() };
    let port = read.map_err(|_| format!("invalid port in socket address \"{text}\""))?;
    if let Some((prefix, _)) = host.split_once('*') {
        return Ok(Address::Auto { prefix: prefix.to_owned(), port });
    }
    Ok(Address::Tcp { host: host.to_owned(), port })
}

/// The first address a TCP form stands for, IPv4 before IPv6.
pub fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let failed = || format!("unable to resolve name {host}");
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|_| failed())?.collect();
    found.iter().find(|a| a.is_ipv4()).or(found.first()).copied().ok_or_else(failed)
}

/// The address of this host that begins with `prefix`, and the interface that has it.
pub fn of_this_host(prefix: &str) -> Result<(Ipv4Addr, String), String> {
    let all = uwsgi_sys::interfaces::ipv4().map_err(|e| format!("getifaddrs(): {e}"))?;
    chosen(&all, prefix).ok_or_else(|| "unable to find a valid socket address".to_owned())
}

fn chosen(all: &[(String, Ipv4Addr)], prefix: &str) -> Option<(Ipv4Addr, String)> {
    let found = all.iter().find(|(_, address)| address.to_string().starts_with(prefix));
    found.map(|(interface, address)| (*address, interface.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_manual_is_understood() {
        let tcp = |host: &str, port| Address::Tcp { host: host.into(), port };
        let table = [
            ("127.0.0.1:3031", tcp("127.0.0.1", 3031)),
            (":9090", tcp("", 9090)),
            ("localhost:", tcp("localhost", 0)),
            ("127.0.0.1:0", tcp("127.0.0.1", 0)),
            ("[::1]:80", tcp("::1", 80)),
            (":8080 // the front", tcp("", 8080)),
            (":9090-app", tcp("", 9090)),
            ("/run/app.sock", Address::Unix("/run/app.sock".into())),
            ("/run/a:1", Address::Unix("/run/a:1".into())),
            ("app.sock", Address::Unix("app.sock".into())),
            ("@app", Address::Abstract { name: b"app".to_vec(), padded: true }),
            ("\\0app", Address::Abstract { name: b"app".to_vec(), padded: true }),
            ("fd://4", Address::Fd(4)),
            ("=3", Address::Shared(3)),
            ("192.168.*:80", Address::Auto { prefix: "192.168.".into(), port: 80 }),
            ("*:0", Address::Auto { prefix: String::new(), port: 0 }),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, false), Ok(expected), "{text}");
        }
        let plain = parse("app", true);
        assert_eq!(plain, Ok(Address::Abstract { name: b"app".to_vec(), padded: false }));
    }

    #[test]
    fn what_cannot_be_bound_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "invalid socket name"),
            ("host:http", "invalid port"),
            ("=x", "shared socket x"),
            ("192.168.*:http", "invalid port"),
            ("fd://x", "invalid socket name"),
        ] {
            let error = parse(text, false).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&"x".repeat(103), false).is_err(), "the kernel would cut the path");
    }

    #[test]
    fn an_empty_host_is_every_ipv4_address() {
        assert_eq!(resolve("", 80).unwrap().to_string(), "0.0.0.0:80");
        assert!(resolve("no-such-host.invalid", 1).unwrap_err().contains("no-such-host.invalid"));
    }

    #[test]
    fn a_pattern_is_the_first_address_that_begins_like_it() {
        let all = [("lo", [127, 0, 0, 1]), ("eth0", [10, 1, 0, 7]), ("eth1", [10, 2, 0, 7])];
        let all = all.map(|(name, bytes)| (name.to_owned(), Ipv4Addr::from(bytes)));
        let name = |prefix| chosen(&all, prefix).map(|(_, interface)| interface);
        assert_eq!(name("10."), Some("eth0".into()));
        assert_eq!(name("10.2."), Some("eth1".into()));
        assert_eq!(name(""), Some("lo".into()), "a star alone takes any");
        assert_eq!(name("192.168."), None);
    }
}
