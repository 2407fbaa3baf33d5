//! Days, durations, networks and addresses, as all rooms read and write them. Pure.

pub mod address;
pub mod day;
pub mod duration;
pub mod network;
