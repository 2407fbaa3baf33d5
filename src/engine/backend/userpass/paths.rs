//! The paths of a userpass mount (Vault API, "Userpass auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, LowerWord, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List, Read, Write};

const USERNAME: Parameter = takes("username", LowerWord("-."), "The user's name, in any case");
const PASSWORD: Parameter = takes("password", Text, "The password, of at most 72 bytes");
const HASH: Parameter = takes("password_hash", Text, "Instead of the password, its bcrypt hash");

const USER: &[Parameter] = &login::after::<3, { 3 + login::PARAMETERS.len() }>([USERNAME, PASSWORD, HASH]);

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login/:username", &[Write], "A token for a name and a password")
        .with(&[USERNAME, takes("password", Text, "The password; required")])
        .door(Door::Open),
    Row::new("users/?", &[List], "The names of the users").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("users/:username", &[Read, Write, Delete], "What a login gets").with(USER).creates(),
    Row::new("users/:username/password", &[Write], "Another password").with(&[USERNAME, PASSWORD, HASH]),
    Row::new("users/:username/policies", &[Write], "Other policies").with(&[
        USERNAME,
        login::POLICIES,
        login::OLD_POLICIES,
    ]),
];
