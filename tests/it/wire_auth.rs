//! Tokens, policies and AppRole over HTTP: the cases of `tests/data/wire.md` (A, M), and a test for each
//! published flaw of that kind. `CVE-...` and `Vault x.y.z` name the origin of a case.

use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Storage};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::{Answer, Http, outcome, said};

/// A moment in 2026.
const START: i64 = 1_790_000_000;

/// An engine in memory, as root, with a clock that stands still.
pub(crate) struct World {
    // Ends the engine when dropped.
    engine: InTestEngine,
    pub(crate) root: Http,
    clock: Clock,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
        let engine = InTestEngine::start(clock.clone(), AwsTransport::Network);
        let root = client(&engine);
        Self { engine, root, clock }
    }

    /// A world with AppRole at `auth/approle/` and one role.
    pub(crate) fn with_role(role: &str, settings: &Value) -> Self {
        let world = Self::new();
        world.root.post("sys/auth/approle", &json!({"type": "approle"}));
        world.root.post(&format!("auth/approle/role/{role}"), settings);
        world
    }

    /// The address of a listener with TLS, and its certificate.
    pub(crate) fn with_tls(&self) -> (String, rustls::pki_types::CertificateDer<'static>) {
        self.engine.with_tls()
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A client with a token of these rules.
    pub(crate) fn with_policy(&self, name: &str, rules: &str) -> Http {
        self.root.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
        self.root.with_token(&self.token(&json!({ "policies": [name] })))
    }

    /// A new token, made by root.
    pub(crate) fn token(&self, parameters: &Value) -> String {
        said(&self.root.post("auth/token/create", parameters)["auth"]["client_token"])
    }

    pub(crate) fn role_id(&self, role: &str) -> String {
        said(&self.root.get(&format!("auth/approle/role/{role}/role-id"))["data"]["role_id"])
    }

    pub(crate) fn secret_id(&self, role: &str, parameters: &Value) -> String {
        let made = self.root.post(&format!("auth/approle/role/{role}/secret-id"), parameters);
        said(&made["data"]["secret_id"])
    }

    pub(crate) fn login(&self, role_id: &str, secret_id: &str) -> Answer {
        let body = json!({ "role_id": role_id, "secret_id": secret_id });
        self.root.with_token("").send("POST", "auth/approle/login", Some(&body))
    }
}

fn client(engine: &InTestEngine) -> Http {
    Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() }
}

const DENIED: &str = "403 1 error occurred:\n\t* permission denied";

#[test]
fn a_request_needs_a_token_whose_policies_allow_it() {
    let world = World::new();
    // A1, A18: missing, unknown and revoked alike
    for token in ["", "hvs.unknown", "root2", &"x".repeat(4000)] {
        let refused = world.root.with_token(token).send("GET", "sys/mounts", None);
        assert_eq!(outcome(&refused), "403 permission denied", "{token}");
    }
    // A2
    let plain = world.root.with_token(&world.token(&json!({"policies": ["default"]})));
    assert_eq!(outcome(&plain.send("GET", "sys/mounts", None)), DENIED);
    // A3
    let app = world.with_policy(
        "app",
        "path \"sys/policies/acl/*\" { capabilities = [\"read\"] }\npath \"sys/policies/acl/prod\" { capabilities = [\"deny\"] }",
    );
    world.root.post("sys/policies/acl/prod", &json!({"policy": "path \"x\" { policy = \"read\" }"}));
    assert_eq!(outcome(&app.send("GET", "sys/policies/acl/prod", None)), DENIED);
    assert_eq!(app.send("GET", "sys/policies/acl/app", None).status, 200);
    // A new version of a policy counts from the next request on.
    world.root.post("sys/policies/acl/app", &json!({"policy": "path \"x\" { policy = \"read\" }"}));
    assert_eq!(outcome(&app.send("GET", "sys/policies/acl/app", None)), DENIED);
}

#[test]
fn a_list_does_not_skip_a_more_specific_deny() {
    // CVE-2026-63131
    let world = World::new();
    world.root.post("sys/auth/approle", &json!({"type": "approle"}));
    world.root.post("auth/approle/role/r", &json!({}));
    world.secret_id("r", &json!({}));
    for deny in ["auth/approle/role/r/+", "auth/approle/role/r/secret-id", "auth/approle/role/+/secret-id/"] {
        let rules =
            format!("path \"auth/*\" {{ capabilities = [\"list\"] }}\npath \"{deny}\" {{ capabilities = [\"deny\"] }}");
        let app = world.with_policy("lister", &rules);
        for (method, path) in [
            ("LIST", "auth/approle/role/r/secret-id"),
            ("LIST", "auth/approle/role/r/secret-id/"),
            ("GET", "auth/approle/role/r/secret-id?list=true"),
            ("GET", "auth/approle/role/r/secret-id/?list=true"),
        ] {
            assert_eq!(outcome(&app.send(method, path, None)), DENIED, "{deny}: {method} {path}");
        }
        assert_eq!(app.send("LIST", "auth/approle/role", None).status, 200);
    }
}

