//! Audit devices of every type: what they write and where, what happens when nobody takes it, and what they may do by the
//! server's configuration.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use leasehold::clock::Clock;
use leasehold::engine::{Auditing, Config, Storage};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::env::{InTestEngine, TestEnv};
use crate::http::{Answer, Http, said};
use crate::wire_aws::{START, refused};

/// An engine on disk, which may be opened again with another configuration.
struct World {
    home: tempfile::TempDir,
    clock: Clock,
    engine: Option<InTestEngine>,
    http: Http,
}

impl World {
    fn new(auditing: Auditing) -> Self {
        let mut world = Self::closed();
        world.start(auditing);
        world
    }

    /// One without a trail of its own.
    fn bare() -> Self {
        let mut world = Self::closed();
        world.start_with(None, Auditing::default());
        world
    }

    fn closed() -> Self {
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
        let http = Http { address: String::new(), token: String::new() };
        Self { home: tempfile::tempdir().unwrap(), clock, engine: None, http }
    }

    /// Opens the engine, which is closed before where it is open.
    fn start(&mut self, auditing: Auditing) {
        self.start_with(Some(self.home.path().join("trail.log")), auditing);
    }

    fn start_with(&mut self, trail: Option<std::path::PathBuf>, auditing: Auditing) {
        self.engine = None;
        let storage = Storage::Disk { directory: self.home.path().join("data") };
        let engine = InTestEngine::start_with(Config { trail, auditing, ..Config::new(storage, self.clock.clone()) });
        self.http =
            Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
        self.engine = Some(engine);
    }

    fn enable(&self, name: &str, kind: &str, options: &Value) -> Answer {
        self.http.send("PUT", &format!("sys/audit/{name}"), Some(&json!({ "type": kind, "options": options })))
    }

    /// What the lines of a closed engine's file have of writes to `secret`.
    fn logged(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.path().join(file)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["type"] == "request" && line["request"]["path"] == "cubbyhole/a")
            .map(|line| said(&line["request"]["data"]["password"]))
            .collect()
    }
}

#[test]
fn secrets_in_clear_are_written_only_where_the_configuration_allows_it() {
    let mut world = World::new(Auditing::default());
    let raw = json!({ "file_path": world.home.path().join("raw"), "log_raw": "true" });
    refused(&world.enable("raw", "file", &raw), 400, "allow_audit_log_raw = true");
    assert!(!world.home.path().join("raw").exists(), "nothing is made");
    world.start(Auditing { log_raw: true, ..Auditing::default() });
    assert_eq!(world.enable("raw", "file", &raw).status, 204);
    world.http.post("cubbyhole/a", &json!({ "password": "open sesame" }));
    // Who takes the permission back does not lose the device, and its lines are hashed.
    world.start(Auditing::default());
    world.http.post("cubbyhole/a", &json!({ "password": "open sesame" }));
    let hash = world.http.post("sys/audit-hash/raw", &json!({ "input": "open sesame" }))["data"]["hash"].clone();
    world.engine = None;
    assert_eq!(world.logged("raw"), ["open sesame".to_owned(), said(&hash)]);
}

/// Somebody who listens, and what came in.
struct Listener {
    /// Where.
    address: String,
    lines: Receiver<Value>,
    /// Ends it, with its connections, once it is dropped and woken.
    stop: Option<Box<dyn FnOnce()>>,
}

/// The lines of a connection, until it ends or is ended.
fn read(stream: impl std::io::Read + Send + 'static, sender: std::sync::mpsc::Sender<Value>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The line that a connection broke off in is none.
            if let Ok(line) = serde_json::from_str(&line)
                && sender.send(line).is_err()
            {
                return;
            }
        }
    });
}

