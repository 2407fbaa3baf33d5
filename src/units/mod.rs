//! Durations and networks, as all rooms read and write them. Pure.

pub mod duration;
pub mod network;
