//! `leasehold history`: who applied what, and when.

use serde_json::{Value, json};

use crate::between::Fault;
use crate::env::commit_all;
use crate::remote::{Remote, shipped};
use crate::servers::Sort;

const FOLDER: &str = "leasehold/metadata/remote/history";

impl Remote {
    fn history(&self) -> Vec<Value> {
        let told = self.env.ok(&["-C", "estate", "history", "--format", "json", "--limit", "1000"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["format_version"], &told["more"]), (&json!(1), &json!(0)));
        told["applies"].as_array().unwrap().clone()
    }
}

#[test]
fn each_apply_that_changed_something_is_told_with_who_and_why() {
    for mut remote in Remote::each() {
        let commit = commit_all(&remote.estate);
        let nothing = remote.env.ok(&["-C", "estate", "history"]);
        assert!(nothing.starts_with("Nothing was applied yet"), "{nothing}");
        let plan = remote.env.run(&["-C", "estate", "plan", "--format", "json"]);
        let digest = serde_json::from_str::<Value>(&plan.stdout).unwrap()["digest"].clone();
        remote.speak_as("apply", &shipped("apply"));
        remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
        // There is nothing to tell of one that changes nothing.
        remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);

        let history = remote.history();
        assert_eq!(history.len(), 1, "{history:?}");
        let first = &history[0];
        assert_eq!(first["summary"], "Apply complete: 13 added, 0 changed, 0 deleted.");
        assert_eq!((&first["commit"], &first["plan"]), (&json!(commit), &digest));
        assert_eq!((&first["operation"], &first["more_objects"]), (&json!("apply"), &json!(0)));
        assert!(first["holder"].as_str().is_some_and(|name| !name.is_empty()) && first["ended"].is_string(), "{first}");
        let objects = first["objects"].as_array().unwrap();
        let role = json!({"path": "aws/roles/webapp", "action": "create", "result": "applied"});
        assert!(objects.len() == 13 && objects.contains(&role), "{first}");

        // One that fails in part says of each object what became of it.
        let between = remote.server.part();
        remote.at(&between.address);
        std::fs::remove_file(remote.estate.join("apps/webapp.hcl")).unwrap();
        std::fs::remove_file(remote.estate.join("tests.hcl")).unwrap();
        between.fault("DELETE /v1/aws/roles/webapp", 1, Fault::Refused(500));
        assert_eq!(remote.env.run(&["-C", "estate", "apply", "--auto-approve"]).code, 1);
        between.heal();
        // A token for plans may look.
        remote.speak_as("plan", &shipped("plan"));
        let history = remote.history();
        assert_eq!(history.len(), 2, "the newest first: {history:?}");
        let failed = json!({"path": "aws/roles/webapp", "action": "delete", "result": "failed"});
        assert!(history[0]["objects"].as_array().unwrap().contains(&failed), "{}", history[0]);
        assert!(history[0]["summary"].as_str().unwrap().starts_with("Apply incomplete:"), "{}", history[0]);
        assert!(history[0]["commit"].as_str().unwrap().ends_with("-dirty"), "{}", history[0]);

        let text = remote.env.ok(&["-C", "estate", "history", "--verbose", "--limit", "1"]);
        assert!(text.contains(": Apply incomplete:") && text.contains("delete aws/roles/webapp: failed\n"), "{text}");
        assert!(text.ends_with("1 older: --limit 2\n"), "{text}");
    }
}

#[test]
fn one_that_was_cut_off_did_not_end_and_what_can_not_be_noted_stops_nobody() {
    let remote = Remote::new(Sort::Ours);
    let between = remote.server.part();
    remote.at(&between.address);
    // It begins, and the end is not written.
    between.fault_after("PUT /v1/leasehold/data/remote/history/", 1, Fault::Refused(500));
    let applied = remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    assert!(
        applied.stderr.contains("warning: `leasehold history` does not tell how this apply ended"),
        "{}",
        applied.normal()
    );
    between.heal();
    let history = remote.history();
    assert_eq!((history.len(), &history[0]["ended"], &history[0]["summary"]), (1, &Value::Null, &json!("")));
    let text = remote.env.ok(&["-C", "estate", "history"]);
    assert!(text.contains("It did not end, or runs still."), "{text}");

    // Nor does it begin.
    let engine = remote.estate.join("engine.hcl");
    let changed = std::fs::read_to_string(&engine).unwrap().replace("\"Logins of apps\"", "\"Logins\"");
    std::fs::write(&engine, changed).unwrap();
    between.fault_after("PUT /v1/leasehold/data/remote/history/", 0, Fault::Refused(403));
    let applied = remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    assert!(applied.stdout.contains("Apply complete: 0 added, 1 changed, 0 deleted."), "{}", applied.normal());
    assert!(applied.stderr.contains("warning: `leasehold history`"), "{}", applied.normal());
    between.heal();
    assert_eq!(remote.history().len(), 1);
    remote.env.ok(&["-C", "estate", "plan"]);
}