impl Listener {
    fn tcp(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, lines) = channel();
        let (opened, connections) = channel::<TcpStream>();
        let (done, is_done) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), address.clone());
        let accepting = std::thread::spawn({
            let done = done.clone();
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if done.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    opened.send(stream.try_clone().unwrap()).unwrap();
                    read(stream, sender.clone());
                }
            }
        });
        let stop = move || {
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            drop(TcpStream::connect(is_done));
            accepting.join().unwrap();
            connections.try_iter().for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap_or_default());
        };
        Self { address, lines, stop: Some(Box::new(stop)) }
    }

    fn unix(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        Self::accepting(path, listener)
    }

    fn accepting(path: &Path, listener: UnixListener) -> Self {
        let (sender, lines) = channel();
        let (opened, connections) = channel::<UnixStream>();
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let accepting = std::thread::spawn({
            let done = done.clone();
            move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if done.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    opened.send(stream.try_clone().unwrap()).unwrap();
                    read(stream, sender.clone());
                }
            }
        });
        let at = path.to_owned();
        let stop = move || {
            done.store(true, std::sync::atomic::Ordering::SeqCst);
            drop(UnixStream::connect(&at));
            accepting.join().unwrap();
            std::fs::remove_file(&at).unwrap();
            connections.try_iter().for_each(|stream| stream.shutdown(std::net::Shutdown::Both).unwrap_or_default());
        };
        Self { address: path.display().to_string(), lines, stop: Some(Box::new(stop)) }
    }

    /// The next line about this path.
    #[track_caller]
    fn about(&self, path: &str) -> Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30)).expect("a line comes in");
            if line["request"]["path"] == path {
                return line;
            }
        }
    }

    /// Goes away: nobody listens any more, and what was open is closed.
    fn leave(mut self) {
        self.stop.take().into_iter().for_each(|stop| stop());
    }
}

fn number(line: &Value) -> u64 {
    line["chain"]["seq"].as_u64().unwrap()
}

#[test]
fn whoever_listens_at_a_socket_gets_each_line_with_its_secrets_hashed() {
    let world = World::new(Auditing::default());
    let [tcp, unix] = [Listener::tcp("127.0.0.1:0"), Listener::unix(&world.home.path().join("siem"))];
    let options = json!({ "address": tcp.address, "prefix": "" });
    assert_eq!(world.enable("siem", "socket", &options).status, 204);
    let options =
        json!({ "address": unix.address, "socket_type": "unix", "write_timeout": "5s", "hmac_accessor": "false" });
    assert_eq!(world.enable("local", "socket", &options).status, 204);
    world.http.post("cubbyhole/a", &json!({ "password": "open sesame" }));
    for (name, listener) in [("siem", &tcp), ("local", &unix)] {
        let test = listener.lines.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!((&test["event"]["name"], number(&test)), (&json!("audit-test"), 1));
        assert_eq!(number(&listener.lines.recv_timeout(Duration::from_secs(30)).unwrap()), 2, "one chain");
        let (request, response) = (listener.about("cubbyhole/a"), listener.about("cubbyhole/a"));
        assert_eq!((&request["type"], &response["type"]), (&json!("request"), &json!("response")));
        assert_eq!(number(&response), number(&request) + 1);
        assert_eq!(response["chain"]["prev"], request["chain"]["hash"]);
        let input = json!({ "input": "open sesame" });
        let hash = world.http.post(&format!("sys/audit-hash/{name}"), &input)["data"]["hash"].clone();
        assert_eq!(request["request"]["data"]["password"], hash);
        assert_eq!(said(&request["auth"]["accessor"]).starts_with("hmac-sha256:"), name == "siem");
    }
    let listed = world.http.get("sys/audit")["data"].clone();
    assert_eq!(
        (&listed["siem/"]["type"], &listed["local/"]["options"]["write_timeout"]),
        (&json!("socket"), &json!("5s"))
    );
    assert_eq!(listed["trail/"]["type"], "file");
    assert_eq!(world.http.send("DELETE", "sys/audit/siem", None).status, 204);
    refused(
        &world.http.send("POST", "sys/audit-hash/siem", Some(&json!({ "input": "x" }))),
        400,
        "unknown audit backend",
    );
}

