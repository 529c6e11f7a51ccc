//! What became of each probe, and why; and how one process tells it to another.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::os::fd::{BorrowedFd, OwnedFd};

use uwsgi_metrics::{PROBE_STATES, ProbeRow};

use crate::fault::Fault;
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
    /// Its name.
    pub fn name(self) -> &'static str {
        PROBE_STATES[self as usize]
    }

    /// The state of a probe of which so many programs are attached, and others have such states.
    fn judge(programs: u32, mut others: impl Iterator<Item = State>) -> State {
        match (others.next(), programs) {
            (None, _) => State::Healthy,
            (Some(_), 1..) => State::Degraded,
            (Some(State::Unsupported), 0) if others.all(|other| other == State::Unsupported) => {
                State::Unsupported
            }
            (Some(_), 0) => State::Failed,
        }
    }

    fn from_code(code: u64) -> State {
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
    /// Why it is not healthy.
    pub reason: String,
    /// What would help, when something would.
    pub remedy: String,
    /// Programs that are attached.
    pub programs: u32,
}

impl Status {
    /// Of a probe that nobody asked for.
    pub(crate) fn off(probe: &Probe) -> Status {
        Status { name: probe.name.into(), ..Status::default() }
    }

    /// Of a probe of which so many programs are attached, and others are not.
    pub(crate) fn of(probe: &Probe, programs: u32, faults: &[(&Program, Fault)]) -> Status {
        let state = State::judge(programs, faults.iter().map(|(_, fault)| fault.state));
        let mut reasons: Vec<(&str, Vec<&Program>)> = Vec::new();
        for (program, fault) in faults {
            match reasons.iter_mut().find(|(reason, _)| *reason == fault.reason) {
                Some((_, programs)) => programs.push(program),
                None => reasons.push((&fault.reason, vec![program])),
            }
        }
        let reason = reasons.iter().map(|(reason, of)| match of.len() == probe.programs.len() {
            true => (*reason).to_owned(),
            false => {
                let of = of.iter().map(|program| format!("{} ({})", program.name, program.gives));
                format!("{}: {reason}", of.collect::<Vec<_>>().join(", "))
            }
        });
        let reason = reason.collect::<Vec<_>>().join("; ");
        let remedy = faults.iter().map(|(_, fault)| &fault.remedy).find(|text| !text.is_empty());
        let remedy = remedy.cloned().unwrap_or_default();
        Status { name: probe.name.into(), state, reason, remedy, programs }
    }

    /// The reason, and what would help.
    pub fn why(&self) -> String {
        match self.remedy.is_empty() {
            true => self.reason.clone(),
            false => format!("{}; remedy: {}", self.reason, self.remedy),
        }
    }

    /// Writes it to its row in the arena.
    pub fn tell(&self, row: &ProbeRow) {
        row.name.set(self.name.as_bytes());
        row.state.set(self.state as u64);
        row.reason.set(self.reason.as_bytes());
        row.remedy.set(self.remedy.as_bytes());
        row.programs.set(u64::from(self.programs));
    }

    /// Takes over what the image before this one knew of the same probe.
    pub fn recall(&mut self, row: &ProbeRow) {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let same = row.programs.get() == u64::from(self.programs);
        if same && row.name.is(self.name.as_bytes()) && row.state.get() > State::Healthy as u64 {
            self.state = State::from_code(row.state.get());
            self.reason = text(row.reason.get());
            self.remedy = text(row.remedy.get());
        }
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
        if !chosen.iter().any(|other| other.name == probe.name) {
            return Status::off(probe);
        }
        let missing = |program: &&Program| {
            let tracepoint = !program.tracepoint.is_empty();
            let there = has(programs, program.name) && (!tracepoint || has(links, program.name));
            !there && !spared(program.name, &|name| has(links, name))
        };
        let attached = probe.programs.iter().filter(|p| has(links, p.name)).count() as u32;
        let lost = |program| (program, Fault::failed("it was not there before the reload"));
        let missing: Vec<_> = probe.programs.iter().filter(missing).map(lost).collect();
        Status::of(probe, attached, &missing)
    };
    PROBES.iter().map(one).collect()
}

