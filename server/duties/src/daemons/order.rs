//! What a daemon is told, what it orders, and how it shows itself.

/// User and group a daemon runs with, as numbers; the line of a spawn shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// Why the daemons are asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The instance stops.
    Stop,
    /// The instance reloads.
    Reload,
}

/// A look at a pidfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pidfile {
    /// There is none.
    Absent,
    /// It cannot be read, or holds no pid; the reason as the log shows it.
    Unreadable(String),
    /// It names a process.
    Names {
        /// The process.
        pid: i32,
        /// It lives.
        alive: bool,
    },
}

impl Pidfile {
    /// A signal to process 1 or 0 would reach others: no daemon is ever one of these.
    pub(super) fn sane(self) -> Pidfile {
        match self {
            Pidfile::Names { pid, .. } if pid <= 1 => {
                Pidfile::Unreadable(format!("{pid} cannot be a daemon"))
            }
            seen => seen,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start daemon `id` and answer with [`super::Daemons::spawned`].
    ///
    /// The child resets its signals, closes what is not its own, leaves for `chdir` and a session
    /// of its own. Without `detach` it dies with the master or becomes a launcher that writes the
    /// pidfile itself; with it the process that is told outlives the master.
    Spawn {
        /// Number of the daemon.
        id: usize,
        /// The command stays in the foreground and has to be put in the background.
        detach: bool,
    },
    /// Send a signal.
    Signal {
        /// The process.
        pid: i32,
        /// Its whole process group is meant: it leads one.
        group: bool,
        /// Number of the signal.
        signal: i32,
    },
    /// Write `pid` and a newline to a file.
    WritePidfile {
        /// The file.
        path: String,
        /// The process.
        pid: i32,
    },
    /// Tell with [`super::Daemons::group_seen`] whether somebody of this process group lives.
    LookAtGroup {
        /// Number of the daemon.
        id: usize,
        /// The process that led it, which is buried.
        group: i32,
    },
    /// Stop the instance, gracefully.
    ShutDown,
}

/// Where a daemon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not run and shall not: it was not started yet, or this node is no lord.
    Down,
    /// It was started; one with a pidfile has not shown itself yet.
    Starting,
    /// It runs.
    Up,
    /// It ran already when the instance began.
    Adopted,
    /// It died too early: the next start waits.
    Throttled,
    /// It was asked to end.
    Stopping,
    /// The instance waits for it no more.
    Gone,
}

/// One daemon as the stats show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// Its process, 0 for none.
    pub pid: i32,
    /// How often it was started.
    pub spawns: u64,
    /// How the last process ended that was a child of the master.
    pub last_end: Option<End>,
    /// Seconds the last respawn had to wait.
    pub throttle_s: u64,
    /// Monotonic microseconds since when its process is known to run; 0 without one.
    pub up_since_us: u64,
}
