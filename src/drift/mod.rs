//! What of an engine is not as it was left: drift, in three answers that are kept apart.
//!
//! *Changed behind our back*: an object that we wrote is no longer as we wrote it. *Committed, not yet applied*: the
//! files say something else than what was applied last. *Not ours*: roles, logins and settings below declared mounts
//! that nobody declared, and policies of nobody that grant something of ours. One object may be both of the first two.
//! What was applied last is known by its digest alone; where the files still say it, or those of the commit that it was
//! written from, or the engine still holds it, it is known whole. Where an apply would be refused, that is told with
//! what is not applied. Pure.

mod accept;
mod aside;
mod attribution;
mod baseline;
mod extent;
mod finding;
mod html;
mod json;
mod listed;
mod markdown;
mod policy;
mod rules;
mod summary;
mod text;
mod told;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::estate::Level;
use crate::object::{Class, FieldValue, Kind, Live, Object, Owned, Place, Progress, Shape, Told, fingerprint, kind};
use crate::plan::{Change, ChangeAction, FieldChange, Plan, Refusal, Shown, differences};
use crate::review;

pub use self::aside::Aside;
pub use self::attribution::Attribution;
pub use self::baseline::{Baseline, Fingerprints, Unusable};
pub use self::extent::Extent;
pub use self::finding::{Found, Listed, Rule};
pub use self::policy::{Mounts, Verdict};

/// What drifted in an environment.
#[derive(Debug)]
pub struct Drift {
    /// The environment.
    pub environment: String,
    /// The commit of the files.
    pub commit: Option<String>,
    /// Objects of ours that are no longer as we wrote them.
    pub changed: Vec<Changed>,
    /// What the files say and was not applied.
    pub pending: Vec<Pending>,
    /// Objects that nobody declared, where we keep ours.
    pub foreign: Vec<Foreign>,
    /// What somebody accepts until a day.
    pub accepted: Vec<Aside>,
    /// What is not ours, and of which the estate says that this is known.
    pub ignored: Vec<Aside>,
    /// What audit files tell of it, where they were asked.
    attribution: Option<Attribution>,
    /// How much findings matter, where the estate says it.
    levels: BTreeMap<(Rule, String), Level>,
    /// Why an apply of these files would be refused, as a plan says it.
    pub refusals: Vec<Refusal>,
    /// Who gains and loses what by the changes behind our back; `None` before it was looked at.
    pub review: Option<review::Environment>,
    /// What could not be looked at, and what that means.
    pub notes: Vec<String>,
}

/// An object of ours that somebody else changed.
#[derive(Debug)]
pub struct Changed {
    /// Its sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
    /// The app it belongs to.
    pub app: Option<String>,
    /// Where it is declared, or was.
    pub place: Place,
    /// The commit that it was written from.
    pub commit: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Whether the files say something else about it, too.
    pub pending: bool,
    /// Whether they say what it is now.
    pub agreed: bool,
    /// Whether it is shown beside the files, since what was applied last is not known any more.
    pub beside_files: bool,
    /// Whether it is not known if what was written last arrived. It is neither that nor what was there before.
    pub unsettled: bool,
}

impl Changed {
    /// What else is to be said of it, beside what became of it.
    fn remark(&self) -> Option<String> {
        let remark = match self.pending {
            true if self.agreed => "the files say the same since, and that is not applied",
            _ if self.unsettled => {
                "our last write of it was not seen to arrive as it was sent: this is neither that nor what was written before"
            }
            true => "the files say something else about it, too",
            false => return None,
        };
        Some(format!("{remark}{}", if self.beside_files && !self.agreed { "; shown beside the files" } else { "" }))
    }
}

/// What became of an object.
#[derive(Debug)]
pub enum Fate {
    /// It is gone from the engine.
    Gone,
    /// These fields differ: from what was applied last, or from the files where that is not known any more.
    Differs(Vec<FieldChange>),
}

