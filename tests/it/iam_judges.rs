//! Policies that others wrote, and what others say of them: AWS's managed policies against the catalogue and the
//! parser, and the documents of `moto`'s own tests against our verdicts.

use std::path::Path;

use leasehold::iam::catalogue::Catalogue;
use leasehold::iam::document::{self, PolicyType};
use leasehold::iam::json;
use leasehold::iam::policy::Policy;
use serde_json::Value;

use crate::python;

/// AWS still names some actions that it no longer documents.
const UNMATCHED_PER_THOUSAND_MAX: usize = 5;

/// AWS's own policies hold some actions that can't have the resources that they name, by AWS's own reference; and
/// the reference leaves some resources out. More than some in a hundred statements would be noise.
const MISMATCHED_PER_THOUSAND_MAX: usize = 50;

/// Fatal for a customer's policy, though AWS's own are so: they may be larger.
fn is_of_aws_only(code: &str) -> bool {
    code == document::SIZE_CODE
}

#[test]
fn awss_managed_policies_are_read_and_expand_as_a_second_reader_says() {
    let catalogue = Catalogue::built_in();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/catalogue/actions.txt");
    let policies = python::script("policies.py", &["managed".as_ref(), file.as_os_str()]);
    assert!(policies.len() > 1_400, "{} policies", policies.len());
    let (mut wrong, mut patterns, mut unmatched) = (Vec::new(), 0, 0);
    let (mut all, mut mismatched, mut dead) = (0, 0, 0);
    for policy in &policies {
        let (name, text) = (policy["name"].as_str().expect("a name"), policy["document"].as_str().expect("a text"));
        let json = json::parse(text).unwrap_or_else(|why| panic!("{name}: {}", why.what));
        let findings = document::check_as(&json, PolicyType::Managed);
        let vain = findings.iter().filter(|finding| finding.code == "RESOURCE_MISMATCH");
        mismatched += vain.clone().count();
        dead += vain.filter(|finding| finding.what.ends_with(" nothing")).count();
        let refused = findings.into_iter().filter(|finding| finding.fatal);
        wrong.extend(refused.filter(|finding| !is_of_aws_only(finding.code)).map(|f| format!("{name}: {}", f.what)));
        let statements = Policy::of_checked(&json).statements;
        let expected = policy["statements"].as_array().expect("statements");
        assert_eq!(statements.len(), expected.len(), "{name}");
        all += statements.len();
        for (statement, expected) in statements.iter().zip(expected) {
            let covered = catalogue.covered(&statement.actions);
            let ends: Vec<String> =
                covered.first().into_iter().chain(covered.last()).map(ToString::to_string).collect();
            let misses = statement.actions.patterns.iter().filter(|one| catalogue.unknown(one).is_some()).count();
            let ours = serde_json::json!({
                "count": covered.len(),
                "ends": ends.iter().map(|end| end.to_ascii_lowercase()).collect::<Vec<_>>(),
                "unmatched": misses,
            });
            if ours != *expected {
                wrong.push(format!("{name}: we say {ours}, the second reader {expected}"));
            }
            patterns += statement.actions.patterns.len();
            unmatched += misses;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(patterns > 30_000, "{patterns} patterns");
    assert!(unmatched * 1000 <= patterns * UNMATCHED_PER_THOUSAND_MAX, "{unmatched} of {patterns} match nothing");
    let told = format!("of {all} statements {mismatched} hold actions in vain, {dead} of them no others");
    assert!(mismatched > 0 && mismatched * 1000 <= all * MISMATCHED_PER_THOUSAND_MAX, "{told}");
}

/// Where we differ from `moto`, and why: (a part of the document, whether we refuse it, why).
const DIFFERENT: &[(&str, bool, &str)] = &[
    ("\"Action\": \"iam: asdf safdsf af \"", true, "no action has a space: it can only be a slip"),
    ("{\"a\": {}}", true, "an operator that does not exist decides nothing: it can only be a slip"),
    ("{\"x\": {}, \"y\": {}}", true, "the same"),
    (", null]", true, "null is no resource"),
    ("_Strings_And_Booleans\"", true, "the grammar of IAM has letters and digits in a Sid; moto does not look"),
];

/// What we take with a warning: the user guide has the language of 2008, and no variable is in these documents.
const OLD: &str = "Policy document must be version 2012-10-17 or greater.";

#[test]
fn motos_own_cases_have_our_verdict() {
    let source = python::moto_source();
    let cases = python::script("policies.py", &["cases".as_ref(), source.as_os_str()]);
    let refusals = cases.iter().filter(|case| !case["refusal"].is_null()).count();
    assert!(refusals > 70 && cases.len() - refusals > 50, "{refusals} of {}", cases.len());
    let (mut wrong, mut used) = (Vec::new(), vec![false; DIFFERENT.len()]);
    for case in &cases {
        let text = case["document"].as_str().expect("a text");
        let ours = document::parse_as(text, PolicyType::Managed);
        let refused = ours.is_err();
        let (theirs, refusal) = match &case["refusal"] {
            Value::String(refusal) => (true, refusal.as_str()),
            _ => (false, "accepted"),
        };
        if refused == theirs {
            continue;
        }
        let listed = DIFFERENT.iter().position(|(part, refuse, _)| text.contains(part) && *refuse == refused);
        match listed {
            Some(index) => used[index] = true,
            None if refusal == OLD && told_as_old(text) => {}
            None => wrong.push(format!("{text}\n  they: {refusal}\n  we: {:?}", ours.err())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stale: Vec<_> = DIFFERENT.iter().zip(&used).filter(|(_, used)| !**used).collect();
    assert!(stale.is_empty(), "no longer different: {stale:?}");
}

fn told_as_old(text: &str) -> bool {
    let json = json::parse(text).expect("JSON");
    document::check(&json).iter().any(|finding| matches!(finding.code, "MISSING_VERSION" | "OLD_VERSION"))
}
