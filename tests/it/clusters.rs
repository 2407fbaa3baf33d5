//! Clusters: which node is asked, and what is done when another one leads.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Fall, Part};
use crate::env::{InTestEngine, Output, TestEnv, commit_all};
use crate::servers::ByHand;
use crate::watched::Watched;

/// An estate of some policies, a login and a secret engine, whose environment is a cluster.
struct World {
    env: TestEnv,
    engine: InTestEngine,
    cluster: Cluster,
}

const ESTATE: &str = r#"
policy "one" {
  path "app/data/one" {
    capabilities = ["read"]
  }
}
policy "two" {
  path "app/data/two" {
    capabilities = ["read"]
  }
}
kv "app" {
  version = 2
}
auth "approle" {}
login "approle" "ops" {
  policies  = ["one", "two"]
  token_ttl = "1h"
}
"#;

impl World {
    fn new(parts: &[Part]) -> Self {
        let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
        let cluster = Cluster::start(&engine.address, parts);
        let mut env = TestEnv::new();
        env.set("LEASEHOLD_TOKEN", &*engine.root_token);
        let world = Self { env, engine, cluster };
        world.declare(&world.cluster.addresses());
        world
    }

    /// Says where the engine is.
    fn declare(&self, addresses: &[String]) {
        let named = match addresses {
            [one] => format!("address = \"{one}\""),
            all => format!("addresses = {all:?}"),
        };
        let text = format!("environment \"prod\" {{\n  {named}\n}}\n{ESTATE}");
        self.env.write("estate/estate.hcl", &text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.env.run(&[&["-C", "estate"], arguments].concat())
    }

    /// Applies and plans again, through the cluster.
    #[track_caller]
    fn applies(&self) {
        let applied = self.run(&["apply", "--auto-approve"]);
        assert_eq!(applied.code, 0, "{}", applied.normal());
        self.is_settled();
    }

    /// The engine is as the files say, by the engine's own word.
    #[track_caller]
    fn is_settled(&self) {
        let plan = self.run(&["--address", &self.engine.address, "plan"]);
        assert_eq!(plan.code, 0, "{}", plan.normal());
    }

    fn by_hand(&self) -> ByHand {
        ByHand::at(&self.engine.address, &self.engine.root_token)
    }
}

/// What is wrong with the environment of an estate.
fn told(environment: &str) -> String {
    let env = TestEnv::new();
    env.write("estate.hcl", &format!("environment \"prod\" {{\n  {environment}\n}}\n"));
    let output = env.run(&["validate", "."]);
    assert_eq!(output.code, 1, "{}", output.normal());
    output.stderr
}

#[test]
fn an_environment_names_the_nodes_of_one_cluster() {
    let env = TestEnv::new();
    env.write("estate.yaml", "environment:\n  prod:\n    addresses: ['https://a:8200', 'https://b:8200']\n");
    env.ok(&["validate", "."]);
    for (environment, parts) in [
        (
            r#"addresses = ["https://a:8200", "https://A:8200/"]"#,
            &["the address https://A:8200 is named twice", "estate.hcl:2:34", "each node of the cluster once"][..],
        ),
        (
            r#"addresses = ["https://a:8200", "b:8200"]"#,
            &["`b:8200` is not the address of an engine", "estate.hcl:2:34", "https://HOST:8200"],
        ),
        (
            r#"addresses = ["https://a:8200", "http://b:8200"]"#,
            &["all with https:// or all with http://", "estate.hcl:2:34", "in clear"],
        ),
        ("addresses = []", &["no address is named", "estate.hcl:2:3"]),
        (r#"addresses = "https://a:8200""#, &["estate.hcl:2:15", r#"write ["https://a:8200"]"#]),
        (
            "address = \"https://a:8200\"\n  addresses = [\"https://b:8200\"]",
            &["either an `address` or `addresses`", "estate.hcl:3:3"],
        ),
        (
            "addresses = [\"https://b:8200\"]\n  engine = \"embedded\"",
            &["either an `address` or an `engine`", "estate.hcl:3:3"],
        ),
    ] {
        let told = told(environment);
        for part in parts {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
    }
}

#[test]
fn flags_and_our_variable_name_several_and_vaults_variables_one() {
    let mut world = World::new(&[Part::Gone, Part::Forwards, Part::Active]);
    let all = world.cluster.addresses().join(", ");
    world.env.ok(&["read", "sys/policies/acl/default", "--address", &all]);
    world.env.set("LEASEHOLD_ADDR", &*all);
    world.env.ok(&["read", "sys/policies/acl/default"]);
    assert!(world.cluster.asked().iter().all(|(node, _)| *node == 2), "the active one alone");
    world.env.set("LEASEHOLD_ADDR", "").set("VAULT_ADDR", &*all);
    let refused = world.env.run(&["read", "sys/policies/acl/default"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("VAULT_ADDR") && refused.stderr.contains("LEASEHOLD_ADDR"), "{}", refused.stderr);
}

#[test]
fn health_is_asked_of_all_without_a_token_and_of_one_not_at_all() {
    let mut world = World::new(&[Part::Sealed, Part::Silent, Part::Forwards, Part::Active]);
    world.env.set("LEASEHOLD_NAMESPACE", "team");
    let all = world.cluster.addresses().join(",");
    world.env.run(&["read", "sys/policies/acl/default", "--address", &all]);
    let looks = world.cluster.looks();
    assert_eq!(looks.len(), 4, "{looks:?}");
    for look in &looks {
        assert!(look.header("x-vault-token").is_none() && look.header("x-vault-namespace").is_none(), "{look:?}");
    }
    let active = world.cluster.address(3);
    world.env.run(&["read", "sys/policies/acl/default", "--address", &active]);
    assert_eq!(world.cluster.looks().len(), 4, "nothing is asked before");
}

#[test]
fn where_no_node_can_be_used_each_is_told_and_what_to_do() {
    let world = World::new(&[Part::Gone, Part::Sealed, Part::Secondary, Part::Uninitialized, Part::Silent]);
    let plan = world.run(&["plan"]);
    assert_eq!(plan.code, 1, "{}", plan.normal());
    let is = |index: usize, what: &str| format!("{} {what}", world.cluster.address(index));
    for part in [
        is(0, "can't be reached: Connection refused"),
        is(1, "is sealed"),
        is(2, "is a DR secondary"),
        is(3, "is not initialized"),
        is(4, "does not answer in time"),
        "no node of the cluster can be used".to_owned(),
        "an operator has to unseal one".to_owned(),
        "until it is promoted".to_owned(),
    ] {
        assert!(plan.stderr.contains(&part), "{part} is not in\n{}", plan.stderr);
    }
}

#[test]
fn status_shows_each_node_and_the_one_that_is_used() {
    let world = World::new(&[Part::Sealed, Part::Active, Part::Gone]);
    let text = world.run(&["status"]);
    assert_eq!(text.code, 0, "{}", text.normal());
    let line = |index: usize| {
        let address = world.cluster.address(index);
        text.stdout.lines().find(|line| line.starts_with(&address)).unwrap_or_else(|| panic!("{}", text.stdout))
    };
    assert!(line(0).contains(" no ") && line(0).ends_with("sealed"), "{}", line(0));
    assert!(line(1).contains(" yes ") && line(1).ends_with("active"), "{}", line(1));
    assert!(line(2).contains("unreachable: Connection refused"), "{}", line(2));
    let shown: Value = serde_json::from_str(&world.run(&["status", "--format", "json"]).stdout).unwrap();
    let of = |index: usize| {
        let address = world.cluster.address(index);
        let nodes = shown["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["address"] == address).unwrap().clone()
    };
    assert_eq!(
        (shown["sealed"].clone(), of(1)["used"].clone(), of(1)["state"].clone()),
        (json!(false), json!(true), json!("active"))
    );
    assert_eq!((of(0)["state"].clone(), of(0)["used"].clone()), (json!("sealed"), json!(false)));
    world.cluster.set(1, Part::Sealed);
    let sealed = world.run(&["status"]);
    assert_eq!(sealed.code, 2, "{}", sealed.normal());
    world.cluster.set(1, Part::Gone);
    world.cluster.set(0, Part::Gone);
    let away = world.run(&["status"]);
    assert!(away.code == 1 && away.stderr.contains("no node of the cluster can be used"), "{}", away.normal());
}

#[test]
fn a_cluster_has_one_name_in_whatever_order_its_nodes_are_named() {
    let world = World::new(&[Part::Forwards, Part::Active, Part::Forwards]);
    let mut addresses = world.cluster.addresses();
    let saved = world.run(&["plan", "--out", "first.plan"]);
    assert_eq!(saved.code, 2, "{}", saved.normal());
    // Another node leads, and they are named the other way round where it is applied.
    world.cluster.set(1, Part::Forwards);
    world.cluster.set(0, Part::Active);
    addresses.reverse();
    let applied = world.run(&["--address", &addresses.join(","), "apply", "first.plan"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    let estate = world.env.dir().join("estate");
    commit_all(&estate);
    world.declare(&addresses);
    commit_all(&estate);
    let review = world.run(&["review", "HEAD~1..HEAD"]);
    assert!(review.code == 0 && !review.stdout.contains("environment prod"), "{}", review.normal());
    world.is_settled();
}

#[test]
fn addresses_of_two_clusters_are_refused() {
    let (one, other) = (World::new(&[Part::Active]), World::new(&[Part::Active]));
    let both = format!("{},{}", one.cluster.address(0), other.cluster.address(0));
    let refused = one.run(&["plan", "--address", &both]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("are not of one cluster"), "{}", refused.stderr);
    assert!(one.cluster.asked().is_empty() && other.cluster.asked().is_empty(), "no token went anywhere");
}

#[test]
fn one_address_that_redirects_is_followed_and_told_where_that_leads_nowhere() {
    let mut world = World::new(&[Part::Redirects, Part::Active, Part::Redirects]);
    let standby = world.cluster.address(0);
    world.declare(std::slice::from_ref(&standby));
    world.applies();
    // The active node is lost, and nobody has noticed.
    world.env.set("VAULT_MAX_RETRIES", "0");
    let refused = world.run(&["read", "sys/policies/acl/one", "--address", &standby]);
    assert_eq!(refused.code, 0, "{}", refused.normal());
    world.cluster.set(0, Part::Misleads);
    let refused = world.run(&["read", "sys/policies/acl/one", "--address", &standby]);
    let part = "says that http://127.0.0.1:9 is the active node, and that one can't be reached: Connection refused";
    assert!(refused.code == 2 && refused.stderr.contains(part), "{}", refused.normal());
}

#[test]
fn a_token_goes_to_no_address_that_nobody_named() {
    let mut world = World::new(&[Part::Misleads, Part::Sealed]);
    world.env.set("VAULT_MAX_RETRIES", "1");
    let all = world.cluster.addresses().join(",");
    let refused = world.run(&["read", "sys/policies/acl/one", "--address", &all]);
    let part = "says that http://127.0.0.1:9 is the active node, and none of the addresses names that one";
    assert!(refused.code == 2 && refused.stderr.contains(part), "{}", refused.normal());
}

#[test]
fn a_standby_is_as_good_as_the_active_node_where_that_is_not_reached() {
    let world = World::new(&[Part::Active, Part::Forwards, Part::Gone]);
    let addresses = world.cluster.addresses();
    world.declare(&addresses[1..]);
    world.applies();
    assert!(world.cluster.asked().iter().all(|(node, _)| *node == 1));
}

/// How many requests an apply of the estate makes.
fn requests() -> usize {
    let world = World::new(&[Part::Active, Part::Forwards]);
    world.applies();
    world.cluster.acted()
}

/// Leadership moves at one request, and the apply ends done, or says that it did not; the next one makes it whole.
fn moved_at(request: usize, fall: Fall) {
    let world = World::new(&[Part::Active, Part::Forwards, Part::Sealed]);
    world.cluster.move_after(request, fall, 1);
    let first = world.run(&["apply", "--auto-approve"]);
    if first.code == 0 {
        world.is_settled();
    } else {
        assert!(!first.stderr.trim().is_empty(), "{fall:?} at {request} is not told: {}", first.normal());
        let again = world.run(&["apply", "--auto-approve"]);
        assert_eq!(again.code, 0, "{fall:?} at {request}\n{}\n{}", first.normal(), again.normal());
        world.is_settled();
    }
    let nothing = world.run(&["apply", "--auto-approve"]);
    assert!(nothing.code == 0 && nothing.stdout.contains("No changes"), "{fall:?} at {request}: {}", nothing.normal());
    if matches!(fall, Fall::StepsDown(_)) {
        // It says that it did not act, so it is asked again of who does.
        assert_eq!(first.code, 0, "{fall:?} at {request}: {}", first.normal());
    }
}

fn moved_at_each(falls: &[Fall]) {
    let count = requests();
    assert!(count > 20, "{count}");
    std::thread::scope(|scope| {
        for (offset, fall) in falls.iter().enumerate() {
            scope.spawn(move || (offset..count).step_by(falls.len()).for_each(|request| moved_at(request, *fall)));
        }
    });
}

#[test]
fn an_apply_goes_on_when_the_leader_steps_down_at_any_request() {
    moved_at_each(&[
        Fall::StepsDown(Part::Forwards),
        Fall::StepsDown(Part::Redirects),
        Fall::StepsDown(Part::Behind(3)),
    ]);
}

#[test]
fn an_apply_ends_done_or_told_when_the_leader_dies_at_any_request() {
    moved_at_each(&[Fall::Dies, Fall::DiesUnheard]);
}

#[test]
fn what_was_written_is_never_read_from_a_standby_that_lies_behind() {
    let world = World::new(&[Part::Behind(usize::MAX), Part::Active]);
    world.applies();
    assert!(world.cluster.asked().iter().all(|(node, _)| *node == 1), "the node that writes is the one that reads");
    // Where only the standby is reached, as by a balancer without a health check, nothing is called done that is not.
    let world = World::new(&[Part::Behind(2), Part::Active]);
    let all = world.cluster.addresses();
    world.declare(&all[..1]);
    let first = world.run(&["apply", "--auto-approve"]);
    assert!(first.code == 0 || first.stderr.contains("nothing was applied"), "{}", first.normal());
    world.declare(&all);
    world.applies();
}

#[test]
fn watch_goes_on_through_a_leader_that_changes_and_a_node_that_comes_back() {
    let mut watched = Watched::new();
    let cluster = Cluster::start(&watched.server.address, &[Part::Active, Part::Forwards]);
    watched.env.set("VAULT_MAX_RETRIES", "2");
    let declare = |policies: &[&str]| {
        let mut text = format!("environment \"local\" {{\n  addresses = {}\n}}\n", cluster.listed());
        for policy in policies {
            let path = format!("path \"{policy}\" {{\n    capabilities = [\"read\"]\n  }}");
            text.push_str(&format!("policy \"{policy}\" {{\n  {path}\n}}\n"));
        }
        watched.env.write("estate/estate.hcl", &text);
        watched.push();
    };
    declare(&["one"]);
    let running = watched.start(&Watched::of_directory(&["--interval", "1s", "--mode", "apply"]));
    watched.until("an apply", |_| watched.policy("one").is_some());
    cluster.set(0, Part::Gone);
    cluster.set(1, Part::Active);
    declare(&["one", "two"]);
    watched.until("an apply by the new leader", |_| watched.policy("two").is_some());
    cluster.set(0, Part::Active);
    cluster.set(1, Part::Gone);
    declare(&["one", "two", "three"]);
    watched.until("an apply by the old one", |_| watched.policy("three").is_some());
    assert_eq!(running.stop(), Some(0));
}

#[test]
fn an_agent_goes_on_through_a_leader_that_changes_and_a_node_that_comes_back() {
    let mut operator = TestEnv::new();
    let server = operator.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    let cluster = Cluster::start(&server.address, &[Part::Active, Part::Forwards]);
    operator
        .set("LEASEHOLD_ADDR", cluster.addresses().join(","))
        .set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap());
    operator.ok(&["secrets", "enable", "aws"]);
    operator.ok(&["write", "aws/config/lease", "lease=6s", "lease_max=6s"]);
    let document = r#"policy_document={"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}}"#;
    operator.ok(&["write", "aws/roles/web", "credential_type=iam_user", document]);
    operator.ok(&["auth", "enable", "userpass"]);
    operator.write("web.hcl", "path \"aws/creds/*\" { capabilities = [\"read\"] }\n");
    operator.ok(&["policy", "write", "web", "web.hcl"]);
    operator.ok(&["write", "auth/userpass/users/web", "password=hunter2", "token_policies=web", "token_ttl=1h"]);
    let mut host = TestEnv::new();
    host.set("LEASEHOLD_PASSWORD", "hunter2");
    let address = cluster.addresses().join(",");
    let config = format!(
        "address: {address}\nlisten: 127.0.0.1:0\napps:\n  web:\n    login: userpass\n    login_role: web\n    files:\n    - \
         {{path: keys, form: env}}\n"
    );
    host.write("agent.yaml", &config);
    let mut command: Command = host.command(&["agent", "--config", "agent.yaml"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let keys = || std::fs::read_to_string(host.dir().join("keys")).unwrap_or_default();
    let mut another = |before: &str| {
        let began = Instant::now();
        while keys() == before || keys().is_empty() {
            if began.elapsed() > Duration::from_secs(60) {
                let _ = child.kill();
                let mut said = String::new();
                let _ = child.stderr.take().unwrap().read_to_string(&mut said);
                panic!("no other key came\n{said}");
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        keys()
    };
    let first = another("");
    cluster.set(0, Part::Gone);
    cluster.set(1, Part::Active);
    let second = another(&first);
    cluster.set(0, Part::Active);
    cluster.set(1, Part::Forwards);
    another(&second);
    let _ = child.kill();
    let _ = child.wait();
}