#[test]
fn another_spelling_of_a_name_is_no_way_around_a_deny() {
    // CVE-2026-89322, CVE-2026-3605
    let world = World::with_role("prod", &json!({}));
    let app = world.with_policy(
        "app",
        "path \"auth/approle/role/*\" { capabilities = [\"read\", \"update\", \"create\"] }
         path \"auth/approle/role/prod\" { capabilities = [\"deny\"] }
         path \"auth/approle/role/prod/*\" { capabilities = [\"deny\"] }
         path \"sys/policies/acl/*\" { capabilities = [\"read\", \"update\"] }
         path \"sys/policies/acl/secret\" { capabilities = [\"deny\"] }",
    );
    world.root.post("sys/policies/acl/secret", &json!({"policy": "path \"x\" { policy = \"read\" }"}));
    for path in ["auth/approle/role/prod", "auth/approle/role/PROD", "auth/approle/role/Prod/role-id"] {
        assert_eq!(outcome(&app.send("GET", path, None)), DENIED, "{path}");
        assert_eq!(outcome(&app.send("POST", path, Some(&json!({"role_id": "mine"})))), DENIED, "{path}");
    }
    assert_eq!(outcome(&app.send("GET", "sys/policies/acl/SECRET", None)), DENIED);
    assert_eq!(app.send("GET", "sys/policies/acl/APP", None).status, 200);
    for path in ["auth/approle/role/x/../prod", "auth/approle/role/%2e%2e/prod", "auth/approle/role/x%2Fprod"] {
        let answer = app.send("GET", path, None);
        assert!([400, 403, 404].contains(&answer.status), "{path}: {}", answer.body);
    }
}

#[test]
fn policies_are_written_read_and_deleted() {
    let world = World::new();
    let write = |name: &str, body: Value| world.root.send("PUT", &format!("sys/policies/acl/{name}"), Some(&body));
    let rules = "path \"a\" { capabilities = [\"read\"] }\n";
    for (name, body, expected) in [
        ("p", json!({"policy": rules}), "204"),
        // A5
        (
            "p",
            json!({"policy": "path \"secret/+*\" { policy = \"read\" }"}),
            "400 failed to parse policy: path \"secret/+*\": invalid use of wildcards ('+*' is forbidden)",
        ),
        (
            "p",
            json!({"policy": "nonsense \"a\" {}"}),
            "400 failed to parse policy: 1 error occurred:\n\t* invalid key \"nonsense\" on line 1",
        ),
        // A7
        ("p", json!({"policy": ""}), "400 'policy' parameter not supplied or empty"),
        ("p", json!({}), "400 'policy' parameter not supplied or empty"),
        // A8
        ("root", json!({"policy": rules}), "400 cannot update \"root\" policy"),
        ("Root", json!({"policy": rules}), "400 cannot update \"root\" policy"),
        // CVE-2026-105820: names of a plain alphabet only
        (
            "a%2a",
            json!({"policy": rules}),
            "400 invalid policy name: use letters, digits and \"_-.@:/+= \", at most 256 characters",
        ),
    ] {
        assert_eq!(outcome(&write(name, body)), expected, "{name}");
    }
    // A6
    let answer = write("My", json!({"policy": rules}));
    assert_eq!(answer.body["warnings"], json!(["policy name was converted to my"]));
    assert_eq!(world.root.get("sys/policies/acl/my")["data"], json!({"name": "my", "policy": rules}));
    // base64 is unwrapped
    assert_eq!(write("b", json!({"policy": "cGF0aCAiYSIgeyBjYXBhYmlsaXRpZXMgPSBbInJlYWQiXSB9Cg=="})).status, 204);
    assert_eq!(world.root.get("sys/policies/acl/b")["data"]["policy"], rules);
    let listed = world.root.send("LIST", "sys/policies/acl", None).body;
    assert_eq!(listed["data"]["keys"], json!(["b", "default", "my", "p", "root"]));
    // The old spelling of the same
    assert_eq!(world.root.get("sys/policy")["policies"], listed["data"]["keys"]);
    assert_eq!(world.root.get("sys/policy/p")["rules"], rules);
    assert_eq!(world.root.post("sys/policy/old", &json!({"rules": rules}))["warnings"].as_array().unwrap().len(), 1);
    for (name, expected) in [
        // A9
        ("default", "400 cannot delete default policy"),
        ("root", "400 cannot delete \"root\" policy"),
        ("p", "204"),
        ("p", "204"),
    ] {
        assert_eq!(outcome(&world.root.send("DELETE", &format!("sys/policies/acl/{name}"), None)), expected, "{name}");
    }
    assert_eq!(outcome(&world.root.send("GET", "sys/policies/acl/p", None)), "404");
    assert_eq!(write("default", json!({"policy": rules})).status, 204);
}

#[test]
fn parameters_decide_too() {
    let world = World::with_role("r", &json!({}));
    let app = world.with_policy(
        "app",
        "path \"auth/token/lookup\" { capabilities = [\"read\", \"update\"]\n required_parameters = [\"token\"] }
         path \"auth/approle/role/r/secret-id\" { capabilities = [\"update\"]\n allowed_parameters = { \"ttl\" = [\"1h\"] } }
         path \"auth/approle/role/r\" { capabilities = [\"update\"]\n denied_parameters = { \"token_policies\" = [] } }",
    );
    // A10
    assert_eq!(outcome(&app.send("GET", "auth/token/lookup", None)), DENIED);
    assert_eq!(app.send("GET", &format!("auth/token/lookup?token={}", app.token), None).status, 200);
    // A11
    let make = |ttl: &str| app.send("POST", "auth/approle/role/r/secret-id", Some(&json!({ "ttl": ttl })));
    assert_eq!(outcome(&make("2h")), DENIED);
    assert_eq!(make("1h").status, 200);
    let write = |body: Value| app.send("POST", "auth/approle/role/r", Some(&body));
    assert_eq!(outcome(&write(json!({"token_policies": ["x"]}))), DENIED);
    assert_eq!(write(json!({"token_ttl": 60})).status, 204);
}

