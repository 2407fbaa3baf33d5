//! Encryption as a service over HTTP: what the cases E of `tests/data/wire.md` don't ask, by our clock, store and trail
//! (source: Vault API, "Transit secrets engine").

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::http::{Http, outcome, said};
use crate::wire_aws::World;

/// The sorts of keys that encrypt with what they decrypt with.
const SYMMETRIC: [&str; 4] = ["aes128-gcm96", "aes256-gcm96", "chacha20-poly1305", "xchacha20-poly1305"];

fn world() -> World {
    let world = World::bare();
    world.root.post("sys/mounts/transit", &json!({ "type": "transit" }));
    world
}

fn data(http: &Http, path: &str, body: &Value) -> Value {
    http.post(&format!("transit/{path}"), body)["data"].clone()
}

fn encrypted(http: &Http, key: &str, plain: &str) -> String {
    said(&data(http, &format!("encrypt/{key}"), &json!({ "plaintext": plain }))["ciphertext"])
}

fn decrypted(http: &Http, key: &str, text: &str) -> String {
    let answer = http.send("POST", &format!("transit/decrypt/{key}"), Some(&json!({ "ciphertext": text })));
    if answer.status == 200 { said(&answer.body["data"]["plaintext"]) } else { outcome(&answer) }
}

#[test]
fn what_every_sort_encrypts_is_decrypted_over_rotations_and_restarts() {
    let mut world = world();
    // Of each sort plain keys, derived ones, and those that converge.
    let mut texts = Vec::new();
    for (sort, form) in SYMMETRIC.iter().flat_map(|sort| [0, 1, 2].map(|form| (*sort, form))) {
        let (key, context) = (format!("{sort}-{form}"), if form == 0 { "" } else { "Y29udGV4dA==" });
        let made = json!({ "type": sort, "derived": form > 0, "convergent_encryption": form == 2 });
        data(&world.root, &format!("keys/{key}"), &made);
        for plain in ["", "AA==", "aGVsbG8gd29ybGQ="] {
            let items: Vec<Value> = (0..3).map(|_| json!({ "plaintext": plain, "context": context })).collect();
            let made = data(&world.root, &format!("encrypt/{key}"), &json!({ "batch_input": items }));
            let made = made["batch_results"].as_array().unwrap().clone();
            let same = made.iter().all(|one| one["ciphertext"] == made[0]["ciphertext"]);
            assert_eq!(same, form == 2, "{key}: {made:?}");
            texts.push((key.clone(), context, plain, said(&made[0]["ciphertext"])));
        }
        data(&world.root, &format!("keys/{key}/rotate"), &json!({}));
    }
    world.restart_after(1);
    for (key, context, plain, text) in texts {
        let body = json!({ "ciphertext": text, "context": context });
        assert_eq!(data(&world.root, &format!("decrypt/{key}"), &body)["plaintext"], plain, "{key}");
        let again = data(&world.root, &format!("rewrap/{key}"), &body);
        assert!(again["key_version"] == 2 && said(&again["ciphertext"]).starts_with("vault:v2:"), "{key}: {again}");
        let body = json!({ "ciphertext": again["ciphertext"], "context": context });
        assert_eq!(data(&world.root, &format!("decrypt/{key}"), &body)["plaintext"], plain, "{key}");
    }
}

#[test]
fn rotations_at_once_are_each_a_version() {
    let world = world();
    data(&world.root, "keys/a", &json!({}));
    let begin = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                begin.wait();
                data(&world.root, "keys/a/rotate", &json!({}));
            });
        }
    });
    let key = &world.root.get("transit/keys/a")["data"];
    assert_eq!((&key["latest_version"], key["keys"].as_object().unwrap().len()), (&json!(9), 9));
    // Who makes a key at once with others gets the one that is there.
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4).map(|_| scope.spawn(|| encrypted(&world.root, "new", "aGk="))).collect();
        let texts = makers.into_iter().map(|maker| maker.join().unwrap()).collect::<Vec<_>>();
        texts.iter().for_each(|text| assert_eq!(decrypted(&world.root, "new", text), "aGk="));
    });
    assert_eq!(world.root.get("transit/keys/new")["data"]["latest_version"], 1);
}

