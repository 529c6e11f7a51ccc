//! Pushers at work: once per second, those that are due get the numbers of now.
//!
//! What a pusher wants of them is made once for all of a second. Nothing here waits for a receiver;
//! that is the business of each lane's own task.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use uwsgi_metrics::Snapshot;
use uwsgi_metrics::prometheus::gather;
use uwsgi_pushers::{Resets, Tick, Work};

use super::answer;
use crate::instance::Instance;
use crate::log;
use crate::pushers::rows_of;

/// Time that pushes get at the end of an observer; the master's patience is a little longer.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The pushers of this observer.
pub(super) struct Pushers {
    instance: &'static Instance,
    pushers: Vec<Pusher>,
    resets: Resets,
}

struct Pusher {
    work: Box<dyn uwsgi_pushers::Instance>,
    every: Duration,
    due: Instant,
    /// Its number among those that push the metric list.
    of_list: Option<usize>,
    last_words: bool,
}

impl Pushers {
    /// Starts them; to be called within the runtime.
    pub(super) fn start(instance: &'static Instance) -> Pushers {
        let arena = &instance.arena;
        let sockets: Vec<String> = arena
            .snapshot()
            .sockets
            .iter()
            .map(|socket| String::from_utf8_lossy(&socket.cells.name).into_owned())
            .collect();
        let (mut pushers, mut lists) = (Vec::new(), 0);
        let (plans, since_ns) = (&instance.settings.pushers, arena.created_ns());
        for (plan, rows) in plans.iter().zip(rows_of(arena, plans)) {
            let work =
                Work { rows: &rows, log: |line| log!("{line}"), sockets: &sockets, since_ns };
            let of_list = plan.takes_list().then_some(lists);
            lists += usize::from(of_list.is_some());
            pushers.push(Pusher {
                work: plan.start(&work),
                every: plan.every(),
                // Numbers of the first second are there when it is over.
                due: Instant::now() + Duration::from_millis(900),
                of_list,
                last_words: plan.last_words(),
            });
        }
        Pushers { instance, pushers, resets: Resets::new(lists) }
    }

    /// Pushes what is due.
    pub(super) fn round(&mut self, snapshot: &Snapshot) {
        let now = Instant::now();
        let due: Vec<bool> = self.pushers.iter().map(|pusher| pusher.due <= now).collect();
        self.push(snapshot, &due);
        for (pusher, _) in self.pushers.iter_mut().zip(due).filter(|(_, due)| *due) {
            pusher.due = now + pusher.every - Duration::from_millis(100).min(pusher.every / 2);
        }
    }

    /// The last words of those that have some, and a bounded time for all.
    pub(super) async fn finish(&mut self, snapshot: &Snapshot) {
        let last = self.with_last_words(snapshot);
        self.push(snapshot, &last);
        // All are told before one of them is waited for.
        let all: Vec<_> = self.pushers.iter().map(|pusher| pusher.work.settled()).collect();
        let all = async {
            for settled in all {
                settled.await;
            }
        };
        // What is not delivered then is counted as lost by the next observer.
        let _ = timeout(LAST_WORDS, all).await;
    }

    /// Besides those that always have some: whoever would never hear of what began anew.
    fn with_last_words(&mut self, snapshot: &Snapshot) -> Vec<bool> {
        if self.pushers.iter().any(|pusher| pusher.last_words && pusher.of_list.is_some()) {
            self.resets.take(&self.instance.arena, snapshot);
        }
        let owed = |number| self.resets.has_counts(number);
        let last = self.pushers.iter().map(|p| p.last_words || p.of_list.is_some_and(owed));
        last.collect()
    }

    fn push(&mut self, snapshot: &Snapshot, chosen: &[bool]) {
        let pushers = self.pushers.iter_mut().zip(chosen).filter(|(_, chosen)| **chosen);
        let pushers: Vec<&mut Pusher> = pushers.map(|(pusher, _)| pusher).collect();
        if pushers.is_empty() {
            return;
        }
        let wants_list = pushers.iter().any(|pusher| pusher.of_list.is_some());
        let instance = self.instance;
        let list = if wants_list {
            self.resets.take(&instance.arena, snapshot);
            crate::metrics::list_of(instance, snapshot)
        } else {
            Vec::new()
        };
        let document: OnceCell<Arc<[u8]>> = OnceCell::new();
        let full: OnceCell<Arc<Snapshot>> = OnceCell::new();
        let page = &answer::page_options(instance);
        for pusher in pushers {
            let mut own = None;
            if let Some(number) = pusher.of_list.filter(|number| self.resets.owes(*number)) {
                let mut items = list.clone();
                self.resets.settle(number, &mut items);
                own = Some(items);
            }
            pusher.work.push(&Tick {
                at_us: snapshot.taken_us,
                snapshot,
                list: own.as_deref().unwrap_or(&list),
                document: &|| Arc::clone(document.get_or_init(|| answer::stats(instance).into())),
                full: &|| {
                    let made = || Arc::new(gather(snapshot.clone(), &instance.arena, page));
                    Arc::clone(full.get_or_init(made))
                },
                page,
            });
        }
    }
}
