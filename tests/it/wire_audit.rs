//! The trail on the wire (`tests/data/wire.md`, D), and that the engine fails closed: nobody gets a
//! credential that is not in the trail, and none stays behind that nobody got.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Limits};
use leasehold::sandbox::{self, Account, Effect, Fault};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::{Answer, Http, said};
use crate::wire_aws::{START, World, refused};

/// How often something is looked at that another thread is about to do. Each look takes its time.
const LOOKS: usize = 20_000;

/// An engine in memory with a role `r` and no audit device.
struct Bare {
    http: Http,
    account: Arc<Account>,
    home: tempfile::TempDir,
    engine: InTestEngine,
}

fn bare() -> Bare {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
    let account = Account::open(None, clock.clone()).unwrap();
    let transport = AwsTransport::InProcess(sandbox::connector(account.clone()));
    bare_on(clock, account, transport)
}

fn bare_on(clock: Clock, account: Arc<Account>, transport: AwsTransport) -> Bare {
    let engine = InTestEngine::start(clock, transport);
    let http =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user" }));
    Bare { http, account, home: tempfile::tempdir().unwrap(), engine }
}

impl Bare {
    fn device(&self, name: &str, options: &Value) -> Answer {
        let mut options = options.clone();
        if options["file_path"].is_null() {
            options["file_path"] = self.home.path().join(name).display().to_string().into();
        }
        self.http.send("PUT", &format!("sys/audit/{name}"), Some(&json!({ "type": "file", "options": options })))
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.home.path().join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn actions(&self) -> Vec<String> {
        self.account.faults().calls().into_iter().map(|call| call.action).collect()
    }
}

#[test]
fn d1_d2_d4_a_credential_leaves_two_lines_with_its_secrets_hashed() {
    let world = bare();
    assert_eq!(world.device("file", &json!({})).status, 204);
    assert_eq!(world.device("accessors", &json!({ "hmac_accessor": "false" })).status, 204);
    let answer = world.http.get("aws/creds/r");
    // An answer waits for one device; the other may be behind it.
    let of_request = |name: &str| -> Vec<Value> {
        let started = Instant::now();
        loop {
            let whole = std::fs::read_to_string(world.home.path().join(name)).unwrap().ends_with('\n');
            let mut lines = if whole { world.lines(name) } else { Vec::new() };
            lines.retain(|line| line["request"]["id"] == answer["request_id"]);
            if lines.len() >= 2 || started.elapsed() > Duration::from_secs(20) {
                return lines;
            }
        }
    };
    let lines = of_request("file");
    // D1
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["type"], &lines[1]["type"]), (&json!("request"), &json!("response")));
    assert_eq!(lines[1]["response"]["secret"]["lease_id"], answer["lease_id"]);
    let hash = said(&lines[1]["response"]["data"]["secret_key"]);
    let digits = hash.strip_prefix("hmac-sha256:").unwrap();
    assert!(digits.len() == 64 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
    // D2
    let input = json!({ "input": answer["data"]["secret_key"] });
    assert_eq!(world.http.post("sys/audit-hash/file", &input)["data"]["hash"], hash);
    assert_ne!(world.http.post("sys/audit-hash/accessors", &input)["data"]["hash"], hash, "a salt of its own");
    // D4
    for line in &lines {
        assert!(said(&line["auth"]["client_token"]).starts_with("hmac-sha256:"), "{line}");
        assert!(said(&line["auth"]["accessor"]).starts_with("hmac-sha256:"), "{line}");
    }
    let accessor = world.http.get("auth/token/lookup-self")["data"]["accessor"].clone();
    assert_eq!(of_request("accessors")[0]["auth"]["accessor"], accessor);
}

