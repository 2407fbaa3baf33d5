//! Key-value secrets on the wire (reference: Vault API documentation, "KV secrets engine", versions 1 and 2).

use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::Http;

struct World {
    http: Http,
    clock: Clock,
    _engine: InTestEngine,
}

fn world() -> World {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let engine = InTestEngine::start(clock.clone(), AwsTransport::Network);
    let address = engine.address.trim_start_matches("http://").to_owned();
    World { http: Http { address, token: engine.root_token.clone() }, clock, _engine: engine }
}

impl World {
    #[track_caller]
    fn put(&self, path: &str, data: Value) -> u64 {
        self.http.post(&format!("secret/data/{path}"), &json!({ "data": data }))["data"]["version"].as_u64().unwrap()
    }

    #[track_caller]
    fn refused(&self, path: &str, body: &Value, text: &str) {
        let answer = self.http.send("POST", path, Some(body));
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body["errors"].to_string().contains(text), "{}", answer.body);
    }
}

#[test]
fn versions_are_written_read_deleted_restored_and_destroyed() {
    let world = world();
    assert_eq!(world.put("a/b", json!({ "k": 1 })), 1);
    assert_eq!(world.put("a/b", json!({ "k": 2 })), 2);
    let latest = world.http.get("secret/data/a/b");
    assert_eq!((&latest["data"]["data"], &latest["data"]["metadata"]["version"]), (&json!({ "k": 2 }), &json!(2)));
    assert_eq!(world.http.get("secret/data/a/b?version=1")["data"]["data"], json!({ "k": 1 }));
    assert_eq!(world.http.send("GET", "secret/data/a/b?version=9", None).body, json!({ "errors": [] }));

    assert_eq!(world.http.send("DELETE", "secret/data/a/b", None).status, 204);
    let deleted = world.http.send("GET", "secret/data/a/b", None);
    assert_eq!((deleted.status, &deleted.body["data"]["data"]), (404, &Value::Null));
    assert_eq!(deleted.body["data"]["metadata"]["deletion_time"], "2027-01-15T08:00:00Z");
    world.http.post("secret/undelete/a/b", &json!({ "versions": [2] }));
    assert_eq!(world.http.send("GET", "secret/data/a/b", None).status, 200);
    world.http.post("secret/delete/a/b", &json!({ "versions": ["1"] }));
    assert_eq!(world.http.send("GET", "secret/data/a/b?version=1", None).status, 404);
    world.http.post("secret/destroy/a/b", &json!({ "versions": [1, 2] }));
    world.http.post("secret/undelete/a/b", &json!({ "versions": [1, 2] }));
    let destroyed = world.http.send("GET", "secret/data/a/b", None);
    assert_eq!((destroyed.status, &destroyed.body["data"]["metadata"]["destroyed"]), (404, &json!(true)));
    world.refused("secret/destroy/a/b", &json!({}), "no version number provided");

    assert_eq!(world.http.send("LIST", "secret/metadata", None).body["data"]["keys"], json!(["a/"]));
    assert_eq!(world.http.get("secret/metadata/a?list=true")["data"]["keys"], json!(["b"]));
    assert_eq!(world.http.send("DELETE", "secret/metadata/a/b", None).status, 204);
    assert_eq!(world.http.send("GET", "secret/metadata/a/b", None).status, 404);
    assert_eq!(world.http.send("LIST", "secret/metadata/", None).status, 404);
}

#[test]
fn the_names_in_a_version_are_told_without_what_they_stand_for() {
    let world = world();
    world.put("a", json!({ "k": 1, "b": { "c": { "d": [1, 2] }, "e": null, "f": {} } }));
    world.put("a", json!({ "other": "x" }));
    let names = |query: &str| world.http.get(&format!("secret/subkeys/a?{query}"))["data"].clone();
    let latest = names("");
    assert_eq!((&latest["subkeys"], &latest["metadata"]["version"]), (&json!({ "other": null }), &json!(2)));
    for (query, expected) in [
        ("version=1", json!({ "k": null, "b": { "c": { "d": null }, "e": null, "f": null } })),
        ("version=1&depth=2", json!({ "k": null, "b": { "c": null, "e": null, "f": null } })),
        ("version=1&depth=1", json!({ "k": null, "b": null })),
    ] {
        assert_eq!(names(query)["subkeys"], expected, "{query}");
    }
    world.http.send("DELETE", "secret/data/a", None);
    let deleted = world.http.send("GET", "secret/subkeys/a", None);
    assert_eq!((deleted.status, &deleted.body["data"]["subkeys"]), (404, &Value::Null));
    assert_eq!(deleted.body["data"]["metadata"]["version"], 2);
    assert_eq!(world.http.send("GET", "secret/subkeys/none", None).body, json!({ "errors": [] }));
    assert_eq!(world.http.send("GET", "secret/subkeys/a?depth=-1", None).status, 400);
}

