//! Snapshots of the store (source: Vault API documentation, `/sys/storage/raft`): what they hold, what refuses them, and
//! what of the engine outlives one that takes the store's place.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::Http;
use crate::seal::{self, bring, got, init, kill, mount_kv, put, refused};

const SNAPSHOT: &str = "sys/storage/raft/snapshot";
const FORCED: &str = "sys/storage/raft/snapshot-force";

/// A server on a data directory, and a client that may do everything.
fn start(env: &TestEnv, data: &str) -> (Server, Http) {
    let directory = env.dir().join(data);
    let directory = directory.to_str().unwrap();
    let server = env.server(&["--data-dir", directory, "--listen", "127.0.0.1:0", "--aws", "sandbox"]);
    let token = std::fs::read_to_string(Path::new(directory).join("root-token")).unwrap().trim().to_owned();
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
    (server, http)
}

/// An environment whose commands speak to this server.
fn speak_to(env: &mut TestEnv, http: &Http) {
    env.set("LEASEHOLD_ADDR", format!("http://{}", http.address)).set("LEASEHOLD_TOKEN", http.token.clone());
}

/// One request with any body; the answer's status, head and body.
fn exchange(http: &Http, method: &str, path: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(&http.address).unwrap();
    let (address, token, length) = (&http.address, &http.token, body.len());
    let head = format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: {address}\r\nX-Vault-Token: {token}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, answer[split + 4..].to_vec())
}

/// A snapshot of now.
fn taken(http: &Http) -> Vec<u8> {
    let (status, head, body) = exchange(http, "GET", SNAPSHOT, b"");
    assert_eq!(status, 200, "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/gzip"), "{head}");
    body
}

/// What a restore is answered with.
fn answer(http: &Http, path: &str, snapshot: &[u8]) -> (u16, String) {
    let (status, _, body) = exchange(http, "POST", path, snapshot);
    (status, String::from_utf8(body).unwrap())
}

#[track_caller]
fn restored(http: &Http, path: &str, snapshot: &[u8]) {
    assert_eq!(answer(http, path, snapshot), (204, String::new()));
}

#[track_caller]
fn not_restored(http: &Http, path: &str, snapshot: &[u8], why: &str) {
    let (status, body) = answer(http, path, snapshot);
    assert!(status == 400 && body.contains(why), "{status} {body} does not contain {why:?}");
}

/// What is in a data directory.
fn files(env: &TestEnv, data: &str) -> Vec<String> {
    let entries = std::fs::read_dir(env.dir().join(data)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "sandbox")
        .collect();
    names.sort();
    names
}

