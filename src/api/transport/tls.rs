//! What a TLS connection is checked against: system roots or a given CA, a client certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::super::answer::Error;
use super::super::fault::TlsFault;

/// How a server's certificate is checked, and who we say we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// A PEM file of CA certificates. With any CA given, the system's are not trusted.
    pub ca_cert: Option<PathBuf>,
    /// CA certificates as PEM text.
    pub ca_cert_pem: Option<String>,
    /// A directory of PEM files of CA certificates.
    pub ca_path: Option<PathBuf>,
    /// A PEM file with our certificate and its chain.
    pub client_cert: Option<PathBuf>,
    /// A PEM file with our certificate's key.
    pub client_key: Option<PathBuf>,
    /// The name that the server's certificate must carry, when it is not the address's host.
    pub server_name: Option<String>,
    /// Accept any certificate. Then anyone on the way can read tokens and credentials.
    pub skip_verify: bool,
}

impl TlsOptions {
    /// Reads the files and makes the client side of TLS.
    ///
    /// # Errors
    /// [`Error::Tls`], naming the file.
    pub(super) fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| problem("this program", error))?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.skip_verify {
            true => Arc::new(Unverified(provider)),
            false => self.verifier(provider)?,
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        match (&self.client_cert, &self.client_key) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(cert), Some(key)) => {
                let chain = certificates(cert)?;
                let private = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(&key.display(), error))?;
                builder.with_client_auth_cert(chain, private).map_err(|error| problem(&cert.display(), error))
            }
            (Some(cert), None) => Err(problem(&cert.display(), "a client certificate needs its key (--client-key)")),
            (None, Some(key)) => Err(problem(&key.display(), "a client key needs its certificate (--client-cert)")),
        }
    }

    /// Checks a server's certificate against the CAs that are trusted.
    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        let (roots, given) = self.roots()?;
        let checked = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| problem("the CA certificates", error))?;
        Ok(Arc::new(Given { checked, given }))
    }

    /// The CAs that are trusted, and the certificates that were given to us by name.
    fn roots(&self) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), Error> {
        let mut roots = RootCertStore::empty();
        let mut given = Vec::new();
        let mut add = |subject: &dyn std::fmt::Display, found: Vec<CertificateDer<'static>>| {
            given.extend(found.iter().cloned());
            found.into_iter().try_for_each(|cert| roots.add(cert).map_err(|error| problem(subject, error)))
        };
        if let Some(pem) = &self.ca_cert_pem {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
            add(&"the CA certificates of the environment", found.map_err(|error| problem("CACERT_BYTES", error))?)?;
        }
        if let Some(file) = &self.ca_cert {
            add(&file.display(), certificates(file)?)?;
        }
        if let Some(directory) = &self.ca_path {
            for file in files(directory)? {
                add(&file.display(), certificates(&file)?)?;
            }
        }
        if self.ca_cert_pem.is_some() || self.ca_cert.is_some() || self.ca_path.is_some() {
            return Ok((roots, given));
        }
        let native = rustls_native_certs::load_native_certs();
        // Single files that can't be read are common in system stores; having none at all is not.
        roots.add_parsable_certificates(native.certs);
        match roots.is_empty() {
            true => Err(problem("the system's certificates", "none found; name a CA file (--ca-cert)")),
            false => Ok((roots, given)),
        }
    }
}

/// The usual check, which also takes a server's certificate that is the very one that was given to us, though it calls
/// itself a CA: `openssl req -x509` makes such certificates. Then it is checked for its dates and its name; that the
/// server has its key is seen from the handshake.
#[derive(Debug)]
struct Given {
    checked: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Given {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self.checked.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match checked {
            Err(error) if is_ca_as_server(&error) && self.given.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checked.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.checked.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.checked.supported_verify_schemes()
    }
}

/// Whether all that is wrong is that a CA serves. The dates have been found good then: webpki looks at them first
/// (rustls-webpki, `check_issuer_independent_properties`). The variant is of a type that rustls does not hand on.
fn is_ca_as_server(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

/// What a handshake failed by.
pub(super) fn fault(error: &std::io::Error) -> TlsFault {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => TlsFault::NotTls,
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => TlsFault::UnknownIssuer,
        Some(error) if is_ca_as_server(error) => TlsFault::CaAsServer,
        _ => TlsFault::Other,
    }
}

fn problem(subject: &(impl std::fmt::Display + ?Sized), problem: impl std::fmt::Display) -> Error {
    Error::Tls { subject: subject.to_string(), problem: problem.to_string(), fault: TlsFault::Other }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let wrong = |error| problem(&file.display(), error);
    let found: Vec<_> = CertificateDer::pem_file_iter(file).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    match found.is_empty() {
        true => Err(problem(&file.display(), "holds no certificate in PEM form")),
        false => Ok(found),
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(directory).map_err(|error| problem(&directory.display(), error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| problem(&directory.display(), error))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `--tls-skip-verify`: any certificate will do, but the handshake's own signatures still must hold.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
