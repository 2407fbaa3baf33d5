//! The review as one HTML file: no scripts, nothing loaded, readable on paper. What is found in one environment is also a part
//! of other pages.

use super::section::{self, SECTIONS};
use crate::guardrail::Judged;
use crate::guardrail::Severity;
use crate::review::escape::html as safe;
use crate::review::finding::Finding;
use crate::review::page;
use crate::review::report::{Environment, Review};

impl Review {
    /// The review as HTML.
    pub fn html(&self) -> String {
        let title = format!("Policy review of {} .. {}", self.before.label(), self.after.label());
        let class = match self.exit_code() {
            3 => "stop",
            2 => "look",
            _ => "good",
        };
        let mut out = format!("<p class=\"verdict {class}\">{}</p>\n", safe(&section::verdict(self)));
        for (names, environment) in section::groups(self) {
            out.push_str(&format!("<h2>Environment {}</h2>\n{}", safe(&names.join(", ")), environment.html()));
        }
        out.push_str(&format!(
            "<p class=\"details\">Catalogue of actions {}. Report <code>{}</code>.</p>\n",
            safe(&self.catalogue),
            self.digest()
        ));
        page::plain(&title, &out)
    }
}

impl Environment {
    /// What is found here as a part of a page: what gives somebody something comes first.
    pub(crate) fn html(&self) -> String {
        let mut out = String::new();
        if self.findings.is_empty() && self.violations.is_empty() {
            out.push_str("<p>Nothing changes.</p>\n");
        }
        if !self.violations.is_empty() {
            out.push_str("<div class=\"group\">\n<h3>Guardrails</h3>\n");
            self.violations.iter().for_each(|judged| violation(judged, &mut out));
            out.push_str("</div>\n");
        }
        for section in SECTIONS {
            let findings = section.findings(self);
            if findings.is_empty() {
                continue;
            }
            out.push_str(&format!("<div class=\"group\">\n<h3>{}</h3>\n", section.title));
            findings.into_iter().for_each(|one| finding(one, &mut out));
            out.push_str("</div>\n");
        }
        if !self.not_evaluated.is_empty() {
            out.push_str("<h3>Not evaluated</h3>\n<ul>\n");
            for what in &self.not_evaluated {
                out.push_str(&format!("<li>{}</li>\n", safe(what)));
            }
            out.push_str("</ul>\n");
        }
        out
    }
}

fn finding(finding: &Finding, out: &mut String) {
    let class = if finding.gains { "item finding gain" } else { "item finding" };
    out.push_str(&format!(
        "<div class=\"{class}\"><span class=\"tag\">{}</span><span class=\"who\">{}</span>: <code>{}</code>",
        finding.verb(),
        safe(&super::text::title(finding)),
        safe(&finding.what)
    ));
    if let Some(access) = &finding.access {
        out.push_str(&format!(" ({})", safe(&access.level_words())));
    }
    if let Some(place) = &finding.place {
        out.push_str(&format!(" <span class=\"place\">{}</span>", safe(&section::place_words(place))));
    }
    list(&finding.details(), out);
    out.push_str("</div>\n");
}

fn violation(judged: &Judged, out: &mut String) {
    let violation = &judged.violation;
    let (class, tag) = match violation.severity {
        Severity::Deny => ("item finding stop", "deny"),
        Severity::Warn => ("item finding gain", "warn"),
        Severity::Low => ("item finding", "low"),
    };
    let old = if judged.introduced { "" } else { " (not by this change)" };
    out.push_str(&format!(
        "<div class=\"{class}\"><span class=\"tag\">{tag}</span><span class=\"who\">{}</span>: {}: {}{old}",
        safe(&violation.guardrail),
        safe(&violation.subject.to_string()),
        safe(&violation.what)
    ));
    if let Some(place) = &violation.place {
        out.push_str(&format!(" <span class=\"place\">{}</span>", safe(place)));
    }
    let witness = violation.witness.as_ref().map(|witness| format!("example: {}", section::request(witness)));
    let lines: Vec<String> = witness.into_iter().chain(violation.fix.clone()).collect();
    list(&lines, out);
    out.push_str("</div>\n");
}

fn list(lines: &[String], out: &mut String) {
    if lines.is_empty() {
        return;
    }
    out.push_str("<ul class=\"details\">\n");
    for line in lines {
        out.push_str(&format!("<li>{}</li>\n", safe(line)));
    }
    out.push_str("</ul>\n");
}
