//! `leasehold creds` and the commands around it, on the tutorial's estate with its embedded engine.

use std::os::unix::fs::PermissionsExt;

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use leasehold::clock::Clock;
use leasehold::sandbox::{self, Account, ROOT_ACCESS_KEY, ROOT_SECRET};

use crate::env::TestEnv;

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_app_gets_a_credential_in_the_form_it_needs() {
    let env = TestEnv::with_tutorial();
    let output = env.run(&["creds", "webapp"]);
    insta::assert_snapshot!("creds_table", output.normal());
    let process = json(&env.ok(&["creds", "webapp", "--format", "process"]));
    assert_eq!(process["Version"], 1);
    assert!(process["AccessKeyId"].as_str().unwrap().starts_with("AKIA"), "{process}");
    assert!(process["Expiration"].as_str().unwrap().ends_with('Z'), "{process}");
    let shell = env.ok(&["creds", "webapp", "-format=env"]);
    assert!(shell.starts_with("export AWS_ACCESS_KEY_ID='AKIA"), "{shell}");
    let lease = env.ok(&["creds", "webapp", "-field=lease_id"]);
    assert!(lease.starts_with("aws/creds/webapp/"), "{lease}");
    env.ok(&["lease", "renew", &lease]);
    env.ok(&["lease", "revoke", "-sync", &lease]);
    assert_eq!(env.run(&["lease", "lookup", &lease]).code, 2, "the lease is gone");
}

#[test]
fn a_credential_is_handed_on_wrapped() {
    let mut env = TestEnv::with_tutorial();
    let token = env.ok(&["creds", "webapp", "-wrap-ttl=10m", "-field=wrapping_token"]);
    let fetched = json(&env.run_with_input(&["unwrap", "-format=json", "-"], &token).stdout);
    assert!(fetched["data"]["secret_key"].is_string() && fetched["lease_duration"] != 0, "the credential");
    let again = env.run_with_input(&["unwrap", "-"], &token);
    assert_eq!(again.code, 2, "{}", again.normal());
    assert!(again.stderr.contains("somebody else may have"), "{}", again.normal());
    let process = env.run(&["creds", "webapp", "-wrap-ttl=10m", "-format=process"]);
    assert_eq!(process.code, 1, "{}", process.normal());
    assert!(process.stderr.contains("lies wrapped is not known here"), "{}", process.normal());
    // The variable is for hands: an app's SDK would not know what to do with a wrapped answer.
    env.set("VAULT_WRAP_TTL", "10m");
    let refused = env.run(&["creds", "webapp"]);
    assert!(refused.code == 1 && refused.stderr.contains("VAULT_WRAP_TTL is set"), "{}", refused.normal());
}

