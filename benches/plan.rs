//! A no-op plan of 1,000 and of 10,000 roles on the embedded engine: wall, CPU and peak memory of the process.
//!
//! Run with `cargo bench --bench plan`. Python 3 is used to read a finished process's resource usage.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

mod measure;

use std::time::Instant;

use measure::{estate, leasehold, report};

const RUNS: usize = 5;

fn main() {
    for roles in [1_000, 10_000] {
        run(roles);
    }
}

fn run(roles: usize) {
    let home = tempfile::tempdir().expect("a directory");
    estate(home.path(), roles, &[]);
    let started = Instant::now();
    let (code, wall, cpu, memory) = leasehold(home.path(), &["apply", "--auto-approve"]);
    assert_eq!(code, 0, "apply failed");
    report(&format!("apply, {roles:>6} new roles: {wall:.2} s wall, {cpu:.2} s CPU, {memory:.0} MB peak"));
    let mut walls = Vec::new();
    for _ in 0..RUNS {
        let (code, wall, cpu, memory) = leasehold(home.path(), &["plan"]);
        assert_eq!(code, 0, "the plan is not empty");
        walls.push((wall, cpu, memory));
    }
    walls.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (wall, cpu, memory) = walls[RUNS / 2];
    report(&format!(
        "no-op plan, {roles:>6} roles: {wall:.2} s wall ({:.2} to {:.2}), {cpu:.2} s CPU, {memory:.0} MB peak   [{:.0} s in all]",
        walls[0].0,
        walls[RUNS - 1].0,
        started.elapsed().as_secs_f64()
    ));
}
