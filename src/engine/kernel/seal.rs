//! The seal: how the barrier key is kept, and who may have the data directory.
//!
//! The barrier keys lie in the store ([`keyring`]), sealed by an unseal key that lies outside of it: a file of mode 0600
//! beside the store, made at first use, the same wrapped by a key service ([`kms`]), or shares that people hold
//! ([`shamir`], [`gate`]).
//!
//! At a first start the key is written, without its name yet; then the first batch of the store is committed, with the
//! barrier key and all else that a store begins with; then the key file gets its name. So after a kill there is no
//! store and a key that nobody needs; or a store and its key, which the next start gives its name. A key under its
//! name, and no store, never comes from a kill: the store was lost. Of a key elsewhere, which may be there before its
//! store, the engine's id beside the store says that there was one.

pub(crate) mod gate;
pub(crate) mod keyring;
mod kms;
pub(crate) mod shamir;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::keyring::Keyring;
use super::barrier::{Barrier, Cipher, KEY_LEN, KEYRING_KEY};
use super::random;
use super::store::{RawBatch, Store};
use crate::durable;
use crate::engine::setup::{ID_FILE, KeyFile, KeyService, OpenError};
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// The key file in the data directory.
pub(crate) const BESIDE: &str = "unseal.key";

/// The file of a key that a key service wrapped.
const WRAPPED: &str = "unseal.kms";

/// The form of that file.
const WRAPPED_FORM: u32 = 1;

/// Such a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedKey {
    format: u32,
    /// Which key wrapped it, as the configuration named it.
    key_id: String,
    /// What the service made of it, in base64.
    wrapped: String,
}

/// Longer files are not ours.
const FILE_BYTES_MAX: u64 = 4096;

/// A raw 32-byte key, wiped on drop.
pub(crate) type Key = Zeroizing<[u8; KEY_LEN]>;

