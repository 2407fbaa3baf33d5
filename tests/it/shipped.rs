//! The ACL policies that ship, `policies/acl`: they are enough for every kind that a server has, and no more.

use std::collections::{BTreeMap, BTreeSet};

use leasehold::object::KINDS;
use serde_json::{Value, json};

use crate::between::Between;
use crate::env::{Output, Server, TestEnv};
use crate::http::Http;
use crate::issuer::{Issuer, signed};
use crate::remote::{Remote, shipped};
use crate::servers::Sort;

/// What a namespace of a server can't hold.
const OURS: &str = r#"
quota "logins" {
  rate = 1000
  path = "auth/cert"
}
"#;

/// What is not tried here, and why.
const NOT_TRIED: [(&str, &str); 6] = [
    ("audit device", "servers of OpenBao take none by their API"),
    ("object", "what a token needs for its path is for whoever declares it to say"),
    ("aws static role", "its key is made in AWS when it is declared"),
    ("password policy", "only servers of OpenBao and Vault have them"),
    ("oidc config", "an engine asks its issuer when it is declared"),
    ("oidc role", "the same"),
];

/// Without a word of what this token may not do.
fn all_is_known(output: &Output) {
    let told = output.normal();
    assert!([0, 2].contains(&output.code), "{told}");
    for word in ["may not", "(403)", "permission denied"] {
        // That secrets are not compared is meant: a token for plans has no key to their digests.
        let others = told.lines().filter(|line| !line.contains("the ledger's key"));
        assert!(!others.clone().any(|line| line.contains(word)), "{told}");
    }
}

/// How often an apply is tried: before what stands for OpenBao some answers are lost, and where that is the one to the first
/// of an object's calls, the next apply finishes it. What the token may not do it may not the next time either.
const APPLIES_MAX: usize = 8;

fn applied(remote: &Remote) -> Output {
    let apply = || remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
    let is_ours = remote.server.sort == Sort::Ours;
    let mut output = apply();
    for _ in 1..APPLIES_MAX {
        if is_ours || output.code == 0 {
            break;
        }
        output = apply();
    }
    output
}

#[test]
fn the_policies_that_ship_are_enough_for_every_kind() {
    let every = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kinds/every.hcl");
    let every = std::fs::read_to_string(every).unwrap();
    let mut tried = BTreeSet::new();
    for mut remote in Remote::each() {
        remote.env.set("PASSWORD", "correct horse").set("KEY", "a secret key");
        let is_ours = remote.server.sort == Sort::Ours;
        let more = if is_ours { OURS } else { "" };
        remote.env.write("estate/every.hcl", &format!("{every}{more}"));
        let rendered = remote.env.ok(&["-C", "estate", "render", "--format", "json"]);
        tried.extend(kinds_of(&rendered));
        remote.speak_as("apply", &shipped("apply"));
        all_is_known(&applied(&remote));
        // What was made is changed, too.
        let changed = every.replace("token_ttl = \"1h\"", "token_ttl = \"2h\"").replace("\"full_arn\"", "\"role_id\"");
        assert!(changed != every);
        remote.env.write("estate/every.hcl", &format!("{changed}{more}"));
        all_is_known(&applied(&remote));
        remote.speak_as("plan", &shipped("plan"));
        let plan = remote.env.run(&["-C", "estate", "plan"]);
        all_is_known(&plan);
        assert!(plan.stdout.contains("No changes."), "{}", plan.normal());
        let drift = remote.env.run(&["-C", "estate", "drift"]);
        assert_eq!(drift.code, 0, "{}", drift.normal());
    }
    tried.extend(NOT_TRIED.map(|(kind, _)| kind.to_owned()));
    let all: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(tried, all, "a kind is declared in every.hcl, or it is said why not");
}

fn kinds_of(rendered: &str) -> Vec<String> {
    let rendered: Value = serde_json::from_str(rendered).unwrap();
    let objects = rendered["objects"].as_array().unwrap().iter();
    objects.map(|object| object["kind"].as_str().unwrap().to_owned()).collect()
}

/// The tutorial's estate and every kind, at a server of ours whose trail tells what was asked.
struct Whole {
    env: TestEnv,
    http: Http,
    _server: Server,
    issuer: Issuer,
    /// What makes the server one of OpenBao's.
    between: Option<Between>,
}

