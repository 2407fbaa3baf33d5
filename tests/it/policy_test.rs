//! `leasehold test`: what estates assert of their apps, proved or refuted, through the command.

use crate::env::{Output, TestEnv};

const BASE: &str = r#"
environment "dev" {
  engine = "embedded"
  var {
    bucket = "raw"
  }
}
aws "aws" {}
auth "approle" {}
app "etl" {
  login "approle" {}
  role "etl" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:iam/etl.json"
  }
}
"#;

const DOCUMENT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::${var.bucket}/*"},
    {"Sid": "Scratch", "Effect": "Allow", "Action": "s3:Put*", "Resource": "arn:aws:s3:::${var.bucket}/scratch/*"},
    {"Sid": "Keep", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::${var.bucket}/audit/*"}
  ]
}
"#;

/// An estate with one app and these files beside it.
fn estate(files: &[(&str, &str)]) -> TestEnv {
    let env = TestEnv::new();
    for (name, text) in [("base.hcl", BASE), ("iam/etl.json", DOCUMENT)].iter().chain(files) {
        env.write(name, text);
    }
    env
}

/// The outcome of a test of `etl` with these assertions, in an estate with more declarations.
fn outcome(assertions: &str, more: &str) -> Output {
    estate(&[("t.hcl", &format!("test \"t\" {{\n  app = \"etl\"\n{assertions}\n}}\n{more}"))]).run(&["test"])
}

#[track_caller]
fn passes(assertions: &str, more: &str) {
    let output = outcome(assertions, more);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{assertions}\n{}", output.stdout);
    assert!(output.stdout.contains("ok    t   "), "{}", output.stdout);
}

#[track_caller]
fn fails(assertions: &str, more: &str, why: &[&str]) {
    let output = outcome(assertions, more);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{assertions}\n{}", output.stdout);
    for why in why {
        assert!(output.stdout.contains(why), "{assertions}\nwithout {why}:\n{}", output.stdout);
    }
}

fn allow(action: &str, resource: &str) -> String {
    format!("allow {{\n  action = \"{action}\"\n  resource = \"{resource}\"\n}}")
}

fn deny(action: &str, resource: &str) -> String {
    format!("deny {{\n  action = \"{action}\"\n  resource = \"{resource}\"\n}}")
}

const TESTS: &str = r#"
test "etl reads" {
  app = "etl"
  allow {
    action   = "s3:GetObject"
    resource = "arn:aws:s3:::${var.bucket}/2026/x.parquet"
  }
  deny {
    action   = "s3:Delete*"
    resource = "*"
  }
  never {
    actions = ["iam:*", "sts:AssumeRole"]
  }
  acl "aws/creds/etl" {
    capabilities = ["read"]
  }
  acl_only = ["aws/creds/etl"]
}

test "etl writes nothing" {
  app = "etl"
  deny {
    action   = "s3:PutObject"
    resource = "arn:aws:s3:::${var.bucket}/*"
  }
  allow {
    action   = "s3:GetObject"
    resource = "arn:aws:s3:::${var.bucket}/audit/log"
  }
  allow {
    action   = "sqs:SendMessage"
    resource = "*"
  }
  at_most = "file:iam/ceiling.json"
  acl "aws/creds/etl" {
    capabilities = ["read", "list"]
  }
  acl_only = ["aws/creds/other"]
}
"#;

const CEILING: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]
}
"#;

#[test]
fn outcomes_say_what_fails_why_and_by_which_statement() {
    let env = estate(&[("tests.hcl", TESTS), ("iam/ceiling.json", CEILING)]);
    insta::assert_snapshot!(env.run(&["test", "--verbose", "--junit", "out.xml"]).normal());
    insta::assert_snapshot!("junit", std::fs::read_to_string(env.dir().join("out.xml")).unwrap());
}

#[test]
fn denials_are_proved_for_every_request() {
    // No single example would find the one folder in which writing is allowed.
    passes(&deny("s3:PutObject", "arn:aws:s3:::raw/2026/*"), "");
    fails(
        &deny("s3:PutObject", "arn:aws:s3:::raw/s*"),
        "",
        &["allowed, for example s3:PutObject on arn:aws:s3:::raw/"],
    );
    // The statement that denies is taken into account.
    passes(&deny("s3:*", "arn:aws:s3:::raw/audit/*"), "");
    passes(
        "never {\n  actions = [\"s3:Get*\"]\n  resources = [\"arn:aws:s3:::raw/audit/*\", \"arn:aws:s3:::b/*\"]\n}",
        "",
    );
    fails("never {\n  actions = [\"s3:Get*\"]\n}", "", &["statement \"Read\" (iam/etl.json:4"]);
}

#[test]
fn a_ceiling_holds_or_names_what_is_above_it() {
    let ceiling = |action: &str| {
        format!(
            "at_most = <<-EOT\n  {{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", \
             \"Action\": {action}, \"Resource\": \"arn:aws:s3:::raw/*\"}}]}}\nEOT"
        )
    };
    passes(&ceiling("\"s3:*\""), "");
    fails(&ceiling("\"s3:Get*\""), "", &["allowed, for example s3:Put", "by statement \"Scratch\""]);
}

const READER: &str = r#"
app "other" {
  login "approle" {}
  role "other" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_arns     = ["arn:aws:iam::111122223333:policy/readers"]
  }
}
"#;

#[test]
fn what_an_arn_stands_for_must_be_known_to_prove_anything() {
    let of_other = |assertion: &str, more: &str| {
        let test = format!("test \"t\" {{\n  app = \"other\"\n{assertion}\n}}\n{READER}{more}");
        estate(&[("t.hcl", &test)]).run(&["test"])
    };
    let denial = deny("s3:PutObject", "*");
    let unknown = of_other(&denial, "");
    assert_eq!(unknown.code, 1);
    for part in [
        "it can't be proved:",
        "the managed policy arn:aws:iam::111122223333:policy/readers of the role aws/other is not known",
        "managed_policy \"NAME\" { arn = \"arn:aws:iam::111122223333:policy/readers\"",
    ] {
        assert!(unknown.stdout.contains(part), "{}", unknown.stdout);
    }
    let declared = "managed_policy \"readers\" {\n  arn = \"arn:aws:iam::111122223333:policy/readers\"\n  statement \"S\" {\n    actions = [\"s3:Get*\"]\n    resources = [\"*\"]\n  }\n}\n";
    assert_eq!(of_other(&denial, declared).code, 0);
    assert_eq!(of_other(&allow("s3:GetObject", "arn:aws:s3:::x/y"), declared).code, 0);
    assert_eq!(of_other(&allow("s3:GetObject", "arn:aws:s3:::x/y"), "").code, 1);
}

#[test]
fn an_unknown_boundary_leaves_nothing_that_is_certainly_allowed() {
    let bounded = |more: &str| {
        let role = "role \"bounded\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/edge\"\n  statement \"S\" {\n    actions = [\"sqs:*\"]\n    resources = [\"*\"]\n  }\n}\n";
        let app = "app \"b\" {\n  grants = [\"aws/bounded\"]\n  login \"approle\" {}\n}\n";
        let test = format!(
            "test \"t\" {{\n  app = \"b\"\n{}\n}}\n",
            allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:q")
        );
        estate(&[("t.hcl", &format!("{role}{app}{test}{more}"))]).run(&["test"])
    };
    let edge = |action: &str| {
        format!(
            "managed_policy \"edge\" {{\n  arn = \"arn:aws:iam::111122223333:policy/edge\"\n  statement \"E\" {{\n    actions = [\"{action}\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        )
    };
    let unknown = bounded("");
    assert_eq!(unknown.code, 1);
    assert!(unknown.stdout.contains("the permissions boundary arn:aws:iam::111122223333:policy/edge of the role"));
    assert_eq!(bounded(&edge("sqs:Send*")).code, 0);
    let outside = bounded(&edge("s3:*"));
    assert_eq!(outside.code, 1);
    assert!(outside.stdout.contains("statement \"S\" (t.hcl:"), "{}", outside.stdout);
    assert!(outside.stdout.contains("allows it, and the permissions boundary does not"), "{}", outside.stdout);
}

#[test]
fn roles_that_an_apps_tokens_may_read_count_as_its_own() {
    let queue = "role \"queue\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  statement \"Send\" {\n    actions = [\"sqs:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let outcome = |path: &str| {
        let app = "app \"reader\" {\n  policies = [\"more\"]\n  login \"approle\" {}\n}\n";
        let policy = format!("policy \"more\" {{\n  path \"{path}\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n");
        let test = format!("test \"t\" {{\n  app = \"reader\"\n{}\n}}\n", deny("sqs:*", "*"));
        estate(&[("t.hcl", &format!("{queue}{app}{test}{policy}"))]).run(&["test"])
    };
    let readable = outcome("aws/creds/*");
    assert_eq!(readable.code, 1, "{}{}", readable.stdout, readable.stderr);
    assert!(readable.stdout.contains("of the role aws/queue"), "{}", readable.stdout);
    assert_eq!(outcome("aws/roles/*").code, 0);
}

/// Tokens act as the user that has their login's name as an alias, whoever wrote that.
#[test]
fn what_a_user_may_read_counts_for_the_app_whose_login_is_that_user() {
    let queue = "role \"queue\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  statement \"Send\" {\n    actions = [\"sqs:*\"]\n    resources = [\"*\"]\n  }\n}\n";
    let more = "auth \"people\" {\n  type = \"userpass\"\n}\npolicy \"send\" {\n  path \"aws/creds/queue\" {\n    capabilities = [\"read\"]\n  }\n}\ngroup \"senders\" {\n  \
                members = [\"mole\"]\n  policies = [\"send\"]\n}\n";
    let by_password = "login \"userpass\" {\n    mount = \"people\"\n    password = \"secret:env:P\"\n  }";
    let outcome = |login: &str, alias: &str, assertion: &str| {
        let app = format!("app \"reader\" {{\n  policies = [\"default\"]\n  {login}\n}}\n");
        let user = format!("user \"mole\" {{\n  aliases = {{ {alias} }}\n}}\n");
        let test = format!("test \"t\" {{\n  app = \"reader\"\n{assertion}\n}}\n");
        estate(&[("t.hcl", &format!("{queue}{more}{app}{user}{test}"))]).run(&["test"])
    };
    for assertion in [deny("sqs:*", "*"), "acl \"aws/creds/queue\" {\n  capabilities = []\n}".to_owned()] {
        let is_the_user = outcome(by_password, "people = \"app-reader\"", &assertion);
        assert_eq!(is_the_user.code, 1, "{assertion}: {}{}", is_the_user.stdout, is_the_user.stderr);
        let another = outcome(by_password, "people = \"somebody\"", &assertion);
        assert_eq!(another.code, 0, "{assertion}: {}{}", another.stdout, another.stderr);
    }
}

#[test]
fn every_environment_is_tested_unless_one_is_named() {
    let prod = "environment \"prod\" {\n  address = \"https://bao.example.com:8200\"\n  var {\n    bucket = \"prod\"\n  }\n}\n";
    let test = format!("test \"t\" {{\n  app = \"etl\"\n{}\n}}\n", allow("s3:GetObject", "arn:aws:s3:::raw/x"));
    let env = estate(&[("t.hcl", &test), ("prod.hcl", prod)]);
    let all = env.run(&["test"]);
    assert_eq!(all.code, 1);
    assert!(all.stdout.contains("environment dev\nok    t") && all.stdout.contains("environment prod\nFAIL  t"));
    assert_eq!(env.run(&["test", "-e", "dev"]).code, 0);
    assert_eq!(env.run(&["test", "-e", "none"]).code, 1);
    let json: serde_json::Value = serde_json::from_str(&env.run(&["test", "--format", "json"]).stdout).unwrap();
    let shown: Vec<_> = json["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["environment"].as_str().unwrap(), one["passed"].as_u64().unwrap(), one["failed"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(shown, [("dev", 1, 0), ("prod", 0, 1)]);
    let coverage = &json["environments"][0]["coverage"];
    assert_eq!((&coverage["allow_statements"], &coverage["exercised"]), (&2.into(), &1.into()));
    assert_eq!(coverage["uncovered"][0]["sid"], "Scratch");
    assert_eq!(coverage["uncovered"][0]["declared"]["file"], "iam/etl.json");
}

#[test]
fn some_tests_are_chosen_by_their_names_and_tell_no_coverage() {
    let env = estate(&[("tests.hcl", TESTS), ("iam/ceiling.json", CEILING)]);
    let chosen = env.run(&["test", "--filter", "reads"]);
    assert_eq!(chosen.code, 0);
    assert_eq!(chosen.stdout, "environment dev\nok    etl reads   5 assertions\n1 passed, 0 failed\n");
    let none = env.run(&["test", "--filter", "nothing of this"]);
    assert_eq!(none.code, 1, "a filter that chooses nothing proves nothing");
    assert!(none.stderr.contains("no test has `nothing of this` in its name"), "{}", none.stderr);
    assert_eq!(estate(&[]).ok(&["test", "."]), "The estate has no tests.\n");
}

#[test]
fn names_from_files_move_nothing_on_a_terminal_and_break_no_xml() {
    let name = "<a href='x'>&\\u001b[31m";
    let test = format!("test \"{name}\" {{\n  app = \"etl\"\n{}\n}}\n", allow("sqs:SendMessage", "*"));
    let env = estate(&[("t.hcl", &test)]);
    let output = env.run(&["test", "--junit", "out.xml"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stdout.contains("<a href='x'>&\\u{1b}[31m"), "{}", output.stdout);
    let junit = std::fs::read_to_string(env.dir().join("out.xml")).unwrap();
    assert_eq!(crate::graph::xml(&junit)["testcase"], 1);
    assert!(junit.contains("classname=\"&lt;a href=&#39;x&#39;&gt;&amp;\\u{1b}[31m\""), "{junit}");
}

#[test]
fn the_tutorials_tests_pass_in_both_syntaxes() {
    let env = TestEnv::new();
    let outcomes = ["tutorial", "tutorial-yaml"].map(|name| {
        env.copy_tree(&format!("examples/{name}"), name);
        env.ok(&["test", name])
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert!(
        outcomes[0]
            .ends_with("3 passed, 0 failed · coverage: 4 of 5 allow statements exercised by an allow assertion\n")
    );
}
