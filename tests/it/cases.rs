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
