//! What tokens may do, compared for every path at once: which capabilities the new policies permit where the old
//! ones do not, and the other way round.
//!
//! Both sides are asked about one path for every combination of patterns that can match (see `paths.rs`), by
//! the same code that decides requests. Nothing is missed: what can't be told within a budget of steps, or by
//! looking at the constraints of two rules, is a gain that is not `certain`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::capability::{Capabilities, Capability};
use super::constraint::{Beyond, beyond};
use super::document::Rule;
use super::matching::{Acl, Permissions, rank};
use super::paths::{Budget, Stop, walk};

/// Everything that differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// What the new side permits and the old one does not, by path.
    pub gains: Vec<Difference>,
    /// What the old side permits and the new one does not, by path.
    pub losses: Vec<Difference>,
}

impl Comparison {
    /// Whether both sides permit the same.
    pub fn is_equal(&self) -> bool {
        self.gains.is_empty() && self.losses.is_empty()
    }
}

/// Capabilities that one side permits and the other does not.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The pattern of the more specific of the two rules that decide, as its author wrote it; `*` where the budget
    /// is spent.
    pub path: String,
    /// The capabilities, as documents spell them, in the order of [`Capability::ALL`].
    pub capabilities: Vec<&'static str>,
    /// What about them differs.
    pub extent: Extent,
    /// A path on which the sides differ; it may hold an identity template. A list is of the folder of this name.
    /// Empty where the budget is spent.
    pub witness: String,
    /// The parameters of a request that shows it.
    pub data: Map<String, Value>,
    /// For how many seconds the answer of that request is wrapped; none where it is not.
    pub wrap_ttl: Option<i64>,
    /// Whether the evaluator was seen to decide otherwise on the witness. If not, it may be so, and counts.
    pub certain: bool,
}

/// What about the capabilities on a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// The other side does not permit them there at all.
    Whole,
    /// The other side permits them with other parameters or wrapping TTLs.
    Constraints,
}

/// Compares what two tokens may do.
pub fn compare(old: &Acl, new: &Acl) -> Comparison {
    compare_within(old, new, &mut Budget::new(Budget::USUAL))
}

fn compare_within(old: &Acl, new: &Acl, budget: &mut Budget) -> Comparison {
    let (old, new) = (&written_out(old, Some(new)), &written_out(new, Some(old)));
    if holds_all(old, new) && holds_all(new, old) {
        return Comparison::default();
    }
    let mut gains = Direction::default();
    let mut losses = Direction::default();
    let end = walk([old, new], budget, &mut |path, budget| {
        for path in [path.to_owned(), format!("{path}/")] {
            budget.spend(3 * (old.find_steps() + new.find_steps()))?;
            for asked in ASKED {
                let place = asked.place(&path);
                let found = [old, new].map(|acl| acl.find(asked.0, &place));
                gains.add(found[0], found[1], asked.0, &path, budget)?;
                losses.add(found[1], found[0], asked.0, &path, budget)?;
            }
        }
        ControlFlow::Continue(())
    });
    let spent = end == ControlFlow::Break(Stop::Exhausted);
    Comparison { gains: gains.finish(spent.then_some(new)), losses: losses.finish(spent.then_some(old)) }
}

/// What a request can ask for; `sudo` goes with one of these.
#[derive(Clone, Copy)]
struct Asked(Capability);

const ASKED: [Asked; 9] = [
    Asked(Capability::Create),
    Asked(Capability::Read),
    Asked(Capability::Update),
    Asked(Capability::Delete),
    Asked(Capability::List),
    Asked(Capability::Patch),
    Asked(Capability::Scan),
    Asked(Capability::Recover),
    Asked(Capability::Subscribe),
];

impl Asked {
    /// The path that such a request about `path` has: a list and a scan are of a folder.
    fn place(self, path: &str) -> String {
        let folder = path.ends_with('/') || !matches!(self.0, Capability::List | Capability::Scan);
        if folder { path.to_owned() } else { format!("{path}/") }
    }
}

/// The policy `root` as rules. What only other engines serve it has where it is compared with what has it.
fn written_out<'a>(acl: &'a Acl, other: Option<&Acl>) -> std::borrow::Cow<'a, Acl> {
    if !acl.is_root() {
        return std::borrow::Cow::Borrowed(acl);
    }
    let counts = |&capability: &Capability| {
        let named = || other.is_some_and(|other| other.patterns().any(|(_, _, rule)| rule.grants(capability)));
        capability != Capability::Deny && (capability.is_served() || named())
    };
    let all: Vec<Capability> = Capability::ALL.into_iter().filter(counts).collect();
    std::borrow::Cow::Owned(Acl::compile([("root", [Rule::new("*", Capabilities::of(&all))].as_slice())]))
}

/// Whether every rule of `inner` is one of `outer`: what the same text in another order says, at no cost.
fn holds_all(outer: &Acl, inner: &Acl) -> bool {
    let rules: HashMap<(&str, bool), &Permissions> =
        outer.patterns().map(|(pattern, prefix, permissions)| ((pattern, prefix), permissions)).collect();
    inner.patterns().all(|(pattern, prefix, permissions)| {
        rules.get(&(pattern, prefix)).is_some_and(|other| other.says_the_same(permissions))
    })
}

