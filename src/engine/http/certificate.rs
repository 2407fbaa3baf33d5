//! The certificates of clients. Each is asked for one, may show any or none, and gets its connection all the same: what a
//! certificate is good for is judged where it is used, by an auth method.
//!
//! The handshake shows that a client has the key of its certificate. Of a certificate that can't be read there is no key,
//! so its signature shows nothing; such a client is taken for one without, as by a server that doesn't ask. What a
//! connection that was taken up again (RFC 8446, 2.2) shows is what the one before it showed to this process.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConnection, SignatureScheme};

use crate::engine::wire::presented::{Chain, Presented};

/// Bytes of the certificates of one client: several times what chains have. They are held as long as its connection.
const CHAIN_BYTES_MAX: usize = 16 << 10;

#[derive(Debug)]
struct Anybody(CryptoProvider);

/// What asks each client for a certificate and takes whatever it shows.
pub(in crate::engine) fn verifier() -> Arc<dyn ClientCertVerifier> {
    Arc::new(Anybody(rustls::crypto::aws_lc_rs::default_provider()))
}

/// Whether a certificate can be read, so that its key could be looked at.
fn is_readable(certificate: &CertificateDer<'_>) -> bool {
    ParsedCertificate::try_from(certificate).is_ok() && x509_parser::parse_x509_certificate(certificate).is_ok()
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None, which says that any may be shown.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let bytes: usize = intermediates.iter().chain([end_entity]).map(|certificate| certificate.len()).sum();
        match bytes > CHAIN_BYTES_MAX {
            true => Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
            false => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match is_readable(cert) {
            true => {
                rustls::crypto::verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
            }
            false => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match is_readable(cert) {
            true => {
                rustls::crypto::verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
            }
            false => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What the client of a connection showed in its handshake, which has ended well.
pub(super) fn presented(connection: &ServerConnection) -> Presented {
    let Some([own, between @ ..]) = connection.peer_certificates() else { return Presented::Nothing };
    // The same question as in the handshake: what was not read there proved nothing.
    if !is_readable(own) {
        return Presented::Nothing;
    }
    let Ok((_, read)) = x509_parser::parse_x509_certificate(own) else { return Presented::Nothing };
    let serial_number = read.serial.to_string();
    let between = between.iter().map(|certificate| certificate.clone().into_owned()).collect();
    Presented::Chain(Arc::new(Chain { own: own.clone().into_owned(), between, serial_number }))
}
