//! Snapshots: the whole store in one file, as it lies there, and a store anew from such a file.
//!
//! **In it** are `meta.json`, which says of what and of when it is; `state.bin`, every entry in the order of keys, its value
//! encrypted as it is stored; `SHA256SUMS` of both; and `SHA256SUMS.sealed`, the same under the unseal key. Who has a
//! snapshot and not that key has nothing; who has both has all that was there.
//!
//! **Saving** reads in one transaction, so that it is a store as it was at one moment, into a file without a name, and only
//! a whole one is answered.
//!
//! **Before it is restored** it is checked to its last byte: gzip's sum, the form, the sums, that the key which is in force
//! sealed them, that it opens the keyring in it, and that this opens every value. Force passes over the key, and nothing
//! else. Then [`Checked::entries`] takes the place of the store in one transaction ([`super::store::Store::replace`]).
//!
//! **What a kill leaves.** While it is checked nothing is written but a file without a name. The transaction is there whole
//! or not at all. What is not in the store (the key file, the trail, the token of the first start) is not touched; the
//! engine's id beside the store is written anew at each start. So a start after a kill finds the old store or the new.

mod archive;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};

use aws_lc_rs::digest::{Context, SHA256, digest};

use self::archive::{Reader, Writer};
use super::barrier::{Cipher, Ciphers, KEYRING_KEY, SHARES_KEY, is_beside};
use super::seal::keyring::Keyring;
use super::store::{Copied, Entries, Size, Store};
use crate::clock::rfc3339;
use crate::engine::setup::VERSION;
use crate::engine::wire::error::Error;

const META: &str = "meta.json";
const STATE: &str = "state.bin";
const SUMS: &str = "SHA256SUMS";
const SEALED: &str = "SHA256SUMS.sealed";
/// Under which purpose the sums are sealed. No key of the store has it.
const PURPOSE: &str = "snapshot/SHA256SUMS";
/// The only form there has been.
const FORM: u32 = 1;
/// What is in memory at a time: no text beside the state is longer, and no entry of a store.
const TEXT_BYTES_MAX: u64 = 64 << 10;
const KEY_BYTES_MAX: u32 = 1 << 20;
const VALUE_BYTES_MAX: u32 = 64 << 20;
/// Where the id of the engine lies.
const ENGINE_ID_KEY: &str = "core/engine-id";

/// What a snapshot says of itself.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Meta {
    /// The form of `state.bin`.
    leasehold_snapshot: u32,
    /// When it was taken.
    taken: String,
    /// Of which engine.
    engine_id: String,
    /// By which version of this program.
    leasehold_version: String,
    /// Whether shares make its unseal key.
    shares: bool,
    /// How many entries it has.
    entries: u64,
}

/// Writes a snapshot of a store into a file. May block.
///
/// # Errors
/// If the store can't be read, or the file not be written.
pub(crate) fn save(store: &dyn Store, key: &Cipher, engine_id: &str, unix: i64, file: File) -> Result<File, Error> {
    let shares = store.get(SHARES_KEY)?.is_some();
    let meta = Meta {
        leasehold_snapshot: FORM,
        taken: rfc3339(unix),
        engine_id: engine_id.to_owned(),
        leasehold_version: VERSION.to_owned(),
        shares,
        entries: 0,
    };
    let mut saving = Saving { out: Writer::new(file, unix), meta, text: Vec::new(), state: Context::new(&SHA256) };
    store.copy(&mut saving)?;
    let Saving { mut out, text, state, .. } = saving;
    let sums = sums(&text, state);
    let sealed = key.seal(PURPOSE, sums.as_bytes())?;
    out.whole(SUMS, sums.as_bytes()).and_then(|()| out.whole(SEALED, &sealed)).map_err(unwritten)?;
    out.end().map_err(unwritten)
}

fn unwritten(error: io::Error) -> Error {
    Error::Server(format!("the snapshot could not be written beside the store: {error}"))
}