#[test]
fn options_of_sockets_that_mean_nothing_are_refused_in_words() {
    let world = World::new(Auditing::default());
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (options, what) in [
        (json!({}), "address is required"),
        (json!({ "address": "" }), "address is required"),
        (json!({ "address": "siem.example" }), "HOST:PORT"),
        (json!({ "address": ":9090" }), "HOST:PORT"),
        (json!({ "address": "127.0.0.1:9090", "socket_type": "udp" }), "it is tcp or unix"),
        (json!({ "address": "siem.sock", "socket_type": "unix" }), "absolute path"),
        (json!({ "address": "127.0.0.1:9090", "write_timeout": "0" }), "between 1s and 60s"),
        (json!({ "address": "127.0.0.1:9090", "write_timeout": "2h" }), "between 1s and 60s"),
        (json!({ "address": "127.0.0.1:9090", "write_timeout": "soon" }), "write_timeout"),
        (json!({ "address": "127.0.0.1:9090", "format": "jsonx" }), "must be json"),
        (json!({ "address": "127.0.0.1:9090", "file_path": "/x" }), "\"file_path\" of a socket audit device"),
        (json!({ "address": "127.0.0.1:9090", "log_raw": "true" }), "allow_audit_log_raw = true"),
        (json!({ "address": gone }), "failed its test line: no audit line could be sent to 127.0.0.1:"),
        (json!({ "address": "/nowhere/siem", "socket_type": "unix" }), "failed its test line"),
    ] {
        refused(&world.enable("siem", "socket", &options), 400, what);
    }
    refused(&world.enable("siem", "kafka", &json!({})), 400, "unknown backend type: \"kafka\"");
    assert_eq!(world.http.get("sys/audit")["data"].as_object().map(Map::len), Some(1), "only trail/");
}

#[test]
fn a_listener_that_goes_is_missed_in_words_and_found_again() {
    let world = World::new(Auditing::default());
    let path = world.home.path().join("siem");
    for kind in ["tcp", "unix"] {
        let listen = |address: &str| if kind == "tcp" { Listener::tcp(address) } else { Listener::unix(&path) };
        let listener = listen("127.0.0.1:0");
        let options = json!({ "address": listener.address, "socket_type": kind });
        assert_eq!(world.enable(kind, "socket", &options).status, 204);
        world.http.post("cubbyhole/a", &json!({ "n": 1 }));
        listener.about("cubbyhole/a");
        let last = number(&listener.about("cubbyhole/a"));
        let address = listener.address.clone();
        listener.leave();
        // The engine's own trail has the lines: nobody waits, nothing fails.
        world.http.post("cubbyhole/b", &json!({ "n": 2 }));
        let failing = format!("audit/{kind}/");
        let health = loop {
            let health = world.http.send("GET", "sys/health", None);
            if !health.body["failing"][&failing].is_null() {
                break health;
            }
        };
        assert_eq!(health.status, 200, "{}", health.body);
        assert!(said(&health.body["failing"][&failing]).starts_with("lines could not be sent: "), "{}", health.body);
        let listener = listen(&address);
        world.http.post("cubbyhole/c", &json!({ "n": 3 }));
        let line = listener.about("cubbyhole/c");
        // What is missing shows in the numbers.
        assert!(number(&line) > last + 2, "{last} {line}");
        let health = world.http.send("GET", "sys/health", None);
        assert!(health.body["failing"].is_null(), "{}", health.body);
        assert_eq!(world.http.send("DELETE", &format!("sys/audit/{kind}"), None).status, 204);
        listener.leave();
    }
}

/// More than a socket's buffer takes once it is in a line, where each value has its hash.
fn large() -> Value {
    (0..8_000).map(|n| (format!("key-{n}"), Value::from(""))).collect::<Map<_, _>>().into()
}

