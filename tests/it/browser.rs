//! People log in with a browser: declared in an estate, with `leasehold login -method=oidc`, at the issuer of
//! `tests/jwt/issuer.py`, once with a real browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::chromium::{ALWAYS, chromium};
use crate::env::TestEnv;
use crate::provider::{Back, CLIENT, Provider};
use crate::wire_auth::World;

/// Any port of the own machine is this one.
const REDIRECT: &str = "allowed_redirect_uris = [\"http://localhost:8250/oidc/callback\"]";

const BOUND: &str = "bound_claims = { email = \"ann@example.com\" }";

fn estate(issuer: &Provider, login: &str) -> String {
    format!(
        r#"
environment "local" {{
  engine = "embedded"
  aws    = "sandbox"
}}

policy "notes" {{
  path "cubbyhole/*" {{
    capabilities = ["read", "update", "create"]
  }}
}}

auth "oidc" {{
  config {{
    oidc_discovery_url = "{}"
    oidc_client_id     = "{}"
    oidc_client_secret = "secret:env:OIDC_SECRET"
    default_role       = "people"
  }}
}}

login "oidc" "people" {{
  user_claim = "email"
  token_ttl  = "1h"
  {login}
}}

group "operators" {{
  policies = ["notes"]
  alias    = {{ oidc = "ops" }}
}}
"#,
        issuer.address, CLIENT.0
    )
}

/// A world with the estate applied, and its issuer.
fn world(login: &str) -> (TestEnv, Provider) {
    let issuer = Provider::start();
    let mut env = TestEnv::new();
    let file = env.write("estate/estate.hcl", &estate(&issuer, login));
    env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string()).set("OIDC_SECRET", CLIENT.1);
    env.ok(&["apply", "--auto-approve"]);
    (env, issuer)
}

/// `leasehold login -method=oidc`, which waits for a browser.
struct Login {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    /// Where it sends a person.
    url: String,
}

impl Login {
    fn begin(env: &TestEnv, more: &[&str]) -> Self {
        let login = ["login", "-method=oidc", "-no-store", "-token-only", "skip_browser=true", "port=0"];
        let mut command = env.command(&[&login[..], more].concat());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let url = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended: {told}");
            if line.trim().starts_with("http://") {
                break line.trim().to_owned();
            }
            told.push_str(&line);
        };
        assert!(told.contains("Log in with a browser at:"), "{told}");
        Self { child, said, url }
    }

    /// Its exit code, its stdout and what else it said.
    fn end(mut self) -> (i32, String, String) {
        let (mut out, mut told) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.said.read_to_string(&mut told).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), out, told)
    }
}

