//! The review as a comment on a pull request.
//!
//! The first line is a marker that readers don't see: a step of a pipeline finds its earlier comment by it
//! and writes over it. Every text from files is escaped, so that a name can't make a link or a mention.

use super::section::{self, SECTIONS};
use crate::guardrail::Judged;
use crate::guardrail::Severity;
use crate::review::escape::{code, markdown as plain};
use crate::review::finding::{Finding, Subject};
use crate::review::report::{Environment, Review};
use crate::review::{describe, words};

/// The marker of the comment.
pub const MARKER: &str = "<!-- leasehold-review -->";

/// Bytes that GitHub takes in a comment, with some room left for a step that adds to it.
const LENGTH_MAX: usize = 60_000;

impl Review {
    /// The review as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("{MARKER}\n### {}\n\n", headline(self));
        for (names, environment) in section::groups(self) {
            let names: Vec<String> = names.iter().map(|name| code(name)).collect();
            out.push_str(&format!("**Environment {}**\n\n", names.join(", ")));
            let gains: Vec<&Finding> = environment.gains().collect();
            table(&gains, &mut out);
            guardrails(environment, &mut out);
            rest(environment, &mut out);
        }
        if out.len() > LENGTH_MAX {
            let end = out.char_indices().map(|(at, _)| at).take_while(|at| *at <= LENGTH_MAX).last().unwrap_or(0);
            let line = out[..end].rfind('\n').unwrap_or(0);
            out.truncate(line);
            let open = out.matches("<details>").count() - out.matches("</details>").count();
            out.push_str(&"\n</details>\n".repeat(open));
            out.push_str(
                "\n\n**The report is longer than a comment may be; run the command below to see all of it.**\n",
            );
        }
        out.push_str(&foot(self));
        out
    }
}

/// `IAM access review: 2 apps gain access, 1 guardrail violation`.
fn headline(review: &Review) -> String {
    let mut subjects: Vec<&Subject> =
        review.environments.iter().flat_map(Environment::gains).map(|finding| &finding.subject).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let of = |is: fn(&Subject) -> bool| subjects.iter().filter(|subject| is(subject)).count();
    let sorts = [
        (of(|subject| matches!(subject, Subject::App(_))), "app"),
        (of(|subject| matches!(subject, Subject::User(_))), "user"),
        (of(|subject| matches!(subject, Subject::Group(_))), "group"),
    ];
    let somebody: usize = sorts.iter().map(|(count, _)| count).sum();
    let who = || {
        let counted = sorts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| words::count(*count, word));
        words::listed(&counted.collect::<Vec<_>>())
    };
    let gained = match (somebody, subjects.len()) {
        (0, 0) => "nothing is gained".to_owned(),
        (0, others) => format!("{} loosened", words::count(others, "setting")),
        (1, _) => format!("{} gains access", who()),
        _ => format!("{} gain access", who()),
    };
    let stops: usize = review.environments.iter().map(|environment| environment.stops().count()).sum();
    let violated = if stops == 0 { String::new() } else { format!(", {}", words::count(stops, "guardrail violation")) };
    format!("Access review: {gained}{violated}")
}

fn table(findings: &[&Finding], out: &mut String) {
    if findings.is_empty() {
        out.push_str("Nobody gains anything.\n\n");
        return;
    }
    out.push_str("| who | change | what | level | where |\n|---|---|---|---|---|\n");
    for finding in findings {
        let who = finding.subject.to_string();
        let what = match &finding.access {
            Some(access) => access_cell(access),
            None => plain(&finding.what),
        };
        let what = match &finding.was {
            Some(was) => format!("{what}<br>was {}", plain(was)),
            None => what,
        };
        let what = match &finding.cannot_tell {
            Some(why) => format!("{what}<br>*can't tell:* {}", plain(why)),
            None => what,
        };
        let what = match finding.doubt() {
            Some(doubt) => format!("{what}<br>{}", plain(&doubt)),
            None => what,
        };
        let level = finding.access.as_ref().map(crate::review::finding::Access::level_words).unwrap_or_default();
        let place = finding.place.as_ref().map(|place| code(&section::place_words(place))).unwrap_or_default();
        out.push_str(&format!("| {} | {} | {what} | {level} | {place} |\n", plain(&who), finding.verb()));
    }
    out.push('\n');
    let examples: Vec<String> = findings
        .iter()
        .filter_map(|finding| {
            let witness = finding.witness.as_ref()?;
            Some(format!("- {}: {}\n", plain(&finding.subject.to_string()), code(&section::request(witness))))
        })
        .collect();
    if !examples.is_empty() {
        out.push_str("<details><summary>Requests denied before and allowed now</summary>\n\n");
        out.push_str(&examples.concat());
        out.push_str("\n</details>\n\n");
    }
}

