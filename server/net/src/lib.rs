//! What everything that sends to other machines shares: where it goes, how a stream gets there,
//! TLS, one HTTP request, and one call of gRPC.
//!
//! Owns deadlines and the words for what went wrong, which begin as libcurl's do, because scripts
//! know those. It refuses to retry: whoever sends decides that by [`Failure::again`].

pub mod dial;
pub mod grpc;
pub mod http;
pub mod names;
pub mod target;
pub mod tls;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;

/// Why something could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the log and for a row of the arena, without any secret.
    pub text: String,
    /// True when another attempt may succeed (no connection, a server that is busy); false when
    /// it cannot (refused credentials, an address that is not accepted).
    pub again: bool,
}

impl Failure {
    /// A failure that another attempt may turn into a success.
    pub fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), again: true }
    }

    /// A failure that stays until somebody changes something.
    pub fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), again: false }
    }
}

/// How long an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until there is a connection.
    pub connect: Duration,
    /// All of it.
    pub whole: Duration,
}

/// Gives `work` up after `limit`.
///
/// # Errors
/// Those of `work`, and a passing failure that names `place` when the time is over.
pub async fn within<T>(
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
pub enum Trust {
    /// Those that the system trusts, for the host that was asked for.
    System,
    /// Any.
    Anybody,
    /// What files say. Whoever names files keeps them for as long as the process lives.
    Own(&'static Own),
}

/// Certificates in PEM files. They are read for each connection, because they are renewed while a
/// server runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Accept any certificate, as [`Trust::Anybody`] does.
    pub anybody: bool,
    /// Authorities to trust instead of those of the system.
    pub authorities: Option<PathBuf>,
    /// A certificate to show, with its key.
    pub shown: Option<(PathBuf, PathBuf)>,
}

/// A system error without Rust's own addition.
pub fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((plain, _)) => plain.to_owned(),
        None => text,
    }
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Reads base64, with padding or without; nothing when it is none.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
