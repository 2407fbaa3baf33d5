//! `leasehold import`: what an engine has that was set up by hand becomes files that change nothing of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::certificates::{self, Authority};
use crate::env::{Output, TestEnv};
use crate::fake::FakeServer;
use crate::servers::{ByHand, Sort, TestServer};

/// Of a key that nobody has any more.
const PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESSUarB3I/TBBRFPH58QfMvvkiWvL\n\
Qgm5bl13A0loN3puJLHuv71BWKFsiWwrPh+xET7q58SdY5+PxEd9xM4ZIA==\n\
-----END PUBLIC KEY-----\n";

const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// An engine, and a home to import into.
struct World {
    env: TestEnv,
    http: ByHand,
    server: TestServer,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = TestServer::start(Sort::of(module_path!()));
        env.set("LEASEHOLD_ADDR", &*server.address).set("LEASEHOLD_TOKEN", &*server.token);
        if let Some(namespace) = &server.namespace {
            env.set("LEASEHOLD_NAMESPACE", namespace);
        }
        let http = server.by_hand();
        // Ours begins with one.
        http.send("DELETE", "sys/mounts/secret", None);
        Self { env, http, server }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value) {
        self.http.post(path, &body);
    }

    fn policy(&self, name: &str, rules: &[(&str, &str)]) {
        let block = |(path, capabilities): &(&str, &str)| {
            format!("path \"{path}\" {{\n  capabilities = [\"{}\"]\n}}\n", capabilities.replace(' ', "\", \""))
        };
        let text: String = rules.iter().map(block).collect();
        self.post(&format!("sys/policies/acl/{name}"), json!({ "policy": text }));
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.env.dir().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn imported(&self, dir: &str, more: &[&str], code: i32) -> Value {
        let arguments = [&["import", dir, "--format", "json"], more].concat();
        serde_json::from_str(&self.run(&arguments, code).stdout).unwrap()
    }

    /// Mounts, and what they have of their own.
    fn set_up_engines(&self) {
        let config = json!({ "default_lease_ttl": "1h", "max_lease_ttl": "8h" });
        self.post(
            "sys/mounts/aws",
            json!({ "type": "aws", "description": "for \"apps\"\n${var.x} %{x}", "config": config }),
        );
        let root = json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": SECRET_KEY, "region": "eu-west-1" });
        self.post("aws/config/root", root);
        self.post("aws/config/lease", json!({ "lease": "30m", "lease_max": "2h" }));
        self.post("sys/mounts/team/aws", json!({ "type": "aws" }));
        self.post("sys/mounts/store", json!({ "type": "kv", "options": { "version": "2" } }));
        self.post("store/config", json!({ "max_versions": 5, "cas_required": true }));
        self.post("sys/mounts/plain", json!({ "type": "kv", "options": { "version": "1" }, "description": "yes" }));
        self.post("plain/config", json!({ "hidden": "in kv of version 1" }));
        self.post("sys/auth/approle", json!({ "type": "approle" }));
        self.post("sys/auth/people", json!({ "type": "userpass", "config": { "token_type": "default-service" } }));
        self.post("sys/auth/ci", json!({ "type": "jwt", "description": "Pipelines" }));
        let keys = json!({ "jwt_validation_pubkeys": [PUBLIC_KEY], "bound_issuer": "https://ci.example.com" });
        self.post("auth/ci/config", keys);
        self.post("sys/auth/k8s", json!({ "type": "kubernetes" }));
        self.post(
            "auth/k8s/config",
            json!({ "kubernetes_host": "https://k8s.example.com:6443", "kubernetes_ca_cert": Authority::new(certificates::ca("k8s")).pem, "token_reviewer_jwt": "a.b.c", "disable_local_ca_jwt": true }),
        );
    }

    fn set_up_roles(&self) {
        let document = |resource: &str| {
            let statement = json!({ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": resource });
            json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
        };
        let role = |resource: &str| json!({ "credential_type": "iam_user", "policy_document": document(resource) });
        self.post("aws/roles/web", role("arn:aws:s3:::web/${aws:username}/*"));
        let mut etl = role("arn:aws:s3:::etl/*");
        etl["iam_tags"] = json!({ "team": "data", "cost center": "4711" });
        etl["permissions_boundary_arn"] = json!("arn:aws:iam::111122223333:policy/bound");
        self.post("aws/roles/etl", etl);
        self.post("aws/roles/reader", role("arn:aws:s3:::shared/*"));
        self.post("aws/roles/odd.name_1@x", role("arn:aws:s3:::odd/*"));
        let session = json!({
            "credential_type": "assumed_role",
            "role_arns": ["arn:aws:iam::111122223333:role/deploy"],
            "default_sts_ttl": 1800,
        });
        self.post("team/aws/roles/web", session);
        self.post(
            "aws/roles/managed",
            json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }),
        );
    }

    fn set_up_logins(&self) {
        self.policy("web", &[("aws/creds/web", "read"), ("store/data/web/*", "read list")]);
        self.policy("etl", &[("aws/creds/etl", "read"), ("aws/creds/reader", "read update")]);
        self.policy("reports", &[("aws/sts/reader", "update"), ("team/aws/sts/web", "read")]);
        self.policy("operators", &[("*", "create read update delete list")]);
        self.policy("own", &[("store/data/{{identity.entity.name}}/*", "read")]);
        let login =
            |policies: &[&str]| json!({ "token_policies": policies, "token_ttl": "20m", "secret_id_ttl": "24h" });
        self.post("auth/approle/role/web", login(&["web"]));
        let mut etl = login(&["etl", "own"]);
        etl["token_bound_cidrs"] = json!(["10.0.0.0/8"]);
        etl["token_no_default_policy"] = json!(true);
        etl["role_id"] = json!("etl-of-the-data-team");
        self.post("auth/approle/role/app-etl", etl);
        self.post("auth/approle/role/operator", login(&["operators"]));
        let reports = json!({
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": ["https://bao.example.com"],
            "bound_claims": { "repository": "acme/reports", "ref": ["refs/heads/main", "refs/heads/next"] },
            "token_policies": ["reports"],
        });
        self.post("auth/ci/role/reports", reports);
        let pod = json!({
            "bound_service_account_names": ["web"],
            "bound_service_account_namespaces": ["web", "web-next"],
            "token_policies": ["web"],
        });
        self.post("auth/k8s/role/web", pod);
        self.post("auth/people/users/ann", json!({ "password": "correct horse", "token_policies": ["own"] }));
        self.post(
            "auth/token/roles/cron",
            json!({ "allowed_policies": ["own"], "orphan": true, "token_period": "1h" }),
        );
    }

    fn set_up_people(&self) {
        self.post("identity/entity/name/ann", json!({ "policies": ["own"], "metadata": { "desk": "7" } }));
        self.post("identity/entity/name/bob", json!({}));
        let bob = self.http.send("GET", "identity/entity/name/bob", None).body["data"]["id"].clone();
        self.post("identity/group/name/readers", json!({ "policies": ["reports"], "member_entity_ids": [bob] }));
        // As engines make them for who logs in.
        self.post("identity/entity/name/entity_1a2b3c4d", json!({}));
    }

    fn set_up(&self) {
        self.set_up_engines();
        self.set_up_roles();
        self.set_up_logins();
        self.set_up_people();
    }

    /// Takes over what was imported, which writes the password that no engine tells and nothing else.
    fn adopt(&mut self, dir: &str) {
        self.env.set("PEOPLE_USERS_ANN_PASSWORD", "correct horse").set("K8S_CONFIG_TOKEN_REVIEWER_JWT", "a.b.c");
        let applied = self.run(&["-C", dir, "apply", "--adopt", "--auto-approve"], 0).stdout;
        assert!(applied.contains("0 to add, 0 to change, 0 to delete"), "{applied}");
        self.run(&["-C", dir, "plan"], 0);
    }
}

