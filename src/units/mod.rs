//! Days, durations and networks, as all rooms read and write them. Pure.

pub mod day;
pub mod duration;
pub mod network;
