//! Answers that lie wrapped, and what tokens keep for themselves: the cases N17 to N28 of `tests/data/wire.md` (source:
//! Vault API, "Response wrapping"; OpenBao, `vault/wrapping.go`; texts and statuses as one answers them).

use serde_json::{Value, json};

use crate::http::{Answer, Http, outcome, said};
use crate::wire_aws::World;

const INVALID: &str = "400 wrapping token is not valid or does not exist";

const DENIED: &str = "403 1 error occurred:\n\t* permission denied";

/// Sends a request whose answer is to lie wrapped.
fn wrapped(http: &Http, method: &str, path: &str, body: &Value, ttl: &str) -> Answer {
    http.try_send_with(method, path, Some(body), &[("X-Vault-Wrap-TTL", ttl)]).unwrap()
}

/// What is told of an answer that lies wrapped.
#[track_caller]
fn info(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    for key in ["data", "auth"] {
        assert_eq!(answer.body[key], Value::Null, "{}", answer.body);
    }
    assert_eq!(answer.body["lease_id"], "");
    answer.body["wrap_info"].clone()
}

fn unwrap(http: &Http, token: &Value) -> Answer {
    http.send("POST", "sys/wrapping/unwrap", Some(&json!({ "token": token })))
}

/// What the engine does with the wrapping token as the caller's own.
fn own(world: &World, token: &Value) -> Http {
    world.root.with_token(&said(token))
}

fn client(world: &World, rules: &str) -> Http {
    world.root.post("sys/policies/acl/client", &json!({ "policy": rules }));
    let made = world.root.post("auth/token/create", &json!({ "policies": ["client"] }));
    world.root.with_token(&said(&made["auth"]["client_token"]))
}

#[test]
fn a_wrapped_token_is_unwrapped_once() {
    let world = World::new();
    // A20
    let made = wrapped(&world.root, "POST", "auth/token/create", &json!({ "policies": ["default"] }), "15m");
    let info = info(&made);
    assert_eq!((&info["ttl"], &info["creation_path"]), (&json!(900), &json!("auth/token/create")));
    let fetched = own(&world, &info["token"]).send("POST", "sys/wrapping/unwrap", None);
    assert_eq!(fetched.status, 200, "{}", fetched.body);
    let auth = &fetched.body["auth"];
    assert_eq!((&auth["accessor"], &auth["token_policies"]), (&info["wrapped_accessor"], &json!(["default"])));
    assert_eq!(own(&world, &auth["client_token"]).send("GET", "auth/token/lookup-self", None).status, 200);
    // Whoever shows it, and how.
    for answer in [
        own(&world, &info["token"]).send("POST", "sys/wrapping/unwrap", None),
        unwrap(&world.root, &info["token"]),
        world.root.send("POST", "sys/wrapping/rewrap", Some(&json!({ "token": info["token"] }))),
        world.root.with_token("").send("POST", "sys/wrapping/lookup", Some(&json!({ "token": info["token"] }))),
        world.root.send("POST", "sys/wrapping/unwrap", None),
        unwrap(&world.root, &json!("hvs.unknown")),
    ] {
        assert_eq!(outcome(&answer), INVALID);
    }
}

#[test]
fn a_wrapped_credential_has_its_lease_at_once_and_outlives_an_answer_that_nobody_fetches() {
    let world = World::with_role();
    // S24
    let first = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "60"));
    assert_eq!(world.users().len(), 1);
    let leases = || world.root.send("LIST", "sys/leases/lookup/aws/creds/r", None).body["data"]["keys"].clone();
    let listed = leases();
    // N17: the wrapping token is a lease under the path that answered.
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let fetched = unwrap(&world.root, &first["token"]);
    let lease = said(&fetched.body["lease_id"]);
    assert!(lease.starts_with("aws/creds/r/") && fetched.body["lease_duration"] == 2_764_800, "{}", fetched.body);
    assert!(fetched.body["data"]["secret_key"].is_string());
    assert_eq!(leases().as_array().unwrap().len(), 1);
    // N18: nobody fetches this one. The credential lives by its own terms.
    let second = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "60"));
    world.wait(60);
    assert_eq!(outcome(&unwrap(&world.root, &second["token"])), INVALID);
    world.settle_all();
    assert_eq!((world.users().len(), leases().as_array().unwrap().len()), (2, 2));
    // N19: what ends with the path ends the answers that lie there, too.
    let third = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "60"));
    world.root.post("sys/leases/revoke-prefix/aws/creds", &json!({}));
    assert_eq!(outcome(&unwrap(&world.root, &third["token"])), INVALID);
    world.settle_all();
    assert!(world.users().is_empty());
}