#[test]
fn a_listener_that_hangs_holds_nobody_up_for_longer_than_its_timeout() {
    let world = World::bare();
    let path = world.home.path().join("siem");
    // It accepts nothing and reads nothing.
    let listener = UnixListener::bind(&path).unwrap();
    let options = json!({ "address": path.display().to_string(), "socket_type": "unix", "write_timeout": "1s" });
    assert_eq!(world.enable("siem", "socket", &options).status, 204);
    let started = Instant::now();
    let answer = world.http.send("POST", "cubbyhole/a", Some(&large()));
    assert_eq!((answer.status, &answer.body), (500, &json!({ "errors": ["internal error"] })));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let health = world.http.send("GET", "sys/health", None);
    assert_eq!(health.status, 500, "it is the only device: {}", health.body);
    assert!(said(&health.body["failing"]["audit/siem/"]).contains("took nothing for 1s"), "{}", health.body);
    // With a device that keeps its lines, nothing depends on the other one.
    let file = json!({ "file_path": world.home.path().join("file") });
    let listener = Listener::accepting(&path, listener);
    assert_eq!(world.enable("file", "file", &file).status, 204);
    listener.leave();
    assert_eq!(world.http.send("POST", "cubbyhole/b", Some(&large())).status, 204);
    let health = world.http.send("GET", "sys/health", None);
    assert_eq!(health.status, 200, "{}", health.body);
}

#[test]
fn a_line_at_a_socket_does_not_stand_in_for_one_in_the_trail() {
    let world = World::new(Auditing::default());
    let listener = Listener::tcp("127.0.0.1:0");
    assert_eq!(world.enable("siem", "socket", &json!({ "address": listener.address })).status, 204);
    assert_eq!(world.enable("nowhere", "file", &json!({ "file_path": "/dev/null" })).status, 204);
    let trail = world.home.path().join("trail.log");
    std::fs::rename(&trail, trail.with_extension("moved")).unwrap();
    std::fs::create_dir(&trail).unwrap();
    world.engine.as_ref().unwrap().reload();
    let answer = world.http.send("POST", "cubbyhole/a", Some(&json!({ "n": 1 })));
    assert_eq!((answer.status, &answer.body), (500, &json!({ "errors": ["internal error"] })));
    assert_eq!(listener.about("cubbyhole/a")["type"], "request");
    assert_eq!(world.http.send("GET", "sys/health", None).status, 500);
    std::fs::remove_dir(&trail).unwrap();
    world.engine.as_ref().unwrap().reload();
    assert_eq!(world.http.send("POST", "cubbyhole/a", Some(&json!({ "n": 1 }))).status, 204);
}

/// The syslog of a machine.
struct Syslog(UnixDatagram);

impl Syslog {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(socket)
    }

    /// The next message about this path: what stands before its line, and the line.
    #[track_caller]
    fn about(&self, path: &str) -> (String, Value) {
        let mut bytes = vec![0; 1024 * 1024];
        loop {
            let length = self.0.recv(&mut bytes).expect("a message comes in");
            let text = std::str::from_utf8(&bytes[..length]).unwrap();
            let at = text.find('{').unwrap();
            // Nothing behind it, not a line end either.
            let line: Value = serde_json::from_str(&text[at..]).unwrap();
            assert!(text.ends_with('}'), "{text}");
            if line["request"]["path"] == path {
                return (text[..at].to_owned(), line);
            }
        }
    }
}

fn with_syslog() -> (World, Auditing) {
    let mut world = World::closed();
    let auditing = Auditing { syslog: world.home.path().join("log"), ..Auditing::default() };
    world.start(auditing.clone());
    (world, auditing)
}

#[test]
fn syslog_gets_each_line_under_its_facility_and_tag() {
    let (world, auditing) = with_syslog();
    refused(&world.enable("syslog", "syslog", &json!({})), 400, "failed its test line");
    let syslog = Syslog::at(&auditing.syslog);
    let process = std::process::id();
    for (name, options, start) in [
        ("one", json!({}), format!("<38>Sep 21 14:13:20 leasehold[{process}]: ")),
        (
            "two",
            json!({ "facility": "local7", "tag": "vault", "prefix": "@cee: " }),
            format!("<190>Sep 21 14:13:20 vault[{process}]: @cee: "),
        ),
    ] {
        assert_eq!(world.enable(name, "syslog", &options).status, 204);
        world.http.post("cubbyhole/a", &json!({ "password": "open sesame" }));
        let (before, request) = syslog.about("cubbyhole/a");
        assert_eq!(before, start);
        let hash =
            world.http.post(&format!("sys/audit-hash/{name}"), &json!({ "input": "open sesame" }))["data"]["hash"]
                .clone();
        assert_eq!(request["request"]["data"]["password"], hash);
        assert_eq!(syslog.about("cubbyhole/a").1["chain"]["prev"], request["chain"]["hash"]);
        assert_eq!(world.http.send("DELETE", &format!("sys/audit/{name}"), None).status, 204);
    }
    for (options, what) in [
        (json!({ "facility": "LOCAL8" }), "invalid syslog facility: LOCAL8"),
        (json!({ "facility": "audit" }), "invalid syslog facility: audit"),
        (json!({ "tag": "a b" }), "tag may have"),
        (json!({ "address": "x" }), "\"address\" of a syslog audit device"),
    ] {
        refused(&world.enable("bad", "syslog", &options), 400, what);
    }
}

