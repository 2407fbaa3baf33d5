//! A store whose key is in shares that people bring (source: Vault API documentation, `/sys/init`, `/sys/unseal`,
//! `/sys/seal`; cases: `tests/data/wire.md`, S): how it begins, opens, closes, and what a kill leaves of it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Storage};
use leasehold::sandbox;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::{InTestEngine, Server, TestEnv};
use crate::http::{Answer, Http, said};

/// A server whose store is opened by shares.
pub(crate) fn start(env: &TestEnv) -> (Server, Http) {
    env.write(
        "server.hcl",
        "data = \"data\"\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\nseal \"shamir\" {}\n",
    );
    let server = env.server(&["--config", "server.hcl", "--aws", "sandbox"]);
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token: String::new() };
    (server, http)
}

pub(crate) fn kill(server: Server) {
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    drop(server);
}

#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let errors = answer.body["errors"].to_string();
    assert!(errors.contains(text), "{errors} does not contain {text:?}");
}

/// What `sys/init` answers.
pub(crate) struct Begun {
    pub(crate) keys: Vec<String>,
    pub(crate) root: Http,
}

#[track_caller]
pub(crate) fn init(http: &Http, shares: usize, threshold: usize) -> Begun {
    let asked = json!({ "secret_shares": shares, "secret_threshold": threshold });
    let answer = http.send("PUT", "sys/init", Some(&asked));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let texts = |name: &str| answer.body[name].as_array().unwrap().iter().map(said).collect::<Vec<_>>();
    let (keys, base64) = (texts("keys"), texts("keys_base64"));
    let bytes: Vec<Vec<u8>> = keys.iter().map(|key| hex::decode(key).unwrap()).collect();
    assert_eq!(bytes, base64.iter().map(|key| BASE64.decode(key).unwrap()).collect::<Vec<_>>());
    assert!(bytes.iter().all(|key| key.len() == if shares == 1 { 32 } else { 33 }));
    assert_eq!(keys.len(), shares);
    Begun { keys, root: http.with_token(&said(&answer.body["root_token"])) }
}

#[track_caller]
pub(crate) fn bring(http: &Http, key: &str) -> Value {
    let answer = http.send("PUT", "sys/unseal", Some(&json!({ "key": key })));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

pub(crate) fn mount_kv(http: &Http) {
    http.post("sys/mounts/secret", &json!({ "type": "kv", "options": { "version": "2" } }));
}

pub(crate) fn put(http: &Http, text: &str) {
    http.post("secret/data/a", &json!({ "data": { "k": text } }));
}

pub(crate) fn got(http: &Http) -> Value {
    http.get("secret/data/a")["data"]["data"]["k"].clone()
}

#[test]
fn a_store_begins_sealed_and_opens_with_enough_shares() {
    // S1, S2, S3, S4, S5, S6
    let env = TestEnv::new();
    let (_server, http) = start(&env);
    assert_eq!(http.send("GET", "sys/health", None).status, 501);
    assert_eq!(http.send("GET", "sys/health?uninitcode=299", None).status, 299);
    assert_eq!(http.get("sys/init"), json!({ "initialized": false }));
    let status = http.get("sys/seal-status");
    assert_eq!(
        (&status["type"], &status["sealed"], &status["initialized"], &status["t"], &status["n"]),
        (&json!("shamir"), &json!(true), &json!(false), &json!(0), &json!(0))
    );
    assert!(status.get("cluster_id").is_none());
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "00" }))), 400, "not yet initialized");
    for (asked, why) in [
        (json!({}), "shares must be at least one"),
        (json!({ "secret_shares": 5 }), "threshold must be at least one"),
        (json!({ "secret_shares": 5, "secret_threshold": 6 }), "threshold cannot be larger than shares"),
        (
            json!({ "secret_shares": 5, "secret_threshold": 1 }),
            "threshold must be greater than one for multiple shares",
        ),
        (json!({ "secret_shares": 256, "secret_threshold": 2 }), "shares must be less than 256"),
        (json!({ "secret_shares": 1, "secret_threshold": 1, "pgp_keys": ["x"] }), "pgp_keys"),
        (json!({ "secret_shares": 1, "secret_threshold": 1, "root_token_pgp_key": "x" }), "root_token_pgp_key"),
        (
            json!({ "secret_shares": 1, "secret_threshold": 1, "recovery_shares": 1 }),
            "parameters recovery_shares not applicable to seal type shamir",
        ),
    ] {
        refused(&http.send("PUT", "sys/init", Some(&asked)), 400, why);
    }

    let Begun { keys, root } = init(&http, 5, 3);
    assert_eq!(http.send("GET", "sys/health", None).status, 503);
    refused(&http.send("PUT", "sys/init", Some(&json!({ "secret_shares": 1, "secret_threshold": 1 }))), 400, "already");
    refused(&root.send("GET", "sys/mounts", None), 503, "Vault is sealed");
    refused(&root.send("GET", "sys/metrics", None), 503, "Vault is sealed");

    let first = bring(&http, &keys[4]);
    assert_eq!((&first["progress"], &first["t"], &first["n"]), (&json!(1), &json!(3), &json!(5)));
    let nonce = said(&first["nonce"]);
    assert_eq!(nonce.len(), 36);
    // The same again is one share.
    assert_eq!(bring(&http, &keys[4])["progress"], 1);
    let second = bring(&http, &BASE64.encode(hex::decode(&keys[1]).unwrap()));
    assert_eq!((&second["progress"], &second["nonce"]), (&json!(2), &json!(nonce)));
    assert_eq!(http.get("sys/seal-status")["progress"], 2);
    refused(&root.send("GET", "sys/mounts", None), 503, "Vault is sealed");
    let open = bring(&http, &keys[2]);
    assert_eq!((&open["sealed"], &open["progress"], &open["nonce"]), (&json!(false), &json!(0), &json!("")));
    assert!(open["cluster_id"].is_string());
    mount_kv(&root);
    put(&root, "v");
    assert_eq!(http.send("GET", "sys/health", None).status, 200);
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "reset": true }))), 400, "vault is unsealed");
    // What can be no share is none, also where none is needed; of another, it is told that it is open.
    refused(&http.send("PUT", "sys/unseal", Some(&json!({}))), 400, "'key' must be specified");
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "nonsense!" }))), 400, "valid hex or base64");
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "00", "migrate": true }))), 400, "migrate");
    assert_eq!(bring(&http, &keys[0])["sealed"], false);
}