fn sums(meta: &[u8], state: Context) -> String {
    let (meta, state) = (hex::encode(digest(&SHA256, meta)), hex::encode(state.finish()));
    format!("{meta}  {META}\n{state}  {STATE}\n")
}

/// A snapshot on its way into a file.
struct Saving {
    out: Writer,
    meta: Meta,
    /// The text of `meta.json`.
    text: Vec<u8>,
    state: Context,
}

impl Copied for Saving {
    fn begin(&mut self, size: Size) -> Result<(), Error> {
        self.meta.entries = size.entries;
        self.text = serde_json::to_vec_pretty(&self.meta)
            .map_err(|_| Error::Internal("what a snapshot says of itself has no JSON form".to_owned()))?;
        let bytes = size.bytes + 8 * size.entries;
        self.out.whole(META, &self.text).and_then(|()| self.out.begin(STATE, bytes)).map_err(unwritten)
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let long = |_| Error::Internal("an entry of the store is too long for a snapshot".to_owned());
        let mut lengths = [0; 8];
        lengths[..4].copy_from_slice(&u32::try_from(key.len()).map_err(long)?.to_be_bytes());
        lengths[4..].copy_from_slice(&u32::try_from(value.len()).map_err(long)?.to_be_bytes());
        for part in [&lengths, key, value] {
            self.state.update(part);
            self.out.write_all(part).map_err(unwritten)?;
        }
        Ok(())
    }
}

/// A snapshot that may take the place of a store.
pub(crate) struct Checked {
    file: File,
    meta: Meta,
    /// Of all its sums.
    digest: String,
    /// Of a key that is in force: its barrier keys, and the engine it is of.
    opened: Option<(Ciphers, String)>,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// What a first look at a snapshot finds.
struct Found {
    meta: Meta,
    sums: String,
    sealed: Vec<u8>,
    keyring: Vec<u8>,
    shares: bool,
    engine_id: Option<Vec<u8>>,
}

/// Checks a snapshot, for a store that this key opens and that has shares or not. May block.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(file: File, key: &Cipher, has_shares: bool, force: bool) -> Result<Checked, Error> {
    let Found { meta, sums, sealed, keyring, shares, engine_id } = look(&file)?;
    if shares != has_shares {
        let seal = |shares| if shares { "key shares" } else { "a key file" };
        return Err(Error::Invalid(format!(
            "this snapshot is of a store that is sealed by {}, and this one is by {}: restore it into a server that is set \
             up as the other was",
            seal(shares),
            seal(has_shares)
        )));
    }
    let is_ours = key.open(PURPOSE, &sealed).is_ok_and(|plain| plain.as_slice() == sums.as_bytes());
    let opened = Keyring::open(key, &keyring).ok().filter(|_| is_ours || force);
    let digest = hex::encode(digest(&SHA256, sums.as_bytes()));
    let Some(opened) = opened else {
        if force {
            return Ok(Checked { file, meta, digest, opened: None });
        }
        return Err(Error::Invalid(
            "this snapshot was not made under the unseal key that is in force here, or somebody changed it: its sums are \
             sealed by another key. If it is another engine's, or older than a rekey, `leasehold operator raft snapshot \
             restore -force` takes it, and it is opened by the key of then"
                .to_owned(),
        ));
    };
    let ciphers = opened.ciphers()?;
    let damaged = |key: &str| {
        Error::Invalid(format!("this snapshot is damaged: the value at {key} does not open with the keys in it"))
    };
    for entry in entries(&file)? {
        let (key, value) = entry?;
        let key = String::from_utf8_lossy(&key);
        if !is_beside(&key) && ciphers.open(&key, &value).is_err() {
            return Err(damaged(&key));
        }
    }
    let engine_id = engine_id.ok_or_else(|| damaged(ENGINE_ID_KEY))?;
    let engine_id = ciphers.open(ENGINE_ID_KEY, &engine_id).map_err(|_| damaged(ENGINE_ID_KEY))?;
    let engine_id = serde_json::from_slice(&engine_id).map_err(|_| damaged(ENGINE_ID_KEY))?;
    Ok(Checked { file, meta, digest, opened: Some((ciphers, engine_id)) })
}

