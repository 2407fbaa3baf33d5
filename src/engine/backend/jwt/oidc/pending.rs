//! Logins that were begun: what their callback has to fit. Each is good for one callback, within [`LIFE`].
//!
//! They are in memory alone. Anybody may begin one, and what anybody may do should not write to the store; one that a
//! restart loses is begun again by its person. So many are kept at a time; past that the source that began most of them
//! loses its oldest.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::wire::source::Source;
use crate::secret::Secret;

/// Seconds in which a person logs in. Source: OpenBao, `builtin/credential/jwt/path_oidc.go`.
pub(super) const LIFE: i64 = 600;

/// Logins that are kept at a time: some 10 MB.
const PENDING_MAX: usize = 8192;

/// A login that was begun.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// The role's name, in lower case.
    pub(super) role: String,
    /// Where the browser comes back to, as the issuer was told.
    pub(super) redirect_uri: String,
    /// The issuer and its client, by whose settings it was begun.
    pub(super) client: (String, String),
    /// What the issuer's token has to say again.
    pub(super) nonce: Secret,
    /// What shows the issuer that the code is ours (RFC 7636).
    pub(super) verifier: Secret,
    /// What the callback has to show again; empty where nothing was given.
    pub(super) client_nonce: Secret,
}

#[derive(Debug)]
struct Entry {
    begun: Begun,
    at: i64,
    from: Option<Source>,
}

/// A mount's UUID, and a login's state.
type Key = (String, String);

/// The logins of all mounts.
#[derive(Default)]
pub(in crate::engine::backend::jwt) struct Pending(Mutex<BTreeMap<Key, Entry>>);

impl Pending {
    /// Keeps one.
    pub(super) fn keep(&self, mount: &str, state: String, begun: Begun, now: i64, from: Option<IpAddr>) {
        let mut all = self.all();
        if all.len() >= PENDING_MAX {
            all.retain(|_, entry| is_good(entry, now));
        }
        if all.len() >= PENDING_MAX
            && let Some(key) = first_to_go(&all)
        {
            all.remove(&key);
        }
        all.insert((mount.to_owned(), state), Entry { begun, at: now, from: from.map(Source::of) });
    }

    /// Takes one, whatever becomes of it: a second callback finds nothing.
    pub(super) fn take(&self, mount: &str, state: &str, now: i64) -> Option<Begun> {
        let entry = self.all().remove(&(mount.to_owned(), state.to_owned()))?;
        is_good(&entry, now).then_some(entry.begun)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was put back makes none older than it is.
fn is_good(entry: &Entry, now: i64) -> bool {
    now.saturating_sub(entry.at) < LIFE
}

/// The oldest of the source that has most.
fn first_to_go(all: &BTreeMap<Key, Entry>) -> Option<Key> {
    let mut counts: BTreeMap<Option<Source>, usize> = BTreeMap::new();
    for entry in all.values() {
        *counts.entry(entry.from).or_default() += 1;
    }
    let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let own = all.iter().filter(|(_, entry)| entry.from == most);
    own.min_by_key(|(_, entry)| entry.at).map(|(key, _)| key.clone())
}

#[cfg(test)]
mod tests {
    use super::{Begun, LIFE, PENDING_MAX, Pending};
    use crate::secret::Secret;

    fn begun(role: &str) -> Begun {
        Begun {
            role: role.to_owned(),
            redirect_uri: String::new(),
            client: (String::new(), String::new()),
            nonce: Secret::default(),
            verifier: Secret::default(),
            client_nonce: Secret::default(),
        }
    }

    #[test]
    fn a_login_is_taken_once_in_its_time_and_at_its_mount() {
        let pending = Pending::default();
        let keep = |state: &str| pending.keep("m", state.to_owned(), begun("r"), 1000, None);
        let role = |state: &str, now| pending.take("m", state, now).map(|begun| begun.role);
        keep("a");
        assert_eq!(pending.take("other", "a", 1000).map(|begun| begun.role), None);
        assert_eq!((role("a", 1000 + LIFE - 1), role("a", 1000)), (Some("r".to_owned()), None));
        keep("b");
        assert_eq!((role("b", 1000 + LIFE), role("b", 1000)), (None, None));
        keep("c");
        assert_eq!(role("c", 0), Some("r".to_owned()));
    }

    #[test]
    fn a_crowd_from_one_place_drives_out_its_own() {
        let pending = Pending::default();
        let keep = |state: String, now, from: &str| {
            pending.keep("m", state, begun(""), now, Some(from.parse().unwrap()));
        };
        keep("person".to_owned(), 0, "192.0.2.1");
        for at in 0..PENDING_MAX {
            keep(at.to_string(), 1, if at % 2 == 0 { "2001:db8::1" } else { "2001:db8::2" });
        }
        assert_eq!(pending.all().len(), PENDING_MAX);
        assert!(pending.take("m", "person", 1).is_some());
        // Once their time is over, they go first.
        keep("first".to_owned(), 1, "192.0.2.1");
        keep("late".to_owned(), LIFE + 1, "192.0.2.1");
        assert_eq!(pending.all().len(), 1);
    }
}
