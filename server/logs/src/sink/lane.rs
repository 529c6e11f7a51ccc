//! The queue in front of a sink, and the thread behind it.
//!
//! Whoever offers a line does not wait for the receiver: a line that finds the queue full is lost,
//! counted and told of. A receiver that fails is tried again after a pause that grows; meanwhile its
//! lines wait, and those of other lanes do not know of it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Message, Sink};
use crate::Moment;

/// Messages that a sink gets at a time.
const AT_A_TIME: usize = 256;

/// The pause after the first failure; doubled by each one more.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Time between two lines that tell of the same trouble.
const TELLING: Duration = Duration::from_secs(10);

/// What a lane counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Lines that the receiver has.
    Delivered,
    /// Their bytes.
    Bytes,
    /// Lines that found no room.
    Dropped,
    /// Failures of the receiver.
    Failed,
    /// Deliveries after one.
    Recovered,
    /// Files that were moved away.
    Rotated,
}

/// Who counts, and who is told.
pub trait Listener: Send + Sync {
    /// `n` more of something.
    fn count(&self, what: Count, n: u64);
    /// So many lines wait now.
    fn waiting(&self, n: u64);
    /// A line for the log itself: it must not come here again.
    fn tell(&self, text: &str);
}

/// See the module.
pub struct Lane {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    most: usize,
    state: Mutex<State>,
    /// A line came, or the end.
    work: Condvar,
    /// There is room again, or nothing is left.
    room: Condvar,
    listener: Box<dyn Listener>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    bytes: usize,
    /// Lines that are being delivered.
    under_way: usize,
    order: Option<Order>,
    /// The lane ends: what is left may take until then.
    until: Option<Instant>,
    lost: u64,
    told: Option<Instant>,
}

/// What a sink is asked to do before the next line.
#[derive(Clone, Copy, Debug)]
enum Order {
    Reopen,
    Rotate(Moment),
}

