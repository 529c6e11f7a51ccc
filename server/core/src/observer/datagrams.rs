//! Datagrams in the observer: those of SNMP to the agent, all others to the log.
//!
//! A turn handles a few datagrams and then lets everybody else have theirs, so that a flood costs
//! its senders' answers and nothing more. The tree of numbers is made anew for each request while that
//! is cheap, which it is for most instances; where it is not, a tree is used for a multiple of what
//! making it cost, so that a bounded share of the time goes into it.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use uwsgi_metrics::SnmpRow;
use uwsgi_snmp::{Agent, Outcome, Source, System, Tree, Verdict};
use uwsgi_sys::datagram;

use super::engine;
use super::sampler::take;
use crate::datagrams::{Endpoint, Purpose};
use crate::instance::Instance;
use crate::snmp::Snmp;
use crate::{clock, log};

/// Datagrams of one socket handled before others have their turn.
const TURN: usize = 32;

/// Most bytes of a datagram that are logged.
const LOGGED: usize = 4096;

/// What making a tree may cost for each request.
const CHEAP: Duration = Duration::from_micros(200);

/// How many times older than its making took another one may be.
const SHARE: u32 = 10;

/// The age at which any tree is too old.
const OLD: Duration = Duration::from_secs(1);

/// Serves every socket until the observer ends.
pub(super) async fn run(instance: &'static Instance) {
    let agent = instance.settings.snmp.as_ref().map(|snmp| Answers::new(instance, snmp));
    let agent = Rc::new(RefCell::new(agent));
    let tasks = tokio::task::LocalSet::new();
    for socket in instance.datagrams.iter().filter(|socket| socket.purpose != Purpose::Notify) {
        match receiver(socket) {
            Ok(receiver) => {
                drop(tasks.spawn_local(serve(instance, socket.purpose, receiver, agent.clone())))
            }
            Err(e) => log!("observer: unable to serve {}: {e}", socket.configured),
        }
    }
    tasks.await;
    std::future::pending::<()>().await;
}

fn receiver(socket: &Endpoint) -> std::io::Result<UdpSocket> {
    UdpSocket::from_std(socket.fd.try_clone()?.into())
}

async fn serve(
    instance: &'static Instance,
    purpose: Purpose,
    socket: UdpSocket,
    agent: Rc<RefCell<Option<Answers>>>,
) {
    let mut buffer = vec![0; 65_536];
    loop {
        if socket.readable().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        }
        for _ in 0..TURN {
            // An error may be what an earlier answer met; the socket itself goes on.
            let next = || datagram::receive(socket.as_fd(), &mut buffer);
            let Ok(came) = socket.try_io(Interest::READABLE, next) else { break };
            let from = came.from;
            let datagram = buffer.get(..came.length).unwrap_or_default();
            match (&mut *agent.borrow_mut(), purpose) {
                (Some(answers), purpose)
                    if purpose == Purpose::Snmp || datagram.first() == Some(&0x30) =>
                {
                    if let Some(answer) = answers.answer(from.ip(), datagram) {
                        // Nobody waits for room: who lost an answer asks again.
                        let _ = datagram::send(socket.as_fd(), &answer, from, came.to);
                    }
                }
                _ => tell(instance, from, datagram),
            }
        }
        tokio::task::yield_now().await;
    }
}

/// A datagram that is for nobody.
fn tell(instance: &Instance, from: SocketAddr, datagram: &[u8]) {
    instance.arena.snmp().messages.add(1);
    let text = datagram.get(..LOGGED).unwrap_or(datagram);
    let text = String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(text));
    log!("[udp:{}:{}] {}", from.ip().to_canonical(), from.port(), printable(&text));
}

/// What a stranger sends must not look like lines of ours.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(c),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// The agent with its numbers.
struct Answers {
    instance: &'static Instance,
    agent: Agent,
    /// When its engine started.
    start: Instant,
    numbers: Numbers,
    /// What an application has set, as the agent knows it.
    community: Vec<u8>,
}

