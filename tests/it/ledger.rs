//! The ledger as a data structure: it grows, is killed, and is written by several at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leasehold::api::Client;
use leasehold::clock::Clock;
use leasehold::ledger::{Edit, Error, Ledger};
use leasehold::object::{KINDS, Owned, Place, Progress};
use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::TestEnv;
use crate::servers::{Sort, TestServer};

/// What an engine of others takes at most in one request: OpenBao 2.5, `max_json_array_element_count` and its like.
const TEXTS_MAX: usize = 1000;

const DOCUMENTS: &str = "PUT /v1/leasehold/data/local/objects/";

const DOCUMENT_READS: &str = "GET /v1/leasehold/data/local/objects/";

struct World {
    client: Client,
    between: Between,
    _server: TestServer,
}

impl World {
    fn new() -> Self {
        Self::on(Sort::Ours)
    }

    fn on(sort: Sort) -> Self {
        let server = TestServer::start(sort);
        let between = server.part();
        Self { client: server.client(&between.address), between, _server: server }
    }

    async fn read(&self) -> Ledger {
        Ledger::read(&self.client, "local").await.unwrap()
    }

    async fn opened(&self) -> Ledger {
        let mut ledger = self.read().await;
        ledger.open(&self.client, &Clock::system()).await.unwrap();
        ledger
    }

    /// The paths that a fresh reader finds.
    async fn found(&self) -> BTreeSet<String> {
        self.read().await.owned().keys().cloned().collect()
    }

    async fn documents(&self) -> Vec<String> {
        let answer = self.client.list("leasehold/metadata/local/objects").await.unwrap().unwrap();
        let keys = answer.data.unwrap()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    }
}

