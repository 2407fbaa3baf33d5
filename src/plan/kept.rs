//! Keys that an engine has and that no plan writes over.
//!
//! A key in the files is a seed: an engine that rotates it has another from then on, and AWS has deleted the first. Such
//! a write can't be undone, so it is made only when it surely is no undoing: the engine has what was written last, the
//! files have a key that never was, or `on_rotate` says `replace`. A key that nobody declares is not taken away. No read
//! tells the secret of a key, so where a write replaces the whole configuration an object whose key is kept is not written
//! at all; where it does not ([`Kind::spares_key`](crate::object::Kind::spares_key)) the key is left out of it.
//!
//! A key that an engine has without us may be its own or a stranger's: no read tells. It counts as meant when somebody
//! says so, with `on_rotate = "keep"` or by adopting; until then the ledger does not take it, and drift tells of it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::adopt::Adopt;
use super::change::Change;
use crate::object::{FieldValue, Leaf, Live, Object, OnRotate, Owned, Place, Progress, fingerprint};

/// How many keys that an engine may have from us are remembered of a change that is under way.
const KEYS_MAX: usize = 8;

/// A key that stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The object that has it.
    pub path: String,
    /// Where it is declared.
    pub place: Place,
    /// The block that declares such a key.
    pub block: &'static str,
    /// The id of the key that the engine has.
    pub live: String,
    /// The id of the key that is declared; `None` if none is, or if it is not known here.
    pub declared: Option<String>,
    /// The id of the key that was written last, if that is known.
    pub written: Option<String>,
    /// Why it stays.
    pub reason: Reason,
    /// Whether it counts as meant.
    pub standing: Standing,
}

/// Whether a key that stays counts as meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The ledger has it, or nothing of the object is in there yet.
    Known,
    /// Somebody says now that it is.
    Taken,
    /// Nobody has said so.
    Untold,
}

/// Why a key stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No key is declared.
    Undeclared,
    /// `on_rotate` is `keep`.
    SetOnce,
    /// It is not the one that was written last, and the declared one may be older.
    Replaced,
}

impl Kept {
    /// That it stays and why, and what that means for drift.
    pub fn words(&self) -> String {
        let meant = match (self.standing, self.reason) {
            (Standing::Known, _) => "",
            (Standing::Taken, _) => "; from now on it counts as the engine's own",
            (Standing::Untold, Reason::Undeclared) => {
                "; leasehold drift tells it until `apply --adopt` says that it is meant"
            }
            (Standing::Untold, Reason::SetOnce | Reason::Replaced) => &format!(
                "; leasehold drift tells it until `apply --adopt`, or on_rotate = \"keep\" in `{}`, says that it is meant",
                self.block
            ),
        };
        self.why() + meant
    }

    fn why(&self) -> String {
        let Self { path, place, live, .. } = self;
        let kept = format!("{path} ({place}) keeps the access key {live} that the engine has");
        let declared = self.declared.as_deref().unwrap_or("the one that is declared");
        match self.reason {
            Reason::Undeclared => format!("{kept}: none is declared, and what is not declared is not written"),
            Reason::SetOnce => format!(
                "{kept}, since on_rotate is \"keep\"; {declared} is not written. To write it: on_rotate = \"replace\""
            ),
            Reason::Replaced => {
                let written = match &self.written {
                    Some(written) => format!("it is not {written}, which was written last"),
                    None => "it was not written from these files".to_owned(),
                };
                // A key that can't be read here may be a new one.
                let unless = if self.declared.is_none() { ", unless it is a new key" } else { "" };
                format!(
                    "{kept}: {written}, so the engine rotated it or somebody put it there, and AWS may have deleted \
                     {declared}. That is not written{unless}; to write it anyway: on_rotate = \"replace\" in `{}`",
                    self.block
                )
            }
        }
    }

