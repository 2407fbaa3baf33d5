//! Small estates that were once judged wrongly, each with the answer that it must have.

use crate::env::{Output, TestEnv};

fn run(case: &str, command: &str) -> Output {
    let env = TestEnv::new();
    env.copy_tree(&format!("tests/data/cases/{case}"), "estate");
    env.run(&["-C", "estate", command])
}

#[test]
fn a_role_for_one_service_is_no_way_through_another() {
    let output = run("13-passrole-passed-to-service", "plan");
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(!output.stdout.contains("GUARDRAILS") && !output.stdout.contains("ec2-run"), "{}", output.stdout);
}

#[test]
fn each_statement_that_can_allow_nothing_is_told() {
    let output = run("19-resource-that-fits-no-action", "validate");
    assert_eq!(output.code, 0, "{}", output.stderr);
    let told: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("warning[RESOURCE_MISMATCH]")).collect();
    for action in ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "ec2:DescribeInstances"] {
        assert_eq!(told.iter().filter(|line| line.contains(action)).count(), 1, "{action}: {}", output.stderr);
    }
    assert_eq!(told.len(), 4, "{}", output.stderr);
}

#[test]
fn an_escape_is_taken_off_in_policy_files_too() {
    let output = run("12-dollar-dollar-in-json-file", "plan");
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stdout.contains("arn:aws:s3:::b/${aws:username}/*"), "{}", output.stdout);
    assert!(!output.stdout.contains("$${"), "{}", output.stdout);
}

#[test]
fn what_our_engine_does_not_serve_in_a_policy_is_told() {
    let template = "path \"aws/creds/{{identity.entity.name}}\" {\n  capabilities = [\"read\"]\n}\n";
    let wrapping = "path \"aws/creds/r\" {\n  capabilities = [\"read\"]\n  max_wrapping_ttl = \"1m\"\n}\n";
    let json = r#"{"path": {"aws/creds/{{identity.entity.name}}": {"capabilities": ["read"]}}}"#;
    for (what, text) in
        [("identity templates", template), ("response wrapping", wrapping), ("identity templates", json)]
    {
        let mut estates = vec![("policy \"p\" {\n  file = \"file:p.policy\"\n}\n".to_owned(), "p.policy:")];
        if !text.starts_with('{') {
            estates.push((format!("policy \"p\" {{\n{text}}}\n"), "estate.hcl:"));
        }
        for (estate, place) in estates {
            let env = TestEnv::new();
            env.write("estate/estate.hcl", &format!("environment \"local\" {{\n  engine = \"embedded\"\n}}\n{estate}"));
            env.write("estate/p.policy", text);
            let output = env.run(&["-C", "estate", "validate"]);
            assert_eq!(output.code, 0, "{}", output.normal());
            let told = output.stderr.matches(&format!("leasehold's engine serves no {what}")).count();
            assert_eq!(told, 1, "{}", output.normal());
            assert!(output.stderr.contains(place), "{}", output.stderr);
            assert_ne!(env.run(&["-C", "estate", "validate", "--strict"]).code, 0);
        }
    }
}
