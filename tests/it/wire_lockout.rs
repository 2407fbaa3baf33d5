//! Lockout over HTTP: who fails to log in too often has to wait (source: Vault, "User lockout", and its API,
//! "/sys/locked-users"; CVE-2025-6004 is a name in other spellings).

use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::{Config, Storage};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::{Answer, Http, outcome, said};
use crate::wire_auth::World;

const WRONG: &str = "400 invalid username or password";
const LOCKED: &str = "403 permission denied";

fn world(users: &[&str]) -> World {
    let world = World::new();
    world.root.post("sys/auth/userpass", &json!({"type": "userpass"}));
    for user in users {
        world.root.post(&format!("auth/userpass/users/{user}"), &json!({"password": "right"}));
    }
    world
}

fn login(root: &Http, name: &str, password: &str) -> Answer {
    root.with_token("").send("POST", &format!("auth/userpass/login/{name}"), Some(&json!({ "password": password })))
}

fn accessor(root: &Http, mount: &str) -> String {
    said(&root.get("sys/auth")["data"][format!("{mount}/")]["accessor"])
}

fn locked(root: &Http) -> Value {
    root.get("sys/locked-users")["data"].clone()
}

#[test]
fn the_fifth_failure_locks_a_name_whether_or_not_there_is_such_a_name() {
    let world = world(&["bob"]);
    for name in ["bob", "nobody"] {
        // A name in another spelling is the same name.
        for spelling in [name, &name.to_uppercase(), name, name, name] {
            assert_eq!(outcome(&login(&world.root, spelling, "wrong")), WRONG);
        }
        assert_eq!(outcome(&login(&world.root, name, "right")), LOCKED);
        assert_eq!(outcome(&login(&world.root, &name.to_uppercase(), "right")), LOCKED);
    }
    let of_method = json!({
        "mount_accessor": accessor(&world.root, "userpass"), "counts": 2, "alias_identifiers": ["bob", "nobody"],
    });
    let namespace =
        json!({ "namespace_id": "root", "namespace_path": "", "counts": 2, "mount_accessors": [of_method] });
    assert_eq!(locked(&world.root), json!({ "by_namespace": [namespace], "total": 2 }));
    // What is refused while it is locked does not lock it for longer.
    world.wait(899);
    assert_eq!(outcome(&login(&world.root, "bob", "right")), LOCKED);
    world.wait(1);
    assert_eq!(outcome(&login(&world.root, "bob", "right")), "200");
    assert_eq!(locked(&world.root)["total"], 0);
}

#[test]
fn a_success_or_a_while_without_failures_begins_anew() {
    let world = world(&["bob", "ann"]);
    for pause in [0, 0, 0, 0, 901, 0, 0, 0] {
        world.wait(pause);
        assert_eq!(outcome(&login(&world.root, "bob", "wrong")), WRONG);
    }
    assert_eq!(login(&world.root, "bob", "right").status, 200);
    for _ in 0..4 {
        assert_eq!(outcome(&login(&world.root, "bob", "wrong")), WRONG);
    }
    assert_eq!(login(&world.root, "bob", "right").status, 200);
    // What is no failure of credentials is not counted.
    for _ in 0..6 {
        assert_eq!(outcome(&login(&world.root, "ann", "")), "400 missing password");
    }
    assert_eq!(login(&world.root, "ann", "right").status, 200);
}

#[test]
fn a_success_that_gives_a_batch_token_begins_anew_as_well() {
    let world = world(&["ann"]);
    world.root.post("auth/userpass/users/ann", &json!({ "token_type": "batch" }));
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(login(&world.root, "ann", "wrong").status, 400);
        }
        let made = login(&world.root, "ann", "right");
        assert_eq!((made.status, &made.body["auth"]["token_type"]), (200, &json!("batch")), "{}", made.body);
    }
}

#[test]
fn somebody_who_may_ends_the_wait() {
    let world = world(&["bob"]);
    for _ in 0..5 {
        login(&world.root, "bob", "wrong");
    }
    let path = format!("sys/locked-users/{}/unlock/BOB", accessor(&world.root, "userpass"));
    let stranger = world.with_policy("stranger", "path \"sys/mounts\" { capabilities = [\"read\"] }");
    assert_eq!(stranger.send("POST", &path, None).status, 403);
    assert_eq!(outcome(&login(&world.root, "bob", "right")), LOCKED);
    assert_eq!(world.root.send("POST", &path, None).status, 204);
    assert_eq!(outcome(&login(&world.root, "bob", "right")), "200");
    // Nobody was locked, or there is no such method: the same answer.
    assert_eq!(world.root.send("POST", &path, None).status, 204);
    assert_eq!(world.root.send("POST", "sys/locked-users/auth_userpass_0/unlock/bob", None).status, 204);
    let of_another = world.root.get("sys/locked-users?mount_accessor=auth_userpass_0");
    assert_eq!(of_another["data"]["total"], 0);
}

