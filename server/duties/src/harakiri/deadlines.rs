//! When a core must be done.

use super::micros;

/// What the API says when there is no master to enforce a deadline.
pub const UNABLE: &str = "!!! unable to set user harakiri without the master process !!!";

/// A moment by which a core must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Monotonic microseconds.
    pub at_us: u64,
    /// The application has set it.
    pub user: bool,
}

/// What bounds a request, or the handler of a signal, that began at `since_us`: the limit of the
/// configuration (`limit_s`, 0 for none) and the application's own deadline (`user_us`, 0 for none).
/// Both hold and the earlier one counts; the configured one when both come together.
pub fn earliest(since_us: u64, limit_s: u64, user_us: u64) -> Option<Deadline> {
    let limit = (limit_s > 0)
        .then(|| Deadline { at_us: since_us.saturating_add(micros(limit_s)), user: false });
    let user = (user_us > 0).then_some(Deadline { at_us: user_us, user: true });
    limit.into_iter().chain(user).min_by_key(|deadline| (deadline.at_us, deadline.user))
}
