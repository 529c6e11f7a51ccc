//! `check-mountpoint`: each second somebody asks each mount point. Part of the master.
//!
//! A filesystem that hangs takes along whoever asks, so each mount point has a helper of its own
//! that does nothing else; what its silence means is `uwsgi_hooks::mountpoint`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};
use uwsgi_hooks::Line;
use uwsgi_hooks::mountpoint::{Order, TIMEOUT_US, Watch};
use uwsgi_sys::signal;

use super::{Goal, Master, Phase, edge, helper};
use crate::sockets::plain;
use crate::{log, logv};

/// How long children that were killed may take to go.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The mount points and who asks them.
#[derive(Debug)]
pub(super) struct Duty {
    watch: Watch,
    askers: Vec<Option<Asker>>,
    /// Everybody was killed.
    blast: Option<Instant>,
}

/// A helper: a byte into `ask` is a question, a byte from `answers` says 1 for well.
#[derive(Debug)]
struct Asker {
    pid: i32,
    ask: OwnedFd,
    answers: OwnedFd,
}

impl Duty {
    /// Nobody is asked yet.
    pub(super) fn new(paths: &[String]) -> Duty {
        let askers = paths.iter().map(|_| None).collect();
        Duty { watch: Watch::new(paths.iter().cloned(), TIMEOUT_US), askers, blast: None }
    }

    /// Who was killed and has not gone by now never will.
    pub(super) fn is_over(&self) -> bool {
        self.blast.is_some_and(|since| since.elapsed() >= LAST_WAIT)
    }
}

impl Master<'_> {
    /// Asks every mount point, each second.
    pub(super) fn ask_mountpoints(&mut self) {
        for order in self.mountpoints.watch.cycle(edge::now().us) {
            match order {
                Order::Ask(number) => {
                    if let Err(e) = self.ask_mountpoint(number) {
                        // As if it was well: nothing is known of it.
                        let _ = self.mountpoints.watch.answered(number, true);
                        logv!("check-mountpoint: {}", plain(&e));
                    }
                }
                Order::Detonate(line) => self.detonate(&line),
            }
        }
    }

    /// Takes what helpers have answered, each turn.
    pub(super) fn hear_mountpoints(&mut self) {
        for number in 0..self.mountpoints.askers.len() {
            let Some(Some(asker)) = self.mountpoints.askers.get(number) else { continue };
            let mut byte = [0];
            if let Ok(1) = rustix::io::read(&asker.answers, &mut byte) {
                let told = self.mountpoints.watch.answered(number, byte == [1]);
                if let Some(line) = told {
                    self.detonate(&line);
                }
            }
        }
    }

    fn ask_mountpoint(&mut self, number: usize) -> io::Result<()> {
        let Some(path) = self.mountpoints.watch.path(number).map(str::to_owned) else {
            return Ok(());
        };
        if matches!(self.mountpoints.askers.get(number), Some(None)) {
            let (questions, ask) = pipe_with(PipeFlags::CLOEXEC)?;
            let (answers, say) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            let parent_ends = [ask.as_fd(), answers.as_fd()];
            let pid = self.helper_without(&parent_ends, || answer(&path, &questions, &say))?;
            self.watch(&answers)?;
            if let Some(place) = self.mountpoints.askers.get_mut(number) {
                *place = Some(Asker { pid, ask, answers });
            }
        }
        if let Some(Some(asker)) = self.mountpoints.askers.get(number) {
            rustix::io::write(&asker.ask, &[1])?;
        }
        Ok(())
    }

    /// A child has ended; false when it was none of these helpers. The next question starts another.
    pub(super) fn asker_ended(&mut self, pid: i32) -> bool {
        let is = |asker: &Option<Asker>| asker.as_ref().is_some_and(|asker| asker.pid == pid);
        let Some(number) = self.mountpoints.askers.iter().position(is) else { return false };
        self.hear_mountpoints();
        let gone = self.mountpoints.askers.get_mut(number).and_then(Option::take);
        if let Some(asker) = gone {
            self.unwatch(&asker.answers);
            let _ = self.mountpoints.watch.answered(number, true);
        }
        true
    }

    /// Ends the instance at once.
    fn detonate(&mut self, line: &Line) {
        if self.mountpoints.blast.is_some() {
            return;
        }
        log::say(line);
        self.mountpoints.blast = Some(Instant::now());
        self.enter(Phase::Ending { goal: Goal::Stop(1), since: Instant::now() });
        for child in &self.children {
            child.signal(signal::SIGKILL);
        }
        self.stop_daemons(Goal::Stop(1));
    }

    /// Nobody is asked any more, unless the instance goes on after all.
    pub(super) fn end_askers(&mut self) {
        for (number, place) in self.mountpoints.askers.iter_mut().enumerate() {
            if let Some(asker) = place.take() {
                helper::end(asker.pid);
                let _ = self.mountpoints.watch.answered(number, true);
            }
        }
    }
}

/// The helper: answers until the master is gone.
fn answer(path: &str, questions: &OwnedFd, say: &OwnedFd) -> i32 {
    let mut byte = [0];
    while let Ok(1) = rustix::io::read(questions, &mut byte) {
        let well = rustix::fs::statfs(path).is_ok();
        if rustix::io::write(say, &[u8::from(well)]).is_err() {
            return 1;
        }
    }
    0
}
