//! What `leasehold plan` and `apply` promise to the people and scripts that run them: on a terminal and off
//! it, with tokens that may do no more than they must, and when they are interrupted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::between::Fault;
use crate::env::{TestEnv, commit_all, git};
use crate::remote::{Remote, shipped};
use crate::servers::{ByHand, Sort};

const LOCAL: &str = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\n";

impl Remote {
    #[track_caller]
    fn run(&self, command: &str, code: i32) -> String {
        let mut arguments = vec!["-C", "estate", command, "-e", "remote"];
        if command == "apply" {
            arguments.push("--auto-approve");
        }
        let output = self.env.run(&arguments);
        assert_eq!(output.code, code, "{}", output.normal());
        output.stdout + &output.stderr
    }
}

#[test]
fn what_was_done_is_told_though_the_ledger_can_not_be_written() {
    for fault in [Fault::Refused(403), Fault::Refused(500), Fault::Lost] {
        let remote = Remote::new(Sort::Ours);
        let between = remote.server.part();
        remote.at(&between.address);
        // The intents arrive, and nothing after them.
        between.fault_after("PUT /v1/leasehold/data/remote/objects/", 1, fault);
        let output = remote.env.run(&["-C", "estate", "apply", "-e", "remote", "--auto-approve"]);
        assert_eq!(output.code, 1, "{fault:?}: {}", output.normal());
        assert!(output.stdout.ends_with("Apply complete: 13 added, 0 changed, 0 deleted.\n"), "{}", output.normal());
        for part in ["What became of it could not be written into the ledger", "the engine is as reported"] {
            assert!(output.stderr.contains(part), "{fault:?}: {}", output.normal());
        }
        let ledger = remote.env.run(&["-C", "estate", "ledger", "show", "-e", "remote"]);
        assert!(ledger.stdout.contains("unknown"), "{}", ledger.normal());
        between.heal();
        let said = remote.run("apply", 0);
        assert!(said.contains("Apply complete: 0 added,"), "{said}");
        let ledger = remote.env.run(&["-C", "estate", "ledger", "show", "-e", "remote"]);
        assert!(!ledger.stdout.contains("unknown"), "{}", ledger.normal());
    }
}

#[test]
fn an_update_that_the_ledger_could_not_be_told_of_is_nobody_elses() {
    for remote in Remote::each() {
        let estate = remote.env.dir().join("estate");
        let between = remote.server.part();
        remote.at(&between.address);
        let first = commit_all(&estate);
        remote.run("apply", 0);
        let file = estate.join("iam/webapp.json");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("example-webapp/*", "example-webapp/public/*")).unwrap();
        commit_all(&estate);
        // The intent arrives, then the write of the role, and nothing after them.
        between.fault_after("PUT /v1/leasehold/data/remote/objects/", 1, Fault::Refused(500));
        let told = remote.run("apply", 1);
        assert!(told.contains("Apply complete: 0 added, 1 changed, 0 deleted."), "{told}");
        let ledger = remote.env.run(&["-C", "estate", "ledger", "show", "-e", "remote"]);
        assert!(ledger.stdout.contains("unknown"), "{}", ledger.normal());
        between.heal();
        let drift = remote.run("drift", 2);
        assert!(drift.contains("Drift: 0 changed behind our back, 1 committed and not yet applied"), "{drift}");
        // The ledger knows the newer commit.
        let head = git(&estate, &["rev-parse", "HEAD"]);
        git(&estate, &["checkout", "--quiet", &first]);
        remote.run("plan", 3);
        git(&estate, &["checkout", "--quiet", &head]);
        // What is deleted next is ours, not somebody's.
        for file in ["apps/webapp.hcl", "tests.hcl"] {
            std::fs::remove_file(estate.join(file)).unwrap();
        }
        commit_all(&estate);
        remote.run("apply", 0);
        remote.run("plan", 0);
    }
}

