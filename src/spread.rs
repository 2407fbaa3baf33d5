//! Work on many things at once, on as many processors as there are, as if on one: what comes of each is in their order.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// What comes of each, in their order. Of fewer than `least` for each processor, they are done one after the other.
pub(crate) fn each<T: Sync, R: Send>(all: &[T], least: usize, make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(all.len() / least.max(1));
    if threads <= 1 {
        return all.iter().map(make).collect();
    }
    let (share, make) = (all.len().div_ceil(threads), &make);
    scope(|scope| {
        let parts: Vec<_> =
            all.chunks(share).map(|part| scope.spawn(move || part.iter().map(make).collect::<Vec<R>>())).collect();
        // A panic there is a panic here.
        let joined = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_comes_of_each_is_in_their_order() {
        let all: Vec<usize> = (0..1_000).collect();
        for least in [0, 1, 7, 1_001] {
            assert_eq!(super::each(&all, least, |number| number * 2), (0..2_000).step_by(2).collect::<Vec<_>>());
        }
        assert_eq!(super::each(&[] as &[usize], 1, |number| *number), [] as [usize; 0]);
    }
}
