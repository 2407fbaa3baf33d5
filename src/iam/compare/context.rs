//! Whether the conditions on one context key can be met together, and by which values.
//!
//! A key is absent, or has values. Present, each condition asks something of some value or of all of them, so
//! one value is looked for for each thing asked of some. Texts and ARNs are patterns; numbers, dates and
//! networks are cut into ranges by what the conditions name, and one value of each range is tried.

use super::atom::Atom;
use super::budget::Budget;
use super::glob::{Glob, Symbol};
use super::product::{Found, Wanted};
use super::term::World;
use crate::iam::pattern::Pattern;
use crate::iam::reading::{Empty, Reading, Truth};
use crate::iam::request::Request;
use crate::iam::value::{self, Instant, Type, is_never_empty};
use crate::units::network;

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

/// A value's wish: that some value of a condition matches it, or that none does.
type Wish<'a> = (&'a Atom, bool);

/// Settles a key so that each of the conditions holds, or does not, as wanted. `named`: a policy variable
/// names the key, so that it is better there than absent.
pub(super) fn settle(key: &str, wants: &[(&Atom, bool)], named: bool, world: &World, budget: &mut Budget) -> Settled {
    let nothing = Request::default();
    // Without the values of policy variables a negation may be spoilt; that is a condition of its own.
    let reading = Reading { unresolved: Default::default(), ..world.reading };
    let absent = wants.iter().all(|(atom, holds)| (atom.condition.holds(&nothing, reading) == Truth::Yes) == *holds);
    if absent && !named {
        return Settled::As(Setting::Absent);
    }
    // What a variable stands for is told apart from what other keys have, where nothing is asked of it but that.
    if named && wants.iter().all(|(atom, _)| !atom.condition.values.iter().any(Pattern::has_variable)) {
        let value = telling(key);
        let request = Request { context: [(key.to_owned(), vec![value.clone()])].into(), ..Request::default() };
        if wants.iter().all(|(atom, holds)| (atom.condition.holds(&request, reading) == Truth::Yes) == *holds) {
            return Settled::As(Setting::Values(vec![value.chars().map(Symbol::Char).collect()]));
        }
    }
    match present(key, wants, world, budget) {
        Settled::As(setting) => Settled::As(setting),
        _ if absent => Settled::As(Setting::Absent),
        settled => settled,
    }
}

/// A value that says which key it is of.
pub(super) fn telling(key: &str) -> String {
    format!("some-{}", key.rsplit([':', '/']).next().unwrap_or("value"))
}

fn present(key: &str, wants: &[(&Atom, bool)], world: &World, budget: &mut Budget) -> Settled {
    let filled = filled(key, wants, world, budget);
    if world.reading.empty == Empty::Text || is_never_empty(key) || !matches!(filled, Settled::Never | Settled::Unsure)
    {
        return filled;
    }
    match emptied(wants, world, budget) {
        Settled::Never => filled,
        settled => settled,
    }
}

/// Settles a key that has the empty text, where that is no value to what counts values.
fn emptied(wants: &[(&Atom, bool)], world: &World, budget: &mut Budget) -> Settled {
    let (counting, mut compared): (Vec<_>, Vec<_>) =
        wants.iter().copied().partition(|(atom, _)| atom.condition.counts_values());
    let nothing = Request::default();
    let reading = Reading { unresolved: Default::default(), ..world.reading };
    if counting.iter().any(|(atom, holds)| (atom.condition.holds(&nothing, reading) == Truth::Yes) != *holds) {
        return Settled::Never;
    }
    compared.iter_mut().for_each(|(atom, matching)| *matching = *matching != atom.condition.operator.test.is_negated());
    let empty = [Glob::literal("")];
    match value(&compared, Some(&empty), world.reading, budget) {
        Value::Is(text) => Settled::As(Setting::Values(vec![text])),
        Value::None => Settled::Never,
        Value::Unsure => Settled::Unsure,
    }
}

/// Settles a key that has a value to everything.
fn filled(key: &str, wants: &[(&Atom, bool)], world: &World, budget: &mut Budget) -> Settled {
    let (mut all, mut some): (Vec<Wish<'_>>, Vec<Wish<'_>>) = (Vec::new(), Vec::new());
    // AWS wants a set operator on keys with several values, and takes a policy without one.
    let several = world.has_several(key);
    for (atom, holds) in wants {
        if atom.family() == Type::Existence {
            if atom.is_for_present_keys() != *holds {
                return Settled::Never;
            }
            continue;
        }
        let (of_all, matching) = atom.asks(*holds, world.reading);
        if of_all { &mut all } else { &mut some }.push((*atom, matching));
    }
    // Where an empty text may be none, one value has to be another.
    let nonempty = nonempty();
    let may_be_none = world.reading.empty == Empty::NoValue && !is_never_empty(key);
    let counts = may_be_none && wants.iter().any(|(atom, _)| atom.condition.counts_values());
    let frame = counts.then_some(&nonempty[..]);
    if !several || some.is_empty() {
        // One value that is all that is asked.
        all.append(&mut some);
        return match value(&all, frame, world.reading, budget) {
            Value::Is(text) => Settled::As(Setting::Values(vec![text])),
            Value::None => Settled::Never,
            Value::Unsure => Settled::Unsure,
        };
    }
    let mut values = Vec::new();
    for wish in some {
        all.push(wish);
        match value(&all, None, world.reading, budget) {
            Value::Is(text) if values.contains(&text) => {}
            Value::Is(text) => values.push(text),
            Value::None => return Settled::Never,
            Value::Unsure => return Settled::Unsure,
        }
        all.pop();
    }
    if counts && values.iter().all(Vec::is_empty) {
        match value(&all, frame, world.reading, budget) {
            Value::Is(text) => values.push(text),
            Value::None => return Settled::Never,
            Value::Unsure => return Settled::Unsure,
        }
    }
    Settled::As(Setting::Values(values))
}