#[test]
fn the_policies_that_we_ship_are_enough_for_plan_and_for_apply() {
    for mut remote in Remote::each() {
        remote.speak_as("plan", &shipped("plan"));
        let first = remote.run("plan", 2);
        assert!(first.contains("Plan: 13 to add, 0 to change, 0 to delete."), "{first}");
        assert!(!first.contains("may not"), "{first}");
        let applied = remote.run("apply", 1);
        assert!(
            applied.contains("may not be read with this token") && applied.contains("policies/acl/apply.hcl"),
            "{applied}"
        );

        remote.speak_as("apply", &shipped("apply"));
        remote.run("apply", 0);
        // A change of each sort, an edit by hand, and a removal.
        let engine = std::fs::read_to_string(remote.env.dir().join("estate/engine.hcl")).unwrap();
        let changed = engine
            .replace("\"Dynamic AWS credentials\"", "\"Credentials\"")
            .replace("\"Logins of apps\"", "\"Logins\"")
            .replace("\"eu-west-1\"", "\"eu-west-2\"")
            .replace("\"1h\"", "\"30m\"");
        remote.env.write("estate/engine.hcl", &changed);
        // An app that is tested must be declared, so its test goes too.
        for file in ["apps/backup.hcl", "tests.hcl"] {
            std::fs::remove_file(remote.env.dir().join("estate").join(file)).unwrap();
        }
        remote.http.post("auth/approle/role/app-webapp", &json!({ "token_ttl": 60 }));
        // A namespace has no audit devices.
        let added = usize::from(remote.server.sort == Sort::Ours);
        if remote.server.sort == Sort::Ours {
            let log = remote.env.dir().join("audit.log");
            let device = format!("audit \"file\" {{\n  file_path = \"{}\"\n}}\n", log.display());
            remote.env.write("estate/audit.hcl", &device);
        }
        let applied = remote.run("apply", 0);
        let done = format!("Apply complete: {added} added, 5 changed, 3 deleted.");
        assert!(applied.contains(&done), "{applied}");

        remote.speak_as("plan", &shipped("plan"));
        // What exists already is looked for in the ledgers of others, which this token may list.
        let by_hand = json!({ "credential_type": "iam_user", "policy_arns": "arn:aws:iam::aws:policy/X" });
        remote.http.post("aws/roles/new", &by_hand);
        let role = "role \"new\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  iam_groups = [\"g\"]\n}\n";
        let declared = remote.env.write("estate/new.hcl", role);
        let taken = remote.run("plan", 3);
        assert!(taken.contains("1 declared object exists already") && !taken.contains("may not list"), "{taken}");
        std::fs::remove_file(declared).unwrap();
        let last = remote.run("plan", 0);
        assert!(last.contains("No changes.") && !last.contains("may not"), "{last}");
    }
}

