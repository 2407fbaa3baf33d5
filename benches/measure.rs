//! What benchmarks of the program share: a large estate, and a command measured as a whole process.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// Runs a command and prints its exit code, wall and CPU seconds and peak memory in KiB.
const MEASURE: &str = "import resource,subprocess,sys,time
t=time.monotonic(); code=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL).returncode
w=time.monotonic()-t; r=resource.getrusage(resource.RUSAGE_CHILDREN)
print(code,w,r.ru_utime+r.ru_stime,r.ru_maxrss)";

/// Writes an estate of so many roles, a hundred in a file. Those of `widened` have one more action.
pub(crate) fn estate(directory: &Path, roles: usize, widened: &[usize]) {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).expect("the estate is written");
    write(
        "engine.hcl",
        "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\n\naws \"aws\" {\n  region = \"eu-west-1\"\n  lease {\n    default = \"1h\"\n    max     = \"2h\"\n  }\n}\n",
    );
    for file in 0..roles / 100 {
        let mut text = String::new();
        for number in file * 100..(file + 1) * 100 {
            let more = if widened.contains(&number) { ", \"s3:PutObject\"" } else { "" };
            let _ = writeln!(
                text,
                "role \"role-{number:05}\" {{\n  mount           = \"aws\"\n  credential_type = \"iam_user\"\n  \
                 statement \"Read\" {{\n    effect    = \"Allow\"\n    actions   = [\"s3:GetObject\", \"s3:ListBucket\"{more}]\n    \
                 resources = [\"arn:aws:s3:::bucket-{number}\", \"arn:aws:s3:::bucket-{number}/*\"]\n  }}\n}}\n"
            );
        }
        write(&format!("roles-{file:03}.hcl"), &text);
    }
}

/// Runs the program; answers its exit code, wall and CPU seconds and peak memory in MB.
#[allow(dead_code, reason = "benchmarks of one process need no token")]
pub(crate) fn leasehold(directory: &Path, arguments: &[&str]) -> (i32, f64, f64, f64) {
    leasehold_as(directory, None, arguments)
}

/// The same, with a token.
pub(crate) fn leasehold_as(directory: &Path, token: Option<&str>, arguments: &[&str]) -> (i32, f64, f64, f64) {
    let output = Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_leasehold")])
        .args(arguments)
        .envs(token.map(|token| ("LEASEHOLD_TOKEN", token)))
        .current_dir(directory)
        .output()
        .expect("python3 runs");
    let text = String::from_utf8(output.stdout).expect("numbers");
    let numbers: Vec<f64> = text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    (numbers[0] as i32, numbers[1], numbers[2], numbers[3] / 1024.0)
}

/// Prints a line.
pub(crate) fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