#[test]
fn a_mount_says_when_and_how_long() {
    let world = world(&["bob"]);
    let tune = |config: Value| {
        let body = json!({ "user_lockout_config": config });
        outcome(&world.root.send("POST", "sys/auth/userpass/tune", Some(&body)))
    };
    assert_eq!(world.root.get("sys/auth/userpass/tune")["data"]["user_lockout_threshold"], Value::Null);
    assert_eq!(tune(json!({"lockout_threshold": "2", "lockout_duration": "1h"})), "204");
    assert_eq!(tune(json!({"lockout_counter_reset_duration": 60})), "204");
    let told = json!({
        "user_lockout_threshold": 2, "user_lockout_duration": 3600, "user_lockout_counter_reset_duration": 60,
        "user_lockout_disable": false,
    });
    assert_eq!(world.root.get("sys/auth")["data"]["userpass/"]["config"]["user_lockout_config"], told);
    let tuning = world.root.get("sys/auth/userpass/tune");
    assert_eq!(tuning["data"]["user_lockout_duration"], 3600);
    for _ in 0..2 {
        assert_eq!(outcome(&login(&world.root, "bob", "wrong")), WRONG);
    }
    world.wait(3599);
    assert_eq!(outcome(&login(&world.root, "bob", "right")), LOCKED);
    // What is said counts at once, also for who is locked already.
    assert_eq!(tune(json!({"lockout_disable": true})), "204");
    assert_eq!(locked(&world.root)["total"], 0);
    for _ in 0..6 {
        assert_eq!(outcome(&login(&world.root, "bob", "wrong")), WRONG);
    }
    assert_eq!(login(&world.root, "bob", "right").status, 200);
    for (config, told) in [
        (json!({"lockout_threshold": "-1"}), "400 unable to parse user lockout threshold: it is negative"),
        (json!({"lockout_threshold": "many"}), "400"),
        (json!({"lockout_duration": "soon"}), "400 lockout_duration must be a duration"),
        (json!({"threshold": "2"}), "400"),
    ] {
        let answer = tune(config.clone());
        assert!(answer.starts_with(told), "{config}: {answer}");
    }
    world.root.post("sys/auth/jwt", &json!({"type": "jwt"}));
    let body = json!({ "user_lockout_config": { "lockout_threshold": "2" } });
    let refused = outcome(&world.root.send("POST", "sys/auth/jwt/tune", Some(&body)));
    assert_eq!(refused, "400 tuning of user lockout configuration for auth type \"jwt\" not allowed");
}

#[test]
fn role_ids_are_locked_likewise() {
    let world = World::with_role("web", &json!({}));
    let (role_id, secret_id) = (world.role_id("web"), world.secret_id("web", &json!({})));
    for id in [&*role_id, "no such role"] {
        for _ in 0..5 {
            assert_eq!(outcome(&world.login(id, "wrong")), "400 invalid role or secret ID");
        }
        assert_eq!(outcome(&world.login(id, &secret_id)), LOCKED);
    }
    assert_eq!(locked(&world.root)["total"], 2);
    world.wait(900);
    assert_eq!(world.login(&role_id, &secret_id).status, 200);
}

#[test]
fn many_guesses_at_a_time_are_no_more_than_one_after_another() {
    let world = world(&["bob"]);
    let answers = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..40).map(|_| scope.spawn(|| outcome(&login(&world.root, "bob", "wrong")))).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| answer == WRONG || answer == LOCKED), "{answers:?}");
    assert_eq!(outcome(&login(&world.root, "bob", "right")), LOCKED);
}

#[test]
fn who_is_locked_stays_locked_over_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap());
    let directory = home.path().join("data");
    let start = || {
        let engine =
            InTestEngine::start_with(Config::new(Storage::Disk { directory: directory.clone() }, clock.clone()));
        let address = engine.address.trim_start_matches("http://").to_owned();
        let root = Http { address, token: engine.root_token.clone() };
        (engine, root)
    };
    let (engine, root) = start();
    root.post("sys/auth/userpass", &json!({"type": "userpass"}));
    for name in ["bob", "ann"] {
        root.post(&format!("auth/userpass/users/{name}"), &json!({"password": "right"}));
        for _ in 0..5 {
            login(&root, name, "wrong");
        }
    }
    let unlocked = root.send("POST", &format!("sys/locked-users/{}/unlock/ann", accessor(&root, "userpass")), None);
    assert_eq!(unlocked.status, 204);
    drop(engine);
    clock.advance(Duration::from_secs(800));
    let (_engine, root) = start();
    assert_eq!(outcome(&login(&root, "ann", "right")), "200");
    assert_eq!(outcome(&login(&root, "bob", "right")), LOCKED);
    assert_eq!(locked(&root)["total"], 1);
    clock.advance(Duration::from_secs(100));
    assert_eq!(outcome(&login(&root, "bob", "right")), "200");
}
