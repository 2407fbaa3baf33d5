//! Leases end when they should, by an injected clock: renewed ones later, overdue ones at the next start,
//! with their token, without their role, after an outage of AWS, and never twice.

use std::collections::BTreeMap;

use leasehold::clock::Clock;
use leasehold::sandbox::{Account, Effect, Fault};
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Http, said};
use crate::wire_aws::{START, World};

const HOUR: u64 = 3600;

/// An engine on disk that issues from role `r` for an hour, at most two.
fn world() -> World {
    let world = World::with_role();
    world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
    world
}

/// A credential as its client keeps it.
#[derive(Clone, Debug)]
struct Issued {
    lease: String,
    access_key: String,
    user: String,
}

fn issue(world: &World, http: &Http) -> Issued {
    let before = world.users();
    let answer = http.get("aws/creds/r");
    let user = world.users().into_iter().find(|user| !before.contains(user)).expect("a user was made");
    Issued { lease: said(&answer["lease_id"]), access_key: said(&answer["data"]["access_key"]), user }
}

fn renew(world: &World, issued: &Issued, increment: u64) {
    let body = json!({ "lease_id": issued.lease, "increment": increment });
    assert_eq!(world.root.post("sys/leases/renew", &body)["lease_duration"], increment);
}

/// The trail's lines about the end of a credential: reason and seconds since the start.
fn ends(world: &World, issued: &Issued) -> Vec<(String, i64)> {
    let ours =
        |line: &&Value| line["event"]["name"] == "lease-revoked" && line["credential"]["lease_id"] == issued.lease;
    let lines = world.lines();
    let end = |line: &Value| {
        assert_eq!(line["credential"]["access_key_id"], issued.access_key, "{line}");
        assert_eq!(line["credential"]["iam_user"], issued.user, "{line}");
        let format = &time::format_description::well_known::Rfc3339;
        let time = time::OffsetDateTime::parse(&said(&line["time"]), format).expect("a time").unix_timestamp();
        (said(&line["event"]["reason"]), time - START)
    };
    lines.iter().filter(ours).map(end).collect()
}

fn expired(seconds: u64) -> Vec<(String, i64)> {
    vec![("expired".to_owned(), i64::try_from(seconds).unwrap())]
}

#[test]
fn leases_end_at_their_time_and_renewed_ones_later() {
    let world = world();
    let (first, renewed) = (issue(&world, &world.root), issue(&world, &world.root));
    world.wait(HOUR / 2);
    renew(&world, &renewed, HOUR);
    let late = issue(&world, &world.root);
    world.wait(HOUR / 2 - 1);
    assert_eq!((world.settle(), world.users().len()), (0, 3));
    world.wait(1);
    assert_eq!(world.settle(), 0);
    assert_eq!(ends(&world, &first), expired(HOUR));
    assert_eq!(world.users().len(), 2);
    assert!(!world.users().contains(&first.user));
    world.wait(HOUR / 2);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(ends(&world, &renewed), expired(HOUR * 3 / 2));
    assert_eq!(ends(&world, &late), expired(HOUR * 3 / 2));
    assert!(world.deletions().iter().all(|(_, times)| *times == 1), "{:?}", world.deletions());
}

#[test]
fn what_ended_while_the_engine_was_down_ends_at_its_start_and_the_rest_at_its_time() {
    let mut world = world();
    let overdue = issue(&world, &world.root);
    let renewed = issue(&world, &world.root);
    world.wait(HOUR / 2);
    renew(&world, &renewed, HOUR);
    // Its role is gone when its time comes.
    world.root.send("DELETE", "aws/roles/r", None);
    world.restart_after(HOUR * 3 / 4);
    assert_eq!((world.settle(), world.users()), (0, vec![renewed.user.clone()]));
    assert_eq!(ends(&world, &overdue), expired(HOUR * 5 / 4));
    world.wait(HOUR / 4 - 1);
    assert_eq!((world.settle(), world.users().len()), (0, 1));
    world.wait(1);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(ends(&world, &renewed), expired(HOUR * 3 / 2));
    // Another start finds nothing to do.
    world.account.faults().clear_calls();
    world.restart_after(HOUR);
    assert_eq!((world.settle(), world.actions()), (0, vec![]));
}