#[test]
fn a_key_is_rotated_by_itself_when_it_is_old_enough() {
    let mut world = world();
    let latest = |world: &World| world.root.get("transit/keys/a")["data"]["latest_version"].as_u64().unwrap();
    let after = |world: &World, seconds| {
        world.wait(seconds);
        world.settle();
        latest(world)
    };
    data(&world.root, "keys/a", &json!({ "auto_rotate_period": "2h" }));
    let first = encrypted(&world.root, "a", "aGk=");
    assert_eq!((after(&world, 7199), after(&world, 1)), (1, 2));
    // By hand: from then on.
    world.wait(3600);
    data(&world.root, "keys/a/rotate", &json!({}));
    assert_eq!((after(&world, 7199), after(&world, 1)), (3, 4));
    // Not while it is put away, nor where it is off.
    assert_eq!(world.root.send("DELETE", "transit/keys/a/soft-delete", None).status, 200);
    assert_eq!(after(&world, 10_000), 4);
    data(&world.root, "keys/a/soft-delete-restore", &json!({}));
    assert_eq!(after(&world, 0), 5);
    data(&world.root, "keys/a/config", &json!({ "auto_rotate_period": 0 }));
    assert_eq!(after(&world, 10_000), 5);
    // Once, however long it was due while nobody was there.
    data(&world.root, "keys/a/config", &json!({ "auto_rotate_period": "1h" }));
    world.settle();
    assert_eq!(latest(&world), 6);
    world.restart_after(1_000_000);
    world.settle();
    assert_eq!((latest(&world), decrypted(&world.root, "a", &first)), (7, "aGk=".to_owned()));
    assert_eq!(world.events().iter().filter(|event| *event == "transit-key-rotation due").count(), 5);
    // What is gone is due no more.
    data(&world.root, "keys/a/config", &json!({ "deletion_allowed": true }));
    assert_eq!(world.root.send("DELETE", "transit/keys/a", None).status, 204);
    world.wait(10_000);
    assert_eq!(world.settle(), 0);
    assert_eq!(world.events().iter().filter(|event| *event == "transit-key-rotation due").count(), 5);
}

