//! Policies and requests made of choices.

use std::collections::BTreeSet;

use crate::iam::request::Request;
use crate::words::{ACTIONS, ASKED_ACTIONS, ASKED_RESOURCES, FAMILIES, Family, NAMED, PREFIXES, RESOURCES};

/// Bytes as choices; when they end, the first of each.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    pub fn below(&mut self, count: usize) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(first) % count
    }

    pub fn of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }

    /// Whether the last of so many was chosen: without bytes, nothing is rare.
    pub fn rarely(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub fn family(&mut self) -> &'static Family {
        &FAMILIES[self.below(FAMILIES.len())]
    }
}

/// A condition as it stands in a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    pub prefix: &'static str,
    pub operator: &'static str,
    pub suffix: &'static str,
    pub key: &'static str,
    pub values: Vec<&'static str>,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub effect: &'static str,
    pub action: (&'static str, &'static str),
    pub resource: (&'static str, [&'static str; 2]),
    pub conditions: Vec<Condition>,
}

impl Condition {
    fn new(family: &Family, choices: &mut Choices<'_>) -> Self {
        let operator = if choices.rarely(8) { "Null" } else { choices.of(family.operators) };
        let rare = if family.key == "aws:TagKeys" { 2 } else { 8 };
        let set = choices.rarely(if operator == "Null" { 32 } else { rare });
        let prefix = if set { choices.of(PREFIXES) } else { "" };
        let suffix = if operator == "Null" { "" } else { choices.of(&["", "", "IfExists"]) };
        let count = [1, 1, 1, 1, 1, 2, 2, 0][choices.below(8)];
        // A list of nothing is rarer still.
        let count = if count == 0 && !choices.rarely(3) { 1 } else { count };
        let mut value = || match choices.rarely(5) {
            _ if operator == "Null" => choices.of(&["true", "false", "false", "no"]),
            true => choices.of(family.odd),
            false => choices.of(family.values),
        };
        Self { prefix, operator, suffix, key: family.key, values: (0..count).map(|_| value()).collect() }
    }

    /// Whether no page says what it does.
    fn is_odd(&self) -> bool {
        let family = FAMILIES.iter().find(|family| family.key == self.key);
        let odd = |value: &&str| match self.operator {
            "Null" => *value == "no",
            _ => family.is_some_and(|family| family.odd.contains(value)),
        };
        self.is_undefined() || self.values.iter().any(odd)
    }

    fn is_undefined(&self) -> bool {
        self.values.is_empty() || (self.operator == "Null" && !self.prefix.is_empty())
    }

    /// Whether it surely does not hold where the key is absent.
    fn needs_its_key(&self) -> bool {
        !self.is_undefined()
            && self.suffix.is_empty()
            && match self.prefix {
                "ForAnyValue:" => true,
                "ForAllValues:" => false,
                _ => self.operator != "Null" && !self.operator.contains("Not"),
            }
    }

    fn is_named_as(&self, other: &Self) -> bool {
        (self.prefix, self.operator, self.suffix, self.key) == (other.prefix, other.operator, other.suffix, other.key)
    }
}

impl Line {
    pub fn new(family: &'static Family, choices: &mut Choices<'_>) -> Self {
        Self {
            effect: choices.of(&["Allow", "Allow", "Deny"]),
            action: (choices.of(&["Action", "Action", "NotAction"]), choices.of(ACTIONS)),
            resource: resource(choices),
            conditions: (0..choices.below(3)).map(|_| condition(family, choices)).collect(),
        }
    }

    /// Everything under these conditions.
    pub fn whole(effect: &'static str, conditions: Vec<Condition>) -> Self {
        Self { effect, action: ("Action", "*"), resource: ("Resource", ["*", "*"]), conditions }
    }

    /// Its conditions: of two on one key by one operator, the last is written over the others.
    fn standing(&self) -> impl Iterator<Item = &Condition> {
        let last = |at: usize, one: &Condition| !self.conditions[at + 1..].iter().any(|later| later.is_named_as(one));
        self.conditions.iter().enumerate().filter(move |(at, one)| last(*at, one)).map(|(_, one)| one)
    }

    /// Whether there is no place for a condition that [`Line::settled`] may need.
    pub fn is_full(&self) -> bool {
        let asks = |key| self.standing().any(|one| one.is_named_as(&existence(key, "false")));
        self.standing().any(|one| one.is_odd() && one.needs_its_key() && asks(one.key))
    }

    /// The line with what no page tells settled one way, the same wherever the same condition stands; `None` if there
    /// is nothing to settle.
    pub fn settled(&self, seed: usize) -> Option<Self> {
        let (odd, conditions): (Vec<&Condition>, Vec<&Condition>) = self.standing().partition(|one| one.is_odd());
        let present = |key| existence(key, "false");
        let never = Condition { prefix: "", operator: "StringEquals", suffix: "", key: "aws:never", values: vec!["x"] };
        let mut settled = Vec::new();
        for one in &odd {
            match (one.seeded(seed) % 2 == 0, one.needs_its_key()) {
                (true, false) => {}
                (true, true) => settled.push(present(one.key)),
                (false, _) => settled.push(never.clone()),
            }
        }
        settled.extend(conditions.into_iter().cloned());
        (!odd.is_empty()).then(|| Self { conditions: settled, ..self.clone() })
    }
}

