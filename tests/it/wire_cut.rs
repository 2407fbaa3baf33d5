//! Sessions cut off by `revoke-force`: what is told before, what it does in AWS, and that it ends.

use std::time::{Duration, Instant};

use leasehold::sandbox::{Effect, Fault, ROOT_SECRET, SECOND_ROOT_ACCESS_KEY};
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::said;
use crate::wire_aws::{World, refused};
use crate::wire_sts::{role, tried, world};

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const FORCE: &str = "sys/leases/revoke-force/aws/creds/r";

fn armed() -> World {
    let world = world();
    role(&world, json!({}));
    world.root.post("sys/mounts/aws/tune", &json!({ "options": { "emergency_revocation": "true" } }));
    world
}

/// How many leases of cuts there are.
fn cuts(world: &World) -> usize {
    let listed = world.root.send("GET", "sys/leases/lookup/aws/emergency/deploy?list=true", None);
    listed.body["data"]["keys"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_mount_that_does_not_say_so_cuts_nothing_off() {
    let world = world();
    role(&world, json!({}));
    let lent = world.root.get("aws/creds/r");
    for value in [None, Some("false")] {
        if let Some(value) = value {
            world.root.post("sys/mounts/aws/tune", &json!({ "options": { "emergency_revocation": value } }));
        }
        assert_eq!(world.root.get(FORCE)["data"], json!({ "leases": 1, "cut_off": [] }));
    }
    world.actions();
    assert_eq!(world.root.post(FORCE, &json!({}))["data"], json!({ "revoked": 1 }));
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(tried(&world, &lent["data"], "users"), "ok");
    let odd = json!({ "options": { "emergency_revocation": "yes" } });
    refused(&world.root.send("POST", "sys/mounts/aws/tune", Some(&odd)), 400, "is true or false");
}

#[test]
fn all_sessions_issued_before_are_denied_until_the_last_would_have_ended() {
    let mut world = armed();
    world.root.post("aws/roles/other", &json!({ "credential_type": "assumed_role", "role_arns": ROLE }));
    let lent = world.root.get("aws/creds/r?ttl=20m");
    let another = world.root.get("aws/creds/other?ttl=30m");
    // Asking changes nothing.
    let told = world.root.get(FORCE)["data"].clone();
    let cut = &told["cut_off"][0];
    assert_eq!((&cut["role_arn"], &cut["sessions"]), (&json!(ROLE), &json!(1)));
    assert_eq!(cut["other_sessions"], json!({ "aws/creds/other": 1 }));
    assert_eq!(tried(&world, &lent["data"], "users"), "ok");

    world.actions();
    let done = world.root.post(FORCE, &json!({}))["data"].clone();
    assert_eq!((&done["revoked"], &done["cut_off"]), (&json!(1), &told["cut_off"]));
    assert!(world.actions().contains(&"PutRolePolicy".to_owned()));
    for lent in [&lent, &another] {
        assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
    }
    let line = world.lines().into_iter().rfind(|line| line["event"]["name"] == "sessions-cut-off").unwrap();
    assert!(said(&line["event"]["detail"]).contains(ROLE), "{line}");

    // What is issued from then on is not concerned.
    world.wait(2);
    let after = world.root.get("aws/creds/r?ttl=1h");
    assert_eq!(tried(&world, &after["data"], "users"), "ok");

    // It is nobody's: the lease of it outlives whoever asked, and a stop.
    assert_eq!(cuts(&world), 1);
    world.restart_after(900);
    world.settle_all();
    assert_eq!((cuts(&world), tried(&world, &another["data"], "users").as_str()), (1, "AccessDenied"));
    world.actions();
    world.wait(900);
    world.settle_all();
    let (left, asked) = (cuts(&world), world.actions());
    assert!(left == 0 && asked.contains(&"DeleteRolePolicy".to_owned()), "{left} {asked:?}");
    assert_eq!(tried(&world, &after["data"], "users"), "ok");
    assert!(world.events().contains(&"lease-revoked expired".to_owned()));
}

/// Revoking a leaked credential is what people do first.
#[test]
fn a_session_whose_lease_has_ended_is_cut_off_as_well() {
    let mut world = armed();
    let leaked = world.root.get("aws/creds/r?ttl=2h");
    let short = world.root.get("aws/creds/r?ttl=15m");
    world.root.post("sys/leases/revoke", &json!({ "lease_id": leaked["lease_id"], "sync": true }));
    assert_eq!(tried(&world, &leaked["data"], "users"), "ok", "that does not end it");
    // It is not forgotten by a stop, nor is it anybody else's.
    world.restart_after(1);
    assert_eq!(world.root.get("sys/leases/revoke-force/aws/creds/other")["data"]["cut_off"], json!([]));
    let told = world.root.get(FORCE)["data"]["cut_off"][0].clone();
    assert_eq!(
        (&told["sessions"], &told["ended_sessions"], &told["other_sessions"]),
        (&json!(1), &json!(1), &json!({}))
    );
    let done = world.root.post(FORCE, &json!({}));
    assert_eq!(done["data"]["cut_off"][0], told);
    for lent in [&leaked, &short] {
        assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
    }
    // For as long as the longer of them would have worked.
    world.wait(16 * 60);
    world.settle_all();
    assert_eq!((cuts(&world), tried(&world, &leaked["data"], "users").as_str()), (1, "AccessDenied"));
    // What is held off already is not cut off again, with whoever came since.
    let since = world.root.get("aws/creds/r?ttl=30m");
    let again = world.root.get("sys/leases/revoke-force/aws/creds/r/none")["data"].clone();
    assert_eq!(again["cut_off"], json!([]));
    world.root.post("sys/leases/revoke", &json!({ "lease_id": since["lease_id"], "sync": true }));
    let both = world.root.get(FORCE)["data"]["cut_off"][0].clone();
    assert_eq!((&both["sessions"], &both["until"]), (&json!(0), &told["until"]), "{both}");
    world.root.post(FORCE, &json!({}));
    assert_eq!(tried(&world, &since["data"], "users"), "AccessDenied");
    world.wait(2 * 3600);
    world.settle_all();
    assert_eq!(cuts(&world), 0);
    // With no lease and no session left there is nothing to say, and nothing is kept.
    assert_eq!(world.root.get(FORCE)["data"]["cut_off"], json!([]));
    assert!(said(&world.root.post(FORCE, &json!({}))["warnings"][0]).starts_with("no lease begins with"));
}

#[test]
fn what_is_cut_off_stays_so_whoever_gives_up_all_of_the_mount() {
    let world = armed();
    let lent = world.root.get("aws/creds/r?ttl=1h");
    for (path, body) in [
        ("sys/leases/revoke-force/aws", json!({})),
        ("sys/leases/revoke-force/aws", json!({})),
        ("sys/leases/revoke-prefix/aws", json!({ "sync": true })),
        ("sys/leases/revoke-prefix/aws", json!({ "sync": false })),
    ] {
        let told = world.root.post(path, &body);
        world.settle();
        assert_eq!(
            (cuts(&world), tried(&world, &lent["data"], "users").as_str()),
            (1, "AccessDenied"),
            "{path} {body}"
        );
        let is_first = told["data"]["revoked"] == 1;
        let warned = told["warnings"][0]
            .as_str()
            .is_some_and(|text| text.contains("holds sessions off in an emergency, and stays"));
        assert_eq!(is_first, !warned, "{told}");
        world.wait(2);
    }
    // Who names them lets loose what they hold off.
    assert_eq!(world.root.post("sys/leases/revoke-force/aws/emergency", &json!({}))["data"]["revoked"], 1);
    assert_eq!((cuts(&world), tried(&world, &lent["data"], "users").as_str()), (0, "ok"));
}

#[test]
fn who_revokes_a_session_that_nothing_ends_is_told_until_when_it_works() {
    let world = world();
    role(&world, json!({}));
    let lease = |lent: &serde_json::Value| said(&lent["lease_id"]);
    let works = "AWS has no way to end a session: that of one lease works until 20";
    let one = world.root.get("aws/creds/r?ttl=1h");
    let told = world.root.post("sys/leases/revoke", &json!({ "lease_id": lease(&one), "sync": true }));
    assert!(said(&told["warnings"][0]).starts_with(works), "{told}");
    world.root.get("aws/creds/r?ttl=1h");
    let told = world.root.post("sys/leases/revoke-prefix/aws/creds/r", &json!({}));
    assert!(said(&told["warnings"][0]).starts_with(works), "{told}");
    for _ in 0..2 {
        world.root.get("aws/creds/r?ttl=1h");
    }
    // Off, there is nothing that force could do either.
    let told = world.root.post(FORCE, &json!({}));
    assert!(
        said(&told["warnings"][0]).starts_with("AWS has no way to end sessions: those of 2 leases work on"),
        "{told}"
    );

    // What is cut off works no more, and nothing is said of it.
    let world = armed();
    world.root.get("aws/creds/r?ttl=1h");
    assert_eq!(world.root.post(FORCE, &json!({}))["warnings"], serde_json::Value::Null);
}

/// The policies that a cut has put on the role.
fn policies(world: &World) -> Vec<String> {
    let mut names = Vec::new();
    world.behind(async |iam| {
        names = iam.list_role_policies().role_name("deploy").send().await.unwrap().policy_names;
    });
    names.retain(|name| name.starts_with("leasehold-revoked-"));
    names
}

#[test]
fn who_asks_in_the_second_of_a_cut_waits_until_it_is_over() {
    let mut world = armed();
    world.root.get("aws/creds/r");
    world.root.post(FORCE, &json!({}));
    for restarts in [false, true] {
        if restarts {
            world.root.get("aws/creds/r");
            world.root.post(FORCE, &json!({}));
            world.restart_after(0);
        }
        let lent = std::thread::scope(|scope| {
            let asked = scope.spawn(|| world.root.get("aws/creds/r"));
            let end = Instant::now() + Duration::from_millis(300);
            while Instant::now() < end {
                assert!(!asked.is_finished(), "a session was issued in the second that is cut off");
                std::thread::yield_now();
            }
            world.wait(1);
            asked.join().unwrap()
        });
        assert_eq!(tried(&world, &lent["data"], "users"), "ok");
        world.root.post(FORCE, &json!({}));
        assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
        world.wait(2);
    }
}

#[test]
fn a_session_that_is_cut_off_while_it_is_issued_is_not_handed_out() {
    let world = armed();
    world.root.get("aws/creds/r");
    world.actions();
    world.fault(Fault::once("AssumeRole", Effect::Delay(Duration::from_secs(10))));
    let refusal = std::thread::scope(|scope| {
        let asked = scope.spawn(|| world.root.send("GET", "aws/creds/r", None));
        while world.account.faults().calls().iter().all(|call| call.action != "AssumeRole") {
            std::thread::yield_now();
        }
        world.root.post(FORCE, &json!({}));
        world.wait(10);
        asked.join().unwrap()
    });
    refused(&refusal, 400, "are cut off, and so is this one");
    world.settle_all();
    let left = world.root.send("GET", "sys/leases/lookup/aws/creds/r?list=true", None);
    assert_eq!(left.status, 404, "no lease is left: {}", left.body);
}

#[test]
fn a_further_cut_takes_the_place_of_the_one_that_stands() {
    let mut world = armed();
    let long = world.root.get("aws/creds/r?ttl=2h");
    world.root.post(FORCE, &json!({}));
    for _ in 0..70 {
        world.wait(1);
        let lent = world.root.get("aws/creds/r?ttl=15m");
        assert_eq!(tried(&world, &lent["data"], "users"), "ok");
        world.root.post(FORCE, &json!({}));
        assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
    }
    assert_eq!((cuts(&world), policies(&world).len()), (1, 1));
    // It stands for the longest of all that it has cut off.
    world.wait(3600);
    world.settle_all();
    assert_eq!((cuts(&world), tried(&world, &long["data"], "users").as_str()), (1, "AccessDenied"));

    // Without AWS's answer nothing that was cut is let go, also not by a stop.
    let lent = world.root.get("aws/creds/r?ttl=15m");
    world.fault(Fault::always("PutRolePolicy", Effect::FailAfter));
    assert_eq!(world.root.send("POST", FORCE, Some(&json!({}))).status, 400);
    world.account.faults().clear();
    world.restart_after(1);
    world.settle_all();
    assert_eq!((cuts(&world), tried(&world, &long["data"], "users").as_str()), (1, "AccessDenied"));
    world.root.post(FORCE, &json!({}));
    assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
    world.wait(3600);
    world.settle_all();
    assert_eq!((cuts(&world), policies(&world).len()), (0, 0));
}

#[test]
fn a_role_that_is_gone_has_no_sessions_to_cut_off() {
    let world = armed();
    world.root.get("aws/creds/r");
    world.behind(async |iam| {
        iam.delete_role_policy().role_name("deploy").policy_name("p").send().await.unwrap();
        iam.delete_role().role_name("deploy").send().await.unwrap();
    });
    let done = world.root.post(FORCE, &json!({}))["data"].clone();
    assert_eq!((&done["revoked"], &done["cut_off"][0]["role_is_gone"]), (&json!(1), &json!(true)), "{done}");
    assert_eq!(cuts(&world), 0);
    let line = world.lines().into_iter().rfind(|line| line["event"]["name"] == "role-is-gone").unwrap();
    assert!(said(&line["event"]["detail"]).contains(ROLE), "{line}");
}

#[test]
fn it_is_lifted_by_the_end_of_its_lease() {
    let world = armed();
    let lent = world.root.get("aws/creds/r");
    world.root.post(FORCE, &json!({}));
    assert_eq!(tried(&world, &lent["data"], "users"), "AccessDenied");
    world.root.post("sys/leases/revoke-prefix/aws/emergency/deploy", &json!({}));
    assert_eq!(tried(&world, &lent["data"], "users"), "ok");
    assert_eq!(cuts(&world), 0);
}

#[test]
fn where_it_fails_no_lease_is_given_up() {
    let world = armed();
    let lent = world.root.get("aws/creds/r");
    let leases =
        || world.root.get("sys/leases/lookup/aws/creds/r?list=true")["data"]["keys"].as_array().map_or(0, Vec::len);
    world.fault(Fault::once("PutRolePolicy", Effect::Deny));
    refused(&world.root.send("POST", FORCE, Some(&json!({}))), 400, "Error cutting off the sessions of");
    assert_eq!((leases(), cuts(&world)), (1, 0), "AWS did nothing, so nothing is left");
    assert_eq!(tried(&world, &lent["data"], "users"), "ok");
    world.account.faults().clear();

    // An answer that never comes: what may be there is removed again, and looked for once more a minute later.
    world.fault(Fault::always("PutRolePolicy", Effect::FailAfter));
    let unknown = world.root.send("POST", FORCE, Some(&json!({})));
    assert_eq!((unknown.status, leases()), (400, 1), "{}", unknown.body);
    world.account.faults().clear();
    world.settle();
    assert_eq!((cuts(&world), tried(&world, &lent["data"], "users").as_str()), (1, "ok"));
    world.wait(60);
    world.settle_all();
    assert_eq!(cuts(&world), 0);

    // Where config/root leads elsewhere by now, a role of the same name there is not touched.
    world.account.faults().open_second_account();
    let second = json!({ "access_key": SECOND_ROOT_ACCESS_KEY, "secret_key": ROOT_SECRET });
    world.root.post("aws/config/root", &second);
    refused(&world.root.send("POST", FORCE, Some(&json!({}))), 400, "is not in account 210987654321");
    assert_eq!((leases(), cuts(&world)), (1, 0));
}

#[test]
fn people_are_told_before_and_after() {
    let mut env = TestEnv::new();
    env.copy_tree("examples/assumed-role", ".");
    let account = ["--data-dir", ".leasehold/local/sandbox"];
    let call = |env: &TestEnv, arguments: &[&str]| env.ok(&[&["sandbox", "call"][..], &account, arguments].concat());
    call(&env, &["CreateRole", "RoleName=deploy", "AssumeRolePolicyDocument=@iam/deploy-trust.json"]);
    call(&env, &["PutRolePolicy", "RoleName=deploy", "PolicyName=p", "PolicyDocument=@iam/deploy.json"]);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["write", "sys/mounts/aws/tune", "options=emergency_revocation=true"]);
    let lent: Value = serde_json::from_str(&env.ok(&["creds", "site", "--format", "process"])).unwrap();
    for (name, field) in [
        ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
        ("AWS_SESSION_TOKEN", "SessionToken"),
    ] {
        env.set(name, said(&lent[field]));
    }
    let asked = |env: &TestEnv| {
        let may = ["s3:PutObject", "arn:aws:s3:::example-site/index.html"];
        env.run(&[&["sandbox", "may"][..], &account, &may].concat()).code
    };
    assert_eq!(asked(&env), 0);
    let done = env.run(&["lease", "revoke", "-force", "-prefix", "aws/creds/site"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let will = "This will cut off all sessions of arn:aws:iam::123456789012:role/deploy";
    let (before, after) = (done.stderr.find(will), done.stderr.find("Cut off: all sessions of"));
    assert!(before.is_some() && before < after, "{}", done.stderr);
    assert!(done.stderr.contains("and those that others opened"), "{}", done.stderr);
    assert_eq!(asked(&env), 3);
}
