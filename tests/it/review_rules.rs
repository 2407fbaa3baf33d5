//! What stands beside objects in a change: guardrails that forbid less, and an environment that is applied elsewhere,
//! are never called no change, and are no part of the digest.

use crate::env::{Output, TestEnv, commit_all};

const PLACE: &str = "address = \"https://vault.example.com:8200\"";
const SANDBOX: &str = "engine = \"embedded\"\n  aws = \"sandbox\"";

fn estate(place: &str, rules: &str, action: &str) -> String {
    format!(
        "environment \"prod\" {{\n  {place}\n}}\naws \"aws\" {{}}\nauth \"approle\" {{}}\n{rules}\napp \"shop\" {{\n  \
         login \"approle\" {{}}\n  role \"shop\" {{\n    mount = \"aws\"\n    credential_type = \"iam_user\"\n    \
         statement \"S\" {{\n      actions = [\"{action}\"]\n      resources = [\"*\"]\n    }}\n  }}\n}}\n"
    )
}

fn review(before: &str, after: &str, arguments: &[&str]) -> Output {
    let env = TestEnv::new();
    for text in [before, after] {
        env.write("estate/estate.hcl", text);
        commit_all(&env.dir().join("estate"));
    }
    let mut all = vec!["review", "HEAD~1..HEAD", "-C", "estate"];
    all.extend(arguments);
    env.run(&all)
}

fn rule(more: &str) -> String {
    format!("guardrail \"mine\" {{\n  deny {{\n    actions = [\"sqs:*\"]\n  }}\n{more}\n}}")
}

fn except(role: &str) -> String {
    format!(
        "  except {{\n    roles = [\"{role}\"]\n    reason = \"SEC-1\"\n    owner = \"secops\"\n    expires = \"2099-01-01\"\n  }}"
    )
}

#[test]
fn a_guardrail_that_forbids_less_needs_a_reviewer() {
    let off = "guardrail \"escalation\" {\n  enabled = false\n  reason = \"x\"\n}";
    let two = "  deny {\n    actions = [\"sns:*\"]\n  }";
    let mut wrong = Vec::new();
    for (what, before, after, code, told) in [
        ("it goes", rule(""), String::new(), 2, "is there no more"),
        ("the built-in one is switched off", String::new(), off.to_owned(), 2, "is there no more"),
        ("it is switched off", rule(""), rule("  enabled = false\n  reason = \"x\""), 2, "is there no more"),
        ("it only warns", rule(""), rule("  severity = \"warn\""), 2, "its severity changed"),
        ("it is about some", rule(""), rule("  apps = [\"shop\"]"), 2, "whom it is about changed"),
        ("somebody is exempt", rule(""), rule(&except("shop")), 2, "its exceptions changed"),
        ("somebody else is exempt", rule(&except("sho?")), rule(&except("shop")), 2, "its exceptions changed"),
        ("it forbids something else", rule(""), rule("").replace("sqs:*", "sqs:Send*"), 2, "its rules changed"),
        ("it forbids one thing less", rule(two), rule(""), 2, "its rules changed"),
        ("it is new", String::new(), rule(""), 0, "is new"),
        ("it forbids more", rule(""), rule(two), 0, "its rules changed"),
        ("it denies", rule("  severity = \"warn\""), rule(""), 0, "its severity changed"),
        ("it is about all", rule("  apps = [\"shop\"]"), rule(""), 0, "whom it is about changed"),
        ("nobody is exempt", rule(&except("shop")), rule(""), 0, "its exceptions changed"),
        ("it stands elsewhere", rule(""), format!("\n\n{}", rule("")), 0, "Nothing is gained"),
    ] {
        let output =
            review(&estate(PLACE, &before, "s3:ListAllMyBuckets"), &estate(PLACE, &after, "s3:ListAllMyBuckets"), &[]);
        if output.code != code || !output.normal().contains(told) {
            wrong.push(format!("{what}: exit {}, not {code} with {told:?}:\n{}", output.code, output.normal()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_environment_that_is_applied_elsewhere_needs_a_reviewer() {
    for (before, after, code) in [
        (PLACE, "address = \"https://other.example.com:8200\"", 2),
        (SANDBOX, "engine = \"embedded\"", 2),
        (SANDBOX, PLACE, 2),
        ("engine = \"embedded\"", "engine = \"embedded\"\n  data = \"elsewhere\"", 2),
        ("engine = \"embedded\"", SANDBOX, 0),
        (PLACE, "address = \"https://vault.example.com:8200\"\n  max_deletes = 1", 0),
    ] {
        let output = review(&estate(before, "", "s3:GetObject"), &estate(after, "", "s3:GetObject"), &[]);
        assert_eq!(output.code, code, "{before} {after}: {}", output.normal());
    }
}

#[test]
fn what_stands_beside_objects_is_no_part_of_the_digest() {
    let digest = |place, rules: &str| {
        let (before, after) = (estate(PLACE, &rule(""), "s3:GetObject"), estate(place, rules, "s3:*"));
        let output = review(&before, &after, &["--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        report["environments"][0]["digest"].clone()
    };
    let plain = digest(PLACE, &rule(""));
    assert!(plain.is_string(), "{plain}");
    assert_eq!(digest(PLACE, ""), plain);
    assert_eq!(digest("address = \"https://other.example.com:8200\"", &rule("")), plain);
}

#[test]
fn the_longest_session_of_a_role_of_the_account_is_a_term() {
    let text = |hours: &str| {
        format!(
            "environment \"local\" {{\n  engine = \"embedded\"\n}}\naws \"aws\" {{\n}}\nauth \"approle\" {{\n}}\niam_role \
             \"deploy\" {{\n  arn = \"arn:aws:iam::111122223333:role/deploy\"\n  max_session = \"{hours}\"\n  policy_arns = \
             [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}}\napp \"web\" {{\n  role \"web\" {{\n    credential_type = \
             \"assumed_role\"\n    role_arns = [\"arn:aws:iam::111122223333:role/deploy\"]\n  }}\n  login \"approle\" {{\n  \
             }}\n}}\n"
        )
    };
    let longer = review(&text("2h"), &text("12h"), &[]);
    assert_eq!(longer.code, 2, "{}", longer.normal());
    for line in ["+ sessions: default 1h, at most 12h", "was default 1h, at most 2h", "works 6 times as long"] {
        assert!(longer.stdout.contains(line), "{line}: {}", longer.stdout);
    }
    let shorter = review(&text("12h"), &text("2h"), &[]);
    assert_eq!(shorter.code, 0, "{}", shorter.normal());
    assert!(shorter.stdout.contains("sessions: default 1h, at most 2h"), "{}", shorter.stdout);
}
