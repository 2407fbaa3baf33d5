//! One path for every combination of patterns that can match together.
//!
//! What policies say about a path depends only on which of their patterns match it. So the paths are built
//! segment by segment, and of segments that the patterns can't tell apart, one is tried: each text that a pattern
//! has there, each text that begins as a pattern does, and one that none has. Where two paths leave the same
//! patterns, the second is dropped.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::matching::{Acl, Rank, rank};

/// How many steps an answer may cost. What is not known by then can't be told.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// Enough for some thousands of rules as people write them; about a second.
    pub(super) const USUAL: usize = 20_000_000;

    pub(super) fn new(steps: usize) -> Self {
        Self(steps)
    }

    /// Takes steps, if as many are left.
    pub(super) fn spend(&mut self, steps: usize) -> ControlFlow<Stop> {
        match self.0.checked_sub(steps) {
            Some(left) => {
                self.0 = left;
                ControlFlow::Continue(())
            }
            None => {
                self.0 = 0;
                ControlFlow::Break(Stop::Exhausted)
            }
        }
    }
}

/// Why a walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The budget is spent.
    Exhausted,
    /// The visitor knows enough.
    Enough,
}

struct Pattern<'a> {
    segments: Vec<&'a str>,
    prefix: bool,
    /// Which of the two sides have it.
    side: [bool; 2],
}

/// Which patterns can still match, and which match whatever follows.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Front {
    depth: usize,
    /// Patterns whose first `depth` segments match, as indices.
    open: Vec<u32>,
    /// Of the patterns that match whatever follows, the most specific one of each side: only that can decide.
    settled: [Option<u32>; 2],
}

struct Walk<'a> {
    patterns: Vec<Pattern<'a>>,
    /// A character that no pattern has.
    fresh: char,
}

/// Shows `visit` a path, without a `/` at its end, for every combination of patterns of the two that can match it
/// and the path with a `/` behind it.
pub(super) fn walk(
    sides: [&Acl; 2],
    budget: &mut Budget,
    visit: &mut dyn FnMut(&str, &mut Budget) -> ControlFlow<Stop>,
) -> ControlFlow<Stop> {
    let walk = Walk::new(sides);
    budget.spend(walk.patterns.iter().map(|pattern| pattern.segments.len()).sum())?;
    let all = 0..u32::try_from(walk.patterns.len()).unwrap_or(u32::MAX);
    let mut seen = HashSet::new();
    let mut waiting = vec![(Front { depth: 0, open: all.collect(), settled: [None; 2] }, String::new())];
    while let Some((state, path)) = waiting.pop() {
        if state.depth > 0 {
            budget.spend(1 + path.len() / 8)?;
            visit(&path, budget)?;
        }
        // The stack gives back what was put last first.
        for (segment, next) in walk.next(&state, budget)?.into_iter().rev() {
            budget.spend(1 + (path.len() + segment.len()) / 8)?;
            if seen.insert(next.clone()) {
                let path = if state.depth == 0 { segment } else { format!("{path}/{segment}") };
                waiting.push((next, path));
            }
        }
    }
    ControlFlow::Continue(())
}

impl<'a> Walk<'a> {
    fn new(sides: [&'a Acl; 2]) -> Self {
        // In the order of how specific they are, so that of two indices the greater one decides.
        let mut ranked: BTreeMap<Rank<'a>, Pattern<'a>> = BTreeMap::new();
        for (side, acl) in sides.into_iter().enumerate() {
            for (text, prefix, _) in acl.patterns() {
                let new = || Pattern { segments: text.split('/').collect(), prefix, side: [false; 2] };
                ranked.entry(rank(text, prefix)).or_insert_with(new).side[side] = true;
            }
        }
        let patterns: Vec<Pattern<'a>> = ranked.into_values().collect();
        let used: HashSet<char> =
            patterns.iter().flat_map(|pattern| &pattern.segments).flat_map(|segment| segment.chars()).collect();
        let mut candidates = ('x'..='z').chain('a'..='w').chain('0'..='9').chain('A'..='Z').chain('\u{4e00}'..);
        let fresh = candidates.find(|c| !used.contains(c)).unwrap_or('~');
        Self { patterns, fresh }
    }

    /// The states after one more segment, each with a segment that leads there.
    fn next(&self, state: &Front, budget: &mut Budget) -> ControlFlow<Stop, Vec<(String, Front)>> {
        let mut texts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut beginnings: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut any = Vec::new();
        budget.spend(1 + state.open.len())?;
        if state.depth > 0 && state.open.is_empty() {
            // Whatever follows, the same patterns match.
            return ControlFlow::Continue(Vec::new());
        }
        for &index in &state.open {
            let pattern = &self.patterns[index as usize];
            let Some(&segment) = pattern.segments.get(state.depth) else { continue };
            if pattern.prefix && state.depth + 1 == pattern.segments.len() {
                beginnings.entry(segment).or_default().push(index);
            } else if segment == "+" {
                any.push(index);
            } else if !segment.is_empty() {
                texts.entry(segment).or_default().push(index);
            }
        }
        let tried = texts.keys().map(|&text| text.to_owned());
        let begun = beginnings.keys().filter(|start| !start.is_empty()).map(|start| format!("{start}{}", self.fresh));
        let mut next = Vec::new();
        for segment in tried.chain(begun).chain([self.fresh.to_string()]) {
            budget.spend(1 + any.len() + beginnings.len())?;
            let mut open = any.clone();
            open.extend(texts.get(segment.as_str()).into_iter().flatten());
            open.sort_unstable();
            let mut settled = state.settled;
            for &index in beginnings.iter().filter(|(start, _)| segment.starts_with(**start)).flat_map(|(_, all)| all) {
                for (best, held) in settled.iter_mut().zip(self.patterns[index as usize].side) {
                    if held {
                        *best = (*best).max(Some(index));
                    }
                }
            }
            budget.spend(open.len())?;
            let depth = if open.is_empty() { usize::MAX } else { state.depth + 1 };
            next.push((segment, Front { depth, open, settled }));
        }
        ControlFlow::Continue(next)
    }
}
