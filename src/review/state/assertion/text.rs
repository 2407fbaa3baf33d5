//! Outcomes of tests for people, and as JSON for programs.

use serde_json::{Value, json};

use super::{Asserted, Outcomes};
use crate::object::Place;
use crate::review::words;
use crate::text::one_line;

/// How many statements without a test are named.
const UNCOVERED_SHOWN_MAX: usize = 20;

impl Outcomes {
    /// The outcomes as text. `verbose` names the statements that no assertion exercises.
    pub fn text(&self, verbose: bool) -> String {
        let mut lines = vec![format!("environment {}", one_line(&self.environment))];
        let width = self.tests.iter().map(|test| test.name.chars().count()).max().unwrap_or_default();
        for test in &self.tests {
            let name = one_line(&test.name);
            let (mark, count) = match test.passed() {
                true => ("ok  ", words::count(test.assertions.len(), "assertion")),
                false => ("FAIL", one_line(&test.place.to_string()).into_owned()),
            };
            lines.push(format!("{mark}  {name:width$}   {count}"));
            for Asserted { what, place, failure } in &test.assertions {
                let Some(reasons) = failure else { continue };
                lines.push(format!("      {}  ({})", one_line(what), one_line(&place.to_string())));
                lines.extend(reasons.iter().map(|reason| format!("        {}", one_line(reason))));
            }
        }
        if let (true, Some(coverage)) = (verbose, &self.coverage) {
            for (role, sid, place) in coverage.uncovered.iter().take(UNCOVERED_SHOWN_MAX) {
                let sid = sid.as_ref().map(|sid| format!(" \"{}\"", one_line(sid))).unwrap_or_default();
                lines.push(format!(
                    "untested  statement{sid} of {}  ({})",
                    one_line(role),
                    one_line(&place.to_string())
                ));
            }
            if coverage.uncovered.len() > UNCOVERED_SHOWN_MAX {
                lines.push(format!("untested  and {} more", coverage.uncovered.len() - UNCOVERED_SHOWN_MAX));
            }
        }
        let (passed, failed) = self.counts();
        let coverage = self.coverage.as_ref().map(|coverage| {
            format!(
                " · coverage: {} of {} exercised by an allow assertion",
                coverage.exercised(),
                words::count(coverage.statements, "allow statement")
            )
        });
        lines.push(format!("{passed} passed, {failed} failed{}", coverage.unwrap_or_default()));
        lines.join("\n") + "\n"
    }

    /// The outcomes as JSON.
    pub fn json(&self) -> Value {
        let place = |place: &Place| json!({"file": &*place.file, "line": place.line, "column": place.column});
        let (passed, failed) = self.counts();
        let tests = self.tests.iter().map(|test| {
            let assertions = test.assertions.iter().map(|asserted| {
                json!({
                    "what": asserted.what,
                    "declared": place(&asserted.place),
                    "passed": asserted.failure.is_none(),
                    "reasons": asserted.failure.clone().unwrap_or_default(),
                })
            });
            json!({
                "name": test.name,
                "declared": place(&test.place),
                "passed": test.passed(),
                "assertions": assertions.collect::<Vec<_>>(),
            })
        });
        let coverage = self.coverage.as_ref().map(|coverage| {
            let uncovered = coverage.uncovered.iter();
            let uncovered = uncovered.map(|(role, sid, at)| json!({"role": role, "sid": sid, "declared": place(at)}));
            json!({
                "allow_statements": coverage.statements,
                "exercised": coverage.exercised(),
                "uncovered": uncovered.collect::<Vec<_>>(),
            })
        });
        json!({
            "environment": self.environment,
            "passed": passed,
            "failed": failed,
            "tests": tests.collect::<Vec<_>>(),
            "coverage": coverage,
        })
    }
}