#[test]
fn d3_d12_only_texts_are_hashed_and_keys_are_escaped_as_go_does() {
    let world = bare();
    world.device("file", &json!({}));
    let data = json!({ "data": { "n": 1.5, "b": true, "z": null, "t": "2026-01-02T03:04:05Z", "s": "x", "a<b": "y" } });
    world.http.post("secret/data/a", &data);
    let lines = world.lines("file");
    let line = lines.iter().find(|line| line["request"]["path"] == "secret/data/a").unwrap();
    let logged = &line["request"]["data"]["data"];
    assert_eq!((&logged["n"], &logged["b"], &logged["z"]), (&json!(1.5), &json!(true), &Value::Null));
    assert_eq!(logged["t"], "2026-01-02T03:04:05Z");
    assert!(said(&logged["s"]).starts_with("hmac-sha256:") && said(&logged["a<b"]).starts_with("hmac-sha256:"));
    let text = std::fs::read_to_string(world.home.path().join("file")).unwrap();
    assert!(text.contains(r#""a\u003cb":"#), "{text}");
}

#[test]
fn d5_keys_that_the_mount_names_are_in_clear() {
    let world = bare();
    world.device("file", &json!({}));
    let keys =
        json!({ "audit_non_hmac_response_keys": "access_key", "audit_non_hmac_request_keys": "credential_type" });
    world.http.post("sys/mounts/aws/tune", &keys);
    world.http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "user_path": "/apps/" }));
    let issued = world.http.get("aws/creds/r");
    let lines = world.lines("file");
    let data = &lines.iter().find(|line| line["credential"].is_object()).unwrap()["response"]["data"];
    assert_eq!(data["access_key"], issued["data"]["access_key"]);
    assert!(said(&data["secret_key"]).starts_with("hmac-sha256:"), "{data}");
    let sent = &lines.iter().rfind(|line| line["request"]["path"] == "aws/roles/r").unwrap()["request"]["data"];
    assert_eq!(sent["credential_type"], "iam_user");
    assert!(said(&sent["user_path"]).starts_with("hmac-sha256:"), "{sent}");
}

#[test]
fn d6_d13_with_the_only_device_unwritable_nothing_is_issued_and_the_status_still_answers() {
    let world = bare();
    // Enabling it is the last thing that it lets happen, and already not answered.
    let broken = json!({ "file_path": "/dev/full", "skip_test": "true" });
    assert_eq!(world.device("broken", &broken).status, 500);
    let answer = world.http.send("GET", "aws/creds/r", None);
    assert_eq!((answer.status, &answer.body), (500, &json!({ "errors": ["internal error"] })));
    assert_eq!(world.actions(), Vec::<String>::new(), "no call, above all no CreateUser");
    assert_eq!(world.http.send("GET", "sys/seal-status", None).status, 200);
    let health = world.http.send("GET", "sys/health", None);
    assert_eq!(health.status, 500);
    assert!(said(&health.body["failing"]["audit/broken/"]).contains("No space left on device"), "{}", health.body);
    assert_eq!(world.http.send("GET", "sys/health?failingcode=200", None).status, 200);
}

#[test]
fn d8_one_working_device_of_two_is_enough() {
    let world = bare();
    assert_eq!(world.device("file", &json!({})).status, 204);
    assert_eq!(world.device("broken", &json!({ "file_path": "/dev/full", "skip_test": "true" })).status, 204);
    assert_eq!(world.http.send("GET", "aws/creds/r", None).status, 200);
    assert!(world.lines("file").iter().any(|line| line["credential"].is_object()));
}

#[test]
fn d9_a_rotated_file_stops_growing_and_a_new_one_begins() {
    let world = bare();
    world.device("file", &json!({}));
    let (path, moved) = (world.home.path().join("file"), world.home.path().join("file.1"));
    std::fs::rename(&path, &moved).unwrap();
    world.engine.reload();
    world.http.get("sys/mounts");
    let before = std::fs::metadata(&moved).unwrap().len();
    world.http.get("sys/mounts");
    assert_eq!(std::fs::metadata(&moved).unwrap().len(), before);
    assert!(world.lines("file").len() >= 2);
}

#[test]
fn d10_d11_refusals_are_logged_and_devices_that_are_not_there_are_named() {
    let world = bare();
    world.device("file", &json!({}));
    world.http.with_token("nobody").send("GET", "aws/creds/r", None);
    let lines = world.lines("file");
    let denied: Vec<&Value> = lines.iter().filter(|line| line["request"]["path"] == "aws/creds/r").collect();
    assert_eq!(denied.len(), 2);
    assert!(denied.iter().all(|line| said(&line["error"]).contains("permission denied")), "{denied:?}");
    refused(
        &world.http.send("POST", "sys/audit-hash/nope", Some(&json!({ "input": "x" }))),
        400,
        "unknown audit backend",
    );
}

