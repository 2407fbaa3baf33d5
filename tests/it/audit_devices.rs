//! What audit devices may do by the server's configuration.

use leasehold::clock::Clock;
use leasehold::engine::{Auditing, Config, Storage};
use serde_json::json;
use time::OffsetDateTime;

use crate::env::InTestEngine;
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
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
        let http = Http { address: String::new(), token: String::new() };
        let mut world = Self { home: tempfile::tempdir().unwrap(), clock, engine: None, http };
        world.start(auditing);
        world
    }

    /// Opens the engine, which is closed before where it is open.
    fn start(&mut self, auditing: Auditing) {
        self.engine = None;
        let storage = Storage::Disk { directory: self.home.path().join("data") };
        let trail = Some(self.home.path().join("trail.log"));
        let engine = InTestEngine::start_with(Config { trail, auditing, ..Config::new(storage, self.clock.clone()) });
        self.http =
            Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
        self.engine = Some(engine);
    }

    fn enable(&self, name: &str, kind: &str, options: &serde_json::Value) -> Answer {
        self.http.send("PUT", &format!("sys/audit/{name}"), Some(&json!({ "type": kind, "options": options })))
    }

    /// What the lines of a closed engine's file have of writes to `secret`.
    fn logged(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.home.path().join(file)).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
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
