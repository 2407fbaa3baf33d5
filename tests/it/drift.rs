//! `leasehold drift`: changed behind our back, committed and not yet applied, not ours. The three are kept apart.

use std::path::Path;

use serde_json::{Value, json};

use crate::between::Fault;
use crate::ci::{self, Runner};
use crate::env::{Output, TestEnv, commit_all, git};
use crate::servers::{ByHand, Sort, TestServer};

/// The tutorial's estate, applied to a server.
struct Applied {
    env: TestEnv,
    http: ByHand,
    server: TestServer,
}

impl Applied {
    fn new() -> Self {
        Self::after(|_| ())
    }

    /// Applied from a commit.
    fn under_git() -> Self {
        Self::after(|estate| drop(commit_all(estate)))
    }

    fn after(prepare: impl FnOnce(&Path)) -> Self {
        let mut env = TestEnv::new();
        let server = TestServer::start(Sort::of(module_path!()));
        env.copy_tree("examples/tutorial", "estate");
        let address = &server.address;
        let variables = "  var {\n    account = \"111122223333\"\n  }";
        let environment = format!("environment \"prod\" {{\n  address = \"{address}\"\n{variables}\n}}\n");
        env.write("estate/environments.hcl", &environment);
        env.set("LEASEHOLD_TOKEN", &*server.token);
        if let Some(namespace) = &server.namespace {
            env.set("LEASEHOLD_NAMESPACE", namespace);
        }
        prepare(&env.dir().join("estate"));
        let applied = Self { env, http: server.by_hand(), server };
        applied.run(&["apply", "--auto-approve"], 0);
        applied
    }

    #[track_caller]
    fn run(&self, args: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], args].concat());
        assert_eq!(output.code, code, "{}", output.normal());
        output
    }

    #[track_caller]
    fn drift(&self, code: i32) -> String {
        self.run(&["drift"], code)
            .normal()
            .lines()
            .filter(|line| !is_of_namespaces(line))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[track_caller]
    fn json(&self, code: i32) -> Value {
        serde_json::from_str(&self.run(&["drift", "--format", "json"], code).stdout).unwrap()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.env.dir().join("estate").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    fn widen_by_hand(&self) {
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let role = json!({ "credential_type": "iam_user", "policy_document": document });
        self.http.post("aws/roles/webapp", &role);
    }
}

/// Whether a line of text says what every plan in a namespace says.
fn is_of_namespaces(line: &str) -> bool {
    line.starts_with("Note: only the root namespace has sys/audit")
}

/// Compares with a snapshot that is the same whatever the server.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!(name, text) });
}

#[test]
fn nothing_drifted_after_an_apply() {
    let estate = Applied::new();
    let text = estate.drift(0);
    assert!(text.contains("Drift: 0 changed behind our back, 0 committed and not yet applied, 0 not ours."), "{text}");
}

#[test]
fn what_a_change_by_hand_gives_is_told() {
    let estate = Applied::new();
    estate.widen_by_hand();
    snapshot("drift_by_hand", &estate.drift(5));
    let json = estate.json(5);
    assert_eq!(json["changed"][0]["path"], "aws/roles/webapp");
    assert_eq!((&json["changed"][0]["pending"], &json["summary"]["pending"]), (&json!(false), &json!(0)));
    assert_eq!(json["access"]["gained"], true);
    let markdown = estate.run(&["drift", "--format", "markdown"], 5).normal();
    let notes = regex::Regex::new(r"\n\*\*Notes\*\*\n\n- only the root namespace has sys/audit[^\n]*\n").unwrap();
    snapshot("drift_by_hand_markdown", &notes.replace(&markdown, ""));
    // An apply puts it right.
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
}

#[test]
fn what_is_committed_and_not_applied_is_something_else() {
    let estate = Applied::new();
    estate.edit("engine.hcl", "\"1h\"", "\"30m\"");
    std::fs::remove_file(estate.env.dir().join("estate/apps/backup.hcl")).unwrap();
    std::fs::remove_file(estate.env.dir().join("estate/tests.hcl")).unwrap();
    snapshot("drift_pending", &estate.drift(2));
    let json = estate.json(2);
    assert_eq!((&json["summary"]["changed"], &json["access"]), (&json!(0), &Value::Null));
}

#[test]
fn one_object_can_be_both() {
    let estate = Applied::new();
    estate.widen_by_hand();
    estate.edit("iam/webapp.json", "example-webapp/*", "example-webapp-new/*");
    let json = estate.json(5);
    assert_eq!(json["summary"], json!({ "changed": 1, "pending": 1, "not_ours": 0 }));
    assert_eq!((&json["changed"][0]["pending"], &json["pending"][0]["changed"]), (&json!(true), &json!(true)));
    assert_eq!(json["access"]["gained"], true);
    let text = estate.drift(5);
    assert!(text.contains("the files say something else about it, too"), "{text}");
    assert!(text.contains(", and changed behind our back)"), "{text}");
}

