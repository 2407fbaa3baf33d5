//! Patterns as automata, and the search for a text that some match and others do not.
//!
//! A search walks the product of all patterns at once, from the first character on, and prunes where a pattern
//! that must match has died or one that must not match can't be escaped any more. Of the characters only those
//! matter that some pattern spells out; one other stands for all the rest. So the answer "there is none" is a
//! proof, as long as the search did not run out of its budget.
//!
//! A policy variable is a symbol of its own: the text found may hold it, and stands for any value of it. Read
//! so, a pattern that must not match is taken to match less than it may (`?` does not match a variable), and
//! one that must match more, so that no text is missed.

use std::collections::HashSet;
use std::sync::Arc;

use super::budget::Budget;
use crate::iam::pattern::{Part, Pattern};
use crate::iam::reading::{self, Case};

/// What a character costs for each 64 positions of all patterns.
const STEPS_PER_WORD: usize = 4;

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Token {
    /// This character.
    Char(char),
    /// This character in upper or lower case; given in lower case.
    Fold(char),
    /// The same in all alphabets.
    FoldAny(char),
    /// One character; a colon only if the flag is set.
    One(bool),
    /// Any characters; colons only if the flag is set.
    Any(bool),
    /// The value of a variable.
    Variable(u32),
    /// The value of a variable in upper or lower case.
    FoldVariable(u32),
}

/// Whether variables stand for any text, or for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    Yes,
    No,
}

impl Token {
    fn is_variable(self) -> bool {
        matches!(self, Self::Variable(_) | Self::FoldVariable(_))
    }

    fn is_free(self, variables: Opened) -> bool {
        self == Self::Any(true) || (variables == Opened::Yes && self.is_variable())
    }
}

/// A pattern as steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Glob(pub(super) Arc<[Token]>);

/// A piece of a text that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Symbol {
    /// A character.
    Char(char),
    /// The value of a variable.
    Variable(u32),
}

/// The policy variables of both sides, each with its default, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(pub(super) Vec<(String, Option<String>)>);

impl Variables {
    /// The number of a variable. The same key with another default is another variable.
    fn number(&mut self, key: &str, default: Option<&str>) -> u32 {
        let known = self.0.iter().position(|(k, d)| k == key && d.as_deref() == default);
        let index = known.unwrap_or_else(|| {
            self.0.push((key.to_owned(), default.map(str::to_owned)));
            self.0.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// What may stand where a colon may not be crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colons {
    /// Wildcards match colons.
    Crossed,
    /// Resource patterns under [`reading::Colons::Segmented`].
    Kept,
    /// The same under [`reading::Colons::SegmentedFive`].
    KeptFive,
    /// The ARN operators: the first five segments keep to themselves, the sixth takes the rest.
    Arn,
}

impl From<reading::Colons> for Colons {
    fn from(reading: reading::Colons) -> Self {
        match reading {
            reading::Colons::Crossing => Self::Crossed,
            reading::Colons::Segmented => Self::Kept,
            reading::Colons::SegmentedFive => Self::KeptFive,
        }
    }
}

impl Glob {
    /// The steps of a pattern.
    pub(super) fn new(pattern: &Pattern, colons: Colons, fold: Option<Case>, variables: &mut Variables) -> Self {
        let mut tokens = Vec::with_capacity(pattern.text.len());
        let mut segments = 0;
        for (index, part) in pattern.parts.iter().enumerate() {
            let ends_segment = match pattern.parts.get(index + 1) {
                None => true,
                Some(Part::Literal(text)) => text.starts_with(':'),
                Some(_) => false,
            };
            let free = matches!(colons, Colons::Arn | Colons::KeptFive) && segments >= 5;
            match part {
                Part::Literal(text) => {
                    segments += text.matches(':').count();
                    tokens.extend(text.chars().map(|c| match fold {
                        Some(Case::Ascii) if c.is_ascii_alphabetic() => Token::Fold(c.to_ascii_lowercase()),
                        Some(Case::Unicode) if c.is_alphabetic() => {
                            Token::FoldAny(c.to_lowercase().next().unwrap_or(c))
                        }
                        _ => Token::Char(c),
                    }));
                }
                Part::One => tokens.push(Token::One(colons == Colons::Crossed || free)),
                Part::Any => {
                    let keeps = matches!(colons, Colons::Kept | Colons::KeptFive);
                    let crosses = colons == Colons::Crossed || free || (keeps && ends_segment);
                    tokens.push(Token::Any(crosses));
                }
                Part::Variable { key, default } => {
                    let number = variables.number(key, default.as_deref());
                    tokens.push(if fold.is_some() { Token::FoldVariable(number) } else { Token::Variable(number) });
                }
            }
        }
        Self(tokens.into())
    }

    /// Everything that has too few colons to be an ARN.
    pub(super) fn no_arn() -> impl Iterator<Item = Self> {
        let segment = [Token::Char(':'), Token::Any(false)];
        (0..5).map(move |colons| Self([&[Token::Any(false)][..], &segment.repeat(colons)].concat().into()))
    }

    /// A text, literally.
    pub(super) fn literal(text: &str) -> Self {
        Self(text.chars().map(Token::Char).collect())
    }

    fn has_variable(&self) -> bool {
        self.0.iter().any(|token| token.is_variable())
    }

    /// Whether it is one text, spelt out.
    fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Char(_)))
    }

