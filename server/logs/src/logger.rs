//! Loggers as options name them: `[name ]plugin[:argument]`.
//!
//! What an argument means stands here, for each kind; who opens and sends is elsewhere.

use std::fmt;

use crate::keyval;
use crate::wire::crypto::Cipher;
use crate::wire::redis;

/// Where datagrams or a stream go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A UNIX socket.
    Path(String),
    /// A host name or an address, and a port.
    Host(String, u16),
}

/// A logger of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Only routes lead to a logger with a name.
    pub name: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// A kind of logger with what its argument says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, which may rotate itself.
    File {
        /// Its path.
        path: String,
        /// Bytes from which on it has to go; 0 is no limit.
        most: u64,
        /// What it is called then.
        backup: Option<String>,
    },
    /// A descriptor that was inherited.
    Fd(i32),
    /// The log itself, before it led here.
    Stdio,
    /// A datagram for each line, with a text in front.
    Socket(Address, String),
    /// The system's log.
    Syslog {
        /// In front of each line.
        ident: String,
        /// Its number, as in a priority.
        facility: u8,
    },
    /// A syslog datagram of RFC 3164 to an address.
    Rsyslog {
        /// Where to.
        to: Address,
        /// Host and name in front of each line; the machine's own without one.
        id: Option<String>,
        /// Facility and severity in one number.
        priority: u16,
    },
    /// A command of redis for each line.
    Redis(redis::Target),
    /// A document of MongoDB for each line.
    Mongodb {
        /// Where to.
        to: Address,
        /// Database and collection.
        collection: (String, String),
        /// The field `node`; the machine's name without one.
        node: Option<String>,
    },
    /// A frame of a PUSH socket for each line.
    Zeromq(String),
    /// An encrypted datagram for each line.
    Crypto {
        /// Where to.
        to: Address,
        /// Cipher, as OpenSSL calls it.
        algorithm: String,
        /// Its key.
        secret: String,
        /// Its first block.
        iv: Option<String>,
        /// Between the time and the line.
        prefix: Option<String>,
    },
    /// A compressed GELF datagram for each line.
    Graylog2 {
        /// Where to.
        to: Address,
        /// The field `host`.
        host: String,
    },
    /// An entry of the journal for each line.
    Journal,
    /// The standard input of a command.
    Pipe(String),
}

/// Names of loggers, in the order in which they are listed. Several lead to the same kind.
pub const NAMES: [&str; 14] = [
    "file",
    "fd",
    "stdio",
    "socket",
    "syslog",
    "rsyslog",
    "redislog",
    "mongodblog",
    "zeromq",
    "zmq",
    "crypto",
    "graylog2",
    "systemd",
    "pipe",
];

/// What is said of a kind that nobody knows.
const UNKNOWN: &str = "unable to find logger ";

/// How the argument of each kind is written; for one that is unknown, which there are.
pub fn usage(option: &str) -> String {
    let (_, rest) = named(option);
    let (kind, _) = rest.split_once(':').unwrap_or((rest, ""));
    let argument = match kind {
        "file" => "/path or logfile=/path[,maxsize=bytes][,backupname=/path]",
        "fd" => "number",
        "socket" => "address[,prefix]",
        "rsyslog" => "address[,ident[,priority]]",
        "redislog" => "[password@]host:port[/db][,command[,prefix]]",
        "mongodblog" => "[host:port[,database.collection[,node]]]",
        "zeromq" | "zmq" => "tcp://host:port",
        "crypto" => "addr=host:port,algo=name,secret=text[,iv=text][,prefix=text]",
        "graylog2" => "host:port,name",
        "pipe" => "command",
        _ => return format!("[name ]kind[:argument], kinds: {}", NAMES.join(" ")),
    };
    format!("{kind}:{argument}")
}

