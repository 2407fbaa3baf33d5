//! The paths of an AppRole mount (Vault API, "AppRole auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Pairs, Seconds, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

/// Vault's generic name, without `@`.
const ROLE_NAME: Parameter = takes("role_name", LowerWord("-."), "Name of the role, in any case");

const BIND: Parameter = takes("bind_secret_id", Bool, "Whether a login needs a secret id").or("true");
const OLD_NETWORKS: Parameter = takes("bound_cidr_list", List, "Older name of secret_id_bound_cidrs");
const NETWORKS: Parameter = takes("secret_id_bound_cidrs", List, "Networks that log in");
const SECRET_ID_USES: Parameter = takes("secret_id_num_uses", Int, "Logins of a secret id; 0: without limit").or("0");
const SECRET_ID_TTL: Parameter = takes("secret_id_ttl", Seconds, "How long a secret id lasts; 0: for ever").or("0");
const LOCAL: Parameter = takes("local_secret_ids", Bool, "Kept and read back").or("false");
const ROLE_ID: Parameter = takes("role_id", Text, "What a login shows; not given: a random one");

const ROLE: &[Parameter] = &login::after::<8, { 8 + login::PARAMETERS.len() }>([
    ROLE_NAME,
    BIND,
    OLD_NETWORKS,
    NETWORKS,
    SECRET_ID_USES,
    SECRET_ID_TTL,
    LOCAL,
    ROLE_ID,
]);

const LIST: &[Parameter] = &[
    takes("after", Text, "Only names after this one"),
    takes("limit", Int, "At most so many"),
    takes("detailed", Bool, "With what a read of each would answer").or("false"),
];

const SECRET_ID: Parameter = takes("secret_id", Text, "The secret id");
const ACCESSOR: Parameter = takes("secret_id_accessor", Text, "The secret id's accessor; required");

const NEW_SECRET_ID: &[Parameter] = &[
    ROLE_NAME,
    SECRET_ID,
    takes("metadata", Pairs, "What the trail says of its logins"),
    takes("cidr_list", List, "Networks that log in, within the role's"),
    takes("token_bound_cidrs", List, "Networks of its tokens, within the role's"),
    takes("num_uses", Int, "Logins; not given: the role's"),
    takes("ttl", Seconds, "How long it lasts; not given: the role's"),
];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login", &[Write], "A token for a role id and a secret id")
        .with(&[takes("role_id", Text, "The role's id; required"), SECRET_ID])
        .door(Door::Open),
    Row::new("tidy/secret-id/?", &[Write], "Removes secret ids that can't be used any more"),
    Row::new("role/?", &[ListAll], "The names of the roles").with(LIST),
    Row::new("role/:role_name/?", &[Read, Write, Delete], "What a login shows, and what it gets").with(ROLE).creates(),
    Row::new("role/:role_name/secret-id/?", &[Write, ListAll], "A new secret id; the accessors of all")
        .with(NEW_SECRET_ID),
    Row::new("role/:role_name/custom-secret-id/?", &[Write], "A secret id of the caller's choice").with(NEW_SECRET_ID),
    Row::new("role/:role_name/secret-id/lookup/?", &[Write], "What is known of a secret id")
        .with(&[ROLE_NAME, SECRET_ID]),
    Row::new("role/:role_name/secret-id/destroy/?", &[Write, Delete], "The end of a secret id")
        .with(&[ROLE_NAME, SECRET_ID]),
    Row::new("role/:role_name/secret-id-accessor/lookup/?", &[Write], "What is known of an accessor's secret id")
        .with(&[ROLE_NAME, ACCESSOR]),
    Row::new("role/:role_name/secret-id-accessor/destroy/?", &[Write, Delete], "The end of an accessor's secret id")
        .with(&[ROLE_NAME, ACCESSOR]),
    Row::new("role/:role_name/role-id/?", &[Read, Write], "One setting").with(&[ROLE_NAME, ROLE_ID]),
    Row::new("role/:role_name/policies/?", &[Read, Write, Delete], "One setting").with(&[
        ROLE_NAME,
        login::POLICIES,
        login::OLD_POLICIES,
    ]),
    Row::new("role/:role_name/bound-cidr-list/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, OLD_NETWORKS]),
    Row::new("role/:role_name/secret-id-bound-cidrs/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, NETWORKS]),
    Row::new("role/:role_name/token-bound-cidrs/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, login::NETWORKS]),
    Row::new("role/:role_name/bind-secret-id/?", &[Read, Write, Delete], "One setting").with(&[ROLE_NAME, BIND]),
    Row::new("role/:role_name/secret-id-num-uses/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, SECRET_ID_USES]),
    Row::new("role/:role_name/secret-id-ttl/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, SECRET_ID_TTL]),
    Row::new("role/:role_name/token-num-uses/?", &[Read, Write, Delete], "One setting").with(&[ROLE_NAME, login::USES]),
    Row::new("role/:role_name/token-ttl/?", &[Read, Write, Delete], "One setting").with(&[ROLE_NAME, login::TTL]),
    Row::new("role/:role_name/token-max-ttl/?", &[Read, Write, Delete], "One setting")
        .with(&[ROLE_NAME, login::MAX_TTL]),
    Row::new("role/:role_name/period/?", &[Read, Write, Delete], "One setting").with(&[
        ROLE_NAME,
        login::PERIOD,
        login::OLD_PERIOD,
    ]),
    Row::new("role/:role_name/local-secret-ids/?", &[Read], "One setting").with(&[ROLE_NAME]),
];
