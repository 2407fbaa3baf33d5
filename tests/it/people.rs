//! Users and groups of an estate: named in files and plans, and known to the engine by ids of its own.

use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::{Output, Server, TestEnv};
use crate::http::Http;

struct Estate {
    env: TestEnv,
    http: Http,
    _server: Server,
}

const HEAD: &str = r#"auth "people" {
  type = "userpass"
}
policy "readers" {
  path "secret/*" {
    capabilities = ["read"]
  }
}
"#;

impl Estate {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        env.write(
            "estate/environments.hcl",
            &format!("environment \"prod\" {{\n  address = \"{}\"\n  secrets = [\"env:*\"]\n}}\n", server.address),
        );
        env.set("LEASEHOLD_TOKEN", token.clone());
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        Self { env, http, _server: server }
    }

    fn declare(&self, text: &str) {
        self.env.write("estate/estate.hcl", &format!("{HEAD}{text}"));
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    #[track_caller]
    fn apply(&self) -> String {
        let applied = self.run(&["apply", "--auto-approve"], 0).stdout;
        self.run(&["plan"], 0);
        applied
    }

    /// What a login of somebody answers, who has the name for a password.
    fn login(&self, name: &str) -> Value {
        self.http.post(&format!("auth/people/login/{name}"), &json!({ "password": name }))["auth"].clone()
    }

    fn make_user(&self, name: &str) {
        self.http.post(&format!("auth/people/users/{name}"), &json!({ "password": name }));
    }

    fn id(&self, path: &str) -> Value {
        self.http.get(path)["data"]["id"].clone()
    }
}

#[test]
fn who_logged_in_before_becomes_the_declared_user_and_has_the_policies_of_the_group() {
    let estate = Estate::new();
    estate.declare("");
    estate.apply();
    estate.make_user("ann");
    let before = estate.login("ann");
    assert_eq!(before["identity_policies"], Value::Null, "{before}");
    estate.declare(
        r#"user "ann" {
  metadata = { team = "web" }
  aliases  = { people = "ann" }
}
group "all" {
  groups   = ["dev"]
  policies = ["default"]
}
group "dev" {
  members  = ["ann"]
  policies = ["readers"]
}
"#,
    );
    let plan = estate.run(&["plan"], 2).stdout;
    let at = |text: &str| plan.find(text).unwrap_or_else(|| panic!("{text} is not in {plan}"));
    // Members before what they are in.
    assert!(at("+ entity identity/entity/name/ann") < at("+ group identity/group/name/dev"));
    assert!(at("+ group identity/group/name/dev") < at("+ group identity/group/name/all"));
    for said in [
        "aliases = {people = \"ann\"}",
        "members = [\"ann\"]",
        "whoever logged in by one of its aliases before is it from now on",
        "in dev from now on: ann; who is in it has the policies readers, and those of the groups that it is in",
        "in all from now on: who is in dev",
    ] {
        at(said);
    }
    estate.apply();
    let after = estate.login("ann");
    assert_eq!(after["entity_id"], estate.id("identity/entity/name/ann"));
    assert_ne!(after["entity_id"], before["entity_id"]);
    assert_eq!(after["identity_policies"], json!(["default", "readers"]), "{after}");
    // Out of it again, and the group that had it goes before it does.
    estate.declare("");
    let plan = estate.apply();
    let at = |text: &str| plan.find(text).unwrap_or_else(|| panic!("{text} is not in {plan}"));
    assert!(at("- group identity/group/name/all") < at("- group identity/group/name/dev"), "{plan}");
    assert_eq!(estate.http.send("GET", "identity/entity/name/ann", None).status, 404);
}

