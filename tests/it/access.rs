//! `leasehold access`: who can do a thing and what an app can do, by statement, place and commit.

use std::path::Path;

use git2::{IndexAddOption, Repository, Signature, Time};
use serde_json::{Value, json};

use crate::env::TestEnv;

const ESTATE: &str = r#"environment "local" {
  engine = "embedded"
}
aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}
auth "approle" {}
role "shared" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "Clean" {
    actions   = ["s3:Delete*"]
    resources = ["arn:aws:s3:::logs/*"]
    condition = {
      "StringEquals" = { "aws:RequestedRegion" = "eu-west-1" }
    }
  }
}
role "idle" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "All" {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::logs/*"]
  }
}
app "webapp" {
  login "approle" {
    token_ttl     = "30m"
    token_max_ttl = "90m"
  }
  grants = ["aws/shared"]
  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"
    statement "Assets" {
      actions   = ["s3:GetObject", "s3:DeleteObject"]
      resources = ["arn:aws:s3:::assets/*"]
    }
    statement "Keep" {
      effect    = "Deny"
      actions   = ["s3:Delete*"]
      resources = ["arn:aws:s3:::assets/keep/*"]
    }
  }
}
"#;

/// The estate in git: first without deleting, then with it, by two people.
fn estate() -> TestEnv {
    let env = TestEnv::new();
    let repository = Repository::init(env.dir()).unwrap();
    env.write("estate.hcl", &ESTATE.replace(", \"s3:DeleteObject\"]", "]"));
    commit(&repository, "Ada", "the estate", 1_700_000_000);
    env.write(
        "estate.hcl",
        &ESTATE.replace("statement \"Assets\"", "# Assets are replaced.\n    statement \"Assets\""),
    );
    commit(&repository, "Bob", "webapp tidies up", 1_710_000_000);
    env.write(
        "estate.hcl",
        &ESTATE.replace("statement \"Assets\"", "# Assets are replaced.\n    statement \"Replace\""),
    );
    commit(&repository, "Eve", "a better name", 1_720_000_000);
    env
}

fn commit(repository: &Repository, author: &str, message: &str, time: i64) {
    let mut index = repository.index().unwrap();
    index.add_all([Path::new("*.hcl")], IndexAddOption::DEFAULT, None).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let who = Signature::new(author, "someone@example.com", &Time::new(time, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    repository.commit(Some("HEAD"), &who, &who, message, &tree, &parents).unwrap();
}

#[test]
fn an_app_is_told_with_places_terms_and_commits() {
    insta::assert_snapshot!(estate().run(&["access", "what", "webapp"]).normal());
}

#[test]
fn who_can_do_a_thing_is_told_by_statement_and_commit() {
    let env = estate();
    insta::assert_snapshot!("who_wide", env.run(&["access", "who", "s3:Delete*"]).normal());
    insta::assert_snapshot!(
        "who_one",
        env.run(&["access", "who", "s3:DeleteObject", "arn:aws:s3:::assets/a"]).normal()
    );
}

/// The statements by which somebody may do a thing.
#[track_caller]
fn who(env: &TestEnv, arguments: &[&str]) -> (i32, Vec<String>) {
    let mut all = vec!["access", "who", "--format", "json"];
    all.extend(arguments);
    let output = env.run(&all);
    let json: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let names =
        json["access"].as_array().unwrap().iter().map(|row| {
            format!("{} {}", row["app"].as_str().unwrap_or("-"), row["statement"].as_str().unwrap_or_default())
        });
    (output.code, names.collect())
}

#[test]
fn only_who_can_do_some_of_it_is_named() {
    let env = estate();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (arguments, expected) in [
        (&["s3:GetObject", "arn:aws:s3:::assets/a"][..], &["webapp Replace"][..]),
        (&["S3:getobject", "arn:aws:s3:::assets/*"], &["webapp Replace"]),
        // A statement that denies takes all of it away.
        (&["s3:DeleteObject", "arn:aws:s3:::assets/keep/*"], &[]),
        (&["s3:DeleteObject", "arn:aws:s3:::logs/a"], &["webapp Clean", "- All"]),
        (&["s3:DeleteObject", "arn:aws:s3:::logs/a", "--context", "aws:RequestedRegion=us-east-1"], &["- All"]),
        (
            &["s3:DeleteObject", "*", "--context", "AWS:requestedregion=eu-west-1"],
            &["webapp Clean", "webapp Replace", "- All"],
        ),
        (&["iam:*"], &[]),
    ] {
        let code = if expected.is_empty() { 2 } else { 0 };
        assert_eq!(who(&env, arguments), (code, names(expected)), "{arguments:?}");
    }
}

/// People who may read roles by what they are given, whatever they log in by.
const PEOPLE: &str = r#"auth "people" {
  type = "userpass"
}
policy "logs" {
  path "aws/creds/idle" {
    capabilities = ["read"]
  }
}
policy "own" {
  path "aws/creds/{{identity.entity.metadata.role}}" {
    capabilities = ["read"]
  }
}
user "ann" {
  policies = ["own"]
  metadata = { role = "idle" }
  aliases  = { people = "ann" }
}
user "bob" {
  policies = ["own"]
  metadata = { role = "nothing" }
}
user "carl" {
  policies = ["logs"]
  disabled = true
}
user "dora" {}
group "ops" {
  policies = ["logs"]
}
group "night" {
  members = ["dora"]
}
group "shifts" {
  groups = ["night"]
  policies = ["logs"]
}
"#;

#[test]
fn people_have_what_their_policies_let_them_read() {
    let env = TestEnv::new();
    env.write("estate.hcl", &format!("{ESTATE}{PEOPLE}"));
    let (code, names) = who(&env, &["s3:DeleteObject", "arn:aws:s3:::logs/a", "--context", "aws:RequestedRegion=x"]);
    let people = ["entity/name/ann", "entity/name/dora", "group/name/night", "group/name/ops", "group/name/shifts"];
    assert_eq!((code, names), (0, people.map(|name| format!("identity/{name} All")).to_vec()));
    let text = env.run(&["access", "who", "s3:DeleteObject", "arn:aws:s3:::logs/a"]).normal();
    for line in ["user ann via role aws/idle (its tokens' policies let it read)", "group night via role aws/idle"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("no app"), "{text}");
    let of = |path: &str| env.run(&["access", "what", path]);
    assert!(of("identity/entity/name/dora").stdout.starts_with("user dora via role aws/idle"));
    assert_eq!((of("identity/entity/name/carl").code, of("identity/entity/name/bob").code), (2, 2));
    // What a template stands for at a user is known, and a login leads to the user who has its name.
    assert!(!of("identity/entity/name/ann").stdout.contains("depends on who logs in"));
    env.write(
        "login.hcl",
        "login \"people\" \"ann\" {\n  policies = [\"default\"]\n  password = \"secret:env:ANN\"\n}\n",
    );
    let login = of("auth/people/users/ann");
    assert_eq!(login.code, 0, "{}", login.normal());
    assert!(login.stdout.contains("auth/people/users/ann via role aws/idle"), "{}", login.stdout);
    let by_name = of("dora");
    assert!(by_name.code == 1 && by_name.stderr.contains("identity/entity/name/dora"), "{}", by_name.normal());
    let graph = env.run(&["graph", "--format", "mermaid"]).stdout;
    assert!(graph.contains("user dora") && graph.contains("group ops") && !graph.contains("user carl"), "{graph}");
    let json = env.run(&["access", "who", "s3:*", "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let rows = json["access"].as_array().unwrap();
    let ann = rows.iter().find(|row| row["app"] == "identity/entity/name/ann").unwrap();
    assert_eq!((&ann["subject"], &ann["via"]), (&json!({"type": "user", "name": ann["app"]}), &json!("acl")));
    assert!(rows.iter().any(|row| row["subject"] == json!({"type": "app", "name": "webapp"})));
}

#[test]
fn an_older_commit_answers_for_itself() {
    let env = estate();
    let question = ["s3:DeleteObject", "arn:aws:s3:::assets/a"];
    assert_eq!(who(&env, &question).0, 0);
    let [one, two] = question;
    assert_eq!(who(&env, &[one, two, "--at", "HEAD~2"]), (2, Vec::new()));
    // Since then the line has another author, and stands one line further down.
    let old = env.ok(&["access", "what", "webapp", "--at", "HEAD~1"]);
    assert!(old.contains("\"Assets\" estate.hcl:40   since ") && old.contains("2023-11-14 (Ada: the estate)"), "{old}");
    assert!(env.ok(&["access", "what", "webapp"]).contains("2024-07-03 (Eve: a better name)"));
    let none = env.run(&["access", "what", "webapp", "--at", "nowhere"]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("nowhere"), "{}", none.stderr);
}

#[test]
fn lines_that_are_not_committed_and_estates_without_git_have_no_commit() {
    let env = estate();
    env.write("estate.hcl", &ESTATE.replace("\"Assets\"", "\"Mine\""));
    let changed = env.ok(&["access", "who", "s3:GetObject", "arn:aws:s3:::assets/a"]);
    assert!(changed.ends_with("\"Mine\" estate.hcl:39\n"), "{changed}");
    let plain = TestEnv::new();
    plain.write("estate.hcl", ESTATE);
    let text = plain.ok(&["access", "what", "webapp"]);
    assert!(text.contains("estate.hcl:39\n") && !text.contains("since"), "{text}");
}

#[test]
fn what_is_not_known_is_no_nobody() {
    let env = TestEnv::new();
    let unknown = "    policy_arns = [\"arn:aws:iam::aws:policy/PowerUserAccess\"]\n    statement \"Assets\"";
    env.write("estate.hcl", &ESTATE.replace("    statement \"Assets\"", unknown));
    let output = env.run(&["access", "who", "iam:CreateUser"]);
    assert_eq!(output.code, 0);
    assert_eq!(
        output.stdout,
        "Nobody is known to be able to do this, but not all is known.\n\
         not known: the managed policy arn:aws:iam::aws:policy/PowerUserAccess of the role aws/webapp\n"
    );
}

#[test]
fn how_long_what_an_app_is_issued_lives_is_told_with_what_says_so() {
    let env = estate();
    let text = env.ok(&["access", "ttl", "webapp"]);
    insta::assert_snapshot!(text);
    let told: Value = serde_json::from_str(&env.ok(&["access", "ttl", "webapp", "--format", "json"])).unwrap();
    let row = &told["ttl"][0];
    assert_eq!(
        (&row["role"], &row["via"], &row["login"]),
        (&json!("aws/shared"), &json!("grant"), &json!("auth/approle/role/app-webapp"))
    );
    assert_eq!(row["default"]["seconds"], 1800);
    assert_eq!(row["max"]["said_by"], "token_max_ttl of auth/approle/role/app-webapp");
    assert_eq!((&row["max"]["seconds"], &row["max"]["place"]["line"]), (&json!(5400), &json!(33)));
    assert_eq!((&told["app"], &told["warnings"]), (&json!("webapp"), &json!([])));
}

#[test]
fn terms_that_do_not_hold_are_warned_of() {
    let env = TestEnv::new();
    env.write("estate.hcl", &ESTATE.replace("aws \"aws\" {\n", "aws \"aws\" {\n  max_lease_ttl = \"30m\"\n"));
    let what = "lease of aws/config/lease is 1h, and leases live 30m at most, which is max_lease_ttl of sys/mounts/aws";
    let told = env.ok(&["access", "ttl", "webapp"]);
    assert!(told.contains(&format!("warning: {what}\n  --> estate.hcl:7\n")), "{told}");
    let validated = env.run(&["validate"]);
    assert_eq!(validated.code, 0, "{}", validated.stderr);
    assert!(validated.stderr.contains(what) && validated.stderr.contains("estate.hcl:7:15"), "{}", validated.stderr);
    assert_eq!(env.run(&["validate", "--strict"]).code, 1);
    // An app whose tokens are short is another matter: its own answer says it, and nobody is warned.
    env.write("estate.hcl", &ESTATE.replace("token_max_ttl = \"90m\"", "token_max_ttl = \"40m\""));
    let told = env.ok(&["access", "ttl", "webapp"]);
    assert!(told.contains("live at most 40m, because they end with their token"), "{told}");
    assert!(!env.run(&["validate"]).stderr.contains("live at most"));
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let env = estate();
    for (arguments, why) in [
        (&["access", "who", "GetObject"][..], "`GetObject` is not an action"),
        (&["access", "who", "s3:GetObject", "assets/a"], "`assets/a` is not a resource"),
        (&["access", "who", "s3:GetObject", "--context", "x"], "x is not KEY=VALUE"),
        (&["access", "what", "web"], "the app web is not declared"),
        (&["access", "ttl", "web"], "the app web is not declared"),
        (&["access", "what", "webapp", "--format", "svg"], "no output in the form svg"),
    ] {
        let output = env.run(arguments);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{arguments:?}");
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}