#[test]
fn leases_that_a_token_may_not_count_are_told_and_do_not_change_the_plan() {
    let mut remote = Remote::new(Sort::Ours);
    // One with an AWS account to issue from.
    let server = remote.env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
    let root = std::fs::read_to_string(remote.env.dir().join("data/root-token")).unwrap().trim().to_owned();
    remote.http = ByHand::at(&server.address, &root);
    remote.at(&server.address);
    remote.env.set("LEASEHOLD_TOKEN", root);
    remote.run("apply", 0);
    assert_eq!(remote.http.send("GET", "aws/creds/webapp", None).status, 200);
    let engine = std::fs::read_to_string(remote.env.dir().join("estate/engine.hcl")).unwrap();
    remote.env.write("estate/engine.hcl", &engine.replace("\"1h\"", "\"30m\""));
    std::fs::remove_file(remote.env.dir().join("estate/tests.hcl")).unwrap();
    std::fs::remove_file(remote.env.dir().join("estate/apps/backup.hcl")).unwrap();
    let digest = |plan: &str| {
        let at = plan.find("\nDigest ").expect("it has one");
        plan[at..].lines().nth(1).unwrap().to_owned()
    };
    let counted = remote.run("plan", 2);
    assert!(
        counted.contains("! 1 lease is out from before this change") && !counted.contains("not known"),
        "{counted}"
    );
    // Programs are told the same.
    let json = |remote: &Remote, code: i32| -> serde_json::Value {
        let output = remote.env.run(&["-C", "estate", "plan", "-e", "remote", "--json"]);
        assert_eq!(output.code, code, "{}", output.normal());
        serde_json::from_str(&output.stdout).unwrap()
    };
    let leases = |plan: &serde_json::Value, path: &str| {
        let change = plan["changes"].as_array().unwrap().iter().find(|change| change["path"] == path);
        change.unwrap_or_else(|| panic!("{path}: {plan:#}"))["leases"].clone()
    };
    let plan = json(&remote, 2);
    let folder = json!({"folder": "aws/creds/webapp", "count": 1, "at_most_seconds": 7200});
    assert_eq!(
        leases(&plan, "aws/config/lease"),
        json!({"prefix": "aws", "fate": "out", "count": 1, "at_most_seconds": 7200, "folders": [folder]})
    );
    assert_eq!(leases(&plan, "aws/roles/backup")["count"], 0);
    assert_eq!(plan["impact"]["leases"], json!({"revoked": 0, "stay": 0, "keep_older": 0, "out": 1}));
    let root = remote.env.variable("LEASEHOLD_TOKEN").to_owned();
    // With the policy as it ships it is told, without the lines for that it is not.
    remote.speak_as("plan", &shipped("plan"));
    assert_eq!(leases(&json(&remote, 2), "aws/config/lease")["count"], 1);
    let rules = shipped("plan");
    let (before, rest) = rules.split_once("path \"sys/leases/lookup/aws/*\"").unwrap();
    remote.speak_as("poor", &format!("{before}{}", rest.split_once("}\n").unwrap().1));
    let unknown = json(&remote, 2);
    assert_eq!(leases(&unknown, "aws/config/lease")["count"], json!(null));
    assert_eq!(unknown["impact"]["not_counted"], json!(["aws", "aws/creds/backup"]));
    assert_eq!(unknown["digest"], plan["digest"]);
    let uncounted = remote.run("plan", 2);
    let note = "Note: not known: how many leases are out under aws and 1 more of these changes";
    assert!(uncounted.contains(note) && !uncounted.contains("lease is out"), "{uncounted}");
    assert_eq!(digest(&counted), digest(&uncounted), "who looks is no part of the plan");
    // Of what revokes them, it stands with the change.
    std::fs::remove_dir_all(remote.env.dir().join("estate/apps")).unwrap();
    for file in ["engine.hcl", "guardrails.hcl"] {
        drop(std::fs::remove_file(remote.env.dir().join("estate").join(file)));
    }
    let unmount = remote.run("plan", 3);
    assert!(unmount.contains("! how many leases are revoked by this is not known"), "{unmount}");
    // Whoever may know reads which.
    remote.env.set("LEASEHOLD_TOKEN", root);
    let unmount = remote.run("plan", 3);
    assert!(unmount.contains("! 1 lease is revoked by this: aws/creds/webapp 1"), "{unmount}");
    assert_eq!(json(&remote, 3)["impact"]["leases"]["revoked"], 1);
    assert!(unmount.contains("! it goes with its mount, and what it issued ends with that"), "{unmount}");
    assert!(!unmount.contains("until its lease ends") && !unmount.contains("stays until it ends"), "{unmount}");
}

