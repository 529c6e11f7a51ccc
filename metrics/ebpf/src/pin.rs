//! Pins: the maps with names in a file system that is mounted nowhere.
//!
//! Only the descriptor of it keeps it, so no pin outlives the server, however it ends. Others reach
//! it through the descriptor: `/proc/PID/fd/N/workers`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use uwsgi_sys::bpf;

use crate::live::Live;

impl Live {
    /// Where the maps are pinned.
    pub fn pins(&self) -> Option<BorrowedFd<'_>> {
        self.pins.as_ref().map(OwnedFd::as_fd)
    }

    /// Pins all maps, or lets the pins go.
    ///
    /// # Errors
    /// Those of the mount and of a pin; the probes go on without.
    pub fn set_pins(&mut self, wanted: bool) -> io::Result<()> {
        if wanted != self.pins.is_some() {
            self.pins = if wanted { Some(self.pin()?) } else { None };
        }
        Ok(())
    }

    fn pin(&self) -> io::Result<OwnedFd> {
        let pins = bpf::pins()?;
        for (name, map) in self.maps.fds() {
            bpf::pin(map, pins.as_fd(), name)?;
        }
        Ok(pins)
    }
}