#[test]
fn what_is_both_is_shown_beside_the_commit_that_it_was_written_from() {
    let estate = Applied::under_git();
    estate.widen_by_hand();
    estate.edit("iam/webapp.json", "example-webapp/*", "example-webapp-new/*");
    commit_all(&estate.env.dir().join("estate"));
    let fields = |estate: &Applied| estate.json(5)["changed"][0]["fields"].to_string();
    let shown = fields(&estate);
    assert!(shown.contains("example-webapp/*") && !shown.contains("example-webapp-new/*"), "{shown}");
    assert!(!estate.drift(5).contains("shown beside the files"));
    // Also of what the files do not have any more.
    std::fs::remove_file(estate.env.dir().join("estate/apps/webapp.hcl")).unwrap();
    std::fs::remove_file(estate.env.dir().join("estate/tests.hcl")).unwrap();
    let shown = fields(&estate);
    assert!(shown.contains("example-webapp/*") && shown.contains("s3:*"), "{shown}");
    // A clone that lacks the commit shows it beside the files, where they have it, and says so.
    git(&estate.env.dir().join("estate"), &["checkout", "-q", "HEAD", "."]);
    std::fs::remove_dir_all(estate.env.dir().join("estate/.git")).unwrap();
    let text = estate.drift(5);
    assert!(text.contains("example-webapp-new/*") && text.contains("shown beside the files"), "{text}");
    assert_eq!(estate.json(5)["changed"][0]["beside_files"], true);
}

#[test]
fn what_was_done_by_hand_as_the_files_say_is_told_until_it_is_applied() {
    let estate = Applied::under_git();
    estate.edit("iam/webapp.json", "example-webapp/*", "*");
    commit_all(&estate.env.dir().join("estate"));
    let document = std::fs::read_to_string(estate.env.dir().join("estate/iam/webapp.json")).unwrap();
    estate.http.post("aws/roles/webapp", &json!({ "credential_type": "iam_user", "policy_document": document }));
    let json = estate.json(5);
    assert_eq!(json["summary"], json!({ "changed": 1, "pending": 1, "not_ours": 0 }));
    assert!(json["changed"][0]["fields"].to_string().contains("example-webapp/*"), "{json:#}");
    assert_eq!(json["access"]["gained"], true);
    let plan = estate.run(&["plan"], 2).stdout;
    assert!(plan.contains("! somebody else made it as it is declared: it is written again"), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 1 to change, 0 to delete."), "{plan}");
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
    estate.run(&["plan"], 0);
}

#[test]
fn what_was_done_by_hand_as_the_files_say_is_told_of_what_is_told_apart_or_has_a_secret() {
    let estate = Applied::after(|estate| {
        let file = estate.join("apps/webapp.hcl");
        let text = std::fs::read_to_string(&file).unwrap();
        let login = "login \"approle\" {";
        assert!(text.contains(login), "{text}");
        std::fs::write(file, text.replace(login, &format!("{login}\n    role_id = \"old-id\""))).unwrap();
        commit_all(estate);
    });
    let from = git(&estate.env.dir().join("estate"), &["rev-parse", "HEAD"]);
    estate.http.post("auth/approle/role/app-webapp/role-id", &json!({ "role_id": "new-id" }));
    estate.http.post("aws/config/root", &json!({ "region": "eu-central-1" }));
    estate.edit("apps/webapp.hcl", "old-id", "new-id");
    estate.edit("engine.hcl", "eu-west-1", "eu-central-1");
    commit_all(&estate.env.dir().join("estate"));
    let json = estate.json(5);
    let told: Vec<_> = json["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|changed| {
            assert_eq!((&changed["pending"], &changed["written_from"]), (&json!(true), &json!(from)), "{changed}");
            let field = &changed["fields"][0];
            (changed["path"].as_str().unwrap(), field["before"].clone(), field["after"].clone())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("auth/approle/role/app-webapp", json!("old-id"), json!("new-id")),
            ("aws/config/root", json!("eu-west-1"), json!("eu-central-1")),
        ]
    );
    assert_eq!(json["summary"]["pending"], 2);
    assert!(estate.drift(5).contains("! the files say the same since, and that is not applied"));
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
    estate.run(&["plan"], 0);
}

#[test]
fn what_was_deleted_by_hand_and_by_a_commit_is_told_as_both() {
    let estate = Applied::under_git();
    for file in ["apps/analytics.hcl", "tests.hcl"] {
        std::fs::remove_file(estate.env.dir().join("estate").join(file)).unwrap();
    }
    let json = estate.json(2);
    let pending = json["summary"]["pending"].as_u64().unwrap();
    estate.http.send("DELETE", "auth/approle/role/app-analytics", None);
    let json = estate.json(5);
    assert_eq!(json["summary"], json!({ "changed": 1, "pending": pending, "not_ours": 0 }));
    let changed = &json["changed"][0];
    assert_eq!(
        (&changed["path"], &changed["gone"], &changed["pending"]),
        (&json!("auth/approle/role/app-analytics"), &json!(true), &json!(true))
    );
    assert!(estate.drift(5).contains("! the files say the same since, and that is not applied"));
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
}

