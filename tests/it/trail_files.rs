//! `leasehold trail` over files of OpenBao, and as they are written.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::env::{Output, TestEnv};
use crate::remote::Remote;

const OPENBAO: &str = include_str!("../data/audit/openbao.log");

#[track_caller]
fn run(env: &TestEnv, arguments: &[&str], code: i32) -> Output {
    let output = env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(output.code, code, "{}", output.normal());
    output
}

#[test]
fn a_credential_of_a_cluster_leads_to_app_role_commit_and_review() {
    for remote in Remote::each_under_git() {
        run(&remote.env, &["apply", "--auto-approve"], 0);
        let commit = crate::env::git(&remote.estate, &["rev-parse", "HEAD"]).trim().to_owned();
        // What is in another namespace is another engine's: nothing here wrote its roles.
        let text = match &remote.server.namespace {
            Some(namespace) => {
                remote.env.write("audit.log", OPENBAO);
                let others = run(&remote.env, &["trail", "--file", "audit.log"], 0).stdout;
                assert!(!others.contains(&commit[..12]), "{others}");
                OPENBAO.replace(r#"{"id":"root"}"#, &format!(r#"{{"id":"n1","path":"{namespace}/"}}"#))
            }
            None => OPENBAO.to_owned(),
        };
        remote.env.write("audit.log", &text);
        let table = run(&remote.env, &["trail", "--file", "audit.log"], 0).stdout;
        let short = &commit[..12];
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["2099-11-30T15:16:38Z", "webapp", "webapp", "-", "-", "issued", short], "{table}");
        assert_eq!(rows[1][5..], ["revoked", short], "{table}");
        assert_eq!(rows.len(), 2, "{table}");
        let lines = run(&remote.env, &["trail", "--file", "audit.log", "--json", "--role", "webapp"], 0).stdout;
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let applied = run(&remote.env, &["history", "--format", "json"], 0).stdout;
        let applied: Value = serde_json::from_str(&applied).unwrap();
        assert_eq!(first["commit"], json!(commit));
        assert_eq!(
            (&first["review"], &first["plan"]),
            (&applied["applies"][0]["review"], &applied["applies"][0]["plan"])
        );
        assert_eq!(first["lease_id"], "aws/creds/webapp/soU0qLZaoW2QM54km0gS0Dwt");
        let none = run(&remote.env, &["trail", "--file", "audit.log", "--app", "backup"], 0).stdout;
        assert_eq!(none.lines().count(), 1, "{none}");
        let later = run(&remote.env, &["trail", "--file", "audit.log", "--since", "2099-12-01"], 0).stdout;
        assert_eq!(later.lines().count(), 1, "{later}");
    }
}

#[test]
fn without_the_engine_the_rest_is_told() {
    let env = TestEnv::new();
    env.write("audit.log", OPENBAO);
    let told = env.run(&["trail", "--file", "audit.log"]);
    assert_eq!(told.code, 0, "{}", told.normal());
    assert!(told.stderr.contains("does not tell commits, and the ledger is not at hand"), "{}", told.stderr);
    assert!(told.stdout.contains("webapp  webapp  -           -     issued   -"), "{}", told.stdout);
    // What is broken is counted, and what is in it does not act.
    let evil = OPENBAO
        .replace("app-webapp", "app-web\\u001b[2J")
        .replace("\"lease_id\":\"aws/creds/webapp/so", "\"lease_id\":\"aws/creds/webapp/so\\u202e");
    env.write("audit.log", &format!("{evil}{{\"response\":{{\"secret\":{{\"lease_id\":\n"));
    let told = env.run(&["trail", "--file", "audit.log"]);
    assert_eq!(told.code, 1, "{}", told.normal());
    assert!(told.stderr.contains("1 lines of audit.log could not be read"), "{}", told.stderr);
    assert!(told.stdout.contains("web\\u{1b}[2J"), "{}", told.stdout);
}

/// A command that goes on, and what it prints.
struct Followed {
    child: Child,
    lines: Receiver<String>,
}

impl Followed {
    fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        let mut command = env.command(&[&["trail", "follow"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(60)).expect("a line")
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn lines_of_a_cluster_are_followed_over_a_rotation() {
    let env = TestEnv::new();
    let path = env.write("audit.log", "");
    let followed = Followed::start(&env, &["--file", "audit.log"]);
    assert!(followed.next().starts_with("TIME "));
    let lines: Vec<String> = OPENBAO.lines().map(|line| format!("{line}\n")).collect();
    let (before, after) = lines.split_at(9);
    append(&path, &before.concat());
    assert!(followed.next().contains(" issued "));
    // The rest of a line comes later, and then in another file.
    std::fs::rename(&path, env.dir().join("audit.log.1")).unwrap();
    let (half, rest) = after[0].split_at(after[0].len() / 2);
    append(&path, half);
    append(&path, &(rest.to_owned() + &after[1..].concat()));
    // Issued, renewed, revoked.
    let told = [followed.next(), followed.next(), followed.next()];
    assert!(told[0].contains(" issued ") && told[1].contains(" issued ") && told[2].contains(" revoked "), "{told:?}");
}

#[test]
fn our_own_trail_is_followed() {
    let env = TestEnv::with_tutorial();
    let trail = env.dir().join("estate/.leasehold/local/trail.log").display().to_string();
    let followed = Followed::start(&env, &["--file", &trail, "--json", "--app", "webapp"]);
    // It has read what was there before once it is told something that is new; that may take a moment.
    std::thread::sleep(Duration::from_millis(1500));
    run(&env, &["creds", "webapp"], 0);
    let issued: Value = serde_json::from_str(&followed.next()).unwrap();
    assert_eq!((&issued["app"], &issued["state"]), (&json!("webapp"), &json!("active")), "{issued}");
    let lease = issued["lease_id"].as_str().unwrap();
    run(&env, &["lease", "revoke", lease], 0);
    let ended: Value = serde_json::from_str(&followed.next()).unwrap();
    assert_eq!((&ended["lease_id"], &ended["state"]), (&issued["lease_id"], &json!("revoked")), "{ended}");
}