#[test]
fn every_answer_with_a_body_is_wrapped_and_fetched_as_it_was() {
    let world = World::with_role();
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    world.root.post("auth/approle/role/app", &json!({ "token_policies": "default" }));
    let role_id = world.root.get("auth/approle/role/app/role-id")["data"]["role_id"].clone();
    // N20: a secret id, with its accessor; a login with it, by nobody.
    let secret_id = info(&wrapped(&world.root, "POST", "auth/approle/role/app/secret-id", &json!({}), "1h"));
    let fetched = unwrap(&world.root, &secret_id["token"]).body["data"].clone();
    assert_eq!(fetched["secret_id_accessor"], secret_id["wrapped_accessor"]);
    let body = json!({ "role_id": role_id, "secret_id": fetched["secret_id"] });
    let login = info(&wrapped(&world.root.with_token(""), "POST", "auth/approle/login", &body, "1h"));
    let fetched = own(&world, &login["token"]).send("POST", "sys/wrapping/unwrap", None);
    assert_eq!(fetched.body["auth"]["accessor"], login["wrapped_accessor"]);
    // A list, and a table that is there twice.
    let list = info(&wrapped(&world.root, "LIST", "aws/roles", &json!({}), "60"));
    assert_eq!(unwrap(&world.root, &list["token"]).body["data"]["keys"], json!(["r"]));
    let mounts = info(&wrapped(&world.root, "GET", "sys/mounts", &json!({}), "60"));
    let fetched = unwrap(&world.root, &mounts["token"]).body;
    assert_eq!((&fetched["data"]["aws/"]["type"], &fetched["aws/"]), (&json!("aws"), &Value::Null));
    // N21: an answer without a body, and an error, are not wrapped.
    let nothing = wrapped(&world.root, "POST", "aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }), "60");
    assert_eq!((nothing.status, nothing.body), (204, Value::Null));
    assert_eq!(wrapped(&world.root, "GET", "aws/roles/absent", &json!({}), "60").status, 404);
    for (ttl, text) in [("-60", "requested wrap ttl cannot be negative"), ("soon", "time: invalid duration \"soon\"")] {
        let refused = wrapped(&world.root, "GET", "aws/roles/r", &json!({}), ttl);
        assert_eq!(outcome(&refused), format!("400 error parsing X-Vault-Wrap-TTL header: {text}"));
    }
}

#[test]
fn data_is_wrapped_looked_at_and_wrapped_anew() {
    let world = World::new();
    // N22
    let refused = world.root.send("POST", "sys/wrapping/wrap", Some(&json!({ "a": 1 })));
    assert_eq!(outcome(&refused), "400 endpoint requires response wrapping to be used");
    let data = json!({ "a": 1, "b": { "c": [1, "two"] } });
    let first = info(&wrapped(&world.root, "POST", "sys/wrapping/wrap", &data, "5m"));
    assert_eq!(first.get("wrapped_accessor"), None);
    world.wait(60);
    // N23: looked at by whoever has the token, as often as they like, in its own name or without one.
    let nobody = world.root.with_token("");
    let asks = json!({ "token": first["token"] });
    for answer in [
        nobody.send("POST", "sys/wrapping/lookup", Some(&asks)),
        own(&world, &first["token"]).send("GET", "sys/wrapping/lookup", None),
    ] {
        let told = &answer.body["data"];
        assert_eq!((&told["creation_ttl"], &told["creation_path"]), (&json!(300), &json!("sys/wrapping/wrap")));
        assert_eq!(told["creation_time"], first["creation_time"]);
    }
    // N24: the same under a new token, for the same time; less if less is asked for; never by the token itself.
    let second = world.root.send("POST", "sys/wrapping/rewrap", Some(&asks));
    let second = info(&second);
    assert_eq!((&second["ttl"], &second["creation_path"]), (&json!(300), &json!("sys/wrapping/wrap")));
    assert_eq!(outcome(&unwrap(&world.root, &first["token"])), INVALID);
    let third = wrapped(&world.root, "POST", "sys/wrapping/rewrap", &json!({ "token": second["token"] }), "1m");
    let third = info(&third);
    assert_eq!(third["ttl"], 60);
    let longer = wrapped(&world.root, "POST", "sys/wrapping/rewrap", &json!({ "token": third["token"] }), "9h");
    let fourth = info(&longer);
    assert_eq!(fourth["ttl"], 60);
    assert_eq!(unwrap(&world.root, &fourth["token"]).body["data"], data);
    let fifth = info(&wrapped(&world.root, "POST", "sys/wrapping/wrap", &data, "5m"));
    assert_eq!(outcome(&own(&world, &fifth["token"]).send("POST", "sys/wrapping/rewrap", None)), DENIED);
    assert_eq!(outcome(&unwrap(&world.root, &fifth["token"])), INVALID, "what it tried was its one use");
    for (body, why) in
        [(json!(""), "empty token in request body"), (json!(5), "could not decode token in request body")]
    {
        assert_eq!(outcome(&unwrap(&world.root, &body)), format!("403 error validating wrapping token: {why}"));
    }
    let empty = "403 error validating wrapping token: token is empty";
    assert_eq!(outcome(&nobody.send("GET", "sys/wrapping/lookup", None)), empty);
}

#[test]
fn a_wrapping_token_opens_nothing_else_and_others_need_the_right_to_unwrap() {
    let world = World::with_role();
    let wrap = || info(&wrapped(&world.root, "GET", "aws/roles/r", &json!({}), "60"))["token"].clone();
    // N25
    for path in ["aws/roles/r", "auth/token/lookup-self", "cubbyhole/wrapinfo"] {
        let token = wrap();
        assert_eq!(outcome(&own(&world, &token).send("GET", path, None)), DENIED, "{path}");
        assert_eq!(outcome(&unwrap(&world.root, &token)), INVALID, "{path}");
    }
    let token = wrap();
    let looked_up = world.root.post("auth/token/lookup", &json!({ "token": token }))["data"].clone();
    assert_eq!((&looked_up["policies"], &looked_up["num_uses"]), (&json!(["response-wrapping"]), &json!(1)));
    assert_eq!((&looked_up["orphan"], &looked_up["explicit_max_ttl"]), (&json!(true), &json!(60)));
    let renewed = world.root.send("POST", "auth/token/renew", Some(&json!({ "token": token })));
    assert_eq!(outcome(&renewed), "400 lease is not renewable");
    let nothing = client(&world, "path \"aws/roles/r\" { capabilities = [\"read\"] }");
    let bare = world.root.post("auth/token/create", &json!({ "policies": ["client"], "no_default_policy": true }));
    assert_eq!(outcome(&unwrap(&world.root.with_token(&said(&bare["auth"]["client_token"])), &token)), DENIED);
    assert_eq!(outcome(&unwrap(&world.root.with_token("hvs.unknown"), &token)), "403 permission denied");
    // The refused used nothing up; who has `default` may.
    assert_eq!(unwrap(&nothing, &token).status, 200);
    // As it was done before `unwrap`.
    let token = own(&world, &wrap());
    let direct = token.send("GET", "cubbyhole/response", None);
    let text: Value = serde_json::from_str(&said(&direct.body["data"]["response"])).unwrap();
    assert_eq!(text["data"]["credential_type"], "iam_user");
    assert!(said(&direct.body["warnings"][0]).contains("deprecated"), "{}", direct.body);
    assert_eq!(outcome(&token.send("GET", "cubbyhole/response", None)), "403 permission denied");
    let policy = world.root.get("sys/policies/acl/response-wrapping")["data"]["policy"].clone();
    assert!(said(&policy).contains("sys/wrapping/unwrap"), "{policy}");
    assert_eq!(world.root.send("LIST", "sys/policies/acl", None).body["data"]["keys"][2], "root");
}

#[test]
fn a_policy_can_ask_for_wrapped_answers() {
    let world = World::with_role();
    let rules =
        "path \"aws/creds/r\" {\n capabilities = [\"read\"]\n min_wrapping_ttl = \"1m\"\n max_wrapping_ttl = \"1h\"\n}";
    let client = client(&world, rules);
    // N26
    assert_eq!(outcome(&client.send("GET", "aws/creds/r", None)), DENIED);
    for (ttl, allowed) in [("59", false), ("60", true), ("1h", true), ("3601", false)] {
        let answer = wrapped(&client, "GET", "aws/creds/r", &json!({}), ttl);
        assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{ttl}: {}", answer.body);
    }
    assert_eq!(world.users().len(), 2);
}

#[test]
fn what_was_wrapped_survives_a_restart_and_what_was_fetched_does_not() {
    let mut world = World::with_role();
    let first = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "1h"));
    let second = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "1h"));
    assert_eq!(unwrap(&world.root, &first["token"]).status, 200);
    // Of this one, half of the answer was read: used up is used up.
    let third = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "1h"));
    let asks = format!(
        "POST /v1/sys/wrapping/unwrap HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\nContent-Length: 0\r\n\r\n",
        said(&third["token"])
    );
    assert!(world.half_read(&asks).starts_with("HTTP/1.1 200 OK"));
    assert_eq!(outcome(&unwrap(&world.root, &third["token"])), INVALID);
    world.restart_after(60);
    for used in [&first, &third] {
        assert_eq!(outcome(&unwrap(&world.root, &used["token"])), INVALID);
    }
    assert!(unwrap(&world.root, &second["token"]).body["data"]["secret_key"].is_string());
}

