//! Much drift, for people: what there is of each sort, and who gains what, on one page. All of it is in [`Drift::text`].

use anstyle::Style;

use super::{Aside, Changed, Drift, Fate, Foreign, Rule};
use crate::plan::{Page, WHOLE_MAX, escape, files_of};
use crate::review::Colour;

/// Lines of each part, so that all parts fit on a page of sixty.
const CHANGED_MAX: usize = 12;
const FOREIGN_MAX: usize = 8;
const ASIDE_MAX: usize = 4;
const REFUSALS_MAX: usize = 4;
const NOTES_MAX: usize = 4;

impl Drift {
    /// What drifted as people read it at its size: whole if it is little or that is asked for, else summed up.
    pub fn page(&self, colour: Colour, verbose: bool) -> String {
        let found = self.changed.len()
            + self.pending.len()
            + self.foreign.len()
            + self.accepted.len()
            + self.ignored.len()
            + self.refusals.len();
        match verbose || found <= WHOLE_MAX {
            true => self.text(colour),
            false => self.summed_up(colour),
        }
    }

    fn summed_up(&self, colour: Colour) -> String {
        let mut page = Page::new(colour);
        page.line(&format!("Environment {}, {}.", escape(&self.environment), files_of(self.commit.as_deref())));
        page.part("CHANGED BEHIND OUR BACK", CHANGED_MAX, &self.changed, |one| {
            changed(one) + &self.level_words(Rule::Changed, &one.path)
        });
        if let Some(review) = self.review.as_ref().filter(|review| !review.findings.is_empty()) {
            page.gains(review);
        }
        if !self.pending.is_empty() {
            page.line("");
            page.line(&format!("{}:", self.pending_title()));
            page.counts(self.pending.iter().map(|pending| (pending.kind, pending.action)));
        }
        let refusals: Vec<String> = self.refusals.iter().map(|refusal| escape(&refusal.to_string())).collect();
        page.part("WHY AN APPLY IS REFUSED", REFUSALS_MAX, &refusals, Clone::clone);
        page.part("NOT OURS", FOREIGN_MAX, &self.foreign, |one| {
            foreign(one) + &self.level_words(Rule::NotOurs, &one.path)
        });
        page.part("ACCEPTED UNTIL A DAY", ASIDE_MAX, &self.accepted, Aside::line);
        page.part("IGNORED, AS THE ESTATE SAYS", ASIDE_MAX, &self.ignored, Aside::line);
        page.line("");
        for note in self.notes.iter().take(NOTES_MAX) {
            page.line(&format!("Note: {}", escape(note)));
        }
        if self.notes.len() > NOTES_MAX {
            page.line(&format!("And {} more notes.", self.notes.len() - NOTES_MAX));
        }
        page.line("This sums up much drift: --verbose shows all of it.");
        page.painted(Style::new().bold(), &self.summary());
        page.out
    }

    /// Over what was not applied.
    pub(super) fn pending_title(&self) -> &'static str {
        match self.refusals.is_empty() {
            true => "COMMITTED, NOT YET APPLIED",
            false => "NOT APPLIED, AND AN APPLY IS REFUSED",
        }
    }
}

fn changed(changed: &Changed) -> String {
    let fields = match &changed.fate {
        Fate::Gone => "is gone".to_owned(),
        Fate::Differs(fields) => fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", "),
    };
    let place = escape(&changed.place.to_string());
    format!("{} {}: {fields} ({place})", changed.kind.name, escape(&changed.path))
}

fn foreign(foreign: &Foreign) -> String {
    format!("{} {}", foreign.kind, escape(&foreign.path))
}
