//! What only a development server has: a certificate that it makes itself, and its root token where commands look for one.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::settings::TlsFiles;
use crate::cli::error::CliError;
use crate::cli::token_file;
use crate::durable;
use crate::engine::kernel::random;
use crate::secret::Secret;

/// What its certificate is for besides the names that are asked for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long it is good for. It is made anew with each start.
const VALID: Duration = Duration::days(30);

/// A directory that is removed with all that is in it when this value is dropped.
pub(super) struct Passing(PathBuf);

impl Passing {
    /// Makes one that nobody else looks into.
    pub(super) fn new() -> Result<Self, CliError> {
        let failed = |e: &dyn std::fmt::Display| {
            CliError::new(1, format!("cannot make a directory for a development server: {e}"))
        };
        let name = random::base62(16).map_err(|e| failed(&e))?;
        let directory = std::env::temp_dir().join(format!("leasehold-dev-{name}"));
        // Not recursive: that it did not exist before is what keeps others out.
        std::fs::DirBuilder::new().mode(0o700).create(&directory).map_err(|e| failed(&e))?;
        Ok(Self(directory))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(directory = %self.0.display(), %error, "what a development server keeps was left behind");
        }
    }
}

/// The certificate of a development server.
pub(super) struct DevTls {
    /// What it serves with.
    pub(super) files: TlsFiles,
    /// Whom its clients have to trust.
    pub(super) ca: PathBuf,
    _passing: Option<Passing>,
}

impl DevTls {
    /// Makes one for these names too, in a directory of somebody's, or in one that goes with this value. The key that
    /// signed it is kept nowhere.
    ///
    /// # Errors
    /// A name that can't be in a certificate; files that can't be written.
    pub(super) fn make(directory: Option<&Path>, names: &[String], now: OffsetDateTime) -> Result<Self, CliError> {
        let passing = if directory.is_none() { Some(Passing::new()?) } else { None };
        let directory = directory.or(passing.as_ref().map(Passing::path)).unwrap_or(Path::new("."));
        let failed = |e: &dyn std::fmt::Display| CliError::new(1, format!("cannot make a certificate: {e}"));
        let dated = |names: Vec<String>, name: &str| {
            let mut params = CertificateParams::new(names).map_err(|e| failed(&e))?;
            params.distinguished_name.push(DnType::CommonName, name);
            (params.not_before, params.not_after) = (now - Duration::days(1), now + VALID);
            Ok::<_, CliError>(params)
        };
        let mut ca = dated(Vec::new(), "Leasehold development CA")?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_key = KeyPair::generate().map_err(|e| failed(&e))?;
        let ca_text = ca.self_signed(&ca_key).map_err(|e| failed(&e))?.pem();

        let names = NAMES.iter().map(|name| (*name).to_owned()).chain(names.iter().cloned()).collect();
        let mut own = dated(names, "leasehold development server")?;
        own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(|e| failed(&e))?;
        let text = own.signed_by(&key, &Issuer::new(ca, ca_key)).map_err(|e| failed(&e))?.pem();

        let write = |name: &str, mode: u32, text: &Secret| {
            let path = directory.join(name);
            let written = durable::replace(&path, |file| {
                file.set_permissions(Permissions::from_mode(mode))?;
                file.write_all(text.expose().as_bytes())
            });
            written.map_err(|e| CliError::new(1, format!("{} can't be written: {e}", path.display()))).map(|()| path)
        };
        Ok(Self {
            ca: write("leasehold-ca.pem", 0o644, &Secret::new(ca_text))?,
            files: TlsFiles {
                certificate: write("leasehold-cert.pem", 0o644, &Secret::new(text))?,
                key: write("leasehold-key.pem", 0o600, &Secret::new(key.serialize_pem()))?,
            },
            _passing: passing,
        })
    }
}

/// The root token of a development server where `leasehold login` would have kept it, until the server ends.
pub(super) struct KeptToken {
    path: PathBuf,
    token: Secret,
}

impl KeptToken {
    /// Keeps it, unless there is one already: that may be of a server on which somebody depends.
    ///
    /// # Errors
    /// The file where one is, and why it is not this token's.
    pub(super) fn keep(token: &Secret) -> Result<Option<Self>, String> {
        let Some(path) = token_file::helper() else { return Ok(None) };
        match token_file::read(&path) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(format!("another token is in {}, and stays there", path.display())),
            Err(error) => return Err(error.message),
        }
        token_file::write(&path, token).map_err(|error| error.message)?;
        Ok(Some(Self { path, token: token.clone() }))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for KeptToken {
    fn drop(&mut self) {
        // Somebody may have logged in elsewhere meanwhile.
        let is_ours = matches!(token_file::read(&self.path), Ok(Some(found)) if found.expose() == self.token.expose());
        if is_ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the development server's token was left behind");
        }
    }
}
