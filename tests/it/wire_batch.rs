//! Batch tokens over HTTP: the cases A22 to A33 of `tests/data/wire.md` (source: Vault, "Tokens", "Batch tokens"; OpenBao,
//! `vault/token_store.go` and `vault/expiration.go`; texts and statuses as one answers them).

use serde_json::{Value, json};

use crate::http::{Answer, Http, outcome, said};
use crate::wire_aws::World;

/// A world with leases of 30 minutes and AppRole, whose role `app` may issue, and a policy `app` that may.
fn world() -> World {
    let world = World::with_role();
    world.root.post("aws/config/lease", &json!({ "lease": "30m", "lease_max": "12h" }));
    let rules = "path \"aws/creds/r\" { capabilities = [\"read\"] }
                 path \"auth/token/create*\" { capabilities = [\"update\"] }";
    world.root.post("sys/policies/acl/app", &json!({ "policy": rules }));
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    world
}

fn make(maker: &Http, parameters: &Value) -> Answer {
    let mut asked = json!({ "type": "batch", "policies": ["app"], "ttl": "10m" });
    for (name, value) in parameters.as_object().unwrap() {
        asked[name] = value.clone();
    }
    maker.send("POST", "auth/token/create", Some(&asked))
}

fn client(world: &World, made: &Answer) -> Http {
    assert_eq!(made.status, 200, "{}", made.body);
    world.root.with_token(&said(&made.body["auth"]["client_token"]))
}

fn log_in(world: &World, role: &Value) -> Answer {
    let mut settings = json!({ "token_policies": "app" });
    for (name, value) in role.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let answer = world.root.send("POST", "auth/approle/role/app", Some(&settings));
    assert!(answer.status < 300, "{}", answer.body);
    let role_id = world.root.get("auth/approle/role/app/role-id")["data"]["role_id"].clone();
    let secret_id = world.root.post("auth/approle/role/app/secret-id", &json!({}))["data"]["secret_id"].clone();
    world.root.post("auth/approle/role/app", &settings);
    let body = json!({ "role_id": role_id, "secret_id": secret_id });
    world.root.with_token("").send("POST", "auth/approle/login", Some(&body))
}

#[test]
fn a_batch_token_is_all_that_is_known_of_it() {
    let mut world = world();
    let accessors = |world: &World| world.root.send("LIST", "auth/token/accessors", None).body["data"]["keys"].clone();
    let before = accessors(&world);
    // A22
    let made = make(&world.root, &json!({ "meta": { "team": "web" }, "display_name": "ci" }));
    let auth = &made.body["auth"];
    assert!(said(&auth["client_token"]).starts_with("hvb."), "{auth}");
    assert_eq!(
        (&auth["token_type"], &auth["accessor"], &auth["renewable"]),
        (&json!("batch"), &json!(""), &json!(false))
    );
    assert_eq!((&auth["orphan"], &auth["lease_duration"]), (&json!(false), &json!(600)));
    let own = client(&world, &made);
    let told = own.get("auth/token/lookup-self")["data"].clone();
    assert_eq!((&told["type"], &told["ttl"], &told["num_uses"]), (&json!("batch"), &json!(600), &json!(0)));
    assert_eq!((&told["meta"], &told["display_name"]), (&json!({ "team": "web" }), &json!("token-ci")));
    assert_eq!(accessors(&world), before, "nothing is kept of it");
    assert_eq!(world.root.send("LIST", "sys/leases/lookup/auth/token/create", None).status, 404);
    // A23: it is there after a restart, and not a second after its time.
    world.restart_after(599);
    let own = world.root.with_token(&own.token);
    assert_eq!(own.get("auth/token/lookup-self")["data"]["ttl"], 1);
    world.wait(1);
    assert_eq!(outcome(&own.send("GET", "auth/token/lookup-self", None)), "403 permission denied");
    let asks = json!({ "token": own.token });
    assert_eq!(outcome(&world.root.send("POST", "auth/token/lookup", Some(&asks))), "403 bad token");
}