    /// Whether it is a `*` that nothing stops.
    pub(super) fn is_anything(&self) -> bool {
        *self.0 == [Token::Any(true)]
    }

    /// Whether every text of `other`, whatever its variables stand for, is surely one of this too.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self == other
            || self.absorbs(other)
            || (other.is_literal() && !self.has_variable() && self.takes(other, Opened::No))
    }

    /// Whether some text may be one of both: a variable may stand for anything.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let fixed = |token: &&Token| matches!(token, Token::Char(_));
        // Most patterns of most policies begin with what settles it.
        let differ = |(a, b): (&Token, &Token)| a != b;
        if self.0.iter().take_while(fixed).zip(other.0.iter().take_while(fixed)).any(differ)
            || self.0.iter().rev().take_while(fixed).zip(other.0.iter().rev().take_while(fixed)).any(differ)
        {
            return false;
        }
        match (self.is_literal(), other.is_literal()) {
            (_, true) => self.takes(other, Opened::Yes),
            (true, false) => other.takes(self, Opened::Yes),
            (false, false) => true,
        }
    }

    /// Whether it matches a text that is spelt out.
    fn takes(&self, text: &Self, variables: Opened) -> bool {
        if self.0.iter().any(|token| matches!(token, Token::Any(false))) {
            return self.takes_by_states(text, variables);
        }
        // Where every `*` is free, only the last one is ever taken back.
        let (mut at, mut read) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            let next = match (self.0.get(at), text.0.get(read)) {
                (None, None) => return true,
                (Some(token), _) if token.is_free(variables) => {
                    star = Some((at + 1, read));
                    Some((at + 1, read))
                }
                (Some(token), Some(Token::Char(c))) => match takes(*token, Symbol::Char(*c), false) {
                    Takes::Moves => Some((at + 1, read + 1)),
                    Takes::Stays | Takes::No => None,
                },
                _ => None,
            };
            (at, read) = match (next, star) {
                (Some(next), _) => next,
                (None, Some((behind, from))) if from < text.0.len() => {
                    star = Some((behind, from + 1));
                    (behind, from + 1)
                }
                (None, _) => return false,
            };
        }
    }

    fn takes_by_states(&self, text: &Self, variables: Opened) -> bool {
        let put = |states: &mut Vec<bool>, mut at: usize| {
            states[at] = true;
            while self.0.get(at).is_some_and(|token| matches!(token, Token::Any(_)) || token.is_free(variables)) {
                at += 1;
                states[at] = true;
            }
        };
        let mut states = vec![false; self.0.len() + 1];
        put(&mut states, 0);
        for token in text.0.iter() {
            let Token::Char(c) = token else { return false };
            let mut next = vec![false; self.0.len() + 1];
            for at in (0..self.0.len()).filter(|at| states[*at]) {
                match takes(self.0[at], Symbol::Char(*c), false) {
                    Takes::Stays => put(&mut next, at),
                    Takes::No if self.0[at].is_free(variables) => put(&mut next, at),
                    Takes::No => {}
                    Takes::Moves => put(&mut next, at + 1),
                }
            }
            states = next;
        }
        states[self.0.len()]
    }

    /// The literal characters at the start, and whether nothing but one free `*` follows.
    fn prefix(&self) -> (&[Token], bool) {
        let length = self.0.iter().take_while(|token| matches!(token, Token::Char(_))).count();
        (&self.0[..length], self.0[length..] == [Token::Any(true)])
    }

    /// Whether every text of `other` that holds its variables as symbols is matched: `other` begins with what
    /// this one spells out, and this one takes any end.
    fn absorbs(&self, other: &Self) -> bool {
        let ((mine, open), (theirs, _)) = (self.prefix(), other.prefix());
        open && theirs.starts_with(mine)
    }
}

