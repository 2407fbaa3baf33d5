//! Any bytes as shares of a key: putting them together ends without a panic, and any of the shares that a key was split
//! into, as many as are needed, make it again.
#![no_main]
#![allow(dead_code, missing_docs, unused_imports)]

#[path = "../../src/engine/kernel/seal/shamir.rs"]
mod shamir;

use libfuzzer_sys::fuzz_target;
use shamir::{Share, combine, split};

fuzz_target!(|bytes: &[u8]| {
    let Some(([count, threshold, order], rest)) = bytes.split_first_chunk() else { return };
    for length in [32, 33] {
        let shares: Vec<Share> = rest.chunks(length).map(|share| Share::new(share.to_vec())).collect();
        drop(combine(&shares));
    }
    let Some(key) = rest.first_chunk::<32>() else { return };
    let (count, threshold) = (usize::from(*count), usize::from(*threshold));
    if shamir::check(count as i64, threshold as i64).is_err() {
        return;
    }
    // As random as the bytes are: the shares are right whatever is drawn.
    let mut drawn = rest.iter().cycle();
    let fill = |into: &mut [u8]| {
        into.iter_mut().zip(&mut drawn).for_each(|(into, drawn)| *into = *drawn);
        Ok::<_, ()>(())
    };
    let mut shares = split(key, count, threshold, fill).expect("bytes do not run out");
    assert_eq!(shares.len(), count);
    shares.rotate_left(usize::from(*order) % count);
    shares.truncate(threshold);
    assert_eq!(combine(&shares).as_deref(), Some(key));
});
