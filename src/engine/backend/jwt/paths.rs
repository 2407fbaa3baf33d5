//! The paths of a mount of the type `jwt` or `oidc` (Vault API, "JWT/OIDC auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Object, Pairs, Seconds, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const NAME: Parameter = takes("name", LowerWord("-."), "The role's name, in any case");

const OWN: [Parameter; 23] = [
    NAME,
    takes("role_type", Text, "jwt: shows a signed token; oidc: logs in with a browser").or("oidc"),
    takes("bound_audiences", List, "Audiences, one of which a token has to be for"),
    takes("bound_subject", Text, "The subject that a token has to be of"),
    takes("bound_claims", Object, "Claims that a token has to have, each with one of these values"),
    takes("bound_claims_type", Text, "string, or glob: whether * in a value is any text").or("string"),
    takes("claim_mappings", Pairs, "Claims that become metadata of the tokens, under these names"),
    takes("user_claim", Text, "The claim that says who it is; required"),
    takes("user_claim_json_pointer", Bool, "Whether user_claim is a JSON pointer").or("false"),
    takes("expiration_leeway", Int, "Seconds that a token without an end lives; 0: 150, -1: none").or("0"),
    takes("not_before_leeway", Int, "Seconds before its end that a token without a start begins").or("0"),
    takes("clock_skew_leeway", Int, "Seconds that clocks may differ; 0: 60, -1: none").or("0"),
    takes("groups_claim", Text, "The claim with the names of identity groups"),
    takes("oidc_scopes", List, "What the issuer is asked for besides openid; of role_type oidc"),
    takes("allowed_redirect_uris", List, "Where browsers may come back to; required for role_type oidc"),
    takes("oauth2_metadata", List, "Refused, but empty"),
    takes("verbose_oidc_logging", Bool, "Refused, but false"),
    takes("max_age", Seconds, "How long ago somebody may have shown who they are; of role_type oidc").or("0"),
    takes("token_policies_template_claims", Bool, "Refused, but false"),
    takes("callback_mode", Text, "client: direct and device are not served").or("client"),
    takes("poll_interval", Int, "No effect: nobody polls"),
    takes("oidc_disable_confirmation", Bool, "No effect: the client itself sends the callback"),
    takes("bound_cidrs", List, "Refused, but empty: token_bound_cidrs has another name no more"),
];

const ROLE: &[Parameter] = &login::after::<23, { 23 + login::PARAMETERS.len() }>(OWN);

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login", &[Write], "A token for a signed one")
        .with(&[
            takes("role", Text, "The role, in any case; default_role where none is given"),
            takes("jwt", Text, "The signed token; required"),
        ])
        .door(Door::Open),
    Row::new("config", &[Read, Write], "Whose tokens are believed").with(&[
        takes("jwt_validation_pubkeys", List, "Public keys as PEM"),
        takes("jwks_url", Text, "Where the keys are"),
        takes("jwks_ca_pem", Text, "CA certificates for that address"),
        takes("oidc_discovery_url", Text, "The issuer, whose description says where its keys are"),
        takes("oidc_discovery_ca_pem", Text, "CA certificates for that address"),
        takes("bound_issuer", Text, "The issuer that tokens have to be of"),
        takes("default_role", Text, "The role of logins that name none"),
        takes("jwt_supported_algs", List, "Algorithms that are taken; none: all that there are"),
        takes("oidc_client_id", Text, "As whose client people log in with a browser"),
        takes("oidc_client_secret", Text, "The client's secret; no read tells it"),
        takes("oidc_response_mode", Text, "query: form_post is not served").or("query"),
        takes("oidc_response_types", List, "code: id_token is not served").or("code"),
        takes("provider_config", Object, "Refused, but empty"),
        takes("override_allowed_server_names", List, "Refused, but empty"),
        takes("jwks_pairs", List, "Refused, but empty"),
        takes("namespace_in_state", Bool, "No effect: there are no namespaces"),
        takes("skip_jwks_validation", Bool, "Whether the address may be out of reach now").or("false"),
    ]),
    Row::new("oidc/auth_url", &[Write], "Where somebody logs in with a browser")
        .with(&[
            takes("role", Text, "The role, in any case; default_role where none is given"),
            takes("redirect_uri", Text, "Where the browser comes back to; one of the role's"),
            takes("client_nonce", Text, "What the callback has to show again"),
        ])
        .door(Door::Open),
    Row::new("oidc/callback", &[Read], "A token for what the browser came back with")
        .with(&[
            takes("state", Text, "As the address had it; required"),
            takes("code", Text, "What the issuer gave; required"),
            takes("client_nonce", Text, "As it was given for the address"),
            takes("id_token", Text, "No effect: the issuer is asked for it"),
            takes("error", Text, "What the issuer said instead"),
            takes("error_description", Text, "The same in words"),
            takes("error_uri", Text, "Where more is said of it"),
        ])
        .door(Door::Open)
        .acts(),
    Row::new("role/?", &[ListAll], "The names of the roles").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("role/:name", &[Read, Write, Delete], "What a token has to be, and what a login gets")
        .with(ROLE)
        .creates(),
];
