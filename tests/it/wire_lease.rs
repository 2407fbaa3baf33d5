//! Leases over HTTP: the cases of `tests/data/wire.md` (L), by the engine's clock, over restarts, and one test for each published flaw of that kind.

use leasehold::engine::AwsTransport;
use leasehold::sandbox::{self, Effect, Fault};
use serde_json::{Value, json};

use crate::env::InTestEngine;
use crate::http::{Answer, Http, outcome, said};
use crate::wire_aws::{START, World, refused};

/// A world with `r`, and leases of 30 minutes and at most 12 hours.
fn world() -> World {
    let world = World::with_role();
    world.root.post("aws/config/lease", &json!({ "lease": "30m", "lease_max": "12h" }));
    world
}

fn renew(http: &Http, lease: &str, increment: i64) -> Answer {
    http.send("PUT", "sys/leases/renew", Some(&json!({ "lease_id": lease, "increment": increment })))
}

fn lookup(world: &World, lease: &str) -> Value {
    world.root.post("sys/leases/lookup", &json!({ "lease_id": lease }))["data"].clone()
}

fn token(world: &World, parameters: &Value) -> Http {
    world.root.with_token(&said(&world.root.post("auth/token/create", parameters)["auth"]["client_token"]))
}

#[test]
fn a_lease_lasts_as_its_configuration_says() {
    // L1, L2
    let world = World::with_role();
    assert_eq!(world.creds()["lease_duration"], 2_764_800);
    world.root.post("aws/config/lease", &json!({ "lease": "30m", "lease_max": "12h" }));
    assert_eq!(world.creds()["lease_duration"], 1800);
    // L3, L32
    world.root.post("sys/mounts/aws/tune", &json!({ "max_lease_ttl": "10m" }));
    let capped = world.creds();
    assert_eq!(capped["lease_duration"], 600);
    assert_eq!(
        capped["warnings"],
        json!([r#"TTL of "30m" exceeded the effective max_ttl of "10m"; TTL value is capped accordingly"#])
    );
}

#[test]
fn renewal_counts_from_now_and_stops_at_the_maximum() {
    let world = world();
    let id = said(&world.creds()["lease_id"]);
    world.wait(600);
    // L4, L5
    let renewed = renew(&world.root, &id, 3600);
    assert_eq!((renewed.status, &renewed.body["data"]), (200, &Value::Null));
    assert_eq!((&renewed.body["lease_id"], &renewed.body["lease_duration"]), (&json!(id), &json!(3600)));
    assert_eq!(renew(&world.root, &id, 60).body["lease_duration"], 60);
    // L8
    world.root.post("aws/config/lease", &json!({ "lease": "5m", "lease_max": "12h" }));
    assert_eq!(renew(&world.root, &id, 0).body["lease_duration"], 300);
    // L6: by other spellings of the same request
    for (hours, path) in [(3, "sys/leases/renew"), (6, "sys/renew"), (9, "sys/leases/renew")] {
        let answer = world.root.send("PUT", &format!("{path}/{id}"), Some(&json!({ "increment": "4h" })));
        assert_eq!(answer.body["lease_duration"], 14_400, "{}", outcome(&answer));
        let passed = u64::try_from(world.clock.now().unix_timestamp() - START).unwrap();
        world.wait(hours * 3600 - passed);
    }
    renew(&world.root, &id, 4 * 3600);
    world.wait(2 * 3600 + 45 * 60);
    let capped = renew(&world.root, &id, 3600);
    assert_eq!(capped.body["lease_duration"], 900);
    assert!(said(&capped.body["warnings"][0]).starts_with(r#"TTL of "1h" exceeded the effective max_ttl of "15m""#));
    // CVE-2021-32923: in the last second there is a second left, not all of time.
    world.wait(899);
    assert_eq!(renew(&world.root, &id, 3600).body["lease_duration"], 1);
    world.wait(1);
    // L7
    let late = renew(&world.root, &id, 3600);
    assert!(["400 lease not found", "400 lease expired"].contains(&outcome(&late).as_str()), "{}", outcome(&late));
    assert_eq!(world.settle(), 0);
    assert!(world.users().is_empty());
}

#[test]
fn what_cannot_be_renewed_or_looked_up_is_said() {
    let world = world();
    // L10, L11, L12, L7
    refused(&renew(&world.root, "", 0), 400, "lease_id must be specified");
    refused(&world.root.send("PUT", "sys/leases/renew", None), 400, "lease_id must be specified");
    refused(&renew(&world.root, "auth/token/create/x", 0), 400, "tokens cannot be renewed through this endpoint");
    refused(&renew(&world.root, "aws/creds/r/none", 0), 400, "lease not found");
    let none = json!({ "lease_id": "aws/creds/r/none" });
    refused(&world.root.send("PUT", "sys/leases/lookup", Some(&none)), 400, "invalid lease");
    refused(&world.root.send("PUT", "sys/leases/lookup", None), 400, "lease_id must be specified");
    refused(&world.root.send("PUT", "sys/leases/revoke", None), 400, "lease_id must be specified");
    refused(&renew(&world.root, "aws/creds/r/none", -5), 400, "cannot provide negative value");
    refused(&world.root.send("GET", "sys/leases/count", None), 400, "type");
    refused(&world.root.send("GET", "sys/leases/count?type=expired", None), 400, "invalid lease type");
    // Extreme increments are capped, and never zero.
    let id = said(&world.creds()["lease_id"]);
    let huge = world.root.send("PUT", "sys/leases/renew", Some(&json!({ "lease_id": id, "increment": i64::MAX })));
    assert_eq!(huge.body["lease_duration"], 43_200, "{}", outcome(&huge));
}

#[test]
fn lookup_and_list_show_leases() {
    let world = world();
    // L14
    assert_eq!(world.root.send("LIST", "sys/leases/lookup/aws/creds/r", None).status, 404);
    let id = said(&world.creds()["lease_id"]);
    world.creds();
    // L13
    let before = lookup(&world, &id);
    assert_eq!((&before["id"], &before["path"]), (&json!(id), &json!("aws/creds/r")));
    assert_eq!(
        (&before["ttl"], &before["renewable"], &before["state"]),
        (&json!(1800), &json!(true), &json!("active"))
    );
    assert_eq!((&before["last_renewal"], &before["issue_time"]), (&Value::Null, &json!("2026-09-21T14:13:20Z")));
    world.wait(60);
    renew(&world.root, &id, 600);
    let after = lookup(&world, &id);
    assert_eq!((&after["last_renewal"], &after["ttl"]), (&json!("2026-09-21T14:14:20Z"), &json!(600)));
    for prefix in ["aws/creds", "aws/creds/"] {
        let list = world.root.send("LIST", &format!("sys/leases/lookup/{prefix}"), None);
        assert_eq!(list.body["data"]["keys"], json!(["r/"]), "{prefix}");
    }
    let list = world.root.get("sys/leases/lookup/aws/creds/r?list=true");
    let keys = list["data"]["keys"].as_array().unwrap().clone();
    assert!(keys.len() == 2 && keys.iter().all(|key| said(key).len() == 24), "{keys:?}");
    // L14, L21: sudo
    let rules = "path \"sys/leases/*\" { capabilities = [\"update\", \"list\", \"read\"] }";
    world.root.post("sys/policies/acl/leases", &json!({ "policy": rules }));
    let limited = token(&world, &json!({ "policies": ["leases"] }));
    for (method, path) in [
        ("LIST", "sys/leases/lookup/aws/creds"),
        ("PUT", "sys/leases/revoke-prefix/aws"),
        ("PUT", "sys/leases/revoke-force/aws"),
        ("GET", "sys/leases?type=irrevocable"),
    ] {
        refused(&limited.send(method, path, None), 403, "permission denied");
    }
    assert_eq!(renew(&limited, &id, 60).status, 200);
    // L31
    let tidy = world.root.send("PUT", "sys/leases/tidy", None);
    assert!(tidy.status == 202 && said(&tidy.body["warnings"][0]).starts_with("Tidy operation successfully started"));
}

#[test]
fn only_who_may_end_a_lease_may_shorten_it() {
    let world = world();
    let own = token(&world, &json!({ "policies": ["root"], "ttl": "10h" }));
    let rules = "path \"sys/leases/revoke\" { capabilities = [\"update\"] }";
    world.root.post("sys/policies/acl/ender", &json!({ "policy": rules }));
    let default = token(&world, &json!({ "policies": ["default"] }));
    let ender = token(&world, &json!({ "policies": ["default", "ender"] }));
    for (caller, increment, left) in [
        (&default, 1, 1800),
        (&default, 1799, 1800),
        (&default, 3600, 3600),
        (&ender, 1, 1),
        (&own, 1, 1),
        (&world.root, 1, 1),
    ] {
        let id = said(&own.get("aws/creds/r")["lease_id"]);
        for path in ["sys/leases/renew", "sys/renew"] {
            let renewed = caller.post(path, &json!({ "lease_id": id, "increment": increment }));
            assert_eq!(renewed["lease_duration"], left, "{path} {increment}");
            let kept = increment < left;
            assert_eq!(renewed["warnings"].is_array(), kept, "{path} {increment}: {renewed}");
        }
        let found = world.root.post("sys/leases/lookup", &json!({ "lease_id": id }));
        assert_eq!(found["data"]["ttl"], left, "{increment}");
    }
}

#[test]
fn revocation_is_over_when_it_is_answered_unless_asked_otherwise() {
    let world = world();
    let mut ids: Vec<String> = (0..5).map(|_| said(&world.creds()["lease_id"])).collect();
    // L15, L17, L18, L29, by body and by path
    assert_eq!(world.root.send("PUT", "sys/leases/revoke/aws/creds/r/none", None).status, 204);
    let id = ids.remove(0);
    assert_eq!(world.root.send("PUT", &format!("sys/leases/revoke/{id}"), None).status, 204);
    assert_eq!(world.users().len(), 4);
    let id = ids.remove(0);
    assert_eq!(world.root.send("PUT", "sys/revoke", Some(&json!({ "lease_id": id }))).status, 204);
    assert_eq!((world.users().len(), world.leases()), (3, 3));
    // L16
    let id = ids.remove(0);
    let later = world.root.send("PUT", &format!("sys/leases/revoke/{id}"), Some(&json!({ "sync": false })));
    assert_eq!(later.status, 202);
    assert_eq!(world.settle(), 0);
    assert_eq!(world.users().len(), 2);
    // L22
    world.root.send("DELETE", "aws/roles/r", None);
    assert_eq!(world.root.send("PUT", "sys/leases/revoke-prefix/aws/creds/r", None).status, 200);
    assert!(world.users().is_empty());
    assert_eq!(world.root.send("LIST", "sys/leases/lookup/aws", None).status, 404);
    assert_eq!(world.events().len(), 5);
}

#[test]
fn a_bulk_revocation_goes_on_past_failures_and_reports_them() {
    let world = world();
    let mut ids: Vec<String> = (0..3).map(|_| said(&world.creds()["lease_id"])).collect();
    ids.sort();
    // L19: one of three fails
    world.fault(Fault::once("DeleteUser", Effect::Deny));
    let answer = world.root.send("PUT", "sys/leases/revoke-prefix/aws/creds", None);
    refused(&answer, 400, " / 3): deleting the user of IAM user");
    assert!(outcome(&answer).starts_with("400 failed to revoke \"aws/creds/r/"), "{}", outcome(&answer));
    assert_eq!((world.users().len(), world.leases()), (1, 1));
    // L20
    world.fault(Fault::always("DeleteUser", Effect::Deny));
    let forced = world.root.send("PUT", "sys/revoke-force/aws", None);
    assert_eq!((forced.status, &forced.body["data"]["revoked"]), (200, &json!(0)));
    let given_up = forced.body["data"]["given_up"].as_array().unwrap();
    assert!(given_up.len() == 1 && ids.contains(&said(&given_up[0])), "{given_up:?}");
    assert_eq!((world.users().len(), world.leases()), (1, 0), "given up by force, as the trail says");
    assert_eq!(world.events().last().map(String::as_str), Some("lease-revoked forced"));
}

#[test]
fn leases_end_with_their_token() {
    let world = world();
    // L23, L24
    let parent = token(&world, &json!({ "policies": ["root"], "ttl": "1h" }));
    let child = parent.post("auth/token/create", &json!({ "policies": ["root"], "ttl": "1h" }));
    let child = world.root.with_token(&said(&child["auth"]["client_token"]));
    let orphan = parent.post("auth/token/create-orphan", &json!({ "policies": ["root"], "ttl": "1h" }));
    let orphan = world.root.with_token(&said(&orphan["auth"]["client_token"]));
    for http in [&parent, &parent, &child, &orphan] {
        http.get("aws/creds/r");
    }
    parent.send("POST", "auth/token/revoke-self", None);
    assert_eq!(world.settle(), 0);
    // L25
    assert_eq!(world.users().len(), 1);
    // A token that ends by itself takes its leases along, long before their own end.
    world.root.post("aws/config/lease", &json!({ "lease": "10h", "lease_max": "12h" }));
    orphan.get("aws/creds/r");
    world.wait(3600);
    assert_eq!(world.settle(), 0);
    assert!(world.users().is_empty());
    // L26
    let once = token(&world, &json!({ "policies": ["root"], "num_uses": 1 }));
    refused(&once.send("GET", "aws/creds/r", None), 400, "Secret cannot be returned; token had one use left");
    assert_eq!(world.settle(), 0);
    assert!(world.users().is_empty());
}

#[test]
fn leases_end_on_time_and_not_before() {
    let world = world();
    world.creds();
    world.wait(600);
    world.creds();
    world.wait(1199);
    assert_eq!((world.settle(), world.users().len()), (0, 2));
    world.wait(1);
    assert_eq!((world.settle(), world.users().len(), world.leases()), (0, 1, 1));
    world.wait(600);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(world.events(), ["lease-revoked expired", "lease-revoked expired"]);
}

#[test]
fn a_restart_revokes_what_is_overdue_once_and_keeps_the_rest() {
    // L28, Vault 0.10.2: what fell due while the engine was down is not forgotten.
    let mut world = world();
    for _ in 0..5 {
        world.creds();
    }
    world.wait(1000);
    let kept = said(&world.creds()["lease_id"]);
    world.account.faults().clear_calls();
    world.restart_after(900);
    assert_eq!((world.settle(), world.users().len()), (0, 1));
    let deletions = world.actions().into_iter().filter(|action| action == "DeleteUser").count();
    assert_eq!(deletions, 5, "each once");
    assert_eq!(lookup(&world, &kept)["ttl"], 900);
    assert_eq!(renew(&world.root, &kept, 60).body["lease_duration"], 60);
    world.restart_after(60);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
}

#[test]
fn an_outage_of_aws_only_delays_the_end() {
    let mut world = world();
    for _ in 0..4 {
        world.creds();
    }
    world.fault(Fault::always("*", Effect::FailBefore));
    world.wait(1800);
    assert_eq!(world.settle(), 4);
    // Tried at least once a minute, whatever it costs; also by an engine that starts meanwhile.
    for _ in 0..5 {
        world.wait(60);
        assert_eq!(world.settle(), 4);
    }
    world.restart_after(600);
    assert_eq!(world.settle(), 4);
    world.account.faults().clear();
    world.wait(60);
    assert_eq!((world.settle(), world.users().len()), (0, 0));
}

#[test]
fn unmounting_revokes_first_and_stays_when_it_cannot() {
    // L30, CVE-2019-18616
    let world = world();
    world.creds();
    world.fault(Fault::once("DeleteUser", Effect::Deny));
    refused(&world.root.send("DELETE", "sys/mounts/aws", None), 400, "failed to revoke \"aws/creds/r/");
    assert_eq!(world.users().len(), 1);
    assert!(world.root.get("sys/mounts")["data"]["aws/"].is_object());
    refused(&world.root.send("GET", "aws/creds/r", None), 404, "unsupported path");
    assert_eq!(world.root.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert_eq!((world.users().len(), world.settle()), (0, 0));
}

#[test]
fn tokens_and_mounts_that_end_during_an_issue_take_the_credential_along() {
    let world = world();
    let http = token(&world, &json!({ "policies": ["root"] }));
    for round in 0..20 {
        let http = if round % 2 == 0 { http.clone() } else { token(&world, &json!({ "policies": ["root"] })) };
        let issuing = http.clone();
        let issue = std::thread::spawn(move || issuing.send("GET", "aws/creds/r", None).status);
        if round % 2 == 1 {
            http.send("POST", "auth/token/revoke-self", None);
        }
        let status = issue.join().unwrap();
        assert!([200, 400, 403].contains(&status), "{status}");
        if round % 2 == 1 {
            world.settle_all();
            let live = world.users().len();
            assert_eq!(live, round / 2 + 1, "only those of the token that lives");
        }
    }
    let issuing = http.clone();
    let issue = std::thread::spawn(move || issuing.send("GET", "aws/creds/r", None).status);
    assert_eq!(world.root.send("DELETE", "sys/mounts/aws", None).status, 204);
    issue.join().unwrap();
    assert_eq!((world.users().len(), world.settle()), (0, 0));
}

#[test]
fn with_no_working_trail_nothing_is_issued() {
    let world = World::bare();
    let aws = AwsTransport::InProcess(sandbox::connector(world.account.clone()));
    let engine = InTestEngine::start(world.clock.clone(), aws);
    let address = engine.address.trim_start_matches("http://").to_owned();
    let root = Http { address, token: engine.root_token.clone() };
    root.post("sys/mounts/aws", &json!({ "type": "aws" }));
    root.post("aws/roles/r", &json!({ "credential_type": "iam_user" }));
    refused(&root.send("GET", "aws/creds/r", None), 500, "internal error");
    assert!(world.actions().is_empty());
    assert_eq!(root.send("LIST", "sys/leases/lookup/aws", None).status, 404);
}
