//! The plan: what would change in an engine, as a value.
//!
//! A plan is computed once from what the files say, what the engine holds and what the ledger says is ours.
//! People read it, programs read it, limits judge it, and apply carries it out: all from this one value, so
//! that the summary, the exit code and what is done cannot disagree. It holds no secret, and each change
//! holds the live object it was computed from, so that apply can tell whether the world has moved since.
//! Pure: reading is done elsewhere.

mod attached;
mod diff;
mod json;
mod kept;
mod limit;
mod order;
mod ownership;
mod reviewed;
mod summary;
mod text;

use serde_json::Value;

use crate::object::fingerprint;
use crate::object::{Kind, Live, Place, Shape};
use crate::review;

pub use self::attached::{Attached, Attacher};
pub use self::diff::{Input, differences, secret_digests};
pub use self::json::field_json;
pub use self::kept::{Kept, Reason, Standing, add_key_before, keep_keys};
pub(crate) use self::limit::is_outdated;
pub use self::limit::{Adopt, MAX_DELETES_DEFAULT, Refusal};
pub use self::order::{blockers, stages};
pub use self::ownership::{Claim, Claims, Others, adopt_fields, with_adopted};
pub use self::reviewed::Reviewed;
pub(crate) use self::text::{Page, files_of};
pub use self::text::{escape, short, show};

/// What would change, and why it may not.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The environment it is for.
    pub environment: String,
    /// The estate's commit, with `-dirty` if its files are changed; `None` outside git.
    pub commit: Option<String>,
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// How many declared objects already are as declared.
    pub unchanged: usize,
    /// Keys that stay as the engine has them.
    pub kept: Vec<Kept>,
    /// Objects of the engine that are neither declared nor ours.
    pub unmanaged: Vec<Unmanaged>,
    /// Why this plan may not be applied.
    pub refusals: Vec<Refusal>,
    /// Who gains and loses what by it; `None` if nothing changes, or before it was looked at.
    pub review: Option<review::Environment>,
    /// The digest of that: it goes with every write.
    pub review_digest: Option<String>,
    /// What could not be looked at, and what that means.
    pub notes: Vec<String>,
}

/// An object of the engine that is neither declared nor ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmanaged {
    /// The name of its kind.
    pub kind: &'static str,
    /// Its path.
    pub path: String,
}

/// One object's change.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// The object's sort.
    pub kind: &'static Kind,
    /// The object's path.
    pub path: String,
    /// The app it belongs to.
    pub app: Option<String>,
    /// Where it is declared, or was when it was written last.
    pub place: Place,
    /// The fields that differ. For a new object, those that are not at their default.
    pub fields: Vec<FieldChange>,
    /// How many fields of the object stay as they are.
    pub fields_unchanged: usize,
    /// What this does to people.
    pub effects: Vec<String>,
    /// The live object that this was computed from; `None` if there was none.
    pub live: Option<Live>,
    /// ACL policies that the object names once changed, or named before it is deleted.
    pub policies: Vec<String>,
    /// The guardrails that go with it to the engine.
    pub guardrails: Option<Attached>,
    /// The owner from whose ledger it is taken over.
    pub from: Option<String>,
}

impl Change {
    /// The digest of the live object that this change was computed from; `None` if there was none.
    pub fn live_fingerprint(&self) -> Option<String> {
        self.live.as_ref().map(fingerprint::of_live)
    }

    /// Whether it takes an object away, so that it is made after the others and from the top down.
    pub fn takes_away(&self) -> bool {
        matches!(self.action, Action::Delete | Action::Forget)
    }
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It is declared and not there.
    Create,
    /// It is ours and differs from its declaration.
    Update,
    /// It is declared and there, but was not made by us.
    Adopt,
    /// It is ours and no longer declared.
    Delete,
    /// It is in the ledger and no longer declared, and there is nothing to delete.
    Forget,
}

impl Action {
    /// The marker of plan lines.
    pub fn marker(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Adopt => '=',
            Self::Delete => '-',
            Self::Forget => '.',
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub shape: Shape,
    /// What it is now.
    pub before: Shown,
    /// What it will be.
    pub after: Shown,
}

/// One side of a field's change.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// There is no object, so no field.
    Absent,
    /// A value that may be shown.
    Value(Value),
    /// There is a value, and it is never shown.
    Sensitive,
    /// Whether there is a value, and which, is not known: a write of it may not have arrived.
    Unknown,
}

/// How much a plan does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects to create.
    pub add: usize,
    /// Objects to update.
    pub change: usize,
    /// Objects to delete.
    pub delete: usize,
    /// Objects to adopt.
    pub adopt: usize,
    /// Objects to forget.
    pub forget: usize,
}

impl Summary {
    /// Counts actions.
    pub fn of(actions: impl Iterator<Item = Action>) -> Self {
        let mut summary = Self::default();
        for action in actions {
            match action {
                Action::Create => summary.add += 1,
                Action::Update => summary.change += 1,
                Action::Delete => summary.delete += 1,
                Action::Adopt => summary.adopt += 1,
                Action::Forget => summary.forget += 1,
            }
        }
        summary
    }
}

impl Plan {
    /// Compares what is declared with what is live and what is ours, and judges the outcome. A secret that is not
    /// resolved is not compared; the notes say so.
    pub fn new(input: &Input<'_>) -> Self {
        diff::plan(input)
    }

    /// Refuses the plan because a mount would leave the AWS account in which it has leases out: `None` if the token
    /// may not know how many.
    pub fn refuse_account_change(&mut self, path: &str, place: &Place, leases: Option<usize>) {
        let (path, place) = (path.to_owned(), place.clone());
        self.refusals.push(Refusal::AccountChange { path, place, leases });
    }

    /// Refuses the plan because its files came before those of an earlier apply.
    pub fn refuse_older(&mut self, newer: &str, example: &str) {
        let (newer, example) = (newer.to_owned(), example.to_owned());
        let commit = self.commit.clone().unwrap_or_default();
        self.refusals.push(Refusal::Older { commit, newer, example });
    }

    /// The SHA-256 of what it would do, in hexadecimal digits: the changes, the live objects that they were computed
    /// from, and what they mean for access. It does not depend on commits and places, nor on what they do to people: how
    /// many leases are out changes by the minute, and not every token may know.
    pub fn digest(&self) -> String {
        let mut plan = self.facts();
        for change in plan["changes"].as_array_mut().into_iter().flatten() {
            change["declared"].take();
            change["effects"].take();
        }
        let facts = serde_json::json!({
            "environment": plan["environment"].take(),
            "changes": plan["changes"].take(),
            "review": self.review_digest,
        });
        fingerprint::of_value(&facts)
    }

    /// Takes [`Plan::refuse_account_change`] back: somebody said that it is meant.
    pub fn allow_account_change(&mut self) {
        self.refusals.retain(|refusal| !matches!(refusal, Refusal::AccountChange { .. }));
    }

    /// How much it does.
    pub fn summary(&self) -> Summary {
        Summary::of(self.changes.iter().map(|change| change.action))
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The exit code of `leasehold plan`: 0 nothing to do, 2 changes, 3 refused.
    pub fn exit_code(&self) -> u8 {
        match (self.refusals.is_empty(), self.changes.is_empty()) {
            (false, _) => 3,
            (true, false) => 2,
            (true, true) => 0,
        }
    }
}
