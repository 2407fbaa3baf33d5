//! Golden reviews: pull requests as people make them, each with the verdict that it must have.
//!
//! A case is a directory of `tests/data/review`: `common` and the case's `base` are the commit before, `head`
//! over them is the commit after, without the files that `removed` names.

use std::path::{Path, PathBuf};

use git2::{Repository, Signature, Time};

use crate::env::{Output, TestEnv};
use crate::plan_forms::unstyled;

const DATA: &str = "tests/data/review";

/// A repository whose last two commits are a case.
struct Case {
    env: TestEnv,
}

impl Case {
    fn new(name: &str) -> Self {
        let env = TestEnv::new();
        let root = env.copy_tree(&format!("{DATA}/common"), "estate");
        env.copy_tree(&format!("{DATA}/{name}/base"), "estate");
        let repository = Repository::init(&root).unwrap();
        record(&repository, "before");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA).join(name);
        if source.join("head").exists() {
            env.copy_tree(&format!("{DATA}/{name}/head"), "estate");
        }
        if let Ok(removed) = std::fs::read_to_string(source.join("removed")) {
            removed.lines().for_each(|file| std::fs::remove_file(root.join(file)).unwrap());
        }
        record(&repository, "after");
        Self { env }
    }

    fn root(&self) -> PathBuf {
        self.env.dir().join("estate")
    }

    fn review(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["review", "HEAD~1..HEAD", "-C", "estate"];
        all.extend(arguments);
        self.env.run(&all)
    }
}

/// Commits everything in the checkout; who and when never change, so that the hashes don't.
fn record(repository: &Repository, message: &str) {
    let mut index = repository.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["*"], None).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let who = Signature::new("Test", "test@example.com", &Time::new(1_700_000_000, 0)).unwrap();
    let parents: Vec<_> = repository.head().ok().map(|head| head.peel_to_commit().unwrap()).into_iter().collect();
    let parents: Vec<_> = parents.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap();
}

/// Without what every change of a fixture would move.
fn normal(output: &Output) -> String {
    let text = output.normal();
    let text = regex::Regex::new(r"\b[0-9a-f]{64}\b").unwrap().replace_all(&text, "[digest]").into_owned();
    regex::Regex::new(r"(HEAD(?:~1)?) \([0-9a-f]{7}\)").unwrap().replace_all(&text, "$1").into_owned()
}

