//! The paths of `auth/token` (Vault API, "Token auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, Pairs, Seconds, Text, Word};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const TOKEN: Parameter = takes("token", Text, "The token");
const ACCESSOR: Parameter = takes("accessor", Text, "The token's accessor; required");
const INCREMENT: Parameter = takes("increment", Seconds, "From now; 0: what the token was made with").or("0");

const CREATE: &[Parameter] = &[
    takes("id", Text, "The token's text; needs sudo"),
    takes("policies", List, "Its policies; not given: the caller's"),
    takes("meta", Pairs, "What the trail says of it"),
    takes("no_parent", Bool, "Whether it is an orphan; needs sudo").or("false"),
    takes("no_default_policy", Bool, "Without the policy default").or("false"),
    takes("renewable", Bool, "Whether it can be renewed").or("true"),
    takes("ttl", Seconds, "How long it lasts; 0: the mount's"),
    takes("lease", Seconds, "Older name of ttl"),
    takes("explicit_max_ttl", Seconds, "A hard end; 0: none").or("0"),
    takes("period", Seconds, "Period of a periodic token; needs sudo").or("0"),
    takes("display_name", Text, "What the trail calls it").or("token"),
    takes("num_uses", Int, "How often it can be used; 0: without limit").or("0"),
    takes("type", Text, "service or batch").or("service"),
    takes("entity_alias", Text, "By what name it has an entity; with a role that allows it"),
];

const ROLE_NAME: Parameter = takes("role_name", Word("-."), "The role's name");

const CREATE_BY_ROLE: &[Parameter] = &with_role(CREATE);

/// The parameters of a token, and the role's name.
const fn with_role(parameters: &[Parameter]) -> [Parameter; CREATE.len() + 1] {
    let mut all = [ROLE_NAME; CREATE.len() + 1];
    let mut at = 0;
    while at < parameters.len() {
        all[at + 1] = parameters[at];
        at += 1;
    }
    all
}

const ROLE: &[Parameter] = &[
    ROLE_NAME,
    takes("allowed_policies", List, "Policies that its tokens may have; none: those of the caller"),
    takes("allowed_policies_glob", List, "The same, with * for any text"),
    takes("disallowed_policies", List, "Policies that no token of it may have"),
    takes("disallowed_policies_glob", List, "The same, with * for any text"),
    takes("orphan", Bool, "Whether its tokens have no parent").or("false"),
    takes("renewable", Bool, "Whether its tokens can be renewed").or("true"),
    takes("path_suffix", Text, "What stands behind the path of its tokens"),
    takes("allowed_entity_aliases", List, "By which names a token may have an entity, with * for any text"),
    takes("token_bound_cidrs", List, "Networks that its tokens are used from"),
    takes("bound_cidrs", List, "Older name of token_bound_cidrs"),
    login::STRICT,
    takes("token_explicit_max_ttl", Seconds, "A hard end of its tokens; 0: none").or("0"),
    takes("explicit_max_ttl", Seconds, "Older name of token_explicit_max_ttl"),
    takes("token_period", Seconds, "Period of its tokens; 0: they are not periodic").or("0"),
    takes("period", Seconds, "Older name of token_period"),
    takes("token_no_default_policy", Bool, "Without the policy default").or("false"),
    takes("token_num_uses", Int, "How often a token can be used; 0: without limit").or("0"),
    takes("token_type", Text, "service or batch; default-service and default-batch where nobody says")
        .or("default-service"),
];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("create/?", &[Write], "A child of the caller's token").with(CREATE),
    Row::new("create-orphan/?", &[Write], "A token without a parent").with(CREATE).sudo(),
    Row::new("create/:role_name", &[Write], "A token of a role").with(CREATE_BY_ROLE),
    Row::new("roles/?", &[ListAll], "The names of the roles").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("roles/:role_name", &[Read, Write, Delete], "What tokens of a role are").with(ROLE).creates(),
    Row::new("accessors/?", &[ListAll], "The accessors of all tokens").sudo(),
    Row::new("lookup/?", &[Read, Write], "What is known of a token").with(&[TOKEN]),
    Row::new("lookup-self/?", &[Read, Write], "What is known of the caller's token"),
    Row::new("lookup-accessor/?", &[Write], "What is known of an accessor's token").with(&[ACCESSOR]),
    Row::new("renew/?", &[Write], "A new end of a token").with(&[TOKEN, INCREMENT]),
    Row::new("renew-self/?", &[Write], "A new end of the caller's token").with(&[TOKEN, INCREMENT]),
    Row::new("renew-accessor/?", &[Write], "A new end of an accessor's token").with(&[ACCESSOR, INCREMENT]),
    Row::new("revoke/?", &[Write], "The end of a token and its children").with(&[TOKEN]),
    Row::new("revoke-self/?", &[Write], "The end of the caller's token and its children"),
    Row::new("revoke-accessor/?", &[Write], "The end of an accessor's token and its children").with(&[ACCESSOR]),
    Row::new("revoke-orphan/?", &[Write], "The end of a token without its children").with(&[TOKEN]).sudo(),
    Row::new("tidy/?", &[Write], "Removes tokens whose time is over"),
];
