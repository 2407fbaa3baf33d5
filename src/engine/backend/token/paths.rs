//! The paths of `auth/token` (Vault API, "Token auth method").

use crate::engine::wire::path::Shape::{Bool, Int, List, Pairs, Seconds, Text};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{List as ListAll, Read, Write};

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
    takes("type", Text, "service").or("service"),
    takes("entity_alias", Text, "Refused: there are no token roles"),
];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("create/?", &[Write], "A child of the caller's token").with(CREATE),
    Row::new("create-orphan/?", &[Write], "A token without a parent").with(CREATE).sudo(),
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