/// Actions, resources and conditions, each as code.
fn access_cell(access: &crate::review::finding::Access) -> String {
    let codes = |items: &[String]| items.iter().map(|item| code(item)).collect::<Vec<_>>();
    let actions = describe::scope(access.actions_negated, &codes(&access.actions));
    let resources = describe::scope(access.resources_negated, &codes(&access.resources));
    let conditions = match access.conditions.as_slice() {
        [] => String::new(),
        conditions => format!("<br>{}", plain(&describe::only_if(conditions))),
    };
    format!("{actions} on {resources}{conditions}")
}

fn guardrails(environment: &Environment, out: &mut String) {
    let violation = |judged: &Judged, out: &mut String| {
        let violation = &judged.violation;
        let severity = match violation.severity {
            Severity::Deny => "violated",
            Severity::Warn => "warning",
            Severity::Low => "low",
        };
        let place = violation.place.as_deref().map(|place| format!(" ({})", code(place))).unwrap_or_default();
        let old = if judged.introduced { "" } else { " (not by this change)" };
        out.push_str(&format!(
            "- **{}** {severity}: {}: {}{place}{old}\n",
            plain(&violation.guardrail),
            plain(&violation.subject.to_string()),
            plain(&violation.what)
        ));
        if let Some(fix) = violation.fix.as_deref().filter(|_| violation.severity != Severity::Low) {
            out.push_str(&format!("  - {}\n", plain(fix)));
        }
    };
    let (low, weighty): (Vec<&Judged>, Vec<&Judged>) =
        environment.violations.iter().partition(|judged| judged.violation.severity == Severity::Low);
    if !weighty.is_empty() {
        out.push_str("**Guardrails**\n\n");
        weighty.into_iter().for_each(|judged| violation(judged, out));
        out.push('\n');
    }
    if !low.is_empty() {
        let count = words::count(low.len(), "guardrail");
        out.push_str(&format!(
            "<details><summary>{count} of low weight: it depends on what else the account holds</summary>\n\n"
        ));
        low.into_iter().for_each(|judged| violation(judged, out));
        out.push_str("\n</details>\n\n");
    }
}

/// What nobody gains by, folded.
fn rest(environment: &Environment, out: &mut String) {
    let others = environment.findings.iter().filter(|finding| !finding.gains).count();
    let summary = match others {
        0 => "Not evaluated".to_owned(),
        others => format!("{} nobody gains by, and what was not evaluated", words::count(others, "change")),
    };
    out.push_str(&format!("<details><summary>{summary}</summary>\n\n"));
    for section in SECTIONS {
        let findings: Vec<_> = section.findings(environment).into_iter().filter(|finding| !finding.gains).collect();
        if findings.is_empty() {
            continue;
        }
        out.push_str(&format!("**{}**\n\n", section.title));
        for finding in findings {
            let place = finding.place.as_ref().map(|place| format!(" ({})", code(&section::place_words(place))));
            out.push_str(&format!(
                "- {}: {}{}\n",
                plain(&super::text::title(finding)),
                plain(&finding.what),
                place.unwrap_or_default()
            ));
            for detail in finding.details() {
                out.push_str(&format!("  - {}\n", plain(&detail)));
            }
        }
        out.push('\n');
    }
    if !environment.not_evaluated.is_empty() {
        out.push_str("**Not evaluated**\n\n");
        for what in &environment.not_evaluated {
            out.push_str(&format!("- {}\n", plain(what)));
        }
        out.push('\n');
    }
    out.push_str("</details>\n\n");
}

fn foot(review: &Review) -> String {
    let name =
        |revision: &crate::review::report::Revision| revision.commit.clone().unwrap_or_else(|| revision.name.clone());
    let command = match review.before.commit {
        Some(_) => format!("leasehold review {}..{}", name(&review.before), name(&review.after)),
        None => "leasehold review --against live".to_owned(),
    };
    format!("Reproduce: {} · catalogue {} · review `{}`\n", code(&command), review.catalogue, review.digest())
}