impl Condition {
    fn seeded(&self, seed: usize) -> usize {
        let values: BTreeSet<&str> = self.values.iter().copied().collect();
        let words = [self.prefix, self.operator, self.suffix, self.key].into_iter().chain(values);
        let mix = |hash: usize, byte: u8| (hash ^ usize::from(byte)).wrapping_mul(0x0100_0000_01b3);
        words.flat_map(str::bytes).fold(seed.wrapping_mul(0x9e37_79b9), mix) >> 7
    }
}

fn existence(key: &'static str, absent: &'static str) -> Condition {
    Condition { prefix: "", operator: "Null", suffix: "", key, values: vec![absent] }
}

fn resource(choices: &mut Choices<'_>) -> (&'static str, [&'static str; 2]) {
    (choices.of(&["Resource", "Resource", "NotResource"]), [choices.of(RESOURCES), choices.of(RESOURCES)])
}

/// Conditions that have nothing to do with each other find nothing: most are on one key.
pub fn condition(family: &'static Family, choices: &mut Choices<'_>) -> Condition {
    let family = if choices.rarely(4) { choices.family() } else { family };
    Condition::new(family, choices)
}

pub fn lines(family: &'static Family, choices: &mut Choices<'_>) -> Vec<Line> {
    (0..=choices.below(3)).map(|_| Line::new(family, choices)).collect()
}

/// What a change of lines can't do, as it only adds or removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    Gains,
    Loses,
}

/// The same lines with one thing changed.
pub fn mutated(lines: &[Line], family: &'static Family, choices: &mut Choices<'_>) -> (Vec<Line>, Option<Never>) {
    let mut lines = lines.to_vec();
    let at = choices.below(lines.len());
    let mut never = None;
    match choices.below(12) {
        0 => lines[at] = Line::new(family, choices),
        1 => {
            let line = Line::new(family, choices);
            never = Some(if line.effect == "Deny" { Never::Gains } else { Never::Loses });
            lines.push(line);
        }
        2 => {
            let line = lines.remove(at);
            never = Some(if line.effect == "Deny" { Never::Loses } else { Never::Gains });
        }
        3 => lines[at].effect = if lines[at].effect == "Allow" { "Deny" } else { "Allow" },
        4 => lines[at].action = (choices.of(&["Action", "NotAction"]), choices.of(ACTIONS)),
        5 => lines[at].resource.1[0] = choices.of(RESOURCES),
        6 => lines[at].conditions.push(condition(family, choices)),
        7 => drop(lines[at].conditions.pop()),
        _ => {
            lines[at].conditions.pop();
            lines[at].conditions.push(condition(family, choices));
        }
    }
    (lines, never)
}

/// A line that is about one key, or about resources.
pub fn narrow(family: Option<&'static Family>, choices: &mut Choices<'_>) -> Line {
    let effect = choices.of(&["Allow", "Allow", "Deny"]);
    match family {
        Some(family) => {
            let count = 1 + usize::from(choices.rarely(4));
            Line::whole(effect, (0..count).map(|_| Condition::new(family, choices)).collect())
        }
        None => {
            let (element, [one, other]) = resource(choices);
            let other = if choices.below(2) == 0 { one } else { other };
            Line { resource: (element, [one, other]), ..Line::whole(effect, Vec::new()) }
        }
    }
}

/// The same line said otherwise, or with one thing changed.
pub fn twin(line: &Line, family: Option<&'static Family>, choices: &mut Choices<'_>) -> Line {
    let mut twin = line.clone();
    let flipped = if line.effect == "Allow" { "Deny" } else { "Allow" };
    let (Some(family), Some(one)) = (family, twin.conditions.first_mut()) else {
        match choices.below(2) {
            0 => twin.resource.1[0] = choices.of(RESOURCES),
            _ => {
                twin.effect = flipped;
                twin.resource.0 = if line.resource.0 == "Resource" { "NotResource" } else { "Resource" };
            }
        }
        return twin;
    };
    match choices.below(6) {
        0 => {
            let positive = |name: &str| name.replace("Not", "");
            let negation = |name: &&&'static str| **name != one.operator && positive(name) == positive(one.operator);
            if let Some(operator) = family.operators.iter().find(negation) {
                (one.operator, twin.effect) = (operator, flipped);
            }
        }
        1 => one.operator = choices.of(family.operators),
        2 if one.operator != "Null" => one.suffix = if one.suffix.is_empty() { "IfExists" } else { "" },
        3 => one.prefix = if one.prefix.is_empty() { choices.of(PREFIXES) } else { "" },
        _ => one.values = Condition::new(family, choices).values,
    }
    if one.operator == "Null" {
        one.suffix = "";
    }
    twin
}