impl Lane {
    /// Starts the thread. `most` bytes may wait.
    pub fn start(
        name: &str,
        mut sink: Box<dyn Sink>,
        most: usize,
        listener: Box<dyn Listener>,
    ) -> io::Result<Lane> {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            most,
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            listener,
        });
        let own = Arc::clone(&shared);
        let named = std::thread::Builder::new().name(format!("log {name}"));
        named.spawn(move || own.run(sink.as_mut()))?;
        Ok(Lane { shared })
    }

    /// A line, which sets out at the next [`Lane::wake`]: what is said together is delivered together.
    /// It waits up to `patience` for room where the receiver keeps up and is only not fast enough at
    /// the moment; false when the line is lost.
    pub fn offer(&self, at: Moment, line: &[u8], patience: Duration) -> bool {
        let shared = &self.shared;
        let full =
            |state: &mut State| !state.waiting.is_empty() && state.bytes + line.len() > shared.most;
        let mut state = shared.lock();
        if full(&mut state) && state.lost == 0 {
            shared.work.notify_one();
            let waited = shared.room.wait_timeout_while(state, patience, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if full(&mut state) {
            state.lost += 1;
            shared.listener.count(Count::Dropped, 1);
            return false;
        }
        state.bytes += line.len();
        state.waiting.push_back(Message { at, text: line.to_vec() });
        shared.listener.waiting(state.waiting.len() as u64);
        true
    }

    /// The thread looks at what was offered, unless it is at work already.
    pub fn wake(&self) {
        let state = self.shared.lock();
        if state.under_way == 0 && !state.waiting.is_empty() {
            self.shared.work.notify_one();
        }
    }

    /// What the sink has open is opened again before the next line. Lines that wait go there.
    pub fn reopen(&self) {
        self.order(Order::Reopen);
    }

    /// A file moves away before the next line.
    pub fn rotate(&self, at: Moment) {
        self.order(Order::Rotate(at));
    }

    /// Whoever asks has seen what was wrong: a pause ends.
    fn order(&self, order: Order) {
        let mut state = self.shared.lock();
        // A file that moves away is opened again too.
        if !matches!(state.order, Some(Order::Rotate(_))) {
            state.order = Some(order);
        }
        drop(state);
        self.shared.work.notify_all();
    }

    /// Waits until nothing is left, at most until `deadline`; true when that is so.
    pub fn settle(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let busy = |state: &mut State| !state.waiting.is_empty() || state.under_way > 0;
        let state = self.shared.lock();
        let waited = self.shared.room.wait_timeout_while(state, left, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// There will be no further lines: pauses end.
    pub fn hurry(&self, deadline: Instant) {
        self.shared.lock().until = Some(deadline);
        self.shared.work.notify_all();
    }

    /// What is left is delivered until `deadline`, the rest is lost, counted and told of. A sink that
    /// hangs would hang us: its thread ends with the process.
    pub fn end(&self, deadline: Instant) {
        self.hurry(deadline);
        if self.settle(deadline) {
            return;
        }
        let state = self.shared.lock();
        let left = (state.waiting.len() + state.under_way) as u64;
        let lost = left + state.lost;
        drop(state);
        self.shared.listener.count(Count::Dropped, left);
        let text = format!("[uwsgi-log] {}: {lost} lines are lost at the end", self.shared.name);
        self.shared.listener.tell(&text);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, sink: &mut dyn Sink) {
        let (mut pause, mut well) = (FIRST_PAUSE, true);
        while let Some((batch, order)) = self.next() {
            match order {
                Some(Order::Reopen) => sink.reopen(),
                Some(Order::Rotate(at)) => sink.rotate(at),
                None => {}
            }
            let (done, said) = sink.deliver(&batch);
            for text in sink.news() {
                self.listener.count(Count::Failed, 1);
                self.trouble(&text);
            }
            self.listener.count(Count::Rotated, sink.moved());
            if done > 0 && !well {
                self.listener.count(Count::Recovered, 1);
            }
            well = said.is_ok() && (well || done > 0);
            self.settled(batch, done);
            match said {
                Ok(()) => pause = FIRST_PAUSE,
                Err(e) => {
                    self.listener.count(Count::Failed, 1);
                    self.trouble(&e.to_string());
                    if self.rest(pause) {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The next messages, once there are some; `None` at the end.
    fn next(&self) -> Option<(Vec<Message>, Option<Order>)> {
        let mut state = self.lock();
        while state.waiting.is_empty() && state.order.is_none() {
            if state.until.is_some() {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.waiting.len().min(AT_A_TIME);
        let batch: Vec<_> = state.waiting.drain(..count).collect();
        state.under_way = batch.len();
        Some((batch, state.order.take()))
    }

    /// `done` of the batch are over; the others go back to the front.
    fn settled(&self, mut batch: Vec<Message>, done: usize) {
        let left = batch.split_off(done.min(batch.len()));
        let bytes: usize = batch.iter().map(|message| message.text.len()).sum();
        self.listener.count(Count::Delivered, batch.len() as u64);
        self.listener.count(Count::Bytes, bytes as u64);
        let lost = if done > 0 { std::mem::take(&mut self.lock().lost) } else { 0 };
        if lost > 0 {
            let text = format!("{lost} lines found no room and are lost");
            self.listener.tell(&format!("[uwsgi-log] {}: {text}", self.name));
        }
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        state.under_way = 0;
        left.into_iter().rev().for_each(|one| state.waiting.push_front(one));
        self.listener.waiting(state.waiting.len() as u64);
        drop(state);
        self.room.notify_all();
    }

    /// Tells what is wrong, but not again and again.
    fn trouble(&self, text: &str) {
        let mut state = self.lock();
        let now = Instant::now();
        if state.told.is_none_or(|told| now.duration_since(told) >= TELLING) {
            state.told = Some(now);
            drop(state);
            self.listener.tell(&format!("[uwsgi-log] {}: {text}", self.name));
        }
    }

    /// Waits before the next try; true when there will be none.
    fn rest(&self, pause: Duration) -> bool {
        // Further lines are no reason to hurry, the end is, and somebody who asks for something.
        let idle = |state: &mut State| state.until.is_none() && state.order.is_none();
        let waited = self.work.wait_timeout_while(self.lock(), pause, idle);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let Some(until) = state.until else { return false };
        let left = until.saturating_duration_since(Instant::now()).min(pause);
        let waited = self.work.wait_timeout_while(state, left, |state| state.order.is_none());
        drop(waited);
        Instant::now() >= until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    const LONG: Duration = Duration::from_secs(20);

    /// Counts, and keeps what it is told.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<(Count, u64)>>>, Arc<Mutex<Vec<String>>>);

    impl Seen {
        fn count(&self, what: Count) -> u64 {
            let seen = self.0.lock().unwrap();
            seen.iter().filter(|(own, _)| *own == what).map(|(_, n)| n).sum()
        }

        fn told(&self) -> Vec<String> {
            self.1.lock().unwrap().clone()
        }
    }

    impl Listener for Seen {
        fn count(&self, what: Count, n: u64) {
            self.0.lock().unwrap().push((what, n));
        }

        fn waiting(&self, _: u64) {}

        fn tell(&self, text: &str) {
            self.1.lock().unwrap().push(text.to_owned());
        }
    }

    /// Takes a batch when it is told how many of it to take, and passes them on.
    struct Slow(Receiver<usize>, Sender<String>);

    impl Sink for Slow {
        fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
            let most = self.0.recv().unwrap_or(usize::MAX).min(messages.len());
            for Message { text, .. } in &messages[..most] {
                self.1.send(String::from_utf8_lossy(text).into_owned()).unwrap();
            }
            let failed = || io::Error::other("the receiver is away");
            (most, if most < messages.len() { Err(failed()) } else { Ok(()) })
        }
    }

    fn lane(most: usize) -> (Lane, Sender<usize>, Receiver<String>, Seen) {
        let ((go, may), (out, got), seen) = (channel(), channel(), Seen::default());
        let sink = Box::new(Slow(may, out));
        let lane = Lane::start("far", sink, most, Box::new(seen.clone())).unwrap();
        (lane, go, got, seen)
    }

    fn offer(lane: &Lane, text: &str) -> bool {
        let taken = lane.offer(Moment(0), text.as_bytes(), Duration::ZERO);
        lane.wake();
        taken
    }

    #[test]
    fn a_receiver_that_is_away_costs_nothing_but_time() {
        let (lane, go, got, seen) = lane(100);
        let lines: Vec<String> = (0..6).map(|n| n.to_string()).collect();
        lines.iter().for_each(|line| assert!(offer(&lane, line)));
        go.send(0).unwrap();
        go.send(1).unwrap();
        drop(go);
        let all: Vec<String> = (0..6).map(|_| got.recv_timeout(LONG).unwrap()).collect();
        assert_eq!(all, lines, "in order, each once");
        assert!(lane.settle(Instant::now() + LONG));
        assert_eq!((seen.count(Count::Delivered), seen.count(Count::Dropped)), (6, 0));
        assert!(seen.count(Count::Failed) >= 1);
        assert_eq!(seen.told(), ["[uwsgi-log] far: the receiver is away"], "told once");
        lane.end(Instant::now() + LONG);
    }

    #[test]
    fn a_full_queue_loses_the_newest_and_says_so() {
        let (lane, go, got, seen) = lane(4);
        // The first one is on its way, or waits like the others.
        let taken: Vec<bool> = (0..12).map(|_| offer(&lane, "xx")).collect();
        let lost = taken.iter().filter(|taken| !**taken).count() as u64;
        assert!(lost >= 8, "{taken:?}");
        assert_eq!(seen.count(Count::Dropped), lost);
        drop(go);
        for _ in 0..12 - lost {
            got.recv_timeout(LONG).unwrap();
        }
        assert!(lane.settle(Instant::now() + LONG));
        let told = format!("[uwsgi-log] far: {lost} lines found no room and are lost");
        assert_eq!(seen.told(), [told]);
        assert!(offer(&lane, "more than there is room for"), "a single line always has room");
        assert_eq!(got.recv_timeout(LONG).unwrap().len(), 27);
        lane.end(Instant::now() + LONG);
    }

    #[test]
    fn what_is_offered_together_is_delivered_together() {
        struct Sizes(Sender<usize>);
        impl Sink for Sizes {
            fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
                self.0.send(messages.len()).unwrap();
                (messages.len(), Ok(()))
            }
        }
        let (out, got) = channel();
        let lane =
            Lane::start("far", Box::new(Sizes(out)), 100, Box::new(Seen::default())).unwrap();
        for _ in 0..3 {
            (0..5).for_each(|_| assert!(lane.offer(Moment(0), b"x", Duration::ZERO)));
            lane.wake();
            assert_eq!(got.recv_timeout(LONG).unwrap(), 5);
            assert!(lane.settle(Instant::now() + LONG));
        }
        // Without room nobody waits for a thread that nobody woke.
        (0..110).for_each(|_| assert!(lane.offer(Moment(0), b"x", LONG)));
        lane.end(Instant::now() + LONG);
        assert_eq!(got.iter().sum::<usize>(), 110);
    }

    #[test]
    fn at_the_end_what_is_left_goes_out_or_is_counted() {
        let (lane, go, got, seen) = lane(100);
        offer(&lane, "last words");
        drop(go);
        lane.end(Instant::now() + LONG);
        assert_eq!(got.recv_timeout(LONG).unwrap(), "last words");
        assert_eq!(seen.count(Count::Dropped), 0);
        let (lane, go, _got, seen) = super::tests::lane(100);
        (0..3).for_each(|_| assert!(offer(&lane, "x")));
        go.send(0).unwrap();
        go.send(0).unwrap();
        lane.end(Instant::now() + Duration::from_millis(300));
        assert_eq!(seen.count(Count::Dropped), 3);
        assert_eq!(seen.told().last().unwrap(), "[uwsgi-log] far: 3 lines are lost at the end");
    }

    #[test]
    fn whoever_asks_for_a_file_to_be_opened_ends_a_pause() {
        let (lane, go, got, seen) = lane(100);
        offer(&lane, "x");
        // The seventh pause is one of more than six seconds.
        (0..7).for_each(|_| go.send(0).unwrap());
        let begin = Instant::now();
        while seen.count(Count::Failed) < 7 {
            assert!(begin.elapsed() < LONG);
            lane.reopen();
            std::thread::yield_now();
        }
        lane.reopen();
        drop(go);
        assert_eq!(got.recv_timeout(Duration::from_secs(5)).unwrap(), "x");
        assert!(begin.elapsed() < Duration::from_secs(6), "pauses of twelve seconds in all");
    }

    #[test]
    fn a_file_that_moves_away_is_not_forgotten_for_one_that_is_opened_again() {
        let (lane, ..) = lane(100);
        lane.rotate(Moment(7));
        lane.reopen();
        let order = lane.shared.lock().order;
        assert!(order.is_none_or(|order| matches!(order, Order::Rotate(_))), "{order:?}");
    }
}
