//! The rules of several policies merged, and the one rule that applies to a path.
//!
//! Exactly one rule decides a request, never a union of all that match (Vault, "Policies", priority
//! matching): the exact path, else the most specific of the longest prefix rule and the rules with a
//! `+` segment. Rules of the same path are merged beforehand, and `deny` wins among them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use serde_json::{Map, Value};

use super::capability::{Capabilities, Capability};
use super::document::{Allowed, DocumentError, Rule, parse_with_templates};
use super::glob::glob;
use super::reading;

pub(super) type Parameters = HashMap<String, Vec<Allowed>>;

/// What one rule says that only other engines understand (keys and their values), and what it allows.
pub(super) type Foreign = (Vec<(&'static str, String)>, Capabilities);

/// What the rules of one pattern, from all policies of a token, say together.
#[derive(Clone, Debug, Default)]
pub(super) struct Permissions {
    /// The pattern as it is written, with its `*`.
    pub(super) pattern: String,
    pub(super) capabilities: Capabilities,
    pub(super) allowed: Parameters,
    pub(super) denied: Parameters,
    pub(super) required: Vec<String>,
    /// Seconds; 0 is none.
    pub(super) min_wrapping_ttl: i64,
    /// Seconds; 0 is none.
    pub(super) max_wrapping_ttl: i64,
    foreign: BTreeSet<Foreign>,
    /// Names of the policies that hold the pattern.
    policies: Vec<String>,
}

impl Permissions {
    fn of(policy: &str, rule: &Rule) -> Self {
        let mut permissions = Self {
            pattern: rule.path.clone(),
            capabilities: rule.capabilities,
            required: rule.required_parameters.clone(),
            min_wrapping_ttl: rule.min_wrapping_ttl,
            max_wrapping_ttl: rule.max_wrapping_ttl,
            foreign: BTreeSet::from([(rule.foreign.clone(), rule.capabilities)]),
            policies: vec![policy.to_owned()],
            ..Self::default()
        };
        merge_parameters(&mut permissions.allowed, rule.allowed_parameters.iter().cloned());
        merge_parameters(&mut permissions.denied, rule.denied_parameters.iter().cloned());
        permissions
    }

    /// Takes in what other rules say of the same pattern.
    fn merge(&mut self, other: Self) {
        for policy in other.policies {
            if !self.policies.contains(&policy) {
                self.policies.push(policy);
            }
        }
        if self.capabilities.has(Capability::Deny) {
            return;
        }
        if other.capabilities.has(Capability::Deny) {
            *self = Self {
                capabilities: other.capabilities,
                pattern: other.pattern,
                policies: std::mem::take(&mut self.policies),
                ..Self::default()
            };
            return;
        }
        self.capabilities.join(other.capabilities);
        merge_parameters(&mut self.allowed, other.allowed);
        merge_parameters(&mut self.denied, other.denied);
        self.required.extend(other.required);
        self.foreign.extend(other.foreign);
        self.min_wrapping_ttl = lesser(self.min_wrapping_ttl, other.min_wrapping_ttl);
        self.max_wrapping_ttl = lesser(self.max_wrapping_ttl, other.max_wrapping_ttl);
    }

    pub(super) fn denies(&self) -> bool {
        self.capabilities.has(Capability::Deny)
    }

    /// Whether the rule lets a request with this capability and data through, whose answer is to be wrapped for
    /// `wrap_ttl` seconds, or not at all.
    pub(super) fn allow(&self, capability: Capability, data: &Map<String, Value>, wrap_ttl: Option<i64>) -> bool {
        self.grants(capability)
            && self.allows_wrapping(wrap_ttl)
            && (!capability.checks_parameters() || self.allow_parameters(data))
    }

    /// Whether an answer may be wrapped like that: a rule with a wrapping TTL asks for one that is.
    fn allows_wrapping(&self, wrap_ttl: Option<i64>) -> bool {
        match wrap_ttl {
            None => self.min_wrapping_ttl == 0 && self.max_wrapping_ttl == 0,
            Some(ttl) => ttl >= self.min_wrapping_ttl && (self.max_wrapping_ttl == 0 || ttl <= self.max_wrapping_ttl),
        }
    }

    /// Whether another rule says the same; it may be in another order.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let names = |rule: &Self| rule.required.iter().cloned().collect::<BTreeSet<_>>();
        self.capabilities == other.capabilities
            && (self.min_wrapping_ttl, self.max_wrapping_ttl) == (other.min_wrapping_ttl, other.max_wrapping_ttl)
            && self.allowed == other.allowed
            && self.denied == other.denied
            && self.foreign_rules() == other.foreign_rules()
            && names(self) == names(other)
    }

    /// Its rules, where one of them says what only other engines understand.
    pub(super) fn foreign_rules(&self) -> Option<&BTreeSet<Foreign>> {
        self.foreign.iter().any(|(said, _)| !said.is_empty()).then_some(&self.foreign)
    }

    /// How many names and values its constraints have, and one.
    pub(super) fn size(&self) -> usize {
        let total = |parameters: &Parameters| parameters.values().map(|values| 1 + values.len()).sum::<usize>();
        1 + total(&self.allowed) + total(&self.denied) + self.required.len()
    }

    /// Whether the rule holds the capability, whatever its constraints.
    pub(super) fn grants(&self, capability: Capability) -> bool {
        self.capabilities.has(capability) && !self.denies()
    }

    fn allow_parameters(&self, data: &Map<String, Value>) -> bool {
        self.required.iter().all(|name| data.contains_key(name))
            && data.iter().all(|(name, value)| self.accepts(name, value))
    }

    /// Whether one parameter of a request may have this name and value.
    pub(super) fn accepts(&self, name: &str, value: &Value) -> bool {
        // What is denied is judged as a backend may read it; what is allowed, as it is written: each refuses more.
        let denied = |values: &Vec<Allowed>| values.is_empty() || values.iter().any(|one| reading::may_be(one, value));
        let refused = || reading::names(name).iter().filter_map(|name| self.denied.get(name)).any(denied);
        if self.denied.contains_key("*") || !self.denied.is_empty() && refused() {
            return false;
        }
        self.allowed.is_empty()
            || match self.allowed.get(name) {
                Some(values) => values.is_empty() || values.iter().any(|one| takes(one, name, value)),
                None => self.allowed.contains_key("*"),
            }
    }

    /// What it allows, as `sys/capabilities` says it: sorted names, or `deny`.
    fn names(&self) -> Vec<String> {
        if self.denies() {
            return vec!["deny".to_owned()];
        }
        let mut names: Vec<String> = Capability::ALL
            .iter()
            .filter(|&&capability| self.capabilities.has(capability))
            .map(|capability| capability.name().to_owned())
            .collect();
        names.sort_unstable();
        if names.is_empty() { vec!["deny".to_owned()] } else { names }
    }
}

/// The lesser of two wrapping TTLs, of which 0 is none. Source: Vault, `policy/acl.go`: "we're preferring
/// minimum lifetimes".
fn lesser(a: i64, b: i64) -> i64 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}

