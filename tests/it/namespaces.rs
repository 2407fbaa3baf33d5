//! Namespaces, on a server that has them: what only the root namespace has, and namespaces that are not there.

use serde_json::{Value, json};

use crate::env::{Output, TestEnv, commit_all};
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
    assert_eq!(drift["notes"], json!([note]));
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

/// An app's host has no estate that says it.
#[test]
fn an_apps_file_names_its_namespace() {
    let mut estate = Estate::new();
    let namespace = estate.server.namespace.clone().unwrap();
    estate.env.set("LEASEHOLD_NAMESPACE", "").set("LEASEHOLD_ROLE_ID", "r").set("LEASEHOLD_SECRET_ID", "s");
    estate.run(&["apply", "--auto-approve", "--namespace", &namespace], 0);
    let address = &estate.server.address;
    let file = |more: &str| format!("app: webapp\nlogin: approle\n{more}");
    let creds = |text: &str, more: &[&str]| {
        estate.env.write("app.yaml", text);
        let output = estate.env.run(&[&["creds", "--no-cache", "--app-file", "app.yaml"], more].concat());
        assert_ne!(output.code, 0, "nobody can log in: {}", output.normal());
        output.stderr
    };
    let there = format!("address: {address}\n");
    let at = |namespace: &str| file(&format!("{there}namespace: {namespace}\n"));
    let said = creds(&at("no-such"), &[]);
    assert!(said.contains("has no namespace `no-such`"), "{said}");
    // The mount is there, and knows no such role id.
    for said in [creds(&at(&namespace), &[]), creds(&at("no-such"), &["--namespace", &namespace])] {
        assert!(said.contains("auth/approle/login") && said.contains("400"), "{said}");
    }
    let said = creds(&file("namespace: team\n"), &[]);
    assert!(said.contains("the namespace `team` is named, and no server that has it"), "{said}");
}

/// What the environment says holds for all that is about it, and for commands by hand that it leads to its engine.
#[test]
fn an_environment_names_its_namespace() {
    let mut estate = Estate::new();
    let namespace = estate.server.namespace.clone().unwrap();
    estate.env.set("LEASEHOLD_NAMESPACE", "");
    estate.environment(&format!("  namespace = \"/{namespace}/\"\n"));
    let plan = estate.run(&["plan", "--out", "saved"], 2).stdout;
    assert!(plan.contains(&format!("from the namespace `{namespace}`")), "{plan}");
    let saved: Value = serde_json::from_slice(&std::fs::read(estate.env.dir().join("saved")).unwrap()).unwrap();
    assert_eq!(saved["engine"]["namespace"], json!(namespace));
    let root = estate.run(&["apply", "saved", "--namespace", "root"], 4);
    let told = [
        format!("warning: --namespace names `root`, and the environment prod is in `{namespace}` (environments.hcl:1)"),
        "the plan was made from another engine".to_owned(),
        format!("(namespace {namespace})"),
    ];
    assert!(told.iter().all(|told| root.stderr.contains(told)), "{}", root.normal());
    estate.run(&["apply", "saved"], 0);
    estate.run(&["plan"], 0);
    estate.run(&["drift"], 0);
    estate.run(&["ledger", "show", "sys/policies/acl/reader"], 0);
    estate.run(&["watch", "-e", "prod", "--once"], 0);
    // By hand nobody asks again for an answer that a bad hour took.
    let read = || estate.env.run(&["-C", "estate", "read", "sys/policies/acl/reader"]).code == 0;
    assert!((0..5).any(|_| read()));

    // The same in a variable is the same; another one is no slip that a plan makes the best of.
    estate.env.set("VAULT_NAMESPACE", format!("{namespace}/"));
    estate.run(&["plan"], 0);
    estate.env.set("VAULT_NAMESPACE", "no-such");
    for args in [&["plan"][..], &["apply", "--auto-approve"], &["drift"], &["ledger", "list"], &["history"]] {
        let refused = estate.run(args, 1).stderr;
        let what =
            format!("VAULT_NAMESPACE names the namespace `no-such`, and the environment prod is in `{namespace}`");
        assert!(refused.contains(&what), "{refused}");
        assert!(refused.contains("unset VAULT_NAMESPACE") && refused.contains("--namespace no-such"), "{refused}");
    }
    estate.run(&["plan", "--namespace", &namespace], 0);
    // By hand it is what Vault's command line takes it for.
    assert!(estate.run(&["read", "sys/mounts"], 2).stderr.contains("has no namespace `no-such`"));
}

