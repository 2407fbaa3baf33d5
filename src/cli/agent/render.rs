//! Files that an agent writes for apps which read their credential from one.

use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, fchown};

use super::config::{FileConfig, Form};
use crate::cli::app::credential::Credential;
use crate::durable;
use crate::secret::Secret;

impl FileConfig {
    /// Writes the file, all of it or nothing, with its mode and owner before it has its name.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self, credential: &Credential) -> std::io::Result<()> {
        let mode = self.mode().map_err(|error| std::io::Error::other(error.message))?;
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

fn text(file: &FileConfig, credential: &Credential) -> Secret {
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
