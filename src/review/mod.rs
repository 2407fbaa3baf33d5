//! What a change of an estate means: who gains, loses and keeps which access, and on what terms.
//!
//! Pure: two sides in, a value out, and texts of that value.

pub mod effective;
pub mod lifetime;