#[test]
fn capabilities_are_told() {
    let world = World::new();
    let app = world.with_policy(
        "app",
        "path \"a/*\" { capabilities = [\"update\", \"read\"] }\npath \"a/no\" { capabilities = [\"deny\"] }
         path \"sys/capabilities*\" { capabilities = [\"update\"] }",
    );
    // A12
    let two = app.post("sys/capabilities-self", &json!({"paths": ["a/x", "a/no", "b"]}));
    assert_eq!(two["data"], json!({"a/x": ["read", "update"], "a/no": ["deny"], "b": ["deny"]}));
    assert_eq!(two["a/x"], two["data"]["a/x"]);
    let one = app.post("sys/capabilities-self", &json!({"path": "a/x"}));
    assert_eq!(one["data"], json!({"a/x": ["read", "update"], "capabilities": ["read", "update"]}));
    let asked = app.post("sys/capabilities", &json!({"token": "root", "paths": ["z"]}));
    assert_eq!(asked["data"]["z"], json!(["root"]));
    let accessor = said(&app.get("auth/token/lookup-self")["data"]["accessor"]);
    let asked = world.root.post("sys/capabilities-accessor", &json!({"accessor": accessor, "paths": "a/x"}));
    assert_eq!(asked["data"]["capabilities"], json!(["read", "update"]));
    for (path, body, expected) in [
        ("sys/capabilities-self", json!({}), "400 paths must be supplied"),
        ("sys/capabilities", json!({"token": "none", "paths": ["z"]}), "400 invalid token"),
        ("sys/capabilities-accessor", json!({"accessor": "none", "paths": ["z"]}), "400 invalid accessor"),
    ] {
        assert_eq!(outcome(&app.send("POST", path, Some(&body))), expected);
    }
}

#[test]
fn tokens_are_created_within_the_rules() {
    let world = World::new();
    let app = world.with_policy("app", "path \"auth/token/create*\" { capabilities = [\"create\", \"update\"] }");
    let create = |client: &Http, body: Value| client.send("POST", "auth/token/create", Some(&body));
    // A13
    let made = create(&world.root, json!({"policies": ["nope"]}));
    assert_eq!((made.status, &made.body["warnings"]), (200, &json!(["Policy \"nope\" does not exist"])));
    assert_eq!(made.body["auth"]["policies"], json!(["default", "nope"]));
    assert_eq!(made.body["data"], Value::Null);
    for (body, expected) in [
        // A14
        (json!({"policies": ["other"]}), "400 child policies must be subset of parent"),
        // CVE-2025-5999
        (json!({"policies": [" Root"]}), "400 root tokens may not be created without parent token being root"),
        (json!({"id": "mine"}), "400 root or sudo privileges required to specify token id"),
        (json!({"no_parent": true}), "400 root or sudo privileges required to create orphan token"),
        (json!({"period": "1h"}), "400 root or sudo privileges required to create periodic token"),
        (json!({"num_uses": -1}), "400 number of uses cannot be negative"),
        // A17
        (json!({"type": "batch", "num_uses": 3}), "400 batch tokens cannot have \"num_uses\" set"),
        (json!({"type": "x"}), "400 invalid 'token_type' value"),
        (
            json!({"ttl": "-5"}),
            "400 Field validation failed: error converting input for field \"ttl\": cannot provide negative value '-5'",
        ),
    ] {
        assert_eq!(outcome(&create(&app, body.clone())), expected, "{body}");
    }
    // create-orphan needs sudo
    assert_eq!(outcome(&app.send("POST", "auth/token/create-orphan", Some(&json!({})))), DENIED);
    // Vault 0.6.4: no `default` that the parent lacks
    let bare = world.root.with_token(&world.token(&json!({"policies": ["app"], "no_default_policy": true})));
    assert_eq!(create(&bare, json!({})).body["auth"]["policies"], json!(["app"]));
    // A15
    let made = create(&world.root, json!({"ttl": "30m", "explicit_max_ttl": "5m"}));
    assert_eq!(made.body["auth"]["lease_duration"], 300);
    // A16
    let made = create(&world.root, json!({"period": "30m", "display_name": "a b"}));
    assert_eq!(made.body["auth"]["lease_duration"], 1800);
    let seen = world.root.post("auth/token/lookup", &json!({"token": made.body["auth"]["client_token"]}));
    assert_eq!(seen["data"]["period"], 1800);
    assert_eq!(seen["data"]["display_name"], "token-a-b");
    assert_eq!(seen["data"]["path"], "auth/token/create");
    assert_eq!(seen["data"]["expire_time"], "2026-09-21T14:43:20Z");
    // A chosen id works once
    assert_eq!(create(&world.root, json!({"id": "mine"})).status, 200);
    assert_eq!(outcome(&create(&world.root, json!({"id": "mine"}))), "400 cannot create a token with a duplicate ID");
    assert_eq!(outcome(&create(&world.root, json!({"id": "a.b"}))), "400 custom token ID cannot contain '.'");
    // Absurd durations neither wrap around nor live for ever.
    let made = create(&world.root, json!({"ttl": i64::MAX, "policies": ["app"]}));
    assert_eq!(made.body["auth"]["lease_duration"], 2_764_800);
    // Children end with what the root token's child gets: the default TTL
    assert_eq!(create(&world.root, json!({"policies": "app"})).body["auth"]["lease_duration"], 2_764_800);
    assert_eq!(create(&world.root, json!({})).body["auth"]["lease_duration"], 0);
}