/// The data directory, held by this process as long as this value lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// Makes the directory (mode 0700) if it is absent, and takes its lock.
    pub(crate) fn hold(path: &Path) -> Result<Self, OpenError> {
        let failed = |what: &str, e: std::io::Error| OpenError::Failed(format!("{what} {}: {e}", path.display()));
        durable::directory(path).map_err(|e| failed("cannot make the data directory", e))?;
        let metadata = std::fs::metadata(path).map_err(|e| failed("cannot look at the data directory", e))?;
        if metadata.mode() & 0o077 != 0 {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
                .map_err(|e| failed("cannot close the data directory to others (chmod 700)", e))?;
        }
        let mut lock = private(OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .open(path.join("engine.lock"))
            .map_err(|e| failed("cannot open engine.lock in", e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut address = String::new();
                // An unreadable address is an unknown one.
                let _ = (&mut lock).take(FILE_BYTES_MAX).read_to_string(&mut address);
                let address = Some(address.trim().to_owned()).filter(|address| !address.is_empty());
                return Err(OpenError::Locked { directory: path.to_owned(), address });
            }
            Err(TryLockError::Error(e)) => return Err(failed("cannot lock", e)),
        }
        let held = Self { path: path.to_owned(), lock };
        held.announce("").map_err(|e| failed("cannot write engine.lock in", e))?;
        Ok(held)
    }

    /// Writes the address of the listening server into the lock file, for those who find it held.
    pub(crate) fn announce(&self, address: &str) -> std::io::Result<()> {
        let mut file = &self.lock;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(address.as_bytes())
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The unseal key of the directory, and the file that is to get its name once the store is sealed with it: where
    /// it was made just now, or where a first start was killed before that.
    ///
    /// # Errors
    /// If the key of a store is missing, or if its store is.
    pub(crate) fn unseal_key(
        &self,
        place: &KeyFile,
        store: &dyn Store,
    ) -> Result<(Key, Option<durable::Fresh>), OpenError> {
        let beside = self.file(BESIDE);
        let (file, had_store) = match place {
            // Who asks for a wrapped key gets it elsewhere.
            KeyFile::Beside | KeyFile::Wrapped(_) => (&beside, true),
            KeyFile::At(file) | KeyFile::Given(file) => (file, self.file(ID_FILE).exists()),
        };
        let is_sealed = store.get(KEYRING_KEY)?.is_some();
        if self.file(WRAPPED).exists() {
            return Err(OpenError::Failed(format!(
                "the key of this store is wrapped by AWS KMS ({}): it is opened with seal \"awskms\" in a server's \
                 configuration, or key = \"kms:...\" in an estate's environment",
                self.file(WRAPPED).display()
            )));
        }
        let read = |text: &Secret| {
            decode(text.expose()).ok_or_else(|| {
                OpenError::Failed(format!("{} does not hold an unseal key (32 bytes in base64)", file.display()))
            })
        };
        // An empty file holds no key: it is as good as none.
        // systemd lets the unit's user read a credential by an access list, which shows as the group's right to read.
        let others = if *place == KeyFile::Given(file.clone()) { 0o037 } else { 0o077 };
        if let Some(text) = read_kept_from(file, others)?.filter(|text| !text.is_empty()) {
            if !is_sealed && had_store {
                return Err(self.store_was_lost(file));
            }
            return Ok((read(&text)?, None));
        }
        let failed = |e: std::io::Error| OpenError::Failed(format!("cannot write {}: {e}", file.display()));
        if *place == KeyFile::Given(file.clone()) {
            return Err(OpenError::Failed(format!(
                "{} holds no unseal key: let it be the one that sealed the store, or, of a store that is to begin, 32 \
                 random bytes in base64 (head -c 32 /dev/urandom | base64)",
                file.display()
            )));
        }
        if is_sealed {
            let Some(left) = durable::Fresh::left_behind(file).map_err(failed)? else {
                let found =
                    if *file != beside && beside.exists() { &*beside.display().to_string() } else { "the key file" };
                return Err(OpenError::Failed(format!(
                    "{} is missing, and without it the store in {} cannot be unsealed: put {found} back there",
                    file.display(),
                    self.path.display(),
                )));
            };
            let mut text = Zeroizing::new(String::new());
            left.read(FILE_BYTES_MAX, &mut text).map_err(failed)?;
            return Ok((read(&Secret::new(text.trim()))?, Some(left)));
        }
        let key = Key::new(random::bytes::<KEY_LEN>()?);
        let text = Secret::new(BASE64.encode(*key));
        let fresh = durable::Fresh::write(file, |file| writeln!(file, "{}", text.expose())).map_err(failed)?;
        Ok((key, Some(fresh)))
    }

    /// The unseal key that a key service unwraps, and the file that is to get its name once the store is sealed with it, as
    /// of [`Directory::unseal_key`]: a key that was wrapped and whose store did not begin nobody needs.
    ///
    /// # Errors
    /// As there; what the service says.
    pub(crate) async fn wrapped_key(
        &self,
        service: &KeyService,
        store: &dyn Store,
    ) -> Result<(Key, Option<durable::Fresh>), OpenError> {
        let (file, beside) = (self.file(WRAPPED), self.file(BESIDE));
        let failed =
            |what: &str, e: std::io::Error| OpenError::Failed(format!("cannot {what} {}: {e}", file.display()));
        let is_sealed = store.get(KEYRING_KEY)?.is_some();
        if is_sealed && beside.exists() {
            return Err(OpenError::Failed(format!(
                "this store is sealed by its key file {}: leave seal \"awskms\" out of the configuration; a store does not \
                 change from one to the other",
                beside.display()
            )));
        }
        if let Some(text) = read_kept_from(&file, 0o077)?.filter(|text| !text.is_empty()) {
            if !is_sealed {
                return Err(self.store_was_lost(&file));
            }
            return Ok((self.unwrapped(service, text.expose()).await?, None));
        }
        if is_sealed {
            let Some(left) = durable::Fresh::left_behind(&file).map_err(|e| failed("read", e))? else {
                return Err(OpenError::Failed(format!(
                    "{} is missing, and without it the store in {} cannot be unsealed: put it back there, from a backup",
                    file.display(),
                    self.path.display(),
                )));
            };
            let mut text = String::new();
            left.read(FILE_BYTES_MAX, &mut text).map_err(|e| failed("read", e))?;
            return Ok((self.unwrapped(service, &text).await?, Some(left)));
        }
        let key = Key::new(random::bytes::<KEY_LEN>()?);
        let wrapped = BASE64.encode(kms::wrap(service, &key).await?);
        let text = WrappedKey { format: WRAPPED_FORM, key_id: service.key_id.clone(), wrapped };
        let text = serde_json::to_string(&text).map_err(|e| failed("write", e.into()))?;
        let fresh = durable::Fresh::write(&file, |file| writeln!(file, "{text}")).map_err(|e| failed("write", e))?;
        Ok((key, Some(fresh)))
    }

    async fn unwrapped(&self, service: &KeyService, text: &str) -> Result<Key, OpenError> {
        let odd = |what: String| {
            OpenError::Failed(format!("{} holds no wrapped unseal key: {what}", self.file(WRAPPED).display()))
        };
        let file: WrappedKey = serde_json::from_str(text).map_err(|error| odd(error.to_string()))?;
        if file.format != WRAPPED_FORM {
            return Err(odd(format!("its format is {}, and this version knows {WRAPPED_FORM}", file.format)));
        }
        let wrapped = BASE64.decode(&file.wrapped).map_err(|error| odd(error.to_string()))?;
        kms::unwrap(service, &wrapped).await
    }

    /// Of a store that is to begin with shares: that nothing here says that there was one.
    ///
    /// # Errors
    /// A key or an engine's id does.
    pub(crate) fn had_no_store(&self) -> Result<(), OpenError> {
        let left = [ID_FILE, BESIDE, WRAPPED].map(|name| self.file(name)).into_iter().find(|file| file.exists());
        left.map_or(Ok(()), |left| Err(self.store_was_lost(&left)))
    }

    /// There is a key, and there was a store that it sealed.
    fn store_was_lost(&self, key: &Path) -> OpenError {
        OpenError::Failed(format!(
            "the store {} is empty, but {} says that there was one, and with it leases of credentials that may \
             still work: put the store back from a backup (engine.db, with engine.db-wal if there is one); to give it \
             up and begin anew, move that file away, and the trail with it",
            self.file("engine.db").display(),
            key.display(),
        ))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that another thread has just forked holds it too until it
        // has become another program, and with it the lock.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(directory = %self.path.display(), %error, "the data directory's lock was not let go");
        }
    }
}

