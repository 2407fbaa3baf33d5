//! Logins by name and password over HTTP (source: Vault API, "Userpass auth method"), from an estate, and with
//! `leasehold login` and `creds`.

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Answer, Http, outcome, said};
use crate::wire_auth::World;

fn with_user(settings: &Value) -> World {
    let world = World::new();
    world.root.post("sys/auth/userpass", &json!({"type": "userpass"}));
    world.root.post("auth/userpass/users/bob", settings);
    world
}

fn login(world: &World, name: &str, password: &str) -> Answer {
    let body = json!({ "password": password });
    world.root.with_token("").send("POST", &format!("auth/userpass/login/{name}"), Some(&body))
}

fn token(world: &World, answer: &Answer) -> Http {
    world.root.with_token(&said(&answer.body["auth"]["client_token"]))
}

#[test]
fn a_name_and_a_password_get_a_token() {
    let world = with_user(&json!({"password": "s3cret pass", "token_policies": "web,ops", "token_ttl": "1h"}));
    let answer = login(&world, "bob", "s3cret pass");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let auth = &answer.body["auth"];
    assert_eq!(auth["token_policies"], json!(["default", "ops", "web"]));
    assert_eq!((&auth["metadata"], &auth["lease_duration"]), (&json!({"username": "bob"}), &json!(3600)));
    let own = token(&world, &answer).get("auth/token/lookup-self")["data"].clone();
    assert_eq!(own["display_name"], "userpass-bob");
    assert_eq!(own["path"], "auth/userpass/login/bob");
    // A name is read in any case.
    assert_eq!(login(&world, "BOB", "s3cret pass").status, 200);
    // A read tells what tokens get, and nothing of the password.
    let read = world.root.get("auth/userpass/users/Bob");
    assert_eq!(read["data"]["token_ttl"], 3600);
    assert!(!read.to_string().contains("password") && !read.to_string().contains("$2"), "{read}");
    assert_eq!(world.root.send("LIST", "auth/userpass/users", None).body["data"]["keys"], json!(["bob"]));
}

