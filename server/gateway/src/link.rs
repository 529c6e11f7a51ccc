//! Link connections to the workers, and which of them may take the next request.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use uwsgi_metrics::View;
use uwsgi_proto::link::FrameReader;

use crate::slab::{Key, Slab};

/// How long after the end of a response the worker's own mark of being busy is taken for stale:
/// the worker sends the end before its books are closed.
const CLOSING_BOOKS: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) fd: OwnedFd,
    /// The client it serves.
    pub(crate) owner: Option<Key>,
    /// The worker at the other end (from 1), known after its first answer.
    pub(crate) worker: Option<u16>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) ended: bool,
    /// Epoll reports room to write: from the first time there was none.
    pub(crate) watches_room: bool,
    /// A write failed: the worker has not taken what was sent last.
    pub(crate) broken: bool,
    pub(crate) reader: FrameReader,
    /// When its last response ended.
    pub(crate) released: Instant,
}

impl Link {
    pub(crate) fn new(fd: OwnedFd, now: Instant) -> Self {
        Self {
            fd,
            owner: None,
            worker: None,
            readable: false,
            writable: true,
            ended: false,
            watches_room: false,
            broken: false,
            reader: FrameReader::response(),
            released: now,
        }
    }
}

/// All link connections.
pub(crate) struct Links {
    pub(crate) all: Slab<Link>,
    /// Those without an owner, the last used at the end.
    idle: Vec<Key>,
    /// Requests on their way, per worker (from 1; 0 for workers not known yet).
    in_flight: Vec<u32>,
    cores: u32,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Send it over this link.
    Reuse(Key),
    /// Open a link: whichever worker is free first takes it.
    Connect,
    /// Every core has a request of ours: wait for one of them.
    Wait,
}

impl Links {
    pub(crate) fn new(workers: u32, cores: u32) -> Self {
        Self {
            all: Slab::new(),
            idle: Vec::new(),
            in_flight: vec![0; workers as usize + 1],
            cores: cores.max(1),
        }
    }

    /// How many requests the workers can serve at a time.
    fn capacity(&self) -> usize {
        (self.in_flight.len() - 1).max(1) * self.cores as usize
    }

    /// Chooses for one request. `busy` says how many cores of a worker are in a request, `draining` on
    /// how many links a worker only waits for a client to take the rest of its answer, `running` how many
    /// workers there are now, from whatever source.
    pub(crate) fn choose(
        &self,
        now: Instant,
        running: impl Fn() -> u32,
        busy: impl Fn(u16) -> u32,
        draining: impl Fn(u16) -> u32,
    ) -> Choice {
        let (under_way, cores) = (self.all.len() - self.idle.len(), self.cores as usize);
        // One worker is always counted on: where there is none, the first request wakes it up.
        let full = |under_way| {
            under_way >= self.capacity() || under_way >= cores.max(running() as usize * cores)
        };
        let workers = 1..u16::try_from(self.in_flight.len()).unwrap_or(u16::MAX);
        if full(under_way)
            && full(under_way.saturating_sub(workers.map(|w| draining(w) as usize).sum()))
        {
            return Choice::Wait;
        }
        let free = |key: &&Key| {
            let Some(link) = self.all.get(**key) else { return false };
            let Some(worker) = link.worker else { return true };
            let ours = self.in_flight.get(usize::from(worker)).copied().unwrap_or(0);
            (ours < self.cores || ours.saturating_sub(draining(worker)) < self.cores)
                && (now.saturating_duration_since(link.released) < CLOSING_BOOKS
                    || busy(worker) < self.cores)
        };
        self.idle.iter().rev().find(free).map_or(Choice::Connect, |key| Choice::Reuse(*key))
    }

    /// Adds a connection; at most four per core are kept, so an idle one may have to go.
    pub(crate) fn add(&mut self, link: Link) -> Key {
        if self.all.len() >= self.capacity() * 4 && !self.idle.is_empty() {
            let oldest = self.idle.remove(0);
            self.all.remove(oldest);
        }
        self.all.insert(link)
    }

    /// Gives a link to a client. False when it is gone.
    pub(crate) fn assign(&mut self, key: Key, owner: Key) -> bool {
        let Some(link) = self.all.get_mut(key) else { return false };
        link.owner = Some(owner);
        let worker = usize::from(link.worker.unwrap_or(0));
        self.idle.retain(|k| *k != key);
        if let Some(n) = self.in_flight.get_mut(worker) {
            *n += 1;
        }
        true
    }

    /// Takes a link back after a response by `worker`.
    pub(crate) fn release(&mut self, key: Key, worker: u16, now: Instant) {
        self.disown(key);
        let Some(link) = self.all.get_mut(key) else { return };
        if link.ended {
            self.all.remove(key);
            return;
        }
        link.worker = Some(worker);
        link.released = now;
        self.idle.push(key);
    }

    /// Closes a link, whatever it was doing.
    pub(crate) fn close(&mut self, key: Key) {
        self.disown(key);
        self.idle.retain(|k| *k != key);
        self.all.remove(key);
    }

