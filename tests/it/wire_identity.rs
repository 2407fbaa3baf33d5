//! Entities, aliases and groups over HTTP: the cases N of `tests/data/wire.md` (source: Vault API, "Identity secrets
//! engine"; OpenBao, `vault/identity`).

use leasehold::clock::Clock;
use leasehold::engine::{Config, Storage};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::{Answer, Http, outcome, said};
use crate::issuer::signed;
use crate::wire_auth::World;

/// A world with userpass and AppRole, and policies `read-a`, `read-b` and `read-c` on `secret/data/a`, `b` and `c`.
fn world() -> World {
    let world = World::new();
    world.root.post("sys/auth/userpass", &json!({"type": "userpass"}));
    world.root.post("auth/userpass/users/bob", &json!({"password": "b", "token_policies": "read-a"}));
    world.root.post("auth/userpass/users/eve", &json!({"password": "e", "token_policies": "read-a"}));
    for name in ["a", "b", "c"] {
        let rules = format!("path \"secret/data/{name}\" {{ capabilities = [\"read\"] }}");
        world.root.post(&format!("sys/policies/acl/read-{name}"), &json!({ "policy": rules }));
        world.root.post(&format!("secret/data/{name}"), &json!({ "data": { "k": "v" } }));
    }
    world
}

fn log_in(world: &World, name: &str) -> Answer {
    let body = json!({ "password": name[..1].to_lowercase() });
    world.root.with_token("").send("POST", &format!("auth/userpass/login/{name}"), Some(&body))
}

fn of(world: &World, login: &Answer) -> Http {
    assert_eq!(login.status, 200, "{}", login.body);
    world.root.with_token(&said(&login.body["auth"]["client_token"]))
}

fn may(http: &Http, name: &str) -> bool {
    http.send("GET", &format!("secret/data/{name}"), None).status == 200
}

fn id(made: &Value) -> String {
    said(&made["data"]["id"])
}

fn accessor(world: &World, method: &str) -> String {
    said(&world.root.get("sys/auth")["data"][format!("{method}/")]["accessor"])
}

#[test]
fn a_login_makes_an_entity_once() {
    let world = world();
    // N1
    let first = log_in(&world, "bob");
    let entity = said(&first.body["auth"]["entity_id"]);
    assert_eq!(log_in(&world, "BOB").body["auth"]["entity_id"], json!(entity));
    assert_ne!(log_in(&world, "eve").body["auth"]["entity_id"], json!(entity));
    let read = world.root.get(&format!("identity/entity/id/{entity}"))["data"].clone();
    assert!(said(&read["name"]).starts_with("entity_"), "{read}");
    let alias = &read["aliases"][0];
    assert_eq!((&alias["name"], &alias["mount_path"]), (&json!("bob"), &json!("auth/userpass/")));
    assert_eq!((&alias["canonical_id"], &alias["mount_type"]), (&json!(entity), &json!("userpass")));
    assert_eq!(alias["mount_accessor"], json!(accessor(&world, "userpass")));
    // N2: the token and its children know whose they are; orphans are nobody's.
    let bob = of(&world, &first);
    assert_eq!(bob.get("auth/token/lookup-self")["data"]["entity_id"], json!(entity));
    let rules = "path \"auth/token/*\" { capabilities = [\"update\", \"sudo\"] }";
    world.root.post("sys/policies/acl/makes", &json!({ "policy": rules }));
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "policies": ["makes"] }));
    let child = bob.post("auth/token/create", &json!({ "policies": ["read-a"] }));
    assert_eq!(child["auth"]["entity_id"], json!(entity));
    let orphan = bob.post("auth/token/create-orphan", &json!({ "policies": ["read-a"] }));
    assert_eq!(orphan["auth"]["entity_id"], "");
    // N3: an alias knows what the last login said.
    world.root.post("sys/auth/approle", &json!({"type": "approle"}));
    world.root.post("auth/approle/role/web", &json!({}));
    let role_id = world.role_id("web");
    for team in ["one", "two"] {
        let secret_id = world.secret_id("web", &json!({ "metadata": format!("{{\"team\": \"{team}\"}}") }));
        let login = world.login(&role_id, &secret_id);
        let read = world.root.get(&format!("identity/entity/id/{}", said(&login.body["auth"]["entity_id"])));
        let alias = &read["data"]["aliases"][0];
        assert_eq!(alias["metadata"], json!({ "team": team, "role_name": "web" }));
        assert_eq!(alias["name"], json!(role_id));
    }
    let listed = world.root.send("LIST", "identity/entity/id", None).body["data"].clone();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 3);
    assert_eq!(listed["key_info"][&entity]["aliases"][0]["name"], "bob");
}

