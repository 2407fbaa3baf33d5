//! An apply that is killed at any of its writes: what was on its way arrives or does not, and nobody hears of it. The
//! next plan says nothing of it that is not so, and the next apply comes to what the files say, also in what no read
//! tells.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

use leasehold::api::{Addresses, Client, Options as ClientOptions, Target, TlsOptions};
use leasehold::apply::{self, Options};
use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use leasehold::estate::{self, Estate};
use leasehold::plan::{Adopt, Attacher, Selection, Shown};
use leasehold::proposal::{Prepared, Wish, prepare};
use leasehold::review::Colour;
use leasehold::secret::Secret;
use serde_json::{Value, json};

use crate::apply::unjudged;
use crate::between::{Between, Fault};
use crate::env::{InTestEngine, TestEnv};

struct World {
    client: Client,
    between: Between,
    clock: Clock,
    _engine: InTestEngine,
}

impl World {
    fn new() -> Self {
        let clock = Clock::system();
        let engine = InTestEngine::start(clock.clone(), AwsTransport::Network);
        let between = Between::start(&engine.address);
        let target =
            Target::Network { addresses: Addresses::one(&between.address).unwrap(), tls: TlsOptions::default() };
        let client = Client::new(target, ClientOptions::new(Some(Secret::new(&*engine.root_token)))).unwrap();
        Self { client, between, clock, _engine: engine }
    }

    async fn plan(&self, estate: &Estate) -> Prepared {
        let wish = Wish {
            environment: "local",
            estate: None,
            shared: false,
            absent: &[],
            today: "2026-11-25",
            referred: &[],
            commit: None,
            max_deletes: 100,
            limits: &[],
            adopt: Adopt::Refuse,
            adopt_from: &[],
            guardrails: &estate.guardrails,
            selection: Selection::All,
        };
        prepare(&self.client, &wish, &mut estate.objects.clone()).await.unwrap()
    }

