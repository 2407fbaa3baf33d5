//! The types of credentials: what a role's `credential_type` names.
//!
//! A type is a file or folder here and a line in the table (`table.rs`): which of a role's fields it takes, how a
//! credential of it is made, how that ends, and what proves that it is gone (`craft.rs` says what is asked of one).
//! The roles, the path `creds/` and the leases ask the table, and know none of them.

mod assumed_role;
pub(super) mod check;
pub(super) mod craft;
pub(super) mod cut;
pub(super) mod issue;
pub(super) mod table;

mod federation_token;
mod iam_user;
mod limits;
mod made;
mod maker;
mod name;
mod outlived;
mod own_user;
mod policies;
mod session;
mod session_token;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