/// Lists of the same parameter are joined; an empty one means any value and swallows the others.
fn merge_parameters(into: &mut Parameters, from: impl IntoIterator<Item = (String, Vec<Allowed>)>) {
    for (name, values) in from {
        match into.get_mut(&name) {
            None => drop(into.insert(name, values)),
            Some(present) if present.is_empty() || values.is_empty() => present.clear(),
            Some(present) => present.extend(values),
        }
    }
}

/// Whether an allowed value stands for a given one. Where a text is a list, a pattern is about each item of it, or
/// `dev*` would allow `dev,root`.
fn takes(allowed: &Allowed, name: &str, given: &Value) -> bool {
    match (allowed, given) {
        (Allowed::Text(pattern), Value::String(text)) => {
            let each = |mut items: Box<dyn Iterator<Item = &str> + '_>| items.all(|item| glob(pattern, item));
            let items = || reading::items(name, text).is_none_or(|items| each(Box::new(items)));
            pattern == text || glob(pattern, text) && items()
        }
        (Allowed::Number(number), Value::Number(given)) => number.as_f64() == given.as_f64(),
        (Allowed::Bool(flag), Value::Bool(given)) => flag == given,
        _ => false,
    }
}

/// A pattern with at least one `+` segment.
#[derive(Clone, Debug)]
struct Segmented {
    /// Without the trailing `*`.
    pattern: String,
    prefix: bool,
    permissions: Permissions,
}

