//! Lockout: whoever fails to log in too often has to wait, with good credentials, too.
//!
//! Failures are counted by mount and name, whether or not there is such a name, so that nothing tells what exists. A name
//! that is locked is in the store, under `lockout/<hash>` of its mount, and stays locked over a restart; failures short
//! of that are in memory alone. Counts are kept for so many names at a time; past that the oldest are forgotten.
//!
//! Logins of one name are looked at side by side. One whose credentials are good is refused all the same once the others
//! have failed too often, so that many at a time get no more guesses than one after another.
//!
//! Source: Vault, "User lockout"; OpenBao, `vault/request_handling.go`: defaults, and that a locked name is refused with
//! 403 before anything of it is looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::engine::kernel::barrier::Batch;
use crate::engine::kernel::mounts::Mount;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;

/// Failures until a name is locked.
const THRESHOLD: i64 = 5;

/// Seconds that a name is locked from its last failure on.
const DURATION: i64 = 900;

/// Seconds after which a failure is forgotten.
const COUNTER_RESET: i64 = 900;

/// Names of one mount that are counted at a time: some 6 MB. Anybody can make one up.
const NAMES_MAX: usize = 16_384;

/// Bytes of a name that are kept to be shown.
const SHOWN_MAX: usize = 256;

/// The failures of one name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Failures {
    /// For operators; a long one is cut.
    name: String,
    count: i64,
    /// When the last one was, in seconds since 1970.
    last: i64,
}

/// What a mount says of it, with what is usual where it says nothing.
#[derive(Clone, Copy, Debug)]
struct Rules {
    threshold: i64,
    duration: i64,
    counter_reset: i64,
}

impl Rules {
    /// `None` where nobody is locked out.
    fn of(mount: &Mount) -> Option<Self> {
        let said = mount.tuning.user_lockout.unwrap_or_default();
        let or = |said: i64, usual: i64| if said > 0 { said } else { usual };
        (!said.disable).then(|| Self {
            threshold: or(said.threshold, THRESHOLD),
            duration: or(said.duration, DURATION),
            counter_reset: or(said.counter_reset, COUNTER_RESET),
        })
    }

    fn is_locked(self, failures: &Failures, now: i64) -> bool {
        failures.count >= self.threshold && now - failures.last < self.duration
    }

    fn is_past(self, failures: &Failures, now: i64) -> bool {
        !self.is_locked(failures, now) && now - failures.last >= self.counter_reset
    }
}

/// The failures of one mount, by the hash of the name.
type Names = HashMap<String, Failures>;

/// The failures of a backend's mounts, by their UUID.
#[derive(Default)]
pub(crate) struct Lockout(Mutex<HashMap<String, Names>>);

/// A login that is being looked at.
#[must_use = "a login passes or fails"]
pub(in crate::engine::backend) struct Attempt<'a> {
    lockout: &'a Lockout,
    mount: &'a Mount,
    /// Where nobody is locked out, nothing is counted.
    rules: Option<Rules>,
    hash: String,
    name: &'a str,
}

fn folder(mount: &Mount) -> String {
    mount.storage("lockout/")
}

fn hashed(core: &Core, mount: &Mount, name: &str) -> String {
    core.tokens.keyed_hash(&["locked out", &mount.uuid, name])
}

impl Lockout {
    /// Begins to look at a login of a name, which is in the one form that the method knows it by.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] while the name is locked; if the store can't be read.
    pub(in crate::engine::backend) fn attempt<'a>(
        &'a self,
        core: &Core,
        mount: &'a Mount,
        name: &'a str,
    ) -> Result<Attempt<'a>, Error> {
        let attempt = Attempt { lockout: self, mount, rules: Rules::of(mount), hash: hashed(core, mount, name), name };
        if attempt.is_locked(core)? {
            return Err(Error::Unauthenticated);
        }
        Ok(attempt)
    }

    /// The names of a mount that are locked now, in order.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(in crate::engine::backend) fn locked(&self, core: &Core, mount: &Mount) -> Result<Vec<String>, Error> {
        let now = core.clock.now().unix_timestamp();
        let Some(rules) = Rules::of(mount) else { return Ok(Vec::new()) };
        let mut locked: Vec<String> = self.with(core, mount, |names| {
            let locked = names.values().filter(|failures| rules.is_locked(failures, now));
            locked.map(|failures| failures.name.clone()).collect()
        })?;
        locked.sort();
        Ok(locked)
    }

    /// Forgets the failures of a name.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::engine::backend) async fn unlock(&self, core: &Core, mount: &Mount, name: &str) -> Result<(), Error> {
        let hash = hashed(core, mount, name);
        self.with(core, mount, |names| names.remove(&hash))?;
        let mut batch = Batch::new();
        batch.delete(format!("{}{hash}", folder(mount)));
        core.barrier.commit(batch).await
    }

    /// Works on the failures of a mount, which come out of the store first where they are not in memory.
    fn with<T>(&self, core: &Core, mount: &Mount, work: impl FnOnce(&mut Names) -> T) -> Result<T, Error> {
        // Each use is one change of the map, so a panic elsewhere cannot have left it torn.
        let mut mounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = mounts.get_mut(&mount.uuid) {
            return Ok(work(names));
        }
        mounts.retain(|uuid, _| core.mounts.by_uuid(uuid).is_some());
        let folder = folder(mount);
        let stored = core.barrier.scan::<Failures>(&folder, None, NAMES_MAX)?;
        let names = stored.into_iter().map(|(key, failures)| (key[folder.len()..].to_owned(), failures)).collect();
        Ok(work(mounts.entry(mount.uuid.clone()).or_insert(names)))
    }
}

