//! `sys/` and the HTTP edge, on the wire (source: Vault API documentation, "System backend"; cases: `tests/data/wire.md`,
//! S). An engine is initialised and unsealed when it is opened.

use std::io::{Read, Write};
use std::net::TcpStream;

use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Limits, Storage};
use leasehold::sandbox;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::{InTestEngine, TestEnv};
use crate::http::{Answer, Http, said};

struct World {
    http: Http,
    account: std::sync::Arc<sandbox::Account>,
    env: TestEnv,
    _engine: InTestEngine,
}

fn world() -> World {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let account = sandbox::Account::open(None, clock.clone()).unwrap();
    let engine = InTestEngine::start(clock, AwsTransport::InProcess(sandbox::connector(account.clone())));
    let address = engine.address.trim_start_matches("http://").to_owned();
    let http = Http { address, token: engine.root_token.clone() };
    World { http, account, env: TestEnv::new(), _engine: engine }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let errors = answer.body["errors"].to_string();
    assert!(errors.contains(text), "{errors} does not contain {text:?}");
}

/// Sends bytes as they are and answers what comes back until the server closes.
fn raw(http: &Http, request: &str) -> String {
    let mut stream = TcpStream::connect(&http.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_and_seal_status_need_no_token() {
    // S1
    let world = world();
    let http = world.http.with_token("");
    let health = http.get("sys/health?standbyok=true");
    assert_eq!(
        (&health["initialized"], &health["sealed"], &health["standby"]),
        (&json!(true), &json!(false), &json!(false))
    );
    assert_eq!(health["server_time_utc"], 1_800_000_000);
    assert_eq!(http.send("GET", "sys/health?activecode=299", None).status, 299);
    refused(&http.send("GET", "sys/health?activecode=banana", None), 400, "activecode");
    let status = http.get("sys/seal-status");
    assert_eq!((&status["sealed"], &status["t"], &status["n"]), (&json!(false), &json!(1), &json!(1)));
    assert!(status.get("request_id").is_none(), "seal-status has no envelope");
    assert_eq!(http.get("sys/init"), json!({ "initialized": true }));
    assert_eq!(http.get("sys/leader")["ha_enabled"], false);
    refused(&http.send("PUT", "sys/init", Some(&json!({}))), 400, "Vault is already initialized");
}

#[test]
fn a_sealed_engine_answers_its_status_and_nothing_else() {
    // S1, S6
    let world = world();
    assert_eq!(world.http.send("PUT", "sys/seal", None).status, 204);
    refused(&world.http.send("GET", "aws/roles/r", None), 503, "Vault is sealed");
    assert_eq!(world.http.send("GET", "sys/health", None).status, 503);
    assert_eq!(world.http.send("GET", "sys/health?sealedcode=200", None).status, 200);
    assert_eq!(world.http.get("sys/seal-status")["sealed"], true);
    refused(&world.http.send("PUT", "sys/unseal", Some(&json!({}))), 400, "'key' must be specified");
}

#[test]
fn mounts_are_made_shown_tuned_and_removed() {
    let world = world();
    let http = &world.http;
    let mount = json!({ "type": "aws", "description": "keys", "config": { "default_lease_ttl": "1h" } });
    assert_eq!(http.send("POST", "sys/mounts/aws", Some(&mount)).status, 204);
    // S7
    refused(&http.send("POST", "sys/mounts/aws", Some(&mount)), 400, "path is already in use at aws/");
    refused(&http.send("POST", "sys/mounts/aws/sub", Some(&mount)), 400, "existing mount at aws/");
    // S13
    let table = http.get("sys/mounts");
    assert_eq!(table["aws/"], table["data"]["aws/"]);
    assert_eq!(table["aws/"]["config"]["default_lease_ttl"], 3600);
    assert_eq!(table["data"]["secret/"]["options"]["version"], "2");
    assert!(table["aws/"]["accessor"].as_str().unwrap().starts_with("aws_"));
    assert_eq!(http.get("sys/mounts/aws")["data"]["description"], "keys");

    // S8
    let low = http.send("POST", "sys/mounts/aws/tune", Some(&json!({ "max_lease_ttl": "30m" })));
    refused(&low, 400, "backend max lease TTL of 1800 would be less than backend default lease TTL of 3600");
    http.post("sys/mounts/aws/tune", &json!({ "max_lease_ttl": "2h", "description": "" }));
    assert_eq!(http.get("sys/mounts/aws/tune")["data"]["max_lease_ttl"], 7200);
    // S9
    http.post("sys/mounts/aws/tune", &json!({ "default_lease_ttl": "system", "max_lease_ttl": "system" }));
    assert_eq!(http.get("sys/mounts")["aws/"]["config"]["max_lease_ttl"], 0);
    assert_eq!(http.get("sys/mounts/aws/tune")["data"]["max_lease_ttl"], 2_764_800);
    let missing = http.send("POST", "sys/mounts/nope/tune", Some(&json!({})));
    refused(&missing, 400, "tune of path \\\"nope/\\\" failed: no mount entry found");
    // One path in two spellings.
    assert_eq!(http.get("sys/mounts/")["data"], http.get("sys/mounts")["data"]);
    refused(&http.send("GET", "sys/mounts/nope/tune", None), 400, "cannot fetch sysview for path \\\"nope/\\\"");

    assert_eq!(http.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert_eq!(http.send("DELETE", "sys/mounts/aws", None).status, 204);
    refused(&http.send("GET", "sys/mounts/aws", None), 400, "No secret engine mount at aws/");
    refused(&http.send("DELETE", "sys/mounts/sys", None), 400, "cannot unmount");
}

#[test]
fn mounts_that_cannot_be_made_say_why() {
    let world = world();
    for (path, body, text) in [
        ("a", json!({}), "backend type must be specified as a string"),
        ("a", json!({ "type": "ssh" }), "plugin not found in the catalog: ssh"),
        ("a", json!({ "type": "kv", "options": { "version": "3" } }), "kv has the versions 1 and 2"),
        ("a", json!({ "type": "aws", "external_entropy_access": true }), "external_entropy_access is not supported"),
        ("a", json!({ "type": "aws", "plugin_name": "mine" }), "plugin_name is not supported"),
        ("a", json!({ "type": "aws", "config": { "allowed_managed_keys": ["k"] } }), "allowed_managed_keys"),
        ("a*", json!({ "type": "aws" }), "the mount path may hold no"),
        ("a/+", json!({ "type": "aws" }), "the mount path may hold no"),
        ("a%20/b", json!({ "type": "aws" }), "begin or end with a space"),
        ("secret", json!({ "type": "kv" }), "path is already in use at secret/"),
        (
            "a",
            json!({ "type": "kv", "config": { "default_lease_ttl": "2h", "max_lease_ttl": "1h" } }),
            "greater than given max",
        ),
        (
            "a",
            json!({ "type": "aws", "config": { "default_lease_ttl": "2h", "max_lease_ttl": "1h" } }),
            "greater than given max",
        ),
        ("a", json!({ "type": "aws", "config": { "default_lease_ttl": "999h" } }), "system max lease TTL of 2764800"),
        ("a", json!({ "type": "aws", "confg": {} }), "confg"),
    ] {
        refused(&world.http.send("POST", &format!("sys/mounts/{path}"), Some(&body)), 400, text);
    }
}

#[test]
fn auth_methods_mirror_mounts() {
    let world = world();
    world.http.post("sys/auth/approle", &json!({ "type": "approle" }));
    let again = world.http.send("POST", "sys/auth/approle", Some(&json!({ "type": "approle" })));
    refused(&again, 400, "path is already in use at approle/");
    let table = world.http.get("sys/auth");
    assert_eq!(table["approle/"]["type"], "approle");
    assert_eq!(table["data"]["token/"]["type"], "token");
    world.http.post("sys/auth/approle/tune", &json!({ "default_lease_ttl": 600 }));
    assert_eq!(world.http.get("sys/auth/approle/tune")["data"]["default_lease_ttl"], 600);
    assert_eq!(world.http.send("DELETE", "sys/auth/approle", None).status, 204);
    assert!(world.http.get("sys/auth").get("approle/").is_none());
    refused(&world.http.send("DELETE", "sys/auth/token", None), 400, "cannot be disabled");
}

#[test]
fn a_request_without_a_valid_token_learns_nothing() {
    let world = world();
    for token in ["", "nonsense"] {
        let http = world.http.with_token(token);
        let (absent, there) = (http.send("GET", "nope/x", None), http.send("GET", "sys/mounts", None));
        assert_eq!((absent.status, there.status), (403, 403));
        assert_eq!(absent.body, json!({ "errors": ["permission denied"] }));
        assert_eq!(absent.body, there.body);
    }
    // S10
    let absent = world.http.send("GET", "nope/x", None);
    refused(&absent, 404, "no handler for route \\\"nope/x\\\". route entry not found.");
}

#[test]
fn what_is_not_a_request_is_refused_at_the_edge() {
    let world = world();
    let http = &world.http;
    // S11, S14
    refused(&http.send("PUT", "aws/roles/", Some(&json!({}))), 400, "cannot write to a path ending in '/'");
    refused(&http.send("GET", "sys/mounts?list=banana", None), 400, "list");
    refused(&http.send("OPTIONS", "secret/data/a", Some(&json!({}))), 405, "unsupported operation");
    refused(&http.send("PATCH", "secret/data/a", Some(&json!({}))), 415, "application/merge-patch+json");
    for path in
        ["secret/data/../x", "secret/data/%2e%2e/x", "secret/data/a%2fb", "secret/data/a%00", "secret/data/a%252e"]
    {
        assert_eq!(http.send("GET", path, None).status, 400, "{path}");
    }
    assert_eq!(http.send("GET", "sys//mounts", None).status, 200);
    let post = |body: &str| {
        raw(
            http,
            &format!(
                "POST /v1/sys/mounts/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: root\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        )
    };
    // S12
    assert!(post("{").starts_with("HTTP/1.1 400"));
    assert!(post("{\"type\":\"aws\",\"type\":\"kv\"}").starts_with("HTTP/1.1 400"));
    let answer = raw(http, "GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").to_lowercase();
    assert!(
        answer.contains("cache-control: no-store") && answer.contains("content-type: application/json"),
        "{answer}"
    );
    assert!(answer.ends_with("}\n"), "{answer}");
    let large = format!("{{\"type\":\"{}\"}}", "x".repeat(1024 * 1024));
    // Read by who sends all of it first, and by who asks before sending any of it.
    for (more, sent) in [("", large.as_str()), ("Expect: 100-continue\r\n", "")] {
        let head = format!(
            "POST /v1/sys/mounts/x HTTP/1.1\r\nHost: a\r\nX-Vault-Token: root\r\nConnection: close\r\n{more}Content-Length: {}\r\n\r\n",
            large.len()
        );
        let answer = raw(http, &(head + sent));
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("at most 1048576 bytes"), "{answer}");
    }
}

#[test]
fn metrics_take_a_token_and_come_in_two_forms() {
    let world = world();
    let http = &world.http;
    assert_eq!(http.with_token("").send("GET", "sys/metrics", None).status, 403);
    let plain = said(&http.post("auth/token/create", &json!({ "policies": ["default"] }))["auth"]["client_token"]);
    assert_eq!(http.with_token(&plain).send("GET", "sys/metrics", None).status, 403);
    http.post("sys/policies/acl/watch", &json!({ "policy": "path \"sys/metrics\" { capabilities = [\"read\"] }" }));
    let watch = said(&http.post("auth/token/create", &json!({ "policies": ["watch"] }))["auth"]["client_token"]);
    let gauges = http.with_token(&watch).get("sys/metrics")["Gauges"].clone();
    assert_eq!(gauges[0], json!({ "Name": "vault.core.unsealed", "Value": 1, "Labels": {} }));
    let request = format!(
        "GET /v1/sys/metrics?format=prometheus HTTP/1.1\r\nHost: a\r\nX-Vault-Token: {watch}\r\nConnection: close\r\n\r\n"
    );
    let text = raw(http, &request);
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("text/plain; version=0.0.4"), "{text}");
    assert!(text.contains("\n# TYPE leasehold_store_failing gauge\nleasehold_store_failing 0\n"), "{text}");
    refused(&http.send("GET", "sys/metrics?format=xml", None), 400, "xml");
    assert_eq!(http.send("POST", "sys/metrics", Some(&json!({}))).status, 405);
}

#[test]
fn a_client_that_dawdles_is_let_go() {
    let limits = Limits { read_time_max: std::time::Duration::from_millis(50), ..Limits::default() };
    let config = Config { limits, ..Config::new(Storage::Memory, Clock::system()) };
    let engine = InTestEngine::start_with(config);
    let http = Http { address: engine.address.trim_start_matches("http://").to_owned(), token: String::new() };
    // Both end because the server closes the connection.
    raw(&http, "GET /v1/sys/health HTTP/1.1\r\nHost");
    let answer =
        raw(&http, "POST /v1/secret/data/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("in time"), "{answer}");
}

fn enable_audit(world: &World, name: &str, path: &str, options: &Value) -> Answer {
    let mut options = options.clone();
    options["file_path"] = path.into();
    world.http.send("PUT", &format!("sys/audit/{name}"), Some(&json!({ "type": "file", "options": options })))
}

#[test]
fn audit_devices_are_made_listed_asked_and_removed() {
    let world = world();
    let file = world.env.dir().join("audit.log");
    let file = file.to_str().unwrap();
    assert_eq!(world.http.get("sys/audit")["data"], json!({}));
    assert_eq!(enable_audit(&world, "file", file, &json!({})).status, 204);
    refused(&enable_audit(&world, "file", file, &json!({})), 400, "path already in use");
    refused(&enable_audit(&world, "other", file, &json!({})), 400, "already being written");
    refused(&enable_audit(&world, "bad", "/dev/full", &json!({})), 400, "test line");
    refused(&enable_audit(&world, "bad", "/x", &json!({ "fallback": "true" })), 400, "fallback");
    refused(&enable_audit(&world, "bad", "stdout", &json!({})), 400, "give a file's path");
    let kind = json!({ "type": "kafka" });
    refused(&world.http.send("PUT", "sys/audit/s", Some(&kind)), 400, "kafka");
    let table = world.http.get("sys/audit");
    assert_eq!(table["file/"]["options"]["file_path"], file);
    assert_eq!(table["data"]["file/"]["type"], "file");

    let hash = world.http.post("sys/audit-hash/file", &json!({ "input": "s3cret" }))["data"]["hash"].clone();
    assert!(hash.as_str().unwrap().starts_with("hmac-sha256:"), "{hash}");
    refused(&world.http.send("POST", "sys/audit-hash/x", Some(&json!({ "input": "a" }))), 400, "unknown audit backend");

    world.http.post("secret/data/a", &json!({ "data": { "k": "s3cret" } }));
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(hash.as_str().unwrap()) && !text.contains("s3cret"), "{text}");
    assert_eq!(world.http.send("DELETE", "sys/audit/file", None).status, 204);
    assert_eq!(world.http.send("DELETE", "sys/audit/file", None).status, 204);
    refused(&world.http.send("DELETE", "sys/audit/trail", None), 400, "configuration");
}

#[test]
fn each_request_leaves_two_lines_that_belong_together() {
    let world = world();
    let file = world.env.dir().join("audit.log");
    enable_audit(&world, "file", file.to_str().unwrap(), &json!({}));
    let answer = world.http.get("sys/mounts");
    world.http.with_token("nonsense").send("GET", "secret/data/a", None);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_request: Vec<&Value> = lines.iter().filter(|line| line["request"]["id"] == answer["request_id"]).collect();
    let kinds: Vec<&str> = of_request.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["request", "response"]);
    assert_eq!(of_request[0]["auth"]["policy_results"]["allowed"], true);
    assert_eq!(of_request[0]["request"]["operation"], "read");
    assert_eq!(of_request[0]["request"]["remote_address"], "127.0.0.1");
    assert!(!text.contains("nonsense"), "the token shows in clear");
    let denied: Vec<&Value> = lines.iter().filter(|line| line["error"].is_string()).collect();
    assert_eq!(denied.len(), 2, "{text}");
    assert!(denied.iter().all(|line| line["error"].as_str().unwrap().contains("permission denied")));
}

#[test]
fn without_a_working_device_nothing_is_issued() {
    let world = world();
    world.http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let issue = || world.http.send("GET", "aws/creds/r", None);
    assert_eq!(issue().body, json!({ "errors": ["internal error"] }), "no device at all");
    // Its own answer cannot be audited any more.
    assert_eq!(enable_audit(&world, "broken", "/dev/full", &json!({ "skip_test": "true" })).status, 500);
    assert_eq!(issue().status, 500);
    assert_eq!(world.http.send("GET", "sys/mounts", None).status, 500);
    assert_eq!(world.http.send("PUT", "secret/data/a", Some(&json!({ "data": {} }))).status, 500);
    assert_eq!(world.http.send("GET", "sys/seal-status", None).status, 200);
    assert!(world.account.user_names("/").is_empty());
}

#[test]
fn one_working_device_of_two_is_enough() {
    let world = world();
    let file = world.env.dir().join("audit.log");
    enable_audit(&world, "file", file.to_str().unwrap(), &json!({}));
    assert_eq!(enable_audit(&world, "broken", "/dev/full", &json!({ "skip_test": "true" })).status, 204);
    assert_eq!(world.http.send("GET", "sys/mounts", None).status, 200);
}

#[test]
fn the_mount_preflight_shows_what_the_caller_can_reach() {
    let world = world();
    let preflight = world.http.get("sys/internal/ui/mounts/secret/some/path");
    assert_eq!(
        (&preflight["data"]["path"], &preflight["data"]["options"]["version"]),
        (&json!("secret/"), &json!("2"))
    );
    let anonymous = world.http.with_token("").get("sys/internal/ui/mounts");
    assert_eq!(anonymous["data"], json!({ "auth": {}, "secret": {} }));
    world.http.post("sys/mounts/secret/tune", &json!({ "listing_visibility": "unauth" }));
    let anonymous = world.http.with_token("").get("sys/internal/ui/mounts");
    assert_eq!(anonymous["data"]["secret"]["secret/"]["type"], "kv");

    world
        .http
        .post("sys/policies/acl/kv", &json!({ "policy": "path \"secret/data/+/x\" { capabilities = [\"read\"] }" }));
    let token = |policy: &str| {
        let made = world.http.post("auth/token/create", &json!({ "policies": [policy], "no_default_policy": true }));
        world.http.with_token(made["auth"]["client_token"].as_str().unwrap())
    };
    assert_eq!(token("kv").send("GET", "sys/internal/ui/mounts/secret/", None).status, 200);
    let refusal = token("none").send("GET", "sys/internal/ui/mounts/secret/", None);
    refused(&refusal, 403, "preflight capability check returned 403");
    let absent = token("none").send("GET", "sys/internal/ui/mounts/nope/", None);
    refused(&absent, 403, "preflight capability check returned 403");
}

/// Clients send every setting that they know, most of them empty: those ask for nothing.
#[test]
fn settings_of_a_mount_that_ask_for_nothing_are_taken() {
    let world = world();
    let http = &world.http;
    for (number, setting) in [
        json!({ "passthrough_request_headers": [""] }),
        json!({ "passthrough_request_headers": "", "allowed_response_headers": [] }),
        json!({ "allowed_response_headers": null, "plugin_version": "" }),
        json!({ "user_lockout_config": null }),
        json!({ "user_lockout_config": {} }),
        json!({ "user_lockout_config": { "lockout_threshold": "", "lockout_duration": "0s", "lockout_disable": false } }),
        json!({ "allowed_managed_keys": [], "delegated_auth_accessors": [""], "identity_token_key": "" }),
        json!({ "default_lease_ttl": "", "max_lease_ttl": "", "trim_request_trailing_slashes": false }),
    ]
    .iter()
    .enumerate()
    {
        let path = format!("sys/mounts/m{number}");
        http.post(&path, &json!({ "type": "aws", "config": { "default_lease_ttl": "1h" } }));
        http.post(&format!("{path}/tune"), setting);
        assert_eq!(http.get(&format!("{path}/tune"))["data"]["default_lease_ttl"], 3600, "{setting}");
        http.post(&format!("sys/mounts/n{number}"), &json!({ "type": "aws", "config": setting }));
        http.post(&format!("sys/auth/a{number}"), &json!({ "type": "approle", "config": setting }));
    }
    for asks in [json!({ "passthrough_request_headers": ["X-A"] }), json!({ "trim_request_trailing_slashes": true })] {
        refused(&http.send("POST", "sys/mounts/m0/tune", Some(&asks)), 400, "is not supported by this server");
    }
    let asks = json!({ "user_lockout_config": { "lockout_threshold": "5" } });
    refused(&http.send("POST", "sys/mounts/m0/tune", Some(&asks)), 400, "not allowed");
}

#[test]
fn mounts_have_names_of_people_and_accessors_of_vault() {
    let world = world();
    let http = &world.http;
    http.post("sys/mounts/team%20a/key%20store", &json!({ "type": "kv" }));
    http.post("team%20a/key%20store/x", &json!({ "k": "v" }));
    assert_eq!(http.get("team%20a/key%20store/x")["data"]["k"], "v");
    assert_eq!(http.get("sys/mounts")["data"]["team a/key store/"]["type"], "kv");
    http.post("sys/auth/approle", &json!({ "type": "approle" }));
    let accessor = |path: &str| http.get("sys/auth")["data"][path]["accessor"].as_str().unwrap().to_owned();
    assert!(accessor("approle/").starts_with("auth_approle_") && accessor("token/").starts_with("auth_token_"));
    refused(&http.send("DELETE", "sys/mounts/auth/approle", None), 400, "cannot unmount");
    assert_eq!(http.get("sys/mounts/auth/approle")["data"]["type"], "approle");
}

#[test]
fn a_mount_moves_with_its_data_and_without_what_it_issued() {
    let world = world();
    let http = &world.http;
    http.post("secret/data/a", &json!({ "data": { "k": "v" } }));
    let moved = http.post("sys/remount", &json!({ "from": "secret", "to": "other/place/" }))["data"].clone();
    let status = http.get(&format!("sys/remount/status/{}", moved["migration_id"].as_str().unwrap()));
    assert_eq!(status["data"]["migration_info"]["status"], "success");
    assert_eq!(http.get("other/place/data/a")["data"]["data"]["k"], "v");
    assert_eq!(http.send("GET", "secret/data/a", None).status, 404);
    http.post("sys/mounts/taken", &json!({ "type": "kv" }));
    http.post("sys/auth/approle", &json!({ "type": "approle" }));
    for (from, to, text) in [
        ("none", "x", "no matching mount"),
        ("other/place", "taken", "already in use"),
        ("other/place", "auth/x", "cannot move"),
        ("auth/approle", "x", "cannot move"),
        ("sys", "x", "cannot remount"),
        ("auth/token", "auth/x", "cannot remount"),
        ("other/place", "", "must be the path"),
        ("other/place", "identity", "cannot mount"),
    ] {
        refused(&http.send("POST", "sys/remount", Some(&json!({ "from": from, "to": to }))), 400, text);
    }
    assert_eq!(http.get("other/place/data/a")["data"]["data"]["k"], "v");
    assert_eq!(http.send("GET", "sys/remount/status/nope", None).status, 404);
}

#[test]
fn what_is_not_served_is_told_in_words() {
    let world = world();
    for (method, path, words) in [
        ("LIST", "sys/namespaces", "namespaces"),
        ("POST", "sys/namespaces/team", "namespaces"),
        ("GET", "identity/oidc/config", "identity tokens"),
        ("POST", "sys/quotas/group/a", "quotas of anything but requests"),
        ("GET", "sys/policies/password/p", "password policies"),
        ("GET", "sys/rekey/backup", "PGP"),
        ("PUT", "sys/decode-token", "generate-root -decode"),
        ("GET", "sys/plugins/catalog", "plugins"),
        ("POST", "sys/tools/random", "random numbers"),
        ("GET", "sys/config/cors", "settings of the server"),
        ("GET", "sys/storage/raft/configuration", "clusters"),
    ] {
        let answer = world.http.send(method, path, None);
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.body);
        let text = answer.body["errors"].to_string();
        assert!(text.contains("is not served") && text.contains(words), "{method} {path}: {text}");
    }
    refused(&world.http.send("GET", "sys/nothing-like-it", None), 404, "unsupported path");
}

#[test]
fn forms_are_read_tokens_are_tidied_and_a_policy_of_vaults_own_stays_free() {
    let world = world();
    let http = &world.http;
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let made =
        http.try_send_bytes("POST", "auth/token/create", "ttl=1h&policies=default&display_name=a+b", &form).unwrap();
    assert_eq!((made.status, &made.body["auth"]["lease_duration"]), (200, &json!(3600)), "{}", made.body);
    // curl says that all it sends are forms.
    let made = http.try_send_bytes("POST", "auth/token/create", "{\"ttl\":\"2h\"}", &form).unwrap();
    assert_eq!(made.body["auth"]["lease_duration"], 7200);

    let tidied = http.send("POST", "auth/token/tidy", None);
    assert_eq!(tidied.status, 202);
    assert!(tidied.body["warnings"][0].as_str().unwrap().starts_with("Tidy operation successfully finished"));

    let policy = json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" });
    for path in ["sys/policies/acl/response-wrapping", "sys/policy/response-wrapping"] {
        refused(&http.send("PUT", path, Some(&policy)), 400, "cannot update \\\"response-wrapping\\\" policy");
        refused(&http.send("DELETE", path, None), 400, "cannot delete \\\"response-wrapping\\\" policy");
    }
    let asks = json!({ "policies": ["response-wrapping"] });
    refused(&http.send("POST", "auth/token/create", Some(&asks)), 400, "cannot assign policy");
    http.post("sys/auth/approle", &json!({ "type": "approle" }));
    let asks = json!({ "token_policies": "response-wrapping" });
    refused(&http.send("POST", "auth/approle/role/r", Some(&asks)), 400, "cannot assign policy");
}