/// What a text shall be.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'g> {
    /// Of each of these at least one pattern matches.
    pub(super) must: Vec<&'g [Glob]>,
    /// None of these matches.
    pub(super) must_not: Vec<&'g Glob>,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A text.
    Text(Vec<Symbol>),
    /// There is none.
    Nothing,
    /// There may be one.
    OutOfBudget,
}

impl Wanted<'_> {
    /// Finds a shortest text. `frame` is a further thing that must match: the form that all texts have.
    pub(super) fn find(&self, frame: &[Glob], budget: &mut Budget) -> Found {
        let swallowed = |union: &&[Glob]| -> bool {
            union.iter().all(|one| self.must_not.iter().any(|glob| *glob == one || glob.absorbs(one)))
        };
        if self.must.iter().any(swallowed) {
            return Found::Nothing;
        }
        if let Some(texts) = self.must.iter().filter(|union| union.iter().all(Glob::is_literal)).min_by_key(|u| u.len())
        {
            return self.among(texts, frame, budget);
        }
        let found = Product::new(self, frame).search(budget);
        if found != Found::Nothing || !self.variables_meet_literals() {
            return found;
        }
        // A variable may hold just what another pattern spells out: once more with variables as `*`.
        let opened: Vec<Vec<Glob>> = self.must.iter().map(|union| union.iter().map(opened).collect()).collect();
        let wanted = Wanted { must: opened.iter().map(Vec::as_slice).collect(), must_not: self.must_not.clone() };
        Product::new(&wanted, frame).search(budget)
    }

    /// One of these literal texts, if one will do.
    fn among(&self, texts: &[Glob], frame: &[Glob], budget: &mut Budget) -> Found {
        let fits = |text: &Glob, open: Opened| {
            let takes = |glob: &Glob| glob.takes(text, open);
            let frame = (!frame.is_empty()).then_some(frame);
            self.must.iter().copied().chain(frame).all(|union| union.iter().any(takes))
                && !self.must_not.iter().any(|glob| glob.takes(text, Opened::No))
        };
        for open in [Opened::No, Opened::Yes] {
            for text in texts {
                if !budget.spend(text.0.len() * (self.must.len() + self.must_not.len())) {
                    return Found::OutOfBudget;
                }
                if fits(text, open) {
                    let symbol = |token: &Token| if let Token::Char(c) = token { Some(Symbol::Char(*c)) } else { None };
                    return Found::Text(text.0.iter().filter_map(symbol).collect());
                }
            }
        }
        Found::Nothing
    }

    fn variables_meet_literals(&self) -> bool {
        // The same letters in another case are no value of the variable.
        let folds = |glob: &Glob| glob.0.iter().any(|token| matches!(token, Token::FoldVariable(_)));
        if self.must.iter().any(|union| union.iter().any(folds)) {
            return true;
        }
        self.must.iter().enumerate().any(|(index, union)| {
            union.iter().filter(|glob| glob.has_variable()).any(|glob| {
                let others = self.must.iter().enumerate().filter(|(other, _)| *other != index);
                others.flat_map(|(_, union)| union.iter()).any(|other| other != glob && !other.absorbs(glob))
            })
        })
    }
}

fn opened(glob: &Glob) -> Glob {
    let token = |token: &Token| if token.is_variable() { Token::Any(true) } else { *token };
    Glob(glob.0.iter().map(token).collect())
}

fn words(glob: &Glob) -> usize {
    glob.0.len() / 64 + 1
}

/// One pattern of a product, with where its positions stand in the state.
struct Lane<'g> {
    glob: &'g Glob,
    offset: usize,
    /// Which union it belongs to; `None` if it must not match.
    union: Option<usize>,
}

/// All patterns of a search, walked together. A state is a set of positions of each, as bits.
struct Product<'g> {
    patterns: Vec<Lane<'g>>,
    unions: usize,
    words: usize,
}

type State = Box<[u64]>;

struct Node {
    state: State,
    parent: usize,
    symbol: Option<Symbol>,
}

