//! The forms of a plan: for what shows tests, and as a page.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::chromium::Browser;
use crate::env::TestEnv;
use crate::graph::xml;

/// An app that a guardrail forbids.
const WIDE: &str = r#"app "deploy" {
  role "deploy" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Users" {
      actions   = ["iam:PutUserPolicy", "s3:GetObject"]
      resources = ["*"]
    }
  }
  login "approle" {
    secret_id_ttl = "24h"
  }
}
"#;

/// The tutorial's estate in a directory of its own; commands run inside it.
fn tutorial() -> TestEnv {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    env.set("LEASEHOLD_DIR", estate.display().to_string());
    env
}

#[track_caller]
fn plan(env: &TestEnv, form: &str, code: i32) -> String {
    let output = env.run(&["plan", "--format", form]);
    assert_eq!(output.code, code, "{}", output.normal());
    output.stdout
}

#[track_caller]
fn json(env: &TestEnv, code: i32) -> Value {
    serde_json::from_str(&plan(env, "json", code)).unwrap()
}

/// How many cases of each class failed, passed and were skipped.
fn cases(document: &str) -> BTreeMap<String, [usize; 3]> {
    let case = regex::Regex::new(r#"<testcase classname="([^"]*)"[^>]*?(/?)>\s*<(\w*)"#).unwrap();
    let mut found: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for one in case.captures_iter(document) {
        let at = match &one[3] {
            _ if &one[2] == "/" => 1,
            "failure" => 0,
            "skipped" => 2,
            _ => 1,
        };
        found.entry(one[1].to_owned()).or_default()[at] += 1;
    }
    found
}

#[test]
fn what_shows_tests_shows_each_object_and_guardrail() {
    let env = tutorial();
    let first = plan(&env, "junit", 2);
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    insta::assert_snapshot!("plan_junit", digests.replace_all(&first, "[digest]"));
    let told = json(&env, 2);
    for digest in [&told["digest"], &told["review"]["digest"]] {
        assert!(first.contains(&format!("value=\"{}\"", digest.as_str().unwrap())), "{digest}: {first}");
    }
    assert_eq!(xml(&first)["testsuite"], 2);
    env.ok(&["apply", "--auto-approve"]);
    let none = plan(&env, "junit", 0);
    assert!(none.contains("name=\"no changes\"/>") && none.contains("failures=\"0\""), "{none}");
}

#[test]
fn what_is_refused_or_violated_fails_where_it_is() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    env.write("estate/apps/deploy.hcl", WIDE);
    let forbidden = plan(&env, "junit", 3);
    xml(&forbidden);
    let failed = cases(&forbidden);
    assert_eq!(failed["guardrail"][0], 1, "{failed:?}: {forbidden}");
    assert_eq!(failed["aws role"], [0, 1, 0], "{failed:?}");
    assert!(!failed.contains_key("plan"), "a violation is told once: {failed:?}");
    // Too many that go, each of them; the rest passes.
    std::fs::remove_file(env.dir().join("estate/apps/deploy.hcl")).unwrap();
    for file in ["apps/backup.hcl", "tests.hcl"] {
        std::fs::remove_file(env.dir().join("estate").join(file)).unwrap();
    }
    let output = env.run(&["plan", "--format", "junit", "--max-deletes", "1"]);
    assert_eq!(output.code, 3, "{}", output.normal());
    let failed = cases(&output.stdout);
    assert_eq!(failed["aws role"], [1, 0, 0], "{failed:?}: {}", output.stdout);
    assert!(output.stdout.contains("message=\"3 objects would be deleted, and 1 may be: "), "{}", output.stdout);
    // What is not selected is skipped.
    let output = env.run(&["plan", "--format", "junit", "--target", "aws/roles/backup"]);
    let skipped = cases(&output.stdout);
    assert!(skipped.values().any(|[_, _, skipped]| *skipped > 0), "{skipped:?}: {}", output.stdout);
}

/// A page without how it looks and what its script does.
pub(crate) fn unstyled(page: &str) -> String {
    let own = regex::Regex::new("(?s)<(style|script)>.*?</(?:style|script)>").unwrap();
    let page = own.replace_all(page, "<$1>...");
    regex::Regex::new("sha256-[A-Za-z0-9+/=]+").unwrap().replace_all(&page, "sha256-...").into_owned()
}

/// Writes a page, and answers where.
#[track_caller]
fn page(env: &TestEnv, arguments: &[&str], code: i32) -> PathBuf {
    let output = env.run(&[arguments, &["--format", "html"]].concat());
    assert_eq!(output.code, code, "{}", output.normal());
    env.write("page.html", &output.stdout)
}

/// What a page in a browser asked for and complained of: itself, and nothing.
#[track_caller]
fn quiet(browser: &Browser) {
    let (asked, complaints) = browser.told();
    assert!(asked.len() == 1 && asked[0].contains("page.html"), "it loads something: {asked:?}");
    assert!(complaints.is_empty(), "{complaints:#?}");
}

const SHOWN: &str = "[...document.querySelectorAll('.item')].filter(one => !one.hidden).length";

