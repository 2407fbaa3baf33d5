//! Estates through `leasehold validate`: every problem at once, in both syntaxes alike, and hostile files
//! refused at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use leasehold::estate;
use leasehold::object::FieldValue;

use crate::env::{Output, TestEnv};

const BASE_HCL: &str = r#"
environment "local" {
  engine = "embedded"
}
aws "aws" {}
auth "approle" {}
"#;

fn validate(files: &[(&str, &str)]) -> Output {
    let env = TestEnv::new();
    for (name, text) in files {
        env.write(name, text);
    }
    env.run(&["validate", "."])
}

/// The problems of an estate, which must not be valid.
#[track_caller]
fn problems(files: &[(&str, &str)]) -> String {
    let output = validate(files);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    output.stderr
}

const BAD_HCL: &str = r#"environment "local" {
  engine = "embedded"
}

aws "aws" {
  regoin = "eu-west-1"

  lease {
    default = "soon"
  }
}

auth "approle" {}

app "webapp" {
  role "webapp" {
    mount           = "awz"
    credential_type = "iam_usr"
    policy_document = "file:iam/webapp.json"
    policy_arns     = "arn:aws:iam::aws:policy/ReadOnlyAccess"
  }

  login "aprole" {
    secret_id_num_uses    = "10"
    secret_id_bound_cidrs = ["10.0.0.1/16"]
  }

  grants   = ["aws/reeder"]
  policies = ["opps"]
}

role "reader" {
  mount                    = "aws"
  credential_type          = "iam_user"
  permissions_boundary_arn = "arn:aws:iam::12345:policy/b"

  statement "Read" {
    effect  = "allow"
    actions = ["s3:GetObject"]
  }
}

policy "ops" {
  path "aws/creds/+*" {
    capabilities = ["reed"]
  }
}
"#;

const BAD_YAML: &str = r#"environment:
  local:
    engine: embedded
aws:
  aws:
    regoin: eu-west-1
    lease:
      default: soon
auth:
  approle: {}
app:
  webapp:
    role:
      webapp:
        mount: awz
        credential_type: iam_usr
        policy_document: file:iam/webapp.json
        policy_arns: arn:aws:iam::aws:policy/ReadOnlyAccess
    login:
      aprole:
        secret_id_num_uses: "10"
        secret_id_bound_cidrs: [10.0.0.1/16]
    grants: [aws/reeder]
    policies: [opps]
role:
  reader:
    mount: aws
    credential_type: iam_user
    permissions_boundary_arn: arn:aws:iam::12345:policy/b
    statement:
      Read:
        effect: allow
        actions: ["s3:GetObject"]
policy:
  ops:
    path:
      aws/creds/+*:
        capabilities: [reed]
"#;

const BAD_JSON: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject" "Resource": "*"}
  ]
}
"#;

#[test]
fn every_problem_of_an_hcl_estate_is_shown() {
    insta::assert_snapshot!(problems(&[("estate.hcl", BAD_HCL), ("iam/webapp.json", BAD_JSON)]));
}

#[test]
fn every_problem_of_a_yaml_estate_is_shown() {
    insta::assert_snapshot!(problems(&[("estate.yaml", BAD_YAML), ("iam/webapp.json", BAD_JSON)]));
}

#[test]
fn both_syntaxes_have_the_same_problems() {
    let titles = |text: String| {
        let mut titles: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("error:") || line.contains("= help:"))
            .map(str::to_owned)
            .collect();
        titles.sort();
        titles
    };
    let hcl = titles(problems(&[("estate.hcl", BAD_HCL), ("iam/webapp.json", BAD_JSON)]));
    let yaml = titles(problems(&[("estate.yaml", BAD_YAML), ("iam/webapp.json", BAD_JSON)]));
    // Each in its own spelling.
    let hcl: Vec<String> = hcl.iter().map(|line| line.replace("resources = [", "resources: [")).collect();
    assert_eq!(hcl, yaml);
}

#[test]
fn a_label_declared_twice_names_both_places_across_syntaxes() {
    let yaml = "app:\n  webapp:\n    policies: [default]\n";
    insta::assert_snapshot!(problems(&[
        ("apps/a.hcl", "app \"webapp\" {\n  policies = [\"default\"]\n}\n"),
        ("apps/b.yaml", yaml),
        ("base.hcl", BASE_HCL),
    ]));
}