#[test]
fn a_device_writes_its_prefix_before_each_line() {
    let world = bare();
    assert_eq!(world.device("file", &json!({ "prefix": "@cee: " })).status, 204);
    world.http.get("aws/creds/r");
    let path = world.home.path().join("file");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().all(|line| line.starts_with("@cee: {\"time\":")), "{text}");
    // The chain covers it, and readers see through it.
    let open = || std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    let report = leasehold::trail::chain::verify(open(), None).unwrap();
    assert_eq!((report.fault_count, report.lines), (0, text.lines().count() as u64));
    let found = leasehold::trail::query::issuances(open(), OffsetDateTime::from_unix_timestamp(START).unwrap());
    assert_eq!(found.unwrap().issued.len(), 1);
    for prefix in ["{", "a\nb"] {
        refused(&world.device("bad", &json!({ "prefix": prefix })), 400, "prefix");
    }
}

#[test]
fn the_engines_own_trail_counts_what_a_list_tells_and_a_declared_device_names_it() {
    let world = World::with_role();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("declared.log").display().to_string();
    let device = json!({ "type": "file", "options": { "file_path": file } });
    world.root.send("PUT", "sys/audit/declared", Some(&device));
    let listed = world.root.send("LIST", "aws/roles", None);
    assert_eq!(listed.body["data"]["keys"], json!(["r"]));
    // An answer waits for one of the devices only.
    let told = |file: &std::path::Path| {
        let list = || {
            let text = std::fs::read_to_string(file).unwrap();
            let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.rfind(|line| line["type"] == "response" && line["request"]["path"] == "aws/roles/")
        };
        look_until("the list is in the trail", &world, || list().is_some());
        list().unwrap()["response"]["data"].clone()
    };
    assert_eq!(told(&world.trail_file())["keys"], json!(1));
    let declared = told(std::path::Path::new(&file));
    assert!(declared["keys"][0].as_str().unwrap().starts_with("hmac-sha256:"), "{declared}");
}

/// Asks for a credential in a thread, and waits until AWS has been asked for its key, whose answer comes
/// only when the clock is moved.
fn issue_until_the_key(world: &World) -> std::thread::JoinHandle<Answer> {
    world.fault(Fault::once("CreateAccessKey", Effect::Delay(Duration::from_secs(10))));
    let root = world.root.clone();
    let issuing = std::thread::spawn(move || root.send("GET", "aws/creds/r", None));
    until_the_key_is_asked_for(world);
    issuing
}

fn until_the_key_is_asked_for(world: &World) {
    let asked = || world.account.faults().calls().iter().any(|call| call.action == "CreateAccessKey");
    look_until("the key is asked for", world, asked);
}

#[track_caller]
fn look_until(what: &str, world: &World, is_so: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        world.root.send("GET", "sys/health", None);
    }
    panic!("not within reason: {what}");
}

/// The sandbox, but for the first request for a key, which panics.
#[derive(Debug)]
struct Panicking {
    inner: SharedHttpConnector,
    armed: Arc<AtomicBool>,
}

impl HttpConnector for Panicking {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_for_a_key =
            request.body().bytes().is_some_and(|body| String::from_utf8_lossy(body).contains("Action=CreateAccessKey"));
        assert!(!(is_for_a_key && self.armed.swap(false, Ordering::SeqCst)), "this panic belongs to the test");
        self.inner.call(request)
    }
}