#[test]
fn what_was_done_by_hand_is_told_by_names_and_undone() {
    let estate = Estate::new();
    estate.declare(
        r#"user "ann" {
  aliases = { people = "ann" }
}
group "dev" {
  members = ["ann"]
}
"#,
    );
    estate.apply();
    estate.http.post("identity/entity/name/bob", &json!({}));
    let (ann, bob) = (estate.id("identity/entity/name/ann"), estate.id("identity/entity/name/bob"));
    let by_hand = json!({ "member_entity_ids": [ann, bob], "policies": ["readers"] });
    estate.http.post("identity/group/name/dev", &by_hand);
    let alias = &estate.http.get("identity/entity/name/ann")["data"]["aliases"][0]["id"].clone();
    estate.http.post(&format!("identity/entity-alias/id/{}", alias.as_str().unwrap()), &json!({ "name": "zoe" }));
    let drift = estate.run(&["drift"], 5).stdout;
    for said in ["+ \"bob\"", "+ \"readers\"", "aliases: {people = \"ann\"} -> {people = \"zoe\"}"] {
        assert!(drift.contains(said), "{said}: {drift}");
    }
    for id in [&ann, &bob] {
        assert!(!drift.contains(id.as_str().unwrap()), "{drift}");
    }
    // Another's user is no business of ours.
    assert!(drift.contains("2 changed behind our back, 0 committed and not yet applied, 0 not ours"), "{drift}");
    estate.apply();
    assert_eq!(estate.http.get("identity/group/name/dev")["data"]["member_entity_ids"], json!([ann]));
    assert_eq!(estate.http.get("identity/entity/name/ann")["data"]["aliases"][0]["name"], "ann");
}

#[test]
fn who_is_named_and_gone_when_the_plan_is_applied_is_told_and_the_next_apply_goes_on() {
    let estate = Estate::new();
    let users = "user \"ann\" {\n}\ngroup \"dev\" {\n  members = [MEMBERS]\n}\n";
    estate.declare(&users.replace("MEMBERS", ""));
    estate.apply();
    estate.declare(&users.replace("MEMBERS", "\"ann\""));
    let between = Between::start(&format!("http://{}", estate.http.address));
    let declared = format!("environment \"prod\" {{\n  address = \"{}\"\n}}\n", between.address);
    estate.env.write("estate/environments.hcl", &declared);
    // It is there for the plan.
    between.fault_after("GET /v1/identity/entity/name/ann", 1, Fault::Refused(404));
    let refused = estate.run(&["apply", "--auto-approve"], 1);
    let said = "it names identity/entity/name/ann, and the engine has none, or does not tell its id";
    assert!(refused.normal().contains(said), "{}", refused.normal());
    between.heal();
    estate.apply();
    assert_eq!(
        estate.http.get("identity/group/name/dev")["data"]["member_entity_ids"],
        json!([estate.id("identity/entity/name/ann")])
    );
}

#[test]
fn a_group_that_a_method_fills_keeps_whom_it_put_there() {
    let estate = Estate::new();
    let declared = "group \"admins\" {\n  alias = { people = \"NAME\" }\n  policies = [\"readers\"]\n}\n";
    estate.declare(&declared.replace("NAME", "cn=admins"));
    let plan = estate.run(&["plan"], 2).stdout;
    assert!(plan.contains("type = \"external\"") && plan.contains("whom people says to be in cn=admins"), "{plan}");
    estate.apply();
    let before = estate.http.get("identity/group/name/admins")["data"].clone();
    assert_eq!((&before["type"], &before["alias"]["name"]), (&json!("external"), &json!("cn=admins")));
    estate.declare(&declared.replace("NAME", "cn=operators"));
    let plan = estate.run(&["plan"], 2).stdout;
    assert!(plan.contains("alias: {people = \"cn=admins\"} -> {people = \"cn=operators\"}"), "{plan}");
    estate.apply();
    let after = estate.http.get("identity/group/name/admins")["data"].clone();
    assert_eq!((&after["id"], &after["alias"]["name"]), (&before["id"], &json!("cn=operators")));
    // What it is can't be changed.
    estate.declare("group \"admins\" {\n  policies = [\"readers\"]\n}\n");
    let refused = estate.run(&["plan"], 3);
    assert!(refused.normal().contains("type can't be changed once it exists"), "{}", refused.normal());
}

