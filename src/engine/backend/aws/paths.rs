//! The paths of the AWS secrets engine (Vault API, "AWS secrets engine").

use crate::engine::wire::path::Shape::{Bool, Int, List, Pairs, Seconds, Text, Word};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

/// The name of a role: `\w(([\w-.@]+)?\w)?`.
const NAME: Parameter = takes("name", Word("-.@"), "Name of the role");

const ROOT: &[Parameter] = &[
    takes("access_key", Text, "Access key id the engine signs in with; empty: what the machine gives"),
    takes("secret_key", Text, "Its secret; never read back"),
    takes("region", Text, "Region; empty: AWS_REGION, AWS_DEFAULT_REGION").or("us-east-1"),
    takes("iam_endpoint", Text, "Address of IAM; empty: Amazon's"),
    takes("sts_endpoint", Text, "Address of STS; empty: Amazon's"),
    takes("sts_region", Text, "Region of STS; empty: the region"),
    takes("sts_fallback_endpoints", List, "Kept and read back"),
    takes("sts_fallback_regions", List, "Kept and read back; as many as endpoints"),
    takes("max_retries", Int, "How often a call is made again; negative: the default").or("-1"),
    takes("username_template", Text, "Template of the names of IAM users"),
    takes("role_arn", Text, "Refused: workload identity federation"),
    takes("identity_token_audience", Text, "Refused: workload identity federation"),
    takes("identity_token_key", Text, "Refused: workload identity federation"),
    takes("identity_token_ttl", Seconds, "Refused: workload identity federation"),
    takes("rotation_schedule", Text, "Refused: automated rotation"),
    takes("rotation_period", Seconds, "Refused: automated rotation"),
    takes("rotation_window", Seconds, "Refused: automated rotation"),
    takes("disable_automated_rotation", Bool, "Taken: there is none"),
];

const LEASE: &[Parameter] = &[
    takes("lease", Text, "TTL of a new lease, a duration with its unit; required"),
    takes("lease_max", Text, "The most that renewals reach; required"),
];

const LIST: &[Parameter] = &[
    takes("after", Text, "Only names after this one"),
    takes("limit", Int, "At most so many"),
    takes("detailed", Bool, "With what a read of each would answer").or("false"),
];

const ROLE: &[Parameter] = &[
    NAME,
    takes("credential_type", Text, "iam_user, assumed_role, federation_token or session_token; required"),
    takes("policy_document", Text, "Inline policy, as JSON; of a session, what it may do at most"),
    takes("policy_arns", List, "Managed policies"),
    takes("role_arns", List, "Of assumed_role: the roles that can be assumed"),
    takes("iam_groups", List, "Groups of the user; of a session, their policies go with it"),
    takes("iam_tags", Pairs, "Tags of the user"),
    takes("default_sts_ttl", Seconds, "Of sessions: how long, where the request does not say"),
    takes("max_sts_ttl", Seconds, "Of sessions: how long at most; 0: as the mount says"),
    takes("user_path", Text, "IAM path of the user; empty: one that names the engine"),
    takes("permissions_boundary_arn", Text, "Permissions boundary of the user"),
    takes("session_tags", Pairs, "Of assumed_role: tags of the session"),
    takes("external_id", Text, "Of assumed_role: the external id that the role's trust policy asks for"),
    takes("mfa_serial_number", Text, "Of session_token: the device of the engine's own user whose codes are asked for"),
    takes("arn", Text, "Before 2018: one managed policy"),
    takes("policy", Text, "Before 2018: the inline policy"),
];

/// Those that only sessions use have no effect on other credentials.
const CREDS: &[Parameter] = &[
    NAME,
    takes("role_arn", Text, "Of assumed_role: which role, where there are several"),
    takes("ttl", Seconds, "Of sessions: how long").or("3600"),
    takes("role_session_name", Text, "Of assumed_role: the session's name; empty: by the template"),
    takes("mfa_code", Text, "Of session_token: a code of the role's device"),
];

const STATIC_ROLE: &[Parameter] = &[
    NAME,
    takes("username", Text, "The IAM user whose keys are the engine's from now on; required for a new role"),
    takes("rotation_period", Seconds, "How old a key gets, at least 60 seconds; required for a new role"),
    takes("assume_role_arn", Text, "Refused: users of other accounts"),
    takes("assume_role_session_name", Text, "Refused: users of other accounts"),
    takes("external_id", Text, "Refused: users of other accounts"),
    takes("force", Bool, "Of a deletion: forget also keys that AWS does not let go").or("false"),
];

const ONE: &[Parameter] = &[NAME];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("config/root", &[Read, Write], "How the mount reaches AWS").with(ROOT),
    Row::new("config/lease", &[Read, Write], "How long the mount's leases last").with(LEASE),
    Row::new("config/rotate-root", &[Write], "A new access key for the engine's own user"),
    Row::new("roles/?", &[ListAll], "The names of the roles").with(LIST),
    Row::new("roles/:name", &[Read, Write, Delete], "What a role's credentials may do").with(ROLE),
    Row::new("creds/:name", &[Read, Write], "A new credential of a role").with(CREDS).issues(),
    Row::new("sts/:name", &[Read, Write], "Another name of creds/").with(CREDS).issues(),
    Row::new("static-roles/?", &[ListAll], "The names of the static roles").with(LIST),
    Row::new("static-roles/:name", &[Read, Write, Delete], "An IAM user whose key is made anew in turn")
        .with(STATIC_ROLE),
    Row::new("static-creds/:name", &[Read], "The key of a static role as it is now").with(ONE).issues(),
    Row::new("rotate-role/:name", &[Write], "A new key for a static role, now").with(ONE),
];
