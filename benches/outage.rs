//! An outage of AWS, and then few calls a second: how long the backlog takes over the ideal, and how many calls each
//! lease costs. The clock runs ten times as fast as the machine's, or as the argument says: on a busy machine less,
//! for its delays count as much more. Run with `cargo bench --bench outage`, or `cargo bench --bench outage -- 5`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]
#![allow(dead_code, reason = "the harness offers more than each benchmark uses")]

mod harness;
mod null_iam;

use std::sync::atomic::Ordering;
use std::time::Duration;

use leasehold::clock::Clock;
use time::OffsetDateTime;

use harness::{World, report};

const FACTOR: u32 = 10;

/// How long leases last, in seconds: long enough to issue them all.
const TTL: u64 = 400;

const LEASES: usize = 2_000;
const CALLS_PER_SECOND: usize = 5;
const OUTAGE: Duration = Duration::from_secs(180);

/// DeleteAccessKey, DeleteUserPolicy, DeleteUser.
const CALLS_NEEDED: usize = 3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let factor = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(FACTOR);
    let start = OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("a time");
    let world = World::new(Clock::fast(start, factor), Duration::from_millis(30), &format!("{TTL}s")).await;
    world.issue(LEASES, 64).await;
    let issued = world.clock.now();
    // All of them fall due while AWS is out.
    world.iam.out.store(true, Ordering::Relaxed);
    world.clock.sleep_until(issued + Duration::from_secs(TTL)).await;
    let before = world.iam.calls.load(Ordering::Relaxed);
    world.clock.sleep(OUTAGE).await;
    world.iam.limit(CALLS_PER_SECOND);
    world.iam.out.store(false, Ordering::Relaxed);
    let (back, during) = (world.clock.now(), world.iam.calls.load(Ordering::Relaxed));
    while world.iam.users() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = (world.clock.now() - back).as_seconds_f64();
    let calls = world.iam.calls.load(Ordering::Relaxed);
    let ideal = (LEASES * CALLS_NEEDED / CALLS_PER_SECOND) as f64;
    report(&format!(
        "{LEASES} leases, {} s of outage, then {CALLS_PER_SECOND} calls a second: the last is gone {took:.0} s after it, \
         {:.2} times the ideal; {:.2} calls a lease, {} of {} throttled",
        OUTAGE.as_secs(),
        took / ideal,
        calls.saturating_sub(before) as f64 / LEASES as f64,
        world.iam.throttled.load(Ordering::Relaxed),
        calls - during,
    ));
    world.engine.close().await;
}