#[test]
fn policies_of_entities_and_groups_count_from_the_next_request_on() {
    let world = world();
    let login = log_in(&world, "bob");
    let (bob, entity) = (of(&world, &login), said(&login.body["auth"]["entity_id"]));
    assert!(may(&bob, "a") && !may(&bob, "b") && !may(&bob, "c"));
    // N4
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "policies": "Read-B" }));
    assert!(may(&bob, "b"));
    let own = bob.get("auth/token/lookup-self")["data"].clone();
    assert_eq!((&own["policies"], &own["identity_policies"]), (&json!(["default", "read-a"]), &json!(["read-b"])));
    // N5: a group, and one that it is in.
    let team = id(&world.root.post("identity/group", &json!({ "name": "Team", "member_entity_ids": [entity] })));
    let company = world
        .root
        .post("identity/group", &json!({ "name": "company", "policies": ["read-c"], "member_group_ids": [team] }));
    assert!(may(&bob, "c"));
    let auth = log_in(&world, "bob").body["auth"].clone();
    assert_eq!(auth["identity_policies"], json!(["read-b", "read-c"]));
    assert_eq!(auth["token_policies"], json!(["default", "read-a"]));
    assert_eq!(auth["policies"], json!(["default", "read-a", "read-b", "read-c"]));
    let capabilities = json!({ "token": bob.token, "paths": ["secret/data/c"] });
    assert_eq!(world.root.post("sys/capabilities", &capabilities)["data"]["secret/data/c"], json!(["read"]));
    let read = world.root.get(&format!("identity/entity/id/{entity}"))["data"].clone();
    assert_eq!((&read["direct_group_ids"], &read["inherited_group_ids"]), (&json!([team]), &json!([id(&company)])));
    let renewed = bob.post("auth/token/renew-self", &json!({}));
    assert_eq!(renewed["auth"]["identity_policies"], json!(["read-b", "read-c"]));
    // A name is read in any case, and stays as it was given.
    assert_eq!(world.root.get("identity/group/name/TEAM")["data"]["name"], "Team");
    world.root.post("identity/group/name/team", &json!({ "member_entity_ids": [] }));
    assert_eq!(world.root.get("identity/group/name/team")["data"]["name"], "Team");
    assert!(!may(&bob, "c"), "the group was left");
    world.root.send("DELETE", "identity/group/name/company", None);
    assert_eq!(world.root.send("GET", "identity/group/name/company", None).status, 404);
    // A child has the policies of its entity too, and never more of its own than its parent.
    world.root.post(
        "sys/policies/acl/makes",
        &json!({ "policy": "path \"auth/token/create\" { capabilities = [\"update\"] }" }),
    );
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "policies": "read-b,makes" }));
    let refused = bob.send("POST", "auth/token/create", Some(&json!({ "policies": ["read-b"] })));
    assert_eq!(outcome(&refused), "400 child policies must be subset of parent");
    let child = bob.post("auth/token/create", &json!({ "policies": [] }));
    assert!(may(&bob.with_token(&said(&child["auth"]["client_token"])), "b"));
}

