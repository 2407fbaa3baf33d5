//! boto3 and the AWS CLI as unchanged clients of sessions that the engine issues: by the environment, and by
//! `credential_process`, as an app's profile has it. The account is the sandbox over a network.

use leasehold::sandbox::{ENGINE_ACCESS_KEY, ROOT_SECRET};
use serde_json::{Value, json};

use crate::aws::Sandbox;
use crate::env::TestEnv;
use crate::http::Http;

#[test]
fn boto3_works_with_a_session_until_it_is_cut_off() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    let aws = &sandbox.aws;
    let arn = aws.role("deploy", "iam:List*");
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--aws=aws"]);
    let root = Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: server.root_token.clone().unwrap(),
    };
    root.post("sys/mounts/aws", &json!({ "type": "aws", "options": { "emergency_revocation": "true" } }));
    let key = json!({
        "access_key": ENGINE_ACCESS_KEY, "secret_key": ROOT_SECRET, "region": "us-east-1",
        "iam_endpoint": aws.endpoint, "sts_endpoint": aws.endpoint,
    });
    root.post("aws/config/root", &key);
    let narrow = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*" }],
    });
    let role = json!({
        "credential_type": "assumed_role", "role_arns": arn, "policy_document": narrow.to_string(),
    });
    root.post("aws/roles/site", &role);

    let lent = root.get("aws/creds/site");
    let text = |name: &str| lent["data"][name].as_str().unwrap();
    let variables = [
        ("AWS_ACCESS_KEY_ID", text("access_key")),
        ("AWS_SECRET_ACCESS_KEY", text("secret_key")),
        ("AWS_SESSION_TOKEN", text("session_token")),
    ];
    let expected =
        |who: &Value, users: &str| json!({ "whoami": who, "list_users": users, "list_groups": "AccessDenied" });
    assert_eq!(aws.tried(&variables), expected(&lent["data"]["arn"], "ok"));
    assert_eq!(aws.who_the_cli_is(&variables), lent["data"]["arn"].as_str().unwrap());
    // Its key alone opens nothing.
    assert_eq!(aws.tried(&variables[..2])["whoami"], "InvalidClientTokenId");
    assert_eq!(aws.who_the_cli_is(&variables[..2]), "InvalidClientTokenId");

    root.post("sys/leases/revoke-force/aws/creds/site", &json!({}));
    assert_eq!(aws.tried(&variables), expected(&lent["data"]["arn"], "AccessDenied"));
}

/// The other sorts of credentials, in the hands of boto3: sessions of the engine's own user, and the key of a user that was
/// there before, also after it was made anew.
#[test]
fn boto3_works_with_sessions_of_the_engines_user_and_with_static_keys() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    let aws = &sandbox.aws;
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--aws=aws"]);
    let root = Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: server.root_token.clone().unwrap(),
    };
    root.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let key = json!({
        "access_key": ENGINE_ACCESS_KEY, "secret_key": ROOT_SECRET, "region": "us-east-1",
        "iam_endpoint": aws.endpoint, "sts_endpoint": aws.endpoint,
    });
    root.post("aws/config/root", &key);
    let narrow = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }],
    });
    let tried = |data: &Value| {
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        let (id, secret, token) = (text("access_key"), text("secret_key"), text("session_token"));
        let mut variables = vec![("AWS_ACCESS_KEY_ID", id.as_str()), ("AWS_SECRET_ACCESS_KEY", secret.as_str())];
        if !token.is_empty() {
            variables.push(("AWS_SESSION_TOKEN", token.as_str()));
        }
        let said = aws.tried(&variables);
        assert_eq!(aws.who_the_cli_is(&variables), said["whoami"].as_str().unwrap(), "the two agree");
        said
    };
    let expected = |who: &str, lists: &str| json!({ "whoami": who, "list_users": lists, "list_groups": lists });
    let engine = "arn:aws:iam::123456789012:user/leasehold-engine";
    let federated = json!({ "credential_type": "federation_token", "policy_document": narrow.to_string() });
    root.post("aws/roles/federated", &federated);
    let said = tried(&root.get("aws/creds/federated")["data"]);
    let who = said["whoami"].as_str().unwrap();
    assert!(who.starts_with("arn:aws:sts::123456789012:federated-user/vault-"), "{said}");
    assert_eq!((&said["list_users"], &said["list_groups"]), (&json!("AccessDenied"), &json!("AccessDenied")));
    root.post("aws/roles/own", &json!({ "credential_type": "session_token" }));
    assert_eq!(tried(&root.get("aws/creds/own")["data"]), expected(engine, "AccessDenied"));

    aws.user("legacy-app", "iam:List*");
    root.post("aws/static-roles/legacy", &json!({ "username": "legacy-app", "rotation_period": "24h" }));
    let user = "arn:aws:iam::123456789012:user/legacy-app";
    let first = root.get("aws/static-creds/legacy")["data"].clone();
    assert_eq!(tried(&first), expected(user, "ok"));
    root.post("aws/rotate-role/legacy", &json!({}));
    let second = root.get("aws/static-creds/legacy")["data"].clone();
    assert_ne!(first["access_key"], second["access_key"]);
    for key in [&first, &second] {
        assert_eq!(tried(key), expected(user, "ok"), "both work");
    }
    root.send("DELETE", "aws/static-roles/legacy", None);
    for key in [&first, &second] {
        assert_eq!(tried(key)["whoami"], "InvalidClientTokenId");
    }
}

