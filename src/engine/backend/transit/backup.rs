//! `backup/` and `restore/`: a key with all its versions as one text, in clear, for who may have it. The text is OpenBao's, so
//! that a backup of one is restored by the other; keys of RSA and ECDSA stand in it as numbers of Go's, and are refused.
//!
//! # Source
//! OpenBao 2.6, `sdk/helper/keysutil/policy.go` (`KeyData`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::Transit;
use super::batch::bytes;
use super::bytes::Bytes;
use super::coded;
use super::key::{self, Key, Made, Noted, Version, load, save};
use super::key_type::KeyType;
use super::material::Material;
use super::ring::Ring;
use super::signer;
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::Batch;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// The numbers that the sorts have in a backup.
const SORTS: [(i64, KeyType); 12] = [
    (0, KeyType::Aes256Gcm96),
    (1, KeyType::EcdsaP256),
    (2, KeyType::Ed25519),
    (3, KeyType::Rsa2048),
    (4, KeyType::Rsa4096),
    (5, KeyType::ChaCha20Poly1305),
    (6, KeyType::EcdsaP384),
    (7, KeyType::EcdsaP521),
    (8, KeyType::Aes128Gcm96),
    (9, KeyType::Rsa3072),
    (10, KeyType::Hmac),
    (11, KeyType::XChaCha20Poly1305),
];

/// The scheme by which texts converge.
const CONVERGENT_VERSION: i64 = 3;

/// How keys are derived: by HKDF.
const HKDF: i64 = 1;

/// Versions that a backup may have.
const VERSIONS_MAX: i64 = 100_000;

const NANOS: i64 = 1_000_000_000;

#[derive(Serialize, Deserialize)]
struct Saved {
    policy: Policy,
    archived_keys: Option<Archive>,
}

