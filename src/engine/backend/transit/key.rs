//! A key as stored: what it may be used for, and which versions it has. Its secrets lie beside it, a record for each version,
//! under an id that no other key ever has: so what was read of a key that has been deleted since, and made anew, finds none.
//!
//! Stored under the mount: `key/<name>`, `material/<id>/<version>`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::key_type::KeyType;
use super::{coded, material};
use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::due::due_key;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Origin;

/// The kind of entries in the index of what is due: what a backend keeps for itself.
const DUE: &str = "own";

/// A key, without its secrets.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Key {
    /// Its name below the mount.
    pub(super) name: String,
    /// What its secrets lie under.
    pub(super) id: String,
    /// What it is.
    pub(super) sort: KeyType,
    /// Whether each context has a key of its own.
    pub(super) derived: bool,
    /// Whether the same text in the same context encrypts to the same.
    pub(super) convergent: bool,
    /// How many bytes the key of an HMAC has; 0 of all others.
    #[serde(default)]
    pub(super) size: usize,
    /// Whether it may be taken out.
    pub(super) exportable: bool,
    /// Whether it may be backed up in clear.
    pub(super) allow_plaintext_backup: bool,
    /// Whether it may be deleted.
    pub(super) deletion_allowed: bool,
    /// Whether it is put away: nothing is done with it until it is taken back.
    #[serde(default)]
    pub(super) soft_deleted: bool,
    /// How many seconds after its latest version the next is made; 0 is never.
    pub(super) auto_rotate_period: i64,
    /// The oldest version that is there; 0 while none was trimmed.
    pub(super) min_available_version: i64,
    /// The oldest version whose texts are taken.
    pub(super) min_decryption_version: i64,
    /// The oldest version that makes texts; 0 is any.
    pub(super) min_encryption_version: i64,
    /// The newest version.
    pub(super) latest_version: i64,
    /// Those that are there.
    pub(super) versions: BTreeMap<i64, Version>,
    /// Whether its latest version was brought in.
    #[serde(default)]
    pub(super) imported: bool,
    /// Whether versions are made of it here all the same.
    #[serde(default)]
    pub(super) allow_rotation: bool,
    /// When it was last backed up.
    #[serde(default)]
    pub(super) backup: Option<Noted>,
    /// When it was made of a backup.
    #[serde(default)]
    pub(super) restored: Option<Noted>,
    /// The time in the index of what is due, where it is rotated by itself.
    #[serde(default)]
    pub(super) due: Option<i64>,
    /// Where the last write came from.
    #[serde(default)]
    pub(super) origin: Option<Origin>,
}

/// When something was done with a key, and which version was its latest then.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Noted {
    /// RFC 3339.
    pub(super) time: String,
    /// The version.
    pub(super) version: i64,
}

/// What may be known of a version.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Version {
    /// When it was made, in nanoseconds since 1970.
    pub(super) created: i64,
    /// The public key, of a pair, in base64: a SubjectPublicKeyInfo, or the 32 bytes of Ed25519.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public: Option<String>,
}

impl Version {
    /// When it was made, in Unix seconds.
    fn seconds(&self) -> i64 {
        self.created.div_euclid(1_000_000_000)
    }

    /// The bytes of the public key; none where there is none.
    ///
    /// # Errors
    /// If what is stored is none.
    pub(super) fn public(&self) -> Result<Vec<u8>, Error> {
        let text = self.public.as_deref().unwrap_or_default();
        let read = coded::decode(text).map(|bytes| bytes.to_vec());
        read.map_err(|error| Error::Internal(format!("a public key that is stored does not read: {error}")))
    }

    /// As a reader sees it, of a pair of this sort; `public` in the place of its own public key, where there is another.
    fn shown_pair(&self, sort: KeyType, public: Option<String>) -> Value {
        let own = || match sort {
            KeyType::Ed25519 => self.public.clone().unwrap_or_default(),
            _ => self.public().map(|der| coded::pem("PUBLIC KEY", &der)).unwrap_or_default(),
        };
        let created = OffsetDateTime::from_unix_timestamp_nanos(self.created.into()).ok();
        json!({
            "name": sort.public_name(),
            "public_key": public.unwrap_or_else(own),
            "creation_time": created.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default(),
            "certificate_chain": "",
        })
    }
}

/// What a key is made as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// What it is.
    pub(super) sort: KeyType,
    /// Whether each context has a key of its own.
    pub(super) derived: bool,
    /// Whether the same text in the same context encrypts to the same.
    pub(super) convergent: bool,
    /// How many bytes the key of an HMAC has; 0 of all others.
    pub(super) size: usize,
}

