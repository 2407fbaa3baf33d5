//! What AWS does that no request can see: calls that take effect after their answer was given up, users that
//! become visible late, limits on calls per second, and a mount that is pointed at another account.

use std::time::{Duration, Instant};

use leasehold::sandbox::{Effect, Fault};
use serde_json::json;

use crate::http::{outcome, said};
use crate::wire_aws::{World, refused};

/// Whether every IAM user there is belongs to a lease that the engine knows.
fn is_leased(world: &World) -> bool {
    let keys = world.root.send("LIST", "sys/leases/lookup/aws/creds/r", None);
    let leases = keys.body["data"]["keys"].as_array().map_or(0, Vec::len);
    world.users().len() <= leases
}

/// A first CreateUser that is given up, and takes effect when the second one's user is gone again: for each way
/// in which the lease can end, and each time at which the first may yet arrive, no user outlives its lease.
#[test]
fn a_create_user_that_takes_effect_late_leaves_no_user_without_a_lease() {
    for late in [1, 20, 59] {
        for end in ["abandoned", "revoked", "by prefix", "with its token"] {
            let world = World::with_role();
            world.fault(Fault::once("CreateUser", Effect::Late(Duration::from_secs(late))));
            if end == "abandoned" {
                world.fault(Fault::always("PutUserPolicy", Effect::Deny));
                refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error putting user policy");
            } else {
                let token = world.root.post("auth/token/create", &json!({ "policies": ["root"] }));
                let http = world.root.with_token(&said(&token["auth"]["client_token"]));
                let lease = said(&http.get("aws/creds/r")["lease_id"]);
                match end {
                    "revoked" => drop(world.root.send("PUT", &format!("sys/leases/revoke/{lease}"), None)),
                    "by prefix" => drop(world.root.send("PUT", "sys/leases/revoke-prefix/aws/creds", None)),
                    _ => drop(http.send("POST", "auth/token/revoke-self", None)),
                }
            }
            world.settle();
            for _ in 0..12 {
                assert!(is_leased(&world), "{end}, {late} s late: {:?} has no lease", world.users());
                world.wait(10);
                world.settle();
            }
            assert!(is_leased(&world), "{end}, {late} s late: {:?} has no lease", world.users());
            world.settle_all();
            assert!(world.users().is_empty(), "{end}, {late} s late: {:?}", world.users());
        }
    }
}

/// The same where the user's name is taken by the time of the second attempt, and free when the first arrives.
#[test]
fn a_taken_name_does_not_end_the_doubt_about_an_earlier_attempt() {
    let world = World::with_role();
    world.root.post("aws/config/root", &json!({ "username_template": "taken" }));
    world.behind(async |iam| drop(iam.create_user().user_name("taken").send().await.unwrap()));
    world.fault(Fault::once("CreateUser", Effect::Late(Duration::from_secs(30))));
    let answer = world.root.send("GET", "aws/creds/r", None);
    refused(&answer, 400, "EntityAlreadyExists");
    world.settle();
    assert_eq!(world.users(), ["taken"], "another's user stays");
    world.behind(async |iam| drop(iam.delete_user().user_name("taken").send().await.unwrap()));
    world.wait(30);
    assert!(is_leased(&world), "{:?} has no lease after {}", world.users(), outcome(&answer));
    world.settle_all();
    assert!(world.users().is_empty(), "{:?}", world.users());
}

const SECOND_KEY: &str = leasehold::sandbox::SECOND_ROOT_ACCESS_KEY;
const SECRET: &str = leasehold::sandbox::ROOT_SECRET;

