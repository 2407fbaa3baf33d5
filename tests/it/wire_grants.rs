//! What a token or a role is given, where the request that asks for it is odd: lists of blanks, networks beyond
//! the role's, times of less than a second, and values that the policies see before the backend has read them.

use serde_json::{Value, json};

use crate::http::outcome;
use crate::wire_auth::World;

/// Lists that hold no name once they are cleaned.
fn lists_without_a_name() -> [Value; 7] {
    [json!([""]), json!(""), json!([]), json!(" , "), json!(["  ", "\t"]), json!(","), json!([" ", ""])]
}

#[test]
fn a_list_of_blanks_names_nothing_and_is_not_an_absent_one() {
    let world = World::with_role("r", &json!({}));
    for list in lists_without_a_name() {
        for path in ["auth/token/create", "auth/token/create-orphan"] {
            let auth = &world.root.post(path, &json!({ "policies": list }))["auth"];
            assert_eq!(auth["policies"], json!(["default"]), "{path} {list}");
            assert_ne!(auth["lease_duration"], 0, "{path} {list}: a token that never ends");
            let bare = world.root.post(path, &json!({ "policies": list, "no_default_policy": true }));
            assert_eq!(bare["auth"]["policies"], json!([]), "{path} {list}");
        }
        // Nor does a role fall back on anything.
        for name in ["policies", "token_policies"] {
            world.root.post("auth/approle/role/r", &json!({ "token_policies": ["a"] }));
            world.root.post("auth/approle/role/r", &json!({ name: list }));
            assert_eq!(world.root.get("auth/approle/role/r")["data"]["token_policies"], json!([]), "{name} {list}");
            world.root.post("auth/approle/role/r", &json!({ "token_policies": ["a"] }));
            world.root.post("auth/approle/role/r/policies", &json!({ name: list }));
            let auth = world.login(&world.role_id("r"), &world.secret_id("r", &json!({}))).body;
            assert_eq!(auth["auth"]["policies"], json!(["default"]), "{name} {list}");
        }
    }
    // Not given at all, or null, is all that the caller has.
    for parameters in [json!({}), json!({ "policies": null })] {
        assert_eq!(world.root.post("auth/token/create", &parameters)["auth"]["policies"], json!(["root"]));
    }
}

#[test]
fn a_secret_ids_networks_lie_within_its_roles() {
    // The role's networks, the secret id's, and whether these lie within those.
    let cases: [(&[&str], &[&str], bool); 12] = [
        (&[], &["0.0.0.0/0"], true),
        (&["127.0.0.1/32"], &["0.0.0.0/0"], false),
        (&["127.0.0.1"], &["127.0.0.1/32"], true),
        (&["127.0.0.0/8"], &["127.0.0.1"], true),
        (&["127.0.0.0/8"], &["127.0.0.0/7"], false),
        (&["127.0.0.0/8", "::/0"], &["::1", "127.1.0.0/16"], true),
        (&["127.0.0.0/8"], &["127.0.0.1", "10.0.0.1"], false),
        (&["127.0.0.0/8"], &["::1"], false),
        (&["::/0"], &["127.0.0.1"], false),
        (&["127.0.0.0/8"], &["::ffff:127.0.0.1"], true),
        (&["127.0.0.0/9", "127.128.0.0/9"], &["127.0.0.0/8"], false),
        (&["127.0.0.0/8"], &[], true),
    ];
    for (of_role, of_secret_id) in [("token_bound_cidrs", "token_bound_cidrs"), ("secret_id_bound_cidrs", "cidr_list")]
    {
        for (role, secret_id, within) in cases {
            let world = World::with_role("r", &json!({ of_role: role }));
            let what = format!("{of_role} {role:?}, {of_secret_id} {secret_id:?}");
            for (path, body) in [
                ("secret-id", json!({ of_secret_id: secret_id })),
                ("custom-secret-id", json!({ of_secret_id: secret_id, "secret_id": "mine" })),
            ] {
                let made = world.root.send("POST", &format!("auth/approle/role/r/{path}"), Some(&body));
                assert_eq!(made.status, if within { 200 } else { 400 }, "{what}: {}", made.body);
                if !within {
                    assert!(outcome(&made).contains("subset relationship between CIDR blocks"), "{}", outcome(&made));
                }
            }
            // What a wider role once allowed does not outlive its being made narrower.
            world.root.post("auth/approle/role/r", &json!({ of_role: [] }));
            let id = world.secret_id("r", &json!({ of_secret_id: secret_id }));
            let login = || world.login(&world.role_id("r"), &id);
            world.root.post("auth/approle/role/r", &json!({ of_role: role }));
            let answer = login();
            let here = secret_id.is_empty() || secret_id.iter().any(|network| network.contains("127.0.0.1"));
            match (within, here) {
                (false, _) => assert_eq!(answer.status, 400, "{what}: {}", answer.body),
                (true, true) => assert_eq!(answer.status, 200, "{what}: {}", answer.body),
                (true, false) => {}
            }
        }
    }
}

