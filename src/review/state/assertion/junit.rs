//! Outcomes of tests as JUnit XML, which CI systems show.

use super::Outcomes;
use crate::review::junit::{Case, Suite, Verdict, document};

/// The reason in a line: what it starts with, and what follows if that only announces it.
fn message(reasons: &[String]) -> String {
    let announced = reasons.first().is_some_and(|first| first.ends_with(':'));
    reasons.iter().take(1 + usize::from(announced)).map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl Outcomes {
    /// The outcomes of several environments as one document: a suite for each environment, a case for each assertion.
    pub fn junit(environments: &[Self]) -> String {
        let suites: Vec<Suite> = environments.iter().map(Self::suite).collect();
        document("test", &suites)
    }

    fn suite(&self) -> Suite {
        let cases = self.tests.iter().flat_map(|test| {
            test.assertions.iter().map(|asserted| Case {
                class: test.name.clone(),
                name: asserted.what.clone(),
                place: Some(asserted.place.clone()),
                verdict: match &asserted.failure {
                    None => Verdict::Passed(Vec::new()),
                    Some(reasons) => Verdict::Failed(message(reasons), reasons.clone()),
                },
            })
        });
        Suite { name: self.environment.clone(), properties: Vec::new(), cases: cases.collect() }
    }
}
