//! What the options say about the SNMP agent.

use uwsgi_config::{Config, Entry, Finding};
use uwsgi_snmp::usm::User;
use uwsgi_snmp::{Access, Network, Rules};

use crate::log;

/// The longest community.
const COMMUNITY: usize = 72;

/// What is logged for a longer one.
pub(crate) const TRUNCATED: &str =
    "*** warning the supplied SNMP community string will be truncated to 72 chars ***";

/// The agent as configured.
#[derive(Clone, Debug, Default)]
pub struct Snmp {
    /// Its own sockets; without any it answers on those of `udp`.
    pub addresses: Vec<String>,
    /// Who may ask.
    pub access: Access,
    /// Users of SNMPv3.
    pub users: Vec<User>,
    /// Where the engine of SNMPv3 remembers its starts.
    pub engine_file: Option<String>,
}

impl Snmp {
    /// Reads the options; nothing when none of them asks for an agent.
    pub(crate) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Option<Snmp> {
        let on = ["snmp", "snmp-community", "snmp-user"].iter().any(|name| config.has(name));
        if !on {
            return None;
        }
        let like_uwsgi = config.flag("snmp-compat");
        let communities = config.all("snmp-community").map(|entry| entry.text().as_bytes());
        Some(Snmp {
            addresses: config.all("snmp").filter_map(|entry| entry.value.clone()).collect(),
            access: Access {
                communities: communities.filter_map(community).collect(),
                networks: networks(config, faults),
                silent: like_uwsgi || config.flag("snmp-silent"),
            },
            users: users(config, faults),
            engine_file: config.last("snmp-engine-file").map(str::to_owned),
        })
    }
}

/// How numbers are shown, by the agent and by the subagent alike.
pub(crate) fn rules(config: &Config) -> Rules {
    Rules { gauge64: config.flag("snmp-gauge64"), wrap: config.flag("snmp-compat") }
}

/// A community as it counts: cut where it is too long, and none at all when it is empty.
pub(crate) fn community(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > COMMUNITY {
        log!("{TRUNCATED}");
    }
    let kept = text.get(..COMMUNITY).unwrap_or(text);
    (!kept.is_empty()).then(|| kept.to_vec())
}

fn networks(config: &Config, faults: &mut Vec<Finding>) -> Vec<Network> {
    let mut out = Vec::new();
    for entry in config.all("snmp-allow") {
        for part in entry.text().split([',', ' ']).filter(|part| !part.is_empty()) {
            match Network::parse(part) {
                Some(network) => out.push(network),
                None => faults.push(wrong(entry, part)),
            }
        }
    }
    out
}

fn users(config: &Config, faults: &mut Vec<Finding>) -> Vec<User> {
    let mut out: Vec<User> = Vec::new();
    for entry in config.all("snmp-user") {
        match User::parse(entry.text()) {
            // A later line about a user replaces the earlier one.
            Ok(user) => {
                out.retain(|known| known.name != user.name);
                out.push(user);
            }
            Err(why) => {
                let text = format!("invalid value for option \"snmp-user\": {why}");
                let form = "NAME;auth=PROTOCOL:PASSWORD;priv=PROTOCOL:PASSWORD;level=LEVEL";
                // The rest of the value is secret.
                let name = entry.text().split(';').next().unwrap_or_default();
                let shown = format!("{name};...");
                let fault = Finding::fault(text).at(&entry.key, Some(&shown), &entry.origin);
                faults.push(fault.allowed(form));
            }
        }
    }
    out
}

/// The names of the users, whatever else is said of them.
pub(crate) fn user_names(config: &Config) -> Vec<String> {
    let name = |entry: &Entry| {
        let (name, _) = entry.text().split_once(';').unwrap_or((entry.text(), ""));
        name.trim().to_owned()
    };
    config.all("snmp-user").map(name).collect()
}

fn wrong(entry: &Entry, part: &str) -> Finding {
    let text = format!("invalid value for option \"snmp-allow\": \"{part}\" is no network");
    Finding::fault(text).about(entry).allowed("an address, or a network like 10.0.0.0/8")
}
