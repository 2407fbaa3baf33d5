//! Roles whose credentials are sessions of roles of the account: what may stand in one, and what is known of it.

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
fn sessions_of_the_engines_own_user_take_what_narrows_them_or_nothing() {
    let federated = "credential_type = \"federation_token\"";
    let own = "credential_type = \"session_token\"";
    for (role, what, hint) in [
        (federated.to_owned(), "allows nothing: a federation_token may do no more than its policies say", "statement"),
        (format!("{federated}\n{NARROW}\n{ARNS}"), "role_arns is not of federation_token", "leave it out"),
        (format!("{federated}\n{NARROW}\nmfa_serial_number = \"m\""), "mfa_serial_number is not of", "leave it out"),
        (format!("{federated}\n{NARROW}\nuser_path = \"/x/\""), "user_path is of IAM users", "leave it out"),
        (format!("{federated}\n{NARROW}\nmax_sts_ttl = \"48h\""), "no session lives 172800 seconds", "36 hours"),
        (format!("{own}\n{NARROW}"), "statement narrows no session_token", "federation_token"),
        (format!("{own}\nexternal_id = \"id\""), "external_id is not of session_token", "leave it out"),
        (
            format!("credential_type = \"iam_user\"\n{NARROW}\nmfa_serial_number = \"m\""),
            "mfa_serial_number is for sessions",
            "leave it out",
        ),
    ] {
        let (code, told) = validated(&role);
        assert!(code == 1 && told.contains(what) && told.contains(hint), "{role}: {told}");
    }
    for role in [
        format!("{federated}\n{NARROW}\nmax_sts_ttl = \"36h\""),
        format!("{own}\nmfa_serial_number = \"m\"\ndefault_sts_ttl = \"15m\""),
    ] {
        let (code, told) = validated(&role);
        assert_eq!(code, 0, "{role}: {told}");
    }
}