/// Of `auth` to `local7` as RFC 3164 numbers them, and the names that users write besides.
const FACILITIES: [(&str, u8); 23] = [
    ("kern", 0),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("security", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("mark", 24),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
    ("", 3),
];

/// Facility `daemon`.
const DAEMON: u8 = 3;

/// `daemon.notice`.
const NOTICE_OF_DAEMON: u16 = 29;

impl Spec {
    /// Reads the value of `logger` or `req-logger`. The error is the line for the log.
    pub fn parse(option: &str) -> Result<Spec, String> {
        let (name, rest) = named(option);
        let (plugin, arg) = rest.split_once(':').unwrap_or((rest, ""));
        Ok(Spec { name: name.map(str::to_owned), kind: Kind::parse(plugin, arg)? })
    }
}

/// The name in front, and the rest.
fn named(option: &str) -> (Option<&str>, &str) {
    let named = option.split_once(' ').filter(|(word, _)| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    named.map_or((None, option), |(name, rest)| (Some(name), rest.trim_start()))
}

impl Kind {
    /// A logger by its name and its argument, which may be empty.
    pub fn parse(plugin: &str, arg: &str) -> Result<Kind, String> {
        match plugin {
            "file" => file(arg),
            "fd" => fd(arg),
            "stdio" => Ok(Kind::Stdio),
            "socket" => socket(arg),
            "syslog" => Ok(syslog(arg)),
            "rsyslog" => rsyslog(arg),
            "redislog" => redis::Target::parse(arg).map(Kind::Redis),
            "mongodblog" => mongodb(arg),
            "zeromq" | "zmq" if arg.is_empty() => Err("invalid zeromq syntax".into()),
            "zeromq" | "zmq" => endpoint(arg).map(|_| Kind::Zeromq(arg.to_owned())),
            "crypto" => crypto(arg),
            "graylog2" => graylog2(arg),
            "systemd" => Ok(Kind::Journal),
            "pipe" if arg.is_empty() => Err("invalid pipe logger: it needs a command".into()),
            "pipe" => Ok(Kind::Pipe(arg.to_owned())),
            _ => Err(format!("{UNKNOWN}{plugin}")),
        }
    }
}

impl Kind {
    /// The name by which an option asks for it.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::File { .. } => "file",
            Kind::Fd(_) => "fd",
            Kind::Stdio => "stdio",
            Kind::Socket(..) => "socket",
            Kind::Syslog { .. } => "syslog",
            Kind::Rsyslog { .. } => "rsyslog",
            Kind::Redis(_) => "redislog",
            Kind::Mongodb { .. } => "mongodblog",
            Kind::Zeromq(_) => "zeromq",
            Kind::Crypto { .. } => "crypto",
            Kind::Graylog2 { .. } => "graylog2",
            Kind::Journal => "systemd",
            Kind::Pipe(_) => "pipe",
        }
    }
}

/// For a line of the log: nothing that is secret.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::File { path, .. } => write!(f, "file {path}"),
            Kind::Fd(fd) => write!(f, "fd {fd}"),
            Kind::Stdio => f.write_str("stdio"),
            Kind::Socket(to, _) => write!(f, "socket {to}"),
            Kind::Syslog { .. } => f.write_str("syslog"),
            Kind::Rsyslog { to, .. } => write!(f, "rsyslog {to}"),
            Kind::Redis(target) => write!(f, "redislog {}", target.to),
            Kind::Mongodb { to, .. } => write!(f, "mongodblog {to}"),
            Kind::Zeromq(endpoint) => write!(f, "zeromq {endpoint}"),
            Kind::Crypto { to, .. } => write!(f, "crypto {to}"),
            Kind::Graylog2 { to, .. } => write!(f, "graylog2 {to}"),
            Kind::Journal => f.write_str("systemd"),
            Kind::Pipe(_) => f.write_str("pipe"),
        }
    }
}

