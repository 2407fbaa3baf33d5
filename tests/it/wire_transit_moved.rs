//! Keys that move between transit engines: taken out, backed up and brought in, and what OpenBao made read by ours and the other
//! way round. What one of OpenBao 2.6.2 answered is in `tests/data/transit/openbao.json`.

use std::path::Path;

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::http::{Http, outcome, said};
use crate::servers::{Sort, TestServer};
use crate::wire_aws::World;

/// Sends a request by method, path and body, and answers its status and body.
type Sends = dyn Fn(&str, &str, Option<&Value>) -> (u16, Value);

/// A server that has a transit engine.
struct Place {
    http: Box<Sends>,
}

impl Place {
    fn of(http: Http) -> Self {
        let send = move |method: &str, path: &str, body: Option<&Value>| {
            let answer = http.send(method, path, body);
            (answer.status, answer.body)
        };
        send("POST", "sys/mounts/transit", Some(&json!({ "type": "transit" })));
        Self { http: Box::new(send) }
    }

    /// What a request is answered that succeeds.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) =
            (self.http)(method, &format!("transit/{path}"), Some(body).filter(|body| !body.is_null()));
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer["data"].clone()
    }

    /// A key wrapped for this engine.
    fn wrapped(&self, key: &[u8]) -> String {
        let public = said(&self.ask("GET", "wrapping_key", &Value::Null)["public_key"]);
        let der: String = public.lines().filter(|line| !line.starts_with("-----")).collect();
        let public = PublicEncryptingKey::from_der(&BASE64.decode(der).unwrap()).unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let aes = [7; 32];
        let mut sealed = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA256_MGF1SHA256, &aes, &mut sealed, None).unwrap();
        let mut wrapped = vec![0; key.len() + 16];
        let kek = AesKek::new(&AES_256, &aes).unwrap();
        let length = kek.wrap_with_padding(key, &mut wrapped).unwrap().len();
        BASE64.encode([&sealed[..], &wrapped[..length]].concat())
    }

    /// Brings versions of a key in.
    fn import(&self, name: &str, sort: &str, versions: &[Vec<u8>]) {
        for (at, key) in versions.iter().enumerate() {
            let path = if at == 0 { "import" } else { "import_version" };
            let body = json!({ "type": sort, "ciphertext": self.wrapped(key), "exportable": true });
            let body = if at == 0 { body } else { json!({ "ciphertext": self.wrapped(key) }) };
            self.ask("POST", &format!("keys/{name}/{path}"), &body);
        }
    }
}

fn ours() -> (World, Place) {
    let world = World::bare();
    let place = Place::of(world.root.clone());
    (world, place)
}