#[test]
fn who_is_disabled_or_gone_does_nothing() {
    let world = world();
    let login = log_in(&world, "bob");
    let (bob, entity) = (of(&world, &login), said(&login.body["auth"]["entity_id"]));
    // N6
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "disabled": true }));
    for (method, path) in
        [("GET", "secret/data/a"), ("GET", "auth/token/lookup-self"), ("POST", "auth/token/renew-self")]
    {
        assert_eq!(outcome(&bob.send(method, path, None)), "403 permission denied", "{path}");
    }
    assert_eq!(outcome(&log_in(&world, "bob")), "403 permission denied");
    let looked_up = world.root.post("auth/token/lookup", &json!({ "token": bob.token }));
    assert_eq!(looked_up["data"]["entity_id"], json!(entity));
    world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "disabled": false }));
    assert!(may(&bob, "a"));
    // N7
    assert_eq!(world.root.send("DELETE", &format!("identity/entity/id/{entity}"), None).status, 204);
    assert_eq!(outcome(&bob.send("GET", "secret/data/a", None)), "403 permission denied");
    assert_ne!(said(&log_in(&world, "bob").body["auth"]["entity_id"]), entity);
}

#[test]
fn entities_that_are_merged_are_one() {
    let world = world();
    let (bob, eve) = (log_in(&world, "bob"), log_in(&world, "eve"));
    let [from, to] = [&bob, &eve].map(|login| said(&login.body["auth"]["entity_id"]));
    let of_from = world.root.get(&format!("identity/entity/id/{from}"))["data"]["aliases"][0]["id"].clone();
    world.root.post(&format!("identity/entity/id/{to}"), &json!({ "policies": "read-b" }));
    let team = json!({ "name": "team", "policies": "read-c", "member_entity_ids": [from] });
    world.root.post("identity/group", &team);
    let merge = json!({ "to_entity_id": to, "from_entity_ids": [from] });
    let refused = world.root.send("POST", "identity/entity/merge", Some(&merge));
    assert!(outcome(&refused).starts_with("400 toEntity and at least one fromEntity have aliases"), "{}", refused.body);
    // N8
    let keep = json!({ "to_entity_id": to, "from_entity_ids": [from], "conflicting_alias_ids_to_keep": [of_from] });
    world.root.post("identity/entity/merge", &keep);
    assert_eq!(world.root.send("GET", &format!("identity/entity/id/{from}"), None).status, 404);
    let bob = of(&world, &bob);
    assert!(may(&bob, "b") && may(&bob, "c"), "the token is the other's now, and the group has it");
    let read = world.root.get(&format!("identity/entity/id/{to}"))["data"].clone();
    assert_eq!(read["merged_entity_ids"], json!([from]));
    assert_eq!((&read["aliases"][0]["name"], read["aliases"].as_array().unwrap().len()), (&json!("bob"), 1));
    assert_eq!(said(&log_in(&world, "bob").body["auth"]["entity_id"]), to);
    assert_ne!(said(&log_in(&world, "eve").body["auth"]["entity_id"]), to, "its alias was not kept");
}

#[test]
fn aliases_are_written_found_and_moved() {
    let world = world();
    let mount = accessor(&world, "userpass");
    // N9: an alias before the first login.
    let ann = id(&world.root.post("identity/entity", &json!({ "name": "ann", "metadata": { "team": "web" } })));
    let alias = json!({ "name": "Bob", "mount_accessor": mount, "canonical_id": ann, "custom_metadata": { "k": "v" } });
    let made = world.root.post("identity/entity-alias", &alias);
    assert_eq!(made["data"]["canonical_id"], json!(ann));
    assert_eq!(said(&log_in(&world, "bob").body["auth"]["entity_id"]), ann);
    assert_eq!(world.root.send("POST", "identity/entity-alias", Some(&alias)).status, 204, "it is there");
    let read = world.root.get(&format!("identity/entity-alias/id/{}", id(&made)))["data"].clone();
    assert_eq!((&read["custom_metadata"], &read["canonical_id"]), (&json!({ "k": "v" }), &json!(ann)));
    // N10
    for query in [
        json!({ "id": ann }),
        json!({ "name": "ANN" }),
        json!({ "alias_id": id(&made) }),
        json!({ "alias_name": "bob", "alias_mount_accessor": mount }),
    ] {
        assert_eq!(id(&world.root.post("identity/lookup/entity", &query)), ann, "{query}");
    }
    assert_eq!(world.root.send("POST", "identity/lookup/entity", Some(&json!({ "name": "nobody" }))).status, 204);
    // N11
    let zoe = id(&world.root.post("identity/entity/name/zoe", &json!({})));
    let body = json!({ "id": id(&made), "canonical_id": zoe });
    assert_eq!(world.root.post("identity/entity-alias", &body)["data"]["canonical_id"], json!(zoe));
    assert_eq!(said(&log_in(&world, "bob").body["auth"]["entity_id"]), zoe);
    assert_eq!(world.root.get("identity/entity/name/ann")["data"]["aliases"], json!([]));
    assert_eq!(world.root.send("LIST", "identity/entity/name", None).body["data"]["keys"], json!(["ann", "zoe"]));
    world.root.send("DELETE", &format!("identity/entity-alias/id/{}", id(&made)), None);
    assert_ne!(said(&log_in(&world, "bob").body["auth"]["entity_id"]), zoe);
    world.root.post("identity/entity/batch-delete", &json!({ "entity_ids": [ann, zoe] }));
    assert_eq!(world.root.send("GET", "identity/entity/name/ann", None).status, 404);
}

