//! Drift as an issue or a comment.

use super::{Aside, Drift, Fate, Rule};
use crate::plan::{Page, fenced, section, short};
use crate::review::Colour;
use crate::review::escape::{code, markdown as plain};

/// The marker by which a later run finds the issue or comment of an earlier one. Readers don't see it.
const MARKER: &str = "<!-- leasehold-drift -->";

/// Bytes of the changed objects, and of each other part. Together they stay below 65,536, which is what GitHub takes.
const CHANGED_BYTES_MAX: usize = 20_000;
const PART_BYTES_MAX: usize = 6_000;

impl Drift {
    /// What drifted, as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("{MARKER}\n### Drift in {}\n\n{}\n", code(&self.environment), self.summary());
        section("Changed behind our back", CHANGED_BYTES_MAX, &self.changed, &mut out, |changed| {
            let gone = if matches!(changed.fate, Fate::Gone) { ", is gone" } else { "" };
            let level = self.level_words(Rule::Changed, &changed.path);
            let wrote = changed.commit.as_ref().map(|commit| format!(", written from {}", code(&short(commit))));
            let both = changed.remark().map_or_else(String::new, |remark| format!("; {remark}"));
            let (kind, path, place) = (changed.kind.name, code(&changed.path), code(&changed.place.to_string()));
            let told = self.told_markdown(Rule::Changed, &changed.path);
            let line = format!("- {kind} {path}{gone}{level} ({place}{}){both}\n{told}", wrote.unwrap_or_default());
            match &changed.fate {
                Fate::Differs(fields) => {
                    let mut page = Page::new(Colour::Never);
                    page.changed_fields(fields);
                    line + &fenced(&page.out, "  ")
                }
                Fate::Gone => line,
            }
        });
        if let Some(review) = self.review.as_ref().filter(|review| !review.findings.is_empty()) {
            let gains: Vec<_> = review.gains().collect();
            section("Access gained by that", PART_BYTES_MAX, &gains, &mut out, |finding| {
                let unsure = finding.cannot_tell.as_ref().map(|why| format!(" (can't tell: {})", plain(why)));
                let unsure = unsure.unwrap_or_default();
                format!("- {}: {}{unsure}\n", code(&finding.subject.to_string()), plain(&finding.what))
            });
            if gains.is_empty() {
                out.push_str("\nNobody gains access by that.\n");
            }
        }
        let title = if self.refusals.is_empty() {
            "Committed, not yet applied"
        } else {
            "Not applied, and an apply is refused"
        };
        section(title, PART_BYTES_MAX, &self.pending, &mut out, |pending| {
            let both = if pending.changed { ", and changed behind our back" } else { "" };
            let (path, place) = (code(&pending.path), code(&pending.place.to_string()));
            let line = format!("- {} {} {path} ({place}{both})", pending.action.word(), pending.kind.name);
            match &pending.configured {
                Some((what, stanza)) => format!("{line}: {what}\n\n{}\n", fenced(stanza, "  ")),
                None => format!("{line}\n"),
            }
        });
        section("An apply of these files is refused", PART_BYTES_MAX, &self.refusals, &mut out, |refusal| {
            format!("- {}; {}\n", plain(&refusal.to_string()), plain(&refusal.hint()))
        });
        section("Not ours", PART_BYTES_MAX, &self.foreign, &mut out, |foreign| {
            let declared =
                foreign.declared.as_ref().map(|place| format!(" (declared at {})", code(&place.to_string())));
            let level = self.level_words(Rule::NotOurs, &foreign.path);
            let told = self.told_markdown(Rule::NotOurs, &foreign.path);
            format!("- {} {}{level}{}\n{told}", foreign.kind, code(&foreign.path), declared.unwrap_or_default())
        });
        section("Accepted until a day", PART_BYTES_MAX, &self.accepted, &mut out, Aside::markdown);
        section("Ignored, as the estate says", PART_BYTES_MAX, &self.ignored, &mut out, Aside::markdown);
        section("Notes", PART_BYTES_MAX, &self.notes, &mut out, |note| format!("- {}\n", plain(note)));
        out
    }

    /// What audit files tell of a finding, below it.
    fn told_markdown(&self, rule: Rule, path: &str) -> String {
        self.told_of(rule, path).iter().map(|line| format!("  - {}\n", plain(line))).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::drift::{Changed, Drift, Fate, Pending};
    use crate::object::testing::object;
    use crate::object::{Shape, aws_role};
    use crate::plan::{ChangeAction, FieldChange, Shown};

    #[test]
    fn it_fits_into_an_issue_whatever_happened() {
        let role = object(&aws_role::KIND, "aws/roles/r", &[]);
        let field = |number: usize| FieldChange {
            name: "iam_tags",
            shape: Shape::Map,
            before: Shown::Absent,
            after: Shown::Value(json!({ "tag": format!("{number} {}", "x".repeat(200)) })),
        };
        let changed = |number: usize| Changed {
            kind: role.kind,
            path: format!("aws/roles/{number}-{}", "y".repeat(60)),
            app: None,
            place: role.place.clone(),
            commit: None,
            fate: Fate::Differs((0..50).map(field).collect()),
            pending: false,
            agreed: false,
            beside_files: false,
            unsettled: false,
        };
        let pending = |number: usize| Pending {
            action: ChangeAction::Create,
            kind: role.kind,
            path: format!("aws/roles/{number}-{}", "z".repeat(60)),
            app: None,
            place: role.place.clone(),
            changed: false,
            configured: None,
        };
        let drift = Drift {
            environment: "prod".to_owned(),
            commit: None,
            changed: (0..2000).map(changed).collect(),
            pending: (0..2000).map(pending).collect(),
            foreign: Vec::new(),
            accepted: Vec::new(),
            ignored: Vec::new(),
            attribution: None,
            levels: std::collections::BTreeMap::new(),
            refusals: Vec::new(),
            review: None,
            notes: vec!["a note".repeat(20); 2000],
        };
        let text = drift.markdown();
        assert!(text.len() < 65_536 && text.len() > 20_000, "{}", text.len());
        assert_eq!(text.matches("\n- and ").count(), 3, "{text}");
    }
}