/// A request's fields of a recorded text, and with them.
fn with(made: &Value, more: &Value) -> Value {
    let mut body = made.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// What another made is read with this key.
fn read_all(place: &Place, name: &str, key: &Value, plaintext: &Value, input: &Value) {
    for made in key["ciphertexts"].as_array().unwrap() {
        assert_eq!(&place.ask("POST", &format!("decrypt/{name}"), made)["plaintext"], plaintext, "{name}: {made}");
    }
    for made in key["signatures"].as_array().unwrap() {
        let body = with(made, &json!({ "input": input }));
        assert_eq!(place.ask("POST", &format!("verify/{name}"), &body)["valid"], true, "{name}: {made}");
        let body = with(made, &json!({ "input": plaintext }));
        assert_eq!(place.ask("POST", &format!("verify/{name}"), &body)["valid"], false, "{name}: {made}");
    }
    // A pair that is brought in gets another secret for its HMACs.
    for made in key["hmacs"].as_array().unwrap().iter().filter(|_| key["backup"].is_string()) {
        let body = with(made, &json!({ "input": input }));
        assert_eq!(place.ask("POST", &format!("verify/{name}"), &body)["valid"], true, "{name}: {made}");
    }
}

#[test]
fn what_openbao_made_is_read_here() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/transit/openbao.json");
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (_world, place) = ours();
    for key in recorded["keys"].as_array().unwrap() {
        let (name, sort) = (said(&key["name"]), said(&key["type"]));
        match key["backup"].as_str() {
            Some(backup) => drop(place.ask("POST", "restore", &json!({ "backup": backup }))),
            None => {
                let decoded = |one: &Value| BASE64.decode(one.as_str().unwrap()).unwrap();
                let versions: Vec<Vec<u8>> = key["exported"].as_array().unwrap().iter().map(decoded).collect();
                place.import(&name, &sort, &versions);
                // It is taken out as OpenBao takes it out.
                let usual = place.ask("GET", &format!("export/signing-key/{name}"), &Value::Null);
                let trimmed = |text: &Value| said(text).trim().to_owned();
                let public = place.ask("GET", &format!("export/public-key/{name}"), &Value::Null);
                for version in ["1", "2"] {
                    assert_eq!(trimmed(&usual["keys"][version]), trimmed(&key["usual"][version]), "{name}");
                    assert_eq!(trimmed(&public["keys"][version]), trimmed(&key["public"][version]), "{name}");
                }
            }
        }
        assert_eq!(place.ask("GET", &format!("keys/{name}"), &Value::Null)["latest_version"], 2);
        read_all(&place, &name, key, &recorded["plaintext"], &recorded["input"]);
        // What converges comes out as the other made it.
        let made = key["ciphertexts"].as_array().unwrap().iter().filter(|made| made["associated_data"].is_null());
        for made in made.filter(|_| name.ends_with("-convergent")) {
            let version: i64 = said(&made["ciphertext"])["vault:v".len()..].split(':').next().unwrap().parse().unwrap();
            let body = with(made, &json!({ "plaintext": recorded["plaintext"], "key_version": version }));
            assert_eq!(place.ask("POST", &format!("encrypt/{name}"), &body)["ciphertext"], made["ciphertext"]);
        }
    }
}

/// Every sort of key goes from one engine to the other with what it made.
fn moves(from: &Place, to: &Place) {
    let (plaintext, input, context) = (json!("aGVsbG8="), json!("c2lnbmVk"), json!("Y29udGV4dA=="));
    for (sort, form) in [
        ("aes128-gcm96", 0),
        ("aes256-gcm96", 1),
        ("chacha20-poly1305", 2),
        ("xchacha20-poly1305", 0),
        ("ed25519", 0),
        ("ed25519", 1),
        ("hmac", 0),
        ("ecdsa-p256", 0),
        ("ecdsa-p384", 0),
        ("ecdsa-p521", 0),
        ("rsa-2048", 0),
        ("rsa-4096", 0),
    ] {
        let name = format!("{sort}-{form}");
        let key_size = if sort == "hmac" { 32 } else { 0 };
        let made = json!({ "type": sort, "derived": form > 0, "convergent_encryption": form == 2, "key_size": key_size,
            "exportable": true, "allow_plaintext_backup": true });
        from.ask("POST", &format!("keys/{name}"), &made);
        from.ask("POST", &format!("keys/{name}/rotate"), &json!({}));
        let shown = from.ask("GET", &format!("keys/{name}"), &Value::Null);
        let given = if form > 0 { json!({ "context": context }) } else { json!({}) };
        let mut texts = json!({ "ciphertexts": [], "signatures": [], "hmacs": [] });
        if shown["supports_encryption"] == true {
            let body = with(&given, &json!({ "plaintext": plaintext, "key_version": 1 }));
            let text = from.ask("POST", &format!("encrypt/{name}"), &body)["ciphertext"].clone();
            texts["ciphertexts"] = json!([with(&given, &json!({ "ciphertext": text }))]);
        }
        if shown["supports_signing"] == true {
            let text = from.ask("POST", &format!("sign/{name}"), &with(&given, &json!({ "input": input })));
            texts["signatures"] = json!([with(&given, &json!({ "signature": text["signature"] }))]);
        }
        let text = from.ask("POST", &format!("hmac/{name}"), &json!({ "input": input }))["hmac"].clone();
        texts["hmacs"] = json!([{ "hmac": text }]);
        if ["ecdsa", "rsa"].iter().any(|of| sort.starts_with(of)) {
            let keys = from.ask("GET", &format!("export/signing-key/{name}?format=der"), &Value::Null)["keys"].clone();
            let versions = ["1", "2"].map(|version| BASE64.decode(said(&keys[version])).unwrap());
            to.import(&name, sort, &versions);
        } else {
            let backup = from.ask("GET", &format!("backup/{name}"), &Value::Null)["backup"].clone();
            texts["backup"] = backup.clone();
            to.ask("POST", &format!("restore/{name}"), &json!({ "backup": backup }));
        }
        read_all(to, &name, &texts, &plaintext, &input);
    }
}

