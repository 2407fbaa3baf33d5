//! Guardrails at every door: validate, plan, apply, review, and the engine when it issues. And the digest that
//! leads from a credential to the review that allowed it.

use serde_json::{Value, json};

use crate::env::{TestEnv, commit_all, git};

const WIDE: &str = r#"app "deploy" {
  role "deploy" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Users" {
      actions   = ["iam:PutUserPolicy", "s3:GetObject"]
      resources = ["*"]
    }
  }
  login "approle" {
    secret_id_ttl = "24h"
    token_ttl     = "2h"
    token_max_ttl = "2h"
  }
}
"#;

/// The tutorial's estate in a directory of its own; commands run inside it.
fn tutorial() -> TestEnv {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    env.set("LEASEHOLD_DIR", estate.display().to_string());
    env
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn exception(expires: &str) -> String {
    format!(
        "guardrail \"escalation\" {{\n  except {{\n    roles   = [\"deploy\"]\n    reason  = \"SEC-412\"\n    \
         owner   = \"secops\"\n    expires = \"{expires}\"\n  }}\n}}\n"
    )
}

#[test]
fn what_a_change_brings_in_fails_it_and_an_exception_lets_it_pass() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    env.write("estate/apps/deploy.hcl", WIDE);
    let validate = env.run(&["validate"]);
    assert_eq!(validate.code, 0, "told, and no failure: {}", validate.stderr);
    assert!(
        validate.stderr.contains("guardrail escalation (deny, environment local): role aws/deploy"),
        "{}",
        validate.stderr
    );
    assert_eq!(env.run(&["validate", "--all"]).code, 3);
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 3);
    insta::assert_snapshot!("a_refused_plan", plan.normal().replace(&digest(&plan.stdout), "[digest]"));
    let apply = env.run(&["apply", "--auto-approve"]);
    assert_eq!(apply.code, 3, "{}", apply.stderr);
    assert_eq!(env.run(&["read", "aws/roles/deploy"]).code, 2, "nothing was written");

    env.write("estate/guardrails.hcl", &exception("2099-12-31"));
    assert_eq!(env.run(&["plan"]).code, 2);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["creds", "deploy"]);

    env.write("estate/guardrails.hcl", &exception("2020-12-31"));
    let validate = env.run(&["validate"]);
    assert_eq!(validate.code, 1);
    assert!(validate.stderr.contains("an exception from a guardrail has ended"), "{}", validate.stderr);
    assert!(validate.stderr.contains("it ended on 2020-12-31 (SEC-412, owner secops)"), "{}", validate.stderr);
    let file = exception("2020-12-31");
    let line = 1 + file.lines().position(|line| line.contains("except {")).expect("an exception");
    assert!(validate.stderr.contains(&format!("guardrails.hcl:{line}")), "its own place: {}", validate.stderr);
    // A plan says the same of it, and not to make another one.
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 3);
    assert!(plan.stdout.contains("help: remove it, or agree on a later day"), "{}", plan.stdout);
}

fn digest(text: &str) -> String {
    let at = text.find("Review ").expect("a review") + "Review ".len();
    text[at..at + 64].to_owned()
}

#[test]
fn the_engine_judges_a_role_as_it_is_when_it_issues() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["creds", "webapp"]);
    let wide = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]});
    let narrow =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]});
    env.ok(&["write", "aws/roles/webapp", "credential_type=iam_user", &format!("policy_document={wide}")]);
    let refused = env.run(&["creds", "webapp"]);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(
        refused.stderr.contains("the guardrail escalation denies credentials of the role aws/webapp"),
        "{}",
        refused.stderr
    );
    // Others are not concerned, and a role that is mended works again.
    env.ok(&["creds", "backup"]);
    env.ok(&["write", "aws/roles/webapp", "credential_type=iam_user", &format!("policy_document={narrow}")]);
    env.ok(&["creds", "webapp"]);
    // A role that was never the estate's has no guardrail.
    env.ok(&["write", "aws/roles/by-hand", "credential_type=iam_user", &format!("policy_document={wide}")]);
    env.ok(&["read", "aws/creds/by-hand"]);
    let trail = env.ok(&["trail", "verify"]);
    assert!(!trail.is_empty());
}

#[test]
fn a_guardrail_that_changes_reaches_the_roles_that_have_it() {
    let env = tutorial();
    env.ok(&["apply", "--auto-approve"]);
    assert_eq!(env.run(&["plan"]).code, 0);
    let rule = "guardrail \"no-delete\" {\n  roles = [\"aws/webapp\"]\n  deny {\n    actions = [\"s3:DeleteObject\"]\n  }\n}\n";
    env.write("estate/guardrails.hcl", rule);
    let plan = parsed(&env.run(&["plan", "--json"]).stdout);
    assert_eq!(plan["changes"].as_array().map(Vec::len), Some(1), "{plan}");
    assert_eq!(plan["changes"][0]["fields"][0]["name"], "guardrails");
    assert_eq!(plan["exit_code"], 2, "what was there before is not introduced: {plan}");
    let note = plan["notes"].to_string();
    assert!(note.contains("the guardrail no-delete denies what was there before: role aws/webapp"), "{note}");
    env.ok(&["apply", "--auto-approve"]);
    assert_eq!(env.run(&["plan"]).code, 0);
    let refused = env.run(&["creds", "webapp"]);
    assert!(refused.stderr.contains("the guardrail no-delete denies"), "{}", refused.stderr);
    // The last one that is taken away is taken away from the role as well.
    let none = "guardrail \"escalation\" {\n  enabled = false\n  reason  = \"SEC-413\"\n}\n";
    env.write("estate/guardrails.hcl", none);
    env.ok(&["apply", "--auto-approve"]);
    assert_eq!(env.run(&["plan"]).code, 0);
    env.ok(&["creds", "webapp"]);
}

