//! Drift for CI systems: each finding with its rule, as SARIF and as JUnit XML.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; of JUnit what CI systems read: suites,
//! cases, failures and what was skipped.

use serde_json::{Value, json};

use super::finding::{Listed, Rule};
use super::{Aside, Drift, Fate};
use crate::object::fingerprint;
use crate::plan::Page;
use crate::review::Colour;
use crate::review::junit::{Case, Suite, Verdict, document};
use crate::review::sarif::{location, log, rule};

impl Drift {
    /// What drifted as SARIF. Places are told from the root of the repository, of which the estate is this directory.
    pub fn sarif(&self, directory: &str) -> Value {
        let rules = Rule::ALL.map(|one| rule(one.id(), one.text(), one.level().word())).to_vec();
        let result = |finding: &Listed| {
            let mut text = format!("{}: {}", finding.path, finding.what);
            finding.more.iter().for_each(|line| text.push_str(&format!("\n{line}")));
            let fact = json!([self.environment, finding.rule.id(), finding.path]);
            json!({
                "ruleId": finding.rule.id(),
                "kind": if finding.rule.is_failure() { "fail" } else { "informational" },
                "level": if finding.rule.is_failure() { finding.level.word() } else { "none" },
                "message": { "text": format!("{text}\nEnvironment {}.", self.environment) },
                "locations": finding.place.iter().filter_map(|place| location(directory, place)).collect::<Vec<_>>(),
                "partialFingerprints": { "leaseholdDrift/v1": fingerprint::of_value(&fact) },
            })
        };
        let aside = self.accepted.iter().chain(&self.ignored).map(|aside| {
            let mut suppressed = result(&aside.listed);
            suppressed["suppressions"] =
                json!([{ "kind": "external", "status": "accepted", "justification": aside.why() }]);
            suppressed
        });
        log("drift", rules, self.listed().iter().map(result).chain(aside).collect())
    }

    /// What drifted as JUnit XML: a suite for each of the three answers, a case for each object; what is only not applied yet
    /// is skipped. An environment without drift has one case that passes.
    pub fn junit(&self) -> String {
        let listed = self.listed();
        let suite = |name: String, cases| Suite { name, properties: Vec::new(), cases };
        let of_rule = |rule: Rule| {
            let counts = listed.iter().filter(|finding| finding.rule == rule).map(case);
            let cases: Vec<Case> = counts
                .chain(self.accepted.iter().chain(&self.ignored).filter(|one| one.is_of(rule)).map(accepted))
                .collect();
            (!cases.is_empty()).then(|| suite(format!("{}: {}", self.environment, rule.text()), cases))
        };
        let mut suites: Vec<Suite> = Rule::ALL.into_iter().filter_map(of_rule).collect();
        if suites.is_empty() {
            let (class, name) = ("drift".to_owned(), "nothing drifted".to_owned());
            let nothing = Case { class, name, place: None, verdict: Verdict::Passed(Vec::new()) };
            suites.push(suite(self.environment.clone(), vec![nothing]));
        }
        document("drift", &suites)
    }

    /// Each finding: what was changed, what is not ours, what is not applied.
    pub fn listed(&self) -> Vec<Listed> {
        let changed = self.changed.iter().map(|changed| {
            let wrote = changed.commit.as_ref().map(|commit| format!("written from commit {commit}"));
            let (what, fields) = match &changed.fate {
                Fate::Gone => (format!("the {} is gone", changed.kind.name), String::new()),
                Fate::Differs(fields) => {
                    let mut page = Page::new(Colour::Never);
                    page.changed_fields(fields);
                    (format!("the {} was changed behind our back", changed.kind.name), page.out)
                }
            };
            let fields = fields.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
            let told = self.told_of(Rule::Changed, &changed.path);
            let more = told.into_iter().chain(fields).chain(changed.remark()).chain(wrote).collect();
            let level = self.level(Rule::Changed, &changed.path);
            Listed {
                rule: Rule::Changed,
                level,
                path: changed.path.clone(),
                what,
                more,
                place: Some(changed.place.clone()),
            }
        });
        let foreign = self.foreign.iter().map(|foreign| {
            let what = format!("the {} is not ours", foreign.kind);
            let more = foreign.declared.iter().map(|_| "it is declared, and was not made from these files".to_owned());
            Listed {
                rule: Rule::NotOurs,
                level: self.level(Rule::NotOurs, &foreign.path),
                path: foreign.path.clone(),
                what,
                more: self.told_of(Rule::NotOurs, &foreign.path).into_iter().chain(more).collect(),
                place: foreign.declared.clone(),
            }
        });
        let pending = self.pending.iter().map(|pending| {
            let what = match &pending.configured {
                Some(_) => {
                    format!("the server's configuration has to {} the {}", pending.action.word(), pending.kind.name)
                }
                None => format!("an apply would {} the {}", pending.action.word(), pending.kind.name),
            };
            let more = pending.changed.then(|| "it was changed behind our back, too".to_owned());
            let there = pending.configured.iter().map(|(what, stanza)| format!("{what}:\n{stanza}"));
            let more = more.into_iter().chain(there).collect();
            let level = Rule::Pending.level();
            Listed {
                rule: Rule::Pending,
                level,
                path: pending.path.clone(),
                what,
                more,
                place: Some(pending.place.clone()),
            }
        });
        changed.chain(foreign).chain(pending).collect()
    }
}

/// One that does not count is skipped, whatever it is.
fn accepted(aside: &Aside) -> Case {
    let case = case(&aside.listed);
    match case.verdict {
        Verdict::Failed(what, more) | Verdict::Skipped(what, more) => {
            let more = [aside.why()].into_iter().chain(more).collect();
            Case { verdict: Verdict::Skipped(what, more), ..case }
        }
        Verdict::Passed(_) => case,
    }
}

fn case(finding: &Listed) -> Case {
    let (what, more) = (finding.what.clone(), finding.more.clone());
    Case {
        class: finding.rule.id().to_owned(),
        name: finding.path.clone(),
        place: finding.place.clone(),
        verdict: if finding.is_failure() { Verdict::Failed(what, more) } else { Verdict::Skipped(what, more) },
    }
}
