//! Token roles over HTTP: the cases T of `tests/data/wire.md` (source: Vault API, "Token auth method"; OpenBao,
//! `vault/token_store.go`).

use serde_json::{Value, json};

use crate::http::{Answer, Http, outcome, said};
use crate::wire_auth::World;

fn role(world: &World, settings: &Value) {
    assert_eq!(world.root.send("POST", "auth/token/roles/ci", Some(settings)).status, 204, "{settings}");
}

/// Somebody who may make tokens of the role `ci`, and has the policy `deploys` alone.
fn maker(world: &World) -> Http {
    world.with_policy("deploys", "path \"auth/token/create/ci\" { capabilities = [\"update\"] }")
}

fn make(http: &Http, parameters: &Value) -> Answer {
    http.send("POST", "auth/token/create/ci", Some(parameters))
}

fn policies(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["auth"]["token_policies"].clone()
}

#[test]
fn a_role_says_which_policies_its_tokens_may_have() {
    let world = World::new();
    let maker = maker(&world);
    // T1
    assert_eq!(outcome(&make(&maker, &json!({}))), "400 unknown role ci");
    // T2: with nothing said of policies, the caller's are the most.
    role(&world, &json!({}));
    assert_eq!(policies(&make(&maker, &json!({}))), json!(["default", "deploys"]));
    let more = json!({ "policies": ["other"] });
    assert_eq!(outcome(&make(&maker, &more)), "400 child policies must be subset of parent");
    // T3: what is allowed is given, also what the caller lacks.
    role(&world, &json!({ "allowed_policies": "Web,ops", "allowed_policies_glob": ["team-*"] }));
    assert_eq!(policies(&make(&maker, &json!({}))), json!(["default", "ops", "web"]));
    assert_eq!(policies(&make(&maker, &json!({ "policies": ["web"] }))), json!(["default", "web"]));
    assert_eq!(policies(&make(&maker, &json!({ "policies": ["team-a"] }))), json!(["default", "team-a"]));
    let no_default = json!({ "policies": ["web"], "no_default_policy": true });
    assert_eq!(policies(&make(&maker, &no_default)), json!(["web"]));
    let refused = outcome(&make(&maker, &more));
    assert!(refused.starts_with("400 token policies ([\"default\", \"other\"]) must be subset"), "{refused}");
    // T4: what is not, is not.
    role(&world, &json!({ "disallowed_policies": ["ops"], "disallowed_policies_glob": "team-s*" }));
    for name in ["ops", "team-secret"] {
        let refused = outcome(&make(&maker, &json!({ "policies": [name] })));
        assert_eq!(refused, format!("400 token policy {name:?} is disallowed by this role"));
    }
    assert_eq!(policies(&make(&maker, &json!({ "policies": ["team-a"] }))), json!(["default", "team-a"]));
    role(&world, &json!({ "allowed_policies": ["root"], "disallowed_policies": [], "disallowed_policies_glob": [] }));
    let refused = outcome(&make(&maker, &json!({})));
    assert_eq!(refused, "400 root tokens may not be created without parent token being root");
}

#[test]
fn a_role_says_what_its_tokens_are() {
    let world = World::new();
    let maker = maker(&world);
    // T5
    role(
        &world,
        &json!({ "allowed_policies": "web", "orphan": true, "path_suffix": "v2", "token_num_uses": 5,
                 "token_period": "1h", "token_explicit_max_ttl": "2h", "token_bound_cidrs": ["127.0.0.1/32"] }),
    );
    let made = make(&maker, &json!({ "num_uses": 9, "explicit_max_ttl": "3h", "no_parent": false }));
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!((&made.body["auth"]["orphan"], &made.body["auth"]["lease_duration"]), (&json!(true), &json!(3600)));
    let own = world.root.with_token(&said(&made.body["auth"]["client_token"]));
    let data = own.get("auth/token/lookup-self")["data"].clone();
    assert_eq!((&data["role"], &data["path"]), (&json!("ci"), &json!("auth/token/create/ci/v2")));
    assert_eq!((&data["num_uses"], &data["period"]), (&json!(4), &json!(3600)));
    assert_eq!((&data["explicit_max_ttl"], &data["bound_cidrs"]), (&json!(7200), &json!(["127.0.0.1"])));
    // T6: a renewal goes by what the role says now.
    role(&world, &json!({ "token_period": "30m", "path_suffix": "" }));
    assert_eq!(own.post("auth/token/renew-self", &json!({}))["auth"]["lease_duration"], 1800);
    assert_eq!(world.root.send("DELETE", "auth/token/roles/ci", None).status, 204);
    let gone = "400 original token role \"ci\" could not be found, not renewing";
    assert_eq!(outcome(&own.send("POST", "auth/token/renew-self", Some(&json!({})))), gone);
    role(&world, &json!({ "renewable": false }));
    let made = make(&maker, &json!({ "ttl": "5m" }));
    assert_eq!((&made.body["auth"]["renewable"], &made.body["auth"]["orphan"]), (&json!(false), &json!(false)));
}

