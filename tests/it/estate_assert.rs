//! Estates that say more than an engine holds: where statements stand, managed policies, and tests.

use std::path::Path;

use leasehold::estate::{self, Assertion, Estate};
use leasehold::iam::policy::{Effect, Statement};

use crate::env::TestEnv;

const BASE: &str = r#"
environment "local" {
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
    {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
    {"Sid": "B", "Effect": "Deny", "Action": "s3:Put*",
     "Resource": "arn:aws:s3:::b/*"}
  ]
}
"#;

/// The estate of these files.
#[track_caller]
fn load(files: &[(&str, &str)]) -> Estate {
    let env = estate_of(files);
    loaded(env.dir())
}

fn estate_of(files: &[(&str, &str)]) -> TestEnv {
    let env = TestEnv::new();
    for (name, text) in [("base.hcl", BASE), ("iam/etl.json", DOCUMENT)].iter().chain(files) {
        env.write(name, text);
    }
    env
}

#[track_caller]
fn loaded(dir: &Path) -> Estate {
    let sources = estate::read_directory(dir).unwrap_or_else(|problems| panic!("{problems:?}"));
    estate::load(&sources, None).unwrap_or_else(|problems| panic!("{}", estate::render(&problems, &sources, false)))
}

/// Sid and place of each statement of a role.
fn places(estate: &Estate, role: &str) -> Vec<String> {
    let policy = estate.policy(role).unwrap();
    let shown = policy.statements.iter().map(|statement| {
        let Statement { sid, span, .. } = statement;
        format!("{} {}:{}:{}", sid.as_deref().unwrap_or("-"), span.file, span.line, span.column)
    });
    shown.collect()
}

#[test]
fn statements_know_where_they_stand() {
    let one = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#;
    let role = |name: &str, document: &str| {
        format!("role \"{name}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n{document}\n}}\n")
    };
    let heredoc: String =
        DOCUMENT.replace("b/*", "$${aws:username}/*").lines().map(|line| format!("    {line}\n")).collect();
    let heredoc = role("heredoc", &format!("  policy_document = <<-EOT\n{heredoc}  EOT"));
    let quoted = role("quoted", &format!("  policy_document = {}", serde_json::Value::from(one)));
    let blocks = "  statement \"X\" {\n    actions = [\"s3:Get*\"]\n    resources = [\"*\"]\n  }\n  statement \"Y\" {\n    effect = \"Deny\"\n    actions = [\"*\"]\n    resources = [\"*\"]\n  }";
    let arn_only = "  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]";
    let indented: String = DOCUMENT.lines().map(|line| format!("      {line}\n")).collect();
    let yaml =
        format!("role:\n  yaml:\n    mount: aws\n    credential_type: iam_user\n    policy_document: |\n{indented}");
    let estate = load(&[
        ("iam/one.json", one),
        ("a.hcl", &role("one", "  policy_document = \"file:iam/one.json\"")),
        ("b.hcl", &heredoc),
        ("c.hcl", &quoted),
        ("d.hcl", &role("blocks", blocks)),
        ("e.yaml", &yaml),
        ("f.hcl", &role("arn", arn_only)),
    ]);
    for (role, expected) in [
        ("etl", &["A iam/etl.json:4:5", "B iam/etl.json:5:5"][..]),
        ("one", &["- iam/one.json:1:40"]),
        ("heredoc", &["A b.hcl:8:9", "B b.hcl:9:9"]),
        ("quoted", &["- c.hcl:4:21"]),
        ("blocks", &["X d.hcl:4:13", "Y d.hcl:8:13"]),
        ("yaml", &["A e.yaml:9:11", "B e.yaml:10:11"]),
    ] {
        assert_eq!(places(&estate, &format!("aws/roles/{role}")), expected, "{role}");
    }
    assert!(estate.policy("aws/roles/arn").is_none() && estate.policy("aws/roles/none").is_none());
    let policy = estate.policy("aws/roles/heredoc").unwrap();
    assert_eq!(policy.statements[1].effect, Effect::Deny);
    assert_eq!(policy.statements[1].resources.patterns[0].text, "arn:aws:s3:::${aws:username}/*");
    assert!(policy.span.to_string().starts_with("b.hcl:4"), "{}", policy.span);
}

