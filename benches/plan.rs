//! Plans, applies, drift and rounds of `watch` of 1,000, 10,000 and 50,000 roles, on the embedded engine and over loopback to a server: wall, CPU
//! and peak memory of the process, requests, and what they leave in the trail.
//!
//! Run with `cargo bench --bench plan`, or with sizes: `cargo bench --bench plan -- 1000`. Python 3 is used to read a
//! finished process's resource usage.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

mod measure;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use measure::{estate, leasehold_as, report};

/// No-op plans of which the median is told.
const RUNS: usize = 5;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![1_000, 10_000, 50_000] } else { asked };
    for roles in sizes {
        let home = tempfile::tempdir().expect("a directory");
        estate(home.path(), roles, &[]);
        run(home.path(), &home.path().join(".leasehold"), None, &format!("{roles:>6} roles, embedded"));
        let data = home.path().join("server");
        let server = Server::start(home.path(), &data);
        let text = format!("environment \"remote\" {{\n  address = \"{}\"\n}}\n", server.address);
        std::fs::write(home.path().join("remote.hcl"), text).expect("the environment is written");
        let token = std::fs::read_to_string(data.join("root-token")).expect("it has a token");
        run(home.path(), &data, Some(token.trim()), &format!("{roles:>6} roles, loopback"));
    }
}

fn run(home: &Path, data: &Path, token: Option<&str>, what: &str) {
    let environment = if token.is_some() { "remote" } else { "local" };
    let measured = |command: &[&str], code: i32| {
        let before = Trail::of(data);
        let arguments: Vec<&str> = command.iter().copied().chain(["-e", environment]).collect();
        let (exit_code, wall, cpu, memory) = leasehold_as(home, token, &arguments);
        assert_eq!(exit_code, code, "leasehold {}", arguments.join(" "));
        (wall, cpu, memory, Trail::of(data).since(&before))
    };
    let told = |command: &str, (wall, cpu, memory, trail): &(f64, f64, f64, Trail)| {
        report(&format!(
            "{what}: {command:<14} {wall:>6.2} s wall, {cpu:>6.2} s CPU, {memory:>5.0} MB peak, {:>6} requests, {:>9.1} kB of \
             trail",
            trail.requests,
            trail.bytes as f64 / 1000.0
        ));
    };
    told("plan, all new", &measured(&["plan"], 2));
    told("apply, all new", &measured(&["apply", "--auto-approve"], 0));
    // In turn, so that what else the machine does is in each of them.
    let commands: [(&str, &[&str]); 3] =
        [("plan, no-op", &["plan"]), ("drift, none", &["drift"]), ("watch, a round", &["watch", "--once"])];
    let mut runs = commands.map(|_| Vec::new());
    for _ in 0..RUNS {
        for (runs, (_, command)) in runs.iter_mut().zip(commands) {
            runs.push(measured(command, 0));
        }
    }
    for (runs, (name, _)) in runs.iter_mut().zip(commands) {
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        told(name, &runs[RUNS / 2]);
    }
}

/// How much is in the trails of a data directory.
#[derive(Default)]
struct Trail {
    bytes: u64,
    requests: usize,
}

impl Trail {
    fn of(data: &Path) -> Self {
        let mut trail = Self::default();
        let mut left = vec![data.to_owned()];
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path: PathBuf = entry.path();
                if path.is_dir() {
                    left.push(path);
                } else if path.extension().is_some_and(|end| end == "log") {
                    let lines = BufReader::new(std::fs::File::open(&path).expect("the trail opens")).lines();
                    trail.bytes += path.metadata().map_or(0, |file| file.len());
                    trail.requests +=
                        lines.map_while(Result::ok).filter(|line| line.contains("\"type\":\"request\"")).count();
                }
            }
        }
        trail
    }

    fn since(&self, before: &Self) -> Self {
        Self { bytes: self.bytes - before.bytes, requests: self.requests - before.requests }
    }
}

/// A server that ends with this guard.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(home: &Path, data: &Path) -> Self {
        let data = data.to_str().expect("a path");
        let mut child = Command::new(env!("CARGO_BIN_EXE_leasehold"))
            .args(["server", "--data-dir", data, "--listen", "127.0.0.1:0", "--aws=sandbox"])
            .current_dir(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("it has an output"));
        let mut address = String::new();
        for line in output.lines().map_while(Result::ok) {
            if let Some((_, found)) = line.split_once("Api Address: ") {
                address = found.trim().to_owned();
            }
            if !address.is_empty() && line.contains("server started") {
                break;
            }
        }
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
