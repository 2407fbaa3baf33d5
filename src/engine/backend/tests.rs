//! What the tests of backends have in common.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::Engine;

/// One request over HTTP, and its answer's status and body.
pub(crate) async fn send(engine: &Engine, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let serving = engine.clone();
    tokio::spawn(async move { serving.serve_stream(server, None).await });
    let head = format!(
        "{method} /v1/{path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