#[test]
fn what_is_no_namespace_is_told_where_it_is_declared() {
    let estate = Estate::new();
    for (text, what) in [
        ("\"\"", "`` is not the path of a namespace"),
        ("\"a//b\"", "`a//b` is not the path of a namespace"),
        ("\"a b\"", "is not the path of a namespace"),
        ("\"root/\"", "the root namespace is meant where none is named"),
        ("7", "expected text"),
    ] {
        estate.environment(&format!("  namespace = {text}\n"));
        let said = estate.run(&["validate"], 1).stderr;
        assert!(said.contains(what) && said.contains("environments.hcl:3"), "{text}: {said}");
    }
    estate.environment("  namespace = \"team/web\"\n");
    estate.run(&["validate"], 0);
    estate
        .env
        .write("estate/environments.hcl", "environment \"l\" {\n  engine = \"embedded\"\n  namespace = \"team\"\n}\n");
    let said = estate.run(&["validate"], 1).stderr;
    assert!(said.contains("this environment has an embedded engine, which has none"), "{said}");
}

const ISSUED: &[(&str, u16, &str)] = &[
    ("PUT /v1/auth/approle/login", 200, r#"{"auth":{"client_token":"hvs.app","lease_duration":3600}}"#),
    (
        "GET /v1/aws/creds/web",
        200,
        r#"{"lease_id":"aws/creds/web/1","lease_duration":3600,"renewable":true,"data":{"access_key":"AKIA1","secret_key":"s"}}"#,
    ),
];

/// What an app is given in one namespace is not what it is given in another.
#[test]
fn an_apps_credentials_are_those_of_the_environments_namespace() {
    let server = FakeServer::start(ISSUED);
    let mut env = TestEnv::new();
    let text = format!(
        "environment \"prod\" {{\n  address   = \"{}\"\n  namespace = \"team\"\n}}\naws \"aws\" {{}}\nauth \"approle\" \
         {{}}\napp \"web\" {{\n  role \"web\" {{\n    iam_groups = [\"g\"]\n  }}\n  login \"approle\" {{}}\n}}\n",
        server.address
    );
    env.write("estate/estate.hcl", &text);
    env.set("LEASEHOLD_ROLE_ID", "r").set("LEASEHOLD_SECRET_ID", "s");
    let asked = |namespace: &str| {
        let is_asked = |one: &crate::fake::Asked| {
            one.line.contains("creds/web") && one.header("x-vault-namespace") == Some(namespace)
        };
        server.asked().iter().filter(|one| is_asked(one)).count()
    };
    let creds = ["-C", "estate", "creds", "web", "--format", "process"];
    env.ok(&creds);
    env.ok(&creds);
    assert_eq!((asked("team"), asked("other")), (1, 0), "the second was kept");
    let other = env.run(&[&creds[..], &["--namespace", "other"]].concat());
    assert!(other.code == 0 && other.stderr.contains("--namespace names `other`"), "{}", other.normal());
    assert_eq!((asked("team"), asked("other")), (1, 1), "what was kept is of another");
    env.set("BAO_NAMESPACE", "other");
    let refused = env.run(&creds);
    assert!(refused.code == 1 && refused.stderr.contains("BAO_NAMESPACE names the namespace"), "{}", refused.normal());
}

/// A review tells that what is declared goes to another namespace.
#[test]
fn another_namespace_is_another_engine_to_a_review() {
    let env = TestEnv::new();
    let declare = |namespace: &str| {
        let text = format!("environment \"prod\" {{\n  address = \"https://192.0.2.1\"\n{namespace}}}\n");
        env.write("estate/estate.hcl", &text);
    };
    let estate = env.dir().join("estate");
    declare("");
    commit_all(&estate);
    declare("  namespace = \"team\"\n");
    commit_all(&estate);
    let review = env.run(&["review", "HEAD~1..HEAD", "-C", "estate"]);
    assert_eq!(review.code, 2, "{}", review.normal());
    let told = "it is the namespace team of the engine at https://192.0.2.1 now";
    assert!(review.stdout.contains(told), "{}", review.normal());
}