#[test]
fn what_can_not_be_is_refused_with_reasons() {
    let world = world();
    let mount = accessor(&world, "userpass");
    let ann = id(&world.root.post("identity/entity", &json!({ "name": "ann" })));
    let group = id(&world.root.post("identity/group", &json!({ "name": "one" })));
    let inner = json!({ "name": "two", "member_group_ids": [group] });
    let outer = id(&world.root.post("identity/group", &inner));
    world.root.post("identity/group", &json!({ "name": "far", "type": "external" }));
    // N12
    for (path, body, expected) in [
        ("entity", json!({ "policies": "root" }), "400 policies cannot contain root"),
        ("entity", json!({ "id": "none" }), "400 entity not found from id"),
        ("entity", json!({ "id": ann, "name": " x" }), "400 invalid name \" x\""),
        ("entity/merge", json!({}), "400 missing entity id to merge to"),
        ("entity/merge", json!({ "to_entity_id": ann, "from_entity_ids": [ann] }), "400 to_entity_id should not be"),
        ("entity-alias", json!({ "name": "x" }), "400 'id' or 'mount_accessor' and 'name' must be provided"),
        ("entity-alias", json!({ "name": "x", "mount_accessor": "auth_x_1" }), "400 invalid mount accessor"),
        (
            "entity-alias",
            json!({ "name": "x", "mount_accessor": mount, "canonical_id": "x" }),
            "400 invalid canonical ID",
        ),
        ("group", json!({ "name": "one", "policies": ["root"] }), "400 policies cannot contain root"),
        ("group", json!({ "name": "one", "policies": ["response-wrapping"] }), "400 cannot assign policy"),
        ("group", json!({ "name": "one", "type": "external" }), "400 group type cannot be changed"),
        ("group", json!({ "name": "x", "type": "other" }), "400 invalid group type \"other\""),
        ("group", json!({ "id": group, "name": "TWO" }), "400 group name is already in use"),
        ("group", json!({ "name": "one", "member_entity_ids": ["x"] }), "400 invalid entity ID \"x\""),
        ("group", json!({ "name": "one", "member_group_ids": ["x"] }), "400 invalid member group ID \"x\""),
        ("group", json!({ "name": "one", "member_group_ids": [outer] }), "400 cyclic relationship detected"),
        ("group", json!({ "name": "one", "member_group_ids": [group] }), "400 cyclic relationship detected"),
        ("group", json!({ "name": "far", "member_entity_ids": [ann] }), "400 member entities can't be set manually"),
        ("group-alias", json!({ "name": "x" }), "400 missing mount_accessor"),
        (
            "group-alias",
            json!({ "name": "x", "mount_accessor": mount, "canonical_id": group }),
            "400 alias can't be set",
        ),
        ("lookup/group", json!({}), "400 query parameter not supplied"),
        ("lookup/group", json!({ "id": "x", "name": "y" }), "400 query parameter conflict"),
        ("lookup/group", json!({ "alias_name": "x" }), "400 both 'alias_name'"),
    ] {
        let answer = world.root.send("POST", &format!("identity/{path}"), Some(&body));
        assert!(outcome(&answer).starts_with(expected), "{path} {body}: {}", outcome(&answer));
    }
}