/// How large the key of an HMAC may be, in bytes.
pub(super) const SIZES: std::ops::RangeInclusive<usize> = 32..=512;

impl Made {
    /// Refuses what no key can be made as.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn check(self) -> Result<(), Error> {
        if self.convergent && !self.derived {
            return Err(Error::Invalid("convergent encryption requires derivation to be enabled".to_owned()));
        }
        let name = self.sort.name();
        if self.derived && !self.sort.derives() {
            return Err(Error::Invalid(format!(
                "key derivation and convergent encryption not supported for keys of type {name}"
            )));
        }
        if self.convergent && !self.sort.converges() {
            return Err(Error::Invalid(format!("convergent encryption not supported for keys of type {name}")));
        }
        match (self.sort, self.size) {
            (KeyType::Hmac, 0) => Err(Error::Invalid(format!(
                "invalid key size for HMAC key, must be between {} and {} bytes",
                SIZES.start(),
                SIZES.end()
            ))),
            (KeyType::Hmac, size) if !SIZES.contains(&size) => Err(Error::Invalid(format!("invalid key_size {size}"))),
            (sort, size) if sort != KeyType::Hmac && size != 0 => {
                Err(Error::Invalid(format!("key_size is not valid for algorithm {name}")))
            }
            _ => Ok(()),
        }
    }
}

impl Key {
    /// A key without versions, which is to get one before anybody sees it.
    ///
    /// # Errors
    /// If no randomness is to be had.
    pub(super) fn new(name: &str, made: Made) -> Result<Self, Error> {
        Ok(Self {
            name: name.to_owned(),
            id: random::base62(22)?,
            sort: made.sort,
            derived: made.derived,
            convergent: made.convergent,
            size: made.size,
            exportable: false,
            allow_plaintext_backup: false,
            deletion_allowed: false,
            soft_deleted: false,
            auto_rotate_period: 0,
            min_available_version: 0,
            min_decryption_version: 1,
            min_encryption_version: 0,
            latest_version: 0,
            versions: BTreeMap::new(),
            imported: false,
            allow_rotation: false,
            backup: None,
            restored: None,
            due: None,
            origin: None,
        })
    }

    /// Makes a new version of it, whose secrets are in the batch that is answered.
    ///
    /// # Errors
    /// If it is put away, or no secret can be made.
    pub(super) async fn rotate(&mut self, mount: &Mount, now: OffsetDateTime) -> Result<Batch, Error> {
        self.refuse_put_away()?;
        if self.imported && !self.allow_rotation {
            return Err(Error::Invalid(format!(
                "imported key {} does not allow rotation: bring the next version in by import_version",
                self.name
            )));
        }
        let made = material::Made::make(self.sort, self.size).await?;
        self.imported = false;
        self.add(mount, now, made)
    }

    /// Adds a version with these secrets, which are in the batch that is answered.
    ///
    /// # Errors
    /// If they have no form in the store.
    pub(super) fn add(&mut self, mount: &Mount, now: OffsetDateTime, made: material::Made) -> Result<Batch, Error> {
        let created = i64::try_from(now.unix_timestamp_nanos()).unwrap_or(i64::MAX);
        self.latest_version += 1;
        let mut batch = Batch::new();
        batch.put(self.material_key(mount, self.latest_version), &made.material)?;
        let public = made.public.map(|bytes| coded::encode(&bytes));
        self.versions.insert(self.latest_version, Version { created, public });
        Ok(batch)
    }

    /// Refuses to use it while it is put away.
    ///
    /// # Errors
    /// If it is.
    pub(super) fn refuse_put_away(&self) -> Result<(), Error> {
        match self.soft_deleted {
            true => Err(Error::Invalid("refusing to use soft-deleted key".to_owned())),
            false => Ok(()),
        }
    }

    /// When its next version is to be made (Unix seconds), if by itself.
    pub(super) fn rotates_at(&self) -> Option<i64> {
        let period = Some(self.auto_rotate_period).filter(|period| *period > 0)?;
        if self.soft_deleted || (self.imported && !self.allow_rotation) {
            return None;
        }

        Some(self.versions.get(&self.latest_version)?.seconds().saturating_add(period))
    }

    /// Where the secrets of a version are stored.
    pub(super) fn material_key(&self, mount: &Mount, version: i64) -> String {
        mount.storage(&format!("material/{}/{version:016x}", self.id))
    }

