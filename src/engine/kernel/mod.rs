//! What everything else stands on: the sealed store, mounts, time that is due, locks, randomness.

pub(crate) mod barrier;
pub(crate) mod due;
pub(crate) mod locks;
pub(crate) mod loss;
pub(crate) mod mounts;
pub(crate) mod random;
pub(crate) mod seal;
pub(crate) mod store;
pub(crate) mod store_disk;
