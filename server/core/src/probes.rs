//! Probes in the kernel: which are wanted, when they are loaded, and what becomes of them.
//!
//! They are loaded by a child that ends at once: reading the kernel's types takes memory and time
//! that the master shall not keep, and whatever goes wrong there is one state and one line. What
//! the child sends back are descriptors: programs stay attached as long as one of them is open, so
//! nothing outlives the server, however it ends. At a reload they go over the exec.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic;
use std::time::Duration;

use uwsgi_config::{Config, Finding};
use uwsgi_ebpf::{Live, Probe, Sizes, Status};
use uwsgi_metrics::Arena;
use uwsgi_sys::process::{self, Fork};
use uwsgi_sys::{pass, signal};

use crate::bound::Bound;
use crate::instance::Instance;
use crate::kept::Table;
use crate::log;
use crate::settings::Settings;

mod pin;

/// How long loading may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What a start has of probes.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    /// Those at work, shared by all processes.
    pub(crate) live: Option<&'static Live>,
    status: Vec<Status>,
    /// They were loaded just now: counts are to go on from what the arena has.
    fresh: bool,
}

/// The probes that `ebpf` asks for; without the option there are none.
pub(crate) fn chosen(config: &Config, faults: &mut Vec<Finding>) -> Vec<&'static Probe> {
    let mut words = Vec::new();
    for entry in config.all("ebpf") {
        match uwsgi_ebpf::chosen(entry.text()) {
            Ok(_) => words.push(if entry.text().is_empty() { "default" } else { entry.text() }),
            Err(text) => faults.push(Finding::fault(text).about(entry)),
        }
    }
    uwsgi_ebpf::chosen(&words.join(",")).unwrap_or_default()
}

/// Takes over what the last image has loaded, or loads what is wanted. To be called before
/// privileges are dropped.
pub(crate) fn open(settings: &Settings, kept: &Table) -> Probes {
    let chosen = &settings.ebpf;
    if chosen.is_empty() {
        return Probes::default();
    }
    let sizes = sizes(settings);
    let prefix = prefix(chosen, sizes);
    let take = |name: &str| Some(kept.take(&format!("{prefix}{name}"))?.fd);
    if let Ok(live) = Live::adopt(&take, sizes, chosen) {
        let status = live.status().to_vec();
        return Probes { live: Some(pinned(live, settings)), status, fresh: false };
    }
    let (live, mut status) = load_apart(chosen, sizes);
    if live.is_none() && kept.any(KEY) {
        for status in status.iter_mut().filter(|status| !status.reason.is_empty()) {
            let reason = std::mem::take(&mut status.reason);
            status.reason = format!("another configuration needs a new start of it, but {reason}");
        }
    }
    Probes { live: live.map(|live| pinned(live, settings)), status, fresh: true }
}

/// The probes for all processes, their maps under the path of `ebpf-pin`.
fn pinned(mut live: Live, settings: &Settings) -> &'static Live {
    let path = settings.ebpf_pin.as_deref();
    if let Err(e) = live.set_pins(path.is_some()) {
        log!("ebpf-pin: the maps cannot be pinned: {e} (it needs CAP_SYS_ADMIN)");
    }
    let live: &'static Live = Box::leak(Box::new(live));
    if let (Some(path), Some(pins)) = (path, live.pins())
        && let Err(line) = pin::show(path, pins)
    {
        log!("{line}");
    }
    live
}

/// What is left to do when the server ends for good.
pub(crate) fn end(settings: &Settings) {
    if let Some(path) = &settings.ebpf_pin
        && let Err(e) = pin::hide(path)
    {
        log!("ebpf-pin: {path} stays, and leads nowhere: {e}");
    }
}

/// How the names of all descriptors of probes begin.
const KEY: &str = "ebpf:";

fn sizes(settings: &Settings) -> Sizes {
    Sizes { workers: settings.processes, cores: settings.threads }
}

/// How the names of descriptors begin that fit this configuration and this build.
fn prefix(chosen: &[&Probe], sizes: Sizes) -> String {
    let mut hash = DefaultHasher::new();
    uwsgi_ebpf::OBJECT.hash(&mut hash);
    (sizes.workers, sizes.cores).hash(&mut hash);
    chosen.iter().for_each(|probe| probe.name.hash(&mut hash));
    format!("{KEY}{:x}:", hash.finish())
}

