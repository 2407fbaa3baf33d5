//! Static roles over HTTP, with the sandbox as AWS: the key of a user that is made anew in time, whatever AWS answers and
//! whenever the engine stops.

use std::collections::BTreeSet;
use std::time::Duration;

use leasehold::sandbox::{Effect, Fault, ROOT_ACCESS_KEY, ROOT_SECRET, SECOND_ROOT_ACCESS_KEY};
use serde_json::{Value, json};

use crate::http::{outcome, said};
use crate::wire_aws::{World, refused};

const DAY: u64 = 86_400;

/// An engine, and a user `deploy` without keys.
fn world() -> World {
    let world = World::new();
    world.behind(async |iam| drop(iam.create_user().user_name("deploy").send().await.unwrap()));
    world.actions();
    world
}

fn write(world: &World) -> Value {
    let body = json!({ "username": "deploy", "rotation_period": "24h" });
    world.root.post("aws/static-roles/web", &body)["data"].clone()
}

/// The key that is handed out.
fn key(world: &World) -> String {
    said(&world.root.get("aws/static-creds/web")["data"]["access_key"])
}

/// The keys that AWS has of a user, the oldest first.
fn keys_of(world: &World, user: &str) -> Vec<String> {
    let mut found = Vec::new();
    world.behind(async |iam| {
        let listed = iam.list_access_keys().user_name(user).send().await.map(|keys| keys.access_key_metadata);
        let mut listed = listed.unwrap_or_default();
        listed.sort_by_key(|key| key.create_date().unwrap().secs());
        found = listed.iter().map(|key| key.access_key_id().unwrap().to_owned()).collect();
    });
    found
}

fn keys(world: &World) -> Vec<String> {
    keys_of(world, "deploy")
}

fn set(keys: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    keys.into_iter().collect()
}

/// The keys that the trail says were made and were not deleted.
fn told(world: &World) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for line in world.lines() {
        let id = || said(&line["credential"]["access_key_id"]);
        match line["event"]["name"].as_str() {
            Some("static-key-made") => drop(told.insert(id())),
            Some("static-key-deleted") => drop(told.remove(&id())),
            _ => {}
        }
    }
    told
}

#[test]
fn a_user_of_another_account_is_refused_and_not_taken_for_ours() {
    let world = world();
    for (name, value) in [
        ("assume_role_arn", "arn:aws:iam::999999999999:role/x"),
        ("assume_role_session_name", "engine"),
        ("external_id", "one"),
    ] {
        let body = json!({ "username": "deploy", "rotation_period": "24h", name: value });
        let answer = world.root.send("POST", "aws/static-roles/web", Some(&body));
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(outcome(&answer).contains(&format!("{name} is not supported")), "{}", answer.body);
    }
    assert_eq!(keys(&world), <[String; 0]>::default());
    let empty = json!({ "username": "deploy", "rotation_period": "24h", "assume_role_arn": "" });
    world.root.post("aws/static-roles/web", &empty);
    assert_eq!(keys(&world).len(), 1);
}