#[test]
fn tokens_are_looked_up_and_renewed() {
    let world = World::new();
    let made =
        world.root.post("auth/token/create", &json!({"policies": ["default"], "ttl": "1h", "explicit_max_ttl": "2h"}));
    let own = world.root.with_token(&said(&made["auth"]["client_token"]));
    let accessor = made["auth"]["accessor"].clone();
    world.wait(600);
    let seen = own.get("auth/token/lookup-self");
    assert_eq!((&seen["data"]["ttl"], &seen["data"]["creation_ttl"]), (&json!(3000), &json!(3600)));
    assert_eq!((&seen["data"]["id"], &seen["data"]["accessor"]), (&json!(own.token), &accessor));
    let by_accessor = world.root.post("auth/token/lookup-accessor", &json!({"accessor": accessor}));
    assert_eq!(by_accessor["data"]["id"], "");
    assert_eq!(own.post("auth/token/renew-self", &json!({}))["auth"]["lease_duration"], 3600);
    assert_eq!(own.post("auth/token/renew-self", &json!({"increment": 60}))["auth"]["lease_duration"], 60);
    let renewed = world.root.post("auth/token/renew-accessor", &json!({"accessor": accessor, "increment": "1h"}));
    assert_eq!((&renewed["auth"]["lease_duration"], &renewed["auth"]["client_token"]), (&json!(3600), &json!("")));
    world.wait(3599);
    let renewed = world.root.post("auth/token/renew", &json!({"token": own.token, "increment": "1d"}));
    assert_eq!(renewed["auth"]["lease_duration"], 3001);
    assert_eq!(
        renewed["warnings"],
        json!(["TTL of \"24h\" exceeded the effective max_ttl of \"50m1s\"; TTL value is capped accordingly"])
    );
    assert_eq!(world.root.get("auth/token/lookup-self")["data"]["expire_time"], Value::Null);
    for (path, body, expected) in [
        ("auth/token/lookup", json!({"token": "none"}), "403 bad token"),
        // A19
        ("auth/token/lookup-accessor", json!({"accessor": "none"}), "400 invalid accessor"),
        ("auth/token/lookup-accessor", json!({}), "400 missing accessor"),
        ("auth/token/renew", json!({"token": "none"}), "400 token not found"),
        ("auth/token/renew", json!({}), "400 missing token ID"),
        ("auth/token/renew-self", json!({}), "400 lease is not renewable"),
        ("auth/token/revoke", json!({}), "400 missing token ID"),
        ("auth/token/revoke", json!({"token": "none"}), "204"),
        ("auth/token/revoke-accessor", json!({"accessor": "none"}), "400 invalid accessor"),
        ("auth/token/revoke-orphan", json!({"token": "none"}), "400 token to revoke not found"),
    ] {
        assert_eq!(outcome(&world.root.send("POST", path, Some(&body))), expected, "{path} {body}");
    }
}

#[test]
fn a_renewal_in_the_last_moment_never_means_for_ever() {
    // CVE-2021-32923
    let world = World::new();
    let token = world.token(&json!({"policies": ["default"], "ttl": "100s", "explicit_max_ttl": "100s"}));
    let own = world.root.with_token(&token);
    world.clock.advance(Duration::from_millis(98_999));
    assert_eq!(own.post("auth/token/renew-self", &json!({}))["auth"]["lease_duration"], 2);
    world.clock.advance(Duration::from_millis(1000));
    assert_eq!(own.post("auth/token/renew-self", &json!({}))["auth"]["lease_duration"], 1);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(outcome(&own.send("POST", "auth/token/renew-self", Some(&json!({})))), "403 permission denied");
    assert_eq!(
        outcome(&world.root.send("POST", "auth/token/renew", Some(&json!({"token": token})))),
        "400 token not found"
    );
}

#[test]
fn revoking_a_token_revokes_its_children_but_not_orphans() {
    let world = World::new();
    let parent = world.with_policy("maker", "path \"auth/token/create*\" { capabilities = [\"update\", \"sudo\"] }");
    let make = |path: &str| said(&parent.post(path, &json!({}))["auth"]["client_token"]);
    let child = make("auth/token/create");
    let grandchild = {
        let made = parent.with_token(&child).post("auth/token/create", &json!({}));
        said(&made["auth"]["client_token"])
    };
    let orphan = make("auth/token/create-orphan");
    let status = |token: &str| world.root.with_token(token).send("GET", "auth/token/lookup-self", None).status;
    world.root.post("auth/token/revoke", &json!({"token": parent.token}));
    assert_eq!([&parent.token, &child, &grandchild, &orphan].map(|token| status(token)), [403, 403, 403, 200]);
    // A18
    let lookup = world.root.send("POST", "auth/token/lookup", Some(&json!({"token": child})));
    assert_eq!(outcome(&lookup), "403 bad token");
    // revoke-orphan leaves the children, as orphans
    let child = {
        let made = parent.with_token(&orphan).post("auth/token/create", &json!({}));
        said(&made["auth"]["client_token"])
    };
    world.root.post("auth/token/revoke-orphan", &json!({"token": orphan}));
    assert_eq!((status(&orphan), status(&child)), (403, 200));
    assert_eq!(world.root.post("auth/token/lookup", &json!({"token": child}))["data"]["orphan"], true);
    // revoke-self
    let own = world.root.with_token(&child);
    assert_eq!(own.send("POST", "auth/token/revoke-self", None).status, 204);
    assert_eq!(status(&child), 403);
    // Only root's accessor is left.
    let left = world.root.send("LIST", "auth/token/accessors", None).body;
    assert_eq!(left["data"]["keys"].as_array().unwrap().len(), 1);
    assert_eq!(
        outcome(&world.with_policy("x", "path \"auth/token/accessors/\" { capabilities = [\"list\"] }").send(
            "LIST",
            "auth/token/accessors",
            None
        )),
        DENIED
    );
}

