//! `leasehold watch --credentials-log`: what engines elsewhere issue, in a log of one's own.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::env::{Server, TestEnv, commit_all, git};
use crate::remote::Remote;
use crate::servers::{Sort, TestServer};
use crate::watch_told::{address, get};
use crate::watched::Loop;

const OPENBAO: &str = include_str!("../data/audit/openbao.log");

/// What takes longer does not happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// An estate that is applied, and a loop that may be started.
struct Logged<S> {
    env: TestEnv,
    commit: String,
    server: S,
}

impl Logged<Server> {
    /// At a server of ours, with a simulated account.
    fn ours() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        env.copy_tree("examples/tutorial", "estate");
        let address = &server.address;
        let engine = format!("  address = \"{address}\"\n  secrets = [\"env:*\"]\n");
        let variables = "  var {\n    account = \"111122223333\"\n  }\n";
        env.write("estate/remote.hcl", &format!("environment \"remote\" {{\n{engine}{variables}}}\n"));
        env.set("LEASEHOLD_TOKEN", token).set("LEASEHOLD_ENV", "remote");
        Self::applied(env, server)
    }
}

impl Logged<TestServer> {
    /// At a cluster of OpenBao.
    fn openbao() -> Self {
        let Remote { env, server, .. } = Remote::new(Sort::OpenBao);
        Self::applied(env, server)
    }
}

impl<S> Logged<S> {
    fn applied(env: TestEnv, server: S) -> Self {
        let estate = env.dir().join("estate");
        drop(commit_all(&estate));
        let commit = git(&estate, &["rev-parse", "HEAD"]).trim().to_owned();
        env.ok(&["-C", "estate", "apply", "--auto-approve"]);
        Self { env, commit, server }
    }

    fn env(&self) -> &TestEnv {
        &self.env
    }

    fn path(&self) -> PathBuf {
        self.env().dir().join("credentials.log")
    }

    fn start(&self, more: &[&str]) -> Loop {
        let arguments = ["watch", "estate", "-e", "remote", "--state", "state", "--interval", "1h"];
        Loop::start(self.env(), &[&arguments[..], &["--credentials-log", "credentials.log"], more].concat())
    }

    /// What a log tells, once it tells so many credentials that are in such a state.
    #[track_caller]
    fn told(&self, number: usize, state: &str) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let found = read(self.env(), &self.path());
            if found.iter().filter(|issued| issued["state"] == state).count() == number {
                return found;
            }
            let log = std::fs::read_to_string(self.env().dir().join("log")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "{number} that are {state}\n{found:#?}\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn lines(&self) -> usize {
        std::fs::read_to_string(self.path()).unwrap().lines().count()
    }
}

