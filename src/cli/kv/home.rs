//! Where a secret is: its mount, as the engine says, the version of that, and the rest of the path.

use super::Asked;
use crate::cli::error::CliError;
use crate::cli::request;

/// A secret as it is named: by a mount and a path below it, or by a path with its mount before it.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// The mount; PATH is then below it
    #[arg(long)]
    pub(super) mount: Option<String>,
    /// The secret
    pub(super) path: String,
}

/// A mount of secrets, and a path below it.
pub(super) struct Home {
    /// With a slash at its end.
    mount: String,
    rest: String,
    /// Whether it keeps versions.
    pub(super) versioned: bool,
}

impl Home {
    /// Asks the engine.
    ///
    /// # Errors
    /// What it says where there is no such mount, or the token may do nothing there; a mount of something else.
    pub(super) async fn find(asked: &Asked<'_>, at: &At) -> Result<Self, CliError> {
        let path = request::path(&at.path);
        let wanted = match &at.mount {
            Some(mount) => request::mount_path(mount),
            None => path.to_owned(),
        };
        let answer = asked.client.read(&format!("sys/internal/ui/mounts/{}", request::path(&wanted))).await;
        let answer = answer.map_err(|error| asked.failed("asking for the mount of", &wanted, &error))?;
        let data = answer.and_then(|answer| answer.data).unwrap_or_default();
        let text = |key: &str| data.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let mount = text("path").to_owned();
        if mount.is_empty() || !["kv", "generic", "cubbyhole"].contains(&text("type")) {
            let what = match text("type") {
                "" => format!("there is no mount of secrets at {wanted}"),
                kind => format!("{mount} is a mount of the type {kind}, and keeps no secrets"),
            };
            return Err(CliError::new(2, what).hint("`leasehold secrets list` shows the mounts"));
        }
        let versioned = data.get("options").is_some_and(|options| options["version"] == "2");
        let rest = match &at.mount {
            Some(_) => path,
            None => path.strip_prefix(mount.trim_end_matches('/')).unwrap_or_default().trim_start_matches('/'),
        };
        Ok(Self { rest: rest.to_owned(), mount, versioned })
    }

    /// Its path in a mount without versions.
    pub(super) fn plain(&self) -> String {
        format!("{}{}", self.mount, self.rest)
    }

    /// Its path in a folder of a mount with versions.
    pub(super) fn of(&self, folder: &str) -> String {
        format!("{}{folder}/{}", self.mount, self.rest)
    }
}
