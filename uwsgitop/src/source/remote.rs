//! A stats address, and the arena behind it where the server is certainly of this machine.
//!
//! A document tells less than the arena it is made from, so the arena is read instead once it has
//! proved to be that of the same instance: same master, user, directory, start and workers. What
//! only documents tell is asked for now and then. Whatever goes wrong with the arena, the address
//! is asked again, and its answer alone says whether the server answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::arena::{Arena, Place};
use crate::document;
use crate::picture::{Picture, Worker};
use crate::procfs;
use crate::source::access::Access;
use crate::source::address::Address;
use crate::source::fetch::fetch;
use crate::source::known::{Known, wish};
use crate::source::tls::Tls;
use crate::source::{Fault, Needs, now, unreachable};

/// Time between documents while the arena is read.
const BESIDE: Duration = Duration::from_secs(5);

/// Time until the next try after an arena could not be read, or the address did not answer.
const LATER: Duration = Duration::from_secs(30);

/// A stats address.
pub(crate) struct Remote {
    /// Where it is.
    pub(crate) address: Address,
    access: Arc<Access>,
    tls: Tls,
    known: Known,
    near: Option<Near>,
    next: Option<Instant>,
}

/// The arena of a server of this machine.
struct Near {
    arena: Arena,
    /// The last document.
    told: Picture,
    /// When the next one is due.
    due: Instant,
}

impl Remote {
    /// Nothing is opened before it is read.
    pub(crate) fn new(address: Address, access: Arc<Access>) -> Self {
        Self {
            address,
            access,
            tls: Tls::default(),
            known: Known::default(),
            near: None,
            next: None,
        }
    }

    /// The document as it came, without what its server does wrong.
    ///
    /// # Errors
    /// See [`Fault`]; what is no document is not passed on.
    pub(crate) fn document(&mut self) -> Result<Vec<u8>, Fault> {
        document::strict(&self.fetch("")?).map_err(Fault::Unreadable)
    }

    fn fetch(&mut self, query: &str) -> Result<Vec<u8>, Fault> {
        fetch(&self.address, query, &self.access, &mut self.tls).map_err(unreachable)
    }

    /// A picture, from the arena where there is one.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn picture(&mut self, needs: Needs) -> Result<Picture, Fault> {
        if let Some(mut near) = self.near.take() {
            if Instant::now() >= near.due {
                near.due = match self.told(None) {
                    Ok(told) if told.pid == near.told.pid => {
                        near.told = told;
                        Instant::now() + BESIDE
                    }
                    // Another instance took the address.
                    Ok(told) => return Ok(self.nearer(told, needs)),
                    Err(_) => Instant::now() + LATER,
                };
            }
            if let Some(picture) = near.picture(needs) {
                self.near = Some(near);
                return Ok(picture);
            }
        }
        let told = self.told(Some(needs))?;
        Ok(self.nearer(told, needs))
    }

    /// The picture of a document: the plain one, or one with the details that are needed.
    fn told(&mut self, needs: Option<Needs>) -> Result<Picture, Fault> {
        let query = needs.map(|needs| wish(needs, self.known.since(needs))).unwrap_or_default();
        let mut picture = document::parse(&self.fetch(&query)?).map_err(Fault::Unreadable)?;
        if picture.taken == 0 {
            // It does not say when it was made; it is made when it is asked for.
            picture.taken = now();
        }
        if let Some(needs) = needs {
            self.known.learn(&mut picture, needs);
        }
        Ok(document::dated(picture))
    }

    /// What the arena tells of the instance that told this, or the same.
    fn nearer(&mut self, told: Picture, needs: Needs) -> Picture {
        let soon = self.next.is_some_and(|next| Instant::now() < next);
        if self.access.no_arena || !self.address.is_local() || soon {
            return told;
        }
        let Some(mut near) = Near::of(&told) else {
            self.next = Some(Instant::now() + LATER);
            return told;
        };
        let seen = near.arena.picture(needs).ok().filter(|seen| is_same(&told, seen));
        let Some(seen) = seen else {
            // A worker may have been started between the two.
            self.next = Some(Instant::now() + BESIDE);
            return told;
        };
        let picture = with_told(seen, &near.told);
        self.near = Some(near);
        picture
    }
}

