//! A rule goes its whole way: from the files of an estate to verdicts of both halves.

use super::{Verdicts, decode};
use crate::engine::backend::aws::role::Role;
use crate::estate::{self, Estate, Sources};
use crate::guardrail::{Severity, Violator};
use crate::plan::Attacher;
use crate::review::judgement::{Scope, judge};
use crate::review::state::Side;

const TODAY: &str = "2026-11-25";

fn load(guardrail: &str) -> Result<Estate, String> {
    let text = format!(
        r#"environment "local" {{
  engine = "embedded"
}}
aws "aws" {{}}
role "deploy" {{
  mount           = "aws"
  credential_type = "iam_user"
  statement "Read" {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }}
}}
guardrail "names" {{
  {guardrail}
}}
"#
    );
    let sources = Sources::from_texts([("a.hcl".to_owned(), text)], []);
    estate::load(&sources, None).map_err(|problems| estate::render(&problems, &sources, false))
}

/// The rule of the trial is in one file and in one line of a table; nothing else knows of it.
#[test]
fn a_rule_in_one_file_is_read_judged_sent_and_judged_again() {
    let estate = load(r#"naming { prefix = "app-" }"#).expect("valid");
    let judged = judge(None, &Side::of_estate(&estate), &estate.guardrails, Scope::All, TODAY);
    let violations: Vec<_> = judged.iter().map(|judged| &judged.violation).collect();
    let [violation] = violations.as_slice() else { panic!("{violations:?}") };
    assert_eq!(violation.subject, Violator::Role("aws/deploy".to_owned()));
    assert_eq!((violation.severity, violation.guardrail.as_str()), (Severity::Deny, "names"));
    assert_eq!(violation.what, "its name must begin with app-, and is deploy");

    let role = estate.objects.iter().find(|object| object.path == "aws/roles/deploy").expect("declared");
    let attached = Attacher::new(&estate.guardrails).of(role).expect("goes to the engine");
    assert!(attached.text.starts_with("names, escalation"), "{}", attached.text);
    let guardrails = decode(&attached.header).expect("this engine knows it");
    let sent: Vec<_> = guardrails.iter().map(|one| (&one.name, &one.rules)).collect();
    let meant: Vec<_> = estate.guardrails.iter().map(|one| (&one.name, &one.rules)).collect();
    assert_eq!(sent, meant);

    let role = Role { credential_type: "iam_user".to_owned(), guardrails, ..Role::default() };
    let stored: Role = serde_json::from_str(&serde_json::to_string(&role).expect("JSON")).expect("reads");
    assert_eq!(stored, role);
    let verdict = |label| Verdicts::default().check(&stored, label, 3600, 1_795_000_000).map_err(|e| format!("{e:?}"));
    let told = verdict("aws/deploy").expect_err("denied");
    assert!(told.contains("the guardrail names denies credentials of the role aws/deploy"), "{told}");
    assert_eq!(verdict("aws/app-deploy"), Ok(()));
}

#[test]
fn what_the_estate_says_of_a_rule_comes_from_its_words() {
    for (guardrail, told) in [
        (r#"naming { prefixes = "app-" }"#, "has no key `prefixes`"),
        (r#"naming { prefixes = "app-" }"#, "did you mean `prefix`?"),
        ("naming {}", "naming of guardrail \"names\" would name nothing"),
        (r#"naming { prefix = "app" }"#, "`app` ends without a dash"),
        (r#"namin { prefix = "app-" }"#, "did you mean `naming`?"),
        ("", "add `deny` or `require` or `naming` blocks"),
    ] {
        let problems = load(guardrail).expect_err(guardrail);
        assert!(problems.contains(told), "{guardrail}: {problems}");
    }
    // A block of a rule may stand twice, as those of all others.
    let twice = load("naming { prefix = \"app-\" }\n  naming { prefix = \"dep-\" }").expect("valid");
    assert_eq!(twice.guardrails.iter().find(|one| one.name == "names").map(|one| one.rules.len()), Some(2));
}
