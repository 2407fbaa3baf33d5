//! Parses the arguments, runs one command, and exits with its code.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Estates and answers are many small values, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    guard();
    leasehold::cli::run(std::env::args_os().collect())
}

/// Keeps what this process holds to its owner: new files are private, and no core dump shows its memory.
fn guard() {
    umask(Mode::from_raw_mode(0o077));
    // Where the system refuses these, the process is no worse off than without them.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // A connection is an open file, and the usual soft limit is for programs that serve nobody.
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
