//! The argument of `zabbix`.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;
use uwsgi_net::{Own, Trust};

use super::active::{self, Agent};
use super::encode::Encode;
use super::link::{Link, Tls, address};
use super::names::Names;
use super::refusals::Refusals;
use super::transport::{Sender, Verdict};
use crate::address::Address;
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::{self, get};
use crate::kinds::Read;
use crate::lane::{Policy, Retry};
use crate::{Facts, Plan, Work};

/// Where a server or proxy listens when nothing else is said.
const DEFAULT: &str = "127.0.0.1:10051";

/// The keys behind the prefix.
const KEYS: &[&str] = &[
    "prefix",
    "host",
    "clock",
    "batch",
    "compress",
    "discovery",
    "active",
    "metadata",
    "freq",
    "timeout",
    "tls",
    "ca",
    "cert",
    "key",
    "server-name",
    "identity",
    "psk",
];

/// See the module.
#[derive(Debug)]
pub(super) struct Zabbix {
    servers: Vec<Address>,
    pub(super) names: Names,
    host: String,
    clock: bool,
    batch: usize,
    compress: bool,
    active: bool,
    metadata: Option<String>,
    tls: Option<Tls>,
    timeout: Duration,
    every: Duration,
}

/// Reads the argument; everything in it may be left out.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let plan = parse(argument.unwrap_or_default(), facts);
    Ok(Box::new(plan.map_err(|why| format!("invalid zabbix stats pusher syntax: {why}"))?))
}

/// Reads the argument; the error is what is wrong with it.
pub(super) fn parse(argument: &str, facts: &Facts<'_>) -> Result<Zabbix, String> {
    let (servers, rest) = argument.split_once(',').unwrap_or((argument, ""));
    let bare = rest.split(',').next().filter(|text| !text.contains('='));
    let pairs = keyval::read(rest, KEYS)?;
    let behind = rest.split(',').skip(usize::from(bare.is_some()));
    if let Some(odd) = behind.filter(|item| !item.is_empty()).find(|item| !item.contains('=')) {
        return Err(format!("\"{odd}\" is no KEY=VALUE (zabbix:ADDRESS,PREFIX,KEY=VALUE,...)"));
    }
    let keys = Keys(&pairs);
    let prefix = match (keys.text("prefix"), bare) {
        (Some(prefix), _) => prefix,
        (None, Some(prefix)) if argument.contains(',') => prefix,
        _ => "uwsgi",
    };
    if let Some(odd) = prefix.chars().find(|c| !is_of_key(*c)) {
        return Err(format!(
            "'{odd}' of the prefix cannot be in a key: use letters, digits, . _ -"
        ));
    }
    let text = |key| keys.text(key).map(str::to_owned);
    Ok(Zabbix {
        servers: read_servers(servers)?,
        names: Names { prefix: prefix.to_owned(), discovery: keys.switch("discovery")? },
        host: text("host").unwrap_or_else(|| facts.hostname.clone()),
        clock: keys.switch("clock")?,
        batch: keys.number("batch", "values")?.unwrap_or(0) as usize,
        compress: keys.switch("compress")?,
        active: keys.switch("active")?,
        metadata: text("metadata"),
        tls: keys.tls()?,
        timeout: keys.seconds("timeout")?.unwrap_or(facts.timeout),
        every: keys.seconds("freq")?.unwrap_or(facts.every),
    })
}

/// What Zabbix allows in front of the parameters of a key.
pub(super) fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn read_servers(text: &str) -> Result<Vec<Address>, String> {
    let text = if text.is_empty() { DEFAULT } else { text };
    let read = |text: &str| {
        address(text).ok_or_else(|| {
            format!("\"{text}\" is no address (HOST:PORT, [IPV6]:PORT or /PATH, several with ;)")
        })
    };
    text.split(';').map(read).collect()
}

struct Keys<'a>(&'a [(String, String)]);

