//! Rate limits: how many requests a client may make in a while, at a path, below a mount, or at all.
//!
//! Rules are stored (`quota/rate-limit/<name>`), and looked at in memory; counts are in memory alone, so a restart forgives.
//! Of the rules that a path is under the most specific one counts, and no other. A request is counted before anybody looks
//! at what it shows, so that guessing costs as much as knowing, and a refused one costs the engine next to nothing: it
//! writes no line into the trail, unless the settings want one.
//!
//! A client is an address, or, of IPv6, its network ([`Source`]). What comes from within the process is not counted: that is
//! the command line at its own engine.
//!
//! Source: Vault API, "/sys/quotas/rate-limit" and "/sys/quotas/config"; what a server of OpenBao 2.6 answers.

pub(crate) mod leases;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::leases::LeaseQuotas;
use crate::engine::kernel::Kernel;
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::wire::error::Error;
use crate::engine::wire::source::Source;

const RULES: &str = "quota/rate-limit/";
const SETTINGS: &str = "quota/config";

/// How many clients are counted at a time; past it those are forgotten that would be let through anyway, and, were it
/// all of them, everybody is forgiven.
const COUNTED_MAX: usize = 65_536;

/// One rate limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// What it is for: a mount with a slash at its end, a path below one, or nothing for everything.
    pub(crate) path: String,
    /// How many requests in each interval.
    pub(crate) rate: f64,
    /// How long an interval is, in seconds; one at least.
    pub(crate) interval: i64,
    /// How long a client that made more waits, in seconds; 0 is until it is let through again.
    pub(crate) block_interval: i64,
}

/// What is said of all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Whether what is refused has its lines in the trail.
    pub(crate) audited: bool,
    /// What is never counted: these paths and what is below them.
    pub(crate) exempt: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let exempt = ["sys/health", "sys/seal-status", "sys/unseal"].map(str::to_owned).to_vec();
        Self { audited: false, exempt }
    }
}

/// A request that is one too many.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What the client is told.
    pub(crate) error: Error,
    /// Whether the trail has it.
    pub(crate) audited: bool,
}

/// The rate limits.
pub(crate) struct Quotas {
    /// How many leases there may be.
    pub(crate) leases: LeaseQuotas,
    held: RwLock<Held>,
    counts: Mutex<HashMap<(Arc<str>, Source), Count>>,
}

#[derive(Default)]
struct Held {
    rules: BTreeMap<Arc<str>, Rule>,
    settings: Settings,
}

/// What a client has left, as of a time of the engine's clock.
#[derive(Clone, Copy, Debug)]
struct Count {
    left: f64,
    at: Duration,
    blocked_until: Duration,
}

impl Quotas {
    /// Reads what is stored.
    pub(crate) fn open(barrier: &Barrier) -> Result<Self, Error> {
        let mut rules = BTreeMap::new();
        for key in barrier.keys(RULES, None, usize::MAX)? {
            if let Some(rule) = barrier.get::<Rule>(&key)? {
                rules.insert(Arc::from(&key[RULES.len()..]), rule);
            }
        }
        let settings = barrier.get::<Settings>(SETTINGS)?.unwrap_or_default();
        let leases = LeaseQuotas::open(barrier)?;
        Ok(Self { leases, held: RwLock::new(Held { rules, settings }), counts: Mutex::default() })
    }

    /// Counts a request; what it is refused with, if it is one too many.
    pub(crate) fn count(&self, kernel: &Kernel, path: &str, remote: Option<SocketAddr>) -> Result<(), Refused> {
        let Some(source) = remote.map(|remote| Source::of(remote.ip())) else { return Ok(()) };
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let Some((name, rule)) = held.rule_of(path) else { return Ok(()) };
        let now = since_epoch(kernel);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= COUNTED_MAX {
            counts.retain(|(name, _), count| held.rules.get(name).is_some_and(|rule| !rule.is_full(count, now)));
            if counts.len() >= COUNTED_MAX {
                counts.clear();
            }
        }
        let count = counts.entry((name.clone(), source)).or_insert_with(|| rule.fresh(now));
        rule.take(count, now).map_err(|wait| Refused {
            error: Error::Limited { path: path.to_owned(), seconds: wait },
            audited: held.settings.audited,
        })
    }

