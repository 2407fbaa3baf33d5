//! The recovery key of a store that opens by itself (source: Vault documentation, "Seal/Unseal", recovery key; Vault API,
//! `/sys/rekey-recovery-key`; OpenBao API, `/sys/rotate/recovery`).

use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::{Http, said};
use crate::seal::{bring, got, init, kill, mount_kv, put, refused, start as start_in_shares};

/// A server whose store is opened by its key file.
fn start(env: &TestEnv) -> (Server, Http) {
    let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws", "sandbox"]);
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
    (server, http)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(said).collect()
}

/// Makes the first one, or another for old shares.
fn made(http: &Http, path: &str, asked: &Value, old: &[&String]) -> Value {
    let mut answer = http.send("PUT", &format!("{path}/init"), Some(asked));
    let nonce = said(&answer.body["nonce"]);
    for key in old {
        answer = http.send("PUT", &format!("{path}/update"), Some(&json!({ "key": key, "nonce": nonce })));
    }
    assert_eq!((answer.status, &answer.body["complete"]), (200, &json!(true)), "{}", answer.body);
    answer.body
}

/// The root token that these shares make, if they do.
fn root_token(env: &TestEnv, shares: &[&String]) -> Result<String, String> {
    let otp = env.ok(&["operator", "generate-root", "-generate-otp"]).trim().to_owned();
    env.ok(&["operator", "generate-root", "-init", "-otp", &otp]);
    let mut last = String::new();
    for share in shares {
        let run = env.run_with_input(&["operator", "generate-root", "-format=json", "-"], share);
        if run.code != 0 {
            env.ok(&["operator", "generate-root", "-cancel"]);
            return Err(run.stderr);
        }
        last = run.stdout;
    }
    let made: Value = serde_json::from_str(&last).unwrap();
    let encoded = said(&made["encoded_token"]);
    Ok(env.ok(&["operator", "generate-root", "-decode", &encoded, "-otp", &otp]).trim().to_owned())
}

#[test]
fn who_has_no_root_token_any_more_gets_one_for_shares_of_the_recovery_key() {
    let mut env = TestEnv::new();
    let (server, http) = start(&env);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", &*http.token);
    mount_kv(&http);
    put(&http, "v");
    let none = env.run(&["operator", "generate-root", "-init"]);
    assert!(none.code == 2 && none.stderr.contains("-target=recovery"), "{}", none.normal());
    let status = env.ok(&["status"]);
    assert!(!status.contains("Recovery"), "{status}");
    // Only who may have a root token anyway makes it.
    http.post(
        "sys/policies/acl/most",
        &json!({ "policy": "path \"sys/*\" {\n  capabilities = [\"read\", \"update\"]\n}\n" }),
    );
    let most = http.post("auth/token/create", &json!({ "policies": ["most"] }));
    let asked = json!({ "secret_shares": 3, "secret_threshold": 2 });
    let other = http.with_token(&said(&most["auth"]["client_token"]));
    refused(&other.send("PUT", "sys/rekey-recovery-key/init", Some(&asked)), 403, "permission denied");
    refused(&other.send("PUT", "sys/rotate/recovery/init", Some(&asked)), 403, "permission denied");

    let told = env.ok(&["operator", "rekey", "-init", "-target=recovery", "-key-shares=3", "-key-threshold=2"]);
    let keys: Vec<String> = told.lines().filter_map(|line| Some(line.strip_prefix("Key ")?[3..].to_owned())).collect();
    assert!(keys.len() == 3 && told.contains("They open no store"), "{told}");
    let status = env.ok(&["status"]);
    for row in ["Recovery Seal Type       shamir", "Total Recovery Shares    3", "Threshold                2"] {
        assert!(status.contains(row), "{status}");
    }
    assert_eq!(http.get("sys/seal-status")["recovery_seal"], true);
    refused(&http.send("PUT", "sys/rekey/init", Some(&asked)), 400, "-target=recovery");

    // It is there after a kill, and nothing that lies there tells a share.
    kill(server);
    let (server, http) = start(&env);
    env.set("LEASEHOLD_ADDR", &server.address);
    let token = root_token(&env, &[&keys[2], &keys[0]]).unwrap();
    let root = http.with_token(&token);
    assert_eq!(root.get("auth/token/lookup-self")["data"]["policies"], json!(["root"]));
    assert_eq!(got(&root), "v");
    let wrong = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 33]);
    assert!(root_token(&env, &[&keys[1], &wrong]).unwrap_err().contains("invalid key"));
    for file in std::fs::read_dir(env.dir().join("data")).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for key in &keys {
                assert!(!bytes.contains(key.as_str()), "{}", path.display());
            }
        }
    }
    env.ok(&["operator", "check"]);
}

