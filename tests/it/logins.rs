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