#[test]
fn problems_inside_a_policy_document_stand_in_its_file() {
    let role =
        "role \"r\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"file:p.json\"\n}\n";
    let document = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n    \"Efect\": \"Allow\",\n    \"Action\": \"s3\",\n    \"Resource\": \"bucket\"\n  }]\n}\n";
    insta::assert_snapshot!(problems(&[("base.hcl", BASE_HCL), ("p.json", document), ("r.hcl", role)]));
}

#[test]
fn an_action_that_aws_does_not_have_is_a_warning_with_a_near_miss() {
    let role = r#"role "r" {
  mount           = "aws"
  credential_type = "iam_user"
  statement "Read" {
    actions   = ["s3:GetObjekt"]
    resources = ["arn:aws:s3:::bucket/*"]
  }
}
"#;
    let output = validate(&[("base.hcl", BASE_HCL), ("r.hcl", role)]);
    let told = format!("{}{}", output.stdout, output.stderr);
    assert_eq!(output.code, 0, "{told}");
    for part in ["AWS had no action `s3:GetObjekt` on 20", "did you mean `s3:GetObject`?", "r.hcl:5:"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn overrides_that_match_nothing_and_unknown_variables_are_told() {
    let estate = r#"
environment "prod" {
  address = "https://bao.example.com:8200"
  var {
    account = "12345"
  }
  override {
    aws "awz" {
      region = "eu-west-1"
    }
    aws "aws" {
      description = null
    }
  }
}
aws "aws" {
  description2 = "x"
}
role "r" {
  mount           = "aws"
  credential_type = "iam_user"
  policy_arns     = ["arn:aws:iam::${var.acount}:policy/p"]
}
"#;
    insta::assert_snapshot!(problems(&[("estate.hcl", estate)]));
}

#[test]
fn a_literal_secret_is_refused_and_not_shown() {
    let estate = format!(
        "{BASE_HCL}\naws \"b\" {{\n  root {{\n    access_key = \"AKIAIOSFODNN7EXAMPLE\"\n    secret_key = \"hunter2hunter2\"\n  }}\n}}\n"
    );
    let env = TestEnv::new();
    env.write("a.hcl", &estate);
    for arguments in [&["validate", "."][..], &["validate", "--json", "."]] {
        let output = env.run(arguments);
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(output.code == 1 && all.contains("a secret does not stand in the files"), "{all}");
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn machines_get_places_as_terraform_tells_them() {
    let env = TestEnv::new();
    env.write(
        "a.hcl",
        &format!(
            "{BASE_HCL}\nrole \"r\" {{\n  mount = \"aws\"\n  credential_type = \"x\"\n  iam_groups = [\"g\"]\n}}\n"
        ),
    );
    let output = env.run(&["validate", "--json", "."]);
    assert_eq!(output.code, 1);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&report["valid"], &report["error_count"]), (&false.into(), &1.into()));
    insta::assert_json_snapshot!(report["diagnostics"][0]);
}

#[test]
fn terminal_escapes_and_bidirectional_marks_in_files_are_not_obeyed() {
    let estate = format!("{BASE_HCL}\nrole \"r\\u001b[2J\" {{}}\napp \"\u{202e}x\" {{}}\n");
    let text = problems(&[("a.hcl", &estate)]);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}

/// Runs `validate` and `plan`, which must fail with this text, soon and in bounded memory.
#[track_caller]
fn refused(env: &TestEnv, expected: &str) {
    for command in ["validate", "plan"] {
        refused_by(env, command, expected);
    }
}

#[track_caller]
fn refused_by(env: &TestEnv, command: &str, expected: &str) {
    let started = Instant::now();
    let limited = ["-c", "ulimit -v 1500000; exec \"$0\" \"$1\" ."];
    let output = std::process::Command::new("/bin/sh")
        .args(limited)
        .args([env!("CARGO_BIN_EXE_leasehold"), command])
        .current_dir(env.dir())
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text:.2000}");
    assert!(text.contains(expected), "expected {expected:?} in {text:.2000}");
    assert!(text.len() < 20_000, "an answer of {} bytes", text.len());
    // A debug build on a busy machine; without bounds these take minutes or all memory.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn hostile_texts_are_refused() {
    let laughs = (1..10).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        format!("{text}a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))
    });
    let quadratic = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(2000), "*a, ".repeat(2000));
    let stairs: String = (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 2_000))).collect();
    let blocks = format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000));
    for (name, text, expected) in [
        ("a.yaml", laughs, "aliases repeat more than 100000 values"),
        ("a.yaml", quadratic, "aliases repeat more than 100000 values"),
        ("a.yaml", format!("a: {}", "[".repeat(10_000)), "nest deeper than 64 levels"),
        ("a.yaml", format!("a: {}", "{a: ".repeat(10_000)), "nest deeper than 64 levels"),
        ("a.yaml", stairs, "error"),
        ("a.hcl", format!("a = {}", "[".repeat(10_000)), "64"),
        ("a.hcl", format!("a = {}1", "(".repeat(10_000)), "64"),
        ("a.hcl", format!("a = {}1", "-".repeat(10_000)), "a.hcl"),
        ("a.hcl", format!("a = 1{}", "+1".repeat(10_000)), "a.hcl"),
        ("a.hcl", format!("a = \"{}", "${\"".repeat(10_000)), "a.hcl"),
        ("a.hcl", blocks, "64"),
        ("a.yaml", format!("a: [{}]", "1,".repeat(1_000_000)), "more than 500000 values"),
        ("a.hcl", format!("aws \"aws\" {{ a = [{}] }}", "1,".repeat(1_000_000)), "more than 500000 values"),
        ("a.yaml", "a: !!python/object/apply:os.system [ls]\n".to_owned(), "tags are not understood"),
        ("a.yaml", "a: \"x\0y\"\n".to_owned(), "NUL byte, in line 1"),
        ("a.hcl", format!("{}x", "#\n".repeat(100)).replace('x', "\0"), "NUL byte, in line 101"),
    ] {
        let env = TestEnv::new();
        env.write(name, &text);
        refused(&env, expected);
    }
}

