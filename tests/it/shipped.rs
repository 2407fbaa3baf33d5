//! The ACL policies that ship, `policies/acl`: they are enough for every kind that a server has.

use std::collections::BTreeSet;

use leasehold::object::KINDS;
use serde_json::Value;

use crate::env::Output;
use crate::remote::{Remote, shipped};

/// What a namespace of a server can't hold.
const OURS: &str = r#"
quota "logins" {
  rate = 1000
  path = "auth/cert"
}
"#;

/// What is not tried here, and why.
const NOT_TRIED: [(&str, &str); 6] = [
    ("audit device", "servers of OpenBao take none by their API"),
    ("object", "what a token needs for its path is for whoever declares it to say"),
    ("aws static role", "its key is made in AWS when it is declared"),
    ("password policy", "only servers of OpenBao and Vault have them"),
    ("oidc config", "an engine asks its issuer when it is declared"),
    ("oidc role", "the same"),
];

/// Without a word of what this token may not do.
fn all_is_known(output: &Output) {
    let told = output.normal();
    assert_eq!(output.code, 0, "{told}");
    for word in ["may not", "(403)", "permission denied"] {
        // That secrets are not compared is meant: a token for plans has no key to their digests.
        let others = told.lines().filter(|line| !line.contains("the ledger's key"));
        assert!(!others.clone().any(|line| line.contains(word)), "{told}");
    }
}

/// How often an apply is tried: before what stands for OpenBao some answers are lost, and where that is the one to the first
/// of an object's calls, the next apply finishes it. What the token may not do it may not the next time either.
const APPLIES_MAX: usize = 8;

fn applied(remote: &Remote) -> Output {
    let apply = || remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
    let is_ours = remote.server.sort == crate::servers::Sort::Ours;
    let mut output = apply();
    for _ in 1..APPLIES_MAX {
        if is_ours || output.code == 0 {
            break;
        }
        output = apply();
    }
    output
}

#[test]
fn the_policies_that_ship_are_enough_for_every_kind() {
    let every = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kinds/every.hcl");
    let every = std::fs::read_to_string(every).unwrap();
    let mut tried = BTreeSet::new();
    for mut remote in Remote::each() {
        remote.env.set("PASSWORD", "correct horse").set("KEY", "a secret key");
        let is_ours = remote.server.sort == crate::servers::Sort::Ours;
        let more = if is_ours { OURS } else { "" };
        remote.env.write("estate/every.hcl", &format!("{every}{more}"));
        let rendered = remote.env.ok(&["-C", "estate", "render", "--format", "json"]);
        tried.extend(kinds_of(&rendered));
        remote.speak_as("apply", &shipped("apply"));
        all_is_known(&applied(&remote));
        // What was made is changed, too.
        let changed = every.replace("token_ttl = \"1h\"", "token_ttl = \"2h\"").replace("\"full_arn\"", "\"role_id\"");
        assert!(changed != every);
        remote.env.write("estate/every.hcl", &format!("{changed}{more}"));
        all_is_known(&applied(&remote));
        remote.speak_as("plan", &shipped("plan"));
        let plan = remote.env.run(&["-C", "estate", "plan"]);
        all_is_known(&plan);
        assert!(plan.stdout.contains("No changes."), "{}", plan.normal());
        let drift = remote.env.run(&["-C", "estate", "drift"]);
        assert_eq!(drift.code, 0, "{}", drift.normal());
    }
    tried.extend(NOT_TRIED.map(|(kind, _)| kind.to_owned()));
    let all: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(tried, all, "a kind is declared in every.hcl, or it is said why not");
}

fn kinds_of(rendered: &str) -> Vec<String> {
    let rendered: Value = serde_json::from_str(rendered).unwrap();
    let objects = rendered["objects"].as_array().unwrap().iter();
    objects.map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
}
