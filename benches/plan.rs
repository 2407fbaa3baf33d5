//! A no-op plan of 1,000 and of 10,000 roles on the embedded engine: wall, CPU and peak memory of the process.
//!
//! Run with `cargo bench --bench plan`. Python 3 is used to read a finished process's resource usage.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

const RUNS: usize = 5;

/// Runs a command and prints its exit code, wall and CPU seconds and peak memory in KiB.
const MEASURE: &str = "import resource,subprocess,sys,time
t=time.monotonic(); code=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL).returncode
w=time.monotonic()-t; r=resource.getrusage(resource.RUSAGE_CHILDREN)
print(code,w,r.ru_utime+r.ru_stime,r.ru_maxrss)";

fn main() {
    for roles in [1_000, 10_000] {
        run(roles);
    }
}

fn estate(directory: &Path, roles: usize) {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).expect("the estate is written");
    write(
        "engine.hcl",
        "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\n\naws \"aws\" {\n  region = \"eu-west-1\"\n  lease {\n    default = \"1h\"\n    max     = \"2h\"\n  }\n}\n",
    );
    for file in 0..roles / 100 {
        let mut text = String::new();
        for number in file * 100..(file + 1) * 100 {
            let _ = writeln!(
                text,
                "role \"role-{number:05}\" {{\n  mount           = \"aws\"\n  credential_type = \"iam_user\"\n  \
                 statement \"Read\" {{\n    effect    = \"Allow\"\n    actions   = [\"s3:GetObject\", \"s3:ListBucket\"]\n    \
                 resources = [\"arn:aws:s3:::bucket-{number}\", \"arn:aws:s3:::bucket-{number}/*\"]\n  }}\n}}\n"
            );
        }
        write(&format!("roles-{file:03}.hcl"), &text);
    }
}

fn leasehold(directory: &Path, arguments: &[&str]) -> (i32, f64, f64, f64) {
    let output = Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_leasehold")])
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8(output.stdout).expect("numbers");
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    (numbers[0] as i32, numbers[1], numbers[2], numbers[3] / 1024.0)
}

fn run(roles: usize) {
    let home = tempfile::tempdir().expect("a directory");
    estate(home.path(), roles);
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

fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