const TEST_HCL: &str = r#"
managed_policy "readers" {
  arn             = "arn:aws:iam::111122223333:policy/readers"
  policy_document = "file:iam/etl.json"
}

managed_policy "aws" {
  arn = "arn:aws:iam::aws:policy/Big"
  statement "S" {
    actions   = ["s3:Get*"]
    resources = ["*"]
  }
}

test "etl reads raw, nothing else" {
  app = "etl"
  allow {
    action   = "s3:GetObject"
    resource = "arn:aws:s3:::${var.bucket}/2026/x.parquet"
    context  = { "aws:RequestedRegion" = "eu-west-1" }
  }
  deny {
    action   = "s3:PutObject"
    resource = "arn:aws:s3:::${var.bucket}/*"
    context  = { "aws:RequestedRegion" = "eu-west-1", "aws:CalledVia" = ["a", "b"] }
  }
  allow {
    action   = "sts:GetCallerIdentity"
    resource = "*"
  }
  never {
    actions = ["iam:*", "sts:AssumeRole"]
  }
  at_most = "file:iam/etl.json"
  acl "aws/creds/etl" {
    capabilities = ["read"]
  }
  acl "sys/mounts" {
    capabilities = []
  }
  acl_only = ["aws/creds/etl"]
}
"#;

const TEST_YAML: &str = r#"
managed_policy:
  readers:
    arn: arn:aws:iam::111122223333:policy/readers
    policy_document: file:iam/etl.json
  aws:
    arn: arn:aws:iam::aws:policy/Big
    statement:
      S:
        actions: ["s3:Get*"]
        resources: ["*"]
