//! The review for people at a terminal. Colour never carries meaning alone.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::section::{self, SECTIONS};
use crate::guardrail::Judged;
use crate::guardrail::Severity;
use crate::review::finding::{Finding, Subject};
use crate::review::report::{Environment, Presence, Review};
use crate::review::words;
use crate::text::one_line;

/// Whether to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With ANSI colours.
    Always,
}

impl Review {
    /// The review as text, ending with the verdict.
    pub fn text(&self, colour: Colour) -> String {
        let mut page = Page { out: String::new(), colour };
        let title = format!("Policy review of {} .. {}", self.before.label(), self.after.label());
        page.painted(Style::new().bold(), &title);
        page.line(&head(self));
        for (names, environment) in section::groups(self) {
            page.environment(&names, environment);
            if self.environments.len() > 1 {
                page.line("");
                page.line(&format!("Review of {} {}.", names.join(", "), environment.digest()));
            }
        }
        page.line("");
        page.line(&format!("Review {}.", self.digest()));
        page.painted(Style::new().bold(), &format!("{} Exit code {}.", section::verdict(self), self.exit_code()));
        page.out
    }
}

impl Environment {
    /// What is found here as text, without a heading: part of a plan.
    pub fn text(&self, colour: Colour) -> String {
        let mut page = Page { out: String::new(), colour };
        page.findings(self);
        page.out
    }
}

/// `Catalogue 2026-09-26, 3 files differ.`
fn head(review: &Review) -> String {
    let files = match review.files {
        Some(0) => ", no file differs".to_owned(),
        Some(1) => ", 1 file differs".to_owned(),
        Some(files) => format!(", {} differ", words::count(files, "file")),
        None => String::new(),
    };
    format!("Catalogue of actions {}{files}.", review.catalogue)
}

struct Page {
    out: String,
    colour: Colour,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(&one_line(text));
        self.out.push('\n');
    }

    fn painted(&mut self, style: Style, text: &str) {
        let text = one_line(text);
        match self.colour {
            Colour::Never => self.out.push_str(&text),
            // Writing to a string cannot fail.
            Colour::Always => drop(write!(self.out, "{style}{text}{style:#}")),
        }
        self.out.push('\n');
    }

    fn environment(&mut self, names: &[&str], environment: &Environment) {
        self.line("");
        let presence = match environment.presence {
            Presence::Both => "",
            Presence::Before => ", which is no longer declared",
            Presence::After => ", which is new",
        };
        let noun = if names.len() == 1 { "Environment" } else { "Environments" };
        let size = [words::count(environment.apps, "app"), words::count(environment.roles, "role")].join(", ");
        self.line(&format!("{noun} {}{presence}: {size}.", names.join(", ")));
        self.findings(environment);
        if !environment.not_evaluated.is_empty() {
            self.line("");
            self.painted(Style::new().bold(), "NOT EVALUATED");
            environment.not_evaluated.iter().for_each(|what| self.line(&format!("  {what}")));
        }
    }

    fn findings(&mut self, environment: &Environment) {
        for section in SECTIONS {
            let findings = section.findings(environment);
            if findings.is_empty() {
                continue;
            }
            self.line("");
            self.painted(Style::new().bold(), &section.title.to_uppercase());
            let mut subject: Option<(&Subject, Option<&String>)> = None;
            for finding in findings {
                if subject != Some((&finding.subject, finding.role.as_ref())) {
                    subject = Some((&finding.subject, finding.role.as_ref()));
                    self.line(&format!("  {}", title(finding)));
                }
                self.finding(finding);
            }
        }
        if !environment.violations.is_empty() {
            self.line("");
            self.painted(Style::new().bold(), "GUARDRAILS");
            environment.violations.iter().for_each(|judged| self.violation(judged));
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let mut text = format!("    {} {}", finding.marker(), finding.what);
        if let Some(access) = &finding.access {
            let _ = write!(text, "  ({})", access.level_words());
        }
        if matches!(finding.topic, crate::review::finding::Topic::AccessWidened) {
            text.push_str("  WIDENED");
        }
        if let Some(place) = &finding.place {
            let _ = write!(text, "  {}", section::place_words(place));
        }
        self.painted(style(finding), &text);
        for line in finding.details() {
            self.line(&format!("        {line}"));
        }
    }

    fn violation(&mut self, judged: &Judged) {
        let violation = &judged.violation;
        let marker = match violation.severity {
            Severity::Deny => 'x',
            Severity::Warn => '!',
            Severity::Low => '.',
        };
        let old = if judged.introduced { "" } else { "  (not by this change)" };
        let mut text = format!("  {marker} {}: {}: {}{old}", violation.guardrail, violation.subject, violation.what);
        if let Some(place) = &violation.place {
            let _ = write!(text, "  {place}");
        }
        let colour = match violation.severity {
            Severity::Deny => AnsiColor::Red,
            Severity::Warn | Severity::Low => AnsiColor::Yellow,
        };
        self.painted(colour.on_default(), &text);
        // There may be many of these, and whether they matter depends on what else the account holds.
        if violation.severity == Severity::Low {
            return;
        }
        if let Some(witness) = &violation.witness {
            self.line(&format!("        example: {}", section::request(witness)));
        }
        if let Some(fix) = &violation.fix {
            self.line(&format!("        fix: {fix}"));
        }
    }
}

/// `app payments, through role aws/billing`.
pub(in crate::review) fn title(finding: &Finding) -> String {
    match (&finding.subject, &finding.role) {
        (Subject::Role(_), _) => format!("{}, which no app has", finding.subject),
        (subject, Some(role)) => format!("{subject}, through role {role}"),
        (subject, None) => subject.to_string(),
    }
}

fn style(finding: &Finding) -> Style {
    let colour = match finding.marker() {
        '+' | '?' => AnsiColor::Yellow,
        '~' if finding.gains => AnsiColor::Yellow,
        '-' => AnsiColor::Cyan,
        _ => return Style::new(),
    };
    colour.on_default()
}