#[test]
fn what_was_done_by_hand_and_committed_then_is_of_that_commit() {
    let (env, estate) = under_git();
    let written = |path: &str| {
        let ledger = env.ok(&["-C", "estate", "ledger", "show", "--format", "json", path]);
        let ledger: serde_json::Value = serde_json::from_str(&ledger).unwrap();
        ledger["objects"][path]["commit"].clone()
    };
    let first = git(&estate, &["rev-parse", "HEAD"]);
    assert_eq!(written("aws/roles/webapp"), json!(first));
    change(&env, &estate, "s3:DeleteObject", "s3:PutObjectAcl");
    let document = "policy_document=@estate/iam/webapp.json";
    let role = ["-C", "estate", "write", "aws/roles/webapp", "credential_type=iam_user", document];
    env.ok(&role);
    // The engine is as the files say, and knows it of the next apply, as the ledger does: what it issues then can be
    // traced, which nothing could that was written by hand.
    let issued = |from: Option<&str>| {
        env.ok(&["-C", "estate", "read", "aws/creds/webapp"]);
        let lines: Vec<String> =
            env.ok(&["-C", "estate", "trail", "--format", "json"]).lines().map(str::to_owned).collect();
        let last = lines.iter().rev().find(|line| line.contains("aws/creds/webapp")).expect("a line");
        assert_eq!(from.is_some_and(|from| last.contains(from)), from.is_some(), "{last}");
    };
    issued(None);
    let applied = env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert!(applied.contains("somebody else made it as it is declared") && applied.contains("1 changed"), "{applied}");
    issued(Some(&git(&estate, &["rev-parse", "HEAD"])));
    assert_eq!(written("aws/roles/webapp"), json!(git(&estate, &["rev-parse", "HEAD"])));
    assert_eq!(written("aws/roles/backup"), json!(first), "nobody wrote it since");
    // So an older commit is refused, and the role can go.
    git(&estate, &["checkout", "-q", &first]);
    let older = env.run(&["-C", "estate", "plan"]);
    assert!(older.code == 3 && older.stdout.contains("--allow-older"), "{}", older.normal());
    git(&estate, &["checkout", "-q", "-"]);
    std::fs::remove_file(estate.join("apps/webapp.hcl")).unwrap();
    std::fs::remove_file(estate.join("tests.hcl")).unwrap();
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert_eq!(env.run(&["-C", "estate", "read", "aws/roles/webapp"]).code, 2);
}

#[test]
fn of_many_gains_the_weightiest_are_shown() {
    let env = TestEnv::new();
    let mut estate = format!("{LOCAL}aws \"aws\" {{}}\n");
    let role = |name: &str, action: &str| {
        format!(
            "role \"{name}\" {{\n  statement \"S\" {{\n    effect = \"Allow\"\n    actions = [\"{action}\"]\n    \
             resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    for number in 0..40 {
        estate += &role(&format!("r{number}"), "s3:GetObject");
    }
    for (name, action) in [("y1", "s3:PutBucketPolicy"), ("y2", "s3:*"), ("y3", "secretsmanager:GetSecretValue")] {
        estate += &role(name, action);
    }
    env.write("estate/estate.hcl", &estate);
    let plan = env.run(&["-C", "estate", "plan"]).stdout;
    let (_, gained) = plan.split_once("Access gained").expect(&plan);
    for name in ["aws/y1", "aws/y2", "aws/y3"] {
        assert!(gained.contains(&format!("role {name}: ")), "{name}: {plan}");
    }
}

#[test]
fn what_no_list_tells_of_an_engine_is_said_when_it_would_go() {
    for sort in [Sort::Ours, Sort::OpenBao] {
        let remote = Remote::new(sort);
        for name in ["apps", "tests.hcl", "guardrails.hcl"] {
            let path = remote.env.dir().join("estate").join(name);
            drop(std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path)));
        }
        remote.run("apply", 0);
        std::fs::remove_file(remote.env.dir().join("estate/engine.hcl")).unwrap();
        let plan = remote.run("plan", 2);
        let told = plan.contains("! static roles below it, if there are any, go along: this engine does not list them");
        assert_eq!(told, sort == Sort::OpenBao, "{plan}");
    }
}

#[test]
fn without_the_right_to_list_a_plan_says_what_it_did_not_count() {
    for mut remote in Remote::each() {
        remote.run("apply", 0);
        // But for the ledger, without which there is no plan.
        let rules = shipped("plan").replace("[\"list\"]", "[\"deny\"]");
        let ledger = "path \"leasehold/metadata/*\" {\n  capabilities = ";
        let rules = rules.replace(&format!("{ledger}[\"deny\"]"), &format!("{ledger}[\"list\"]"));
        remote.speak_as("narrow", &rules);
        let plan = remote.run("plan", 0);
        for folder in ["sys/policies/acl", "aws/roles", "auth/approle/role"] {
            let note = format!("Note: this token may not list {folder}, so what is not ours there is not counted");
            assert!(plan.contains(&note), "{note} is not in\n{plan}");
        }
        assert!(plan.contains("No changes. 13 objects are as declared."), "{plan}");
    }
}

