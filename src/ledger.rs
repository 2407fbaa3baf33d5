//! What is ours in an engine, kept in the engine itself.
//!
//! A KV version 2 mount `leasehold/` holds, for each owner, documents that share all objects by a hash of their
//! path: one for a small estate, and more as it grows, each of a few hundred entries at most (`node` says which
//! object is where, `form` how a document is kept). Each is written with check-and-set, so that two applies cannot
//! both believe that they own what the other made. An entry is written *before* its object, as an intent: an
//! apply that was killed finds its own objects again, and never takes them for somebody else's.
//!
//! No secret is in it but one: the key of the digests that tell whether a secret changed. Whoever can read both
//! can test guesses of those secrets, so only who applies reads the key; a plan without it leaves secrets unchecked.
//!
//! The owner is an environment of an estate. Its name comes from the files, so that it is the same wherever
//! they are checked out: the environment's name, and before it the estate's where the environment gives one
//! (`estate = "payments"`). Several estates on one engine each need a name of their own.
//!
//! ```text
//! leasehold/data/[<estate>.]<environment>/key                {"key": "<base64>"}
//! leasehold/data/[<estate>.]<environment>/objects/<document> {"format": 2, "entries": "<text>"}
//! leasehold/data/[<estate>.]<environment>/lock               who changes it now (`lock`)
//! ```
//!
//! Source of the wire format: Vault API, "KV secrets engine, version 2".

mod error;
mod form;
pub mod history;
mod holder;
mod kv;
pub mod lock;
mod node;
mod owner;
mod process;

use std::collections::BTreeMap;

use base64::Engine as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

pub use self::error::Error;
use self::form::Content;
use self::kv::{REQUESTS_AT_ONCE, names};
use self::lock::{Claim, Lock, Seen};
use self::node::Node;
pub use self::owner::{MOUNT, describe, owner};
use crate::api::{self, Client, Said};
use crate::clock::Clock;
use crate::object::Owned;
use crate::secret::Secret;

/// What people read about it in the list of mounts.
const DESCRIPTION: &str = "Leasehold's ledger: which objects of this engine belong to which estate. No secrets.";

/// How many objects are in a document; of more it is split. One is some 70 bytes of text. Each document costs every plan
/// a request and 2.6 kB of trail, and every change of one of its objects writes it anew.
const ENTRIES_MAX: usize = 400;

/// Ledgers of others that are read at one time, each with as many requests: the more, the fewer serial rounds a plan has
/// that looks at them, and few have more than one document.
const LEDGERS_AT_ONCE: usize = 16;

/// How often the first write to a fresh mount is tried: engines answer 400 while they set version 2 up.
const FRESH_MOUNT_TRIES: u32 = 20;

/// The pause between these tries.
const FRESH_MOUNT_PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// What is ours, as it was read, and as it was written since.
#[derive(Debug)]
pub struct Ledger {
    owner: String,
    key: Option<Secret>,
    /// Whether this token may not read the key.
    key_hidden: bool,
    documents: BTreeMap<Node, Document>,
    entries: BTreeMap<String, Owned>,
    /// The commit of what is written from now on.
    commit: Option<String>,
}

#[derive(Clone, Debug)]
struct Document {
    /// The version that check-and-set compares with.
    version: u64,
    /// Whether it holds objects itself, and those below it don't count.
    holds: bool,
    /// Whether an older version wrote it.
    old: bool,
    /// The commit of the apply that wrote it last, which may have left no object behind.
    commit: Option<String>,
}

/// Documents that were written.
type Documents = Vec<(Node, Document)>;

/// A change of the ledger: an object's new entry, or that it has none any more.
pub type Edit = (String, Option<Owned>);

impl Ledger {
    /// Reads the ledger of an [`owner`]. An engine without one has an empty one.
    ///
    /// # Errors
    /// [`Error::Api`] and [`Error::Odd`].
    pub async fn read(client: &Client, owner: &str) -> Result<Self, Error> {
        Self::read_one(client, owner, true).await
    }

