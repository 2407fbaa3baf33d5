//! Files that an agent writes for apps which read their credential from one.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, fchown};
use std::path::PathBuf;

use serde::Deserialize;

use super::credential::Credential;
use crate::durable;
use crate::secret::Secret;

/// What a file's mode is, where it is none.
pub const MODE_FIX: &str = "octal digits in quotes: mode: \"0640\"";

/// A file that is written for an app.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct KeptFile {
    /// Where.
    pub path: PathBuf,
    /// In which form.
    pub form: Form,
    /// The profile, in a shared credentials file.
    #[serde(default = "default_profile", deserialize_with = "profile")]
    pub profile: String,
    /// Its mode, in octal digits.
    mode: Option<String>,
    /// Whose it is, by number.
    #[serde(default, deserialize_with = "by_number")]
    pub owner: Option<u32>,
    /// Which group's it is, by number.
    #[serde(default, deserialize_with = "by_number")]
    pub group: Option<u32>,
}

/// What a shared credentials file takes as a name between brackets.
///
/// # Errors
/// Which sign it is.
fn profile<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name: String = serde::Deserialize::deserialize(deserializer)?;
    match name.chars().find(|&sign| sign.is_control() || "[]#;".contains(sign)) {
        _ if name.trim() != name || name.is_empty() => {
            Err(serde::de::Error::custom("a profile's name is not empty, and has no blanks around it"))
        }
        Some(sign) => Err(serde::de::Error::custom(format!("a profile's name has no {sign:?}"))),
        None => Ok(name),
    }
}

/// Whose a file is: names are what a host makes of them, and a container has others.
///
/// # Errors
/// Anything else.
fn by_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let value: serde_yaml::Value = serde::Deserialize::deserialize(deserializer)?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.map(Some).ok_or_else(|| serde::de::Error::custom("it is told by its number, as `id NAME` prints it"))
}

fn default_profile() -> String {
    "default".to_owned()
}

/// The form of a file.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As `~/.aws/credentials`.
    SharedCredentials,
    /// As `docker run --env-file` and systemd's `EnvironmentFile` take it.
    Env,
    /// As a `credential_process` prints it.
    Process,
}

impl KeptFile {
    /// Its mode; 0600 unless something else is said.
    ///
    /// # Errors
    /// What is no mode; [`MODE_FIX`] says what is one.
    pub fn mode(&self) -> Result<u32, String> {
        let Some(text) = &self.mode else { return Ok(0o600) };
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.ok_or_else(|| format!("the mode {text:?} of {} is none", self.path.display()))
    }

    /// Writes the file, all of it or nothing, with its mode and owner before it has its name.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self, credential: &Credential) -> std::io::Result<()> {
        let mode = self.mode().map_err(std::io::Error::other)?;
        let text = text(self, credential);
        durable::replace(&self.path, |file| {
            file.write_all(text.expose().as_bytes())?;
            if self.owner.is_some() || self.group.is_some() {
                fchown(&*file, self.owner, self.group)?;
            }
            file.set_permissions(std::fs::Permissions::from_mode(mode))
        })
    }
}

fn text(file: &KeptFile, credential: &Credential) -> Secret {
    let mut text = String::new();
    match file.form {
        // AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
        Form::SharedCredentials => {
            text.push_str(&format!("[{}]\n", file.profile));
            for (name, value) in credential.variables() {
                text.push_str(&format!("{} = {}\n", name.to_lowercase(), value.expose()));
            }
        }
        // What AWS issues is of the alphabet of Base64, which nobody needs to quote.
        Form::Env => {
            for (name, value) in credential.variables() {
                text.push_str(&format!("{name}={}\n", value.expose()));
            }
        }
        Form::Process => text.push_str(&format!("{}\n", credential.process())),
    }
    Secret::new(text)
}