#[test]
fn shares_that_are_wrong_are_told_and_begin_anew() {
    let env = TestEnv::new();
    let (_server, http) = start(&env);
    let Begun { keys, root } = init(&http, 3, 2);
    for (asked, why) in [
        (json!({}), "'key' must be specified in request body as JSON, or 'reset' set to true"),
        (json!({ "key": "no share!" }), "'key' must be a valid hex or base64 string"),
        (json!({ "key": &keys[0][2..] }), "invalid key: it has 32 bytes, and each share 33"),
        (json!({ "key": "ab".repeat(600) }), "invalid key"),
        (json!({ "key": keys[0], "migrate": true }), "migrate"),
    ] {
        let answer = http.send("PUT", "sys/unseal", Some(&asked));
        refused(&answer, 400, why);
        assert!(!answer.body.to_string().contains(&keys[0][2..]));
    }
    assert_eq!(bring(&http, &keys[0])["progress"], 1);
    let reset = http.send("PUT", "sys/unseal", Some(&json!({ "reset": true })));
    assert_eq!((&reset.body["progress"], &reset.body["nonce"]), (&json!(0), &json!("")));
    for wrong in [
        // One of another key; at the place of the first one; at no place.
        format!("{}03", "11".repeat(32)),
        format!("{}{}", "11".repeat(32), &keys[0][64..]),
        format!("{}00", "11".repeat(32)),
    ] {
        bring(&http, &keys[0]);
        let answer = http.send("PUT", "sys/unseal", Some(&json!({ "key": wrong })));
        refused(&answer, 400, "unseal failed, invalid key");
        assert_eq!(http.get("sys/seal-status")["progress"], 0);
    }
    bring(&http, &keys[2]);
    assert_eq!(bring(&http, &keys[0])["sealed"], false);
    root.get("sys/mounts");
}