#[test]
fn uses_are_counted_and_the_last_one_ends_the_token() {
    // Vault 0.6.4
    let world = World::new();
    let token = world.token(&json!({"policies": ["default"], "num_uses": 3}));
    let own = world.root.with_token(&token);
    assert_eq!(own.get("auth/token/lookup-self")["data"]["num_uses"], 2);
    // A refused request is a use as well.
    assert_eq!(outcome(&own.send("GET", "sys/mounts", None)), DENIED);
    let last = own.get("auth/token/lookup-self");
    assert_eq!(last["data"]["num_uses"], 0);
    assert_eq!(outcome(&own.send("GET", "auth/token/lookup-self", None)), "403 permission denied");
    let seen =
        world.root.send("POST", "auth/token/lookup-accessor", Some(&json!({"accessor": last["data"]["accessor"]})));
    assert_eq!(outcome(&seen), "400 invalid accessor");
    let one = world.root.with_token(&world.token(&json!({"policies": ["default"], "num_uses": 2})));
    let refused = one.send("POST", "auth/token/create", Some(&json!({})));
    assert_eq!(outcome(&refused), DENIED);
    // With the right to create, the number of uses is what refuses.
    world.root.post("sys/policies/acl/maker", &json!({"policy": "path \"auth/token/create\" { policy = \"write\" }"}));
    let maker = world.root.with_token(&world.token(&json!({"policies": ["maker"], "num_uses": 5})));
    let refused = maker.send("POST", "auth/token/create", Some(&json!({})));
    assert_eq!(outcome(&refused), "400 restricted use token cannot generate child tokens");
}

#[test]
fn the_last_use_is_given_once_to_many_at_a_time() {
    let world = World::new();
    let token = world.token(&json!({"policies": ["default"], "num_uses": 5}));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let own = world.root.with_token(&token);
            std::thread::spawn(move || own.send("GET", "auth/token/lookup-self", None).status)
        })
        .collect();
    let served = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&s| s == 200).count();
    assert_eq!(served, 5);
}

#[test]
fn an_expired_token_is_refused_even_if_the_engine_was_down() {
    // Vault 0.10.2, CVE-2022-30689
    let home = tempfile::tempdir().unwrap();
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
    let directory = home.path().join("data");
    let start = || {
        let config = Config::new(Storage::Disk { directory: directory.clone() }, clock.clone());
        let engine = InTestEngine::start_with(config);
        let root = client(&engine);
        (engine, root)
    };
    let (engine, root) = start();
    let make = |ttl: &str| {
        said(&root.post("auth/token/create", &json!({"policies": ["default"], "ttl": ttl}))["auth"]["client_token"])
    };
    let (short, long) = (make("10m"), make("10h"));
    root.post("sys/policies/acl/kept", &json!({"policy": "path \"a\" { policy = \"deny\" }"}));
    drop(engine);
    clock.advance(Duration::from_secs(3600));
    let (_engine, root) = start();
    let status = |token: &str| outcome(&root.with_token(token).send("GET", "auth/token/lookup-self", None));
    assert_eq!(status(&short), "403 permission denied");
    assert_eq!(status(&long), "200");
    assert_eq!(root.with_token(&long).get("auth/token/lookup-self")["data"]["ttl"], 32_400);
    assert_eq!(root.get("sys/policies/acl/kept")["data"]["name"], "kept");
}

#[test]
fn default_tokens_may_not_revoke_leases() {
    // A21
    let world = World::new();
    let plain = world.root.with_token(&world.token(&json!({"policies": ["default"]})));
    let body = json!({"lease_id": "aws/creds/r/none"});
    assert_ne!(plain.send("POST", "sys/leases/renew", Some(&body)).status, 403);
    assert_eq!(outcome(&plain.send("POST", "sys/leases/revoke", Some(&body))), DENIED);
}

#[test]
fn a_login_gives_a_token_with_the_roles_terms() {
    let world = World::with_role(
        "Web.App-1",
        &json!({"token_policies": "B,a, b", "token_ttl": "20m", "token_max_ttl": "1h", "token_num_uses": 0}),
    );
    let role_id = world.role_id("web.app-1");
    let secret_id = world.secret_id("web.app-1", &json!({"metadata": "{\"host\": \"h1\", \"role_name\": \"evil\"}"}));
    let answer = world.login(&role_id, &secret_id);
    // M12
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.body["lease_id"], &answer.body["data"]), (&json!(""), &Value::Null));
    let auth = &answer.body["auth"];
    assert_eq!(auth["policies"], json!(["a", "b", "default"]));
    assert_eq!(auth["metadata"], json!({"host": "h1", "role_name": "web.app-1"}));
    assert_eq!(
        (&auth["lease_duration"], &auth["renewable"], &auth["orphan"]),
        (&json!(1200), &json!(true), &json!(true))
    );
    let own = world.root.with_token(&said(&auth["client_token"]));
    let seen = own.get("auth/token/lookup-self");
    assert_eq!(
        (&seen["data"]["path"], &seen["data"]["display_name"]),
        (&json!("auth/approle/login"), &json!("approle"))
    );
    // Renewal goes by the role as it is by then (CVE-2026-39388).
    world.root.post("auth/approle/role/web.app-1", &json!({"token_ttl": "5m"}));
    assert_eq!(own.post("auth/token/renew-self", &json!({}))["auth"]["lease_duration"], 300);
    world.root.post("auth/approle/role/web.app-1", &json!({"token_bound_cidrs": ["10.0.0.0/8"]}));
    assert_eq!(outcome(&own.send("POST", "auth/token/renew-self", Some(&json!({})))), "403 permission denied");
    world.root.send("DELETE", "auth/approle/role/web.app-1", None);
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(outcome(&renewed), "400 role \"web.app-1\" does not exist during renewal");
    assert_eq!(own.send("GET", "auth/token/lookup-self", None).status, 200);
    // Disabling the method ends its tokens.
    assert_eq!(world.root.send("DELETE", "sys/auth/approle", None).status, 204);
    assert_eq!(outcome(&own.send("GET", "auth/token/lookup-self", None)), "403 permission denied");
}

