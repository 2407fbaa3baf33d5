//! Whether a store is sound: its file, every value in it, what has to be there for each lease to end, and the last lines
//! of the trail.
//!
//! All of it is read in one transaction, in the order of keys, so that nothing that goes on meanwhile looks like damage.
//! What is due sorts before the leases, and these before the tokens; of what was seen, sums of a few bytes are kept.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use super::Lease;
use super::login::token_of;
use crate::engine::kernel::barrier::{Barrier, KEYRING_KEY, SHARES_KEY, is_beside};
use crate::engine::kernel::loss::{self, Home};
use crate::engine::kernel::mounts::Mounts;
use crate::engine::kernel::seal::{self, Directory};
use crate::engine::kernel::store::{Copied, Size, Store};
use crate::engine::kernel::store_disk::DiskStore;
use crate::engine::setup::{KeyFile, OpenError};
use crate::engine::wire::error::Error;
use crate::trail;

/// How many problems of a sort are named.
const NAMED_MAX: usize = 5;

/// What a look through a store found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// How many entries there are.
    pub(crate) entries: u64,
    /// How many leases of credentials.
    pub(crate) leases: u64,
    /// What is wrong, with what to do; nothing of a sound store.
    pub(crate) problems: Vec<String>,
    /// Whether only its file could be looked at.
    pub(crate) is_sealed: bool,
}

/// Looks through an open store. May block.
///
/// # Errors
/// If it can't be read.
pub(crate) fn look(store: &dyn Store, barrier: &Barrier, home: &Home) -> Result<Findings, Error> {
    let mut look = Look::of(barrier)?;
    look.findings.problems.extend(store.damage()?.map(|what| loss::damaged(&what).to_string()));
    store.copy(&mut look)?;
    let mut findings = look.end();
    for (name, noted) in loss::noted(barrier, home)? {
        let path = noted.path.display();
        match trail::missing(&noted) {
            Ok(None) => {}
            Ok(Some(what)) => findings.problems.push(format!("the trail {path} is not what this engine wrote: {what}")),
            Err(error) => {
                findings.problems.push(format!("the file {path} of the audit device {name} can't be read: {error}"));
            }
        }
    }
    Ok(findings)
}

/// Looks through the store in a data directory that nobody uses. Of one that is sealed by shares, at its file.
///
/// # Errors
/// There is none; another process has it; the key is not there.
pub(crate) fn offline(directory: &Path, key: &KeyFile, unix: i64) -> Result<Findings, OpenError> {
    let failed = |what: String| OpenError::Failed(what);
    let file = directory.join("engine.db");
    if !file.is_file() {
        return Err(failed(format!("there is no store in {}: engine.db is not there", directory.display())));
    }
    let held = Directory::hold(directory)?;
    let store: Arc<dyn Store> = match DiskStore::open(&file) {
        Ok(store) => Arc::new(store),
        Err(error) => return Ok(Findings { problems: vec![error.to_string()], ..Findings::default() }),
    };
    if store.get(KEYRING_KEY)?.is_none() {
        return Err(failed(format!("the store in {} is empty", directory.display())));
    }
    if store.get(SHARES_KEY)?.is_some() {
        let problems = store.damage()?.map(|what| loss::damaged(&what).to_string());
        return Ok(Findings { problems: problems.into_iter().collect(), is_sealed: true, ..Findings::default() });
    }
    let (key, _) = held.unseal_key(key, &*store)?;
    let (barrier, _) = seal::unseal(store.clone(), &key, unix)?;
    let home = std::path::absolute(directory).map_err(|error| failed(format!("{}: {error}", directory.display())))?;
    Ok(look(&*store, &barrier, &Some(home))?)
}

/// What is kept while a store is read.
struct Look<'b> {
    barrier: &'b Barrier,
    mounts: HashSet<String>,
    /// The entries that say when what is due, by their sums.
    due: HashSet<u64>,
    /// The tokens that are leases, by the sums of their keys, with the leases.
    tokens: HashMap<u64, String>,
    unread: Named,
    undue: Named,
    unmounted: Named,
    findings: Findings,
}

/// The first of many, and how many there are.
#[derive(Default)]
struct Named(Vec<String>, usize);

impl Named {
    fn add(&mut self, name: &str) {
        self.1 += 1;
        if self.0.len() < NAMED_MAX {
            self.0.push(name.to_owned());
        }
    }

    fn told(self, what: impl FnOnce(usize, String) -> String) -> Option<String> {
        let more = if self.1 > self.0.len() { " and more" } else { "" };
        (self.1 > 0).then(|| what(self.1, format!("{}{more}", self.0.join(", "))))
    }
}

fn sum(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl<'b> Look<'b> {
    fn of(barrier: &'b Barrier) -> Result<Self, Error> {
        let mounts = Mounts::uuids(barrier)?.into_iter().collect();
        let (due, tokens, unread, undue, unmounted, findings) = Default::default();
        Ok(Self { barrier, mounts, due, tokens, unread, undue, unmounted, findings })
    }

    fn lease(&mut self, id: &str, plain: &[u8]) {
        if let Some(hash) = token_of(id) {
            self.tokens.insert(sum(hash), id.to_owned());
            return;
        }
        self.findings.leases += 1;
        let Ok(lease) = serde_json::from_slice::<Lease>(plain) else { return self.unread.add(&format!("lease/{id}")) };
        if !self.due.contains(&sum(&lease.due_key())) {
            self.undue.add(id);
        }
        if !self.mounts.contains(&lease.mount) {
            self.unmounted.add(id);
        }
    }

    fn end(self) -> Findings {
        let mut tokens = Named::default();
        let mut without: Vec<&String> = self.tokens.values().collect();
        without.sort_unstable();
        without.into_iter().for_each(|id| tokens.add(id));
        let mut findings = self.findings;
        findings.problems.extend([
            self.unread.told(|count, names| {
                format!("{count} values are damaged and can't be read ({names}): put the store back from a snapshot")
            }),
            self.undue.told(|count, names| {
                format!(
                    "{count} leases would not end by themselves, for nothing says when they are due ({names}): revoke them \
                     (`leasehold lease revoke`)"
                )
            }),
            self.unmounted.told(|count, names| {
                format!(
                    "{count} leases are of mounts that are not there, and can't be revoked ({names}): delete their users in \
                     AWS, and give them up (`leasehold lease revoke -force -prefix`)"
                )
            }),
            tokens.told(|count, names| format!("{count} leases are of tokens that are not there ({names})")),
        ].into_iter().flatten());
        findings
    }
}

impl Copied for Look<'_> {
    fn begin(&mut self, size: Size) -> Result<(), Error> {
        self.findings.entries = size.entries;
        Ok(())
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let key = String::from_utf8_lossy(key);
        if is_beside(&key) {
            return Ok(());
        }
        let plain = match self.barrier.plain(&key, value) {
            Ok(plain) => plain,
            Err(Error::Sealed) => return Err(Error::Sealed),
            Err(_) => {
                self.unread.add(&key);
                return Ok(());
            }
        };
        if key.starts_with("due/") {
            self.due.insert(sum(&key));
        } else if let Some(id) = key.strip_prefix("lease/") {
            self.lease(id, &plain);
        } else if let Some(hash) = key.strip_prefix("token/") {
            self.tokens.remove(&sum(hash));
        }
        Ok(())
    }
}
