//! Signals as one process sees them: registering, raising, handling. Part of `signals`.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use rustix::event::{PollFd, PollFlags, poll};
use uwsgi_sys::{process, signal};

use super::{Entry, Pipe, Receiver, Refusal, Target, send};
use crate::instance::Instance;
use crate::{clock, harakiri, log, logv};

/// Bits of a running word that hold the microsecond of the begin.
const SINCE: u64 = (1 << 52) - 1;

/// Registers a handler that the plugin of `modifier1` holds for `number`. The log says why not.
pub(crate) fn register(instance: &Instance, number: u8, name: &str, modifier1: u8) -> bool {
    let Some(signals) = &instance.signals else {
        log!("you cannot register signals without a master");
        return false;
    };
    let worker = instance.worker_id();
    if worker == 0 && process::pid() != instance.master_pid() {
        log!("only the master and the workers can register signal handlers");
        return false;
    }
    if worker == 0 && signals.entry(0, number).is_some() {
        log!("[uwsgi-signal] you cannot re-register a signal as the master !!!");
        return false;
    }
    let workers = instance.settings.processes;
    let target = match Target::parse(name, workers, signals.mule.len() as u32) {
        Ok(parsed) => parsed,
        Err(Refusal::Absent) => {
            log!("invalid signal target: {name}");
            return false;
        }
        Err(Refusal::Unknown) => {
            log!("^^^ UNSUPPORTED SIGNAL TARGET: {name} ^^^");
            return false;
        }
    };
    let word = Entry { target, worker: worker as u16, modifier1 }.word();
    // What the master registers is inherited by every worker.
    let slots = if worker == 0 { 0..=workers } else { worker..=worker };
    for slot in slots.filter_map(|slot| signals.word(slot, number)) {
        slot.store(word, Ordering::Release);
    }
    announce(number, worker, modifier1, name);
    true
}

/// The line that tells of a registration.
fn announce(number: u8, worker: u32, modifier1: u8, target: &str) {
    let target = if target.is_empty() { "default, any worker" } else { target };
    log!(
        "[uwsgi-signal] signum {number} registered (wid: {worker} modifier1: {modifier1} target: {target})"
    );
}

/// Whether this process knows a handler for `number`.
pub(crate) fn registered(instance: &Instance, number: u8) -> bool {
    let signals = instance.signals.as_ref();
    signals.is_some_and(|s| s.entry(instance.worker_id(), number).is_some())
}

/// Raises a signal: it goes to the master, which sends it on.
pub(crate) fn raise(instance: &Instance, number: u8) -> bool {
    let signals = instance.signals.as_ref();
    uwsgi_usdt::signal__raise(|| (instance.worker_id(), instance.mule_id(), number));
    signals.is_some_and(|s| send(&instance.arena, &s.up, number, Pipe::put_soon))
}

/// Takes one signal for `who`, if one waits, and runs its handler.
pub(crate) fn handle_next(instance: &Instance, who: Receiver, core: u32) -> bool {
    let Some(number) = instance.signals.as_ref().and_then(|s| s.take(who)) else { return false };
    if !handle(instance, who, core, number) {
        match who {
            Receiver::Worker(id) => logv!("error managing signal {number} on worker {id}"),
            Receiver::Mule(id) => logv!("error managing signal {number} on mule {id}"),
        }
    }
    true
}

/// Runs the handler of `number`; false when there is none or it failed.
pub(crate) fn handle(instance: &Instance, who: Receiver, core: u32, number: u8) -> bool {
    let Some(signals) = &instance.signals else { return false };
    let Some(entry) = signals.entry(instance.worker_id(), number) else {
        if let Some(worker) = signals.registered_elsewhere(number) {
            log!(
                "[uwsgi-signal] you have registered this signal in worker {worker} memory area, only that process will be able to run it"
            );
        }
        return false;
    };
    if let Some(word) = signals.running(who, core) {
        let since = clock::monotonic_us() & SINCE;
        word.store(u64::from(number) << 52 | since, Ordering::Release);
    }
    // A limit that the handler sets itself ends with it.
    let deadline = harakiri::user_deadline(instance, who, core);
    let before = deadline.get();
    show(instance, who, Some(number));
    uwsgi_usdt::signal__handle(|| match who {
        Receiver::Worker(id) => (id, 0, core, number),
        Receiver::Mule(id) => (0, id, core, number),
    });
    signal::enter_busy();
    let done = instance.plugins.signal(entry.modifier1, core, number);
    signal::leave_busy();
    show(instance, who, None);
    deadline.set(before);
    signals.forget(who, core);
    done
}

/// Counts a signal and shows it while it is being handled.
fn show(instance: &Instance, who: Receiver, number: Option<u8>) {
    let (sig, signum, signals) = match who {
        Receiver::Worker(id) => {
            let row = instance.arena.worker(id);
            (&row.sig, &row.signum, &row.signals)
        }
        Receiver::Mule(id) => {
            let row = instance.arena.mule(id);
            (&row.sig, &row.signum, &row.signals)
        }
    };
    match number {
        Some(number) => {
            signum.set(number.into());
            sig.add_shared(1);
            signals.add_shared(1);
        }
        None => sig.sub_shared(1),
    }
}

/// Waits until a signal comes for `who`, `wanted` or any, and runs the handler of each that does.
/// The number, or nothing when waiting fails.
pub(crate) fn wait(
    instance: &Instance,
    who: Receiver,
    core: u32,
    wanted: Option<u8>,
) -> Option<u8> {
    let signals = instance.signals.as_ref()?;
    let queues = signals.queues(who);
    loop {
        let Some(number) = signals.take(who) else {
            let fds = queues.iter().flatten();
            let mut fds: Vec<_> =
                fds.map(|q| PollFd::from_borrowed_fd(q.as_fd(), PollFlags::IN)).collect();
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return None,
            }
        };
        handle(instance, who, core, number);
        if wanted.is_none_or(|wanted| wanted == number) {
            return Some(number);
        }
    }
}

/// The signal that a core of a process is handling, and since when, on the clock that nobody sets.
pub(crate) fn handling(instance: &Instance, who: Receiver, core: u32) -> Option<(u64, u8)> {
    let word = instance.signals.as_ref()?.running(who, core)?.load(Ordering::Acquire);
    (word != 0).then_some((word & SINCE, (word >> 52) as u8))
}
