//! What worker sockets speak: names, the options that open them, the modifiers their requests get.
//! Pure.

use uwsgi_config::{Config, Entry, Finding};

/// Wire protocol of a worker socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// uwsgi packets, one request per connection.
    Uwsgi,
    /// uwsgi packets without bodies, one after the other.
    Puwsgi,
    /// HTTP, one request per connection.
    Http,
    /// HTTP/1.1 with keep-alive.
    Http11,
    /// FastCGI.
    FastCgi,
    /// FastCGI whose answers begin with a status line of HTTP.
    FastCgiNph,
    /// SCGI.
    Scgi,
    /// SCGI whose answers begin with a status line of HTTP.
    ScgiNph,
    /// Nothing: a plugin gets the connection as it is.
    Raw,
    /// The private link of the http router.
    Link,
}

/// Each protocol with its name, and the option that opens a socket of it.
const NAMED: [(Protocol, &str, &str); 9] = [
    (Protocol::Uwsgi, "uwsgi", "uwsgi-socket"),
    (Protocol::Puwsgi, "puwsgi", "puwsgi-socket"),
    (Protocol::Http, "http", "http-socket"),
    (Protocol::Http11, "http11", "http11-socket"),
    (Protocol::FastCgi, "fastcgi", "fastcgi-socket"),
    (Protocol::FastCgiNph, "fastcgi-nph", "fastcgi-nph-socket"),
    (Protocol::Scgi, "scgi", "scgi-socket"),
    (Protocol::ScgiNph, "scgi-nph", "scgi-nph-socket"),
    (Protocol::Raw, "raw", "raw-socket"),
];

impl Protocol {
    /// Name as the stats show it.
    pub fn name(self) -> &'static str {
        NAMED.iter().find(|(one, ..)| *one == self).map_or("link", |(_, name, _)| name)
    }

    /// Whether HTTP rules of answering errors apply.
    pub fn is_http(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Http11)
    }

    /// Whether it is FastCGI, with one kind of answers or the other.
    pub fn is_fastcgi(self) -> bool {
        matches!(self, Protocol::FastCgi | Protocol::FastCgiNph)
    }

    /// Answers begin with `Status: 200 OK`; `cgi_mode` makes it so where nobody reads them as HTTP.
    pub fn says_status(self, cgi_mode: bool) -> bool {
        match self {
            Protocol::FastCgi | Protocol::Scgi => true,
            Protocol::FastCgiNph | Protocol::ScgiNph | Protocol::Link => false,
            _ => cgi_mode,
        }
    }

    /// Clients of it send something as soon as they are connected, so that the kernel may wait for
    /// that before it wakes a worker.
    pub fn defers(self) -> bool {
        self != Protocol::Raw
    }

    /// The protocol of an option that opens a socket; `default` is what `socket` speaks.
    pub fn of_option(option: &str, default: Protocol) -> Option<Protocol> {
        match option {
            "socket" => Some(default),
            _ => NAMED.iter().find(|(.., known)| *known == option).map(|(one, ..)| *one),
        }
    }

    fn parse(name: &str) -> Option<Protocol> {
        NAMED.iter().find(|(_, known, _)| *known == name).map(|(one, ..)| *one)
    }

    /// What `socket` speaks (`protocol`).
    pub fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Protocol {
        let Some(entry) = config.entry("protocol") else { return Protocol::Uwsgi };
        Protocol::parse(entry.text()).unwrap_or_else(|| {
            faults.push(unknown(entry));
            Protocol::Uwsgi
        })
    }
}

fn unknown(entry: &Entry) -> Finding {
    let names: Vec<&str> = NAMED.iter().map(|(_, name, _)| *name).collect();
    Finding::fault(format!("unable to find protocol {}", entry.text()))
        .about(entry)
        .allowed(names.join(", "))
}

/// Modifiers of requests whose protocol carries none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamps {
    /// HTTP sockets.
    pub http: (u8, u8),
    /// FastCGI.
    pub fastcgi: (u8, u8),
    /// SCGI.
    pub scgi: (u8, u8),
    /// Raw connections.
    pub raw: (u8, u8),
}

impl Stamps {
    /// The options of the kind `fastcgi-modifier1`.
    pub fn from_config(config: &Config) -> Stamps {
        Stamps::read(|name| config.int(name, 0))
    }

    fn read(number: impl Fn(&str) -> i64) -> Stamps {
        let small = |name: String| number(&name).clamp(0, 255) as u8;
        let pair = |of: &str| (small(format!("{of}-modifier1")), small(format!("{of}-modifier2")));
        Stamps {
            http: pair("http-socket"),
            fastcgi: pair("fastcgi"),
            scgi: pair("scgi"),
            raw: pair("raw"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again_and_opened_by_an_option_of_its_own() {
        for (protocol, name, option) in NAMED {
            assert_eq!(Protocol::parse(name), Some(protocol));
            assert_eq!(protocol.name(), name);
            assert_eq!(Protocol::of_option(option, Protocol::Raw), Some(protocol));
        }
        assert_eq!(Protocol::parse("link"), None, "the router's link is nobody else's");
        assert_eq!(Protocol::of_option("socket", Protocol::Scgi), Some(Protocol::Scgi));
        assert_eq!(Protocol::of_option("http", Protocol::Scgi), None);
    }

    #[test]
    fn only_those_who_read_a_cgi_answer_get_a_status_field() {
        let says = |protocol: Protocol| [protocol.says_status(false), protocol.says_status(true)];
        assert_eq!(says(Protocol::FastCgi), [true, true]);
        assert_eq!(says(Protocol::ScgiNph), [false, false]);
        assert_eq!(says(Protocol::Uwsgi), [false, true]);
        assert_eq!(says(Protocol::Link), [false, false]);
    }

    #[test]
    fn each_kind_of_socket_has_stamps_of_its_own() {
        let given = [
            ("http-socket-modifier1", 1),
            ("http-socket-modifier2", 2),
            ("fastcgi-modifier1", 3),
            ("fastcgi-modifier2", 4),
            ("scgi-modifier1", 5),
            ("scgi-modifier2", 6),
            ("raw-modifier1", 7),
            ("raw-modifier2", 300),
        ];
        let number =
            |name: &str| given.iter().find(|(own, _)| *own == name).map_or(-1, |(_, n)| *n);
        let stamps = Stamps { http: (1, 2), fastcgi: (3, 4), scgi: (5, 6), raw: (7, 255) };
        assert_eq!(Stamps::read(number), stamps);
        assert_eq!(Stamps::read(|_| -1), Stamps::default());
    }
}