#[test]
fn roles_are_read_listed_and_refused_with_reasons() {
    let world = World::new();
    assert_eq!(world.root.send("LIST", "auth/token/roles", None).status, 404);
    assert_eq!(world.root.send("GET", "auth/token/roles/ci", None).status, 404);
    // T7
    role(&world, &json!({ "period": "1h", "bound_cidrs": "10.0.0.0/8", "allowed_entity_aliases": ["Bob"] }));
    let read = world.root.get("auth/token/roles/ci")["data"].clone();
    assert_eq!((&read["period"], &read["token_period"]), (&json!(3600), &json!(3600)));
    assert_eq!((&read["token_explicit_max_ttl"], &read["explicit_max_ttl"]), (&json!(0), &json!(0)));
    assert_eq!((&read["renewable"], &read["orphan"]), (&json!(true), &json!(false)));
    assert_eq!((&read["token_type"], &read["bound_cidrs"]), (&json!("default-service"), &json!(["10.0.0.0/8"])));
    assert_eq!(read["allowed_entity_aliases"], json!(["bob"]));
    role(&world, &json!({ "token_period": "2h" }));
    let read = world.root.get("auth/token/roles/ci")["data"].clone();
    assert_eq!((&read["period"], &read["token_period"]), (&json!(0), &json!(7200)));
    assert_eq!(world.root.send("LIST", "auth/token/roles", None).body["data"]["keys"], json!(["ci"]));
    for (body, expected) in [
        (
            json!({ "token_type": "batch" }),
            "400 'token_type' cannot be 'batch' when role is set to generate non-orphan",
        ),
        (json!({ "token_type": "other" }), "400 invalid 'token_type' value"),
        (json!({ "path_suffix": "a/b" }), "400 given role path suffix contains invalid characters"),
        (json!({ "path_suffix": "a..b" }), "400 given role path suffix contains invalid characters"),
        (json!({ "token_num_uses": -1 }), "400 'token_num_uses' cannot be negative"),
        (json!({ "token_bound_cidrs": "x" }), "400"),
    ] {
        let refused = world.root.send("POST", "auth/token/roles/ci", Some(&body));
        assert!(outcome(&refused).starts_with(expected), "{body}: {}", outcome(&refused));
    }
}

#[test]
fn a_token_is_given_an_entity_by_a_role_that_allows_it() {
    let world = World::new();
    let maker = maker(&world);
    role(&world, &json!({ "allowed_policies": "web", "allowed_entity_aliases": ["build-*"] }));
    // T8
    let made = make(&maker, &json!({ "entity_alias": "Build-7" }));
    let entity = said(&made.body["auth"]["entity_id"]);
    let read = world.root.get(&format!("identity/entity/id/{entity}"))["data"].clone();
    assert_eq!(read["aliases"][0]["mount_path"], "auth/token/");
    assert_eq!(make(&maker, &json!({ "entity_alias": "build-7" })).body["auth"]["entity_id"], json!(entity));
    assert_eq!(outcome(&make(&maker, &json!({ "entity_alias": "other" }))), "400 invalid 'entity_alias' value");
    let plain = world.root.send("POST", "auth/token/create", Some(&json!({ "entity_alias": "build-7" })));
    assert_eq!(outcome(&plain), "400 'entity_alias' is only allowed in combination with token role");
}

#[test]
fn a_limit_that_would_not_hold_is_refused_and_not_passed_over() {
    let world = World::with_role("r", &json!({}));
    world.root.post("sys/auth/userpass", &json!({ "type": "userpass" }));
    for (path, settings) in [
        ("auth/token/roles/r", json!({})),
        ("auth/approle/role/r", json!({})),
        ("auth/userpass/users/u", json!({ "password": "correct horse" })),
    ] {
        for (strict, status) in [(true, 400), (false, 204)] {
            let mut body = settings.clone();
            body["token_strictly_bind_ip"] = strict.into();
            let answer = world.root.send("POST", path, Some(&body));
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            let is_told = answer.body.to_string().contains("token_strictly_bind_ip is not supported");
            assert_eq!(is_told, strict, "{path}: {}", answer.body);
        }
    }
}
