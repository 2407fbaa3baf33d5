//! Credentials issued per second: the embedded engine on disk, its trail on, the sandbox in process as AWS.
//!
//! Every credential is durable in store and trail before its answer leaves. Run with
//! `cargo bench --bench issue`; `strace -f -c -e trace=fsync,fdatasync` on the printed binary counts flushes.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use leasehold::api::{Client, Options, Target};
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Engine, Limits, Storage};
use leasehold::sandbox;
use serde_json::{Map, Value, json};

const SECONDS: u64 = 5;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for clients in [1, 64] {
        run(clients).await;
    }
}

fn body(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

async fn run(clients: usize) {
    let home = tempfile::tempdir().expect("a directory");
    let account = sandbox::Account::open(None, Clock::system()).expect("the sandbox opens");
    let engine = Engine::open(Config {
        storage: Storage::Disk { directory: home.path().join("data") },
        trail: Some(home.path().join("data/trail.log")),
        aws: AwsTransport::InProcess(sandbox::connector(account)),
        clock: Clock::system(),
        aws_key: None,
        limits: Limits::default(),
        dev_root_token: None,
    })
    .await
    .expect("the engine opens");
    let token = engine.root_token().expect("made at the first start");
    let stream = {
        let engine = engine.clone();
        Target::Stream(Arc::new(move || {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let engine = engine.clone();
            tokio::spawn(async move { engine.serve_stream(theirs, None).await });
            ours
        }))
    };
    let client = Client::new(stream, Options::new(Some(token))).expect("a client");
    client.write("sys/mounts/aws", &body(json!({ "type": "aws" }))).await.expect("mount");
    let keys =
        json!({ "access_key": sandbox::ROOT_ACCESS_KEY, "secret_key": sandbox::ROOT_SECRET, "region": "us-east-1" });
    client.write("aws/config/root", &body(keys)).await.expect("root");
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bench/*" }] });
    let role = json!({ "credential_type": "iam_user", "policy_document": document.to_string() });
    client.write("aws/roles/app", &body(role)).await.expect("role");

    let started = Instant::now();
    let end = started + Duration::from_secs(SECONDS);
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < end {
                    let begun = Instant::now();
                    client.read("aws/creds/app").await.expect("a credential");
                    latencies.push(begun.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("the client ran"));
    }
    let elapsed = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    report(&format!(
        "issue, {clients:>2} clients: {:>6.0} credentials/s   p50 {:.2} ms   p99 {:.2} ms   ({} issued)",
        latencies.len() as f64 / elapsed,
        at(0.5),
        at(0.99),
        latencies.len(),
    ));
    engine.close().await;
}

fn report(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}