#[test]
fn what_is_gone_and_what_is_not_ours_are_findings() {
    let estate = Applied::new();
    estate.http.send("DELETE", "auth/approle/role/app-webapp", None);
    estate.http.post("aws/roles/by-hand", &json!({ "credential_type": "iam_user", "iam_groups": ["admins"] }));
    estate.http.post("auth/approle/role/by-hand", &json!({ "token_policies": ["ops"] }));
    for (name, rules) in [
        ("ops", "path \"aws/creds/*\" {\n  capabilities = [\"read\"]\n}"),
        ("elsewhere", "path \"secret/*\" {\n  capabilities = [\"read\"]\n}"),
        ("denies", "path \"aws/*\" {\n  capabilities = [\"deny\"]\n}"),
    ] {
        estate.http.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
    }
    let json = estate.json(5);
    assert_eq!(json["summary"], json!({ "changed": 1, "pending": 0, "not_ours": 3 }));
    assert_eq!(
        (&json["changed"][0]["path"], &json["changed"][0]["gone"]),
        (&json!("auth/approle/role/app-webapp"), &json!(true))
    );
    let paths: Vec<&str> =
        json["not_ours"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["sys/policies/acl/ops", "auth/approle/role/by-hand", "aws/roles/by-hand"]);
    // What another estate made is that one's.
    estate.env.write(
        "other/estate.hcl",
        &format!(
            "environment \"prod\" {{\n  estate  = \"other\"\n  address = \"{}\"\n}}\n\
         policy \"other\" {{\n  path \"aws/creds/*\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n",
            estate.server.address
        ),
    );
    let other = estate.env.run(&["-C", "other", "apply", "--auto-approve"]);
    assert_eq!(other.code, 0, "{}", other.normal());
    assert_eq!(estate.json(5)["summary"]["not_ours"], 3);
}

#[test]
fn the_plan_policy_is_enough_and_no_secret_is_needed() {
    let mut estate = Applied::new();
    let rules = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/acl/plan.hcl")).unwrap();
    estate.http.post("sys/policies/acl/ci-plan", &json!({ "policy": rules }));
    let token = estate.http.post("auth/token/create", &json!({ "policies": ["ci-plan"] }));
    let token = token["auth"]["client_token"].as_str().unwrap().to_owned();
    estate.widen_by_hand();
    estate.env.set("LEASEHOLD_TOKEN", token);
    let json = estate.json(5);
    assert_eq!(json["changed"][0]["path"], "aws/roles/webapp");
    assert!(!json["notes"].to_string().contains("may not list"), "{}", json["notes"]);
}

/// The paths of what is not ours.
fn foreign(json: &Value) -> Vec<&str> {
    json["not_ours"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect()
}

#[test]
fn settings_that_nobody_declares_below_our_mounts_are_findings() {
    let estate = Applied::new();
    estate.env.write("estate/bare.hcl", "aws \"team/bare\" {}\n");
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
    let key = json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "s", "region": "eu-west-1" });
    estate.http.post("team/bare/config/root", &key);
    estate.http.post("team/bare/config/lease", &json!({ "lease": "768h", "lease_max": "768h" }));
    // What the other mount has is declared, and not the same.
    let text = estate.drift(5);
    snapshot("drift_settings", &text);
    assert_eq!(foreign(&estate.json(5)), ["team/bare/config/lease", "team/bare/config/root"]);
    // An apply does not take them for ours.
    estate.run(&["apply", "--auto-approve"], 0);
    assert_eq!(foreign(&estate.json(5)).len(), 2);
    // Declared as they are, they can be taken over.
    let declared = "aws \"team/bare\" {\n  region = \"eu-west-1\"\n  lease {\n    default = \"768h\"\n    max     = \"768h\"\n  \
                    }\n}\n";
    estate.env.write("estate/bare.hcl", declared);
    estate.run(&["apply", "--auto-approve", "--adopt"], 0);
    estate.drift(0);
}

#[test]
fn settings_that_a_token_may_not_read_are_told_to_be_unknown() {
    let mut estate = Applied::new();
    estate.env.write("estate/bare.hcl", "aws \"bare\" {}\n");
    estate.run(&["apply", "--auto-approve"], 0);
    // The policy as it ships knows one mount.
    let rules = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/acl/plan.hcl")).unwrap();
    estate.http.post("sys/policies/acl/ci-plan", &json!({ "policy": rules }));
    let token = estate.http.post("auth/token/create", &json!({ "policies": ["ci-plan"] }));
    estate.env.set("LEASEHOLD_TOKEN", token["auth"]["client_token"].as_str().unwrap());
    let notes = estate.json(0)["notes"].to_string();
    for path in ["bare/config/lease", "bare/config/root"] {
        let note = format!("this token may not read {path}, so whether somebody set it is not known");
        assert!(notes.contains(&note), "{notes}");
    }
}

