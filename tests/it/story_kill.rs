//! The engine is killed (SIGKILL) at random moments while it issues users and sessions and makes the key of a static role
//! anew, 200 times, with the sandbox as AWS.
//!
//! Afterwards, judged from outside the engine: every IAM user under its path belongs to a lease, and every
//! credential that a client received has its line in the trail. The user of the static role has the key that is handed
//! out, whenever somebody asks, and no more than one that the engine does not know, which it looks for after each kill.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use leasehold::sandbox::{ENGINE_ACCESS_KEY, ROOT_SECRET};
use serde_json::{Value, json};

use crate::aws::{Aws, Sandbox};
use crate::env::{Server, TestEnv};
use crate::http::{Http, said};

const KILLS: usize = 200;
const CLIENTS: usize = 4;
/// The longest a server lives before it is killed, in milliseconds, counted from its first answer.
const LIFE_MAX_MS: u64 = 40;

/// What is asked for: IAM users, sessions of a role, and sessions of the engine's own user.
const PATHS: [&str; 4] = ["aws/creds/app", "aws/creds/session", "aws/creds/federated", "aws/creds/own"];

/// Static roles, each of a user of its own. A kill while AWS makes a key leaves its role in doubt for a minute, and the
/// others go on.
const ROBOTS: usize = 12;

/// A small deterministic generator: the run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A credential as a client received it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Received {
    lease_id: String,
    access_key: String,
}

/// Reads the keys of static roles and has each made anew, from one of them on, until told to stop; answers the keys that
/// were handed out.
fn rotate_until(stop: &AtomicBool, http: &Http, from: usize) -> Vec<String> {
    let mut keys = Vec::new();
    for robot in (0..ROBOTS).cycle().skip(from % ROBOTS) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Ok(answer) = http.try_send("GET", &format!("aws/static-creds/robot-{robot}"), None) else { continue };
        assert_eq!(answer.status, 200, "there is always a key: {}", answer.body);
        keys.push(said(&answer.body["data"]["access_key"]));
        // While the engine has yet to find out what became of a key that it asked for, it makes no other.
        // What it comes to is the trail's to say: most answers come too late.
        let _ = http.try_send("POST", &format!("aws/rotate-role/robot-{robot}"), Some(&json!({})));
    }
    keys
}

/// The keys of static roles that the trail says were made.
fn trail_keys(trail: &Path) -> HashSet<String> {
    let lines = std::fs::read_to_string(trail).expect("the trail reads");
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let made = lines.filter(|line| line["event"]["name"] == "static-key-made");
    made.map(|line| text_of(&line, "access_key_id")).collect()
}

/// Asks for credentials on several connections until told to stop; answers what arrived whole.
fn issue_until(stop: &Arc<AtomicBool>, http: &Http, first: &mpsc::Sender<()>) -> Vec<Received> {
    let received = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (received, first) = (&received, first.clone());
            scope.spawn(move || {
                let path = PATHS[client % PATHS.len()];
                while !stop.load(Ordering::Relaxed) {
                    let Ok(answer) = http.try_send("GET", path, None) else { continue };
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let _ = first.send(());
                    received.lock().expect("no thread panicked").push(Received {
                        lease_id: said(&answer.body["lease_id"]),
                        access_key: said(&answer.body["data"]["access_key"]),
                    });
                }
            });
        }
    });
    Arc::into_inner(received).expect("the threads are done").into_inner().expect("no thread panicked")
}

fn trail_credentials(trail: &Path) -> HashSet<(String, String)> {
    let text = std::fs::read_to_string(trail).expect("the trail reads");
    text.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["type"] == "response" && line["credential"].is_object())
        .map(|line| {
            // The key of a static role is under none.
            let lease = line["credential"]["lease_id"].as_str().unwrap_or_default();
            (lease.to_owned(), text_of(&line, "access_key_id"))
        })
        .collect()
}

fn text_of(line: &Value, field: &str) -> String {
    said(&line["credential"][field])
}

/// The lease tags of every IAM user below the engine's path, asked from the account itself.
fn users_and_their_leases(aws: &Aws) -> Vec<(String, String)> {
    let users = aws.owners("/leasehold/");
    users.iter().map(|user| (said(&user["name"]), said(&user["tags"]["leasehold:lease"]))).collect()
}