#[test]
fn a_write_may_say_which_version_it_follows() {
    let world = world();
    let write = |cas: Value| json!({ "data": { "k": 1 }, "options": { "cas": cas } });
    let mismatch = "check-and-set parameter did not match the current version";
    world.refused("secret/data/a", &write(json!(1)), mismatch);
    world.http.post("secret/data/a", &write(json!(0)));
    world.refused("secret/data/a", &write(json!(0)), mismatch);
    world.http.post("secret/data/a", &write(json!("1")));
    world.refused("secret/data/a", &write(json!("x")), "error parsing check-and-set parameter");
    // What command lines take for "not given" is a version that never is.
    world.refused("secret/data/a", &write(json!(-1)), mismatch);
    world.http.post("secret/metadata/a", &json!({ "cas_required": true }));
    world.refused("secret/data/a", &json!({ "data": {} }), "check-and-set parameter required for this call");
    world.http.post("secret/config", &json!({ "cas_required": true }));
    world.refused("secret/data/b", &json!({ "data": {} }), "check-and-set parameter required for this call");
    world.refused("secret/data/b", &json!({ "options": { "cas": 0 } }), "no data provided");
}

#[test]
fn of_many_writers_with_the_same_expectation_one_wins() {
    let world = world();
    let body = json!({ "data": { "k": 1 }, "options": { "cas": 0 } });
    let won = std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..16).map(|_| scope.spawn(|| world.http.send("POST", "secret/data/a", Some(&body)).status)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|status| *status == 200).count()
    });
    assert_eq!(won, 1);
}

#[test]
fn settings_of_the_mount_and_of_a_secret_hold() {
    let world = world();
    world.http.post("secret/config", &json!({ "max_versions": 2, "delete_version_after": "1h" }));
    let config = world.http.get("secret/config")["data"].clone();
    assert_eq!(config, json!({ "max_versions": 2, "cas_required": false, "delete_version_after": "1h0m0s" }));
    for n in 0..3 {
        world.put("a", json!({ "k": n }));
    }
    let metadata = world.http.get("secret/metadata/a")["data"].clone();
    assert_eq!((&metadata["current_version"], &metadata["oldest_version"]), (&json!(3), &json!(2)));
    assert_eq!(metadata["versions"].as_object().unwrap().len(), 2);
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.http.send("GET", "secret/data/a", None).status, 404);
    world.http.post("secret/metadata/a", &json!({ "custom_metadata": { "owner": "web" } }));
    assert_eq!(world.http.get("secret/metadata/a")["data"]["custom_metadata"], json!({ "owner": "web" }));
}

#[test]
fn a_first_write_needs_create_and_the_next_update() {
    let world = world();
    let rule = "path \"secret/data/*\" { capabilities = [\"create\"] }";
    world.http.post("sys/policies/acl/maker", &json!({ "policy": rule }));
    let made = world.http.post("auth/token/create", &json!({ "policies": ["maker"] }));
    let maker = world.http.with_token(made["auth"]["client_token"].as_str().unwrap());
    maker.post("secret/data/a", &json!({ "data": {} }));
    assert_eq!(maker.send("POST", "secret/data/a", Some(&json!({ "data": {} }))).status, 403);
}

impl World {
    fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        let merge = [("Content-Type", "application/merge-patch+json")];
        let answer = self.http.try_send_as("PATCH", path, Some(body), &merge).unwrap();
        (answer.status, answer.body)
    }
}

