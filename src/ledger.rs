//! What is ours in an engine, kept in the engine itself.
//!
//! A KV version 2 mount `leasehold/` holds, for each owner, 64 documents that share all objects by a
//! hash of their path: 10,000 objects stay far below the size limit of any storage, and documents are read
//! and written at the same time. Each is written with check-and-set, so that two applies cannot both
//! believe that they own what the other made. An entry is written *before* its object, as an intent: an
//! apply that was killed finds its own objects again, and never takes them for somebody else's.
//!
//! No secret is in it but one: the key of the digests that tell whether a secret changed. Whoever can read
//! it can test guesses of those secrets, so the mount deserves a policy of its own.
//!
//! The owner is an environment of an estate. Its name comes from the files, so that it is the same wherever
//! they are checked out: the environment's name, and before it the estate's where the environment gives one
//! (`estate = "payments"`). Several estates on one engine each need a name of their own.
//!
//! ```text
//! leasehold/data/[<estate>.]<environment>/key             {"key": "<base64>"}
//! leasehold/data/[<estate>.]<environment>/objects/<shard> {"format": 1, "entries": {"<path>": {...}}}
//! ```
//!
//! Source of the wire format: Vault API, "KV secrets engine, version 2".

use std::collections::BTreeMap;

use base64::Engine as _;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value, json};

use crate::api::{self, Client};
use crate::clock::Clock;
use crate::object::Owned;
use crate::secret::Secret;

/// The mount, without its slash.
pub const MOUNT: &str = "leasehold";

/// What people read about it in the list of mounts.
const DESCRIPTION: &str = "Leasehold's ledger: which objects of this engine belong to which estate. No secrets.";

/// How many documents share the objects of an environment. Part of the format.
const SHARDS: u64 = 64;

/// The format that this version writes, and the newest it reads.
const FORMAT: u64 = 1;

/// Requests under way at one time.
const REQUESTS_AT_ONCE: usize = 32;

/// How often the first write to a fresh mount is tried: engines answer 400 while they set version 2 up.
const FRESH_MOUNT_TRIES: u32 = 20;

/// The pause between these tries.
const FRESH_MOUNT_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused, or did not answer.
    #[error("the ledger ({path}): {source}")]
    Api {
        /// The document.
        path: String,
        /// What went wrong.
        source: api::Error,
    },
    /// A document is not what it should be.
    #[error("the ledger ({path}) can't be understood: {what}")]
    Odd {
        /// The document.
        path: String,
        /// What is odd.
        what: String,
    },
    /// Somebody else wrote a document since it was read.
    #[error("the ledger ({path}) was written by somebody else since this plan was made")]
    Moved {
        /// The document.
        path: String,
    },
    /// The mount's path is taken by something else.
    #[error("the engine's mount `{MOUNT}/` is not a ledger: it is of the type `{found}`, not KV version 2")]
    Taken {
        /// What is mounted there.
        found: String,
    },
    /// The machine gave no random bytes.
    #[error("no random bytes for the ledger's key")]
    Random,
}

/// The owner's name in the ledger. Names of estates and environments have no dot.
pub fn owner(estate: Option<&str>, environment: &str) -> String {
    let environment = segment(environment);
    estate.map_or_else(|| environment.clone(), |estate| format!("{}.{environment}", segment(estate)))
}

/// An owner's name for people.
pub fn describe(owner: &str) -> String {
    match owner.split_once('.') {
        Some((estate, environment)) => format!("the estate `{estate}`, environment `{environment}`"),
        None => format!("an estate without a name, environment `{owner}`"),
    }
}