#[test]
fn many_at_once_fetch_an_answer_once() {
    let world = World::with_role();
    for in_body in [true, false] {
        let token = info(&wrapped(&world.root, "GET", "aws/roles/r", &json!({}), "1h"))["token"].clone();
        let fetch = || match in_body {
            true => unwrap(&world.root, &token).status,
            false => own(&world, &token).send("POST", "sys/wrapping/unwrap", None).status,
        };
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(fetch)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }
}

#[test]
fn the_trail_tells_that_an_answer_was_wrapped_and_nothing_of_what_is_in_it() {
    let world = World::with_role();
    let info = info(&wrapped(&world.root, "GET", "aws/creds/r", &json!({}), "60"));
    let fetched = unwrap(&world.root, &info["token"]).body;
    let text = std::fs::read_to_string(world.trail_file()).unwrap();
    for secret in [&info["token"], &info["accessor"], &fetched["data"]["secret_key"]] {
        assert!(!text.contains(&said(secret)), "a secret is in the trail");
    }
    let lines = world.lines();
    let response = |path: &str| {
        let is_it = |line: &&Value| line["type"] == "response" && line["request"]["path"] == path;
        lines.iter().rfind(is_it).unwrap_or_else(|| panic!("a line of {path}")).clone()
    };
    let issued = response("aws/creds/r");
    assert_eq!((&issued["request"]["wrap_ttl"], &issued["response"]["data"]), (&json!(60), &Value::Null));
    let told = &issued["response"]["wrap_info"];
    assert_eq!((&told["ttl"], &told["creation_path"]), (&json!(60), &json!("aws/creds/r")));
    for key in ["token", "accessor"] {
        assert!(said(&told[key]).starts_with("hmac-sha256:"), "{told}");
    }
    // Which credential it is is told where it is issued, in clear.
    assert_eq!(issued["credential"]["lease_id"], fetched["lease_id"]);
    let unwrapped = response("sys/wrapping/unwrap");
    assert_eq!(unwrapped["response"]["secret"]["lease_id"], fetched["lease_id"]);
    assert!(said(&unwrapped["response"]["data"]["secret_key"]).starts_with("hmac-sha256:"), "{unwrapped}");
    // The two lines have the token's hash in common.
    assert_eq!(unwrapped["request"]["data"]["token"], told["token"]);
}