#[test]
fn a_static_role_has_a_key_that_is_made_anew_in_time() {
    let world = world();
    assert_eq!(world.root.send("LIST", "aws/static-roles", None).status, 404);
    let written = write(&world);
    // W1
    assert_eq!((&written["name"], &written["username"]), (&json!("web"), &json!("deploy")));
    assert_eq!(written["rotation_period"], 86_400);
    assert!(said(&written["id"]).starts_with("AIDA"), "{written}");
    assert_eq!(world.root.get("aws/static-roles/web")["data"], written);
    assert_eq!(world.root.send("LIST", "aws/static-roles", None).body["data"]["keys"], json!(["web"]));
    assert_eq!(world.actions(), ["GetUser", "ListAccessKeys", "CreateAccessKey"]);
    // W2
    let answer = world.root.get("aws/static-creds/web");
    assert_eq!(
        (&answer["lease_id"], &answer["renewable"], &answer["lease_duration"]),
        (&json!(""), &json!(false), &json!(0))
    );
    let first = said(&answer["data"]["access_key"]);
    assert_eq!(answer["data"]["ttl"], 86_400 + 3600);
    assert_eq!(keys(&world), std::slice::from_ref(&first));
    let line = world.lines().into_iter().rfind(|line| line["type"] == "response").unwrap();
    assert_eq!(
        (&line["credential"]["access_key_id"], &line["credential"]["iam_user"]),
        (&json!(first), &json!("deploy"))
    );
    assert_eq!(line["credential"]["lease_id"], Value::Null);
    assert!(!std::fs::read_to_string(world.trail_file()).unwrap().contains(&said(&answer["data"]["secret_key"])));
    // W3: it is made anew, and the one before works on for an hour
    world.wait(DAY);
    world.settle();
    let second = key(&world);
    assert_ne!(second, first);
    assert_eq!(keys(&world), [first.clone(), second.clone()]);
    world.wait(3600);
    world.settle();
    assert_eq!(keys(&world), std::slice::from_ref(&second));
    // A shorter period counts from when the key was made.
    world.root.post("aws/static-roles/web", &json!({ "rotation_period": 3600 }));
    world.settle();
    let third = key(&world);
    assert_ne!(third, second, "{:?}", world.events());
    assert_eq!(world.root.get("aws/static-roles/web")["data"]["rotation_period"], 3600);
    // By hand: at once, and what was superseded goes to make room.
    world.root.post("aws/rotate-role/web", &json!({}));
    assert_eq!(set(keys(&world)), set([third.clone(), key(&world)]));
    // W4
    assert_eq!(world.root.send("DELETE", "aws/static-roles/web", None).status, 204);
    assert_eq!(world.root.send("DELETE", "aws/static-roles/web", None).status, 204);
    assert_eq!(keys(&world), Vec::<String>::new());
    for path in ["aws/static-creds/web", "aws/static-roles/web"] {
        assert_eq!(world.root.send("GET", path, None).status, 404, "{path}");
    }
    assert_eq!(world.root.send("POST", "aws/rotate-role/web", None).status, 404);
    assert!(told(&world).is_empty(), "{:?}", world.events());
    let deleted =
        world.events().into_iter().filter(|event| event.starts_with("static-key-deleted")).collect::<Vec<_>>();
    let rotated = "static-key-deleted rotated";
    let ended = "static-key-deleted role-deleted";
    assert_eq!(deleted, [rotated, rotated, ended, ended]);
}

/// The timer drops a superseded key at the very second for which a shorter period makes the role due again.
#[test]
fn what_falls_due_again_while_the_timer_lets_go_of_it_is_not_lost() {
    const ROLES: usize = 12;
    let world = World::new();
    let names = (0..ROLES).map(|number| format!("r{number}")).collect::<Vec<_>>();
    world.behind(async |iam| {
        for name in &names {
            iam.create_user().user_name(name).send().await.unwrap();
        }
    });
    let write = |name: &String, body: &Value| world.root.post(&format!("aws/static-roles/{name}"), body);
    let keys = || {
        let key = |name| said(&world.root.get(&format!("aws/static-creds/{name}"))["data"]["access_key"]);
        names.iter().map(key).collect::<Vec<_>>()
    };
    for name in &names {
        write(name, &json!({ "username": name, "rotation_period": DAY }));
    }
    for _ in 0..4 {
        world.wait(DAY);
        world.settle();
        let before = keys();
        world.wait(3600);
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| write(name, &json!({ "rotation_period": 3600 })));
            }
        });
        world.settle();
        for (name, (before, after)) in names.iter().zip(before.iter().zip(keys())) {
            assert_ne!(*before, after, "{name}: {:?}", world.events());
        }
        for name in &names {
            write(name, &json!({ "rotation_period": DAY }));
        }
    }
}

