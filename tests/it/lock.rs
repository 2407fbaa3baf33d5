//! One apply at a time: who is second is told or waits, and who lost the lock stops.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use leasehold::ledger::Ledger;
use leasehold::ledger::lock::{self, Claim, Ended, Standing};
use leasehold::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use time::macros::datetime;

use crate::between::{Between, Fault};
use crate::env::{InTestEngine, Output, TestEnv};
use crate::servers::{Sort, TestServer};

/// Where the lock is, as a client and as a command of the engine sees it.
const LOCK: &str = "leasehold/data/local/lock";

/// A server, something in front of it, and a place for estates.
struct World {
    env: TestEnv,
    server: TestServer,
    between: Between,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let server = TestServer::start(Sort::of(module_path!()));
        let between = server.part();
        let mut env = TestEnv::new();
        env.set("LEASEHOLD_TOKEN", &*server.token).set("USER", "ada");
        if let Some(namespace) = &server.namespace {
            env.set("LEASEHOLD_NAMESPACE", namespace);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { env, server, between, runtime }
    }

    /// An estate of one owner with these policies.
    fn declare(&self, name: &str, policies: &[usize]) {
        let address = &self.between.address;
        let mut text = format!("environment \"local\" {{\n  address = \"{address}\"\n  max_deletes = 100\n}}\n");
        for policy in policies {
            text +=
                &format!("policy \"p{policy}\" {{\n  path \"{name}\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n");
        }
        self.env.write(&format!("{name}/estate.hcl"), &text);
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        let mut all = vec!["-C", name];
        all.extend(arguments);
        self.env.run(&all)
    }

    fn start(&self, name: &str, arguments: &[&str]) -> Child {
        let mut all = vec!["-C", name, "apply", "--auto-approve"];
        all.extend(arguments);
        let mut command = self.env.command(&all);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts an apply and returns when its write to a path has reached the engine, and nobody has answered.
    fn start_until_held(&self, name: &str, path: &str, fault: Fault) -> Child {
        self.between.fault(&format!("PUT /v1/{path}"), 1, fault);
        let child = self.start(name, &[]);
        self.runtime.block_on(self.between.held());
        child
    }

    fn read(&self, path: &str) -> Option<Map<String, Value>> {
        self.runtime.block_on(self.server.hand().read(path)).unwrap().and_then(|answer| answer.data)
    }

    fn lock(&self) -> Value {
        self.read(LOCK).map_or(Value::Null, |data| data["data"].clone())
    }
}

/// How a process ended: its code, and all that it said.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn applies_at_once_happen_one_after_the_other() {
    for count in [2, 8] {
        let world = World::new();
        let name = |number: usize| format!("estate{number}");
        for number in 0..count {
            // Each has some of its neighbours' policies, and one that all have, and gives them other rules.
            world.declare(&name(number), &[99, number, number + 1, number + 2]);
        }
        let started: Vec<Child> =
            (0..count).map(|number| world.start(&name(number), &["--lock-timeout", "5m"])).collect();
        for child in started {
            let (code, said) = ended(child);
            assert_eq!(code, Some(0), "{said}");
            assert!(said.contains("Apply complete"), "{said}");
        }
        // The engine is as the last of them declared, and that one finds nothing to do.
        let settled: Vec<usize> = (0..count).filter(|&number| world.run(&name(number), &["plan"]).code == 0).collect();
        let &[last] = settled.as_slice() else { panic!("not as one of them: {settled:?}") };
        for policy in 0..count + 2 {
            let is_there = world.read(&format!("sys/policies/acl/p{policy}")).is_some();
            assert_eq!(is_there, (last..last + 3).contains(&policy), "p{policy} after estate{last}");
        }
        let again = world.run(&name(last), &["apply", "--auto-approve"]);
        assert!(again.code == 0 && again.stdout.contains("Apply complete: 0 added, 0 changed, 0 deleted."));
    }
}

