//! The classes of system calls, as programs read them.

use std::sync::atomic::Ordering::Relaxed;

use uwsgi_metrics::call_class;
pub use uwsgi_metrics::call_name;

use crate::maps::Maps;

/// Writes the class of each number, raised by one: a call that came after this build has one, too.
pub(crate) fn fill(maps: &Maps) {
    for (number, place) in (0..).zip(maps.calls.all()) {
        place.store(call_class(number) as u64 + 1, Relaxed);
    }
}
