//! The processes of an instance: master, workers, observer, and the path of a request.
//!
//! [`boot`] reads the configuration, opens what is shared and hands over to [`master`] (or, without
//! one, straight to [`worker`]). Everything the processes tell each other goes through the arena of
//! `uwsgi-metrics`; everything they ask of the kernel goes through `uwsgi-sys` or rustix.
//!
//! ```text
//! boot ─▶ Instance ─▶ master ─fork─▶ worker (reactor ▸ connection ▸ request ▸ plugin)
//!                        ├────fork─▶ observer (stats, /metrics, sampling, history)
//!                        └────fork─▶ gateway (a crate of its own)
//! ```
#![forbid(unsafe_code)]

pub mod actions;
mod activation;
pub mod address;
mod affinity;
pub mod agentx;
pub mod alarm;
mod alone;
pub mod banner;
pub mod boot;
mod bound;
mod build_info;
mod cgroup;
mod check;
pub mod clock;
mod commands;
pub mod daemon;
pub mod datagrams;
mod dial;
mod early;
mod fallback;
mod fifo;
mod flock;
mod foreground;
mod halt;
mod harakiri;
mod hooks;
mod host;
pub mod instance;
mod kept;
mod language;
mod limits;
mod lists;
pub mod locks;
pub mod log;
mod logfile;
mod logvars;
pub mod master;
mod memory;
pub(crate) mod metrics;
pub mod mule;
mod notices;
pub mod observer;
mod owner;
mod patch;
pub mod pidfile;
pub mod plugin;
pub mod policy;
mod preflight;
mod privileges;
pub mod probes;
pub mod procname;
pub mod prometheus;
pub mod protocol;
mod pushers;
mod series;
pub mod settings;
pub mod signals;
pub mod snmp;
pub mod sockets;
mod source;
mod stat;
mod structured;
mod thresholds;
mod transport;
mod vacuum;
mod waits;
mod warning;
pub mod worker;
