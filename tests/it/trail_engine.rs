//! `leasehold trail` of an engine that is elsewhere, by its API; and of what audit devices write to a socket or a pipe.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::env::{Output, Server, TestEnv};
use crate::http::Http;
use crate::remote::{Remote, shipped};
use crate::servers::Sort;

/// The tutorial's estate at a server whose trail lies in `data`.
struct World {
    env: TestEnv,
    http: Http,
    server: Server,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let estate = env.copy_tree("examples/tutorial", "estate");
        let head = format!(
            "environment \"prod\" {{\n  address = \"{}\"\n  secrets = [\"env:*\"]\n  var {{\n    account = \
             \"111122223333\"\n  }}\n}}\n",
            server.address
        );
        env.write("estate/prod.hcl", &head);
        env.set("LEASEHOLD_DIR", estate.display().to_string()).set("LEASEHOLD_ENV", "prod");
        env.set("LEASEHOLD_TOKEN", &token);
        env.ok(&["apply", "--auto-approve"]);
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        Self { env, http, server }
    }

    /// What the file of the trail tells.
    fn of_file(&self, arguments: &[&str]) -> String {
        self.env.ok(&[&["trail"], arguments, &["--file", "data/trail.log"]].concat())
    }

    /// A token that may read the trail, and nothing else.
    fn auditor(&self) -> String {
        self.http.post("sys/policies/acl/trail", &json!({ "policy": shipped("trail") }));
        let made = self.http.post("auth/token/create", &json!({ "policies": ["trail"], "no_default_policy": true }));
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }
}

#[test]
fn a_server_tells_its_trail_to_who_may_read_it() {
    let mut world = World::new();
    world.env.ok(&["creds", "webapp"]);
    let lease = world.env.ok(&["creds", "backup", "-field=lease_id"]);
    world.env.ok(&["lease", "revoke", lease.trim()]);
    let auditor = world.auditor();
    world.env.set("LEASEHOLD_TOKEN", auditor);
    let table = world.env.ok(&["trail"]);
    assert_eq!(table, world.of_file(&[]));
    assert!(table.contains(" active ") && table.contains(" revoked "), "{table}");
    assert_eq!(world.env.ok(&["trail", "--json", "--app", "webapp"]), world.of_file(&["--json", "--app", "webapp"]));
    let yaml: Value = serde_yaml::from_str(&world.env.ok(&["trail", "--format", "yaml"])).unwrap();
    assert_eq!(yaml.as_array().map(Vec::len), Some(2), "{yaml}");
    // Every line's hash holds, as in the file.
    let told: Value = serde_json::from_str(&world.env.ok(&["trail", "verify", "--format", "json"])).unwrap();
    assert!(told["lines"].as_u64() > Some(100) && told["first"] == 1, "{told}");
    let head = format!("{}:{}", told["head"]["seq"], told["head"]["hash"].as_str().unwrap());
    world.run(&["trail", "verify", "--head", &head], 0);
    world.run(&["trail", "verify", "--file", "data/trail.log", "--head", &head], 0);
    let cut = world.run(&["trail", "verify", "--head", &format!("7:{}", "0".repeat(64))], 1);
    assert!(cut.stderr.contains("line 7 with hash"), "{}", cut.stderr);
    // Without an estate, at an address.
    let address = world.server.address.clone();
    world.env.set("LEASEHOLD_DIR", "").set("LEASEHOLD_ADDR", &address);
    assert_eq!(world.env.ok(&["trail"]), table);
    // Whoever reads all else may not read this.
    let rules = json!({ "policy": "path \"*\" {\n  capabilities = [\"read\", \"list\"]\n}\n" });
    world.http.post("sys/policies/acl/reader", &rules);
    let made = world.http.post("auth/token/create", &json!({ "policies": ["reader"] }));
    world.env.set("LEASEHOLD_TOKEN", made["auth"]["client_token"].as_str().unwrap());
    let refused = world.run(&["trail"], 1);
    assert!(refused.stderr.contains("`read` and `sudo` on sys/leasehold/trail"), "{}", refused.stderr);
    // What was answered is not written into the trail once more.
    let trail = std::fs::read_to_string(world.env.dir().join("data/trail.log")).unwrap();
    let longest = trail.lines().filter(|line| line.contains("sys/leasehold/trail")).map(str::len).max();
    assert!(longest.is_some_and(|length| length < 3_000), "{longest:?}");
}

#[test]
fn a_trail_that_was_rotated_is_told_from_where_it_goes_on() {
    let world = World::new();
    let file = world.env.dir().join("data/trail.log");
    std::fs::rename(&file, world.env.dir().join("trail.log.1")).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(world.server.pid().try_into().unwrap()).unwrap(),
        rustix::process::Signal::HUP,
    )
    .unwrap();
    while !file.exists() {
        std::thread::park_timeout(Duration::from_millis(20));
    }
    world.env.ok(&["creds", "webapp"]);
    let told = world.run(&["trail", "verify"], 0);
    assert!(told.stderr.contains("it was rotated"), "{}", told.normal());
    assert!(told.stdout.contains("goes on from line"), "{}", told.normal());
    assert!(world.run(&["trail"], 0).stdout.contains("webapp"));
}

