//! Estates that share an engine: what is another's is never deleted, blanked or taken.
//!
//! A model says who has what, from what was done and not from any ledger. Random sequences of what estates, kills
//! and people at the engine do are put to both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use leasehold::api::{Addresses, Client, Options as ClientOptions, Target, TlsOptions};
use leasehold::apply::{self, Options, Report};
use leasehold::ledger::{self, Ledger};
use leasehold::live;
use leasehold::object::{KINDS, Kind, Live, Object, Progress};
use leasehold::plan::{Adopt, Plan, Selection};
use leasehold::proposal::{Wish, prepare};
use leasehold::review::Colour;
use leasehold::secret::Secret;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;

use crate::apply::{World, login, object, policy, unjudged};
use crate::between::{Between, Fault};

/// An estate, and what its user allows.
#[derive(Clone, Copy, Default)]
struct Estate<'a> {
    name: Option<&'a str>,
    adopt: bool,
    adopt_from: &'a [String],
}

/// What became of an apply.
struct Applied {
    plan: Plan,
    outcome: Option<Result<Report, apply::Error>>,
}

impl Applied {
    fn exit_code(&self) -> u8 {
        match &self.outcome {
            None => self.plan.exit_code(),
            Some(Ok(report)) => report.exit_code(),
            Some(Err(error)) => error.exit_code(),
        }
    }

    fn text(&self) -> String {
        self.plan.text(Colour::Never)
    }
}

/// Plans, and applies what is not refused; the requests of the apply are lost after so many.
async fn apply(world: &World, estate: Estate<'_>, desired: &[Object], lost_after: Option<usize>) -> Applied {
    let wish = Wish {
        environment: "local",
        estate: estate.name,
        shared: true,
        absent: &[],
        today: "2026-11-25",
        referred: &[],
        commit: None,
        max_deletes: 100,
        limits: &[],
        adopt: if estate.adopt { Adopt::Take } else { Adopt::Refuse },
        adopt_from: estate.adopt_from,
        guardrails: &[],
        selection: Selection::All,
    };
    let mut desired = desired.to_vec();
    let mut prepared = prepare(&world.client, &wish, &mut desired).await.unwrap();
    if !prepared.plan.refusals.is_empty() {
        return Applied { plan: prepared.plan, outcome: None };
    }
    let mut client = world.client.clone();
    if let Some(requests) = lost_after {
        let between = Between::start(&world.server.address);
        between.fault_after("", requests, Fault::Lost);
        let target =
            Target::Network { addresses: Addresses::one(&between.address).unwrap(), tls: TlsOptions::default() };
        // It does not try again.
        client = Client::new(target, ClientOptions::new(Some(Secret::new(&*world.server.token)))).unwrap();
    }
    let options = Options { clock: &world.clock, stop: &AtomicBool::new(false), lock: None, progress: &|_, _| {} };
    let outcome = match apply::run(&client, &unjudged(&prepared.plan), &desired, &mut prepared.ledger, &options).await {
        Ok(applied) => {
            let report = applied.report.clone();
            applied.record(&client, &mut prepared.ledger, &world.clock).await.map(|_| report)
        }
        Err(error) => Err(error),
    };
    Applied { plan: prepared.plan, outcome: Some(outcome) }
}

fn named(name: &str) -> Estate<'_> {
    Estate { name: Some(name), ..Estate::default() }
}

async fn ledger(world: &World, owner: &str) -> Ledger {
    Ledger::read(&world.client, owner).await.unwrap()
}