#[test]
fn a_patch_merges_into_the_latest_version_and_into_the_metadata() {
    let world = world();
    assert_eq!(world.patch("secret/data/a", &json!({ "data": { "x": 1 } })).0, 404);
    world.put("a", json!({ "k": 1, "deep": { "x": 1, "y": 2 } }));
    let (status, answer) = world.patch("secret/data/a", &json!({ "data": { "n": 2, "deep": { "x": null } } }));
    assert_eq!((status, &answer["data"]["version"]), (200, &json!(2)));
    assert_eq!(world.http.get("secret/data/a")["data"]["data"], json!({ "k": 1, "deep": { "y": 2 }, "n": 2 }));
    let stale = json!({ "data": { "n": 3 }, "options": { "cas": 1 } });
    assert_eq!(world.patch("secret/data/a", &stale).0, 400);
    assert_eq!(world.patch("secret/data/a", &json!({})).0, 400);

    world.http.post("secret/metadata/a", &json!({ "custom_metadata": { "o": "w", "p": "q" }, "max_versions": 4 }));
    let patch = json!({ "custom_metadata": { "o": null, "r": "s" }, "cas_required": true });
    assert_eq!(world.patch("secret/metadata/a", &patch), (204, Value::Null));
    let metadata = world.http.get("secret/metadata/a")["data"].clone();
    assert_eq!(metadata["custom_metadata"], json!({ "p": "q", "r": "s" }));
    assert_eq!((&metadata["max_versions"], &metadata["cas_required"]), (&json!(4), &json!(true)));
    assert_eq!(world.patch("secret/metadata/none", &json!({})).0, 404);

    world.http.send("DELETE", "secret/data/a", None);
    let gone = json!({ "data": { "n": 3 }, "options": { "cas": 2 } });
    assert_eq!(world.patch("secret/data/a", &gone).0, 404);
    assert_eq!(world.http.send("PATCH", "secret/data/a", Some(&gone)).status, 415);
}

#[test]
fn a_patch_needs_a_capability_of_its_own() {
    let world = world();
    world.put("a", json!({ "k": 1 }));
    for (capabilities, status) in [("\"read\", \"update\", \"create\"", 403), ("\"patch\"", 200)] {
        let rule = format!("path \"secret/data/*\" {{ capabilities = [{capabilities}] }}");
        world.http.post("sys/policies/acl/p", &json!({ "policy": rule }));
        let made = world.http.post("auth/token/create", &json!({ "policies": ["p"] }));
        let holder = world.http.with_token(made["auth"]["client_token"].as_str().unwrap());
        let merge = [("Content-Type", "application/merge-patch+json")];
        let answer =
            holder.try_send_as("PATCH", "secret/data/a", Some(&json!({ "data": { "n": 1 } })), &merge).unwrap();
        assert_eq!(answer.status, status, "{capabilities}: {}", answer.body);
    }
}

#[test]
fn version_1_keeps_one_value_to_a_path() {
    let world = world();
    for (path, mount) in [
        ("kv", json!({ "type": "kv" })),
        ("one", json!({ "type": "kv", "options": { "version": "1" } })),
        ("v1", json!({ "type": "kv-v1" })),
    ] {
        world.http.post(&format!("sys/mounts/{path}"), &mount);
        world.http.post(&format!("{path}/a/b"), &json!({ "k": "v", "n": 1 }));
        let read = world.http.get(&format!("{path}/a/b"));
        assert_eq!(
            (&read["data"], &read["lease_id"], &read["renewable"]),
            (&json!({ "k": "v", "n": 1 }), &json!(""), &json!(false))
        );
        assert_eq!(world.http.send("LIST", path, None).body["data"]["keys"], json!(["a/"]));
        assert_eq!(world.http.send("LIST", &format!("{path}/a"), None).body["data"]["keys"], json!(["b"]));
        world.refused(&format!("{path}/a/b"), &json!({}), "missing data fields");
        assert_eq!(world.http.send("GET", &format!("{path}/a"), None).status, 404);
        assert_eq!(world.http.send("DELETE", &format!("{path}/a/b"), None).status, 204);
        assert_eq!(world.http.send("LIST", path, None).status, 404);
        world.refused(
            &format!("sys/mounts/{path}/tune"),
            &json!({ "options": { "version": "2" } }),
            "keeps its version",
        );
    }
    world.http.post("kv/a", &json!({ "ttl": "10m" }));
    assert_eq!(world.http.get("kv/a")["lease_duration"], 600);
    world.refused(
        "sys/mounts/three",
        &json!({ "type": "kv", "options": { "version": "3" } }),
        "kv has the versions 1 and 2",
    );
    let rule = "path \"kv/*\" { capabilities = [\"create\"] }";
    world.http.post("sys/policies/acl/maker", &json!({ "policy": rule }));
    let made = world.http.post("auth/token/create", &json!({ "policies": ["maker"] }));
    let maker = world.http.with_token(made["auth"]["client_token"].as_str().unwrap());
    maker.post("kv/new", &json!({ "k": 1 }));
    assert_eq!(maker.send("POST", "kv/new", Some(&json!({ "k": 1 }))).status, 403);
}
