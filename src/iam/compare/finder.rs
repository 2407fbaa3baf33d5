//! What one statement allows here and nothing allows there, taken apart into actions and resources.
//!
//! What stands on both sides under the same conditions is taken out before anything is searched, and each search
//! sees only what may be about its piece: so a change of one action in a thousand is one small search.

use super::solve::{Bounds, Goal, Outcome, Sure};
use super::term::{Area, Term, World};
use super::witness::{presentable, says_all, says_more};
use super::{Difference, Extent, Proof, attempt, proof, sides};
use crate::iam::pattern::Pattern;
use crate::iam::policy::{PolicySet, Statement};
use crate::iam::scope::Scope;

/// How many pieces, actions times resources, a statement is taken apart into.
const PIECES_MAX: usize = 50_000;

/// One set of the one side, and all of the other, in one world.
pub(super) struct Sides {
    world: World,
    open: bool,
    mine: Bounds,
    theirs: Vec<Bounds>,
}

impl Sides {
    pub(super) fn new<S>(mine: &PolicySet<S>, theirs: &[PolicySet<S>], open: bool, mut world: World) -> Self {
        let (here, there): (Sure, Sure) = {
            let (here, there, _) = sides(open);
            (here, there)
        };
        let mine = Bounds::new(mine, here, &mut world);
        let theirs: Vec<Bounds> = theirs.iter().map(|set| Bounds::new(set, there, &mut world)).collect();
        Self { world, open, mine, theirs }
    }
}

/// The statement that is looked at, in one world.
struct Place<'f> {
    sides: &'f Sides,
    world: World,
    term: Term,
}

/// What of both sides may be about one piece of the statement.
struct Piece {
    term: Term,
    mine: Bounds,
    theirs: Vec<Bounds>,
}

impl Place<'_> {
    /// What may be about some of the statement's actions.
    fn near(&self, action: &[usize]) -> Piece {
        let (actions, resources) = (self.term.actions.part(action.iter().copied()), Area::everything());
        let (mine, theirs) = (&self.sides.mine, &self.sides.theirs);
        Piece {
            mine: mine.within(&actions, &resources),
            theirs: theirs.iter().map(|bounds| bounds.within(&actions, &resources)).collect(),
            term: self.term.on(actions, resources),
        }
    }

    /// Some of the statement's resources.
    fn resources<S>(&self, statement: &Statement<S>, resource: &[usize]) -> Area {
        match self.term.resources.globs.len() == statement.resources.patterns.len() {
            true => self.term.resources.part(resource.iter().copied()),
            false => self.term.resources.clone(),
        }
    }
}

impl Piece {
    /// What of it may be about some resources.
    fn on(&self, resources: Area) -> Self {
        let actions = &self.term.actions;
        Self {
            mine: self.mine.within(actions, &resources),
            theirs: self.theirs.iter().map(|bounds| bounds.within(actions, &resources)).collect(),
            term: self.term.on(actions.clone(), resources),
        }
    }

    fn is_covered(&self) -> bool {
        self.theirs.iter().any(|bounds| bounds.surely_allows(&self.term, &self.mine))
    }

    /// What a request must meet that the statement allows here and nothing there.
    fn goals(&self) -> Vec<Goal<'_>> {
        let limits = self.mine.allows.iter().skip(1).map(|set| Goal::InsideAny(set));
        let denies = self.mine.denies.iter().map(Goal::Outside);
        let others = self.theirs.iter().map(Goal::NotAllowed);
        [Goal::Inside(&self.term)].into_iter().chain(limits).chain(denies).chain(others).collect()
    }
}

/// Some resources of the statement: what may be about them, in each place.
struct Cut {
    resource: Vec<usize>,
    pieces: Vec<Piece>,
}

/// A gain of some resources, as it was found.
struct Part {
    cut: Cut,
    /// The place that it was found in.
    at: usize,
    proof: Proof,
}

impl Part {
    fn is_certain(&self) -> bool {
        matches!(self.proof, Proof::Witness(_))
    }
}

/// Looks for what one statement allows here and nothing allows there.
pub(super) struct Finder<'f, 'a, S> {
    places: Vec<Place<'f>>,
    set: usize,
    statement: &'a Statement<S>,
    left: &'f mut usize,
    found: Vec<Difference<'a, S>>,
}