/// Compares with a snapshot that is the same whatever the server.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!(name, text) });
}

/// The names and texts of files as one text.
fn shown(files: &BTreeMap<String, String>) -> String {
    let pem = regex::Regex::new(r"(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----").unwrap();
    // Only one of the servers has namespaces, and then the environment says which.
    let namespace = regex::Regex::new("(address) *(=|:) (.*)\n +namespace.*").unwrap();
    let one = |(name, text): (&String, &String)| {
        let text = namespace.replace(text, "$1 $2 $3").replace("address :", "address:");
        format!("==> {name}\n{}", pem.replace_all(&crate::env::normal(&text), "[PEM]"))
    };
    files.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_was_set_up_by_hand_becomes_files_that_change_nothing() {
    let mut world = World::new();
    world.set_up();
    let report = world.run(&["import", "estate", "-e", "prod"], 0);
    let files = world.env.files("estate");
    snapshot("import_files_hcl", &shown(&files));
    let is_of_namespaces = |text: &str| text.contains("root namespace") || text.contains("the namespace `team`");
    let report = crate::env::normal(report.stdout.trim_end());
    let report: Vec<&str> = report.split("\n\n").filter(|part| !is_of_namespaces(part)).collect();
    let report = report.join("\n\n");
    snapshot("import_report", &report);
    assert!(files.values().all(|text| !text.contains(SECRET_KEY) && !text.contains("correct horse")));
    world.run(&["-C", "estate", "validate"], 0);
    world.adopt("estate");
}

#[test]
fn yaml_says_the_same() {
    let mut world = World::new();
    world.set_up();
    let hcl = world.imported("hcl", &["-e", "prod"], 0);
    let yaml = world.imported("yaml", &["-e", "prod", "--syntax", "yaml"], 0);
    let paths = |report: &Value| -> Vec<String> {
        report["declared"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(paths(&hcl), paths(&yaml));
    assert!(paths(&hcl).len() > 30, "{hcl}");
    snapshot("import_files_yaml", &shown(&world.env.files("yaml")));
    let objects = |dir: &str| world.run(&["-C", dir, "validate"], 0).stdout.split(", ").skip(2).collect::<String>();
    assert_eq!(objects("hcl"), objects("yaml"));
    world.adopt("yaml");
}

#[test]
fn a_second_import_adds_what_is_new_and_touches_no_file() {
    let mut world = World::new();
    world.set_up();
    world.imported("estate", &["-e", "prod"], 0);
    world.adopt("estate");
    let before = world.env.files("estate");
    let nothing = world.run(&["import", "estate"], 0).stdout;
    assert!(nothing.starts_with("Imported 0 objects from"), "{nothing}");
    assert_eq!(world.env.files("estate"), before);
    world.post(
        "aws/roles/late",
        json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }),
    );
    world.policy("late", &[("aws/creds/late", "read"), ("aws/creds/reader", "read")]);
    world.post("auth/approle/role/late", json!({ "token_policies": ["late"] }));
    let report = world.imported("estate", &[], 0);
    let declared: Vec<&str> =
        report["declared"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(declared, ["auth/approle/role/late", "aws/roles/late", "sys/policies/acl/late"]);
    let mut after = world.env.files("estate");
    let app = after.remove("apps/late.hcl").unwrap();
    assert!(app.contains("grants   = [\"aws/reader\"]"), "{app}");
    assert!(after.remove("acl/late.hcl").is_some());
    assert_eq!(after, before);
    world.adopt("estate");
}

#[test]
fn a_login_with_the_policy_of_a_declared_app_stands_by_itself() {
    let world = World::new();
    world.run(&["init", "estate", "--app", "web", "--env", "prod", "--address", &world.server.address], 0);
    if let Some(namespace) = &world.server.namespace {
        let text = world.file("estate/environments.hcl");
        world
            .env
            .write("estate/environments.hcl", &text.replace("\n}", &format!("\n  namespace = \"{namespace}\"\n}}")));
    }
    world.run(&["-C", "estate", "apply", "--auto-approve"], 0);
    world.policy("late", &[("store/data/late", "read")]);
    // One as an app has, one with a policy more, and a person's.
    world.post("auth/approle/role/app-batch", json!({ "token_policies": ["app-web"] }));
    world.post("auth/approle/role/late", json!({ "token_policies": ["app-web", "late"] }));
    world.post("sys/auth/people", json!({ "type": "userpass" }));
    world.post("auth/people/users/ann", json!({ "password": "correct horse", "token_policies": ["app-web"] }));
    let report = world.imported("estate", &[], 0);
    assert_eq!(report["left_out"], json!([]));
    let logins = world.file("estate/logins.hcl");
    for block in [
        "login \"approle\" \"app-batch\" {\n  policies = [\"app-web\"]\n}",
        "login \"approle\" \"late\" {\n  policies = [\"app-web\", \"late\"]\n}",
    ] {
        assert!(logins.contains(block), "{block}\n{logins}");
    }
    assert!(logins.contains("login \"people\" \"ann\" {"), "{logins}");
    assert!(world.env.files("estate").keys().all(|name| !name.starts_with("apps/") || name == "apps/web.hcl"));
    let plan = world.run(&["-C", "estate", "plan", "--adopt"], 2).stdout;
    assert!(plan.contains("0 to add, 0 to change, 0 to delete, 5 to adopt"), "{plan}");
}

#[test]
fn what_was_applied_from_files_is_the_same_apps_again() {
    let world = World::new();
    world.env.copy_tree("examples/tutorial", "first");
    let environment = format!(
        "environment \"prod\" {{\n  address = \"{}\"\n  var {{\n    account = \"111122223333\"\n  }}\n}}\n",
        world.server.address
    );
    world.env.write("first/environments.hcl", &environment);
    world.run(&["-C", "first", "apply", "--auto-approve"], 0);
    // For the same environment they are its own.
    let report = world.imported("again", &["-e", "prod"], 0);
    assert_eq!(report["declared"].as_array().unwrap().len(), 13, "{report}");
    world.run(&["-C", "again", "plan"], 0);
    snapshot("import_tutorial", &shown(&world.env.files("again")));
    // For another one they are somebody else's.
    let report = world.imported("other", &["-e", "other"], 0);
    assert_eq!(report["declared"], json!([]));
    assert_eq!(report["others"].as_array().unwrap().len(), 13, "{report}");
    assert!(!world.env.dir().join("other").exists());
}

#[test]
fn what_others_have_is_referred_to() {
    let world = World::new();
    world.env.copy_tree("examples/tutorial", "first");
    let environment = format!(
        "environment \"prod\" {{\n  address = \"{}\"\n  estate = \"a\"\n  var {{\n    account = \"111122223333\"\n  }}\n}}\n",
        world.server.address
    );
    world.env.write("first/environments.hcl", &environment);
    world.run(&["-C", "first", "apply", "--auto-approve"], 0);
    world.post(
        "aws/roles/mine",
        json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }),
    );
    world.policy("mine", &[("aws/creds/mine", "read")]);
    world.post("auth/approle/role/mine", json!({ "token_policies": ["mine"] }));
    let report = world.imported("estate", &["-e", "other"], 0);
    assert_eq!(report["declared"].as_array().unwrap().len(), 3, "{report}");
    let engines = world.file("estate/engines.hcl");
    assert!(engines.contains("aws \"aws\" {\n  shared = true\n}"), "{engines}");
    world.run(&["-C", "estate", "apply", "--adopt", "--auto-approve"], 0);
    world.run(&["-C", "estate", "plan"], 0);
}