#[test]
fn syslog_may_hang_restart_and_get_what_is_too_long_for_it() {
    let (world, auditing) = with_syslog();
    let syslog = Syslog::at(&auditing.syslog);
    assert_eq!(world.enable("syslog", "syslog", &json!({})).status, 204);
    let failing = |wanted: bool| loop {
        let health = world.http.send("GET", "sys/health", None);
        assert_eq!(health.status, 200, "{}", health.body);
        let failing = &health.body["failing"]["audit/syslog/"];
        if failing.is_null() != wanted {
            return failing.clone();
        }
    };
    // More than a datagram takes: that line is lost, and the next is not.
    world.http.post("cubbyhole/large", &large());
    world.http.post("cubbyhole/a", &json!({ "n": 1 }));
    let (_, line) = syslog.about("cubbyhole/a");
    assert_eq!(line["type"], "request");
    // Nobody reads any more, until its queue is full: nobody waits for it.
    for _ in 0..2_000 {
        world.http.post("cubbyhole/b", &json!({ "n": 1 }));
        if !world.http.send("GET", "sys/health", None).body["failing"].is_null() {
            break;
        }
    }
    let told = said(&failing(true));
    assert!(told.contains("syslog took nothing for 2s"), "{told}");
    // It comes back as another process.
    drop(syslog);
    std::fs::remove_file(&auditing.syslog).unwrap();
    let syslog = Syslog::at(&auditing.syslog);
    world.http.post("cubbyhole/c", &json!({ "n": 1 }));
    syslog.about("cubbyhole/c");
    failing(false);
}

#[test]
fn an_estate_declares_devices_of_each_type() {
    let env = TestEnv::new();
    let [tcp, unix] = [Listener::tcp("127.0.0.1:0"), Listener::unix(&env.dir().join("siem"))];
    let declare = |fields: &str| {
        let engine = "environment \"local\" {\n  engine = \"embedded\"\n}\n";
        env.write("estate/estate.hcl", &format!("{engine}audit \"siem\" {{\n{fields}\n}}\n"));
    };
    let run = |arguments: &[&str], code: i32| {
        let output = env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{}", output.normal());
        output.stdout + &output.stderr
    };
    let file = env.dir().join("audit.log").display().to_string();
    for fields in [
        format!("type = \"socket\"\naddress = \"{}\"", tcp.address),
        format!("type = \"socket\"\nsocket_type = \"unix\"\naddress = \"{}\"\nwrite_timeout = \"5s\"", unix.address),
        format!("file_path = \"{file}\"\nrotate_duration = \"24h\"\nrotate_max_files = 30"),
    ] {
        declare(&fields);
        run(&["apply", "--auto-approve"], 0);
        assert!(run(&["plan"], 0).contains("No changes"), "{fields}");
    }
    for (listener, name) in [(&tcp, "tcp"), (&unix, "unix")] {
        assert!(listener.lines.try_iter().any(|line| line["type"] == "response"), "{name}");
    }
    for (fields, what) in [
        ("type = \"socket\"", "needs `address`"),
        ("type = \"syslog\"\ntag = \"a\"\nfile_path = \"/a\"", "`file_path` is of a device with `type = \"file\"`"),
        ("file_path = \"/a\"\naddress = \"127.0.0.1:1\"", "`address` is of a device with `type = \"socket\"`"),
        ("type = \"kafka\"", "syslog"),
    ] {
        declare(fields);
        let told = run(&["validate"], 1);
        assert!(told.contains(what), "{told}");
    }
}