/// Every case with its exit code: what the verdict is, and not what came out.
const CASES: &[(&str, i32)] = &[
    ("01-one-character", 2),
    ("02-not-action", 3),
    ("03-not-resource", 2),
    ("04-moved-between-roles", 0),
    ("05-moved-between-files", 0),
    ("06-merged-and-reordered", 0),
    ("07-boundary-removed", 2),
    ("08-boundary-swapped", 2),
    ("09-condition-dropped", 2),
    ("10-string-like", 2),
    ("11-if-exists", 2),
    ("12-for-all-values", 2),
    ("13-deny-removed", 2),
    ("14-deny-narrowed", 2),
    ("15-deny-gets-a-condition", 2),
    ("16-deny-added", 0),
    ("17-login-loosened", 2),
    ("18-secret-id-lives-longer", 2),
    ("19-lease-made-longer", 2),
    ("20-token-lives-longer", 2),
    ("21-escalation-in-two-steps", 3),
    ("22-grant-added", 2),
    ("23-acl-widened", 2),
    ("24-acl-rewritten", 0),
    ("25-managed-policy-attached", 2),
    ("26-new-app", 2),
    ("27-removed-app", 0),
    ("28-override-widens-prod", 2),
    ("29-case-and-order", 0),
    ("30-variable-replaced", 2),
    ("31-region-wildcard", 2),
    ("32-unknown-boundary-removed", 2),
    ("33-deny-beside-an-unknown-policy", 2),
    ("34-renamed-app", 0),
    ("35-yaml", 2),
    ("36-comment-only", 0),
    ("37-narrowed", 0),
    ("38-tags-that-the-policy-looks-at", 2),
    ("39-managed-policy-detached", 2),
    ("40-unknown-boundary-added", 0),
    ("41-moved-out-of-an-unknown-boundary", 2),
    ("42-role-that-no-app-has", 2),
    ("43-denial-over-another-policy", 2),
    ("44-role-by-a-wildcard-policy", 2),
    ("45-managed-policy-widened", 2),
    ("46-engine", 2),
    ("47-close-to-the-size-limit", 2),
    ("48-fewer-of-many-resources", 0),
    ("49-no-request-is-known", 2),
    ("50-date-of-no-form", 3),
    ("51-denial-with-a-date-of-no-form-dropped", 2),
    ("52-date-of-no-form-on-both-sides", 0),
    ("53-number-of-no-form", 2),
    ("54-denial-outside-no-network", 3),
    ("55-denial-outside-no-arn", 3),
    ("56-variable-under-a-negated-operator", 2),
    ("57-plain-operator-on-several-values", 2),
    ("58-bool-with-a-variable", 2),
    ("59-between-two-fractions", 2),
    ("60-past-the-sixteenth-digit", 2),
    ("61-one-of-many-actions-less", 0),
    ("62-one-of-many-actions-more", 2),
    ("63-one-of-two-resources-less", 0),
    ("64-passed-to-another-service", 2),
    ("65-typos-in-what-is-forbidden", 0),
    ("66-typo-in-whom-it-is-forbidden", 1),
    ("67-moved-to-another-mount", 2),
    ("68-escalation-that-may-have-been-denied", 3),
    ("69-assumed-role-added", 3),
    ("70-session-policy-removed", 2),
    ("71-iam-role-loosened", 2),
    ("72-another-iam-role", 2),
    ("73-sessions-live-longer", 2),
    ("74-session-of-an-unknown-role", 2),
    ("75-session-narrowed", 0),
    ("76-denial-of-one-of-several-roles", 2),
    ("77-iam-role-of-another-account", 2),
    ("78-unknown-session-policy-dropped", 2),
    ("79-boundary-of-an-iam-role-removed", 2),
    ("80-session-policy-lets-one-action-more", 2),
    ("81-trust-of-a-whole-account", 2),
    ("82-trust-without-its-condition", 2),
    ("83-trust-narrowed", 0),
    ("84-audience-dropped", 2),
    ("85-audience-added", 2),
    ("86-subject-of-another-namespace", 2),
    ("87-another-issuer", 2),
    ("88-glob-narrowed", 0),
    ("89-clocks-may-differ-more", 2),
    ("90-pattern-within-a-pattern", 0),
    ("91-ci-login-added", 2),
    ("92-any-branch", 2),
    ("93-claims-from-exact-to-glob", 2),
    ("94-branch-bound", 0),
    ("95-denials-of-trust-removed", 2),
    ("96-user-trusted-beside-its-account", 2),
    ("97-another-claim-of-a-branch", 2),
    ("98-iam-role-not-declared-any-more", 3),
    ("99-issuer-limited", 0),
    ("100-group-joined", 2),
    ("101-group-within-another", 2),
    ("102-another-alias-of-a-group", 2),
    ("103-user-called-so-elsewhere", 2),
    ("104-group-left", 0),
    ("105-login-of-people-added", 2),
    ("106-login-of-people-for-more", 2),
    ("107-login-of-people-with-more", 2),
    ("108-login-of-people-gone", 0),
    ("109-login-of-people-with-a-password", 3),
    ("110-static-role-added", 2),
    ("111-static-role-of-an-unknown-user", 3),
    ("112-key-made-anew-more-rarely", 2),
    ("113-static-user-loosened", 2),
    ("114-static-role-removed", 0),
    ("115-federation-added", 2),
    ("116-federation-session-policy-wider", 2),
    ("117-session-token-without-second-factor", 2),
    ("118-browser-login-added", 2),
    ("119-browser-login-for-more", 2),
    ("120-any-role-of-the-account", 2),
    ("121-aws-login-added", 2),
    ("122-roles-narrowed-to-a-path", 0),
    ("123-another-sts", 2),
    ("124-roles-made-anew", 2),
    ("130-template-added", 2),
    ("131-template-known", 2),
    ("132-denial-beside-a-template", 2),
    ("133-token-role-without-limits", 2),
    ("134-token-role-widened", 2),
    ("135-token-role-narrowed", 0),
    ("136-audit-looked-at-less", 2),
    ("137-mount-shown-and-logged-in-clear", 2),
    ("138-limits-and-keys-loosened", 2),
    ("139-checks-taken-away", 2),
    ("140-object-added", 2),
    ("141-object-changed", 2),
    ("142-protections-taken-away", 2),
    ("143-limit-below-a-limit", 2),
    ("144-drift-looked-at-less", 2),
    ("145-user-handed-a-role", 2),
    ("146-group-joined-that-reads-a-role", 2),
    ("147-policy-of-people-reads-a-role", 2),
    ("148-denial-left-with-a-group", 2),
    ("149-user-disabled", 0),
    ("150-batch-by-the-mount", 2),
    ("151-batch-login-added", 2),
    ("152-token-role-of-batch", 2),
    ("153-certificate-names-dropped", 2),
    ("154-certificates-of-another-ca", 2),
    ("155-role-of-people-wider", 2),
    ("156-group-with-a-way-up", 3),
    ("157-object-that-stayed-goes", 0),
    ("158-secrets-from-elsewhere", 2),
];

