//! What one device writes, and where.

use std::path::PathBuf;

use super::loss::Noted;
use crate::secret::Secret;

/// What one device writes, and where.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// The file. Made with its directory (0700) if absent; a symbolic link is refused.
    pub path: PathBuf,
    /// The file's mode; execute bits are dropped. `None` leaves an existing file as it is and makes a new
    /// one with 0600.
    pub mode: Option<u32>,
    /// Whether accessors are hashed. Vault's default is yes.
    pub hmac_accessor: bool,
    /// Whether secrets are written in clear. Vault's default is no.
    pub log_raw: bool,
    /// Whether `keys` and `key_info` of lists are replaced by their counts.
    pub elide_list_responses: bool,
    /// Written before each line's JSON; may be empty. It holds no `{` and no control characters, so that
    /// readers find the JSON behind it.
    pub prefix: String,
    /// Keys the hashes. Must stay the same for the life of the device, or its hashes lose their meaning.
    pub salt: Secret,
    /// A directory whose files are not to be written, whatever path leads to them: where the engine keeps its data.
    pub kept_out_of: Option<PathBuf>,
    /// The last line as it was noted down ([`Trail::noted`](super::Trail::noted)), if it was.
    pub noted: Option<Noted>,
    /// Whether the engine made it, so that [`Trail::close_device`](super::Trail::close_device) does not take it away.
    pub built_in: bool,
}

impl DeviceOptions {
    /// A device with Vault's defaults: mode 0600, everything hashed, lists in full.
    pub fn new(path: PathBuf, salt: Secret) -> Self {
        Self {
            path,
            mode: Some(0o600),
            hmac_accessor: true,
            log_raw: false,
            elide_list_responses: false,
            prefix: String::new(),
            salt,
            kept_out_of: None,
            noted: None,
            built_in: false,
        }
    }
}
