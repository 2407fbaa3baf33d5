//! Whether one rule lets through parameters and wrapping TTLs that another one does not.
//!
//! A rule takes a request if its required parameters are there and each parameter is accepted by itself. So one
//! rule takes no more than another exactly if it requires at least as much and accepts no name with a value that
//! the other refuses. The first is decided by looking; of the second, what can't be proved counts as a gain.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::capability::Capability;
use super::document::Allowed;
use super::matching::Permissions;
use super::reading;

/// What one rule takes and another does not.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Beyond {
    /// Nothing.
    Nothing,
    /// A request with these parameters, whose answer is wrapped for so many seconds.
    Data(Map<String, Value>, Option<i64>),
    /// It may be something; no request was found that shows it.
    CannotTell,
}

/// Past so many names times values, nothing is proved.
const PAIRS_MAX: usize = 10_000;

/// What `new` takes that `old` does not, of requests that ask for `capability`.
pub(super) fn beyond(old: Option<&Permissions>, new: Option<&Permissions>, capability: Capability) -> Beyond {
    let Some(new) = new.filter(|new| new.grants(capability)) else { return Beyond::Nothing };
    let old = old.filter(|old| old.grants(capability));
    let checked = capability.checks_parameters();
    if takes_nothing(new, checked) || old.is_some_and(|old| within(old, new, checked)) {
        return Beyond::Nothing;
    }
    let wraps = wraps(old, new);
    let shown = |data: Map<String, Value>| {
        let tells = |&wrap: &Option<i64>| {
            new.allow(capability, &data, wrap) && old.is_none_or(|old| !old.allow(capability, &data, wrap))
        };
        let wrap = wraps.iter().copied().find(tells)?;
        Some(Beyond::Data(data, wrap))
    };
    shown(Map::new()).or_else(|| requests(old, new).find_map(shown)).unwrap_or(Beyond::CannotTell)
}

/// How long an answer may be wrapped, of all that the two rules can tell apart.
fn wraps(old: Option<&Permissions>, new: &Permissions) -> Vec<Option<i64>> {
    let limits = [old, Some(new)].into_iter().flatten().flat_map(|rule| [rule.min_wrapping_ttl, rule.max_wrapping_ttl]);
    let around = limits.filter(|limit| *limit > 0).flat_map(|limit| [limit, limit - 1, limit.saturating_add(1)]);
    let wrapped: BTreeSet<i64> = around.filter(|ttl| *ttl > 0).collect();
    std::iter::once(None).chain(wrapped.into_iter().map(Some)).collect()
}

/// Whether a rule refuses every request for certain.
fn takes_nothing(rule: &Permissions, checked: bool) -> bool {
    // Merged rules can ask for more than they admit.
    let wrapping = rule.max_wrapping_ttl > 0 && rule.min_wrapping_ttl > rule.max_wrapping_ttl;
    wrapping || checked && !rule.required.is_empty() && rule.denied.contains_key("*")
}

/// Whether it is proved that `new` takes no more than `old`.
fn within(old: &Permissions, new: &Permissions, checked: bool) -> bool {
    wrapping_within(old, new) && foreign_within(old, new) && (!checked || parameters_within(old, new))
}

fn wrapping_within(old: &Permissions, new: &Permissions) -> bool {
    let wraps = |rule: &Permissions| rule.min_wrapping_ttl > 0 || rule.max_wrapping_ttl > 0;
    let max_within =
        old.max_wrapping_ttl == 0 || new.max_wrapping_ttl > 0 && new.max_wrapping_ttl <= old.max_wrapping_ttl;
    !wraps(old) || wraps(new) && new.min_wrapping_ttl >= old.min_wrapping_ttl && max_within
}

