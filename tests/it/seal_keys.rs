//! The keys of a store that is open: a new barrier key, other shares, a root token for shares (source: Vault API
//! documentation, `/sys/rotate`, `/sys/rekey`, `/sys/generate-root`).

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Http, said};
use crate::seal::{Begun, bring, got, init, kill, mount_kv, put, refused, start};

/// A server with something in its store, opened by two of three shares.
fn opened(env: &TestEnv) -> (crate::env::Server, Http, Begun) {
    let (server, http) = start(env);
    let begun = init(&http, 3, 2);
    begun.keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    mount_kv(&begun.root);
    put(&begun.root, "v");
    (server, http, begun)
}

fn begin_rekey(root: &Http, verify: bool) -> String {
    let asked = json!({ "secret_shares": 4, "secret_threshold": 3, "require_verification": verify });
    let begun = root.send("PUT", "sys/rekey/init", Some(&asked));
    assert_eq!((begun.status, &begun.body["started"], &begun.body["required"]), (200, &json!(true), &json!(2)));
    said(&begun.body["nonce"])
}

fn update(root: &Http, path: &str, key: &str, nonce: &str) -> Value {
    let answer = root.send("PUT", path, Some(&json!({ "key": key, "nonce": nonce })));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(said).collect()
}

#[test]
fn a_rotated_key_reads_what_the_old_ones_sealed_also_after_a_kill() {
    let env = TestEnv::new();
    let (server, http, Begun { keys, root }) = opened(&env);
    assert_eq!(root.get("sys/key-status")["data"]["term"], 1);
    assert!(said(&root.get("sys/key-status")["install_time"]).ends_with('Z'));
    assert_eq!(root.send("PUT", "sys/rotate", None).status, 204);
    assert_eq!(root.get("sys/key-status")["data"]["term"], 2);
    assert_eq!(got(&root), "v");
    root.post("secret/data/b", &json!({ "data": { "k": "new" } }));
    refused(&http.send("PUT", "sys/rotate", None), 403, "permission denied");
    kill(server);
    let (_server, http) = start(&env);
    let root = http.with_token(&root.token);
    keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    assert_eq!(root.get("sys/key-status")["data"]["term"], 2);
    assert_eq!((got(&root), &root.get("secret/data/b")["data"]["data"]["k"]), (json!("v"), &json!("new")));
    assert_eq!(root.send("PUT", "sys/rotate", None).status, 204);
    assert_eq!(root.send("PUT", "sys/seal", None).status, 204);
    keys.iter().skip(1).for_each(|key| drop(bring(&http, key)));
    assert_eq!(got(&root), "v");
}

#[test]
fn the_key_file_of_a_store_opens_it_after_a_rotation() {
    let env = TestEnv::new();
    let start = || {
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        (server, http)
    };
    let (server, http) = start();
    mount_kv(&http);
    put(&http, "v");
    assert_eq!(http.send("PUT", "sys/rotate", None).status, 204);
    let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
    refused(&http.send("PUT", "sys/rekey/init", Some(&asked)), 400, "sealed by its key file");
    refused(&http.send("PUT", "sys/generate-root/attempt", None), 400, "sealed by its key file");
    server.stop();
    let (_server, http) = start();
    assert_eq!((got(&http), &http.get("sys/key-status")["data"]["term"]), (json!("v"), &json!(2)));
    assert_eq!(http.send("PUT", "sys/seal", None).status, 204);
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "00" }))), 400, "restart it to unseal it");
}