/// What is ours, as it was read, and as it was written since.
#[derive(Debug)]
pub struct Ledger {
    owner: String,
    /// The ledger of the same environment from before the estate had a name, when some of its objects pass on
    /// to this one.
    former: Option<Box<Self>>,
    key: Option<Secret>,
    shards: BTreeMap<u64, Shard>,
    entries: BTreeMap<String, Owned>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shard {
    /// The version that check-and-set compares with; 0 is a document that is not there.
    version: u64,
}

/// A change of the ledger: an object's new entry, or that it has none any more.
pub type Edit = (String, Option<Owned>);

impl Ledger {
    /// Reads the ledger of an [`owner`]. An engine without one has an empty one.
    ///
    /// # Errors
    /// [`Error::Api`] and [`Error::Odd`].
    pub async fn read(client: &Client, owner: &str) -> Result<Self, Error> {
        let mut ledger = Self {
            owner: owner.to_owned(),
            former: None,
            key: None,
            shards: BTreeMap::new(),
            entries: BTreeMap::new(),
        };
        let folder = format!("{MOUNT}/metadata/{owner}/objects");
        let listed = client.list(&folder).await.map_err(|source| Error::Api { path: folder.clone(), source })?;
        let keys = listed.and_then(|answer| answer.data).and_then(|mut data| data.remove("keys"));
        let shards: Vec<u64> = keys
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|key| u64::from_str_radix(key.as_str()?, 16).ok())
            .collect();
        ledger.key = ledger.read_key(client).await?;
        let ledger_ref = &ledger;
        let mut answers = stream::iter(shards.into_iter().map(|shard| async move {
            let path = ledger_ref.document(shard);
            (shard, document(client, &path).await, path)
        }))
        .buffer_unordered(REQUESTS_AT_ONCE);
        let mut read = Vec::new();
        while let Some((shard, answer, path)) = answers.next().await {
            if let Some((version, data)) = answer? {
                read.push((shard, version, entries(&data).map_err(|what| Error::Odd { path, what })?));
            }
        }
        drop(answers);
        for (shard, version, entries) in read {
            ledger.shards.insert(shard, Shard { version });
            ledger.entries.extend(entries);
        }
        Ok(ledger)
    }