#[test]
fn files_that_are_not_texts_or_too_large_are_refused() {
    let env = TestEnv::new();
    std::fs::write(env.dir().join("a.yaml"), b"a: \xff\xfe\n").unwrap();
    refused(&env, "not UTF-8: line 1");

    let env = TestEnv::new();
    std::fs::File::create(env.dir().join("big.yaml")).unwrap().set_len(100 << 20).unwrap();
    env.write("other.hcl", "app {}\n");
    refused(&env, "more than 4 MiB");
    // The other files are checked all the same.
    refused(&env, "`app` needs a label");

    let env = TestEnv::new();
    for number in 0..20 {
        env.write(&format!("{number}.hcl"), &"#".repeat((4 << 20) - 1));
    }
    refused(&env, "more than 64 MiB");

    let env = TestEnv::new();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        env.dir().join("pipe.hcl"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    refused(&env, "not a regular file");
}

#[test]
fn hostile_policy_documents_are_refused() {
    let deep = format!("{{\"Statement\": {}", "[".repeat(10_000)).into_bytes();
    let wide = format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{}", "{},".repeat(200_000)).into_bytes();
    for (document, expected) in [
        (Some(deep), "nested deeper than 64 levels"),
        (Some(wide), "this is not JSON"),
        (Some(b"{\"a\": \"\xff\"}".to_vec()), "not UTF-8"),
        (Some(b"{\"a\": \"\0\"}".to_vec()), "NUL byte"),
        (None, "more than"),
    ] {
        let env = TestEnv::new();
        let role = "role \"r\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"file:p.json\"\n}\n";
        env.write("a.hcl", &format!("{BASE_HCL}{role}"));
        match document {
            Some(bytes) => std::fs::write(env.dir().join("p.json"), bytes).unwrap(),
            None => std::fs::File::create(env.dir().join("p.json")).unwrap().set_len(100 << 20).unwrap(),
        }
        refused(&env, expected);
    }
}

#[test]
fn nothing_outside_the_estate_is_read() {
    for (reference, expected) in [
        ("file:../../etc/passwd", "leads out of the estate"),
        ("file:/etc/passwd", "leads out of the estate"),
        ("file:link", "leads out of the estate through a symbolic link"),
        ("file:dir/passwd", "leads out of the estate through a symbolic link"),
        ("file:nowhere", "there is no such file"),
    ] {
        let env = TestEnv::new();
        std::os::unix::fs::symlink("/etc/passwd", env.dir().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", env.dir().join("dir")).unwrap();
        env.write("a.hcl", &format!("{BASE_HCL}\nrole \"r\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"{reference}\"\n}}\n"));
        refused(&env, expected);
    }
    let env = TestEnv::new();
    let role = "role: {r: {mount: aws, credential_type: iam_user, policy_document: 'file:../../etc/passwd'}}\n";
    env.write("a.yaml", role);
    env.write("b.hcl", BASE_HCL);
    refused(&env, "leads out of the estate");
    let env = TestEnv::new();
    std::os::unix::fs::symlink("/etc/passwd", env.dir().join("a.hcl")).unwrap();
    refused(&env, "leads out of the estate");
    let env = TestEnv::new();
    std::os::unix::fs::symlink(env.dir(), env.dir().join("loop")).unwrap();
    env.write("a.hcl", BASE_HCL);
    refused(&env, "links to directories are not followed");
}

#[test]
fn hidden_directories_are_not_part_of_an_estate() {
    let output = validate(&[("a.hcl", BASE_HCL), (".leasehold/x.hcl", "broken"), (".git/y.yaml", "a: [")]);
    assert_eq!(output.stdout, "Success! The estate is valid: 1 file, 1 environment, 0 apps, 2 objects.\n");
}

#[test]
fn an_empty_or_missing_directory_is_told() {
    let env = TestEnv::new();
    refused(&env, "holds no estate");
    let output = env.run(&["validate", "nowhere"]);
    assert!(output.code == 1 && output.stderr.contains("can't open nowhere: it does not exist"), "{}", output.stderr);
}

/// Kind, app and fields of an object.
type Bare = (String, Option<String>, BTreeMap<&'static str, FieldValue>);

/// The objects of an estate by path, without their places.
fn objects(dir: &Path) -> BTreeMap<String, Bare> {
    let sources = estate::read_directory(dir).unwrap_or_else(|problems| panic!("{problems:?}"));
    let estate = estate::load(&sources, None).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert!(estate.warnings.is_empty(), "{:?}", estate.warnings);
    estate
        .objects
        .into_iter()
        .map(|object| {
            let fields = object.fields.into_iter().map(|(name, leaf)| (name, leaf.value)).collect();
            (object.path, (object.kind.name.to_owned(), object.app, fields))
        })
        .collect()
}

#[test]
fn the_tutorial_is_the_same_in_both_syntaxes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hcl = objects(&root.join("examples/tutorial"));
    assert_eq!(hcl, objects(&root.join("examples/tutorial-yaml")));
    let paths: Vec<&str> = hcl.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "auth/approle/role/app-analytics",
            "auth/approle/role/app-backup",
            "auth/approle/role/app-webapp",
            "aws/config/lease",
            "aws/config/root",
            "aws/roles/analytics",
            "aws/roles/backup",
            "aws/roles/webapp",
            "sys/auth/approle",
            "sys/mounts/aws",
            "sys/policies/acl/app-analytics",
            "sys/policies/acl/app-backup",
            "sys/policies/acl/app-webapp",
        ]
    );
}

