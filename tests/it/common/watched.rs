//! An estate of policies on a server, in a repository that is cloned and pushed to, and a loop that keeps it.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::between::Between;
use crate::env::{Output, TestEnv, git};
use crate::servers::{ByHand, Sort, TestServer};

/// What takes longer does not happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// A server, something in front of it, and the repository of an estate: `estate` is a clone of `origin.git`.
pub(crate) struct Watched {
    pub(crate) env: TestEnv,
    pub(crate) server: TestServer,
    pub(crate) between: Between,
    pub(crate) hand: ByHand,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Watched {
    pub(crate) fn new() -> Self {
        let server = TestServer::start(Sort::Ours);
        let between = server.part();
        let mut env = TestEnv::new();
        // An engine that is away is away at once.
        env.set("LEASEHOLD_TOKEN", &*server.token).set("USER", "ada").set("VAULT_MAX_RETRIES", "0");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let hand = server.by_hand();
        let watched = Self { env, server, between, hand, runtime };
        git(watched.env.dir(), &["init", "--quiet", "--bare", "origin.git"]);
        git(watched.env.dir(), &["clone", "--quiet", "origin.git", "estate"]);
        watched.declare(&["one", "two"]);
        watched
    }

    /// Where the estate is pushed to.
    pub(crate) fn origin(&self) -> String {
        self.env.dir().join("origin.git").display().to_string()
    }

    /// Declares these policies, each about a path of its name.
    pub(crate) fn declare(&self, policies: &[&str]) {
        let address = &self.between.address;
        let mut text = format!("environment \"local\" {{\n  address = \"{address}\"\n}}\n");
        for policy in policies {
            text +=
                &format!("policy \"{policy}\" {{\n  path \"{policy}\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n");
        }
        self.env.write("estate/estate.hcl", &text);
    }

    /// Commits what is there and pushes it; answers the commit.
    pub(crate) fn push(&self) -> String {
        let estate = self.env.dir().join("estate");
        git(&estate, &["add", "--all"]);
        git(&estate, &["commit", "--quiet", "--message", "the estate"]);
        git(&estate, &["push", "--quiet", "--force", "origin", "HEAD:main"]);
        git(&estate, &["rev-parse", "HEAD"])
    }

    /// What the engine has of a policy.
    pub(crate) fn policy(&self, name: &str) -> Option<String> {
        let answer = self.hand.send("GET", &format!("sys/policies/acl/{name}"), None);
        (answer.status == 200).then(|| answer.body["data"]["policy"].as_str().unwrap().to_owned())
    }

    /// Writes a policy as nobody declared it.
    pub(crate) fn write_by_hand(&self, name: &str) {
        let policy = "path \"leasehold/*\" { capabilities = [\"update\"] }";
        self.hand.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": policy }));
    }

    /// The arguments of a loop, of the estate's directory.
    pub(crate) fn of_directory<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["watch", "estate", "-e", "local", "--state", "state"], more].concat()
    }

    /// One round of the remote.
    pub(crate) fn once(&self, more: &[&str]) -> Output {
        let origin = self.origin();
        let mut arguments = vec!["watch", "-e", "local", "--state", "state", "--remote", &origin, "--once"];
        arguments.extend(more);
        self.env.run(&arguments)
    }

    /// What the loop knows.
    pub(crate) fn state(&self) -> Value {
        let text = std::fs::read_to_string(self.env.dir().join("state/state.json"));
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    /// Starts a loop.
    pub(crate) fn start(&self, arguments: &[&str]) -> Loop {
        Loop::start(&self.env, arguments)
    }

    /// Waits until something is so of what the loop knows.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let state = self.state();
            if is_so(&state) {
                return state;
            }
            let log = std::fs::read_to_string(self.env.dir().join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{what}\n{state:#}\n{log}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// A loop that runs, and ends with this guard.
pub(crate) struct Loop {
    child: Child,
    log: PathBuf,
}

impl Loop {
    /// Starts one, whose words go to `log`.
    pub(crate) fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        let log = env.dir().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut command = env.command(arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    /// What it and those before it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it says something.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) {
        let began = Instant::now();
        while !self.log().contains(part) {
            assert!(began.elapsed() < PATIENCE, "{part} is not in {}", self.log());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Waits for its end, and answers its exit code.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Option<i32> {
        let began = Instant::now();
        while self.is_running() {
            assert!(began.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(30));
        }
        self.child.wait().unwrap().code()
    }

    /// Asks it to end (SIGTERM), and answers its exit code.
    #[track_caller]
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.ended()
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
