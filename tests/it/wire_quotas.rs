//! Quotas over HTTP (source: Vault API, "/sys/quotas/rate-limit" and "/sys/quotas/config"; what a server of OpenBao 2.6
//! answers), and from an estate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use serde_json::{Value, json};

use crate::env::{InTestEngine, TestEnv};
use crate::http::{Answer, Http, outcome};
use crate::wire_auth::World;

fn quota(world: &World, name: &str, body: &Value) -> Answer {
    world.root.send("POST", &format!("sys/quotas/rate-limit/{name}"), Some(body))
}

/// A login that nobody can make.
fn login(world: &World) -> String {
    let shown = json!({ "role_id": "x", "secret_id": "y" });
    outcome(&world.root.with_token("").send("POST", "auth/approle/login", Some(&shown)))
}

/// A login as it stands on the wire.
fn raw(world: &World) -> String {
    let mut stream = TcpStream::connect(&world.root.address).unwrap();
    stream
        .write_all(
            b"POST /v1/auth/approle/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        )
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const WRONG: &str = "400 invalid role or secret ID";
const LIMITED: &str = "429 request path \"auth/approle/login\": rate limit quota exceeded";

#[test]
fn a_limit_is_written_read_listed_and_taken_away() {
    let world = World::with_role("web", &json!({}));
    assert_eq!(outcome(&world.root.send("LIST", "sys/quotas/rate-limit", None)), "404");
    assert_eq!(outcome(&world.root.send("GET", "sys/quotas/rate-limit/logins", None)), "404");
    let given = json!({ "rate": 5.5, "path": "auth/approle", "block_interval": "1m" });
    assert_eq!(quota(&world, "logins", &given).status, 204);
    let told = json!({
        "block_interval": 60, "inheritable": false, "interval": 1, "name": "logins", "path": "auth/approle/",
        "rate": 5.5, "role": "", "type": "rate-limit",
    });
    assert_eq!(world.root.get("sys/quotas/rate-limit/logins")["data"], told);
    // A write is all of it.
    assert_eq!(quota(&world, "logins", &json!({ "rate": "7", "interval": "10s", "type": "rate-limit" })).status, 204);
    let told = json!({
        "block_interval": 0, "inheritable": true, "interval": 10, "name": "logins", "path": "", "rate": 7, "role": "",
        "type": "rate-limit",
    });
    assert_eq!(world.root.get("sys/quotas/rate-limit/logins")["data"], told);
    assert_eq!(quota(&world, "role", &json!({ "rate": 7, "path": "auth/approle/role/web" })).status, 204);
    assert_eq!(world.root.send("LIST", "sys/quotas/rate-limit", None).body["data"]["keys"], json!(["logins", "role"]));
    for _ in 0..2 {
        assert_eq!(world.root.send("DELETE", "sys/quotas/rate-limit/role", None).status, 204);
    }
}

#[test]
fn what_is_wrong_with_a_limit_is_told() {
    let world = World::with_role("web", &json!({}));
    quota(&world, "all", &json!({ "rate": 1000 }));
    for (body, said) in [
        (json!({}), "'rate' is invalid"),
        (json!({ "rate": 0 }), "'rate' is invalid"),
        (json!({ "rate": "NaN" }), "'rate' is invalid"),
        (json!({ "rate": -1 }), "'rate' is invalid"),
        (json!({ "rate": 1, "path": "auth/nope" }), "invalid mount path \"auth/nope/\""),
        (json!({ "rate": 1, "path": "auth/approle/*" }), "'path' is one path, and no pattern"),
        (json!({ "rate": 1 }), "quota rule with similar properties exists under the name \"all\""),
        (json!({ "rate": 1, "path": "auth/approle", "role": "web" }), "rate limits for one role are not served"),
        (json!({ "rate": 1, "path": "auth/approle", "inheritable": true }), "'inheritable' is of a limit on all paths"),
        (json!({ "rate": 1, "type": "lease-count" }), "'type' is invalid"),
        (json!({ "rate": 1, "block_interval": "-1s" }), "error converting input for field \"block_interval\""),
    ] {
        let answer = quota(&world, "a", &body);
        assert!(
            outcome(&answer).starts_with("400 ") && outcome(&answer).contains(said),
            "{body}: {}",
            outcome(&answer)
        );
    }
    let refused =
        world.root.send("POST", "sys/quotas/config", Some(&json!({ "enable_rate_limit_response_headers": true })));
    assert!(
        outcome(&refused).starts_with("400 enable_rate_limit_response_headers is not served"),
        "{}",
        outcome(&refused)
    );
}

#[test]
fn who_makes_more_requests_than_that_is_told_when_to_ask_again() {
    let world = World::with_role("web", &json!({}));
    quota(&world, "logins", &json!({ "rate": 2, "interval": "10s", "path": "auth/approle" }));
    assert_eq!([login(&world), login(&world), login(&world)], [WRONG, WRONG, LIMITED]);
    assert!(raw(&world).contains("\r\nretry-after: 5\r\n"), "{}", raw(&world));
    // Other paths are not under it, and neither is its own once it is gone.
    world.root.get("auth/token/lookup-self");
    world.wait(4);
    assert_eq!(login(&world), LIMITED);
    world.wait(1);
    assert_eq!([login(&world), login(&world)], [WRONG, LIMITED]);
    world.root.send("DELETE", "sys/quotas/rate-limit/logins", None);
    assert_eq!(login(&world), WRONG);
}

#[test]
fn whoever_made_more_is_blocked_for_as_long_as_the_limit_says() {
    let world = World::with_role("web", &json!({}));
    quota(&world, "logins", &json!({ "rate": 1, "path": "auth/approle", "block_interval": "60s" }));
    assert_eq!([login(&world), login(&world)], [WRONG, LIMITED]);
    world.wait(59);
    assert_eq!(login(&world), LIMITED);
    world.wait(1);
    assert_eq!(login(&world), WRONG);
}

#[test]
fn what_is_exempt_is_not_counted_and_the_trail_has_what_is_refused_where_that_is_asked_for() {
    let world = World::with_role("web", &json!({}));
    let settings = world.root.get("sys/quotas/config")["data"].clone();
    assert_eq!(settings["enable_rate_limit_audit_logging"], false);
    quota(&world, "all", &json!({ "rate": 3, "interval": "1h" }));
    let ask = || world.root.send("GET", "auth/token/lookup-self", None).status;
    assert_eq!([ask(), ask(), ask(), ask()], [200, 200, 200, 429]);
    for _ in 0..5 {
        assert_eq!(world.root.send("GET", "sys/health", None).status, 200);
    }
    world.wait(3600);
    let exempt =
        json!({ "rate_limit_exempt_paths": ["auth/token", "sys/quotas"], "enable_rate_limit_audit_logging": true });
    assert_eq!(world.root.send("POST", "sys/quotas/config", Some(&exempt)).status, 204);
    assert_eq!([ask(), ask(), ask(), ask(), ask()], [200; 5]);
    let told = world.root.get("sys/quotas/config")["data"].clone();
    assert_eq!(told["rate_limit_exempt_paths"], json!(["auth/token", "sys/quotas"]));
    assert_eq!(told["enable_rate_limit_audit_logging"], true);
}

/// As OpenBao has it: a login that is moved keeps what holds guessing back.
#[test]
fn a_limit_goes_where_its_mount_goes() {
    let world = World::with_role("web", &json!({}));
    quota(&world, "logins", &json!({ "rate": 2, "path": "auth/approle" }));
    quota(&world, "role", &json!({ "rate": 2, "path": "auth/approle/role/web" }));
    world.root.post("sys/remount", &json!({ "from": "auth/approle", "to": "auth/machines" }));
    let path = |name: &str| world.root.get(&format!("sys/quotas/rate-limit/{name}"))["data"]["path"].clone();
    assert_eq!([path("logins"), path("role")], [json!("auth/machines/"), json!("auth/machines/role/web")]);
    let shown = json!({ "role_id": "x", "secret_id": "y" });
    let login = || world.root.with_token("").send("POST", "auth/machines/login", Some(&shown)).status;
    assert_eq!([login(), login(), login()], [400, 400, 429]);
    world.root.send("DELETE", "sys/auth/machines", None);
    assert_eq!(world.root.send("LIST", "sys/quotas/rate-limit", None).status, 404);
}

/// A limit outlives a restart.
#[test]
fn limits_are_stored() {
    let env = TestEnv::new();
    let start = || {
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let address = server.address.trim_start_matches("http://").to_owned();
        (server, Http { address, token })
    };
    let (server, http) = start();
    http.post("sys/quotas/rate-limit/all", &json!({ "rate": 100, "interval": "1h" }));
    assert_eq!(server.stop(), Some(0));
    let (server, http) = start();
    assert_eq!(http.get("sys/quotas/rate-limit/all")["data"]["rate"], 100);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_limit_is_declared_planned_and_applied() {
    let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
    let mut env = TestEnv::new();
    engine.serve(&mut env);
    let estate = |rate: u32| {
        format!(
            "environment \"own\" {{\n  address = \"{}\"\n}}\nauth \"approle\" {{}}\nquota \"logins\" {{\n  rate = {rate}\n  \
             path = \"auth/approle\"\n}}\n",
            engine.address
        )
    };
    env.write("estate/estate.hcl", &estate(10));
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert!(env.ok(&["-C", "estate", "plan"]).contains("No changes."));
    env.write("estate/estate.hcl", &estate(20));
    let plan = env.run(&["-C", "estate", "plan"]);
    assert!(plan.stdout.contains("rate: 10 -> 20"), "{}", plan.normal());
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    env.write("estate/estate.hcl", estate(20).split("quota").next().unwrap());
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let http =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    assert_eq!(http.send("GET", "sys/quotas/rate-limit/logins", None).status, 404);
}

fn lease_quota(http: &Http, name: &str, body: &Value) -> Answer {
    http.send("POST", &format!("sys/quotas/lease-count/{name}"), Some(body))
}

/// Source: Vault API, "/sys/quotas/lease-count".
#[test]
fn no_more_leases_are_made_than_a_limit_lets() {
    let world = World::with_role("web", &json!({ "token_ttl": "1h" }));
    let role_id = world.role_id("web");
    let secret_id = world.secret_id("web", &json!({}));
    assert_eq!(outcome(&world.root.send("LIST", "sys/quotas/lease-count", None)), "404");
    assert_eq!(outcome(&world.root.send("GET", "sys/quotas/lease-count/logins", None)), "404");
    for (wrong, why) in [
        (json!({}), "'max_leases' is invalid"),
        (json!({ "max_leases": 0 }), "'max_leases' is invalid"),
        (json!({ "max_leases": 1, "path": "nowhere" }), "invalid mount path"),
        (json!({ "max_leases": 1, "path": "auth/approle", "role": "web" }), "for one role are not served"),
        (json!({ "max_leases": 1, "type": "rate-limit" }), "'type' is invalid"),
    ] {
        let refused = lease_quota(&world.root, "logins", &wrong);
        assert!(refused.status == 400 && outcome(&refused).contains(why), "{wrong}: {}", outcome(&refused));
    }
    // What is there already counts.
    let first = world.login(&role_id, &secret_id);
    assert_eq!(lease_quota(&world.root, "logins", &json!({ "max_leases": 3, "path": "auth/approle" })).status, 204);
    let told = |counter: usize| {
        json!({
            "counter": counter, "inheritable": false, "max_leases": 3, "name": "logins", "path": "auth/approle/",
            "role": "", "type": "lease-count",
        })
    };
    assert_eq!(world.root.get("sys/quotas/lease-count/logins")["data"], told(1));
    let again = lease_quota(&world.root, "other", &json!({ "max_leases": 9, "path": "auth/approle/" }));
    assert!(outcome(&again).contains("exists under the name \"logins\""), "{}", outcome(&again));
    // Many at once come to no more.
    let logins: Vec<Answer> = std::thread::scope(|scope| {
        let tried: Vec<_> = (0..8).map(|_| scope.spawn(|| world.login(&role_id, &secret_id))).collect();
        tried.into_iter().map(|tried| tried.join().unwrap()).collect()
    });
    assert_eq!(logins.iter().filter(|login| login.status == 200).count(), 2);
    let refused = logins.iter().find(|login| login.status != 200).unwrap();
    assert_eq!(outcome(refused), "429 request path \"auth/approle/login\": lease count quota exceeded");
    assert_eq!(world.root.get("sys/quotas/lease-count/logins")["data"], told(3));
    // Others are not concerned; one that ends makes room.
    world.token(&json!({ "policies": ["default"], "ttl": "1h" }));
    let token = first.body["auth"]["client_token"].clone();
    world.root.post("auth/token/revoke", &json!({ "token": token }));
    assert_eq!(world.login(&role_id, &secret_id).status, 200);
    assert_eq!(world.login(&role_id, &secret_id).status, 429);

    // Of a mount that moves it goes along; of one that goes it goes.
    world.root.post("sys/mounts/kv", &json!({ "type": "kv" }));
    lease_quota(&world.root, "kv", &json!({ "max_leases": 1, "path": "kv" }));
    world.root.send("DELETE", "sys/mounts/kv", None);
    assert_eq!(world.root.send("LIST", "sys/quotas/lease-count", None).body["data"]["keys"], json!(["logins"]));

    // Of everything: a more specific one still counts alone, and who is root comes in.
    lease_quota(&world.root, "all", &json!({ "max_leases": 1 }));
    let full = world.root.send("POST", "auth/token/create", Some(&json!({ "policies": ["default"], "ttl": "1h" })));
    assert_eq!(outcome(&full), "429 request path \"auth/token/create\": lease count quota exceeded");
    world.token(&json!({ "policies": ["root"], "ttl": "1h" }));
    world.root.send("DELETE", "sys/quotas/lease-count/logins", None);
    assert_eq!(world.login(&role_id, &secret_id).status, 429);
    world.root.send("DELETE", "sys/quotas/lease-count/all", None);
    assert_eq!(world.login(&role_id, &secret_id).status, 200);
}

#[test]
fn credentials_are_limited_by_role_and_by_mount_also_after_a_restart() {
    let env = TestEnv::new();
    let start = || {
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let address = server.address.trim_start_matches("http://").to_owned();
        (server, Http { address, token })
    };
    let (server, http) = start();
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    for role in ["a", "b"] {
        let body = json!({ "credential_type": "iam_user", "policy_document": document });
        http.post(&format!("aws/roles/{role}"), &body);
    }
    assert_eq!(lease_quota(&http, "a", &json!({ "max_leases": "1", "path": "aws/creds/a" })).status, 204);
    assert_eq!(lease_quota(&http, "aws", &json!({ "max_leases": 2, "path": "aws" })).status, 204);
    http.get("aws/creds/a");
    let full = "429 request path \"aws/creds/a\": lease count quota exceeded";
    assert_eq!(outcome(&http.send("GET", "aws/creds/a", None)), full);
    let lease = http.get("aws/creds/b")["lease_id"].clone();
    assert_eq!(server.stop(), Some(0));
    let (_server, http) = start();
    assert_eq!(outcome(&http.send("GET", "aws/creds/a", None)), full);
    assert_eq!(http.send("GET", "aws/creds/b", None).status, 429);
    http.post("sys/leases/revoke", &json!({ "lease_id": lease, "sync": true }));
    http.get("aws/creds/b");
    assert_eq!(http.get("sys/quotas/lease-count/aws")["data"]["counter"], 2);
}