impl Checked {
    /// Its barrier keys, once, where the key that is in force opens them.
    pub(crate) fn take_ciphers(&mut self) -> Option<Ciphers> {
        self.opened.as_mut().map(|(ciphers, _)| std::mem::take(ciphers))
    }

    /// Whether it is of this engine, and the key that is in force opens it.
    pub(crate) fn is_of(&self, engine_id: &str) -> bool {
        self.opened.as_ref().is_some_and(|(_, of)| of == engine_id)
    }

    /// What the trail tells of it.
    pub(crate) fn told(&self) -> String {
        format!("taken {} of engine {}, sums {}", self.meta.taken, self.meta.engine_id, self.digest)
    }

    /// All that is in it.
    ///
    /// # Errors
    /// If it can't be read any more.
    pub(crate) fn entries(&self) -> Result<Entries, Error> {
        entries(&self.file)
    }
}

/// Whether an archive is whole, as far as can be told without a key: one of this program, of OpenBao or of Vault.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn is_whole(file: File) -> Result<(), Error> {
    let mut archive = opened(&file)?;
    let (mut sums, mut told, mut is_sealed) = (Vec::new(), None, false);
    while let Some((name, size)) = archive.next().map_err(|error| unreadable(&error))? {
        match name.as_str() {
            SUMS | SEALED if size > TEXT_BYTES_MAX => return Err(Error::Invalid(format!("its {name} is too long"))),
            SUMS => {
                let mut text = String::new();
                archive.read_to_string(&mut text).map_err(|error| unreadable(&error))?;
                told = Some(text);
            }
            SEALED => is_sealed = size > 0,
            _ => {
                let mut hashed = Hashed { from: BufReader::new(archive), hash: Context::new(&SHA256) };
                io::copy(&mut hashed, &mut io::sink()).map_err(|error| unreadable(&error))?;
                archive = hashed.from.into_inner();
                sums.push(format!("{}  {name}", hex::encode(hashed.hash.finish())));
            }
        }
    }
    let told = told.unwrap_or_default();
    let mut told: Vec<&str> = told.lines().collect();
    told.sort_unstable();
    sums.sort_unstable();
    if !is_sealed || sums.is_empty() || told != sums {
        return Err(Error::Invalid("the snapshot is incomplete, or its sums are not right".to_owned()));
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> Error {
    Error::Invalid(match error.kind() {
        io::ErrorKind::UnexpectedEof => "this is no snapshot, or one that was cut off: it has no end".to_owned(),
        _ => format!("this is no snapshot, or a damaged one: {error}"),
    })
}

/// The archive, from its beginning. One at a time: all of them read from where the file is.
fn opened(file: &File) -> Result<Reader, Error> {
    let mut file = file.try_clone().map_err(|error| unreadable(&error))?;
    file.rewind().map_err(|error| unreadable(&error))?;
    Ok(Reader::new(file))
}

/// Goes on to the file of this name.
fn next(archive: &mut Reader, name: &str) -> Result<u64, Error> {
    match archive.next().map_err(|error| unreadable(&error))? {
        Some((found, size)) if found == name => Ok(size),
        _ => Err(Error::Invalid(format!("this is no snapshot of this program: {name} is not where it should be"))),
    }
}

fn text(archive: &mut Reader, name: &str) -> Result<Vec<u8>, Error> {
    if next(archive, name)? > TEXT_BYTES_MAX {
        return Err(Error::Invalid(format!("this is no snapshot of this program: its {name} is too long")));
    }
    let mut text = Vec::new();
    archive.read_to_end(&mut text).map_err(|error| unreadable(&error))?;
    Ok(text)
}

/// Reads a snapshot to its end, and says what can be said of it without a key.
fn look(file: &File) -> Result<Found, Error> {
    let mut archive = opened(file)?;
    let meta_text = text(&mut archive, META)?;
    let meta: Meta = serde_json::from_slice(&meta_text).map_err(|_| {
        Error::Invalid(
            "this is no snapshot of this program: those of OpenBao and Vault hold their storage, which is another"
                .to_owned(),
        )
    })?;
    if meta.leasehold_snapshot != FORM {
        let (form, version) = (meta.leasehold_snapshot, &meta.leasehold_version);
        return Err(Error::Invalid(format!(
            "this snapshot is of the form {form}, by version {version}, and this program reads the form {FORM}: restore it \
             with that version"
        )));
    }
    next(&mut archive, STATE)?;
    let mut state = State::new(Hashed { from: BufReader::new(archive), hash: Context::new(&SHA256) });
    let (mut keyring, mut shares, mut engine_id, mut entries) = (None, false, None, 0);
    for entry in state.by_ref() {
        let (key, value) = entry?;
        entries += 1;
        match key.as_slice() {
            key if key == KEYRING_KEY.as_bytes() => keyring = Some(value),
            key if key == SHARES_KEY.as_bytes() => shares = true,
            key if key == ENGINE_ID_KEY.as_bytes() => engine_id = Some(value),
            _ => {}
        }
    }
    let Hashed { from, hash } = state.from;
    let mut archive = from.into_inner();
    let sums_text = text(&mut archive, SUMS)?;
    let sealed = text(&mut archive, SEALED)?;
    if archive.next().map_err(|error| unreadable(&error))?.is_some() {
        return Err(Error::Invalid("this is no snapshot of this program: there is more in it".to_owned()));
    }
    let sums = sums(&meta_text, hash);
    if sums.as_bytes() != sums_text || entries != meta.entries {
        return Err(Error::Invalid("this snapshot is damaged, or was changed: its sums are not right".to_owned()));
    }
    let keyring = keyring.ok_or_else(|| Error::Invalid("this snapshot is of an empty store".to_owned()))?;
    Ok(Found { meta, sums, sealed, keyring, shares, engine_id })
}

fn entries(file: &File) -> Result<Entries, Error> {
    let mut archive = opened(file)?;
    next(&mut archive, META)?;
    next(&mut archive, STATE)?;
    Ok(Box::new(State::new(BufReader::new(archive))))
}

/// What is read, and its sum.
struct Hashed {
    from: BufReader<Reader>,
    hash: Context,
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hash.update(&into[..read]);
        Ok(read)
    }
}

