//! What the files of two commits have looked at: the tests of the estate, and the objects whose fields drift compares.
//!
//! Taking a check away gives nobody access, and what it kept out may come with the next change. Only a review of files
//! knows both sides of it, so it has no part in the digest.

use std::collections::BTreeSet;

use super::statement_facts;
use crate::estate::{Assertion, Estate, Test};
use crate::object::{Delete, Object, OnChange, Place};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Side;
use crate::review::words;

/// What changes of it.
pub(in crate::review) fn changes(before: &Side<'_>, after: &Side<'_>, findings: &mut Vec<Finding>) {
    let Some((old, new)) = before.estate().zip(after.estate()) else { return };
    let names: BTreeSet<&str> = old.tests.iter().map(|test| test.name.as_str()).collect();
    findings.extend(names.into_iter().filter_map(|name| test(name, old, new)));
    for was in &old.objects {
        let Some(is) = new.object(&was.path) else { continue };
        if was.protect && !is.protect {
            let what = "it is no longer protected: a plan may delete it";
            let subject = Subject::Engine(is.path.clone());
            findings.push(Finding::new(Topic::Checks, &subject, what).gain().at(is.place.clone()));
        }
        if was.on_change == OnChange::Revoke && is.on_change == OnChange::Keep {
            let what =
                "a change of it no longer revokes the leases that are out: what it takes away they keep until they end";
            let subject = Subject::Engine(is.path.clone());
            findings.push(Finding::new(Topic::Checks, &subject, what).gain().at(is.place.clone()));
        }
        // The same description is the same kind.
        if !std::ptr::eq(was.kind, is.kind) {
            findings.extend(object(was, is));
        }
    }
}

/// What a test proves no more.
fn test(name: &str, old: &Estate, new: &Estate) -> Option<Finding> {
    let of = |estate: &Estate| -> (BTreeSet<String>, Option<Place>) {
        let tests: Vec<&Test> = estate.tests.iter().filter(|test| test.name == name).collect();
        let assertion = |test: &Test| -> Vec<String> {
            test.assertions.iter().map(|(assertion, _)| format!("{} {}", test.app, fact(assertion))).collect()
        };
        (tests.iter().flat_map(|test| assertion(test)).collect(), tests.first().map(|test| test.place.clone()))
    };
    let ((was, declared), (is, place)) = (of(old), of(new));
    let gone = was.difference(&is).count();
    let subject = Subject::Engine(format!("test {name}"));
    let finding = |what: String| Finding::new(Topic::Checks, &subject, what);
    let finding = match place {
        None => finding("is there no more".to_owned()),
        Some(_) if gone == 0 => return None,
        Some(_) => {
            let of = words::count(was.len(), "assertion");
            finding(format!(
                "{gone} of its {of} {}",
                if gone == 1 { "is another, or gone" } else { "are others, or gone" }
            ))
        }
    };
    Some(match place.or(declared) {
        Some(place) => finding.at(place),
        None => finding,
    })
}

/// What an assertion says, wherever it is written.
fn fact(assertion: &Assertion) -> String {
    match assertion {
        Assertion::AtMost(policy) => {
            format!("at most {:?}", policy.statements.iter().map(statement_facts).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    }
}

/// What is not looked at, or done, any more with an object that says so itself.
fn object(was: &Object, is: &Object) -> Vec<Finding> {
    let subject = Subject::Engine(is.path.clone());
    let finding = |what: String| Finding::new(Topic::Checks, &subject, what).at(is.place.clone());
    let unseen = |name: &&str| was.kind.tells(name) && is.kind.field(name).is_some() && !is.kind.tells(name);
    let unseen: Vec<&str> = was.kind.fields.iter().map(|field| field.name).filter(unseen).collect();
    let mut findings = Vec::new();
    if !unseen.is_empty() {
        let what = format!("whether {} is as declared is not looked at any more", words::listed(&unseen));
        findings.push(finding(what).gain().note("a change by hand is no drift, and stays"));
    }
    let stays = |object: &Object| matches!(object.kind.delete, Delete::Keep(_));
    if stays(is) && !stays(was) {
        findings.push(finding("it stays as it is when it is no longer declared".to_owned()));
    }
    if stays(was) && !stays(is) {
        findings.push(finding("it is deleted when it is no longer declared".to_owned()));
    }
    findings
}