#[test]
fn another_recovery_key_is_made_for_shares_of_the_old_one() {
    let mut env = TestEnv::new();
    let (server, http) = start(&env);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", &*http.token);
    // The first one to be verified: until it is there is none.
    let asked = json!({ "secret_shares": 2, "secret_threshold": 2, "require_verification": true });
    let begun = made(&http, "sys/rekey-recovery-key", &asked, &[]);
    let (first, nonce) = (texts(&begun["keys_base64"]), said(&begun["verification_nonce"]));
    assert_eq!(http.get("sys/seal-status")["recovery_seal"], false);
    refused(&http.send("PUT", "sys/rekey-recovery-key/init", Some(&asked)), 400, "already in progress");
    for key in &first {
        http.send("PUT", "sys/rekey-recovery-key/verify", Some(&json!({ "key": key, "nonce": nonce })));
    }
    assert_eq!(http.get("sys/seal-status")["recovery_seal"], true);
    // By OpenBao's path, whose answers have it below `data` as well. A share that is wrong changes nothing.
    let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let begun = http.send("POST", "sys/rotate/recovery/init", Some(&asked));
    assert_eq!((&begun.body["data"]["started"], &begun.body["data"]["required"]), (&json!(true), &json!(2)));
    let nonce = said(&begun.body["data"]["nonce"]);
    let bring =
        |key: &str| http.send("POST", "sys/rotate/recovery/update", Some(&json!({ "key": key, "nonce": nonce })));
    assert_eq!(bring(&first[0]).body["data"]["progress"], 1);
    refused(&bring(&format!("{}09", "11".repeat(32))), 400, "invalid key");
    bring(&first[0]);
    let made = bring(&first[1]);
    let second = texts(&made.body["data"]["keys_base64"]);
    assert_eq!((second.len(), &made.body["data"]["complete"]), (1, &json!(true)));
    assert!(root_token(&env, &[&first[0]]).unwrap_err().contains("33"), "two shares were one too many");
    root_token(&env, &[&second[0]]).unwrap();
    // A snapshot has it too: what is restored knows the key of then.
    env.ok(&["operator", "raft", "snapshot", "save", "then.snap"]);
    let nonce = said(&http.send("PUT", "sys/rekey-recovery-key/init", Some(&asked)).body["nonce"]);
    let made = http.send("PUT", "sys/rekey-recovery-key/update", Some(&json!({ "key": second[0], "nonce": nonce })));
    let third = texts(&made.body["keys_base64"]);
    root_token(&env, &[&third[0]]).unwrap();
    env.ok(&["operator", "raft", "snapshot", "restore", "then.snap"]);
    assert!(root_token(&env, &[&third[0]]).unwrap_err().contains("invalid key"));
    root_token(&env, &[&second[0]]).unwrap();
}

#[test]
fn a_store_that_people_open_with_shares_needs_none() {
    let env = TestEnv::new();
    let (_server, http) = start_in_shares(&env);
    let begun = init(&http, 1, 1);
    bring(&http, &begun.keys[0]);
    let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
    for path in ["sys/rekey-recovery-key/init", "sys/rotate/recovery/init"] {
        refused(&begun.root.send("PUT", path, Some(&asked)), 400, "recovery rekeying not supported");
        assert_eq!(begun.root.get(path)["started"], false);
    }
    // Its own rekey has OpenBao's path as well.
    let nonce = said(&begun.root.send("PUT", "sys/rotate/root/init", Some(&asked)).body["data"]["nonce"]);
    let made = begun.root.send("PUT", "sys/rotate/root/update", Some(&json!({ "key": begun.keys[0], "nonce": nonce })));
    assert_eq!(made.body["data"]["complete"], true, "{}", made.body);
    assert_eq!(begun.root.send("PUT", "sys/rotate/keyring", None).status, 204);
    assert_eq!(begun.root.get("sys/key-status")["data"]["term"], 2);
}
