//! What others are told of a loop: its numbers, its health, its page, and news by messages, each once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::between::Fault;
use crate::chromium::Browser;
use crate::fake::FakeServer;
use crate::watched::{Loop, Watched};

/// Where a loop says that it serves.
pub(crate) fn address(running: &Loop) -> String {
    running.says("Serving http://");
    let log = running.log();
    let after = log.split("Serving http://").last().unwrap();
    after.split('/').next().unwrap().to_owned()
}

/// Asks, and answers the whole answer.
fn ask(address: &str, request: &str, host: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path}"), address)
}

#[test]
fn its_numbers_its_health_and_its_page_say_what_it_knows() {
    let watched = Watched::new();
    let commit = watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    watched.hand.post("sys/policies/acl/b", &json!({ "policy": "path \"sys/*\" { capabilities = [\"sudo\"] }" }));
    let running = watched.start(&Watched::of_directory(&["--interval", "1h", "--listen", "127.0.0.1:0"]));
    watched.until("a round", |state| state["rounds"]["drift"] == 1);
    let address = address(&running);
    let metrics = get(&address, "/metrics");
    for line in [
        "HTTP/1.1 200 OK",
        "content-type: text/plain; version=0.0.4; charset=utf-8",
        "leasehold_watch_info{environment=\"local\",mode=\"report\"} 1",
        "leasehold_watch_rounds_total{outcome=\"drift\"} 1",
        "leasehold_watch_rounds_total{outcome=\"failed\"} 0",
        "leasehold_watch_findings{rule=\"not-ours\"} 1",
        "leasehold_watch_findings{rule=\"changed-behind-our-back\"} 0",
        "leasehold_watch_failures 0",
        "leasehold_watch_suspended 0",
        "leasehold_watch_interval_seconds 3600",
        &format!("leasehold_watch_commit_info{{is=\"applied\",commit=\"{commit}\"}} 1"),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    assert!(metrics.contains("\nleasehold_watch_success_timestamp_seconds 1"), "{metrics}");
    let health = get(&address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 ") && health.contains("the last round that did not fail ended at 20"));
    let page = get(&address, "/");
    for part in [
        "content-security-policy: default-src 'none'; style-src 'sha256-",
        "x-content-type-options: nosniff",
        "<h1>leasehold watch: local</h1>",
        "<p class=\"verdict bad\">Drift, since ",
        "<code>sys/policies/acl/b</code>: the acl policy is not ours",
        &format!("<code>{commit}</code>, since "),
        "<td>drift</td>",
        "<h2>Credentials outstanding</h2>\n<p>0 leases, as of ",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    for (request, host, status) in [
        ("GET /nowhere", &*address, 404),
        ("POST /", &*address, 405),
        ("GET /", "rebound.example.com", 403),
        ("HEAD /healthz", "localhost", 200),
    ] {
        let answer = ask(&address, request, host);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request} {host}: {answer}");
    }
    watched.env.ok(&["watch", "suspend", "--state", "state"]);
    running.says("no round is made");
    assert!(get(&address, "/healthz").contains("\r\n\r\nsuspended since "));
    assert!(get(&address, "/metrics").contains("leasehold_watch_suspended 1"));
    assert!(get(&address, "/").contains("It is suspended since "));
    assert_eq!(running.stop(), Some(0));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let refused = watched.env.run(&Watched::of_directory(&["--listen", &taken]));
    assert!(refused.code == 1 && refused.stderr.contains("cannot listen on 127.0.0.1:"), "{}", refused.normal());
}

const HOOKS: &[(&str, u16, &str)] = &[("POST /hook/topsecret", 200, "ok"), ("POST /slack/topsecret", 200, "ok")];

#[test]
fn its_page_stands_in_a_browser() {
    let watched = Watched::new();
    let commit = watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    watched.hand.post("sys/policies/acl/b", &json!({ "policy": "path \"sys/*\" { capabilities = [\"sudo\"] }" }));
    let running = watched.start(&Watched::of_directory(&["--interval", "1h", "--listen", "127.0.0.1:0"]));
    watched.until("a round", |state| state["rounds"]["drift"] == 1);
    let url = format!("http://{}/", address(&running));
    let mut browser = Browser::start(watched.env.dir());
    browser.look(1280, "light");
    browser.visit(&url);
    let (asked, complaints) = browser.told();
    // Browsers ask for an icon by themselves.
    let others: Vec<&String> = asked.iter().filter(|one| !one.ends_with(":0/\"") && !one.contains("favicon")).collect();
    assert!(others.iter().all(|one| **one == format!("\"{url}\"")), "{asked:?}");
    let own: Vec<&String> = complaints.iter().filter(|one| !one.contains("favicon")).collect();
    assert!(own.is_empty(), "{own:?}");
    // Its style is taken, whatever the policy of the page lets in.
    assert_eq!(browser.ask("getComputedStyle(document.querySelector('.verdict')).fontWeight"), "600");
    assert_eq!(browser.ask("document.scripts.length"), 0);
    let text = browser.ask("document.body.innerText");
    let text = text.as_str().unwrap();
    for part in ["Drift, since ", "sys/policies/acl/b", &commit, "Credentials outstanding", "Last rounds"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Dark, and on a telephone: it is read without being pushed to and fro.
    let light = browser.ask("getComputedStyle(document.documentElement).colorScheme");
    assert_eq!(light, "light dark");
    browser.look(390, "dark");
    assert!(browser.ask("document.documentElement.scrollWidth <= 400").as_bool().unwrap());
    assert!(browser.ask("matchMedia('(prefers-color-scheme: dark)').matches").as_bool().unwrap());
}

/// The events that a receiver was sent, each with what is over.
fn events(receiver: &FakeServer) -> Vec<(String, Value)> {
    let ours = receiver.asked().into_iter().filter(|asked| asked.line.starts_with("POST /hook/"));
    let read = ours.map(|asked| serde_json::from_str::<Value>(&asked.body).unwrap());
    read.map(|event| (event["event"].as_str().unwrap().to_owned(), event["of"].clone())).collect()
}

fn plain(event: &str) -> (String, Value) {
    (event.to_owned(), Value::Null)
}

fn over(of: &str) -> (String, Value) {
    ("recovery".to_owned(), json!(of))
}

#[test]
fn each_turn_is_told_once_also_over_a_restart() {
    let watched = Watched::new();
    watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let receiver = FakeServer::start(HOOKS);
    let hook = watched.env.write("hook", &format!("{}/hook/topsecret\n", receiver.address));
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o600)).unwrap();
    let slack = format!("{}/slack/topsecret", receiver.address);
    let arguments =
        Watched::of_directory(&["--interval", "1s", "--notify", "secret:file:hook", "--notify-slack", &slack]);
    let running = watched.start(&arguments);
    watched.until("a round", |state| state["rounds"]["clean"].as_u64() >= Some(1));
    watched.between.fault("", usize::MAX, Fault::Refused(500));
    watched.until("two failures", |state| state["failures"].as_u64() >= Some(2));
    watched.between.heal();
    watched.until("a success", |state| state["failures"] == 0 && state["told"]["json"]["failing"] == false);
    assert_eq!(events(&receiver), [plain("failure"), over("failure")]);
    let failure: Value = serde_json::from_str(&receiver.asked()[0].body).unwrap();
    assert_eq!((&failure["environment"], &failure["outcome"]), (&json!("local"), &json!("failed")));
    assert!(failure["why"].as_str().unwrap().contains("a fault of the test"), "{failure:#}");

    watched.write_by_hand("stranger");
    watched
        .until("drift was told", |state| state["told"]["slack"]["drift"].as_array().is_some_and(|all| all.len() == 1));
    let rounds = |state: &Value| state["rounds"]["drift"].as_u64().unwrap_or(0);
    let before = rounds(&watched.state());
    watched.until("two rounds more", |state| rounds(state) >= before + 2);
    assert_eq!(running.stop(), Some(0));
    let running = watched.start(&arguments);
    let before = rounds(&watched.state());
    watched.until("two rounds more", |state| rounds(state) >= before + 2);
    assert_eq!(events(&receiver), [plain("failure"), over("failure"), plain("drift")]);
    let told = receiver.asked();
    let last: Value = serde_json::from_str(&told.iter().rfind(|it| it.line.contains("/hook/")).unwrap().body).unwrap();
    assert_eq!(last["findings"][0]["path"], "sys/policies/acl/stranger");
    watched.hand.send("DELETE", "sys/policies/acl/stranger", None);
    watched.until("its end was told", |state| state["told"]["slack"]["drift"] == json!([]));
    assert_eq!(events(&receiver).last(), Some(&over("drift")));
    let slacks: Vec<Value> = receiver
        .asked()
        .iter()
        .filter(|asked| asked.line.contains("/slack/"))
        .map(|asked| serde_json::from_str(&asked.body).unwrap())
        .collect();
    assert_eq!(slacks.len(), 4, "{slacks:#?}");
    assert!(slacks[2]["text"].as_str().unwrap().contains("sys/policies/acl/stranger: the acl policy is not ours"));
    running.signal(Signal::TERM);
    let log = running.log();
    assert_eq!(running.ended(), Some(0));
    assert!(!log.contains("topsecret") && !watched.state().to_string().contains("topsecret"), "{log}");
}

#[test]
fn a_receiver_that_is_away_fails_no_round_and_is_told_later() {
    let watched = Watched::new();
    watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    watched.write_by_hand("stranger");
    let once = |url: &str| watched.env.run(&Watched::of_directory(&["--once", "--notify", url]));
    let away = once("http://127.0.0.1:1/topsecret");
    assert_eq!(away.code, 5, "{}", away.normal());
    assert!(away.stderr.contains("news could not be delivered: 127.0.0.1 gave no answer"), "{}", away.normal());
    assert!(!away.stderr.contains("topsecret") && watched.state()["told"] == json!({}));
    let receiver = FakeServer::start(HOOKS);
    let refusing = once(&format!("{}/nowhere", receiver.address));
    assert!(refusing.code == 5 && refusing.stderr.contains("127.0.0.1 answered 404"), "{}", refusing.normal());
    let hook = format!("{}/hook/topsecret", receiver.address);
    assert_eq!((once(&hook).code, once(&hook).code), (5, 5));
    assert_eq!(events(&receiver), [plain("drift")]);
    for (url, part) in [
        ("secret:env:NOWHERE", "the environment variable NOWHERE is not set"),
        ("secret:vault:kv/hook#url", "secret:env:NAME or secret:file:PATH"),
        ("ftp://topsecret.example.com", "no URL"),
        ("https://user:topsecret@hooks.example.com", "no URL"),
    ] {
        let refused = once(url);
        assert!(refused.code == 1 && refused.stderr.contains(part), "{url}: {}", refused.normal());
        assert!(!refused.stderr.contains("topsecret"), "{}", refused.normal());
    }
}

#[test]
fn a_refusal_is_told_and_what_is_taken_back_at_once_too() {
    let watched = Watched::new();
    watched.push();
    let receiver = FakeServer::start(HOOKS);
    let hook = format!("{}/hook/topsecret", receiver.address);
    let once = |code: i32| {
        let output = watched.once(&["--mode", "apply", "--notify", &hook]);
        assert_eq!(output.code, code, "{}", output.normal());
    };
    once(0);
    watched.write_by_hand("one");
    once(0);
    assert_eq!(events(&receiver), [plain("drift")]);
    let told: Value = serde_json::from_str(&receiver.last().body).unwrap();
    assert_eq!((&told["taken_back"], &told["findings_total"]), (&json!(true), &json!(1)));
    watched.declare(&["one"]);
    watched.push();
    once(3);
    once(3);
    watched.declare(&["one", "two", "three"]);
    watched.push();
    once(0);
    assert_eq!(events(&receiver), [plain("drift"), plain("refused"), over("refused")]);
}

#[test]
fn news_are_comments_on_an_issue_in_which_nothing_acts() {
    let mut watched = Watched::new();
    watched.push();
    watched.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let receiver = FakeServer::start(&[("POST /repos/o/r/issues/7/comments", 201, "{}")]);
    let url = format!("{}/repos/o/r/issues/7/comments", receiver.address);
    watched.env.set("GH_TOKEN", "ghp_topsecret");
    watched.hand.post("sys/policies/acl/@ann", &json!({ "policy": "path \"sys/*\" { capabilities = [\"sudo\"] }" }));
    let arguments =
        Watched::of_directory(&["--once", "--notify-github", &url, "--notify-github-token", "secret:env:GH_TOKEN"]);
    let round = watched.env.run(&arguments);
    assert_eq!(round.code, 5, "{}", round.normal());
    let asked = receiver.last();
    assert_eq!(asked.header("authorization"), Some("Bearer ghp_topsecret"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let text = body["body"].as_str().unwrap();
    assert!(text.starts_with("```text\nleasehold, environment local: 1 object drifted.\n"), "{text}");
    assert!(text.ends_with("\n```") && text.contains("sys/policies/acl/@ann"), "{text}");
    assert!(!round.normal().contains("topsecret") && !watched.state().to_string().contains("topsecret"));
    // A token on the command line is everybody's; without one nobody may comment.
    for (more, said) in [
        (vec!["--notify-github", &url, "--notify-github-token", "ghp_topsecret"], "secret:env:NAME"),
        (vec!["--notify-github", &url], "--notify-github-token"),
    ] {
        let refused = watched.env.run(&[&["watch", "estate", "-e", "local", "--once"][..], &more].concat());
        assert!(refused.code == 1 && refused.stderr.contains(said), "{}", refused.normal());
        assert!(!refused.stderr.contains("ghp_topsecret"), "{}", refused.normal());
    }
}
