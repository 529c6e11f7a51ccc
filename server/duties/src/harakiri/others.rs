//! Mules, spoolers, gateways and crons: one deadline, no grace. And the server without a master.

use super::Order;
use crate::{Line, Now, Steps, signal};

/// Who runs out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other<'a> {
    /// A mule.
    Mule {
        /// Its number.
        id: u32,
        /// The signal whose handler takes too long; none for a limit of its own.
        signal: Option<u8>,
    },
    /// A spooler.
    Spooler,
    /// A gateway.
    Gateway {
        /// Its name, for instance `uWSGI http`.
        name: &'a str,
        /// Its number.
        id: u32,
    },
    /// A command of a cron; it leads a process group.
    Cron {
        /// The command.
        command: &'a str,
    },
}

impl Other<'_> {
    fn text(&self, pid: i32) -> String {
        let who = match self {
            Other::Mule { id, signal: Some(signal) } => {
                format!("ON MULE {id} HANDLING SIGNAL {signal}")
            }
            Other::Mule { id, signal: None } => format!("ON MULE {id}"),
            Other::Spooler => "ON THE SPOOLER".to_owned(),
            Other::Gateway { name, id } => format!("ON GATEWAY {name} {id}"),
            Other::Cron { command } => format!("ON CRON \"{command}\""),
        };
        format!("*** HARAKIRI {who} (pid: {pid}) ***")
    }
}

/// Kills one process once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Single {
    /// The process that was killed and may not be reaped yet.
    shot: i32,
}

impl Single {
    /// Whether `pid` has passed its deadline (monotonic microseconds; none while it is idle).
    pub fn look(
        &mut self,
        now: Now,
        who: Other<'_>,
        pid: i32,
        deadline_us: Option<u64>,
    ) -> Steps<Order> {
        let mut steps = Steps::new();
        if pid > 1 && pid != self.shot && deadline_us.is_some_and(|at| now.us >= at) {
            self.shot = pid;
            steps.say(who.text(pid));
            let group = matches!(who, Other::Cron { .. });
            steps.order(Order::Signal { pid, group, signal: signal::KILL });
        }
        steps
    }
}

/// What a process without a master says when its alarm rings, before it exits with code 0.
pub fn without_master(pid: i32, app: i32) -> [Line; 3] {
    [
        Line::plain(""),
        Line::plain(format!("Killing the current process (pid: {pid} app_id: {app})...")),
        Line::plain(
            "*** if you want your workers to be automatically respawned consider enabling the \
             uWSGI master process ***",
        ),
    ]
}