#[test]
fn a_page_can_be_searched_by_hand_and_by_keys_in_light_and_dark_and_on_paper() {
    let env = tutorial();
    let file = page(&env, &["plan"], 2);
    let mut browser = Browser::start(env.dir());
    browser.look(1280, "light");
    browser.open(&file);
    quiet(&browser);
    assert_eq!(browser.ask("document.querySelectorAll('details:not(.create) > summary .mark').length"), 0);
    let all = browser.ask(SHOWN).as_u64().unwrap();
    assert!(all > 13, "{all}");
    // A slash leads to the search, what is typed is found, Escape shows all.
    browser.press("/", "roles/BACKUP");
    assert_eq!(browser.ask("document.activeElement.id"), "search");
    let (found, told) = (browser.ask(SHOWN).as_u64().unwrap(), browser.ask("found.textContent"));
    assert!((1..all).contains(&found) && told == format!("{found} of {all}"), "{found} {told}");
    let hidden = "document.querySelector('#objects .group:not([hidden])').textContent.includes('backup')";
    assert_eq!(browser.ask(hidden), true);
    assert_eq!(
        browser.ask("[...document.querySelectorAll('#objects .group')].filter(one => one.hidden).length > 1"),
        true
    );
    browser.press("Escape", "");
    assert_eq!(browser.ask(SHOWN).as_u64(), Some(all));
    // What is folded opens: by a link, all at once, and on paper.
    let lead = "document.querySelector('#graph a').dispatchEvent(new MouseEvent('click', {bubbles: true})); \
                new Promise(done => setTimeout(() => done(document.querySelector(location.hash).open), 50))";
    assert_eq!(browser.ask(lead), true);
    let open = "[...document.querySelectorAll('details')].filter(one => one.open).length";
    let folds = browser.ask("document.querySelectorAll('details').length").as_u64();
    browser.ask("unfold.click()");
    assert_eq!(browser.ask(open).as_u64(), folds);
    browser.ask("fold.click()");
    assert_eq!(browser.ask(open).as_u64(), Some(0));
    assert!(browser.print().starts_with(b"%PDF"));
    assert_eq!(browser.ask(open).as_u64(), Some(0), "and is closed again");
    // Each colour has another one in the dark, and nothing sticks out of a narrow window.
    let colours = "[...document.querySelectorAll('body, h1, .verdict, rect, text, .place')].map(one => { const is = \
                   getComputedStyle(one); return is.color + is.backgroundColor + is.fill })";
    let light = browser.ask(colours);
    browser.look(400, "dark");
    let dark = browser.ask(colours);
    let same = light.as_array().unwrap().iter().zip(dark.as_array().unwrap()).filter(|(light, dark)| light == dark);
    assert_eq!(same.count(), 0, "{light} {dark}");
    let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.ask(fits), true);
    quiet(&browser);
}

#[test]
fn a_page_shows_what_is_gained_lost_refused_and_what_changes_where() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["creds", "webapp"]);
    env.write("estate/apps/deploy.hcl", WIDE);
    for file in ["apps/backup.hcl", "tests.hcl"] {
        std::fs::remove_file(env.dir().join("estate").join(file)).unwrap();
    }
    let document = env.dir().join("estate/iam/webapp.json");
    let text = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, text.replace("example-webapp/*", "example-webapp-new/*")).unwrap();
    let told = json(&env, 3);
    let file = page(&env, &["plan"], 3);
    let text = std::fs::read_to_string(&file).unwrap();
    for digest in [&told["digest"], &told["review"]["digest"]] {
        assert!(text.contains(digest.as_str().unwrap()), "{digest}");
    }
    let mut browser = Browser::start(env.dir());
    browser.open(&file);
    quiet(&browser);
    let part = |browser: &mut Browser, id: &str| {
        let text = browser.ask(&format!("document.getElementById('{id}')?.textContent ?? 'no {id}'"));
        text.as_str().unwrap().to_owned()
    };
    assert!(part(&mut browser, "refused").contains("guardrail violation"));
    let access = part(&mut browser, "access");
    assert!(["Access gained", "Access lost", "iam:PutUserPolicy"].iter().all(|part| access.contains(part)), "{access}");
    let leases = part(&mut browser, "leases");
    assert!(leases.contains("keep what they were issued with") && leases.contains("2h"), "{leases}");
    let graph = part(&mut browser, "graph");
    // Resources that come and go are boxes of their own.
    let marked = ["+ deploy", "- backup", "~ aws/webapp", "+ s3", "- rds", "arn:aws:s3:::example-webapp-new/*"];
    assert!(marked.iter().all(|part| graph.contains(part)), "{graph}");
    for (class, expected) in [("new", "+ deploy"), ("new", "+ s3"), ("gone", "- backup"), ("changed", "~ aws/webapp")] {
        let boxes =
            format!("[...document.querySelectorAll('rect.{class}')].map(one => one.nextElementSibling.textContent)");
        let boxes = browser.ask(&boxes).to_string();
        assert!(boxes.contains(expected), "{class}: {boxes}");
    }
    let lines = "[...document.querySelectorAll('.update pre span.added')].map(one => one.textContent).join()";
    let added = browser.ask(lines).to_string();
    assert!(added.contains("example-webapp-new"), "{added}");
    assert_eq!(browser.ask("document.querySelector('.verdict').className"), "verdict stop");
}