    /// As a reader sees it.
    pub(super) fn shown(&self) -> Value {
        self.shown_for(&BTreeMap::new())
    }

    /// As a reader sees it, with the public keys of derived versions that were asked for.
    pub(super) fn shown_for(&self, derived: &BTreeMap<i64, String>) -> Value {
        let seen = self.versions.range(self.min_decryption_version..);
        let version = |number: &i64, version: &Version| match self.sort.signs() {
            true if self.derived => {
                version.shown_pair(self.sort, Some(derived.get(number).cloned().unwrap_or_default()))
            }
            true => version.shown_pair(self.sort, None),
            false => json!(version.seconds()),
        };
        let keys: Map<String, Value> = seen.map(|(number, one)| (number.to_string(), version(number, one))).collect();
        let mut shown = json!({
            "name": self.name,
            "type": self.sort.name(),
            "derived": self.derived,
            "exportable": self.exportable,
            "allow_plaintext_backup": self.allow_plaintext_backup,
            "deletion_allowed": self.deletion_allowed,
            "soft_deleted": self.soft_deleted,
            "auto_rotate_period": self.auto_rotate_period,
            "min_available_version": self.min_available_version,
            "min_decryption_version": self.min_decryption_version,
            "min_encryption_version": self.min_encryption_version,
            "latest_version": self.latest_version,
            "supports_encryption": self.sort.encrypts(),
            "supports_decryption": self.sort.encrypts(),
            "supports_signing": self.sort.signs(),
            "supports_derivation": self.sort.derives(),
            "imported_key": self.imported,
        });
        if self.imported {
            shown["imported_key_allow_rotation"] = self.allow_rotation.into();
        }
        for (name, noted) in [("backup_info", &self.backup), ("restore_info", &self.restored)] {
            if let Some(noted) = noted {
                shown[name] = json!(noted);
            }
        }
        match self.sort {
            KeyType::Hmac => shown["key_size"] = self.size.into(),
            _ => shown["keys"] = keys.into(),
        }
        if self.derived {
            shown["kdf"] = "hkdf_sha256".into();
            shown["convergent_encryption"] = self.convergent.into();
        }
        if self.convergent {
            // Each version says of itself which scheme it has; all have the third.
            shown["convergent_encryption_version"] = (-1).into();
        }
        shown
    }
}

/// Where the keys of a mount are stored: all, or the one of this name.
pub(super) fn stored(mount: &Mount, name: &str) -> String {
    mount.storage(&format!("key/{name}"))
}

/// The key of this name.
///
/// # Errors
/// If the store can't be read.
pub(super) fn load(core: &Core, mount: &Mount, name: &str) -> Result<Option<Key>, Error> {
    core.barrier.get(&stored(mount, name))
}

/// The entry of a key in the index of what is due then, where `<mount uuid>/key/<name>` names it.
pub(super) fn entry(mount: &Mount, name: &str, due: i64) -> String {
    due_key(due, DUE, &format!("{}/key/{name}", mount.uuid))
}

/// The name of the key that an id below its mount means: `key/<name>`.
pub(super) fn name_of(id: &str) -> Option<&str> {
    id.strip_prefix("key/")
}

/// Stores a key with what goes with it: durable when it returns. For who holds its lock.
///
/// # Errors
/// If it is not stored.
pub(super) async fn save(core: &Core, mount: &Mount, key: &mut Key, mut batch: Batch) -> Result<(), Error> {
    let due = key.rotates_at();
    if let Some(before) = key.due.filter(|before| Some(*before) != due) {
        batch.delete(entry(mount, &key.name, before));
    }
    if let Some(due) = due {
        batch.put(entry(mount, &key.name, due), &())?;
    }
    key.due = due;
    batch.put(stored(mount, &key.name), key)?;
    core.barrier.commit(batch).await?;
    due.into_iter().for_each(|due| core.timer.notice(due));
    Ok(())
}

/// What removes a key, and its secrets. For who holds its lock.
///
/// # Errors
/// If the store can't be read.
pub(super) fn removal(core: &Core, mount: &Mount, key: &Key) -> Result<Batch, Error> {
    let mut batch = Batch::new();
    for material in core.barrier.keys(&mount.storage(&format!("material/{}/", key.id)), None, usize::MAX)? {
        batch.delete(material);
    }
    key.due.into_iter().for_each(|due| batch.delete(entry(mount, &key.name, due)));
    batch.delete(stored(mount, &key.name));
    Ok(batch)
}
