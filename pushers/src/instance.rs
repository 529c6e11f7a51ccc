//! A pusher at work: one encoder, and a lane for each receiver.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use uwsgi_net::Failure;

use crate::lane::{Lane, Policy};
use crate::{Tick, Work};

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

    /// Ends when every push has been delivered or lost.
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
        let lanes = &self.lanes;
        Box::pin(async move {
            for lane in lanes {
                lane.settled().await;
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
