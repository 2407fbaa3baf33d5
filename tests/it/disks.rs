//! Disks that are full or broken: what can go on goes on, what can't says so, and a full disk is no reason to restart.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use leasehold::trail::chain;
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::Http;
use crate::traced::Traced;
use crate::wire_aws::World;

/// More leases than are revoked at once.
const LEASES: usize = 40;
/// How long something may take that another process is about to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A disk that is full for the files of a pattern, as `tests/trace/calls.py` reads it: ENOSPC.
fn full(files: &str) -> String {
    format!("28 {files} openat write pwrite64 writev pwritev fallocate")
}

/// Looks until it is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_trail_that_takes_nothing_holds_no_key_alive() {
    let world = World::with_role();
    for _ in 0..LEASES {
        world.root.get("aws/creds/r");
    }
    let health = || world.root.send("GET", "sys/health", None);
    assert_eq!((health().status, &health().body["failing"]), (200, &Value::Null));

    // A directory in the place of its file: the trail takes nothing until that is mended.
    let (trail, aside) = (world.trail_file(), world.trail_file().with_extension("aside"));
    std::fs::rename(&trail, &aside).unwrap();
    std::fs::create_dir(&trail).unwrap();
    world.reload_trail();
    until("health tells that the trail takes nothing", || health().status == 500);
    assert!(
        health().body["failing"]["audit/trail/"].as_str().unwrap().contains("could not be opened"),
        "{}",
        health().body
    );
    assert_eq!(world.root.send("GET", "aws/creds/r", None).status, 500);
    let gauge = |name: &str| {
        let gauges = world.root.get("sys/metrics")["Gauges"].clone();
        let found = gauges.as_array().unwrap().iter().find(|gauge| gauge["Name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no {name} in {gauges}"))["Value"].clone()
    };
    assert_eq!((gauge("leasehold.audit.failing"), gauge("leasehold.leases.overdue")), (json!(1), json!(0)));

    world.wait(768 * 3600 + 1);
    until("every user goes, whatever the trail takes", || world.account.user_names("/").is_empty());
    // A call is noted after its effect, so that the last one's note may be behind it: the engine is at rest first.
    world.settle_within(Duration::from_secs(2));
    let calls = world.account.faults().calls().len();
    world.wait(3600);
    assert_eq!(world.settle_within(Duration::from_secs(2)), LEASES, "their ends are not in the trail");
    assert_eq!(gauge("leasehold.leases.overdue"), LEASES);
    assert_eq!(world.account.faults().calls().len(), calls, "AWS is not asked again for what it has been seen without");

    std::fs::remove_dir(&trail).unwrap();
    std::fs::rename(&aside, &trail).unwrap();
    world.reload_trail();
    until("health is well again", || health().status == 200);
    world.wait(60);
    assert_eq!(world.settle(), 0);
    assert_eq!((gauge("leasehold.audit.failing"), gauge("leasehold.leases.overdue")), (json!(0), json!(0)));
    let lines = std::fs::read_to_string(&trail).unwrap();
    assert_eq!(lines.matches("\"name\":\"lease-revoked\"").count(), LEASES);
    assert_eq!(chain::verify(lines.as_bytes(), None).unwrap().fault_count, 0);
}

/// A real server with faults, and leases of two seconds.
struct Server {
    env: TestEnv,
    traced: Traced,
    data: PathBuf,
    http: Http,
}

impl Server {
    fn start() -> Self {
        let env = TestEnv::new();
        let data = env.dir().join("data");
        let traced = Traced::start(&env, &data, 0);
        let token = std::fs::read_to_string(data.join("root-token")).unwrap().trim().to_owned();
        let http = Http { address: traced.address.clone().expect("it starts"), token };
        http.post("sys/mounts/kv", &json!({ "type": "kv", "options": { "version": "2" } }));
        http.post("sys/mounts/aws", &json!({ "type": "aws" }));
        http.post("aws/config/lease", &json!({ "lease": "2s", "lease_max": "1h" }));
        http.post("aws/roles/r", &json!({ "credential_type": "iam_user" }));
        Self { env, traced, data, http }
    }

    fn put(&self, name: &str) -> u16 {
        self.http.send("POST", &format!("kv/data/{name}"), Some(&json!({ "data": { "a": name } }))).status
    }

    fn get(&self, name: &str) -> u16 {
        self.http.send("GET", &format!("kv/data/{name}"), None).status
    }