#[test]
fn the_end_of_a_token_is_the_end_of_its_leases_also_while_the_engine_is_down() {
    let mut world = world();
    let token = |world: &World, ttl: &str| {
        let made = world.root.post("auth/token/create", &json!({ "policies": ["root"], "ttl": ttl }));
        world.root.with_token(&said(&made["auth"]["client_token"]))
    };
    let (short, long) = (token(&world, "10m"), token(&world, "20m"));
    let (first, second) = (issue(&world, &short), issue(&world, &long));
    let roots = issue(&world, &world.root);
    world.wait(600);
    assert_eq!((world.settle(), world.users().len()), (0, 2));
    assert_eq!(ends(&world, &first).iter().map(|(_, at)| *at).collect::<Vec<_>>(), [600]);
    world.restart_after(900);
    assert_eq!((world.settle(), world.users()), (0, vec![roots.user.clone()]));
    assert_eq!(ends(&world, &second).iter().map(|(_, at)| *at).collect::<Vec<_>>(), [1500]);
    world.wait(HOUR - 1500);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(ends(&world, &roots), expired(HOUR));
}

#[test]
fn an_outage_of_iam_puts_the_end_off_with_patience_and_ends_nothing_twice() {
    let mut world = world();
    let issued: Vec<Issued> = (0..4).map(|_| issue(&world, &world.root)).collect();
    world.fault(Fault::always("*", Effect::FailBefore));
    world.wait(HOUR);
    assert_eq!(world.settle(), 4);
    world.account.faults().clear_calls();
    // Ten minutes, and a restart in the middle.
    for second in (5..=600).step_by(5) {
        if second == 300 {
            world.restart_after(5);
        } else {
            world.wait(5);
        }
        assert_eq!(world.settle(), 4);
    }
    let mut asked = BTreeMap::<i64, usize>::new();
    for call in world.account.faults().calls() {
        *asked.entry(call.unix_millis / 60_000).or_default() += 1;
    }
    // At most a few calls of each lease in a minute, but never a minute and a bit without any.
    assert!(asked.len() >= 9, "{asked:?}");
    assert!(asked.values().all(|calls| *calls <= 60), "{asked:?}");
    world.account.faults().clear();
    world.wait(75);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(world.deletions().len(), 4);
    assert!(world.deletions().iter().all(|(_, times)| *times == 1), "{:?}", world.deletions());
    for one in &issued {
        assert_eq!(ends(&world, one).len(), 1);
    }
}

#[test]
fn a_lost_answer_of_the_last_call_ends_the_lease_once() {
    let world = world();
    let issued = issue(&world, &world.root);
    world.fault(Fault::once("DeleteUser", Effect::DropAfter));
    world.wait(HOUR);
    world.settle_all();
    assert!(world.users().is_empty());
    assert_eq!(ends(&world, &issued).len(), 1);
}

/// Embedded commands run for moments; what is overdue ends with the next one, whatever it is about.
#[test]
fn a_command_on_an_embedded_engine_ends_what_is_overdue_before_it_returns() {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    env.set("LEASEHOLD_DIR", estate.to_str().unwrap());
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["write", "aws/config/lease", "lease=1s", "lease_max=1s"]);
    env.ok(&["read", "aws/creds/webapp"]);
    let list = ["list", "sys/leases/lookup/aws/creds/webapp"];
    // The real clock runs here: by the time that a command finds no lease any more, or shortly after...
    while env.run(&list).code == 0 {}
    // ...one command has found it overdue and has not returned before its user was gone.
    let account = Account::open(Some(&estate.join(".leasehold/local/sandbox")), Clock::system()).unwrap();
    assert_eq!(account.user_names("/leasehold/"), Vec::<String>::new());
    let rows = env.ok(&["trail", "--json"]);
    let row: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    assert!(["revoked", "expired"].contains(&said(&row["state"]).as_str()), "{row}");
}