    /// The ledgers of all others on this engine.
    ///
    /// # Errors
    /// As [`Ledger::read`]; [`Error::Api`] with 403 where this token may not list them.
    pub async fn others(&self, client: &Client) -> Result<Vec<Self>, Error> {
        let path = format!("{MOUNT}/metadata");
        let listed = client.list(&path).await.map_err(|source| Error::Api { path, source })?;
        let keys = listed.and_then(|answer| answer.data).and_then(|mut data| data.remove("keys"));
        let mut others = Vec::new();
        for key in keys.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if let Some(owner) = key.strip_suffix('/').filter(|owner| *owner != self.owner) {
                others.push(Box::pin(Self::read(client, owner)).await?);
            }
        }
        Ok(others)
    }

    /// Whose it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether another ledger is this one's from before the estate had a name.
    pub fn was(&self, other: &Self) -> bool {
        self.owner.split_once('.').is_some_and(|(_, environment)| environment == other.owner)
    }

    /// Lets objects pass on from the ledger that [`Ledger::was`] this one, when they are written here.
    pub fn inherit(&mut self, former: Self) {
        self.former = Some(Box::new(former));
    }

    /// Takes objects that are in this ledger now out of the former one.
    ///
    /// # Errors
    /// As [`Ledger::write`].
    pub async fn settle(&mut self, client: &Client) -> Result<(), Error> {
        let Some(mut former) = self.former.take() else { return Ok(()) };
        let passed: Vec<Edit> = former
            .entries
            .keys()
            .filter(|path| self.entries.contains_key(*path))
            .map(|path| (path.clone(), None))
            .collect();
        Box::pin(former.write(client, passed)).await
    }

    /// What is ours, by path.
    pub fn owned(&self) -> &BTreeMap<String, Owned> {
        &self.entries
    }

    /// The key of secret digests; `None` before the first apply.
    pub fn key(&self) -> Option<&Secret> {
        self.key.as_ref()
    }

    /// Makes the mount and the key if they are not there yet, and answers the key. Durable on return.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn open(&mut self, client: &Client, clock: &Clock) -> Result<Secret, Error> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        mount(client).await?;
        let mut bytes = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Random)?;
        let key = Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes));
        let path = format!("{MOUNT}/data/{}/key", self.owner);
        let body = json!({"data": {"key": key.expose()}, "options": {"cas": 0}});
        let body = body.as_object().cloned().unwrap_or_default();
        let mut tries = 1;
        let outcome = loop {
            match client.write(&path, &body).await {
                Err(error) if tries < FRESH_MOUNT_TRIES && is_setting_up(&error) => {
                    tries += 1;
                    clock.sleep(FRESH_MOUNT_PAUSE).await;
                }
                outcome => break outcome,
            }
        };
        self.key = match outcome {
            Ok(_) => Some(key),
            // Somebody was faster: theirs is the key.
            Err(error) if is_conflict(&error) => self.read_key(client).await?,
            Err(source) => return Err(Error::Api { path, source }),
        };
        self.key.clone().ok_or_else(|| Error::Odd {
            path: format!("{MOUNT}/data/{}/key", self.owner),
            what: "the key is gone".to_owned(),
        })
    }

    /// Writes entries, all documents at the same time. What is written is durable on return; after an error
    /// some documents may be written and others not.
    ///
    /// # Errors
    /// [`Error::Moved`] if somebody else wrote meanwhile, [`Error::Api`].
    pub async fn write(&mut self, client: &Client, edits: impl IntoIterator<Item = Edit>) -> Result<(), Error> {
        let mut touched: BTreeMap<u64, Vec<Edit>> = BTreeMap::new();
        for edit in edits {
            touched.entry(shard_of(&edit.0)).or_default().push(edit);
        }
        if touched.is_empty() {
            return Ok(());
        }
        let mut documents: BTreeMap<u64, Map<String, Value>> =
            touched.keys().map(|&shard| (shard, Map::new())).collect();
        for (path, owned) in &self.entries {
            if let Some(document) = documents.get_mut(&shard_of(path)) {
                document.insert(path.clone(), owned.encode());
            }
        }
        for (shard, edits) in &touched {
            let Some(document) = documents.get_mut(shard) else { continue };
            for (path, owned) in edits {
                match owned {
                    Some(owned) => drop(document.insert(path.clone(), owned.encode())),
                    None => drop(document.shift_remove(path)),
                }
            }
        }
        let this = &*self;
        let written: Vec<(u64, Result<u64, Error>)> = stream::iter(
            documents
                .into_iter()
                .map(|(shard, entries)| async move { (shard, this.write_document(client, shard, entries).await) }),
        )
        .buffer_unordered(REQUESTS_AT_ONCE)
        .collect()
        .await;
        let mut failure = None;
        for (shard, outcome) in written {
            match outcome {
                Ok(version) => {
                    self.shards.insert(shard, Shard { version });
                    for (path, owned) in touched.remove(&shard).into_iter().flatten() {
                        match owned {
                            Some(owned) => drop(self.entries.insert(path, owned)),
                            None => drop(self.entries.remove(&path)),
                        }
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn write_document(&self, client: &Client, shard: u64, entries: Map<String, Value>) -> Result<u64, Error> {
        let path = self.document(shard);
        let version = self.shards.get(&shard).copied().unwrap_or_default().version;
        let body = json!({"data": {"format": FORMAT, "entries": entries}, "options": {"cas": version}});
        match client.write(&path, &body.as_object().cloned().unwrap_or_default()).await {
            Ok(answer) => answer
                .data
                .and_then(|data| data.get("version").and_then(Value::as_u64))
                .ok_or(Error::Odd { path, what: "the engine did not tell the new version".to_owned() }),
            Err(error) if is_conflict(&error) => Err(Error::Moved { path }),
            Err(source) => Err(Error::Api { path, source }),
        }
    }

    async fn read_key(&self, client: &Client) -> Result<Option<Secret>, Error> {
        let path = format!("{MOUNT}/data/{}/key", self.owner);
        let Some((_, data)) = document(client, &path).await? else { return Ok(None) };
        match data.get("key").and_then(Value::as_str) {
            Some(key) => Ok(Some(Secret::new(key))),
            None => Err(Error::Odd { path, what: "`key` is missing".to_owned() }),
        }
    }

    fn document(&self, shard: u64) -> String {
        format!("{MOUNT}/data/{}/objects/{shard:02x}", self.owner)
    }
}

/// Mounts the ledger, unless it is mounted.
async fn mount(client: &Client) -> Result<(), Error> {
    let failed = |source| Error::Api { path: format!("{MOUNT}/"), source };
    let mounts = client.read("sys/mounts").await.map_err(failed)?;
    let mounts = mounts.and_then(|answer| answer.data.or_else(|| answer.body.as_object().cloned())).unwrap_or_default();
    if let Some(found) = mounts.get(&format!("{MOUNT}/")) {
        let kind = found.get("type").and_then(Value::as_str).unwrap_or("unknown");
        let version = found.pointer("/options/version").and_then(Value::as_str);
        return match (kind, version) {
            ("kv", Some("2")) => Ok(()),
            (kind, version) => Err(Error::Taken { found: format!("{kind} {}", version.unwrap_or("1")) }),
        };
    }
    let body = json!({"type": "kv", "description": DESCRIPTION, "options": {"version": "2"}});
    client
        .write(&format!("sys/mounts/{MOUNT}"), &body.as_object().cloned().unwrap_or_default())
        .await
        .map_err(failed)?;
    Ok(())
}

/// A document's version and content; `None` if there is none, or if its newest version is deleted.
async fn document(client: &Client, path: &str) -> Result<Option<(u64, Map<String, Value>)>, Error> {
    let answer = client.read(path).await.map_err(|source| Error::Api { path: path.to_owned(), source })?;
    let Some(data) = answer.and_then(|answer| answer.data) else { return Ok(None) };
    let version = data.get("metadata").and_then(|metadata| metadata.get("version")).and_then(Value::as_u64);
    match (version, data.get("data").and_then(Value::as_object)) {
        (Some(version), Some(content)) => Ok(Some((version, content.clone()))),
        _ => Err(Error::Odd { path: path.to_owned(), what: "it has no data or no version".to_owned() }),
    }
}

fn entries(data: &Map<String, Value>) -> Result<Vec<(String, Owned)>, String> {
    match data.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(newer) => return Err(format!("it has the format {newer}; use the version that wrote it")),
        None => return Err("it has no format".to_owned()),
    }
    let entries = data.get("entries").and_then(Value::as_object).ok_or("it has no entries")?;
    entries
        .iter()
        .map(|(path, entry)| match Owned::decode(entry) {
            Ok(owned) => Ok((path.clone(), owned)),
            Err(what) => Err(format!("{path}: {what}")),
        })
        .collect()
}

/// Which document an object is in: FNV-1a of its path, because it is stable and needs no key.
fn shard_of(path: &str) -> u64 {
    let hash = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV mix badly for short texts.
    (hash ^ (hash >> 32)) % SHARDS
}

/// A name as one segment of a path, without a dot.
fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => segment.push(char::from(byte)),
            other => segment.push_str(&format!("~{other:02x}")),
        }
    }
    segment
}