impl Keys<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        get(self.0, key)
    }

    fn switch(&self, key: &str) -> Result<bool, String> {
        match self.text(key) {
            None | Some("0" | "false" | "no" | "off") => Ok(false),
            Some("1" | "true" | "yes" | "on") => Ok(true),
            Some(other) => Err(format!("{key} = {other} is neither true nor false")),
        }
    }

    fn number(&self, key: &str, of: &str) -> Result<Option<u32>, String> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Some).ok_or_else(|| format!("{key} = {text} is not a number of {of}"))
    }

    fn seconds(&self, key: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(key, "seconds")?.map(|seconds| Duration::from_secs(seconds.into())))
    }

    fn trust(&self) -> Result<Trust, String> {
        let path = |key| self.text(key).map(PathBuf::from);
        let shown = match (path("cert"), path("key")) {
            (Some(chain), Some(key)) => Some((chain, key)),
            (None, None) => None,
            _ => return Err("cert and key belong together".to_owned()),
        };
        let own = Own { anybody: false, authorities: path("ca"), shown };
        // Read once, at the start; needed until the end.
        Ok(if own == Own::default() { Trust::System } else { Trust::Own(Box::leak(Box::new(own))) })
    }

    fn tls(&self) -> Result<Option<Tls>, String> {
        let own =
            ["ca", "cert", "key", "server-name"].into_iter().find(|key| self.text(key).is_some());
        let secret = ["psk", "identity"].into_iter().find(|key| self.text(key).is_some());
        match (self.text("tls"), own, secret) {
            (Some("psk"), ..) | (_, _, Some(_)) => {
                Err("tls = psk is not possible, because the TLS library knows no pre-shared keys: \
                 use tls=cert, or a Zabbix proxy on this machine that has the key"
                    .to_owned())
            }
            (None | Some("unencrypted"), None, _) => Ok(None),
            (None | Some("unencrypted"), Some(key), _) => {
                Err(format!("{key} is for tls=cert alone"))
            }
            (Some("cert"), ..) => {
                let name = self.text("server-name").map(str::to_owned);
                Ok(Some(Tls { trust: self.trust()?, name }))
            }
            (Some(other), ..) => Err(format!("tls = {other} is neither cert nor unencrypted")),
        }
    }
}

impl Zabbix {
    /// Values that say when they were read are worth being kept; others are replaced by newer ones.
    fn policy(&self) -> Policy {
        let asked = self.servers.len() as u32 + 2;
        let deadline = self.timeout * asked;
        if self.clock || self.active {
            return Policy { pushes: 120, bytes: 16 << 20, retry: Retry::Patient, deadline };
        }
        Policy { pushes: 1, bytes: 16 << 20, retry: Retry::Never, deadline }
    }
}

