//! Alarms at work: takes messages from wherever they come and has them delivered.
//!
//! Sources are the wire of the other processes, descriptors, and whatever of the observer itself
//! raises. Nothing here waits for a receiver; that is the business of each alarm's own task.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram as Datagrams;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::UnixDatagram;
use uwsgi_alarm::{Event, Facts, Runner};

use super::carrier::Carrier;
use super::lines::Lines;
use crate::alarm::config::Watched;
use crate::alarm::{self, Packet, tap};
use crate::instance::Instance;
use crate::{clock, log};

/// Time that messages get at the end of an observer; the master's patience is a little longer.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Time for lines that are still in the pipe then.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Where the log is.
const LOG: i32 = 2;

/// The alarms of this observer.
#[derive(Clone)]
pub(crate) struct Alarms {
    instance: &'static Instance,
    runner: Arc<Runner>,
    lines: Arc<OnceLock<Lines>>,
}

impl Alarms {
    /// Starts them; to be called within the runtime.
    pub(super) fn start(instance: &'static Instance) -> Result<Alarms, String> {
        let settings = &instance.settings.alarms;
        // Actions know plain functions only.
        let _ = INSTANCE.set(instance);
        let engine = super::engine::life(instance);
        let facts = Facts {
            master_pid: instance.master_pid(),
            signal: Some(raise_signal),
            notify: instance.settings.agentx.as_ref().map(|_| super::agentx::notify as _),
            seal: engine.map(|_| super::engine::trap as _),
            since_us: instance.arena.globals().started_at_us.get(),
            mule: Some(send_to_mule),
            mules: instance.settings.mules.len() as u32,
            log: Some(log::aside),
            dated: Some(log::aside_dated),
            ..alarm::facts(&instance.config)
        };
        let rows = |index| instance.arena.alarm(index);
        let (definitions, limits) = (&settings.definitions, settings.limits);
        let runner = Runner::start(definitions, rows, limits, &facts, settings.cheap)?;
        let (runner, lines) = (Arc::new(runner), Arc::default());
        let alarms = Alarms { instance, runner, lines };
        alarms.watch_lines().map_err(|e| e.to_string())?;
        alarms.watch_descriptors();
        tokio::spawn(alarms.clone().listen());
        Ok(alarms)
    }

    /// Raises an alarm.
    pub(crate) fn raise(&self, event: Event) {
        self.runner.raise(event);
    }

    /// Raises an alarm with nothing but a text.
    pub(crate) fn say(&self, alarm: &str, text: &[u8]) {
        let (alarm, text) = (alarm.to_owned(), text.to_owned());
        self.raise(Event { alarm, text, at_us: clock::epoch_us(), detail: None });
    }

    /// A listen queue is full.
    pub(super) fn backlog(&self, text: &str) {
        for alarm in &self.instance.settings.alarms.backlog {
            self.say(alarm, text.as_bytes());
        }
    }

    /// Takes in what is still on its way and gives it a bounded time.
    pub(super) async fn finish(&self) {
        let mut buffer = vec![0; alarm::LONGEST];
        let wire = self.instance.alarm_wire.as_ref();
        while let Some(packet) = wire.and_then(|wire| wire.receive(&mut buffer)) {
            self.take(&packet);
        }
        if let (Some(lines), Some(tap)) = (self.lines.get(), &self.instance.log_tap) {
            for pipe in tap.for_observer() {
                lines.settle(pipe, LAST_LINES).await;
            }
            lines.deliver_all(LAST_LINES).await;
        }
        self.runner.finish(LAST_WORDS).await;
    }

    async fn listen(self) {
        let Some(wire) = &self.instance.alarm_wire else { return };
        // Sockets of whole packets are read in the same way, whatever their kind.
        let incoming = wire.incoming().try_clone_to_owned().map(Datagrams::from);
        let Ok(incoming) = incoming.and_then(UnixDatagram::from_std) else { return };
        let mut buffer = vec![0; alarm::LONGEST];
        while let Ok(len) = incoming.recv(&mut buffer).await {
            if let Some(packet) = buffer.get(..len).and_then(Packet::parse) {
                self.take(&packet);
            }
        }
    }