/// How specific a matching pattern is; the greatest wins.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank<'a> {
    first_wildcard: usize,
    whole: bool,
    fewer_plus: std::cmp::Reverse<usize>,
    length: usize,
    pattern: &'a str,
}

pub(super) fn rank(pattern: &str, prefix: bool) -> Rank<'_> {
    Rank {
        first_wildcard: first_plus_segment(pattern).unwrap_or(pattern.len()),
        whole: !prefix,
        fewer_plus: std::cmp::Reverse(pattern.split('/').filter(|&segment| segment == "+").count()),
        length: pattern.len(),
        pattern,
    }
}

/// Where the first segment that is a `+` begins. A `+` that is part of a longer segment is text.
fn first_plus_segment(pattern: &str) -> Option<usize> {
    let mut begins = 0;
    for segment in pattern.split('/') {
        if segment == "+" {
            return Some(begins);
        }
        begins += segment.len() + 1;
    }
    None
}

/// A path or pattern with the segments of these numbers in lower case.
pub fn in_lower_case(path: &str, folded: &Range<usize>) -> String {
    let lower = |(index, segment): (usize, &str)| match folded.contains(&index) {
        true => segment.to_lowercase(),
        false => segment.to_owned(),
    };
    path.split('/').enumerate().map(lower).collect::<Vec<_>>().join("/")
}

/// Whether what stands in a pattern before the segments `folded` can stand for what is there in `path`.
fn agrees_before(pattern: &str, path: &[&str], folded: &Range<usize>) -> bool {
    let mut segments = pattern.split('/').take(folded.start).enumerate();
    segments.all(|(index, segment)| segment == "+" || path.get(index) == Some(&segment))
}

/// Whether a pattern with `+` segments (without its trailing `*`) matches.
fn segments_match(pattern: &str, prefix: bool, path: &str) -> bool {
    let mut wanted = pattern.split('/').peekable();
    let mut given = path.split('/');
    while let Some(want) = wanted.next() {
        let Some(segment) = given.next() else { return false };
        let last = wanted.peek().is_none();
        if last && prefix {
            return segment.starts_with(want);
        }
        if want != "+" && want != segment {
            return false;
        }
    }
    given.next().is_none()
}

/// What the policies of a token say about one request.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Whether the path's rule also grants `sudo`.
    pub sudo: bool,
    /// The names of the policies that grant it.
    pub granting: Vec<String>,
}

/// Compiled rules: what the policies of one token say. Cheap to ask, made once per set of policies.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    root: bool,
    exact: HashMap<String, Permissions>,
    prefix: HashMap<String, Permissions>,
    /// The lengths of the prefix patterns, longest first.
    prefix_lengths: Vec<usize>,
    segmented: Vec<Segmented>,
    /// Whether any pattern holds an upper-case letter.
    capitals: bool,
}

impl Acl {
    /// The merged rules of these policies, each with its name and its text. Identity templates stay in the
    /// paths as text, so that they can be compared; a request's path never holds one.
    ///
    /// # Errors
    /// The first text that does not parse, with the name of its policy.
    pub fn of_texts<'a>(
        policies: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, (&'a str, DocumentError)> {
        let parsed: Result<Vec<_>, _> = policies
            .into_iter()
            .map(|(name, text)| parse_with_templates(text).map(|rules| (name, rules)).map_err(|error| (name, error)))
            .collect();
        Ok(Self::compile(parsed?.iter().map(|(name, rules)| (*name, rules.as_slice()))))
    }

