//! A Unix socket that a server listens on: who may connect, and what becomes of its file.
//!
//! It is for its owner alone unless the configuration says otherwise. A file that a killed server left behind is replaced; one
//! that somebody listens on, or that is no socket, is not.

use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::cli::error::CliError;

const MODE: u32 = 0o600;

/// What the configuration says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Socket {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its mode, in octal digits.
    pub(super) mode: Option<String>,
    /// Its owner, by name or number.
    pub(super) user: Option<String>,
    /// Its group, by name or number.
    pub(super) group: Option<String>,
}

/// The file of a socket, which goes with this value.
pub(super) struct Bound(PathBuf);

impl Drop for Bound {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the socket's file is left behind");
        }
    }
}

impl Socket {
    /// Its mode.
    ///
    /// # Errors
    /// A text that is none.
    fn mode(&self) -> Result<u32, CliError> {
        let Some(text) = self.mode.as_deref().filter(|text| !text.is_empty()) else { return Ok(MODE) };
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.ok_or_else(|| {
            CliError::new(1, format!("socket_mode {text:?} is no mode")).hint("octal digits, such as 0660")
        })
    }

    /// Refuses what can't be meant.
    ///
    /// # Errors
    /// What.
    pub(super) fn check(&self) -> Result<(), CliError> {
        if !self.path.is_absolute() {
            let what = format!("the listener \"unix\" has the address {:?}", self.path.display().to_string());
            return Err(CliError::new(1, what).hint("a whole path, such as /run/leasehold/leasehold.sock"));
        }
        self.mode().map(drop)
    }

    /// Listens on it.
    ///
    /// # Errors
    /// Somebody else does; its file can't be made as it is to be.
    pub(super) fn listen(&self) -> Result<(UnixListener, Bound), CliError> {
        let path = &self.path;
        let failed =
            |e: std::io::Error| CliError::new(1, format!("cannot listen on the socket {}: {e}", path.display()));
        let mode = self.mode()?;
        let owner = |name: &Option<String>, file| name.as_deref().map(|name| number(name, file)).transpose();
        let (user, group) = (owner(&self.user, "/etc/passwd")?, owner(&self.group, "/etc/group")?);
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                let what = format!("somebody listens on the socket {} already", path.display());
                return Err(CliError::new(1, what).hint("stop it, or name another address in listener \"unix\""));
            }
            std::fs::remove_file(path).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let bound = Bound(path.clone());
        std::os::unix::fs::chown(path, user, group).map_err(failed)?;
        std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        Ok((listener, bound))
    }
}

/// The number of a user or a group, by a name or as it stands.
fn number(name: &str, file: &str) -> Result<u32, CliError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = std::fs::read_to_string(Path::new(file)).unwrap_or_default();
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    line.and_then(|line| line.split(':').nth(2)?.parse().ok()).ok_or_else(|| {
        CliError::new(1, format!("{file} has no {name:?}")).hint("the number of the user or group will do")
    })
}