/// Each credential of a log, as `leasehold trail` reads it.
fn read(env: &TestEnv, path: &Path) -> Vec<Value> {
    if !path.exists() {
        return Vec::new();
    }
    let text = env.ok(&["trail", "--json", "--file", &path.display().to_string()]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn each_credential_of_our_server_is_logged_once_over_kills_and_rotations() {
    let logged = Logged::ours();
    let env = logged.env();
    let issue = || env.ok(&["-C", "estate", "creds", "webapp"]);
    issue();
    let running = logged.start(&[]);
    let first = logged.told(1, "active");
    assert_eq!((&first[0]["app"], &first[0]["commit"]), (&json!("webapp"), &json!(logged.commit)), "{first:#?}");
    let lease = first[0]["lease_id"].as_str().unwrap();
    env.ok(&["-C", "estate", "lease", "revoke", lease]);
    logged.told(1, "revoked");
    // Whoever kills it has it miss nothing, and tell nothing twice.
    running.signal(Signal::KILL);
    running.ended();
    issue();
    let running = logged.start(&[]);
    logged.told(1, "active");
    let lines = logged.lines();
    assert_eq!(lines, 3, "issued, revoked, issued");
    env.ok(&["trail", "verify", "--file", "credentials.log"]);
    // It goes on in a new file, from where the old one ended.
    std::fs::rename(logged.path(), env.dir().join("credentials.log.1")).unwrap();
    running.signal(Signal::HUP);
    issue();
    logged.told(1, "active");
    assert_eq!(running.stop(), Some(0));
    let both = ["credentials.log.1", "credentials.log"].map(|file| std::fs::read(env.dir().join(file)).unwrap());
    env.write("both.log", &String::from_utf8(both.concat()).unwrap());
    let verified = env.ok(&["trail", "verify", "--file", "both.log"]);
    assert!(verified.contains("4 lines"), "{verified}");
    // The old file is not told once more at the next start.
    let running = logged.start(&[]);
    issue();
    logged.told(2, "active");
    assert_eq!((running.stop(), logged.lines()), (Some(0), 2));
    // What is cut off is told.
    std::fs::write(logged.path(), "").unwrap();
    let running = logged.start(&[]);
    running.says("is not what was written: line 5 with hash");
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn credentials_of_a_cluster_are_logged_with_their_commits() {
    let logged = Logged::openbao();
    let namespace = logged.server.namespace.clone();
    let here = match &namespace {
        Some(namespace) => OPENBAO.replace(r#"{"id":"root"}"#, &format!(r#"{{"id":"n1","path":"{namespace}/"}}"#)),
        None => OPENBAO.to_owned(),
    };
    let lines: Vec<&str> = here.split_inclusive('\n').collect();
    let (before, after) = lines.split_at(lines.len() / 2);
    let audit = logged.env().write("audit.log", &before.concat());
    let running = logged.start(&["--audit-file", "audit.log"]);
    logged.told(1, "issued");
    std::fs::rename(&audit, logged.env().dir().join("audit.log.1")).unwrap();
    append(&audit, &after.concat());
    let found = logged.told(1, "revoked");
    assert_eq!(running.stop(), Some(0));
    assert_eq!(found.len(), 2, "{found:#?}");
    for issued in &found {
        assert_eq!((&issued["app"], &issued["role"]), (&json!("webapp"), &json!("webapp")), "{issued:#}");
        assert_eq!(issued["commit"], json!(logged.commit), "{issued:#}");
        assert!(issued["review"].is_string() && issued["plan"].is_string(), "{issued:#}");
        assert_eq!(issued["namespace"].as_str(), namespace.as_deref(), "{issued:#}");
    }
    logged.env().ok(&["trail", "verify", "--file", "credentials.log"]);
}

#[test]
fn what_an_audit_device_sends_is_logged() {
    let logged = Logged::openbao();
    let socket = logged.env().dir().join("audit.sock");
    let address = format!("unix:{}", socket.display());
    let running = logged.start(&["--audit-listen", &address]);
    running.says("listening at");
    let mut device = UnixStream::connect(&socket).unwrap();
    device.write_all(OPENBAO.as_bytes()).unwrap();
    assert_eq!(logged.told(1, "revoked").len(), 2);
    assert_eq!(running.stop(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_log_that_can_t_be_kept_is_told_and_gone_on_with() {
    let logged = Logged::ours();
    let env = logged.env();
    // An engine that has no such trail.
    let other = Logged::openbao();
    let running = other.start(&["--listen", "127.0.0.1:0"]);
    running.says("does not tell its trail");
    running.says("--audit-file FILE of `leasehold watch`");
    let address = address(&running);
    let began = Instant::now();
    loop {
        let answer = get(&address, "/healthz");
        if answer.starts_with("HTTP/1.1 503") && answer.contains("credentials are not logged") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{answer}");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(running.stop(), Some(0));
    // A file that is none of ours is not written into.
    env.write("credentials.log", "somebody's\n");
    let refused = logged.start(&[]);
    assert_eq!(refused.ended(), Some(1));
    assert_eq!(std::fs::read_to_string(logged.path()).unwrap(), "somebody's\n");
}
