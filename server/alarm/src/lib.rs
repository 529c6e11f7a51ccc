//! Alarms: named instances of an action, what may raise them how often, and how they deliver.
//!
//! It owns the syntax of `alarm`, the limits against storms, the queue and the retries of each
//! alarm, and every kind of action. It runs inside one process with a tokio runtime (the observer)
//! and refuses to know where messages come from.

pub mod action;
mod definition;
mod guard;
mod lane;
mod net;
mod runner;
#[cfg(feature = "tls")]
mod xmpp;

pub use action::{Action, Delivery, Failure, KINDS, Kind};
pub use definition::Definition;
pub use lane::Limits;
pub use runner::Runner;
#[cfg(feature = "tls")]
pub use uwsgi_net::tls::trusted;

/// One message for one alarm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Name of the alarm.
    pub alarm: String,
    /// The text, as it was raised.
    pub text: Vec<u8>,
    /// When it was raised, epoch microseconds.
    pub at_us: u64,
    /// What a threshold knows beyond the text; nothing for all other sources.
    pub detail: Option<Detail>,
}

/// The facts behind a message of a threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// Metric.
    pub key: String,
    /// Value that was compared.
    pub value: f64,
    /// Bound it was compared with.
    pub bound: f64,
    /// Since when, epoch seconds.
    pub since: u64,
    /// True when the condition is over.
    pub resolved: bool,
}

/// How a message gets to a mule, 0 for any of them; the error is for the log.
pub type SendToMule = fn(u32, &[u8]) -> Result<(), String>;

/// Hands a notification to the SNMP agent of the machine; the error is for the log.
pub type Notify = fn(Vec<uwsgi_snmp::VarBind>) -> Result<(), String>;

/// Seals a notification with this number from a user of SNMPv3; the error is for the log.
pub type Seal = fn(&str, i32, uwsgi_snmp::Pdu) -> Result<Vec<u8>, String>;

/// What every action may want to know of the instance.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Host name.
    pub hostname: String,
    /// Server version.
    pub version: String,
    /// Pid of the master.
    pub master_pid: i32,
    /// Seconds a network action may take to connect, and as a whole, without a value of its own.
    pub timeout: u64,
    /// Shell of `cmd` (`binsh`), and what else may be needed.
    pub shell: Vec<String>,
    /// Writes one line to the main log, for what an action tells outside of a delivery; such a line
    /// begins with `[uwsgi-alarm` and raises no alarm.
    pub log: Option<fn(&str)>,
    /// Writes bytes with the date in front to the main log, where they raise no alarm.
    pub dated: Option<fn(&[u8])>,
    /// Raises a uwsgi signal; nothing where an instance has no such signals.
    pub signal: Option<fn(u8) -> Result<(), String>>,
    /// Sends a message to a mule, 0 for any of them; nothing where there are no mules.
    pub mule: Option<SendToMule>,
    /// Hands a notification to the agent of the machine; nothing without `snmp-agentx`.
    pub notify: Option<Notify>,
    /// Users of SNMPv3 (`snmp-user`).
    pub snmp_users: Vec<String>,
    /// Seals a notification from one of them; nothing where the engine does not run.
    pub seal: Option<Seal>,
    /// When the instance started, epoch microseconds.
    pub since_us: u64,
    /// Number of mules.
    pub mules: u32,
}
