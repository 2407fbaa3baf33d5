//! Every place where somebody writes an action, a resource, a condition key, a role, an app or a path: each is
//! checked as a role's document is, so that a typo in what is forbidden is no proof.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::env::{TestEnv, commit_all};

const BASE: &str = r#"environment "local" {
  engine = "embedded"
}
aws "aws" {}
auth "approle" {}
policy "extra" {
  path "aws/creds/shared" {
    capabilities = ["read"]
  }
}
role "shared" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "S" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::shared/*"]
  }
}
app "mailer" {
  login "approle" {}
  role "mailer" {
    mount           = "aws"
    credential_type = "iam_user"
    statement "S" {
      actions   = ["ses:SendEmail"]
      resources = ["*"]
    }
  }
}
"#;

/// What a text names, which decides what can be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Actions,
    OneAction,
    Resources,
    OneResource,
    Key,
    Roles,
    Apps,
    App,
    Grant,
    Policy,
    Login,
    Mount,
    EnginePath,
    Boundary,
    PolicyArn,
    RoleArn,
    EscalationPath,
    Level,
    Wildcard,
    CredentialType,
    UserPath,
    Capability,
    Pack,
    Severity,
}

/// A text that is wrong, whether it is an error, what is said of it and what is near.
type Wrong = (&'static str, &'static str, &'static str, &'static str);

impl Sort {
    fn wrong(self) -> &'static [Wrong] {
        match self {
            Self::Actions => &[
                ("ses:SendEmial", "warning", "AWS had no action `ses:SendEmial` on 2", "did you mean `ses:SendEmail`?"),
                ("sess:*", "warning", "AWS had no service `sess` on 2", "did you mean `ses`?"),
                ("s3:Delte*", "warning", "`s3:Delte*` matches no action that AWS had", "did you mean `s3:Delet"),
                ("SendEmail", "error", "`SendEmail` is not an action", "`service:Name`"),
                ("s*:Get", "error", "has a wildcard, and a service is named in full", "name each service"),
            ],
            Self::OneAction => &[
                ("ses:SendEmial", "warning", "AWS had no action `ses:SendEmial` on 2", "did you mean `ses:SendEmail`?"),
                ("SendEmail", "error", "`SendEmail` is not an action", "`service:Name`"),
                ("ses:*", "error", "`ses:*` is not one action", "an `allow` for each action"),
            ],
            Self::Resources => &[
                ("bucket/*", "error", "`bucket/*` is not a resource", "a resource is an ARN"),
                ("arn:aws:s3::bucket", "error", "has too few fields", "an ARN is arn:"),
                ("arn:amazon:s3:::b", "error", "is not a partition of AWS", "`aws-cn`"),
                ("arn:aws:S3:::b", "warning", "is written in lower case", "write it in lower case"),
                (
                    "arn:aws:s3:::b/{aws:username}",
                    "warning",
                    "`{aws:username`, which IAM takes literally",
                    "${aws:username}",
                ),
            ],
            Self::OneResource => &[
                ("bucket", "error", "`bucket` is not a resource", "a resource is an ARN"),
                ("arn:aws:s3::bucket", "error", "has too few fields", "an ARN is arn:"),
                ("arn:aws:iam:eu-west-1:111122223333:role/a", "error", "names a region", "leave the region empty"),
                ("arn:aws:s3:::b/*", "error", "is not one resource", "name a resource"),
            ],
            Self::Key => &[
                ("aws:SourceVpcee", "warning", "no global condition key `aws:SourceVpcee`", "`aws:SourceVpce`?"),
                ("s33:prefix", "warning", "`s33`", "did you mean `s3`?"),
                ("vpce", "error", "`vpce` is not a condition key", "aws:SourceVpce"),
            ],
            Self::Roles => &[
                ("mialer", "error", "`mialer` matches no role", "did you mean `mailer`?"),
                ("aws/mialer", "error", "`aws/mialer` matches no role", "did you mean `aws/mailer`?"),
                ("zz-*", "error", "`zz-*` matches no role", ""),
            ],
            Self::Apps => &[
                ("mialer", "error", "`mialer` matches no app", "did you mean `mailer`?"),
                ("zz-*", "error", "`zz-*` matches no app", ""),
            ],
            Self::App => &[("mialer", "error", "`mialer` is not declared", "did you mean `mailer`?")],
            Self::Grant => &[("aws/sharde", "error", "`aws/sharde` is not declared", "did you mean `aws/shared`?")],
            Self::Policy => &[("extar", "error", "`extar` is not declared", "did you mean `extra`?")],
            Self::Login => &[("aprole", "error", "`aprole` is not declared", "did you mean `approle`?")],
            Self::Mount => &[("aws2", "error", "`aws2` is not declared", "did you mean `aws`?")],
            Self::EnginePath => &[
                ("aws/creds/mialer", "warning", "no role `aws/mialer` is declared", "did you mean `aws/creds/mailer`?"),
                ("aws/cred/mailer", "warning", "has no path `aws/cred/mailer`", "did you mean `aws/creds/mailer`?"),
                ("aww/creds/mailer", "warning", "`aww/creds/mailer`", "did you mean `aws/creds/mailer`?"),
                ("aws/rotate-role/mialer", "warning", "no static_role `aws/mialer` is declared", ""),
            ],
            Self::Boundary => &[
                ("app-ceiling", "error", "`app-ceiling` is not a resource", "a resource is an ARN"),
                ("arn:aws:iam::*:plicy/a", "error", "starts with its type", "policy/NAME"),
                ("arn:aws:iam::*:role/a", "error", "is not the ARN of a managed policy", "policy/NAME"),
            ],
            Self::PolicyArn => &[
                ("arn:aws:iam::111122223333:plicy/a", "error", "is not the ARN of a managed policy", "policy/NAME"),
                ("arn:amazon:iam::111122223333:policy/a", "error", "is not an ARN", "arn:aws:SERVICE"),
            ],
            Self::RoleArn => &[
                ("arn:aws:iam::111122223333:rle/a", "error", "is not the ARN of a role", "role/NAME"),
                ("arn:amazon:iam::111122223333:role/a", "error", "is not an ARN", "arn:aws:SERVICE"),
            ],
            Self::EscalationPath => &[("pol-versio", "error", "`pol-versio` is no path of escalation", "")],
            Self::Level => &[("writ", "error", "`writ` is not known here", "`write`")],
            Self::Wildcard => &[("resources", "error", "`resources` is not known here", "`resource`")],
            Self::CredentialType => &[("iam_usr", "error", "`iam_usr`", "`iam_user`")],
            Self::UserPath => &[("apps", "error", "`apps` is not the path of an IAM user", "starts")],
            Self::Capability => &[("raed", "error", "`raed` is not a capability", "did you mean `read`?")],
            Self::Pack => &[("pack:baselin", "error", "there is no `pack:baselin` to use", "`pack:baseline`")],
            Self::Severity => &[("dney", "error", "`dney` is not known here", "`deny`")],
        }
    }

    fn right(self) -> &'static [&'static str] {
        match self {
            Self::Actions => &["ses:SendEmail", "SES:sendemail", "ses:Send*", "s3:*", "*", "iam:?etUser"],
            Self::OneAction => &["ses:SendEmail"],
            Self::Resources => &["*", "arn:aws:s3:::b/*", "arn:*:iam::*:role/x", "arn:aws:iam::111122223333:user/a"],
            Self::OneResource => &["*", "arn:aws:s3:::b/k"],
            Self::Key => &[
                "aws:SourceVpce",
                "AWS:sourcevpce",
                "aws:PrincipalTag/cost center",
                "s3:prefix",
                "token.actions.githubusercontent.com:sub",
                "saml:sub",
            ],
            Self::Roles => &["mailer", "aws/mailer", "aws/*", "mail*", "shared"],
            Self::Apps => &["mailer", "m*", "*"],
            Self::App => &["mailer"],
            Self::Grant => &["aws/shared"],
            Self::Policy => &["extra"],
            Self::Login => &["approle"],
            Self::Mount => &["aws"],
            Self::EnginePath => {
                &["aws/creds/mailer", "aws/roles/shared", "sys/mounts", "auth/token/lookup-self", "kv/data/mailer"]
            }
            Self::Boundary => &["arn:aws:iam::*:policy/app-ceiling", "arn:aws:iam::111122223333:policy/*"],
            Self::PolicyArn => &["arn:aws:iam::111122223333:policy/a"],
            Self::RoleArn => &["arn:aws:iam::111122223333:role/a"],
            Self::EscalationPath => &["pol-version"],
            Self::Level => &["write", "permissions-management"],
            Self::Wildcard => &["resource"],
            Self::CredentialType => &["iam_user"],
            Self::UserPath => &["/apps/"],
            Self::Capability => &["read"],
            Self::Pack => &["pack:baseline"],
            Self::Severity => &["warn"],
        }
    }
}

/// A key of a declaration, what it takes, and a declaration of it: `@` is the text, `#` a name.
type Row = (&'static str, Sort, &'static str);

const STATEMENT: &str = "  statement \"S\" {\n    actions = [\"s3:GetObject\"]\n    resources = [\"*\"]\n  }";

const ROWS: &[Row] = &[
    ("guardrail/severity", Sort::Severity, "guardrail \"#\" {\n severity = \"@\"\n deny {\n actions = [\"*\"]\n }\n}"),
    ("guardrail/roles", Sort::Roles, "guardrail \"#\" {\n roles = [\"@\"]\n deny {\n actions = [\"iam:*\"]\n }\n}"),
    ("guardrail/apps", Sort::Apps, "guardrail \"#\" {\n apps = [\"@\"]\n deny {\n actions = [\"iam:*\"]\n }\n}"),
    ("guardrail/use", Sort::Pack, "guardrail \"#\" {\n use = \"@\"\n}"),
    ("guardrail/paths", Sort::EscalationPath, "guardrail \"#\" {\n use = \"builtin:escalation\"\n paths = [\"@\"]\n}"),
    (
        "guardrail/except_paths",
        Sort::EscalationPath,
        "guardrail \"#\" {\n use = \"builtin:escalation\"\n except_paths = [\"@\"]\n}",
    ),
    ("deny/actions", Sort::Actions, "guardrail \"#\" {\n deny {\n actions = [\"@\"]\n }\n}"),
    ("deny/levels", Sort::Level, "guardrail \"#\" {\n deny {\n levels = [\"@\"]\n }\n}"),
    ("deny/resources", Sort::Resources, "guardrail \"#\" {\n deny {\n resources = [\"@\"]\n }\n}"),
    ("deny/wildcards", Sort::Wildcard, "guardrail \"#\" {\n deny {\n wildcards = [\"@\"]\n }\n}"),
    ("deny/unless", Sort::Key, "guardrail \"#\" {\n deny {\n actions = [\"iam:*\"]\n unless = [\"@\"]\n }\n}"),
    (
        "require/permissions_boundary",
        Sort::Boundary,
        "guardrail \"#\" {\n require {\n permissions_boundary = \"@\"\n }\n}",
    ),
    ("require/path_prefix", Sort::UserPath, "guardrail \"#\" {\n require {\n path_prefix = \"@\"\n }\n}"),
    (
        "require/credential_types",
        Sort::CredentialType,
        "guardrail \"#\" {\n require {\n credential_types = [\"@\"]\n }\n}",
    ),
    (
        "except/roles",
        Sort::Roles,
        "guardrail \"#\" {\n deny {\n actions = [\"iam:*\"]\n }\n except {\n roles = [\"@\"]\n reason = \"r\"\n owner = \"o\"\n expires = \"2099-01-01\"\n }\n}",
    ),
    (
        "except/apps",
        Sort::Apps,
        "guardrail \"#\" {\n deny {\n actions = [\"iam:*\"]\n }\n except {\n apps = [\"@\"]\n reason = \"r\"\n owner = \"o\"\n expires = \"2099-01-01\"\n }\n}",
    ),
    ("test/app", Sort::App, "test \"#\" {\n app = \"@\"\n never {\n actions = [\"iam:*\"]\n }\n}"),
    (
        "allow/action",
        Sort::OneAction,
        "test \"#\" {\n app = \"mailer\"\n allow {\n action = \"@\"\n resource = \"*\"\n }\n}",
    ),
    (
        "allow/resource",
        Sort::OneResource,
        "test \"#\" {\n app = \"mailer\"\n allow {\n action = \"s3:GetObject\"\n resource = \"@\"\n }\n}",
    ),
    (
        "allow/context",
        Sort::Key,
        "test \"#\" {\n app = \"mailer\"\n allow {\n action = \"s3:GetObject\"\n resource = \"*\"\n context = { \"@\" = \"x\" }\n }\n}",
    ),
    (
        "test-deny/action",
        Sort::Actions,
        "test \"#\" {\n app = \"mailer\"\n deny {\n action = \"@\"\n resource = \"*\"\n }\n}",
    ),
    (
        "test-deny/resource",
        Sort::Resources,
        "test \"#\" {\n app = \"mailer\"\n deny {\n action = \"s3:*\"\n resource = \"@\"\n }\n}",
    ),
    (
        "test-deny/context",
        Sort::Key,
        "test \"#\" {\n app = \"mailer\"\n deny {\n action = \"s3:*\"\n resource = \"*\"\n context = { \"@\" = \"x\" }\n }\n}",
    ),
    ("never/actions", Sort::Actions, "test \"#\" {\n app = \"mailer\"\n never {\n actions = [\"@\"]\n }\n}"),
    (
        "never/resources",
        Sort::Resources,
        "test \"#\" {\n app = \"mailer\"\n never {\n actions = [\"s3:*\"]\n resources = [\"@\"]\n }\n}",
    ),
    ("test/acl", Sort::EnginePath, "test \"#\" {\n app = \"mailer\"\n acl \"@\" {\n capabilities = []\n }\n}"),
    ("test/acl_only", Sort::EnginePath, "test \"#\" {\n app = \"mailer\"\n acl_only = [\"@\"]\n}"),
    (
        "acl/capabilities",
        Sort::Capability,
        "test \"#\" {\n app = \"mailer\"\n acl \"sys/mounts\" {\n capabilities = [\"@\"]\n }\n}",
    ),
    (
        "statement/actions",
        Sort::Actions,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n statement \"S\" {\n effect = \"Deny\"\n actions = [\"@\"]\n resources = [\"*\"]\n }\n}",
    ),
    (
        "statement/not_actions",
        Sort::Actions,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n statement \"S\" {\n effect = \"Deny\"\n not_actions = [\"@\"]\n resources = [\"*\"]\n }\n}",
    ),
    (
        "statement/resources",
        Sort::Resources,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n statement \"S\" {\n effect = \"Deny\"\n actions = [\"*\"]\n resources = [\"@\"]\n }\n}",
    ),
    (
        "statement/not_resources",
        Sort::Resources,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n statement \"S\" {\n effect = \"Deny\"\n actions = [\"*\"]\n not_resources = [\"@\"]\n }\n}",
    ),
    ("role/mount", Sort::Mount, "role \"#\" {\n mount = \"@\"\n credential_type = \"iam_user\"\nSTATEMENT\n}"),
    (
        "role/credential_type",
        Sort::CredentialType,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"@\"\nSTATEMENT\n}",
    ),
    (
        "role/policy_arns",
        Sort::PolicyArn,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n policy_arns = [\"@\"]\n}",
    ),
    (
        "role/permissions_boundary_arn",
        Sort::PolicyArn,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n permissions_boundary_arn = \"@\"\nSTATEMENT\n}",
    ),
    (
        "role/user_path",
        Sort::UserPath,
        "role \"#\" {\n mount = \"aws\"\n credential_type = \"iam_user\"\n user_path = \"@\"\nSTATEMENT\n}",
    ),
    ("role/role_arns", Sort::RoleArn, "role \"#\" {\n mount = \"aws\"\n role_arns = [\"@\"]\n}"),
    (
        "static_role/mount",
        Sort::Mount,
        "static_role \"#\" {\n mount = \"@\"\n username = \"u\"\n rotation_period = \"24h\"\n}",
    ),
    (
        "iam_user/policy_arns",
        Sort::PolicyArn,
        "iam_user \"#\" {\n arn = \"arn:aws:iam::111122223333:user/#\"\n policy_arns = [\"@\"]\n}",
    ),
    (
        "iam_user/permissions_boundary_arn",
        Sort::PolicyArn,
        "iam_user \"#\" {\n arn = \"arn:aws:iam::111122223333:user/#\"\n permissions_boundary_arn = \"@\"\nSTATEMENT\n}",
    ),
    ("managed_policy/arn", Sort::PolicyArn, "managed_policy \"#\" {\n arn = \"@\"\nSTATEMENT\n}"),
    ("iam_role/arn", Sort::RoleArn, "iam_role \"#\" {\n arn = \"@\"\nSTATEMENT\n}"),
    (
        "iam_role/policy_arns",
        Sort::PolicyArn,
        "iam_role \"#\" {\n arn = \"arn:aws:iam::111122223333:role/#\"\n policy_arns = [\"@\"]\n}",
    ),
    (
        "iam_role/permissions_boundary_arn",
        Sort::PolicyArn,
        "iam_role \"#\" {\n arn = \"arn:aws:iam::111122223333:role/#\"\n permissions_boundary_arn = \"@\"\nSTATEMENT\n}",
    ),
    ("app/grants", Sort::Grant, "app \"#\" {\n login \"approle\" {}\n grants = [\"@\"]\n}"),
    ("app/policies", Sort::Policy, "app \"#\" {\n login \"approle\" {}\n policies = [\"@\"]\n}"),
    ("app/login", Sort::Login, "app \"#\" {\n login \"@\" {}\n policies = [\"extra\"]\n}"),
    ("login/mount", Sort::Login, "app \"#\" {\n login \"main\" {\n mount = \"@\"\n }\n policies = [\"extra\"]\n}"),
    ("policy/path", Sort::EnginePath, "policy \"#\" {\n path \"@\" {\n capabilities = [\"deny\"]\n }\n}"),
    ("path/capabilities", Sort::Capability, "policy \"#\" {\n path \"sys/mounts\" {\n capabilities = [\"@\"]\n }\n}"),
];

/// Keys that name nothing that could be looked up, each block's.
const OTHER: &[(&str, &[&str])] = &[
    // Blocks of their own, a switch, and texts for people.
    ("guardrail", &["deny", "require", "except", "enabled", "reason"]),
    (
        "require",
        &[
            "max_ttl",
            "max_token_ttl",
            "max_secret_id_ttl",
            "bound_cidrs",
            "bind_secret_id",
            "bound_audiences",
            "bound_branch",
            "bound_namespaces",
            "exact_bindings",
        ],
    ),
    ("except", &["reason", "owner", "expires"]),
    // `at_most` is a document, and is checked as one.
    ("test", &["allow", "deny", "never", "at_most"]),
    (
        "role",
        &[
            "policy_document",
            "statement",
            "protect",
            "on_change",
            "absent",
            "expires",
            "renamed_from",
            "iam_groups",
            "iam_tags",
            "default_sts_ttl",
            "max_sts_ttl",
            "session_tags",
            "external_id",
            "mfa_serial_number",
        ],
    ),
    ("statement", &["effect", "condition"]),
    ("managed_policy", &["policy_document", "statement"]),
    ("iam_role", &["policy_document", "statement", "max_session", "trust"]),
    ("iam_user", &["arn", "policy_document", "statement"]),
    ("static_role", &["username", "rotation_period", "protect", "absent", "expires", "renamed_from"]),
    (
        "token_role",
        &[
            "allowed_policies",
            "allowed_policies_glob",
            "disallowed_policies",
            "disallowed_policies_glob",
            "allowed_entity_aliases",
            "orphan",
            "renewable",
            "path_suffix",
            "token_period",
            "token_explicit_max_ttl",
            "token_num_uses",
            "token_bound_cidrs",
            "token_no_default_policy",
            "token_type",
            "protect",
            "absent",
            "expires",
            "renamed_from",
        ],
    ),
    (
        "user",
        &["policies", "metadata", "disabled", "aliases", "shared", "protect", "absent", "expires", "renamed_from"],
    ),
    (
        "group",
        &[
            "policies",
            "members",
            "groups",
            "alias",
            "metadata",
            "shared",
            "protect",
            "absent",
            "expires",
            "renamed_from",
        ],
    ),
    ("app", &["owner", "role", "static_role", "protect", "absent", "expires", "renamed_from"]),
    ("policy", &["file", "protect", "absent", "expires", "renamed_from"]),
    (
        "path",
        &["allowed_parameters", "denied_parameters", "required_parameters", "min_wrapping_ttl", "max_wrapping_ttl"],
    ),
    (
        "login",
        &[
            "name",
            "bind_secret_id",
            "secret_id_bound_cidrs",
            "secret_id_num_uses",
            "secret_id_ttl",
            "local_secret_ids",
            "role_id",
            "token_ttl",
            "token_max_ttl",
            "token_explicit_max_ttl",
            "token_period",
            "token_num_uses",
            "token_bound_cidrs",
            "token_no_default_policy",
            "token_type",
            "protect",
            "absent",
            "expires",
            "renamed_from",
        ],
    ),
];

/// A declaration of each block with a key that no block has.
const BLOCKS: &[(&str, &str)] = &[
    ("guardrail", "guardrail \"#\" {\n qqqqqq = 1\n}"),
    ("deny", "guardrail \"#\" {\n deny {\n qqqqqq = 1\n }\n}"),
    ("require", "guardrail \"#\" {\n require {\n qqqqqq = 1\n }\n}"),
    ("except", "guardrail \"#\" {\n except {\n qqqqqq = 1\n }\n}"),
    ("test", "test \"#\" {\n qqqqqq = 1\n}"),
    ("allow", "test \"#\" {\n allow {\n qqqqqq = 1\n }\n}"),
    ("test-deny", "test \"#\" {\n deny {\n qqqqqq = 1\n }\n}"),
    ("never", "test \"#\" {\n never {\n qqqqqq = 1\n }\n}"),
    ("acl", "test \"#\" {\n acl \"sys/mounts\" {\n qqqqqq = 1\n }\n}"),
    ("role", "role \"#\" {\n qqqqqq = 1\n}"),
    ("statement", "role \"#\" {\n statement \"S\" {\n qqqqqq = 1\n }\n}"),
    ("managed_policy", "managed_policy \"#\" {\n qqqqqq = 1\n}"),
    ("iam_role", "iam_role \"#\" {\n qqqqqq = 1\n}"),
    ("iam_user", "iam_user \"#\" {\n qqqqqq = 1\n}"),
    ("static_role", "static_role \"#\" {\n qqqqqq = 1\n}"),
    ("app", "app \"#\" {\n qqqqqq = 1\n}"),
    ("login", "app \"#\" {\n login \"approle\" {\n qqqqqq = 1\n }\n}"),
    ("policy", "policy \"#\" {\n qqqqqq = 1\n}"),
    ("token_role", "token_role \"#\" {\n qqqqqq = 1\n}"),
    ("user", "user \"#\" {\n qqqqqq = 1\n}"),
    ("group", "group \"#\" {\n qqqqqq = 1\n}"),
    ("path", "policy \"#\" {\n path \"sys/mounts\" {\n qqqqqq = 1\n }\n}"),
];

/// Kinds of declarations whose keys name nothing that is meant here.
const OTHER_KINDS: &[&str] =
    &["environment", "aws", "kv", "transit", "auth", "login", "audit", "password_policy", "quota", "object"];

fn declared(template: &str, name: &str, text: &str) -> String {
    template.replace("STATEMENT", STATEMENT).replace('#', name).replace('@', text) + "\n"
}

/// What `validate` says of each file: severity, what is wrong, what to do.
fn diagnostics(env: &TestEnv, arguments: &[&str]) -> (i32, BTreeMap<String, Vec<[String; 3]>>) {
    let mut all = vec!["validate", "--json"];
    all.extend(arguments);
    let output = env.run(&all);
    let json: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let mut found: BTreeMap<String, Vec<[String; 3]>> = BTreeMap::new();
    // That a statement about such a resource matches nothing follows from it.
    let follows = |one: &&Value| one["code"] == "RESOURCE_MISMATCH";
    for one in json["diagnostics"].as_array().unwrap().iter().filter(|one| !follows(one)) {
        let texts = ["severity", "summary", "detail"].map(|key| one[key].as_str().unwrap_or_default().to_owned());
        found.entry(one["range"]["filename"].as_str().unwrap_or_default().to_owned()).or_default().push(texts);
    }
    (output.code, found)
}

#[test]
fn every_place_is_checked_as_a_document_is() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    let mut expected = Vec::new();
    for (row, (key, sort, template)) in ROWS.iter().enumerate() {
        for (column, wrong) in sort.wrong().iter().enumerate() {
            let file = format!("r{row}-{column}.hcl");
            env.write(&file, &declared(template, &format!("r{row}-{column}"), wrong.0));
            expected.push((file, *key, *wrong));
        }
    }
    let (code, mut found) = diagnostics(&env, &[]);
    assert_eq!(code, 1);
    let mut bad = Vec::new();
    for (file, key, (text, severity, what, hint)) in expected {
        let said = found.remove(&file).unwrap_or_default();
        let ok = matches!(said.as_slice(), [[level, summary, detail]]
            if level == severity && summary.contains(what) && detail.contains(hint));
        if !ok {
            bad.push(format!("{key} = {text}: {said:?}"));
        }
    }
    assert!(bad.is_empty(), "{} of them:\n{}", bad.len(), bad.join("\n"));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_is_right_is_not_told_at_any_place() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    for (row, (_, sort, template)) in ROWS.iter().enumerate() {
        for (column, right) in sort.right().iter().enumerate() {
            let name = format!("r{row}-{column}");
            // Two declarations of one ARN are a problem of their own.
            let right =
                if template.starts_with("managed") { format!("{right}{row}{column}") } else { (*right).to_owned() };
            env.write(&format!("{name}.hcl"), &declared(template, &name, &right));
        }
    }
    let (code, found) = diagnostics(&env, &["--strict"]);
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(code, 0);
}

#[test]
fn no_key_of_the_schema_is_left_out_of_the_table() {
    let env = TestEnv::new();
    env.write("base.hcl", &format!("{BASE}\nqqqqqq \"x\" {{}}\n"));
    for (index, (_, template)) in BLOCKS.iter().enumerate() {
        env.write(&format!("b{index}.hcl"), &declared(template, &format!("b{index}"), ""));
    }
    let (_, found) = diagnostics(&env, &[]);
    let names = |hint: &str| -> BTreeSet<String> { hint.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let known = |file: &str, mark: &str| {
        let said = found.get(file).unwrap_or_else(|| panic!("nothing is said of {file}"));
        let hint = said.iter().find(|[_, what, _]| what.contains("qqqqqq")).map(|[_, _, hint]| hint.clone());
        let hint = hint.unwrap_or_else(|| panic!("{said:?}"));
        assert!(hint.starts_with(mark), "{hint}");
        names(&hint)
    };
    for (index, (block, _)) in BLOCKS.iter().enumerate() {
        let rows = ROWS.iter().filter_map(|(key, ..)| key.split_once('/')).filter(|(of, _)| of == block);
        let other = OTHER.iter().filter(|(of, _)| of == block).flat_map(|(_, keys)| keys.iter().copied());
        let expected: BTreeSet<String> = rows.map(|(_, key)| key).chain(other).map(str::to_owned).collect();
        assert_eq!(known(&format!("b{index}.hcl"), "known here: "), expected, "keys of {block}");
    }
    let kinds: BTreeSet<String> =
        BLOCKS.iter().filter(|(_, text)| text.lines().count() == 3).map(|(kind, _)| (*kind).to_owned()).collect();
    let others = OTHER_KINDS.iter().map(|kind| (*kind).to_owned());
    assert_eq!(known("base.hcl", "known are "), kinds.into_iter().chain(others).collect(), "kinds of declarations");
}

/// A test and a guardrail that forbid what AWS does not have.
const FORBIDDEN: &str = "guardrail \"no-mail\" {\n  deny {\n    actions = [\"ses:SendEmial\"]\n  }\n}\n\
     test \"no sessions\" {\n  app = \"mailer\"\n  never {\n    actions = [\"sess:*\"]\n  }\n}\n";

#[test]
fn commands_that_judge_tell_what_they_could_not_look_up() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    commit_all(env.dir());
    env.write("forbidden.hcl", FORBIDDEN);
    let said = ["AWS had no action `ses:SendEmial`", "did you mean `ses:SendEmail`?", "AWS had no service `sess`"];
    for (arguments, code) in [
        (&["validate"][..], 0),
        (&["test"], 0),
        (&["plan"], 2),
        (&["review", "HEAD"], 0),
        (&["apply", "--auto-approve"], 0),
        (&["access", "what", "mailer"], 0),
        (&["access", "who", "ses:SendEmail"], 0),
    ] {
        let strict: Vec<&str> = arguments.iter().copied().chain(["--strict"]).collect();
        let output = env.run(&strict);
        assert_eq!(output.code, 1, "{strict:?}: {}", output.stderr);
        assert!(output.stderr.contains("2 warnings"), "{strict:?}: {}", output.stderr);
        let output = env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.stderr);
        for text in said {
            assert!(output.stderr.contains(text), "{arguments:?} does not say {text}: {}", output.stderr);
        }
    }
}

#[test]
fn what_is_asked_on_the_command_line_is_checked_alike() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    env.write("test.hcl", &FORBIDDEN.replace("SendEmial", "SendEmail").replace("sess:", "sts:"));
    commit_all(env.dir());
    for (arguments, code, strict, said) in [
        (&["access", "who", "s3:GetObjct"][..], 2, 1, &["AWS had no action `s3:GetObjct`", "`s3:GetObject`?"][..]),
        (&["access", "who", "s4:*"], 2, 1, &["AWS had no service `s4`"]),
        (&["access", "who", "GetObject"], 1, 1, &["`GetObject` is not an action", "such as `s3:GetObject`"]),
        (&["access", "who", "s3:Get*", "shared/a"], 1, 1, &["`shared/a` is not a resource", "a resource is an ARN"]),
        (&["access", "who", "s3:Get*", "arn:aws:s3::b"], 1, 1, &["has too few fields", "an ARN is"]),
        (&["access", "who", "s3:Get*", "arn:aws:S3:::b"], 2, 1, &["is written in lower case"]),
        (&["access", "who", "s3:Get*", "arn:aws:s3:::shared/${aws:username}"], 1, 1, &["${aws:username}"]),
        (
            &["access", "who", "s3:*", "--context", "aws:SourceVpcee=x"],
            0,
            1,
            &["`aws:SourceVpcee`", "`aws:SourceVpce`?"],
        ),
        (&["access", "who", "s3:*", "--context", "vpce=x"], 1, 1, &["`vpce` is not a condition key"]),
        (&["access", "what", "mialer"], 1, 1, &["the app mialer is not declared", "did you mean `mailer`?"]),
        (&["graph", "--app", "mialer"], 1, 1, &["the app mialer is not declared", "did you mean `mailer`?"]),
        (
            &["test", "--filter", "nosessions"],
            1,
            1,
            &["no test has `nosessions` in its name", "did you mean `no sessions`?"],
        ),
    ] {
        let output = env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}{}", output.stdout, output.stderr);
        for text in said {
            assert!(output.stderr.contains(text), "{arguments:?} does not say {text}: {}", output.stderr);
        }
        if arguments[0] != "graph" {
            let all: Vec<&str> = arguments.iter().copied().chain(["--strict"]).collect();
            let output = env.run(&all);
            assert_eq!(output.code, strict, "{all:?}: {}{}", output.stdout, output.stderr);
        }
    }
}

#[test]
fn a_variable_is_refused_where_no_request_gives_it_a_value() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    env.write(
        "g.hcl",
        "guardrail \"g\" {\n  deny {\n    actions   = [\"s3:*\"]\n    resources = [\"arn:aws:s3:::shared/$${aws:username}/*\"]\n  }\n}\n",
    );
    let (code, found) = diagnostics(&env, &[]);
    let said = &found["g.hcl"];
    assert!(
        matches!(said.as_slice(), [[level, what, hint]]
        if level == "error" && what.contains("has a policy variable") && hint.contains("write `*`")),
        "{said:?}"
    );
    assert_eq!(code, 1);
}

#[test]
fn what_ships_has_no_warnings() {
    for directory in ["examples/tutorial", "examples/tutorial-yaml"] {
        let env = TestEnv::new();
        env.copy_tree(directory, "estate");
        let packs: String = leasehold::guardrail::PACKS
            .iter()
            .map(|(name, _)| format!("guardrail \"{name}\" {{\n  use = \"pack:{name}\"\n}}\n"))
            .collect();
        env.write("estate/packs.hcl", &packs);
        let output = env.run(&["-C", "estate", "validate", "--strict"]);
        assert_eq!(output.code, 0, "{directory}: {}", output.stderr);
        assert!(!output.stderr.contains("warning"), "{directory}: {}", output.stderr);
    }
    // What packs and escalation paths forbid is known to the catalogue.
    let catalogue = leasehold::iam::catalogue::Catalogue::built_in();
    for path in leasehold::guardrail::paths().1 {
        for action in path.all_of.iter().chain(&path.any_of) {
            // AWS closed CodeStar; an account may still have a project of it.
            let known = catalogue.find(action).is_some() || action.starts_with("codestar:");
            assert!(known, "{}: {action}", path.id);
        }
    }
}

#[test]
fn all_warnings_are_shown() {
    let env = TestEnv::new();
    let actions: Vec<String> = (0..150).map(|n| format!("\"ses:NoSuchAction{n}\"")).collect();
    let block = format!("guardrail \"g\" {{\n  deny {{\n    actions = [{}]\n  }}\n}}\n", actions.join(", "));
    env.write("estate/estate.hcl", &format!("{BASE}{block}"));
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!((output.code, output.stderr.matches("warning[INVALID_ACTION]").count()), (0, 150));
    // Of another command its own answer is to be seen.
    let output = env.run(&["-C", "estate", "plan"]);
    assert_eq!(output.stderr.matches("warning[INVALID_ACTION]").count(), 5, "{}", output.normal());
    assert!(output.stderr.contains("... and 145 more warnings: `leasehold validate` shows all"), "{}", output.normal());
}
