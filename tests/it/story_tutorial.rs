//! The main job, as a new user does it: apply the tutorial, log in as webapp, get a credential, use it, renew
//! it up to the cap, revoke it, and find every step in the trail. Once against the sandbox, once against moto.

use serde_json::{Value, json};

use crate::aws::{Aws, Sandbox};
use crate::env::TestEnv;
use crate::http::said;
use crate::python::Moto;

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A token of the app, by AppRole, with what the operator may hand it.
fn log_in(env: &TestEnv, app: &str) -> String {
    let role = format!("auth/approle/role/app-{app}");
    let role_id = env.ok(&["read", "-field=role_id", &format!("{role}/role-id")]);
    let secret_id = env.ok(&["write", "-force", "-field=secret_id", &format!("{role}/secret-id")]);
    let login = env.run_with_input(
        &["write", "-format=json", "auth/approle/login", "-"],
        &json!({ "role_id": role_id, "secret_id": secret_id }).to_string(),
    );
    assert_eq!(login.code, 0, "{}", login.normal());
    said(&json_of(&login.stdout)["auth"]["client_token"])
}

/// The exit code and the output of a command that speaks as the owner of a token.
fn as_token(env: &TestEnv, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = env.command(arguments).env("LEASEHOLD_TOKEN", token).output().expect("leasehold runs");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}

fn credential(env: &TestEnv, token: &str) -> Value {
    let (code, out, err) = as_token(env, token, &["read", "-format=json", "aws/creds/webapp"]);
    assert_eq!(code, 0, "{err}");
    json_of(&out)
}

/// The lines of the trail file that concern a lease or a path.
fn trail_lines(trail: &std::path::Path) -> Vec<Value> {
    std::fs::read_to_string(trail).expect("the trail reads").lines().map(json_of).collect()
}

