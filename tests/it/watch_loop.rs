//! `leasehold watch`: round after round, through failures, restarts, signals and suspensions.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::between::Fault;
use crate::watched::Watched;

fn rounds(state: &Value) -> u64 {
    state["rounds"].as_object().map_or(0, |rounds| rounds.values().filter_map(Value::as_u64).sum())
}

#[test]
fn it_goes_on_while_the_engine_is_away_and_after_a_restart() {
    let watched = Watched::new();
    watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let every_second = Watched::of_directory(&["--interval", "1s"]);
    let running = watched.start(&every_second);
    watched.until("two rounds", |state| state["rounds"]["clean"].as_u64() >= Some(2));
    watched.between.fault("", usize::MAX, Fault::Refused(500));
    let failing = watched.until("two failures", |state| state["failures"].as_u64() >= Some(2));
    assert!(failing["failing_since"].is_string() && failing["standing"]["pending"] == 0, "{failing:#}");
    watched.between.heal();
    let well = watched.until("a success", |state| state["failures"] == 0 && state["runs"][0]["outcome"] == "clean");
    assert_eq!(well["failing_since"], Value::Null);
    running.says("2 rounds in a row have failed");
    assert_eq!(running.stop(), Some(0));
    let before = watched.state();
    let again = watched.start(&every_second);
    let after = watched.until("a round more", |state| rounds(state) > rounds(&before));
    assert_eq!(after["applied"], before["applied"]);
    assert_eq!(after["runs"].as_array().map(Vec::len), Some(rounds(&after) as usize));
    let second = watched.env.run(&Watched::of_directory(&["--once"]));
    assert!(second.code == 1 && second.stderr.contains("another `leasehold watch` runs"), "{}", second.normal());
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn a_hangup_begins_a_round_and_who_suspends_it_is_obeyed_also_after_a_restart() {
    let watched = Watched::new();
    watched.push();
    let seldom = Watched::of_directory(&["--interval", "1h", "--mode", "apply"]);
    let running = watched.start(&seldom);
    watched.until("a round", |state| rounds(state) == 1);
    running.signal(Signal::HUP);
    watched.until("another one", |state| rounds(state) == 2);
    let told = watched.env.ok(&["watch", "suspend", "--state", "state", "--why", "an incident"]);
    assert!(told.starts_with("Suspended."), "{told}");
    running.says("suspended since ");
    watched.write_by_hand("one");
    running.signal(Signal::HUP);
    running.says("It is suspended: `leasehold watch resume`");
    assert_eq!(running.stop(), Some(0));
    let again = watched.start(&seldom);
    watched.env.ok(&["watch", "status", "--state", "state"]);
    let status = watched.env.ok(&["watch", "status", "--state", "state"]);
    assert!(status.contains(" by ada on ") && status.contains(": an incident"), "{status}");
    let once = watched.env.run(&["watch", "status", "--state", "state", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&once.stdout).unwrap()["suspended"]["why"], "an incident");
    assert!(rounds(&watched.state()) == 2 && watched.policy("one").unwrap().contains("leasehold/*"));
    watched.env.ok(&["watch", "resume", "--state", "state"]);
    let state = watched.until("a round", |state| rounds(state) == 3);
    assert_eq!((&state["runs"][0]["outcome"], &state["runs"][0]["changed"]), (&json!("applied"), &json!(1)));
    assert_eq!(watched.env.ok(&["watch", "resume", "--state", "state"]), "It was not suspended.\n");
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn who_ends_it_in_the_middle_of_a_round_lets_the_round_end() {
    let watched = Watched::new();
    let commit = watched.push();
    watched.between.fault("PUT /v1/sys/policies/acl/one", 1, Fault::Held);
    let mut running = watched.start(&Watched::of_directory(&["--mode", "apply"]));
    watched.runtime.block_on(watched.between.held());
    running.signal(Signal::TERM);
    running.says("Ending after this round");
    assert!(running.is_running());
    // Its answer is lost; that it was written is read.
    watched.between.let_go();
    assert_eq!(running.ended(), Some(0));
    let state = watched.state();
    assert_eq!((&state["runs"][0]["outcome"], &state["applied"]["commit"]), (&json!("applied"), &json!(commit)));
    assert!(watched.policy("two").is_some());
}

#[test]
fn who_ends_it_twice_while_it_reads_stops_it() {
    let watched = Watched::new();
    watched.push();
    watched.between.fault("GET /v1/sys/policies/acl", usize::MAX, Fault::Stuck);
    let running = watched.start(&Watched::of_directory(&[]));
    watched.runtime.block_on(watched.between.held());
    running.signal(Signal::TERM);
    running.says("Ending after this round");
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(130));
    assert_eq!(watched.state(), Value::Null, "nothing is said of a round that did not end");
}

#[test]
fn who_kills_it_while_it_writes_loses_nothing() {
    let watched = Watched::new();
    watched.push();
    watched.between.fault("PUT /v1/sys/policies/acl/one", 1, Fault::Held);
    let running = watched.start(&Watched::of_directory(&["--mode", "apply"]));
    watched.runtime.block_on(watched.between.held());
    running.signal(Signal::KILL);
    running.ended();
    assert_eq!(watched.state(), Value::Null);
    let next = watched.env.run(&Watched::of_directory(&["--mode", "apply", "--once"]));
    assert_eq!(next.code, 0, "{}", next.normal());
    assert!(watched.policy("one").is_some() && watched.policy("two").is_some());
    assert_eq!(watched.state()["runs"][0]["outcome"], "applied");
}

#[test]
fn it_keeps_its_token_alive_and_warns_of_one_that_ends() {
    let mut watched = Watched::new();
    watched.push();
    // With no more than what ships says.
    watched.hand.post("sys/policies/acl/ci", &json!({ "policy": include_str!("../../policies/acl/apply.hcl") }));
    let token = |watched: &Watched, renewable: bool| {
        let asked = json!({ "ttl": "6s", "renewable": renewable, "policies": ["ci"], "no_default_policy": true });
        let made = watched.hand.post("auth/token/create", &asked);
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let short = token(&watched, true);
    watched.env.set("LEASEHOLD_TOKEN", short);
    let running = watched.start(&Watched::of_directory(&["--interval", "1s", "--mode", "apply"]));
    let second = |run: &Value| {
        let text = run["began"].as_str().unwrap_or("1970-01-01T00:00:00Z").to_owned();
        time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339).unwrap().unix_timestamp()
    };
    let state = watched.until("more than the token's time", |state| {
        let runs = state["runs"].as_array().map_or(&[][..], Vec::as_slice);
        runs.first().zip(runs.last()).is_some_and(|(last, first)| second(last) - second(first) > 9)
    });
    assert_eq!((&state["failures"], &state["rounds"]["failed"]), (&json!(0), &Value::Null), "{}", running.log());
    assert_eq!(running.stop(), Some(0));
    let ends = token(&watched, false);
    watched.env.set("LEASEHOLD_TOKEN", ends);
    let once = watched.env.run(&Watched::of_directory(&["--once"]));
    assert!([0, 5].contains(&once.code), "{}", once.normal());
    assert!(once.stderr.contains("warning: the token ends in "), "{}", once.normal());
}

#[test]
fn who_suspends_it_while_it_reads_has_nothing_written() {
    let mut watched = Watched::new();
    watched.push();
    watched.env.set("VAULT_MAX_RETRIES", "2");
    watched.between.fault("GET /v1/sys/policies/acl", 1, Fault::Held);
    let running = watched.start(&Watched::of_directory(&["--interval", "1h", "--mode", "apply"]));
    watched.runtime.block_on(watched.between.held());
    watched.env.ok(&["watch", "suspend", "--state", "state"]);
    // It asks again what was not answered.
    watched.between.let_go();
    let state = watched.until("a round", |state| rounds(state) == 1);
    assert_eq!((&state["runs"][0]["outcome"], watched.policy("one")), (&json!("pending"), None));
    running.says("no round is made");
    watched.env.ok(&["watch", "resume", "--state", "state"]);
    let state = watched.until("another one", |state| rounds(state) == 2);
    assert_eq!(state["runs"][0]["outcome"], "applied");
    assert_eq!(running.stop(), Some(0));
}
