//! The options of `carbon`.

use std::sync::Arc;
use std::time::Duration;

use super::classic::{Classic, IdleAverage};
use super::encode::{Content, Encode};
use super::names::{Names, Parts};
use super::server::{Carrier, Server};
use super::state::{Delivered, Memory};
use super::text::Language;
use super::transport::Courier;
use crate::instance::{Fan, Instance, Receiver};
use crate::kinds::Fault;
use crate::lane::{Policy, Retry};
use crate::{Facts, Options, Plan, Plans, Work};

/// Pushes that wait while one is tried again: their numbers have a time and are worth sending late.
const WAITING: usize = 4;

/// Their bytes.
const WAITING_BYTES: usize = 32 << 20;

/// See the module.
#[derive(Debug)]
struct Carbon {
    servers: Vec<Server>,
    lines: Vec<String>,
    every: Duration,
    timeout: Duration,
    retry: Retry,
    resolve: bool,
    language: Language,
    content: Content,
    root: String,
    host: String,
    id: Option<String>,
    tags: bool,
    sanitize: bool,
}

/// Reads the options. An instance without a socket has no name, and nothing to tell.
pub(crate) fn read(facts: &Facts<'_>, plans: &mut Plans) -> Result<(), Fault> {
    let options = facts.options;
    let given = options.all("carbon");
    if given.is_empty() || !facts.sockets {
        return Ok(());
    }
    let (servers, mut lines) = servers(&given);
    let language = language(options, &servers)?;
    let content = content(facts)?;
    let resolve = options.flag("carbon-name-resolve");
    lines.extend(warnings(facts, &servers, content, resolve));
    let seconds = |name: &str, default: i64| {
        let given = options.int(name, default);
        if given < 1 { default } else { given }.unsigned_abs()
    };
    let (every, timeout) = (seconds("carbon-freq", 60), seconds("carbon-timeout", 3));
    let retries = u32::try_from(options.int("carbon-max-retry", 0).max(0)).unwrap_or(u32::MAX);
    let delay = seconds("carbon-retry-delay", 7);
    lines.push(format!(
        "[carbon] carbon plugin started, {every}s frequency, {timeout}s timeout, \
         max retries {retries}, retry delay {delay}s"
    ));
    plans.push(Arc::new(Carbon {
        servers,
        lines,
        every: Duration::from_secs(every),
        timeout: Duration::from_secs(timeout),
        retry: Retry::Times(retries, Duration::from_secs(delay)),
        resolve,
        language,
        content,
        root: options.last("carbon-root").unwrap_or_else(|| "uwsgi".into()),
        host: host(facts),
        id: options.last("carbon-id"),
        tags: options.flag("carbon-tags"),
        sanitize: options.flag("carbon-sanitize"),
    }));
    Ok(())
}

/// The servers, and a line about each that is or is not one.
fn servers(given: &[String]) -> (Vec<Server>, Vec<String>) {
    let (mut servers, mut lines) = (Vec::new(), Vec::new());
    for text in given {
        match Server::parse(text) {
            Some(server) => {
                lines.push(format!("[carbon] added server {server}"));
                servers.push(server);
            }
            None => lines.push(format!("[carbon] invalid carbon server address ({text})")),
        }
    }
    (servers, lines)
}

fn language(options: &dyn Options, servers: &[Server]) -> Result<Language, Fault> {
    let word = options.last("carbon-proto").unwrap_or_else(|| "plain".into());
    let fault = |option, value, text| Fault { option, value, text };
    let language = match word.as_str() {
        "plain" => Language::Lines,
        "pickle" => Language::Pickles,
        _ => {
            let text =
                format!("[carbon] invalid value for carbon-proto: \"{word}\" (plain, pickle)");
            return Err(fault("carbon-proto", word, text));
        }
    };
    for server in servers {
        let shown = server.to_string();
        if server.carrier == Carrier::Datagrams && language == Language::Pickles {
            let text = format!(
                "[carbon] pickles do not travel in datagrams: carbon-proto = pickle needs {} \
                 instead of {shown}",
                server.address
            );
            return Err(fault("carbon", shown, text));
        }
        if server.carrier == Carrier::Tls && !cfg!(feature = "tls") {
            let text =
                format!("[carbon] {shown} wants TLS, which this build has not (feature tls)");
            return Err(fault("carbon", shown, text));
        }
    }
    Ok(language)
}