type Group = (String, Extent, bool);

/// The differences of one direction, as they are found.
#[derive(Default)]
struct Direction {
    found: BTreeMap<Group, Vec<Witnessed>>,
    /// What one rule takes beyond another was asked for other paths already.
    known: HashMap<(usize, usize, Capability), Beyond>,
}

/// Capabilities that one witness shows.
struct Witnessed {
    capabilities: BTreeSet<Capability>,
    witness: String,
    data: Map<String, Value>,
    wrap_ttl: Option<i64>,
}

impl Witnessed {
    fn is_folder(&self) -> bool {
        self.witness.ends_with('/')
    }
}

impl Direction {
    fn add(
        &mut self,
        old: Option<&Permissions>,
        new: Option<&Permissions>,
        asked: Capability,
        path: &str,
        budget: &mut Budget,
    ) -> ControlFlow<Stop> {
        let Some(rule) = new.filter(|new| new.grants(asked)) else { return ControlFlow::Continue(()) };
        let old_grants = old.is_some_and(|old| old.grants(asked));
        let sudo =
            rule.grants(Capability::Sudo) && !(old_grants && old.is_some_and(|old| old.grants(Capability::Sudo)));
        let mut show = |extent, capability: Capability, beyond| {
            let (request, certain) = match beyond {
                Beyond::Nothing => return,
                Beyond::Data(data, wrap_ttl) => ((data, wrap_ttl), !path.contains("{{")),
                Beyond::CannotTell => ((Map::new(), None), false),
            };
            let group = (shown_path(old, rule), extent, certain);
            add(self.found.entry(group).or_default(), capability, path, request);
        };
        let more = cached(&mut self.known, old, rule, asked, budget)?;
        let extent = if old_grants { Extent::Constraints } else { Extent::Whole };
        show(extent, asked, more);
        if sudo {
            show(Extent::Whole, Capability::Sudo, cached(&mut self.known, None, rule, asked, budget)?);
        }
        ControlFlow::Continue(())
    }

    fn finish(self, undecided: Option<&Acl>) -> Vec<Difference> {
        let differences = self.found.into_iter().flat_map(|((path, extent, certain), shown)| {
            chosen(shown).into_iter().map(move |shown| Difference {
                path: path.clone(),
                capabilities: names(&shown.capabilities),
                extent,
                witness: shown.witness,
                data: shown.data,
                wrap_ttl: shown.wrap_ttl,
                certain,
            })
        });
        differences.chain(undecided.and_then(anything)).collect()
    }
}

fn cached(
    known: &mut HashMap<(usize, usize, Capability), Beyond>,
    old: Option<&Permissions>,
    new: &Permissions,
    asked: Capability,
    budget: &mut Budget,
) -> ControlFlow<Stop, Beyond> {
    let address = |rule: &Permissions| std::ptr::from_ref(rule) as usize;
    let key = (old.map_or(0, address), address(new), asked);
    if let Some(beyond) = known.get(&key) {
        return ControlFlow::Continue(beyond.clone());
    }
    budget.spend(old.map_or(0, Permissions::size) * new.size() + new.size())?;
    let found = beyond(old, Some(new), asked);
    known.insert(key, found.clone());
    ControlFlow::Continue(found)
}

/// The pattern of the more specific rule: it says best where the difference is.
fn shown_path(old: Option<&Permissions>, new: &Permissions) -> String {
    let specific = |rule: &Permissions| {
        let (text, prefix) = rule.pattern.strip_suffix('*').map_or((rule.pattern.as_str(), false), |text| (text, true));
        (text.to_owned(), prefix)
    };
    let ours = specific(new);
    let other = old.filter(|old| {
        let other = specific(old);
        rank(&other.0, other.1) > rank(&ours.0, ours.1)
    });
    other.unwrap_or(new).pattern.clone()
}

/// Keeps the first witness of each set of capabilities, of names and of folders.
fn add(
    shown: &mut Vec<Witnessed>,
    capability: Capability,
    path: &str,
    (data, wrap_ttl): (Map<String, Value>, Option<i64>),
) {
    let is_same = |one: &&mut Witnessed| one.witness == path && one.data == data && one.wrap_ttl == wrap_ttl;
    if let Some(same) = shown.iter_mut().rev().find(is_same) {
        same.capabilities.insert(capability);
        return;
    }
    if let Some((last, earlier)) = shown.split_last() {
        let alike = |one: &Witnessed| one.capabilities == last.capabilities && one.is_folder() == last.is_folder();
        if earlier.iter().any(alike) {
            shown.pop();
        }
    }
    shown.push(Witnessed { capabilities: BTreeSet::from([capability]), witness: path.to_owned(), data, wrap_ttl });
}

