//! The server's certificate: read at start, and again on SIGHUP while connections go on.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::settings::{ClientCertificates, TlsFiles};
use crate::cli::error::CliError;

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the certificate and its key.
    pub(super) fn load(files: &TlsFiles) -> Result<Self, CliError> {
        Ok(Self { files: files.clone(), current: RwLock::new(read(files)?) })
    }

    /// Reads the files again. When that fails the certificate in use stays.
    pub(super) fn reload(&self) -> Result<(), CliError> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with whatever certificate is in use at the handshake.
    pub(super) fn server_config(self: Arc<Self>, clients: ClientCertificates) -> Result<Arc<ServerConfig>, CliError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| CliError::new(1, format!("TLS cannot be set up: {e}")))?;
        let builder = match clients {
            ClientCertificates::Asked => builder.with_client_cert_verifier(crate::engine::client_certificates()),
            ClientCertificates::NotAsked => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(self);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, CliError> {
    let failed = |path: &std::path::Path, what: String| CliError::new(1, format!("{}: {what}", path.display()));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|e| failed(&files.certificate, e.to_string()))?;
    if chain.is_empty() {
        return Err(failed(&files.certificate, "no certificate in it".to_owned()));
    }
    let mode = std::fs::metadata(&files.key).map_err(|e| failed(&files.key, e.to_string()))?.mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(failed(&files.key, format!("everybody can read this private key (mode {mode:04o})"))
            .hint("make a new key, or chmod 600 it if nobody has read it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| failed(&files.key, e.to_string()))?;
    let signer = provider().key_provider.load_private_key(key).map_err(|e| failed(&files.key, e.to_string()))?;
    let certified = CertifiedKey::new(chain, signer);
    // A key kind that cannot tell its public part is taken on trust; a mismatch is refused.
    if let Err(error @ rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) = certified.keys_match()
    {
        return Err(failed(&files.key, error.to_string()).hint("the key belongs to another certificate"));
    }
    Ok(Arc::new(certified))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use super::Certificate;
    use crate::cli::server::settings::{ClientCertificates, TlsFiles};

    fn write(dir: &Path, name: &str) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    #[test]
    fn a_reload_takes_up_the_new_certificate_and_keeps_the_old_one_over_a_broken_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = write(dir.path(), "a");
        let certificate = Certificate::load(&files).unwrap();
        let shown = || certificate.current.read().unwrap().cert.clone();
        let first = shown();
        write(dir.path(), "a");
        certificate.reload().unwrap();
        let second = shown();
        assert_ne!(first, second);
        std::fs::write(&files.certificate, "nothing").unwrap();
        assert!(certificate.reload().is_err());
        assert_eq!(shown(), second);
        assert!(Arc::new(certificate).server_config(ClientCertificates::Asked).is_ok());
    }

    #[test]
    fn a_key_of_another_certificate_or_for_everybody_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (write(dir.path(), "a"), write(dir.path(), "b"));
        assert!(Certificate::load(&TlsFiles { key: b.key, ..a.clone() }).is_err());
        std::fs::set_permissions(&a.key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Certificate::load(&a).unwrap_err().message.contains("mode 0644"));
    }
}