fn content(facts: &Facts<'_>) -> Result<Content, Fault> {
    let options = facts.options;
    let word = options.last("carbon-idle-avg").unwrap_or_else(|| "last".into());
    let idle_average = IdleAverage::parse(&word).ok_or_else(|| Fault {
        option: "carbon-idle-avg",
        text: format!("[carbon] invalid value for carbon-idle-avg: \"{word}\""),
        value: word,
    })?;
    if options.flag("carbon-use-metrics") {
        return Ok(Content::Metrics);
    }
    Ok(Content::Classic(Classic {
        workers: !options.flag("carbon-no-workers"),
        memory: facts.memory,
        cheaper: facts.cheaper,
        extended: options.flag("carbon-extended"),
        idle_average,
    }))
}

/// What will not work as it is written, though it starts.
fn warnings(facts: &Facts<'_>, servers: &[Server], content: Content, resolve: bool) -> Vec<String> {
    let named = servers.iter().filter(|server| server.is_named() && !resolve);
    let mut lines: Vec<String> = named
        .map(|server| {
            let host = server.host();
            format!("[carbon] {host} is a name: it is looked up with carbon-name-resolve only")
        })
        .collect();
    if matches!(content, Content::Metrics) && !facts.metrics {
        lines.push(
            "[carbon] carbon-use-metrics has no metrics to push without enable-metrics".into(),
        );
    }
    lines
}

fn host(facts: &Facts<'_>) -> String {
    match facts.options.last("carbon-hostname-dots").and_then(|text| text.chars().next()) {
        Some(dot) => facts.hostname.replace('.', dot.encode_utf8(&mut [0; 4])),
        None => facts.hostname.clone(),
    }
}

impl Plan for Carbon {
    fn kind(&self) -> &'static str {
        "carbon"
    }

    fn receivers(&self) -> Vec<String> {
        self.servers.iter().map(ToString::to_string).collect()
    }

    fn every(&self) -> Duration {
        self.every
    }

    fn takes_list(&self) -> bool {
        matches!(self.content, Content::Metrics)
    }

    fn last_words(&self) -> bool {
        true
    }

    fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    fn start(&self, work: &Work<'_>) -> Box<dyn Instance> {
        let delivered = Arc::new(Delivered::default());
        let receivers =
            self.servers.iter().map(|server| self.receiver(server, &delivered, work.log));
        let receivers = receivers.collect();
        let first = work.sockets.first().map(|name| name.replace('.', "_"));
        let id = self.id.clone().or(first).unwrap_or_default();
        let names = Names::new(&Parts {
            root: &self.root,
            host: &self.host,
            id: &id,
            tags: self.tags,
            sanitize: self.sanitize,
        });
        let encoder = Encode {
            content: self.content,
            language: self.language,
            tags: self.tags,
            names,
            memory: Memory::new(delivered, work.since_ns / 1000),
            number: 0,
            room: 0,
        };
        Box::new(Fan::start(self.kind(), encoder, receivers, work))
    }
}