/// The events of a server's trail that have this name.
fn events(env: &TestEnv, data: &str, name: &str) -> Vec<Value> {
    let lines = std::fs::read_to_string(env.dir().join(data).join("trail.log")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"]["name"] == name).collect()
}

#[test]
fn a_store_comes_back_as_it_was_when_it_was_saved() {
    let mut env = TestEnv::new();
    let (server, http) = start(&env, "data");
    speak_to(&mut env, &http);
    mount_kv(&http);
    put(&http, "then");
    let told = env.ok(&["operator", "raft", "snapshot", "save", "a.snap"]);
    assert!(told.contains("Saved a snapshot") && told.contains("a.snap"), "{told}");
    let file = env.dir().join("a.snap");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let there = files(&env, "data");

    put(&http, "now");
    http.post("sys/policy/later", &json!({ "policy": "path \"x\" { capabilities = [\"read\"] }" }));
    let told = env.ok(&["operator", "raft", "snapshot", "restore", "a.snap"]);
    assert!(told.contains("The store is as the snapshot has it"), "{told}");
    assert_eq!(got(&http), "then");
    assert_eq!(http.send("GET", "sys/policy/later", None).status, 404);
    assert_eq!(files(&env, "data"), there, "nothing else is left beside it");
    // It goes on: what is written now stays, and so does the trail.
    put(&http, "since");
    assert_eq!(server.stop(), Some(0));
    let (_server, http) = start(&env, "data");
    assert_eq!(got(&http), "since");
    let verified = env.run(&["trail", "verify", "--file", "data/trail.log"]);
    assert_eq!(verified.code, 0, "{}", verified.normal());
    let [event] = &*events(&env, "data", "store-restored") else { panic!("one line") };
    assert!(event["event"]["detail"].as_str().unwrap().starts_with("taken 20"), "{event}");
    assert!(events(&env, "data", "trail-lines-missing").is_empty());
}

#[test]
fn what_is_not_whole_or_was_changed_is_refused_and_nothing_is_touched() {
    let env = TestEnv::new();
    let (_server, http) = start(&env, "data");
    mount_kv(&http);
    put(&http, "then");
    let snapshot = taken(&http);
    put(&http, "now");
    let there = files(&env, "data");
    not_restored(&http, SNAPSHOT, b"", "cut off");
    not_restored(&http, SNAPSHOT, b"{}", "no snapshot");
    not_restored(&http, SNAPSHOT, &[&*snapshot, b"x"].concat(), "behind its end");
    for part in 1..8 {
        let cut = &snapshot[..snapshot.len() * part / 8];
        not_restored(&http, FORCED, cut, "snapshot");
    }
    for at in (10..snapshot.len()).step_by(snapshot.len() / 60) {
        let mut changed = snapshot.clone();
        changed[at] ^= 1 << (at % 8);
        // Somebody's 4 bytes of time in a header, say, mean nothing; what is stored is all or nothing.
        let (status, body) = answer(&http, SNAPSHOT, &changed);
        assert!(status == 400 && body.contains("snapshot"), "byte {at}: {status} {body}");
    }
    assert_eq!(got(&http), "now");
    assert_eq!(files(&env, "data"), there);
    assert!(events(&env, "data", "store-restored").is_empty());
    restored(&http, SNAPSHOT, &snapshot);
    assert_eq!(got(&http), "then");
}

/// Unpacks a snapshot into `dir`, or packs what is there, with the system's own programs.
fn tar(env: &TestEnv, arguments: &[&str]) {
    let done = std::process::Command::new("tar").args(arguments).current_dir(env.dir()).status().unwrap();
    assert!(done.success(), "{arguments:?}");
}

#[test]
fn other_programs_read_it_and_sums_that_were_made_anew_do_not_help() {
    let env = TestEnv::new();
    let (_server, http) = start(&env, "data");
    mount_kv(&http);
    put(&http, "then");
    std::fs::write(env.dir().join("a.snap"), taken(&http)).unwrap();
    let unpacked = env.dir().join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    tar(&env, &["-xzf", "a.snap", "-C", "unpacked"]);
    let sums =
        std::process::Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(&unpacked).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    let meta: Value = serde_json::from_slice(&std::fs::read(unpacked.join("meta.json")).unwrap()).unwrap();
    assert_eq!((&meta["leasehold_snapshot"], &meta["shares"]), (&json!(1), &json!(false)));
    let state = std::fs::read(unpacked.join("state.bin")).unwrap();
    assert!(!state.windows(4).any(|window| window == b"then"), "its values are encrypted");
    // Somebody takes the last entry out, and makes the sums right.
    let pack = |name: &str| {
        let sums =
            std::process::Command::new("sha256sum").args(["meta.json", "state.bin"]).current_dir(&unpacked).output();
        std::fs::write(unpacked.join("SHA256SUMS"), sums.unwrap().stdout).unwrap();
        let members = ["meta.json", "state.bin", "SHA256SUMS", "SHA256SUMS.sealed"];
        tar(&env, &[&["--format=ustar", "-czf", name, "-C", "unpacked"][..], &members].concat());
        std::fs::read(env.dir().join(name)).unwrap()
    };
    // As it is, packed anew by another program, it is as good.
    restored(&http, SNAPSHOT, &pack("same.snap"));
    let (mut at, mut last) = (0, 0);
    while at < state.len() {
        let number = |at: usize| u32::from_be_bytes(state[at..at + 4].try_into().unwrap()) as usize;
        (last, at) = (at, at + 8 + number(at) + number(at + 4));
    }
    std::fs::write(unpacked.join("state.bin"), &state[..last]).unwrap();
    let mut less = meta.clone();
    less["entries"] = json!(meta["entries"].as_u64().unwrap() - 1);
    std::fs::write(unpacked.join("meta.json"), less.to_string()).unwrap();
    not_restored(&http, SNAPSHOT, &pack("less.snap"), "not made under the unseal key that is in force");
    // Those of others are told apart.
    std::fs::write(unpacked.join("meta.json"), r#"{"Version":1,"ID":"bolt-snapshot","Index":7,"Term":3}"#).unwrap();
    not_restored(&http, FORCED, &pack("vault.snap"), "those of OpenBao and Vault");
    less["leasehold_snapshot"] = json!(2);
    std::fs::write(unpacked.join("meta.json"), less.to_string()).unwrap();
    not_restored(&http, FORCED, &pack("newer.snap"), "restore it with that version");
}

/// Mounts AWS with a role, and answers the lease of a credential of it.
fn mount_aws(http: &Http) {
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": document }));
}

/// A credential: its lease, and the user that it is of.
fn issued(http: &Http) -> String {
    http.get("aws/creds/r")["lease_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_credential_that_a_snapshot_does_not_know_is_revoked() {
    let env = TestEnv::new();
    let (server, http) = start(&env, "data");
    mount_aws(&http);
    let (before, ended) = (issued(&http), issued(&http));
    let snapshot = taken(&http);
    http.post("sys/leases/revoke", &json!({ "lease_id": ended, "sync": true }));
    let (since, again) = (issued(&http), issued(&http));
    let child = http.post("auth/token/create", &json!({ "policies": ["default"] }));
    restored(&http, SNAPSHOT, &snapshot);

    let token = http.with_token(child["auth"]["client_token"].as_str().unwrap());
    assert_eq!(token.send("GET", "auth/token/lookup-self", None).status, 403, "it does not know it");
    let lookup = |id: &str| http.send("POST", "sys/leases/lookup", Some(&json!({ "lease_id": id })));
    assert_eq!(lookup(&before).body["data"]["state"], "active");
    // The lease that ended is there again, and ends again once it is certain that there is nothing to end.
    let gone = http.send("POST", "sys/leases/revoke", Some(&json!({ "lease_id": ended, "sync": true })));
    refused(&gone, 400, "is not there");
    // The timer is at it since the engine opened; who asks as well waits for it.
    for id in [&since, &again] {
        drop(http.send("POST", "sys/leases/revoke", Some(&json!({ "lease_id": id, "sync": true }))));
        assert_eq!(lookup(id).status, 400, "{id}");
    }
    assert_eq!(server.stop(), Some(0));
    let users = env.run(&["sandbox", "call", "--data-dir", "data/sandbox", "ListUsers"]).stdout;
    let users: Vec<&str> =
        users.split("<UserName>").skip(1).filter(|user| !user.starts_with("leasehold-engine")).collect();
    assert_eq!(users.iter().filter(|user| user.starts_with("vault-")).count(), 1, "{users:?}");
    let revoked = events(&env, "data", "lease-revoked");
    let reasons: Vec<(&Value, &Value)> =
        revoked.iter().map(|line| (&line["credential"]["lease_id"], &line["event"]["reason"])).collect();
    for id in [since, again] {
        assert!(reasons.contains(&(&json!(id), &json!("store-restored"))), "{id}: {reasons:?}");
    }
    let [event] = &*events(&env, "data", "store-restored") else { panic!("one line") };
    assert!(event["event"]["detail"].as_str().unwrap().ends_with("are revoked: 2"), "{event}");
}

#[test]
fn one_of_another_key_takes_force_and_no_lease() {
    let env = TestEnv::new();
    let (server, http) = start(&env, "old");
    mount_kv(&http);
    put(&http, "then");
    let snapshot = taken(&http);
    let root = http.token;
    assert_eq!(server.stop(), Some(0));

    let (server, http) = start(&env, "new");
    not_restored(&http, SNAPSHOT, &snapshot, "not made under the unseal key that is in force");
    mount_aws(&http);
    let lease = issued(&http);
    not_restored(&http, FORCED, &snapshot, &lease);
    http.post("sys/leases/revoke", &json!({ "lease_id": lease, "sync": true }));
    restored(&http, FORCED, &snapshot);
    assert_eq!(http.send("GET", "sys/health", None).status, 503);
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "00" }))), 400, "restart it");
    assert_eq!(server.stop(), Some(0));

    // Its own key does not open it; that of the snapshot does.
    let run = env.run(&["server", "--data-dir", "new", "--listen", "127.0.0.1:0"]);
    assert!(run.code == 1 && run.stderr.contains("does not open this store"), "{}", run.stderr);
    std::fs::copy(env.dir().join("old/unseal.key"), env.dir().join("new/unseal.key")).unwrap();
    let (_server, http) = start(&env, "new");
    assert_eq!(got(&http.with_token(&root)), "then");
}