fn mounts() -> Vec<Object> {
    vec![
        object("auth method", "sys/auth/approle", json!({"type": "approle"})),
        object("secrets engine", "sys/mounts/aws", json!({"type": "aws"})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_has_is_taken_over_only_from_whom_is_named_and_their_ledger_forgets_it() {
    let world = World::new();
    let (theirs, ours) =
        (vec![policy("app-a", "# theirs"), policy("app-b", "# theirs")], vec![policy("app-a", "# ours")]);
    assert_eq!(apply(&world, Estate::default(), &theirs, None).await.exit_code(), 0);
    // Also from the ledger that this one might have been before it got its name.
    for adopt in [false, true] {
        let refused = apply(&world, Estate { adopt, ..named("pay") }, &ours, None).await;
        assert_eq!(refused.exit_code(), 3);
        let text = refused.text();
        assert!(text.contains("sys/policies/acl/app-a (an estate without a name, environment `local`)"), "{text}");
        assert!(text.contains("--adopt-from local"), "{text}");
    }
    let adopt_from = ["local".to_owned()];
    let taking = Estate { adopt_from: &adopt_from, ..named("pay") };
    let taken = apply(&world, taking, &ours, None).await;
    assert_eq!(taken.exit_code(), 0);
    assert!(taken.text().contains("taken over from an estate without a name, environment `local` (apps/a.hcl:3)"));
    assert_eq!(ledger(&world, "local").await.owned().keys().collect::<Vec<_>>(), ["sys/policies/acl/app-b"]);
    assert_eq!(ledger(&world, "pay.local").await.owned()["sys/policies/acl/app-a"].from, None);
    assert_eq!(apply(&world, named("pay"), &ours, None).await.plan.exit_code(), 0);
    // They see whose it is now, and can take it back.
    let refused = apply(&world, Estate { adopt: true, ..Estate::default() }, &theirs, None).await;
    assert!(refused.text().contains("app-a (the estate `pay`, environment `local`)"), "{}", refused.text());
    let adopt_from = ["pay.local".to_owned()];
    let back = Estate { adopt_from: &adopt_from, ..Estate::default() };
    assert_eq!(apply(&world, back, &theirs, None).await.exit_code(), 0);
    assert!(ledger(&world, "pay.local").await.owned().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_declared_and_somebody_removed_by_hand_is_theirs_to_make() {
    let world = World::new();
    let desired = vec![policy("app-a", "# one")];
    assert_eq!(apply(&world, named("pay"), &desired, None).await.exit_code(), 0);
    world.client.delete("sys/policies/acl/app-a").await.unwrap();
    assert_eq!(apply(&world, named("web"), &desired, None).await.exit_code(), 3);
    assert_eq!(apply(&world, named("pay"), &desired, None).await.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_declared_stays_as_it_was_when_it_was_taken_over() {
    let world = World::new();
    assert_eq!(apply(&world, named("base"), &mounts(), None).await.exit_code(), 0);
    let path = "auth/approle/role/app-a";
    let body = json!({"token_num_uses": 7, "token_ttl": 60, "secret_id_bound_cidrs": ["10.0.0.0/8"]});
    world.client.write(path, body.as_object().unwrap()).await.unwrap();
    let mut desired = vec![login("app-a", 600, &[])];
    let taking = Estate { adopt: true, ..named("pay") };
    let taken = apply(&world, taking, &desired, None).await;
    assert_eq!(taken.exit_code(), 0);
    let text = taken.text();
    assert!(text.contains("no ledger on this engine has it") && !text.contains("token_num_uses:"), "{text}");
    assert!(text.contains("as it is, since nobody declares it: secret_id_bound_cidrs, token_num_uses"), "{text}");
    let read = async || world.client.read(path).await.unwrap().unwrap().data.unwrap();
    assert_eq!((&read().await["token_num_uses"], &read().await["token_ttl"]), (&json!(7), &json!(600)));
    // It stays so, is drift when it is changed by hand, and is the files' as soon as they say it.
    assert_eq!(apply(&world, named("pay"), &desired, None).await.plan.exit_code(), 0);
    world.client.write(path, json!({"token_num_uses": 8}).as_object().unwrap()).await.unwrap();
    assert_eq!(apply(&world, named("pay"), &desired, None).await.plan.exit_code(), 2);
    assert_eq!(read().await["token_num_uses"], json!(7));
    for (declared, then) in [(json!({"token_num_uses": 9, "token_ttl": 600}), 9), (json!({"token_ttl": 600}), 0)] {
        desired = vec![object("approle role", path, declared)];
        assert_eq!(apply(&world, named("pay"), &desired, None).await.exit_code(), 0);
        assert_eq!(read().await["token_num_uses"], json!(then));
    }
    assert_eq!(read().await["secret_id_bound_cidrs"], json!(["10.0.0.0/8"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn unmounting_takes_nothing_along_that_is_not_ours() {
    let world = World::new();
    let desired: Vec<Object> = mounts().into_iter().chain([login("app-a", 600, &[])]).collect();
    assert_eq!(apply(&world, named("base"), &desired, None).await.exit_code(), 0);
    assert_eq!(apply(&world, named("web"), &[login("app-web", 60, &[])], None).await.exit_code(), 0);
    let role = json!({"credential_type": "iam_user", "iam_groups": ["g"]});
    world.client.write("aws/roles/by-hand", role.as_object().unwrap()).await.unwrap();
    let refused = apply(&world, named("base"), &[], None).await;
    assert_eq!(refused.exit_code(), 3);
    let text = refused.text();
    for said in [
        "sys/auth/approle (it was declared at apps/a.hcl:3) would take along 1 object that is not ours: \
         auth/approle/role/app-web (the estate `web`, environment `local`)",
        "sys/mounts/aws (it was declared at apps/a.hcl:3) would take along 1 object that is not ours: aws/roles/by-hand",
        "leasehold forget sys/mounts/aws",
    ] {
        assert!(text.contains(said), "{text}");
    }
    assert_eq!(apply(&world, named("web"), &[], None).await.exit_code(), 0);
    world.client.delete("aws/roles/by-hand").await.unwrap();
    assert_eq!(apply(&world, named("base"), &[], None).await.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_it_was_written_is_not_deleted() {
    let world = World::new();
    let mut desired = mounts();
    desired.push(policy("app-a", "# ours"));
    assert_eq!(apply(&world, named("pay"), &desired, None).await.exit_code(), 0);
    // Ours are gone, and others have come to their paths.
    world.client.delete("sys/mounts/aws").await.unwrap();
    let kv = json!({"type": "kv", "options": {"version": "1"}});
    world.client.write("sys/mounts/aws", kv.as_object().unwrap()).await.unwrap();
    world.client.write("aws/precious", json!({"a": "b"}).as_object().unwrap()).await.unwrap();
    let path = "sys/policies/acl/app-a";
    world.client.delete(path).await.unwrap();
    world.client.write(path, json!({"policy": "# theirs"}).as_object().unwrap()).await.unwrap();
    let refused = apply(&world, named("pay"), &desired[..1], None).await;
    assert_eq!(refused.exit_code(), 3);
    let text = refused.text();
    for path in ["sys/mounts/aws", path] {
        let said = format!("{path} (it was declared at apps/a.hcl:3) would be deleted, and is not as it was written");
        assert!(text.contains(&said) && text.contains(&format!("leasehold forget {path}")), "{text}");
    }
    assert!(world.client.read("aws/precious").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_nobody_declared_keep_their_mount() {
    let world = World::new();
    assert_eq!(apply(&world, named("pay"), &mounts(), None).await.exit_code(), 0);
    let lease = json!({"lease": "5m", "lease_max": "10m"});
    world.client.write("aws/config/lease", lease.as_object().unwrap()).await.unwrap();
    let root = json!({"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "by hand"});
    world.client.write("aws/config/root", root.as_object().unwrap()).await.unwrap();
    let refused = apply(&world, named("pay"), &mounts()[..1], None).await;
    assert_eq!(refused.exit_code(), 3);
    let said = "would take along 2 objects that are not ours: aws/config/lease, aws/config/root";
    assert!(refused.text().contains(said), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_made_below_a_mount_after_the_plan_stops_its_unmounting() {
    let world = World::new();
    assert_eq!(apply(&world, named("base"), &mounts(), None).await.exit_code(), 0);
    let wish = Wish {
        environment: "local",
        estate: Some("base"),
        shared: true,
        absent: &[],
        today: "2026-11-25",
        referred: &[],
        commit: None,
        max_deletes: 9,
        limits: &[],
        adopt: Adopt::Refuse,
        adopt_from: &[],
        guardrails: &[],
        selection: Selection::All,
    };
    let mut prepared = prepare(&world.client, &wish, &mut []).await.unwrap();
    world.client.write("auth/approle/role/late", json!({}).as_object().unwrap()).await.unwrap();
    let options = Options { clock: &world.clock, stop: &AtomicBool::new(false), lock: None, progress: &|_, _| {} };
    let applied =
        apply::run(&world.client, &unjudged(&prepared.plan), &[], &mut prepared.ledger, &options).await.unwrap();
    let report = &applied.report;
    let problems = report.problems(&[]);
    assert!(problems.contains("something below it that is not ours: auth/approle/role/late"), "{problems}");
    assert!(world.client.read("auth/approle/role/late").await.unwrap().is_some());
    assert_eq!(report.summary(), "Apply incomplete: 0 added, 0 changed, 1 deleted, 1 failed.");
    applied.record(&world.client, &mut prepared.ledger, &world.clock).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_make_the_same_object_at_the_same_time_none_takes_it_from_the_other() {
    let (pay, web) = ([policy("app-a", "# pay")], [policy("app-a", "# web")]);
    for _ in 0..8 {
        let world = World::new();
        // Both ledgers are there, so that both come to their intents at the same time.
        for estate in ["pay", "web"] {
            assert_eq!(
                apply(&world, named(estate), &[policy(&format!("app-{estate}"), "#")], None).await.exit_code(),
                0
            );
        }
        let pay: Vec<Object> = pay.iter().cloned().chain([policy("app-pay", "#")]).collect();
        let web: Vec<Object> = web.iter().cloned().chain([policy("app-web", "#")]).collect();
        let both = tokio::join!(apply(&world, named("pay"), &pay, None), apply(&world, named("web"), &web, None));
        let done = [&both.0, &both.1].iter().filter(|applied| applied.exit_code() == 0).count();
        assert!(done <= 1, "both say that they made it");
        for applied in [&both.0, &both.1].iter().filter(|applied| applied.exit_code() != 0) {
            assert!([3, 4].contains(&applied.exit_code()));
        }
        let path = "sys/policies/acl/app-a";
        let owners = [ledger(&world, "pay.local").await, ledger(&world, "web.local").await];
        assert_eq!(owners.iter().filter(|ledger| ledger.owned().contains_key(path)).count(), done);
        assert_eq!(world.client.read(path).await.unwrap().is_some(), done == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_was_not_carried_out_claims_nothing_that_came_later() {
    let desired = vec![policy("app-a", "# ours")];
    for undeclared in [false, true] {
        let world = World::new();
        // The ledger's intent is the last that arrives.
        let first = apply(&world, named("pay"), &desired, Some(4)).await;
        assert_ne!(first.exit_code(), 0);
        assert!(ledger(&world, "pay.local").await.owned().contains_key("sys/policies/acl/app-a"));
        let path = "sys/policies/acl/app-a";
        world.client.write(path, json!({"policy": "# theirs"}).as_object().unwrap()).await.unwrap();
        let second = apply(&world, named("pay"), if undeclared { &[] } else { &desired }, None).await;
        assert_eq!(second.exit_code(), if undeclared { 0 } else { 3 }, "{}", second.text());
        let stays = world.client.read(path).await.unwrap().unwrap().data.unwrap();
        assert_eq!(stays["policy"], json!("# theirs"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_to_the_path_of_an_object_that_was_being_deleted_is_not_ours() {
    let world = World::new();
    assert_eq!(apply(&world, named("pay"), &[policy("app-a", "# ours")], None).await.exit_code(), 0);
    let path = "sys/policies/acl/app-a";
    for requests in 0.. {
        let deleted = apply(&world, named("pay"), &[], Some(requests)).await;
        let gone = world.client.read(path).await.unwrap().is_none();
        let known = ledger(&world, "pay.local").await.owned().contains_key(path);
        if gone && known {
            break;
        }
        assert!(deleted.exit_code() != 0, "it was never stopped between the two");
    }
    world.client.write(path, json!({"policy": "# theirs"}).as_object().unwrap()).await.unwrap();
    let next = apply(&world, named("pay"), &[], None).await;
    assert!(next.text().contains("what is there now is not ours: that stays"), "{}", next.text());
    assert_eq!(world.client.read(path).await.unwrap().unwrap().data.unwrap()["policy"], json!("# theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stopped_applies_made_and_changed_stays_theirs() {
    let path = "sys/policies/acl/app-a";
    let (mut made, mut changed) = (0, 0);
    for requests in 0..10 {
        for more in 0..10 {
            let world = World::new();
            apply(&world, named("pay"), &[policy("app-a", "# one")], Some(requests)).await;
            let known = ledger(&world, "pay.local").await.owned().get(path).map(|owned| owned.state);
            if known != Some(Progress::Intended) || world.client.read(path).await.unwrap().is_none() {
                break;
            }
            made += 1;
            apply(&world, named("pay"), &[policy("app-a", "# two")], Some(more)).await;
            let is = world.client.read(path).await.unwrap().unwrap().data.unwrap();
            changed += usize::from(is["policy"] == json!("# two"));
            let taken = apply(&world, Estate { adopt: true, ..named("web") }, &[policy("app-a", "# web")], None).await;
            assert_eq!(taken.exit_code(), 3, "stopped after {requests} and {more}: {}", taken.text());
        }
    }
    assert!(made > 0 && changed > 0, "{made} {changed}");
}

/// What objects there may be: kind and path.
const POOL: &[(&str, &str)] = &[
    ("auth method", "sys/auth/approle"),
    ("approle role", "auth/approle/role/l"),
    ("secrets engine", "sys/mounts/aws"),
    ("aws lease", "aws/config/lease"),
    ("aws role", "aws/roles/r"),
    ("acl policy", "sys/policies/acl/p"),
    ("acl policy", "sys/policies/acl/q"),
];

/// The estates: the first has no name, and all are of one environment.
const ESTATES: &[Option<&str>] = &[None, Some("pay"), Some("web")];

/// What happens to an engine.
#[derive(Clone, Debug)]
enum Happens {
    /// An estate's files declare objects in one of two ways, or don't any more; it is applied, and perhaps loses its
    /// connection.
    Applied {
        estate: usize,
        edits: Vec<(usize, Option<u8>)>,
        adopt: bool,
        from: Option<usize>,
        lost_after: Option<usize>,
    },
    /// Somebody writes an object by hand, or removes it.
    ByHand { object: usize, way: Option<u8> },
    /// An estate forgets an object.
    Forgotten { estate: usize, object: usize },
}

fn happens() -> impl Strategy<Value = Happens> {
    let (estate, object) = (0..ESTATES.len(), 0..POOL.len());
    let way = || prop::option::weighted(0.8, 0..2_u8);
    let edits = prop::collection::vec((object.clone(), way()), 0..4);
    let lost_after = prop::option::weighted(0.4, prop_oneof![2 => 3..8_usize, 1 => 0..24_usize]);
    let from = prop::option::weighted(0.3, 0..ESTATES.len());
    let applied = (estate.clone(), edits, prop::bool::weighted(0.2), from, lost_after);
    prop_oneof![
        6 => applied.prop_map(|(estate, edits, adopt, from, lost_after)| {
            Happens::Applied { estate, edits, adopt, from, lost_after }
        }),
        3 => (object.clone(), way()).prop_map(|(object, way)| Happens::ByHand { object, way }),
        1 => (estate, object).prop_map(|(estate, object)| Happens::Forgotten { estate, object }),
    ]
}

/// An object as somebody writes it. What it says is said by nobody else.
fn written(writer: &str, object: usize, way: u8) -> Object {
    let (kind, path) = POOL[object];
    let mark = format!("{writer} {way}");
    let number = i64::from(way) + 10 * writer.bytes().map(i64::from).sum::<i64>();
    let fields = match kind {
        "auth method" => json!({"type": "approle", "description": mark}),
        "secrets engine" => json!({"type": "aws", "description": mark}),
        "aws lease" => json!({"lease": number, "lease_max": number}),
        "acl policy" => json!({"policy": format!("# {mark}")}),
        "aws role" => json!({"iam_groups": [mark.replace(' ', "-")]}),
        _ => json!({"token_ttl": number}),
    };
    crate::apply::object(kind, path, fields)
}

type Engine = BTreeMap<&'static str, Live>;

/// What an engine holds of the pool. Settings at their defaults are nothing.
async fn engine(client: &Client) -> Engine {
    let mut engine = Engine::new();
    for (kind, path) in POOL {
        let kind: &'static Kind = KINDS.iter().find(|other| other.name == *kind).unwrap();
        let live = live::read_one(client, kind, path).await.unwrap();
        let is_set = |live: &Live| kind.name != "aws lease" || live.fields.iter().any(|(_, value)| *value != json!(0));
        if let Some(live) = live.filter(is_set) {
            engine.insert(path, live);
        }
    }
    engine
}

/// Who may be said to have an object, by what was done.
#[derive(Clone, Debug, Default)]
struct Having {
    /// The estates that made it or took it over.
    owners: BTreeSet<usize>,
    /// Those of them that were stopped, perhaps before their ledger said so: then it proves only what they wrote.
    unproved: BTreeSet<usize>,
    /// Those who may or may not have what somebody changed by hand since.
    perhaps: BTreeSet<usize>,
    /// Estates that were stopped when they were about to: each with what it may find there.
    begun: Vec<(usize, Vec<BTreeMap<&'static str, serde_json::Value>>)>,
}

impl Having {
    /// What remains when an estate has it now: others may go on with what they had begun, should it be so again.
    fn begun_by_others(&self, estate: usize) -> Self {
        let begun = self.begun.iter().filter(|(other, _)| *other != estate).cloned().collect();
        Self { begun, ..Self::default() }
    }

    fn gives_up(&mut self, estate: usize) {
        self.owners.remove(&estate);
        self.perhaps.remove(&estate);
        self.begun.retain(|(other, _)| *other != estate);
    }
}

#[derive(Default)]
struct Model {
    files: Vec<BTreeMap<usize, u8>>,
    having: BTreeMap<&'static str, Having>,
}

impl Model {
    fn has(&self, estate: usize, path: &'static str, live: Option<&Live>) -> bool {
        self.having.get(path).is_some_and(|having| {
            having.owners.contains(&estate)
                || having.perhaps.contains(&estate)
                || having
                    .begun
                    .iter()
                    .any(|(other, states)| *other == estate && live.is_none_or(|live| states.contains(&live.fields)))
        })
    }

    /// What somebody changed by hand is no longer what those wrote whose ledgers prove no more than that.
    fn by_hand(&mut self, path: &'static str, was: Option<&Live>, is: Option<&Live>) {
        let Some(having) = self.having.get_mut(path) else { return };
        if is.is_none() || was.map(|live| &live.fields) == is.map(|live| &live.fields) {
            return;
        }
        for estate in std::mem::take(&mut having.unproved) {
            if having.owners.remove(&estate) {
                having.perhaps.insert(estate);
            }
        }
    }

    /// Who else has an object for certain.
    fn others(&self, estate: usize, path: &'static str) -> Vec<usize> {
        let owners = self.having.get(path).into_iter().flat_map(|having| &having.owners);
        owners.copied().filter(|other| *other != estate).collect()
    }

    fn desired(&self, estate: usize) -> Vec<Object> {
        self.files[estate].iter().map(|(object, way)| written(&format!("estate{estate}"), *object, *way)).collect()
    }

    /// What an apply must not have done, and who has what after it.
    fn applied(&mut self, happened: &Happens, code: u8, before: &Engine, after: &Engine) -> Result<(), String> {
        let Happens::Applied { estate, adopt, from, lost_after, .. } = happened else { return Ok(()) };
        let estate = *estate;
        for (index, (_, path)) in POOL.iter().enumerate() {
            let (was, is) = (before.get(path), after.get(path));
            let same = was.map(|live| &live.fields) == is.map(|live| &live.fields);
            let declared = self.files[estate].contains_key(&index);
            let others = self.others(estate, path);
            let ours = self.has(estate, path, was);
            let named = |other: &usize| from == &Some(*other);
            let may = match (ours, others.is_empty()) {
                (true, true) => true,
                (false, true) => declared && (was.is_none() || *adopt || from.is_some()),
                (_, false) => declared && (ours || others.iter().all(named)),
            };
            // Who is named gives up theirs, also if they only meant to have it, and nobody's needs a word of its own.
            let meant = from.is_some_and(|from| self.has(from, path, was));
            let nobodys = !ours && others.is_empty() && was.is_some() && !meant;
            if !same && (!may || (nobodys && !*adopt)) {
                return Err(format!("{path} was changed: others {others:?}, ours {ours}"));
            }
            if !same && was.is_some() && is.is_none() && !ours {
                return Err(format!("{path} was removed, and is not theirs"));
            }
            self.have(index, estate, (declared && may, code != 0), lost_after.is_some(), (was, is));
        }
        Ok(())
    }

    fn have(
        &mut self,
        index: usize,
        estate: usize,
        (wanted, stopped): (bool, bool),
        cut_off: bool,
        (was, is): (Option<&Live>, Option<&Live>),
    ) {
        let path = POOL[index].1;
        let as_declared = self.files[estate].get(&index).map(|way| written(&format!("estate{estate}"), index, *way));
        let had = self.has(estate, path, was);
        let having = self.having.entry(path).or_default();
        let made = is.is_some_and(|is| as_declared.as_ref().is_some_and(|object| marks(object, is)));
        match (wanted, stopped) {
            (true, true) if made && was.is_none() => {
                let owners = BTreeSet::from([estate]);
                let unproved = if cut_off { owners.clone() } else { BTreeSet::new() };
                *having = Having { unproved, owners, ..having.begun_by_others(estate) };
            }
            (true, false) if made => {
                *having = Having { owners: BTreeSet::from([estate]), ..having.begun_by_others(estate) };
            }
            (true, true) if made && was.map(|live| &live.fields) != is.map(|live| &live.fields) => {
                let owners = std::mem::replace(&mut having.owners, BTreeSet::from([estate]));
                if !cut_off {
                    *having = Having { owners: having.owners.clone(), ..having.begun_by_others(estate) };
                } else if !owners.contains(&estate) {
                    having.unproved.insert(estate);
                }
                // Perhaps it has not come to take it out of another's ledger.
                having.perhaps.extend(owners.into_iter().filter(|other| cut_off && *other != estate));
            }
            (true, true) => {
                // It was about to be taken over, or made: what was there and what was to be prove that it is theirs.
                let states = [was, is].into_iter().flatten().map(|live| live.fields.clone()).collect();
                having.begun.push((estate, states));
            }
            (true, false) => {}
            (false, stopped) if had && (!stopped || is.is_none()) => {
                having.gives_up(estate);
            }
            // What can't be deleted is forgotten: perhaps it was, before something else failed.
            (false, _) if had && POOL[index].0 == "aws lease" => {
                having.owners.remove(&estate);
                having.perhaps.insert(estate);
            }
            (false, _) => {}
        }
    }
}

/// Whether an engine holds what an object says, whatever it says besides.
fn marks(object: &Object, live: &Live) -> bool {
    object.fields.keys().all(|name| live.fields.get(name) == Some(&object.value(name)))
}

/// A change is judged by the same sequences as the one before it, a search by new ones.
fn seed() -> RngSeed {
    if std::env::var_os("LEASEHOLD_MODEL_CASES").is_some() { RngSeed::Random } else { RngSeed::Fixed(1) }
}

fn cases() -> u32 {
    std::env::var("LEASEHOLD_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 400,
        rng_seed: seed(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_nobody_loses_what_is_theirs(happened in prop::collection::vec(happens(), 20)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let outcome = runtime.block_on(told(&happened));
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}

/// Tells an engine and the model what happens.
async fn told(happened: &[Happens]) -> Result<(), String> {
    let world = World::new();
    let mut model = Model { files: vec![BTreeMap::new(); ESTATES.len()], ..Model::default() };
    for (number, event) in happened.iter().enumerate() {
        match event {
            Happens::ByHand { object, way } => {
                let path = POOL[*object].1;
                let before = engine(&world.client).await;
                by_hand(&world.client, *object, *way).await;
                model.by_hand(path, before.get(path), engine(&world.client).await.get(path));
            }
            Happens::Forgotten { estate, object } => {
                let path = POOL[*object].1;
                let mut ledger = Ledger::read(&world.client, &owner(*estate)).await.unwrap();
                if ledger.owned().contains_key(path) {
                    ledger.write(&world.client, [(path.to_owned(), None)]).await.unwrap();
                }
                model.having.entry(path).or_default().gives_up(*estate);
            }
            Happens::Applied { estate, edits, adopt, from, lost_after } => {
                for (object, way) in edits {
                    match way {
                        Some(way) => drop(model.files[*estate].insert(*object, *way)),
                        None => drop(model.files[*estate].remove(object)),
                    }
                }
                let before = engine(&world.client).await;
                let adopt_from: Vec<String> = match from {
                    Some(from) if from != estate && has_ledger(&world.client, *from).await => vec![owner(*from)],
                    _ => Vec::new(),
                };
                let who = Estate { name: ESTATES[*estate], adopt: *adopt, adopt_from: &adopt_from };
                let applied = apply(&world, who, &model.desired(*estate), *lost_after).await;
                let after = engine(&world.client).await;
                let code = applied.exit_code();
                if applied.outcome.is_none() {
                    let held = |engine: &Engine| {
                        engine.iter().map(|(path, live)| (*path, live.fields.clone())).collect::<Vec<_>>()
                    };
                    if held(&before) != held(&after) {
                        return Err(format!("a refused plan was carried out\n{}", applied.text()));
                    }
                    continue;
                }
                let having = model.having.clone();
                if let Err(what) = model.applied(event, code, &before, &after) {
                    let happened: Vec<String> = happened[..=number].iter().map(|event| format!("{event:?}")).collect();
                    return Err(format!(
                        "after\n{}\n{what}\nexit code {code}\n{}\n{having:?}",
                        happened.join("\n"),
                        applied.text()
                    ));
                }
            }
        }
    }
    Ok(())
}

fn owner(estate: usize) -> String {
    ledger::owner(ESTATES[estate], "local")
}

async fn has_ledger(client: &Client, estate: usize) -> bool {
    let listed = client.list("leasehold/metadata").await.unwrap();
    let keys = listed.and_then(|answer| answer.data).map(|data| data["keys"].clone()).unwrap_or_default();
    keys.as_array().is_some_and(|keys| keys.contains(&json!(format!("{}/", owner(estate)))))
}

/// What a person does; it may fail, where there is no mount.
async fn by_hand(client: &Client, object: usize, way: Option<u8>) {
    let path = POOL[object].1;
    match way {
        Some(way) => {
            let kind = KINDS.iter().find(|kind| kind.name == POOL[object].0).unwrap();
            let live = live::read_one(client, kind, path).await.unwrap();
            for call in (kind.write)(&written("hand", object, way), live.as_ref()) {
                drop(client.write(&call.path, &call.body).await);
            }
        }
        None if path.ends_with("config/lease") => {
            drop(client.write(path, json!({"lease": "0s", "lease_max": "0s"}).as_object().unwrap()).await);
        }
        None => drop(client.delete(path).await),
    }
}
