//! Listening sockets in the arena, and the kernel's bound on their backlogs.

use std::fs;

use uwsgi_metrics::{KernelSnap, Snapshot, SocketSnap};

use super::text;
use crate::picture::{Accept, End, Socket};

/// Sockets of workers, then those that only probes tell of: the fronts of a router.
pub(super) fn read(snapshot: &Snapshot) -> Vec<Socket> {
    let mut all: Vec<Socket> = snapshot.sockets.iter().map(socket).collect();
    let kernel = snapshot.kernel.as_deref();
    for (index, (row, _)) in kernel.iter().flat_map(|k| &k.sockets).enumerate() {
        let accept = kernel.and_then(|kernel| accept(kernel, index));
        let name = text(&row.name);
        match all.iter_mut().find(|socket| socket.name == name) {
            Some(known) => known.accept = accept,
            None => all.push(Socket { name, accept, ..Socket::default() }),
        }
    }
    all
}

fn accept(kernel: &KernelSnap, index: usize) -> Option<Accept> {
    let (row, waits) = kernel.sockets.get(index).filter(|_| kernel.attached("accept"))?;
    Some(Accept {
        count: waits.count,
        p50: waits.quantile(0.5),
        p99: waits.quantile(0.99),
        established: row.established,
        depth_sum: row.depth_sum,
        full: row.full,
        retransmits: kernel.attached("network").then_some(row.retransmits),
    })
}

fn socket(of: &SocketSnap) -> Socket {
    let row = &of.cells;
    let refused = [
        ("oversize", row.oversize),
        ("bad", row.bad),
        ("timeout", row.timeouts),
        ("eof", row.eof),
        ("vars", row.vars),
        ("limit_post", row.limit_post),
        ("slow_head", row.slow_head),
        ("slow_body", row.slow_body),
        ("slow_reader", row.slow_reader),
    ];
    let refused = refused.into_iter().filter(|(_, count)| *count > 0);
    Socket {
        name: text(&row.name),
        proto: text(&row.proto),
        queue: row.queue,
        max_queue: row.max_queue,
        shared: row.shared != 0,
        can_offload: row.can_offload != 0,
        accepted: Some(row.accepted),
        drops: Some(row.drops),
        waited: Some(row.waited),
        requests: Some(of.traffic.requests),
        aborted: Some(of.traffic.aborted),
        refused: refused.map(|(reason, count)| End { reason: reason.to_owned(), count }).collect(),
        ..Socket::default()
    }
}

/// The kernel's bound, where this process sees the same network as that one.
pub(super) fn somaxconn(pid: u64) -> Option<u64> {
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let same = network("self").filter(|own| network(&pid.to_string()).as_ref() == Some(own));
    same?;
    fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}