#[test]
fn what_is_wrong_with_a_static_role_is_said() {
    let world = world();
    let ask = |body: Value| world.root.send("POST", "aws/static-roles/web", Some(&body));
    // W5
    refused(&ask(json!({ "rotation_period": "1h" })), 400, "missing \"username\" parameter");
    refused(&ask(json!({ "username": "deploy" })), 400, "missing \"rotation_period\" parameter");
    let short = ask(json!({ "username": "deploy", "rotation_period": 59 }));
    refused(&short, 500, "role rotation period out of range: must be greater than 60.00 seconds");
    refused(
        &ask(json!({ "username": "nobody", "rotation_period": 60 })),
        500,
        "unable to validate username \"nobody\"",
    );
    refused(&ask(json!({ "username": "deploy", "rotation_period": "soon" })), 400, "Field validation failed");
    assert_eq!(world.root.send("LIST", "aws/static-roles", None).status, 404);
    assert_eq!(keys(&world), Vec::<String>::new());
    write(&world);
    // W6: two would delete each other's keys
    let body = json!({ "username": "deploy", "rotation_period": 60 });
    refused(&world.root.send("POST", "aws/static-roles/other", Some(&body)), 400, "the static role aws/web already");
    world.root.post("sys/mounts/again", &json!({ "type": "aws" }));
    refused(&world.root.send("POST", "again/static-roles/web", Some(&body)), 400, "the static role aws/web already");
    // W7: another user
    world.behind(async |iam| drop(iam.create_user().user_name("other").send().await.unwrap()));
    refused(&ask(json!({ "username": "other" })), 500, "AWS GetUser returned a user, but the ID did not match");
    assert_eq!((keys(&world).len(), keys_of(&world, "other").len()), (1, 0));
}

/// W8: who has two keys loses the older one; the engine's own user is not taken over.
#[test]
fn a_user_that_is_taken_over_keeps_its_newer_key_and_the_engines_own_is_refused() {
    let world = world();
    let mut made = Vec::new();
    let mut own = None;
    world.behind(async |iam| {
        for _ in 0..2 {
            let key = iam.create_access_key().user_name("deploy").send().await.unwrap().access_key.unwrap();
            made.push(key.access_key_id);
            world.wait(60);
        }
        iam.create_user().user_name("engine").send().await.unwrap();
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
        let put = iam.put_user_policy().user_name("engine").policy_name("p").policy_document(policy);
        put.send().await.unwrap();
        own = iam.create_access_key().user_name("engine").send().await.unwrap().access_key;
    });
    write(&world);
    assert_eq!(set(keys(&world)), set([made[1].clone(), key(&world)]));
    let events = world.events();
    assert_eq!(
        &events[events.len() - 2..],
        ["static-key-deleted no-room", "static-key-made role-written"],
        "{events:?}"
    );
    // At the next rotation the other stranger makes room.
    world.wait(DAY);
    let before = key(&world);
    world.settle();
    assert_eq!(keys(&world), [before, key(&world)]);
    let own = own.unwrap();
    let root = json!({ "access_key": own.access_key_id, "secret_key": own.secret_access_key });
    world.root.post("aws/config/root", &root);
    let body = json!({ "username": "engine", "rotation_period": 60 });
    let answer = world.root.send("POST", "aws/static-roles/own", Some(&body));
    refused(&answer, 400, "engine is the IAM user that the engine itself signs in as");
    assert_eq!(keys_of(&world, "engine"), [own.access_key_id]);
    assert_eq!(world.root.send("LIST", "aws/static-roles", None).body["data"]["keys"], json!(["web"]));
}