/// Descriptors for the next image.
pub(crate) fn entries<'a>(
    settings: &Settings,
    live: Option<&'a Live>,
) -> impl Iterator<Item = (String, BorrowedFd<'a>, u64)> + use<'a> {
    // As they were when it was loaded: the number of workers may have been lowered since.
    let kept = live.into_iter().flat_map(|live| {
        let prefix = prefix(&settings.ebpf, live.sizes());
        live.kept().map(move |(name, fd)| (format!("{prefix}{name}"), fd, 0))
    });
    kept.collect::<Vec<_>>().into_iter()
}

/// Loads in a child.
fn load_apart(chosen: &[&'static Probe], sizes: Sizes) -> (Option<Live>, Vec<Status>) {
    match ask_child(chosen, sizes) {
        Ok((text, fds)) => uwsgi_ebpf::receive(&text, fds, sizes),
        Err(reason) => (None, uwsgi_ebpf::failed(chosen, &reason)),
    }
}

fn ask_child(chosen: &[&'static Probe], sizes: Sizes) -> Result<(Vec<u8>, Vec<OwnedFd>), String> {
    let (here, there) = pass::pair().map_err(|e| format!("socketpair(): {e}"))?;
    match process::fork().map_err(|e| format!("fork(): {e}"))? {
        Fork::Child => {
            drop(here);
            // Nobody else would end it, should it hang.
            let _ = process::die_with_parent(signal::SIGKILL);
            // A panic must not go on into what the master has on its stack.
            let sent = panic::catch_unwind(|| {
                let (live, status) = uwsgi_ebpf::load(chosen, sizes);
                let (text, fds) = uwsgi_ebpf::describe(live.as_ref(), &status);
                pass::send(&there, &text, &fds).is_ok()
            });
            process::exit_now(i32::from(!sent.unwrap_or(false)))
        }
        Fork::Parent(pid) => {
            drop(there);
            let got = pass::receive(&here, LIMIT);
            // It has said all there is to say; were it to hang now, so would its burial.
            let _ = process::kill(pid, signal::SIGKILL);
            let _ = process::bury(pid);
            got.map_err(|e| format!("loading ended without an answer: {e}"))
        }
    }
}

/// What is true before the first fork: rows of probes, listening sockets, counts of the past.
pub(crate) fn start(probes: &mut Probes, arena: &Arena, bound: &Bound) {
    for (index, status) in (0..).zip(&mut probes.status) {
        if !probes.fresh {
            status.recall(arena.probe(index));
        }
        status.tell(arena.probe(index));
    }
    if let Some(line) = uwsgi_ebpf::summary(&probes.status) {
        log!("{line}");
    }
    let Some(live) = probes.live else { return };
    let workers = bound.workers.iter().map(|(listener, _)| listener);
    let all = (0..).zip(workers.chain(&bound.http));
    live.listen(arena, all.map(|(i, listener)| (i, &*listener.name, listener.fd.as_fd())));
    if probes.fresh {
        live.seed(arena);
    }
}

/// How long connections wait for the http router: what its processes tell of each one.
#[derive(Debug)]
pub struct Fronts {
    live: &'static Live,
    arena: &'static Arena,
    /// Row of the first front.
    first: u32,
}

impl Fronts {
    /// Nothing without probes.
    pub fn of(instance: &'static Instance) -> Option<Fronts> {
        let first = instance.sockets.len() as u32;
        Some(Fronts { live: instance.probes?, arena: &instance.arena, first })
    }

    /// A connection was accepted from front `index`, counted from 0; how long it had waited,
    /// microseconds.
    pub fn accepted(&self, index: usize, connection: BorrowedFd<'_>) -> Option<u64> {
        let row = self.first + index as u32;
        Some(self.live.accepted(self.arena, row, connection)? / 1_000)
    }
}

/// Where the kernel counts runs of programs, they are numbers of the probes.
pub(crate) fn tell_runs(instance: &Instance) {
    let Some(live) = instance.probes else { return };
    let counted = std::fs::read("/proc/sys/kernel/bpf_stats_enabled");
    if counted.is_ok_and(|text| text.first() == Some(&b'1')) {
        live.tell_runs(&instance.arena);
    }
}

/// Listening sockets that probes may tell apart.
pub(crate) fn listeners(settings: &Settings, bound: &Bound) -> u32 {
    let all = bound.workers.len() + bound.http.len();
    if settings.ebpf.is_empty() { 0 } else { all.min(uwsgi_ebpf::maps::LISTENERS) as u32 }
}

/// `--ebpf-check`: the text goes to `print`; the answer is the exit code.
pub(crate) fn check(config: &Config, print: &mut dyn FnMut(&str)) -> i32 {
    let mut faults = Vec::new();
    let mut wanted = chosen(config, &mut faults);
    if config.all("ebpf").next().is_none() {
        wanted = uwsgi_ebpf::chosen("default").unwrap_or_default();
    }
    faults.iter().flat_map(Finding::lines).for_each(|line| log!("{line}"));
    let (text, ready) = uwsgi_ebpf::check(&wanted);
    print(&text);
    i32::from(!ready || !faults.is_empty())
}
