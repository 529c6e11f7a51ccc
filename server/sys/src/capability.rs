//! Capabilities of the calling thread, as bit masks in the kernel's numbering.
//!
//! Owns the system calls only: which capabilities are kept and when is decided by the caller, who
//! has one thread at that time.

use std::io;

use rustix::thread::{self, CapabilitySet, CapabilitySets};

/// What this thread may do, may take on, and hands to what it executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sets {
    /// In effect now.
    pub effective: u64,
    /// May be put into effect.
    pub permitted: u64,
    /// Inherited by programs that ask for them.
    pub inheritable: u64,
}

/// The sets of this thread.
pub fn sets() -> io::Result<Sets> {
    let sets = thread::capabilities(None)?;
    Ok(Sets {
        effective: sets.effective.bits(),
        permitted: sets.permitted.bits(),
        inheritable: sets.inheritable.bits(),
    })
}

/// Replaces the sets of this thread.
pub fn set(sets: Sets) -> io::Result<()> {
    let set = CapabilitySet::from_bits_retain;
    Ok(thread::set_capabilities(
        None,
        CapabilitySets {
            effective: set(sets.effective),
            permitted: set(sets.permitted),
            inheritable: set(sets.inheritable),
        },
    )?)
}

/// What is permitted stays so when this process becomes another user.
pub fn keep_over_setuid() -> io::Result<()> {
    Ok(thread::set_keep_capabilities(true)?)
}

/// Hands `mask`, which must be permitted and inheritable, to the next program executed.
pub fn raise_ambient(mask: u64) -> io::Result<()> {
    for number in (0..64).filter(|number| mask & (1 << number) != 0) {
        let one = CapabilitySet::from_bits_retain(1 << number);
        thread::configure_capability_in_ambient_set(one, true)?;
    }
    Ok(())
}

/// Hands nothing on any more.
pub fn clear_ambient() -> io::Result<()> {
    Ok(thread::clear_ambient_capability_set()?)
}