#[test]
fn a_token_keeps_what_nobody_else_sees_and_takes_it_along() {
    let mut world = World::new();
    // N27
    let made = world.root.post("auth/token/create", &json!({ "policies": ["default"], "ttl": "1h" }));
    let token = said(&made["auth"]["client_token"]);
    let other = world.root.clone();
    let keeper = |world: &World| world.root.with_token(&token);
    assert_eq!(keeper(&world).send("LIST", "cubbyhole", None).status, 404);
    for path in ["cubbyhole/a", "cubbyhole/b/c"] {
        assert_eq!(keeper(&world).send("POST", path, Some(&json!({ "x": 1, "y": ["z"] }))).status, 204);
    }
    assert_eq!(keeper(&world).get("cubbyhole/b/c")["data"], json!({ "x": 1, "y": ["z"] }));
    assert_eq!(keeper(&world).send("LIST", "cubbyhole", None).body["data"]["keys"], json!(["a", "b/"]));
    assert_eq!(other.send("GET", "cubbyhole/a", None).status, 404);
    assert_eq!(other.send("LIST", "cubbyhole", None).status, 404);
    assert_eq!(outcome(&other.send("POST", "cubbyhole/a", Some(&json!({})))), "500 missing data fields");
    world.restart_after(1);
    assert_eq!(keeper(&world).send("DELETE", "cubbyhole/a", None).status, 204);
    assert_eq!(keeper(&world).send("GET", "cubbyhole/a", None).status, 404);
    // N28: gone with the token, and not another's who has its text.
    world.root.post("auth/token/revoke", &json!({ "token": token }));
    assert_eq!(keeper(&world).send("GET", "cubbyhole/b/c", None).status, 403);
    let id = json!({ "id": "chosen-twice", "policies": ["default"] });
    for _ in 0..2 {
        let chosen = world.root.post("auth/token/create", &id);
        let chosen = world.root.with_token(&said(&chosen["auth"]["client_token"]));
        assert_eq!(chosen.send("GET", "cubbyhole/a", None).status, 404);
        chosen.post("cubbyhole/a", &json!({ "x": 1 }));
        world.root.post("auth/token/revoke", &json!({ "token": "chosen-twice" }));
    }
}