    /// The object with the key that stays.
    pub(super) fn object(&self, object: &Object) -> Object {
        let mut object = object.clone();
        let Some(key) = object.kind.key() else { return object };
        object.fields.remove(key.secret);
        object.fields.insert(key.id, Leaf::new(FieldValue::Data(Value::from(&*self.live)), self.place.clone()));
        object
    }

    /// Why nothing else of the object can be written.
    pub(super) fn obstacle(&self, fields: &[&str]) -> String {
        let Self { path, place, live, .. } = self;
        let fields = fields.join(", ");
        let why = match self.reason {
            Reason::Undeclared => "is not declared here",
            Reason::SetOnce | Reason::Replaced => "is not the declared one",
        };
        format!(
            "{path} ({place}): {fields} can't be changed without taking the access key {live} from the engine: a write \
             replaces all of it, and that key {why}"
        )
    }
}

/// The key of an object that stays as the engine has it.
pub(super) fn of(object: &Object, live: Option<&Live>, owned: Option<&Owned>, adopt: Adopt<'_>) -> Option<Kept> {
    let live = live?;
    let (key, table) = (live.key()?, object.kind.key()?);
    let declared = match object.fields.get(table.id).map(|leaf| &leaf.value) {
        Some(FieldValue::Data(value)) => value.as_str().filter(|declared| !declared.is_empty()),
        _ => None,
    };
    let is_declared = table.fields().iter().any(|name| object.fields.contains_key(name));
    let written = owned.map_or_else(Vec::new, |owned| written(owned, object, live, key));
    let settled = owned.is_some_and(|owned| owned.state == Progress::Applied);
    // What a write that may not have arrived was to replace, if it is that write again.
    let is_again = !settled
        && owned.is_some_and(|owned| owned.replaces.as_deref() == Some(key))
        && declared.is_none_or(|declared| written.first().is_some_and(|last| last == declared));
    let reason = if !is_declared {
        Reason::Undeclared
    } else if declared == Some(key) || object.on_rotate == OnRotate::Replace {
        return None;
    } else if is_again || written.iter().any(|written| written == key) {
        if object.on_rotate != OnRotate::Keep || declared.is_none() || !settled {
            return None;
        }
        Reason::SetOnce
    } else if object.on_rotate == OnRotate::Keep {
        Reason::SetOnce
    } else if declared.is_none() && written.is_empty() {
        // Nothing tells here what it should be: it is not checked.
        return None;
    } else if !written.is_empty() && declared.is_some_and(|declared| !written.iter().any(|old| old == declared)) {
        // It is not what was rotated away either: the files have a new one.
        return None;
    } else {
        Reason::Replaced
    };
    let standing = match owned {
        Some(owned) if owned.knows_key(key, live) => Standing::Known,
        None => Standing::Known,
        Some(_) if adopt.takes(&object.path) || object.on_rotate == OnRotate::Keep => Standing::Taken,
        Some(_) => Standing::Untold,
    };
    Some(Kept {
        path: object.path.clone(),
        place: object.place.clone(),
        block: table.block,
        live: key.to_owned(),
        declared: declared.map(str::to_owned),
        written: written.into_iter().next(),
        reason,
        standing,
    })
}

/// The keys that the engine may have from us. What older versions remembered has a digest alone: of all that an engine
/// tells, as it was declared.
fn written(owned: &Owned, object: &Object, live: &Live, key: &str) -> Vec<String> {
    if let Some(keys) = &owned.keys {
        return keys.clone();
    }
    if fingerprint::of_live(live) == owned.fingerprint {
        return vec![key.to_owned()];
    }
    let declared = object.kind.key().map(|key| object.value(key.id)).unwrap_or_default();
    match declared.as_str() {
        Some(declared) if fingerprint::of(object) == owned.fingerprint => vec![declared.to_owned()],
        _ => Vec::new(),
    }
}