impl<'f, 'a, S> Finder<'f, 'a, S> {
    pub(super) fn new(all: &[&'f Sides], set: usize, statement: &'a Statement<S>, left: &'f mut usize) -> Self {
        let places = all.iter().filter_map(|one| {
            let mut world = one.world.clone();
            let term = Term::new(statement, sides(one.open).2, &mut world)?;
            Some(Place { sides: one, world, term })
        });
        Self { places: places.collect(), set, statement, left, found: Vec::new() }
    }

    pub(super) fn find(mut self, found: &mut Vec<Difference<'a, S>>) {
        let (actions, resources) = (&self.statement.actions, &self.statement.resources);
        let whole = |scope: &Scope| vec![(0..scope.patterns.len()).collect::<Vec<_>>()];
        let pieces = |scope: &Scope| match scope.negated {
            true => whole(scope),
            false => (0..scope.patterns.len()).map(|at| vec![at]).collect(),
        };
        let by_action = pieces(actions);
        // Where it is in doubt what a resource means, they are taken together.
        let odd = resources.patterns.iter().any(Pattern::is_odd_resource)
            || self.places.iter().any(|place| place.term.resources.globs.len() != resources.patterns.len());
        let by_resource = match odd || by_action.len() * resources.patterns.len() > PIECES_MAX {
            true => whole(resources),
            false => pieces(resources),
        };
        for action in &by_action {
            let near: Vec<Piece> = self.places.iter().map(|place| place.near(action)).collect();
            let open: Vec<Cut> = by_resource
                .iter()
                .map(|resource| self.cut(&near, resource.clone()))
                .filter(|cut| !cut.pieces.iter().all(Piece::is_covered))
                .collect();
            let parts = self.parts(&near, open);
            self.group(action, &near, parts);
        }
        self.sum_up();
        found.append(&mut self.found);
    }

    fn cut(&self, near: &[Piece], resource: Vec<usize>) -> Cut {
        let on = |(place, near): (&Place<'_>, &Piece)| near.on(place.resources(self.statement, &resource));
        let pieces = self.places.iter().zip(near).map(on).collect();
        Cut { resource, pieces }
    }

    /// Which resources of one action are gained: all of them are searched at once before each is.
    fn parts(&mut self, near: &[Piece], mut open: Vec<Cut>) -> Vec<Part> {
        if open.len() < 2 {
            return open.pop().and_then(|one| self.gained(one)).into_iter().collect();
        }
        let together: Vec<usize> = open.iter().flat_map(|cut| cut.resource.iter().copied()).collect();
        // Where there is nothing on the other side the first is mostly a gain, which says that all of them are none no more.
        let first = match near.iter().all(|piece| piece.theirs.is_empty()) {
            true => self.gained(open.remove(0)),
            false => None,
        };
        if first.as_ref().is_some_and(Part::is_certain) {
            let rest = open.into_iter().filter_map(|cut| self.gained(cut));
            return first.into_iter().chain(rest).collect();
        }
        let Some(all) = self.gained(self.cut(near, together)) else { return Vec::new() };
        let rest = open.into_iter().filter_map(|cut| self.gained(cut));
        let parts: Vec<Part> = first.into_iter().chain(rest).collect();
        // The parts are all there is, so where each is proved to be no gain, the whole is none either, though it was
        // too much to be decided at once.
        match parts.is_empty() && all.is_certain() {
            true => vec![all],
            false => parts,
        }
    }

    /// A request of these actions and resources that the statement allows here and nothing there.
    fn gained(&mut self, cut: Cut) -> Option<Part> {
        let mut unsure = None;
        for (at, (place, piece)) in self.places.iter().zip(&cut.pieces).enumerate() {
            if piece.is_covered() || piece.mine.allows.iter().skip(1).any(Vec::is_empty) {
                continue;
            }
            match proof(&piece.goals(), &place.world, self.left) {
                Some(proof @ Proof::Witness(_)) => return Some(Part { cut, at, proof }),
                Some(proof) => unsure = Some((at, proof)),
                None => {}
            }
        }
        unsure.map(|(at, proof)| Part { cut, at, proof })
    }

    /// Puts the resources of one action together that differ in the same way.
    fn group(&mut self, action: &[usize], near: &[Piece], parts: Vec<Part>) {
        if parts.is_empty() {
            return;
        }
        let mut groups: Vec<(Extent, Part)> = Vec::new();
        let whole = self.is_whole(near);
        for mut part in parts {
            let extent = match whole {
                true => Extent::Whole,
                false if self.is_conditional(&part.cut) => Extent::Conditions,
                false => Extent::Part,
            };
            // What is certain is not mixed with what can't be told.
            let known = groups
                .iter_mut()
                .find(|(known, other)| *known == extent && other.is_certain() == part.is_certain())
                .map(|(_, known)| known);
            match known {
                Some(known) => {
                    if !says_all(&known.proof) {
                        self.present(&mut part);
                        if says_more(&part.proof, &known.proof) {
                            known.proof = part.proof;
                        }
                    }
                    known.cut.resource.extend(part.cut.resource);
                }
                None => {
                    self.present(&mut part);
                    groups.push((extent, part));
                }
            }
        }
        let scope = |scope: &Scope, which: &[usize]| Scope {
            negated: scope.negated,
            patterns: which.iter().map(|at| scope.patterns[*at].clone()).collect(),
        };
        for (extent, Part { cut, proof, .. }) in groups {
            self.found.push(Difference {
                set: self.set,
                statement: self.statement,
                actions: scope(&self.statement.actions, action),
                resources: scope(&self.statement.resources, &cut.resource),
                extent,
                proof,
            });
        }
    }

    /// Makes the witness of a part one as somebody would write it: only of those that are shown.
    fn present(&self, part: &mut Part) {
        let Some((place, piece)) = self.places.get(part.at).zip(part.cut.pieces.get(part.at)) else { return };
        if let Proof::Witness(request) = &mut part.proof {
            let found = std::mem::take(request);
            *request = presentable(found, &piece.term.actions.scope(), &piece.goals(), place.world.reading);
        }
    }

    /// What can't be told of several actions for one reason is one finding.
    fn sum_up(&mut self) {
        let mut summed: Vec<Difference<'a, S>> = Vec::with_capacity(self.found.len());
        for one in self.found.drain(..) {
            let like = summed.iter_mut().find(|other| {
                matches!(one.proof, Proof::CannotTell(_))
                    && other.proof == one.proof
                    && other.extent == one.extent
                    && other.resources == one.resources
            });
            match like {
                Some(other) => other.actions.patterns.extend(one.actions.patterns),
                None => summed.push(one),
            }
        }
        self.found = summed;
    }

    /// Whether the other side allows none of these actions, whatever the resource and the conditions.
    fn is_whole(&mut self, near: &[Piece]) -> bool {
        let Some((place, piece)) = self.places.last().zip(near.last()) else { return false };
        let term = piece.term.unconditional();
        piece.theirs.iter().all(|bounds| {
            if bounds.allows.iter().any(Vec::is_empty) {
                return true;
            }
            let allowed = bounds.allows.iter().map(|set| Goal::InsideAny(set));
            let denies = bounds.denies.iter().map(Goal::Outside);
            let goals: Vec<Goal<'_>> = [Goal::Inside(&term)].into_iter().chain(allowed).chain(denies).collect();
            attempt(&goals, &place.world, self.left) == Outcome::Nothing
        })
    }

    /// Whether the other side would allow all of it if it had no conditions.
    fn is_conditional(&mut self, cut: &Cut) -> bool {
        let left = &mut *self.left;
        let mut open = self.places.iter().zip(&cut.pieces).filter(|(place, _)| place.sides.open);
        open.all(|(place, piece)| {
            let others: Vec<Bounds> = piece.theirs.iter().map(Bounds::unconditional).collect();
            let term = piece.term.unconditional();
            let others = others.iter().map(Goal::NotAllowed);
            let goals: Vec<Goal<'_>> = [Goal::Inside(&term)].into_iter().chain(others).collect();
            attempt(&goals, &place.world, left) == Outcome::Nothing
        })
    }
}
