//! What a request makes for an answer that nobody gets is gone at once, wherever the answer is lost: the
//! client leaves while AWS is asked, or with half the answer read, or asks with HEAD, which has no body.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use leasehold::sandbox::{Effect, Fault};
use serde_json::{Value, json};

use crate::wire_aws::World;

/// How long the engine may need to notice.
const PATIENCE: Duration = Duration::from_secs(30);

/// What works for whoever has it: live leases of the role, tokens, and secret ids.
fn working(world: &World) -> (Vec<String>, usize, usize) {
    let keys =
        |path: &str| world.root.send("LIST", path, None).body["data"]["keys"].as_array().cloned().unwrap_or_default();
    (world.users(), keys("auth/token/accessors").len(), keys("auth/approle/role/app/secret-id").len())
}

fn world() -> (World, Value) {
    let world = World::with_role();
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    world.root.post("auth/approle/role/app", &json!({ "token_policies": "default" }));
    let role_id = world.root.get("auth/approle/role/app/role-id")["data"]["role_id"].clone();
    let secret_id = world.root.post("auth/approle/role/app/secret-id", &json!({}))["data"]["secret_id"].clone();
    (world, json!({ "role_id": role_id, "secret_id": secret_id }))
}

/// Everything that hands something out: method, path, body.
fn issuing(login: &Value) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GET", "aws/creds/r", json!({})),
        ("POST", "aws/creds/r", json!({})),
        ("GET", "aws/sts/r", json!({})),
        ("POST", "auth/token/create", json!({ "ttl": "1h" })),
        ("POST", "auth/token/create-orphan", json!({ "ttl": "1h" })),
        ("POST", "auth/approle/login", login.clone()),
        ("POST", "auth/approle/role/app/secret-id", json!({})),
        ("POST", "auth/approle/role/app/custom-secret-id", json!({ "secret_id": "chosen" })),
    ]
}

fn request(world: &World, method: &str, path: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nContent-Length: {}\r\n\r\n{body}",
        world.root.token,
        body.len()
    )
}

/// Waits until what works is again what worked before.
#[track_caller]
fn taken_back(world: &World, before: &(Vec<String>, usize, usize), what: &str) {
    let began = Instant::now();
    loop {
        world.settle_all();
        let now = working(world);
        if now == *before {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: nobody has it, and it works: {now:?}, before {before:?}");
    }
}

#[test]
fn an_answer_that_is_not_written_out_is_undone() {
    let (world, login) = world();
    for (method, path, body) in issuing(&login) {
        // Also where it lies wrapped: then the wrapping token is taken back, and what it wraps.
        for wrap in ["", "X-Vault-Wrap-TTL: 60\r\n"] {
            let before = working(&world);
            let asks = request(&world, method, path, &body).replace("Host: x\r\n", &format!("Host: x\r\n{wrap}"));
            let half = world.half_read(&asks);
            assert!(half.starts_with("HTTP/1.1 200 OK"), "{method} {path}: {half}");
            taken_back(&world, &before, &format!("{method} {path}, half read, {wrap}"));
        }
    }
    let events = world.events().join("\n");
    for event in ["lease-revoked", "token-revoked", "secret-id-destroyed"] {
        assert!(events.contains(&format!("{event} answer-not-delivered")), "{event} is not in the trail:\n{events}");
    }
}

#[test]
fn a_client_that_leaves_while_aws_is_asked_leaves_nothing() {
    let (world, _) = world();
    for action in ["CreateUser", "CreateAccessKey"] {
        let before = working(&world);
        world.actions();
        let delay = Effect::Delay(Duration::from_millis(300));
        world.fault(Fault { action: action.to_owned(), effect: delay, after: 0, times: Some(1) });
        let mut stream = TcpStream::connect(&world.root.address).unwrap();
        stream.write_all(request(&world, "GET", "aws/creds/r", &json!({})).as_bytes()).unwrap();
        let began = Instant::now();
        while !world.account.faults().calls().iter().any(|call| call.action == action) {
            assert!(began.elapsed() < PATIENCE, "{action} was not called");
        }
        drop(stream);
        taken_back(&world, &before, action);
    }
    assert!(world.events().join("\n").contains("client-went-away"), "{:?}", world.events());
}

#[test]
fn what_issues_is_not_asked_for_with_head() {
    let (world, login) = world();
    let before = working(&world);
    for (_, path, _) in issuing(&login) {
        let mut stream = TcpStream::connect(&world.root.address).unwrap();
        let head =
            request(&world, "HEAD", path, &json!({})).replace("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 405 "), "HEAD {path}: {answer}");
    }
    assert_eq!(working(&world), before);
    let health = world.root.try_send("HEAD", "sys/health", None);
    assert!(health.is_err() || health.is_ok_and(|answer| answer.status == 200), "load balancers ask like that");
}
