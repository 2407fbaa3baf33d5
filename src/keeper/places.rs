//! The connections to an agent, and who goes when there are too many.
//!
//! Anybody on the host can connect. So a new connection always gets a place: when none is free, it takes that of the one
//! that came first among those over which the agent's token was not shown, and of the others only if there are no such.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// Connections at once.
const CONNECTIONS_MAX: usize = 256;

/// The connections there are, by their number, in the order in which they came.
#[derive(Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    next: u64,
    taken: BTreeMap<u64, Visitor>,
}

#[derive(Default)]
struct Visitor {
    /// It showed the token.
    is_known: bool,
    task: Option<AbortHandle>,
}

/// A connection's place, given back when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    /// Its number.
    pub(super) number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.state().taken.remove(&self.number);
    }
}

impl Place {
    /// The token was shown over it.
    pub(super) fn recognise(&self) {
        if let Some(visitor) = self.places.state().taken.get_mut(&self.number) {
            visitor.is_known = true;
        }
    }
}

impl Places {
    fn state(&self) -> MutexGuard<'_, Taken> {
        // Each use is a few assignments, so a panic elsewhere cannot have left it torn.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a connection in.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let mut state = self.state();
        if state.taken.len() >= CONNECTIONS_MAX {
            state.evict();
        }
        let number = state.next;
        state.next += 1;
        state.taken.insert(number, Visitor::default());
        Place { places: Arc::clone(self), number }
    }

    /// The task that serves a connection: ended when its place is taken.
    pub(super) fn served_by(&self, number: u64, task: AbortHandle) {
        if let Some(visitor) = self.state().taken.get_mut(&number) {
            visitor.task = Some(task);
        }
    }

    /// Takes one place back, if there is one.
    pub(super) fn evict(&self) {
        self.state().evict();
    }
}

impl Taken {
    fn evict(&mut self) {
        let stranger = self.taken.iter().find(|(_, visitor)| !visitor.is_known).map(|(number, _)| *number);
        let Some(number) = stranger.or_else(|| self.taken.keys().next().copied()) else { return };
        if let Some(task) = self.taken.remove(&number).and_then(|visitor| visitor.task) {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CONNECTIONS_MAX, Places};

    #[test]
    fn a_stranger_goes_before_who_showed_the_token_and_the_first_of_them_first() {
        let places = Arc::new(Places::default());
        let mut held: Vec<_> = (0..CONNECTIONS_MAX).map(|_| places.enter()).collect();
        held[0].recognise();
        held.push(places.enter());
        let there = |number: u64| places.state().taken.contains_key(&number);
        assert_eq!((there(0), there(1), there(2), there(256)), (true, false, true, true));
        held.iter().for_each(super::Place::recognise);
        held.push(places.enter());
        assert_eq!((there(0), there(2), there(257)), (false, true, true));
        held.clear();
        assert!(places.state().taken.is_empty());
    }
}