/// Everything but the empty text.
fn nonempty() -> [Glob; 1] {
    [Glob([super::glob::Token::One(true), super::glob::Token::Any(true)].into())]
}

enum Value {
    Is(Vec<Symbol>),
    None,
    Unsure,
}

/// One value that meets all wishes, and is one of `frame`.
fn value(wishes: &[Wish<'_>], frame: Option<&[Glob]>, reading: Reading, budget: &mut Budget) -> Value {
    let (texts, typed): (Vec<Wish<'_>>, Vec<Wish<'_>>) =
        wishes.iter().partition(|(atom, _)| atom.family() == Type::Text);
    if texts.iter().any(|(atom, _)| atom.opaque) {
        return Value::Unsure;
    }
    if typed.is_empty() {
        return text(&texts, frame, budget);
    }
    let framed = |candidate: &str| frame.is_none_or(|globs| candidate.is_empty() == globs[0].0.is_empty());
    let meets = |candidate: &str| {
        framed(candidate) && wishes.iter().all(|(atom, matching)| atom.has(candidate, reading) == *matching)
    };
    if let Some(candidate) = candidates(&typed).into_iter().find(|candidate| meets(candidate)) {
        return Value::Is(candidate.chars().map(Symbol::Char).collect());
    }
    let first = typed.first().map(|(atom, _)| atom.family());
    match texts.is_empty() && typed.iter().all(|(atom, _)| Some(atom.family()) == first) {
        true => Value::None,
        // A text that is also a number of some range, or a number that is also a date: not looked for.
        false => Value::Unsure,
    }
}

fn text(wishes: &[Wish<'_>], frame: Option<&[Glob]>, budget: &mut Budget) -> Value {
    let mut wanted = Wanted::default();
    for (atom, matching) in wishes {
        match matching {
            true => wanted.must.push(&atom.globs),
            false => wanted.must_not.extend(&atom.globs),
        }
    }
    // An empty text is a value, but not one that anybody expects to see.
    let nonempty = nonempty();
    let frames: &[&[Glob]] = match frame {
        // What has to be is a wish like the others: a variable may stand for it.
        Some(frame) => {
            wanted.must.push(frame);
            &[&[]]
        }
        None => &[&nonempty, &[]],
    };
    for frame in frames {
        match wanted.find(frame, budget) {
            Found::Text(text) => return Value::Is(text),
            Found::OutOfBudget => return Value::Unsure,
            Found::Nothing => {}
        }
    }
    Value::None
}

/// One value of each range into which the conditions cut all values, and one that is none of them.
fn candidates(wishes: &[Wish<'_>]) -> Vec<String> {
    let of = |family: Type| {
        let atoms = wishes.iter().filter(move |(atom, _)| atom.family() == family);
        atoms.flat_map(|(atom, _)| &atom.condition.values).map(|value| value.text.as_str()).collect::<Vec<_>>()
    };
    let asked = |family: Type| wishes.iter().any(|(atom, _)| atom.family() == family);
    let mut found = Vec::new();
    if asked(Type::Bool) {
        found.extend(["true", "false"].map(str::to_owned));
    }
    if asked(Type::Number) {
        numbers(&of(Type::Number), &mut found);
    }
    if asked(Type::Date) {
        dates(&of(Type::Date), &mut found);
    }
    if asked(Type::Network) {
        addresses(&of(Type::Network), &mut found);
    }
    if asked(Type::Binary) {
        binaries(&of(Type::Binary), &mut found);
    }
    // What is no number, no date, no address and no base64 matches nothing.
    found.extend(["x", ""].map(str::to_owned));
    found
}

/// Each number, one between each two neighbours, and one beyond either end.
fn numbers(texts: &[&str], found: &mut Vec<String>) {
    let mut numbers: Vec<_> = texts.iter().filter_map(|text| value::number(text)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    found.extend(texts.iter().map(|text| (*text).to_owned()));
    found.extend(numbers.windows(2).map(|pair| pair[0].between(&pair[1])));
    found.extend(numbers.first().map(value::Number::below));
    found.extend(numbers.last().map(value::Number::above));
}

/// Each point in time, one between each two neighbours, and one beyond either end.
fn dates(texts: &[&str], found: &mut Vec<String>) {
    let mut instants: Vec<Instant> = texts.iter().filter_map(|text| value::instant(text)).collect();
    instants.sort_unstable();
    instants.dedup();
    found.extend(texts.iter().map(|text| (*text).to_owned()));
    found.extend(instants.windows(2).map(|pair| pair[0].between(&pair[1]).to_string()));
    found.extend(instants.first().and_then(Instant::before).map(|before| before.to_string()));
    found.extend(instants.last().map(|last| last.after().to_string()));
}

/// The first address of each network and the one behind its last: whatever is left of a network when others are
/// taken out begins with one of these, and what is left of all addresses with the first of them.
fn addresses(texts: &[&str], found: &mut Vec<String>) {
    let networks = texts.iter().filter_map(|text| network::parse(text));
    found.extend(networks.flat_map(value::edges).map(|address| address.to_string()));
    found.extend(["192.0.2.1", "2001:db8::1", "0.0.0.0", "::"].map(str::to_owned));
}

/// Each value, and one that is longer than all.
fn binaries(texts: &[&str], found: &mut Vec<String>) {
    let longest = texts.iter().filter_map(|text| value::bytes(text)).map(|bytes| bytes.len()).max();
    found.extend(texts.iter().map(|text| (*text).to_owned()));
    found.push(value::base64(&vec![b'x'; longest.unwrap_or(0) + 1]));
}
