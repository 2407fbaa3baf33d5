//! How many leases there may be at a time: in all, of a mount, or of a path below one.
//!
//! What is counted is what is stored, so that nothing is counted twice or forgotten, by a kill either. Who makes a lease
//! that counts holds the rule's turn until it is stored: two at once can't both be the last. Of the rules that a path is
//! under the most specific one counts, and no other. Tokens that end are leases as credentials are; a batch token is none,
//! and is refused all the same where there are enough; and nothing limits what holds something off in an emergency, answers
//! that lie wrapped, and tokens with the policy `root`.
//!
//! Source: Vault API, "/sys/quotas/lease-count".

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::OwnedMutexGuard;

use crate::engine::kernel::Kernel;
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::kernel::due::lease_key;
use crate::engine::wire::error::Error;

const RULES: &str = "quota/lease-count/";

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// What it is for: a mount with a slash at its end, a path below one, or nothing for everything.
    pub(crate) path: String,
    /// How many leases.
    pub(crate) max_leases: usize,
}

impl Rule {
    /// What the keys of the leases that count begin with.
    fn prefix(&self) -> String {
        let path = self.path.trim_end_matches('/');
        lease_key(&if path.is_empty() { String::new() } else { format!("{path}/") })
    }

    fn fits(&self, path: &str) -> bool {
        super::is_at_or_below(path, &self.path) || self.path.is_empty()
    }
}

/// A rule, and whose turn it is.
type Held = (Rule, Arc<tokio::sync::Mutex<()>>);

/// All of them, by name.
#[derive(Default)]
pub(crate) struct LeaseQuotas {
    rules: RwLock<BTreeMap<String, Held>>,
}

impl LeaseQuotas {
    /// Reads what is stored.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(super) fn open(barrier: &Barrier) -> Result<Self, Error> {
        let mut rules = BTreeMap::new();
        for key in barrier.keys(RULES, None, usize::MAX)? {
            if let Some(rule) = barrier.get::<Rule>(&key)? {
                rules.insert(key[RULES.len()..].to_owned(), (rule, Arc::default()));
            }
        }
        Ok(Self { rules: RwLock::new(rules) })
    }

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<String, Held>) -> T) -> T {
        look(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a lease of a path be made, if it is not one too many. What is answered is held until it is stored.
    ///
    /// # Errors
    /// [`Error::Full`]; if the store can't be read.
    pub(crate) async fn admit(&self, kernel: &Kernel, path: &str) -> Result<Option<OwnedMutexGuard<()>>, Error> {
        let found = self.read(|rules| {
            let fitting = rules.values().filter(|(rule, _)| rule.fits(path));
            fitting.max_by_key(|(rule, _)| rule.path.trim_end_matches('/').len()).cloned()
        });
        let Some((rule, turn)) = found else { return Ok(None) };
        let turn = turn.lock_owned().await;
        match kernel.barrier.count(&rule.prefix(), rule.max_leases)? < rule.max_leases {
            true => Ok(Some(turn)),
            false => Err(Error::Full { path: path.to_owned() }),
        }
    }

    /// How many leases count for a rule now.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn count(&self, kernel: &Kernel, rule: &Rule) -> Result<usize, Error> {
        kernel.barrier.count(&rule.prefix(), usize::MAX)
    }

    /// All rules, by name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.read(|rules| rules.keys().cloned().collect())
    }

    /// The rule of this name.
    pub(crate) fn rule(&self, name: &str) -> Option<Rule> {
        self.read(|rules| rules.get(name).map(|(rule, _)| rule.clone()))
    }

    /// Stores a rule; durable, and in force for the next lease, when it returns. Of two of one path the second is refused.
    ///
    /// # Errors
    /// Another one of that path; if the store takes nothing.
    pub(crate) async fn put(&self, kernel: &Kernel, name: &str, rule: Rule) -> Result<(), Error> {
        let other = self.read(|rules| {
            let like = |(other, (known, _)): (&String, &Held)| {
                (*other != name && known.path == rule.path).then(|| other.clone())
            };
            rules.iter().find_map(like)
        });
        if let Some(other) = other {
            return Err(Error::Invalid(format!("quota rule with similar properties exists under the name {other:?}")));
        }
        let mut batch = Batch::new();
        batch.put(format!("{RULES}{name}"), &rule)?;
        kernel.barrier.commit(batch).await?;
        self.keep(name, Some(rule));
        Ok(())
    }

    /// Takes a rule away.
    ///
    /// # Errors
    /// If the store takes nothing.
    pub(crate) async fn delete(&self, kernel: &Kernel, name: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.delete(format!("{RULES}{name}"));
        kernel.barrier.commit(batch).await?;
        self.keep(name, None);
        Ok(())
    }

    fn keep(&self, name: &str, rule: Option<Rule>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        match rule {
            Some(rule) => drop(rules.insert(name.to_owned(), (rule, Arc::default()))),
            None => drop(rules.remove(name)),
        }
    }

    /// What becomes of the rules of a mount that gets another path, or goes: to be stored with that.
    pub(super) fn moving(&self, from: &str, to: Option<&str>, batch: &mut Batch) -> Result<(), Error> {
        for (name, rule) in self.carried(from, to) {
            let key = format!("{RULES}{name}");
            match rule {
                Some(rule) => batch.put(key, &rule)?,
                None => batch.delete(key),
            }
        }
        Ok(())
    }

    /// The same in memory.
    pub(super) fn moved(&self, from: &str, to: Option<&str>) {
        self.carried(from, to).into_iter().for_each(|(name, rule)| self.keep(&name, rule));
    }

    fn carried(&self, from: &str, to: Option<&str>) -> Vec<(String, Option<Rule>)> {
        self.read(|rules| {
            let carried = rules.iter().filter_map(|(name, (rule, _))| {
                let below = rule.path.strip_prefix(from)?;
                Some((name.clone(), to.map(|to| Rule { path: format!("{to}{below}"), ..rule.clone() })))
            });
            carried.collect()
        })
    }
}
