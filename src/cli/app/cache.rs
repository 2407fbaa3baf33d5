//! Credentials that are kept on the app's host, so that an SDK which runs `credential_process` at each start, and again
//! long before the end of a short lease, does not make an IAM user each time.
//!
//! One file a credential in the user's cache directory, for nobody else's eyes, named by a hash of what it is for: engine,
//! namespace, app, role, login and what was said of the credential itself. It is given again while at least half of its
//! life is left, and its embedded engine is the one that issued it: another may have come into the same directory. A
//! server's address is taken for the server, as asking it who it is would be the call that this spares. Nothing here ends
//! a credential: its lease does, or whoever revokes it; what `leasehold lease revoke` ends on this host is forgotten here.
//! A cache that can't be used is told of, and a fresh credential is as good. Two commands at once make one credential: the
//! second waits for a while, behind a lock that goes with the process which holds it, and finds what the first has kept.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::OFlags;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::super::context::Context;
use super::super::global::{Global, exactly};
use super::super::{embedded, output, token_file};
use super::Wanted;
use crate::durable;
use crate::keeper::Credential;
use crate::secret::Secret;

/// The form of the files; another is passed over.
const VERSION: u64 = 1;

/// How long another command may be at the same credential before it is told that this one waits.
const WAIT_TOLD: Duration = Duration::from_secs(2);
/// How long it is waited for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it is done.
const WAIT_POLL: Duration = Duration::from_millis(20);

/// Where one credential is kept. What is in it stays as it is until this is dropped.
pub(in crate::cli) struct Cache {
    file: PathBuf,
    /// The data directory of the engine, where it is embedded.
    data: Option<PathBuf>,
    /// Locked.
    _turn: File,
}

impl Cache {
    /// The place of a credential, once nobody else is at it. `None` where nothing can be kept, which is told.
    pub(in crate::cli) async fn of(wanted: &Wanted, global: &Global, context: &Context) -> Option<Self> {
        let directory = directory()?;
        let name = name_of(wanted, global, context);
        let data = wanted.data_dir(global, context);
        let locked = async {
            prepare(&directory)?;
            let turn = turn(&directory.join(format!("{name}.lock"))).await?;
            Ok::<_, std::io::Error>(Self { file: directory.join(format!("{name}.json")), data, _turn: turn })
        };
        locked.await.map_err(|error| unusable(&error.to_string())).ok()
    }

    /// What is kept, if at least half of its life is left.
    pub(in crate::cli) fn living(&self, now: OffsetDateTime) -> Option<Credential> {
        let text = match token_file::read_line(&self.file) {
            Ok(text) => text?,
            Err(error) => {
                let why = output::one_line(&error.message);
                output::say(&format!("warning: the credential that was kept is not used, a fresh one is: {why}\n"));
                return None;
            }
        };
        // What another version or a broken disk left is written anew.
        let kept: Value = serde_json::from_str(text.expose()).ok()?;
        let issued = OffsetDateTime::parse(kept["issued"].as_str()?, &Rfc3339).ok()?;
        let is_this = |credential: &Credential| kept["version"] == VERSION && credential.is_leased();
        let credential = Credential::kept(&kept["credential"]).filter(is_this)?;
        if kept["engine"] != self.engine() {
            return None;
        }
        // A clock that was set back says nothing about what AWS and the engine go by.
        (issued <= now && (credential.ends() - now) * 2 >= credential.ends() - issued).then_some(credential)
    }

    /// Which engine it is that is embedded, if one has ever been opened there.
    fn engine(&self) -> Value {
        self.data.as_deref().and_then(embedded::id).into()
    }

    /// Keeps a credential in the place of what was kept.
    pub(in crate::cli) fn keep(&self, credential: &Credential, now: OffsetDateTime) {
        let issued = now.format(&Rfc3339).unwrap_or_default();
        let text =
            json!({ "version": VERSION, "issued": issued, "engine": self.engine(), "credential": credential.json() });
        let text = Secret::new(text.to_string());
        let written = durable::replace(&self.file, |file| file.write_all(text.expose().as_bytes()));
        if let Err(error) = written {
            unusable(&format!("{}: {error}", self.file.display()));
        }
    }
}

/// Waits for the lock of a credential's place, and takes it.
async fn turn(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let turn = options.open(path)?;
    let began = Instant::now();
    let mut is_told = false;
    loop {
        match turn.try_lock() {
            Ok(()) => return Ok(turn),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if began.elapsed() > WAIT_MAX => {
                let waited = WAIT_MAX.as_secs();
                let why = format!("another process has held {} for more than {waited} s", path.display());
                return Err(std::io::Error::other(why));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told && began.elapsed() > WAIT_TOLD {
            output::say("waiting for another command that asks for the same credential …");
            is_told = true;
        }
        tokio::time::sleep(WAIT_POLL).await;
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

/// The name of a credential's files: the same for the same engine, namespace, app, role, login and choice, and tells none
/// of them.
fn name_of(wanted: &Wanted, global: &Global, context: &Context) -> String {
    let engine = wanted.engine(global, context);
    // One that leads elsewhere than the environment says was refused before.
    let of_estate = wanted.estate.as_ref().and_then(|estate| context.namespace(&estate.environment).ok().flatten());
    let namespace = of_estate.or_else(|| global.namespace()).or_else(|| wanted.namespace.clone()).unwrap_or_default();
    let own = exactly("LEASEHOLD_ROLE_ID").unwrap_or_default();
    let role = wanted.role.credentials();
    let login = &wanted.login;
    let parts = [&engine, &namespace, &wanted.app, &role, &login.method, &login.mount, &login.role_name, &own];
    let chosen = wanted.choice.parameters();
    let chosen = chosen.iter().flat_map(|(name, value)| [name, value]);
    // Each with its length, so that no two lists of parts are one text.
    let text: String = parts.into_iter().chain(chosen).map(|part| format!("{}:{part}", part.len())).collect();
    hex::encode(digest(&SHA256, text.as_bytes()))
}

fn unusable(why: &str) {
    output::say(&format!("warning: no credential is kept on this host: {}\n", output::one_line(why)));
}