#[test]
fn a_login_of_people_is_declared_changed_and_found_as_any_login() {
    let mut estate = Estate::new();
    estate.env.set("ANN", "for-ann");
    let login = |more: &str| format!("login \"people\" \"ann\" {{\n  password = \"secret:env:ANN\"\n  {more}\n}}\n");
    let who = "user \"ann\" {\n  aliases = { people = \"ann\" }\n  policies = [\"default\"]\n}\n";
    estate.declare(&(who.to_owned() + &login("policies = [\"readers\"]")));
    // Another file has another one at the same method.
    estate.env.write("estate/bob.yaml", "login:\n  people:\n    bob: {password: 'secret:env:ANN', token_ttl: 10m}\n");
    let plan = estate.run(&["plan"], 2).stdout;
    for said in [
        "+ userpass user auth/people/users/ann",
        "login auth/people/users/ann",
        "may log in by name and password at auth/people",
        "with the policies readers and default, and those of who logs in",
        "login auth/people/users/bob",
    ] {
        assert!(plan.contains(said), "{said}: {plan}");
    }
    estate.apply();
    let log_in = |password: &str| {
        let asked = json!({ "password": password });
        estate.http.send("POST", "auth/people/login/ann", Some(&asked)).body["auth"].clone()
    };
    let token = log_in("for-ann");
    assert_eq!(
        (&token["token_policies"], &token["identity_policies"]),
        (&json!(["default", "readers"]), &json!(["default"])),
        "{token}"
    );
    assert_eq!(token["entity_id"], estate.id("identity/entity/name/ann"));
    estate.http.post("auth/people/users/ann", &json!({ "token_policies": ["readers", "root-like"] }));
    let drift = estate.run(&["drift"], 5).stdout;
    let said = "its tokens have the policies root-like, which are not declared";
    assert!(drift.contains("+ \"root-like\"") && drift.contains(said), "{drift}");
    estate.apply();
    estate.run(&["drift"], 0);
    // In an environment something is otherwise, and what is not there can't be.
    let environment = |name: &str| {
        let over = format!("login \"people\" \"{name}\" {{\n      token_ttl = \"7m\"\n    }}");
        let address = format!("http://{}", estate.http.address);
        let head = format!("environment \"prod\" {{\n  address = \"{address}\"\n  override {{\n    {over}\n  }}\n}}\n");
        estate.env.write("estate/environments.hcl", &head);
    };
    environment("ann");
    assert!(estate.run(&["plan"], 2).stdout.contains("token_ttl: 0s -> 7m"));
    environment("anne");
    let refused = estate.run(&["plan"], 1);
    assert!(refused.stderr.contains("this override matches nothing: no login `anne`"), "{}", refused.stderr);
}

#[test]
fn what_is_wrong_with_a_login_of_people_is_told_where_it_stands() {
    let env = TestEnv::new();
    for (text, said) in [
        ("login \"people\" {\n password = \"secret:env:A\"\n}", "needs a second label: its name"),
        ("login \"people\" {\n}", "needs a second label: its name"),
        ("login \"people\" \"ann\" {\n}", "needs a password"),
        ("login \"people\" \"Ann\" {\n password = \"secret:env:A\"\n}", "`Ann` can't be the name of a login"),
        ("login \"peple\" \"ann\" {\n password = \"secret:env:A\"\n}", "did you mean `people`?"),
        ("login \"people\" \"ann\" {\n password = \"secret:env:A\"\n name = \"x\"\n}", "has no key `name`"),
        ("login \"people\" \"ann\" {\n password = \"secret:env:A\"\n policies = [\"reader\"]\n}", "`readers`?"),
        ("login \"people\" \"ann\" {\n password = \"open\"\n}", "secret:env"),
        (
            "login \"people\" \"ann\" {\n password = \"secret:env:A\"\n}\napp \"x\" {\n policies = []\n login \"people\" {\n \
             name = \"ann\"\n password = \"secret:env:A\"\n }\n}",
            "both make auth/people/users/ann",
        ),
    ] {
        env.write("estate/estate.hcl", &format!("environment \"l\" {{\n engine = \"embedded\"\n}}\n{HEAD}{text}\n"));
        let output = env.run(&["validate", "-C", "estate"]);
        let all = output.stdout.clone() + &output.stderr;
        assert!(output.code == 1 && all.contains(said), "{text}\n{said}\n{all}");
    }
    env.write("estate/estate.hcl", &format!("environment \"l\" {{\n engine = \"embedded\"\n}}\n{HEAD}"));
    for file in ["a", "b"] {
        env.write(&format!("estate/{file}.yaml"), "login:\n  people:\n    ann: {password: 'secret:env:A'}\n");
    }
    let twice = env.run(&["validate", "-C", "estate"]);
    assert!(twice.stderr.contains("login \"people\" \"ann\" is declared twice"), "{}", twice.stderr);
}