    async fn read_one(client: &Client, owner: &str, with_key: bool) -> Result<Self, Error> {
        let mut ledger = Self {
            owner: owner.to_owned(),
            key: None,
            key_hidden: false,
            documents: BTreeMap::new(),
            entries: BTreeMap::new(),
            commit: None,
        };
        let folder = format!("{MOUNT}/metadata/{owner}/objects");
        let key = async { if with_key { ledger.read_key(client).await } else { Ok(None) } };
        let (listed, key) = tokio::join!(client.list(&folder), key);
        let names = names(listed.map_err(|source| Error::Api { path: folder, source })?);
        (ledger.key, ledger.key_hidden) = match key {
            Err(Error::Api { source, .. }) if source.code() == Some(403) => (None, true),
            key => (key?, false),
        };
        let nodes: Vec<Node> = names.iter().filter_map(|name| Node::named(name)).collect();
        let ledger_ref = &ledger;
        let mut answers = stream::iter(nodes.into_iter().map(|node| async move {
            let path = ledger_ref.document(node);
            (node, kv::read(client, &path).await, path)
        }))
        .buffer_unordered(REQUESTS_AT_ONCE);
        let mut read = Vec::new();
        while let Some((node, answer, path)) = answers.next().await {
            if let Some(kv::Document { version, data, .. }) = answer? {
                read.push((
                    node,
                    version,
                    form::read(&data).map_err(|why| Error::Odd { path, what: why.to_string() })?,
                ));
            }
        }
        drop(answers);
        for (node, version, content) in &read {
            let (holds, old, commit) = match content {
                Content::Entries { old, commit, .. } => (true, *old, commit.clone()),
                Content::Split => (false, false, None),
            };
            ledger.documents.insert(*node, Document { version: *version, holds, old, commit });
        }
        for (node, _, content) in read {
            let Content::Entries { entries, .. } = content else { continue };
            // Others are what a split left behind that was not finished.
            let counts = |path: &str| ledger.holder(path) == Some(node);
            let counting: Vec<(String, Owned)> = entries.into_iter().filter(|(path, _)| counts(path)).collect();
            ledger.entries.extend(counting);
        }
        Ok(ledger)
    }

    /// The document that holds a path: the first on its way that is not split.
    fn holder(&self, path: &str) -> Option<Node> {
        Node::on_the_way_to(path).find(|node| self.documents.get(node).is_some_and(|document| document.holds))
    }

    /// Where a path is written: what holds it, or what is made for it.
    fn home(&self, path: &str) -> Node {
        let made = if self.documents.is_empty() { Node::ROOT } else { Node::of_old(path) };
        self.holder(path).unwrap_or(made)
    }

    /// All ledgers on an engine.
    ///
    /// # Errors
    /// As [`Ledger::read`]; [`Error::Api`] with 403 where this token may not list them.
    pub async fn all(client: &Client) -> Result<Vec<Self>, Error> {
        Self::each(client, &owners(client).await?).await
    }

    async fn each(client: &Client, owners: &[String]) -> Result<Vec<Self>, Error> {
        stream::iter(owners.iter().map(|owner| Self::read_one(client, owner, false)))
            .buffered(LEDGERS_AT_ONCE)
            .try_collect()
            .await
    }

    /// The ledgers of all others among [`owners()`]; `None` where this token may not read them.
    ///
    /// # Errors
    /// As [`Ledger::all`], but for that.
    pub async fn readable_others(
        &self,
        client: &Client,
        owners: Result<Vec<String>, Error>,
    ) -> Result<Option<Vec<Self>>, Error> {
        let others = async {
            let mut owners = owners?;
            owners.retain(|owner| *owner != self.owner);
            Self::each(client, &owners).await
        };
        match others.await {
            Err(Error::Api { source, .. }) if source.code() == Some(403) => Ok(None),
            others => others.map(Some),
        }
    }

    /// Whose it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Takes objects out of the ledgers of those from whom they were taken over: their paths, by owner.
    ///
    /// # Errors
    /// As [`Ledger::read`] and [`Ledger::write`].
    pub async fn release(client: &Client, taken: &BTreeMap<String, Vec<String>>) -> Result<(), Error> {
        for (owner, paths) in taken {
            let mut theirs = Self::read_one(client, owner, false).await?;
            let paths = paths.iter().filter(|path| theirs.entries.contains_key(*path));
            let edits: Vec<Edit> = paths.map(|path| (path.clone(), None)).collect();
            theirs.write(client, edits).await?;
        }
        Ok(())
    }

    /// Says which commit what is written from now on comes from.
    pub fn set_commit(&mut self, commit: Option<String>) {
        self.commit = commit;
    }

    /// The commits of the applies that wrote it last, also of those that only took objects away.
    pub fn commits(&self) -> impl Iterator<Item = &str> {
        self.documents.values().filter_map(|document| document.commit.as_deref())
    }

    /// What is ours, by path.
    pub fn owned(&self) -> &BTreeMap<String, Owned> {
        &self.entries
    }

    /// The key of secret digests; `None` before the first apply.
    pub fn key(&self) -> Option<&Secret> {
        self.key.as_ref()
    }

    /// Whether there may be a key that this token may not read: it can't tell then whether a secret changed.
    pub fn is_key_hidden(&self) -> bool {
        self.key_hidden
    }