#[test]
fn new_shares_open_the_store_and_the_old_ones_no_more() {
    let env = TestEnv::new();
    let (server, http, Begun { keys, root }) = opened(&env);
    refused(&http.send("PUT", "sys/rekey/init", Some(&json!({}))), 403, "permission denied");
    refused(&root.send("PUT", "sys/rekey/init", Some(&json!({ "secret_shares": 2 }))), 400, "threshold");
    let nonce = begin_rekey(&root, false);
    let again = json!({ "secret_shares": 1, "secret_threshold": 1 });
    refused(&root.send("PUT", "sys/rekey/init", Some(&again)), 400, "rekey already in progress");
    let stale = root.send("PUT", "sys/rekey/update", Some(&json!({ "key": keys[0], "nonce": "x" })));
    refused(&stale, 400, "incorrect nonce supplied");
    assert_eq!(update(&root, "sys/rekey/update", &keys[0], &nonce)["progress"], 1);
    // A wrong one makes all of them be brought again.
    let wrong =
        root.send("PUT", "sys/rekey/update", Some(&json!({ "key": format!("{}09", "11".repeat(32)), "nonce": nonce })));
    refused(&wrong, 400, "rekey failed, invalid key");
    assert_eq!(root.get("sys/rekey/init")["progress"], 0);
    update(&root, "sys/rekey/update", &keys[2], &nonce);
    let made = update(&root, "sys/rekey/update", &keys[0], &nonce);
    assert_eq!((&made["complete"], &made["nonce"]), (&json!(true), &json!(nonce)));
    let new = texts(&made["keys"]);
    assert_eq!(new.len(), 4);
    assert_eq!(root.get("sys/rekey/init")["started"], false);
    root.send("PUT", "sys/rotate", None);
    kill(server);

    let (_server, http) = start(&env);
    assert_eq!((&http.get("sys/seal-status")["t"], &http.get("sys/seal-status")["n"]), (&json!(3), &json!(4)));
    keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": keys[2] }))), 400, "unseal failed, invalid key");
    new.iter().skip(1).for_each(|key| drop(bring(&http, key)));
    assert_eq!(got(&http.with_token(&root.token)), "v");
}

#[test]
fn new_shares_that_are_to_be_verified_wait_for_that() {
    let env = TestEnv::new();
    let (server, _http, Begun { keys, root }) = opened(&env);
    let nonce = begin_rekey(&root, true);
    update(&root, "sys/rekey/update", &keys[0], &nonce);
    let made = update(&root, "sys/rekey/update", &keys[1], &nonce);
    assert_eq!(made["verification_required"], true);
    let lost = texts(&made["keys"]);
    // Killed before anybody brought them back: the old ones are in force.
    kill(server);
    let (_server, http) = start(&env);
    let root = http.with_token(&root.token);
    keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    let nonce = begin_rekey(&root, true);
    update(&root, "sys/rekey/update", &keys[0], &nonce);
    let made = update(&root, "sys/rekey/update", &keys[2], &nonce);
    let (new, nonce) = (texts(&made["keys"]), said(&made["verification_nonce"]));
    assert_eq!(root.get("sys/rekey/verify")["progress"], 0);
    assert_eq!(update(&root, "sys/rekey/verify", &new[0], &nonce)["progress"], 1);
    update(&root, "sys/rekey/verify", &lost[1], &nonce);
    let other = root.send("PUT", "sys/rekey/verify", Some(&json!({ "key": lost[2], "nonce": nonce })));
    refused(&other, 400, "rekey verification failed, invalid key");
    // A new barrier key meanwhile is no loss.
    assert_eq!(root.send("PUT", "sys/rotate", None).status, 204);
    put(&root, "later");
    new.iter().take(2).for_each(|key| drop(update(&root, "sys/rekey/verify", key, &nonce)));
    assert_eq!(update(&root, "sys/rekey/verify", &new[3], &nonce)["complete"], true);
    root.send("PUT", "sys/seal", None);
    new.iter().skip(1).for_each(|key| drop(bring(&http, key)));
    assert_eq!(got(&root), "later");
}

