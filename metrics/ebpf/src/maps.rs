//! The maps that programs and the server share: their names, sizes, and their rows in our memory.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use uwsgi_metrics::{
    EndRow, KernelSocketRow, KernelWorkerRow, ListenerRow, Row, Table, ThreadRow, Words,
};

/// Connections whose completion is remembered at a time.
pub const STAMPS: usize = 65_536;
/// Places for thread ids of cores.
pub const TIDS: usize = 8_192;
/// Places looked at for one thread id.
pub const TID_TRIES: usize = 4;
/// Places for pids of this server.
pub const PIDS: usize = 8_192;
/// Places looked at for one pid.
pub const PID_TRIES: usize = 4;
/// Numbers of processes that are no workers begin here.
pub const NO_WORKER: u32 = 1 << 24;
/// Signals that are remembered.
pub const ENDS: usize = 512;
/// Numbers of system calls that programs look up.
pub const CALLS: usize = 8_192;
/// Words of the bits of ports.
pub const PORTS: usize = 8_192;
/// Ports in one of them: more would fit, but a mapping is not smaller than that.
pub const PORTS_EACH: usize = 65_536 / PORTS;
/// Listening TCP sockets that are told apart.
pub const LISTENERS: usize = 64;

/// What the configuration says of the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Worker processes.
    pub workers: u32,
    /// Cores of each.
    pub cores: u32,
}

impl Sizes {
    fn threads(self) -> usize {
        self.workers as usize * self.cores as usize
    }

    /// The rows that each map holds whose size the configuration decides.
    pub(crate) fn rows(self) -> [(&'static str, usize); 5] {
        [
            ("workers", Table::<KernelWorkerRow>::room(self.workers as usize + 1)),
            ("sockets", Table::<KernelSocketRow>::room(LISTENERS)),
            ("threads", Table::<ThreadRow>::room(self.threads())),
            ("listeners", Table::<ListenerRow>::room(LISTENERS)),
            ("ends", Table::<EndRow>::room(ENDS)),
        ]
    }
}

/// Names of the maps, in the order in which their descriptors are kept.
pub const NAMES: [&str; 10] = [
    "workers",
    "sockets",
    "listeners",
    "ports",
    "threads",
    "tids",
    "pids",
    "stamps",
    "ends",
    "calls",
];

/// The maps in this process's memory; children of a fork share them.
#[derive(Debug)]
pub struct Maps {
    fds: Vec<OwnedFd>,
    /// By worker, from 1.
    pub workers: Table<KernelWorkerRow>,
    /// By listening TCP socket, from 0.
    pub sockets: Table<KernelSocketRow>,
    /// The listening TCP sockets that programs look for; those in use come first.
    pub listeners: Table<ListenerRow>,
    /// A bit for each of their ports.
    pub ports: Words,
    /// By worker and core.
    pub threads: Table<ThreadRow>,
    /// Who is a core.
    pub tids: Words,
    /// Who is a process of this server.
    pub pids: Words,
    /// When connections were completed: pairs of cookie and time.
    pub stamps: Words,
    /// The last signals.
    pub ends: Table<EndRow>,
    /// Classes of system calls.
    pub calls: Words,
}

impl Maps {
    /// Maps descriptors in the order of [`NAMES`].
    ///
    /// # Errors
    /// Those of mmap; `InvalidInput` when there are too few.
    pub fn map(fds: Vec<OwnedFd>, sizes: Sizes) -> io::Result<Maps> {
        let [workers, sockets, listeners, ports, threads, tids, pids, stamps, ends, calls] =
            &fds[..]
        else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok(Maps {
            workers: table(workers, sizes.workers as usize + 1)?,
            sockets: table(sockets, LISTENERS)?,
            listeners: table(listeners, LISTENERS)?,
            ports: Words::map(ports.as_fd(), PORTS)?,
            threads: table(threads, sizes.threads())?,
            tids: Words::map(tids.as_fd(), TIDS)?,
            pids: Words::map(pids.as_fd(), PIDS)?,
            stamps: Words::map(stamps.as_fd(), STAMPS * 2)?,
            ends: table(ends, ENDS)?,
            calls: Words::map(calls.as_fd(), CALLS)?,
            fds,
        })
    }

    /// The descriptors with their names.
    pub fn fds(&self) -> impl Iterator<Item = (&'static str, BorrowedFd<'_>)> {
        NAMES.into_iter().zip(self.fds.iter().map(OwnedFd::as_fd))
    }
}

fn table<T: Row>(fd: &OwnedFd, rows: usize) -> io::Result<Table<T>> {
    Table::map(fd.as_fd(), rows)
}

#[cfg(test)]
impl Maps {
    /// Maps that no program knows.
    pub(crate) fn of_files(sizes: Sizes) -> Maps {
        let thread = uwsgi_sys::process::thread_id();
        let one = |name: &str| {
            let path = std::env::temp_dir().join(format!("uwsgi-map-{name}-{thread}"));
            let options = || std::fs::File::options().read(true).write(true).clone();
            let file = options().create_new(true).open(&path).unwrap();
            std::fs::remove_file(path).unwrap();
            file.set_len(8 << 20).unwrap();
            OwnedFd::from(file)
        };
        Maps::map(NAMES.into_iter().map(one).collect(), sizes).unwrap()
    }
}
