//! Whether the conditions on one context key can be met together, and by which values.
//!
//! A key is absent, or has values. Present, each condition asks something of some value or of all of them, so
//! one value is looked for for each thing asked of some. Texts and ARNs are patterns; numbers, dates and
//! networks are cut into ranges by what the conditions name, and one value of each range is tried.

use core::net::IpAddr;

use super::budget::Budget;
use super::glob::{Colons, Found, Glob, Symbol, Variables, Wanted};
use crate::iam::catalogue::Catalogue;
use crate::iam::condition::{instant, value_matches};
use crate::iam::pattern::Pattern;
use crate::iam::policy::{Condition, Quantifier, Test};
use crate::iam::request::Request;

/// A condition, with its values as patterns where they are texts.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// The condition.
    pub(super) condition: Condition,
    globs: Vec<Glob>,
    /// Whether a variable decides how many segments an ARN has, which patterns can't follow.
    opaque: bool,
}

/// What a key shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Not there.
    Absent,
    /// There, with these values.
    Values(Vec<Vec<Symbol>>),
}

/// Whether the conditions on a key can be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// So.
    As(Setting),
    /// They can't.
    Never,
    /// They may; no value was found and none was ruled out.
    Unsure,
}

/// What is compared. Two families never share a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    Date,
    Bool,
    Binary,
    Network,
    Existence,
}

fn family(test: Test) -> Family {
    let name = test.name();
    match test {
        Test::Null => Family::Existence,
        Test::Bool => Family::Bool,
        Test::BinaryEquals => Family::Binary,
        Test::IpAddress | Test::NotIpAddress => Family::Network,
        _ if name.starts_with("Numeric") => Family::Number,
        _ if name.starts_with("Date") => Family::Date,
        _ => Family::Text,
    }
}

impl Atom {
    /// A condition, ready to be asked.
    pub(super) fn new(condition: &Condition, variables: &mut Variables) -> Self {
        let test = condition.operator.test;
        let colons = if test.name().starts_with("Arn") { Colons::Arn } else { Colons::Crossed };
        let fold = matches!(test, Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase);
        // What does not have the segments of an ARN matches none.
        let fits = |value: &&Pattern| colons != Colons::Arn || value.is_arn();
        let values = condition.values.iter().filter(|_| family(test) == Family::Text);
        let opaque = values.clone().any(|value| !fits(&value) && value.has_variable());
        let globs = values.filter(fits).map(|value| Glob::new(value, colons, fold, variables)).collect();
        Self { condition: condition.clone(), globs, opaque }
    }

    fn family(&self) -> Family {
        family(self.condition.operator.test)
    }

    /// Whether a condition of existence holds for a key that is there.
    fn is_for_present_keys(&self) -> bool {
        self.condition.values.iter().any(|value| value.text.eq_ignore_ascii_case("false"))
    }

    /// Whether one of the policy's values matches a text.
    fn has(&self, text: &str) -> bool {
        self.condition.values.iter().any(|value| value_matches(self.condition.operator.test.positive(), value, text))
    }

    /// What a present key is asked, as (whether of all values, whether they shall match).
    fn asks(&self, holds: bool) -> (bool, bool) {
        let negated = self.condition.operator.test.is_negated();
        let all = match self.condition.operator.quantifier {
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => negated,
        };
        // "Not for all" is "for some not", and the other way round.
        if holds { (all, !negated) } else { (!all, negated) }
    }
}

/// A value's wish: that some value of a condition matches it, or that none does.
type Wish<'a> = (&'a Atom, bool);

/// Settles a key so that each of the conditions holds, or does not, as wanted. `named`: a policy variable
/// names the key, so that it is better there than absent.
pub(super) fn settle(key: &str, wants: &[(&Atom, bool)], named: bool, budget: &mut Budget) -> Settled {
    let nothing = Request::default();
    let absent = wants.iter().all(|(atom, holds)| atom.condition.holds(&nothing) == *holds);
    if absent && !named {
        return Settled::As(Setting::Absent);
    }
    match present(key, wants, budget) {
        Settled::As(setting) => Settled::As(setting),
        _ if absent => Settled::As(Setting::Absent),
        settled => settled,
    }
}

fn present(key: &str, wants: &[(&Atom, bool)], budget: &mut Budget) -> Settled {
    let (mut all, mut some): (Vec<Wish<'_>>, Vec<Wish<'_>>) = (Vec::new(), Vec::new());
    // AWS wants a set operator on keys with several values, and takes a policy without one.
    let mut several = Catalogue::current().is_multivalued(key);
    for (atom, holds) in wants {
        several = several || atom.condition.operator.quantifier.is_some();
        if atom.family() == Family::Existence {
            if atom.is_for_present_keys() != *holds {
                return Settled::Never;
            }
            continue;
        }
        let (of_all, matching) = atom.asks(*holds);
        if of_all { &mut all } else { &mut some }.push((*atom, matching));
    }
    if !several || some.is_empty() {
        // One value that is all that is asked.
        all.append(&mut some);
        return match value(&all, budget) {
            Value::Is(text) => Settled::As(Setting::Values(vec![text])),
            Value::None => Settled::Never,
            Value::Unsure => Settled::Unsure,
        };
    }
    let mut values = Vec::new();
    for wish in some {
        all.push(wish);
        match value(&all, budget) {
            Value::Is(text) if values.contains(&text) => {}
            Value::Is(text) => values.push(text),
            Value::None => return Settled::Never,
            Value::Unsure => return Settled::Unsure,
        }
        all.pop();
    }
    Settled::As(Setting::Values(values))
}