    async fn apply(&self, prepared: &mut Prepared, estate: &Estate) -> apply::Report {
        let (stop, progress) = (AtomicBool::new(false), |_: &_, _: &apply::Step<'_>| {});
        let options = Options { clock: &self.clock, stop: &stop, lock: None, progress: &progress };
        let applied =
            apply::run(&self.client, &unjudged(&prepared.plan), &estate.objects, &mut prepared.ledger, &options).await;
        let applied = applied.unwrap();
        let report = applied.report.clone();
        applied.record(&self.client, &mut prepared.ledger, &self.clock).await.unwrap();
        report
    }

    async fn converge(&self, estate: &Estate, what: &str) {
        let mut prepared = self.plan(estate).await;
        let plan = prepared.plan.text(Colour::Never);
        let report = self.apply(&mut prepared, estate).await;
        assert_eq!(report.exit_code(), 0, "{what}\n{plan}\n{}", report.problems(&estate.objects));
        let after = self.plan(estate).await.plan;
        assert_eq!(after.exit_code(), 0, "{what}\n{}", after.text(Colour::Never));
    }

    /// What the engine was told last of what no read tells, by path: a body's field, and guardrails.
    fn told(&self) -> BTreeMap<String, (Value, Option<String>)> {
        let mut told = BTreeMap::new();
        for asked in self.between.asked() {
            let Some((verb, path)) = asked.line.split_once(" /v1/") else { continue };
            if verb == "DELETE" {
                told.retain(|other: &String, _| {
                    other != path && !other.starts_with(&format!("{}/", path.trim_start_matches("sys/mounts/")))
                });
            } else if verb == "PUT" && !path.starts_with("leasehold/") {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let hidden = ["secret_key", "role_id"].iter().find_map(|field| body.get(*field)).cloned();
                let guardrails = asked.header("x-leasehold-guardrails").map(str::to_owned);
                told.insert(path.to_owned(), (hidden.unwrap_or_default(), guardrails));
            }
        }
        told
    }
}

/// An estate of one file; a secret is what its reference says.
fn estate(env: &TestEnv, text: &str) -> Estate {
    env.write("estate/estate.hcl", &format!("environment \"local\" {{\n  engine = \"embedded\"\n}}\n{text}"));
    let sources = estate::read_directory(&env.dir().join("estate")).unwrap_or_default();
    let mut estate = match estate::load(&sources, None) {
        Ok(estate) => estate,
        Err(problems) => panic!("{}", estate::render(&problems, &sources, false)),
    };
    for object in &mut estate.objects {
        let unresolved: Vec<_> =
            object.unresolved().map(|(name, reference, _)| (name, Secret::new(&reference[4..]))).collect();
        for (name, secret) in unresolved {
            object.resolve(name, secret).unwrap();
        }
    }
    estate
}

/// Something of every kind that has more than the engine tells.
fn declared(key: &str, secret: &str, role_id: &str, action: &str, level: &str) -> String {
    format!(
        "aws \"aws\" {{\n  root {{\n    access_key = \"{key}\"\n    secret_key = \"secret:env:{secret}\"\n  }}\n  \
         lease {{\n    default = \"1h\"\n    max = \"2h\"\n  }}\n}}\n\
         auth \"approle\" {{}}\n\
         guardrail \"jewels\" {{\n  deny {{\n    actions = [\"{level}:*\"]\n  }}\n}}\n\
         app \"web\" {{\n  role \"web\" {{\n    statement \"Read\" {{\n      actions = [\"{action}\"]\n      \
         resources = [\"arn:aws:s3:::b/*\"]\n    }}\n  }}\n  login \"approle\" {{\n    {role_id}\n  }}\n}}\n\
         role \"free\" {{\n  iam_groups = [\"g\"]\n}}\n"
    )
}

const FREE: &str = "guardrail \"escalation\" {\n  enabled = false\n  reason = \"a test\"\n}\n";

/// Estates, each applied over the one before.
fn stages(env: &TestEnv) -> Vec<(&'static str, Estate)> {
    let (one, two) = ("role_id = \"one\"", "role_id = \"two\"");
    let first = declared("AKIAIOSFODNN7EXAMPLE", "FIRST", one, "s3:GetObject", "dynamodb");
    let second = declared("AKIAIOSFODNN7EXAMPL2", "SECOND", two, "s3:PutObject", "rds");
    let third = declared("AKIAIOSFODNN7EXAMPL2", "SECOND", two, "s3:PutObject", "sqs");
    let (start, end) = (third.find("guardrail").unwrap(), third.find("app \"web\"").unwrap());
    let without = format!("{}{FREE}{}", &third[..start], &third[end..]);
    vec![
        ("nothing", estate(env, "")),
        ("first", estate(env, &first)),
        ("all of it changed", estate(env, &second)),
        ("guardrails alone changed", estate(env, &third)),
        ("no guardrails", estate(env, &without)),
        ("nothing again", estate(env, "")),
    ]
}

/// The guardrails that a text of the ledger stands for, by what the engine is told.
fn guardrails(stages: &[(&str, Estate)]) -> HashMap<String, String> {
    let mut known = HashMap::new();
    for (_, estate) in stages {
        let mut attacher = Attacher::new(&estate.guardrails);
        known.extend(estate.objects.iter().filter_map(|object| attacher.of(object)).map(|one| (one.header, one.text)));
    }
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_write_the_next_plan_is_true_and_the_next_apply_finishes() {
    let env = TestEnv::new();
    let stages = stages(&env);
    let known = guardrails(&stages);
    let mut kills = 0;
    for pair in stages.windows(2) {
        let [(_, before), (name, after)] = pair else { unreachable!() };
        let world = World::new();
        world.converge(before, name).await;
        world.converge(after, name).await;
        let uninterrupted = world.told();
        for fault in [Fault::Stuck, Fault::Held] {
            for write in 0.. {
                let what = format!("{name}, {fault:?} at write {write}");
                let world = World::new();
                world.converge(before, &what).await;
                let mut prepared = world.plan(after).await;
                world.between.fault_write(write, fault);
                tokio::select! {
                    biased;
                    () = world.between.held() => {}
                    _ = world.apply(&mut prepared, after) => break,
                }
                kills += 1;
                world.between.quiet().await;
                let told = world.told();
                let plan = world.plan(after).await.plan;
                for change in &plan.changes {
                    for field in change.fields.iter().filter(|field| field.name == "guardrails") {
                        let has = told.get(&change.path).and_then(|(_, header)| known.get(header.as_ref()?));
                        let has = has.map_or(Shown::Absent, |text| Shown::Value(json!(text)));
                        let true_or_open = field.before == Shown::Unknown || field.before == has;
                        assert!(true_or_open, "{what}: the engine has {has:?}\n{}", plan.text(Colour::Never));
                    }
                }
                world.converge(after, &what).await;
                assert_eq!(world.told(), uninterrupted, "{what}");
            }
        }
    }
    assert!(kills > 60, "{kills}");
}