#[test]
fn a_time_of_less_than_a_second_is_a_second_and_not_unset() {
    let world = World::with_role("r", &json!({}));
    world.root.post("sys/mounts/aws", &json!({ "type": "aws" }));
    for (given, seconds) in [
        (json!("900ms"), 1),
        (json!("1ns"), 1),
        (json!(0.2), 1),
        (json!("1500ms"), 2),
        (json!("0.1m"), 6),
        (json!(1.5), 2),
    ] {
        let go = json!(format!("{seconds}s"));
        if given.is_string() {
            world.root.post("aws/config/lease", &json!({ "lease": given, "lease_max": given }));
            let read = world.root.get("aws/config/lease")["data"].clone();
            assert_eq!((&read["lease"], &read["lease_max"]), (&go, &go), "{given}");
        }
        for name in ["token_ttl", "token_max_ttl", "token_period", "token_explicit_max_ttl", "secret_id_ttl"] {
            world.root.post("auth/approle/role/r", &json!({ name: given }));
            assert_eq!(world.root.get("auth/approle/role/r")["data"][name], seconds, "{name} {given}");
            world.root.post("auth/approle/role/r", &json!({ name: 0 }));
        }
        world.root.post("sys/mounts/aws/tune", &json!({ "default_lease_ttl": given, "max_lease_ttl": given }));
        let config = world.root.get("sys/mounts")["data"]["aws/"]["config"].clone();
        assert_eq!((&config["default_lease_ttl"], &config["max_lease_ttl"]), (&json!(seconds), &json!(seconds)));
        world.root.post("secret/config", &json!({ "delete_version_after": given }));
        assert_eq!(world.root.get("secret/config")["data"]["delete_version_after"], go, "{given}");
        for name in ["ttl", "lease", "period", "explicit_max_ttl"] {
            let auth = &world.root.post("auth/token/create", &json!({ name: given }))["auth"];
            assert_eq!(auth["lease_duration"], seconds, "{name} {given}");
        }
    }
    // Less than nothing is no time either.
    for given in [json!("-1ms"), json!(-0.5), json!("-900ms")] {
        for (path, name) in [("auth/token/create", "ttl"), ("auth/approle/role/r", "token_ttl")] {
            let refused = world.root.send("POST", path, Some(&json!({ name: given })));
            assert_eq!(refused.status, 400, "{path} {given}: {}", refused.body);
        }
    }
    let before = world.root.get("aws/config/lease")["data"].clone();
    for given in ["-1ms", "-1s", "-768h"] {
        for lease in [json!({ "lease": given, "lease_max": "1h" }), json!({ "lease": "1h", "lease_max": given })] {
            let refused = world.root.send("POST", "aws/config/lease", Some(&lease));
            assert!(outcome(&refused).contains("cannot provide negative value"), "{lease}: {}", refused.body);
        }
    }
    assert_eq!(world.root.get("aws/config/lease")["data"], before);
}

#[test]
fn reserved_paths_take_no_secrets_engine_and_auth_methods_go_by_their_own_path() {
    let world = World::with_role("r", &json!({}));
    for path in ["auth/y", "auth/approle", "sys/x", "audit/x", "identity", "cubbyhole/x", "cubbyhole"] {
        let made = world.root.send("POST", &format!("sys/mounts/{path}"), Some(&json!({ "type": "aws" })));
        assert_eq!(outcome(&made), format!("403 cannot mount \"{path}/\""));
        let gone = world.root.send("DELETE", &format!("sys/mounts/{path}"), None);
        assert_eq!(outcome(&gone), format!("400 cannot unmount \"{path}/\""));
    }
    assert_eq!(world.login(&world.role_id("r"), &world.secret_id("r", &json!({}))).status, 200, "the method is there");
    let token = world.root.send("DELETE", "sys/auth/token", None);
    assert_eq!(outcome(&token), "400 token credential backend cannot be disabled");
    let token = world.root.send("POST", "sys/auth/other", Some(&json!({ "type": "token" })));
    assert_eq!(outcome(&token), "400 token credential backend cannot be instantiated");
    // What only begins like a reserved path is free.
    world.root.post("sys/mounts/authority", &json!({ "type": "aws" }));
    assert_eq!(world.root.send("DELETE", "sys/mounts/authority", None).status, 204);
    assert_eq!(world.root.send("DELETE", "sys/mounts/nothing-there", None).status, 204);
}