#[test]
fn every_case_has_its_verdict() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter_map(|(name, code)| {
            let output = Case::new(name).review(&[]);
            insta::with_settings!({ snapshot_suffix => *name }, { insta::assert_snapshot!("review", normal(&output)) });
            (output.code != *code).then(|| format!("{name}: {} instead of {code}", output.code))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_gain_that_no_request_is_known_of_is_marked_and_stays_a_gain() {
    let case = Case::new("49-no-request-is-known");
    for arguments in [&[][..], &["--format", "markdown"], &["--format", "html"], &["--format", "sarif"]] {
        let output = case.review(arguments);
        let marks = output.stdout.matches("knows no request that this could be").count();
        assert_eq!((output.code, marks >= 2), (2, true), "{arguments:?}: {}", output.stdout);
    }
    let output = case.review(&["--format", "json"]);
    let review: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let findings = review["environments"][0]["findings"].as_array().unwrap();
    let gains: Vec<_> = findings.iter().filter(|finding| finding["gains"] == true).collect();
    assert_eq!((output.code, gains.len()), (2, 2), "{}", output.stdout);
    assert!(gains.iter().all(|gain| gain["access"]["possible"] == false), "{}", output.stdout);
    let whole = Case::new("01-one-character").review(&["--format", "json"]);
    assert!(whole.stdout.contains(r#""possible": true"#) && !whole.stdout.contains(r#""possible": false"#));
}

/// Plain, it is told; where warnings are errors, nothing is judged by it.
#[test]
fn a_typo_in_what_is_forbidden_or_asked_is_no_proof() {
    let case = Case::new("65-typos-in-what-is-forbidden");
    let asked = |arguments: &[&str]| case.env.run(&[&["-C", "estate"], arguments].concat());
    let who = ["access", "who", "ses:SendEmial"];
    for (name, output, code) in [
        ("review-strict", case.review(&["--strict"]), 1),
        ("test", asked(&["test"]), 0),
        ("test-strict", asked(&["test", "--strict"]), 1),
        ("access", asked(&who), 2),
        ("access-strict", asked(&[&who[..], &["--strict"]].concat()), 1),
    ] {
        insta::with_settings!({ snapshot_suffix => name }, { insta::assert_snapshot!("typos", normal(&output)) });
        assert_eq!(output.code, code, "{name}: {}", output.stderr);
    }
}

#[test]
fn no_case_is_forgotten() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join(DATA);
    let mut found: Vec<String> = std::fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "common")
        .collect();
    let number = |name: &String| name.split('-').next().and_then(|number| number.parse::<u32>().ok());
    found.sort_by_key(number);
    assert_eq!(found, CASES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn a_comment_holds_what_is_gained_and_folds_the_rest() {
    for name in ["02-not-action", "26-new-app"] {
        let output = Case::new(name).review(&["--format", "markdown"]);
        assert!(output.stdout.starts_with("<!-- leasehold-review -->\n"));
        insta::with_settings!({ snapshot_suffix => name }, { insta::assert_snapshot!("markdown", normal(&output)) });
    }
}

#[test]
fn machines_read_a_review_as_json() {
    let output = Case::new("13-deny-removed").review(&["--format", "json"]);
    assert_eq!(output.code, 2);
    let review: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&review["format_version"], &review["exit_code"]), (&"1.0".into(), &2.into()));
    let finding = &review["environments"][0]["findings"][0];
    assert_eq!(finding["subject"], serde_json::json!({"type": "app", "name": "pipeline"}));
    insta::assert_snapshot!("json", normal(&output));
}

#[test]
fn code_scanning_reads_a_review_as_sarif() {
    let output = Case::new("09-condition-dropped").review(&["--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    let run = &sarif["runs"][0];
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let result = &run["results"][0];
    assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        (&location["artifactLocation"]["uri"], &location["region"]["startLine"]),
        (&"apps/vpn.hcl".into(), &8.into())
    );
    assert_eq!(result["partialFingerprints"]["leaseholdFinding/v1"].as_str().map(str::len), Some(64));
    assert_eq!((&result["level"], &result["kind"]), (&"warning".into(), &"fail".into()));
}

#[test]
fn a_review_is_one_page_of_html_without_scripts() {
    let output = Case::new("23-acl-widened").review(&["--format", "html", "--output", "review.html"]);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    let case = Case::new("23-acl-widened");
    let output = case.review(&["--format", "html"]);
    assert!(output.stdout.starts_with("<!doctype html>") && output.stdout.ends_with("</html>\n"));
    assert!(
        !output.stdout.contains("<script") && !output.stdout.contains("http://") && !output.stdout.contains("https://")
    );
    insta::assert_snapshot!("html", unstyled(&normal(&output)));
}

/// An estate with names that try to act where they are shown.
fn hostile() -> TestEnv {
    let env = TestEnv::new();
    let root = env.copy_tree(&format!("{DATA}/common"), "estate");
    let repository = Repository::init(&root).unwrap();
    record(&repository, "before");
    let owner = "</td><script>alert(1)</script>|@everyone [x](https://example.com) \\u001b[2J\\u202e";
    env.write(
        "estate/app.hcl",
        &format!(
            "app \"evil\" {{\n  owner = \"{owner}\"\n  role \"evil\" {{\n    mount = \"aws\"\n    \
             credential_type = \"iam_user\"\n    statement \"S\" {{\n      actions = [\"s3:GetObject\"]\n      \
             resources = [\"arn:aws:s3:::a/`|<img src=x>/*\"]\n    }}\n  }}\n  login \"approle\" {{}}\n}}\n"
        ),
    );
    record(&repository, "after");
    env
}

#[test]
fn names_do_not_act_where_they_are_shown() {
    let env = hostile();
    let review = |format| env.run(&["review", "HEAD~1..HEAD", "-C", "estate", "--format", format]);
    for format in ["text", "markdown", "html", "json", "sarif"] {
        let output = review(format);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(!output.stdout.contains('\u{1b}'), "{format}");
        // In the strings of JSON it is data.
        assert!(!output.stdout.contains('\u{202e}') || matches!(format, "json" | "sarif"), "{format}");
        if matches!(format, "markdown" | "html") {
            assert!(!output.stdout.contains("<script"), "{}", output.stdout);
        }
    }
    let comment = review("markdown").stdout;
    assert!(!comment.contains("@everyone") && !comment.contains("](https"), "{comment}");
    assert!(!review("html").stdout.contains("<img"));
}

#[test]
fn a_side_that_is_not_valid_is_named() {
    let case = Case::new("36-comment-only");
    std::fs::write(case.root().join("broken.hcl"), "app \"x\" {\n  roel \"y\" {}\n}\n").unwrap();
    record(&Repository::open(case.root()).unwrap(), "broken");
    let output = case.review(&[]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("broken.hcl:2") && output.stderr.contains("not valid in HEAD ("),
        "{}",
        output.stderr
    );
    std::fs::remove_file(case.root().join("broken.hcl")).unwrap();
    record(&Repository::open(case.root()).unwrap(), "mended");
    let output = case.review(&[]);
    assert!(output.code == 1 && output.stderr.contains("not valid in HEAD~1 ("), "{}", output.stderr);
}

#[test]
fn what_is_no_range_or_environment_is_told() {
    let case = Case::new("36-comment-only");
    for (arguments, expected) in [
        (&["review", "nowhere..HEAD", "-C", "estate"][..], "no revision `nowhere`"),
        (&["review", "HEAD~1..HEAD", "-C", "estate", "-e", "stage"], "neither side declares an environment `stage`"),
        (&["review", "HEAD~1..HEAD", "-C", "estate", "--format", "yaml"], "no output in the form yaml"),
        (&["review", "HEAD~1", "estate", "--against", "HEAD"], "leave one of them out"),
    ] {
        let output = case.env.run(arguments);
        assert!(output.code == 1 && output.stderr.contains(expected), "{arguments:?}: {}", output.normal());
    }
}

#[test]
fn without_a_range_the_files_are_compared_with_the_commit() {
    let case = Case::new("36-comment-only");
    let shop = case.root().join("apps/shop.hcl");
    let text = std::fs::read_to_string(&shop).unwrap();
    std::fs::write(&shop, text.replace("shop/*", "*")).unwrap();
    let before = std::fs::read(case.root().join(".git/index")).unwrap();
    let output = case.env.run(&["review", "-C", "estate"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stdout.contains("was on arn:aws:s3:::shop/*"), "{}", output.stdout);
    assert_eq!(std::fs::read(case.root().join(".git/index")).unwrap(), before);
}

#[test]
fn an_environment_on_one_side_is_all_new_or_all_gone() {
    let case = Case::new("36-comment-only");
    let engine = case.root().join("engine.hcl");
    let text = std::fs::read_to_string(&engine).unwrap();
    std::fs::write(&engine, format!("{text}\nenvironment \"stage\" {{\n  engine = \"embedded\"\n}}\n")).unwrap();
    let output = case.env.run(&["review", "HEAD", "-C", "estate"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stdout.contains("Environment stage, which is new: 1 app, 1 role."), "{}", output.stdout);
    record(&Repository::open(case.root()).unwrap(), "stage");
    std::fs::write(&engine, text).unwrap();
    let output = case.env.run(&["review", "HEAD", "-C", "estate"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    assert!(output.stdout.contains("Environment stage, which is no longer declared"), "{}", output.stdout);
}

/// The digest of a review's only environment.
fn digest(output: &Output) -> String {
    let review: serde_json::Value = serde_json::from_str(&output.stdout).expect(&output.stderr);
    review["environments"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_change_has_one_digest_however_it_is_read() {
    let env = TestEnv::new();
    let root = env.copy_tree("examples/tutorial", "estate");
    std::fs::write(root.join(".gitignore"), ".leasehold/\n").unwrap();
    let repository = Repository::init(&root).unwrap();
    record(&repository, "before");
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let live = |format| env.run(&["review", "--against", "live", "-C", "estate", "--format", format]);
    let nothing = live("text");
    assert_eq!(nothing.code, 0, "{}", nothing.normal());
    assert!(nothing.stdout.contains("Nothing changes."), "{}", nothing.stdout);
    let policy = root.join("iam/webapp.json");
    let text = std::fs::read_to_string(&policy).unwrap();
    std::fs::write(&policy, text.replace("\"s3:DeleteObject\"", "\"s3:*\"")).unwrap();
    let app = root.join("apps/analytics.hcl");
    let text = std::fs::read_to_string(&app).unwrap();
    std::fs::write(&app, format!("# Moved down.\n{}", text.replace("num_uses = 10", "num_uses = 0"))).unwrap();
    record(&repository, "after");
    let commits = env.run(&["review", "HEAD~1..HEAD", "-C", "estate", "--format", "json"]);
    let engine = live("json");
    assert_eq!((commits.code, engine.code), (2, 2), "{}", engine.normal());
    assert_eq!(digest(&commits), digest(&engine));
    assert_ne!(digest(&commits), digest(&env.run(&["review", "HEAD..HEAD", "-C", "estate", "--format", "json"])));
}
