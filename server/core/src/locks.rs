//! Locks that processes of an instance share: those of the application (`uwsgi.lock`), and the one
//! that processes take turns in accept with (`thunder-lock`).
//!
//! They lie in memory of their own and not in the arena: numbers are read by strangers, and nobody
//! ever waits for one. A new image begins with free locks, since nobody is left who could hold one.
//! The master frees what a process held that it buries; without a master those who wait find out.

use uwsgi_sys::process;
use uwsgi_sys::robust::{Robust, Taken};

use crate::log;
use crate::settings::Settings;

/// The locks of an instance.
#[derive(Debug)]
pub struct Locks {
    /// Those of the application, then the one of accept where there is one.
    all: &'static [Robust],
    users: usize,
}

/// The right to accept, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    lock: &'static Robust,
    pid: i32,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lock.unlock(self.pid);
    }
}

impl Locks {
    /// Makes them, all free.
    pub(crate) fn open(settings: &Settings) -> Result<Locks, String> {
        let policy = &settings.policy;
        let users = policy.locks.users;
        let all = Robust::shared(users + usize::from(policy.sockets.turns))
            .map_err(|e| format!("unable to map the locks: {e}"))?;
        Ok(Locks { all, users })
    }

    fn user(&self, number: u32) -> Option<&'static Robust> {
        self.all.get(..self.users)?.get(usize::try_from(number).ok()?)
    }

    fn accept(&self) -> Option<&'static Robust> {
        self.all.get(self.users)
    }

    /// Waits for lock `number` of the application; false when there is none.
    pub(crate) fn lock(&self, number: u32) -> bool {
        let lock = self.user(number);
        lock.is_some_and(|lock| {
            told(lock.lock(process::pid()));
            true
        })
    }

    /// Gives it back, if this process has it; false when there is no such lock.
    pub(crate) fn unlock(&self, number: u32) -> bool {
        self.user(number).map(|lock| lock.unlock(process::pid())).is_some()
    }

    /// Whether somebody has it.
    pub(crate) fn is_locked(&self, number: u32) -> Option<bool> {
        Some(self.user(number)?.holder() > 0)
    }

    /// Waits until nobody else of the instance accepts; nothing where nobody takes turns, or when
    /// whose turn it is stands still. `pid` is this process.
    pub(crate) fn turn(&self, pid: i32) -> Option<Turn> {
        let lock = self.accept()?;
        told(lock.lock_soon(pid)?);
        Some(Turn { lock, pid })
    }

    /// Frees what a dead process held. Its pid must not be somebody else's yet.
    pub(crate) fn bury(&self, pid: i32) {
        for (number, lock) in self.all.iter().enumerate() {
            if lock.recover(pid) {
                let name = self.name(number);
                log!("[deadlock-detector] pid {pid} was holding lock {name} ({lock:p})");
            }
        }
    }

    fn name(&self, number: usize) -> String {
        if number < self.users { format!("user {number}") } else { "thunder".to_owned() }
    }

    /// Whether each lock is held by somebody, by name; only those that there are.
    pub(crate) fn held(&self) -> Vec<(String, bool)> {
        let all = self.all.iter().enumerate();
        all.map(|(number, lock)| (self.name(number), lock.holder() > 0)).collect()
    }

    /// Names and holders for the stats, in the order in which locks were ever made. What needs no
    /// lock here keeps its name, and nobody holds it.
    pub(crate) fn list(&self, settings: &Settings) -> Vec<(String, u32)> {
        let real = |(number, lock): (usize, &Robust)| (self.name(number), lock.holder());
        let (users, accept) = self.all.split_at(self.users.min(self.all.len()));
        let users = users.iter().enumerate().map(real);
        let accept = (self.users..).zip(accept).map(real);
        let free = |name: &str| (name.to_owned(), 0);
        let master = ["signal", "filemon", "timer", "rbtimer", "cron"];
        let metrics = settings.metrics.then_some("metrics");
        let others = ["rpc", "snmp"].into_iter().chain(metrics).map(free);
        users.chain(master.into_iter().map(free)).chain(accept).chain(others).collect()
    }
}

fn told(taken: Taken) {
    if taken == Taken::Recovered {
        log!("[deadlock-detector] a process holding a robust mutex died. recovering...");
    }
}
