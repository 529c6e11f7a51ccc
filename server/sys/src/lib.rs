//! The one door to the kernel.
//!
//! Everything the server asks of Linux beyond the safe calls of `rustix` and `std` lives here,
//! wrapped so that the rest of the server needs no `unsafe`: fork and exec, signals, process
//! titles, listening sockets, queue lengths, users. It owns no state but the pending-signal word.
//! It refuses policy: which signal means what, who is respawned, when to retry.
#![allow(unsafe_code, reason = "the door to the kernel: raw calls, each argued where it stands")]

pub mod bpf;
pub mod capability;
pub mod cgroup;
pub mod companions;
pub mod cpu;
pub mod datagram;
pub mod diag;
pub mod env;
pub mod fault;
pub mod fd;
pub mod forked;
pub mod glob;
pub mod interfaces;
pub mod launch;
pub mod leftovers;
pub mod lock;
pub mod machine;
pub mod memory;
pub mod pass;
pub mod process;
pub mod procfs;
pub mod queue;
pub mod robust;
pub mod shared;
pub mod signal;
pub mod socket;
pub mod symbol;
pub mod title;
pub mod user;