/// A mount pointed at another account: whichever way a lease of it is to end, what the other account says is no
/// proof, nothing is touched there, and it ends once the mount leads back.
#[test]
fn what_another_account_says_ends_no_lease() {
    for end in ["revoke", "revoke-prefix", "expiry", "token", "unmount"] {
        let world = World::with_role();
        world.account.faults().open_second_account();
        world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
        let home = json!({ "access_key": leasehold::sandbox::ROOT_ACCESS_KEY, "secret_key": SECRET,
                           "username_template": "taken" });
        world.root.post("aws/config/root", &home);
        let token = world.root.post("auth/token/create", &json!({ "policies": ["root"] }));
        let http = world.root.with_token(&said(&token["auth"]["client_token"]));
        let issued = http.get("aws/creds/r");
        let (lease, key) = (said(&issued["lease_id"]), said(&issued["data"]["access_key"]));
        // A user of the same name is there as well, and is another's.
        let elsewhere = json!({ "access_key": SECOND_KEY, "secret_key": SECRET, "username_template": "taken" });
        world.behind_as(SECOND_KEY, async |iam| drop(iam.create_user().user_name("taken").send().await.unwrap()));
        world.root.post("aws/config/root", &elsewhere);
        let why = "account 123456789012, and config/root of aws/ now leads to account 210987654321";
        match end {
            "revoke" => refused(&world.root.send("PUT", &format!("sys/leases/revoke/{lease}"), None), 400, why),
            "revoke-prefix" => refused(&world.root.send("PUT", "sys/leases/revoke-prefix/aws", None), 400, why),
            "expiry" => world.wait(3600),
            "token" => drop(http.send("POST", "auth/token/revoke-self", None)),
            _ => refused(&world.root.send("DELETE", "sys/mounts/aws", None), 400, why),
        }
        for minutes in [0, 5, 120] {
            world.wait(minutes * 60);
            assert_eq!(world.settle(), 1, "{end}: the lease stays");
            assert!(world.has_key("taken", &key), "{end}: the key lives, as the lease says");
            assert_eq!(world.account.second_user_names("/"), ["taken"], "{end}: not ours");
        }
        let shown = world.root.post("sys/leases/lookup", &json!({ "lease_id": lease }));
        assert!(said(&shown["data"]["revoke_error"]).contains(why), "{end}: {shown}");
        if end == "unmount" {
            // What is being unmounted takes no configuration any more: the lease can be given up only by force.
            assert_eq!(world.root.send("PUT", "sys/leases/revoke-force/aws", None).status, 200);
            assert!(world.has_key("taken", &key), "{end}");
            assert!(world.lines().iter().any(|line| said_detail(line).contains(why)), "the trail tells what is left");
            continue;
        }
        world.root.post("aws/config/root", &home);
        assert_eq!((world.settle(), world.users().len()), (0, 0), "{end}: at once, where it can be done again");
        assert_eq!(world.account.second_user_names("/"), ["taken"], "{end}: not ours");
    }
}

fn said_detail(line: &serde_json::Value) -> &str {
    line["event"]["detail"].as_str().unwrap_or_default()
}

/// Another key of the same account is the same account, whether the key says so or its owner has to be asked.
#[test]
fn another_key_of_the_same_account_ends_its_leases() {
    for asked in [true, false] {
        let world = World::with_role();
        let mut pair = (String::new(), String::new());
        world.behind(async |iam| {
            let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
            iam.create_user().user_name("engine").send().await.unwrap();
            iam.put_user_policy()
                .user_name("engine")
                .policy_name("all")
                .policy_document(everything)
                .send()
                .await
                .unwrap();
            let key = iam.create_access_key().user_name("engine").send().await.unwrap().access_key.unwrap();
            pair = (key.access_key_id, key.secret_access_key);
        });
        let leases: Vec<String> = (0..2).map(|_| said(&world.creds()["lease_id"])).collect();
        world.root.post("aws/config/root", &json!({ "access_key": pair.0, "secret_key": pair.1 }));
        if !asked {
            // Neither call that tells the account is allowed: the user's own tag does.
            world.fault(Fault::once("GetUser", Effect::Deny));
            world.fault(Fault::always("GetCallerIdentity", Effect::Deny));
        }
        world.actions();
        for lease in &leases {
            let answer = world.root.send("PUT", &format!("sys/leases/revoke/{lease}"), None);
            assert_eq!(answer.status, 204, "{}", outcome(&answer));
        }
        assert_eq!(world.users(), ["engine"]);
        let about = world.actions().into_iter().filter(|action| action.starts_with("Get")).count();
        assert!(about <= 3, "asked once, not for each lease: {about}");
    }
}

const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A world with a role `r` that has all that a role can have.
fn with_full_role() -> World {
    let world = World::with_role();
    world.behind(async |iam| drop(iam.create_group().group_name("g").send().await.unwrap()));
    world.root.post("aws/roles/r", &json!({ "policy_arns": [MANAGED], "iam_groups": "g" }));
    world.actions();
    world
}

