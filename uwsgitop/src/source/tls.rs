//! TLS over a connected, blocking stream.
//!
//! Owns whom a server's certificate must be signed by and what is shown to servers that ask. The
//! files are read once and again after a failure, because certificates are renewed while the screen
//! is open. Without the feature `tls` every encrypted source is refused, never asked in the clear.

use std::io::{self, Read, Write};

use crate::source::access::Access;

/// A stream that is encrypted or not.
pub(super) trait Duplex: Read + Write {}

impl<S: Read + Write> Duplex for S {}

/// What is kept between connections to one server.
#[derive(Default)]
pub(super) struct Tls {
    #[cfg(feature = "tls")]
    config: Option<std::sync::Arc<rustls::ClientConfig>>,
}

#[cfg(not(feature = "tls"))]
impl Tls {
    /// Refuses: this build has no TLS.
    pub(super) fn over<S: Duplex + 'static>(
        &mut self,
        host: &str,
        _: S,
        _: &Access,
    ) -> io::Result<Box<dyn Duplex>> {
        Err(io::Error::other(format!(
            "{host} wants TLS, and this uwsgitop was built without it (feature \"tls\")"
        )))
    }
}

#[cfg(feature = "tls")]
mod with {
    use std::path::Path;
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::pem::{self, PemObject};
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use rustls::{
        CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
        RootCertStore, SignatureScheme, StreamOwned,
    };

    use super::{Access, Duplex, Read, Tls, Write, io};

    impl Tls {
        /// An encrypted stream to `host` over a connected one; the handshake is done.
        ///
        /// # Errors
        /// What is wrong with a file, with the server's certificate or with the connection.
        pub(in crate::source) fn over<S: Duplex + 'static>(
            &mut self,
            host: &str,
            mut stream: S,
            access: &Access,
        ) -> io::Result<Box<dyn Duplex>> {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| io::Error::other(format!("\"{host}\": {error}")))?;
            let config = match self.config.take() {
                Some(config) => config,
                None => Arc::new(config(access).map_err(io::Error::other)?),
            };
            let mut session =
                ClientConnection::new(Arc::clone(&config), name).map_err(io::Error::other)?;
            while session.is_handshaking() {
                session.complete_io(&mut stream).map_err(refused)?;
            }
            self.config = Some(config);
            Ok(Box::new(Lenient(StreamOwned::new(session, stream))))
        }
    }

    /// A server that closes without a farewell has closed: whether the answer is whole is told by
    /// its length and its brackets. A refusal of our certificate comes with the first answer.
    struct Lenient<S: Read + Write>(StreamOwned<ClientConnection, S>);

    impl<S: Read + Write> Read for Lenient<S> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other.map_err(judged),
            }
        }
    }

    impl<S: Read + Write> Write for Lenient<S> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    /// An end before the beginning.
    fn refused(error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return io::Error::other("the server closed before TLS began: is it http://?");
        }
        judged(error)
    }

    /// Words for who runs servers instead of those for who debugs a library.
    fn judged(error: io::Error) -> io::Error {
        use rustls::AlertDescription::{CertificateRequired, HandshakeFailure};
        let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return error;
        };
        io::Error::other(match cause {
            Error::InvalidCertificate(why) => format!("the server's certificate {}", fault(why)),
            Error::AlertReceived(CertificateRequired | HandshakeFailure) => {
                "the server wants a certificate: give one with --cert".to_owned()
            }
            Error::InvalidMessage(_) => {
                "the server does not speak TLS there: use http://".to_owned()
            }
            other => format!("TLS: {other}"),
        })
    }

    fn fault(error: &CertificateError) -> String {
        use CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
        };
        match error {
            UnknownIssuer => {
                "is signed by nobody who is trusted: name who signed it with --ca".to_owned()
            }
            NotValidForName | NotValidForNameContext { .. } => "is for another host".to_owned(),
            Expired | ExpiredContext { .. } => "has expired".to_owned(),
            other => {
                let text = other.to_string();
                let name = text.split_once(" {").map_or(text.as_str(), |(name, _)| name);
                format!("is not accepted: {name}")
            }
        }
    }

    fn config(access: &Access) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = if access.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        } else {
            builder.with_root_certificates(match &access.authorities {
                Some(path) => authorities(path)?,
                None => trusted()?,
            })
        };
        let Some(certificate) = &access.certificate else {
            return Ok(builder.with_no_client_auth());
        };
        let key = access.key.as_ref().unwrap_or(certificate);
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| said(key, &error))?;
        let chain = chain(certificate)?;
        let named = |error: Error| format!("{}: {error}", certificate.display());
        builder.with_client_auth_cert(chain, secret).map_err(named)
    }

    fn said(path: &Path, error: &pem::Error) -> String {
        match error {
            pem::Error::NoItemsFound => format!("{}: no PEM of that kind in it", path.display()),
            other => format!("{}: {other}", path.display()),
        }
    }

    fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let found = CertificateDer::pem_file_iter(path).map_err(|error| said(path, &error))?;
        found.collect::<Result<_, _>>().map_err(|error| said(path, &error))
    }

    fn authorities(path: &Path) -> Result<RootCertStore, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(chain(path)?);
        if store.is_empty() {
            return Err(format!("--ca {}: no certificate of an authority in it", path.display()));
        }
        Ok(store)
    }

    fn trusted() -> Result<RootCertStore, String> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            return Err(format!("this system trusts no authority{why}: name one with --ca"));
        }
        Ok(store)
    }

    /// Accepts the certificate of anybody, who must yet own it.
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
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signed, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signed, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
