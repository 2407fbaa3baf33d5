//! `leasehold sandbox call` and `may`: a kept account asked without a server, and the user that engines sign as.

use leasehold::clock::Clock;
use leasehold::sandbox::{Account, ENGINE_ACCESS_KEY, ENGINE_USER, ROOT_SECRET};

use crate::env::{Output, TestEnv};

const DIR: [&str; 2] = ["--data-dir", "account"];

fn call(env: &TestEnv, arguments: &[&str]) -> Output {
    env.run(&[&["sandbox", "call"][..], &DIR, arguments].concat())
}

fn may(env: &TestEnv, action: &str, resource: &str) -> Output {
    env.run(&[&["sandbox", "may"][..], &DIR, &[action, resource]].concat())
}

/// An element's text.
fn text<'x>(xml: &'x str, name: &str) -> &'x str {
    let from = xml.split_once(&format!("<{name}>")).unwrap().1;
    from.split_once(&format!("</{name}>")).unwrap().0
}

#[test]
fn an_account_is_asked_as_its_root_and_as_a_credential() {
    let mut env = TestEnv::new();
    assert_eq!(text(&call(&env, &["GetCallerIdentity"]).stdout, "Arn"), "arn:aws:iam::123456789012:root");
    let trust =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    env.write("trust.json", trust);
    let policy = |action: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#)
    };
    env.write("policy.json", &policy("s3:*"));
    assert_eq!(call(&env, &["CreateRole", "RoleName=r", "AssumeRolePolicyDocument=@trust.json"]).code, 0);
    let put = call(&env, &["PutRolePolicy", "RoleName=r", "PolicyName=p", "PolicyDocument=@policy.json"]);
    assert_eq!((put.code, put.stdout.as_str()), (0, ""), "{}", put.stderr);

    let role = "RoleArn=arn:aws:iam::123456789012:role/r";
    let narrow = format!("Policy={}", policy("s3:Get*"));
    let assume = ["AssumeRole", role, "RoleSessionName=session", &narrow];
    let refused = call(&env, &assume);
    assert_eq!(refused.code, 3, "the root can't: {}", refused.stdout);
    assert!(refused.stderr.contains("Roles may not be assumed by root accounts"), "{}", refused.stderr);

    env.set("AWS_ACCESS_KEY_ID", ENGINE_ACCESS_KEY);
    env.set("AWS_SECRET_ACCESS_KEY", ROOT_SECRET);
    assert_eq!(may(&env, "iam:CreateUser", "*").code, 0, "{ENGINE_USER} is an administrator");
    let session = call(&env, &assume);
    assert_eq!(session.code, 0, "{}", session.stderr);
    env.set("AWS_ACCESS_KEY_ID", text(&session.stdout, "AccessKeyId"));
    env.set("AWS_SECRET_ACCESS_KEY", text(&session.stdout, "SecretAccessKey"));
    assert_eq!(may(&env, "s3:GetObject", "arn:aws:s3:::b/k").code, 1, "without its token it is no credential");
    env.set("AWS_SESSION_TOKEN", text(&session.stdout, "SessionToken"));
    let allowed = may(&env, "s3:GetObject", "arn:aws:s3:::b/k");
    assert_eq!((allowed.code, allowed.stdout.as_str()), (0, "allowed: s3:GetObject on arn:aws:s3:::b/k\n"));
    for (action, by) in [("s3:PutObject", "no session policy allows"), ("ec2:RunInstances", "no identity-based policy")]
    {
        let denied = may(&env, action, "*");
        assert_eq!((denied.code, denied.stdout.as_str()), (3, ""), "{action}");
        assert!(denied.stderr.contains(by), "{action}: {}", denied.stderr);
    }
    env.set("AWS_SECRET_ACCESS_KEY", "not/its/secret");
    assert_eq!(may(&env, "s3:GetObject", "*").code, 1);
}

#[test]
fn what_cant_be_asked_is_told() {
    let env = TestEnv::new();
    for (arguments, code, told) in [
        (&["CreateRole", "RoleName"][..], 1, "RoleName is no parameter"),
        (&["CreateRole", "RoleName=@none.json"], 1, "none.json: "),
        (&["Dance"], 1, "InvalidAction"),
        (&["GetRole", "RoleName=none"], 1, "NoSuchEntity"),
    ] {
        let output = call(&env, arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
    }
    let nobody = may(&env, "s3:GetObject", "*");
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"), "{}", nobody.stderr);
    let _kept = Account::open(Some(&env.dir().join("account")), Clock::system()).unwrap();
    let busy = call(&env, &["ListUsers"]);
    assert_eq!(busy.code, 1);
    assert!(busy.stderr.contains("is not done yet"), "{}", busy.stderr);
}

#[test]
fn the_engines_user_is_made_once_and_is_left_as_it_is() {
    let env = TestEnv::new();
    for expected in ["<AccessKeyMetadata>", "<AccessKeyMetadata>"] {
        assert!(call(&env, &["ListAccessKeys", "UserName=leasehold-engine"]).stdout.contains(expected));
    }
    let key = format!("AccessKeyId={ENGINE_ACCESS_KEY}");
    assert_eq!(call(&env, &["DeleteAccessKey", "UserName=leasehold-engine", &key]).code, 0);
    let left = call(&env, &["ListAccessKeys", "UserName=leasehold-engine"]).stdout;
    assert!(!left.contains(ENGINE_ACCESS_KEY), "its key was taken away on purpose: {left}");
}
