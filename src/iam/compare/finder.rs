//! What one statement allows here and nothing allows there, taken apart into actions and resources.
//!
//! What stands on both sides under the same conditions is taken out before anything is searched, and each search
//! sees only what may be about its piece: so a change of one action in a thousand is one small search.

use super::solve::{Bounds, Goal, Outcome, Sure};
use super::term::{Area, Term, World};
use super::witness::says_more;
use super::{Difference, Extent, Proof, attempt, proof, sides};
use crate::iam::pattern::Pattern;
use crate::iam::policy::{PolicySet, Scope, Statement};

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
    pub(super) fn new(all: &'f [Sides], set: usize, statement: &'a Statement<S>, left: &'f mut usize) -> Self {
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
            let near = near.as_slice();
            let open: Vec<&Vec<usize>> =
                by_resource.iter().filter(|resource| !self.is_covered(near, resource)).collect();
            let together: Vec<usize> = open.iter().flat_map(|resource| resource.iter().copied()).collect();
            if open.is_empty() {
                continue;
            }
            let Some(all) = self.gained(near, &together) else { continue };
            let mut parts: Vec<(Vec<usize>, Proof)> = Vec::new();
            match open.as_slice() {
                [_] => parts.push((together, all)),
                several => {
                    for resource in several {
                        parts.extend(self.gained(near, resource).map(|proof| ((*resource).clone(), proof)));
                    }
                    // The parts are all there is, so where each is proved to be no gain, the whole is none either,
                    // though it was too much to be decided at once.
                    if parts.is_empty() && matches!(all, Proof::Witness(_)) {
                        parts.push((together, all));
                    }
                }
            }
            self.group(action, near, parts);
        }
        self.sum_up();
        found.append(&mut self.found);
    }

    /// Whether all of it stands there too, in every world.
    fn is_covered(&self, near: &[Piece], resource: &[usize]) -> bool {
        let mut pairs = self.places.iter().zip(near);
        pairs.all(|(place, near)| near.on(place.resources(self.statement, resource)).is_covered())
    }

    /// A request of these actions and resources that the statement allows here and nothing there.
    fn gained(&mut self, near: &[Piece], resource: &[usize]) -> Option<Proof> {
        let mut unsure = None;
        for (place, near) in self.places.iter().zip(near) {
            let piece = near.on(place.resources(self.statement, resource));
            if piece.is_covered() || piece.mine.allows.iter().skip(1).any(Vec::is_empty) {
                continue;
            }
            let limits = piece.mine.allows.iter().skip(1).map(|set| Goal::InsideAny(set));
            let denies = piece.mine.denies.iter().map(Goal::Outside);
            let others = piece.theirs.iter().map(Goal::NotAllowed);
            let goals: Vec<Goal<'_>> =
                [Goal::Inside(&piece.term)].into_iter().chain(limits).chain(denies).chain(others).collect();
            match proof(&goals, &piece.term, &place.world, self.left) {
                Some(proof @ Proof::Witness(_)) => return Some(proof),
                proof => unsure = proof.or(unsure),
            }
        }
        unsure
    }

    /// Puts the resources of one action together that differ in the same way.
    fn group(&mut self, action: &[usize], near: &[Piece], parts: Vec<(Vec<usize>, Proof)>) {
        if parts.is_empty() {
            return;
        }
        let mut groups: Vec<(Extent, Vec<usize>, Proof)> = Vec::new();
        let whole = self.is_whole(near);
        for (resource, proof) in parts {
            let extent = match whole {
                true => Extent::Whole,
                false if self.is_conditional(near, &resource) => Extent::Conditions,
                false => Extent::Part,
            };
            // What is certain is not mixed with what can't be told.
            let certain = |proof: &Proof| matches!(proof, Proof::Witness(_));
            match groups.iter_mut().find(|(known, _, other)| *known == extent && certain(other) == certain(&proof)) {
                Some((_, resources, known)) => {
                    resources.extend(resource);
                    if says_more(&proof, known) {
                        *known = proof;
                    }
                }
                None => groups.push((extent, resource, proof)),
            }
        }
        let scope = |scope: &Scope, which: &[usize]| Scope {
            negated: scope.negated,
            patterns: which.iter().map(|at| scope.patterns[*at].clone()).collect(),
        };
        for (extent, resource, proof) in groups {
            self.found.push(Difference {
                set: self.set,
                statement: self.statement,
                actions: scope(&self.statement.actions, action),
                resources: scope(&self.statement.resources, &resource),
                extent,
                proof,
            });
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
    fn is_conditional(&mut self, near: &[Piece], resource: &[usize]) -> bool {
        let left = &mut *self.left;
        let mut open = self.places.iter().zip(near).filter(|(place, _)| place.sides.open);
        open.all(|(place, near)| {
            let piece = near.on(place.resources(self.statement, resource));
            let others: Vec<Bounds> = piece.theirs.iter().map(Bounds::unconditional).collect();
            let term = piece.term.unconditional();
            let others = others.iter().map(Goal::NotAllowed);
            let goals: Vec<Goal<'_>> = [Goal::Inside(&term)].into_iter().chain(others).collect();
            attempt(&goals, &place.world, left) == Outcome::Nothing
        })
    }
}
