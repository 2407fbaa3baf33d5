//! Every place beside a role's document where somebody writes an action, a resource, a key, a role or an app: a typo in
//! what is forbidden must not pass as proved.

use crate::env::TestEnv;

const BASE: &str = r#"environment "local" {
  engine = "embedded"
}
aws "aws" {}
auth "approle" {}
app "mailer" {
  login "approle" {}
  role "mailer" {
    mount           = "aws"
    credential_type = "iam_user"
    statement "S" {
      actions   = ["ses:SendEmail"]
      resources = ["*"]
    }
  }
}
"#;

/// What a text names: each wrong one with whether it is an error, and what is said of it.
type Wrong = &'static [(&'static str, bool, &'static str)];

const ACTIONS: Wrong = &[
    ("ses:SendEmial", false, "did you mean `ses:SendEmail`?"),
    ("sess:*", false, "did you mean `ses`?"),
    ("s3:Zz*", false, "matches no action"),
    ("SendEmail", true, "is not an action"),
    ("s*:Get", true, "a service is named in full"),
];
const RESOURCES: Wrong = &[
    ("bucket/*", true, "is not a resource"),
    ("arn:aws:s3::bucket", true, "too few fields"),
    ("arn:amazon:s3:::b", true, "not a partition"),
    ("arn:aws:S3:::b", false, "lower case"),
    ("arn:aws:s3:::b/{aws:username}", false, "takes literally"),
];
const KEYS: Wrong = &[
    ("aws:SourceVpcee", false, "did you mean `aws:SourceVpce`?"),
    ("s33:prefix", false, "did you mean `s3`?"),
    ("vpce", true, "is not a condition key"),
];
const ROLES: Wrong = &[
    ("mialer", true, "did you mean `mailer`?"),
    ("aws/mialer", true, "did you mean `aws/mailer`?"),
    ("zz-*", true, "matches no role"),
];
const APPS: Wrong = &[("mialer", true, "did you mean `mailer`?"), ("zz-*", true, "matches no app")];

/// Each place, with `@` where the text stands.
const PLACES: &[(&str, Wrong)] = &[
    (r#"guardrail "g" { deny { actions = ["@"] } }"#, ACTIONS),
    (r#"guardrail "g" { deny { resources = ["@"] } }"#, RESOURCES),
    (r#"guardrail "g" { deny { actions = ["s3:*"], unless = ["@"] } }"#, KEYS),
    (r#"guardrail "g" { deny { actions = ["s3:*"] }, roles = ["@"] }"#, ROLES),
    (r#"guardrail "g" { deny { actions = ["s3:*"] }, apps = ["@"] }"#, APPS),
    (
        r#"guardrail "g" { deny { actions = ["s3:*"] }, except { roles = ["@"], reason = "r", owner = "o", expires = "2999-01-01" } }"#,
        ROLES,
    ),
    (
        r#"guardrail "g" { deny { actions = ["s3:*"] }, except { apps = ["@"], reason = "r", owner = "o", expires = "2999-01-01" } }"#,
        APPS,
    ),
    (r#"test "t" { app = "mailer", never { actions = ["@"] } }"#, ACTIONS),
    (r#"test "t" { app = "mailer", never { actions = ["s3:*"], resources = ["@"] } }"#, RESOURCES),
    (r#"test "t" { app = "mailer", deny { action = "@", resource = "*" } }"#, ACTIONS),
    (r#"test "t" { app = "mailer", deny { action = "s3:*", resource = "@" } }"#, RESOURCES),
    (r#"test "t" { app = "mailer", deny { action = "s3:*", resource = "*", context = { "@" = "a" } } }"#, KEYS),
    (r#"test "t" { app = "@", never { actions = ["s3:*"] } }"#, &[("mialer", true, "did you mean `mailer`?")]),
    (
        r#"test "t" { app = "mailer", allow { action = "@", resource = "*" } }"#,
        &[("ses:SendEmial", false, "did you mean `ses:SendEmail`?"), ("ses:*", true, "is not one action")],
    ),
    (r#"guardrail "g" { use = "builtin:escalation", paths = ["ec2-rum"] }"#, &[("", true, "did you mean `ec2-run`?")]),
];

/// One block on one line, as HCL wants it: a line for each attribute.
fn spread(block: &str) -> String {
    let lines = block.replace(" } }", "\n}\n}").replace("{ ", "{\n").replace(", ", "\n").replace(" }", "\n}");
    lines + "\n"
}

#[test]
fn a_typo_in_what_is_forbidden_is_told_wherever_it_stands() {
    let mut silent = String::new();
    for (block, wrong) in PLACES {
        for (text, fatal, told) in *wrong {
            let env = TestEnv::new();
            env.write("estate/estate.hcl", &format!("{BASE}{}", spread(&block.replace('@', text))));
            let (plain, strict) =
                (env.run(&["-C", "estate", "validate"]), env.run(&["-C", "estate", "validate", "--strict"]));
            let right = plain.stderr.contains(told) && plain.code == i32::from(*fatal) && strict.code == 1;
            if !right {
                silent.push_str(&format!("{block} with {text}: {} and {}\n{}", plain.code, strict.code, plain.stderr));
            }
        }
    }
    assert!(silent.is_empty(), "{silent}");
}

#[test]
fn a_question_with_a_typo_is_told() {
    let env = TestEnv::new();
    env.write("estate/estate.hcl", BASE);
    for (arguments, code, told) in [
        (&["who", "s3:GetObjct"][..], 2, "did you mean `s3:GetObject`?"),
        (&["who", "sess:*"], 2, "did you mean `ses`?"),
        (&["who", "GetObject"], 1, "is not an action"),
        (&["who", "s3:GetObject", "bucket"], 1, "is not a resource"),
        (&["who", "s3:GetObject", "*", "--context", "aws:SourceVpcee=a"], 2, "did you mean `aws:SourceVpce`?"),
        (&["what", "mialer"], 1, "mailer"),
    ] {
        let output = env.run(&[&["-C", "estate", "access"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn all_warnings_are_shown() {
    let env = TestEnv::new();
    let actions: Vec<String> = (0..150).map(|n| format!("\"ses:NoSuchAction{n}\"")).collect();
    let block = format!("guardrail \"g\" {{\n  deny {{\n    actions = [{}]\n  }}\n}}\n", actions.join(", "));
    env.write("estate/estate.hcl", &format!("{BASE}{block}"));
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!((output.code, output.stderr.matches("warning[INVALID_ACTION]").count()), (0, 150));
}
