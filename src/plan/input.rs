//! What a plan is computed from.

use std::collections::{BTreeMap, HashMap};

use super::adopt::Adopt;
use super::change::Unmanaged;
use super::selection::Selection;
use crate::estate::Limit;
use crate::guardrail::Guardrail;
use crate::object::{Absent, Live, Object, Owned, Shared, Taking};
use crate::secret::Secret;

/// What a plan is computed from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The estate's commit.
    pub commit: Option<&'a str>,
    /// What the files say, each path once.
    pub desired: &'a [Object],
    /// What they say shall not be there.
    pub absent: &'a [Absent],
    /// The day, as `2026-11-25`, in UTC.
    pub today: &'a str,
    /// What somebody else has and is referred to.
    pub shared: &'a [Shared],
    /// What the engine holds, at least at every path that is desired or ours.
    pub live: &'a HashMap<String, Live>,
    /// What is ours.
    pub owned: &'a BTreeMap<String, Owned>,
    /// The key of secret digests; `None` before the first apply, and for whom the ledger does not tell it.
    pub key: Option<&'a Secret>,
    /// Whether there is a key that this token may not read.
    pub key_hidden: bool,
    /// What to do about declared objects that are nobody's.
    pub adopt: Adopt<'a>,
    /// The owners whose objects are taken over, where they are declared.
    pub adopt_from: &'a [String],
    /// What the ledgers of others say.
    pub others: Others<'a>,
    /// Whether nothing but the environment's name tells this estate's ledger from another's on the engine.
    pub nameless: bool,
    /// The environment's limit, or [`MAX_DELETES_DEFAULT`](super::MAX_DELETES_DEFAULT).
    pub max_deletes: u32,
    /// Its limits of single kinds, with how many of each are ours.
    pub limits: &'a [(Limit, usize)],
    /// What the engine holds besides.
    pub unmanaged: &'a [Unmanaged],
    /// Folders that this token may not list.
    pub unlisted: &'a [String],
    /// What could not be looked at.
    pub notes: Vec<String>,
    /// How the server takes the entries of its tables.
    pub taking: &'a BTreeMap<&'static str, Taking>,
    /// What may never be granted.
    pub guardrails: &'a [Guardrail],
    /// Which of the changes are made.
    pub selection: Selection<'a>,
}

/// What the ledgers of others say of the objects that a plan touches, by path.
pub type Claims = BTreeMap<String, Vec<Claim>>;

/// Another's word that an object is theirs.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Their name in the ledger.
    pub owner: String,
    /// Their name for people.
    pub whose: String,
    /// What they remember of it.
    pub owned: Owned,
}

/// Whether the ledgers of others were asked.
#[derive(Clone, Copy, Debug)]
pub enum Others<'a> {
    /// Not yet.
    NotAsked,
    /// This token may not read them.
    Hidden,
    /// What they say.
    Known(&'a Claims),
}

impl<'a> Others<'a> {
    /// What they say, where that is known.
    pub(super) fn claims(self) -> Option<&'a Claims> {
        match self {
            Self::Known(claims) => Some(claims),
            Self::NotAsked | Self::Hidden => None,
        }
    }
}
