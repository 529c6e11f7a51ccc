//! The table of probes. A row is a function of the same name; `docs/usdt.md` is made of it.
//!
//! What is wanted most comes first: bpftrace before 0.24 reads six arguments, and a text is two.
#![allow(non_snake_case, reason = "tracers write names of probes with two underscores")]
#![allow(clippy::extra_unused_lifetimes, reason = "one macro for probes with and without texts")]

use super::{Argument, Probe};
use crate::fire::probes;

probes! {
    /// A worker has accepted a connection of the listening socket `socket` (from 0, as in the stats).
    /// `waited_ns` is its time in the accept queue, -1 when nobody measures it (`ebpf = accept`).
    connection__accept(worker: u32, fd: i32, socket: u32, waited_ns: i64);
    /// A worker closes a connection that has carried so many requests.
    connection__close(fd: i32, requests: u32);

    /// A request is complete and a core begins with it.
    request__start(worker: u32, core: u32, uri: text, method: text, remote: text);
    /// The plugin hands the request to an application.
    request__app(worker: u32, core: u32, app: i32);
    /// A request is over: answered, counted, not yet logged. `status` is 0 when nothing was answered.
    request__done(worker: u32, core: u32, status: u16, microseconds: u64, uri: text, rx: u64, tx: u64);
    /// Fires before `request__done` when the request took at least `log-slow` milliseconds. `waits` is
    /// the address of six 64-bit numbers, the nanoseconds it waited for a processor, disk, network, a
    /// lock, memory and in other system calls; 0 when nobody measures them (`ebpf = scheduler`).
    request__slow(worker: u32, core: u32, microseconds: u64, uri: text, waits: usize);

    /// The router has a request that waits for a worker; `fd` is the client's connection.
    gateway__request__start(gateway: u32, fd: i32, uri: text, method: text, remote: text);
    /// The router is done with it. `worker` and `core` are those that answered; both are -1 when the
    /// router answered with the error `status` or the client left (`status` 0).
    gateway__request__done(gateway: u32, fd: i32, worker: i32, core: i32, status: u16);

    /// A worker was forked; fires in the process that did it.
    worker__spawn(worker: u32, pid: i32);
    /// A worker accepts connections; fires in the worker.
    worker__ready(worker: u32);
    /// A worker has ended with an exit code, or by a signal. `reason` is the label of
    /// `uwsgi_worker_exits_total`.
    worker__exit(worker: u32, pid: i32, code: i32, signal: i32, reason: text);
    /// The master ends a worker whose core took longer than `harakiri` seconds, or than the
    /// application allowed.
    harakiri(worker: u32, pid: i32, core: u32, seconds: u64);

    /// A reload begins; `graceful` is 1 for SIGHUP, 0 for the brutal one.
    reload__begin(graceful: u8);
    /// All workers accept again; fires in the new master, up to a second later.
    reload__done(microseconds: u64);

    /// A mule takes a message.
    mule__message(mule: u32, message: text);
    /// A uwsgi signal is raised; `worker` and `mule` say by whom, 0 and 0 is the master.
    signal__raise(worker: u32, mule: u32, number: u8);
    /// The handler of a uwsgi signal begins in a worker or in a mule; the other one is 0.
    signal__handle(worker: u32, mule: u32, core: u32, number: u8);

    /// A message comes in for an alarm; fires in the observer, before limits of rate and repetition.
    alarm__raise(name: text, message: text);
    /// An alarm was tried. `outcome` is 0 delivered, 1 to be tried again, 2 given up.
    alarm__done(name: text, outcome: u8);
    /// A push to a receiver was tried; `delivered` is 1 when it has it.
    push__done(delivered: u8, microseconds: u64, pusher: text, target: text, bytes: u64);
    /// The observer's second is over: how late it began, how long it took.
    observer__tick(late_microseconds: u64, microseconds: u64);
    /// A line could not be written to the log and is given up.
    log__drop(bytes: u64);
}
