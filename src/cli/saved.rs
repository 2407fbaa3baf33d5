//! Saved plans on disk.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::output::printable;
use crate::durable;
use crate::plan::saved::{BYTES_MAX, Error, Opened, PURPOSE, Saved};
use crate::secret::Secret;
use crate::ssh::PrivateKey;

/// The longest file of a key or a signature that is read.
const SHORT_BYTES_MAX: u64 = 64 << 10;

/// Where the signature of a file is, as `ssh-keygen -Y sign` puts it.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// Writes a plan into a file, whole or not at all, and its signature beside it.
///
/// # Errors
/// A file can't be written, or is something else than a file.
pub(crate) fn write(path: &Path, saved: &Saved, key: Option<&PrivateKey>) -> Result<(), CliError> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("the plan could not be saved to {shown}: {why}"));
    // Taking its name from a device or a pipe would take it away from everybody.
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(failed("it is there, and is no file".to_owned()));
    }
    let text = saved.text().map_err(|error| failed(error.to_string()))?;
    durable::replace(path, |file| file.write_all(text.as_bytes())).map_err(|error| failed(error.to_string()))?;
    let Some(key) = key else { return Ok(()) };
    let signature = key.sign(PURPOSE, text.as_bytes());
    durable::replace(&beside(path), |file| file.write_all(signature.as_bytes()))
        .map_err(|error| CliError::new(1, format!("the signature of {shown} could not be written: {error}")))
}

/// Reads a private key. One that everybody may read is no secret.
///
/// # Errors
/// It can't be read, or is none that can sign here.
pub(crate) fn key(path: &Path) -> Result<PrivateKey, CliError> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("the key {shown} can't be used: {why}"));
    let text = Secret::new(short(path).map_err(|error| failed(error.to_string()))?);
    let mode = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o006 != 0 {
        return Err(failed(format!("everybody may read or change it (mode {mode:04o})")).hint("chmod 0600 it"));
    }
    PrivateKey::of_text(&text).map_err(|error| {
        failed(error.to_string()).hint(format!(
            "it takes a key as `ssh-keygen -t ed25519 -N ''` makes it; with any other, `ssh-keygen -Y sign -n {PURPOSE} -f KEY \
             FILE` signs the saved plan"
        ))
    })
}

/// A short text file.
fn short(path: &Path) -> std::io::Result<String> {
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(SHORT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > SHORT_BYTES_MAX { Err(std::io::Error::other("it is too long")) } else { Ok(text) }
}

/// Reads a saved plan, and its signature if there is one.
///
/// # Errors
/// The file can't be read, is none, was changed, or is of a newer version.
pub(crate) fn read(path: &Path) -> Result<Opened, CliError> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("{shown} can't be applied: {why}"));
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.is_file() {
        return Err(failed("it is no file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    // One byte more than a plan may have is enough to see that it is none.
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    let signature = match short(&beside(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some(read.map_err(|error| failed(format!("its signature can't be read: {error}")))?),
    };
    Opened::read(bytes, signature).map_err(|error| {
        let hint = match error {
            Error::Newer { .. } => "use the version that wrote it, or a newer one",
            Error::Changed | Error::NoJson(_) | Error::NoText => {
                "take the file as `leasehold plan --out` wrote it, byte for byte, or make a new plan"
            }
            Error::Long | Error::Else | Error::Odd(_) => {
                "name a file that `leasehold plan --out` wrote, or the estate's directory"
            }
        };
        failed(printable(&error.to_string()).into_owned()).hint(hint)
    })
}