#[test]
fn what_is_sealed_serves_nothing_until_it_is_unsealed_and_is_whole_then() {
    let env = TestEnv::new();
    let (_server, http) = start(&env);
    let Begun { keys, root } = init(&http, 2, 2);
    keys.iter().for_each(|key| drop(bring(&http, key)));
    mount_kv(&root);
    put(&root, "v");
    // Whatever is held in memory by now: the token, its policies, the secret.
    assert_eq!(got(&root), "v");
    root.get("auth/token/lookup-self");
    let id = http.get("sys/seal-status")["cluster_id"].clone();

    for _ in 0..3 {
        assert_eq!(root.send("PUT", "sys/seal", None).status, 204);
        for (method, path) in [
            ("GET", "secret/data/a"),
            ("GET", "auth/token/lookup-self"),
            ("GET", "sys/mounts"),
            ("GET", "sys/internal/ui/mounts"),
            ("GET", "sys/metrics"),
            ("PUT", "sys/rotate"),
            ("PUT", "auth/approle/login"),
            ("GET", "sys/health/x"),
            ("LIST", "auth/token/accessors"),
        ] {
            refused(&root.send(method, path, None), 503, "Vault is sealed");
        }
        refused(&http.send("POST", "sys/seal-status", None), 405, "unsupported operation");
        assert_eq!(http.send("PUT", "sys/seal", None).status, 204, "it is");
        assert_eq!(http.get("sys/seal-status")["sealed"], true);
        keys.iter().for_each(|key| drop(bring(&http, key)));
        assert_eq!(got(&root), "v");
    }
    assert_eq!(http.get("sys/seal-status")["cluster_id"], id);
    // The trail was closed and opened with it, and is in one piece.
    let verified = env.ok(&["trail", "verify", "--file", "data/trail.log"]);
    assert!(verified.contains("trail.log"), "{verified}");
}

/// What falls due while an engine is sealed is the first that it does when it is unsealed.
#[test]
fn leases_that_end_while_it_is_sealed_are_revoked_after_the_unseal() {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let account = sandbox::Account::open(None, clock.clone()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let trail = directory.path().join("trail.log");
    let engine = InTestEngine::start_with(Config {
        trail: Some(trail.clone()),
        aws: AwsTransport::InProcess(sandbox::connector(account.clone())),
        aws_key: Some(sandbox::root_key()),
        ..Config::new(Storage::Memory, clock.clone())
    });
    let address = engine.address.trim_start_matches("http://").to_owned();
    let http = Http { address, token: engine.root_token.clone() };
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": policy }));
    http.post("aws/config/lease", &json!({ "lease": "10m", "lease_max": "10m" }));
    http.get("aws/creds/r");
    let users = || account.user_names("/").len();
    let before = users();
    assert_eq!(http.send("PUT", "sys/seal", None).status, 204);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(engine.settle(Duration::from_secs(5)), 0);
    assert_eq!(users(), before, "a sealed engine has no key to revoke with");
    bring(&http, &engine.unseal_key);
    assert_eq!(engine.settle(Duration::from_secs(30)), 0);
    assert_eq!(users(), before - 1);
    let lines = std::fs::read_to_string(trail).unwrap();
    assert!(!lines.contains(&engine.unseal_key));
}

#[test]
fn no_share_is_in_a_log_the_trail_or_the_store() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    let Begun { keys, root } = init(&http, 3, 2);
    let wrong = format!("{}03", "5a".repeat(32));
    bring(&http, &keys[0]);
    drop(http.send("PUT", "sys/unseal", Some(&json!({ "key": wrong }))));
    keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    root.get("sys/mounts");
    server.stop();
    let secret: Vec<Vec<u8>> = keys.iter().chain([&wrong]).map(|key| hex::decode(key).unwrap()).collect();
    for entry in std::fs::read_dir(env.dir().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for share in &secret {
            let forms = [share[..32].to_vec(), hex::encode(&share[..32]).into(), BASE64.encode(share)[..40].into()];
            for form in forms {
                let is_there = bytes.windows(form.len()).any(|part| part == form);
                assert!(!is_there, "a share is in {}", path.display());
            }
        }
    }
}

#[test]
fn a_kill_leaves_a_store_that_opens_with_its_shares_or_no_store() {
    let env = TestEnv::new();
    let (server, _http) = start(&env);
    kill(server);
    let (server, http) = start(&env);
    assert_eq!(http.get("sys/init")["initialized"], false);
    let Begun { keys, root } = init(&http, 3, 2);
    kill(server);
    // What was brought is lost, and nothing else.
    let (server, http) = start(&env);
    assert_eq!(http.get("sys/init")["initialized"], true);
    assert_eq!(bring(&http, &keys[0])["progress"], 1);
    kill(server);
    let (server, http) = start(&env);
    assert_eq!(http.get("sys/seal-status")["progress"], 0);
    let root = http.with_token(&root.token);
    keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    mount_kv(&root);
    put(&root, "v");
    kill(server);
    let (_server, http) = start(&env);
    let root = http.with_token(&root.token);
    keys.iter().skip(1).for_each(|key| drop(bring(&http, key)));
    assert_eq!(got(&root), "v");
}