/// What a browser is shown that comes back.
fn come_back(back: &Back) -> String {
    let host = back.to.trim_start_matches("http://").split('/').next().unwrap();
    let port: u16 = host.rsplit(':').next().unwrap().parse().unwrap();
    get(port, &format!("/oidc/callback?{}", back.query))
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn people_are_declared_and_log_in_with_a_browser() {
    let issuer = Provider::start();
    let mut env = TestEnv::new();
    let login = format!("{REDIRECT}\n  groups_claim = \"groups\"\n  {BOUND}");
    let file = env.write("estate/estate.hcl", &estate(&issuer, &login));
    env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string()).set("OIDC_SECRET", CLIENT.1);
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    let told = "may log in by a browser (OIDC) at auth/oidc: whom the issuer lets in, and whose browser comes back to \
                http://localhost:8250/oidc/callback; a token for the method's own client; claim email ann@example.com";
    assert!(plan.stdout.contains(told), "{}", plan.stdout);
    assert!(!plan.stdout.contains(CLIENT.1), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    assert!(env.ok(&["plan"]).contains("No changes"));

    let login = Login::begin(&env, &[]);
    // Nobody else ends it: not another page in the browser, and not another's login.
    let back = issuer.log_in(&login.url);
    let port: u16 = back.to.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    for path in ["/", "/oidc/callback", "/oidc/callback?state=x&code=y"] {
        assert!(get(port, path).starts_with("HTTP/1.1 40"), "{path}");
    }
    let page = come_back(&back);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'") && !page.contains("<script"), "{page}");
    assert!(!page.contains(back.parameter("code")) && !page.contains(back.parameter("state")), "{page}");
    let (code, token, told) = login.end();
    assert_eq!(code, 0, "{told}");
    assert!(token.starts_with("hvs.") && !told.contains(token.trim()), "{told}");
    assert!(!page.contains(token.trim()), "{page}");
    env.set("LEASEHOLD_TOKEN", token.trim());
    let found = env.ok(&["token", "lookup", "-format=json"]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["data"]["display_name"], "oidc-ann@example.com", "{found}");
    assert_eq!(found["data"]["identity_policies"], json!(["notes"]), "{found}");
    // What was secret on the way is in no line of the trail.
    let trail = std::fs::read_to_string(env.dir().join("estate/.leasehold/local/trail.log")).unwrap();
    assert!(trail.contains("auth/oidc/oidc/callback"));
    for secret in [back.parameter("code"), back.parameter("state"), token.trim(), CLIENT.1] {
        assert!(!trail.contains(secret), "{secret}");
    }
}

#[test]
fn what_is_gained_by_browsers_is_told_and_drift_is_found() {
    let (mut env, issuer) = world(&format!("{REDIRECT}\n  {BOUND}"));
    let more = "allowed_redirect_uris = [\"http://localhost:8250/oidc/callback\", \"https://a.example/cb\"]\n  \
                oidc_scopes = [\"groups\"]";
    env.write("estate/estate.hcl", &estate(&issuer, &format!("{more}\n  {BOUND}")));
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    for told in [
        "browsers may come back to https://a.example/cb with a login",
        "the issuer is asked for more of whoever logs in: groups",
    ] {
        assert!(plan.stdout.contains(told), "{told}: {}", plan.stdout);
    }
    env.write("estate/estate.hcl", &estate(&issuer, &format!("{REDIRECT}\n  {BOUND}")));
    assert!(env.ok(&["plan"]).contains("No changes"));
    // By hand, somebody lets browsers go elsewhere.
    env.ok(&[
        "write",
        "auth/oidc/role/people",
        "user_claim=email",
        "allowed_redirect_uris=https://evil.example/cb",
        "token_ttl=1h",
    ]);
    let drift = env.run(&["drift"]);
    assert_eq!(drift.code, 5, "{}", drift.normal());
    assert!(drift.stdout.contains("https://evil.example/cb"), "{}", drift.stdout);
    env.ok(&["apply", "--auto-approve"]);
    // Another secret is a change, which shows neither.
    env.set("OIDC_SECRET", "another-secret");
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(plan.stdout.contains("oidc_client_secret") && !plan.stdout.contains("another-secret"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    let login = Login::begin(&env, &[]);
    let page = come_back(&issuer.log_in(&login.url));
    assert!(page.starts_with("HTTP/1.1 400") && page.contains("You are not logged in."), "{page}");
    let (code, out, told) = login.end();
    assert_eq!((code, out.as_str()), (2, ""), "{told}");
    assert!(told.contains("Error exchanging oidc code: \"invalid_client\""), "{told}");
    assert!(!told.contains("another-secret"), "{told}");
}

#[test]
fn a_login_without_a_browser_ends() {
    let (env, issuer) = world(&format!("{REDIRECT}\n  {BOUND}"));
    let login = |more: &[&str]| {
        let own = ["login", "-method=oidc", "-no-store", "-token-only", "skip_browser=true"];
        env.run(&[&own[..], more].concat())
    };
    // Whoever does not come back.
    let ended = login(&["port=0", "timeout=1s"]);
    assert_eq!(ended.code, 1, "{}", ended.normal());
    assert!(ended.stderr.contains("no browser came back to http://localhost:"), "{}", ended.stderr);
    // Whoever stops it.
    let stopped = Login::begin(&env, &[]);
    let process = rustix::process::Pid::from_child(&stopped.child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let (code, out, told) = stopped.end();
    assert_eq!((code, out.as_str()), (1, ""), "{told}");
    assert!(told.contains("interrupted: nobody logged in"), "{told}");
    // Whom the issuer sends back with nothing.
    issuer.set(&json!({"error": "access_denied"}));
    let denied = Login::begin(&env, &[]);
    let page = come_back(&issuer.log_in(&denied.url));
    assert!(page.contains("You are not logged in."), "{page}");
    let (code, _, told) = denied.end();
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("Vault login failed. access_denied") && !told.contains("<b>"), "{told}");
    issuer.set(&json!({}));
    // Whom the role does not take.
    issuer.set(&json!({"claims": {"email": "bob@example.com"}}));
    let other = Login::begin(&env, &[]);
    come_back(&issuer.log_in(&other.url));
    let (code, _, told) = other.end();
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("claim \"email\" does not match"), "{told}");
    // What is said wrongly, or is not there.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("port={}", taken.local_addr().unwrap().port());
    for (more, code, expected) in [
        (vec!["role=nobody", "port=0"], 2, "the role nobody at auth/oidc sends nobody with the redirect_uri"),
        (vec!["callbackhost=example.com", "port=0"], 2, "login-refused"),
        (vec!["port=x"], 1, "port=x is no port"),
        (vec!["timeout=soon"], 1, "timeout=soon is no time to wait"),
        (vec!["skip_browser=true"], 1, "skip_browser was given twice"),
        (vec!["role=a", "role=b"], 1, "role was given twice"),
        (vec!["redirect=x"], 1, "says nothing of a login with a browser"),
        (vec![&*port], 1, "port=0 any that is free"),
    ] {
        let output = login(&more);
        assert_eq!(output.code, code, "{more:?}: {}", output.normal());
        assert!(output.stderr.contains(expected), "{more:?}: {}", output.stderr);
    }
}

#[test]
fn what_is_declared_of_browsers_is_checked() {
    let issuer = Provider::start();
    let env = TestEnv::new();
    for (login, expected) in [
        (REDIRECT.to_owned(), ""),
        (String::new(), "no browser could come back"),
        (
            "allowed_redirect_uris = [\"localhost/cb\"]".to_owned(),
            "no browser can come back to `localhost/cb`: this is no address that begins with https:// or http://",
        ),
        ("allowed_redirect_uris = [\"https://*.example.com/cb\"]".to_owned(), "`*` is a star"),
        (
            format!("{REDIRECT}\n  role_type = \"jwt\"\n  bound_subject = \"x\""),
            "allowed_redirect_uris is of logins with a browser",
        ),
        (
            "role_type = \"jwt\"\n  bound_subject = \"x\"\n  max_age = \"1h\"".to_owned(),
            "max_age is of logins with a browser",
        ),
        ("role_type = \"jwt\"".to_owned(), "any token of the issuer could log in"),
        ("role_type = \"saml\"".to_owned(), "`saml` is not one of"),
    ] {
        env.write("estate/estate.hcl", &estate(&issuer, &login));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, i32::from(!expected.is_empty()), "{login}: {}", output.normal());
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    let text = estate(&issuer, REDIRECT);
    let secret = "    oidc_client_secret = \"secret:env:OIDC_SECRET\"\n";
    let id = format!("    oidc_client_id     = \"{}\"\n", CLIENT.0);
    let url = format!("oidc_discovery_url = \"{}\"", issuer.address);
    for (text, expected) in [
        (text.replace(secret, ""), "a client shows its secret where a code becomes a token"),
        (text.replace(&id, ""), "a secret of no client opens nothing"),
        (
            text.replace(&url, "jwks_url = \"https://issuer.example\""),
            "whose client it is says the issuer's address alone",
        ),
        (text.replace("\"secret:env:OIDC_SECRET\"", "\"x\""), "secret"),
    ] {
        env.write("estate/estate.hcl", &text);
        let output = env.run(&["-C", "estate", "validate"]);
        assert!(output.code == 1 && output.stderr.contains(expected), "{expected}: {}", output.normal());
    }
    // An app has no browser.
    let app = format!(
        "aws \"aws\" {{}}\napp \"web\" {{\n  role \"web\" {{\n    policy_arns = \
         [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n  }}\n  login \"oidc\" {{\n    {REDIRECT}\n  }}\n}}\n"
    );
    env.write("estate/estate.hcl", &format!("{}{app}", estate(&issuer, REDIRECT)));
    let output = env.run(&["-C", "estate", "creds", "web"]);
    let told = "a person logs in as it with a browser: leasehold login -method=oidc -path=oidc role=app-web";
    assert!(output.code == 1 && output.stderr.contains(told), "{}", output.normal());
    // Guardrails know what browsers bring.
    for (demand, login, expected) in [
        ("bound_audiences", REDIRECT.to_owned(), ""),
        (
            "exact_bindings",
            format!("{REDIRECT}\n  bound_claims = {{ email = \"*@example.com\" }}\n  bound_claims_type = \"glob\""),
            "any claim email like *@example.com may log in",
        ),
    ] {
        let guardrail = format!("guardrail \"people\" {{\n  require {{\n    {demand} = true\n  }}\n}}\n");
        env.write("estate/estate.hcl", &format!("{}{guardrail}", estate(&issuer, &login)));
        let output = env.run(&["-C", "estate", "validate", "--all"]);
        assert_eq!(output.code, if expected.is_empty() { 0 } else { 3 }, "{demand} {login}: {}", output.normal());
        assert!(output.normal().contains(expected), "{demand} {login}: {}", output.normal());
    }
}

#[test]
fn what_is_there_for_browsers_is_imported_with_a_secret_to_give() {
    let issuer = Provider::start();
    let world = World::new();
    world.root.post("sys/auth/oidc", &json!({"type": "oidc"}));
    let config = json!({
        "oidc_discovery_url": issuer.address, "oidc_client_id": CLIENT.0, "oidc_client_secret": CLIENT.1,
    });
    world.root.post("auth/oidc/config", &config);
    let role = json!({
        "user_claim": "email", "allowed_redirect_uris": "http://localhost:8250/oidc/callback", "oidc_scopes": "email",
    });
    world.root.post("auth/oidc/role/people", &role);
    let mut env = TestEnv::new();
    let address = format!("http://{}", world.root.address);
    env.set("LEASEHOLD_TOKEN", &*world.root.token).set("LEASEHOLD_ADDR", address);
    let output = env.run(&["import", "-e", "prod", "imported"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    let text = |name: &str| std::fs::read_to_string(env.dir().join("imported").join(name)).unwrap();
    let (engines, logins) = (text("engines.hcl"), text("logins.hcl"));
    assert!(engines.contains("\"secret:env:OIDC_CONFIG_OIDC_CLIENT_SECRET\""), "{engines}{}", output.normal());
    assert!(engines.contains("oidc_client_id") && !engines.contains(CLIENT.1), "{engines}");
    assert!(logins.contains("login \"oidc\" \"people\"") && !logins.contains("role_type"), "{logins}");
}

#[test]
fn a_real_browser_logs_in() {
    let browser = chromium();
    let (env, _issuer) = world(&format!("{REDIRECT}\n  {BOUND}"));
    let login = Login::begin(&env, &[]);
    // The issuer's page sends its form by itself, and is answered with where to go back to.
    let profile = env.dir().join("profile");
    let output = Command::new(browser)
        .args(ALWAYS)
        .args(["--virtual-time-budget=30000", "--timeout=60000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(&login.url)
        .env("HOME", env.dir())
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(page.contains("You are logged in."), "{page}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!page.contains("<script"), "{page}");
    let (code, token, told) = login.end();
    assert_eq!(code, 0, "{told}");
    assert!(token.starts_with("hvs."), "{told}");
}
