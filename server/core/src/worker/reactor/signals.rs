//! uwsgi signals in the reactor: the queues of this worker are watched like its sockets, and a core
//! that sees one runs its handler between two requests. Part of the reactor.

use rustix::event::epoll;

use super::{Reactor, SIGNAL};
use crate::signals::{self, Receiver};
use crate::worker::request::Core;

impl Reactor {
    /// Watches them. All workers are woken for the queue they share: one that is woken alone could
    /// be busy with the handler of the signal before.
    pub(super) fn watch_signals(&self) -> std::io::Result<()> {
        let who = Receiver::Worker(self.instance.worker_id());
        let queues = self.instance.signals.iter().flat_map(|s| s.queues(who)).flatten();
        queues.into_iter().try_for_each(|queue| self.add(queue, SIGNAL, epoll::EventFlags::IN))
    }

    /// Leaves what comes now to others, and to the successor.
    pub(super) fn leave_signals(&self) {
        let who = Receiver::Worker(self.instance.worker_id());
        for queue in self.instance.signals.iter().flat_map(|s| s.queues(who)).flatten() {
            let _ = epoll::delete(&self.poll, queue);
        }
    }

    /// Takes one signal, if another core or worker was not faster.
    pub(super) fn handle_signal(&self, core: &mut Core) {
        if self.retiring() {
            return;
        }
        if signals::handle_next(self.instance, Receiver::Worker(core.worker), core.id) {
            self.after_request(core);
        }
    }
}
