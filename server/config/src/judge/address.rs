//! Addresses: `host:port`, paths of UNIX sockets, shared sockets, descriptors.
//!
//! Only what the text alone tells; whether a name resolves or a port is free shows at bind.

use std::net::IpAddr;

use super::fault;
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::Row;
use crate::value::scan;

/// Longest path of a UNIX socket that the C server takes.
const MAX_UNIX_PATH: usize = 102;

/// What an address may be, for people.
const FORMS: &str =
    "host:port, :port, [ipv6]:port, a path of at most 102 bytes, @name, =N, fd://N, fd://NAME";

/// A listening socket; behind TLS ones follow certificate and key.
pub(super) fn socket(entry: &Entry, row: &Row, text: &str) -> Option<Finding> {
    if row.section == "mongrel2" {
        return None;
    }
    let tls = matches!(row.name, "https" | "https-socket" | "suwsgi-socket" | "ssl-socket")
        || row.name == "sslrouter";
    let list = tls || row.name == "http-to-https";
    let address = if list { text.split(',').next().unwrap_or_default() } else { text };
    if tls && text.split(',').filter(|part| !part.is_empty()).count() < 3 {
        let worker = matches!(row.name, "suwsgi-socket" | "ssl-socket");
        let name = if worker { "https-socket" } else { row.name };
        let text = format!("invalid {name} syntax must be socket,crt,key");
        return Some(fault(entry, text).allowed("socket,crt,key[,ciphers[,client_ca]]"));
    }
    if address.is_empty() {
        let text = "invalid/empty uwsgi socket name";
        return Some(fault(entry, text).allowed(FORMS));
    }
    judge(entry, address)
}

/// An address of any use.
pub(super) fn judge(entry: &Entry, text: &str) -> Option<Finding> {
    // What carries the numbers may stand in front of where they go.
    let carriers: &[&str] = if entry.key == "carbon" { &["udp:", "tls:", "unix:"] } else { &[] };
    let place = carriers.iter().find_map(|carrier| text.strip_prefix(carrier)).unwrap_or(text);
    wrong(place).map(|wrong| fault(entry, wrong).allowed(FORMS))
}

fn wrong(text: &str) -> Option<String> {
    // What nothing was known for at load stays in the text: `%(port)`, `$(PORT)`.
    if text.contains("%(") || text.contains("$(") {
        return None;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(number) = text.strip_prefix('=') {
        let bad = format!("unable to use shared socket {number}");
        return (!digits(number)).then_some(bad);
    }
    if let Some(number) = text.strip_prefix("fd://") {
        let bad = format!("invalid socket name: {text}");
        return (!digits(number) && !is_name(number)).then_some(bad);
    }
    if text.starts_with('@') || text.starts_with("\\0") {
        return None;
    }
    match text.split_once(" //").map_or(text, |(address, _)| address).rsplit_once(':') {
        Some((host, port)) if !text.starts_with('/') => wrong_port(text, host, port.trim()),
        _ if text.len() > MAX_UNIX_PATH => Some("invalid socket name".to_owned()),
        _ => None,
    }
}

/// A name that a service manager gives to a socket.
fn is_name(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && text.bytes().all(|b| b.is_ascii_graphic() && b != b':' && b != b'/')
}

/// The leading digits of a port count, as everywhere: `:%n` of `9090-app.ini` is port 9090.
fn wrong_port(text: &str, host: &str, port: &str) -> Option<String> {
    if host.starts_with('[') != host.ends_with(']') {
        return Some(format!("invalid socket address \"{text}\": a bracket is missing"));
    }
    let (number, length) = scan(port);
    let fits = port.is_empty() || (length > 0 && u16::try_from(number).is_ok());
    (!fits).then(|| format!("invalid port in socket address \"{text}\""))
}

/// A plain IP address.
pub(super) fn ip(entry: &Entry, row: &Row, text: &str) -> Option<Finding> {
    let wrong = text.trim().parse::<IpAddr>().is_err();
    let text = format!("{}: invalid address", row.name);
    wrong.then(|| fault(entry, text).allowed("an IPv4 or IPv6 address"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn addresses_that_cannot_be_bound_are_faults() {
        let long = format!("/tmp/{}.sock", "x".repeat(100));
        expect(&[
            ("socket", "127.0.0.1:3031", ""),
            ("socket", ":0", ""),
            ("socket", "localhost:", ""),
            ("socket", "[::1]:80", ""),
            ("socket", "/run/app.sock", ""),
            ("socket", "/run/a:1", ""),
            ("socket", ":9090-app", ""),
            ("socket", ":$(PORT)", ""),
            ("socket", "@app", ""),
            ("socket", "fd://4", ""),
            ("socket", "fd://app.socket", ""),
            ("socket", ":8080 // comment", ""),
            ("socket", "", "!invalid/empty uwsgi socket name"),
            ("socket", "=x", "!unable to use shared socket x"),
            ("socket", "fd://", "!invalid socket name: fd://"),
            ("socket", "fd://-1", "!invalid socket name: fd://-1"),
            ("socket", "fd://a:b", "!invalid socket name: fd://a:b"),
            ("socket", &long, "!invalid socket name"),
            ("socket", "127.0.0.1:99999", "!invalid port in socket address \"127.0.0.1:99999\""),
            ("http", ":http", "!invalid port in socket address \":http\""),
            ("http", "[::1:80", "!invalid socket address \"[::1:80\": a bracket is missing"),
            ("stats", ":%(port)", ""),
            ("carbon", "udp:127.0.0.1:2003", ""),
            ("carbon", "tls:[::1]:2003", ""),
            ("carbon", "unix:/run/carbon.sock", ""),
            ("carbon", "/run/carbon.sock", ""),
            ("carbon", "udp:h:99999", "!invalid port in socket address \"h:99999\""),
            ("stats", "unix:/run/a", "!invalid port in socket address \"unix:/run/a\""),
            ("stats", ":70000", "!invalid port in socket address \":70000\""),
            ("https", ":443", "!invalid https syntax must be socket,crt,key"),
            ("suwsgi-socket", ":1,a", "!invalid https-socket syntax must be socket,crt,key"),
            ("https", ":443,a.crt,a.key", ""),
            ("https", "=0,a.crt,a.key,HIGH", ""),
            ("zeromq", "tcp://127.0.0.1:1,tcp://127.0.0.1:2", ""),
            ("http-stud-prefix", "10.0.0.1", ""),
            ("http-stud-prefix", "300.1.1.1", "!http-stud-prefix: invalid address"),
        ]);
    }
}