/// Every way in which AWS can fail to answer a rotation, with and without a restart behind it: the key that is handed
/// out works all the time, and there is never more than one that nobody knows.
#[test]
fn a_rotation_survives_what_aws_does_not_say() {
    let late = |seconds| Effect::Late(Duration::from_secs(seconds));
    let effects = [
        Effect::FailBefore,
        Effect::FailAfter,
        Effect::DropBefore,
        Effect::DropAfter,
        Effect::Deny,
        Effect::Throttle,
        Effect::NotFound,
        late(5),
        late(59),
    ];
    for (effect, action, restarted) in effects
        .iter()
        .flat_map(|effect| {
            ["GetUser", "ListAccessKeys", "CreateAccessKey", "DeleteAccessKey"].map(|action| (effect, action))
        })
        .flat_map(|(effect, action)| [false, true].map(|restarted| (effect, action, restarted)))
    {
        if action != "CreateAccessKey" && (matches!(effect, Effect::Late(_)) || restarted) {
            continue;
        }
        let case = format!("{effect:?} of {action}, restarted: {restarted}");
        let mut world = world();
        write(&world);
        let first = key(&world);
        world.fault(Fault::once(action, effect.clone()));
        world.wait(DAY);
        world.settle();
        let mut rotated = 0;
        let waits = [30, 30, 20, 40, 60, 120, 600, 3600, 60];
        for seconds in waits {
            let (handed_out, there) = (key(&world), keys(&world));
            assert!(there.contains(&handed_out), "{case}: {handed_out} is handed out, and AWS has {there:?}");
            let known = told(&world);
            assert!(there.iter().filter(|id| !known.contains(*id)).count() <= 1, "{case}: {there:?} {known:?}");
            rotated += usize::from(handed_out != first);
            match restarted {
                true => world.restart_after(seconds),
                false => world.wait(seconds),
            }
            world.settle();
        }
        assert!(rotated >= 3, "{case}: rotated {rotated} rounds ago of {}, {:?}", waits.len(), world.events());
        assert_eq!(keys(&world), [key(&world)], "{case}");
        assert_eq!(told(&world), set(keys(&world)), "{case}");
    }
}

/// A first key that AWS never answered: the role is not there, and what was made goes.
#[test]
fn a_role_whose_first_key_is_in_doubt_is_not_there_and_leaves_nothing() {
    for effect in [Effect::FailBefore, Effect::DropAfter, Effect::Late(Duration::from_secs(40))] {
        let world = world();
        world.fault(Fault::once("CreateAccessKey", effect.clone()));
        let body = json!({ "username": "deploy", "rotation_period": "24h" });
        let ask = || world.root.send("POST", "aws/static-roles/web", Some(&body));
        refused(&ask(), 400, "Error creating access keys");
        assert_eq!(world.root.send("GET", "aws/static-roles/web", None).status, 404);
        assert_eq!(world.root.send("LIST", "aws/static-roles", None).status, 404);
        refused(&ask(), 400, "that is looked at again at");
        world.wait(70);
        world.settle();
        assert_eq!(keys(&world), Vec::<String>::new(), "{effect:?}");
        assert_eq!(ask().status, 200);
        assert_eq!(keys(&world), [key(&world)], "{effect:?}");
    }
    // What AWS refused was not done.
    let world = world();
    world.fault(Fault::once("CreateAccessKey", Effect::Deny));
    let body = json!({ "username": "deploy", "rotation_period": "24h" });
    refused(&world.root.send("POST", "aws/static-roles/web", Some(&body)), 400, "AccessDenied");
    write(&world);
}