#[test]
fn a_second_apply_is_told_who_is_at_it_and_plan_and_drift_are_not_held_up() {
    let world = World::new();
    world.declare("first", &[0, 1]);
    world.declare("second", &[0, 2]);
    let first = world.start_until_held("first", "sys/policies/acl/p0", Fault::Held);
    let refused = world.run("second", &["apply", "--auto-approve"]);
    assert_eq!(refused.code, 4, "{}", refused.normal());
    let said = &refused.stderr;
    for part in [
        "the lock of an estate without a name, environment `local` is held by ada on ",
        "(apply, since 20",
        "--lock-timeout",
        "`leasehold unlock`",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let forgotten = world.run("second", &["forget", "sys/policies/acl/p0"]);
    assert!(forgotten.code == 4 && forgotten.stderr.contains("is held by ada on "), "{}", forgotten.normal());
    let waited = world.run("second", &["apply", "--auto-approve", "--lock-timeout", "1s"]);
    assert!(waited.code == 4 && waited.stderr.contains("Waiting for the lock: it is held by ada on "));
    assert_eq!(world.run("second", &["plan"]).code, 2);
    let drift = world.run("first", &["drift"]);
    assert!([0, 2].contains(&drift.code), "{}", drift.normal());
    let asked = world.between.asked().len();
    assert_eq!(world.run("second", &["plan"]).code, 2);
    let of_plan = world.between.asked().split_off(asked);
    assert!(!of_plan.iter().any(|asked| asked.line.contains("/lock")), "a plan asks for no lock");
    signal(&first, Signal::KILL);
    ended(first);
}

#[test]
fn who_lost_the_lock_stops_before_the_next_write_and_the_next_apply_goes_on() {
    let world = World::new();
    world.declare("first", &[0]);
    let text = std::fs::read_to_string(world.env.dir().join("first/estate.hcl")).unwrap();
    // The settings stand on their engine, which is written before them.
    let engine = "kv \"kv-of-lock\" {\n  version = 2\n  max_versions = 3\n}\n";
    world.env.write("first/estate.hcl", &(text + engine));
    let first = world.start_until_held("first", "sys/mounts/kv-of-lock", Fault::Held);

    let shown = world.run("first", &["unlock"]);
    assert_eq!(shown.code, 1, "{}", shown.normal());
    assert!(shown.stdout.contains(" is held by ada on ") && shown.stderr.contains("there is no terminal to ask on"));
    assert_eq!(world.lock()["holder"], "ada");
    let taken = world.run("first", &["unlock", "--yes"]);
    assert!(taken.code == 0 && taken.stdout.contains("It is free now."), "{}", taken.normal());
    let again = world.run("first", &["unlock"]);
    assert!(again.code == 0 && again.stdout.starts_with("Nobody holds the lock of "), "{}", again.normal());

    // Its connection is cut, and it reads that the engine has done what it was sent.
    world.between.let_go();
    let (code, said) = ended(first);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("kv-of-lock/config") && said.contains("the lock was taken by ada on "), "{said}");
    assert!(
        said.contains("Error: stopped: the lock was taken by ada on ") && said.contains("Apply incomplete: "),
        "{said}"
    );
    assert_eq!(world.lock()["free"], true, "it does not take it back");
    let ledger = world.run("first", &["ledger", "show"]);
    assert!(ledger.stdout.contains("unknown"), "{}", ledger.normal());

    let next = world.run("first", &["apply", "--auto-approve"]);
    assert_eq!(next.code, 0, "{}", next.normal());
    assert_eq!(world.run("first", &["plan"]).code, 0);
    assert_eq!(world.lock()["free"], true);
}

#[test]
fn a_holder_that_was_killed_keeps_nobody_waiting_on_its_machine() {
    let world = World::new();
    world.declare("first", &[0, 1]);
    world.declare("second", &[0, 2]);
    let first = world.start_until_held("first", "sys/policies/acl/p0", Fault::Stuck);
    signal(&first, Signal::KILL);
    ended(first);
    assert_eq!(world.lock()["holder"], "ada");
    let shown = world.run("second", &["unlock"]);
    assert!(shown.stdout.contains("its process runs no more"), "{}", shown.normal());
    let second = world.run("second", &["apply", "--auto-approve"]);
    assert_eq!(second.code, 0, "{}", second.normal());
    assert_eq!(world.run("second", &["plan"]).code, 0);
}

#[test]
fn interrupted_it_gives_the_lock_back() {
    for times in [1, 2] {
        let world = World::new();
        world.declare("first", &[0, 1]);
        let mut first = world.start_until_held("first", "sys/policies/acl/p0", Fault::Stuck);
        let mut said = String::new();
        let mut stderr = std::io::BufReader::new(first.stderr.take().unwrap());
        for time in 1..=times {
            signal(&first, Signal::INT);
            while time == 1 && !said.contains("once more stops at once") {
                assert!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap() > 0, "{said}");
            }
        }
        if times == 1 {
            world.between.let_go();
        }
        stderr.read_to_string(&mut said).unwrap();
        let code = first.wait().unwrap().code();
        assert_eq!(code, Some(if times == 1 { 1 } else { 130 }), "{said}");
        assert_eq!(world.lock()["free"], true, "{said}");
        let again = world.run("first", &["apply", "--auto-approve"]);
        assert_eq!(again.code, 0, "{}", again.normal());
    }
}

#[test]
fn a_lost_answer_of_the_locks_writes_is_looked_at() {
    for (after, fault) in [0, 1].into_iter().flat_map(|after| [(after, Fault::Unanswered), (after, Fault::Lost)]) {
        let world = World::new();
        world.declare("first", &[0]);
        world.between.fault_once(&format!("PUT /v1/{LOCK}"), after, fault);
        let first = world.run("first", &["apply", "--auto-approve"]);
        assert_eq!(first.code, 0, "{after} {fault:?}: {}", first.normal());
        assert!(!first.stderr.contains("lock"), "{after} {fault:?}: {}", first.normal());
        assert_eq!(world.lock()["free"], true, "{after} {fault:?}");
    }
}

