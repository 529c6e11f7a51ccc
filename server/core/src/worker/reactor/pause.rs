//! A paused worker: its cores wait for the end of the pause and for nothing else. Part of the
//! reactor.
//!
//! Listening sockets and parked connections stay in the epoll set that nobody waits for meanwhile:
//! who comes waits in the queue, and everything is found again afterwards.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use uwsgi_duties::pause::noticed;

use super::{CONN, KIND, LIFELINE, Reactor, WAKE};
use crate::instance::Instance;
use crate::log;

/// A paused core looks at its row this often, should a signal be lost.
const LOOK_S: i64 = 10;

/// Descriptors that matter while the worker pauses.
pub(super) struct Pause {
    on: AtomicBool,
    poll: OwnedFd,
    /// Readable while there is no pause, for every core that still waits in one.
    over: OwnedFd,
}

impl Pause {
    pub(super) fn new(wake: &OwnedFd) -> std::io::Result<Pause> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let over = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        for (fd, data) in [(wake, WAKE), (&over, 0)] {
            epoll::add(&poll, fd, epoll::EventData::new_u64(data), epoll::EventFlags::IN)?;
        }
        Ok(Pause { on: AtomicBool::new(false), poll, over })
    }

    /// The end of the master ends a pause too.
    pub(super) fn watch_master(
        &self,
        instance: &Instance,
        master: Option<&OwnedFd>,
    ) -> std::io::Result<()> {
        let data = || epoll::EventData::new_u64(LIFELINE);
        epoll::add(&self.poll, &instance.lifeline, data(), epoll::EventFlags::IN)?;
        match master {
            Some(fd) => Ok(epoll::add(&self.poll, fd, data(), epoll::EventFlags::IN)?),
            None => Ok(()),
        }
    }

    /// What cores wait for.
    pub(super) fn poll(&self) -> &OwnedFd {
        &self.poll
    }

    /// How long.
    pub(super) fn timeout() -> Option<Timespec> {
        Some(Timespec { tv_sec: LOOK_S, tv_nsec: 0 })
    }
}

impl Reactor {
    /// Nothing is to be taken up. Who leaves finishes what there is.
    pub(super) fn paused(&self) -> bool {
        self.pause.on.load(Ordering::Acquire)
            && !self.retiring()
            && !self.stop.load(Ordering::Acquire)
    }

    /// A pause begins or ends; whichever core sees it first says so.
    pub(super) fn suspend(&self, worker: u32, on: bool) {
        let before = self.pause.on.load(Ordering::Acquire);
        if before == on {
            return;
        }
        if on {
            // Nobody waits in a pause now.
            let _ = rustix::io::read(&self.pause.over, &mut [0u8; 8]);
        }
        let exchanged =
            self.pause.on.compare_exchange(before, on, Ordering::AcqRel, Ordering::Relaxed);
        if exchanged.is_err() {
            return;
        }
        if !on {
            // It cannot be full.
            let _ = rustix::io::write(&self.pause.over, &1u64.to_ne_bytes());
        }
        log::say(&noticed(worker, on));
    }

    /// An event that came as the pause began. Listening sockets report again by themselves.
    pub(super) fn put_back(&self, data: u64) {
        if data & KIND == CONN
            && !self.single
            && let Some(conn) = self.table.take(data as u32 as i32)
        {
            self.park(conn);
        }
    }
}