impl<'g> Product<'g> {
    fn new(wanted: &Wanted<'g>, frame: &'g [Glob]) -> Self {
        let mut product = Self { patterns: Vec::new(), unions: 0, words: 0 };
        let unions = wanted.must.iter().copied().chain((!frame.is_empty()).then_some(frame));
        for union in unions {
            union.iter().for_each(|glob| product.add(glob, Some(product.unions)));
            product.unions += 1;
        }
        wanted.must_not.iter().for_each(|glob| product.add(glob, None));
        product
    }

    fn add(&mut self, glob: &'g Glob, union: Option<usize>) {
        self.patterns.push(Lane { glob, offset: self.words, union });
        self.words += words(glob);
    }

    fn start(&self) -> State {
        let mut state = vec![0; self.words].into_boxed_slice();
        for lane in &self.patterns {
            lane.put(&mut state, 0);
        }
        state
    }

    fn step(&self, state: &State, symbol: Symbol) -> State {
        let mut next = vec![0; self.words].into_boxed_slice();
        for lane in &self.patterns {
            for position in lane.live(state) {
                let Some(token) = lane.glob.0.get(position) else { continue };
                match takes(*token, symbol, lane.union.is_some()) {
                    Takes::No => {}
                    Takes::Moves => lane.put(&mut next, position + 1),
                    Takes::Stays => lane.put(&mut next, position),
                }
            }
        }
        next
    }

    fn accepts(&self, state: &State, lane: &Lane<'_>) -> bool {
        lane.has(state, lane.glob.0.len())
    }

    /// Whether each union still has a pattern that may match, and no forbidden one matches whatever follows.
    fn hopeful(&self, state: &State) -> bool {
        let mut alive = vec![false; self.unions];
        for lane in &self.patterns {
            match lane.union {
                Some(union) => alive[union] = alive[union] || lane.is_alive(state),
                None if lane.is_sink(state) => return false,
                None => {}
            }
        }
        alive.iter().all(|alive| *alive)
    }

    fn is_goal(&self, state: &State) -> bool {
        let mut matched = vec![false; self.unions];
        for lane in &self.patterns {
            match (lane.union, self.accepts(state, lane)) {
                (Some(union), true) => matched[union] = true,
                (None, true) => return false,
                (_, false) => {}
            }
        }
        matched.iter().all(|matched| *matched)
    }

    fn search(&self, budget: &mut Budget) -> Found {
        let other = self.other();
        let start = self.start();
        if !self.hopeful(&start) {
            return Found::Nothing;
        }
        let mut seen = HashSet::from([start.clone()]);
        let mut nodes = vec![Node { state: start, parent: 0, symbol: None }];
        let mut at = 0;
        while at < nodes.len() {
            if self.is_goal(&nodes[at].state) {
                return Found::Text(trace(&nodes, at));
            }
            for symbol in self.symbols(&nodes[at].state, other) {
                if !budget.spend(self.words * STEPS_PER_WORD) {
                    return Found::OutOfBudget;
                }
                let state = self.step(&nodes[at].state, symbol);
                if self.hopeful(&state) && seen.insert(state.clone()) {
                    nodes.push(Node { state, parent: at, symbol: Some(symbol) });
                }
            }
            at += 1;
        }
        Found::Nothing
    }

    /// The symbols that are worth a step. A character that only forbidden patterns spell out is not: any other
    /// character leads the same way and keeps fewer of them alive.
    fn symbols(&self, state: &State, other: char) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        let mut add = |symbol| {
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        };
        let mut wild = false;
        let mut keeps = false;
        for lane in &self.patterns {
            for position in lane.live(state) {
                match (lane.glob.0.get(position), lane.union) {
                    (Some(Token::One(colon) | Token::Any(colon)), union) => {
                        keeps = keeps || !colon;
                        wild = wild || union.is_some();
                    }
                    (Some(Token::Char(c)), Some(_)) => add(Symbol::Char(*c)),
                    (Some(Token::Fold(c)), Some(_)) => {
                        add(Symbol::Char(*c));
                        add(Symbol::Char(c.to_ascii_uppercase()));
                    }
                    (Some(Token::FoldAny(c)), Some(_)) => {
                        Case::Unicode.class(*c).for_each(|alike| add(Symbol::Char(alike)));
                    }
                    (Some(Token::Variable(number) | Token::FoldVariable(number)), Some(_)) => {
                        add(Symbol::Variable(*number));
                    }
                    _ => {}
                }
            }
        }
        if wild {
            add(Symbol::Char(other));
            if keeps {
                add(Symbol::Char(':'));
            }
        }
        symbols
    }

    /// A character that no pattern spells out.
    fn other(&self) -> char {
        let spelt: HashSet<char> = self
            .patterns
            .iter()
            .flat_map(|lane| lane.glob.0.iter())
            .flat_map(|token| match token {
                Token::Char(c) => vec![*c],
                Token::Fold(c) => vec![*c, c.to_ascii_uppercase()],
                Token::FoldAny(c) => Case::Unicode.class(*c).collect(),
                _ => Vec::new(),
            })
            .collect();
        let plain = "xyzqjkvwabcdefghilmnoprstu0123456789XYZQJKVWABCDEFGHILMNOPRSTU-_".chars();
        // What AWS takes is Latin-1; beyond it there is always one more.
        plain.chain('\u{e0}'..='\u{ffff}').find(|c| !spelt.contains(c)).unwrap_or('x')
    }
}

