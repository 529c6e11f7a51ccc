//! Options of listening sockets: which are shared, who gets them, how the kernel treats them.

use uwsgi_config::{Config, Entry, Finding};
use uwsgi_sys::socket::Buffers;

use super::bodies::{PATIENCE_S, Pace, RATE};
use super::number;

/// A socket that is opened early, as the user who started the server, for others to use as `=N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSpec {
    /// Address as written.
    pub address: String,
    /// A connection without data does not wake anybody.
    pub defer: bool,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sockets {
    /// Shared sockets; `=N` counts them from 0.
    pub shared: Vec<SharedSpec>,
    /// Owner of UNIX sockets, `user` or `user:group`.
    pub owner: Option<String>,
    /// Which workers serve a socket, by its number from 0; a socket absent here is everybody's.
    pub map: Vec<Mapping>,
    /// Addresses that this host need not have yet.
    pub freebind: bool,
    /// Pending connections of TCP Fast Open, 0 is off.
    pub fast_open: i32,
    /// Kernel buffers.
    pub buffers: Buffers,
    /// Longest wait for a client that takes no more bytes, seconds.
    pub send_timeout_s: u64,
    /// What a client may make the server wait that takes a response.
    pub taking: Pace,
    /// How much of answers may wait for slow clients without a core.
    pub drain: DrainBounds,
    /// A graceful stop closes the sockets at once.
    pub shutdown: bool,
    /// Modifiers of uwsgi packets that say 0.
    pub modifiers: (u8, u8),
    /// Processes take turns in accept.
    pub turns: bool,
}

/// Bytes of answers that the worker keeps for clients that take them slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainBounds {
    /// For one connection; 0 keeps nothing, and a core waits for each client.
    pub connection: usize,
    /// For all connections of a worker.
    pub worker: usize,
}

/// One socket and the workers that serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Number of the socket.
    pub socket: usize,
    /// Workers, from 1.
    pub workers: Vec<u32>,
}

impl Sockets {
    pub(super) fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Sockets {
        let size = |name| usize::try_from(config.int(name, 0)).unwrap_or(0);
        let bound = |name, default| usize::try_from(config.int(name, default)).unwrap_or(0);
        let rate = |name, default| number(config, name).unwrap_or(default);
        let small = |name| config.int(name, 0).clamp(0, 255) as u8;
        let timeout = config.int("so-send-timeout", 0);
        let timeout = if timeout > 0 { timeout } else { config.int("socket-timeout", 4) };
        Sockets {
            shared: config.entries.iter().filter_map(shared).collect(),
            owner: config.last("chown-socket").map(str::to_owned),
            map: map(config, faults),
            freebind: config.flag("freebind"),
            fast_open: config.int("tcp-fast-open", 0).clamp(0, i64::from(i32::MAX)) as i32,
            buffers: Buffers { send: size("socket-sndbuf"), receive: size("socket-rcvbuf") },
            send_timeout_s: u64::try_from(timeout).unwrap_or(0).max(1),
            taking: Pace::new(
                rate("socket-response-timeout", PATIENCE_S),
                rate("socket-response-min-rate", RATE),
            ),
            drain: DrainBounds {
                connection: bound("drain-limit", 512 << 10),
                worker: bound("drain-limit-worker", 64 << 20),
            },
            shutdown: config.flag("shutdown-sockets"),
            modifiers: (small("socket-modifier1"), small("socket-modifier2")),
            turns: config.flag("thunder-lock"),
        }
    }

    /// Whether `worker` serves the socket with this number.
    pub fn serves(&self, socket: usize, worker: u32) -> bool {
        let mapping = self.map.iter().find(|mapping| mapping.socket == socket);
        mapping.is_none_or(|mapping| mapping.workers.contains(&worker))
    }
}

fn shared(entry: &Entry) -> Option<SharedSpec> {
    let defer = match entry.row?.name {
        "shared-socket" => true,
        "undeferred-shared-socket" => false,
        _ => return None,
    };
    Some(SharedSpec { address: entry.value.clone()?, defer })
}

fn map(config: &Config, faults: &mut Vec<Finding>) -> Vec<Mapping> {
    let workers = config.int("processes", 1).max(1);
    let mut map: Vec<Mapping> = Vec::new();
    for entry in config.all("map-socket") {
        match mapping(entry.text(), workers) {
            Ok(new) => match map.iter_mut().find(|mapping| mapping.socket == new.socket) {
                Some(known) => known.workers.extend(new.workers),
                None => map.push(new),
            },
            Err((text, allowed)) => {
                faults.push(Finding::fault(text).about(entry).allowed(allowed));
            }
        }
    }
    map
}

/// One mapping, or what is wrong with it and what would do.
fn mapping(text: &str, workers: i64) -> Result<Mapping, (String, String)> {
    let syntax = || {
        let text = "invalid socket mapping, must be socket:worker[,worker...]";
        (text.to_owned(), "socket:worker[,worker]".to_owned())
    };
    let (socket, list) = text.split_once(':').ok_or_else(syntax)?;
    let socket = socket.trim().parse().map_err(|_| syntax())?;
    let number = |text: &str| {
        let number = text.trim().parse().ok().filter(|n| (1..=workers).contains(&i64::from(*n)));
        number.ok_or_else(|| {
            let text = format!("invalid worker num: {}", text.trim());
            (text, format!("numbers from 1 to {workers}, the workers"))
        })
    };
    Ok(Mapping { socket, workers: list.split(',').map(number).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_names_a_socket_and_workers_that_exist() {
        let workers = |text| mapping(text, 4).map(|mapping| (mapping.socket, mapping.workers));
        assert_eq!(workers("0:1"), Ok((0, vec![1])));
        assert_eq!(workers(" 2 : 4, 1 "), Ok((2, vec![4, 1])));
        for (text, part) in [
            ("0", "socket:worker"),
            ("x:1", "socket:worker"),
            ("-1:1", "socket:worker"),
            ("0:5", "invalid worker num: 5"),
            ("0:0", "invalid worker num: 0"),
            ("0:1,", "invalid worker num: "),
        ] {
            let (error, _) = mapping(text, 4).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_socket_without_a_mapping_is_everybodys() {
        let map = vec![Mapping { socket: 1, workers: vec![2] }];
        let sockets = Sockets { map, ..Sockets::default() };
        assert!(sockets.serves(0, 1) && sockets.serves(1, 2) && !sockets.serves(1, 1));
    }
}
