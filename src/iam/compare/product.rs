//! The search for a text that some patterns match and others do not.
//!
//! It walks the product of all patterns at once, from the first character on, and prunes where a pattern that must
//! match has died or one that must not match can't be escaped any more. Of the characters only those matter that some
//! pattern spells out; one other stands for all the rest. So the answer "there is none" is a proof, as long as the
//! search did not run out of its budget.

use std::collections::HashSet;
use std::rc::Rc;

use super::budget::Budget;
use super::glob::{Glob, Opened, Symbol, Takes, Token, takes};
use crate::iam::reading::Case;

/// What a character costs for each 64 positions of all patterns.
const STEPS_PER_WORD: usize = 4;

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
        if let Some(text) = self.plain(frame, budget) {
            return Found::Text(text);
        }
        let found = Product::new(self, frame).search(budget);
        if found != Found::Nothing || !self.variables_meet_literals() {
            return found;
        }
        // A variable may hold just what another pattern spells out: once more with variables as `*`.
        let opened: Vec<Vec<Glob>> = self.must.iter().map(|union| union.iter().map(Glob::opened).collect()).collect();
        let wanted = Wanted { must: opened.iter().map(Vec::as_slice).collect(), must_not: self.must_not.clone() };
        Product::new(&wanted, frame).search(budget)
    }

    /// The shortest text of the one pattern that must match, if it is of letters and `*` alone and all else lets that text
    /// be: no other text of it is as short.
    fn plain(&self, frame: &[Glob], budget: &mut Budget) -> Option<Vec<Symbol>> {
        let [[glob]] = self.must.as_slice() else { return None };
        let mut text = Vec::with_capacity(glob.0.len());
        for token in glob.0.iter() {
            match token {
                Token::Char(c) => text.push(*c),
                Token::Any(_) => {}
                _ => return None,
            }
        }
        let literal = Glob(text.iter().copied().map(Token::Char).collect());
        let may_be = budget.spend(text.len() * (1 + self.must_not.len()))
            && (frame.is_empty() || frame.iter().any(|form| form.takes(&literal, Opened::No)))
            && !self.must_not.iter().any(|other| other.takes(&literal, Opened::No));
        may_be.then(|| text.into_iter().map(Symbol::Char).collect())
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

/// Which positions of all patterns are live, as bits.
type Positions = Rc<[u64]>;

struct Node {
    state: Positions,
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

    fn start(&self) -> Positions {
        let mut state = vec![0; self.words];
        for lane in &self.patterns {
            lane.put(&mut state, 0);
        }
        state.into()
    }

    fn step(&self, state: &[u64], symbol: Symbol, next: &mut [u64]) {
        next.fill(0);
        for lane in &self.patterns {
            for position in lane.live(state) {
                let Some(token) = lane.glob.0.get(position) else { continue };
                match takes(*token, symbol, lane.union.is_some()) {
                    Takes::No => {}
                    Takes::Moves => lane.put(next, position + 1),
                    Takes::Stays => lane.put(next, position),
                }
            }
        }
    }

    /// Whether each union still has a pattern that may match, and no forbidden one matches whatever follows.
    fn hopeful(&self, state: &[u64]) -> bool {
        self.of_each_union(|lane| lane.is_alive(state)) && !self.must_not().any(|lane| lane.is_sink(state))
    }

    fn is_goal(&self, state: &[u64]) -> bool {
        self.of_each_union(|lane| lane.accepts(state)) && !self.must_not().any(|lane| lane.accepts(state))
    }

    /// Whether it is so for a pattern of each union. The patterns of a union stand together.
    fn of_each_union(&self, is: impl Fn(&Lane<'_>) -> bool) -> bool {
        let unions = self.patterns.chunk_by(|one, next| one.union == next.union);
        let mut unions = unions.filter(|lanes| lanes.first().is_some_and(|lane| lane.union.is_some()));
        unions.all(|lanes| lanes.iter().any(&is))
    }

    fn must_not(&self) -> impl Iterator<Item = &Lane<'g>> {
        self.patterns.iter().rev().take_while(|lane| lane.union.is_none())
    }

    fn search(&self, budget: &mut Budget) -> Found {
        let other = self.other();
        let start = self.start();
        if !self.hopeful(&start) {
            return Found::Nothing;
        }
        let mut seen = HashSet::from([Rc::clone(&start)]);
        let mut next = vec![0; self.words];
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
                self.step(&nodes[at].state, symbol, &mut next);
                if self.hopeful(&next) && !seen.contains(next.as_slice()) {
                    let state: Positions = next.as_slice().into();
                    seen.insert(Rc::clone(&state));
                    nodes.push(Node { state, parent: at, symbol: Some(symbol) });
                }
            }
            at += 1;
        }
        Found::Nothing
    }

    /// The symbols that are worth a step. A character that only forbidden patterns spell out is not: any other
    /// character leads the same way and keeps fewer of them alive.
    fn symbols(&self, state: &[u64], other: char) -> Vec<Symbol> {
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

impl Lane<'_> {
    /// Marks a position, and those behind it that need no character.
    fn put(&self, state: &mut [u64], mut position: usize) {
        loop {
            state[self.offset + position / 64] |= 1 << (position % 64);
            if !matches!(self.glob.0.get(position), Some(Token::Any(_))) {
                return;
            }
            position += 1;
        }
    }

    fn accepts(&self, state: &[u64]) -> bool {
        self.has(state, self.glob.0.len())
    }

    fn has(&self, state: &[u64], position: usize) -> bool {
        state[self.offset + position / 64] & (1 << (position % 64)) != 0
    }

    fn is_alive(&self, state: &[u64]) -> bool {
        state[self.offset..self.offset + words(self.glob)].iter().any(|word| *word != 0)
    }

    /// Whether it matches whatever follows: it stands in a free `*` at its end.
    fn is_sink(&self, state: &[u64]) -> bool {
        let last = self.glob.0.len().wrapping_sub(1);
        matches!(self.glob.0.last(), Some(Token::Any(true))) && self.has(state, last)
    }

    fn live<'s>(&self, state: &'s [u64]) -> impl Iterator<Item = usize> + use<'s> {
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

    use super::{Found, Glob, Symbol, Wanted};
    use crate::iam::compare::budget::Budget;
    use crate::iam::compare::glob::{Colons, Variables};
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