impl Whole {
    fn new(sort: Sort) -> Self {
        let mut env = TestEnv::new();
        let account = env.dir().join("data/sandbox").display().to_string();
        env.ok(&["sandbox", "call", "--data-dir", &account, "CreateUser", "UserName=legacy-app"]);
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        env.set("PASSWORD", "correct horse").set("KEY", "a secret key").set("LEASEHOLD_ENV", "remote");
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        let keys = signed(&[("k", "ES256")], &[]);
        let issuer = Issuer::start(&keys.set(&["k"]));
        let between = (sort == Sort::OpenBao).then(|| Between::start_as_openbao(&http.address, None));
        // There a list has names alone.
        between.iter().for_each(Between::lists_tell_names_alone);
        let whole = Self { env, http, _server: server, issuer, between };
        whole.env.copy_tree("examples/tutorial", "estate");
        whole
    }

    /// Declares all of it; `change` says how it is changed after that.
    fn declare(&self, change: impl Fn(&str) -> String) {
        let every = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/kinds/every.hcl");
        let every = std::fs::read_to_string(every).unwrap();
        let log = self.env.dir().join("audit.log").display().to_string();
        let issuer = &self.issuer.address;
        let more = format!(
            r#"
auth "oidc" {{
  config {{
    oidc_discovery_url = "{issuer}"
    oidc_client_id = "engine"
    oidc_client_secret = "secret:env:KEY"
  }}
}}

login "oidc" "people" {{
  user_claim = "sub"
  allowed_redirect_uris = ["http://localhost:8250/oidc/callback"]
  policies = ["ops"]
  token_ttl = "1h"
}}

iam_user "legacy-app" {{
  arn = "arn:aws:iam::123456789012:user/legacy-app"
  statement "Read" {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::legacy/*"]
  }}
}}

app "legacy" {{
  static_role "legacy" {{
    mount = "aws"
    username = "legacy-app"
    rotation_period = "24h"
  }}
  login "approle" {{
    token_ttl = "1h"
    role_id = "legacy-app"
  }}
}}

group "outside" {{
  policies = ["ops"]
  alias = {{ jwt = "outside" }}
}}
{OURS}"#
        );
        // Servers of OpenBao take no audit device by their API.
        let only = match self.between {
            None => format!("audit \"second\" {{\n  type = \"file\"\n  file_path = \"{log}\"\n}}\n"),
            Some(_) => String::new(),
        };
        let own = format!("http://{}", self.http.address);
        let address = self.between.as_ref().map_or(&own, |between| &between.address);
        let variables = "  var {\n    account = \"111122223333\"\n  }";
        let environment =
            format!("environment \"remote\" {{\n  address = \"{address}\"\n  secrets = [\"env:*\"]\n{variables}\n}}\n");
        self.env.write("estate/remote.hcl", &environment);
        self.env.write("estate/every.hcl", &change(&format!("{every}{more}{only}")));
    }

    /// Speaks with a token of one of the policies that ship, and nothing else.
    fn speak_as(&mut self, name: &str) {
        self.http.post(&format!("sys/policies/acl/{name}-shipped"), &json!({ "policy": shipped(name) }));
        let token = self.token(&format!("{name}-shipped"), "20s");
        self.env.set("LEASEHOLD_TOKEN", token);
    }

    fn token(&self, policy: &str, period: &str) -> String {
        let asked = json!({ "policies": [policy], "no_default_policy": true, "period": period });
        self.http.post("auth/token/create", &asked)["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert!([0, 2, 5].contains(&output.code), "{arguments:?}: {}", output.normal());
        output
    }

    /// Applies: as often as it takes where answers get lost.
    #[track_caller]
    fn apply(&self, more: &[&str]) {
        let apply = || self.env.run(&[&["-C", "estate", "apply", "--auto-approve"], more].concat());
        let mut output = apply();
        for _ in 1..APPLIES_MAX {
            if self.between.is_none() || output.code == 0 {
                break;
            }
            output = apply();
        }
        assert_eq!(output.code, 0, "{}", output.normal());
    }

    /// Writes by hand who is in a group.
    fn has_in_ops(&self, name: &str) {
        let found = self.http.try_send("GET", &format!("identity/entity/name/{name}"), None).unwrap();
        self.http.post("identity/group/name/ops", &json!({ "member_entity_ids": [found.body["data"]["id"]] }));
    }

    /// What tokens of a policy asked for and may do: the operation and the path of each request.
    fn asked(&self, policy: &str) -> BTreeSet<(String, String)> {
        let text = std::fs::read_to_string(self.env.dir().join("data/trail.log")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_policy = lines.filter(|line| {
            let policies = line["auth"]["policies"].as_array();
            let is_refused = line["error"].as_str().is_some_and(|error| error.contains("permission denied"));
            line["type"] == "response"
                && !is_refused
                && policies.is_some_and(|policies| policies.iter().any(|one| one == policy))
        });
        of_policy
            .map(|line| {
                let part = |name: &str| line["request"][name].as_str().unwrap().to_owned();
                (part("operation"), part("path"))
            })
            .collect()
    }

    /// Whether a policy allows less of what was asked for than was done.
    fn lacks(&self, rules: &str, asked: &BTreeSet<(String, String)>) -> bool {
        self.http.post("sys/policies/acl/less", &json!({ "policy": rules }));
        let token = self.token("less", "5m");
        let paths: Vec<&str> = asked.iter().map(|(_, path)| path.as_str()).collect();
        let told = self.http.post("sys/capabilities", &json!({ "token": token, "paths": paths }));
        asked.iter().any(|(operation, path)| {
            let granted = told["data"][path].as_array().unwrap_or_else(|| panic!("{path}: {told}"));
            !granted.iter().any(|one| one == operation.as_str())
        })
    }

    /// Whether something that was asked for at a path of a policy is refused to who may all but that.
    fn refuses(&self, rules: &str, at: &str, asked: &BTreeSet<(String, String)>) -> bool {
        self.http.post("sys/policies/acl/less", &json!({ "policy": rules }));
        let http = Http { address: self.http.address.clone(), token: self.token("less", "5m") };
        let below = at.trim_end_matches('*');
        asked.iter().filter(|(_, path)| path.starts_with(below)).any(|(operation, path)| {
            let method = match operation.as_str() {
                "read" => "GET",
                "list" => "LIST",
                "delete" => "DELETE",
                _ => "PUT",
            };
            http.try_send(method, path, Some(&json!({}))).unwrap().status == 403
        })
    }
}

/// What is not asked for here: the path, what of it, and when it is.
const ELSEWHERE: [(&str, &str, &str); 7] = [
    ("sys/leasehold/estate", "update", "no request: the engine looks at it when a write says its commit"),
    ("leasehold/metadata/*", "delete", "when the history holds more applies than it keeps"),
    ("sys/policies/password/+", "update", "servers of OpenBao and Vault have them"),
    ("sys/policies/password/+", "delete", "servers of OpenBao and Vault have them"),
    ("sys/policies/password/+", "read", "servers of OpenBao and Vault have them"),
    ("identity/group-alias", "update", "where what an alias is called by its method changes"),
    ("identity/group-alias/id/*", "delete", "where an alias is of another method from now on"),
];

/// What is changed, each of a line: what a line holds, and what stands in its place.
const CHANGES: [(&str, &str, &str); 7] = [
    ("token_ttl", "1h", "2h"),
    ("key \"orders\" {}", "{}", "{\n    deletion_allowed = true\n  }"),
    ("aliases =", "{ userpass = \"ann\" }", "{}"),
    ("sts_role", "role/engine", "role/another"),
    ("login \"cert\" {", "{", "{\n    token_ttl = \"1h\""),
    ("token_role \"ci\" {", "{", "{\n  orphan = true"),
    ("arn:aws:s3:::web/*", "web/*", "web-new/*"),
];

fn changed(text: &str) -> String {
    let described = ["kv \"", "auth \"", "transit \"", "aws \""];
    let mut all = String::new();
    for line in text.lines().filter(|line| !line.starts_with("  description")) {
        let found = CHANGES.iter().find(|(with, ..)| line.contains(with));
        all += &found.map_or(line.to_owned(), |(_, old, new)| line.replace(old, new));
        all += "\n";
        if described.iter().any(|word| line.starts_with(word)) {
            all += "  description = \"changed\"\n";
        }
    }
    all
}

/// Everything that an estate lives through, with the policies that ship.
fn lived_through(sort: Sort) -> Whole {
    let mut whole = Whole::new(sort);
    whole.declare(str::to_owned);
    whole.speak_as("plan");
    whole.run(&["plan"]);
    whole.speak_as("apply");
    whole.apply(&[]);
    let engine = whole.env.dir().join("estate/engine.hcl");
    whole.env.write("estate/engine.hcl", &changed(&std::fs::read_to_string(engine).unwrap()));
    whole.declare(changed);
    // What is out of a role is revoked when that changes.
    whole.http.try_send("GET", "aws/creds/web", None).unwrap();
    whole.apply(&[]);
    // Somebody by hand.
    whole.http.post("identity/entity", &json!({ "name": "bob" }));
    whole.has_in_ops("bob");
    let each = [&["drift"][..], &["history"], &["watch", "-e", "remote", "--state", "state", "--once"]];
    for (name, more) in [("apply", &[][..]), ("plan", &[&["plan"][..]])] {
        whole.speak_as(name);
        each.iter().chain(more).for_each(|arguments| drop(whole.run(arguments)));
    }
    whole.has_in_ops("ann");
    // Gone, all of it.
    let estate = whole.env.dir().join("estate");
    for entry in
        ["apps", "iam", "engine.hcl", "environments.hcl", "tests.hcl", "every.hcl"].map(|name| estate.join(name))
    {
        if entry.is_dir() { std::fs::remove_dir_all(entry) } else { std::fs::remove_file(entry) }.unwrap();
    }
    all_is_known(&whole.run(&["plan", "--max-deletes", "1000"]));
    whole.speak_as("apply");
    whole.apply(&["--max-deletes", "1000"]);
    whole
}

#[test]
fn of_the_policies_that_ship_no_line_is_too_much() {
    let wholes = [Sort::Ours, Sort::OpenBao].map(lived_through);
    let whole = &wholes[0];
    let mut needless = BTreeMap::new();
    for name in ["plan", "apply"] {
        let asked: BTreeSet<_> = wholes.iter().flat_map(|whole| whole.asked(&format!("{name}-shipped"))).collect();
        let rules = shipped(name);
        assert!(asked.len() > 40 && !whole.lacks(&rules, &asked), "{name}: {asked:?}");
        for (path, capabilities) in blocks(&rules) {
            for capability in &capabilities {
                let rest: Vec<&String> = capabilities.iter().filter(|other| *other != capability).collect();
                let was = format!("path \"{path}\" {{\n  capabilities = {capabilities:?}\n}}");
                let less = rules.replace(&was, &format!("path \"{path}\" {{\n  capabilities = {rest:?}\n}}"));
                assert!(less != rules, "{was}");
                // Where a server does not tell them apart, `create` grants nothing beside `update`.
                let is_update = capability == "create" && capabilities.iter().any(|one| one == "update");
                let is_elsewhere = ELSEWHERE.iter().any(|(at, of, _)| *at == path && *of == capability);
                let is_needed = match capability.as_str() {
                    "sudo" => whole.refuses(&less, &path, &asked),
                    _ => is_update || is_elsewhere || whole.lacks(&less, &asked),
                };
                if !is_needed {
                    needless.entry(name).or_insert_with(Vec::new).push(format!("{capability} on {path}"));
                }
            }
        }
    }
    assert!(needless.is_empty(), "{needless:#?}");
}

/// The paths of a policy with what each grants.
fn blocks(rules: &str) -> Vec<(String, Vec<String>)> {
    let texts = rules.split("path \"").skip(1);
    let blocks = texts.map(|text| {
        let (path, rest) = text.split_once('"').unwrap();
        let list = rest.split_once('[').unwrap().1.split_once(']').unwrap().0;
        let capabilities = list.split(',').map(|one| one.trim().trim_matches('"').to_owned());
        (path.to_owned(), capabilities.collect())
    });
    blocks.collect()
}