#[test]
fn the_policies_that_ship_suffice() {
    let mut estate = Estate::new();
    estate.declare("");
    estate.apply();
    let token = |name: &str| {
        let file = format!("{}/policies/acl/{name}.hcl", env!("CARGO_MANIFEST_DIR"));
        // As they are made one's own.
        let rules = std::fs::read_to_string(file).unwrap().replace("approle", "people");
        estate.http.post(&format!("sys/policies/acl/ci-{name}"), &json!({ "policy": rules }));
        let asked = json!({ "policies": [format!("ci-{name}")], "no_default_policy": true });
        estate.http.post("auth/token/create", &asked)["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let (plan, apply) = (token("plan"), token("apply"));
    let declared = r#"user "ann" {
  aliases = { people = "NAME" }
}
group "dev" {
  members = ["ann"]
}
group "admins" {
  alias = { people = "NAME" }
}
"#;
    for name in ["one", "two"] {
        estate.declare(&declared.replace("NAME", name));
        estate.env.set("LEASEHOLD_TOKEN", &plan);
        estate.run(&["plan"], 2);
        estate.env.set("LEASEHOLD_TOKEN", &apply);
        estate.apply();
    }
    estate.declare("");
    estate.apply();
}

#[test]
fn a_group_may_have_what_follows_from_an_app() {
    let estate = Estate::new();
    let app = r#"aws "aws" {
}
app "web" {
  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }
}
"#;
    let people = r#"login "people" "ann" {
  password = "secret:env:PASSWORD"
}
user "ann" {
  aliases = { people = "ann" }
}
group "web" {
  policies = ["app-web"]
  members  = ["ann"]
}
"#;
    let mut estate = estate;
    estate.env.set("PASSWORD", "ann");
    estate.declare(&format!("{app}{people}"));
    let plan = estate.run(&["plan"], 2).stdout;
    assert!(plan.contains("the policies of its tokens let it read the role's credentials now"), "{plan}");
    estate.apply();
    let token = estate.login("ann")["client_token"].as_str().unwrap().to_owned();
    let ann = Http { address: estate.http.address.clone(), token };
    assert_eq!(ann.try_send("GET", "aws/creds/web", None).unwrap().status, 200);
    // It follows from an app, so it goes with it.
    estate.declare(people);
    let refused = estate.run(&["validate"], 1);
    assert!(refused.normal().contains("the policy `app-web` is not declared"), "{}", refused.normal());
}

#[test]
fn what_is_wrong_with_people_is_told_where_it_stands() {
    let env = TestEnv::new();
    for (text, said) in [
        ("group \"g\" {\n members = [\"bob\"]\n}", "the user `bob` is not declared"),
        ("user \"bobby\" {\n}\ngroup \"g\" {\n members = [\"boby\"]\n}", "did you mean `bobby`?"),
        ("group \"g\" {\n groups = [\"h\"]\n}", "the group `h` is not declared"),
        ("group \"g\" {\n groups = [\"g\"]\n}", "the group `g` is within itself: g, g"),
        (
            "group \"a\" {\n groups = [\"b\"]\n}\ngroup \"b\" {\n groups = [\"c\"]\n}\ngroup \"c\" {\n groups = [\"b\"]\n}",
            "the group `b` is within itself: b, c, b",
        ),
        ("group \"g\" {\n alias = { people = \"x\" }\n members = [\"u\"]\n}\nuser \"u\" {\n}", "no `members`"),
        ("group \"g\" {\n alias = {}\n}", "has an alias at one auth method"),
        ("group \"g\" {\n alias = { peple = \"x\" }\n}", "the auth method `peple` is not declared"),
        ("user \"u\" {\n aliases = { people = \" x\" }\n}", "no blanks around it"),
        ("user \"u\" {\n aliases = [\"x\"]\n}", "expected a map"),
        ("user \"u\" {\n policies = [\"reader\"]\n}", "did you mean `readers`?"),
        ("user \"u\" {\n policies = [\"root\"]\n}", "nobody gets the policy root"),
        ("user \"Ann\" {\n}", "`Ann` can't be a name here"),
        ("group \"a b\" {\n}", "`a b` can't be a name here"),
        ("user \"u\" {\n metadata = { \"team name\" = \"x\" }\n}", "metadata can't be called \"team name\""),
        ("user \"u\" {\n metadata = { \"\" = \"x\" }\n}", "metadata can't be called \"\""),
        ("group \"g\" {\n metadata = { \"a.b\" = \"x\" }\n}", "metadata can't be called \"a.b\""),
        (&*format!("group \"g\" {{\n metadata = {{ a = \"{}\" }}\n}}", "x".repeat(513)), "longer than the 512 bytes"),
    ] {
        env.write("estate/estate.hcl", &format!("environment \"l\" {{\n engine = \"embedded\"\n}}\n{HEAD}{text}\n"));
        let output = env.run(&["validate", "-C", "estate"]);
        let all = output.stdout.clone() + &output.stderr;
        assert!(output.code == 1 && all.contains(said), "{text}\n{said}\n{all}");
    }
    let yaml = "user:\n  ann@example.com: {aliases: {people: ann}}\ngroup:\n  dev: {members: [ann@example.com]}\n";
    env.write("estate/estate.hcl", &format!("environment \"l\" {{\n engine = \"embedded\"\n}}\n{HEAD}"));
    env.write("estate/more.yaml", yaml);
    env.ok(&["validate", "-C", "estate"]);
}