#[test]
fn a_panic_ends_its_request_alone_and_what_it_made_is_revoked() {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
    let account = Account::open(None, clock.clone()).unwrap();
    let sandbox = sandbox::connector(account.clone());
    let armed = Arc::new(AtomicBool::new(true));
    let client = http_client_fn(move |settings, components| {
        let inner = sandbox.http_connector(settings, components);
        SharedHttpConnector::new(Panicking { inner, armed: armed.clone() })
    });
    let world = bare_on(clock.clone(), account, AwsTransport::InProcess(client));
    world.device("file", &json!({}));
    let answer = world.http.send("GET", "aws/creds/r", None);
    assert_eq!((answer.status, &answer.body), (500, &json!({ "errors": ["internal error"] })));
    assert_eq!(world.http.send("GET", "aws/creds/r", None).status, 200, "the server goes on");
    assert_eq!(world.account.user_names("/").len(), 2);
    // Nobody is at work on the first one any more, so it is taken up as after a crash.
    clock.advance(Duration::from_secs(300));
    // What AWS did is not known, so its user must be seen absent twice.
    world.engine.settle(Duration::from_secs(30));
    clock.advance(Duration::from_secs(10));
    assert_eq!(world.engine.settle(Duration::from_secs(30)), 0);
    assert_eq!(world.account.user_names("/").len(), 1);
    // And nobody waits for it.
    assert_eq!(world.http.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert!(world.account.user_names("/").is_empty());
}

#[test]
fn d7_a_credential_whose_line_is_not_written_is_not_answered_and_revoked_at_once() {
    let world = World::with_role();
    let issuing = issue_until_the_key(&world);
    // The device fails between the request and its response.
    let (trail, moved) = (world.trail_file(), world.trail_file().with_extension("moved"));
    std::fs::rename(&trail, &moved).unwrap();
    std::fs::create_dir(&trail).unwrap();
    world.reload_trail();
    world.wait(10);
    let answer = issuing.join().unwrap();
    assert_eq!((answer.status, &answer.body), (500, &json!({ "errors": ["internal error"] })));
    look_until("the user is gone, though the trail is still broken", &world, || world.users().is_empty());
    // The lease's end is a line too; the record waits for it.
    std::fs::remove_dir(&trail).unwrap();
    world.reload_trail();
    look_until("the engine tries again and the lease is gone", &world, || {
        world.wait(1);
        world.leases() == 0
    });
    let events = world.events();
    assert_eq!(events.last().map(String::as_str), Some("lease-revoked response-not-audited"), "{events:?}");
}

#[test]
fn a_credential_that_comes_after_the_limit_of_its_request_is_revoked() {
    let mut world = World::with_role();
    world.restart_with(Limits { request_time_max: Duration::from_millis(300), ..Limits::default() });
    let issuing = issue_until_the_key(&world);
    let answer = issuing.join().unwrap();
    refused(&answer, 500, "took too long");
    assert_eq!(world.users().len(), 1, "the request goes on");
    world.wait(10);
    look_until("it has been revoked", &world, || world.users().is_empty());
    world.settle_all();
    assert_eq!(world.leases(), 0);
    let lines = world.lines();
    assert!(!lines.iter().any(|line| line["type"] == "response" && line["credential"].is_object()));
    assert_eq!(
        world.events(),
        ["lease-abandoned request-took-too-long", "lease-revoked request-took-too-long"],
        "and the trail says why"
    );
}

#[test]
fn a_token_that_comes_after_the_limit_of_its_request_is_revoked_and_quick_requests_are_not_disturbed() {
    let mut world = World::with_role();
    world.restart_with(Limits { request_time_max: Duration::ZERO, ..Limits::default() });
    // Whichever is first, answer or limit: what was answered works, what was not is gone.
    let mut answered = 0;
    for _ in 0..50 {
        let made = world.root.send("POST", "auth/token/create", Some(&json!({ "policies": ["root"] })));
        answered += usize::from(made.status == 200);
    }
    // A request that nobody waits for any more is over when it has left its line.
    let over = |world: &World| {
        let lines = world.lines();
        lines.iter().filter(|line| line["type"] == "response" && line["request"]["path"] == "auth/token/create").count()
    };
    look_until("all requests are over", &world, || over(&world) == 50);
    world.restart_with(Limits::default());
    let accessors = world.root.get("auth/token/accessors?list=true");
    assert_eq!(accessors["data"]["keys"].as_array().unwrap().len(), answered + 1, "and the root token");
}

#[test]
fn a_client_that_goes_away_leaves_no_credential_and_the_trail_says_so() {
    let world = World::with_role();
    world.fault(Fault::once("CreateAccessKey", Effect::Delay(Duration::from_secs(10))));
    let mut client = TcpStream::connect(&world.root.address).unwrap();
    let request = format!("GET /v1/aws/creds/r HTTP/1.1\r\nHost: a\r\nX-Vault-Token: {}\r\n\r\n", world.root.token);
    client.write_all(request.as_bytes()).unwrap();
    until_the_key_is_asked_for(&world);
    drop(client);
    // That it is gone is an event like any other: one that comes before so many requests are answered.
    for _ in 0..20 {
        world.root.get("sys/mounts");
    }
    world.wait(10);
    let line = |world: &World| {
        let of_it = |line: &Value| line["type"] == "response" && line["request"]["path"] == "aws/creds/r";
        world.lines().into_iter().find(of_it)
    };
    look_until("the request has ended in the trail", &world, || line(&world).is_some());
    let line = line(&world).unwrap();
    assert!(line["error"].to_string().contains("client-went-away") && line["credential"].is_null(), "{line}");
    world.settle_all();
    assert_eq!(world.users(), [""; 0]);
    let events = world.events();
    assert_eq!(events, ["lease-abandoned client-went-away", "lease-revoked client-went-away"]);
}