#[test]
fn botocore_asks_for_sessions_by_itself() {
    let env = TestEnv::new();
    env.copy_tree("examples/assumed-role", "estate");
    let kept = env.dir().join("estate/.leasehold/local/sandbox");
    // The embedded engine finds the account served, and asks it there.
    let sandbox = Sandbox::start(&env, Some(&kept));
    sandbox.aws.role("deploy", "iam:List*");
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let command = format!(
        "{} -C {} creds site --format process",
        env!("CARGO_BIN_EXE_leasehold"),
        env.dir().join("estate").display()
    );
    let config = env.write("config", &format!("[default]\ncredential_process = {command}\n"));
    let variables = [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("HOME", env.dir().to_str().unwrap())];
    let cli = sandbox.aws.who_the_cli_is(&variables);
    assert!(cli.starts_with("arn:aws:sts::123456789012:assumed-role/deploy/"), "{cli}");
    let said = sandbox.aws.tried(&variables);
    assert!(said["whoami"].as_str().unwrap().starts_with("arn:aws:sts::123456789012:assumed-role/deploy/"), "{said}");
    // The session policy leaves of the role's rights nothing that this asks for.
    assert_eq!((&said["list_users"], &said["list_groups"]), (&json!("AccessDenied"), &json!("AccessDenied")));
}

/// A plan has judged what the role may do whose sessions are given no policy; by hand, it is another role.
#[test]
fn a_role_that_is_declared_needs_no_session_policy() {
    let env = TestEnv::new();
    env.copy_tree("examples/assumed-role", "estate");
    let path = env.dir().join("estate/estate.hcl");
    let text = std::fs::read_to_string(&path).unwrap();
    let from = text.find("    # A session policy").unwrap();
    let to = from + text[from..].find("\n    }\n").unwrap() + "\n    }\n".len();
    std::fs::write(&path, text[..from].to_owned() + &text[to..]).unwrap();
    let account = env.dir().join("estate/.leasehold/local/sandbox");
    let trust = std::fs::read_to_string(env.dir().join("estate/iam/deploy-trust.json")).unwrap();
    let trust = format!("AssumeRolePolicyDocument={trust}");
    for name in ["deploy", "other"] {
        let name = format!("RoleName={name}");
        env.ok(&["sandbox", "call", "--data-dir", account.to_str().unwrap(), "CreateRole", &name, &trust]);
    }
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert!(env.ok(&["-C", "estate", "creds", "site", "--format", "env"]).contains("AWS_SESSION_TOKEN"));
    let other = "role_arns=arn:aws:iam::123456789012:role/other";
    env.ok(&["-C", "estate", "write", "aws/roles/site", other]);
    let refused = env.run(&["-C", "estate", "creds", "site"]);
    assert!(refused.code != 0 && refused.stderr.contains("the guardrail escalation denies"), "{}", refused.stderr);
}