#[test]
fn whatever_is_wrong_is_refused_in_the_same_words() {
    let world = with_user(&json!({"password": "right"}));
    for (name, password) in [("bob", "wrong"), ("nobody", "right"), ("bob", "right\n"), ("bob", &"r".repeat(100))] {
        assert_eq!(outcome(&login(&world, name, password)), "400 invalid username or password", "{name}");
    }
    assert_eq!(outcome(&login(&world, "bob", "")), "400 missing password");
    assert_eq!(outcome(&login(&world, "nobody", "")), "400 missing password");
    let body = json!({ "password": "right", "usrname": "bob" });
    let answer = world.root.with_token("").send("POST", "auth/userpass/login/bob", Some(&body));
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[test]
fn users_are_refused_with_reasons() {
    let world = with_user(&json!({"password": "right"}));
    for (path, body, expected) in [
        ("users/ann", json!({}), "400 must provide either password or password_hash"),
        ("users/ann", json!({"token_ttl": "1h"}), "400 must provide either password or password_hash"),
        ("users/bob/password", json!({}), "400 must provide either password or password_hash"),
        ("users/bob/policies", json!({}), "400 missing token_policies"),
        ("users/ann/password", json!({"password": "x"}), "404 the user \"ann\" does not exist"),
        (
            "users/ann",
            json!({"password": "x", "password_hash": "$2b$10$x"}),
            "400 only one of password or password_hash may be provided",
        ),
        ("users/ann", json!({"password_hash": "plain"}), "400 password_hash is not taken: it is not a bcrypt hash"),
        (
            "users/ann",
            json!({"password": "x".repeat(73)}),
            "400 a password has at most 72 bytes: bcrypt reads no further",
        ),
        ("users/ann", json!({"password": "x", "token_policies": "root"}), "400 auth methods cannot create root tokens"),
        (
            "users/ann",
            json!({"password": "x", "token_ttl": "2h", "token_max_ttl": "1h"}),
            "400 'token_ttl' cannot be greater than 'token_max_ttl'",
        ),
    ] {
        let answer = world.root.send("POST", &format!("auth/userpass/{path}"), Some(&body));
        assert_eq!(outcome(&answer), expected, "{path} {body}");
    }
    assert_eq!(world.root.send("GET", "auth/userpass/users/ann", None).status, 404);
    // A hash that was made elsewhere is a password like another: `right`, by htpasswd's 2y form and by Go's 2a.
    let dear = "$2a$31$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    let answer = world.root.send("POST", "auth/userpass/users/ann", Some(&json!({"password_hash": dear})));
    assert_eq!(outcome(&answer), "400 password_hash is not taken: its cost is 31, and may be 14 at most");
}

#[test]
fn a_hash_that_was_made_elsewhere_is_a_password_like_another() {
    // The test vectors of jBCrypt, which Go's package checks itself by: `abc` and a text with blanks and signs.
    let world = with_user(&json!({"password_hash": "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"}));
    assert_eq!(login(&world, "bob", "abc").status, 200);
    assert_eq!(login(&world, "bob", "abd").status, 400);
}

#[test]
fn a_change_counts_from_the_next_login_and_renewal_on() {
    let world = with_user(&json!({"password": "old", "token_policies": "web", "token_ttl": "1h"}));
    let own = token(&world, &login(&world, "bob", "old"));
    world.root.post("auth/userpass/users/bob/password", &json!({"password": "new"}));
    assert_eq!(login(&world, "bob", "old").status, 400);
    assert_eq!(login(&world, "bob", "new").status, 200);
    // What is not supplied stays.
    world.root.post("auth/userpass/users/bob", &json!({"token_ttl": "2h"}));
    assert_eq!(login(&world, "bob", "new").status, 200);
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(renewed.body["auth"]["lease_duration"], 7200, "{}", renewed.body);
    // Source: OpenBao, `userpass/path_login.go`: other policies end renewals.
    world.root.post("auth/userpass/users/bob/policies", &json!({"token_policies": "ops"}));
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(outcome(&renewed), "400 policies have changed, not renewing");
    world.root.post("auth/userpass/users/bob/policies", &json!({"policies": "web"}));
    assert_eq!(world.root.get("auth/userpass/users/bob")["data"]["policies"], json!(["web"]));
    assert_eq!(own.send("POST", "auth/token/renew-self", Some(&json!({}))).status, 200);
    assert_eq!(world.root.send("DELETE", "auth/userpass/users/BOB", None).status, 204);
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(outcome(&renewed), "400 the user \"bob\" does not exist any more");
    assert_eq!(outcome(&login(&world, "bob", "new")), "400 invalid username or password");
}

#[test]
fn a_user_is_bound_to_networks() {
    let world = with_user(&json!({"password": "right", "token_bound_cidrs": "10.0.0.0/8"}));
    assert_eq!(login(&world, "bob", "right").status, 403);
    assert_eq!(outcome(&login(&world, "bob", "wrong")), "400 invalid username or password");
    world.root.post("auth/userpass/users/bob", &json!({"token_bound_cidrs": "127.0.0.0/8"}));
    assert_eq!(login(&world, "bob", "right").status, 200);
}

const ESTATE: &str = r#"
environment "local" {
  engine = "embedded"
  aws    = "sandbox"
}

aws "aws" {}

auth "userpass" {}

app "batch" {
  role "batch" {
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }

  login "userpass" {
    password  = "secret:env:BATCH_PASSWORD"
    token_ttl = "1h"
  }
}
"#;

#[test]
fn an_app_is_declared_with_a_password_and_gets_its_credentials() {
    let mut env = TestEnv::new();
    let estate = env.write("estate/estate.hcl", ESTATE);
    env.set("LEASEHOLD_DIR", estate.parent().unwrap().display().to_string());
    // A plan needs no secret; an apply needs the ones that it writes.
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(plan.stdout.contains("userpass user auth/userpass/users/app-batch"), "{}", plan.stdout);
    assert_eq!(env.run(&["apply", "--auto-approve"]).code, 1);
    env.set("BATCH_PASSWORD", "first one");
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
    // The app has its own; nobody can read it from the engine.
    let refused = env.run(&["creds", "batch"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("LEASEHOLD_PASSWORD_FILE"), "{}", refused.stderr);
    env.set("LEASEHOLD_TOKEN", "worthless").set("LEASEHOLD_PASSWORD", "first one");
    let process: Value = serde_json::from_str(&env.ok(&["creds", "batch", "--format", "process"])).unwrap();
    assert!(process["AccessKeyId"].as_str().unwrap().starts_with("AKIA"), "{process}");
    env.set("LEASEHOLD_PASSWORD", "second one");
    let refused = env.run(&["creds", "batch"]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(!refused.stderr.contains("second one"), "{}", refused.stderr);
    // Another password is a change that a plan sees, without telling it.
    env.set("LEASEHOLD_TOKEN", "").set("BATCH_PASSWORD", "second one");
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(!plan.stdout.contains("second one") && plan.stdout.contains("password"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["creds", "batch"]);
    // A person logs in likewise.
    let file = env.write("password", "second one\n");
    let arguments = format!("password=@{}", file.display());
    let told = env.ok(&["login", "-method=userpass", "-no-store", "username=app-batch", &arguments]);
    assert!(told.contains("token_policies") && !told.contains("second one"), "{told}");
}

#[test]
fn a_limit_on_the_secrets_of_logins_forbids_passwords() {
    let env = TestEnv::new();
    let guardrail = "guardrail \"short\" {\n  require {\n    max_secret_id_ttl = \"720h\"\n  }\n}\n";
    env.write("estate/estate.hcl", &format!("{ESTATE}{guardrail}"));
    let output = env.run(&["-C", "estate", "plan"]);
    assert_eq!(output.code, 3, "{}", output.normal());
    let told = "secrets may live 720h, and a password lives until it is changed";
    assert!(output.normal().contains(told) && output.normal().contains("estate.hcl:16"), "{}", output.normal());
}

#[test]
fn what_is_declared_of_a_user_is_checked() {
    let env = TestEnv::new();
    for (from, to, expected) in [
        ("    password  = \"secret:env:BATCH_PASSWORD\"\n", "", "a login by name and password needs a password"),
        ("secret:env:BATCH_PASSWORD", "plain", "estate.hcl:17"),
        ("token_ttl", "secret_id_ttl", "secret_id_ttl"),
    ] {
        env.write("estate/estate.hcl", &ESTATE.replace(from, to));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, 1, "{}", output.normal());
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
}
