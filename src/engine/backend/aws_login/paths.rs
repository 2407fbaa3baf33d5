//! The paths of an AWS auth mount (Vault API, "AWS auth method").

use crate::engine::backend::login;
use crate::engine::wire::path::Shape::{Bool, Int, List, LowerWord, Text, Word};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const NAME: Parameter = takes("role", LowerWord("-."), "The role's name, in any case");

const OWN: [Parameter; 17] = [
    NAME,
    takes("auth_type", Text, "iam; ec2 is not served").or("iam"),
    takes("bound_iam_principal_arn", List, "ARNs of users and roles; at the end, * is any text; required"),
    takes("resolve_aws_unique_ids", Bool, "Whether one that is made anew is another; never taken back").or("true"),
    takes("bound_account_id", List, "Refused, but empty: instances of EC2 are not looked at"),
    takes("bound_ami_id", List, "Refused, but empty"),
    takes("bound_ec2_instance_id", List, "Refused, but empty"),
    takes("bound_iam_instance_profile_arn", List, "Refused, but empty"),
    takes("bound_iam_role_arn", List, "Refused, but empty"),
    takes("bound_region", List, "Refused, but empty"),
    takes("bound_subnet_id", List, "Refused, but empty"),
    takes("bound_vpc_id", List, "Refused, but empty"),
    takes("inferred_entity_type", Text, "Refused, but empty"),
    takes("inferred_aws_region", Text, "Refused, but empty"),
    takes("role_tag", Text, "Refused, but empty"),
    takes("allow_instance_migration", Bool, "Refused, but false"),
    takes("disallow_reauthentication", Bool, "Refused, but false"),
];

const ROLE: &[Parameter] = &login::after::<17, { 17 + login::PARAMETERS.len() }>(OWN);

const LIST: &[Parameter] = &[
    takes("after", Text, "Only names after this one"),
    takes("limit", Int, "At most so many"),
    takes("detailed", Bool, "With what a read of each would answer").or("false"),
];

const ACCOUNT: Parameter = takes("account_id", Word("-."), "The number of an account");

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("login", &[Write], "A token for a request that AWS's STS knows the signature of")
        .with(&[
            takes("role", Text, "The role, in any case; named after the user or role of AWS where none is given"),
            takes("iam_http_request_method", Text, "POST; required"),
            takes("iam_request_url", Text, "The request's address, in base64; required"),
            takes("iam_request_body", Text, "Its body, in base64; required"),
            takes("iam_request_headers", Text, "Its headers: an object, as it is, as JSON or in base64; required"),
            takes("identity", Text, "Refused: instances of EC2 do not log in"),
            takes("signature", Text, "Refused"),
            takes("pkcs7", Text, "Refused"),
            takes("nonce", Text, "Refused"),
        ])
        .door(Door::Open),
    Row::new("config/client", &[Read, Write, Delete], "How AWS is asked").with(&[
        takes("access_key", Text, "The key to ask IAM with; not given: what the machine has"),
        takes("secret_key", Text, "Its secret"),
        takes("endpoint", Text, "Kept and read back: EC2 is not asked"),
        takes("iam_endpoint", Text, "Another address of IAM"),
        takes("sts_endpoint", Text, "Another address of STS: all that logins ask"),
        takes("sts_region", Text, "The region of that address"),
        takes("use_sts_region_from_client", Bool, "Whether STS is asked in the region of the signature").or("false"),
        takes("iam_server_id_header_value", Text, "What X-Vault-AWS-IAM-Server-ID has to be, and be signed as"),
        takes("allowed_sts_header_values", List, "Headers of AWS's that requests may have besides"),
        takes("max_retries", Int, "How often AWS is asked again; below 0: twice").or("-1"),
    ]),
    Row::new("config/identity", &[Read, Write], "What of an answer becomes metadata").with(&[
        takes("iam_alias", Text, "role_id, unique_id, canonical_arn or full_arn: what calls who logs in").or("role_id"),
        takes("iam_metadata", List, "Names, or default").or("account_id,auth_type"),
        takes("ec2_alias", Text, "Kept and read back").or("role_id"),
        takes("ec2_metadata", List, "Kept and read back").or("account_id,auth_type"),
    ]),
    Row::new("config/sts/?", &[ListAll], "The accounts that have a role to be asked by").with(LIST),
    Row::new("config/sts/:account_id", &[Read, Write, Delete], "The role that is assumed to ask IAM of an account")
        .with(&[
            ACCOUNT,
            takes("sts_role", Text, "Its ARN; required"),
            takes("external_id", Text, "What its trust policy asks for"),
        ])
        .creates(),
    Row::new("role/?", &[ListAll], "The names of the roles").with(LIST),
    Row::new("roles/?", &[ListAll], "The same").with(LIST),
    Row::new("role/:role", &[Read, Write, Delete], "Whom AWS has to know, and what a login gets").with(ROLE).creates(),
];
