//! Probes in the kernel: one folder for each, with its program, what the server does for it, and
//! what it costs.
//!
//! It owns the maps that programs and the server share, how programs are loaded and attached, and
//! what becomes of each probe. Everything it counts is copied into the arena by [`Live::fold`], and
//! whoever shows numbers reads the arena. Nothing else of the server depends on it: a probe that
//! cannot be loaded says why, in one line, and leaves its cells at zero.
//!
//! ```text
//! master, before privileges drop   load: object ─▶ maps ─▶ programs ─▶ links (descriptors)
//! master, after its sockets        listen: which sockets
//! worker                           register, begin and end of requests, waited: plain memory
//! observer                         fold: copies maps to the arena
//! reload                           descriptors go over the exec: programs stay, counts go on
//! ```

mod accept;
mod calls;
mod check;
mod fault;
pub mod layout;
mod listeners;
mod live;
mod load;
pub mod maps;
mod memory;
mod network;
mod offer;
mod pin;
mod probe;
mod process;
mod scheduler;
mod signals;
mod status;
mod syscalls;
mod thread;
mod tids;

pub use calls::call_name;
pub use check::check;
pub use live::Live;
pub use load::{OBJECT, load, load_from};
pub use maps::Sizes;
pub use network::Connections;
pub use offer::Offer;
pub use probe::{PROBES, Probe, Program, chosen};
pub use process::Process;
pub use signals::{Killer, Sender};
pub use status::{State, Status, describe, failed, receive, summary};
pub use thread::{Thread, Waited};
