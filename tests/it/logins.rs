//! Logins that were there before the estate: declared by their own names, they keep their role ids and secret ids.

use serde_json::{Value, json};

use crate::env::{Output, Server, TestEnv};
use crate::http::Http;

struct Estate {
    env: TestEnv,
    http: Http,
    _server: Server,
}

impl Estate {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        env.write(
            "estate/environments.hcl",
            &format!("environment \"prod\" {{\n  address = \"{}\"\n}}\n", server.address),
        );
        env.set("LEASEHOLD_TOKEN", token.clone());
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        Self { env, http, _server: server }
    }

    /// Declares an app `web` that logs in so.
    fn declare(&self, login: &str) {
        let text = format!(
            "aws \"aws\" {{}}\nauth \"approle\" {{}}\napp \"web\" {{\n  role \"web\" {{\n    iam_groups = [\"g\"]\n  }}\n  \
             login \"approle\" {{\n    {login}\n  }}\n}}\n"
        );
        self.env.write("estate/estate.hcl", &text);
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    fn role_id(&self, name: &str) -> Value {
        self.http.get(&format!("auth/approle/role/{name}/role-id"))["data"]["role_id"].clone()
    }
}

#[test]
fn a_login_that_exists_is_adopted_under_its_own_name() {
    let estate = Estate::new();
    estate.http.post("sys/auth/approle", &json!({ "type": "approle" }));
    estate.http.post("auth/approle/role/legacy.web", &json!({ "token_policies": ["old"], "token_ttl": 600 }));
    let role_id = estate.role_id("legacy.web");
    let made = estate.http.post("auth/approle/role/legacy.web/secret-id", &json!({}));
    let pair = json!({ "role_id": role_id, "secret_id": made["data"]["secret_id"] });
    estate.declare("name = \"legacy.web\"\n    token_ttl = \"20m\"");
    let plan = estate.run(&["plan", "--adopt"], 2).stdout;
    assert!(
        plan.contains("= approle role auth/approle/role/legacy.web") && !plan.contains("app-web  (login"),
        "{plan}"
    );
    estate.run(&["apply", "--auto-approve", "--adopt"], 0);
    estate.run(&["plan"], 0);
    assert_eq!(estate.role_id("legacy.web"), role_id);
    let login = estate.http.post("auth/approle/login", &pair);
    assert_eq!(login["auth"]["token_policies"], json!(["app-web", "default"]), "{login}");
    estate.declare("name = \"Legacy\"");
    let refused = estate.run(&["validate"], 1);
    assert!(refused.stderr.contains("`Legacy` can't be the name of a login"), "{}", refused.normal());
}

#[test]
fn a_role_id_that_is_no_longer_declared_stays_and_that_is_told() {
    let estate = Estate::new();
    estate.declare("role_id = \"web-of-old\"");
    estate.run(&["apply", "--auto-approve"], 0);
    assert_eq!(estate.role_id("app-web"), "web-of-old");
    estate.declare("");
    let plan = estate.run(&["plan"], 0).stdout;
    let note = "Note: auth/approle/role/app-web (estate.hcl:7) keeps its role_id: it is no longer declared";
    assert!(plan.contains(note) && plan.contains("No changes."), "{plan}");
    // An apply takes note of it, and it is told no more.
    estate.run(&["apply", "--auto-approve"], 0);
    let plan = estate.run(&["plan"], 0).stdout;
    assert!(!plan.contains("role_id"), "{plan}");
    assert_eq!(estate.role_id("app-web"), "web-of-old");
}

#[test]
fn a_role_id_that_was_changed_by_hand_is_seen_by_who_may_and_the_rest_are_told() {
    let mut estate = Estate::new();
    estate.declare("role_id = \"web-of-old\"");
    estate.run(&["apply", "--auto-approve"], 0);
    estate.run(&["drift"], 0);
    let by_hand = || estate.http.post("auth/approle/role/app-web/role-id", &json!({ "role_id": "by-hand" }));
    by_hand();
    let policy = |name: &str, rules: &str| {
        estate.http.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
        let made = estate.http.post("auth/token/create", &json!({ "policies": [name], "no_default_policy": true }));
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    };
    let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/acl/plan.hcl")).unwrap();
    let narrow = shipped.replace("auth/approle/role/+/role-id", "auth/approle/role/+/nothing");
    let (shipped, narrow) = (policy("ci-plan", &shipped), policy("narrow", &narrow));
    let root = estate.env.variable("LEASEHOLD_TOKEN").to_owned();
    for token in [&root, &shipped] {
        estate.env.set("LEASEHOLD_TOKEN", token);
        let plan = estate.run(&["plan"], 2).stdout;
        assert!(plan.contains("role_id: \"by-hand\" -> \"web-of-old\""), "{plan}");
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains("role_id: \"web-of-old\" -> \"by-hand\""), "{drift}");
        assert!(drift.contains("1 changed behind our back, 0 committed and not yet applied"), "{drift}");
    }
    estate.env.set("LEASEHOLD_TOKEN", narrow);
    let note = "not checked: role_id of auth/approle/role/app-web (estate.hcl:7), since this token may not read \
                auth/approle/role/app-web/role-id";
    let plan = estate.run(&["plan"], 0).stdout;
    assert!(plan.contains(note), "{plan}");
    assert!(estate.env.run(&["-C", "estate", "drift"]).stdout.contains(note));
    // What the files change is seen all the same.
    estate.declare("role_id = \"web-of-new\"");
    let plan = estate.run(&["plan"], 2).stdout;
    estate.http.send("DELETE", "sys/policies/acl/narrow", None);
    assert!(plan.contains("role_id: (sensitive) -> \"web-of-new\""), "{plan}");
    estate.env.set("LEASEHOLD_TOKEN", root);
    estate.declare("role_id = \"web-of-old\"");
    estate.run(&["apply", "--auto-approve"], 0);
    assert_eq!(estate.role_id("app-web"), "web-of-old");
    estate.run(&["plan"], 0);
    // Only the files changed it; then both did.
    estate.declare("role_id = \"web-of-new\"");
    let drift = estate.run(&["drift"], 2).stdout;
    assert!(drift.contains("0 changed behind our back, 1 committed and not yet applied"), "{drift}");
    estate.http.post("auth/approle/role/app-web/role-id", &json!({ "role_id": "by-hand" }));
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains("1 changed behind our back, 1 committed and not yet applied"), "{drift}");
    estate.run(&["apply", "--auto-approve"], 0);
    assert_eq!(estate.role_id("app-web"), "web-of-new");
    estate.run(&["drift"], 0);
}
