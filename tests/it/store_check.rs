//! `leasehold operator check`: what is wrong with a store, asked of a server and looked for in a directory.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::env::{Output, TestEnv};
use crate::http::Http;
use crate::seal;

fn start(env: &TestEnv) -> (crate::env::Server, Http) {
    let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws", "sandbox"]);
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
    (server, http)
}

fn database(env: &TestEnv) -> Connection {
    Connection::open(env.dir().join("data/engine.db")).unwrap()
}

fn value(env: &TestEnv, key: &str) -> Vec<u8> {
    let select = "SELECT value FROM entry WHERE key = ?1";
    database(env).query_row(select, params![key.as_bytes()], |row| row.get(0)).unwrap()
}

fn set(env: &TestEnv, key: &str, value: &[u8]) {
    let changed = database(env).execute("UPDATE entry SET value = ?2 WHERE key = ?1", params![key.as_bytes(), value]);
    assert_eq!(changed.unwrap(), 1, "{key}");
}

fn delete(env: &TestEnv, like: &str) {
    let deleted = database(env).execute("DELETE FROM entry WHERE CAST(key AS TEXT) LIKE ?1", params![like]).unwrap();
    assert!(deleted > 0, "{like}");
}

fn check(env: &TestEnv) -> Output {
    env.run(&["operator", "check", "--data-dir", "data"])
}

#[track_caller]
fn wrong(env: &TestEnv, what: &str) {
    let found = check(env);
    assert!(found.code == 2 && found.stdout.contains(what), "{what}: {}", found.normal());
}

#[test]
fn a_sound_store_is_said_to_be_sound_by_its_server_and_without() {
    let mut env = TestEnv::new();
    let (server, http) = start(&env);
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": document }));
    http.get("aws/creds/r");
    http.post("auth/token/create", &json!({ "policies": ["default"] }));
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", http.token.clone());
    let told = env.ok(&["operator", "check"]);
    assert!(told.starts_with("The store is sound: ") && told.ends_with(" entries, 1 lease\n"), "{told}");
    assert_eq!(env.ok(&["operator", "check", "-field=problems"]).trim(), "[]");
    let found: Value = serde_json::from_str(&env.ok(&["operator", "check", "-format=json"])).unwrap();
    assert_eq!((&found["leases"], &found["problems"]), (&json!(1), &json!([])));
    // Whoever may not is told so, with another code than what is wrong has.
    env.set("LEASEHOLD_TOKEN", "s.nobody");
    assert_eq!(env.run(&["operator", "check"]).code, 1);
    let held = check(&env);
    assert!(held.code == 1 && held.stderr.contains("in use by another process"), "{}", held.stderr);
    assert_eq!(server.stop(), Some(0));
    let there = check(&env);
    assert_eq!((there.code, there.stdout.contains(" 1 lease\n")), (0, true), "{}", there.normal());
    let named = env.run(&["operator", "check", "--data-dir", "data", "--unseal-key", "data/unseal.key"]);
    assert_eq!(named.code, 0, "{}", named.normal());
    let none = env.run(&["operator", "check", "--data-dir", "nowhere"]);
    assert!(none.code == 1 && none.stderr.contains("there is no store in nowhere"), "{}", none.stderr);
    assert!(!env.dir().join("nowhere").exists(), "a look makes nothing");
}

#[test]
fn what_is_wrong_is_named() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    let without = value(&env, "core/mounts");
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": document }));
    let lease = http.get("aws/creds/r")["lease_id"].as_str().unwrap().to_owned();
    http.post("auth/token/create", &json!({ "policies": ["default"] }));
    http.post("sys/policy/p", &json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" }));
    assert_eq!(server.stop(), Some(0));
    assert_eq!(check(&env).code, 0);

    // Of a moment ago, and so it opens: the mount is not in it.
    let now = value(&env, "core/mounts");
    set(&env, "core/mounts", &without);
    wrong(&env, &format!("1 leases are of mounts that are not there, and can't be revoked ({lease})"));
    set(&env, "core/mounts", &now);
    delete(&env, "due/%/lease/aws/%");
    wrong(&env, &format!("1 leases would not end by themselves, for nothing says when they are due ({lease})"));
    let mut policy = value(&env, "policy/p");
    *policy.last_mut().unwrap() ^= 1;
    set(&env, "policy/p", &policy);
    wrong(&env, "1 values are damaged and can't be read (policy/p)");
    wrong(&env, "1 leases would not end");
    delete(&env, "token/%");
    wrong(&env, "1 leases are of tokens that are not there (auth/token/create/h");
    std::fs::remove_file(env.dir().join("data/trail.log")).unwrap();
    wrong(&env, "trail.log is not what this engine wrote: the file is not there");
    // A file that is none any more.
    std::fs::write(
        env.dir().join("data/engine.db"),
        "no database, and longer than the head of one would be".repeat(99),
    )
    .unwrap();
    wrong(&env, "engine.db is damaged");
}

#[test]
fn of_a_store_with_shares_the_file_is_looked_at_and_its_server_looks_at_all() {
    let mut env = TestEnv::new();
    let (server, http) = seal::start(&env);
    let begun = seal::init(&http, 1, 1);
    seal::bring(&http, &begun.keys[0]);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", begun.root.token.clone());
    assert!(env.ok(&["operator", "check"]).contains("is sound"));
    assert_eq!(server.stop(), Some(0));
    let found = check(&env);
    assert!(found.code == 0 && found.stderr.contains("only its file was looked at"), "{}", found.normal());
}
