//! Namespaces, on a server that has them: what only the root namespace has, and namespaces that are not there.

use serde_json::Value;

use crate::env::{Output, TestEnv};
use crate::fake::FakeServer;
use crate::servers::{Sort, TestServer};

const ESTATE: &str = r#"
auth "approle" {}

policy "reader" {
  path "secret/data/x" {
    capabilities = ["read"]
  }
}
"#;

const AUDIT: &str = "audit \"file\" {\n  file_path = \"/var/log/audit.log\"\n}\n";

/// An estate, and a namespace of a server.
struct Estate {
    env: TestEnv,
    server: TestServer,
}

impl Estate {
    fn new() -> Self {
        let server = TestServer::start(Sort::OpenBao);
        let mut env = TestEnv::new();
        env.set("LEASEHOLD_TOKEN", &server.token).set("LEASEHOLD_NAMESPACE", server.namespace.clone().unwrap());
        env.write("estate/estate.hcl", ESTATE);
        let estate = Self { env, server };
        estate.environment("");
        estate
    }

    fn environment(&self, more: &str) {
        let address = &self.server.address;
        let text = format!("environment \"prod\" {{\n  address = \"{address}\"\n{more}}}\n");
        self.env.write("estate/environments.hcl", &text);
    }

    #[track_caller]
    fn run(&self, args: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], args].concat());
        assert_eq!(output.code, code, "{args:?}: {}", output.normal());
        output
    }
}

#[test]
fn what_only_the_root_namespace_has_is_skipped_in_words() {
    let estate = Estate::new();
    let note = format!(
        "only the root namespace has sys/audit, so what is there is not looked at from the namespace `{}`",
        estate.server.namespace.as_deref().unwrap()
    );
    let plan = estate.run(&["plan"], 2).stdout;
    assert!(plan.contains(&note) && plan.contains("Plan: 2 to add, 0 to change, 0 to delete."), "{plan}");
    estate.run(&["apply", "--auto-approve"], 0);
    let plan = estate.run(&["plan"], 0).stdout;
    assert!(plan.contains(&note) && plan.contains("No changes. 2 objects are as declared."), "{plan}");
    let drift = estate.run(&["drift", "--format", "json"], 0).stdout;
    let drift: Value = serde_json::from_str(&drift).unwrap();
    assert_eq!(drift["notes"], serde_json::json!([note]));
}

#[test]
fn what_a_namespace_can_not_hold_is_refused_where_it_is_declared() {
    let estate = Estate::new();
    estate.env.write("estate/audit.hcl", AUDIT);
    for args in [&["plan"] as &[&str], &["apply", "--auto-approve"], &["drift"]] {
        let said = estate.run(args, 1).stderr;
        assert!(said.contains("sys/audit/file (audit.hcl:1) is declared, and only the root namespace has"), "{said}");
        assert!(said.contains("override { audit = { NAME = null } }"), "{said}");
    }
    // What is advised there works.
    estate.environment("  override { audit = { file = null } }\n");
    estate.run(&["apply", "--auto-approve"], 0);
    estate.run(&["plan"], 0);
}

#[test]
fn a_quota_in_a_namespace_is_refused_where_it_is_declared() {
    let estate = Estate::new();
    estate.env.write("estate/quota.hcl", "quota \"all\" {\n  rate = 100\n}\n");
    for args in [&["plan"] as &[&str], &["apply", "--auto-approve"], &["drift"]] {
        let said = estate.run(args, 1).stderr;
        let told = "sys/quotas/rate-limit/all (quota.hcl:1) is declared, and only the root namespace has sys/quotas/rate-limit";
        assert!(said.contains(told) && said.contains("= help:"), "{said}");
    }
}

#[test]
fn a_namespace_that_is_not_there_is_named() {
    let mut estate = Estate::new();
    estate.env.set("LEASEHOLD_NAMESPACE", "no-such");
    for (args, code) in [
        (&["plan"] as &[&str], 1),
        (&["apply", "--auto-approve"], 1),
        (&["drift"], 1),
        (&["ledger", "list"], 1),
        (&["ledger", "show", "sys/policies/acl/reader"], 1),
        (&["list", "auth/approle/role"], 2),
        (&["read", "sys/mounts"], 2),
        (&["write", "secret/data/x", "a=b"], 2),
        (&["delete", "secret/data/x"], 2),
    ] {
        let args = [args, &["--address", &estate.server.address]].concat();
        let said = estate.run(&args, code).stderr;
        assert!(said.contains("has no namespace `no-such`") && said.contains("--namespace"), "{args:?}: {said}");
    }
}

#[test]
fn a_server_without_tables_is_no_empty_engine() {
    let server = FakeServer::start(&[]);
    for (namespace, text) in [("team", "has no namespace `team`"), ("", "answers that there is no sys/audit")] {
        let mut env = TestEnv::new();
        env.write("estate/estate.hcl", ESTATE);
        env.write("estate/env.hcl", &format!("environment \"prod\" {{\n  address = \"{}\"\n}}\n", server.address));
        env.set("LEASEHOLD_TOKEN", "root").set("LEASEHOLD_NAMESPACE", namespace);
        for command in ["plan", "drift"] {
            let output = env.run(&["-C", "estate", command]);
            assert!(output.code == 1 && output.stderr.contains(text), "{command}: {}", output.normal());
        }
    }
}