    /// All rules, by name.
    pub(crate) fn names(&self) -> Vec<String> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).rules.keys().map(|name| name.to_string()).collect()
    }

    /// The rule of this name.
    pub(crate) fn rule(&self, name: &str) -> Option<Rule> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).rules.get(name).cloned()
    }

    /// What is said of all of them.
    pub(crate) fn settings(&self) -> Settings {
        self.held.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Stores a rule; durable, and in force for the next request, when it returns. Two of one path would never both count,
    /// so the second is refused.
    pub(crate) async fn put(&self, kernel: &Kernel, name: &str, rule: Rule) -> Result<(), Error> {
        let like =
            |(other, known): (&Arc<str>, &Rule)| (**other != *name && known.path == rule.path).then(|| other.clone());
        let other = self.held.read().unwrap_or_else(PoisonError::into_inner).rules.iter().find_map(like);
        if let Some(other) = other {
            return Err(Error::Invalid(format!(
                "quota rule with similar properties exists under the name {:?}",
                &*other
            )));
        }
        let mut batch = Batch::new();
        batch.put(format!("{RULES}{name}"), &rule)?;
        kernel.barrier.commit(batch).await?;
        self.change(|held| drop(held.rules.insert(Arc::from(name), rule)), name);
        Ok(())
    }

    /// Takes a rule away.
    pub(crate) async fn delete(&self, kernel: &Kernel, name: &str) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.delete(format!("{RULES}{name}"));
        kernel.barrier.commit(batch).await?;
        self.change(|held| drop(held.rules.remove(name)), name);
        Ok(())
    }

    /// What becomes of the rules of a mount, and below it, that gets another path, or goes: to be stored with that. Once it is,
    /// [`Quotas::moved`].
    pub(crate) fn moving(&self, from: &str, to: Option<&str>) -> Result<Batch, Error> {
        let mut batch = Batch::new();
        for (name, rule) in self.carried(from, to) {
            let key = format!("{RULES}{name}");
            match rule {
                Some(rule) => batch.put(key, &rule)?,
                None => batch.delete(key),
            }
        }
        self.leases.moving(from, to, &mut batch)?;
        Ok(batch)
    }

    /// The same in memory.
    pub(crate) fn moved(&self, from: &str, to: Option<&str>) {
        self.leases.moved(from, to);
        for (name, rule) in self.carried(from, to) {
            let change = |held: &mut Held| match rule {
                Some(rule) => drop(held.rules.insert(name.clone(), rule)),
                None => drop(held.rules.remove(&name)),
            };
            self.change(change, &name);
        }
    }

    /// Each such rule as it will be; none of a mount that goes.
    fn carried(&self, from: &str, to: Option<&str>) -> Vec<(Arc<str>, Option<Rule>)> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let carried = held.rules.iter().filter_map(|(name, rule)| {
            let below = rule.path.strip_prefix(from)?;
            Some((name.clone(), to.map(|to| Rule { path: format!("{to}{below}"), ..rule.clone() })))
        });
        carried.collect()
    }

    /// Stores what is said of all of them.
    pub(crate) async fn set(&self, kernel: &Kernel, settings: Settings) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.put(SETTINGS, &settings)?;
        kernel.barrier.commit(batch).await?;
        self.held.write().unwrap_or_else(PoisonError::into_inner).settings = settings;
        Ok(())
    }

    /// Changes the rules; whoever was counted by the one of this name begins anew.
    fn change(&self, change: impl FnOnce(&mut Held), name: &str) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).retain(|(counted, _), _| **counted != *name);
    }
}

impl Held {
    /// The rule that a path is counted by: of the path itself, of the mount it is below, else of everything.
    fn rule_of(&self, path: &str) -> Option<(&Arc<str>, &Rule)> {
        if self.rules.is_empty() || self.settings.exempt.iter().any(|exempt| is_at_or_below(path, exempt)) {
            return None;
        }
        let path = path.trim_end_matches('/');
        let fits = |rule: &Rule| match rule.path.strip_suffix('/') {
            Some(mount) => is_at_or_below(path, mount),
            None => rule.path.is_empty() || rule.path == path,
        };
        self.rules.iter().filter(|(_, rule)| fits(rule)).max_by_key(|(_, rule)| rule.path.len())
    }
}

