//! One login per run: commands about an environment log in for themselves, do all with one token, and give it back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::TestEnv;
use crate::fake::Asked;
use crate::remote::{Remote, shipped};
use crate::servers::Sort;

/// The tutorial's estate at a server with an AppRole for those who plan and one for those who apply; nothing else is said
/// of a token.
struct World {
    remote: Remote,
    between: Between,
}

impl World {
    fn new(sort: Sort) -> Self {
        let mut remote = Remote::new(sort);
        let between = remote.server.part();
        remote.at(&between.address);
        remote.http.post("sys/auth/ci", &json!({ "type": "approle" }));
        for name in ["plan", "apply"] {
            let rules = shipped(name);
            remote.http.post(&format!("sys/policies/acl/ci-{name}"), &json!({ "policy": rules }));
            remote.http.post(&format!("auth/ci/role/{name}"), &json!({ "token_policies": [format!("ci-{name}")] }));
        }
        let estate = remote.estate.display().to_string();
        remote.env.set("LEASEHOLD_TOKEN", "").set("LEASEHOLD_DIR", estate).set("AWS_ROOT_ACCESS_KEY_ID", "AKIAROOT");
        remote.env.set("AWS_ROOT_SECRET_ACCESS_KEY", "s").set("LEASEHOLD_LOGIN_MOUNT", "ci");
        let mut world = Self { remote, between };
        world.show("plan");
        world
    }

    /// What a role has to show from now on.
    fn show(&mut self, role: &str) {
        let http = &self.remote.http;
        let id = http.send("GET", &format!("auth/ci/role/{role}/role-id"), None).body["data"]["role_id"].clone();
        let secret = http.post(&format!("auth/ci/role/{role}/secret-id"), &json!({}))["data"]["secret_id"].clone();
        let text = |value: Value| value.as_str().unwrap().to_owned();
        self.remote.env.set("LEASEHOLD_ROLE_ID", text(id)).set("LEASEHOLD_SECRET_ID", text(secret));
    }

    fn set(&self, role: &str, settings: &Value) {
        self.remote.http.post(&format!("auth/ci/role/{role}"), settings);
    }

    fn env(&mut self) -> &mut TestEnv {
        &mut self.remote.env
    }

    /// How many tokens there are.
    fn tokens(&self) -> usize {
        let found = self.remote.http.send("LIST", "auth/token/accessors", None);
        found.body["data"]["keys"].as_array().unwrap().len()
    }

    fn asked(&self, line: &str) -> Vec<Asked> {
        self.between.asked().into_iter().filter(|asked| asked.line.starts_with(line)).collect()
    }

    /// Runs a command that logs in once, does all with that token, and gives it back.
    #[track_caller]
    fn once(&mut self, arguments: &[&str], code: i32) {
        let (tokens, before) = (self.tokens(), self.between.asked().len());
        let output = self.remote.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        let asked = self.between.asked().split_off(before);
        let is_login = |asked: &&Asked| asked.line.ends_with("/v1/auth/ci/login");
        assert_eq!(asked.iter().filter(is_login).count(), 1, "{arguments:?}: {asked:?}");
        let mut shown: Vec<_> = asked.iter().filter_map(|asked| asked.header("x-vault-token")).collect();
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown.len(), 1, "{arguments:?}: {asked:?}");
        let last = &asked.last().unwrap().line;
        assert!(last.ends_with("/v1/auth/token/revoke-self"), "{arguments:?}: {last}");
        assert_eq!(self.tokens(), tokens, "{arguments:?}");
    }
}

#[test]
fn a_run_logs_in_once_and_gives_its_token_back() {
    for sort in [Sort::Ours, Sort::OpenBao] {
        let mut world = World::new(sort);
        world.once(&["plan", "--login", "approle", "--login-role", "plan"], 2);
        world.once(&["ledger", "list", "--login", "approle", "--login-role", "plan"], 0);
        world.show("apply");
        // The variables are as good as the flags, and a login that is asked for goes before a token that is there.
        world.env().set("LEASEHOLD_LOGIN", "approle").set("VAULT_TOKEN", "somebody-else");
        world.once(&["apply", "--auto-approve"], 0);
        world.show("plan");
        world.once(&["drift"], 0);
        world.once(&["history"], 0);
        world.once(&["review", "--against", "live"], 0);
        world.once(&["ledger", "list"], 0);
        world.once(&["watch", "--once"], 0);
    }
}