#[test]
fn those_of_one_second_are_told_in_their_order() {
    let remote = Remote::new(Sort::Ours);
    let engine = remote.estate.join("engine.hcl");
    let text = std::fs::read_to_string(&engine).unwrap();
    for number in 1..=6 {
        std::fs::write(&engine, text.replace("\"Logins of apps\"", &format!("\"Logins {number}\""))).unwrap();
        remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    }
    let names = remote.http.send("LIST", FOLDER, None).body["data"]["keys"].as_array().unwrap().clone();
    let turns: Vec<&str> = names.iter().map(|name| name.as_str().unwrap().split('-').nth(1).unwrap()).collect();
    assert!(turns.len() == 6 && turns.is_sorted(), "{names:?}");
    let plans: Vec<Value> = remote.history().iter().map(|run| run["plan"].clone()).collect();
    let kept = |name: &Value| {
        let path = format!("leasehold/data/remote/history/{}", name.as_str().unwrap());
        remote.http.send("GET", &path, None).body["data"]["data"]["plan"].clone()
    };
    assert_eq!(plans, names.iter().rev().map(kept).collect::<Vec<_>>());
}

#[test]
fn one_that_ended_before_it_changed_anything_says_so() {
    let remote = Remote::new(Sort::Ours);
    remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let engine = remote.estate.join("engine.hcl");
    let changed = std::fs::read_to_string(&engine).unwrap().replace("\"Logins of apps\"", "\"Logins\"");
    std::fs::write(&engine, changed).unwrap();
    let between = remote.server.part();
    remote.at(&between.address);
    between.fault("PUT /v1/leasehold/data/remote/objects/", 9, Fault::Refused(403));
    assert_eq!(remote.env.run(&["-C", "estate", "apply", "--auto-approve"]).code, 1);
    between.heal();
    // Of two that begin in one second either is told first.
    let history = remote.history();
    let is_it = |run: &Value| run["summary"].as_str().unwrap().starts_with("Nothing was changed: ");
    assert!(history.iter().any(|run| run["ended"].is_string() && is_it(run)), "{history:?}");
}

/// What the next apply goes by is there first.
#[test]
fn the_ledger_has_what_was_done_before_the_history_has() {
    let remote = Remote::new(Sort::Ours);
    let between = remote.server.part();
    remote.at(&between.address);
    remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let written = |part: &str| {
        let is_it =
            |asked: &crate::fake::Asked| asked.line.starts_with(&format!("PUT /v1/leasehold/data/remote/{part}"));
        between.asked().iter().rposition(is_it).unwrap()
    };
    assert!(written("objects/") < written("history/"));
}

/// A server's bad moment stops no command that only looks.
#[test]
fn what_only_looks_asks_again() {
    let remote = Remote::new(Sort::Ours);
    remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let between = remote.server.part();
    remote.at(&between.address);
    for command in [&["history"][..], &["ledger", "show"], &["ledger", "list"], &["unlock"]] {
        between.fault("GET /v1/leasehold/", 1, Fault::Refused(500));
        remote.env.ok(&[&["-C", "estate"], command].concat());
        between.heal();
    }
}

#[test]
fn the_newest_two_hundred_are_kept_and_what_is_odd_is_told() {
    let remote = Remote::new(Sort::Ours);
    remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let of = |name: &str| format!("leasehold/data/remote/history/{name}");
    for number in 0..205 {
        let run = json!({"format": 1, "since": "2020-01-01T00:00:00Z", "holder": "ada", "plan": format!("{number}")});
        remote.http.post(&of(&format!("20200101T{number:06}Z-x")), &json!({ "data": run }));
    }
    let engine = remote.estate.join("engine.hcl");
    let changed = std::fs::read_to_string(&engine).unwrap().replace("\"Logins of apps\"", "\"Logins\"");
    std::fs::write(&engine, changed).unwrap();
    remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let left = remote.http.send("LIST", FOLDER, None).body["data"]["keys"].as_array().unwrap().clone();
    assert_eq!((left.len(), &left[0]), (200, &json!("20200101T000007Z-x")));
    assert_eq!(remote.history().len(), 200);

    remote.http.post(&of("29990101T000000Z-x"), &json!({ "data": {"format": 2} }));
    let odd = remote.env.run(&["-C", "estate", "history"]);
    assert_eq!(odd.code, 0, "{}", odd.normal());
    assert!(
        odd.stderr.contains("warning: one apply is not told: ")
            && odd.stderr.contains("its format is 2, and this version reads up to 1"),
        "{}",
        odd.normal()
    );
    assert!(odd.stdout.contains("Apply complete"), "{}", odd.normal());
    let hostile =
        json!({"format": 1, "since": "2999\u{1b}[2J", "holder": "a\nb", "summary": "\u{202e}x", "ended": "x"});
    remote.http.post(&of("29990101T000000Z-x"), &json!({ "data": hostile }));
    let text = remote.env.ok(&["-C", "estate", "history", "--limit", "1"]);
    assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.lines().count() == 3, "{text}");
}