#[test]
fn a_store_is_opened_as_it_was_sealed_and_in_no_other_way() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    init(&http, 1, 1);
    server.stop();
    let other = env.run(&["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert_eq!(other.code, 1);
    assert!(
        other.stderr.contains("sealed by key shares") && other.stderr.contains("operator unseal"),
        "{}",
        other.stderr
    );
    std::fs::rename(env.dir().join("data"), env.dir().join("shared")).unwrap();
    env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0"]).stop();
    let other = env.run(&["server", "--config", "server.hcl"]);
    assert!(other.code == 1 && other.stderr.contains("sealed by its key file"), "{}", other.stderr);
    assert!(!Path::new(&env.dir().join("shared/unseal.key")).exists());
}

#[test]
fn operators_begin_unseal_and_seal_from_the_command_line() {
    let mut env = TestEnv::new();
    let (server, _) = start(&env);
    env.set("LEASEHOLD_ADDR", &server.address);
    let none = env.run(&["operator", "init", "-status"]);
    assert_eq!((none.code, none.stdout.as_str()), (2, "Vault is not initialized\n"));
    assert_eq!(env.run(&["status"]).code, 2);
    let refused = env.run(&["operator", "init", "-key-shares=2", "-key-threshold=3"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("threshold cannot be larger than shares"), "{}", refused.stderr);
    let begun: Value =
        serde_json::from_str(&env.ok(&["operator", "init", "-format=json", "-key-shares=3", "-key-threshold=2"]))
            .unwrap();
    let keys: Vec<String> = begun["unseal_keys_b64"].as_array().unwrap().iter().map(said).collect();
    assert_eq!((keys.len(), &begun["unseal_threshold"]), (3, &json!(2)));
    assert_eq!(env.run(&["operator", "init"]).code, 2);
    assert_eq!(env.ok(&["operator", "init", "-status"]), "Vault is initialized\n");

    let first = env.ok(&["operator", "unseal", &keys[0]]);
    assert!(first.contains("Unseal Progress      1/2"), "{first}");
    assert!(env.ok(&["operator", "unseal", "-reset"]).contains("0/2"));
    env.ok(&["operator", "unseal", &keys[2]]);
    let open = env.run_with_input(&["operator", "unseal", "-"], &format!("{}\n", keys[1]));
    assert_eq!(open.code, 0, "{}", open.normal());
    assert!(open.stdout.contains("Sealed               false"), "{}", open.stdout);
    env.set("LEASEHOLD_TOKEN", said(&begun["root_token"]));
    env.ok(&["secrets", "list"]);
    assert_eq!(env.ok(&["operator", "seal"]), "Success! Vault is sealed.\n");
    assert_eq!(env.run(&["status"]).code, 2);
    let wrong = env.run(&["operator", "unseal", "00"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("invalid key"), "{}", wrong.normal());
    let nobody = env.run(&["operator", "unseal"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("no terminal"), "{}", nobody.normal());
    let curl = env.ok(&["operator", "unseal", "-output-curl-string", "00"]);
    assert!(curl.contains("-X PUT") && curl.contains("/v1/sys/unseal"), "{curl}");
}

#[test]
fn what_is_printed_for_people_names_each_share() {
    let mut env = TestEnv::new();
    let (server, _) = start(&env);
    env.set("LEASEHOLD_ADDR", &server.address);
    let told = env.ok(&["operator", "init"]);
    let keys: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("Unseal Key ")).collect();
    assert!(keys.len() == 5 && keys[4].starts_with("5: "), "{told}");
    assert!(told.contains("\nInitial Root Token: s."), "{told}");
}

#[test]
fn a_development_server_prints_the_key_that_unseals_it() {
    let mut env = TestEnv::new();
    let server = env.server(&["-dev", "-dev-listen-address=127.0.0.1:0"]);
    let key = server.unseal_key.clone().unwrap();
    assert_eq!(BASE64.decode(&key).unwrap().len(), 32);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap());
    env.ok(&["kv", "put", "secret/a", "k=v"]);
    env.ok(&["operator", "seal"]);
    let sealed = env.run(&["kv", "get", "-field=k", "secret/a"]);
    assert!(sealed.code == 2 && sealed.stderr.contains("Vault is sealed"), "{}", sealed.normal());
    env.ok(&["operator", "unseal", &key]);
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]), "v");
}

