//! `leasehold drift --repair`: what was changed behind our back becomes what was applied last, and nothing else is done.

use serde_json::{Value, json};

use crate::env::{Output, commit_all, git};
use crate::remote::Remote;
use crate::servers::Sort;

#[track_caller]
fn run(remote: &Remote, arguments: &[&str], code: i32) -> Output {
    let output = remote.env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(output.code, code, "{}", output.normal());
    output
}

fn drift(remote: &Remote, code: i32) -> Value {
    serde_json::from_str(&run(remote, &["drift", "--json"], code).stdout).unwrap()
}

fn edit(remote: &Remote, file: &str, from: &str, to: &str) {
    let path = remote.estate.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn widen(remote: &Remote, role: &str) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let role_fields = json!({ "credential_type": "iam_user", "policy_document": document });
    remote.http.post(&format!("aws/roles/{role}"), &role_fields);
}

/// The commits that the ledger has of objects, by path.
fn commit_of(remote: &Remote, path: &str) -> String {
    let shown = run(remote, &["ledger", "show", "--format", "json"], 0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let found = &shown["objects"][path];
    found["commit"].as_str().unwrap_or_else(|| panic!("{path}: {shown:#}")).to_owned()
}

#[test]
fn what_was_changed_is_put_back_and_nothing_else_is_done() {
    for remote in Remote::each_under_git() {
        run(&remote, &["apply", "--auto-approve"], 0);
        let applied = remote.held("aws/roles/webapp");
        assert!(run(&remote, &["drift", "--repair"], 0).stdout.contains("Nothing is to be put back."));
        widen(&remote, "webapp");
        remote.http.send("DELETE", "sys/policies/acl/app-backup", None);
        widen(&remote, "stranger");
        edit(&remote, "engine.hcl", "\"1h\"", "\"30m\"");
        // Declared since, and there, and not ours: that is no matter of a repair.
        let rules = "path \"sys/mounts\" {\n  capabilities = [\"read\"]\n}\n";
        remote.http.post("sys/policies/acl/extra", &json!({ "policy": rules }));
        remote.env.write("estate/extra.hcl", &format!("policy \"extra\" {{\n{rules}}}\n"));
        commit_all(&remote.estate);
        let before = drift(&remote, 5);
        let widened = remote.held("aws/roles/webapp");

        // Nobody said yes.
        let shown = run(&remote, &["drift", "--repair"], 1).normal();
        assert!(shown.contains("as applied last, from commit"), "{shown}");
        assert!(shown.contains("~ aws role aws/roles/webapp"), "{shown}");
        assert!(shown.contains("Plan: 1 to add, 1 to change, 0 to delete."), "{shown}");
        assert!(shown.contains("2 more changes are not applied yet, and left so: 0 to add, 1 to change"), "{shown}");
        assert!(shown.contains("there is no terminal to ask on"), "{shown}");
        assert_eq!(remote.held("aws/roles/webapp"), widened);

        run(&remote, &["drift", "--repair", "--auto-approve"], 0);
        assert_eq!(remote.held("aws/roles/webapp"), applied);
        let after = drift(&remote, 5);
        assert_eq!(after["changed"], json!([]), "{after:#}");
        assert_eq!(after["pending"], before["pending"], "{after:#}");
        assert_eq!(after["not_ours"], before["not_ours"], "{after:#}");
        assert_eq!(after["summary"]["not_ours"], 2, "{after:#}");
        assert!(run(&remote, &["drift", "--repair"], 0).stdout.contains("Nothing is to be put back."));
    }
}

#[test]
fn where_the_files_went_on_it_is_put_back_as_its_commit_says() {
    for remote in Remote::each_under_git() {
        let first = git(&remote.estate, &["rev-parse", "HEAD"]).trim().to_owned();
        run(&remote, &["apply", "--auto-approve"], 0);
        let webapp = remote.held("aws/roles/webapp");
        edit(&remote, "iam/backup.json", "example-", "example-second-");
        let second = commit_all(&remote.estate);
        run(&remote, &["apply", "--auto-approve"], 0);
        let backup = remote.held("aws/roles/backup");
        // Both go on in the files, one of them away, and both are changed by hand.
        edit(&remote, "iam/webapp.json", "example-", "example-third-");
        for file in ["apps/backup.hcl", "tests.hcl"] {
            std::fs::remove_file(remote.estate.join(file)).unwrap();
        }
        commit_all(&remote.estate);
        remote.http.send("DELETE", "aws/roles/webapp", None);
        widen(&remote, "backup");

        let done = run(&remote, &["drift", "--repair", "--auto-approve"], 0).normal();
        assert!(done.matches("commit ").count() >= 2, "{done}");
        assert_eq!((remote.held("aws/roles/webapp"), remote.held("aws/roles/backup")), (webapp, backup));
        assert_eq!(commit_of(&remote, "aws/roles/webapp"), first);
        assert_eq!(commit_of(&remote, "aws/roles/backup"), second.trim());
        let after = drift(&remote, 2);
        assert_eq!(after["changed"], json!([]));
        // What is committed can be applied as before.
        run(&remote, &["apply", "--auto-approve", "--max-deletes", "5"], 0);
        drift(&remote, 0);
    }
}

#[test]
fn what_is_not_known_any_more_is_not_guessed() {
    for remote in Remote::each_under_git() {
        run(&remote, &["apply", "--auto-approve"], 0);
        widen(&remote, "webapp");
        edit(&remote, "iam/webapp.json", "example-", "example-third-");
        let widened = remote.held("aws/roles/webapp");
        std::fs::remove_dir_all(remote.estate.join(".git")).unwrap();
        commit_all(&remote.estate);
        let refused = run(&remote, &["drift", "--repair", "--auto-approve"], 1).normal();
        assert!(refused.contains("aws/roles/webapp: of commit "), "{refused}");
        assert!(refused.contains("fetch the commits and say it again"), "{refused}");
        assert_eq!(remote.held("aws/roles/webapp"), widened);
        // Where the files say it still, no commit is asked.
        edit(&remote, "iam/webapp.json", "example-third-", "example-");
        run(&remote, &["drift", "--repair", "--auto-approve"], 0);
        drift(&remote, 0);
    }
}

#[test]
fn guardrails_of_the_files_hold_for_what_is_put_back() {
    let remote = Remote::new(Sort::Ours);
    commit_all(&remote.estate);
    run(&remote, &["apply", "--auto-approve"], 0);
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    remote.http.post("aws/roles/webapp", &json!({ "credential_type": "iam_user", "policy_document": document }));
    remote
        .env
        .write("estate/never.hcl", "guardrail \"no-objects\" {\n  deny {\n    actions = [\"s3:GetObject\"]\n  }\n}\n");
    let refused = run(&remote, &["drift", "--repair", "--auto-approve"], 3).normal();
    assert!(refused.contains("no-objects"), "{refused}");
    assert!(remote.held("aws/roles/webapp")["policy_document"].as_str().unwrap().contains("ListBucket"));
}

#[test]
fn a_secret_that_is_not_there_is_told() {
    for mut remote in Remote::each_under_git() {
        let root =
            "  root {\n    access_key = \"AKIAEXAMPLE000000001\"\n    secret_key = \"secret:env:ROOT_SECRET\"\n  }\n";
        edit(&remote, "engine.hcl", "  lease {", &format!("{root}  lease {{"));
        commit_all(&remote.estate);
        remote.env.set("ROOT_SECRET", "example/of/a/secret/key");
        run(&remote, &["apply", "--auto-approve"], 0);
        remote.http.post(
            "aws/config/root",
            &json!({ "region": "us-east-2", "access_key": "AKIAEXAMPLE000000001", "secret_key": "x" }),
        );
        remote.env.set("ROOT_SECRET", "");
        let refused = run(&remote, &["drift", "--repair", "--auto-approve"], 1).normal();
        assert!(refused.contains("ROOT_SECRET"), "{refused}");
        remote.env.set("ROOT_SECRET", "example/of/a/secret/key");
        run(&remote, &["drift", "--repair", "--auto-approve"], 0);
        drift(&remote, 0);
    }
}

/// It is as much committed and not yet applied as any other field.
#[test]
fn a_secret_that_is_another_since_is_not_put_in_the_place_of_the_old_one() {
    let mut remote = Remote::new(Sort::Ours);
    let people = "auth \"userpass\" {}\nlogin \"userpass\" \"hugo\" {\n  password = \"secret:env:HUGO\"\n  token_ttl = \"1h\"\n}\n";
    remote.env.write("estate/people.hcl", people);
    commit_all(&remote.estate);
    remote.env.set("HUGO", "first");
    run(&remote, &["apply", "--auto-approve"], 0);
    let path = "auth/userpass/users/hugo";
    remote.http.post(path, &json!({ "token_ttl": "9h" }));
    widen(&remote, "webapp");
    remote.env.set("HUGO", "second");
    let told = run(&remote, &["drift", "--repair", "--auto-approve"], 1).normal();
    assert!(told.contains(path) && told.contains("its secret is another now than the one that was applied"), "{told}");
    let log_in = |password: &str| {
        remote.http.send("POST", "auth/userpass/login/hugo", Some(&json!({ "password": password }))).status
    };
    assert_eq!((log_in("first"), log_in("second")), (200, 400));
    assert!(
        !remote.held("aws/roles/webapp")["policy_document"].as_str().unwrap().contains("\"*\""),
        "the rest is put back"
    );
    remote.env.set("HUGO", "first");
    run(&remote, &["drift", "--repair", "--auto-approve"], 0);
    drift(&remote, 0);
}

#[test]
fn what_is_said_of_a_repair_is_for_a_repair() {
    let remote = Remote::new(Sort::Ours);
    for arguments in [&["--auto-approve"][..], &["--lock-timeout", "1s"], &["--allow-account-change"]] {
        run(&remote, &[&["drift"], arguments].concat(), 1);
    }
    let refused = run(&remote, &["drift", "--repair", "--format", "json"], 1).stderr;
    assert!(refused.contains("no output in the form json"), "{refused}");
}