/// What only other engines understand is not judged: the same of both, or a restriction of a rule that had none.
fn foreign_within(old: &Permissions, new: &Permissions) -> bool {
    match (old.foreign_rules(), new.foreign_rules()) {
        (None, Some(rules)) => rules.iter().flat_map(|(said, _)| said).all(|(key, _)| *key != "subscribe_event_types"),
        (old, new) => old.is_none() || old == new,
    }
}

fn parameters_within(old: &Permissions, new: &Permissions) -> bool {
    let requires = |name: &String| new.required.contains(name);
    let pairs = [old, new].map(Permissions::size);
    old.required.iter().all(requires)
        && pairs[0].saturating_mul(pairs[1]) <= PAIRS_MAX
        && names(old, new).iter().all(|name| values_within(old, new, name))
}

/// The names of parameters that the two rules can tell apart: those they list, spelt in other letters (denied,
/// but not allowed, whatever the case), and one that neither lists.
fn names(old: &Permissions, new: &Permissions) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rule in [old, new] {
        names.extend(rule.required.iter().cloned());
        for name in rule.allowed.keys().chain(rule.denied.keys()) {
            for name in reading::names(name) {
                names.extend(in_other_case(&name));
                names.insert(name);
            }
        }
    }
    let fresh = (0..).map(|number| format!("other{number}")).find(|name| !names.contains(name));
    names.extend(fresh);
    names
}

/// A different name that is `name` in lower case.
fn in_other_case(name: &str) -> Option<String> {
    let mut changed = false;
    let other: String = name
        .chars()
        .map(|c| {
            let upper: Vec<char> = c.to_uppercase().collect();
            let [upper] = upper.as_slice() else { return c };
            changed |= *upper != c;
            *upper
        })
        .collect();
    (changed && other.to_lowercase() == name).then_some(other)
}

/// A set of values that a list in a policy stands for.
enum Values<'a> {
    All,
    Listed(Vec<&'a Allowed>),
}

impl<'a> Values<'a> {
    /// The values of all these lists together.
    fn of(lists: impl IntoIterator<Item = &'a Vec<Allowed>>) -> Self {
        let mut all = Vec::new();
        for list in lists {
            if list.is_empty() {
                return Self::All;
            }
            all.extend(list);
        }
        Self::Listed(all)
    }

    fn covers(&self, piece: Option<&Allowed>) -> bool {
        match (self, piece) {
            (Self::All, _) => true,
            (Self::Listed(_), None) => false,
            (Self::Listed(values), Some(piece)) => values.iter().any(|value| covers(value, piece)),
        }
    }
}

fn allowed<'a>(rule: &'a Permissions, name: &str) -> Values<'a> {
    match rule.allowed.get(name) {
        None if rule.allowed.is_empty() || rule.allowed.contains_key("*") => Values::All,
        list => Values::of(list),
    }
}

fn denied<'a>(rule: &'a Permissions, name: &str) -> Values<'a> {
    if rule.denied.contains_key("*") {
        return Values::All;
    }
    Values::of(reading::names(name).iter().filter_map(|name| rule.denied.get(name)))
}

/// Whether every value that `new` accepts for `name` is one that `old` accepts.
fn values_within(old: &Permissions, new: &Permissions, name: &str) -> bool {
    let (old_allowed, old_denied) = (allowed(old, name), denied(old, name));
    let new_denied = denied(new, name);
    let piece_within = |piece: Option<&Allowed>| {
        let refused = match &old_denied {
            Values::All => false,
            Values::Listed(values) => values
                .iter()
                .all(|value| new_denied.covers(Some(value)) || piece.is_some_and(|piece| spares(value, piece))),
        };
        new_denied.covers(piece) || old_allowed.covers(piece) && refused
    };
    match allowed(new, name) {
        Values::All => piece_within(None),
        Values::Listed(values) => values.into_iter().all(|value| piece_within(Some(value))),
    }
}