/// What people may do in AWS follows from their policies and groups, told in a plan as in the review of its commits.
#[test]
fn a_plan_and_the_review_of_its_commits_agree_on_what_people_may_do() {
    let estate = Estate::new();
    let role = r#"aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}
role "logs" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::logs/*"]
  }
}
policy "operators" {
  path "aws/creds/{{identity.entity.metadata.team}}" {
    capabilities = ["read"]
  }
}
user "ann" {
  metadata = { team = "logs" }
  aliases  = { people = "ann" }
}
user "bob" {
  metadata = { team = "none" }
}
"#;
    let group = |members: &str| format!("group \"ops\" {{\n  policies = [\"operators\"]\n  members  = {members}\n}}\n");
    estate.declare(&format!("{role}{}", group("[\"bob\"]")));
    let git = |arguments: &[&str]| {
        let directory = estate.env.dir().join("estate");
        let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
        let status = std::process::Command::new("git").arg("-C").arg(directory).args(who).args(arguments).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "before"]);
    estate.apply();
    estate.declare(&format!("{role}{}", group("[\"ann\", \"bob\"]")));
    git(&["commit", "-qam", "after"]);
    let review = estate.run(&["review", "HEAD~1..HEAD", "--format", "json"], 2);
    let plan = estate.run(&["plan", "--format", "json"], 2);
    let [review, plan] = [review, plan].map(|output| serde_json::from_str::<Value>(&output.stdout).unwrap());
    let (review, plan) = (&review["environments"][0], &plan["review"]);
    assert_eq!(review["digest"], plan["digest"], "{review:#} {plan:#}");
    for side in [review, plan] {
        let subjects: Vec<&Value> = side["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["kind"] == "access-gained")
            .map(|finding| &finding["subject"])
            .collect();
        assert_eq!(subjects, [&json!({"type": "user", "name": "identity/entity/name/ann"})]);
    }
    estate.apply();
    // And it is so: the engine lets her read them now.
    estate.make_user("ann");
    let ann = estate.login("ann")["client_token"].as_str().unwrap().to_owned();
    let of = |role: &str| estate.http.with_token(&ann).send("GET", &format!("aws/creds/{role}"), None).status;
    assert_eq!((of("logs"), of("none")), (200, 403));
    // A guardrail that names her is about what she may read.
    let about = |who: &str| {
        let deny = format!(
            "guardrail \"no-logs\" {{\n  apps = [\"{who}\"]\n  deny {{\n    actions = [\"s3:GetObject\"]\n  }}\n}}\n"
        );
        estate.declare(&format!("{role}{}{deny}", group("[\"ann\", \"bob\"]")));
        estate.env.run(&["-C", "estate", "validate", "--all"])
    };
    for (who, code) in [("identity/entity/name/ann", 3), ("identity/entity/name/bob", 0)] {
        let judged = about(who);
        assert_eq!(judged.code, code, "{who}: {}", judged.normal());
    }
}