fn owned(number: usize) -> Owned {
    Owned {
        kind: KINDS[0],
        app: Some(format!("app-{number}")),
        place: Place { file: Arc::from("apps/a.hcl"), line: 3, column: 1 },
        commit: Some("c0ffee".to_owned()),
        fingerprint: format!("{:064x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        secrets: BTreeMap::new(),
        apart: std::collections::BTreeMap::new(),
        state: Progress::Applied,
        protect: false,
        guardrails: None,
        review: None,
        plan: None,
        found: None,
        besides: None,
        partly: Vec::new(),
        replaces: None,
        revokes: false,
        on_change: leasehold::object::OnChange::default(),
        adopted: BTreeMap::new(),
        from: None,
        keys: None,
        key_last: None,
    }
}

fn path(number: usize) -> String {
    format!("aws/roles/app-{number}")
}

fn paths(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    numbers.map(path).collect()
}

fn edits(numbers: std::ops::Range<usize>) -> Vec<Edit> {
    numbers.map(|number| (path(number), Some(owned(number)))).collect()
}

fn texts(value: &Value) -> usize {
    match value {
        Value::String(_) => 1,
        Value::Array(items) => items.iter().map(texts).sum(),
        Value::Object(map) => map.values().map(|value| texts(value) + 1).sum(),
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_grows_with_its_estate_and_no_request_holds_many_texts() {
    for world in [Sort::Ours, Sort::OpenBao].map(World::on) {
        let mut ledger = world.opened().await;
        ledger.write(&world.client, edits(0..200)).await.unwrap();
        assert_eq!(world.documents().await.len(), 1);
        ledger.write(&world.client, edits(200..500)).await.unwrap();
        assert_eq!(world.found().await, paths(0..500));
        ledger.write(&world.client, edits(500..10_000)).await.unwrap();
        assert_eq!(world.found().await, paths(0..10_000));
        assert!(world.documents().await.len() < 40, "{}", world.documents().await.len());
        ledger.write(&world.client, (0..9_990).map(|number| (path(number), None))).await.unwrap();
        assert_eq!(world.found().await, paths(9_990..10_000));
        let read = world.read().await;
        assert_eq!(read.owned()[&path(9_999)].encode(), owned(9_999).encode());
        for asked in world.between.asked().iter().filter(|asked| asked.line.starts_with("PUT")) {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            assert!(texts(&body) < TEXTS_MAX, "{}: {}", asked.line, texts(&body));
            assert!(asked.body.len() < 64 * 1024, "{}: {} bytes", asked.line, asked.body.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_killed_anywhere_is_whole_or_was_never_there() {
    for fault in [Fault::Refused(403), Fault::Unanswered] {
        for before in [0, 200] {
            let world = World::new();
            let mut ledger = world.opened().await;
            ledger.write(&world.client, edits(0..before)).await.unwrap();
            let mut kept = 0..before;
            for after in 0.. {
                let mut ledger = world.read().await;
                world.between.fault_after(DOCUMENTS, after, fault);
                // Nor can it look what became of the last one.
                world.between.fault(DOCUMENT_READS, usize::MAX, Fault::Refused(403));
                let outcome = ledger.write(&world.client, edits(before..before + 2000)).await;
                world.between.heal();
                let found = world.found().await;
                // The last document is what makes it count; its answer may be lost.
                let whole = paths(0..before + 2000);
                assert!(found == paths(kept.clone()) || found == whole, "{fault:?} {before} {after}: {}", found.len());
                if found == whole {
                    assert!(outcome.is_ok() || fault == Fault::Unanswered);
                    assert!(after >= 8, "{after}: it was split");
                    kept = 0..before + 2000;
                }
                if outcome.is_ok() {
                    break;
                }
                if kept.len() > before {
                    // Its answer was lost: what was written stands, and is written again.
                    let mut ledger = world.read().await;
                    ledger.write(&world.client, edits(before..before + 2000)).await.unwrap();
                    assert_eq!(world.found().await, whole);
                    break;
                }
            }
            assert_eq!(kept.len(), before + 2000);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_looked_at_and_sent_again() {
    let faults = [Fault::Refused(500), Fault::Belied(500), Fault::Lost, Fault::Unanswered];
    for (fault, sort) in faults.into_iter().flat_map(|fault| [(fault, Sort::Ours), (fault, Sort::OpenBao)]) {
        let world = World::on(sort);
        for request in ["PUT /v1/sys/mounts/leasehold", "PUT /v1/leasehold/data/local/key", DOCUMENTS] {
            world.between.fault(request, 2, fault);
        }
        let mut ledger = world.opened().await;
        for numbers in [0..10, 10..800] {
            ledger.write(&world.client, edits(numbers.clone())).await.unwrap();
            assert_eq!(world.found().await, paths(0..numbers.end), "{fault:?}");
        }
        assert_eq!(world.read().await.key().unwrap().expose(), ledger.key().unwrap().expose(), "{fault:?}");
        // What is another's is not taken for ours.
        world.between.fault(DOCUMENTS, 1, fault);
        let mut late = world.read().await;
        ledger.write(&world.client, edits(800..801)).await.unwrap();
        world.between.heal();
        world.between.fault(DOCUMENTS, 1, fault);
        let error = late.write(&world.client, [(path(800), None)]).await.unwrap_err();
        assert!(matches!(error, Error::Moved { .. }), "{fault:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_beside_a_split_is_told_or_is_in_it() {
    for after in 0..20 {
        let world = World::new();
        world.opened().await.write(&world.client, edits(0..200)).await.unwrap();
        let (mut one, mut other) = (world.read().await, world.read().await);
        world.between.fault_after(DOCUMENTS, after, Fault::Refused(403));
        let split = one.write(&world.client, edits(200..1000)).await;
        world.between.heal();
        let mine = other.write(&world.client, edits(5000..5001)).await;
        match (&split, &mine) {
            (Ok(()), Err(Error::Moved { .. })) | (Err(_), Ok(())) => {}
            outcome => panic!("{after}: {outcome:?}"),
        }
        // Whoever was told looks again.
        world.read().await.write(&world.client, edits(5000..5001)).await.unwrap();
        world.read().await.write(&world.client, edits(200..1000)).await.unwrap();
        let mut all = paths(0..1000);
        all.insert(path(5000));
        assert_eq!(world.found().await, all, "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_begin_one_is_told() {
    for (one, other) in [(800, 1), (1, 800), (800, 800), (1, 1)] {
        let world = World::new();
        let (mut first, mut second) = (world.opened().await, world.opened().await);
        first.write(&world.client, edits(0..one)).await.unwrap();
        let error = second.write(&world.client, edits(5000..5000 + other)).await.unwrap_err();
        assert!(matches!(error, Error::Moved { .. }), "{error}");
        assert_eq!(world.found().await, paths(0..one));
    }
}

/// Which of eight documents a path is in.
fn eighth(path: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = path.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) & 7
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_split_into_eight_at_once_is_read_and_grows() {
    for grown in [601, 8000] {
        let world = World::new();
        world.opened().await;
        let put = async |document: &str, data: Value| {
            let body = json!({"data": data, "options": {"cas": 0}});
            let document = format!("leasehold/data/local/objects/{document}");
            world.client.write(&document, body.as_object().unwrap()).await.unwrap();
        };
        for share in 0..8 {
            let entries = (0..600).filter(|&number| eighth(&path(number)) == share);
            let entries: serde_json::Map<String, Value> =
                entries.map(|number| (path(number), owned(number).encode())).collect();
            put(&format!("3-{share:x}"), json!({"format": 1, "entries": entries})).await;
        }
        put("0-0", json!({"format": 2, "split": true})).await;
        assert_eq!(world.found().await, paths(0..600));
        let mut ledger = world.read().await;
        ledger.write(&world.client, edits(600..grown)).await.unwrap();
        assert_eq!(world.found().await, paths(0..grown));
        ledger.write(&world.client, (0..grown - 5).map(|number| (path(number), None))).await.unwrap();
        assert_eq!(world.found().await, paths(grown - 5..grown));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_ledger_is_read_and_brought_to_the_new_form() {
    let world = World::new();
    world.opened().await;
    // As format 1 had it: 64 documents, named by what is here written down of old.
    for (document, path) in [("2b", "aws/roles/webapp"), ("1e", "sys/mounts/aws")] {
        let data = json!({"format": 1, "entries": {path: owned(7).encode()}});
        let body = json!({"data": data, "options": {"cas": 0}});
        let document = format!("leasehold/data/local/objects/{document}");
        world.client.write(&document, body.as_object().unwrap()).await.unwrap();
    }
    let mut ledger = world.read().await;
    assert!(ledger.is_old());
    let both: BTreeSet<String> = ["aws/roles/webapp", "sys/mounts/aws"].map(str::to_owned).into();
    assert_eq!(world.found().await, both);
    ledger.write(&world.client, edits(0..1000)).await.unwrap();
    let read = world.read().await;
    assert!(!read.is_old());
    assert_eq!(read.owned()["aws/roles/webapp"].encode(), owned(7).encode());
    assert_eq!(read.owned().len(), 1002);
}

#[test]
fn people_can_read_it() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let run = |args: &[&str]| env.ok(&[&["-C", "estate"], args].concat());
    run(&["apply", "--auto-approve"]);
    let text = run(&["ledger", "show"]);
    let line = text.lines().find(|line| line.starts_with("aws/roles/webapp ")).expect(&text);
    for part in ["aws role", "applied", "apps/webapp.hcl:"] {
        assert!(line.contains(part), "{line}");
    }
    let one: Value = serde_json::from_str(&run(&["ledger", "show", "--format", "json", "aws/roles"])).unwrap();
    assert_eq!(one["owner"], "local");
    let objects = one["objects"].as_object().unwrap();
    assert!(objects.keys().all(|path| path.starts_with("aws/roles/")) && objects.contains_key("aws/roles/webapp"));
    assert_eq!(objects["aws/roles/webapp"]["state"], "applied");
    let root: Value = serde_json::from_str(&run(&["ledger", "show", "--format", "json", "aws/config/root"])).unwrap();
    let secrets = &root["objects"]["aws/config/root"]["secrets"];
    assert!(secrets.is_array() || root["objects"] == json!({}), "names alone: {root}");
    assert!(run(&["ledger", "list"]).contains("an estate without a name, environment `local`"));
    assert_eq!(run(&["ledger", "show", "/aws/roles/"]), run(&["ledger", "show", "aws/roles"]));
}

#[test]
fn whose_ledgers_an_engine_has_can_be_asked_without_an_estate() {
    let server = TestServer::start(Sort::Ours);
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_TOKEN", &*server.token).set("LEASEHOLD_ADDR", &server.address);
    let environment = format!("environment \"prod\" {{\n  address = \"{}\"\n  estate = \"pay\"\n}}\n", server.address);
    env.write("estate/estate.hcl", &format!("{environment}auth \"approle\" {{}}\n"));
    assert!(!env.ok(&["ledger", "list"]).contains("environment"));
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let text = env.ok(&["ledger", "list"]);
    assert!(text.contains("the estate `pay`, environment `prod`"), "{text}");
}