/// A key of a store and the value that is sealed under it.
type Entry = (Vec<u8>, Vec<u8>);

/// The entries of a state, in the order of their keys, each once.
struct State<R> {
    from: R,
    last: Option<Vec<u8>>,
}

impl<R: Read> State<R> {
    fn new(from: R) -> Self {
        Self { from, last: None }
    }

    fn entry(&mut self) -> Result<Option<Entry>, Error> {
        let bad = || Error::Invalid("this snapshot is damaged: its entries are no entries of a store".to_owned());
        let mut lengths = [0; 8];
        let first = self.from.read(&mut lengths[..1]).map_err(|error| unreadable(&error))?;
        if first == 0 {
            return Ok(None);
        }
        self.from.read_exact(&mut lengths[1..]).map_err(|error| unreadable(&error))?;
        let [key, value] = [0, 4].map(|at| u32::from_be_bytes([0, 1, 2, 3].map(|n| lengths[at + n])));
        if key > KEY_BYTES_MAX || value > VALUE_BYTES_MAX {
            return Err(bad());
        }
        let mut part = |length: u32| {
            let mut bytes = Vec::new();
            let read = (&mut self.from).take(u64::from(length)).read_to_end(&mut bytes);
            match read.map_err(|error| unreadable(&error))? {
                read if read == length as usize => Ok(bytes),
                _ => Err(bad()),
            }
        };
        let (key, value) = (part(key)?, part(value)?);
        if std::str::from_utf8(&key).is_err() || self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(bad());
        }
        self.last = Some(key.clone());
        Ok(Some((key, value)))
    }
}

impl<R: Read> Iterator for State<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.entry().transpose()
    }
}