/// The same state for all that were chosen.
pub(crate) fn all(chosen: &[&Probe], fault: &Fault) -> Vec<Status> {
    let one = |probe: &Probe| {
        let Fault { state, reason, remedy } = fault.clone();
        match chosen.iter().any(|other| other.name == probe.name) {
            true => Status { state, reason, remedy, ..Status::off(probe) },
            false => Status::off(probe),
        }
    };
    PROBES.iter().map(one).collect()
}

/// Those that were chosen could not be loaded.
pub fn failed(chosen: &[&Probe], reason: &str) -> Vec<Status> {
    all(chosen, &Fault::failed(reason))
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
    if works.is_empty() && asked.iter().all(|status| status.reason == first.reason) {
        let none = names(&|_| true);
        return Some(format!("no probes in the kernel ({none}): {}", first.why()));
    }
    let mut troubled: Vec<(bool, String, Vec<&str>)> = Vec::new();
    for status in asked.iter().filter(|status| !status.reason.is_empty()) {
        let (works, why) = (status.programs > 0, status.why());
        match troubled.iter_mut().find(|(also, same, _)| *also == works && *same == why) {
            Some((_, _, names)) => names.push(&status.name),
            None => troubled.push((works, why, vec![&status.name])),
        }
    }
    let troubled = troubled.iter().map(|(works, why, names)| {
        let are = if names.len() > 1 { "are" } else { "is" };
        let how = if *works { "degraded" } else { "not there" };
        format!("; {} {are} {how}: {why}", names.join(", "))
    });
    let works = if works.is_empty() { "none".into() } else { works };
    Some(format!("probes in the kernel: {works}{}", troubled.collect::<String>()))
}

/// What a process that has loaded probes tells another one: a text, and descriptors in its order.
pub fn describe<'a>(live: Option<&'a Live>, status: &[Status]) -> (Vec<u8>, Vec<BorrowedFd<'a>>) {
    let mut text = String::new();
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    for Status { name, state, reason, remedy, programs } in status {
        let (state, reason, remedy) = (*state as u8, plain(reason), plain(remedy));
        let _ = writeln!(text, "probe\t{name}\t{state}\t{programs}\t{reason}\t{remedy}");
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
        let mut words = line.split('\t');
        match words.next() {
            Some("fd") => names.extend(words.next()),
            Some("probe") => status.push(Status {
                name: words.next().unwrap_or_default().into(),
                state: State::from_code(words.next().and_then(|w| w.parse().ok()).unwrap_or(0)),
                programs: words.next().and_then(|w| w.parse().ok()).unwrap_or(0),
                reason: words.next().unwrap_or_default().into(),
                remedy: words.next().unwrap_or_default().into(),
            }),
            _ => {}
        }
    }
    if names.is_empty() {
        return (None, status);
    }
    // The kernel leaves out those for which this process has no room.
    let (got, sent) = (fds.len(), names.len());
    let named = RefCell::new(names.into_iter().zip(fds).collect::<Vec<_>>());
    let take = |name: &str| {
        let mut named = named.borrow_mut();
        let at = named.iter().position(|(own, _)| *own == name)?;
        Some(named.swap_remove(at).1)
    };
    let live = match got == sent {
        true => Live::adopt(&take, sizes, &[]).map_err(|e| format!("taking over its maps: {e}")),
        false => Err(format!("{got} of {sent} descriptors came from the process that loaded it")),
    };
    match live {
        Ok(live) => (Some(live.with_status(status.clone())), status),
        Err(reason) => {
            let lost = |status| lose(status, &reason);
            (None, status.into_iter().map(lost).collect())
        }
    }
}

