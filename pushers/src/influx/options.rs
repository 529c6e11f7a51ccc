//! The argument of `influx`.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use uwsgi_net::http::header::{CONTENT_ENCODING, HeaderValue};

use super::encode::Encode;
use super::line::{Tag, tag};
use super::transport::Sender;
use crate::address::Address;
use crate::datagrams::{self, POLICY};
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::get;
use crate::kinds::Read;
use crate::web::{self, Pairs, Web};
use crate::{Facts, Plan, Work};

/// The word of `stats-push`.
const WORD: &str = "influx";

/// The keys that only this one knows.
const OWN: [&str; 7] = ["db", "rp", "org", "bucket", "tag", "gzip", "host"];

/// See the module.
#[derive(Debug)]
struct Influx {
    way: Way,
    /// Tags of every line.
    tags: Vec<Tag>,
    every: Duration,
}

#[derive(Debug)]
enum Way {
    Udp(Address),
    /// Whether bodies are compressed.
    Http(Box<Web>, bool),
}

/// Reads `URL[,KEY=VALUE...]`.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let plan = parse(argument.unwrap_or_default(), facts)
        .map_err(|why| format!("invalid {WORD} stats pusher syntax: {why}"))?;
    Ok(Box::new(plan))
}

fn parse(argument: &str, facts: &Facts<'_>) -> Result<Influx, String> {
    let udp = argument.strip_prefix("udp://");
    let shown = udp.map(|rest| format!("http://{rest}"));
    let (mut web, pairs) = web::read(shown.as_deref().unwrap_or(argument), &OWN, "Token", facts)?;
    let tags = tags(&pairs, facts)?;
    let every = web.every;
    let way = if let Some(rest) = udp {
        let place = rest.split_once(',').map_or(rest, |(place, _)| place);
        let address = Address::parse(place);
        let only = ["freq", "tag", "host"];
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !only.contains(&key.as_str())) {
            return Err(format!("{key} has no meaning over udp"));
        }
        Way::Udp(address.ok_or_else(|| format!("udp://{place} is not udp://HOST:PORT"))?)
    } else {
        web.target.path = path(&web.target.path, &pairs)?;
        Way::Http(Box::new(web), web::is_on(&pairs, "gzip")?)
    };
    Ok(Influx { way, tags, every })
}

/// A path that is given is taken as it is; otherwise the keys say which version is spoken.
fn path(given: &str, pairs: &Pairs) -> Result<String, String> {
    let query = |keys: &[(&str, &str)]| {
        let mut out = String::new();
        for (key, name) in keys {
            if let Some(value) = get(pairs, key) {
                // Writing to memory does not fail.
                let _ = write!(out, "{name}={}&", escaped(value));
            }
        }
        out
    };
    let used = |keys: &[&str]| keys.iter().any(|key| get(pairs, key).is_some());
    match (given, used(&["db", "rp"]), used(&["org", "bucket"])) {
        ("/" | "", true, false) if get(pairs, "db").is_some() => {
            Ok(format!("/write?{}precision=ns", query(&[("db", "db"), ("rp", "rp")])))
        }
        ("/" | "", false, true) if get(pairs, "bucket").is_some() => {
            let query = query(&[("org", "org"), ("bucket", "bucket")]);
            Ok(format!("/api/v2/write?{query}precision=ns"))
        }
        (given, false, false) if given.len() > 1 => Ok(given.to_owned()),
        ("/" | "", ..) => Err("give db=NAME for version 1, org=NAME,bucket=NAME for version 2, \
                               or a URL with its path"
            .to_owned()),
        _ => Err("a URL with a path needs no db, rp, org or bucket".to_owned()),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into());
            }
            // Writing to memory does not fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The last one of a name counts.
fn tags(pairs: &Pairs, facts: &Facts<'_>) -> Result<Vec<Tag>, String> {
    let mut out = Vec::new();
    let mut add = |name: &str, value: &str| {
        out.retain(|(known, _)| known != name);
        let mut written = Vec::new();
        tag(&mut written, name, value.as_bytes());
        out.push((name.to_owned(), written));
    };
    add("host", get(pairs, "host").unwrap_or(&facts.hostname));
    for (_, text) in pairs.iter().filter(|(key, _)| key == "tag") {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            pair.ok_or_else(|| format!("tag = {text} is not one (tag=NAME=VALUE)"))?;
        add(name, value);
    }
    Ok(out)
}

impl Plan for Influx {
    fn kind(&self) -> &'static str {
        WORD
    }

    fn receivers(&self) -> Vec<String> {
        vec![match &self.way {
            Way::Udp(address) => address.to_string(),
            Way::Http(web, _) => web.target.place(),
        }]
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn last_words(&self) -> bool {
        true
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let (sender, policy, gzip) = match &self.way {
            Way::Udp(address) => {
                let sender = datagrams::Sender::new(address.clone(), "influx/sendto()");
                (Sender::Udp(sender), POLICY, false)
            }
            Way::Http(web, gzip) => {
                let mut poster = web.poster("text/plain; charset=utf-8");
                if *gzip {
                    let value = HeaderValue::from_static("gzip");
                    poster.headers.push((CONTENT_ENCODING, value));
                }
                let sender = web::Sender::new(WORD, web, poster, web::plainly, "Token", work);
                (Sender::Http(Box::new(sender)), web.policy(), *gzip)
            }
        };
        let udp = matches!(self.way, Way::Udp(_));
        let encoder = Encode { tags: self.tags.clone(), udp, gzip, ready: VecDeque::new() };
        let receiver = Receiver { transport: Box::new(sender), policy };
        Box::new(Fan::start(WORD, encoder, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn of(argument: &str) -> Result<Influx, String> {
        parse(argument, &Given::of(&[]).facts())
    }

    #[test]
    fn the_keys_say_which_version_is_spoken() {
        for (argument, path) in [
            ("h:8086,db=my db", "/write?db=my%20db&precision=ns"),
            ("h:8086,db=d,rp=week", "/write?db=d&rp=week&precision=ns"),
            ("h,org=o,bucket=b/x,token=t", "/api/v2/write?org=o&bucket=b%2Fx&precision=ns"),
            ("http://h/api/v2/write?bucket=b", "/api/v2/write?bucket=b"),
        ] {
            let Way::Http(web, _) = of(argument).unwrap().way else { panic!("{argument}") };
            assert_eq!(web.target.path, path);
        }
        let udp = of("udp://[::1]:8089,tag=zone=a b").unwrap();
        assert_eq!(udp.receivers(), ["[::1]:8089"]);
        let written = |way: Influx| way.tags.into_iter().flat_map(|(_, written)| written);
        assert_eq!(written(udp).collect::<Vec<_>>(), b",host=vm,zone=a\\ b");
        let own = of("udp://h:1,tag=host=a,tag=zone=b,tag=host=c").unwrap();
        assert_eq!(written(own).collect::<Vec<_>>(), b",zone=b,host=c");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (argument, want) in [
            ("h:8086", "give db=NAME for version 1"),
            ("h,db=a,bucket=b", "give db=NAME for version 1"),
            ("http://h/write?db=x,db=y", "needs no db"),
            ("udp://h", "udp://h is not udp://HOST:PORT"),
            ("udp://h:1,token=x", "token has no meaning over udp"),
            ("h,db=d,tag==x", "tag = =x is not one"),
        ] {
            let error = of(argument).unwrap_err();
            assert!(error.contains(want), "{argument}: {error}");
        }
    }
}
