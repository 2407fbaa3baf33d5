//! Credentials issued and revoked: the embedded engine on disk, its trail on, an IAM that does nothing as AWS, which
//! answers at once or after 30 ms.
//!
//! Every credential is durable in store and trail before its answer leaves. Run with
//! `cargo bench --bench issue`; `strace -f -c -e trace=fsync,fdatasync` on the printed binary counts flushes. With
//! arguments, only that latency in milliseconds and that number of clients: `cargo bench --bench issue -- 30 256`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]
#![allow(dead_code, reason = "the harness offers more than each benchmark uses")]

mod harness;
mod null_iam;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leasehold::clock::Clock;
use serde_json::json;

use harness::{World, cpu_seconds, measure, report};

const SECONDS: Duration = Duration::from_secs(4);

/// How many leases end by prefix, and how many expire together.
const BY_PREFIX: usize = 10_000;
const TOGETHER: usize = 5_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let all = numbers.is_empty();
    for latency in if all { vec![0, 30] } else { vec![numbers[0]] } {
        for clients in numbers.get(1).map_or_else(|| vec![1, 16, 64, 256], |&clients| vec![clients as usize]) {
            singly(Duration::from_millis(latency), clients).await;
        }
        if all {
            by_prefix(Duration::from_millis(latency)).await;
            together(Duration::from_millis(latency)).await;
        }
    }
}

/// Issues for some seconds, and revokes what was issued, one by one.
async fn singly(latency: Duration, clients: usize) {
    let world = World::new(Clock::system(), latency, "1h").await;
    let leases = Arc::new(Mutex::new(Vec::new()));
    let (client, into) = (world.client.clone(), leases.clone());
    let issued = measure(clients, SECONDS, move || {
        let (client, into) = (client.clone(), into.clone());
        Some(async move {
            let answer = client.read("aws/creds/app").await.expect("a credential").expect("an answer");
            let lease = answer.body["lease_id"].as_str().expect("a lease").to_owned();
            into.lock().expect("nobody panicked").push(lease);
        })
    })
    .await;
    let at = format!("{:>2} ms, {clients:>3} clients", latency.as_millis());
    report(&issued.line(&format!("issue,  {at}")));
    let (client, from) = (world.client.clone(), leases.clone());
    let revoked = measure(clients, SECONDS, move || {
        let lease = from.lock().expect("nobody panicked").pop()?;
        let client = client.clone();
        Some(async move {
            let id = harness::body(json!({ "lease_id": lease }));
            client.write("sys/leases/revoke", &id).await.expect("it is revoked");
        })
    })
    .await;
    report(&revoked.line(&format!("revoke, {at}")));
    world.engine.close().await;
}

/// One request that revokes many.
async fn by_prefix(latency: Duration) {
    let world = World::new(Clock::system(), latency, "1h").await;
    world.issue(BY_PREFIX, 128).await;
    let (cpu, began) = (cpu_seconds(), Instant::now());
    world.write("sys/leases/revoke-prefix/aws/creds/app", json!({})).await;
    let took = began.elapsed();
    assert_eq!(world.iam.users(), 0);
    report(&format!(
        "revoke-prefix of {BY_PREFIX}, {:>2} ms: {:.1} s, {:.2} ms of CPU each",
        latency.as_millis(),
        took.as_secs_f64(),
        (cpu_seconds() - cpu) * 1e3 / BY_PREFIX as f64
    ));
    world.engine.close().await;
}

/// Many leases that expire at one moment.
async fn together(latency: Duration) {
    let world = World::new(Clock::system(), latency, "1h").await;
    let leases = world.issue(TOGETHER, 128).await;
    // Renewing takes a while, so the moment is some way off.
    let end = world.clock.now().unix_timestamp() + 20;
    let leases = Arc::new(Mutex::new(leases));
    let (client, clock) = (world.client.clone(), world.clock.clone());
    measure(64, Duration::from_secs(60), move || {
        let lease = leases.lock().expect("nobody panicked").pop()?;
        let (client, left) = (client.clone(), end - clock.now().unix_timestamp());
        Some(async move {
            let increment = harness::body(json!({ "lease_id": lease, "increment": left }));
            client.write("sys/leases/renew", &increment).await.expect("it is renewed");
        })
    })
    .await;
    assert!(world.clock.now().unix_timestamp() < end, "renewing took too long");
    while world.iam.users() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = world.iam.last_key_gone().expect("a key was deleted");
    let late = last - time::OffsetDateTime::from_unix_timestamp(end).expect("a time");
    report(&format!(
        "expiry of {TOGETHER} together, {:>2} ms: the last key lived {:.2} s too long",
        latency.as_millis(),
        late.as_seconds_f64()
    ));
    world.engine.close().await;
}
