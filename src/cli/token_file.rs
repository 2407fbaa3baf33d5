//! Files that hold a token: read and written so that nobody else can.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::error::CliError;
use crate::durable;
use crate::secret::Secret;

/// More is no token.
const BYTES_MAX: u64 = 64 << 10;

/// Where `leasehold login` keeps the token of a server.
pub(crate) fn helper() -> Option<PathBuf> {
    in_home(".leasehold-token")
}

/// Where `vault login` keeps it.
pub(crate) fn vault_helper() -> Option<PathBuf> {
    in_home(".vault-token")
}

fn in_home(name: &str) -> Option<PathBuf> {
    super::global::exactly("HOME").map(|home| Path::new(&home).join(name))
}

/// Reads a token; `None` when there is no such file or it is empty.
///
/// # Errors
/// When the file is a symbolic link, not a file, or readable by others, and when reading fails.
pub(crate) fn read(path: &Path) -> Result<Option<Secret>, CliError> {
    Ok(read_line(path)?.map(|line| Secret::new(line.expose().trim())).filter(|token| !token.is_empty()))
}

/// The same of any secret: what the file's line says, blanks and all.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_line(path: &Path) -> Result<Option<Secret>, CliError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = match OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(CliError::new(
                1,
                format!("the token file {} is a symbolic link, which is not followed", path.display()),
            ));
        }
        Err(error) => return Err(failed("could not be opened", path, &error)),
    };
    let metadata = file.metadata().map_err(|error| failed("could not be looked at", path, &error))?;
    if !metadata.is_file() {
        return Err(CliError::new(1, format!("the token file {} is not a file", path.display())));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let problem = format!("the token file {} may be read or changed by others (mode {mode:04o})", path.display());
        return Err(CliError::new(1, problem).hint(format!("chmod 600 {}", path.display())));
    }
    let ours = rustix::process::geteuid();
    if metadata.uid() != ours.as_raw() && !ours.is_root() {
        return Err(CliError::new(1, format!("the token file {} belongs to another user", path.display())));
    }
    if metadata.len() > BYTES_MAX {
        return Err(CliError::new(1, format!("the token file {} is too big to be one", path.display())));
    }
    let mut text = String::new();
    (&file).take(BYTES_MAX).read_to_string(&mut text).map_err(|error| failed("could not be read", path, &error))?;
    let token = Secret::new(text.trim_end_matches(['\r', '\n']));
    zeroize::Zeroize::zeroize(&mut text);
    Ok(Some(token).filter(|token| !token.is_empty()))
}

/// Writes a token with mode 0600, all of it or nothing, replacing what was there (a symbolic link
/// itself, not what it points to).
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, token: &Secret) -> Result<(), CliError> {
    durable::replace(path, |file| file.write_all(token.expose().as_bytes()))
        .map_err(|error| failed("could not be written", path, &error))
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(1, format!("the token file {} {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{read, write};
    use crate::secret::Secret;

    #[test]
    fn a_token_is_read_back_and_nobody_else_may_read_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        assert!(read(&path).unwrap().is_none());
        write(&path, &Secret::new("first")).unwrap();
        write(&path, &Secret::new("hvs.second")).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().expose(), "hvs.second");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_file_open_to_others_is_refused_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        for mode in [0o644, 0o640, 0o660, 0o602] {
            std::fs::write(&path, "hvs.x").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.hints[0].starts_with("chmod 600"), "{mode:o}");
        }
    }

    #[test]
    fn links_and_devices_are_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (path, target) = (home.path().join("token"), home.path().join("target"));
        std::fs::write(&target, "kept").unwrap();
        symlink(&target, &path).unwrap();
        assert!(read(&path).unwrap_err().message.contains("symbolic link"));
        write(&path, &Secret::new("new")).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
        assert!(read(home.path()).unwrap_err().message.contains("not a file"));
    }
}
