//! A small file on an app's host that says what its estate would: where the engine is, how to log in, and which role.

use std::path::Path;

use serde::Deserialize;

use super::super::error::CliError;
use super::choice::Written;

/// More is no such file.
const BYTES_MAX: u64 = 64 << 10;

/// What the file says. It holds no secret.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct AppFile {
    /// The engine's address.
    pub(in crate::cli) address: Option<String>,
    /// The namespace there, of servers that have them.
    pub(in crate::cli) namespace: Option<String>,
    /// The app's name.
    pub(in crate::cli) app: Option<String>,
    /// The role, as MOUNT/ROLE.
    pub(in crate::cli) role: Option<String>,
    /// How to log in: the type of an auth method.
    pub(in crate::cli) login: Option<String>,
    /// Where that method is mounted.
    pub(in crate::cli) login_mount: Option<String>,
    /// The role to log in with, or the user.
    pub(in crate::cli) login_role: Option<String>,
    /// Which of the role's IAM roles sessions are of.
    pub(in crate::cli) role_arn: Option<String>,
    /// How long they live.
    pub(in crate::cli) ttl: Option<Written>,
    /// What they are called in AWS.
    pub(in crate::cli) role_session_name: Option<String>,
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