/// Waits until AWS was asked so many times; answers for what.
fn asked(world: &World, calls: usize) -> Vec<String> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let seen: Vec<String> = world.account.faults().calls().into_iter().map(|call| call.action).collect();
        if seen.len() >= calls || Instant::now() > until {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whatever a role holds, an issue waits for AWS twice: once for the user, once for the rest.
#[test]
fn an_issue_takes_two_round_trips() {
    let world = with_full_role();
    world.fault(Fault::always("*", Effect::Delay(Duration::from_secs(5))));
    let root = world.root.clone();
    let issue = std::thread::spawn(move || root.send("GET", "aws/creds/r", None));
    assert_eq!(asked(&world, 1), ["CreateUser"]);
    world.wait(5);
    let mut together = asked(&world, 5).split_off(1);
    together.sort();
    assert_eq!(together, ["AddUserToGroup", "AttachUserPolicy", "CreateAccessKey", "PutUserPolicy"]);
    world.wait(5);
    assert_eq!(issue.join().unwrap().status, 200);
}

/// The key is made beside the permissions; where one of them fails nobody gets it, and it is the first to go.
#[test]
fn a_key_that_was_made_beside_a_refusal_goes_first() {
    for refusal in ["AddUserToGroup", "AttachUserPolicy", "PutUserPolicy"] {
        let world = with_full_role();
        world.fault(Fault::once(refusal, Effect::Deny));
        let answer = world.root.send("GET", "aws/creds/r", None);
        assert!(answer.status == 400 && outcome(&answer).contains("AccessDenied"), "{}", outcome(&answer));
        assert_eq!((world.settle(), world.users().len()), (0, 0), "{refusal}");
        let actions = world.actions();
        let (made, removed) = actions.split_at(5);
        assert!(made.contains(&"CreateAccessKey".to_owned()), "{refusal}: {made:?}");
        assert_eq!(removed[0], "DeleteAccessKey", "{refusal}: {removed:?}");
    }
}

/// A user that is not seen yet: each call on it is made again, and the client gets its credential.
#[test]
fn every_call_on_a_new_user_waits_until_it_is_seen() {
    for action in ["AddUserToGroup", "AttachUserPolicy", "PutUserPolicy", "CreateAccessKey", "*"] {
        let world = with_full_role();
        let after = u64::from(action == "*");
        world.fault(Fault { after, times: Some(7), ..Fault::once(action, Effect::NotFound) });
        let answer = world.root.send("GET", "aws/creds/r", None);
        assert_eq!(answer.status, 200, "{action}: {}", outcome(&answer));
    }
    // What else is missing will not come.
    let world = with_full_role();
    world.root.post("aws/roles/r", &json!({ "policy_arns": ["arn:aws:iam::123456789012:policy/absent"] }));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error attaching user policy: NoSuchEntity");
    let attached = world.actions().into_iter().filter(|action| action == "AttachUserPolicy").count();
    assert_eq!(attached, 1);
}

/// A backlog whose calls AWS leaves hanging: a client's revocation and a new credential do not wait for it.
#[test]
fn what_a_client_waits_for_is_not_behind_the_backlog() {
    let world = World::with_role();
    world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
    for _ in 0..40 {
        world.creds();
    }
    world.root.post("aws/config/lease", &json!({ "lease": "2h", "lease_max": "2h" }));
    let lease = said(&world.creds()["lease_id"]);
    world.actions();
    world.fault(Fault { times: Some(16), ..Fault::once("DeleteAccessKey", Effect::Hang) });
    world.fault(Fault { times: Some(50), ..Fault::once("DeleteUserPolicy", Effect::Hang) });
    world.wait(3600);
    asked(&world, 16);
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(world.root.send("GET", "aws/creds/r", None).status, 200);
    let before = world.users().len();
    world.account.faults().clear();
    assert_eq!(world.root.send("PUT", &format!("sys/leases/revoke/{lease}"), None).status, 204);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(world.users().len() < before);
}

/// An outage, and then few calls a second: the backlog ends about as soon as it can, the oldest first, and AWS is
/// asked for little that it does not do.
#[test]
fn after_an_outage_the_backlog_is_paced() {
    const LEASES: usize = 60;
    const CALLS_PER_SECOND: usize = 5;
    let world = World::fast(20);
    world.root.post("aws/config/lease", &json!({ "lease": "60s", "lease_max": "2h" }));
    let end = |world: &World| world.clock.now() + Duration::from_secs(60);
    let mut due = Vec::new();
    for _ in 0..LEASES {
        due.push((said(&world.creds()["data"]["access_key"]), end(&world)));
    }
    world.fault(Fault::always("*", Effect::FailBefore));
    world.actions();
    let last = due[LEASES - 1].1 + Duration::from_secs(180);
    while world.clock.now() < last {
        std::thread::sleep(Duration::from_millis(10));
    }
    let began = world.clock.now();
    world.account.faults().clear();
    world.account.faults().limit_calls(CALLS_PER_SECOND);
    assert_eq!(world.settle_soon(), 0);
    let calls = world.account.faults().calls();
    let ideal = (LEASES * 3 / CALLS_PER_SECOND) as f64;
    let took = calls.last().unwrap().unix_millis as f64 / 1e3 - began.unix_timestamp_nanos() as f64 / 1e9;
    let each = calls.len() as f64 / LEASES as f64;
    assert!(took < ideal * 1.5 + 15.0, "{took:.0} s for {ideal:.0} s, {each:.1} calls a lease");
    assert!(each < 5.0, "{took:.0} s for {ideal:.0} s, {each:.1} calls a lease");
    assert!(world.users().is_empty());
}