#[test]
fn the_environment_is_the_named_one_or_the_only_one_or_local() {
    let mut env = TestEnv::new();
    env.write("estate/estate.hcl", "aws \"aws\" {}\n");
    let of = |name: &str| LOCAL.replace("local", name);
    let plan = |env: &TestEnv, arguments: &[&str]| {
        let output = env.run(&[&["plan"], arguments].concat());
        (output.code, output.stdout + &output.stderr)
    };
    let (code, text) = plan(&env, &["estate"]);
    assert!(code == 1 && text.contains("the estate declares no environment"), "{text}");
    env.write("estate/a.hcl", &of("staging"));
    let (code, text) = plan(&env, &["estate"]);
    assert!(code == 2 && text.contains("Environment staging"), "{text}");
    env.write("estate/b.hcl", &of("prod"));
    let (code, text) = plan(&env, &["estate"]);
    assert!(code == 1 && text.contains("several environments") && text.contains("`staging`"), "{text}");
    assert!(text.contains("`prod`") && text.contains("-e"), "{text}");
    let (code, text) = plan(&env, &["estate", "-e", "prod"]);
    assert!(code == 2 && text.contains("Environment prod"), "{text}");
    let (code, text) = plan(&env, &["estate", "-e", "prdo"]);
    assert!(code == 1 && text.contains("did you mean `prod`?"), "{text}");
    env.write("estate/c.hcl", &of("local"));
    let (code, text) = plan(&env, &["estate"]);
    assert!(code == 2 && text.contains("Environment local"), "{text}");
    env.set("LEASEHOLD_ENV", "staging");
    let (code, text) = plan(&env, &["estate"]);
    assert!(code == 2 && text.contains("Environment staging"), "{text}");
}

/// Runs a command on a terminal, with `input` typed; answers its exit code and what the terminal shows. `None`
/// where there is no `script` to make a terminal.
fn on_a_terminal(env: &TestEnv, arguments: &str, input: &str) -> Option<(i32, String)> {
    let binary = env!("CARGO_BIN_EXE_leasehold");
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{binary} {arguments}"), "/dev/null"]);
    command.current_dir(env.dir()).env_clear();
    command.env("HOME", env.dir()).env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    // What is typed ahead waits in the terminal until it is asked for; the end of the input comes last.
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    drop(stdin);
    Some((child.wait().unwrap().code().unwrap_or(-1), shown))
}

#[test]
fn on_a_terminal_the_plan_has_colour_and_apply_asks() {
    let env = TestEnv::new();
    env.write("estate/estate.hcl", &format!("{LOCAL}aws \"aws\" {{}}\n"));
    let Some((code, shown)) = on_a_terminal(&env, "-C estate plan", "") else { return };
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("\u{1b}["), "{shown:?}");
    let plain = env.run(&["-C", "estate", "plan"]);
    assert!(!plain.stdout.contains('\u{1b}'), "{:?}", plain.stdout);
    let (code, shown) = on_a_terminal(&env, "-C estate apply", "no\n").unwrap();
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("Only `yes` applies it") && shown.contains("nothing was applied"), "{shown}");
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 2);
    let (code, shown) = on_a_terminal(&env, "-C estate apply", "yes\n").unwrap();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Apply complete: 1 added"), "{shown}");
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 0);
}

#[test]
fn interrupted_an_apply_finishes_what_it_began_and_says_what_is_left() {
    let env = TestEnv::new();
    let mut estate = format!("{LOCAL}aws \"aws\" {{}}\n");
    for number in 0..180 {
        estate += &format!(
            "role \"r{number}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  iam_groups = [\"g\"]\n}}\n"
        );
    }
    env.write("estate/estate.hcl", &estate);
    let mut command = env.command(&["-C", "estate", "apply", "--auto-approve", "--verbose"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let begun = progress.find(|line| line.contains("aws/roles/") && line.ends_with("done"));
    assert!(begun.is_some());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let said: Vec<String> = progress.collect();
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stdout}\n{}", said.join("\n"));
    assert!(said.iter().any(|line| line.contains("Stopping after what is being written now")), "{said:?}");
    let skipped = said.iter().filter(|line| line.starts_with("Skipped ") && line.ends_with(": interrupted")).count();
    assert!(skipped > 0, "{said:?}");
    let added = 181 - skipped;
    let summary = format!("Apply incomplete: {added} added, 0 changed, 0 deleted, {skipped} skipped.");
    assert!(stdout.contains(&summary), "{summary} is not in\n{stdout}");
    // What was written is ours, and the rest is all that is left.
    let left = env.run(&["-C", "estate", "plan"]);
    assert!(left.stdout.contains(&format!("Plan: {skipped} to add, 0 to change, 0 to delete.")), "{}", left.stdout);
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 0);
}