#[test]
fn a_key_file_lies_apart_from_the_data() {
    let env = TestEnv::new();
    std::fs::create_dir(env.dir().join("keys")).unwrap();
    let seal = "seal \"file\" {\n  path = \"keys/unseal.key\"\n}\n";
    let configured = |seal: &str| {
        let listener = "data = \"data\"\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\n";
        env.write("server.hcl", &format!("{listener}{seal}"));
    };
    configured(seal);
    let start = || {
        let server = env.server(&["--config", "server.hcl"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        (server, http)
    };
    let (server, http) = start();
    mount_kv(&http);
    put(&http, "v");
    assert_eq!(http.get("sys/seal-status")["type"], "file");
    server.stop();
    let (key, beside) = (env.dir().join("keys/unseal.key"), env.dir().join("data/unseal.key"));
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!beside.exists());
    let failed = |what: &str| {
        let output = env.run(&["server", "--config", "server.hcl"]);
        assert!(output.code == 1 && output.stderr.contains(what), "{what}: {}", output.normal());
    };
    // As a store that was opened by a key beside it is told to move.
    std::fs::rename(&key, &beside).unwrap();
    failed("data/unseal.key back there");
    configured("");
    start().0.stop();
    std::fs::rename(&beside, &key).unwrap();
    failed("put the key file back");
    // The same as a credential of the service manager's.
    configured("seal \"credential\" {\n  name = \"unseal.key\"\n}\n");
    failed("CREDENTIALS_DIRECTORY, which is not set");
    let mut env = env;
    env.set("CREDENTIALS_DIRECTORY", env.dir().join("keys").display().to_string());
    let server = env.server(&["--config", "server.hcl"]);
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
    assert_eq!(got(&http), "v");
    server.stop();
    let failed = |what: &str| {
        let output = env.run(&["server", "--config", "server.hcl"]);
        assert!(output.code == 1 && output.stderr.contains(what), "{what}: {}", output.normal());
    };
    for file in ["engine.db", "engine.db-wal", "engine.db-shm"] {
        let _ = std::fs::remove_file(env.dir().join("data").join(file));
    }
    failed("put the store back from a backup");
    std::fs::remove_file(&key).unwrap();
    failed("holds no unseal key");
}

/// Whoever comes first would begin anew over what a lost volume left, and nobody would know of the users in AWS.
#[test]
fn a_store_that_is_gone_stops_the_start() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    let begun = init(&http, 1, 1);
    bring(&http, &begun.keys[0]);
    assert_eq!(server.stop(), Some(0));
    for name in ["engine.db", "engine.db-wal", "engine.db-shm"] {
        let _ = std::fs::remove_file(env.dir().join("data").join(name));
    }
    let output = env.run(&["server", "--config", "server.hcl", "--aws", "sandbox"]);
    assert!(output.code == 1 && output.stderr.contains("says that there was one"), "{}", output.normal());
    assert!(output.stderr.contains("put the store back from a backup"), "{}", output.normal());
}

/// The seal's answer leaves before what was open has closed.
#[test]
fn an_unseal_right_after_a_seal_opens_one_engine() {
    let env = TestEnv::new();
    let (_server, http) = start(&env);
    let begun = init(&http, 1, 1);
    bring(&http, &begun.keys[0]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let answer = http.send("PUT", "sys/unseal", Some(&json!({ "key": begun.keys[0] })));
                    assert_eq!(answer.status, 200, "{}", answer.body);
                }
            });
        }
        for _ in 0..40 {
            let answer = begun.root.send("PUT", "sys/seal", None);
            assert!([204, 503].contains(&answer.status), "{}", answer.body);
        }
    });
    bring(&http, &begun.keys[0]);
    assert_eq!(begun.root.send("GET", "sys/mounts", None).status, 200);
    let verified = env.ok(&["trail", "verify", "--file", "data/trail.log"]);
    assert!(verified.contains("trail.log"), "{verified}");
}
