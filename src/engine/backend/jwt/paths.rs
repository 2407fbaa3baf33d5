//! The paths of a JWT mount (Vault API, "JWT/OIDC auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Object, Pairs, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const NAME: Parameter = takes("name", LowerWord("-."), "The role's name, in any case");

const OWN: [Parameter; 23] = [
    NAME,
    takes("role_type", Text, "jwt; the browser flow, oidc, is not served").or("oidc"),
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
    takes("oidc_scopes", List, "Refused, but empty"),
    takes("allowed_redirect_uris", List, "Refused, but empty"),
    takes("oauth2_metadata", List, "Refused, but empty"),
    takes("verbose_oidc_logging", Bool, "Refused, but false"),
    takes("max_age", Int, "Refused, but 0"),
    takes("token_policies_template_claims", Bool, "Refused, but false"),
    takes("callback_mode", Text, "No effect: there is no browser flow"),
    takes("poll_interval", Int, "No effect: there is no browser flow"),
    takes("oidc_disable_confirmation", Bool, "No effect: there is no browser flow"),
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
        takes("skip_jwks_validation", Bool, "Whether the address may be out of reach now").or("false"),
    ]),
    Row::new("role/?", &[ListAll], "The names of the roles").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("role/:name", &[Read, Write, Delete], "What a token has to be, and what a login gets")
        .with(ROLE)
        .creates(),
];
