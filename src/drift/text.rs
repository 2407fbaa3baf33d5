//! Drift for people at a terminal. Colour never carries meaning alone.

use anstyle::{AnsiColor, Style};

use super::{Changed, Drift, Fate, Foreign, Pending, Rule};
use crate::plan::{Page, Refusal, escape, files_of, short};
use crate::review::Colour;

impl Drift {
    /// What drifted as text, ending with the summary line.
    pub fn text(&self, colour: Colour) -> String {
        let mut page = Page::new(colour);
        let files = files_of(self.commit.as_deref());
        page.line(&format!("Environment {}, {files}.", escape(&self.environment)));
        page.section("CHANGED BEHIND OUR BACK", &self.changed, |page, one| {
            page.changed(one, &self.level_words(Rule::Changed, &one.path));
            page.told(&self.told_of(Rule::Changed, &one.path));
        });
        if let Some(review) = self.review.as_ref().filter(|review| !review.findings.is_empty()) {
            page.line("");
            page.line("What that does to access:");
            page.review(review);
        }
        page.section(self.pending_title(), &self.pending, Page::pending);
        page.section("WHY AN APPLY IS REFUSED", &self.refusals, Page::refusal);
        page.section("NOT OURS", &self.foreign, |page, one| {
            page.foreign(one, &self.level_words(Rule::NotOurs, &one.path));
            page.told(&self.told_of(Rule::NotOurs, &one.path));
        });
        page.section("ACCEPTED UNTIL A DAY", &self.accepted, Page::aside);
        page.section("IGNORED, AS THE ESTATE SAYS", &self.ignored, Page::aside);
        page.line("");
        for note in &self.notes {
            page.line(&format!("Note: {}", escape(note)));
        }
        page.painted(Style::new().bold(), &self.summary());
        page.out
    }
}

impl Page {
    fn section<T>(&mut self, title: &str, all: &[T], one: impl Fn(&mut Self, &T)) {
        if !all.is_empty() {
            self.line("");
            self.painted(Style::new().bold(), title);
            all.iter().for_each(|item| one(self, item));
        }
    }

    fn changed(&mut self, changed: &Changed, level: &str) {
        let wrote = match &changed.commit {
            Some(commit) => format!(", written from commit {}", short(commit)),
            None => String::new(),
        };
        let gone = if matches!(changed.fate, Fate::Gone) { ", is gone" } else { "" };
        let title = format!(
            "  {} {}{gone}{level}  ({}{wrote})",
            changed.kind.name,
            escape(&changed.path),
            escape(&changed.place.to_string())
        );
        self.painted(AnsiColor::Red.on_default(), &title);
        if let Fate::Differs(fields) = &changed.fate {
            self.changed_fields(fields);
        }
        if let Some(remark) = changed.remark() {
            self.line(&format!("      ! {remark}"));
        }
    }

    /// What audit files tell of it.
    fn told(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.line(&format!("      ! {line}")));
    }

    fn pending(&mut self, pending: &Pending) {
        let place = escape(&pending.place.to_string());
        let both = if pending.changed { ", and changed behind our back" } else { "" };
        let (marker, path) = (pending.action.marker(), escape(&pending.path));
        self.line(&format!("  {marker} {} {path}  ({place}{both})", pending.kind.name));
        if let Some((what, stanza)) = &pending.configured {
            self.stanza(what, stanza);
        }
    }

    fn refusal(&mut self, refusal: &Refusal) {
        self.line(&format!("  {}", escape(&refusal.to_string())));
        self.line(&format!("    = help: {}", escape(&refusal.hint())));
    }

    fn foreign(&mut self, foreign: &Foreign, level: &str) {
        let declared = match &foreign.declared {
            Some(place) => format!("  (declared at {}, and not made from these files)", escape(&place.to_string())),
            None => String::new(),
        };
        self.line(&format!("  {} {}{level}{declared}", foreign.kind, escape(&foreign.path)));
    }
}
