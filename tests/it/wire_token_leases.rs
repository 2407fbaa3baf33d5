//! Leases end with the tokens they were issued to: by hand, by time, by use, with the parent.

use std::sync::Arc;
use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Storage};
use leasehold::sandbox;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::Http;

struct World {
    // Ends before the directory goes.
    engine: Option<InTestEngine>,
    root: Http,
    account: Arc<sandbox::Account>,
    clock: Clock,
    home: tempfile::TempDir,
}

impl World {
    /// An engine on disk with AWS leases of an hour and a policy `app` that may issue and make tokens.
    fn new() -> Self {
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap());
        let account = sandbox::Account::open(None, clock.clone()).unwrap();
        let home = tempfile::tempdir().unwrap();
        let root = Http { address: String::new(), token: String::new() };
        let mut world = Self { engine: None, root, account, clock, home };
        world.start();
        let root = &world.root;
        root.post("sys/mounts/aws", &json!({"type": "aws"}));
        root.post("aws/config/lease", &json!({"lease": "1h", "lease_max": "2h"}));
        let role = json!({"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]});
        root.post("aws/roles/r", &role);
        let rules = "path \"aws/creds/r\" { capabilities = [\"read\"] }
                     path \"auth/token/create*\" { capabilities = [\"update\", \"sudo\"] }";
        root.post("sys/policies/acl/app", &json!({ "policy": rules }));
        world
    }

    fn start(&mut self) {
        self.engine = None;
        let engine = InTestEngine::start_with(Config {
            trail: Some(self.home.path().join("trail.log")),
            aws: AwsTransport::InProcess(sandbox::connector(self.account.clone())),
            aws_key: Some(sandbox::root_key()),
            ..Config::new(Storage::Disk { directory: self.home.path().join("data") }, self.clock.clone())
        });
        let address = engine.address.trim_start_matches("http://").to_owned();
        self.root = Http { address, token: engine.root_token.clone() };
        self.engine = Some(engine);
    }

    fn client(&self, maker: &Http, path: &str, parameters: &Value) -> Http {
        let made = maker.post(path, parameters);
        self.root.with_token(made["auth"]["client_token"].as_str().unwrap())
    }

    fn app(&self, parameters: &Value) -> Http {
        let mut parameters = parameters.clone();
        parameters["policies"] = json!(["app"]);
        self.client(&self.root, "auth/token/create", &parameters)
    }

    /// Waits until the engine's worker has left this many users; each look is a request, so it takes its time.
    #[track_caller]
    fn users_become(&self, number: usize) {
        const LOOKS: usize = 5000;
        for _ in 0..LOOKS {
            if self.users() == number {
                return;
            }
            self.root.get("sys/health");
        }
        panic!("{} users, not {number}", self.users());
    }

    fn users(&self) -> usize {
        self.account.user_names("/leasehold/").len()
    }
}

fn issue(client: &Http) -> String {
    client.get("aws/creds/r")["lease_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_revoked_token_takes_its_leases_and_its_childrens_along() {
    let world = World::new();
    // L23, L24, L25
    let parent = world.app(&json!({}));
    let child = world.client(&parent, "auth/token/create", &json!({}));
    let orphan = world.client(&parent, "auth/token/create-orphan", &json!({}));
    let other = world.app(&json!({}));
    for client in [&parent, &parent, &child, &orphan, &other] {
        issue(client);
    }
    assert_eq!(world.users(), 5);
    assert_eq!(world.root.send("POST", "auth/token/revoke", Some(&json!({"token": parent.token}))).status, 204);
    world.users_become(2);
    assert_eq!(child.send("GET", "aws/creds/r", None).status, 403);
    assert_eq!(orphan.send("POST", "auth/token/revoke-self", None).status, 204);
    world.users_become(1);
}

#[test]
fn a_token_that_ends_by_time_takes_its_leases_and_children_along() {
    let world = World::new();
    let parent = world.app(&json!({"ttl": "10m"}));
    let child = world.client(&parent, "auth/token/create", &json!({"ttl": "24h"}));
    issue(&parent);
    issue(&child);
    world.clock.advance(Duration::from_secs(599));
    assert_eq!(child.get("auth/token/lookup-self")["data"]["orphan"], false);
    world.clock.advance(Duration::from_secs(1));
    // At once, whether or not the timer has come to it
    assert_eq!(parent.send("GET", "auth/token/lookup-self", None).status, 403);
    world.users_become(0);
    assert_eq!(child.send("GET", "auth/token/lookup-self", None).status, 403);
    let left = || world.root.send("LIST", "auth/token/accessors", None).body["data"]["keys"].as_array().unwrap().len();
    // Its record goes when the timer comes to it.
    assert!((0..1000).any(|_| left() == 1));
    let trail = std::fs::read_to_string(world.home.path().join("trail.log")).unwrap();
    assert!(trail.contains("\"token-expired\""), "the end of a token is in the trail");
    assert!(!trail.contains(&parent.token), "but never the token");
}

#[test]
fn a_renewed_token_ends_at_its_new_time() {
    let world = World::new();
    world.root.post("sys/policies/acl/default", &json!({"policy": "path \"auth/token/*\" { policy = \"write\" }"}));
    let app = world.app(&json!({"ttl": "10m"}));
    issue(&app);
    world.clock.advance(Duration::from_secs(500));
    app.post("auth/token/renew-self", &json!({"increment": "10m"}));
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(app.get("auth/token/lookup-self")["data"]["ttl"], 300);
    assert_eq!(world.users(), 1);
    world.clock.advance(Duration::from_secs(300));
    world.users_become(0);
}

#[test]
fn a_token_that_ended_while_the_engine_was_down_has_no_leases_left_after_the_start() {
    // Vault 0.10.2
    let mut world = World::new();
    let app = world.app(&json!({"ttl": "10m"}));
    let long = world.app(&json!({"ttl": "10h"}));
    issue(&app);
    issue(&long);
    world.engine = None;
    world.clock.advance(Duration::from_secs(1200));
    world.start();
    assert_eq!(world.root.with_token(&app.token).send("GET", "auth/token/lookup-self", None).status, 403);
    world.users_become(1);
}

#[test]
fn the_last_use_of_a_token_leaves_no_lease() {
    let world = World::new();
    // L26
    let once = world.app(&json!({"num_uses": 1}));
    let refused = once.send("GET", "aws/creds/r", None);
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body["errors"],
        json!(["Secret cannot be returned; token had one use left, so leased credentials were immediately revoked."])
    );
    world.users_become(0);
    // Vault 0.6.4: what the earlier uses issued ends with the last one
    let thrice = world.app(&json!({"num_uses": 3, "policies": ["app"]}));
    issue(&thrice);
    issue(&thrice);
    assert_eq!(world.users(), 2);
    assert_eq!(thrice.send("GET", "auth/token/lookup-self", None).status, 200);
    world.users_become(0);
}

/// Three logins of an app: each has a credential and a child with another.
fn three_logins(world: &World) -> Vec<Http> {
    let known = world.root.send("GET", "sys/auth/approle", None).status == 200;
    if !known {
        world.root.post("sys/auth/approle", &json!({"type": "approle"}));
    }
    world.root.post("auth/approle/role/app", &json!({"token_policies": ["app"], "token_ttl": "10m"}));
    let role_id = world.root.get("auth/approle/role/app/role-id")["data"]["role_id"].clone();
    let login = |_| {
        let secret_id = world.root.post("auth/approle/role/app/secret-id", &json!({}))["data"]["secret_id"].clone();
        let ids = json!({ "role_id": role_id, "secret_id": secret_id });
        let login = world.client(&world.root.with_token(""), "auth/approle/login", &ids);
        issue(&login);
        let child = world.client(&login, "auth/token/create", &json!({}));
        issue(&child);
        [login, child]
    };
    (0..3).flat_map(login).collect()
}

fn login_leases(world: &World) -> Vec<String> {
    let listed = world.root.send("LIST", "sys/leases/lookup/auth/approle/login", None);
    let keys = listed.body["data"]["keys"].as_array().cloned().unwrap_or_default();
    assert_eq!(listed.status, if keys.is_empty() { 404 } else { 200 });
    keys.iter().map(|key| format!("auth/approle/login/{}", key.as_str().unwrap())).collect()
}

fn is_alive(token: &Http) -> bool {
    token.send("GET", "auth/token/lookup-self", None).status == 200
}

#[test]
fn a_login_is_a_lease_until_it_ends() {
    let world = World::new();
    let tokens = three_logins(&world);
    let ids = login_leases(&world);
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| tokens.iter().all(|token| !id.contains(&token.token))));
    // The children are leases of their own, and root's token, which never ends, is none.
    let made = world.root.send("LIST", "sys/leases/lookup/auth/token", None).body["data"]["keys"].clone();
    assert_eq!(made, json!(["create/"]));
    let folders = world.root.send("LIST", "sys/leases/lookup", None).body["data"]["keys"].clone();
    assert_eq!(folders, json!(["auth/", "aws/"]));

    let lookup = |id: &str| world.root.send("POST", "sys/leases/lookup", Some(&json!({ "lease_id": id })));
    let found = lookup(&ids[0]).body["data"].clone();
    assert_eq!(found["id"], json!(ids[0]));
    assert_eq!(found["path"], "auth/approle/login");
    assert_eq!((&found["ttl"], &found["renewable"], &found["last_renewal"]), (&json!(600), &json!(true), &json!(null)));
    assert_eq!(found["issue_time"], "2026-09-21T14:13:20Z");
    assert_eq!(found["expire_time"], "2026-09-21T14:23:20Z");
    // L11: a token is renewed as a token; its lease says so.
    let renewed = world.root.send("POST", "sys/leases/renew", Some(&json!({ "lease_id": ids[0] })));
    assert_eq!(renewed.body["errors"], json!(["tokens cannot be renewed through this endpoint"]));
    world.clock.advance(Duration::from_secs(300));
    let parents: Vec<&Http> = tokens.iter().step_by(2).collect();
    parents[0].post("auth/token/renew-self", &json!({}));
    let ttls: Vec<Value> = ids.iter().map(|id| lookup(id).body["data"]["ttl"].clone()).collect();
    assert_eq!(ttls.iter().filter(|ttl| **ttl == 600).count(), 1, "{ttls:?}");
    assert_eq!(ttls.iter().filter(|ttl| **ttl == 300).count(), 2, "{ttls:?}");
    // By time, by itself, and by its last use: no lease is left.
    world.clock.advance(Duration::from_secs(300));
    let settle = || world.engine.as_ref().unwrap().settle(Duration::from_secs(30));
    assert_eq!(settle(), 0);
    assert_eq!((world.users(), login_leases(&world).len()), (2, 1));
    parents[0].post("auth/token/revoke-self", &json!({}));
    assert_eq!((settle(), world.users()), (0, 0));
    assert_eq!(login_leases(&world), Vec::<String>::new());
    assert_eq!(world.root.send("LIST", "sys/leases/lookup", None).status, 404);
    let gone = lookup(&ids[0]);
    assert_eq!((gone.status, &gone.body["errors"]), (400, &json!(["invalid lease"])));
    assert_eq!(world.root.send("POST", "sys/leases/revoke", Some(&json!({ "lease_id": ids[0] }))).status, 204);
}