/// Of such sessions, the engine's own user says what they may do, where it is declared who that is.
#[test]
fn sessions_of_the_engines_own_user_may_do_what_it_may() {
    let engine = "arn:aws:iam::111122223333:user/engine";
    let user = format!(
        "iam_user \"engine\" {{\narn = \"{engine}\"\nstatement \"All\" {{\nactions = [\"s3:*\", \"iam:*\"]\nresources = [\"*\"]\n}}\n}}"
    );
    let told = |credentials: &str, more: &str, test: &str| {
        let env = estate(credentials, &format!("{more}\n{test}"));
        let text = std::fs::read_to_string(env.dir().join("e.hcl")).unwrap();
        let principal = format!("aws \"aws\" {{\nprincipal_arn = \"{engine}\"\n}}");
        env.write("e.hcl", &text.replace("aws \"aws\" {}", &principal));
        told(&env, &["test"])
    };
    let federated = format!("credential_type = \"federation_token\"\n{NARROW}");
    let own = "credential_type = \"session_token\"";
    let iam = |may: bool| {
        let word = if may { "allow" } else { "deny" };
        format!(
            "test \"iam\" {{\napp = \"deploy\"\n{word} {{\naction = \"iam:GetUser\"\nresource = \"{engine}\"\n}}\n}}"
        )
    };
    for (credentials, more, test, expected, part) in [
        (federated.as_str(), user.as_str(), TEST, 0, ""),
        (federated.as_str(), "", TEST, 1, "iam_user \"NAME\" { arn = \"arn:aws:iam::111122223333:user/engine\""),
        (own, user.as_str(), TEST, 1, "allowed, for example s3:PutObject"),
        (own, user.as_str(), &iam(false), 0, ""),
        (own, user.as_str(), &iam(true), 1, "denied"),
        ("credential_type = \"session_token\"\nmfa_serial_number = \"m\"", user.as_str(), &iam(true), 0, ""),
    ] {
        let (code, text) = told(credentials, more, test);
        assert!(code == expected && text.contains(part), "{credentials} {more} {test}: {code} {text}");
    }
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

/// An estate of an app whose credentials are sessions, with `role` in its role and `more` beside it.
fn estate(role: &str, more: &str) -> TestEnv {
    let env = TestEnv::new();
    let app = format!("app \"deploy\" {{\nrole \"deploy\" {{\n{role}\n}}\nlogin \"approle\" {{}}\n}}");
    env.write("e.hcl", &format!("{BASE}auth \"approle\" {{}}\n{app}\n{more}\n"));
    env
}

fn told(env: &TestEnv, arguments: &[&str]) -> (i32, String) {
    let output = env.run(arguments);
    (output.code, output.stdout + &output.stderr)
}

const IAM_ROLE: &str = "iam_role \"deploy\" {\narn = \"arn:aws:iam::111122223333:role/deploy\"\nmax_session = \"2h\"\n\
    statement \"All\" {\nactions = [\"s3:*\"]\nresources = [\"*\"]\n}\n}";
const NARROW: &str = "statement \"Narrow\" {\nactions = [\"s3:GetObject\"]\nresources = [\"*\"]\n}";
const TEST: &str = "test \"reads\" {\napp = \"deploy\"\nallow {\naction = \"s3:GetObject\"\nresource = \
    \"arn:aws:s3:::b/k\"\n}\ndeny {\naction = \"s3:PutObject\"\nresource = \"arn:aws:s3:::b/k\"\n}\n}";

#[test]
fn a_session_may_do_what_role_and_session_policy_both_allow() {
    let narrowed = format!("{ARNS}\n{NARROW}");
    let (code, text) = told(&estate(&narrowed, &format!("{IAM_ROLE}\n{TEST}")), &["test"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = told(&estate(ARNS, &format!("{IAM_ROLE}\n{TEST}")), &["test"]);
    assert!(code == 1 && text.contains("allowed, for example s3:PutObject"), "{text}");
    // Without the IAM role, neither is proved.
    let (code, text) = told(&estate(&narrowed, TEST), &["test"]);
    assert!(
        code == 1 && text.contains("iam_role \"NAME\" { arn = \"arn:aws:iam::111122223333:role/deploy\""),
        "{text}"
    );
    let env = estate(&narrowed, IAM_ROLE);
    let (code, text) = told(&env, &["access", "what", "deploy"]);
    assert!(code == 0 && text.contains("s3:*") && text.contains("only within the session policy"), "{text}");
    let (_, text) = told(&env, &["access", "who", "s3:PutObject", "arn:aws:s3:::b/k"]);
    assert!(!text.contains("app deploy"), "{text}");
}

#[test]
fn guardrails_judge_what_a_session_may_do() {
    let guardrail =
        "guardrail \"no-delete\" {\ndeny {\nactions = [\"s3:DeleteBucket\"]\n}\nrequire {\nmax_ttl = \"1h\"\n}\n}";
    let (code, text) = told(&estate(ARNS, &format!("{IAM_ROLE}\n{guardrail}")), &["validate"]);
    // A guardrail is told of; the files are valid.
    assert!(code == 0 && text.contains("s3:DeleteBucket is allowed") && text.contains("lives up to 12h"), "{text}");
    // What nobody declares may do everything, and no more than the session policy says.
    let (_, text) = told(&estate(ARNS, guardrail), &["validate"]);
    assert!(
        text.contains("may be forbidden: s3:DeleteBucket is allowed") && text.contains("declare it: iam_role"),
        "{text}"
    );
    let narrowed = format!("{ARNS}\nmax_sts_ttl = \"1h\"\n{NARROW}");
    let (_, text) = told(&estate(&narrowed, guardrail), &["validate"]);
    assert!(!text.contains("no-delete"), "{text}");
    let (code, text) = told(&estate(&narrowed, &format!("{IAM_ROLE}\n{guardrail}")), &["validate"]);
    assert!(code == 0 && !text.contains("no-delete"), "{text}");
}

/// Two roles, of which each does what the other may not, and what is above both.
fn two_roles(more: [&str; 2]) -> String {
    let one = |name: &str, actions: &str, more: &str| {
        format!(
            "iam_role \"{name}\" {{\narn = \"arn:aws:iam::111122223333:role/{name}\"\n{more}\nstatement \"All\" {{\n\
             actions = [{actions}]\nresources = [\"*\"]\n}}\n}}\n"
        )
    };
    let [first, second] = more;
    let ceiling = "managed_policy \"ceiling\" {\narn = \"arn:aws:iam::111122223333:policy/ceiling\"\nstatement \"Max\" {\n\
                   actions = [\"s3:Get*\"]\nresources = [\"*\"]\n}\n}\n";
    format!("{}{}{ceiling}", one("deploy", "\"s3:*\"", first), one("other", "\"sqs:*\"", second))
}

#[test]
fn guardrails_judge_sessions_of_several_roles_by_each() {
    const BOTH: &str =
        "role_arns = [\"arn:aws:iam::111122223333:role/deploy\", \"arn:aws:iam::111122223333:role/other\"]";
    const BOUND: &str = "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/ceiling\"";
    const DENIES: &str = "statement \"No\" {\neffect = \"Deny\"\nactions = [\"s3:Delete*\"]\nresources = [\"*\"]\n}";
    let no_delete = "guardrail \"no-delete\" {\ndeny {\nactions = [\"s3:DeleteBucket\"]\n}\n}\n";
    let no_send = "guardrail \"no-send\" {\ndeny {\nactions = [\"sqs:SendMessage\"]\n}\n}\n";
    let ceiling =
        "guardrail \"ceiling\" {\nrequire {\npermissions_boundary = \"arn:aws:iam::*:policy/ceiling\"\n}\n}\n";
    // What a role denies itself, or is bounded by, it does not do; another role's denial is not its own.
    for (roles, guardrail, expected) in [
        (["", ""], no_delete, "s3:DeleteBucket is allowed"),
        ([DENIES, ""], no_delete, ""),
        ([BOUND, ""], no_delete, ""),
        (["", DENIES], no_delete, "s3:DeleteBucket is allowed"),
        (["", BOUND], no_delete, "s3:DeleteBucket is allowed"),
        ([BOUND, ""], no_send, "sqs:SendMessage is allowed"),
        ([DENIES, BOUND], no_send, ""),
        ([BOUND, BOUND], ceiling, ""),
        ([BOUND, ""], ceiling, "the permissions boundary of each of its IAM roles must be"),
        (["", ""], ceiling, "the permissions boundary must be arn:aws:iam::*:policy/ceiling, and is none"),
    ] {
        let (_, text) = told(&estate(BOTH, &format!("{}{guardrail}", two_roles(roles))), &["validate"]);
        let is_broken =
            ["no-delete", "no-send", "ceiling"].iter().any(|name| text.contains(&format!("guardrail {name} (")));
        assert!(is_broken != expected.is_empty() && text.contains(expected), "{roles:?} {guardrail}: {text}");
    }
    // Of one that nobody declares, no denial of another is known.
    let one = format!("{}{no_delete}", two_roles([DENIES, ""]).replace("role/other\"", "role/another\""));
    let (_, text) = told(&estate(BOTH, &one), &["validate"]);
    assert!(text.contains("may be forbidden: s3:DeleteBucket is allowed"), "{text}");
}

#[test]
fn a_session_is_no_longer_than_its_role_lets_it() {
    let (code, text) = told(&estate(&format!("{ARNS}\nmax_sts_ttl = \"3h\""), IAM_ROLE), &["validate"]);
    let what = "max_sts_ttl is 10800 seconds, and sessions of arn:aws:iam::111122223333:role/deploy live 7200 at most";
    assert!(code == 1 && text.contains(what) && text.contains("e.hcl:9:"), "{text}");
    let (code, text) = told(&estate(&format!("{ARNS}\nmax_sts_ttl = \"2h\""), IAM_ROLE), &["validate"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn an_iam_role_is_declared_once_and_whole() {
    let role = |lines: &str| format!("iam_role \"deploy\" {{\n{lines}\n}}");
    let arn = "arn = \"arn:aws:iam::111122223333:role/deploy\"";
    for (more, what) in [
        (role(NARROW), "iam_role \"deploy\" needs `arn`"),
        (role(&format!("arn = \"arn:aws:iam::111122223333:policy/x\"\n{NARROW}")), "is not the ARN of a role"),
        (role(arn), "iam_role \"deploy\" allows nothing"),
        (role(&format!("{arn}\nmax_session = \"13h\"\n{NARROW}")), "no role has sessions of at most 46800 seconds"),
        (format!("{}\n{}", IAM_ROLE, IAM_ROLE.replacen("\"deploy\"", "\"two\"", 1)), "is declared twice"),
    ] {
        let (code, text) = told(&estate(ARNS, &more), &["validate"]);
        assert!(code == 1 && text.contains(what), "{more}: {text}");
    }
}

/// `statement` is one of the trust policy; `engine` what is said of the engine.
fn trusting(engine: &str, role: &str, statement: &str) -> TestEnv {
    let trust = format!("trust = <<-EOT\n{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}\nEOT\n");
    let env = estate(&format!("{ARNS}\n{role}"), &IAM_ROLE.replacen("max_session", &format!("{trust}max_session"), 1));
    let text = std::fs::read_to_string(env.dir().join("e.hcl")).unwrap();
    env.write("e.hcl", &text.replacen("aws \"aws\" {", &format!("aws \"aws\" {{\n{engine}"), 1));
    env
}

#[test]
fn a_role_that_does_not_let_the_engine_in_is_an_error() {
    const ENGINE: &str = "principal_arn = \"arn:aws:iam::111122223333:user/engine\"\n";
    let allow = |principal: &str, more: &str| {
        format!(
            "{{\"Effect\":\"Allow\",\"Principal\":{{\"AWS\":\"{principal}\"}},\"Action\":\"sts:AssumeRole\"{more}}}"
        )
    };
    let condition = |text: &str| format!(",\"Condition\":{{{text}}}");
    let external = condition("\"StringEquals\":{\"sts:ExternalId\":\"e-1\"}");
    let tagged = condition("\"StringEquals\":{\"aws:RequestTag/team\":\"web\"}");
    let account = "arn:aws:iam::111122223333:root";
    let both = allow(account, "").replacen("\"sts:AssumeRole\"", "[\"sts:AssumeRole\",\"sts:TagSession\"]", 1);
    let (id, tags) = ("external_id = \"e-1\"", "session_tags = {\nteam = \"db\"\n}");
    let factor = |operator: &str| condition(&format!("\"{operator}\":{{\"aws:MultiFactorAuthPresent\":\"true\"}}"));
    let elsewhere = condition("\"IpAddress\":{\"aws:SourceIp\":\"192.0.2.0/24\"}");
    let keys = |names: &str| {
        let keys = format!("\"ForAllValues:StringEquals\":{{\"aws:TagKeys\":[{names}]}}");
        allow(account, &condition(&keys)).replacen("\"sts:AssumeRole\"", "[\"sts:AssumeRole\",\"sts:TagSession\"]", 1)
    };
    let all_but = "{\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"},\
                   \"Action\":\"sts:AssumeRole\"}";
    let all_but = format!("[{},{all_but}]", allow("*", ""));
    // As AWS's pages deny whoever comes without a second factor, or long after it.
    let without =
        |key: &str| format!("[{},{}]", allow("*", ""), allow("*", &condition(key)).replacen("Allow", "Deny", 1));
    let denied = format!("[{},{}]", allow("*", ""), allow(account, "").replacen("Allow", "Deny", 1));
    for (engine, role, statement, expected) in [
        (ENGINE, "", allow(account, ""), None),
        (ENGINE, "", allow("111122223333", ""), None),
        (ENGINE, "", allow("*", ""), None),
        (ENGINE, "", allow("arn:aws:iam::111122223333:user/engine", ""), None),
        (ENGINE, "", allow(account, &elsewhere), None),
        (
            ENGINE,
            "",
            allow("444455556666", ""),
            Some("does not trust the engine, arn:aws:iam::111122223333:user/engine"),
        ),
        (ENGINE, "", allow("arn:aws:iam::111122223333:user/other", ""), Some("does not trust the engine")),
        (ENGINE, "", denied, Some("does not trust the engine")),
        (ENGINE, "", allow(account, &external), Some("asks for an external id, and none is set")),
        (ENGINE, "external_id = \"e-2\"", allow(account, &external), Some("asks for another external id")),
        (ENGINE, id, allow(account, &external), None),
        (ENGINE, "", allow(account, &tagged), Some("asks for other session tags")),
        (ENGINE, tags, allow(account, &tagged), Some("asks for other session tags")),
        (ENGINE, tags, allow(account, ""), Some("does not let its sessions be tagged")),
        (ENGINE, tags, both, None),
        // A role signs as one of its sessions, and nobody knows as which.
        (
            "principal_arn = \"arn:aws:iam::111122223333:role/team/eng\"\n",
            "",
            allow("arn:aws:sts::111122223333:assumed-role/eng/i-0123", ""),
            None,
        ),
        (
            "principal_arn = \"arn:aws:iam::111122223333:role/team/eng\"\n",
            "",
            allow("arn:aws:sts::111122223333:assumed-role/other/i-0123", ""),
            Some("does not trust the engine"),
        ),
        // Another account than its own.
        (
            "principal_arn = \"arn:aws:iam::111122223333:role/eng\"\n",
            "",
            allow("999999999999", ""),
            Some("does not trust the engine"),
        ),
        (
            "principal_arn = \"arn:aws:iam::111122223333:role/eng\"\n",
            "",
            allow("arn:aws:iam::999999999999:root", ""),
            Some("does not trust the engine"),
        ),
        // No session of a role has the name of a user.
        (
            "principal_arn = \"arn:aws:iam::111122223333:role/eng\"\n",
            "",
            allow(account, &condition("\"StringEquals\":{\"aws:username\":\"engine\"}")),
            Some("does not trust the engine"),
        ),
        (
            "principal_arn = \"arn:aws:iam::111122223333:user/*\"\n",
            "",
            allow(account, ""),
            Some("is not the ARN of an"),
        ),
        (ENGINE, "", allow("arn:aws:iam::111122223333:role/*", ""), Some("has a wildcard")),
        (ENGINE, "", allow("bob", ""), Some("`bob` is the name of no account")),
        // No request of an engine has these.
        (ENGINE, "", allow(account, &factor("Bool")), Some("a second factor or a source identity")),
        (ENGINE, "", allow(account, &factor("BoolIfExists")), None),
        ("principal_arn = \"arn:aws:iam::111122223333:role/eng\"\n", "", allow(account, &factor("Bool")), None),
        (
            ENGINE,
            "",
            allow(account, &condition("\"StringLike\":{\"sts:SourceIdentity\":\"b*\"}")),
            Some("source identity"),
        ),
        (ENGINE, "", allow(account, &condition("\"StringEquals\":{\"aws:PrincipalType\":\"User\"}")), None),
        (
            ENGINE,
            "",
            allow(account, &condition("\"StringEquals\":{\"aws:PrincipalType\":\"AssumedRole\"}")),
            Some("does not trust the engine"),
        ),
        // Tags that no session of the role has, and those that it has.
        (ENGINE, tags, keys("\"env\", \"cost\""), Some("asks for other session tags")),
        (ENGINE, tags, keys("\"env\", \"team\""), None),
        (ENGINE, "", keys("\"env\""), None),
        (ENGINE, "", all_but, Some("a role's trust policy has no NotPrincipal")),
        (
            ENGINE,
            "",
            without("\"BoolIfExists\":{\"aws:MultiFactorAuthPresent\":\"false\"}"),
            Some("a second factor or a source identity"),
        ),
        (
            ENGINE,
            "",
            without("\"NumericGreaterThanIfExists\":{\"aws:MultiFactorAuthAge\":\"3600\"}"),
            Some("a second factor or a source identity"),
        ),
        (ENGINE, "", without("\"Bool\":{\"aws:MultiFactorAuthPresent\":\"false\"}"), None),
        (ENGINE, "", without("\"Bool\":{\"aws:SecureTransport\":\"false\"}"), None),
        (
            ENGINE,
            "",
            allow(account, &condition("\"Bool\":{\"aws:ViaAWSService\":\"true\"}")),
            Some("no request of an engine has"),
        ),
        (ENGINE, "", allow(account, &condition("\"StringEquals\":{\"aws:username\":\"engine\"}")), None),
        (
            ENGINE,
            "",
            allow(account, &condition("\"StringEquals\":{\"aws:username\":\"other\"}")),
            Some("does not trust the engine"),
        ),
        // Whoever the engine is, that much is known.
        ("", "", allow(account, &external), Some("asks for an external id, and none is set")),
        ("principal_arn = \"arn:aws:s3:::b\"\n", "", allow(account, ""), Some("is not the ARN of an IAM user or role")),
        (ENGINE, "", allow(account, ",\"Resource\":\"*\""), Some("a trust policy has no Resource")),
        (ENGINE, "", allow(account, "").replacen("sts:AssumeRole", "s3:GetObject", 1), Some("s3:GetObject is not")),
    ] {
        let (code, text) = told(&trusting(engine, role, &statement), &["validate"]);
        match expected {
            None => assert!(code == 0 && !text.contains("can't be told"), "{role} {statement}: {text}"),
            Some(what) => {
                assert!(code == 1 && text.contains(what) && text.contains("e.hcl:"), "{role} {statement}: {text}");
            }
        }
    }
    let (code, text) = told(&trusting("", "", &allow(account, "")), &["validate"]);
    assert!(code == 0 && text.contains("who it is to AWS is not known") && text.contains("principal_arn = "), "{text}");
}
