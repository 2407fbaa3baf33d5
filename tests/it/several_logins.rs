//! An app with several logins: the one is used for which everything is at hand, or the one that is named.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::env::{Output, Server, TestEnv};
use crate::issuer::signed;

/// A server, and an estate for it whose app has two logins, of which the first written is by a signed token.
struct World {
    env: TestEnv,
    root: String,
    jwt: String,
    _server: Server,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let root = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "sub": "web", "iss": "https://issuer.example", "aud": "https://engine.example", "iat": now, "nbf": now,
            "exp": now + 86_400,
        });
        let made = signed(&[("k", "ES256")], &[json!({ "key": "k", "claims": claims })]);
        let estate = format!(
            r#"
environment "prod" {{
  address = "{}"
}}

aws "aws" {{}}
auth "approle" {{}}
auth "jwt" {{
  config {{
    jwt_validation_pubkeys = [{:?}]
    bound_issuer           = "https://issuer.example"
  }}
}}

app "web" {{
  role "web" {{
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }}
  login "jwt" {{
    bound_audiences = ["https://engine.example"]
    bound_subject   = "web"
  }}
  login "approle" {{}}
}}
"#,
            server.address,
            made.pem("k"),
        );
        let file = env.write("estate/estate.hcl", &estate);
        env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string()).set("LEASEHOLD_TOKEN", &root);
        env.ok(&["apply", "--auto-approve"]);
        Self { env, root, jwt: made.token(0).to_owned(), _server: server }
    }

    /// The app's own ids.
    fn ids(&mut self) -> (String, String) {
        self.env.set("LEASEHOLD_TOKEN", &self.root);
        let at = "auth/approle/role/app-web";
        let role_id = self.env.ok(&["read", "-field=role_id", &format!("{at}/role-id")]);
        (role_id, self.env.ok(&["write", "-f", "-field=secret_id", &format!("{at}/secret-id")]))
    }

    #[track_caller]
    fn gets_one(&self, more: &[&str]) {
        let key = self.env.ok(&[&["creds", "web", "-field=access_key"], more].concat());
        assert!(key.starts_with("AKIA"), "{key}");
    }

    #[track_caller]
    fn refused(&self, more: &[&str], code: i32, told: &[&str]) -> Output {
        let output = self.env.run(&[&["creds", "web"], more].concat());
        assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{}", output.normal());
        for part in told {
            assert!(output.stderr.contains(part), "{part}: {}", output.normal());
        }
        output
    }
}

const JWT: &str = "jwt at auth/jwt as app-web";
const APPROLE: &str = "approle at auth/approle as app-web";

#[test]
fn the_login_is_used_for_which_everything_is_at_hand() {
    let mut world = World::new();
    // Whoever runs the engine makes ids for the second; the first lacks its token.
    world.gets_one(&[]);
    let (role_id, secret_id) = world.ids();
    world.env.set("LEASEHOLD_TOKEN", "worthless").set("LEASEHOLD_ROLE_ID", &role_id);
    world.env.set("LEASEHOLD_SECRET_ID", &secret_id);
    world.gets_one(&[]);
    // Of two that are at hand it is the first written, or the one that is named.
    let jwt = world.jwt.clone();
    world.env.set("LEASEHOLD_SECRET_ID", "wrong").set("LEASEHOLD_JWT", jwt);
    world.gets_one(&[]);
    world.refused(&["--login-mount", "approle"], 2, &["Error logging in as app-web", "other logins", JWT]);
    world.env.set("LEASEHOLD_SECRET_ID", secret_id).set("LEASEHOLD_JWT", "wrong");
    let other = world.refused(&[], 2, &["Error logging in as app-web", "--login-mount", APPROLE]);
    assert!(!other.stderr.contains(JWT), "{}", other.normal());
    for named in ["approle", "auth/approle/"] {
        world.gets_one(&["--login-mount", named]);
    }
    world.gets_one(&["--login-mount", "approle", "--login-role", "app-web"]);
    let run = world.env.run(&["exec", "web", "--login-mount", "approle", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"]);
    assert!(run.code == 0 && run.stdout.starts_with("AKIA"), "{}", run.normal());
    world.refused(&["--login-mount", "github"], 1, &["no such login", &format!("it has: {JWT}, {APPROLE}")]);
    world.refused(&["--login-role", "web"], 1, &["no such login", JWT, APPROLE]);
}

#[test]
fn where_nothing_is_at_hand_each_says_what_it_lacks() {
    let mut world = World::new();
    world.env.set("LEASEHOLD_TOKEN", "");
    let lacks = |login: &str, what: &str| format!("{login} lacks {what}");
    let (jwt, ids) = ("LEASEHOLD_JWT_FILE or LEASEHOLD_JWT", "LEASEHOLD_ROLE_ID and LEASEHOLD_SECRET_ID_FILE");
    let none = "what none of the logins of web takes is at hand";
    world.refused(&[], 1, &[none, &lacks(JWT, jwt), &lacks(APPROLE, ids)]);
    world.env.set("LEASEHOLD_SECRET_ID", "x");
    world.refused(&[], 1, &[none, &lacks(JWT, jwt), &lacks(APPROLE, "LEASEHOLD_ROLE_ID beside the secret id")]);
    // One that is named says it itself.
    world.refused(&["--login-mount", "jwt"], 1, &["there is no signed token to log in as app-web"]);
}

#[test]
fn an_agents_file_says_it_for_each_app() {
    let mut world = World::new();
    let (role_id, secret_id) = world.ids();
    world.env.set("LEASEHOLD_TOKEN", "");
    let secret = world.env.write("secret-id", &secret_id);
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    world.env.write("jwt", "wrong");
    let app = |more: &str| {
        format!(
            "apps:\n  web:\n    role_id: {role_id}\n    secret_id_file: secret-id\n{more}    files: [{{ path: web.env, form: \
             env }}]\n"
        )
    };
    let once = |world: &World| world.env.run(&["agent", "--config", "agent.yaml", "--once"]);
    world.env.write("agent.yaml", &app(""));
    let made = once(&world);
    assert_eq!(made.code, 0, "{}", made.normal());
    world.env.write("agent.yaml", &app("    jwt_file: jwt\n"));
    let wrong = once(&world);
    assert!(wrong.code == 2 && wrong.stderr.contains(APPROLE), "{}", wrong.normal());
    world.env.write("agent.yaml", &app("    jwt_file: jwt\n    login_mount: approle\n"));
    let named = once(&world);
    assert_eq!(named.code, 0, "{}", named.normal());
}
