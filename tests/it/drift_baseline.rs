//! What of a drift is accepted until a day: a file says so, and nothing is silent.

use serde_json::{Value, json};

use crate::env::Output;
use crate::remote::Remote;
use crate::servers::Sort;

#[track_caller]
fn run(remote: &Remote, arguments: &[&str], code: i32) -> Output {
    let output = remote.env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(output.code, code, "{}", output.normal());
    output
}

#[track_caller]
fn drift(remote: &Remote, code: i32) -> Value {
    let said = run(remote, &["drift", "--baseline", "accepted.yaml", "--json"], code);
    serde_json::from_str(&said.stdout).unwrap()
}

fn role(remote: &Remote, name: &str, action: &str) {
    let document =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#);
    let fields = json!({ "credential_type": "iam_user", "policy_document": document });
    remote.http.post(&format!("aws/roles/{name}"), &fields);
}

const WRITE: [&str; 7] =
    ["drift", "--write-baseline", "accepted.yaml", "--until", "2999-01-01", "--reason", "the move of team web"];

#[test]
fn what_is_accepted_is_told_and_does_not_count() {
    for remote in Remote::each() {
        run(&remote, &["apply", "--auto-approve"], 0);
        role(&remote, "webapp", "s3:*");
        role(&remote, "stranger", "sqs:*");
        run(&remote, &["drift"], 5);
        let written = run(&remote, &WRITE, 0);
        assert!(written.stderr.contains("2 findings accepted in accepted.yaml"), "{}", written.normal());
        assert!(!written.stderr.contains("warning"), "{}", written.normal());
        let file = std::fs::read_to_string(remote.env.dir().join("accepted.yaml")).unwrap();
        assert!(file.contains("object: aws/roles/stranger\n  rule: not-ours\n  fingerprint: "), "{file}");
        assert!(!file.contains("sqs"), "{file}");

        let accepted = drift(&remote, 0);
        assert_eq!(accepted["summary"], json!({ "changed": 0, "pending": 0, "not_ours": 0 }));
        assert_eq!(accepted["accepted"][0]["path"], "aws/roles/webapp");
        assert_eq!(accepted["accepted"][1]["reason"], "the move of team web");
        let forms = [
            (
                "text",
                "ACCEPTED UNTIL A DAY\n  aws/roles/webapp: the aws role was changed behind our back; until 2999-01-01",
            ),
            ("markdown", "**Accepted until a day**"),
            ("sarif", "\"justification\": \"until 2999-01-01: the move of team web\""),
            ("junit", "<skipped message=\"the aws role is not ours\""),
            ("html", "Accepted until a day"),
        ];
        for (form, words) in forms {
            let said = run(&remote, &["drift", "--baseline", "accepted.yaml", "--format", form], 0).stdout;
            assert!(said.contains(words), "{form}: {said}");
        }
        // Without the file it counts as ever, and a further change is found with it.
        run(&remote, &["drift"], 5);
        role(&remote, "stranger", "kms:*");
        let further = drift(&remote, 5);
        assert_eq!(further["not_ours"][0]["path"], "aws/roles/stranger");
        let notes = further["notes"].to_string();
        assert!(notes.contains("does not accept aws/roles/stranger: it was changed since"), "{notes}");
        run(&remote, &["watch", "--once", "--state", "watch", "--baseline", "accepted.yaml"], 5);
        role(&remote, "stranger", "sqs:*");
        run(&remote, &["watch", "--once", "--state", "watch", "--baseline", "accepted.yaml"], 0);
    }
}

#[test]
fn what_has_ended_or_is_about_nothing_is_told() {
    let remote = Remote::new(Sort::Ours);
    run(&remote, &["apply", "--auto-approve"], 0);
    role(&remote, "stranger", "sqs:*");
    let entries = "- {object: 'aws/roles/str*', until: 2020-01-01, reason: over}\n\
                   - {object: aws/roles/none, until: 2999-01-01, reason: gone}\n";
    let text = format!("leasehold_baseline: 1\nenvironment: remote\naccept:\n{entries}");
    remote.env.write("accepted.yaml", &text);
    let notes = drift(&remote, 5)["notes"].to_string();
    assert!(notes.contains("entry about aws/roles/str* (until 2020-01-01) has ended"), "{notes}");
    assert!(notes.contains("entry about aws/roles/none (until 2999-01-01) is about nothing that was found"), "{notes}");
    // A pattern without a fingerprint accepts whatever it is.
    remote.env.write("accepted.yaml", &text.replace("2020-01-01", "2998-01-01").replace("aws/roles/none", "webapp"));
    assert_eq!(drift(&remote, 0)["accepted"][0]["until"], "2998-01-01");

    remote.env.write("accepted.yaml", &text.replace("remote", "prod"));
    let refused = run(&remote, &["drift", "--baseline", "accepted.yaml"], 1).stderr;
    assert!(refused.contains("it is about the environment `prod`, and this is `remote`"), "{refused}");
    remote.env.write("accepted.yaml", "accept: [1]\n");
    let refused = run(&remote, &["drift", "--baseline", "accepted.yaml"], 1).stderr;
    assert!(refused.contains("can't be used as a baseline"), "{refused}");
    let there = run(&remote, &WRITE, 1).stderr;
    assert!(there.contains("accepted.yaml is there"), "{there}");
    for until in ["2020-01-01", "soon"] {
        let arguments = ["drift", "--write-baseline", "other.yaml", "--until", until, "--reason", "r"];
        let refused = run(&remote, &arguments, 1).stderr;
        assert!(refused.contains("no baseline was written"), "{refused}");
    }
    run(&remote, &["drift", "--write-baseline", "other.yaml"], 1);
    let inside = [&["drift", "--write-baseline", "estate/within.yaml"], &WRITE[3..]].concat();
    let warned = run(&remote, &inside, 0).stderr;
    assert!(warned.contains("name it in .leaseholdignore"), "{warned}");
}
