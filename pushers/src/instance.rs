//! A pusher at work: one encoder, and a lane for each receiver.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use uwsgi_net::Failure;

use crate::lane::{Lane, Policy};
use crate::{Tick, Work};

/// Time at the end for a receiver that was dead when it was last tried: requests wait for the end
/// of a reload.
const MOMENT: Duration = Duration::from_millis(500);

/// An attempt under way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Turns the numbers into what is sent. Pure, apart from what it remembers of the push before.
pub trait Encoder: Send {
    /// What is sent.
    type Payload: Send + Sync + 'static;

    /// One push; nothing when there is nothing to say.
    fn encode(&mut self, tick: &Tick<'_>) -> Option<Load<Self::Payload>>;

    /// What did not fit into the message before, where receivers bound the size of one.
    fn rest(&mut self) -> Option<Load<Self::Payload>> {
        None
    }
}

/// One push, encoded.
#[derive(Debug)]
pub struct Load<P> {
    /// What is sent.
    pub payload: P,
    /// Values in it.
    pub values: u64,
    /// Bytes it occupies.
    pub bytes: usize,
}

/// Gets pushes to one receiver.
pub trait Transport<P>: Send {
    /// Sends one push. Dropping the future gives it up. The text of a failure is a whole line for
    /// the log, without secrets.
    fn send<'a>(&'a mut self, payload: &'a P) -> Sending<'a>;

    /// After a failure: how long the receiver wants to be left alone.
    fn wish(&mut self) -> Option<Duration> {
        None
    }

    /// The attempt was given up at its deadline: a connection that is kept is of no use any more.
    fn interrupted(&mut self) {}
}

/// A receiver of a [`Fan`].
pub struct Receiver<P> {
    /// How it is reached.
    pub transport: Box<dyn Transport<P>>,
    /// Its bounds.
    pub policy: Policy,
}

/// A pusher at work.
pub trait Instance: Send {
    /// Pushes the numbers of now; it never waits.
    fn push(&mut self, tick: &Tick<'_>);

    /// Tries once more what waits, at once. The future ends when every push has been delivered or
    /// lost; a receiver that failed the last time is waited for a moment only.
    fn settled<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// One encoder whose pushes go to every one of its receivers.
pub struct Fan<E: Encoder> {
    encoder: E,
    lanes: Vec<Lane<Arc<E::Payload>>>,
}

impl<E: Encoder> Fan<E> {
    /// Starts it within a tokio runtime; rows stand in the order of the receivers.
    pub fn start(
        kind: &'static str,
        encoder: E,
        receivers: Vec<Receiver<E::Payload>>,
        work: &Work<'_>,
    ) -> Fan<E> {
        let lanes = receivers.into_iter().zip(work.rows).map(|(receiver, row)| {
            let shared = Box::new(Shared(receiver.transport));
            Lane::start(kind, receiver.policy, shared, row, work.log)
        });
        Fan { encoder, lanes: lanes.collect() }
    }
}

impl<E: Encoder> Instance for Fan<E> {
    fn push(&mut self, tick: &Tick<'_>) {
        let mut next = self.encoder.encode(tick);
        while let Some(load) = next {
            let payload = Arc::new(load.payload);
            for lane in &self.lanes {
                lane.offer(crate::lane::Parcel {
                    payload: Arc::clone(&payload),
                    at_s: tick.at_s(),
                    values: load.values,
                    bytes: load.bytes,
                });
            }
            next = self.encoder.rest();
        }
    }

    fn settled<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        // None of them waits for another one to be told.
        self.lanes.iter().for_each(Lane::hurry);
        let moment = Instant::now() + MOMENT;
        let (dead, well): (Vec<_>, Vec<_>) = self.lanes.iter().partition(|lane| lane.is_failing());
        Box::pin(async move {
            for lane in well {
                lane.settled().await;
            }
            for lane in dead {
                // What it does not take is counted as lost by the next process.
                let _ = timeout_at(moment, lane.settled()).await;
            }
        })
    }
}

/// A transport of what several lanes share.
struct Shared<P>(Box<dyn Transport<P>>);

impl<P: Send + Sync> Transport<Arc<P>> for Shared<P> {
    fn send<'a>(&'a mut self, payload: &'a Arc<P>) -> Sending<'a> {
        self.0.send(payload)
    }

    fn wish(&mut self) -> Option<Duration> {
        self.0.wish()
    }

    fn interrupted(&mut self) {
        self.0.interrupted();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Retry;
    use crate::tick::tests::with_list;
    use uwsgi_metrics::{Arena, Shape};

    struct One;

    impl Encoder for One {
        type Payload = ();

        fn encode(&mut self, _: &Tick<'_>) -> Option<Load<()>> {
            Some(Load { payload: (), values: 1, bytes: 1 })
        }
    }

    /// Never answers.
    struct Silent;

    impl Transport<()> for Silent {
        fn send<'a>(&'a mut self, (): &'a ()) -> Sending<'a> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_a_dead_receiver_is_waited_for_only_a_moment() {
        let shape = Shape { workers: 1, pushers: 2, ..Shape::default() };
        let arena: &'static Arena = Box::leak(Box::new(Arena::create(&shape).unwrap()));
        let rows = [arena.pusher(0), arena.pusher(1)];
        let deadline = Duration::from_secs(3);
        let policy = Policy { pushes: 2, bytes: 9, retry: Retry::Never, deadline };
        let receiver = || Receiver { transport: Box::new(Silent) as Box<_>, policy };
        let work = Work { rows: &rows, log: |_| {}, sockets: &[], since_ns: 0 };
        for (failing, waited) in [([1, 1], MOMENT), ([0, 1], deadline), ([1, 0], deadline)] {
            let mut fan = Fan::start("test", One, vec![receiver(), receiver()], &work);
            with_list(&[], |tick| fan.push(tick));
            rows.iter().zip(failing).for_each(|(row, failing)| row.failing.set(failing));
            let start = Instant::now();
            fan.settled().await;
            let took = start.elapsed();
            assert!(took >= waited && took < waited + MOMENT / 2, "{failing:?}: {took:?}");
        }
    }
}