    fn health(&self) -> (u16, Value) {
        let answer = self.http.send("GET", "sys/health", None);
        (answer.status, answer.body["failing"].clone())
    }

    /// How many users there are beside the one that the engine signs as.
    fn users(&self) -> usize {
        let journal = std::fs::read_to_string(self.data.join("sandbox/account.jsonl")).unwrap();
        let mut users = std::collections::HashSet::new();
        for line in journal.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let entry: Value = serde_json::from_str(line).unwrap();
            let Some([name, user]) = entry["user"].as_array().map(Vec::as_slice) else { continue };
            let _ = if user.is_null() { users.remove(&name.to_string()) } else { users.insert(name.to_string()) };
        }
        users.remove(&format!("{:?}", leasehold::sandbox::ENGINE_USER));
        users.len()
    }

    fn leases(&self) -> usize {
        let found = self.http.send("LIST", "sys/leases/lookup/aws/creds/r", None);
        found.body["data"]["keys"].as_array().map_or(0, Vec::len)
    }
}

#[test]
fn a_full_disk_under_the_store_is_over_when_there_is_space() {
    let server = Server::start();
    assert_eq!((server.put("before"), server.health()), (200, (200, Value::Null)));
    server.traced.fail(&[&full("engine.db*")]);
    assert_eq!((server.put("a"), server.put("b")), (500, 500));
    assert_eq!(server.get("before"), 200, "what is there is read");
    let (status, failing) = server.health();
    assert_eq!(status, 500);
    assert!(failing["store"].as_str().unwrap().contains("full"), "{failing}");
    server.traced.fail(&[]);
    assert_eq!((server.put("c"), server.health()), (200, (200, Value::Null)));
    let kept = |server: &Server| ["before", "a", "b", "c"].map(|name| server.get(name));
    assert_eq!(kept(&server), [200, 404, 404, 200]);

    // What was refused is not there after a restart either: it never was part of the log.
    let Server { env, traced, data, .. } = server;
    traced.end();
    let again = env.server(&["--listen", "127.0.0.1:0", "--aws", "sandbox", "--data-dir", data.to_str().unwrap()]);
    let token = std::fs::read_to_string(data.join("root-token")).unwrap().trim().to_owned();
    let http = Http { address: again.address.trim_start_matches("http://").to_owned(), token };
    let status = |name: &str| http.send("GET", &format!("kv/data/{name}"), None).status;
    assert_eq!(["before", "a", "b", "c"].map(status), [200, 404, 404, 200]);
}

#[test]
fn health_sees_that_there_is_space_again_where_nobody_writes() {
    let server = Server::start();
    server.traced.fail(&[&full("*")]);
    assert_eq!(server.put("a"), 500);
    let (status, failing) = server.health();
    assert!(status == 500 && failing["audit/trail/"].as_str().unwrap().contains("No space left"), "{failing}");
    server.traced.fail(&[]);
    until("health is well again", || server.health() == (200, Value::Null));
}

#[test]
fn a_flush_that_failed_is_not_tried_again() {
    let server = Server::start();
    assert_eq!(server.put("a"), 200);
    server.traced.fail(&["5 engine.db-wal fsync fdatasync"]);
    assert_eq!(server.put("b"), 500);
    server.traced.fail(&[]);
    assert_eq!((server.put("c"), server.get("a"), server.health().0), (500, 500, 500));
    let (_, failing) = server.health();
    assert!(failing["store"].as_str().unwrap().contains("until a restart"), "{failing}");
}

#[test]
fn a_store_that_takes_nothing_holds_no_key_alive() {
    let server = Server::start();
    for _ in 0..LEASES {
        server.http.get("aws/creds/r");
    }
    server.traced.fail(&[&full("engine.db*")]);
    until("every user goes, whatever the store takes", || server.users() == 0);
    server.traced.fail(&[]);
    until("every lease goes when there is space", || server.leases() == 0);
    let trail = verified(&server.data.join("trail.log"));
    assert!(trail > 0);
}

/// How many lines a trail has, all of them sound.
#[track_caller]
fn verified(trail: &Path) -> u64 {
    let report = chain::verify(BufReader::new(std::fs::File::open(trail).unwrap()), None).unwrap();
    assert_eq!(report.fault_count, 0, "{:?}", report.faults);
    report.lines
}
