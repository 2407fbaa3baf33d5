//! A real server, each of whose system calls that change a file is seen, and may be killed at or fail.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::env::TestEnv;

/// A server whose calls are counted, and that is killed at one of them.
pub(crate) struct Traced {
    tracer: Child,
    log: PathBuf,
    /// Where it listens, if it came so far.
    pub(crate) address: Option<String>,
}

impl Traced {
    /// Starts it on `data`, to be killed at call `at` (from 1; 0 is never).
    pub(crate) fn start(env: &TestEnv, data: &Path, at: usize) -> Self {
        Self::start_with(env, data, at, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(env: &TestEnv, data: &Path, at: usize, flags: &[&str]) -> Self {
        let log = data.with_extension("calls");
        let said = data.with_extension("stderr");
        let arguments = ["server", "--listen", "127.0.0.1:0", "--aws", "sandbox", "--data-dir"];
        let mut tracer = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trace/calls.py"))
            .args([data, Path::new(&at.to_string()), &log, Path::new(env!("CARGO_BIN_EXE_leasehold"))])
            .args(arguments)
            .arg(data)
            .args(flags)
            .current_dir(env.dir())
            .env_clear()
            .env("HOME", env.dir())
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&said).expect("a file for its log"))
            .spawn()
            .expect("python3 runs");
        let mut lines = BufReader::new(tracer.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut address = None;
        for line in lines.by_ref() {
            if let Some((_, found)) = line.split_once("Api Address: http://") {
                address = Some(found.to_owned());
            }
            if line.contains("server started") {
                return Self { tracer, log, address };
            }
        }
        let text = std::fs::read_to_string(said).unwrap_or_default();
        assert!(at != 0, "the server did not start, or it can't be traced (ptrace must be allowed):\n{text}");
        Self { tracer, log, address: None }
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log).expect("the log reads").lines().map(str::to_owned).collect()
    }

    /// From now on calls fail as the lines say (see `tests/trace/calls.py`); as none, every call is made again.
    pub(crate) fn fail(&self, faults: &[&str]) {
        let mut file = self.log.clone().into_os_string();
        file.push(".faults");
        if faults.is_empty() {
            return std::fs::remove_file(file).expect("there were faults");
        }
        // Whole at once: the tracer reads it at any time.
        let new = self.log.with_extension("new");
        std::fs::write(&new, faults.join("\n")).expect("it is written");
        std::fs::rename(new, file).expect("it is put in its place");
    }

    /// Asks it to stop, unless it is dead; answers its calls, and whether it was killed.
    pub(crate) fn end(mut self) -> (Vec<String>, bool) {
        let pid = rustix::process::Pid::from_child(&self.tracer);
        // It may have been killed meanwhile.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let code = self.tracer.wait().expect("it ends").code();
        (self.calls(), code == Some(128 + 9))
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // The program ends with its tracer.
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