/// A user of the sandbox that may assume the role `deploy`, which is there: its key.
fn assumer(env: &TestEnv) -> (String, String) {
    let home = env.dir().join("estate/.leasehold/local/sandbox");
    let account = Account::open(Some(&home), Clock::system()).unwrap();
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ROOT_ACCESS_KEY, ROOT_SECRET, None, None, "test"))
        .http_client(sandbox::connector(account))
        .build();
    let iam = aws_sdk_iam::Client::from_conf(config);
    let document = |more: &str| {
        let statement = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole",{more}}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let key = runtime.block_on(async {
        iam.create_user().user_name("engine").send().await.unwrap();
        let put = iam.put_user_policy().user_name("engine").policy_name("p");
        put.policy_document(document(r#""Resource":"*""#)).send().await.unwrap();
        let trust = document(r#""Principal":{"AWS":"123456789012"}"#);
        iam.create_role().role_name("deploy").assume_role_policy_document(trust).send().await.unwrap();
        iam.create_access_key().user_name("engine").send().await.unwrap().access_key.unwrap()
    });
    (key.access_key_id, key.secret_access_key)
}

#[test]
fn a_session_comes_in_the_form_that_is_needed() {
    let env = TestEnv::with_tutorial();
    let (id, secret) = assumer(&env);
    env.ok(&["write", "aws/config/root", &format!("access_key={id}"), &format!("secret_key={secret}")]);
    let arn = "role_arns=arn:aws:iam::123456789012:role/deploy";
    env.ok(&[
        "write",
        "aws/roles/webapp",
        "credential_type=assumed_role",
        arn,
        "user_path=",
        "permissions_boundary_arn=",
    ]);
    let made = json(&env.ok(&["creds", "webapp", "--format", "json"]));
    assert!(made["access_key"].as_str().unwrap().starts_with("ASIA"), "{made}");
    assert_eq!((&made["lease_duration"], &made["lease_renewable"]), (&3600.into(), &false.into()), "{made}");
    let process = json(&env.ok(&["creds", "webapp", "--format", "process"]));
    assert!(process["SessionToken"].as_str().unwrap().len() > 100, "{process}");
    assert!(process["Expiration"].as_str().unwrap().ends_with('Z'), "{process}");
    let shell = env.ok(&["creds", "webapp", "-format=env"]);
    assert!(shell.contains("\nexport AWS_SESSION_TOKEN='"), "{shell}");
    let table = env.run(&["creds", "webapp"]);
    assert!(table.stdout.contains("lease_renewable    false"), "{}", table.normal());
    assert!(!table.stdout.contains("<nil>"), "{}", table.normal());
    assert!(table.normal().contains("A session: nobody can end it before"), "{}", table.normal());
    let lease = made["lease_id"].as_str().unwrap();
    assert_ne!(env.run(&["lease", "renew", lease]).code, 0);
    env.ok(&["lease", "revoke", "-sync", lease]);
    let trail = env.ok(&["trail", "--app", "webapp"]);
    assert!(trail.contains("arn:aws:sts::123456789012:assumed-role/deploy/"), "{trail}");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let env = TestEnv::with_tutorial();
    for (arguments, hint) in [
        (&["creds", "webap"][..], "did you mean `webapp`?"),
        (&["creds", "webapp", "--role", "nope"], "aws/webapp"),
        (&["creds", "webapp", "-e", "prod"], "local"),
        (&["creds", "webapp", "--format", "xml"], "xml"),
    ] {
        let output = env.run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.normal());
        assert!(output.stderr.contains(hint), "{arguments:?}: {}", output.stderr);
    }
    let mut fresh = TestEnv::new();
    let estate = fresh.copy_tree("examples/tutorial", "estate");
    fresh.set("LEASEHOLD_DIR", estate.display().to_string());
    let output = fresh.run(&["creds", "webapp"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stderr.contains("leasehold apply"), "{}", output.stderr);
}

#[test]
fn an_app_with_its_own_ids_needs_no_operator() {
    let mut env = TestEnv::with_tutorial();
    let role_id = env.ok(&["read", "-field=role_id", "auth/approle/role/app-webapp/role-id"]);
    let secret_id = env.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-webapp/secret-id"]);
    let file = env.write("secret-id", &secret_id);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    env.set("LEASEHOLD_TOKEN", "worthless").set("LEASEHOLD_ROLE_ID", role_id);
    env.set("LEASEHOLD_SECRET_ID_FILE", file.display().to_string());
    env.ok(&["creds", "webapp", "--format", "process"]);
    env.set("LEASEHOLD_SECRET_ID_FILE", "").set("LEASEHOLD_SECRET_ID", "wrong");
    let refused = env.run(&["creds", "webapp"]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(!refused.stderr.contains("wrong\n"), "{}", refused.stderr);
}

#[test]
fn a_login_to_the_embedded_engine_stays_with_it_and_does_not_bind_the_operator() {
    let env = TestEnv::with_tutorial();
    env.write("policy.hcl", "path \"secret/*\" { capabilities = [\"read\"] }\n");
    env.ok(&["policy", "write", "narrow", "policy.hcl"]);
    let token = env.ok(&["token", "create", "-policy=narrow", "-field=token"]);
    assert_eq!(env.run_with_input(&["login", "-"], &token).code, 0);
    let kept = env.dir().join("estate/.leasehold/local/login-token");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!env.dir().join(".leasehold-token").exists());
    let denied = env.run(&["read", "aws/roles/webapp"]);
    assert_eq!(denied.code, 2);
    assert!(
        denied.stderr.contains("the token came from") && denied.stderr.contains("login-token"),
        "{}",
        denied.stderr
    );
    env.ok(&["plan"]);
    env.ok(&["creds", "webapp", "--format", "process"]);
}

#[test]
fn a_server_that_has_the_data_directory_is_talked_to() {
    let env = TestEnv::with_tutorial();
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let lease = env.ok(&["creds", "webapp", "-field=lease_id"]);
    let wrong = env.run(&["read", "aws/creds/nope"]);
    assert!(wrong.stderr.contains(&format!("URL: GET {}", server.address)), "{}", wrong.stderr);
    env.ok(&["plan"]);
    assert_eq!(server.stop(), Some(0));
    assert!(env.ok(&["lease", "lookup", &lease]).contains(&lease), "the next engine knows the lease");
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let env = TestEnv::with_tutorial();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| env.run(&["creds", "webapp", "--format", "json"]))).collect();
        for run in runs {
            let output = run.join().unwrap();
            assert_eq!(output.code, 0, "{}", output.normal());
        }
    });
}

#[test]
fn a_token_for_another_server_does_not_break_the_embedded_engine() {
    let mut env = TestEnv::with_tutorial();
    for name in ["LEASEHOLD_TOKEN", "BAO_TOKEN", "VAULT_TOKEN"] {
        env.set(name, "hvs.CAESIProduction");
        env.ok(&["plan"]);
        env.ok(&["creds", "webapp"]);
        let output = env.run(&["read", "aws/roles/webapp"]);
        assert_eq!(output.code, 0, "{}", output.normal());
        let told = format!("warning: the token in {name} is not one of the embedded engine");
        assert!(output.stderr.contains(&told), "{}", output.stderr);
        env.set(name, "");
    }
    // One that it knows is used, whatever it may do.
    let none = env.ok(&["token", "create", "-policy=none", "-no-default-policy", "-field=token"]);
    env.set("VAULT_TOKEN", none);
    let output = env.run(&["read", "aws/roles/webapp"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stderr.contains("the token came from VAULT_TOKEN"), "{}", output.stderr);
}

#[test]
fn the_trail_is_told_in_the_form_that_is_asked_for_wherever_the_flags_stand() {
    let env = TestEnv::with_tutorial();
    env.ok(&["creds", "webapp"]);
    let lines = env.ok(&["trail", "--json"]);
    assert!(json(&lines).is_object(), "{lines}");
    assert_eq!(env.ok(&["trail", "--format", "json"]), lines);
    assert_eq!(env.ok(&["-format=json", "trail"]), lines);
    let here = env.ok(&["-C", "estate", "plan"]);
    assert_eq!(env.ok(&["plan", "-C", "estate"]), here);
    assert_eq!(env.ok(&["plan", "--dir", "estate"]), here);
    assert_eq!(env.ok(&["validate", "-C", "estate"]), env.ok(&["-C", "estate", "validate"]));
}
