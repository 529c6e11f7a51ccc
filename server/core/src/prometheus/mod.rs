//! What the options of the Prometheus endpoint mean, and who may read it.
//!
//! Options become [`Prometheus`], which touches nothing; [`Guard`] is what a start makes of it:
//! certificates and secrets read, ready for the observer. The pages are made in
//! `uwsgi_metrics::prometheus`, the HTTP is in `observer::pull`.

mod credentials;
mod network;
mod options;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use credentials::Credentials;
pub(crate) use network::Network;
pub use options::Prometheus;

/// Who is let in, and over what.
#[derive(Default)]
pub struct Guard {
    /// Who may ask; everybody when there are none.
    pub(crate) credentials: Credentials,
    /// Streams are encrypted with this.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Guard {
    /// Reads what the options name. The error is the line for the log.
    pub(crate) fn open(options: &Prometheus) -> Result<Guard, String> {
        if options.listen.is_empty() {
            return Ok(Guard::default());
        }
        Ok(Guard {
            credentials: Credentials::read(&options.auth)?,
            #[cfg(feature = "tls")]
            tls: options.tls.as_ref().map(tls::acceptor).transpose()?,
        })
    }
}
