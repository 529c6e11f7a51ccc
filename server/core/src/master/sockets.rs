//! Who holds which listening socket, and their end before their time. Part of the master.

use std::os::fd::{AsFd, BorrowedFd};

use uwsgi_sys::socket;

use super::Master;
use super::children::Role;
use crate::instance::Instance;
use crate::sockets::Listener;
use crate::{log, logv};

/// Listening sockets that a child has no business with: a mule serves nobody, and a worker only
/// what is mapped to it.
pub(super) fn not_for(instance: &'static Instance, role: Role) -> Vec<BorrowedFd<'static>> {
    let all = instance.sockets.iter().map(|(listener, _)| listener);
    match role {
        Role::Mule(_) => {
            let copies = all.filter(|listener| !listener.is_kept());
            let copies = copies.chain(&instance.http).filter(|listener| !listener.is_kept());
            let kept = super::listeners(instance).map(|(_, fd, _)| fd);
            kept.chain(copies.flat_map(Listener::descriptors)).collect()
        }
        Role::Worker(id) => {
            let map = &instance.settings.policy.sockets;
            let others = all.enumerate().filter(|(number, _)| !map.serves(*number, id));
            others.flat_map(|(_, listener)| listener.descriptors()).collect()
        }
        Role::Gateway(_) | Role::Observer => Vec::new(),
    }
}

impl Master<'_> {
    /// The kernel wakes one worker for each connection. One that is stopped or killed in that moment
    /// takes the wake along, and the connection would wait for the next one to come: while queues
    /// are not empty, everybody looks once a second.
    pub(super) fn nudge(&self) {
        let globals = self.instance.arena.globals();
        if globals.backlog.get() > 0 || globals.link_queue.get() > 0 {
            // It fails only when it is written already and nobody has looked for ages.
            let _ = rustix::io::write(&self.instance.nudge, &1u64.to_ne_bytes());
        }
    }

    /// With `shutdown-sockets`, at a graceful stop: nobody can connect any more, and whoever waits in a queue is refused
    /// at once instead of being forgotten there.
    pub(super) fn shutdown_sockets(&self) {
        if !self.instance.settings.policy.sockets.shutdown {
            return;
        }
        logv!("shutting down all sockets...");
        let workers = self.instance.sockets.iter().map(|(listener, _)| listener);
        for listener in workers.chain(&self.instance.http).chain(&self.instance.shared) {
            for fd in listener.descriptors() {
                if let Err(e) = socket::end_listening(fd.as_fd()) {
                    log!("shutdown(): {} [{}]", crate::sockets::plain(&e), listener.name);
                }
            }
        }
    }
}
