//! What the server does for a language plugin outside of requests.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use uwsgi_abi::host::{Host, Lost, SeriesHost, SnmpHost};
use uwsgi_abi::logline::LogVariable;
use uwsgi_abi::{AppInfo, AppStat, Control, Fact, Identity, LockOp, MetricOp, SnmpOp, WorkerStat};
use uwsgi_metrics::{SNMP_VALUES, schema};
use uwsgi_sys::queue::{self, UnixQueues};
use uwsgi_sys::{process, signal};

use crate::instance::Instance;
use crate::signals::{self, Receiver};
use crate::{commands, log, mule, warning};

/// The instance as plugins see it.
pub(crate) struct PluginHost(pub &'static Instance);

/// How often this process has registered an app.
static REGISTERED: AtomicU32 = AtomicU32::new(0);

/// Changes when an app comes.
pub(crate) fn registered() -> u32 {
    REGISTERED.load(Ordering::Acquire)
}

/// The option under which the plugin finds the program path of the chosen interpreter.
const PROGRAM: &[u8] = b"python-program-name";

impl Host for PluginHost {
    fn option(&self, name: &[u8], nth: usize) -> Option<&[u8]> {
        if name == PROGRAM {
            return self.0.python_program.as_ref().filter(|_| nth == 0).map(|p| p.as_bytes());
        }
        let name = std::str::from_utf8(name).ok()?;
        if let Some(letter) = name.strip_prefix(uwsgi_abi::MAGIC_PREFIX) {
            // `%(` stands for itself: it opens a placeholder.
            if letter == "(" && nth == 0 {
                return Some(b"%(");
            }
            let magic = self.0.config.magic.iter().filter(|_| nth == 0);
            let mut found = magic.filter(|(c, _)| letter.chars().eq([*c]));
            return found.next().map(|(_, value)| value.as_bytes());
        }
        let entry = self.0.config.all(name).nth(nth)?;
        Some(entry.value.as_deref().unwrap_or_default().as_bytes())
    }

    fn option_at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        let entry = self.0.config.shown().nth(index)?;
        Some((entry.key.as_bytes(), entry.value.as_deref().map(str::as_bytes)))
    }

    fn log(&self, line: &[u8], verbose: bool) {
        if verbose { log::verbose(line) } else { log::line(line) }
    }

    fn identity(&self) -> Identity {
        Identity {
            worker: self.0.worker_id(),
            master_pid: self.0.master_pid(),
            pid: process::pid(),
            mule: self.0.mule_id(),
        }
    }

    fn register_app(&self, app: &AppInfo, mountpoint: &[u8], chdir: &[u8]) -> Option<u32> {
        let settings = &self.0.settings;
        let own = self.0.worker_id();
        // Apps loaded before the fork belong to every worker.
        let workers = if own == 0 { 1..=settings.processes } else { own..=own };
        let id = u64::from(self.0.apps(*workers.start()));
        if id >= u64::from(settings.max_apps) {
            crate::log!("ERROR: you cannot load more than {} apps in a worker", settings.max_apps);
            return None;
        }
        let modifier1 = self.0.plugins.effective(app.modifier1);
        if app.default_app != 0 && !self.0.config.flag("no-default-app") {
            self.0.plugins.offer_default(modifier1);
        }
        for worker in workers {
            let row = self.0.arena.app(worker, id as u32);
            row.id.set(id);
            row.modifier1.set(u64::from(modifier1));
            if !row.mountpoint.is(mountpoint) {
                row.clear_counts();
                self.0.arena.clear_durations(worker, id as u32);
                row.mountpoint.set(mountpoint);
            }
            row.chdir.set(chdir);
            row.startup_time.set(app.startup_time);
            row.used.set(1);
        }
        REGISTERED.fetch_add(1, Ordering::Release);
        Some(id as u32)
    }

    fn metric(&self, op: u32, name: &[u8], value: i64) -> Option<i64> {
        let arena = &self.0.arena;
        if op == MetricOp::Get as u32 {
            let on = Some(name).filter(|_| self.0.settings.metrics);
            return Some(on.and_then(|name| schema::value(arena, name)).unwrap_or(0));
        }
        let row = arena.metric(name).filter(|_| self.0.settings.metrics)?;
        let done = match op {
            x if x == MetricOp::Set as u32 => row.set(value),
            x if x == MetricOp::Inc as u32 => row.inc(value),
            x if x == MetricOp::Dec as u32 => row.dec(value),
            x if x == MetricOp::Mul as u32 => row.mul(value),
            x if x == MetricOp::Div as u32 => row.div(value),
            x if x == MetricOp::SetMax as u32 => row.set_max(value),
            x if x == MetricOp::SetMin as u32 => row.set_min(value),
            _ => false,
        };
        done.then_some(value)
    }

    fn worker(&self, id: u32) -> Option<WorkerStat> {
        crate::stat::worker(self.0, id)
    }

    fn app(&self, worker: u32, app: u32) -> Option<AppStat> {
        crate::stat::app(self.0, worker, app)
    }

    fn register_signal(&self, number: u8, target: &[u8], modifier1: u8) -> bool {
        let target = String::from_utf8_lossy(target);
        signals::register(self.0, number, &target, modifier1)
    }

    fn signal(&self, number: u8) -> bool {
        signals::raise(self.0, number)
    }

    fn signal_registered(&self, number: u8) -> bool {
        signals::registered(self.0, number)
    }

    fn signal_wait(&self, core: u32, wanted: Option<u8>) -> Option<u8> {
        let worker = Some(self.0.worker_id()).filter(|worker| *worker > 0)?;
        signals::wait(self.0, Receiver::Worker(worker), core, wanted)
    }

    fn series(&self) -> Option<&dyn SeriesHost> {
        Some(self)
    }

    fn signal_to(&self, node: &[u8], number: u8) -> Option<bool> {
        commands::raise_at(&String::from_utf8_lossy(node), number).ok()
    }

    fn add_timer(&self, number: u8, every: Duration, rounds: u64) -> bool {
        signals::add_timer(self.0, number, every, rounds)
    }

    fn mule_msg(&self, mule: u32, message: &[u8]) -> Result<(), Lost> {
        mule::post(self.0, mule, message)
    }

    fn mule_receive(
        &self,
        buffer: &mut [u8],
        signals: bool,
        limit: Option<Duration>,
    ) -> Option<usize> {
        mule::receive(self.0, buffer, signals, limit)
    }

    fn lock(&self, op: LockOp, number: u32) -> Option<bool> {
        let locks = &self.0.locks;
        match op {
            LockOp::Lock => locks.lock(number).then_some(false),
            LockOp::Unlock => locks.unlock(number).then_some(false),
            LockOp::IsLocked => locks.is_locked(number),
        }
    }

    fn snmp(&self) -> Option<&dyn SnmpHost> {
        let settings = &self.0.settings;
        let shown = settings.snmp.is_some() || settings.agentx.is_some();
        shown.then_some(self as &dyn SnmpHost)
    }

    fn alarm(&self, name: &[u8], message: &[u8]) {
        crate::alarm::raise(self.0, name, message);
    }

    fn user_harakiri(&self, seconds: u64) {
        crate::harakiri::set_user(self.0, seconds);
    }

    fn control(&self, op: u32) -> bool {
        let master = self.0.master_pid();
        let supervised = self.0.settings.master;
        match op {
            x if x == Control::Reload as u32 => supervised && signal_master(master, signal::SIGHUP),
            x if x == Control::Stop as u32 => signal_master(master, signal::SIGINT),
            x if x == Control::Recycle as u32 => {
                crate::worker::recycle();
                true
            }
            // The request is still to be answered, counted and logged; outside of one nothing is.
            x if x == Control::MonitoredException as u32 => {
                crate::worker::recycle_for_exception();
                true
            }
            x if x == Control::Accepting as u32 => self.accepting(true),
            x if x == Control::NotAccepting as u32 => self.accepting(false),
            x if x == Control::Ready as u32 => self.ready(),
            _ => false,
        }
    }

    fn warning(&self, text: &[u8]) {
        warning::set(self.0.arena.globals(), text);
    }

    fn listen_queue(&self, socket: u32) -> Option<u64> {
        let (listener, _) = self.0.sockets.get(socket as usize)?;
        let (own, map) = (self.0.worker_id(), &self.0.settings.policy.sockets);
        if own > 0 && !map.serves(socket as usize, own) {
            return None; // closed in this worker
        }
        let fd = listener.fd.as_fd();
        // Asked now and by whoever asks, so each question has its own netlink socket.
        let found = match listener.tcp {
            true => queue::tcp(fd),
            false => UnixQueues::open().and_then(|unix| unix.queue(fd)),
        };
        Some(found.map_or(0, |queue| queue.length))
    }

    fn fact(&self, fact: Fact, nth: usize) -> Option<u64> {
        match fact {
            Fact::Reloads => Some(self.0.reloads.into()),
            Fact::BufferSize => Some(self.0.settings.buffer_size as u64),
            Fact::Socket => {
                let (listener, _) = self.0.sockets.get(nth)?;
                u64::try_from(listener.fd.as_raw_fd()).ok()
            }
        }
    }

    fn log_variable(&self, name: &[u8], value: LogVariable) -> bool {
        crate::logvars::register(name, value)
    }

    fn title(&self, text: &[u8]) {
        uwsgi_sys::title::set(&String::from_utf8_lossy(text));
    }

    fn metric_names(&self, each: &mut dyn FnMut(&[u8])) {
        for item in crate::metrics::list(self.0) {
            each(&item.name);
        }
    }
}

