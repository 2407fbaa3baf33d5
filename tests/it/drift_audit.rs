//! Who did what was found, and what was issued since, by audit files of ours and of OpenBao.
//!
//! `tests/data/audit/openbao.log` are lines of OpenBao 2.6.2, with their times and addresses moved and their hashes made short.

use serde_json::{Value, json};

use crate::env::{Output, TestEnv};
use crate::remote::Remote;
use crate::servers::Sort;

const OPENBAO: &str = include_str!("../data/audit/openbao.log");

#[track_caller]
fn run(env: &TestEnv, arguments: &[&str], code: i32) -> Output {
    let output = env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(output.code, code, "{}", output.normal());
    output
}

fn role(name: &str) -> (String, Value) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#;
    (format!("aws/roles/{name}"), json!({ "credential_type": "iam_user", "policy_document": document }))
}

#[test]
fn lines_of_openbao_tell_who_did_it() {
    for remote in Remote::each() {
        run(&remote.env, &["apply", "--auto-approve"], 0);
        for name in ["webapp", "stranger"] {
            let (path, fields) = role(name);
            remote.http.post(&path, &fields);
        }
        // The lines of a namespace are about that.
        let text = match &remote.server.namespace {
            Some(namespace) => OPENBAO.replace(r#"{"id":"root"}"#, &format!(r#"{{"id":"n1","path":"{namespace}/"}}"#)),
            None => OPENBAO.to_owned(),
        };
        // One that was refused, as OpenBao has it: its line has no error of its own.
        let refused =
            text.lines().rfind(|line| line.contains("aws/roles/webapp") && line.contains("\"response\"")).unwrap();
        let refused = refused
            .replace("15:16:38.307726207Z", "15:16:45Z")
            .replace("\"response\":{", "\"response\":{\"data\":{\"error\":\"hmac-sha256:a0\"},");
        assert!(refused.contains("15:16:45Z") && refused.contains("hmac-sha256:a0\"}"), "{refused}");
        let text = format!("{}\n{refused}\n", text.trim_end());
        // Rotated files may be named in any order.
        let (first, second) = text.split_at(text.match_indices('\n').nth(6).unwrap().0 + 1);
        remote.env.write("audit.log.1", first);
        remote.env.write("audit.log", second);
        let audit = ["drift", "--audit", "audit.log", "--audit", "audit.log.1"];
        let said = run(&remote.env, &audit, 5).stdout;
        for words in [
            "      ! by token, accessor hmac-sha256:",
            "from 192.0.2.7, 2099-11-30T15:16:38.307726207Z: update aws/roles/webapp, request fdb832d7-",
            "      ! 1 write of it before that may be none of ours; it is not as we left it since 2099-11-30T15:16:37.43216626Z",
            "      ! 2 credentials were issued under it, to webapp; 1 of them ended; when the last ends the files do not tell",
            "      ! the audit files do not have who did it; they begin at 2099-11-30T15:15:58.783606786Z",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let json: Value =
            serde_json::from_str(&run(&remote.env, &[&audit[..], &["--json"]].concat(), 5).stdout).unwrap();
        let told = &json["changed"][0]["audit"]["told"];
        assert_eq!(
            (&told["write"]["operation"], &told["issued"], &told["ended"]),
            (&json!("update"), &json!(2), &json!(1))
        );
        assert_eq!(told["write"]["remote_address"], "192.0.2.7");
        for form in ["markdown", "sarif", "junit", "html"] {
            let said = run(&remote.env, &[&audit[..], &["--format", form]].concat(), 5).stdout;
            assert!(said.contains("2 credentials were issued under it, to webapp"), "{form}: {said}");
        }
    }
}

#[test]
fn our_own_trail_tells_it_with_apps_and_ends() {
    let env = TestEnv::with_tutorial();
    let (_, fields) = role("webapp");
    let document = fields["policy_document"].as_str().unwrap();
    let write = format!("policy_document={document}");
    // What is written in the second in which an apply ends may be its own.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    run(&env, &["write", "aws/roles/webapp", "credential_type=iam_user", &write], 0);
    run(&env, &["creds", "webapp"], 0);
    let audit = ["drift", "--audit", "estate/.leasehold/local/trail.log"];
    let said = run(&env, &audit, 5).stdout;
    assert!(said.contains("! by root"), "{said}");
    assert!(said.contains(": update aws/roles/webapp, request "), "{said}");
    assert!(said.contains("! 1 credential was issued under it, to webapp; the last ends at 20"), "{said}");
}

#[test]
fn a_hostile_file_does_not_act_and_is_told() {
    let remote = Remote::new(Sort::Ours);
    run(&remote.env, &["apply", "--auto-approve"], 0);
    let (path, fields) = role("webapp");
    remote.http.post(&path, &fields);
    let line =
        OPENBAO.lines().rfind(|line| line.contains("aws/roles/webapp") && line.contains("\"response\"")).unwrap();
    let evil = line.replace("\"display_name\":\"token\"", "\"display_name\":\"\\u001b[2Jroot\\n<script>\\u202e\"");
    let huge = format!("{{\"time\":\"{}\"}}", "x".repeat(40 << 20));
    remote.env.write("audit.log", &format!("{evil}\n{huge}\nnot json\n{}\n", "{".repeat(10_000)));
    for form in ["text", "markdown", "html"] {
        let said = run(&remote.env, &["drift", "--audit", "audit.log", "--format", form], 5).stdout;
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{form}: {said}");
        assert!(form == "text" || !said.contains("<script>\\"), "{form}: {said}");
        assert!(said.contains("3 lines of the audit files could not be read"), "{form}: {said}");
    }
    remote.env.write("packed.log", "\u{1f}\u{8b}\u{8}\n");
    let packed = run(&remote.env, &["drift", "--audit", "packed.log"], 5).stdout;
    assert!(packed.contains("none of their lines could be read; unpack them"), "{packed}");
    let missing = run(&remote.env, &["drift", "--audit", "nothing.log"], 1).stderr;
    assert!(missing.contains("the audit file nothing.log could not be read"), "{missing}");
}