#[test]
fn an_apps_policy_grants_its_own_credentials_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let objects = objects(&root.join("examples/tutorial"));
    let FieldValue::Data(rules) = &objects["sys/policies/acl/app-webapp"].2["policy"] else { panic!("data") };
    insta::assert_snapshot!(rules.as_str().unwrap());
}

#[test]
fn examples_and_shipped_policies_are_sound() {
    let env = TestEnv::new();
    for name in ["tutorial", "tutorial-yaml"] {
        let dir = env.copy_tree(&format!("examples/{name}"), name);
        let stdout = env.ok(&["validate", dir.to_str().unwrap()]);
        assert_eq!(stdout, "Success! The estate is valid: 6 files, 1 environment, 3 apps, 13 objects, 3 tests.\n");
    }
    let policies = env.dir().join("estate/policies");
    env.copy_tree("policies/acl", "estate/policies/acl");
    env.copy_tree("policies/iam", "estate/policies/iam");
    let names: Vec<String> = std::fs::read_dir(policies.join("acl"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.len() >= 2);
    for name in names {
        let stem = name.trim_end_matches(".hcl");
        // The shipped policies are not declarations themselves.
        std::fs::rename(policies.join("acl").join(&name), policies.join("acl").join(format!("{stem}.acl"))).unwrap();
        env.write(
            &format!("estate/{name}"),
            &format!("policy \"{stem}\" {{\n  file = \"file:policies/acl/{stem}.acl\"\n}}\n"),
        );
    }
    let role: String = ["engine", "emergency-revocation"]
        .map(|name| format!("role \"{name}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"file:policies/iam/{name}.json\"\n}}\n"))
        .concat();
    // Whoever makes IAM users could make itself one.
    let guardrail = "guardrail \"escalation\" {\n  enabled = false\n  reason = \"the engine's own user\"\n}\n";
    env.write("estate/base.hcl", &format!("{BASE_HCL}{role}{guardrail}"));
    let output = env.run(&["validate", "estate"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.stderr);
}