fn trace(nodes: &[Node], mut at: usize) -> Vec<Symbol> {
    let mut text = Vec::new();
    while let Some(symbol) = nodes[at].symbol {
        text.push(symbol);
        at = nodes[at].parent;
    }
    text.reverse();
    text
}

enum Takes {
    No,
    Moves,
    Stays,
}

/// What a step does with a symbol. `must`: whether the pattern must match, and so is read generously.
fn takes(token: Token, symbol: Symbol, must: bool) -> Takes {
    let when = |yes: bool, then: Takes| if yes { then } else { Takes::No };
    match (token, symbol) {
        (Token::Char(a), Symbol::Char(b)) => when(a == b, Takes::Moves),
        (Token::Fold(a), Symbol::Char(b)) => when(a.eq_ignore_ascii_case(&b), Takes::Moves),
        (Token::FoldAny(a), Symbol::Char(b)) => when(Case::Unicode.folds(a, b), Takes::Moves),
        (Token::One(colon), Symbol::Char(c)) => when(colon || c != ':', Takes::Moves),
        (Token::Any(colon), Symbol::Char(c)) => when(colon || c != ':', Takes::Stays),
        (Token::Variable(a) | Token::FoldVariable(a), Symbol::Variable(b)) => when(a == b, Takes::Moves),
        (Token::One(_), Symbol::Variable(_)) => when(must, Takes::Moves),
        (Token::Any(colon), Symbol::Variable(_)) => when(must || colon, Takes::Stays),
        (Token::Variable(_) | Token::FoldVariable(_), Symbol::Char(_))
        | (Token::Char(_) | Token::Fold(_) | Token::FoldAny(_), Symbol::Variable(_)) => Takes::No,
    }
}