#[test]
fn a_key_of_the_same_name_is_another_key() {
    let world = world();
    let text = encrypted(&world.root, "a", "aGk=");
    data(&world.root, "keys/a/config", &json!({ "deletion_allowed": true }));
    assert_eq!(world.root.send("DELETE", "transit/keys/a", None).status, 204);
    data(&world.root, "keys/a", &json!({}));
    assert_eq!(decrypted(&world.root, "a", &text), "400 cipher: message authentication failed");
    // So is one of another mount.
    world.root.post("sys/mounts/other", &json!({ "type": "transit" }));
    let text = encrypted(&world.root, "a", "aGk=");
    world.root.post("other/keys/a", &json!({}));
    let answer = world.root.send("POST", "other/decrypt/a", Some(&json!({ "ciphertext": text })));
    assert_eq!(outcome(&answer), "400 cipher: message authentication failed");
    // A mount that moves takes its keys along.
    world.root.post("sys/remount", &json!({ "from": "transit", "to": "moved" }));
    let moved = || world.root.send("POST", "moved/decrypt/a", Some(&json!({ "ciphertext": text })));
    for _ in 0..100 {
        if moved().status != 404 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(moved().body["data"]["plaintext"], "aGk=");
}

#[test]
fn the_trail_tells_who_asked_and_nothing_of_the_texts() {
    let world = world();
    let (plain, context) = ("cGxhaW50ZXh0IHRoYXQgbm9ib2R5IHNlZXM=", "Y29udGV4dCB0aGF0IG5vYm9keSBzZWVz");
    let items = json!([{ "plaintext": plain, "context": context }, { "plaintext": plain, "context": context }]);
    let made = data(&world.root, "encrypt/a", &json!({ "batch_input": items }));
    let text = said(&made["batch_results"][0]["ciphertext"]);
    data(&world.root, "decrypt/a", &json!({ "ciphertext": text, "context": context }));
    let made = data(&world.root, "datakey/plaintext/a", &json!({ "context": context }));
    let random = data(&world.root, "random", &json!({}));
    let trail = std::fs::read_to_string(world.trail_file()).unwrap();
    for secret in [plain, context, &text, &said(&made["plaintext"]), &said(&random["random_bytes"])] {
        assert!(!trail.contains(secret), "{secret}");
    }
    let of = |path: &str, operation: &str| {
        let lines = world.lines();
        lines.iter().filter(|line| line["request"]["path"] == path && line["request"]["operation"] == operation).count()
    };
    // The first made the key.
    assert_eq!((of("transit/encrypt/a", "create"), of("transit/decrypt/a", "update")), (2, 2));
}

#[test]
fn a_policy_may_let_use_keys_without_letting_change_them() {
    let world = world();
    data(&world.root, "keys/a", &json!({}));
    let rules = "path \"transit/encrypt/a\" { capabilities = [\"update\"] }\npath \"transit/decrypt/a\" { capabilities = [\"update\"] }";
    world.root.post("sys/policies/acl/app", &json!({ "policy": rules }));
    let made = world.root.post("auth/token/create", &json!({ "policies": ["app"] }));
    let app = world.root.with_token(&said(&made["auth"]["client_token"]));
    let text = encrypted(&app, "a", "aGk=");
    assert_eq!(decrypted(&app, "a", &text), "aGk=");
    for (method, path) in [
        ("GET", "keys/a"),
        ("LIST", "keys"),
        ("POST", "keys/a/rotate"),
        ("POST", "keys/a/config"),
        ("DELETE", "keys/a"),
        ("POST", "encrypt/b"),
        ("POST", "rewrap/a"),
        ("POST", "datakey/plaintext/a"),
    ] {
        assert_eq!(app.send(method, &format!("transit/{path}"), None).status, 403, "{method} {path}");
    }
}

#[test]
fn a_list_may_bring_what_reads_of_its_keys_would_answer() {
    let world = world();
    ["a", "b"].iter().for_each(|name| drop(data(&world.root, &format!("keys/{name}"), &json!({}))));
    let list = world.root.send("LIST", "transit/keys?detailed=true", None).body["data"].clone();
    assert_eq!(list["keys"], json!(["a", "b"]));
    assert_eq!(list["key_info"]["b"], world.root.get("transit/keys/b")["data"]);
    assert_eq!(world.root.send("LIST", "transit/keys?after=a&limit=1", None).body["data"]["keys"], json!(["b"]));
}

#[test]
fn what_is_not_served_is_told_in_words() {
    let world = world();
    data(&world.root, "keys/a", &json!({}));
    for (method, path, says) in [
        ("POST", "derive-key/a", "key agreement"),
        ("GET", "byok-export/a/b", "keys that are exported for another engine"),
        ("POST", "keys/a/csr", "certificates of keys"),
    ] {
        let answer = outcome(&world.root.send(method, &format!("transit/{path}"), None));
        assert!(
            answer.contains(&format!("transit/{path} is not served: this server has no support for {says}")),
            "{answer}"
        );
    }
}

/// The sorts of keys that sign.
const SIGNING: [&str; 7] = ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096"];

#[test]
fn what_every_sort_signs_is_verified_over_rotations_and_restarts() {
    let mut world = world();
    let mut signed = Vec::new();
    for sort in SIGNING {
        data(&world.root, &format!("keys/{sort}"), &json!({ "type": sort }));
        for marshaling in ["asn1", "jws"] {
            let body = json!({ "input": "aGVsbG8=", "marshaling_algorithm": marshaling });
            let made = data(&world.root, &format!("sign/{sort}/sha2-512"), &body);
            signed.push((sort, marshaling, said(&made["signature"])));
        }
    }
    data(&world.root, "keys/ecdsa-p521/rotate", &json!({}));
    world.restart_after(1);
    for (sort, marshaling, signature) in signed {
        let verified = |input: &str| {
            let body = json!({ "input": input, "marshaling_algorithm": marshaling, "signature": signature });
            data(&world.root, &format!("verify/{sort}/sha2-512"), &body)["valid"].clone()
        };
        assert_eq!((verified("aGVsbG8="), verified("aGVsbG9v")), (json!(true), json!(false)), "{sort} {marshaling}");
    }
    let trail = std::fs::read_to_string(world.trail_file()).unwrap();
    assert!(!trail.contains("aGVsbG8="), "an input is in the trail");
}

/// CVE-2023-4680: nobody but the engine says which nonce a text is encrypted under.
#[test]
fn a_nonce_that_is_sent_counts_for_nothing_and_that_is_told() {
    let world = world();
    let item = json!({ "plaintext": "aGk=", "nonce": "AAAAAAAAAAAAAAAA", "context": "" });
    let answer = world.root.post("transit/encrypt/a", &json!({ "batch_input": [item, item] }));
    let results = &answer["data"]["batch_results"];
    assert_ne!(results[0]["ciphertext"], results[1]["ciphertext"]);
    assert!(!said(&results[0]["ciphertext"]).contains("AAAAAAAAAAAAAAAA"), "{results}");
    let warning = "Items of batch_input have these parameters, which count for nothing: [nonce]";
    assert_eq!(answer["warnings"], json!([warning]));
}