#[test]
fn a_batch_token_that_was_changed_opens_nothing() {
    let world = world();
    let made = make(&world.root, &json!({}));
    let token = client(&world, &made).token;
    let at = token.len() / 2;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
    for text in [changed.as_str(), &token[..token.len() - 2], &format!("{token}AA"), "hvb.", "hvb.AAAA", "hvb.%"] {
        let refused = world.root.with_token(text).send("GET", "auth/token/lookup-self", None);
        assert_eq!(outcome(&refused), "403 permission denied", "{text}");
    }
    // Nor does another engine's.
    let elsewhere = World::new();
    assert_eq!(elsewhere.root.with_token(&token).send("GET", "auth/token/lookup-self", None).status, 403);
}

#[test]
fn what_takes_a_token_that_is_kept_is_refused() {
    let world = world();
    // A24
    for (parameters, expected) in [
        (json!({ "num_uses": 3 }), "400 batch tokens cannot have \"num_uses\" set"),
        (json!({ "period": "1h" }), "400 batch tokens cannot have \"period\" set"),
        (json!({ "explicit_max_ttl": "1h" }), "400 batch tokens cannot have \"explicit_max_ttl\" set"),
        (json!({ "id": "chosen" }), "400 batch tokens cannot have \"id\" set"),
        (json!({ "policies": ["root"] }), "400 batch tokens cannot be root tokens"),
        (json!({ "type": "default-batch" }), "400 invalid 'token_type' value"),
    ] {
        assert_eq!(outcome(&make(&world.root, &parameters)), expected, "{parameters}");
    }
    // A25
    let own = client(&world, &make(&world.root, &json!({})));
    let asks = json!({ "token": own.token });
    let (renewed, revoked) = ("400 batch tokens cannot be renewed", "400 batch tokens cannot be revoked");
    let cubbyhole = "400 cubbyhole operations are only supported by 'service' type tokens";
    world.root.post(
        "sys/policies/acl/app",
        &json!({ "policy": "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"list\", \"sudo\"] }" }),
    );
    for (http, path, body, expected) in [
        (&world.root, "auth/token/renew", &asks, renewed),
        (&own, "auth/token/renew-self", &json!({}), renewed),
        (&world.root, "auth/token/revoke", &asks, revoked),
        (&world.root, "auth/token/revoke-orphan", &asks, revoked),
        (&own, "auth/token/revoke-self", &json!({}), revoked),
        (&own, "auth/token/create", &json!({ "policies": ["app"] }), "400 batch tokens cannot create more tokens"),
        (&own, "cubbyhole/a", &json!({ "x": 1 }), cubbyhole),
    ] {
        assert_eq!(outcome(&http.send("POST", path, Some(body))), expected, "{path}");
    }
    for (method, path) in [("GET", "cubbyhole/a"), ("LIST", "cubbyhole")] {
        assert_eq!(outcome(&own.send(method, path, None)), cubbyhole);
    }
    assert_eq!(own.send("GET", "auth/token/lookup-self", None).status, 200, "and it works on");
}

#[test]
fn a_batch_token_ends_with_its_parent_and_an_orphan_does_not() {
    let world = world();
    // A26
    let parent = json!({ "policies": ["app"], "ttl": "1h" });
    let parent = world.root.with_token(&said(&world.root.post("auth/token/create", &parent)["auth"]["client_token"]));
    let child = client(&world, &make(&parent, &json!({})));
    let orphan = client(&world, &make(&world.root, &json!({ "no_parent": true })));
    assert_eq!(child.get("aws/creds/r")["lease_duration"], 600);
    assert_eq!(orphan.get("aws/creds/r")["lease_duration"], 600);
    world.root.post("auth/token/revoke", &json!({ "token": parent.token }));
    assert_eq!(outcome(&child.send("GET", "auth/token/lookup-self", None)), "403 permission denied");
    assert_eq!(orphan.send("GET", "auth/token/lookup-self", None).status, 200);
    // What it was lent goes with the parent; the orphan's is there.
    world.settle_all();
    assert_eq!(world.users().len(), 1);
}

