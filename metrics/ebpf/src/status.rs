//! What became of each probe, and why; and how one process tells it to another.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::os::fd::{BorrowedFd, OwnedFd};

use uwsgi_metrics::ProbeRow;

use crate::live::Live;
use crate::maps::Sizes;
use crate::probe::{PROBES, Probe, Program, spared};

/// The states, in the order of `uwsgi_metrics::PROBE_STATES`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Nobody asked for it.
    #[default]
    Off = 0,
    /// All of its programs are attached.
    Healthy = 1,
    /// Some are.
    Degraded = 2,
    /// This kernel, or what this process may do, does not allow any.
    Unsupported = 3,
    /// It should have worked, and did not.
    Failed = 4,
}

impl State {
    /// The state of a probe that lacks nothing, or has so many programs all the same.
    pub(crate) fn judge(whole: bool, programs: u32) -> State {
        match (whole, programs) {
            (true, _) => State::Healthy,
            (false, 0) => State::Failed,
            (false, _) => State::Degraded,
        }
    }

    fn from_code(code: u8) -> State {
        match code {
            1 => State::Healthy,
            2 => State::Degraded,
            3 => State::Unsupported,
            4 => State::Failed,
            _ => State::Off,
        }
    }
}

/// One probe's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Name of the probe.
    pub name: String,
    /// See [`State`].
    pub state: State,
    /// Why it is not healthy, and what would help.
    pub reason: String,
    /// Programs that are attached.
    pub programs: u32,
}

impl Status {
    /// Writes it to its row in the arena.
    pub fn tell(&self, row: &ProbeRow) {
        row.name.set(self.name.as_bytes());
        row.state.set(self.state as u64);
        row.reason.set(self.reason.as_bytes());
        row.programs.set(u64::from(self.programs));
    }
}

/// True when one of this name is among them.
pub(crate) fn has(all: &[(String, OwnedFd)], name: &str) -> bool {
    all.iter().any(|(own, _)| own == name)
}

/// The states of probes that were loaded by the image before: what is missing was missing then.
pub(crate) fn of(
    chosen: &[&Probe],
    programs: &[(String, OwnedFd)],
    links: &[(String, OwnedFd)],
) -> Vec<Status> {
    let one = |probe: &Probe| {
        let mut own = Status { name: probe.name.into(), ..Status::default() };
        if !chosen.iter().any(|other| other.name == probe.name) {
            return own;
        }
        let missing = |program: &&Program| {
            let tracepoint = !program.tracepoint.is_empty();
            let there = has(programs, program.name) && (!tracepoint || has(links, program.name));
            !there && !spared(program.name, &|name| has(links, name))
        };
        own.programs = probe.programs.iter().filter(|p| has(links, p.name)).count() as u32;
        let missing: Vec<_> = probe.programs.iter().filter(missing).map(|p| p.name).collect();
        own.reason = match missing.is_empty() {
            true => String::new(),
            false => format!("{} could not be loaded before the reload", missing.join(", ")),
        };
        own.state = State::judge(own.reason.is_empty(), own.programs);
        own
    };
    PROBES.iter().map(one).collect()
}

/// The same state for all that were chosen.
pub fn all(chosen: &[&Probe], state: State, reason: &str) -> Vec<Status> {
    let one = |probe: &Probe| {
        let asked = chosen.iter().any(|other| other.name == probe.name);
        let (state, reason) = if asked { (state, reason) } else { (State::Off, "") };
        Status { name: probe.name.into(), state, reason: reason.into(), programs: 0 }
    };
    PROBES.iter().map(one).collect()
}

/// The one line that says what became of the probes that were asked for.
pub fn summary(status: &[Status]) -> Option<String> {
    let asked: Vec<_> = status.iter().filter(|status| status.state != State::Off).collect();
    let first = asked.first()?;
    let names = |of: &dyn Fn(&Status) -> bool| {
        let names = asked.iter().filter(|status| of(status)).map(|status| status.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let works = names(&|status| status.programs > 0);
    let troubled: Vec<_> = asked.iter().filter(|status| !status.reason.is_empty()).collect();
    if works.is_empty() && asked.iter().all(|status| status.reason == first.reason) {
        let none = names(&|_| true);
        return Some(format!("no probes in the kernel ({none}): {}", first.reason));
    }
    let troubled = troubled.iter().map(|status| {
        let how = if status.programs > 0 { "is degraded" } else { "is not there" };
        format!("; {} {how}: {}", status.name, status.reason)
    });
    let works = if works.is_empty() { "none".into() } else { works };
    Some(format!("probes in the kernel: {works}{}", troubled.collect::<String>()))
}

/// What a process that has loaded probes tells another one: a text, and descriptors in its order.
pub fn describe<'a>(live: Option<&'a Live>, status: &[Status]) -> (Vec<u8>, Vec<BorrowedFd<'a>>) {
    let mut text = String::new();
    for Status { name, state, reason, programs } in status {
        let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "probe\t{name}\t{}\t{programs}\t{reason}", *state as u8);
    }
    let mut fds = Vec::new();
    for (name, fd) in live.into_iter().flat_map(Live::kept) {
        let _ = writeln!(text, "fd\t{name}");
        fds.push(fd);
    }
    (text.into_bytes(), fds)
}

/// The reverse of [`describe`].
pub fn receive(text: &[u8], fds: Vec<OwnedFd>, sizes: Sizes) -> (Option<Live>, Vec<Status>) {
    let text = String::from_utf8_lossy(text);
    let (mut status, mut names) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut words = line.splitn(5, '\t');
        match words.next() {
            Some("fd") => names.extend(words.next()),
            Some("probe") => status.push(Status {
                name: words.next().unwrap_or_default().into(),
                state: State::from_code(words.next().and_then(|w| w.parse().ok()).unwrap_or(0)),
                programs: words.next().and_then(|w| w.parse().ok()).unwrap_or(0),
                reason: words.next().unwrap_or_default().into(),
            }),
            _ => {}
        }
    }
    let named = RefCell::new(names.into_iter().zip(fds).collect::<Vec<_>>());
    let take = |name: &str| {
        let mut named = named.borrow_mut();
        let at = named.iter().position(|(own, _)| *own == name)?;
        Some(named.swap_remove(at).1)
    };
    let live = Live::adopt(&take, sizes, &[]).ok();
    (live.map(|live| live.with_status(status.clone())), status)
}