impl Attempt<'_> {
    fn is_locked(&self, core: &Core) -> Result<bool, Error> {
        let Some(rules) = self.rules else { return Ok(false) };
        let now = core.clock.now().unix_timestamp();
        let failures = self.lockout.with(core, self.mount, |names| names.get(&self.hash).cloned())?;
        Ok(failures.is_some_and(|failures| rules.is_locked(&failures, now)))
    }

    fn key(&self) -> String {
        format!("{}{}", folder(self.mount), self.hash)
    }

    /// The credentials are good: what failed before is forgotten, in the store by `batch`.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] where others have failed too often meanwhile.
    pub(in crate::engine::backend) fn passed(self, core: &Core, batch: &mut Batch) -> Result<(), Error> {
        if self.is_locked(core)? {
            return Err(Error::Unauthenticated);
        }
        if self.rules.is_some() && self.lockout.with(core, self.mount, |names| names.remove(&self.hash))?.is_some() {
            batch.delete(self.key());
        }
        Ok(())
    }

    /// They are not: one more failure of the name. One that locks it is durable when this returns.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::engine::backend) async fn failed(self, core: &Core) -> Result<(), Error> {
        let Some(rules) = self.rules else { return Ok(()) };
        let now = core.clock.now().unix_timestamp();
        let (failures, past) =
            self.lockout.with(core, self.mount, |names| count(names, &self.hash, self.name, rules, now))?;
        if failures.count < rules.threshold {
            return Ok(());
        }
        let mut batch = Batch::new();
        past.into_iter().for_each(|hash| batch.delete(format!("{}{hash}", folder(self.mount))));
        batch.put(self.key(), &failures)?;
        core.barrier.commit(batch).await
    }
}

/// Counts a failure. Answers it with those of before, and the hashes of the names that are forgotten for it.
fn count(names: &mut Names, hash: &str, name: &str, rules: Rules, now: i64) -> (Failures, Vec<String>) {
    let mut past = Vec::new();
    if !names.contains_key(hash) && names.len() >= NAMES_MAX {
        past = forgotten(names, rules, now);
        past.iter().for_each(|hash| drop(names.remove(hash)));
    }
    let mut end = name.len().min(SHOWN_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let failures =
        names.entry(hash.to_owned()).or_insert_with(|| Failures { name: name[..end].to_owned(), count: 0, last: now });
    if now - failures.last > rules.counter_reset {
        failures.count = 0;
    }
    failures.count += 1;
    failures.last = now;
    (failures.clone(), past)
}

/// Which names are forgotten when there are too many: those whose time is over, or else the quarter that failed longest
/// ago, those first that are not locked.
fn forgotten(names: &Names, rules: Rules, now: i64) -> Vec<String> {
    let mut all: Vec<(&String, &Failures)> = names.iter().collect();
    all.sort_by_key(|(_, failures)| (rules.is_locked(failures, now), failures.last));
    let past = all.iter().filter(|(_, failures)| rules.is_past(failures, now)).count();
    if past > 0 {
        return all.into_iter().filter(|(_, it)| rules.is_past(it, now)).map(|(hash, _)| hash.clone()).collect();
    }
    all.into_iter().take(NAMES_MAX / 4).map(|(hash, _)| hash.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{COUNTER_RESET, NAMES_MAX, Names, Rules, count};

    const RULES: Rules = Rules { threshold: 2, duration: 900, counter_reset: COUNTER_RESET };

    #[test]
    fn failures_count_until_one_is_long_ago() {
        let mut names = Names::new();
        let mut fail = |now| count(&mut names, "h", "bob", RULES, now).0;
        assert_eq!([fail(0).count, fail(COUNTER_RESET).count, fail(2 * COUNTER_RESET + 1).count], [1, 2, 1]);
        assert!(RULES.is_locked(&fail(2 * COUNTER_RESET + 1), 2 * COUNTER_RESET + 1));
    }

    #[test]
    fn a_crowd_of_names_drives_out_those_that_are_not_locked_first() {
        let mut names = Names::new();
        for _ in 0..2 {
            count(&mut names, "locked", "locked", RULES, 1);
        }
        for at in 1..NAMES_MAX {
            count(&mut names, &at.to_string(), "x", RULES, 2);
        }
        assert_eq!(names.len(), NAMES_MAX);
        let (_, past) = count(&mut names, "new", "new", RULES, 3);
        assert_eq!((past.len(), names.contains_key("locked")), (NAMES_MAX / 4, true));
        // Once their time is over, they go instead.
        for at in 0..NAMES_MAX / 4 {
            count(&mut names, &format!("more {at}"), "x", RULES, 2 + COUNTER_RESET);
        }
        assert!(names.contains_key("new") && !names.contains_key("locked") && names.len() < NAMES_MAX);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = "ä".repeat(200);
        let (failures, _) = count(&mut Names::new(), "h", &name, RULES, 0);
        assert_eq!(failures.name, "ä".repeat(128));
    }
}