/// Writes the engine's id into a file of its data directory, for those who have to know which engine it is and don't
/// open it.
pub(crate) fn name(directory: &Path, engine_id: &str) -> std::io::Result<()> {
    let file = directory.join(ID_FILE);
    // One that can't be read is written anew.
    match std::fs::read_to_string(&file) {
        Ok(text) if text == engine_id => Ok(()),
        Ok(_) | Err(_) => durable::replace(&file, |file| file.write_all(engine_id.as_bytes())),
    }
}

fn decode(text: &str) -> Option<Key> {
    let bytes = Zeroizing::new(BASE64.decode(text.trim()).ok()?);
    let mut key = Key::default();
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
}

/// Reads a secret from a file that only its owner may read; an empty one is as good as none to who asks.
///
/// # Errors
/// If others may read or write the file, or it is a symbolic link.
pub(crate) fn read_private(path: &Path) -> Result<Option<Secret>, OpenError> {
    read_kept_from(path, 0o077)
}

/// The same, of a file whose mode has none of these bits.
fn read_kept_from(path: &Path, others: u32) -> Result<Option<Secret>, OpenError> {
    let failed = |e: std::io::Error| OpenError::Failed(format!("cannot read {}: {e}", path.display()));
    let file = match private(OpenOptions::new().read(true)).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let found = file.metadata().map_err(failed)?;
    let mode = found.mode() & 0o777;
    // What holds nothing keeps no secret.
    if mode & others != 0 && found.len() > 0 {
        return Err(OpenError::Failed(format!(
            "{} has mode {mode:04o}: others could read it; treat it as known to them, or, if it is not, chmod 600 it",
            path.display()
        )));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(Secret::new(text.trim())))
}

/// Writes a secret to a file of mode 0600: all of it, or nothing.
pub(crate) fn write_private(path: &Path, secret: &Secret) -> Result<(), OpenError> {
    durable::replace(path, |file| writeln!(file, "{}", secret.expose()))
        .map_err(|e| OpenError::Failed(format!("cannot write {}: {e}", path.display())))
}