#[test]
fn every_wrong_id_is_refused_in_the_same_words() {
    // CVE-2020-35177
    let world = World::with_role("r", &json!({}));
    let role_id = world.role_id("r");
    let secret_id = world.secret_id("r", &json!({}));
    let other = {
        world.root.post("auth/approle/role/other", &json!({}));
        world.secret_id("other", &json!({}))
    };
    // M1
    for (role, secret) in [
        (role_id.as_str(), "wrong"),
        (role_id.as_str(), other.as_str()),
        ("wrong", secret_id.as_str()),
        ("wrong", "wrong"),
        (secret_id.as_str(), role_id.as_str()),
    ] {
        assert_eq!(outcome(&world.login(role, secret)), "400 invalid role or secret ID");
    }
    // M2
    assert_eq!(outcome(&world.login("", &secret_id)), "400 missing role_id");
    // Known or unknown, a role id alone gets the same answer.
    assert_eq!(outcome(&world.login(&role_id, "")), "400 missing secret_id");
    assert_eq!(outcome(&world.login("wrong", "")), "400 missing secret_id");
    assert_eq!(world.login(&role_id, &secret_id).status, 200);
    // CVE-2026-46405: an answer has errors or a token, never both.
    assert_eq!(world.login(&role_id, "wrong").body["auth"], Value::Null);
    // A login does not look at the token that came with it.
    let body = json!({ "role_id": role_id, "secret_id": secret_id });
    assert_eq!(world.root.with_token("nonsense").send("POST", "auth/approle/login", Some(&body)).status, 200);
    assert_eq!(
        outcome(&world.root.send("GET", "auth/approle/login", None)),
        "405 1 error occurred:\n\t* unsupported operation"
    );
}

#[test]
fn secret_ids_end_by_use_by_time_and_with_their_role() {
    let world = World::with_role("r", &json!({"secret_id_num_uses": 2, "secret_id_ttl": "10m"}));
    let role_id = world.role_id("r");
    // M3
    let once = world.secret_id("r", &json!({"num_uses": 1}));
    assert_eq!(world.login(&role_id, &once).status, 200);
    assert_eq!(outcome(&world.login(&role_id, &once)), "400 invalid role or secret ID");
    // CVE-2026-115362: time is looked at when it is used, with no tidying in between
    let late = world.secret_id("r", &json!({}));
    world.wait(599);
    assert_eq!(world.login(&role_id, &late).status, 200);
    world.wait(1);
    assert_eq!(outcome(&world.login(&role_id, &late)), "400 invalid role or secret ID");
    assert_eq!(outcome(&world.root.send("LIST", "auth/approle/role/r/secret-id", None)), "404");
    // M5 and its like
    for (body, expected) in [
        (json!({"ttl": "11m"}), "400 ttl cannot be longer than the role's secret_id_ttl"),
        (json!({"ttl": 0}), "400 ttl cannot be longer than the role's secret_id_ttl"),
        (json!({"num_uses": 3}), "400 num_uses cannot be higher than the role's secret_id_num_uses"),
        (json!({"num_uses": 0}), "400 num_uses cannot be higher than the role's secret_id_num_uses"),
        (json!({"metadata": "[1]"}), "400 failed to parse metadata: it must be a JSON object with string values"),
        (json!({"cidr_list": "x"}), "400 invalid CIDR block \"x\" in cidr_list; write 10.0.0.0/8"),
        (json!({"ttl": "10m", "num_uses": 2}), "200"),
    ] {
        let made = world.root.send("POST", "auth/approle/role/r/secret-id", Some(&body));
        assert_eq!(outcome(&made), expected, "{body}");
    }
    // Vault 0.10.2: a role deleted under another spelling takes its secret ids along
    let left = world.secret_id("R", &json!({}));
    assert_eq!(world.root.send("DELETE", "auth/approle/role/R", None).status, 204);
    world.root.post("auth/approle/role/r", &json!({"role_id": role_id}));
    assert_eq!(outcome(&world.login(&role_id, &left)), "400 invalid role or secret ID");
    assert_eq!(outcome(&world.root.send("LIST", "auth/approle/role/r/secret-id", None)), "404");
}

#[test]
fn a_secret_id_with_one_use_logs_one_in() {
    let world = World::with_role("r", &json!({}));
    let role_id = world.role_id("r");
    let secret_id = world.secret_id("r", &json!({"num_uses": 3}));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (client, body) = (world.root.clone(), json!({ "role_id": role_id, "secret_id": secret_id }));
            std::thread::spawn(move || client.send("POST", "auth/approle/login", Some(&body)).status)
        })
        .collect();
    let mut statuses: Vec<u16> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 3].as_slice(), [400; 5].as_slice()].concat());
}

