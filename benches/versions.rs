//! Every change that AWS made to its managed policies, compared: times, what can't be told, and peak memory.
//!
//! Run with `LEASEHOLD_VERSIONS=FILE cargo bench --bench versions`. The file is what
//! `tests/aws/versions.py ARCHIVE` prints; `cargo test iam_versions` fetches the archive into `target/tmp`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::Arc;
use std::time::Instant;

use leasehold::iam::compare::{Comparison, Difference, Proof, compare};
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};
use serde_json::Value;

/// The longest documents of each round, in characters.
const ROUNDS: [usize; 3] = [12_000, 60_000, usize::MAX];

fn sets(text: &str) -> Vec<PolicySet<()>> {
    let policy = Policy::of_checked(&json::parse(text).expect("JSON")).map_spans(|_, _| ());
    vec![PolicySet::identity(vec![Arc::new(policy)])]
}

/// How many findings can't be told, in both directions.
fn untold(found: &Comparison<'_, ()>) -> usize {
    let of = |list: &[Difference<'_, ()>]| list.iter().filter(|one| matches!(one.proof, Proof::CannotTell(_))).count();
    of(&found.gains) + of(&found.losses)
}

fn main() {
    let Some(path) = std::env::var_os("LEASEHOLD_VERSIONS") else {
        report("versions: LEASEHOLD_VERSIONS names no file; see benches/versions.rs");
        return;
    };
    for longest in ROUNDS {
        // A line at a time: what is read must not weigh on what is measured.
        let lines = BufReader::new(std::fs::File::open(&path).expect("the file is there")).lines();
        round(longest, lines.map(|line| serde_json::from_str(&line.expect("UTF-8")).expect("a JSON value a line")));
    }
}

fn round(longest: usize, pairs: impl Iterator<Item = Value>) {
    let (mut times, mut unsure) = (Vec::new(), Vec::new());
    for pair in pairs {
        let text = |side: &str| pair[side].as_str().expect("a text").to_owned();
        let (name, old, new) = (text("name"), text("old"), text("new"));
        if old.chars().count().max(new.chars().count()) > longest {
            continue;
        }
        let (old, new) = (sets(&old), sets(&new));
        let started = Instant::now();
        let found = black_box(compare(&old, &new));
        times.push((started.elapsed().as_secs_f64() * 1_000.0, name.clone()));
        match untold(&found) {
            0 => {}
            count => unsure.push(format!("{name} ({count} findings)")),
        }
    }
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (count, worst) = (times.len(), times.last().expect("a pair"));
    let which = if longest == usize::MAX { "of any length".to_owned() } else { format!("up to {longest} characters") };
    report(&format!(
        "comparison of {count} changes of managed policies {which}: median {:.3} ms, 99 % within {:.2} ms, worst \
         {:.2} ms ({}), {} can't be told, {} peak",
        times[count / 2].0,
        times[count * 99 / 100].0,
        worst.0,
        worst.1,
        unsure.len(),
        peak()
    ));
    unsure.iter().for_each(|pair| report(&format!("  can't be told: {pair}")));
}

/// The most memory that this process has had. Source: proc_pid_status(5), `VmHWM`.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or_else(|| "an unknown".to_owned(), |kib: u64| format!("{} MB", kib / 1024))
}

fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