impl Answers {
    fn new(instance: &'static Instance, snmp: &Snmp) -> Answers {
        let numbers = Numbers::new(instance);
        let life = engine::life(instance);
        let agent = Agent::new(snmp.access.clone(), life.map(|life| life.engine.clone()));
        let start = life.map_or_else(Instant::now, |life| life.start);
        Answers { instance, agent, start, numbers, community: Vec::new() }
    }

    fn answer(&mut self, from: IpAddr, datagram: &[u8]) -> Option<Vec<u8>> {
        let row = self.instance.arena.snmp();
        if !row.community.is(&self.community) {
            self.community = row.community.get();
            self.agent.set_communities(self.communities());
        }
        row.requests.add(1);
        let Outcome { answer, verdict } =
            self.agent.answer(from, datagram, self.start.elapsed(), &mut self.numbers);
        count(row, verdict);
        row.responses.add(answer.is_some().into());
        answer
    }

    fn communities(&self) -> Vec<Vec<u8>> {
        let configured =
            || self.instance.settings.snmp.as_ref().map(|snmp| snmp.access.communities.clone());
        match &self.community[..] {
            [] => configured().unwrap_or_default(),
            set => vec![set.to_vec()],
        }
    }
}

fn count(row: &SnmpRow, verdict: Verdict) {
    let counter = match verdict {
        Verdict::Answered => return,
        Verdict::Malformed => &row.malformed,
        Verdict::Community => &row.bad_community,
        Verdict::Denied => &row.denied,
        Verdict::Silent => &row.silent,
        Verdict::Unauthentic => &row.unauthentic,
    };
    counter.add(1);
}

/// The tree and when it was made.
pub(super) struct Numbers {
    instance: &'static Instance,
    tree: Tree,
    made: Option<Instant>,
    cost: Duration,
}

impl Numbers {
    /// Nothing is made before somebody asks.
    pub(super) fn new(instance: &'static Instance) -> Numbers {
        Numbers { instance, tree: Tree::default(), made: None, cost: Duration::ZERO }
    }
}

impl Source for Numbers {
    fn tree(&mut self) -> &Tree {
        let begin = Instant::now();
        let allowed = if self.cost < CHEAP { Duration::ZERO } else { (self.cost * SHARE).min(OLD) };
        if self.made.is_none_or(|made| begin.duration_since(made) >= allowed) {
            self.tree = tree(self.instance);
            let end = Instant::now();
            // The first one is made with cold caches and tells nothing.
            self.cost = self.made.map_or(Duration::ZERO, |_| end.duration_since(begin));
            self.made = Some(end);
        }
        &self.tree
    }
}

fn tree(instance: &Instance) -> Tree {
    let snapshot = take(instance);
    let settings = &instance.settings;
    let items = match settings.metrics {
        true => uwsgi_metrics::schema::list(&snapshot, crate::metrics::list_options(settings)),
        false => Vec::new(),
    };
    let globals = &snapshot.globals;
    let since = clock::epoch_us().saturating_sub(globals.started_at_us);
    let system = System {
        description: format!("uWSGI {}", String::from_utf8_lossy(&globals.version)),
        name: instance.hostname.clone(),
        // Hundredths of a second; they begin anew after 497 days, as everywhere.
        uptime: (since / 10_000) as u32,
    };
    uwsgi_snmp::tree(&snapshot, &items, &system, settings.snmp_rules)
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_message_is_one_line_of_the_log() {
        for (text, want) in [
            ("hello", "hello"),
            ("a\tb", "a\tb"),
            ("a\nspawned uWSGI master", "a\\nspawned uWSGI master"),
            ("\u{1b}[2J\u{9b}", "\\u{1b}[2J\\u{9b}"),
            ("größe", "größe"),
        ] {
            assert_eq!(printable(text), want);
        }
    }
}