#[test]
fn shares_of_now_open_one_of_now_and_shares_of_then_one_of_then() {
    let env = TestEnv::new();
    let (_server, http) = seal::start(&env);
    let begun = init(&http, 3, 2);
    begun.keys.iter().take(2).for_each(|key| drop(bring(&http, key)));
    let root = begun.root;
    mount_kv(&root);
    put(&root, "then");
    let snapshot = taken(&root);
    put(&root, "now");
    restored(&root, SNAPSHOT, &snapshot);
    assert_eq!(got(&root), "then", "it is open all the time");

    let nonce = root.post("sys/rekey/init", &json!({ "secret_shares": 1, "secret_threshold": 1 }))["nonce"].clone();
    let brought = |key: &str| root.post("sys/rekey/update", &json!({ "key": key, "nonce": nonce }));
    brought(&begun.keys[0]);
    let made = brought(&begun.keys[1]);
    let new = made["keys"][0].as_str().unwrap();
    not_restored(&root, SNAPSHOT, &snapshot, "older than a rekey");
    restored(&root, FORCED, &snapshot);
    assert_eq!(http.send("GET", "sys/health", None).status, 503);
    assert_eq!(http.get("sys/seal-status")["t"], 2);
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": new }))), 400, "invalid key");
    begun.keys.iter().skip(1).for_each(|key| drop(bring(&http, key)));
    assert_eq!(got(&root), "then");
    // A store with a key file is another sort.
    let (_other, other) = start(&env, "other");
    not_restored(&other, FORCED, &snapshot, "sealed by key shares");
}

