//! Credentials that are kept on the app's host, so that an SDK which runs `credential_process` at each start, and again
//! long before the end of a short lease, does not make an IAM user each time.
//!
//! One file a credential in the user's cache directory, for nobody else's eyes, named by a hash of what it is for: engine,
//! namespace, app, role and login. It is given again while at least half of its life is left. Nothing here ends a
//! credential: its lease does, or whoever revokes it; what `leasehold lease revoke` ends on this host is forgotten here. A
//! cache that can't be used is told of, and a fresh credential is as good. Two commands at once make one credential: the
//! second waits, behind a lock that goes with the process which holds it, and finds what the first has kept.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::context::Context;
use super::super::global::{Global, exactly};
use super::super::{output, token_file};
use super::Wanted;
use super::credential::Credential;
use crate::durable;
use crate::secret::Secret;

/// The form of the files; another is passed over.
const VERSION: u64 = 1;

/// Where one credential is kept. What is in it stays as it is until this is dropped.
pub(in crate::cli) struct Cache {
    file: PathBuf,
    /// Locked.
    _turn: File,
}

impl Cache {
    /// The place of a credential, once nobody else is at it. `None` where nothing can be kept, which is told.
    pub(in crate::cli) async fn of(wanted: &Wanted, global: &Global, context: &Context) -> Option<Self> {
        let directory = directory()?;
        let name = name_of(wanted, global, context);
        let opened = tokio::task::spawn_blocking(move || -> std::io::Result<Self> {
            prepare(&directory)?;
            let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).clone();
            let turn = options.open(directory.join(format!("{name}.lock")))?;
            turn.lock()?;
            Ok(Self { file: directory.join(format!("{name}.json")), _turn: turn })
        });
        match opened.await {
            Ok(Ok(cache)) => Some(cache),
            Ok(Err(error)) => {
                unusable(&error.to_string());
                None
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// What is kept, if at least half of its life is left.
    pub(in crate::cli) fn living(&self, now: OffsetDateTime) -> Option<Credential> {
        let text = match token_file::read_line(&self.file) {
            Ok(text) => text?,
            Err(error) => {
                unusable(&error.message);
                return None;
            }
        };
        // What another version or a broken disk left is written anew.
        let kept: Value = serde_json::from_str(text.expose()).ok()?;
        let issued = OffsetDateTime::parse(kept["issued"].as_str()?, &Rfc3339).ok()?;
        let credential = Credential::kept(&kept["credential"]).filter(|_| kept["version"] == VERSION)?;
        // A clock that was set back says nothing about what AWS and the engine go by.
        (issued <= now && (credential.ends() - now) * 2 >= credential.ends() - issued).then_some(credential)
    }

    /// Keeps a credential in the place of what was kept.
    pub(in crate::cli) fn keep(&self, credential: &Credential, now: OffsetDateTime) {
        let issued = now.format(&Rfc3339).unwrap_or_default();
        let text = json!({ "version": VERSION, "issued": issued, "credential": credential.json() }).to_string();
        let text = Secret::new(text);
        let written = durable::replace(&self.file, |file| file.write_all(text.expose().as_bytes()));
        if let Err(error) = written {
            unusable(&format!("{}: {error}", self.file.display()));
        }
    }
}

/// Forgets the kept credentials whose leases are among those that were revoked.
pub(in crate::cli) fn forget(is_revoked: impl Fn(&str) -> bool) {
    let Some(entries) = directory().and_then(|directory| std::fs::read_dir(directory).ok()) else { return };
    let files =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    for file in files {
        let Ok(Some(text)) = token_file::read_line(&file) else { continue };
        let kept: Value = serde_json::from_str(text.expose()).unwrap_or_default();
        if kept["credential"]["lease_id"].as_str().is_some_and(&is_revoked)
            && let Err(error) = std::fs::remove_file(&file)
        {
            unusable(&format!("{}: {error}", file.display()));
        }
    }
}

/// `$XDG_CACHE_HOME/leasehold/creds`, or below `~/.cache` (XDG Base Directory Specification, 0.8).
fn directory() -> Option<PathBuf> {
    let base = exactly("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| exactly("HOME").map(|home| Path::new(&home).join(".cache")))?;
    Some(base.join("leasehold").join("creds"))
}

/// Makes the directory, unless it is there; it must be ours alone.
fn prepare(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = std::fs::symlink_metadata(directory)?;
    let refused = |why: &str| std::io::Error::other(format!("{} {why}", directory.display()));
    if !metadata.is_dir() {
        return Err(refused("is not a directory"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(refused("may be read or changed by others; chmod 700 mends that"));
    }
    Ok(())
}

/// The name of a credential's files: the same for the same engine, namespace, app, role and login, and tells none of them.
fn name_of(wanted: &Wanted, global: &Global, context: &Context) -> String {
    let engine = wanted.engine(global, context);
    let namespace = global.namespace().unwrap_or_default();
    let own = exactly("LEASEHOLD_ROLE_ID").unwrap_or_default();
    let role = wanted.role.credentials();
    let login = &wanted.login;
    let parts = [&engine, &namespace, &wanted.app, &role, &login.method, &login.mount, &login.role_name, &own];
    // Each with its length, so that no two lists of parts are one text.
    let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    hex::encode(digest(&SHA256, text.as_bytes()))
}

fn unusable(why: &str) {
    output::say(&format!("warning: no credential is kept on this host: {}\n", output::one_line(why)));
}