#[test]
fn keys_move_from_one_engine_to_another() {
    let ((_here, from), (_there, to)) = (ours(), ours());
    moves(&from, &to);
}

#[test]
fn keys_move_to_and_from_openbao_where_one_is_named() {
    // What stands for OpenBao in the other tests is our engine, which is no witness here.
    if std::env::var("LEASEHOLD_TEST_ADDR").is_err() {
        return;
    }
    let server = || {
        let hand = TestServer::start(Sort::OpenBao);
        let send = move |method: &str, path: &str, body: Option<&Value>| {
            let answer = hand.by_hand().send(method, path, body);
            (answer.status, answer.body)
        };
        send("POST", "sys/mounts/transit", Some(&json!({ "type": "transit" })));
        Place { http: Box::new(send) }
    };
    let (_here, place) = ours();
    moves(&place, &server());
    let (_here, place) = ours();
    moves(&server(), &place);
}

#[test]
fn a_key_is_taken_out_only_where_it_says_so() {
    let (world, place) = ours();
    let refused = |path: &str| outcome(&world.root.send("GET", &format!("transit/{path}"), None));
    place.ask("POST", "keys/a", &json!({}));
    place.ask("POST", "keys/s", &json!({ "type": "ed25519" }));
    assert_eq!(refused("export/encryption-key/a"), "400 private key material is not exportable");
    assert_eq!(refused("export/signing-key/s"), "400 private key material is not exportable");
    assert!(place.ask("GET", "export/public-key/s/latest", &Value::Null)["keys"]["1"].is_string());
    assert_eq!(refused("backup/a"), "400 exporting is disallowed on the policy");
    place.ask("POST", "keys/a/config", &json!({ "exportable": true }));
    assert_eq!(refused("backup/a"), "400 plaintext backup is disallowed on the policy");
    for (path, why) in [
        ("export/other/a", "invalid export type: other"),
        ("export/signing-key/a", "signing not supported for the key"),
        ("export/encryption-key/a?format=pem", "unknown format for a symmetric key; supported values are `` or `raw`"),
        ("export/encryption-key/a?format=x", "invalid format: x"),
        ("export/encryption-key/a/2", "version does not exist or cannot be found"),
        ("export/encryption-key/a/x", "invalid key version"),
    ] {
        assert_eq!(refused(path), format!("400 {why}"), "{path}");
    }
    assert_eq!(refused("export/encryption-key/none"), "404");
    let exported = place.ask("GET", "export/encryption-key/a/v1", &Value::Null);
    let key = said(&exported["keys"]["1"]);
    assert_eq!(BASE64.decode(&key).unwrap().len(), 32);
    let trail = std::fs::read_to_string(world.trail_file()).unwrap();
    assert!(!trail.contains(&key), "a key is in the trail");
}