/// What an apply would do.
#[derive(Debug)]
pub struct Pending {
    /// What.
    pub action: ChangeAction,
    /// The object's sort.
    pub kind: &'static Kind,
    /// Its path.
    pub path: String,
    /// The app it belongs to.
    pub app: Option<String>,
    /// Where it is declared, or was.
    pub place: Place,
    /// Whether somebody else changed it, too.
    pub changed: bool,
    /// What to do, and what stands for it, where the server takes it from its configuration alone.
    pub configured: Option<(&'static str, String)>,
}

/// An object that is not ours.
#[derive(Debug)]
pub struct Foreign {
    /// The name of its kind.
    pub kind: &'static str,
    /// Its path.
    pub path: String,
    /// Where it is declared, if it is: it exists, and was not made from these files.
    pub declared: Option<Place>,
}

/// What drift is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The plan of these files, computed without taking anything over.
    pub plan: &'a Plan,
    /// What the files say.
    pub desired: &'a [Object],
    /// What is ours.
    pub owned: &'a BTreeMap<String, Owned>,
    /// What the engine holds at every path that is desired or ours.
    pub live: &'a HashMap<String, Live>,
    /// What was applied last, of what [`lost`] named and a commit still says.
    pub last: &'a HashMap<String, Object>,
    /// Policies that are findings, of those that nobody declared.
    pub policies: &'a HashSet<String>,
}

impl Drift {
    /// Tells the three apart.
    pub fn of(input: Input<'_>) -> Self {
        let mut drift = Self {
            environment: input.plan.environment.clone(),
            commit: input.plan.commit.clone(),
            changed: Vec::new(),
            pending: Vec::new(),
            foreign: Vec::new(),
            accepted: Vec::new(),
            ignored: Vec::new(),
            attribution: None,
            levels: BTreeMap::new(),
            refusals: input.plan.refusals.clone(),
            review: None,
            notes: input.plan.notes.clone(),
        };
        let desired = by_path(input.desired);
        for change in &input.plan.changes {
            drift.classify(change, desired.get(change.path.as_str()).copied(), input);
        }
        for one in &input.plan.configured {
            let path = one.change.path.as_str();
            drift.classify(&one.change, desired.get(path).copied(), input);
            if let Some(pending) = drift.pending.last_mut().filter(|pending| pending.path == path) {
                pending.configured = Some((one.what(), one.stanza.clone()));
            }
        }
        for object in input.desired {
            drift.made_as_said(object, input);
        }
        for (path, owned) in input.owned.iter().filter(|(_, owned)| owned.kind.key().is_some()) {
            drift.other_key(path, owned, input);
        }
        let found = input.plan.unmanaged.iter().filter(|object| match kind(object.kind).map(|kind| kind.class) {
            Some(Class::Config | Class::Role | Class::Login | Class::Person) => true,
            Some(Class::Policy) => input.policies.contains(&object.path),
            Some(Class::Audit | Class::Mount | Class::Other) | None => false,
        });
        drift.foreign.extend(found.map(|object| Foreign {
            kind: object.kind,
            path: object.path.clone(),
            declared: None,
        }));
        // What grants something comes first: a summary shows the first ones.
        let grants = |object: &Foreign| kind(object.kind).is_some_and(|kind| kind.class == Class::Policy);
        drift.foreign.sort_by(|a, b| grants(b).cmp(&grants(a)).then_with(|| a.path.cmp(&b.path)));
        drift
    }

    fn classify(&mut self, change: &Change, object: Option<&Object>, input: Input<'_>) {
        if change.action == ChangeAction::Adopt {
            let declared = Some(change.place.clone());
            return self.foreign.push(Foreign { kind: change.kind.name, path: change.path.clone(), declared });
        }
        let owned = input.owned.get(&change.path);
        let live = input.live.get(&change.path);
        if change.action == ChangeAction::Forget && live.is_some() && owned.is_some_and(|owned| !owned.is_ours(live)) {
            // It was to go. Whether it is what somebody made of it, or another that came since, nobody tells.
            self.foreign.push(Foreign { kind: change.kind.name, path: change.path.clone(), declared: None });
        }
        // What stays of an object that is forgotten is somebody else's; that it is gone is a change, whatever the files say.
        let told = change.action != ChangeAction::Forget || live.is_none();
        let by_hand = owned.filter(|owned| told && owned.was_changed(live));
        let pending = match (owned, object) {
            (Some(owned), Some(object)) => {
                let is_as_applied = says_the_same(object, owned, live, input.plan.kept(&change.path).is_some());
                owned.state != Progress::Applied || !is_as_applied || is_hidden(change, owned, live)
            }
            _ => true,
        };
        if let Some(owned) = by_hand {
            let last = input.last.get(&change.path);
            let fate = match (live, last) {
                (None, _) => Fate::Gone,
                (Some(live), last) => {
                    let fields = last.map_or_else(|| change.fields.clone(), |last| differences(last, live));
                    Fate::Differs(turned(change.kind, &fields).into_iter().chain(set_by_hand(owned, live)).collect())
                }
            };
            let beside_files = pending && last.is_none() && live.is_some();
            let agreed = match (object, live) {
                (Some(object), Some(live)) => differences(object, live).is_empty(),
                (object, live) => object.is_none() && live.is_none(),
            };
            self.changed.push(Changed {
                kind: change.kind,
                path: change.path.clone(),
                app: change.app.clone(),
                place: change.place.clone(),
                commit: owned.commit.clone(),
                fate,
                pending,
                agreed,
                beside_files,
                unsettled: owned.state != Progress::Applied,
            });
        }
        if pending {
            self.pending.push(Pending {
                action: change.action,
                kind: change.kind,
                path: change.path.clone(),
                app: change.app.clone(),
                place: change.place.clone(),
                changed: by_hand.is_some(),
                configured: None,
            });
        }
    }

