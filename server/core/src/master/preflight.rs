//! The trial of a new configuration before a reload, and of its applications before workers are
//! reloaded without one: started, watched, ended. Part of the master.
//!
//! Everybody goes on serving while it runs. What its end means is decided in
//! `uwsgi_duties::preflight`; `crate::preflight` is what the child does.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use uwsgi_duties::preflight::{End, READ, REASON, Verdict, judge, patience};
use uwsgi_metrics::RELOADS;
use uwsgi_sys::process::{self, Ended, Fork};
use uwsgi_sys::signal;

use super::{Master, pace};
use crate::instance::Instance;
use crate::policy::Preflight;
use crate::preflight::{VARIABLE, addresses};
use crate::sockets::plain;
use crate::{clock, kept, log, logv, notices, source};

/// Bytes of output that are kept, the newest.
const OUTPUT: usize = 64 << 10;

/// Lines of it that go to the log when it is no.
const TOLD: usize = 40;

/// A trial that takes longer than this is told of.
const SILENT: Duration = Duration::from_secs(2);

/// A trial that runs.
#[derive(Debug)]
pub(super) struct Trial {
    pid: i32,
    pidfd: Option<OwnedFd>,
    pipe: Option<File>,
    output: Vec<u8>,
    began: Instant,
    /// The log says that it takes a while.
    told: bool,
    deadline: Instant,
    patience: Duration,
    /// It was killed for taking too long.
    late: bool,
    /// The reload that waits for it lets requests end.
    graceful: bool,
    /// Another reload was asked for meanwhile: what it found may be old.
    again: bool,
    /// What waits for it, where that is no reload of the instance.
    asked: Option<Asked>,
}

/// A reload of what the workers run, by this image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One worker after the other; whether the log has told of it.
    Chain { told: bool },
    /// All workers, after their requests.
    Workers,
}

/// As the log calls it.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asked::Chain { .. } => "chain",
            Asked::Workers => "workers",
        })
    }
}