#[test]
fn a_page_of_a_small_change_reads_well() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    let document = env.dir().join("estate/iam/webapp.json");
    let text = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, text.replace("example-webapp/*", "example-webapp-new/*")).unwrap();
    let text = std::fs::read_to_string(page(&env, &["plan"], 2)).unwrap();
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    insta::assert_snapshot!("plan_html", digests.replace_all(&unstyled(&text), "[digest]"));
}

#[test]
fn nothing_that_files_say_acts_on_the_page() {
    let evil = "</pre></script><script>document.title='x'</script><img src=//192.0.2.1/x onerror=alert(1)>\\u202e";
    let env = TestEnv::new();
    env.write(
        "estate.hcl",
        &format!(
            "environment \"local\" {{\n  engine = \"embedded\"\n  aws = \"sandbox\"\n}}\naws \"aws\" {{\n  description = \
             \"{evil}\"\n}}\nauth \"approle\" {{}}\napp \"a\" {{\n  owner = \"{evil}\"\n  login \"approle\" {{}}\n  role \"a\" \
             {{\n    mount = \"aws\"\n    statement \"S\" {{\n      actions = [\"s3:GetObject\"]\n      resources = \
             [\"arn:aws:s3:::b/<img src=x>\"]\n    }}\n  }}\n}}\n"
        ),
    );
    let file = page(&env, &["plan"], 2);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("<script").count(), 1, "{text}");
    assert!(!text.contains("<img") && !text.contains('\u{202e}'), "{text}");
    let mut browser = Browser::start(env.dir());
    browser.open(&file);
    quiet(&browser);
    assert_eq!(browser.ask("document.title"), "Plan for local");
}

/// How long that takes is told, and no test: `-- a_page_of_500_roles --nocapture`.
#[test]
#[expect(clippy::print_stdout, reason = "it tells a figure")]
fn a_page_of_500_roles_opens_whole() {
    let env = TestEnv::new();
    let mut estate =
        "environment \"local\" {\n  engine = \"embedded\"\n  aws = \"sandbox\"\n}\naws \"aws\" {\n}\nauth \
                      \"approle\" {\n}\n"
            .to_owned();
    for app in 0..100 {
        estate += &format!("app \"app{app:03}\" {{\n  login \"approle\" {{\n    secret_id_ttl = \"24h\"\n  }}\n");
        for role in 0..5 {
            estate += &format!(
                "  role \"app{app:03}-{role}\" {{\n    mount = \"aws\"\n    statement \"S\" {{\n      actions = \
                 [\"s3:GetObject\", \"s3:PutObject\"]\n      resources = [\"arn:aws:s3:::bucket-{app}-{role}/*\"]\n    }}\n  }}\n"
            );
        }
        estate += "}\n";
    }
    env.write("estate.hcl", &estate);
    let file = page(&env, &["plan"], 2);
    let mut browser = Browser::start(env.dir());
    browser.look(1280, "light");
    let mut opened = Vec::new();
    for _ in 0..3 {
        browser.open(&file);
        quiet(&browser);
        let took = browser
            .ask("new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0)))");
        opened.push(took.as_f64().unwrap());
    }
    assert_eq!(browser.ask("document.querySelectorAll('#objects .item').length"), 702);
    let search = "{ const from = performance.now(); search.value = 'app042-3'; \
                  search.dispatchEvent(new Event('input')); document.body.offsetHeight; performance.now() - from }";
    let searched = browser.ask(search).as_f64().unwrap();
    assert_eq!(browser.ask("document.querySelectorAll('#objects .item:not([hidden])').length"), 2);
    println!(
        "a page of 500 roles, {} kB: open after {opened:.0?} ms, searched in {searched:.0} ms",
        std::fs::metadata(file).unwrap().len() / 1024
    );
}

#[test]
fn drift_is_a_page_too() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    let nothing = std::fs::read_to_string(page(&env, &["drift"], 0)).unwrap();
    assert!(nothing.contains("class=\"verdict good\""), "{nothing}");
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    env.ok(&["write", "aws/roles/webapp", "credential_type=iam_user", &format!("policy_document={wide}")]);
    env.ok(&[
        "write",
        "aws/roles/odd",
        "credential_type=iam_user",
        "policy_arns=arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]);
    let file = page(&env, &["drift"], 5);
    let mut browser = Browser::start(env.dir());
    browser.open(&file);
    quiet(&browser);
    for (id, expected) in [("changed", "aws/roles/webapp"), ("access", "s3:*"), ("not-ours", "aws/roles/odd")] {
        let told = browser.ask(&format!("document.getElementById('{id}').textContent")).to_string();
        assert!(told.contains(expected), "{id}: {told}");
    }
    browser.press("/", "odd");
    assert_eq!(browser.ask(SHOWN), 1);
    assert_eq!(browser.ask("document.getElementById('changed').hidden"), true);
}
