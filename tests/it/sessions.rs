//! Roles whose credentials are sessions of roles of the account: what may stand in one.

use crate::env::TestEnv;

const BASE: &str = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n";

/// What `validate` says of a role with these lines.
fn validated(role: &str) -> (i32, String) {
    let env = TestEnv::new();
    env.write("e.hcl", &format!("{BASE}role \"deploy\" {{\n{role}\n}}\n"));
    let output = env.run(&["validate"]);
    (output.code, output.stdout + &output.stderr)
}

const ARNS: &str = "role_arns = [\"arn:aws:iam::111122223333:role/deploy\"]";

#[test]
fn each_field_belongs_to_one_type() {
    for (role, what, hint) in [
        ("user_path = \"/x/\"", "user_path is of IAM users, and role \"deploy\" opens sessions", "leave it out"),
        ("iam_tags = { a = \"1\" }", "iam_tags is of IAM users", "sessions have session_tags"),
        (
            "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/b\"",
            "permissions_boundary_arn is of IAM users",
            "policy_document narrows a session",
        ),
        ("default_sts_ttl = \"2h\"\nmax_sts_ttl = \"1h\"", "default_sts_ttl is longer than max_sts_ttl", "shorten it"),
        ("default_sts_ttl = \"5m\"", "no session lives 300 seconds", "15 minutes to 12 hours"),
        ("max_sts_ttl = \"13h\"", "no session lives 46800 seconds", "15 minutes to 12 hours"),
        ("external_id = \"x y\"", "`x y` can't be an external id", "2 to 1,224"),
    ] {
        let (code, told) = validated(&format!("{ARNS}\n{role}"));
        assert!(code == 1 && told.contains(what) && told.contains(hint), "{role}: {told}");
        assert!(told.contains("e.hcl:7:") || told.contains("e.hcl:8:"), "{told}");
    }
    let grants = "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]";
    for field in [
        ARNS,
        "default_sts_ttl = \"1h\"",
        "max_sts_ttl = \"1h\"",
        "session_tags = { a = \"1\" }",
        "external_id = \"id\"",
    ] {
        let (code, told) = validated(&format!("credential_type = \"iam_user\"\n{grants}\n{field}"));
        let what = "is for sessions, and role \"deploy\" makes IAM users";
        assert!(code == 1 && told.contains(what) && told.contains("assumed_role"), "{field}: {told}");
    }
    let (code, told) = validated("credential_type = \"assumed_role\"");
    assert!(code == 1 && told.contains("names no role to assume") && told.contains("add role_arns"), "{told}");
}

#[test]
fn the_type_follows_from_the_roles() {
    for role in [ARNS.to_owned(), format!("credential_type = \"assumed_role\"\n{ARNS}")] {
        let (code, told) = validated(&role);
        assert_eq!(code, 0, "{told}");
    }
}

#[test]
fn a_sessions_policies_share_one_limit() {
    let arns = |count: usize| {
        let arns = (0..count).map(|at| format!("\"arn:aws:iam::111122223333:policy/{at:020}\""));
        format!("policy_arns = [{}]", arns.collect::<Vec<_>>().join(", "))
    };
    let statement = |length: usize| {
        let resource = "b".repeat(length);
        format!("statement \"S\" {{\nactions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::{resource}/*\"]\n}}")
    };
    let (code, told) = validated(&format!("{ARNS}\n{}", arns(11)));
    assert!(code == 1 && told.contains("STS takes 10 managed policies of a session, and these are 11"), "{told}");
    let (code, told) = validated(&format!("{ARNS}\n{}\n{}", arns(10), statement(1000)));
    assert!(code == 0, "{told}");
    let (code, told) = validated(&format!("{ARNS}\n{}\n{}", arns(10), statement(1600)));
    let what = "the policy of a session and the ARNs of its managed policies have";
    assert!(code == 1 && told.contains(what) && told.contains("STS takes 2048"), "{told}");
    let (code, told) = validated(&format!("{ARNS}\n{}", statement(2048)));
    assert!(code == 1 && told.contains("IAM allows 2048 in a session policy") && !told.contains(what), "{told}");
}