impl Near {
    /// The arena of the master that a document names, if it is a process that is seen from here
    /// under the number it has for itself.
    fn of(told: &Picture) -> Option<Self> {
        let pid = told.pid.filter(|_| told.started_at != 0)?;
        let (inside, ours) = procfs::inner(pid)?;
        let place = Place::Process(u32::try_from(pid).ok().filter(|_| inside == pid && ours)?);
        let (arena, due) = (Arena::new(place), Instant::now() + BESIDE);
        Some(Self { arena, told: told.clone(), due })
    }

    fn picture(&mut self, needs: Needs) -> Option<Picture> {
        let seen = self.arena.picture(needs).ok()?;
        let lives = seen.remark.is_none() && seen.pid == self.told.pid;
        lives.then(|| with_told(seen, &self.told))
    }
}

/// Whether both are of one instance.
fn is_same(told: &Picture, seen: &Picture) -> bool {
    let mark = |picture: &Picture| {
        let worker = |worker: &Worker| (worker.id, worker.pid);
        let workers: Vec<(u64, u64)> = picture.workers().iter().map(worker).collect();
        let who = (picture.pid, picture.uid, picture.gid);
        (who, picture.cwd.clone(), picture.started_at, picture.version.clone(), workers)
    };
    seen.remark.is_none() && mark(told) == mark(seen)
}

/// What the arena shows, with the parts that documents alone have.
fn with_told(seen: Picture, told: &Picture) -> Picture {
    fn or<T: Clone>(seen: Vec<T>, told: &[T]) -> Vec<T> {
        if seen.is_empty() { told.to_vec() } else { seen }
    }
    Picture {
        locks: or(seen.locks, &told.locks),
        caches: or(seen.caches, &told.caches),
        spoolers: or(seen.spoolers, &told.spoolers),
        crons: or(seen.crons, &told.crons),
        daemons: or(seen.daemons, &told.daemons),
        legions: or(seen.legions, &told.legions),
        ..seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Body, Lock};
    use crate::screens::{deep, instance};

    #[test]
    fn only_the_same_instance_is_the_same() {
        let told = deep(5);
        assert!(is_same(&told, &deep(9)), "its numbers may have moved on");
        let other = |change: fn(&mut Picture)| {
            let mut seen = deep(5);
            change(&mut seen);
            is_same(&told, &seen)
        };
        assert!(!other(|seen| seen.pid = Some(1)));
        assert!(!other(|seen| seen.started_at += 1));
        assert!(!other(|seen| seen.uid = None));
        assert!(!other(|seen| seen.cwd = Some("/elsewhere".into())));
        assert!(!other(|seen| seen.remark = Some("dead".into())));
        assert!(!other(|seen| {
            if let Body::Workers(workers) = &mut seen.body {
                workers[0].pid += 1;
            }
        }));
    }

    #[test]
    fn a_server_that_tells_no_start_has_no_arena_to_look_for() {
        let me = Some(u64::from(std::process::id()));
        assert!(Near::of(&Picture { pid: me, started_at: 0, ..instance(0) }).is_none());
        assert!(Near::of(&Picture { pid: None, started_at: 7, ..instance(0) }).is_none());
        assert!(Near::of(&Picture { pid: Some(1 << 40), started_at: 7, ..instance(0) }).is_none());
        assert!(Near::of(&Picture { pid: me, started_at: 7, ..instance(0) }).is_some());
    }

    #[test]
    fn what_documents_alone_tell_stays() {
        let lock = |name: &str| vec![Lock { name: name.into(), ..Lock::default() }];
        let told = Picture { locks: lock("user 0"), ..instance(0) };
        assert_eq!(with_told(deep(0), &told).locks, lock("user 0"));
        let seen = Picture { locks: lock("own"), ..deep(0) };
        assert_eq!(with_told(seen, &told).locks, lock("own"));
    }
}
