//! Carrying plans out on a real engine, at moments that a process can't be stopped at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use leasehold::api::Client;
use leasehold::apply::{self, Options, Outcome, Report, Step};
use leasehold::clock::Clock;
use leasehold::ledger::Ledger;
use leasehold::object::{FieldValue, KINDS, Leaf, Object, OnChange, OnRotate, Place, Progress};
use leasehold::plan::{Adopt, Change, ChangeAction, Plan, Reviewed, Selection};
use leasehold::proposal::{Prepared, Wish, prepare};
use leasehold::review::Environment;
use leasehold::secret::Secret;
use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::servers::{Sort, TestServer};

/// A plan that nobody judged: these estates have neither guardrails nor apps.
pub(crate) fn unjudged(plan: &Plan) -> Reviewed {
    plan.clone().reviewed(|plan| (Environment::new(&plan.environment, None, None, &[], Vec::new()), Vec::new()))
}

/// A server, and a client that may do everything.
pub(crate) struct World {
    pub(crate) client: Client,
    /// Somebody else's.
    pub(crate) hand: Client,
    pub(crate) clock: Clock,
    pub(crate) server: TestServer,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = TestServer::start(Sort::of(module_path!()));
        // Pauses pass a thousand times as fast.
        let clock = Clock::fast(time::OffsetDateTime::now_utc(), 1000);
        Self { client: server.client(&server.address), hand: server.hand(), clock, server }
    }

    /// Puts something between the client and the engine that loses what it is told to.
    pub(crate) fn part(&mut self) -> Between {
        let between = self.server.part();
        self.client = self.server.client(&between.address);
        between
    }

    pub(crate) async fn prepare(&self, desired: &[Object], adopt: Adopt<'_>) -> Prepared {
        self.prepare_as(None, desired, adopt).await
    }

    /// Plans as an estate of this name.
    async fn prepare_as(&self, estate: Option<&str>, desired: &[Object], adopt: Adopt<'_>) -> Prepared {
        let commit = Some("c0ffee");
        let wish = Wish {
            environment: "local",
            estate,
            shared: true,
            absent: &[],
            today: "2026-11-25",
            referred: &[],
            commit,
            max_deletes: 100,
            limits: &[],
            adopt,
            adopt_from: &[],
            guardrails: &[],
            selection: Selection::All,
        };
        prepare(&self.client, &wish, &mut desired.to_vec()).await.unwrap()
    }

    pub(crate) async fn apply(&self, prepared: &mut Prepared, desired: &[Object]) -> Report {
        self.run(prepared, desired, &AtomicBool::new(false), &|_, _| {}).await.unwrap()
    }

    async fn run(
        &self,
        prepared: &mut Prepared,
        desired: &[Object],
        stop: &AtomicBool,
        progress: &(dyn Fn(&Change, &Step<'_>) + Sync),
    ) -> Result<Report, apply::Error> {
        let options = Options { clock: &self.clock, stop, lock: None, progress };
        let applied =
            apply::run(&self.client, &unjudged(&prepared.plan), desired, &mut prepared.ledger, &options).await?;
        let report = applied.report.clone();
        applied.record(&self.client, &mut prepared.ledger, &self.clock).await.map(|_| report)
    }

    /// Plans, applies, and demands that a second plan is empty.
    pub(crate) async fn converge(&self, desired: &[Object]) {
        let mut prepared = self.prepare(desired, Adopt::Refuse).await;
        let report = self.apply(&mut prepared, desired).await;
        assert_eq!(report.exit_code(), 0, "{}", report.problems(desired));
        let after = self.prepare(desired, Adopt::Refuse).await;
        assert_eq!(after.plan.exit_code(), 0, "{}", after.plan.text(leasehold::review::Colour::Never));
    }

    async fn write(&self, path: &str, body: Value) {
        self.hand.write(path, body.as_object().unwrap()).await.unwrap();
    }
}

pub(crate) fn object(kind: &str, path: &str, fields: Value) -> Object {
    let kind = *KINDS.iter().find(|other| other.name == kind).unwrap();
    let place = Place { file: Arc::from("apps/a.hcl"), line: 3, column: 1 };
    let leaf = |value: &Value| Leaf::new(FieldValue::Data(value.clone()), place.clone());
    let fields = fields.as_object().unwrap();
    let fields: BTreeMap<&'static str, Leaf> =
        fields.iter().map(|(name, value)| (kind.field(name).unwrap().name, leaf(value))).collect();
    let (path, app) = (path.to_owned(), Some("a".to_owned()));
    let place = place.clone();
    Object {
        kind,
        path,
        app,
        place,
        fields,
        protect: false,
        expires: None,
        renamed_from: None,
        on_rotate: OnRotate::Seen,
        on_change: OnChange::Keep,
    }
}

pub(crate) fn policy(name: &str, rules: &str) -> Object {
    object("acl policy", &format!("sys/policies/acl/{name}"), json!({"policy": rules}))
}

pub(crate) fn login(name: &str, ttl: i64, policies: &[&str]) -> Object {
    let fields = json!({"token_ttl": ttl, "token_policies": policies});
    object("approle role", &format!("auth/approle/role/{name}"), fields)
}

const RULES: &str = "path \"aws/creds/a\" {\n  capabilities = [\"read\"]\n}";

fn estate() -> Vec<Object> {
    let mut objects = vec![object("auth method", "sys/auth/approle", json!({"type": "approle"}))];
    for name in ["a", "b", "c"] {
        objects.push(policy(&format!("app-{name}"), RULES));
        objects.push(login(&format!("app-{name}"), 600, &[&format!("app-{name}")]));
    }
    objects
}

fn outcome<'a>(report: &'a Report, path: &str) -> &'a Outcome {
    &report.results().iter().find(|(change, _)| change.path == path).unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_plan_is_empty_and_the_ledger_knows_what_is_ours() {
    let world = World::new();
    let desired = estate();
    world.converge(&desired).await;
    let ledger = Ledger::read(&world.client, "local").await.unwrap();
    assert_eq!(ledger.owned().len(), desired.len());
    let login = &ledger.owned()["auth/approle/role/app-a"];
    assert_eq!((login.place.to_string(), login.commit.as_deref()), ("apps/a.hcl:3".to_owned(), Some("c0ffee")));
    assert!(Ledger::read(&world.client, "other").await.unwrap().owned().is_empty());
    world.converge(&[]).await;
    assert!(Ledger::read(&world.client, "local").await.unwrap().owned().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_files_with_the_same_environment_are_refused() {
    let world = World::new();
    world.converge(&estate()).await;
    // The same login method, and roles and policies of their own.
    let theirs = vec![estate().remove(0), policy("app-x", RULES), login("app-x", 600, &["app-x"])];
    let plan = world.prepare(&theirs, Adopt::Take).await.plan;
    assert_eq!(plan.exit_code(), 3);
    let text = plan.text(leasehold::review::Colour::Never);
    assert!(text.contains("seems to belong to other files") && text.contains("estate = \"payments\""), "{text}");
    // Removals alone, and then what is new, are no stranger's.
    let kept = &estate()[..1];
    world.converge(kept).await;
    world.converge(&theirs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn estates_with_names_share_an_engine_and_take_nothing_from_each_other() {
    let world = World::new();
    let (ours, theirs) = (estate(), vec![policy("app-x", RULES)]);
    for (name, desired) in [("pay", &ours), ("web", &theirs)] {
        let mut prepared = world.prepare_as(Some(name), desired, Adopt::Refuse).await;
        assert_eq!(world.apply(&mut prepared, desired).await.exit_code(), 0, "{name}");
    }
    for (name, desired) in [("pay", &ours), ("web", &theirs)] {
        assert_eq!(world.prepare_as(Some(name), desired, Adopt::Refuse).await.plan.exit_code(), 0, "{name}");
    }
    let greedy = vec![policy("app-x", RULES), policy("app-a", RULES)];
    let plan = world.prepare_as(Some("web"), &greedy, Adopt::Take).await.plan;
    let text = plan.text(leasehold::review::Colour::Never);
    assert_eq!(plan.exit_code(), 3, "{text}");
    assert!(text.contains("sys/policies/acl/app-a (the estate `pay`, environment `local`)"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_moved_since_the_plan_is_left_alone_and_its_siblings_are_not() {
    let world = World::new();
    world.converge(&estate()).await;
    let mut desired = estate();
    for wanted in &mut desired {
        if wanted.path.starts_with("auth/approle/role/") {
            *wanted = login(wanted.path.rsplit('/').next().unwrap(), 1200, &["app-a"]);
        }
    }
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    world.write("auth/approle/role/app-b", json!({"token_ttl": 60})).await;
    let report = world.apply(&mut prepared, &desired).await;
    assert_eq!(report.exit_code(), 4);
    assert!(matches!(outcome(&report, "auth/approle/role/app-b"), Outcome::Moved { .. }));
    assert!(outcome(&report, "auth/approle/role/app-a").is_applied());
    let problems = report.problems(&desired);
    assert!(problems.contains("token_ttl: 10m when planned, 1m now, 20m declared"), "{problems}");
    assert_eq!(report.summary(), "Apply incomplete: 0 added, 2 changed, 0 deleted, 1 moved since the plan.");
    world.converge(&desired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_somebody_made_since_the_plan_stays_theirs() {
    let world = World::new();
    let desired = [policy("app-a", RULES)];
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    world.write("sys/policies/acl/app-a", json!({"policy": "path \"x\" {}"})).await;
    let report = world.apply(&mut prepared, &desired).await;
    assert_eq!(report.exit_code(), 4);
    let refused = world.prepare(&desired, Adopt::Refuse).await.plan;
    assert_eq!((refused.exit_code(), refused.changes[0].action), (3, ChangeAction::Adopt));
    let mut adopting = world.prepare(&desired, Adopt::Take).await;
    let report = world.apply(&mut adopting, &desired).await;
    assert_eq!(report.summary(), "Apply complete: 0 added, 0 changed, 0 deleted, 1 adopted.");
    world.converge(&desired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stops_only_what_stands_on_it() {
    let world = World::new();
    let mut desired = estate();
    desired[3] = policy("app-b", "path \"x\" { capabilities = [\"no such\"] }");
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    let report = world.apply(&mut prepared, &desired).await;
    assert_eq!(report.exit_code(), 1);
    assert!(matches!(outcome(&report, "sys/policies/acl/app-b"), Outcome::Failed { .. }));
    let skipped = outcome(&report, "auth/approle/role/app-b");
    assert!(matches!(skipped, Outcome::Skipped { because } if because == "sys/policies/acl/app-b"), "{skipped:?}");
    assert_eq!(report.summary(), "Apply incomplete: 5 added, 0 changed, 0 deleted, 1 failed, 1 skipped.");
    world.converge(&estate()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_the_next_apply_goes_on() {
    for first_estate in [Vec::new(), estate()] {
        let target = if first_estate.is_empty() { estate() } else { Vec::new() };
        for moment in 0..7 {
            let world = World::new();
            world.converge(&first_estate).await;
            let mut prepared = world.prepare(&target, Adopt::Refuse).await;
            let ended = AtomicUsize::new(0);
            let (kill, killed) = tokio::sync::oneshot::channel::<()>();
            let kill = std::sync::Mutex::new(Some(kill));
            let progress = |_: &Change, step: &Step<'_>| {
                if matches!(step, Step::Ended(_)) && ended.fetch_add(1, Ordering::Relaxed) == moment {
                    drop(kill.lock().unwrap().take());
                }
            };
            let never = AtomicBool::new(false);
            tokio::select! {
                biased;
                _ = killed => {}
                _ = world.run(&mut prepared, &target, &never, &progress) => {}
            }
            assert!(ended.load(Ordering::Relaxed) > moment);
            // A write that was under way may arrive between the next plan and its apply, which leaves it alone.
            let mut prepared = world.prepare(&target, Adopt::Refuse).await;
            assert!([0, 4].contains(&world.apply(&mut prepared, &target).await.exit_code()));
            world.converge(&target).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_once_it_finishes_what_runs_and_says_what_is_left() {
    let world = World::new();
    let desired = estate();
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    let stop = AtomicBool::new(false);
    let report = world.run(&mut prepared, &desired, &stop, &|_, _| stop.store(true, Ordering::Relaxed)).await.unwrap();
    assert_eq!(report.exit_code(), 1);
    assert!(outcome(&report, "sys/auth/approle").is_applied());
    assert!(matches!(outcome(&report, "auth/approle/role/app-a"), Outcome::Interrupted));
    world.write("auth/approle/role/app-a", json!({"token_ttl": 5})).await;
    let refused = world.prepare(&desired, Adopt::Refuse).await.plan;
    assert_eq!(refused.exit_code(), 3, "what was only intended does not claim what others make");
    world.hand.delete("auth/approle/role/app-a").await.unwrap();
    world.converge(&desired).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_applies_from_one_state_one_is_refused() {
    let world = World::new();
    let desired = [policy("app-a", RULES)];
    let mut first = world.prepare(&desired, Adopt::Refuse).await;
    let mut second = world.prepare(&desired, Adopt::Refuse).await;
    assert_eq!(world.apply(&mut first, &desired).await.exit_code(), 0);
    let error = world.run(&mut second, &desired, &AtomicBool::new(false), &|_, _| {}).await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_survives_and_is_counted() {
    let world = World::new();
    world.converge(&estate()).await;
    world.write("sys/policies/acl/by-hand", json!({"policy": RULES})).await;
    world.write("auth/approle/role/by-hand", json!({})).await;
    let plan = world.prepare(&estate(), Adopt::Refuse).await.plan;
    assert_eq!(plan.exit_code(), 0);
    let unmanaged = plan.unmanaged.iter().map(|object| object.path.as_str());
    // What a new engine has, a new namespace does not.
    let unmanaged: Vec<&str> = unmanaged.filter(|path| *path != "sys/mounts/secret").collect();
    assert_eq!(unmanaged, ["sys/policies/acl/by-hand", "auth/approle/role/by-hand"]);
    world.converge(&[object("auth method", "sys/auth/approle", json!({"type": "approle"}))]).await;
    assert!(world.hand.read("auth/approle/role/by-hand").await.unwrap().is_some());
    assert!(world.hand.read("sys/policies/acl/by-hand").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_device_that_cannot_be_changed_is_put_back() {
    let world = World::new();
    if world.server.sort == Sort::OpenBao {
        // It takes none by its API.
        return;
    }
    let log = tempfile::tempdir().unwrap();
    let device = |name: &str| {
        let path = log.path().join(name).display().to_string();
        [object("audit device", "sys/audit/file", json!({"file_path": path}))]
    };
    let good = device("audit.log");
    world.converge(&good).await;
    let bad = device("audit.log/below-a-file");
    let mut prepared = world.prepare(&bad, Adopt::Refuse).await;
    let report = world.apply(&mut prepared, &bad).await;
    assert_eq!(report.exit_code(), 1);
    assert!(report.problems(&bad).contains("the old one is back"), "{}", report.problems(&bad));
    assert_eq!(world.prepare(&good, Adopt::Refuse).await.plan.exit_code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_device_that_is_refused_stops_nothing_else() {
    let mut world = World::new();
    // Only the root namespace has devices, and of a real server that is not the test's own.
    world.server.namespace = None;
    if world.server.is_real() {
        return;
    }
    world.client = world.server.client(&world.server.address);
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().join("below-a-file").display().to_string();
    let mut desired = estate();
    desired.push(object("audit device", "sys/audit/file", json!({"file_path": path})));
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    let report = world.apply(&mut prepared, &desired).await;
    if world.server.sort == Sort::OpenBao {
        // It tells beforehand that it takes none, so that none is tried.
        assert_eq!(report.summary(), "Apply complete: 7 added, 0 changed, 0 deleted.");
        let plan = world.prepare(&desired, Adopt::Refuse).await.plan;
        let left: Vec<&str> = plan.configured.iter().map(|one| one.change.path.as_str()).collect();
        assert_eq!((left, plan.changes.len(), plan.exit_code()), (vec!["sys/audit/file"], 0, 2));
        return;
    }
    assert_eq!(report.exit_code(), 1);
    assert_eq!(report.summary(), "Apply incomplete: 7 added, 0 changed, 0 deleted, 1 failed.");
    let problems = report.problems(&desired);
    assert!(
        problems.contains("Failed to create audit device sys/audit/file (apps/a.hcl:3): PUT was refused"),
        "{problems}"
    );
    assert!(problems.contains("not logged by this device"), "{problems}");
    let plan = world.prepare(&desired, Adopt::Refuse).await.plan;
    let left: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(left, ["sys/audit/file"]);
}

/// Each kind of which something is written that no read tells, before and after a change of that alone.
fn unreadable() -> Vec<(&'static str, &'static str, Vec<Object>, Vec<Object>)> {
    let aws = || object("secrets engine", "sys/mounts/aws", json!({"type": "aws"}));
    let root = |secret: &str| {
        let mut root = object("aws root", "aws/config/root", json!({"access_key": "AKIA1"}));
        let place = root.place.clone();
        root.fields.insert("secret_key", Leaf::new(FieldValue::Secret(Secret::new(secret)), place));
        root
    };
    let approle = || object("auth method", "sys/auth/approle", json!({"type": "approle"}));
    let named = |id: &str| {
        let mut login = login("app-a", 600, &["app-a"]);
        let place = login.place.clone();
        login.fields.insert("role_id", Leaf::new(FieldValue::Data(json!(id)), place));
        login
    };
    vec![
        (
            "aws/config/root",
            "PUT /v1/aws/config/root",
            vec![aws(), root("one-secret")],
            vec![aws(), root("another-secret")],
        ),
        (
            "auth/approle/role/app-a",
            "PUT /v1/auth/approle/role/app-a",
            vec![approle(), named("one-id")],
            vec![approle(), named("another-id")],
        ),
    ]
}

const LOSSES: [Fault; 5] =
    [Fault::Refused(500), Fault::Refused(502), Fault::Lost, Fault::Belied(500), Fault::Unanswered];

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_read_back_is_done_when_its_answer_came() {
    for (path, request, before, after) in unreadable() {
        for fault in LOSSES {
            let mut world = World::new();
            let between = world.part();
            world.converge(&before).await;
            // It is lost once: it is sent again.
            between.fault(request, 1, fault);
            let mut prepared = world.prepare(&after, Adopt::Refuse).await;
            assert_eq!(prepared.plan.changes.len(), 1, "{path}");
            let sent = between.asked().len();
            let report = world.apply(&mut prepared, &after).await;
            assert_eq!(report.exit_code(), 0, "{path} {fault:?}: {}", report.problems(&after));
            let sent = between.asked()[sent..].iter().filter(|asked| asked.line.starts_with(request)).count();
            assert_eq!(sent, 2, "{path} {fault:?}");
            assert!(world.prepare(&after, Adopt::Refuse).await.plan.is_empty(), "{path} {fault:?}");
            // It is lost for long: nobody says that it was done, and the next apply does it.
            between.fault(request, usize::MAX, fault);
            let mut prepared = world.prepare(&before, Adopt::Refuse).await;
            let report = world.apply(&mut prepared, &before).await;
            assert_eq!(report.exit_code(), 1, "{path} {fault:?}");
            assert!(report.problems(&before).contains("whether it was taken is not known"), "{path} {fault:?}");
            let ledger = Ledger::read(&world.client, "local").await.unwrap();
            assert_eq!(ledger.owned()[path].state, Progress::Changing, "{path} {fault:?}");
            between.heal();
            let mut prepared = world.prepare(&before, Adopt::Refuse).await;
            // A role id is told, so it is seen to have arrived.
            let is_seen = path.contains("/role/") && matches!(fault, Fault::Belied(_) | Fault::Unanswered);
            assert_eq!(prepared.plan.changes.len(), usize::from(!is_seen), "{path} {fault:?}");
            assert_eq!(world.apply(&mut prepared, &before).await.exit_code(), 0, "{path} {fault:?}");
            assert!(world.prepare(&before, Adopt::Refuse).await.plan.is_empty(), "{path} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_answer_was_lost_is_sent_again_with_its_guardrails() {
    for fault in LOSSES {
        let mut world = World::new();
        let between = world.part();
        let mount = object("secrets engine", "sys/mounts/aws", json!({"type": "aws"}));
        let role = object("aws role", "aws/roles/a", json!({"credential_type": "iam_user"}));
        let desired = vec![mount, role];
        between.fault("PUT /v1/aws/roles/a", 1, fault);
        world.converge(&desired).await;
        let sent = between.asked().iter().filter(|asked| asked.line == "PUT /v1/aws/roles/a").count();
        assert_eq!(sent, 2, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_bad_minute_stops_no_plan_and_no_apply() {
    for (request, fault) in [
        ("GET", Fault::RefusedFor(429, 0)),
        ("GET", Fault::Refused(503)),
        ("GET", Fault::Refused(500)),
        ("GET", Fault::Refused(412)),
        ("GET", Fault::Lost),
        ("GET", Fault::Unanswered),
        ("PUT", Fault::RefusedFor(429, 0)),
        ("PUT", Fault::Refused(503)),
        ("DELETE", Fault::Refused(429)),
    ] {
        let mut world = World::new();
        let between = world.part();
        let desired = estate();
        between.fault(request, 3, fault);
        world.converge(&desired).await;
        between.fault(request, 3, fault);
        world.converge(&desired[..1]).await;
    }
}

/// A hundred logins at one method.
pub(crate) fn many(ttl: i64) -> Vec<Object> {
    let mut objects = vec![object("auth method", "sys/auth/approle", json!({"type": "approle"}))];
    objects.extend((0..100).map(|number| login(&format!("app-{number:03}"), ttl, &["app-a"])));
    objects
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_in_a_folder_of_many_is_left_alone_and_its_siblings_are_not() {
    let world = World::new();
    world.converge(&many(600)).await;
    let mut desired = many(1200);
    desired.push(login("app-050-new", 1200, &["app-a"]));
    let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
    world.write("auth/approle/role/app-031", json!({"token_ttl": 60})).await;
    world.write("auth/approle/role/app-050-new", json!({"token_ttl": 60})).await;
    world.hand.delete("auth/approle/role/app-099").await.unwrap();
    world.hand.delete("auth/approle/role/app-000").await.unwrap();
    let report = world.apply(&mut prepared, &desired).await;
    assert_eq!(report.exit_code(), 4);
    let moved: Vec<&str> = report
        .results()
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Moved { .. }))
        .map(|(change, _)| change.path.trim_start_matches("auth/approle/role/"))
        .collect();
    assert_eq!(moved, ["app-000", "app-031", "app-050-new", "app-099"]);
    assert_eq!(report.summary(), "Apply incomplete: 0 added, 97 changed, 0 deleted, 4 moved since the plan.");
    let live = world.hand.read("auth/approle/role/app-031").await.unwrap().unwrap();
    assert_eq!(live.data.unwrap()["token_ttl"], json!(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_in_a_folder_of_many_fails_alone() {
    let mut world = World::new();
    let between = world.part();
    world.converge(&many(600)).await;
    for fault in [Fault::Refused(400), Fault::Unanswered] {
        let desired = many(if matches!(fault, Fault::Refused(_)) { 1200 } else { 1800 });
        let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
        between.fault("PUT /v1/auth/approle/role/app-042", usize::MAX, fault);
        let report = world.apply(&mut prepared, &desired).await;
        let failed: Vec<&str> = report
            .results()
            .iter()
            .filter(|(_, outcome)| !outcome.is_applied())
            .map(|(change, _)| change.path.as_str())
            .collect();
        assert!(failed.len() <= 1 && failed.iter().all(|path| path.ends_with("app-042")), "{fault:?}: {failed:?}");
        between.heal();
        world.converge(&desired).await;
    }
}