#[test]
fn secret_ids_are_looked_up_and_destroyed_within_their_role() {
    let world = World::with_role("a", &json!({}));
    world.root.post("auth/approle/role/b", &json!({}));
    let role_id = world.role_id("a");
    let made = world.root.post("auth/approle/role/a/secret-id", &json!({"metadata": {"k": "v"}, "ttl": 60}));
    let (secret_id, accessor) = (said(&made["data"]["secret_id"]), said(&made["data"]["secret_id_accessor"]));
    let post = |path: &str, body: Value| world.root.send("POST", &format!("auth/approle/role/{path}"), Some(&body));
    let seen = post("a/secret-id/lookup", json!({"secret_id": secret_id})).body;
    assert_eq!(seen["data"]["secret_id_accessor"], json!(accessor));
    assert_eq!(seen["data"]["metadata"], json!({"k": "v"}));
    assert_eq!(seen["data"]["expiration_time"], "2026-09-21T14:14:20Z");
    assert_eq!(post("a/secret-id-accessor/lookup", json!({"secret_id_accessor": accessor})).body["data"], seen["data"]);
    // CVE-2023-24999: an accessor is worth nothing under another role
    for (path, body, expected) in [
        ("b/secret-id/lookup", json!({"secret_id": secret_id}), "204".to_owned()),
        ("b/secret-id/destroy", json!({"secret_id": secret_id}), "204".to_owned()),
        ("b/secret-id-accessor/lookup", json!({"secret_id_accessor": accessor}), "404".to_owned()),
        (
            "b/secret-id-accessor/destroy",
            json!({"secret_id_accessor": accessor}),
            "403 invalid secret id accessor".to_owned(),
        ),
        ("b/secret-id-accessor/destroy", json!({}), "400 missing secret_id_accessor".to_owned()),
        ("none/secret-id", json!({}), "404 role \"none\" does not exist".to_owned()),
        ("a/custom-secret-id", json!({}), "400 missing secret_id".to_owned()),
    ] {
        assert_eq!(outcome(&post(path, body)), expected, "{path}");
    }
    let unknown = post("b/secret-id-accessor/lookup", json!({"secret_id_accessor": accessor})).body;
    let said = format!("failed to find accessor entry for secret_id_accessor: {accessor:?}");
    assert_eq!(unknown["data"], json!({ "error": said }));
    let listed = world.root.send("LIST", "auth/approle/role/a/secret-id", None).body;
    assert_eq!(listed["data"]["keys"], json!([accessor]));
    assert_eq!(world.login(&role_id, &secret_id).status, 200);
    assert_eq!(post("a/secret-id-accessor/destroy", json!({"secret_id_accessor": accessor})).status, 204);
    assert_eq!(outcome(&world.login(&role_id, &secret_id)), "400 invalid role or secret ID");
    // A secret id of one's own choice
    let custom = json!({"secret_id": "my-own"});
    assert_eq!(post("a/custom-secret-id", custom.clone()).body["data"]["secret_id"], "my-own");
    assert_eq!(outcome(&post("a/custom-secret-id", custom)), "400 SecretID is already registered");
    assert_eq!(world.login(&role_id, "my-own").status, 200);
    assert_eq!(post("a/secret-id/destroy", json!({"secret_id": "my-own"})).status, 204);
    assert_eq!(outcome(&world.login(&role_id, "my-own")), "400 invalid role or secret ID");
    world.secret_id("a", &json!({"ttl": 1}));
    world.wait(2);
    assert_eq!(world.root.send("POST", "auth/approle/tidy/secret-id", None).status, 202);
}

#[test]
fn roles_are_merged_read_and_checked() {
    let world = World::new();
    world.root.post("sys/auth/approle", &json!({"type": "approle"}));
    let write = |body: Value| world.root.send("POST", "auth/approle/role/R1", Some(&body));
    let read = || world.root.get("auth/approle/role/r1")["data"].clone();
    // M4
    assert_eq!(
        outcome(&write(json!({"bind_secret_id": false}))),
        "400 at least one constraint should be enabled on the role"
    );
    assert_eq!(outcome(&world.root.send("GET", "auth/approle/role/r1", None)), "404");
    assert_eq!(write(json!({})).status, 204);
    assert_eq!(
        read(),
        json!({
            "bind_secret_id": true, "local_secret_ids": false, "secret_id_bound_cidrs": null,
            "secret_id_num_uses": 0, "secret_id_ttl": 0, "token_bound_cidrs": [], "token_explicit_max_ttl": 0,
            "token_max_ttl": 0, "token_no_default_policy": false, "token_num_uses": 0, "token_period": 0,
            "token_policies": [], "token_ttl": 0, "token_type": "default",
        })
    );
    let role_id = world.role_id("r1");
    assert_eq!(write(json!({"token_ttl": "1h", "token_bound_cidrs": "10.0.0.1/32,10.1.0.0/16"})).status, 204);
    assert_eq!(write(json!({"token_policies": "b, A", "secret_id_bound_cidrs": ["127.0.0.1/32"]})).status, 204);
    let seen = read();
    assert_eq!((&seen["token_ttl"], &seen["token_policies"]), (&json!(3600), &json!(["a", "b"])));
    assert_eq!(seen["token_bound_cidrs"], json!(["10.0.0.1", "10.1.0.0/16"]));
    assert_eq!(world.role_id("r1"), role_id);
    for (body, expected) in [
        (json!({"token_max_ttl": "30m"}), "400 'token_ttl' cannot be greater than 'token_max_ttl'"),
        (json!({"token_num_uses": -1}), "400 'token_num_uses' cannot be negative"),
        // CVE-2025-64761
        (json!({"token_policies": ["x", " ROOT "]}), "400 auth methods cannot create root tokens"),
        (json!({"policies": "Root"}), "400 auth methods cannot create root tokens"),
        (
            json!({"token_bound_cidrs": "10.0.0.0/99"}),
            "400 invalid CIDR block \"10.0.0.0/99\" in token_bound_cidrs; write 10.0.0.0/8",
        ),
        (json!({"local_secret_ids": true}), "400 local_secret_ids can only be modified during role creation"),
        (json!({"role_id": ""}), "400 invalid role_id supplied, or failed to generate a role_id"),
    ] {
        assert_eq!(outcome(&write(body.clone())), expected, "{body}");
    }
    assert_eq!(read(), seen);
    let taken = world.root.send("POST", "auth/approle/role/r2", Some(&json!({"role_id": role_id})));
    assert_eq!(outcome(&taken), "400 role_id already in use");
    assert_eq!(world.root.send("LIST", "auth/approle/role", None).body["data"]["keys"], json!(["r1"]));
    let warned = write(json!({"token_max_ttl": "9999h", "unknown": 1})).body["warnings"].clone();
    assert_eq!(warned.as_array().unwrap().len(), 2, "{warned}");
    for path in ["auth/approle/role/-x", "auth/approle/role/a b", "auth/approle/nope", "auth/approle/role/r1/nope"] {
        let answer = world.root.send("GET", &path.replace(' ', "%20"), None);
        assert_eq!(outcome(&answer), "404 1 error occurred:\n\t* unsupported path", "{path}");
    }
    // `create` and `update` are different rights
    let app = world.with_policy("app", "path \"auth/approle/role/*\" { capabilities = [\"create\"] }");
    assert_eq!(app.send("POST", "auth/approle/role/new", Some(&json!({}))).status, 204);
    assert_eq!(outcome(&app.send("POST", "auth/approle/role/new", Some(&json!({})))), DENIED);
    assert_eq!(outcome(&app.send("POST", "auth/approle/role/NEW", Some(&json!({})))), DENIED);
}

