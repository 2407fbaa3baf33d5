//! Plans of a part of the changes: what is selected, what comes along with it, and what is left as it is.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::env::{Output, TestEnv, commit_all, git};
use crate::remote::{Remote, shipped};

/// Runs a command on the estate, and expects its exit code.
#[track_caller]
fn run(env: &TestEnv, arguments: &[&str], code: i32) -> Output {
    let output = env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
    output
}

#[track_caller]
fn says(output: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(output.contains(part), "{part:?}: {output}"));
}

fn plan_json(env: &TestEnv, arguments: &[&str], code: i32) -> Value {
    let output = run(env, &[&["plan", "--json"], arguments].concat(), code);
    serde_json::from_str(&output.stdout).unwrap()
}

fn paths(changes: &Value) -> Vec<&str> {
    changes.as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// The tutorial's estate under git, on its own engine.
fn local() -> (TestEnv, PathBuf) {
    let env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    commit_all(&estate);
    (env, estate)
}

/// The paths that the ledger has.
fn ledger(env: &TestEnv) -> String {
    run(env, &["ledger", "show", "-e", "local"], 0).stdout
}

const ALONG: &[&str] = &["aws/config/lease", "aws/config/root", "sys/auth/approle", "sys/mounts/aws"];
const WEBAPP: &[&str] = &["aws/roles/webapp", "auth/approle/role/app-webapp", "sys/policies/acl/app-webapp"];

#[test]
fn an_app_comes_with_what_it_needs_and_the_rest_is_counted_and_left() {
    for mut remote in Remote::each_under_git() {
        remote.speak_as("plan", &shipped("plan"));
        let only = ["--only-app", "webapp"];
        let shown = run(&remote.env, &[&["plan"][..], &only].concat(), 2).stdout;
        says(
            &shown,
            &[
                "! not selected, and done all the same: it is needed by aws/roles/webapp",
                "\n6 more changes are not selected: 6 to add, 0 to change, 0 to delete.\n",
                "app webapp, through role aws/webapp",
            ],
        );
        assert!(shown.ends_with("Plan: 7 to add, 0 to change, 0 to delete.\n"), "{shown}");
        assert!(!shown.contains("backup") && !shown.contains("analytics"), "{shown}");

        let plan = plan_json(&remote.env, &only, 2);
        let mut done = paths(&plan["changes"]);
        done.sort_unstable();
        let mut expected = [ALONG, WEBAPP].concat();
        expected.sort_unstable();
        assert_eq!(done, expected);
        let selection = &plan["selection"];
        assert_eq!((&selection["only_app"][0], plan["summary"]["not_selected"].as_u64()), (&"webapp".into(), Some(6)));
        let mut along = paths(&selection["along"]);
        along.sort_unstable();
        assert_eq!(along, ALONG);
        assert_eq!(paths(&selection["left_out"]).len(), 6);

        let markdown = run(&remote.env, &[&["plan", "--format", "markdown"][..], &only].concat(), 2).stdout;
        says(
            &markdown,
            &["6 more changes are not selected", "**Not selected**", "- create aws role `aws/roles/backup`"],
        );

        // The digest is of what is selected.
        let digest = plan["digest"].as_str().unwrap();
        assert_ne!(plan_json(&remote.env, &[], 2)["digest"], *digest);
        remote.speak_as("apply", &shipped("apply"));
        run(&remote.env, &["apply", "--expect", digest], 4);
        let applied = run(&remote.env, &[&["apply", "--expect", digest][..], &only].concat(), 0);
        assert!(applied.stdout.ends_with("Apply complete: 7 added, 0 changed, 0 deleted.\n"), "{}", applied.normal());
        says(&applied.stderr, &["6 more changes are not selected"]);
        assert_eq!(remote.held("aws/roles/backup"), Value::Null);
        let again = run(&remote.env, &[&["plan"][..], &only].concat(), 0).stdout;
        says(
            &again,
            &["6 more changes are not selected", "No changes of what is selected. 3 objects are as declared."],
        );
        let rest = run(&remote.env, &["apply", "--auto-approve"], 0);
        assert!(rest.stdout.ends_with("Apply complete: 6 added, 0 changed, 0 deleted.\n"), "{}", rest.normal());
        run(&remote.env, &["plan"], 0);
    }
}

#[test]
fn the_ledger_says_of_what_is_left_out_what_it_said_before() {
    let (env, estate) = local();
    run(&env, &["apply", "--auto-approve"], 0);
    let first = git(&estate, &["rev-parse", "HEAD"]);
    for app in ["webapp", "backup"] {
        edit(&estate.join(format!("iam/{app}.json")), "example-", "example-new-");
        // All of it stands a line lower.
        edit(&estate.join(format!("apps/{app}.hcl")), "app \"", "# Moved.\napp \"");
    }
    edit(&estate.join("tests.hcl"), "example-", "example-new-");
    let second = commit_all(&estate);
    let entry = |path: &str| -> Value {
        serde_json::from_str(&run(&env, &["ledger", "show", "--format", "json", path], 0).stdout).unwrap()
    };
    let paths =
        ["aws/roles/webapp", "aws/roles/backup", "auth/approle/role/app-backup", "auth/approle/role/app-webapp"];
    let before = paths.map(entry);
    run(&env, &["apply", "--auto-approve", "--target", "aws/roles/webapp"], 0);
    let after = paths.map(entry);
    assert_ne!(before[0], after[0]);
    assert_eq!(before[1..], after[1..]);
    assert!(after[0].to_string().contains(&second) && after[1].to_string().contains(&first), "{after:?}");
    // What came before is refused all the same, and what is left is found.
    git(&estate, &["checkout", "--quiet", &first]);
    says(&run(&env, &["plan"], 3).stdout, &["came before", "from which aws/roles/webapp was applied"]);
    git(&estate, &["checkout", "--quiet", &second]);
    let rest = plan_json(&env, &[], 2);
    assert_eq!(self::paths(&rest["changes"]), ["aws/roles/backup"]);
    run(&env, &["apply", "--auto-approve"], 0);
    assert!(entry("auth/approle/role/app-backup").to_string().contains("apps/backup.hcl"));
    assert_ne!(entry("auth/approle/role/app-backup"), before[2], "its place is another");
}

#[test]
fn what_is_excluded_does_not_come_along_and_refuses_what_needs_it() {
    let (env, estate) = local();
    let refused = run(&env, &["plan", "--only-app", "webapp", "--exclude", "sys/mounts/aws"], 3).stdout;
    says(
        &refused,
        &[
            "Refused: aws/roles/webapp (apps/webapp.hcl:4) needs sys/mounts/aws, which is not there yet, and which \
             --exclude leaves out",
            "= help: leave aws/roles/webapp out too",
        ],
    );
    // A name without a slash is that of all that has it.
    let plan = plan_json(&env, &["--exclude", "*webapp", "--exclude", "app-analytics"], 2);
    assert!(!plan["changes"].to_string().contains("webapp"), "{plan}");
    assert_eq!(plan["summary"]["not_selected"], 5);
    assert!(paths(&plan["changes"]).contains(&"aws/roles/analytics"));

    // What is there already is not needed any more.
    run(&env, &["apply", "--auto-approve", "--target", "sys/mounts/aws", "--target", "aws/config/*"], 0);
    let rest = plan_json(&env, &["--only-app", "webapp", "--exclude", "sys/mounts/*"], 2);
    assert_eq!(paths(&rest["selection"]["along"]), ["sys/auth/approle"]);
    run(&env, &["apply", "--auto-approve"], 0);

    // What goes takes along what stands on it; the other way round it is no business of the rest.
    for file in ["apps/backup.hcl", "tests.hcl"] {
        std::fs::remove_file(estate.join(file)).unwrap();
    }
    commit_all(&estate);
    let plan = plan_json(&env, &["--target", "sys/policies/acl/app-backup"], 2);
    assert_eq!(paths(&plan["changes"]), ["auth/approle/role/app-backup", "sys/policies/acl/app-backup"]);
    assert_eq!(paths(&plan["selection"]["left_out"]), ["aws/roles/backup"]);
    says(
        &run(&env, &["plan", "--target", "sys/policies/*", "--exclude", "auth/*"], 3).stdout,
        &[
            "sys/policies/acl/app-backup (it was declared at apps/backup.hcl:1) would be taken away, and --exclude leaves out what stands on it or names it: auth/approle/role/app-backup",
        ],
    );
    run(&env, &["apply", "--auto-approve", "--target", "aws/roles/backup"], 0);
    let known = ledger(&env);
    assert!(known.contains("auth/approle/role/app-backup") && !known.contains("aws/roles/backup"), "{known}");
}

#[test]
fn shared_roles_come_along_with_the_app_that_they_are_granted_to() {
    let (env, _) = local();
    env.write(
        "estate/shared.hcl",
        "role \"reader\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  iam_groups = [\"g\"]\n}\n\
         app \"reports\" {\n  grants = [\"aws/reader\"]\n  login \"approle\" {\n    token_ttl = \"2h\"\n  }\n}\n",
    );
    let plan = plan_json(&env, &["--only-app", "reports"], 2);
    assert!(paths(&plan["changes"]).contains(&"aws/roles/reader"), "{plan}");
    // The app is of no concern to a role.
    let role = plan_json(&env, &["--target", "aws/roles/reader"], 2);
    assert!(!role["changes"].to_string().contains("app-reports"), "{role}");
    assert_eq!(role["review"]["findings"].to_string().matches("\"reports\"").count(), 0, "nobody may have it yet");
}

#[test]
fn a_word_that_is_about_nothing_is_an_error_that_says_what_may_be_meant() {
    let (env, _) = local();
    for (arguments, parts) in [
        (
            &["--target", "aws/rolse/webapp"][..],
            &["--target `aws/rolse/webapp` matches nothing", "did you mean `aws/roles/webapp`?"][..],
        ),
        (
            &["--target", "aws/*", "--exclude", "webap"],
            &["--exclude `webap` matches nothing", "did you mean `webapp`?"],
        ),
        (&["--only-app", "web"], &["--only-app `web` matches nothing", "did you mean `webapp`?"]),
        (&["--target", "zzz/*"], &["--target `zzz/*` matches nothing", "* is any text"]),
        (&["--target", "aws/roles/backup", "--only-app", "webapp"], &["nothing is selected", "--target, --only-app"]),
        (&["--target", "aws/roles/backup", "--exclude", "*"], &["nothing is selected", "--target, --exclude"]),
    ] {
        for command in [&["plan"][..], &["apply", "--auto-approve"]] {
            let output = run(&env, &[command, arguments].concat(), 1);
            says(&output.stderr, parts);
        }
    }
}

#[test]
fn limits_count_what_is_selected_and_guardrails_judge_what_will_be() {
    let (env, estate) = local();
    run(&env, &["apply", "--auto-approve"], 0);
    // A role that no guardrail lets pass, beside one that is good.
    let admin = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}"#;
    let good = std::fs::read_to_string(estate.join("iam/backup.json")).unwrap();
    std::fs::write(estate.join("iam/backup.json"), admin).unwrap();
    std::fs::remove_file(estate.join("tests.hcl")).unwrap();
    edit(&estate.join("iam/webapp.json"), "example-webapp/*", "example-webapp/public/*");
    commit_all(&estate);
    says(&run(&env, &["plan"], 3).stdout, &["escalation"]);
    says(&run(&env, &["plan", "--target", "aws/roles/backup"], 3).stdout, &["escalation"]);
    let selected = run(&env, &["plan", "--only-app", "webapp", "--out", "a.plan"], 2);
    says(&selected.stdout, &["1 more change is not selected: 0 to add, 1 to change, 0 to delete."]);
    assert!(!selected.stdout.contains("iam:"), "{}", selected.stdout);
    // A saved plan is of its selection, and takes no other.
    let refused = run(&env, &["apply", "a.plan", "--target", "aws/roles/webapp"], 1);
    says(&refused.stderr, &["--target is for making a plan, and this one is made"]);
    let applied = run(&env, &["apply", "a.plan"], 0);
    says(&applied.stdout, &["Apply complete: 0 added, 1 changed, 0 deleted."]);
    says(&applied.stderr, &["1 more change is not selected"]);
    std::fs::write(estate.join("iam/backup.json"), good).unwrap();
    run(&env, &["plan"], 0);

    for app in ["webapp", "backup", "analytics"] {
        std::fs::remove_file(estate.join(format!("apps/{app}.hcl"))).unwrap();
    }
    commit_all(&estate);
    says(&run(&env, &["plan"], 3).stdout, &["9 objects would be deleted, and 5 may be"]);
    run(&env, &["apply", "--auto-approve", "--only-app", "webapp"], 0);
    says(&run(&env, &["plan"], 3).stdout, &["6 objects would be deleted, and 5 may be"]);
}
