//! What a plan does: one object's change, and how many there are.

use std::collections::HashMap;

use serde_json::Value;

use super::attached::Attached;
use super::outstanding::Outstanding;
use crate::object::{Absence, KeyChange, Kind, Live, Place, Shape, fingerprint};

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
    pub action: ChangeAction,
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
    /// What this does to people, beside what it does to keys and leases: [`Change::told`] has all of it.
    pub effects: Vec<String>,
    /// What it does to access keys in AWS.
    pub keys: Option<KeyChange>,
    /// Whether the leases that are out under it are revoked once it is made.
    pub revokes: bool,
    /// The leases that are out under it, where they were looked for.
    pub leases: Option<Outstanding>,
    /// The live object that this was computed from; `None` if there was none.
    pub live: Option<Live>,
    /// ACL policies that the object names once changed, or named before it is deleted.
    pub policies: Vec<String>,
    /// The paths of other objects that it names once changed, or named before it is deleted.
    pub names: Vec<String>,
    /// The guardrails that go with it to the engine.
    pub guardrails: Option<Attached>,
    /// The owner from whose ledger it is taken over.
    pub from: Option<String>,
    /// Whether it is half of a rename.
    pub renamed: Option<Renamed>,
    /// Why it is taken away, where its declaration says so.
    pub absence: Option<Absence>,
}

impl Change {
    /// The digest of the live object that this change was computed from; `None` if there was none.
    pub fn live_fingerprint(&self) -> Option<String> {
        self.live.as_ref().map(fingerprint::of_live)
    }

    /// Whether it takes an object away, so that it is made after the others and from the top down.
    pub fn takes_away(&self) -> bool {
        matches!(self.action, ChangeAction::Delete | ChangeAction::Forget)
    }

    /// Whether it is the old half of a rename: nothing is lost by it.
    pub fn is_moved_away(&self) -> bool {
        matches!(self.renamed, Some(Renamed::To(_)))
    }
}

/// A change as JSON without what depends on where it is declared, on who looks, and on how many leases are out: what of it a digest
/// knows.
pub(super) fn lasting(change: &mut Value) {
    change["declared"].take();
    change["effects"].take();
    if let Some(change) = change.as_object_mut() {
        change.remove("leases");
        change.remove("keys");
    }
}

/// The other half of a rename.
#[derive(Clone, Debug, PartialEq)]
pub enum Renamed {
    /// It comes from here.
    From {
        /// The old path.
        path: String,
        /// What is another than it was there, of that which an engine tells.
        fields: Vec<FieldChange>,
    },
    /// It goes, for it is here now.
    To(String),
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeAction {
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

impl ChangeAction {
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
    /// Objects that get another name.
    pub rename: usize,
}

impl Summary {
    /// Counts changes. The two halves of a rename are one.
    pub fn of_changes<'c>(changes: impl Iterator<Item = &'c Change> + Clone) -> Self {
        let there: HashMap<&str, ChangeAction> =
            changes.clone().map(|change| (change.path.as_str(), change.action)).collect();
        let is = |path: &str, action| there.get(path) == Some(&action);
        let mut renames = 0;
        let single = changes.filter(|change| match &change.renamed {
            Some(Renamed::From { path, .. }) if is(path, ChangeAction::Delete) => {
                renames += 1;
                false
            }
            Some(Renamed::To(path)) => !is(path, ChangeAction::Create),
            _ => true,
        });
        let summary = Self::of(single.map(|change| change.action));
        Self { rename: renames, ..summary }
    }

    /// Counts actions.
    pub fn of(actions: impl Iterator<Item = ChangeAction>) -> Self {
        let mut summary = Self::default();
        for action in actions {
            match action {
                ChangeAction::Create => summary.add += 1,
                ChangeAction::Update => summary.change += 1,
                ChangeAction::Delete => summary.delete += 1,
                ChangeAction::Adopt => summary.adopt += 1,
                ChangeAction::Forget => summary.forget += 1,
            }
        }
        summary
    }
}
