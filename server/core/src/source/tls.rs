//! TLS for `https://`: the certificates that the system trusts, or those of `SSL_CERT_FILE`.
//!
//! Built with the feature `tls`, which is on by default.

use super::http::Timed;

#[cfg(feature = "tls")]
mod with {
    use std::sync::Arc;

    use rustls::crypto::ring;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, StreamOwned};
    use uwsgi_alarm::trusted;

    use super::Timed;

    /// An encrypted stream to `host` over a connected one. The handshake comes with the first
    /// bytes; a certificate that does not convince is an error of that read or write.
    pub(in crate::source) fn over(
        stream: Timed,
        host: &str,
    ) -> Result<StreamOwned<ClientConnection, Timed>, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(trusted()?)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), name);
        let connection = connection.map_err(|error| error.to_string())?;
        Ok(StreamOwned::new(connection, stream))
    }
}

#[cfg(feature = "tls")]
pub(super) use with::over;

/// Refuses: this build has no TLS.
#[cfg(not(feature = "tls"))]
pub(super) fn over(_: Timed, _: &str) -> Result<Timed, String> {
    Err("this build has no TLS (feature \"tls\")".to_owned())
}