impl Lane<'_> {
    /// Marks a position, and those behind it that need no character.
    fn put(&self, state: &mut State, mut position: usize) {
        loop {
            state[self.offset + position / 64] |= 1 << (position % 64);
            if !matches!(self.glob.0.get(position), Some(Token::Any(_))) {
                return;
            }
            position += 1;
        }
    }

    fn has(&self, state: &State, position: usize) -> bool {
        state[self.offset + position / 64] & (1 << (position % 64)) != 0
    }

    fn is_alive(&self, state: &State) -> bool {
        state[self.offset..self.offset + words(self.glob)].iter().any(|word| *word != 0)
    }

    /// Whether it matches whatever follows: it stands in a free `*` at its end.
    fn is_sink(&self, state: &State) -> bool {
        let last = self.glob.0.len().wrapping_sub(1);
        matches!(self.glob.0.last(), Some(Token::Any(true))) && self.has(state, last)
    }

    fn live<'s>(&self, state: &'s State) -> impl Iterator<Item = usize> + use<'s> {
        let slice = &state[self.offset..self.offset + words(self.glob)];
        slice.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Colons, Found, Glob, Symbol, Variables, Wanted};
    use crate::iam::compare::budget::Budget;
    use crate::iam::pattern::{Pattern, Syntax};

    fn globs(texts: &[&str]) -> Vec<Glob> {
        let syntax = Syntax { wildcards: true, variables: true };
        let mut variables = Variables::default();
        texts.iter().map(|text| Glob::new(&Pattern::new(text, syntax), Colons::Crossed, None, &mut variables)).collect()
    }

    fn find(must: &[&str], must_not: &[&str]) -> Option<String> {
        let all = globs(&[must, must_not].concat());
        let (yes, no) = all.split_at(must.len());
        let wanted = Wanted { must: yes.chunks(1).collect(), must_not: no.iter().collect() };
        match wanted.find(&[], &mut Budget::new(1_000_000)) {
            Found::Text(text) => Some(text.iter().map(show).collect()),
            Found::Nothing => None,
            Found::OutOfBudget => panic!("out of budget"),
        }
    }

    fn show(symbol: &Symbol) -> String {
        match symbol {
            Symbol::Char(c) => c.to_string(),
            Symbol::Variable(_) => "$".to_owned(),
        }
    }

    #[test]
    fn what_is_contained_has_no_text_outside() {
        for (must, must_not) in [
            (vec!["abc"], vec!["abc"]),
            (vec!["abc"], vec!["a*"]),
            (vec!["a*"], vec!["a*"]),
            (vec!["a?c*"], vec!["a*c*"]),
            (vec!["*"], vec!["", "?*"]),
            (vec!["a*", "*b"], vec!["a*b"]),
            (vec!["h/${u}/x"], vec!["h/${u}/*"]),
            (vec!["h/${u}/x"], vec!["h/*"]),
        ] {
            assert_eq!(find(&must, &must_not), None, "{must:?} outside {must_not:?}");
        }
    }

    #[test]
    fn what_is_not_contained_has_a_shortest_text_outside() {
        for (must, must_not, text) in [
            (vec!["a*"], vec!["ab*"], "a"),
            (vec!["logs*"], vec!["logs-*"], "logs"),
            (vec!["?*"], vec!["a"], "x"),
            (vec!["a*b"], vec!["ab"], "abb"),
            (vec!["*"], vec!["", "a", "b"], "x"),
            (vec!["h/*"], vec!["h/${u}/*"], "h/"),
            (vec!["h/${u}/*"], vec!["h/${u}/a*"], "h/$/"),
            (vec!["h/${u}"], vec!["h/bob"], "h/$"),
            (vec!["h/${u}"], vec!["h/${v}"], "h/$"),
            (vec!["h/${u}", "h/bob"], vec![], "h/bob"),
        ] {
            assert_eq!(find(&must, &must_not).as_deref(), Some(text), "{must:?} outside {must_not:?}");
        }
    }

    #[test]
    fn hostile_patterns_end_at_the_budget() {
        let star = "*a".repeat(40);
        let other = "*b".repeat(40);
        let all = globs(&["*", &star, &other, "*c*d*e*f*g*h*i*j*k*l*m*n*"]);
        let wanted = Wanted { must: all[1..].chunks(1).collect(), must_not: vec![&all[0]] };
        assert_eq!(wanted.find(&[], &mut Budget::new(1_000)), Found::Nothing);
        let wanted = Wanted { must: all[..3].chunks(1).collect(), must_not: vec![&all[3]] };
        assert_eq!(wanted.find(&[], &mut Budget::new(1_000)), Found::OutOfBudget);
    }

    fn brute(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => brute(&pattern[1..], text) || (!text.is_empty() && brute(pattern, &text[1..])),
            (Some(b'?'), Some(_)) => brute(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) if a == b => brute(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_text_is_found_exactly_when_there_is_one(
            must in proptest::collection::vec("[ab*?]{0,5}", 1..3),
            must_not in proptest::collection::vec("[ab*?]{0,5}", 0..4),
        ) {
            let texts = |list: &[String]| list.iter().map(String::as_str).collect::<Vec<_>>().join("\0");
            let (must_texts, not_texts) = (texts(&must), texts(&must_not));
            let must: Vec<&str> = must_texts.split('\0').collect();
            let must_not: Vec<&str> = if must_not.is_empty() { Vec::new() } else { not_texts.split('\0').collect() };
            let fits = |text: &str| must.iter().all(|p| brute(p.as_bytes(), text.as_bytes()))
                && must_not.iter().all(|p| !brute(p.as_bytes(), text.as_bytes()));
            match find(&must, &must_not) {
                Some(text) => prop_assert!(fits(&text), "{text}"),
                None => {
                    let mut level = vec![String::new()];
                    for _ in 0..6 {
                        for text in &level {
                            prop_assert!(!fits(text), "missed {text:?}");
                        }
                        level = level.iter().flat_map(|t| ["a", "b", "z"].map(|c| format!("{t}{c}"))).collect();
                    }
                }
            }
        }
    }
}