impl Carbon {
    fn receiver(
        &self,
        server: &Server,
        delivered: &Arc<Delivered>,
        log: crate::Log,
    ) -> Receiver<super::encode::Push> {
        let transport = Courier {
            server: server.clone(),
            timeout: self.timeout,
            resolve: self.resolve,
            delivered: Arc::clone(delivered),
            log,
            failed: None,
        };
        // The courier keeps its own time, once to connect and once to write.
        let deadline = 2 * self.timeout + Duration::from_secs(1);
        let policy = Policy { pushes: WAITING, bytes: WAITING_BYTES, retry: self.retry, deadline };
        Receiver { transport: Box::new(transport), policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::Given;

    fn plan(options: &[(&str, &str)]) -> Result<Plans, Fault> {
        let given = Given::of(options);
        let mut plans = Plans::new();
        read(&given.facts(), &mut plans).map(|()| plans)
    }

    fn lines(options: &[(&str, &str)]) -> Vec<String> {
        plan(options).unwrap()[0].lines()
    }

    #[test]
    fn servers_are_added_or_skipped_and_the_rest_is_said() {
        assert_eq!(
            lines(&[("carbon", "127.0.0.1:2003"), ("carbon", "127.0.0.1"), ("carbon", "udp:h:1")]),
            [
                "[carbon] added server 127.0.0.1:2003",
                "[carbon] invalid carbon server address (127.0.0.1)",
                "[carbon] added server udp:h:1",
                "[carbon] h is a name: it is looked up with carbon-name-resolve only",
                "[carbon] carbon plugin started, 60s frequency, 3s timeout, max retries 0, \
                 retry delay 7s",
            ]
        );
        assert!(plan(&[("carbon-freq", "5")]).unwrap().is_empty(), "without a server it is off");
    }

    #[test]
    fn without_a_socket_it_is_silent_and_off() {
        let given = Given::of(&[("carbon", "127.0.0.1:2003")]);
        let mut plans = Plans::new();
        read(&Facts { sockets: false, ..given.facts() }, &mut plans).unwrap();
        assert!(plans.is_empty());
    }

    #[test]
    fn numbers_that_mean_nothing_become_the_default() {
        for (options, said) in [
            (["0", "0", "-1", "0"], "60s frequency, 3s timeout, max retries 0, retry delay 7s"),
            (["-5", "-5", "2", "-5"], "60s frequency, 3s timeout, max retries 2, retry delay 7s"),
            (["1", "9", "1", "2"], "1s frequency, 9s timeout, max retries 1, retry delay 2s"),
        ] {
            let [freq, timeout, retry, delay] = options;
            let said_of = lines(&[
                ("carbon", "127.0.0.1:1"),
                ("carbon-freq", freq),
                ("carbon-timeout", timeout),
                ("carbon-max-retry", retry),
                ("carbon-retry-delay", delay),
            ]);
            let last = said_of.last().unwrap();
            assert_eq!(*last, format!("[carbon] carbon plugin started, {said}"));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_a_remedy() {
        for (options, option, part) in [
            (vec![("carbon-idle-avg", "nil")], "carbon-idle-avg", "for carbon-idle-avg: \"nil\""),
            (vec![("carbon-proto", "xml")], "carbon-proto", "(plain, pickle)"),
            (
                vec![("carbon", "udp:127.0.0.1:3"), ("carbon-proto", "pickle")],
                "carbon",
                "needs 127.0.0.1:3 instead of udp:127.0.0.1:3",
            ),
        ] {
            let all: Vec<_> = [("carbon", "127.0.0.1:1")].into_iter().chain(options).collect();
            let fault = plan(&all).unwrap_err();
            assert_eq!(fault.option, option);
            assert!(fault.text.starts_with("[carbon] ") && fault.text.contains(part), "{fault:?}");
        }
    }

    #[test]
    fn the_host_keeps_its_dots_unless_told_otherwise() {
        for (given, expected) in [("", "a.b.c"), ("_", "a_b_c"), ("-+", "a-b-c")] {
            let given = Given::of(&[("carbon-hostname-dots", given)]);
            let facts = Facts { hostname: "a.b.c".into(), ..given.facts() };
            assert_eq!(host(&facts), expected);
        }
    }

    #[test]
    fn the_list_and_its_resets_are_only_taken_when_they_are_pushed() {
        let server = ("carbon", "127.0.0.1:1");
        assert!(!plan(&[server]).unwrap()[0].takes_list());
        assert!(plan(&[server, ("carbon-use-metrics", "true")]).unwrap()[0].takes_list());
    }
}