/// Remembers, with what is about to be written, the keys that the engine may have instead: those that it had from us
/// `before`, and the one that is there. `stays` says that no key is written: then nothing replaces that one.
pub fn add_keys_before(entry: &mut Owned, before: Option<&Owned>, change: &Change, stays: bool) {
    let Some(keys) = &mut entry.keys else { return };
    for key in before.into_iter().flat_map(|before| before.keys.iter().flatten()) {
        if keys.len() < KEYS_MAX && !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    entry.key_last = before.and_then(|before| before.key_last.clone());
    let there = change.live.as_ref().and_then(Live::key).filter(|key| !keys.iter().any(|known| known == key));
    entry.replaces = match stays {
        true => before.and_then(|before| before.replaces.clone()),
        false => there.map(str::to_owned),
    };
}

/// Makes objects as they are to be where keys stay, for who compares them without a plan.
pub fn keep_keys(objects: &mut [Object], live: &HashMap<String, Live>, owned: &BTreeMap<String, Owned>) {
    for object in objects {
        if let Some(kept) = of(object, live.get(&object.path), owned.get(&object.path), Adopt::Refuse) {
            *object = kept.object(object);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{Reason, Standing, of};
    use crate::object::testing::{leaf, object};
    use crate::object::{FieldValue, Live, Object, OnRotate, Owned, Progress, aws_root, fingerprint};
    use crate::plan::Adopt;

    const PATH: &str = "aws/config/root";

    fn declared(key: &str, on_rotate: OnRotate) -> Object {
        let mut root = object(&aws_root::KIND, PATH, &[]);
        match key {
            "" => {}
            "?" => {
                let unresolved = FieldValue::Unresolved("env:X".to_owned());
                root.fields.insert("access_key", leaf(unresolved.clone()));
                root.fields.insert("secret_key", leaf(unresolved));
            }
            key => drop(root.fields.insert("access_key", leaf(FieldValue::Data(json!(key))))),
        }
        root.on_rotate = on_rotate;
        root
    }

    fn live(key: &str) -> Live {
        let answer = Map::from_iter([("access_key".to_owned(), json!(key))]);
        aws_root::KIND.live(PATH, &answer).expect("parses")
    }

    fn owned(keys: Option<&[&str]>, fingerprint: &str, state: Progress) -> Owned {
        Owned {
            kind: &aws_root::KIND,
            app: None,
            place: declared("", OnRotate::Seen).place,
            commit: None,
            fingerprint: fingerprint.to_owned(),
            secrets: std::collections::BTreeMap::new(),
            apart: std::collections::BTreeMap::new(),
            state,
            protect: false,
            guardrails: None,
            review: None,
            plan: None,
            found: None,
            besides: None,
            partly: Vec::new(),
            replaces: None,
            revokes: false,
            on_change: crate::object::OnChange::Keep,
            adopted: Default::default(),
            from: None,
            keys: keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect()),
            key_last: None,
        }
    }

    #[test]
    fn a_key_is_written_over_only_where_it_surely_is_the_one_that_was_written() {
        use OnRotate::{Keep, Replace, Seen};
        use Progress::{Applied, Intended};
        use Reason::{Replaced, SetOnce, Undeclared};
        for (on_rotate, file, engine, keys, state, expected) in [
            // As declared, or without one.
            (Seen, "A", "A", Some(&["A"][..]), Applied, None),
            (Keep, "A", "A", Some(&["A"]), Applied, None),
            (Keep, "A", "", Some(&["A"]), Applied, None),
            (Seen, "A", "", Some(&["A"]), Applied, None),
            // The engine has another one than was written.
            (Seen, "A", "R", Some(&["A"]), Applied, Some(Replaced)),
            (Seen, "A", "R", Some(&["B", "A"]), Applied, Some(Replaced)),
            (Keep, "B", "R", Some(&["A"]), Applied, Some(SetOnce)),
            (Seen, "?", "R", Some(&["A"]), Applied, Some(Replaced)),
            (Keep, "A", "R", Some(&["A"]), Applied, Some(SetOnce)),
            (Replace, "A", "R", Some(&["A"]), Applied, None),
            // The files have another one than was written, and than was rotated away.
            (Seen, "B", "R", Some(&["A"]), Applied, None),
            (Replace, "B", "R", Some(&["A"]), Applied, None),
            (Seen, "B", "A", Some(&["A"]), Applied, None),
            (Keep, "B", "A", Some(&["A"]), Applied, Some(SetOnce)),
            (Seen, "?", "A", Some(&["A"]), Applied, None),
            (Keep, "?", "A", Some(&["A"]), Applied, None),
            // A write that may not have arrived is finished, unless the engine went on by itself.
            (Seen, "B", "A", Some(&["B", "A"]), Intended, None),
            (Keep, "B", "A", Some(&["B", "A"]), Intended, None),
            (Seen, "B", "R", Some(&["B", "A"]), Intended, Some(Replaced)),
            // Nobody declares one.
            (Seen, "", "A", Some(&["A"]), Applied, Some(Undeclared)),
            (Seen, "", "R", Some(&[]), Applied, Some(Undeclared)),
            (Seen, "", "", Some(&[]), Applied, None),
            // Not ours, or of a ledger from before keys were remembered.
            (Seen, "A", "R", Some(&[]), Applied, Some(Replaced)),
            (Seen, "?", "R", Some(&[]), Applied, None),
            (Seen, "A", "R", None, Applied, Some(Replaced)),
        ] {
            let owned = owned(keys, "", state);
            let kept = of(&declared(file, on_rotate), Some(&live(engine)), Some(&owned), Adopt::Refuse);
            assert_eq!(kept.map(|kept| kept.reason), expected, "{on_rotate:?} {file} {engine} {keys:?} {state:?}");
        }
        let of = |live: Option<&Live>| of(&declared("A", Seen), live, None, Adopt::Refuse);
        assert_eq!(of(Some(&live("R"))).map(|kept| kept.reason), Some(Replaced));
        assert_eq!(of(None), None);
    }

    #[test]
    fn older_ledgers_tell_the_key_by_the_digest_of_all() {
        let root = declared("B", OnRotate::Seen);
        let was = |key: &str| owned(None, &fingerprint::of_live(&live(key)), Progress::Applied);
        let of = |engine, key| of(&root, Some(&live(engine)), Some(&was(key)), Adopt::Refuse);
        assert_eq!(of("A", "A"), None, "the files changed");
        assert!(of("R", "B").is_some_and(|kept| kept.written.as_deref() == Some("B")));
        assert!(of("R", "A").is_some_and(|kept| kept.written.is_none()));
    }

    #[test]
    fn a_key_counts_as_meant_when_the_ledger_has_it_or_somebody_says_so() {
        use OnRotate::{Keep, Seen};
        let digest = fingerprint::of_live(&live("R"));
        for (on_rotate, adopt, last, found, state, expected) in [
            (Seen, Adopt::Refuse, Some("A"), "", Progress::Applied, Standing::Untold),
            (Seen, Adopt::Refuse, Some("R"), "", Progress::Applied, Standing::Known),
            (Seen, Adopt::Take, Some("A"), "", Progress::Applied, Standing::Taken),
            (Keep, Adopt::Refuse, Some("A"), "", Progress::Applied, Standing::Taken),
            // A write of which nothing is known does not make another's key ours.
            (Seen, Adopt::Refuse, None, "", Progress::Changing, Standing::Untold),
            (Seen, Adopt::Refuse, None, &*digest, Progress::Changing, Standing::Untold),
            // An older version took what it found.
            (Seen, Adopt::Refuse, None, &*digest, Progress::Applied, Standing::Known),
            (Seen, Adopt::Refuse, Some("A"), &*digest, Progress::Applied, Standing::Untold),
        ] {
            let owned = Owned { key_last: last.map(str::to_owned), ..owned(Some(&["A"]), found, state) };
            let kept = of(&declared("A", on_rotate), Some(&live("R")), Some(&owned), adopt).expect("it stays");
            assert_eq!(kept.standing, expected, "{on_rotate:?} {adopt:?} {last:?} {state:?}");
        }
    }
}