#[test]
fn logins_are_revoked_as_leases_are_with_all_that_hangs_on_them() {
    let world = World::new();
    let other = world.app(&json!({}));
    issue(&other);
    let sync = |sync: bool| json!({ "sync": sync });
    // What is asked, which bulk answer it gives, and how many of three logins are left.
    for (method, path, body, said, left) in [
        ("PUT", "sys/leases/revoke/$ID", sync(true), json!(null), 2),
        ("PUT", "sys/leases/revoke/$ID", sync(false), json!(null), 2),
        ("PUT", "sys/revoke/$ID", json!({}), json!(null), 2),
        ("PUT", "sys/leases/revoke-prefix/$ID", json!({}), json!({ "revoked": 1 }), 2),
        ("PUT", "sys/leases/revoke-prefix/auth/approle", json!({}), json!({ "revoked": 3 }), 0),
        ("PUT", "sys/leases/revoke-prefix/auth/approle/login", sync(true), json!({ "revoked": 3 }), 0),
        ("PUT", "sys/leases/revoke-prefix/auth/approle", sync(false), json!({ "queued": 3 }), 0),
        ("PUT", "sys/revoke-prefix/auth/approle", json!({}), json!({ "revoked": 3 }), 0),
        ("PUT", "sys/leases/revoke-force/auth/approle", json!({}), json!({ "revoked": 3 }), 0),
        ("PUT", "sys/revoke-force/auth/approle/login", json!({}), json!({ "revoked": 3 }), 0),
        ("DELETE", "sys/auth/approle", json!({}), json!(null), 0),
    ] {
        let tokens = three_logins(&world);
        assert_eq!(world.users(), 7);
        let path = path.replace("$ID", &login_leases(&world)[0]);
        let answer = world.root.send(method, &path, Some(&body));
        assert!((200..300).contains(&answer.status), "{path} {body}: {}", answer.body);
        assert_eq!(answer.body["data"], said, "{path} {body}");
        world.users_become(1 + 2 * left);
        // The record of a token goes beside its leases, so perhaps after the last user.
        let gone = (0..5000).any(|_| login_leases(&world).len() == left);
        assert!(gone, "{path} {body}: {:?}", login_leases(&world));
        assert_eq!(tokens.iter().filter(|token| is_alive(token)).count(), 2 * left, "{path} {body}");
        assert!(is_alive(&other), "{path}");
        // The rest, for the next.
        for token in tokens.iter().filter(|token| is_alive(token)) {
            token.send("POST", "auth/token/revoke-self", Some(&json!({})));
        }
        world.users_become(1);
    }
}

#[test]
fn a_bulk_revocation_that_finds_nothing_says_so() {
    let world = World::new();
    for path in ["revoke-prefix/auth/approle", "revoke-force/auth/approle", "revoke-prefix/aws/creds/nope"] {
        for body in [json!({}), json!({ "sync": false })] {
            let answer = world.root.send("PUT", &format!("sys/leases/{path}"), Some(&body));
            assert!((200..300).contains(&answer.status), "{path}: {}", answer.body);
            let prefix = path.split_once('/').unwrap().1;
            assert_eq!(answer.body["warnings"], json!([format!("no lease begins with {prefix}/")]), "{path}");
        }
    }
    let app = world.app(&json!({}));
    let lease = issue(&app);
    issue(&app);
    let one = world.root.send("PUT", &format!("sys/leases/revoke-prefix/{lease}"), None);
    assert_eq!(one.body["data"], json!({ "revoked": 1 }));
    let rest = world.root.send("PUT", "sys/leases/revoke-prefix/aws", None);
    assert_eq!((rest.status, &rest.body["data"]), (200, &json!({ "revoked": 1 })));
    assert_eq!(world.users(), 0);
}