#[test]
fn no_lease_outlives_the_batch_token_that_it_was_issued_to() {
    let mut world = world();
    // L27
    let own = client(&world, &make(&world.root, &json!({ "no_parent": true })));
    let issued = own.get("aws/creds/r");
    assert_eq!(issued["lease_duration"], 600);
    let asks = |increment: i64| json!({ "lease_id": issued["lease_id"], "increment": increment });
    world.wait(300);
    // A27: nor does it by renewals, whoever asks; its holder may shorten it.
    for (http, increment, expected) in
        [(&own, 3600, 300), (&world.root, 7200, 300), (&own, 60, 60), (&world.root, 250, 250)]
    {
        let renewed = http.send("POST", "sys/leases/renew", Some(&asks(increment)));
        assert_eq!(renewed.body["lease_duration"], expected, "{}", renewed.body);
    }
    let other = client(&world, &make(&world.root, &json!({})));
    let kept = other.send("POST", "sys/leases/renew", Some(&asks(10))).body;
    assert_eq!(kept["lease_duration"], 250, "another's keeps its end: {kept}");
    world.restart_after(250);
    world.settle_all();
    assert!(world.users().is_empty(), "the timer ends it");
}

#[test]
fn a_token_role_makes_batch_tokens() {
    let world = world();
    let role = |settings: &Value| world.root.send("POST", "auth/token/roles/ci", Some(settings));
    // A28
    let whole = json!({ "token_type": "batch", "orphan": true, "renewable": false });
    for (name, value, what) in [
        ("orphan", json!(false), "non-orphan tokens"),
        ("renewable", json!(true), "renewable tokens"),
        ("token_period", json!("1h"), "periodic tokens"),
        ("token_explicit_max_ttl", json!("1h"), "tokens with an explicit max TTL"),
        ("token_num_uses", json!(3), "tokens with limited use count"),
    ] {
        let mut settings = whole.clone();
        settings[name] = value;
        let expected = format!("400 'token_type' cannot be 'batch' when role is set to generate {what}");
        assert_eq!(outcome(&role(&settings)), expected);
    }
    assert_eq!(role(&whole).status, 204);
    let kind = |asked: &Value| {
        let made = world.root.send("POST", "auth/token/create/ci", Some(asked));
        (outcome(&made), made.body["auth"]["token_type"].clone())
    };
    let (plain, batch) = (json!({ "policies": ["app"] }), json!({ "policies": ["app"], "type": "batch" }));
    let service = json!({ "policies": ["app"], "type": "service" });
    // What a role demands it gets; by default-* who asks may say otherwise.
    for (of_role, asked, expected) in [
        ("batch", &plain, "batch"),
        ("batch", &service, "batch"),
        ("default-batch", &plain, "batch"),
        ("default-batch", &service, "service"),
        ("service", &batch, "service"),
        ("default-service", &plain, "service"),
        ("default-service", &batch, "batch"),
    ] {
        assert_eq!(role(&json!({ "token_type": of_role })).status, 204);
        assert_eq!(kind(asked), ("200".to_owned(), json!(expected)), "{of_role} {asked}");
    }
    role(&json!({ "token_type": "default-batch", "token_num_uses": 2 }));
    assert_eq!(kind(&plain).0, "400 batch tokens cannot have \"num_uses\" set");
}