#[test]
fn a_root_token_is_made_for_who_brings_enough_shares() {
    let mut env = TestEnv::new();
    let (server, http, Begun { keys, root }) = opened(&env);
    env.set("LEASEHOLD_ADDR", &server.address);
    let short = http.send("PUT", "sys/generate-root/attempt", Some(&json!({ "otp": "short" })));
    refused(&short, 400, "28 are needed");
    let otp = env.ok(&["operator", "generate-root", "-generate-otp"]).trim().to_owned();
    assert_eq!(otp.len(), 28);
    let begun = env.ok(&["operator", "generate-root", "-init", "-otp", &otp]);
    assert!(begun.contains("Progress      0/2"), "{begun}");
    let twice = env.run(&["operator", "generate-root", "-init"]);
    assert!(twice.code == 2 && twice.stderr.contains("already in progress"), "{}", twice.normal());
    // A stranger can't end it.
    refused(&http.send("DELETE", "sys/generate-root/attempt", None), 403, "permission denied");
    env.ok(&["operator", "generate-root", &keys[0]]);
    let wrong = env.run(&["operator", "generate-root", &format!("{}09", "11".repeat(32))]);
    assert!(wrong.code == 2 && wrong.stderr.contains("invalid key"), "{}", wrong.normal());
    env.ok(&["operator", "generate-root", &keys[2]]);
    let made: Value = serde_json::from_str(&env.ok(&["operator", "generate-root", "-format=json", &keys[1]])).unwrap();
    assert_eq!(made["complete"], true);
    let encoded = said(&made["encoded_token"]);
    let token = env.ok(&["operator", "generate-root", "-decode", &encoded, "-otp", &otp]);
    let other = http.with_token(token.trim());
    assert_eq!(other.get("auth/token/lookup-self")["data"]["policies"], json!(["root"]));
    assert_eq!(got(&other), "v");
    assert_eq!(http.get("sys/generate-root/attempt")["started"], false);
    let nothing = env.run(&["operator", "generate-root", &keys[1]]);
    assert!(nothing.code == 1 && nothing.stderr.contains("--init"), "{}", nothing.normal());
    env.ok(&["operator", "generate-root", "-init"]);
    env.set("LEASEHOLD_TOKEN", &*root.token);
    env.ok(&["operator", "generate-root", "-cancel"]);
    assert_eq!(http.get("sys/generate-root/attempt")["started"], false);
    let trail = std::fs::read_to_string(env.dir().join("data/trail.log")).unwrap();
    assert!(trail.contains("sys/generate-root/update"));
    for secret in keys.iter().chain([&otp, &encoded]).map(String::as_str).chain([token.trim()]) {
        assert!(!trail.contains(secret));
    }
}

#[test]
fn operators_rotate_and_rekey_from_the_command_line() {
    let mut env = TestEnv::new();
    let (server, _http, Begun { keys, root }) = opened(&env);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", &*root.token);
    let rotated = env.ok(&["operator", "rotate"]);
    assert!(rotated.starts_with("Success! Rotated key\n\nKey Term        2\n"), "{rotated}");
    assert!(env.ok(&["operator", "key-status"]).starts_with("Key Term        2\nInstall Time    "));
    assert_eq!(env.ok(&["operator", "key-status", "-field=term"]), "2");
    let begun = env.ok(&["operator", "rekey", "-init", "-key-shares=2", "-key-threshold=2", "-verify"]);
    assert!(begun.contains("Rekey Progress           0/2") && begun.contains("New Shares               2"), "{begun}");
    env.ok(&["operator", "rekey", "-cancel"]);
    assert!(env.ok(&["operator", "rekey", "-status"]).contains("Started    false"));
    let nothing = env.run(&["operator", "rekey", &keys[0]]);
    assert!(nothing.code == 1 && nothing.stderr.contains("--init"), "{}", nothing.normal());
    env.ok(&["operator", "rekey", "-init", "-key-shares=2", "-key-threshold=2", "-verify"]);
    env.ok(&["operator", "rekey", &keys[0]]);
    let made = env.run_with_input(&["operator", "rekey", "-"], &keys[1]);
    let new: Vec<&str> = made.stdout.lines().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
    assert!(new.len() == 2 && made.stdout.contains("rekey --verify"), "{}", made.normal());
    env.ok(&["operator", "rekey", "-verify", new[0]]);
    assert!(env.ok(&["operator", "rekey", "-verify", new[1]]).contains("in force"));
    env.ok(&["operator", "seal"]);
    env.ok(&["operator", "unseal", new[1]]);
    assert!(env.ok(&["operator", "unseal", new[0]]).contains("Sealed               false"));
}
