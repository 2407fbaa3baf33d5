//! The paths of a Kubernetes mount (Vault API, "Kubernetes auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const NAME: Parameter = takes("name", LowerWord("-."), "The role's name, in any case");

const OWN: [Parameter; 6] = [
    NAME,
    takes("bound_service_account_names", List, "Names of service accounts; required, * is any text"),
    takes("bound_service_account_namespaces", List, "Their namespaces; required, * is any text"),
    takes("bound_service_account_namespace_selector", Text, "Refused, but empty"),
    takes("audience", Text, "For whom a token has to be; the cluster itself where none is given"),
    takes("alias_name_source", Text, "serviceaccount_uid or serviceaccount_name").or("serviceaccount_uid"),
];

const ROLE: &[Parameter] = &login::after::<6, { 6 + login::PARAMETERS.len() }>(OWN);

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login", &[Write], "A token for that of a service account")
        .with(&[
            takes("role", Text, "The role, in any case; required"),
            takes("jwt", Text, "The service account's token; required"),
        ])
        .door(Door::Open),
    Row::new("config", &[Read, Write], "Which cluster is asked about tokens").with(&[
        takes("kubernetes_host", Text, "The address of the API server; required"),
        takes("kubernetes_ca_cert", Text, "CA certificates for it; the pod's where the engine runs in one"),
        takes("token_reviewer_jwt", Text, "The token to ask with; the pod's, or the one that is asked about"),
        takes("pem_keys", List, "Public keys as PEM that tokens have to be signed by, besides"),
        takes("issuer", Text, "The issuer that tokens have to be of, where that is looked at"),
        takes("disable_iss_validation", Bool, "Whether the issuer is not looked at").or("true"),
        takes("disable_local_ca_jwt", Bool, "Whether the pod's own certificates and token are not used").or("false"),
    ]),
    Row::new("role/?", &[ListAll], "The names of the roles").with(&[
        takes("after", Text, "Only names after this one"),
        takes("limit", Int, "At most so many"),
        takes("detailed", Bool, "With what a read of each would answer").or("false"),
    ]),
    Row::new("role/:name", &[Read, Write, Delete], "Whose service accounts log in, and what a login gets")
        .with(ROLE)
        .creates(),
];