/// As an option writes it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Path(path) => f.write_str(path),
            Address::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl Address {
    /// A path, `host:port` or `[v6]:port`; `port` stands in for one that is missing.
    pub fn parse(text: &str, port: Option<u16>) -> Result<Address, String> {
        let wrong = || format!("\"{text}\" is neither a path nor host:port");
        if text.starts_with(['/', '.', '@']) {
            return Ok(Address::Path(text.to_owned()));
        }
        let (host, number) = match text.rsplit_once(':') {
            Some((host, number)) if !number.contains(']') => (host, number.parse().ok()),
            _ => (text, port),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = number.ok_or_else(wrong)?;
        if host.is_empty() && text.is_empty() {
            return Err(wrong());
        }
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        Ok(Address::Host(host.to_owned(), port))
    }
}

fn file(arg: &str) -> Result<Kind, String> {
    if !arg.contains('=') {
        return match arg {
            "" => Err("[uwsgi-logfile] missing logfile key".into()),
            path => Ok(Kind::File { path: path.to_owned(), most: 0, backup: None }),
        };
    }
    let wrong = |why: String| format!("[uwsgi-logfile] invalid keyval syntax: {why}");
    let pairs = keyval::pairs(arg).map_err(wrong)?;
    if let Some(key) = keyval::unknown(&pairs, &["logfile", "maxsize", "backupname"]) {
        return Err(wrong(format!("unknown key \"{key}\"")));
    }
    let path = keyval::value(&pairs, "logfile").ok_or("[uwsgi-logfile] missing logfile key")?;
    let most = match keyval::value(&pairs, "maxsize") {
        Some(text) => {
            text.parse().map_err(|_| wrong(format!("maxsize \"{text}\" is no number")))?
        }
        None => 0,
    };
    let backup = keyval::value(&pairs, "backupname").map(str::to_owned);
    Ok(Kind::File { path: path.to_owned(), most, backup })
}

fn fd(arg: &str) -> Result<Kind, String> {
    let number = arg.parse::<i32>().ok().filter(|fd| *fd >= 0);
    number.map(Kind::Fd).ok_or_else(|| format!("invalid fd logger: \"{arg}\" is no descriptor"))
}

fn socket(arg: &str) -> Result<Kind, String> {
    let (address, prefix) = arg.split_once(',').unwrap_or((arg, ""));
    let to =
        Address::parse(address, None).map_err(|why| format!("invalid socket logger: {why}"))?;
    Ok(Kind::Socket(to, prefix.to_owned()))
}

fn syslog(arg: &str) -> Kind {
    let (ident, facility) = arg.split_once(',').unwrap_or((arg, ""));
    let ident = if ident.is_empty() { "uwsgi" } else { ident };
    let known = FACILITIES.iter().find(|(name, _)| *name == facility);
    Kind::Syslog { ident: ident.to_owned(), facility: known.map_or(DAEMON, |(_, number)| *number) }
}

fn rsyslog(arg: &str) -> Result<Kind, String> {
    if arg.is_empty() {
        return Err("invalid rsyslog syntax".into());
    }
    let mut parts = arg.splitn(3, ',');
    let to = Address::parse(parts.next().unwrap_or(""), Some(514))
        .map_err(|why| format!("invalid rsyslog syntax: {why}"))?;
    let id = parts.next().filter(|id| !id.is_empty()).map(str::to_owned);
    let priority = match parts.next() {
        Some(text) => text
            .parse()
            .ok()
            .filter(|priority| *priority <= 191)
            .ok_or_else(|| format!("invalid rsyslog syntax: priority \"{text}\" (0 to 191)"))?,
        None => NOTICE_OF_DAEMON,
    };
    Ok(Kind::Rsyslog { to, id, priority })
}

fn mongodb(arg: &str) -> Result<Kind, String> {
    let mut parts = arg.splitn(3, ',');
    let wrong = |why: &str| format!("invalid mongodblog syntax: {why}");
    let to = match parts.next().filter(|address| !address.is_empty()) {
        Some(address) => Address::parse(address, Some(27017)).map_err(|why| wrong(&why))?,
        None => Address::Host("127.0.0.1".into(), 27017),
    };
    let collection = parts.next().filter(|name| !name.is_empty()).unwrap_or("uwsgi.logs");
    let (database, name) = collection
        .split_once('.')
        .ok_or_else(|| wrong(&format!("\"{collection}\" is no database.collection")))?;
    let node = parts.next().filter(|node| !node.is_empty()).map(str::to_owned);
    Ok(Kind::Mongodb { to, collection: (database.to_owned(), name.to_owned()), node })
}

fn crypto(arg: &str) -> Result<Kind, String> {
    let missing = "[uwsgi-logcrypto] you have to specify at least addr,algo and secret options";
    let pairs = keyval::pairs(arg).map_err(|why| format!("{missing}: {why}"))?;
    let own = |key: &str| keyval::value(&pairs, key).map(str::to_owned);
    let (Some(address), Some(algorithm), Some(secret)) = (own("addr"), own("algo"), own("secret"))
    else {
        return Err(missing.into());
    };
    let to = Address::parse(&address, None).map_err(|why| format!("[uwsgi-logcrypto] {why}"))?;
    let (iv, prefix) = (own("iv"), own("prefix"));
    Cipher::new(&algorithm, &secret, iv.as_deref(), prefix.as_deref())?;
    Ok(Kind::Crypto { to, algorithm, secret, iv, prefix })
}

/// Where a ZeroMQ endpoint is.
pub(crate) fn endpoint(text: &str) -> Result<Address, String> {
    let wrong = || format!("invalid zeromq endpoint \"{text}\" (tcp://host:port, ipc://path)");
    match text.split_once("://") {
        Some(("tcp", address)) => Address::parse(address, None).map_err(|_| wrong()),
        Some(("ipc", path)) if !path.is_empty() => Ok(Address::Path(path.to_owned())),
        _ => Err(wrong()),
    }
}

fn graylog2(arg: &str) -> Result<Kind, String> {
    let wrong = "invalid graylog2 syntax: must be <address>,<host>";
    let (address, host) = arg.split_once(',').filter(|(_, host)| !host.is_empty()).ok_or(wrong)?;
    let to = Address::parse(address, None).map_err(|why| format!("{wrong}: {why}"))?;
    Ok(Kind::Graylog2 { to, host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str, port: u16) -> Address {
        Address::Host(host.into(), port)
    }

    fn kind(option: &str) -> Kind {
        Spec::parse(option).unwrap().kind
    }

    #[test]
    fn a_word_in_front_is_a_name() {
        let name = |option: &str| Spec::parse(option).unwrap().name;
        assert_eq!(name("disk file:/a b").as_deref(), Some("disk"));
        assert_eq!(name("file:/a b"), None);
        assert_eq!(name("stdio"), None);
        assert_eq!(kind("disk file:/a b"), kind("file:/a b"));
    }

    #[test]
    fn arguments_of_the_documentation_are_understood() {
        let file = |path: &str, most, backup: Option<&str>| Kind::File {
            path: path.into(),
            most,
            backup: backup.map(str::to_owned),
        };
        let rsyslog = |to, id: Option<&str>, priority| Kind::Rsyslog {
            to,
            id: id.map(str::to_owned),
            priority,
        };
        let syslog = |ident: &str, facility| Kind::Syslog { ident: ident.into(), facility };
        for (option, expected) in [
            ("file:/tmp/a", file("/tmp/a", 0, None)),
            ("file:logfile=/tmp/a,maxsize=20,backupname=/b", file("/tmp/a", 20, Some("/b"))),
            ("fd:7", Kind::Fd(7)),
            ("socket:127.0.0.1:1717", Kind::Socket(host("127.0.0.1", 1717), String::new())),
            ("socket:/tmp/s,pre ", Kind::Socket(Address::Path("/tmp/s".into()), "pre ".into())),
            ("syslog", syslog("uwsgi", 3)),
            ("syslog:site", syslog("site", 3)),
            ("syslog:site,local6", syslog("site", 22)),
            ("syslog:site,nope", syslog("site", 3)),
            ("rsyslog:logs", rsyslog(host("logs", 514), None, 29)),
            ("rsyslog:logs:12,web,191", rsyslog(host("logs", 12), Some("web"), 191)),
            ("rsyslog:[::1]", rsyslog(host("::1", 514), None, 29)),
            ("rsyslog:/dev/log,web", rsyslog(Address::Path("/dev/log".into()), Some("web"), 29)),
            ("zmq:tcp://1.2.3.4:5", Kind::Zeromq("tcp://1.2.3.4:5".into())),
            ("systemd", Kind::Journal),
            ("pipe:cat > /tmp/x", Kind::Pipe("cat > /tmp/x".into())),
            (
                "mongodblog",
                Kind::Mongodb {
                    to: host("127.0.0.1", 27017),
                    collection: ("uwsgi".into(), "logs".into()),
                    node: None,
                },
            ),
            (
                "mongodblog:db:1,a.b.c,me",
                Kind::Mongodb {
                    to: host("db", 1),
                    collection: ("a".into(), "b.c".into()),
                    node: Some("me".into()),
                },
            ),
            (
                "graylog2:127.0.0.1:12201,web",
                Kind::Graylog2 { to: host("127.0.0.1", 12201), host: "web".into() },
            ),
            (
                "crypto:addr=1.2.3.4:1717,algo=bf-cbc,secret=ciaociao",
                Kind::Crypto {
                    to: host("1.2.3.4", 1717),
                    algorithm: "bf-cbc".into(),
                    secret: "ciaociao".into(),
                    iv: None,
                    prefix: None,
                },
            ),
        ] {
            assert_eq!(kind(option), expected, "{option}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_as_people_search_for_it() {
        for (option, text) in [
            ("nope:x", "unable to find logger nope"),
            ("rsyslog", "invalid rsyslog syntax"),
            ("zeromq", "invalid zeromq syntax"),
            ("file:maxsize=3", "[uwsgi-logfile] missing logfile key"),
            (
                "crypto:addr=1.2.3.4:1",
                "[uwsgi-logcrypto] you have to specify at least addr,algo and secret options",
            ),
            (
                "file:logfile=/a,maxsize=x",
                "[uwsgi-logfile] invalid keyval syntax: maxsize \"x\" is no number",
            ),
            (
                "file:logfile=/a,size=3",
                "[uwsgi-logfile] invalid keyval syntax: unknown key \"size\"",
            ),
            (
                "socket:nowhere",
                "invalid socket logger: \"nowhere\" is neither a path nor host:port",
            ),
            ("fd:x", "invalid fd logger: \"x\" is no descriptor"),
            ("zmq:host", "invalid zeromq endpoint \"host\" (tcp://host:port, ipc://path)"),
            ("zmq:ipc://", "invalid zeromq endpoint \"ipc://\" (tcp://host:port, ipc://path)"),
            (
                "crypto:addr=1.2.3.4:1,algo=rot13,secret=x",
                "[uwsgi-logcrypto] unknown cipher \"rot13\" (bf-cbc, aes-128-cbc, aes-192-cbc, \
                 aes-256-cbc, des-cbc, des-ede3-cbc)",
            ),
        ] {
            assert_eq!(Spec::parse(option).unwrap_err(), text, "{option}");
        }
        for name in NAMES {
            let said = Spec::parse(name).err().unwrap_or_default();
            assert!(!said.contains(UNKNOWN), "{name} is listed and unknown");
            let told = said.is_empty() || usage(&format!("n {name}:x")).starts_with(name);
            assert!(told, "{name}: nobody says how it is written");
        }
    }
}
