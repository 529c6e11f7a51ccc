//! Pushers: the numbers to whoever takes them.
//!
//! A pusher is a [`Plan`], read and checked from options before anything is forked, that becomes
//! [`Instance`]s within the observer's runtime. An instance turns a [`Tick`] into bytes (its
//! encoder, pure) and hands them to one lane for each receiver (its transport, with a bounded
//! queue, a deadline, retries and a row of the arena). One folder for each pusher, each with the
//! same files: `options`, `encode`, `transport` and, where something is remembered between two
//! pushes, `state`.
//!
//! It refuses to know who reads the numbers otherwise, and never makes anybody wait: a receiver
//! that is dead costs its own lane memory up to a bound, and then its oldest pushes.

mod address;
mod carbon;
mod datagrams;
mod dogstatsd;
mod facts;
mod file;
mod files;
mod gateway;
mod influx;
mod instance;
mod keyval;
mod kinds;
pub mod lane;
mod mongodb;
mod otlp;
mod remote;
mod resets;
mod rrdtool;
mod socket;
mod statsd;
mod systemd;
mod textfile;
mod tick;
mod web;
mod zabbix;

pub use facts::{Facts, Log, Options, Work};
pub use instance::{Encoder, Fan, Instance, Load, Receiver, Sending, Transport};
pub use kinds::{Fault, KINDS, Kind, Read, plans};
pub use resets::Resets;
pub use tick::Tick;
pub use uwsgi_net::Failure;
pub use zabbix::{Format, zabbix_template};

use std::sync::Arc;
use std::time::Duration;

use uwsgi_metrics::PusherRow;
use uwsgi_metrics::schema::Item;

/// What a pusher is to do, read from its options.
pub trait Plan: Send + Sync + std::fmt::Debug {
    /// The word that users write: `carbon`, `statsd` ...
    fn kind(&self) -> &'static str;

    /// Its receivers as they may be shown, one row of the arena each, in the order of [`Work::rows`].
    fn receivers(&self) -> Vec<String>;

    /// Time between two pushes.
    fn every(&self) -> Duration;

    /// True when it pushes the metric list, whose `reset_after_push` metrics begin anew with it.
    fn takes_list(&self) -> bool {
        false
    }

    /// True when the end of the instance, or a reload, is worth a push of its own.
    fn last_words(&self) -> bool {
        false
    }

    /// Lines for the log of the start.
    fn lines(&self) -> Vec<String> {
        Vec::new()
    }

    /// What must be there before the first application is loaded; returns lines for the log. `list`
    /// is what was counted before this image of the server, and `rows` are those of its receivers.
    ///
    /// # Errors
    /// The line with which the start ends.
    fn prepare(&self, _list: &[Item], _rows: &[&PusherRow]) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    /// Begins to work; to be called within a tokio runtime.
    fn start(&self, work: &Work<'_>) -> Box<dyn Instance>;
}

/// Plans as the settings keep them.
pub type Plans = Vec<Arc<dyn Plan>>;
