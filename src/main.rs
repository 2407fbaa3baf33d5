//! Parses the arguments, runs one command, and exits with its code.

fn main() -> std::process::ExitCode {
    leasehold::cli::run(std::env::args_os())
}