#[test]
fn one_object_that_can_not_be_said_stops_no_other() {
    let mut world = World::new();
    world.set_up();
    // Another of the name is at the top level already, and so is this.
    let managed = json!({ "credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
    world.post("team/aws/roles/managed", managed);
    // An action that there is not.
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "nothing", "Resource": "*" }] });
    world.post("aws/roles/broken", json!({ "credential_type": "iam_user", "policy_document": document.to_string() }));
    world.post("auth/approle/role/lost", json!({ "token_policies": ["not-there"] }));
    let report = world.imported("estate", &["-e", "prod"], 2);
    let left: Vec<(&str, &str)> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    let paths: Vec<&str> = left.iter().map(|(path, _)| *path).collect();
    assert_eq!(paths, ["auth/approle/role/lost", "aws/roles/broken", "team/aws/roles/managed"], "{left:?}");
    assert!(left[0].1.contains("the policy `not-there` is not declared"), "{left:?}");
    assert!(left[2].1.contains("aws/roles/managed has its name"), "{left:?}");
    world.adopt("estate");
}

#[test]
fn files_that_are_there_stay_and_without_an_engine_nothing_is_imported() {
    let mut world = World::new();
    world.set_up_engines();
    world.env.write("estate/iam/web.json", "mine");
    world.set_up_roles();
    world.set_up_logins();
    world.imported("estate", &[], 0);
    assert_eq!(world.file("estate/iam/web.json"), "mine");
    assert!(world.file("estate/iam/web-2.json").contains("s3:::web"), "another name");
    assert!(world.file("estate/environments.hcl").starts_with("environment \"main\" {\n"));
    world.env.set("LEASEHOLD_ADDR", "");
    let refused = world.run(&["import", "nowhere"], 1);
    assert!(refused.stderr.contains("nowhere holds no estate, and no engine is named"), "{}", refused.stderr);
    assert!(!world.env.dir().join("nowhere").exists());
}

