//! The forms of a plan: for what shows tests, and as a page.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::env::TestEnv;
use crate::graph::xml;

/// An app that a guardrail forbids.
const WIDE: &str = r#"app "deploy" {
  role "deploy" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Users" {
      actions   = ["iam:PutUserPolicy", "s3:GetObject"]
      resources = ["*"]
    }
  }
  login "approle" {
    secret_id_ttl = "24h"
  }
}
"#;

/// The tutorial's estate in a directory of its own; commands run inside it.
fn tutorial() -> TestEnv {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    env.set("LEASEHOLD_DIR", estate.display().to_string());
    env
}

#[track_caller]
fn plan(env: &TestEnv, form: &str, code: i32) -> String {
    let output = env.run(&["plan", "--format", form]);
    assert_eq!(output.code, code, "{}", output.normal());
    output.stdout
}

#[track_caller]
fn json(env: &TestEnv, code: i32) -> Value {
    serde_json::from_str(&plan(env, "json", code)).unwrap()
}

/// How many cases of each class failed, passed and were skipped.
fn cases(document: &str) -> BTreeMap<String, [usize; 3]> {
    let case = regex::Regex::new(r#"<testcase classname="([^"]*)"[^>]*?(/?)>\s*<(\w*)"#).unwrap();
    let mut found: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for one in case.captures_iter(document) {
        let at = match &one[3] {
            _ if &one[2] == "/" => 1,
            "failure" => 0,
            "skipped" => 2,
            _ => 1,
        };
        found.entry(one[1].to_owned()).or_default()[at] += 1;
    }
    found
}

#[test]
fn what_shows_tests_shows_each_object_and_guardrail() {
    let env = tutorial();
    let first = plan(&env, "junit", 2);
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    insta::assert_snapshot!("plan_junit", digests.replace_all(&first, "[digest]"));
    let told = json(&env, 2);
    for digest in [&told["digest"], &told["review"]["digest"]] {
        assert!(first.contains(&format!("value=\"{}\"", digest.as_str().unwrap())), "{digest}: {first}");
    }
    assert_eq!(xml(&first)["testsuite"], 2);
    env.ok(&["apply", "--auto-approve"]);
    let none = plan(&env, "junit", 0);
    assert!(none.contains("name=\"no changes\"/>") && none.contains("failures=\"0\""), "{none}");
}

#[test]
fn what_is_refused_or_violated_fails_where_it_is() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    env.write("estate/apps/deploy.hcl", WIDE);
    let forbidden = plan(&env, "junit", 3);
    xml(&forbidden);
    let failed = cases(&forbidden);
    assert_eq!(failed["guardrail"][0], 1, "{failed:?}: {forbidden}");
    assert_eq!(failed["aws role"], [0, 1, 0], "{failed:?}");
    assert!(!failed.contains_key("plan"), "a violation is told once: {failed:?}");
    // Too many that go, each of them; the rest passes.
    std::fs::remove_file(env.dir().join("estate/apps/deploy.hcl")).unwrap();
    for file in ["apps/backup.hcl", "tests.hcl"] {
        std::fs::remove_file(env.dir().join("estate").join(file)).unwrap();
    }
    let output = env.run(&["plan", "--format", "junit", "--max-deletes", "1"]);
    assert_eq!(output.code, 3, "{}", output.normal());
    let failed = cases(&output.stdout);
    assert_eq!(failed["aws role"], [1, 0, 0], "{failed:?}: {}", output.stdout);
    assert!(output.stdout.contains("message=\"3 objects would be deleted, and 1 may be: "), "{}", output.stdout);
    // What is not selected is skipped.
    let output = env.run(&["plan", "--format", "junit", "--target", "aws/roles/backup"]);
    let skipped = cases(&output.stdout);
    assert!(skipped.values().any(|[_, _, skipped]| *skipped > 0), "{skipped:?}: {}", output.stdout);
}