test:
  etl reads raw, nothing else:
    app: etl
    allow:
      - action: s3:GetObject
        resource: arn:aws:s3:::${var.bucket}/2026/x.parquet
        context: {"aws:RequestedRegion": eu-west-1}
      - action: sts:GetCallerIdentity
        resource: "*"
    deny:
      action: s3:PutObject
      resource: arn:aws:s3:::${var.bucket}/*
      context: {"aws:RequestedRegion": eu-west-1, "aws:CalledVia": [a, b]}
    never:
      actions: ["iam:*", sts:AssumeRole]
    at_most: file:iam/etl.json
    acl:
      aws/creds/etl: {capabilities: [read]}
      sys/mounts: {capabilities: []}
    acl_only: [aws/creds/etl]
"#;

/// An assertion in a line.
fn shown(assertion: &Assertion) -> String {
    let texts = |scope: &leasehold::iam::policy::Scope| {
        scope.patterns.iter().map(|pattern| pattern.text.as_str()).collect::<Vec<_>>().join(",")
    };
    match assertion {
        Assertion::Allow(request) => format!("allow {} {} {:?}", request.action, request.resource, request.context),
        Assertion::Never(statement) => {
            let conditions: Vec<String> = statement
                .conditions
                .iter()
                .map(|condition| {
                    let values: Vec<&str> = condition.values.iter().map(|value| value.text.as_str()).collect();
                    format!(" {} {}={}", condition.operator, condition.key, values.join(","))
                })
                .collect();
            let word = statement.sid.as_deref().unwrap_or_default();
            format!("{word} {} {}{}", texts(&statement.actions), texts(&statement.resources), conditions.concat())
        }
        Assertion::AtMost(policy) => format!("at_most {} statements", policy.statements.len()),
        Assertion::Acl { path, capabilities } => format!("acl {path} {capabilities:?}"),
        Assertion::AclOnly(paths) => format!("acl_only {paths:?}"),
    }
}

#[test]
fn tests_and_managed_policies_are_the_same_in_both_syntaxes() {
    let expected = [
        r#"allow s3:GetObject arn:aws:s3:::raw/2026/x.parquet {"aws:requestedregion": ["eu-west-1"]}"#,
        "deny s3:PutObject arn:aws:s3:::raw/* ForAllValues:StringEquals aws:calledvia=a,b \
         ForAnyValue:StringEquals aws:calledvia=a ForAnyValue:StringEquals aws:calledvia=b \
         StringEquals aws:requestedregion=eu-west-1",
        "allow sts:GetCallerIdentity * {}",
        "never iam:*,sts:AssumeRole *",
        "at_most 2 statements",
        r#"acl aws/creds/etl ["read"]"#,
        "acl sys/mounts []",
        r#"acl_only ["aws/creds/etl"]"#,
    ];
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    for (file, text) in [("t.hcl", TEST_HCL), ("t.yaml", TEST_YAML)] {
        let estate = load(&[(file, text)]);
        let managed: Vec<_> = estate.managed_policies.iter().map(|p| (p.name.as_str(), p.arn.as_str())).collect();
        assert_eq!(
            managed,
            [("readers", "arn:aws:iam::111122223333:policy/readers"), ("aws", "arn:aws:iam::aws:policy/Big")]
        );
        assert_eq!(estate.managed_policies[0].policy.statements[1].span.to_string(), "iam/etl.json:5");
        let [test] = estate.tests.as_slice() else { panic!("one test") };
        assert_eq!((test.name.as_str(), test.app.as_str()), ("etl reads raw, nothing else", "etl"));
        let mut found: Vec<String> = test.assertions.iter().map(|(assertion, _)| shown(assertion)).collect();
        if file == "t.hcl" {
            assert_eq!(found, expected);
        }
        found.sort_unstable();
        assert_eq!(found, sorted, "{file}");
        assert!(test.assertions.is_sorted_by_key(|(_, place)| (place.line, place.column)), "{:?}", test.assertions);
    }
}

#[test]
fn the_success_line_counts_tests_where_there_are_some() {
    let env = estate_of(&[("t.hcl", TEST_HCL)]);
    assert_eq!(
        env.ok(&["validate", "."]),
        "Success! The estate is valid: 2 files, 1 environment, 1 app, 5 objects, 1 test.\n"
    );
    assert!(env.ok(&["validate", "--json", "."]).contains("\"valid\": true"));
    assert!(estate_of(&[]).ok(&["validate", "."]).ends_with("5 objects.\n"));
}

#[test]
fn overrides_reach_tests_and_lists_of_blocks_are_replaced() {
    let over = r#"
environment "prod" {
  address = "https://bao.example.com:8200"
  var {
    bucket = "prod"
  }
  override {
    test "etl reads raw, nothing else" {
      allow {
        action   = "s3:ListBucket"
        resource = "arn:aws:s3:::${var.bucket}"
      }
      acl "aws/creds/etl" {
        capabilities = ["read", "list"]
      }
    }
  }
}
"#;
    for (file, text) in [("t.hcl", TEST_HCL), ("t.yaml", TEST_YAML)] {
        let env = estate_of(&[(file, text), ("prod.hcl", over)]);
        let sources = estate::read_directory(env.dir()).unwrap();
        let estate = estate::load(&sources, Some("prod")).unwrap_or_else(|problems| panic!("{problems:?}"));
        let found: Vec<String> = estate.tests[0].assertions.iter().map(|(assertion, _)| shown(assertion)).collect();
        let allowed: Vec<&String> = found.iter().filter(|line| line.starts_with("allow")).collect();
        assert_eq!(allowed, ["allow s3:ListBucket arn:aws:s3:::prod {}"]);
        assert!(found.contains(&r#"acl aws/creds/etl ["list", "read"]"#.to_owned()), "{found:?}");
    }
}

const BAD_HCL: &str = r#"
managed_policy "a" {
  arn             = "arn:aws:iam::111122223333:policy/readers"
  policy_document = "file:iam/etl.json"
}
managed_policy "b" {
  arn             = "arn:aws:iam::111122223333:policy/readers"
  policy_document = "file:iam/none.json"
}
managed_policy "c" {
  arn  = "arn:aws:iam::111122223333:role/readers"
  name = "x"
}
test "t" {
  app   = "elt"
  alow  = {}
  allow {
    action   = "s3:Get*"
    resource = "arn:aws:s3:::raw/*"
    contxt   = {}
  }
  allow {
    action   = "GetObject"
    resource = "raw"
    context  = { "region" = "eu", "aws:x" = 1, "aws:y" = [], "aws:Z" = "1", "aws:z" = "2" }
  }
  deny {
    action = "s3:Get *"
    resource = "bucket"
  }
  never {
    actions   = []
    resources = "*"
  }
  at_most = "file:iam/broken.json"
  acl "aws/creds/+" {
    capabilities = ["reed", "deny"]
  }
  acl_only = ["aws/+*"]
}
test "empty" {
  app = "etl"
}
"#;

const BAD_YAML: &str = r#"
managed_policy:
  a: {arn: "arn:aws:iam::111122223333:policy/readers", policy_document: "file:iam/etl.json"}
  b: {arn: "arn:aws:iam::111122223333:policy/readers", policy_document: "file:iam/none.json"}
  c: {arn: "arn:aws:iam::111122223333:role/readers", name: x}
test:
  t:
    app: elt
    alow: {}
    allow:
    - action: s3:Get*
      resource: arn:aws:s3:::raw/*
      contxt: {}
    - action: GetObject
      resource: raw
      context: {"region": eu, "aws:x": 1, "aws:y": [], "aws:Z": "1", "aws:z": "2"}
    deny: {action: "s3:Get *", resource: bucket}
    never: {actions: [], resources: "*"}
    at_most: file:iam/broken.json
    acl:
      aws/creds/+: {capabilities: [reed, deny]}
    acl_only: ["aws/+*"]
  empty:
    app: etl
"#;

#[track_caller]
fn problems(file: &str, text: &str) -> String {
    let env = estate_of(&[(file, text), ("iam/broken.json", "{\"Statement\": [}")]);
    let output = env.run(&["validate", "."]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    output.stderr
}

#[test]
fn every_problem_of_tests_and_managed_policies_is_shown() {
    insta::assert_snapshot!(problems("t.hcl", BAD_HCL));
    let titles = |text: &str| {
        let mut titles: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("error:") || line.contains("= help:"))
            // Hints are in the syntax of the file.
            .map(|line| {
                match line.trim().split_once(": ").and_then(|(help, hint)| Some((help, hint.split_once(": ")?))) {
                    Some((help, (key, value))) if key.split(' ').count() == 2 => format!("{help}: {key} = {value}"),
                    _ => line.trim().to_owned(),
                }
            })
            .collect();
        titles.sort();
        titles
    };
    assert_eq!(titles(&problems("t.hcl", BAD_HCL)), titles(&problems("t.yaml", BAD_YAML)));
}

#[test]
fn blocks_that_stand_once_and_mixed_spellings_are_still_told_twice() {
    let text = "test \"t\" {\n  app = \"etl\"\n  allow = []\n  allow {\n  }\n}\naws \"b\" {\n  lease {\n    default = \"1h\"\n  }\n  lease {\n    max = \"2h\"\n  }\n}\n";
    insta::assert_snapshot!(problems("t.hcl", text));
}

#[test]
fn managed_policies_have_their_own_size_limit() {
    let sized = |count: usize| {
        let resources: Vec<String> = (0..count).map(|n| format!("\"arn:aws:s3:::bucket-{n:03}/*\"")).collect();
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}]}}"#,
            resources.join(",")
        )
    };
    let policy = |arn: &str| {
        format!("managed_policy \"a\" {{\n  arn = \"{arn}\"\n  policy_document = \"file:iam/big.json\"\n}}\n")
    };
    for (count, arn, expected) in [
        (150, "arn:aws:iam::111122223333:policy/a", 0),
        (300, "arn:aws:iam::111122223333:policy/a", 1),
        (300, "arn:aws:iam::aws:policy/A", 0),
    ] {
        let env = estate_of(&[("m.hcl", &policy(arn)), ("iam/big.json", &sized(count))]);
        let output = env.run(&["validate", "."]);
        assert_eq!(output.code, expected, "{count} {arn}: {}", output.stderr);
        assert_eq!(output.stderr.contains("IAM allows 6144 in a managed policy"), expected == 1, "{}", output.stderr);
    }
}
