//! What network actions share: where a message goes, how a stream gets there, HTTP and SMTP.
//!
//! Owns deadlines and the words for what went wrong, which begin as libcurl's do, because scripts
//! know those. It refuses to retry: whoever runs an action decides that by [`Failure::again`].

pub(crate) mod dial;
pub(crate) mod http;
pub(crate) mod mail;
pub(crate) mod smtp;
pub(crate) mod target;
pub(crate) mod tls;

use std::future::Future;
use std::time::Duration;

use crate::Facts;
use crate::action::{Failure, arguments::Arguments};

/// How long a delivery may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Until there is a connection.
    pub(crate) connect: Duration,
    /// All of it.
    pub(crate) whole: Duration,
}

/// No delivery is given more than this, whatever its alarm says: a stream without any deadline
/// would hold its alarm for ever.
const LONGEST: u64 = 120;

impl Limits {
    /// `timeout` and `conn_timeout` of an argument; what is missing is the instance's.
    pub(crate) fn of(arguments: &Arguments<'_>, facts: &Facts) -> Result<Self, String> {
        let seconds = |key: &str| -> Result<Duration, String> {
            let wanted = arguments.seconds(key)?.unwrap_or(facts.timeout);
            // 0 is "no limit" to libcurl.
            Ok(Duration::from_secs(if wanted == 0 { LONGEST } else { wanted.min(LONGEST) }))
        };
        Ok(Self { connect: seconds("conn_timeout")?, whole: seconds("timeout")? })
    }
}

/// Gives `work` up after `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    place: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => {
            let seconds = limit.as_secs_f64();
            Err(Failure::passing(format!(
                "Timeout was reached ({place} did not finish within {seconds} s)"
            )))
        }
    }
}

/// Whose certificates are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those that the system trusts, for the host that was asked for.
    System,
    /// Any.
    Anybody,
}

/// A system error without Rust's own addition.
pub(crate) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((plain, _)) => plain.to_owned(),
        None => text,
    }
}
