//! Alarms of an instance: what the configuration says, and the way of a message to the observer.
//!
//! Any process raises ([`raise`]); the observer delivers (`observer/alarms.rs`), so that a mail
//! server that hangs is in nobody's way. It refuses to wait: a message that finds the way full is
//! counted and told.

pub mod config;
pub(crate) mod follow;
pub(crate) mod relief;
pub mod rules;
pub(crate) mod tap;
mod wire;

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use uwsgi_alarm::Facts;
use uwsgi_config::Config;
use uwsgi_metrics::AlarmRow;
use uwsgi_sys::fault;

use crate::instance::Instance;
use crate::kept::Table;
use crate::settings::Settings;
use crate::{boot, clock, early, log, patch, sockets, transport};

pub(crate) use config::Alarms;
pub(crate) use tap::Tap;
pub(crate) use wire::{LONGEST, Packet, Wire};

/// What actions may know, without what only a running instance has.
pub(crate) fn facts(config: &Config) -> Facts {
    Facts {
        hostname: boot::hostname(),
        version: uwsgi_config::VERSION.to_owned(),
        timeout: u64::try_from(config.int("socket-timeout", 4)).unwrap_or(4).max(1),
        shell: vec![patch::shell(config)],
        // Whether there is a way; who delivers puts the way itself in its place.
        notify: config.has("snmp-agentx").then_some(|_| Err("not running".to_owned())),
        snmp_users: crate::snmp::user_names(config),
        ..Facts::default()
    }
}

/// Raises an alarm from any process but the observer. Without a master nothing happens.
pub fn raise(instance: &Instance, name: &[u8], text: &[u8]) {
    let Some(wire) = &instance.alarm_wire else { return };
    let row = row(instance, name);
    if row.is_some() && text.len() as u64 > instance.settings.alarms.limits.size {
        return lost(row);
    }
    if let Err(e) = wire.send(&Packet::Alarm { name, text }) {
        lost(row);
        complain(&e);
    }
}

/// Opens the ways of messages and lines, before the first fork. Without a master there are none.
pub(crate) fn open(
    settings: &Settings,
    kept: &Table,
) -> Result<(Option<Wire>, Option<Tap>), String> {
    if !settings.master {
        return Ok((None, None));
    }
    let wire = Wire::new().map_err(|e| format!("socketpair(): {}", sockets::plain(&e)))?;
    let tap = Tap::open(is_tapped(settings), kept);
    let tap = tap.map_err(|e| format!("pipe(): {}", sockets::plain(&e)))?;
    Ok((Some(wire), tap))
}

/// Whether the log of the other processes goes through the observer.
pub(crate) fn is_tapped(settings: &Settings) -> bool {
    let wanted = !settings.alarms.rules.is_empty() || settings.policy.logging.through;
    settings.master && wanted
}

/// From now on faults are told, and lines of the log are looked at.
pub(crate) fn begin(instance: &'static Instance) {
    if let Some(tap) = &instance.log_tap {
        tap.count_in(instance.arena.line_desk());
    }
    plan_faults(instance);
    watch(instance);
}

/// From now on what this process says is looked at, or carried.
pub(crate) fn watch(instance: &'static Instance) {
    let carried = !instance.settings.policy.logging.is_plain() && !early::keeps();
    if let Some(wire) = instance.alarm_wire.as_ref().filter(|_| looks(instance)) {
        log::watch(wire, carried);
    }
}

/// There is no observer any more, and none comes: what is still on its way to it goes to the log, or,
/// where it is the `last` thing, is kept for the loggers.
pub(crate) fn end(instance: &'static Instance, last: bool) {
    log::unwatch();
    let left = instance.log_tap.as_ref().map(Tap::left).unwrap_or_default();
    let kept = last && early::begin_again(instance);
    left.iter().for_each(|(target, packet)| tap::write_all(*target, packet));
    if !kept {
        transport::drain(&instance.arena);
    }
    let mut buffer = vec![0; LONGEST];
    let wire = instance.alarm_wire.as_ref();
    while let Some(packet) = wire.and_then(|wire| wire.receive(&mut buffer)) {
        if let Packet::Said(line) | Packet::Aside(line) = packet {
            log::raw(line);
        }
    }
}

/// Whether lines of the log are looked at.
fn looks(instance: &Instance) -> bool {
    instance.log_tap.as_ref().is_some_and(Tap::through)
}

/// In a worker or a router, whose log goes through the observer; answers the pipe that it goes
/// into, if it does.
pub(crate) fn enter(instance: &Instance) -> Option<OwnedFd> {
    let tap = instance.log_tap.as_ref()?;
    log::unwatch();
    tap.enter()
}

/// The last words of processes that fault go to the alarms of `alarm-segfault`.
fn plan_faults(instance: &Instance) {
    let alarms = &instance.settings.alarms.segfault;
    let head = |name: &String| Packet::Alarm { name: name.as_bytes(), text: b"" }.head();
    let wire = instance.alarm_wire.as_ref();
    fault::plan(fault::Plan {
        socket: wire.map_or(-1, |wire| wire.outgoing().as_raw_fd()),
        heads: wire.map_or_else(Vec::new, |_| alarms.iter().map(head).collect()),
        most: usize::try_from(instance.settings.alarms.limits.size).unwrap_or(usize::MAX),
        silent_pid: instance.master_pid(),
        depth: usize::try_from(instance.config.int("backtrace-depth", 64)).unwrap_or(64),
        abort: instance.config.flag("use-abort"),
    });
}

/// The row of an alarm; the first of two with one name.
fn row<'a>(instance: &'a Instance, name: &[u8]) -> Option<&'a AlarmRow> {
    let mut definitions = (0..).zip(&instance.settings.alarms.definitions);
    let found = definitions.find(|(_, definition)| definition.name.as_bytes() == name);
    found.map(|(index, _)| instance.arena.alarm(index))
}

fn lost(row: Option<&AlarmRow>) {
    if let Some(row) = row {
        row.triggered.add_shared(1);
        row.dropped.add_shared(1);
    }
}

/// Tells that a message was lost on its way, once per second: it is no use to fill the log too.
fn complain(error: &std::io::Error) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = clock::epoch_s();
    if LAST.swap(now, Ordering::Relaxed) != now {
        let text = sockets::plain(error);
        log::aside(&format!(
            "[uwsgi-alarm-error] uwsgi_alarm_trigger()/writev(): {text} [core/alarm line {}]",
            line!()
        ));
    }
}

/// Gives each alarm its row. Counts of a row go on when its alarm has the name of before.
pub(crate) fn fill_rows(arena: &uwsgi_metrics::Arena, alarms: &Alarms) {
    for (index, definition) in (0..).zip(&alarms.definitions) {
        let row = arena.alarm(index);
        if !row.name.is(definition.name.as_bytes()) {
            let counts = [&row.triggered, &row.suppressed, &row.dropped, &row.delivered];
            let counts = counts.into_iter().chain([&row.failed, &row.retries]);
            counts.for_each(|count| count.set(0));
            let levels = [&row.queued, &row.last_run, &row.last_delivered, &row.last_len];
            levels.into_iter().for_each(|level| level.set(0));
            row.last_error.set(b"");
        }
        row.name.set(definition.name.as_bytes());
        row.kind.set(definition.kind.name.as_bytes());
    }
}