/// The tutorial's estate under git, applied from its first commit.
fn under_git() -> (TestEnv, std::path::PathBuf) {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let estate = env.dir().join("estate");
    git(&estate, &["init", "-q"]);
    git(&estate, &["add", "-A"]);
    git(&estate, &["commit", "-qm", "first"]);
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    (env, estate)
}

fn change(env: &TestEnv, estate: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap();
    env.write("estate/iam/webapp.json", &text.replace(from, to));
    git(estate, &["add", "-A"]);
    git(estate, &["commit", "-qm", "next"]);
}

#[test]
fn an_older_commit_over_a_newer_one_is_refused_unless_asked_for() {
    let (env, estate) = under_git();
    change(&env, &estate, "example-webapp/*", "example-webapp*");
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    git(&estate, &["checkout", "-q", "HEAD~1"]);
    for command in ["plan", "apply"] {
        let mut args = vec!["-C", "estate", command];
        args.extend((command == "apply").then_some("--auto-approve"));
        let refused = env.run(&args);
        assert_eq!(refused.code, 3, "{}", refused.normal());
        assert!(
            refused.stdout.contains("which came before") && refused.stdout.contains("--allow-older"),
            "{}",
            refused.stdout
        );
    }
    // Beside it, and not before it: that is what branches are for.
    git(&estate, &["checkout", "-q", "-b", "side"]);
    change(&env, &estate, "example-webapp/*", "example-webapp-2/*");
    let beside = env.run(&["-C", "estate", "plan"]);
    assert_eq!(beside.code, 2);
    assert!(beside.stdout.contains("which these files do not come after"), "but it is told: {}", beside.stdout);
    git(&estate, &["checkout", "-q", "HEAD~1"]);
    env.ok(&["-C", "estate", "apply", "--auto-approve", "--allow-older"]);
    // What is applied now is the newest that is known.
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 0);
}

/// A clone of depth 1 is what CI checks out if nobody says more.
#[test]
fn a_shallow_clone_is_not_applied_over_what_it_can_not_be_compared_with() {
    let (env, estate) = under_git();
    git(&estate, &["branch", "old"]);
    change(&env, &estate, "example-webapp/*", "example-webapp*");
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let source = format!("file://{}", estate.display());
    git(env.dir(), &["clone", "-q", "--depth", "1", "-b", "old", &source, "shallow"]);
    std::fs::rename(estate.join(".leasehold"), env.dir().join("shallow/.leasehold")).unwrap();
    for args in [&["plan"][..], &["apply", "--auto-approve"]] {
        let refused = env.run(&[&["-C", "shallow"], args].concat());
        assert_eq!(refused.code, 3, "{}", refused.normal());
        assert!(
            refused.stdout.contains("shallow clone") && refused.stdout.contains("fetch-depth: 0"),
            "{}",
            refused.stdout
        );
    }
    // One branch alone tells nothing of the others, but that.
    git(env.dir(), &["clone", "-q", "--single-branch", "-b", "old", &source, "single"]);
    std::fs::rename(env.dir().join("shallow/.leasehold"), env.dir().join("single/.leasehold")).unwrap();
    let apart = env.run(&["-C", "single", "plan"]);
    assert!(apart.code == 2 && apart.stdout.contains("as far as this clone tells"), "{}", apart.normal());
    std::fs::rename(env.dir().join("single/.leasehold"), env.dir().join("shallow/.leasehold")).unwrap();
    git(&env.dir().join("shallow"), &["fetch", "-q", "--unshallow", "origin", "+refs/heads/*:refs/remotes/origin/*"]);
    let older = env.run(&["-C", "shallow", "plan"]);
    assert!(older.code == 3 && older.stdout.contains("which came before"), "{}", older.normal());
}