#[test]
fn only_who_may_gets_one_or_brings_one() {
    let mut env = TestEnv::new();
    let (_server, http) = start(&env, "data");
    let snapshot = taken(&http);
    let policy = |sudo: &str| json!({ "policy": format!("path \"{SNAPSHOT}\" {{ capabilities = [\"read\", \"update\"{sudo}] }}") });
    http.post("sys/policy/weak", &policy(""));
    http.post("sys/policy/strong", &policy(", \"sudo\""));
    let token = |policy: &str| {
        let made = http.post("auth/token/create", &json!({ "policies": [policy] }));
        http.with_token(made["auth"]["client_token"].as_str().unwrap())
    };
    for who in [http.with_token(""), http.with_token("s.nobody"), token("weak")] {
        assert_eq!(exchange(&who, "GET", SNAPSHOT, b"").0, 403);
        assert_eq!(answer(&who, SNAPSHOT, &snapshot).0, 403);
    }
    let strong = token("strong");
    taken(&strong);
    assert_eq!(answer(&strong, FORCED, &snapshot).0, 403);
    let once = http.post("auth/token/create", &json!({ "policies": ["strong"], "num_uses": 1 }));
    let once = http.with_token(once["auth"]["client_token"].as_str().unwrap());
    not_restored(&once, SNAPSHOT, b"x", "no snapshot");
    assert_eq!(answer(&once, SNAPSHOT, b"x").0, 403);
    restored(&strong, SNAPSHOT, &snapshot);

    speak_to(&mut env, &http);
    env.write("a.snap", "x");
    let line = env.ok(&["operator", "raft", "snapshot", "restore", "-output-curl-string", "a.snap"]);
    assert!(line.contains("-X PUT") && line.contains("--data-binary '@a.snap'"), "{line}");
    let rule = env.ok(&["operator", "raft", "snapshot", "save", "-output-policy", "b.snap"]);
    assert!(rule.contains("[\"read\", \"sudo\"]") && !env.dir().join("b.snap").exists(), "{rule}");
    let refused = env.run(&["operator", "raft", "snapshot", "restore", "a.snap"]);
    assert!(refused.code == 2 && refused.stderr.contains("no snapshot"), "{}", refused.stderr);
    for (arguments, why) in [(["restore", "nowhere"], "nowhere"), (["restore", "."], "is no file")] {
        let output = env.run(&[&["operator", "raft", "snapshot"][..], &arguments].concat());
        assert!(output.code == 1 && output.stderr.contains(why), "{}", output.stderr);
    }
}