impl Master<'_> {
    /// A reload was asked for. It begins when the new configuration has passed.
    pub(super) fn try_then_reload(&mut self, graceful: bool) {
        if let Some(trial) = &mut self.trial {
            (trial.graceful, trial.again) = (trial.graceful && graceful, true);
            trial.asked = None;
            return;
        }
        if let Err(e) = executable(self.instance) {
            let binary = self.instance.binary.display();
            return self.refuse(graceful, &format!("execvp(): {} [{binary}]", plain(&e)));
        }
        match self.start_trial(graceful) {
            Ok(true) => {
                let longest = self.trial.as_ref().map_or(Duration::ZERO, |trial| trial.patience);
                notices::tell(|manager| manager.draining(pace::micros(longest)));
            }
            Ok(false) => self.begin_reload(graceful),
            Err(e) => {
                self.refuse(graceful, &format!("it could not be tried: {}", plain(&e)));
            }
        }
    }

    /// A reload that leaves this image was asked for. One of the instance, which waits for its
    /// trial, goes first; so does one of all workers before a chain.
    pub(super) fn try_then(&mut self, asked: Asked) {
        if let Some(trial) = &mut self.trial {
            trial.again = true;
            match trial.asked {
                Some(Asked::Chain { .. }) if asked == (Asked::Chain { told: false }) => {
                    logv!("chain reload already running...");
                }
                Some(Asked::Chain { .. }) => trial.asked = Some(asked),
                Some(Asked::Workers) | None => {}
            }
            return;
        }
        match self.start_trial(true) {
            Ok(false) => self.begin(asked),
            Ok(true) => {
                if let Some(trial) = &mut self.trial {
                    trial.asked = Some(asked);
                }
            }
            Err(e) => self.refuse_asked(asked, &format!("it could not be tried: {}", plain(&e))),
        }
    }

    /// Whether workers load applications that are to be tried before they are asked to go.
    pub(super) fn applications_are_tried(&self) -> bool {
        let settings = &self.instance.settings;
        settings.lazy_apps && settings.policy.reload.preflight == Preflight::App
    }

    /// A chain reload goes on, or waits for its trial.
    pub(super) fn chain_is_near(&self) -> bool {
        let waits = |trial: &Trial| matches!(trial.asked, Some(Asked::Chain { .. }));
        self.chain.runs() || self.trial.as_ref().is_some_and(waits)
    }

    fn begin(&mut self, asked: Asked) {
        match asked {
            Asked::Chain { told } => self.begin_chain(told),
            Asked::Workers => self.begin_workers_reload(false),
        }
    }

    /// Nobody is asked to go.
    fn refuse_asked(&self, asked: Asked, why: &str) {
        logv!("*** {asked} reload refused, everything goes on as it was: {why} ***");
        self.show_refusal(why);
        match asked {
            Asked::Chain { .. } => self.count_reload("chain", "failed"),
            Asked::Workers => self.instance.arena.globals().reload_failures.add(1),
        }
    }

    /// Workers read no configuration: only what keeps applications from loading is in the way.
    fn asked_was_tried(&mut self, trial: &Trial, asked: Asked, verdict: Verdict, output: &str) {
        let read = output.lines().any(|line| line == READ);
        match verdict {
            Verdict::Good => self.begin(asked),
            Verdict::Refused(_) if read && trial.again => self.try_then(asked),
            Verdict::Refused(why) if read => {
                self.refuse_asked(asked, &why);
                tell(output);
            }
            Verdict::Unknown(why) | Verdict::Refused(why) => {
                logv!("{why}: the {asked} reload goes on without a trial");
                self.begin(asked);
            }
        }
    }

    /// False when there is nothing to try.
    fn start_trial(&mut self, graceful: bool) -> io::Result<bool> {
        let policy = &self.instance.settings.policy.reload;
        let level = policy.preflight;
        if level == Preflight::None || self.instance.settings.exit_on_reload {
            return Ok(false);
        }
        let patience = patience(policy.preflight_s, self.instance.arena.globals().boot_us.get());
        let (pipe, writer) = rustix::pipe::pipe_with(
            rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK,
        )?;
        // Only our end is not to block.
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty())?;
        let pid = start(self.instance, level, writer)?;
        let pidfd = process::pidfd(pid).ok();
        if let Some(fd) = &pidfd {
            self.watch(fd)?;
        }
        self.watch(&pipe)?;
        self.trial = Some(Trial {
            pid,
            pidfd,
            pipe: Some(File::from(pipe)),
            output: Vec::new(),
            began: Instant::now(),
            told: false,
            deadline: Instant::now() + patience,
            patience,
            late: false,
            graceful,
            again: false,
            asked: None,
        });
        Ok(true)
    }

    /// Takes what the trial says, and kills one that takes too long.
    pub(super) fn look_at_trial(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        let over = trial.listen();
        if !trial.told && trial.began.elapsed() >= SILENT {
            trial.told = true;
            logv!("still trying the new configuration before the reload (pid: {})", trial.pid);
        }
        let late = !trial.late && Instant::now() >= trial.deadline;
        if late {
            trial.late = true;
            trial.kill();
        }
        if over && let Some(pipe) = self.trial.as_mut().and_then(|trial| trial.pipe.take()) {
            self.unwatch(&pipe);
        }
    }

    /// When the trial has taken too long.
    pub(super) fn trial_due(&self) -> Option<Instant> {
        self.trial.as_ref().filter(|trial| !trial.late).map(|trial| trial.deadline)
    }

    /// True when `pid` was the trial; what waited for it goes on.
    pub(super) fn trial_ended(&mut self, pid: i32, ended: Ended) -> bool {
        let Some(mut trial) = self.trial.take_if(|trial| trial.pid == pid) else { return false };
        // What the application has left behind.
        trial.kill();
        trial.listen();
        for fd in trial.pidfd.iter().map(AsFd::as_fd).chain(trial.pipe.iter().map(AsFd::as_fd)) {
            self.unwatch(fd);
        }
        if !matches!(self.phase, super::Phase::Running) {
            return true;
        }
        let output = String::from_utf8_lossy(&trial.output).into_owned();
        let verdict = judge(trial.end(ended), &output, self.most_apps());
        if let Some(asked) = trial.asked {
            self.asked_was_tried(&trial, asked, verdict, &output);
            return true;
        }
        match verdict {
            Verdict::Good => self.begin_reload(trial.graceful),
            Verdict::Unknown(why) => {
                logv!("{why}: the reload goes on without it");
                self.begin_reload(trial.graceful);
            }
            Verdict::Refused(_) if trial.again => self.try_then_reload(trial.graceful),
            Verdict::Refused(why) => {
                self.refuse(trial.graceful, &why);
                tell(&output);
            }
        }
        true
    }

    /// The instance ends: nobody waits for the trial any more.
    pub(super) fn give_up_trial(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.late = true;
            trial.kill();
        }
    }

    /// What runs goes on.
    fn refuse(&mut self, graceful: bool, why: &str) {
        logv!("*** reload refused, everything goes on as it was: {why} ***");
        self.note_refusal(graceful, "refused", why);
    }

    /// A reload of the instance did not take place.
    pub(super) fn note_refusal(&self, graceful: bool, outcome: &str, why: &str) {
        let globals = self.instance.arena.globals();
        globals.reload_began_us.set(0);
        globals.reload_failures.add(1);
        self.count_reload(if graceful { "graceful" } else { "brutal" }, outcome);
        self.show_refusal(why);
        notices::tell(|manager| manager.reload_failed(notices::now(), why));
    }

    /// Shows the reason of the last reload that failed, to everybody who looks at the arena.
    pub(super) fn show_refusal(&self, why: &str) {
        let globals = self.instance.arena.globals();
        globals.reload_refusal.set(why.as_bytes());
        globals.reload_refused_at.set(clock::epoch_s());
    }

    /// Counts a reload of `kind`, one of the pairs of [`RELOADS`].
    pub(super) fn count_reload(&self, kind: &str, outcome: &str) {
        if let Some(at) = RELOADS.iter().position(|pair| *pair == (kind, outcome))
            && let Some(counter) = self.instance.arena.globals().reload_outcomes.get(at)
        {
            counter.add(1);
        }
    }

    /// Applications of the worker that has most of them.
    fn most_apps(&self) -> u32 {
        let workers = 1..=self.instance.settings.processes;
        workers.map(|id| self.instance.apps(id)).max().unwrap_or(0)
    }
}