/// Two lines by operators that differ least.
pub fn touching(family: &'static Family, choices: &mut Choices<'_>) -> [Line; 2] {
    let first = choices.of(family.operators);
    let near = |other: &&&'static str| **other != first && (other.starts_with(first) || first.starts_with(**other));
    let second = family.operators.iter().find(near).copied().unwrap_or_else(|| choices.of(family.operators));
    let prefix = if choices.rarely(6) { choices.of(PREFIXES) } else { "" };
    let (suffix, effect) = (choices.of(&["", "", "IfExists"]), choices.of(&["Allow", "Deny"]));
    let value = choices.of(family.values);
    let other = if choices.rarely(3) { value } else { choices.of(family.values) };
    let mut lines = [(first, value), (second, other)].map(|(operator, value)| {
        Line::whole(effect, vec![Condition { prefix, operator, suffix, key: family.key, values: vec![value] }])
    });
    if choices.rarely(4) {
        // What is left of all values, or of none.
        lines[1] = Line::whole("Allow", vec![existence(family.key, choices.of(&["true", "false"]))]);
    }
    lines
}

/// A line as policies that allow nothing else.
pub fn alone(line: Line) -> Vec<Line> {
    let allow = (line.effect == "Deny").then(|| Line::whole("Allow", Vec::new()));
    allow.into_iter().chain([line]).collect()
}

/// A condition of which no page says what it does.
pub fn odd(choices: &mut Choices<'_>) -> Condition {
    let family = choices.family();
    let (operator, values) = (choices.of(family.operators), vec![choices.of(family.odd)]);
    Condition { prefix: "", operator, suffix: "", key: family.key, values }
}

/// The same lines, allowing only where a condition holds.
pub fn where_holds(lines: &[Line], condition: &Condition) -> Vec<Line> {
    let mut lines = lines.to_vec();
    let allows = lines.iter_mut().filter(|line| line.effect == "Allow");
    allows.for_each(|line| line.conditions.push(condition.clone()));
    lines
}

/// The keys that these lines take for keys with several values.
pub fn several<'a>(lines: impl Iterator<Item = &'a Line>) -> BTreeSet<&'static str> {
    let sets = lines.flat_map(|line| &line.conditions).filter(|one| !one.prefix.is_empty());
    sets.map(|one| one.key).chain(["aws:TagKeys"]).collect()
}

/// A request of the words that policies are made of.
pub fn request(several: &BTreeSet<&'static str>, choices: &mut Choices<'_>) -> Request {
    let mut request = Request {
        action: choices.of(ASKED_ACTIONS).to_owned(),
        resource: choices.of(ASKED_RESOURCES).to_owned(),
        ..Request::default()
    };
    for family in FAMILIES {
        let most = if several.contains(family.key) { 3 } else { 2 };
        let values: Vec<String> = (0..choices.below(most)).map(|_| choices.of(family.sent).to_owned()).collect();
        set(&mut request, family.key, values);
    }
    named(&mut request, choices);
    request
}

/// A request with each value of a key, with none, and with some twos; or with each resource.
pub fn around(
    family: Option<&'static Family>,
    several: &BTreeSet<&'static str>,
    choices: &mut Choices<'_>,
) -> Vec<Request> {
    let asked = |resource: &str| Request {
        action: "s3:getobject".to_owned(),
        resource: resource.to_owned(),
        ..Request::default()
    };
    let Some(family) = family else {
        let all = ASKED_RESOURCES.iter().chain(ASKED_RESOURCES).map(|resource| asked(resource));
        return all
            .map(|mut request| {
                named(&mut request, choices);
                request
            })
            .collect();
    };
    let mut sets: Vec<Vec<&str>> = family.sent.iter().map(|value| vec![*value]).chain([Vec::new()]).collect();
    if several.contains(family.key) {
        sets.extend((0..6).map(|_| vec![choices.of(family.sent), choices.of(family.sent)]));
    }
    if family.values.iter().any(|value| value.contains("${")) {
        sets.extend(sets.clone());
    }
    let all = sets.into_iter().map(|values| {
        let mut request = asked("arn:aws:s3:::a");
        set(&mut request, family.key, values.into_iter().map(str::to_owned).collect());
        named(&mut request, choices);
        request
    });
    all.collect()
}

fn set(request: &mut Request, key: &str, values: Vec<String>) {
    if !values.is_empty() {
        request.context.insert(key.to_ascii_lowercase(), values);
    }
}

/// Sends the keys of variables, or does not.
fn named(request: &mut Request, choices: &mut Choices<'_>) {
    for (key, values) in NAMED {
        if choices.below(3) != 0 {
            set(request, key, vec![choices.of(values).to_owned()]);
        }
    }
}