/// A text pattern: what may stand before it, the text, what may stand behind it.
fn ends(pattern: &str) -> (bool, &str, bool) {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (None, None) => (false, pattern, false),
        (Some(end), None) => (true, end, false),
        (None, Some(start)) => (false, start, true),
        (Some(rest), Some(_)) => (true, rest.strip_suffix('*').unwrap_or(rest), true),
    }
}

/// Whether every value that `inner` stands for is one that `outer` stands for.
fn covers(outer: &Allowed, inner: &Allowed) -> bool {
    match (outer, inner) {
        (Allowed::Text(outer), Allowed::Text(inner)) => {
            let ((before, text, behind), (inner_before, inner_text, inner_behind)) = (ends(outer), ends(inner));
            match (before, behind) {
                // A pattern may be about each of several items.
                (true, _) | (_, true) if inner != outer && inner_text.contains(',') => false,
                (false, false) => !inner_before && !inner_behind && text == inner_text,
                (false, true) => !inner_before && inner_text.starts_with(text),
                (true, false) => !inner_behind && inner_text.ends_with(text),
                (true, true) => inner_text.contains(text),
            }
        }
        (Allowed::Number(outer), Allowed::Number(inner)) => outer.as_f64() == inner.as_f64(),
        (Allowed::Bool(outer), Allowed::Bool(inner)) => outer == inner,
        _ => false,
    }
}

/// Whether it is certain that a denied value is none of those that an allowed one stands for, as backends read them.
fn spares(denied: &Allowed, allowed: &Allowed) -> bool {
    match allowed {
        Allowed::Text(pattern) if pattern.contains('*') => false,
        Allowed::Text(text) => !reading::may_be(denied, &Value::String(text.clone())),
        Allowed::Number(number) => !reading::may_be(denied, &Value::Number(number.clone())),
        Allowed::Bool(flag) => !reading::may_be(denied, &Value::Bool(*flag)),
    }
}

/// Requests that may tell the rules apart: what `new` requires, and one more parameter.
fn requests(old: Option<&Permissions>, new: &Permissions) -> impl Iterator<Item = Map<String, Value>> {
    let bounded = [old, Some(new)].into_iter().flatten().map(Permissions::size).sum::<usize>() <= PAIRS_MAX / 100;
    let names = if bounded { names(old.unwrap_or(new), new) } else { new.required.iter().cloned().collect() };
    let values = if bounded { samples(old, new) } else { vec![json!("x"), json!(1)] };
    let mut base = Map::new();
    for name in &new.required {
        let accepted = values.iter().find(|value| new.accepts(name, value));
        base.insert(name.clone(), accepted.cloned().unwrap_or(Value::Null));
    }
    let first = base.clone();
    let more = names.into_iter().flat_map(move |name| {
        let base = base.clone();
        values.clone().into_iter().map(move |value| {
            let mut data = base.clone();
            data.insert(name.clone(), value);
            data
        })
    });
    std::iter::once(first).chain(more)
}

/// Values of each kind: those that the rules list, some more that their patterns stand for, and others.
fn samples(old: Option<&Permissions>, new: &Permissions) -> Vec<Value> {
    let mut texts = BTreeSet::from(["x".to_owned()]);
    let mut values = vec![json!(true), json!(false), Value::Null, json!(-7_654_321)];
    let rules = [old, Some(new)].into_iter().flatten();
    for listed in rules.flat_map(|rule| rule.allowed.values().chain(rule.denied.values())).flatten() {
        match listed {
            Allowed::Text(pattern) => {
                let (before, text, behind) = ends(pattern);
                texts.insert(text.to_owned());
                if before {
                    texts.insert(format!("~{text}"));
                }
                if behind {
                    texts.insert(format!("{text}~"));
                }
                if before && behind {
                    texts.insert(format!("~{text}~"));
                }
            }
            Allowed::Number(number) => values.push(Value::Number(number.clone())),
            Allowed::Bool(_) => {}
        }
    }
    texts.into_iter().map(Value::String).chain(values).collect()
}