#[test]
fn a_token_is_renewed_while_a_run_lasts() {
    let mut world = World::new(Sort::Ours);
    world.set("plan", &json!({ "token_ttl": "5s", "token_max_ttl": "1h" }));
    // An engine that thinks about its first answer until the token was renewed.
    world.between.fault("GET /v1/sys/mounts", 1, Fault::Held);
    world.env().set("LEASEHOLD_LOGIN", "approle");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| world.remote.env.run(&["plan"]));
        while world.asked("PUT /v1/auth/token/renew-self").is_empty() && !run.is_finished() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        world.between.let_go();
        let output = run.join().unwrap();
        assert_eq!(output.code, 2, "{}", output.normal());
    });
}

#[test]
fn what_keeps_a_run_from_logging_in_is_told_and_nothing_is_done() {
    let mut world = World::new(Sort::Ours);
    for (arguments, told) in [
        (&["plan", "--login-role", "plan"][..], "--login-role is about a login, and none is asked for"),
        (&["plan", "--login", "oidc"], "is no login that works from a command line"),
        (&["apply", "--auto-approve", "--login", "kerberos"], "is no login that works from a command line"),
        (&["plan", "--login", "jwt"], "LEASEHOLD_JWT_FILE"),
        (&["plan", "--login", "userpass"], "no user is named to log in as"),
        (&["watch", "--login", "kerberos"], "is no login that works from a command line"),
    ] {
        let output = world.env().run(arguments);
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.normal());
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
    }
    assert!(world.between.asked().is_empty());
    // A token that may too little is told by where it came from.
    world.env().set("LEASEHOLD_LOGIN", "approle");
    world.set("plan", &json!({ "token_policies": ["none"] }));
    let output = world.env().run(&["history"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    assert!(output.stderr.contains("the token came from the login by approle at auth/ci"), "{}", output.stderr);
    // One that is good for a few requests would leave an apply half done.
    let tokens = world.tokens();
    world.set("plan", &json!({ "token_policies": ["ci-plan"], "token_num_uses": 30 }));
    let output = world.env().run(&["plan"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    assert!(output.stderr.contains("good for 30 requests"), "{}", output.stderr);
    assert_eq!(world.tokens(), tokens);
    // Nobody can give a batch token back, and nobody tries.
    world.set("plan", &json!({ "token_num_uses": 0, "token_type": "batch", "token_ttl": "5m" }));
    let before = world.asked("PUT /v1/auth/token/revoke-self").len();
    let output = world.env().run(&["plan"]);
    assert_eq!((output.code, output.stderr.as_str()), (2, ""), "{}", output.normal());
    assert_eq!(world.asked("PUT /v1/auth/token/revoke-self").len(), before);
    // Without ids nobody makes some.
    world.env().set("LEASEHOLD_ROLE_ID", "").set("LEASEHOLD_SECRET_ID", "");
    let output = world.env().run(&["plan"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    assert!(output.stderr.contains("LEASEHOLD_SECRET_ID_FILE"), "{}", output.stderr);
}

#[test]
fn a_token_that_could_not_be_given_back_is_told() {
    let mut world = World::new(Sort::Ours);
    world.set("plan", &json!({ "token_ttl": "20m" }));
    world.between.fault("PUT /v1/auth/token/revoke-self", 1, Fault::Refused(403));
    world.env().set("LEASEHOLD_LOGIN", "approle");
    let output = world.env().run(&["plan"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stderr.contains("the token of this run could not be revoked"), "{}", output.stderr);
    assert!(output.stderr.contains("it ends by itself, in 20m"), "{}", output.stderr);
}