#[test]
fn logins_say_who_is_in_an_external_group() {
    let world = world();
    world.root.post("sys/auth/jwt", &json!({"type": "jwt"}));
    let claims = |groups: Value| {
        json!({ "key": "one", "claims": { "iss": "https://issuer.example", "sub": "ann", "aud": "engine",
                "iat": 1_790_000_000, "exp": 1_790_003_600, "groups": groups } })
    };
    let tokens = [claims(json!(["Ops", "web"])), claims(json!(["web"])), claims(json!("ops"))];
    let tokens = signed(&[("one", "ES256")], &tokens);
    world.root.post("auth/jwt/config", &json!({ "jwt_validation_pubkeys": tokens.pem("one") }));
    let role =
        json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": "engine", "groups_claim": "groups" });
    world.root.post("auth/jwt/role/ci", &role);
    let log_in = |at: usize| {
        let body = json!({ "role": "ci", "jwt": tokens.token(at) });
        of(&world, &world.root.with_token("").send("POST", "auth/jwt/login", Some(&body)))
    };
    let ops = json!({ "name": "operators", "type": "external", "policies": "read-b" });
    let group = id(&world.root.post("identity/group", &ops));
    let alias = json!({ "name": "ops", "mount_accessor": accessor(&world, "jwt"), "canonical_id": group });
    let alias = id(&world.root.post("identity/group-alias", &alias));
    // N13
    let ann = log_in(0);
    assert!(may(&ann, "b"));
    assert_eq!(world.root.get("identity/group/name/operators")["data"]["alias"]["name"], "ops");
    assert_eq!(id(&world.root.post("identity/lookup/group", &json!({ "alias_id": alias }))), group);
    // The next login says otherwise, and that counts for the tokens of before.
    let later = log_in(1);
    assert!(!may(&later, "b") && !may(&ann, "b"));
    assert!(may(&log_in(2), "b") && may(&ann, "b"));
    world.root.send("DELETE", &format!("identity/group-alias/id/{alias}"), None);
    assert_eq!(world.root.get("identity/group/name/operators")["data"]["alias"], json!({}));
    let none = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": "engine", "groups_claim": "teams" });
    world.root.post("auth/jwt/role/ci", &none);
    let body = json!({ "role": "ci", "jwt": tokens.token(0) });
    let refused = world.root.with_token("").send("POST", "auth/jwt/login", Some(&body));
    assert_eq!(outcome(&refused), "400 \"teams\" claim not found in token");
}