    fn take(&self, packet: &Packet<'_>) {
        match packet {
            Packet::Alarm { name, text } => self.say(&String::from_utf8_lossy(name), text),
            Packet::Line(line) => {
                if let Some(lines) = self.lines.get() {
                    lines.offer(line);
                }
            }
            Packet::Said(line) => match self.lines.get() {
                Some(lines) => lines.carry(LOG, line),
                None => tap::write_all(LOG, line),
            },
            Packet::Aside(line) => match self.lines.get() {
                Some(lines) => lines.bring(LOG, line),
                None => tap::write_all(LOG, line),
            },
        }
    }

    fn watch_lines(&self) -> std::io::Result<()> {
        let Some(tap) = &self.instance.log_tap else { return Ok(()) };
        let carrier = match self.instance.settings.policy.logging.is_plain() {
            true => None,
            false => Some(Carrier::start(self.instance).map_err(std::io::Error::other)?),
        };
        let lines = Lines::start(self.instance, self.clone(), carrier)?;
        lines.bring_early(LOG);
        for pipe in tap.for_observer() {
            lines.serve(self.instance, pipe)?;
        }
        if let Some(follow) = tap.follow() {
            let (lines, named) =
                (lines.clone(), std::thread::Builder::new().name("log files".into()));
            named.spawn(move || lines.follow(follow))?;
        }
        let _ = self.lines.set(lines);
        Ok(())
    }

    /// Looks whether a line of the log raises alarms.
    pub(super) fn look_at(&self, line: &[u8]) {
        self.instance.settings.alarms.rules.judge(line, |alarm| self.say(alarm, line));
    }

    /// One thread for each descriptor: nobody but its owner knows whether reading it waits.
    fn watch_descriptors(&self) {
        let watched = &self.instance.settings.alarms.watched;
        let mut fds: Vec<i32> = watched.iter().map(|w| w.fd).collect();
        fds.sort_unstable();
        fds.dedup();
        for fd in fds {
            let rules: Vec<Watched> = watched.iter().filter(|w| w.fd == fd).cloned().collect();
            let alarms = self.clone();
            let named = std::thread::Builder::new().name(format!("alarm-fd {fd}"));
            let started = named.spawn(move || alarms.watch(fd, &rules));
            if let Err(e) = started {
                stop_watching(fd, &e);
            }
        }
    }

    fn watch(&self, fd: i32, rules: &[Watched]) {
        uwsgi_sys::signal::block_all_in_thread();
        let bytes = rules.iter().map(|rule| rule.bytes).max().unwrap_or(1);
        let mut buffer = vec![0; bytes];
        let mut file = match uwsgi_sys::fd::duplicate(fd) {
            Ok(fd) => std::fs::File::from(fd),
            Err(e) => return stop_watching(fd, &e),
        };
        log::aside(&format!("[uwsgi-alarm] added fd {fd}"));
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return stop_watching(fd, &std::io::Error::from_raw_os_error(0)),
                Ok(_) => rules.iter().for_each(|rule| self.say(&rule.alarm, rule.text.as_bytes())),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => wait_for(file.as_fd()),
                Err(e) => return stop_watching(fd, &e),
            }
        }
    }
}

static INSTANCE: OnceLock<&'static Instance> = OnceLock::new();

fn raise_signal(number: u8) -> Result<(), String> {
    let raised = INSTANCE.get().is_some_and(|instance| crate::signals::raise(instance, number));
    if raised { Ok(()) } else { Err(format!("signal {number} cannot be raised now")) }
}

fn send_to_mule(mule: u32, message: &[u8]) -> Result<(), String> {
    let sent = INSTANCE.get().map(|instance| crate::mule::post(instance, mule, message));
    match sent {
        Some(Ok(())) => Ok(()),
        _ => Err("the mule has no room for it".to_owned()),
    }
}

/// Waits until a descriptor that does not wait by itself can be read.
fn wait_for(fd: std::os::fd::BorrowedFd<'_>) {
    use rustix::event::{PollFd, PollFlags, poll};
    // An error shows at the next read.
    let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], None);
}

fn stop_watching(fd: i32, error: &std::io::Error) {
    let (text, line) = (crate::sockets::plain(error), line!());
    log::aside(&format!("[uwsgi-alarm-fd]/read(): {text} [core/alarm line {line}]"));
    log::aside(&format!("[uwsgi-alarm-fd] i will stop monitoring fd {fd}"));
}