/// A server on the data directory, and a client of it that speaks as root.
fn start(env: &TestEnv, data: &Path) -> (Server, Http) {
    let server = env.server(&["--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("text")]);
    let token = std::fs::read_to_string(data.join("root-token")).expect("the root token");
    let address = server.address.trim_start_matches("http://").to_owned();
    (server, Http { address, token: token.trim().to_owned() })
}

/// The ids of every lease the engine has a record of, whatever its state.
fn leases(http: &Http) -> HashSet<String> {
    let below = |path: &str| {
        let answer = http.send("LIST", &format!("sys/leases/lookup/{path}"), None);
        let keys = match answer.status {
            404 => Vec::new(),
            200 => answer.body["data"]["keys"].as_array().expect("keys").clone(),
            status => panic!("{status} {}", answer.body),
        };
        keys.iter().map(|key| format!("{path}/{}", said(key))).collect::<Vec<_>>()
    };
    PATHS.into_iter().flat_map(below).collect()
}

#[test]
fn killed_two_hundred_times_it_orphans_no_user_and_hands_out_nothing_unaudited() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    let aws = &sandbox.aws;
    let data = env.dir().join("data");
    let mut random = Random(20_261_123);
    let mut received = HashSet::new();

    let (mut server, mut http) = start(&env, &data);
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    http.post(
        "aws/config/root",
        &json!({
            // Not the root's: that may assume no role.
            "access_key": ENGINE_ACCESS_KEY, "secret_key": ROOT_SECRET,
            "iam_endpoint": aws.endpoint, "sts_endpoint": aws.endpoint, "region": "us-east-1",
        }),
    );
    http.post(
        "aws/roles/app",
        &json!({ "credential_type": "iam_user", "policy_document": json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::kill/*" }],
        }).to_string() }),
    );
    let session = json!({ "credential_type": "assumed_role", "role_arns": aws.role("deploy", "iam:List*") });
    http.post("aws/roles/session", &session);
    let narrow = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::kill/*" }],
    });
    let federated = json!({ "credential_type": "federation_token", "policy_document": narrow.to_string() });
    http.post("aws/roles/federated", &federated);
    http.post("aws/roles/own", &json!({ "credential_type": "session_token" }));
    for robot in (0..ROBOTS).map(|robot| format!("robot-{robot}")) {
        aws.user(&robot, "s3:GetObject");
        let role = json!({ "username": robot, "rotation_period": "24h" });
        http.post(&format!("aws/static-roles/{robot}"), &role);
    }
    let mut handed_out = HashSet::new();

    for kill in 0..KILLS {
        let stop = Arc::new(AtomicBool::new(false));
        let life = Duration::from_millis(random.below(LIFE_MAX_MS));
        let (first, answered) = mpsc::channel();
        let (never, life_over) = mpsc::channel::<()>();
        let clients = std::thread::spawn({
            let (stop, http) = (Arc::clone(&stop), http.clone());
            move || issue_until(&stop, &http, &first)
        });
        let rotating = std::thread::spawn({
            let (stop, http) = (Arc::clone(&stop), http.clone());
            move || rotate_until(&stop, &http, kill)
        });
        answered.recv_timeout(Duration::from_secs(60)).expect("the engine answers");
        // Nobody sends: this waits for the random moment.
        let _ = life_over.recv_timeout(life);
        drop(never);
        // Dropping the guard is SIGKILL.
        drop(server);
        stop.store(true, Ordering::Relaxed);
        received.extend(clients.join().expect("the clients did not fail"));
        handed_out.extend(rotating.join().expect("there was always a key"));
        (server, http) = start(&env, &data);
    }

    // Leases first: nothing is issued any more, so both only shrink while the engine cleans up behind the kills.
    let leases = leases(&http);
    let users = users_and_their_leases(aws);
    let orphans: Vec<_> = users.iter().filter(|(_, lease)| !leases.contains(lease)).collect();
    assert!(orphans.is_empty(), "{} of {} users have no lease: {orphans:?}", orphans.len(), users.len());

    let made = trail_keys(&data.join("trail.log"));
    let robots: Vec<String> = (0..ROBOTS).map(|robot| format!("robot-{robot}")).collect();
    let listed = aws.keys(&robots);
    for robot in robots {
        let current = said(&http.get(&format!("aws/static-creds/{robot}"))["data"]["access_key"]);
        let keys: Vec<String> = listed[&robot].as_array().expect("keys").iter().map(said).collect();
        let unknown: Vec<_> = keys.iter().filter(|key| !made.contains(*key)).collect();
        assert!(keys.contains(&current), "{robot}: {current} is handed out, and AWS has {keys:?}");
        assert!(unknown.len() <= 1, "{robot}: nobody knows {unknown:?}");
    }
    assert!(made.len() > ROBOTS, "no key was made anew, of {ROBOTS}");
    let unmade: Vec<_> = handed_out.difference(&made).collect();
    assert!(unmade.is_empty(), "{unmade:?}");

    let audited = trail_credentials(&data.join("trail.log"));
    let untold = |key: &&String| !audited.contains(&(String::new(), (*key).clone()));
    let unaudited: Vec<_> = handed_out.iter().filter(untold).collect();
    assert!(unaudited.is_empty(), "{unaudited:?}");
    let unaudited: Vec<_> =
        received.iter().filter(|one| !audited.contains(&(one.lease_id.clone(), one.access_key.clone()))).collect();
    for path in PATHS {
        let of_it = received.iter().filter(|one| one.lease_id.starts_with(path)).count();
        // How many live long enough is the machine's; that some do is what the rest of this stands on.
        assert!(of_it > 0, "nothing of {path}");
    }
    assert!(received.len() >= KILLS, "only {} credentials arrived", received.len());
    assert!(unaudited.is_empty(), "{unaudited:?}");
    assert!(received.iter().all(|one| leases.contains(&one.lease_id)), "a credential handed out lost its lease");
    drop(server);
}