/// Few witnesses that show all capabilities between them, rather of names than of folders.
fn chosen(mut shown: Vec<Witnessed>) -> Vec<Witnessed> {
    let mut chosen = Vec::new();
    loop {
        let most = shown.iter().enumerate().filter(|(_, one)| !one.capabilities.is_empty());
        let best = most.max_by_key(|(at, one)| (!one.is_folder(), one.capabilities.len(), std::cmp::Reverse(*at)));
        let Some(at) = best.map(|(at, _)| at) else { return chosen };
        let best = shown.remove(at);
        for other in &mut shown {
            other.capabilities.retain(|capability| !best.capabilities.contains(capability));
        }
        chosen.push(best);
    }
}

/// All that a side permits anywhere, for when its differences can't be told.
fn anything(acl: &Acl) -> Option<Difference> {
    let all = Capability::ALL.into_iter();
    let permitted: BTreeSet<Capability> =
        all.filter(|&capability| acl.patterns().any(|(_, _, rule)| rule.grants(capability))).collect();
    let capabilities = names(&permitted);
    (!capabilities.is_empty()).then(|| Difference {
        path: "*".to_owned(),
        capabilities,
        extent: Extent::Whole,
        witness: String::new(),
        data: Map::new(),
        wrap_ttl: None,
        certain: false,
    })
}

fn names(capabilities: &BTreeSet<Capability>) -> Vec<&'static str> {
    Capability::ALL.into_iter().filter(|capability| capabilities.contains(capability)).map(Capability::name).collect()
}

/// What a token with these policies may do on a path, by some parameters or other; a list is of the folder of this
/// name. `sudo` is there if one of the others has it.
pub fn permits(acl: &Acl, path: &str) -> Vec<Capability> {
    let acl = written_out(acl, None);
    let mut permitted = BTreeSet::new();
    for asked in ASKED {
        let place = asked.place(path);
        let rule = acl.find(asked.0, &place);
        if beyond(None, rule, asked.0) != Beyond::Nothing {
            permitted.insert(asked.0);
            if rule.is_some_and(|rule| rule.grants(Capability::Sudo)) {
                permitted.insert(Capability::Sudo);
            }
        }
    }
    permitted.into_iter().collect()
}

/// Something that a token may do outside of given paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// A path that it may do something on; `*` if it could not be told within the budget.
    pub path: String,
    /// What it may do there.
    pub capabilities: Vec<Capability>,
    /// Whether the evaluator permits it; if not, it may be so, and counts.
    pub certain: bool,
}

/// Finds something that a token with these policies may do on a path that none of the patterns match. `None` is a
/// proof that there is nothing. A list of a folder is inside if the folder is, with or without its `/`.
pub fn only(acl: &Acl, allowed: &[String]) -> Option<Outside> {
    only_within(acl, allowed, &mut Budget::new(Budget::USUAL))
}

fn only_within(acl: &Acl, allowed: &[String], budget: &mut Budget) -> Option<Outside> {
    let acl = &written_out(acl, None);
    let rules: Vec<Rule> = allowed
        .iter()
        .map(|pattern| Rule::new(pattern.strip_prefix('/').unwrap_or(pattern), Capabilities::default()))
        .collect();
    let inside = Acl::compile([("allowed", rules.as_slice())]);
    let mut outside = None;
    let end = walk([acl, &inside], budget, &mut |path, budget| {
        for path in [path.to_owned(), format!("{path}/")] {
            budget.spend(3 * (acl.find_steps() + inside.find_steps()))?;
            for asked in ASKED {
                let place = asked.place(&path);
                let beyond = beyond(None, acl.find(asked.0, &place), asked.0);
                if beyond != Beyond::Nothing && inside.find(asked.0, &place).is_none() {
                    let certain = matches!(beyond, Beyond::Data(..)) && !path.contains("{{");
                    let found = Outside { capabilities: permits(acl, &path), path: path.clone(), certain };
                    // A name is a better example than a folder.
                    if !path.ends_with('/') {
                        outside = Some(found);
                        return ControlFlow::Break(Stop::Enough);
                    }
                    outside.get_or_insert(found);
                }
            }
        }
        ControlFlow::Continue(())
    });
    if end == ControlFlow::Break(Stop::Exhausted) && outside.is_none() {
        let capabilities = Capability::ALL.into_iter().filter(|&c| acl.patterns().any(|(_, _, rule)| rule.grants(c)));
        let capabilities: Vec<Capability> = capabilities.collect();
        return (!capabilities.is_empty()).then(|| Outside { path: "*".to_owned(), capabilities, certain: false });
    }
    outside
}

/// Which of these paths of AWS credentials (`aws/creds/name`) a token may have issued: by a read, or by an update,
/// which takes a TTL. Source: Vault, "AWS secrets engine (API)".
pub fn readable_roles<'a>(acl: &Acl, roles: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let issues = |capability: &Capability| matches!(capability, Capability::Read | Capability::Update);
    roles.into_iter().filter(|path| permits(acl, path).iter().any(issues)).collect()
}

#[cfg(test)]
mod tests;
