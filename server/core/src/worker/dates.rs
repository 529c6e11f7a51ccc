//! Dates of request lines, each made again only when the second changes. Kept per core.

use crate::clock::SecondCache;

/// As Apache writes dates.
const APACHE: &str = "%d/%b/%Y:%H:%M:%S %z";

/// See the module.
#[derive(Default)]
pub(crate) struct Dates {
    ctime: SecondCache,
    ltime: SecondCache,
    ftime: SecondCache,
}

impl Dates {
    /// `Fri Nov 20 08:18:27 2026`
    pub(crate) fn ctime(&mut self, epoch_us: u64) -> &[u8] {
        self.ctime.ctime(epoch_us).as_bytes()
    }

    /// `20/Nov/2026:08:18:27 +0000`
    pub(crate) fn ltime(&mut self, epoch_us: u64) -> &[u8] {
        self.ltime.local(epoch_us, APACHE).as_bytes()
    }

    /// The format of the configuration.
    pub(crate) fn ftime(&mut self, epoch_us: u64, format: &str) -> &[u8] {
        self.ftime.local(epoch_us, format).as_bytes()
    }
}
