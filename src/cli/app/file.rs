//! A small file on an app's host that says what its estate would: where the engine is, how to log in, and which role.

use std::path::Path;

use serde::Deserialize;

use super::super::error::CliError;

/// More is no such file.
const BYTES_MAX: u64 = 64 << 10;

/// What the file says. It holds no secret.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct AppFile {
    /// The engine's address.
    pub(super) address: Option<String>,
    /// The app's name.
    pub(super) app: Option<String>,
    /// The role, as MOUNT/ROLE.
    pub(super) role: Option<String>,
    /// How to log in: the type of an auth method.
    pub(super) login: Option<String>,
    /// Where that method is mounted.
    pub(super) login_mount: Option<String>,
    /// The role to log in with, or the user.
    pub(super) login_role: Option<String>,
}

impl AppFile {
    /// Reads it.
    ///
    /// # Errors
    /// A file that can't be read, is no YAML, or says something that is not known.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let failed =
            |why: String| CliError::new(1, format!("{} can't be used as an app's file: {why}", path.display()));
        let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if length > BYTES_MAX {
            return Err(failed(format!("it has more than {} KiB", BYTES_MAX >> 10)));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        if text.trim().is_empty() {
            return Err(failed("it is empty".to_owned()));
        }
        serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))
    }
}