    /// Makes the mount and the key if they are not there yet, and answers the key. Durable on return.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub async fn open(&mut self, client: &Client, clock: &Clock) -> Result<Secret, Error> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        if self.key_hidden {
            return Err(Error::KeyHidden { path: format!("{MOUNT}/data/{}/key", self.owner) });
        }
        mount(client, clock).await?;
        let mut bytes = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Random)?;
        let key = Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes));
        let path = format!("{MOUNT}/data/{}/key", self.owner);
        let body = json!({"data": {"key": key.expose()}, "options": {"cas": 0}});
        let body = body.as_object().cloned().unwrap_or_default();
        let mut tries = 1;
        let outcome = loop {
            match client.write(&path, &body).await {
                // Where it was written and nobody said so, the next try conflicts.
                Err(error) if tries < FRESH_MOUNT_TRIES && (error.says(Said::SettingUp) || error.is_unknown()) => {
                    tries += 1;
                    clock.sleep(FRESH_MOUNT_PAUSE).await;
                }
                outcome => break outcome,
            }
        };
        self.key = match outcome {
            Ok(_) => Some(key),
            // Somebody was faster: theirs is the key.
            Err(error) if error.says(Said::Conflict) => self.read_key(client).await?,
            Err(source) => return Err(Error::Api { path, source }),
        };
        self.key.clone().ok_or_else(|| Error::Odd {
            path: format!("{MOUNT}/data/{}/key", self.owner),
            what: "the key is gone".to_owned(),
        })
    }

    /// Takes the lock of its owner, if nobody has touched it since it was seen, and makes the mount for it if that is not
    /// there yet. Durable on return.
    ///
    /// # Errors
    /// [`Error::Moved`] if somebody has, and what [`Ledger::open`] says.
    pub async fn lock(&mut self, client: &Client, clock: &Clock, claim: &Claim, seen: &Seen) -> Result<Lock, Error> {
        self.open(client, clock).await?;
        lock::take(client, clock, &self.owner, claim, seen).await
    }

    /// Whether an older version wrote some of it. The next write brings all of it to this version's form.
    pub fn is_old(&self) -> bool {
        self.documents.values().any(|document| document.old && document.holds)
    }

    /// Writes entries, all documents at the same time. What is written is durable on return; after an error
    /// some documents may be written and others not.
    ///
    /// # Errors
    /// [`Error::Moved`] if somebody else wrote meanwhile, [`Error::Api`].
    pub async fn write(&mut self, client: &Client, edits: impl IntoIterator<Item = Edit>) -> Result<(), Error> {
        let mut touched: BTreeMap<Node, Vec<Edit>> = BTreeMap::new();
        for edit in edits {
            touched.entry(self.home(&edit.0)).or_default().push(edit);
        }
        if touched.is_empty() && !self.is_old() {
            return Ok(());
        }
        let old = self.documents.iter().filter(|(_, document)| document.old && document.holds);
        let old: Vec<Node> = old.map(|(node, _)| *node).collect();
        for node in old {
            touched.entry(node).or_default();
        }
        let mut contents: BTreeMap<Node, BTreeMap<&str, &Owned>> =
            touched.keys().map(|&node| (node, BTreeMap::new())).collect();
        for (path, owned) in &self.entries {
            if let Some(content) = self.holder(path).and_then(|node| contents.get_mut(&node)) {
                content.insert(path, owned);
            }
        }
        for (path, owned) in touched.values().flatten() {
            let Some(content) = contents.get_mut(&self.home(path)) else { continue };
            match owned {
                Some(owned) => drop(content.insert(path, owned)),
                None => drop(content.remove(path.as_str())),
            }
        }
        let this = &*self;
        let written: Vec<(Node, Result<Documents, Error>)> = stream::iter(
            contents.into_iter().map(|(node, content)| async move { (node, this.put(client, node, &content).await) }),
        )
        .buffer_unordered(REQUESTS_AT_ONCE)
        .collect()
        .await;
        let mut failure = None;
        for (node, outcome) in written {
            match outcome {
                Ok(documents) => {
                    self.documents.extend(documents);
                    for (path, owned) in touched.remove(&node).into_iter().flatten() {
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

    /// Writes what one document holds: there, or where it is split into.
    async fn put(&self, client: &Client, node: Node, content: &BTreeMap<&str, &Owned>) -> Result<Documents, Error> {
        let version = self.documents.get(&node).map_or(0, |document| document.version);
        if content.len() <= ENTRIES_MAX || node.children().next().is_none() {
            let document = self.put_entries(client, node, version, content).await?;
            return Ok(vec![(node, document)]);
        }
        // Until it is marked as split, what is below it does not count. So it must be there before they are.
        let version = match version {
            0 => self.put_entries(client, node, 0, &BTreeMap::new()).await?.version,
            version => version,
        };
        let (mut leaves, mut inner, mut left) = (Vec::new(), Vec::new(), vec![(node, content.clone())]);
        while let Some((above, content)) = left.pop() {
            for child in above.children() {
                let share: BTreeMap<&str, &Owned> =
                    content.iter().filter(|(path, _)| child.holds(path)).map(|(path, owned)| (*path, *owned)).collect();
                if share.len() <= ENTRIES_MAX || child.children().next().is_none() {
                    leaves.push((child, share));
                } else {
                    inner.push(child);
                    left.push((child, share));
                }
            }
        }
        let version_of = |node: Node| self.documents.get(&node).map_or(0, |document| document.version);
        // What an unfinished split left behind between here and the leaves would hide them.
        let mut written = Vec::new();
        for node in inner.into_iter().filter(|node| version_of(*node) > 0) {
            written.push((node, self.put_split(client, node, version_of(node)).await?));
        }
        let mut puts = stream::iter(leaves.iter().map(|(leaf, share)| async move {
            Ok::<_, Error>((*leaf, self.put_entries(client, *leaf, version_of(*leaf), share).await?))
        }))
        .buffer_unordered(REQUESTS_AT_ONCE);
        while let Some(put) = puts.next().await {
            written.push(put?);
        }
        written.push((node, self.put_split(client, node, version).await?));
        Ok(written)
    }

    async fn put_entries(
        &self,
        client: &Client,
        node: Node,
        version: u64,
        content: &BTreeMap<&str, &Owned>,
    ) -> Result<Document, Error> {
        let entries = content.iter().map(|(path, owned)| (*path, *owned));
        let before = self.documents.get(&node).and_then(|document| document.commit.clone());
        let commit = self.commit.clone().or(before);
        let data = form::of_entries(entries, commit.as_deref())
            .map_err(|error| Error::Odd { path: self.document(node), what: error.to_string() })?;
        let version = kv::put(client, &self.document(node), version, &data).await?;
        Ok(Document { version, holds: true, old: false, commit })
    }

    async fn put_split(&self, client: &Client, node: Node, version: u64) -> Result<Document, Error> {
        let version = kv::put(client, &self.document(node), version, &form::of_split()).await?;
        Ok(Document { version, holds: false, old: false, commit: None })
    }

    async fn read_key(&self, client: &Client) -> Result<Option<Secret>, Error> {
        let path = format!("{MOUNT}/data/{}/key", self.owner);
        let Some(kv::Document { data, .. }) = kv::read(client, &path).await? else { return Ok(None) };
        match data.get("key").and_then(Value::as_str) {
            Some(key) => Ok(Some(Secret::new(key))),
            None => Err(Error::Odd { path, what: "`key` is missing".to_owned() }),
        }
    }

    fn document(&self, node: Node) -> String {
        format!("{MOUNT}/data/{}/objects/{}", self.owner, node.name())
    }
}

/// Whose ledgers an engine has.
///
/// # Errors
/// [`Error::Api`] and [`Error::Odd`].
pub async fn owners(client: &Client) -> Result<Vec<String>, Error> {
    let path = format!("{MOUNT}/metadata");
    let listed = client.list(&path).await.map_err(|source| Error::Api { path, source })?;
    Ok(names(listed).iter().filter_map(|key| key.strip_suffix('/')).map(str::to_owned).collect())
}

/// Mounts the ledger, unless it is mounted.
async fn mount(client: &Client, clock: &Clock) -> Result<(), Error> {
    let failed = |source| Error::Api { path: format!("{MOUNT}/"), source };
    let body = json!({"type": "kv", "description": DESCRIPTION, "options": {"version": "2"}});
    let body = body.as_object().cloned().unwrap_or_default();
    let mut tries = 1;
    while !is_mounted(client).await? {
        match client.write(&format!("sys/mounts/{MOUNT}"), &body).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_unknown() && tries < kv::UNKNOWN_TRIES => tries += 1,
            // Another first apply may be faster: its path is taken a moment before it is in the list.
            Err(error) if error.code() == Some(400) && tries < kv::UNKNOWN_TRIES => {
                tries += 1;
                clock.pause(FRESH_MOUNT_PAUSE).await;
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Whether the mount is there. Something else in its place is an error.
async fn is_mounted(client: &Client) -> Result<bool, Error> {
    let failed = |source| Error::Api { path: format!("{MOUNT}/"), source };
    let mounts = client.read("sys/mounts").await.map_err(failed)?;
    let mounts = mounts.and_then(api::Answer::into_data).unwrap_or_default();
    let Some(found) = mounts.get(&format!("{MOUNT}/")) else { return Ok(false) };
    let kind = found.get("type").and_then(Value::as_str).unwrap_or("unknown");
    let version = found.pointer("/options/version").and_then(Value::as_str);
    match (kind, version) {
        ("kv", Some("2")) => Ok(true),
        (kind, version) => Err(Error::Taken { found: format!("{kind} {}", version.unwrap_or("1")) }),
    }
}