/// The engine's time; a clock that is set back gives nobody anything.
fn since_epoch(kernel: &Kernel) -> Duration {
    Duration::try_from(kernel.clock.now() - time::OffsetDateTime::UNIX_EPOCH).unwrap_or_default()
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Rule {
    /// Requests that a client may make at once. Of less than one it is one, and then it waits the longer.
    fn most(&self) -> f64 {
        self.rate.max(1.0)
    }

    /// Requests that a client gets back in a second.
    fn per_second(&self) -> f64 {
        self.rate / self.interval.max(1) as f64
    }

    fn fresh(&self, now: Duration) -> Count {
        Count { left: self.most(), at: now, blocked_until: Duration::ZERO }
    }

    /// What a client has by now.
    fn by(&self, count: &Count, now: Duration) -> f64 {
        let since = now.saturating_sub(count.at).as_secs_f64();
        (count.left + since * self.per_second()).min(self.most())
    }

    /// Whether nothing is known of a client that a new one would not have.
    fn is_full(&self, count: &Count, now: Duration) -> bool {
        count.blocked_until <= now && self.by(count, now) >= self.most()
    }

    /// Takes one request; else after how many seconds there will be one.
    fn take(&self, count: &mut Count, now: Duration) -> Result<(), u64> {
        if now < count.blocked_until {
            return Err(whole_seconds((count.blocked_until - now).as_secs_f64()));
        }
        count.left = self.by(count, now);
        count.at = now;
        if count.left >= 1.0 {
            count.left -= 1.0;
            return Ok(());
        }
        if self.block_interval > 0 {
            let block = Duration::from_secs(self.block_interval.unsigned_abs());
            count.blocked_until = now + block;
            return Err(block.as_secs());
        }
        Err(whole_seconds((1.0 - count.left) / self.per_second()))
    }
}

/// The next whole number of seconds, one at least.
fn whole_seconds(seconds: f64) -> u64 {
    // Out of range it is the nearest there is.
    seconds.ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Held, Rule, Settings};

    fn rule(path: &str, rate: f64, interval: i64, block_interval: i64) -> Rule {
        Rule { path: path.to_owned(), rate, interval, block_interval }
    }

    #[test]
    fn the_most_specific_rule_counts() {
        let rules = [("all", ""), ("mount", "auth/approle/"), ("login", "auth/approle/login"), ("deep", "team/aws/")];
        let rules = rules.map(|(name, path)| (name.into(), rule(path, 1.0, 1, 0)));
        let held = Held { rules: rules.into_iter().collect(), settings: Settings::default() };
        for (path, expected) in [
            ("auth/approle/login", Some("login")),
            ("auth/approle/login/", Some("login")),
            ("auth/approle/role/web", Some("mount")),
            ("auth/approle", Some("mount")),
            ("auth/approle2/login", Some("all")),
            ("team/aws/creds/web", Some("deep")),
            ("aws/creds/web", Some("all")),
            ("sys/health", None),
            ("sys/healthy", Some("all")),
        ] {
            assert_eq!(held.rule_of(path).map(|(name, _)| &**name), expected, "{path}");
        }
    }

    #[test]
    fn requests_come_back_evenly_and_a_block_is_waited_for() {
        let at = Duration::from_millis;
        let rule = rule("", 2.0, 10, 0);
        let mut count = rule.fresh(at(0));
        assert_eq!([0, 0, 0].map(|ms| rule.take(&mut count, at(ms))), [Ok(()), Ok(()), Err(5)]);
        assert_eq!([4_000, 5_000, 5_001].map(|ms| rule.take(&mut count, at(ms))), [Err(1), Ok(()), Err(5)]);
        assert!(!rule.is_full(&count, at(10_000)) && rule.is_full(&count, at(60_000)));

        let blocking = Rule { block_interval: 60, ..rule };
        let mut count = blocking.fresh(at(0));
        let taken = [0, 0, 0, 30_000, 59_999, 60_000].map(|ms| blocking.take(&mut count, at(ms)));
        assert_eq!(taken, [Ok(()), Ok(()), Err(60), Err(30), Err(1), Ok(())]);
    }

    #[test]
    fn less_than_one_in_an_interval_is_one_in_several() {
        let rule = rule("", 0.5, 1, 0);
        let at = Duration::from_millis;
        let mut count = rule.fresh(at(0));
        assert_eq!([0, 1_000, 2_000].map(|ms| rule.take(&mut count, at(ms))), [Ok(()), Err(1), Ok(())]);
    }
}