fn is_conflict(error: &api::Error) -> bool {
    matches!(error, api::Error::Status { code: 400, errors, .. }
        if errors.iter().any(|error| error.contains("check-and-set")))
}

fn is_setting_up(error: &api::Error) -> bool {
    matches!(error, api::Error::Status { code: 400, errors, .. }
        if errors.iter().any(|error| error.contains("Upgrading from non-versioned to versioned")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{describe, entries, owner, segment, shard_of};

    #[test]
    fn objects_spread_over_all_documents() {
        let shards: Vec<u64> = (0..10_000).map(|number| shard_of(&format!("aws/roles/app-{number}"))).collect();
        assert_eq!(shards.iter().collect::<BTreeSet<_>>().len(), 64);
        let largest = (0..64).map(|shard| shards.iter().filter(|&&other| other == shard).count()).max();
        assert!(largest.is_some_and(|largest| largest < 300), "{largest:?}");
        // Part of the format: an object must be found where another version put it.
        assert_eq!(shard_of("aws/roles/webapp"), shard_of("aws/roles/webapp"));
    }

    #[test]
    fn owners_have_names_that_cannot_be_mixed_up() {
        assert_eq!(owner(None, "prod"), "prod");
        assert_eq!(owner(Some("pay"), "prod"), "pay.prod");
        assert_ne!(owner(Some("a.b"), "c"), owner(Some("a"), "b.c"));
        assert_eq!(describe("pay.prod"), "the estate `pay`, environment `prod`");
    }

    #[test]
    fn an_environments_name_is_one_segment() {
        for (name, path) in [("prod", "prod"), ("eu/prod", "eu~2fprod"), ("..", "~2e~2e"), ("a b", "a~20b")] {
            assert_eq!(segment(name), path);
        }
    }

    #[test]
    fn what_a_newer_version_wrote_is_not_guessed_at() {
        for (data, part) in [
            (json!({"format": 2, "entries": {}}), "format 2"),
            (json!({"entries": {}}), "no format"),
            (json!({"format": 1}), "no entries"),
            (json!({"format": 1, "entries": {"aws/roles/x": {"kind": "new"}}}), "aws/roles/x"),
        ] {
            let error = entries(data.as_object().expect("a map")).expect_err("refused");
            assert!(error.contains(part), "{error}");
        }
    }
}