    /// Tells of a key that an engine has without us, whatever becomes of it: the one that it had last, as far as that is
    /// known, and the one that it has. What the files say of it is another matter.
    fn other_key(&mut self, path: &str, owned: &Owned, input: Input<'_>) {
        let Some(live) = input.live.get(path).filter(|live| owned.is_ours(Some(live))) else { return };
        let (Some(table), Some(key)) = (live.kind.key(), live.key().filter(|key| !owned.knows_key(key, live))) else {
            return;
        };
        let before = match owned.last_key(live) {
            Some(last) if last.is_empty() => Shown::Absent,
            Some(last) => Shown::Value(Value::from(last)),
            None => Shown::Unknown,
        };
        let after = Shown::Value(Value::from(key));
        let field = FieldChange { name: table.id, shape: Shape::Text, before, after };
        if let Some(changed) = self.changed.iter_mut().find(|changed| changed.path == path) {
            if let Fate::Differs(fields) = &mut changed.fate {
                fields.retain(|other| other.name != field.name);
                fields.push(field);
            }
            return;
        }
        let pending = self.pending.iter_mut().find(|pending| pending.path == path);
        let pending = pending.map(|pending| pending.changed = true).is_some();
        self.changed.push(Changed {
            kind: owned.kind,
            path: path.to_owned(),
            app: owned.app.clone(),
            place: owned.place.clone(),
            commit: owned.commit.clone(),
            fate: Fate::Differs(vec![field]),
            pending,
            agreed: false,
            beside_files: false,
            unsettled: false,
        });
    }

    /// Tells of what somebody made just as the files say, where no plan writes it again: it has a secret.
    fn made_as_said(&mut self, object: &Object, input: Input<'_>) {
        let owned = input.owned.get(&object.path).filter(|owned| owned.state == Progress::Applied);
        let (Some(owned), Some(live)) = (owned, input.live.get(&object.path)) else { return };
        if !object.kind.has_hidden()
            || input.plan.changes.iter().any(|change| change.path == object.path)
            || !owned.differs_beside_its_key(live)
        {
            return;
        }
        let fields = input.last.get(&object.path).map(|last| turned(object.kind, &differences(last, live)));
        let (path, app, place) = (object.path.clone(), object.app.clone(), object.place.clone());
        self.changed.push(Changed {
            kind: object.kind,
            path: path.clone(),
            app: app.clone(),
            place: place.clone(),
            commit: owned.commit.clone(),
            fate: Fate::Differs(fields.unwrap_or_default()),
            pending: true,
            agreed: true,
            beside_files: false,
            unsettled: false,
        });
        let (action, kind) = (ChangeAction::Update, object.kind);
        self.pending.push(Pending { action, kind, path, app, place, changed: true, configured: None });
    }

    /// How far it goes, without what is accepted, ignored or no more than noted.
    pub fn extent(&self) -> Extent {
        match (self.is_stern(), self.pending.is_empty()) {
            (true, _) => Extent::Drift,
            (false, false) => Extent::Pending,
            (false, true) => Extent::Clean,
        }
    }

    /// How much was found that does not count, in words.
    fn aside_words(&self) -> String {
        let told = [(self.accepted.len(), "accepted until a day"), (self.ignored.len(), "ignored as the estate says")];
        let told = told.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, words)| format!(" {count} {words}.")).collect()
    }

    /// The one line that says it all.
    pub fn summary(&self) -> String {
        format!(
            "Drift: {} changed behind our back, {} committed and not yet applied, {} not ours.{}{}",
            self.changed.len(),
            self.pending.len(),
            self.foreign.len(),
            self.aside_words(),
            if self.refusals.is_empty() { "" } else { " An apply of these files is refused." }
        )
    }
}