impl SnmpHost for PluginHost {
    fn value(&self, op: SnmpOp, kind: u8, number: u32, value: u64) -> bool {
        let known = (1..=SNMP_VALUES).contains(&number) && matches!(kind, 0x41 | 0x42 | 0x46);
        let row = self.0.arena.snmp_value(if known { number } else { 0 });
        match op {
            _ if !known => return false,
            SnmpOp::Set => row.set(kind, value),
            SnmpOp::Add => row.add(kind, value),
        }
        true
    }

    fn community(&self, text: &[u8]) {
        let kept = crate::snmp::community(text).unwrap_or_default();
        let row = self.0.arena.snmp();
        warning::in_turn(&row.community_writer, || row.community.set(&kept));
    }
}

impl PluginHost {
    /// This worker says whether it accepts.
    fn accepting(&self, yes: bool) -> bool {
        let own = self.0.worker_id();
        if own > 0 {
            self.0.arena.worker(own).accepting.set(u64::from(yes));
        }
        own > 0
    }

    /// Whether every worker that runs has come so far as to accept.
    fn ready(&self) -> bool {
        let rows = (1..=self.0.settings.processes).map(|id| self.0.arena.worker(id));
        rows.filter(|row| row.pid.get() > 0).all(|row| row.accepting.get() > 0)
    }
}

/// The master is the parent of a worker, or the process itself.
fn signal_master(master: i32, signal: i32) -> bool {
    process::kill_parent(master, signal).or_else(|_| process::kill(master, signal)).is_ok()
}