#[test]
fn an_older_commit_does_not_bring_back_what_a_newer_one_took_away() {
    let (env, estate) = under_git();
    env.write("estate/extra.hcl", "policy \"extra\" {\n  path \"a\" {\n    capabilities = [\"read\"]\n  }\n}\n");
    commit_all(&estate);
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    std::fs::remove_file(estate.join("extra.hcl")).unwrap();
    commit_all(&estate);
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    git(&estate, &["checkout", "-q", "HEAD~1"]);
    let refused = env.run(&["-C", "estate", "plan"]);
    assert_eq!(refused.code, 3, "{}", refused.normal());
    assert!(refused.stdout.contains("from which something that is gone now was applied"), "{}", refused.stdout);
}

#[test]
fn the_plan_that_was_reviewed_is_applied_and_no_other() {
    let (env, estate) = under_git();
    change(&env, &estate, "example-webapp/*", "example-webapp*");
    let plan: serde_json::Value = serde_json::from_str(&env.run(&["-C", "estate", "plan", "--json"]).stdout).unwrap();
    let (digest, review) = (plan["digest"].as_str().unwrap(), plan["review"]["digest"].as_str().unwrap());
    // One digest of what it means, in every form.
    let shown = env.run(&["-C", "estate", "plan"]).stdout;
    assert!(shown.contains(&format!("Digest {digest}.")) && shown.contains(&format!("Review {review}.")), "{shown}");
    for format in ["text", "markdown", "json", "sarif", "html"] {
        let reviewed = env.run(&["-C", "estate", "review", "HEAD~1..HEAD", "--format", format]).stdout;
        assert!(reviewed.contains(review), "{format}: {reviewed}");
    }
    for (wrong, part) in [("0".repeat(64), "look at a new plan"), (review.to_owned(), "the digest of its review")] {
        let refused = env.run(&["-C", "estate", "apply", "--expect", &wrong]);
        assert_eq!(refused.code, 4, "{}", refused.normal());
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
        assert_eq!(env.run(&["-C", "estate", "plan"]).code, 2, "nothing was applied");
    }
    let applied = env.run(&["-C", "estate", "apply", "--expect", digest]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    assert!(
        applied.stdout.contains("Apply complete") && !applied.stdout.contains("policy_document"),
        "{}",
        applied.stdout
    );
    // Once more there is nothing to do.
    assert_eq!(env.run(&["-C", "estate", "apply", "--expect", digest]).code, 0);
}

/// Above thirty changes a plan is one page; all of it is behind `--verbose`.
#[test]
fn a_plan_of_many_changes_is_summed_up() {
    let env = TestEnv::new();
    env.write("estate/environments.hcl", LOCAL);
    let role = |name: usize| {
        let bucket = format!("arn:aws:s3:::bucket-{name}/*");
        let (action, resource) = if name.is_multiple_of(20) { ("iam:*", "*") } else { ("s3:GetObject", &*bucket) };
        format!(
            "role \"r{name:03}\" {{\n  mount = \"aws\"\n  statement \"S\" {{\n    actions = [\"{action}\"]\n    resources = \
             [\"{resource}\"]\n  }}\n}}\n"
        )
    };
    let roles: String = (0..200).map(role).collect();
    env.write("estate/estate.hcl", &format!("aws \"aws\" {{\n}}\n{roles}"));
    let plan = env.run(&["-C", "estate", "plan"]);
    let longest = plan.stdout.lines().map(|line| line.chars().count()).max();
    assert!(plan.stdout.lines().count() <= 60 && longest < Some(600), "{longest:?}: {}", plan.stdout);
    insta::assert_snapshot!("plan_summed_up", plan.stdout);
    assert!(env.run(&["-C", "estate", "plan", "--verbose"]).stdout.lines().count() > 1000);
}