#[test]
fn what_all_tokens_got_on_what_is_ours_is_a_finding() {
    let estate = Applied::new();
    let path = "sys/policies/acl/default";
    let own = estate.http.send("GET", path, None).body["data"]["policy"].as_str().unwrap().to_owned();
    assert_eq!(
        foreign(&estate.json(0)),
        <[&str; 0]>::default(),
        "what engines give all tokens themselves is no finding"
    );
    for (more, counts) in [("aws/creds/*", true), ("leasehold/data/*", true), ("secret/*", false)] {
        let text = format!("{own}\npath \"{more}\" {{\n  capabilities = [\"read\"]\n}}\n");
        estate.http.post(path, &json!({ "policy": text }));
        let found = estate.json(if counts { 5 } else { 0 });
        assert_eq!(foreign(&found), if counts { vec![path] } else { vec![] }, "{more}");
    }
}

#[test]
fn policies_of_nobody_that_grant_anything_of_ours_are_findings_but_for_those_that_ship() {
    let estate = Applied::new();
    let shipped = |name: &str| {
        std::fs::read_to_string(format!("{}/policies/acl/{name}.hcl", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let more = "aws \"team/aws\" {}\nauth \"machines\" {\n  type = \"approle\"\n}\n";
    estate.env.write("estate/more.hcl", more);
    estate.run(&["apply", "--auto-approve"], 0);
    // As they ship, for two mounts of AWS, and for a method of another name.
    let plan = shipped("plan");
    let of_two = plan.replacen(
        "# One block of this sort for each AppRole",
        "path \"team/aws/config/root\" {\n  capabilities = [\"read\"]\n}\n# One block of this sort for each AppRole",
        1,
    );
    let moved = shipped("apply").replace("\"aws/", "\"team/aws/").replace("sys/mounts/aws", "sys/mounts/team/aws");
    let moved = moved.replace("approle", "machines");
    let widened = plan.replace(
        "path \"aws/roles/*\" {\n  capabilities = [\"read\"]",
        "path \"aws/roles/*\" {\n  capabilities = [\"read\", \"update\"]",
    );
    assert!(widened != plan && of_two != plan);
    let one = |path: &str, can: &str| format!("path \"{path}\" {{\n  capabilities = [\"{can}\"]\n}}");
    for (name, rules, counts) in [
        ("as-shipped", plan.clone(), false),
        ("of-two", of_two, false),
        ("auditors", shipped("trail"), false),
        ("moved", moved.clone(), false),
        // Of a store of secrets it says something else.
        ("of-a-store", moved.replace("team/aws", "secret"), true),
        ("without-comments", plan.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n"), false),
        ("widened", widened, true),
        ("cut", one("sys/policies/acl/*", "update"), true),
        ("beyond", format!("{plan}\n{}", one("sys/raw/*", "read")), true),
        ("mounts", one("sys/mounts/+", "update"), true),
        ("seal", one("sys/seal", "sudo"), true),
        ("ledger", one("leasehold/data/*", "update"), true),
        ("any", one("+/data/x", "read"), true),
        ("elsewhere", one("secret/*", "read"), false),
        ("systems", one("system/*", "read"), false),
        ("denies", one("sys/*", "deny"), false),
    ] {
        estate.http.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
        let path = format!("sys/policies/acl/{name}");
        if counts {
            let json = estate.json(5);
            assert_eq!((foreign(&json), &json["not_ours"][0]["declared"]), (vec![&*path], &Value::Null), "{name}");
        } else {
            assert_eq!(foreign(&estate.json(0)), <[&str; 0]>::default(), "{name}");
        }
        estate.http.send("DELETE", &path, None);
    }
    // That they are known is said.
    estate.http.post("sys/policies/acl/ci-plan", &json!({ "policy": plan }));
    let text = estate.drift(0);
    let note = "Note: sys/policies/acl/ci-plan is not counted: it is policies/acl/plan.hcl, as it ships";
    assert!(text.contains(note), "{text}");
}

#[test]
fn what_a_plan_would_refuse_is_told_with_its_reason() {
    // What is protected.
    let estate = Applied::new();
    estate.edit("apps/backup.hcl", "role \"backup\" {", "role \"backup\" {\n    protect = true");
    estate.run(&["apply", "--auto-approve"], 0);
    std::fs::remove_file(estate.env.dir().join("estate/apps/backup.hcl")).unwrap();
    std::fs::remove_file(estate.env.dir().join("estate/tests.hcl")).unwrap();
    snapshot("drift_refused", &estate.drift(2));
    let json = estate.json(2);
    let reason = json["refusals"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("aws/roles/backup is protected"), "{json}");
    let markdown = estate.run(&["drift", "--format", "markdown"], 2).stdout;
    assert!(markdown.contains("**An apply of these files is refused**"), "{markdown}");
    // A commit that came before.
    let estate = Applied::new();
    let directory = estate.env.dir().join("estate");
    commit_all(&directory);
    estate.run(&["apply", "--auto-approve"], 0);
    estate.edit("iam/webapp.json", "example-webapp/*", "example-webapp*");
    commit_all(&directory);
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
    git(&directory, &["checkout", "-q", "HEAD~1"]);
    let text = estate.drift(2);
    for part in ["REFUSED", "which came before", "--allow-older", "An apply of these files is refused."] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("COMMITTED, NOT YET APPLIED"), "{text}");
    // Other files than the ledger's.
    estate.env.write(
        "other/estate.hcl",
        &format!(
            "environment \"prod\" {{\n  address = \"{}\"\n}}\npolicy \"other\" {{\n  path \"a/*\" {{\n    \
             capabilities = [\"read\"]\n  }}\n}}\n",
            estate.server.address
        ),
    );
    let other = estate.env.run(&["-C", "other", "drift"]);
    assert_eq!(other.code, 2, "{}", other.normal());
    assert!(other.stdout.contains("seems to belong to other files"), "{}", other.normal());
}

#[test]
fn what_another_estate_has_is_told_as_it_is() {
    let estate = Applied::new();
    let shared = "policy \"shared\" {\n  path \"a/*\" {\n    capabilities = [\"read\"]\n  }\n}\n";
    let address = &estate.server.address;
    let other = format!("environment \"prod\" {{\n  estate  = \"other\"\n  address = \"{address}\"\n}}\n{shared}");
    estate.env.write("other/estate.hcl", &other);
    let applied = estate.env.run(&["-C", "other", "apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    estate.env.write("estate/shared.hcl", shared);
    let owner = "sys/policies/acl/shared (the estate `other`, environment `prod`";
    let text = estate.drift(5);
    assert!(text.contains(&format!("declared here, and another owner has it: {owner})")), "{text}");
    // What is gone nobody has made, and the other means to have it all the same.
    estate.http.send("DELETE", "sys/policies/acl/shared", None);
    let text = estate.drift(2);
    assert!(
        text.contains(&format!("declared here, and another owner has it: {owner}; nothing is there now)")),
        "{text}"
    );
    let plan = estate.run(&["plan", "--adopt-from", "other.prod"], 2).stdout;
    assert!(plan.contains("declared here from now on") && !plan.contains("taken over"), "{plan}");
    // Whoever has nothing of it, or no ledger at all, is named.
    std::fs::remove_file(estate.env.dir().join("estate/shared.hcl")).unwrap();
    let plan = estate.run(&["plan", "--adopt-from", "other.prod"], 0).stdout;
    assert!(
        plan.contains("Note: nothing is taken over from other.prod: it has nothing that is declared here"),
        "{plan}"
    );
    let nobody = estate.run(&["plan", "--adopt-from", "nosuch"], 1).stderr;
    assert!(nobody.contains("nobody called `nosuch` has a ledger on this engine"), "{nobody}");
}

#[test]
fn the_words_about_adopting_except_root_keys() {
    let estate = Applied::new();
    for command in ["plan", "apply"] {
        let help = estate.env.ok(&[command, "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("root keys stay as the engine has them"), "{help}");
    }
    let key = json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "s" });
    estate.http.post("sys/mounts/keyed", &json!({ "type": "aws" }));
    estate.http.post("keyed/config/root", &key);
    estate.env.write("estate/keyed.hcl", "aws \"keyed\" {\n  max_retries = -1\n}\n");
    let plan = estate.run(&["plan"], 3).stdout;
    assert!(plan.contains("`--adopt` makes them ours and as declared, but for root keys, which stay"), "{plan}");
    estate.http.send("DELETE", "sys/mounts/keyed", None);
    std::fs::remove_file(estate.env.dir().join("estate/keyed.hcl")).unwrap();
    estate.http.post("aws/roles/by-hand", &json!({ "credential_type": "iam_user", "iam_groups": ["admins"] }));
    let role = "role \"by-hand\" {\n  mount      = \"aws\"\n  iam_groups = [\"admins\"]\n}\n";
    estate.env.write("estate/by-hand.hcl", role);
    let plan = estate.run(&["plan"], 3).stdout;
    assert!(plan.contains("`--adopt` makes them ours and as declared (`--adopt=PATTERN`"), "{plan}");
}

#[test]
fn json_can_be_asked_for_as_of_a_plan() {
    let estate = Applied::new();
    let json = |form: &[&str]| estate.run(&[&["drift"], form].concat(), 0).stdout;
    assert_eq!(json(&["--json"]), json(&["--format", "json"]));
}

/// Runs a nightly job; `open` is the number of the issue that is open.
fn run_job(estate: &Applied, parts: &[String], open: &str) -> (i32, String) {
    run_job_with(estate, parts, [("OPEN", open), ("KILLED", "")])
}

fn run_job_with(estate: &Applied, parts: &[String], more: [(&str, &str); 2]) -> (i32, String) {
    let namespace = estate.server.namespace.iter().map(|namespace| ("LEASEHOLD_NAMESPACE", namespace.as_str()));
    let own = [("ESTATE", "estate"), ("ENVIRONMENT", "prod"), ("LEASEHOLD_TOKEN", &*estate.server.token)];
    let variables: Vec<(&str, &str)> = own.into_iter().chain(more).chain(namespace).collect();
    let answers = "case \"$1\" in api) test -z \"$OPEN\" || echo \"$OPEN\" ;; esac";
    Runner::new(&estate.env, &variables, answers).run(estate.env.dir(), parts)
}

#[test]
fn the_nightly_jobs_do_what_they_say() {
    let estate = Applied::new();
    let github = ci::github(&ci::example("github-drift.yml")["jobs"]["drift"]);
    let gitlab = ci::gitlab(&ci::example("gitlab-drift.yml")["drift"]);
    // Nothing: no issue is open, or the open one is closed.
    assert_eq!(run_job(&estate, &gitlab, ""), (0, String::new()));
    let (code, asked) = run_job(&estate, &github, "");
    assert!(code == 0 && !asked.contains("gh issue"), "{asked}");
    let (code, asked) = run_job(&estate, &github, "7");
    assert!(code == 0 && asked.contains("gh issue close 7"), "{asked}");
    // Merged and not applied: nobody is called.
    estate.edit("engine.hcl", "\"1h\"", "\"30m\"");
    assert_eq!(run_job(&estate, &github, "").0, 0);
    assert_eq!(run_job(&estate, &gitlab, "").0, 0);
    // Changed behind our back: the job fails, after the issue is written.
    estate.widen_by_hand();
    assert_ne!(run_job(&estate, &gitlab, "").0, 0);
    let report = std::fs::read_to_string(estate.env.dir().join("drift.md")).unwrap();
    assert!(report.contains("Changed behind our back") && report.contains("aws/roles/webapp"), "{report}");
    let (code, asked) = run_job(&estate, &github, "");
    assert!(code != 0 && asked.contains("gh issue create --title Drift in prod --body-file drift.md"), "{asked}");
    let (code, asked) = run_job(&estate, &github, "7");
    assert!(code != 0 && asked.contains("gh issue edit 7 --body-file drift.md"), "{asked}");
    // Nor is a run that was killed.
    for parts in [&github, &gitlab] {
        let (code, asked) = run_job_with(&estate, parts, [("OPEN", "7"), ("KILLED", "yes")]);
        assert!(code != 0 && asked.is_empty(), "{asked}");
    }
    // An error is no finding.
    estate.env.write("estate/broken.hcl", "role {");
    let (code, asked) = run_job(&estate, &github, "7");
    assert!(code != 0 && asked.is_empty(), "{asked}");
}

/// The same three answers for code scanning and for what shows tests, each at its place.
#[test]
fn drift_is_told_to_ci_systems_in_their_forms() {
    let estate = Applied::new();
    let form = |form: &str, code: i32| estate.run(&["drift", "--format", form], code).stdout;
    let none = form("junit", 0);
    assert!(none.contains("tests=\"1\" failures=\"0\"") && none.contains("nothing drifted"), "{none}");
    let sarif: Value = serde_json::from_str(&form("sarif", 0)).unwrap();
    assert_eq!(sarif["runs"][0]["results"], json!([]));
    estate.edit("engine.hcl", "\"1h\"", "\"30m\"");
    estate.widen_by_hand();
    estate.http.post(
        "aws/roles/odd",
        &json!({"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}),
    );
    snapshot("drift_junit", &form("junit", 5));
    let sarif: Value = serde_json::from_str(&form("sarif", 5)).unwrap();
    let told: Vec<(&str, &str, &str)> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let text = result["message"]["text"].as_str().unwrap().lines().next().unwrap();
            (result["ruleId"].as_str().unwrap(), result["kind"].as_str().unwrap(), text)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("changed-behind-our-back", "fail", "aws/roles/webapp: the aws role was changed behind our back"),
            ("not-ours", "fail", "aws/roles/odd: the aws role is not ours"),
            ("not-yet-applied", "informational", "aws/config/lease: an apply would update the aws lease"),
        ]
    );
    let at = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert!(
        at["artifactLocation"]["uri"].as_str().unwrap().ends_with(".hcl")
            && at["region"]["startLine"].as_u64() > Some(0),
        "{at}"
    );
}

/// Above thirty findings it is one page; all of it is behind `--verbose`.
#[test]
fn much_drift_is_summed_up() {
    let applied = Applied::new();
    let role = |number: usize| {
        format!(
            "role \"r{number:03}\" {{\n  mount = \"aws\"\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}}\n"
        )
    };
    applied.env.write("estate/more.hcl", &(0..200).map(role).collect::<String>());
    applied.widen_by_hand();
    for number in 0..20 {
        let role = json!({"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]});
        applied.http.post(&format!("aws/roles/x{number:02}"), &role);
    }
    let page = applied.drift(5);
    snapshot("drift_summed_up", &page);
    assert!(applied.run(&["drift", "--verbose"], 5).stdout.lines().count() > 220);
    assert_eq!(applied.json(5)["pending"].as_array().unwrap().len(), 200);
}

#[test]
fn what_was_done_by_hand_after_a_write_without_an_answer_is_told() {
    let estate = Applied::new();
    let between = estate.server.part();
    estate.edit("iam/webapp.json", "example-webapp/*", "example-webapp-new/*");
    between.fault_after("PUT /v1/aws/roles/webapp", 0, Fault::Lost);
    estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    // What is there is what was there before: nobody did anything.
    let json = estate.json(2);
    assert_eq!((&json["summary"]["changed"], &json["summary"]["pending"]), (&json!(0), &json!(1)), "{json}");
    estate.widen_by_hand();
    let json = estate.json(5);
    let changed = &json["changed"][0];
    assert_eq!(json["summary"], json!({ "changed": 1, "pending": 1, "not_ours": 0 }));
    assert_eq!((&changed["path"], &changed["unsettled"]), (&json!("aws/roles/webapp"), &json!(true)));
    assert_eq!(json["access"]["gained"], true);
    snapshot("drift_unsettled", &estate.drift(5));
    // What was to be written is no change by hand, whoever wrote it: nothing tells.
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
}

#[test]
fn what_is_gone_after_a_write_without_an_answer_is_told() {
    let estate = Applied::new();
    let between = estate.server.part();
    estate.edit("iam/webapp.json", "example-webapp/*", "example-webapp-new/*");
    between.fault_after("PUT /v1/aws/roles/webapp", 0, Fault::Lost);
    estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    estate.http.send("DELETE", "aws/roles/webapp", None);
    let json = estate.json(5);
    assert_eq!((&json["changed"][0]["gone"], &json["changed"][0]["unsettled"]), (&json!(true), &json!(true)), "{json}");
}

impl Applied {
    /// An apply of which a write gets no answer.
    fn apply_without(&self, write: &str, fault: Fault) {
        let between = self.server.part();
        between.fault_after(write, 0, fault);
        self.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    }

    fn counted(&self, code: i32) -> Value {
        self.json(code)["summary"].clone()
    }
}

const ROLE: &str = "PUT /v1/aws/roles/webapp";

#[test]
fn what_was_done_by_hand_is_told_still_after_an_apply_that_could_not_undo_it() {
    let estate = Applied::new();
    estate.widen_by_hand();
    let told = json!({ "changed": 1, "pending": 0, "not_ours": 0 });
    assert_eq!(estate.counted(5), told);
    let unsettled = json!({ "changed": 1, "pending": 1, "not_ours": 0 });
    for _ in 0..2 {
        estate.apply_without(ROLE, Fault::Lost);
        assert_eq!(estate.counted(5), unsettled);
    }
    // What the first of two writes without an answer was to make is ours, whenever it is there.
    let role = estate.http.send("GET", "aws/roles/webapp", None).body["data"].clone();
    estate.run(&["apply", "--auto-approve"], 0);
    for (from, to) in [("example-webapp/*", "example-webapp-2/*"), ("example-webapp-2/*", "example-webapp-3/*")] {
        estate.edit("iam/webapp.json", from, to);
        estate.apply_without(ROLE, Fault::Lost);
    }
    let document = role["policy_document"].as_str().unwrap();
    assert!(document.contains("s3:*"), "{document}");
    let was = std::fs::read_to_string(estate.env.dir().join("estate/iam/webapp.json")).unwrap();
    for number in ["", "-2", "-3"] {
        let text = was.replace("example-webapp-3/*", &format!("example-webapp{number}/*"));
        let late = json!({ "credential_type": "iam_user", "policy_document": text });
        estate.http.post("aws/roles/webapp", &late);
        assert_eq!(estate.counted(2)["changed"], 0, "{number}");
    }
    estate.widen_by_hand();
    assert_eq!(estate.counted(5)["changed"], 1);
}

#[test]
fn what_was_done_by_hand_to_settings_after_a_write_without_an_answer_is_told() {
    let estate = Applied::new();
    estate.edit("engine.hcl", "\"eu-west-1\"", "\"eu-central-1\"");
    estate.apply_without("PUT /v1/aws/config/root", Fault::Lost);
    let root = estate.http.send("GET", "aws/config/root", None).body["data"].clone();
    assert_eq!(estate.counted(2)["changed"], 0);
    // A second one, and neither has arrived.
    estate.edit("engine.hcl", "\"eu-central-1\"", "\"eu-north-1\"");
    estate.apply_without("PUT /v1/aws/config/root", Fault::Lost);
    assert_eq!(estate.counted(2)["changed"], 0);
    let mut by_hand = root.clone();
    by_hand["sts_endpoint"] = json!("https://sts.example.com");
    estate.http.post("aws/config/root", &by_hand);
    assert_eq!(estate.json(5)["changed"][0]["path"], "aws/config/root");
}

#[test]
fn nobody_is_blamed_however_many_writes_were_lost() {
    let estate = Applied::new();
    let between = estate.server.part();
    between.fault_after(ROLE, 0, Fault::Lost);
    for write in 0..10 {
        let now =
            |write: usize| format!("example-webapp{}/*", if write == 0 { String::new() } else { format!("-{write}") });
        estate.edit("iam/webapp.json", &now(write), &now(write + 1));
        estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    }
    assert_eq!(estate.counted(2)["changed"], 0);
}

#[test]
fn a_member_goes_only_once_its_group_has_let_it_go() {
    let estate = Applied::new();
    let people = |name: &str| format!("user \"{name}\" {{}}\ngroup \"ops\" {{\n  members = [\"{name}\"]\n}}\n");
    estate.env.write("estate/people.hcl", &people("ann"));
    estate.run(&["apply", "--auto-approve"], 0);
    estate.env.write("estate/people.hcl", &people("ben"));
    estate.apply_without("PUT /v1/identity/entity/name/ben", Fault::Refused(403));
    // The group has nobody new, so it keeps whom it had, and who that is stays.
    assert_eq!(estate.counted(2), json!({ "changed": 0, "pending": 3, "not_ours": 0 }));
    assert_eq!(estate.http.send("GET", "identity/entity/name/ann", None).status, 200);
    estate.run(&["apply", "--auto-approve"], 0);
    estate.drift(0);
    assert_eq!(estate.http.send("GET", "identity/entity/name/ann", None).status, 404);
}

/// Objects that are made by two calls, of which the second does not arrive.
#[test]
fn what_is_half_made_is_ours_and_the_next_apply_makes_the_rest() {
    for fault in [Fault::Refused(500), Fault::Lost] {
        let estate = Applied::new();
        let halves = [
            ("auth \"apps\" {\n  type = \"approle\"\n  token_type = \"service\"\n}\n", "PUT /v1/sys/auth/apps/tune"),
            ("aws \"seen\" {\n  listing_visibility = \"unauth\"\n}\n", "PUT /v1/sys/mounts/seen/tune"),
            ("user \"ann\" {\n  aliases = { approle = \"ann\" }\n}\n", "PUT /v1/identity/entity-alias"),
            ("group \"ops\" {\n  alias = { approle = \"ops\" }\n}\n", "PUT /v1/identity/group-alias"),
        ];
        for (declaration, second) in halves {
            estate.env.write("estate/half.hcl", declaration);
            estate.apply_without(second, fault);
            assert_eq!(estate.counted(2), json!({ "changed": 0, "pending": 1, "not_ours": 0 }), "{declaration}");
            estate.run(&["apply", "--auto-approve"], 0);
            estate.drift(0);
        }
        // What is not declared any more goes, half made as it is.
        let (declaration, second) =
            ("aws \"gone\" {\n  listing_visibility = \"unauth\"\n}\n", "PUT /v1/sys/mounts/gone/tune");
        estate.env.write("estate/half.hcl", declaration);
        estate.apply_without(second, fault);
        std::fs::remove_file(estate.env.dir().join("estate/half.hcl")).unwrap();
        estate.run(&["apply", "--auto-approve"], 0);
        estate.drift(0);
        assert_eq!(estate.http.send("GET", "sys/mounts/gone", None).status, 400);
    }
}

#[test]
fn what_somebody_took_away_is_told_still_after_an_apply_that_could_not_put_it_back() {
    let estate = Applied::new();
    estate.http.send("DELETE", "aws/roles/webapp", None);
    assert_eq!(estate.counted(5)["changed"], 1);
    for _ in 0..2 {
        estate.apply_without(ROLE, Fault::Lost);
        let json = estate.json(5);
        assert_eq!(
            (&json["changed"][0]["gone"], &json["changed"][0]["unsettled"]),
            (&json!(true), &json!(true)),
            "{json}"
        );
    }
    estate.apply_without(ROLE, Fault::Unanswered);
    assert_eq!(estate.counted(2)["changed"], 0);
    // What nobody ever saw there is not gone.
    let role = "role \"new\" {\n  mount = \"aws\"\n  iam_groups = [\"g\"]\n}\n";
    estate.env.write("estate/new.hcl", role);
    estate.apply_without("PUT /v1/aws/roles/new", Fault::Lost);
    estate.apply_without("PUT /v1/aws/roles/new", Fault::Lost);
    assert_eq!(estate.counted(2)["changed"], 0);
}

#[test]
fn what_somebody_puts_back_before_a_write_is_read_again_is_told() {
    let estate = Applied::new();
    estate.widen_by_hand();
    let wide = estate.http.send("GET", "aws/roles/webapp", None).body["data"].clone();
    let between = estate.server.part();
    between.overtake(ROLE, ROLE, &wide);
    let output = estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    assert!(output.stderr.contains("written, but the engine holds"), "{}", output.stderr);
    let json = estate.json(5);
    assert_eq!(json["changed"][0]["path"], "aws/roles/webapp", "{json}");
    assert_eq!(json["access"]["gained"], true);
}

#[test]
fn what_was_to_be_deleted_and_was_changed_by_hand_is_not_ours() {
    let estate = Applied::new();
    std::fs::remove_file(estate.env.dir().join("estate/apps/webapp.hcl")).unwrap();
    std::fs::remove_file(estate.env.dir().join("estate/tests.hcl")).unwrap();
    estate.apply_without("DELETE /v1/aws/roles/webapp", Fault::Lost);
    assert_eq!(estate.counted(2)["not_ours"], 0);
    estate.widen_by_hand();
    assert!(foreign(&estate.json(5)).contains(&"aws/roles/webapp"));
    estate.run(&["apply", "--auto-approve"], 0);
    assert_eq!(foreign(&estate.json(5)), ["aws/roles/webapp"]);
}
