//! Where the world is no longer what a saved plan was computed from, or what it does is done.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use super::unfit::{Departure, How, Unfit};
use super::{Saved, Seen, entry_digest};
use crate::object::{Kind, Live, Object, Owned, fingerprint};
use crate::plan::change::{Change, lasting};
use crate::plan::json::change_json;
use crate::plan::moved::three_ways;
use crate::plan::value::Plan;

/// What a saved plan is held against.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The plan of its objects, as files and engine make it now.
    pub plan: &'a Plan,
    /// What the ledger says.
    pub owned: &'a BTreeMap<String, Owned>,
    /// The objects as they stand.
    pub live: &'a HashMap<String, Live>,
    /// What the files declare of them.
    pub desired: &'a [Object],
}

impl Saved {
    /// Whether all that it was computed from is as it was.
    ///
    /// # Errors
    /// [`Unfit::Applied`], [`Unfit::Begun`], [`Unfit::Stale`].
    pub fn fits(&self, now: Now<'_>) -> Result<(), Unfit> {
        let changes: HashMap<&str, &Change> =
            now.plan.changes.iter().map(|change| (change.path.as_str(), change)).collect();
        let desired: HashMap<&str, &Object> = now.desired.iter().map(|object| (object.path.as_str(), object)).collect();
        let departures = self.changes().filter_map(|planned| {
            let path = planned["path"].as_str().unwrap_or_default();
            let seen = self.objects.get(path)?;
            let at = At {
                change: changes.get(path).copied(),
                owned: now.owned.get(path),
                live: now.live.get(path),
                object: desired.get(path).copied(),
            };
            let how = at.departs(planned, path, seen)?;
            let text = |key: &str| planned[key].as_str().unwrap_or_default().to_owned();
            let declared = &planned["declared"];
            let file = declared["file"].as_str().unwrap_or_default();
            let place = format!("{file}:{}:{}", declared["line"], declared["column"]);
            Some(Departure { action: text("action"), kind: text("kind"), path: text("path"), place, how })
        });
        let departures: Vec<Departure> = departures.collect();
        let done = departures.iter().filter(|departure| departure.how == How::Done).count();
        match (departures.is_empty(), done) {
            (true, _) => Ok(()),
            (false, done) if done == self.objects.len() => Err(Unfit::Applied),
            (false, 0) => Err(Unfit::Stale { departures }),
            (false, done) => Err(Unfit::Begun { done, of: self.objects.len(), departures }),
        }
    }
}

/// What there is now at one path.
struct At<'a> {
    change: Option<&'a Change>,
    owned: Option<&'a Owned>,
    live: Option<&'a Live>,
    object: Option<&'a Object>,
}

impl At<'_> {
    fn departs(&self, planned: &Value, path: &str, seen: &Seen) -> Option<How> {
        let Some(change) = self.change else { return Some(How::Done) };
        let apart = |live: &Live| {
            seen.apart.iter().all(|(name, value)| live.apart.get(name.as_str()).is_none_or(|now| now == value))
        };
        let is_same = planned["live_fingerprint"].as_str() == self.live.map(fingerprint::of_live).as_deref()
            && self.live.is_none_or(apart);
        if !is_same {
            let then = seen.live.as_ref().map(|fields| as_seen(change.kind, path, fields, &seen.apart));
            let lines = three_ways(change.kind, then.as_ref(), self.live, self.object);
            return Some(if self.live.is_none() { How::Gone(lines) } else { How::Moved(lines) });
        }
        if self.owned.map(entry_digest) != seen.ledger {
            return Some(How::Recorded);
        }
        (meaning(planned, seen) != meaning(&change_json(change), seen)).then_some(How::Other)
    }
}

/// What a change does, without what could not be compared, what it does to people, and where it is declared.
fn meaning(change: &Value, seen: &Seen) -> Value {
    let mut change = change.clone();
    lasting(&mut change);
    let unchecked: HashSet<&str> = seen.unchecked.iter().map(String::as_str).collect();
    if let Some(fields) = change["fields"].as_array_mut() {
        fields.retain(|field| field["name"].as_str().is_none_or(|name| !unchecked.contains(name)));
    }
    change
}

/// The object that a plan was computed from, as far as it is kept.
fn as_seen(kind: &'static Kind, path: &str, fields: &Map<String, Value>, apart: &Map<String, Value>) -> Live {
    let named = |from: &Map<String, Value>| {
        kind.fields.iter().filter_map(|field| Some((field.name, from.get(field.name)?.clone()))).collect()
    };
    Live {
        kind,
        path: path.to_owned(),
        fields: named(fields),
        apart: named(apart),
        documents: BTreeMap::new(),
        hidden: std::collections::BTreeSet::new(),
        others: Map::new(),
    }
}