/// The same where nothing of it is left, whatever was attached.
fn lose(status: Status, reason: &str) -> Status {
    let Fault { state, reason, remedy } = Fault::failed(reason);
    match status.state {
        State::Healthy | State::Degraded => Status { state, reason, remedy, programs: 0, ..status },
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::Maps;

    fn one(name: &str, state: State, programs: u32, reason: &str) -> Status {
        let remedy = if reason.is_empty() { "" } else { "help" };
        let (name, reason, remedy) = (name.into(), reason.into(), remedy.into());
        Status { name, state, reason, remedy, programs }
    }

    #[test]
    fn one_line_says_what_works_and_what_does_not() {
        use State::{Degraded, Failed, Healthy, Off, Unsupported};
        for (status, line) in [
            (vec![one("a", Off, 0, "")], None),
            (
                vec![one("a", Healthy, 2, ""), one("b", Off, 0, ""), one("c", Healthy, 1, "")],
                Some("probes in the kernel: a, c"),
            ),
            (
                vec![
                    one("a", Healthy, 2, ""),
                    one("b", Degraded, 1, "x: no"),
                    one("c", Failed, 0, "no"),
                ],
                Some(
                    "probes in the kernel: a, b; b is degraded: x: no; remedy: help; \
                     c is not there: no; remedy: help",
                ),
            ),
            (
                vec![
                    one("a", Healthy, 2, ""),
                    one("b", Failed, 0, "no"),
                    one("c", Failed, 0, "no"),
                ],
                Some("probes in the kernel: a; b, c are not there: no; remedy: help"),
            ),
            (
                vec![one("a", Unsupported, 0, "no"), one("b", Unsupported, 0, "no")],
                Some("no probes in the kernel (a, b): no; remedy: help"),
            ),
        ] {
            assert_eq!(summary(&status).as_deref(), line);
        }
    }

    #[test]
    fn a_state_follows_from_what_is_attached_and_what_is_not() {
        use State::{Degraded, Failed, Healthy, Unsupported};
        for (programs, others, state) in [
            (2, &[][..], Healthy),
            (1, &[Failed], Degraded),
            (0, &[Unsupported, Unsupported], Unsupported),
            (0, &[Unsupported, Failed], Failed),
            (0, &[Failed, Unsupported], Failed),
        ] {
            assert_eq!(State::judge(programs, others.iter().copied()), state, "{others:?}");
        }
    }

    #[test]
    fn states_arrive_as_they_were_sent() {
        let sent = vec![
            one("accept", State::Degraded, 1, "a reason, with\ta tab and\na line"),
            one("scheduler", State::Healthy, 3, ""),
        ];
        let (text, fds) = describe(None, &sent);
        assert!(fds.is_empty());
        let (live, got) = receive(&text, Vec::new(), Sizes { workers: 1, cores: 1 });
        assert!(live.is_none());
        assert_eq!(got[0].reason, "a reason, with a tab and a line");
        assert_eq!(
            (&got[0].remedy, got[0].state, got[0].programs),
            (&sent[0].remedy, State::Degraded, 1)
        );
        assert_eq!(got[1], sent[1]);
    }

    #[test]
    fn what_did_not_arrive_does_not_work() {
        let sizes = Sizes { workers: 1, cores: 1 };
        let sent =
            vec![one("accept", State::Healthy, 2, ""), one("network", State::Unsupported, 0, "r")];
        let live = Live::new(Maps::of_files(sizes), sizes, Vec::new(), Vec::new(), sent.clone());
        let receive = |short: usize| {
            let (text, fds) = describe(Some(&live), &sent);
            let fds = &fds[..fds.len() - short];
            let fds = fds.iter().map(|fd| fd.try_clone_to_owned().unwrap()).collect();
            receive(&text, fds, sizes)
        };
        let (whole, status) = receive(0);
        assert_eq!((whole.unwrap().status(), &status), (&sent[..], &sent));
        let (none, status) = receive(1);
        assert!(none.is_none());
        assert_eq!((status[0].state, status[0].programs), (State::Failed, 0));
        assert!(status[0].reason.contains("9 of 10 descriptors"), "{}", status[0].reason);
        assert_eq!(status[1], sent[1], "this has a reason of its own");
    }
}