#[test]
fn who_was_overtaken_while_the_plan_was_looked_at_plans_anew() {
    let world = World::new();
    world.declare("first", &[0, 1]);
    world.declare("second", &[1, 2]);
    assert_eq!(world.run("first", &["apply", "--auto-approve"]).code, 0);
    world.declare("first", &[0, 1, 3]);
    let digest = |output: Output| {
        let digest = output.stdout.lines().find_map(|line| line.strip_prefix("Digest ")?.strip_suffix('.'));
        digest.unwrap_or_else(|| panic!("{}", output.stdout)).to_owned()
    };
    let planned = digest(world.run("first", &["plan"]));
    // It is held up just before it takes the lock, while another apply runs.
    world.between.fault("PUT /v1/leasehold/data/local/lock", 1, Fault::Stuck);
    let first = world.start("first", &["--expect", &planned]);
    world.runtime.block_on(world.between.held());
    let second = world.run("second", &["apply", "--auto-approve"]);
    assert_eq!(second.code, 0, "{}", second.normal());
    world.between.let_go();
    let (code, said) = ended(first);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("planning anew") && said.contains("this is not the plan that is expected"), "{said}");
    assert_eq!(world.lock()["free"], true);
    let again = world.run("first", &["apply", "--auto-approve"]);
    assert_eq!(again.code, 0, "{}", again.normal());
}

/// An engine whose time the test moves, and a client of somebody with a ledger there.
async fn timed() -> (Clock, InTestEngine, Client, Ledger) {
    let clock = Clock::manual(datetime!(2026-11-25 08:00 UTC));
    let engine = InTestEngine::start(clock.clone(), AwsTransport::Network);
    let target = Target::Network { addresses: Addresses::one(&engine.address).unwrap(), tls: TlsOptions::default() };
    let client = Client::new(target, Options::new(Some(Secret::new(&*engine.root_token)))).unwrap();
    let ledger = Ledger::read(&client, "local").await.unwrap();
    (clock, engine, client, ledger)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_lasts_while_it_is_renewed_and_ends_when_nobody_does() {
    let (clock, _engine, client, mut ledger) = timed().await;
    let claim = Claim::new("ada", "ci-7", "apply").unwrap();
    let seen = lock::look(&client, &clock, "local").await.unwrap();
    let held = ledger.lock(&client, &clock, &claim, &seen).await.unwrap();
    // Of two who saw it free one has it.
    let other = Claim::new("bob", "ci-8", "apply").unwrap();
    assert!(ledger.lock(&client, &clock, &other, &seen).await.is_err());

    let version = async || client.read(LOCK).await.unwrap().unwrap().data.unwrap()["metadata"]["version"].clone();
    let renewed = async {
        for turn in 2..12 {
            while version().await != turn {
                clock.advance(Duration::from_secs(1));
            }
            let seen = lock::look(&client, &clock, "local").await.unwrap();
            assert!(seen.held().unwrap().ended.is_none());
        }
    };
    tokio::select! {
        () = renewed => {}
        never = held.renewed() => match never {},
    }
    assert_eq!(held.standing().await.unwrap(), Standing::Ours);
    clock.advance(lock::TTL + Duration::from_secs(2));
    let seen = lock::look(&client, &clock, "local").await.unwrap();
    assert_eq!(seen.held().unwrap().ended, Some(Ended::Unrenewed));
    assert!(seen.held().unwrap().by.to_string().starts_with("ada on ci-7 (apply, since 2026-11-25T08:00:00Z)"));
    // It is its holder's until somebody takes it.
    assert_eq!(held.standing().await.unwrap(), Standing::Ours);
    let theirs = ledger.lock(&client, &clock, &other, &seen).await.unwrap();
    let Standing::Lost(by) = held.standing().await.unwrap() else { panic!("it is lost") };
    assert!(by.starts_with("bob on ci-8 (apply, since "), "{by}");
    held.free().await.unwrap();
    assert_eq!(theirs.standing().await.unwrap(), Standing::Ours, "what is not one's own is not given back");
    theirs.free().await.unwrap();
    assert!(lock::look(&client, &clock, "local").await.unwrap().held().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_deleted_is_lost_and_can_be_taken() {
    let (clock, _engine, client, mut ledger) = timed().await;
    let claim = Claim::new("ada", "ci-7", "apply").unwrap();
    let seen = lock::look(&client, &clock, "local").await.unwrap();
    let held = ledger.lock(&client, &clock, &claim, &seen).await.unwrap();
    client.delete(LOCK).await.unwrap();
    assert!(matches!(held.standing().await.unwrap(), Standing::Lost(by) if by.contains("deleted")));
    let seen = lock::look(&client, &clock, "local").await.unwrap();
    let again = ledger.lock(&client, &clock, &claim, &seen).await.unwrap();
    assert_eq!(again.standing().await.unwrap(), Standing::Ours);
    client.write(LOCK, json!({"data": {"format": 7}}).as_object().unwrap()).await.unwrap();
    let error = lock::look(&client, &clock, "local").await.unwrap_err().to_string();
    assert!(error.contains("format 7; use the version that wrote it"), "{error}");
}