#[test]
fn a_server_that_keeps_nothing_has_none() {
    let mut env = TestEnv::new();
    let server = env.server(&["-dev", "--listen", "127.0.0.1:0"]);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap());
    env.write("a.snap", "as it was");
    let saved = env.run(&["operator", "raft", "snapshot", "save", "a.snap"]);
    assert!(saved.code == 2 && saved.stderr.contains("keeps its store in memory"), "{}", saved.stderr);
    assert_eq!(std::fs::read_to_string(env.dir().join("a.snap")).unwrap(), "as it was");
    let put = env.run(&["operator", "raft", "snapshot", "restore", "a.snap"]);
    assert!(put.code == 2 && put.stderr.contains("keeps its store in memory"), "{}", put.stderr);
}

/// A batch is in a snapshot whole or not at all, while many write.
#[test]
fn one_that_is_taken_while_others_write_is_of_one_moment() {
    let env = TestEnv::new();
    let (_server, http) = start(&env, "data");
    mount_kv(&http);
    let done = std::sync::atomic::AtomicBool::new(false);
    let snapshots: Vec<Vec<u8>> = std::thread::scope(|scope| {
        for writer in 0..4 {
            let (http, done) = (http.clone(), &done);
            scope.spawn(move || {
                for n in 0.. {
                    http.post(&format!("secret/data/{writer}"), &json!({ "data": { "n": n } }));
                    if done.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        let all = (0..5).map(|_| taken(&http)).collect();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        all
    });
    for snapshot in snapshots {
        restored(&http, SNAPSHOT, &snapshot);
        for writer in 0..4 {
            let answer = http.send("GET", &format!("secret/data/{writer}"), None);
            if answer.status == 404 {
                continue;
            }
            let (version, n) = (&answer.body["data"]["metadata"]["version"], &answer.body["data"]["data"]["n"]);
            assert_eq!(version.as_u64().unwrap(), n.as_u64().unwrap() + 1, "{}", answer.body);
        }
    }
}

/// Killed at any moment of a restore, there is the old store or the new one, and a start finds nothing lost.
#[test]
fn a_kill_in_the_middle_leaves_the_old_store_or_the_new_one() {
    let env = TestEnv::new();
    let (server, http) = start(&env, "data");
    mount_kv(&http);
    for n in 0..100 {
        http.post(&format!("secret/data/{n}"), &json!({ "data": { "n": "x".repeat(20_000) } }));
    }
    put(&http, "then");
    let snapshot = taken(&http);
    let mut running = Some((server, http));
    let mut found = Vec::new();
    for round in 0..8 {
        let (server, http) = running.take().unwrap_or_else(|| start(&env, "data"));
        put(&http, "now");
        let restoring = {
            let (http, snapshot) = (http.clone(), snapshot.clone());
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(&http.address).unwrap();
                let head = format!(
                    "POST /v1/{SNAPSHOT} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nContent-Length: {}\r\n\r\n",
                    http.token,
                    snapshot.len()
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&snapshot));
                let _ = stream.read_to_end(&mut Vec::new());
            })
        };
        // A different number of questions each time, of which some are answered 503 from the moment on in which it begins.
        let mut sealed = 0;
        for _ in 0..10_000 {
            sealed += usize::from(http.try_send("GET", "sys/health", None).is_ok_and(|answer| answer.status == 503));
            if sealed > round || (round == 0 && sealed == 0) || restoring.is_finished() {
                break;
            }
        }
        kill(server);
        restoring.join().unwrap();
        let (server, http) = start(&env, "data");
        let text = got(&http);
        assert!(text == "then" || text == "now", "{text}");
        assert_eq!(http.get("secret/data/99")["data"]["data"]["n"].as_str().unwrap().len(), 20_000);
        assert!(events(&env, "data", "trail-lines-missing").is_empty());
        found.push(text);
        running = Some((server, http));
    }
    assert!(found.contains(&json!("now")), "{found:?}");
    let left: Vec<PathBuf> =
        files(&env, "data").into_iter().filter(|name| name.contains("passing")).map(Into::into).collect();
    assert!(left.is_empty(), "{left:?}");
}
