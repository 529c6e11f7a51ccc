//! Notices to the service manager (`NOTIFY_SOCKET`): one datagram each, never waited for.
//!
//! It owns the address and what could not be delivered yet. What is said, and when, lies in
//! `uwsgi_duties::notify`. Only the process that was started, or became the master, speaks; without
//! the variable, and in its children, everything here does nothing. A master that was forked from
//! another one keeps silent until that one is gone: the service is still that one's.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Mutex;

use uwsgi_duties::notify::{self, Address, Notifier};
use uwsgi_duties::{Now, SECOND};
use uwsgi_sys::process;

use crate::master::refork;
use crate::settings::Settings;
use crate::{activation, clock, log};

/// Who speaks, and to whom.
struct Speaker {
    pid: i32,
    /// The master this one was forked from, while it lives.
    behind: Option<i32>,
    address: SocketAddr,
    notifier: Notifier,
    /// What must not be lost and found no room yet.
    unsent: Vec<String>,
    lost: u64,
}

static SPEAKER: Mutex<Option<Speaker>> = Mutex::new(None);

/// The moment as the service manager's own clock tells it.
pub(crate) fn now() -> Now {
    Now { us: clock::monotonic_us(), wall_s: clock::epoch_s() }
}

/// Reads the environment, and says that the instance begins.
pub(crate) fn begin(settings: &Settings) {
    let Ok(value) = std::env::var("NOTIFY_SOCKET") else { return };
    let address = Address::parse(&value).and_then(|address| match address {
        Address::Path(path) => SocketAddr::from_pathname(path).ok(),
        Address::Abstract(name) => SocketAddr::from_abstract_name(name).ok(),
    });
    let Some(address) = address else {
        log!(
            "NOTIFY_SOCKET \"{value}\" is neither a path nor an abstract name: nobody is notified"
        );
        return;
    };
    let (usec, watched) = (variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
    let (pid, of) = (process::pid(), refork::original());
    let watchdog = notify::watchdog(usec.as_deref(), watched.as_deref(), pid);
    let behind = of.filter(|of| *of == process::parent_pid());
    let notifier = Notifier::new(settings.policy.control.readiness, watchdog);
    let speaker = Speaker { pid, behind, address, notifier, unsent: Vec::new(), lost: 0 };
    if let Ok(mut place) = SPEAKER.lock() {
        *place = Some(speaker);
    }
    tell(Notifier::initializing);
    if activation::is_reload() {
        let patience = settings.policy.control.extend_s.saturating_mul(SECOND);
        tell(|manager| {
            manager.took_over();
            manager.extend(patience)
        });
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// This process goes on for the one that began, whose pid the service manager knows.
pub(crate) fn moved() {
    let pid = process::pid();
    if let Ok(mut place) = SPEAKER.lock()
        && let Some(speaker) = place.as_mut().filter(|speaker| speaker.pid != pid)
    {
        speaker.pid = pid;
        let text = speaker.notifier.main_pid(pid);
        speaker.send(text);
    }
}

/// Says what the notifier answers, if anything.
pub(crate) fn tell(what: impl FnOnce(&mut Notifier) -> Option<String>) {
    with(|speaker| {
        if let Some(text) = what(&mut speaker.notifier) {
            speaker.send(text);
        }
    });
}

/// Asks something of the notifier.
pub(crate) fn ask<T>(what: impl FnOnce(&Notifier) -> T) -> Option<T> {
    let mut answer = None;
    with(|speaker| answer = Some(what(&speaker.notifier)));
    answer
}

/// Tries again what found no room; answers how many notices were lost since the last time.
pub(crate) fn retry() -> u64 {
    let mut lost = 0;
    with(|speaker| {
        for text in std::mem::take(&mut speaker.unsent) {
            speaker.send(text);
        }
        lost = std::mem::take(&mut speaker.lost);
    });
    lost
}

fn with(what: impl FnOnce(&mut Speaker)) {
    if let Ok(mut place) = SPEAKER.lock()
        && let Some(speaker) = place.as_mut().filter(|speaker| speaker.pid == process::pid())
    {
        if speaker.behind.is_some_and(|of| of != process::parent_pid()) {
            speaker.behind = None;
            let text = speaker.notifier.main_pid(speaker.pid);
            speaker.send(text);
        }
        what(speaker);
    }
}

impl Speaker {
    fn send(&mut self, text: String) {
        if self.behind.is_some() {
            return;
        }
        let sent = UnixDatagram::unbound().and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.send_to_addr(text.as_bytes(), &self.address)
        });
        if sent.is_ok() {
            return;
        }
        // A state that changes is told again, a sign of life comes again; a turn of events does not.
        let turn = ["READY=1", "RELOADING=1", "STOPPING=1", "MAINPID="];
        let kept = turn.iter().any(|word| text.contains(word)) && self.unsent.len() < 8;
        match kept {
            true => self.unsent.push(text),
            false => self.lost = self.lost.saturating_add(1),
        }
    }
}
