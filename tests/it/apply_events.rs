//! `leasehold apply --json`: what a program is told while an apply runs.

use serde_json::Value;

use crate::env::{Output, TestEnv};

const LOCAL: &str = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\n";
const ROLE: &str =
    "role \"web\" {\n  mount = \"aws\"\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}\n";

fn world(estate: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write("estate/estate.hcl", &format!("{LOCAL}{estate}"));
    env
}

fn apply(env: &TestEnv, more: &[&str]) -> Output {
    env.run(&[&["-C", "estate", "apply", "--json"], more].concat())
}

/// The events of an apply: each line is one, with its time.
fn events(output: &Output) -> Vec<Value> {
    let lines = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")));
    let events: Vec<Value> = lines.collect();
    assert!(events.iter().all(|event| event["at"].as_str().is_some_and(|at| at.ends_with('Z'))), "{}", output.stdout);
    events
}

fn words(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn each_change_begins_and_ends_and_the_last_line_is_the_end() {
    let env = world(&format!("aws \"aws\" {{}}\n{ROLE}"));
    let planned: Value = serde_json::from_str(&env.run(&["-C", "estate", "plan", "--json"]).stdout).unwrap();
    let applied = apply(&env, &["--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    let told = events(&applied);
    assert_eq!(words(&told), ["plan", "begin", "result", "begin", "result", "end"], "{}", applied.stdout);
    assert_eq!(told[0]["plan"], planned);
    let paths: Vec<&str> = told[1..5].iter().map(|event| event["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["sys/mounts/aws", "sys/mounts/aws", "aws/roles/web", "aws/roles/web"]);
    assert_eq!((&told[4]["outcome"], &told[4]["action"]), (&"applied".into(), &"create".into()));
    assert_eq!((&told[4]["kind"], &told[4]["declared"]["line"]), (&"aws role".into(), &6.into()));
    assert_eq!((&told[5]["exit_code"], &told[5]["summary"]["add"]), (&0.into(), &2.into()));
    assert_eq!(told[5]["words"], "Apply complete: 2 added, 0 changed, 0 deleted.");
    // Nothing to do has a plan and an end.
    let again = apply(&env, &["--auto-approve"]);
    let told = events(&again);
    assert_eq!((again.code, words(&told)), (0, vec!["plan", "end"]));
    assert_eq!(told[0]["plan"]["changes"], serde_json::json!([]));
    assert!(env.run(&["-C", "estate", "--format", "json", "apply"]).stdout.starts_with("{\"event\":\"plan\""));
}

#[test]
fn nobody_is_asked_and_a_saved_plan_asks_nobody() {
    let env = world(&format!("aws \"aws\" {{}}\n{ROLE}"));
    let refused = apply(&env, &[]);
    let told = events(&refused);
    assert_eq!((refused.code, words(&told)), (1, vec!["plan", "error"]), "{}", refused.normal());
    assert_eq!(told[1]["message"], "nothing was applied: nobody is asked in JSON");
    assert!(told[1]["hints"][0].as_str().unwrap().contains("--auto-approve"), "{}", told[1]);
    assert!(refused.stderr.contains("nobody is asked in JSON"), "{}", refused.normal());
    assert_eq!(env.run(&["-C", "estate", "plan", "--out", "it.plan"]).code, 2);
    let applied = env.run(&["-C", "estate", "apply", "--json", "it.plan"]);
    let told = events(&applied);
    assert_eq!((applied.code, words(&told).len()), (0, 6), "{}", applied.normal());
    let again = env.run(&["-C", "estate", "apply", "--json", "it.plan"]);
    assert_eq!((again.code, words(&events(&again)).last()), (4, Some(&"error")), "{}", again.normal());
}

#[test]
fn what_is_refused_fails_or_waits_for_that_says_why() {
    let all = "  statement \"All\" {\n    actions = [\"*\"]\n    resources = [\"*\"]\n  }\n";
    let env = world(&format!(
        "aws \"aws\" {{}}\nguardrail \"no-admins\" {{\n  deny {{\n    actions = [\"iam:*\"]\n  }}\n}}\nrole \"web\" {{\n  mount = \"aws\"\n{all}}}\n"
    ));
    let refused = apply(&env, &["--auto-approve"]);
    let told = events(&refused);
    assert_eq!((refused.code, words(&told)), (3, vec!["plan", "end"]), "{}", refused.normal());
    assert!(!told[0]["plan"]["refusals"].as_array().unwrap().is_empty());
    assert_eq!((&told[1]["exit_code"], &told[1]["summary"]), (&3.into(), &Value::Null));
    // A device that can't be opened, and the role that does not stand on it.
    let env =
        world(&format!("aws \"aws\" {{}}\naudit \"file\" {{\n  file_path = \"/etc/passwd/audit.log\"\n}}\n{ROLE}"));
    let failed = apply(&env, &["--auto-approve"]);
    assert_eq!(failed.code, 1, "{}", failed.normal());
    let told = events(&failed);
    let result = |path: &str| told.iter().find(|event| event["event"] == "result" && event["path"] == path).unwrap();
    let device = result("sys/audit/file");
    assert_eq!((&device["outcome"], &result("aws/roles/web")["outcome"]), (&"failed".into(), &"applied".into()));
    assert!(device["why"].as_str().is_some_and(|why| !why.is_empty()), "{device}");
    assert_eq!(device["engine_has_acted"], "no");
    let end = told.last().unwrap();
    assert_eq!((&end["event"], &end["exit_code"]), (&"end".into(), &1.into()));
    assert!(end["words"].as_str().unwrap().starts_with("Apply incomplete: "), "{end}");
}

#[test]
fn a_record_that_could_not_be_written_is_not_taken_for_whole() {
    let env = world(&format!("aws \"aws\" {{}}\n{ROLE}"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = env.command(&["-C", "estate", "apply", "--json", "--auto-approve"]);
    let output = command.stdout(full).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("not all events could be written"), "{told}");
    // It was done all the same.
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 0);
}