    fn disown(&mut self, key: Key) {
        let Some(link) = self.all.get_mut(key) else { return };
        if link.owner.take().is_some()
            && let Some(n) = self.in_flight.get_mut(usize::from(link.worker.unwrap_or(0)))
        {
            *n = n.saturating_sub(1);
        }
    }
}

/// Workers that are not put away.
pub(crate) fn running(arena: &View) -> u32 {
    let workers = 1..=arena.shape().workers;
    workers.filter(|id| arena.worker(*id).cheaped.get() == 0).count() as u32
}

/// Links on which `worker` waits for clients, while its cores do something else.
pub(crate) fn draining_links(arena: &View, worker: u16) -> u32 {
    u32::try_from(arena.worker(u32::from(worker)).draining_links.get()).unwrap_or(u32::MAX)
}

/// Cores of `worker` that are in a request now.
pub(crate) fn busy_cores(arena: &View, worker: u16) -> u32 {
    let cores = 0..arena.shape().cores;
    cores.filter(|core| arena.core(u32::from(worker), *core).in_request.get() != 0).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        let (a, _b) = std::os::unix::net::UnixStream::pair().unwrap();
        Link::new(a.into(), Instant::now())
    }

    fn owner() -> Key {
        Key::from_bits(7)
    }

    fn none(_: u16) -> u32 {
        0
    }

    /// An idle link to `worker`, released long enough ago.
    fn idle(links: &mut Links, worker: u16, at: Instant) -> Key {
        let key = links.add(link());
        assert!(links.assign(key, owner()));
        links.release(key, worker, at);
        key
    }

    #[test]
    fn the_last_used_link_of_a_free_worker_is_taken() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut links = Links::new(2, 1);
        assert_eq!(links.choose(start, || 2, |_| 0, none), Choice::Connect);
        let first = idle(&mut links, 1, start);
        let second = idle(&mut links, 2, start);
        assert_eq!(links.choose(later, || 2, |_| 0, none), Choice::Reuse(second));
        let two_busy = |w| u32::from(w == 2);
        assert_eq!(links.choose(later, || 2, two_busy, none), Choice::Reuse(first));
        assert_eq!(
            links.choose(later, || 2, |_| 1, none),
            Choice::Connect,
            "both serve somebody else"
        );
        assert_eq!(
            links.choose(start, || 2, |_| 1, none),
            Choice::Reuse(second),
            "books being closed"
        );
    }

    #[test]
    fn no_more_requests_are_sent_than_cores_can_take() {
        let now = Instant::now();
        let mut links = Links::new(2, 1);
        let one = idle(&mut links, 1, now);
        let twin = idle(&mut links, 1, now);
        assert!(links.assign(one, owner()));
        assert_eq!(
            links.choose(now, || 2, |_| 0, none),
            Choice::Connect,
            "worker 1 is full, 2 is not"
        );
        let new = links.add(link());
        assert!(links.assign(new, owner()));
        assert_eq!(links.choose(now, || 2, |_| 0, none), Choice::Wait);
        links.close(one);
        assert_eq!(links.choose(now, || 2, |_| 0, none), Choice::Reuse(twin));
    }

    #[test]
    fn a_link_that_drains_takes_no_core() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut links = Links::new(2, 1);
        let slow = idle(&mut links, 1, now);
        let other = idle(&mut links, 2, now);
        assert!(links.assign(slow, owner()) && links.assign(other, owner()));
        let drains = |worker| u32::from(worker == 1);
        assert_eq!(links.choose(later, || 2, |_| 0, none), Choice::Wait);
        assert_eq!(links.choose(later, || 2, |_| 0, drains), Choice::Connect);
        let second = idle(&mut links, 1, now);
        assert_eq!(links.choose(later, || 2, |_| 0, drains), Choice::Reuse(second));
        assert_eq!(links.choose(later, || 2, |_| 1, drains), Choice::Connect, "its core is taken");
        assert!(links.assign(second, owner()));
        assert_eq!(links.choose(later, || 2, |_| 1, drains), Choice::Wait);
    }

    #[test]
    fn who_is_put_away_takes_nothing() {
        let now = Instant::now();
        let mut links = Links::new(3, 2);
        for _ in 0..2 {
            assert_eq!(
                links.choose(now, || 0, |_| 0, none),
                Choice::Connect,
                "to wake somebody up"
            );
            let link = links.add(link());
            assert!(links.assign(link, owner()));
        }
        assert_eq!(links.choose(now, || 0, |_| 0, none), Choice::Wait);
        assert_eq!(links.choose(now, || 1, |_| 0, none), Choice::Wait);
        assert_eq!(links.choose(now, || 2, |_| 0, none), Choice::Connect);
    }

    #[test]
    fn idle_links_do_not_pile_up() {
        let now = Instant::now();
        let mut links = Links::new(1, 1);
        let keys: Vec<_> = (0..6).map(|_| idle(&mut links, 1, now)).collect();
        assert_eq!(links.all.len(), 4);
        assert!(links.all.get(keys[0]).is_none() && links.all.get(keys[5]).is_some());
    }
}
