//! `leasehold watch --once`: what one round finds, applies, leaves alone and remembers.

use serde_json::{Value, json};

use crate::between::Fault;
use crate::env::{TestEnv, git};
use crate::watched::Watched;

/// How the last round is remembered.
fn last(watched: &Watched) -> Value {
    watched.state()["runs"][0].clone()
}

#[test]
fn a_report_finds_what_drift_finds_and_writes_nothing() {
    let watched = Watched::new();
    let commit = watched.push();
    let pending = watched.once(&[]);
    assert_eq!(pending.code, 2, "{}", pending.normal());
    assert!(pending.stdout.contains("2 committed and not yet applied"), "{}", pending.normal());
    assert_eq!((watched.policy("one"), watched.state()["applied"].clone()), (None, Value::Null));
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let clean = watched.once(&[]);
    assert_eq!(clean.code, 0, "{}", clean.normal());
    assert_eq!(watched.state()["applied"]["commit"], commit.as_str());

    watched.write_by_hand("one");
    watched.write_by_hand("stranger");
    let drift = watched.once(&[]);
    assert_eq!(drift.code, 5, "{}", drift.normal());
    assert!(drift.stdout.contains("CHANGED BEHIND OUR BACK") && drift.stdout.contains("NOT OURS"));
    let state = watched.state();
    let standing = &state["standing"];
    assert_eq!((&standing["changed"], &standing["not_ours"], &standing["pending"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(standing["findings"][0]["path"], "sys/policies/acl/one");
    assert_eq!(standing["findings"][1]["rule"], "not-ours");
    assert_eq!((&last(&watched)["outcome"], &last(&watched)["commit"]), (&json!("drift"), &json!(commit)));
    let since = standing["drift_since"].clone();
    assert!(watched.policy("one").unwrap().contains("leasehold/*"), "a report takes nothing back");

    assert_eq!(watched.once(&[]).code, 5);
    let again = watched.state();
    assert_eq!((&again["standing"]["drift_since"], &again["standing"]["findings"][0]["since"]), (&since, &since));
    assert_eq!(again["rounds"], json!({ "clean": 1, "pending": 1, "drift": 2 }));
    let lines = watched.env.ok(&["watch", "status", "--state", "state"]);
    assert!(lines.contains("not-ours sys/policies/acl/stranger") && lines.contains("It does not run."), "{lines}");
    let told: Value =
        serde_json::from_str(&watched.env.ok(&["watch", "status", "--state", "state", "--format", "json"])).unwrap();
    assert_eq!((&told["running"], &told["state"]["applied"]["commit"]), (&json!(false), &json!(commit)));
}

#[test]
fn it_applies_each_new_commit_and_takes_back_what_was_done_by_hand() {
    let watched = Watched::new();
    let first = watched.push();
    let apply = ["--mode", "apply"];
    let applied = watched.once(&apply);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    assert!(watched.policy("one").is_some());
    assert_eq!(last(&watched)["made"], json!({ "added": 2, "changed": 0, "deleted": 0 }));
    assert_eq!(watched.state()["applied"]["commit"], first.as_str());
    let ledger = watched.env.ok(&["-C", "estate", "ledger", "show", "sys/policies/acl/one"]);
    assert!(ledger.contains(&first), "{ledger}");

    watched.declare(&["one", "two", "three"]);
    let second = watched.push();
    assert_eq!(watched.once(&apply).code, 0);
    assert!(watched.policy("three").is_some());
    assert_eq!(watched.state()["applied"]["commit"], second.as_str());
    assert_eq!(watched.once(&apply).code, 0);
    assert_eq!(last(&watched)["outcome"], "clean");

    watched.write_by_hand("one");
    let taken_back = watched.once(&apply);
    assert_eq!(taken_back.code, 0, "{}", taken_back.normal());
    assert!(taken_back.stderr.contains("1 changed behind our back"), "{}", taken_back.normal());
    let run = last(&watched);
    assert_eq!((&run["outcome"], &run["changed"], &run["made"]["changed"]), (&json!("applied"), &json!(1), &json!(1)));
    assert!(!watched.policy("one").unwrap().contains("leasehold/*"));
    // What is not ours stays, and is told.
    watched.write_by_hand("stranger");
    assert_eq!(watched.once(&apply).code, 5);
    assert!(watched.policy("stranger").is_some());
    assert_eq!(watched.state()["applied"]["commit"], second.as_str());
}

#[test]
fn it_deletes_nothing_unless_it_is_let_and_then_within_the_limits() {
    let watched = Watched::new();
    watched.push();
    assert_eq!(watched.once(&["--mode", "apply"]).code, 0);
    watched.declare(&["one", "three"]);
    let commit = watched.push();
    let refused = watched.once(&["--mode", "apply"]);
    assert_eq!(refused.code, 3, "{}", refused.normal());
    assert!(refused.stderr.contains("--allow-deletes"), "{}", refused.normal());
    assert_eq!(last(&watched)["outcome"], "refused");
    assert_ne!(watched.state()["applied"]["commit"], commit.as_str());
    assert!(watched.policy("two").is_some() && watched.policy("three").is_none(), "nor is it applied in part");
    let few = watched.once(&["--mode", "apply", "--allow-deletes", "--max-deletes", "0"]);
    assert_eq!(few.code, 3, "{}", few.normal());
    let done = watched.once(&["--mode", "apply", "--allow-deletes"]);
    assert_eq!(done.code, 0, "{}", done.normal());
    assert!(watched.policy("two").is_none() && watched.policy("three").is_some());
    assert_eq!(watched.state()["applied"]["commit"], commit.as_str());
    // A branch that was put back is no order to take back what came after.
    git(&watched.env.dir().join("estate"), &["reset", "--quiet", "--hard", "HEAD~1"]);
    git(&watched.env.dir().join("estate"), &["push", "--quiet", "--force", "origin", "HEAD:main"]);
    let older = watched.once(&["--mode", "apply", "--allow-deletes"]);
    assert!(older.code == 3 && older.stderr.contains("came before"), "{}", older.normal());
}

#[test]
fn it_waits_for_who_holds_the_lock_and_that_is_no_failure() {
    let watched = Watched::new();
    watched.push();
    watched.between.fault("PUT /v1/sys/policies/acl/one", 1, Fault::Held);
    let mut apply = watched.env.command(&["-C", "estate", "apply", "--auto-approve"]);
    let mut apply = apply.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    watched.runtime.block_on(watched.between.held());
    let waits = watched.once(&["--mode", "apply"]);
    assert_eq!(waits.code, 4, "{}", waits.normal());
    assert!(waits.stderr.contains("the lock is held by ada on "), "{}", waits.normal());
    let state = watched.state();
    assert_eq!((&state["failures"], &state["runs"][0]["outcome"]), (&json!(0), &json!("waits")));
    let report = watched.once(&[]);
    assert!([0, 2].contains(&report.code), "a report needs no lock: {}", report.normal());
    watched.between.let_go();
    apply.wait().unwrap();
    assert_eq!(watched.once(&["--mode", "apply"]).code, 0);
}

#[test]
fn a_round_that_cannot_look_says_why_and_remembers_what_was_known() {
    let watched = Watched::new();
    let commit = watched.push();
    assert_eq!(watched.once(&["--mode", "apply"]).code, 0);
    let nowhere = watched.once(&["--branch", "nowhere"]);
    assert_eq!(nowhere.code, 1, "{}", nowhere.normal());
    assert!(nowhere.stderr.contains("could not be fetched: fatal: "), "{}", nowhere.normal());
    watched.env.write("estate/estate.hcl", "environment \"local\" {\n  adress = \"x\"\n}\n");
    watched.push();
    let broken = watched.once(&[]);
    assert!(broken.code == 1 && broken.stderr.contains("adress"), "{}", broken.normal());
    let state = watched.state();
    assert_eq!((&state["failures"], &state["applied"]["commit"]), (&json!(2), &json!(commit)));
    assert_eq!(state["runs"][0]["outcome"], "failed");
    // Where its estate is embedded there is no place for its engine.
    watched.env.write("estate/estate.hcl", "environment \"local\" {\n  engine = \"embedded\"\n}\n");
    watched.push();
    let embedded = watched.once(&[]);
    assert!(embedded.code == 1 && embedded.stderr.contains("--address"), "{}", embedded.normal());
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    let watched = Watched::new();
    watched.push();
    let origin = watched.origin();
    for (arguments, part) in [
        (&["watch", "estate", "--once"][..], "no environment is named"),
        (&["watch", "-e", "local", "--remote", &origin, "--once"], "--state"),
        (&["watch", "-e", "local", "--remote", &origin, "estate", "--once"], "cannot be used with"),
        (&["watch", "-e", "local", "--branch", "main", "--once"], "--remote"),
        (&["-C", "estate", "watch", "-e", "local", "--state", "s", "--remote", &origin, "--once"], "both say where"),
        (
            &["watch", "-e", "local", "--state", "s", "--remote", &origin, "--path", "../x", "--once"],
            "--path leads out",
        ),
        (
            &["watch", "-e", "local", "--state", "s", "--remote", "https://token@git.example.com/x", "--once"],
            "every process on the machine could read",
        ),
        (&["watch", "estate", "-e", "local", "--allow-deletes", "--once"], "--mode apply"),
        (&["watch", "estate", "-e", "local", "--interval", "0s", "--once"], "at least a second"),
        (&["watch", "status", "--state", "nowhere"], "there is no state"),
        // What is typed in a hurry begins no loop.
        (&["watch", "-e", "local", "suspend"], "leasehold watch suspend -e ENV"),
        (&["watch", "-e", "local", "nowhere", "--once"], "there is no directory"),
        (&["watch", "suspend", "--state", "nowhere"], "there is no state"),
    ] {
        let output = watched.env.run(arguments);
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.normal());
        assert!(output.stderr.contains(part), "{arguments:?}: {}", output.normal());
    }
    assert!(watched.between.asked().is_empty());
    assert_eq!(watched.once(&[]).code, 2);
    let another = watched.env.run(&["watch", "estate", "-e", "other", "--state", "state", "--once"]);
    assert!(another.stderr.contains("is of the environment `local`"), "{}", another.normal());
}

#[test]
fn a_directory_is_read_as_it_stands_and_its_state_is_inside() {
    let watched = Watched::new();
    let commit = watched.push();
    let applied = watched.env.run(&["watch", "estate", "-e", "local", "--mode", "apply", "--once"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    let lines = watched.env.ok(&["watch", "status", "estate", "-e", "local"]);
    assert!(lines.contains(&format!("Held whole by the engine last: {commit}, since ")), "{lines}");
    watched.declare(&["one"]);
    let pending = watched.env.run(&["watch", "estate", "-e", "local", "--once"]);
    assert_eq!(pending.code, 2, "{}", pending.normal());
    let lines = watched.env.ok(&["watch", "status", "estate", "-e", "local"]);
    assert!(lines.contains(&format!("Read last: {commit}-dirty")), "{lines}");
    let dirty = watched.env.run(&["watch", "estate", "-e", "local", "--mode", "apply", "--allow-deletes", "--once"]);
    assert!(dirty.code == 3 && dirty.stderr.contains("not as their commit has them"), "{}", dirty.normal());
    assert!(watched.policy("two").is_some());
    assert!(watched.env.dir().join("estate/.leasehold/watch/local/state.json").exists());
}

#[test]
fn of_a_commit_that_nobody_signed_nothing_is_read() {
    let watched = Watched::new();
    let make = |name: &str| {
        let mut command = std::process::Command::new("ssh-keygen");
        let made = command.args(["-q", "-t", "ed25519", "-N", "", "-f", name]).current_dir(watched.env.dir()).status();
        made.is_ok_and(|status| status.success())
    };
    if !make("alice") || !make("mallory") {
        return;
    }
    watched.push();
    let unsigned = watched.once(&["--mode", "apply", "--require-signed", "alice.pub"]);
    assert_eq!(unsigned.code, 3, "{}", unsigned.normal());
    assert!(unsigned.stderr.contains("the commit that is checked out is not signed"), "{}", unsigned.normal());
    assert!(watched.between.asked().is_empty(), "not even where its engine is");
    assert_eq!(watched.state()["seen"], Value::Null);
    let estate = watched.env.dir().join("estate");
    let sign = |name: &str| {
        let key = watched.env.dir().join(name).display().to_string();
        let key = format!("user.signingkey={key}");
        git(&estate, &["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", name]);
        git(&estate, &["push", "--quiet", "origin", "HEAD:main"]);
    };
    sign("mallory");
    let by_another = watched.once(&["--mode", "apply", "--require-signed", "alice.pub"]);
    assert!(by_another.code == 3 && by_another.stderr.contains("who is no signer"), "{}", by_another.normal());
    sign("alice");
    let signed = watched.once(&["--mode", "apply", "--require-signed", "alice.pub"]);
    assert_eq!(signed.code, 0, "{}", signed.normal());
    watched.env.write("none.pub", "# nobody\n");
    let nobody = watched.once(&["--require-signed", "none.pub"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("it has no key"), "{}", nobody.normal());
}

/// A service's command line in this world: with its repository and its place, and one round.
fn in_this_world(watched: &Watched, words: impl Iterator<Item = String>) -> Vec<String> {
    let mut told: Vec<String> = words.collect();
    for (flag, value) in [("-e", "local"), ("--remote", &*watched.origin()), ("--state", "state")] {
        let at = told.iter().position(|word| word == flag).unwrap_or_else(|| panic!("{flag} is not in {told:?}"));
        told[at + 1] = value.to_owned();
    }
    let at = told.iter().position(|word| word == "--listen").expect("it serves");
    told.splice(at..at + 2, ["--once".to_owned()]);
    told
}

#[test]
fn the_services_that_ship_call_it_as_it_is() {
    let mut watched = Watched::new();
    let text = std::fs::read_to_string(watched.env.dir().join("estate/estate.hcl")).unwrap();
    watched.env.write("estate/estate/estate.hcl", &text);
    watched.push();
    watched.env.set("LEASEHOLD_HOOK", "http://127.0.0.1:1/hook");
    let unit = include_str!("../../examples/watch/leasehold-watch.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/leasehold ")).unwrap();
    let unit: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let container = include_str!("../../examples/watch/Containerfile");
    let words = |instruction: &str| -> Vec<String> {
        let line = container.lines().find_map(|line| line.strip_prefix(instruction)).unwrap();
        serde_json::from_str(line).unwrap()
    };
    let container: Vec<String> = words("ENTRYPOINT ").into_iter().skip(1).chain(words("CMD ")).collect();
    for service in [unit, container] {
        let told = in_this_world(&watched, service.into_iter());
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        let output = watched.env.run(&told);
        assert_eq!(output.code, 2, "{told:?}: {}", output.normal());
    }
}

#[test]
fn what_the_environment_demands_of_an_apply_holds_for_a_copy_as_for_a_clone() {
    let watched = Watched::new();
    let path = watched.env.dir().join("estate/estate.hcl");
    let text = std::fs::read_to_string(&path).unwrap();
    let demanding = |more: &str| {
        let require = format!("environment \"local\" {{\n  require {{\n    clean = true\n{more}  }}\n");
        std::fs::write(&path, text.replacen("environment \"local\" {\n", &require, 1)).unwrap();
        watched.push();
    };
    demanding("    branch = \"main\"\n");
    let estate = watched.env.dir().join("estate");
    git(&estate, &["push", "--quiet", "origin", "HEAD:other"]);
    let other = watched.once(&["--mode", "apply", "--branch", "other"]);
    assert_eq!(other.code, 3, "{}", other.normal());
    assert!(other.stderr.contains("the branch `main` is not checked out"), "{}", other.normal());
    assert_eq!(watched.once(&["--mode", "apply"]).code, 0);
    demanding(
        "    signed_plan = true\n    signers = [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\"]\n",
    );
    watched.write_by_hand("one");
    let plan = watched.once(&["--mode", "apply"]);
    assert_eq!(plan.code, 3, "{}", plan.normal());
    assert!(plan.stderr.contains("only a saved plan that a signer signed is applied"), "{}", plan.normal());
    // What is found is told all the same.
    assert_eq!(last(&watched)["changed"], 1);
}

#[test]
fn git_is_told_no_secret_and_what_it_left_behind_is_in_nobodys_way() {
    let mut watched = Watched::new();
    watched.push();
    let program = watched.env.write("bin/git", "#!/bin/sh\nenv > \"$HOME/seen\"\nexec /usr/bin/git \"$@\"\n");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", watched.env.dir().join("bin").display());
    watched.env.set("PATH", path).set("HOOK", "http://127.0.0.1:1/topsecret").set("GIT_DIR", "/nowhere");
    assert_eq!(watched.once(&["--notify", "secret:env:HOOK"]).code, 2);
    let seen = std::fs::read_to_string(watched.env.dir().join("seen")).unwrap();
    assert!(seen.contains("GIT_TERMINAL_PROMPT=0"), "{seen}");
    assert!(!["LEASEHOLD_TOKEN", "HOOK=", "GIT_DIR=/nowhere"].iter().any(|one| seen.contains(one)), "{seen}");
    // A fetch that was killed.
    for left in ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"] {
        watched.env.write(&format!("state/mirror.git/{left}"), "");
    }
    watched.declare(&["one"]);
    let commit = watched.push();
    assert_eq!(watched.once(&[]).code, 2);
    assert_eq!(watched.state()["seen"]["commit"], commit.as_str());
    watched.env.set("PATH", "/nowhere");
    let without = watched.once(&[]);
    assert!(without.code == 1 && without.stderr.contains("the program git did not start"), "{}", without.normal());
}

#[test]
fn what_apps_hold_is_counted_by_role() {
    let env = TestEnv::with_tutorial();
    let status = || {
        let told = env.ok(&["watch", "status", "-e", "local", "--format", "json"]);
        serde_json::from_str::<Value>(&told).unwrap()["state"]["held"]["roles"].clone()
    };
    env.ok(&["watch", "-e", "local", "--once"]);
    assert_eq!(status(), json!([]));
    env.ok(&["creds", "webapp"]);
    env.ok(&["creds", "webapp"]);
    env.ok(&["creds", "backup"]);
    env.ok(&["watch", "-e", "local", "--once"]);
    assert_eq!(
        status(),
        json!([{"app": "backup", "role": "aws/backup", "leases": 1}, {"app": "webapp", "role": "aws/webapp", "leases": 2}])
    );
    let lines = env.ok(&["watch", "status", "-e", "local"]);
    assert!(lines.contains(": 3 leases.\n  aws/backup, app backup: 1\n  aws/webapp, app webapp: 2\n"), "{lines}");
}