#[test]
fn an_engine_without_such_a_path_is_told_with_what_there_is() {
    let mut remote = Remote::new(Sort::OpenBao);
    remote.env.set("LEASEHOLD_DIR", remote.estate.display().to_string());
    for command in [&["trail"][..], &["trail", "follow"], &["trail", "verify"]] {
        let output = remote.env.run(command);
        assert_eq!(output.code, 1, "{}", output.normal());
        let said = &output.stderr;
        assert!(said.contains("does not tell its trail") && said.contains("--file FILE"), "{said}");
        assert_eq!(output.stdout, "", "{command:?}");
    }
}

/// A command that goes on, and what it prints.
struct Followed {
    child: Child,
    lines: Receiver<String>,
    /// What it says besides.
    says: BufReader<ChildStderr>,
}

impl Followed {
    fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        let mut command = env.command(&[&["trail", "follow"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let says = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, says }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(60)).expect("a line")
    }

    fn said(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_s_trail_is_followed_without_being_fed_by_who_asks() {
    let world = World::new();
    let asked = || {
        let trail = std::fs::read_to_string(world.env.dir().join("data/trail.log")).unwrap();
        trail.lines().filter(|line| line.contains("sys/leasehold/trail")).count()
    };
    let followed = Followed::start(&world.env, &["--since", "1h"]);
    assert!(followed.next().starts_with("TIME "));
    let lease = world.env.ok(&["creds", "webapp", "-field=lease_id"]);
    assert!(followed.next().contains(" active "));
    world.env.ok(&["lease", "revoke", lease.trim()]);
    let told = followed.next();
    assert!(told.contains(" revoked "), "{told}");
    // Two lines for what is answered, and one for what is waited for: not one for each look.
    assert!(asked() < 16, "{}", asked());
}

const OPENBAO: &str = include_str!("../data/audit/openbao.log");

#[test]
fn what_audit_devices_write_to_a_socket_is_followed() {
    let env = TestEnv::new();
    let mut tcp = Followed::start(&env, &["--listen", "127.0.0.1:0"]);
    let address = tcp.said().strip_prefix("listening at ").expect("it says where").to_owned();
    assert!(tcp.next().starts_with("TIME "));
    let mut one = TcpStream::connect(&address).unwrap();
    let (first, rest) = OPENBAO.split_at(OPENBAO.len() / 2);
    one.write_all(first.as_bytes()).unwrap();
    assert!(tcp.next().contains(" issued "));
    one.write_all(rest.as_bytes()).unwrap();
    drop(one);
    let told = [tcp.next(), tcp.next(), tcp.next()];
    assert!(told[2].contains(" revoked "), "{told:?}");
    // The socket of a listener that was killed is no hindrance.
    for _ in 0..2 {
        let mut unix = Followed::start(&env, &["--listen", "unix:audit.sock", "--json"]);
        assert_eq!(unix.said(), "listening at unix:audit.sock");
        let mut one = UnixStream::connect(env.dir().join("audit.sock")).unwrap();
        one.write_all(OPENBAO.as_bytes()).unwrap();
        let told: Value = serde_json::from_str(&unix.next()).unwrap();
        assert_eq!((&told["app"], &told["state"]), (&json!("webapp"), &json!("issued")), "{told}");
    }
    let wrong = env.run(&["trail", "follow", "--listen", "nowhere"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("HOST:PORT"), "{}", wrong.normal());
}

#[test]
fn pipes_are_followed_to_their_end_and_named_ones_beyond() {
    let env = TestEnv::new();
    let mut piped = Followed::start(&env, &["--file", "-"]);
    let mut stdin = piped.child.stdin.take().unwrap();
    stdin.write_all(OPENBAO.as_bytes()).unwrap();
    drop(stdin);
    assert!(piped.next().starts_with("TIME "));
    let told: Vec<String> = (0..4).map(|_| piped.next()).collect();
    assert!(told[3].contains(" revoked "), "{told:?}");
    // It ends with what comes in.
    assert!(piped.child.wait().unwrap().success());
    let fifo = env.dir().join("audit.fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let followed = Followed::start(&env, &["--file", "audit.fifo"]);
    let (first, rest) = OPENBAO.split_at(OPENBAO.find('\n').unwrap() + 1);
    for part in [first, rest] {
        let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        writer.write_all(part.as_bytes()).unwrap();
    }
    assert!(followed.next().starts_with("TIME "));
    let told: Vec<String> = (0..4).map(|_| followed.next()).collect();
    assert!(told[3].contains(" revoked "), "{told:?}");
}