#[test]
fn what_is_brought_in_is_what_it_says_or_refused() {
    let (world, place) = ours();
    let send = |path: &str, body: &Value| outcome(&world.root.send("POST", &format!("transit/{path}"), Some(body)));
    let of = |key: &[u8], sort: &str| json!({ "type": sort, "ciphertext": place.wrapped(key) });
    for (sort, key, why) in [
        ("aes256-gcm96", vec![1; 16], "invalid key size 16 bytes for key type aes256-gcm96"),
        ("hmac", vec![1; 31], "invalid key size 31 bytes for key type hmac"),
        ("rsa-2048", vec![1; 32], "the key is none of the type rsa-2048 in PKCS #8"),
        ("ecdsa-p256", vec![1; 32], "the key is none of the type ecdsa-p256 in PKCS #8"),
    ] {
        assert_eq!(send("keys/a/import", &of(&key, sort)), format!("400 {why}"));
    }
    let other = json!({ "ciphertext": BASE64.encode([0; 600]) });
    assert!(send("keys/a/import", &other).contains("holds no key that was wrapped for this mount's wrapping key"));
    assert_eq!(send("keys/a/import", &json!({})), "400 provided ciphertext is too short");
    assert_eq!(
        send("keys/none/import_version", &of(&[1; 32], "")).split(';').next(),
        Some("400 no key found with name none")
    );
    let derived = with(&of(&[1; 32], "aes256-gcm96"), &json!({ "derived": true }));
    assert!(send("keys/a/import", &derived).contains("derive no others on this server"));
    place.ask("POST", "keys/mac/import", &of(&[1; 64], "hmac"));
    assert!(send("keys/mac/import_version", &of(&[2; 32], "")).contains("the versions of this key have 64 bytes"));
    place.ask("POST", "keys/a/import", &of(&[1; 32], "aes256-gcm96"));
    assert!(send("keys/a/import", &of(&[1; 32], "aes256-gcm96")).contains("cannot be used with an existing key"));
    assert!(send("keys/a/rotate", &json!({})).contains("imported key a does not allow rotation"));
    let text = said(&place.ask("POST", "encrypt/a", &json!({ "plaintext": "aGk=" }))["ciphertext"]);
    place.ask("POST", "keys/a/import_version", &of(&[2; 32], ""));
    assert_eq!(place.ask("POST", "decrypt/a", &json!({ "ciphertext": text }))["plaintext"], "aGk=");
    let shown = place.ask("GET", "keys/a", &Value::Null);
    assert_eq!((&shown["imported_key"], &shown["latest_version"]), (&json!(true), &json!(2)));
    // One that may be rotated here is its engine's own from then on.
    place.ask("POST", "keys/b/import", &with(&of(&[1; 32], "aes256-gcm96"), &json!({ "allow_rotation": true })));
    place.ask("POST", "keys/b/rotate", &json!({}));
    assert!(send("keys/b/import_version", &of(&[2; 32], "")).contains("can only be used with an imported key"));
}

#[test]
fn a_backup_takes_the_place_of_a_key_only_by_force() {
    let (world, place) = ours();
    let send = |path: &str, body: &Value| outcome(&world.root.send("POST", &format!("transit/{path}"), Some(body)));
    place.ask("POST", "keys/a", &json!({ "exportable": true, "allow_plaintext_backup": true }));
    place.ask("POST", "keys/a/rotate", &json!({}));
    place.ask("POST", "keys/a/config", &json!({ "min_encryption_version": 2, "min_decryption_version": 2 }));
    place.ask("POST", "keys/a/trim", &json!({ "min_available_version": 2 }));
    let text = said(&place.ask("POST", "encrypt/a", &json!({ "plaintext": "aGk=" }))["ciphertext"]);
    let backup = place.ask("GET", "backup/a", &Value::Null)["backup"].clone();
    assert_eq!(place.ask("GET", "keys/a", &Value::Null)["backup_info"]["version"], 2);
    assert_eq!(send("restore", &json!({ "backup": backup })), "400 key \"a\" already exists");
    place.ask("POST", "keys/a/rotate", &json!({}));
    place.ask("POST", "restore/a", &json!({ "backup": backup, "force": true }));
    let shown = place.ask("GET", "keys/a", &Value::Null);
    assert_eq!((&shown["latest_version"], &shown["min_available_version"]), (&json!(2), &json!(2)));
    assert_eq!(shown["restore_info"]["version"], 2);
    assert_eq!(place.ask("POST", "decrypt/a", &json!({ "ciphertext": text }))["plaintext"], "aGk=");
    place.ask("POST", "restore/b", &json!({ "backup": backup }));
    assert_eq!(place.ask("POST", "decrypt/b", &json!({ "ciphertext": text }))["plaintext"], "aGk=");
    for (backup, why) in [
        ("", "'backup' must be supplied"),
        ("!", "illegal base64 data at input byte 0"),
        ("e30=", "the backup is none of a key"),
    ] {
        let told = send("restore/c", &json!({ "backup": backup }));
        assert!(told.starts_with(&format!("400 {why}")), "{told}");
    }
    place.ask("POST", "keys/r", &json!({ "type": "rsa-2048", "exportable": true, "allow_plaintext_backup": true }));
    let told = outcome(&world.root.send("GET", "transit/backup/r", None));
    assert!(told.contains("backups of keys of the type rsa-2048 are not served"), "{told}");
}