#[test]
fn a_credential_leads_to_the_review_that_allowed_it() {
    let env = tutorial();
    let estate = env.dir().join("estate");
    git(&estate, &["init", "-q"]);
    commit_all(&estate);
    env.ok(&["apply", "--auto-approve"]);
    let text = std::fs::read_to_string(estate.join("iam/webapp.json")).unwrap();
    env.write("estate/iam/webapp.json", &text.replace("example-webapp/*", "example-webapp*"));
    commit_all(&estate);
    let review = env.run(&["review", "HEAD~1..HEAD", "--format", "json"]);
    assert_eq!(review.code, 2, "{}", review.stderr);
    let reviewed = parsed(&review.stdout)["environments"][0]["digest"].clone();
    let plan = parsed(&env.run(&["plan", "--json"]).stdout);
    assert_eq!(plan["review"]["digest"], reviewed, "the plan means what was reviewed");
    assert_eq!(plan["review"]["gained"], true);
    env.ok(&["apply", "--auto-approve"]);
    let ledger = env.ok(&["ledger", "show", "--format", "json", "aws/roles/webapp"]);
    env.ok(&["creds", "webapp"]);
    let trail = env.ok(&["trail", "--app", "webapp", "--json"]);
    let digest = reviewed.as_str().unwrap();
    assert!(trail.contains(digest), "{trail}");
    assert!(ledger.contains(digest), "{ledger}");
}

#[test]
fn an_exception_needs_a_reason_and_an_owner_that_say_something() {
    let env = tutorial();
    let except = "  except {\n    roles   = [\"backup\"]\n    reason  = \"  \"\n    owner   = \"\"\n    expires = \"2999-01-01\"\n  }";
    let rules = format!("guardrail \"a\" {{\n  use = \"pack:leases\"\n{except}\n}}\n");
    env.write("estate/guardrails.hcl", &rules);
    let output = env.run(&["validate"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    for told in ["reason of ", "owner of ", "says nothing", "guardrails.hcl:5:15", "guardrails.hcl:6:15"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.stderr);
    }
}

#[test]
fn problems_of_guardrails_are_shown_in_both_syntaxes() {
    let env = tutorial();
    env.write(
        "estate/guardrails.hcl",
        "guardrail \"a\" {\n  severty = \"deny\"\n  use = \"pack:baselin\"\n}\nguardrail \"b\" {\n  severity = \"fatal\"\n  deny {\n    actions = [\"s3\"]\n    levels  = [\"writ\"]\n    unless  = [\"vpce\"]\n  }\n  deny {}\n  require {\n    max_ttl = \"long\"\n  }\n  except {\n    roles   = [\"x\"]\n    expires = \"tomorrow\"\n  }\n}\nguardrail \"c\" {}\nguardrail \"d\" {\n  enabled = false\n  use     = \"pack:leases\"\n}\nguardrail \"e\" {\n  use   = \"builtin:escalation\"\n  paths = [\"pol-versio\"]\n}\nguardrail \"g\" {\n  use   = \"pack:leases\"\n  paths = [\"policy-version\"]\n}\n",
    );
    env.write(
        "estate/more.yaml",
        "guardrail:\n  f:\n    deny:\n    - wildcards: [resources]\n    except:\n      apps: [x]\n",
    );
    let output = env.run(&["validate"]);
    assert_eq!(output.code, 1);
    insta::assert_snapshot!("problems_of_guardrails", output.normal());
}

#[test]
fn a_boundary_that_the_plan_has_judged_is_trusted_until_somebody_touches_the_role() {
    let env = tutorial();
    env.write(
        "estate/bounded.hcl",
        "managed_policy \"ceiling\" {\n  arn = \"arn:aws:iam::111122223333:policy/ceiling\"\n  statement \"S3\" {\n    \
         actions   = [\"s3:*\"]\n    resources = [\"*\"]\n  }\n}\n",
    );
    let role = WIDE.replace(
        "credential_type = \"iam_user\"\n",
        "credential_type = \"iam_user\"\n    permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/ceiling\"\n",
    );
    env.write("estate/apps/deploy.hcl", &role);
    env.ok(&["apply", "--auto-approve"]);
    let sandbox = "the boundary has to exist in the account";
    let issued = env.run(&["creds", "deploy"]);
    assert!(!issued.stderr.contains("guardrail"), "{sandbox}: {}", issued.stderr);
    env.ok(&["write", "aws/roles/deploy", "credential_type=iam_user", "permissions_boundary_arn="]);
    let refused = env.run(&["creds", "deploy"]);
    assert!(refused.stderr.contains("the guardrail escalation denies"), "{}", refused.stderr);
}
