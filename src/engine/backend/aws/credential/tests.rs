//! A type goes its whole way, from a role to the end of a lease.

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::backend::tests;
use crate::engine::setup::{Config, Storage};

/// One request as root, and its answer's status and body.
async fn send(engine: &Engine, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let token = engine.root_token().unwrap();
    tests::send(engine, method, path, token.expose(), &body.to_string()).await
}

#[tokio::test]
async fn a_type_of_one_file_and_one_line_has_roles_credentials_and_leases() {
    let home = tempfile::tempdir().unwrap();
    let trail = home.path().join("trail.log");
    let config = Config { trail: Some(trail.clone()), ..Config::new(Storage::Memory, Clock::system()) };
    let engine = Engine::open(config).await.unwrap();
    assert_eq!(send(&engine, "POST", "sys/mounts/aws", &json!({ "type": "aws" })).await.0, 204);
    let root = json!({ "access_key": "a", "secret_key": "s", "region": "us-east-1" });
    assert_eq!(send(&engine, "POST", "aws/config/root", &root).await.0, 204);

    let role = |more: Value| {
        let mut role = json!({ "credential_type": "trial", "policy_document": "{}", "default_sts_ttl": "20m" });
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        role
    };
    for (more, told) in [
        (json!({ "policy_document": "" }), "a trial needs a policy_document"),
        (json!({ "user_path": "/x/" }), "user_path parameter only valid for iam_user credential type"),
    ] {
        let (status, answer) = send(&engine, "POST", "aws/roles/r", &role(more)).await;
        assert!(status == 400 && answer["errors"][0].as_str().unwrap().contains(told), "{answer}");
    }
    assert_eq!(send(&engine, "POST", "aws/roles/r", &role(json!({}))).await.0, 204);
    let (_, read) = send(&engine, "GET", "aws/roles/r", &json!({})).await;
    assert_eq!((&read["data"]["credential_type"], &read["data"]["default_sts_ttl"]), (&json!("trial"), &json!(1200)));

    for path in ["aws/creds/r", "aws/sts/r"] {
        let (status, lent) = send(&engine, "GET", path, &json!({})).await;
        assert_eq!((status, &lent["lease_duration"], &lent["renewable"]), (200, &json!(1200), &json!(false)), "{lent}");
        let (word, lease) = (lent["data"]["word"].as_str().unwrap(), &lent["lease_id"]);
        assert_eq!(lent["data"]["session_token"], "s");
        let body = json!({ "lease_id": lease });
        let (_, seen) = send(&engine, "POST", "sys/leases/lookup", &body).await;
        assert_eq!((&seen["data"]["state"], &seen["data"]["renewable"]), (&json!("active"), &json!(false)), "{seen}");
        let (status, answer) = send(&engine, "POST", "sys/leases/renew", &body).await;
        assert_eq!((status, &answer["errors"][0]), (400, &json!("lease is not renewable")));
        assert_eq!(send(&engine, "POST", "sys/leases/revoke", &body).await.0, 204);
        assert_eq!(send(&engine, "POST", "sys/leases/lookup", &body).await.0, 400, "it is gone");
        let lines = std::fs::read_to_string(&trail).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<&Value> = lines.iter().filter(|line| line["credential"]["lease_id"] == *lease).collect();
        assert!(told.len() >= 2 && told.iter().all(|line| line["credential"]["iam_user"] == word), "{told:?}");
    }
    let (status, shorter) = send(&engine, "POST", "aws/sts/r", &json!({ "ttl": "5m" })).await;
    assert_eq!((status, &shorter["lease_duration"]), (200, &json!(300)), "{shorter}");
    engine.close().await;
}