/// The barrier over `store`: its keys are opened with the unseal key, or made at first use, at `unix`. Then what is
/// answered beside it belongs into the first commit.
pub(crate) fn unseal(store: Arc<dyn Store>, unseal_key: &Key, unix: i64) -> Result<(Barrier, RawBatch), OpenError> {
    let cipher = Cipher::new(unseal_key)?;
    let mut first = RawBatch::default();
    let keyring = match store.get(KEYRING_KEY)? {
        Some(sealed) => Keyring::open(&cipher, &sealed).map_err(|_| {
            OpenError::Failed(
                "the unseal key does not open this store: it belongs to another one, or one of the two is damaged"
                    .to_owned(),
            )
        })?,
        None => {
            let keyring = Keyring::draw(unix)?;
            first.writes.push((KEYRING_KEY.to_owned(), Some(keyring.seal(&cipher)?)));
            keyring
        }
    };
    Ok((Barrier::new(store, keyring.ciphers()?), first))
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::{Directory, Key, read_private, unseal, write_private};
    use crate::engine::kernel::barrier::Batch;
    use crate::engine::kernel::store::MemoryStore;
    use crate::engine::setup::{KeyFile, OpenError};
    use crate::secret::Secret;

    #[test]
    fn a_held_directory_is_refused_with_the_address_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let held = Directory::hold(dir.path()).unwrap();
        let refusal = |address: Option<&str>| match Directory::hold(dir.path()) {
            Err(OpenError::Locked { address: found, .. }) => assert_eq!(found.as_deref(), address),
            other => panic!("{other:?}"),
        };
        refusal(None);
        held.announce("http://127.0.0.1:8200").unwrap();
        refusal(Some("http://127.0.0.1:8200"));
        drop(held);
        let again = Directory::hold(dir.path()).unwrap();
        refusal(None);
        drop(again);
    }

    #[test]
    fn a_directory_is_let_go_while_a_forked_child_still_holds_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let held = Directory::hold(dir.path()).unwrap();
        // What a fork copies: another descriptor of the same open file.
        let child = held.lock.try_clone().unwrap();
        drop(held);
        drop(Directory::hold(dir.path()).unwrap());
        drop(child);
    }

    #[test]
    fn the_directory_and_its_key_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("a/b");
        let held = Directory::hold(&data).unwrap();
        let store = MemoryStore::default();
        let (_, fresh) = held.unseal_key(&KeyFile::Beside, &store).unwrap();
        assert!(!data.join("unseal.key").exists(), "it has no store yet");
        fresh.unwrap().put().unwrap();
        let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("."), mode("unseal.key"), mode("engine.lock")), (0o700, 0o600, 0o600));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        write_private(&file, &Secret::new("x")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_private(&file).unwrap_err().to_string().contains("mode 0640"));
        let link = dir.path().join("l");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(read_private(&link).is_err());
    }

    #[tokio::test]
    async fn a_key_and_its_store_find_each_other_or_are_missed() {
        let dir = tempfile::tempdir().unwrap();
        let held = Directory::hold(dir.path()).unwrap();
        let file = dir.path().join("unseal.key");
        let begun = || async {
            let store = Arc::new(MemoryStore::default());
            let (key, fresh) = held.unseal_key(&KeyFile::Beside, &*store).unwrap();
            let (barrier, first) = unseal(store.clone(), &key, 0).unwrap();
            barrier.commit_with(first, Batch::new()).await.unwrap();
            (store, key, fresh)
        };
        // Killed before the store had anything, twice: the second key is another.
        drop(held.unseal_key(&KeyFile::Beside, &MemoryStore::default()).unwrap());
        std::fs::write(&file, "").unwrap();
        let (store, key, fresh) = begun().await;
        // Killed before the key had its name.
        drop(fresh);
        let (found, fresh) = held.unseal_key(&KeyFile::Beside, &*store).unwrap();
        assert_eq!(*found, *key);
        fresh.unwrap().put().unwrap();
        assert!(held.unseal_key(&KeyFile::Beside, &*store).unwrap().1.is_none());

        let refusal = |store: &MemoryStore| match held.unseal_key(&KeyFile::Beside, store) {
            Err(error) => error.to_string(),
            Ok(_) => "taken".to_owned(),
        };
        let lost = refusal(&MemoryStore::default());
        assert!(lost.contains("put the store back from a backup"), "{lost}");
        std::fs::remove_file(&file).unwrap();
        assert!(refusal(&store).contains("put the key file back"));
    }

    #[tokio::test]
    async fn only_the_key_that_sealed_a_store_unseals_it() {
        let store = Arc::new(MemoryStore::default());
        let (right, wrong) = (Key::new([1; 32]), Key::new([2; 32]));
        let (barrier, first) = unseal(store.clone(), &right, 0).unwrap();
        let mut batch = Batch::new();
        batch.put("a", &"b").unwrap();
        barrier.commit_with(first, batch).await.unwrap();
        let (again, first) = unseal(store.clone(), &right, 0).unwrap();
        assert!(first.writes.is_empty());
        assert_eq!(again.get::<String>("a").unwrap().unwrap(), "b");
        assert!(unseal(store, &wrong, 0).is_err());
    }
}
