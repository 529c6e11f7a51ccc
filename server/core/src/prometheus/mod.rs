//! What the options of the Prometheus endpoint mean, and who may read it.
//!
//! Options become [`Prometheus`], which touches nothing; [`Guard`] is what a start makes of it:
//! certificates and secrets read, ready for the observer. The pages are made in
//! `uwsgi_metrics::prometheus`, the HTTP is in `observer::pull`.

mod credentials;
mod options;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use crate::log;
use credentials::Credentials;
pub use options::Prometheus;
pub(crate) use uwsgi_proto::Network;

/// Who is let in, and over what.
#[derive(Default)]
pub struct Guard {
    /// Who may ask; everybody when there are none.
    pub(crate) credentials: Credentials,
    /// Nobody is let in: what a reload found in the files is of no use.
    pub(crate) shut: bool,
    /// Streams are encrypted with this.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Guard {
    /// Reads what the options name. The error is the line for the log; at a reload there is none,
    /// because a certificate half exchanged must not end a site that serves, and nobody is let in
    /// until the next one.
    pub(crate) fn open(options: &Prometheus, reload: bool) -> Result<Guard, String> {
        if options.listen.is_empty() {
            return Ok(Guard::default());
        }
        Guard::read(options).or_else(|e| {
            if !reload {
                return Err(e);
            }
            log!("{e}");
            log!("prometheus: nobody is let in until a reload finds what it needs");
            Ok(Guard { shut: true, ..Guard::default() })
        })
    }

    fn read(options: &Prometheus) -> Result<Guard, String> {
        Ok(Guard {
            shut: false,
            credentials: Credentials::read(&options.auth)?,
            #[cfg(feature = "tls")]
            tls: options.tls.as_ref().map(tls::acceptor).transpose()?,
        })
    }
}
