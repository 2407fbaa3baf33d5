//! Encryption as a service: texts encrypted, decrypted and signed over loopback with keep-alive, one by one and by the hundred, by
//! the engine on disk with its trail on; and by another server, where `LEASEHOLD_TEST_ADDR` and `LEASEHOLD_TEST_TOKEN` name one.
//!
//! Every answer's line is durable in the trail before it leaves. Run with `cargo bench --bench transit`; with an argument, only
//! that number of clients.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]
#![allow(dead_code, reason = "the harness offers more than each benchmark uses")]

mod harness;
mod null_iam;

use std::time::Duration;

use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use leasehold::clock::Clock;
use leasehold::secret::Secret;
use serde_json::{Value, json};

use harness::{World, body, measure, report};

const SECONDS: Duration = Duration::from_secs(4);

/// Texts in a batch.
const BATCH: usize = 100;

const MOUNT: &str = "bench-transit";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let clients = std::env::args().find_map(|argument| argument.parse().ok());
    let clients = clients.map_or_else(|| vec![1, 16, 64], |clients: usize| vec![clients]);
    let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let token = world.engine.root_token().expect("made at the first start");
    let engine = world.engine.clone();
    let serving = tokio::spawn(async move { engine.serve(listener, None, std::future::pending()).await });
    of("Leasehold", client(address, token), &clients).await;
    serving.abort();
    world.engine.close().await;
    if let (Ok(address), Ok(token)) = (std::env::var("LEASEHOLD_TEST_ADDR"), std::env::var("LEASEHOLD_TEST_TOKEN")) {
        of("the other", client(address, Secret::new(token)), &clients).await;
    }
}

fn client(address: String, token: Secret) -> Client {
    Client::new(
        Target::Network { addresses: Addresses::one(&address).expect("an address"), tls: TlsOptions::default() },
        Options::new(Some(token)),
    )
    .expect("a client")
}

async fn ask(client: &Client, path: &str, value: &Value) -> Value {
    let answer = client.write(&format!("{MOUNT}/{path}"), &body(value.clone())).await.expect("it is taken");
    Value::Object(answer.data.unwrap_or_default())
}

/// What a server does.
async fn of(name: &str, client: Client, clients: &[usize]) {
    // One that is there already is left over from another run.
    drop(client.write(&format!("sys/mounts/{MOUNT}"), &body(json!({ "type": "transit" }))).await);
    for (key, sort) in [("aes", "aes256-gcm96"), ("sign", "ed25519"), ("ecdsa", "ecdsa-p256"), ("rsa", "rsa-2048")] {
        ask(&client, &format!("keys/{key}"), &json!({ "type": sort })).await;
    }
    let plain = json!({ "plaintext": "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxk" });
    let text = ask(&client, "encrypt/aes", &plain).await["ciphertext"].clone();
    assert!(text.is_string(), "it was encrypted: {text}");
    let all = json!({ "batch_input": vec![plain.clone(); BATCH] });
    let cases = [
        ("encrypt", "encrypt/aes", plain),
        ("decrypt", "decrypt/aes", json!({ "ciphertext": text })),
        ("encrypt 100", "encrypt/aes", all),
        ("sign ed25519", "sign/sign", json!({ "input": "aGVsbG8=" })),
        ("sign ecdsa-p256", "sign/ecdsa", json!({ "input": "aGVsbG8=" })),
        ("sign rsa-2048", "sign/rsa", json!({ "input": "aGVsbG8=" })),
    ];
    for (what, path, value) in cases {
        for count in clients {
            let (client, value) = (client.clone(), value.clone());
            let took = measure(*count, SECONDS, move || {
                let (client, value) = (client.clone(), value.clone());
                Some(async move { drop(ask(&client, path, &value).await) })
            })
            .await;
            report(&took.line(&format!("{name}, {what}, {count:>2} clients")));
        }
    }
    drop(client.delete(&format!("sys/mounts/{MOUNT}")).await);
}
