//! The example for OPA's users, on plans and reviews as they are printed.

use std::path::Path;
use std::process::Command;

use crate::env::{TestEnv, commit_all, git};
use crate::python::python;

/// What the example's rule says of a document.
fn said(env: &TestEnv, document: &str, rule: &str) -> Vec<String> {
    let input = env.write("input.json", document);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python())
        .arg(root.join("tests/aws/rego.py"))
        .arg(root.join("examples/conftest/leasehold.rego"))
        .arg(input)
        .arg(format!("data.main.{rule}"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_example_judges_plans_and_reviews() {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    env.set("LEASEHOLD_DIR", estate.display().to_string());
    git(&estate, &["init", "-q"]);
    commit_all(&estate);
    env.ok(&["apply", "--auto-approve"]);
    let plan = env.run(&["plan", "--json"]).stdout;
    assert_eq!(said(&env, &plan, "deny"), [""; 0], "nothing changes");

    let text = std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap();
    env.write("estate/iam/webapp.json", &text.replace("\"s3:PutObject\"", "\"s3:PutObject\", \"s3:PutBucketPolicy\""));
    let backup = std::fs::read_to_string(estate.join("apps/backup.hcl")).unwrap();
    env.write("estate/apps/backup.hcl", &backup.replace("file:iam/backup.json", "file:iam/webapp.json"));
    std::fs::remove_file(estate.join("tests.hcl")).unwrap();
    std::fs::remove_file(estate.join("apps/analytics.hcl")).unwrap();
    commit_all(&estate);
    let gained = |app: &str| format!("app {app} gains permissions management: ");
    let plan = env.run(&["plan", "--json"]);
    assert_eq!(plan.code, 2, "{}", plan.stderr);
    let denied = said(&env, &plan.stdout, "deny");
    assert!(denied.iter().any(|one| one.starts_with(&gained("webapp"))), "{denied:?}");
    assert!(denied.iter().any(|one| one.starts_with(&gained("backup"))), "{denied:?}");
    assert!(
        denied.iter().any(|one| one.starts_with("aws/roles/analytics would be deleted (apps/analytics.hcl:")),
        "{denied:?}"
    );
    let review = env.run(&["review", "HEAD~1..HEAD", "--format", "json"]);
    assert_eq!(review.code, 2, "{}", review.stderr);
    let denied = said(&env, &review.stdout, "deny");
    assert_eq!(denied.len(), 2, "a review has no deletions: {denied:?}");

    env.write("estate/iam/webapp.json", &text.replace("\"s3:PutObject\"", "\"iam:PutUserPolicy\""));
    let plan = env.run(&["plan", "--json"]);
    assert_eq!(plan.code, 3, "{}", plan.stderr);
    let denied = said(&env, &plan.stdout, "deny");
    assert!(denied.iter().any(|one| one.starts_with("guardrail escalation: role aws/webapp: ")), "{denied:?}");

    env.write("estate/iam/webapp.json", &text);
    let webapp = std::fs::read_to_string(estate.join("apps/webapp.hcl")).unwrap();
    let attached = "policy_arns     = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n    policy_document";
    env.write("estate/apps/webapp.hcl", &webapp.replace("policy_document", attached));
    let warned = said(&env, &env.run(&["plan", "--json"]).stdout, "warn");
    assert!(warned.iter().any(|one| one.starts_with("app webapp may gain access that can't be told")), "{warned:?}");
}