/// An engine with a type of mount that no word declares.
const WITH_DATABASE: &[(&str, u16, &str)] = &[
    ("GET /v1/sys/mounts", 200, r#"{"request_id":"1","data":{"db/":{"type":"database","config":{},"options":null}}}"#),
    ("GET /v1/sys/auth", 200, r#"{"request_id":"1","data":{"token/":{"type":"token","config":{}}}}"#),
    ("GET /v1/sys/audit", 200, r#"{"request_id":"1","data":{}}"#),
    ("GET /v1/db/roles/", 200, r#"{"request_id":"1","data":{"keys":["reader","writer"]}}"#),
    ("GET /v1/db/config/", 403, r#"{"errors":["permission denied"]}"#),
    (
        "GET /v1/db/roles/reader",
        200,
        r#"{"request_id":"1","data":{"db_name":"main","creation_statements":["CREATE ROLE \"{{name}}\";"],"default_ttl":3600,"max_ttl":0}}"#,
    ),
    ("GET /v1/db/roles/writer", 403, r#"{"errors":["permission denied"]}"#),
];

#[test]
fn what_has_no_kind_stands_as_object_and_what_may_not_be_read_is_told() {
    let server = FakeServer::start(WITH_DATABASE);
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", "t");
    let output = env.run(&["import", "estate"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    let text = std::fs::read_to_string(env.dir().join("estate/objects.hcl")).unwrap();
    let expected = "\
object \"db/roles/reader\" {
  data {
    creation_statements = [\"CREATE ROLE \\\"{{name}}\\\";\"]
    db_name             = \"main\"
    default_ttl         = 3600
  }
}
";
    assert_eq!(text, expected);
    for line in [
        "1 object from ",
        ": 0 declared, 1 as `object`.",
        "  sys/mounts/db: no word declares what is of the type database",
        "  db/config\n",
        "  db/roles/writer\n",
    ] {
        assert!(output.stdout.contains(line), "{line}\n{}", output.stdout);
    }
    assert!(server.asked().iter().all(|asked| asked.line.starts_with("GET ")), "it writes nothing");
}

#[test]
fn the_policy_of_plans_is_enough() {
    let mut world = World::new();
    world.set_up();
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/acl/plan.hcl")).unwrap();
    let more = "path \"team/aws/+/*\" {\n  capabilities = [\"read\", \"list\"]\n}\npath \"team/aws/+\" {\n  capabilities = [\"read\", \"list\"]\n}\n";
    world.post("sys/policies/acl/plans", json!({ "policy": format!("{shipped}\n{more}") }));
    let token = json!({ "policies": ["plans"], "no_default_policy": true });
    let token = world.http.post("auth/token/create", &token)["auth"]["client_token"].as_str().unwrap().to_owned();
    world.env.set("LEASEHOLD_TOKEN", token);
    let report = world.imported("estate", &["-e", "prod"], 0);
    assert!(report["declared"].as_array().unwrap().iter().any(|one| one["path"] == "team/aws/roles/web"), "{report}");
    let hidden = report["not_looked_at"].to_string();
    for path in ["auth/ci/role", "auth/people/users", "store/config"] {
        assert!(hidden.contains(path), "{path}: {hidden}");
    }
}
