//! What an environment says of drift: what nobody declared and is known, and how much what is found matters.

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
    serde_json::from_str(&run(remote, &["drift", "--json"], code).stdout).unwrap()
}

fn role(remote: &Remote, name: &str) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#;
    let fields = json!({ "credential_type": "iam_user", "policy_document": document });
    remote.http.post(&format!("aws/roles/{name}"), &fields);
}

/// Says of drift what is in a block.
fn say(remote: &Remote, rules: &str) {
    let path = remote.estate.join("remote.hcl");
    let text = std::fs::read_to_string(&path).unwrap();
    let (environment, _) = text.split_once("\n  drift {").unwrap_or((text.trim_end().trim_end_matches('}'), ""));
    std::fs::write(&path, format!("{}\n  drift {{\n{rules}  }}\n}}\n", environment.trim_end())).unwrap();
}

#[test]
fn what_is_known_is_counted_apart_and_a_note_changes_no_exit_code() {
    for remote in Remote::each() {
        run(&remote, &["apply", "--auto-approve"], 0);
        role(&remote, "legacy-a");
        role(&remote, "webapp");
        run(&remote, &["drift"], 5);
        // What was changed behind our back is never ignored.
        let ignore =
            "    ignore \"aws/roles/*\" {\n      kind   = \"aws role\"\n      reason = \"the old account's\"\n    }\n";
        say(&remote, ignore);
        let found = drift(&remote, 5);
        assert_eq!(found["summary"], json!({ "changed": 1, "pending": 0, "not_ours": 0 }));
        assert_eq!(found["changed"][0]["level"], "error");
        assert_eq!(found["ignored"][0]["path"], "aws/roles/legacy-a");
        assert_eq!(found["ignored"][0]["declared"]["file"], "remote.hcl");

        let note = |level: &str| format!("    severity \"webapp\" {{\n      level = \"{level}\"\n    }}\n");
        say(&remote, &(ignore.to_owned() + &note("warning")));
        let warned: Value = serde_json::from_str(&run(&remote, &["drift", "--format", "sarif"], 5).stdout).unwrap();
        let results = &warned["runs"][0]["results"];
        assert_eq!((&results[0]["level"], &results[0]["kind"]), (&json!("warning"), &json!("fail")));
        assert_eq!(results[1]["suppressions"][0]["kind"], "external");

        say(&remote, &(ignore.to_owned() + &note("note")));
        assert_eq!(drift(&remote, 0)["changed"][0]["level"], "note");
        let forms = [
            ("text", "aws role aws/roles/webapp [note]"),
            (
                "text",
                "IGNORED, AS THE ESTATE SAYS\n  aws/roles/legacy-a: the aws role is not ours; the old account's (remote.hcl:",
            ),
            ("text", "0 not ours. 1 ignored as the estate says."),
            ("markdown", "`aws/roles/webapp` [note]"),
            ("markdown", "Ignored, as the estate says"),
            ("junit", "<skipped message=\"the aws role was changed behind our back\""),
            ("html", "[note]"),
        ];
        for (form, words) in forms {
            let said = run(&remote, &["drift", "--format", form], 0).stdout;
            assert!(said.contains(words), "{form}: {words}: {said}");
        }
        run(&remote, &["watch", "--once", "--state", "watch"], 0);
        // Of two the sterner one holds.
        say(&remote, &format!("{ignore}{}    severity \"aws/*\" {{\n      level = \"error\"\n    }}\n", note("note")));
        drift(&remote, 5);
    }
}

#[test]
fn what_is_said_of_it_has_to_make_sense() {
    let remote = Remote::new(Sort::Ours);
    for (rules, why) in [
        ("    ignore \"a\" {}\n", "needs `reason`"),
        ("    ignore \"a\" {\n      reason = \" \"\n    }\n", "say why it is ignored"),
        ("    ignore \"a\" {\n      reason = \"r\"\n      kind = \"aws rol\"\n    }\n", "did you mean `aws role`?"),
        ("    severity \"a\" {\n      level = \"fatal\"\n    }\n", "`fatal`"),
        ("    severity \"a\" {}\n", "needs `level`"),
        ("    severity {\n      level = \"note\"\n    }\n", "label"),
        ("    ignored \"a\" {\n      reason = \"r\"\n    }\n", "ignore"),
    ] {
        say(&remote, rules);
        let refused = run(&remote, &["validate"], 1);
        assert!(refused.normal().contains(why), "{rules}: {}", refused.normal());
    }
}
