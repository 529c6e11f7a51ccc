//! Reloads that files and descriptors ask for: `touch-*`, `fs-*`, `reload-on-fd`. Part of the master.
//!
//! A touched file is compared with what it was: a notice of the kernel asks for that at once, the
//! second asks for it anyway. A change below a path of `fs-*` counts as such. Nothing is looked at
//! while the instance reloads or ends: the next image begins with what it finds.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use uwsgi_duties::Steps;
use uwsgi_duties::touch::{Order, Seen, Stat, Touches};
use uwsgi_sys::process;

use super::edge::carry_out;
use super::inotify::Notices;
use super::{Master, Phase};
use crate::instance::Instance;
use crate::policy::{OnChange, Ready};
use crate::{log, logv};

/// How long a file must be left alone before it counts as touched: editors write in steps.
const STILL: Duration = Duration::from_millis(10);

/// A file that is written all the time counts after so long.
const LONGEST: Duration = Duration::from_millis(100);

/// A path of `fs-*`.
#[derive(Debug)]
struct Monitor {
    path: String,
    change: OnChange,
    /// The kernel's watch of it; nothing while it is not there.
    watch: Option<i32>,
    /// What was there when that began.
    inode: u64,
}

impl Monitor {
    /// Watches what is there now; true when that is not what was watched.
    fn follow(&mut self, notices: &Notices) -> bool {
        let inode = look(&self.path).map_or(0, |stat| stat.inode);
        if self.watch.is_some() && inode == self.inode {
            return false;
        }
        if let Some(watch) = self.watch.take() {
            notices.leave(watch);
        }
        self.inode = inode;
        self.watch = notices.path(Path::new(&self.path)).ok();
        self.watch.is_some()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    notices: Option<Notices>,
    touches: Touches,
    /// When to look at touched files, and since when they are being written.
    due: Option<(Instant, Instant)>,
    monitors: Vec<Monitor>,
    ready: Vec<Ready>,
}

impl Master<'_> {
    /// Begins to watch everything, as it is now. What is to be said of it is said when the others
    /// have been started: a change that comes meanwhile counts.
    pub(super) fn watch_triggers(&mut self) -> Steps<Order> {
        let policy = &self.instance.settings.policy.reload;
        let (touches, steps) = Touches::new(policy.touches.clone(), look);
        self.triggers.touches = touches;
        if !policy.touches.is_empty() || !policy.paths.is_empty() {
            match Notices::new().and_then(|notices| self.watch(&notices).map(|()| notices)) {
                Ok(notices) => self.triggers.notices = Some(notices),
                Err(e) => log!("inotify_init(): {}, files are looked at once a second", e),
            }
        }
        let monitor = |(path, change): &(String, OnChange)| {
            let (path, change) = (path.clone(), *change);
            Monitor { path, change, watch: None, inode: 0 }
        };
        self.triggers.monitors = policy.paths.iter().map(monitor).collect();
        self.triggers.follow();
        steps
    }

    /// Says what is watched and what cannot be, and watches descriptors.
    pub(super) fn announce_triggers(&mut self, steps: Steps<Order>) {
        carry_out(steps, |_| ());
        for monitor in &self.triggers.monitors {
            match monitor.watch {
                Some(_) => log!("[uwsgi-fsmon] registered monitor for \"{}\"", monitor.path),
                None => log!("[uwsgi-fsmon] unable to register monitor for \"{}\"", monitor.path),
            }
        }
        for ready in self.instance.settings.policy.reload.ready.clone() {
            self.watch_ready(ready);
        }
    }

    fn watch_ready(&mut self, ready: Ready) {
        let Ready { fd, size, graceful, .. } = ready;
        let watched = uwsgi_sys::fd::with(fd, |fd| self.watch(fd)).and_then(|watched| watched);
        match watched {
            Ok(()) => {
                let how = if graceful { "graceful" } else { "brutal" };
                log!("added {how} reload monitor for fd {fd} (read size: {})", size.max(1));
                self.triggers.ready.push(ready);
            }
            Err(e) => {
                let option = if graceful { "reload-on-fd" } else { "brutal-reload-on-fd" };
                let text = crate::sockets::plain(&e);
                log!("unable to watch fd {fd} of {option}: {text} (a pipe or a socket is needed)");
            }
        }
    }

    /// The instance ends or reloads: what becomes ready now is for the next image.
    pub(super) fn leave_triggers(&self) {
        for ready in &self.triggers.ready {
            let _ = uwsgi_sys::fd::with(ready.fd, |fd| self.unwatch(fd));
        }
    }

    /// It goes on after all.
    pub(super) fn return_to_triggers(&self) {
        for ready in &self.triggers.ready {
            let _ = uwsgi_sys::fd::with(ready.fd, |fd| self.watch(fd));
        }
    }

    /// Acts on what has happened. Asked each turn.
    pub(super) fn look_at_triggers(&mut self) {
        let events = self.triggers.notices.as_ref().map(Notices::take).unwrap_or_default();
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        if !events.is_empty() {
            self.triggers.noticed(Instant::now());
            self.changed_paths(&events);
        }
        if self.triggers.due.is_some_and(|(due, _)| Instant::now() >= due) {
            self.look_at_touches();
        }
        self.look_at_ready();
    }

    /// What no notice has told. Asked once a second.
    pub(super) fn look_at_files(&mut self) {
        let changed = self.triggers.follow();
        self.act_on(changed);
        if matches!(self.phase, Phase::Running) {
            self.look_at_touches();
        }
    }