    /// The rules of the policy `root`.
    pub fn root() -> Self {
        Self { root: true, ..Self::default() }
    }

    /// Merges the rules of these policies.
    pub fn compile<'a>(policies: impl IntoIterator<Item = (&'a str, &'a [Rule])>) -> Self {
        Self::merged(policies.into_iter().flat_map(|(name, rules)| {
            rules.iter().map(move |rule| match rule.path.strip_suffix('*') {
                Some(pattern) => (pattern.to_owned(), true, Permissions::of(name, rule)),
                None => (rule.path.clone(), false, Permissions::of(name, rule)),
            })
        }))
    }

    /// Merges rules of the same pattern; each comes with its pattern without the `*`, and whether it had one.
    fn merged(rules: impl IntoIterator<Item = (String, bool, Permissions)>) -> Self {
        let mut acl = Self::default();
        let mut segmented: HashMap<(String, bool), Permissions> = HashMap::new();
        for (pattern, prefix, permissions) in rules {
            acl.capitals |= pattern.to_lowercase() != pattern;
            let known = match first_plus_segment(&pattern) {
                Some(_) => segmented.get_mut(&(pattern.clone(), prefix)),
                None if prefix => acl.prefix.get_mut(&pattern),
                None => acl.exact.get_mut(&pattern),
            };
            match (known, first_plus_segment(&pattern)) {
                (Some(known), _) => known.merge(permissions),
                (None, Some(_)) => drop(segmented.insert((pattern, prefix), permissions)),
                (None, None) if prefix => drop(acl.prefix.insert(pattern, permissions)),
                (None, None) => drop(acl.exact.insert(pattern, permissions)),
            }
        }
        acl.prefix_lengths = acl.prefix.keys().map(String::len).collect();
        acl.prefix_lengths.sort_unstable_by(|a, b| b.cmp(a));
        acl.prefix_lengths.dedup();
        acl.segmented = segmented
            .into_iter()
            .map(|((pattern, prefix), permissions)| Segmented { pattern, prefix, permissions })
            .collect();
        acl
    }

    /// The rules as they are about `path`, in which the backend reads the segments `folded` in any case, so that
    /// they stand in lower case: what a pattern has in their place counts in any case too.
    pub fn about(&self, path: &str, folded: &Range<usize>) -> Cow<'_, Self> {
        if !self.capitals || folded.is_empty() {
            return Cow::Borrowed(self);
        }
        let path: Vec<&str> = path.split('/').collect();
        let rules = self.patterns().map(|(pattern, prefix, permissions)| {
            let pattern = match agrees_before(pattern, &path, folded) {
                true => in_lower_case(pattern, folded),
                false => pattern.to_owned(),
            };
            (pattern, prefix, permissions.clone())
        });
        Cow::Owned(Self { root: self.root, ..Self::merged(rules) })
    }

    pub(super) fn is_root(&self) -> bool {
        self.root
    }

    /// Every pattern, without its `*`, whether it had one, and what it permits.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (&str, bool, &Permissions)> {
        let exact = self.exact.iter().map(|(path, permissions)| (path.as_str(), false, permissions));
        let prefix = self.prefix.iter().map(|(pattern, permissions)| (pattern.as_str(), true, permissions));
        let segmented = self.segmented.iter().map(|rule| (rule.pattern.as_str(), rule.prefix, &rule.permissions));
        exact.chain(prefix).chain(segmented)
    }

    /// About how many steps [`Acl::find`] takes.
    pub(super) fn find_steps(&self) -> usize {
        1 + self.prefix_lengths.len() + self.segmented.len()
    }

    /// The rule for `path`, if any matches.
    pub(super) fn find(&self, capability: Capability, path: &str) -> Option<&Permissions> {
        // A list may be granted with or without the slash at its end.
        let bare = path.strip_suffix('/').filter(|_| capability == Capability::List);
        if let Some(found) = self.exact.get(path).or_else(|| self.exact.get(bare?)) {
            return Some(found);
        }
        let with_slash = self.wildcard(path);
        let without = bare.and_then(|bare| self.wildcard(bare));
        match (with_slash, without) {
            // `deny a/+` and `list a/*` are both about listing `a/b/`: the more specific deny counts,
            // although only the other one matches the path with its slash (GHSA-xp3c-3jw3-4vcr).
            (Some((found, rank)), Some((other, other_rank))) => {
                Some(if other.denies() && other_rank.cmp(&rank) == Ordering::Greater { other } else { found })
            }
            (Some((found, _)), None) | (None, Some((found, _))) => Some(found),
            (None, None) => None,
        }
    }

    fn wildcard(&self, path: &str) -> Option<(&Permissions, Rank<'_>)> {
        let prefix = self.prefix_lengths.iter().find_map(|&length| {
            let (pattern, permissions) = self.prefix.get_key_value(path.get(..length)?)?;
            Some((permissions, rank(pattern, true)))
        });
        let segmented = self.segmented.iter().filter(|rule| segments_match(&rule.pattern, rule.prefix, path));
        let ranked = segmented.map(|rule| (&rule.permissions, rank(&rule.pattern, rule.prefix)));
        ranked.chain(prefix).max_by(|(_, a), (_, b)| a.cmp(b))
    }

    /// Whether a request may go on, whether its rule grants `sudo`, and which policies decided.
    pub fn decide(&self, capability: Capability, path: &str, data: &Map<String, Value>) -> Decision {
        self.decide_wrapped(capability, path, data, None)
    }

    /// The same of a request whose answer is to be wrapped for `wrap_ttl` seconds.
    pub fn decide_wrapped(
        &self,
        capability: Capability,
        path: &str,
        data: &Map<String, Value>,
        wrap_ttl: Option<i64>,
    ) -> Decision {
        if self.root {
            return Decision { allowed: true, sudo: true, granting: vec!["root".to_owned()] };
        }
        let Some(found) = self.find(capability, path) else { return Decision::default() };
        let allowed = found.allow(capability, data, wrap_ttl);
        Decision {
            allowed,
            sudo: found.capabilities.has(Capability::Sudo) && !found.denies(),
            granting: if allowed { found.policies.clone() } else { vec![] },
        }
    }

    /// Whether any rule allows something at or below `mount_path` (which ends in `/`). A `+` counts as
    /// whatever it may stand for.
    pub fn reaches(&self, mount_path: &str) -> bool {
        let segments_overlap = |rule: &Segmented| {
            let mut rule_segments = rule.pattern.split('/').peekable();
            mount_path.trim_end_matches('/').split('/').all(|mount| match rule_segments.next() {
                Some(segment) if rule.prefix && rule_segments.peek().is_none() => mount.starts_with(segment),
                Some(segment) => segment == "+" || segment == mount,
                None => rule.prefix,
            })
        };
        self.root
            || self.exact.iter().any(|(path, rule)| !rule.denies() && path.starts_with(mount_path))
            || self.prefix.iter().any(|(pattern, rule)| {
                !rule.denies() && (pattern.starts_with(mount_path) || mount_path.starts_with(pattern))
            })
            || self.segmented.iter().any(|rule| !rule.permissions.denies() && segments_overlap(rule))
    }

    /// What `sys/capabilities` answers for `path`.
    pub fn capabilities(&self, path: &str) -> Vec<String> {
        if self.root {
            return vec!["root".to_owned()];
        }
        // Asked about a folder, it is a list that is meant.
        let capability = if path.ends_with('/') { Capability::List } else { Capability::Read };
        self.find(capability, path.strip_prefix('/').unwrap_or(path))
            .map_or_else(|| vec!["deny".to_owned()], Permissions::names)
    }
}

#[cfg(test)]
mod tests;