#[derive(Default, Serialize, Deserialize)]
struct Archive {
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Policy {
    name: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    key_size: usize,
    keys: BTreeMap<i64, Entry>,
    derived: bool,
    kdf: i64,
    convergent_encryption: bool,
    exportable: bool,
    min_decryption_version: i64,
    min_encryption_version: i64,
    latest_version: i64,
    #[serde(default)]
    archive_version: i64,
    #[serde(default)]
    archive_min_version: i64,
    #[serde(default)]
    min_available_version: i64,
    #[serde(default)]
    deletion_allowed: bool,
    #[serde(default)]
    convergent_version: i64,
    r#type: i64,
    #[serde(default)]
    backup_info: Option<Noted>,
    #[serde(default)]
    restore_info: Option<Noted>,
    #[serde(default)]
    allow_plaintext_backup: bool,
    #[serde(default)]
    version_template: String,
    #[serde(default)]
    storage_prefix: String,
    /// In nanoseconds.
    #[serde(default)]
    auto_rotate_period: i64,
    #[serde(default, rename = "Imported")]
    imported: bool,
    #[serde(default, rename = "AllowImportedKeyRotation")]
    allow_rotation: bool,
    #[serde(default)]
    soft_deleted: bool,
}

/// A version; of what was trimmed an empty one.
#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    key: Option<Bytes>,
    hmac_key: Option<Bytes>,
    time: String,
    #[serde(default)]
    ec_x: Value,
    #[serde(default)]
    ec_y: Value,
    #[serde(default)]
    ec_d: Value,
    #[serde(default)]
    rsa_key: Value,
    #[serde(default)]
    rsa_public_key: Value,
    #[serde(default)]
    public_key: String,
    #[serde(default)]
    convergent_version: i64,
    #[serde(default)]
    creation_time: i64,
    #[serde(default)]
    certificate_chain: Value,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn invalid(text: impl Into<String>) -> Error {
    Error::Invalid(text.into())
}

fn written(created: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(created.into()).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// Refuses keys that a backup has as numbers of Go's.
fn check_sort(sort: KeyType) -> Result<(), Error> {
    match sort.is_rsa() || sort.curve().is_some() {
        true => Err(invalid(format!(
            "backups of keys of the type {} are not served by this server: export the key, and import it elsewhere",
            sort.name()
        ))),
        false => Ok(()),
    }
}

/// Serves `backup/:name`.
pub(super) async fn backup(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let name = call.at("name");
    let _turn = transit.locks.lock(&key::stored(call.mount, name)).await;
    let mut key = load(core, call.mount, name)?.ok_or_else(|| invalid(format!("key {name:?} not found")))?;
    key.refuse_put_away()?;
    if !key.exportable {
        return Err(invalid("exporting is disallowed on the policy"));
    }
    if !key.allow_plaintext_backup {
        return Err(invalid("plaintext backup is disallowed on the policy"));
    }
    check_sort(key.sort)?;
    key.backup = Some(Noted { time: written(now_nanos(core)), version: key.latest_version });
    save(core, call.mount, &mut key, Batch::new()).await?;
    let saved = saved(&mut Ring::of(core, call.mount, key))?;
    let text = Zeroizing::new(
        serde_json::to_vec(&saved).map_err(|error| Error::Internal(format!("a backup has no JSON form: {error}")))?,
    );
    Ok(Response::data(json!({ "backup": coded::encode(&text) })))
}

fn now_nanos(core: &Core) -> i64 {
    i64::try_from(core.clock.now().unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

fn saved(ring: &mut Ring<'_>) -> Result<Saved, Error> {
    let key = ring.key.clone();
    let (mut keys, mut archived) = (BTreeMap::new(), Vec::new());
    for number in key.min_available_version..=key.latest_version {
        let Some(version) = key.versions.get(&number) else {
            archived.push(Entry::empty());
            continue;
        };
        let entry = Entry::of(&key, version, ring.material(number)?);
        archived.push(entry.clone());
        if number >= key.min_decryption_version {
            keys.insert(number, entry);
        }
    }
    let sort = SORTS.into_iter().find(|(_, sort)| *sort == key.sort).map_or(0, |(number, _)| number);
    let policy = Policy {
        name: key.name,
        key_size: key.size,
        keys,
        derived: key.derived,
        kdf: if key.derived { HKDF } else { 0 },
        convergent_encryption: key.convergent,
        exportable: key.exportable,
        min_decryption_version: key.min_decryption_version,
        min_encryption_version: key.min_encryption_version,
        latest_version: key.latest_version,
        archive_version: key.latest_version,
        archive_min_version: key.min_available_version,
        min_available_version: key.min_available_version,
        deletion_allowed: key.deletion_allowed,
        convergent_version: if key.convergent { -1 } else { 0 },
        r#type: sort,
        backup_info: key.backup,
        restore_info: key.restored,
        allow_plaintext_backup: key.allow_plaintext_backup,
        version_template: String::new(),
        storage_prefix: String::new(),
        auto_rotate_period: key.auto_rotate_period.saturating_mul(NANOS),
        imported: key.imported,
        allow_rotation: key.allow_rotation,
        soft_deleted: key.soft_deleted,
    };
    Ok(Saved { policy, archived_keys: Some(Archive { keys: archived }) })
}

impl Entry {
    /// What stands where no version is.
    fn empty() -> Self {
        Self {
            key: None,
            hmac_key: None,
            time: "0001-01-01T00:00:00Z".to_owned(),
            ec_x: Value::Null,
            ec_y: Value::Null,
            ec_d: Value::Null,
            rsa_key: Value::Null,
            rsa_public_key: Value::Null,
            public_key: String::new(),
            convergent_version: 0,
            creation_time: 0,
            certificate_chain: Value::Null,
        }
    }

    fn of(key: &Key, version: &Version, material: &Material) -> Self {
        Self {
            key: Some(material.key.clone()),
            hmac_key: Some(material.hmac.clone()),
            time: written(version.created),
            public_key: version.public.clone().unwrap_or_default(),
            convergent_version: if key.convergent { CONVERGENT_VERSION } else { 0 },
            creation_time: version.created.div_euclid(NANOS),
            ..Self::empty()
        }
    }

    /// The version and its secrets, as of this sort and size.
    fn restored(&self, sort: KeyType, size: usize) -> Result<(Version, Material), Error> {
        let lacks = || invalid("the backup has a version without its secrets");
        let (key, hmac) = (self.key.clone().ok_or_else(lacks)?, self.hmac_key.clone().ok_or_else(lacks)?);
        let expected = match sort {
            KeyType::Ed25519 => 64,
            KeyType::Hmac => size,
            sort => sort.symmetric().unwrap_or_default(),
        };
        if key.expose().len() != expected || hmac.expose().is_empty() {
            return Err(invalid("the backup has a version whose secrets have not the length of its type"));
        }
        let time =
            OffsetDateTime::parse(&self.time, &Rfc3339).map_err(|_| invalid("the backup has a time that is none"))?;
        let public = match sort {
            KeyType::Ed25519 => {
                let pair = signer::ed25519(key.expose())?;
                Some(coded::encode(aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref()))
            }
            _ => None,
        };
        let created =
            i64::try_from(time.unix_timestamp_nanos()).map_err(|_| invalid("the backup has a time that is none"))?;
        Ok((Version { created, public }, Material { key, hmac }))
    }
}

/// Serves `restore` and `restore/:name`: in the place of what is there only with `force`.
pub(super) async fn restore(transit: &Transit, core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let fields = call.fields();
    let text = bytes(fields, "backup")?;
    if text.is_empty() {
        return Err(invalid("'backup' must be supplied"));
    }
    let force = fields.bool("force")?.unwrap_or_default();
    // What is wrong with it is not told: it would show what it holds.
    let saved: Saved = serde_json::from_slice(&text).map_err(|error| {
        invalid(format!("the backup is none of a key (line {}, column {})", error.line(), error.column()))
    })?;
    let name = match call.at("name") {
        "" => saved.policy.name.clone(),
        given => given.to_owned(),
    };
    if !call.row.admits("name", &name) {
        return Err(invalid("the backup is one of a key whose name is none here: restore it to a name of its own"));
    }
    let (mut key, materials) = read(&name, saved)?;
    let _turn = transit.locks.lock(&key::stored(call.mount, &name)).await;
    let mut batch = Batch::new();
    if let Some(before) = load(core, call.mount, &name)? {
        if !force {
            return Err(invalid(format!("key {name:?} already exists")));
        }
        batch = key::removal(core, call.mount, &before)?;
    }
    for (version, material) in materials {
        batch.put(key.material_key(call.mount, version), &material)?;
    }
    key.restored = Some(Noted { time: written(now_nanos(core)), version: key.latest_version });
    key.origin = call.request.origin.clone();
    save(core, call.mount, &mut key, batch).await?;
    Ok(Response::empty())
}

fn read(name: &str, saved: Saved) -> Result<(Key, BTreeMap<i64, Material>), Error> {
    let policy = saved.policy;
    let sort = SORTS.into_iter().find(|(number, _)| *number == policy.r#type).map(|(_, sort)| sort);
    let sort = sort.ok_or_else(|| invalid("the backup is one of a type of key that is not known"))?;
    check_sort(sort)?;
    let made = Made { sort, derived: policy.derived, convergent: policy.convergent_encryption, size: policy.key_size };
    made.check()?;
    if policy.derived && policy.kdf != HKDF {
        return Err(invalid("the backup is one of a key that is derived in a way that is not served: by HKDF alone"));
    }
    if !["", "vault:v{{version}}:"].contains(&policy.version_template.as_str()) {
        return Err(invalid("the backup is one of a key whose texts have a prefix of their own, which is not served"));
    }
    let (oldest, latest) = (policy.min_available_version.max(1), policy.latest_version);
    let minima = [policy.min_available_version, policy.min_decryption_version, policy.min_encryption_version];
    if latest < oldest || latest - oldest >= VERSIONS_MAX || minima.iter().any(|at| !(0..=latest).contains(at)) {
        return Err(invalid("the backup has versions that don't fit together"));
    }
    let archive = saved.archived_keys.unwrap_or_default();
    let mut key = Key::new(name, made)?;
    let mut materials = BTreeMap::new();
    for number in oldest..=latest {
        let archived = usize::try_from(number - policy.archive_min_version).ok().and_then(|at| archive.keys.get(at));
        let entry = policy.keys.get(&number).or(archived).ok_or_else(|| invalid("the backup lacks a version"))?;
        if made.convergent && entry.convergent_version != CONVERGENT_VERSION {
            return Err(invalid("the backup has a version that converges in an older way, which is not served"));
        }
        let (version, material) = entry.restored(sort, made.size)?;
        key.versions.insert(number, version);
        materials.insert(number, material);
    }
    key.latest_version = latest;
    key.min_available_version = policy.min_available_version;
    key.min_decryption_version = policy.min_decryption_version.max(1);
    key.min_encryption_version = policy.min_encryption_version;
    (key.exportable, key.allow_plaintext_backup) = (policy.exportable, policy.allow_plaintext_backup);
    (key.deletion_allowed, key.soft_deleted) = (policy.deletion_allowed, policy.soft_deleted);
    (key.imported, key.allow_rotation) = (policy.imported, policy.allow_rotation);
    key.auto_rotate_period = super::settings::check_period(policy.auto_rotate_period.div_euclid(NANOS))?;
    key.backup = policy.backup_info;
    Ok((key, materials))
}
