//! What AWS does that no request can see: calls that take effect after their answer was given up, users that
//! become visible late, limits on calls per second, and a mount that is pointed at another account.

use std::time::Duration;

use leasehold::sandbox::{Effect, Fault};
use serde_json::json;

use crate::wire_aws::{World, outcome, refused, said};

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