/// The story, told against an account that `aws` looks at.
fn the_story(env: &TestEnv, aws: &Aws, data: &str, keys_are_checked: bool) {
    assert_eq!(env.run(&["plan"]).code, 2, "there is something to do");
    env.ok(&["apply", "--auto-approve"]);
    assert_eq!(env.run(&["plan"]).code, 0, "a second plan is empty");

    let token = log_in(env, "webapp");
    let issued = credential(env, &token);
    let (lease, access_key, secret_key) =
        (said(&issued["lease_id"]), said(&issued["data"]["access_key"]), said(&issued["data"]["secret_key"]));
    assert!(lease.starts_with("aws/creds/webapp/"), "{lease}");
    assert_eq!(issued["lease_duration"], 3600);
    assert_eq!(issued["renewable"], true);

    // The user is there, with exactly what the files say.
    let users = aws.users("/leasehold/");
    assert_eq!(users.len(), 1, "{users:?}");
    let user = &users[0];
    let document = std::fs::read_to_string(env.dir().join("estate/iam/webapp.json")).expect("the policy reads");
    assert_eq!(user["inline"], json!({ "webapp": json_of(&document) }));
    assert_eq!((&user["attached"], &user["groups"]), (&json!([]), &json!([])));
    assert_eq!(user["keys"], json!([access_key]));
    assert!(said(&user["name"]).starts_with("vault-approle-webapp-"), "{user}");
    assert!(said(&user["path"]).starts_with("/leasehold/"), "{user}");
    let tags = &user["tags"];
    assert_eq!(tags["team"], "web");
    assert_eq!((&tags["leasehold:app"], &tags["leasehold:role"]), (&json!("webapp"), &json!("webapp")));
    assert_eq!(tags["leasehold:lease"], lease.as_str());
    assert!(tags["leasehold:engine"].is_string() && tags["leasehold:expiry"].is_string(), "{tags}");
    assert_eq!(aws.whoami(&access_key, &secret_key), said(&user["arn"]));

    // Renewed, but never past two hours from its issue.
    let renewed = json_of(&env.ok(&["lease", "renew", "-format=json", "-increment=1800", &lease]));
    assert_eq!(renewed["lease_duration"], 1800);
    let capped = json_of(&env.ok(&["lease", "renew", "-format=json", "-increment=36000", &lease]));
    let duration = capped["lease_duration"].as_i64().expect("seconds");
    assert!((7000..=7200).contains(&duration), "{capped}");
    assert!(capped["warnings"].to_string().contains("exceeded the effective max_ttl"), "{capped}");

    // Revoked: gone from the engine and from AWS.
    env.ok(&["lease", "revoke", "-sync", &lease]);
    assert_eq!(aws.users("/leasehold/"), Vec::<Value>::new());
    assert_eq!(env.run(&["lease", "lookup", &lease]).code, 2);
    if keys_are_checked {
        assert_eq!(aws.whoami(&access_key, &secret_key), "InvalidClientTokenId");
    }

    // By prefix: all of them.
    let more: Vec<_> = (0..3).map(|_| credential(env, &token)).collect();
    assert_eq!(aws.users("/leasehold/").len(), 3);
    env.ok(&["lease", "revoke", "-sync", "-prefix", "aws/creds/webapp"]);
    assert_eq!(aws.users("/leasehold/"), Vec::<Value>::new());

    // The app gets nothing but its own.
    let (code, _, stderr) = as_token(env, &token, &["read", "aws/creds/analytics"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("Code: 403") && stderr.contains("permission denied"), "{stderr}");

    the_trail_holds_every_step(env, data, &lease, &access_key, &more);
}

fn the_trail_holds_every_step(env: &TestEnv, data: &str, lease: &str, access_key: &str, more: &[Value]) {
    let lines = trail_lines(&env.dir().join(data).join("trail.log"));
    let both = |path: &str, operation: &str| {
        for kind in ["request", "response"] {
            assert!(
                lines.iter().any(|line| {
                    line["type"] == kind && line["request"]["path"] == path && line["request"]["operation"] == operation
                }),
                "no {kind} line of {operation} {path}"
            );
        }
    };
    both("aws/roles/webapp", "update");
    both("auth/approle/login", "update");
    both("aws/creds/webapp", "read");
    both("aws/creds/analytics", "read");
    both("sys/leases/renew", "update");

    let issues: Vec<_> =
        lines.iter().filter(|line| line["type"] == "response" && line["credential"].is_object()).collect();
    assert_eq!(issues.len(), 4);
    let first = &issues[0]["credential"];
    assert_eq!((&first["app"], &first["role"]), (&json!("webapp"), &json!("webapp")));
    assert_eq!((&first["lease_id"], &first["access_key_id"]), (&json!(lease), &json!(access_key)));
    assert_eq!(first["ttl"], 3600);
    assert!(first["iam_user"].is_string(), "{first}");
    // Secrets are hashed, never there.
    let trail = std::fs::read_to_string(env.dir().join(data).join("trail.log")).expect("the trail reads");
    for issued in more {
        assert!(!trail.contains(&said(&issued["data"]["secret_key"])), "a secret key is in the trail");
    }
    assert!(said(&issues[0]["response"]["data"]["secret_key"]).starts_with("hmac-sha256:"));

    let table = env.ok(&["trail", "--json"]);
    let rows: Vec<Value> = table.lines().map(json_of).collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert!(rows.iter().all(|row| row["app"] == "webapp" && row["state"].to_string().contains("revoked")), "{table}");
}

/// A home with a copy of the tutorial in `estate/`, under git, so that credentials lead to a commit.
fn tutorial() -> (TestEnv, String) {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    let commit = crate::env::commit_all(&estate);
    env.set("LEASEHOLD_DIR", estate.to_str().expect("a path that is text"));
    (env, commit)
}

#[test]
fn the_tutorial_from_plan_to_revocation_on_the_sandbox() {
    let (env, commit) = tutorial();
    let data = "estate/.leasehold/local";
    let sandbox = Sandbox::start(&env, Some(&env.dir().join(data).join("sandbox")));
    the_story(&env, &sandbox.aws, data, true);
    let trail = env.ok(&["trail", "--json"]);
    let row = json_of(trail.lines().next().expect("a row"));
    assert_eq!(row["commit"], commit, "{row}");
    // The engine's data lies in the estate; git must not see it.
    let status = crate::env::git(&env.dir().join("estate"), &["status", "--porcelain"]);
    assert_eq!(status, "", "git sees the engine's data");
}

#[test]
fn the_tutorial_from_plan_to_revocation_on_moto() {
    let moto = Moto::start();
    let (mut env, _) = tutorial();
    env.write(
        "estate/moto.hcl",
        &format!(
            "environment \"moto\" {{\n  engine = \"embedded\"\n  var {{\n    account = \"123456789012\"\n  }}\n  override {{\n    aws \"aws\" {{\n      iam_endpoint = \"{0}\"\n      \
             sts_endpoint = \"{0}\"\n      root {{\n        access_key = \"secret:env:MOTO_ACCESS_KEY\"\n        \
             secret_key = \"secret:env:MOTO_SECRET_KEY\"\n      }}\n    }}\n  }}\n}}\n",
            moto.endpoint
        ),
    );
    let aws = Aws {
        endpoint: moto.endpoint.clone(),
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
    };
    env.set("LEASEHOLD_ENV", "moto").set("MOTO_ACCESS_KEY", &aws.access_key).set("MOTO_SECRET_KEY", &aws.secret_key);
    the_story(&env, &aws, "estate/.leasehold/moto", false);
}
