//! The same as `jwt_role.rs` at a method of the type `oidc`: Vault and OpenBao have one method by two names. What is written
//! for people says what it is, so a role is for browsers where it does not say.
//!
//! Source: Vault API, "JWT/OIDC auth method".

use super::jwt_role::{self, ConfigKeys, Fields, Keys};
use super::kind::Kind;
use super::kind::words::Block;
use super::token_fields;

static FIELDS: Fields = jwt_role::fields("\"oidc\"");

/// `login "oidc" { ... }`.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a browser at an issuer, or with a token that it signed.",
    keys: &KEYS,
    check: jwt_role::check,
};

static KEYS: Keys = jwt_role::keys(&KIND);

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = jwt_role::config_block(&CONFIG_KEYS);

static CONFIG_KEYS: ConfigKeys = jwt_role::config_keys(&CONFIG);

/// Roles of OIDC methods.
pub static KIND: Kind = Kind {
    parse: |data| Ok(token_fields::parse(&FIELDS, data)),
    write: |object, _| token_fields::written(object, &FIELDS),
    ..jwt_role::role("oidc role", "oidc", &LOGIN, &FIELDS)
};

/// Whom OIDC methods believe.
pub static CONFIG: Kind = jwt_role::config("oidc config", "oidc", &CONFIG_BLOCK);
