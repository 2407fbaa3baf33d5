//! Outcomes of tests as JUnit XML, which CI systems show.

use super::Outcomes;
use crate::review::escape::xml;

/// The outcomes of several environments as one document: a suite for each environment, a case for each assertion.
pub(in crate::review) fn document(environments: &[Outcomes]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"leasehold test\">\n");
    for outcomes in environments {
        let assertions = outcomes.tests.iter().flat_map(|test| &test.assertions);
        let failures = assertions.clone().filter(|asserted| asserted.failure.is_some()).count();
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">\n",
            xml(&outcomes.environment),
            assertions.count()
        ));
        for test in &outcomes.tests {
            for asserted in &test.assertions {
                let case = format!(
                    "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                    xml(&test.name),
                    xml(&asserted.what),
                    xml(&asserted.place.file),
                    asserted.place.line
                );
                match &asserted.failure {
                    None => out.push_str(&format!("{case}/>\n")),
                    Some(reasons) => out.push_str(&format!(
                        "{case}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                        xml(&message(reasons)),
                        reasons.iter().map(|reason| xml(reason)).collect::<Vec<_>>().join("\n")
                    )),
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The reason in a line: what it starts with, and what follows if that only announces it.
fn message(reasons: &[String]) -> String {
    let announced = reasons.first().is_some_and(|first| first.ends_with(':'));
    reasons.iter().take(1 + usize::from(announced)).map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl Outcomes {
    /// The outcomes of several environments as JUnit XML.
    pub fn junit(environments: &[Self]) -> String {
        document(environments)
    }
}
