//! What runs beside requests: mules, spoolers, crons, daemons, vassals, legions, locks.

use serde::{Deserialize, Serialize};

use super::Process;

/// One mule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Mule {
    /// 1 and up.
    pub(crate) id: u64,
    /// Its process.
    pub(crate) process: Process,
    /// `idle` or `sigN`.
    pub(crate) status: String,
    /// Signals handled.
    pub(crate) signals: u64,
    /// Signals waiting.
    pub(crate) signal_queue: u64,
    /// Messages received.
    pub(crate) messages: u64,
    /// Messages lost.
    pub(crate) dropped: u64,
    /// Handlers that took too long.
    pub(crate) harakiri_count: u64,
    /// Last spawn.
    pub(crate) last_spawn: u64,
    /// Times spawned.
    pub(crate) respawn_count: u64,
}

/// One attached daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Daemon {
    /// Command.
    pub(crate) command: String,
    /// Process id, 0 when it does not run.
    pub(crate) pid: u64,
    /// Times started again.
    pub(crate) respawns: u64,
    /// `up`, `adopted`, `throttled` and so on; empty where the source does not tell.
    pub(crate) state: String,
    /// Since when it runs, 0 when it does not.
    pub(crate) since: u64,
    /// Seconds that the last start had to wait.
    pub(crate) throttle: u64,
    /// How its last process ended.
    pub(crate) last_exit: String,
}

/// One spooler.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Spooler {
    /// Directory.
    pub(crate) dir: String,
    /// Process id.
    pub(crate) pid: u64,
    /// Tasks done.
    pub(crate) tasks: u64,
    /// Times started again.
    pub(crate) respawns: u64,
    /// A task runs now.
    pub(crate) running: bool,
}

/// One command at times; -1 means every, -N every N.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cron {
    /// Minute, hour, day, month, day of the week.
    pub(crate) when: [i64; 5],
    /// Command.
    pub(crate) command: String,
    /// Never twice at once.
    pub(crate) unique: bool,
    /// Legion whose lord runs it; empty for none.
    pub(crate) legion: String,
    /// Process id, -1 when it does not run.
    pub(crate) pid: i64,
    /// When it began, 0 when it does not run.
    pub(crate) started_at: u64,
}

/// One lock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lock {
    /// Name.
    pub(crate) name: String,
    /// Process that holds it, 0 for none.
    pub(crate) holder: u64,
}

/// An emperor and its vassals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Emperor {
    /// Monitor arguments.
    pub(crate) monitors: Vec<String>,
    /// Tyrant mode, 0 or 1.
    pub(crate) tyrant: u64,
    /// Vassals in the order of the document.
    pub(crate) vassals: Vec<Vassal>,
    /// Vassals that are held back because they keep failing.
    pub(crate) banned: Vec<Banned>,
}

/// One vassal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Vassal {
    /// File name.
    pub(crate) id: String,
    /// Process id; may be negative.
    pub(crate) pid: i64,
    /// First seen.
    pub(crate) born: u64,
    /// Last change of its file.
    pub(crate) last_mod: u64,
    /// Last heartbeat, 0 without.
    pub(crate) last_heartbeat: u64,
    /// It has told that it is loyal.
    pub(crate) loyal: bool,
    /// It has told that it is ready.
    pub(crate) ready: bool,
    /// It has told that it accepts.
    pub(crate) accepting: bool,
    /// First and last start.
    pub(crate) first_run: u64,
    /// Last start.
    pub(crate) last_run: u64,
    /// When it was sentenced to end, 0 when it was not.
    pub(crate) cursed: u64,
    /// It shares the sockets of another one.
    pub(crate) zerg: bool,
    /// Socket that starts it, empty without.
    pub(crate) on_demand: String,
    /// User id.
    pub(crate) uid: u64,
    /// Group id.
    pub(crate) gid: u64,
    /// Who found it.
    pub(crate) monitor: String,
    /// Times started again.
    pub(crate) respawns: u64,
}

/// A vassal that is held back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Banned {
    /// File name.
    pub(crate) id: String,
    /// For how long, milliseconds.
    pub(crate) throttle_level: u64,
    /// Attempts.
    pub(crate) attempts: u64,
    /// First attempt.
    pub(crate) first_attempt: u64,
    /// Last attempt.
    pub(crate) last_attempt: u64,
}

/// One legion as this node sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Legion {
    /// Name.
    pub(crate) name: String,
    /// Address.
    pub(crate) addr: String,
    /// This node.
    pub(crate) uuid: String,
    /// Valor of this node.
    pub(crate) valor: u64,
    /// What nodes must agree on.
    pub(crate) checksum: u64,
    /// Votes a lord needs.
    pub(crate) quorum: u64,
    /// Since when this node is the lord, 0 when it is not.
    pub(crate) lord_since: u64,
    /// Valor of the lord.
    pub(crate) lord_valor: u64,
    /// The lord.
    pub(crate) lord_uuid: String,
    /// Configured nodes.
    pub(crate) nodes: Vec<String>,
    /// Nodes that were heard.
    pub(crate) members: Vec<Member>,
}

/// A node that was heard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    /// Name.
    pub(crate) name: String,
    /// Identity.
    pub(crate) uuid: String,
    /// Valor.
    pub(crate) valor: u64,
    /// What it agrees on.
    pub(crate) checksum: u64,
    /// When it was heard last.
    pub(crate) last_seen: u64,
}
