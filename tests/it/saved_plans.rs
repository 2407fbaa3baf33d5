//! Plans that are saved, approved, and applied as they are: by another job, elsewhere, later, or not at all.

use std::path::{Path, PathBuf};

use leasehold::estate::{self, Sources};
use leasehold::plan::saved::Opened;
use leasehold::plan::{Adopt, Asked};
use leasehold::proposal::{self, Basis, Purpose, Word};
use serde_json::{Value, json};

use crate::between::Fault;
use crate::env::{TestEnv, commit_all, git};
use crate::remote::{Remote, shipped};
use crate::servers::{Sort, TestServer};

/// A secret of the tutorial's engine, which must not get into any file.
const CANARY: &str = "canary/never-in-a-plan/Zm9vYmFyYmF6cXV4";

#[track_caller]
fn save(env: &TestEnv, file: &str) -> String {
    env.on_estate(&["plan", "--out", file], 2);
    std::fs::read_to_string(env.dir().join(file)).unwrap()
}

/// Applies a file that must be left alone, for this reason.
#[track_caller]
fn left_alone(env: &TestEnv, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = env.on_estate(&[&["apply"], arguments].concat(), code);
    for part in parts {
        assert!(output.stderr.contains(part), "{part:?}: {}", output.normal());
    }
    assert!(!output.stdout.contains("Apply"), "{}", output.normal());
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// The tutorial's estate under git and applied, on its own engine, with a role's document changed since.
fn local() -> (TestEnv, PathBuf) {
    let env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    commit_all(&estate);
    env.on_estate(&["apply", "--auto-approve"], 0);
    edit(&estate.join("iam/webapp.json"), "example-webapp/*", "example-webapp/public/*");
    commit_all(&estate);
    (env, estate)
}

#[test]
fn a_saved_plan_is_applied_by_who_may_apply_and_was_made_by_who_may_plan() {
    for mut remote in Remote::each_under_git() {
        remote.speak_as("plan", &shipped("plan"));
        save(&remote.env, "first.plan");
        remote.speak_as("apply", &shipped("apply"));
        let applied = remote.env.on_estate(&["apply", "first.plan"], 0);
        assert!(applied.stdout.contains("Apply complete: 13 added, 0 changed, 0 deleted."), "{}", applied.normal());
        left_alone(&remote.env, &["first.plan"], 4, &["is applied already", "nothing was applied"]);
        // A change, an edit by hand, and a removal, planned by a token that may not read what secrets are compared by.
        edit(&remote.estate.join("engine.hcl"), "\"1h\"", "\"30m\"");
        remote.http.post("auth/approle/role/app-webapp", &json!({ "token_ttl": 60 }));
        std::fs::remove_file(remote.estate.join("apps/backup.hcl")).unwrap();
        std::fs::remove_file(remote.estate.join("tests.hcl")).unwrap();
        commit_all(&remote.estate);
        remote.speak_as("plan", &shipped("plan"));
        save(&remote.env, "second.plan");
        remote.speak_as("apply", &shipped("apply"));
        let applied = remote.env.on_estate(&["apply", "second.plan"], 0);
        assert!(applied.stdout.contains("Apply complete: 0 added, 2 changed, 3 deleted."), "{}", applied.normal());
        left_alone(&remote.env, &["second.plan"], 4, &["is applied already"]);
        remote.env.on_estate(&["plan"], 0);
    }
}

#[test]
fn what_moved_is_shown_in_three_ways_and_nothing_is_written() {
    for remote in Remote::each_under_git() {
        remote.env.on_estate(&["apply", "--auto-approve"], 0);
        edit(&remote.estate.join("engine.hcl"), "\"1h\"", "\"30m\"");
        edit(&remote.estate.join("iam/webapp.json"), "example-webapp/*", "example-webapp/public/*");
        save(&remote.env, "a.plan");
        let role = remote.held("aws/roles/webapp");
        remote.http.post("aws/config/lease", &json!({ "lease": "50m", "lease_max": "2h" }));
        left_alone(
            &remote.env,
            &["a.plan"],
            4,
            &[
                "Left alone aws lease aws/config/lease (engine.hcl:",
                "1h when planned, 50m now, 30m declared",
                "make a new plan",
            ],
        );
        assert_eq!(remote.held("aws/roles/webapp"), role, "its sibling is not written");
        // Back as it was, it is what was planned.
        remote.http.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
        assert_eq!(remote.http.send("DELETE", "aws/roles/webapp", None).status, 204);
        left_alone(
            &remote.env,
            &["a.plan"],
            4,
            &["Left alone aws role aws/roles/webapp", "it is gone since", " when planned, (none) now, "],
        );
        assert_eq!(remote.held("aws/roles/webapp"), Value::Null);
    }
}

#[test]
fn an_engine_is_known_by_its_id_and_not_by_its_address() {
    for remote in Remote::each_under_git() {
        save(&remote.env, "a.plan");
        let other = TestServer::start(remote.server.sort);
        let at = |address: &str, code: i32| {
            let arguments = ["-C", "estate", "--address", address, "apply", "a.plan"];
            let output = remote.env.run(&arguments);
            assert_eq!(output.code, code, "{}", output.normal());
            output.stderr
        };
        if !remote.server.is_real() {
            let refused = at(&other.address, 4);
            assert!(refused.contains("the plan was made from another engine: "), "{refused}");
            assert_eq!(other.by_hand().send("GET", "sys/mounts/aws", None).status, 400);
        }
        at(&remote.server.part().address, 0);
    }
}

#[test]
fn another_environment_is_refused_and_the_plans_own_is_taken() {
    let (env, estate) = local();
    let mut text = std::fs::read_to_string(estate.join("environments.hcl")).unwrap();
    text += "environment \"other\" {\n  engine = \"embedded\"\n  aws = \"sandbox\"\n  var {\n    account = \
             \"444455556666\"\n  }\n}\n";
    std::fs::write(estate.join("environments.hcl"), text).unwrap();
    env.on_estate(&["plan", "-e", "other", "--out", "other.plan"], 2);
    left_alone(&env, &["-e", "local", "other.plan"], 4, &["is for the environment `other`, and `local` was asked for"]);
    // Nobody needs to say which.
    let applied = env.on_estate(&["apply", "other.plan"], 0);
    assert!(applied.stderr.contains(" of other, from "), "{}", applied.normal());
    assert_eq!(env.on_estate(&["plan"], 2).stdout.matches("1 to change").count(), 1, "the default one is as it was");
}

#[test]
fn files_are_bound_by_what_is_in_them_and_not_by_their_commit() {
    let (env, estate) = local();
    let saved: Value = serde_json::from_str(&save(&env, "a.plan")).unwrap();
    let commit = git(&estate, &["rev-parse", "HEAD"]);
    let refused = |part: &str| left_alone(&env, &["a.plan"], 4, &["the estate's files are not those", part]);
    edit(&estate.join("iam/webapp.json"), "public/*", "private/*");
    refused("iam/webapp.json has changed");
    let events = env.on_estate(&["apply", "a.plan", "--json"], 4).stdout;
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(words, ["plan", "error"], "{events:#?}");
    assert_eq!((&events[0]["plan"], &events[1]["exit_code"]), (&saved["plan"], &Value::from(4)));
    git(&estate, &["checkout", "-q", "."]);
    env.write("estate/more.hcl", "# nothing\n");
    refused("more.hcl is new");
    std::fs::remove_file(estate.join("more.hcl")).unwrap();
    std::fs::rename(estate.join("tests.hcl"), env.dir().join("tests.hcl")).unwrap();
    refused("tests.hcl is gone");
    std::fs::rename(env.dir().join("tests.hcl"), estate.join("tests.hcl")).unwrap();
    // The same content as another commit, as a squash merge makes one.
    git(&estate, &["reset", "-q", "--soft", "HEAD~1"]);
    git(&estate, &["commit", "-qm", "squashed"]);
    let squashed = git(&estate, &["rev-parse", "HEAD"]);
    assert_ne!(squashed, commit);
    env.on_estate(&["apply", "a.plan"], 0);
    let ledger = env.on_estate(&["ledger", "show", "aws/roles/webapp"], 0).stdout;
    assert!(ledger.contains(&squashed) && !ledger.contains(&commit), "{ledger}");
    // Its digest leads from each credential, and from the ledger, to what was approved.
    let digest = saved["digest"].as_str().unwrap();
    let ledger = env.on_estate(&["ledger", "show", "--format", "json", "aws/roles/webapp"], 0).stdout;
    let ledger: Value = serde_json::from_str(&ledger).unwrap();
    assert_eq!(ledger["objects"]["aws/roles/webapp"]["plan"], digest);
    env.on_estate(&["read", "aws/creds/webapp"], 0);
    let trail = env.on_estate(&["trail", "--format", "json"], 0).stdout;
    let issued = trail.lines().rfind(|line| line.contains("aws/creds/webapp")).expect(&trail);
    assert!(issued.contains(&format!("\"plan\":\"{digest}\"")), "{issued}");
}

#[test]
fn a_plan_of_changed_files_says_so_and_is_applied_once_they_are_committed() {
    let (env, estate) = local();
    edit(&estate.join("engine.hcl"), "\"1h\"", "\"30m\"");
    let saved: Value = serde_json::from_str(&save(&env, "a.plan")).unwrap();
    assert!(saved["commit"].as_str().unwrap().ends_with("-dirty"), "{}", saved["commit"]);
    commit_all(&estate);
    env.on_estate(&["apply", "a.plan"], 0);
    env.on_estate(&["plan"], 0);
}

#[test]
fn what_else_happens_on_the_engine_does_not_make_a_plan_stale() {
    let (env, estate) = local();
    save(&env, "a.plan");
    // An edit by hand of something else, something that nobody declared, and an apply that has nothing to do with it.
    env.on_estate(&["write", "aws/config/lease", "lease=50m", "lease_max=24h"], 0);
    env.on_estate(&["write", "sys/policies/acl/by-hand", "policy=path \"x\" { capabilities = [\"read\"] }"], 0);
    let planned = std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap();
    git(&estate, &["checkout", "-q", "HEAD~1"]);
    env.write("estate/extra.hcl", "policy \"extra\" {\n  path \"a\" {\n    capabilities = [\"read\"]\n  }\n}\n");
    env.write("estate/leases.hcl", "");
    let lease = std::fs::read_to_string(estate.join("engine.hcl")).unwrap();
    env.write("estate/engine.hcl", &lease.replace("\"1h\"", "\"50m\""));
    env.on_estate(&["apply", "--auto-approve"], 0);
    for file in ["extra.hcl", "leases.hcl"] {
        std::fs::remove_file(estate.join(file)).unwrap();
    }
    git(&estate, &["checkout", "-qf", "-"]);
    assert_eq!(std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap(), planned);
    let applied = env.on_estate(&["apply", "a.plan"], 0);
    assert!(applied.stdout.contains("Apply complete: 0 added, 1 changed, 0 deleted."), "{}", applied.normal());
    let after = env.on_estate(&["plan"], 2).stdout;
    assert!(after.contains("aws/config/lease") && after.contains("sys/policies/acl/extra"), "{after}");
    assert!(!after.contains("aws/roles/webapp"), "{after}");
}

/// An object that another apply wrote meanwhile, and that looks the same: a secret that nobody can see may be another.
#[test]
fn what_another_apply_wrote_is_not_written_over() {
    let (env, estate) = local();
    let before = std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap();
    save(&env, "a.plan");
    env.on_estate(&["apply", "--auto-approve"], 0);
    edit(&estate.join("iam/webapp.json"), "example-webapp/public/*", "example-webapp/*");
    commit_all(&estate);
    env.on_estate(&["apply", "--auto-approve"], 0);
    env.write("estate/iam/webapp.json", &before);
    commit_all(&estate);
    left_alone(&env, &["a.plan"], 4, &["the ledger's entry was written since the plan was made"]);
}

#[test]
fn no_secret_is_in_the_file_and_who_applies_brings_it() {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    let root =
        "  root {\n    access_key = \"secret:env:ACCESS\"\n    secret_key = \"secret:env:SECRET\"\n  }\n\n  lease {";
    edit(&estate.join("engine.hcl"), "  lease {", root);
    commit_all(&estate);
    // Where it was made there are none.
    save(&env, "a.plan");
    left_alone(&env, &["a.plan"], 1, &["secrets are missing", "ACCESS", "SECRET"]);
    env.set("ACCESS", "AKIAIOSFODNN7EXAMPLE").set("SECRET", CANARY);
    env.on_estate(&["apply", "a.plan"], 0);
    // Where there are, they are not in it either, nor what could be held against guesses.
    edit(&estate.join("engine.hcl"), "eu-west-1", "eu-west-2");
    let other = format!("{CANARY}2");
    env.set("SECRET", &*other);
    let text = save(&env, "b.plan");
    let ledger = env.on_estate(&["ledger", "show", "--format", "json"], 0).stdout;
    for (name, file) in [("plan", &text), ("ledger", &ledger)] {
        assert!(!file.contains("canary"), "the {name} has it");
    }
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    for digest in digests.find_iter(&text) {
        let digest = digest.as_str();
        assert!(!same_digest(digest, CANARY) && !same_digest(digest, &other), "a digest of it alone");
    }
    env.on_estate(&["apply", "b.plan"], 0);
    env.on_estate(&["plan"], 0);
}

fn same_digest(digest: &str, text: &str) -> bool {
    leasehold::object::fingerprint::of_text(text) == digest
}

#[test]
fn an_apply_that_was_stopped_is_gone_on_with_by_a_new_plan() {
    let remote = Remote::new(Sort::Ours);
    save(&remote.env, "a.plan");
    let between = remote.server.part();
    between.fault_after("PUT /v1/aws/roles/", 1, Fault::Refused(400));
    let stopped = remote.env.run(&["-C", "estate", "--address", &between.address, "apply", "a.plan"]);
    assert!(stopped.code == 1 && stopped.stdout.contains("Apply incomplete"), "{}", stopped.normal());
    between.heal();
    let parts = ["the plan is stale: ", "changes done already", "which holds what is left"];
    left_alone(&remote.env, &["a.plan"], 4, &parts);
    save(&remote.env, "b.plan");
    remote.env.on_estate(&["apply", "b.plan"], 0);
    remote.env.on_estate(&["plan"], 0);
}

#[test]
fn what_is_refused_is_not_saved_and_what_was_allowed_holds() {
    let (env, estate) = local();
    let first = git(&estate, &["rev-parse", "HEAD~1"]);
    env.on_estate(&["apply", "--auto-approve"], 0);
    git(&estate, &["checkout", "-q", &first]);
    let refused = env.on_estate(&["plan", "--out", "a.plan"], 3);
    assert!(refused.stderr.contains("Not saved to a.plan: what is refused can't be applied."), "{}", refused.normal());
    assert!(!env.dir().join("a.plan").exists());
    env.on_estate(&["plan", "--out", "a.plan", "--allow-older"], 2);
    for flag in ["--allow-older", "--adopt", "--allow-account-change"] {
        left_alone(&env, &["a.plan", flag], 1, &[flag, "leasehold plan --out"]);
    }
    left_alone(&env, &["a.plan", "--expect", &"0".repeat(64)], 4, &["is not the plan that is expected"]);
    let saved: Value = serde_json::from_slice(&std::fs::read(env.dir().join("a.plan")).unwrap()).unwrap();
    env.on_estate(&["apply", "a.plan", "--expect", saved["digest"].as_str().unwrap()], 0);
}

#[test]
fn a_plan_without_changes_is_saved_and_says_so() {
    let (env, _) = local();
    env.on_estate(&["apply", "--auto-approve"], 0);
    env.on_estate(&["plan", "--out", "a.plan"], 0);
    let applied = env.on_estate(&["apply", "a.plan"], 0);
    assert_eq!(applied.stdout, "The plan is empty: there is nothing to apply.\n");
}

#[test]
fn a_file_that_is_no_plan_or_not_as_it_was_written_is_refused() {
    let (env, _) = local();
    let text = save(&env, "a.plan");
    let refused = |bytes: &[u8], part: &str| {
        std::fs::write(env.dir().join("bad.plan"), bytes).unwrap();
        left_alone(&env, &["bad.plan"], 1, &["bad.plan can't be applied: ", part]);
    };
    refused(text.replace('\n', "\r\n").as_bytes(), "it was changed since it was written");
    refused(text.replacen("\"action\": \"update\"", "\"action\": \"delete\"", 1).as_bytes(), "it was changed");
    refused(format!("{text}\n").as_bytes(), "it was changed");
    refused(&text.as_bytes()[..text.len() / 2], "no saved plan, or not all of one");
    refused(text.replacen("\"leasehold_plan\": 1", "\"leasehold_plan\": 2", 1).as_bytes(), "it has the format 2");
    refused(b"{\"a\": 1}", "it is JSON, and no saved plan");
    refused("[".repeat(1_000_000).as_bytes(), "no saved plan");
    refused(b"\xff\xfe", "it is not UTF-8");
    refused(b"", "no saved plan");
    // What is no file is neither read nor written.
    rustix::fs::mknodat(rustix::fs::CWD, env.dir().join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    left_alone(&env, &["pipe"], 1, &["it is no file"]);
    let unsaved = env.on_estate(&["plan", "--out", "pipe"], 1);
    assert!(unsaved.stderr.contains("it is there, and is no file"), "{}", unsaved.normal());
}

/// What was excepted from a guardrail when a plan was approved, and is not any more when it is applied.
#[tokio::test]
async fn an_exception_that_has_ended_since_refuses_what_was_approved() {
    let server = TestServer::start(Sort::Ours);
    let client = server.client(&server.address);
    let text = r#"
environment "remote" {
  address = "http://127.0.0.1:1"
}
aws "aws" {}
guardrail "no-delete" {
  deny {
    actions = ["s3:DeleteObject"]
  }
  except {
    roles   = ["r"]
    reason  = "SEC-1"
    owner   = "secops"
    expires = "2035-02-01"
  }
}
role "r" {
  statement "S" {
    actions   = ["s3:DeleteObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
}
"#;
    let sources = Sources::from_texts([("estate.hcl".to_owned(), text.to_owned())], []);
    let read = || estate::load(&sources, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let on = |today, purpose| Basis { dir: home.path(), shared: true, today, purpose };
    let word = Word {
        adopt: Adopt::Refuse,
        adopt_from: &[],
        account_change: false,
        older: false,
        max_deletes: None,
        asked: &Asked::default(),
    };
    let proposed = proposal::propose(read(), &client, on("2035-01-31", Purpose::Show), word).await.unwrap();
    assert!(proposed.plan.refusals.is_empty(), "{:?}", proposed.plan.refusals);
    let saved = proposal::save(&proposed, &sources, &client, word, "2035-01-31T00:00:00Z".to_owned()).await.unwrap();
    let opened = Opened::read(saved.text().unwrap().into_bytes(), None).unwrap();
    let again = async |today| {
        let reopened = proposal::reopen(&opened, read(), &sources, &client, on(today, Purpose::Apply)).await.unwrap();
        reopened.plan.refusals.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(again("2035-01-31").await, Vec::<String>::new());
    let refused = again("2035-02-02").await;
    assert!(refused.len() == 1 && refused[0].contains("no-delete"), "{refused:?}");
}
