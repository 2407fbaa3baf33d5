//! The server's page for people, at `/ui/`, in a real browser, by hand and by keys.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chromium::Browser;
use crate::env::{Server, TestEnv};
use crate::http::{Http, said};
use crate::provider::{CLIENT, Provider};

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
        wait(&mut browser, &format!("document.querySelector('#log-out') && {WHOLE}"));
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

/// Nothing is asked any more, and no cell waits for an answer.
const WHOLE: &str = "!document.querySelector('main[aria-busy]') && \
                     ![...document.querySelectorAll('td')].some(one => one.textContent === '…')";

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
fn key_press(browser: &mut Browser, key: &str, code: u32, text: &str) {
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
    key_press(browser, "Enter", 13, "\r");
}

fn tab(browser: &mut Browser) {
    key_press(browser, "Tab", 9, "");
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
    wait(&mut browser, &format!("document.querySelectorAll('tbody tr').length === 2 && {WHOLE}"));
    let text = main_text(&mut browser);
    for lease in [&lease, &other] {
        let button = format!("document.querySelectorAll('button[aria-label=\"Revoke {lease}\"]').length");
        assert!(text.contains(lease.rsplit_once('/').unwrap().0) && browser.ask(&button) == 1, "{text}");
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
        "{{ const one = document.getElementById('search'); one.value = '{}'; one.dispatchEvent(new Event('input')); \
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

/// Opens a part of the page, until all of it is there.
fn part(browser: &mut Browser, hash: &str) {
    // Where the address is the same already, nothing would be drawn.
    browser.ask(&format!("document.getElementById('main').replaceChildren(); location.hash = '{hash}'; 0"));
    wait(browser, &format!("document.querySelector('main h2') && {WHOLE}"));
}

/// What the engine answers to who looks a lease up.
fn lookup(world: &World, lease: &str) -> u16 {
    world.http.send("POST", "sys/leases/lookup", Some(&json!({ "lease_id": lease }))).status
}

/// Leases that apps hold, as the trail tells each.
fn held(world: &World, apps: &[&str]) -> Vec<Value> {
    for app in apps {
        world.env.ok(&["creds", app]);
    }
    let told = world.env.ok(&["trail", "--json"]);
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The text of the question that is asked.
#[track_caller]
fn asked(browser: &mut Browser) -> String {
    said(&browser.ask("document.querySelector('dialog[open]').innerText"))
}

#[test]
fn leases_tell_who_has_them_and_end_by_keys_after_a_question() {
    let world = World::new();
    let told = held(&world, &["webapp", "backup"]);
    let (lease, key) = (said(&told[0]["lease_id"]), said(&told[0]["access_key_id"]));
    let mut browser = world.logged_in(&world.http.token);
    let shown = main_text(&mut browser);
    for part in ["webapp", &key, &said(&told[0]["review"])[..10], &said(&told[0]["source"]), "active"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let button = format!("one.getAttribute('aria-label') === 'Revoke {lease}'");
    tab_to(&mut browser, &button);
    enter(&mut browser);
    let question = asked(&mut browser);
    assert!([&*lease, "the app webapp", &*key].iter().all(|part| question.contains(part)), "{question}");
    // The focus is on what does nothing, and stays in the question.
    assert_eq!(browser.ask("document.activeElement.id"), "question-no");
    for _ in 0..5 {
        tab(&mut browser);
        let outside = "document.activeElement !== document.body && !document.activeElement.closest('dialog')";
        assert_eq!(browser.ask(outside), false);
    }
    key_press(&mut browser, "Escape", 27, "");
    wait(&mut browser, "!document.querySelector('dialog[open]')");
    assert_eq!(lookup(&world, &lease), 200);
    assert_eq!(browser.ask(&format!("(one => {button})(document.activeElement)")), true);
    enter(&mut browser);
    tab_to(&mut browser, "one.id === 'question-yes'");
    enter(&mut browser);
    let done = "document.querySelectorAll('tbody tr').length === 1 && document.getElementById('said').textContent";
    wait(&mut browser, done);
    assert_eq!(lookup(&world, &lease), 400);
    assert!(main_text(&mut browser).contains("backup"));
    // Who finds its key somewhere learns that it has ended.
    browser.ask("document.getElementById('search').focus()");
    browser.call("Input.insertText", &json!({ "text": key }));
    wait(&mut browser, "document.querySelectorAll('tbody tr').length === 0");
    let ended = main_text(&mut browser);
    assert!(ended.contains(&format!("No live lease has {key}")) && ended.contains("is revoked since"), "{ended}");
    quiet(&browser, &world.server.address);
}

#[test]
fn all_leases_of_a_role_end_after_a_question_that_counts_them() {
    let world = World::new();
    let told = held(&world, &["webapp", "webapp", "backup"]);
    let mut browser = world.logged_in(&world.http.token);
    assert_eq!(browser.ask("document.getElementById('revoke-all').disabled"), true);
    part(&mut browser, "leases/aws%2Fcreds%2Fwebapp%2F");
    assert_eq!(browser.ask("document.querySelectorAll('tbody tr').length"), 2);
    browser.ask("document.getElementById('revoke-all').focus()");
    enter(&mut browser);
    let question = asked(&mut browser);
    assert!(question.contains("Revoke 2 leases?") && question.contains("aws/creds/webapp/"), "{question}");
    tab_to(&mut browser, "one.id === 'question-yes'");
    enter(&mut browser);
    wait(&mut browser, "document.querySelectorAll('tbody tr').length === 1 && main.innerText.includes('backup')");
    for one in told {
        let status = if one["app"] == "backup" { 200 } else { 400 };
        assert_eq!(lookup(&world, &said(&one["lease_id"])), status, "{one}");
    }
}

#[test]
fn what_a_token_may_not_read_is_said_and_the_rest_is_shown() {
    let world = World::new();
    let told = held(&world, &["webapp", "backup"]);
    let token = world.token(
        "path \"aws/roles\" {\n  capabilities = [\"list\"]\n}\npath \"sys/leases/lookup/aws/creds/webapp/*\" {\n  \
         capabilities = [\"list\", \"sudo\"]\n}\npath \"sys/leases/lookup\" {\n  capabilities = [\"update\"]\n}\n",
    );
    let mut browser = world.logged_in(&token);
    wait(&mut browser, "document.querySelectorAll('tbody tr').length === 1 && main.innerText.includes('active')");
    let shown = main_text(&mut browser);
    assert!(shown.contains("aws/creds/webapp") && !shown.contains("aws/creds/backup\n"), "{shown}");
    assert!(shown.contains("it needs `read` and `sudo` there") && shown.contains("sys/leasehold/trail"), "{shown}");
    assert!(shown.contains("sys/leases/lookup/aws/: it needs `list`"), "{shown}");
    browser.ask("document.querySelector('tbody button').click(); document.getElementById('question-yes').click()");
    wait(&mut browser, "main.innerText.includes('This token may not ask sys/leases/revoke')");
    assert_eq!(lookup(&world, &said(&told[0]["lease_id"])), 200);
    for hash in ["roles", "trail", "engine"] {
        part(&mut browser, hash);
        let shown = main_text(&mut browser);
        assert!(shown.contains("This token may not ask"), "{hash}: {shown}");
    }
    let shown = main_text(&mut browser);
    assert!(shown.contains("revoke a lease") && shown.contains("sys/audit: it needs `read` and `sudo`"), "{shown}");
}

#[test]
fn roles_tell_their_apps_the_trail_is_filtered_and_the_engine_says_how_it_is() {
    let world = World::new();
    let told = held(&world, &["webapp", "webapp", "backup"]);
    world.env.ok(&["lease", "revoke", &said(&told[0]["lease_id"])]);
    let mut browser = world.logged_in(&world.http.token);
    part(&mut browser, "roles");
    let row = "[...[...document.querySelectorAll('tbody tr')].find(row => row.textContent.startsWith('aws/webapp')).cells]\
               .map(cell => cell.innerText.split('\\n')[0]).slice(0, 4).join('|')";
    assert_eq!(browser.ask(row), "aws/webapp|webapp|iam_user|1 lease");
    part(&mut browser, "trail");
    let rows = "document.querySelectorAll('tbody tr').length";
    assert_eq!(browser.ask(rows), 3);
    let mut choose = |id: &str, value: &str| {
        browser.ask(&format!(
            "{{ const one = document.getElementById('{id}'); one.value = '{value}'; one.dispatchEvent(new Event('input')); \
             {rows} }}"
        ))
    };
    assert_eq!(choose("by-app", "webapp"), 2);
    assert_eq!(choose("by-state", "revoked"), 1);
    assert_eq!(choose("by-app", ""), 1);
    assert_eq!(choose("by-state", ""), 3);
    assert_eq!(choose("by-span", "1h"), 3);
    assert_eq!(choose("search", told[2]["access_key_id"].as_str().unwrap()), 1);
    choose("kind", "asked");
    wait(&mut browser, &format!("{rows} > 20"));
    let shown = main_text(&mut browser);
    assert!(shown.contains("sys/leases/revoke") && shown.contains("the engine"), "{shown}");
    part(&mut browser, "engine");
    let shown = main_text(&mut browser);
    for part in ["Serves requests\nyes", "Sealed\nno", "trail/", "it has no end", "read the trail"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    quiet(&browser, &world.server.address);
}

/// The least contrast of all texts that are shown, with the text; WCAG 2.2, "relative luminance" and "contrast ratio".
const CONTRAST: &str = r"(() => {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((one, at) => one * a + below[at] * (1 - a));
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  const ground = (one) => (one ? over(channels(getComputedStyle(one).backgroundColor), ground(one.parentElement)) : canvas);
  const light = (color) => {
    const [r, g, b] = color.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let least = [99, 'no text'];
  for (const one of document.querySelectorAll('body, body *')) {
    const text = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('') || one.value;
    if (!text || !one.checkVisibility()) continue;
    const below = ground(one);
    const [first, second] = [light(over(channels(getComputedStyle(one).color), below)), light(below)].sort((a, b) => b - a);
    const ratio = (first + 0.05) / (second + 0.05);
    if (ratio < least[0]) least = [ratio, `${one.tagName} ${text}`];
  }
  return least;
})()";

/// What must hold of all that the page shows: it can be read, fits a narrow screen, what is operated has a name, ids are of
/// one element each, and where the focus is can be seen.
#[track_caller]
fn sound(browser: &mut Browser, what: &str) {
    for scheme in ["light", "dark"] {
        browser.look(1280, scheme);
        let least = browser.ask(CONTRAST);
        assert!(least[0].as_f64().unwrap() >= 4.5, "{what}, {scheme}: {least}");
    }
    browser.look(390, "light");
    let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.ask(wide), 0, "{what} is wider than a narrow screen");
    browser.look(1280, "light");
    let nameless = "[...document.querySelectorAll('button, a, input, select')].filter(one => one.checkVisibility() && \
                    !(one.innerText || one.getAttribute('aria-label') || '').trim() && !one.labels?.length)\
                    .map(one => one.outerHTML)";
    assert_eq!(browser.ask(nameless), json!([]), "{what}");
    let twice =
        "[...document.querySelectorAll('[id]')].map(one => one.id).filter((id, at, all) => all.indexOf(id) !== at)";
    assert_eq!(browser.ask(twice), json!([]), "{what}");
    for _ in 0..12 {
        tab(browser);
        let seen = "(one => one === document.body || parseFloat(getComputedStyle(one).outlineWidth) > 1)\
                    (document.activeElement)";
        assert_eq!(browser.ask(seen), true, "{what}: {}", browser.ask("document.activeElement.outerHTML"));
    }
}

#[test]
fn all_of_it_is_readable_in_light_and_dark_has_names_and_fits_a_narrow_screen_and_paper() {
    let world = World::new();
    let told = held(&world, &["webapp", "backup"]);
    world.env.ok(&["lease", "revoke", &said(&told[0]["lease_id"])]);
    let mut browser = world.browser();
    sound(&mut browser, "login");
    let type_token = |browser: &mut Browser, token: &str| {
        browser
            .ask("document.getElementById('login-secret').focus(); document.getElementById('login-secret').select()");
        browser.call("Input.insertText", &json!({ "text": token }));
        enter(browser);
    };
    type_token(&mut browser, "none");
    wait(&mut browser, "document.querySelector('#login-told').textContent");
    sound(&mut browser, "refused");
    type_token(&mut browser, &world.http.token);
    wait(&mut browser, "document.querySelector('#log-out')");
    for hash in ["leases", "roles", "trail", "engine"] {
        part(&mut browser, hash);
        sound(&mut browser, hash);
    }
    part(&mut browser, "leases");
    browser.ask("document.querySelector('tbody button').click()");
    sound(&mut browser, "question");
    browser.ask("document.getElementById('question-no').click()");
    assert!(browser.print().starts_with(b"%PDF"));
}

/// Waits until an expression is true, also where the page is another one meanwhile.
#[track_caller]
fn wait_over(browser: &mut Browser, expression: &str) {
    for _ in 0..600 {
        if browser.ask(&format!("(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"))
            == true
        {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    panic!("{expression}: {}", browser.ask("location.href + document.body.innerText"));
}

#[test]
fn people_log_in_by_name_and_password_and_their_token_ends_with_the_page() {
    let world = World::new();
    world.http.post("sys/auth/userpass", &json!({ "type": "userpass" }));
    let rules = "path \"sys/leases/lookup/*\" {\n  capabilities = [\"list\", \"sudo\"]\n}\n";
    let policy = |rules: &str| drop(world.http.post("sys/policies/acl/looks", &json!({ "policy": rules })));
    policy(rules);
    world.http.post("auth/userpass/users/ann", &json!({ "password": "p w+d", "token_policies": "looks" }));
    let (lease, _) = world.creds("webapp");
    let mut browser = world.browser();
    let choose = "{ const one = document.getElementById('method'); one.value = 'userpass'; \
                  one.dispatchEvent(new Event('change')); document.activeElement.id }";
    assert_eq!(browser.ask(choose), "login-name");
    browser.call("Input.insertText", &json!({ "text": "ann" }));
    tab(&mut browser);
    browser.call("Input.insertText", &json!({ "text": "wrong" }));
    enter(&mut browser);
    wait(&mut browser, "document.getElementById('login-told').textContent.includes('invalid')");
    // The password is marked, so that the right one takes its place.
    browser.call("Input.insertText", &json!({ "text": "p w+d" }));
    enter(&mut browser);
    // Where no engine is to be seen it is said, and not that there are no leases.
    wait(&mut browser, &format!("document.querySelector('#log-out') && {WHOLE}"));
    let text = main_text(&mut browser);
    assert!(text.contains("may not ask sys/mounts: it needs `read` there"), "{text}");
    policy(&format!("{rules}path \"sys/mounts\" {{\n  capabilities = [\"read\"]\n}}\n"));
    browser.ask("document.getElementById('again').click()");
    wait(&mut browser, &format!("document.querySelectorAll('tbody tr').length === 1 && {WHOLE}"));
    assert!(said(&browser.ask("document.getElementById('who').textContent")).contains("userpass-ann"));
    assert!(main_text(&mut browser).contains(lease.rsplit_once('/').unwrap().0));
    let kept = browser.ask("document.documentElement.outerHTML + JSON.stringify({...sessionStorage}) + location.href");
    assert!(!said(&kept).contains("p w+d"));
    let accessors = || {
        let listed = world.http.send("LIST", "auth/token/accessors", None);
        listed.body["data"]["keys"].as_array().unwrap().len()
    };
    let before = accessors();
    browser.ask("document.getElementById('log-out').click()");
    wait(&mut browser, "document.querySelector('#login-secret')");
    assert_eq!(accessors(), before - 1);
}

#[test]
fn people_log_in_at_their_issuer_and_come_back() {
    let world = World::new();
    let issuer = Provider::start();
    world.http.post("sys/auth/oidc", &json!({ "type": "oidc" }));
    let config = json!({
        "oidc_discovery_url": issuer.address, "oidc_client_id": CLIENT.0, "oidc_client_secret": CLIENT.1, "default_role": "people",
    });
    world.http.post("auth/oidc/config", &config);
    let back = format!("{}/ui/vault/auth/oidc/oidc/callback", world.server.address);
    let role = json!({ "user_claim": "email", "allowed_redirect_uris": back, "oidc_scopes": "email" });
    world.http.post("auth/oidc/role/people", &role);
    let elsewhere = json!({ "user_claim": "email", "allowed_redirect_uris": "https://other.example/cb" });
    world.http.post("auth/oidc/role/elsewhere", &elsewhere);
    let mut browser = world.browser();
    let choose = "{ const one = document.getElementById('method'); one.value = 'oidc'; one.dispatchEvent(new Event('change')); \
                  document.activeElement.id }";
    assert_eq!(browser.ask(choose), "login-role");
    // A role that does not let a browser come back here is told, with what to do.
    browser.call("Input.insertText", &json!({ "text": "elsewhere" }));
    enter(&mut browser);
    wait(&mut browser, "document.getElementById('login-told').textContent.includes('allowed_redirect_uris')");
    browser.ask("document.getElementById('login-role').value = ''; document.getElementById('login-role').focus()");
    enter(&mut browser);
    wait_over(&mut browser, "document.querySelector('#log-out')");
    assert!(said(&browser.ask("document.getElementById('who').textContent")).contains("oidc-ann@example.com"));
    // What came back is neither in the address nor kept.
    assert_eq!(browser.ask("location.pathname + location.search + JSON.stringify({...sessionStorage})"), "/ui/{}");
    // A token that was made for the page ends with it.
    let accessors = || {
        let listed = world.http.send("LIST", "auth/token/accessors", None);
        listed.body["data"]["keys"].as_array().unwrap().len()
    };
    let before = accessors();
    browser.ask("document.getElementById('log-out').click()");
    wait(&mut browser, "document.querySelector('#login-secret')");
    assert_eq!(accessors(), before - 1);
    // Nobody comes back with a login that was not begun here.
    browser.visit(&format!("{back}?state=x&code=y"));
    wait(&mut browser, "document.querySelector('#login-told').textContent.includes('not begun in this tab')");
    assert_eq!(browser.ask("location.pathname + location.search"), "/ui/");
}

/// Answers in place of an engine with so many leases, each of which its trail tells of.
const MANY: &str = r"
const names = Array.from({ length: 10000 }, (_, at) => `lease${String(at).padStart(5, '0')}`);
const line = (at) => JSON.stringify({
  time: new Date(1790000000000 + at * 1000).toISOString(), type: 'response', auth: { display_name: 'approle' },
  request: { mount_point: 'aws/', remote_address: '192.0.2.7' },
  credential: {
    app: `app${at % 50}`, role: 'r', lease_id: `aws/creds/r/${names[at]}`, access_key_id: `AKIA${String(at).padStart(16, '0')}`,
    iam_user: `user-${at}`, ttl: 3600, expire_time: '2999-01-01T00:00:00Z', commit: 'c'.repeat(40), review: 'd'.repeat(64),
  },
});
const told = {
  'sys/health': () => ({ initialized: true, sealed: false }),
  'auth/token/lookup-self': () => ({ data: { display_name: 'somebody', policies: ['root'] } }),
  'sys/mounts': () => ({ data: { 'aws/': { type: 'aws' } } }),
  'sys/leases/lookup/aws/': () => ({ data: { keys: ['creds/'] } }),
  'sys/leases/lookup/aws/creds/': () => ({ data: { keys: ['r/'] } }),
  'sys/leases/lookup/aws/creds/r/': () => ({ data: { keys: names } }),
  'sys/leasehold/trail': (query) => {
    const after = Number(query.get('after'));
    const lines = Array.from({ length: 1000 }, (_, at) => line(after + at));
    return { data: { lines, after: after + 1000, at: 1, more: after + 1000 < names.length, head: { seq: names.length } } };
  },
};
window.fetch = async (url) => {
  const { pathname, searchParams } = new URL(url, location.origin);
  return new Response(JSON.stringify(told[decodeURIComponent(pathname).replace('/v1/', '')](searchParams)));
};
window.blocked = 0;
new PerformanceObserver((seen) => { for (const one of seen.getEntries()) blocked = Math.max(blocked, one.duration); })
  .observe({ type: 'longtask' });
";

/// How long that takes is told, and no test: `-- ten_thousand_leases --nocapture`.
#[test]
#[expect(clippy::print_stdout, reason = "it tells a figure")]
fn ten_thousand_leases_are_shown_in_pages_and_searched_at_once() {
    let env = TestEnv::new();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0"]);
    let mut browser = Browser::start(env.dir());
    browser.look(1280, "light");
    browser.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": MANY }));
    browser.visit(&format!("{}/ui/", server.address));
    wait(&mut browser, "document.querySelector('#login-secret')");
    browser.call("Input.insertText", &json!({ "text": "any" }));
    browser.ask("window.from = performance.now(); 0");
    enter(&mut browser);
    wait(&mut browser, "main.innerText.includes('1–50 of 10,000 leases')");
    let shown = browser.ask("[performance.now() - from, blocked, document.querySelectorAll('*').length]");
    // The newest is the first.
    assert!(said(&browser.ask("document.querySelector('tbody tr').innerText")).contains("AKIA0000000000009999"));
    let searched = browser.ask(
        "{ const one = document.getElementById('search'); const from = performance.now(); one.value = 'AKIA0000000000001234'; \
         one.dispatchEvent(new Event('input')); document.body.offsetHeight; \
         [performance.now() - from, document.querySelectorAll('tbody tr').length] }",
    );
    println!("10,000 leases: shown after ms, blocked at most ms, elements: {shown}; searched in ms, found: {searched}");
    assert_eq!(searched[1], 1);
    assert!(shown[2].as_u64().unwrap() < 3_000, "{shown}");
    // Pages go on and back, by the same button.
    browser.ask(
        "{ const one = document.getElementById('search'); one.value = ''; one.dispatchEvent(new Event('input')); }",
    );
    tab_to(&mut browser, "one.textContent === 'Next'");
    enter(&mut browser);
    wait(&mut browser, "main.innerText.includes('51–100 of 10,000 leases')");
    assert_eq!(browser.ask("document.activeElement.textContent"), "Next");
}

#[test]
fn leasehold_ui_opens_the_page_of_a_server_and_serves_that_of_the_embedded_engine() {
    let world = World::new();
    let told = world.env.ok(&["-e", "prod", "--address", &world.server.address, "ui", "--no-browser"]);
    assert_eq!(told, format!("{}/ui/\n", world.server.address));
    let refused = world.env.run(&["--address", "unix:///run/none.sock", "ui", "--no-browser"]);
    assert!(refused.code == 1 && refused.stderr.contains("no browser reaches"), "{}", refused.normal());
    // The embedded one is there for as long as the command runs, also for other commands.
    let env = TestEnv::with_tutorial();
    let mut command = env.command(&["ui", "--no-browser"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut page = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut page).unwrap();
    let mut browser = Browser::start(env.dir());
    browser.visit(page.trim());
    wait(&mut browser, "document.querySelector('#login-secret')");
    let lease = env.ok(&["creds", "webapp", "-field=lease_id"]);
    let token = std::fs::read_to_string(env.dir().join("estate/.leasehold/local/root-token")).unwrap();
    browser.call("Input.insertText", &json!({ "text": token.trim() }));
    enter(&mut browser);
    wait(&mut browser, "main.innerText.includes('aws/creds/webapp')");
    assert_eq!(
        browser.ask(&format!("document.querySelectorAll('button[aria-label=\"Revoke {}\"]').length", lease.trim())),
        1
    );
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("root-token"));
    env.ok(&["lease", "revoke", lease.trim()]);
}
