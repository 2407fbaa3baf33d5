//! The seal: how the barrier key is kept, and who may have the data directory.
//!
//! The barrier key lies in the store, sealed by an unseal key that lies outside of it. The unseal key is
//! for now a file of mode 0600 beside the store, made at first use; a store in memory has one that is
//! never written. Shares and key services will take the file's place here and nowhere else.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::NONCE_LEN;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::OpenError;
use super::barrier::{Barrier, Cipher, KEY_LEN};
use super::error::Error;
use super::random;
use super::store::{RawBatch, Store};
use crate::secret::Secret;

/// Where the sealed barrier key lies in the store.
const KEYRING_KEY: &str = "core/keyring";
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
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|e| failed("cannot make the data directory", e))?;
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

    /// The unseal key of the directory; made at first use, which is when there is no store yet.
    pub(crate) fn unseal_key(&self) -> Result<Key, OpenError> {
        let file = self.file("unseal.key");
        if let Some(text) = read_private(&file)? {
            return decode(text.expose()).ok_or_else(|| {
                OpenError::Failed(format!("{} does not hold an unseal key (32 bytes in base64)", file.display()))
            });
        }
        if self.file("engine.db").exists() {
            return Err(OpenError::Failed(format!(
                "{} is missing, and without it the store beside it cannot be unsealed: put the key file back",
                file.display()
            )));
        }
        let key = Key::new(random::bytes::<KEY_LEN>()?);
        write_private(&file, &Secret::new(BASE64.encode(*key)))?;
        Ok(key)
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

/// Reads a secret from a file that only its owner may read.
///
/// # Errors
/// If others may read or write the file, or it is a symbolic link.
pub(crate) fn read_private(path: &Path) -> Result<Option<Secret>, OpenError> {
    let failed = |e: std::io::Error| OpenError::Failed(format!("cannot read {}: {e}", path.display()));
    let file = match private(OpenOptions::new().read(true)).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Failed(format!(
            "{} has mode {mode:04o}: others could read it; treat it as known to them, or, if it is not, chmod 600 it",
            path.display()
        )));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(Secret::new(text.trim())))
}

/// Writes a secret to a new file of mode 0600, durably. The file must not exist.
pub(crate) fn write_private(path: &Path, secret: &Secret) -> Result<(), OpenError> {
    let write = || -> std::io::Result<()> {
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
        file.write_all(secret.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|e| OpenError::Failed(format!("cannot write {}: {e}", path.display())))
}

/// The barrier over `store`: its key is opened with the unseal key, or made at first use.
pub(crate) async fn unseal(store: Arc<dyn Store>, unseal_key: &Key) -> Result<Barrier, OpenError> {
    let cipher = Cipher::new(unseal_key)?;
    let key = match store.get(KEYRING_KEY)? {
        Some(sealed) => {
            let plain = cipher.open(KEYRING_KEY, &sealed).map_err(|_| {
                OpenError::Failed("the unseal key does not open this store: it belongs to another one".to_owned())
            })?;
            let mut key = Key::default();
            if plain.len() != key.len() {
                return Err(OpenError::Failed(format!("the sealed barrier key has {} bytes", plain.len())));
            }
            key.copy_from_slice(&plain);
            key
        }
        None => {
            let key = Key::new(random::bytes::<KEY_LEN>()?);
            let sealed = cipher.seal(KEYRING_KEY, &*key)?;
            debug_assert!(sealed.len() > NONCE_LEN + KEY_LEN);
            store.commit(RawBatch { writes: vec![(KEYRING_KEY.to_owned(), Some(sealed))] }).await?;
            key
        }
    };
    Ok(Barrier::new(store, &key)?)
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
    use crate::engine::OpenError;
    use crate::engine::barrier::Batch;
    use crate::engine::store::MemoryStore;
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
        let key = held.unseal_key().unwrap();
        assert_eq!(*held.unseal_key().unwrap(), *key);
        let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("."), mode("unseal.key"), mode("engine.lock")), (0o700, 0o600, 0o600));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k");
        write_private(&file, &Secret::new("x")).unwrap();
        assert!(write_private(&file, &Secret::new("y")).is_err());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_private(&file).unwrap_err().to_string().contains("mode 0640"));
        let link = dir.path().join("l");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(read_private(&link).is_err());
    }

    #[test]
    fn a_store_without_its_key_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let held = Directory::hold(dir.path()).unwrap();
        std::fs::write(dir.path().join("engine.db"), b"").unwrap();
        assert!(held.unseal_key().unwrap_err().to_string().contains("is missing"));
    }

    #[tokio::test]
    async fn only_the_key_that_sealed_a_store_unseals_it() {
        let store = Arc::new(MemoryStore::default());
        let (right, wrong) = (Key::new([1; 32]), Key::new([2; 32]));
        let barrier = unseal(store.clone(), &right).await.unwrap();
        let mut batch = Batch::new();
        batch.put("a", &"b").unwrap();
        barrier.commit(batch).await.unwrap();
        let again = unseal(store.clone(), &right).await.unwrap();
        assert_eq!(again.get::<String>("a").unwrap().unwrap(), "b");
        assert!(unseal(store, &wrong).await.is_err());
    }
}
