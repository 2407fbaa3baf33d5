//! What a review says of an app whose credentials are sessions, against what the simulated account allows such sessions:
//! random policies of the IAM role, of its boundary and of the session, before and after a change, and every request of
//! a small alphabet put to real sessions. The account judges with an evaluator of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use leasehold::clock::Clock;
use leasehold::sandbox::{Account, ENGINE_ACCESS_KEY, Key, ROOT_SECRET};
use leasehold::secret::Secret;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::env::{TestEnv, commit_all, git};

const ACTION_PATTERNS: &[&str] = &["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:Put*", "s3:PutObject", "sqs:*"];
const RESOURCE_PATTERNS: &[&str] = &["*", "arn:aws:s3:::*", "arn:aws:s3:::a/*", "arn:aws:s3:::b/*", "arn:aws:s3:::a/k"];
const ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "s3:PutObjectAcl", "sqs:SendMessage"];
const RESOURCES: &[&str] =
    &["arn:aws:s3:::a/k", "arn:aws:s3:::a/l", "arn:aws:s3:::b/k", "arn:aws:sqs:eu-west-1:123456789012:q"];

/// What makes up the access of a session.
#[derive(Clone, Debug)]
struct Parts {
    role: Value,
    boundary: Option<Value>,
    session: Option<Value>,
}

fn statement() -> impl Strategy<Value = Value> {
    let parts = (
        prop::bool::weighted(0.8),
        prop::collection::vec(select(ACTION_PATTERNS), 1..3),
        prop::collection::vec(select(RESOURCE_PATTERNS), 1..3),
    );
    parts.prop_map(|(allow, actions, resources)| {
        let effect = if allow { "Allow" } else { "Deny" };
        json!({ "Effect": effect, "Action": actions, "Resource": resources })
    })
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(), 1..3)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn parts() -> impl Strategy<Value = Parts> {
    (document(), prop::option::of(document()), prop::option::of(document()))
        .prop_map(|(role, boundary, session)| Parts { role, boundary, session })
}

/// A change of one of the parts, or of all.
fn change() -> impl Strategy<Value = (Parts, Parts)> {
    (parts(), parts(), 0..4).prop_map(|(before, other, which)| {
        let mut after = before.clone();
        match which {
            0 => after.role = other.role,
            1 => after.boundary = other.boundary,
            2 => after.session = other.session,
            _ => after = other,
        }
        (before, after)
    })
}

impl Parts {
    /// The estate that says so.
    fn write(&self, env: &TestEnv) {
        let account = "arn:aws:iam::123456789012";
        let mut text = format!(
            "environment \"local\" {{\n  engine = \"embedded\"\n  aws = \"sandbox\"\n}}\naws \"aws\" {{}}\nauth \"approle\" {{}}\n\
             guardrail \"escalation\" {{\n  enabled = false\n  reason = \"random policies\"\n}}\n\
             iam_role \"r\" {{\n  arn = \"{account}:role/r\"\n  policy_document = \"file:role.json\"\n"
        );
        env.write("role.json", &self.role.to_string());
        if let Some(boundary) = &self.boundary {
            env.write("boundary.json", &boundary.to_string());
            text += &format!(
                "  permissions_boundary_arn = \"{account}:policy/b\"\n}}\nmanaged_policy \"b\" {{\n  arn = \"{account}:policy/b\"\n  policy_document = \"file:boundary.json\"\n"
            );
        }
        text += &format!("}}\napp \"app\" {{\n  role \"app\" {{\n    role_arns = [\"{account}:role/r\"]\n");
        if let Some(session) = &self.session {
            env.write("session.json", &session.to_string());
            text += "    policy_document = \"file:session.json\"\n";
        }
        text += "  }\n  login \"approle\" {\n    token_ttl = \"1h\"\n  }\n}\n";
        env.write("e.hcl", &text);
    }