impl Trial {
    /// Reads what there is; true when nothing more can come.
    fn listen(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let mut piece = [0; 4096];
        // A pipe holds no more than this at a time.
        for _ in 0..32 {
            match pipe.read(&mut piece) {
                Ok(0) => return true,
                Ok(n) => self.output.extend_from_slice(piece.get(..n).unwrap_or_default()),
                Err(e) => return e.kind() != io::ErrorKind::WouldBlock,
            }
            let more = self.output.len().saturating_sub(OUTPUT);
            self.output.drain(..more);
        }
        false
    }

    /// It leads a session, and with it a group, of its own.
    fn kill(&self) {
        let _ = process::kill_group(self.pid, signal::SIGKILL);
    }

    fn end(&self, ended: Ended) -> End {
        match ended {
            _ if self.late => End::Late(self.patience.as_secs()),
            Ended::Code(code) => End::Code(code),
            Ended::Signal(signal) => End::Signal(signal),
        }
    }
}

/// The last lines of a trial that failed: where the fault is.
fn tell(output: &str) {
    let lines: Vec<&str> = output.lines().filter(|line| !line.starts_with("[preflight]")).collect();
    let from = lines.len().saturating_sub(TOLD);
    lines.iter().skip(from).for_each(|line| log!("[preflight] {line}"));
}

/// A binary that is missing must be seen before anybody is asked to go. One without a slash is
/// looked for in `PATH` when it is executed.
fn executable(instance: &Instance) -> io::Result<()> {
    let path = &instance.binary;
    if !path.to_string_lossy().contains('/') {
        return Ok(());
    }
    let meta = std::fs::metadata(instance.cwd.join(path))?;
    if meta.is_dir() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(access(instance.cwd.join(path), Access::EXEC_OK)?)
}

/// Executes the binary as the reload would; none of our descriptors goes over but what was read
/// from pipes.
fn start(instance: &Instance, level: Preflight, output: OwnedFd) -> io::Result<i32> {
    let read = source::for_next_image();
    let numbers = read.iter().map(|(_, fd)| fd.as_raw_fd()).collect();
    let table = kept::table(read.iter().map(|(key, fd)| (key.clone(), fd.as_fd(), 0)));
    let argv: Vec<OsString> = instance.settings.argv.clone();
    let mut command = Command::new(&instance.binary);
    if let Some(name) = argv.first() {
        command.arg0(name);
    }
    command.args(argv.iter().skip(1));
    // As the exec itself: a directory that our user may not enter is no reason to stay.
    if access(&instance.cwd, Access::EXEC_OK).is_ok() {
        command.current_dir(&instance.cwd);
    }
    command.env(kept::VARIABLE, table).env(VARIABLE, level.word().unwrap_or_default());
    let held = super::listeners(instance).map(|(key, fd, _)| (key, fd));
    command.env(addresses::VARIABLE, addresses::list(held));
    command.env("UWSGI_RELOADS", (instance.reloads + 1).to_string());
    // Opened here, where a lack of descriptors is told: the child's log is ours until it has taken
    // its output over.
    let nothing = File::open("/dev/null")?;
    command.stdin(nothing).stdout(output.try_clone()?).stderr(output);
    process::apart_with(&mut command, numbers);
    // Not `spawn`, which waits until the child has got a processor and executed.
    match process::fork()? {
        Fork::Parent(pid) => Ok(pid),
        Fork::Child => {
            let error = command.exec();
            // Its output is that of the trial by now; a date in front would hide the reason.
            let text = format!("{REASON}it could not be tried: {}\n", plain(&error));
            log::raw(text.as_bytes());
            process::exit_now(1)
        }
    }
}
