//! What the option `snmp-agentx` says: where the master agent of this machine is.

use std::path::PathBuf;

use uwsgi_config::{Config, Finding};

/// Where the master agents of the packages listen.
const USUAL: &str = "/var/agentx/master";

/// A master agent's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Master {
    /// A UNIX socket.
    Unix(PathBuf),
    /// A host, without brackets, and a port.
    Tcp(String, u16),
}

impl std::fmt::Display for Master {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Master::Unix(path) => write!(out, "{}", path.display()),
            Master::Tcp(host, port) if host.contains(':') => write!(out, "[{host}]:{port}"),
            Master::Tcp(host, port) => write!(out, "{host}:{port}"),
        }
    }
}

/// Reads the option; nothing when it is absent.
pub(crate) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Option<Master> {
    let entry = config.entry("snmp-agentx")?;
    let master = parse(entry.value.as_deref().unwrap_or_default());
    if master.is_none() {
        let text = format!("invalid value for option \"snmp-agentx\": \"{}\"", entry.text());
        let allowed = "unix:PATH, HOST:PORT, or nothing for /var/agentx/master";
        faults.push(Finding::fault(text).about(entry).allowed(allowed));
    }
    master
}

fn parse(text: &str) -> Option<Master> {
    if text.is_empty() || text == "true" {
        return Some(Master::Unix(USUAL.into()));
    }
    let path = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text));
    if let Some(path) = path {
        return path.starts_with('/').then(|| Master::Unix(path.into()));
    }
    let (host, port) = text.strip_prefix("tcp:").unwrap_or(text).rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let inner = host.strip_prefix('[').map_or(Some(host), |rest| rest.strip_suffix(']'))?;
    let bare = inner.contains(':') && inner.len() == host.len();
    (!inner.is_empty() && !bare).then(|| Master::Tcp(inner.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_other_subagents() {
        for (text, want) in [
            ("", Some("/var/agentx/master")),
            ("true", Some("/var/agentx/master")),
            ("unix:/run/x", Some("/run/x")),
            ("/run/x", Some("/run/x")),
            ("tcp:localhost:705", Some("localhost:705")),
            ("127.0.0.1:705", Some("127.0.0.1:705")),
            ("[::1]:705", Some("[::1]:705")),
            ("::1:705", None),
            ("unix:x", None),
            ("localhost", None),
            ("localhost:0", None),
            (":705", None),
        ] {
            assert_eq!(parse(text).map(|master| master.to_string()).as_deref(), want, "{text}");
        }
    }
}
