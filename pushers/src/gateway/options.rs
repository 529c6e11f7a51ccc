//! The argument of `pushgateway`.

use std::fmt::Write;
use std::time::Duration;

use super::encode::Encode;
use super::transport::Gateway;
use crate::instance::{Fan, Instance, Receiver};
use crate::keyval::get;
use crate::kinds::Read;
use crate::lane::{Policy, Retry};
use crate::web::{self, Web};
use crate::{Facts, Plan, Work};

/// The word of `stats-push`.
const WORD: &str = "pushgateway";

/// The keys that only this one knows.
const OWN: [&str; 4] = ["job", "instance", "group", "delete"];

/// See the module.
#[derive(Debug)]
struct ToGateway {
    /// With the path of the group.
    web: Web,
    delete: bool,
}

/// Reads `URL[,KEY=VALUE...]`.
pub(crate) fn read(argument: Option<&str>, facts: &Facts<'_>) -> Read {
    let plan = parse(argument.unwrap_or_default(), facts)
        .map_err(|why| format!("invalid {WORD} stats pusher syntax: {why}"))?;
    Ok(Box::new(plan))
}

fn parse(argument: &str, facts: &Facts<'_>) -> Result<ToGateway, String> {
    let (mut web, pairs) = web::read(argument, &OWN, "Bearer", facts)?;
    let job = if facts.stem.is_empty() { "uwsgi" } else { &facts.stem };
    let job = get(&pairs, "job").unwrap_or(job);
    if job.is_empty() {
        return Err("job must not be empty".to_owned());
    }
    let mut path = web.target.path.trim_end_matches('/').to_owned();
    path.push_str("/metrics");
    group(&mut path, "job", job);
    let instance = get(&pairs, "instance").unwrap_or(&facts.hostname);
    if !instance.is_empty() {
        group(&mut path, "instance", instance);
    }
    for (_, text) in pairs.iter().filter(|(key, _)| key == "group") {
        let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
        let (name, value) =
            pair.ok_or_else(|| format!("group = {text} is not one (group=NAME=VALUE)"))?;
        group(&mut path, name, value);
    }
    web.target.path = path;
    Ok(ToGateway { web, delete: web::is_on(&pairs, "delete")? })
}

/// `/name/value`; a value that a path cannot hold goes as base64.
fn group(path: &mut String, name: &str, value: &str) {
    path.push('/');
    escape(path, name);
    if value.is_empty() || value.contains('/') {
        let text = uwsgi_net::base64(value.as_bytes()).replace('+', "-").replace('/', "_");
        path.push_str("@base64/");
        // An empty value is one padding character, by their rules.
        path.push_str(if text.is_empty() { "=" } else { &text });
    } else {
        path.push('/');
        escape(path, value);
    }
}

fn escape(path: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' => {
                path.push(byte.into());
            }
            // Writing to memory does not fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
    }
}

impl Plan for ToGateway {
    fn kind(&self) -> &'static str {
        WORD
    }

    fn receivers(&self) -> Vec<String> {
        vec![self.web.target.place()]
    }

    fn every(&self) -> Duration {
        self.web.every
    }

    fn last_words(&self) -> bool {
        true
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let poster = self.web.poster("text/plain; version=0.0.4; charset=utf-8");
        let sender = web::Sender::new(WORD, &self.web, poster, web::plainly, "Bearer", work);
        // Only the newest page is of any use there.
        let deadline = self.web.limits.whole + Duration::from_secs(1);
        let policy = Policy { pushes: 1, bytes: 64 << 20, retry: Retry::Patient, deadline };
        let receiver = Receiver { transport: Box::new(Gateway(sender)), policy };
        Box::new(Fan::start(WORD, Encode { delete: self.delete }, vec![receiver], work))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    #[test]
    fn the_group_is_a_path() {
        for (argument, path) in [
            ("h:9091", "/metrics/job/app/instance/vm"),
            ("http://h/pre/,job=a b,instance=h:1", "/pre/metrics/job/a%20b/instance/h:1"),
            (
                "h,instance=,group=dir=/var/tmp,group=e=",
                "/metrics/job/app/dir@base64/L3Zhci90bXA=/e@base64/=",
            ),
        ] {
            let given = Given::of(&[]);
            assert_eq!(parse(argument, &given.facts()).unwrap().web.target.path, path);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let given = Given::of(&[]);
        for (argument, want) in [
            ("h,job=", "job must not be empty"),
            ("h,group=x", "group = x is not one"),
            ("h,delete=maybe", "delete = maybe is neither true nor false"),
        ] {
            let error = parse(argument, &given.facts()).unwrap_err();
            assert!(error.contains(want), "{argument}: {error}");
        }
    }
}