    /// The requests that a session may make, as the account says.
    fn allowed(&self) -> BTreeSet<(&'static str, &'static str)> {
        let account = Account::open(None, Clock::system()).unwrap();
        account.add_engine_user().unwrap();
        let root = |name: &str, pairs: &[(&str, &str)]| call(&account, None, name, pairs);
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": "123456789012" }, "Action": "sts:AssumeRole",
        }] });
        let (trust, role) = (trust.to_string(), self.role.to_string());
        let mut create = vec![("RoleName", "r"), ("AssumeRolePolicyDocument", trust.as_str())];
        let boundary = self.boundary.as_ref().map(Value::to_string);
        if let Some(text) = &boundary {
            root("CreatePolicy", &[("PolicyName", "b"), ("PolicyDocument", text)]);
            create.push(("PermissionsBoundary", "arn:aws:iam::123456789012:policy/b"));
        }
        root("CreateRole", &create);
        root("PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", &role)]);
        let engine = Key { id: ENGINE_ACCESS_KEY.to_owned(), secret: Secret::new(ROOT_SECRET), session_token: None };
        let session = self.session.as_ref().map(Value::to_string);
        let mut assume = vec![("RoleArn", "arn:aws:iam::123456789012:role/r"), ("RoleSessionName", "session")];
        assume.extend(session.as_deref().map(|text| ("Policy", text)));
        let opened = call(&account, Some(&engine), "AssumeRole", &assume);
        let text = |name: &str| {
            let from = opened.split_once(&format!("<{name}>")).unwrap().1;
            from.split_once("</").unwrap().0.to_owned()
        };
        let key = Key {
            id: text("AccessKeyId"),
            secret: Secret::new(text("SecretAccessKey")),
            session_token: Some(Secret::new(text("SessionToken"))),
        };
        let all = ACTIONS.iter().flat_map(|action| RESOURCES.iter().map(|resource| (*action, *resource)));
        all.filter(|(action, resource)| account.may(&key, action, resource).is_ok()).collect()
    }
}

fn call(account: &Arc<Account>, key: Option<&Key>, name: &str, pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    account.call(key, name, pairs).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

/// The gains of an app's access that a review tells.
fn gains(before: &Parts, after: &Parts) -> Vec<Value> {
    let env = TestEnv::new();
    git(env.dir(), &["init", "-q", "-b", "main"]);
    before.write(&env);
    commit_all(env.dir());
    after.write(&env);
    // A change of nothing is one too.
    env.write("note.txt", "after");
    commit_all(env.dir());
    let output = env.run(&["review", "HEAD~1..HEAD", "--format", "json"]);
    assert!([0, 2].contains(&output.code), "{}", output.stderr);
    let review: Value = serde_json::from_str(&output.stdout).unwrap();
    let findings = review["environments"][0]["findings"].as_array().unwrap().clone();
    let is_access = |finding: &Value| {
        let topic = finding["kind"].as_str().unwrap_or_default();
        ["access-gained", "access-widened", "condition-changed", "access-unknown"].contains(&topic)
    };
    findings.into_iter().filter(|finding| finding["gains"] == true && is_access(finding)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_session_may_more_than_each_of_its_parts(parts in parts()) {
        let whole = parts.allowed();
        let alone = |document: &Value| Parts { role: document.clone(), boundary: None, session: None }.allowed();
        for part in [Some(&parts.role), parts.boundary.as_ref(), parts.session.as_ref()].into_iter().flatten() {
            prop_assert!(whole.is_subset(&alone(part)), "{whole:?} {part}");
        }
    }

    #[test]
    fn what_a_session_gains_is_told_and_what_is_told_is_gained((before, after) in change()) {
        let (had, has) = (before.allowed(), after.allowed());
        let gained: Vec<_> = has.difference(&had).collect();
        let told = gains(&before, &after);
        prop_assert!(gained.is_empty() || !told.is_empty(), "not told: {gained:?}");
        for finding in &told {
            let witness = &finding["witness"];
            let (Some(action), Some(resource)) = (witness["action"].as_str(), witness["resource"].as_str()) else { continue };
            // Only what stands in the alphabet was put to the account.
            let asked = has.iter().chain(&had).find(|(a, r)| *a == action && *r == resource);
            if let Some(asked) = asked {
                prop_assert!(has.contains(asked) && !had.contains(asked), "{finding}");
            }
        }
    }
}
