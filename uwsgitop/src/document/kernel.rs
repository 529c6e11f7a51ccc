//! What probes in the kernel count of each worker and socket, in a document with these details.

use serde_json::{Map, Value};

use super::deep::numbers;
use super::{number, object, objects, text};
use crate::human::clean;
use crate::picture::{Calls, Kernel, KernelSocket, KernelWorker, Times};

/// The object of that name.
pub(super) fn read(row: &Map<String, Value>) -> Kernel {
    Kernel {
        workers: objects(row, "workers").map(worker).collect(),
        sockets: objects(row, "sockets").map(socket).collect(),
    }
}

fn worker(row: &Map<String, Value>) -> KernelWorker {
    let waited = object(row, "waited_ns").into_iter().flatten();
    KernelWorker {
        id: number(row, "id"),
        run_queue: times(row, "run_queue"),
        off_cpu: times(row, "off_cpu"),
        switches: some(row, "switches"),
        migrations: number(row, "migrations"),
        waited: waited.map(|(name, ns)| (clean(name), ns.as_u64().unwrap_or(0))).collect(),
        calls: objects(row, "calls").map(calls).collect(),
        faults: some(row, "faults"),
        block: [times(row, "block_reads"), times(row, "block_writes")],
        block_bytes: some(row, "block_bytes"),
        block_errors: number(row, "block_errors"),
        oom: number(row, "oom"),
    }
}

fn calls(row: &Map<String, Value>) -> Calls {
    Calls { class: text(row, "class"), times: times(row, "times"), errors: number(row, "errors") }
}

fn socket(row: &Map<String, Value>) -> KernelSocket {
    KernelSocket {
        name: text(row, "name"),
        established: number(row, "established"),
        live: number(row, "live"),
        stalled: number(row, "live_stalled"),
        retransmits: number(row, "retransmits"),
        synack_retransmits: number(row, "synack_retransmits"),
        resets: some(row, "resets"),
        zero_windows: some(row, "zero_windows"),
        receive_queue_full: number(row, "receive_queue_full"),
        bytes: some(row, "bytes"),
        rtt: times(row, "rtt"),
        live_rtt: number(row, "live_rtt_ns"),
        limited: some(row, "limited_ns"),
    }
}

/// The first numbers of a list, 0 where it has fewer.
fn some<const N: usize>(row: &Map<String, Value>, key: &str) -> [u64; N] {
    let mut all = numbers(row, key).into_iter();
    std::array::from_fn(|_| all.next().unwrap_or(0))
}

fn times(row: &Map<String, Value>, key: &str) -> Times {
    let [count, sum, p99] = some(row, key);
    Times { count, sum, p99 }
}

#[cfg(test)]
mod tests {
    use crate::document::parse;
    use crate::picture::Times;

    #[test]
    fn numbers_of_workers_and_sockets_are_read() {
        let json = br#"{"details":1,"kernel":{"workers":[{"id":2,"run_queue":[3,900,400],
            "switches":[5],"waited_ns":{"disk":7},"calls":[{"class":"read","errors":1,"times":[1,2,3]}],
            "block_bytes":[8,9,10],"faults":"x"}],"sockets":[{"name":"a:1","bytes":[1,2]}]}}"#;
        let kernel = parse(json).unwrap().kernel.unwrap();
        let worker = &kernel.workers[0];
        assert_eq!((worker.id, worker.run_queue), (2, Times { count: 3, sum: 900, p99: 400 }));
        assert_eq!((worker.switches, worker.block_bytes, worker.faults), ([5, 0], [8, 9], [0, 0]));
        assert_eq!((worker.waited[0].1, worker.calls[0].times.p99), (7, 3));
        assert_eq!((kernel.sockets[0].name.as_str(), kernel.sockets[0].bytes), ("a:1", [1, 2]));
    }
}