#[test]
fn what_is_not_served_is_refused_in_words() {
    let world = World::with_role("r", &json!({}));
    for (rules, words) in [
        ("path \"a\" { capabilities = [\"read\"]\n mfa_methods = [\"x\"] }", "\"mfa_methods\" on line 2 is not served"),
        ("path \"a\" { capabilities = [\"read\"]\n control_group = {} }", "\"control_group\" on line 2 is not served"),
        (
            "path \"a\" { capabilities = [\"read\"]\n pagination_limit = 5 }",
            "\"pagination_limit\" on line 2 is not served",
        ),
        (
            "path \"a\" { capabilities = [\"read\"]\n expiration = \"2027-01-01\" }",
            "\"expiration\" on line 2 is not served",
        ),
        ("path \"a\" { capabilities = [\"subscribe\"] }", "the capability \"subscribe\" is not served"),
    ] {
        for path in ["sys/policies/acl/p", "sys/policy/p"] {
            let refused = world.root.send("POST", path, Some(&json!({ "policy": rules })));
            assert!(
                outcome(&refused).starts_with("400 ") && outcome(&refused).contains(words),
                "{rules}: {}",
                refused.body
            );
            assert_eq!(world.root.send("GET", path, None).status, 404, "{rules}");
        }
    }
    let (role_id, secret_id) = (world.role_id("r"), world.secret_id("r", &json!({})));
    for (name, value) in
        [("role", json!("r")), ("mfa", json!("x")), ("ttl", json!("1h")), ("policies", json!(["root"]))]
    {
        let body = json!({ "role_id": role_id, "secret_id": secret_id, name: value });
        let refused = world.root.with_token("").send("POST", "auth/approle/login", Some(&body));
        let words = format!("400 the parameter {name:?} of a login is not supported by this server");
        assert_eq!(outcome(&refused), words);
    }
    assert_eq!(world.login(&role_id, &secret_id).status, 200, "a refused login uses nothing up");
}

#[test]
fn a_denied_parameter_is_denied_as_the_backend_reads_it() {
    let world = World::with_role("r", &json!({}));
    // The rule's path and denial, and requests that the backend reads as what is denied.
    let cases = [
        (
            "auth/token/create",
            "\"policies\" = [\"admin\"]",
            vec![
                json!({ "policies": "admin" }),
                json!({ "policies": ["admin"] }),
                json!({ "policies": ["x", " ADMIN "] }),
                json!({ "policies": "x,Admin" }),
            ],
        ),
        (
            "auth/token/create",
            "\"ttl\" = [\"24h\"]",
            vec![
                json!({ "ttl": "24h" }),
                json!({ "ttl": 86_400 }),
                json!({ "ttl": "86400" }),
                json!({ "ttl": "1d" }),
                json!({ "ttl": "23h60m" }),
                json!({ "lease": "24h" }),
            ],
        ),
        (
            "auth/token/create",
            "\"no_default_policy\" = [true], \"num_uses\" = [0]",
            vec![
                json!({ "no_default_policy": "true" }),
                json!({ "no_default_policy": 1 }),
                json!({ "no_default_policy": "t" }),
                json!({ "num_uses": "0" }),
                json!({ "num_uses": null }),
                json!({ "num_uses": "" }),
            ],
        ),
        (
            "auth/approle/role/r",
            "\"token_policies\" = [\"admin\"], \"token_bound_cidrs\" = []",
            vec![
                json!({ "policies": "admin" }),
                json!({ "policies": ["x", "admin"] }),
                json!({ "token_policies": "X, ADMIN" }),
                json!({ "token_bound_cidrs": "" }),
            ],
        ),
        (
            "auth/token/create",
            "\"meta\" = [\"team=*\"]",
            vec![json!({ "meta": { "team": "a" } }), json!({ "meta": "team=a" })],
        ),
        (
            "sys/policies/acl/q",
            "\"policy\" = []",
            vec![json!({ "policy": "path \"x\" {}" }), json!({ "rules": "path \"x\" {}" })],
        ),
    ];
    for (path, denied, requests) in cases {
        let rules = format!(
            "path \"{path}\" {{ capabilities = [\"create\", \"update\", \"sudo\"]\n denied_parameters = {{ {denied} }} }}"
        );
        let app = world.with_policy("app", &rules);
        for request in requests {
            let answer = app.send("POST", path, Some(&request));
            assert_eq!(answer.status, 403, "{path} {denied} {request}: {}", answer.body);
        }
    }
    // What is allowed is each item of a list.
    let rules = "path \"auth/token/create\" { capabilities = [\"update\", \"sudo\"]
                 allowed_parameters = { \"policies\" = [\"dev*\"], \"display_name\" = [\"a*\"] } }";
    let app = world.with_policy("dev", rules);
    for (request, status) in [
        (json!({ "policies": "dev-1" }), 200),
        (json!({ "policies": "dev-1, dev-2" }), 200),
        (json!({ "policies": "dev-1,admin" }), 403),
        (json!({ "display_name": "a,b" }), 200),
    ] {
        assert_eq!(app.send("POST", "auth/token/create", Some(&request)).status, status, "{request}");
    }
}