    /// When touched files are to be looked at.
    pub(super) fn triggers_due(&self) -> Option<Instant> {
        self.triggers.due.map(|(due, _)| due)
    }

    fn look_at_touches(&mut self) {
        self.triggers.due = None;
        let steps = self.triggers.touches.look(self.chain_is_near(), look);
        if !steps.is_empty() {
            let changed = self.triggers.follow();
            self.act_on(changed);
        }
        self.touched(steps);
    }

    fn touched(&mut self, steps: Steps<Order>) {
        carry_out(steps, |order| match order {
            Order::Reload => self.reload(true),
            Order::ReloadWorkers => self.workers_reload(false),
            Order::ReloadChain => self.chain_reload(true),
            Order::ReloadMules => self.mules_reload(),
            Order::Run(command) => run(&command),
            Order::Raise(number) => raise(self.instance, number),
            Order::Hook(hook) => self.run_touch_hook(&hook),
            // Their options are read elsewhere, or not built.
            Order::RotateLog => self.log_file.rotate(self.instance),
            Order::ReopenLog => self.log_file.reopen(self.instance),
            Order::ReloadSpoolers | Order::Daemon { .. } => {}
        });
    }

    fn changed_paths(&mut self, events: &[i32]) {
        let changed = self.triggers.changed(events);
        self.act_on(changed);
    }

    fn act_on(&mut self, changed: Vec<(String, OnChange)>) {
        for (path, change) in changed {
            logv!("[uwsgi-fsmon] detected event on \"{path}\"");
            match change {
                OnChange::Reload { graceful } => self.reload(graceful),
                OnChange::Signal(number) => raise(self.instance, number),
            }
        }
    }

    fn look_at_ready(&mut self) {
        let mut all = std::mem::take(&mut self.triggers.ready);
        all.retain(|ready| self.read_ready(ready));
        self.triggers.ready = all;
    }

    /// False when nothing more can come from it.
    fn read_ready(&mut self, ready: &Ready) -> bool {
        let fd = ready.fd;
        let mut bytes = vec![0; ready.size.max(1)];
        let read = uwsgi_sys::fd::with(fd, |fd| uwsgi_sys::fd::read_now(fd, &mut bytes));
        match read.and_then(|read| read) {
            Ok(None) => return true,
            Ok(Some(0)) => {
                logv!("fd {fd} is closed at its other end: it starts no reload any more");
                let _ = uwsgi_sys::fd::with(fd, |fd| self.unwatch(fd));
                return false;
            }
            Ok(Some(_)) => {}
            Err(e) => {
                logv!(
                    "reading fd {fd}: {}, it starts no reload any more",
                    crate::sockets::plain(&e)
                );
                let _ = uwsgi_sys::fd::with(fd, |fd| self.unwatch(fd));
                return false;
            }
        }
        match &ready.message {
            Some(text) => logv!("*** fd {fd} ready: {text} ***"),
            None => logv!("*** fd {fd} ready !!! ***"),
        }
        self.reload(ready.graceful);
        true
    }
}

impl Triggers {
    /// Lets the kernel tell of everything that is there and not watched yet. To watch the same
    /// thing again changes nothing. A path of `fs-*` that was not there, or is another one, is a
    /// change.
    fn follow(&mut self) -> Vec<(String, OnChange)> {
        let Some(notices) = &self.notices else { return Vec::new() };
        for path in self.touches.paths() {
            let path = Path::new(path);
            // One that cannot be watched is looked at once a second.
            let _ = notices.directory_of(path);
            let _ = notices.path(path);
        }
        let new = self.monitors.iter_mut().filter_map(|monitor| {
            monitor.follow(notices).then(|| (monitor.path.clone(), monitor.change))
        });
        new.collect()
    }

    /// Something was written: its end is awaited, for a while.
    fn noticed(&mut self, now: Instant) {
        if self.touches.paths().next().is_none() {
            return;
        }
        let since = self.due.map_or(now, |(_, since)| since);
        self.due = Some(((now + STILL).min(since + LONGEST), since));
    }

    /// What the events mean, each path once. A path behind which there is another file now is
    /// watched again before anybody hears of it.
    fn changed(&mut self, events: &[i32]) -> Vec<(String, OnChange)> {
        let Some(notices) = &self.notices else { return Vec::new() };
        let mut changed = Vec::new();
        for monitor in &mut self.monitors {
            if monitor.watch.is_some_and(|watch| events.contains(&watch)) {
                monitor.follow(notices);
                changed.push((monitor.path.clone(), monitor.change));
            }
        }
        changed
    }

    /// The descriptor that no child needs.
    pub(super) fn own(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(AsFd::as_fd)
    }
}

/// What there is to see of a watched file.
pub(super) fn look(path: &str) -> Seen {
    let meta = std::fs::metadata(path).ok()?;
    let mtime_ns = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
    Some(Stat { mtime_ns, inode: meta.ino() })
}

/// Through the shell, without waiting; its end is told like that of any stranger.
fn run(command: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(Stdio::null());
    process::apart(&mut shell);
    if let Err(e) = shell.spawn() {
        logv!("[uwsgi-touch-exec] unable to run {command}: {}", crate::sockets::plain(&e));
    }
}

fn raise(instance: &Instance, number: u8) {
    if let Some(signals) = &instance.signals {
        signals.route(&instance.arena, number);
    }
}