impl Plan for Zabbix {
    fn kind(&self) -> &'static str {
        "zabbix"
    }

    fn receivers(&self) -> Vec<String> {
        let servers: Vec<String> = self.servers.iter().map(Address::to_string).collect();
        vec![servers.join(";")]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        true
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let policy = self.policy();
        let link = Link::new(self.servers.clone(), self.timeout, self.tls.clone());
        let Some(row) = work.rows.first() else { return Box::new(super::template::Silent) };
        let verdict = Verdict {
            place: self.receivers().concat(),
            row,
            log: work.log,
            refusals: Refusals::default(),
            begun: Instant::now(),
        };
        let names = self.names.clone();
        if self.active {
            let mut agent = Agent::new(link, verdict, self.host.clone());
            agent.metadata.clone_from(&self.metadata);
            (agent.compress, agent.batch) = (self.compress, self.batch);
            let encode = active::Encode { names, next_id: 1 };
            let receiver = Receiver { transport: Box::new(agent), policy };
            return Box::new(Fan::start("zabbix", encode, vec![receiver], work));
        }
        let encode = Encode {
            host: self.host.clone(),
            names,
            clock: self.clock,
            compress: self.compress,
            batch: self.batch,
            discovered_s: 0,
            serial: 0,
        };
        let transport = Box::new(Sender::new(link, verdict));
        Box::new(Fan::start("zabbix", encode, vec![Receiver { transport, policy }], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn parsed(argument: &str) -> Result<Zabbix, String> {
        parse(argument, &Given::of(&[]).facts())
    }

    #[test]
    fn the_classic_argument_is_an_address_and_a_prefix() {
        for (argument, servers, prefix) in [
            ("", "127.0.0.1:10051", "uwsgi"),
            ("z.example", "z.example:10051", "uwsgi"),
            ("z.example:1,mine", "z.example:1", "mine"),
            (",mine", "127.0.0.1:10051", "mine"),
            ("z:1,", "z:1", ""),
            ("z:1,host=a", "z:1", "uwsgi"),
            ("z:1,prefix=b", "z:1", "b"),
            ("a;[::1];/run/z.sock,m,host=x", "a:10051;[::1]:10051;/run/z.sock", "m"),
        ] {
            let zabbix = parsed(argument).unwrap();
            assert_eq!(zabbix.receivers(), [servers], "{argument}");
            assert_eq!(zabbix.names.prefix, prefix, "{argument}");
        }
        let zabbix = parsed("").unwrap();
        assert_eq!((zabbix.host.as_str(), zabbix.timeout.as_secs()), ("vm", 4));
        assert_eq!(zabbix.policy().retry, Retry::Never);
        assert!(!zabbix.clock && zabbix.batch == 0 && !zabbix.compress && !zabbix.names.discovery);
    }

    #[test]
    fn keys_say_the_rest() {
        let zabbix = parsed(
            "z:1,m,host=web 1,clock=1,batch=250,compress=on,discovery=yes,freq=60,timeout=9,\
             tls=cert,ca=/ca,cert=/c,key=/k,server-name=zz",
        )
        .unwrap();
        assert_eq!((zabbix.host.as_str(), zabbix.batch), ("web 1", 250));
        assert!(zabbix.clock && zabbix.compress && zabbix.names.discovery && !zabbix.active);
        assert_eq!((zabbix.every.as_secs(), zabbix.timeout.as_secs()), (60, 9));
        assert_eq!(zabbix.policy().retry, Retry::Patient);
        let tls = zabbix.tls.unwrap();
        let Trust::Own(own) = tls.trust else { panic!("{:?}", tls.trust) };
        assert_eq!(own.authorities.as_deref(), Some("/ca".as_ref()));
        assert_eq!((own.shown.is_some(), tls.name.as_deref()), (true, Some("zz")));
        assert_eq!(parsed("z,m,tls=cert").unwrap().tls.unwrap().trust, Trust::System);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (argument, why) in [
            (
                "z:port",
                "\"z:port\" is no address (HOST:PORT, [IPV6]:PORT or /PATH, several with ;)",
            ),
            ("a;;b", "\"\" is no address (HOST:PORT, [IPV6]:PORT or /PATH, several with ;)"),
            ("z:1,a b", "' ' of the prefix cannot be in a key: use letters, digits, . _ -"),
            ("z:1,a,b", "\"b\" is no KEY=VALUE (zabbix:ADDRESS,PREFIX,KEY=VALUE,...)"),
            ("z:1,clock=maybe", "clock = maybe is neither true nor false"),
            ("z:1,batch=0", "batch = 0 is not a number of values"),
            ("z:1,freq=x", "freq = x is not a number of seconds"),
            ("z:1,ca=/x", "ca is for tls=cert alone"),
            ("z:1,tls=cert,key=/x", "cert and key belong together"),
            ("z:1,server-name=x", "server-name is for tls=cert alone"),
            ("z:1,tls=maybe", "tls = maybe is neither cert nor unencrypted"),
        ] {
            assert_eq!(parsed(argument).unwrap_err(), why, "{argument}");
        }
        assert!(parsed("z:1,tls=psk,identity=a,psk=/x").unwrap_err().contains("tls=cert"));
        assert!(
            parsed("z:1,speed=1").unwrap_err().starts_with("\"speed\" is not one of prefix, host")
        );
        let text = read(Some("z:1,batch=0"), &Given::of(&[]).facts()).unwrap_err();
        assert!(text.starts_with("invalid zabbix stats pusher syntax: "));
    }
}