#[test]
fn a_login_gives_batch_tokens_where_its_role_or_its_mount_says_so() {
    let world = world();
    let kind = |role: &Value| log_in(&world, role).body["auth"]["token_type"].clone();
    // A29
    let login = log_in(&world, &json!({ "token_type": "batch", "token_ttl": "10m", "token_explicit_max_ttl": "5m" }));
    let auth = &login.body["auth"];
    assert_eq!((&auth["token_type"], &auth["lease_duration"]), (&json!("batch"), &json!(300)));
    assert_eq!((&auth["renewable"], &auth["orphan"], &auth["accessor"]), (&json!(false), &json!(true), &json!("")));
    assert!(auth["entity_id"].as_str().is_some_and(|id| !id.is_empty()), "{auth}");
    let own = client(&world, &login);
    let lease = own.get("aws/creds/r");
    assert_eq!(lease["lease_duration"], 300);
    let refused = |name: &str, value: Value| {
        let role = json!({ "token_type": "batch", name: value });
        outcome(&world.root.send("POST", "auth/approle/role/other", Some(&role)))
    };
    let when = "400 'token_type' cannot be 'batch' or 'default_batch' when set to generate";
    assert_eq!(refused("token_num_uses", json!(3)), format!("{when} tokens with limited use count"));
    assert_eq!(refused("token_period", json!("1h")), format!("{when} periodic tokens"));
    let adjusted = world.root.post("auth/approle/role/other", &json!({ "token_type": "default-batch" }));
    assert_eq!(adjusted["warnings"], json!(["default-batch has no useful meaning; adjusting to batch"]));
    assert_eq!(world.root.get("auth/approle/role/other")["data"]["token_type"], "batch");
    // A30: what the mount demands, what the role says, what the mount gives: in this order.
    let (no_word, service, batch) = (
        json!({ "token_type": "default", "token_explicit_max_ttl": 0 }),
        json!({ "token_type": "service" }),
        json!({ "token_type": "batch" }),
    );
    for (mount, expected) in [
        ("batch", ["batch", "batch", "batch"]),
        ("default-batch", ["batch", "service", "batch"]),
        ("service", ["service", "service", "service"]),
        ("default-service", ["service", "service", "batch"]),
    ] {
        world.root.post("sys/auth/approle/tune", &json!({ "token_type": mount }));
        assert_eq!(world.root.get("sys/auth/approle/tune")["data"]["token_type"], mount);
        assert_eq!([&no_word, &service, &batch].map(kind), expected, "{mount}");
    }
    // A31: what a batch token can't have is told, with the role and with the token.
    world.root.post("sys/auth/approle/tune", &json!({ "token_type": "batch" }));
    let login = log_in(&world, &json!({ "token_type": "default", "token_num_uses": 3 }));
    assert!(said(&login.body["warnings"][0]).contains("token_num_uses has no effect"), "{}", login.body);
    let own = client(&world, &login);
    for _ in 0..5 {
        assert_eq!(own.send("GET", "aws/creds/r", None).status, 200);
    }
    for (path, kind, expected) in [
        ("sys/auth/approle/tune", "other", "400 invalid value for 'token_type'"),
        ("sys/auth/token/tune", "batch", "400 'token_type' cannot be set for 'token' or 'ns_token' auth mounts"),
        ("sys/mounts/aws/tune", "batch", "400 'token_type' can only be modified on auth mounts"),
    ] {
        let answer = world.root.send("POST", path, Some(&json!({ "token_type": kind })));
        assert_eq!(outcome(&answer), expected, "{path}");
    }
}

#[test]
fn who_has_a_batch_token_is_known_and_may_be_disabled() {
    let world = world();
    // A32
    let login = log_in(&world, &json!({ "token_type": "batch", "token_ttl": "1h" }));
    let own = client(&world, &login);
    assert_eq!(own.send("GET", "aws/creds/r", None).status, 200);
    let entity = said(&login.body["auth"]["entity_id"]);
    let lines = world.lines();
    let issued = lines.iter().rfind(|line| line["request"]["path"] == "aws/creds/r").unwrap();
    assert_eq!((&issued["auth"]["token_type"], &issued["auth"]["entity_id"]), (&json!("batch"), &json!(entity)));
    assert_eq!(issued["credential"]["app"], "app");
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "disabled": true }));
    assert_eq!(outcome(&own.send("GET", "aws/creds/r", None)), "403 permission denied");
    // A33: from its networks only.
    let bound = make(&world.root, &json!({}));
    assert_eq!(client(&world, &bound).send("GET", "aws/creds/r", None).status, 200);
    world.root.post(
        "auth/token/roles/far",
        &json!({ "token_type": "batch", "orphan": true, "renewable": false, "token_bound_cidrs": "10.0.0.0/8",
                 "allowed_policies": "app" }),
    );
    let far = world.root.send("POST", "auth/token/create/far", Some(&json!({})));
    assert_eq!(outcome(&client(&world, &far).send("GET", "aws/creds/r", None)), "403 permission denied");
}