#[test]
fn templates_of_policies_are_filled_in_with_who_asks() {
    let world = world();
    let mount = accessor(&world, "userpass");
    let rules = format!(
        "path \"secret/data/{{{{identity.entity.aliases.{mount}.name}}}}\" {{ capabilities = [\"read\", \"update\", \"create\"] }}
         path \"secret/data/team/{{{{identity.entity.metadata.team}}}}/*\" {{ capabilities = [\"read\"] }}
         path \"secret/data/{{{{identity.groups.names.Ops.id}}}}\" {{ capabilities = [\"read\"] }}
         path \"secret/data/plain\" {{ capabilities = [\"read\"] }}"
    );
    world.root.post("sys/policies/acl/read-a", &json!({ "policy": rules }));
    for path in ["bob", "eve", "team/web/x", "team/x", "plain"] {
        world.root.post(&format!("secret/data/{path}"), &json!({ "data": { "k": "v" } }));
    }
    let login = log_in(&world, "bob");
    let (bob, entity) = (of(&world, &login), said(&login.body["auth"]["entity_id"]));
    let eve = of(&world, &log_in(&world, "eve"));
    // N15
    assert!(may(&bob, "bob") && !may(&bob, "eve") && may(&eve, "eve") && !may(&eve, "bob") && may(&bob, "plain"));
    bob.post("secret/data/bob", &json!({ "data": { "k": "w" } }));
    assert!(!may(&bob, "team/web/x"), "no metadata yet");
    let set = |metadata: Value| {
        world.root.post(&format!("identity/entity/id/{entity}"), &json!({ "metadata": metadata }));
    };
    set(json!({ "team": "web" }));
    assert!(may(&bob, "team/web/x") && !may(&eve, "team/web/x"));
    let asked = json!({ "token": bob.token, "paths": ["secret/data/team/web/x"] });
    assert_eq!(world.root.post("sys/capabilities", &asked)["data"]["capabilities"], json!(["read"]));
    let long = [json!({ "k".repeat(128): "v".repeat(512) }), json!({ "A=/+_-9": "" })];
    long.into_iter().for_each(set);
    let many: serde_json::Map<String, Value> = (0..65).map(|number| (format!("k{number}"), json!("v"))).collect();
    for (metadata, why) in [
        (json!({ "team name": "x" }), "key contains invalid characters"),
        (json!({ "a.b": "x" }), "key contains invalid characters"),
        (json!({ "é": "x" }), "key contains invalid characters"),
        (json!({ "": "x" }), "key cannot be blank"),
        (json!({ "k".repeat(129): "x" }), "key is too long"),
        (json!({ "k": "v".repeat(513) }), "value is too long"),
        (Value::Object(many), "more than 64 key/value pairs"),
    ] {
        for path in [format!("identity/entity/id/{entity}"), "identity/group/name/ops".to_owned()] {
            let answer = world.root.send("POST", &path, Some(&json!({ "metadata": metadata })));
            assert_eq!(answer.status, 400, "{metadata}");
            assert!(said(&answer.body["errors"][0]).contains(why), "{metadata} {}", answer.body);
        }
    }
    // N16: what would be more than one name gives nothing.
    for more in ["web/x", "*", "+", "we*", ""] {
        set(json!({ "team": more }));
        assert!(!may(&bob, "team/web/x") && !may(&bob, "team/x"), "{more:?}");
    }
    let ops = id(&world.root.post("identity/group", &json!({ "name": "Ops", "member_entity_ids": [entity] })));
    world.root.post(&format!("secret/data/{ops}"), &json!({ "data": { "k": "v" } }));
    assert!(may(&bob, &ops) && !may(&eve, &ops));
    // Nobody's token has what is written out alone.
    let nobody = world.root.with_token(&world.token(&json!({ "policies": ["read-a"] })));
    assert!(may(&nobody, "plain") && !may(&nobody, "bob"));
    let unclosed = json!({ "policy": "path \"a/{{identity.entity.id\" { capabilities = [\"read\"] }" });
    let refused = world.root.send("POST", "sys/policies/acl/bad", Some(&unclosed));
    assert!(outcome(&refused).contains("unbalanced templating characters"), "{}", refused.body);
}

#[test]
fn entities_and_groups_are_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap());
    let directory = home.path().join("data");
    let start = || {
        let config = Config::new(Storage::Disk { directory: directory.clone() }, clock.clone());
        let engine = InTestEngine::start_with(config);
        let address = engine.address.trim_start_matches("http://").to_owned();
        let root = Http { address, token: engine.root_token.clone() };
        (engine, root)
    };
    let (engine, root) = start();
    root.post("sys/auth/userpass", &json!({"type": "userpass"}));
    root.post("auth/userpass/users/bob", &json!({"password": "b"}));
    let log_in = |root: &Http| root.with_token("").post("auth/userpass/login/bob", &json!({"password": "b"}));
    let first = log_in(&root)["auth"].clone();
    let entity = said(&first["entity_id"]);
    root.post("identity/group", &json!({ "name": "team", "policies": "p", "member_entity_ids": [entity] }));
    drop(engine);
    // N14
    let (_engine, root) = start();
    let own = root.with_token(&said(&first["client_token"])).get("auth/token/lookup-self")["data"].clone();
    assert_eq!((&own["entity_id"], &own["identity_policies"]), (&json!(entity), &json!(["p"])));
    assert_eq!(log_in(&root)["auth"]["entity_id"], json!(entity));
}
