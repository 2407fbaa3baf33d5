//! The ACL policies that ship, `policies/acl`: they are enough for every kind that a server has.

use crate::env::Output;
use crate::remote::{Remote, shipped};

/// What our own engine has nothing of, and servers of OpenBao have.
const OTHERS: &str = r#"
transit "transit" {
  key "orders" {}
}
"#;

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

#[test]
fn the_policies_that_ship_are_enough_for_every_kind() {
    let every = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kinds/every.hcl");
    let every = std::fs::read_to_string(every).unwrap();
    for mut remote in Remote::each() {
        remote.env.set("PASSWORD", "correct horse").set("KEY", "a secret key");
        let is_ours = remote.server.sort == crate::servers::Sort::Ours;
        let more = if is_ours { "" } else { OTHERS };
        remote.env.write("estate/every.hcl", &format!("{every}{more}"));
        remote.speak_as("apply", &shipped("apply"));
        all_is_known(&remote.env.run(&["-C", "estate", "apply", "--auto-approve"]));
        // What was made is changed, too.
        let changed = every.replace("token_ttl = \"1h\"", "token_ttl = \"2h\"").replace("\"full_arn\"", "\"role_id\"");
        assert!(changed != every);
        remote.env.write("estate/every.hcl", &format!("{changed}{more}"));
        all_is_known(&remote.env.run(&["-C", "estate", "apply", "--auto-approve"]));
        remote.speak_as("plan", &shipped("plan"));
        let plan = remote.env.run(&["-C", "estate", "plan"]);
        all_is_known(&plan);
        assert!(plan.stdout.contains("No changes."), "{}", plan.normal());
        let drift = remote.env.run(&["-C", "estate", "drift"]);
        assert_eq!(drift.code, 0, "{}", drift.normal());
    }
}
