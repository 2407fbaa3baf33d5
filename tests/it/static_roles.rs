//! Static roles of an estate, from the files to the key: planned, applied, reviewed, judged, and read by an app.

use serde_json::Value;

use crate::env::TestEnv;

const BASE: &str = r#"environment "local" {
  engine = "embedded"
  aws    = "sandbox"
}
aws "aws" {}
auth "approle" {}
"#;

const ROLE: &str = r#"static_role "legacy" {
    username        = "legacy-app"
    rotation_period = "24h"
  }"#;

const USER: &str = r#"iam_user "legacy-app" {
  arn = "arn:aws:iam::123456789012:user/legacy-app"
  statement "Read" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::legacy/*"]
  }
}
"#;

fn estate(role: &str, more: &str) -> TestEnv {
    let env = TestEnv::new();
    let app = format!("app \"legacy\" {{\n  {role}\n  login \"approle\" {{\n    token_ttl = \"1h\"\n  }}\n}}\n");
    env.write("estate/e.hcl", &format!("{BASE}{app}{more}"));
    env
}

fn told(env: &TestEnv, arguments: &[&str]) -> (i32, String) {
    let output = env.run(&[&["-C", "estate"], arguments].concat());
    (output.code, output.stdout + &output.stderr)
}

fn call(env: &TestEnv, arguments: &[&str]) -> String {
    let account = env.dir().join("estate/.leasehold/local/sandbox").display().to_string();
    env.ok(&[&["sandbox", "call", "--data-dir", &account], arguments].concat())
}

#[test]
fn an_app_reads_the_key_of_a_user_that_is_there_already() {
    let env = estate(ROLE, USER);
    // A first apply makes the embedded engine, and its account.
    let (code, text) = told(&env, &["apply", "--auto-approve"]);
    assert!(code == 1 && text.contains("unable to validate username \"legacy-app\""), "{text}");
    call(&env, &["CreateUser", "UserName=legacy-app"]);
    let (code, plan) = told(&env, &["plan"]);
    assert_eq!(code, 2, "{plan}");
    for part in [
        "aws static role aws/static-roles/legacy",
        "! an access key of the IAM user legacy-app is made now, and its keys are the engine's from then on",
        "it reads the key of the IAM user legacy-app, which does not end",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert_eq!(told(&env, &["apply", "--auto-approve"]).0, 0);
    assert_eq!(told(&env, &["plan"]).0, 0, "the second plan is empty");
    let listed = call(&env, &["ListAccessKeys", "UserName=legacy-app"]);
    let (code, text) = told(&env, &["creds", "legacy"]);
    assert!(code == 0 && text.contains("The key of a static role: it ends with no lease"), "{text}");
    let json: Value = serde_json::from_str(&env.ok(&["-C", "estate", "creds", "legacy", "--format", "json"])).unwrap();
    // It is under no lease, so nothing keeps it beyond the moment in which it was read.
    let process = || -> Value {
        serde_json::from_str(&env.ok(&["-C", "estate", "creds", "legacy", "--format", "process"])).unwrap()
    };
    assert_eq!(process()["AccessKeyId"], json["access_key"]);
    env.ok(&["-C", "estate", "write", "-force", "aws/rotate-role/legacy"]);
    let json: Value = serde_json::from_str(&env.ok(&["-C", "estate", "creds", "legacy", "--format", "json"])).unwrap();
    let listed = format!("{listed}{}", call(&env, &["ListAccessKeys", "UserName=legacy-app"]));
    assert_eq!(process()["AccessKeyId"], json["access_key"]);
    assert!(listed.contains(json["access_key"].as_str().unwrap()), "{listed} {json}");
    assert_eq!((&json["lease_id"], &json["lease_renewable"]), (&Value::from(""), &Value::from(false)));
    let (code, shown) = told(&env, &["exec", "legacy", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"]);
    assert_eq!((code, shown.trim()), (0, json["access_key"].as_str().unwrap()));
    let (_, trail) = told(&env, &["trail", "--json"]);
    assert!(trail.contains("legacy-app") && trail.contains("\"state\":\"active\""), "{trail}");
    // By hand, the plan tells of it and mends it.
    env.ok(&["-C", "estate", "write", "aws/static-roles/legacy", "rotation_period=48h"]);
    let (code, plan) = told(&env, &["plan"]);
    assert!(code == 2 && plan.contains("rotation_period"), "{plan}");
    assert_eq!(told(&env, &["apply", "--auto-approve"]).0, 0);
    // Without it, its key goes; what is said is that.
    env.write("estate/e.hcl", &format!("{BASE}app \"legacy\" {{\n  login \"approle\" {{}}\n}}\n"));
    let (_, plan) = told(&env, &["plan"]);
    assert!(plan.contains("! the keys of its IAM user are deleted: what has one works no more"), "{plan}");
    assert_eq!(told(&env, &["apply", "--auto-approve"]).0, 0);
    let listed = call(&env, &["ListAccessKeys", "UserName=legacy-app"]);
    assert!(!listed.contains(json["access_key"].as_str().unwrap()), "{listed}");
}

#[test]
fn what_is_wrong_with_one_is_said_where_it_stands() {
    for (role, what) in [
        ("static_role \"x\" {\n rotation_period = \"24h\"\n}", "static_role \"x\" names no IAM user"),
        ("static_role \"x\" {\n username = \"u\"\n}", "static_role \"x\" does not say how old a key gets"),
        ("static_role \"x\" {\n username = \"u\"\n rotation_period = \"30s\"\n}", "no key is made anew every 30s"),
        (
            "static_role \"x\" {\n username = \"u\"\n rotation_period = \"1h\"\n}\nrole \"x\" {\n policy_arns = \
             [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}",
            "a `role` and a `static_role` are both aws/x",
        ),
        ("static_role \"x\" {\n username = \"u\"\n rotation_period = \"1h\"\n user_path = \"/x/\"\n}", "user_path"),
    ] {
        let (code, text) = told(&estate(role, ""), &["validate"]);
        assert!(code == 1 && text.contains(what) && text.contains("e.hcl:"), "{role}: {text}");
    }
    // The engine would delete the key that it signs with.
    let own = |arn: &str| BASE.replace("aws \"aws\" {}", &format!("aws \"aws\" {{\n  principal_arn = \"{arn}\"\n}}"));
    let env = estate(ROLE, "");
    let files = std::fs::read_to_string(env.dir().join("estate/e.hcl")).unwrap();
    for (arn, is_wrong) in [
        ("arn:aws:iam::123456789012:user/ops/Legacy-App", true),
        ("arn:aws:iam::123456789012:user/engine", false),
        ("arn:aws:iam::123456789012:role/legacy-app", false),
    ] {
        env.write("estate/e.hcl", &files.replace(BASE, &own(arn)));
        let (code, text) = told(&env, &["validate"]);
        let what = "is the user that aws signs as: its keys are not for a static role";
        assert_eq!((code == 1, text.contains(what)), (is_wrong, is_wrong), "{arn}: {text}");
        assert!(!is_wrong || text.contains("e.hcl:11:"), "{text}");
    }
    let user = USER.replace("user/legacy-app", "role/legacy-app");
    let (code, text) = told(&estate(ROLE, &user), &["validate"]);
    assert!(code == 1 && text.contains("is not the ARN of an IAM user"), "{text}");
}

#[test]
fn guardrails_know_that_its_key_has_no_end_and_what_its_user_may_do() {
    let guardrail = |demand: &str| format!("guardrail \"g\" {{\n  {demand}\n}}\n");
    let lifetime = guardrail("require {\n    max_ttl = \"12h\"\n  }");
    let types = guardrail("require {\n    credential_types = [\"iam_user\", \"assumed_role\"]\n  }");
    let deletes = guardrail("deny {\n    actions = [\"s3:DeleteObject\"]\n  }");
    let broken = "guardrail g (deny, environment local): role aws/legacy: ";
    for (more, what) in [
        (format!("{USER}{lifetime}"), Some("a credential may live 12h, and lives up to for ever")),
        (format!("{USER}{types}"), Some("the credential type must be iam_user or assumed_role, and is static_role")),
        (format!("{USER}{}", types.replace("\"iam_user\"", "\"static_role\"")), None),
        (format!("{USER}{deletes}"), None),
        (deletes.clone(), Some("what the IAM user legacy-app allows is not known here, and may be forbidden")),
        (format!("{}{deletes}", USER.replace("s3:GetObject", "s3:*")), Some("s3:DeleteObject")),
    ] {
        let (_, text) = told(&estate(ROLE, &more), &["validate"]);
        assert_eq!(text.contains(broken), what.is_some(), "{more}: {text}");
        assert!(text.contains(what.unwrap_or_default()), "{more}: {text}");
    }
    let test = |allow: &str| {
        format!(
            "test \"reads\" {{\n  app = \"legacy\"\n  allow {{\n    action = \"{allow}\"\n    resource = \"arn:aws:s3:::legacy/k\"\n  }}\n}}\n"
        )
    };
    assert_eq!(told(&estate(ROLE, &format!("{USER}{}", test("s3:GetObject"))), &["test"]).0, 0);
    let (code, text) = told(&estate(ROLE, &test("s3:GetObject")), &["test"]);
    assert!(code == 1 && text.contains("the IAM user legacy-app of the role aws/legacy is not known"), "{text}");
    let (_, text) = told(&estate(ROLE, USER), &["access", "what", "legacy"]);
    assert!(text.contains("lease for ever, a credential works at most for ever"), "{text}");
}