#[test]
fn single_settings_of_a_role_are_read_written_and_reset() {
    let world = World::with_role("r", &json!({"secret_id_bound_cidrs": ["127.0.0.0/8"]}));
    for (setting, key, given, read, reset) in [
        ("policies", "token_policies", json!("b,a"), json!(["a", "b"]), json!([])),
        ("token-bound-cidrs", "token_bound_cidrs", json!(["10.0.0.0/8"]), json!(["10.0.0.0/8"]), json!([])),
        ("bound-cidr-list", "bound_cidr_list", json!("10.0.0.0/8"), json!(["10.0.0.0/8"]), json!(null)),
        ("secret-id-bound-cidrs", "secret_id_bound_cidrs", json!("10.0.0.1/32"), json!(["10.0.0.1/32"]), json!(null)),
        ("secret-id-num-uses", "secret_id_num_uses", json!(5), json!(5), json!(0)),
        ("secret-id-ttl", "secret_id_ttl", json!("1h"), json!(3600), json!(0)),
        ("token-num-uses", "token_num_uses", json!("7"), json!(7), json!(0)),
        ("token-max-ttl", "token_max_ttl", json!("2h"), json!(7200), json!(0)),
        ("token-ttl", "token_ttl", json!("1h"), json!(3600), json!(0)),
        ("period", "token_period", json!("1h"), json!(3600), json!(0)),
        ("bind-secret-id", "bind_secret_id", json!(true), json!(true), json!(true)),
    ] {
        let path = format!("auth/approle/role/r/{setting}");
        assert_eq!(world.root.send("POST", &path, Some(&json!({ key: given }))).status, 204, "{setting}");
        assert_eq!(world.root.get(&path)["data"][key], read, "{setting}");
        let empty = world.root.send("POST", &path, Some(&json!({})));
        assert!(outcome(&empty).starts_with("400 missing "), "{setting}: {}", empty.body);
        assert_eq!(world.root.send("DELETE", &path, None).status, 204, "{setting}");
        assert_eq!(world.root.get(&path)["data"][key], reset, "{setting}");
    }
    let off = world.root.send("POST", "auth/approle/role/r/bind-secret-id", Some(&json!({"bind_secret_id": false})));
    assert_eq!(outcome(&off), "400 at least one constraint should be enabled on the role");
    world.root.post("auth/approle/role/r/role-id", &json!({"role_id": "chosen"}));
    assert_eq!(world.role_id("r"), "chosen");
    assert_eq!(world.login("chosen", &world.secret_id("r", &json!({}))).status, 200);
}

#[test]
fn networks_bind_logins_tokens_and_their_children() {
    // Vault 1.0.2, 1.1.1
    let world = World::with_role("r", &json!({"token_policies": "maker"}));
    world.root.post("sys/policies/acl/maker", &json!({"policy": "path \"auth/token/*\" { policy = \"sudo\" }"}));
    let role_id = world.role_id("r");
    let elsewhere = json!({"cidr_list": "10.0.0.0/8"});
    let refused = world.login(&role_id, &world.secret_id("r", &elsewhere));
    assert_eq!(
        outcome(&refused),
        "400 source address \"127.0.0.1\" unauthorized through CIDR restrictions on the secret ID"
    );
    let refused = world.login(&role_id, &world.secret_id("r", &json!({"token_bound_cidrs": "10.0.0.0/8"})));
    assert_eq!(outcome(&refused), "403 permission denied");
    let bound =
        world.secret_id("r", &json!({"token_bound_cidrs": "127.0.0.1/32", "cidr_list": "::ffff:127.0.0.0/104"}));
    let own = said(&world.login(&role_id, &bound).body["auth"]["client_token"]);
    let child = world.root.with_token(&own).post("auth/token/create", &json!({}));
    let seen = world.root.post("auth/token/lookup", &json!({"token": child["auth"]["client_token"]}));
    assert_eq!(seen["data"]["bound_cidrs"], json!(["127.0.0.1"]));
    world.root.post("auth/approle/role/r", &json!({"secret_id_bound_cidrs": "10.0.0.0/8", "bind_secret_id": false}));
    let refused = world.login(&role_id, "");
    assert_eq!(outcome(&refused), "400 source address \"127.0.0.1\" unauthorized by CIDR restrictions on the role");
    world.root.post("auth/approle/role/r", &json!({"secret_id_bound_cidrs": "127.0.0.0/8"}));
    assert_eq!(world.login(&role_id, "").status, 200);
    let made = world.root.send("POST", "auth/approle/role/r/secret-id", Some(&json!({})));
    assert_eq!(outcome(&made), "400 bind_secret_id is not set on the role");
}