/// What was applied last, as far as it is known: what still has the digest that the ledger remembers. Of what has not,
/// because engine and files both went on, `last` has what a commit says, and else the files stand for it; nothing where
/// nothing does.
pub fn last_applied(input: Input<'_>) -> HashMap<String, Live> {
    let desired = by_path(input.desired);
    let known = |(path, owned): (&String, &Owned)| {
        let live = input.live.get(path);
        let said = input.last.get(path).or_else(|| desired.get(path.as_str()).copied());
        let last = match (live.filter(|_| !owned.was_changed(live)), said) {
            (Some(live), _) => live.clone(),
            (None, Some(object)) => object.as_live(),
            (None, None) => return None,
        };
        Some((path.clone(), last))
    };
    input.owned.iter().filter_map(known).collect()
}

/// Whether the files say of an object what they said when it was written: its key may be one that the engine has instead,
/// if it is to stay.
pub fn says_the_same(object: &Object, owned: &Owned, live: Option<&Live>, keeps_key: bool) -> bool {
    is_as_applied(object, owned, live) || (keeps_key && is_as_applied_but_for_its_key(object, owned))
}

/// What is neither as it was written nor still in the files as it was written, by the commit that it was written from.
pub fn lost<'a>(
    desired: &[Object],
    owned: &'a BTreeMap<String, Owned>,
    live: &HashMap<String, Live>,
) -> BTreeMap<&'a str, Vec<(&'a str, &'a Owned)>> {
    let desired = by_path(desired);
    let mut lost: BTreeMap<&str, Vec<(&str, &Owned)>> = BTreeMap::new();
    for (path, owned) in owned {
        let said = desired.get(path.as_str());
        if let Some(commit) = &owned.commit
            && owned.was_changed(live.get(path))
            && said.is_none_or(|object| !owned.is_of(object))
        {
            lost.entry(commit).or_default().push((path, owned));
        }
    }
    lost
}

fn by_path(objects: &[Object]) -> HashMap<&str, &Object> {
    objects.iter().map(|object| (object.path.as_str(), object)).collect()
}

/// The secrets that an engine tells it has, and that we did not write.
fn set_by_hand<'a>(owned: &'a Owned, live: &'a Live) -> impl Iterator<Item = FieldChange> + 'a {
    let hidden = owned.kind.fields.iter().filter(|field| owned.lacks(live, field.name));
    hidden.map(|field| FieldChange {
        name: field.name,
        shape: field.shape,
        before: Shown::Absent,
        after: Shown::Sensitive,
    })
}

/// Whether the files say of an object what they said when it was written. What refers to a secret that is not read is
/// taken to be as it was.
fn is_as_applied(object: &Object, owned: &Owned, live: Option<&Live>) -> bool {
    if object.unresolved().any(|(name, ..)| object.kind.tells(name)) {
        return owned.was_changed(live);
    }
    owned.is_of(object)
}

/// The same of an object whose key stays: it stands here with the key that the engine has.
fn is_as_applied_but_for_its_key(object: &Object, owned: &Owned) -> bool {
    owned.keys.iter().flatten().any(|key| {
        let mut object = object.clone();
        let Some(leaf) = object.kind.key().and_then(|key| object.fields.get_mut(key.id)) else { return false };
        leaf.value = FieldValue::Data(Value::from(key.as_str()));
        fingerprint::of(&object) == owned.fingerprint
    })
}

/// Whether a change is of something that an engine never tells, and that nobody else has set.
fn is_hidden(change: &Change, owned: &Owned, live: Option<&Live>) -> bool {
    let by_hand = |name: &str| live.is_some_and(|live| owned.lacks(live, name));
    let hidden = |field: &FieldChange| !is_told(change.kind, field.name) && !by_hand(field.name);
    change.action == ChangeAction::Update && change.fields.iter().any(hidden)
}

/// Whether an engine tells a field, if not with the others.
fn is_told(kind: &Kind, name: &str) -> bool {
    kind.field(name).is_some_and(|field| field.told != Told::WriteOnly)
}

/// What was done to the fields of an object, where these changes tell what undoes it.
fn turned(kind: &Kind, fields: &[FieldChange]) -> Vec<FieldChange> {
    let turn =
        |field: &FieldChange| FieldChange { before: field.after.clone(), after: field.before.clone(), ..field.clone() };
    fields.iter().filter(|field| is_told(kind, field.name)).map(turn).collect()
}
