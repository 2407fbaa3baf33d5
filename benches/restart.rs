//! From start to first answer with 100,000 stored leases, and the memory a lease costs.
//!
//! Run with `cargo bench --bench restart`; an argument changes the number of leases.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasehold::api::{Client, Options, Target};
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Engine, Storage};
use leasehold::sandbox;
use serde_json::{Map, Value, json};

const STARTS: usize = 5;
const CLIENTS: usize = 64;

fn main() {
    let leases = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let home = tempfile::tempdir().expect("a directory");
    let empty = home.path().join("empty");
    let full = home.path().join("full");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(fill(&empty, 0));
    let started = Instant::now();
    runtime.block_on(fill(&full, leases));
    report(&format!("stored {leases} leases in {:.0} s", started.elapsed().as_secs_f64()));
    let (_, base) = median(&empty);
    let (seconds, memory) = median(&full);
    report(&format!(
        "start to first answer with {leases} leases: {seconds:.3} s; resident {memory:.1} MB, without leases {base:.1} MB: {:.0} bytes a lease",
        (memory - base) * 1024.0 * 1024.0 / leases as f64
    ));
}

fn body(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

async fn fill(data: &Path, leases: usize) {
    let account = sandbox::Account::open(None, Clock::system()).expect("the sandbox opens");
    let engine = Engine::open(Config {
        trail: Some(data.join("trail.log")),
        aws: AwsTransport::InProcess(sandbox::connector(account)),
        ..Config::new(Storage::Disk { directory: data.to_owned() }, Clock::system())
    })
    .await
    .expect("the engine opens");
    let token = engine.root_token().expect("made at the first start");
    let server = engine.clone();
    let target = Target::Stream(Arc::new(move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let engine = server.clone();
        tokio::spawn(async move { engine.serve_stream(theirs, None).await });
        ours
    }));
    let client = Client::new(target, Options::new(Some(token))).expect("a client");
    client.write("sys/mounts/aws", &body(json!({ "type": "aws" }))).await.expect("mount");
    let keys =
        json!({ "access_key": sandbox::ROOT_ACCESS_KEY, "secret_key": sandbox::ROOT_SECRET, "region": "us-east-1" });
    client.write("aws/config/root", &body(keys)).await.expect("root");
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    let role = json!({ "credential_type": "iam_user", "policy_document": document });
    client.write("aws/roles/app", &body(role)).await.expect("role");
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in (task..leases).step_by(CLIENTS) {
                    client.read("aws/creds/app").await.expect("a credential");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the client ran");
    }
    engine.close().await;
}

/// Starts the server on a data directory several times; the median time to the first answer, in seconds,
/// and the resident memory then, in MB.
fn median(data: &Path) -> (f64, f64) {
    let mut runs: Vec<_> = (0..STARTS).map(|_| start(data)).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    runs[STARTS / 2]
}

fn start(data: &Path) -> (f64, f64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["server", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let address = lines
        .map_while(Result::ok)
        .find_map(|line| line.trim().strip_prefix("Api Address: http://").map(str::to_owned))
        .expect("the server says where it listens");
    answer(&address, data);
    let seconds = begun.elapsed().as_secs_f64();
    let memory = resident_mb(&child);
    child.kill().expect("the server ends");
    child.wait().expect("the server ended");
    (seconds, memory)
}

/// Asks for a lease listing's neighbour that needs token, policy, store and trail: the token itself.
fn answer(address: &str, data: &Path) {
    let token = std::fs::read_to_string(data.join("root-token")).expect("the root token");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let request = format!(
        "GET /v1/auth/token/lookup-self HTTP/1.1\r\nHost: {address}\r\nX-Vault-Token: {}\r\nConnection: close\r\n\r\n",
        token.trim()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
}

fn resident_mb(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a running process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