enum Value {
    Is(Vec<Symbol>),
    None,
    Unsure,
}

/// One value that meets all wishes.
fn value(wishes: &[Wish<'_>], budget: &mut Budget) -> Value {
    let (texts, typed): (Vec<Wish<'_>>, Vec<Wish<'_>>) =
        wishes.iter().partition(|(atom, _)| atom.family() == Family::Text);
    if texts.iter().any(|(atom, _)| atom.opaque) {
        return Value::Unsure;
    }
    if typed.is_empty() {
        return text(&texts, budget);
    }
    let meets = |candidate: &str| wishes.iter().all(|(atom, matching)| atom.has(candidate) == *matching);
    match candidates(&typed).into_iter().find(|candidate| meets(candidate)) {
        Some(candidate) => Value::Is(candidate.chars().map(Symbol::Char).collect()),
        None if texts.is_empty() => Value::None,
        // A text that is also a number of some range: not looked for.
        None => Value::Unsure,
    }
}

fn text(wishes: &[Wish<'_>], budget: &mut Budget) -> Value {
    let mut wanted = Wanted::default();
    for (atom, matching) in wishes {
        match matching {
            true => wanted.must.push(&atom.globs),
            false => wanted.must_not.extend(&atom.globs),
        }
    }
    // An empty text is a value, but not one that anybody expects to see.
    let nonempty = [Glob(vec![super::glob::Token::One(true), super::glob::Token::Any(true)])];
    match wanted.find(&nonempty, budget) {
        Found::Text(text) => Value::Is(text),
        Found::OutOfBudget => Value::Unsure,
        Found::Nothing => match wanted.find(&[], budget) {
            Found::Text(text) => Value::Is(text),
            Found::OutOfBudget => Value::Unsure,
            Found::Nothing => Value::None,
        },
    }
}

/// One value of each range into which the conditions cut all values.
fn candidates(wishes: &[Wish<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for (atom, _) in wishes {
        for value in &atom.condition.values {
            match atom.family() {
                Family::Number => numbers(&value.text, &mut found),
                Family::Date => dates(&value.text, &mut found),
                Family::Network => addresses(&value.text, &mut found),
                Family::Binary => found.push(value.text.clone()),
                Family::Bool | Family::Existence | Family::Text => {}
            }
        }
    }
    if wishes.iter().any(|(atom, _)| atom.family() == Family::Number) {
        between(&mut found);
    }
    if wishes.iter().all(|(atom, _)| atom.family() == Family::Bool) {
        return vec!["true".to_owned(), "false".to_owned()];
    }
    for (family, value) in
        [(Family::Number, "0"), (Family::Date, "0"), (Family::Network, "192.0.2.1"), (Family::Binary, "eA==")]
    {
        if wishes.iter().any(|(atom, _)| atom.family() == family) {
            found.push(value.to_owned());
        }
    }
    // What is no number, no date and no address matches nothing.
    found.extend(["true", "false", "x"].map(str::to_owned));
    found
}

fn numbers(text: &str, found: &mut Vec<String>) {
    found.push(text.to_owned());
    if let Ok(number) = text.parse::<i128>() {
        found.extend([number.saturating_add(1).to_string(), number.saturating_sub(1).to_string()]);
        found.push(format!("{number}.5"));
    }
}

/// Adds what lies between the numbers, and beyond them.
fn between(found: &mut Vec<String>) {
    let mut numbers: Vec<f64> = found.iter().filter_map(|text| text.parse().ok()).collect();
    numbers.sort_by(f64::total_cmp);
    let (first, last) = (numbers.first().copied(), numbers.last().copied());
    found.extend(numbers.windows(2).map(|pair| ((pair[0] + pair[1]) / 2.0).to_string()));
    found.extend(first.map(|first| (first - 1.0).to_string()));
    found.extend(last.map(|last| (last + 1.0).to_string()));
}

fn dates(text: &str, found: &mut Vec<String>) {
    found.push(text.to_owned());
    if let Some(instant) = instant(text) {
        let seconds = instant.div_euclid(1_000_000_000);
        found.extend([seconds.saturating_add(1).to_string(), seconds.saturating_sub(1).to_string()]);
    }
}

/// The first and the last address of a network, and the ones before and behind it.
fn addresses(text: &str, found: &mut Vec<String>) {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let Ok(address) = address.parse::<IpAddr>() else { return };
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32_u32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let length = length.parse::<u32>().map_or(width, |length| length.min(width));
    let host = if length == width { 0 } else { u128::MAX >> (128 - (width - length)) };
    let (first, last) = (bits & !host, bits | host);
    let highest = if width == 32 { u128::from(u32::MAX) } else { u128::MAX };
    let show = |bits: u128| match width {
        32 => core::net::Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX)).to_string(),
        _ => core::net::Ipv6Addr::from_bits(bits).to_string(),
    };
    found.extend([show(first), show(last)]);
    found.extend(first.checked_sub(1).map(show));
    found.extend(last.checked_add(1).filter(|next| *next <= highest).map(show));
}
