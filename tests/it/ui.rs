//! The server's page for people, at `/ui/`, in a real browser, by hand and by keys.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::chromium::Browser;
use crate::env::{Server, TestEnv};
use crate::http::Http;

/// The tutorial's estate at a server that has the page.
struct World {
    env: TestEnv,
    http: Http,
    server: Server,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox", "--ui"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let estate = env.copy_tree("examples/tutorial", "estate");
        let head = format!(
            "environment \"prod\" {{\n  address = \"{}\"\n  secrets = [\"env:*\"]\n  var {{\n    account = \
             \"111122223333\"\n  }}\n}}\n",
            server.address
        );
        env.write("estate/prod.hcl", &head);
        env.set("LEASEHOLD_DIR", estate.display().to_string()).set("LEASEHOLD_ENV", "prod");
        env.set("LEASEHOLD_TOKEN", &token);
        env.ok(&["apply", "--auto-approve"]);
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        Self { env, http, server }
    }

    /// A browser on the page, before anybody has logged in.
    fn browser(&self) -> Browser {
        let mut browser = Browser::start(self.env.dir());
        browser.look(1280, "light");
        browser.visit(&format!("{}/ui/", self.server.address));
        wait(&mut browser, "document.querySelector('#login-secret')");
        browser
    }

    /// A browser in which somebody has logged in.
    fn logged_in(&self, token: &str) -> Browser {
        let mut browser = self.browser();
        browser.call("Input.insertText", &json!({ "text": token }));
        enter(&mut browser);
        wait(&mut browser, "document.querySelector('#log-out') && !document.querySelector('main[aria-busy]')");
        browser
    }

    /// A token with rules of its own.
    fn token(&self, rules: &str) -> String {
        self.http.post("sys/policies/acl/some", &json!({ "policy": rules }));
        let made = self.http.post("auth/token/create", &json!({ "policies": ["some"] }));
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// The id of a new lease, and the credential's parts.
    fn creds(&self, role: &str) -> (String, Value) {
        let answer = self.http.get(&format!("aws/creds/{role}"));
        (answer["lease_id"].as_str().unwrap().to_owned(), answer["data"].clone())
    }

    /// What is answered to a request, head and all.
    fn raw(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.http.address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// Waits until an expression is true on the page.
#[track_caller]
fn wait(browser: &mut Browser, expression: &str) {
    let asked = format!(
        "new Promise(done => {{ const from = Date.now(); const look = () => {{ let there = false; try {{ there = \
         Boolean({expression}); }} catch {{ /* what is asked about is not there yet */ }} if (there) done(''); else if \
         (Date.now() - from > 60000) done(document.body.innerText); else setTimeout(look, 20); }}; look(); }})"
    );
    let there = browser.ask(&asked);
    assert_eq!(there, "", "{expression}");
}

/// Presses a key that does something where the focus is.
fn key(browser: &mut Browser, key: &str, code: u32, text: &str) {
    let event = |kind: &str| {
        let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
        if kind == "keyDown" && !text.is_empty() {
            event["text"] = text.into();
        }
        event
    };
    browser.call("Input.dispatchKeyEvent", &event("keyDown"));
    browser.call("Input.dispatchKeyEvent", &event("keyUp"));
}

fn enter(browser: &mut Browser) {
    key(browser, "Enter", 13, "\r");
}

fn tab(browser: &mut Browser) {
    key(browser, "Tab", 9, "");
}

/// Goes on by tabs until the expression is true of what has the focus, `one`.
#[track_caller]
fn tab_to(browser: &mut Browser, expression: &str) {
    for _ in 0..60 {
        if browser.ask(&format!("(one => Boolean({expression}))(document.activeElement)")) == true {
            return;
        }
        tab(browser);
    }
    panic!("no tab leads to {expression}: {}", browser.ask("document.activeElement.outerHTML"));
}

fn main_text(browser: &mut Browser) -> String {
    browser.ask("document.getElementById('main').innerText").as_str().unwrap().to_owned()
}

/// That nothing was loaded from elsewhere, nothing was refused by the page's policy, and no script failed. What an answer
/// that is no success says in a console is not the page's.
#[track_caller]
fn quiet(browser: &Browser, address: &str) {
    let (asked, complaints) = browser.told();
    assert!(asked.iter().all(|url| url.trim_matches('"').starts_with(address)), "it loads something: {asked:?}");
    let ours: Vec<_> = complaints.iter().filter(|one| !one.contains("Failed to load resource")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn people_log_in_by_a_token_and_see_the_leases() {
    let world = World::new();
    let (lease, credential) = world.creds("webapp");
    let (other, _) = world.creds("backup");
    // A token that is none opens nothing, and is told.
    let mut browser = world.browser();
    browser.call("Input.insertText", &json!({ "text": "hvs.wrong" }));
    enter(&mut browser);
    wait(&mut browser, "document.querySelector('#login-told').textContent.includes('does not know this token')");
    // The text of the field is marked, so that the next one takes its place.
    browser.call("Input.insertText", &json!({ "text": world.http.token }));
    enter(&mut browser);
    wait(
        &mut browser,
        "document.querySelectorAll('tbody tr').length === 2 && !document.querySelector('main').innerText.includes('…')",
    );
    let text = main_text(&mut browser);
    for lease in [&lease, &other] {
        let (role, id) = lease.rsplit_once('/').unwrap();
        assert!(text.contains(role) && text.contains(id), "{text}");
    }
    assert!(text.contains("active"), "{text}");
    assert!(browser.ask("document.getElementById('state').textContent").as_str().unwrap().contains("Up and unsealed"));
    assert!(browser.ask("document.getElementById('who').textContent").as_str().unwrap().contains("root"));
    quiet(&browser, &world.server.address);
    // Neither the token nor a credential is on the page, or kept by the browser.
    let kept = browser.ask(
        "JSON.stringify([document.documentElement.outerHTML, {...sessionStorage}, {...localStorage}, document.cookie, \
         location.href, [...document.querySelectorAll('input')].map(one => one.value)])",
    );
    let secret = credential["secret_key"].as_str().unwrap();
    assert!(!kept.as_str().unwrap().contains(&world.http.token) && !kept.as_str().unwrap().contains(secret));
    // A search leaves what it finds.
    let search = format!(
        "{{ const one = document.getElementById('lease-search'); one.value = '{}'; one.dispatchEvent(new Event('input')); \
         document.querySelectorAll('tbody tr').length }}",
        lease.rsplit_once('/').unwrap().1
    );
    assert_eq!(browser.ask(&search), 1);
    // Whoever logs out sees nothing of it any more.
    browser.ask("document.getElementById('log-out').click()");
    wait(&mut browser, "document.querySelector('#login-secret')");
    assert!(!main_text(&mut browser).contains(&lease));
}

#[test]
fn the_page_is_served_to_nobody_else_and_acts_by_its_own_files_alone() {
    let world = World::new();
    let page = world.raw("GET", "/ui/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let page = page.to_lowercase();
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' \
         data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(page.contains(header), "{header}: {page}");
    }
    for path in ["/", "/ui"] {
        let answer = world.raw("GET", path).to_lowercase();
        assert!(answer.starts_with("http/1.1 307") && answer.contains("location: /ui/\r\n"), "{answer}");
    }
    for (method, path) in [("GET", "/ui/none.js"), ("GET", "/ui/../ui/"), ("POST", "/ui/")] {
        assert!(world.raw(method, path).starts_with("HTTP/1.1 40"), "{method} {path}");
    }
    // A server that was not told to has none, and all that is asked for is in no trail.
    let plain = world.env.server(&["--data-dir", "plain", "--listen", "127.0.0.1:0"]);
    let http = Http { address: plain.address.trim_start_matches("http://").to_owned(), token: String::new() };
    let without = World { env: TestEnv::new(), http, server: plain };
    for path in ["/", "/ui", "/ui/", "/ui/main.js"] {
        assert!(without.raw("GET", path).starts_with("HTTP/1.1 404"), "{path}");
    }
    // What is typed into a page by somebody's script does not act.
    let mut browser = world.browser();
    let tried = browser.ask("try { document.body.innerHTML = '<b>x</b>'; 'set' } catch (error) { error.name }");
    assert_eq!(tried, "TypeError");
}
