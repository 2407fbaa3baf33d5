//! The AWS secrets engine over HTTP, with the sandbox as AWS: the cases of `tests/data/wire.md` (R, C, I,
//! V), and what must hold when AWS misbehaves.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Limits, Storage};
use leasehold::sandbox::{self, Account, Effect, Fault, ROOT_ACCESS_KEY, ROOT_SECRET};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::{Answer, Http, outcome, said};

/// A moment in 2026.
pub(crate) const START: i64 = 1_790_000_000;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const OTHER: &str = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";

/// An engine on disk with the AWS engine at `aws/`, a simulated account, and a clock that stands still.
pub(crate) struct World {
    engine: Option<InTestEngine>,
    pub(crate) root: Http,
    pub(crate) clock: Clock,
    pub(crate) account: Arc<Account>,
    home: tempfile::TempDir,
}

impl World {
    /// Without mounts.
    pub(crate) fn bare() -> Self {
        Self::bare_at(Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap()))
    }

    /// Without mounts, and with a clock of its own.
    fn bare_at(clock: Clock) -> Self {
        let account = Account::open(None, clock.clone()).unwrap();
        let root = Http { address: String::new(), token: String::new() };
        let mut world = Self { engine: None, root, clock, account, home: tempfile::tempdir().unwrap() };
        world.start();
        world
    }

    /// With the AWS engine at `aws/`.
    pub(crate) fn new() -> Self {
        let world = Self::bare();
        world.root.post("sys/mounts/aws", &json!({ "type": "aws" }));
        world
    }

    /// With the AWS engine at `aws/`, a role `r` that has an inline policy, and a clock that runs fast.
    pub(crate) fn fast(factor: u32) -> Self {
        let world = Self::bare_at(Clock::fast(OffsetDateTime::from_unix_timestamp(START).unwrap(), factor));
        world.root.post("sys/mounts/aws", &json!({ "type": "aws" }));
        world.role("r", &json!({ "credential_type": "iam_user", "policy_document": POLICY }));
        world
    }

    /// With a role `r` that has an inline policy.
    pub(crate) fn with_role() -> Self {
        let world = Self::new();
        world.role("r", &json!({ "credential_type": "iam_user", "policy_document": POLICY }));
        world
    }

    /// With limits of its own, for what a request may take.
    pub(crate) fn restart_with(&mut self, limits: Limits) {
        self.stop();
        self.start_with(limits);
    }

    fn start(&mut self) {
        self.start_with(Limits::default());
    }

    fn start_with(&mut self, limits: Limits) {
        let data = self.home.path().join("data");
        let engine = InTestEngine::start_with(Config {
            trail: Some(self.trail_file()),
            aws: AwsTransport::InProcess(sandbox::connector(self.account.clone())),
            aws_key: Some(sandbox::root_key()),
            limits,
            ..Config::new(Storage::Disk { directory: data }, self.clock.clone())
        });
        self.root =
            Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
        self.engine = Some(engine);
    }

    /// Stops the engine.
    pub(crate) fn stop(&mut self) {
        self.engine = None;
    }

    /// Stops the engine, lets time pass, and starts it again.
    pub(crate) fn restart_after(&mut self, seconds: u64) {
        self.stop();
        self.wait(seconds);
        self.start();
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Waits until everything overdue was worked on; answers how many leases remain to be revoked.
    pub(crate) fn settle(&self) -> usize {
        self.engine.as_ref().unwrap().settle(Duration::from_secs(30))
    }

    /// As [`World::settle`], for so long at most.
    pub(crate) fn settle_within(&self, limit: Duration) -> usize {
        self.engine.as_ref().unwrap().settle(limit)
    }

    /// With a clock that runs: waits until no lease is left in the middle, or too long; answers how many are.
    pub(crate) fn settle_soon(&self) -> usize {
        let until = std::time::Instant::now() + Duration::from_secs(60);
        loop {
            let left = self.settle();
            if left == 0 || std::time::Instant::now() > until {
                return left;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Lets time pass until no lease is left in the middle.
    pub(crate) fn settle_all(&self) {
        for _ in 0..200 {
            if self.settle() == 0 {
                return;
            }
            self.wait(10);
        }
        panic!("leases remain: {}", self.root.send("GET", "sys/leases/lookup/aws/?list=true", None).body);
    }

    pub(crate) fn role(&self, name: &str, role: &Value) {
        self.root.post(&format!("aws/roles/{name}"), role);
    }

    pub(crate) fn creds(&self) -> Value {
        self.root.get("aws/creds/r")
    }

    /// How many leases of the role `r` there are.
    pub(crate) fn leases(&self) -> usize {
        let list = self.root.send("LIST", "sys/leases/lookup/aws/creds/r", None);
        list.body["data"]["keys"].as_array().map_or(0, Vec::len)
    }

    /// The IAM users there are.
    pub(crate) fn users(&self) -> Vec<String> {
        self.account.user_names("/")
    }

    /// The actions that AWS saw since the last call of this.
    pub(crate) fn actions(&self) -> Vec<String> {
        let calls = self.account.faults().calls();
        self.account.faults().clear_calls();
        calls.into_iter().map(|call| call.action).collect()
    }

    /// Closes and opens the trail's file, as SIGHUP does.
    pub(crate) fn reload_trail(&self) {
        self.engine.as_ref().unwrap().reload();
    }

    /// Sends a request, reads the beginning of its answer, and is gone.
    pub(crate) fn half_read(&self, request: &str) -> String {
        self.engine.as_ref().unwrap().half_read(request)
    }

    /// The engine's own trail.
    pub(crate) fn trail_file(&self) -> std::path::PathBuf {
        self.home.path().join("trail.log")
    }

    /// The lines of the trail. One that is being written is none yet.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.trail_file()).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The events of the trail's system lines, as `name reason`.
    pub(crate) fn events(&self) -> Vec<String> {
        let lines = self.lines();
        let events = lines.iter().filter(|line| line["event"].is_object());
        events.map(|line| format!("{} {}", said(&line["event"]["name"]), said(&line["event"]["reason"]))).collect()
    }

    /// How often each user was asked to be deleted with success.
    pub(crate) fn deletions(&self) -> Vec<(String, usize)> {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for call in self.account.faults().calls() {
            if call.action == "DeleteUser" && call.outcome == "ok" {
                *counts.entry(call.param("UserName").unwrap().to_owned()).or_default() += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// Does something to the account behind the engine's back.
    pub(crate) fn behind<F: Future<Output = ()>>(&self, work: impl FnOnce(Client) -> F) {
        self.behind_as(ROOT_ACCESS_KEY, work);
    }

    /// The same, signed with one of the accounts' own keys.
    pub(crate) fn behind_as<F: Future<Output = ()>>(&self, key: &str, work: impl FnOnce(Client) -> F) {
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(key, ROOT_SECRET, None, None, "test"))
            .http_client(sandbox::connector(self.account.clone()))
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work(Client::from_conf(config)));
    }

    /// Whether a user of the first account has this access key.
    pub(crate) fn has_key(&self, user: &str, key: &str) -> bool {
        let mut has = false;
        self.behind(async |iam| {
            let keys = iam.list_access_keys().user_name(user).send().await.ok();
            let keys = keys.map(|keys| keys.access_key_metadata).unwrap_or_default();
            has = keys.iter().any(|one| one.access_key_id() == Some(key));
        });
        has
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.account.faults().inject(fault);
    }
}

#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, text: &str) {
    assert!(answer.status == status && outcome(answer).contains(text), "{} does not say {text:?}", outcome(answer));
}

#[test]
fn roles_are_written_read_listed_and_deleted() {
    let world = World::new();
    let root = &world.root;
    // R25, R26, R27
    assert_eq!(root.send("GET", "aws/roles/r", None).status, 404);
    assert_eq!(root.send("GET", "aws/roles/r", None).body, json!({ "errors": [] }));
    assert_eq!(root.send("DELETE", "aws/roles/r", None).status, 204);
    assert_eq!(root.send("LIST", "aws/roles", None).status, 404);
    // R1, R30: an unknown field is no reason to refuse
    let role = json!({ "credential_type": "iam_user", "policy_arns": "a, b ,a", "foo": 1 });
    assert_eq!(root.send("POST", "aws/roles/b", Some(&role)).status, 204);
    let read = &root.get("aws/roles/b")["data"];
    assert_eq!(read["policy_arns"], json!(["a", "b", "a"]));
    assert_eq!(
        (&read["credential_type"], &read["default_sts_ttl"], &read["user_path"], &read["role_arns"], &read["iam_tags"]),
        (&json!("iam_user"), &json!(0), &json!(""), &Value::Null, &Value::Null)
    );
    // R2, R3, R12, R15, R19
    let document = "{\n \"b\" : 1.0,\n \"a\": \"\\u003c x\"\n}\n";
    world.role(
        "a",
        &json!({ "credential_type": "iam_user", "policy_document": document, "iam_tags": ["k=v", "a=b=c"],
                 "user_path": "/app/", "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/b" }),
    );
    let read = &root.get("aws/roles/a")["data"];
    assert_eq!(read["policy_document"], "{\"b\":1.0,\"a\":\"\\u003c x\"}");
    assert_eq!(read["iam_tags"], json!({ "k": "v", "a": "b=c" }));
    assert_eq!(read["user_path"], "/app/");
    // R5, R20, R21, R22
    world.role("a", &json!({ "policy_document": "", "iam_tags": {}, "policy_arns": [], "user_path": "" }));
    let read = &root.get("aws/roles/a")["data"];
    assert_eq!((&read["policy_document"], &read["iam_tags"]), (&json!(""), &json!({})));
    assert_eq!((&read["policy_arns"], &read["user_path"]), (&json!([]), &json!("")));
    assert_eq!(read["permissions_boundary_arn"], "arn:aws:iam::123456789012:policy/b");
    // R27, R28
    assert_eq!(root.send("LIST", "aws/roles", None).body["data"]["keys"], json!(["a", "b"]));
    assert_eq!(root.get("aws/roles?list=true")["data"]["keys"], json!(["a", "b"]));
    // R29
    world.role("my.role-1@x", &json!({ "credential_type": "iam_user" }));
    refused(&root.send("GET", "aws/roles/-bad", None), 404, "unsupported path");
    refused(&root.send("POST", "aws/roles", Some(&json!({}))), 405, "unsupported operation");
    root.send("DELETE", "aws/roles/a", None);
    assert_eq!(root.send("GET", "aws/roles/a", None).status, 404);
}

#[test]
fn roles_are_refused_with_vaults_texts() {
    let world = World::new();
    let user = |field: &str, value: Value| json!({ "credential_type": "iam_user", field: value });
    let assumed = |field: &str, value: Value| json!({ "credential_type": "assumed_role", field: value });
    for (id, body, text) in [
        ("R4", user("policy_document", json!("{bad")), "cannot parse policy document: \"{bad\""),
        ("R6", json!({}), "did not supply credential_type"),
        ("R7", json!({ "credential_type": "foo" }), "unrecognized credential type: foo"),
        ("R8", user("default_sts_ttl", json!("1h")), "default_sts_ttl parameter only valid for assumed_role"),
        ("R13", user("user_path", json!("app")), "The specified value for user_path is invalid"),
        ("R14", assumed("user_path", json!("/x/")), "user_path parameter only valid for iam_user credential type"),
        ("R16", user("permissions_boundary_arn", json!("arn:aws:s3:::b")), "expected a service of iam but got s3"),
        (
            "R17",
            user("permissions_boundary_arn", json!("arn:aws:iam::1:role/x")),
            "expected a resource type of policy but got role/x",
        ),
        ("R18", user("role_arns", json!("x")), "cannot supply role_arns when credential_type isn't assumed_role"),
        ("R23", user("default_sts_ttl", json!("-5")), "cannot provide negative value '-5'"),
        ("R24", user("default_sts_ttl", json!("abc")), "Field validation failed: error converting input for field"),
        (
            "R32",
            user("policy", json!("{}")),
            "cannot supply deprecated role or policy parameters with an explicit credential_type",
        ),
        (
            "R10",
            json!({ "credential_type": "assumed_role", "role_arns": "arn:aws:iam::123456789012:role/x",
                    "default_sts_ttl": 7200, "max_sts_ttl": 3600 }),
            "\"default_sts_ttl\\\" value must be less than or equal to",
        ),
    ] {
        let answer = world.root.send("POST", "aws/roles/r", Some(&body));
        assert!(outcome(&answer).contains(text) && answer.status == 400, "{id}: {}", outcome(&answer));
        assert_eq!(world.root.send("GET", "aws/roles/r", None).status, 404, "{id}: refused and stored");
    }
    // R9, R22b
    world.role("r", &json!({ "credential_type": "iam_user", "default_sts_ttl": 0, "user_path": "/x/" }));
    let other = json!({ "credential_type": "assumed_role" });
    refused(&world.root.send("POST", "aws/roles/r", Some(&other)), 400, "user_path parameter only valid");
    // R31: writes need update
    let rules = "path \"aws/roles/*\" { capabilities = [\"create\"] }";
    world.root.post("sys/policies/acl/create-only", &json!({ "policy": rules }));
    let token = world.root.post("auth/token/create", &json!({ "policies": ["create-only"] }));
    let limited = world.root.with_token(&said(&token["auth"]["client_token"]));
    let role = json!({ "credential_type": "iam_user" });
    refused(&limited.send("POST", "aws/roles/new", Some(&role)), 403, "permission denied");
    // The old parameters replace the role and warn.
    let old = world.root.post("aws/roles/r", &json!({ "arn": MANAGED }));
    assert!(said(&old["warnings"][0]).contains("legacy"), "{old}");
    assert_eq!(world.root.get("aws/roles/r")["data"]["policy_arns"], json!([MANAGED]));
}

#[test]
fn configuration_is_replaced_whole_and_never_shows_its_secret() {
    let world = World::new();
    let root = &world.root;
    // C4
    assert_eq!(root.send("GET", "aws/config/root", None).status, 404);
    // C1
    let full =
        json!({ "access_key": "AKIAEXAMPLE", "secret_key": "hush-hush", "region": "eu-west-1", "max_retries": null });
    assert_eq!(root.send("POST", "aws/config/root", Some(&full)).status, 204);
    let read = root.get("aws/config/root");
    let data = &read["data"];
    assert_eq!(
        (&data["access_key"], &data["region"], &data["iam_endpoint"], &data["sts_endpoint"]),
        (&json!("AKIAEXAMPLE"), &json!("eu-west-1"), &json!(""), &json!(""))
    );
    assert!(said(&data["username_template"]).contains("vault-%s-%s-%s"), "{data}");
    assert!(!read.to_string().contains("hush-hush") && data.get("secret_key").is_none());
    // C3: null counts as given
    assert_eq!(data["max_retries"], 0);
    // C2
    root.post("aws/config/root", &json!({ "region": "us-east-1" }));
    let data = &root.get("aws/config/root")["data"];
    assert_eq!((&data["access_key"], &data["max_retries"]), (&json!(""), &json!(-1)));
    for (body, text) in [
        (json!({ "iam_endpoint": "http://169.254.169.254" }), "loopback only"),
        (json!({ "iam_endpoint": "https://169.254.169.254" }), "link-local"),
        (json!({ "sts_endpoint": "http://example.com" }), "use https"),
        (json!({ "role_arn": "arn:aws:iam::1:role/x" }), "workload identity federation"),
        (json!({ "rotation_period": 3600 }), "automated rotation"),
        (json!({ "sts_fallback_endpoints": ["https://a.example"] }), "same number"),
    ] {
        refused(&root.send("POST", "aws/config/root", Some(&body)), 400, text);
    }
    let warned = root.post("aws/config/root", &json!({ "username_template": "{{ foo }}" }));
    assert!(said(&warned["warnings"][0]).contains("function \"foo\" not defined"), "{warned}");
    // C5, C6, C7, C8
    assert_eq!(root.send("GET", "aws/config/lease", None).status, 404);
    for (body, lease, max) in [
        (json!({ "lease": "30m", "lease_max": "12h" }), "30m0s", "12h0m0s"),
        (json!({ "lease": 3600, "lease_max": "1d" }), "1h0m0s", "24h0m0s"),
        (json!({ "lease": "0", "lease_max": "0" }), "0s", "0s"),
    ] {
        root.post("aws/config/lease", &body);
        assert_eq!(root.get("aws/config/lease")["data"], json!({ "lease": lease, "lease_max": max }));
    }
    let lease = |body: Value| root.send("POST", "aws/config/lease", Some(&body));
    refused(&lease(json!({ "lease": "30m" })), 400, "'lease_max' is a required parameter");
    refused(&lease(json!({ "lease_max": "30m" })), 400, "'lease' is a required parameter");
    refused(&lease(json!({ "lease": "abc", "lease_max": "1h" })), 400, "Invalid lease: time: invalid duration \"abc\"");
    assert_eq!(root.send("DELETE", "aws/config/lease", None).status, 405);
    // C9
    let rotate = root.send("POST", "aws/config/rotate-root", None);
    refused(&rotate, 400, "Cannot call config/rotate-root when either access_key or secret_key is empty");
}

#[test]
fn the_root_key_is_rotated() {
    let world = World::new();
    let mut pair = (String::new(), String::new());
    world.behind(async |iam| {
        iam.create_user().user_name("engine").send().await.unwrap();
        iam.put_user_policy()
            .user_name("engine")
            .policy_name("all")
            .policy_document(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#)
            .send()
            .await
            .unwrap();
        let key = iam.create_access_key().user_name("engine").send().await.unwrap().access_key.unwrap();
        pair = (key.access_key_id, key.secret_access_key);
    });
    world.root.post("aws/config/root", &json!({ "access_key": pair.0, "secret_key": pair.1 }));
    world.actions();
    // C10
    let rotated = world.root.post("aws/config/rotate-root", &json!({}));
    let new = said(&rotated["data"]["access_key"]);
    assert_ne!(new, pair.0);
    assert_eq!(world.root.get("aws/config/root")["data"]["access_key"], json!(new));
    let calls = world.account.faults().calls();
    let last = calls.last().unwrap();
    assert_eq!((last.action.as_str(), last.access_key_id.as_str()), ("DeleteAccessKey", pair.0.as_str()));
    // C11
    world.fault(Fault::once("DeleteAccessKey", Effect::Deny));
    let failed = world.root.send("POST", "aws/config/rotate-root", None);
    refused(&failed, 500, "error deleting old access key: AccessDenied");
    assert_ne!(world.root.get("aws/config/root")["data"]["access_key"], json!(new));
}

#[test]
fn a_credential_is_made_in_order_and_says_where_it_comes_from() {
    let world = World::new();
    world.behind(async |iam| drop(iam.create_group().group_name("g").send().await.unwrap()));
    world.role(
        "r",
        &json!({ "credential_type": "iam_user", "policy_document": POLICY, "policy_arns": [MANAGED, OTHER],
                 "iam_groups": "g", "iam_tags": { "team": "web" }, "permissions_boundary_arn": MANAGED }),
    );
    world.actions();
    // I1
    let answer = world.creds();
    let actions = world.actions();
    assert_eq!(actions.first().map(String::as_str), Some("CreateUser"));
    assert_eq!(actions.last().map(String::as_str), Some("CreateAccessKey"));
    let mut between = actions[1..actions.len() - 1].to_vec();
    between.sort();
    assert_eq!(between, ["AddUserToGroup", "AttachUserPolicy", "AttachUserPolicy", "PutUserPolicy"]);
    // I2
    let lease = said(&answer["lease_id"]);
    let id = lease.strip_prefix("aws/creds/r/").unwrap();
    assert!(id.len() == 24 && id.chars().all(|c| c.is_ascii_alphanumeric()), "{lease}");
    assert_eq!((&answer["renewable"], &answer["lease_duration"]), (&json!(true), &json!(2_764_800)));
    let mut keys: Vec<&String> = answer["data"].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["access_key", "secret_key", "security_token", "session_token"]);
    assert_eq!((&answer["data"]["security_token"], &answer["warnings"]), (&Value::Null, &Value::Null));
    // I3
    let name = world.users().remove(0);
    let random = name.strip_prefix(&format!("vault-root-r-{START}-")).unwrap();
    assert!(random.len() == 20 && random.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
    world.behind(async |iam| {
        let user = iam.get_user().user_name(&name).send().await.unwrap().user.unwrap();
        assert!(
            user.path().starts_with("/leasehold/") && user.path().len() == "/leasehold/".len() + 13,
            "{}",
            user.path()
        );
        let tag = |key: &str| user.tags().iter().find(|tag| tag.key() == key).map(|tag| tag.value().to_owned());
        assert_eq!(tag("leasehold:lease").as_deref(), Some(lease.as_str()));
        assert_eq!((tag("team").as_deref(), tag("leasehold:role").as_deref()), (Some("web"), Some("r")));
        assert!(tag("leasehold:engine").is_some() && tag("leasehold:expiry").is_some());
        assert_eq!(tag("leasehold:commit"), None);
        let policy = iam.list_user_policies().user_name(&name).send().await.unwrap();
        assert_eq!(policy.policy_names(), ["r"]);
    });
    // V1: the key first, the user last, and nothing listed in the ordinary case
    world.actions();
    assert_eq!(world.root.send("PUT", "sys/leases/revoke", Some(&json!({ "lease_id": lease }))).status, 204);
    let actions = world.actions();
    assert_eq!(actions.first().map(String::as_str), Some("DeleteAccessKey"));
    assert_eq!(actions.last().map(String::as_str), Some("DeleteUser"));
    assert!(!actions.iter().any(|action| action.starts_with("List")), "{actions:?}");
    assert!(world.users().is_empty());
    assert_eq!(world.events(), ["lease-revoked requested"]);
}

#[test]
fn names_come_from_the_template() {
    let world = World::with_role();
    // I4, I6
    let token =
        world.root.post("auth/token/create", &json!({ "display_name": "a/b c".repeat(16), "policies": ["root"] }));
    world.root.with_token(&said(&token["auth"]["client_token"])).get("aws/creds/r");
    let name = world.users().remove(0);
    assert!(name.len() == 64 && name.starts_with("vault-token-a"), "{name}");
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{name}");
    // I5 and others
    for (template, text) in [
        ("{{random 70}}", "exceeds the IAM username length limits of 64 chars"),
        ("{{ nope }}", "unable to initialize username template: function \"nope\" not defined"),
        ("{{ .Nope }}", "failed to generate username from template"),
        ("a/b", "characters other than"),
    ] {
        world.root.post("aws/config/root", &json!({ "username_template": template }));
        refused(&world.root.send("GET", "aws/creds/r", None), 500, text);
    }
    world.root.post("aws/config/root", &json!({ "username_template": "x-{{ .PolicyName }}-{{ random 4 }}" }));
    world.root.post("aws/creds/r", &json!({}));
    assert!(world.users().iter().any(|name| name.starts_with("x-r-") && name.len() == 8), "{:?}", world.users());
    // I11
    refused(&world.root.send("GET", "aws/creds/x", None), 400, "Role \"x\" not found");
    // Another path, the same credentials.
    let through_sts = world.root.get("aws/sts/r?ttl=20m");
    assert!(said(&through_sts["lease_id"]).starts_with("aws/sts/r/"));
}

#[test]
fn a_definite_refusal_leaves_nothing_behind() {
    let world = World::with_role();
    // I8
    world.fault(Fault::once("CreateUser", Effect::Deny));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error creating IAM user: AccessDenied");
    assert_eq!(world.actions(), ["CreateUser"]);
    assert_eq!(world.settle(), 0);
    assert_eq!(world.root.send("LIST", "sys/leases/lookup/aws", None).status, 404);
    // A name that is taken is another's user: it must survive.
    world.root.post("aws/config/root", &json!({ "username_template": "taken" }));
    world.behind(async |iam| drop(iam.create_user().user_name("taken").send().await.unwrap()));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error creating IAM user: EntityAlreadyExists");
    world.fault(Fault::once("CreateUser", Effect::DropBefore));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error creating IAM user: EntityAlreadyExists");
    world.settle_all();
    assert_eq!(world.users(), ["taken"]);
    // I9
    world.root.post("aws/config/root", &json!({ "max_retries": 0 }));
    world.fault(Fault::once("CreateAccessKey", Effect::Throttle));
    refused(&world.root.send("GET", "aws/creds/r", None), 502, "Error creating access keys: Throttling");
    world.settle_all();
    assert_eq!(world.users(), ["taken"]);
}

#[test]
fn a_user_made_half_is_removed_again() {
    // I7: by the lease itself, at once, and not by a rollback minutes later
    let world = World::new();
    world.role("r", &json!({ "credential_type": "iam_user", "policy_arns": MANAGED }));
    world.fault(Fault::once("AttachUserPolicy", Effect::Deny));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error attaching user policy: AccessDenied");
    assert_eq!((world.settle(), world.users().len()), (0, 0));
    assert_eq!(world.root.send("LIST", "sys/leases/lookup/aws", None).status, 404);
    assert_eq!(world.events(), ["lease-abandoned issue-failed", "lease-revoked issue-failed"]);
}

/// Every call of an issue, failing in every way, now and then twice: the client gets a credential that
/// works and is leased, or an error; and in the end there are as many users as leases.
#[test]
fn whatever_aws_does_during_an_issue_no_user_is_left_without_a_lease() {
    let effects =
        [Effect::Throttle, Effect::FailBefore, Effect::FailAfter, Effect::Deny, Effect::DropBefore, Effect::DropAfter];
    let world = World::new();
    world.behind(async |iam| drop(iam.create_group().group_name("g").send().await.unwrap()));
    world.role(
        "r",
        &json!({ "credential_type": "iam_user", "policy_document": POLICY, "policy_arns": MANAGED, "iam_groups": "g" }),
    );
    let mut handed_out = 0;
    for action in ["CreateUser", "AttachUserPolicy", "PutUserPolicy", "AddUserToGroup", "CreateAccessKey", "*"] {
        for effect in &effects {
            for times in [Some(1), Some(2), Some(20)] {
                world.fault(Fault { times, ..Fault::once(action, effect.clone()) });
                let answer = world.root.send("GET", "aws/creds/r", None);
                world.account.faults().clear();
                match answer.status {
                    200 => handed_out += 1,
                    400 | 502 => assert!(outcome(&answer).contains("Error "), "{}", outcome(&answer)),
                    _ => panic!("{action} {effect:?} {times:?}: {}", outcome(&answer)),
                }
            }
        }
    }
    world.settle_all();
    let leases = world.root.get("sys/leases/lookup/aws/creds/r?list=true");
    assert_eq!(leases["data"]["keys"].as_array().map(Vec::len), Some(handed_out));
    assert_eq!(world.users().len(), handed_out);
    assert!(handed_out > 10, "{handed_out}");
}

/// V8: the engine stops in the middle of an issue whose CreateUser has, or has not, taken effect.
#[test]
fn an_unknown_outcome_is_believed_to_be_absent_only_late_and_twice() {
    let mut world = World::with_role();
    world.root.post("aws/config/root", &json!({ "max_retries": 0 }));
    // The user will not be seen for 45 seconds, though it was made.
    world.account.faults().delay_visibility(Duration::from_secs(45));
    world.fault(Fault::once("CreateUser", Effect::DropAfter));
    refused(&world.root.send("GET", "aws/creds/r", None), 400, "Error creating IAM user: AWS could not be reached");
    assert_eq!(world.settle(), 1);
    assert_eq!(world.users().len(), 1, "made, and not visible yet");
    let keys = world.root.get("sys/leases/lookup/aws/creds/r?list=true");
    let id = format!("aws/creds/r/{}", said(&keys["data"]["keys"][0]));
    let shown = world.root.post("sys/leases/lookup", &json!({ "lease_id": id }));
    assert_eq!((&shown["data"]["state"], &shown["data"]["renewable"]), (&json!("revoking"), &json!(false)));
    assert!(said(&shown["data"]["revoke_error"]).contains("is not there"), "{shown}");
    world.restart_after(59);
    assert_eq!((world.settle(), world.users().len()), (1, 1), "too early to believe, and not looked at");
    world.wait(1);
    assert_eq!(world.settle(), 1);
    assert!(world.users().is_empty(), "seen, and deleted");
    world.wait(10);
    assert_eq!(world.settle(), 0, "seen absent a second time");
    assert_eq!(world.events(), ["lease-abandoned issue-failed", "lease-revoked issue-failed"]);
}

#[test]
fn a_user_deleted_by_somebody_else_is_believed_gone_only_after_a_while() {
    // V3 for the young one, V2 for the old one
    for (age, gone) in [(30, false), (600, true)] {
        let world = World::with_role();
        let lease = said(&world.creds()["lease_id"]);
        let name = world.users().remove(0);
        world.behind(async |iam| {
            let keys = iam.list_access_keys().user_name(&name).send().await.unwrap();
            let key = keys.access_key_metadata()[0].access_key_id().unwrap().to_owned();
            iam.delete_access_key().user_name(&name).access_key_id(key).send().await.unwrap();
            iam.delete_user_policy().user_name(&name).policy_name("r").send().await.unwrap();
            iam.delete_user().user_name(&name).send().await.unwrap();
        });
        world.wait(age);
        let revoked = world.root.send("PUT", "sys/leases/revoke", Some(&json!({ "lease_id": lease })));
        if gone {
            assert_eq!(revoked.status, 204, "V2: {}", outcome(&revoked));
        } else {
            refused(&revoked, 400, "is not there");
            world.wait(60);
        }
        assert_eq!(world.settle(), 0);
    }
}

#[test]
fn everything_that_blocks_deletion_is_removed() {
    // V4, V5
    let world = World::with_role();
    world.creds();
    world.account.faults().limit_pages(1);
    let name = world.users().remove(0);
    world.behind(async |iam| {
        iam.create_login_profile().user_name(&name).password("p").send().await.unwrap();
        iam.create_access_key().user_name(&name).send().await.unwrap();
        let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("d").send().await.unwrap();
        let serial = device.virtual_mfa_device.unwrap().serial_number().to_owned();
        let enable = iam.enable_mfa_device().user_name(&name).serial_number(&serial);
        enable.authentication_code1("123456").authentication_code2("654321").send().await.unwrap();
        iam.upload_signing_certificate().user_name(&name).certificate_body("c").send().await.unwrap();
        iam.upload_ssh_public_key().user_name(&name).ssh_public_key_body("ssh-rsa A").send().await.unwrap();
        let service = iam.create_service_specific_credential().user_name(&name);
        service.service_name("codecommit.amazonaws.com").send().await.unwrap();
        for n in 0..5 {
            let put = iam.put_user_policy().user_name(&name).policy_name(format!("p{n}")).policy_document(POLICY);
            put.send().await.unwrap();
            let group = format!("g{n}");
            iam.create_group().group_name(&group).send().await.unwrap();
            iam.add_user_to_group().user_name(&name).group_name(&group).send().await.unwrap();
        }
        for arn in [MANAGED, OTHER] {
            iam.attach_user_policy().user_name(&name).policy_arn(arn).send().await.unwrap();
        }
    });
    // The engine need not be allowed to look at everything: what is there decides.
    world.fault(Fault::always("ListSigningCertificates", Effect::Deny));
    let failed = world.root.send("PUT", "sys/leases/revoke-prefix/aws", None);
    refused(&failed, 400, "before that, listing the signing certificates failed: AccessDenied");
    world.account.faults().clear();
    world.account.faults().limit_pages(1);
    assert_eq!(world.root.send("PUT", "sys/leases/revoke-prefix/aws", None).status, 200);
    assert!(world.users().is_empty());
}

#[test]
fn what_cannot_be_revoked_is_tried_for_ever_and_shown() {
    // V7, I10
    let world = World::with_role();
    world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
    let lease = said(&world.creds()["lease_id"]);
    world.fault(Fault::always("DeleteUser", Effect::Deny));
    world.wait(3600);
    assert_eq!(world.settle(), 1);
    let count = |world: &World| world.root.get("sys/leases/count?type=irrevocable")["data"]["lease_count"].clone();
    assert_eq!(count(&world), json!(0));
    for _ in 0..6 {
        world.wait(3600);
        world.settle();
    }
    assert_eq!(count(&world), json!(1));
    let shown = world.root.post("sys/leases/lookup", &json!({ "lease_id": lease }))["data"].clone();
    assert_eq!((&shown["state"], &shown["revoke_attempts"]), (&json!("revoking"), &json!(7)));
    assert!(said(&shown["revoke_error"]).starts_with("deleting the user of IAM user"), "{shown}");
    let list = world.root.get("sys/leases?type=irrevocable");
    assert_eq!(list["data"]["leases"][0]["lease_id"], json!(lease));
    refused(
        &world.root.send("PUT", "sys/leases/renew", Some(&json!({ "lease_id": lease }))),
        400,
        "lease is expired and has failed previous revocation attempts",
    );
    world.account.faults().clear();
    world.wait(3600);
    assert_eq!(world.settle(), 0);
    assert!(world.users().is_empty());
    let events = world.events();
    assert_eq!(events.last().map(String::as_str), Some("lease-revoked expired"));
    assert_eq!(events.iter().filter(|event| *event == "lease-revoke-failed expired").count(), 7);
}