/// A role that is deleted while AWS answers nothing is gone for its readers, and its keys go as soon as that is possible.
#[test]
fn a_deleted_roles_keys_go_and_if_it_takes_long() {
    let mut world = world();
    write(&world);
    world.root.post("aws/rotate-role/web", &json!({}));
    world.fault(Fault::always("DeleteAccessKey", Effect::FailBefore));
    let answer = world.root.send("DELETE", "aws/static-roles/web", None);
    refused(&answer, 400, "failed to clean credentials while deleting role \"web\"");
    assert_eq!(world.root.send("GET", "aws/static-creds/web", None).status, 404);
    refused(&world.root.send("DELETE", "sys/mounts/aws", None), 400, "failed to clean credentials");
    world.restart_after(120);
    assert_eq!((world.settle(), keys(&world).len()), (0, 2));
    world.account.faults().clear();
    world.wait(120);
    world.settle();
    assert_eq!(keys(&world), Vec::<String>::new(), "{:?}", world.events());
    // W9: by force, whatever AWS says
    write(&world);
    world.fault(Fault::always("DeleteAccessKey", Effect::Deny));
    assert_eq!(world.root.send("DELETE", "aws/static-roles/web?force=true", None).status, 204);
    assert!(world.events().contains(&"static-role-forced forced".to_owned()), "{:?}", world.events());
    world.account.faults().clear();
    write(&world);
    // W10: with the mount its keys go.
    assert_eq!(world.root.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert_eq!(keys(&world).len(), 1, "the one that was given up by force");
}

/// What another account, or another user of the same name, says ends nothing and is not touched.
#[test]
fn another_account_and_another_user_of_that_name_are_left_alone() {
    let world = world();
    world.account.faults().open_second_account();
    write(&world);
    let first = key(&world);
    let elsewhere = json!({ "access_key": SECOND_ROOT_ACCESS_KEY, "secret_key": ROOT_SECRET });
    world.behind_as(SECOND_ROOT_ACCESS_KEY, async |iam| {
        drop(iam.create_user().user_name("deploy").send().await.unwrap());
    });
    world.root.post("aws/config/root", &elsewhere);
    world.wait(DAY);
    world.settle();
    assert_eq!((key(&world), keys(&world)), (first.clone(), vec![first.clone()]));
    let error = said(&world.root.get("aws/static-roles/web")["data"]["rotation_error"]);
    assert!(error.contains("in account 210987654321, where config/root leads to"), "{error}");
    refused(&world.root.send("DELETE", "aws/static-roles/web", None), 400, "the role is of account 123456789012");
    let home = json!({ "access_key": ROOT_ACCESS_KEY, "secret_key": ROOT_SECRET });
    world.root.post("aws/config/root", &home);
    world.wait(3600);
    world.settle();
    assert_eq!(keys(&world), Vec::<String>::new());
    // The user is made again by somebody else: its keys are not ours.
    write(&world);
    let mut strange = String::new();
    world.behind(async |iam| {
        let ours = iam.list_access_keys().user_name("deploy").send().await.unwrap().access_key_metadata;
        for key in ours {
            let delete = iam.delete_access_key().user_name("deploy").access_key_id(key.access_key_id().unwrap());
            delete.send().await.unwrap();
        }
        iam.delete_user().user_name("deploy").send().await.unwrap();
        iam.create_user().user_name("deploy").send().await.unwrap();
        let key = iam.create_access_key().user_name("deploy").send().await.unwrap().access_key.unwrap();
        strange = key.access_key_id;
    });
    world.wait(DAY);
    world.settle();
    let error = said(&world.root.get("aws/static-roles/web")["data"]["rotation_error"]);
    assert!(error.contains("another IAM user has the name deploy"), "{error}");
    let answer = world.root.send("DELETE", "aws/static-roles/web", None);
    assert_eq!(outcome(&answer), "204");
    assert_eq!(keys(&world), [strange]);
}

/// Nothing is made, and nothing is read, while the trail takes nothing.
#[test]
fn a_token_reads_what_its_policies_say_and_the_trail_tells_each_reader() {
    let world = world();
    write(&world);
    let policy = json!({ "policy": "path \"aws/static-creds/web\" { capabilities = [\"read\"] }" });
    world.root.post("sys/policies/acl/web", &policy);
    let token = world.root.post("auth/token/create", &json!({ "policies": ["web"] }));
    let http = world.root.with_token(&said(&token["auth"]["client_token"]));
    assert_eq!(said(&http.get("aws/static-creds/web")["data"]["access_key"]), key(&world));
    assert_eq!(http.send("GET", "aws/static-roles/web", None).status, 403);
    assert_eq!(http.send("POST", "aws/rotate-role/web", None).status, 403);
    let leases = world.root.send("LIST", "sys/leases/lookup/aws/", None);
    assert_eq!(leases.status, 404, "no lease: {}", leases.body);
}
