//! Documents that allow everything in a way that is easily overlooked: no door lets them through as harmless.

use crate::env::TestEnv;

/// What each is, its `Condition`, and the `Condition` of a denial of everything beside it.
const ALLOWED: &[(&str, &str, Option<&str>)] = &[
    ("a date without a zone", r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00"}}"#, None),
    ("a date without seconds", r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00"}}"#, None),
    ("a date without zeros", r#"{"DateLessThan":{"aws:CurrentTime":"2030-1-1"}}"#, None),
    ("a date in lower case", r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01t00:00:00z"}}"#, None),
    ("a date without a time", r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T"}}"#, None),
    ("a year of five digits", r#"{"DateLessThan":{"aws:CurrentTime":"99999-01-01T00:00:00Z"}}"#, None),
    ("a number with an exponent", r#"{"NumericLessThanEquals":{"s3:max-keys":"1e3"}}"#, None),
    ("a truth that a tag tells", r#"{"Bool":{"aws:SecureTransport":"${aws:PrincipalTag/tls}"}}"#, None),
    ("an impossible network", "{}", Some(r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/33"}}"#)),
    (
        "an ARN one colon short",
        "{}",
        Some(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam:111122223333:role/admin"}}"#),
    ),
    (
        "a variable that may have no value",
        "{}",
        Some(r#"{"StringNotEquals":{"aws:PrincipalTag/team":"${aws:PrincipalTag/team}"}}"#),
    ),
    ("a denial with a date of no form", "{}", Some(r#"{"DateGreaterThan":{"aws:CurrentTime":"2030-01-01T00:00"}}"#)),
    (
        "a moment between two fractions",
        r#"{"DateGreaterThan":{"aws:CurrentTime":"2030-01-01T00:00:00.1Z"},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00.3Z"}}"#,
        None,
    ),
    (
        "a number past the sixteenth digit",
        r#"{"NumericGreaterThan":{"s3:max-keys":"100.00000000000000001"},"NumericLessThan":{"s3:max-keys":"100.00000000000000003"}}"#,
        None,
    ),
];

/// The documents, each with what it is.
pub(crate) fn documents() -> impl Iterator<Item = (&'static str, String)> {
    ALLOWED.iter().map(|(what, condition, denied)| {
        let statement = |effect: &str, condition: &str| {
            format!(r#"{{"Effect":"{effect}","Action":"*","Resource":"*","Condition":{condition}}}"#)
        };
        let denied = denied.map(|condition| format!(",{}", statement("Deny", condition))).unwrap_or_default();
        (*what, format!(r#"{{"Version":"2012-10-17","Statement":[{}{denied}]}}"#, statement("Allow", condition)))
    })
}

const ESTATE: &str = r#"environment "local" {
  engine = "embedded"
  aws    = "sandbox"
}
aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}
auth "approle" {}
app "shop" {
  login "approle" {
    token_ttl     = "1h"
    token_max_ttl = "1h"
  }
  role "shop" {
    mount           = "aws"
    credential_type = "iam_user"
    policy_document = "file:iam/shop.json"
  }
}
"#;

const TEST: &str = "test \"no users\" {\n  app = \"shop\"\n  never {\n    actions = [\"iam:*\"]\n  }\n}\n";

#[test]
fn what_can_not_be_read_is_never_proved_harmless() {
    let mut wrong = Vec::new();
    for (what, document) in documents() {
        let env = TestEnv::new();
        env.write("estate/estate.hcl", ESTATE);
        env.write("estate/iam/shop.json", &document);
        let mut expect = |door: &str, arguments: &[&str], code: i32, text: &str, not: &str| {
            let output = env.run(&[&["-C", "estate"], arguments].concat());
            let said = format!("{}{}", output.stdout, output.stderr);
            if output.code != code || !said.contains(text) || (!not.is_empty() && said.contains(not)) {
                wrong.push(format!("{what}, {door}: {}\n{said}", output.code));
            }
        };
        expect("validate", &["validate", "--all"], 3, "guardrail escalation", "");
        expect("plan", &["plan"], 3, "escalation", "");
        expect("access", &["access", "who", "iam:CreateUser"], 0, "shop", "Nobody");
        env.write("estate/test.hcl", TEST);
        expect("test", &["test"], 1, "no users", "ok    no users");
    }
    assert!(wrong.is_empty(), "{} doors are open:\n{}", wrong.len(), wrong.join("\n"));
}
