//! TLS: the certificates that the system trusts, or those of `SSL_CERT_FILE`.
//!
//! Built with the feature `tls`, which is on by default. Without it every stream that should be
//! encrypted is refused, never opened in the clear.

use super::Failure;
use super::Trust;
use super::dial::Stream;

#[cfg(feature = "tls")]
mod with {
    use std::io;
    use std::path::Path;
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::pem::{self, PemObject};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
        SignatureScheme,
    };
    use tokio_rustls::TlsConnector;

    use super::{Failure, Stream, Trust};
    use crate::{Own, plain};

    /// An encrypted stream to `host` over a connected one.
    pub async fn over(stream: Stream, host: &str, trust: Trust) -> Result<Stream, Failure> {
        over_for(stream, host, trust, &[]).await
    }

    /// The same for one of these protocols.
    pub async fn over_for(
        stream: Stream,
        host: &str,
        trust: Trust,
        protocols: &[&[u8]],
    ) -> Result<Stream, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| Failure::lasting(format!("SSL connect error ({host}: {error})")))?;
        let mut config = config(trust)
            .map_err(|why| Failure::lasting(format!("Problem with the SSL CA cert ({why})")))?;
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let connector = TlsConnector::from(Arc::new(config));
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(judge(host, &error)),
        }
    }

    fn judge(host: &str, error: &io::Error) -> Failure {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(why)) => Failure::lasting(format!(
                "SSL peer certificate or SSH remote key was not OK ({host}: {})",
                fault(why)
            )),
            Some(other) => Failure::lasting(format!("SSL connect error ({host}: {other})")),
            None => Failure::passing(format!("SSL connect error ({host}: {})", plain(error))),
        }
    }

    /// What is wrong with a certificate; the rest of the words is for who debugs a library.
    fn fault(error: &CertificateError) -> String {
        use CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
        };
        match error {
            UnknownIssuer => "it is signed by nobody who is trusted".to_owned(),
            NotValidForName | NotValidForNameContext { .. } => "it is for another host".to_owned(),
            Expired | ExpiredContext { .. } => "it has expired".to_owned(),
            other => {
                let text = other.to_string();
                text.split_once(" {").map_or(text.as_str(), |(name, _)| name).to_owned()
            }
        }
    }

    fn config(trust: Trust) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let files = match trust {
            Trust::Own(files) => files,
            Trust::System | Trust::Anybody => &Own::default(),
        };
        let builder = if trust == Trust::Anybody || files.anybody {
            let verifier = Arc::new(Anybody(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier)
        } else {
            let store = match &files.authorities {
                Some(path) => authorities(path)?,
                None => trusted()?,
            };
            builder.with_root_certificates(store)
        };
        match &files.shown {
            None => Ok(builder.with_no_client_auth()),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|e| said(key, &e))?;
                let chain = chain(certificate)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())
            }
        }
    }

    fn said(path: &Path, error: &pem::Error) -> String {
        format!("{}: {error}", path.display())
    }

    fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let found = CertificateDer::pem_file_iter(path).map_err(|e| said(path, &e))?;
        found.collect::<Result<_, _>>().map_err(|e| said(path, &e))
    }

    fn authorities(path: &Path) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(chain(path)?);
        match store.is_empty() {
            true => Err(format!("{}: no certificate of an authority in it", path.display())),
            false => Ok(store),
        }
    }

    /// The authorities that the system, or `SSL_CERT_FILE`, trusts. Read for each connection: those
    /// of alarms and configurations are rare, and certificates are renewed while a server runs.
    ///
    /// # Errors
    /// The reason when there is none to trust.
    pub fn trusted() -> Result<RootCertStore, String> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!(
                "no certificate of an authority to trust{why}; SSL_CERT_FILE names a file of them"
            ));
        }
        Ok(store)
    }

    /// Accepts the certificate of anybody (`ssl_insecure`), who must yet own it.
    #[derive(Debug)]
    struct Anybody(Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

#[cfg(feature = "tls")]
pub use with::trusted;
#[cfg(feature = "tls")]
pub use with::{over, over_for};

/// Refuses: this build has no TLS.
#[cfg(not(feature = "tls"))]
pub async fn over(_: Stream, host: &str, _: Trust) -> Result<Stream, Failure> {
    Err(Failure::lasting(format!(
        "Unsupported protocol ({host} wants TLS, and this build has no TLS, feature \"tls\")"
    )))
}

/// Refuses: this build has no TLS.
#[cfg(not(feature = "tls"))]
pub async fn over_for(
    stream: Stream,
    host: &str,
    trust: Trust,
    _: &[&[u8]],
) -> Result<Stream, Failure> {
    over(stream, host, trust).await
}
